//! Care of what grows: what has long ended is thinned, and the database is kept small and looked through.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use super::{Engine, Job, Mind, Settled};
use crate::clock::{self, Now};
use crate::exchange::put::PutJob;
use crate::store::upkeep::{self, Examined};
use crate::store::{StoreError, agent, thinning};

/// How often it is looked what can be thinned …
const BETWEEN_THINNINGS: Duration = Duration::from_secs(3600);
/// … and how many files are thinned in one job.
const THINNED_TOGETHER: usize = 100;

/// How often all of the database is looked through.
const EXAMINED_EVERY: Duration = Duration::from_secs(7 * 24 * 3600);
/// When that could not be done, or found something that was mended, it is done again after this.
const EXAMINED_AGAIN: Duration = Duration::from_secs(3600);

/// The first time after a start the database is tended only when the start is long over …
const TENDED_FIRST: Duration = Duration::from_secs(600);
/// … then this often.
const TENDED_EVERY: Duration = Duration::from_secs(3600);
/// Statistics are gathered once a day.
const OPTIMIZED_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Pages, of 4 KB, that are given back in one go.
const GIVEN_BACK: u32 = 1000;

/// What was thinned, in this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Thinning {
    looked_at: Option<Duration>,
    /// Files that could not be removed: they are left alone until the next process.
    failed: Vec<i64>,
}

impl Thinning {
    /// What became of one file. There may be more to thin.
    pub(super) fn after(&mut self, file: i64, well: bool) {
        self.looked_at = None;
        if !well {
            self.failed.push(file);
        }
    }
}

impl Mind {
    /// What ended more than `keep_days` ago is thinned. A clock that was set forward must not take what is
    /// young for old: Extend's clock counts too, and nothing is thinned before it is known.
    pub(super) fn plan_thinning(
        &mut self,
        tx: &Transaction<'_>,
        files: &mut Vec<PutJob>,
    ) -> rusqlite::Result<()> {
        let thinning = &mut self.course.thinning;
        let due_at = thinning.looked_at.map_or(Duration::ZERO, |at| at + BETWEEN_THINNINGS);
        if due_at > self.now.mono || self.server_clock.is_none() {
            return Ok(());
        }
        thinning.looked_at = Some(self.now.mono);
        let now = self.now.wall.min(self.server_now());
        let kept = SignedDuration::from_hours(24 * i64::from(self.config.exchange.keep_days));
        let Ok(before) = now.checked_sub(kept) else { return Ok(()) };
        let failed = &self.course.thinning.failed;
        let due = thinning::load_due(tx, &clock::text(before), failed, THINNED_TOGETHER)?;
        files.extend(due.into_iter().map(|file| PutJob::Thin { file }));
        Ok(())
    }

    pub(super) fn plan_examination(
        &mut self,
        tx: &Transaction<'_>,
        jobs: &mut Vec<Job>,
    ) -> rusqlite::Result<()> {
        if self.course.backing_up || self.course.examining || self.task.is_short() {
            return Ok(());
        }
        let due = match self.course.examine_at {
            Some(at) => at,
            None => self.first_examination(tx)?,
        };
        self.course.examine_at = Some(due);
        if due > self.now.mono {
            self.wake(due);
        } else {
            jobs.push(Job::Examine);
        }
        Ok(())
    }

    fn first_examination(&self, tx: &Transaction<'_>) -> rusqlite::Result<Duration> {
        let last = agent::get(tx, agent::EXAMINED_AT)?.and_then(|at| at.parse::<Timestamp>().ok());
        let Some(last) = last else {
            agent::set(tx, agent::EXAMINED_AT, &self.now.text())?;
            return Ok(self.now.mono + EXAMINED_EVERY);
        };
        // A clock that was set back makes the last one lie ahead: then one is due.
        let age = Duration::try_from(self.now.wall.duration_since(last)).unwrap_or(EXAMINED_EVERY);
        Ok(self.now.mono + EXAMINED_EVERY.saturating_sub(age))
    }

    /// Damage ends the process before this is heard: only a start can make the database again.
    pub(super) fn hear_examined(
        &mut self,
        tx: &Transaction<'_>,
        found: &Examined,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let pause = match found {
            Examined::Whole => {
                log::info!("the database was looked through, and is whole");
                agent::set(tx, agent::EXAMINED_AT, &self.now.text())?;
                EXAMINED_EVERY
            }
            Examined::Index(why) => {
                log::error!(
                    "an index of the database was wrong and is made again; no order was touched: {why}"
                );
                upkeep::index_again(tx)?;
                EXAMINED_AGAIN
            }
            Examined::Unfinished(why) | Examined::Damaged(why) => {
                log::warn!("the database could not be looked through, which is tried again: {why}");
                EXAMINED_AGAIN
            }
        };
        settled.examine_at = Some(self.now.mono + pause);
        Ok(())
    }
}

/// When the database was last tended. It can be lost.
#[derive(Debug, Default)]
pub(super) struct Tended {
    next_at: Option<Duration>,
    optimized_at: Option<Duration>,
}

impl Engine {
    /// Gives room that the database no longer needs back to the system, a little at a time, and gathers its
    /// statistics. For a moment at which nothing else is to be done; does nothing most of the time.
    ///
    /// # Errors
    /// SQLite's.
    pub fn tend_database(&mut self, now: Now) -> Result<(), StoreError> {
        let next_at = *self.tended.next_at.get_or_insert(now.mono + TENDED_FIRST);
        if next_at > now.mono {
            return Ok(());
        }
        self.tended.next_at = Some(now.mono + TENDED_EVERY);
        if self.tended.optimized_at.is_none_or(|at| now.mono >= at + OPTIMIZED_EVERY) {
            self.tended.optimized_at = Some(now.mono);
            upkeep::optimize(&self.connection)?;
        }
        if upkeep::give_back(&self.connection, GIVEN_BACK)? {
            // More of it at the next moment of rest.
            self.tended.next_at = Some(now.mono);
        }
        Ok(())
    }
}
