//! What somebody who helps may know of a database: how it is built and how much is in it.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

/// The schema, as SQL.
///
/// # Errors
/// SQLite's.
pub fn schema(connection: &Connection) -> rusqlite::Result<String> {
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let all: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(all.join(";\n\n") + ";\n")
}

/// Rows of each table, and the size of the database in pages.
///
/// # Errors
/// SQLite's.
pub fn figures(connection: &Connection) -> rusqlite::Result<Value> {
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
    )?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut rows = Map::new();
    for name in names {
        let count: i64 =
            connection.query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |row| row.get(0))?;
        rows.insert(name, count.into());
    }
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    Ok(json!({
        "sqlite": rusqlite::version(),
        "schema": number("user_version")?,
        "pages": number("page_count")?,
        "pageSize": number("page_size")?,
        "freePages": number("freelist_count")?,
        "rows": rows,
    }))
}
