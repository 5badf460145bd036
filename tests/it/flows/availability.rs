//! Questions in inbox/atp/: answered by Extend or by the mirror, and never sent as an order.

use std::fs;

use extend_edge::standin::{Fault, FaultMatcher, FaultRule, Times};
use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop, files_in, order};

fn ask(shop: &Shop, name: &str, question: &Value) {
    let folder = shop.exchange("inbox/atp");
    fs::write(folder.join(".being-written.tmp"), format!("{question:#}\n")).expect("written");
    fs::rename(folder.join(".being-written.tmp"), folder.join(name)).expect("renamed");
}

/// The answer to a question that has left the inbox.
fn answer(shop: &Shop, name: &str) -> Value {
    shop.wait(&format!("an answer to {name}"), |shop| {
        shop.exchange("outgoing/atp").join(name).exists() && !shop.exchange("inbox/atp").join(name).exists()
    });
    let text = fs::read_to_string(shop.exchange("outgoing/atp").join(name)).expect("an answer");
    serde_json::from_str(&text).expect("an answer appears whole")
}

fn numbers(answer: &Value, field: &str) -> Vec<Option<i64>> {
    let rows = answer["orderRows"].as_array().expect("rows");
    rows.iter().map(|row| row[field].as_i64()).collect()
}

fn filled(shop: &Shop) {
    shop.wait("the mirror to be filled", |shop| {
        shop.number("SELECT count(*) FROM sync_state WHERE last_full_at IS NOT NULL AND entity IN ('products', 'balances')")
            == Some(2)
            && shop.number("SELECT count(*) FROM details_wanted") == Some(0)
    });
}

#[test]
fn extends_answer_is_passed_through_as_it_came() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    ask(&shop, "gift.json", &order("ATP-1", "ChristmasGift-1", 3));
    let given = answer(&shop, "gift.json");
    assert!(given.get("source").is_none());
    let asked = shop.requests("POST", "CustomerOrderATP");
    let passed = fs::read(shop.exchange("outgoing/atp/gift.json")).expect("an answer");
    assert_eq!(asked.len(), 1);
    assert_eq!(passed, asked[0].response_body, "byte for byte");
    // Extend's no is an answer too, and no business of a person's.
    ask(&shop, "nothing.json", &order("ATP-2", "No such product", 1));
    let refused = answer(&shop, "nothing.json");
    assert_eq!((&refused["source"], &refused["error"]["code"]), (&json!("extend"), &json!("extend_refused")));
    assert!(refused["error"]["message"].as_str().is_some_and(|words| words.contains("No such product")));
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 0, "a question is no order");
    assert_eq!(shop.number("SELECT count(*) FROM files"), Some(0));
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
}

#[test]
fn answers_that_nobody_fetched_are_cleared_in_the_end() {
    let mut shop = Plan::sample().set("exchange.keep_days", "30").open();
    let answers = shop.exchange("outgoing/atp");
    let lies_since = |name: &str, days: u64| {
        let file = fs::File::create(answers.join(name)).expect("made");
        let at = std::time::SystemTime::now() - std::time::Duration::from_secs(days * 24 * 3600);
        file.set_modified(at).expect("aged");
    };
    lies_since("forgotten.json", 31);
    lies_since("recent.json", 29);
    shop.start();
    shop.wait_up();
    ask(&shop, "gift.json", &order("ATP-1", "ChristmasGift-1", 3));
    shop.wait("the old one to go", |_| !answers.join("forgotten.json").exists());
    answer(&shop, "gift.json");
    assert!(answers.join("recent.json").exists());
}

