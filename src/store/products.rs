//! `products` and `product_components`.

use rusqlite::Connection;
use serde_json::value::RawValue;

use super::details::clear_detail_wanted;
use super::mirrored::{self, Applied, Reading};
use crate::rules::mirror::{Change, Entity, parts, tables};

/// Stores a page of Products. Extend lists a product once for each warehouse; `raw_list` keeps the row
/// of the first warehouse in name order, and the balances in it, which change all the time, are no
/// change.
///
/// # Errors
/// SQLite's.
pub fn apply_list_page(
    connection: &Connection,
    rows: &[&RawValue],
    reading: &Reading<'_>,
) -> rusqlite::Result<Applied> {
    mirrored::apply_list(connection, &tables::PRODUCTS, &[], rows, reading)
}

/// Stores the answer of Products/{number} with its components; its detail is no longer wanted.
///
/// # Errors
/// SQLite's.
pub fn apply_detail(
    connection: &Connection,
    number: &str,
    body: &str,
    now: &str,
) -> rusqlite::Result<Applied> {
    clear_detail_wanted(connection, Entity::Products, number)?;
    let components = parts::components(body);
    let stored =
        mirrored::apply_detail(connection, &tables::PRODUCTS, Some(number), body, components.odd, now)?;
    Ok(match stored {
        Ok(stored) => {
            if stored.change != Change::Unchanged {
                mirrored::replace_parts(connection, &parts::COMPONENTS, &stored.number, &components.rows)?;
            }
            stored.applied
        }
        Err(skipped) => skipped,
    })
}

/// Extend knows no such product (404): it is removed, its detail no longer wanted.
///
/// # Errors
/// SQLite's.
pub fn note_gone(connection: &Connection, number: &str, now: &str) -> rusqlite::Result<bool> {
    mirrored::note_gone(connection, Entity::Products, number, now)
}
