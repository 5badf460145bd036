//! Whether the engine is at work, for those who look at it from other threads: it is told here at every turn
//! of its loop, and what keeps it from recording anything too, as that can't stand in the database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An engine that has not turned for so long is stuck.
pub const STUCK_AFTER: Duration = Duration::from_secs(60);

/// The pulse of one engine.
#[derive(Debug)]
pub struct Pulse {
    began: Instant,
    /// Milliseconds from `began` to the last turn.
    turned: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Default for Pulse {
    fn default() -> Pulse {
        Pulse { began: Instant::now(), turned: AtomicU64::new(0), trouble: Mutex::new(None) }
    }
}

impl Pulse {
    /// The loop turns.
    pub fn beat(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.turned.store(now, Ordering::Relaxed);
    }

    /// How long ago the loop last turned.
    pub fn age(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.turned.load(Ordering::Relaxed)))
    }

    /// What keeps the engine from recording anything, or that nothing does any more.
    pub fn tell(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What keeps the engine from recording anything.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
