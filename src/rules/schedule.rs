//! When the mirror fetches a list, and what it does where one went wrong.

use std::time::Duration;

use super::budget::Class;

/// Which of an entity's lists is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Round {
    /// Everything: a sweep.
    Full,
    /// What changed since the cursor.
    Changes,
}

/// How soon a whole record is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A webhook named it.
    Webhook = 0,
    /// A list of changes showed it, or an order names it.
    Changed = 1,
    /// It was never fetched, and nobody has asked for it yet.
    Rest = 2,
}

impl Urgency {
    /// All of them, the most urgent first.
    pub const ALL: [Urgency; 3] = [Urgency::Webhook, Urgency::Changed, Urgency::Rest];

    /// Who asks for it.
    pub fn class(self) -> Class {
        match self {
            Urgency::Webhook => Class::Webhooks,
            Urgency::Changed => Class::Changes,
            Urgency::Rest => Class::Fill,
        }
    }
}

/// How often an entity's lists are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// The pause between two lists of changes; `None` where there are none.
    pub every: Option<Duration>,
    /// The pause between two lists of everything.
    pub full_every: Duration,
}

/// A round that failed, and those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// How long ago the last one was.
    pub ago: Duration,
    /// How many there were in a row.
    pub in_a_row: u32,
}

/// The pause after the first round that failed while Extend was otherwise well; it doubles …
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// … up to this.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_secs(3600);

/// Whether a round is due, or how long until it is. `ended_ago` is since the last one that ended well;
/// `None`: never. `asked`: a person wants it now.
///
/// # Errors
/// It is not due: the time until it is.
pub fn due(
    every: Duration,
    ended_ago: Option<Duration>,
    failures: Option<Failures>,
    asked: bool,
) -> Result<(), Duration> {
    if let Some(failures) = failures.filter(|_| !asked) {
        let pause = AFTER_FAILURE
            .saturating_mul(1 << failures.in_a_row.saturating_sub(1).min(10))
            .min(LONGEST_AFTER_FAILURE);
        match pause.checked_sub(failures.ago) {
            Some(left) if !left.is_zero() => return Err(left),
            _ => return Ok(()),
        }
    }
    match ended_ago.and_then(|ago| every.checked_sub(ago)).filter(|left| !left.is_zero()) {
        Some(left) if !asked => Err(left),
        _ => Ok(()),
    }
}

/// How often a page that could not be fetched is asked for again before its whole list is given up.
const PAGE_TRIES: u32 = 8;

/// A page could not be fetched for the `tries`th time in a row: the pause before it is asked for again.
/// `None`: the list is given up, and read again from its first page later. `hurried`: somebody waits.
pub fn again(tries: u32, hurried: bool) -> Option<Duration> {
    let (most, first) = if hurried { (3, 1) } else { (PAGE_TRIES, 5) };
    let longest = if hurried { 1 } else { 300 };
    (tries < most).then(|| Duration::from_secs((first << tries.saturating_sub(1).min(6)).min(longest)))
}

/// How many times a list is read at the most.
const PASSES: u32 = 3;

/// Whether a list is to be read once more before it counts as read: a row that moves to an earlier page
/// while the later ones are read is shown by none of them. A list that surely stood still while it was read
/// ([`Pages::stood_still`]) shows all of it; another is read until a pass shows nothing that those before it did
/// not. `passes` have come to their end.
pub fn wants_another_pass(passes: u32, stood_still: bool, showed_new: bool) -> bool {
    !stood_still && showed_new && passes < PASSES
}

/// What is known of the pages of one list, in the order in which they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pages {
    /// How many were read.
    pub pages: u32,
    /// Their rows.
    pub rows: u64,
    /// How many rows the list has, as the last of them said.
    pub total: Option<u64>,
    /// It said so on each of them, and always the same.
    pub steady: bool,
}

impl Pages {
    /// One more page was read.
    #[must_use]
    pub fn and(self, rows: u64, total: Option<u64>) -> Pages {
        let steady = total.is_some() && (self.pages == 0 || self.steady && total == self.total);
        Pages { pages: self.pages + 1, rows: self.rows + rows, total, steady }
    }

