//! The folders that the webshop sees: [`watch`] finds what was dropped, [`take`] moves it where it
//! belongs, [`put`] writes what the webshop reads, [`answer`] answers its questions.
//!
//! These workers carry bytes. What becomes of a file is decided in [`crate::rules`] and recorded by the
//! engine before anything is moved. [`put`] reads through a connection of its own that can't write:
//! snapshots of large mirrors would otherwise hold up the engine.

use std::io::{self, BufRead, Write};
use std::path::Path;

pub mod answer;
pub mod held;
pub mod put;
pub mod read;
pub mod take;
pub mod watch;

/// What stands before the name of a file that lies in hooks/ and not in the inbox. No name of the inbox holds
/// a slash.
pub const HOOKS_PREFIX: &str = "hooks/";

/// What stands before the name of a file that lies in inbox/atp/: a question, which is answered and never sent
/// as an order.
pub const QUESTIONS_PREFIX: &str = "atp/";

/// Writes a file so that it appears whole: beside its place, then renamed. `durable` waits for the disk.
/// Otherwise a file that is the same already stays as it is, with its time, so that nobody fetches it again.
///
/// # Errors
/// The system's, with the path in the message.
pub fn write_whole(
    path: &Path,
    durable: bool,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The name is cut so that a name of 255 bytes still has a neighbour, and begins with a dot so that
    // a webshop that lists the folder passes it by.
    let short: String = name.chars().take(40).collect();
    let beside = path.with_file_name(format!(".{short}.{:08x}.tmp", fastrand::u32(..)));
    let written = (|| {
        let file = std::fs::File::create(&beside)?;
        let mut buffered = io::BufWriter::with_capacity(64 * 1024, file);
        fill(&mut buffered)?;
        let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
        if durable {
            file.sync_data()?;
        }
        let size = file.metadata()?.len();
        drop(file);
        if !durable && is_same(&beside, path, size)? {
            return std::fs::remove_file(&beside);
        }
        rename(&beside, path)
    })();
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        with_path(path, error)
    })
}

/// Renames a file. On Windows a virus scanner or a reader that holds it, or what it replaces, is waited for a moment.
///
/// # Errors
/// The system's.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    /// The pauses, in milliseconds.
    const PAUSES: [u64; 5] = [5, 20, 50, 100, 200];
    for pause in PAUSES {
        match std::fs::rename(from, to) {
            // What is open can't be replaced: access is denied then.
            Err(error)
                if held::is_held_by_another(&error)
                    || cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied =>
            {
                std::thread::sleep(std::time::Duration::from_millis(pause));
            }
            done => return done,
        }
    }
    std::fs::rename(from, to)
}

/// Whether there is a file at `path` with what `fresh` holds, which is `size` bytes long.
fn is_same(fresh: &Path, path: &Path, size: u64) -> io::Result<bool> {
    // A link or folder in its place is replaced, or fails, as it always was.
    if !path.symlink_metadata().is_ok_and(|there| there.is_file() && there.len() == size) {
        return Ok(false);
    }
    let open = |path| std::fs::File::open(path).map(|file| io::BufReader::with_capacity(64 * 1024, file));
    let (Ok(mut fresh), Ok(mut there)) = (open(fresh), open(path)) else { return Ok(false) };
    loop {
        let (one, other) = (fresh.fill_buf()?, there.fill_buf()?);
        let length = one.len().min(other.len());
        if one[..length] != other[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(one.is_empty() && other.is_empty());
        }
        fresh.consume(length);
        there.consume(length);
    }
}

/// Makes renames in `folder` survive a loss of power, where the system can.
pub fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// The error with its path in front.
pub fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What changes when a file is written or replaced.
pub fn stamp(metadata: &std::fs::Metadata) -> String {
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt;
        metadata.ino()
    };
    #[cfg(not(unix))]
    let identity = metadata
        .created()
        .ok()
        .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |s| s.as_nanos());
    format!("{}-{modified}-{identity}", metadata.len())
}
