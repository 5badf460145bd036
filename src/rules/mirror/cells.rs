//! One value of a record, read as forgivingly as can be.
//!
//! Extend adds fields and values without notice, and sends numbers as integers, decimals and now and
//! then as text. What can be understood is stored; what is not as described makes its record *odd*,
//! which is counted and shown, and never loses a record or a page.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A value as it stands in a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Not there.
    Null,
    /// A whole number or a flag, 0 or 1.
    Integer(i64),
    /// Money or a quantity. Finite.
    Real(f64),
    /// Text; a time is `2026-11-21T22:16:00.000Z`.
    Text(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    /// Text that is borrowed.
    pub fn text(text: &'a str) -> Cell<'a> {
        Cell::Text(Cow::Borrowed(text))
    }

    /// The text, where it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same value, owing nothing to where it was read.
    pub fn into_owned(self) -> Cell<'static> {
        match self {
            Cell::Null => Cell::Null,
            Cell::Integer(number) => Cell::Integer(number),
            Cell::Real(number) => Cell::Real(number),
            Cell::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
        }
    }

    /// `self`, or `other` where this one is not there.
    pub fn or(self, other: Cell<'a>) -> Cell<'a> {
        if self == Cell::Null { other } else { self }
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Text, kept as it came.
    Text,
    /// One of these words; another is kept too, and is odd.
    Choice(&'static [&'static str]),
    /// Money or a quantity.
    Real,
    /// Money that one source writes as text and the other as a number: a customer's credit limit.
    TextReal,
    /// A whole number.
    Integer,
    /// 0 or 1.
    Flag,
    /// A time; without an offset it is UTC.
    Time,
}

/// A JSON value as far as a table cares.
enum Scalar<'a> {
    Absent,
    Flag(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    /// An object, an array, or text that is no text (half a surrogate pair).
    Other,
}

fn scalar(raw: Option<&RawValue>) -> Scalar<'_> {
    let Some(json) = raw.map(RawValue::get) else { return Scalar::Absent };
    match json.as_bytes().first() {
        Some(b'"') if json.len() >= 2 && !json.contains('\\') => {
            Scalar::Text(Cow::Borrowed(&json[1..json.len() - 1]))
        }
        Some(b'"') => match serde_json::from_str(json) {
            Ok(text) => Scalar::Text(Cow::Owned(text)),
            Err(_) => Scalar::Other,
        },
        Some(b'n') => Scalar::Absent,
        Some(b't') => Scalar::Flag(true),
        Some(b'f') => Scalar::Flag(false),
        Some(b'-' | b'0'..=b'9') => Scalar::Number(json),
        _ => Scalar::Other,
    }
}

/// Reads a value for a column of `kind`; sets `odd` where it is not as described.
pub fn read<'a>(kind: Kind, raw: Option<&'a RawValue>, odd: &mut bool) -> Cell<'a> {
    let value = scalar(raw);
    let (cell, as_described) = match (kind, value) {
        (_, Scalar::Absent) => (Cell::Null, true),
        (_, Scalar::Other) => (Cell::Null, false),
        (Kind::Text, Scalar::Text(text)) => (Cell::Text(text), true),
        (Kind::Choice(words), Scalar::Text(text)) => {
            let known = words.contains(&&*text);
            (Cell::Text(text), known)
        }
        (Kind::Text | Kind::Choice(_), Scalar::Number(number)) => (Cell::text(number), false),
        (Kind::Text | Kind::Choice(_), Scalar::Flag(flag)) => {
            (Cell::text(if flag { "true" } else { "false" }), false)
        }
        (Kind::Time, Scalar::Text(text)) => match utc(&text) {
            Some(time) => (Cell::Text(Cow::Owned(time)), true),
            None => (Cell::Null, false),
        },
        (Kind::Real, Scalar::Number(number)) => found(real(number).map(Cell::Real), true),
        (Kind::Real, Scalar::Text(text)) => found(real(&text).map(Cell::Real), false),
        (Kind::TextReal, Scalar::Number(number)) => found(real(number).map(Cell::Real), true),
        (Kind::TextReal, Scalar::Text(text)) if text.trim().is_empty() => (Cell::Null, true),
        (Kind::TextReal, Scalar::Text(text)) => found(real(&text).map(Cell::Real), true),
        (Kind::Integer, Scalar::Number(number)) => found(integer(number).map(Cell::Integer), true),
        (Kind::Integer, Scalar::Text(text)) => found(integer(&text).map(Cell::Integer), false),
        (Kind::Flag, Scalar::Flag(flag)) => (Cell::Integer(i64::from(flag)), true),
        (Kind::Flag, Scalar::Number(text)) => found(flag(text), false),
        (Kind::Flag, Scalar::Text(text)) => found(flag(&text), false),
        (Kind::Time, _) | (Kind::Real | Kind::TextReal | Kind::Integer, Scalar::Flag(_)) => {
            (Cell::Null, false)
        }
    };
    *odd |= !as_described;
    cell
}

