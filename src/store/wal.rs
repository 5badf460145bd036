//! The write-ahead log beside the database: how much of it is not in the database yet, and who is told.
//!
//! SQLite moves the log's pages into the database by itself, but only up to what the oldest reader still
//! needs. A reader that holds a transaction for long makes the log grow for as long.

use rusqlite::Connection;

use super::agent;

/// A log that is smaller than this, in bytes, is left as it is: it is written over from its beginning.
pub const KEPT_BYTES: u64 = 16 * 1024 * 1024;

/// From so many pages on, of 4 KB, a commit moves the log into the database: 12 MB, so that a page of an index
/// that a thousand rows touch is written there once, and not for each four megabytes of them.
pub const MOVED_FROM_PAGES: u32 = 3000;

/// The agent's note that a reader holds the log: since when, and how large the log is.
const NOTE: &str = "log_held";

/// How the log stands after as much of it as possible was moved into the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Its size in bytes.
    pub bytes: u64,
    /// How much of it is in the database by now, in pages: up to the moment that the oldest reader needs.
    pub moved_pages: u64,
    /// A reader still needs a moment before its end.
    pub is_held: bool,
}

/// Moves what can be moved into the database. Waits for nobody, and nobody waits for it.
///
/// # Errors
/// SQLite's.
pub fn checkpoint(connection: &Connection) -> rusqlite::Result<Log> {
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    // Both are -1 where there is no log.
    let (pages, moved): (i64, i64) =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    let bytes = u64::try_from(pages.max(0) * page).unwrap_or(0);
    Ok(Log { bytes, moved_pages: u64::try_from(moved).unwrap_or(0), is_held: moved < pages })
}

/// Cuts the log to nothing, where no reader needs it. Waits for nobody: where it can't be done, it can be
/// done later.
///
/// # Errors
/// SQLite's.
pub fn truncate(connection: &Connection) -> rusqlite::Result<()> {
    let patience: i64 = connection.pragma_query_value(None, "busy_timeout", |row| row.get(0))?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    let cut = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(std::time::Duration::from_millis(patience.max(0).unsigned_abs()))?;
    match cut {
        Err(error) if super::is_busy(&error) => Ok(()),
        cut => cut,
    }
}

/// A reader that has held the log for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Since when.
    pub since: String,
    /// How large the log was when this was noted, in bytes.
    pub bytes: u64,
}

/// Notes that a reader holds the log, or that nobody does any more.
///
/// # Errors
/// SQLite's.
pub fn note_held(connection: &Connection, held: Option<&Held>) -> rusqlite::Result<()> {
    let note = held.map(|held| format!("{} {}", held.since, held.bytes)).unwrap_or_default();
    agent::set(connection, NOTE, &note)
}

/// Who holds the log, as it was last noted.
///
/// # Errors
/// SQLite's.
pub fn load_held(connection: &Connection) -> rusqlite::Result<Option<Held>> {
    let note = agent::get(connection, NOTE)?;
    Ok(note.and_then(|note| {
        let (since, bytes) = note.split_once(' ')?;
        Some(Held { since: since.to_owned(), bytes: bytes.parse().ok()? })
    }))
}
