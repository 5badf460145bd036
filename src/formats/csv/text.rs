//! Bytes to rows: encoding, delimiter, header line.

use std::borrow::Cow;
use std::ops::Range;

use super::mapping::{Encoding, Mapping};
use crate::formats::text::{self, NotText};

/// The text of a file and how its bytes were read. A byte-order mark is no part of it.
///
/// # Errors
/// See [`NotText`].
pub fn decode(bytes: &[u8], given: Option<Encoding>) -> Result<(Cow<'_, str>, Encoding), NotText> {
    let marked = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    match given {
        _ if marked => Ok((text::decode(bytes)?, Encoding::Utf16)),
        _ if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) => Ok((text::decode(bytes)?, Encoding::Utf8)),
        Some(Encoding::Utf16) => {
            let mut with_mark = vec![0xFF, 0xFE];
            with_mark.extend_from_slice(bytes);
            let text = text::decode(&with_mark)?.into_owned();
            Ok((Cow::Owned(text), Encoding::Utf16))
        }
        Some(Encoding::Utf8) => Ok((text::decode(bytes)?, Encoding::Utf8)),
        Some(Encoding::Windows1252) => Ok((windows_1252(bytes), Encoding::Windows1252)),
        // Text in Windows-1252 with a letter beyond ASCII is hardly ever valid UTF-8.
        None => match text::decode(bytes) {
            Ok(text) => Ok((text, Encoding::Utf8)),
            Err(_) => Ok((windows_1252(bytes), Encoding::Windows1252)),
        },
    }
}

fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    // Every byte is a character: none is lost, and the same bytes come out again.
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0
}

/// A text as bytes, as [`decode`] read them.
pub fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
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
    /// Its cells, without space around them.
    pub cells: Vec<String>,
    /// Where it stands, without its line end.
    pub range: Range<usize>,
    /// The line on which it begins, from 1.
    pub line: u64,
}

/// The rows of a text. The first is the header line; `head` ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What stands before the first row, without its line end: the header line, and `sep=;` above it.
    pub head: Range<usize>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// What stands between two cells.
    pub delimiter: u8,
}

/// Takes a text apart. `None` where it has no header line.
pub fn table(text: &str, given: Option<u8>) -> Option<Table> {
    // Excel's own way to name the delimiter.
    let first = text.lines().next().unwrap_or_default();
    let named = first.strip_prefix("sep=").and_then(|rest| rest.bytes().next());
    let body = if named.is_some() { text.find('\n').map_or(text.len(), |end| end + 1) } else { 0 };
    let delimiter = given.or(named).unwrap_or_else(|| likely_delimiter(&text[body..]));
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(&text.as_bytes()[body..]);
    let mut record = ::csv::StringRecord::new();
    let mut rows = Vec::new();
    let (mut at, mut line) = (body, 1 + text[..body].matches('\n').count() as u64);
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
        line += written[..before].matches('\n').count() as u64;
        let cells: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(Row { cells, range, line });
        }
        line += written[before..].matches('\n').count() as u64;
    }
    let mut rows = rows.into_iter();
    let header = rows.next()?;
    Some(Table { head: 0..header.range.end, columns: header.cells, rows: rows.collect(), delimiter })
}

/// What stands most often between cells of the header line.
fn likely_delimiter(text: &str) -> u8 {
    let mut counts = [(b';', 0), (b',', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
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

/// The mapping for a file of this name: the first that fits.
pub fn mapping_for<'m>(mappings: &'m [Mapping], name: &str) -> Option<&'m Mapping> {
    mappings.iter().find(|mapping| mapping.is_for(name))
}
