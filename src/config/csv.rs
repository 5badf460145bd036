//! `[csv.NAME]`: which column of a shop's file makes which field.
//!
//! A preset is written as such a section and read first; what the shop writes takes its place key by key, and in
//! `columns`, `constants`, `defaults` and `values` field by field (`tables`).

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use toml::de::{DeTable, DeValue};

use super::problems::{Language, Problem};
use super::read::{RawConfig, shorten};
use crate::formats::csv::fields;
use crate::formats::csv::mapping::{Encoding, Mapping};
use crate::formats::csv::{DATES, cell, presets};
use crate::formats::near_miss::near_miss;

mod tables;

/// Every key of a section.
const KEYS: [&str; 23] = [
    "match",
    "preset",
    "encoding",
    "delimiter",
    "decimal",
    "dates",
    "utc_offset",
    "order_fields",
    "prices",
    "total_with_vat",
    "tolerance",
    "freight",
    "fee",
    "discount",
    "round",
    "columns",
    "constants",
    "defaults",
    "values",
    "same_address",
    "skip",
    "reject",
    "skip_rows",
];

/// What is written at a key, as far as a section has it.
enum Leaf {
    Text(String),
    List(Vec<String>),
    Flag(bool),
    Number(String),
    Other,
}

/// Something that is wrong at a key under the section, and where that is written.
struct Wrong {
    key: String,
    at: usize,
    written: Option<String>,
    message: String,
}

/// The mappings, in the order of their names.
pub(super) fn read(raw: &mut RawConfig<'_>) -> Vec<Mapping> {
    let language = raw.language;
    let Some((at, sections)) = raw.take("csv") else { return Vec::new() };
    let mut mappings = Vec::new();
    let DeValue::Table(sections) = sections else {
        let message = language.pick(
            "expected sections of their own, such as [csv.orders]",
            "här ska stå egna avsnitt, till exempel [csv.order]",
        );
        let line = Some(raw.line(at));
        raw.problems.push(Problem { line, key: "csv".into(), written: None, message: message.into() });
        return mappings;
    };
    for (name, value) in sections {
        let (at, name) = (name.span().start, name.into_inner().into_owned());
        let mut reading = Reading::new(&name, language);
        match value.into_inner() {
            DeValue::Table(table) => reading.table(table, true),
            value => reading.expected("", at, &leaf(value), "a section", "ett avsnitt"),
        }
        reading.finish(at);
        for Wrong { key, at, written, message } in reading.wrong {
            let key = if key.is_empty() { format!("csv.{name}") } else { format!("csv.{name}.{key}") };
            let line = Some(raw.line(at));
            raw.problems.push(Problem { line, key, written, message });
        }
        mappings.push(reading.mapping);
    }
    mappings
}

struct Reading {
    language: Language,
    mapping: Mapping,
    /// Where each key, and each field of a table, is written.
    places: BTreeMap<String, usize>,
    wrong: Vec<Wrong>,
}

impl Reading {
    fn new(name: &str, language: Language) -> Reading {
        let mapping = Mapping {
            name: name.to_owned(),
            pattern: String::new(),
            encoding: None,
            delimiter: None,
            decimal: '.',
            dates: DATES.map(String::from).to_vec(),
            utc_offset: jiff::tz::Offset::UTC,
            first_row: false,
            prices_with_vat: false,
            total_with_vat: true,
            tolerance: Decimal::new(1, 2),
            columns: BTreeMap::new(),
            optional: Vec::new(),
            constants: BTreeMap::new(),
            defaults: BTreeMap::new(),
            values: BTreeMap::new(),
            same_address: false,
            skip: BTreeMap::new(),
            reject: BTreeMap::new(),
            skip_rows: BTreeMap::new(),
            freight: None,
            fee: None,
            discount: None,
            round: None,
        };
        Reading { language, mapping, places: BTreeMap::new(), wrong: Vec::new() }
    }

    fn note(&mut self, key: &str, at: usize, written: Option<String>, message: String) {
        self.wrong.push(Wrong { key: key.to_owned(), at, written, message });
    }

    fn expected(&mut self, key: &str, at: usize, leaf: &Leaf, english: &str, swedish: &str) {
        let message = self.language.pick(format!("expected {english}"), format!("här ska stå {swedish}"));
        self.note(key, at, leaf.shown(), message);
    }

