//! `[csv.NAME]`: which column of a shop's file makes which field.
//!
//! A preset is written as such a section and read first; what the shop writes takes its place key by key, and in
//! `columns`, `constants`, `defaults` and `values` field by field.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use toml::de::{DeTable, DeValue};

use super::problems::{Language, Problem, near_miss};
use super::read::RawConfig;
use crate::formats::csv::fields::{self, AMOUNTS, FIELDS, field_type};
use crate::formats::csv::mapping::{Article, Encoding, Mapping};
use crate::formats::csv::{DATES, cell, presets, reads_as};

/// Every key of a section.
pub(super) const KEYS: [&str; 18] = [
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
    "discount",
    "round",
    "columns",
    "constants",
    "defaults",
    "values",
];

/// What is written, as far as a section has it.
enum Leaf {
    Text(String),
    List(Vec<String>),
    Flag(bool),
    Number(String),
    Other,
}

/// Something that is wrong: the key under the section, where it is written, and the sentence.
type Wrong = (String, usize, String);

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
            _ => reading.wrong.push((String::new(), at, expected(language, "a section", "ett avsnitt"))),
        }
        let (mapping, wrong) = reading.finish(at);
        for (key, at, message) in wrong {
            let key = if key.is_empty() { format!("csv.{name}") } else { format!("csv.{name}.{key}") };
            let line = Some(raw.line(at));
            raw.problems.push(Problem { line, key, written: None, message });
        }
        mappings.push(mapping);
    }
    mappings
}

fn expected(language: Language, english: &str, swedish: &str) -> String {
    language.pick(format!("expected {english}"), format!("här ska stå {swedish}"))
}

