//! What the mirror fetches next.

use std::time::Duration;

/// How often an entity is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// The pause between two rounds of changes.
    pub every: Duration,
    /// The pause between two rounds of everything; `None` where every round is of everything.
    pub full_every: Option<Duration>,
}

/// When an entity was last fetched, as time ago by the wall clock. `None`: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Since the last round that ended well.
    pub round: Option<Duration>,
    /// Since the last full round that ended well.
    pub full: Option<Duration>,
    /// Since the last round that failed, in this process.
    pub failed: Option<Duration>,
}

/// A round to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Everything.
    Full,
    /// What changed since the cursor.
    Changes,
}

/// The pause after a round that failed while Extend was otherwise well.
pub const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The round that is due, or how long until one is. `asked` is what a person asked for.
///
/// # Errors
/// Nothing is due: the time until something is.
pub fn due(rhythm: &Rhythm, age: &Age, asked: Option<Round>) -> Result<Round, Duration> {
    if let Some(left) =
        age.failed.and_then(|ago| AFTER_FAILURE.checked_sub(ago)).filter(|left| !left.is_zero())
    {
        return Err(left);
    }
    let full_every = rhythm.full_every.unwrap_or(rhythm.every);
    let (Some(full), Some(round)) = (age.full, age.round) else { return Ok(Round::Full) };
    if asked == Some(Round::Full) || full >= full_every {
        return Ok(Round::Full);
    }
    if rhythm.full_every.is_some() && (asked.is_some() || round >= rhythm.every) {
        return Ok(Round::Changes);
    }
    if asked.is_some() {
        return Ok(Round::Full);
    }
    let until_round = if rhythm.full_every.is_some() { rhythm.every - round } else { full_every - full };
    Err(until_round.min(full_every - full))
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
        let changing = Rhythm { every: seconds(60), full_every: Some(seconds(3600)) };
        let whole = Rhythm { every: seconds(100), full_every: None };
        let age = |round, full| Age { round, full, failed: None };
        let never = age(None, None);
        assert_eq!(due(&changing, &never, None), Ok(Round::Full));
        assert_eq!(due(&changing, &age(Some(seconds(20)), Some(seconds(20))), None), Err(seconds(40)));
        assert_eq!(due(&changing, &age(Some(seconds(60)), Some(seconds(70))), None), Ok(Round::Changes));
        assert_eq!(due(&changing, &age(Some(seconds(60)), Some(seconds(3600))), None), Ok(Round::Full));
        assert_eq!(due(&whole, &age(Some(seconds(20)), Some(seconds(20))), None), Err(seconds(80)));
        assert_eq!(
            due(&whole, &age(Some(seconds(20)), Some(seconds(20))), Some(Round::Changes)),
            Ok(Round::Full)
        );
        let failed = Age { failed: Some(seconds(10)), ..never };
        assert_eq!(due(&changing, &failed, None), Err(seconds(20)));
    }

    proptest! {
        /// Who waits as long as he is told finds a round due, and not much before; and what a person asks for
        /// begins at once, unless a round just failed.
        #[test]
        fn the_wait_that_is_told_is_the_right_one(
            every in 1u64..5000,
            full_every in proptest::option::of(1u64..5000),
            round in proptest::option::of(0u64..10_000),
            since_full in 0u64..10_000,
            failed in proptest::option::of(0u64..100),
            asked in proptest::option::of(prop_oneof![Just(Round::Full), Just(Round::Changes)]),
        ) {
            let rhythm = Rhythm { every: seconds(every), full_every: full_every.map(seconds) };
            // A full round is a round.
            let full = round.map(|round| seconds(round + since_full));
            let age = Age { round: round.map(seconds), full, failed: failed.map(seconds) };
            let later = |wait: Duration| Age {
                round: age.round.map(|age| age + wait),
                full: age.full.map(|age| age + wait),
                failed: age.failed.map(|age| age + wait),
            };
            match due(&rhythm, &age, asked) {
                Ok(Round::Full) => {
                    let whole = rhythm.full_every.unwrap_or(rhythm.every);
                    let is_time = age.full.is_none_or(|age| age >= whole);
                    prop_assert!(is_time || asked == Some(Round::Full) || (asked.is_some() && full_every.is_none()));
                }
                Ok(Round::Changes) => {
                    prop_assert!(full_every.is_some() && age.full.is_some(), "changes of what was never fetched");
                }
                Err(wait) => {
                    prop_assert!(!wait.is_zero() && wait <= AFTER_FAILURE.max(rhythm.every.max(seconds(5000))));
                    prop_assert!(asked.is_none() || age.failed.is_some_and(|ago| ago < AFTER_FAILURE));
                    let just_failed = age.failed.is_some_and(|ago| ago < AFTER_FAILURE);
                    prop_assert!(just_failed || due(&rhythm, &later(wait), None).is_ok(), "woken for nothing");
                    let early = due(&rhythm, &later(wait - Duration::from_millis(1)), asked);
                    prop_assert_eq!(early, Err(Duration::from_millis(1)));
                }
            }
        }
    }
}
