//! The receipts, by what they are receipts of.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::file_names;
use crate::config::Config;
use crate::exchange::with_path;
use crate::formats::document::{Document, Kind, text_at};
use crate::formats::{json, names};
use crate::rules::recover::{Ending, Told};
use crate::store::recover::Standing;

/// What is kept of a receipt while the originals are read. The rest is read again where it is needed.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Its name in receipts/.
    stored: String,
    /// Which of its documents, from 0.
    place: usize,
    /// Which of its file's documents it is, from 1.
    pub position: usize,
    /// Its number; `None` for the plain one, which is the newest one's.
    pub arrival: Option<i64>,
    /// The document's id.
    pub id: i64,
    /// When the file came.
    pub received_at: String,
    /// What became of it.
    pub told: Told,
}

/// Receipts of one day, by file and key.
pub type OfDay = HashMap<(String, String), Vec<Receipt>>;

/// All receipts that can be read.
#[derive(Debug, Default)]
pub struct Receipts {
    folder: PathBuf,
    /// The documents of the one that was read last: those of a large file are asked for one after the other.
    last: RefCell<(String, Vec<Value>)>,
    /// By the day on which their files came.
    pub days: BTreeMap<String, OfDay>,
    /// Ids that they show.
    pub ids: HashSet<i64>,
    /// Numbers that they have, and the highest of them, by file.
    pub arrivals: HashMap<String, (HashSet<i64>, i64)>,
    /// The keys of those that show an id.
    keys: HashMap<i64, Vec<String>>,
}

/// What a person put in the place of an item's document.
#[derive(Debug)]
pub struct Edited {
    /// When.
    pub at: String,
    /// By whom.
    pub by: String,
    /// What is sent.
    pub document: Document,
}

/// No id, number or count of ours is ever as high. A receipt that shows one was tampered with or torn, and what
/// counts on from it would have no room.
const HIGHEST: i64 = 1_000_000_000_000;

/// Reads the receipts, one at a time. One that is torn or can't be read is no receipt.
///
/// # Errors
/// The folder can't be read.
pub fn read(config: &Config) -> io::Result<Receipts> {
    let folder = config.receipts();
    let mut receipts = Receipts { folder: folder.clone(), ..Receipts::default() };
    for stored in file_names(&folder)?.into_iter().filter(|name| name.ends_with(".receipt.json")) {
        let parsed = parse(&folder.join(&stored)).unwrap_or_default();
        if parsed.is_empty() {
            log::warn!("receipts/{stored} can't be read: its order is looked up at Extend");
        }
        parsed.into_iter().for_each(|(file, key, receipt)| receipts.add(&stored, file, key, receipt));
    }
    for of_day in receipts.days.values_mut() {
        for group in of_day.values_mut() {
            // The plain one is the newest one's.
            group.sort_by_key(|receipt| receipt.arrival.unwrap_or(i64::MAX));
        }
    }
    Ok(receipts)
}

impl Receipts {
    fn add(&mut self, stored: &str, file: String, key: String, mut receipt: Receipt) {
        receipt.arrival = match stored == names::receipt(&file, 1, 1) {
            true => None,
            false => stored
                .strip_suffix(".receipt.json")
                .and_then(names::unnumbered)
                .and_then(|(_, number)| i64::try_from(number).ok().filter(|number| *number <= HIGHEST)),
        };
        receipt.stored = stored.to_owned();
        self.ids.insert(receipt.id);
        self.keys.entry(receipt.id).or_default().push(key.clone());
        if let Some(arrival) = receipt.arrival {
            let (all, highest) = self.arrivals.entry(file.clone()).or_default();
            all.insert(arrival);
            *highest = arrival.max(*highest);
        }
        let day = receipt.received_at.get(..10).unwrap_or_default().to_owned();
        self.days.entry(day).or_default().entry((file, key)).or_default().push(receipt);
    }

    /// The receipt of a document that the backup holds.
    pub fn take(&mut self, id: i64, file: &str, received_at: &str) -> Option<Receipt> {
        let of_day = self.days.get_mut(received_at.get(..10)?)?;
        self.keys.get(&id)?.iter().find_map(|key| {
            let at = (file.to_owned(), key.clone());
            let group = of_day.get_mut(&at)?;
            let place = group.iter().position(|one| one.id == id && one.received_at == received_at)?;
            let receipt = group.remove(place);
            if group.is_empty() {
                of_day.remove(&at);
            }
            Some(receipt)
        })
    }

