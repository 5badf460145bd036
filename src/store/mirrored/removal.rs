//! What is gone at Extend.

use rusqlite::{Connection, params_from_iter};

use super::key_names;
use super::writer::{add_rows, owe};
use crate::rules::mirror::{self, Cell, Entity, KeyHashes, Table};
use crate::store::cells::{cells, equals};
use crate::store::details::clear_detail_wanted;

/// A primary key.
pub(in crate::store) type Key = Vec<Cell<'static>>;

/// The keys that a whole full list did not show.
///
/// `given` are the key columns that the list was for. What was stored from a detail at or after `began`
/// is not among them: it may be newer than the page that it would have been on. A time after `now` is that
/// of a clock that was set back since, and says nothing.
pub(in crate::store) fn unseen(
    connection: &Connection,
    table: &Table,
    given: &[Cell<'_>],
    seen: &KeyHashes,
    began: &str,
    now: &str,
) -> rusqlite::Result<Vec<Key>> {
    let names: Vec<&str> = key_names(table).collect();
    let mut wheres = vec![equals(key_names(table).take(table.given))];
    if table.keeps_removed {
        wheres.push("removed_at IS NULL".to_owned());
    }
    let (from, to) = (table.given + 1, table.given + 2);
    let fresh = table
        .detail_stamp
        .map_or("0".to_owned(), |stamp| format!("coalesce({stamp} BETWEEN ?{from} AND ?{to}, 0)"));
    wheres.retain(|part| !part.is_empty());
    let wheres = if wheres.is_empty() { "1".to_owned() } else { wheres.join(" AND ") };
    let sql = format!("SELECT {}, {fresh} FROM {} WHERE {wheres}", names.join(", "), table.name);
    let mut values: Vec<Cell<'_>> = given.to_vec();
    if table.detail_stamp.is_some() {
        values.extend([Cell::text(began), Cell::text(now)]);
    }
    let mut gone: Vec<Key> = Vec::new();
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    while let Some(row) = rows.next()? {
        let key = cells(row, table.keys)?;
        if !row.get::<_, bool>(table.keys)? && !seen.contains(&mirror::key_hash(&key)) {
            gone.push(key.into_iter().map(Cell::into_owned).collect());
        }
    }
    Ok(gone)
}

/// Takes these rows away.
pub(in crate::store) fn remove_all(
    connection: &Connection,
    table: &Table,
    keys: &[Key],
    now: &str,
) -> rusqlite::Result<()> {
    for key in keys {
        remove(connection, table, key, now)?;
    }
    Ok(())
}

/// Takes one row away: marked where the table keeps what is gone, else deleted.
fn remove(connection: &Connection, table: &Table, key: &[Cell<'_>], now: &str) -> rusqlite::Result<bool> {
    let wheres = equals(key_names(table));
    let mut values = key.to_vec();
    let sql = if table.keeps_removed {
        values.push(Cell::text(now));
        let set = format!("removed_at = ?{}", values.len());
        format!("UPDATE {} SET {set} WHERE {wheres} AND removed_at IS NULL", table.name)
    } else {
        format!("DELETE FROM {} WHERE {wheres}", table.name)
    };
    if connection.prepare_cached(&sql)?.execute(params_from_iter(&values))? == 0 {
        return Ok(false);
    }
    owe(connection, table, key)?;
    add_rows(connection, table.name, -1)?;
    Ok(true)
}

/// Extend knows no such record (404): it is taken away, and its detail no longer wanted.
pub(in crate::store) fn note_gone(
    connection: &Connection,
    entity: Entity,
    number: &str,
    now: &str,
) -> rusqlite::Result<bool> {
    clear_detail_wanted(connection, entity, number)?;
    match entity.table() {
        Some(table) => remove(connection, table, &[Cell::text(number)], now),
        None => Ok(false),
    }
}
