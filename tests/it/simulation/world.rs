//! The event loop of the simulation: one shop, its agent, its disk, the line and Extend, and everything
//! that goes wrong, all from one seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use extend_edge::clock::Now;
use extend_edge::config::Config;
use extend_edge::engine::{Engine, Event, Job, Task};
use extend_edge::exchange::put::{Put, PutJob};
use extend_edge::exchange::take::Taken;
use extend_edge::exchange::watch::{Arrived, Sighting};
use extend_edge::extend::jobs::{self, CallJob};
use extend_edge::formats::contents::Format;
use extend_edge::formats::{canonical, problem::Problem};
use extend_edge::rules::arrival::{Arrival, Patience, Sight, decide};
use extend_edge::rules::budget::Group;
use extend_edge::store::intake::ToMove;
use extend_edge::store::upkeep::Examined;
use extend_edge::store::{self, intake, outbox, thinning};
use rusqlite::Connection;

use super::check::Checks;
use super::disk::Disk;
use super::extend::{Extend, Mood, Wire};
use super::shop::{Dropped, Shop};

pub const SECOND: i64 = 1000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// How often everything in the inbox is looked at.
const RESCAN: i64 = 15 * SECOND;

/// Something that happens at its time.
pub enum Happening {
    Drops(Box<Dropped>),
    /// The webshop writes the second half of a file.
    Completes(Box<Dropped>),
    /// The webshop writes other bytes under a name that it used a moment ago.
    Overwrites(Box<Dropped>, Box<Dropped>),
    /// The watcher looks at a name, or at everything.
    Looks(Option<String>),
    Hears(Event),
    /// A request reaches Extend.
    Calls(CallJob),
    Moves(Vec<ToMove>),
    Syncs(Vec<Taken>),
    Dies(Death),
    Starts,
    /// The next commits fail.
    CommitsFail(i64),
    Mood(Mood),
    /// The wall clock is set, by so many milliseconds.
    ClockJumps(i64),
    PersonActs,
    /// Whatever still goes wrong ceases to.
    Quiet,
    /// The engine's own beat after a person changed the tables.
    Beats,
}

/// How a process dies.
#[derive(Debug, Clone, Copy)]
pub enum Death {
    Now,
    PowerLoss,
    BeforeNextStep,
    AfterNextCommit,
}

/// An entry of the queue: when, in which order, in which process (0: in any), what.
struct Entry {
    at: i64,
    order: u64,
    process: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.order == other.order
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The process that runs, and what it has under way.
pub struct Process {
    pub engine: Engine,
    number: u64,
    began: i64,
    received: Vec<Event>,
    /// When the engine is to be stepped after the database failed.
    again_at: Option<i64>,
    /// Calls under way that are no probes, and whether a probe is.
    pub calls: u32,
    pub probing: bool,
    /// A status file that is written slowly: until something happens.
    slow_put: Option<Vec<PutJob>>,
    death: Option<Death>,
}

/// Everything.
pub struct World {
    pub rng: fastrand::Rng,
    pub now: i64,
    epoch: i64,
    wall_offset: i64,
    queue: BinaryHeap<Reverse<Entry>>,
    order: u64,
    pub config: Arc<Config>,
    pub process: Option<Process>,
    processes: u64,
    /// The database, while no process has it.
    connection: Option<Connection>,
    commits_to_fail: Arc<AtomicI64>,
    pub wire: Wire,
    pub disk: Disk,
    pub disk_fails_until: i64,
    pub shop: Shop,
    pub checks: Checks,
    idle_steps: u32,
    pub steps: u64,
    pub trace: Option<Vec<String>>,
}

impl World {
    pub fn new(seed: u64, trace: bool) -> World {
        let mut rng = fastrand::Rng::with_seed(seed);
        let per_minute = [20, 60, 300][rng.usize(..3)];
        let grace = [10, 60, 120][rng.usize(..3)];
        let keep_days = [1, 7, 90][rng.usize(..3)];
        let config = config(per_minute, grace, keep_days);
        let epoch = 1_790_000_000 + rng.i64(0..86_400);
        let skew = if rng.u32(..3) == 0 { rng.i64(-40_000..40_000) } else { 0 };
        let limit = per_minute * [1, 1, 2][rng.usize(..3)];
        let mut extend = Extend::new(rng.fork(), epoch + skew, grace * SECOND, limit);
        extend.trace = trace.then(Vec::new);
        let commits_to_fail = Arc::new(AtomicI64::new(0));
        let mut connection = store::open_in_memory().expect("a database in memory");
        let fails = commits_to_fail.clone();
        let hook = move || fails.fetch_sub(1, Ordering::Relaxed) > 0;
        connection.commit_hook(Some(hook)).expect("a hook");
        let mut world = World {
            rng,
            now: 0,
            epoch,
            wall_offset: 0,
            queue: BinaryHeap::new(),
            order: 0,
            checks: Checks::new(per_minute, grace * SECOND),
            config,
            process: None,
            processes: 0,
            connection: Some(connection),
            commits_to_fail,
            wire: Wire(Mutex::new(extend)),
            disk: Disk::default(),
            disk_fails_until: 0,
            shop: Shop::default(),
            idle_steps: 0,
            steps: 0,
            trace: trace.then(Vec::new),
        };
        world.queue_any(0, Happening::Starts);
        world
    }

