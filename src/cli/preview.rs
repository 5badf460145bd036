//! `extend-edge preview FILE`: what a file would become, sending nothing and writing nothing.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Exit, Outcome, language, print, print_json, settings};
use crate::config::{Config, Language};
use crate::formats::contents::{Contents, Format, Part};
use crate::formats::csv::cell;
use crate::formats::document::Document;
use crate::formats::problem::{Problem, Wrong};
use crate::formats::receipt::problems_json;
use crate::rules::intake::{Verdict, decide};
use crate::store::{self, outbox};

/// Show what a file would become, sending nothing and writing nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  extend-edge preview orders-2026-11-25.csv
  extend-edge preview orders.json --json

The file may lie anywhere; its name decides how it is read, as in the inbox. Works while the agent runs, and
before it has ever run.

Exit: 0 all of it would be taken; 1 something of it would be rejected.")]
pub struct Arguments {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// What would become of one document.
struct Seen<'a> {
    part: &'a Part,
    verdict: &'static str,
    problems: Vec<Problem>,
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let config = settings(home)?;
    let language = language(&config);
    let bytes = std::fs::read(&arguments.file).with_context(|| arguments.file.display().to_string())?;
    let name = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let contents = read(&config, &name, &bytes);
    let seen = match &contents {
        Ok(contents) => look(&config, &name, contents)?,
        Err(_) => Vec::new(),
    };
    let of_file = contents.as_ref().err().map_or(&[][..], Vec::as_slice);
    match arguments.json {
        true => print_json(&as_json(&name, of_file, &seen, language)),
        false => print(&as_text(&name, of_file, &seen, language)),
    }
    let all_good = of_file.is_empty() && seen.iter().all(|one| one.problems.is_empty());
    Ok(if all_good { Exit::Done } else { Exit::Failed })
}

fn read(config: &Config, name: &str, bytes: &[u8]) -> Result<Contents, Vec<Problem>> {
    if bytes.len() as u64 > config.exchange.max_file_bytes {
        let limit_mb = config.exchange.max_file_bytes / 1_000_000;
        return Err(vec![Problem::of_file(Wrong::TooLarge { bytes: bytes.len() as u64, limit_mb })]);
    }
    let format = Format::of(name, &config.csv).map_err(|wrong| vec![Problem::of_file(wrong)])?;
    format.parse(bytes)
}

/// Holds each document against what was taken before, where there is a database.
fn look<'a>(config: &Config, name: &str, contents: &'a Contents) -> anyhow::Result<Vec<Seen<'a>>> {
    let database = config.database.exists().then(|| store::open_reader(&config.database)).transpose()?;
    let mut here: std::collections::HashMap<(&'static str, String), String> = std::collections::HashMap::new();
    let mut all = Vec::new();
    for part in &contents.parts {
        let mut seen = Seen { part, verdict: "accepted", problems: Vec::new() };
        match &part.result {
            Err(problems) => seen.problems.clone_from(problems),
            Ok(document) if document.kind.has_key() => {
                let made = document.key.is_none();
                let key = document.key.clone().unwrap_or_else(|| document.made_key(name, part.position));
                let known = match &database {
                    Some(database) => outbox::latest_with_key(database, document.kind, &key)?,
                    None => None,
                };
                let at = (document.kind.name(), key.clone());
                match decide(&key, made, &document.content_hash, known.as_ref()) {
                    Verdict::Duplicate { .. } => seen.verdict = "duplicate",
                    Verdict::Reject(wrong) => seen.problems.push(Problem::of_file(wrong)),
                    Verdict::Accept => match here.get(&at) {
                        Some(hash) if *hash == document.content_hash => seen.verdict = "duplicate",
                        Some(_) => {
                            let first_file = name.to_owned();
                            seen.problems.push(Problem::of_file(Wrong::DuplicateKey { key, first_file }));
                        }
                        None => _ = here.insert(at, document.content_hash.clone()),
                    },
                }
            }
            Ok(_) => {}
        }
        if !seen.problems.is_empty() {
            seen.verdict = "rejected";
        }
        all.push(seen);
    }
    Ok(all)
}

/// What an order's rows add up to, without VAT and with it, where each has a price.
fn totals(document: &Document) -> Option<(Decimal, Decimal)> {
    let rows = document.body.get("orderRows")?.as_array()?;
    let (mut net, mut gross) = (Decimal::ZERO, Decimal::ZERO);
    for row in rows {
        let number =
            |name: &str| row["salesData"][name].as_number().and_then(|number| cell::number(number.as_str(), '.'));
        let amount = number("quantity")? * number("unitPrice")?;
        net += amount;
        gross += amount * (Decimal::ONE + number("vatPercent").unwrap_or_default() / Decimal::ONE_HUNDRED);
    }
    Some((net.round_dp(2), gross.round_dp(2)))
}

fn as_json(name: &str, of_file: &[Problem], seen: &[Seen<'_>], language: Language) -> Value {
    let documents: Vec<Value> = seen
        .iter()
        .map(|one| {
            let document = one.part.result.as_ref().ok();
            let totals = document.and_then(totals);
            json!({
                "position": one.part.position,
                "key": one.part.key,
                "kind": document.map(|document| document.kind.name()),
                "verdict": one.verdict,
                "totalWithoutVat": totals.map(|(net, _)| format!("{net:.2}")),
                "totalWithVat": totals.map(|(_, gross)| format!("{gross:.2}")),
                "problems": problems_json(&one.problems, language),
                "document": document.map(|document| &document.body),
            })
        })
        .collect();
    json!({
        "file": name,
        "problems": problems_json(of_file, language),
        "documents": documents,
    })
}
