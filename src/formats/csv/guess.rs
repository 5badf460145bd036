//! A first mapping for a file that nobody has described: what each column may be, by its name and its cells.
//!
//! A guess is a place to begin for the person who knows the shop. What could not be told is said to be so.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::mapping::Encoding;
use super::text::{self, Row, Table};
use super::{DATES, cell, fields, presets, read};
use crate::formats::problem::{self as file_problem, Problem};

mod settings;
mod words;

use words::{DELIVERY, FIRST_NAME, INVOICE, LAST_NAME, NAMES, PARTS};

/// What a file seems to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    encoding: Encoding,
    delimiter: u8,
    decimal: char,
    preset: Option<&'static str>,
    /// The columns of each field.
    columns: Vec<(String, Vec<String>)>,
    unused: Vec<String>,
    /// Empty where those that are read anyway do.
    dates: Vec<String>,
    first_row: bool,
    /// What the columns' names say of prices.
    pub prices_with_vat: Option<bool>,
    /// Ways to pay, as the file names them.
    payments: Vec<String>,
    /// Whether countries are written in two letters.
    has_country_names: bool,
    /// VAT that the file writes as a part of one, and what it is in percent.
    fractions: Vec<(String, String)>,
    /// Columns that say how an order stands, with what they say.
    standings: Vec<(String, Vec<String>)>,
    /// The column that says when an order was called off.
    called_off_at: Option<String>,
}

/// Looks at a file.
///
/// # Errors
/// It is no CSV file, or has nothing but a header line.
pub fn look(bytes: &[u8]) -> Result<Guess, Vec<Problem>> {
    let (text, encoding) = read(bytes, None).map_err(|problem| vec![problem])?;
    let empty = || vec![Problem::of_file(file_problem::Wrong::Empty)];
    let table = text::table(&text, None).ok_or_else(empty)?;
    if table.rows.is_empty() {
        return Err(vec![super::csv(super::Wrong::NoRows, table.head_line)]);
    }
    let seen = Seen::new(&table);
    let preset = presets::NAMES.into_iter().find(|name| {
        let signs = presets::signs(name);
        signs.iter().all(|sign| table.columns.iter().any(|column| column.eq_ignore_ascii_case(sign)))
    });
    let columns = if preset.is_some() { Vec::new() } else { seen.columns() };
    let is_own = preset.is_none();
    let named = |names: &[&str]| -> Vec<String> {
        let of = |column: &&String| is_own && names.contains(&bare(column).as_str());
        // A column that stands twice is told of when the file is read.
        let mut seen = std::collections::HashSet::new();
        table.columns.iter().filter(of).filter(|column| seen.insert(*column)).cloned().collect()
    };
    let is_free =
        |column: &String| !columns.iter().any(|(_, names): &(_, Vec<String>)| names.contains(column));
    let says = |column: String| seen.place(&column).map(|at| (column, seen.distinct(at)));
    let standings: Vec<_> = named(words::STATUS).into_iter().filter(is_free).filter_map(says).collect();
    let called_off_at = named(words::CALLED_OFF_AT).into_iter().find(is_free);
    let used = |column: &&String| {
        is_free(column)
            && !standings.iter().any(|(name, _)| name == *column)
            && called_off_at.as_ref() != Some(*column)
    };
    let unused = table.columns.iter().filter(|column| !column.is_empty()).filter(used).cloned().collect();
    let cells_of = |field: &str| {
        let names = columns.iter().find(|(path, _)| path == field).map(|(_, names)| names);
        names.and_then(|names| seen.place(names.first()?)).map(|at| seen.distinct(at)).unwrap_or_default()
    };
    let key =
        columns.iter().find(|(path, _)| path == fields::KEY).and_then(|(_, names)| seen.place(&names[0]));
    let first_row = key.is_some_and(|at| table.rows.iter().any(|row| row.cell(at).is_empty()));
    let dates = ["orderHeader.orderDate", "orderHeader.askedDeliveryDate"].map(cells_of).concat();
    let is_country = |text: &String| super::plan::is_country(text);
    Ok(Guess {
        encoding,
        delimiter: table.delimiter,
        decimal: seen.decimal(),
        preset,
        dates: forms_of(&dates),
        first_row,
        prices_with_vat: prices_in(&table.columns),
        payments: cells_of("orderHeader.paymentType"),
        has_country_names: !cells_of("orderHeader.deliveryAddress.countryCode").iter().all(is_country),
        fractions: fractions(&cells_of(fields::VAT), seen.decimal()),
        standings,
        called_off_at,
        columns,
        unused,
    })
}

