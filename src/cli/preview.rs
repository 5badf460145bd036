//! `extend-edge preview FILE`: what a file would become, sending nothing and writing nothing.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context;
use rusqlite::Connection;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Exit, Outcome, language, print, print_json, settings};
use crate::config::{Config, Language};
use crate::engine::warnings;
use crate::exchange::read::Files;
use crate::formats::contents::{Contents, Format, Part};
use crate::formats::csv::mapping::Mapping;
use crate::formats::csv::{self, Reading, cell};
use crate::formats::document::{Document, Kind};
use crate::formats::problem::{Problem, Wrong};
use crate::formats::receipt::problems_json;
use crate::formats::ubl::{Known, Wanted};
use crate::rules::intake::{Verdict, decide};
use crate::store::{self, outbox, unknown};

/// Show what a file would become, sending nothing and writing nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  extend-edge preview orders-2026-11-25.csv
  extend-edge preview orders.json --all
  extend-edge preview orders.json --json

The file may lie anywhere; its name decides how it is read, as in the inbox. Works while the agent runs, and
before it has ever run.

Exit: 0 all of it would be taken; 1 something of it would be rejected.")]
pub struct Arguments {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The fields of every document, not only of the first ones.
    #[arg(long)]
    all: bool,
    /// As JSON, for programs, with every document whole.
    #[arg(long)]
    json: bool,
}

/// Documents whose fields are shown where --all is not given.
const IN_FULL: usize = 3;

/// What would become of one document.
struct Seen<'a> {
    part: &'a Part,
    fate: Fate,
    problems: Vec<Problem>,
    warnings: Vec<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Taken,
    Duplicate,
    Rejected,
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let config = settings(home)?;
    let language = language(&config);
    let bytes = std::fs::read(&arguments.file).with_context(|| arguments.file.display().to_string())?;
    let name = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut database = config.database.exists().then(|| store::open_reader(&config.database)).transpose()?;
    if let Some(made) = &database
        && !store::has_tables(made)?
    {
        database = None;
    }
    let contents = read(&config, database.as_ref(), &name, &bytes)?;
    let (seen, of_file) = match &contents {
        Ok(contents) => (look(&config, database.as_ref(), &name, contents)?, &[][..]),
        Err(problems) => (Vec::new(), problems.as_slice()),
    };
    let left_out = contents.as_ref().map_or(&[][..], |contents| &contents.left_out);
    let reading = match Format::of(&name, &config.csv) {
        Ok(Format::Csv(mapping)) => csv::reading(&bytes, mapping).map(|reading| (mapping, reading)),
        _ => None,
    };
    match arguments.json {
        true => {
            let mut json = as_json(&name, of_file, &seen, language);
            if let Some((mapping, reading)) = &reading {
                json["reading"] = reading_json(mapping, reading);
            }
            json["leftOut"] = left_out.iter().map(|one| one.to_json(language)).collect();
            print_json(&json);
        }

        false => {
            if let Some((mapping, reading)) = &reading {
                print(&reading_text(mapping, reading, language));
            }
            print(&as_text(&name, of_file, &seen, arguments.all, language));
            left_out.iter().for_each(|one| {
                let key = one.key.as_deref().unwrap_or("-");
                print(&format!("\n{}. {key}: {}\n", one.position, one.message(language)));
            });
        }
    }
    let all_good = of_file.is_empty() && seen.iter().all(|one| one.fate != Fate::Rejected);
    Ok(if all_good { Exit::Done } else { Exit::Failed })
}

fn read(
    config: &Config,
    database: Option<&Connection>,
    name: &str,
    bytes: &[u8],
) -> anyhow::Result<Result<Contents, Vec<Problem>>> {
    if bytes.len() as u64 > config.exchange.max_file_bytes {
        let limit_mb = config.exchange.max_file_bytes / 1_000_000;
        return Ok(Err(vec![Problem::of_file(Wrong::TooLarge { bytes: bytes.len() as u64, limit_mb })]));
    }
    let look_up = |wanted: &Wanted| match database {
        Some(database) => store::ubl::load(database, wanted),
        None => Ok(Known::default()),
    };
    Ok(Files { config }.contents(name, bytes, look_up)?)
}

