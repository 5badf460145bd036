//! Several documents in one JSON file: an array of them, or one a line.

use serde_json::Value;
use serde_json::value::RawValue;

use super::document;
use crate::formats::contents::{Part, Piece};
use crate::formats::document::text_at;
use crate::formats::problem::{Problem, Wrong};

/// The documents of an array.
///
/// # Errors
/// The array does not parse, or is empty: the file as a whole can't be read.
pub fn array(text: &str) -> Result<Vec<Part>, Vec<Problem>> {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) else {
        // Only reading the values tells what is wrong with them.
        return Err(document(text, 1).err().unwrap_or_default());
    };
    if items.is_empty() {
        return Err(vec![Problem::of_file(Wrong::EmptyList)]);
    }
    let mut places = Places { text, at: 0, line: 1 };
    Ok(items.iter().enumerate().map(|(at, item)| part(at + 1, places.of(item.get()))).collect())
}

/// The documents of JSON lines. Blank lines are none.
///
/// # Errors
/// The last line has no end.
pub fn lines(text: &str) -> Result<Vec<Part>, Vec<Problem>> {
    if !text.ends_with('\n') {
        let line = Some(1 + text.matches('\n').count() as u64);
        return Err(vec![Problem { wrong: Wrong::NoLineEnd, field: None, line }]);
    }
    let mut places = Places { text, at: 0, line: 1 };
    let documents = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
    Ok(documents.map(|(at, line)| part(at + 1, places.of(line.trim()))).collect())
}

fn part(position: usize, (text, piece): (&str, Piece)) -> Part {
    let result = document(text, piece.line);
    let key = match &result {
        Ok(document) => document.key.clone(),
        Err(_) => key_of_bad(text),
    };
    Part { position, key, result, repeats: None, pieces: vec![piece] }
}

/// What the shop calls a document that can't be taken, so that it finds it.
fn key_of_bad(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let paths: [&[&str]; 3] =
        [&["orderHeader", "orderNumberExternal"], &["header", "reference"], &["customerNumber"]];
    paths.into_iter().find_map(|path| text_at(&value, path)).map(|key| key.chars().take(100).collect())
}

/// Finds slices of a text in it, one after the other, with the lines on which they begin.
struct Places<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl<'a> Places<'a> {
    fn of(&mut self, slice: &'a str) -> (&'a str, Piece) {
        let start = slice.as_ptr() as usize - self.text.as_ptr() as usize;
        self.line +=
            self.text.as_bytes()[self.at..start].iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = start;
        (slice, Piece { range: start..start + slice.len(), line: self.line })
    }
}
