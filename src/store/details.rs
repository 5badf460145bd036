//! `details_wanted`: records whose detail is to be fetched.

use rusqlite::{Connection, params};

use super::cells::count;
use crate::rules::mirror::Entity;
use crate::rules::schedule::Urgency;

/// Asks for the details of these numbers, whether they are mirrored or not. What is asked for twice is as
/// urgent as the more urgent question.
///
/// # Errors
/// SQLite's.
pub fn mark_detail_wanted<S: AsRef<str>>(
    connection: &Connection,
    entity: Entity,
    numbers: &[S],
    urgency: Urgency,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO details_wanted (entity, number, urgency) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET urgency = ?3 WHERE urgency > ?3",
    )?;
    for number in numbers {
        insert.execute(params![entity.name(), number.as_ref(), urgency as i64])?;
    }
    Ok(())
}

/// The next records that are wanted so urgently, in order.
///
/// # Errors
/// SQLite's.
pub fn next_details(
    connection: &Connection,
    urgency: Urgency,
    limit: usize,
) -> rusqlite::Result<Vec<(Entity, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT entity, number FROM details_wanted WHERE urgency = ?1 ORDER BY entity, number LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement
        .query_map((urgency as i64, limit), |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut all = Vec::new();
    for row in rows {
        let (entity, number) = row?;
        all.extend(Entity::from_name(&entity).map(|entity| (entity, number)));
    }
    Ok(all)
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

/// The settings no longer ask for each record of this entity: only those stay wanted that somebody named.
///
/// # Errors
/// SQLite's.
pub fn forget_rest(connection: &Connection, entity: Entity) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM details_wanted WHERE entity = ?1 AND urgency = ?2")?
        .execute((entity.name(), Urgency::Rest as i64))?;
    Ok(())
}

/// The settings ask for each record of this entity: those that were never fetched are wanted.
///
/// # Errors
/// SQLite's.
pub fn want_rest(connection: &Connection, entity: Entity) -> rusqlite::Result<()> {
    let Some(table) = entity.table().filter(|table| table.detail_text.is_some() && table.keeps_removed)
    else {
        return Ok(());
    };
    let number = table.columns[table.number_column()].name;
    connection.execute(
        &format!(
            "INSERT OR IGNORE INTO details_wanted (entity, number, urgency)
             SELECT ?1, {number}, ?2 FROM {} WHERE raw IS NULL AND removed_at IS NULL",
            table.name
        ),
        (entity.name(), Urgency::Rest as i64),
    )?;
    Ok(())
}

/// The records whose detail was fetched, by number from behind `after` on: `limit` at the most.
///
/// # Errors
/// SQLite's.
pub fn next_in_turn(
    connection: &Connection,
    entity: Entity,
    after: &str,
    limit: u64,
) -> rusqlite::Result<Vec<String>> {
    let Some(table) = entity.table().filter(|table| table.detail_text.is_some() && table.keeps_removed)
    else {
        return Ok(Vec::new());
    };
    let number = table.columns[table.number_column()].name;
    connection
        .prepare_cached(&format!(
            "SELECT {number} FROM {} WHERE {number} > ?1 AND removed_at IS NULL AND raw IS NOT NULL
             ORDER BY {number} LIMIT ?2",
            table.name
        ))?
        .query_map(params![after, limit as i64], |row| row.get(0))?
        .collect()
}
