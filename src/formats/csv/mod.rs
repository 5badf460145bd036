//! Orders as CSV: a mapping of the settings says which column makes which field.
//!
//! [`text`] takes bytes apart into rows, [`cell`] reads what a cell holds, [`mapping`] is what the settings say,
//! `plan` holds it against a file's header line, `order` makes one document of the rows with one number, `money`
//! adds up. [`presets`] are mappings for what well-known webshops export, and [`guess`] writes a first one for a
//! file that nobody knows. Money is decimal throughout.
//!
//! An order is never taken without rows that may be its own: a row that can't be read for sure, or that has no
//! number, holds back the orders beside it, unless their totals prove that they are whole.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;
use serde_json::Value;

pub mod cell;
pub mod fields;
pub mod guess;
pub mod mapping;
mod money;
mod order;
mod plan;
pub mod presets;
pub mod problem;
pub mod text;

use mapping::{Encoding, Mapping};
use order::Order;
use plan::Plan;
use problem::Wrong;
use text::{Row, Table};

use super::contents::{Contents, LeftOut, Part, Piece, Shape};
use super::document::Document;
use super::json::{self, Completeness};
use super::problem::{self as file_problem, Problem};
use super::text::NotText;

/// The forms of dates that are read where the settings name none.
pub const DATES: [&str; 6] = [
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S%:z",
    "%Y-%m-%dT%H:%M:%SZ",
];

/// Whether a file is all there: its last line has an end, and does not lie within a quoted cell.
pub fn completeness(bytes: &[u8], mapping: &Mapping) -> Completeness {
    match text::decode(bytes, mapping.encoding) {
        Err(NotText::Invalid { .. }) => Completeness::Broken,
        Ok((text, _)) if is_whole(&text) && text::open_quote(&text, mapping.delimiter).is_none() => {
            Completeness::LineEnded
        }
        _ => Completeness::CutOff,
    }
}

/// A writer that was stopped leaves no line end, or zeros.
fn is_whole(text: &str) -> bool {
    text.ends_with(['\n', '\r']) && !text.contains('\0')
}

/// The orders of a file.
///
/// # Errors
/// At least one problem of the file as a whole.
pub fn parse(bytes: &[u8], mapping: &Mapping) -> Result<Contents, Vec<Problem>> {
    let (text, encoding) = read(bytes, mapping.encoding).map_err(|problem| vec![problem])?;
    if let Some(at) = text::open_quote(&text, mapping.delimiter) {
        return Err(vec![csv(Wrong::OpenQuote, text::line_of(&text, at))]);
    }
    let Some(table) = text::table(&text, mapping.delimiter) else {
        return Err(vec![Problem::of_file(file_problem::Wrong::Empty)]);
    };
    let plan = Plan::new(&table, mapping)?;
    if table.rows.is_empty() {
        return Err(vec![csv(Wrong::NoRows, table.head_line)]);
    }
    let head = Piece { range: table.head.clone(), line: 1 };
    let (parts, left_out) = orders(&table, &plan);
    Ok(Contents { shape: Shape::Rows { head, encoding }, parts, left_out })
}

/// The text of a file.
fn read(bytes: &[u8], given: Option<Encoding>) -> Result<(std::borrow::Cow<'_, str>, Encoding), Problem> {
    let of_file = Problem::of_file;
    if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return Err(of_file(file_problem::Wrong::Empty));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(of_file(file_problem::Wrong::Archive));
    }
    let (text, encoding) = text::decode(bytes, given).map_err(|wrong| match wrong {
        NotText::CutOff => of_file(file_problem::Wrong::CutOff),
        NotText::Invalid { line } => {
            Problem { wrong: file_problem::Wrong::NotText, field: None, line: Some(line) }
        }
    })?;
    if text.contains('\0') {
        return Err(of_file(file_problem::Wrong::CutOff));
    }
    if !is_whole(&text) {
        let line = Some(text::line_of(&text, text.len()));
        return Err(Problem { wrong: file_problem::Wrong::NoLineEnd, field: None, line });
    }
    Ok((text, encoding))
}

fn csv(wrong: Wrong, line: u64) -> Problem {
    Problem { wrong: file_problem::Wrong::Csv(Box::new(wrong)), field: None, line: Some(line) }
}

/// The rows of one order.
struct Group<'t> {
    key: Option<String>,
    rows: Vec<&'t Row>,
}

/// Rows with one number are one order, wherever they stand, in the order in which the numbers come. Beside them the
/// orders that the settings say are not to be sent.
fn orders(table: &Table, plan: &Plan<'_>) -> (Vec<Part>, Vec<LeftOut>) {
    let (groups, of_row) = groups(table, plan);
    let stray = stray_neighbours(table, plan, &groups, &of_row);
    let mut left_out = Vec::new();
    let mut parts = Vec::with_capacity(groups.len());
    for (at, Group { key, rows }) in groups.into_iter().enumerate() {
        if let Some((column, found)) = skipped_for(&rows, plan) {
            left_out.push(LeftOut { position: at + 1, key, column, found });
            continue;
        }
        let (mut result, mut repeats) = (document(key.as_deref(), &rows, plan), None);
        if let (Ok(read), Some(key), true) = (&result, &key, stray.contains(&at))
            && !read.is_proven
        {
            result = Err(vec![csv(Wrong::BesideStrayRow { key: key.clone() }, rows[0].line)]);
        }
        let result = result.and_then(|read| match read.for_a_person {
            problems if problems.is_empty() => Ok(read.document),
            problems => {
                repeats = Some(read.document);
                Err(problems)
            }
        });
        let pieces = rows.iter().map(|row| Piece { range: row.range.clone(), line: row.line }).collect();
        parts.push(Part { position: at + 1, key, result, repeats, pieces });
    }
    (parts, left_out)
}

