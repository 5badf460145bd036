//! Which alarms are told, and when: each once, and once more when it is well again.
//!
//! What was told is remembered; what is wrong now is seen anew each time. The difference is what is to be
//! told, so that neither a restart nor a telling that failed repeats or forgets anything.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::formats::alarm::{Alarm, Message};

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name, the same for as long as it lasts.
    pub key: String,
    /// A word for programs.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
    /// When it began, where that is known.
    pub since: Option<Timestamp>,
    /// Whether this is the time to begin to speak of it. Where it is not, what was told is still so.
    pub may_begin: bool,
}

/// Something that was wrong when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub key: String,
    /// A word for programs.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// It was told.
    pub told: bool,
    /// It is well again, which was not told yet.
    pub ended: bool,
}

/// What follows from a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is to be remembered.
    pub known: Vec<Known>,
    /// What is to be told now.
    pub message: Option<Message>,
}

/// So many messages are sent one after the other …
const MESSAGES: usize = 4;
/// … in this time; then what comes is gathered into one.
const IN: Duration = Duration::from_secs(3600);

/// How long something must have been wrong before it is told: what comes right by itself in a while is
/// nobody's business. `away_after` is that of an outage.
pub fn patience(code: &str, away_after: Duration) -> Duration {
    const MINUTE: Duration = Duration::from_secs(60);
    match code {
        "extend_away" => away_after,
        // Somebody did it on purpose, and may have forgotten it.
        "paused" => 60 * MINUTE,
        "login_refused" => MINUTE,
        "inbox_trouble" | "move_trouble" | "put_trouble" | "backup_trouble" | "reports_trouble"
        | "webhooks_trouble" | "page_trouble" => 5 * MINUTE,
        _ => Duration::ZERO,
    }
}

/// What is to be remembered and told. `told_at` are the times of earlier messages, in any order.
pub fn plan(
    known: Vec<Known>,
    seen: Vec<Seen>,
    told_at: &[Timestamp],
    away_after: Duration,
    now: Timestamp,
) -> Plan {
    let mut left = known;
    let mut kept: Vec<Known> = Vec::new();
    for one in seen {
        // Two of one name are one.
        if kept.iter().any(|kept| kept.key == one.key) {
            continue;
        }
        let before = left.iter().position(|known| known.key == one.key).map(|place| left.swap_remove(place));
        if before.is_none() && !one.may_begin {
            continue;
        }
        let since = match &before {
            // A clock that was set back must not make it wait.
            Some(known) if !known.ended => known.since,
            _ => one.since.unwrap_or(now),
        };
        let told = before.as_ref().is_some_and(|known| known.told);
        let Seen { key, code, message, .. } = one;
        // Words with a figure in them change all the time; what was told is remembered as it was told.
        let message = before.filter(|known| known.told).map_or(message, |known| known.message);
        kept.push(Known { key, code, message, since: since.min(now), told, ended: false });
    }
    kept.extend(left.into_iter().filter(|known| known.told).map(|known| Known { ended: true, ..known }));
    let message = message(&kept, told_at, away_after, now);
    Plan { known: kept, message }
}

fn message(known: &[Known], told_at: &[Timestamp], away_after: Duration, now: Timestamp) -> Option<Message> {
    let is_due = |one: &&Known| {
        let stood = Duration::try_from(now.duration_since(one.since)).unwrap_or_default();
        !one.told && !one.ended && stood >= patience(&one.code, away_after)
    };
    let raised: Vec<Alarm> = known.iter().filter(is_due).map(alarm).collect();
    let ended: Vec<Alarm> = known.iter().filter(|one| one.ended).map(alarm).collect();
    if raised.is_empty() && ended.is_empty() || !has_room(told_at, now) {
        return None;
    }
    let left = known.iter().filter(|one| one.told && !one.ended).count();
    Some(Message { at: text(now), raised, ended, left })
}

/// Whether one more message may be sent. Those that a clock which was set back makes lie ahead do not count.
fn has_room(told_at: &[Timestamp], now: Timestamp) -> bool {
    let since = now.saturating_sub(SignedDuration::try_from(IN).unwrap_or_default()).unwrap_or(now);
    told_at.iter().filter(|at| **at > since && **at <= now).count() < MESSAGES
}

