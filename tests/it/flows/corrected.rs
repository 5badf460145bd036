//! A person corrects an item, and the webshop knows nothing of it: it may send the same again, and goes on naming
//! the order as it did.

use std::time::Duration;

use extend_edge::standin::{Fault, FaultRule};
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::shop::{Plan, Shop, order};

fn edit(shop: &Shop, id: &Value, document: &Value) {
    let file = shop.home().join("corrected.json");
    std::fs::write(&file, document.to_string()).expect("written");
    let ran = shop.run(&["outbox", "edit", &id.to_string(), &file.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_number_that_an_order_had_is_still_taken() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("first.json", &order("K-1", "No such product", 1));
    let refused = shop.wait_state("first.json", "refused");
    edit(&shop, &refused["id"], &order("K-1-B", "Product-123", 1));
    shop.wait_state("first.json", "delivered");

    // The webshop puts it out once more, and once more in another way.
    shop.drop_json("again.json", &order("K-1", "No such product", 1));
    shop.wait_state("again.json", "delivered");
    shop.drop_json("changed.json", &order("K-1", "Product-123", 1));
    assert_eq!(shop.wait_error("changed.json").0["code"], "duplicate_key");
    assert_eq!((shop.times_at_extend("K-1"), shop.times_at_extend("K-1-B")), (0, 1));
    // And calls it off by the number that it knows.
    shop.drop_json("off.json", &json!({ "cancelOrder": { "orderNumberExternal": "K-1" } }));
    shop.wait_state("off.json", "delivered");
    let status: Vec<Value> = shop
        .extend
        .world()
        .orders_by_external("K-1-B")
        .iter()
        .map(|order| order.value()["orderHeader"]["orderStatus"].clone())
        .collect();
    assert_eq!(status, ["Annulled"]);
}

#[test]
fn a_change_that_is_corrected_while_extend_is_asked_changes_the_order_that_it_names_then() {
    let mut shop = Plan::sample().open();
    shop.start();
    for key in ["E-1", "E-2"] {
        shop.drop_json(&format!("{key}.json"), &order(key, "Product-123", 1));
        shop.wait_state(&format!("{key}.json"), "delivered");
    }
    let change = |key: &str| {
        json!({ "changeOrder": { "orderNumberExternal": key },
                "orderRows": [{ "position": 10, "salesData": { "quantity": 7 } }] })
    };
    let mut rule = FaultRule::once("GET", "CustomerOrders", Fault::Slow(Duration::from_secs(3)));
    rule.matcher.with_id = Some(true);
    shop.extend.push_fault(rule);
    shop.drop_json("change.json", &change("E-1"));
    shop.wait("Extend to be asked", |shop| {
        shop.number("SELECT count(*) FROM outbox_attempts WHERE kind = 'prepare'") == Some(1)
    });
    let id = shop.number("SELECT id FROM outbox WHERE kind = 'order_change'").expect("an item");
    edit(&shop, &json!(id), &change("E-2"));
    shop.wait_state("change.json", "delivered");
    let quantity = |key: &str| {
        let world = shop.extend.world();
        let orders = world.orders_by_external(key);
        orders[0].value()["orderRows"][0]["salesData"]["quantity"].as_f64()
    };
    assert_eq!((quantity("E-1"), quantity("E-2")), (Some(1.0), Some(7.0)));
}

#[test]
fn what_an_order_waits_for_follows_its_correction() {
    let mut shop = Plan::sample().open();
    shop.extend.cut_off();
    shop.start();
    shop.drop_json("customer.json", &super::changes::customer("C-NEW", "Umeå"));
    shop.wait_state("customer.json", "queued");
    let mut waits = order("W-1", "Product-123", 1);
    waits["orderHeader"]["customerNumber"] = json!("C-NEW");
    shop.drop_json("order.json", &waits);
    let queued = shop.wait_state("order.json", "queued");
    let ready = |shop: &Shop| shop.number("SELECT ready FROM outbox WHERE key = 'W-1'");
    assert_eq!(ready(&shop), Some(0));
    edit(&shop, &queued["id"], &order("W-1", "Product-123", 1));
    assert_eq!(ready(&shop), Some(1), "it waits for a customer that it does not name any more");
    edit(&shop, &queued["id"], &waits);
    assert_eq!(ready(&shop), Some(0));
}

#[test]
fn a_cancellation_never_annuls_an_order_of_somebody_else_with_the_same_number() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("ours.json", &order("S-1", "No such product", 1));
    let refused = shop.wait_state("ours.json", "refused");
    let ran = shop.run(&["outbox", "cancel", &refused["id"].to_string()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // Another webshop has a number like that too.
    let mut theirs = order("S-1", "Product-123", 1);
    theirs["orderHeader"]["yourReference"] = json!("another webshop");
    Api::of(&shop.extend).post("CustomerOrders", &theirs);
    shop.drop_json("off.json", &json!({ "cancelOrder": { "orderNumberExternal": "S-1" } }));
    shop.wait_state("off.json", "delivered");
    assert!(shop.requests("DELETE", "CustomerOrders").is_empty());
    let there = shop.extend.world().orders_by_external("S-1")[0].value();
    assert_ne!(there["orderHeader"]["orderStatus"], "Annulled");
}
