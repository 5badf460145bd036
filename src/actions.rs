//! What people do with items of the outbox: try again, call off, correct. A command and the status page do it
//! in the same way, each in one short transaction of its own, while the agent works on.

use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::clock;
use crate::config::{Config, Language};
use crate::exchange::put::Publisher;
use crate::formats::json;
use crate::formats::problem::Problem;
use crate::store::outbox::{self, CalledOff, EditError, Summary};
use crate::store::{intake, owed};

/// Who does it and when, for the record.
#[derive(Debug, Clone)]
pub struct Hand {
    /// Who.
    pub who: String,
    /// When, as the tables have it.
    pub at: String,
}

impl Hand {
    /// `who`, now.
    pub fn of(who: impl Into<String>) -> Hand {
        Hand { who: who.into(), at: clock::text(jiff::Timestamp::now()) }
    }
}

/// What is done with an item as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is sent again, as soon as Extend answers.
    Retry,
    /// It is called off.
    Cancel,
}

/// What was done with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It is sent again, as soon as Extend answers.
    Retried,
    /// It is called off.
    CalledOff,
    /// It is called off once it has been looked up at Extend and is not there.
    LookedUpFirst,
}

impl Done {
    /// Its word in an address.
    pub fn word(self) -> &'static str {
        match self {
            Done::Retried => "retry",
            Done::CalledOff => "cancel",
            Done::LookedUpFirst => "cancel-once-looked-up",
        }
    }

    /// That of this word.
    pub fn of_word(word: &str) -> Option<Done> {
        [Done::Retried, Done::CalledOff, Done::LookedUpFirst].into_iter().find(|done| done.word() == word)
    }

    /// What came of it, for people.
    pub fn sentence(self, id: i64, language: Language) -> String {
        match self {
            Done::Retried => language.pick(
                format!("item {id} is sent as soon as Extend answers"),
                format!("post {id} skickas så snart Extend svarar"),
            ),
            Done::CalledOff => {
                language.pick(format!("item {id} is called off"), format!("post {id} är avbeställd"))
            }
            Done::LookedUpFirst => language.pick(
                format!(
                    "item {id} may be at Extend since the backup was made: it is looked up there, and called off where \
                     it is not found"
                ),
                format!(
                    "post {id} kan ha kommit till Extend sedan säkerhetskopian gjordes: den söks upp där, och avbeställs \
                     om den inte finns"
                ),
            ),
        }
    }
}

/// Why nothing was done. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// There is no such item.
    #[error("there is no item {0}")]
    Missing(i64),
    /// An attempt has no known outcome.
    #[error("item {0} is in doubt")]
    Unresolved(i64),
    /// A later item with the same number took its place: both would be sent.
    #[error("item {id} was replaced by item {newer}")]
    Replaced {
        /// The item.
        id: i64,
        /// That later item.
        newer: i64,
    },
    /// Its state does not allow it.
    #[error("item {id} is {state}")]
    State {
        /// The item.
        id: i64,
        /// What it is.
        state: String,
    },
    /// The corrected document is wrong.
    #[error("the document is wrong")]
    Document(Vec<Problem>),
    /// The corrected document can't stand in the item's place.
    #[error(transparent)]
    Edit(EditError),
    /// SQLite's.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Sends a refused or waiting item again, as soon as Extend answers. Gives what is done with it.
///
/// # Errors
/// It can't be, and why.
pub fn retry(connection: &Connection, id: i64, hand: &Hand) -> Result<Done, NotDone> {
    let transaction = begin(connection)?;
    if !outbox::retry(&transaction, id, &hand.who, &hand.at)? {
        return Err(why_not(&transaction, id, true)?);
    }
    transaction.commit()?;
    Ok(Done::Retried)
}

/// What was refused and may be sent again together, and what must be looked at one by one first, as Extend may
/// have it.
///
/// # Errors
/// SQLite's.
pub fn load_refused_to_retry(connection: &Connection) -> rusqlite::Result<(Vec<Summary>, Vec<Summary>)> {
    let all = outbox::load_refused(connection, usize::MAX >> 1)?;
    Ok(all.into_iter().partition(|item| !item.may_be_done()))
}

/// Says that items were left out of those that are sent again together; empty where none was.
pub fn left_out(count: usize, language: Language) -> String {
    match count {
        0 => String::new(),
        _ => language.pick(
            format!(
                "{count} left out, as Extend may have them: look at Extend, then retry or cancel each by itself"
            ),
            format!(
                "{count} utelämnades, då Extend kan ha dem: se efter i Extend, och försök sedan igen med eller \
                 avbeställ var och en för sig"
            ),
        ),
    }
}

