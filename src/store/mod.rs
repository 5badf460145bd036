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
pub mod support;
pub mod sweeps;
pub mod sync_requests;
pub mod sync_state;
pub mod thinning;
pub mod ubl;
pub mod unknown;
pub mod upkeep;
pub mod wal;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
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
    /// It is to be brought up to date, and can't be copied first.
    #[error(
        "the database was written by an earlier version of extend-edge and could not be copied before it is \
         brought up to date: {0}"
    )]
    NotKept(String),
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
            StoreError::Folder { .. }
            | StoreError::TooNew { .. }
            | StoreError::NotKept(_)
            | StoreError::Damaged(_) => false,
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
/// One of an earlier version is kept as it was, beside it, before anything in it is changed.
///
/// # Errors
/// The file or its folder can't be made or read, it is no database, or it is newer than this program.
pub fn open(path: &Path) -> Result<Connection, StoreError> {
    open_and_keep(path, true)
}

/// The same with a copy, such as one that was laid from a backup, which need not be kept as it was.
///
/// # Errors
/// As [`open`].
pub fn open_copy(path: &Path) -> Result<Connection, StoreError> {
    open_and_keep(path, false)
}

fn open_and_keep(path: &Path, keep: bool) -> Result<Connection, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|source| StoreError::Folder { path: folder.display().to_string(), source })?;
    }
    let mut connection = Connection::open(for_sqlite(path))?;
    prepare(&connection)?;
    // A command and the agent may make it at the same moment. SQLite does not wait where two want to go from
    // reading to writing, as each would wait for the other: whoever was turned away begins anew.
    let until = Instant::now() + PATIENCE;
    while let Err(error) = make(&mut connection, keep) {
        if !error.is_busy() || Instant::now() >= until {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(connection)
}

/// A path as SQLite needs it. It hands it to Windows as it is, which takes one of 260 characters or more only where
/// that begins with `\\?\`; the standard library does the same for all other files.
fn for_sqlite(path: &Path) -> Cow<'_, Path> {
    /// Room for what SQLite puts behind the name: `-journal`.
    const LONG: usize = 250;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match absolute.to_str() {
        Some(text) if cfg!(windows) && text.len() >= LONG && !text.starts_with(r"\\?\") => {
            let literal = match text.strip_prefix(r"\\") {
                Some(share) => format!(r"\\?\UNC\{share}"),
                None => format!(r"\\?\{text}"),
            };
            PathBuf::from(literal).into()
        }
        _ => path.into(),
    }
}

fn make(connection: &mut Connection, keep: bool) -> Result<(), StoreError> {
    // Only a database that is still empty takes this, and only before all else.
    if connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))? == 0 {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A log that a reader made grow is cut when it is next begun anew.
    connection.pragma_update(None, "journal_size_limit", wal::KEPT_BYTES as i64)?;
    connection.pragma_update(None, "wal_autocheckpoint", wal::MOVED_FROM_PAGES)?;
    migrate(connection, &embedded::migrations::runner(), keep)
}

/// Opens an existing database for a command that changes something while the agent may run.
///
/// # Errors
/// There is no database at `path`, or it can't be opened.
pub fn open_existing(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(for_sqlite(path), flags)?;
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

/// Whether a database has its tables: one that an agent is just making has none yet.
///
/// # Errors
/// SQLite's.
pub fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'outbox')", [], |row| row.get(0))
}

/// A database in memory with the current schema, for tests and simulations.
///
/// # Errors
/// Only if SQLite itself fails.
pub fn open_in_memory() -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    migrate(&mut connection, &embedded::migrations::runner(), false)?;
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

/// Brings the schema up to date with `migrations`. With `keep`, what was there before is copied beside it first.
fn migrate(connection: &mut Connection, migrations: &refinery::Runner, keep: bool) -> Result<(), StoreError> {
    let known = migrations.get_migrations().iter().map(|one| i64::from(one.version())).max().unwrap_or(0);
    let found = schema(connection);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    if found == known {
        return Ok(());
    }
    if found > 0 && keep {
        keep_as_it_was(connection, found)?;
    }
    // Grouped, a migration and the note that it was made are one transaction: without it a process that died
    // between the two would leave a database that never opens again.
    let runner = refinery::Runner::new(migrations.get_migrations()).set_grouped(true);
    if let Err(error) = runner.run(connection)
        // A command and the agent may have begun at the same moment: then the other one has done it.
        && schema(connection) != known
    {
        return Err(error.into());
    }
    Ok(())
}

/// The version of the schema; 0 where there is none yet.
fn schema(connection: &Connection) -> i64 {
    connection
        .query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
        .unwrap_or(0)
}

/// What stands behind the name of a database that was kept as an earlier version of this program left it.
const BEFORE_UPGRADE: &str = ".schema-";

/// Copies a database that is about to be brought up to date, whole, beside it. The version that wrote it can
/// open the copy.
fn keep_as_it_was(connection: &Connection, schema: i64) -> Result<(), StoreError> {
    // One in memory is nobody's.
    let Some(path) = connection.path().filter(|path| !path.is_empty()) else { return Ok(()) };
    let kept = format!("{path}{BEFORE_UPGRADE}{schema}");
    copy::copy(Path::new(path), Path::new(&kept), |_, _| true).map_err(|error| match error {
        copy::CopyError::Damaged(why) => StoreError::Damaged(why),
        error => StoreError::NotKept(error.to_string()),
    })?;
    log::warn!(
        "the database is of an earlier version; it is kept as it was in {kept}, and brought up to date"
    );
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

    /// The migrations of a version to come.
    fn of_the_next_version(sql: &str) -> refinery::Runner {
        let mut all = embedded::migrations::runner().get_migrations().clone();
        let next = all.iter().map(refinery::Migration::version).max().unwrap() + 1;
        all.push(refinery::Migration::unapplied(&format!("V{next}__next"), sql).unwrap());
        refinery::Runner::new(&all)
    }

    #[test]
    fn a_database_is_kept_as_it_was_before_it_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.db");
        let mut connection = open(&path).unwrap();
        let before = schema(&connection);
        agent::set(&connection, "told", "by the earlier version").unwrap();
        migrate(&mut connection, &of_the_next_version("ALTER TABLE agent ADD COLUMN more TEXT"), true)
            .unwrap();
        assert_eq!(schema(&connection), before + 1);
        connection.query_row("SELECT more FROM agent", [], |_| Ok(())).unwrap();
        assert!(matches!(open(&path), Err(StoreError::TooNew { .. })), "the earlier version leaves it alone");
        drop(connection);
        // Put back, it is as it was.
        std::fs::rename(folder.path().join(format!("edge.db.schema-{before}")), &path).unwrap();
        let connection = open(&path).unwrap();
        assert_eq!(agent::get(&connection, "told").unwrap().unwrap(), "by the earlier version");
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.db");
        let mut connection = open(&path).unwrap();
        let wrong = of_the_next_version("ALTER TABLE agent ADD COLUMN more TEXT; SELECT * FROM nothing;");
        migrate(&mut connection, &wrong, true).unwrap_err();
        drop(connection);
        let connection = open(&path).unwrap();
        connection.prepare("SELECT more FROM agent").unwrap_err();
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
