//! The decisions. State and `now` in, a plan out; nothing here does IO or holds state.
//!
//! Durations named `now` or `mono` are times since the process began, on a clock that only goes
//! forward. Randomness comes in as a number from 0 to 1.

pub mod alert;
pub mod answer;
pub mod arrival;
pub mod availability;
pub mod budget;
pub mod change;
pub mod confirmation;
pub mod freshness;
pub mod hooks;
pub mod intake;
pub mod line;
pub mod lookup;
pub mod mirror;
pub mod reason;
pub mod recover;
pub mod retry;
pub mod schedule;
pub mod search;
pub mod sweep;
pub mod unknown;