fn found(cell: Option<Cell<'_>>, as_described: bool) -> (Cell<'_>, bool) {
    match cell {
        Some(cell) => (cell, as_described),
        None => (Cell::Null, false),
    }
}

fn flag(text: &str) -> Option<Cell<'static>> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" => Some(Cell::Integer(1)),
        "0" | "false" => Some(Cell::Integer(0)),
        _ => None,
    }
}

/// A number out of text, with a decimal point or, where there is no point, one decimal comma, and
/// with spaces between the thousands.
pub fn real(text: &str) -> Option<f64> {
    let plain = text.trim();
    if !plain.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = plain.parse::<f64>().ok().or_else(|| {
        let mut tidy: String = plain.chars().filter(|letter| !letter.is_whitespace()).collect();
        if !tidy.contains('.') && tidy.matches(',').count() == 1 {
            tidy = tidy.replace(',', ".");
        }
        tidy.parse().ok()
    })?;
    // Minus nought is nought: SQLite does not keep the sign.
    number.is_finite().then_some(number + 0.0)
}

fn integer(text: &str) -> Option<i64> {
    if let Ok(whole) = text.trim().parse() {
        return Some(whole);
    }
    let number = real(text)?;
    // Beyond 2^53 a decimal is no longer exact.
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

/// A date-time as Extend writes it, in UTC to the millisecond: `2026-11-21T22:16:00.000Z`.
///
/// Extend's answers carry an offset (`+01:00`); without one it is taken for UTC. `None` where it is no
/// time, or the year 1 that .NET sends for none.
pub fn utc(text: &str) -> Option<String> {
    let text = text.trim();
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) => {
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
    };
    // The year 2, so that an offset does not matter.
    (time.as_second() > -62_104_060_800).then(|| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, json: &str, expected: Cell<'_>, expected_odd: bool) {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let mut odd = false;
        assert_eq!(read(kind, Some(raw), &mut odd), expected, "{kind:?} {json}");
        assert_eq!(odd, expected_odd, "{kind:?} {json}");
    }

    #[test]
    fn what_can_be_understood_is_stored() {
        check(Kind::Text, r#""Räksmörgås""#, Cell::text("Räksmörgås"), false);
        check(Kind::Text, r#""a\"b\u00e5""#, Cell::text("a\"bå"), false);
        check(Kind::Text, "null", Cell::Null, false);
        check(Kind::Text, "12.50", Cell::text("12.50"), true);
        check(Kind::Text, "true", Cell::text("true"), true);
        check(Kind::Text, "[1]", Cell::Null, true);
        check(Kind::Text, r#""\ud800""#, Cell::Null, true);
        check(Kind::Choice(&["A", "B"]), r#""B""#, Cell::text("B"), false);
        check(Kind::Choice(&["A", "B"]), r#""C""#, Cell::text("C"), true);
        check(Kind::Real, "12", Cell::Real(12.0), false);
        check(Kind::Real, "-0.0", Cell::Real(0.0), false);
        check(Kind::Real, "12.5", Cell::Real(12.5), false);
        check(Kind::Real, r#""12.5""#, Cell::Real(12.5), true);
        check(Kind::Real, r#""10 000,50""#, Cell::Real(10000.5), true);
        check(Kind::Real, r#""""#, Cell::Null, true);
        check(Kind::Real, r#""NaN""#, Cell::Null, true);
        check(Kind::Real, "1e999", Cell::Null, true);
        check(Kind::Real, "true", Cell::Null, true);
        check(Kind::TextReal, r#""12.5""#, Cell::Real(12.5), false);
        check(Kind::TextReal, r#""""#, Cell::Null, false);
        check(Kind::Integer, "10", Cell::Integer(10), false);
        check(Kind::Integer, "10.0", Cell::Integer(10), false);
        check(Kind::Integer, "10.5", Cell::Null, true);
        check(Kind::Flag, "true", Cell::Integer(1), false);
        check(Kind::Flag, "0", Cell::Integer(0), true);
        check(Kind::Flag, r#""True""#, Cell::Integer(1), true);
        check(Kind::Flag, r#""yes""#, Cell::Null, true);
        check(Kind::Time, "5", Cell::Null, true);
    }

    #[test]
    fn times_become_utc() {
        for (given, expected) in [
            ("2026-11-21T23:16:00+01:00", Some("2026-11-21T22:16:00.000Z")),
            ("2026-11-21T22:16:00Z", Some("2026-11-21T22:16:00.000Z")),
            ("2026-11-21T22:16:00.1234567+00:00", Some("2026-11-21T22:16:00.123Z")),
            ("2026-11-21T22:16:00", Some("2026-11-21T22:16:00.000Z")),
            ("2026-11-21 22:16:00", Some("2026-11-21T22:16:00.000Z")),
            ("2026-11-21", Some("2026-11-21T00:00:00.000Z")),
            ("0001-01-01T00:00:00", None),
            ("0001-01-01T00:00:00+02:00", None),
            ("21/11/2026", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(utc(given).as_deref(), expected, "{given}");
        }
    }
}
