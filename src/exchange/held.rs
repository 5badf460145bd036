//! Which files another process holds open, where the system can tell.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::rules::arrival::{self, Arrival, Patience, Said, Sight};

/// What some process had open for writing at a moment.
///
/// On Linux, what /proc shows: all processes for root, else those of the same user. Windows is asked for each file
/// when it matters, by opening it as one that nobody may write in. Elsewhere nothing is known.
#[derive(Debug, Default)]
pub struct Held {
    open: HashSet<PathBuf>,
}

impl Held {
    /// Looks who has files in `folders` open.
    pub fn look<P: AsRef<Path>>(folders: &[P]) -> Held {
        #[cfg(target_os = "linux")]
        let open = open_for_writing(folders);
        #[cfg(not(target_os = "linux"))]
        let open = {
            let _ = folders;
            HashSet::new()
        };
        Held { open }
    }

    /// Whether a file, by its real path, is open for writing in another process.
    pub fn has(&self, path: &Path) -> bool {
        self.open.contains(path) || is_written(path)
    }
}

/// What to do with a file, and whether another process holds it. That is asked only where it would be taken or set
/// aside otherwise.
pub fn weigh(
    said: Said,
    sight: &Sight,
    unchanged_for: Duration,
    is_held: impl FnOnce() -> bool,
    patience: &Patience,
) -> (Arrival, bool) {
    let decide = |held| arrival::decide_as_said(said, sight, unchanged_for, held, patience);
    match decide(false) {
        Arrival::Wait(pause) => (Arrival::Wait(pause), *sight == Sight::Held),
        free if !is_held() => (free, false),
        _ => (decide(true), true),
    }
}

/// Windows lets a file be opened as one that nobody may write in only where nobody does. It is closed again at
/// once: whoever wants to write in between is refused.
#[cfg(windows)]
fn is_written(path: &Path) -> bool {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    const FILE_SHARE_DELETE: u32 = 4;
    let opened =
        std::fs::OpenOptions::new().read(true).share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE).open(path);
    opened.is_err_and(|error| is_held_by_another(&error))
}

#[cfg(not(windows))]
fn is_written(_path: &Path) -> bool {
    false
}

/// Whether a file could not be opened, moved or removed only because another process has it open, as Windows has
/// it: it works once that lets go.
pub fn is_held_by_another(error: &io::Error) -> bool {
    // ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION.
    cfg!(windows) && matches!(error.raw_os_error(), Some(32 | 33))
}

/// The files in `folders` that some process has open for writing, by what /proc shows.
#[cfg(target_os = "linux")]
fn open_for_writing<P: AsRef<Path>>(folders: &[P]) -> HashSet<PathBuf> {
    let mut open = HashSet::new();
    let folders: Vec<PathBuf> =
        folders.iter().filter_map(|folder| folder.as_ref().canonicalize().ok()).collect();
    let own = std::process::id().to_string();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = process.file_name();
        let is_process =
            name.to_str().is_some_and(|pid| pid.bytes().all(|b| b.is_ascii_digit()) && pid != own);
        if !is_process {
            continue;
        }
        for descriptor in std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let Ok(target) = std::fs::read_link(descriptor.path()) else { continue };
            if !folders.iter().any(|folder| target.parent() == Some(folder)) {
                continue;
            }
            let info = process.path().join("fdinfo").join(descriptor.file_name());
            let flags = std::fs::read_to_string(info).unwrap_or_default();
            let mode = flags
                .lines()
                .find_map(|line| line.strip_prefix("flags:"))
                .and_then(|octal| i64::from_str_radix(octal.trim(), 8).ok());
            // O_WRONLY is 1 and O_RDWR is 2 in the two lowest bits.
            if mode.is_none_or(|mode| mode & 3 != 0) {
                open.insert(target);
            }
        }
    }
    open
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn our_own_handles_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let _held = std::fs::File::create(folder.path().join("a")).unwrap();
        assert!(open_for_writing(&[folder.path()]).is_empty());
    }

    #[test]
    fn another_process_that_writes_is_seen_and_one_that_reads_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (written, read) = (folder.path().join("w"), folder.path().join("r"));
        std::fs::write(&read, "x").unwrap();
        let script = format!("exec 5>'{}' 6<'{}'; echo ready; read line", written.display(), read.display());
        let mut child = std::process::Command::new("sh")
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
            .unwrap();
        let open = open_for_writing(&[folder.path()]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(open, HashSet::from([written.canonicalize().unwrap()]));
    }
}
