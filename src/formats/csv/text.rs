//! Bytes to rows: encoding, delimiter, quotes, header line.

use std::borrow::Cow;
use std::ops::Range;

use super::mapping::Encoding;
use crate::formats::text::{self, NotText};

/// UTF-8's byte-order mark: what tells Excel that a file is UTF-8.
const MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// The text of a file and how its bytes were read. A byte-order mark is no part of it.
///
/// # Errors
/// See [`NotText`].
pub fn decode(bytes: &[u8], given: Option<Encoding>) -> Result<(Cow<'_, str>, Encoding), NotText> {
    let marked = |mark: [u8; 2]| {
        let text = text::decode(&[&mark, bytes].concat())?.into_owned();
        Ok((Cow::Owned(text), Encoding::Utf16))
    };
    match (given, bytes) {
        (_, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) => Ok((text::decode(bytes)?, Encoding::Utf16)),
        (_, _) if bytes.starts_with(MARK) => Ok((text::decode(bytes)?, Encoding::Utf8)),
        (Some(Encoding::Utf8), _) => Ok((text::decode(bytes)?, Encoding::Utf8)),
        (Some(Encoding::Windows1252), _) => Ok((windows_1252(bytes), Encoding::Windows1252)),
        // A header line begins with letters that are below 256.
        (None | Some(Encoding::Utf16), [0, 1..=255, 0, 1..=255, ..]) => marked([0xFE, 0xFF]),
        (None, [1..=255, 0, 1..=255, 0, ..]) | (Some(Encoding::Utf16), _) => marked([0xFF, 0xFE]),
        // Text in Windows-1252 with a letter beyond ASCII is hardly ever valid UTF-8.
        (None, _) => match text::decode(bytes) {
            Ok(text) => Ok((text, Encoding::Utf8)),
            Err(_) => Ok((windows_1252(bytes), Encoding::Windows1252)),
        },
    }
}

fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    // Every byte is a character: none is lost, and the same bytes come out again.
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0
}

/// A text as bytes, as [`decode`] read it out of `original`.
pub fn encode(text: &str, encoding: Encoding, original: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 if original.starts_with(MARK) => [MARK, text.as_bytes()].concat(),
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16 => {
            let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
            units.flat_map(u16::to_le_bytes).collect()
        }
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
    }
}

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    cells: ::csv::StringRecord,
    /// Where it stands, without its line end.
    pub range: Range<usize>,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// A quote ends in the middle of a cell: where cells and rows end is anybody's guess.
    pub has_stray_quote: bool,
}

impl Row {
    /// A cell without space around it; empty where the row has no such cell.
    pub fn cell(&self, at: usize) -> &str {
        self.cells.get(at).unwrap_or_default().trim()
    }

    /// How many cells it has, but for empty ones at its end beyond `expected`: those a spreadsheet leaves.
    pub fn len(&self, expected: usize) -> usize {
        let mut len = self.cells.len();
        while len > expected && self.cell(len - 1).is_empty() {
            len -= 1;
        }
        len
    }
}

/// The rows of a text. The first is the header line; `head` ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What stands before the first row, without its line end: the header line, and `sep=;` above it.
    pub head: Range<usize>,
    /// The line of the header line, from 1.
    pub head_line: u64,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// What stands between two cells.
    pub delimiter: u8,
}

/// Takes a text apart. `None` where it has no header line.
pub fn table(text: &str, given: Option<u8>) -> Option<Table> {
    let (body, delimiter) = body(text, given);
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(&text.as_bytes()[body..]);
    let mut record = ::csv::StringRecord::new();
    let mut rows = Vec::new();
    let (mut at, mut line, mut counted) = (body, 1, 0);
    loop {
        let start = at;
        // The text is UTF-8 and in memory: nothing can fail.
        if !reader.read_record(&mut record).unwrap_or(false) {
            break;
        }
        at = body + reader.position().byte() as usize;
        let written = &text[start..at];
        // A line end of two characters, or an empty line, is read with the row after it.
        let before = written.len() - written.trim_start_matches(['\r', '\n']).len();
        let range = start + before..start + written.trim_end_matches(['\r', '\n']).len().max(before);
        line += line_ends(&text[counted..range.start]);
        counted = range.start;
        if record.iter().any(|cell| !cell.trim().is_empty()) {
            let written = &text[range.clone()];
            let has_stray_quote = written.contains('"') && Quotes::of(written, delimiter).stray.is_some();
            rows.push(Row { cells: record.clone(), range, line, has_stray_quote });
        }
    }
    let mut rows = rows.into_iter();
    let header = rows.next()?;
    let columns = header.cells.iter().map(|cell| cell.trim().to_owned()).collect();
    Some(Table {
        head: 0..header.range.end,
        head_line: header.line,
        columns,
        rows: rows.collect(),
        delimiter,
    })
}

