//! A person corrects an item, and the webshop knows nothing of it: it may send the same again, and goes on naming
//! the order as it did.

use std::time::Duration;

use extend_edge::standin::{Fault, FaultRule, Product};
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
    let mut rule = FaultRule::always("GET", "CustomerOrders", Fault::Slow(Duration::from_secs(3)));
    rule.matcher.with_id = Some(true);
    shop.extend.push_fault(rule);
    shop.drop_json("change.json", &change("E-1"));
    shop.wait("Extend to be asked", |shop| {
        shop.number("SELECT count(*) FROM outbox_attempts WHERE kind = 'prepare'") == Some(1)
    });
    let id = shop.number("SELECT id FROM outbox WHERE kind = 'order_change'").expect("an item");
    edit(&shop, &json!(id), &change("E-2"));
    shop.extend.clear_faults();
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

#[test]
fn the_number_is_still_taken_when_the_database_was_lost() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("first.json", &order("D-1", "No such product", 1));
    let refused = shop.wait_state("first.json", "refused");
    edit(&shop, &refused["id"], &order("D-1-B", "Product-123", 1));
    shop.wait_state("first.json", "delivered");
    shop.wait("the receipt", |shop| shop.number("SELECT count(*) FROM owed_files") == Some(0));
    shop.stop();
    for file in ["extend-edge.db", "extend-edge.db-wal", "extend-edge.db-shm"] {
        let _ = std::fs::remove_file(shop.home().join("data").join(file));
    }
    shop.start();
    shop.drop_json("again.json", &order("D-1", "No such product", 1));
    shop.wait_state("again.json", "delivered");
    shop.drop_json("changed.json", &order("D-1", "Product-123", 1));
    assert_eq!(shop.wait_error("changed.json").0["code"], "duplicate_key");
    assert_eq!((shop.times_at_extend("D-1"), shop.times_at_extend("D-1-B")), (0, 1));
}

/// A shop restored from a backup that knows its order as refused, while it was delivered since.
fn restored(key: &str) -> Shop {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("order.json", &order(key, "No such product", 1));
    let refused = shop.wait_state("order.json", "refused");
    let backup = shop.home().join("then.db");
    assert_eq!(shop.run(&["backup", &backup.display().to_string()]).code, Some(0));
    // It is tried again after the backup, and delivered; then all that tells of it is lost.
    {
        let mut world = shop.extend.world();
        let product = Product::new("No such product", "Now there is", world.now());
        world.put_product(product.in_warehouse("MainWarehouse", 5));
    }
    assert_eq!(shop.run(&["outbox", "retry", &refused["id"].to_string()]).code, Some(0));
    shop.wait_state("order.json", "delivered");
    shop.stop();
    std::fs::remove_dir_all(shop.exchange("receipts")).expect("the receipts");
    let restored = shop.run(&["restore", &backup.display().to_string()]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    shop.start();
    shop
}

#[test]
fn what_a_backup_knew_as_refused_is_looked_up_before_the_webshop_calls_it_off() {
    let shop = restored("B-1");
    shop.drop_json("off.json", &json!({ "cancelOrder": { "orderNumberExternal": "B-1" } }));
    shop.wait_state("off.json", "delivered");
    let there = shop.extend.world().orders_by_external("B-1")[0].value();
    assert_eq!(there["orderHeader"]["orderStatus"], "Annulled", "{there}");
    assert_eq!(shop.times_at_extend("B-1"), 1);
}

#[test]
fn what_a_backup_knew_as_refused_is_looked_up_before_a_person_calls_it_off() {
    let shop = restored("B-2");
    let id = shop.number("SELECT id FROM outbox WHERE key = 'B-2'").expect("an item").to_string();
    let ran = shop.run(&["outbox", "cancel", &id]);
    assert!(ran.code == Some(0) && ran.stdout.contains("looked up there"), "{ran:?}");
    shop.wait_state("order.json", "delivered");
    assert_eq!(shop.times_at_extend("B-2"), 1);
    // One that is not there is called off.
    let shop = restored("B-3");
    let id = shop.number("SELECT id FROM outbox WHERE key = 'B-3'").expect("an item").to_string();
    {
        let mut world = shop.extend.world();
        let there = world.orders_by_external("B-3")[0].value()["orderHeader"]["orderNumber"].clone();
        assert!(world.remove_order(there.as_str().expect("a number")));
    }
    assert_eq!(shop.run(&["outbox", "cancel", &id]).code, Some(0));
    shop.wait_state("order.json", "cancelled");
    assert_eq!(shop.times_at_extend("B-3"), 0);
}
