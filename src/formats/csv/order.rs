//! The rows of one order become a document in Extend's shape.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::cell::money;
use super::fields::{self, ADDRESSES};
use super::mapping::Article;
use super::money::Sums;
use super::plan::{Field, Held, Plan};
use super::problem::Wrong;
use super::text::Row;
use super::{cell, json_number};
use crate::formats::problem::{self, Problem};
use crate::formats::warning::Warning;

/// An order, while it is put together.
pub(super) struct Order<'a> {
    plan: &'a Plan<'a>,
    rows: &'a [&'a Row],
    problems: Vec<Problem>,
    sums: Sums,
    /// Discounts by their VAT, without their sign.
    discounts: Vec<(Decimal, Decimal)>,
    /// What rows come to, by their VAT.
    by_vat: Vec<(Decimal, Decimal)>,
    warnings: Vec<Warning>,
}

/// An order in Extend's shape.
pub(super) struct Made {
    pub value: Value,
    /// The line of each of its rows.
    pub lines: Vec<u64>,
    /// The file's total says that no row of it is missing.
    pub is_proven: bool,
    pub warnings: Vec<Warning>,
    /// Why the settings leave it to a person.
    pub for_a_person: Vec<Problem>,
}

impl<'a> Order<'a> {
    /// `rows`: at least one.
    pub fn new(plan: &'a Plan<'a>, rows: &'a [&'a Row]) -> Order<'a> {
        let sums = Sums::new(plan.mapping);
        let (problems, discounts, by_vat, warnings) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Order { plan, rows, problems, sums, discounts, by_vat, warnings }
    }

    /// # Errors
    /// At least one problem.
    pub fn make(mut self) -> Result<Made, Vec<Problem>> {
        let mut for_a_person = Vec::new();
        for condition in &self.plan.reject {
            let met = self.rows.iter().find_map(|row| Some((condition.met(row)?.to_owned(), row.line)));
            if let Some((found, line)) = met {
                let wrong = Wrong::ForAPerson { column: condition.column.to_owned(), found };
                for_a_person.push(problem_of(wrong, None, line));
            }
        }
        let header = self.header();
        let currency = self.plan.currency.as_ref().and_then(|field| self.of_order(field));
        let currency = currency.map(Held::into_value);
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for row in self.rows.iter().filter(|row| self.plan.has_order_row(row)) {
            let made = self.row(row, rows.len(), currency.as_ref());
            rows.push(made);
            lines.push(row.line);
        }
        self.warn_of_twins(&rows);
        let is_proven = self.close(&mut rows, currency.as_ref());
        if !self.problems.is_empty() {
            // What it is left to a person for is what matters most.
            for_a_person.append(&mut self.problems);
            return Err(for_a_person);
        }
        lines.resize(rows.len(), self.first_line());
        // json! would copy all of it.
        let mut order = Map::new();
        order.insert("orderHeader".into(), header);
        order.insert("orderRows".into(), rows.into());
        Ok(Made { value: order.into(), lines, is_proven, warnings: self.warnings, for_a_person })
    }

    fn first_line(&self) -> u64 {
        self.rows.first().map_or(1, |row| row.line)
    }

    fn note(&mut self, wrong: Wrong, field: Option<String>, line: u64) {
        self.problems.push(problem_of(wrong, field, line));
    }

    fn note_empty(&mut self, path: &'static str, row: Option<usize>, line: u64) {
        let column = self.plan.mapping.column_of(path);
        self.note(Wrong::Empty { column, field: path }, Some(with_row(path, row)), line);
    }

    /// What a field of the order holds. It stands on the first row or on every one: all that say something
    /// must agree.
    fn of_order(&mut self, field: &Field<'_>) -> Option<Held> {
        let (mut found, mut line) = (None, self.first_line());
        if !field.is_constant() {
            for row in self.rows {
                let Some(text) = field.text(row) else { continue };
                match &found {
                    None => (found, line) = (Some(text), row.line),
                    Some(before) if *before != text => {
                        let column = field.column().unwrap_or_default();
                        let (found, before) = (text.into_owned(), before.to_string());
                        let wrong = Wrong::RowsDisagree { column, found, before };
                        self.note(wrong, extends(field.path), row.line);
                        return None;
                    }
                    Some(_) => {}
                }
            }
        }
        match field.held(found.as_deref()) {
            Ok(held) => held,
            Err(wrong) => {
                self.note(wrong, extends(field.path), line);
                None
            }
        }
    }

    fn header(&mut self) -> Value {
        let mut header = Map::new();
        // An address is one where a cell names a place: a name, or a country that is always the same, is none.
        let mut has_place = [false; ADDRESSES.len()];
        for field in &self.plan.header {
            let Some(held) = self.of_order(field) else { continue };
            let is_filled = || self.rows.iter().any(|row| field.is_filled(row));
            for (has_place, address) in has_place.iter_mut().zip(&ADDRESSES) {
                *has_place |= address.places.contains(&field.inner) && (field.is_constant() || is_filled());
            }
            set(&mut header, field.inner, held.into_value());
        }
        for (has_place, address) in has_place.into_iter().zip(&ADDRESSES) {
            if !has_place {
                header.remove(address.name);
                continue;
            }
            for (needed, path) in address.needed {
                if header[address.name].get(*needed).is_none() && !self.is_told(path, None) {
                    self.note_empty(path, None, self.first_line());
                }
            }
        }
        if !has_place[0] && self.plan.reads_delivery_place() {
            match header.get("invoiceAddress").filter(|_| self.plan.mapping.same_address) {
                Some(invoice) => {
                    let delivery = as_delivery_address(invoice);
                    header.insert("deliveryAddress".into(), delivery);
                }
                None => self.warnings.push(Warning::NoDeliveryAddress),
            }
        }
        Value::Object(header)
    }

    /// Webshops that sell variants list the variant and what it is a variant of: two rows for one article, of which
    /// one costs nothing.
    fn warn_of_twins(&mut self, rows: &[Value]) {
        let number = |row: &Value| row["product"]["productNumber"].as_str().map(str::to_owned);
        let is_free = |row: &Value| {
            let price = row["salesData"]["unitPrice"].as_number();
            price.is_some_and(|price| cell::number(price.as_str(), '.').is_some_and(|price| price.is_zero()))
        };
        for free in rows.iter().filter(|row| is_free(row)) {
            let quantity = &free["salesData"]["quantity"];
            let is_twin = |row: &&Value| {
                number(row) == number(free) && !is_free(row) && row["salesData"]["quantity"] == *quantity
            };
            if let (Some(_), Some(product)) = (rows.iter().find(is_twin), number(free)) {
                self.warnings.push(Warning::FreeTwin { product });
            }
        }
    }

    fn row(&mut self, row: &Row, index: usize, currency: Option<&Value>) -> Value {
        let mut made = Map::new();
        let (mut quantity, mut unit_price, mut vat) = (None, None, None);
        for field in &self.plan.rows {
            let held = match field.held(field.text(row).as_deref()) {
                Ok(Some(held)) => held,
                Ok(None) => continue,
                Err(wrong) => {
                    self.note(wrong, Some(with_row(field.path, Some(index))), row.line);
                    continue;
                }
            };
            match field.path {
                fields::QUANTITY => quantity = held.number(),
                fields::UNIT_PRICE => unit_price = held.number(),
                fields::VAT => vat = held.number(),
                _ => {}
            }
            set(&mut made, field.inner, held.into_value());
        }
        if let Some(currency) = currency {
            set(&mut made, "salesData.currency", currency.clone());
        }
        for path in [fields::PRODUCT, fields::QUANTITY, fields::UNIT] {
            let inner = path.trim_start_matches("orderRows.").split_once('.');
            let is_there = inner
                .is_some_and(|(outer, inner)| made.get(outer).is_some_and(|made| made.get(inner).is_some()));
            if !is_there && !self.is_told(path, Some(index)) {
                self.note_empty(path, Some(index), row.line);
            }
        }
        if let Some(quantity) = quantity {
            self.price(row, index, &mut made, (quantity, unit_price, vat));
        }
        Value::Object(made)
    }

    /// Whether it was said already that this field is wrong.
    fn is_told(&self, path: &str, row: Option<usize>) -> bool {
        let path = with_row(path, row);
        self.problems.iter().any(|problem| problem.field.as_deref() == Some(path.as_str()))
    }

    fn amount(&mut self, field: Option<&Field<'_>>, row: &Row) -> Option<Decimal> {
        match field?.amount(row) {
            Ok(amount) => amount,
            Err(wrong) => {
                self.note(wrong, None, row.line);
                None
            }
        }
    }

    /// Extend's price is that of one, without VAT and with four decimals.
    fn price(
        &mut self,
        row: &Row,
        index: usize,
        made: &mut Map<String, Value>,
        (quantity, unit_price, vat): (Decimal, Option<Decimal>, Option<Decimal>),
    ) {
        let plan = self.plan;
        let before = self.problems.len();
        let row_total = self.amount(plan.row_total.as_ref(), row);
        let discount = self.amount(plan.row_discount.as_ref(), row).unwrap_or_default().abs();
        let row_vat = self.amount(plan.row_vat.as_ref(), row);
        if self.problems.len() > before {
            return;
        }
        if quantity.is_zero() {
            let column = plan.mapping.column_of(fields::QUANTITY).unwrap_or_default();
            self.note(Wrong::NoQuantity { column }, Some(with_row(fields::QUANTITY, Some(index))), row.line);
            return;
        }
        if quantity.is_sign_negative() {
            let column = plan.mapping.column_of(fields::QUANTITY).unwrap_or_default();
            let found = quantity.to_string();
            let wrong = Wrong::NegativeQuantity { column, found };
            self.note(wrong, Some(with_row(fields::QUANTITY, Some(index))), row.line);
            return;
        }
        let (in_all, each) = match (row_total, unit_price) {
            (Some(total), _) => (total, total / quantity),
            (None, Some(price)) => (price * quantity, price),
            // Without a price Extend picks the customer's own; then there is no total to hold it against.
            (None, None) => {
                let is_reckoned = plan.total.is_some() || plan.vat_total.is_some() && !plan.has_no_prices();
                if is_reckoned && !self.is_told(fields::UNIT_PRICE, Some(index)) {
                    let path = if plan.row_total.is_some() { "row_total" } else { fields::UNIT_PRICE };
                    self.note_empty(path, Some(index), row.line);
                }
                return;
            }
        };
        let vat = match row_vat {
            Some(amount) => self.sums.percent(in_all - discount, amount).or(vat),
            None => vat,
        };
        let Some(vat) = vat.or((!plan.mapping.prices_with_vat).then_some(Decimal::ZERO)) else {
            if !self.is_told(fields::VAT, Some(index)) {
                self.note_empty(fields::VAT, Some(index), row.line);
            }
            return;
        };
        let is_fraction = row_vat.is_none() && !vat.is_zero() && vat < Decimal::ONE;
        if vat.is_sign_negative() || vat > Decimal::ONE_HUNDRED || is_fraction {
            let (column, found) = (plan.mapping.column_of(fields::VAT).unwrap_or_default(), vat.to_string());
            let percent = (vat * Decimal::ONE_HUNDRED).normalize().to_string();
            let wrong = match is_fraction && !vat.is_sign_negative() {
                true => Wrong::VatFraction { column, found, percent, mapping: plan.mapping.name.clone() },
                false => Wrong::NotAPercentage { column, found },
            };
            self.note(wrong, Some(with_row(fields::VAT, Some(index))), row.line);
            return;
        }
        add_to(&mut self.by_vat, vat, in_all - discount);
        let price = self.sums.add(in_all, each, quantity, vat);
        set(made, "salesData.unitPrice", json_number(price));
        if row_vat.is_some() {
            set(made, "salesData.vatPercent", json_number(vat));
        }
        if !discount.is_zero() {
            self.discount(vat, discount);
        }
    }

    fn discount(&mut self, vat: Decimal, amount: Decimal) {
        add_to(&mut self.discounts, vat, amount);
    }

    /// A discount on all of the order lowers each rate's part of it by as much.
    fn discount_all(&mut self, amount: Decimal, vat_of_first: Decimal) {
        let parts: Vec<(Decimal, Decimal)> =
            self.by_vat.iter().filter(|(_, part)| *part > Decimal::ZERO).copied().collect();
        let all: Decimal = parts.iter().map(|(_, part)| *part).sum();
        let Some(((last, _), others)) = parts.split_last() else {
            return self.discount(vat_of_first, amount);
        };
        let mut left = amount;
        for (vat, part) in others {
            let share = money(amount * *part / all);
            left -= share;
            self.discount(*vat, share);
        }
        self.discount(*last, left);
    }

    /// Freight, fee, discounts and what rounding leaves. True where the file has a total that they add up to.
    fn close(&mut self, rows: &mut Vec<Value>, currency: Option<&Value>) -> bool {
        let plan = self.plan;
        let vat = rows.first().and_then(|row| row["salesData"]["vatPercent"].as_number());
        let vat = vat.and_then(|vat| cell::number(vat.as_str(), '.')).unwrap_or_default();
        let mut of_order =
            |field: &Option<Field<'_>>| field.as_ref().and_then(|field| self.of_order(field)?.number());
        let (freight, freight_vat) = (of_order(&plan.freight), of_order(&plan.freight_vat));
        let (fee, fee_vat) = (of_order(&plan.fee).filter(|fee| !fee.is_zero()), of_order(&plan.fee_vat));
        let (discount, total, vat_total) =
            (of_order(&plan.discount), of_order(&plan.total), of_order(&plan.vat_total));
        if let Some(fee) = fee.filter(|_| plan.mapping.fee.is_none()) {
            // A preset has the column, and most shops have no fees: only an order with one asks for the article.
            let column = plan.mapping.column_of("fee").unwrap_or_default();
            let fee = fee.normalize().to_string();
            self.note(Wrong::NoFeeArticle { column, fee }, None, self.first_line());
        }
        if !self.problems.is_empty() {
            return false;
        }
        let vat_of = |article: &Option<Article>| article.as_ref().and_then(|article| article.vat_percent);
        if let Some(freight) = freight.filter(|freight| !freight.is_zero()) {
            let rate = freight_vat.and_then(|amount| self.sums.percent(freight, amount));
            let vat = rate.or(vat_of(&plan.mapping.freight)).unwrap_or(vat);
            let price = self.sums.add(freight, freight, Decimal::ONE, vat);
            rows.extend(row_of(&plan.mapping.freight, Some("Freight"), (price, vat), currency));
        }
        if let Some(fee) = fee {
            let rate = fee_vat.and_then(|amount| self.sums.percent(fee, amount));
            let vat = rate.or(vat_of(&plan.mapping.fee)).unwrap_or(vat);
            let price = self.sums.add(fee, fee, Decimal::ONE, vat);
            rows.extend(row_of(&plan.mapping.fee, None, (price, vat), currency));
        }
        // Files write a discount as 50 or as -50 and mean the same.
        if let Some(discount) = discount.filter(|discount| !discount.is_zero()) {
            match vat_of(&plan.mapping.discount) {
                Some(vat) => self.discount(vat, discount.abs()),
                None => self.discount_all(discount.abs(), vat),
            }
        }
        for (vat, discount) in std::mem::take(&mut self.discounts) {
            let price = self.sums.add(-discount, -discount, Decimal::ONE, vat);
            rows.extend(row_of(&plan.mapping.discount, Some("Discount"), (price, vat), currency));
        }
        let (file, sent) = self.sums.totals();
        let wanted = total.unwrap_or(file);
        if (wanted - file).abs() > plan.mapping.tolerance {
            let two = |amount: Decimal| format!("{:.2}", money(amount));
            let (total, sum) = (two(wanted), two(file));
            let tolerance = plan.mapping.tolerance.normalize().to_string();
            let column = plan.mapping.column_of("total").unwrap_or_default();
            self.note(Wrong::TotalMismatch { column, total, sum, tolerance }, None, self.first_line());
            return false;
        }
        let (vat_sum, rounding) = self.sums.vat();
        if let Some(wanted) = vat_total.filter(|_| !plan.has_no_prices())
            && (wanted - vat_sum).abs() > plan.mapping.tolerance + rounding
        {
            let two = |amount: Decimal| format!("{:.2}", money(amount));
            let column = plan.mapping.column_of("vat_total").unwrap_or_default();
            let wrong = Wrong::VatMismatch { column, total: two(wanted), sum: two(vat_sum) };
            self.note(wrong, None, self.first_line());
            return false;
        }
        let left = money(wanted) - money(sent);
        if !left.is_zero() {
            rows.extend(row_of(&plan.mapping.round, Some("Round"), (left, Decimal::ZERO), currency));
        }
        total.is_some()
    }
}

