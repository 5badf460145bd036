//! What the shop reads back: NAME.receipt.json, NAME.error.json and NAME.error.txt.

use serde_json::{Value, json};

use super::contents::PartProblem;
use super::problem::{Language, Problem};

/// One document of a receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptDocument {
    /// In its file, from 1.
    pub position: i64,
    /// The document's own id, that of its outbox item where it has one.
    pub id: i64,
    /// The contract's name of its kind.
    pub kind: String,
    /// Its key.
    pub key: Option<String>,
    /// The state of its outbox item; a duplicate shows that of the first.
    pub state: String,
    /// Extend's number, once there is one.
    pub extend_number: Option<String>,
    /// The document that it repeats.
    pub duplicate_of: Option<i64>,
    /// Requests begun.
    pub attempts: i64,
    /// What a person may want to know.
    pub warnings: Vec<Value>,
    /// Code, message and field, where it was refused.
    pub error: Option<(String, String, Option<String>)>,
    /// When it was recorded.
    pub received_at: String,
    /// When Extend had it.
    pub delivered_at: Option<String>,
    /// What Extend gave back, whole: order number, rows, prices.
    pub answer: Option<Value>,
    /// The document that a person put in the place of the one in the file.
    pub edited: Option<Edited>,
}

/// A correction by hand. A database that is made again finds it in the receipt, so it must hold all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// When.
    pub at: String,
    /// By whom.
    pub by: String,
    /// The key of the document in the file.
    pub original_key: Option<String>,
    /// What is sent.
    pub document: Value,
}

/// The receipt of a file. `left_out`: orders in it that the settings say are not to be sent.
pub fn receipt(file: &str, documents: &[ReceiptDocument], left_out: &[Value]) -> String {
    let documents: Vec<Value> = documents
        .iter()
        .map(|document| {
            let mut told = json!({
                "position": document.position,
                "id": document.id,
                "kind": document.kind,
                "key": document.key,
                "state": document.state,
                "extendNumber": document.extend_number,
                "duplicateOf": document.duplicate_of,
                "attempts": document.attempts,
                "warnings": document.warnings,
                "error": document.error.as_ref().map(|(code, message, field)| json!({
                    "code": code, "message": message, "field": field,
                })),
                "receivedAt": document.received_at,
                "deliveredAt": document.delivered_at,
                "answer": document.answer,
            });
            if let Some(edited) = &document.edited {
                told["edited"] = json!({
                    "at": edited.at,
                    "by": edited.by,
                    "originalKey": edited.original_key,
                    "document": edited.document,
                });
            }
            told
        })
        .collect();
    let mut receipt = json!({ "file": file, "documents": documents });
    if !left_out.is_empty() {
        receipt["leftOut"] = left_out.into();
    }
    pretty(&receipt)
}

/// The error file for programs. The first problem stands at the top; all of them in `documents`.
pub fn error_json(file: &str, problems: &[Value]) -> String {
    let first = problems.first().cloned().unwrap_or_else(|| json!({}));
    let mut documents: Vec<Value> = Vec::new();
    for problem in problems {
        let position = problem["position"].as_u64().unwrap_or(1);
        if documents.last().is_none_or(|document| document["position"] != position) {
            documents.push(json!({ "position": position, "key": problem["key"], "problems": [] }));
        }
        if let Some(of_document) = documents.last_mut().and_then(|last| last["problems"].as_array_mut()) {
            let field = |name: &str| problem[name].clone();
            let mut told = json!({
                "code": field("code"), "message": field("message"), "field": field("field"), "line": field("line"),
            });
            // Of CSV: where in the row, and what stands there.
            for name in ["column", "value"] {
                if let Some(said) = problem.get(name) {
                    told[name] = said.clone();
                }
            }
            of_document.push(told);
        }
    }
    pretty(&json!({
        "file": file,
        "code": first["code"],
        "message": first["message"],
        "field": first["field"],
        "line": first["line"],
        "documents": documents,
    }))
}

/// All problems that an error file for programs tells, as they are kept in the database.
pub fn problems_in(error_json: &Value) -> Value {
    let mut problems = Vec::new();
    for document in error_json["documents"].as_array().into_iter().flatten() {
        for problem in document["problems"].as_array().into_iter().flatten() {
            let mut problem = problem.clone();
            if let Some(fields) = problem.as_object_mut() {
                fields.insert("position".into(), document["position"].clone());
                fields.insert("key".into(), document["key"].clone());
            }
            problems.push(problem);
        }
    }
    problems.into()
}

/// The error file for people. `is_part`: other documents of the file were taken.
pub fn error_text(file: &str, problems: &[Value], is_part: bool, language: Language) -> String {
    let heading = match is_part {
        false => language.pick(
            format!("{file} could not be taken over. Nothing of it was sent to Extend."),
            format!("{file} kunde inte tas emot. Inget av den har skickats till Extend."),
        ),
        true => language.pick(
            format!(
                "Of {file} the good documents were taken over, and those below were not: nothing of them was sent \
                 to Extend. They alone are in the file beside this one. Mend them there and put that file into the \
                 inbox. The lines are those of that file, the numbers of the documents those of the file that came."
            ),
            format!(
                "Av {file} togs de goda dokumenten emot, men inte de nedan: inget av dem har skickats till Extend. \
                 Bara de finns i filen bredvid denna. Rätta dem där och lägg den filen i inbox. Raderna är den \
                 filens, dokumentens nummer de i filen som kom."
            ),
        ),
    };
    let mut text = format!("{heading}\r\n\r\n");
    for problem in problems {
        text.push_str(&format!("- {}\r\n", problem["message"].as_str().unwrap_or_default()));
    }
    text
}

/// Problems as they are kept in the database.
pub fn problems_json(problems: &[Problem], language: Language) -> Vec<Value> {
    problems.iter().map(|problem| problem.to_json(language)).collect()
}

/// Problems of a file of several documents that are told in full. Of the documents after that, each one's first.
const TOLD_IN_FULL: usize = 100;

/// Problems of a file of several documents, as they are kept in the database.
pub fn part_problems_json(problems: &[PartProblem], language: Language) -> Vec<Value> {
    let mut told: Vec<Value> = Vec::new();
    let mut before = None;
    for PartProblem { position, key, problem } in problems {
        if told.len() >= TOLD_IN_FULL && before == Some(*position) {
            continue;
        }
        before = Some(*position);
        let mut json = problem.to_json(language);
        let name = key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
        let message = problem.message(language);
        let message = language.pick(
            format!("Document {position}{name}: {message}"),
            format!("Dokument {position}{name}: {message}"),
        );
        json["message"] = message.into();
        json["position"] = (*position).into();
        json["key"] = key.clone().into();
        told.push(json);
    }
    told
}

/// JSON as people read it, with a line end.
pub fn pretty(value: &Value) -> String {
    let mut text = format!("{value:#}");
    text.push('\n');
    text
}
