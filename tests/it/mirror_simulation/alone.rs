//! The engine alone before the pretended Extend, without people and without trouble: a test asks it step by
//! step, or lets simulated time pass.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use extend_edge::clock::Now;
use extend_edge::config::Config;
use extend_edge::engine::{Engine, Event, Job, Task};
use extend_edge::exchange::put::Put;
use extend_edge::exchange::watch::Sighting;
use extend_edge::extend::jobs::{self, CallJob};
use extend_edge::standin::{Desk, Options, World};
use extend_edge::store;
use jiff::Timestamp;

use super::line::Line;

/// The engine, its line, and what is on its way.
pub struct Alone {
    pub engine: Engine,
    pub line: Line,
    /// Milliseconds since the beginning.
    pub now: i64,
    /// Extend's clock at the beginning, in milliseconds since 1970: the world's. Ours is the same.
    epoch: i64,
    queue: BinaryHeap<Reverse<OnItsWay>>,
    order: u64,
}

/// An event that will come: when, in which order, what.
struct OnItsWay(i64, u64, Event);

impl PartialEq for OnItsWay {
    fn eq(&self, other: &OnItsWay) -> bool {
        self.1 == other.1
    }
}
impl Eq for OnItsWay {}
impl PartialOrd for OnItsWay {
    fn partial_cmp(&self, other: &OnItsWay) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for OnItsWay {
    fn cmp(&self, other: &OnItsWay) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl Alone {
    /// `settings` are whole sections; where Extend is and the login come by themselves.
    pub fn new(world: World, per_minute: u32, settings: &str) -> Alone {
        let text = format!(
            "[extend]\nbase_url = \"http://127.0.0.1:9\"\nclient = \"demo\"\nusername = \"u\"\npassword = \"p\"\n\
             requests_per_minute = {per_minute}\n{settings}"
        );
        let config = Arc::new(Config::parse(Path::new("/simulated"), &text, None).expect("settings"));
        let options = Options { limit_per_minute: per_minute, ..Options::default() };
        let epoch = world.now().as_millisecond();
        let desk = Desk::new(world, options);
        let line = Line::new(desk, fastrand::Rng::with_seed(1), epoch);
        let connection = store::open_in_memory().expect("a database in memory");
        let engine = Engine::new(connection, config, Task::default(), moment(epoch, 0)).expect("an engine");
        let mut alone =
            Alone { engine: engine.with_dice(1), line, now: 0, epoch, queue: BinaryHeap::new(), order: 0 };
        alone.bring(0, Event::Seen(Sighting::Scanned { error: None }));
        alone
    }

    pub fn step(&mut self, events: Vec<Event>) -> Vec<Job> {
        self.engine.step(events, moment(self.epoch, self.now)).expect("a step")
    }

    /// Makes a call now; its answer is held back by the test.
    pub fn call(&mut self, job: CallJob) -> Event {
        self.line.state().now = self.now;
        let done = jobs::run(&self.line, job);
        Event::Called(Box::new(done))
    }

    fn bring(&mut self, at: i64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(OnItsWay(at, self.order, event)));
    }

    /// Does what a step asked for.
    pub fn carry_out(&mut self, jobs: Vec<Job>) {
        for job in jobs {
            match job {
                Job::Push(call) | Job::Pull(call) | Job::Fetch(call) => {
                    let event = self.call(call);
                    let at = self.line.state().now;
                    self.bring(at, event);
                }
                Job::Put(files) => {
                    let put = files.into_iter();
                    let put = put.map(|job| Put { job, result: Ok(()), took: Duration::from_millis(1) });
                    let put = put.collect();
                    self.bring(self.now + 5, Event::Put(put));
                }
                Job::Move(_) => {}
                Job::Backup(at) => self.bring(self.now + 5, Event::BackedUp(Ok(at.to_string()))),
                Job::Copy => self.bring(self.now + 5, Event::Copied(Ok(()))),
                Job::Examine | Job::LookForWrongs | Job::Tell(_) | Job::Ask(_) | Job::Answer(_) => {}
            }
        }
    }

    /// Lets time pass until something holds; `false`: it did not until `end`.
    pub fn run_until(&mut self, end: i64, mut done: impl FnMut(&Alone) -> bool) -> bool {
        while !done(self) {
            let next = self.queue.peek().map_or(i64::MAX, |Reverse(next)| next.0);
            let wake = self.engine.wake_at().as_micros().div_ceil(1000) as i64;
            let at = next.min(wake.max(self.now + 1));
            if at > end {
                self.now = end;
                return done(self);
            }
            self.now = at.max(self.now);
            let mut events = Vec::new();
            while self.queue.peek().is_some_and(|Reverse(next)| next.0 <= self.now) {
                let Some(Reverse(OnItsWay(_, _, event))) = self.queue.pop() else { break };
                events.push(event);
            }
            let jobs = self.step(events);
            self.carry_out(jobs);
        }
        true
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.engine.connection().query_row(sql, [], |row| row.get(0)).expect("a number")
    }

    pub fn text(&self, sql: &str) -> String {
        self.engine.connection().query_row(sql, [], |row| row.get(0)).expect("a text")
    }
}

fn moment(epoch: i64, now: i64) -> Now {
    let wall = Timestamp::from_millisecond(epoch + now).unwrap_or_default();
    Now { wall, mono: Duration::from_millis(now as u64) }
}
