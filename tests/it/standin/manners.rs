//! Login, addresses, cookies and limits.

use std::time::Duration;

use extend_edge::standin::{Notification, Options, RateGroup, signature, webhook_body};
use jiff::SignedDuration;

use super::{sample, with_options};

#[test]
fn a_wrong_login_is_401() {
    let (_standin, mut api) = sample();
    api.login = "Basic bm9ib2R5Om5vdGhpbmc=".to_owned();
    let answer = api.get("Products");
    assert_eq!(answer.status, 401);
    assert!(answer.message().contains("denied"));
}

#[test]
fn a_cookie_is_400() {
    let (standin, api) = sample();
    let url = format!("{}/v1_0/demo/Products", standin.base_url());
    let answer = api
        .agent
        .get(url)
        .header("ExtendBasicAuthorization", &api.login)
        .header("Cookie", "session=1")
        .call()
        .expect("an answer");
    assert_eq!(answer.status(), 400);
}

#[test]
fn an_unknown_tenant_or_resource_is_404_and_a_wrong_method_405() {
    let (standin, api) = sample();
    let url = format!("{}/v1_0/another/Products", standin.base_url());
    let answer = api.agent.get(url).header("ExtendBasicAuthorization", &api.login).call();
    assert_eq!(answer.expect("an answer").status(), 404);
    assert_eq!(api.get("Nothing").status, 404);
    let openapi = crate::support::openapi::OpenApi::load();
    for record in standin.requests() {
        assert_eq!(record.status, Some(404));
        assert!(!openapi.check_record(&record, &[]).is_empty(), "{record:?}");
    }
    assert_eq!(api.delete("Products/8010").status, 405);
}

#[test]
fn an_id_is_one_segment_with_escapes() {
    let (standin, api) = sample();
    for (path, number) in [("Products/8100%2F2", "8100/2"), ("Products/Sk%C3%A5p%2060%20%232", "Skåp 60 #2")]
    {
        assert_eq!(api.get(path).json()["productNumber"], number);
        assert_eq!(standin.requests().last().and_then(|record| record.id.clone()).as_deref(), Some(number));
    }
    assert_eq!(api.get("Products/8100/2").status, 404);
}

#[test]
fn every_answer_says_how_much_is_left_and_past_it_is_429() {
    let (standin, api) = with_options(Options { limit_per_minute: 3, ..Options::default() });
    let first = api.get("Products");
    assert_eq!(first.number("x-ratelimit-limit"), 3);
    assert_eq!(first.number("x-ratelimit-remaining"), 2);
    let reset = first.number("x-ratelimit-reset");
    let now = standin.world().now().as_second();
    assert!((now..=now + 60).contains(&reset), "{reset} is not in the next minute of {now}");
    api.get("Products");
    assert_eq!(api.get("Customers").number("x-ratelimit-remaining"), 0, "one limit for the group");
    let past = api.get("Products");
    assert_eq!(past.status, 429);
    assert!(past.number("retry-after") > 0);
    assert_eq!(past.number("x-ratelimit-remaining"), 0);
    assert_eq!(api.get("ReturnOrderRowCodes").status, 200, "another group");
    standin.world().shift_clock(SignedDuration::from_secs(61));
    assert_eq!(api.get("Products").status, 200, "another minute");
}

#[test]
fn others_of_the_tenant_use_the_limit_too() {
    let (standin, api) = with_options(Options { retry_after: false, ..Options::default() });
    standin.spend_limit(RateGroup::Standard, 299);
    assert_eq!(api.get("Products").number("x-ratelimit-remaining"), 0);
    let past = api.get("Products");
    assert_eq!(past.status, 429);
    assert!(!past.headers.contains_key("retry-after"));
}

#[test]
fn answers_are_dated_by_the_world() {
    let (standin, api) = sample();
    standin.world().clock().set("2031-02-03T04:05:06Z".parse().expect("a time"));
    let date = api.get("Products").headers["date"].to_str().expect("text").to_owned();
    assert!(date.starts_with("Mon, 03 Feb 2031 04:"), "{date}");
    assert!(date.ends_with(" GMT"), "{date}");
}

