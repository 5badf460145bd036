//! Tests from outside: real HTTP, real files, the stand-in for Extend.

// What only tests with signals, pipes and modes use.
#![cfg_attr(windows, allow(dead_code, unused_imports))]

mod conformance;
mod costs;
mod csv;
mod flows;
mod fuzz;
mod mirror_simulation;
mod readme;
mod simulation;
mod standin;
mod support;
mod ubl;
mod walls;
