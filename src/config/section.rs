//! One section of the settings: values taken out of it by name, kind, bounds and default.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problems::{Expected, Language, Problem, Unit, names_a_secret};
use super::read::{RawConfig, shorten};

/// One `[section]`, while it is read.
pub(super) struct Section<'r, 't> {
    raw: &'r mut RawConfig<'t>,
    name: &'static str,
    line: Option<usize>,
    table: DeTable<'t>,
    /// The values that were taken, each with its line and how it is written.
    places: Vec<(&'static str, usize, String)>,
}

impl<'r, 't> Section<'r, 't> {
    /// `line`: of its header; `None` where it is not written.
    pub fn new(
        raw: &'r mut RawConfig<'t>,
        name: &'static str,
        line: Option<usize>,
        table: DeTable<'t>,
    ) -> Self {
        Section { raw, name, line, table, places: Vec::new() }
    }

    /// What was not taken.
    pub fn into_left(self) -> DeTable<'t> {
        self.table
    }

    /// The language in which to say what is wrong.
    pub fn language(&self) -> Language {
        self.raw.language
    }

    /// Whether `key` is written in this section and could be read.
    pub fn is_written(&self, key: &str) -> bool {
        self.places.iter().any(|place| place.0 == key)
    }

    /// Notes that what is written at `key` is wrong.
    pub fn problem(&mut self, key: &str, message: String) {
        let problem = self.problem_at(key, message);
        self.raw.problems.push(problem);
    }

    /// Notes something about `key` that deserves to be known.
    pub fn warning(&mut self, key: &str, message: String) {
        let warning = self.problem_at(key, message);
        self.raw.warnings.push(warning);
    }

    /// Notes that a key which must be there is missing.
    pub fn missing(&mut self, key: &str, message: String) {
        if !self.raw.lost(key) {
            let key = format!("{}.{key}", self.name);
            self.raw.problems.push(Problem { line: self.line, key, written: None, message });
        }
    }

    /// A whole number within `bounds`.
    pub fn whole(&mut self, key: &'static str, unit: Unit, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        let expected = Expected::Whole { unit, least: *bounds.start(), most: *bounds.end() };
        self.value(key, expected, |value| {
            let number = value.as_integer()?;
            let number = u64::from_str_radix(number.as_str(), number.radix()).ok()?;
            bounds.contains(&number).then_some(number)
        })
        .unwrap_or(default)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.value(key, Expected::TrueOrFalse, DeValue::as_bool).unwrap_or(default)
    }

    /// A text on one line, perhaps empty.
    pub fn text(&mut self, key: &'static str, expected: Expected) -> Option<String> {
        self.value(key, expected, one_line)
    }

    /// A text that `read` makes something of; an empty one is nothing.
    pub fn text_as<T>(
        &mut self,
        key: &'static str,
        expected: Expected,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.value(key, expected, |value| {
            let text = one_line(value)?;
            if text.is_empty() { Some(None) } else { read(&text).map(Some) }
        })
        .flatten()
    }

    /// Texts by other texts; `{}` is none.
    pub fn table(&mut self, key: &'static str) -> BTreeMap<String, String> {
        self.value(key, Expected::TableOfTexts, super::ubl::texts).unwrap_or_default()
    }

    /// An amount that is not negative.
    pub fn amount(&mut self, key: &'static str) -> Option<Decimal> {
        self.value(key, Expected::Amount, super::ubl::amount)
    }

    /// One of some words; its place among them.
    pub fn one_of(&mut self, key: &'static str, words: &'static [&'static str]) -> Option<usize> {
        self.value(key, Expected::OneOf(words), |value| {
            let text = value.as_str()?;
            words.iter().position(|word| *word == text)
        })
    }

    /// One or more of some words; their places among them, each once, in the order written.
    pub fn list_of(&mut self, key: &'static str, words: &'static [&'static str]) -> Option<Vec<usize>> {
        self.value(key, Expected::ListOf(words), |value| {
            let texts = texts(value).filter(|texts| !texts.is_empty())?;
            texts.iter().map(|text| words.iter().position(|word| word == text)).collect()
        })
    }

    /// A list of texts, none of them empty; each once, in the order written.
    pub fn texts(&mut self, key: &'static str) -> Vec<String> {
        self.value(key, Expected::ListOfTexts, texts).unwrap_or_default()
    }

    /// A list of texts in their order, however often each is there.
    pub fn words(&mut self, key: &'static str) -> Vec<String> {
        self.value(key, Expected::ListOfTexts, |value| {
            let all = value.as_array()?;
            all.iter().map(|element| one_line(element.get_ref())).collect::<Option<Vec<String>>>()
        })
        .filter(|words| words.first().is_none_or(|program| !program.is_empty()))
        .unwrap_or_default()
    }

    /// Takes the value of `key`: `None` when it is absent, or when it is wrong, which is then noted.
    pub fn value<T>(
        &mut self,
        key: &'static str,
        expected: Expected,
        read: impl FnOnce(&DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        self.raw.known.push((self.name, key));
        let (_, value): (_, Spanned<DeValue<'t>>) = self.table.remove_entry(key)?;
        let span = value.span();
        let written = shorten(self.raw.text.get(span.clone()).unwrap_or(""));
        self.places.push((key, self.raw.line(span.start), written));
        if self.told_as_syntax_error(span) {
            return None;
        }
        let read = read(value.get_ref()).filter(|_| !self.broken(key));
        if read.is_none() {
            self.problem(key, expected.sentence(self.language()));
        }
        read
    }

    /// Whether the place of `key` holds a syntax error that was set aside to be told here.
    fn broken(&self, key: &str) -> bool {
        let line = self.places.iter().find(|place| place.0 == key).map(|place| place.1);
        self.raw.syntax.iter().any(|error| error.told && Some(self.raw.line(error.at)) == line)
    }

    /// Looks for syntax errors inside a value. Where the value is a bare word or an odd number,
    /// what was expected of this key says more than the parser can; otherwise the parser's own
    /// words are told, at the end.
    fn told_as_syntax_error(&mut self, span: Range<usize>) -> bool {
        let mut parser_tells = false;
        for error in &mut self.raw.syntax {
            if (span.start..=span.end).contains(&error.at) {
                let bare_word = error.says.starts_with("string values must be quoted") && !span.is_empty();
                let odd_number = [
                    "invalid boolean",
                    "invalid float",
                    "invalid integer",
                    "unexpected leading zero",
                    "`_` may",
                ]
                .iter()
                .any(|start| error.says.starts_with(start));
                let in_list =
                    self.raw.text.get(span.clone()).is_some_and(|written| written.starts_with(['[', '{']));
                error.told = (bare_word || odd_number) && !in_list;
                parser_tells |= !error.told;
            }
        }
        parser_tells
    }

    fn problem_at(&self, key: &str, message: String) -> Problem {
        let place = self.places.iter().find(|place| place.0 == key);
        let written = place
            .map(|place| place.2.clone())
            .filter(|written| !names_a_secret(key) && !written.contains('@'));
        Problem {
            line: place.map(|place| place.1).or(self.line),
            key: format!("{}.{key}", self.name),
            written,
            message,
        }
    }
}

fn one_line(value: &DeValue<'_>) -> Option<String> {
    value.as_str().filter(|text| !text.contains(char::is_control)).map(str::to_owned)
}

fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for element in value.as_array()? {
        let text = one_line(element.get_ref()).filter(|text| !text.is_empty())?;
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    Some(texts)
}
