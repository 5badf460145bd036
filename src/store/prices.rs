//! `prices`. Extend lists them for one customer at a time: "the best price right now".

use std::collections::HashSet;

use rusqlite::Connection;
use serde_json::value::RawValue;

use super::mirrored::{self, Applied};
use crate::rules::mirror::{Cell, tables};

/// Stores a page of one customer's ProductPrices. `fetched_at` changes when the price does.
///
/// # Errors
/// SQLite's.
pub fn apply_list_page(
    connection: &Connection,
    customer_number: &str,
    rows: &[&RawValue],
    now: &str,
) -> rusqlite::Result<Applied> {
    let given = [Cell::text(customer_number)];
    mirrored::apply_list(connection, &tables::PRICES, &given, rows, &HashSet::new(), now)
}

/// How many prices of this customer are mirrored.
///
/// # Errors
/// SQLite's.
pub fn count(connection: &Connection, customer_number: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM prices WHERE customer_number = ?1")?
        .query_row([customer_number], |row| super::cells::count(row, 0))
}

/// Deletes those prices of the customer that the whole list did not show; with nothing seen, all of
/// them, for a customer whose prices are no longer asked for.
///
/// # Errors
/// SQLite's.
pub fn remove_unseen(
    connection: &Connection,
    customer_number: &str,
    seen: &HashSet<u64>,
    now: &str,
) -> rusqlite::Result<usize> {
    let given = [Cell::text(customer_number)];
    Ok(mirrored::remove_unseen(connection, &tables::PRICES, &given, seen, now, now)?.len())
}
