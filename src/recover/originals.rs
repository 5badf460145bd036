//! The originals: what lies in accepted/, by days, and what was still on its way there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::file_names;
use super::receipts::{OfDay, Receipt, Receipts};
use crate::config::Config;
use crate::exchange::read::Files;
use crate::exchange::{rename, with_path};
use crate::formats::contents::Contents;
use crate::formats::document::Document;
use crate::formats::names;
use crate::formats::ubl::{Known, Wanted};
use crate::rules::recover::pair;
use crate::store::ubl;

/// A document of an original of one day.
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
    /// Which of its file's documents, from 1.
    pub position: usize,
    /// Whether its file holds several: then not all of them need have been accepted.
    pub is_one_of_several: bool,
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

/// How originals are read.
#[derive(Debug, Clone, Copy)]
pub struct Originals<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The mirror, where there is one already.
    pub mirror: Option<&'a Connection>,
}

impl Originals<'_> {
    /// What is in an original; `None` where that can't be told.
    pub fn contents(&self, name: &str, bytes: &[u8]) -> Option<Contents> {
        let look_up = |wanted: &Wanted| match self.mirror {
            Some(connection) => ubl::load(connection, wanted),
            None => Ok(Known::default()),
        };
        let contents = Files { config: self.config }.contents(name, bytes, look_up);
        contents.map_err(|error| log::error!("{name:?}: {error}")).ok()?.ok()
    }
}

/// A document that an original holds.
#[derive(Debug)]
pub struct Held {
    /// In its file, from 1.
    pub position: usize,
    /// With its key.
    pub document: Document,
    /// Whether the key was made.
    pub made: bool,
}

/// What can be read in an original, the keys put in, and whether it holds several documents. Its name
/// decides over made keys. Changes and cancellations have none.
pub fn documents(bytes: &[u8], name: &str, files: &Originals<'_>) -> (Vec<Held>, bool) {
    let contents = files.contents(name, bytes);
    let Some(contents) = contents else { return (Vec::new(), false) };
    let several = contents.is_several();
    let held = contents.parts.into_iter().filter_map(|part| {
        let mut document = part.result.ok()?;
        let made = document.key.is_none() && document.kind.has_key();
        if made {
            let key = document.made_key(name, part.position);
            document.set_key(&key);
        }
        Some(Held { position: part.position, document, made })
    });
    (held.collect(), several)
}

fn key(held: &Held) -> &str {
    held.document.key.as_deref().unwrap_or_default()
}

/// Originals that lay under a hidden name when the process died, on their way from the inbox, get a name.
/// The id in the hidden one was the lost database's.
pub fn unstage(config: &Config, receipts: &Receipts) -> io::Result<()> {
    let originals = Originals { config, mirror: None };
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
            let of_day = receipts.days.get(&day);
            let files: HashSet<&String> = of_day.into_iter().flatten().map(|((file, _), _)| file).collect();
            let known = files.into_iter().find(|file| {
                let has = |held: &Held| {
                    of_day.is_some_and(|of_day| of_day.contains_key(&((*file).clone(), key(held).to_owned())))
                };
                documents(&bytes, file, &originals).0.iter().any(has)
            });
            let digits: String = staged.chars().filter(char::is_ascii_digit).collect();
            let ending = if documents(&bytes, "x.json", &originals).0.is_empty() { "jsonl" } else { "json" };
            let name = known.map_or_else(|| format!("{NAMELESS}{digits}.{ending}"), String::clone);
            let free = (1..1_000_000).map(|number| folder.join(names::numbered(&name, number)));
            let target = free.into_iter().find(|path| std::fs::symlink_metadata(path).is_err());
            let target = target.ok_or_else(|| with_path(&folder, io::Error::other("too many files")))?;
            rename(&path, &target).map_err(|error| with_path(&path, error))?;
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
    files: &Originals<'_>,
    day: &str,
    receipts: &mut OfDay,
    is_known: impl Fn(&str) -> rusqlite::Result<bool>,
) -> rusqlite::Result<(Vec<Original>, Vec<PathBuf>)> {
    let folder = files.config.accepted().join(day);
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
        let of_file = of_file(&path, name, &bytes, &stored, receipts, files);
        if of_file.is_empty() {
            unreadable.push(path);
        }
        let received_at = written_at(&metadata, day);
        originals.extend(of_file.into_iter().map(|one| Original { received_at: received_at.clone(), ..one }));
    }
    // Of equal times the order of their names.
    originals.sort_by(|a, b| (&a.name, a.number, a.position).cmp(&(&b.name, b.number, b.position)));
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

