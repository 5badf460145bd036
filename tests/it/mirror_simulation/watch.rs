//! Watches the tables from inside: triggers of the simulation's own see every row that is written.

use std::collections::BTreeMap;

use rusqlite::Connection;

/// Columns that tell when a row was written, and so differ where nothing else does.
const STAMPS: [&str; 2] = ["fetched_at", "detail_at"];

/// A record that was taken away: its table and its key.
pub type Removed = (String, String, String);

/// Sets the triggers. They are part of a transaction, so what is rolled back was never seen.
pub fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE sim_writes (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
         CREATE TEMP TABLE sim_removed (name TEXT, number TEXT, other TEXT);
         CREATE TEMP TABLE sim_same (name TEXT, number TEXT);",
    )?;
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for name in &names {
        connection.execute("INSERT INTO sim_writes VALUES (?1, 0)", [name])?;
        for what in ["INSERT", "UPDATE", "DELETE"] {
            connection.execute_batch(&format!(
                "CREATE TEMP TRIGGER sim_{name}_{what} AFTER {what} ON main.{name} BEGIN
                     UPDATE sim_writes SET n = n + 1 WHERE name = '{name}'; END;"
            ))?;
        }
    }
    for (name, number, other) in [
        ("products", "product_number", "''"),
        ("customers", "customer_number", "''"),
        ("balances", "product_number", "OLD.warehouse"),
        ("prices", "customer_number", "OLD.product_number"),
        ("orders", "order_number", "''"),
    ] {
        let gone = format!("INSERT INTO sim_removed VALUES ('{name}', OLD.{number}, {other});");
        connection.execute_batch(&format!(
            "CREATE TEMP TRIGGER sim_gone_{name} AFTER DELETE ON main.{name} BEGIN {gone} END;"
        ))?;
        let columns: Vec<String> = connection
            .prepare(&format!("SELECT name FROM pragma_table_info('{name}')"))?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if columns.iter().any(|column| column == "removed_at") {
            connection.execute_batch(&format!(
                "CREATE TEMP TRIGGER sim_left_{name} AFTER UPDATE OF removed_at ON main.{name}
                 WHEN OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL BEGIN {gone} END;"
            ))?;
        }
        let kept: Vec<&String> = columns.iter().filter(|column| !STAMPS.contains(&column.as_str())).collect();
        let of =
            |side: &str| kept.iter().map(|column| format!("{side}.{column}")).collect::<Vec<_>>().join(", ");
        connection.execute_batch(&format!(
            "CREATE TEMP TRIGGER sim_same_{name} AFTER UPDATE ON main.{name}
             WHEN ({}) IS ({}) BEGIN INSERT INTO sim_same VALUES ('{name}', OLD.{number}); END;",
            of("OLD"),
            of("NEW")
        ))?;
    }
    Ok(())
}

/// What was taken away since this was last asked.
///
/// # Errors
/// A row was written as it was.
pub fn removed(connection: &Connection) -> Result<Vec<Removed>, String> {
    type Written = Option<(String, String)>;
    let found = || -> rusqlite::Result<(Vec<Removed>, Written)> {
        let mut statement = connection.prepare_cached("SELECT name, number, other FROM sim_removed")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let removed: Vec<Removed> = rows.collect::<rusqlite::Result<_>>()?;
        if !removed.is_empty() {
            connection.execute("DELETE FROM sim_removed", [])?;
        }
        let mut statement = connection.prepare_cached("SELECT name, number FROM sim_same LIMIT 1")?;
        let mut rows = statement.query([])?;
        let same =
            rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?))).transpose()?;
        Ok((removed, same))
    };
    match found() {
        Ok((removed, None)) => Ok(removed),
        Ok((_, Some((name, number)))) => Err(format!("{name} {number} was written as it was")),
        // The next step asks again.
        Err(_) => Ok(Vec::new()),
    }
}

/// How many rows of each table were written so far.
pub fn writes(connection: &Connection) -> BTreeMap<String, i64> {
    let mut statement = connection.prepare_cached("SELECT name, n FROM sim_writes").expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}
