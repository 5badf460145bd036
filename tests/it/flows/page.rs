//! The status page, asked as a browser and a program ask it: it tells what `status` tells, its buttons do what
//! the commands do, and nobody else's page can press them.

use std::net::TcpListener;

use serde_json::{Value, json};
use ureq::http::Response;

use crate::support::shop::{Plan, Shop, order};

/// A shop with a page at a port of its own.
fn plan() -> Plan {
    Plan::sample().set("status.listen", "\"127.0.0.1:0\"")
}

/// Where the page of the agent that was started last is, by its log.
pub fn url(shop: &Shop) -> String {
    let told = |shop: &Shop| -> Option<String> {
        let log = std::fs::read_to_string(shop.home().join("agent.out")).ok()?;
        let of_this_one = log.rsplit(" begins in ").next()?;
        let (_, after) = of_this_one.split_once("the status page is at ")?;
        after.split_once("/\n").map(|(url, _)| url.to_owned())
    };
    shop.wait("the status page", |shop| told(shop).is_some());
    told(shop).expect("an address")
}

struct Answer {
    status: u16,
    location: String,
    body: String,
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
}

fn answer(mut response: Response<ureq::Body>) -> Answer {
    let header = response.headers().get("location").and_then(|value| value.to_str().ok());
    let location = header.unwrap_or_default().to_owned();
    Answer {
        status: response.status().as_u16(),
        location,
        body: response.body_mut().read_to_string().expect("text"),
    }
}

fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = agent().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.call().expect("an answer"))
}

fn post(url: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
    let mut request = agent().post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.send_form(form.iter().copied()).expect("an answer"))
}

/// What the forms of a page carry.
fn token(page: &str) -> String {
    let (_, after) = page.split_once("name=\"token\" value=\"").expect("a form");
    after.split('"').next().expect("a value").to_owned()
}

