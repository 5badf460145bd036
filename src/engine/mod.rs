//! The event loop: one thread that owns the writing connection and the clock.
//!
//! [`Engine::step`] takes what workers reported and gives them new jobs, in one transaction: the results
//! of a burst, and the attempts that follow from them, share one commit, and no job leaves before the
//! commit that records it. It makes no call, touches no file and reads no clock, so the whole engine
//! runs in a test with a made-up world. [`run`] gives it threads.
//!
//! What it keeps in memory can all be lost: the line is probed anew, doubts about attempts begin anew,
//! and the rounds of the mirror are read again from their first page.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::clock::{self, Now};
use crate::config::Config;
use crate::exchange::answer::{AnswerJob, Answered};
use crate::exchange::put::{Put, PutJob};
use crate::exchange::take::Taken;
use crate::exchange::watch::Sighting;
use crate::extend::jobs::{CallDone, CallJob};
use crate::formats::alarm::Message;
use crate::rules::alert::Seen;
use crate::rules::line::State;
use crate::rules::mirror::Entity;
use crate::rules::retry::Pauses;
use crate::store::copy::CopyError;
use crate::store::intake::ToMove;
use crate::store::upkeep::Examined;
use crate::store::{self, StoreError, agent, outbox, owed};

mod alerts;
mod backup;
mod care;
mod changes;
mod course;
mod delivery;
mod hooks;
mod intake;
mod line;
mod look_ups;
mod meanwhile;
mod mind;
mod mirror;
mod pages;
mod pulse;
mod put_out;
mod questions;
mod reconcile;
mod records;
mod reports;
mod rounds;
pub mod run;
mod wal;
mod workers;

use course::{Course, Settled};
pub use delivery::forbidden_note;
pub use hooks::{Hooked, TurnedAway};
pub(crate) use intake::warnings;
use mind::{Mind, is_about_the_data};
pub use mirror::PULL_WORKERS;
pub use pulse::{Pulse, STUCK_AFTER};
pub use questions::ASK_WORKERS;
pub use reports::TROUBLE as REPORTS_TROUBLE;
pub use rounds::{entities, pause_between_rounds};

/// What the engine hears.
#[derive(Debug)]
pub enum Event {
    /// The watcher saw something.
    Seen(Sighting),
    /// Files were moved out of the inbox, or could not be.
    Moved(Vec<Taken>),
    /// Files were put out, or could not be.
    Put(Vec<Put>),
    /// Questions were answered, or could not be.
    Answered(Vec<Answered>),
    /// A call was made.
    Called(Box<CallDone>),
    /// A backup was made, at this path, or could not be.
    BackedUp(Result<String, CopyError>),
    /// All of the database was looked through.
    Examined(Examined),
    /// The copy for reports was refreshed, or why not.
    Copied(Result<(), String>),
    /// A webhook came and was let in.
    Hooked(Box<Hooked>),
    /// Webhooks were turned away.
    TurnedAway(TurnedAway),
    /// Webhooks are listened for, or can't be: why.
    Listening(Result<(), String>),
    /// It was looked what is wrong, or why it could not be.
    LookedForWrongs(Result<Vec<Seen>, String>),
    /// An alarm was told, or why it could not be.
    Told(Message, Result<(), String>),
    /// The status page is served at this address, or can't be: why.
    PageServed(Result<std::net::SocketAddr, String>),
}

/// What the engine asks for.
#[derive(Debug)]
pub enum Job {
    /// Move recorded files out of the inbox. One at a time.
    Move(Vec<ToMove>),
    /// Write files. One at a time.
    Put(Vec<PutJob>),
    /// Probe, send or look up. Several at a time.
    Push(CallJob),
    /// Fetch for the mirror. Several at a time, of each list one page.
    Pull(CallJob),
    /// Copy the database, under the name of this time. One at a time.
    Backup(jiff::Timestamp),
    /// Look through all of the database. One at a time, and not beside a backup.
    Examine,
    /// Refresh the copy for reports. One at a time.
    Copy,
    /// Look what is wrong. This or an alarm, one at a time.
    LookForWrongs,
    /// Tell an alarm.
    Tell(Message),
    /// Fetch what webhooks named. One at a time, beside that.
    Fetch(CallJob),
    /// Put a question to Extend that somebody waits for. Several at a time, beside all else.
    Ask(CallJob),
    /// Answer questions. One at a time.
    Answer(Vec<AnswerJob>),
}

/// How much the engine may do.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// Only these entities are fetched, at once and whatever the clock says. `None`: all, by the clock.
    pub only: Option<Vec<(Entity, bool)>>,
    /// Everything that is due is done as if a person had asked for a round of each entity.
    pub once: bool,
    /// Nothing is taken in and nothing is sent: a `sync` alone.
    pub mirror_only: bool,
}

