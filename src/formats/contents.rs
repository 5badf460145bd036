//! What is in a file of the inbox: one document or several, each taken or not for itself.
//!
//! Where only some of a file's documents are taken, the others become a file of the same format, which a
//! person mends and drops again ([`Contents::set_aside`]). They stand in it as they stood in the original.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Value, json};

use super::csv;
use super::csv::mapping::{Encoding, Mapping};
use super::document::Document;
use super::json::{self as json_file, Completeness};
use super::problem::{Problem, Wrong};
use super::text::{self, NotText};
use super::{ubl, xml};
use crate::language::Language;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format<'m> {
    /// One JSON document, or an array of them.
    Json,
    /// One JSON document a line.
    JsonLines,
    /// Orders as CSV.
    Csv(&'m Mapping),
    /// One UBL order.
    Ubl,
}

/// How documents stand in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// It is the one document.
    One,
    /// In a JSON array.
    Array,
    /// One a line.
    Lines,
    /// In rows below a header line.
    Rows {
        /// What stands above the rows.
        head: Piece,
        /// How the text is written.
        encoding: Encoding,
    },
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// How they stand there.
    pub shape: Shape,
    /// At least one, unless all were left out.
    pub parts: Vec<Part>,
    /// Orders that are not to be sent.
    pub left_out: Vec<LeftOut>,
}

/// An order of a CSV file that the settings say is not to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// In the file, from 1.
    pub position: usize,
    /// What the shop calls it.
    pub key: Option<String>,
    /// The column that says so.
    pub column: String,
    /// What stands there.
    pub found: String,
}

impl LeftOut {
    /// The sentence for people.
    pub fn message(&self, language: Language) -> String {
        let LeftOut { column, found, .. } = self;
        language.pick(
            format!("left out, as {column} is {found:?} (skip in the settings)"),
            format!("utelämnad, då {column} är {found:?} (skip i inställningarna)"),
        )
    }

    /// As it stands in the receipt.
    pub fn to_json(&self, language: Language) -> Value {
        json!({ "position": self.position, "key": self.key, "message": self.message(language) })
    }
}

/// One document of a file, or what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// In the file, from 1.
    pub position: usize,
    /// What the shop calls it, as far as that can be told.
    pub key: Option<String>,
    /// The document, or at least one problem.
    pub result: Result<Document, Vec<Problem>>,
    /// Of one that is left to a person as the settings say: the document that it is. Where that came before
    /// nobody need see to it again.
    pub repeats: Option<Document>,
    /// Where it stands.
    pub(super) pieces: Vec<Piece>,
}

/// A stretch of a file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Of the decoded text, in bytes.
    pub range: Range<usize>,
    /// The line on which it begins, from 1.
    pub line: u64,
}

/// Documents that were not taken, as a file of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The file.
    pub bytes: Vec<u8>,
    /// The problems, with their lines in this file.
    pub problems: Vec<PartProblem>,
}

/// A problem of one of several documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartProblem {
    /// The document's position in the original, from 1.
    pub position: usize,
    /// What the shop calls it.
    pub key: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl<'m> Format<'m> {
    /// The format of a file, by its name and the mappings of the settings.
    ///
    /// # Errors
    /// It is none that is taken.
    pub fn of(name: &str, mappings: &'m [Mapping]) -> Result<Format<'m>, Wrong> {
        // A mapping may be for files of any name.
        if let Some(mapping) = csv::mapping::mapping_for(mappings, name) {
            return Ok(Format::Csv(mapping));
        }
        let ending = match name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => ending.to_lowercase(),
            _ => String::new(),
        };
        match ending.as_str() {
            "jsonl" | "ndjson" => Ok(Format::JsonLines),
            "csv" => Err(Wrong::Csv(Box::new(csv::problem::Wrong::NoMapping))),
            "xml" => Ok(Format::Ubl),
            _ => Ok(Format::Json),
        }
    }

    /// Whether a file's bytes are all there.
    pub fn completeness(self, bytes: &[u8]) -> Completeness {
        match self {
            Format::Json => json_file::completeness(bytes),
            Format::JsonLines => completeness_of_lines(bytes),
            Format::Csv(mapping) => csv::completeness(bytes, mapping),
            Format::Ubl => xml::completeness(bytes),
        }
    }

    /// A file of lines that is known to be whole, with the line end that its last line lacks: what is read of it,
    /// not what it is. Other bytes as they are.
    pub fn ended(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        let is_of_lines = matches!(self, Format::JsonLines | Format::Csv(_));
        if is_of_lines && self.completeness(bytes) == Completeness::CutOff {
            // In whatever encoding it is.
            for end in [&b"\n"[..], b"\n\0", b"\0\n"] {
                let ended = [bytes, end].concat();
                if self.completeness(&ended) == Completeness::LineEnded {
                    return Cow::Owned(ended);
                }
            }
        }
        Cow::Borrowed(bytes)
    }

    /// What is in a file. Of a UBL order what can be told without settings and mirror: see [`ubl::Order`].
    ///
    /// # Errors
    /// At least one problem of the file as a whole. Those of a document stand with it.
    pub fn parse(self, bytes: &[u8]) -> Result<Contents, Vec<Problem>> {
        match self {
            Format::Csv(mapping) => return csv::parse(bytes, mapping),
            Format::Ubl => {
                return Ok(ubl::Order::read(bytes)?.contents(&Default::default(), &Default::default()));
            }
            Format::Json | Format::JsonLines => {}
        }
        let text = json_file::text(bytes)?;
        match self {
            Format::JsonLines => {
                Ok(Contents { shape: Shape::Lines, parts: json_file::lines(&text)?, left_out: Vec::new() })
            }
            Format::Json if text.trim_start().starts_with('[') => {
                Ok(Contents { shape: Shape::Array, parts: json_file::array(&text)?, left_out: Vec::new() })
            }
            Format::Json | Format::Csv(_) | Format::Ubl => {
                let result = json_file::document(&text, 1);
                let key = result.as_ref().ok().and_then(|document| document.key.clone());
                let pieces = vec![Piece { range: 0..text.len(), line: 1 }];
                let part = Part { position: 1, key, result, repeats: None, pieces };
                Ok(Contents { shape: Shape::One, parts: vec![part], left_out: Vec::new() })
            }
        }
    }
}

