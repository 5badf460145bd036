//! What has long ended is thinned: the original, the receipt, the document that was sent, Extend's answer and
//! each single attempt. What tells one order from another is kept for ever: the row in `outbox` with kind, key,
//! content hash and Extend's number, and the rows in `files` and `documents`.

use rusqlite::{Connection, OptionalExtension};

use crate::formats::names;

/// The files of an original that is thinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thinned {
    /// In the exchange folder: `accepted/2026-11-21`.
    pub folder: String,
    /// Its name there.
    pub stored_name: String,
    /// The name of its receipt.
    pub receipt: String,
}

/// Accepted files that came before `before`, and whose documents all ended before it, well or cancelled, oldest
/// first; `limit` of them at the most, none of those in `without`. What was refused waits for a person, and
/// what is not at Extend as it was delivered may have to be sent again: neither has ended.
///
/// # Errors
/// SQLite's.
pub fn load_due(
    connection: &Connection,
    before: &str,
    without: &[i64],
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let without = serde_json::Value::from(without.to_vec()).to_string();
    connection
        .prepare_cached(
            "SELECT f.id FROM files f INDEXED BY files_not_thinned
             WHERE f.verdict = 'accepted' AND f.thinned = 0 AND f.received_at < ?1
               AND f.moved = 1 AND f.content IS NULL
               AND f.id NOT IN (SELECT value FROM json_each(?2))
               AND NOT EXISTS (
                   SELECT 1 FROM documents d JOIN outbox o ON o.id = coalesce(d.duplicate_of, d.id)
                   WHERE d.file_id = f.id
                     AND (o.state NOT IN ('delivered', 'cancelled')
                          OR coalesce(o.delivered_at, o.cancelled_at, o.received_at) >= ?1
                          OR EXISTS (SELECT 1 FROM reconciliation r WHERE r.outbox_id = o.id)))
             ORDER BY f.received_at LIMIT ?3",
        )?
        .query_map((before, without, limit as i64), |row| row.get(0))?
        .collect()
}

/// Where the files of an original lie.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection, file: i64) -> rusqlite::Result<Option<Thinned>> {
    connection
        .prepare_cached(
            "SELECT folder, stored_name, name, arrival, (SELECT max(arrival) FROM files newer
                                                         WHERE newer.name = files.name AND newer.verdict = 'accepted')
             FROM files WHERE id = ?1 AND verdict = 'accepted' AND thinned = 0",
        )?
        .query_row([file], |row| {
            let (name, arrival, arrivals): (String, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
            Ok(Thinned {
                folder: row.get(0)?,
                stored_name: row.get(1)?,
                receipt: names::receipt(&name, arrival as u64, arrivals as u64),
            })
        })
        .optional()
}

/// The files are gone: forgets what they held.
///
/// # Errors
/// SQLite's.
pub fn forget(connection: &Connection, file: i64) -> rusqlite::Result<()> {
    for sql in [
        "UPDATE files SET thinned = 1 WHERE id = ?1",
        "UPDATE outbox SET payload = NULL, answer = NULL, prepared = NULL
         WHERE id IN (SELECT id FROM documents WHERE file_id = ?1)",
        "DELETE FROM outbox_attempts WHERE outbox_id IN (SELECT id FROM documents WHERE file_id = ?1)",
        "UPDATE outbox_edits SET payload = NULL WHERE outbox_id IN (SELECT id FROM documents WHERE file_id = ?1)",
        "DELETE FROM owed_files WHERE kind = 'receipt' AND key = CAST(?1 AS TEXT)",
    ] {
        connection.prepare_cached(sql)?.execute([file])?;
    }
    Ok(())
}

/// Whether the document of an item was thinned.
///
/// # Errors
/// SQLite's.
pub fn is_thinned(connection: &Connection, item: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM documents d JOIN files f ON f.id = d.file_id
                            WHERE d.id = ?1 AND f.thinned = 1)",
        )?
        .query_row([item], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    /// One file with a document in each of the states, received in August and ended at `ended`.
    fn file(connection: &Connection, states: &[&str], ended: &str) -> i64 {
        connection
            .execute(
                "INSERT INTO files (name, arrival, verdict, size, received_at, folder, stored_name, moved)
                 SELECT 'a.json', count(*) + 1, 'accepted', 1, '2026-08-01', 'accepted/2026-08-01', 'a.json', 1
                 FROM files",
                [],
            )
            .unwrap();
        let file = connection.last_insert_rowid();
        for state in states {
            connection
                .execute(
                    "INSERT INTO documents (file_id, position, kind, content_hash) VALUES (?1, 1, 'order', 'h')",
                    [file],
                )
                .unwrap();
            connection
                .execute(
                    "INSERT INTO outbox (id, kind, state, payload, source_file, received_at, content_hash,
                                         delivered_at, answer)
                     VALUES (last_insert_rowid(), 'order', ?1, '{}', 'a.json', '2026-08-01', 'h', ?2, '{}')",
                    (state, ended),
                )
                .unwrap();
        }
        file
    }

    fn due(connection: &Connection) -> Vec<i64> {
        load_due(connection, "2026-09-01", &[], 100).unwrap()
    }

    #[test]
    fn only_what_has_ended_long_ago_is_due() {
        let connection = store::open_in_memory().unwrap();
        let well = file(&connection, &["delivered", "cancelled"], "2026-08-01");
        for (states, ended) in [
            (&["delivered", "queued"][..], "2026-08-01"),
            (&["sending"], "2026-08-01"),
            (&["refused"], "2026-08-01"),
            // It waited for a month.
            (&["delivered"], "2026-09-01"),
        ] {
            file(&connection, states, ended);
        }
        let empty = file(&connection, &[], "");
        assert_eq!(due(&connection), [well, empty]);
        assert_eq!(load_due(&connection, "2026-09-01", &[well], 1).unwrap(), [empty]);
        assert!(load_due(&connection, "2026-08-01", &[], 9).unwrap().is_empty(), "it came that very day");
        forget(&connection, well).unwrap();
        assert_eq!(due(&connection), [empty]);
        assert_eq!(load(&connection, well).unwrap(), None);
        let left =
            "SELECT count(*) FROM outbox WHERE payload IS NULL AND answer IS NULL AND content_hash = 'h'";
        assert_eq!(connection.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
    }

    #[test]
    fn a_copy_and_what_is_missing_at_extend_keep_the_first_alive() {
        let connection = store::open_in_memory().unwrap();
        let waits = file(&connection, &["queued"], "");
        let copy = file(&connection, &[], "");
        connection
            .execute(
                "INSERT INTO documents (file_id, position, kind, content_hash, duplicate_of) VALUES (?1, 1, 'order', 'h', 1)",
                [copy],
            )
            .unwrap();
        assert!(due(&connection).is_empty(), "its first still waits");
        let ended = "UPDATE outbox SET state = 'delivered', delivered_at = '2026-08-02'";
        connection.execute(ended, []).unwrap();
        assert_eq!(due(&connection), [waits, copy]);
        connection.execute("INSERT INTO reconciliation VALUES (1, 'missing', '', '2026-08-03')", []).unwrap();
        assert!(due(&connection).is_empty(), "it may have to be sent again");
    }

    #[test]
    fn the_newest_of_a_name_has_the_plain_receipt() {
        let connection = store::open_in_memory().unwrap();
        let (first, second) = (file(&connection, &[], ""), file(&connection, &[], ""));
        assert_eq!(load(&connection, first).unwrap().unwrap().receipt, "a~1.json.receipt.json");
        assert_eq!(load(&connection, second).unwrap().unwrap().receipt, "a.json.receipt.json");
    }
}
