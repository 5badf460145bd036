//! What the service makes of the rows of an order: checked, filled in, and taken from the balances.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::answers::{Answer, business, fill, number, text, uuid};
use super::clock::{keep_date, local};
use super::orders;
use super::prices::best_price;
use super::world::World;
use crate::web::Response;

/// Bills of materials inside bills of materials: further down than this is a circle.
pub(super) const DEEPEST: usize = 8;

/// POST CustomerOrders. A second order with the same external number is taken like any other.
pub(super) fn create(world: &mut World, mut body: Value, posted: &[u8], unknown: bool) -> Answer {
    accept(world, &mut body)?;
    let now = world.now();
    let order_number = world.next_order_number();
    if let Some(header) = body["orderHeader"].as_object_mut() {
        header.insert("orderNumber".to_owned(), Value::from(order_number.as_str()));
        header.insert("orderStatus".to_owned(), Value::from("Created"));
    }
    for row in body["orderRows"].as_array().into_iter().flatten() {
        book(world, row, 1.0);
    }
    let posted = if world.keep_posted { posted.to_vec() } else { Vec::new() };
    world.add_order(&body, posted, now);
    Ok(orders::show(body, unknown))
}

/// Checks an order and fills in what the service fills in. Nothing in the world changes.
pub(super) fn accept(world: &World, body: &mut Value) -> Result<(), Response> {
    let Some(header) = body.get_mut("orderHeader").and_then(Value::as_object_mut) else {
        return Err(business("The orderHeader field is required."));
    };
    let customer = accept_header(world, header)?;
    let Some(rows) = body.get_mut("orderRows").and_then(Value::as_array_mut) else {
        return Err(business("The orderRows field is required."));
    };
    if rows.is_empty() {
        return Err(business("The order has no rows."));
    }
    let mut places = Places::of(rows)?;
    for row in rows {
        accept_row(world, &customer, row, &mut places)?;
    }
    Ok(())
}

fn accept_header(world: &World, header: &mut Map<String, Value>) -> Result<String, Response> {
    let customer = match header.get("customerNumber").and_then(Value::as_str) {
        Some(customer) if world.customers.has(customer) => customer.to_owned(),
        Some(customer) => {
            return Err(business(format!("Customer with customer number '{customer}' does not exist.")));
        }
        None => return Err(business("The order has no customer number.")),
    };
    keep_dates(header, &["askedDeliveryDate", "orderDate"])?;
    let now = world.now();
    fill(header, "orderType", || json!("Normal"));
    fill(header, "orderDate", || json!(local(now)));
    fill(header, "askedDeliveryDate", || json!(local(now)));
    fill(header, "partialDelivery", || json!(false));
    Ok(customer)
}

/// Dates are kept with an offset, whatever was sent.
pub(super) fn keep_dates(object: &mut Map<String, Value>, names: &[&str]) -> Result<(), Response> {
    for name in names {
        let Some(date) = object.get(*name).filter(|date| !date.is_null()) else { continue };
        let kept = date.as_str().and_then(keep_date);
        let kept = kept.ok_or_else(|| business(format!("The value {date} is not valid for {name}.")))?;
        object.insert((*name).to_owned(), Value::from(kept));
    }
    Ok(())
}

/// The positions of an order's rows, and the next free one.
pub(super) struct Places {
    taken: Vec<(i64, i64)>,
    last: i64,
}

impl Places {
    /// The positions that the rows name. Two rows in one place are refused.
    pub fn of(rows: &[Value]) -> Result<Places, Response> {
        let mut taken = Vec::new();
        for row in rows {
            if let Some(place) = place_of(row) {
                if taken.contains(&place) {
                    return Err(business(format!("Position {}/{} occurs twice.", place.0, place.1)));
                }
                taken.push(place);
            }
        }
        Ok(Places { taken, last: 0 })
    }

    /// The next multiple of ten that no row names.
    pub fn next(&mut self) -> i64 {
        loop {
            self.last += 10;
            if self.taken.iter().all(|place| place.0 != self.last) {
                return self.last;
            }
        }
    }

    /// A free position after every other.
    pub fn after_all(&mut self) -> i64 {
        let most = self.taken.iter().map(|place| place.0).max().unwrap_or(0);
        self.last = self.last.max(most / 10 * 10);
        self.next()
    }

    fn take(&mut self, position: i64) {
        self.last = self.last.max(position / 10 * 10);
    }
}

/// Position and sub-position of a row that names one.
pub(super) fn place_of(row: &Value) -> Option<(i64, i64)> {
    Some((row["position"].as_i64()?, row["subPosition"].as_i64().unwrap_or(0)))
}

