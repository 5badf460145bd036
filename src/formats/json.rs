//! JSON files: is all of it there, what is it, and is it whole enough for Extend to take.
//!
//! Checked is what every document of its kind needs. What else a shop adds is passed on as it stands
//! and left to Extend, who answers with its own words.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::error::Category;

use super::canonical;
use super::document::{Document, Kind, is_child_row, leave_out_child_rows, text_at};
use super::locate::{Step, line_of};
use super::problem::{Expected, Problem, Wrong, shown};
use super::strict;
use super::text::{self, NotText};

mod changes;
mod several;

pub use changes::reference;
pub use several::{array, lines};

/// Problems of a file that are told at the most. One slip of the webshop's may spoil every row of a large file,
/// and each is looked for in the text again to tell its line.
const MOST_PROBLEMS: usize = 100;

/// How zip archives begin, and so Office documents.
const ARCHIVE: &[u8] = b"PK\x03\x04";

/// Whether a file's bytes are all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// It parses.
    Complete,
    /// It ends in the middle: more may be coming.
    CutOff,
    /// It is wrong in the middle: no more bytes can mend it.
    Broken,
    /// It ends with a line end: all of it is there if no more comes.
    LineEnded,
}

/// Whether `bytes` are a whole JSON text.
pub fn completeness(bytes: &[u8]) -> Completeness {
    // No more bytes make it JSON, though it may end in what looks like half a letter.
    if bytes.starts_with(ARCHIVE) {
        return Completeness::Broken;
    }
    let written = text::without_zeros(bytes);
    match completeness_of(written) {
        Completeness::Complete if written.len() < bytes.len() => Completeness::CutOff,
        completeness => completeness,
    }
}

fn completeness_of(written: &[u8]) -> Completeness {
    let text = match text::decode(written) {
        Ok(text) => text,
        Err(NotText::CutOff) => return Completeness::CutOff,
        Err(NotText::Invalid { .. }) => return Completeness::Broken,
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Completeness::Complete,
        Err(error) if error.is_eof() || ends_within_number(&text, &error) => Completeness::CutOff,
        Err(_) => Completeness::Broken,
    }
}

/// serde_json calls `-`, `1.` or `1e` at the very end an invalid number, though more may be coming.
fn ends_within_number(text: &str, error: &serde_json::Error) -> bool {
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    let lines = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
    text.ends_with(['-', '+', '.', 'e', 'E']) && error.line() == lines && error.column() >= last_line.len()
}

/// The document in a JSON file, or everything that is wrong with it.
///
/// # Errors
/// At least one [`Problem`].
pub fn parse(bytes: &[u8]) -> Result<Document, Vec<Problem>> {
    document(&text(bytes)?, 1)
}

/// The text of a JSON file.
///
/// # Errors
/// One [`Problem`]. Where the text is cut off, that it is; where it is wrong before that, what is wrong.
pub fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Vec<Problem>> {
    if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return Err(vec![Problem::of_file(Wrong::Empty)]);
    }
    if bytes.starts_with(ARCHIVE) {
        return Err(vec![Problem::of_file(Wrong::Archive)]);
    }
    let written = text::without_zeros(bytes);
    let text = text::decode(written).map_err(|wrong| {
        vec![match wrong {
            NotText::CutOff => Problem::of_file(Wrong::CutOff),
            NotText::Invalid { line } => Problem { wrong: Wrong::NotText, field: None, line: Some(line) },
        }]
    })?;
    if written.len() < bytes.len() {
        let broken = serde_json::from_str::<serde::de::IgnoredAny>(&text).err();
        let line = Some(text::line_at(text.as_bytes(), text.len()));
        let cut_off = Problem { wrong: Wrong::CutOff, field: None, line };
        return Err(vec![broken.map_or(cut_off, |error| syntax_problem(&text, &error))]);
    }
    Ok(text)
}

/// The one document in `text`, which begins on line `first_line` of its file.
///
/// # Errors
/// At least one [`Problem`].
pub fn document(text: &str, first_line: u64) -> Result<Document, Vec<Problem>> {
    let mut check = Check { text, first_line, problems: Vec::new() };
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let problem = syntax_problem(text, &error);
            return Err(vec![Problem { line: problem.line.map(|line| line + first_line - 1), ..problem }]);
        }
    };
    if let Some(path) = strict::duplicate_field(text) {
        check.note(Wrong::DuplicateField, &path);
        return Err(check.problems);
    }
    check.document(value)
}

/// The document that another format made.
///
/// # Errors
/// At least one [`Problem`]; their lines mean nothing.
pub fn of_value(value: Value) -> Result<Document, Vec<Problem>> {
    Check { text: "", first_line: 1, problems: Vec::new() }.document(value)
}

