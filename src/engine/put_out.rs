//! What the webshop reads: which files are owed, when they are written, and what came of it.
//!
//! Receipts, error files, order files and numbered changes are written as soon as they are owed. A
//! snapshot holds everything and costs accordingly: it waits until the round of its entity is over and
//! takes at most a twentieth of the time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rusqlite::Transaction;

use super::mind::AGAIN_AFTER_TROUBLE;
use super::{Job, Mind, Settled};
use crate::clock;
use crate::config::Config;
use crate::exchange::put::{Put, PutJob};
use crate::rules::mirror::Entity;
use crate::store::{agent, changes, outgoing, owed, sync_state, thinning};

/// Entities that are put out as snapshots and changes.
pub const PUT_OUT: [Entity; 4] = [Entity::Products, Entity::Customers, Entity::Prices, Entity::Balances];

/// Rows in one file of changes at the most.
const ROWS_IN_CHANGES: usize = 5000;
/// A receipt of many documents is rewritten while they are delivered one by one: as a snapshot it takes at
/// most a twentieth of the time. What is written faster than this never waits.
const COSTLY: Duration = Duration::from_millis(20);
/// Small files that are written in one job.
const TOGETHER: usize = 256;
/// While documents are being sent they go first: from one job of files to the next it is at least this
/// long …
const WHILE_SENDING: Duration = Duration::from_secs(1);
/// … and this many times as long as the last one took, on a disk where making files is slow …
const TIMES_WHILE_SENDING: u32 = 4;
/// … but no longer than this: the webshop waits for its receipts.
const LONGEST_WHILE_SENDING: Duration = Duration::from_secs(5);
/// While a long round runs, its changes go out this often.
const DURING_A_ROUND: Duration = Duration::from_secs(10);
/// While lists fill an empty mirror, files of changes give way to them: one in this time.
const WHILE_FILLING: Duration = Duration::from_millis(500);
/// A snapshot waits at least this long after the last one of its entity.
const BETWEEN_SNAPSHOTS: Duration = Duration::from_secs(2);
/// A snapshot waits for the end of a round, but no longer than this.
const SNAPSHOT_DURING_A_ROUND: Duration = Duration::from_secs(300);
/// A file that could not be written and was not tried again for this long is not owed any more.
const LONGEST_TROUBLE: Duration = Duration::from_secs(3600);
/// status.json is at most this old while things happen …
const BETWEEN_STATUS: Duration = Duration::from_secs(2);
/// … and this old when nothing does.
const STATUS_AT_REST: Duration = Duration::from_secs(60);

/// How often it is looked which changes are too old …
const BETWEEN_CLEARINGS: Duration = Duration::from_secs(3600);
/// … and how many are cleared in one job.
const CLEARED_TOGETHER: i64 = 100;

/// When files were last written, in this process.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    flushed: HashMap<Entity, Duration>,
    /// When a file of changes was last made.
    filed_at: Option<Duration>,
    snapshots: HashMap<Entity, (Duration, Duration)>,
    /// Files that took long to write or could not be written, by kind and key: they wait, and nothing waits for
    /// them.
    held_back: HashMap<(&'static str, String), HeldBack>,
    status_at: Option<Duration>,
    /// What status.json tells has changed. It can be made at any time, so nothing is owed for it.
    pub(super) status_wanted: bool,
    last_at: Option<Duration>,
    /// How long the last job of files took.
    last_took: Duration,
    cleared_at: Option<Duration>,
    /// Entities of which a webhook told, and which is put out at once.
    hurried: HashSet<Entity>,
}

/// Why a file waits.
#[derive(Debug, Clone)]
struct HeldBack {
    until: Duration,
    /// How often in a row it could not be written; 0: it was, and took long.
    failures: u32,
    error: String,
}

/// The agent's note of how files were put out last.
const SHAPES: &str = "shapes";

