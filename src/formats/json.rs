//! JSON files: is all of it there, what is it, and is it whole enough for Extend to take.
//!
//! Checked is what every document of its kind needs. What else a shop adds is passed on as it stands
//! and left to Extend, who answers with its own words.

use serde_json::Value;
use serde_json::error::Category;

use super::canonical;
use super::document::{Document, Kind, is_child_row, leave_out_child_rows, text_at};
use super::locate::{Step, line_of};
use super::problem::{BATCH, Expected, Problem, Wrong, shown};
use super::strict;
use super::text::{self, NotText};

mod changes;

pub use changes::reference;

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
    let value: Value = serde_json::from_str(&text).map_err(|error| vec![syntax_problem(&text, &error)])?;
    if written.len() < bytes.len() {
        let line = Some(text::line_at(text.as_bytes(), text.len()));
        return Err(vec![Problem { wrong: Wrong::CutOff, field: None, line }]);
    }
    if let Some(path) = strict::duplicate_field(&text) {
        let mut check = Check { text: &text, problems: Vec::new() };
        check.note(Wrong::DuplicateField, &path);
        return Err(check.problems);
    }
    Check { text: &text, problems: Vec::new() }.document(value)
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
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn document(mut self, mut value: Value) -> Result<Document, Vec<Problem>> {
        let Value::Object(fields) = &value else {
            let wrong = match value {
                Value::Array(_) => Wrong::UnsupportedKind { kind: BATCH.into() },
                _ => Wrong::UnknownDocument,
            };
            return Err(vec![Problem { wrong, field: None, line: Some(1) }]);
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
            return Err(vec![Problem { wrong: Wrong::UnknownDocument, field: None, line: Some(1) }]);
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
        Ok(Document { kind, key, customer_number, order, content_hash, body: value, child_rows })
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
        self.problems.push(Problem { wrong, field: Some(field), line: Some(line_of(self.text, path)) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::document::OrderReference;

    fn problems(text: &str) -> Vec<(String, Option<String>, Option<u64>)> {
        match parse(text.as_bytes()) {
            Ok(document) => panic!("{text} was taken as {:?}", document.kind),
            Err(problems) => problems.into_iter().map(|p| (p.code().to_owned(), p.field, p.line)).collect(),
        }
    }

    fn check(text: &str, code: &str, field: Option<&str>, line: Option<u64>) {
        let expected = (code.to_owned(), field.map(String::from), line);
        assert!(problems(text).contains(&expected), "{text}\n{:?}", problems(text));
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        check("", "empty_file", None, None);
        check(" \r\n", "empty_file", None, None);
        check("{\"orderHeader\": {}", "cut_off", None, Some(1));
        check("{\n\"a\" 1}", "invalid_json", None, Some(2));
        check(&"[".repeat(10_000), "too_deep", None, Some(1));
        check("{\"a\": 1}", "unknown_document", None, Some(1));
        check("3", "unknown_document", None, Some(1));
        check("{\"orderHeader\": {}}", "missing_field", Some("orderRows"), Some(1));
        check("{\"orderRows\": []}", "missing_field", Some("orderHeader"), Some(1));
        check("{\"orderHeader\": {},\n\"orderRows\": []}", "missing_field", Some("orderRows[0]"), Some(2));
        let rows = "{\"orderHeader\": {\"orderNumberExternal\": 7},\n \"orderRows\": [\n  {\"product\": {},\n \
                    \"salesData\": {\"quantity\": \"2\",\n \"unit\": \"\"}}]}";
        check(rows, "wrong_type", Some("orderHeader.orderNumberExternal"), Some(1));
        check(rows, "missing_field", Some("orderRows[0].product.productNumber"), Some(3));
        check(rows, "wrong_type", Some("orderRows[0].salesData.quantity"), Some(4));
        check(rows, "missing_field", Some("orderRows[0].salesData.unit"), Some(5));
        let twice = "{\"orderHeader\": {},\n\"orderRows\": [1],\n\"orderRows\": []}";
        check(twice, "duplicate_field", Some("orderRows"), Some(3));
        check("{\"a\": [{\"b\": {\"c\": 1, \"c\": 1}}]}", "duplicate_field", Some("a[0].b.c"), Some(1));
        check("{\"orderHeader\": {}}\0\0", "cut_off", None, Some(1));
        check(
            "{\"orderHeader\":{},\"orderRows\":[{\"product\":{\"productNumber\":\"P\"},\"salesData\":{\"quantity\":1e400,\"unit\":\"S\"}}]}",
            "wrong_type",
            Some("orderRows[0].salesData.quantity"),
            Some(1),
        );
        check("{\"createAction\": {}}", "missing_field", Some("createAction.action"), Some(1));
        check(
            "{\"createAction\": {\"action\": \"X\"}}",
            "unknown_value",
            Some("createAction.action"),
            Some(1),
        );
        let whole = "{\"createAction\": {\"action\": \"ReturnCompleteCustomerOrder\"}}";
        check(whole, "missing_field", Some("createAction.orderNumber"), Some(1));
        check("{\"createAction\": {\"action\": \"ReturnProducts\"}}", "missing_field", Some("rows"), Some(1));
    }

    #[test]
    fn a_writer_that_stops_anywhere_is_seen_as_cut_off() {
        let whole = "{\"orderHeader\": {\"a\": -1.5e3, \"å\": \"\\u00e5😀\"}, \"orderRows\": [true, null]}"
            .as_bytes();
        for end in 0..whole.len() {
            assert_eq!(completeness(&whole[..end]), Completeness::CutOff, "at byte {end}");
        }
        assert_eq!(completeness(whole), Completeness::Complete);
    }

    #[test]
    fn room_that_was_made_beforehand_is_waited_for_even_within_a_character() {
        let whole = "{\"å\": 1}".as_bytes();
        for end in 0..whole.len() {
            let mut reserved = whole[..end].to_vec();
            reserved.resize(whole.len(), 0);
            assert_eq!(completeness(&reserved), Completeness::CutOff, "zeros from byte {end}");
        }
        check("{\"orderRows\": \"å", "cut_off", None, Some(1));
        assert_eq!(completeness(b"PK\x03\x04\xC3"), Completeness::Broken, "a spreadsheet");
        let cut = parse(b"{\"\xC3\0\0\0").unwrap_err();
        assert_eq!(cut, [Problem::of_file(Wrong::CutOff)]);
    }

    #[test]
    fn a_large_file_that_is_wrong_in_every_row_is_told_of_in_its_first_problems() {
        let rows = vec!["{}"; 100_000].join(",\n");
        let problems = problems(&format!("{{\"orderHeader\":{{}},\"orderRows\":[{rows}]}}"));
        assert_eq!(problems.len(), MOST_PROBLEMS);
        assert_eq!(problems[99].2, Some(50), "two in each line");
    }

    #[test]
    fn an_order_of_nothing_but_parts_is_not_sent_without_a_row() {
        let row = "{\"product\":{\"productNumber\":\"P\"},\"salesData\":{\"quantity\":1,\"unit\":\"S\"},\
                   \"billOfMaterialsParentRowPosition\":10}";
        let text = format!("{{\"orderHeader\":{{}},\n\"orderRows\":[{row},{row}]}}");
        check(&text, "only_child_rows", Some("orderRows"), Some(2));
    }

    #[test]
    fn numbers_and_unknown_fields_stay_as_they_were_written() {
        let text = "{\"orderHeader\":{\"mine\":{\"x\":[1.50]}},\"orderRows\":[{\"product\":{\"productNumber\":\"P\"},\
                    \"salesData\":{\"quantity\":41.0,\"unit\":\"ST\",\"unitPrice\":10.6778}}]}";
        assert_eq!(parse(text.as_bytes()).unwrap().body.to_string(), text);
    }

    #[test]
    fn a_return_gets_its_key_where_extend_reads_it() {
        let text =
            "{\"createAction\":{\"action\":\"ReturnCompleteCustomerOrder\",\"orderNumber\":\"OC-142\"}}";
        let mut document = parse(text.as_bytes()).unwrap();
        assert_eq!(document.key, None);
        assert_eq!(document.order, Some(OrderReference::Extend("OC-142".into())));
        document.set_key("K");
        assert_eq!(document.body["header"]["reference"], "K");
    }
}
