//! `customers`.

use rusqlite::Connection;
use serde_json::value::RawValue;

use super::details::clear_detail_wanted;
use super::mirrored::{self, Applied, Reading};
use crate::rules::mirror::{Entity, tables};

/// Stores a page of Customers.
///
/// # Errors
/// SQLite's.
pub fn apply_list_page(
    connection: &Connection,
    rows: &[&RawValue],
    reading: &Reading<'_>,
) -> rusqlite::Result<Applied> {
    mirrored::apply_list(connection, &tables::CUSTOMERS, &[], rows, reading)
}

/// Stores the answer of Customers/{number}, which need not repeat the number; its detail is no longer
/// wanted.
///
/// # Errors
/// SQLite's.
pub fn apply_detail(
    connection: &Connection,
    number: &str,
    body: &str,
    now: &str,
) -> rusqlite::Result<Applied> {
    clear_detail_wanted(connection, Entity::Customers, number)?;
    let stored = mirrored::apply_detail(connection, &tables::CUSTOMERS, Some(number), body, false, now)?;
    Ok(stored.map_or_else(|skipped| skipped, |stored| stored.applied))
}

/// Extend knows no such customer (404): it is removed, its detail no longer wanted.
///
/// # Errors
/// SQLite's.
pub fn note_gone(connection: &Connection, number: &str, now: &str) -> rusqlite::Result<bool> {
    mirrored::note_gone(connection, Entity::Customers, number, now)
}

/// The numbers of all customers that are not gone.
///
/// # Errors
/// SQLite's.
pub fn load_numbers(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(
            "SELECT customer_number FROM customers WHERE removed_at IS NULL ORDER BY customer_number",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Tells `take` what each customer is called and where it lives: every word by which a person could be known.
///
/// # Errors
/// SQLite's.
pub fn each_name(connection: &Connection, mut take: impl FnMut(&str)) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT customer_number, name, last_name, organization_number, email, phone, address, invoice_email,
                name || ' ' || last_name
         FROM customers",
    )?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for place in 0..columns {
            if let Some(words) = row.get_ref(place)?.as_str_or_null().unwrap_or_default() {
                take(words);
            }
        }
    }
    Ok(())
}
