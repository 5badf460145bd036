//! The database is kept small, its statistics fresh, and all of it is looked through from time to time.

use rusqlite::Connection;

/// Room that is left for what comes: a database with fewer free pages than this is left as it is.
const SPARE_PAGES: i64 = 1024;

/// Gives free pages back to the system, `pages` of them at the most, once they are more than a tenth of all.
/// Gives whether there are more.
///
/// # Errors
/// SQLite's.
pub fn give_back(connection: &Connection, pages: u32) -> rusqlite::Result<bool> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let free = number("freelist_count")?;
    if free < SPARE_PAGES || free < number("page_count")? / 10 {
        return Ok(false);
    }
    // Each step frees one page.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}

/// Lets SQLite gather what it needs to choose well between indexes, of tables that have changed much. It reads
/// a few hundred rows of each at the most.
///
/// # Errors
/// SQLite's.
pub fn optimize(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize")
}

/// What was found where all of a database was looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Examined {
    /// It is whole.
    Whole,
    /// An index does not agree with its table. The tables are whole, so it can be made again.
    Index(String),
    /// It is damaged.
    Damaged(String),
    /// It could not be looked through to the end; why.
    Unfinished(String),
}

/// Looks through all of a database, its indexes too. `go_on` is asked again and again.
pub fn examine(connection: &mut Connection, mut go_on: impl FnMut() -> bool + Send + 'static) -> Examined {
    let watched = connection.progress_handler(1000, Some(move || !go_on()));
    let found = watched.and_then(|()| what_is_wrong(connection, "integrity_check"));
    let _ = connection.progress_handler(0, None::<fn() -> bool>);
    match found {
        Ok(found) => found,
        Err(error) if super::is_damage(&error) => Examined::Damaged(error.to_string()),
        Err(error) => Examined::Unfinished(error.to_string()),
    }
}

/// The same without comparing each row with the indexes, in a fraction of the time: an index that has more or
/// fewer entries than its table has rows is found.
///
/// # Errors
/// SQLite's, which may be that it is damaged.
pub fn examine_quickly(connection: &Connection) -> rusqlite::Result<Examined> {
    what_is_wrong(connection, "quick_check")
}

fn what_is_wrong(connection: &Connection, pragma: &str) -> rusqlite::Result<Examined> {
    let mut statement = connection.prepare(&format!("PRAGMA {pragma}"))?;
    let found: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let is_about_an_index = |one: &String| one.contains(" index ");
    Ok(match found.first().map(String::as_str) {
        None | Some("ok") => Examined::Whole,
        Some(first) if found.iter().all(is_about_an_index) => Examined::Index(first.to_owned()),
        Some(_) => {
            let worst = found.iter().find(|one| !is_about_an_index(one));
            Examined::Damaged(worst.cloned().unwrap_or_default())
        }
    })
}

/// Makes every index again.
///
/// # Errors
/// SQLite's.
pub fn index_again(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("REINDEX")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    fn fill(connection: &Connection, megabytes: u32) {
        for _ in 0..megabytes {
            let one = "INSERT INTO agent VALUES (hex(randomblob(8)), hex(zeroblob(500000)))";
            connection.execute(one, []).unwrap();
        }
    }

    #[test]
    fn a_database_that_was_large_becomes_small_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.db");
        let connection = store::open(&path).unwrap();
        fill(&connection, 30);
        connection.execute("DELETE FROM agent", []).unwrap();
        let mut steps = 0;
        while give_back(&connection, 1000).unwrap() {
            steps += 1;
            assert!(steps < 100);
        }
        assert!(steps > 3, "in small steps, so that nobody waits");
        drop(connection);
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert!(bytes < 6_000_000, "{bytes}");
        // A copy of it shrinks in the same way.
        let copy = folder.path().join("copy.db");
        store::copy::copy(&path, &copy, |_, _| true).unwrap();
        let mode = store::open(&copy).unwrap().pragma_query_value(None, "auto_vacuum", |row| row.get(0));
        assert_eq!(mode, Ok(2));
    }

    #[test]
    fn a_wrong_index_is_told_from_damage_and_made_again() {
        let mut connection = store::open_in_memory().unwrap();
        let go_on = || true;
        assert_eq!(examine(&mut connection, go_on), Examined::Whole);
        // An order is written behind the index's back.
        connection
            .execute_batch(
                "CREATE TEMP TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'orders_date';
                 PRAGMA writable_schema = ON;
                 DELETE FROM sqlite_schema WHERE name = 'orders_date';
                 PRAGMA writable_schema = RESET;
                 INSERT INTO orders (order_number, fetched_at) VALUES ('OC-1', '2026');
                 PRAGMA writable_schema = ON;
                 INSERT INTO sqlite_schema SELECT * FROM kept;
                 PRAGMA writable_schema = RESET;",
            )
            .unwrap();
        let found = examine(&mut connection, go_on);
        assert!(matches!(&found, Examined::Index(why) if why.contains("orders_date")), "{found:?}");
        let found = examine_quickly(&connection).unwrap();
        assert!(matches!(&found, Examined::Index(why) if why.contains("orders_date")), "{found:?}");
        index_again(&connection).unwrap();
        assert_eq!(examine(&mut connection, go_on), Examined::Whole);
    }

    #[test]
    fn it_ends_when_it_is_asked_to() {
        let mut connection = store::open_in_memory().unwrap();
        fill(&connection, 20);
        assert!(matches!(examine(&mut connection, || false), Examined::Unfinished(_)));
        // Whoever has the connection next is not disturbed.
        assert_eq!(examine(&mut connection, || true), Examined::Whole);
    }

    #[test]
    fn statistics_are_gathered() {
        let connection = store::open_in_memory().unwrap();
        for number in 0..2000 {
            let row = "INSERT INTO orders (order_number, fetched_at) VALUES (?1, '2026')";
            connection.execute(row, [number.to_string()]).unwrap();
        }
        connection
            .query_row("SELECT count(*) FROM orders WHERE order_date = '2026'", [], |_| Ok(()))
            .unwrap();
        optimize(&connection).unwrap();
        connection
            .query_row("SELECT count(*) FROM orders WHERE order_date = '2026'", [], |_| Ok(()))
            .unwrap();
    }
}