/// Where the settings want files otherwise than they were put out, all of them are owed.
pub(super) fn note_shapes(tx: &Transaction<'_>, config: &Config) -> rusqlite::Result<()> {
    let shapes = format!("{:?} {:?}", config.shapes, config.exchange.csv);
    match agent::get(tx, SHAPES)? {
        Some(known) if known == shapes => return Ok(()),
        Some(_) => PUT_OUT.iter().try_for_each(|entity| owed::owe(tx, "snapshot", entity.name()))?,
        None => {}
    }
    agent::set(tx, SHAPES, &shapes)
}

impl State {
    /// What is pending of this entity need not wait for the end of its round.
    pub(super) fn hurry(&mut self, entity: Entity) {
        self.hurried.insert(entity);
    }
}

impl Mind {
    pub(super) fn hear_put(
        &mut self,
        tx: &Transaction<'_>,
        put: &[Put],
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let (mut written, mut failed) = (false, Vec::new());
        self.course.put_out.last_took = put.iter().map(|file| file.took).sum();
        for file in put {
            if let PutJob::Thin { file: id } = file.job {
                match &file.result {
                    Ok(()) => thinning::forget(tx, id)?,
                    Err(error) => log::warn!("what has long ended could not be removed: {error}"),
                }
                self.course.thinning.after(id, file.result.is_ok());
                continue;
            }
            let name = name_of(&file.job);
            if let Err(error) = &file.result {
                failed.push((name, error.to_string()));
                continue;
            }
            written = true;
            self.course.put_out.held_back.remove(&name);
            match &file.job {
                PutJob::Owed(debt) => {
                    owed::strike(tx, debt)?;
                    if name.0 == "receipt" && file.took > COSTLY {
                        let until = self.now.mono + file.took * 20;
                        let one = HeldBack { until, failures: 0, error: String::new() };
                        self.course.put_out.held_back.insert(name, one);
                    }
                }
                PutJob::Snapshot { entity, owed: debt } => {
                    owed::strike(tx, debt)?;
                    let pause = BETWEEN_SNAPSHOTS.max(file.took * 20);
                    self.course.put_out.snapshots.insert(*entity, (self.now.mono, pause));
                }
                PutJob::Change { sequence, .. } => changes::mark_written(tx, *sequence)?,
                PutJob::Clear { through } => {
                    changes::clear(tx, *through)?;
                    // There may be more.
                    self.course.put_out.cleared_at = None;
                }
                PutJob::Thin { .. } => {}
            }
        }
        if let Some((name, error)) = failed.first() {
            let more = failed.len() - 1;
            log::error!(
                "a file ({} {}) could not be put out, and is tried again: {error} ({more} more)",
                name.0,
                name.1
            );
        }
        // Where nothing at all can be written it is the disk: no file is to blame, and none need be tried.
        settled.put = Some(written || failed.len() < 2);
        for (name, error) in failed {
            let before = self.course.put_out.held_back.get(&name).map_or(0, |one| one.failures);
            let failures = if written { before + 1 } else { before.max(1) };
            let dice = self.dice();
            let until = self.now.mono + self.pauses.after(failures, dice).max(AGAIN_AFTER_TROUBLE);
            self.course.put_out.held_back.insert(name, HeldBack { until, failures, error });
        }
        let trouble = self.course.put_out.held_back.values().find(|one| one.failures > 0);
        agent::set(tx, "put_trouble", trouble.map_or("", |one| &one.error))
    }

    /// The keys of the files of a kind that wait.
    fn held_back(&self, kind: &str) -> Vec<&str> {
        let all = self.course.put_out.held_back.iter().filter(|((of, _), one)| {
            // Nobody waits for the next run of `once`.
            *of == kind && one.until > self.now.mono && (one.failures > 0 || !self.task.once)
        });
        all.map(|((_, key), _)| key.as_str()).collect()
    }

