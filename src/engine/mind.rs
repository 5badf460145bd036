//! What the engine thinks: events in, plans out, and the clocks by which it goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Transaction;

use super::course::{Course, Settled};
use super::meanwhile::Meanwhile;
use super::{Event, Job, Task, alerts, rounds};
use crate::clock::{self, Now};
use crate::config::Config;
use crate::exchange::watch::Sighting;
use crate::rules::retry::Pauses;
use crate::store::{agent, owed};

/// What the engine knows beside the tables. All of it can be lost.
pub(super) struct Mind {
    pub(super) config: Arc<Config>,
    pub(super) task: Task,
    pub(super) pauses: Pauses,
    pub(super) course: Course,
    pub(super) rounds: rounds::Rounds,
    /// What was stored while calls were under way. As the rounds, it knows only what was committed.
    pub(super) meanwhile: Meanwhile,
    /// Extend's clock: its seconds since 1970 at a moment of ours.
    pub(super) server_clock: Option<(i64, Duration)>,
    /// The earliest moment at which something may be due.
    pub(super) wake_at: Duration,
    /// The inbox was looked at as a whole.
    pub(super) scanned: bool,
    /// A list has moved on, and its next page can be planned.
    pub(super) moved_on: bool,
    /// A round ended since memory was last given back.
    pub(super) may_rest: bool,
    /// Files that were moved a moment ago: the watcher may have read them before.
    pub(super) just_moved: HashMap<i64, Duration>,
    pub(super) now: Now,
    pub(super) dice: fastrand::Rng,
}

impl Mind {
    /// One event that the database can't hold must not stop the others, now and after every restart: it is
    /// undone alone and set aside. When the database itself is in trouble the whole step fails. A savepoint
    /// copies every page that is changed under it, so this is only done once there is such an event.
    pub(super) fn hear_safely(
        &mut self,
        tx: &Transaction<'_>,
        event: &Event,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        tx.execute_batch("SAVEPOINT event")?;
        match self.hear(tx, event, settled) {
            Err(error) if is_about_the_data(&error) => {
                log::error!("something could not be recorded and is set aside: {error}");
                tx.execute_batch("ROLLBACK TO event; RELEASE event")?;
                self.set_aside(tx, event, &error.to_string(), settled)
            }
            Err(error) => Err(error),
            Ok(()) => tx.execute_batch("RELEASE event"),
        }
    }

    /// What can still be done for an event that could not be recorded.
    pub(super) fn set_aside(
        &mut self,
        tx: &Transaction<'_>,
        event: &Event,
        why: &str,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        match event {
            Event::Seen(Sighting::Arrived(arrived)) => self.reject_unstorable(tx, arrived, why),
            Event::Seen(_) => Ok(()),
            Event::Moved(_) => {
                settled.moved = Some(false);
                Ok(())
            }
            Event::Put(_) => {
                settled.put = Some(false);
                Ok(())
            }
            Event::BackedUp(_) => {
                settled.backup_at = Some(self.now.mono + AGAIN_AFTER_TROUBLE);
                Ok(())
            }
            Event::Examined(_) => {
                settled.examine_at = Some(self.now.mono + AGAIN_AFTER_TROUBLE);
                Ok(())
            }
            Event::Copied(_) => {
                settled.copied = Some(false);
                Ok(())
            }
            Event::LookedForWrongs(_) => {
                settled.alerts = Some(alerts::Heard::Looked(None));
                Ok(())
            }
            Event::Told(..) => {
                settled.alerts = Some(alerts::Heard::Told(false));
                Ok(())
            }
            // Not told that it is recorded, the sender sends it again.
            Event::Hooked(_) | Event::TurnedAway(_) | Event::Listening(_) | Event::PageServed(_) => Ok(()),
            Event::Answered(answered) => self.hear_answered(tx, answered, settled),
            // An item stays in doubt and is looked up again; a round is read again.
            Event::Called(done) => self.set_call_aside(tx, done, why, settled),
        }
    }