struct Seen<'t> {
    table: &'t Table,
    bare: Vec<String>,
}

impl<'t> Seen<'t> {
    fn new(table: &'t Table) -> Seen<'t> {
        let without_vat_word = |column: &String| {
            let mut bare = bare(column);
            for word in words::WITH_VAT.iter().chain(words::WITHOUT_VAT) {
                if bare.len() > word.len() {
                    bare = bare.replace(word, "");
                }
            }
            bare
        };
        Seen { table, bare: table.columns.iter().map(without_vat_word).collect() }
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.table.columns.iter().position(|name| name == column)
    }

    /// Different texts in a column, the first ones.
    fn distinct(&self, at: usize) -> Vec<String> {
        const MOST: usize = 12;
        let mut all: Vec<String> = Vec::new();
        for text in self.table.rows.iter().map(|row| row.cell(at)).filter(|text| !text.is_empty()) {
            if all.len() < MOST && !all.iter().any(|known| known == text) {
                all.push(text.to_owned());
            }
        }
        all
    }

    /// The mark that more of the numbers have before one or two last digits.
    fn decimal(&self) -> char {
        let mut counts = (0, 0);
        let mut count = |text: &str| {
            let digits = text.chars().rev().take_while(char::is_ascii_digit).count();
            let is_number =
                text.chars().all(|letter| letter.is_ascii_digit() || " .,-\u{a0}".contains(letter));
            if !is_number || digits == 0 || digits == 3 {
                return;
            }
            match text.chars().rev().nth(digits) {
                Some(',') => counts.0 += 1,
                Some('.') if text.matches('.').count() == 1 => counts.1 += 1,
                _ => {}
            }
        };
        let rows = self.table.rows.iter().take(1000);
        rows.for_each(|row| (0..self.table.columns.len()).for_each(|at| count(row.cell(at))));
        if counts.0 > counts.1 { ',' } else { '.' }
    }

    /// What each column may fill.
    fn columns(&self) -> Vec<(String, Vec<String>)> {
        let mut taken: Vec<usize> = Vec::new();
        let mut found: Vec<(String, Vec<usize>)> = Vec::new();
        // The particular first: a column that is called as a field is, is not taken for a part of another.
        for (field, names) in NAMES {
            if let Some(at) = self.called(names, &taken) {
                taken.push(at);
                found.push(((*field).to_owned(), vec![at]));
            }
        }
        for (address, before) in [("deliveryAddress", DELIVERY), ("invoiceAddress", INVOICE)] {
            self.address(address, before, &mut taken, &mut found);
        }
        self.correct(&mut found);
        let names =
            |places: Vec<usize>| places.into_iter().map(|at| self.table.columns[at].clone()).collect();
        found.into_iter().map(|(field, places)| (field, names(places))).collect()
    }

    fn called(&self, names: &[&str], taken: &[usize]) -> Option<usize> {
        names
            .iter()
            .find_map(|name| (0..self.bare.len()).find(|at| self.bare[*at] == **name && !taken.contains(at)))
    }

    fn address(
        &self,
        address: &str,
        before: &[&str],
        taken: &mut Vec<usize>,
        found: &mut Vec<(String, Vec<usize>)>,
    ) {
        let of = |names: &[&str], taken: &[usize]| {
            before.iter().find_map(|before| {
                let names: Vec<String> = names.iter().map(|name| format!("{before}{name}")).collect();
                self.called(&names.iter().map(String::as_str).collect::<Vec<_>>(), taken)
            })
        };
        let is_delivery = address == "deliveryAddress";
        for (delivery, invoice, names) in PARTS {
            let field = if is_delivery { delivery } else { invoice };
            if field.is_empty() {
                continue;
            }
            let mut places: Vec<usize> = of(names, taken).into_iter().collect();
            if *delivery == "name1" {
                let parts = [of(FIRST_NAME, taken), of(LAST_NAME, taken)];
                if let [Some(first), Some(last)] = parts {
                    places = vec![first, last];
                }
            }
            if !places.is_empty() {
                taken.extend(&places);
                found.push((format!("orderHeader.{address}.{field}"), places));
            }
        }
    }

    /// What the cells say against what the names said.
    fn correct(&self, found: &mut Vec<(String, Vec<usize>)>) {
        let place = |found: &[(String, Vec<usize>)], field: &str| {
            found.iter().find(|(path, _)| path == field).map(|(_, places)| places[0])
        };
        let rename = |found: &mut Vec<(String, Vec<usize>)>, from: &str, to: &str| {
            if place(found, to).is_none()
                && let Some((path, _)) = found.iter_mut().find(|(path, _)| path == from)
            {
                to.clone_into(path);
            }
        };
        let key = place(found, fields::KEY);
        let varies = |at: Option<usize>| at.zip(key).is_some_and(|(at, key)| self.varies(at, key));
        // What differs between the rows of one order is no amount of the order.
        if varies(place(found, "discount")) {
            rename(found, "discount", "row_discount");
        }
        if varies(place(found, "total")) {
            rename(found, "total", "row_total");
        }
        let decimal = self.decimal();
        let is_rate = |row: &Row, at: usize| {
            let text = row.cell(at).trim_end_matches('%').trim();
            text.is_empty() || cell::number(text, decimal).is_some_and(|rate| rate <= Decimal::from(30))
        };
        if let Some(at) = place(found, fields::VAT)
            && !self.table.rows.iter().all(|row| is_rate(row, at))
        {
            rename(found, fields::VAT, "row_vat");
        }
        // An invoice address alone is where the goods go, too.
        if place(found, "orderHeader.deliveryAddress.city").is_none() {
            for (path, _) in found.iter_mut() {
                let renamed = path.replace(".invoiceAddress.name", ".deliveryAddress.name1");
                *path = renamed.replace(".invoiceAddress.", ".deliveryAddress.");
            }
            let mut seen = std::collections::HashSet::new();
            found.retain(|(path, _)| seen.insert(path.clone()));
        }
    }

    /// Whether a column says different things on rows of one order.
    fn varies(&self, at: usize, key: usize) -> bool {
        let mut first: HashMap<&str, &str> = HashMap::new();
        let mut above = "";
        self.table.rows.iter().any(|row| {
            let number = if row.cell(key).is_empty() { above } else { row.cell(key) };
            above = number;
            let text = row.cell(at);
            !text.is_empty() && *first.entry(number).or_insert(text) != text
        })
    }
}

/// VAT as a part of one, and in percent; none where a cell is in percent, or all are 0.
fn fractions(cells: &[String], decimal: char) -> Vec<(String, String)> {
    let number = |text: &String| cell::number(text, decimal);
    let in_percent = |text: &String| number(text).is_some_and(|rate| rate >= Decimal::ONE);
    if cells.iter().any(in_percent) {
        return Vec::new();
    }
    let parts =
        cells.iter().filter_map(|text| Some((text, number(text)?))).filter(|(_, rate)| !rate.is_zero());
    let parts =
        parts.map(|(text, rate)| (text.clone(), (rate * Decimal::ONE_HUNDRED).normalize().to_string()));
    parts.collect()
}

/// Forms of dates that fit all of the texts; none where those that are read anyway do.
fn forms_of(texts: &[String]) -> Vec<String> {
    let fits =
        |form: &str, text: &str| cell::moment(text, &[form.to_owned()], jiff::tz::Offset::UTC).is_some();
    let mut forms: Vec<String> = Vec::new();
    for text in texts {
        if DATES.iter().any(|form| fits(form, text)) || forms.iter().any(|form| fits(form, text)) {
            continue;
        }
        let of_all = words::DATES.iter().find(|form| texts.iter().all(|text| fits(form, text)));
        let form = of_all.or_else(|| words::DATES.iter().find(|form| fits(form, text)));
        forms.extend(form.map(|form| (*form).to_owned()));
    }
    if !forms.is_empty() {
        forms.extend(
            DATES
                .iter()
                .filter(|form| texts.iter().any(|text| fits(form, text)))
                .map(|form| (*form).to_owned()),
        );
    }
    forms
}

fn prices_in(columns: &[String]) -> Option<bool> {
    let says =
        |words: &[&str]| columns.iter().any(|column| words.iter().any(|word| bare(column).contains(word)));
    match (says(words::WITH_VAT), says(words::WITHOUT_VAT)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

/// A name without case, spaces and accents.
fn bare(name: &str) -> String {
    let plain = |letter: char| match letter {
        'å' | 'ä' | 'á' | 'à' => 'a',
        'ö' | 'ø' | 'ó' => 'o',
        'é' | 'è' => 'e',
        'ü' => 'u',
        letter => letter,
    };
    name.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).map(plain).collect()
}