    /// Whether the list, now that its last page was read, surely stood still meanwhile: one page is one look;
    /// several must have said how many rows there are, always the same, and have shown so many.
    pub fn stood_still(self) -> bool {
        self.pages <= 1 || self.steady && self.total == Some(self.rows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn rounds_come_in_turn() {
        let every = seconds(60);
        assert_eq!(due(every, None, None, false), Ok(()));
        assert_eq!(due(every, Some(seconds(20)), None, false), Err(seconds(40)));
        assert_eq!(due(every, Some(seconds(20)), None, true), Ok(()));
        assert_eq!(due(every, Some(seconds(60)), None, false), Ok(()));
        // A clock that was set back makes the last round old.
        assert_eq!(due(every, Some(Duration::MAX), None, false), Ok(()));
    }

    #[test]
    fn after_failures_the_pauses_grow() {
        let failed = |ago, in_a_row| Some(Failures { ago: seconds(ago), in_a_row });
        assert_eq!(due(seconds(60), None, failed(10, 1), false), Err(seconds(20)));
        assert_eq!(due(seconds(60), None, failed(30, 1), false), Ok(()));
        assert_eq!(due(seconds(60), Some(seconds(1)), failed(30, 1), false), Ok(()));
        assert_eq!(due(seconds(60), None, failed(10, 3), false), Err(seconds(110)));
        assert_eq!(due(seconds(60), None, failed(0, 40), false), Err(seconds(3600)));
        assert_eq!(due(seconds(60), None, failed(10, 3), true), Ok(()));
    }

    #[test]
    fn a_page_is_tried_again_and_not_for_ever() {
        let pauses: Vec<Option<u64>> =
            (1..=8).map(|tries| again(tries, false).map(|pause| pause.as_secs())).collect();
        let expected = [Some(5), Some(10), Some(20), Some(40), Some(80), Some(160), Some(300), None];
        assert_eq!(pauses, expected);
        assert_eq!([1, 2, 3].map(|tries| again(tries, true)), [Some(seconds(1)), Some(seconds(1)), None]);
    }

    #[test]
    fn a_list_that_may_have_moved_is_read_until_nothing_new_shows() {
        assert!(!wants_another_pass(1, true, true));
        assert!(wants_another_pass(1, false, true));
        assert!(!wants_another_pass(2, false, false));
        assert!(wants_another_pass(2, false, true));
        assert!(!wants_another_pass(3, false, true), "not for ever, however busy Extend is");
    }

    #[test]
    fn what_the_pages_say_tells_whether_they_moved() {
        let read = |pages: &[(u64, Option<u64>)]| {
            pages.iter().fold(Pages::default(), |read, (rows, total)| read.and(*rows, *total)).stood_still()
        };
        assert!(read(&[(0, None)]), "one page shows all at once");
        assert!(read(&[(100, Some(150)), (50, Some(150))]));
        assert!(!read(&[(100, None), (50, None)]), "nothing is known");
        assert!(!read(&[(100, Some(151)), (50, Some(150))]), "a row went");
        assert!(!read(&[(100, Some(150)), (50, Some(151)), (50, Some(151))]), "a row came");
        assert!(!read(&[(100, Some(150)), (49, Some(150))]));
        assert!(!read(&[(100, None), (50, Some(150))]));
    }

    proptest! {
        /// Who waits as long as he is told finds a round due, and not before; and what a person asks for begins
        /// at once.
        #[test]
        fn the_wait_that_is_told_is_the_right_one(
            every in 1u64..5000,
            ended in proptest::option::of(0u64..10_000),
            failed in proptest::option::of((0u64..5000, 1u32..20)),
        ) {
            let failures = |wait: Duration| {
                failed.map(|(ago, in_a_row)| Failures { ago: seconds(ago) + wait, in_a_row })
            };
            let ask = |wait: Duration, asked| {
                due(seconds(every), ended.map(|ago| seconds(ago) + wait), failures(wait), asked)
            };
            prop_assert_eq!(ask(Duration::ZERO, true), Ok(()));
            if let Err(wait) = ask(Duration::ZERO, false) {
                prop_assert!(!wait.is_zero());
                prop_assert_eq!(ask(wait, false), Ok(()), "woken for nothing");
                let early = ask(wait - Duration::from_millis(1), false);
                prop_assert_eq!(early, Err(Duration::from_millis(1)));
            }
        }
    }
}
