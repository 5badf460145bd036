//! The backup that the agent makes by itself: when one is due, and what came of it. A worker makes it through
//! a connection of its own, and the engine goes on meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Transaction;

use super::{Job, Mind, Settled};
use crate::store::copy::CopyError;
use crate::store::{agent, owed};

/// A backup that failed is tried again after this.
const AGAIN_AFTER_FAILURE: Duration = Duration::from_secs(300);

impl Mind {
    pub(super) fn plan_backup(&mut self, tx: &Transaction<'_>, jobs: &mut Vec<Job>) -> rusqlite::Result<()> {
        let Some(every) = self.config.backup.every else { return Ok(()) };
        if self.course.backing_up || self.task.mirror_only {
            return Ok(());
        }
        let due = match self.course.backup_at {
            Some(at) => at,
            None => self.first_backup(tx, every)?,
        };
        self.course.backup_at = Some(due);
        if due > self.now.mono {
            self.wake(due);
        } else {
            jobs.push(Job::Backup(self.now.wall));
        }
        Ok(())
    }

    /// When this process makes its first one. A machine that is off at night makes it in the morning.
    fn first_backup(&self, tx: &Transaction<'_>, every: Duration) -> rusqlite::Result<Duration> {
        let from = agent::get(tx, agent::BACKUP_FROM)?.and_then(|at| at.parse::<Timestamp>().ok());
        let Some(from) = from else {
            // There is nothing to keep yet.
            agent::set(tx, agent::BACKUP_FROM, &self.now.text())?;
            return Ok(self.now.mono + every);
        };
        // A clock that was set back makes the last one lie ahead: then one is due.
        let age = Duration::try_from(self.now.wall.duration_since(from)).unwrap_or(every);
        Ok(self.now.mono + every.saturating_sub(age))
    }

    pub(super) fn hear_backup(
        &mut self,
        tx: &Transaction<'_>,
        made: &Result<String, CopyError>,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let every = self.config.backup.every.unwrap_or(AGAIN_AFTER_FAILURE);
        settled.backup_at = Some(match made {
            Ok(path) => {
                log::info!("the database is copied to {path}");
                agent::set(tx, agent::BACKUP_FROM, &self.now.text())?;
                agent::set(tx, agent::BACKUP_TROUBLE, "")?;
                self.now.mono + every
            }
            // The process ends.
            Err(CopyError::Stopped(_)) => self.now.mono + AGAIN_AFTER_FAILURE,
            Err(error) => {
                log::error!("no backup could be made: {error}; it is tried again");
                agent::set(tx, agent::BACKUP_TROUBLE, &error.to_string())?;
                self.now.mono + AGAIN_AFTER_FAILURE
            }
        });
        owed::owe(tx, "status", "")
    }
}
