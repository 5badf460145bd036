use proptest::prelude::*;
use serde_json::json;

use super::*;

fn row(position: i64, product: &str, quantity: f64) -> Value {
    json!({
        "position": position, "subPosition": 0, "orderRowStatus": "Created", "warehouse": "MAIN",
        "product": { "productNumber": product },
        "salesData": { "quantity": quantity, "unit": "ST", "unitPrice": 10.6778 },
    })
}

fn order(rows: Vec<Value>) -> Value {
    json!({
        "orderHeader": { "orderNumber": "OC-1", "orderStatus": "Created", "customerNumber": "C",
                         "askedDeliveryDate": "2030-01-15T00:00:00+01:00" },
        "orderRows": rows,
    })
}

fn annulled(mut row: Value) -> Value {
    row["orderRowStatus"] = "Annulled".into();
    row
}

fn body(step: Step) -> Value {
    match step {
        Step::Send(Verb::Put, Some(body)) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_is_cancelled_as_extend_wants_it_and_its_equals_stay() {
    let there = order(vec![row(10, "P", 2.0), row(20, "P", 2.0)]);
    let wanted = json!({ "cancelRows": { "orderNumberExternal": "W-1", "positions": [20] } });
    let body = body(plan(Kind::RowCancellation, &wanted, Some(&there), "OC-1", false));
    assert_eq!(body["orderHeader"], json!({ "orderNumber": "OC-1" }));
    assert_eq!(body["orderRows"].as_array().unwrap().len(), 1);
    let sent = &body["orderRows"][0];
    assert_eq!((sent["position"].as_i64(), &sent["subPosition"]), (Some(20), &json!(0)));
    assert_eq!((&sent["rowOperation"], &sent["warehouse"]), (&json!("Inactive"), &json!("TEST")));
    assert_eq!(sent["salesData"]["unitPrice"].to_string(), "10.6778");
    assert!(sent.get("orderRowStatus").is_none());

    let long =
        json!({ "cancelRows": { "rows": [{ "position": 20, "subPosition": 0 }, { "position": 20 }] } });
    assert_eq!(cancelled_places(&long), [(20, 0)]);
    let refused = plan(
        Kind::RowCancellation,
        &json!({ "cancelRows": { "positions": [30] } }),
        Some(&there),
        "OC-1",
        false,
    );
    assert_eq!(refused, Step::Refuse(Refusal::NoSuchRow { position: 30, sub_position: 0 }));
    let mut child = row(30, "PART", 2.0);
    child["billOfMaterialsParentRowPosition"] = json!(20);
    let there = order(vec![annulled(row(20, "P", 2.0)), child]);
    let part = json!({ "cancelRows": { "positions": [30] } });
    assert_eq!(
        plan(Kind::RowCancellation, &part, Some(&there), "OC-1", false),
        Step::Refuse(Refusal::ChildRow { position: 30, parent: 20 })
    );
    assert_eq!(plan(Kind::RowCancellation, &wanted, Some(&there), "OC-1", false), Step::Done);
}

#[test]
fn a_change_keeps_what_it_does_not_name_and_sends_no_child_back() {
    let mut child = row(20, "PART", 4.0);
    child["billOfMaterialsParentRowPosition"] = json!(10);
    let there = order(vec![row(10, "P", 2.0), child.clone()]);
    let wanted = json!({
        "changeOrder": { "orderNumberExternal": "W-1" },
        "orderHeader": { "yourReference": "Åsa", "mine": [1.50] },
        "orderRows": [
            { "position": 10, "salesData": { "quantity": 3.50 } },
            { "position": 20, "salesData": { "quantity": 9 } },
            child,
            { "product": { "productNumber": "NEW" }, "salesData": { "quantity": 1, "unit": "ST" } },
        ],
    });
    let wanted: Value = serde_json::from_str(&wanted.to_string().replace("3.5", "3.50")).unwrap();
    let body = body(plan(Kind::OrderChange, &wanted, Some(&there), "OC-1", false));
    assert!(body.get("changeOrder").is_none());
    assert_eq!(body["orderHeader"], wanted["orderHeader"]);
    assert_eq!(body["orderRows"].as_array().unwrap().len(), 2);
    let sales = &body["orderRows"][0]["salesData"];
    assert_eq!(
        (sales["quantity"].to_string(), sales["unitPrice"].to_string()),
        ("3.50".into(), "10.6778".into())
    );
    assert_eq!(body["orderRows"][0]["product"], json!({ "productNumber": "P" }));
    assert_eq!(body["orderRows"][1], wanted["orderRows"][3]);
}

#[test]
fn customers_are_made_once_and_changed_only_where_that_is_allowed() {
    let wanted = json!({ "customerNumber": "C-1", "name": "New", "customerDeliveryAddress": { "address": { "city": "Umeå" } } });
    assert_eq!(
        plan(Kind::Customer, &wanted, None, "C-1", false),
        Step::Send(Verb::Post, Some(wanted.clone()))
    );
    let there = json!({ "customerNumber": "C-1", "name": "Old", "phone": "1", "customerDeliveryAddress": { "address": { "city": "Luleå", "address1": "A" } } });
    assert_eq!(
        plan(Kind::Customer, &wanted, Some(&there), "C-1", false),
        Step::Refuse(Refusal::CustomerExists)
    );
    let merged = body(plan(Kind::Customer, &wanted, Some(&there), "C-1", true));
    assert_eq!(
        merged,
        json!({ "customerNumber": "C-1", "name": "New", "phone": "1", "customerDeliveryAddress": { "address": { "city": "Umeå", "address1": "A" } } })
    );
    let own = json!({ "customerNumber": "C-1", "createDate": "x", "customerContacts": [{ "firstName": "A", "changeDate": "x" }] });
    assert_eq!(
        body(plan(Kind::Customer, &json!({ "name": "New" }), Some(&own), "C-1", true)),
        json!({ "customerNumber": "C-1", "customerContacts": [{ "firstName": "A" }], "name": "New" })
    );
    use Outcome::{AsWanted, Otherwise, Unchanged};
    for (before, now, expected) in [
        (None, None, Unchanged),
        (None, Some(&wanted), AsWanted),
        (None, Some(&there), Otherwise),
        (Some(&there), Some(&merged), AsWanted),
        (Some(&there), Some(&there), Unchanged),
        (Some(&there), Some(&json!({ "customerNumber": "C-1", "name": "Third" })), Otherwise),
        (Some(&there), None, Otherwise),
    ] {
        assert_eq!(outcome(Kind::Customer, &wanted, before, now), expected, "{before:?} {now:?}");
    }
}

fn check(kind: Kind, document: &Value, before: &Value, now: &Value, expected: Outcome) {
    assert_eq!(outcome(kind, document, Some(before), Some(now)), expected, "{document}\n{before}\n{now}");
}

#[test]
fn what_an_attempt_came_to_shows_in_the_order() {
    use Outcome::{AsWanted, Otherwise, Unchanged};
    let before = order(vec![row(10, "P", 2.0), row(20, "P", 2.0)]);
    let mut reserved = before.clone();
    reserved["orderHeader"]["orderStatus"] = "Reserved".into();
    let mut gone = before.clone();
    gone["orderHeader"]["orderStatus"] = "Annulled".into();

    let cancel = json!({ "cancelOrder": {} });
    check(Kind::OrderCancellation, &cancel, &before, &gone, AsWanted);
    check(Kind::OrderCancellation, &cancel, &before, &before, Unchanged);
    check(Kind::OrderCancellation, &cancel, &before, &reserved, Otherwise);

    let one = json!({ "cancelRows": { "positions": [20] } });
    let other_gone = order(vec![annulled(row(10, "P", 2.0)), row(20, "P", 2.0)]);
    let this_gone = order(vec![row(10, "P", 2.0), annulled(row(20, "P", 2.0))]);
    check(Kind::RowCancellation, &one, &before, &this_gone, AsWanted);
    check(Kind::RowCancellation, &one, &before, &before, Unchanged);
    check(Kind::RowCancellation, &one, &before, &other_gone, Otherwise);

    let change = json!({ "orderHeader": { "askedDeliveryDate": "2030-01-20T00:00:00+01:00" },
                         "orderRows": [{ "position": 10, "salesData": { "quantity": 3 } },
                                       { "product": { "productNumber": "N" }, "salesData": { "quantity": 1, "unit": "ST" } }] });
    let mut done = order(vec![row(10, "P", 3.0), row(20, "P", 2.0), row(30, "N", 1.0)]);
    done["orderHeader"]["askedDeliveryDate"] = "2030-01-19T23:00:00Z".into();
    let mut half = done.clone();
    half["orderRows"][0] = row(10, "P", 2.0);
    let mut third = before.clone();
    third["orderRows"][0] = row(10, "P", 7.0);
    check(Kind::OrderChange, &change, &before, &done, AsWanted);
    check(Kind::OrderChange, &change, &before, &before, Unchanged);
    check(Kind::OrderChange, &change, &before, &half, Otherwise);
    check(Kind::OrderChange, &change, &before, &third, Otherwise);
    check(Kind::OrderChange, &change, &before, &reserved, Otherwise);

    // A second row that equals one that is there is not taken for it.
    let more = json!({ "orderRows": [{ "product": { "productNumber": "P" }, "salesData": { "quantity": 2, "unit": "ST" } }] });
    check(Kind::OrderChange, &more, &before, &before, Unchanged);
    check(
        Kind::OrderChange,
        &more,
        &before,
        &order(vec![row(10, "P", 2.0), row(20, "P", 2.0), row(30, "P", 2.0)]),
        AsWanted,
    );
    // What Extend never shows can be laid over once more.
    let hidden = json!({ "orderHeader": { "mine": 1 }, "orderRows": [] });
    check(Kind::OrderChange, &hidden, &before, &before, Unchanged);
}

proptest! {
    /// Whatever is planned and then made shows as wanted, and before it was made as unchanged.
    #[test]
    fn what_was_planned_and_made_is_seen(
        quantities in proptest::collection::vec(1u32..5, 1..5),
        touched in 0usize..5,
        to in 6u32..9,
        added in 0u32..3,
    ) {
        let rows: Vec<Value> =
            quantities.iter().enumerate().map(|(at, quantity)| row(at as i64 * 10 + 10, "P", f64::from(*quantity))).collect();
        let touched = touched % rows.len();
        let before = order(rows);
        let mut wanted = vec![json!({ "position": touched * 10 + 10, "salesData": { "quantity": to } })];
        for _ in 0..added {
            wanted.push(json!({ "product": { "productNumber": "P" }, "salesData": { "quantity": 1, "unit": "ST" } }));
        }
        let document = json!({ "orderHeader": { "orderNumber": "OC-1" }, "orderRows": wanted });
        let sent = body(plan(Kind::OrderChange, &document, Some(&before), "OC-1", false));
        let mut now = before.clone();
        let all = now["orderRows"].as_array_mut().unwrap();
        for row in sent["orderRows"].as_array().unwrap() {
            match place(row) {
                Some(_) => lay_over(&mut all[touched], row),
                None => {
                    let mut new = row.clone();
                    new["position"] = json!(all.len() * 10 + 10);
                    all.push(new);
                }
            }
        }
        prop_assert_eq!(outcome(Kind::OrderChange, &document, Some(&before), Some(&before)), Outcome::Unchanged);
        prop_assert_eq!(outcome(Kind::OrderChange, &document, Some(&before), Some(&now)), Outcome::AsWanted);
        // One row fewer than was added: somebody must look.
        if added > 0 {
            now["orderRows"].as_array_mut().unwrap().pop();
            prop_assert_eq!(outcome(Kind::OrderChange, &document, Some(&before), Some(&now)), Outcome::Otherwise);
        }
    }
}
