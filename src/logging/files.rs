//! The log files: `extend-edge-2026-11-21-001.log`, a new one each day (UTC) and whenever one is
//! full, the oldest removed.
//!
//! These are written here and not by flexi_logger because its rotation ends the process when the
//! folder cannot be listed at that moment, and turns with the local day. A file has its name from
//! the start, so that nothing is renamed while somebody reads it, which Windows would not allow.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flexi_logger::DeferredNow;
use flexi_logger::writers::LogWriter;
use log::Record;

/// A full file, in bytes.
const FULL: u64 = 5 * 1024 * 1024;
/// How a day is written in a file's name.
pub(super) const DAY: &str = "%Y-%m-%d";

const START: &str = "extend-edge-";
const END: &str = ".log";

/// Writes to the current file and changes it when its day is over, it is full or it is gone.
pub(super) struct LogFiles {
    folder: PathBuf,
    keep: usize,
    full: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    /// It was said that the log cannot be written, and has not been written since.
    failing: bool,
}

struct Current {
    file: File,
    path: PathBuf,
    day: String,
    bytes: u64,
}

impl LogFiles {
    /// Keeps at the most `keep` files in `folder`, and always the current one. Touches nothing yet.
    pub fn new(folder: PathBuf, keep: usize) -> Self {
        LogFiles { folder, keep, full: FULL, state: Mutex::default() }
    }

    /// Opens the file of this day, to see whether that can be done.
    pub fn try_out(&self, day: &str) -> io::Result<()> {
        let mut state = self.state();
        let current = self.open(day)?;
        state.current = Some(current);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic elsewhere left behind is still a file to write to.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, day: &str, line: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let outcome = self.append_to(&mut state.current, day, line);
        match &outcome {
            Ok(()) => state.failing = false,
            Err(error) if !state.failing => {
                state.failing = true;
                // Where stderr is gone too there is nobody left to tell.
                let folder = self.folder.display();
                let _ = writeln!(io::stderr(), "the log cannot be written to {folder}: {error}");
            }
            Err(_) => {}
        }
        outcome
    }

    fn append_to(&self, current: &mut Option<Current>, day: &str, line: &[u8]) -> io::Result<()> {
        let change = match current {
            // A file that was deleted takes lines and shows them to nobody.
            Some(current) => current.day != day || current.bytes >= self.full || !current.path.exists(),
            None => true,
        };
        if change {
            match self.open(day) {
                Ok(opened) => *current = Some(opened),
                // Better in yesterday's file than nowhere.
                Err(_) if current.as_ref().is_some_and(|current| current.path.exists()) => {}
                Err(error) => {
                    *current = None;
                    return Err(error);
                }
            }
        }
        let Some(current) = current else { return Ok(()) };
        current.file.write_all(line)?;
        current.bytes += line.len() as u64;
        Ok(())
    }

    /// Opens the last file of the day, or the next one where that is full, and removes the oldest.
    fn open(&self, day: &str) -> io::Result<Current> {
        fs::create_dir_all(&self.folder)?;
        let start = format!("{START}{day}-");
        let of_day = log_files(&self.folder)?;
        let last = of_day.iter().rev().find_map(|name| number(name.strip_prefix(&start)?));
        let mut number = last.unwrap_or(1);
        loop {
            let path = self.folder.join(format!("{start}{number:03}{END}"));
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            let bytes = file.metadata()?.len();
            if bytes < self.full {
                self.remove_oldest();
                return Ok(Current { file, path, day: day.to_owned(), bytes });
            }
            number += 1;
        }
    }

    /// What cannot be removed now is removed next time.
    fn remove_oldest(&self) {
        let names = log_files(&self.folder).unwrap_or_default();
        let surplus = names.len().saturating_sub(self.keep.max(1));
        for name in &names[..surplus] {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }
}

impl LogWriter for LogFiles {
    fn write(&self, now: &mut DeferredNow, record: &Record) -> io::Result<()> {
        let mut line = Vec::with_capacity(200);
        super::line(&mut line, now, record)?;
        line.push(b'\n');
        self.append(&now.now_utc_owned().format(DAY).to_string(), &line)
    }

