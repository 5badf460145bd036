//! Files that are to be written: an outbox of its own. Whoever changes what a file shows, owes it in the
//! same transaction; the publisher writes it, and the debt is struck when the file lies in place.

use rusqlite::{Connection, params};

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// `receipt`, `error`, `order`, `snapshot` or `status`.
    pub kind: String,
    /// File id, order number or entity.
    pub key: String,
    /// Which of the changes to it this is.
    pub revision: i64,
}

/// Owes a file.
///
/// # Errors
/// SQLite's.
pub fn owe(connection: &Connection, kind: &str, key: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO owed_files (kind, key) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET revision = revision + 1",
        )?
        .execute(params![kind, key])?;
    Ok(())
}

/// Owes the receipts that show an outbox item: that of its file and those of its duplicates.
///
/// # Errors
/// SQLite's.
pub fn owe_receipts_of(connection: &Connection, outbox_id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO owed_files (kind, key)
             SELECT 'receipt', file_id FROM documents WHERE id = ?1 OR duplicate_of = ?1
             ON CONFLICT DO UPDATE SET revision = revision + 1",
        )?
        .execute([outbox_id])?;
    Ok(())
}

/// What is owed, of the given kind, but for the keys in `without`; `limit` at the most.
///
/// # Errors
/// SQLite's.
pub fn load(
    connection: &Connection,
    kind: &str,
    without: &[&str],
    limit: usize,
) -> rusqlite::Result<Vec<Owed>> {
    let without = serde_json::Value::from(without.to_vec()).to_string();
    connection
        .prepare_cached(
            "SELECT kind, key, revision FROM owed_files
             WHERE kind = ?1 AND key NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3",
        )?
        .query_map(params![kind, without, limit as i64], |row| {
            Ok(Owed { kind: row.get(0)?, key: row.get(1)?, revision: row.get(2)? })
        })?
        .collect()
}

/// Strikes a debt, unless it moved on while its file was written.
///
/// # Errors
/// SQLite's.
pub fn strike(connection: &Connection, owed: &Owed) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM owed_files WHERE kind = ?1 AND key = ?2 AND revision = ?3")?
        .execute(params![owed.kind, owed.key, owed.revision])?;
    Ok(())
}

/// Owes again what was written lately, after the machine may have lost power: receipts, error files,
/// order files and snapshots are not waited for on their way to the disk. Changes are, since their reader
/// deletes them.
///
/// # Errors
/// SQLite's.
pub fn owe_again(connection: &Connection, since: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO owed_files (kind, key)
         SELECT CASE verdict WHEN 'accepted' THEN 'receipt' ELSE 'error' END, id FROM files WHERE received_at >= ?1
         UNION SELECT 'receipt', d.file_id FROM outbox o JOIN documents d ON d.id = o.id OR d.duplicate_of = o.id
             WHERE o.delivered_at >= ?1 OR o.refused_at >= ?1 OR o.cancelled_at >= ?1
         UNION SELECT 'order', order_number FROM orders WHERE fetched_at >= ?1
         UNION SELECT 'snapshot', entity FROM sync_state
             WHERE entity IN ('products', 'customers', 'prices', 'balances') AND last_success_at IS NOT NULL
         ON CONFLICT DO UPDATE SET revision = revision + 1",
        [since],
    )?;
    Ok(())
}