fn syntax_problem(text: &str, error: &serde_json::Error) -> Problem {
    let line = Some(error.line() as u64);
    let wrong = match error.classify() {
        Category::Eof => Wrong::CutOff,
        _ if ends_within_number(text, error) => Wrong::CutOff,
        _ if !text.trim_start().starts_with(['{', '[']) => Wrong::NotJson {
            begins: shown(&Value::from(text.trim_start().lines().next().unwrap_or_default())),
        },
        // serde_json stops at 128 levels so that the stack holds; it tells so only in words.
        _ if error.to_string().starts_with("recursion limit") => Wrong::TooDeep,
        _ => Wrong::InvalidJson { column: error.column() as u64 },
    };
    Problem { wrong, field: None, line }
}

struct Check<'a> {
    text: &'a str,
    first_line: u64,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn document(mut self, mut value: Value) -> Result<Document, Vec<Problem>> {
        let Value::Object(fields) = &value else {
            let wrong = match value {
                Value::Array(_) => Wrong::ListForDocument,
                _ => Wrong::UnknownDocument,
            };
            return Err(vec![Problem { wrong, field: None, line: Some(self.first_line) }]);
        };
        let has = |name: &str| fields.get(name).is_some_and(|field| !field.is_null());
        let kind = if has("createAction") {
            Kind::Return
        } else if has("cancelRows") {
            Kind::RowCancellation
        } else if has("cancelOrder") {
            Kind::OrderCancellation
        } else if has("changeOrder") || text_at(&value, &["orderHeader", "orderNumber"]).is_some() {
            Kind::OrderChange
        } else if has("orderHeader") || has("orderRows") {
            Kind::Order
        } else if has("customerDeliveryAddress") {
            Kind::Customer
        } else {
            let line = Some(self.first_line);
            return Err(vec![Problem { wrong: Wrong::UnknownDocument, field: None, line }]);
        };
        match kind {
            Kind::Order => self.order(&value),
            Kind::Return => self.returned(&value),
            Kind::OrderChange => self.order_change(&value),
            Kind::RowCancellation => self.row_cancellation(&value),
            Kind::OrderCancellation => self.order_cancellation(&value),
            Kind::Customer => self.customer(&value),
        }
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let (key, customer_number) = match kind {
            Kind::Return => {
                (text_at(&value, &["header", "reference"]), text_at(&value, &["header", "customerNumber"]))
            }
            Kind::Customer => (text_at(&value, &["customerNumber"]), None),
            Kind::Order | Kind::OrderChange => (
                text_at(&value, &["orderHeader", "orderNumberExternal"]).filter(|_| kind.has_key()),
                text_at(&value, &["orderHeader", "customerNumber"]),
            ),
            Kind::RowCancellation | Kind::OrderCancellation => (None, None),
        };
        let order = reference(kind, &value);
        let (key, customer_number) = (key.map(str::to_owned), customer_number.map(str::to_owned));
        let content_hash = canonical::content_hash(&value);
        let child_rows = match kind {
            Kind::Order | Kind::OrderChange => leave_out_child_rows(&mut value),
            _ => 0,
        };
        let warnings = Vec::new();
        Ok(Document { kind, key, customer_number, order, content_hash, body: value, child_rows, warnings })
    }

    fn order(&mut self, value: &Value) {
        let mut path = Vec::new();
        self.required(value, &mut path, "orderHeader", Expected::Object);
        if let Some(header) = value.get("orderHeader").filter(|header| header.is_object()) {
            path.push(Step::Field("orderHeader".into()));
            self.optional_text(header, &mut path, "orderNumberExternal");
            self.optional_text(header, &mut path, "customerNumber");
            path.pop();
        }
        if !self.required(value, &mut path, "orderRows", Expected::List) {
            return;
        }
        let rows = value.get("orderRows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        path.push(Step::Field("orderRows".into()));
        if rows.is_empty() {
            path.push(Step::Item(0));
            self.note(Wrong::MissingField, &path);
            path.pop();
        } else if rows.iter().all(is_child_row) {
            self.note(Wrong::OnlyChildRows, &path);
        }
        for (index, row) in rows.iter().enumerate() {
            path.push(Step::Item(index));
            if self.is(row, &path, Expected::Object) {
                self.nested_text(row, &mut path, "product", "productNumber");
                self.sales_data(row, &mut path);
            }
            path.pop();
        }
    }

    fn returned(&mut self, value: &Value) {
        let mut path = Vec::new();
        if value.get("header").is_some_and(|header| !header.is_null()) {
            self.required(value, &mut path, "header", Expected::Object);
            if let Some(header) = value.get("header").filter(|header| header.is_object()) {
                path.push(Step::Field("header".into()));
                self.optional_text(header, &mut path, "reference");
                self.optional_text(header, &mut path, "customerNumber");
                path.pop();
            }
        }
        if !self.required(value, &mut path, "createAction", Expected::Object) {
            return;
        }
        let create = &value["createAction"];
        path.push(Step::Field("createAction".into()));
        let has_action = self.required(create, &mut path, "action", Expected::Text);
        match create["action"].as_str() {
            Some("ReturnCompleteCustomerOrder") => self.names_order(create, &mut path),
            Some("ReturnRowsFromCustomerOrder") => {
                self.names_order(create, &mut path);
                self.returned_order_rows(create, &mut path);
            }
            Some("ReturnProducts") => {
                path.pop();
                self.returned_products(value, &mut path);
                return;
            }
            _ if has_action => {
                let known = ["ReturnCompleteCustomerOrder", "ReturnRowsFromCustomerOrder", "ReturnProducts"];
                path.push(Step::Field("action".into()));
                let found = shown(&create["action"]);
                self.note(Wrong::UnknownValue { found, known: known.map(String::from).to_vec() }, &path);
                path.pop();
            }
            _ => {}
        }
        path.pop();
    }

    fn names_order(&mut self, create: &Value, path: &mut Vec<Step>) {
        if create.get("orderNumber").is_none_or(Value::is_null)
            && create.get("orderNumberExternal").is_some_and(|number| !number.is_null())
        {
            self.required(create, path, "orderNumberExternal", Expected::Text);
        } else {
            self.required(create, path, "orderNumber", Expected::Text);
        }
    }

    fn returned_order_rows(&mut self, create: &Value, path: &mut Vec<Step>) {
        if !self.required(create, path, "orderRows", Expected::List) {
            return;
        }
        path.push(Step::Field("orderRows".into()));
        for (index, row) in create["orderRows"].as_array().map_or(&[][..], Vec::as_slice).iter().enumerate() {
            path.push(Step::Item(index));
            if self.is(row, path, Expected::Object) {
                self.required(row, path, "position", Expected::Number);
                self.required(row, path, "subPosition", Expected::Number);
                self.optional(row, path, "quantity", Expected::Number);
            }
            path.pop();
        }
        path.pop();
    }

    fn returned_products(&mut self, value: &Value, path: &mut Vec<Step>) {
        if !self.required(value, path, "rows", Expected::List) {
            return;
        }
        path.push(Step::Field("rows".into()));
        for (index, row) in value["rows"].as_array().map_or(&[][..], Vec::as_slice).iter().enumerate() {
            path.push(Step::Item(index));
            if self.is(row, path, Expected::Object) {
                self.required(row, path, "productNumber", Expected::Text);
                self.sales_data(row, path);
            }
            path.pop();
        }
        path.pop();
    }

    fn sales_data(&mut self, row: &Value, path: &mut Vec<Step>) {
        if self.required(row, path, "salesData", Expected::Object) {
            path.push(Step::Field("salesData".into()));
            let sales = &row["salesData"];
            self.required(sales, path, "quantity", Expected::Number);
            self.required(sales, path, "unit", Expected::Text);
            self.optional(sales, path, "unitPrice", Expected::Number);
            path.pop();
        }
    }

    fn nested_text(&mut self, value: &Value, path: &mut Vec<Step>, outer: &str, inner: &str) {
        if self.required(value, path, outer, Expected::Object) {
            path.push(Step::Field(outer.into()));
            self.required(&value[outer], path, inner, Expected::Text);
            path.pop();
        }
    }

    fn optional_text(&mut self, value: &Value, path: &mut Vec<Step>, name: &str) {
        self.optional(value, path, name, Expected::Text);
    }

    fn optional(&mut self, value: &Value, path: &mut Vec<Step>, name: &str, expected: Expected) {
        if let Some(field) = value.get(name).filter(|field| !field.is_null()) {
            path.push(Step::Field(name.into()));
            self.is(field, path, expected);
            path.pop();
        }
    }

    fn required(&mut self, value: &Value, path: &mut Vec<Step>, name: &str, expected: Expected) -> bool {
        path.push(Step::Field(name.into()));
        let field = value.get(name).filter(|field| !field.is_null());
        let good = match field {
            None => {
                self.note(Wrong::MissingField, path);
                false
            }
            Some(Value::String(text)) if expected == Expected::Text && text.trim().is_empty() => {
                self.note(Wrong::MissingField, path);
                false
            }
            Some(field) => self.is(field, path, expected),
        };
        path.pop();
        good
    }

    fn is(&mut self, value: &Value, path: &[Step], expected: Expected) -> bool {
        let good = match expected {
            Expected::Text => value.is_string(),
            // A number too large for any computer to reckon with is a slip of the pen.
            Expected::Number => value.as_f64().is_some_and(f64::is_finite),
            Expected::WholeNumber => value.is_i64(),
            Expected::Object => value.is_object(),
            Expected::List => value.is_array(),
        };
        if !good {
            self.note(Wrong::WrongType { expected, found: shown(value) }, path);
        }
        good
    }

    fn note(&mut self, wrong: Wrong, path: &[Step]) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        let mut field = String::new();
        for step in path {
            match step {
                Step::Field(name) if field.is_empty() => field.push_str(name),
                Step::Field(name) => {
                    field.push('.');
                    field.push_str(name);
                }
                Step::Item(index) => field.push_str(&format!("[{index}]")),
            }
        }
        let line = Some(line_of(self.text, path) + self.first_line - 1);
        self.problems.push(Problem { wrong, field: Some(field), line });
    }
}

#[cfg(test)]
mod tests;
