//! Changes of what Extend has already: prepared by fetching it, and told from what is there then, when the
//! answer never came.
//!
//! A change is laid over what is there, so whether it was made shows in what it names: all as wanted, it
//! was; nothing moved, it was not. Anything else is for a person, as somebody else was at work.

use serde_json::{Map, Value};

use crate::formats::canonical::canonical_number;
use crate::formats::document::{Kind, is_child_row, text_at};

mod refusal;

pub use refusal::Refusal;

/// How a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// A new record.
    Post,
    /// Laid over the record.
    Put,
    /// The record is annulled.
    Delete,
}

/// What is to be done, now that it is known what is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Send this; `None` where there is no body.
    Send(Verb, Option<Value>),
    /// It is as wanted already.
    Done,
    /// It can't be done.
    Refuse(Refusal),
}

/// What an attempt without an answer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    AsWanted,
    /// It was not, and nothing else happened.
    Unchanged,
    /// Something else happened: nobody can tell.
    Otherwise,
}

/// The warehouse that makes an inactive row cancel the row in its place. Without it Extend adds a new,
/// cancelled one (documented).
const CANCELLING_WAREHOUSE: &str = "TEST";

/// What is sent of a row that is cancelled, as in Extend's own example.
const CANCELLED_ROW_FIELDS: [&str; 10] = [
    "position",
    "subPosition",
    "product",
    "salesData",
    "supplyMode",
    "batchNumber",
    "warehouse",
    "shipDate",
    "expectedDeliveryDate",
    "deliveryData",
];

/// Plans a change. `there` is the order or customer as Extend has it, `number` its number there.
pub fn plan(
    kind: Kind,
    document: &Value,
    there: Option<&Value>,
    number: &str,
    update_customers: bool,
) -> Step {
    match (kind, there) {
        (Kind::Customer, None) => Step::Send(Verb::Post, Some(document.clone())),
        (Kind::Customer, Some(there)) if update_customers => {
            let mut merged = there.clone();
            leave_out_own_fields(&mut merged);
            lay_over(&mut merged, document);
            Step::Send(Verb::Put, Some(merged))
        }
        (Kind::Customer, Some(_)) => Step::Refuse(Refusal::CustomerExists),
        (_, None) => Step::Refuse(Refusal::OrderGone),
        (Kind::OrderCancellation, Some(there)) if is_annulled_order(there) => Step::Done,
        (Kind::OrderCancellation, Some(_)) => Step::Send(Verb::Delete, None),
        (Kind::RowCancellation, Some(there)) => plan_row_cancellation(document, there, number),
        (_, Some(there)) => Step::Send(Verb::Put, Some(order_change(document, there, number))),
    }
}

/// Fields of a customer that only Extend writes (documented as read-only): by their place, `[]` for every item
/// of a list.
const CUSTOMER_OWN_FIELDS: [&str; 13] = [
    "createDate",
    "changeDate",
    "customerStatus",
    "masterDataManualStatusNotes",
    "customerFinancialSettings.customerInvoicingProcess",
    "customerLogisticsSettings.customerOrderingType",
    "customerForwarderNumbers.[].transportModeName",
    "customerGroups.[].description",
    "customerClasses.[].description",
    "customerContacts.[].createDate",
    "customerContacts.[].changeDate",
    "customerUsers.[].createDate",
    "customerUsers.[].changeDate",
];

fn leave_out_own_fields(customer: &mut Value) {
    for field in CUSTOMER_OWN_FIELDS {
        leave_out(customer, field);
    }
}

fn leave_out(value: &mut Value, path: &str) {
    match (path.split_once('.'), value) {
        (Some(("[]", rest)), Value::Array(items)) => items.iter_mut().for_each(|item| leave_out(item, rest)),
        (Some((name, rest)), Value::Object(fields)) => {
            if let Some(field) = fields.get_mut(name) {
                leave_out(field, rest);
            }
        }
        (None, Value::Object(fields)) => {
            fields.shift_remove(path);
        }
        _ => {}
    }
}

/// The change as Extend wants it. What it leaves out of a row that is there is taken from that row, so that
/// a new quantity alone does not lose the price. Rows that Extend made itself out of a bill of materials
/// are never sent back (documented).
fn order_change(document: &Value, there: &Value, number: &str) -> Value {
    let mut body = document.clone();
    let Some(fields) = body.as_object_mut() else { return body };
    fields.shift_remove("changeOrder");
    let header = fields.entry("orderHeader").or_insert(Value::Null);
    if header.is_null() {
        *header = serde_json::json!({ "orderNumber": number });
    }
    let rows = fields.entry("orderRows").or_insert(Value::Null);
    if rows.is_null() {
        *rows = Value::Array(Vec::new());
    }
    if let Value::Array(rows) = rows {
        rows.retain(|row| !is_child_row(row) && !row_at(there, place(row)).is_some_and(is_child_row));
        for row in rows {
            if let Some(known) = row_at(there, place(row)) {
                complete_row(row, known);
            }
        }
    }
    body
}

