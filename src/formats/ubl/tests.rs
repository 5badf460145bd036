use super::*;
use crate::formats::ubl::amounts::{as_written, decimal};

#[test]
fn moments_have_their_own_offset_or_that_of_the_settings() {
    let plus_one = Offset::constant(1);
    for (date, time, expected) in [
        ("2026-11-25", None, Some("2026-11-25T00:00:00+01:00")),
        ("2026-11-25", Some("12:30:00"), Some("2026-11-25T12:30:00+01:00")),
        ("2026-11-25", Some("12:30:00Z"), Some("2026-11-25T12:30:00+00:00")),
        ("2026-11-25", Some("12:30:00.5-05:30"), Some("2026-11-25T12:30:00-05:30")),
        ("2026-11-25+02:00", None, Some("2026-11-25T00:00:00+02:00")),
        ("2026-13-25", None, None),
        ("25.11.2026", None, None),
        ("2026-11-25", Some("noon"), None),
    ] {
        assert_eq!(moment(Some(date), time, plus_one).as_deref(), expected, "{date} {time:?}");
    }
}

#[test]
fn numbers_go_on_as_they_were_written() {
    for (text, expected) in [
        ("50.000", Some("50.000")),
        ("-3", Some("-3")),
        ("007", Some("7")),
        ("+2.50", Some("2.5")),
        (".5", Some("0.5")),
        ("5.", Some("5")),
        ("1e3", None),
        ("1,5", None),
        ("ten", None),
        ("", None),
        ("-", None),
        (".", None),
        ("1000000000", None),
        ("1.2.3", None),
    ] {
        let written = decimal(text).map(|number| as_written(text, number).to_string());
        assert_eq!(written.as_deref(), expected, "{text}");
    }
}
