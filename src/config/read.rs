//! What is written: the settings as a tree in which every key and value knows its place, read
//! section by section.
//!
//! The reading never stops. What cannot be used is noted as a [`Problem`] and the default stands in
//! for it, so that one pass finds everything that is wrong. What nobody asked for is an unknown key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problems::{Expected, Language, Problem, Warning, names_a_secret, syntax_sentence};
use super::section::Section;
use crate::formats::near_miss::near_miss;

/// A written value is shown no longer than this many characters.
const SHOWN: usize = 60;

/// `extend-edge.toml` as written, and what has been found wrong with it so far.
pub(super) struct RawConfig<'t> {
    pub(super) text: &'t str,
    tables: DeTable<'t>,
    pub(super) syntax: Vec<SyntaxError>,
    /// Every key that was asked for, with its section: what an unknown one is compared with.
    pub(super) known: Vec<(&'static str, &'static str)>,
    unknown: Vec<Unknown>,
    renamed: &'static [Renamed],
    pub language: Language,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Warning>,
}

/// A key that had another name in an earlier version: it still works, with a warning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renamed {
    pub section: &'static str,
    pub before: &'static str,
    pub now: &'static str,
}

/// What nobody asked for.
struct Unknown {
    /// Empty above the first section.
    section: String,
    /// `None` where the section itself is unknown.
    key: Option<String>,
    /// Where its name is.
    at: usize,
    /// Where its key or its header in brackets begins.
    start: usize,
}

pub(super) struct SyntaxError {
    pub at: usize,
    pub says: String,
    /// Told already, as a problem of the key whose value it is in.
    pub told: bool,
}

impl<'t> RawConfig<'t> {
    /// Parses all of `text`, however broken.
    pub fn parse(text: &'t str, renamed: &'static [Renamed]) -> Self {
        let (tables, errors) = DeTable::parse_recoverable(text);
        let tables = tables.into_inner();
        let language = tables.get("exchange").and_then(|section| section.get_ref().get("language"));
        let language = match language.and_then(|language| language.get_ref().as_str()) {
            Some("sv") => Language::Swedish,
            _ => Language::English,
        };
        let syntax = errors
            .iter()
            .map(|error| SyntaxError {
                at: error.span().map_or(0, |span| span.start),
                says: error.message().to_owned(),
                told: false,
            })
            .collect();
        RawConfig {
            text,
            tables,
            syntax,
            known: Vec::new(),
            unknown: Vec::new(),
            renamed,
            language,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads one section with `read`. What `read` does not ask for is unknown.
    pub fn section<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Section<'_, 't>) -> T) -> T {
        let (line, table) = match self.tables.remove_entry(name) {
            None => (None, DeTable::new()),
            Some((_, value)) => {
                let span = value.span();
                let line = Some(self.line(span.start));
                match value.into_inner() {
                    DeValue::Table(table) => (line, table),
                    _ => {
                        let message = Expected::Section.sentence(self.language) + &format!(": [{name}]");
                        self.problems.push(Problem { line, key: name.to_owned(), written: None, message });
                        (line, DeTable::new())
                    }
                }
            }
        };
        let table = self.with_names_of_today(name, table);
        let mut section = Section::new(self, name, line, table);
        let read = read(&mut section);
        for (key, _) in section.into_left() {
            let (at, key) = (key.span().start, Some(key.get_ref().to_string()));
            self.unknown.push(Unknown { section: name.to_owned(), key, at, start: at });
        }
        read
    }

