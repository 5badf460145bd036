//! A mapping held against the header line of a file: which cells make which field.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::fields::{self, ADDRESSES, FIELDS, FieldType};
use super::mapping::{Mapping, Words};
use super::problem::Wrong;
use super::text::{Row, Table};
use super::{cell, json_number};
use crate::formats::problem::{self as file_problem, Problem};

/// Where everything comes from.
pub(super) struct Plan<'m> {
    pub mapping: &'m Mapping,
    /// The order's number, by which rows are grouped.
    pub key: Field<'m>,
    /// What concerns the order, and its currency.
    pub header: Vec<Field<'m>>,
    pub currency: Option<Field<'m>>,
    /// What concerns a row.
    pub rows: Vec<Field<'m>>,
    /// Amounts of the order.
    pub total: Option<Field<'m>>,
    pub vat_total: Option<Field<'m>>,
    pub freight: Option<Field<'m>>,
    pub freight_vat: Option<Field<'m>>,
    pub fee: Option<Field<'m>>,
    pub fee_vat: Option<Field<'m>>,
    pub discount: Option<Field<'m>>,
    /// Amounts of a row.
    pub row_total: Option<Field<'m>>,
    pub row_discount: Option<Field<'m>>,
    pub row_vat: Option<Field<'m>>,
    /// What becomes of an order, or of a row, by what stands in a column.
    pub skip: Vec<Condition<'m>>,
    pub reject: Vec<Condition<'m>>,
    pub skip_rows: Vec<Condition<'m>>,
    /// Cells of a row.
    pub width: usize,
}

/// What stands in a column, where something becomes of an order or a row for it.
pub(super) struct Condition<'m> {
    pub column: &'m str,
    place: usize,
    words: &'m [String],
    decimal: char,
}

impl Condition<'_> {
    /// The row's cell, where it is one of the words.
    pub fn met<'r>(&self, row: &'r Row) -> Option<&'r str> {
        let cell = as_meant(row.cell(self.place)).trim();
        let is_something =
            || !cell.is_empty() && cell::number(cell, self.decimal).is_none_or(|number| !number.is_zero());
        let is_met = |word: &String| match word.as_str() {
            "*" => is_something(),
            word => cell.to_lowercase() == word.trim().to_lowercase(),
        };
        self.words.iter().any(is_met).then_some(cell)
    }
}

/// Where one field comes from.
pub(super) struct Field<'m> {
    mapping: &'m Mapping,
    /// In Extend's shape, or the name of an amount.
    pub path: &'static str,
    /// The same within the header or the row.
    pub inner: &'static str,
    holds: FieldType,
    places: Vec<usize>,
    constant: Option<&'m str>,
    default: Option<&'m str>,
    values: Option<&'m BTreeMap<String, String>>,
}

/// What a field holds.
pub(super) enum Held {
    Number(Decimal),
    Other(Value),
}

impl Held {
    pub fn number(&self) -> Option<Decimal> {
        if let Held::Number(number) = self { Some(*number) } else { None }
    }

    pub fn into_value(self) -> Value {
        match self {
            Held::Number(number) => json_number(number),
            Held::Other(value) => value,
        }
    }
}

