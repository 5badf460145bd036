//! What is put out in `outgoing/`: snapshots, changes and orders, from rows to JSON and CSV. Pure.
//!
//! The fields have the names of the tables' columns, in their order, also in the rows and shipments of an
//! order file. Money and quantities are the shortest decimal that is the stored number (`12.5`, `12`),
//! never in powers of ten; flags are 0 or 1; what is not there is `null` in JSON and empty in CSV.

use std::borrow::Cow;
use std::io::{self, Write};

use encoding_rs::WINDOWS_1252;

use crate::rules::mirror::Cell;

mod shape;

pub use shape::{Column, Shape};

/// In what a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One object; its rows stand on a line each.
    Json,
    /// RFC 4180, with a header line.
    Csv(Csv),
}

/// How CSV is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Csv {
    /// `;` or `,`.
    pub separator: u8,
    /// `.` or `,`.
    pub decimal: char,
    /// Windows-1252 in place of UTF-8; a letter that it does not have is a question mark.
    pub windows_1252: bool,
}

impl Csv {
    /// With a decimal point, in UTF-8.
    pub fn plain(separator: u8) -> Csv {
        Csv { separator, decimal: '.', windows_1252: false }
    }

    fn text<'t>(&self, text: &'t str) -> Cow<'t, [u8]> {
        if !self.windows_1252 || text.is_ascii() {
            return Cow::Borrowed(text.as_bytes());
        }
        let mut bytes = Vec::with_capacity(text.len());
        let mut letter = [0; 4];
        for one in text.chars() {
            let (encoded, _, has_none) = WINDOWS_1252.encode(one.encode_utf8(&mut letter));
            bytes.extend_from_slice(if has_none { b"?" } else { &encoded });
        }
        Cow::Owned(bytes)
    }

    fn number(&self, number: f64) -> String {
        let text = number.to_string();
        if self.decimal == ',' { text.replace('.', ",") } else { text }
    }
}

/// What stands above the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a> {
    /// The entity's name.
    pub entity: &'a str,
    /// In a set of changes its own number; in a snapshot that of the newest set which it contains.
    pub sequence: u64,
    /// When the entity was last fetched from Extend; `None` before the first time.
    pub as_of: Option<&'a str>,
}

/// Writes a snapshot row by row, so that it needs no memory for them all.
pub enum Snapshot<'c, W: Write> {
    #[doc(hidden)]
    Json { out: W, columns: &'c [&'c str], line: String, first: bool },
    #[doc(hidden)]
    Csv { out: Box<csv::Writer<W>>, csv: Csv },
}

impl<'c, W: Write> Snapshot<'c, W> {
    /// Begins a snapshot of rows with these columns.
    ///
    /// # Errors
    /// `out` can't be written to.
    pub fn begin(mut out: W, format: Format, head: &Head<'_>, columns: &'c [&'c str]) -> io::Result<Self> {
        match format {
            Format::Json => {
                let mut line = String::with_capacity(1024);
                push_head(&mut line, head);
                out.write_all(line.as_bytes())?;
                Ok(Snapshot::Json { out, columns, line, first: true })
            }
            Format::Csv(csv) => Ok(Snapshot::Csv { out: Box::new(begin_csv(out, csv, columns)?), csv }),
        }
    }

    /// Writes one row: a cell for each column.
    ///
    /// # Errors
    /// The file can't be written to.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        match self {
            Snapshot::Json { out, columns, line, first } => {
                line.clear();
                line.push_str(if *first { "\n" } else { ",\n" });
                *first = false;
                push_object(line, columns.iter().copied().zip(cells));
                out.write_all(line.as_bytes())
            }
            Snapshot::Csv { out, csv } => write_line(out, *csv, cells),
        }
    }

    /// Ends the file and flushes it.
    ///
    /// # Errors
    /// The file can't be written to.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Snapshot::Json { mut out, .. } => {
                out.write_all(b"\n]}\n")?;
                out.flush()
            }
            Snapshot::Csv { mut out, .. } => out.flush(),
        }
    }
}

fn begin_csv<W: Write>(out: W, csv: Csv, columns: &[&str]) -> io::Result<csv::Writer<W>> {
    let mut out =
        csv::WriterBuilder::new().delimiter(csv.separator).terminator(csv::Terminator::CRLF).from_writer(out);
    out.write_record(columns.iter().map(|name| csv.text(name))).map_err(io::Error::other)?;
    Ok(out)
}

