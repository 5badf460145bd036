//! `sync_requests`: what a person asked for with `extend-edge sync` while the agent runs.

use rusqlite::{Connection, params};

use crate::rules::mirror::Entity;

/// Asks the agent for a round.
///
/// # Errors
/// SQLite's.
pub fn ask(connection: &Connection, entity: Entity, full: bool, now: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO sync_requests (entity, full, requested_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET full = max(full, ?2), requested_at = ?3",
        params![entity.name(), full, now],
    )?;
    Ok(())
}

/// What is asked for and not done yet.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection) -> rusqlite::Result<Vec<(Entity, bool)>> {
    let mut statement = connection.prepare_cached("SELECT entity, full FROM sync_requests")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let mut all = Vec::new();
    for row in rows {
        let (name, full) = row?;
        all.extend(Entity::from_name(&name).map(|entity| (entity, full)));
    }
    Ok(all)
}

/// It is done, or failed.
///
/// # Errors
/// SQLite's.
pub fn forget(connection: &Connection, entity: Entity) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM sync_requests WHERE entity = ?1")?.execute([entity.name()])?;
    Ok(())
}
