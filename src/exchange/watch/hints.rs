//! What notify tells: a hint, and never more. Where it tells nothing, the rescan finds all.

use std::path::Path;

use crossbeam_channel::{Receiver, bounded, never};
use file_id::FileId;
use notify::{RecursiveMode, Watcher as _};

use super::Inbox;
use crate::exchange::QUESTIONS_PREFIX;

impl Inbox {
    /// A watch on the folders, where the system gives one.
    pub(super) fn hints(
        &mut self,
    ) -> (Receiver<notify::Result<notify::Event>>, Option<notify::RecommendedWatcher>) {
        let (sender, receiver) = bounded(4096);
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // A full channel loses nothing: the rescan looks at everything.
            let _ = sender.try_send(event);
        })
        .and_then(|mut watcher| {
            let [inbox, questions] = self.folders();
            watcher.watch(&inbox, RecursiveMode::NonRecursive)?;
            // Where it is gone, the rescan sees when it is back.
            let _ = watcher.watch(&questions, RecursiveMode::NonRecursive);
            Ok(watcher)
        });
        match made {
            Ok(watcher) => {
                self.told_of_no_watch = false;
                self.watched = self.folders().map(|folder| identity(&folder));
                (receiver, Some(watcher))
            }
            Err(error) => {
                if !std::mem::replace(&mut self.told_of_no_watch, true) {
                    let inbox = self.watching.inbox.display();
                    log::warn!("no watch on {inbox}: {error}; it is looked at by the clock");
                }
                (never(), None)
            }
        }
    }

    /// The names that a hint is about; false where only a rescan can tell.
    pub(super) fn names_in(&self, hint: notify::Result<notify::Event>, names: &mut Vec<String>) -> bool {
        let Ok(event) = hint else { return false };
        if event.need_rescan() {
            return false;
        }
        // Reading a file makes events too.
        if matches!(event.kind, notify::EventKind::Access(kind) if !is_close_after_writing(kind)) {
            return true;
        }
        let [inbox, questions] = self.folders();
        event.paths.iter().all(|path| {
            let (name, folder) = (path.file_name().and_then(|name| name.to_str()), path.parent());
            let name = match name {
                Some(name) if folder == Some(&inbox) => name.to_owned(),
                Some(name) if folder == Some(&questions) => format!("{QUESTIONS_PREFIX}{name}"),
                _ => return false,
            };
            // Windows may tell of a file by its short name (ORDER~1.JSO): only the listing has the name that it
            // is known by, and under another it would come twice.
            if cfg!(windows) && !self.seen.contains_key(&name) {
                return false;
            }
            names.push(name);
            true
        })
    }
}

pub(crate) fn is_close_after_writing(kind: notify::event::AccessKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    kind == AccessKind::Close(AccessMode::Write)
}

/// Which folder lies at a path; `None` where there is none or the system does not tell.
pub(super) fn identity(folder: &Path) -> Option<FileId> {
    folder.is_dir().then(|| file_id::get_file_id(folder).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_came_back_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let (inbox, aside) = (dir.path().join("inbox"), dir.path().join("aside"));
        std::fs::create_dir(&inbox).unwrap();
        let before = identity(&inbox);
        assert!(before.is_some());
        assert_eq!(identity(&inbox), before);
        std::fs::rename(&inbox, aside).unwrap();
        assert_eq!(identity(&inbox), None);
        std::fs::create_dir(&inbox).unwrap();
        assert!(identity(&inbox).is_some_and(|now| Some(now) != before));
    }
}
