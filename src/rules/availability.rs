//! What is available, answered from the mirror while Extend can't be asked: mirrored balances less what waits
//! in our outbox, bills of materials opened through all their levels.
//!
//! The answer has the shape of CustomerOrderATP's (documented): the rows that were asked for, each followed by
//! its components, which name their parent's row. Balances count stock units; what is not known is `null`,
//! and nothing is ever rounded up.

use std::collections::HashMap;

use serde_json::{Map, Number, Value, json};

use crate::formats::document::is_child_row;
use crate::language::Language;

/// Bills of materials inside bills of materials: further down than this is a circle.
pub const DEEPEST: usize = 8;

/// Rows of an answer at the most: a bill of materials that holds itself twice would have no end.
const MOST_ROWS: usize = 10_000;

/// What the mirror knows of the products of a question, by product number.
pub type Known = HashMap<String, Product>;

/// What the mirror knows of a product.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Product {
    /// Its name.
    pub name: Option<String>,
    /// The unit that its stock is counted in.
    pub unit: Option<String>,
    /// One of Extend's supply modes.
    pub supply_mode: Option<String>,
    /// Units that it is sold in, and how many stock units each holds.
    pub units: Vec<(String, f64)>,
    /// Its bill of materials, in its order.
    pub components: Vec<Component>,
    /// What each warehouse has of it.
    pub stock: Vec<Stock>,
}

/// A part of a bill of materials.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Its product number.
    pub number: String,
    /// How many of `unit` go into one.
    pub quantity: f64,
    /// The unit of the quantity.
    pub unit: Option<String>,
}

/// What a warehouse has of a product, in stock units.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock {
    /// The warehouse.
    pub warehouse: String,
    /// Extend's available balance less what waits in our outbox.
    pub available: Option<f64>,
    /// When more comes, and how much.
    pub next_receiving: Option<(String, f64)>,
}

impl Product {
    /// How many stock units a quantity in some unit of this product is.
    pub fn stock_units(&self, quantity: f64, unit: Option<&str>) -> f64 {
        let holds =
            self.units.iter().find(|(name, _)| Some(name.as_str()) == unit && self.unit.as_deref() != unit);
        quantity * holds.map_or(1.0, |(_, holds)| *holds)
    }

    fn in_warehouse(&self, warehouse: &str) -> Option<&Stock> {
        self.stock.iter().find(|stock| stock.warehouse == warehouse)
    }
}

/// How fresh the mirror's balances are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Age {
    /// When they were last fetched; `None`: never.
    pub as_of: Option<String>,
    /// Minutes since then.
    pub minutes_old: Option<i64>,
}

