//! Finds files in the inbox and in inbox/atp/, sees when they are complete, and reads them.
//!
//! notify is a hint: every path is looked at again, and a rescan at the start and by the clock finds what
//! no hint told of. A file that was handed to the engine is not handed again unless its bytes change.

mod hints;
mod markers;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select, tick};
use file_id::FileId;

use self::hints::identity;
pub(crate) use self::hints::is_close_after_writing;
use super::held::{self, Held, is_held_by_another};
use super::read::{Files, Mirror, read_bounded};
use super::{QUESTIONS_PREFIX, stamp};
use crate::config::Config;
use crate::formats::canonical;
use crate::formats::contents::Contents;
use crate::formats::json::Completeness;
use crate::formats::problem::{Problem, Wrong};
use crate::formats::ubl::Wanted;
use crate::rules::arrival::{self, Arrival, Patience, Said, Sight};

/// A file that is to be taken over or set aside.
#[derive(Debug)]
pub struct Arrived {
    /// Its name in the inbox; that of a question begins with [`QUESTIONS_PREFIX`].
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of its bytes, where they were read.
    pub hash: Option<String>,
    /// Its size, time and identity.
    pub stamp: String,
    /// Its bytes, where they were read.
    pub content: Vec<u8>,
    /// What is in it, or what is wrong with it.
    pub parsed: Result<Contents, Vec<Problem>>,
}

/// What the watcher tells.
#[derive(Debug)]
pub enum Sighting {
    /// A file is to be taken over or set aside.
    Arrived(Box<Arrived>),
    /// Something lies in the inbox that is not taken, or not yet (`wrong` is `None`).
    Left {
        /// Its name.
        name: String,
        /// Size, time and identity.
        stamp: String,
        /// Why it is never taken.
        wrong: Option<Wrong>,
    },
    /// What was left there is gone or was taken.
    Gone {
        /// Its name.
        name: String,
    },
    /// All that lay in the inbox was looked at. `error`: the folder can't be read.
    Scanned {
        /// What the system said.
        error: Option<String>,
    },
}

/// What the watcher needs to know.
#[derive(Debug, Clone)]
pub struct Watching {
    /// The folder.
    pub inbox: PathBuf,
    /// How files are read.
    pub files: Files<Arc<Config>>,
    /// See [`Patience`].
    pub patience: Patience,
    /// What is after a document's name in that of the file that says that it is whole, where the settings want one.
    pub marker: Option<String>,
    /// How often everything is looked at.
    pub rescan: Duration,
    /// What was seen by an earlier process: name, stamp, and for how long it has stood still.
    pub known: Vec<(String, String, Duration)>,
}

