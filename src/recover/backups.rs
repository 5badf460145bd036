//! The agent's own backups: what they are called, how one is made, which are kept.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::file_names;
use crate::config::Config;
use crate::store::copy::{CopyError, copy};

const START: &str = "extend-edge-";
const END: &str = ".db";

/// `extend-edge-2026-11-21T221600Z.db`: in the order of their names they are in the order of their times.
pub fn name(now: Timestamp) -> String {
    format!("{START}{}{END}", now.strftime("%Y-%m-%dT%H%M%SZ"))
}

fn is_one(name: &str) -> bool {
    let time = name.strip_prefix(START).and_then(|rest| rest.strip_suffix(END));
    time.is_some_and(|time| jiff::civil::DateTime::strptime("%Y-%m-%dT%H%M%SZ", time).is_ok())
}

/// The backups in the folder of the settings, newest first.
///
/// # Errors
/// The folder can't be read.
pub fn newest_first(config: &Config) -> io::Result<Vec<PathBuf>> {
    let mut names = file_names(&config.backup.folder)?;
    names.retain(|name| is_one(name));
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names.into_iter().map(|name| config.backup.folder.join(name)).collect())
}

/// Makes a backup and lets go of the oldest beyond those that are kept, and of what an interrupted one left.
/// `go_on` is asked again and again.
///
/// # Errors
/// There is no new one then, and none was let go of.
pub fn make(config: &Config, now: Timestamp, go_on: impl Fn() -> bool) -> Result<PathBuf, CopyError> {
    let folder = &config.backup.folder;
    std::fs::create_dir_all(folder)
        .map_err(|source| CopyError::Io { path: folder.display().to_string(), source })?;
    let left = file_names(folder).unwrap_or_default();
    for name in left.iter().filter(|name| name.starts_with(".extend-edge-") && name.ends_with(".tmp")) {
        let _ = std::fs::remove_file(folder.join(name));
    }
    let path = folder.join(name(now));
    copy(&config.database, &path, |_, _| go_on())?;
    for surplus in newest_first(config).unwrap_or_default().iter().skip(config.backup.keep) {
        if let Err(error) = std::fs::remove_file(surplus) {
            log::warn!("{} could not be removed: {error}", surplus.display());
        }
    }
    Ok(path)
}

/// Lays the newest backup that is whole at `to`, and gives its path; `None` where there is none.
///
/// # Errors
/// `to` can't be written.
pub fn lay_newest(config: &Config, to: &Path) -> io::Result<Option<PathBuf>> {
    let backups = newest_first(config).unwrap_or_else(|error| {
        log::error!("the backups can't be read: {error}");
        Vec::new()
    });
    for backup in backups {
        match super::lay(&backup, to, |_, _| true) {
            Ok(()) => return Ok(Some(backup)),
            Err(error) => log::error!("the backup {} is of no use: {error}", backup.display()),
        }
        super::remove_database(to)?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_told_by_its_name() {
        let at = "2026-11-21T22:16:00.123Z".parse().unwrap();
        assert_eq!(name(at), "extend-edge-2026-11-21T221600Z.db");
        assert!(is_one(&name(at)));
        for other in ["extend-edge.db", "extend-edge-before-the-move.db", "extend-edge-2026-11-21.db", "x.db"]
        {
            assert!(!is_one(other), "{other}");
        }
    }

    #[test]
    fn so_many_are_kept_and_what_is_not_ours_stays() {
        let home = tempfile::tempdir().unwrap();
        let text = "[extend]\nbase_url = \"http://localhost:1\"\nclient = \"c\"\nusername = \"u\"\n\
                    password = \"p\"\n[backup]\nkeep = 2\n";
        let config = Config::parse(home.path(), text, None).unwrap();
        drop(crate::store::open(&config.database).unwrap());
        std::fs::create_dir_all(&config.backup.folder).unwrap();
        for name in ["mine.db", ".extend-edge-2026-11-20T221600Z.db.0000abcd.tmp"] {
            std::fs::write(config.backup.folder.join(name), "x").unwrap();
        }
        for day in 21..25 {
            make(&config, format!("2026-11-{day}T22:16:00Z").parse().unwrap(), || true).unwrap();
        }
        let mut names = file_names(&config.backup.folder).unwrap();
        names.sort_unstable();
        let kept = ["extend-edge-2026-11-23T221600Z.db", "extend-edge-2026-11-24T221600Z.db", "mine.db"];
        assert_eq!(names, kept);
        // The newest is torn: the one before it serves.
        std::fs::write(config.backup.folder.join(kept[1]), "torn").unwrap();
        let laid = lay_newest(&config, &home.path().join("laid.db")).unwrap();
        assert_eq!(laid, Some(config.backup.folder.join(kept[0])));
    }
}