    /// A person's correction, where its receipt shows one.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn edited(&self, receipt: &Receipt) -> io::Result<Option<Edited>> {
        let document = self.document(receipt)?;
        let edited = &document["edited"];
        let text = |name: &str| text_at(edited, &[name]).unwrap_or_default().to_owned();
        let sent = json::parse(edited["document"].to_string().as_bytes()).ok();
        Ok(sent.map(|document| Edited { at: text("at"), by: text("by"), document }))
    }

    /// A receipt that no original has claimed, of a file that still lay in the inbox: the newest.
    pub fn take_unclaimed(&mut self, file: &str, key: &str, position: usize) -> Option<Receipt> {
        let at = (file.to_owned(), key.to_owned());
        self.days.values_mut().rev().find_map(|of_day| {
            let group = of_day.get_mut(&at)?;
            let place = group.iter().rposition(|receipt| receipt.position == position)?;
            Some(group.remove(place))
        })
    }

    fn document(&self, receipt: &Receipt) -> io::Result<Value> {
        let mut last = self.last.borrow_mut();
        if last.0 != receipt.stored {
            *last = (receipt.stored.clone(), documents(&self.folder.join(&receipt.stored))?);
        }
        Ok(last.1.get(receipt.place).cloned().unwrap_or_default())
    }

    /// How an item stood, by its receipt. One that changed meanwhile tells nothing.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn standing(&self, receipt: &Receipt) -> io::Result<Standing> {
        let document = self.document(receipt)?;
        let text = |name: &str| text_at(&document, &[name]).map(String::from);
        let error = &document["error"];
        Ok(Standing {
            state: match receipt.told.ending {
                Ending::Delivered => "delivered",
                Ending::Refused => "refused",
                Ending::Cancelled => "cancelled",
                Ending::Open => "sending",
            }
            .into(),
            attempts: document["attempts"].as_i64().unwrap_or(0).clamp(0, HIGHEST),
            delivered_at: text("deliveredAt"),
            extend_number: text("extendNumber"),
            error: text_at(error, &["code"]).map(|code| {
                let part = |name: &str| text_at(error, &[name]).map(String::from);
                (code.to_owned(), part("message").unwrap_or_default(), part("field"))
            }),
            first_attempt_at: None,
            answer: Some(&document["answer"]).filter(|answer| !answer.is_null()).map(Value::to_string),
        })
    }
}

/// The documents of a receipt, each with its file's name.
fn documents(path: &Path) -> io::Result<Vec<Value>> {
    let bytes = std::fs::read(path).map_err(|error| with_path(path, error))?;
    let Ok(Value::Object(mut receipt)) = serde_json::from_slice(&bytes) else { return Ok(Vec::new()) };
    let file = receipt.remove("file").unwrap_or_default();
    let Some(Value::Array(documents)) = receipt.remove("documents") else { return Ok(Vec::new()) };
    let with_file = |mut document: Value| {
        document.as_object_mut()?.insert("file".into(), file.clone());
        Some(document)
    };
    Ok(documents.into_iter().filter_map(with_file).collect())
}

/// For each document of a receipt the file, the key and what is kept.
fn parse(path: &Path) -> io::Result<Vec<(String, String, Receipt)>> {
    if !std::fs::symlink_metadata(path).map_err(|error| with_path(path, error))?.is_file() {
        return Ok(Vec::new());
    }
    let of_document = |(place, document): (usize, &Value)| {
        let text = |name: &str| text_at(document, &[name]).map(String::from);
        let received_at = text("receivedAt").filter(|at| at.parse::<jiff::Timestamp>().is_ok())?;
        // A cancellation of an order that never came there is delivered without a number.
        let has_key = Kind::from_name(document["kind"].as_str()?)?.has_key();
        let ending = Ending::of(document["state"].as_str()?, text("extendNumber").is_some() || !has_key);
        let told = Told { ending, is_duplicate: document["duplicateOf"].is_number() };
        let id = document["id"].as_i64().filter(|id| (1..=HIGHEST).contains(id))?;
        let position = document["position"].as_u64().map_or(1, |position| position as usize);
        let stored = String::new();
        let receipt = Receipt { stored, place, position, arrival: None, id, received_at, told };
        // The original in accepted/ has the key that it came with.
        let original_key = text_at(document, &["edited", "originalKey"]).map(String::from);
        let key = if has_key { original_key.or_else(|| text("key"))? } else { String::new() };
        Some((text("file")?, key, receipt))
    };
    Ok(documents(path)?.iter().enumerate().filter_map(of_document).collect())
}
