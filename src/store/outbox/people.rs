//! The outbox as people see it, and what they may do with it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{give_up_preparation, latest_with_key, load, release_followers, wait_where_needed};
use crate::formats::document::Document;
use crate::formats::receipt::Edited;
use crate::store::owed::owe_receipts_of;

/// How many items are in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting to be sent.
    pub queued: i64,
    /// Being sent, or sent without a clear answer and to be looked up.
    pub sending: i64,
    /// A person must act.
    pub refused: i64,
    /// At Extend.
    pub delivered: i64,
    /// Called off.
    pub cancelled: i64,
    /// When the oldest that is queued or being sent was received.
    pub oldest_waiting: Option<String>,
}

/// How many items are in each state.
///
/// # Errors
/// SQLite's.
pub fn counts(connection: &Connection) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    let mut statement = connection.prepare_cached("SELECT state, count(*) FROM outbox GROUP BY state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (state, count): (String, i64) = (row.get(0)?, row.get(1)?);
        match state.as_str() {
            "queued" => counts.queued = count,
            "sending" => counts.sending = count,
            "refused" => counts.refused = count,
            "delivered" => counts.delivered = count,
            _ => counts.cancelled = count,
        }
    }
    counts.oldest_waiting = connection
        .prepare_cached(
            // Each by its index: in the order of ids it would read every row until it finds one, and where
            // nothing waits there is none.
            "SELECT received_at FROM outbox WHERE id = (
                 SELECT min(id) FROM (SELECT min(id) AS id FROM outbox WHERE state = 'queued'
                                      UNION ALL SELECT min(id) FROM outbox WHERE state = 'sending'))",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(counts)
}

/// An item as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: i64,
    /// The contract's name of its kind.
    pub kind: String,
    /// Its key.
    pub key: Option<String>,
    /// Its state.
    pub state: String,
    /// The file that it came in.
    pub source_file: String,
    /// When.
    pub received_at: String,
    /// Requests begun.
    pub attempts: i64,
    /// When it is tried or looked up again.
    pub next_attempt_at: Option<String>,
    /// What it waits for.
    pub waits_for: Option<String>,
    /// When Extend had it.
    pub delivered_at: Option<String>,
    /// Extend's number.
    pub extend_number: Option<String>,
    /// A word for programs.
    pub error_code: Option<String>,
    /// Extend's words, or the agent's.
    pub error_message: Option<String>,
}

/// Codes of what was refused because nobody knows whether Extend has it.
const FOR_A_PERSON_TO_TELL: [&str; 4] = ["look_alike", "unconfirmed", "unclear_change", "recovered"];

impl Summary {
    /// Whether Extend may have done it: to send it again could double it, so somebody must look at Extend first.
    pub fn may_be_done(&self) -> bool {
        self.error_code.as_deref().is_some_and(|code| FOR_A_PERSON_TO_TELL.contains(&code))
    }
}

// What an item waits for is looked up for each that is shown: joined, the view would be worked out for all.
const SUMMARY: &str = "SELECT o.id, o.kind, o.key, o.state, o.source_file, o.received_at, o.attempts,
    o.next_attempt_at, (SELECT waits_for FROM report_backlog b WHERE b.id = o.id), o.delivered_at,
    o.extend_number, o.error_code, o.error_message
    FROM outbox o";

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    Ok(Summary {
        id: row.get(0)?,
        kind: row.get(1)?,
        key: row.get(2)?,
        state: row.get(3)?,
        source_file: row.get(4)?,
        received_at: row.get(5)?,
        attempts: row.get(6)?,
        next_attempt_at: row.get(7)?,
        waits_for: row.get(8)?,
        delivered_at: row.get(9)?,
        extend_number: row.get(10)?,
        error_code: row.get(11)?,
        error_message: row.get(12)?,
    })
}

