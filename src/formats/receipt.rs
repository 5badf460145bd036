//! What the shop reads back: NAME.receipt.json, NAME.error.json and NAME.error.txt.

use serde_json::{Value, json};

use super::problem::{Language, Problem};

/// One document of a receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptDocument {
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

/// The receipt of a file.
pub fn receipt(file: &str, documents: &[ReceiptDocument]) -> String {
    let documents: Vec<Value> = documents
        .iter()
        .map(|document| {
            let mut told = json!({
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
    pretty(&json!({ "file": file, "documents": documents }))
}

/// The error file for programs. The first problem stands at the top; all of them in `documents`.
pub fn error_json(file: &str, problems: &[Value]) -> String {
    let first = problems.first().cloned().unwrap_or_else(|| json!({}));
    pretty(&json!({
        "file": file,
        "code": first["code"],
        "message": first["message"],
        "field": first["field"],
        "line": first["line"],
        "documents": [{ "position": 1, "problems": problems }],
    }))
}

/// The error file for people.
pub fn error_text(file: &str, problems: &[Value], language: Language) -> String {
    let heading = match language {
        Language::English => format!("{file} could not be taken over. Nothing of it was sent to Extend."),
        Language::Swedish => format!("{file} kunde inte tas emot. Inget av den har skickats till Extend."),
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

/// JSON as people read it, with a line end.
pub fn pretty(value: &Value) -> String {
    let mut text = format!("{value:#}");
    text.push('\n');
    text
}
