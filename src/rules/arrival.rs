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

/// What a file's writer has said of it by a marker: an empty file beside it, `orders.csv.done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Nothing yet, and it is waited for.
    NotYet,
    /// Nothing that can be relied on: the file itself tells.
    Nothing,
    /// It is whole.
    Whole,
}

/// What a marker says of a document. `marker`: whether there is one, and whether it was written after the document.
/// An older one may be that of an earlier file, or was copied with its old time.
pub fn said(marker: Option<bool>) -> Said {
    match marker {
        None => Said::NotYet,
        Some(true) => Said::Whole,
        Some(false) => Said::Nothing,
    }
}

/// As [`decide`], with what the writer has said. A file that is waited for is not taken, whatever it looks like. One
/// that is whole need not stand still, and what is wrong with it no more bytes will mend.
pub fn decide_as_said(
    said: Said,
    sight: &Sight,
    unchanged_for: Duration,
    held_open: bool,
    patience: &Patience,
) -> Arrival {
    match said {
        Said::NotYet => Arrival::Wait(patience.broken_after.saturating_sub(unchanged_for)),
        Said::Whole if !held_open && *sight != Sight::Held => {
            decide(sight, Duration::MAX, held_open, patience)
        }
        Said::Whole | Said::Nothing => decide(sight, unchanged_for, held_open, patience),
    }
}

/// Whether a setting is what a marker's name may have after the document's.
pub fn is_marker_ending(ending: &str) -> bool {
    const DOCUMENTS: [&str; 5] = [".json", ".jsonl", ".ndjson", ".csv", ".xml"];
    let lower = ending.to_ascii_lowercase();
    ending.len() > 1
        && ending.starts_with('.')
        && !ending.contains(['/', '\\'])
        && !DOCUMENTS.contains(&&*lower)
        && !is_left_alone(&format!("x{ending}"))
}

/// The name of the document that a marker speaks of, `orders.csv.done` of `orders.csv`; where there is none of that
/// name, the [`stem`] of those that it speaks of, `orders.done` of every `orders.`*something*. `None`: the name is no
/// marker's.
pub fn marked<'n>(name: &'n str, ending: &str) -> Option<&'n str> {
    let at = name.len().checked_sub(ending.len())?;
    let (of, rest) = name.is_char_boundary(at).then(|| name.split_at(at))?;
    (!of.is_empty() && rest.eq_ignore_ascii_case(ending)).then_some(of)
}

/// A document's name without its last ending. `None` where it has none.
pub fn stem(document: &str) -> Option<&str> {
    document.rsplit_once('.').map(|(stem, _)| stem).filter(|stem| !stem.is_empty())
}

/// The names that a document's marker may have, the one that is its alone first.
pub fn markers(document: &str, ending: &str) -> Vec<String> {
    let names = [Some(document), stem(document)];
    names.into_iter().flatten().map(|name| format!("{name}{ending}")).collect()
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
    fn what_a_marker_says() {
        let patience = Patience { settle: SECOND * 5, broken_after: SECOND * 60, max_bytes: 16_000_000 };
        let said_by = [None, Some(true), Some(false)].map(said);
        assert_eq!(said_by, [Said::NotYet, Said::Whole, Said::Nothing]);

        use Completeness::{Broken, Complete, CutOff, LineEnded};
        let check = |said, sight, held, expected| {
            let sight = Sight::Read(sight);
            assert_eq!(decide_as_said(said, &sight, SECOND, held, &patience), expected, "{said:?} {sight:?}");
        };
        check(Said::NotYet, Complete, false, Arrival::Wait(SECOND * 59));
        check(Said::Whole, Complete, false, Arrival::Take);
        check(Said::Whole, LineEnded, false, Arrival::Take);
        check(Said::Whole, CutOff, false, Arrival::SetAside(None));
        check(Said::Whole, Broken, false, Arrival::SetAside(None));
        check(Said::Whole, Complete, true, Arrival::Wait(HELD_LONG_AGAIN));
        // A marker of an earlier file: half of one of lines is not taken for the whole.
        check(Said::Nothing, Complete, false, Arrival::Take);
        check(Said::Nothing, LineEnded, false, Arrival::Wait(SECOND * 4));
        check(Said::Nothing, CutOff, false, Arrival::Wait(SECOND * 59));
    }

    #[test]
    fn names_of_markers() {
        assert_eq!(marked("orders.csv.DONE", ".done"), Some("orders.csv"));
        assert_eq!(marked("orders.csv", ".done"), None);
        assert_eq!(marked(".done", ".done"), None);
        assert_eq!(marked("å", ".done"), None);
        assert_eq!(markers("orders.csv", ".done"), ["orders.csv.done", "orders.done"]);
        assert_eq!(markers("orders", ".ok"), ["orders.ok"]);
        assert_eq!(markers(".orders", ".ok"), [".orders.ok"]);
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
