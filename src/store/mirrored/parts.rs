//! The parts of a record, in a table of their own.

use rusqlite::{Connection, params_from_iter};

use crate::rules::mirror::Cell;
use crate::rules::mirror::parts::PartTable;
use crate::store::cells::owned_cells;

/// Replaces the parts of a record by these.
pub(in crate::store) fn replace_parts(
    connection: &Connection,
    table: &PartTable,
    owner: &str,
    rows: &[Vec<Cell<'_>>],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!("DELETE FROM {} WHERE {} = ?1", table.name, table.owner))?
        .execute([owner])?;
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let places: Vec<String> = (2..names.len() + 2).map(|place| format!("?{place}")).collect();
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO {} ({}, {}) VALUES (?1, {})",
        table.name,
        table.owner,
        names.join(", "),
        places.join(", ")
    ))?;
    for row in rows {
        insert.execute(params_from_iter(std::iter::once(&Cell::text(owner)).chain(row)))?;
    }
    Ok(())
}

/// The parts of a record, in the order of their key.
pub(in crate::store) fn load_parts(
    connection: &Connection,
    table: &PartTable,
    owner: &str,
) -> rusqlite::Result<Vec<Vec<Cell<'static>>>> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let order: Vec<String> = (1..=table.needed).map(|place| place.to_string()).collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE {} = ?1 ORDER BY {}",
        names.join(", "),
        table.name,
        table.owner,
        order.join(", ")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([owner], |row| owned_cells(row, names.len()))?;
    rows.collect()
}
