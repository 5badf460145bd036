//! `hooks_seen` and `hook_wants`: which webhooks came, and what they want that was not fetched yet.

use rusqlite::{Connection, params};

use crate::rules::hooks::Touched;
use crate::rules::mirror::Entity;

/// The ids that are remembered at the most.
const REMEMBERED: i64 = 100_000;

/// Notes a webhook's id. `false`: it came before.
///
/// # Errors
/// SQLite's.
pub fn note_seen(connection: &Connection, id: &str, now: &str) -> rusqlite::Result<bool> {
    let added = connection
        .prepare_cached("INSERT OR IGNORE INTO hooks_seen (id, seen_at) VALUES (?1, ?2)")?
        .execute([id, now])?;
    Ok(added > 0)
}

/// Forgets ids that were seen before `before`, and the oldest where there are very many.
///
/// # Errors
/// SQLite's.
pub fn forget_seen(connection: &Connection, before: &str) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM hooks_seen
             WHERE seen_at < ?1 OR number <= (SELECT max(number) FROM hooks_seen) - ?2",
        )?
        .execute(params![before, REMEMBERED])
}

/// What the table has as the number of a list of changes.
const CHANGES: &str = "";

fn key(touched: &Touched) -> (&'static str, &str) {
    match touched {
        Touched::Record(entity, number) => (entity.name(), number),
        Touched::Changes(entity) => (entity.name(), CHANGES),
    }
}

/// Wants it fetched. What is under way may be older than this, so it is fetched again.
///
/// # Errors
/// SQLite's.
pub fn want(connection: &Connection, touched: &Touched) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO hook_wants (entity, number) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET under_way = 0 WHERE under_way = 1",
        )?
        .execute(key(touched))?;
    Ok(())
}

/// It is being fetched.
///
/// # Errors
/// SQLite's.
pub fn begin(connection: &Connection, touched: &Touched) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE hook_wants SET under_way = 1 WHERE entity = ?1 AND number = ?2")?
        .execute(key(touched))?;
    Ok(())
}

/// It was fetched: struck, unless it was wanted again meanwhile.
///
/// # Errors
/// SQLite's.
pub fn strike(connection: &Connection, touched: &Touched) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM hook_wants WHERE entity = ?1 AND number = ?2 AND under_way = 1")?
        .execute(key(touched))?;
    Ok(())
}

/// It could not be fetched. Gives how often that happened; 0 where it is not wanted by a hook.
///
/// # Errors
/// SQLite's.
pub fn put_back(connection: &Connection, touched: &Touched) -> rusqlite::Result<u32> {
    let mut update = connection.prepare_cached(
        "UPDATE hook_wants SET under_way = 0, tries = tries + 1 WHERE entity = ?1 AND number = ?2
         RETURNING tries",
    )?;
    let mut rows = update.query(key(touched))?;
    Ok(match rows.next()? {
        Some(row) => row.get(0)?,
        None => 0,
    })
}

/// No longer wanted by a hook.
///
/// # Errors
/// SQLite's.
pub fn drop_want(connection: &Connection, touched: &Touched) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM hook_wants WHERE entity = ?1 AND number = ?2")?
        .execute(key(touched))?;
    Ok(())
}

/// At the start: what an earlier process was fetching is fetched again.
///
/// # Errors
/// SQLite's.
pub fn take_up_again(connection: &Connection) -> rusqlite::Result<usize> {
    connection.execute("UPDATE hook_wants SET under_way = 0 WHERE under_way = 1", [])
}

/// The entities whose list of changes is wanted.
///
/// # Errors
/// SQLite's.
pub fn wanted_changes(connection: &Connection) -> rusqlite::Result<Vec<Entity>> {
    let mut select = connection.prepare_cached("SELECT entity FROM hook_wants WHERE number = ''")?;
    let names = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(names.iter().filter_map(|name| Entity::from_name(name)).collect())
}

/// Records of `entity` that are wanted and not under way, those that failed least first: `limit` at the most.
///
/// # Errors
/// SQLite's.
pub fn wanted_records(
    connection: &Connection,
    entity: Entity,
    limit: usize,
) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(
            "SELECT number FROM hook_wants WHERE entity = ?1 AND number <> '' AND under_way = 0
             ORDER BY tries, number LIMIT ?2",
        )?
        .query_map((entity.name(), limit as i64), |row| row.get(0))?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_again_while_it_is_fetched_is_not_struck() {
        let connection = crate::store::open_in_memory().unwrap();
        let wanted = || wanted_records(&connection, Entity::Products, 9).unwrap();
        let one = Touched::Record(Entity::Products, "1".into());
        want(&connection, &one).unwrap();
        want(&connection, &one).unwrap();
        assert_eq!(wanted(), ["1"]);
        begin(&connection, &one).unwrap();
        assert_eq!(wanted(), [""; 0]);
        want(&connection, &one).unwrap();
        strike(&connection, &one).unwrap();
        assert_eq!(wanted(), ["1"], "the answer may be older than the second hook");
        begin(&connection, &one).unwrap();
        assert_eq!(take_up_again(&connection).unwrap(), 1, "a crash loses nothing");
        assert_eq!(wanted(), ["1"]);
        begin(&connection, &one).unwrap();
        strike(&connection, &one).unwrap();
        assert_eq!(wanted(), [""; 0]);
        assert_eq!(put_back(&connection, &one).unwrap(), 0);
    }

    #[test]
    fn records_and_the_list_of_changes_are_apart() {
        let connection = crate::store::open_in_memory().unwrap();
        let (list, one) = (Touched::Changes(Entity::Orders), Touched::Record(Entity::Orders, "OC-1".into()));
        want(&connection, &list).unwrap();
        want(&connection, &one).unwrap();
        assert_eq!(wanted_changes(&connection).unwrap(), [Entity::Orders]);
        assert_eq!(wanted_records(&connection, Entity::Orders, 9).unwrap(), ["OC-1"]);
        assert_eq!(put_back(&connection, &one).unwrap(), 1);
        assert_eq!(put_back(&connection, &one).unwrap(), 2);
        drop_want(&connection, &one).unwrap();
        assert!(wanted_records(&connection, Entity::Orders, 9).unwrap().is_empty());
        assert_eq!(wanted_changes(&connection).unwrap(), [Entity::Orders]);
    }

    #[test]
    fn ids_are_seen_once_and_forgotten_by_age() {
        let connection = crate::store::open_in_memory().unwrap();
        assert!(note_seen(&connection, "a", "2026-01-01T00:00:00.000Z").unwrap());
        assert!(!note_seen(&connection, "a", "2026-01-01T00:00:09.000Z").unwrap());
        assert!(note_seen(&connection, "b", "2026-01-01T00:00:09.000Z").unwrap());
        assert_eq!(forget_seen(&connection, "2026-01-01T00:00:05.000Z").unwrap(), 1);
        assert!(note_seen(&connection, "a", "2026-01-01T00:00:10.000Z").unwrap());
        assert!(!note_seen(&connection, "b", "2026-01-01T00:00:10.000Z").unwrap());
    }
}
