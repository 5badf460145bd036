//! What `outgoing/` is made of: `changes`, and the rows behind snapshots and order files.
//!
//! # Which changes a snapshot contains
//!
//! A snapshot is read in one transaction, and its `sequence` is the newest number given out then. So it
//! contains every set of changes up to that number. What was still pending is in the snapshot too and
//! comes again in a later set, whose rows are whole rows: taking them twice does no harm. A reader
//! loads the snapshot and then takes every set with a higher number.

use std::collections::HashSet;
use std::io::{self, Write};

use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::cells::{cell, cells, count, equals, owned_cells};
use super::mirrored::load_parts;
use crate::formats::export::{self, Format, Head, OrderFile, Shape, Snapshot};
use crate::formats::file_name::order_file_name;
use crate::rules::mirror::{Cell, Entity, Table, parts};

mod view;

use view::View;

/// Why a file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The rows could not be read.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file could not be written.
    #[error("{0}")]
    Write(#[from] io::Error),
}

/// What a snapshot was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The newest set of changes that it contains; 0 before the first.
    pub sequence: u64,
    /// When the entity was last fetched.
    pub as_of: Option<String>,
    /// Its rows.
    pub rows: u64,
}

/// Writes all of an entity, one row at a time; nothing for one that is not put out whole.
///
/// Products and customers that are gone are left out. `connection` may be a reader's; outside a transaction it
/// gets one.
///
/// # Errors
/// The rows can't be read, or `out` can't be written to.
pub fn write_snapshot<W: Write>(
    connection: &Connection,
    entity: Entity,
    format: Format,
    shape: &Shape,
    out: W,
) -> Result<Option<Written>, OutgoingError> {
    let Some(table) = entity.table().filter(|table| table.put_out) else { return Ok(None) };
    // One moment for the rows, the sequence and the time.
    let _moment = connection.is_autocommit().then(|| connection.unchecked_transaction()).transpose()?;
    let as_of = as_of(connection, table)?;
    let sequence = newest_sequence(connection)?;
    let view = View::of(table, shape);
    let columns = view.names();
    let head = Head { entity: table.name, sequence, as_of: as_of.as_deref() };
    let mut snapshot = Snapshot::begin(out, format, &head, &columns)?;
    let mut count = 0;
    let sql = format!("{} ORDER BY {}", view.sql("1"), view.keys.join(", "));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        snapshot.row(&cells(row, columns.len())?)?;
        count += 1;
    }
    snapshot.finish()?;
    Ok(Some(Written { sequence, as_of, rows: count }))
}

/// Makes a set of changes out of what is pending of `entity`, at most `max_rows` keys, and numbers it.
/// `None` where nothing is pending. Call it in a transaction, until it gives `None`.
///
/// # Errors
/// SQLite's.
pub fn flush_changes(
    connection: &Connection,
    entity: Entity,
    shape: &Shape,
    now: &str,
    max_rows: usize,
) -> rusqlite::Result<Option<u64>> {
    let Some(table) = entity.table().filter(|table| table.put_out) else { return Ok(None) };
    let keys = pending_keys(connection, table, max_rows)?;
    let view = View::of(table, shape);
    let columns = view.names();
    let mut one = connection.prepare_cached(&view.sql(&equals(view.keys.iter().copied())))?;
    let mut clear =
        connection.prepare_cached("DELETE FROM pending_changes WHERE entity = ?1 AND key = ?2")?;
    let (mut rows, mut removed) = (Vec::new(), Vec::new());
    // Rows that are put out as one are pending each for itself.
    let mut seen = HashSet::new();
    for text in &keys {
        clear.execute((table.name, text))?;
        // A key that no program of ours wrote names no row.
        let Some(key) = read_key(table, text).map(|key| view.key(key)) else { continue };
        if !seen.insert(export::key_text(&key)) {
            continue;
        }
        match one.query_row(params_from_iter(&key), |row| owned_cells(row, columns.len())).optional()? {
            Some(row) => rows.push(row),
            None => removed.push(key),
        }
    }
    if rows.is_empty() && removed.is_empty() {
        return Ok(None);
    }
    // Only the writer numbers, so the next number can be told before it is given.
    let sequence = newest_sequence(connection)? + 1;
    let as_of = as_of(connection, table)?;
    let head = Head { entity: table.name, sequence, as_of: as_of.as_deref() };
    let body = export::changes(&head, &columns, &rows, &removed);
    connection
        .prepare_cached("INSERT INTO changes (sequence, entity, created_at, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute((i64::try_from(sequence).unwrap_or(i64::MAX), table.name, now, body))?;
    Ok(Some(sequence))
}

fn pending_keys(connection: &Connection, table: &Table, max_rows: usize) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection
        .prepare_cached("SELECT key FROM pending_changes WHERE entity = ?1 ORDER BY key LIMIT ?2")?;
    let limit = i64::try_from(max_rows).unwrap_or(i64::MAX);
    statement.query_map((table.name, limit), |row| row.get(0))?.collect()
}

