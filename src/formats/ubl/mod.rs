//! UBL 2.1 orders (Peppol BIS Ordering 3) become orders in Extend's shape.
//!
//! Load, plan, apply: [`Order::read`] makes a tree of the file, [`Order::wanted`] says what of the mirror matters
//! for it, and [`Order::document`] maps it by the settings and what the mirror knew. Amounts and quantities go on
//! as they were written; what is added up is added in tenths.
//!
//! What has no field in Extend's order goes to `orderMetaData` and the rows' `notations.externalNotes`
//! (`kept`), and the receipt names it. Nothing is left out without a word.

use std::collections::HashMap;

use jiff::tz::Offset;
use serde_json::{Map, Value, json};

use super::contents::{Contents, Part, Piece, Shape};
use super::document::Document;
use super::json;
use super::problem::{Problem, Wrong as Whole};
use super::text::NotText;
use super::warning::Warning;
use super::xml::{self, Element, Why};

mod amounts;
mod buyer;
mod delivery;
mod items;
mod kept;
pub mod mapping;
pub mod problem;
mod rows;
mod units;

use mapping::Mapping;
use problem::Wrong;

/// The namespace of an order.
const ORDER: &str = "urn:oasis:names:specification:ubl:schema:xsd:Order-2";

/// What of the mirror matters for an order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Organisation numbers, digits only.
    pub organization_numbers: Vec<String>,
    /// VAT numbers, letters and digits only.
    pub vat_numbers: Vec<String>,
    /// Numbers of places (GLN).
    pub glns: Vec<String>,
    /// Product numbers.
    pub products: Vec<String>,
    /// Numbers under bar codes (GTIN), without the zeros before them.
    pub gtins: Vec<String>,
    /// Names of products.
    pub names: Vec<String>,
}

/// What the mirror knows of it: for each number or name that was asked for, what has it. What it does not know
/// is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Customer numbers by organisation number.
    pub by_organization_number: HashMap<String, Vec<String>>,
    /// Customer numbers by VAT number.
    pub by_vat_number: HashMap<String, Vec<String>>,
    /// Customer numbers by GLN.
    pub by_gln: HashMap<String, Vec<String>>,
    /// Units of products by product number.
    pub products: HashMap<String, Option<String>>,
    /// Product numbers by GTIN.
    pub by_gtin: HashMap<String, Vec<String>>,
    /// Product numbers by name.
    pub by_name: HashMap<String, Vec<String>>,
}

/// An order as it stands in its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    root: Element,
    length: usize,
}

/// An order on its way: what was found wrong with it, and what the receipt shall name.
struct Making<'a> {
    mapping: &'a Mapping,
    known: &'a Known,
    currency: Option<&'a str>,
    problems: Vec<Problem>,
}

impl Order {
    /// Reads a file.
    ///
    /// # Errors
    /// One problem: it is no XML, is not whole, or is no order.
    pub fn read(bytes: &[u8]) -> Result<Order, Vec<Problem>> {
        if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            return Err(vec![Problem::of_file(Whole::Empty)]);
        }
        let text = xml::decode(bytes).map_err(|wrong| match wrong {
            NotText::CutOff => vec![Problem::of_file(Whole::CutOff)],
            NotText::Invalid { line } => at(Whole::NotText, line),
        })?;
        let root = xml::parse(text.trim_end_matches('\0')).map_err(|no_tree| {
            let wrong = match no_tree.why {
                Why::CutOff => Whole::CutOff,
                Why::TooDeep => Whole::TooDeep,
                Why::NotXml => of_ubl(Wrong::NotXml),
                Why::TooMany => of_ubl(Wrong::TooManyElements),
                Why::Malformed(what) => of_ubl(Wrong::Malformed { what }),
                Why::Forbidden(what) => of_ubl(Wrong::Forbidden { what }),
            };
            at(wrong, no_tree.line)
        })?;
        if root.name != "Order" || root.namespace != ORDER {
            return Err(at(of_ubl(Wrong::NotAnOrder { root: root.name.clone() }), root.line));
        }
        Ok(Order { root, length: text.len() })
    }

    /// What of the mirror matters for it.
    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        buyer::wanted(&self.root, &mut wanted);
        for line in self.root.all("OrderLine") {
            items::wanted(line, &mut wanted);
        }
        for list in [
            &mut wanted.organization_numbers,
            &mut wanted.vat_numbers,
            &mut wanted.glns,
            &mut wanted.products,
            &mut wanted.gtins,
            &mut wanted.names,
        ] {
            list.sort_unstable();
            list.dedup();
        }
        wanted
    }

    /// The order in Extend's shape.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn document(&self, mapping: &Mapping, known: &Known) -> Result<Document, Vec<Problem>> {
        let root = &self.root;
        let currency = root.child("DocumentCurrencyCode").and_then(Element::value);
        let mut making = Making { mapping, known, currency, problems: Vec::new() };
        let (body, warnings) = making.body(root);
        if !making.problems.is_empty() {
            return Err(making.problems);
        }
        let mut document = json::parse(body.to_string().as_bytes())?;
        document.warnings = warnings;
        Ok(document)
    }

    /// As the one document of its file.
    pub fn contents(&self, mapping: &Mapping, known: &Known) -> Contents {
        let result = self.document(mapping, known);
        let key = match &result {
            Ok(document) => document.key.clone(),
            Err(_) => self.root.child("ID").and_then(Element::value).map(str::to_owned),
        };
        let pieces = vec![Piece { range: 0..self.length, line: 1 }];
        let parts = vec![Part { position: 1, key, result, repeats: None, pieces }];
        Contents { shape: Shape::One, parts, left_out: Vec::new() }
    }
}

