//! The event loop: one thread that owns the writing connection and the clock.
//!
//! [`Engine::step`] takes what workers reported and gives them new jobs, in one transaction: the results
//! of a burst, and the attempts that follow from them, share one commit, and no job leaves before the
//! commit that records it. It makes no call, touches no file and reads no clock, so the whole engine
//! runs in a test with a made-up world. [`run`] gives it threads.
//!
//! What it keeps in memory can all be lost: the line is probed anew, doubts about attempts begin anew,
//! and the rounds of the mirror are read again from their first page.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::clock::{self, Now};
use crate::config::Config;
use crate::exchange::put::{Put, PutJob};
use crate::exchange::take::Taken;
use crate::exchange::watch::Sighting;
use crate::extend::jobs::{CallDone, CallJob, DetailsJob};
use crate::extend::look_up::Progress;
use crate::rules::budget::Budget;
use crate::rules::line::{Line, State};
use crate::rules::lookup::Doubt;
use crate::rules::mirror::Entity;
use crate::rules::retry::Pauses;
use crate::store::copy::CopyError;
use crate::store::intake::ToMove;
use crate::store::{self, StoreError, agent, outbox, owed};

mod backup;
mod changes;
mod delivery;
mod hooks;
mod intake;
mod line;
mod look_ups;
mod mirror;
mod pages;
mod put_out;
mod reconcile;
mod records;
mod reports;
mod rounds;
pub mod run;
mod wal;

pub use delivery::forbidden_note;
pub use hooks::{Hooked, TurnedAway};
pub(crate) use intake::warnings;
pub use mirror::PULL_WORKERS;
pub use reports::TROUBLE as REPORTS_TROUBLE;
pub use rounds::entities;

/// What the engine hears.
#[derive(Debug)]
pub enum Event {
    /// The watcher saw something.
    Seen(Sighting),
    /// Files were moved out of the inbox, or could not be.
    Moved(Vec<Taken>),
    /// Files were put out, or could not be.
    Put(Vec<Put>),
    /// A call was made.
    Called(Box<CallDone>),
    /// A backup was made, at this path, or could not be.
    BackedUp(Result<String, CopyError>),
    /// The copy for reports was refreshed, or why not.
    Copied(Result<(), String>),
    /// A webhook came and was let in.
    Hooked(Box<Hooked>),
    /// Webhooks were turned away.
    TurnedAway(TurnedAway),
    /// Webhooks are listened for, or can't be: why.
    Listening(Result<(), String>),
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
    /// Refresh the copy for reports. One at a time.
    Copy,
    /// Fetch what webhooks named. One at a time, beside that.
    Fetch(CallJob),
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
    mind: Mind,
}

/// What the engine knows beside the tables. All of it can be lost.
struct Mind {
    config: Arc<Config>,
    task: Task,
    pauses: Pauses,
    course: Course,
    rounds: rounds::Rounds,
    /// Extend's clock: its seconds since 1970 at a moment of ours.
    server_clock: Option<(i64, Duration)>,
    /// The earliest moment at which something may be due.
    wake_at: Duration,
    /// The inbox was looked at as a whole.
    scanned: bool,
    /// A round ended since memory was last given back.
    may_rest: bool,
    /// Files that were moved a moment ago: the watcher may have read them before.
    just_moved: HashMap<i64, Duration>,
    now: Now,
    dice: fastrand::Rng,
}

