//! `changes`: the numbered files of outgoing/changes/ on their way there.

use rusqlite::{Connection, OptionalExtension};

use crate::rules::mirror::Entity;

/// Whether rows of an entity changed since its last file of changes.
///
/// # Errors
/// SQLite's.
pub fn has_pending(connection: &Connection, entity: Entity) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM pending_changes WHERE entity = ?1)")?
        .query_row([entity.name()], |row| row.get(0))
}

/// Numbers and entities of the files that are still to be written, in their order.
///
/// # Errors
/// SQLite's.
pub fn load_unwritten(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<(i64, String)>> {
    connection
        .prepare_cached("SELECT sequence, entity FROM changes WHERE written = 0 ORDER BY sequence LIMIT ?1")?
        .query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The body of a file.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection, sequence: i64) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT body FROM changes WHERE sequence = ?1")?
        .query_row([sequence], |row| row.get(0))
        .optional()
}

/// A file lies in place. It is never written again: the reader deletes what it has read.
///
/// # Errors
/// SQLite's.
pub fn mark_written(connection: &Connection, sequence: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE changes SET written = 1 WHERE sequence = ?1")?.execute([sequence])?;
    Ok(())
}