/// The watcher's thread. Dropping it ends and joins it.
#[derive(Debug)]
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts to watch and to tell `sightings`.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start(
        watching: Watching,
        sightings: impl Fn(Sighting) -> bool + Send + 'static,
    ) -> std::io::Result<Watcher> {
        let (stop, stopped) = bounded(0);
        let thread = std::thread::Builder::new().name("watch".into()).spawn(move || {
            Inbox {
                watching,
                seen: HashMap::new(),
                watched: [None; 2],
                told_of_no_watch: false,
                mirror: Mirror::default(),
                tell: Box::new(sightings),
            }
            .run(&stopped);
        })?;
        Ok(Watcher { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Seen {
    stamp: String,
    since: Instant,
    look_at: Option<Instant>,
    handed_at: Option<Instant>,
    /// It was told that its marker, or what it is the marker of, does not come.
    told: bool,
}

impl Seen {
    fn now(stamp: String) -> Seen {
        Seen { stamp, since: Instant::now(), look_at: None, handed_at: None, told: false }
    }
}

struct Inbox {
    watching: Watching,
    seen: HashMap<String, Seen>,
    /// The folders that the watch is on.
    watched: [Option<FileId>; 2],
    told_of_no_watch: bool,
    /// Opened for the first file that needs it.
    mirror: Mirror,
    tell: Box<dyn Fn(Sighting) -> bool + Send>,
}

/// After trouble with the database a file that needs it is looked at again.
const AGAIN: Duration = Duration::from_secs(1);

/// Files that are looked at together: one look at who holds files open serves them all.
const TOGETHER: usize = 256;

/// No more of them are read before those that were are handed on: a hundred large files lie on the disk, not in
/// memory.
const BYTES_TOGETHER: usize = 32 * 1024 * 1024;

impl Inbox {
    fn run(mut self, stopped: &Receiver<()>) {
        let now = Instant::now();
        for (name, stamp, stood) in std::mem::take(&mut self.watching.known) {
            let since = now.checked_sub(stood).unwrap_or(now);
            self.seen.insert(name, Seen { since, ..Seen::now(stamp) });
        }
        let rescan = tick(self.watching.rescan);
        let (mut hints, mut watcher) = self.hints();
        if !self.scan() {
            return;
        }
        loop {
            let next = self.seen.values().filter_map(|seen| seen.look_at).min();
            let timer = next.map_or_else(never, crossbeam_channel::at);
            let mut names: Vec<String> = Vec::new();
            let mut whole = false;
            select! {
                recv(stopped) -> _ => return,
                recv(rescan) -> _ => whole = true,
                recv(timer) -> _ => {}
                recv(hints) -> hint => match hint {
                    Ok(hint) => whole |= !self.names_in(hint, &mut names),
                    Err(_) => (hints, watcher) = (never(), None),
                },
            }
            while let Ok(hint) = hints.try_recv() {
                whole |= !self.names_in(hint, &mut names);
            }
            if whole {
                // A folder that was deleted and came back has no watch on it any more.
                if watcher.is_none() || self.watched != self.folders().map(|folder| identity(&folder)) {
                    (hints, watcher) = self.hints();
                }
                if !self.scan() {
                    return;
                }
                continue;
            }
            let now = Instant::now();
            let due = self.seen.iter().filter(|(_, seen)| seen.look_at.is_some_and(|at| at <= now));
            names.extend(due.map(|(name, _)| name.clone()));
            self.add_marked(&mut names);
            names.sort_unstable();
            names.dedup();
            if !self.look_at_all(names) {
                return;
            }
        }
    }

    /// The inbox, and the questions in it.
    fn folders(&self) -> [PathBuf; 2] {
        [self.watching.inbox.clone(), self.watching.inbox.join(QUESTIONS_PREFIX.trim_end_matches('/'))]
    }

    /// Looks at everything. False: nobody listens any more.
    fn scan(&mut self) -> bool {
        let listed = std::fs::read_dir(&self.watching.inbox)
            .and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let entries = match listed {
            Ok(entries) => entries,
            Err(error) => {
                let error = super::with_path(&self.watching.inbox, error).to_string();
                return (self.tell)(Sighting::Scanned { error: Some(error) });
            }
        };
        let mut names: Vec<String> = Vec::with_capacity(entries.len());
        // What lies there under no name that could be looked at again: known by what it looks like.
        let mut others: Vec<(String, Wrong)> = Vec::new();
        let [_, questions] = self.folders();
        let questions = std::fs::read_dir(questions).into_iter().flatten().flatten();
        let questions = questions.map(|entry| (QUESTIONS_PREFIX, entry));
        for (prefix, entry) in entries.into_iter().map(|entry| ("", entry)).chain(questions) {
            match entry.file_name().into_string() {
                Ok(name) => names.push(format!("{prefix}{name}")),
                Err(name) => {
                    others.push((format!("{prefix}{}", name.to_string_lossy()), Wrong::NameNotText));
                }
            }
        }
        let gone: Vec<String> = {
            let there: HashSet<&String> = names.iter().chain(others.iter().map(|(name, _)| name)).collect();
            self.seen.keys().filter(|name| !there.contains(name)).cloned().collect()
        };
        for (name, wrong) in others {
            if !self.leave(name, String::new(), Some(wrong)) {
                return false;
            }
        }
        names.extend(gone);
        // A file that was handed over and still lies there is handed over again after a while: it may be
        // a new one that looks the same. The engine knows those that it only has not moved yet.
        for seen in self.seen.values_mut() {
            if seen.handed_at.is_some_and(|at| at.elapsed() >= self.watching.rescan) {
                seen.handed_at = None;
            }
        }
        // By name, so that a shop that numbers its files sees them go in that order.
        names.sort_unstable();
        self.look_at_all(names) && (self.tell)(Sighting::Scanned { error: None })
    }

    fn look_at_all(&mut self, names: Vec<String>) -> bool {
        let (mut read, mut bytes) = (Vec::new(), 0);
        for name in names {
            let heard = match self.look(&name) {
                Look::Nothing => true,
                Look::Leave(stamp, wrong) => self.leave(name, stamp, wrong),
                Look::Await(stamp, wrong) => (self.tell)(Sighting::Left { name, stamp, wrong }),
                Look::Gone => {
                    let was_told = self.seen.remove(&name).is_none_or(|seen| seen.handed_at.is_some());
                    was_told || (self.tell)(Sighting::Gone { name })
                }
                Look::Read(file) => {
                    bytes += file.bytes.len();
                    read.push((name, file));
                    true
                }
            };
            if !heard {
                return false;
            }
            if read.len() >= TOGETHER || bytes >= BYTES_TOGETHER {
                bytes = 0;
                if !self.weigh_all(std::mem::take(&mut read)) {
                    return false;
                }
            }
        }
        self.weigh_all(read)
    }

    fn weigh_all(&mut self, read: Vec<(String, Bytes)>) -> bool {
        if read.is_empty() {
            return true;
        }
        let held = Held::look(&self.folders());
        let real_inbox = self.watching.inbox.canonicalize().unwrap_or_else(|_| self.watching.inbox.clone());
        read.into_iter().all(|(name, file)| {
            let is_held = || held.has(&real_inbox.join(&name));
            self.weigh(&name, file, is_held)
        })
    }

    fn look(&mut self, name: &str) -> Look {
        if arrival::is_left_alone(name.strip_prefix(QUESTIONS_PREFIX).unwrap_or(name)) {
            return Look::Nothing;
        }
        let path = self.watching.inbox.join(name);
        let metadata = match std::fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Look::Gone,
            Err(_) => return Look::Nothing,
        };
        // The one folder that has a meaning.
        if metadata.is_dir() && name == "atp" {
            return Look::Nothing;
        }
        let stamp = stamp(&metadata);
        if !metadata.is_file() {
            return Look::Leave(stamp, Some(Wrong::NotAFile));
        }
        match self.seen.get_mut(name) {
            Some(seen) if seen.stamp == stamp && seen.handed_at.is_some() => return Look::Nothing,
            Some(seen) if seen.stamp == stamp => {}
            _ => {
                self.seen.insert(name.to_owned(), Seen::now(stamp.clone()));
            }
        }
        let said = match self.said(name, &metadata) {
            Ok(said) => said,
            Err(look) => return look,
        };
        let size = metadata.len();
        if size > self.watching.patience.max_bytes {
            let sight = Sight::TooLarge(size);
            return Look::Read(Bytes { said, sight, size, stamp, bytes: Vec::new() });
        }
        let format = match self.watching.files.format(name) {
            Ok(format) => format,
            Err(wrong) => {
                let sight = Sight::OtherFormat(wrong);
                return Look::Read(Bytes { said, sight, size, stamp, bytes: Vec::new() });
            }
        };
        match read_bounded(&path, self.watching.patience.max_bytes) {
            Ok(bytes) => {
                let sight = Sight::Read(format.completeness(&bytes));
                Look::Read(Bytes { said, sight, size: bytes.len() as u64, stamp, bytes })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Look::Gone,
            Err(error) => {
                let sight = match is_held_by_another(&error) {
                    true => Sight::Held,
                    false => Sight::Unreadable(error.to_string()),
                };
                Look::Read(Bytes { said, sight, size, stamp, bytes: Vec::new() })
            }
        }
    }

    /// Takes, waits or sets aside.
    fn weigh(&mut self, name: &str, file: Bytes, is_held: impl FnOnce() -> bool) -> bool {
        // What was read must be what still lies there.
        let path = self.watching.inbox.join(name);
        let unchanged = std::fs::symlink_metadata(&path).is_ok_and(|metadata| stamp(&metadata) == file.stamp);
        let Some(seen) = self.seen.get_mut(name) else { return true };
        let now = Instant::now();
        if !unchanged {
            seen.look_at = Some(now);
            return true;
        }
        let unchanged_for = now.saturating_duration_since(seen.since);
        let (arrival, held) =
            held::weigh(file.said, &file.sight, unchanged_for, is_held, &self.watching.patience);
        let parsed = match arrival {
            Arrival::Wait(pause) => {
                seen.look_at = Some(now + pause);
                let ready = matches!(
                    file.sight,
                    Sight::Read(Completeness::Complete | Completeness::LineEnded) | Sight::Held
                );
                // Whole and only held open for a moment: nothing that a person need hear of.
                if ready && unchanged_for < self.watching.patience.broken_after {
                    return true;
                }
                let wrong = (ready && held).then_some(Wrong::HeldOpen);
                return (self.tell)(Sighting::Left { name: name.to_owned(), stamp: file.stamp, wrong });
            }
            Arrival::Take | Arrival::SetAside(None) => {
                let look_up = |wanted: &Wanted| self.mirror.look_up(&self.watching.files.config, wanted);
                let files = &self.watching.files;
                let whole = match files.format(name) {
                    Ok(format) if file.said == Said::Whole => format.ended(&file.bytes),
                    _ => Cow::Borrowed(&file.bytes[..]),
                };
                match files.contents(name, &whole, look_up) {
                    Ok(parsed) => parsed,
                    Err(error) => {
                        log::error!("{name:?} waits, as the mirror can't be read: {error}");
                        seen.look_at = Some(now + AGAIN);
                        return true;
                    }
                }
            }
            Arrival::SetAside(Some(wrong)) => Err(vec![Problem::of_file(wrong)]),
        };
        seen.look_at = None;
        seen.handed_at = Some(now);
        let was_read = matches!(file.sight, Sight::Read(_));
        (self.tell)(Sighting::Arrived(Box::new(Arrived {
            name: name.to_owned(),
            size: file.size,
            hash: was_read.then(|| canonical::bytes_hash(&file.bytes)),
            stamp: file.stamp,
            content: file.bytes,
            parsed,
        })))
    }

    fn leave(&mut self, name: String, stamp: String, wrong: Option<Wrong>) -> bool {
        if self.seen.get(&name).is_some_and(|seen| seen.stamp == stamp && seen.look_at.is_none()) {
            return true;
        }
        self.seen.insert(name.clone(), Seen::now(stamp.clone()));
        (self.tell)(Sighting::Left { name, stamp, wrong })
    }
}

enum Look {
    Nothing,
    Gone,
    Leave(String, Option<Wrong>),
    /// The same of a file that is looked at again.
    Await(String, Option<Wrong>),
    Read(Bytes),
}

/// A file as it was read, and how it looked before.
struct Bytes {
    said: Said,
    sight: Sight,
    size: u64,
    stamp: String,
    bytes: Vec<u8>,
}
