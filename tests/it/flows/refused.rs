//! Extend says no: Extend's own words reach the shop, others go past, and a person decides.

use extend_edge::standin::Product;

use crate::support::shop::{Plan, order, return_of};

#[test]
fn what_extend_refuses_waits_for_a_person_and_holds_nobody_back() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("a-wrong.json", &order("X-1", "No such product", 1));
    let wrong = shop.wait_state("a-wrong.json", "refused");
    let words = "No such product";
    let message = wrong["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains(words), "Extend's own message: {message}");
    let answered = shop.requests("POST", "CustomerOrders").pop().expect("a POST");
    let answered: serde_json::Value = serde_json::from_slice(&answered.response_body).expect("JSON");
    assert_eq!(answered["Message"], message);
    assert_eq!(wrong["error"]["code"], "extend_refused");
    assert_eq!(wrong["attempts"], 1);
    shop.drop_json("b-right.json", &order("X-2", "Product-123", 1));
    shop.wait_state("b-right.json", "delivered");

    let (status, code) = shop.status();
    assert_eq!((code, &status["outbox"]["refused"]), (Some(3), &serde_json::json!(1)));
    assert_eq!(status["needsPerson"][0]["code"], "refused");
    assert_eq!(status["needsPerson"][0]["item"], wrong["id"]);
    assert!(status["needsPerson"][0]["message"].as_str().is_some_and(|text| text.contains(&message)));
    let refused: String = shop
        .database()
        .query_row("SELECT error_message FROM report_refused", [], |row| row.get(0))
        .expect("a row");
    assert_eq!(refused, message);

    // Extend's people add the product; the shop's person tries again.
    let id = wrong["id"].to_string();
    let ran = shop.run(&["outbox", "retry", &id]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    shop.wait("the second refusal", |shop| {
        shop.number("SELECT count(*) FROM outbox_attempts WHERE outcome = 'refused'") == Some(2)
    });
    {
        let mut world = shop.extend.world();
        let mut product = Product::new(words, "Now there is", world.now()).in_warehouse("MainWarehouse", 5);
        product.price = Some(10.0);
        world.put_product(product);
    }
    let ran = shop.run(&["outbox", "retry", "--refused"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let delivered = shop.wait_state("a-wrong.json", "delivered");
    assert_eq!(delivered["error"], serde_json::Value::Null);
    assert_eq!(shop.times_at_extend("X-1"), 1);
    assert_eq!(shop.status().1, Some(0));

    // What has been delivered can be neither tried again nor called off.
    for action in ["retry", "cancel"] {
        let ran = shop.run(&["outbox", action, &id]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(&format!("item {id} is delivered")), "{ran:?}");
        let ran = shop.run(&["outbox", action, "4711"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("there is no item 4711"), "{ran:?}");
    }
    shop.assert_described(&[]);
}

#[test]
fn what_a_person_calls_off_is_never_sent() {
    let mut shop = Plan::sample().open();
    shop.extend.cut_off();
    shop.start();
    shop.drop_json("order.json", &order("C-1", "Product-123", 1));
    shop.drop_json("return.json", &return_of("C-R"));
    let order = shop.wait_state("order.json", "queued");
    shop.wait_state("return.json", "queued");
    let id = order["id"].to_string();
    let ran = shop.run(&["outbox", "cancel", &id]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    shop.wait_state("order.json", "cancelled");
    for action in ["retry", "cancel"] {
        let ran = shop.run(&["outbox", action, &id]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("is cancelled"), "{ran:?}");
    }
    shop.extend.bring_back().expect("the port");
    shop.wait_state("return.json", "delivered");
    assert_eq!(shop.times_at_extend("C-1"), 0);
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 0);
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
}