#[test]
fn while_extend_is_away_the_mirror_answers_less_what_waits() {
    let mut shop = Plan::sample().open();
    shop.start();
    filled(&shop);
    let online = {
        ask(&shop, "online.json", &order("ATP-1", "ChristmasGift-1", 3));
        answer(&shop, "online.json")
    };
    shop.extend.cut_off();
    ask(&shop, "a.json", &order("ATP-1", "ChristmasGift-1", 3));
    let offline = answer(&shop, "a.json");
    assert_eq!(offline["source"], "mirror");
    assert!(offline["asOf"].as_str().is_some_and(|at| at.ends_with('Z')), "{offline}");
    for field in ["position", "billOfMaterialsParentRowPosition"] {
        assert_eq!(numbers(&offline, field), numbers(&online, field), "{field}");
    }
    for (ours, extends) in offline["orderRows"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(online["orderRows"].as_array().into_iter().flatten())
    {
        for field in ["productNumber", "productName"] {
            assert_eq!(ours["product"][field], extends["product"][field]);
        }
        for field in ["salesData", "deliveryData"] {
            assert_eq!(ours[field]["quantity"].as_f64(), extends[field]["quantity"].as_f64(), "{field}");
            assert_eq!(ours[field]["unit"], extends[field]["unit"], "{field}");
        }
        assert_eq!(ours["warehouse"], extends["warehouse"]);
    }
    let (before, extends) = (numbers(&offline, "availableBalance"), numbers(&online, "availableBalance"));
    for place in [1, 3, 4] {
        assert_eq!(before[place], extends[place], "row {place}");
    }
    // An order that waits takes its components from the stock, and no more than that.
    shop.drop_json("order.json", &order("W-1", "ChristmasGift-1", 2));
    shop.wait_state("order.json", "queued");
    ask(&shop, "b.json", &order("ATP-1", "ChristmasGift-1", 3));
    let after = numbers(&answer(&shop, "b.json"), "availableBalance");
    for (place, row) in offline["orderRows"].as_array().into_iter().flatten().enumerate() {
        let each = row["deliveryData"]["quantity"].as_f64().expect("a quantity") as i64 / 3;
        assert_eq!(after[place], before[place].map(|before| before - 2 * each), "row {place}");
    }
    // What nobody knows is said.
    ask(&shop, "c.json", &order("ATP-1", "No such product", 1));
    let unknown = answer(&shop, "c.json");
    assert_eq!(unknown["warnings"][0]["code"], "unknown_product");
    assert_eq!(unknown["orderRows"][0]["availableBalance"], Value::Null);
    // Killed and begun again, no question has become an order.
    shop.kill();
    ask(&shop, "d.json", &order("ATP-9", "Product-123", 1));
    shop.start();
    answer(&shop, "d.json");
    shop.extend.bring_back().expect("the port");
    shop.wait_state("order.json", "delivered");
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 1);
    assert_eq!(shop.times_at_extend("ATP-1") + shop.times_at_extend("ATP-9"), 0);
}

#[test]
fn where_extend_has_no_answer_the_mirror_has() {
    for fault in [Fault::TooMany { retry_after: None }, Fault::CloseAfter, Fault::Deadlock] {
        let mut shop = Plan::sample().open();
        let matcher = FaultMatcher::to("POST", "CustomerOrderATP").times(Times::Always);
        shop.extend.push_fault(FaultRule { matcher, fault });
        shop.start();
        filled(&shop);
        ask(&shop, "q.json", &order("ATP-1", "Product-123", 3));
        let answer = answer(&shop, "q.json");
        assert_eq!(answer["source"], "mirror");
        assert_eq!(answer["orderRows"][0]["availableBalance"], 140);
    }
}

#[test]
fn a_bad_question_is_rejected_as_any_file_and_one_that_is_no_order_too() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    ask(&shop, "cancel.json", &json!({ "cancelOrder": { "orderNumberExternal": "W-1" } }));
    assert_eq!(shop.wait_error("cancel.json").0["code"], "no_question");
    fs::write(shop.exchange("inbox/atp/broken.json"), "{\"orderHeader\": x").expect("written");
    assert_eq!(shop.wait_error("broken.json").0["code"], "invalid_json");
    shop.wait("both to leave", |shop| files_in(&shop.exchange("inbox/atp")).is_empty());
    assert!(files_in(&shop.exchange("outgoing/atp")).is_empty());
    assert!(shop.exchange("rejected/broken.json").exists());
}
