//! One agent at a time for a home, and for an exchange folder.
//!
//! Each lock is the system's own lock on an empty file, so that it ends with the process, however
//! that ends. Who holds it is told in a file beside it: on Windows nobody else can read a file that
//! is locked. The lock files stay; only the notes beside them are removed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::config::{Config, Language};

/// How long a lock that is taken is asked for again: [`is_locked`] holds one for a moment, and a
/// service that was just stopped lets go of its own shortly.
const PATIENCE: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(20);

/// The locks on a home and its exchange folder, held until this is dropped.
#[derive(Debug)]
pub struct HomeLock {
    // Dropped after the notes are removed, see `drop`.
    locks: Vec<File>,
    notes: Vec<PathBuf>,
    /// What a person should know: a file system that cannot lock.
    pub warnings: Vec<String>,
}

impl Drop for HomeLock {
    fn drop(&mut self) {
        // Notes before locks: a note always belongs to whoever holds the lock beside it.
        for note in &self.notes {
            if let Err(error) = fs::remove_file(note) {
                log::debug!("{} could not be removed: {error}", note.display());
            }
        }
        self.locks.clear();
    }
}

/// Why the agent cannot have a home or an exchange folder for itself.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent has it.
    #[error("{}", held(.folder, .holder, *.language))]
    Held {
        /// The home or the exchange folder.
        folder: PathBuf,
        /// Who holds it, if that could be read.
        holder: Option<Holder>,
        /// The language to say it in.
        language: Language,
    },
    /// The lock file cannot be made, opened or locked.
    #[error("{}", not_lockable(.file, .error, *.language))]
    Io {
        /// The lock file.
        file: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
        /// The language to say it in.
        language: Language,
    },
}

/// An agent that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its home.
    pub home: PathBuf,
}

fn held(folder: &Path, holder: &Option<Holder>, language: Language) -> String {
    let folder = folder.display();
    match holder {
        Some(Holder { pid, home }) => {
            let home = home.display();
            language.pick(
                format!(
                    "another extend-edge (process {pid}, home {home}) is at work in {folder}; stop it first"
                ),
                format!(
                    "en annan extend-edge (process {pid}, hem {home}) arbetar i {folder}; stoppa den först"
                ),
            )
        }
        None => language.pick(
            format!("another extend-edge is at work in {folder}; stop it first"),
            format!("en annan extend-edge arbetar i {folder}; stoppa den först"),
        ),
    }
}

fn not_lockable(file: &Path, error: &io::Error, language: Language) -> String {
    let file = file.display();
    language.pick(format!("{file} cannot be locked: {error}"), format!("{file} kan inte låsas: {error}"))
}

/// Where a lock is, and where its holder's note is.
struct Place {
    folder: PathBuf,
    lock: PathBuf,
    note: PathBuf,
}

fn home_place(config: &Config) -> Place {
    let data = config.data();
    Place { folder: config.home.clone(), lock: data.join("agent.lock"), note: data.join("agent.pid") }
}

fn exchange_place(config: &Config) -> Place {
    let folder = config.exchange.folder.clone();
    Place { lock: folder.join(".extend-edge.lock"), note: folder.join(".extend-edge.pid"), folder }
}

/// Takes the home and the exchange folder for this process. Their folders must be there.
///
/// Where the file system knows no locks the agent works without, and a warning says so.
///
/// # Errors
/// [`LockError::Held`] when another agent has either, [`LockError::Io`] when a lock file cannot be
/// opened.
pub fn lock_home(config: &Config) -> Result<HomeLock, LockError> {
    let mut lock = HomeLock { locks: Vec::new(), notes: Vec::new(), warnings: Vec::new() };
    for place in [home_place(config), exchange_place(config)] {
        take(place, config, &mut lock)?;
    }
    Ok(lock)
}

