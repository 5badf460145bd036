//! The outbox, from a backup or from nothing, the originals and their receipts, in one transaction.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::originals::{self, Held as Taken, Original, Originals};
use super::receipts::{Edited, Receipt, Receipts};
use super::{RecoverError, file_names, last_sequence};
use crate::clock;
use crate::config::Config;
use crate::engine::warnings;
use crate::formats::canonical;
use crate::formats::document::{Document, Kind};
use crate::formats::receipt::problems_in;
use crate::rules::arrival::is_left_alone;
use crate::rules::intake::{Verdict, decide};
use crate::rules::recover::{
    Ending, Fate, Since, fate, fate_of_change, fate_of_one_of_several, ids, since_backup,
};
use crate::store::recover::{self as store, AcceptedFile, Held, RejectedFile, Standing};
use crate::store::{agent, intake, outbox, owed};

mod several;
mod standing;

/// How much was found.
#[derive(Debug, Default)]
pub struct Made {
    /// Files that were not in the backup.
    pub files: usize,
    /// Items that are to be looked up.
    pub unresolved: usize,
    /// Where the database lies that was there before.
    pub aside: Option<PathBuf>,
}

/// The agent's note of originals that could not be read, one path a line.
pub const UNREADABLE: &str = "unreadable_originals";

/// Folds what is younger into a database that comes from a backup, or fills an empty one.
///
/// # Errors
/// A folder can't be read, or the database can't be written.
pub fn rebuild(connection: &mut Connection, config: &Config, now: Timestamp) -> Result<Made, RecoverError> {
    let mut receipts = super::receipts::read(config)?;
    originals::unstage(config, &receipts)?;
    let tx = connection.transaction()?;
    let held = store::load_held(&tx)?;
    let (last_id, last_change) = store::last_numbers(&tx)?;
    let written = last_sequence(config)?;
    let sequence = written.max(last_change);
    let known: HashSet<i64> = held.iter().map(|held| held.id).collect();
    let mut builder = Builder {
        tx: &tx,
        config,
        now: clock::text(now),
        fresh: receipts.ids.iter().copied().max().unwrap_or(0).max(last_id),
        before: last_id,
        used: &receipts.ids | &known,
        given: known,
        arrivals: store::load_arrivals(&tx)?,
        files: HashMap::new(),
        made: Made::default(),
    };
    let mut unreadable = Vec::new();
    if !held.is_empty() || last_change > 0 {
        store::forget_that_time(&tx, written)?;
    }
    for held in &held {
        builder.bring_up_to_date(held, &mut receipts)?;
    }
    for day in originals::days(config)? {
        let mut of_day = receipts.days.remove(&day).unwrap_or_default();
        let folder = format!("accepted/{day}");
        let is_known = |name: &str| store::knows_file(&tx, &folder, name);
        let (originals, bad) =
            originals::of_day(&Originals { config, mirror: Some(&tx) }, &day, &mut of_day, is_known)?;
        receipts.days.insert(day.clone(), of_day);
        unreadable.extend(bad);
        builder.add_day(&day, originals, &receipts, &mut unreadable)?;
    }
    builder.add_inbox(&mut receipts)?;
    builder.add_rejected()?;
    if !held.is_empty() {
        store::wait_again(&tx)?;
    }
    let (fresh, made) = (builder.fresh, builder.made);
    store::number_documents_after(&tx, fresh)?;
    store::number_changes_after(&tx, sequence)?;
    let lines: Vec<String> = unreadable.iter().map(|path| path.display().to_string()).collect();
    lines
        .iter()
        .for_each(|path| log::error!("{path} can't be read: what it asked for is not taken up again"));
    agent::set(&tx, UNREADABLE, &lines.join("\n"))?;
    if was_paused(config) && agent::paused(&tx)?.is_none() {
        agent::set_paused(&tx, Some(&format!("extend-edge, {} (as before)", clock::text(now))))?;
    }
    tx.commit()?;
    Ok(made)
}

/// A person said that nothing is to be sent: that, too, stood in the database only, and in status.json.
fn was_paused(config: &Config) -> bool {
    let text = std::fs::read_to_string(config.outgoing().join("status.json")).unwrap_or_default();
    let status: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    status["needsPerson"].as_array().is_some_and(|all| all.iter().any(|one| one["code"] == "paused"))
}

struct Builder<'a> {
    tx: &'a Transaction<'a>,
    config: &'a Config,
    now: String,
    /// The highest id that was ever given, as far as is known.
    fresh: i64,
    /// The id of the document before.
    before: i64,
    /// Ids that receipts show, or that were planned.
    used: HashSet<i64>,
    /// Ids that were given.
    given: HashSet<i64>,
    /// The last number of each name.
    arrivals: HashMap<String, i64>,
    /// Files that were recorded, by folder, name there and arrival.
    files: HashMap<(String, String, i64), i64>,
    made: Made,
}

