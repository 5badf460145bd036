//! Webhooks: the signature over their bytes, and what stands in them.
//!
//! Read forgivingly: only the names inside `Details` of products and purchases are documented, so names
//! are taken in any case, and numbers with or without quotes.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::problem::{Problem, Wrong};
use super::text;

/// The header that holds the signature (documented).
pub const SIGNATURE_HEADER: &str = "ms-signature";

/// A webhook. One can tell of several things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The same for every attempt to deliver it; `None` where it has none.
    pub id: Option<String>,
    /// What happened.
    pub notifications: Vec<Notification>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// `OrderPicked`, `ProductChanged`, …
    pub action: String,
    details: Vec<(String, String)>,
}

impl Notification {
    /// The first of these details that is there and no empty text. Names in any case.
    pub fn detail(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let found = self.details.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        })
    }
}

/// Whether `signature`, as it stands in the header, is `sha256=` and the HMAC-SHA256 of `body` with the
/// secret, in hex of either case (documented). Takes as long whatever is wrong in it.
pub fn is_signed(secret: &str, body: &[u8], signature: &str) -> bool {
    let Some(digest) = signature_digest(signature) else { return false };
    // A key of any length is taken.
    Hmac::<Sha256>::new_from_slice(secret.as_bytes()).is_ok_and(|mut mac| {
        mac.update(body);
        mac.verify_slice(&digest).is_ok()
    })
}

/// The bytes of a signature; `None` where it is none, or not whole.
pub fn signature_digest(signature: &str) -> Option<[u8; 32]> {
    let (algorithm, hex) = signature.trim().split_once('=')?;
    if !algorithm.eq_ignore_ascii_case("sha256") || hex.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let value = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(value(0)? * 16 + value(1)?).ok()?;
    }
    Some(digest)
}

/// What stands in a webhook.
///
/// # Errors
/// It is no text, no JSON, or no webhook.
pub fn parse(body: &[u8]) -> Result<Hook, Problem> {
    let text = text::decode(body).map_err(|_| Problem::of_file(Wrong::NotText))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| Problem {
        wrong: Wrong::InvalidJson { column: error.column() as u64 },
        field: None,
        line: Some(error.line() as u64),
    })?;
    let no_hook = || Problem::of_file(Wrong::NoHook);
    let fields = value.as_object().ok_or_else(no_hook)?;
    let list = field(fields, "Notifications").and_then(Value::as_array).ok_or_else(no_hook)?;
    Ok(Hook {
        id: field(fields, "Id").and_then(plain).filter(|id| id.len() <= LONGEST),
        notifications: list.iter().filter_map(Value::as_object).filter_map(notification).collect(),
    })
}

fn notification(fields: &Map<String, Value>) -> Option<Notification> {
    let action = field(fields, "Action").and_then(plain)?;
    // Older senders of the library that Extend is believed to use have the details beside the action.
    let inside = field(fields, "Details").and_then(Value::as_object);
    let details = inside
        .into_iter()
        .chain([fields])
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), plain(value)?)))
        .filter(|(_, value)| value.len() <= LONGEST)
        .collect();
    Some(Notification { action, details })
}

/// No number and no id of Extend's is longer.
const LONGEST: usize = 200;

fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A text that is not blank, or a number as it is written.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "25FB6994568A75CD233E04BA1C653AF1BF476041CC543AF04F82CAAC482C201A";

    #[test]
    fn the_published_signature_is_right_in_either_case() {
        let signed = |signature: &str| is_signed("secret123", b"{'test':'test2'}", signature);
        assert!(signed(&format!("sha256={HEX}")));
        assert!(signed(&format!("sha256={}", HEX.to_lowercase())));
        assert!(signed(&format!(" SHA256={HEX}\r\n")));
        for wrong in [
            String::new(),
            "sha256=".into(),
            HEX.into(),
            format!("sha1={HEX}"),
            format!("sha256={}", &HEX[..62]),
            format!("sha256={HEX}00"),
            format!("sha256={}å", &HEX[..62]),
            format!("sha256={}", HEX.replace('A', "B")),
            format!("sha256=+{}", &HEX[1..]),
        ] {
            assert!(!signed(&wrong), "{wrong}");
        }
        assert!(!is_signed("secret124", b"{'test':'test2'}", &format!("sha256={HEX}")));
        assert!(!is_signed("secret123", b"{'test':'test3'}", &format!("sha256={HEX}")));
    }

    #[test]
    fn names_are_taken_in_any_case_and_numbers_with_or_without_quotes() {
        let hook = parse(
            br#"{"id": "aB1", "Attempt": 2, "NOTIFICATIONS": [
                {"action": "ProductChanged", "details": {"ItemNumber": " ", "PRODUCTNUMBER": "8010"}},
                {"Action": "OrderPicked", "Details": {"orderNumber": 4711}},
                {"Action": "OrderPicked", "OrderNumber": "OC-1"},
                {"Action": "CustomerChanged", "Details": "?"},
                {"Details": {}}, 7]}"#,
        )
        .unwrap();
        assert_eq!(hook.id.as_deref(), Some("aB1"));
        let told: Vec<_> = hook
            .notifications
            .iter()
            .map(|one| (one.action.as_str(), one.detail(&["ItemNumber", "ProductNumber", "OrderNumber"])))
            .collect();
        assert_eq!(
            told,
            [
                ("ProductChanged", Some("8010")),
                ("OrderPicked", Some("4711")),
                ("OrderPicked", Some("OC-1")),
                ("CustomerChanged", None),
            ]
        );
    }

    #[test]
    fn what_is_no_webhook_is_told() {
        let code = |body: &[u8]| parse(body).unwrap_err().code();
        assert_eq!(code(b"{'test':'test2'}"), "invalid_json");
        assert_eq!(code(b"[]"), "no_webhook");
        assert_eq!(code(b"{}"), "no_webhook");
        assert_eq!(code(br#"{"Notifications": {}}"#), "no_webhook");
        assert_eq!(code(b"\xff\xff\xff"), "invalid_encoding");
        assert!(parse(br#"{"Notifications": []}"#).unwrap().notifications.is_empty());
    }
}
