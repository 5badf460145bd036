//! One page of a list: bytes to rows, pure.
//!
//! Products and CustomerOrders answer with a bare array, the others with an object that holds the list
//! and `paginationInfo`. What is not of that shape is an error and never an empty page: an empty page
//! would end the list and, after a full one, remove what it did not show.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::rules::mirror::cells::{self, Cell, Kind};
use crate::rules::mirror::{Entity, fields};

/// Rows on a full page. Extend gives at most 100.
pub const PAGE_SIZE: usize = 100;

/// A page of a list.
#[derive(Debug)]
pub struct Page<'a> {
    /// The rows as Extend sent them. Each is some JSON value; nothing is known about it yet.
    pub rows: Vec<&'a RawValue>,
    /// No page follows.
    pub last: bool,
    /// How many rows all pages have together, where the answer says so.
    pub total: Option<u64>,
}

/// The answer is no page of this list: HTML of a proxy, cut off, or of another shape.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The bytes are no JSON, or not all of it.
    #[error("the list of {entity} is no JSON: {source}")]
    NotJson {
        /// The list.
        entity: &'static str,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The bytes are no UTF-8.
    #[error("the list of {entity} is no UTF-8 text: {source}")]
    NotText {
        /// The list.
        entity: &'static str,
        /// Where it ceases to be.
        source: std::str::Utf8Error,
    },
    /// JSON, but not this list.
    #[error("the list of {entity} should be {expected}")]
    WrongShape {
        /// The list.
        entity: &'static str,
        /// What was expected.
        expected: &'static str,
    },
}

/// Splits the answer of `entity`'s list into its rows.
///
/// # Errors
/// The answer is no page of that list.
pub fn split_page(entity: Entity, bytes: &[u8]) -> Result<Page<'_>, PageError> {
    let text =
        std::str::from_utf8(bytes).map_err(|source| PageError::NotText { entity: entity.name(), source })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match list_field(entity) {
        None => {
            let rows = elements(entity, text, "an array")?;
            Ok(Page { last: rows.len() < PAGE_SIZE, rows, total: None })
        }
        Some((list, expected)) => split_object(entity, text, list, expected),
    }
}

/// The field that holds the list, and how its absence is told. `None`: the answer is a bare array.
fn list_field(entity: Entity) -> Option<(&'static str, &'static str)> {
    match entity {
        Entity::Products | Entity::Orders => None,
        Entity::Customers => Some(("customerList", "an object with the array customerList")),
        Entity::Prices => Some(("productPriceItemList", "an object with the array productPriceItemList")),
        Entity::Balances => {
            Some(("productAvailabilityList", "an object with the array productAvailabilityList"))
        }
        Entity::Returns => Some(("returnOrderList", "an object with the array returnOrderList")),
        Entity::ReturnCodes => {
            Some(("returnOrderRowCodeList", "an object with the array returnOrderRowCodeList"))
        }
    }
}

fn split_object<'a>(
    entity: Entity,
    text: &'a str,
    list: &'static str,
    expected: &'static str,
) -> Result<Page<'a>, PageError> {
    let wrong_shape = PageError::WrongShape { entity: entity.name(), expected };
    let Some(found) = fields::read_fields(text, &[list, "paginationInfo"]) else {
        // Cut off, or another thing altogether: only then is it looked at again.
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => wrong_shape,
            Err(source) => PageError::NotJson { entity: entity.name(), source },
        });
    };
    let [Some(rows), pagination] = found[..] else { return Err(wrong_shape) };
    let rows = elements(entity, rows.get(), expected)?;
    let short = rows.len() < PAGE_SIZE;
    // The return codes have no pages.
    if entity == Entity::ReturnCodes {
        return Ok(Page { rows, last: true, total: None });
    }
    let number = |name: &str| {
        let info = pagination.map(RawValue::get)?;
        match cells::read(Kind::Integer, fields::at(info, name), &mut false) {
            Cell::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        }
    };
    let last = match (number("currentPage"), number("totalPages")) {
        (Some(current), Some(total)) if current >= 1 => current >= total,
        _ => short,
    };
    Ok(Page { rows, last, total: number("totalResources") })
}

fn elements<'a>(
    entity: Entity,
    text: &'a str,
    expected: &'static str,
) -> Result<Vec<&'a RawValue>, PageError> {
    serde_json::from_str(text).map_err(|source| match source.classify() {
        serde_json::error::Category::Data => PageError::WrongShape { entity: entity.name(), expected },
        _ => PageError::NotJson { entity: entity.name(), source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entity: Entity, text: &str, rows: usize, last: bool, total: Option<u64>) {
        let page = split_page(entity, text.as_bytes()).unwrap();
        assert_eq!((page.rows.len(), page.last, page.total), (rows, last, total), "{text}");
    }

    #[test]
    fn pages_of_both_shapes_are_split() {
        check(Entity::Products, "[]", 0, true, None);
        check(Entity::Products, "\u{feff} [{\"a\":1}, 7, null]\r\n", 3, true, None);
        let full = format!("[{}]", vec!["{}"; 100].join(","));
        check(Entity::Orders, &full, 100, false, None);
        let info = |current: &str, total: &str| {
            format!(
                r#"{{"productAvailabilityList": [{{}}, {{}}], "new": [1], "paginationInfo":
                   {{"currentPage": {current}, "totalPages": {total}, "totalResources": 1234}}}}"#
            )
        };
        check(Entity::Balances, &info("1", "13"), 2, false, Some(1234));
        check(Entity::Balances, &info("13", "13"), 2, true, Some(1234));
        check(Entity::Balances, &info("1", "0"), 2, true, Some(1234));
        check(Entity::Balances, &info("null", "13"), 2, true, Some(1234));
        check(Entity::Balances, &info("\"2\"", "13.0"), 2, false, Some(1234));
        let odd = format!(r#"{{"customerList": {full}, "paginationInfo": "none"}}"#);
        check(Entity::Customers, &odd, 100, false, None);
        check(Entity::Customers, r#"{"customerList": []}"#, 0, true, None);
        check(Entity::ReturnCodes, r#"{"returnOrderRowCodeList": [{"returnCode": "A"}]}"#, 1, true, None);
    }

    #[test]
    fn what_is_no_page_is_never_an_empty_one() {
        let cases = [
            "",
            "<html><body>502 Bad Gateway</body></html>",
            "[{\"productNumber\": \"A\"}, {\"prod",
            "[] []",
            "{}",
            "null",
            "\"[]\"",
            "{\"Message\": \"x\"}",
            "{\"customerList\": null}",
            "{\"customerList\": {}}",
            "{\"customerList\": [], \"paginationInfo\": {",
            "{\"customerList\": []} x",
        ];
        for text in cases {
            assert!(split_page(Entity::Customers, text.as_bytes()).is_err(), "{text}");
            if text != "[] []" {
                assert!(split_page(Entity::Products, text.as_bytes()).is_err(), "{text}");
            }
        }
        assert!(split_page(Entity::Products, b"[] []").is_err());
        assert!(split_page(Entity::Customers, b"[]").is_err());
        assert!(split_page(Entity::Products, b"[\"\xff\"]").is_err());
    }
}