/// Checks one row and fills in what is absent.
pub(super) fn accept_row(
    world: &World,
    customer: &str,
    row: &mut Value,
    places: &mut Places,
) -> Result<(), Response> {
    let number_of = text(&row["product"], "productNumber").map(str::to_owned);
    let Some(product) = number_of else {
        return Err(business("An order row has no product number."));
    };
    let product = world
        .product(&product)
        .ok_or_else(|| business(format!("Product with product number '{product}' does not exist.")))?;
    if product.annulled {
        return Err(business(format!("Product with product number '{}' is annulled.", product.number)));
    }
    let quantity = row["salesData"]["quantity"].as_f64();
    let (Some(quantity), Some(unit)) = (quantity, text(&row["salesData"], "unit").map(str::to_owned)) else {
        return Err(business(format!(
            "The row with product '{}' has no quantity or no unit.",
            product.number
        )));
    };
    let position = match row["position"].as_i64() {
        Some(position) => position,
        None => places.next(),
    };
    places.take(position);
    let Some(row) = row.as_object_mut() else { return Err(business("An order row is not an object.")) };
    keep_dates(row, &["shipDate", "expectedDeliveryDate"])?;
    fill(row, "position", || json!(position));
    fill(row, "subPosition", || json!(0));
    fill(row, "rowOperation", || json!("Active"));
    fill(row, "orderRowStatus", || json!("Created"));
    if let Some(named) = row.get_mut("product").and_then(Value::as_object_mut) {
        fill(named, "productName", || json!(product.name));
    }
    let price = best_price(world, customer, product, quantity);
    if let Some(sales) = row.get_mut("salesData").and_then(Value::as_object_mut) {
        fill(sales, "unitPrice", || number(price.unwrap_or(0.0)));
        fill(sales, "vatPercent", || number(product.vat_percent));
        fill(sales, "currency", || json!(product.currency));
        fill(sales, "listPrice", || product.price.map_or(Value::Null, number));
    }
    fill(row, "supplyMode", || json!(product.supply_mode));
    let first = product.balances.first().map(|balance| balance.warehouse.clone());
    fill(row, "warehouse", || json!(first));

    let warehouse = row.get("warehouse").and_then(Value::as_str).unwrap_or_default();
    let stock = product.stock_units(quantity, &unit);
    let now = world.now();
    let ready = match product.balance(warehouse) {
        Some(balance) if balance.available as f64 >= stock => now + SignedDuration::from_hours(24),
        Some(balance) if balance.next_receiving.is_some() => {
            balance.next_receiving.map_or(now, |(time, _)| time.max(now))
        }
        _ => now + SignedDuration::from_hours(24 + product.lead_time_hours),
    };
    fill(row, "shipDate", || json!(local(ready)));
    fill(row, "expectedDeliveryDate", || json!(local(ready + SignedDuration::from_hours(48))));
    let sales = row.get("salesData").cloned().unwrap_or_default();
    fill(row, "deliveryData", || {
        let each = if quantity == 0.0 { 1.0 } else { stock / quantity };
        json!({
            "quantity": number(stock),
            "unit": product.unit,
            "unitPrice": sales["unitPrice"].as_f64().map(|price| number(price / each)),
            "vatPercent": sales["vatPercent"],
            "currency": sales["currency"],
        })
    });
    fill(row, "orderRowId", || json!(uuid()));
    Ok(())
}

/// Takes a row from the balances, `times` 1, or gives it back, -1. A bill of materials takes its
/// components with it.
pub(super) fn book(world: &mut World, row: &Value, times: f64) {
    let product = text(&row["product"], "productNumber").unwrap_or_default();
    let warehouse = text(row, "warehouse").unwrap_or_default();
    let unit = text(&row["salesData"], "unit").unwrap_or_default();
    let quantity = row["salesData"]["quantity"].as_f64().unwrap_or(0.0);
    book_product(world, product, warehouse, quantity * times, unit, DEEPEST);
}

fn book_product(world: &mut World, number: &str, warehouse: &str, quantity: f64, unit: &str, levels: usize) {
    let Some(product) = world.product(number) else { return };
    let stock = product.stock_units(quantity, unit).round() as i64;
    let components = product.components.clone();
    world.change_balance(number, warehouse, |balance| {
        balance.available -= stock;
        balance.ordered += stock;
    });
    if levels > 0 {
        for part in components {
            book_product(world, &part.number, warehouse, quantity * part.quantity, &part.unit, levels - 1);
        }
    }
}
