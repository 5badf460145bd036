//! Orders as CSV: a mapping of the settings says which column makes which field.
//!
//! [`text`] takes bytes apart into rows, [`cell`] reads what a cell holds, `order` makes one document of the
//! rows with one number, [`mapping`] is what the settings say and [`presets`] are mappings for what well-known
//! webshops export. Money is decimal throughout.

use std::collections::HashMap;

pub mod cell;
pub mod fields;
pub mod mapping;
mod order;
pub mod presets;
pub mod problem;
pub mod text;

use mapping::Mapping;
use order::Order;
use problem::Wrong;
use text::{Row, Table};

use super::contents::{Contents, Part, Piece, Shape};
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

/// The columns of a file that a mapping reads.
pub(super) struct Columns {
    places: HashMap<String, Vec<usize>>,
}

impl Columns {
    fn find(table: &Table, mapping: &Mapping) -> Result<Columns, Vec<Problem>> {
        let (mut places, mut problems) = (HashMap::new(), Vec::new());
        for (target, names) in &mapping.columns {
            let mut of_target = Vec::new();
            for name in names {
                let same: Vec<usize> = (0..table.columns.len())
                    .filter(|at| table.columns[*at].to_lowercase() == name.to_lowercase())
                    .collect();
                let exact = same.iter().copied().filter(|at| table.columns[*at] == *name).collect();
                let same = if same.len() > 1 { exact } else { same };
                match same[..] {
                    [one] => of_target.push(one),
                    [] if mapping.optional.contains(name) => {}
                    [] => problems
                        .push(Wrong::MissingColumn { column: name.clone(), mapping: mapping.name.clone() }),
                    _ => problems.push(Wrong::ColumnTwice { column: name.clone() }),
                }
            }
            if !of_target.is_empty() {
                places.insert(target.clone(), of_target);
            }
        }
        if problems.is_empty() {
            return Ok(Columns { places });
        }
        let of_header =
            |wrong| Problem { wrong: file_problem::Wrong::Csv(Box::new(wrong)), field: None, line: Some(1) };
        Err(problems.into_iter().map(of_header).collect())
    }

    /// What a row says of a field; `None` where that is nothing.
    fn text(&self, row: &Row, target: &str) -> Option<String> {
        let cells = self.places.get(target)?.iter().filter_map(|place| row.cells.get(*place));
        let cells: Vec<&str> = cells.map(|cell| as_meant(cell)).filter(|cell| !cell.is_empty()).collect();
        (!cells.is_empty()).then(|| cells.join(" "))
    }

    /// Whether a row holds a row of the order, and not only more about the order.
    fn has_order_row(&self, row: &Row) -> bool {
        let mut of_rows = self.places.keys().filter(|target| {
            (target.starts_with("orderRows.") && *target != fields::CURRENCY) || *target == "row_total"
        });
        of_rows.any(|target| self.text(row, target).is_some())
    }
}

/// A quote before a number keeps spreadsheets from dropping its zeros, and means nothing.
fn as_meant(cell: &str) -> &str {
    let rest = cell.strip_prefix('\'').unwrap_or(cell);
    if rest.starts_with(|letter: char| letter.is_ascii_digit() || letter == '+') { rest } else { cell }
}

/// Whether a file is all there: its last line has an end.
pub fn completeness(bytes: &[u8], mapping: &Mapping) -> Completeness {
    let ended = |text: &str| text.ends_with('\n');
    match text::decode(bytes, mapping.encoding) {
        Err(NotText::Invalid { .. }) => Completeness::Broken,
        Ok((text, _)) if ended(&text) && !text.contains('\0') => Completeness::LineEnded,
        _ => Completeness::CutOff,
    }
}

