//! The originals: what lies in accepted/, by days, and what was still on its way there.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::file_names;
use super::receipts::{OfDay, Receipt, Receipts};
use crate::config::Config;
use crate::exchange::with_path;
use crate::formats::document::Document;
use crate::formats::{json, names};
use crate::rules::recover::pair;

/// An original of one day.
#[derive(Debug)]
pub struct Original {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name there.
    pub stored: String,
    /// As it was dropped, as far as that can be told.
    pub name: String,
    /// Which of its name that day.
    number: u64,
    key: String,
    /// Whether the shop gave no number of its own.
    pub made: bool,
    /// When it came: by its receipt, else when it was written.
    pub received_at: String,
    /// Its receipt.
    pub receipt: Option<Receipt>,
    /// See [`crate::rules::recover::fate`].
    pub unsure: bool,
}

/// The beginning of the name of an original whose own name is not known.
const NAMELESS: &str = "recovered-";

/// Days of accepted/, oldest first.
pub fn days(config: &Config) -> io::Result<Vec<String>> {
    let mut days = file_names(&config.accepted())?;
    days.retain(|day| day.parse::<jiff::civil::Date>().is_ok() && config.accepted().join(day).is_dir());
    days.sort_unstable();
    Ok(days)
}

/// Whether anything was ever taken over.
pub fn any(config: &Config) -> io::Result<bool> {
    for day in days(config)? {
        // One that can't be read is no proof that nothing was.
        if file_names(&config.accepted().join(day)).map_or(true, |names| !names.is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first bytes of a file, as text.
pub fn head(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| with_path(path, error))?;
    file.take(1024).read_to_end(&mut bytes).map_err(|error| with_path(path, error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads a document, its key put in. Its name decides over a made key. Changes and cancellations have none.
pub fn document(bytes: &[u8], name: &str) -> Option<(Document, bool)> {
    let mut document = json::parse(bytes).ok()?;
    let made = document.key.is_none() && document.kind.has_key();
    if made {
        let key = document.made_key(name);
        document.set_key(&key);
    }
    Some((document, made))
}

/// Originals that lay under a hidden name when the process died, on their way from the inbox, get a name.
/// The id in the hidden one was the lost database's.
pub fn unstage(config: &Config, receipts: &Receipts) -> io::Result<()> {
    for day in days(config)? {
        let folder = config.accepted().join(&day);
        for staged in
            file_names(&folder).unwrap_or_default().into_iter().filter(|name| name.starts_with(".take-"))
        {
            let path = folder.join(&staged);
            // It stays where it is, and the next rebuild may have more luck.
            let Ok(bytes) = std::fs::read(&path) else {
                log::error!("{} can't be read", path.display());
                continue;
            };
            let known = receipts.days.get(&day).and_then(|of_day| {
                of_day.keys().find(|(file, key)| {
                    document(&bytes, file)
                        .is_some_and(|(document, _)| document.key.as_deref().unwrap_or_default() == key)
                })
            });
            let digits: String = staged.chars().filter(char::is_ascii_digit).collect();
            let name = known.map_or_else(|| format!("{NAMELESS}{digits}.json"), |(file, _)| file.clone());
            let free = (1..1_000_000).map(|number| folder.join(names::numbered(&name, number)));
            let target = free.into_iter().find(|path| std::fs::symlink_metadata(path).is_err());
            let target = target.ok_or_else(|| with_path(&folder, io::Error::other("too many files")))?;
            std::fs::rename(&path, &target).map_err(|error| with_path(&path, error))?;
            log::warn!("{} was on its way and is {} now", path.display(), target.display());
        }
    }
    Ok(())
}

/// The originals of a day that are not known yet, with their receipts, in the order of their coming, and
/// those that can't be read.
///
/// # Errors
/// SQLite's.
pub fn of_day(
    config: &Config,
    day: &str,
    receipts: &mut OfDay,
    is_known: impl Fn(&str) -> rusqlite::Result<bool>,
) -> rusqlite::Result<(Vec<Original>, Vec<PathBuf>)> {
    let folder = config.accepted().join(day);
    let (mut originals, mut unreadable) = (Vec::new(), Vec::new());
    // What can't be read is told to a person; it must not keep all the others waiting.
    let names = file_names(&folder).unwrap_or_else(|error| {
        log::error!("{error}");
        unreadable.push(folder.clone());
        Vec::new()
    });
    let stored: HashSet<String> = names.into_iter().filter(|name| !name.starts_with('.')).collect();
    for name in &stored {
        if is_known(name)? {
            continue;
        }
        let path = folder.join(name);
        let read = std::fs::symlink_metadata(&path).and_then(|metadata| {
            let bytes = metadata.is_file().then(|| std::fs::read(&path)).transpose()?;
            Ok(bytes.map(|bytes| (metadata, bytes)))
        });
        let (metadata, bytes) = match read {
            Ok(Some(read)) => read,
            Ok(None) => continue,
            Err(error) => {
                log::error!("{}: {error}", path.display());
                unreadable.push(path);
                continue;
            }
        };
        match original(&path, name, &bytes, &stored, receipts) {
            Some(original) => {
                originals.push(Original { received_at: written_at(&metadata, day), ..original })
            }
            None => unreadable.push(path),
        }
    }
    // Of equal times the order of their names.
    originals.sort_by(|a, b| (&a.name, a.number).cmp(&(&b.name, b.number)));
    claim(&mut originals, receipts);
    // Their numbers say more than the times that a webshop gave its files.
    for at in 1..originals.len() {
        if originals[at - 1].name == originals[at].name
            && originals[at].received_at < originals[at - 1].received_at
        {
            originals[at].received_at = originals[at - 1].received_at.clone();
        }
    }
    originals.sort_by(|a, b| a.received_at.cmp(&b.received_at));
    Ok((originals, unreadable))
}

fn original(
    path: &Path,
    stored: &str,
    bytes: &[u8],
    all: &HashSet<String>,
    receipts: &OfDay,
) -> Option<Original> {
    let (document, made) = document(bytes, stored)?;
    let literal = (stored.to_owned(), 1, document.key.unwrap_or_default());
    let (name, number, key) = match names::unnumbered(stored) {
        None => literal,
        Some((base, number)) => {
            let key = self::document(bytes, &base)?.0.key.unwrap_or_default();
            let has = |name: &str, key: &str| receipts.contains_key(&(name.to_owned(), key.to_owned()));
            // Numbered by us, or called so by the shop: the receipts tell, else whether there is a first.
            if !has(stored, &literal.2) && (has(&base, &key) || all.contains(&base)) {
                (base, number, key)
            } else {
                literal
            }
        }
    };
    let unsure = made && name.starts_with(NAMELESS);
    let path = path.to_owned();
    let (received_at, receipt) = (String::new(), None);
    Some(Original { path, stored: stored.to_owned(), name, number, key, made, received_at, receipt, unsure })
}

/// Gives each original its receipt, where that is certain.
fn claim(originals: &mut [Original], receipts: &mut OfDay) {
    let mut groups: HashMap<(String, String), Vec<usize>> = HashMap::new();
    let mut newest: HashMap<String, usize> = HashMap::new();
    for (index, original) in originals.iter().enumerate() {
        groups.entry((original.name.clone(), original.key.clone())).or_default().push(index);
        newest.insert(original.name.clone(), index);
    }
    // A receipt of the same file and day with another key: the order may have been corrected by hand.
    let strangers: HashSet<String> =
        receipts.keys().filter(|at| !groups.contains_key(*at)).map(|(file, _)| file.clone()).collect();
    for (at, group) in groups {
        let Some(told) = receipts.get_mut(&at) else {
            group.iter().for_each(|index| originals[*index].unsure |= strangers.contains(&at.0));
            continue;
        };
        let plain = told.last().is_some_and(|receipt| receipt.arrival.is_none());
        let is_newest = group.last().copied() == newest.get(&at.0).copied();
        let mut told: Vec<Option<Receipt>> = std::mem::take(told).into_iter().map(Some).collect();
        for (index, receipt) in group.iter().zip(pair(group.len(), told.len(), plain, is_newest)) {
            let receipt = receipt.and_then(|place| told.get_mut(place)?.take());
            if let Some(receipt) = &receipt {
                originals[*index].received_at.clone_from(&receipt.received_at);
            }
            originals[*index].receipt = receipt;
        }
        receipts.insert(at, told.into_iter().flatten().collect());
    }
}

/// When a file was written, where that was on `day`; else the beginning of the day.
fn written_at(metadata: &std::fs::Metadata, day: &str) -> String {
    let written = metadata.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
    written
        .map(crate::clock::text)
        .filter(|text| text.starts_with(day))
        .unwrap_or_else(|| format!("{day}T00:00:00.000Z"))
}
