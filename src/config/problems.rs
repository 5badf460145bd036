//! What can be wrong with the settings, in sentences for the person who runs the shop's computers.
//!
//! A problem is a value, not an error: all of them are collected and shown together. No sentence
//! ever holds a password or a secret; see [`names_a_secret`].

use std::fmt;

use crate::formats::near_miss::bare;
pub use crate::language::Language;

/// One thing in the settings that must be mended before the agent starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in `extend-edge.toml`, from 1. `None` where there is no line to point at.
    pub line: Option<usize>,
    /// The key with its section, `extend.timeout_seconds`; the section alone; or empty for a syntax error.
    pub key: String,
    /// The value (after a syntax error: the line) as written. `None` where nothing is written and
    /// where a password may be in it.
    pub written: Option<String>,
    /// What is wrong and what was expected, as a sentence.
    pub message: String,
}

/// Something in the settings that is accepted and yet deserves to be known.
pub type Warning = Problem;

impl fmt::Display for Problem {
    /// `extend-edge.toml:12: [extend] timeout_seconds = "x": expected …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::SETTINGS_FILE)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        match self.key.rsplit_once('.') {
            Some((section, key)) => write!(f, "[{section}] {key}")?,
            None if self.key.is_empty() => {}
            None => write!(f, "[{}]", self.key)?,
        }
        match &self.written {
            Some(written) if self.key.is_empty() => write!(f, "{written}: ")?,
            Some(written) => write!(f, " = {written}: ")?,
            None if self.key.is_empty() => {}
            None => f.write_str(": ")?,
        }
        f.write_str(&self.message)
    }
}

/// What a whole number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
    Days,
    Kilobytes,
    Megabytes,
    Files,
    Requests,
    Pieces,
}

/// What a value should have been.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    Whole { unit: Unit, least: u64, most: u64 },
    TrueOrFalse,
    Text,
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
    ListOfTexts,
    Folder,
    File,
    Listen,
    Currency,
    Marker,
    Section,
    TableOfTexts,
    Article,
    Offset,
    Amount,
    OrderNumber,
}

impl Expected {
    /// The sentence, without a full stop.
    pub fn sentence(self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::Swedish => self.swedish(),
        }
    }

    fn english(self) -> String {
        match self {
            Expected::Whole { unit, least, most } => {
                let unit = match unit {
                    Unit::Milliseconds => "milliseconds",
                    Unit::Seconds => "seconds",
                    Unit::Minutes => "minutes",
                    Unit::Hours => "hours",
                    Unit::Days => "days",
                    Unit::Kilobytes => "kilobytes",
                    Unit::Megabytes => "megabytes",
                    Unit::Files => "files",
                    Unit::Requests => "requests a minute",
                    Unit::Pieces => "pieces",
                };
                format!("expected a whole number of {unit}, {least} to {most}, without quotes")
            }
            Expected::TrueOrFalse => "expected true or false, without quotes".to_owned(),
            Expected::Text => "expected a text in quotes, on one line".to_owned(),
            Expected::OneOf(words) => format!("expected {}", quoted(words, " or ")),
            Expected::ListOf(words) => format!(
                "expected a list of one or more of {}, such as [{}]",
                quoted(words, " and "),
                quoted(words, ", ")
            ),
            Expected::ListOfTexts => {
                "expected a list of texts, such as [\"A\", \"B\"], or [] for none".to_owned()
            }
            Expected::Folder => "expected the path of a folder, in quotes".to_owned(),
            Expected::File => "expected the path of a file, in quotes".to_owned(),
            Expected::Listen => {
                "expected an IP address and a port, such as \"127.0.0.1:8788\", or \"\" for none".to_owned()
            }
            Expected::Marker => {
                "expected what a marker's name has after the file's, from the dot on, such as \".done\" or \".ok\" \
                 (not an ending that files of orders, or unfinished files, have)"
                    .into()
            }
            Expected::Currency => {
                "expected the three letters of a currency, such as \"SEK\", or \"\" for the customer's own"
                    .to_owned()
            }
            Expected::Section => "expected a section of its own, in single square brackets".to_owned(),
            Expected::TableOfTexts => {
                "expected a table of texts, such as { \"A\" = \"B\" }, or {} for none".to_owned()
            }
            Expected::Article => {
                "expected an article, such as { product = \"FRAKT\", unit = \"Stk\" }, or {} for none"
                    .to_owned()
            }
            Expected::Offset => "expected an offset from UTC, such as \"+01:00\"".to_owned(),
            Expected::Amount => "expected an amount such as 0.05, without quotes".to_owned(),
            Expected::OrderNumber => {
                "expected a text with {id} in it, such as \"{customer}-{id}\"".to_owned()
            }
        }
    }

    fn swedish(self) -> String {
        match self {
            Expected::Whole { unit, least, most } => {
                let unit = match unit {
                    Unit::Milliseconds => "millisekunder",
                    Unit::Seconds => "sekunder",
                    Unit::Minutes => "minuter",
                    Unit::Hours => "timmar",
                    Unit::Days => "dygn",
                    Unit::Kilobytes => "kilobyte",
                    Unit::Megabytes => "megabyte",
                    Unit::Files => "filer",
                    Unit::Requests => "anrop per minut",
                    Unit::Pieces => "stycken",
                };
                format!("här ska stå ett heltal, {least} till {most} {unit}, utan citattecken")
            }
            Expected::TrueOrFalse => "här ska stå true (ja) eller false (nej), utan citattecken".to_owned(),
            Expected::Text => "här ska stå en text inom citattecken, på en rad".to_owned(),
            Expected::OneOf(words) => format!("här ska stå {}", quoted(words, " eller ")),
            Expected::ListOf(words) => {
                format!(
                    "här ska stå en lista med en eller flera av {}, till exempel [{}]",
                    quoted(words, " och "),
                    quoted(words, ", ")
                )
            }
            Expected::ListOfTexts => {
                "här ska stå en lista med texter, till exempel [\"A\", \"B\"], eller [] för ingen".to_owned()
            }
            Expected::Folder => "här ska stå sökvägen till en mapp, inom citattecken".to_owned(),
            Expected::File => "här ska stå sökvägen till en fil, inom citattecken".to_owned(),
            Expected::Listen => {
                "här ska stå en IP-adress och en port, till exempel \"127.0.0.1:8788\", eller \"\" för ingen"
                    .to_owned()
            }
            Expected::Marker => {
                "här ska stå vad en markörs namn har efter filens, från punkten, till exempel \".done\" eller \
                 \".ok\" (inte en ändelse som filer med order, eller ofärdiga filer, har)"
                    .into()
            }
            Expected::Currency => {
                "här ska stå en valutas tre bokstäver, till exempel \"SEK\", eller \"\" för kundens egen"
                    .to_owned()
            }
            Expected::Section => "här ska stå ett eget avsnitt, inom enkla hakparenteser".to_owned(),
            Expected::TableOfTexts => {
                "här ska stå en tabell med texter, till exempel { \"A\" = \"B\" }, eller {} för ingen".to_owned()
            }
            Expected::Article => {
                "här ska stå en artikel, till exempel { product = \"FRAKT\", unit = \"Stk\" }, eller {} för ingen"
                    .to_owned()
            }
            Expected::Offset => "här ska stå en förskjutning från UTC, till exempel \"+01:00\"".to_owned(),
            Expected::Amount => "här ska stå ett belopp, till exempel 0.05, utan citattecken".to_owned(),
            Expected::OrderNumber => {
                "här ska stå en text med {id} i, till exempel \"{customer}-{id}\"".to_owned()
            }
        }
    }
}