#[test]
fn it_tells_what_is_wrong_and_its_buttons_do_what_the_commands_do() {
    let mut shop = plan().open();
    shop.start();
    shop.drop_json("wrong.json", &order("P-1", "No such product", 1));
    let refused = shop.wait_state("wrong.json", "refused");
    let id = refused["id"].to_string();
    let words = refused["error"]["message"].as_str().expect("words").replace('\'', "&#39;");
    let url = url(&shop);
    let front = get(&format!("{url}/"), &[]);
    assert_eq!(front.status, 200);
    assert!(front.body.contains("One thing needs a person"), "{}", front.body);
    assert!(front.body.contains(&words) && front.body.contains("Extend answers, since"), "{}", front.body);
    for outside in ["http://", "https://", "//"] {
        let linked = [format!("href=\"{outside}"), format!("src=\"{outside}")];
        assert!(linked.iter().all(|linked| !front.body.contains(linked)), "{outside}");
    }
    let token = token(&front.body);

    // Without the token, or from elsewhere, nothing is done.
    let retry = format!("{url}/outbox/{id}/retry");
    let origin = [("origin", "http://evil.example")];
    for (form, headers) in [
        (&[][..], &[][..]),
        (&[("token", "x")], &[]),
        (&[("token", token.as_str())], &origin),
        (&[("token", token.as_str())], &[("sec-fetch-site", "cross-site")]),
        (&[("token", token.as_str())], &[("host", "evil.example")]),
    ] {
        assert_eq!(post(&retry, form, headers).status, 403, "{form:?} {headers:?}");
    }
    assert_eq!(get(&retry, &[]).status, 404, "a link is no button");
    assert_eq!(get(&format!("{url}/"), &[("host", "evil.example")]).status, 403);
    assert_eq!(shop.number("SELECT count(*) FROM outbox_actions"), Some(0));

    // Retried: it is sent again, and refused again.
    let done = post(&retry, &[("token", &token)], &[("origin", &url), ("sec-fetch-site", "same-origin")]);
    assert_eq!((done.status, &*done.location), (303, &*format!("/outbox/{id}?done=retry&id={id}")));
    shop.wait("the second refusal", |shop| {
        shop.number("SELECT count(*) FROM outbox_attempts WHERE outcome = 'refused'") == Some(2)
    });
    let page = get(&format!("{url}{}", done.location), &[]);
    assert!(page.body.contains(&format!("item {id} is sent as soon as Extend answers")), "{}", page.body);
    assert!(page.body.contains("by status page"), "{}", page.body);

    // Edited: what is wrong with the correction is told, and what was typed is not lost.
    let edit = format!("{url}/outbox/{id}/edit");
    assert!(get(&edit, &[]).body.contains("&quot;No such product&quot;"));
    let mut document = order("P-1", "Product-123", 1);
    document["orderRows"][0]["salesData"]["quantity"] = json!("<many>");
    let told = post(&edit, &[("token", &token), ("document", &document.to_string())], &[]);
    assert_eq!(told.status, 422);
    assert!(told.body.contains("quantity") && told.body.contains("&lt;many&gt;"), "{}", told.body);
    document["orderRows"][0]["salesData"]["quantity"] = json!(2);
    let done = post(&edit, &[("token", &token), ("document", &format!("{document:#}\r\n"))], &[]);
    assert_eq!(done.status, 303, "{}", done.body);
    shop.wait_state("wrong.json", "delivered");
    let who: String =
        shop.database().query_row("SELECT who FROM outbox_edits", [], |row| row.get(0)).expect("an edit");
    assert_eq!(who, "status page");
    let late = post(&retry, &[("token", &token)], &[]);
    assert_eq!(late.status, 409);
    assert!(late.body.contains(&format!("item {id} is delivered")), "{}", late.body);

    // Called off, after it was asked.
    shop.drop_json("other.json", &order("P-2", "No such product", 1));
    let id = shop.wait_state("other.json", "refused")["id"].to_string();
    let cancel = format!("{url}/outbox/{id}/cancel");
    assert!(get(&cancel, &[]).body.contains("Cancel order P-2?"));
    assert_eq!(shop.number("SELECT count(*) FROM outbox WHERE state = 'cancelled'"), Some(0));
    assert_eq!(post(&cancel, &[("token", &token)], &[]).status, 303);
    shop.wait_state("other.json", "cancelled");
    let page = get(&format!("{url}/"), &[]).body;
    assert!(page.contains("All is well") && page.contains("Nothing was refused."), "{page}");

    // A page from before a restart presses no button, and says so.
    shop.stop();
    shop.start();
    let fresh = self::url(&shop);
    let told = post(&format!("{fresh}/outbox/{id}/retry"), &[("token", &token)], &[]);
    assert_eq!(told.status, 403);
    assert!(told.body.contains("Open the page again"), "{}", told.body);
    assert_eq!(get(&format!("{fresh}/outbox/4711"), &[]).status, 404);
    assert_eq!(get(&format!("{fresh}/nothing"), &[]).status, 404);
    shop.assert_described(&[]);
}

#[test]
fn an_outage_is_told_with_its_beginning_and_what_waits() {
    let mut shop = plan().set("exchange.language", "\"sv\"").open();
    shop.extend.cut_off();
    shop.start();
    shop.drop_json("order.json", &order("P-3", "Product-123", 1));
    shop.wait_state("order.json", "queued");
    let url = url(&shop);
    shop.wait("the outage", |_| get(&format!("{url}/"), &[]).body.contains("Extend kan inte nås"));
    let page = get(&format!("{url}/"), &[]).body;
    assert!(page.contains("lang=\"sv\"") && page.contains("order P-3"), "{page}");
    assert!(page.contains("Väntar på Extend, som inte kan nås."), "{page}");
    assert!(page.contains("inget går förlorat"), "{page}");
    let metrics = get(&format!("{url}/metrics"), &[]).body;
    for line in [
        "extend_edge_extend_state{state=\"away\"} 1\n",
        "extend_edge_extend_state{state=\"up\"} 0\n",
        "extend_edge_outbox_items{state=\"queued\"} 1\n",
        "extend_edge_needs_person_all 0\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    assert_well_formed(&metrics);
    assert_eq!(get(&format!("{url}/healthz"), &[]).body, "ok\n", "an outage is not the agent's illness");
    let json: Value = serde_json::from_str(&get(&format!("{url}/status.json"), &[]).body).expect("JSON");
    assert_eq!((&json["outbox"]["queued"], &json["extend"]["state"]), (&json!(1), &json!("away")));

    shop.extend.bring_back().expect("the port");
    shop.wait_state("order.json", "delivered");
    shop.wait("the end of the outage", |_| get(&format!("{url}/"), &[]).body.contains("Allt är bra"));
    let page = get(&format!("{url}/"), &[]).body;
    assert!(page.contains("Senaste dygnet, per timme (UTC): 1<"), "{page}");
}

/// As a scraper reads it: each line a comment, or a name that was announced, labels, a number.
fn assert_well_formed(metrics: &str) {
    let mut known = Vec::new();
    for line in metrics.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            known.push(kind.split(' ').next().expect("a name").to_owned());
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().expect("a name");
            assert!(known.iter().any(|known| known == name), "{line}");
        }
    }
    assert!(known.len() > 10, "{metrics}");
}

