//! Moves what was recorded out of the inbox, and sees that what it moved is what was read.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::{sync_folder, with_path, write_whole};
use crate::formats::{canonical, names};
use crate::store::intake::ToMove;

/// What became of a file that was to be moved.
#[derive(Debug)]
pub struct Taken {
    /// Its id.
    pub id: i64,
    /// Its name in the inbox.
    pub name: String,
    /// The name under which it lies in its folder now.
    pub result: io::Result<String>,
}

/// Moves `files` from `inbox` into their folders under `exchange`, and makes the moves durable before it
/// says that they are done.
pub fn move_all(exchange: &Path, inbox: &Path, files: &[ToMove]) -> Vec<Taken> {
    let mut folders = BTreeSet::new();
    let taken: Vec<Taken> = files
        .iter()
        .map(|file| {
            let folder = exchange.join(&file.folder);
            let result = move_one(inbox, &folder, file);
            folders.insert(folder);
            Taken { id: file.id, name: file.name.clone(), result }
        })
        .collect();
    // A rename that a power loss undoes would bring the file back as a second arrival.
    sync_folder(inbox);
    folders.iter().for_each(|folder| sync_folder(folder));
    taken
}

fn move_one(inbox: &Path, folder: &Path, file: &ToMove) -> io::Result<String> {
    if !folder.is_dir() {
        std::fs::create_dir_all(folder).map_err(|error| with_path(folder, error))?;
    }
    let source = inbox.join(&file.name);
    // A crash may have come between the move and its record.
    let expected = folder.join(&file.stored_name);
    let there = std::fs::symlink_metadata(&expected).is_ok();
    if there && file.content_hash.is_some() && hash_of(&expected)? == file.content_hash {
        return Ok(file.stored_name.clone());
    }
    let (target, stored_name) =
        if there { free_name(folder, &file.name)? } else { (expected, file.stored_name.clone()) };
    match std::fs::rename(&source, &target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return restore(&target, file, stored_name),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_across(&source, &target)?;
        }
        Err(error) => return Err(with_path(&source, error)),
    }
    if file.content_hash.is_none() || hash_of(&target)? == file.content_hash {
        return Ok(stored_name);
    }
    // The bytes changed between reading and moving: what was moved is a new arrival, and goes back.
    put_back(inbox, &target, &file.name)?;
    restore(&target, file, stored_name)
}

/// Writes the recorded bytes where the original would lie. A rejected file that its writer took away
/// again has none: its error files tell what was wrong.
fn restore(target: &Path, file: &ToMove, stored_name: String) -> io::Result<String> {
    if let Some(content) = &file.content {
        write_whole(target, true, |out| out.write_all(content))?;
    }
    Ok(stored_name)
}

fn put_back(inbox: &Path, moved: &Path, name: &str) -> io::Result<()> {
    let mut back = inbox.join(name);
    if std::fs::symlink_metadata(&back).is_ok() {
        back = free_name(inbox, name)?.0;
    }
    std::fs::rename(moved, &back).map_err(|error| with_path(&back, error))
}

fn free_name(folder: &Path, name: &str) -> io::Result<(PathBuf, String)> {
    for number in 2..1_000_000 {
        let candidate = names::numbered(name, number);
        let path = folder.join(&candidate);
        if std::fs::symlink_metadata(&path).is_err() {
            return Ok((path, candidate));
        }
    }
    Err(with_path(folder, io::Error::other("there are too many files of one name")))
}

/// The inbox may lie on another file system than accepted/: copy whole, then remove.
fn copy_across(source: &Path, target: &Path) -> io::Result<()> {
    let mut from = std::fs::File::open(source).map_err(|error| with_path(source, error))?;
    write_whole(target, true, |mut out| io::copy(&mut from, &mut out).map(|_| ()))?;
    std::fs::remove_file(source).map_err(|error| with_path(source, error))
}

fn hash_of(path: &Path) -> io::Result<Option<String>> {
    let bytes = std::fs::read(path).map_err(|error| with_path(path, error))?;
    Ok(Some(canonical::bytes_hash(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shop {
        root: tempfile::TempDir,
    }

    impl Shop {
        fn new() -> Shop {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir(root.path().join("inbox")).unwrap();
            Shop { root }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn take(&self, recorded: &str) -> String {
            let file = ToMove {
                id: 1,
                name: "a.json".into(),
                content_hash: Some(canonical::bytes_hash(recorded.as_bytes())),
                folder: "accepted/d".into(),
                stored_name: "a.json".into(),
                content: Some(recorded.into()),
            };
            let mut taken = move_all(self.root.path(), &self.path("inbox"), &[file]);
            taken.remove(0).result.unwrap()
        }

        fn read(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.path(name)).ok()
        }
    }

    #[test]
    fn the_original_is_moved() {
        let shop = Shop::new();
        std::fs::write(shop.path("inbox/a.json"), "one").unwrap();
        assert_eq!(shop.take("one"), "a.json");
        assert_eq!(shop.read("accepted/d/a.json").as_deref(), Some("one"));
        assert_eq!(shop.read("inbox/a.json"), None);
        // Asked again after a crash: the same.
        assert_eq!(shop.take("one"), "a.json");
    }

    #[test]
    fn nothing_is_overwritten() {
        let shop = Shop::new();
        std::fs::write(shop.path("inbox/a.json"), "one").unwrap();
        shop.take("one");
        std::fs::write(shop.path("inbox/a.json"), "two").unwrap();
        assert_eq!(shop.take("two"), "a~2.json");
        assert_eq!(shop.read("accepted/d/a.json").as_deref(), Some("one"));
        assert_eq!(shop.read("accepted/d/a~2.json").as_deref(), Some("two"));
    }

    #[test]
    fn bytes_that_changed_after_reading_are_a_new_arrival() {
        let shop = Shop::new();
        std::fs::write(shop.path("inbox/a.json"), "changed").unwrap();
        shop.take("read before");
        assert_eq!(shop.read("accepted/d/a.json").as_deref(), Some("read before"));
        assert_eq!(shop.read("inbox/a.json").as_deref(), Some("changed"));
    }

    #[test]
    fn a_file_that_its_writer_took_away_is_written_from_the_record() {
        let shop = Shop::new();
        shop.take("recorded");
        assert_eq!(shop.read("accepted/d/a.json").as_deref(), Some("recorded"));
    }
}