/// How things go. A step changes it while it plans, and a commit that fails gives back how it was. The
/// rounds are not in it: they remember only what was committed.
#[derive(Clone)]
struct Course {
    line: Line,
    budget: Budget,
    /// Items with an attempt whose outcome is not known.
    doubts: HashMap<i64, Doubt>,
    /// Items that failed in a way that a probe must explain: the item's fault, or an outage.
    suspects: Vec<i64>,
    /// Items with a call under way.
    in_flight: HashSet<i64>,
    /// Look-ups that were begun and have not come to their end.
    look_ups: HashMap<i64, look_ups::LookUp>,
    /// Changes that may be made, as it is known how things stand, and since when.
    prepared: HashMap<i64, Duration>,
    probing: bool,
    /// Calls of the push workers that are under way.
    pushing: usize,
    /// Lists of which a page is being fetched.
    pulling: HashSet<rounds::Lane>,
    /// Records that are being fetched.
    fetching: Vec<DetailsJob>,
    moving: bool,
    putting: bool,
    backing_up: bool,
    /// When the next backup is due, once that is known.
    backup_at: Option<Duration>,
    /// After trouble with a folder, until when it is left alone.
    move_again_at: Option<Duration>,
    put_again_at: Option<Duration>,
    forget_contents_at: Duration,
    /// Kinds that Extend forbids us to send, and until when they are held back.
    forbidden: HashMap<&'static str, Duration>,
    put_out: put_out::State,
    copies: reports::Copies,
    hooks: hooks::Course,
}

