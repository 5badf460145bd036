//! The client of Extend's API: wire, error classes, push and pull threads.

pub mod page;
