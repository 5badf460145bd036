//! `details_wanted`: records whose detail is to be fetched.

use rusqlite::Connection;

use super::cells::count;
use crate::rules::mirror::Entity;

/// Asks for the details of these numbers, whether they are mirrored or not.
///
/// # Errors
/// SQLite's.
pub fn mark_detail_wanted<S: AsRef<str>>(
    connection: &Connection,
    entity: Entity,
    numbers: &[S],
) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO details_wanted (entity, number) VALUES (?1, ?2)")?;
    for number in numbers {
        insert.execute((entity.name(), number.as_ref()))?;
    }
    Ok(())
}

/// The next numbers whose details are wanted, in order, after `after` where that is given: one whose
/// fetch fails need not hold up the others.
///
/// # Errors
/// SQLite's.
pub fn next_details(
    connection: &Connection,
    entity: Entity,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT number FROM details_wanted WHERE entity = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((entity.name(), after.unwrap_or(""), limit), |row| row.get(0))?;
    rows.collect()
}

/// How many details are wanted.
///
/// # Errors
/// SQLite's.
pub fn count_wanted(connection: &Connection, entity: Entity) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM details_wanted WHERE entity = ?1")?
        .query_row([entity.name()], |row| count(row, 0))
}

/// The detail was fetched, or there is none: it is no longer wanted.
///
/// # Errors
/// SQLite's.
pub fn clear_detail_wanted(connection: &Connection, entity: Entity, number: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM details_wanted WHERE entity = ?1 AND number = ?2")?
        .execute((entity.name(), number))?;
    Ok(())
}
