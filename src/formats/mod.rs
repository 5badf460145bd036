//! Bytes to typed documents and back. Pure: no IO, no clock, no dice.
//!
//! What a shop drops becomes [`document::Document`]s or [`problem::Problem`]s, which are values: bad
//! data is nothing unusual. [`contents`] tells one document of a file from several, [`text`] decodes, [`json`]
//! recognises and checks, [`csv`] and [`ubl`] (by [`xml`]) map to Extend's shape, [`canonical`] says when
//! two documents are the same, [`locate`] finds the line that a person must look at, [`receipt`] and
//! [`problem`] speak to the shop, [`report`] shows what a query found. [`conceal`] leaves out what nobody else may
//! read. [`hook`] reads what Extend tells of
//! itself.

pub mod alarm;
pub mod canonical;
pub mod conceal;
pub mod contents;
pub mod csv;
pub mod document;
pub mod export;
pub mod file_name;
pub mod hook;
pub mod json;
pub mod locate;
pub mod names;
pub mod near_miss;
pub mod problem;
pub mod receipt;
pub mod report;
mod strict;
pub mod text;
pub mod ubl;
pub mod warning;
pub mod xml;
