//! All SQL, one file per table or view.
//!
//! Functions take `&Connection` or `&Transaction`; whoever owns the connection begins and commits.
//! The engine alone holds the agent's writing connection. Commands open their own and keep their
//! transactions short; readers never block it (WAL).
//!
//! # Why nothing that was committed is lost when the power fails
//!
//! `synchronous = FULL` in WAL mode: a commit returns when its frames are on the disk. A file is
//! moved out of the inbox only after such a commit, so a shop that saw its file leave the inbox has
//! its order. `NORMAL` would let the last commits go with the power while the rename, which the file
//! system writes by itself, may have stayed.

pub mod agent;
pub mod alerts;
pub mod availability;
pub mod balances;
mod cells;
pub mod changes;
pub mod copy;
pub mod customers;
pub mod details;
pub mod hooks;
pub mod intake;
mod mirrored;
pub mod orders;
pub mod outbox;
pub mod outgoing;
pub mod owed;
pub mod prices;
pub mod products;
pub mod reconciliation;
pub mod recover;
pub mod reports;
pub mod returns;
pub mod search;
pub mod sweeps;
pub mod sync_requests;
pub mod sync_state;
pub mod ubl;
pub mod unknown;
pub mod wal;

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

pub use mirrored::{Applied, Reading};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// What can go wrong with the database, by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said no: the statement failed, the disk is full, the file is locked.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The schema could not be brought up to date.
    #[error("database schema: {0}")]
    Migration(#[from] refinery::Error),
    /// The folder of the database could not be made.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "the database was written by a newer version of extend-edge (schema {found}, this program knows \
         {known}); install that version again"
    )]
    TooNew {
        /// The schema version in the file.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The file is damaged, or was never a database.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// Another program holds the database: the same call will work later.
    pub fn is_busy(&self) -> bool {
        self.comes_from(is_busy)
    }

    /// What the file holds is no database any more. That it can't be reached is another matter.
    pub fn is_damaged(&self) -> bool {
        matches!(self, StoreError::Damaged(_)) || self.comes_from(is_damage)
    }

    fn comes_from(&self, such: fn(&rusqlite::Error) -> bool) -> bool {
        match self {
            StoreError::Sqlite(error) => such(error),
            StoreError::Migration(error) => {
                let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
                while let Some(error) = cause {
                    if error.downcast_ref::<rusqlite::Error>().is_some_and(such) {
                        return true;
                    }
                    cause = error.source();
                }
                false
            }
            StoreError::Folder { .. } | StoreError::TooNew { .. } | StoreError::Damaged(_) => false,
        }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}

/// Another program holds the database: the same call will work later.
pub fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

/// Opens the database for writing, makes it where there is none, and brings its schema up to date.
///
/// # Errors
/// The file or its folder can't be made or read, it is no database, or it is newer than this program.
pub fn open(path: &Path) -> Result<Connection, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|source| StoreError::Folder { path: folder.display().to_string(), source })?;
    }
    let mut connection = Connection::open(path)?;
    prepare(&connection)?;
    // A command and the agent may make it at the same moment. SQLite does not wait where two want to go from
    // reading to writing, as each would wait for the other: whoever was turned away begins anew.
    let until = Instant::now() + PATIENCE;
    while let Err(error) = make(&mut connection) {
        if !error.is_busy() || Instant::now() >= until {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(connection)
}

fn make(connection: &mut Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A log that a reader made grow is cut when it is next begun anew.
    connection.pragma_update(None, "journal_size_limit", wal::KEPT_BYTES as i64)?;
    migrate(connection)
}

/// Opens an existing database for a command that changes something while the agent may run.
///
/// # Errors
/// There is no database at `path`, or it can't be opened.
pub fn open_existing(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens an existing database to read from: reports, files for the webshop.
///
/// # Errors
/// There is no database at `path`, or it can't be opened.
pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_existing(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A database in memory with the current schema, for tests and simulations.
///
/// # Errors
/// Only if SQLite itself fails.
pub fn open_in_memory() -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// How long a database that another program holds is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(160);
    // A kept statement stays as it was planned. Otherwise SQLite, which is built to look at samples of the
    // values (STAT4), plans it anew whenever a value in its WHERE or LIMIT is bound: half of all the time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // 2 MB: the mirror is read by key, and the program lives on a machine that has other things to do.
    connection.pragma_update(None, "cache_size", -2000)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|migration| i64::from(migration.version()))
        .max()
        .unwrap_or(0);
    let found: i64 = connection
        .query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
        .unwrap_or(0);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    // Grouped, a migration and the note that it was made are one transaction: without it a process that died
    // between the two would leave a database that never opens again.
    if found < known
        && let Err(error) = embedded::migrations::runner().set_grouped(true).run(connection)
    {
        // A command and the agent may have begun at the same moment: then the other one has done it.
        let there: i64 = connection
            .query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
            .unwrap_or(0);
        if there != known {
            return Err(error.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_has_every_table_and_view() {
        let connection = open_in_memory().unwrap();
        for name in ["products", "outbox", "changes", "report_stock", "report_backlog", "report_daily_sales"]
        {
            connection.query_row(&format!("SELECT count(*) FROM {name}"), [], |_| Ok(())).unwrap();
        }
    }

    #[test]
    fn two_that_make_it_at_the_same_moment_both_have_it() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("edge.db");
            let together = std::sync::Barrier::new(2);
            std::thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| {
                        together.wait();
                        let connection = open(&path).unwrap();
                        connection.query_row("SELECT count(*) FROM products", [], |_| Ok(())).unwrap();
                    });
                }
            });
        }
    }

    #[test]
    fn a_database_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.db");
        let connection = open(&path).unwrap();
        connection.execute("UPDATE refinery_schema_history SET version = 999", []).unwrap();
        drop(connection);
        assert!(matches!(open(&path), Err(StoreError::TooNew { found: 999, .. })));
    }
}