fn of_ubl(wrong: Wrong) -> Whole {
    Whole::Ubl(Box::new(wrong))
}

fn at(wrong: Whole, line: u64) -> Vec<Problem> {
    vec![Problem { wrong, field: None, line: Some(line) }]
}

impl<'a> Making<'a> {
    fn note(&mut self, wrong: Wrong, field: &str, line: u64) {
        self.problems.push(Problem { wrong: of_ubl(wrong), field: Some(field.to_owned()), line: Some(line) });
    }

    fn body(&mut self, root: &'a Element) -> (Value, Vec<Warning>) {
        let customer = self.customer(root);
        let mut header = Map::new();
        let mut set = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                header.insert(name.to_owned(), Value::String(value));
            }
        };
        let value = |path: &str| root.at(path).and_then(Element::value);
        let id = value("ID");
        if id.is_none() {
            self.note(Wrong::Missing, "ID", root.line);
        }
        let number =
            self.mapping.order_number(id.unwrap_or_default(), customer.as_deref().unwrap_or_default());
        set("orderNumberExternal", id.is_some().then_some(number));
        set("customerNumber", customer);
        set("orderDate", self.moment(root, "Issue", "Order"));
        let contact = value("BuyerCustomerParty/Party/Contact/Name");
        set("yourReference", value("CustomerReference").or(contact).map(str::to_owned));
        set(
            "accountingCode",
            value("AccountingCost").filter(|code| fits_accounting_code(code)).map(str::to_owned),
        );
        self.delivery(root, &mut header);
        let notes: Vec<&str> = root.all("Note").filter_map(Element::value).collect();
        if !notes.is_empty() {
            header.insert("notations".into(), json!({ "notes": notes.join("\n") }));
        }
        let mut rows = Vec::new();
        let mut sums = amounts::Sums::default();
        for (index, line) in root.all("OrderLine").enumerate() {
            self.line(index + 1, line, &mut rows, &mut sums);
        }
        if rows.is_empty() && self.problems.is_empty() {
            self.note(Wrong::Missing, "OrderLine", root.line);
        }
        self.order_amounts(root, &mut rows, &mut sums);
        let kept = kept::of_header(root, &header);
        if !kept.values.is_empty() {
            let data = kept.values.iter();
            let data: Vec<Value> = data
                .map(|(label, value)| json!({ "metaDataLabel": label, "metaDataValue": value }))
                .collect();
            header.insert("orderMetaData".into(), Value::Array(data));
        }
        let (mut names, mut left_out) = (kept.names, kept.left_out);
        for line in root.all("OrderLine") {
            let of_line = kept::of_line(line);
            names.extend(of_line.names.iter().map(|name| format!("OrderLine/{name}")));
            left_out.extend(of_line.left_out.iter().map(|name| format!("OrderLine/{name}")));
        }
        (json!({ "orderHeader": header, "orderRows": rows }), kept::warnings(names, left_out))
    }
}

impl<'a> Making<'a> {
    /// The moment that `{name}Date` and `{name}Time` below an element tell.
    fn moment(&mut self, parent: &'a Element, name: &str, field: &str) -> Option<String> {
        let date = parent.child(&format!("{name}Date")).filter(|date| date.value().is_some())?;
        let time = parent.child(&format!("{name}Time")).and_then(Element::value);
        let found = moment(date.value(), time, self.mapping.utc_offset);
        if found.is_none() {
            let told = [date.value(), time].into_iter().flatten().collect::<Vec<_>>().join(" ");
            self.note(Wrong::NotADate { found: told }, &format!("{field}/{name}Date"), date.line);
        }
        found
    }
}

fn fits_accounting_code(code: &str) -> bool {
    code.chars().count() <= 20
}

/// A date, with its time of day and its offset from UTC where they are told, as Extend reads it.
fn moment(date: Option<&str>, time: Option<&str>, offset: Offset) -> Option<String> {
    let (date, rest) = date?.split_at_checked(10)?;
    let (date, own_offset) = (date.parse::<jiff::civil::Date>().ok()?, zone(rest));
    let (time, zone_of_time) = match time {
        Some(time) => {
            let at = time.find(['Z', '+', '-']).unwrap_or(time.len());
            (time.get(..at)?.parse::<jiff::civil::Time>().ok()?, zone(time.get(at..)?))
        }
        None => (jiff::civil::Time::midnight(), None),
    };
    let offset = zone_of_time.or(own_offset).unwrap_or(offset).seconds();
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{sign}{:02}:{:02}", minutes / 60, minutes % 60))
}

/// `Z` or `+01:00`.
fn zone(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(if text.starts_with('-') { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests;
