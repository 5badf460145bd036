//! Which files another process holds open for writing, where the system can tell.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The files in `folders` that some process has open for writing.
///
/// On Linux, what /proc shows: all processes for root, else those of the same user. Elsewhere nothing
/// is known this way; on Windows a writer that shares nothing makes reading fail, which says the same.
#[cfg(target_os = "linux")]
pub fn open_for_writing<P: AsRef<Path>>(folders: &[P]) -> HashSet<PathBuf> {
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

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn open_for_writing<P: AsRef<Path>>(_folders: &[P]) -> HashSet<PathBuf> {
    HashSet::new()
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
