//! What all resources share: refusals, queries, pages, and the fields that nobody told us about.

use std::borrow::Cow;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use super::clock::parse_filter;
use crate::web::Response;

/// Names of fields that no description of the API mentions begin with this. Extend adds fields
/// without notice; the stand-in does so too, where its options say so.
pub const UNKNOWN_FIELD_PREFIX: &str = "xNew";

/// Rows on a page of every list.
pub(super) const PAGE: usize = 100;

/// An answer, or the refusal that takes its place.
pub(super) type Answer = Result<Response, Response>;

/// 200 with a document.
pub(super) fn document(value: &impl Serialize) -> Response {
    render(200, value)
}

fn render(status: u16, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => Response::json(status, body),
        Err(error) => Response::json(500, format!("{{\"Message\":\"{error}\"}}")),
    }
}

/// An error the way that the service words one: `{"Message": "…"}`.
pub(super) fn refusal(status: u16, message: impl AsRef<str>) -> Response {
    render(status, &json!({"Message": message.as_ref()}))
}

/// 400 with a message: a business error.
pub(super) fn business(message: impl AsRef<str>) -> Response {
    refusal(400, message)
}

/// 200 the way that changes are acknowledged.
pub(super) fn success(message: impl AsRef<str>) -> Response {
    document(&json!({"Message": message.as_ref(), "Information": null}))
}

/// The names and values of a query, decoded.
pub(super) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, String)>,
}

impl<'a> Query<'a> {
    pub fn parse(raw: &'a str) -> Query<'a> {
        let decode =
            |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = raw
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (percent_decode_str(name).decode_utf8_lossy(), decode(value))
            })
            .collect();
        Query { pairs }
    }

    /// The value of that name. Names compare without regard to case, as the service's do; an empty
    /// value counts as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a name that may repeat.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(known, value)| known.eq_ignore_ascii_case(name) && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A date filter.
    pub fn date(&self, name: &str) -> Result<Option<Timestamp>, Response> {
        self.get(name)
            .map(|text| {
                parse_filter(text)
                    .ok_or_else(|| business(format!("The value '{text}' is not valid for {name}.")))
            })
            .transpose()
    }

    /// A whole number from `least` on, `least` where the query has none.
    pub fn number(&self, name: &str, least: usize) -> Result<usize, Response> {
        let Some(text) = self.get(name) else { return Ok(least) };
        text.parse()
            .ok()
            .filter(|number| *number >= least)
            .ok_or_else(|| business(format!("The value '{text}' is not valid for {name}.")))
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Response> {
        self.get(name)
            .map(|text| {
                text.to_ascii_lowercase()
                    .parse()
                    .map_err(|_| business(format!("The value '{text}' is not valid for {name}.")))
            })
            .transpose()
    }
}

/// Which rows of a list a request asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    index: usize,
    size: usize,
}

impl Page {
    /// `pageCount` rows (at most 100) of page `pageOffset`, counted from 0: products and orders.
    pub fn by_offset(query: &Query<'_>) -> Result<Page, Response> {
        let size = match query.get("pageCount") {
            None => PAGE,
            Some(_) => query.number("pageCount", 1)?,
        };
        if size > PAGE {
            return Err(business(format!("pageCount must not be greater than {PAGE}.")));
        }
        Ok(Page { index: query.number("pageOffset", 0)?, size })
    }

    /// 100 rows of page `pageNumber`, counted from 1: all other lists.
    pub fn by_number(query: &Query<'_>) -> Result<Page, Response> {
        Ok(Page { index: query.number("pageNumber", 1)? - 1, size: PAGE })
    }

    /// Cuts the page out of what a filter lets through, and counts all that it lets through.
    pub fn cut<T>(self, rows: impl Iterator<Item = T>) -> (Vec<T>, usize) {
        let start = self.index.saturating_mul(self.size);
        let mut page = Vec::with_capacity(self.size);
        let mut total = 0;
        for row in rows {
            if total >= start && page.len() < self.size {
                page.push(row);
            }
            total += 1;
        }
        (page, total)
    }

    /// Cuts the page out of what a filter lets through, and walks no further than its end.
    pub fn take<T>(self, rows: impl Iterator<Item = T>) -> Vec<T> {
        rows.skip(self.index.saturating_mul(self.size)).take(self.size).collect()
    }

    /// Cuts the page out of a list that nothing narrows, without walking to it.
    pub fn slice<T>(self, rows: &[T]) -> &[T] {
        let start = self.index.saturating_mul(self.size).min(rows.len());
        &rows[start..(start + self.size).min(rows.len())]
    }

    /// `paginationInfo` for a list of so many rows.
    pub fn info(self, total: usize) -> PaginationInfo {
        PaginationInfo {
            current_page: self.index + 1,
            total_pages: total.div_ceil(self.size),
            page_size: self.size,
            total_resources: total,
            message: None,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaginationInfo {
    current_page: usize,
    total_pages: usize,
    page_size: usize,
    total_resources: usize,
    message: Option<&'static str>,
}

/// A number as the service writes it: whole ones without decimals.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Value::from(value as i64);
    }
    // Four decimals are what the service keeps of a price.
    Number::from_f64((value * 10_000.0).round() / 10_000.0).map_or(Value::Null, Value::Number)
}

/// Adds a field that no description mentions.
pub(super) fn add_unknown(wanted: bool, value: &mut Value) {
    if let (true, Some(object)) = (wanted, value.as_object_mut()) {
        object.insert(format!("{UNKNOWN_FIELD_PREFIX}Label"), Value::from("added without notice"));
        object.insert(format!("{UNKNOWN_FIELD_PREFIX}Details"), json!({"level": 2, "tags": ["a", null]}));
    }
}

/// Sets a field that is absent or null.
pub(super) fn fill(object: &mut Map<String, Value>, name: &str, value: impl FnOnce() -> Value) {
    if object.get(name).is_none_or(Value::is_null) {
        object.insert(name.to_owned(), value());
    }
}

/// A text field that is there and not empty.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A name made of chance, as the service gives to rows.
pub(super) fn uuid() -> String {
    let bits = fastrand::u128(..);
    let hex = format!("{bits:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
