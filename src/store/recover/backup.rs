//! A database that comes from a backup: what it holds of the outbox, and how it is told what came since.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Standing, note_unclear_attempt};
use crate::formats::document::Document;
use crate::formats::json;
use crate::store::{agent, outbox, owed, sync_state};

/// Whether a database is one of this program's. One that is not would be filled with tables of ours.
///
/// # Errors
/// SQLite's.
pub fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) = 2 FROM sqlite_schema WHERE name IN ('outbox', 'refinery_schema_history')",
        [],
        |row| row.get(0),
    )
}

/// A document that a backup holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its id.
    pub id: i64,
    /// Its file's id.
    pub file_id: i64,
    /// Its file's name.
    pub file: String,
    /// When that came.
    pub received_at: String,
    /// The contract's name of its kind.
    pub kind: String,
    /// The state of its item; `None` where it repeats another.
    pub state: Option<String>,
    /// Whether its item has a number at Extend.
    pub has_number: bool,
}

/// Every document of a database, in the order of their ids.
///
/// # Errors
/// SQLite's.
pub fn load_held(connection: &Connection) -> rusqlite::Result<Vec<Held>> {
    connection
        .prepare(
            "SELECT d.id, f.id, f.name, f.received_at, d.kind, o.state, o.extend_number IS NOT NULL
             FROM documents d JOIN files f ON f.id = d.file_id LEFT JOIN outbox o ON o.id = d.id ORDER BY d.id",
        )?
        .query_map([], |row| {
            Ok(Held {
                id: row.get(0)?,
                file_id: row.get(1)?,
                file: row.get(2)?,
                received_at: row.get(3)?,
                kind: row.get(4)?,
                state: row.get(5)?,
                has_number: row.get(6)?,
            })
        })?
        .collect()
}

/// The last number of each file name.
///
/// # Errors
/// SQLite's.
pub fn load_arrivals(connection: &Connection) -> rusqlite::Result<HashMap<String, i64>> {
    connection
        .prepare("SELECT name, max(arrival) FROM files GROUP BY name")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The highest id that a document ever had here, and the highest number of a file of changes.
///
/// # Errors
/// SQLite's.
pub fn last_numbers(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let last = |table: &str| -> rusqlite::Result<i64> {
        let found = connection
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [table], |row| row.get(0))
            .optional()?;
        Ok(found.unwrap_or(0))
    };
    Ok((last("documents")?, last("changes")?))
}

/// Whether a file that lies in a folder of the exchange folder is recorded.
///
/// # Errors
/// SQLite's.
pub fn knows_file(connection: &Connection, folder: &str, stored_name: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM files WHERE folder = ?1 AND stored_name = ?2)")?
        .query_row([folder, stored_name], |row| row.get(0))
}

/// An item stands otherwise than the backup says.
///
/// # Errors
/// SQLite's.
pub fn update_item(connection: &Connection, held: &Held, standing: &Standing) -> rusqlite::Result<()> {
    let (code, message, field) = match &standing.error {
        Some((code, message, field)) => (Some(code), Some(message), field.as_ref()),
        None => (None, None, None),
    };
    connection
        .prepare_cached(
            "UPDATE outbox SET state = ?2, attempts = max(attempts, ?3), delivered_at = ?4, extend_number = ?5,
                    error_code = ?6, error_message = ?7, error_field = ?8,
                    refused_at = CASE WHEN ?2 = 'refused' THEN coalesce(refused_at, received_at) END,
                    cancelled_at = CASE WHEN ?2 = 'cancelled' THEN coalesce(cancelled_at, received_at) END,
                    unresolved = ?2 = 'sending', first_attempt_at = coalesce(first_attempt_at, ?9), answer = ?10,
                    next_attempt_at = NULL, failures = 0, target = NULL, prepared = NULL
             WHERE id = ?1",
        )?
        .execute(params![
            held.id,
            standing.state,
            standing.attempts,
            standing.delivered_at,
            standing.extend_number,
            code,
            message,
            field,
            standing.first_attempt_at,
            standing.answer,
        ])?;
    note_unclear_attempt(connection, held.id, standing)?;
    owed::owe_receipts_of(connection, held.id)
}

/// Nothing tells what came of a refused item since the backup: before it, or what takes its place, is sent,
/// it is looked up.
///
/// # Errors
/// SQLite's.
pub fn look_up_first(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE outbox SET look_up_first = 1 WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// A person corrected an item after the backup was made.
///
/// # Errors
/// SQLite's.
pub fn update_document(connection: &Connection, id: i64, document: &Document) -> rusqlite::Result<()> {
    let (reference, ours) = document.order_reference();
    connection
        .prepare_cached(
            "UPDATE outbox SET payload = ?2, key = ?3, content_hash = ?4, customer_number = ?5,
                    order_reference = ?6, reference_is_ours = ?7 WHERE id = ?1",
        )?
        .execute(params![
            id,
            document.body.to_string(),
            document.key,
            document.content_hash,
            document.customer_number,
            reference,
            ours,
        ])?;
    connection
        .prepare_cached("UPDATE documents SET key = ?2 WHERE id = ?1")?
        .execute(params![id, document.key])?;
    Ok(())
}

/// What waits for what is found out again: of what was waited for, some has ended since.
///
/// # Errors
/// SQLite's.
pub fn wait_again(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM outbox_waits; UPDATE outbox SET ready = 1 WHERE ready = 0")?;
    let open: Vec<(i64, Option<String>)> = connection
        .prepare(
            "SELECT id, payload FROM outbox WHERE state IN ('queued', 'sending', 'refused') ORDER BY id",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, payload) in open {
        if let Ok(document) = json::parse(payload.unwrap_or_default().as_bytes()) {
            outbox::wait_where_needed(connection, id, &document)?;
        }
    }
    Ok(())
}

/// Lets go of what was true at the time of the backup only. Files of changes up to `sequence` were written
/// since.
///
/// # Errors
/// SQLite's.
pub fn forget_that_time(connection: &Connection, sequence: i64) -> rusqlite::Result<()> {
    connection.execute("UPDATE changes SET written = 1 WHERE written = 0 AND sequence <= ?1", [sequence])?;
    connection.execute_batch("DELETE FROM inbox_left")?;
    for note in ["inbox_trouble", "move_trouble", "put_trouble", agent::BACKUP_TROUBLE] {
        agent::set(connection, note, "")?;
    }
    // What that process put out was put out long ago.
    agent::set(connection, agent::ENDED_WELL, "1")?;
    sync_state::owe_everything(connection)
}
