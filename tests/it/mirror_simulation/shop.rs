//! The event loop of the simulation: one agent, its line, Extend and its people, all from one seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use extend_edge::clock::Now;
use extend_edge::config::Config;
use extend_edge::engine::{Engine, Event, Job, Task};
use extend_edge::exchange::put::{Put, PutJob};
use extend_edge::exchange::take::Taken;
use extend_edge::exchange::watch::{Arrived, Sighting};
use extend_edge::extend::jobs::{self, CallJob};
use extend_edge::formats::canonical;
use extend_edge::formats::contents::Format;
use extend_edge::rules::mirror::Entity;
use extend_edge::standin::{Desk, Options};
use extend_edge::store;
use extend_edge::store::upkeep::Examined;
use jiff::Timestamp;
use rusqlite::Connection;

use super::line::{Line, Mood};
use super::people::{Moment, People};
use super::settings::Settings;
use super::trouble::{Entry, Happening};
use super::watch;
use super::webshop::Webshop;

pub const SECOND: i64 = 1000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

/// The process that runs.
pub struct Process {
    pub engine: Engine,
    number: u64,
    began: i64,
    received: Vec<Event>,
    /// When the engine is to be stepped after the database failed.
    again_at: Option<i64>,
    dies_after_commit: bool,
}

impl Process {
    fn wake_at(&self) -> i64 {
        self.again_at.unwrap_or_else(|| self.began + self.engine.wake_at().as_micros().div_ceil(1000) as i64)
    }
}

/// Everything.
pub struct Shop {
    pub rng: fastrand::Rng,
    pub now: i64,
    epoch: i64,
    wall_offset: i64,
    queue: BinaryHeap<Reverse<Entry>>,
    order: u64,
    pub settings: Settings,
    pub config: Arc<Config>,
    pub process: Option<Process>,
    processes: u64,
    /// The database, while no process has it.
    connection: Option<Connection>,
    commits_to_fail: Arc<AtomicI64>,
    disk_fails_until: i64,
    pub line: Line,
    pub people: People,
    pub webshop: Webshop,
    /// Calm: nobody changes anything.
    calm: bool,
    pub cursors: BTreeMap<Entity, String>,
    idle_steps: u32,
    pub steps: u64,
    pub trace: Option<Vec<String>>,
}

impl Shop {
    pub fn new(seed: u64, trace: bool) -> Shop {
        // The stand-in names the rows of orders by dice of the thread's.
        fastrand::seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let settings = Settings::new(&mut rng);
        let epoch = (1_790_000_000 + rng.i64(0..86_400)) * 1000;
        let skew = if rng.u32(..3) == 0 { rng.i64(-40_000..40_000) } else { 0 };
        let mut people = People::new(rng.fork());
        people.very_late = settings.has_late_details();
        let world = people.world(Timestamp::from_millisecond(epoch + skew).unwrap_or_default());
        let limit_per_minute = settings.per_minute * [1, 1, 2][rng.usize(..3)];
        let options = Options { limit_per_minute, retry_after: rng.bool(), ..Options::default() };
        let line = Line::new(Desk::new(world, options), rng.fork(), epoch + skew);
        let commits_to_fail = Arc::new(AtomicI64::new(0));
        let mut connection = store::open_in_memory().expect("a database in memory");
        watch::begin(&connection).expect("triggers");
        let fails = commits_to_fail.clone();
        connection.commit_hook(Some(move || fails.fetch_sub(1, Ordering::Relaxed) > 0)).expect("a hook");
        let mut shop = Shop {
            rng,
            now: 0,
            epoch,
            wall_offset: 0,
            queue: BinaryHeap::new(),
            order: 0,
            config: settings.config(),
            settings,
            process: None,
            processes: 0,
            connection: Some(connection),
            commits_to_fail,
            disk_fails_until: 0,
            line,
            people,
            webshop: Webshop::default(),
            calm: false,
            cursors: BTreeMap::new(),
            idle_steps: 0,
            steps: 0,
            trace: trace.then(Vec::new),
        };
        shop.queue_any(0, Happening::Starts);
        shop
    }

    /// Some hours of trouble, a rest after which the mirror is right, and an hour in which nothing happens.
    ///
    /// # Errors
    /// What does not hold.
    pub fn episode(&mut self) -> Result<(), String> {
        let began = self.now;
        self.calm = false;
        let trouble = self.rng.i64(HOUR / 2..2 * HOUR);
        self.plan_trouble(began, trouble);
        self.run_until(began + trouble)?;
        self.calm = true;
        let rest = self.settings.promised(&self.line.desk.world());
        self.run_until(self.now + rest)?;
        self.at_rest()?;
        self.settings.clone().look_at_idle(self)
    }

    pub fn reader(&self) -> Option<&Connection> {
        self.process.as_ref().map(|process| process.engine.connection())
    }

