//! The plain copy for reports: the tables and views that reports rely on, as they were at one moment.
//!
//! It is made table by table and not page by page (SQLite's backup, VACUUM INTO), because what reports do not
//! rely on stays out: the bytes of files, the bodies of changes, and in `outbox` what was sent and what came
//! back. Each table is read once, in one transaction, so the copy is of one moment; its pages are filled and
//! in order, as after a VACUUM.

use std::path::Path;

use rusqlite::Connection;

use crate::store::{self, StoreError};

/// The tables of the copy: those that reports rely on, and those that the views stand on.
const TABLES: [&str; 17] = [
    "products",
    "product_components",
    "customers",
    "prices",
    "balances",
    "orders",
    "order_rows",
    "shipments",
    "returns",
    "return_codes",
    "outbox",
    "outbox_attempts",
    "sync_state",
    "outbox_rows",
    "outbox_waits",
    "extend_line",
    "details_wanted",
];

/// Columns that are empty in the copy: whole documents, with names and addresses, that no report needs.
const LEFT_OUT: [(&str, &str); 3] = [("outbox", "payload"), ("outbox", "answer"), ("outbox", "prepared")];

/// Writes the copy into the new file `to`, which must be on a disk of this computer. It is whole when this
/// returns, and on its way to the disk. `stop` is asked now and then whether to give up.
///
/// # Errors
/// SQLite's; the file is then of no use.
pub fn write(
    from: &Path,
    to: &Path,
    now: &str,
    stop: impl Fn() -> bool + Send + 'static,
) -> Result<(), StoreError> {
    let mut source = store::open_existing(from)?;
    source.progress_handler(10_000, Some(stop))?;
    let schema = schema(&source)?;
    let copy = Connection::open(store::for_sqlite(to))?;
    // Nobody reads the file before it is whole; one that is not is thrown away.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    for sql in schema.iter().filter(|part| part.kind == "table").map(|part| &part.sql) {
        copy.execute_batch(sql)?;
    }
    copy.execute_batch("CREATE TABLE copied (at TEXT NOT NULL) STRICT")?;
    copy.execute("INSERT INTO copied VALUES (?1)", [now])?;
    source.execute("ATTACH ?1 AS copy", [to.to_string_lossy()])?;
    source.pragma_update(None, "foreign_keys", false)?;
    source.pragma_update(Some("copy"), "journal_mode", "OFF")?;
    source.pragma_update(Some("copy"), "synchronous", "OFF")?;
    let moment = source.transaction()?;
    for table in TABLES {
        let columns = columns(&moment, table)?;
        moment.execute_batch(&format!("INSERT INTO copy.{table} SELECT {columns} FROM main.{table}"))?;
    }
    moment.commit()?;
    source.execute_batch("DETACH copy")?;
    for sql in schema.iter().filter(|part| part.kind != "table").map(|part| &part.sql) {
        copy.execute_batch(sql)?;
    }
    copy.execute_batch("ANALYZE")?;
    // A plain file: whoever opens it needs no second one beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.pragma_update(None, "user_version", 1)?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(())
}

struct Part {
    kind: String,
    sql: String,
}

/// How the tables, their indexes and the views are made, in an order in which they can be.
fn schema(source: &Connection) -> rusqlite::Result<Vec<Part>> {
    source
        .prepare(
            "SELECT type, tbl_name, sql FROM sqlite_schema
             WHERE sql IS NOT NULL AND type IN ('table', 'index', 'view') ORDER BY type = 'view', rowid",
        )?
        .query_map([], |row| {
            let part = Part { kind: row.get(0)?, sql: row.get(2)? };
            let table: String = row.get(1)?;
            Ok((part.kind == "view" || TABLES.contains(&table.as_str())).then_some(part))
        })?
        .filter_map(Result::transpose)
        .collect()
}

fn columns(source: &Connection, table: &str) -> rusqlite::Result<String> {
    let left_out = |column: &str| LEFT_OUT.contains(&(table, column));
    let names: Vec<String> = source
        .prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    // `*` lets SQLite carry whole records across.
    if !names.iter().any(|name| left_out(name)) {
        return Ok("*".into());
    }
    let names = names.into_iter().map(|name| if left_out(&name) { "NULL".into() } else { name });
    Ok(names.collect::<Vec<String>>().join(", "))
}