fn complete_row(row: &mut Value, known: &Value) {
    let number = |row: &Value| text_at(row, &["product", "productNumber"]).map(str::to_owned);
    let same_product = number(row).is_none() || number(row) == number(known);
    let Some(fields) = row.as_object_mut() else { return };
    if number(known).is_some() && fields.get("product").is_none_or(Value::is_null) {
        fields.insert("product".into(), serde_json::json!({ "productNumber": number(known) }));
    }
    if !same_product {
        return;
    }
    let sales = fields.entry("salesData").or_insert(Value::Null);
    if sales.is_null() {
        *sales = Value::Object(Map::new());
    }
    let Some(sales) = sales.as_object_mut() else { return };
    for name in ["quantity", "unit", "unitPrice", "vatPercent", "currency"] {
        let field = &known["salesData"][name];
        if !sales.contains_key(name) && !field.is_null() {
            sales.insert(name.into(), field.clone());
        }
    }
}

fn plan_row_cancellation(document: &Value, there: &Value, number: &str) -> Step {
    let mut rows = Vec::new();
    for (position, sub_position) in cancelled_places(document) {
        let Some(known) = row_at(there, Some((position, sub_position))) else {
            return Step::Refuse(Refusal::NoSuchRow { position, sub_position });
        };
        if let Some(parent) = known["billOfMaterialsParentRowPosition"].as_i64() {
            return Step::Refuse(Refusal::ChildRow { position, parent });
        }
        if is_annulled_row(known) {
            continue;
        }
        let mut row = Map::new();
        for name in CANCELLED_ROW_FIELDS {
            if let Some(field) = known.get(name) {
                row.insert(name.into(), field.clone());
            }
        }
        row.insert("rowOperation".into(), "Inactive".into());
        row.insert("warehouse".into(), CANCELLING_WAREHOUSE.into());
        rows.push(Value::Object(row));
    }
    if rows.is_empty() {
        return Step::Done;
    }
    let body = serde_json::json!({ "orderHeader": { "orderNumber": number }, "orderRows": rows });
    Step::Send(Verb::Put, Some(body))
}