#[test]
fn numbers_and_names_are_found() {
    let mut shop = plan().open();
    shop.start();
    shop.drop_json("order.json", &order("P-4711", "Product-123", 1));
    let delivered = shop.wait_state("order.json", "delivered");
    let number = delivered["extendNumber"].as_str().expect("a number").to_owned();
    shop.wait("the mirror", |shop| {
        shop.number("SELECT count(*) FROM balances WHERE product_number = 'Product-123'") > Some(0)
            && shop.number("SELECT count(*) FROM orders") == Some(1)
    });
    let url = url(&shop);
    let found = |asked: &str| get(&format!("{url}/search?q={asked}"), &[]).body;
    let page = found("product-123");
    assert!(page.contains("Product-123</div></th>") && page.contains("MainWarehouse"), "{page}");
    let page = found("p-4711");
    assert!(page.contains(&format!("{number}</div></th>")), "{page}");
    assert!(page.contains("order P-4711</a>") && page.contains("delivered"), "{page}");
    let page = found("%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"), "{page}");
    assert!(found("").contains("What are you looking for?"));
}

#[test]
fn a_port_that_is_taken_stops_nothing_and_is_told_until_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let mut shop = plan().set("status.listen", &format!("\"{address}\"")).open();
    shop.start();
    shop.drop_json("order.json", &order("P-5", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    shop.wait("it to be told", |shop| shop.status().0["needsPerson"][0]["code"] == "page_trouble");
    let (status, code) = shop.status();
    assert_eq!(code, Some(3));
    let words = status["needsPerson"][0]["message"].as_str().expect("words");
    assert!(words.contains(&address.to_string()) && words.contains("[status]"), "{words}");
    let check = shop.run(&["check"]);
    assert!(check.stdout.contains(&format!("WRONG  status page: {address}")), "{check:?}");

    drop(taken);
    assert_eq!(url(&shop), format!("http://{address}"));
    shop.wait("it to be told", |shop| shop.status().1 == Some(0));
    let (status, code) = shop.status();
    assert_eq!((code, &status["page"]["url"]), (Some(0), &json!(format!("http://{address}/"))));
    let check = shop.run(&["check"]);
    assert!(check.stdout.contains(&format!("ok     status page: {address}")), "{check:?}");
}

#[test]
fn where_other_computers_reach_it_a_password_is_asked_for() {
    let mut shop = plan().set("status.listen", "\"0.0.0.0:0\"").set("status.password", "\"hunter2\"").open();
    shop.start();
    let url = url(&shop);
    let told = get(&format!("{url}/"), &[]);
    assert_eq!((told.status, told.body.contains("password")), (401, true));
    let login = |words: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(words))
    };
    assert_eq!(get(&format!("{url}/metrics"), &[("authorization", &login("shop:hunter3"))]).status, 401);
    let headers = [("authorization", &*login("shop:hunter2")), ("host", "till.lan:8788")];
    let page = get(&format!("{url}/"), &headers);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("How things stand"), "{}", page.body);
    assert_eq!(post(&format!("{url}/outbox/1/retry"), &[("token", "x")], &[]).status, 401);
    assert_eq!(get(&format!("{url}/healthz"), &[]).status, 200, "what watches it has no password");
    let log = std::fs::read_to_string(shop.home().join("agent.out")).expect("a log");
    assert!(
        log.contains("a wrong password was given for the status page") && !log.contains("hunter"),
        "{log}"
    );
}