impl<'m> Plan<'m> {
    /// # Errors
    /// Columns that the mapping reads and the header line does not have, or has twice.
    pub fn new(table: &Table, mapping: &'m Mapping) -> Result<Plan<'m>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut field = |path: &'static str, holds| {
            let names = mapping.columns.get(path).map_or(&[][..], Vec::as_slice);
            let mut places = Vec::with_capacity(names.len());
            for name in names {
                match place(table, name, mapping) {
                    Ok(place) => places.extend(place),
                    Err(wrong) => {
                        let wrong = file_problem::Wrong::Csv(Box::new(wrong));
                        let field = FIELDS.iter().any(|(known, _)| *known == path).then(|| path.to_owned());
                        problems.push(Problem { wrong, field, line: Some(table.head_line) });
                    }
                }
            }
            let of = |fields: &'m BTreeMap<String, String>| fields.get(path).map(String::as_str);
            let (constant, default) = (of(&mapping.constants), of(&mapping.defaults));
            let values = mapping.values.get(path);
            let inner = path.split_once('.').map_or(path, |(_, inner)| inner);
            let has_source = !places.is_empty() || constant.is_some() || default.is_some();
            has_source.then_some(Field { mapping, path, inner, holds, places, constant, default, values })
        };
        let (mut header, mut rows, mut currency) = (Vec::new(), Vec::new(), None);
        for (path, holds) in FIELDS {
            match field(path, *holds) {
                Some(field) if *path == fields::CURRENCY => currency = Some(field),
                Some(field) if path.starts_with("orderHeader.") => header.push(field),
                Some(field) => rows.push(field),
                None => {}
            }
        }
        let mut amount = |name| field(name, FieldType::Number);
        let [
            total,
            vat_total,
            freight,
            freight_vat,
            fee,
            fee_vat,
            discount,
            row_total,
            row_discount,
            row_vat,
        ] = fields::AMOUNTS.map(&mut amount);
        let mut conditions = |by_column: &'m BTreeMap<String, Words>| -> Vec<Condition<'m>> {
            let mut all = Vec::new();
            for (column, words) in by_column {
                match place(table, column, mapping) {
                    Ok(Some(place)) => all.push(Condition { column, place, words, decimal: mapping.decimal }),
                    Ok(None) => {}
                    Err(wrong) => {
                        let wrong = file_problem::Wrong::Csv(Box::new(wrong));
                        problems.push(Problem { wrong, field: None, line: Some(table.head_line) });
                    }
                }
            }
            all
        };
        let [skip, reject, skip_rows] =
            [&mapping.skip, &mapping.reject, &mapping.skip_rows].map(&mut conditions);
        if !problems.is_empty() {
            return Err(problems);
        }
        let width = table.columns.len();
        let key = Field {
            mapping,
            path: fields::KEY,
            inner: fields::KEY,
            holds: FieldType::Text,
            places: header
                .iter()
                .find(|field| field.path == fields::KEY)
                .map_or_else(Vec::new, |field| field.places.clone()),
            constant: None,
            default: None,
            values: None,
        };
        Ok(Plan {
            mapping,
            key,
            header,
            currency,
            rows,
            total,
            vat_total,
            freight,
            freight_vat,
            fee,
            fee_vat,
            discount,
            row_total,
            row_discount,
            row_vat,
            skip,
            reject,
            skip_rows,
            width,
        })
    }

    /// Whether a column says where an order is to go.
    pub fn reads_delivery_place(&self) -> bool {
        self.header.iter().any(|field| ADDRESSES[0].places.contains(&field.inner) && !field.is_constant())
    }

    /// Whether no column says what anything costs: Extend's own prices hold.
    pub fn has_no_prices(&self) -> bool {
        self.row_total.is_none() && !self.rows.iter().any(|field| field.path == fields::UNIT_PRICE)
    }

    /// Whether a row of the file holds a row of the order, and not only more about the order.
    pub fn has_order_row(&self, row: &Row) -> bool {
        self.rows.iter().chain(&self.row_total).any(|field| field.is_filled(row))
            && !self.skip_rows.iter().any(|condition| condition.met(row).is_some())
    }

    /// Whether the row can't be read for sure: what is in its cells may belong into others.
    pub fn is_broken(&self, row: &Row) -> bool {
        row.has_stray_quote || row.len(self.width) != self.width
    }
}

/// The place of a column; `None` where it need not be there.
fn place(table: &Table, name: &str, mapping: &Mapping) -> Result<Option<usize>, Wrong> {
    let lower = name.to_lowercase();
    let mut same: Vec<usize> =
        (0..table.columns.len()).filter(|at| table.columns[*at].to_lowercase() == lower).collect();
    if same.len() > 1 {
        same.retain(|at| table.columns[*at] == name);
    }
    match same[..] {
        [one] => Ok(Some(one)),
        [] if mapping.optional.iter().any(|optional| optional == name) => Ok(None),
        [] => Err(Wrong::MissingColumn {
            column: name.to_owned(),
            mapping: mapping.name.clone(),
            there: table.columns.clone(),
        }),
        _ => Err(Wrong::ColumnTwice { column: name.to_owned() }),
    }
}

