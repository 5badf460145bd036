//! A made-up disk: the inbox, the folders that files are moved to, and a power loss that undoes what
//! was not made durable.
//!
//! It does what `exchange::take` does on a real one, step by step, so that the process can die between
//! any two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

use extend_edge::exchange::take::Taken;
use extend_edge::formats::{canonical, names};
use extend_edge::store::intake::ToMove;

/// A file that lies in the inbox.
#[derive(Debug, Clone)]
pub struct Lying {
    pub bytes: Rc<[u8]>,
    pub hash: String,
    /// Since when its bytes stand still, in milliseconds.
    pub since: i64,
    /// When the watcher of this process handed it over.
    pub handed_at: Option<i64>,
}

/// A folder and a name in it.
type Place = (String, String);

/// The disk.
#[derive(Default)]
pub struct Disk {
    pub inbox: BTreeMap<String, Lying>,
    pub stored: BTreeMap<Place, Rc<[u8]>>,
    /// Renames that a power loss may undo: from where in the inbox, to where.
    unsynced: Vec<(String, Place)>,
    /// Names whose moved bytes were not what was read, and lie in the inbox again.
    pub put_back: BTreeSet<String>,
}

impl Disk {
    pub fn drop_file(&mut self, name: &str, bytes: &[u8], now: i64) {
        let lying =
            Lying { bytes: bytes.into(), hash: canonical::bytes_hash(bytes), since: now, handed_at: None };
        self.inbox.insert(name.to_owned(), lying);
    }

    /// The renames of a job. They are durable after [`Disk::sync`].
    pub fn move_all(&mut self, files: &[ToMove], now: i64, fails: &mut dyn FnMut() -> bool) -> Vec<Taken> {
        files
            .iter()
            .map(|file| {
                let result = match fails() {
                    true => Err(io::Error::other("the disk says no")),
                    false => Ok(self.move_one(file, now)),
                };
                Taken { id: file.id, name: file.name.clone(), result }
            })
            .collect()
    }

    fn move_one(&mut self, file: &ToMove, now: i64) -> String {
        let expected = (file.folder.clone(), file.stored_name.clone());
        let there = self.stored.get(&expected).cloned();
        if let (Some(bytes), Some(hash)) = (&there, &file.content_hash)
            && canonical::bytes_hash(bytes) == *hash
        {
            return file.stored_name.clone();
        }
        let target = if there.is_some() { self.free_name(file) } else { expected };
        if let Some(lying) = self.inbox.remove(&file.name) {
            if file.content_hash.is_none() || file.content_hash.as_ref() == Some(&lying.hash) {
                self.stored.insert(target.clone(), lying.bytes);
                self.unsynced.push((file.name.clone(), target.clone()));
                return target.1;
            }
            // Other bytes than were read: they go back and the record is written instead.
            self.put_back.insert(file.name.clone());
            self.inbox.insert(file.name.clone(), Lying { since: now, handed_at: None, ..lying });
        }
        if let Some(content) = &file.content {
            self.stored.insert(target.clone(), content.as_slice().into());
        }
        target.1
    }

    fn free_name(&self, file: &ToMove) -> Place {
        (2..)
            .map(|number| (file.folder.clone(), names::numbered(&file.name, number)))
            .find(|place| !self.stored.contains_key(place))
            .expect("there are names enough")
    }

    /// Makes the renames durable.
    pub fn sync(&mut self) {
        self.unsynced.clear();
    }

    /// The power fails: of the renames that were not durable the last ones are undone.
    pub fn power_loss(&mut self, now: i64, rng: &mut fastrand::Rng) {
        let kept = rng.usize(..=self.unsynced.len());
        for (name, place) in self.unsynced.drain(..).skip(kept).rev() {
            if !self.inbox.contains_key(&name)
                && let Some(bytes) = self.stored.remove(&place)
            {
                let hash = canonical::bytes_hash(&bytes);
                self.inbox.insert(name, Lying { bytes, hash, since: now, handed_at: None });
            }
        }
        self.unsynced.clear();
    }
}
