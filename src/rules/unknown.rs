//! Whether the mirror may say that Extend does not have something, and what may have been meant.

use std::time::Duration;

use jiff::Timestamp;

/// A list that was read at least so lately is fresh, however rarely it is read.
const LATELY: Duration = Duration::from_secs(15 * 60);

/// Whether what is not in the mirror is not at Extend: all of it was read once, and its changes since, lately.
/// `every` is how often they are asked for.
pub fn is_fresh(
    last_full: Option<&str>,
    last_success: Option<&str>,
    every: Duration,
    now: Timestamp,
) -> bool {
    let read = |text: Option<&str>| text?.parse::<Timestamp>().ok();
    let (Some(_), Some(success)) = (read(last_full), read(last_success)) else { return false };
    let age = now.duration_since(success);
    !age.is_negative() && age.unsigned_abs() <= (every * 3).max(LATELY)
}

/// The candidate that was probably meant by `wanted`.
pub fn nearest<'c>(wanted: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let wanted = wanted.to_lowercase();
    let far = 1.max(wanted.chars().count() / 4);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mirror_that_was_read_whole_and_lately_is_believed() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let check = |full: Option<&str>, success: &str, every: u64, expected: bool| {
            let every = Duration::from_secs(every);
            assert_eq!(is_fresh(full, Some(success), every, now), expected, "{full:?} {success} {every:?}");
        };
        let whole = Some("2026-11-21T03:00:00.000Z");
        check(whole, "2026-11-21T11:50:00.000Z", 60, true);
        check(whole, "2026-11-21T11:40:00.000Z", 60, false);
        check(whole, "2026-11-21T11:40:00.000Z", 600, true);
        check(None, "2026-11-21T11:50:00.000Z", 60, false);
        // The clock was set back.
        check(whole, "2026-11-21T12:10:00.000Z", 60, false);
    }

    #[test]
    fn a_slip_of_the_pen_is_seen() {
        let there = ["P-100230", "P-100231", "P-200230", "Q"];
        for (wanted, meant) in [
            ("P-10023", Some("P-100230")),
            ("p-100231", Some("P-100231")),
            ("P-200320", Some("P-200230")),
            ("Hammer", None),
            ("", Some("Q")),
        ] {
            assert_eq!(nearest(wanted, there.into_iter()), meant, "{wanted}");
        }
    }
}
