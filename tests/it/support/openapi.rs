//! Holds requests and answers against the published description of the API.
//!
//! Every object of the description is closed first: a field that it does not name is wrong, so that
//! a misspelled one is found out. Two kinds of unknown fields are let through, and only those: what
//! the stand-in adds under its own prefix (a client that sends a record back must send those too),
//! and names that the caller gives because a shop's own document holds them.

use std::collections::HashMap;

use extend_edge::standin::{RequestRecord, UNKNOWN_FIELD_PREFIX};
use jsonschema::{Draft, Validator};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// Dates of queries are UTC without an offset, whatever the description's `date-time` says.
const QUERY_DATE: &str = "%Y-%m-%dT%H:%M:%S";

/// The description, ready to check with.
pub struct OpenApi {
    /// By method and path template.
    operations: HashMap<(String, String), Operation>,
}

struct Operation {
    /// By name: its schema, and that schema ready to check with.
    query: HashMap<String, (Value, Validator)>,
    required_query: Vec<String>,
    request: Option<Validator>,
    answer: Validator,
}

impl OpenApi {
    /// Reads the copy of the description that lies beside the tests.
    pub fn load() -> OpenApi {
        let document: Value = serde_json::from_str(include_str!("../openapi.json")).expect("the description");
        let mut answers = document["components"].clone();
        close(&mut answers, false);
        let mut requests = document["components"].clone();
        close(&mut requests, true);
        let mut operations = HashMap::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                if method != "parameters" {
                    let operation = Operation::read(operation, &requests, &answers);
                    operations.insert((method.to_uppercase(), path.clone()), operation);
                }
            }
        }
        OpenApi { operations }
    }

    /// What is wrong with a request. `path` is the template, `/v1_0/{client}/Products/{id}`;
    /// `allowed` are names that a shop's own document adds.
    pub fn check_request(
        &self,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
        allowed: &[&str],
    ) -> Vec<String> {
        let Some(operation) = self.operations.get(&(method.to_owned(), path.to_owned())) else {
            return vec![format!("{method} {path} is not in the description")];
        };
        let mut problems = operation.check_query(query);
        match (&operation.request, body.is_empty()) {
            (Some(schema), _) => match serde_json::from_slice(body) {
                Ok(mut body) => {
                    strip(&mut body, &|name| {
                        name.starts_with(UNKNOWN_FIELD_PREFIX) || allowed.contains(&name)
                    });
                    problems.extend(report("request", schema, &body));
                }
                Err(error) => problems.push(format!("the request is no JSON: {error}")),
            },
            (None, false) => problems.push("the request has a body, and should have none".to_owned()),
            (None, true) => {}
        }
        problems
    }

    /// What is wrong with an answer of the service itself.
    pub fn check_answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: &[u8],
        allowed: &[&str],
    ) -> Vec<String> {
        let Some(operation) = self.operations.get(&(method.to_owned(), path.to_owned())) else {
            return vec![format!("{method} {path} is not in the description")];
        };
        let mut body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return vec![format!("the answer is no JSON: {error}")],
        };
        if status != 200 {
            let is_message = body["Message"].is_string();
            return if is_message { Vec::new() } else { vec![format!("{status} without a Message: {body}")] };
        }
        strip(&mut body, &|name| name.starts_with(UNKNOWN_FIELD_PREFIX) || allowed.contains(&name));
        report("answer", &operation.answer, &body)
    }

    /// What is wrong with a request that the stand-in recorded, and with its answer where no fault
    /// made it.
    pub fn check_record(&self, record: &RequestRecord, allowed: &[&str]) -> Vec<String> {
        let path = record.template();
        let mut problems =
            self.check_request(&record.method, &path, &record.query, &record.request_body, allowed);
        if let (Some(status), false) = (record.status, record.faulty) {
            problems.extend(self.check_answer(&record.method, &path, status, &record.response_body, allowed));
        }
        let name = format!("{} {}?{}", record.method, path, record.query);
        problems.iter().map(|problem| format!("{name}: {problem}")).collect()
    }

    /// Fails where any of the records is wrong.
    pub fn assert_records(&self, records: &[RequestRecord], allowed: &[&str]) {
        let problems: Vec<String> =
            records.iter().flat_map(|record| self.check_record(record, allowed)).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// Every method and path template.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.operations.keys().map(|(method, path)| (method.as_str(), path.as_str()))
    }
}