/// The orders of a file.
///
/// # Errors
/// At least one problem of the file as a whole.
pub fn parse(bytes: &[u8], mapping: &Mapping) -> Result<Contents, Vec<Problem>> {
    let whole = |wrong, line| vec![Problem { wrong, field: None, line }];
    if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return Err(whole(file_problem::Wrong::Empty, None));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(whole(file_problem::Wrong::Archive, None));
    }
    let (text, encoding) = text::decode(bytes, mapping.encoding).map_err(|wrong| match wrong {
        NotText::CutOff => whole(file_problem::Wrong::CutOff, None),
        NotText::Invalid { line } => whole(file_problem::Wrong::NotText, Some(line)),
    })?;
    if text.contains('\0') {
        return Err(whole(file_problem::Wrong::CutOff, None));
    }
    if !text.ends_with('\n') {
        let line = 1 + text.matches('\n').count() as u64;
        return Err(whole(file_problem::Wrong::NoLineEnd, Some(line)));
    }
    let Some(table) = text::table(&text, mapping.delimiter) else {
        return Err(whole(file_problem::Wrong::Empty, None));
    };
    let columns = Columns::find(&table, mapping)?;
    if table.rows.is_empty() {
        return Err(whole(file_problem::Wrong::Csv(Box::new(Wrong::NoRows)), Some(1)));
    }
    let head = Piece { range: table.head.clone(), line: 1 };
    let parts = orders(&table, &columns, mapping);
    Ok(Contents { shape: Shape::Rows { head, encoding }, parts })
}

/// Rows with one number are one order, wherever they stand, in the order in which the numbers come.
fn orders(table: &Table, columns: &Columns, mapping: &Mapping) -> Vec<Part> {
    let mut groups: Vec<(Option<String>, Vec<&Row>)> = Vec::new();
    let mut by_key: HashMap<String, usize> = HashMap::new();
    let mut above = None;
    for row in &table.rows {
        let group = match columns.text(row, fields::KEY) {
            Some(key) => Some(*by_key.entry(key.clone()).or_insert_with(|| {
                groups.push((Some(key), Vec::new()));
                groups.len() - 1
            })),
            None if mapping.first_row => above,
            None => None,
        };
        let group = group.unwrap_or_else(|| {
            groups.push((None, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(row);
        above = Some(group);
    }
    let of_group = |(at, (key, rows)): (usize, (Option<String>, Vec<&Row>))| {
        let result = document(key.as_deref(), &rows, table, columns, mapping);
        let pieces = rows.iter().map(|row| Piece { range: row.range.clone(), line: row.line }).collect();
        Part { position: at + 1, key, result, pieces }
    };
    groups.into_iter().enumerate().map(of_group).collect()
}

fn document(
    key: Option<&str>,
    rows: &[&Row],
    table: &Table,
    columns: &Columns,
    mapping: &Mapping,
) -> Result<super::document::Document, Vec<Problem>> {
    let expected = table.columns.len();
    let csv = |wrong, line| Problem {
        wrong: file_problem::Wrong::Csv(Box::new(wrong)),
        field: None,
        line: Some(line),
    };
    let mut problems: Vec<Problem> = rows
        .iter()
        // Empty cells at the end are what a spreadsheet leaves.
        .filter(|row| row.cells.len() < expected || row.cells[expected..].iter().any(|cell| !cell.is_empty()))
        .map(|row| csv(Wrong::CellCount { expected, found: row.cells.len() }, row.line))
        .collect();
    if key.is_none() {
        let (column, field) = (mapping.column_of(fields::KEY), fields::KEY.to_owned());
        problems.push(csv(Wrong::Empty { column, field }, rows[0].line));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (value, lines) = Order::new(mapping, columns, rows).document()?;
    json::document(&value.to_string(), 1).map_err(|problems| {
        let with_line = |problem: Problem| {
            let row = problem.field.as_deref().and_then(row_of).and_then(|row| lines.get(row));
            Problem { line: Some(row.copied().unwrap_or(rows[0].line)), ..problem }
        };
        problems.into_iter().map(with_line).collect()
    })
}

/// The row that a path leads into.
fn row_of(path: &str) -> Option<usize> {
    path.strip_prefix("orderRows[")?.split_once(']')?.0.parse().ok()
}

/// Whether a constant or default of the settings reads as what its field holds.
pub fn reads_as(target: &str, text: &str, dates: &[String]) -> bool {
    order::reads_as(target, text, dates)
}

#[cfg(test)]
mod tests;
