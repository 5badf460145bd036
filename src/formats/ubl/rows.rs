//! One line of an order: its row, and rows for its allowances and charges.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::amounts::{Sums, as_written, decimal, json_number, price};
use super::items::Item;
use super::problem::Wrong;
use super::{Element, Making, kept};

impl<'a> Making<'a> {
    pub(super) fn line(
        &mut self,
        number: usize,
        order_line: &'a Element,
        rows: &mut Vec<Value>,
        sums: &mut Sums,
    ) {
        let field = format!("OrderLine[{number}]/LineItem");
        let Some(line) = order_line.child("LineItem") else {
            self.note(Wrong::Missing, &field, order_line.line);
            return;
        };
        let item = Item::of(order_line);
        let item_line = line.child("Item").map_or(line.line, |item| item.line);
        let product = self.product(&item, &format!("{field}/Item"), item_line);
        let quantity_element = line.child("Quantity");
        let place = quantity_element.map_or(line.line, |element| element.line);
        let written = quantity_element.and_then(Element::value);
        let quantity = written.and_then(decimal);
        match (written, quantity) {
            (None, _) => self.note(Wrong::Missing, &format!("{field}/Quantity"), place),
            (Some(found), None) => {
                let found = found.to_owned();
                self.note(Wrong::NotANumber { found }, &format!("{field}/Quantity"), place);
            }
            _ => {}
        }
        let code = quantity_element.and_then(|element| element.attribute("unitCode"));
        let unit = self.unit(code, product.as_deref(), &format!("{field}/Quantity"), place);
        let extras = self.extras(line, &field);
        let price =
            self.unit_price(line, &field, quantity, extras.iter().map(|extra| extra.amount).sum(), sums);
        let vat = self.vat(line, &field);
        let (Some(product), Some(quantity), Some(written), Some(unit)) = (product, quantity, written, unit)
        else {
            return;
        };
        let mut sales = Map::new();
        sales.insert("quantity".into(), as_written(written, quantity));
        sales.insert("unit".into(), json!(unit));
        sales.extend(price.map(|price| ("unitPrice".into(), price)));
        sales.extend(vat.clone().map(|vat| ("vatPercent".into(), vat)));
        sales.extend(self.currency.map(|currency| ("currency".into(), json!(currency))));
        let mut row = json!({ "product": { "productNumber": product }, "salesData": sales });
        if let Some(buyers) = item.buyers {
            row["product"]["customerProductNumber"] = json!(buyers);
        }
        if let Some(id) = line.child("ID").and_then(Element::value) {
            row["externalRow"] = json!({ "externalRowId": id });
        }
        let notes: Vec<&str> =
            order_line.all("Note").chain(line.all("Note")).filter_map(Element::value).collect();
        if !notes.is_empty() {
            row["notations"]["notes"] = json!(notes.join("\n"));
        }
        let kept = kept::of_line(order_line).values;
        if !kept.is_empty() {
            let kept: Vec<String> = kept.iter().map(|(label, value)| format!("{label}: {value}")).collect();
            row["notations"]["externalNotes"] = json!(kept.join("\n"));
        }
        rows.push(row);
        self.extra_rows(&extras, vat.as_ref(), &field, rows);
    }

    /// The price of one as it is sent; `None` where the file tells none, and Extend picks it. Adds the line up.
    fn unit_price(
        &mut self,
        line: &'a Element,
        field: &str,
        quantity: Option<Decimal>,
        extras: Decimal,
        sums: &mut Sums,
    ) -> Option<Value> {
        let total = self.amount(line, "LineExtensionAmount", field);
        let told = line.child("Price");
        let amount = told.and_then(|told| self.amount(told, "PriceAmount", &format!("{field}/Price")));
        let of = self.price_base(told, field)?;
        let quantity = quantity?;
        let (sent, value) = match (amount, total) {
            (Some(amount), _) => {
                let each = price(amount / of);
                let written = told.and_then(|told| told.child("PriceAmount")).and_then(Element::value);
                let is_as_written = each == amount;
                (
                    each,
                    written
                        .filter(|_| is_as_written)
                        .map_or_else(|| json_number(each), |text| as_written(text, each)),
                )
            }
            (None, Some(total)) if !quantity.is_zero() => {
                let each = price((total - extras) / quantity);
                (each, json_number(each))
            }
            _ => {
                sums.is_open = true;
                return None;
            }
        };
        let come_to = amount.map_or(sent, |amount| amount / of) * quantity + extras;
        if let Some(total) = total
            && (total - come_to).abs() > self.mapping.tolerance
            && amount.is_some()
        {
            let wrong = self.mismatch(total, come_to);
            self.note(wrong, &format!("{field}/LineExtensionAmount"), line.line);
        }
        sums.file += total.unwrap_or(come_to);
        sums.sent += sent * quantity + extras;
        Some(value)
    }

    fn vat(&mut self, line: &'a Element, field: &str) -> Option<Value> {
        let percent = line.at("Item/ClassifiedTaxCategory/Percent")?;
        let text = percent.value()?;
        let number = decimal(text);
        if number.is_none() {
            let found = text.to_owned();
            self.note(
                Wrong::NotANumber { found },
                &format!("{field}/Item/ClassifiedTaxCategory"),
                percent.line,
            );
        }
        Some(as_written(text, number?))
    }

    /// How many a price is for.
    fn price_base(&mut self, told: Option<&'a Element>, field: &str) -> Option<Decimal> {
        let Some(base) = told.and_then(|told| told.child("BaseQuantity")) else { return Some(Decimal::ONE) };
        let text = base.value().unwrap_or_default();
        let number = decimal(text).filter(|number| *number > Decimal::ZERO);
        if number.is_none() {
            let found = text.to_owned();
            self.note(Wrong::NotANumber { found }, &format!("{field}/Price/BaseQuantity"), base.line);
        }
        number
    }
}
