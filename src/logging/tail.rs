//! The last warnings of the log files, for those who look from outside.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::files::log_files;

/// So much of a file is looked through, from its end …
const BYTES: u64 = 256 * 1024;
/// … and so many files.
const FILES: usize = 3;

/// A message of the log that is no ordinary one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warned {
    /// When, UTC.
    pub at: String,
    /// `WARN` or `ERROR`.
    pub level: String,
    /// What was said, perhaps on several lines.
    pub message: String,
}

/// The last warnings and errors in `folder`, the newest first, `most` at the most.
///
/// # Errors
/// The folder can't be listed. A file that can't be read is passed over.
pub fn last_warnings(folder: &Path, most: usize) -> io::Result<Vec<Warned>> {
    let mut all = Vec::new();
    for name in log_files(folder)?.iter().rev().take(FILES) {
        let Ok(text) = end_of(&folder.join(name)) else { continue };
        all.extend(warnings_in(&text).into_iter().rev());
        if all.len() >= most {
            break;
        }
    }
    all.truncate(most);
    Ok(all)
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Oldest first.
fn warnings_in(text: &str) -> Vec<Warned> {
    let mut all: Vec<Warned> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        match (line.strip_prefix("    "), begins(line)) {
            (Some(more), _) if goes_on => {
                if let Some(last) = all.last_mut() {
                    last.message.push('\n');
                    last.message.push_str(more);
                }
            }
            (_, Some(warned)) => {
                goes_on = ["WARN", "ERROR"].contains(&warned.level.as_str());
                all.extend(Some(warned).filter(|_| goes_on));
            }
            _ => goes_on = false,
        }
    }
    all
}

/// `2026-11-21T22:16:00.000Z INFO  message`
fn begins(line: &str) -> Option<Warned> {
    let (at, rest) = line.split_at_checked(24)?;
    let (level, message) = rest.strip_prefix(' ')?.split_at_checked(5)?;
    at.ends_with('Z').then(|| Warned {
        at: at.to_owned(),
        level: level.trim_end().to_owned(),
        message: message.trim_start().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_warnings_the_newest_first_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let line = |time: &str, level: &str, words: &str| {
            format!("2026-11-21T22:{time}:00.000Z {level:<5} {words}\n")
        };
        let first = line("01", "WARN", "one")
            + &line("02", "INFO", "no\n    nor this")
            + &line("03", "ERROR", "two\n    more of it");
        std::fs::write(dir.path().join("extend-edge-2026-11-21-001.log"), first).unwrap();
        std::fs::write(dir.path().join("extend-edge-2026-11-21-002.log"), line("04", "WARN", "three"))
            .unwrap();
        let said = |most| -> Vec<String> {
            last_warnings(dir.path(), most).unwrap().into_iter().map(|one| one.message).collect()
        };
        assert_eq!(said(10), ["three", "two\nmore of it", "one"]);
        assert_eq!(said(2), ["three", "two\nmore of it"]);
        assert_eq!(last_warnings(dir.path(), 1).unwrap()[0].at, "2026-11-21T22:04:00.000Z");
        assert!(last_warnings(&dir.path().join("none"), 1).is_err());
    }
}
