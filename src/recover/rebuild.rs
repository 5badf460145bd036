//! The outbox, from the originals and their receipts, in one transaction.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction};

use super::originals::{self, Held, Original};
use super::receipts::{Receipt, Receipts};
use super::{RecoverError, file_names, last_sequence};
use crate::clock;
use crate::config::Config;
use crate::engine::warnings;
use crate::exchange::with_path;
use crate::formats::canonical;
use crate::formats::contents::Format;
use crate::formats::document::{Document, Kind};
use crate::rules::arrival::is_left_alone;
use crate::rules::intake::{Verdict, decide};
use crate::rules::recover::{Fate, fate, fate_of_change, fate_of_one_of_several, ids};
use crate::store::recover::{self as store, AcceptedFile, Standing};
use crate::store::{agent, outbox, owed};

mod several;

/// How much was found.
#[derive(Debug, Default)]
pub struct Made {
    /// Files.
    pub files: usize,
    /// Items that are to be looked up.
    pub unresolved: usize,
}

/// The agent's note of originals that could not be read, one path a line.
pub const UNREADABLE: &str = "unreadable_originals";

/// Nothing at Extend that is older than the day before its file came can be an item. Extend's clock counts
/// and the file's time is ours, which may be hours off; to take another's for ours it would need the same
/// number, customer and products within that day.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// Fills an empty database.
///
/// # Errors
/// A file can't be read, or the database can't be written.
pub fn rebuild(connection: &mut Connection, config: &Config, now: Timestamp) -> Result<Made, RecoverError> {
    let mut receipts = super::receipts::read(config)?;
    originals::unstage(config, &receipts)?;
    let sequence = last_sequence(config)?;
    let tx = connection.transaction()?;
    let mut builder = Builder {
        tx: &tx,
        config,
        now: clock::text(now),
        fresh: receipts.ids.iter().copied().max().unwrap_or(0),
        before: 0,
        used: receipts.ids.clone(),
        given: HashSet::new(),
        arrivals: HashMap::new(),
        files: HashMap::new(),
        made: Made::default(),
    };
    let mut unreadable = Vec::new();
    for day in originals::days(config)? {
        let mut of_day = receipts.days.remove(&day).unwrap_or_default();
        let (originals, bad) = originals::of_day(config, &day, &mut of_day)?;
        receipts.days.insert(day.clone(), of_day);
        builder.add_day(&day, originals, &receipts)?;
        unreadable.extend(bad);
    }
    builder.add_inbox(&mut receipts)?;
    let (fresh, made) = (builder.fresh, builder.made);
    store::number_documents_after(&tx, fresh)?;
    store::number_changes_after(&tx, sequence)?;
    let lines: Vec<String> = unreadable.iter().map(|path| path.display().to_string()).collect();
    lines
        .iter()
        .for_each(|path| log::error!("{path} can't be read: what it asked for is not taken up again"));
    agent::set(&tx, UNREADABLE, &lines.join("\n"))?;
    if was_paused(config) {
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
    fn add_day(
        &mut self,
        day: &str,
        originals: Vec<Original>,
        receipts: &Receipts,
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
                bytes = std::fs::read(&original.path).map_err(|error| with_path(&original.path, error))?;
                documents = originals::documents(&bytes, &original.name).0;
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

    /// What lay in the inbox may have been recorded, and sent, before the database was lost and before the
    /// file could be moved. What the engine would reject or pass by as a copy is left to it.
    fn add_inbox(&mut self, receipts: &mut Receipts) -> Result<(), RecoverError> {
        let inbox = self.config.inbox();
        let mut names = file_names(&inbox)?;
        names.retain(|name| !is_left_alone(name));
        names.sort_unstable();
        for name in names {
            let Some(bytes) = self.whole_file(&inbox.join(&name))? else { continue };
            let Some(contents) = Format::of(&name).ok().and_then(|format| format.parse(&bytes).ok()) else {
                continue;
            };
            if contents.is_several() {
                self.add_several(&name, &bytes, &contents, receipts)?;
                continue;
            }
            let Some(Held { document, made, .. }) = originals::documents(&bytes, &name).0.pop() else {
                continue;
            };
            let key = document.key.clone().unwrap_or_default();
            let receipt = receipts.take_unclaimed(&name, &key, 1);
            if receipt.is_none() && !document.kind.has_key() {
                // Nothing says that it was ever taken over.
                continue;
            }
            let known = outbox::latest_with_key(self.tx, document.kind, &key)?;
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
        let key = document.key.clone().unwrap_or_default();
        let earlier = store::earlier(self.tx, &document)?;
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
        let warnings = warnings(&document, file.made, self.config.exchange.language);
        store::insert_document(self.tx, id, (file_id, file.position), &document, duplicate_of, &warnings)?;
        let mut is_as_shown = receipt.is_some_and(|receipt| receipt.id == id) && file.arrival == 1;
        let (standing, ends) = match fate {
            Fate::Duplicate { .. } => (None, None),
            Fate::AsTold => (Some(self.told(receipt, receipts)?), None),
            Fate::AsToldInPlaceOf { ends } => (Some(self.told(receipt, receipts)?), Some(ends)),
            Fate::LookUp { ends } => {
                (Some(self.unresolved(self.told(receipt, receipts)?, file.received_at)), ends)
            }
            Fate::AskPerson => (Some(self.left_to_person(&document)), None),
            Fate::Recovered => (Some(self.recovered()), None),
        };
        if let Some(standing) = standing {
            let state = standing.state.as_str();
            is_as_shown &= state != "sending";
            self.made.unresolved += usize::from(state == "sending");
            store::insert_item(self.tx, id, &document, file.made, file.name, file.received_at, &standing)?;
            let replaced = ends
                .or_else(|| earlier.filter(|earlier| earlier.known.ended).map(|earlier| earlier.known.id));
            if let Some(replaced) = replaced {
                store::end_replaced(self.tx, replaced, id, file.received_at)?;
            }
            if !["delivered", "cancelled"].contains(&state) {
                outbox::wait_where_needed(self.tx, id, &document)?;
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

    fn unresolved(&self, told: Standing, received_at: &str) -> Standing {
        let received: Timestamp = received_at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let first = received.checked_sub(MARGIN).unwrap_or(received);
        Standing {
            state: "sending".into(),
            attempts: told.attempts,
            first_attempt_at: Some(clock::text(first)),
            ..Standing::default()
        }
    }

    fn recovered(&self) -> Standing {
        let message = self.config.exchange.language.pick(
            "the database was lost, and it can't be told whether this change was made. Look at the order at \
             Extend. If it is as wanted, cancel this item; if not, retry it.",
            "databasen förlorades, och det går inte att avgöra om denna ändring gjordes. Se på ordern i Extend. \
             Är den som önskat, avbryt (cancel) denna post; annars försök igen (retry).",
        );
        Standing {
            state: "refused".into(),
            error: Some(("recovered".into(), message.into(), None)),
            ..Standing::default()
        }
    }

    fn left_to_person(&self, document: &Document) -> Standing {
        let place = match document.kind {
            Kind::Return => "ReturnOrders",
            Kind::Customer => "Customers",
            _ => "CustomerOrders",
        };
        let message = self.config.exchange.language.pick(
            format!(
                "the database was lost, and it can't be told whether Extend has this. Look for it among the \
                 {place} at Extend. If it is there, cancel this item; if not, retry it."
            ),
            format!(
                "databasen förlorades, och det går inte att avgöra om Extend har detta. Leta bland {place} i \
                 Extend. Finns det där, avbryt (cancel) denna post; finns det inte, försök igen (retry)."
            ),
        );
        Standing {
            state: "refused".into(),
            error: Some(("look_alike".into(), message, None)),
            ..Standing::default()
        }
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
