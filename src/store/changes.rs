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

/// The newest of the oldest files that can be cleared: written, made before `before`, and with nothing older
/// left behind them; `limit` of them at the most. `None` where there is none.
///
/// # Errors
/// SQLite's.
pub fn load_cleared_through(
    connection: &Connection,
    before: &str,
    limit: i64,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT min(oldest + ?2, coalesce(young, newest + 1), coalesce(unwritten, newest + 1)) - 1, oldest FROM
                 (SELECT min(sequence) AS oldest FROM changes),
                 (SELECT max(sequence) AS newest FROM changes),
                 (SELECT (SELECT sequence FROM changes WHERE created_at >= ?1 ORDER BY sequence LIMIT 1) AS young),
                 (SELECT (SELECT sequence FROM changes WHERE written = 0 ORDER BY sequence LIMIT 1) AS unwritten)",
        )?
        .query_row((before, limit), |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)))
        .map(|(through, oldest)| through.filter(|through| oldest.is_some_and(|oldest| *through >= oldest)))
}

/// Forgets every file up to `through`.
///
/// # Errors
/// SQLite's.
pub fn clear(connection: &Connection, through: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM changes WHERE sequence <= ?1")?.execute([through])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    /// A set of changes for each letter: `o`ld, `y`oung, `u`nwritten and old.
    fn cleared_through(sets: &str, limit: i64) -> Option<i64> {
        let connection = store::open_in_memory().unwrap();
        for letter in sets.chars() {
            let created_at = if letter == 'y' { "2026-11-21" } else { "2026-08-01" };
            connection
                .execute(
                    "INSERT INTO changes (entity, created_at, body, written) VALUES ('products', ?1, '', ?2)",
                    (created_at, letter != 'u'),
                )
                .unwrap();
        }
        load_cleared_through(&connection, "2026-10-01", limit).unwrap()
    }

    #[test]
    fn only_the_oldest_are_cleared_and_never_out_of_the_middle() {
        for (sets, expected) in [
            ("", None),
            ("y", None),
            ("u", None),
            ("o", Some(1)),
            ("oo", Some(2)),
            ("oooy", Some(3)),
            // The clock was set back for a while; a file could not be written.
            ("ooyoy", Some(2)),
            ("ouoo", Some(1)),
            ("yo", None),
            ("uo", None),
        ] {
            assert_eq!(cleared_through(sets, 100), expected, "{sets}");
        }
        assert_eq!(cleared_through("ooooy", 3), Some(3));
    }
}
