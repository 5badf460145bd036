//! When the plain copy for reports is refreshed, and what came of it.

use std::time::Duration;

use rusqlite::Transaction;

use super::{Job, Mind, Settled};
use crate::rules::line::State;
use crate::store::agent;

/// When the copy was last refreshed, and since when it could not be.
const COPIED_AT: &str = "reports_copied_at";
/// Why the copy can't be refreshed; empty where it can.
pub const TROUBLE: &str = "reports_trouble";

/// A copy waits for a quiet moment, but no longer than this.
const PATIENCE: Duration = Duration::from_secs(300);
/// After a failure it is tried again after so long: on Windows nobody can swap a file that is held open.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// A copy that fails this often in a row needs a person.
const TOLD_AFTER: u32 = 10;

/// What is known of the copy. It can be lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Copies {
    due_at: Option<Duration>,
    failed: u32,
    pub(super) under_way: bool,
}

impl Mind {
    pub(super) fn hear_copied(
        &mut self,
        tx: &Transaction<'_>,
        copied: &Result<(), String>,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let trouble = match copied {
            Ok(()) => {
                agent::set(tx, COPIED_AT, &self.now.text())?;
                agent::set(tx, TROUBLE, "")?;
                false
            }
            Err(why) => {
                log::warn!("the copy for reports could not be refreshed, and is tried again: {why}");
                if self.course.copies.failed + 1 >= TOLD_AFTER {
                    agent::set(tx, TROUBLE, why)?;
                }
                true
            }
        };
        settled.copied = Some(!trouble);
        Ok(())
    }

    pub(super) fn after_copy(&mut self, well: bool) {
        let every = self.config.reports.every;
        let copies = &mut self.course.copies;
        copies.under_way = false;
        copies.failed = if well { 0 } else { copies.failed + 1 };
        // A task that ends does not try for ever: the copy is due again at the next start.
        let pause = if well || self.task.is_short() { every } else { AGAIN_AFTER.min(every) };
        copies.due_at = Some(self.now.mono + pause);
    }

    pub(super) fn plan_copy(&mut self, tx: &Transaction<'_>, jobs: &mut Vec<Job>) -> rusqlite::Result<()> {
        let reports = &self.config.reports;
        if reports.database.is_none() || self.task.mirror_only || self.course.copies.under_way {
            return Ok(());
        }
        let due_at = match self.course.copies.due_at {
            Some(due_at) => due_at,
            None => {
                let copied_at = agent::get(tx, COPIED_AT)?;
                let due_at = self.now.mono + due_in(copied_at.as_deref(), self.now.wall, reports.every);
                *self.course.copies.due_at.insert(due_at)
            }
        };
        if due_at > self.now.mono {
            self.wake(due_at);
            return Ok(());
        }
        let course = &self.course;
        let busy = !jobs.is_empty()
            || course.pulls() > 0
            || course.hooks.fetching.is_some()
            || course.moving
            || course.putting
            || course.pushing > 0;
        let begun = self.scanned && course.line.state != State::Unknown;
        let fetching = course.line.state == State::Up && self.rounds.are_under_way();
        if (busy || !begun || fetching) && self.now.mono < due_at + PATIENCE {
            self.wake(due_at + PATIENCE);
            return Ok(());
        }
        jobs.push(Job::Copy);
        Ok(())
    }
}

/// How long the copy of an earlier process is still good.
fn due_in(copied_at: Option<&str>, now: jiff::Timestamp, every: Duration) -> Duration {
    let Some(at) = copied_at.and_then(|at| at.parse::<jiff::Timestamp>().ok()) else { return Duration::ZERO };
    // Where the clock was set back it is no older than new.
    let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
    every.saturating_sub(age)
}

/// The copy is not there, whatever was noted: it is due at once.
///
/// # Errors
/// SQLite's.
pub(super) fn forget(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    agent::set(connection, COPIED_AT, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_neither_hastens_nor_delays_a_copy() {
        let every = Duration::from_secs(3600);
        let now: jiff::Timestamp = "2026-11-21T22:16:00Z".parse().unwrap();
        for (copied_at, minutes) in [
            (None, 0),
            (Some(""), 0),
            (Some("2026-11-21T22:16:00.000Z"), 60),
            (Some("2026-11-21T21:46:00.000Z"), 30),
            (Some("2026-11-01T00:00:00.000Z"), 0),
            (Some("2027-11-01T00:00:00.000Z"), 60),
        ] {
            assert_eq!(due_in(copied_at, now, every), Duration::from_secs(minutes * 60), "{copied_at:?}");
        }
    }
}
