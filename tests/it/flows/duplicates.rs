//! One order, once: the same again, other content under the same number, and names that come again.

use serde_json::Value;

use crate::support::shop::{Plan, Shop, order};

#[test]
fn the_same_again_is_a_duplicate_and_other_content_is_not_taken() {
    let mut shop = Plan::sample().open();
    shop.start();
    let text = order("D-1", "Product-123", 2).to_string();
    shop.drop_file("first.json", &text);
    let first = shop.wait_state("first.json", "delivered");
    // Another formatting, another order of fields, another spelling of numbers and letters.
    let again =
        "{\"orderRows\": [{\"warehouse\": \"Main\\u0057arehouse\", \"salesData\": {\"vatPercent\": 2.5e1,
        \"unitPrice\": 10.67780, \"unit\": \"Stk\", \"quantity\": 2.0}, \"product\": {\"productNumber\":
        \"Product-123\"}}], \"orderHeader\": {\"freightFree\": true, \"partialDelivery\": false,
        \"askedDeliveryDate\": \"2030-01-15T00:00:00+01:00\", \"customerNumber\": \"Customer-123\",
        \"orderNumberExternal\": \"D-1\", \"orderType\": \"Normal\"}}";
    shop.drop_file("again.json", again);
    shop.wait("the receipt", |shop| shop.receipt("again.json").is_some());
    let repeated = shop.wait_state("again.json", "delivered");
    assert_eq!(repeated["duplicateOf"], first["id"]);
    assert_eq!(repeated["extendNumber"], first["extendNumber"]);
    assert_eq!(first["duplicateOf"], Value::Null);
    shop.wait("the original to be kept", |shop| shop.accepted().contains_key("again.json"));
    assert_eq!(shop.accepted()["again.json"], again.as_bytes());
    assert_eq!(shop.status().1, Some(0), "a duplicate needs nobody");

    for (name, other) in [
        ("other.json", order("D-1", "Product-123", 3).to_string()),
        ("rounded.json", text.replace("10.6778", "10.67780000000000000000001")),
    ] {
        shop.drop_file(name, &other);
        let (error, words) = shop.wait_error(name);
        assert_eq!(error["code"], "duplicate_key");
        assert!(words.contains("D-1") && words.contains("first.json"), "{words}");
    }
    assert_eq!(shop.status().1, Some(3));
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 1);
    shop.assert_described(&[]);
}

#[test]
fn the_same_file_without_a_number_is_not_taken_twice() {
    let mut shop = Plan::sample().open();
    shop.start();
    let returned = r#"{"createAction": {"action": "ReturnCompleteCustomerOrder", "orderNumber": "OC-142"}}"#;
    shop.drop_file("return.json", returned);
    shop.wait_state("return.json", "delivered");
    shop.drop_file("return.json", returned);
    let (error, words) = shop.wait_error("return.json");
    assert_eq!(error["code"], "duplicate_unkeyed");
    assert!(words.contains("header.reference"), "the advice: {words}");
    assert_eq!(shop.requests("POST", "ReturnOrders").len(), 1);
    shop.assert_described(&[]);
}

#[test]
fn new_content_takes_the_place_of_what_was_refused() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("wrong.json", &order("D-2", "No such product", 1));
    shop.wait_state("wrong.json", "refused");
    shop.drop_json("right.json", &order("D-2", "Product-123", 1));
    let right = shop.wait_state("right.json", "delivered");
    assert_eq!(right["duplicateOf"], Value::Null);
    assert_eq!(shop.times_at_extend("D-2"), 1);
    // And that of what a person has called off.
    shop.drop_json("wrong-3.json", &order("D-3", "No such product", 1));
    let wrong = shop.wait_state("wrong-3.json", "refused");
    assert_eq!(shop.run(&["outbox", "cancel", &wrong["id"].to_string()]).code, Some(0));
    shop.wait_state("wrong-3.json", "cancelled");
    shop.drop_json("right-3.json", &order("D-3", "Product-123", 1));
    shop.wait_state("right-3.json", "delivered");
    assert_eq!(shop.times_at_extend("D-3"), 1);
    shop.assert_described(&[]);
}

fn receipt_key(shop: &Shop, name: &str) -> String {
    let receipt = shop.receipt(name).unwrap_or_default();
    receipt["documents"][0]["key"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_name_that_comes_again_overwrites_nothing() {
    let mut shop = Plan::sample().open();
    shop.start();
    let texts: Vec<String> =
        (1..=3).map(|at| order(&format!("N-{at}"), "Product-123", at).to_string()).collect();
    for (at, text) in texts.iter().enumerate() {
        shop.drop_file("order.json", text);
        let key = format!("N-{}", at + 1);
        shop.wait("the newest receipt", |shop| {
            receipt_key(shop, "order.json") == key && shop.state("order.json") == "delivered"
        });
    }
    shop.wait("the earlier receipts", |shop| {
        receipt_key(shop, "order~1.json") == "N-1" && receipt_key(shop, "order~2.json") == "N-2"
    });
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    let originals = shop.accepted();
    for (name, text) in ["order.json", "order~2.json", "order~3.json"].iter().zip(&texts) {
        assert_eq!(originals[*name], text.as_bytes(), "{name}");
    }
    for bad in ["{\"a\": 1}", "{\"a\": 2}"] {
        shop.drop_file("bad.json", bad);
        shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    }
    shop.wait("both reasons", |shop| shop.error("bad.json").is_some() && shop.error("bad~2.json").is_some());
    let rejected = shop.exchange("rejected");
    assert_eq!(std::fs::read(rejected.join("bad.json")).expect("the first"), b"{\"a\": 1}");
    assert_eq!(std::fs::read(rejected.join("bad~2.json")).expect("the second"), b"{\"a\": 2}");
    shop.assert_described(&[]);
}