/// What stands in an order's rows, and in which column, where it is not to be sent for it.
fn skipped_for(rows: &[&Row], plan: &Plan<'_>) -> Option<(String, String)> {
    plan.skip.iter().find_map(|condition| {
        let found = rows.iter().filter(|row| !plan.is_broken(row)).find_map(|row| condition.met(row))?;
        Some((condition.column.to_owned(), found.to_owned()))
    })
}

/// The orders, and of which one each row is.
fn groups<'t>(table: &'t Table, plan: &Plan<'_>) -> (Vec<Group<'t>>, Vec<usize>) {
    let mut groups: Vec<Group<'t>> = Vec::new();
    let mut by_key: HashMap<String, usize> = HashMap::new();
    let mut of_row = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let key = plan.key.text(row);
        let known = match &key {
            Some(key) => by_key.get(key.as_ref()).copied(),
            None if plan.mapping.first_row => of_row.last().copied(),
            None => None,
        };
        let group = known.unwrap_or_else(|| {
            let key = key.map(|key| key.into_owned());
            if let Some(key) = &key {
                by_key.insert(key.clone(), groups.len());
            }
            groups.push(Group { key, rows: Vec::new() });
            groups.len() - 1
        });
        groups[group].rows.push(row);
        of_row.push(group);
    }
    (groups, of_row)
}

/// Orders that stand beside a row that may be one of theirs.
fn stray_neighbours(
    table: &Table,
    plan: &Plan<'_>,
    groups: &[Group<'_>],
    of_row: &[usize],
) -> HashSet<usize> {
    let is_readable: Vec<bool> =
        groups.iter().map(|group| group.rows.iter().any(|row| !plan.is_broken(row))).collect();
    let mut beside = HashSet::new();
    for (at, row) in table.rows.iter().enumerate() {
        let group = of_row[at];
        let has_no_order = groups[group].key.is_none();
        if has_no_order || !is_readable[group] {
            beside.extend(at.checked_sub(1).map(|above| of_row[above]));
        }
        // It may be the first row of the order below as well as the last of the one above.
        if plan.is_broken(row) && !is_readable[group] {
            beside.extend(of_row.get(at + 1));
        }
    }
    beside
}

/// An order as it was read.
struct Read {
    document: Document,
    /// The file's total proves that it is whole.
    is_proven: bool,
    /// Why it is left to a person.
    for_a_person: Vec<Problem>,
}

/// The document of one order.
fn document(key: Option<&str>, rows: &[&Row], plan: &Plan<'_>) -> Result<Read, Vec<Problem>> {
    let broken = |row: &&&Row| plan.is_broken(row);
    let mut problems: Vec<Problem> = rows
        .iter()
        .filter(broken)
        .map(|row| {
            let (expected, found) = (plan.width, row.len(plan.width));
            let wrong = match row.has_stray_quote {
                true => Wrong::StrayQuote,
                false => Wrong::CellCount { expected, found },
            };
            csv(wrong, row.line)
        })
        .collect();
    if key.is_none() {
        let (column, field) = (plan.key.column(), fields::KEY);
        let empty = csv(Wrong::Empty { column, field }, rows[0].line);
        problems.push(Problem { field: Some(field.into()), ..empty });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let made = Order::new(plan, rows).make()?;
    let mut document = json::of_value(made.value).map_err(|problems| {
        let with_line = |problem: Problem| {
            let row = problem.field.as_deref().and_then(row_of).and_then(|row| made.lines.get(row));
            Problem { line: Some(row.copied().unwrap_or(rows[0].line)), ..problem }
        };
        problems.into_iter().map(with_line).collect::<Vec<_>>()
    })?;
    document.warnings.extend(made.warnings);
    Ok(Read { document, is_proven: made.is_proven, for_a_person: made.for_a_person })
}

/// The row that a path leads into.
fn row_of(path: &str) -> Option<usize> {
    path.strip_prefix("orderRows[")?.split_once(']')?.0.parse().ok()
}

/// How a file was read, for a person who looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// How its text is written.
    pub encoding: Encoding,
    /// What stands between its cells.
    pub delimiter: u8,
    /// Its columns, each with what it fills; nothing, where the mapping does not read it.
    pub columns: Vec<(String, Vec<String>)>,
}

/// How a file is read with a mapping; `None` where it is no text.
pub fn reading(bytes: &[u8], mapping: &Mapping) -> Option<Reading> {
    let (text, encoding) = text::decode(bytes, mapping.encoding).ok()?;
    let table = text::table(&text, mapping.delimiter)?;
    let fills = |column: &String| {
        let lower = column.to_lowercase();
        let of = mapping.columns.iter();
        let of = of.filter(|(_, names)| names.iter().any(|name| name.to_lowercase() == lower));
        let tables =
            [("skip", &mapping.skip), ("reject", &mapping.reject), ("skip_rows", &mapping.skip_rows)];
        let tables =
            tables.into_iter().filter(|(_, table)| table.keys().any(|name| name.to_lowercase() == lower));
        (
            column.clone(),
            of.map(|(path, _)| path.clone()).chain(tables.map(|(name, _)| name.into())).collect(),
        )
    };
    Some(Reading { encoding, delimiter: table.delimiter, columns: table.columns.iter().map(fills).collect() })
}

/// A number of JSON, digit for digit.
fn json_number(number: Decimal) -> Value {
    match i64::try_from(number) {
        Ok(whole) if number.is_integer() => whole.into(),
        _ => serde_json::from_str(&number.normalize().to_string()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