    pub fn queue_any(&mut self, at: i64, what: Happening) {
        self.push(at, 0, what);
    }

    /// For the process that runs now: it is forgotten when that dies.
    fn queue_here(&mut self, at: i64, what: Happening) {
        let process = self.process.as_ref().map_or(0, |process| process.number);
        self.push(at, process, what);
    }

    fn push(&mut self, at: i64, process: u64, what: Happening) {
        self.order += 1;
        self.queue.push(Reverse(Entry { at, order: self.order, process, what }));
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.extend(self.wire.lock().trace.as_mut().map(std::mem::take).unwrap_or_default());
            trace.push(format!("{:>12} {}", self.now, what()));
        }
    }

    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.epoch * 1000 + self.now + self.wall_offset).unwrap_or_default()
    }

    fn moment(&self, began: i64) -> Now {
        Now { wall: self.wall(), mono: Duration::from_millis((self.now - began) as u64) }
    }

    /// One day of the shop. It ends quietly, and what must hold after a quiet end is checked.
    ///
    /// # Errors
    /// What does not hold.
    pub fn day(&mut self, day: i64) -> Result<(), String> {
        self.plan_day(day * DAY);
        self.run_until(day * DAY + 21 * HOUR)?;
        self.checks.after_the_day(self.process.as_ref(), &self.disk, &self.wire)?;
        self.run_until((day + 1) * DAY)
    }

    fn run_until(&mut self, end: i64) -> Result<(), String> {
        loop {
            let next = self.queue.peek().map_or(i64::MAX, |Reverse(entry)| entry.at);
            let wake = self.process.as_ref().map_or(i64::MAX, Process::wake_at).max(self.now);
            if next.min(wake) >= end {
                self.now = end;
                return Ok(());
            }
            if wake < next {
                // The loop never turns faster than this.
                self.now = wake.max(self.now + 1);
                self.idle_steps += 1;
                if self.idle_steps > 5000 {
                    return Err("the engine wakes and wakes and does nothing".into());
                }
                self.step(false)?;
                continue;
            }
            self.idle_steps = 0;
            while let Some(Reverse(entry)) = self.queue.peek() {
                if entry.at > next {
                    break;
                }
                let Some(Reverse(entry)) = self.queue.pop() else { break };
                self.now = entry.at;
                self.happen(entry)?;
            }
            if self.process.as_ref().is_some_and(|process| !process.received.is_empty()) {
                self.step(false)?;
            }
        }
    }

    fn happen(&mut self, entry: Entry) -> Result<(), String> {
        let here = self.process.as_ref().map_or(0, |process| process.number);
        let orphan = entry.process != 0 && entry.process != here;
        if orphan {
            // A request may still reach Extend after the process that made it is dead.
            if let Happening::Calls(job) = entry.what
                && self.rng.bool()
            {
                let before = self.now + self.checks.grace * 8 / 10;
                self.call(job, Some(before));
            }
            return Ok(());
        }
        match entry.what {
            Happening::Drops(file) => {
                self.note(|| format!("drops {} {:?}", file.name, file.mark));
                self.drop_file(&file);
            }
            Happening::Completes(file) => {
                // A half that was set aside in the meantime leaves the name free.
                self.note(|| format!("completes {}", file.name));
                self.drop_file(&file);
            }
            Happening::Overwrites(first, other) => {
                self.note(|| format!("overwrites {} with {:?}", first.name, other.mark));
                self.drop_file(&other);
            }
            Happening::Looks(name) => self.look(name),
            Happening::Hears(event) => {
                if let Some(process) = &mut self.process {
                    if let Event::Called(done) = &event {
                        process.ended(&done.outcome);
                        // Each of Extend's groups of calls has a limit of its own.
                        if let Some(pause) = done.seen.too_many.filter(|_| done.seen.group == Group::Standard)
                        {
                            self.checks.told_to_wait(self.now, pause);
                        }
                    }
                    process.received.push(event);
                }
            }
            Happening::Calls(job) => self.call(job, None),
            Happening::Moves(files) => {
                let (now, fails) = (self.now, self.now < self.disk_fails_until);
                let rng = &mut self.rng;
                let taken = self.disk.move_all(&files, now, &mut || fails && rng.bool());
                for name in std::mem::take(&mut self.disk.put_back) {
                    self.hint(name);
                }
                let at = self.now + self.rng.i64(0..40);
                self.queue_here(at, Happening::Syncs(taken));
            }
            Happening::Syncs(taken) => {
                self.disk.sync();
                let at = self.now + self.rng.i64(0..20);
                self.queue_here(at, Happening::Hears(Event::Moved(taken)));
            }
            Happening::Dies(death) => {
                self.note(|| format!("dies {death:?}"));
                match (death, &mut self.process) {
                    (Death::Now | Death::PowerLoss, _) => self.die(death),
                    (_, Some(process)) => process.death = Some(death),
                    _ => {}
                }
            }
            Happening::Starts => self.start()?,
            Happening::CommitsFail(commits) => {
                self.note(|| format!("{commits} commits fail"));
                self.commits_to_fail.store(commits, Ordering::Relaxed);
            }
            Happening::Mood(mood) => {
                self.note(|| format!("the line is {mood:?}"));
                self.wire.lock().mood = mood;
            }
            Happening::ClockJumps(by) => {
                self.note(|| format!("the wall clock jumps by {by}"));
                self.wall_offset += by;
            }
            Happening::PersonActs => self.person_acts(),
            Happening::Quiet => {
                self.note(|| "all is quiet".to_owned());
                self.wire.lock().mood = Mood::Well;
                self.commits_to_fail.store(0, Ordering::Relaxed);
                self.disk_fails_until = self.now;
                match &mut self.process {
                    Some(process) => process.death = None,
                    None => self.start()?,
                }
            }
            Happening::Beats => self.step(true)?,
        }
        Ok(())
    }

    fn drop_file(&mut self, file: &Dropped) {
        self.disk.drop_file(&file.name, &file.bytes, self.now);
        self.checks.dropped(&file.name, &file.bytes);
        self.hint(file.name.clone());
    }

    /// The system tells the watcher, nearly always.
    fn hint(&mut self, name: String) {
        let Some(process) = &self.process else { return };
        let began = process.began;
        if self.rng.u32(..8) > 0 {
            let at = self.now + self.rng.i64(0..30);
            self.queue_here(at, Happening::Looks(Some(name)));
        }
        let scan = began + ((self.now - began).div_euclid(RESCAN) + 1) * RESCAN;
        self.queue_here(scan, Happening::Looks(None));
    }

    /// What `exchange::watch` does with a name, or at a rescan with all of them.
    fn look(&mut self, name: Option<String>) {
        let patience = Patience {
            settle: Duration::from_secs(5),
            broken_after: Duration::from_secs(60),
            max_bytes: 1 << 24,
        };
        let whole = name.is_none();
        let names = name.map_or_else(|| self.disk.inbox.keys().cloned().collect(), |name| vec![name]);
        for name in names {
            let Some(lying) = self.disk.inbox.get_mut(&name) else { continue };
            if whole && lying.handed_at.is_some_and(|at| self.now - at >= RESCAN) {
                lying.handed_at = None;
            }
            if lying.handed_at.is_some() {
                continue;
            }
            let sight = Sight::Read(Format::Json.completeness(&lying.bytes));
            let stood = Duration::from_millis((self.now - lying.since) as u64);
            let parsed = match decide(&sight, stood, false, &patience) {
                Arrival::Take | Arrival::SetAside(None) => Format::Json.parse(&lying.bytes),
                Arrival::SetAside(Some(wrong)) => Err(vec![Problem::of_file(wrong)]),
                Arrival::Wait(pause) => {
                    let at = self.now + pause.as_millis() as i64;
                    self.queue_here(at, Happening::Looks(Some(name)));
                    continue;
                }
            };
            lying.handed_at = Some(self.now);
            let arrived = Arrived {
                name: name.clone(),
                size: lying.bytes.len() as u64,
                hash: Some(canonical::bytes_hash(&lying.bytes)),
                stamp: String::new(),
                content: lying.bytes.to_vec(),
                parsed,
            };
            let at = self.now + self.rng.i64(0..10);
            self.queue_here(at, Happening::Hears(Event::Seen(Sighting::Arrived(Box::new(arrived)))));
        }
        if whole && !self.disk.inbox.is_empty() {
            self.queue_here(self.now + RESCAN, Happening::Looks(None));
        }
    }

    fn start(&mut self) -> Result<(), String> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        self.commits_to_fail.store(0, Ordering::Relaxed);
        let seed = self.rng.u64(..);
        let now = self.moment(self.now);
        let engine = Engine::new(connection, self.config.clone(), Task::default(), now)
            .map_err(|error| format!("the process does not start: {error}"))?
            .with_dice(seed);
        self.processes += 1;
        self.note(|| "starts".to_owned());
        self.checks.started(self.now);
        self.process = Some(Process {
            engine,
            number: self.processes,
            began: self.now,
            received: Vec::new(),
            again_at: None,
            calls: 0,
            probing: false,
            slow_put: None,
            death: None,
        });
        for lying in self.disk.inbox.values_mut() {
            lying.handed_at = None;
        }
        let at = self.now + self.rng.i64(0..20);
        self.queue_here(at, Happening::Looks(None));
        let scanned = Event::Seen(Sighting::Scanned { error: None });
        self.queue_here(at, Happening::Hears(scanned));
        Ok(())
    }

    fn die(&mut self, death: Death) {
        let Some(process) = self.process.take() else { return };
        self.connection = Some(process.engine.into_connection());
        self.wire.lock().process_died(self.now);
        if matches!(death, Death::PowerLoss) {
            self.disk.power_loss(self.now, &mut self.rng);
        }
        let pause = match self.rng.u32(..10) {
            0 => self.rng.i64(MINUTE..2 * HOUR),
            _ => self.rng.i64(100..20 * SECOND),
        };
        self.queue_any(self.now + pause, Happening::Starts);
    }

    fn person_acts(&mut self) {
        let now = extend_edge::clock::text(self.wall());
        let Some(process) = &self.process else { return };
        let connection = process.engine.connection();
        let open = super::check::open_items(connection);
        if open.is_empty() {
            return;
        }
        let (id, mark, look_alike) = open[self.rng.usize(..open.len())].clone();
        let retries = self.rng.u32(..3) > 0;
        // As the command does it. Where the commit fails the person is told so and goes away.
        let act = || -> rusqlite::Result<bool> {
            let transaction = connection.unchecked_transaction()?;
            let done = match retries {
                true => outbox::retry(&transaction, id, "a person", &now)?,
                false => outbox::cancel(&transaction, id, "a person", &now)? != outbox::CalledOff::Not,
            };
            transaction.commit()?;
            Ok(done)
        };
        let done = act().unwrap_or(false);
        match (done && look_alike, retries) {
            (true, true) => _ = self.wire.lock().may_be_twice.insert(mark.clone()),
            (true, false) => _ = self.checks.called_off_look_alike.insert(mark.clone()),
            _ => {}
        }
        let what = if retries { "retries" } else { "cancels" };
        self.note(|| format!("a person {what} item {id} {mark}: {done}"));
        let at = self.now + self.rng.i64(1..500);
        self.queue_here(at, Happening::Beats);
    }

    fn call(&mut self, job: CallJob, commit_before: Option<i64>) {
        self.note(|| format!("job   {job:?}"));
        {
            let mut extend = self.wire.lock();
            extend.now = self.now;
            extend.commit_before = commit_before;
        }
        let leave = job.requests();
        let done = jobs::run(&self.wire, job);
        self.checks.called(self.now, leave - done.seen.unused);
        let ended = self.wire.lock().now;
        if commit_before.is_none() {
            self.queue_here(ended, Happening::Hears(Event::Called(Box::new(done))));
        }
    }

    fn step(&mut self, beat: bool) -> Result<(), String> {
        let Some(process) = &mut self.process else { return Ok(()) };
        if matches!(process.death, Some(Death::BeforeNextStep)) {
            self.die(Death::BeforeNextStep);
            return Ok(());
        }
        self.steps += 1;
        let events = std::mem::take(&mut process.received);
        let heard = events.len();
        let now = Now {
            wall: jiff::Timestamp::from_millisecond(self.epoch * 1000 + self.now + self.wall_offset)
                .unwrap_or_default(),
            mono: Duration::from_millis((self.now - process.began) as u64),
        };
        let jobs = match process.engine.step(events, now) {
            Ok(jobs) => jobs,
            Err(error) => {
                process.again_at = Some(self.now + 500);
                self.note(|| format!("step fails: {error}"));
                return Ok(());
            }
        };
        // After a step that failed the engine still has its events.
        let beat = beat || process.again_at.take().is_some();
        let died = matches!(process.death, Some(Death::AfterNextCommit)) && !jobs.is_empty();
        let busy = beat || heard > 0 || jobs.iter().any(|job| !matches!(job, Job::Put(_)));
        self.note(|| format!("step  {heard} events, {} jobs", jobs.len()));
        if busy {
            self.idle_steps = 0;
        }
        if died {
            self.die(Death::AfterNextCommit);
            return Ok(());
        }
        let released = match &mut self.process {
            Some(process) if busy => process.slow_put.take(),
            _ => None,
        };
        for job in jobs {
            self.hand_out(job)?;
        }
        if let Some(files) = released {
            let at = self.now + self.rng.i64(1..50);
            self.put(files, at)?;
        }
        let Some(process) = &self.process else { return Ok(()) };
        self.checks.after_step(self.now, process, &self.wire)
    }

    fn hand_out(&mut self, job: Job) -> Result<(), String> {
        let pause = self.rng.i64(0..20);
        match job {
            Job::Move(files) => {
                let pause = if self.rng.u32(..30) == 0 { self.rng.i64(0..40 * SECOND) } else { pause };
                self.queue_here(self.now + pause, Happening::Moves(files));
            }
            Job::Put(files) => {
                let status_only =
                    files.iter().all(|job| matches!(job, PutJob::Owed(owed) if owed.kind == "status"));
                match &mut self.process {
                    Some(process) if status_only => process.slow_put = Some(files),
                    _ => self.put(files, self.now + pause)?,
                }
            }
            Job::Examine => {
                self.queue_here(self.now + pause, Happening::Hears(Event::Examined(Examined::Whole)));
            }
            Job::Copy => self.queue_here(self.now + pause, Happening::Hears(Event::Copied(Ok(())))),
            Job::LookForWrongs | Job::Tell(_) => unreachable!("nobody is to be told of anything"),
            // Nobody asks here.
            Job::Ask(_) | Job::Answer(_) => {}
            Job::Push(job) | Job::Pull(job) | Job::Fetch(job) => {
                if let Some(process) = &mut self.process {
                    self.checks.handed_out(self.now, process, &job)?;
                    process.began(&job);
                }
                self.queue_here(self.now + pause, Happening::Calls(job));
            }
            // There is no file to copy: a simulated database lives in memory.
            Job::Backup(_) => {
                let made = Event::BackedUp(Ok("a backup".into()));
                self.queue_here(self.now + pause, Happening::Hears(made));
            }
        }
        Ok(())
    }

    fn put(&mut self, files: Vec<PutJob>, at: i64) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let connection = process.engine.connection();
        let mut put = Vec::with_capacity(files.len());
        for job in files {
            let fails = self.now < self.disk_fails_until && self.rng.bool();
            match &job {
                _ if fails => {}
                PutJob::Owed(owed) if owed.kind == "receipt" => {
                    let id: i64 = owed.key.parse().map_err(|_| "a receipt of no file")?;
                    let parts = intake::load_receipt(connection, id).map_err(|error| error.to_string())?;
                    // What was thinned has none any more.
                    parts.into_iter().for_each(|parts| self.checks.receipt_written(id, parts));
                }
                PutJob::Thin { file } => {
                    let thinned = thinning::load(connection, *file).map_err(|error| error.to_string())?;
                    let place = thinned.map(|thinned| (thinned.folder, thinned.stored_name));
                    place.and_then(|place| self.disk.stored.remove(&place));
                }
                _ => {}
            }
            let result = if fails { Err(io::Error::other("the disk says no")) } else { Ok(()) };
            put.push(Put { job, result, took: Duration::from_millis(1) });
        }
        self.queue_here(at, Happening::Hears(Event::Put(put)));
        Ok(())
    }
}

