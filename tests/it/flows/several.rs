//! Several documents in one file: the good ones are taken, the bad ones can be mended and dropped again.

use std::fs;

use serde_json::{Value, json};

use crate::support::shop::{PATIENCE, Plan, Shop, order};

fn states(shop: &Shop, name: &str) -> Vec<(String, String)> {
    let receipt = shop.receipt(name).unwrap_or_default();
    let documents = receipt["documents"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    documents.iter().map(|document| (text(&document["key"]), text(&document["state"]))).collect()
}

fn wait_delivered(shop: &Shop, name: &str, keys: &[&str]) {
    let expected: Vec<_> = keys.iter().map(|key| ((*key).to_owned(), "delivered".to_owned())).collect();
    shop.wait(&format!("{name} to be delivered"), |shop| states(shop, name) == expected);
}

fn lines(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("{document}\n")).collect()
}

#[test]
fn the_good_are_taken_and_the_bad_can_be_mended_and_dropped_again() {
    let mut shop = Plan::sample().set("exchange.settle_ms", "50").open();
    shop.start();
    let mut without_unit = order("S-2", "Product-123", 1);
    without_unit["orderRows"][0]["salesData"].as_object_mut().expect("fields").remove("unit");
    let other_content = order("S-1", "Product-123", 7);
    let documents =
        [order("S-1", "Product-123", 1), without_unit, order("S-3", "Product-123", 2), other_content];
    for (name, text) in [("all.json", json!(documents).to_string()), ("all.jsonl", lines(&documents))] {
        shop.drop_file(name, &text);
        wait_delivered(&shop, name, &["S-1", "S-3"]);
        let (error, words) = shop.wait_error(name);
        assert_eq!(
            (&error["code"], &error["line"]),
            (&json!("missing_field"), &json!(1 + u64::from(name == "all.json")))
        );
        assert!(words.contains("Document 2 (S-2)") && words.contains("Document 4 (S-1)"), "{words}");
        let told: Vec<_> = error["documents"].as_array().expect("a list").iter().collect();
        assert_eq!(told.len(), 2);
        assert_eq!((&told[0]["position"], &told[0]["key"]), (&json!(2), &json!("S-2")));
        assert_eq!(
            (&told[1]["position"], &told[1]["problems"][0]["code"]),
            (&json!(4), &json!("duplicate_key"))
        );
        shop.wait("the original", |shop| shop.accepted().contains_key(name));
        assert_eq!(shop.accepted()[name], text.as_bytes(), "the original, byte for byte");
        assert_eq!(shop.status().1, Some(3));
        // Mended: the one gets its unit, the other a number of its own.
        let bad = fs::read_to_string(shop.exchange("rejected").join(name)).expect("the bad ones");
        let number = if name == "all.json" { "S-4" } else { "S-5" };
        let (unit, key) = (if name == "all.json" { "S-2" } else { "S-6" }, format!("\"{number}\""));
        let mended = bad
            .replace("\"quantity\":1,", "\"quantity\":1,\"unit\":\"Stk\",")
            .replace("\"S-1\"", &key)
            .replace("S-2", unit);
        shop.drop_file(name, mended);
        wait_delivered(&shop, name, &[unit, number]);
        assert_eq!(shop.status().1, Some(0), "what was mended needs nobody any more");
    }
    for key in ["S-1", "S-2", "S-3", "S-4", "S-5", "S-6"] {
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
    shop.assert_described(&[]);
}

#[test]
fn documents_of_one_file_repeat_each_other_and_go_in_their_order() {
    let mut shop = Plan::sample().open();
    shop.start();
    let mut unkeyed = order("", "Product-123", 3);
    unkeyed["orderHeader"].as_object_mut().expect("a header").remove("orderNumberExternal");
    let change = json!({
        "changeOrder": { "orderNumberExternal": "T-1" },
        "orderRows": [{ "position": 10, "salesData": { "quantity": 5 } }],
    });
    let first = order("T-1", "Product-123", 1);
    shop.drop_json("many.json", &json!([first, unkeyed, first, unkeyed, change]));
    shop.wait("all to be delivered", |shop| {
        let states = states(shop, "many.json");
        states.len() == 5 && states.iter().all(|(_, state)| state == "delivered")
    });
    let receipt = shop.receipt("many.json").expect("a receipt");
    let documents = &receipt["documents"];
    assert_eq!(documents[2]["duplicateOf"], documents[0]["id"]);
    assert_ne!(documents[1]["key"], documents[3]["key"], "two orders without a number are two");
    assert_eq!(documents[4]["position"], 5);
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 3);
    assert_eq!(shop.times_at_extend("T-1"), 1);
    shop.assert_described(&[]);
}

/// The database is lost while a file of many is under way: each is taken up again at its place.
#[test]
fn a_lost_database_takes_up_every_document_of_a_file() {
    let mut shop = Plan::sample().open();
    shop.start();
    let bad = json!({ "orderHeader": { "orderNumberExternal": "L-BAD" } });
    let clash = order("L-0", "Product-123", 9);
    let mut all: Vec<Value> =
        (0..20).map(|at| order(&format!("L-{at}"), "Product-123", 1 + at % 3)).collect();
    all.insert(3, bad);
    all.push(clash);
    shop.drop_json("many.json", &json!(all));
    shop.wait("all to be delivered", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(20)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
    });
    shop.wait("the bad ones", |shop| shop.error("many.json").is_some());
    // Half of a second file is at Extend when the power goes.
    shop.extend.cut_off();
    let more: Vec<Value> = (20..30).map(|at| order(&format!("L-{at}"), "Product-123", 1)).collect();
    shop.drop_json("more.json", &json!(more));
    shop.wait("it to be taken", |shop| {
        shop.number("SELECT count(*) FROM files WHERE name = 'more.json' AND moved = 1") == Some(1)
    });
    shop.kill();
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(shop.home().join(format!("data/extend-edge.db{ending}")));
    }
    shop.extend.bring_back().expect("the port");
    shop.start();
    shop.wait_until("all to be delivered again", PATIENCE * 2, |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(30)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
    });
    for at in 0..30 {
        assert_eq!(shop.times_at_extend(&format!("L-{at}")), 1, "L-{at}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM outbox"), Some(30), "what was rejected stays so");
    let receipt = shop.receipt("many.json").expect("a receipt");
    assert_eq!(receipt["documents"][3]["position"], 5);
    assert_eq!(states(&shop, "more.json").len(), 10);
    shop.assert_described(&[]);
}
