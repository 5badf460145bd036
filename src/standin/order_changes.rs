//! PUT and DELETE of an order, and CustomerOrderATP, which changes nothing.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{Answer, business, number, success, text};
use super::order_rows::{DEEPEST, Places, accept, accept_row, book, keep_dates, place_of};
use super::orders::{absent, open_for_change, show};
use super::world::World;
use crate::web::Response;

/// The warehouse that makes an inactive row mean "cancel the row in this place".
const CANCELLING_WAREHOUSE: &str = "TEST";

/// Header fields that are the service's own.
const OWN_FIELDS: [&str; 5] = ["orderNumber", "orderStatus", "orderDate", "shipments", "customerInvoices"];

/// PUT CustomerOrders/{id}. Header and rows are laid over what is there; a row is known by its
/// position and sub-position.
pub(super) fn change(world: &mut World, id: &str, body: Value) -> Answer {
    let place = world.order_place(id).ok_or_else(|| absent(id))?;
    open_for_change(&world.orders.list[place])?;
    let mut value = world.orders.list[place].value();
    let Value::Object(mut body) = body else { return Err(business("The order is not an object.")) };
    if let Some(Value::Object(mut header)) = body.remove("orderHeader") {
        keep_dates(&mut header, &["askedDeliveryDate"])?;
        if let Some(customer) = header.get("customerNumber").and_then(Value::as_str)
            && !world.customers.has(customer)
        {
            return Err(business(format!("Customer with customer number '{customer}' does not exist.")));
        }
        for (name, field) in header {
            if !OWN_FIELDS.contains(&name.as_str()) {
                value["orderHeader"][name] = field;
            }
        }
    }
    let Some(Value::Array(changes)) = body.remove("orderRows") else {
        return Err(business("The orderRows field is required."));
    };
    let customer = text(&value["orderHeader"], "customerNumber").unwrap_or_default().to_owned();
    // What is taken from the balances, and given back, once every row is known to be right.
    let mut bookings: Vec<(Value, f64)> = Vec::new();
    let mut rows = value["orderRows"].as_array().cloned().unwrap_or_default();
    for row in changes {
        change_row(world, &customer, &mut rows, row, &mut bookings)?;
    }
    value["orderRows"] = Value::Array(rows);
    for (row, times) in bookings {
        book(world, &row, times);
    }
    let now = world.now();
    world.keep_order(place, &value, now);
    Ok(success(format!("Order {id} was updated.")))
}

fn change_row(
    world: &World,
    customer: &str,
    rows: &mut Vec<Value>,
    mut row: Value,
    bookings: &mut Vec<(Value, f64)>,
) -> Result<(), Response> {
    let inactive = row["rowOperation"] == "Inactive";
    let known = place_of(&row).and_then(|place| rows.iter().position(|old| place_of(old) == Some(place)));
    let annulled = |row: &Value| row["orderRowStatus"] == "Annulled";
    if inactive && row["warehouse"] == CANCELLING_WAREHOUSE {
        let old = known
            .map(|at| &mut rows[at])
            .ok_or_else(|| business("There is no order row in that position."))?;
        if old["orderRowStatus"] == "Picked" {
            return Err(business(format!(
                "Order row {} is picked and cannot be cancelled.",
                old["position"]
            )));
        }
        if !annulled(old) {
            bookings.push((old.clone(), -1.0));
        }
        annul_row(old);
        return Ok(());
    }
    match known {
        // An inactive row that came back annulled and is sent again as it was read changes nothing.
        Some(at) if inactive && annulled(&rows[at]) && rows[at]["product"] == row["product"] => Ok(()),
        Some(at) if !inactive => {
            let old = &mut rows[at];
            if old["orderRowStatus"] == "Picked" {
                let same = old["salesData"]["quantity"].as_f64() == row["salesData"]["quantity"].as_f64();
                return if same {
                    Ok(())
                } else {
                    Err(business(format!("Order row {} is picked and cannot be changed.", old["position"])))
                };
            }
            let before = old.clone();
            if let (true, Some(old)) = (row["deliveryData"].is_null(), old.as_object_mut()) {
                // It followed from a quantity that may be another now.
                old.shift_remove("deliveryData");
            }
            merge(old, row);
            let mut places = Places::of(&[])?;
            accept_row(world, customer, old, &mut places)?;
            if !annulled(&before) {
                bookings.push((before, -1.0));
            }
            if !annulled(old) {
                bookings.push((old.clone(), 1.0));
            }
            Ok(())
        }
        _ => {
            let mut places = Places::of(rows)?;
            if known.is_some() || place_of(&row).is_none() {
                row["position"] = json!(places.after_all());
                row["subPosition"] = json!(0);
            }
            accept_row(world, customer, &mut row, &mut places)?;
            if inactive {
                annul_row(&mut row);
            } else {
                bookings.push((row.clone(), 1.0));
            }
            rows.push(row);
            Ok(())
        }
    }
}

