//! `sync_state`: how far each entity is mirrored.

use rusqlite::{Connection, OptionalExtension};

use super::cells::count;
use crate::rules::mirror::{Entity, Table};

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
    /// The list of everything that is being read.
    pub sweep: Option<Sweep>,
}

/// How far a list of everything was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// When it began.
    pub began_at: String,
    /// How many of its rows were read; it may have several for one record.
    pub rows: u64,
    /// How many it has, where Extend says so.
    pub total: Option<u64>,
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
    /// What did not go well although it came to its end.
    pub trouble: Option<&'a str>,
}

/// How far an entity is mirrored; all empty before its first round.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection, entity: Entity) -> rusqlite::Result<SyncState> {
    let found = connection
        .prepare_cached(
            "SELECT cursor, last_success_at, last_full_at, last_error, last_error_at, rows, odd_records,
                    sweep_began_at, sweep_rows, sweep_total
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
                sweep: match row.get(7)? {
                    Some(began_at) => {
                        let total = row.get::<_, Option<i64>>(9)?.map(|total| total.max(0).unsigned_abs());
                        Some(Sweep { began_at, rows: count(row, 8)?, total })
                    }
                    None => None,
                },
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
    if round.full {
        announce_where_owed(connection, entity)?;
    }
    let odd = odd.saturating_add(i64::try_from(round.skipped).unwrap_or(i64::MAX));
    connection
        .prepare_cached(
            "INSERT INTO sync_state (entity, cursor, last_success_at, last_full_at, odd_records)
             VALUES (?1, ?2, ?3, iif(?4, ?3, NULL), ?5)
             ON CONFLICT (entity) DO UPDATE SET
                 cursor = coalesce(?2, cursor), last_success_at = ?3,
                 last_full_at = iif(?4, ?3, last_full_at),
                 last_error = ?6, last_error_at = iif(?6 IS NULL, NULL, ?3),
                 odd_records = ?5, sweep_began_at = iif(?4, NULL, sweep_began_at)",
        )?
        .execute((name, round.cursor, round.now, round.full, odd, round.trouble))?;
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

/// The mirror comes from a backup, and the webshop has read what is younger: the next full round fetches
/// everything, and all of it is put out then, whether it changed here or not. Nothing is put out before.
///
/// # Errors
/// SQLite's.
pub fn owe_everything(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "UPDATE sync_state SET last_full_at = NULL;
         UPDATE price_customers SET tried_at = NULL, fetched_at = NULL;
         DELETE FROM pending_changes;
         DELETE FROM owed_files WHERE kind = 'snapshot';
         DELETE FROM sync_requests;",
    )?;
    // Prices are told of customer by customer, with the first whole list of each.
    for entity in Entity::PUT_OUT.into_iter().filter(|entity| *entity != Entity::Prices) {
        super::agent::set(connection, &announcement(entity), "1")?;
    }
    Ok(())
}

/// Whether all of an entity is told to the webshop when its list of everything was read to its end, and nothing
/// of it before: where the mirror has none of it yet, or comes from a backup.
///
/// # Errors
/// SQLite's.
pub fn is_announced_later(connection: &Connection, entity: Entity) -> rusqlite::Result<bool> {
    let Some(table) = entity.table().filter(|table| table.put_out && entity != Entity::Prices) else {
        return Ok(false);
    };
    if awaits_announcement(connection, entity)? {
        return Ok(true);
    }
    let is_empty: bool = connection
        .prepare_cached(&format!("SELECT NOT EXISTS (SELECT 1 FROM {})", table.name))?
        .query_row([], |row| row.get(0))?;
    if is_empty {
        super::agent::set(connection, &announcement(entity), "1")?;
    }
    Ok(is_empty)
}

