//! A webshop that writes an empty file last, which says that another is whole.

use std::fs;

use crate::support::shop::{Plan, Shop, order};

fn mark(shop: &Shop, marker: &str) {
    fs::write(shop.exchange("inbox").join(marker), "").expect("written");
}

#[test]
fn a_file_is_taken_at_its_marker_and_not_before() {
    // Nothing here is taken because it stands still.
    let mut shop = Plan::sample()
        .set("exchange.marker", "\".done\"")
        .set("exchange.settle_ms", "600000")
        .set("exchange.broken_after_seconds", "600")
        .open();
    shop.start();
    shop.wait_up();
    let inbox = shop.exchange("inbox");
    // Two of three orders: whole lines, and nothing in the file tells that one more comes.
    let line = |key: &str| format!("{}\n", order(key, "Product-123", 1));
    fs::write(inbox.join("orders.jsonl"), line("M-1") + &line("M-2")).expect("written");
    shop.drop_json("early.json", &order("M-4", "Product-123", 1));
    shop.wait("both to wait", |shop| shop.status().0["inbox"]["incompleteFiles"] == 2);
    shop.drop_json("beside.json", &order("M-5", "Product-123", 1));
    mark(&shop, "beside.json.done");
    shop.wait_state("beside.json", "delivered");
    assert!(inbox.join("orders.jsonl").exists() && inbox.join("early.json").exists());

    // The third, without a line end: the marker says that it is all.
    let whole = line("M-1") + &line("M-2") + line("M-3").trim_end();
    fs::write(inbox.join("orders.jsonl"), &whole).expect("written");
    mark(&shop, "orders.done");
    shop.wait("its orders", |shop| ["M-1", "M-2", "M-3"].iter().all(|key| shop.times_at_extend(key) == 1));
    shop.wait("its original", |shop| shop.accepted().contains_key("orders.jsonl"));
    assert_eq!(shop.accepted()["orders.jsonl"], whole.as_bytes());
    // The last line is a bad one, and becomes a file of its own.
    let bad = line("M-7") + "{\"orderHeader\": {}}";
    fs::write(inbox.join("bad.jsonl"), &bad).expect("written");
    mark(&shop, "bad.jsonl.done");
    shop.wait_error("bad.jsonl");
    shop.wait("it to lie there", |shop| shop.exchange("rejected/bad.jsonl").exists());
    let aside = fs::read_to_string(shop.exchange("rejected/bad.jsonl")).expect("set aside");
    assert_eq!(aside, "{\"orderHeader\": {}}\n");
    mark(&shop, "early.json.done");
    shop.wait_state("early.json", "delivered");

    // What is wrong is told at once too.
    fs::write(inbox.join("cut.json"), &line("M-6")[..40]).expect("written");
    mark(&shop, "cut.json.done");
    let (error, _) = shop.wait_error("cut.json");
    assert_eq!(error["code"], "cut_off", "{error:#}");
    shop.wait("the markers to be gone", |shop| shop.inbox().is_empty());
    shop.assert_described(&[]);
}

#[test]
fn a_marker_that_does_not_come_is_told_and_so_is_one_without_its_file() {
    let mut shop = Plan::sample().set("exchange.marker", "\".ok\"").open();
    shop.start();
    shop.wait_up();
    let codes = |shop: &Shop| -> Vec<String> {
        let status = shop.status().0;
        let all = status["needsPerson"].as_array().into_iter().flatten();
        all.filter_map(|one| one["code"].as_str().map(String::from)).collect()
    };
    shop.drop_json("late.json", &order("L-1", "Product-123", 1));
    mark(&shop, "lone.json.ok");
    shop.wait("both to be told", |shop| codes(shop) == ["no_marker", "marker_alone"]);
    let text = shop.run(&["status"]).stdout;
    assert!(text.contains("late.json.ok"), "it says which file lacks: {text}");
    assert!(shop.receipt("late.json").is_none());

    // A person makes the marker, and the webshop the file.
    mark(&shop, "late.json.ok");
    shop.wait_state("late.json", "delivered");
    shop.drop_json("lone.json", &order("L-2", "Product-123", 1));
    shop.wait_state("lone.json", "delivered");
    shop.wait("all to be well", |shop| codes(shop).is_empty() && shop.inbox().is_empty());
    for key in ["L-1", "L-2"] {
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
}