impl Process {
    /// When the engine wants to be stepped.
    pub fn wake_at(&self) -> i64 {
        self.again_at.unwrap_or_else(|| self.began + self.engine.wake_at().as_micros().div_ceil(1000) as i64)
    }

    fn began(&mut self, job: &CallJob) {
        match job {
            CallJob::Probe => self.probing = true,
            CallJob::Send(_) | CallJob::LookUp(_) | CallJob::Prepare(_) => self.calls += 1,
            _ => {}
        }
    }

    fn ended(&mut self, outcome: &jobs::CallOutcome) {
        match outcome {
            jobs::CallOutcome::Probed => self.probing = false,
            jobs::CallOutcome::Sent { .. }
            | jobs::CallOutcome::LookedUp { .. }
            | jobs::CallOutcome::Prepared { .. } => self.calls -= 1,
            _ => {}
        }
    }
}

fn config(per_minute: u32, grace: i64, keep_days: u32) -> Arc<Config> {
    let text = format!(
        "[extend]\nbase_url = \"http://127.0.0.1:9\"\nclient = \"sim\"\nusername = \"u\"\npassword = \"p\"\n\
         requests_per_minute = {per_minute}\n\
         [exchange]\nkeep_days = {keep_days}\n\
         [outbox]\nlookup_grace_seconds = {grace}\n\
         [products]\nevery_seconds = 86400\n[customers]\nevery_seconds = 86400\n\
         [balances]\nevery_seconds = 86400\n[orders]\nevery_seconds = 43200\n"
    );
    Arc::new(Config::parse(Path::new("/simulated"), &text, None).expect("settings"))
}

/// What the receipt of each file shows: documents with state and number.
pub type Written = BTreeMap<i64, Vec<(i64, String, Option<String>)>>;
