//! Webhooks: what they tell of is fetched at once and put out, whichever way they came, and one that nobody
//! signed changes nothing.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crossbeam_channel::{Receiver, Sender, bounded};
use extend_edge::standin::{Notification, Product, signature, webhook_body};
use serde_json::{Value, json};

use crate::support::shop::{PATIENCE, Plan, Shop, files_in, order};

const SECRET: &str = "secret123";

/// A shop whose lists come once and then not again by the clock.
fn plan() -> Plan {
    let mut plan = Plan::sample()
        .set("webhooks.listen", "\"127.0.0.1:0\"")
        .set("webhooks.secret", &format!("\"{SECRET}\""));
    for entity in ["products", "customers", "balances", "orders"] {
        plan = plan.set(&format!("{entity}.every_seconds"), "86400");
    }
    plan
}

/// Starts the agent, waits until the mirror is filled and nothing more is asked, and forgets what was asked.
fn start(shop: &mut Shop) {
    shop.start();
    shop.wait("the mirror to be filled", |shop| {
        shop.number("SELECT count(*) FROM sync_state WHERE last_success_at IS NOT NULL") == Some(6)
            && shop.number("SELECT count(*) FROM details_wanted") == Some(0)
            && shop.number("SELECT count(*) FROM pending_changes") == Some(0)
            && shop.number("SELECT count(*) FROM changes WHERE written = 0") == Some(0)
    });
    for file in files_in(&shop.exchange("outgoing/changes")).into_keys() {
        fs::remove_file(shop.exchange("outgoing/changes").join(file)).expect("removed");
    }
    shop.extend.forget_requests();
}

/// Where the agent listens, by its log.
fn url(shop: &Shop) -> String {
    let log = fs::read_to_string(shop.home().join("agent.out")).unwrap_or_default();
    let line = log.lines().rev().find_map(|line| line.split_once("webhooks are taken at "));
    line.map(|(_, url)| url.trim().to_owned()).unwrap_or_default()
}

fn wait_url(shop: &Shop) -> String {
    shop.wait("the listener", |shop| !url(shop).is_empty());
    url(shop)
}

fn post(url: &str, body: &[u8], signature: Option<&str>) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.post(url);
    if let Some(signature) = signature {
        request = request.header("ms-signature", signature);
    }
    request.send(body).expect("an answer").status().as_u16()
}