/// Holds each document against what was taken before, where there is a database.
fn look<'a>(
    config: &Config,
    database: Option<&Connection>,
    name: &str,
    contents: &'a Contents,
) -> anyhow::Result<Vec<Seen<'a>>> {
    let mut here = HashMap::new();
    let look = |part: &'a Part| {
        let document = match &part.result {
            Ok(document) => document,
            Err(problems) => {
                let (mut problems, warnings, mut fate) = (problems.clone(), Vec::new(), Fate::Rejected);
                if let (Some(document), Some(database)) = (&part.repeats, database)
                    && let Some(key) = &document.key
                {
                    let known = outbox::latest_with_key(database, document.kind, key)?;
                    let verdict = decide(key, false, &document.content_hash, known.as_ref());
                    if matches!(verdict, Verdict::Duplicate { .. }) {
                        (fate, problems) = (Fate::Duplicate, Vec::new());
                    }
                }
                return Ok(Seen { part, fate, problems, warnings });
            }
        };
        let made_key = document.kind.has_key() && document.key.is_none();
        let unknown = match database {
            Some(database) => unknown::load(database, document, config, jiff::Timestamp::now())?,
            None => Vec::new(),
        };
        let warnings =
            serde_json::from_str(&warnings(document, made_key, &unknown, config.exchange.language))?;
        let mut seen = Seen { part, fate: Fate::Taken, problems: Vec::new(), warnings };
        if !document.kind.has_key() {
            return Ok(seen);
        }
        let key = document.key.clone().unwrap_or_else(|| document.made_key(name, part.position));
        let known = match database {
            Some(database) => outbox::latest_with_key(database, document.kind, &key)?,
            None => None,
        };
        let before = here.insert((document.kind, key.clone()), document.content_hash.clone());
        let verdict = match before {
            Some(hash) if hash == document.content_hash => Verdict::Duplicate { of: 0 },
            Some(_) => Verdict::Reject(Wrong::DuplicateKey { key, first_file: name.to_owned() }),
            None => decide(&key, made_key, &document.content_hash, known.as_ref()),
        };
        let may_change = document.kind == Kind::Customer && config.customers.update;
        match verdict {
            Verdict::Accept => {}
            Verdict::Reject(Wrong::DuplicateKey { .. }) if may_change => {}
            Verdict::Duplicate { .. } => seen.fate = Fate::Duplicate,
            Verdict::Reject(wrong) => {
                seen.fate = Fate::Rejected;
                seen.problems.push(Problem::of_file(wrong));
            }
        }
        Ok(seen)
    };
    contents.parts.iter().map(look).collect()
}

/// What an order's rows add up to, without VAT and with it, where each has a price.
fn totals(document: &Document) -> Option<(Decimal, Decimal)> {
    let rows = document.body.get("orderRows")?.as_array()?;
    let (mut net, mut gross) = (Decimal::ZERO, Decimal::ZERO);
    for row in rows {
        let number = |name: &str| cell::number(row["salesData"][name].as_number()?.as_str(), '.');
        let amount = number("quantity")?.checked_mul(number("unitPrice")?)?;
        let vat = number("vatPercent").unwrap_or_default() / Decimal::ONE_HUNDRED;
        net = net.checked_add(amount)?;
        gross = gross.checked_add(amount.checked_mul(Decimal::ONE + vat)?)?;
    }
    Some((cell::money(net), cell::money(gross)))
}

impl Fate {
    /// The word for programs.
    fn word(self) -> &'static str {
        match self {
            Fate::Taken => "accepted",
            Fate::Duplicate => "duplicate",
            Fate::Rejected => "rejected",
        }
    }

    fn told(self, language: Language) -> &'static str {
        match self {
            Fate::Taken => language.pick("would be taken over", "skulle tas emot"),
            Fate::Duplicate => language.pick(
                "repeats one that came before, would not be sent again",
                "upprepar ett som kommit förut, skulle inte skickas igen",
            ),
            Fate::Rejected => language.pick("would be rejected", "skulle avvisas"),
        }
    }
}

/// How a CSV file was read, for programs.
fn reading_json(mapping: &Mapping, reading: &Reading) -> Value {
    let columns = reading.columns.iter();
    let columns: Vec<Value> =
        columns.map(|(column, fills)| json!({ "column": column, "fills": fills })).collect();
    json!({
        "mapping": mapping.name,
        "encoding": reading.encoding.name(),
        "delimiter": char::from(reading.delimiter).to_string(),
        "decimal": mapping.decimal.to_string(),
        "columns": columns,
    })
}