fn alarm(known: &Known) -> Alarm {
    Alarm {
        key: known.key.clone(),
        code: known.code.clone(),
        message: known.message.clone(),
        since: text(known.since),
    }
}

/// As the tables have it.
fn text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// What is remembered after a message was told.
pub fn after_told(known: Vec<Known>, message: &Message) -> Vec<Known> {
    let is_in = |all: &[Alarm], key: &str| all.iter().any(|alarm| alarm.key == key);
    known
        .into_iter()
        .filter(|one| !(one.ended && is_in(&message.ended, &one.key)))
        .map(|one| Known { told: one.told || is_in(&message.raised, &one.key), ..one })
        .collect()
}

/// Whether a disk is nearly full: `free` bytes are left, `least` are wanted by the settings (0: nobody asks),
/// and the next copy of a database of `database` bytes must fit, beside what it grows meanwhile.
pub fn is_nearly_full(free: u64, least: u64, database: u64) -> bool {
    least > 0 && free < least.max(database.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AWAY_AFTER: Duration = Duration::from_secs(900);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn seen(code: &str, key: &str) -> Seen {
        Seen { key: key.into(), code: code.into(), message: key.into(), since: None, may_begin: true }
    }

    /// An agent that looks and tells.
    #[derive(Default)]
    struct Agent {
        known: Vec<Known>,
        told_at: Vec<Timestamp>,
    }

    impl Agent {
        /// Looks, and tells what is to be told: keys that were raised, keys that ended.
        fn look(&mut self, seen: &[Seen], seconds: i64) -> Option<(Vec<String>, Vec<String>)> {
            let now = at(seconds);
            let plan = plan(std::mem::take(&mut self.known), seen.to_vec(), &self.told_at, AWAY_AFTER, now);
            self.known = plan.known;
            let message = plan.message?;
            self.told_at.push(now);
            self.known = after_told(std::mem::take(&mut self.known), &message);
            let keys = |all: &[Alarm]| all.iter().map(|one| one.key.clone()).collect();
            Some((keys(&message.raised), keys(&message.ended)))
        }
    }

    fn keys(raised: &[&str], ended: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Some((owned(raised), owned(ended)))
    }

    #[test]
    fn a_refused_order_is_told_once_and_once_when_it_is_well() {
        let mut agent = Agent::default();
        let refused = [seen("refused", "refused:17")];
        assert_eq!(agent.look(&refused, 0), keys(&["refused:17"], &[]));
        for minute in 1..600 {
            assert_eq!(agent.look(&refused, 60 * minute), None);
        }
        let both = [seen("refused", "refused:17"), seen("refused", "refused:18")];
        assert_eq!(agent.look(&both, 36_000), keys(&["refused:18"], &[]));
        assert_eq!(agent.look(&both[1..], 36_060), keys(&[], &["refused:17"]));
        assert_eq!(agent.look(&[], 36_120), keys(&[], &["refused:18"]));
        assert_eq!(agent.look(&[], 36_180), None);
        assert_eq!(agent.known, []);
    }

    #[test]
    fn an_outage_is_told_when_it_has_lasted_and_a_short_one_never() {
        let mut agent = Agent::default();
        let away = |since| [Seen { since: Some(at(since)), ..seen("extend_away", "extend_away") }];
        assert_eq!(agent.look(&away(0), 0), None);
        assert_eq!(agent.look(&away(0), 899), None);
        assert_eq!(agent.look(&[], 899), None, "nobody was told that it began");
        assert_eq!(agent.look(&away(1000), 1000), None);
        assert_eq!(agent.look(&away(1000), 1900), keys(&["extend_away"], &[]));
        assert_eq!(agent.look(&away(1000), 9000), None);
        assert_eq!(agent.look(&[], 9100), keys(&[], &["extend_away"]));
    }

    #[test]
    fn what_follows_from_an_outage_neither_begins_nor_ends_in_it() {
        let mut agent = Agent::default();
        let stale = [seen("stale", "stale:products")];
        let quiet = [Seen { may_begin: false, ..stale[0].clone() }];
        assert_eq!(agent.look(&quiet, 0), None);
        assert_eq!(agent.look(&stale, 60), keys(&["stale:products"], &[]));
        assert_eq!(agent.look(&quiet, 120), None);
        assert_eq!(agent.look(&[], 180), keys(&[], &["stale:products"]));
    }

    #[test]
    fn a_restart_repeats_nothing_and_a_telling_that_failed_is_made_again() {
        let refused = vec![seen("refused", "refused:17")];
        let first = plan(Vec::new(), refused.clone(), &[], AWAY_AFTER, at(0));
        let message = first.message.clone().unwrap();
        // It could not be told.
        let again = plan(first.known, refused.clone(), &[], AWAY_AFTER, at(60));
        assert_eq!(again.message.as_ref().unwrap().raised, message.raised);
        // Told, and the process ends: what is remembered stands in the tables.
        let known = after_told(again.known, &message);
        assert_eq!(plan(known.clone(), refused, &[at(60)], AWAY_AFTER, at(70)).message, None);
        // It ended while it could not be told: that is told later, and once.
        let ended = plan(known, Vec::new(), &[at(60)], AWAY_AFTER, at(80));
        assert_eq!(ended.message.as_ref().unwrap().ended.len(), 1);
        assert_eq!(after_told(ended.known, &ended.message.unwrap()), []);
    }

    #[test]
    fn what_ended_and_came_again_before_that_was_told_was_never_away() {
        let mut agent = Agent::default();
        let refused = [seen("refused", "refused:17")];
        agent.look(&refused, 0);
        let gone = plan(agent.known.clone(), Vec::new(), &[], AWAY_AFTER, at(10));
        let back = plan(gone.known, refused.to_vec(), &[], AWAY_AFTER, at(20));
        assert_eq!(back.message, None);
    }

    #[test]
    fn what_was_told_is_remembered_in_those_words() {
        let words = |words: &str| Seen { message: words.into(), ..seen("disk_nearly_full", "disk") };
        let mut agent = Agent::default();
        agent.look(&[words("312 MB are left")], 0);
        let before = agent.known.clone();
        agent.look(&[words("311 MB are left")], 10);
        assert_eq!(agent.known, before, "nothing is written anew");
    }

    #[test]
    fn a_bad_hour_is_gathered_into_few_messages() {
        let mut agent = Agent::default();
        let mut all = Vec::new();
        let mut messages = 0;
        let mut told = 0;
        for minute in 0..120 {
            all.push(seen("refused", &format!("refused:{minute}")));
            if let Some((raised, _)) = agent.look(&all, 60 * minute) {
                messages += 1;
                told += raised.len();
            }
        }
        assert!(messages <= 9, "{messages}");
        assert!(told > 60, "{told}");
        // A clock that was set back silences nobody.
        all.push(seen("refused", "last"));
        assert!(agent.look(&all, -100_000).is_some());
    }

    #[test]
    fn a_disk_is_nearly_full_before_it_is() {
        assert!(is_nearly_full(499, 500, 0) && !is_nearly_full(500, 500, 0));
        assert!(is_nearly_full(1999, 500, 1000), "the next backup would not fit");
        assert!(!is_nearly_full(0, 0, 1000), "nobody asks");
    }

    proptest! {
        /// Whatever comes and goes: nothing is raised twice without an end between, nothing ends that was not
        /// raised, and when all is well long enough everything that was raised has ended.
        #[test]
        fn raised_and_ended_take_turns(
            looks in proptest::collection::vec((proptest::collection::vec(0usize..4, 0..5), 1i64..5000), 1..40),
        ) {
            const CODES: [&str; 4] = ["refused", "paused", "login_refused", "disk_nearly_full"];
            let mut agent = Agent::default();
            let mut standing: Vec<String> = Vec::new();
            let mut now = 0;
            let quiet = std::iter::repeat_n((Vec::new(), 4000), 3);
            for (which, pause) in looks.into_iter().chain(quiet) {
                now += pause;
                let all: Vec<Seen> = which.iter().map(|place| seen(CODES[*place], CODES[*place])).collect();
                let Some((raised, ended)) = agent.look(&all, now) else { continue };
                for key in ended {
                    prop_assert!(standing.contains(&key), "{key} ended and was not raised");
                    standing.retain(|standing| *standing != key);
                }
                for key in raised {
                    prop_assert!(!standing.contains(&key), "{key} was raised twice");
                    standing.push(key);
                }
            }
            prop_assert!(standing.is_empty() && agent.known.is_empty(), "{standing:?}");
        }
    }
}