    fn flush(&self) -> io::Result<()> {
        // Nothing is held back.
        Ok(())
    }
}

/// The names of the log files in `folder`, oldest first; nothing else that is there.
pub(super) fn log_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        // `2026-11-21-001.log`: years have four digits for as long as this program is used.
        let rest = name.strip_prefix(START).and_then(|rest| rest.get(10..)?.strip_prefix('-'));
        if rest.and_then(number).is_some() {
            names.push(name);
        }
    }
    names.sort_by_cached_key(|name| {
        let (day, rest) = name.split_at(START.len() + 10);
        (day.to_owned(), number(&rest[1..]))
    });
    Ok(names)
}

fn number(rest: &str) -> Option<u32> {
    rest.strip_suffix(END)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<(String, String)> {
        let names = log_files(folder).unwrap();
        names
            .into_iter()
            .map(|name| {
                let text = fs::read_to_string(folder.join(&name)).unwrap();
                (name[START.len()..].to_owned(), text)
            })
            .collect()
    }

    fn small(folder: &Path, keep: usize) -> LogFiles {
        LogFiles { full: 10, ..LogFiles::new(folder.to_owned(), keep) }
    }

    #[track_caller]
    fn check(folder: &Path, expected: &[(&str, &str)]) {
        let found = files(folder);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, text)| (&**name, &**text)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_new_file_each_day_and_when_one_is_full() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs");
        let log = small(&folder, 3);
        log.append("2026-11-21", b"one\n").unwrap();
        log.append("2026-11-21", b"two, full\n").unwrap();
        log.append("2026-11-21", b"three\n").unwrap();
        check(&folder, &[("2026-11-21-001.log", "one\ntwo, full\n"), ("2026-11-21-002.log", "three\n")]);
        log.append("2026-11-22", b"four\n").unwrap();
        drop(log);
        // A new start goes on in the file that was there.
        let log = small(&folder, 3);
        log.append("2026-11-22", b"five\n").unwrap();
        log.append("2026-11-22", b"six\n").unwrap();
        let kept = [
            ("2026-11-21-002.log", "three\n"),
            ("2026-11-22-001.log", "four\nfive\n"),
            ("2026-11-22-002.log", "six\n"),
        ];
        check(&folder, &kept);
    }

    #[test]
    fn what_is_not_ours_stays() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "extend-edge-notes.log",
            "other.log",
            "extend-edge-2026-11-21-001.log.gz",
            "extend-edge-åååååååååå",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let log = small(dir.path(), 1);
        log.append("2026-11-21", b"first and full\n").unwrap();
        log.append("2026-11-21", b"next\n").unwrap();
        check(dir.path(), &[("2026-11-21-002.log", "next\n")]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
    }

    #[test]
    fn files_sort_by_number_beyond_three_digits() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("extend-edge-2026-11-21-999.log"), "full and more\n").unwrap();
        let log = small(dir.path(), 2);
        log.append("2026-11-21", b"1000, full\n").unwrap();
        log.append("2026-11-21", b"1001\n").unwrap();
        check(dir.path(), &[("2026-11-21-1000.log", "1000, full\n"), ("2026-11-21-1001.log", "1001\n")]);
    }

    /// A folder that goes away comes back with the next line; one that cannot come back costs lines
    /// and nothing else.
    #[cfg(unix)]
    #[test]
    fn a_folder_that_goes_away_stops_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs");
        let log = small(&folder, 3);
        log.append("2026-11-21", b"lost\n").unwrap();
        fs::remove_dir_all(&folder).unwrap();
        log.append("2026-11-21", b"found\n").unwrap();
        check(&folder, &[("2026-11-21-001.log", "found\n")]);
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "in the way").unwrap();
        log.append("2026-11-22", b"nowhere\n").unwrap_err();
        log.append("2026-11-22", b"nowhere\n").unwrap_err();
        fs::remove_file(&folder).unwrap();
        log.append("2026-11-22", b"again\n").unwrap();
        check(&folder, &[("2026-11-22-001.log", "again\n")]);
    }

    #[test]
    fn a_day_that_cannot_begin_goes_on_in_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let log = small(dir.path(), 3);
        log.append("2026-11-21", b"one\n").unwrap();
        fs::create_dir(dir.path().join("extend-edge-2026-11-22-001.log")).unwrap();
        log.append("2026-11-22", b"two\n").unwrap();
        assert_eq!(
            fs::read_to_string(dir.path().join("extend-edge-2026-11-21-001.log")).unwrap(),
            "one\ntwo\n"
        );
    }
}
