//! `orders`, `order_rows` and `shipments`: what Extend says of an order.

use rusqlite::{Connection, OptionalExtension};
use serde_json::value::RawValue;

use super::details::clear_detail_wanted;
use super::mirrored::{self, Applied, Reading};
use crate::rules::mirror::cells::{self, Kind};
use crate::rules::mirror::{Change, Entity, fields, parts, tables};

/// Whose orders are mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that this agent delivered, and those that are mirrored already.
    Ours,
    /// All of the tenant.
    All,
}

/// Stores a page of CustomerOrders. `changed_numbers` has the orders whose details are to be fetched,
/// also those that were never fetched.
///
/// # Errors
/// SQLite's.
pub fn apply_list_page(
    connection: &Connection,
    rows: &[&RawValue],
    scope: Scope,
    reading: &Reading<'_>,
) -> rusqlite::Result<Applied> {
    let mut wanted = Vec::with_capacity(rows.len());
    for row in rows {
        if scope == Scope::All || is_ours(connection, row)? {
            wanted.push(*row);
        }
    }
    let mut applied = mirrored::apply_list(connection, &tables::ORDERS, &[], &wanted, reading)?;
    let mut has_detail =
        connection.prepare_cached("SELECT raw IS NOT NULL FROM orders WHERE order_number = ?1")?;
    for number in &applied.numbers {
        let detail: bool = has_detail.query_row([number], |row| row.get(0)).optional()?.unwrap_or_default();
        let changed = applied.changed_numbers.contains(number);
        if detail && changed {
            owe_files(connection, number)?;
        } else if !detail && !changed {
            applied.changed_numbers.push(number.clone());
        }
    }
    Ok(applied)
}

fn is_ours(connection: &Connection, row: &RawValue) -> rusqlite::Result<bool> {
    let number = cells::read(Kind::Text, fields::at(row.get(), "orderNumber"), &mut false);
    // One without a number goes on, to be counted.
    let Some(number) = number.as_text() else { return Ok(true) };
    is_known(connection, number)
}

/// Whether this agent delivered an order, or it is mirrored already.
///
/// # Errors
/// SQLite's.
pub fn is_known(connection: &Connection, number: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE extend_number = ?1 AND kind = 'order')
                 OR EXISTS (SELECT 1 FROM orders WHERE order_number = ?1)",
        )?
        .query_row([number], |row| row.get(0))
}

/// Stores an order as a GET, POST or PUT of CustomerOrders answered it, with exactly its rows and
/// shipments; its detail is no longer wanted.
///
/// # Errors
/// SQLite's.
pub fn store_order(connection: &Connection, body: &str, now: &str) -> rusqlite::Result<Applied> {
    let rows = parts::order_rows(body);
    let shipments = parts::shipments(body);
    let odd = rows.odd || shipments.odd;
    let stored = match mirrored::apply_detail(connection, &tables::ORDERS, None, body, odd, now)? {
        Ok(stored) => stored,
        Err(skipped) => return Ok(skipped),
    };
    clear_detail_wanted(connection, Entity::Orders, &stored.number)?;
    if stored.change != Change::Unchanged {
        mirrored::replace_parts(connection, &parts::ORDER_ROWS, &stored.number, &rows.rows)?;
        mirrored::replace_parts(connection, &parts::SHIPMENTS, &stored.number, &shipments.rows)?;
        owe_files(connection, &stored.number)?;
    }
    Ok(stored.applied)
}

/// Extend knows no such order (404): what is mirrored stays as it was last seen, its detail is no
/// longer wanted.
///
/// # Errors
/// SQLite's.
pub fn note_gone(connection: &Connection, number: &str) -> rusqlite::Result<()> {
    clear_detail_wanted(connection, Entity::Orders, number)
}

/// Owes the order's file, and the files of those orders whose names may depend on it: they have its
/// external number, or its number as their external one, or its external number as their number.
fn owe_files(connection: &Connection, number: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO owed_files (kind, key)
             SELECT 'order', order_number FROM orders WHERE order_number = ?1
             UNION SELECT 'order', order_number FROM orders WHERE order_number_external = ?1
             UNION SELECT 'order', other.order_number FROM orders AS this, orders AS other
                 WHERE this.order_number = ?1
                   AND other.order_number_external = this.order_number_external
                   AND this.order_number_external <> ''
             UNION SELECT 'order', other.order_number FROM orders AS this, orders AS other
                 WHERE this.order_number = ?1 AND other.order_number = this.order_number_external
             ON CONFLICT (kind, key) DO UPDATE SET revision = revision + 1",
        )?
        .execute([number])?;
    Ok(())
}