fn get(url: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.get(url).call().expect("an answer");
    (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
}

fn changed(action: &str, name: &str, value: &str) -> Notification {
    Notification::new(action, name, value)
}

/// Whether a file in outgoing/changes/ has a row with this value.
fn put_out(shop: &Shop, entity: &str, column: &str, value: &Value) -> bool {
    let files = files_in(&shop.exchange("outgoing/changes"));
    files.iter().filter(|(name, _)| name.ends_with(&format!("-{entity}.json"))).any(|(_, bytes)| {
        let file: Value = serde_json::from_slice(bytes).expect("a file appears whole");
        file["rows"].as_array().expect("rows").iter().any(|row| row[column] == *value)
    })
}

fn drop_hook(shop: &Shop, name: &str, body: &[u8], signature: Option<&str>) {
    let hooks = shop.exchange("hooks");
    if let Some(signature) = signature {
        fs::write(hooks.join(format!("{name}.signature")), signature).expect("written");
    }
    fs::write(hooks.join(".beside.tmp"), body).expect("written");
    fs::rename(hooks.join(".beside.tmp"), hooks.join(name)).expect("renamed");
}

/// Holds the first request for `resource` at the stand-in: told when it came, until it is let go.
fn hold_first(shop: &Shop, resource: &'static str) -> (Receiver<()>, Sender<()>) {
    let (came, arrived) = bounded(1);
    let (go, gone) = bounded::<()>(0);
    shop.extend.on_request(move |_, record| {
        if record.resource == resource && came.try_send(()).is_ok() {
            let _ = gone.recv();
        }
    });
    (arrived, go)
}

#[test]
fn a_signed_webhook_brings_the_change_once_and_any_other_nothing() {
    let mut shop = plan().open();
    start(&mut shop);
    let url = wait_url(&shop);
    assert!(shop.extend.shake_hands(&url));
    assert_eq!(get(&format!("{url}?x=1&Echo=a%2Fb%20%C3%A5+%3Cb%3E")), (200, "a/b å <b>".to_owned()));

    assert!(shop.extend.world().set_balance("8010", "MainWarehouse", 4242));
    let told = vec![changed("AvailableBalanceChanged", "ProductNumber", "8010")];
    let body = webhook_body("0123456789abcdef0123456789abcdef", 1, &told);
    assert_eq!(post(&url, &body, None), 401);
    assert_eq!(post(&url, &body, Some("")), 401);
    assert_eq!(post(&url, &body, Some(&signature("secret124", &body))), 401);
    assert_eq!(post(&url, &body[1..], Some(&signature(SECRET, &body))), 401);
    assert_eq!(shop.number("SELECT count(*) FROM hook_wants"), Some(0));
    assert_eq!(shop.extend.request_count(), 0);

    let mut delivery = shop.extend.send_webhook(&url, told);
    assert_eq!(delivery.status, Some(200));
    shop.wait("the balance", |shop| put_out(shop, "balances", "available", &json!(4242)));
    // Sent again, as the service does where it saw no answer: no second effect.
    for _ in 0..2 {
        delivery = shop.extend.send_again(delivery);
        assert_eq!(delivery.status, Some(200));
    }
    // Product and customer, each by its number; nothing is listed as a whole.
    assert!(shop.extend.world().change_product("8010", |product| product.name = "Räksmörgås".into()));
    let both = vec![
        changed("ProductChanged", "productnumber", "8010"),
        changed("PurchaseOrderCreated", "OrderNumber", "P-1"),
    ];
    assert_eq!(shop.extend.send_webhook(&url, both).status, Some(200));
    shop.wait("the product", |shop| put_out(shop, "products", "name", &json!("Räksmörgås")));
    assert_eq!(shop.requests("GET", "ProductAvailability").len(), 1);
    let products = shop.requests("GET", "Products");
    let asked: Vec<_> = products.iter().map(|one| (one.id.as_deref(), one.query.as_str())).collect();
    assert_eq!(asked, [(None, "productNumber=8010&pageCount=100&pageOffset=0"), (Some("8010"), "")]);
    assert_eq!(shop.extend.request_count(), 3);

    let (status, _) = shop.status();
    assert_eq!(status["webhooks"]["refused"], 4, "{status:#}");
    assert_eq!(status["webhooks"]["refusedInARow"], 0, "{status:#}");
    assert!(status["webhooks"]["lastAt"].is_string(), "{status:#}");
    assert_eq!(status["needsPerson"], json!([]));
    shop.assert_described(&[]);
}

#[test]
fn what_is_no_webhook_is_answered_and_changes_nothing() {
    let mut shop = plan().set("webhooks.max_kb", "2").set("webhooks.requests_per_minute", "12").open();
    start(&mut shop);
    let url = wait_url(&shop);
    let elsewhere = url.replace("/webhooks/extend", "/webhooks/other");
    assert_eq!((get(&elsewhere).0, get(&format!("{url}?ech=x")).0), (404, 400));
    assert_eq!((post(&elsewhere, b"{}", None), post(&url, &[b' '; 2001], None)), (404, 413));
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    assert_eq!(agent.delete(&url).call().expect("an answer").status(), 405);
    assert_eq!(agent.put(&url).send("{}").expect("an answer").status(), 405);
    // The published example is signed, and no JSON.
    let example = b"{'test':'test2'}";
    let hex = "25FB6994568A75CD233E04BA1C653AF1BF476041CC543AF04F82CAAC482C201A";
    assert_eq!(post(&url, example, Some(&format!("sha256={hex}"))), 200);
    assert_eq!(post(&url, example, Some(&format!("sha256={}", hex.to_lowercase()))), 200);

    // One that begins and does not go on costs nobody else anything, and is cut off.
    let mut slow = TcpStream::connect(url.split('/').nth(2).expect("an address")).expect("a connection");
    slow.write_all(b"POST /webhooks/extend HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        .expect("sent");
    // Whoever is not signed has a minute's worth of room, and the signed ones have theirs.
    let answers: Vec<u16> = (0..20).map(|_| post(&url, b"{}", None)).collect();
    assert_eq!((answers.first(), answers.last()), (Some(&401), Some(&429)), "{answers:?}");
    let told = vec![changed("BalanceChanged", "ProductNumber", "8010")];
    assert_eq!(shop.extend.send_webhook(&url, told.clone()).status, Some(200));
    shop.wait("its list", |shop| shop.requests("GET", "ProductAvailability").len() == 1);
    let answers: Vec<_> = (0..20).map(|_| shop.extend.send_webhook(&url, told.clone()).status).collect();
    assert_eq!(answers.last(), Some(&Some(429)), "{answers:?}");
    slow.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert_eq!(slow.read(&mut [0; 10]).expect("an end"), 0, "it was answered");
}

#[test]
fn a_thousand_webhooks_about_balances_are_two_lists_at_the_most() {
    // The first list is held for as long as a thousand webhooks take, also on a slow machine.
    let mut shop = plan().set("extend.timeout_seconds", "60").open();
    start(&mut shop);
    let url = wait_url(&shop);
    let (arrived, go) = hold_first(&shop, "ProductAvailability");
    let send = || {
        let told = vec![changed("BalanceChanged", "ProductNumber", "8010")];
        assert_eq!(shop.extend.send_webhook(&url, told).status, Some(200));
    };
    send();
    arrived.recv_timeout(PATIENCE).expect("the first list");
    std::thread::scope(|threads| {
        for _ in 0..9 {
            threads.spawn(|| (0..111).for_each(|_| send()));
        }
    });
    drop(go);
    shop.wait("the second list", |shop| {
        shop.requests("GET", "ProductAvailability").len() >= 2
            && shop.number("SELECT count(*) FROM hook_wants") == Some(0)
    });
    assert_eq!(shop.number("SELECT count(*) FROM hooks_seen"), Some(1000));
    assert_eq!(shop.requests("GET", "ProductAvailability").len(), 2);
}

#[test]
fn a_webhook_that_comes_while_its_record_is_fetched_has_it_fetched_again() {
    let mut shop = plan().open();
    start(&mut shop);
    let url = wait_url(&shop);
    let (arrived, go) = hold_first(&shop, "Products");
    let send = || {
        let told = vec![changed("ProductChanged", "ProductNumber", "8010")];
        assert_eq!(shop.extend.send_webhook(&url, told).status, Some(200));
    };
    send();
    arrived.recv_timeout(PATIENCE).expect("the first fetch");
    (0..9).for_each(|_| send());
    drop(go);
    shop.wait("both fetches", |shop| {
        let details = shop.requests("GET", "Products").iter().filter(|one| one.id.is_some()).count();
        details == 2 && shop.number("SELECT count(*) FROM hook_wants") == Some(0)
    });
}

#[test]
fn ten_files_about_one_product_are_one_fetch_also_of_a_new_one_that_no_list_of_changes_shows() {
    let mut shop = plan().open();
    start(&mut shop);
    shop.stop();
    shop.extend.forget_requests();
    {
        let mut world = shop.extend.world();
        let now = world.now();
        world.add_product_unseen(Product::new("N/1 å", "Nyhet", now));
    }
    for number in 0..10 {
        let id = format!("{number:032x}");
        let body = webhook_body(&id, 1, &[changed("ProductCreated", "ProductNumber", "N/1 å")]);
        drop_hook(&shop, &format!("hook-{number}.json"), &body, Some(&signature(SECRET, &body)));
    }
    shop.start();
    shop.wait("the new product", |shop| put_out(shop, "products", "product_number", &json!("N/1 å")));
    assert_eq!(shop.number("SELECT count(*) FROM hook_wants"), Some(0));
    assert_eq!(shop.requests("GET", "Products").len(), 2, "its row and its detail");
    shop.wait("the files to be removed", |shop| files_in(&shop.exchange("hooks")).is_empty());
    // And a list of everything that is read later does not take it away.
    assert_eq!(shop.run(&["sync", "products", "--full"]).code, Some(0));
    assert_eq!(
        shop.number("SELECT count(*) FROM products WHERE name = 'Nyhet' AND removed_at IS NULL"),
        Some(1)
    );
}

#[test]
fn files_that_are_wrong_are_set_aside_with_their_reason_and_stop_no_others() {
    let mut shop = plan().open();
    start(&mut shop);
    let told = [changed("BalanceChanged", "ProductNumber", "8010")];
    let body = webhook_body("a", 1, &told);
    let good = signature(SECRET, &body);
    drop_hook(&shop, "a-unsigned.json", &body, None);
    drop_hook(&shop, "b-wrong.json", &body, Some(&signature("other", &body)));
    drop_hook(&shop, "c-odd.json", b"{\"a\": 1}", Some(&signature(SECRET, b"{\"a\": 1}")));
    drop_hook(&shop, "d-broken.json", b"{]", Some(&signature(SECRET, b"{]")));
    fs::create_dir(shop.exchange("hooks/e-folder")).expect("made");
    drop_hook(&shop, "z-good.json", &body, Some(&good));
    shop.wait("the good one", |shop| shop.requests("GET", "ProductAvailability").len() == 1);
    for (name, code) in [
        ("a-unsigned.json", "unsigned"),
        ("b-wrong.json", "wrong_signature"),
        ("c-odd.json", "no_webhook"),
        ("d-broken.json", "invalid_json"),
    ] {
        let (error, text) = shop.wait_error(name);
        assert_eq!((&error["code"], &error["file"]), (&json!(code), &json!(format!("hooks/{name}"))));
        assert!(text.contains(error["message"].as_str().expect("a message")), "{text}");
    }
    shop.wait("the folder to be empty", |shop| files_in(&shop.exchange("hooks")).is_empty());
    let rejected = files_in(&shop.exchange("rejected"));
    assert_eq!(rejected.get("b-wrong.json"), Some(&body));
    assert!(rejected.contains_key("b-wrong.json.signature"));
    assert_eq!(shop.requests("GET", "ProductAvailability").len(), 1);
    let (status, code) = shop.status();
    assert_eq!((status["needsPerson"].as_array().map(Vec::len), code), (Some(4), Some(3)), "{status:#}");
}

#[test]
fn unsigned_files_are_taken_where_the_settings_allow_it_and_wrongly_signed_ones_never() {
    let mut shop = plan().set("webhooks.allow_unsigned_files", "true").set("webhooks.listen", "\"\"").open();
    start(&mut shop);
    let body = webhook_body("a", 1, &[changed("BalanceChanged", "ProductNumber", "8010")]);
    drop_hook(&shop, "wrong", &body, Some(&signature("other", &body)));
    let (error, _) = shop.wait_error("wrong");
    assert_eq!(error["code"], "wrong_signature");
    assert_eq!(shop.extend.request_count(), 0);
    drop_hook(&shop, "unsigned", &body, None);
    shop.wait("its list", |shop| shop.requests("GET", "ProductAvailability").len() == 1);
    shop.wait("the folder to be empty", |shop| files_in(&shop.exchange("hooks")).is_empty());
}

#[test]
fn orders_of_ours_are_fetched_and_those_of_others_passed_over() {
    let mut shop = plan().open();
    start(&mut shop);
    let url = wait_url(&shop);
    shop.drop_json("order.json", &order("W-1", "Product-123", 2));
    let number =
        shop.wait_state("order.json", "delivered")["extendNumber"].as_str().expect("a number").to_owned();
    shop.extend.forget_requests();
    assert!(shop.extend.world().pick(&number, &[], false));
    let told = |number: &str| vec![changed("OrderPicked", "OrderNumber", number)];
    assert_eq!(shop.extend.send_webhook(&url, told("OC-of-another-channel")).status, Some(200));
    assert_eq!(shop.extend.send_webhook(&url, told(&number)).status, Some(200));
    shop.wait("the order file", |shop| {
        let file = fs::read_to_string(shop.exchange("outgoing/orders/W-1.json")).unwrap_or_default();
        file.contains("\"status\":\"Terminated\"") && file.contains("PostNord")
    });
    let asked = shop.requests("GET", "CustomerOrders");
    assert_eq!(asked.iter().map(|one| one.id.as_deref()).collect::<Vec<_>>(), [Some(number.as_str())]);
}

#[test]
fn what_a_webhook_told_is_fetched_after_a_crash_and_what_a_lost_one_would_have_told_by_the_list() {
    let mut shop = plan().open();
    start(&mut shop);
    let url = wait_url(&shop);
    let (arrived, go) = hold_first(&shop, "Products");
    let told = vec![changed("ProductChanged", "ProductNumber", "8010")];
    assert_eq!(shop.extend.send_webhook(&url, told).status, Some(200));
    arrived.recv_timeout(PATIENCE).expect("the fetch");
    shop.kill();
    drop(go);
    assert!(shop.extend.world().change_product("8010", |product| product.name = "Efteråt".into()));
    shop.start();
    shop.wait("the product", |shop| put_out(shop, "products", "name", &json!("Efteråt")));
    // No webhook at all: the next list of changes has it.
    assert!(shop.extend.world().change_product("8010", |product| product.name = "Utan".into()));
    assert_eq!(shop.run(&["sync", "products"]).code, Some(0));
    shop.wait("the product", |shop| put_out(shop, "products", "name", &json!("Utan")));
}

#[test]
fn a_person_hears_when_every_webhook_is_turned_away_and_when_nothing_listens() {
    let mut shop = plan().open();
    start(&mut shop);
    let url = wait_url(&shop);
    for _ in 0..3 {
        assert_eq!(post(&url, b"{}", Some(&signature("another secret", b"{}"))), 401);
    }
    let codes = |shop: &Shop| {
        let needs = shop.status().0["needsPerson"].clone();
        needs.as_array().expect("a list").iter().map(|one| one["code"].clone()).collect::<Vec<_>>()
    };
    shop.wait("a word about it", |shop| codes(shop) == ["webhooks_refused"]);
    let told = vec![changed("Ping", "A", "B")];
    assert_eq!(shop.extend.send_webhook(&url, told).status, Some(200));
    assert_eq!(codes(&shop), [""; 0]);

    // Another shop wants the same address.
    let address = url.split('/').nth(2).expect("an address").to_owned();
    let mut other = plan().set("webhooks.listen", &format!("\"{address}\"")).open();
    assert!(other.run(&["check"]).stdout.contains(&format!("WRONG  webhooks: {address}")));
    other.start();
    let trouble = "SELECT count(*) FROM agent WHERE name = 'hooks_trouble' AND value <> ''";
    other.wait("a word about it", |other| other.number(trouble) == Some(1));
    assert_eq!(codes(&other), ["webhooks_trouble"]);
    shop.stop();
    other.wait("it to listen", |other| other.number(trouble) == Some(0) && !self::url(other).is_empty());
    assert_eq!(codes(&other), [""; 0]);
    assert!(other.run(&["check"]).stdout.contains(&format!("ok     webhooks: {address}")));
}