/// A pending key, back from its JSON array.
fn read_key(table: &Table, text: &str) -> Option<Vec<Cell<'static>>> {
    let values: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
    let key: Option<Vec<_>> = values
        .into_iter()
        .map(|value| match value {
            serde_json::Value::String(text) => Some(Cell::Text(text.into())),
            serde_json::Value::Number(number) => number.as_f64().map(Cell::Real),
            _ => None,
        })
        .collect();
    key.filter(|key| key.len() == table.keys)
}

/// The newest number that was given to a set of changes, also where the set was deleted since.
///
/// # Errors
/// SQLite's.
pub fn newest_sequence(connection: &Connection) -> rusqlite::Result<u64> {
    let found = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")?
        .query_row([], |row| count(row, 0));
    Ok(found.optional()?.unwrap_or(0))
}

fn as_of(connection: &Connection, table: &Table) -> rusqlite::Result<Option<String>> {
    let found = connection
        .prepare_cached("SELECT last_success_at FROM sync_state WHERE entity = ?1")?
        .query_row([table.name], |row| row.get(0));
    Ok(found.optional()?.flatten())
}

/// A file of `outgoing/orders/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedOrder {
    /// Its name there.
    pub name: String,
    /// Its content.
    pub body: String,
}

/// The file of an order as it is mirrored. `None` where it is not, or its detail was never fetched.
///
/// The key is the external number. It is Extend's where there is no external one, and where another
/// order has the better right to that name: one that has it as Extend's number, or, of several with the
/// same external number, the one that we delivered, else the one with the lowest number.
///
/// # Errors
/// SQLite's.
pub fn render_order_file(
    connection: &Connection,
    order_number: &str,
) -> rusqlite::Result<Option<RenderedOrder>> {
    let mut statement = connection.prepare_cached(
        "SELECT order_number_external, status, changed_at FROM orders
         WHERE order_number = ?1 AND raw IS NOT NULL",
    )?;
    let mut rows = statement.query([order_number])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let external = cell(row, 0)?;
    let key = match external.as_text().filter(|external| !external.is_empty()) {
        Some(external) if owns_name(connection, order_number, external)? => external,
        _ => order_number,
    };
    let body = export::order(&OrderFile {
        key,
        head: vec![
            ("orderNumber", Cell::text(order_number)),
            ("orderNumberExternal", external.clone()),
            ("status", cell(row, 1)?),
            ("changedAt", cell(row, 2)?),
        ],
        row_columns: parts::ORDER_ROWS.columns.iter().map(|column| column.name).collect(),
        rows: load_parts(connection, &parts::ORDER_ROWS, order_number)?,
        shipment_columns: parts::SHIPMENTS.columns.iter().map(|column| column.name).collect(),
        shipments: load_parts(connection, &parts::SHIPMENTS, order_number)?,
    });
    Ok(Some(RenderedOrder { name: order_file_name(key), body }))
}

fn owns_name(connection: &Connection, order_number: &str, external: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT NOT EXISTS (SELECT 1 FROM orders WHERE order_number = ?2 AND order_number <> ?1)
             AND ?1 = (SELECT order_number FROM orders WHERE order_number_external = ?2
                 ORDER BY EXISTS (SELECT 1 FROM outbox
                         WHERE extend_number = orders.order_number AND kind = 'order') DESC,
                     length(order_number), order_number
                 LIMIT 1)",
        )?
        .query_row([order_number, external], |row| row.get(0))
}

#[cfg(test)]
mod tests;
