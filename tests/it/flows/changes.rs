//! Changes and cancellations of orders, and customers.

use extend_edge::standin::{Fault, FaultMatcher, FaultRule, Times};
use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop, order};

fn change(external: &str, rows: Value) -> Value {
    json!({ "changeOrder": { "orderNumberExternal": external }, "orderRows": rows })
}

fn cancel_rows(external: &str, positions: Value) -> Value {
    json!({ "cancelRows": { "orderNumberExternal": external, "positions": positions } })
}

fn cancel_order(external: &str) -> Value {
    json!({ "cancelOrder": { "orderNumberExternal": external } })
}

pub fn customer(number: &str, city: &str) -> Value {
    json!({
        "customerNumber": number, "name": "Åsa", "lastName": "Öberg", "customerLogisticsSettings": {},
        "customerDeliveryAddress": {
            "address": { "address1": "Storgatan 1", "postalCode": "903 26", "city": city, "country": "SE" },
        },
    })
}

/// An order with two equal rows, delivered.
fn delivered_order(shop: &Shop, key: &str) -> String {
    let mut two = order(key, "Product-123", 2);
    let row = two["orderRows"][0].clone();
    two["orderRows"] = json!([row.clone(), row]);
    shop.drop_json(&format!("{key}.json"), &two);
    let receipt = shop.wait_state(&format!("{key}.json"), "delivered");
    receipt["extendNumber"].as_str().expect("a number").to_owned()
}

fn rows(shop: &Shop, number: &str) -> Vec<Value> {
    shop.extend.world().order(number).expect("the order").rows()
}