/// Calls an item off: it is not sent. Gives what is done with it.
///
/// # Errors
/// It can't be, and why.
pub fn cancel(connection: &Connection, id: i64, hand: &Hand) -> Result<Done, NotDone> {
    let transaction = begin(connection)?;
    let done = match outbox::cancel(&transaction, id, &hand.who, &hand.at)? {
        CalledOff::Now => Done::CalledOff,
        CalledOff::OnceLookedUp => Done::LookedUpFirst,
        CalledOff::Not => return Err(why_not(&transaction, id, false)?),
    };
    transaction.commit()?;
    Ok(done)
}

/// Puts a corrected document in an item's place and queues it; the original is kept. Gives why the receipt
/// could not be written at once, where it could not: the agent writes it then.
///
/// # Errors
/// It can't be, and why.
pub fn edit(
    connection: &Connection,
    config: &Config,
    id: i64,
    bytes: &[u8],
    hand: &Hand,
) -> Result<Option<String>, NotDone> {
    let document = json::parse(bytes).map_err(NotDone::Document)?;
    let transaction = begin(connection)?;
    outbox::edit(&transaction, id, document, &hand.who, &hand.at).map_err(|error| match error {
        EditError::Missing(id) => NotDone::Missing(id),
        EditError::Unresolved(id) => NotDone::Unresolved(id),
        EditError::Sqlite(error) => NotDone::Sqlite(error),
        other => NotDone::Edit(other),
    })?;
    transaction.commit()?;
    // A database that is made again finds the correction there: it must not wait for an agent that may not
    // run.
    let receipt = intake::file_of(connection, id).map_err(std::io::Error::other);
    let written = receipt.and_then(|file| Publisher::put_receipt_now(Arc::new(config.clone()), file));
    // The agent may have written a younger one meanwhile: it writes it once more.
    owed::owe_receipts_of(connection, id)?;
    Ok(written.err().map(|error| error.to_string()))
}

/// Immediate: one that reads first and writes then is turned away at once where the agent wrote in between,
/// without waiting its turn.
fn begin(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
    Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
}

fn why_not(connection: &Connection, id: i64, again: bool) -> rusqlite::Result<NotDone> {
    if again && let Some(newer) = outbox::successor(connection, id)? {
        return Ok(NotDone::Replaced { id, newer });
    }
    Ok(match outbox::load_summary(connection, id)? {
        None => NotDone::Missing(id),
        Some(item) if ["queued", "sending"].contains(&item.state.as_str()) => NotDone::Unresolved(id),
        Some(item) => NotDone::State { id, state: item.state },
    })
}

impl NotDone {
    /// A sentence for people, or several.
    pub fn sentence(&self, language: Language) -> String {
        match self {
            NotDone::Missing(id) => {
                language.pick(format!("there is no item {id}"), format!("det finns ingen post {id}"))
            }
            NotDone::Unresolved(id) | NotDone::Edit(EditError::Unresolved(id)) => language.pick(
                format!("item {id}: an attempt was made and its outcome is not known yet; it is looked up at Extend first. Ask again when that is done"),
                format!("post {id}: ett försök har gjorts och ingen vet ännu hur det gick; den söks först upp i Extend. Försök igen när det är klart"),
            ),
            NotDone::Replaced { id, newer } => language.pick(
                format!("item {id}: item {newer} came later with the same number and took its place"),
                format!("post {id}: post {newer} kom senare med samma nummer och tog dess plats"),
            ),
            NotDone::State { id, state } => language.pick(
                format!("item {id} is {state}; there is nothing to retry or cancel"),
                format!("post {id} är {}; det finns inget att skicka igen eller avbeställa", swedish(state)),
            ),
            NotDone::Document(problems) => {
                let sentences: Vec<String> = problems.iter().map(|problem| problem.message(language)).collect();
                sentences.join("\n")
            }
            NotDone::Edit(EditError::State(id, state)) => language.pick(
                format!("item {id} is {state}; only what is queued or refused, and was not replaced by a later one, can be edited"),
                format!("post {id} är {}; bara det som är i kö eller nekat, och inte ersatt av en senare, kan ändras", swedish(state)),
            ),
            NotDone::Edit(EditError::Kind(id, is, became)) => language.pick(
                format!("item {id} is of the kind {is}, and the corrected document of the kind {became}; an edit keeps the kind"),
                format!("post {id} är av slaget {is}, och det rättade dokumentet av slaget {became}; en rättelse behåller slaget"),
            ),
            NotDone::Edit(EditError::Key(key, other)) => language.pick(
                format!("the number {key} belongs to item {other} already; keep the number of this item, or take a new one"),
                format!("numret {key} hör redan till post {other}; behåll denna posts nummer, eller ta ett nytt"),
            ),
            NotDone::Edit(other) => other.to_string(),
            NotDone::Sqlite(error) => error.to_string(),
        }
    }
}

/// A state as people say it.
fn swedish(state: &str) -> &str {
    match state {
        "queued" => "i kö",
        "sending" => "under sändning",
        "delivered" => "levererad",
        "refused" => "nekad",
        "cancelled" => "avbeställd",
        other => other,
    }
}
