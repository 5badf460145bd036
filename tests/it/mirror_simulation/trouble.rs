//! What happens, and when: what the people do, and what goes wrong.

use extend_edge::engine::Event;
use extend_edge::exchange::put::PutJob;
use extend_edge::extend::jobs::CallJob;
use extend_edge::store::intake::ToMove;

use super::line::{Lie, Mood};
use super::shop::{HOUR, MINUTE, SECOND, Shop};

/// Something that happens at its time.
pub enum Happening {
    Hears(Event),
    Calls(CallJob),
    Moves(Vec<ToMove>),
    Puts(Vec<PutJob>),
    PeopleAct,
    Orders,
    Mood(Mood),
    Dies { after_commit: bool },
    Starts,
    CommitsFail(i64),
    DiskFails(i64),
    ClockJumps(i64),
    Quiet,
}

/// An entry of the queue: when, in which order, in which process (0: in any), what.
pub struct Entry {
    pub at: i64,
    pub order: u64,
    pub process: u64,
    pub what: Happening,
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

impl Shop {
    /// Some time of changes and trouble, at whose end all is quiet.
    pub fn plan_trouble(&mut self, began: i64, long: i64) {
        // Most changes come in clusters, some of them large.
        let changes = [20, 60, 300][self.rng.usize(..3)];
        let centres: Vec<i64> = (0..6).map(|_| began + self.rng.i64(0..long)).collect();
        for _ in 0..changes {
            let at = match self.rng.bool() {
                true => began + self.rng.i64(0..long),
                false => centres[self.rng.usize(..centres.len())] + self.rng.i64(0..20 * SECOND),
            };
            self.queue_any(at.min(began + long), Happening::PeopleAct);
        }
        for _ in 0..self.rng.u32(0..12) {
            let at = began + self.rng.i64(0..long);
            self.queue_any(at, Happening::Orders);
        }
        for _ in 0..self.rng.u32(0..9) {
            let at = began + self.rng.i64(0..long);
            self.plan_one_trouble(at);
        }
        self.queue_any(began + long, Happening::Quiet);
    }

    fn plan_one_trouble(&mut self, at: i64) {
        match self.rng.u32(..20) {
            0..4 => {
                let after_commit = self.rng.bool();
                self.queue_any(at, Happening::Dies { after_commit });
            }
            4 | 5 => {
                let commits = self.rng.i64(1..5);
                self.queue_any(at, Happening::CommitsFail(commits));
            }
            6 => {
                let by = [-24 * HOUR, 24 * HOUR, -HOUR, HOUR, -5 * MINUTE][self.rng.usize(..5)];
                self.queue_any(at, Happening::ClockJumps(by));
            }
            7 => {
                let long = self.rng.i64(SECOND..5 * MINUTE);
                self.queue_any(at, Happening::DiskFails(at + long));
            }
            _ => {
                let lie = [Lie::Empty, Lie::Tenth, Lie::EmptyPage, Lie::ShortPage][self.rng.usize(..4)];
                let mood = match self.rng.u32(..10) {
                    0..4 => Mood::Shaky,
                    4 => Mood::Refused,
                    5 | 6 => Mood::Crowded,
                    _ => Mood::Lying(lie),
                };
                let long = match self.rng.u32(..5) {
                    0 => self.rng.i64(20 * MINUTE..90 * MINUTE),
                    _ => self.rng.i64(SECOND..15 * MINUTE),
                };
                self.queue_any(at, Happening::Mood(mood));
                self.queue_any(at + long, Happening::Mood(Mood::Well));
            }
        }
    }
}