/// Refused items, oldest first.
///
/// # Errors
/// SQLite's.
pub fn load_refused(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Summary>> {
    connection
        .prepare_cached(&format!("{SUMMARY} WHERE o.state = 'refused' ORDER BY o.id LIMIT ?1"))?
        .query_map([limit as i64], summary)?
        .collect()
}

/// Items that failed `failures` times in a row while Extend was otherwise well.
///
/// # Errors
/// SQLite's.
pub fn load_failing(connection: &Connection, failures: u32, limit: usize) -> rusqlite::Result<Vec<Summary>> {
    connection
        .prepare_cached(&format!(
            "{SUMMARY} INDEXED BY outbox_failing
             WHERE o.failures > 0 AND o.failures >= ?1 AND o.state IN ('queued', 'sending') ORDER BY o.id LIMIT ?2"
        ))?
        .query_map(params![failures, limit as i64], summary)?
        .collect()
}

/// Items in a state (`None`: those that wait or were refused), oldest first.
///
/// # Errors
/// SQLite's.
pub fn list(connection: &Connection, state: Option<&str>, limit: usize) -> rusqlite::Result<Vec<Summary>> {
    match state {
        Some(state) => connection
            .prepare_cached(&format!("{SUMMARY} WHERE o.state = ?1 ORDER BY o.id LIMIT ?2"))?
            .query_map(params![state, limit as i64], summary)?
            .collect(),
        None => connection
            .prepare_cached(&format!(
                "{SUMMARY} INDEXED BY outbox_state
                 WHERE o.state IN ('queued', 'sending', 'refused') ORDER BY o.id LIMIT ?1"
            ))?
            .query_map([limit as i64], summary)?
            .collect(),
    }
}

/// One item as people see it.
///
/// # Errors
/// SQLite's.
pub fn load_summary(connection: &Connection, id: i64) -> rusqlite::Result<Option<Summary>> {
    connection.prepare_cached(&format!("{SUMMARY} WHERE o.id = ?1"))?.query_row([id], summary).optional()
}

/// An attempt or a look-up as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// `send`, `look_up` or `prepare`.
    pub kind: String,
    /// When.
    pub started_at: String,
    /// Milliseconds; `None`: it never ended.
    pub duration_ms: Option<i64>,
    /// A word.
    pub outcome: String,
    /// Of the answer.
    pub http_status: Option<i64>,
    /// Extend's words.
    pub detail: Option<String>,
}

/// Every attempt at an item, oldest first.
///
/// # Errors
/// SQLite's.
pub fn load_attempts(connection: &Connection, id: i64) -> rusqlite::Result<Vec<Attempt>> {
    connection
        .prepare_cached(
            "SELECT kind, started_at, duration_ms, outcome, http_status, detail FROM outbox_attempts
             WHERE outbox_id = ?1 ORDER BY id",
        )?
        .query_map([id], |row| {
            Ok(Attempt {
                kind: row.get(0)?,
                started_at: row.get(1)?,
                duration_ms: row.get(2)?,
                outcome: row.get(3)?,
                http_status: row.get(4)?,
                detail: row.get(5)?,
            })
        })?
        .collect()
}

/// Who did what to an item by hand: when, who, what.
///
/// # Errors
/// SQLite's.
pub fn load_actions(connection: &Connection, id: i64) -> rusqlite::Result<Vec<(String, String, String)>> {
    connection
        .prepare_cached("SELECT at, who, action FROM outbox_actions WHERE outbox_id = ?1 ORDER BY id")?
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}

/// The newest item with the same key that came after this one and took its place.
///
/// # Errors
/// SQLite's.
pub fn successor(connection: &Connection, id: i64) -> rusqlite::Result<Option<i64>> {
    connection.query_row(
        // A later customer document changes that customer again, where the settings let it.
        "SELECT max(newer.id) FROM outbox this JOIN outbox newer ON newer.kind = this.kind AND newer.key = this.key
         WHERE this.id = ?1 AND newer.id > this.id AND (this.kind <> 'customer' OR this.state <> 'queued')",
        [id],
        |row| row.get(0),
    )
}

