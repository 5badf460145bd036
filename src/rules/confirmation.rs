//! Whether an answer that says yes says it to what was sent.
//!
//! Between the agent and Extend stand things that answer in others' place: a proxy that mixes up two answers, a
//! gateway that says 200 with an error inside. An order that is called delivered and is not there is lost
//! without anybody knowing, so a yes is held against what it should say yes to.

use serde_json::Value;

use crate::formats::document::{Kind, text_at};
use crate::rules::change::Verb;

/// What was sent.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What it asks for.
    pub kind: Kind,
    /// How.
    pub verb: Verb,
    /// The webshop's key.
    pub key: Option<&'a str>,
    /// What a change is made to: Extend's number.
    pub target: &'a str,
}

/// Whether `body`, of a 2xx answer, is the answer to `wanted`.
///
/// # Errors
/// Why it can't be told to be.
pub fn confirm(wanted: &Wanted<'_>, body: &Value) -> Result<(), String> {
    let Some(fields) = body.as_object() else { return Err("the answer is no object".into()) };
    match (wanted.kind, wanted.verb) {
        (Kind::Customer, Verb::Put | Verb::Delete) => agrees(number_in(wanted.kind, body), wanted.target),
        (_, Verb::Post) => {
            if number_in(wanted.kind, body).is_none() {
                return Err("the answer names no number".into());
            }
            match (own_key(wanted.kind, body), wanted.key) {
                (Some(shown), Some(key)) => agrees(Some(shown.to_owned()), key),
                _ => Ok(()),
            }
        }
        // Extend acknowledges without showing the order (`CustomSuccess`, documented).
        (_, Verb::Put | Verb::Delete) => match number_in(wanted.kind, body) {
            Some(number) => agrees(Some(number), wanted.target),
            None if fields.keys().all(|name| is_acknowledgement(name)) => Ok(()),
            None => Err("the answer is neither an order nor an acknowledgement".into()),
        },
    }
}

fn agrees(shown: Option<String>, ours: &str) -> Result<(), String> {
    match shown {
        Some(shown) if shown.trim().eq_ignore_ascii_case(ours.trim()) => Ok(()),
        Some(shown) => Err(format!("the answer is about {shown}, not about {ours}")),
        None => Err("the answer names no number".into()),
    }
}

fn is_acknowledgement(name: &str) -> bool {
    ["message", "information"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Where an answer shows the webshop's own key.
fn own_key(kind: Kind, body: &Value) -> Option<&str> {
    let key = match kind {
        Kind::Return => text_at(body, &["header", "reference"]),
        Kind::Customer => text_at(body, &["customerNumber"]),
        _ => text_at(body, &["orderHeader", "orderNumberExternal"]),
    };
    key.filter(|key| !key.trim().is_empty())
}

/// The number that Extend gave, in its answer to a POST or GET of this kind.
pub fn number_in(kind: Kind, body: &Value) -> Option<String> {
    let number = match kind {
        Kind::Return => body.get("header")?.get("returnNumber")?,
        Kind::Customer => body.get("customerNumber")?,
        _ => body.get("orderHeader")?.get("orderNumber")?,
    };
    number_text(number)
}

/// A number of Extend's: text, as described, or digits without quotes.
pub fn number_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: Kind, verb: Verb, body: Value, believed: bool) {
        let wanted = Wanted { kind, verb, key: Some("WEB-1"), target: "OC-1" };
        assert_eq!(confirm(&wanted, &body).is_ok(), believed, "{kind:?} {verb:?} {body}");
    }

    #[test]
    fn a_yes_must_be_about_what_was_sent() {
        let order = |header: Value| json!({ "orderHeader": header, "orderRows": [] });
        check(Kind::Order, Verb::Post, order(json!({"orderNumber": "OC-1"})), true);
        check(Kind::Order, Verb::Post, order(json!({"orderNumber": 7, "orderNumberExternal": null})), true);
        check(
            Kind::Order,
            Verb::Post,
            order(json!({"orderNumber": "OC-1", "orderNumberExternal": " web-1"})),
            true,
        );
        check(
            Kind::Order,
            Verb::Post,
            order(json!({"orderNumber": "OC-9", "orderNumberExternal": "WEB-9"})),
            false,
        );
        check(Kind::Order, Verb::Post, order(json!({"orderNumber": " "})), false);
        check(Kind::Order, Verb::Post, json!({"Message": "Product 8010 does not exist."}), false);
        check(Kind::Order, Verb::Post, json!([]), false);
        let header = |reference: &str| json!({"header": {"returnNumber": "R-1", "reference": reference}});
        check(Kind::Return, Verb::Post, header("WEB-1"), true);
        check(Kind::Return, Verb::Post, header("WEB-2"), false);
        for verb in [Verb::Put, Verb::Delete] {
            check(
                Kind::OrderChange,
                verb,
                json!({"Message": "Order OC-1 was updated.", "Information": null}),
                true,
            );
            check(Kind::OrderChange, verb, json!({}), true);
            check(Kind::OrderChange, verb, order(json!({"orderNumber": "OC-1"})), true);
            check(Kind::OrderChange, verb, order(json!({"orderNumber": "OC-2"})), false);
            check(Kind::OrderChange, verb, json!({"error": "no such route", "message": "x"}), false);
        }
        check(Kind::Customer, Verb::Put, json!({"customerNumber": "OC-1"}), true);
        check(Kind::Customer, Verb::Put, json!({"customerNumber": "OC-2"}), false);
        check(Kind::Customer, Verb::Put, json!({"Message": "ok"}), false);
        check(Kind::Customer, Verb::Post, json!({"customerNumber": "WEB-1"}), true);
    }
}
