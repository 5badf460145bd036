//! extend-edge joins a webshop that can only read and write files to Extend Commerce, over a line
//! that fails.
//!
//! # The map
//!
//! Three kinds of people live in this house:
//!
//! - **the engine** ([`engine`]): one thread, the only writer of the agent. It owns the writing
//!   connection and the clock, takes [`engine::Event`]s from one bounded inbox and hands out jobs.
//! - **workers** carry bytes and hold no writing connection: [`exchange`] (the folders),
//!   [`extend`] (the calls). Each has one job in flight; the tables are the queues.
//! - **rules** ([`rules`]) hold no state: state and `now` in, a plan out.
//!
//! The modules in the order in which they are best read:
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`config`] | what is written in `extend-edge.toml` becomes what is used, or every problem at once |
//! | [`formats`] | bytes to typed documents and back, pure |
//! | [`rules`] | the decisions, pure |
//! | [`store`] | all SQL, one file per table or view |
//! | [`engine`] | the event loop, and the threads that it hands jobs to |
//! | [`exchange`] | the folders: watch, take over, set aside, put out, answer |
//! | [`extend`] | the client of Extend's API: wire, error classes, calls |
//! | [`hooks`] | webhooks, by HTTP or as files: both go through one door, so they have a room of their own |
//! | [`recover`] | a database that is damaged, gone or to be restored is made again from a backup and the folders |
//! | [`reports`] | which reports there are, and the plain copy of the database for them |
//! | [`home`], [`logging`], [`clock`], [`language`], [`memory`] | the folders and their locks, the log files, time, English and Swedish |
//! | [`status`] | one look that says whether all is well |
//! | [`service`] | the agent as a service of the system |
//! | [`actions`] | what people do with items of the outbox, by a command or on the page |
//! | [`page`] | the status page, `/healthz` and `/metrics`: they read through connections of their own |
//! | [`alerts`] | alarms that reach somebody who does not look |
//! | [`web`] | HTTP serving over ureq-proto |
//! | [`standin`] | the built-in Extend for `demo` and for the tests |
//! | [`cli`] | one file per command |
//!
//! # What always holds
//!
//! 1. SQLite is the truth. Every file in `receipts/` and `outgoing/` can be made again from it. Where it is
//!    lost, what was taken over is taken up again from the newest backup, `receipts/` and `accepted/`, and
//!    looked up at Extend before it is sent. For that a receipt holds the only copy of what is in neither
//!    original nor backup: a correction by hand, which `outbox edit` writes there durably by itself.
//! 2. What must be true together is committed together: a file's documents and their outbox items;
//!    a page's rows and what is owed to the webshop for them; a list's last page and its cursor.
//! 3. A file leaves the inbox only after the commit that holds its documents (`synchronous = FULL`: it is on
//!    the disk by then), and is recorded as moved only after the rename is on the disk.
//! 4. An attempt is recorded, durably, before its request is made. An attempt whose answer never
//!    came is looked up at Extend before the item is ever sent again.
//! 5. `rules/` and `formats/` do no IO, know no clock and throw no dice: a test reads their source
//!    and fails otherwise.
//! 6. Numbers of an order pass through as they were written. Money is never computed in binary
//!    floating point on its way to Extend.

#![warn(missing_docs)]
#![deny(unsafe_code)]

pub mod actions;
pub mod alerts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod exchange;
pub mod extend;
pub mod formats;
pub mod home;
pub mod hooks;
pub mod language;
pub mod logging;
pub mod memory;
pub mod page;
pub mod recover;
pub mod reports;
pub mod rules;
pub mod service;
pub mod standin;
pub mod status;
pub mod store;
pub mod web;