/// The places of the rows that a cancellation names, each once: `rows`, or `positions` for short.
pub fn cancelled_places(document: &Value) -> Vec<(i64, i64)> {
    let cancel = &document["cancelRows"];
    let list = |name: &str| cancel[name].as_array().map_or(&[][..], Vec::as_slice);
    let mut places: Vec<(i64, i64)> = Vec::new();
    let named = list("rows").iter().filter_map(place);
    for place in named.chain(list("positions").iter().filter_map(whole).map(|position| (position, 0))) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Tells what an attempt came to. `before` is what was there when it was prepared (`None`: nothing, or it is
/// not known), `now` what is there.
pub fn outcome(kind: Kind, document: &Value, before: Option<&Value>, now: Option<&Value>) -> Outcome {
    match kind {
        Kind::Customer => customer_outcome(document, before, now),
        Kind::OrderCancellation => match now {
            Some(now) if !is_annulled_order(now) => moved(before, Some(now)),
            _ => Outcome::AsWanted,
        },
        Kind::RowCancellation => {
            let Some(now) = now else { return Outcome::Otherwise };
            let gone = |place| row_at(now, Some(place)).is_none_or(is_annulled_row);
            match cancelled_places(document).into_iter().all(gone) {
                true => Outcome::AsWanted,
                false => moved(before, Some(now)),
            }
        }
        _ => change_outcome(document, before, now),
    }
}

fn customer_outcome(document: &Value, before: Option<&Value>, now: Option<&Value>) -> Outcome {
    let Some(now) = now else {
        return if before.is_none() { Outcome::Unchanged } else { Outcome::Otherwise };
    };
    let after = held(document, Some(now));
    match before {
        None if after.differs == 0 && after.same > 0 => Outcome::AsWanted,
        None => Outcome::Otherwise,
        Some(before) => settled(after, held(document, Some(before)), agree(document, before, now)),
    }
}

fn change_outcome(document: &Value, before: Option<&Value>, now: Option<&Value>) -> Outcome {
    let (Some(before), Some(now)) = (before, now) else { return Outcome::Otherwise };
    let nothing = Value::Object(Map::new());
    let header = document.get("orderHeader").filter(|header| header.is_object()).unwrap_or(&nothing);
    let unmoved =
        fingerprint(before) == fingerprint(now) && agree(header, &before["orderHeader"], &now["orderHeader"]);
    let wanted: Vec<&Value> = rows(document)
        .filter(|row| !is_child_row(row) && !row_at(before, place(row)).is_some_and(is_child_row))
        .collect();
    settled(laid(header, &wanted, before, now), laid(header, &wanted, before, before), unmoved)
}

/// How a change's header and rows are held by `there`; rows in places that `before` had not are new ones.
fn laid(header: &Value, wanted: &[&Value], before: &Value, there: &Value) -> Held {
    let mut all = held(header, there.get("orderHeader"));
    let mut new: Vec<&Value> =
        rows(there).filter(|row| row_at(before, place(row)).is_none() && !is_child_row(row)).collect();
    for row in wanted {
        let is_cancelled = row["rowOperation"] == "Inactive";
        match place(row).filter(|at| row_at(before, Some(*at)).is_some()) {
            Some(at) if is_cancelled => {
                all.note(row_at(there, Some(at)).is_none_or(is_annulled_row));
            }
            Some(at) => all.add(held(row, row_at(there, Some(at)))),
            None => {
                let found = new.iter().position(|known| {
                    ["product", "salesData"].iter().all(|part| held(&row[part], known.get(part)).differs == 0)
                });
                all.note(found.is_some());
                found.map(|at| new.swap_remove(at));
            }
        }
    }
    all
}

fn settled(after: Held, before: Held, unmoved: bool) -> Outcome {
    match after.differs {
        // What Extend does not show can't be told; to lay it over once more does no harm.
        0 if before.differs == 0 && after.hidden > 0 => Outcome::Unchanged,
        0 => Outcome::AsWanted,
        _ if unmoved => Outcome::Unchanged,
        _ => Outcome::Otherwise,
    }
}

fn moved(before: Option<&Value>, now: Option<&Value>) -> Outcome {
    match (before, now) {
        (Some(before), Some(now)) if fingerprint(before) == fingerprint(now) => Outcome::Unchanged,
        _ => Outcome::Otherwise,
    }
}

/// How much of what is wanted a record holds.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    same: u32,
    differs: u32,
    /// Fields that the record does not show at all.
    hidden: u32,
}

impl Held {
    fn note(&mut self, same: bool) {
        match same {
            true => self.same += 1,
            false => self.differs += 1,
        }
    }

    fn add(&mut self, other: Held) {
        self.same += other.same;
        self.differs += other.differs;
        self.hidden += other.hidden;
    }
}

fn held(wanted: &Value, there: Option<&Value>) -> Held {
    let mut all = Held::default();
    match (wanted, there) {
        (Value::Object(fields), Some(Value::Object(known))) => {
            for (name, field) in fields {
                all.add(held(field, known.get(name)));
            }
        }
        (Value::Null, None) => all.same += 1,
        (_, None) => all.hidden += 1,
        (Value::Array(items), Some(Value::Array(known))) if items.len() == known.len() => {
            items.iter().zip(known).for_each(|(item, known)| all.add(held(item, Some(known))));
        }
        (wanted, Some(known)) => all.note(is_same(wanted, known)),
    }
    all
}

/// Whether what `wanted` names is the same in both.
fn agree(wanted: &Value, before: &Value, now: &Value) -> bool {
    match wanted {
        Value::Object(fields) if before.is_object() && now.is_object() => {
            fields.iter().all(|(name, field)| agree(field, &before[name], &now[name]))
        }
        _ => before == now || is_same(before, now),
    }
}

/// One number or one moment can be written in more than one way.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            canonical_number(one.as_str()) == canonical_number(other.as_str())
        }
        (Value::String(one), Value::String(other)) => {
            let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
            one.trim() == other.trim() || moment(one).is_some_and(|one| Some(one) == moment(other))
        }
        _ => one == other,
    }
}

/// What must not have moved for a change to be made once more: where the order stands, and its rows.
fn fingerprint(order: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Number(number) => canonical_number(number.as_str()),
        value => value.to_string(),
    };
    let mut all = vec![text(&order["orderHeader"]["orderStatus"])];
    for row in rows(order) {
        let sales = &row["salesData"];
        let parts = [
            &row["position"],
            &row["subPosition"],
            &row["product"]["productNumber"],
            &sales["quantity"],
            &sales["unit"],
            &sales["unitPrice"],
            &row["orderRowStatus"],
        ];
        all.push(parts.map(text).join(" "));
    }
    all[1..].sort_unstable();
    all
}

fn rows(order: &Value) -> impl Iterator<Item = &Value> {
    order["orderRows"].as_array().map_or(&[][..], Vec::as_slice).iter()
}

fn row_at(order: &Value, at: Option<(i64, i64)>) -> Option<&Value> {
    let at = at?;
    rows(order).find(|row| place(row) == Some(at))
}

/// Position and sub-position, which is 0 where it is not said.
fn place(row: &Value) -> Option<(i64, i64)> {
    Some((whole(&row["position"])?, whole(&row["subPosition"]).unwrap_or(0)))
}

/// A whole number, however it is written: `50`, `50.0`.
fn whole(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else { return None };
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15)?;
        Some(float as i64)
    })
}

fn is_annulled_row(row: &Value) -> bool {
    row["orderRowStatus"] == "Annulled" || row["rowOperation"] == "Inactive"
}

fn is_annulled_order(order: &Value) -> bool {
    order["orderHeader"]["orderStatus"] == "Annulled"
}

/// Lays one value over another: objects field by field, everything else whole.
fn lay_over(there: &mut Value, wanted: &Value) {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            for (name, field) in wanted {
                lay_over(there.entry(name).or_insert(Value::Null), field);
            }
        }
        (there, wanted) => *there = wanted.clone(),
    }
}

#[cfg(test)]
mod tests;
