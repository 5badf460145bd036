//! How many requests may be made, and by whom first. Extend counts each group of its calls by itself
//! (documented), the limit belongs to the tenant and other programs may be using it too: so Extend's own
//! count is obeyed and lowers ours.
//!
//! Every request belongs to a [`Group`], that of its call, and is made for a [`Class`], that of who asks.
//! Over all groups together no minute holds more than the settings say.

mod bucket;

use std::time::Duration;

use super::answer::Limits;
use bucket::Bucket;

/// Who asks. Those that come first here go first, and each has a small part that nobody takes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Orders, returns, their look-ups, and questions that somebody waits for.
    Orders,
    /// What a webhook told of.
    Webhooks,
    /// Lists of what changed, and the records that they name.
    Changes,
    /// Lists of everything, and the records that nobody has asked for yet.
    Fill,
}

impl Class {
    /// All of them, the first one first.
    pub const ALL: [Class; 4] = [Class::Orders, Class::Webhooks, Class::Changes, Class::Fill];
}

/// Extend's groups of calls, each with a limit of its own (documented: `x-rate-limit-group`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Group {
    /// Calls that cost much: CustomerOrderATP.
    Low,
    /// Most calls.
    #[default]
    Standard,
    /// Calls that cost little: ReturnOrderRowCodes.
    High,
}

/// The part of Extend's window that each class leaves to those before it.
const LEFT_OF_WINDOW: [f64; 4] = [0.0, 0.1, 0.15, 0.2];

/// The part of our minute that calls of the group Low may have until Extend has told its limit.
const LOW_UNTIL_TOLD: f64 = 0.2;

/// How long to wait where Extend says «too many» and not for how long.
const UNTOLD_PAUSE: Duration = Duration::from_secs(5);

/// What one of Extend's groups has.
#[derive(Debug, Clone)]
struct Room {
    bucket: Bucket,
    /// For each class: nothing before this moment, as Extend said how little is left.
    closed_until: [Duration; 4],
}

/// The budget.
#[derive(Debug, Clone)]
pub struct Budget {
    per_minute: f64,
    all: Bucket,
    /// In the order of [`Group`].
    rooms: [Room; 3],
}

impl Budget {
    /// Full. `per_minute` is from the settings.
    pub fn new(per_minute: u32, now: Duration) -> Budget {
        let per_minute = f64::from(per_minute.max(1));
        let room = |part: f64| Room {
            bucket: Bucket::new(per_minute * part, now),
            closed_until: [Duration::ZERO; 4],
        };
        Budget {
            per_minute,
            all: Bucket::new(per_minute, now),
            rooms: [room(LOW_UNTIL_TOLD), room(1.0), room(1.0)],
        }
    }

    /// Takes one request of this group if there is room; else gives the moment to ask again.
    ///
    /// # Errors
    /// The moment, not before which there is no room.
    pub fn take(&mut self, class: Class, group: Group, now: Duration) -> Result<(), Duration> {
        self.take_together(class, group, 1, now)
    }

    /// As [`Budget::take`], for a job that makes up to `requests` (2 at the most): all of them or none, so
    /// that no request is ever made without leave.
    ///
    /// # Errors
    /// The moment, not before which there is no room.
    pub fn take_together(
        &mut self,
        class: Class,
        group: Group,
        requests: u32,
        now: Duration,
    ) -> Result<(), Duration> {
        let requests = f64::from(requests);
        let room = &mut self.rooms[group as usize];
        self.all.refill(now);
        room.bucket.refill(now);
        let closed_until = room.closed_until[class as usize];
        if now < closed_until {
            return Err(closed_until);
        }
        let wait = self.all.wait(class, requests).max(room.bucket.wait(class, requests));
        if !wait.is_zero() {
            return Err(now + wait);
        }
        self.all.take(class, requests);
        room.bucket.take(class, requests);
        Ok(())
    }

    /// What was taken and not used.
    pub fn give_back(&mut self, group: Group, requests: u32) {
        let requests = f64::from(requests);
        self.all.give_back(requests);
        self.rooms[group as usize].bucket.give_back(requests);
    }

    /// After an answer: what Extend says is left in this group. `server_now` is Extend's clock in seconds
    /// since 1970.
    pub fn after_answer(&mut self, group: Group, limits: &Limits, server_now: Option<i64>, now: Duration) {
        let room = &mut self.rooms[group as usize];
        let Some(limit) = limits.limit.filter(|limit| *limit > 0) else { return };
        let per_minute = self.per_minute.min(f64::from(limit));
        if room.bucket.per_minute() != per_minute {
            room.bucket.set_per_minute(per_minute, now);
        }
        let Some(remaining) = limits.remaining else { return };
        let until_reset = match (limits.reset, server_now) {
            (Some(reset), Some(server)) => reset.saturating_sub(server),
            _ => 0,
        };
        // A reset in the past or far away says nothing; a window is a minute (documented).
        let window = Duration::from_secs(u64::try_from(until_reset).unwrap_or(0).clamp(1, 60));
        for (closed_until, left) in room.closed_until.iter_mut().zip(LEFT_OF_WINDOW) {
            if remaining == 0 || f64::from(remaining) < f64::from(limit) * left {
                *closed_until = (*closed_until).max(now + window);
            }
        }
    }

    /// After a 429 in this group.
    pub fn after_too_many(&mut self, group: Group, retry_after: Option<Duration>, now: Duration) {
        let pause =
            retry_after.unwrap_or(UNTOLD_PAUSE).clamp(Duration::from_secs(1), Duration::from_secs(300));
        for closed_until in &mut self.rooms[group as usize].closed_until {
            *closed_until = (*closed_until).max(now + pause);
        }
    }

    /// How many requests of this group may go in a minute for long, whoever asks.
    pub fn flow(&self, group: Group) -> f64 {
        self.all.flow().min(self.rooms[group as usize].bucket.flow())
    }
}

#[cfg(test)]
mod tests;
