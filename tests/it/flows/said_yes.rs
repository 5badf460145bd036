//! Something answers yes that is not Extend, or not to what was sent: nothing is called delivered that is not
//! there, nothing is sent again that may be, and a person hears of it.

use extend_edge::standin::{Fault, FaultRule};
use serde_json::json;

use crate::support::shop::{Plan, order};

#[test]
fn a_yes_that_does_not_tell_to_what_is_neither_believed_nor_sent_again() {
    let mut shop = Plan::sample().open();
    shop.start();
    // A gateway that says 200 with the error inside, and one that mixes up two answers.
    let other =
        json!({"orderHeader": {"orderNumber": "OC-9", "orderNumberExternal": "ELSE-1"}, "orderRows": []});
    for (key, fault) in [
        ("Y-1", Fault::Status(200)),
        ("Y-2", Fault::OtherAnswer(other.to_string())),
        ("Y-3", Fault::OtherAnswer("[]".into())),
    ] {
        shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", fault));
        let name = format!("{key}.json");
        shop.drop_json(&name, &order(key, "Product-123", 1));
        let refused = shop.wait_state(&name, "refused");
        assert_eq!(refused["error"]["code"], "unconfirmed", "{refused}");
        assert_eq!((shop.times_at_extend(key), &refused["attempts"]), (0, &json!(1)));
    }
    // The same again is not a new order: this one may be there.
    shop.drop_json("again.json", &order("Y-1", "Product-123", 1));
    shop.wait_state("again.json", "refused");

    // All together would send what may be there.
    let ran = shop.run(&["outbox", "retry", "--refused"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("3 left out"), "{ran:?}");
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 3);
    // A person who has looked says so for each.
    let id = shop.number("SELECT id FROM outbox WHERE key = 'Y-1'").expect("an item").to_string();
    assert_eq!(shop.run(&["outbox", "retry", &id]).code, Some(0));
    shop.wait_state("Y-1.json", "delivered");
    assert_eq!(shop.times_at_extend("Y-1"), 1);
    shop.assert_described(&[]);
}

#[test]
fn an_order_that_extend_took_is_found_though_the_answer_is_of_another() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("first.json", &order("Z-1", "Product-123", 1));
    let first = shop.wait_state("first.json", "delivered");
    // The second is given the number of the first, without the number that would tell them apart.
    let body = json!({"orderHeader": {"orderNumber": first["extendNumber"]}, "orderRows": []});
    shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::OtherAnswer(body.to_string())));
    shop.drop_json("second.json", &order("Z-2", "Product-123", 1));
    let second = shop.wait_state("second.json", "refused");
    assert_eq!(second["error"]["code"], "unconfirmed");
    assert_eq!(second["extendNumber"], json!(null));
}

#[test]
fn an_answer_that_stays_unclear_while_extend_is_well_is_told_of() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.extend.push_fault(FaultRule::always("POST", "CustomerOrders", Fault::Status(409)));
    shop.drop_json("conflict.json", &order("C-1", "Product-123", 1));
    shop.wait_until("the failures to be counted", crate::support::shop::PATIENCE * 2, |shop| {
        shop.number("SELECT failures FROM outbox WHERE key = 'C-1'").is_some_and(|failures| failures >= 5)
    });
    let (status, code) = shop.status();
    assert_eq!((code, &status["needsPerson"][0]["code"]), (Some(3), &json!("keeps_failing")), "{status}");
    shop.extend.clear_faults();
    shop.wait_state("conflict.json", "delivered");
    assert_eq!(shop.times_at_extend("C-1"), 1);
}

#[test]
fn a_look_up_that_keeps_failing_is_told_of_and_holds_nobody_back() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::CloseAfter));
    let mut rule =
        FaultRule::always("GET", "CustomerOrders", Fault::Business("The filter is not allowed.".into()));
    rule.matcher.containing = Some("L-1".into());
    shop.extend.push_fault(rule);
    shop.drop_json("lost.json", &order("L-1", "Product-123", 1));
    shop.wait_until("the failures to be counted", crate::support::shop::PATIENCE * 2, |shop| {
        shop.number("SELECT failures FROM outbox WHERE key = 'L-1'").is_some_and(|failures| failures >= 5)
    });
    shop.drop_json("next.json", &order("N-1", "Product-123", 1));
    shop.wait_state("next.json", "delivered");
    assert_eq!(shop.status().0["needsPerson"][0]["code"], "keeps_failing");
    shop.extend.clear_faults();
    shop.wait_state("lost.json", "delivered");
    assert_eq!(shop.times_at_extend("L-1"), 1);
}