fn statuses(shop: &Shop, number: &str) -> Vec<String> {
    rows(shop, number)
        .iter()
        .map(|row| row["orderRowStatus"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn lose(shop: &Shop, method: &str, resource: &str, fault: Fault) {
    shop.extend.push_fault(FaultRule::once(method, resource, fault));
}

#[test]
fn an_order_is_changed_by_either_number_and_keeps_what_is_not_named() {
    let mut shop = Plan::sample().open();
    shop.start();
    let number = delivered_order(&shop, "CH-1");
    shop.drop_json("more.json", &change("CH-1", json!([{ "position": 10, "salesData": { "quantity": 5 } }])));
    let receipt = shop.wait_state("more.json", "delivered");
    assert_eq!(
        (receipt["kind"].as_str(), receipt["extendNumber"].as_str()),
        (Some("order_change"), Some(&*number))
    );
    assert_eq!(receipt["key"], Value::Null);
    let there = rows(&shop, &number);
    assert_eq!(there[0]["salesData"]["quantity"].as_f64(), Some(5.0));
    assert_eq!(there[0]["salesData"]["unitPrice"].as_f64(), Some(10.6778));
    assert_eq!(there[1]["salesData"]["quantity"].as_f64(), Some(2.0));

    let by_number = json!({
        "orderHeader": { "orderNumber": number, "yourReference": "Åsa" },
        "orderRows": [{ "product": { "productNumber": "Product-123" }, "salesData": { "quantity": 1, "unit": "Stk" } }],
    });
    shop.drop_json("add.json", &by_number);
    shop.wait_state("add.json", "delivered");
    assert_eq!(rows(&shop, &number).len(), 3);
    assert_eq!(
        shop.extend.world().order(&number).expect("it").value()["orderHeader"]["yourReference"],
        "Åsa"
    );
    // What the webshop fetches follows.
    shop.wait("the order's file to show three rows", |shop| {
        let file = std::fs::read(shop.exchange("outgoing/orders/CH-1.json")).unwrap_or_default();
        let file: Value = serde_json::from_slice(&file).unwrap_or_default();
        file["rows"].as_array().is_some_and(|rows| rows.len() == 3)
    });
    assert_eq!(shop.requests("PUT", "CustomerOrders").len(), 2);
    shop.assert_described(&[]);
}

#[test]
fn one_row_among_equal_ones_is_cancelled_as_extend_wants_it() {
    let mut shop = Plan::sample().open();
    shop.start();
    let number = delivered_order(&shop, "CR-1");
    shop.drop_json("row.json", &cancel_rows("CR-1", json!([20])));
    shop.wait_state("row.json", "delivered");
    let there = statuses(&shop, &number);
    assert_eq!((there.len(), there[1].as_str()), (2, "Annulled"));
    assert_ne!(there[0], "Annulled");
    // Once more: it is as wanted, and nothing is sent.
    shop.drop_json("again.json", &cancel_rows("CR-1", json!([20])));
    shop.wait_state("again.json", "delivered");
    assert_eq!(shop.requests("PUT", "CustomerOrders").len(), 1);
    shop.drop_json("no-row.json", &cancel_rows("CR-1", json!([70])));
    let refused = shop.wait_state("no-row.json", "refused");
    assert_eq!(refused["error"]["code"], "unknown_row");
    // Extend's own no: picking has begun.
    shop.extend.world().reserve(&number);
    // The row that nobody can see to be missing holds what comes after it about the same order.
    assert_eq!(shop.run(&["outbox", "cancel", &refused["id"].to_string()]).code, Some(0));
    shop.drop_json("late.json", &cancel_rows("CR-1", json!([10])));
    let refused = shop.wait_state("late.json", "refused");
    assert_eq!(refused["error"]["code"], "extend_refused");
    shop.assert_described(&[]);
}

#[test]
fn an_order_that_still_waits_is_called_off_here_and_neither_is_sent() {
    let mut shop = Plan::sample().open();
    shop.extend.cut_off();
    shop.start();
    shop.drop_json("order.json", &order("CO-1", "Product-123", 1));
    shop.wait_state("order.json", "queued");
    shop.drop_json(
        "change.json",
        &change("CO-1", json!([{ "position": 10, "salesData": { "quantity": 5 } }])),
    );
    shop.wait_state("change.json", "queued");
    shop.drop_json("cancel.json", &cancel_order("CO-1"));
    shop.wait_state("cancel.json", "delivered");
    shop.wait_state("order.json", "cancelled");
    shop.wait_state("change.json", "cancelled");
    shop.drop_json("cancel-again.json", &cancel_order("CO-1"));
    // The same number may be used for the order that was meant.
    shop.drop_json("new.json", &order("CO-2", "Product-123", 1));
    shop.wait_state("new.json", "queued");
    shop.extend.bring_back().expect("the port");
    shop.wait_state("new.json", "delivered");
    shop.wait_state("cancel-again.json", "delivered");
    assert_eq!(shop.times_at_extend("CO-1"), 0);
    assert_eq!(shop.requests("DELETE", "CustomerOrders").len(), 0);
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
}

#[test]
fn an_order_with_an_unresolved_attempt_is_looked_up_before_it_is_called_off() {
    for (fault, at_extend) in [(Fault::CloseAfter, 1), (Fault::CloseBefore, 0)] {
        let mut shop = Plan::sample().set("outbox.lookup_grace_seconds", "3").open();
        lose(&shop, "POST", "CustomerOrders", fault);
        shop.start();
        shop.drop_json("order.json", &order("CU-1", "Product-123", 1));
        shop.wait("the attempt to be lost", |shop| {
            shop.number("SELECT count(*) FROM outbox_attempts WHERE outcome = 'unclear'") == Some(1)
        });
        shop.drop_json("cancel.json", &cancel_order("CU-1"));
        shop.wait_state("cancel.json", "delivered");
        let order = shop.wait_state("order.json", if at_extend == 1 { "delivered" } else { "cancelled" });
        assert_eq!(order["attempts"], 1);
        assert_eq!(shop.times_at_extend("CU-1"), at_extend);
        assert_eq!(shop.requests("DELETE", "CustomerOrders").len(), at_extend);
        if let Some(number) = order["extendNumber"].as_str() {
            let value = shop.extend.world().order(number).expect("it").value();
            assert_eq!(value["orderHeader"]["orderStatus"], "Annulled");
        }
        shop.assert_described(&[]);
    }
}

#[test]
fn a_change_whose_answer_is_lost_is_made_once() {
    for fault in [Fault::CloseAfter, Fault::CloseBefore, Fault::ServerErrorAfter, Fault::EmptyOk] {
        let mut shop = Plan::sample().open();
        shop.start();
        let number = delivered_order(&shop, "LC-1");
        lose(&shop, "PUT", "CustomerOrders", fault.clone());
        let new = json!([{ "product": { "productNumber": "Product-123" }, "salesData": { "quantity": 2, "unit": "Stk" } }]);
        shop.drop_json("add.json", &change("LC-1", new));
        shop.wait_state("add.json", "delivered");
        assert_eq!(rows(&shop, &number).len(), 3, "{fault:?}");
        lose(&shop, "DELETE", "CustomerOrders", fault.clone());
        shop.drop_json("cancel.json", &cancel_order("LC-1"));
        shop.wait_state("cancel.json", "delivered");
        assert!(statuses(&shop, &number).iter().all(|status| status == "Annulled"), "{fault:?}");
        shop.assert_described(&[]);
    }
}

#[test]
fn a_change_that_somebody_else_crossed_is_left_to_a_person() {
    let mut shop = Plan::sample().set("outbox.lookup_grace_seconds", "2").open();
    shop.start();
    let number = delivered_order(&shop, "XC-1");
    let other = number.clone();
    // Between the attempt and the look-up Extend's people change the row.
    shop.extend.on_request(move |world, record| {
        if record.method == "PUT" {
            world.change_order(&other, |order| order["orderRows"][0]["salesData"]["quantity"] = json!(9));
        }
    });
    lose(&shop, "PUT", "CustomerOrders", Fault::CloseBefore);
    shop.drop_json("more.json", &change("XC-1", json!([{ "position": 10, "salesData": { "quantity": 5 } }])));
    let refused = shop.wait_state("more.json", "refused");
    assert_eq!(refused["error"]["code"], "unclear_change");
    assert!(refused["error"]["message"].as_str().is_some_and(|message| message.contains(&number)));
    assert_eq!(rows(&shop, &number)[0]["salesData"]["quantity"].as_f64(), Some(9.0));
    // A person looked and wants it all the same.
    assert_eq!(shop.run(&["outbox", "retry", &refused["id"].to_string()]).code, Some(0));
    shop.wait_state("more.json", "delivered");
    shop.assert_described(&[]);
}

#[test]
fn a_change_survives_a_kill_after_every_call() {
    let mut shop = Plan::sample().open();
    shop.start();
    let number = delivered_order(&shop, "KC-1");
    for (name, fault) in [
        ("hangs-before", Fault::Hang(std::time::Duration::from_secs(4))),
        ("hangs-after", Fault::HangAfter(std::time::Duration::from_secs(4))),
    ] {
        lose(&shop, "PUT", "CustomerOrders", fault);
        let puts = shop.requests("PUT", "CustomerOrders").len();
        let new = json!([{ "product": { "productNumber": "Product-123" }, "salesData": { "quantity": 2, "unit": "Stk" } }]);
        shop.drop_json(&format!("{name}.json"), &change("KC-1", new));
        shop.wait("the PUT", |shop| shop.requests("PUT", "CustomerOrders").len() > puts);
        shop.kill();
        shop.start();
        shop.wait_state(&format!("{name}.json"), "delivered");
    }
    assert_eq!(rows(&shop, &number).len(), 4);
}

#[test]
fn changes_wait_for_their_order_and_go_in_the_order_in_which_they_came() {
    let mut shop = Plan::sample().open();
    shop.extend.cut_off();
    shop.start();
    for (name, document) in [
        ("a.json", order("SQ-1", "Product-123", 1)),
        ("b.json", change("SQ-1", json!([{ "position": 10, "salesData": { "quantity": 5 } }]))),
        ("c.json", change("SQ-1", json!([{ "position": 10, "salesData": { "quantity": 6 } }]))),
        ("d.json", change("SQ-1", json!([{ "position": 10, "salesData": { "quantity": 7 } }]))),
    ] {
        shop.drop_json(name, &document);
        shop.wait_state(name, "queued");
    }
    shop.extend.bring_back().expect("the port");
    let number = shop.wait_state("d.json", "delivered")["extendNumber"].clone();
    let number = number.as_str().expect("a number");
    assert_eq!(rows(&shop, number)[0]["salesData"]["quantity"].as_f64(), Some(7.0));
    let sent: Vec<f64> = shop
        .requests("PUT", "CustomerOrders")
        .iter()
        .filter_map(|put| {
            serde_json::from_slice::<Value>(&put.request_body).ok()?["orderRows"][0]["salesData"]["quantity"]
                .as_f64()
        })
        .collect();
    assert_eq!(sent, [5.0, 6.0, 7.0]);
    shop.assert_described(&[]);
}

#[test]
fn an_order_that_nobody_knows_is_not_changed() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("nobody.json", &cancel_order("nobody's"));
    assert_eq!(shop.wait_state("nobody.json", "refused")["error"]["code"], "unknown_order");
    // One that Extend had before this shop had the program.
    shop.drop_json("known.json", &json!({ "changeOrder": { "orderNumberExternal": "W-142" }, "orderHeader": { "yourReference": "x" } }));
    let known = shop.wait_state("known.json", "refused");
    assert!(known["error"]["message"].as_str().is_some_and(|words| words.contains("OC-142")), "{known}");
    shop.drop_json("gone.json", &json!({ "cancelOrder": { "orderNumber": "OC-no/such å" } }));
    assert_eq!(shop.wait_state("gone.json", "refused")["error"]["code"], "not_found");
    shop.assert_described(&[]);
}

#[test]
fn a_customer_is_made_once_and_its_orders_wait_for_it() {
    let mut shop = Plan::sample().open();
    lose(&shop, "POST", "Customers", Fault::CloseAfter);
    shop.extend.cut_off();
    shop.start();
    shop.drop_json("a-customer.json", &customer("N-1", "Umeå"));
    let first = shop.wait_state("a-customer.json", "queued");
    let mut bought = order("CW-1", "Product-123", 1);
    bought["orderHeader"]["customerNumber"] = json!("N-1");
    shop.drop_json("b-order.json", &bought);
    let waiting = shop.wait_state("b-order.json", "queued");
    let shown = shop.run(&["outbox", "show", &waiting["id"].to_string(), "--json"]).json();
    assert_eq!(shown["waitsFor"], format!("item {}", first["id"]));
    shop.extend.bring_back().expect("the port");
    shop.wait_state("b-order.json", "delivered");
    shop.wait_state("a-customer.json", "delivered");
    assert_eq!(shop.requests("POST", "Customers").len(), 1);
    shop.drop_json("same.json", &customer("N-1", "Umeå"));
    assert_eq!(shop.wait_state("same.json", "delivered")["duplicateOf"], first["id"]);
    shop.drop_json("other.json", &customer("N-1", "Luleå"));
    assert_eq!(shop.wait_error("other.json").0["code"], "duplicate_key");
    shop.assert_described(&[]);
}

#[test]
fn a_customer_that_extend_has_is_refused_and_holds_no_order() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("customer.json", &customer("Customer-123", "Umeå"));
    let refused = shop.wait_state("customer.json", "refused");
    assert_eq!(refused["error"]["code"], "customer_exists");
    shop.drop_json("order.json", &order("CE-1", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    assert_eq!(shop.requests("PUT", "Customers").len(), 0);
    shop.assert_described(&[]);
}

#[test]
fn where_the_settings_allow_it_customers_are_changed_and_the_rest_of_them_stays() {
    let mut shop = Plan::sample().set("customers.update", "true").open();
    let before = shop.extend.world().customer("Customer-123").expect("it").value.clone();
    shop.start();
    lose(&shop, "PUT", "Customers", Fault::CloseAfter);
    for city in ["Umeå", "Luleå", "Umeå"] {
        let name = format!("{city}-{}.json", shop.requests("PUT", "Customers").len());
        shop.drop_json(&name, &customer("Customer-123", city));
        shop.wait_state(&name, "delivered");
        let there = shop.extend.world().customer("Customer-123").expect("it").value.clone();
        assert_eq!(there["customerDeliveryAddress"]["address"]["city"], city);
        for (field, value) in before.as_object().expect("fields") {
            if !["name", "lastName", "customerDeliveryAddress", "changeDate", "customerLogisticsSettings"]
                .contains(&field.as_str())
            {
                assert_eq!(&there[field], value, "{field}");
            }
        }
    }
    // The answer to the change is what is known now, whatever list was on its way.
    let name: String = shop
        .database()
        .query_row("SELECT city FROM customers WHERE customer_number = 'Customer-123'", [], |row| row.get(0))
        .expect("a row");
    assert_eq!(name, "Umeå");
    shop.assert_described(&[]);
}

#[test]
fn a_change_that_keeps_failing_while_extend_is_well_backs_off_alone() {
    let mut shop = Plan::sample().open();
    shop.start();
    let number = delivered_order(&shop, "BO-1");
    let matcher =
        FaultMatcher::to("GET", "CustomerOrders").with_id(true).containing("").times(Times::Count(3));
    shop.extend.push_fault(FaultRule { matcher, fault: Fault::Deadlock });
    shop.drop_json("cancel.json", &cancel_order("BO-1"));
    shop.drop_json("other.json", &order("BO-2", "Product-123", 1));
    shop.wait_state("other.json", "delivered");
    shop.wait_state("cancel.json", "delivered");
    assert!(statuses(&shop, &number).iter().all(|status| status == "Annulled"));
}