/// The answer to a question that is an order.
pub fn answer(order: &Value, known: &Known, age: &Age, language: Language) -> Value {
    let asked = order.get("orderRows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut rows = Rows { known, places: Places::of(asked), rows: Vec::new() };
    let mut warnings = Vec::new();
    for row in asked.iter().filter(|row| !is_child_row(row)) {
        let position = row.get("position").and_then(Value::as_i64).unwrap_or_else(|| rows.places.next());
        let number = text(&row["product"], "productNumber").unwrap_or_default();
        if !known.contains_key(number) {
            warnings.push(json!({
                "code": "unknown_product",
                "message": language.pick(
                    format!("The product {number} is not in the mirror, so nothing is known of its stock."),
                    format!("Produkten {number} finns inte i spegeln, så inget är känt om dess lager."),
                ),
                "position": position,
            }));
        }
        rows.open(row.clone(), position, Value::Null, DEEPEST);
    }
    let mut answer = Map::new();
    answer.insert("source".into(), json!("mirror"));
    answer.insert("asOf".into(), json!(age.as_of));
    answer.insert("minutesOld".into(), json!(age.minutes_old));
    answer.insert("warnings".into(), Value::Array(warnings));
    answer.insert("orderHeader".into(), order.get("orderHeader").cloned().unwrap_or_else(|| json!({})));
    answer.insert("orderRows".into(), Value::Array(rows.rows));
    Value::Object(answer)
}

/// The products that a question is about, each once; those of bills of materials are found from them.
pub fn products(order: &Value) -> Vec<&str> {
    let rows = order.get("orderRows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut numbers: Vec<&str> =
        rows.iter().filter_map(|row| text(&row["product"], "productNumber")).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

struct Rows<'k> {
    known: &'k Known,
    places: Places,
    rows: Vec<Value>,
}

impl Rows<'_> {
    /// Adds a row and, behind it, its components.
    fn open(&mut self, mut row: Value, position: i64, parent: Value, levels: usize) {
        let number = text(&row["product"], "productNumber").unwrap_or_default().to_owned();
        let quantity = row["salesData"]["quantity"].as_f64().unwrap_or(0.0);
        let product = self.known.get(&number);
        let unit = text(&row["salesData"], "unit");
        let stock_units = product.map_or(quantity, |product| product.stock_units(quantity, unit));
        let named = text(&row, "warehouse").map(str::to_owned);
        let warehouse = named.or_else(|| self.fullest(&number));
        let available = warehouse.as_deref().and_then(|at| available(self.known, &number, at, levels));
        let Some(fields) = row.as_object_mut() else { return };
        let mut set = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        set("position", json!(position));
        set("warehouse", json!(warehouse));
        set("shipDate", json!(self.comes(&number, warehouse.as_deref(), available, stock_units)));
        set("expectedDeliveryDate", Value::Null);
        set("availableBalance", json!(available.map(whole)));
        set("billOfMaterialsParentRowPosition", parent);
        if let Some(product) = product {
            set("supplyMode", json!(product.supply_mode));
            if let Some(unit) = &product.unit {
                set("deliveryData", json!({ "quantity": decimal(stock_units), "unit": unit }));
            }
        }
        fields.entry("subPosition").or_insert_with(|| json!(0));
        if let (Some(name), Some(named)) = (
            product.and_then(|product| product.name.as_ref()),
            fields.get_mut("product").and_then(Value::as_object_mut),
        ) {
            named.entry("productName").or_insert_with(|| json!(name));
        }
        self.rows.push(row);
        if levels == 0 || self.rows.len() >= MOST_ROWS {
            return;
        }
        for part in product.map_or(&[][..], |product| &product.components) {
            let child = json!({
                "product": { "productNumber": part.number },
                "salesData": {
                    "quantity": decimal(stock_units * part.quantity),
                    "unit": part.unit.as_deref().or_else(|| self.known.get(&part.number)?.unit.as_deref()).unwrap_or_default(),
                },
                "warehouse": warehouse,
            });
            let place = self.places.next();
            self.open(child, place, json!(position), levels - 1);
        }
    }

    /// The warehouse that has most of it; of equal ones the first by name.
    fn fullest(&self, number: &str) -> Option<String> {
        let mut warehouses = Vec::new();
        warehouses_of(self.known, number, DEEPEST, &mut warehouses);
        warehouses.sort_unstable();
        warehouses.dedup();
        let mut best: Option<(f64, &str)> = None;
        for warehouse in warehouses {
            let there = available(self.known, number, warehouse, DEEPEST).unwrap_or(f64::MIN);
            if best.is_none_or(|(most, _)| there > most) {
                best = Some((there, warehouse));
            }
        }
        best.map(|(_, warehouse)| warehouse.to_owned())
    }

    /// When enough of it comes, where there is not enough now and that is known.
    fn comes(
        &self,
        number: &str,
        warehouse: Option<&str>,
        available: Option<f64>,
        wanted: f64,
    ) -> Option<String> {
        let product = self.known.get(number).filter(|product| product.components.is_empty())?;
        let (date, more) = product.in_warehouse(warehouse?)?.next_receiving.as_ref()?;
        let available = available?;
        (available < wanted && available + more >= wanted).then(|| date.clone())
    }
}

/// What a warehouse has of a product, in stock units. Of a bill of materials, how many can be made of what
/// is there.
fn available(known: &Known, number: &str, warehouse: &str, levels: usize) -> Option<f64> {
    let product = known.get(number)?;
    if product.components.is_empty() || levels == 0 {
        return product.in_warehouse(warehouse)?.available;
    }
    let mut fewest: Option<f64> = None;
    for part in &product.components {
        let component = known.get(&part.number)?;
        let each = component.stock_units(part.quantity, part.unit.as_deref());
        if each <= 0.0 {
            continue;
        }
        // A part that this warehouse does not keep is not there.
        let there = available(known, &part.number, warehouse, levels - 1).unwrap_or(0.0);
        let made = (there / each + 1e-9).floor();
        fewest = Some(fewest.map_or(made, |fewest| fewest.min(made)));
    }
    fewest
}

fn warehouses_of<'k>(known: &'k Known, number: &str, levels: usize, found: &mut Vec<&'k str>) {
    let Some(product) = known.get(number) else { return };
    if product.components.is_empty() || levels == 0 {
        found.extend(product.stock.iter().map(|stock| stock.warehouse.as_str()));
    } else {
        let parts = product.components.iter();
        parts.for_each(|part| warehouses_of(known, &part.number, levels - 1, found));
    }
}

/// The positions of an answer's rows.
struct Places {
    taken: Vec<i64>,
    last: i64,
}

impl Places {
    fn of(rows: &[Value]) -> Places {
        Places { taken: rows.iter().filter_map(|row| row.get("position")?.as_i64()).collect(), last: 0 }
    }

    /// The next multiple of ten that no row of the question names.
    fn next(&mut self) -> i64 {
        loop {
            self.last = self.last.saturating_add(10);
            if !self.taken.contains(&self.last) {
                return self.last;
            }
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A balance as CustomerOrderATP tells it, a whole number; half a piece can't be sold.
fn whole(available: f64) -> i64 {
    (available + 1e-9).floor() as i64
}

/// Rounded, as tenths don't add up in binary.
fn decimal(number: f64) -> Value {
    let rounded = (number * 1e6).round() / 1e6;
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        return json!(rounded as i64);
    }
    Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests;
