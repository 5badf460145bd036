//! Cells to and from SQLite.

use std::borrow::Cow;

use rusqlite::Row;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use crate::rules::mirror::Cell;

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Real(number) => ValueRef::Real(*number),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// One value of a result row, borrowed from it.
pub(super) fn cell<'r>(row: &'r Row<'_>, place: usize) -> rusqlite::Result<Cell<'r>> {
    Ok(match row.get_ref(place)? {
        ValueRef::Null | ValueRef::Blob(_) => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(match std::str::from_utf8(text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(String::from_utf8_lossy(text).into_owned()),
        }),
    })
}

/// The first `count` values of a result row.
pub(super) fn cells<'r>(row: &'r Row<'_>, count: usize) -> rusqlite::Result<Vec<Cell<'r>>> {
    (0..count).map(|place| cell(row, place)).collect()
}

/// The first `count` values of a result row, owing nothing to it.
pub(super) fn owned_cells(row: &Row<'_>, count: usize) -> rusqlite::Result<Vec<Cell<'static>>> {
    (0..count).map(|place| Ok(cell(row, place)?.into_owned())).collect()
}

/// `a = ?1 AND b = ?2`, for the columns of a key.
pub(super) fn equals<'c>(columns: impl IntoIterator<Item = &'c str>) -> String {
    let parts: Vec<String> =
        columns.into_iter().enumerate().map(|(place, name)| format!("{name} = ?{}", place + 1)).collect();
    parts.join(" AND ")
}

/// A count, which is never less than nought.
pub(super) fn count(row: &Row<'_>, place: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(place)?.max(0).unsigned_abs())
}
