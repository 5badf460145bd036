//! `returns` and `return_codes`.

use rusqlite::{Connection, OptionalExtension};
use serde_json::value::RawValue;

use super::details::clear_detail_wanted;
use super::mirrored::{self, Applied, Reading};
use super::orders::Scope;
use crate::rules::mirror::cells::{self, Cell, Kind};
use crate::rules::mirror::{Entity, fields, tables};

/// Stores a page of ReturnOrders. `changed_numbers` has the returns whose details are to be fetched, also
/// those that were never fetched; but none that was finished when its detail was.
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
    let mut applied = mirrored::apply_list(connection, &tables::RETURNS, &[], &wanted, reading)?;
    let mut has_detail =
        connection.prepare_cached("SELECT raw IS NOT NULL FROM returns WHERE return_number = ?1")?;
    for number in &applied.numbers {
        let detail: bool = has_detail.query_row([number], |row| row.get(0)).optional()?.unwrap_or_default();
        if !detail && !applied.changed_numbers.contains(number) {
            applied.changed_numbers.push(number.clone());
        }
    }
    let mut finished = connection.prepare_cached(
        "SELECT coalesce(status IN ('Received', 'Cancelled') AND raw ->> '$.header.status' = status, 0)
         FROM returns WHERE return_number = ?1 AND json_valid(raw)",
    )?;
    let mut is_over = |number: &String| -> rusqlite::Result<bool> {
        Ok(finished.query_row([number], |row| row.get(0)).optional()?.unwrap_or_default())
    };
    // When its detail was fetched it was finished already: nothing more comes of it.
    let mut wanted = Vec::with_capacity(applied.changed_numbers.len());
    for number in applied.changed_numbers {
        if !is_over(&number)? {
            wanted.push(number);
        }
    }
    applied.changed_numbers = wanted;
    Ok(applied)
}

/// Sent from here, mirrored already, or of an order of ours.
fn is_ours(connection: &Connection, row: &RawValue) -> rusqlite::Result<bool> {
    let text = |name| cells::read(Kind::Text, fields::at(row.get(), name), &mut false);
    let (number, order) = (text("returnNumber"), text("referenceOrderNumber"));
    // One without a number goes on, to be counted.
    let Some(number) = number.as_text() else { return Ok(true) };
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE extend_number = ?1 AND kind = 'return')
                 OR EXISTS (SELECT 1 FROM returns WHERE return_number = ?1)
                 OR EXISTS (SELECT 1 FROM outbox WHERE extend_number = ?2 AND kind = 'order')",
        )?
        .query_row([Some(number), order.as_text()], |row| row.get(0))
}

/// A return that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Extend's number.
    pub number: String,
    /// When it was created.
    pub created_at: Option<String>,
    /// When its detail was last fetched.
    pub checked_at: Option<String>,
}

/// Returns that are not finished, the oldest first.
///
/// # Errors
/// SQLite's.
pub fn load_open(connection: &Connection) -> rusqlite::Result<Vec<Open>> {
    connection
        .prepare_cached(
            "SELECT return_number, created_at, checked_at FROM returns
             WHERE status NOT IN ('Received', 'Cancelled') ORDER BY created_at",
        )?
        .query_map([], |row| {
            Ok(Open { number: row.get(0)?, created_at: row.get(1)?, checked_at: row.get(2)? })
        })?
        .collect()
}

/// Its detail was asked for just now; it is no longer wanted.
///
/// # Errors
/// SQLite's.
pub fn note_checked(connection: &Connection, number: &str, now: &str) -> rusqlite::Result<()> {
    clear_detail_wanted(connection, Entity::Returns, number)?;
    connection
        .prepare_cached("UPDATE returns SET checked_at = ?2 WHERE return_number = ?1")?
        .execute([number, now])?;
    Ok(())
}

/// Stores a return as a GET or POST of ReturnOrders answered it; its detail is no longer wanted.
///
/// # Errors
/// SQLite's.
pub fn store_return(connection: &Connection, body: &str, now: &str) -> rusqlite::Result<Applied> {
    match mirrored::apply_detail(connection, &tables::RETURNS, None, body, false, now)? {
        Ok(stored) => {
            note_checked(connection, &stored.number, now)?;
            Ok(stored.applied)
        }
        Err(skipped) => Ok(skipped),
    }
}

/// Replaces the return codes by those of ReturnOrderRowCodes. An empty list changes nothing: a shop
/// without return codes can take no returns.
///
/// # Errors
/// SQLite's.
pub fn replace_codes(connection: &Connection, rows: &[&RawValue]) -> rusqlite::Result<Applied> {
    let mut applied = Applied::default();
    let mut codes: Vec<(Cell<'_>, Cell<'_>)> = Vec::new();
    for row in rows {
        let mut odd = false;
        let code = cells::read(Kind::Text, fields::at(row.get(), "returnCode"), &mut odd);
        let name = cells::read(Kind::Text, fields::at(row.get(), "name"), &mut odd);
        if code == Cell::Null {
            odd = true;
            applied.skipped += 1;
        } else {
            codes.push((code, name));
        }
        applied.odd += usize::from(odd);
    }
    if codes.is_empty() {
        return Ok(applied);
    }
    connection.prepare_cached("DELETE FROM return_codes")?.execute([])?;
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO return_codes (return_code, name) VALUES (?1, ?2)")?;
    for (code, name) in &codes {
        insert.execute([code, name])?;
        applied.stored += 1;
        applied.numbers.extend(code.as_text().map(str::to_owned));
    }
    Ok(applied)
}
