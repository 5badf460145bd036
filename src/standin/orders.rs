//! CustomerOrders as they are kept and shown.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::answers::{Answer, Page, Query, add_unknown, business, document, refusal, text};
use super::clock::{local, read_date};
use super::world::World;
use crate::web::Response;

/// The first number that is given to a new order.
const FIRST_NUMBER: u64 = 1001;

/// All orders, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub list: Vec<StoredOrder>,
    by_number: HashMap<String, usize>,
    by_external: HashMap<String, Vec<usize>>,
    given: u64,
}

/// An order: the document as it was posted with the service's own fields laid over it, and what
/// lists are narrowed by.
///
/// The documents are kept as text: a tree of values would take several times the room, and a hundred
/// thousand orders must fit.
#[derive(Debug, Clone)]
pub struct StoredOrder {
    /// Extend's number, `OC-1001`.
    pub number: String,
    /// The shop's own number; several orders may have the same.
    pub external: Option<String>,
    /// Who ordered.
    pub customer: String,
    /// One of the order statuses of the API.
    pub status: String,
    /// When it was created.
    pub order_date: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
    /// Rows that are not annulled, without VAT.
    pub total: f64,
    /// The body of the POST as it was received, byte for byte; empty for an order that was put into
    /// the world otherwise, and where bodies are not kept.
    pub posted_bytes: Vec<u8>,
    text: Vec<u8>,
}

impl StoredOrder {
    /// The whole order as GET CustomerOrders/{id} gives it, without fields added by the options.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.text).unwrap_or_default()
    }

    /// The body of the POST, parsed; null where it is not kept.
    pub fn posted(&self) -> Value {
        serde_json::from_slice(&self.posted_bytes).unwrap_or_default()
    }

    /// The rows of [`StoredOrder::value`].
    pub fn rows(&self) -> Vec<Value> {
        match self.value()["orderRows"].take() {
            Value::Array(rows) => rows,
            _ => Vec::new(),
        }
    }

    /// Whether anything about it can still be changed.
    pub(super) fn closed(&self) -> Option<&'static str> {
        match self.status.as_str() {
            "Reserved" => Some("reserved"),
            "Terminated" => Some("terminated"),
            "Annulled" => Some("annulled"),
            _ => None,
        }
    }
}

impl World {
    /// All orders, in the order in which they came.
    pub fn orders(&self) -> impl Iterator<Item = &StoredOrder> {
        self.orders.list.iter()
    }

    /// How many orders there are.
    pub fn order_count(&self) -> usize {
        self.orders.list.len()
    }

    /// The order with that number of Extend's.
    pub fn order(&self, number: &str) -> Option<&StoredOrder> {
        self.orders.list.get(*self.orders.by_number.get(number)?)
    }

    /// Every order with that number of the shop's.
    pub fn orders_by_external(&self, external: &str) -> Vec<&StoredOrder> {
        let places = self.orders.by_external.get(external);
        places.into_iter().flatten().map(|&at| &self.orders.list[at]).collect()
    }

    /// Takes an order out, as if it had never been. `false` where there is none.
    pub fn remove_order(&mut self, number: &str) -> bool {
        let Some(at) = self.order_place(number) else { return false };
        let orders = &mut self.orders;
        orders.list.remove(at);
        orders.by_number.clear();
        orders.by_external.clear();
        for (at, order) in orders.list.iter().enumerate() {
            orders.by_number.insert(order.number.clone(), at);
            if let Some(external) = &order.external {
                orders.by_external.entry(external.clone()).or_default().push(at);
            }
        }
        true
    }

    pub(super) fn order_place(&self, number: &str) -> Option<usize> {
        self.orders.by_number.get(number).copied()
    }

    pub(super) fn next_order_number(&mut self) -> String {
        self.orders.given += 1;
        format!("OC-{}", FIRST_NUMBER - 1 + self.orders.given)
    }

    /// Keeps a new order; its header holds the number.
    pub(super) fn add_order(&mut self, value: &Value, posted_bytes: Vec<u8>, at: Timestamp) -> usize {
        let number = text(&value["orderHeader"], "orderNumber").unwrap_or_default().to_owned();
        let place = self.orders.list.len();
        self.orders.by_number.insert(number.clone(), place);
        self.orders.list.push(StoredOrder {
            number,
            external: None,
            customer: String::new(),
            status: String::new(),
            order_date: at,
            changed: at,
            total: 0.0,
            posted_bytes,
            text: Vec::new(),
        });
        self.keep_order(place, value, at);
        place
    }

