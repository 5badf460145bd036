//! Tests from outside: real HTTP, real files, the stand-in for Extend.

mod conformance;
mod flows;
mod readme;
mod standin;
mod support;
mod walls;
