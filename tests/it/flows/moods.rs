//! Extend's moods: wrong logins, limits, deadlocks, proxies. Nothing is lost and nobody is blamed.

use std::time::{Duration, Instant};

use extend_edge::standin::{Fault, FaultMatcher, FaultRule, Times};

use jiff::SignedDuration;

use crate::support::shop::{PATIENCE, Plan, Shop, order};

/// An order that meets `fault` on its way arrives all the same, once, without a person.
fn arrives_in_spite_of(fault: Fault, times: u32) -> (Shop, serde_json::Value) {
    let mut shop = Plan::sample().open();
    let matcher = FaultMatcher::to("POST", "CustomerOrders").times(Times::Count(times));
    shop.extend.push_fault(FaultRule { matcher, fault });
    shop.start();
    shop.drop_json("order.json", &order("M-1", "Product-123", 1));
    let receipt = shop.wait_state("order.json", "delivered");
    assert_eq!(shop.times_at_extend("M-1"), 1);
    assert_eq!(receipt["error"], serde_json::Value::Null);
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
    (shop, receipt)
}

#[test]
fn a_deadlock_is_no_refusal() {
    let (_, receipt) = arrives_in_spite_of(Fault::Deadlock, 3);
    assert_eq!(receipt["attempts"], 4);
}

#[test]
fn an_expired_timeout_is_no_refusal() {
    let (_, receipt) = arrives_in_spite_of(Fault::TimeoutExpired, 1);
    assert_eq!(receipt["attempts"], 2);
}

#[test]
fn a_proxy_that_answers_in_html_is_no_answer() {
    for fault in [Fault::HtmlUnavailable, Fault::HtmlOk, Fault::GarbageBefore, Fault::Status(502)] {
        arrives_in_spite_of(fault, 1);
    }
}

#[test]
fn an_address_that_points_elsewhere_is_not_followed() {
    let (shop, _) = arrives_in_spite_of(Fault::Redirect("http://127.0.0.1:9/elsewhere".to_owned()), 1);
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 2);
}

/// Too many requests: nothing at all is asked until the pause is over.
fn too_many(retry_after: Option<u32>, pause: Duration) {
    // Something is always due, so that a pause shows.
    let mut shop = Plan::sample().set("balances.every_seconds", "1").open();
    shop.start();
    shop.wait("the mirror to be filled", |shop| {
        shop.number("SELECT count(*) FROM sync_state WHERE last_success_at IS NOT NULL") >= Some(6)
            && shop.number("SELECT count(*) FROM details_wanted") == Some(0)
    });
    // Extend's minute is nearly over: its headers ask for no longer a pause than a test can wait.
    shop.extend.world().shift_clock(SignedDuration::from_secs(50));
    shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::TooMany { retry_after }));
    shop.drop_json("order.json", &order("M-1", "Product-123", 1));
    shop.wait_until("order.json to be delivered", PATIENCE * 2, |shop| {
        shop.state("order.json") == "delivered"
    });
    let receipt = shop.wait_state("order.json", "delivered");
    assert_eq!(receipt["attempts"], 2);
    let posts = shop.requests("POST", "CustomerOrders");
    let waited = posts[1].at - posts[0].at;
    assert!(waited >= pause, "{waited:?} is too soon");
    let between = shop.extend.requests().into_iter().filter(|record| {
        // What was under way already may still have come.
        record.at > posts[0].at + Duration::from_millis(500) && record.at < posts[0].at + pause
    });
    assert_eq!(between.count(), 0, "requests in the pause");
    assert_eq!(shop.times_at_extend("M-1"), 1);
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
}

#[test]
fn too_many_requests_with_a_time_to_come_again() {
    // Longer than the headers ask for.
    too_many(Some(12), Duration::from_secs(12));
}

#[test]
fn too_many_requests_without_a_time_to_come_again() {
    too_many(None, Duration::from_secs(1));
}