    pub(super) fn hear(
        &mut self,
        tx: &Transaction<'_>,
        event: &Event,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        match event {
            Event::Seen(sighting) => self.hear_sighting(tx, sighting, settled),
            Event::Moved(taken) => self.hear_moved(tx, taken, settled),
            Event::Put(put) => self.hear_put(tx, put, settled),
            Event::Answered(answered) => self.hear_answered(tx, answered, settled),
            Event::Called(done) => self.hear_call(tx, done, settled),
            Event::BackedUp(made) => self.hear_backup(tx, made, settled),
            Event::Examined(found) => self.hear_examined(tx, found, settled),
            Event::Copied(copied) => self.hear_copied(tx, copied, settled),
            Event::Hooked(hooked) => self.hear_hooked(tx, hooked, settled),
            Event::TurnedAway(away) => self.hear_turned_away(tx, away),
            Event::Listening(result) => {
                agent::set(tx, agent::HOOKS_TROUBLE, result.as_ref().err().map_or("", String::as_str))
            }
            Event::LookedForWrongs(seen) => self.hear_wrongs(tx, seen, settled),
            Event::Told(message, result) => self.hear_told(tx, message, result, settled),
            Event::PageServed(result) => {
                let at = result.as_ref().map(ToString::to_string).unwrap_or_default();
                agent::set(tx, agent::PAGE_AT, &at)?;
                agent::set(tx, agent::PAGE_TROUBLE, result.as_ref().err().map_or("", String::as_str))?;
                owed::owe(tx, "status", "")
            }
        }
    }

    /// What follows from all events together: the line, the budget, items under suspicion.
    pub(super) fn settle(&mut self, tx: &Transaction<'_>, settled: &Settled) -> rusqlite::Result<()> {
        let mut line = self.course.line.clone();
        for (_, health) in &settled.calls {
            line.after_call(health, self.now.mono);
        }
        match &settled.probe {
            Some(health) => self.settle_probe(tx, line, health.clone(), &settled.suspects),
            None => {
                self.course.line = line;
                Ok(())
            }
        }
    }

    pub(super) fn plan(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        if !self.task.mirror_only {
            self.plan_questions(&mut jobs);
            self.plan_moves(tx, &mut jobs)?;
            self.plan_pushes(tx, &mut jobs)?;
        } else {
            self.plan_probe(&mut jobs);
        }
        self.plan_pull(tx, &mut jobs)?;
        self.plan_put(tx, &mut jobs)?;
        self.plan_backup(tx, &mut jobs)?;
        self.plan_examination(tx, &mut jobs)?;
        self.plan_copy(tx, &mut jobs)?;
        self.plan_alerts(&mut jobs);
        Ok(jobs)
    }

    /// Extend's clock in seconds since 1970, if an answer told it.
    pub(super) fn server_seconds(&self) -> Option<i64> {
        self.server_clock.map(|(server, at)| server + self.now.mono.saturating_sub(at).as_secs() as i64)
    }

    /// Extend's time now; ours where no answer has told it yet.
    pub(super) fn server_now(&self) -> jiff::Timestamp {
        self.server_seconds()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .unwrap_or(self.now.wall)
    }

    /// The wall clock's time at a moment to come, for people to read.
    pub(super) fn wall_at(&self, at: Duration) -> String {
        let ahead = at.saturating_sub(self.now.mono);
        let wall = self.now.wall.checked_add(jiff::SignedDuration::try_from(ahead).unwrap_or_default());
        clock::text(wall.unwrap_or(self.now.wall))
    }

    /// When the wall clock, as it goes now, will show the moment that a table has.
    pub(super) fn mono_at(&self, text: &str) -> Duration {
        let at = text.parse::<jiff::Timestamp>().unwrap_or(self.now.wall);
        self.now.mono + Duration::try_from(at.duration_since(self.now.wall)).unwrap_or_default()
    }

    pub(super) fn wake(&mut self, at: Duration) {
        self.wake_at = self.wake_at.min(at.max(self.now.mono));
    }

    pub(super) fn dice(&mut self) -> f64 {
        self.dice.f64()
    }
}

/// Whether the same statement would fail again on a healthy database.
pub(super) fn is_about_the_data(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    matches!(error.sqlite_error_code(), Some(ConstraintViolation | TooBig | TypeMismatch))
        || matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::ToSqlConversionFailure(_)
                | rusqlite::Error::Utf8Error(..)
        )
}

/// How long to leave a folder alone that could not be written.
pub(super) const AGAIN_AFTER_TROUBLE: Duration = Duration::from_secs(5);
