//! Webhooks as files in `exchange/hooks/`: NAME holds the body as it came, NAME.signature the value of the
//! header. A file is removed after the commit that recorded it. One that is wrong goes to `rejected/` like a
//! wrong order file, and never stops the others.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, never, select, tick};
use notify::{RecursiveMode, Watcher as _};

use super::Door;
use super::listener::Listener;
use crate::config::Config;
use crate::engine::Event;
use crate::exchange::held::{self, Held, is_held_by_another};
use crate::exchange::read::read_bounded;
use crate::exchange::watch::{Arrived, Sighting};
use crate::exchange::{HOOKS_PREFIX, stamp};
use crate::formats::hook::{self, Hook};
use crate::formats::problem::{Problem, Wrong};
use crate::formats::{canonical, json, names};
use crate::rules::arrival::{self, Arrival, Patience, Said, Sight};

/// What NAME.signature ends in.
const SIGNATURE: &str = ".signature";

/// Files that wait for one commit together.
const TOGETHER: usize = 128;

/// The folder's thread.
pub(super) struct Folder {
    config: Arc<Config>,
    door: Arc<Door>,
    path: PathBuf,
    patience: Patience,
    seen: HashMap<String, Seen>,
    told_of_trouble: bool,
}

/// A file that was looked at and left.
struct Seen {
    stamp: String,
    since: Instant,
    /// It was set aside, and waits to be moved.
    set_aside_at: Option<Instant>,
}

/// What a look at a file showed.
enum Look {
    /// Nothing is to be done, or not before this.
    Wait(Option<Instant>),
    Take(Hook),
    SetAside(Wanting),
}

/// A file that is not taken.
struct Wanting {
    bytes: Option<Vec<u8>>,
    size: u64,
    problem: Problem,
}

impl Folder {
    pub(super) fn new(config: Arc<Config>, door: Arc<Door>) -> Folder {
        let patience = Patience {
            settle: config.exchange.settle,
            broken_after: config.exchange.broken_after,
            max_bytes: config.exchange.max_file_bytes,
        };
        let path = config.hooks();
        Folder { config, door, path, patience, seen: HashMap::new(), told_of_trouble: false }
    }

    /// Takes what lies there, and looks after the listener, until it is stopped.
    pub(super) fn run(mut self, stopped: &Receiver<()>, mut listener: Listener) {
        let rescan = tick(self.config.exchange.rescan);
        let (mut hints, mut watcher) = self.hints();
        loop {
            listener.look_after();
            self.door.tell_the_rest();
            let next = self.scan();
            let timer = next.map_or_else(never, crossbeam_channel::at);
            select! {
                recv(stopped) -> _ => return,
                recv(timer) -> _ => {}
                recv(hints) -> hint => if hint.is_err() { hints = never() },
                recv(rescan) -> _ => {
                    // A folder that was away may be another one now.
                    if watcher.is_none() || !self.path.is_dir() {
                        (hints, watcher) = self.hints();
                    }
                }
            }
            while hints.try_recv().is_ok() {}
        }
    }