#[test]
fn a_wrong_login_is_said_and_nothing_is_lost() {
    let mut shop = Plan::sample().set("extend.password", "\"wrong\"").open();
    shop.start();
    shop.drop_json("order.json", &order("LOGIN-1", "Product-123", 1));
    shop.wait_state("order.json", "queued");
    shop.wait("the login to be refused", |shop| {
        shop.number("SELECT count(*) FROM extend_line WHERE state = 'login_refused'") == Some(1)
    });
    let (status, code) = shop.status();
    assert_eq!((status["extend"]["state"].as_str(), code), (Some("login_refused"), Some(3)));
    let needs = &status["needsPerson"][0];
    assert_eq!(needs["code"], "login_refused");
    assert!(needs["message"].as_str().is_some_and(|words| words.contains("user name and password")));
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 0, "an order is not sent with a wrong login");
    let check = shop.run(&["check"]);
    assert_eq!(check.code, Some(1));
    assert!(check.stdout.contains("password is not accepted"), "{check:?}");
    shop.stop();

    // The person mends the settings.
    let settings = shop.home().join("extend-edge.toml");
    let text = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(&settings, text.replace("\"wrong\"", &format!("{:?}", shop.extend.options().password)))
        .expect("settings");
    shop.start();
    shop.wait_state("order.json", "delivered");
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
}

#[test]
fn a_login_that_is_refused_for_a_while_flows_again_by_itself() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    shop.extend.push_fault(FaultRule::everything(Fault::Unauthorized));
    shop.drop_json("order.json", &order("LOGIN-2", "Product-123", 1));
    shop.wait("the login to be refused", |shop| {
        shop.number("SELECT count(*) FROM extend_line WHERE state = 'login_refused'") == Some(1)
    });
    assert_eq!(shop.status().1, Some(3));
    shop.wait_state("order.json", "queued");
    shop.extend.clear_faults();
    shop.wait_state("order.json", "delivered");
    assert_eq!(shop.times_at_extend("LOGIN-2"), 1);
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
}

#[test]
fn one_order_that_fails_again_and_again_holds_nobody_back() {
    let mut shop = Plan::sample().open();
    let matcher = FaultMatcher::to("POST", "CustomerOrders").times(Times::Always).containing("STUCK-1");
    shop.extend.push_fault(FaultRule { matcher, fault: Fault::ServerErrorBefore });
    shop.start();
    shop.drop_json("a.json", &order("STUCK-1", "Product-123", 1));
    shop.wait("the first failure", |shop| {
        shop.number("SELECT count(*) FROM outbox_attempts WHERE outcome = 'unclear'") >= Some(1)
    });
    for at in 0..5 {
        shop.drop_json(&format!("b-{at}.json"), &order(&format!("FREE-{at}"), "Product-123", 1));
    }
    let began = Instant::now();
    for at in 0..5 {
        shop.wait_state(&format!("b-{at}.json"), "delivered");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // A person is told in the end, and what is mended flows.
    shop.wait("a person to be needed", |shop| shop.status().0["needsPerson"][0]["code"] == "keeps_failing");
    shop.extend.clear_faults();
    shop.wait_state("a.json", "delivered");
    assert_eq!(shop.times_at_extend("STUCK-1"), 1);
    shop.wait("nobody to be needed", |shop| shop.status().1 == Some(0));
    shop.assert_described(&[]);
}

#[test]
fn an_outage_of_orders_alone_makes_no_order_fail() {
    let mut shop = Plan::sample().open();
    shop.extend.push_fault(FaultRule::always("POST", "CustomerOrders", Fault::HtmlUnavailable));
    shop.start();
    for at in 0..3 {
        shop.drop_json(&format!("{at}.json"), &order(&format!("ALONE-{at}"), "Product-123", 1));
    }
    shop.wait("every order to have failed six times, or to be given up", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE attempts < 6 AND state <> 'refused'") == Some(0)
            && shop.number("SELECT count(*) FROM outbox") == Some(3)
    });
    assert_eq!(shop.number("SELECT count(*) FROM outbox WHERE state = 'refused'"), Some(0));
    shop.extend.clear_faults();
    for at in 0..3 {
        shop.wait_state(&format!("{at}.json"), "delivered");
        assert_eq!(shop.times_at_extend(&format!("ALONE-{at}")), 1);
    }
    shop.assert_described(&[]);
}