    pub fn files_put_out(&self) -> u64 {
        self.webshop.files
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
            trace.push(format!("{:>10} {}", self.now, what()));
        }
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_millisecond(self.epoch + self.now + self.wall_offset).unwrap_or_default()
    }

    fn extend_time(&self) -> Timestamp {
        let mut state = self.line.state();
        state.now = self.now;
        state.extend_time()
    }

    pub fn run_until(&mut self, end: i64) -> Result<(), String> {
        loop {
            let next = self.queue.peek().map_or(i64::MAX, |Reverse(entry)| entry.at);
            let wake = self.process.as_ref().map_or(i64::MAX, Process::wake_at).max(self.now);
            if next.min(wake) > end {
                self.now = end;
                return Ok(());
            }
            if wake < next {
                self.now = wake.max(self.now + 1);
                self.idle_steps += 1;
                if self.idle_steps > 5000 {
                    return Err("the engine wakes and wakes and does nothing".into());
                }
                self.step()?;
                continue;
            }
            self.idle_steps = 0;
            while let Some(Reverse(entry)) = self.queue.peek() {
                if entry.at > next {
                    break;
                }
                let Some(Reverse(entry)) = self.queue.pop() else { break };
                self.now = self.now.max(entry.at);
                let here = self.process.as_ref().map_or(0, |process| process.number);
                if entry.process == 0 || entry.process == here {
                    self.happen(entry.what)?;
                }
            }
            if self.process.as_ref().is_some_and(|process| !process.received.is_empty()) {
                self.step()?;
            }
        }
    }

    fn happen(&mut self, what: Happening) -> Result<(), String> {
        match what {
            Happening::Hears(event) => {
                if let Some(process) = &mut self.process {
                    process.received.push(event);
                }
            }
            Happening::Calls(job) => self.call(job),
            Happening::Moves(files) => {
                let taken = files
                    .into_iter()
                    .map(|file| Taken { id: file.id, name: file.name, result: Ok(file.stored_name) })
                    .collect();
                self.queue_here(self.now + 5, Happening::Hears(Event::Moved(taken)));
            }
            Happening::Puts(files) => self.put(files)?,
            Happening::PeopleAct => self.people_act(),
            Happening::Orders => self.drop_order(),
            Happening::Mood(mood) => {
                self.note(|| format!("the line is {mood:?}"));
                self.line.state().mood = mood;
            }
            Happening::Dies { after_commit: false } => self.die(),
            Happening::Dies { after_commit: true } => {
                if let Some(process) = &mut self.process {
                    process.dies_after_commit = true;
                }
            }
            Happening::Starts => self.start()?,
            Happening::CommitsFail(commits) => {
                self.note(|| format!("{commits} commits fail"));
                self.commits_to_fail.store(commits, Ordering::Relaxed);
            }
            Happening::DiskFails(until) => self.disk_fails_until = until,
            Happening::ClockJumps(by) => {
                self.note(|| format!("the wall clock jumps by {by}"));
                self.wall_offset += by;
            }
            Happening::Quiet => self.quiet()?,
        }
        Ok(())
    }

    /// Whatever still goes wrong ceases to.
    fn quiet(&mut self) -> Result<(), String> {
        self.note(|| "all is quiet".to_owned());
        self.line.state().mood = Mood::Well;
        self.commits_to_fail.store(0, Ordering::Relaxed);
        self.disk_fails_until = self.now;
        let rest = std::mem::take(&mut self.queue);
        let trouble = |what: &Happening| {
            matches!(
                what,
                Happening::Mood(_)
                    | Happening::Dies { .. }
                    | Happening::ClockJumps(_)
                    | Happening::CommitsFail(_)
                    | Happening::DiskFails(_)
            )
        };
        self.queue = rest.into_iter().filter(|Reverse(entry)| !trouble(&entry.what)).collect();
        match &mut self.process {
            Some(process) => process.dies_after_commit = false,
            None => self.start()?,
        }
        Ok(())
    }

    fn people_act(&mut self) {
        let at = Moment { now: self.now, time: self.extend_time() };
        let told = self.people.act(&self.line.desk, at);
        self.note(|| format!("Extend {told}"));
    }

    /// The webshop drops an order, and the watcher has read it.
    fn drop_order(&mut self) {
        let order = self.people.order(&self.line.desk.world());
        let (Some(order), Some(_)) = (order, &self.process) else { return };
        let name = format!("order-{}.json", self.order);
        let content = order.to_string().into_bytes();
        self.note(|| format!("drops {name}"));
        let arrived = Arrived {
            name,
            size: content.len() as u64,
            hash: Some(canonical::bytes_hash(&content)),
            stamp: String::new(),
            parsed: Format::Json.parse(&content),
            content,
        };
        self.queue_here(self.now, Happening::Hears(Event::Seen(Sighting::Arrived(Box::new(arrived)))));
    }

    fn start(&mut self) -> Result<(), String> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        self.commits_to_fail.store(0, Ordering::Relaxed);
        let seed = self.rng.u64(..);
        let now = Now { wall: self.wall(), mono: Duration::ZERO };
        let engine = Engine::new(connection, self.config.clone(), Task::default(), now)
            .map_err(|error| format!("the process does not start: {error}"))?
            .with_dice(seed);
        self.processes += 1;
        self.note(|| "starts".to_owned());
        self.process = Some(Process {
            engine,
            number: self.processes,
            began: self.now,
            received: Vec::new(),
            again_at: None,
            dies_after_commit: false,
        });
        self.queue_here(self.now, Happening::Hears(Event::Seen(Sighting::Scanned { error: None })));
        Ok(())
    }

    fn die(&mut self) {
        let Some(process) = self.process.take() else { return };
        self.note(|| "dies".to_owned());
        self.connection = Some(process.engine.into_connection());
        let pause = match self.rng.u32(..6) {
            0 => self.rng.i64(10 * MINUTE..HOUR),
            _ => self.rng.i64(100..20 * SECOND),
        };
        self.queue_any(self.now + pause, Happening::Starts);
    }

    fn call(&mut self, job: CallJob) {
        // While a list is read, its rows move.
        if matches!(job, CallJob::Page(_)) && !self.calm && self.rng.u32(..4) == 0 {
            self.people_act();
        }
        self.note(|| format!("asks  {job:?}"));
        self.line.state().now = self.now;
        let done = jobs::run(&self.line, job);
        let ended = self.line.state().now;
        self.queue_here(ended, Happening::Hears(Event::Called(Box::new(done))));
    }

    fn step(&mut self) -> Result<(), String> {
        let wall = self.wall();
        let Some(process) = &mut self.process else { return Ok(()) };
        self.steps += 1;
        let events = std::mem::take(&mut process.received);
        let mono = Duration::from_millis((self.now - process.began) as u64);
        let jobs = match process.engine.step(events, Now { wall, mono }) {
            Ok(jobs) => jobs,
            Err(error) => {
                process.again_at = Some(self.now + 500);
                self.note(|| format!("step fails: {error}"));
                return Ok(());
            }
        };
        process.again_at = None;
        if jobs.iter().any(|job| !matches!(job, Job::Put(_))) {
            self.idle_steps = 0;
        }
        self.nothing_is_taken_away_wrongly()?;
        self.cursors_pass_nothing()?;
        if let Some(process) = &self.process
            && process.dies_after_commit
            && !jobs.is_empty()
        {
            self.die();
            return Ok(());
        }
        for job in jobs {
            let pause = self.rng.i64(0..20);
            let what = match job {
                Job::Move(files) => Happening::Moves(files),
                Job::Put(files) => Happening::Puts(files),
                Job::Push(call) | Job::Pull(call) | Job::Fetch(call) => Happening::Calls(call),
                Job::Backup(at) => Happening::Hears(Event::BackedUp(Ok(at.to_string()))),
                Job::Examine => Happening::Hears(Event::Examined(Examined::Whole)),
                Job::Copy => Happening::Hears(Event::Copied(Ok(()))),
                Job::LookForWrongs | Job::Tell(_) => unreachable!("nobody is to be told of anything"),
                // Nobody asks here.
                Job::Ask(_) | Job::Answer(_) => continue,
            };
            self.queue_here(self.now + pause, what);
        }
        Ok(())
    }

    fn put(&mut self, files: Vec<PutJob>) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let connection = process.engine.connection();
        let subtract = self.config.exchange.subtract_queued;
        let mut put = Vec::with_capacity(files.len());
        let mut gap = false;
        let mut told = Vec::new();
        for job in files {
            let fails = self.now < self.disk_fails_until && self.rng.bool();
            let is_change = matches!(job, PutJob::Change { .. });
            let fails = fails || is_change && gap;
            gap |= is_change && fails;
            if !fails {
                match &job {
                    PutJob::Change { sequence, .. } => {
                        let (entity, removed) = self.webshop.change(connection, *sequence)?;
                        told.push(format!("changes {sequence} {entity}, {} removed", removed.len()));
                    }
                    PutJob::Snapshot { entity, .. } => {
                        self.webshop.snapshot(connection, *entity, subtract)?
                    }
                    PutJob::Owed(owed) if owed.kind == "status" => {}
                    PutJob::Clear { .. } | PutJob::Thin { .. } => {}
                    PutJob::Owed(_) => self.webshop.files += 1,
                }
            }
            let result = if fails { Err(io::Error::other("the disk says no")) } else { Ok(()) };
            put.push(Put { job, result, took: Duration::from_millis(1) });
        }
        for line in told {
            self.note(|| line);
        }
        let at = self.now + self.rng.i64(1..50);
        self.queue_here(at, Happening::Hears(Event::Put(put)));
        Ok(())
    }
}
