//! The rows of one order become a document in Extend's shape.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};

use super::Columns;
use super::cell::{self, money};
use super::fields::{self, ADDRESSES, FieldType, field_type};
use super::mapping::{Article, Mapping};
use super::problem::Wrong;
use super::text::Row;
use crate::formats::problem::{self, Problem};

/// An order, or what is wrong with its rows.
pub(super) struct Order<'a> {
    mapping: &'a Mapping,
    columns: &'a Columns,
    rows: &'a [&'a Row],
    problems: Vec<Problem>,
    sums: Sums,
}

/// What the rows are worth, by the file and as they are sent, without VAT and with it.
#[derive(Default)]
struct Sums {
    file_net: Decimal,
    file_gross: Decimal,
    sent_net: Decimal,
    sent_gross: Decimal,
}

/// Where a value comes from.
enum Source<'a> {
    /// A cell, in the file's own writing.
    Cell(String, &'a Row),
    /// The settings.
    Settings(String),
}

impl<'a> Order<'a> {
    pub fn new(mapping: &'a Mapping, columns: &'a Columns, rows: &'a [&'a Row]) -> Order<'a> {
        Order { mapping, columns, rows, problems: Vec::new(), sums: Sums::default() }
    }

    /// The document, and the line of each of its rows.
    pub fn document(mut self) -> Result<(Value, Vec<u64>), Vec<Problem>> {
        let header = self.header();
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for &row in self.rows {
            if self.columns.has_order_row(row) {
                rows.push(self.order_row(row));
                lines.push(row.line);
            }
        }
        let vat = rows.first().and_then(|row| row["salesData"]["vatPercent"].as_number().cloned());
        let vat = vat.and_then(|vat| cell::number(vat.as_str(), '.')).unwrap_or_default();
        self.extra(&mut rows, vat);
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        lines.resize(rows.len(), self.first_line());
        Ok((json!({ "orderHeader": header, "orderRows": rows }), lines))
    }

    fn first_line(&self) -> u64 {
        self.rows.first().map_or(1, |row| row.line)
    }

    fn note(&mut self, wrong: Wrong, field: Option<&str>, line: u64) {
        let wrong = problem::Wrong::Csv(Box::new(wrong));
        self.problems.push(Problem { wrong, field: field.map(str::to_owned), line: Some(line) });
    }

    fn header(&mut self) -> Value {
        let mut header = Value::Object(Map::new());
        let mut filled = Vec::new();
        for (path, holds) in fields::FIELDS {
            let Some(inner) = path.strip_prefix("orderHeader.") else { continue };
            let Some(source) = self.header_source(path) else { continue };
            if matches!(source, Source::Cell(..)) {
                filled.push(inner);
            }
            if let Some(value) = self.typed(path, *holds, source) {
                set(&mut header, inner, value);
            }
        }
        for (object, needed) in ADDRESSES {
            let inside = format!("{object}.");
            let is_mapped =
                self.mapping.columns.keys().any(|path| {
                    path.strip_prefix("orderHeader.").is_some_and(|path| path.starts_with(&inside))
                });
            let is_place = |path: &&str| {
                path.strip_prefix(&inside)
                    .is_some_and(|name| matches!(name, "address1" | "postalCode" | "city"))
            };
            if is_mapped && !filled.iter().any(is_place) {
                // A name, or a country that is always the same, makes no address.
                if let Some(header) = header.as_object_mut() {
                    header.remove(object);
                }
            }
            if let Some(address) = header.get(object) {
                let missing: Vec<String> = needed
                    .iter()
                    .filter(|name| address.get(**name).is_none())
                    .map(|name| format!("orderHeader.{object}.{name}"))
                    .collect();
                missing.iter().for_each(|field| self.note_empty(field, self.first_line()));
            }
        }
        header
    }

    /// A field of the header stands on the first row, or on every one: all that say something must agree.
    fn header_source(&mut self, target: &str) -> Option<Source<'a>> {
        if let Some(constant) = self.mapping.constants.get(target) {
            return Some(Source::Settings(constant.clone()));
        }
        let mut found: Option<(String, &'a Row)> = None;
        for &row in self.rows {
            let Some(text) = self.columns.text(row, target) else { continue };
            match &found {
                None => found = Some((text, row)),
                Some((before, _)) if *before != text => {
                    let column = self.column(target);
                    let before = before.clone();
                    self.note(Wrong::RowsDisagree { column, found: text, before }, None, row.line);
                    return None;
                }
                Some(_) => {}
            }
        }
        match found {
            Some((text, row)) => Some(self.meant(target, text, row)),
            None => self.mapping.defaults.get(target).cloned().map(Source::Settings),
        }
    }

    fn row_source(&self, target: &str, row: &'a Row) -> Option<Source<'a>> {
        if let Some(constant) = self.mapping.constants.get(target) {
            return Some(Source::Settings(constant.clone()));
        }
        match self.columns.text(row, target) {
            Some(text) => Some(self.meant(target, text, row)),
            None => self.mapping.defaults.get(target).cloned().map(Source::Settings),
        }
    }

    /// What a cell means, by the table of values.
    fn meant(&self, target: &str, text: String, row: &'a Row) -> Source<'a> {
        match self.mapping.values.get(target).and_then(|values| values.get(&text)) {
            Some(value) => Source::Settings(value.clone()),
            None => Source::Cell(text, row),
        }
    }

    fn column(&self, target: &str) -> String {
        self.mapping.column_of(target).unwrap_or_default()
    }

    fn note_empty(&mut self, field: &str, line: u64) {
        let column = self.mapping.column_of(field);
        self.note(Wrong::Empty { column, field: field.to_owned() }, None, line);
    }

    /// A value of the type that the field has.
    fn typed(&mut self, target: &str, holds: FieldType, source: Source<'_>) -> Option<Value> {
        let (text, line, decimal) = match source {
            Source::Cell(text, row) => (text, row.line, self.mapping.decimal),
            Source::Settings(text) => (text, self.first_line(), '.'),
        };
        let column = self.column(target);
        let value = match holds {
            FieldType::Text => Some(Value::from(text.as_str())),
            FieldType::Number => cell::number(&text, decimal).map(json_number),
            FieldType::Flag => cell::flag(&text).map(Value::from),
            FieldType::Date => {
                cell::moment(&text, &self.mapping.dates, self.mapping.utc_offset).map(Value::from)
            }
            FieldType::OneOf(words) => words.contains(&text.as_str()).then(|| Value::from(text.as_str())),
        };
        if value.is_none() {
            let found = text;
            let wrong = match holds {
                FieldType::Text | FieldType::Number => Wrong::NotANumber { column, found, decimal },
                FieldType::Flag => Wrong::NotAFlag { column, found },
                FieldType::Date => Wrong::NotADate { column, found, formats: self.mapping.dates.clone() },
                FieldType::OneOf(words) => {
                    let known = words.iter().map(|word| (*word).to_owned()).collect();
                    Wrong::UnknownWord { column, found, field: target.to_owned(), known }
                }
            };
            self.note(wrong, None, line);
        }
        value
    }

    fn order_row(&mut self, row: &'a Row) -> Value {
        let mut made = Value::Object(Map::new());
        for (path, holds) in fields::FIELDS {
            let Some(inner) = path.strip_prefix("orderRows.") else { continue };
            // An order has one currency, and files may name it on the first row only.
            let source = match *path == fields::CURRENCY {
                true => self.header_source(path),
                false => self.row_source(path, row),
            };
            let Some(source) = source else {
                if [fields::PRODUCT, fields::QUANTITY, "orderRows.salesData.unit"].contains(path) {
                    self.note_empty(path, row.line);
                }
                continue;
            };
            if let Some(value) = self.typed(path, *holds, source) {
                set(&mut made, inner, value);
            }
        }
        self.price(row, &mut made);
        made
    }

    /// Extend's price is that of one, without VAT and with four decimals.
    fn price(&mut self, row: &'a Row, made: &mut Value) {
        let number = |name: &str| {
            made["salesData"][name].as_number().and_then(|number| cell::number(number.as_str(), '.'))
        };
        let (quantity, unit_price, vat) = (number("quantity"), number("unitPrice"), number("vatPercent"));
        let row_total = self.amount("row_total", Some(row));
        let Some(quantity) = quantity else { return };
        let in_all = match (row_total, unit_price) {
            (Some(total), _) => total,
            (None, Some(price)) => price * quantity,
            (None, None) => {
                // Without a price Extend picks the customer's own; then there is no total to hold it against.
                let is_told = ["row_total", fields::UNIT_PRICE]
                    .iter()
                    .any(|field| self.columns.text(row, field).is_some());
                if self.mapping.columns.contains_key("total") && !is_told {
                    let field = if self.mapping.columns.contains_key("row_total") {
                        "row_total"
                    } else {
                        fields::UNIT_PRICE
                    };
                    self.note_empty(field, row.line);
                }
                return;
            }
        };
        if let Some(vat) = vat.filter(|vat| vat.is_sign_negative() || *vat > Decimal::ONE_HUNDRED) {
            let (column, found) = (self.column(fields::VAT), vat.to_string());
            self.note(Wrong::NotANumber { column, found, decimal: self.mapping.decimal }, None, row.line);
            return;
        }
        if self.mapping.prices_with_vat && vat.is_none() {
            self.note_empty(fields::VAT, row.line);
            return;
        }
        if quantity.is_zero() {
            self.note_empty(fields::QUANTITY, row.line);
            return;
        }
        let vat = vat.unwrap_or_default();
        let each = match (row_total, unit_price) {
            (Some(total), _) => total / quantity,
            (None, price) => price.unwrap_or_default(),
        };
        let price = self.add(in_all, each, quantity, vat);
        set(made, "salesData.unitPrice", json_number(price));
    }

    /// Adds up a row, and gives the price of one as it is sent.
    fn add(&mut self, in_all: Decimal, each: Decimal, quantity: Decimal, vat: Decimal) -> Decimal {
        let with_vat = Decimal::ONE + vat / Decimal::ONE_HUNDRED;
        let (net, gross, price) = match self.mapping.prices_with_vat {
            true => (in_all / with_vat, in_all, each / with_vat),
            false => (in_all, in_all * with_vat, each),
        };
        let price = price.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
        self.sums.file_net += net;
        self.sums.file_gross += gross;
        self.sums.sent_net += price * quantity;
        self.sums.sent_gross += price * quantity * with_vat;
        price
    }

    /// Freight, discount and what rounding leaves.
    fn extra(&mut self, rows: &mut Vec<Value>, vat: Decimal) {
        let mapping = self.mapping;
        for (name, article, mode) in
            [("freight", &mapping.freight, "Freight"), ("discount", &mapping.discount, "Discount")]
        {
            let Some(amount) = self.amount(name, None).filter(|amount| !amount.is_zero()) else { continue };
            let Some(article) = article else { continue };
            // Files write a discount as 50 or as -50 and mean the same.
            let amount = if mode == "Discount" { -amount.abs() } else { amount };
            let vat = article.vat_percent.unwrap_or(vat);
            let price = self.add(amount, amount, Decimal::ONE, vat);
            rows.push(row_of(article, mode, price, vat));
        }
        let (file, sent) = match mapping.total_with_vat {
            true => (self.sums.file_gross, self.sums.sent_gross),
            false => (self.sums.file_net, self.sums.sent_net),
        };
        let total = self.amount("total", None);
        if !self.problems.is_empty() {
            return;
        }
        let wanted = total.unwrap_or(file);
        if (wanted - file).abs() > mapping.tolerance {
            let two = |amount: Decimal| format!("{:.2}", money(amount));
            let (total, sum) = (two(wanted), two(file));
            let tolerance = mapping.tolerance.to_string();
            self.note(Wrong::TotalMismatch { total, sum, tolerance }, None, self.first_line());
            return;
        }
        let left = money(wanted) - money(sent);
        if let Some(article) = mapping.round.as_ref().filter(|_| !left.is_zero()) {
            rows.push(row_of(article, "Round", left, Decimal::ZERO));
        }
    }

    /// An amount of the order, or of one of its rows.
    fn amount(&mut self, name: &str, row: Option<&'a Row>) -> Option<Decimal> {
        let source = match row {
            Some(row) => self.row_source(name, row)?,
            None => self.header_source(name)?,
        };
        let value = self.typed(name, FieldType::Number, source)?;
        cell::number(value.as_number()?.as_str(), '.')
    }
}

fn row_of(article: &Article, mode: &str, price: Decimal, vat: Decimal) -> Value {
    json!({
        "product": { "productNumber": article.product },
        "salesData": {
            "quantity": 1,
            "unit": article.unit,
            "unitPrice": json_number(price),
            "vatPercent": json_number(vat),
        },
        "supplyMode": mode,
    })
}

/// A number of JSON, digit for digit.
fn json_number(number: Decimal) -> Value {
    serde_json::from_str(&number.normalize().to_string()).unwrap_or_default()
}

/// Puts a value at a dotted path.
fn set(object: &mut Value, path: &str, value: Value) {
    let mut at = object;
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Some(fields) = at.as_object_mut() else { return };
        let field = fields.entry(step).or_insert(Value::Null);
        if steps.peek().is_none() {
            *field = value;
            return;
        }
        at = field;
    }
}

/// Whether a constant or default reads as what its field holds.
pub(super) fn reads_as(target: &str, text: &str, dates: &[String]) -> bool {
    match field_type(target).unwrap_or(FieldType::Number) {
        FieldType::Text => true,
        FieldType::Number => cell::number(text, '.').is_some(),
        FieldType::Flag => cell::flag(text).is_some(),
        FieldType::Date => cell::moment(text, dates, jiff::tz::Offset::UTC).is_some(),
        FieldType::OneOf(words) => words.contains(&text),
    }
}
