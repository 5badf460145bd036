//! Amounts, allowances and charges, and whether they add up.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value, json};

use super::mapping::Article;
use super::problem::Wrong;
use super::{Element, Making};

/// Decimals of a price at Extend (documented).
const PRICE_DECIMALS: u32 = 4;

/// No amount of an order is as large; what is computed with smaller ones never overflows.
const TOO_LARGE: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// What an order is worth without VAT.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// By the file: what it says of its lines, or what their prices come to.
    pub file: Decimal,
    /// As it is sent.
    pub sent: Decimal,
    /// A line has no price: Extend picks one, and nothing can be added up.
    pub is_open: bool,
}

/// What a charge or, negative, an allowance comes to, with its VAT and its line in the file.
pub(super) struct Extra<'a> {
    pub amount: Decimal,
    vat: Option<&'a str>,
    reason: Option<&'a str>,
    is_freight: bool,
    line: u64,
}

/// A decimal number of XML, small enough to reckon with.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.len() <= 25;
    let padded = if digits.starts_with('.') { format!("0{digits}") } else { digits.to_owned() };
    let number = Decimal::from_str_exact(padded.strip_suffix('.').unwrap_or(&padded)).ok();
    let number = number.filter(|number| is_plain && *number < TOO_LARGE)?;
    Some(if text.starts_with('-') { -number } else { number })
}

/// A number for JSON: as it was written, where JSON can write it so.
pub(super) fn as_written(text: &str, number: Decimal) -> Value {
    match serde_json::from_str::<Number>(text) {
        Ok(written) => Value::Number(written),
        Err(_) => json_number(number),
    }
}

pub(super) fn json_number(number: Decimal) -> Value {
    serde_json::from_str(&number.normalize().to_string()).unwrap_or_default()
}

/// A price as Extend keeps it.
pub(super) fn price(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(PRICE_DECIMALS, RoundingStrategy::MidpointAwayFromZero)
}