struct Reading {
    language: Language,
    mapping: Mapping,
    /// Where each key, and each field of a table, is written.
    places: BTreeMap<String, usize>,
    has_preset: bool,
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
            freight: None,
            discount: None,
            round: None,
        };
        Reading { language, mapping, places: BTreeMap::new(), has_preset: false, wrong: Vec::new() }
    }

    fn expected(&mut self, key: &str, at: usize, english: &str, swedish: &str) {
        self.wrong.push((key.to_owned(), at, expected(self.language, english, swedish)));
    }

    fn table(&mut self, mut table: DeTable<'_>, may_name_preset: bool) {
        if let Some((_, value)) = table.remove_entry("preset").filter(|_| may_name_preset) {
            let at = value.span().start;
            match value.get_ref().as_str().and_then(presets::text) {
                Some(text) => {
                    let (preset, _) = DeTable::parse_recoverable(text);
                    self.table(preset.into_inner(), false);
                    self.mapping.optional = self.mapping.columns.values().flatten().cloned().collect();
                    self.places.clear();
                    self.has_preset = true;
                }
                None => {
                    let names = presets::NAMES.join(", ");
                    self.expected("preset", at, &format!("one of {names}"), &format!("något av {names}"));
                }
            }
        }
        for (key, value) in table {
            let (at, key) = (key.span().start, key.into_inner().into_owned());
            self.places.insert(key.clone(), at);
            self.key(&key, at, value.into_inner());
        }
    }

    fn key(&mut self, key: &str, at: usize, value: DeValue<'_>) {
        match (key, value) {
            ("columns" | "constants" | "defaults", DeValue::Table(table)) => {
                let mut fields = Vec::new();
                flatten(table, "", &mut fields);
                fields.into_iter().for_each(|(path, at, leaf)| self.field(key, path, at, leaf));
            }
            ("values", DeValue::Table(table)) => self.values(table, ""),
            ("freight" | "discount" | "round", DeValue::Table(table)) => self.article(key, at, table),
            (_, value) => self.simple(key, at, &leaf(value)),
        }
    }

    fn simple(&mut self, key: &str, at: usize, leaf: &Leaf) {
        let mapping = &mut self.mapping;
        let text = match leaf {
            Leaf::Text(text) => text.as_str(),
            _ => "",
        };
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
                        return self.expected(key, at, words, words);
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
                        return self.expected(key, at, words, words);
                    }
                };
                return;
            }
            ("decimal", _) if matches!(text, "." | ",") => {
                mapping.decimal = if text == "," { ',' } else { '.' };
                return;
            }
            ("decimal", _) => ("\".\" or \",\"", "\".\" eller \",\""),
            ("dates", Leaf::List(forms)) if !forms.is_empty() => return mapping.dates.clone_from(forms),
            ("dates", _) => ("a list such as [\"%Y-%m-%d\"]", "en lista som [\"%Y-%m-%d\"]"),
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
            ("tolerance", Leaf::Number(number) | Leaf::Text(number)) => match cell::number(number, '.') {
                Some(tolerance) if !tolerance.is_sign_negative() => {
                    mapping.tolerance = tolerance;
                    return;
                }
                _ => ("an amount such as 0.05", "ett belopp som 0.05"),
            },
            ("tolerance", _) => ("an amount such as 0.05", "ett belopp som 0.05"),
            ("columns" | "constants" | "defaults" | "values" | "freight" | "discount" | "round", _) => {
                ("a table { … }", "en tabell { … }")
            }
            _ => {
                let meant = near_miss(key, KEYS.into_iter()).map(str::to_owned);
                return self.unknown(key, at, meant);
            }
        };
        self.expected(key, at, english, swedish);
    }

    fn unknown(&mut self, key: &str, at: usize, meant: Option<String>) {
        let meant = meant
            .map(|meant| {
                self.language.pick(format!("; did you mean {meant}?"), format!("; menades {meant}?"))
            })
            .unwrap_or_default();
        let what = self.language.pick("there is no such key", "det finns ingen sådan nyckel");
        self.wrong.push((key.to_owned(), at, format!("{what}{meant}")));
    }

    fn field(&mut self, table: &str, path: String, at: usize, leaf: Leaf) {
        let key = format!("{table}.{path}");
        let is_column = table == "columns";
        if field_type(&path).is_none() && !(is_column && AMOUNTS.contains(&path.as_str())) {
            let known = FIELDS.iter().map(|(known, _)| *known).chain(AMOUNTS);
            let meant = near_miss(&path, known).map(str::to_owned);
            return self.unknown(&key, at, meant);
        }
        self.places.insert(key.clone(), at);
        match (is_column, leaf) {
            // A column of a preset that this shop's file does not have.
            (true, Leaf::Text(column)) if column.is_empty() => _ = self.mapping.columns.remove(&path),
            (true, Leaf::Text(column)) => _ = self.mapping.columns.insert(path, vec![column]),
            (true, Leaf::List(columns)) if !columns.is_empty() => {
                _ = self.mapping.columns.insert(path, columns)
            }
            (true, _) => self.expected(
                &key,
                at,
                "the name of a column, or a list of several that are joined",
                "namnet på en kolumn, eller en lista med flera som sätts ihop",
            ),
            (false, leaf) => {
                let text = match leaf {
                    Leaf::Text(text) | Leaf::Number(text) => text,
                    Leaf::Flag(flag) => flag.to_string(),
                    _ => String::new(),
                };
                if text.is_empty() || !reads_as(&path, &text, &self.mapping.dates) {
                    return self.expected(
                        &key,
                        at,
                        "a value that this field can hold",
                        "ett värde som fältet kan ha",
                    );
                }
                let fields = if table == "constants" {
                    &mut self.mapping.constants
                } else {
                    &mut self.mapping.defaults
                };
                fields.insert(path, text);
            }
        }
    }

    /// `values.FIELD = { "in the file" = "at Extend" }`, the field as a dotted path or as tables.
    fn values(&mut self, table: DeTable<'_>, before: &str) {
        for (key, value) in table {
            let at = key.span().start;
            let path = join(before, key.get_ref());
            let DeValue::Table(inner) = value.into_inner() else {
                self.expected(&format!("values.{path}"), at, "a table { … }", "en tabell { … }");
                continue;
            };
            if field_type(&path).is_none() {
                let leads_on = FIELDS.iter().any(|(known, _)| known.starts_with(&format!("{path}.")));
                match leads_on {
                    true => self.values(inner, &path),
                    false => {
                        let meant =
                            near_miss(&path, FIELDS.iter().map(|(known, _)| *known)).map(str::to_owned);
                        self.unknown(&format!("values.{path}"), at, meant);
                    }
                }
                continue;
            }
            for (text, value) in inner {
                let (at, text) = (text.span().start, text.into_inner().into_owned());
                let meant = match leaf(value.into_inner()) {
                    Leaf::Text(text) | Leaf::Number(text) => text,
                    Leaf::Flag(flag) => flag.to_string(),
                    _ => String::new(),
                };
                if reads_as(&path, &meant, &self.mapping.dates) && !meant.is_empty() {
                    self.mapping.values.entry(path.clone()).or_default().insert(text, meant);
                } else {
                    let key = format!("values.{path}.{text}");
                    self.expected(
                        &key,
                        at,
                        "a value that this field can hold",
                        "ett värde som fältet kan ha",
                    );
                }
            }
        }
    }

    fn article(&mut self, key: &str, at: usize, table: DeTable<'_>) {
        let (mut product, mut unit, mut vat_percent) = (String::new(), String::new(), None);
        for (name, value) in table {
            let (at, name) = (name.span().start, name.into_inner().into_owned());
            match (name.as_str(), leaf(value.into_inner())) {
                ("product", Leaf::Text(text)) => product = text,
                ("unit", Leaf::Text(text)) => unit = text,
                ("vat_percent", Leaf::Number(text)) => vat_percent = cell::number(&text, '.'),
                _ => {
                    let words = "product, unit, vat_percent";
                    self.expected(&format!("{key}.{name}"), at, words, words);
                }
            }
        }
        if product.is_empty() || unit.is_empty() {
            let example = "{ product = \"FRAKT\", unit = \"ST\", vat_percent = 25 }";
            return self.expected(key, at, example, example);
        }
        let article = Some(Article { product, unit, vat_percent });
        match key {
            "freight" => self.mapping.freight = article,
            "discount" => self.mapping.discount = article,
            _ => self.mapping.round = article,
        }
    }

    /// What must hold between keys.
    fn finish(mut self, at: usize) -> (Mapping, Vec<Wrong>) {
        let has = |reading: &Reading, field: &str| {
            let mapping = &reading.mapping;
            mapping.columns.contains_key(field)
                || mapping.constants.contains_key(field)
                || mapping.defaults.contains_key(field)
        };
        if self.mapping.pattern.is_empty() && !self.places.contains_key("match") {
            self.missing(
                "match",
                at,
                "the name of the files, such as \"orders-*.csv\"",
                "filernas namn, till exempel \"order-*.csv\"",
            );
        }
        let has_prices = ["row_total", fields::UNIT_PRICE, "freight", "discount", "total"]
            .iter()
            .any(|field| self.mapping.columns.contains_key(*field));
        if has_prices && !self.places.contains_key("prices") {
            self.missing(
                "prices",
                at,
                "\"with_vat\" or \"without_vat\"",
                "\"with_vat\" eller \"without_vat\"",
            );
        }
        for (name, article) in [
            ("freight", self.mapping.freight.is_none()),
            ("discount", self.mapping.discount.is_none()),
            ("round", self.mapping.round.is_none()),
        ] {
            let is_used = if name == "round" { has_prices } else { self.mapping.columns.contains_key(name) };
            if is_used && article && !self.places.contains_key(name) {
                let example = format!("{name} = {{ product = \"…\", unit = \"ST\" }}");
                self.missing(
                    name,
                    at,
                    &format!("the article of such a row: {example}"),
                    &format!("artikeln för en sådan rad: {example}"),
                );
            }
        }
        if !self.mapping.columns.contains_key(fields::KEY) {
            let key = format!("columns.{}", fields::KEY);
            self.missing(&key, at, "the column with the order's number", "kolumnen med ordernumret");
        }
        for field in [fields::PRODUCT, fields::QUANTITY, "orderRows.salesData.unit"] {
            if !has(&self, field) {
                let key = format!("columns.{field}");
                self.missing(
                    &key,
                    at,
                    "a column, or a constant or default",
                    "en kolumn, eller en konstant eller ett förval",
                );
            }
        }
        // What names the order and its rows must be there, whichever version of a preset's file it is.
        let needed: Vec<String> = [fields::KEY, fields::PRODUCT, fields::QUANTITY]
            .iter()
            .filter_map(|field| self.mapping.columns.get(*field))
            .flatten()
            .cloned()
            .collect();
        self.mapping.optional.retain(|column| !needed.contains(column));
        (self.mapping, self.wrong)
    }

    fn missing(&mut self, key: &str, at: usize, english: &str, swedish: &str) {
        let message = self
            .language
            .pick(format!("is missing: expected {english}"), format!("saknas: här ska stå {swedish}"));
        self.wrong.push((key.to_owned(), at, message));
    }
}

fn join(before: &str, name: &str) -> String {
    if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") }
}

/// The leaves of tables in tables, by dotted paths.
fn flatten(table: DeTable<'_>, before: &str, out: &mut Vec<(String, usize, Leaf)>) {
    for (key, value) in table {
        let (at, path) = (key.span().start, join(before, key.get_ref()));
        match value.into_inner() {
            DeValue::Table(inner) => flatten(inner, &path, out),
            value => out.push((path, at, leaf(value))),
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
