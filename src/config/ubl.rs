//! `[ubl]`: how UBL orders are mapped.

use std::collections::BTreeMap;

use jiff::tz::Offset;
use rust_decimal::Decimal;
use toml::de::DeValue;

use super::problems::Expected;
use super::section::Section;
use crate::formats::ubl::mapping::{Article, Mapping, ORDER_NUMBER};

pub(super) fn read(section: &mut Section<'_, '_>) -> Mapping {
    let defaults = Mapping::default();
    Mapping {
        customers: section.table("customers"),
        customer: section.text_as("customer", Expected::Text, |text| Some(text.to_owned())),
        items: section.table("items"),
        units: section.table("units"),
        order_number: section
            .text_as("order_number", Expected::OrderNumber, |text| {
                text.contains("{id}").then(|| text.to_owned())
            })
            .unwrap_or_else(|| ORDER_NUMBER.to_owned()),
        utc_offset: section.text_as("utc_offset", Expected::Offset, offset).unwrap_or(defaults.utc_offset),
        tolerance: section.amount("tolerance").unwrap_or(defaults.tolerance),
        allowance: article(section, "allowance"),
        charge: article(section, "charge"),
        freight: article(section, "freight"),
        round: article(section, "round"),
    }
}

/// `{ product = "FRAKT", unit = "Stk" }`; `{}` is none.
fn article(section: &mut Section<'_, '_>, key: &'static str) -> Option<Article> {
    section
        .value(key, Expected::Article, |value| {
            let mut texts = texts(value)?;
            if texts.is_empty() {
                return Some(None);
            }
            let (product, unit) = (texts.remove("product")?, texts.remove("unit")?);
            texts.is_empty().then_some(Some(Article { product, unit }))
        })
        .flatten()
}

/// A table of texts that are not empty.
pub(super) fn texts(value: &DeValue<'_>) -> Option<BTreeMap<String, String>> {
    let pairs = value.as_table()?.iter().map(|(key, value)| {
        let text = value.get_ref().as_str().filter(|text| !text.trim().is_empty())?;
        Some((key.get_ref().to_string(), text.to_owned()))
    });
    pairs.collect()
}

/// An amount that is not negative.
pub(super) fn amount(value: &DeValue<'_>) -> Option<Decimal> {
    let text = match value {
        DeValue::Integer(number) => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => return None,
    };
    Decimal::from_str_exact(text).ok().filter(|amount| !amount.is_sign_negative())
}

/// `+01:00`
fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str| text.parse::<i32>().ok().filter(|_| text.len() == 2);
    Offset::from_seconds(sign * (number(hours)? * 3600 + number(minutes)? * 60)).ok()
}