    pub(super) fn plan_put(&mut self, tx: &Transaction<'_>, jobs: &mut Vec<Job>) -> rusqlite::Result<()> {
        let now = self.now.mono;
        // What is not tried again is not owed any more.
        self.course.put_out.held_back.retain(|_, one| {
            one.until + if one.failures > 0 { LONGEST_TROUBLE } else { Duration::ZERO } > now
        });
        if self.course.putting {
            return Ok(());
        }
        if let Some(at) = self.course.put_again_at.filter(|at| *at > self.now.mono) {
            self.wake(at);
            return Ok(());
        }
        // While the backlog flows, an item's receipt changes twice within milliseconds: once is enough.
        let pause =
            (self.course.put_out.last_took * TIMES_WHILE_SENDING).clamp(WHILE_SENDING, LONGEST_WHILE_SENDING);
        if let Some(at) = self.course.put_out.last_at.map(|at| at + pause).filter(|at| *at > self.now.mono)
            && self.course.pushing > 0
        {
            self.wake(at);
            return Ok(());
        }
        self.flush_changes(tx)?;
        let mut files: Vec<PutJob> = Vec::new();
        if let Some(at) =
            self.course.put_out.held_back.values().map(|one| one.until).filter(|at| *at > now).min()
        {
            self.wake(at);
        }
        for kind in ["receipt", "error", "order"] {
            let debts = owed::load(tx, kind, &self.held_back(kind), TOGETHER)?;
            files.extend(debts.into_iter().map(PutJob::Owed));
        }
        if self.held_back(CHANGES).is_empty() {
            for (sequence, entity) in changes::load_unwritten(tx, TOGETHER)? {
                files.push(PutJob::Change { sequence, entity });
            }
        }
        if files.is_empty() {
            self.plan_clearing(tx, &mut files)?;
            self.plan_thinning(tx, &mut files)?;
        }
        // Small files first: a job with a snapshot in it is done when the snapshot is.
        if files.is_empty() {
            self.plan_snapshots(tx, &mut files)?;
        }
        if files.is_empty() {
            self.plan_status(tx, &mut files)?;
        }
        if !files.is_empty() {
            self.course.put_out.last_at = Some(self.now.mono);
            jobs.push(Job::Put(files));
        }
        Ok(())
    }

    /// Numbers what changed since the last file of changes, entity by entity.
    fn flush_changes(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        for entity in PUT_OUT {
            if !changes::has_pending(tx, entity)? || sync_state::awaits_announcement(tx, entity)? {
                continue;
            }
            let since = self.course.put_out.flushed.get(&entity).copied();
            let waits = self.rounds.is_under_way(entity) && !self.course.put_out.hurried.contains(&entity);
            let pause = if waits { DURING_A_ROUND } else { Duration::from_millis(200) };
            if let Some(at) = since.map(|at| at + pause).filter(|at| *at > self.now.mono) {
                self.wake(at);
                continue;
            }
            let filed_at = self.course.put_out.filed_at.filter(|_| self.rounds.fills(self.now.mono));
            if let Some(at) = filed_at.map(|at| at + WHILE_FILLING).filter(|at| *at > self.now.mono) {
                self.wake(at);
                continue;
            }
            self.course.put_out.filed_at = Some(self.now.mono);
            let shape = self.config.shapes.of(entity);
            outgoing::flush_changes(tx, entity, shape, &self.now.text(), ROWS_IN_CHANGES)?;
            if changes::has_pending(tx, entity)? {
                // One file at a time, so that nobody waits for a hundred of them.
                self.wake(self.now.mono);
                continue;
            }
            owed::owe(tx, "snapshot", entity.name())?;
            self.course.put_out.flushed.insert(entity, self.now.mono);
            self.course.put_out.hurried.remove(&entity);
        }
        Ok(())
    }

