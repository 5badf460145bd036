//! Moves what was recorded out of the inbox, and sees that what it moved is what was read.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::{HOOKS_PREFIX, QUESTIONS_PREFIX, rename, stamp, sync_folder, with_path, write_whole};
use crate::formats::{canonical, names};
use crate::rules::arrival;
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
/// says that they are done. `marker` is how the names of their markers end, which go with them.
pub fn move_all(exchange: &Path, inbox: &Path, marker: Option<&str>, files: &[ToMove]) -> Vec<Taken> {
    let mut folders = BTreeSet::new();
    let taken: Vec<Taken> = files
        .iter()
        .map(|file| {
            let folder = exchange.join(&file.folder);
            let elsewhere = [(HOOKS_PREFIX, exchange), (QUESTIONS_PREFIX, inbox)];
            let elsewhere = elsewhere.into_iter().find_map(|(prefix, parent)| {
                Some((file.name.strip_prefix(prefix)?, parent.join(prefix.trim_end_matches('/'))))
            });
            let result = match elsewhere {
                Some((name, source)) => {
                    let file = ToMove { name: name.to_owned(), ..file.clone() };
                    let result = move_with_marker(&source, &folder, marker, &file);
                    folders.insert(source);
                    result
                }
                None => move_with_marker(inbox, &folder, marker, file),
            };
            folders.insert(folder);
            Taken { id: file.id, name: file.name.clone(), result }
        })
        .collect();
    // A rename that a power loss undoes would bring the file back as a second arrival.
    sync_folder(inbox);
    folders.iter().for_each(|folder| sync_folder(folder));
    taken
}

/// Its marker goes last: whatever moment the process dies at, the next one finds the file moved, and removes the
/// marker then.
fn move_with_marker(inbox: &Path, folder: &Path, ending: Option<&str>, file: &ToMove) -> io::Result<String> {
    let moved = move_one(inbox, folder, file)?;
    if let Some(ending) = ending.filter(|_| !file.is_part) {
        remove_markers(inbox, &file.name, ending);
    }
    Ok(moved)
}

/// A file of the same name that has come since may be what the marker speaks of. One that can't be removed is told
/// of when it has lain there alone for a while.
fn remove_markers(inbox: &Path, name: &str, ending: &str) {
    if is_there(&inbox.join(name)) {
        return;
    }
    for marker in arrival::markers(name, ending) {
        let path = inbox.join(&marker);
        if is_there(&path)
            && !speaks_of_another(inbox, &marker, ending)
            && let Err(error) = std::fs::remove_file(&path)
        {
            log::warn!("{marker:?} could not be removed: {error}");
        }
    }
}

/// `orders.done` may speak of `orders.xml` too.
fn speaks_of_another(inbox: &Path, marker: &str, ending: &str) -> bool {
    let of = arrival::marked(marker, ending);
    let entries = std::fs::read_dir(inbox).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name != marker).any(|name| arrival::stem(&name) == of)
}

/// By way of a hidden name in the target folder that carries the file's id: whatever moment the process
/// dies at, the next one finds the file there and goes on, and nothing is taken for what it is not.
fn move_one(inbox: &Path, folder: &Path, file: &ToMove) -> io::Result<String> {
    // A share that dropped shows no files, and that is no reason to write them from the record: they still
    // lie there, and would be taken for new ones when it is back.
    if !inbox.is_dir() {
        return Err(with_path(inbox, io::Error::from(io::ErrorKind::NotFound)));
    }
    if !folder.is_dir() {
        std::fs::create_dir_all(folder).map_err(|error| with_path(folder, error))?;
    }
    let expected = folder.join(&file.stored_name);
    if file.is_part {
        return match is_there(&expected) && is_recorded(&expected, file)? {
            true => Ok(file.stored_name.clone()),
            false => restore(folder, file),
        };
    }
    let staged = folder.join(format!(".take-{}.tmp", file.id));
    let copied = folder.join(format!(".copy-{}.tmp", file.id));
    if !is_there(&staged) {
        // A crash may have come between the move and its record.
        if is_there(&expected) && file.content_hash.is_some() && is_recorded(&expected, file)? {
            return Ok(file.stored_name.clone());
        }
        let source = inbox.join(&file.name);
        if is_there(&copied) && !is_there(&source) {
            // A crash came after the original was removed: this is it.
            rename(&copied, &staged).map_err(|error| with_path(&copied, error))?;
        } else {
            match stage(&source, &staged, &copied) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return restore(folder, file),
                Err(error) => return Err(error),
            }
        }
    }
    if !is_recorded(&staged, file)? {
        // The bytes changed between reading and moving: what was moved is a new arrival, and goes back.
        put_back(inbox, &staged, &file.name)?;
        return restore(folder, file);
    }
    let (target, stored_name) = free_name(folder, &file.stored_name, &file.name)?;
    rename(&staged, &target).map_err(|error| with_path(&target, error))?;
    Ok(stored_name)
}

