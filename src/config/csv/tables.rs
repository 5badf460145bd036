//! The tables of a section, whose keys are fields: `columns`, `constants`, `defaults`, `values`; and the articles
//! of rows that are added.

use toml::de::{DeTable, DeValue};

use super::{Leaf, Reading, leaf};
use crate::formats::csv::cell;
use crate::formats::csv::fields::{AMOUNTS, FIELDS, field_type, reads_as};
use crate::formats::csv::mapping::Article;

impl Reading {
    /// `columns`, `constants` or `defaults`: fields as dotted paths or as tables in tables.
    pub(super) fn fields(&mut self, table: &str, written: DeTable<'_>) {
        let mut fields = Vec::new();
        flatten(written, "", &mut fields);
        for (path, at, leaf) in fields {
            self.field(table, path, at, leaf);
        }
    }

    fn field(&mut self, table: &str, path: String, at: usize, leaf: Leaf) {
        let key = format!("{table}.{path}");
        if field_type(&path).is_none() {
            return self.unknown(&key, at, &path, known());
        }
        self.places.insert(key.clone(), at);
        if table == "columns" {
            return self.column(&key, path, at, leaf);
        }
        let Some(text) = leaf.text().filter(|text| reads_as(&path, text, &self.mapping.dates)) else {
            return self.unusable(&key, at, &leaf, &path);
        };
        let mapping = &mut self.mapping;
        let fields = if table == "constants" { &mut mapping.constants } else { &mut mapping.defaults };
        fields.insert(path, text);
    }

    fn column(&mut self, key: &str, path: String, at: usize, leaf: Leaf) {
        let columns = &mut self.mapping.columns;
        match leaf {
            // A column of a preset that this shop's file does not have.
            Leaf::Text(column) if column.is_empty() => _ = columns.remove(&path),
            Leaf::Text(column) => _ = columns.insert(path, vec![column]),
            Leaf::List(several) if !several.is_empty() => _ = columns.insert(path, several),
            leaf => self.expected(
                key,
                at,
                &leaf,
                "the name of a column, or a list of several that are joined",
                "namnet på en kolumn, eller en lista med flera som sätts ihop",
            ),
        }
    }

    fn unusable(&mut self, key: &str, at: usize, leaf: &Leaf, path: &str) {
        self.expected(
            key,
            at,
            leaf,
            &format!("a value that {path} can hold"),
            &format!("ett värde som {path} kan ha"),
        );
    }

    /// `values.FIELD = { "in the file" = "at Extend" }`, the field as a dotted path or as tables.
    pub(super) fn values(&mut self, table: DeTable<'_>, before: &str) {
        for (name, value) in table {
            let (at, path) = (name.span().start, join(before, name.get_ref()));
            let key = format!("values.{path}");
            let inner = match value.into_inner() {
                DeValue::Table(inner) => inner,
                value => {
                    self.expected(&key, at, &leaf(value), "a table { … }", "en tabell { … }");
                    continue;
                }
            };
            let leads_on = FIELDS.iter().any(|(known, _)| known.starts_with(&format!("{path}.")));
            match field_type(&path) {
                Some(_) => self.values_of(path, inner),
                None if leads_on => self.values(inner, &path),
                None => self.unknown(&key, at, &path, known()),
            }
        }
    }

    fn values_of(&mut self, path: String, table: DeTable<'_>) {
        for (text, value) in table {
            let (at, text) = (text.span().start, text.into_inner().into_owned());
            let leaf = leaf(value.into_inner());
            let reads =
                |meaning: &String| meaning.is_empty() || reads_as(&path, meaning, &self.mapping.dates);
            match leaf.text().filter(reads) {
                Some(meaning) => {
                    self.mapping.values.entry(path.clone()).or_default().insert(text, meaning);
                }
                None => self.unusable(&format!("values.{path}.{text}"), at, &leaf, &path),
            }
        }
    }

    /// `skip`, `reject` and `skip_rows`: `"Column" = ["word", …]`, or `"*"` for whatever stands there.
    pub(super) fn conditions(&mut self, table: &str, written: DeTable<'_>) {
        for (column, value) in written {
            let (at, column) = (column.span().start, column.into_inner().into_owned());
            let key = format!("{table}.{column}");
            let words = match leaf(value.into_inner()) {
                Leaf::Text(word) => vec![word],
                Leaf::List(words) => words,
                leaf => {
                    self.expected(
                        &key,
                        at,
                        &leaf,
                        "a word that stands in this column, a list of several, or \"*\"",
                        "ett ord som står i kolumnen, en lista med flera, eller \"*\"",
                    );
                    continue;
                }
            };
            self.places.insert(key, at);
            let mapping = &mut self.mapping;
            let by_column = match table {
                "skip" => &mut mapping.skip,
                "reject" => &mut mapping.reject,
                _ => &mut mapping.skip_rows,
            };
            match words.is_empty() {
                // A preset's, that this shop does not want.
                true => _ = by_column.remove(&column),
                false => _ = by_column.insert(column, words),
            }
        }
    }

    pub(super) fn article(&mut self, key: &str, at: usize, table: DeTable<'_>) {
        let (mut product, mut unit, mut vat_percent) = (String::new(), String::new(), None);
        for (name, value) in table {
            let (at, name) = (name.span().start, name.into_inner().into_owned());
            let within = format!("{key}.{name}");
            match (name.as_str(), leaf(value.into_inner())) {
                ("product", Leaf::Text(text)) => product = text,
                ("unit", Leaf::Text(text)) => unit = text,
                // What rounding leaves has no VAT.
                ("vat_percent", Leaf::Number(text)) if key != "round" => {
                    vat_percent = cell::number(&text, '.')
                }
                ("product" | "unit" | "vat_percent", leaf) => {
                    let (english, swedish) = match name.as_str() {
                        "vat_percent" if key == "round" => {
                            ("no VAT: a rounding has none", "ingen moms: en avrundning har ingen")
                        }
                        "vat_percent" => ("a number without quotes", "ett tal utan citattecken"),
                        _ => ("a text in quotes", "en text inom citattecken"),
                    };
                    self.expected(&within, at, &leaf, english, swedish);
                }
                _ => self.unknown(&within, at, &name, ["product", "unit", "vat_percent"].into_iter()),
            }
        }
        if product.is_empty() || unit.is_empty() {
            let example = "{ product = \"FRAKT\", unit = \"ST\" }";
            return self.expected(key, at, &Leaf::Other, example, example);
        }
        let article = Some(Article { product, unit, vat_percent });
        match key {
            "freight" => self.mapping.freight = article,
            "fee" => self.mapping.fee = article,
            "discount" => self.mapping.discount = article,
            _ => self.mapping.round = article,
        }
    }
}

impl Leaf {
    /// A value of a field, as a file would hold it.
    fn text(&self) -> Option<String> {
        match self {
            Leaf::Text(text) | Leaf::Number(text) => Some(text.clone()),
            Leaf::Flag(flag) => Some(flag.to_string()),
            Leaf::List(_) | Leaf::Other => None,
        }
    }
}

fn known() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(known, _)| *known).chain(AMOUNTS)
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
