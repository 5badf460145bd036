//! When two documents are the same: parsed, not as text.
//!
//! The hash does not change with white space, with the order of fields or with the way a number is
//! written (`10`, `10.0` and `1e1` are one number). It does change with everything else.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The SHA-256 of `value`'s content, in hex.
pub fn content_hash(value: &Value) -> String {
    let mut hasher = Sha256::new();
    feed(value, &mut hasher);
    hex(&hasher.finalize())
}

/// The SHA-256 of bytes as they are, in hex.
pub fn bytes_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)] as char, DIGITS[usize::from(byte & 15)] as char])
        .collect()
}

/// A decimal number in one spelling: `[-]DIGITSeEXPONENT` without zeros at either end of the digits.
///
/// `text` is a number as JSON allows it. Nothing is rounded, whatever its length. An exponent of more than 18
/// digits is beyond any reckoning: such a number keeps its own spelling.
pub fn canonical_number(text: &str) -> String {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (unsigned, Some(0)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let without_left = digits.trim_start_matches('0');
    let without_right = without_left.trim_end_matches('0');
    if without_right.is_empty() {
        return "0".into();
    }
    let Some(exponent) = exponent else { return text.to_ascii_lowercase() };
    let zeros = without_left.len() - without_right.len();
    let shift = i128::from(exponent) - fraction.len() as i128 + zeros as i128;
    format!("{sign}{without_right}e{shift}")
}

fn feed(value: &Value, hasher: &mut Sha256) {
    // Every value is written with its kind and its length, so that no two trees give the same bytes.
    match value {
        Value::Null => hasher.update(b"n"),
        Value::Bool(flag) => hasher.update(if *flag { b"t" } else { b"f" }),
        Value::Number(number) => feed_text(b'#', &canonical_number(number.as_str()), hasher),
        Value::String(text) => feed_text(b'"', text, hasher),
        Value::Array(items) => {
            hasher.update(b"[");
            hasher.update((items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| feed(item, hasher));
        }
        Value::Object(fields) => {
            hasher.update(b"{");
            hasher.update((fields.len() as u64).to_le_bytes());
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_str());
            for (name, field) in sorted {
                feed_text(b':', name, hasher);
                feed(field, hasher);
            }
        }
    }
}

fn feed_text(kind: u8, text: &str, hasher: &mut Sha256) {
    hasher.update([kind]);
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> String {
        content_hash(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn spelling_does_not_matter() {
        for (one, other) in [
            ("{\"a\":1,\"b\":[true,null]}", " { \"b\" : [ true , null ] , \"a\" : 1.0 } "),
            ("41", "41.0"),
            ("10.6778", "1067.78e-2"),
            ("0", "-0.00"),
            ("1e3", "1000"),
            ("0", "0e99999999999999999999999999999999999999999"),
            ("\"å\"", "\"\\u00e5\""),
        ] {
            assert_eq!(hash(one), hash(other), "{one} and {other}");
        }
    }

    #[test]
    fn content_does() {
        for (one, other) in [
            ("10.6778", "10.67780000000000000000001"),
            ("\"1\"", "1"),
            ("[[1],2]", "[[1,2]]"),
            ("{\"a\":null}", "{}"),
            ("1", "-1"),
            ("1e400", "1e401"),
            ("1", "1e99999999999999999999999999999999999999999"),
            ("1e-99999999999999999999999999999999999999999", "1e99999999999999999999999999999999999999999"),
        ] {
            assert_ne!(hash(one), hash(other), "{one} and {other}");
        }
    }
}