impl Task {
    /// Whether it ends by itself.
    fn is_short(&self) -> bool {
        self.once || self.only.is_some()
    }
}

/// The engine.
pub struct Engine {
    connection: Connection,
    waiting: Vec<Event>,
    data_version: Option<i64>,
    log: wal::LogWatch,
    tended: care::Tended,
    mind: Mind,
}

/// Calls of the push workers at a time: so many that some are under way while the answers of others are
/// being recorded.
pub const PUSH_WORKERS: usize = 12;

impl Engine {
    /// Takes up where an earlier process stopped: attempts that it left open are in doubt.
    ///
    /// # Errors
    /// The database can't be read or written.
    pub fn new(
        mut connection: Connection,
        config: Arc<Config>,
        task: Task,
        now: Now,
    ) -> Result<Engine, StoreError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let unresolved = outbox::load_unresolved(&transaction)?;
        store::intake::look_again_at_kept(&transaction)?;
        store::intake::forget_all_but_waiting(&transaction)?;
        store::hooks::take_up_again(&transaction)?;
        let lists = store::hooks::wanted_changes(&transaction)?;
        agent::set(&transaction, agent::HOOKS_TROUBLE, "")?;
        agent::set(&transaction, agent::PAGE_TROUBLE, "")?;
        agent::set(&transaction, agent::PAGE_AT, "")?;
        if agent::get(&transaction, agent::ENDED_WELL)?.as_deref() != Some("1") {
            let lately = now.wall.checked_sub(jiff::SignedDuration::from_mins(10)).unwrap_or(now.wall);
            owed::owe_again(&transaction, &clock::text(lately))?;
        }
        agent::set(&transaction, agent::ENDED_WELL, "0")?;
        let subtract = if config.exchange.subtract_queued { "1" } else { "0" };
        agent::set(&transaction, "subtract_queued", subtract)?;
        put_out::note_shapes(&transaction, &config)?;
        let filled = mirror::take_up(&transaction, &config)?;
        // An entity that was never fetched is seen to be missing.
        for entity in entities(&config) {
            store::sync_state::begin(&transaction, entity)?;
        }
        transaction.commit()?;
        let pauses = Pauses { first: config.outbox.retry_first, longest: config.outbox.retry_max };
        let course = Course::new(&config, &unresolved, lists, now);
        let mind = Mind {
            rounds: rounds::Rounds::new(&config, &task, filled),
            config,
            task,
            pauses,
            course,
            meanwhile: meanwhile::Meanwhile::default(),
            server_clock: None,
            wake_at: now.mono,
            scanned: false,
            may_rest: false,
            moved_on: false,
            just_moved: HashMap::new(),
            now,
            dice: fastrand::Rng::new(),
        };
        Ok(Engine {
            connection,
            waiting: Vec::new(),
            data_version: None,
            log: wal::LogWatch::default(),
            tended: care::Tended::default(),
            mind,
        })
    }

    /// Takes in `events` and gives the jobs that follow. When the database fails, the events are kept
    /// and nothing was done: the next step takes them in again.
    ///
    /// # Errors
    /// The database can't be read or written.
    pub fn step(
        &mut self,
        events: impl IntoIterator<Item = Event>,
        now: Now,
    ) -> Result<Vec<Job>, StoreError> {
        self.mind.wake_at = now.mono + Duration::from_secs(3600);
        let mut jobs = self.take_in(events, now, Mind::plan)?;
        if std::mem::take(&mut self.mind.moved_on) {
            // A list goes to its next page only once the last one is committed; nothing waits for that.
            self.mind.wake_at = now.mono + Duration::from_secs(3600);
            match self.take_in([], now, Mind::plan) {
                Ok(more) => jobs.extend(more),
                Err(error) => {
                    log::warn!("{error}; what comes next is planned once more");
                    self.mind.wake_at = now.mono;
                }
            }
        }
        Ok(jobs)
    }

    /// Takes in `events` and begins nothing that would follow from them: for the end of the process.
    ///
    /// # Errors
    /// As [`Engine::step`].
    pub fn record(&mut self, events: impl IntoIterator<Item = Event>, now: Now) -> Result<(), StoreError> {
        self.take_in(events, now, |_, _| Ok(Vec::new())).map(|_| ())
    }

    fn take_in(
        &mut self,
        events: impl IntoIterator<Item = Event>,
        now: Now,
        plan: impl Fn(&mut Mind, &Transaction<'_>) -> rusqlite::Result<Vec<Job>>,
    ) -> Result<Vec<Job>, StoreError> {
        self.waiting.extend(events);
        // Read whole it was found damaged. Only a start can make it again.
        if let Some(why) = self.waiting.iter().find_map(|event| match event {
            Event::BackedUp(Err(CopyError::Damaged(why))) | Event::Examined(Examined::Damaged(why)) => {
                Some(why.clone())
            }
            _ => None,
        }) {
            return Err(StoreError::Damaged(why));
        }
        self.mind.now = now;
        self.mind.meanwhile.step += 1;
        let course = self.mind.course.clone();
        let mut taken = self.commit(&plan, Mind::hear);
        if taken.as_ref().is_err_and(is_about_the_data) {
            self.mind.course = course.clone();
            taken = self.commit(&plan, Mind::hear_safely);
        }
        match taken {
            Ok((jobs, settled)) => {
                self.waiting.clear();
                self.mind.after_commit(settled);
                Ok(jobs)
            }
            Err(error) => {
                self.mind.course = course;
                Err(error.into())
            }
        }
    }

    /// All events that wait and the jobs that follow from them, in one transaction.
    fn commit(
        &mut self,
        plan: impl Fn(&mut Mind, &Transaction<'_>) -> rusqlite::Result<Vec<Job>>,
        hear: impl Fn(&mut Mind, &Transaction<'_>, &Event, &mut Settled) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<(Vec<Job>, Settled)> {
        let mut settled = Settled::default();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for event in &self.waiting {
            hear(&mut self.mind, &transaction, event, &mut settled)?;
        }
        self.mind.settle(&transaction, &settled)?;
        self.mind.remember(&mut settled);
        let jobs = plan(&mut self.mind, &transaction)?;
        self.mind.begin(&jobs);
        transaction.commit()?;
        Ok((jobs, settled))
    }

    /// The moment at which [`Engine::step`] should be called even if nothing happens.
    pub fn wake_at(&self) -> Duration {
        self.mind.wake_at
    }

    /// Whether everything that can be done now is done, and nothing is under way.
    pub fn is_idle(&self) -> bool {
        let mind = &self.mind;
        let quiet = !mind.course.probing
            && mind.course.pushing == 0
            && mind.course.pulls() == 0
            && mind.course.questions.is_empty()
            && mind.course.hooks.fetching.is_none()
            && !mind.course.moving
            && !mind.course.putting
            && !mind.course.backing_up
            && !mind.course.examining
            && !mind.course.copies.under_way
            && !mind.course.alerts.under_way;
        // What is in doubt is looked up until it is clear, for as long as Extend can be asked.
        let clear =
            mind.course.doubts.is_empty() || mind.task.mirror_only || mind.course.line.state != State::Up;
        quiet && clear && self.waiting.is_empty() && (mind.scanned || mind.task.mirror_only)
    }

    /// Whether Extend was up when it was last asked.
    pub fn extend_is_up(&self) -> bool {
        self.mind.course.line.state == State::Up
    }

    /// Whether this process has asked whether Extend is there.
    pub fn was_probed(&self) -> bool {
        self.mind.course.line.state != State::Unknown
    }

    /// Whether any call is under way that may change something at Extend.
    pub fn is_sending(&self) -> bool {
        self.mind.course.pushing > 0
    }

    /// Why the line is not up, where it is not.
    pub fn reason(&self) -> Option<&str> {
        self.mind.course.line.reason.as_deref()
    }

    /// What went wrong with rounds since the start, by entity.
    pub fn round_errors(&self) -> Vec<(Entity, String)> {
        self.mind.rounds.errors()
    }

    /// The connection, for a caller that only reads.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, for the process that comes after this one: a simulation lets one die and another
    /// take up its database.
    pub fn into_connection(self) -> Connection {
        self.connection
    }

    /// Throws its dice from `seed`, so that a run can be had again.
    #[must_use]
    pub fn with_dice(mut self, seed: u64) -> Engine {
        self.mind.dice = fastrand::Rng::with_seed(seed);
        self
    }

    /// Whether a command wrote to the tables since this was last asked. Costs next to nothing.
    pub fn tables_changed(&mut self) -> bool {
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
            .ok();
        // Where it can't be told, a step will tell.
        let same = version.is_some() && version == self.data_version;
        self.data_version = version;
        !same
    }

    /// Gives back memory that the last round of the mirror needed, once nothing is under way.
    pub fn rest(&mut self) {
        if std::mem::take(&mut self.mind.may_rest) {
            let _ = self.connection.execute_batch("PRAGMA shrink_memory");
        }
    }

    /// Whether so much waits to be recorded that no more should be brought.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= 256
    }

    /// Records that this process ended in order: what it put out is on its way to the disk.
    ///
    /// # Errors
    /// SQLite's.
    pub fn note_good_end(&self) -> Result<(), StoreError> {
        Ok(agent::set(&self.connection, agent::ENDED_WELL, "1")?)
    }
}

#[cfg(test)]
mod tests;