/// Calls of the push workers at a time.
pub const PUSH_WORKERS: usize = 6;

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
        if agent::get(&transaction, agent::ENDED_WELL)?.as_deref() != Some("1") {
            let lately = now.wall.checked_sub(jiff::SignedDuration::from_mins(10)).unwrap_or(now.wall);
            owed::owe_again(&transaction, &clock::text(lately))?;
        }
        agent::set(&transaction, agent::ENDED_WELL, "0")?;
        let subtract = if config.exchange.subtract_queued { "1" } else { "0" };
        agent::set(&transaction, "subtract_queued", subtract)?;
        let filled = mirror::take_up(&transaction, &config)?;
        // An entity that was never fetched is seen to be missing.
        for entity in entities(&config) {
            store::sync_state::begin(&transaction, entity)?;
        }
        transaction.commit()?;
        let pauses = Pauses { first: config.outbox.retry_first, longest: config.outbox.retry_max };
        let course = Course {
            line: Line::new(now.mono),
            budget: Budget::new(config.extend.requests_per_minute, now.mono),
            doubts: unresolved.into_iter().map(|id| (id, Doubt::new(now.mono))).collect(),
            suspects: Vec::new(),
            in_flight: HashSet::new(),
            look_ups: HashMap::new(),
            prepared: HashMap::new(),
            probing: false,
            pushing: 0,
            pulling: HashSet::new(),
            fetching: Vec::new(),
            moving: false,
            putting: false,
            backing_up: false,
            backup_at: None,
            move_again_at: None,
            put_again_at: None,
            forget_contents_at: now.mono,
            forbidden: HashMap::new(),
            put_out: put_out::State::default(),
            copies: reports::Copies::default(),
            hooks: hooks::Course::new(lists, now.mono),
        };
        let mind = Mind {
            rounds: rounds::Rounds::new(&config, &task, filled),
            config,
            task,
            pauses,
            course,
            server_clock: None,
            wake_at: now.mono,
            scanned: false,
            may_rest: false,
            just_moved: HashMap::new(),
            now,
            dice: fastrand::Rng::new(),
        };
        Ok(Engine {
            connection,
            waiting: Vec::new(),
            data_version: None,
            log: wal::LogWatch::default(),
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
        self.take_in(events, now, Mind::plan)
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
        // Read whole for a backup it was found damaged. Only a start can make it again.
        if let Some(why) = self.waiting.iter().find_map(|event| match event {
            Event::BackedUp(Err(CopyError::Damaged(why))) => Some(why.clone()),
            _ => None,
        }) {
            return Err(StoreError::Damaged(why));
        }
        self.mind.now = now;
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
            && !mind.course.hooks.fetching
            && !mind.course.moving
            && !mind.course.putting
            && !mind.course.backing_up
            && !mind.course.copies.under_way;
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

/// What events change in memory.
#[derive(Default)]
struct Settled {
    calls: Vec<(crate::extend::jobs::Seen, crate::rules::answer::Health)>,
    probe: Option<crate::rules::answer::Health>,
    ended: Vec<i64>,
    doubts: HashMap<i64, Option<Doubt>>,
    looked: Vec<(i64, Option<Arc<Progress>>)>,
    suspects: Vec<i64>,
    prepared: Vec<i64>,
    pushes: usize,
    pulled: Vec<rounds::Lane>,
    detailed: Vec<DetailsJob>,
    fetched: bool,
    /// Whom to tell that their webhook is recorded.
    recorded: Vec<Sender<()>>,
    moved: Option<bool>,
    put: Option<bool>,
    backup_at: Option<Duration>,
    copied: Option<bool>,
    scanned: bool,
    forbidden: Vec<&'static str>,
    rounds: Vec<rounds::RoundStep>,
}

impl Mind {
    /// One event that the database can't hold must not stop the others, now and after every restart: it is
    /// undone alone and set aside. When the database itself is in trouble the whole step fails. A savepoint
    /// copies every page that is changed under it, so this is only done once there is such an event.
    fn hear_safely(
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
    fn set_aside(
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
            Event::Copied(_) => {
                settled.copied = Some(false);
                Ok(())
            }
            // Not told that it is recorded, the sender sends it again.
            Event::Hooked(_) | Event::TurnedAway(_) | Event::Listening(_) => Ok(()),
            // An item stays in doubt and is looked up again; a round is read again.
            Event::Called(done) => self.set_call_aside(tx, done, why, settled),
        }
    }

    fn hear(&mut self, tx: &Transaction<'_>, event: &Event, settled: &mut Settled) -> rusqlite::Result<()> {
        match event {
            Event::Seen(sighting) => self.hear_sighting(tx, sighting, settled),
            Event::Moved(taken) => self.hear_moved(tx, taken, settled),
            Event::Put(put) => self.hear_put(tx, put, settled),
            Event::Called(done) => self.hear_call(tx, done, settled),
            Event::BackedUp(made) => self.hear_backup(tx, made, settled),
            Event::Copied(copied) => self.hear_copied(tx, copied, settled),
            Event::Hooked(hooked) => self.hear_hooked(tx, hooked, settled),
            Event::TurnedAway(away) => self.hear_turned_away(tx, away),
            Event::Listening(result) => {
                agent::set(tx, agent::HOOKS_TROUBLE, result.as_ref().err().map_or("", String::as_str))
            }
        }
    }

    /// What follows from all events together: the line, the budget, items under suspicion.
    fn settle(&mut self, tx: &Transaction<'_>, settled: &Settled) -> rusqlite::Result<()> {
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

    fn plan(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        if !self.task.mirror_only {
            self.plan_moves(tx, &mut jobs)?;
            self.plan_pushes(tx, &mut jobs)?;
        } else {
            self.plan_probe(&mut jobs);
        }
        self.plan_pull(tx, &mut jobs)?;
        self.plan_put(tx, &mut jobs)?;
        self.plan_backup(tx, &mut jobs)?;
        self.plan_copy(tx, &mut jobs)?;
        Ok(jobs)
    }

    /// What the events told, before anything is planned: a worker that is free again gets its next job in
    /// the same step, and what is due later is known when the next waking is set.
    fn remember(&mut self, settled: &mut Settled) {
        let now = self.now.mono;
        for (seen, _) in &settled.calls {
            if let Some(server) = seen.server_time {
                self.server_clock = Some((server, now));
            }
            self.course.budget.after_answer(seen.group, &seen.limits, self.server_seconds(), now);
            self.course.budget.give_back(seen.group, seen.unused);
            if let Some(retry_after) = seen.too_many {
                self.course.budget.after_too_many(seen.group, retry_after, now);
            }
        }
        self.course.probing &= settled.probe.is_none();
        self.course.hooks.fetching &= !settled.fetched;
        self.course.pushing = self.course.pushing.saturating_sub(settled.pushes);
        settled.ended.iter().for_each(|id| {
            self.course.in_flight.remove(id);
        });
        for (id, progress) in settled.looked.drain(..) {
            match (progress, self.course.look_ups.get_mut(&id)) {
                (Some(progress), Some(look_up)) => look_up.so_far = progress,
                _ => _ = self.course.look_ups.remove(&id),
            }
        }
        for (id, doubt) in settled.doubts.drain() {
            match doubt {
                Some(doubt) => self.course.doubts.insert(id, doubt),
                None => self.course.doubts.remove(&id),
            };
        }
        match settled.probe {
            Some(_) => self.course.suspects.clear(),
            None => self.course.suspects.append(&mut settled.suspects),
        }
        if let Some(well) = settled.moved {
            self.course.moving = false;
            self.course.move_again_at = (!well).then_some(now + AGAIN_AFTER_TROUBLE);
        }
        if let Some(well) = settled.put {
            self.course.putting = false;
            self.course.put_again_at = (!well).then_some(now + AGAIN_AFTER_TROUBLE);
        }
        if let Some(at) = settled.backup_at {
            self.course.backing_up = false;
            self.course.backup_at = Some(at);
        }
        self.course.fetching.retain(|job| !settled.detailed.contains(job));
        if let Some(well) = settled.copied {
            self.after_copy(well);
        }
        self.course.prepared.extend(settled.prepared.drain(..).map(|id| (id, now)));
        for kind in settled.forbidden.drain(..) {
            self.course.forbidden.insert(kind, now + self.pauses.longest);
        }
    }

    fn begin(&mut self, jobs: &[Job]) {
        for job in jobs {
            match job {
                Job::Move(_) => self.course.moving = true,
                Job::Put(_) => self.course.putting = true,
                // It was noted when it was planned.
                Job::Pull(_) => {}
                Job::Backup(_) => self.course.backing_up = true,
                Job::Copy => self.course.copies.under_way = true,
                Job::Fetch(_) => self.course.hooks.fetching = true,
                Job::Push(call) => {
                    match call {
                        CallJob::Probe => self.course.probing = true,
                        CallJob::Prepare(prepare) => _ = self.course.in_flight.insert(prepare.id),
                        CallJob::Send(send) => _ = self.course.in_flight.insert(send.id),
                        CallJob::LookUp(look_up) => _ = self.course.in_flight.insert(look_up.id),
                        _ => {}
                    }
                    if *call != CallJob::Probe {
                        self.course.pushing += 1;
                    }
                }
            }
        }
    }

    fn after_commit(&mut self, settled: Settled) {
        self.scanned |= settled.scanned;
        for sender in settled.recorded {
            // Whoever no longer waits has said that it was not taken, and gets it again.
            let _ = sender.try_send(());
        }
        for step in settled.rounds {
            self.may_rest |= matches!(step, rounds::RoundStep::Page(_, _, rounds::Then::Done));
            self.rounds.after(step, self.now.mono);
        }
        for lane in settled.pulled {
            // The round has moved on only now: its next page is planned at once, by a step of its own.
            self.course.pulling.remove(&lane);
            self.wake(self.now.mono);
        }
    }

    /// Extend's clock in seconds since 1970, if an answer told it.
    fn server_seconds(&self) -> Option<i64> {
        self.server_clock.map(|(server, at)| server + self.now.mono.saturating_sub(at).as_secs() as i64)
    }

    /// Extend's time now; ours where no answer has told it yet.
    fn server_now(&self) -> jiff::Timestamp {
        self.server_seconds()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .unwrap_or(self.now.wall)
    }

    /// The wall clock's time at a moment to come, for people to read.
    fn wall_at(&self, at: Duration) -> String {
        let ahead = at.saturating_sub(self.now.mono);
        let wall = self.now.wall.checked_add(jiff::SignedDuration::try_from(ahead).unwrap_or_default());
        clock::text(wall.unwrap_or(self.now.wall))
    }

    /// When the wall clock, as it goes now, will show the moment that a table has.
    fn mono_at(&self, text: &str) -> Duration {
        let at = text.parse::<jiff::Timestamp>().unwrap_or(self.now.wall);
        self.now.mono + Duration::try_from(at.duration_since(self.now.wall)).unwrap_or_default()
    }

    fn wake(&mut self, at: Duration) {
        self.wake_at = self.wake_at.min(at.max(self.now.mono));
    }

    fn dice(&mut self) -> f64 {
        self.dice.f64()
    }
}

/// Whether the same statement would fail again on a healthy database.
fn is_about_the_data(error: &rusqlite::Error) -> bool {
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
const AGAIN_AFTER_TROUBLE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