/// Where the header line begins, and what stands between cells.
fn body(text: &str, given: Option<u8>) -> (usize, u8) {
    // Excel's own way to name the delimiter.
    let first = text.split(['\r', '\n']).next().unwrap_or_default();
    let named = first.strip_prefix("sep=");
    let body = if named.is_some() { first.len() } else { 0 };
    let named = named.and_then(|rest| rest.bytes().next()).filter(|byte| b";,\t|".contains(byte));
    (body, given.or(named).unwrap_or_else(|| likely_delimiter(&text[body..])))
}

/// What ends the lines of a text: what ends its first.
pub fn line_end(text: &str) -> &'static str {
    match text.find(['\r', '\n']).map(|at| &text[at..]) {
        Some(rest) if rest.starts_with("\r\n") => "\r\n",
        Some(rest) if rest.starts_with('\r') => "\r",
        _ => "\n",
    }
}

/// How many lines end in a text, each in its own way. `\r\n` is never parted between two texts.
pub fn line_ends(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let feeds = bytes.iter().filter(|byte| **byte == b'\n').count();
    let returns = bytes.iter().filter(|byte| **byte == b'\r').count();
    let both = if returns > 0 { text.matches("\r\n").count() } else { 0 };
    (feeds + returns - both) as u64
}

/// The line (from 1) of a place in a text.
pub fn line_of(text: &str, at: usize) -> u64 {
    1 + line_ends(&text[..at])
}

/// What stands most often between cells of the header line.
fn likely_delimiter(text: &str) -> u8 {
    let mut counts = [(b';', 0), (b',', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => {
                if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b';', |(delimiter, _)| delimiter)
}

/// Where the quote begins that no other one ends: the text stops within a cell.
pub fn open_quote(text: &str, given: Option<u8>) -> Option<usize> {
    if !text.contains('"') {
        return None;
    }
    let (body, delimiter) = body(text, given);
    Quotes::of(&text[body..], delimiter).open.map(|at| body + at)
}

/// What is wrong with the quotes of a text, by the rules that the csv crate reads it with.
struct Quotes {
    /// Where one begins that nothing ends.
    open: Option<usize>,
    /// Where one ends and its cell does not.
    stray: Option<usize>,
}

impl Quotes {
    fn of(text: &str, delimiter: u8) -> Quotes {
        enum At {
            Start,
            Plain,
            Quoted(usize),
            Closed(usize),
            /// Space behind a closed one.
            Spaced,
        }
        let (mut state, mut stray) = (At::Start, None);
        for (at, byte) in text.bytes().enumerate() {
            state = match (state, byte) {
                (At::Start, b'"') => At::Quoted(at),
                (At::Quoted(from), b'"') => At::Closed(from),
                (At::Quoted(from), _) => At::Quoted(from),
                // Two of them are one that belongs to the cell.
                (At::Closed(from), b'"') => At::Quoted(from),
                (_, b'\n' | b'\r') => At::Start,
                (_, byte) if byte == delimiter => At::Start,
                (At::Closed(_) | At::Spaced, b' ') => At::Spaced,
                (At::Closed(_) | At::Spaced, _) => {
                    stray = stray.or(Some(at));
                    At::Plain
                }
                (At::Start | At::Plain, _) => At::Plain,
            };
        }
        let open = if let At::Quoted(from) = state { Some(from) } else { None };
        Quotes { open, stray }
    }
}
