//! The client of Extend's API: requests, calls, and the workers that make them.
//!
//! A worker gets a job, makes its calls, and reports what came back; what that means is decided in
//! [`crate::rules`]. Workers hold no connection to the database.

pub mod ask;
pub mod client;
pub mod jobs;
pub mod look_up;
pub mod page;
pub mod prepare;
pub mod requests;

pub use client::{Api, Client};
