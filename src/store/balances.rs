//! `balances`: Extend's own, without what waits in our outbox.

use rusqlite::Connection;
use serde_json::value::RawValue;

use super::mirrored::{self, Applied, Reading};
use crate::rules::mirror::tables;

/// Stores a page of ProductAvailability.
///
/// # Errors
/// SQLite's.
pub fn apply_list_page(
    connection: &Connection,
    rows: &[&RawValue],
    reading: &Reading<'_>,
) -> rusqlite::Result<Applied> {
    let applied = mirrored::apply_list(connection, &tables::BALANCES, &[], rows, reading)?;
    let waits: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox_rows)")?
        .query_row([], |row| row.get(0))?;
    if waits {
        for number in &applied.changed_numbers {
            note_moved_queue(connection, number)?;
        }
    }
    Ok(applied)
}

/// A queued order row without a warehouse is counted where most is available (`queued_quantities`). A
/// new balance may move it to another warehouse, and so change what is put out for both.
pub(super) fn note_moved_queue(connection: &Connection, product_number: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO pending_changes
             SELECT 'balances', json_array(product_number, warehouse) FROM balances
             WHERE product_number = ?1 AND EXISTS
                 (SELECT 1 FROM outbox_rows WHERE product_number = ?1 AND warehouse = '')",
        )?
        .execute([product_number])?;
    Ok(())
}
