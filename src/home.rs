//! The home directory: its settings file, its folders, and the locks that keep a second agent out.
//!
//! Nothing that is there is ever changed here: what is missing is made, and the report says which
//! was which.

#[cfg(any(windows, test))]
pub mod acl;
mod lock;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError, Language, SETTINGS_FILE};

pub use lock::{HomeLock, LockError, is_locked, lock_home};

/// The settings that [`init`] writes, in English: every key with its default.
pub const SETTINGS_ENGLISH: &str = include_str!("../sample-config/extend-edge.toml");
/// The settings that [`init`] writes, in Swedish.
pub const SETTINGS_SWEDISH: &str = include_str!("../sample-config/extend-edge.sv.toml");

/// What [`init`] did. Its `Display` is one line for each path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// What was made, in the order in which it was made.
    pub made: Vec<PathBuf>,
    /// What was there already and was left as it is.
    pub there: Vec<PathBuf>,
    /// The language of the report.
    pub language: Language,
}

impl fmt::Display for InitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (made, there) = self.language.pick(("made ", "there"), ("skapad", "fanns "));
        for path in &self.made {
            writeln!(f, "{made}  {}", path.display())?;
        }
        for path in &self.there {
            writeln!(f, "{there}  {}", path.display())?;
        }
        Ok(())
    }
}

