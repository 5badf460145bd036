//! Tests from outside: real HTTP, real files, the stand-in for Extend.

mod conformance;
mod simulation;
mod standin;
mod support;
