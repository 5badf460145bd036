//! What a report found, for a person or a program: a table, CSV, JSON, or a page with a chart. Pure.

use super::export::{self, push_object};
use crate::rules::mirror::Cell;

pub mod chart;
pub mod columns;
mod html;
mod table;

pub use chart::escaped;
pub use html::{Words, html};
pub use table::table;

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The names of the columns, each once.
    pub columns: Vec<String>,
    /// A cell for each column.
    pub rows: Vec<Vec<Cell<'static>>>,
}

impl Report {
    /// The place of a column.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Whether a column holds numbers and nothing else.
    fn is_numeric(&self, place: usize) -> bool {
        let mut numbers = 0;
        self.rows.iter().all(|row| match row.get(place) {
            Some(Cell::Integer(_) | Cell::Real(_)) => {
                numbers += 1;
                true
            }
            Some(Cell::Null) | None => true,
            Some(Cell::Text(_)) => false,
        }) && numbers > 0
    }
}

/// RFC 4180 in UTF-8, with a header line.
pub fn csv(report: &Report, separator: u8) -> Vec<u8> {
    let columns: Vec<&str> = report.columns.iter().map(String::as_str).collect();
    // Writing into memory does not fail.
    export::csv(separator, &columns, &report.rows).unwrap_or_default()
}

/// An array of objects, one a line.
pub fn json(report: &Report) -> String {
    let mut out = String::from("[");
    for (place, row) in report.rows.iter().enumerate() {
        out.push_str(if place == 0 { "\n" } else { ",\n" });
        push_object(&mut out, report.columns.iter().map(String::as_str).zip(row));
    }
    out.push_str("\n]\n");
    out
}

/// A cell as a person reads it: a sum of tenths without the dust of binary numbers, a time without
/// milliseconds, nothing that moves the cursor.
fn words(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => rounded(*number),
        Cell::Text(text) => match moment(text) {
            Some(short) => short,
            None => text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect(),
        },
    }
}

/// A number as a person reads it.
pub fn rounded(number: f64) -> String {
    // Beyond this a float has no decimals left.
    if number.abs() >= 1e15 {
        return number.to_string();
    }
    let text = format!("{number:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// `2026-11-21T22:16:00.000Z` as `2026-11-21 22:16:00`.
fn moment(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_moment = bytes.len() == 24
        && bytes.is_ascii()
        && (bytes[4], bytes[10], bytes[13], bytes[19], bytes[23]) == (b'-', b'T', b':', b'.', b'Z');
    is_moment.then(|| format!("{} {}", &text[..10], &text[11..19]))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn report() -> Report {
        Report {
            columns: vec!["product_number".into(), "name".into(), "available".into(), "changed_at".into()],
            rows: vec![
                vec![
                    Cell::text("A;1"),
                    Cell::text("Say \"å\"\u{1b}[2J<b>"),
                    Cell::Real(0.1 + 0.2),
                    Cell::text("2026-11-21T22:16:00.000Z"),
                ],
                vec![Cell::text("B"), Cell::Null, Cell::Integer(1200), Cell::Null],
            ],
        }
    }

    #[test]
    fn csv_and_json_have_every_digit_and_every_letter() {
        let text = String::from_utf8(csv(&report(), b';')).unwrap();
        assert_eq!(
            text,
            "product_number;name;available;changed_at\r\n\"A;1\";\"Say \"\"å\"\"\u{1b}[2J<b>\";0.30000000000000004;2026-11-21T22:16:00.000Z\r\nB;;1200;\r\n"
        );
        let read: serde_json::Value = serde_json::from_str(&json(&report())).unwrap();
        assert_eq!(read[0]["name"], "Say \"å\"\u{1b}[2J<b>");
        assert_eq!(
            read[1],
            serde_json::json!({"product_number": "B", "name": null, "available": 1200, "changed_at": null})
        );
        let empty = Report { rows: Vec::new(), ..report() };
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&empty)).unwrap(), serde_json::json!([]));
    }

    #[test]
    fn people_read_rounded_numbers_and_short_times() {
        for (cell, expected) in [
            (Cell::Real(0.1 + 0.2), "0.3"),
            (Cell::Real(-0.000_000_1), "0"),
            (Cell::Real(1200.0), "1200"),
            (Cell::Real(1e300), &1e300.to_string()),
            (Cell::text("2026-11-21T22:16:00.000Z"), "2026-11-21 22:16:00"),
            (Cell::text("2026-11-21T22:16:00.000å"), "2026-11-21T22:16:00.000å"),
            (Cell::text("two\nlines"), "two lines"),
        ] {
            assert_eq!(words(&cell), expected);
        }
    }
}