    /// Keys of a section under the names that they have now. One that is there under both is unknown under the
    /// earlier.
    fn with_names_of_today(&mut self, section: &str, mut table: DeTable<'t>) -> DeTable<'t> {
        for Renamed { before, now, .. } in self.renamed.iter().filter(|one| one.section == section) {
            if table.contains_key(*now) {
                continue;
            }
            let Some((key, value)) = table.remove_entry(*before) else { continue };
            let span = key.span();
            let message = self.language.pick(
                format!("is called {now} now; the earlier name still works"),
                format!("heter {now} nu; det tidigare namnet fungerar fortfarande"),
            );
            let (line, key) = (Some(self.line(span.start)), format!("{section}.{before}"));
            self.warnings.push(Warning { line, key, written: None, message });
            table.insert(Spanned::new(span, (*now).into()), value);
        }
        table
    }

    /// Takes a section out, whose keys are no fixed ones, and where it is written.
    pub fn take(&mut self, name: &'static str) -> Option<(usize, DeValue<'t>)> {
        self.known.push((name, ""));
        let (key, value) = self.tables.remove_entry(name)?;
        Some((key.span().start, value.into_inner()))
    }

    /// Everything that is wrong, in the order of the lines, and what deserves to be known.
    pub fn finish(mut self) -> (Vec<Problem>, Vec<Warning>) {
        for (key, value) in std::mem::take(&mut self.tables) {
            let (name, at) = (key.get_ref().to_string(), key.span().start);
            let (section, key) =
                if value.get_ref().is_table() { (name, None) } else { (String::new(), Some(name)) };
            let start = if key.is_none() { value.span().start } else { at };
            self.unknown.push(Unknown { section, key, at, start });
        }
        self.note_syntax_errors();
        self.note_unknown();
        self.problems.sort_by_key(|problem| problem.line.unwrap_or(0));
        self.warnings.sort_by_key(|warning| warning.line.unwrap_or(0));
        (self.problems, self.warnings)
    }

    fn note_syntax_errors(&mut self) {
        let mut lines = Vec::new();
        let mut syntax = std::mem::take(&mut self.syntax);
        syntax.sort_by_key(|error| error.at);
        for error in syntax.iter().filter(|error| !error.told) {
            let line = self.line(error.at);
            if lines.contains(&line) {
                continue;
            }
            lines.push(line);
            let written = self.line_text(line).trim();
            let message = syntax_sentence(&error.says, written, self.language);
            let written = self.may_be_shown(written).then(|| shorten(written));
            self.problems.push(Problem { line: Some(line), key: String::new(), written, message });
        }
    }

    /// A broken line is shown only where it plainly begins with a section or a key and no word in it
    /// names a secret, and never in a file with texts of several lines: a password may be in any
    /// other.
    fn may_be_shown(&self, line: &str) -> bool {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let begins_well = line.starts_with('[')
            || words.clone().next().is_some_and(|word| self.known.iter().any(|known| known.1 == word));
        let multi_line = self.text.contains("\"\"\"") || self.text.contains("'''");
        begins_well && !multi_line && !line.contains('@') && !words.any(names_a_secret)
    }

    fn note_unknown(&mut self) {
        for Unknown { section, key, at, start } in std::mem::take(&mut self.unknown) {
            // A header without its ] or a line without its key has been told, and names nothing.
            let nameless = key.as_deref().is_none_or(str::is_empty);
            if nameless && self.syntax_on(self.line(start)) {
                continue;
            }
            let language = self.language;
            let (what, meant) = match &key {
                None => {
                    let meant = near_miss(&section, self.known.iter().map(|known| known.0));
                    let what = language.pick("there is no such section", "det finns inget sådant avsnitt");
                    (what, meant.map(|meant| format!("[{meant}]")))
                }
                Some(key) if section.is_empty() => {
                    let what = language.pick(
                        "this key stands above the first [section]",
                        "nyckeln står ovanför det första [avsnittet]",
                    );
                    (what, self.meant(&section, key))
                }
                Some(key) => {
                    let what = language.pick("there is no such key", "det finns ingen sådan nyckel");
                    (what, self.meant(&section, key))
                }
            };
            let meant = meant.map(|meant| {
                language.pick(format!("; did you mean {meant}?"), format!("; menades {meant}?"))
            });
            let (key, before) = match key {
                None => (section, String::new()),
                // A key above every section has no section to be shown with.
                Some(key) if section.is_empty() => (String::new(), format!("{key}: ")),
                Some(key) => (format!("{section}.{key}"), String::new()),
            };
            let message = before + what + &meant.unwrap_or_default();
            self.problems.push(Problem { line: Some(self.line(at)), key, written: None, message });
        }
    }

    /// The key that was probably meant by an unknown one: in its own section, or where it belongs.
    fn meant(&self, section: &str, key: &str) -> Option<String> {
        let here = self.known.iter().filter(|known| known.0 == section).map(|known| known.1);
        if let Some(meant) = near_miss(key, here) {
            return Some(meant.to_owned());
        }
        let meant = near_miss(key, self.known.iter().map(|known| known.1))?;
        let (section, meant) = self.known.iter().find(|known| known.1 == meant)?;
        Some(format!("{meant} under [{section}]"))
    }

    fn syntax_on(&self, line: usize) -> bool {
        self.problems.iter().any(|problem| problem.line == Some(line) && problem.key.is_empty())
    }

    /// The line of a place in the text, from 1.
    pub fn line(&self, at: usize) -> usize {
        // A span at the very end of a text that ends with a line end belongs to the last line.
        let at = at.min(self.text.trim_end().len());
        self.text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn line_text(&self, line: usize) -> &'t str {
        self.text.lines().nth(line - 1).unwrap_or("")
    }

    /// Whether a line that could not be read looks as if it gave this key.
    pub fn lost(&self, key: &str) -> bool {
        !self.syntax.is_empty()
            && self.text.lines().any(|line| {
                line.trim_start()
                    .strip_prefix(key)
                    .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            })
    }
}

/// What is written, cut to a length that can be shown.
pub(super) fn shorten(written: &str) -> String {
    let first = written.lines().next().unwrap_or("");
    let mut shown: String = first.chars().take(SHOWN).collect();
    if shown.len() < written.len() {
        shown.push('…');
    }
    shown
}