    /// A watch on the folder, where the system gives one.
    fn hints(&self) -> (Receiver<()>, Option<notify::RecommendedWatcher>) {
        let (sender, receiver) = bounded(1);
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reading makes events too, and must not wake us for ever.
            let read = matches!(&event, Ok(event) if matches!(event.kind, notify::EventKind::Access(kind)
                if !crate::exchange::watch::is_close_after_writing(kind)));
            if !read {
                let _ = sender.try_send(());
            }
        })
        .and_then(|mut watcher| {
            watcher.watch(&self.path, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match made {
            Ok(watcher) => (receiver, Some(watcher)),
            Err(_) => (never(), None),
        }
    }

    /// Looks at everything, and says when to look again.
    fn scan(&mut self) -> Option<Instant> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) => {
                if !std::mem::replace(&mut self.told_of_trouble, true) {
                    log::error!("{}: {error}; webhooks in it are not taken", self.path.display());
                }
                return None;
            }
        };
        self.told_of_trouble = false;
        let all: HashSet<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        self.seen.retain(|name, _| all.contains(name));
        let mut names: Vec<&String> = all.iter().filter(|name| !arrival::is_left_alone(name)).collect();
        names.sort_unstable();
        let (signatures, names): (Vec<&String>, Vec<&String>) =
            names.into_iter().partition(|name| name.ends_with(SIGNATURE));
        let held = if names.is_empty() { Held::default() } else { Held::look(&[&self.path]) };
        let real = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let mut next: Option<Instant> = None;
        let mut later = |at: Instant| next = Some(next.map_or(at, |known: Instant| known.min(at)));
        for some in names.chunks(TOGETHER) {
            let mut waiting = Vec::new();
            for name in some {
                match self.look(name, || held.has(&real.join(name))) {
                    Look::Wait(at) => at.into_iter().for_each(&mut later),
                    Look::SetAside(wanting) => self.set_aside(name, wanting),
                    Look::Take(hook) => match self.door.hand_over(hook) {
                        Some(recorded) => waiting.push((*name, recorded)),
                        None => later(Instant::now() + Duration::from_secs(1)),
                    },
                }
            }
            let deadline = Instant::now() + super::PATIENCE;
            for (name, recorded) in waiting {
                if recorded.recv_deadline(deadline).is_ok() {
                    self.remove(name);
                } else {
                    // Its id tells, should it have been recorded all the same.
                    later(Instant::now() + Duration::from_secs(1));
                }
            }
        }
        for name in signatures {
            let body = name.strip_suffix(SIGNATURE).unwrap_or(name);
            if !all.contains(body) {
                self.drop_signature(name).into_iter().for_each(&mut later);
            }
        }
        next
    }

    /// When a file was first seen as it is now.
    fn since(&mut self, name: &str, stamp: &str) -> &mut Seen {
        let now = Instant::now();
        let fresh = || Seen { stamp: stamp.to_owned(), since: now, set_aside_at: None };
        let seen = self.seen.entry(name.to_owned()).or_insert_with(fresh);
        if seen.stamp != stamp {
            *seen = fresh();
        }
        seen
    }

    fn look(&mut self, name: &str, is_held: impl FnOnce() -> bool) -> Look {
        let path = self.path.join(name);
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { return Look::Wait(None) };
        // What is no ordinary file is never read and stays.
        if !metadata.is_file() {
            return Look::Wait(None);
        }
        let (size, max, again) = (metadata.len(), self.patience.max_bytes, self.config.exchange.rescan);
        let seen = self.since(name, &stamp(&metadata));
        if let Some(at) = seen.set_aside_at {
            if at.elapsed() < again {
                return Look::Wait(Some(at + again));
            }
            seen.set_aside_at = None;
        }
        let stood = seen.since.elapsed();
        let (sight, bytes) = if size > max {
            (Sight::TooLarge(size), None)
        } else {
            match read_bounded(&path, max) {
                Ok(bytes) => (Sight::Read(json::completeness(&bytes)), Some(bytes)),
                Err(error) if is_held_by_another(&error) => (Sight::Held, None),
                Err(error) => (Sight::Unreadable(error.to_string()), None),
            }
        };
        let wanting = |bytes, problem| Look::SetAside(Wanting { bytes, size, problem });
        match held::weigh(Said::Nothing, &sight, stood, is_held, &self.patience).0 {
            Arrival::Wait(pause) => Look::Wait(Some(Instant::now() + pause)),
            Arrival::SetAside(Some(wrong)) => wanting(bytes, Problem::of_file(wrong)),
            Arrival::SetAside(None) => {
                let body = bytes.as_deref().unwrap_or_default();
                let problem = hook::parse(body).err().unwrap_or(Problem::of_file(Wrong::CutOff));
                wanting(bytes, problem)
            }
            Arrival::Take => {
                let bytes = bytes.unwrap_or_default();
                match self.open(name, &bytes, stood) {
                    Ok(hook) => Look::Take(hook),
                    Err(Ok(pause)) => Look::Wait(Some(Instant::now() + pause)),
                    Err(Err(problem)) => wanting(Some(bytes), problem),
                }
            }
        }
    }

    /// The webhook in a file that is whole; else how long to wait for its signature, or what is wrong.
    fn open(&self, name: &str, body: &[u8], stood: Duration) -> Result<Hook, Result<Duration, Problem>> {
        let signature = self.signature_of(name);
        let allowed = self.config.webhooks.allow_unsigned_files;
        let (wrong, patience) = match self.door.check(body, signature.as_deref()) {
            Ok(()) => return hook::parse(body).map_err(Err),
            Err(Wrong::Unsigned | Wrong::NoSecret) if allowed => return hook::parse(body).map_err(Err),
            Err(Wrong::Unsigned) => (Wrong::Unsigned, self.patience.broken_after),
            // The signature may be written, or written anew, after the body.
            Err(wrong) if signature.as_deref().and_then(hook::signature_digest).is_none() => {
                (wrong, self.patience.broken_after)
            }
            Err(wrong) => (wrong, self.patience.settle),
        };
        match patience.checked_sub(stood).filter(|left| !left.is_zero()) {
            Some(left) => Err(Ok(left)),
            None => Err(Err(Problem::of_file(wrong))),
        }
    }

    fn signature_of(&self, name: &str) -> Option<String> {
        let path = self.path.join(format!("{name}{SIGNATURE}"));
        String::from_utf8(read_bounded(&path, 1024).ok()?).ok()
    }

    /// Tells the engine, which records it and has it moved to `rejected/`. The signature goes there too.
    fn set_aside(&mut self, name: &str, wanting: Wanting) {
        let Some(seen) = self.seen.get_mut(name) else { return };
        seen.set_aside_at = Some(Instant::now());
        let arrived = Arrived {
            name: format!("{HOOKS_PREFIX}{name}"),
            size: wanting.size,
            hash: wanting.bytes.as_deref().map(canonical::bytes_hash),
            stamp: seen.stamp.clone(),
            content: wanting.bytes.unwrap_or_default(),
            parsed: Err(vec![wanting.problem]),
        };
        if self.door.inbox.send(Event::Seen(Sighting::Arrived(Box::new(arrived)))).is_ok() {
            let signature = format!("{name}{SIGNATURE}");
            let there = self.path.join(&signature);
            if there.exists()
                && let Some(free) = free_in(&self.config.rejected(), &signature)
            {
                let _ = std::fs::rename(there, free);
            }
        }
    }

    /// It is recorded. One that was written anew meanwhile is another one.
    fn remove(&mut self, name: &str) {
        let path = self.path.join(name);
        let seen = self.seen.remove(name);
        let same = std::fs::symlink_metadata(&path)
            .is_ok_and(|metadata| seen.is_some_and(|seen| seen.stamp == stamp(&metadata)));
        if same {
            if let Err(error) = std::fs::remove_file(&path) {
                log::warn!("{}: {error}; it was taken and can't be removed", path.display());
                return;
            }
            let _ = std::fs::remove_file(self.path.join(format!("{name}{SIGNATURE}")));
        }
    }

    /// A signature whose body was taken, or never came.
    fn drop_signature(&mut self, name: &str) -> Option<Instant> {
        let path = self.path.join(name);
        let metadata = std::fs::symlink_metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        let patience = self.patience.broken_after;
        let since = self.since(name, &stamp(&metadata)).since;
        if since.elapsed() < patience {
            return Some(since + patience);
        }
        log::warn!("{}: there is no webhook to this signature; it is removed", path.display());
        let _ = std::fs::remove_file(&path);
        None
    }
}

/// The first path for `name` in `folder` that is free.
fn free_in(folder: &Path, name: &str) -> Option<PathBuf> {
    (1..10_000).map(|number| folder.join(names::numbered(name, number))).find(|path| !path.exists())
}