/// A writer that was stopped leaves no line end, or zeros behind the last one.
fn completeness_of_lines(bytes: &[u8]) -> Completeness {
    let written = text::without_zeros(bytes);
    match text::decode(written) {
        Err(NotText::Invalid { .. }) => Completeness::Broken,
        Ok(text) if written.len() == bytes.len() && text.ends_with('\n') => Completeness::LineEnded,
        Ok(_) | Err(NotText::CutOff) => Completeness::CutOff,
    }
}

impl Contents {
    /// Whether its documents stand for themselves.
    pub fn is_several(&self) -> bool {
        self.shape != Shape::One
    }

    /// The problems of the documents in `bad`, by their places in [`Contents::parts`], with their lines in
    /// this file.
    pub fn problems(&self, bad: &[(usize, Vec<Problem>)]) -> Vec<PartProblem> {
        let parts = bad.iter().flat_map(|(index, problems)| {
            let part = &self.parts[*index];
            problems.iter().map(|problem| part.problem(problem.clone()))
        });
        parts.collect()
    }

    /// The documents in `bad`, by their places in [`Contents::parts`], as a file of their own. `bytes` are
    /// those of the file.
    pub fn set_aside(&self, bytes: &[u8], bad: &[(usize, Vec<Problem>)]) -> SetAside {
        let (text, encoding) = match &self.shape {
            Shape::Rows { encoding, .. } => (
                csv::text::decode(bytes, Some(*encoding)).map(|(text, _)| text).unwrap_or_default(),
                *encoding,
            ),
            _ => (text::decode(bytes).unwrap_or_default(), Encoding::Utf8),
        };
        let line_ends = match self.shape {
            Shape::Rows { .. } => csv::text::line_ends,
            _ => |text: &str| text.matches('\n').count() as u64,
        };
        let mut file = Composed { text: &text, bytes: String::new(), line_ends, line: 1 };
        let line_end = csv::text::line_end(&text);
        let (opening, between, closing) = match &self.shape {
            Shape::Array => ("[\n", ",\n", "\n]\n"),
            Shape::Rows { head, .. } => {
                file.push_piece(head);
                (line_end, line_end, line_end)
            }
            Shape::One | Shape::Lines => ("", "\n", "\n"),
        };
        file.push(opening);
        // As they stand in the original: rows of CSV that belong together may stand apart.
        let of_part = |index: usize| self.parts[index].pieces.iter().map(move |piece| (index, piece));
        let mut pieces: Vec<(usize, &Piece)> = bad.iter().flat_map(|(index, _)| of_part(*index)).collect();
        pieces.sort_by_key(|(_, piece)| piece.range.start);
        let mut lines: HashMap<usize, Vec<(u64, u64)>> = HashMap::new();
        for (place, (index, piece)) in pieces.into_iter().enumerate() {
            if place > 0 {
                file.push(between);
            }
            lines.entry(index).or_default().push((piece.line, file.push_piece(piece)));
        }
        file.push(closing);
        let problems = bad.iter().flat_map(|(index, of_part)| {
            let lines = lines.get(index).map_or(&[][..], Vec::as_slice);
            let with_line = move |problem: &Problem| {
                let line = problem.line.map(|line| moved(line, lines));
                self.parts[*index].problem(Problem { line, ..problem.clone() })
            };
            of_part.iter().map(with_line)
        });
        let problems = problems.collect();
        SetAside { bytes: csv::text::encode(&file.bytes, encoding, bytes), problems }
    }
}

impl Part {
    fn problem(&self, problem: Problem) -> PartProblem {
        PartProblem { position: self.position, key: self.key.clone(), problem }
    }
}

/// A line of the original, in the file that some of its pieces were moved to: they began on the first of
/// each pair and begin on the second.
fn moved(line: u64, pieces: &[(u64, u64)]) -> u64 {
    let (before, after) = pieces.iter().rfind(|(before, _)| *before <= line).copied().unwrap_or((line, line));
    line - before + after
}

struct Composed<'a> {
    text: &'a str,
    bytes: String,
    /// How many lines end in a text.
    line_ends: fn(&str) -> u64,
    line: u64,
}

impl Composed<'_> {
    fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.line += (self.line_ends)(text);
    }

    /// Gives the line on which the piece begins now.
    fn push_piece(&mut self, piece: &Piece) -> u64 {
        let line = self.line;
        let text = self.text.get(piece.range.clone()).unwrap_or_default();
        self.push(text);
        line
    }
}

#[cfg(test)]
mod tests;