/// Lays one value over another: objects field by field, everything else whole.
fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, field) in new {
                merge(old.entry(name).or_insert(Value::Null), field);
            }
        }
        (old, new) => *old = new,
    }
}

pub(super) fn annul_row(row: &mut Value) {
    row["orderRowStatus"] = json!("Annulled");
    row["rowOperation"] = json!("Inactive");
}

/// DELETE CustomerOrders/{id}: the order is annulled.
pub(super) fn remove(world: &mut World, id: &str) -> Answer {
    let place = world.order_place(id).ok_or_else(|| absent(id))?;
    open_for_change(&world.orders.list[place])?;
    if world.orders.list[place].status == "PartiallyDelivered" {
        return Err(business(format!("Order '{id}' is partially delivered and cannot be annulled.")));
    }
    let now = world.now();
    annul_at(world, place, now);
    Ok(success(format!("Order {id} was annulled.")))
}

pub(super) fn annul_at(world: &mut World, place: usize, at: Timestamp) {
    let mut value = world.orders.list[place].value();
    for row in value["orderRows"].as_array_mut().into_iter().flatten() {
        if row["orderRowStatus"] != "Annulled" && row["orderRowStatus"] != "Picked" {
            book(world, row, -1.0);
            annul_row(row);
        }
    }
    value["orderHeader"]["orderStatus"] = json!("Annulled");
    world.keep_order(place, &value, at);
}

/// POST CustomerOrderATP: the order with balances and dates, bills of materials opened. Creates
/// nothing.
pub(super) fn availability(world: &World, mut body: Value, unknown: bool) -> Answer {
    // The children take their places among the rows that name none, so each is given its own only
    // after the children of the row before it.
    let customer = {
        let mut checked = body.clone();
        accept(world, &mut checked)?;
        body["orderHeader"] = checked["orderHeader"].take();
        text(&body["orderHeader"], "customerNumber").unwrap_or_default().to_owned()
    };
    let rows = body["orderRows"].take();
    let rows = rows.as_array().cloned().unwrap_or_default();
    let mut places = Places::of(&rows)?;
    let mut answered = Vec::new();
    for mut row in rows {
        accept_row(world, &customer, &mut row, &mut places)?;
        if row["supplyMode"] == "BillOfMaterials" {
            // The price of a bill of materials stands on its children.
            row["salesData"]["unitPrice"] = json!(0);
            row["deliveryData"]["unitPrice"] = json!(0);
        }
        open_row(world, &customer, row, Value::Null, &mut places, &mut answered, DEEPEST)?;
    }
    for row in &mut answered {
        if let Some(row) = row.as_object_mut() {
            row.shift_remove("orderRowId");
        }
    }
    body["orderRows"] = Value::Array(answered);
    Ok(show(body, unknown))
}

fn open_row(
    world: &World,
    customer: &str,
    mut row: Value,
    parent: Value,
    places: &mut Places,
    answered: &mut Vec<Value>,
    levels: usize,
) -> Result<(), Response> {
    let Some(product) = text(&row["product"], "productNumber").and_then(|number| world.product(number))
    else {
        return Ok(());
    };
    let warehouse = text(&row, "warehouse").unwrap_or_default().to_owned();
    let quantity = row["salesData"]["quantity"].as_f64().unwrap_or(0.0);
    row["availableBalance"] = json!(product.balance(&warehouse).map(|balance| balance.available));
    row["minSupplierLeadTimeHours"] = json!(product.lead_time_hours);
    row["billOfMaterialsParentRowPosition"] = parent;
    let position = row["position"].clone();
    answered.push(row);
    if levels == 0 {
        return Ok(());
    }
    for part in &product.components {
        let mut child = json!({
            "product": {"productNumber": part.number},
            "salesData": {"quantity": number(quantity * part.quantity), "unit": part.unit},
            "warehouse": warehouse,
        });
        accept_row(world, customer, &mut child, places)?;
        open_row(world, customer, child, position.clone(), places, answered, levels - 1)?;
    }
    Ok(())
}