/// Whether the webshop is told nothing of an entity until its list of everything was read to its end. Prices have
/// no such list.
///
/// # Errors
/// SQLite's.
pub fn awaits_announcement(connection: &Connection, entity: Entity) -> rusqlite::Result<bool> {
    let note = super::agent::get(connection, &announcement(entity))?;
    Ok(entity != Entity::Prices && note.is_some_and(|note| !note.is_empty()))
}

fn announcement(entity: Entity) -> String {
    format!("announce_{}", entity.name())
}

fn announce_where_owed(connection: &Connection, entity: Entity) -> rusqlite::Result<()> {
    let note = announcement(entity);
    let Some(table) = entity.table().filter(|table| table.put_out) else { return Ok(()) };
    if super::agent::get(connection, &note)?.is_none_or(|note| note.is_empty()) {
        return Ok(());
    }
    announce_all(connection, table, "TRUE", &[])?;
    super::agent::set(connection, &note, "")
}

/// Tells the webshop of all rows of `table` that `wheres` chooses, whether they changed or not; `given` are its
/// values, from `?1`.
pub(super) fn announce_all(
    connection: &Connection,
    table: &Table,
    wheres: &str,
    given: &[&str],
) -> rusqlite::Result<()> {
    let name = table.name;
    let keys: Vec<&str> = table.columns.iter().take(table.keys).map(|column| column.name).collect();
    let keys = keys.join(", ");
    connection
        .prepare_cached(&format!(
            "INSERT OR IGNORE INTO pending_changes SELECT '{name}', json_array({keys}) FROM {name} WHERE {wheres}"
        ))?
        .execute(rusqlite::params_from_iter(given))?;
    Ok(())
}

/// Records how far a list of everything was read; `None`: it is read no longer.
///
/// # Errors
/// SQLite's.
pub fn note_sweep(connection: &Connection, entity: Entity, sweep: Option<&Sweep>) -> rusqlite::Result<()> {
    let (began_at, rows, total) = match sweep {
        Some(sweep) => {
            (Some(sweep.began_at.as_str()), sweep.rows as i64, sweep.total.map(|total| total as i64))
        }
        None => (None, 0, None),
    };
    connection
        .prepare_cached(
            "INSERT INTO sync_state (entity, sweep_began_at, sweep_rows, sweep_total) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (entity) DO UPDATE SET sweep_began_at = ?2, sweep_rows = ?3, sweep_total = ?4",
        )?
        .execute((entity.name(), began_at, rows, total))?;
    Ok(())
}

/// Says how fresh the prices are: they have no round of their own, each customer has its turn. `since`: no
/// customer's are older.
///
/// # Errors
/// SQLite's.
pub fn note_prices(
    connection: &Connection,
    since: Option<&str>,
    trouble: Option<&str>,
    now: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO sync_state (entity, last_success_at, last_full_at, last_error, last_error_at, odd_records)
             VALUES ('prices', ?1, ?1, ?2, iif(?2 IS NULL, NULL, ?3), (SELECT count(*) FROM prices WHERE odd <> 0))
             ON CONFLICT (entity) DO UPDATE SET
                 last_success_at = coalesce(?1, last_success_at), last_full_at = coalesce(?1, last_full_at),
                 last_error = ?2, last_error_at = iif(?2 IS NULL, NULL, ?3), odd_records = excluded.odd_records",
        )?
        .execute((since, trouble, now))?;
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

/// Whose turn it was last, of the records that are fetched though no list tells that they changed, and when.
///
/// # Errors
/// SQLite's.
pub fn load_turn(connection: &Connection, entity: Entity) -> rusqlite::Result<(String, Option<String>)> {
    let found = connection
        .prepare_cached("SELECT turn_number, turn_at FROM sync_state WHERE entity = ?1")?
        .query_row([entity.name()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Notes it.
///
/// # Errors
/// SQLite's.
pub fn note_turn(connection: &Connection, entity: Entity, number: &str, now: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE sync_state SET turn_number = ?2, turn_at = ?3 WHERE entity = ?1")?
        .execute([entity.name(), number, now])?;
    Ok(())
}
