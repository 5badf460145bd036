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
}