#[test]
fn requests_are_recorded() {
    let (standin, api) = sample();
    api.get("Products?pageCount=1");
    api.post("CustomerOrders", &super::order("W-1", "8010", 1));
    let records = standin.requests();
    assert_eq!(standin.request_count(), 2);
    assert_eq!((records[0].method.as_str(), records[0].resource.as_str()), ("GET", "Products"));
    assert_eq!((records[0].query.as_str(), records[0].status), ("pageCount=1", Some(200)));
    assert!(records[1].request_body.starts_with(b"{\"orderHeader\""));
    assert!(records[1].response_body.windows(7).any(|part| part == b"OC-1001"));
    standin.forget_requests();
    standin.keep_bodies(false);
    api.post("CustomerOrders", &super::order("W-2", "8010", 1));
    assert_eq!(standin.request_count(), 1);
    assert!(standin.requests()[0].request_body.is_empty());
    assert!(standin.world().order("OC-1002").expect("the order").posted_bytes.is_empty());
}

#[test]
fn cut_off_refuses_and_bring_back_listens_on_the_same_port() {
    let (standin, api) = sample();
    assert_eq!(api.get("Products").status, 200);
    let base = standin.base_url();
    standin.cut_off();
    assert!(api.try_call("GET", "Products", None).is_err());
    standin.bring_back().expect("the port again");
    assert_eq!(standin.base_url(), base);
    assert_eq!(api.get("Products").status, 200);
}

#[test]
fn an_order_list_without_a_change_date_hangs_and_fails() {
    let (standin, api) = with_options(Options { hang_for: Duration::from_millis(1), ..Options::default() });
    assert_eq!(api.get("CustomerOrders").status, 500);
    assert_eq!(api.get("CustomerOrders?orderNumberExternal=W-142").status, 500);
    assert_eq!(api.get("CustomerOrders?modifiedDateFrom=2020-01-01T00:00:00").status, 200);
    drop(standin);
    // The hang ends with the stand-in, so that a test never waits for it.
    let (standin, api) = with_options(Options { hang_for: Duration::from_secs(1000), ..Options::default() });
    let hanging = std::thread::spawn(move || api.try_call("GET", "CustomerOrders", None).is_err());
    while standin.request_count() == 0 {
        std::thread::yield_now();
    }
    drop(standin);
    assert!(hanging.join().expect("no panic"));
}

#[test]
fn webhooks_are_signed_and_sent_again_with_the_same_id() {
    use extend_edge::web::{Limits, Request, Response, Server};
    let (got, bodies) = std::sync::mpsc::channel();
    let receive = move |request: &Request| {
        if request.method == "GET" {
            return Response::text(200, request.query.trim_start_matches("echo=")).into();
        }
        let signed = request.header("ms-signature") == Some(signature("secret123", &request.body).as_str());
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        let status = if body["Attempt"] == 1 { 500 } else { 200 };
        got.send((signed, body)).expect("a listener");
        Response::text(status, "").into()
    };
    let server = Server::start("hooks", "127.0.0.1:0", Limits::default(), jiff::Timestamp::now, receive)
        .expect("a server");
    let url = format!("http://{}/webhooks/extend", server.address());
    let (standin, _api) = sample();
    assert!(standin.shake_hands(&url));
    let picked = Notification::new("OrderPicked", "OrderNumber", "OC-142");
    let first = standin.send_webhook(&url, vec![picked.clone()]);
    assert_eq!((first.status, first.is_over()), (Some(500), false));
    let second = standin.send_again(first.clone());
    assert_eq!((second.status, second.is_over()), (Some(200), true));
    for attempt in 1..=2 {
        let (signed, body) = bodies.recv().expect("a webhook");
        assert!(signed);
        let expected = webhook_body(&first.id, attempt, std::slice::from_ref(&picked));
        assert_eq!(body, serde_json::from_slice::<serde_json::Value>(&expected).expect("JSON"));
        assert_eq!(first.id.len(), 32);
    }
}
