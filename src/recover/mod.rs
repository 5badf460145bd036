//! A database that is damaged or gone when the agent starts, or that is to be restored from a backup: the
//! old one is moved aside, and the new one is made from the newest backup and the exchange folder.
//!
//! SQLite is the truth, and unsent orders must survive it. First comes the newest backup that is whole,
//! where there is one. What is younger lies in `accepted/`, and what became of everything stands in
//! `receipts/`: both are folded in. What neither a receipt nor the backup shows as ended is taken for sent
//! without an answer, so that it is looked up at Extend before it is ever sent. The mirror comes from the
//! backup and is fetched whole at the first opportunity.
//!
//! # What it promises
//!
//! - A damaged database is moved aside with its `-wal` and `-shm`, never deleted. `status` names it until
//!   somebody has taken it away: it looks for the file itself, so nothing need be remembered.
//! - One that is locked, out of reach or newer than this program is not damaged, and stays where it is.
//! - The new database is built beside its place in one transaction and renamed when it is whole: a process
//!   that dies in between leaves what was there, and the next one begins again.
//! - The numbers in `outgoing/changes/` go on. The last one is noted beside the database ([`note_sequence`])
//!   before its file is written, since the reader deletes the files and CSV shows no number.
//!
//! # What it can't know
//!
//! What only the database had since the backup: each single attempt, and who gave which command. What a
//! person put in the place of a document stands in its receipt, whole, for this very purpose.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use crate::config::Config;
use crate::exchange::{rename, sync_folder, with_path, write_whole};
use crate::rules::recover::{sequence_of_change, sequence_of_snapshot};
use crate::store::{self, StoreError};

pub mod backups;
mod originals;
mod rebuild;
mod receipts;

pub use rebuild::{Made, UNREADABLE};