/// Why a home could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A file or folder could not be made.
    #[error("{} cannot be made: {error}", .path.display())]
    NotMade {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// Settings were there, and they do not say where the folders belong until they are mended.
    #[error(transparent)]
    Settings(#[from] ConfigError),
}

/// Makes `home`, its settings with comments and its folders, where they are missing. Settings that
/// are there are kept, and say where the folders belong.
///
/// # Errors
/// When something cannot be made, or settings that are there have problems.
pub fn init(home: &Path, language: Language) -> Result<InitReport, InitError> {
    let home =
        std::path::absolute(home).map_err(|error| InitError::NotMade { path: home.to_owned(), error })?;
    let mut report = InitReport { made: Vec::new(), there: Vec::new(), language };
    make_folder(&home, &mut report)?;
    let settings = home.join(SETTINGS_FILE);
    let text = language.pick(SETTINGS_ENGLISH, SETTINGS_SWEDISH);
    let made = write_new(&settings, text.as_bytes())
        .map_err(|error| InitError::NotMade { path: settings.clone(), error })?;
    if made {
        report.made.push(settings)
    } else {
        report.there.push(settings)
    }
    make_folders_into(&Config::load(&home)?, &mut report)?;
    Ok(report)
}

/// Makes the folders of a home that are missing, as `run` does before it locks them.
///
/// # Errors
/// When a folder cannot be made.
pub fn make_folders(config: &Config) -> Result<InitReport, InitError> {
    let mut report = InitReport { made: Vec::new(), there: Vec::new(), language: config.exchange.language };
    make_folders_into(config, &mut report)?;
    Ok(report)
}

/// What root made in a folder belongs to whom the folder belongs: a service that runs under an account of its
/// own must be able to write the database that an administrator restored.
///
/// # Errors
/// The system's.
pub fn give_to_owner(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if nix::unistd::geteuid().is_root() {
        use std::os::unix::fs::{MetadataExt, lchown};
        let owner = fs::metadata(folder)?;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let found = entry.metadata()?;
            if found.uid() != owner.uid() {
                lchown(entry.path(), Some(owner.uid()), Some(owner.gid()))?;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The folders of a home, each after the one that it is in.
fn folders(config: &Config) -> Vec<PathBuf> {
    let mut folders = vec![config.data(), config.logs()];
    folders.extend(config.database.parent().map(Path::to_owned));
    folders.push(config.backup.folder.clone());
    folders.extend([
        config.exchange.folder.clone(),
        config.inbox(),
        config.inbox_atp(),
        config.accepted(),
        config.rejected(),
        config.receipts(),
        config.hooks(),
        config.outgoing(),
        config.outgoing_changes(),
        config.outgoing_orders(),
        config.outgoing_atp(),
    ]);
    folders
}

fn make_folders_into(config: &Config, report: &mut InitReport) -> Result<(), InitError> {
    for folder in folders(config) {
        if !report.made.contains(&folder) && !report.there.contains(&folder) {
            make_folder(&folder, report)?;
        }
    }
    close_if_made(&config.data(), report)
}

/// What lies in `data/` is customers' names and addresses. One that was there before has the rights that somebody
/// gave it.
fn close_if_made(data: &Path, report: &InitReport) -> Result<(), InitError> {
    #[cfg(unix)]
    if report.made.iter().any(|made| made == data) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(data, fs::Permissions::from_mode(0o750))
            .map_err(|error| InitError::NotMade { path: data.to_owned(), error })?;
    }
    #[cfg(not(unix))]
    let _ = (data, report);
    Ok(())
}

fn make_folder(folder: &Path, report: &mut InitReport) -> Result<(), InitError> {
    if folder.is_dir() {
        report.there.push(folder.to_owned());
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|error| InitError::NotMade { path: folder.to_owned(), error })?;
    report.made.push(folder.to_owned());
    Ok(())
}

/// Writes a file that appears whole or not at all, and only if none is there. Its owner alone may
/// read it, where the system knows owners: it is to hold a password.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let beside = beside(path);
    let written = write_private(&beside, bytes).and_then(|()| match fs::hard_link(&beside, path) {
        // A link never replaces what another `init` has put there in the meantime.
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // A file system without links: the look at the top must do.
        Err(_) => fs::rename(&beside, path).map(|()| true),
    });
    let removed = fs::remove_file(&beside);
    match (written, removed) {
        (Ok(made), Err(error)) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("{} is left over and can be deleted: {error}", beside.display());
            Ok(made)
        }
        (written, _) => written,
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // A disk that knows no owners closes nothing.
    #[cfg(windows)]
    if let Err(error) = acl::icacls(path, &acl::closed("")) {
        log::warn!("{} could not be closed to other accounts: {error}", path.display());
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name in the same folder that no other process uses and that the webshop leaves alone.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init_at(home: &Path) -> InitReport {
        init(home, Language::English).unwrap()
    }

    #[test]
    fn a_home_is_made_once_and_then_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("shop");
        let first = init_at(&home);
        assert!(first.there.is_empty(), "{first}");
        for folder in
            ["data/logs", "exchange/inbox/atp", "exchange/accepted", "exchange/rejected", "exchange/receipts"]
                .iter()
                .chain(&[
                    "exchange/hooks",
                    "exchange/outgoing/changes",
                    "exchange/outgoing/orders",
                    "exchange/outgoing/atp",
                ])
        {
            assert!(home.join(folder).is_dir(), "{folder}");
        }
        let left_over: Vec<_> =
            fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left_over.len(), 3, "{left_over:?}");

        let mine = SETTINGS_ENGLISH.replace("#keep_days = 90", "keep_days = 7");
        fs::write(home.join(SETTINGS_FILE), &mine).unwrap();
        let second = init_at(&home);
        assert!(second.made.is_empty(), "{second}");
        assert_eq!(second.there, first.made);
        assert_eq!(fs::read_to_string(home.join(SETTINGS_FILE)).unwrap(), mine);
    }

    #[test]
    fn folders_are_made_where_the_settings_put_them() {
        let dir = tempfile::tempdir().unwrap();
        let text = SETTINGS_SWEDISH.replace("#folder = \"exchange\"", "folder = \"../butik/utbyte\"");
        let home = dir.path().join("edge");
        fs::create_dir(&home).unwrap();
        fs::write(home.join(SETTINGS_FILE), text).unwrap();
        init(&home, Language::Swedish).unwrap();
        assert!(dir.path().join("butik/utbyte/inbox/atp").is_dir());
        assert!(!home.join("exchange").exists());
    }

    #[test]
    fn broken_settings_are_reported_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(SETTINGS_FILE), "[extend]\n").unwrap();
        let error = init(dir.path(), Language::English).unwrap_err();
        assert!(matches!(error, InitError::Settings(ConfigError::Problems(_))), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join(SETTINGS_FILE)).unwrap(), "[extend]\n");
    }

    #[test]
    fn what_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = init(&file.join("home"), Language::English).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn the_settings_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        init_at(dir.path());
        let mode = dir.path().join(SETTINGS_FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
