//! The text of a cell as a number, a moment or a flag.

use jiff::tz::Offset;
use rust_decimal::{Decimal, RoundingStrategy};

/// No amount of an order is as large. What is computed with amounts below it never overflows.
const TOO_LARGE: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// Programs that reckon in binary write `79.99000000000001`.
const DECIMALS: u32 = 8;

/// A number with `decimal` (`.` or `,`) as its mark. Thousands may be parted, by a space or by the other mark,
/// where they stand in threes: `1.234,50` is not taken for `1,23450`.
pub fn number(text: &str, decimal: char) -> Option<Decimal> {
    plain_number(text.trim(), decimal).or_else(|| written_number(text, decimal))
}

/// Nothing but digits and one mark: most numbers, and read in a tenth of the time.
fn plain_number(text: &str, decimal: char) -> Option<Decimal> {
    let (whole, fraction) = text.split_once(decimal).unwrap_or((text, "0"));
    let digits = || whole.bytes().chain(fraction.bytes());
    let is_plain = (1..=9).contains(&whole.len())
        && (1..=DECIMALS as usize).contains(&fraction.len())
        && digits().all(|byte| byte.is_ascii_digit());
    // 17 digits at the most.
    let number =
        digits().fold(0i64, |number, byte| number.wrapping_mul(10).wrapping_add(i64::from(byte & 15)));
    is_plain.then(|| Decimal::new(number, fraction.len() as u32).normalize())
}

fn written_number(text: &str, decimal: char) -> Option<Decimal> {
    let text: String = text
        .trim()
        .chars()
        .map(|letter| match letter {
            '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' => ' ',
            // The minus sign of typesetters.
            '\u{2212}' => '-',
            letter => letter,
        })
        .collect();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest.trim_start()),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    let (whole, fraction) = match digits.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let other = if decimal == ',' { '.' } else { ',' };
    let whole = without_thousands(whole, other)?;
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    let fraction = fraction.unwrap_or("0");
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(&whole) || !all_digits(fraction) || whole.len() + fraction.len() > 25 {
        return None;
    }
    let number = Decimal::from_str_exact(&format!("{sign}0{whole}.{fraction}0")).ok()?;
    (number.abs() < TOO_LARGE).then(|| number.round_dp(DECIMALS).normalize())
}

/// Whether a text that is no [`number`] would be one, were it not so large.
pub fn is_too_large(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits > 9 && text.chars().all(|letter| letter.is_ascii_digit() || " \u{a0}.,-+".contains(letter))
}

/// An amount as it is paid: in whole hundredths.
pub fn money(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn without_thousands(whole: &str, other: char) -> Option<String> {
    let Some(mark) = [' ', other].into_iter().find(|mark| whole.contains(*mark)) else {
        return Some(whole.to_owned());
    };
    let mut groups = whole.split(mark);
    let first = groups.next().unwrap_or_default();
    let in_threes = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
    in_threes.then(|| whole.replace(mark, ""))
}

/// A moment as Extend reads it. `formats` are strftime's; what names no time of day is midnight, what names no
/// offset from UTC has `offset`.
pub fn moment(text: &str, formats: &[String], offset: Offset) -> Option<String> {
    formats.iter().find_map(|format| {
        let parsed = jiff::fmt::strtime::parse(format, text.trim()).ok()?;
        let date = parsed.to_date().ok()?;
        let time = parsed.to_time().unwrap_or(jiff::civil::Time::midnight());
        let names_utc = format.ends_with('Z') && !format.ends_with("%Z");
        let offset = parsed.offset().unwrap_or(if names_utc { Offset::UTC } else { offset });
        let seconds = offset.seconds();
        let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
        Some(format!(
            "{}T{:02}:{:02}:{:02}{sign}{:02}:{:02}",
            date,
            time.hour(),
            time.minute(),
            time.second(),
            minutes / 60,
            minutes % 60
        ))
    })
}

/// Whether this is a form of dates: what is written in it can be read in it.
pub fn is_form(form: &str) -> bool {
    let moment = jiff::civil::date(2026, 11, 25).at(14, 5, 6, 0).to_zoned(jiff::tz::TimeZone::UTC);
    let written = moment.ok().and_then(|moment| jiff::fmt::strtime::format(form, &moment).ok());
    written.is_some_and(|text| self::moment(&text, &[form.to_owned()], Offset::UTC).is_some())
}

/// Yes or no.
pub fn flag(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "ja" | "j" | "x" => Some(true),
        "false" | "no" | "n" | "0" | "nej" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_their_mark_or_not_at_all() {
        for (text, decimal, expected) in [
            ("12", '.', Some("12")),
            ("12.50", '.', Some("12.5")),
            ("-0,05", ',', Some("-0.05")),
            ("1 234,50", ',', Some("1234.5")),
            ("1\u{a0}234", ',', Some("1234")),
            ("1.234,50", ',', Some("1234.5")),
            ("1,234.50", '.', Some("1234.5")),
            (",5", ',', Some("0.5")),
            // A decimal point where commas are read is not taken for thousands.
            ("12.50", ',', None),
            ("12,5", '.', None),
            ("1.2.3", '.', None),
            ("", '.', None),
            (".", '.', None),
            ("12 kr", '.', None),
            ("1e3", '.', None),
            ("1000000000", '.', None),
            ("0.1234567890123456789012345678", '.', None),
            ("79.99000000000001", '.', Some("79.99")),
        ] {
            assert_eq!(number(text, decimal).map(|number| number.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn moments_are_read_in_the_first_form_that_fits() {
        let formats: Vec<String> = super::super::DATES.map(String::from).to_vec();
        for (text, expected) in [
            ("2026-11-25", Some("2026-11-25T00:00:00+01:00")),
            ("2026-11-25 14:05", Some("2026-11-25T14:05:00+01:00")),
            ("2026-11-25 14:05:06 -0500", Some("2026-11-25T14:05:06-05:00")),
            ("2026-11-25T14:05:06Z", Some("2026-11-25T14:05:06+00:00")),
            ("2026-13-25", None),
            ("25/11/2026", None),
        ] {
            let moment = moment(text, &formats, Offset::constant(1));
            assert_eq!(moment.as_deref(), expected, "{text}");
        }
    }
}
