//! Returns that name their order by the shop's own number.

use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop, order};

fn return_of_order(reference: &str, external: &str) -> Value {
    json!({
        "createAction": {
            "action": "ReturnCompleteCustomerOrder", "orderNumberExternal": external, "returnCode": "B",
        },
        "header": { "reference": reference },
    })
}

/// What arrived is the return with Extend's number in the place of the shop's.
fn assert_arrived(shop: &Shop, mut expected: Value, order_number: &str) {
    let action = expected["createAction"].as_object_mut().expect("an action");
    action.remove("orderNumberExternal");
    action.insert("orderNumber".to_owned(), json!(order_number));
    let world = shop.extend.world();
    let reference = expected["header"]["reference"].as_str();
    let posted: Vec<Value> = world
        .returns()
        .filter(|known| known.reference.as_deref() == reference)
        .map(|known| serde_json::from_slice(&known.posted_bytes).expect("JSON"))
        .collect();
    assert_eq!(posted, [expected]);
}

/// An order can be returned when it has been shipped; Extend's people ship the moment an order comes.
fn ship_at_once(shop: &Shop) {
    shop.extend.on_request(|world, record| {
        if (record.method.as_str(), record.resource.as_str()) == ("POST", "ReturnOrders") {
            let numbers: Vec<String> = world.orders().map(|order| order.number.clone()).collect();
            numbers.iter().for_each(|number| {
                world.pick(number, &[], false);
            });
        }
    });
}

#[test]
fn a_return_waits_for_its_order() {
    let mut shop = Plan::sample().open();
    ship_at_once(&shop);
    shop.extend.cut_off();
    shop.start();
    shop.drop_json("a-order.json", &order("RW-1", "Product-123", 1));
    shop.wait_state("a-order.json", "queued");
    let returned = return_of_order("RET-1", "RW-1");
    shop.drop_json("b-return.json", &returned);
    let receipt = shop.wait_state("b-return.json", "queued");
    let item = shop.run(&["outbox", "show", &receipt["id"].to_string(), "--json"]).json();
    let order_id = shop.receipt("a-order.json").expect("a receipt")["documents"][0]["id"].to_string();
    assert_eq!(item["waitsFor"], format!("item {order_id}"));
    shop.extend.bring_back().expect("the port");
    shop.wait_state("b-return.json", "delivered");
    let order_number = shop.wait_state("a-order.json", "delivered")["extendNumber"].clone();
    assert_arrived(&shop, returned, order_number.as_str().expect("a number"));
    assert_eq!(shop.requests("POST", "ReturnOrders").len(), 1);
    shop.assert_described(&[]);
}

#[test]
fn a_return_waits_while_its_order_is_refused_and_goes_with_the_one_that_takes_its_place() {
    let mut shop = Plan::sample().open();
    ship_at_once(&shop);
    shop.start();
    shop.drop_json("wrong.json", &order("RW-2", "No such product", 1));
    shop.wait_state("wrong.json", "refused");
    shop.drop_json("return.json", &return_of_order("RET-2", "RW-2"));
    shop.wait_state("return.json", "queued");
    shop.drop_json("other.json", &order("RW-3", "Product-123", 1));
    shop.wait_state("other.json", "delivered");
    assert_eq!(shop.state("return.json"), "queued");
    shop.drop_json("right.json", &order("RW-2", "Product-123", 1));
    shop.wait_state("return.json", "delivered");
    shop.assert_described(&[]);
}

#[test]
fn an_order_that_is_unknown_here_is_looked_up_at_extend() {
    let mut shop = Plan::sample().open();
    shop.start();
    // Delivered long before this shop had the program.
    let returned = return_of_order("RET-3", "W-142");
    shop.drop_json("known.json", &returned);
    shop.wait_state("known.json", "delivered");
    assert_arrived(&shop, returned, "OC-142");

    shop.drop_json("nobody.json", &return_of_order("RET-4", "W-nobody's"));
    let refused = shop.wait_state("nobody.json", "refused");
    assert_eq!(refused["error"]["code"], "unknown_order");
    assert!(refused["error"]["message"].as_str().is_some_and(|words| words.contains("W-nobody's")));
    assert_eq!(shop.status().1, Some(3));
    shop.assert_described(&[]);
}

#[test]
fn a_number_that_several_orders_have_is_left_to_a_person() {
    let mut shop = Plan::sample().open();
    // Another webshop of the same tenant used the number too.
    let twin = |world: &mut extend_edge::standin::World, number: &str| {
        let rename = |order: &mut Value| order["orderHeader"]["orderNumberExternal"] = json!("W-twin");
        assert!(world.change_order(number, rename));
    };
    shop.start();
    for key in ["T-1", "T-2"] {
        shop.drop_json(&format!("{key}.json"), &order(key, "Product-123", 1));
        let number = shop.wait_state(&format!("{key}.json"), "delivered")["extendNumber"].clone();
        twin(&mut shop.extend.world(), number.as_str().expect("a number"));
    }
    shop.drop_json("return.json", &return_of_order("RET-5", "W-twin"));
    let refused = shop.wait_state("return.json", "refused");
    assert_eq!(refused["error"]["code"], "ambiguous_order");
    let message = refused["error"]["message"].as_str().expect("a message");
    for order in shop.extend.world().orders_by_external("W-twin") {
        assert!(message.contains(&order.number), "{message}");
    }
    assert_eq!(shop.requests("POST", "ReturnOrders").len(), 0);
    shop.assert_described(&[]);
}