/// The same for people.
fn reading_text(mapping: &Mapping, reading: &Reading, language: Language) -> String {
    let (encoding, delimiter) = (reading.encoding.name(), char::from(reading.delimiter));
    let mut text = language.pick(
        format!(
            "Read with [csv.{}]: {encoding}, {delimiter:?} between cells, {:?} as decimal mark.\n",
            mapping.name, mapping.decimal
        ),
        format!(
            "Läst med [csv.{}]: {encoding}, {delimiter:?} mellan celler, {:?} som decimaltecken.\n",
            mapping.name, mapping.decimal
        ),
    );
    let width = reading.columns.iter().map(|(column, _)| column.chars().count()).max().unwrap_or(0);
    for (column, fills) in &reading.columns {
        let fills = match fills[..] {
            [] => language.pick("- (fills nothing)", "- (fyller inget)").to_owned(),
            _ => fills.join(", "),
        };
        text.push_str(&format!("  {column:width$}  {fills}\n"));
    }
    text.push('\n');
    text
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
                "verdict": one.fate.word(),
                "totalWithoutVat": totals.map(|(net, _)| format!("{net:.2}")),
                "totalWithVat": totals.map(|(_, gross)| format!("{gross:.2}")),
                "warnings": one.warnings,
                "problems": problems_json(&one.problems, language),
                "document": document.map(|document| &document.body),
            })
        })
        .collect();
    json!({ "file": name, "problems": problems_json(of_file, language), "documents": documents })
}

fn as_text(name: &str, of_file: &[Problem], seen: &[Seen<'_>], all: bool, language: Language) -> String {
    let mut text = String::new();
    if !of_file.is_empty() {
        text.push_str(
            &language.pick(format!("{name} would be rejected:\n"), format!("{name} skulle avvisas:\n")),
        );
        of_file.iter().for_each(|problem| text.push_str(&format!("  - {}\n", problem.message(language))));
        return text;
    }
    let count = |fate: Fate| seen.iter().filter(|one| one.fate == fate).count();
    let (taken, rejected, repeated) = (count(Fate::Taken), count(Fate::Rejected), count(Fate::Duplicate));
    text.push_str(&language.pick(
        format!(
            "{name}: {} documents. {taken} would be taken over, {rejected} rejected, {repeated} repeat others. \
             Nothing was sent.\n",
            seen.len()
        ),
        format!(
            "{name}: {} dokument. {taken} skulle tas emot, {rejected} avvisas, {repeated} upprepar andra. Inget \
             har skickats.\n",
            seen.len()
        ),
    ));
    let mut in_full = if all { usize::MAX } else { IN_FULL };
    for one in seen {
        let kind = one
            .part
            .result
            .as_ref()
            .map_or(language.pick("document", "dokument"), |document| document.kind.name());
        let key = one.part.key.as_deref().unwrap_or("-");
        text.push_str(&format!("\n{}. {kind} {key}: {}\n", one.part.position, one.fate.told(language)));
        for problem in &one.problems {
            text.push_str(&format!("  - {}\n", problem.message(language)));
        }
        for warning in &one.warnings {
            text.push_str(&format!("  ! {}\n", warning["message"].as_str().unwrap_or_default()));
        }
        let Ok(document) = &one.part.result else { continue };
        if in_full > 0 {
            in_full -= 1;
            let mut fields = Vec::new();
            flatten(&document.body, String::new(), &mut fields);
            let width = fields.iter().map(|(path, _)| path.len()).max().unwrap_or(0);
            for (path, value) in fields {
                text.push_str(&format!("  {path:width$}  {value}\n"));
            }
        }
        if let Some((net, gross)) = totals(document) {
            text.push_str(&language.pick(
                format!("  total without VAT {net:.2}, with VAT {gross:.2}\n"),
                format!("  summa utan moms {net:.2}, med moms {gross:.2}\n"),
            ));
        }
    }
    if !all && seen.iter().filter(|one| one.part.result.is_ok()).count() > IN_FULL {
        text.push_str(language.pick(
            "\nThe fields of the first documents are shown; --all shows those of every one.\n",
            "\nFälten visas för de första dokumenten; --all visar dem för alla.\n",
        ));
    }
    text
}

/// The fields of a document by their paths, each with its value as it is sent.
fn flatten(value: &Value, path: String, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(inner) => {
            for (name, value) in inner {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(value, path, fields);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(value, format!("{path}[{index}]"), fields);
            }
        }
        value => fields.push((path, value.to_string())),
    }
}