fn write_line<W: Write>(out: &mut csv::Writer<W>, csv: Csv, cells: &[Cell<'_>]) -> io::Result<()> {
    for cell in cells {
        match cell {
            Cell::Null => out.write_field(""),
            Cell::Integer(number) => out.write_field(number.to_string()),
            Cell::Real(number) => out.write_field(csv.number(*number)),
            Cell::Text(text) => out.write_field(csv.text(text)),
        }
        .map_err(io::Error::other)?;
    }
    out.write_record(None::<&[u8]>).map_err(io::Error::other)
}

/// Rows as CSV: RFC 4180 in UTF-8, with a header line.
pub(super) fn csv(separator: u8, columns: &[&str], rows: &[Vec<Cell<'_>>]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let plain = Csv::plain(separator);
    let mut out = begin_csv(&mut text, plain, columns)?;
    for row in rows {
        write_line(&mut out, plain, row)?;
    }
    out.flush()?;
    drop(out);
    Ok(text)
}

/// A set of changes. `removed` holds the keys of the rows that are gone: text where the key is one
/// column, else an array.
pub fn changes(
    head: &Head<'_>,
    columns: &[&str],
    rows: &[Vec<Cell<'_>>],
    removed: &[Vec<Cell<'_>>],
) -> String {
    let mut out = String::new();
    push_head(&mut out, head);
    push_objects(&mut out, columns, rows);
    out.push_str("],\"removed\":[");
    for (place, key) in removed.iter().enumerate() {
        out.push_str(if place == 0 { "\n" } else { ",\n" });
        match key.as_slice() {
            [one] => push_cell(&mut out, one),
            key => out.push_str(&key_text(key)),
        }
    }
    out.push_str("]}\n");
    out
}

/// An order as Extend has it.
#[derive(Debug)]
pub struct OrderFile<'a> {
    /// What the file is called by: the external number, else Extend's.
    pub key: &'a str,
    /// `orderNumber`, `orderNumberExternal`, `status`, `changedAt`, with their values.
    pub head: Vec<(&'static str, Cell<'a>)>,
    /// The columns of the rows.
    pub row_columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<Cell<'a>>>,
    /// The columns of the shipments.
    pub shipment_columns: Vec<&'static str>,
    /// The shipments.
    pub shipments: Vec<Vec<Cell<'a>>>,
}

/// The file of an order. Its head is in camelCase as receipts are; rows and shipments have the column
/// names of their tables.
pub fn order(order: &OrderFile<'_>) -> String {
    let mut out = String::from("{\"key\":");
    push_text(&mut out, order.key);
    for (name, cell) in &order.head {
        out.push(',');
        push_text(&mut out, name);
        out.push(':');
        push_cell(&mut out, cell);
    }
    out.push_str(",\"rows\":[");
    push_objects(&mut out, &order.row_columns, &order.rows);
    out.push_str("],\"shipments\":[");
    push_objects(&mut out, &order.shipment_columns, &order.shipments);
    out.push_str("]}\n");
    out
}

/// A primary key as a JSON array.
pub fn key_text(key: &[Cell<'_>]) -> String {
    let mut out = String::from("[");
    for (place, part) in key.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        push_cell(&mut out, part);
    }
    out.push(']');
    out
}

fn push_head(out: &mut String, head: &Head<'_>) {
    out.push_str("{\"entity\":");
    push_text(out, head.entity);
    out.push_str(&format!(",\"sequence\":{},\"asOf\":", head.sequence));
    push_cell(out, &head.as_of.map_or(Cell::Null, Cell::text));
    out.push_str(",\"rows\":[");
}

fn push_objects(out: &mut String, columns: &[&str], rows: &[Vec<Cell<'_>>]) {
    for (place, cells) in rows.iter().enumerate() {
        out.push_str(if place == 0 { "\n" } else { ",\n" });
        push_object(out, columns.iter().copied().zip(cells));
    }
}

pub(super) fn push_object<'c, 'd: 'c>(
    out: &mut String,
    fields: impl Iterator<Item = (&'c str, &'c Cell<'d>)>,
) {
    out.push('{');
    for (place, (name, cell)) in fields.enumerate() {
        if place > 0 {
            out.push(',');
        }
        push_text(out, name);
        out.push(':');
        push_cell(out, cell);
    }
    out.push('}');
}

fn push_cell(out: &mut String, cell: &Cell<'_>) {
    match cell {
        Cell::Null => out.push_str("null"),
        Cell::Integer(number) => out.push_str(&number.to_string()),
        // Cells of the mirror are finite; a query may divide until it is not. JSON has no such number.
        Cell::Real(number) if !number.is_finite() => out.push_str("null"),
        Cell::Real(number) => out.push_str(&number.to_string()),
        Cell::Text(text) => push_text(out, text),
    }
}

/// Escapes as SQLite's `json_array` does, so that a key has one text wherever it was made.
fn push_text(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if u32::from(control) < 0x20 => {
                    out.push_str(&format!("\\u{:04x}", u32::from(control)));
                }
                letter => out.push(letter),
            }
        }
    } else {
        out.push_str(text);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [&str; 4] = ["product_number", "name", "cost", "enabled"];

    fn rows() -> Vec<Vec<Cell<'static>>> {
        vec![
            vec![Cell::text("A;1"), Cell::text("Say \"å\"\nnow"), Cell::Real(12.5), Cell::Integer(1)],
            vec![Cell::text("B"), Cell::Null, Cell::Real(12.0), Cell::Integer(0)],
        ]
    }

    fn snapshot(format: Format, rows: &[Vec<Cell<'_>>]) -> String {
        let mut out = Vec::new();
        let head = Head { entity: "products", sequence: 42, as_of: Some("2026-11-21T22:16:00.000Z") };
        let mut snapshot = Snapshot::begin(&mut out, format, &head, &COLUMNS).unwrap();
        for row in rows {
            snapshot.row(row).unwrap();
        }
        snapshot.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_snapshot_in_json() {
        assert_eq!(
            snapshot(Format::Json, &rows()),
            concat!(
                r#"{"entity":"products","sequence":42,"asOf":"2026-11-21T22:16:00.000Z","rows":["#,
                "\n",
                r#"{"product_number":"A;1","name":"Say \"å\"\nnow","cost":12.5,"enabled":1},"#,
                "\n",
                r#"{"product_number":"B","name":null,"cost":12,"enabled":0}"#,
                "\n]}\n"
            )
        );
        let none: serde_json::Value = serde_json::from_str(&snapshot(Format::Json, &[])).unwrap();
        assert_eq!(none["rows"], serde_json::json!([]));
    }

    #[test]
    fn a_snapshot_in_csv() {
        assert_eq!(
            snapshot(Format::Csv(Csv::plain(b';')), &rows()),
            "product_number;name;cost;enabled\r\n\"A;1\";\"Say \"\"å\"\"\nnow\";12.5;1\r\nB;;12;0\r\n"
        );
        assert_eq!(snapshot(Format::Csv(Csv::plain(b',')), &[]), "product_number,name,cost,enabled\r\n");
    }

    #[test]
    fn csv_is_written_as_old_programs_read_it() {
        let csv = Csv { separator: b';', decimal: ',', windows_1252: true };
        let cells = [Cell::text("Gräddfil – 5 €; 木"), Cell::Real(1234.5), Cell::Integer(1), Cell::Null];
        let mut out = Vec::new();
        let head = Head { entity: "products", sequence: 1, as_of: None };
        let mut snapshot =
            Snapshot::begin(&mut out, Format::Csv(csv), &head, &["namn", "värde", "på", "x"]).unwrap();
        snapshot.row(&cells).unwrap();
        snapshot.finish().unwrap();
        assert_eq!(out, b"namn;v\xE4rde;p\xE5;x\r\n\"Gr\xE4ddfil \x96 5 \x80; ?\";1234,5;1;\r\n");
    }

    #[test]
    fn changes_name_what_is_gone() {
        let head = Head { entity: "balances", sequence: 7, as_of: None };
        let removed = [vec![Cell::text("A"), Cell::text("W1")]];
        let body = changes(&head, &COLUMNS[..2], &[vec![Cell::text("B"), Cell::Null]], &removed);
        assert_eq!(
            body,
            concat!(
                r#"{"entity":"balances","sequence":7,"asOf":null,"rows":["#,
                "\n",
                r#"{"product_number":"B","name":null}],"removed":["#,
                "\n",
                r#"["A","W1"]]}"#,
                "\n"
            )
        );
        let body = changes(&head, &COLUMNS, &[], &[vec![Cell::text("A")]]);
        assert!(body.ends_with("\"rows\":[],\"removed\":[\n\"A\"]}\n"), "{body}");
    }

    proptest! {
        #[test]
        fn json_reads_back(text in ".*", number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            let key = key_text(&[Cell::text(&text), Cell::Real(number)]);
            let (read, digits): (String, f64) = serde_json::from_str(&key).unwrap();
            prop_assert_eq!(read, text);
            prop_assert_eq!(digits, number);
        }

        #[test]
        fn csv_reads_back(one in ".*", other in "(?s).*") {
            let cells = [Cell::text(&one), Cell::text(&other), Cell::Null, Cell::Null];
            let text = snapshot(Format::Csv(Csv::plain(b';')), &[cells.to_vec()]);
            let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(&record[0], one);
            prop_assert_eq!(&record[1], other);
        }
    }
}