fn quoted(words: &[&str], last: &str) -> String {
    let mut sentence = String::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            sentence.push_str(if index + 1 == words.len() { last } else { ", " });
        }
        sentence.push_str(&format!("\"{word}\""));
    }
    sentence
}

/// Whether what is written at this key must not be repeated on a screen or in a log, a misspelt
/// `pasword` too.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key = bare(key);
    // Whoever knows the address of a webhook can post there too.
    ["password", "secret", "webhook"]
        .iter()
        .any(|word| key.contains(word) || strsim::damerau_levenshtein(&key, word) <= 3)
}

/// The parser's words for a syntax error, in a shop's words.
pub(super) fn syntax_sentence(parser_says: &str, line: &str, language: Language) -> String {
    let what = parser_says.split(", expected").next().unwrap_or(parser_says);
    let known = match what {
        "duplicate key" => {
            Some(("this is written twice; keep one of them", "detta står två gånger; behåll det ena"))
        }
        "string values must be quoted" => Some((
            "a text must stand in quotes, \"like this\"",
            "en text ska stå inom citattecken, \"så här\"",
        )),
        "missing escaped value" => Some((
            "in double quotes a \\ has a meaning of its own: write a Windows path in single quotes, 'C:\\shop', or with / instead",
            "inom dubbla citattecken har \\ en egen betydelse: skriv en Windows-sökväg inom enkla citattecken, 'C:\\butik', eller med / i stället",
        )),
        "too few unicode value digits" => return syntax_sentence("missing escaped value", line, language),
        "invalid basic string"
        | "invalid multi-line basic string"
        | "invalid literal string"
        | "invalid string" => Some((
            "this text has no closing quote on its line",
            "texten saknar avslutande citattecken på sin rad",
        )),
        "invalid unquoted key"
        | "unquoted keys cannot be empty"
        | "key with no value"
        | "missing assignment between key-value pairs"
        | "invalid key-value pair" => Some((
            "expected a line such as key = value, a [section] or a # comment",
            "här ska stå en rad som nyckel = värde, ett [avsnitt] eller en # kommentar",
        )),
        "missing value for key" | "missing value" => {
            Some(("there is no value after =", "det saknas ett värde efter ="))
        }
        "unclosed table" | "unclosed array table" => {
            Some(("a section's name ends with ]", "ett avsnitts namn slutar med ]"))
        }
        "unclosed array" => Some(("this list has no closing ]", "listan saknar avslutande ]")),
        "missing comma between array elements" => {
            Some(("a comma is missing in this list", "det saknas ett kommatecken i listan"))
        }
        "unexpected key or value" => {
            Some(("expected nothing more on this line", "raden har något efter värdet; där ska inget stå"))
        }
        "unexpected leading zero" => Some(("a number does not begin with 0", "ett tal börjar inte med 0")),
        _ => None,
    };
    // A path that ends with \ has escaped its own closing quote.
    if what == "invalid basic string" && line.contains('\\') {
        return syntax_sentence("missing escaped value", line, language);
    }
    match known {
        Some((english, swedish)) => language.pick(english, swedish).to_owned(),
        None => language.pick(
            format!("this cannot be read: {parser_says}"),
            format!("detta går inte att läsa: {parser_says}"),
        ),
    }
}