/// Why the agent can't start.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The database can't be opened, and is not damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be read or moved.
    #[error("the database could not be made again: {0}")]
    Io(#[from] io::Error),
    /// What is to be restored is no backup, or not a whole one.
    #[error("{path} can't be restored: {why}")]
    NoBackup {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl From<rusqlite::Error> for RecoverError {
    fn from(error: rusqlite::Error) -> RecoverError {
        RecoverError::Store(error.into())
    }
}

/// What lies in the database's place.
enum Found {
    Whole(Connection),
    /// Nothing, or a database that knows nothing, while the exchange folder shows that there was one.
    Lost,
    Damaged(String),
}

/// Opens the agent's database. One that is damaged or gone is made again first.
///
/// # Errors
/// It can't be opened though it is not damaged, or can't be made again. Nothing was lost then.
pub fn open(config: &Config, now: Timestamp) -> Result<Connection, RecoverError> {
    match look(config)? {
        Found::Whole(connection) => return Ok(connection),
        Found::Lost => log::error!(
            "{}: there is no database, but orders were taken over here; it is made again from the newest \
             backup, receipts/ and accepted/",
            config.database.display()
        ),
        Found::Damaged(why) => log::error!(
            "{}: {why}; it is moved aside and made again from the newest backup, receipts/ and accepted/",
            config.database.display()
        ),
    }
    let building = building_place(config)?;
    match backups::lay_newest(config, &building)? {
        Some(backup) => log::warn!("it begins with the backup {}", backup.display()),
        None => log::warn!("there is no backup to begin with"),
    }
    let made = make_again(config, &building, ".corrupt-", now)?;
    log::warn!(
        "the outbox is made again: {} file(s) that no backup had; {} item(s) may be at Extend and are looked up \
         there before they are sent",
        made.files,
        made.unresolved
    );
    Ok(store::open(&config.database)?)
}

/// Puts a backup in the place of the database, by the same rules. What was there is moved aside and never
/// deleted; the path of it is given. No agent may run. `progress` is told how many of how many pages are
/// copied.
///
/// # Errors
/// The file is no backup, or the database can't be made of it. Nothing was changed then.
pub fn restore(
    config: &Config,
    backup: &Path,
    now: Timestamp,
    progress: impl FnMut(u32, u32) -> bool,
) -> Result<Made, RecoverError> {
    let building = building_place(config)?;
    if let Err(error) = lay(backup, &building, progress) {
        remove_database(&building)?;
        let (path, why) = (backup.display().to_string(), error.to_string());
        return Err(RecoverError::NoBackup { path, why });
    }
    make_again(config, &building, BEFORE_RESTORE, now)
}

/// What stands behind the name of a database in whose place a backup was put.
pub const BEFORE_RESTORE: &str = ".before-restore-";

/// Where the new database is made, cleared of what an earlier process left there.
fn building_place(config: &Config) -> io::Result<PathBuf> {
    let building = beside(&config.database, ".rebuilding");
    if let Some(folder) = building.parent() {
        std::fs::create_dir_all(folder).map_err(|error| with_path(folder, error))?;
    }
    remove_database(&building)?;
    Ok(building)
}

/// Copies a backup to `to`, where it can be opened as a database of ours.
fn lay(backup: &Path, to: &Path, progress: impl FnMut(u32, u32) -> bool) -> Result<(), StoreError> {
    std::fs::metadata(backup)
        .map_err(|source| StoreError::Folder { path: backup.display().to_string(), source })?;
    store::copy::copy(backup, to, progress).map_err(|error| match error {
        store::copy::CopyError::Database { source, .. } => source,
        error => StoreError::Damaged(error.to_string()),
    })?;
    let connection = store::open_existing(to)?;
    if !store::recover::is_ours(&connection)? {
        return Err(StoreError::Damaged("it holds no outbox: it is no backup of extend-edge".into()));
    }
    drop(connection);
    store::open_copy(to).map(drop)
}

/// Folds in what is younger than what lies in `building`, and puts it in the database's place.
fn make_again(config: &Config, building: &Path, aside: &str, now: Timestamp) -> Result<Made, RecoverError> {
    let mut connection = store::open_copy(building)?;
    let made = rebuild::rebuild(&mut connection, config, now)?;
    // The last connection that closes brings everything into the one file.
    connection.close().map_err(|(_, error)| error)?;
    let wal = beside(building, "-wal");
    if wal.exists() {
        return Err(with_path(&wal, io::Error::other("it could not be brought into the database")).into());
    }
    std::fs::File::options()
        .write(true)
        .open(building)
        .and_then(|file| file.sync_all())
        .map_err(|error| with_path(building, error))?;
    let aside = move_aside(&config.database, aside, now)?;
    rename(building, &config.database).map_err(|error| with_path(&config.database, error))?;
    if let Some(folder) = config.database.parent() {
        sync_folder(folder);
    }
    Ok(Made { aside, ..made })
}

fn look(config: &Config) -> Result<Found, RecoverError> {
    let path = &config.database;
    match std::fs::symlink_metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A log without its database would be played into the new one.
            let is_left = ENDINGS.iter().any(|ending| beside(path, ending).exists());
            if is_left || was_at_work(config)? {
                return Ok(Found::Lost);
            }
            return Ok(Found::Whole(store::open(path)?));
        }
        Err(error) => return Err(with_path(path, error).into()),
    }
    let opened = store::open(path).and_then(|connection| {
        store::recover::examine(&connection)?;
        let knows_files = store::recover::knows_files(&connection)?;
        Ok((connection, knows_files))
    });
    match opened {
        Ok((connection, true)) => Ok(Found::Whole(connection)),
        Ok((connection, false)) if !originals::any(config)? => Ok(Found::Whole(connection)),
        Ok(_) => Ok(Found::Lost),
        Err(error) if error.is_damaged() => Ok(Found::Damaged(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Whether the exchange folder shows that an agent worked here before.
fn was_at_work(config: &Config) -> io::Result<bool> {
    Ok(originals::any(config)?
        || !file_names(&config.receipts())?.is_empty()
        || !backups::newest_first(config)?.is_empty()
        || last_sequence(config)? > 0)
}

/// A database's own files, by what stands behind its name.
/// In this order they are moved: a log that is left without its database is seen by the next start, a
/// database that is left without its log would look whole and lack the last commits.
const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];

/// Moves a database aside with its log, so that what was moved can still be opened as one. Gives its new
/// path; `None` where there was none.
fn move_aside(database: &Path, word: &str, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let mut aside = beside(database, &format!("{word}{stamp}"));
    for number in 2..1000 {
        if ENDINGS.iter().all(|ending| !beside(&aside, ending).exists()) {
            break;
        }
        aside = beside(database, &format!("{word}{stamp}-{number}"));
    }
    let was_there = database.exists();
    for ending in ENDINGS {
        let (from, to) = (beside(database, ending), beside(&aside, ending));
        match rename(&from, &to) {
            Ok(()) => log::error!("{} was moved to {}", from.display(), to.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(with_path(&from, error)),
        }
    }
    Ok(was_there.then_some(aside))
}

/// Databases that were moved aside and still lie there, by their names.
pub fn set_aside(database: &Path) -> Vec<String> {
    let prefix = format!("{}.corrupt-", database.file_name().unwrap_or_default().to_string_lossy());
    let Some(folder) = database.parent() else { return Vec::new() };
    let mut names = file_names(folder).unwrap_or_default();
    names.retain(|name| name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort_unstable();
    names
}

/// Notes the number of a file of changes that is about to be written.
///
/// # Errors
/// The system's.
pub fn note_sequence(database: &Path, sequence: i64) -> io::Result<()> {
    write_whole(&beside(database, ".sequence"), false, |out| writeln!(out, "{sequence}"))
}

/// The highest number that a file of changes ever had, as far as it can be told.
fn last_sequence(config: &Config) -> io::Result<i64> {
    let noted = std::fs::read_to_string(beside(&config.database, ".sequence")).unwrap_or_default();
    let mut last = noted.trim().parse().unwrap_or(0).max(0);
    for name in file_names(&config.outgoing_changes())? {
        last = last.max(sequence_of_change(&name).unwrap_or(0));
    }
    for name in file_names(&config.outgoing())?.iter().filter(|name| name.ends_with(".json")) {
        let head = originals::head(&config.outgoing().join(name)).unwrap_or_default();
        last = last.max(sequence_of_snapshot(&head).unwrap_or(0));
    }
    Ok(last)
}

/// The names of what lies in a folder; none where there is no folder. Names that are no text are no names
/// of ours.
fn file_names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(with_path(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| with_path(folder, error))?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn remove_database(path: &Path) -> io::Result<()> {
    ENDINGS.iter().try_for_each(|ending| remove(&beside(path, ending)))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(with_path(path, error)),
        _ => Ok(()),
    }
}
