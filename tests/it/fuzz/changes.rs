//! Changes of what Extend has: whatever an order holds at Extend and whatever a document asks for.
//!
//! Parts: the document, what was there before, what is there now.

use extend_edge::formats::document::{Document, Kind, text_at};
use extend_edge::formats::json::parse;
use extend_edge::rules::change::{Outcome, Step, Verb, cancelled_places, outcome, plan};
use serde_json::{Value, json};

use super::parts::parts;

pub fn run(data: &[u8]) {
    let parts = parts(data);
    let Ok(Document { kind, body: document, .. }) = parse(parts[0]) else { return };
    if !kind.is_prepared() {
        return;
    }
    let record = |at: usize| -> Option<Value> {
        // What is no object is told as unreadable before it comes here.
        serde_json::from_slice(parts.get(at)?).ok().filter(Value::is_object)
    };
    let (before, now) = (record(1), record(2));
    for update in [false, true] {
        check(kind, &document, before.as_ref(), update);
    }
    let told = outcome(kind, &document, before.as_ref(), now.as_ref());
    if before == now && told == Outcome::AsWanted {
        // Nothing moved, so it was as wanted before it was asked for.
        assert!(is_wanted_already(kind, &document, now.as_ref()), "{document}\n{now:?}");
    }
    // Nothing there before may also mean that nobody knows.
    if before == now && before.is_some() {
        assert_ne!(told, Outcome::Otherwise, "nothing moved:\n{document}\n{now:?}");
    }
}

fn check(kind: Kind, document: &Value, there: Option<&Value>, update: bool) {
    match plan(kind, document, there, "OC-1", update) {
        Step::Send(verb, body) => {
            assert_eq!(verb == Verb::Delete, body.is_none());
            assert_eq!(verb == Verb::Post, there.is_none(), "only what is not there is made");
            if let (Some(body), Some(there)) = (&body, there) {
                sent(kind, document, there, body);
            }
        }
        Step::Done => {
            let there = there.expect("what is not there is not as wanted");
            assert_eq!(
                outcome(kind, document, Some(there), Some(there)),
                Outcome::AsWanted,
                "{document}\n{there}"
            );
        }
        Step::Refuse(refusal) => {
            assert!(!refusal.code().is_empty());
        }
    }
}

/// What is sent names no row that Extend made itself, cancels what was asked for and nothing else, and once Extend
/// has done it, it is seen as done.
fn sent(kind: Kind, document: &Value, there: &Value, body: &Value) {
    let again: Value = serde_json::from_str(&body.to_string()).expect("what is sent is JSON");
    assert_eq!(&again, body);
    match kind {
        Kind::RowCancellation => {
            let places = cancelled_places(document);
            for row in body["orderRows"].as_array().expect("rows") {
                assert_eq!((&row["rowOperation"], &row["warehouse"]), (&json!("Inactive"), &json!("TEST")));
                let place =
                    (number(&row["position"]).expect("a place"), number(&row["subPosition"]).unwrap_or(0));
                assert!(places.contains(&place), "{place:?} is not to be cancelled: {document}");
            }
            let mut now = there.clone();
            for row in now["orderRows"].as_array_mut().expect("rows") {
                let place = number(&row["position"]).map(|at| (at, number(&row["subPosition"]).unwrap_or(0)));
                if place.is_some_and(|place| places.contains(&place)) {
                    row["orderRowStatus"] = "Annulled".into();
                }
            }
            assert_eq!(outcome(kind, document, Some(there), Some(&now)), Outcome::AsWanted);
            assert_eq!(plan(kind, document, Some(&now), "OC-1", false), Step::Done, "done once is done");
            assert_eq!(outcome(kind, document, Some(there), Some(there)), Outcome::Unchanged);
        }
        Kind::Customer => {
            assert_eq!(body["customerNumber"], document["customerNumber"]);
            assert_eq!(outcome(kind, document, Some(there), Some(body)), Outcome::AsWanted);
            let twice = plan(kind, document, Some(body), "OC-1", true);
            assert_eq!(twice, Step::Send(Verb::Put, Some(body.clone())), "laid over twice is laid over once");
        }
        Kind::OrderChange => {
            let rows = body["orderRows"].as_array().expect("rows");
            let parent = |row: &Value| row["billOfMaterialsParentRowPosition"].is_null();
            assert!(rows.iter().all(parent), "rows of Extend's own are sent back");
            assert!(body.get("changeOrder").is_none());
            if let Some(header) = document.get("orderHeader").filter(|header| header.is_object()) {
                assert_eq!(&body["orderHeader"], header);
            } else {
                assert_eq!(text_at(body, &["orderHeader", "orderNumber"]), Some("OC-1"));
            }
        }
        _ => {}
    }
}

fn is_wanted_already(kind: Kind, document: &Value, there: Option<&Value>) -> bool {
    match kind {
        Kind::OrderCancellation | Kind::RowCancellation => {
            matches!(plan(kind, document, there, "OC-1", false), Step::Done)
                || there.is_none()
                || every_place_is_gone(document, there)
        }
        _ => true,
    }
}

/// Rows that Extend does not show are gone as well.
fn every_place_is_gone(document: &Value, there: Option<&Value>) -> bool {
    let rows = there.and_then(|there| there["orderRows"].as_array()).map_or(&[][..], Vec::as_slice);
    cancelled_places(document).into_iter().all(|place| {
        rows.iter()
            .filter(|row| {
                number(&row["position"]).map(|at| (at, number(&row["subPosition"]).unwrap_or(0)))
                    == Some(place)
            })
            .take(1)
            .all(|row| row["orderRowStatus"] == "Annulled" || row["rowOperation"] == "Inactive")
    })
}

fn number(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64))
}