fn take(place: Place, config: &Config, lock: &mut HomeLock) -> Result<(), LockError> {
    let language = config.exchange.language;
    let failed = |error| LockError::Io { file: place.lock.clone(), error, language };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&place.lock)
        .map_err(failed)?;
    match lock_patiently(&file) {
        Ok(()) => {
            lock.locks.push(file);
            // Without its note the lock still holds; only the message to a second agent is poorer.
            if let Err(error) = write_note(&place.note, &config.home) {
                log::debug!("{} could not be written: {error}", place.note.display());
            } else {
                lock.notes.push(place.note);
            }
            Ok(())
        }
        Err(TryLockError::WouldBlock) => {
            Err(LockError::Held { holder: read_note(&place.note), folder: place.folder, language })
        }
        Err(TryLockError::Error(error)) if knows_no_locks(&error) => {
            let folder = place.folder.display();
            lock.warnings.push(language.pick(
                format!("the file system of {folder} knows no locks ({error}): see to it that only one extend-edge works there"),
                format!("filsystemet för {folder} saknar lås ({error}): se till att bara en extend-edge arbetar där"),
            ));
            Ok(())
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn lock_patiently(file: &File) -> Result<(), TryLockError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}

fn knows_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    let codes = [libc::ENOLCK, libc::ENOSYS, libc::EOPNOTSUPP, libc::ENOTSUP, libc::EINVAL];
    // ERROR_INVALID_FUNCTION and ERROR_NOT_SUPPORTED.
    #[cfg(not(unix))]
    let codes = [1, 50];
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Whether an agent is at work in this home. The look itself holds a lock that others may share,
/// for a moment that a starting agent waits out.
///
/// Where it cannot be told (no right to open the lock file), an agent's note counts as an agent;
/// on a file system without locks the answer is always no.
pub fn is_locked(config: &Config) -> bool {
    let place = home_place(config);
    let file = match File::open(&place.lock) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
        Err(_) => return place.note.exists(),
    };
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => !knows_no_locks(&error) && place.note.exists(),
    }
}

/// The process id on the first line, the home on the second.
fn write_note(note: &Path, home: &Path) -> io::Result<()> {
    let beside = super::beside(note);
    fs::write(&beside, format!("{}\n{}\n", std::process::id(), home.display()))
        .and_then(|()| fs::rename(&beside, note))
        .inspect_err(|_| {
            let _ = fs::remove_file(&beside);
        })
}

fn read_note(note: &Path) -> Option<Holder> {
    let text = fs::read_to_string(note).ok()?;
    let (pid, home) = text.split_once('\n')?;
    Some(Holder { pid: pid.trim().parse().ok()?, home: PathBuf::from(home.trim_end()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::make_folders;

    fn config_at(home: &Path, more: &str) -> Config {
        let text = format!(
            "[extend]\nbase_url = \"http://localhost:1\"\nclient = \"c\"\nusername = \"u\"\npassword = \"p\"\n{more}"
        );
        let config = Config::parse(home, &text, None).unwrap();
        make_folders(&config).unwrap();
        config
    }

    #[test]
    fn one_agent_for_a_home() {
        let dir = tempfile::tempdir().unwrap();
        let config = config_at(dir.path(), "");
        assert!(!is_locked(&config));
        let lock = lock_home(&config).unwrap();
        assert!(is_locked(&config));
        assert!(lock.warnings.is_empty());
        let error = lock_home(&config).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
        drop(lock);
        assert!(!is_locked(&config));
        assert!(!config.data().join("agent.pid").exists());
        lock_home(&config).unwrap();
    }

    #[test]
    fn one_agent_for_an_exchange_folder() {
        let dir = tempfile::tempdir().unwrap();
        let shared = "[exchange]\nfolder = \"../common\"\nlanguage = \"sv\"\n";
        let one = config_at(&dir.path().join("one"), shared);
        let two = config_at(&dir.path().join("two"), shared);
        let lock = lock_home(&one).unwrap();
        let error = lock_home(&two).unwrap_err();
        assert!(
            matches!(&error, LockError::Held { folder, .. } if *folder == two.exchange.folder),
            "{error}"
        );
        let one_home = one.home.display().to_string();
        assert!(error.to_string().contains(&format!("hem {one_home}) arbetar i")), "{error}");
        // The failed attempt lets go of its own home, and touches nothing of the other's.
        assert!(!is_locked(&two));
        assert!(!two.data().join("agent.pid").exists());
        assert!(is_locked(&one));
        drop(lock);
        lock_home(&two).unwrap();
    }

    #[test]
    fn looking_does_not_disturb() {
        let dir = tempfile::tempdir().unwrap();
        let config = config_at(dir.path(), "");
        drop(lock_home(&config).unwrap());
        let looking = File::open(config.data().join("agent.lock")).unwrap();
        looking.try_lock_shared().unwrap();
        assert!(!is_locked(&config), "a look sees no other look");
        let agent = std::thread::scope(|scope| {
            let agent = scope.spawn(|| lock_home(&config));
            drop(looking);
            agent.join().unwrap()
        });
        agent.unwrap();
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let config = config_at(dir.path(), "");
        fs::remove_dir_all(&config.exchange.folder).unwrap();
        let error = lock_home(&config).unwrap_err();
        assert!(error.to_string().contains(".extend-edge.lock"), "{error}");
    }

    #[test]
    fn a_note_that_says_nothing_is_no_trouble() {
        let dir = tempfile::tempdir().unwrap();
        let config = config_at(dir.path(), "");
        let lock = lock_home(&config).unwrap();
        fs::write(config.data().join("agent.pid"), "?").unwrap();
        let error = lock_home(&config).unwrap_err().to_string();
        assert!(error.starts_with("another extend-edge is at work in"), "{error}");
        drop(lock);
    }
}
