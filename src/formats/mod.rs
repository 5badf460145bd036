//! Bytes to typed documents and back. Pure: no IO, no clock, no dice.

pub mod export;
pub mod file_name;
