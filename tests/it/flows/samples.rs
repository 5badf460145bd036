//! Extend's own examples, dropped as they stand, arrive with nothing lost, changed or rounded.

use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/samples");

/// The number that the samples of orders stand under.
const SAMPLE_KEY: &str = "YourOwnOrderNumber-timestamp";

/// Equal in content, numbers to the letter: these values keep the text of each number.
fn parse(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("JSON")
}

/// The bodies that were posted under this key.
fn posted(shop: &Shop, key: &str) -> Vec<Value> {
    let world = shop.extend.world();
    let orders = world.orders_by_external(key).into_iter().map(|order| parse(&order.posted_bytes));
    let returns = world.returns().filter(|known| known.reference.as_deref() == Some(key));
    orders.chain(returns.map(|known| parse(&known.posted_bytes))).collect()
}

#[test]
fn samples_arrive_as_they_were_written() {
    assert_ne!(parse(b"41.0"), parse(b"41"), "numbers must be compared as text");
    let mut samples: Vec<(String, String)> = std::fs::read_dir(SAMPLES)
        .expect("samples")
        .map(|entry| entry.expect("a sample").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("text"))
        })
        .filter(|(name, _)| name.ends_with(".json") && !name.ends_with(".rows.json"))
        .collect();
    samples.sort();
    assert_eq!(samples.len(), 9);

    let mut shop = Plan::sample().open();
    shop.start();
    for (name, text) in &mut samples {
        *text = text.replace(SAMPLE_KEY, &format!("S {name}"));
        shop.drop_file(name, &text);
    }
    for (name, text) in &samples {
        let receipt = shop.wait_state(name, "delivered");
        let key = receipt["key"].as_str().expect("a key").to_owned();
        let mut expected = parse(text.as_bytes());
        let is_order = expected.get("orderHeader").is_some();
        if is_order {
            assert_eq!(key, format!("S {name}"));
            assert_eq!(receipt["warnings"], json!([]));
        } else {
            // None of the sample returns has a reference: it gets a made one, and the receipt says so.
            assert!(key.starts_with("edge-"), "{name}: {key}");
            assert_eq!(receipt["warnings"][0]["code"], "made_key", "{name}");
            assert!(receipt["warnings"][0]["message"].as_str().is_some_and(|words| words.contains(&key)));
            if expected.get("header").is_none() {
                expected["header"] = json!({});
            }
            expected["header"]["reference"] = json!(key);
        }
        assert_eq!(posted(&shop, &key), [expected], "{name}");
        let number = receipt["extendNumber"].as_str().expect("a number");
        assert!(number.starts_with(if is_order { "OC-" } else { "RO-" }), "{number}");
    }
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    let originals = shop.accepted();
    assert_eq!(originals.len(), samples.len());
    for (name, text) in &samples {
        assert_eq!(originals[name], text.as_bytes(), "{name}");
    }
    shop.assert_described(&[]);
}

#[test]
fn what_extend_does_not_know_and_odd_numbers_are_kept() {
    let mut shop = Plan::sample().open();
    shop.start();
    let order = r#"{ "shopVersion": 1e3, "orderHeader": {
        "orderNumberExternal": "ODD-1", "customerNumber": "Customer-123", "campaign": {
            "code": "h\u00f6st", "shares": [0.10, 12345678901234567890.123, -0.0, 1E-7, null, true] } },
      "orderRows": [ { "product": { "productNumber": "Product-123", "customsCommodityCode": null },
        "salesData": { "quantity": 41.0, "unit": "Stk", "unitPrice": 10.6778, "vatPercent": 25.0,
                       "weight": 2.4817 },
        "warehouse": "MainWarehouse", "engraving": "Åsa \"A\"\n" } ] }"#;
    let returned = r#"{"createAction": {"action": "ReturnProducts"}, "till": 7.00,
        "header": {"reference": "RET-1", "warehouse": "LOGMULL", "customerNumber": "3",
                   "creditInvoiceAction": "WhenReceived", "clerk": {"no": 0.10}},
        "rows": [{"returnCode": "A", "productNumber": "8010", "shade": 1e3,
                  "salesData": {"quantity": 2, "unit": "ST", "unitPrice": 2.4817, "vatPercent": 25, "currency": "SEK"}}]}"#;
    shop.drop_file("odd.json", order);
    shop.drop_file("ret.json", returned);
    for (name, key, text) in [("odd.json", "ODD-1", order), ("ret.json", "RET-1", returned)] {
        let receipt = shop.wait_state(name, "delivered");
        assert_eq!(receipt["key"], key);
        assert_eq!(receipt["warnings"], json!([]));
        assert_eq!(posted(&shop, key), [parse(text.as_bytes())]);
    }
    shop.assert_described(&[
        "shopVersion",
        "campaign",
        "customsCommodityCode",
        "weight",
        "engraving",
        "till",
        "clerk",
        "shade",
    ]);
}

#[test]
fn an_order_without_a_number_gets_one_and_the_receipt_says_which() {
    let mut shop = Plan::sample().open();
    shop.start();
    let mut order = crate::support::shop::order("x", "Product-123", 1);
    order["orderHeader"].as_object_mut().expect("a header").remove("orderNumberExternal");
    shop.drop_json("unnumbered.json", &order);
    let receipt = shop.wait_state("unnumbered.json", "delivered");
    let key = receipt["key"].as_str().expect("a key");
    assert_eq!(receipt["warnings"][0]["code"], "made_key");
    order["orderHeader"]["orderNumberExternal"] = json!(key);
    assert_eq!(posted(&shop, key), [order]);
    shop.assert_described(&[]);
}
