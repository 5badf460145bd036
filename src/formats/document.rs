//! A document: one thing that the shop wants done in Extend.

use serde_json::{Map, Value};

use super::canonical;
use super::warning::Warning;

/// What a document asks for, by the contract's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// POST CustomerOrders.
    Order,
    /// PUT CustomerOrders/{number}.
    OrderChange,
    /// PUT CustomerOrders/{number} with rows made inactive.
    RowCancellation,
    /// DELETE CustomerOrders/{number}.
    OrderCancellation,
    /// POST ReturnOrders.
    Return,
    /// POST or PUT Customers.
    Customer,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] = [
        Kind::Order,
        Kind::OrderChange,
        Kind::RowCancellation,
        Kind::OrderCancellation,
        Kind::Return,
        Kind::Customer,
    ];

    /// Its name in tables and receipts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Order => "order",
            Kind::OrderChange => "order_change",
            Kind::RowCancellation => "row_cancellation",
            Kind::OrderCancellation => "order_cancellation",
            Kind::Return => "return",
            Kind::Customer => "customer",
        }
    }

    /// Whether documents of this kind carry the shop's own number, by which they are taken once. Changes
    /// and cancellations have none and go in the order in which they came.
    pub fn has_key(self) -> bool {
        matches!(self, Kind::Order | Kind::Return | Kind::Customer)
    }

    /// Whether Extend is asked how things stand before it is sent: it changes what is there, or may.
    pub fn is_prepared(self) -> bool {
        !matches!(self, Kind::Order | Kind::Return)
    }

    /// Whether it changes or cancels an order.
    pub fn changes_order(self) -> bool {
        self.is_prepared() && self != Kind::Customer
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The order that a document is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderReference {
    /// By the number that Extend gave it.
    Extend(String),
    /// By the shop's own number (`orderNumberExternal`).
    External(String),
}

/// One thing that the shop wants done in Extend.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it asks for.
    pub kind: Kind,
    /// The shop's own key, where the document has one: an order's `orderHeader.orderNumberExternal`,
    /// a return's `header.reference`, a customer's `customerNumber`.
    pub key: Option<String>,
    /// All of it, numbers and unknown fields as they were written.
    pub body: Value,
    /// See [`canonical::content_hash`].
    pub content_hash: String,
    /// The customer it names.
    pub customer_number: Option<String>,
    /// The order it names.
    pub order: Option<OrderReference>,
    /// Rows that were left out of [`Document::body`], see [`is_child_row`].
    pub child_rows: usize,
    /// What else the receipt says of it.
    pub warnings: Vec<Warning>,
}

impl Document {
    /// A key for a document without one, from its file's name, its position there (from 1) and its content:
    /// the same file dropped twice is recognised, and two documents of one file are two.
    pub fn made_key(&self, file_name: &str, position: usize) -> String {
        let place = if position <= 1 { String::new() } else { format!("\0{position}") };
        let hash = canonical::bytes_hash(format!("{file_name}\0{}{place}", self.content_hash).as_bytes());
        format!("edge-{}", &hash[..16])
    }

    /// The number of the order that it names, and whether that is the shop's own.
    pub fn order_reference(&self) -> (Option<&str>, bool) {
        match &self.order {
            Some(OrderReference::Extend(number)) => (Some(number), false),
            Some(OrderReference::External(number)) => (Some(number), true),
            None => (None, false),
        }
    }

    /// Puts `key` into the field that carries it to Extend.
    pub fn set_key(&mut self, key: &str) {
        let (outer, inner) = match self.kind {
            Kind::Order => ("orderHeader", "orderNumberExternal"),
            Kind::Return => ("header", "reference"),
            _ => return,
        };
        if let Value::Object(fields) = &mut self.body {
            let header = fields.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if header.is_null() {
                *header = Value::Object(Map::new());
            }
            if let Value::Object(header) = header {
                header.insert(inner.into(), Value::String(key.into()));
            }
        }
        self.key = Some(key.into());
    }
}

/// Whether Extend made the row out of a bill of materials, in an answer that the shop had from it. Such a row
/// must not be sent back in an order (documented).
pub fn is_child_row(row: &Value) -> bool {
    row.get("billOfMaterialsParentRowPosition").is_some_and(|parent| !parent.is_null())
}

/// Takes the rows out of an order that must not be sent back, and gives their number.
pub fn leave_out_child_rows(order: &mut Value) -> usize {
    let Some(rows) = order.get_mut("orderRows").and_then(Value::as_array_mut) else { return 0 };
    let before = rows.len();
    rows.retain(|row| !is_child_row(row));
    before - rows.len()
}

/// A text field by its path, where it is there and not blank.
pub fn text_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    let mut at = value;
    for step in path {
        at = at.get(step)?;
    }
    at.as_str().filter(|text| !text.trim().is_empty())
}