    /// A webshop that was away for less than `keep_days` can catch up; one that was away for longer finds
    /// the next number missing, and begins again from the snapshots.
    fn plan_clearing(&mut self, tx: &Transaction<'_>, files: &mut Vec<PutJob>) -> rusqlite::Result<()> {
        let due_at = self.course.put_out.cleared_at.map_or(Duration::ZERO, |at| at + BETWEEN_CLEARINGS);
        if due_at > self.now.mono {
            return Ok(());
        }
        self.course.put_out.cleared_at = Some(self.now.mono);
        let kept = jiff::SignedDuration::from_hours(24 * i64::from(self.config.exchange.keep_days));
        let Ok(before) = self.now.wall.checked_sub(kept) else { return Ok(()) };
        if let Some(through) = changes::load_cleared_through(tx, &clock::text(before), CLEARED_TOGETHER)? {
            files.push(PutJob::Clear { through });
        }
        Ok(())
    }

    fn plan_snapshots(&mut self, tx: &Transaction<'_>, files: &mut Vec<PutJob>) -> rusqlite::Result<()> {
        for debt in owed::load(tx, "snapshot", &self.held_back("snapshot"), PUT_OUT.len())? {
            let Some(entity) = Entity::from_name(&debt.key) else { continue };
            let written = self.course.put_out.snapshots.get(&entity).copied();
            let mut not_before = written.map_or(Duration::ZERO, |(at, pause)| at + pause);
            if self.rounds.is_under_way(entity) && !self.task.once {
                let last = written.map_or(self.rounds.began(), |(at, _)| at);
                not_before = not_before.max(last + SNAPSHOT_DURING_A_ROUND);
            }
            if not_before > self.now.mono && !self.task.once {
                self.wake(not_before);
            } else if !(self.task.once && self.rounds.is_under_way(entity)) {
                files.push(PutJob::Snapshot { entity, owed: debt });
                return Ok(());
            }
        }
        Ok(())
    }

    fn plan_status(&mut self, tx: &Transaction<'_>, files: &mut Vec<PutJob>) -> rusqlite::Result<()> {
        let age = self.course.put_out.status_at.map(|at| self.now.mono.saturating_sub(at));
        if !self.held_back("status").is_empty() {
            return Ok(());
        }
        let debt = owed::load(tx, "status", &[], 1)?.pop();
        let wanted = self.course.put_out.status_wanted || age.is_none_or(|age| age >= STATUS_AT_REST);
        if debt.is_none() && !wanted {
            if let Some(at) = self.course.put_out.status_at {
                self.wake(at + STATUS_AT_REST);
            }
            return Ok(());
        }
        if let Some(at) =
            self.course.put_out.status_at.map(|at| at + BETWEEN_STATUS).filter(|at| *at > self.now.mono)
            && !self.task.once
        {
            self.wake(at);
            return Ok(());
        }
        self.course.put_out.status_at = Some(self.now.mono);
        self.course.put_out.status_wanted = false;
        let unowed = owed::Owed { kind: "status".into(), key: String::new(), revision: 0 };
        files.push(PutJob::Owed(debt.unwrap_or(unowed)));
        Ok(())
    }
}

/// What is held back where one file of numbered changes can't be written: its reader goes by their numbers, so none
/// may overtake another.
const CHANGES: &str = "change";

/// The kind and key under which a job's file is held back.
fn name_of(job: &PutJob) -> (&'static str, String) {
    match job {
        PutJob::Owed(debt) => {
            let kinds = ["receipt", "error", "order", "status"];
            let kind = kinds.into_iter().find(|kind| *kind == debt.kind).unwrap_or("other");
            (kind, debt.key.clone())
        }
        PutJob::Snapshot { entity, .. } => ("snapshot", entity.name().to_owned()),
        PutJob::Change { .. } => (CHANGES, String::new()),
        PutJob::Clear { .. } => ("clear", String::new()),
        PutJob::Thin { .. } => ("thin", String::new()),
    }
}