impl Builder<'_> {
    fn originals(&self) -> Originals<'_> {
        Originals { config: self.config, mirror: Some(self.tx) }
    }

    fn add_day(
        &mut self,
        day: &str,
        originals: Vec<Original>,
        receipts: &Receipts,
        unreadable: &mut Vec<PathBuf>,
    ) -> Result<(), RecoverError> {
        let told: Vec<Option<i64>> =
            originals.iter().map(|original| original.receipt.as_ref().map(|receipt| receipt.id)).collect();
        let ids = ids(&told, &mut self.used, &mut self.before, &mut self.fresh);
        let mut planned = Vec::with_capacity(originals.len());
        let mut arrivals: HashMap<String, i64> = HashMap::new();
        for (original, id) in originals.into_iter().zip(ids) {
            let arrival = match arrivals.get(&original.stored) {
                Some(arrival) => *arrival,
                None => self.arrival(&original.name, original.receipt.as_ref(), receipts),
            };
            arrivals.insert(original.stored.clone(), arrival);
            planned.push((original, id, arrival));
        }
        // Where the order of their coming is not certain, one that has ended never ends one that has not.
        planned.sort_by_key(|(original, _, _)| {
            !original.receipt.as_ref().is_some_and(|receipt| receipt.told.ending.is_no())
        });
        let (mut of, mut bytes, mut documents) = (PathBuf::new(), Vec::new(), Vec::new());
        for (original, id, arrival) in planned {
            if of != original.path {
                let Ok(read) = std::fs::read(&original.path) else {
                    unreadable.push(original.path);
                    continue;
                };
                documents = originals::documents(&read, &original.name, &self.originals()).0;
                bytes = read;
                of.clone_from(&original.path);
            }
            let held = documents.binary_search_by_key(&original.position, |held| held.position);
            let Ok(document) = held.map(|place| documents[place].document.clone()) else { continue };
            let file = File {
                name: &original.name,
                folder: &format!("accepted/{day}"),
                stored: &original.stored,
                arrival,
                received_at: &original.received_at,
                bytes: &bytes,
                in_inbox: false,
                made: original.made,
                unsure: original.unsure,
                position: original.position,
                is_one_of_several: original.is_one_of_several,
            };
            self.add(&file, document, original.receipt.as_ref(), id, receipts)?;
        }
        Ok(())
    }

    /// A document that the backup holds: what became of it since.
    fn bring_up_to_date(&mut self, held: &Held, receipts: &mut Receipts) -> Result<(), RecoverError> {
        let receipt = receipts.take(held.id, &held.file, &held.received_at);
        if receipt.is_none() {
            owed::owe(self.tx, "receipt", &held.file_id.to_string())?;
        }
        let (Some(state), Some(kind)) = (&held.state, Kind::from_name(&held.kind)) else { return Ok(()) };
        let then = Ending::of(state, held.has_number || !kind.has_key());
        let told = receipt.as_ref().map(|receipt| receipt.told.ending);
        let since = since_backup(then, told, kind.has_key());
        if since != Since::AsBefore
            && let Some(receipt) = &receipt
            && let Some(edited) = receipts.edited(receipt)?
        {
            self.correct(held.id, &edited)?;
        }
        let standing = match since {
            Since::AsBefore if receipt.is_none() && state == "refused" && kind.has_key() => {
                return Ok(store::look_up_first(self.tx, held.id)?);
            }
            Since::AsBefore => return Ok(()),
            Since::AsTold => self.told(receipt.as_ref(), receipts)?,
            Since::LookUp => self.unresolved(self.told(receipt.as_ref(), receipts)?, &held.received_at),
            Since::Recovered => self.recovered(),
        };
        self.made.unresolved += usize::from(standing.state == "sending");
        Ok(store::update_item(self.tx, held, &standing)?)
    }

    /// A correction by hand that the backup does not have.
    fn correct(&self, id: i64, edited: &Edited) -> Result<(), RecoverError> {
        let Some(item) = outbox::load(self.tx, id)? else { return Ok(()) };
        let body = edited.document.body.to_string();
        if item.payload != body {
            outbox::keep_before_edit(self.tx, id, &edited.by, &edited.at)?;
            store::update_document(self.tx, id, &edited.document)?;
        }
        Ok(())
    }

    /// What was set aside goes on being told.
    fn add_rejected(&mut self) -> Result<(), RecoverError> {
        let folder = self.config.rejected();
        let mut names = file_names(&folder)?;
        names.sort_unstable();
        for name in names {
            let Some(stored_name) = name.strip_suffix(".error.json") else { continue };
            let (path, original) = (folder.join(&name), folder.join(stored_name));
            let Ok(metadata) = std::fs::symlink_metadata(&original) else { continue };
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let told: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let Some(file) = told["file"].as_str() else { continue };
            if store::knows_file(self.tx, "rejected", stored_name)? {
                continue;
            }
            let written = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
            let at = written.and_then(|time| Timestamp::try_from(time).ok()).map(clock::text);
            let problems = problems_in(&told);
            let rejected = RejectedFile {
                name: file,
                stored_name,
                size: i64::try_from(metadata.len()).unwrap_or(i64::MAX),
                at: at.as_deref().unwrap_or(&self.now),
                problem: &told,
                problems: &problems,
            };
            store::insert_rejected(self.tx, &rejected)?;
        }
        Ok(())
    }

    /// What lay in the inbox may have been recorded, and sent, before the database was lost and before the
    /// file could be moved. What the engine would reject or pass by as a copy is left to it.
    fn add_inbox(&mut self, receipts: &mut Receipts) -> Result<(), RecoverError> {
        let inbox = self.config.inbox();
        let mut names = file_names(&inbox)?;
        names.retain(|name| !is_left_alone(name));
        names.sort_unstable();
        for name in names {
            let Some(bytes) = self.whole_file(&inbox.join(&name))? else { continue };
            let Some(contents) = self.originals().contents(&name, &bytes) else { continue };
            if contents.is_several() {
                self.add_several(&name, &bytes, &contents, receipts)?;
                continue;
            }
            let Some(Taken { document, made, .. }) =
                originals::documents(&bytes, &name, &self.originals()).0.pop()
            else {
                continue;
            };
            let key = document.key.clone().unwrap_or_default();
            let receipt = receipts.take_unclaimed(&name, &key, 1);
            if receipt.is_none() && !document.kind.has_key() {
                // Nothing says that it was ever taken over.
                continue;
            }
            let known = outbox::latest_with_key(self.tx, document.kind, &key)?;
            // The backup has it as not moved yet, and the engine goes on with it.
            if intake::is_being_moved(self.tx, &name, Some(&canonical::bytes_hash(&bytes)))? {
                continue;
            }
            if receipt.is_none()
                && decide(&key, made, &document.content_hash, known.as_ref()) != Verdict::Accept
            {
                continue;
            }
            let told = [receipt.as_ref().map(|receipt| receipt.id)];
            let id = ids(&told, &mut self.used, &mut self.before, &mut self.fresh)[0];
            let arrival = self.arrival(&name, receipt.as_ref(), receipts);
            let received_at = receipt.as_ref().map_or(&self.now, |receipt| &receipt.received_at).clone();
            let file = File {
                name: &name,
                folder: &format!("accepted/{}", received_at.get(..10).unwrap_or_default()),
                stored: &name,
                arrival,
                received_at: &received_at,
                bytes: &bytes,
                in_inbox: true,
                made,
                unsure: false,
                position: 1,
                is_one_of_several: false,
            };
            self.add(&file, document, receipt.as_ref(), id, receipts)?;
        }
        Ok(())
    }

    fn whole_file(&self, path: &Path) -> Result<Option<Vec<u8>>, RecoverError> {
        let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(None) };
        if !metadata.is_file() || metadata.len() > self.config.exchange.max_file_bytes {
            return Ok(None);
        }
        // What can't be read is the watcher's to tell.
        Ok(std::fs::read(path).ok())
    }

    /// The number of a file among those of its name: its receipt's, else one that no receipt has. The
    /// newest, whose receipt is plain, comes after all of them.
    fn arrival(&mut self, name: &str, receipt: Option<&Receipt>, receipts: &Receipts) -> i64 {
        let last = self.arrivals.entry(name.to_owned()).or_insert(0);
        let taken = receipts.arrivals.get(name);
        let is_taken = |number: &i64| taken.is_some_and(|(all, _)| all.contains(number));
        let highest = taken.map_or(0, |(_, highest)| *highest).max(*last);
        let arrival = match receipt.map(|receipt| receipt.arrival) {
            Some(Some(arrival)) if arrival > *last => arrival,
            // Where it was, in a gap between those that are known.
            None => (*last + 1..=highest).find(|number| !is_taken(number)).unwrap_or(highest + 1),
            Some(_) => highest + 1,
        };
        *last = arrival.max(*last);
        arrival
    }

    fn add(
        &mut self,
        file: &File<'_>,
        document: Document,
        receipt: Option<&Receipt>,
        id: i64,
        receipts: &Receipts,
    ) -> Result<(), RecoverError> {
        let edited = receipt.map(|receipt| receipts.edited(receipt)).transpose()?.flatten();
        let original = document;
        let document = edited.as_ref().map_or(&original, |edited| &edited.document);
        let key = document.key.clone().unwrap_or_default();
        let earlier = store::earlier(self.tx, document)?;
        let told = receipt.map(|receipt| receipt.told);
        let fate = match document.kind.has_key() {
            true => {
                let fate = fate(&key, file.made, &document.content_hash, earlier.as_ref(), told, file.unsure);
                if file.is_one_of_several { fate_of_one_of_several(fate, told) } else { fate }
            }
            false => fate_of_change(told),
        };
        let id = self.id(id, earlier.as_ref().map(|earlier| earlier.known.id));
        let file_id = self.file(file)?;
        let duplicate_of = match &fate {
            Fate::Duplicate { of } => Some(*of),
            _ => None,
        };
        let warnings = warnings(&original, file.made, &[], self.config.exchange.language);
        let recorded = Document { key: document.key.clone(), ..original.clone() };
        let at = (file_id, file.position);
        store::insert_document(self.tx, id, at, &recorded, duplicate_of, &warnings)?;
        let mut is_as_shown = receipt.is_some_and(|receipt| receipt.id == id) && file.arrival == 1;
        let (standing, ends) = match fate {
            Fate::Duplicate { .. } => (None, None),
            Fate::AsTold => (Some(self.told(receipt, receipts)?), None),
            Fate::AsToldInPlaceOf { ends } => (Some(self.told(receipt, receipts)?), Some(ends)),
            Fate::LookUp { ends } => {
                (Some(self.unresolved(self.told(receipt, receipts)?, file.received_at)), ends)
            }
            Fate::AskPerson => (Some(self.left_to_person(document)), None),
            Fate::Recovered => (Some(self.recovered()), None),
        };
        if let Some(standing) = standing {
            let state = standing.state.as_str();
            is_as_shown &= state != "sending";
            self.made.unresolved += usize::from(state == "sending");
            store::insert_item(self.tx, id, document, file.made, file.name, file.received_at, &standing)?;
            if let Some(edited) = &edited {
                store::insert_edit(self.tx, id, &edited.at, &edited.by, &original)?;
            }
            let replaced = ends
                .or_else(|| earlier.filter(|earlier| earlier.known.ended).map(|earlier| earlier.known.id));
            if let Some(replaced) = replaced {
                store::end_replaced(self.tx, replaced, id, file.received_at)?;
            }
            if !["delivered", "cancelled"].contains(&state) {
                outbox::wait_where_needed(self.tx, id, document)?;
            }
        } else {
            is_as_shown = false;
        }
        if !is_as_shown {
            owed::owe(self.tx, "receipt", &file_id.to_string())?;
        }
        Ok(())
    }

    /// Records a file with its first document.
    fn file(&mut self, file: &File<'_>) -> Result<i64, RecoverError> {
        let at = (file.folder.to_owned(), file.stored.to_owned(), file.arrival);
        if let Some(id) = self.files.get(&at) {
            return Ok(*id);
        }
        let id = store::insert_file(
            self.tx,
            &AcceptedFile {
                name: file.name,
                arrival: file.arrival,
                content_hash: &canonical::bytes_hash(file.bytes),
                size: file.bytes.len() as i64,
                received_at: file.received_at,
                folder: file.folder,
                stored_name: file.stored,
                to_move: file.in_inbox.then_some(file.bytes),
            },
        )?;
        self.made.files += 1;
        self.files.insert(at, id);
        Ok(id)
    }

    /// The planned id, unless it was given already or comes before that of an earlier item of the same key:
    /// the newest of a key must have the highest.
    fn id(&mut self, planned: i64, earlier: Option<i64>) -> i64 {
        let fits = !self.given.contains(&planned) && earlier.is_none_or(|earlier| earlier < planned);
        let id = if fits {
            planned
        } else {
            self.fresh += 1;
            self.fresh
        };
        self.fresh = self.fresh.max(id);
        self.used.insert(id);
        self.given.insert(id);
        id
    }

    fn told(&self, receipt: Option<&Receipt>, receipts: &Receipts) -> Result<Standing, RecoverError> {
        Ok(receipt.map(|receipt| receipts.standing(receipt)).transpose()?.unwrap_or_default())
    }
}

/// A file to record.
struct File<'a> {
    name: &'a str,
    folder: &'a str,
    stored: &'a str,
    arrival: i64,
    received_at: &'a str,
    bytes: &'a [u8],
    in_inbox: bool,
    made: bool,
    unsure: bool,
    position: usize,
    is_one_of_several: bool,
}
