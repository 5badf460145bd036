//! Each fault: what the client sees, and whether the order was created all the same.

use std::time::Duration;

use extend_edge::standin::{Fault, FaultMatcher, FaultRule, StandIn, Times};

use super::{look_up, order, sample};
use crate::support::api::{Answer, Api};

/// Sends one order into a fault. Gives what came back and how many orders there are for it.
fn strike(fault: Fault) -> (Result<Answer, ureq::Error>, usize) {
    let (standin, api) = sample();
    standin.push_fault(FaultRule::once("POST", "CustomerOrders", fault));
    let answer = api.try_call("POST", "CustomerOrders", Some(&order("W-1", "8010", 1)));
    let orders = standin.world().orders_by_external("W-1").len();
    let record = standin.requests().pop().expect("a record");
    assert!(record.faulty);
    assert_eq!(record.status, answer.as_ref().ok().map(|answer| answer.status));
    assert_eq!(api.get("Products").status, 200, "the next request is served as ever");
    (answer, orders)
}

#[test]
fn broken_connections() {
    let soon = Duration::from_millis(1);
    for (fault, orders) in [
        (Fault::CloseBefore, 0),
        (Fault::Hang(soon), 0),
        (Fault::CloseAfter, 1),
        (Fault::HangAfter(soon), 1),
        (Fault::CutAnswer, 1),
    ] {
        let (answer, created) = strike(fault.clone());
        assert!(answer.is_err(), "{fault:?}");
        assert_eq!(created, orders, "{fault:?}");
    }
}

#[test]
fn wrong_answers() {
    for (fault, status, orders) in [
        (Fault::TooMany { retry_after: Some(7) }, 429, 0),
        (Fault::TooMany { retry_after: None }, 429, 0),
        (Fault::ServerErrorBefore, 500, 0),
        (Fault::ServerErrorAfter, 500, 1),
        (Fault::HtmlUnavailable, 503, 0),
        (Fault::HtmlAfter, 503, 1),
        (Fault::Deadlock, 400, 0),
        (Fault::TimeoutExpired, 400, 0),
        (Fault::Business("Fel".to_owned()), 400, 0),
        (Fault::Garbage, 200, 1),
        (Fault::GarbageBefore, 200, 0),
        (Fault::EmptyOk, 200, 1),
        (Fault::HtmlOk, 200, 0),
        (Fault::Unauthorized, 401, 0),
        (Fault::Forbidden, 403, 0),
        (Fault::Redirect("http://127.0.0.1:1/".to_owned()), 302, 0),
        (Fault::NotFound, 404, 0),
        (Fault::Status(502), 502, 0),
        (Fault::Slow(Duration::from_millis(1)), 200, 1),
    ] {
        let (answer, created) = strike(fault.clone());
        let answer = answer.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!((answer.status, created), (status, orders), "{fault:?}");
        let json = serde_json::from_slice::<serde_json::Value>(&answer.body);
        match fault {
            Fault::TooMany { retry_after: Some(seconds) } => {
                assert_eq!(answer.number("x-ratelimit-remaining"), 0);
                assert_eq!(answer.number("retry-after"), i64::from(seconds));
            }
            Fault::TooMany { retry_after: None } => assert!(!answer.headers.contains_key("retry-after")),
            Fault::Deadlock => assert!(answer.message().to_lowercase().contains("rerun the transaction")),
            Fault::TimeoutExpired => assert!(answer.message().starts_with("Timeout expired")),
            Fault::Business(message) => assert_eq!(answer.message(), message),
            Fault::EmptyOk => assert!(answer.body.is_empty()),
            Fault::Garbage | Fault::GarbageBefore => assert!(json.is_err()),
            Fault::HtmlOk | Fault::HtmlUnavailable | Fault::HtmlAfter => {
                assert!(answer.headers["content-type"].to_str().expect("text").starts_with("text/html"));
            }
            Fault::Redirect(to) => assert_eq!(answer.headers["location"], to.as_str()),
            _ => assert!(json.is_ok()),
        }
    }
}

#[test]
fn a_late_commit_shows_up_after_the_look_up() {
    let (standin, api) = sample();
    standin.push_fault(FaultRule::once(
        "POST",
        "CustomerOrders",
        Fault::CommitLater(Duration::from_secs(1000)),
    ));
    assert!(api.try_call("POST", "CustomerOrders", Some(&order("W-1", "8010", 1))).is_err());
    assert_eq!(api.get(&look_up("W-1")).json().as_array().map(Vec::len), Some(0));
    assert_eq!(standin.late_count(), 1);
    assert_eq!(standin.commit_late(), 1);
    assert_eq!(api.get(&look_up("W-1")).json().as_array().map(Vec::len), Some(1));
    standin.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::CommitLater(Duration::ZERO)));
    assert!(api.try_call("POST", "CustomerOrders", Some(&order("W-2", "8010", 1))).is_err());
    while standin.world().orders_by_external("W-2").is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn rules_say_which_requests_they_meet() {
    let statuses = |matcher: FaultMatcher| {
        let (standin, api) = sample();
        standin.push_fault(FaultRule { matcher, fault: Fault::Status(502) });
        six_calls(&standin, &api)
    };
    let to = || FaultMatcher::to("GET", "Products");
    assert_eq!(statuses(to()), [502, 200, 200, 200, 200, 200]);
    assert_eq!(statuses(to().skip(2)), [200, 200, 502, 200, 200, 200]);
    assert_eq!(statuses(to().times(Times::Count(2))), [502, 502, 200, 200, 200, 200]);
    assert_eq!(statuses(to().times(Times::Always).every(2)), [200, 502, 200, 502, 200, 502]);
    assert_eq!(statuses(to().skip(1).every(2).times(Times::Count(2))), [200, 200, 502, 200, 502, 200]);
    assert_eq!(statuses(FaultMatcher::to("POST", "Products")), [200; 6]);
    assert_eq!(statuses(FaultMatcher::to("GET", "Customers")), [200; 6]);
    assert_eq!(statuses(to().with_id(true).times(Times::Always)), [200; 6]);
    assert_eq!(statuses(to().containing("pageCount=1")), [502, 200, 200, 200, 200, 200]);
    assert_eq!(statuses(to().containing("pageCount=2")), [200; 6]);
    assert_eq!(statuses(FaultMatcher::any().times(Times::Always)), [502; 6]);
}

fn six_calls(standin: &StandIn, api: &Api) -> [u16; 6] {
    let statuses = std::array::from_fn(|_| api.get("Products?pageCount=1").status);
    standin.clear_faults();
    assert_eq!(api.get("Products?pageCount=1").status, 200);
    statuses
}

#[test]
fn latency_is_no_fault() {
    let (standin, api) = sample();
    standin.set_latency(Duration::from_millis(1));
    assert_eq!(api.get("Products").status, 200);
    assert!(!standin.requests()[0].faulty);
}