impl Operation {
    fn read(operation: &Value, requests: &Value, answers: &Value) -> Operation {
        let of = |content: &Value| content["content"]["application/json"]["schema"].clone();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let queries: Vec<&Value> = parameters.iter().filter(|parameter| parameter["in"] == "query").collect();
        let name = |parameter: &Value| parameter["name"].as_str().expect("a name").to_owned();
        Operation {
            query: queries
                .iter()
                .map(|parameter| {
                    let schema = parameter["schema"].clone();
                    let ready = validator(&schema, answers);
                    (name(parameter), (schema, ready))
                })
                .collect(),
            required_query: queries.iter().filter(|q| q["required"] == true).map(|q| name(q)).collect(),
            request: operation.get("requestBody").map(|body| validator(&of(body), requests)),
            answer: validator(&of(&operation["responses"]["200"]), answers),
        }
    }

    fn check_query(&self, query: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let mut seen = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned();
            match self.query.get(name) {
                None => problems.push(format!("the query has an unknown name, {name}")),
                Some((schema, ready)) => problems.extend(check_value(name, schema, ready, &value)),
            }
            let repeats = self.query.get(name).is_some_and(|(schema, _)| schema["type"] == "array");
            if seen.contains(&name) && !repeats {
                problems.push(format!("{name} occurs twice in the query"));
            }
            seen.push(name);
        }
        for name in &self.required_query {
            if !seen.contains(&name.as_str()) {
                problems.push(format!("the query lacks {name}"));
            }
        }
        for (name, (schema, _)) in &self.query {
            let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
            if seen.iter().filter(|seen| *seen == name).count() as u64 > most {
                problems.push(format!("{name} occurs more than {most} times in the query"));
            }
        }
        problems
    }
}

fn check_value(name: &str, schema: &Value, ready: &Validator, text: &str) -> Option<String> {
    if schema["format"] == "date-time" {
        let whole = text.split('.').next().unwrap_or_default();
        let utc = jiff::civil::DateTime::strptime(QUERY_DATE, whole).is_ok();
        return (!utc).then(|| format!("{name} is {text}, not UTC without an offset"));
    }
    let value = match schema["type"].as_str() {
        Some("integer" | "boolean") => serde_json::from_str(text).unwrap_or(Value::Null),
        Some("array") => json!([text]),
        _ => json!(text),
    };
    report(name, ready, &value).into_iter().next()
}

/// A validator of one schema, with the rest of the description to refer to.
fn validator(schema: &Value, components: &Value) -> Validator {
    let mut root = schema.as_object().cloned().unwrap_or_default();
    root.insert("components".to_owned(), components.clone());
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&Value::Object(root))
        .expect("a schema")
}

fn report(what: &str, schema: &Validator, value: &Value) -> Vec<String> {
    schema.iter_errors(value).map(|error| format!("{what} at {}: {error}", error.instance_path())).collect()
}

/// Closes every object to fields that it does not name, and gives `int32` its range. For requests,
/// fields that are only ever read count as not named.
fn close(schema: &mut Value, request: bool) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(|part| close(part, request)),
        Value::Object(fields) => {
            close_object(fields, request);
            fields.values_mut().for_each(|field| close(field, request));
        }
        _ => {}
    }
}

fn close_object(schema: &mut Map<String, Value>, request: bool) {
    let is_schema = schema.get("type").is_some_and(|kind| kind.is_string() || kind.is_array());
    if !is_schema {
        return;
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        if request {
            properties.retain(|_, field| field["readOnly"] != true);
        }
        schema.entry("additionalProperties").or_insert(json!(false));
    }
    if schema.get("format").is_some_and(|format| format == "int32") {
        schema.insert("minimum".to_owned(), json!(i32::MIN));
        schema.insert("maximum".to_owned(), json!(i32::MAX));
    }
}

/// Takes fields out, at any depth, whose names are let through.
fn strip(value: &mut Value, let_through: &dyn Fn(&str) -> bool) {
    match value {
        Value::Array(parts) => parts.iter_mut().for_each(|part| strip(part, let_through)),
        Value::Object(fields) => {
            fields.retain(|name, _| !let_through(name));
            fields.values_mut().for_each(|field| strip(field, let_through));
        }
        _ => {}
    }
}
