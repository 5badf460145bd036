//! When a file in the inbox is taken, waited for, or set aside.

use std::time::Duration;

use crate::formats::json::Completeness;
use crate::formats::problem::Wrong;

/// What a look at a file in the inbox showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It was read.
    Read(Completeness),
    /// Too large to be read: its size in bytes.
    TooLarge(u64),
    /// Another program holds it, and the system lets nobody else read it meanwhile.
    Held,
    /// A format that is not taken.
    OtherFormat(Wrong),
    /// The system did not let us: what it said.
    Unreadable(String),
}

/// What to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Take it now.
    Take,
    /// Look again after this long, or when something tells of a change.
    Wait(Duration),
    /// Set it aside. `None`: parsing will say what is wrong.
    SetAside(Option<Wrong>),
}

/// The settings that matter here.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a broken file must stand still before it is set aside, and one of lines before it is taken.
    pub settle: Duration,
    /// How long a file that is cut off must stand still before it is set aside.
    pub broken_after: Duration,
    /// The largest file that is read, in bytes.
    pub max_bytes: u64,
}

/// How long to wait for a writer to let go of a file that looks whole.
const HELD_OPEN_AGAIN: Duration = Duration::from_millis(50);

/// The same, once it has been held for a while.
const HELD_LONG_AGAIN: Duration = Duration::from_secs(1);

/// `unchanged_for` is how long size, time and identity of the file have stood still.
pub fn decide(sight: &Sight, unchanged_for: Duration, held_open: bool, patience: &Patience) -> Arrival {
    let (patience_for_it, wrong) = match sight {
        Sight::Read(Completeness::Complete | Completeness::LineEnded) if held_open => {
            return Arrival::Wait(held_again(unchanged_for));
        }
        Sight::Held => return Arrival::Wait(held_again(unchanged_for)),
        Sight::Read(Completeness::Complete) => return Arrival::Take,
        Sight::Read(Completeness::LineEnded) => {
            return match patience.settle.checked_sub(unchanged_for) {
                None | Some(Duration::ZERO) => Arrival::Take,
                Some(left) => Arrival::Wait(left),
            };
        }
        Sight::Read(Completeness::Broken) => (patience.settle, None),
        Sight::Read(Completeness::CutOff) => (patience.broken_after, None),
        Sight::TooLarge(bytes) => {
            let limit_mb = patience.max_bytes / 1_000_000;
            (patience.settle, Some(Wrong::TooLarge { bytes: *bytes, limit_mb }))
        }
        Sight::OtherFormat(wrong) => (patience.settle, Some(wrong.clone())),
        Sight::Unreadable(reason) => {
            (patience.broken_after, Some(Wrong::Unreadable { reason: reason.clone() }))
        }
    };
    if held_open {
        return Arrival::Wait(patience_for_it.max(HELD_OPEN_AGAIN));
    }
    match patience_for_it.checked_sub(unchanged_for) {
        None | Some(Duration::ZERO) => Arrival::SetAside(wrong),
        Some(left) => Arrival::Wait(left),
    }
}

fn held_again(unchanged_for: Duration) -> Duration {
    if unchanged_for >= HELD_LONG_AGAIN { HELD_LONG_AGAIN } else { HELD_OPEN_AGAIN }
}

/// Names that are left alone: a writer's own temporary files.
pub fn is_left_alone(name: &str) -> bool {
    const ENDINGS: [&str; 8] =
        [".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", ".lock", "~"];
    let lower = name.to_ascii_lowercase();
    name.starts_with(['.', '~']) || ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn check(sight: Sight, unchanged_for: u32, held_open: bool, expected: Arrival) {
        let patience = Patience { settle: SECOND * 5, broken_after: SECOND * 60, max_bytes: 16_000_000 };
        assert_eq!(decide(&sight, SECOND * unchanged_for, held_open, &patience), expected, "{sight:?}");
    }

    #[test]
    fn whole_files_are_taken_and_others_waited_for() {
        use Completeness::{Broken, Complete, CutOff, LineEnded};
        check(Sight::Read(Complete), 0, false, Arrival::Take);
        check(Sight::Read(Complete), 0, true, Arrival::Wait(HELD_OPEN_AGAIN));
        check(Sight::Read(LineEnded), 3, false, Arrival::Wait(SECOND * 2));
        check(Sight::Read(LineEnded), 5, false, Arrival::Take);
        check(Sight::Read(LineEnded), 5, true, Arrival::Wait(HELD_LONG_AGAIN));
        check(Sight::Read(Broken), 0, false, Arrival::Wait(SECOND * 5));
        check(Sight::Read(Broken), 5, false, Arrival::SetAside(None));
        check(Sight::Read(CutOff), 5, false, Arrival::Wait(SECOND * 55));
        check(Sight::Read(CutOff), 60, false, Arrival::SetAside(None));
        check(Sight::Read(CutOff), 600, true, Arrival::Wait(SECOND * 60));
        let large = Wrong::TooLarge { bytes: 50_000_000, limit_mb: 16 };
        check(Sight::TooLarge(50_000_000), 5, false, Arrival::SetAside(Some(large)));
    }

    #[test]
    fn names_of_unfinished_files() {
        for name in [".x", "~x", "a.tmp", "a.json.part", "a.CRDOWNLOAD", "a.json~", "a.swp", "a.lock"] {
            assert!(is_left_alone(name), "{name}");
        }
        for name in ["a.json", "tmp", "part.json", "a.tmp.json"] {
            assert!(!is_left_alone(name), "{name}");
        }
    }
}