/// Whether a file is the one that was recorded: by its bytes, or, where they were not read, by its size,
/// time and identity, which a rename keeps.
fn is_recorded(path: &Path, file: &ToMove) -> io::Result<bool> {
    match (&file.content_hash, &file.stamp) {
        (Some(hash), _) => {
            let bytes = std::fs::read(path).map_err(|error| with_path(path, error))?;
            Ok(canonical::bytes_hash(&bytes) == *hash)
        }
        (None, Some(recorded)) => {
            let metadata = std::fs::symlink_metadata(path).map_err(|error| with_path(path, error))?;
            Ok(stamp(&metadata) == *recorded)
        }
        (None, None) => Ok(true),
    }
}

/// Two file systems know no rename between them: then the copy has a name of its own for as long as the
/// original is there, so that one that could not be removed is never taken for a second arrival.
fn stage(source: &Path, staged: &Path, copied: &Path) -> io::Result<()> {
    match rename(source, staged) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_across(source, copied)?;
            rename(copied, staged).map_err(|error| with_path(staged, error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        other => other.map_err(|error| with_path(source, error)),
    }
}

/// The inbox may lie on another file system than accepted/: copied whole, and removed only if it is still
/// what was copied.
fn copy_across(source: &Path, target: &Path) -> io::Result<()> {
    let before = std::fs::symlink_metadata(source)?;
    let mut from = std::fs::File::open(source)?;
    write_whole(target, true, |mut out| io::copy(&mut from, &mut out).map(|_| ()))?;
    let after = std::fs::symlink_metadata(source)?;
    if stamp(&before) != stamp(&after) {
        let _ = std::fs::remove_file(target);
        return Err(with_path(source, io::Error::other("it changed while it was copied")));
    }
    // The copy must outlive a loss of power before the original may go.
    target.parent().into_iter().for_each(sync_folder);
    std::fs::remove_file(source).map_err(|error| with_path(source, error))
}

/// Writes the recorded bytes where the original would lie. One that was never read and that its writer
/// took away again has none: its error files tell what was wrong.
fn restore(folder: &Path, file: &ToMove) -> io::Result<String> {
    let Some(content) = &file.content else { return Ok(file.stored_name.clone()) };
    let (target, stored_name) = free_name(folder, &file.stored_name, &file.name)?;
    write_whole(&target, true, |out| out.write_all(content))?;
    Ok(stored_name)
}

/// Gives a file back to the inbox, over nothing that lies there.
pub(super) fn put_back(inbox: &Path, staged: &Path, name: &str) -> io::Result<()> {
    for number in 1..1_000_000 {
        let back = inbox.join(names::numbered(name, number));
        // A link fails where the name is taken, however short a time ago.
        match std::fs::hard_link(staged, &back) {
            Ok(()) => return std::fs::remove_file(staged).map_err(|error| with_path(staged, error)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // No links here, or another file system.
            Err(_) if !is_there(&back) => return copy_across(staged, &back),
            Err(_) => {}
        }
    }
    Err(with_path(inbox, io::Error::other("there are too many files of one name")))
}

fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// `wanted` if it is free in `folder`, else the next number of `name` that is.
fn free_name(folder: &Path, wanted: &str, name: &str) -> io::Result<(PathBuf, String)> {
    let numbered = (2..1_000_000).map(|number| names::numbered(name, number));
    for candidate in std::iter::once(wanted.to_owned()).chain(numbered) {
        let path = folder.join(&candidate);
        if !is_there(&path) {
            return Ok((path, candidate));
        }
    }
    Err(with_path(folder, io::Error::other("there are too many files of one name")))
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

        fn file(&self, recorded: &str) -> ToMove {
            ToMove {
                id: 1,
                name: "a.json".into(),
                content_hash: Some(canonical::bytes_hash(recorded.as_bytes())),
                stamp: None,
                folder: "accepted/d".into(),
                stored_name: "a.json".into(),
                content: Some(recorded.into()),
                is_part: false,
            }
        }

        fn take(&self, recorded: &str) -> String {
            self.take_file(self.file(recorded))
        }

        fn take_file(&self, file: ToMove) -> String {
            let mut taken = move_all(self.root.path(), &self.path("inbox"), Some(".done"), &[file]);
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
    fn bad_documents_are_written_beside_a_file_of_their_name() {
        let shop = Shop::new();
        std::fs::write(shop.path("inbox/a.json"), "another").unwrap();
        let bad = || ToMove { is_part: true, folder: "rejected".into(), ..shop.file("bad") };
        for _ in 0..2 {
            assert_eq!(shop.take_file(bad()), "a.json");
            assert_eq!(shop.read("rejected/a.json").as_deref(), Some("bad"));
        }
        assert_eq!(shop.read("inbox/a.json").as_deref(), Some("another"));
    }

    #[test]
    fn a_marker_goes_with_its_document() {
        let shop = Shop::new();
        std::fs::write(shop.path("inbox/a.json"), "one").unwrap();
        for marker in ["inbox/a.json.done", "inbox/a.done"] {
            std::fs::write(shop.path(marker), "").unwrap();
        }
        std::fs::write(shop.path("inbox/a.csv"), "of the second marker too").unwrap();
        assert_eq!(shop.take("one"), "a.json");
        assert_eq!(shop.read("inbox/a.json.done"), None);
        assert!(shop.read("inbox/a.done").is_some(), "it speaks of a.csv");
        // A crash came before the marker was removed.
        std::fs::remove_file(shop.path("inbox/a.csv")).unwrap();
        assert_eq!(shop.take("one"), "a.json");
        assert_eq!(shop.read("inbox/a.done"), None);
        // The next of that name lies there with its marker already.
        std::fs::write(shop.path("inbox/a.json"), "two").unwrap();
        std::fs::write(shop.path("inbox/a.json.done"), "").unwrap();
        assert_eq!(shop.take("one"), "a.json");
        assert!(shop.read("inbox/a.json.done").is_some(), "it speaks of the next");
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

    #[test]
    fn an_inbox_that_is_gone_is_no_empty_one() {
        let shop = Shop::new();
        std::fs::rename(shop.path("inbox"), shop.path("elsewhere")).unwrap();
        let taken = move_all(shop.root.path(), &shop.path("inbox"), None, &[shop.file("recorded")]);
        assert!(taken[0].result.is_err());
        assert!(!shop.path("accepted").exists(), "nothing is made in the place of a share");
    }

    #[test]
    fn a_crash_after_staging_changed_bytes_loses_nothing() {
        let shop = Shop::new();
        std::fs::create_dir_all(shop.path("accepted/d")).unwrap();
        std::fs::write(shop.path("accepted/d/.take-1.tmp"), "changed").unwrap();
        std::fs::write(shop.path("inbox/a.json"), "newer still").unwrap();
        assert_eq!(shop.take("read before"), "a.json");
        assert_eq!(shop.read("accepted/d/a.json").as_deref(), Some("read before"));
        assert_eq!(shop.read("inbox/a.json").as_deref(), Some("newer still"), "nothing is overwritten");
        assert_eq!(shop.read("inbox/a~2.json").as_deref(), Some("changed"));
    }

    #[test]
    fn a_copy_whose_original_is_gone_is_the_original() {
        let shop = Shop::new();
        std::fs::create_dir_all(shop.path("accepted/d")).unwrap();
        std::fs::write(shop.path("accepted/d/.copy-1.tmp"), "changed").unwrap();
        assert_eq!(shop.take("read before"), "a.json");
        assert_eq!(shop.read("accepted/d/a.json").as_deref(), Some("read before"));
        assert_eq!(shop.read("inbox/a.json").as_deref(), Some("changed"), "it is a new arrival");
    }

    #[test]
    fn a_good_file_is_not_rejected_for_one_that_lay_there_unread() {
        let shop = Shop::new();
        std::fs::write(shop.path("inbox/a.json"), "a good order").unwrap();
        let mut file = shop.file("");
        (file.content_hash, file.content, file.stamp) = (None, None, Some("another".into()));
        shop.take_file(file);
        assert_eq!(shop.read("inbox/a.json").as_deref(), Some("a good order"));
        assert_eq!(shop.read("accepted/d/a.json"), None);
    }
}