    /// Keeps an order that changed at that time.
    pub(super) fn keep_order(&mut self, place: usize, value: &Value, at: Timestamp) {
        let header = &value["orderHeader"];
        let external = text(header, "orderNumberExternal").map(str::to_owned);
        let order = &mut self.orders.list[place];
        if order.external != external {
            if let Some(places) = order.external.take().and_then(|old| self.orders.by_external.get_mut(&old))
            {
                places.retain(|known| *known != place);
            }
            if let Some(external) = &external {
                self.orders.by_external.entry(external.clone()).or_default().push(place);
            }
            order.external = external;
        }
        order.customer = text(header, "customerNumber").unwrap_or_default().to_owned();
        order.status = text(header, "orderStatus").unwrap_or("Created").to_owned();
        order.order_date = text(header, "orderDate").and_then(read_date).unwrap_or(at);
        order.changed = at;
        order.total = total(value);
        order.text = serde_json::to_vec(value).unwrap_or_default();
    }
}

fn total(value: &Value) -> f64 {
    let rows = value["orderRows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sum: f64 = rows
        .iter()
        .filter(|row| row["orderRowStatus"] != "Annulled")
        .map(|row| {
            let sales = &row["salesData"];
            sales["quantity"].as_f64().unwrap_or(0.0) * sales["unitPrice"].as_f64().unwrap_or(0.0)
        })
        .sum();
    (sum * 100.0).round() / 100.0
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListRow<'a> {
    order_number: &'a str,
    order_number_external: &'a str,
    order_type: Value,
    order_status: &'a str,
    order_date: String,
    asked_delivery_date: Value,
    customer_number: &'a str,
    customer_name: String,
    total_price: f64,
    change_date: String,
    #[serde(rename = "xNewOrigin", skip_serializing_if = "Option::is_none")]
    unknown: Option<&'static str>,
}

/// GET CustomerOrders, once it is known that the request has a `modifiedDateFrom`.
pub(super) fn list(world: &World, query: &Query<'_>, unknown: bool) -> Answer {
    let page = Page::by_offset(query)?;
    let modified = query.date("modifiedDateFrom")?;
    let (from, to) = (query.date("orderDateFrom")?, query.date("orderDateTo")?);
    let is = |name: &str, field: &str| query.get(name).is_none_or(|wanted| wanted == field);
    let within = |order: &StoredOrder, name: &str, pointer: &str| {
        query.get(name).is_none_or(|wanted| {
            order.rows().iter().any(|row| row.pointer(pointer).is_some_and(|field| field == wanted))
        })
    };
    let name_of = |order: &StoredOrder| {
        world.customers.get(&order.customer).map(super::customers::StoredCustomer::name).unwrap_or_default()
    };
    let wanted = |order: &&StoredOrder| {
        modified.is_none_or(|from| order.changed >= from)
            && from.is_none_or(|from| order.order_date >= from)
            && to.is_none_or(|to| order.order_date <= to)
            && is("orderNumber", &order.number)
            && is("orderNumberExternal", order.external.as_deref().unwrap_or_default())
            && is("orderStatus", &order.status)
            && is("customerNumber", &order.customer)
            && query.get("customerName").is_none_or(|name| name_of(order).contains(name))
            && within(order, "productNumber", "/product/productNumber")
            && within(order, "warehouse", "/warehouse")
            && within(order, "supplyMode", "/supplyMode")
    };
    // A look-up by the shop's own number is what every unclear POST ends in; it must not walk.
    let rows = match query.get("orderNumberExternal") {
        Some(external) => page.take(world.orders_by_external(external).into_iter().filter(wanted)),
        None => page.take(world.orders.list.iter().filter(wanted)),
    };
    let rows: Vec<ListRow<'_>> = rows
        .into_iter()
        .map(|order| {
            let mut value = order.value();
            let header = &mut value["orderHeader"];
            ListRow {
                order_number: &order.number,
                order_number_external: order.external.as_deref().unwrap_or_default(),
                order_type: header["orderType"].take(),
                order_status: &order.status,
                order_date: local(order.order_date),
                asked_delivery_date: header["askedDeliveryDate"].take(),
                customer_number: &order.customer,
                customer_name: name_of(order),
                total_price: order.total,
                change_date: local(order.changed),
                unknown: unknown.then_some("edge"),
            }
        })
        .collect();
    Ok(document(&rows))
}

/// GET CustomerOrders/{id}.
pub(super) fn detail(world: &World, id: &str, unknown: bool) -> Answer {
    let order = world.order(id).ok_or_else(|| absent(id))?;
    Ok(show(order.value(), unknown))
}

/// A whole order as an answer.
pub(super) fn show(mut value: Value, unknown: bool) -> Response {
    if unknown {
        add_unknown(true, &mut value);
        add_unknown(true, &mut value["orderHeader"]);
        for row in value["orderRows"].as_array_mut().into_iter().flatten() {
            row["xNewRowScore"] = json!(0.25);
        }
    }
    document(&value)
}

pub(super) fn absent(id: &str) -> Response {
    refusal(404, format!("Order with order number '{id}' does not exist."))
}

/// Refuses a change to an order that cannot be changed any more.
pub(super) fn open_for_change(order: &StoredOrder) -> Result<(), Response> {
    match order.closed() {
        Some(state) => Err(business(format!("Order '{}' is {state} and cannot be changed.", order.number))),
        None => Ok(()),
    }
}