    fn unknown<'k>(&mut self, key: &str, at: usize, name: &str, known: impl Iterator<Item = &'k str>) {
        let meant = near_miss(name, known);
        let meant = meant.map(|meant| {
            self.language.pick(format!("; did you mean {meant}?"), format!("; menades {meant}?"))
        });
        let what = self.language.pick("there is no such key", "det finns ingen sådan nyckel");
        self.note(key, at, None, what.to_owned() + &meant.unwrap_or_default());
    }

    fn missing(&mut self, key: &str, at: usize, english: &str, swedish: &str) {
        let message = self
            .language
            .pick(format!("is missing: expected {english}"), format!("saknas: här ska stå {swedish}"));
        self.note(key, at, None, message);
    }

    fn table(&mut self, mut table: DeTable<'_>, may_name_preset: bool) {
        if may_name_preset && let Some((_, value)) = table.remove_entry("preset") {
            let at = value.span().start;
            match value.get_ref().as_str().and_then(presets::text) {
                Some(text) => {
                    let (preset, _) = DeTable::parse_recoverable(text);
                    self.table(preset.into_inner(), false);
                    let mapping = &mut self.mapping;
                    let conditions = [&mapping.skip, &mapping.reject, &mapping.skip_rows];
                    let conditions = conditions.into_iter().flat_map(|by_column| by_column.keys());
                    mapping.optional =
                        mapping.columns.values().flatten().chain(conditions).cloned().collect();
                    self.places.clear();
                }
                None => {
                    let names = presets::NAMES.join(", ");
                    let leaf = leaf(value.into_inner());
                    self.expected(
                        "preset",
                        at,
                        &leaf,
                        &format!("one of {names}"),
                        &format!("något av {names}"),
                    );
                }
            }
        }
        // Dates are read by the forms that are set, wherever those stand.
        let dates = table.remove_entry("dates");
        for (key, value) in dates.into_iter().chain(table) {
            let (at, key) = (key.span().start, key.into_inner().into_owned());
            self.places.insert(key.clone(), at);
            match (key.as_str(), value.into_inner()) {
                ("columns" | "constants" | "defaults", DeValue::Table(table)) => self.fields(&key, table),
                ("values", DeValue::Table(table)) => self.values(table, ""),
                ("skip" | "reject" | "skip_rows", DeValue::Table(table)) => self.conditions(&key, table),
                ("freight" | "fee" | "discount" | "round", DeValue::Table(table)) => {
                    self.article(&key, at, table)
                }
                (_, value) => self.simple(&key, at, &leaf(value)),
            }
        }
    }

    fn simple(&mut self, key: &str, at: usize, leaf: &Leaf) {
        let mapping = &mut self.mapping;
        let text = if let Leaf::Text(text) = leaf { text.as_str() } else { "" };
        let (english, swedish) = match (key, leaf) {
            ("match", Leaf::Text(text)) if !text.is_empty() => return mapping.pattern.clone_from(text),
            ("match", _) => {
                ("a file name with * and ?, in quotes", "ett filnamn med * och ?, inom citattecken")
            }
            ("encoding", _) => {
                mapping.encoding = match text {
                    "auto" => None,
                    "utf-8" => Some(Encoding::Utf8),
                    "utf-16" => Some(Encoding::Utf16),
                    "windows-1252" => Some(Encoding::Windows1252),
                    _ => {
                        let words = "\"auto\", \"utf-8\", \"utf-16\", \"windows-1252\"";
                        return self.expected(key, at, leaf, words, words);
                    }
                };
                return;
            }
            ("delimiter", _) => {
                mapping.delimiter = match text {
                    "auto" => None,
                    ";" | "," | "\t" | "|" => text.bytes().next(),
                    _ => {
                        let words = "\"auto\", \";\", \",\", \"\\t\", \"|\"";
                        return self.expected(key, at, leaf, words, words);
                    }
                };
                return;
            }
            ("decimal", _) if matches!(text, "." | ",") => {
                mapping.decimal = if text == "," { ',' } else { '.' };
                return;
            }
            ("decimal", _) => ("\".\" or \",\"", "\".\" eller \",\""),
            ("dates", Leaf::List(forms))
                if !forms.is_empty() && forms.iter().all(|form| cell::is_form(form)) =>
            {
                return mapping.dates.clone_from(forms);
            }
            ("dates", _) => (
                "a list of forms of dates, such as [\"%Y-%m-%d\", \"%d.%m.%Y %H:%M\"]",
                "en lista med former av datum, som [\"%Y-%m-%d\", \"%d.%m.%Y %H:%M\"]",
            ),
            ("utc_offset", _) => match offset(text) {
                Some(offset) => {
                    mapping.utc_offset = offset;
                    return;
                }
                None => ("an offset such as \"+01:00\"", "en förskjutning som \"+01:00\""),
            },
            ("order_fields", _) if matches!(text, "first_row" | "every_row") => {
                mapping.first_row = text == "first_row";
                return;
            }
            ("order_fields", _) => ("\"first_row\" or \"every_row\"", "\"first_row\" eller \"every_row\""),
            ("prices", _) if matches!(text, "with_vat" | "without_vat") => {
                mapping.prices_with_vat = text == "with_vat";
                return;
            }
            ("prices", _) => ("\"with_vat\" or \"without_vat\"", "\"with_vat\" eller \"without_vat\""),
            ("total_with_vat", Leaf::Flag(flag)) => {
                mapping.total_with_vat = *flag;
                return;
            }
            ("total_with_vat", _) => ("true or false", "true eller false"),
            ("same_address", Leaf::Flag(flag)) => {
                mapping.same_address = *flag;
                return;
            }
            ("same_address", _) => ("true or false", "true eller false"),
            ("tolerance", Leaf::Number(number) | Leaf::Text(number)) => match cell::number(number, '.') {
                Some(tolerance) if !tolerance.is_sign_negative() => {
                    mapping.tolerance = tolerance;
                    return;
                }
                _ => ("an amount such as 0.05", "ett belopp som 0.05"),
            },
            ("tolerance", _) => ("an amount such as 0.05", "ett belopp som 0.05"),
            (
                "columns" | "constants" | "defaults" | "values" | "freight" | "fee" | "discount" | "round"
                | "skip" | "reject" | "skip_rows",
                _,
            ) => ("a table { … }", "en tabell { … }"),
            _ => return self.unknown(key, at, key, KEYS.into_iter()),
        };
        self.expected(key, at, leaf, english, swedish);
    }

    fn has_column(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.mapping.columns.contains_key(*field))
    }

    /// What must hold between keys.
    fn finish(&mut self, at: usize) {
        if self.mapping.pattern.is_empty() && !self.places.contains_key("match") {
            self.missing(
                "match",
                at,
                "the name of the files, such as \"orders-*.csv\"",
                "filernas namn, till exempel \"order-*.csv\"",
            );
        }
        let has_prices = self.has_column(&fields::AMOUNTS) || self.has_column(&[fields::UNIT_PRICE]);
        if has_prices && !self.places.contains_key("prices") {
            let words = "\"with_vat\" or \"without_vat\"";
            self.missing("prices", at, words, "\"with_vat\" eller \"without_vat\"");
        }
        for (name, is_there, is_used) in [
            ("freight", self.mapping.freight.is_some(), self.has_column(&["freight"])),
            ("discount", self.mapping.discount.is_some(), self.has_column(&["discount", "row_discount"])),
            ("round", self.mapping.round.is_some(), has_prices),
        ] {
            if is_used && !is_there && !self.places.contains_key(name) {
                let example = format!("{name} = {{ product = \"…\", unit = \"ST\" }}");
                self.missing(
                    name,
                    at,
                    &format!("the article of such a row: {example}"),
                    &format!("artikeln för en sådan rad: {example}"),
                );
            }
        }
        if !self.has_column(&[fields::KEY]) {
            let key = format!("columns.{}", fields::KEY);
            self.missing(&key, at, "the column with the order's number", "kolumnen med ordernumret");
        }
        for field in [fields::PRODUCT, fields::QUANTITY, fields::UNIT] {
            let mapping = &self.mapping;
            let has_value = mapping.constants.contains_key(field) || mapping.defaults.contains_key(field);
            if !has_value && !self.has_column(&[field]) {
                let key = format!("columns.{field}");
                let words = "a column, or a constant or default";
                self.missing(&key, at, words, "en kolumn, eller en konstant eller ett förval");
            }
        }
        // What names the order and its rows must be there, whichever version of a preset's file it is.
        let needed = [fields::KEY, fields::PRODUCT, fields::QUANTITY];
        let needed = needed.iter().filter_map(|field| self.mapping.columns.get(*field)).flatten();
        self.mapping.optional.retain(|column| !needed.clone().any(|needed| needed == column));
    }
}

impl Leaf {
    /// As it is written.
    fn shown(&self) -> Option<String> {
        match self {
            Leaf::Text(text) => Some(shorten(&format!("{text:?}"))),
            Leaf::List(texts) => Some(shorten(&format!("{texts:?}"))),
            Leaf::Flag(flag) => Some(flag.to_string()),
            Leaf::Number(number) => Some(number.clone()),
            Leaf::Other => None,
        }
    }
}

fn leaf(value: DeValue<'_>) -> Leaf {
    match &value {
        DeValue::String(text) => Leaf::Text(text.to_string()),
        DeValue::Boolean(flag) => Leaf::Flag(*flag),
        DeValue::Integer(number) => Leaf::Number(number.to_string()),
        DeValue::Float(number) => Leaf::Number(number.to_string()),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>().map_or(Leaf::Other, Leaf::List)
        }
        _ => Leaf::Other,
    }
}

/// `+01:00`
fn offset(text: &str) -> Option<jiff::tz::Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) {
        return None;
    }
    jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}