/// A person wants a refused or waiting item tried at once. False: it can't be, in its state, or another
/// has taken its place and both would be sent.
///
/// # Errors
/// SQLite's.
pub fn retry(connection: &Connection, id: i64, who: &str, now: &str) -> rusqlite::Result<bool> {
    if successor(connection, id)?.is_some() {
        return Ok(false);
    }
    let changed = connection.execute(
        "UPDATE outbox SET state = 'queued', failures = 0, next_attempt_at = NULL, refused_at = NULL,
                error_code = NULL, error_message = NULL, error_field = NULL
         WHERE id = ?1 AND unresolved = 0 AND state IN ('queued', 'refused')",
        [id],
    )?;
    if changed > 0 {
        note_action(connection, id, who, "retry", now)?;
        owe_receipts_of(connection, id)?;
    }
    Ok(changed > 0)
}

/// What came of calling an item off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalledOff {
    /// It is called off.
    Now,
    /// Extend may have it since the backup that the database was restored from: it is looked up first, and called
    /// off where it is not there.
    OnceLookedUp,
    /// It can't be, in its state.
    Not,
}

/// The note of a person's wish to call an item off that must be looked up first.
const CANCEL_ONCE_LOOKED_UP: &str = "cancel, once it is looked up";

/// A person calls an item off.
///
/// # Errors
/// SQLite's.
pub fn cancel(connection: &Connection, id: i64, who: &str, now: &str) -> rusqlite::Result<CalledOff> {
    let looked_up_first = connection.execute(
        "UPDATE outbox SET state = 'queued', next_attempt_at = NULL, refused_at = NULL
         WHERE id = ?1 AND unresolved = 0 AND look_up_first = 1 AND state IN ('queued', 'refused')",
        [id],
    )?;
    if looked_up_first > 0 {
        note_action(connection, id, who, CANCEL_ONCE_LOOKED_UP, now)?;
        owe_receipts_of(connection, id)?;
        return Ok(CalledOff::OnceLookedUp);
    }
    let changed = connection.execute(
        "UPDATE outbox SET state = 'cancelled', cancelled_at = ?2, next_attempt_at = NULL
         WHERE id = ?1 AND unresolved = 0 AND state IN ('queued', 'refused')",
        params![id, now],
    )?;
    if changed > 0 {
        note_action(connection, id, who, "cancel", now)?;
        // What waited for it is on its own now: it is looked up at Extend when it is sent.
        release_followers(connection, id)?;
        owe_receipts_of(connection, id)?;
        return Ok(CalledOff::Now);
    }
    Ok(CalledOff::Not)
}

/// Who wished to call an item off that has now been looked up and is not at Extend; `None` where nobody did, or did
/// something else with it since.
///
/// # Errors
/// SQLite's.
pub fn load_wish_to_cancel(connection: &Connection, id: i64) -> rusqlite::Result<Option<String>> {
    let last: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT who, action FROM outbox_actions WHERE outbox_id = ?1 ORDER BY id DESC LIMIT 1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(last.filter(|(_, action)| action == CANCEL_ONCE_LOOKED_UP).map(|(who, _)| who))
}

pub(super) fn note_action(
    connection: &Connection,
    id: i64,
    who: &str,
    action: &str,
    now: &str,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO outbox_actions (outbox_id, at, who, action) VALUES (?1, ?2, ?3, ?4)",
        params![id, now, who, action],
    )?;
    Ok(())
}

/// An item's correction as its receipt shows it; `None` where nobody corrected it.
///
/// # Errors
/// SQLite's.
pub fn load_edited(connection: &Connection, id: i64) -> rusqlite::Result<Option<Edited>> {
    let found = connection
        .prepare_cached(
            "SELECT last.at, last.who, first.key, o.payload
             FROM outbox o JOIN outbox_edits last ON last.id = (SELECT max(id) FROM outbox_edits WHERE outbox_id = ?1)
             JOIN outbox_edits first ON first.id = (SELECT min(id) FROM outbox_edits WHERE outbox_id = ?1)
             WHERE o.id = ?1",
        )?
        .query_row([id], |row| {
            let sent: Option<String> = row.get(3)?;
            Ok(Edited {
                at: row.get(0)?,
                by: row.get(1)?,
                original_key: row.get(2)?,
                document: sent.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            })
        })
        .optional()?;
    Ok(found.filter(|edited| edited.document.is_object()))
}

