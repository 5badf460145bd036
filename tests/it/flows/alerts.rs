//! Alarms that reach somebody: once when something needs a person, once when it is well again, also over a
//! restart; and a disk that is nearly full.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use extend_edge::web::{Limits, Request, Response, Server};
use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop, order};

/// What the command was told, message by message.
fn told(shop: &Shop) -> Vec<String> {
    let text = std::fs::read_to_string(shop.home().join("told.txt")).unwrap_or_default();
    text.split("==\n").filter(|message| !message.is_empty()).map(str::to_owned).collect()
}

/// A chat that alarms are posted to.
fn chat() -> (Server, Arc<Mutex<Vec<Value>>>) {
    let posted = Arc::new(Mutex::new(Vec::new()));
    let kept = posted.clone();
    let take = move |request: &Request| {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/T0/KEY"));
        kept.lock().expect("a lock").push(serde_json::from_slice(&request.body).expect("JSON"));
        Response::text(200, "ok").into()
    };
    let server = Server::start("chat", "127.0.0.1:0", Limits::default(), jiff::Timestamp::now, take);
    (server.expect("a chat"), posted)
}

const COMMAND: &str = "[\"sh\", \"-c\", \"{ cat; echo ==; } >> told.txt; env >> env.txt\"]";

#[cfg(unix)]
#[test]
fn each_alarm_is_told_once_and_once_when_it_is_well_also_over_a_restart() {
    let (server, posted) = chat();
    let mut shop = Plan::sample()
        .set("alert.command", COMMAND)
        .set("alert.webhook", &format!("\"http://{}/T0/KEY\"", server.address()))
        .open();
    let password = shop.extend.options().password.clone();
    shop.start_with(&[("EXTEND_EDGE_PASSWORD", &password)]);
    shop.drop_json("a.json", &order("AL-1", "No such product", 1));
    let first = shop.wait_state("a.json", "refused")["id"].to_string();
    shop.wait("the alarm", |shop| told(shop).len() == 1);
    assert!(
        told(&shop)[0].contains("one thing is wrong") && told(&shop)[0].contains("AL-1"),
        "{:?}",
        told(&shop)
    );
    shop.wait("it to be recorded", |shop| shop.number("SELECT told FROM alerts") == Some(1));

    // A loss of power: what was told is not repeated, what is new is told alone.
    shop.kill();
    shop.start();
    shop.drop_json("b.json", &order("AL-2", "No such product", 1));
    let second = shop.wait_state("b.json", "refused")["id"].to_string();
    shop.wait("the second alarm", |shop| told(shop).len() == 2);
    let message = told(&shop)[1].clone();
    assert!(message.contains("AL-2") && !message.contains("AL-1"), "{message}");
    assert!(message.contains("1 told before: still as they were."), "{message}");
    shop.wait("it to be recorded", |shop| shop.number("SELECT sum(told) FROM alerts") == Some(2));

    assert_eq!(shop.run(&["outbox", "cancel", &first, &second]).code, Some(0));
    shop.wait("the end", |shop| {
        told(shop).last().is_some_and(|message| message.contains("all is well again"))
    });
    shop.wait("it to be forgotten", |shop| shop.number("SELECT count(*) FROM alerts") == Some(0));

    let posted = posted.lock().expect("a lock").clone();
    assert_eq!(posted.len(), told(&shop).len(), "{posted:?}");
    assert_eq!(posted[0]["raised"][0]["code"], "refused");
    assert_eq!(posted[0]["text"], told(&shop)[0]);
    assert_eq!(posted.last().expect("a post")["allWell"], json!(true));
    let given = std::fs::read_to_string(shop.home().join("env.txt")).expect("what the command was given");
    assert!(
        given.contains("EXTEND_EDGE_ALERT_SUBJECT=extend-edge ") && !given.contains("EXTEND_EDGE_PASSWORD")
    );
    let log = std::fs::read_to_string(shop.home().join("agent.out")).expect("a log");
    assert!(!log.contains("/T0/KEY"), "the address is nobody's business");
    assert_eq!(shop.status().1, Some(0));
}

#[cfg(unix)]
#[test]
fn a_test_alarm_says_whether_it_reached_anybody() {
    let shop = Plan::sample().open();
    let ran = shop.run(&["alert", "test"]);
    assert_eq!((ran.code, ran.stderr.contains("[alert]")), (Some(2), true), "{ran:?}");

    let shop = Plan::sample().set("alert.command", COMMAND).open();
    let ran = shop.run(&["alert", "test"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(told(&shop)[0].contains("This is only a test"), "{:?}", told(&shop));

    let nowhere =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let shop = Plan::sample()
        .set("alert.command", "[\"sh\", \"-c\", \"echo no mail today >&2; exit 3\"]")
        .set("alert.webhook", &format!("\"http://{nowhere}/KEY\""))
        .open();
    let ran = shop.run(&["alert", "test"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no mail today") && ran.stderr.contains("the webhook"), "{ran:?}");
    assert!(!ran.stderr.contains("KEY"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn an_alarm_that_hangs_holds_up_neither_orders_nor_the_end() {
    let mut shop = Plan::sample().set("alert.command", "[\"sleep\", \"600\"]").open();
    shop.start();
    shop.drop_json("wrong.json", &order("AL-3", "No such product", 1));
    shop.wait_state("wrong.json", "refused");
    shop.wait("the alarm", |shop| shop.number("SELECT count(*) FROM alerts") == Some(1));
    shop.drop_json("right.json", &order("AL-4", "Product-123", 1));
    shop.wait_state("right.json", "delivered");
    let (status, took) = shop.signal("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_disk_is_told_before_it_is_full() {
    let mut shop = Plan::sample().set("alert.disk_free_mb", "1000000000").open();
    shop.start();
    shop.wait_up();
    let (status, code) = shop.status();
    assert_eq!((code, &status["needsPerson"][0]["code"]), (Some(3), &json!("disk_nearly_full")));
    let words = status["needsPerson"][0]["message"].as_str().expect("words");
    assert!(words.contains("is nearly full") && words.contains("MB are left"), "{words}");
    shop.drop_json("order.json", &order("AL-5", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
}
