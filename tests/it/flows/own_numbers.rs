//! The shop knows its own number of an order long before Extend's: every document may name an order by it, also
//! while Extend is away, and all in one file.

use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop, order};

fn lines(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("{document}\n")).collect()
}

fn states(shop: &Shop, name: &str) -> Vec<String> {
    let receipt = shop.receipt(name).unwrap_or_default();
    let documents = receipt["documents"].as_array().cloned().unwrap_or_default();
    documents.iter().map(|document| document["state"].as_str().unwrap_or_default().to_owned()).collect()
}

fn wait_states(shop: &Shop, name: &str, expected: &[&str]) {
    shop.wait(&format!("{name} to be {expected:?}"), |shop| states(shop, name) == expected);
}

#[test]
fn a_whole_history_in_one_file_goes_in_its_order_once_extend_is_there() {
    let mut shop = Plan::sample().open();
    shop.extend.cut_off();
    shop.start();
    let mut first = order("ON-1", "Product-123", 4);
    let row = first["orderRows"][0].clone();
    first["orderRows"].as_array_mut().expect("rows").push(row);
    let by_own = |number: &str| json!({ "orderNumberExternal": number });
    shop.drop_file(
        "history.jsonl",
        lines(&[
            first,
            json!({ "changeOrder": by_own("ON-1"), "orderRows": [{ "position": 10, "salesData": { "quantity": 6 } }] }),
            json!({ "cancelRows": { "orderNumberExternal": "ON-1", "positions": [20] } }),
            json!({ "changeOrder": by_own("ON-1"), "orderHeader": { "yourReference": "Åsa" } }),
            order("ON-2", "8010", 1),
            json!({ "cancelOrder": by_own("ON-2") }),
        ]),
    );
    // The second order was never sent, and never is.
    wait_states(&shop, "history.jsonl", &["queued", "queued", "queued", "queued", "cancelled", "delivered"]);
    shop.extend.bring_back().expect("the port");
    let all = ["delivered", "delivered", "delivered", "delivered", "cancelled", "delivered"];
    wait_states(&shop, "history.jsonl", &all);
    let orders: Vec<Value> =
        shop.extend.world().orders_by_external("ON-1").iter().map(|order| order.value()).collect();
    let [there] = orders.as_slice() else { panic!("{} orders", orders.len()) };
    let rows = there["orderRows"].as_array().expect("rows");
    assert_eq!(rows.len(), 2, "the row among equal ones was cancelled in its place, and none was added");
    assert_eq!(rows[0]["salesData"]["quantity"].as_f64(), Some(6.0));
    assert_eq!(rows[1]["orderRowStatus"], "Annulled");
    assert_ne!(rows[0]["orderRowStatus"], "Annulled");
    assert_eq!(there["orderHeader"]["yourReference"], "Åsa");
    assert_eq!(shop.times_at_extend("ON-2"), 0);
    shop.assert_described(&[]);
}

#[test]
fn nothing_of_an_order_that_is_being_picked_is_changed() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("order.json", &order("OR-1", "Product-123", 4));
    let number =
        shop.wait_state("order.json", "delivered")["extendNumber"].as_str().expect("a number").to_owned();
    shop.extend.world().reserve(&number);
    for (name, document) in [
        (
            "change.json",
            json!({ "changeOrder": { "orderNumberExternal": "OR-1" }, "orderHeader": { "yourReference": "x" } }),
        ),
        ("rows.json", json!({ "cancelRows": { "orderNumberExternal": "OR-1", "positions": [10] } })),
        ("cancel.json", json!({ "cancelOrder": { "orderNumberExternal": "OR-1" } })),
    ] {
        shop.drop_json(name, &document);
        let refused = shop.wait_state(name, "refused");
        assert_eq!(refused["error"]["code"], "extend_refused", "{name}");
        assert!(
            refused["error"]["message"].as_str().is_some_and(|words| words.contains(&number)),
            "{refused}"
        );
        // A person has seen it; what comes after it about the order may go.
        assert_eq!(shop.run(&["outbox", "cancel", &refused["id"].to_string()]).code, Some(0));
    }
    shop.assert_described(&[]);
}

#[test]
fn what_extend_opened_in_an_answer_is_not_sent_back_in_the_order() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let question = order("AN-1", "ChristmasGift-1", 2);
    let folder = shop.exchange("inbox/atp");
    std::fs::write(folder.join(".q.tmp"), question.to_string()).expect("written");
    std::fs::rename(folder.join(".q.tmp"), folder.join("q.json")).expect("renamed");
    let answer = shop.exchange("outgoing/atp/q.json");
    shop.wait("the answer", |_| answer.exists());
    // The webshop orders what it was told there is.
    let answered: Value = serde_json::from_slice(&std::fs::read(&answer).expect("an answer")).expect("JSON");
    assert!(answered["orderRows"].as_array().expect("rows").len() > 3);
    shop.drop_json("order.json", &answered);
    let delivered = shop.wait_state("order.json", "delivered");
    assert_eq!(delivered["warnings"][0]["code"], "child_rows");
    let sent: Value =
        serde_json::from_slice(&shop.requests("POST", "CustomerOrders")[0].request_body).expect("JSON");
    assert_eq!(sent["orderRows"].as_array().map(Vec::len), Some(1));
}