/// Why an item could not be corrected.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// There is no such item.
    #[error("there is no item {0}")]
    Missing(i64),
    /// Its state does not allow it.
    #[error("item {0} is {1}; only what is queued or refused can be edited")]
    State(i64, String),
    /// An attempt has no known outcome.
    #[error(
        "item {0}: an attempt was made and its outcome is not known yet; it is looked up at Extend first. Ask \
         again when that is done"
    )]
    Unresolved(i64),
    /// The correction is of another kind.
    #[error(
        "item {0} is of the kind {1}, and the corrected document of the kind {2}; an edit keeps the kind"
    )]
    Kind(i64, String, String),
    /// The correction has another key, and that key came before.
    #[error("the number {0} belongs to item {1} already; keep the number of this item, or take a new one")]
    Key(String, i64),
    /// SQLite's.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Puts a corrected document in the place of an item's and queues it. The original is kept and linked.
/// A document without a key keeps that of the item.
///
/// # Errors
/// The item can't be corrected, or the database fails; nothing was changed then.
pub fn edit(
    connection: &Connection,
    id: i64,
    mut document: Document,
    who: &str,
    now: &str,
) -> Result<(), EditError> {
    let Some(item) = load(connection, id)? else { return Err(EditError::Missing(id)) };
    let (state, unresolved): (String, bool) =
        connection.query_row("SELECT state, unresolved FROM outbox WHERE id = ?1", [id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if unresolved {
        return Err(EditError::Unresolved(id));
    }
    if !["queued", "refused"].contains(&state.as_str()) || successor(connection, id)?.is_some() {
        return Err(EditError::State(id, state));
    }
    if item.kind != document.kind {
        return Err(EditError::Kind(id, item.kind.name().into(), document.kind.name().into()));
    }
    if document.key.is_none()
        && let Some(key) = &item.key
    {
        document.set_key(key);
    }
    if document.key != item.key
        && let Some(key) = &document.key
        && let Some(known) = latest_with_key(connection, document.kind, key)?
        && known.id != id
    {
        return Err(EditError::Key(key.clone(), known.id));
    }
    keep_before_edit(connection, id, who, now)?;
    let (reference, ours) = document.order_reference();
    connection.execute(
        "UPDATE outbox SET state = 'queued', payload = ?2, key = ?3, content_hash = ?4, customer_number = ?5,
                order_reference = ?6, reference_is_ours = ?7, failures = 0, next_attempt_at = NULL, refused_at = NULL,
                error_code = NULL, error_message = NULL, error_field = NULL, target = NULL, prepared = NULL
         WHERE id = ?1",
        params![
            id,
            document.body.to_string(),
            document.key,
            document.content_hash,
            document.customer_number,
            reference,
            ours
        ],
    )?;
    connection.execute("UPDATE documents SET key = ?2 WHERE id = ?1", params![id, document.key])?;
    // It may name another order or customer than before: what was asked about that one is of no use, and what
    // this one needs may be something else.
    give_up_preparation(connection, id)?;
    connection.execute("DELETE FROM outbox_waits WHERE outbox_id = ?1", [id])?;
    connection.execute("UPDATE outbox SET ready = 1 WHERE id = ?1", [id])?;
    wait_where_needed(connection, id, &document)?;
    note_action(connection, id, who, "edit", now)?;
    owe_receipts_of(connection, id)?;
    Ok(())
}

/// Keeps what an item is before it is corrected.
///
/// # Errors
/// SQLite's.
pub fn keep_before_edit(connection: &Connection, id: i64, who: &str, now: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO outbox_edits (outbox_id, at, who, key, content_hash, payload)
         SELECT id, ?2, ?3, key, content_hash, payload FROM outbox WHERE id = ?1",
        params![id, now, who],
    )?;
    Ok(())
}

/// How many orders were received since a moment: by the first `letters` of the time, 13 for an hour and 10
/// for a day.
///
/// # Errors
/// SQLite's.
pub fn count_received(
    connection: &Connection,
    since: &str,
    letters: usize,
) -> rusqlite::Result<Vec<(String, i64)>> {
    connection
        .prepare_cached(
            "SELECT substr(received_at, 1, ?2), count(*) FROM outbox
             WHERE kind = 'order' AND received_at >= ?1 GROUP BY 1 ORDER BY 1",
        )?
        .query_map(params![since, letters as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