fn money(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

impl<'a> Making<'a> {
    /// An amount below `parent`; `None` where there is none, or where it is wrong, which is then noted.
    pub(super) fn amount(&mut self, parent: &'a Element, name: &str, field: &str) -> Option<Decimal> {
        let element = parent.child(name)?;
        let text = element.value()?;
        let field = format!("{field}/{name}");
        let number = decimal(text);
        if number.is_none() {
            self.note(Wrong::NotANumber { found: text.to_owned() }, &field, element.line);
        }
        if let (Some(own), Some(currency)) = (element.attribute("currencyID"), self.currency)
            && own != currency
        {
            let (own, order) = (own.to_owned(), currency.to_owned());
            self.note(Wrong::OtherCurrency { own, order }, &field, element.line);
        }
        number
    }

    /// The allowances and charges directly in an element.
    pub(super) fn extras(&mut self, parent: &'a Element, field: &str) -> Vec<Extra<'a>> {
        let mut all = Vec::new();
        for element in parent.all("AllowanceCharge") {
            let field = format!("{field}/AllowanceCharge");
            let value = |path: &str| element.at(path).and_then(Element::value);
            let is_charge = match value("ChargeIndicator") {
                Some("true" | "1") => true,
                Some("false" | "0") => false,
                _ => {
                    self.note(Wrong::Missing, &format!("{field}/ChargeIndicator"), element.line);
                    continue;
                }
            };
            let Some(amount) = self.amount(element, "Amount", &field) else { continue };
            let reason = value("AllowanceChargeReason");
            let says_freight = reason.is_some_and(|reason| {
                let reason = reason.to_lowercase();
                ["freight", "frakt", "shipping", "delivery cost"].iter().any(|word| reason.contains(word))
            });
            all.push(Extra {
                amount: if is_charge { amount } else { -amount },
                vat: value("TaxCategory/Percent"),
                reason,
                // UNCL 7161: freight service.
                is_freight: is_charge && (says_freight || value("AllowanceChargeReasonCode") == Some("FC")),
                line: element.line,
            });
        }
        all
    }

    /// A row for each of them.
    pub(super) fn extra_rows(
        &mut self,
        extras: &[Extra<'a>],
        vat: Option<&Value>,
        field: &str,
        rows: &mut Vec<Value>,
    ) {
        let mapping = self.mapping;
        for extra in extras.iter().filter(|extra| !extra.amount.is_zero()) {
            let (article, key, mode) = match (extra.is_freight, extra.amount.is_sign_negative()) {
                (_, true) => (&mapping.allowance, "allowance", Some("Discount")),
                (true, _) if mapping.freight.is_some() => (&mapping.freight, "freight", Some("Freight")),
                _ => (&mapping.charge, "charge", None),
            };
            let Some(article) = article else {
                let amount = extra.amount.abs().to_string();
                let reason = extra.reason.map(str::to_owned);
                self.note(
                    Wrong::NoArticle { key, amount, reason },
                    &format!("{field}/AllowanceCharge"),
                    extra.line,
                );
                continue;
            };
            let own = extra.vat.and_then(|text| Some(as_written(text, decimal(text)?)));
            let mut row = self.row_of(article, extra.amount, own.as_ref().or(vat));
            if let Some(mode) = mode {
                row["supplyMode"] = json!(mode);
            }
            if let Some(reason) = extra.reason {
                row["notations"] = json!({ "notes": reason });
            }
            rows.push(row);
        }
    }

    fn row_of(&self, article: &Article, amount: Decimal, vat: Option<&Value>) -> Value {
        let mut sales =
            json!({ "quantity": 1, "unit": article.unit, "unitPrice": json_number(price(amount)) });
        if let Some(vat) = vat {
            sales["vatPercent"] = vat.clone();
        }
        if let Some(currency) = self.currency {
            sales["currency"] = json!(currency);
        }
        json!({ "product": { "productNumber": article.product }, "salesData": sales })
    }

    /// What the order as a whole adds or takes off, and whether all of it comes to the file's total.
    pub(super) fn order_amounts(&mut self, root: &'a Element, rows: &mut Vec<Value>, sums: &mut Sums) {
        let extras = self.extras(root, "Order");
        let vat = rows.first().map(|row| row["salesData"]["vatPercent"].clone()).filter(|vat| !vat.is_null());
        self.extra_rows(&extras, vat.as_ref(), "Order", rows);
        for extra in &extras {
            sums.file += extra.amount;
            sums.sent += price(extra.amount);
        }
        let Some(total) = root.child("AnticipatedMonetaryTotal") else { return };
        let field = "AnticipatedMonetaryTotal";
        let mut amount = |name: &str| self.amount(total, name, field);
        let (without_tax, lines) = (amount("TaxExclusiveAmount"), amount("LineExtensionAmount"));
        let (allowances, charges) = (amount("AllowanceTotalAmount"), amount("ChargeTotalAmount"));
        let of_lines =
            lines.map(|lines| lines - allowances.unwrap_or_default() + charges.unwrap_or_default());
        let Some(wanted) = without_tax.or(of_lines) else { return };
        if sums.is_open || !self.problems.is_empty() {
            return;
        }
        if (wanted - sums.file).abs() > self.mapping.tolerance {
            let wrong = self.mismatch(wanted, sums.file);
            self.note(wrong, field, total.line);
            return;
        }
        let left = money(wanted) - money(sums.sent);
        if let Some(article) = self.mapping.round.as_ref().filter(|_| !left.is_zero()) {
            let mut row = self.row_of(article, left, Some(&json!(0)));
            row["supplyMode"] = json!("Round");
            rows.push(row);
        }
    }

    pub(super) fn mismatch(&self, total: Decimal, sum: Decimal) -> Wrong {
        let (total, sum) = (total.normalize().to_string(), sum.normalize().to_string());
        Wrong::TotalMismatch { total, sum, tolerance: self.mapping.tolerance.normalize().to_string() }
    }
}
