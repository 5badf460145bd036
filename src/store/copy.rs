//! A whole copy of a database that is in use: for backups, for a restore, and for whoever wants to read
//! without standing in the way.
//!
//! The copy shows one moment. It is read through a connection of its own in one transaction, which in WAL
//! mode holds up nobody who writes; it is written beside its place, looked through, brought to the disk and
//! only then renamed, so that it appears whole or not at all. It is one plain file without a log beside
//! it, which may lie on a network share.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// Pages (of 4 KB) that are copied between two words of progress.
const STEP: i32 = 512;

/// Why there is no copy. Nothing lies in its place then that was not there before.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database can't be read, or the copy can't be written: the disk is full, say.
    #[error("{path}: {source}")]
    Database {
        /// The copy.
        path: String,
        /// What SQLite said.
        source: StoreError,
    },
    /// The copy was made and is not whole: of a database that is damaged there can be no other.
    #[error("the database is damaged, so there is no good copy of it: {0}")]
    Damaged(String),
    /// The caller asked for no more.
    #[error("{0}: stopped before it was whole")]
    Stopped(String),
    /// The copy could not be put in its place.
    #[error("{path}: {source}")]
    Io {
        /// The copy.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies the database at `from` to `to`, over a file that lies there. `progress` is told how many of how
/// many pages are copied, and says whether to go on.
///
/// # Errors
/// There is no new file at `to` then.
pub fn copy(from: &Path, to: &Path, mut progress: impl FnMut(u32, u32) -> bool) -> Result<(), CopyError> {
    let beside = beside(to);
    let copied = copy_beside(from, &beside, &mut progress)
        .map_err(|error| match error {
            error if error.is_damaged() => CopyError::Damaged(error.to_string()),
            source => CopyError::Database { path: to.display().to_string(), source },
        })
        .and_then(|whole| {
            if !whole {
                return Err(CopyError::Stopped(to.display().to_string()));
            }
            File::options()
                .write(true)
                .open(&beside)
                .and_then(|file| file.sync_all())
                .and_then(|()| crate::exchange::rename(&beside, to))
                .map_err(|source| CopyError::Io { path: to.display().to_string(), source })
        });
    match copied {
        Ok(()) => {
            to.parent().into_iter().for_each(crate::exchange::sync_folder);
            Ok(())
        }
        Err(error) => {
            for ending in ["", "-journal", "-wal", "-shm"] {
                let mut name = beside.clone().into_os_string();
                name.push(ending);
                let _ = std::fs::remove_file(name);
            }
            Err(error)
        }
    }
}

/// False: `progress` asked for no more.
fn copy_beside(
    from: &Path,
    beside: &Path,
    progress: &mut dyn FnMut(u32, u32) -> bool,
) -> Result<bool, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // A database on a disk that can't be written, or that another account owns, can still be read.
    let from = super::for_sqlite(from);
    let source = Connection::open_with_flags(&from, flags)
        .or_else(|_| Connection::open_with_flags(&from, OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    super::prepare(&source)?;
    source.pragma_update(None, "query_only", true)?;
    let mut target = Connection::open(super::for_sqlite(beside))?;
    // Nobody sees this file until it is whole: what is left of one that was not is thrown away.
    target.pragma_update(None, "journal_mode", "OFF")?;
    target.pragma_update(None, "synchronous", "OFF")?;
    // One transaction: without it every commit of the agent would make the copy begin again.
    let moment = source.unchecked_transaction()?;
    moment.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    {
        let backup = Backup::new(&moment, &mut target)?;
        loop {
            let step = backup.step(STEP)?;
            let at = backup.progress();
            let (all, left) = (at.pagecount.max(0) as u32, at.remaining.max(0) as u32);
            if !progress(all.saturating_sub(left), all) {
                return Ok(false);
            }
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Another program has the file for itself for a moment.
                _ => std::thread::sleep(std::time::Duration::from_millis(50)),
            }
        }
    }
    drop(moment);
    // One file without a log beside it.
    target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0))?;
    super::recover::look_through(&target)?;
    target.close().map_err(|(_, error)| error)?;
    Ok(true)
}

/// A name that no other copy has, that a reader of the folder passes by, and that says whose it is.
fn beside(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let short: String = name.chars().take(40).collect();
    to.with_file_name(format!(".{short}.{:08x}.tmp", fastrand::u32(..)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_copy_shows_one_moment_though_the_agent_writes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("edge.db"), folder.path().join("copy.db"));
        let agent = store::open(&from).unwrap();
        let note = |number: i64, length: usize| {
            agent
                .execute(
                    "INSERT INTO agent (name, value) VALUES (?1, ?2)",
                    rusqlite::params![number.to_string(), "x".repeat(length)],
                )
                .unwrap();
        };
        note(0, 8_000_000);
        let mut written = 0;
        copy(&from, &to, |done, all| {
            written += 1;
            note(written, 10);
            assert!(done <= all);
            true
        })
        .unwrap();
        assert!(written > 2, "the copy went in steps");
        let copied = store::open_existing(&to).unwrap();
        let count: i64 = copied.query_row("SELECT count(*) FROM agent", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1);
        drop(copied);
        // Its folder may be one that can't be written, or a share: nothing else is needed to read it.
        assert!(
            !names(folder.path()).iter().any(|name| name.starts_with("copy.db-") || name.ends_with(".tmp"))
        );
    }

    #[test]
    fn a_damaged_database_gives_no_copy_and_spares_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("edge.db"), folder.path().join("copy.db"));
        let agent = store::open(&from).unwrap();
        agent.execute("INSERT INTO agent VALUES ('a', ?1)", ["x".repeat(100_000)]).unwrap();
        agent.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
        drop(agent);
        std::fs::write(&to, "the one before").unwrap();
        let mut bytes = std::fs::read(&from).unwrap();
        let middle = bytes.len() / 2;
        bytes[4096..middle].fill(7);
        std::fs::write(&from, bytes).unwrap();
        assert!(matches!(copy(&from, &to, |_, _| true), Err(CopyError::Damaged(_))));
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "the one before");
        assert_eq!(names(folder.path()), ["copy.db", "edge.db"]);
        assert!(copy(&folder.path().join("none.db"), &to, |_, _| true).is_err());
        assert_eq!(names(folder.path()), ["copy.db", "edge.db"]);
    }

    #[test]
    fn a_copy_that_is_stopped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("edge.db"), folder.path().join("copy.db"));
        drop(store::open(&from).unwrap());
        assert!(matches!(copy(&from, &to, |_, _| false), Err(CopyError::Stopped(_))));
        assert_eq!(names(folder.path()), ["edge.db"]);
    }
}
