//! A guess as a section of the settings.

use std::fmt::Write;

use super::{Guess, bare, fields, words};
use crate::formats::problem::Language;

impl Guess {
    /// The section. `name`: its own; `file`: the name of the file that was looked at.
    pub fn settings(&self, name: &str, file: &str, prices_with_vat: bool, language: Language) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            let _ = writeln!(out, "{text}");
        };
        line(language.pick(
            format!(
                "# A first mapping, made by looking at {}. Look through every line: it is a guess.",
                plain(file)
            ),
            format!(
                "# En första mappning, gjord av {}. Se igenom varje rad: den är en gissning.",
                plain(file)
            ),
        ));
        line(language.pick(
            "# «extend-edge preview FILE» shows what it makes of a file, before anything is sent.".into(),
            "# «extend-edge preview FIL» visar vad den gör av en fil, innan något skickas.".into(),
        ));
        line(format!("[csv.{}]", key(name)));
        line(format!("match = {}", quoted(&pattern(file))));
        if let Some(preset) = self.preset {
            line(format!("preset = {}", quoted(preset)));
        }
        line(format!("encoding = \"{}\"", self.encoding.name()));
        line(format!("delimiter = {}", quoted(&char::from(self.delimiter).to_string())));
        line(format!("decimal = \"{}\"", self.decimal));
        if !self.dates.is_empty() {
            line(format!(
                "dates = [{}]",
                self.dates.iter().map(|form| quoted(form)).collect::<Vec<_>>().join(", ")
            ));
        }
        if self.preset.is_none() {
            line(format!("order_fields = \"{}\"", if self.first_row { "first_row" } else { "every_row" }));
        }
        line(language.pick(
            "# Are the prices in the file with VAT or without? This matters more than anything else here.".into(),
            "# Är priserna i filen med eller utan moms? Det är viktigare än allt annat här.".into(),
        ));
        line(format!("prices = \"{}\"", if prices_with_vat { "with_vat" } else { "without_vat" }));
        line(language.pick(
            "# The articles at Extend for rows that are added.".into(),
            "# Artiklarna i Extend för rader som läggs till.".into(),
        ));
        for (article, is_used, product, vat) in [
            ("freight", self.has("freight"), "FRAKT", ", vat_percent = 25"),
            ("fee", self.has("fee"), "AVGIFT", ", vat_percent = 25"),
            ("discount", self.has("discount") || self.has("row_discount"), "RABATT", ""),
            ("round", true, "AVRUND", ""),
        ] {
            if is_used || self.preset.is_some() {
                line(format!("{article} = {{ product = \"{product}\", unit = \"ST\"{vat} }}"));
            }
        }
        if self.preset.is_none() {
            line(format!("\n[csv.{}.columns]", key(name)));
            for (field, columns) in &self.columns {
                line(format!("{field} = {}", column_list(columns)));
            }
            for needed in [fields::KEY, fields::PRODUCT, fields::QUANTITY] {
                if !self.has(needed) {
                    line(language.pick(
                        format!("# Not found: which column is it?\n{needed} = \"?\""),
                        format!("# Inte funnen: vilken kolumn är det?\n{needed} = \"?\""),
                    ));
                }
            }
            if !self.unused.is_empty() {
                let unused: Vec<String> = self.unused.iter().map(|column| plain(column)).collect();
                line(language.pick(
                    format!("# Columns that fill nothing: {}", unused.join(", ")),
                    format!("# Kolumner som inte fyller något: {}", unused.join(", ")),
                ));
            }
        }
        self.conditions(name, language, &mut line);
        line(format!("\n[csv.{}.defaults]", key(name)));
        line(language.pick(
            "# What a field is where its cell is empty: the standing customer of guests, the unit, VAT in percent."
                .into(),
            "# Vad ett fält är när cellen är tom: den fasta kunden för gäster, enheten, momsen i procent.".into(),
        ));
        line("orderHeader.customerNumber = \"WEBB\"".into());
        line(format!("{} = \"ST\"", fields::UNIT));
        line(format!("{} = 25", fields::VAT));
        let has_address = self.columns.iter().any(|(field, _)| field.contains("Address.city"));
        if has_address {
            line("orderHeader.deliveryAddress.countryCode = \"SE\"".into());
            if self.columns.iter().any(|(field, _)| field.starts_with("orderHeader.invoiceAddress.")) {
                line("orderHeader.invoiceAddress.countryCode = \"SE\"".into());
            }
        }
        if !self.payments.is_empty() {
            line(format!("\n[csv.{}.values.orderHeader.paymentType]", key(name)));
            for text in &self.payments {
                let known = words::PAYMENTS.iter().find(|(part, _)| bare(text).contains(part));
                line(match known {
                    Some((_, word)) => format!("{} = \"{word}\"", quoted(text)),
                    None => language.pick(
                        format!("# {} = \"…\": which of Extend's words is it?", quoted(text)),
                        format!("# {} = \"…\": vilket av Extends ord är det?", quoted(text)),
                    ),
                });
            }
        }
        if !self.fractions.is_empty() {
            line(format!("\n[csv.{}.values.orderRows.salesData.vatPercent]", key(name)));
            let parts = self.fractions.iter();
            parts.for_each(|(text, percent)| line(format!("{} = \"{percent}\"", quoted(text))));
        }
        if self.has_country_names {
            line(format!("\n[csv.{}.values.orderHeader.deliveryAddress.countryCode]", key(name)));
            let countries =
                [("Sverige", "SE"), ("Sweden", "SE"), ("Norge", "NO"), ("Danmark", "DK"), ("Finland", "FI")];
            countries.into_iter().for_each(|(text, code)| line(format!("{} = \"{code}\"", quoted(text))));
        }
        out
    }

    /// Orders that are not to be sent, as far as words tell.
    fn conditions(&self, name: &str, language: Language, line: &mut impl FnMut(String)) {
        if self.standings.is_empty() && self.called_off_at.is_none() {
            return;
        }
        line(language.pick(
            "\n# Orders that are not to be sent, by what stands in a column. Is a word missing? A file may hold \
             others another day."
                .into(),
            "\n# Order som inte ska skickas, efter vad som står i en kolumn. Saknas ett ord? En annan dag kan filen ha \
             andra."
                .into(),
        ));
        line(format!("[csv.{}.skip]", key(name)));
        if let Some(column) = &self.called_off_at {
            line(format!("{} = \"*\"", quoted(column)));
        }
        for (column, says) in &self.standings {
            let is_off = |text: &&String| words::CALLED_OFF.iter().any(|part| bare(text).contains(part));
            let (off, others): (Vec<&String>, Vec<&String>) = says.iter().partition(is_off);
            let list = |texts: Vec<&String>| {
                texts.into_iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")
            };
            let (off, others) = (list(off), list(others));
            line(language.pick(format!("# Not among them: {others}"), format!("# Inte bland dem: {others}")));
            line(format!("{} = [{off}]", quoted(column)));
        }
    }

    fn has(&self, field: &str) -> bool {
        self.columns.iter().any(|(path, _)| path == field)
    }
}

/// Names like this one's: a number or a date in it is another one the next time.
fn pattern(file: &str) -> String {
    let mut pattern = String::new();
    for letter in file.chars() {
        let is_number =
            letter.is_ascii_digit() || (pattern.ends_with('*') && matches!(letter, '-' | '_' | 'T'));
        match is_number {
            true if pattern.ends_with('*') => {}
            true => pattern.push('*'),
            false => pattern.push(letter),
        }
    }
    pattern
}

fn column_list(columns: &[String]) -> String {
    match columns {
        [one] => quoted(one),
        several => {
            format!("[{}]", several.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text of TOML on one line: JSON escapes the same in the same way, but for one character.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A key of TOML.
fn key(name: &str) -> String {
    let is_bare =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// A text as it can stand in a comment.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}
