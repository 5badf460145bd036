//! Time as the engine sees it, and as it is written.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A moment: on the wall clock, which people set, and on a clock that only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The machine's wall clock, for what is written.
    pub wall: Timestamp,
    /// Time since the process began, for every wait.
    pub mono: Duration,
}

impl Now {
    /// The moment as the tables and files have it.
    pub fn text(&self) -> String {
        text(self.wall)
    }
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Begins to count.
    pub fn start() -> Clock {
        Clock { began: Instant::now() }
    }

    /// The moment that it is.
    pub fn now(&self) -> Now {
        Now { wall: Timestamp::now(), mono: self.began.elapsed() }
    }
}

/// `2026-11-21T22:16:00.000Z`: UTC, milliseconds, sorts as text.
pub fn text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// `2026-11-21T22:16:00`: how Extend wants dates in a filter, UTC without an offset (documented).
pub fn filter_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