impl Field<'_> {
    /// Whether a cell of the row says something of it.
    pub fn is_filled(&self, row: &Row) -> bool {
        self.places.iter().any(|place| !as_meant(row.cell(*place)).is_empty())
    }

    /// What the row's cells say of it; `None` where that is nothing.
    pub fn text<'r>(&self, row: &'r Row) -> Option<Cow<'r, str>> {
        let mut cells =
            self.places.iter().map(|place| as_meant(row.cell(*place))).filter(|cell| !cell.is_empty());
        let first = cells.next()?;
        match cells.next() {
            None => Some(Cow::Borrowed(first)),
            Some(second) => {
                let all: Vec<&str> = [first, second].into_iter().chain(cells).collect();
                Some(Cow::Owned(all.join(" ")))
            }
        }
    }

    /// Whether it is the same in every order.
    pub fn is_constant(&self) -> bool {
        self.constant.is_some()
    }

    /// What it holds where its cells hold `text`.
    ///
    /// # Errors
    /// The text is none of its type.
    pub fn held(&self, text: Option<&str>) -> Result<Option<Held>, Wrong> {
        // What means nothing is an empty cell.
        let meant = text.map(|text| self.meaning(text).map_or((text, true), |meaning| (meaning, false)));
        let meant = meant.filter(|(text, _)| !text.is_empty());
        let (text, is_cell) = match (self.constant, meant, self.default) {
            (Some(constant), _, _) => (constant, false),
            (None, Some(meant), _) => meant,
            (None, None, Some(default)) => (default, false),
            (None, None, None) => return Ok(None),
        };
        let decimal = if is_cell { self.mapping.decimal } else { '.' };
        let held = match self.holds {
            FieldType::Text => Some(Held::Other(text.into())),
            FieldType::Country => is_country(text).then(|| Held::Other(text.to_uppercase().into())),
            FieldType::Currency => is_currency(text).then(|| Held::Other(text.to_uppercase().into())),
            FieldType::Number => cell::number(text, decimal).map(Held::Number),
            FieldType::Flag => cell::flag(text).map(|flag| Held::Other(flag.into())),
            FieldType::Date => cell::moment(text, &self.mapping.dates, self.mapping.utc_offset)
                .map(|moment| Held::Other(moment.into())),
            FieldType::OneOf(words) => words.contains(&text).then(|| Held::Other(text.into())),
        };
        held.map(Some).ok_or_else(|| self.wrong(text))
    }

    /// The amount in a row.
    ///
    /// # Errors
    /// The cell holds no number.
    pub fn amount(&self, row: &Row) -> Result<Option<Decimal>, Wrong> {
        let held = self.held(self.text(row).as_deref())?;
        Ok(held.and_then(|held| held.number()))
    }

    /// What a cell's text means, by the table of values. `*` stands for all that it does not name.
    fn meaning(&self, text: &str) -> Option<&str> {
        let values = self.values?;
        values.get(text).or_else(|| values.get("*")).map(String::as_str)
    }

    /// The column, as a person reads it.
    pub fn column(&self) -> Option<String> {
        self.mapping.column_of(self.path)
    }

    fn wrong(&self, text: &str) -> Wrong {
        let (column, found) = (self.column().unwrap_or_default(), text.to_owned());
        match self.holds {
            FieldType::Text | FieldType::Number if cell::is_too_large(text) => {
                Wrong::TooLarge { column, found }
            }
            FieldType::Text | FieldType::Number => {
                Wrong::NotANumber { column, found, decimal: self.mapping.decimal }
            }
            FieldType::Flag => Wrong::NotAFlag { column, found },
            FieldType::Date => Wrong::NotADate { column, found, forms: self.mapping.dates.clone() },
            FieldType::Country => Wrong::NotACountry { column, found, field: self.path },
            FieldType::Currency => Wrong::NotACurrency { column, found, field: self.path },
            FieldType::OneOf(known) => Wrong::UnknownWord {
                column,
                found,
                field: self.path,
                known,
                mapping: self.mapping.name.clone(),
            },
        }
    }
}

/// Two letters, by ISO 3166.
pub(super) fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Three letters, by ISO 4217.
pub(super) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// What spreadsheets, and those who guard against them, put around a cell means nothing: `'0123`, `="0123"`.
fn as_meant(cell: &str) -> &str {
    if let Some(inner) = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        return inner;
    }
    let rest = cell.strip_prefix('\'').unwrap_or(cell);
    if rest.starts_with(|letter: char| letter.is_ascii_digit() || "+-=@".contains(letter)) {
        rest
    } else {
        cell
    }
}