fn add_to(sums: &mut Vec<(Decimal, Decimal)>, vat: Decimal, amount: Decimal) {
    match sums.iter_mut().find(|(of, _)| *of == vat) {
        Some((_, sum)) => *sum += amount,
        None => sums.push((vat, amount)),
    }
}

/// The same place, with the names that a delivery address has for its parts.
fn as_delivery_address(invoice: &Value) -> Value {
    let mut delivery = invoice.as_object().cloned().unwrap_or_default();
    if let Some(name) = delivery.shift_remove("name") {
        delivery.insert("name1".into(), name);
    }
    delivery.into()
}

fn problem_of(wrong: Wrong, field: Option<String>, line: u64) -> Problem {
    Problem { wrong: problem::Wrong::Csv(Box::new(wrong)), field, line: Some(line) }
}

/// A path of Extend's shape; `None` for an amount, which has no place there.
fn extends(path: &str) -> Option<String> {
    path.contains('.').then(|| path.to_owned())
}

/// `orderRows[2].salesData.quantity`
fn with_row(path: &str, row: Option<usize>) -> String {
    match (row, path.strip_prefix("orderRows.")) {
        (Some(row), Some(inner)) => format!("orderRows[{row}].{inner}"),
        _ => path.to_owned(),
    }
}

/// A row that is added.
fn row_of(
    article: &Option<Article>,
    mode: Option<&str>,
    (price, vat): (Decimal, Decimal),
    currency: Option<&Value>,
) -> Option<Value> {
    let article = article.as_ref()?;
    let mut row = json!({
        "product": { "productNumber": article.product },
        "salesData": {
            "quantity": 1,
            "unit": article.unit,
            "unitPrice": json_number(price),
            "vatPercent": json_number(vat),
        },
    });
    if let Some(mode) = mode {
        row["supplyMode"] = json!(mode);
    }
    if let Some(currency) = currency {
        row["salesData"]["currency"] = currency.clone();
    }
    Some(row)
}

/// Puts a value at a dotted path.
fn set(fields: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => _ = fields.insert(path.to_owned(), value),
        Some((outer, inner)) => {
            if !fields.contains_key(outer) {
                fields.insert(outer.to_owned(), Value::Object(Map::new()));
            }
            if let Some(Value::Object(fields)) = fields.get_mut(outer) {
                set(fields, inner, value);
            }
        }
    }
}
