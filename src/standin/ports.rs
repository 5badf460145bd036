//! Ports that stay a stand-in's own while it is cut off.
//!
//! A port that the system gives away is free for others the moment that nobody listens on it; a test
//! beside this one may get it, and answer in the place of the stand-in that should be out of reach.
//! So ports come from below the range that systems give away, and within the process none is used by
//! two stand-ins that live at the same time.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Below what Linux, Windows and macOS give away by themselves.
const RANGE: Range<u16> = 20_000..32_000;
/// How many ports are tried before the system is asked for one.
const TRIES: usize = 100;

static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that is kept for as long as this lives.
#[derive(Debug)]
pub(super) struct Taken(u16);

impl Drop for Taken {
    fn drop(&mut self) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Finds a port that `listen` can listen on, and keeps it.
pub(super) fn take<T>(listen: impl Fn(u16) -> io::Result<T>) -> io::Result<(Taken, T)> {
    for _ in 0..TRIES {
        let port = fastrand::u16(RANGE);
        if !TAKEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            continue;
        }
        let taken = Taken(port);
        if let Ok(listening) = listen(port) {
            return Ok((taken, listening));
        }
    }
    // Port 0 lets the system choose; it is never in the set.
    listen(0).map(|listening| (Taken(0), listening))
}