/// The documents of an original, which lies under the name `stored` among `all` of its day.
fn of_file(
    path: &Path,
    stored: &str,
    bytes: &[u8],
    all: &HashSet<String>,
    receipts: &OfDay,
    files: &Originals<'_>,
) -> Vec<Original> {
    let (literal, several) = documents(bytes, stored, files);
    let has = |name: &str, held: &[Held]| {
        held.iter().any(|held| receipts.contains_key(&(name.to_owned(), key(held).to_owned())))
    };
    let (name, number, held) = match names::unnumbered(stored) {
        None => (stored.to_owned(), 1, literal),
        Some((base, number)) => {
            let (numbered, _) = documents(bytes, &base, files);
            // Numbered by us, or called so by the shop: the receipts tell, else whether there is a first.
            if !has(stored, &literal) && (has(&base, &numbered) || all.contains(&base)) {
                (base, number, numbered)
            } else {
                (stored.to_owned(), 1, literal)
            }
        }
    };
    let original = |held: Held| Original {
        path: path.to_owned(),
        stored: stored.to_owned(),
        number,
        position: held.position,
        is_one_of_several: several,
        key: key(&held).to_owned(),
        made: held.made,
        received_at: String::new(),
        receipt: None,
        unsure: held.made && name.starts_with(NAMELESS),
        name: name.clone(),
    };
    held.into_iter().map(original).collect()
}

/// Gives each original its receipt, where that is certain.
fn claim(originals: &mut Vec<Original>, receipts: &mut OfDay) {
    let mut groups: HashMap<(String, String), BTreeMap<usize, Vec<usize>>> = HashMap::new();
    let mut newest: HashMap<String, u64> = HashMap::new();
    for (index, original) in originals.iter().enumerate() {
        let group = groups.entry((original.name.clone(), original.key.clone())).or_default();
        group.entry(original.position).or_default().push(index);
        newest.insert(original.name.clone(), original.number);
    }
    // A receipt of the same file and day with another key: the order may have been corrected by hand.
    let strangers: HashSet<String> =
        receipts.keys().filter(|at| !groups.contains_key(*at)).map(|(file, _)| file.clone()).collect();
    for (at, positions) in groups {
        let Some(told) = receipts.get_mut(&at) else {
            let all = positions.into_values().flatten();
            all.for_each(|index| originals[index].unsure |= strangers.contains(&at.0));
            continue;
        };
        let mut told: Vec<Option<Receipt>> = std::mem::take(told).into_iter().map(Some).collect();
        for (position, group) in positions {
            let places: Vec<usize> = (0..told.len())
                .filter(|place| told[*place].as_ref().is_some_and(|receipt| receipt.position == position))
                .collect();
            let last = places.last().and_then(|place| told[*place].as_ref());
            let plain = last.is_some_and(|receipt| receipt.arrival.is_none());
            let is_newest = group.last().map(|index| originals[*index].number) == newest.get(&at.0).copied();
            for (index, place) in group.iter().zip(pair(group.len(), places.len(), plain, is_newest)) {
                let receipt = place.and_then(|place| told.get_mut(*places.get(place)?)?.take());
                if let Some(receipt) = &receipt {
                    originals[*index].received_at.clone_from(&receipt.received_at);
                }
                originals[*index].receipt = receipt;
            }
        }
        receipts.insert(at, told.into_iter().flatten().collect());
    }
    // A receipt names all that was taken of its file. The rest was rejected, and lies in rejected/.
    let told: HashSet<String> = originals
        .iter()
        .filter(|one| one.is_one_of_several && one.receipt.is_some())
        .map(|one| one.stored.clone())
        .collect();
    originals.retain(|one| one.receipt.is_some() || !told.contains(&one.stored));
}

/// When a file was written, where that was on `day`; else the beginning of the day.
fn written_at(metadata: &std::fs::Metadata, day: &str) -> String {
    let written = metadata.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
    written
        .map(crate::clock::text)
        .filter(|text| text.starts_with(day))
        .unwrap_or_else(|| format!("{day}T00:00:00.000Z"))
}
