//! The requests that we make, as the API's description has them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::rules::budget::Group;

/// What a URL may hold as it is (RFC 3986, unreserved).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates.
    Post,
    /// Changes.
    Put,
    /// Cancels.
    Delete,
}

/// A request to Extend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Behind `{base_url}/v1_0/{client}`, escaped: `/CustomerOrders/OC-1?a=b`.
    pub path: String,
    /// JSON.
    pub body: Option<String>,
}

impl Request {
    /// The group whose limit it counts for (documented: `x-rate-limit-group`).
    pub fn group(&self) -> Group {
        match self.path.trim_start_matches('/').split(['/', '?']).next() {
            Some("CustomerOrderATP") => Group::Low,
            Some("ReturnOrderRowCodes") => Group::High,
            _ => Group::Standard,
        }
    }
}

fn get(path: String) -> Request {
    Request { method: Method::Get, path, body: None }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if let Some(value) = value {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.push_str(&escaped(value));
        }
    }
    text
}

/// The cheapest question that needs a login: a list of three, in the rate group High.
pub fn probe() -> Request {
    return_codes()
}

/// GET ReturnOrderRowCodes.
pub fn return_codes() -> Request {
    get("/ReturnOrderRowCodes".into())
}

/// POST CustomerOrders.
pub fn post_order(body: String) -> Request {
    Request { method: Method::Post, path: "/CustomerOrders".into(), body: Some(body) }
}

/// POST CustomerOrderATP: an order that creates nothing, answered with balances and dates (documented).
pub fn availability(body: String) -> Request {
    Request { method: Method::Post, path: "/CustomerOrderATP".into(), body: Some(body) }
}

/// POST ReturnOrders.
pub fn post_return(body: String) -> Request {
    Request { method: Method::Post, path: "/ReturnOrders".into(), body: Some(body) }
}

/// PUT CustomerOrders/{number}: header and rows are laid over what is there.
pub fn put_order(number: &str, body: String) -> Request {
    Request { method: Method::Put, path: format!("/CustomerOrders/{}", escaped(number)), body: Some(body) }
}

/// DELETE CustomerOrders/{number}: the order is annulled.
pub fn delete_order(number: &str) -> Request {
    Request { method: Method::Delete, path: format!("/CustomerOrders/{}", escaped(number)), body: None }
}

/// POST Customers.
pub fn post_customer(body: String) -> Request {
    Request { method: Method::Post, path: "/Customers".into(), body: Some(body) }
}

/// PUT Customers/{number}, the whole record.
pub fn put_customer(number: &str, body: String) -> Request {
    Request { method: Method::Put, path: format!("/Customers/{}", escaped(number)), body: Some(body) }
}

/// One whole record: GET {Resource}/{number}. The number is escaped as one segment (documented).
pub fn record(resource: &str, number: &str) -> Request {
    get(format!("/{resource}/{}", escaped(number)))
}

/// Orders by the shop's own number. `modified_from` is UTC without an offset; without it the call times
/// out (documented).
pub fn orders_by_external(external: &str, modified_from: &str, page: u32) -> Request {
    get(format!(
        "/CustomerOrders{}",
        query(&[
            ("orderNumberExternal", Some(external)),
            ("modifiedDateFrom", Some(modified_from)),
            ("pageCount", Some("100")),
            ("pageOffset", Some(&page.to_string())),
        ])
    ))
}

/// Orders changed since `modified_from`, page by page from 0.
pub fn orders(modified_from: &str, page: u32) -> Request {
    get(format!(
        "/CustomerOrders{}",
        query(&[
            ("modifiedDateFrom", Some(modified_from)),
            ("pageCount", Some("100")),
            ("pageOffset", Some(&page.to_string())),
        ])
    ))
}

/// Returns created since `create_from`, page by page from 1, of one order or customer where given.
pub fn returns(order: Option<&str>, customer: Option<&str>, create_from: &str, page: u32) -> Request {
    get(format!(
        "/ReturnOrders{}",
        query(&[
            ("createDateFrom", Some(create_from)),
            ("referenceOrderNumber", order),
            ("customerNumber", customer),
            ("pageNumber", Some(&page.to_string())),
        ])
    ))
}

/// Returns created since `create_from` that are not finished, page by page from 1.
pub fn open_returns(create_from: &str, page: u32) -> Request {
    get(format!(
        "/ReturnOrders{}",
        query(&[
            ("createDateFrom", Some(create_from)),
            ("IsOpen", Some("true")),
            ("pageNumber", Some(&page.to_string())),
        ])
    ))
}

/// Products, one row per product and warehouse, page by page from 0; only changed ones where
/// `modified_from` is given, only this one where `number` is. A new product may be in no list of changes (documented).
pub fn products(number: Option<&str>, modified_from: Option<&str>, page: u32) -> Request {
    get(format!(
        "/Products{}",
        query(&[
            ("productNumber", number),
            ("modifiedDateFrom", modified_from),
            ("pageCount", Some("100")),
            ("pageOffset", Some(&page.to_string())),
        ])
    ))
}

/// Customers, page by page from 1, only this one where `number` is given.
pub fn customers(number: Option<&str>, changed_after: Option<&str>, page: u32) -> Request {
    get(format!(
        "/Customers{}",
        query(&[
            ("customerNumber", number),
            ("changedAfterDate", changed_after),
            ("pageNumber", Some(&page.to_string())),
        ])
    ))
}

/// Balances, page by page from 1, of one warehouse and of one product where given.
pub fn balances(
    warehouse: Option<&str>,
    product: Option<&str>,
    modified_from: Option<&str>,
    page: u32,
) -> Request {
    get(format!(
        "/ProductAvailability{}",
        query(&[
            ("warehouse", warehouse),
            ("productNumber", product),
            ("modifiedDateFrom", modified_from),
            ("pageNumber", Some(&page.to_string())),
        ])
    ))
}

/// The best prices right now for one customer, page by page from 1. There is no filter by change
/// (documented); `products`, ten at the most, narrow it.
pub fn prices(customer: &str, currency: Option<&str>, products: &[String], page: u32) -> Request {
    let page = page.to_string();
    let mut pairs = vec![("customerNumber", Some(customer)), ("currency", currency)];
    pairs.extend(products.iter().map(|product| ("productNumberList", Some(product.as_str()))));
    pairs.push(("pageNumber", Some(&page)));
    get(format!("/ProductPrices{}", query(&pairs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_segment() {
        assert_eq!(record("Products", "A/B #1 å").path, "/Products/A%2FB%20%231%20%C3%A5");
        let request = orders_by_external("W&1", "2026-11-21T10:00:00", 0);
        assert_eq!(
            request.path,
            "/CustomerOrders?orderNumberExternal=W%261&modifiedDateFrom=2026-11-21T10%3A00%3A00&pageCount=100&pageOffset=0"
        );
    }
}
