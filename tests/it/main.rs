//! Tests from outside: real HTTP, real files, the stand-in for Extend.

mod conformance;
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
