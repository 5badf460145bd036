//! `returns` and `return_codes`.

use std::collections::HashSet;

use rusqlite::Connection;
use serde_json::value::RawValue;

use super::details::clear_detail_wanted;
use super::mirrored::{self, Applied};
use crate::rules::mirror::cells::{self, Cell, Kind};
use crate::rules::mirror::{Entity, fields, tables};

/// Stores a page of ReturnOrders.
///
/// # Errors
/// SQLite's.
pub fn apply_list_page(connection: &Connection, rows: &[&RawValue], now: &str) -> rusqlite::Result<Applied> {
    mirrored::apply_list(connection, &tables::RETURNS, &[], rows, &HashSet::new(), now)
}

/// Stores a return as a GET or POST of ReturnOrders answered it; its detail is no longer wanted.
///
/// # Errors
/// SQLite's.
pub fn store_return(connection: &Connection, body: &str, now: &str) -> rusqlite::Result<Applied> {
    match mirrored::apply_detail(connection, &tables::RETURNS, None, body, false, now)? {
        Ok(stored) => {
            clear_detail_wanted(connection, Entity::Returns, &stored.number)?;
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
