//! `sync_state`: how far each entity is mirrored.

use rusqlite::{Connection, OptionalExtension};

use super::cells::count;
use crate::rules::mirror::Entity;

/// The state of one entity. Times are UTC text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncState {
    /// Extend's time when the last whole round began.
    pub cursor: Option<String>,
    /// When a round was last finished.
    pub last_success_at: Option<String>,
    /// When a full round was last finished.
    pub last_full_at: Option<String>,
    /// What went wrong since, for a person.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<String>,
    /// How many records the mirror has, those that are gone not counted.
    pub rows: u64,
    /// How many records are not as Extend describes them, those that could not be stored among them.
    pub odd_records: u64,
}

/// A round that came to its end.
#[derive(Debug, Clone, Copy)]
pub struct Round<'a> {
    /// Extend's time when it began; `None` leaves the cursor as it is.
    pub cursor: Option<&'a str>,
    /// Now.
    pub now: &'a str,
    /// All records were listed, not only the changed ones.
    pub full: bool,
    /// Records of this round that could not be stored.
    pub skipped: usize,
}

/// How far an entity is mirrored; all empty before its first round.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection, entity: Entity) -> rusqlite::Result<SyncState> {
    let found = connection
        .prepare_cached(
            "SELECT cursor, last_success_at, last_full_at, last_error, last_error_at, rows, odd_records
             FROM sync_state WHERE entity = ?1",
        )?
        .query_row([entity.name()], |row| {
            Ok(SyncState {
                cursor: row.get(0)?,
                last_success_at: row.get(1)?,
                last_full_at: row.get(2)?,
                last_error: row.get(3)?,
                last_error_at: row.get(4)?,
                rows: count(row, 5)?,
                odd_records: count(row, 6)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// An entity is to be mirrored: it has a state from now on, though nothing of it was fetched.
///
/// # Errors
/// SQLite's.
pub fn begin(connection: &Connection, entity: Entity) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO sync_state (entity) VALUES (?1)")?
        .execute([entity.name()])?;
    Ok(())
}

/// Records that a round came to its end: in the transaction of its last page, so that the cursor never
/// runs ahead of the rows.
///
/// Rows are counted after a full round only; between those the count is kept with every write.
///
/// # Errors
/// SQLite's.
pub fn finish_round(connection: &Connection, entity: Entity, round: &Round<'_>) -> rusqlite::Result<()> {
    let name = entity.name();
    let odd: i64 = match entity.table() {
        Some(table) => connection
            .prepare_cached(&format!("SELECT count(*) FROM {} WHERE odd <> 0", table.name))?
            .query_row([], |row| row.get(0))?,
        None => 0,
    };
    let odd = odd.saturating_add(i64::try_from(round.skipped).unwrap_or(i64::MAX));
    connection
        .prepare_cached(
            "INSERT INTO sync_state (entity, cursor, last_success_at, last_full_at, odd_records)
             VALUES (?1, ?2, ?3, iif(?4, ?3, NULL), ?5)
             ON CONFLICT (entity) DO UPDATE SET
                 cursor = coalesce(?2, cursor), last_success_at = ?3,
                 last_full_at = iif(?4, ?3, last_full_at), last_error = NULL, last_error_at = NULL,
                 odd_records = ?5",
        )?
        .execute((name, round.cursor, round.now, round.full, odd))?;
    if round.full || entity.table().is_none() {
        let removed = if entity.table().is_some_and(|table| table.keeps_removed) {
            format!("- (SELECT count(*) FROM {name} WHERE removed_at IS NOT NULL)")
        } else {
            String::new()
        };
        connection
            .prepare_cached(&format!(
                "UPDATE sync_state SET rows = (SELECT count(*) FROM {name}) {removed} WHERE entity = ?1"
            ))?
            .execute([name])?;
    }
    Ok(())
}

/// Records why a round did not come to its end.
///
/// # Errors
/// SQLite's.
pub fn note_error(connection: &Connection, entity: Entity, message: &str, now: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO sync_state (entity, last_error, last_error_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (entity) DO UPDATE SET last_error = ?2, last_error_at = ?3",
        )?
        .execute((entity.name(), message, now))?;
    Ok(())
}
