//! The outbox: what the shop wants done in Extend, and every attempt at it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::formats::document::{Document, Kind, OrderReference};
use crate::rules::intake::Known;

use super::owed::owe_receipts_of;

/// An item as the engine needs it to send it or to look it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: i64,
    /// What it asks for.
    pub kind: Kind,
    /// Its key.
    pub key: Option<String>,
    /// What is sent.
    pub payload: String,
    /// The customer it names.
    pub customer_number: Option<String>,
    /// The order it names, where it names one.
    pub order: Option<OrderReference>,
    /// Requests begun.
    pub attempts: i64,
    /// Failures in a row while Extend was otherwise well.
    pub failures: u32,
    /// By Extend's clock; `None` where no answer had told it by then.
    pub first_attempt_at: Option<String>,
    /// Extend refused it after an attempt that was unclear, and it is looked up before that is believed:
    /// the code and the message.
    pub refused_once: Option<(String, String)>,
}

const ITEM_COLUMNS: &str = "id, kind, key, payload, customer_number, order_reference, reference_is_ours, \
                            attempts, failures, first_attempt_at, \
                            CASE error_code WHEN 'refused_once' THEN error_field END, coalesce(error_message, '')";

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let kind: String = row.get(1)?;
    let reference: Option<String> = row.get(5)?;
    let ours: bool = row.get(6)?;
    Ok(Item {
        id: row.get(0)?,
        kind: Kind::from_name(&kind).unwrap_or(Kind::Order),
        key: row.get(2)?,
        payload: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        customer_number: row.get(4)?,
        order: reference.map(|r| if ours { OrderReference::External(r) } else { OrderReference::Extend(r) }),
        attempts: row.get(7)?,
        failures: row.get(8)?,
        first_attempt_at: row.get(9)?,
        refused_once: row
            .get::<_, Option<String>>(10)?
            .map(|code| Ok::<_, rusqlite::Error>((code, row.get(11)?)))
            .transpose()?,
    })
}

/// What is known of the latest item with this key.
///
/// # Errors
/// SQLite's.
pub fn latest_with_key(connection: &Connection, kind: Kind, key: &str) -> rusqlite::Result<Option<Known>> {
    connection
        .prepare_cached(
            // Where nobody knows whether Extend has it, it has not ended: a second one could double it.
            "SELECT id, content_hash,
                    state IN ('refused', 'cancelled') AND coalesce(error_code, '') <> 'look_alike',
                    extend_number IS NOT NULL, source_file
             FROM outbox WHERE kind = ?1 AND key = ?2 ORDER BY id DESC LIMIT 1",
        )?
        .query_row([kind.name(), key], |row| {
            Ok(Known {
                id: row.get(0)?,
                content_hash: row.get(1)?,
                ended: row.get(2)?,
                at_extend: row.get(3)?,
                source_file: row.get(4)?,
            })
        })
        .optional()
}

/// Puts a document into the outbox under its document id.
///
/// # Errors
/// SQLite's.
pub fn insert(
    connection: &Connection,
    id: i64,
    document: &Document,
    made_key: bool,
    source_file: &str,
    received_at: &str,
) -> rusqlite::Result<()> {
    let (reference, ours) = match &document.order {
        Some(OrderReference::Extend(number)) => (Some(number), false),
        Some(OrderReference::External(number)) => (Some(number), true),
        None => (None, false),
    };
    connection
        .prepare_cached(
            "INSERT INTO outbox (id, kind, key, state, payload, source_file, received_at, content_hash, made_key,
                                 customer_number, order_reference, reference_is_ours)
             VALUES (?1, ?2, ?3, 'queued', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            id,
            document.kind.name(),
            document.key,
            document.body.to_string(),
            source_file,
            received_at,
            document.content_hash,
            made_key,
            document.customer_number,
            reference,
            ours,
        ])?;
    Ok(())
}

/// Makes an item wait for another, which must not have ended.
///
/// # Errors
/// SQLite's.
pub fn wait_for(connection: &Connection, id: i64, other: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO outbox_waits (outbox_id, waits_for) VALUES (?1, ?2)")?
        .execute([id, other])?;
    connection.prepare_cached("UPDATE outbox SET ready = 0 WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// A return waits for the order that it names while that is still here, and for earlier documents about
/// the same order.
///
/// # Errors
/// SQLite's.
pub fn wait_where_needed(connection: &Connection, id: i64, document: &Document) -> rusqlite::Result<()> {
    let reference = match &document.order {
        None => return Ok(()),
        Some(OrderReference::Extend(number)) => number,
        Some(OrderReference::External(external)) => {
            if let Some(order) = open_order_with_external(connection, external)? {
                wait_for(connection, id, order)?;
            }
            external
        }
    };
    if let Some(earlier) = open_about_order(connection, reference, id)? {
        wait_for(connection, id, earlier)?;
    }
    Ok(())
}

/// The newest item that gave, or will give, Extend the order with this external number.
///
/// # Errors
/// SQLite's.
pub fn order_with_external(
    connection: &Connection,
    external: &str,
) -> rusqlite::Result<Option<(i64, String, Option<String>)>> {
    connection
        .prepare_cached(
            "SELECT id, state, extend_number FROM outbox WHERE kind = 'order' AND key = ?1
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row([external], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

/// Items that may be sent now, oldest first. No item is ever told to wait until after `latest`: one that
/// seems to was told so before the clock was set back, and waits no longer.
///
/// # Errors
/// SQLite's.
pub fn load_ready(
    connection: &Connection,
    now: &str,
    latest: &str,
    without: &[&str],
    limit: usize,
) -> rusqlite::Result<Vec<Item>> {
    let without = serde_json::Value::from(without.to_vec()).to_string();
    connection
        .prepare_cached(&format!(
            "SELECT {ITEM_COLUMNS} FROM outbox INDEXED BY outbox_ready
             WHERE state = 'queued' AND ready = 1
               AND (next_attempt_at IS NULL OR next_attempt_at <= ?1 OR next_attempt_at > ?2)
               AND kind NOT IN (SELECT value FROM json_each(?3))
             ORDER BY id LIMIT ?4"
        ))?
        .query_map(params![now, latest, without, limit as i64], item)?
        .collect()
}

/// When the next item that waits may be sent. It looks at every item that is ready.
///
/// # Errors
/// SQLite's.
pub fn next_due(connection: &Connection, now: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(
            "SELECT min(next_attempt_at) FROM outbox INDEXED BY outbox_ready
             WHERE state = 'queued' AND ready = 1 AND next_attempt_at > ?1",
        )?
        .query_row([now], |row| row.get(0))
}

/// One item.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection, id: i64) -> rusqlite::Result<Option<Item>> {
    connection
        .prepare_cached(&format!("SELECT {ITEM_COLUMNS} FROM outbox WHERE id = ?1"))?
        .query_row([id], item)
        .optional()
}

/// Items with an attempt whose outcome is not known.
///
/// # Errors
/// SQLite's.
pub fn load_unresolved(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT id FROM outbox WHERE state = 'sending' ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Counts an attempt before it is made and gives its id; `None` where the item may not be sent any more.
///
/// # Errors
/// SQLite's.
pub fn begin_attempt(
    connection: &Connection,
    id: i64,
    now: &str,
    server_now: Option<&str>,
) -> rusqlite::Result<Option<i64>> {
    let taken = connection
        .prepare_cached(
            "UPDATE outbox SET state = 'sending', unresolved = 1, attempts = attempts + 1, next_attempt_at = NULL,
                    error_code = NULL, error_message = NULL, error_field = NULL,
                    first_attempt_at = coalesce(first_attempt_at, ?2)
             WHERE id = ?1 AND state = 'queued'",
        )?
        .execute(params![id, server_now])?;
    if taken == 0 {
        return Ok(None);
    }
    owe_receipts_of(connection, id)?;
    begin(connection, id, "send", now).map(Some)
}

/// Notes a look-up before it is made and gives its id.
///
/// # Errors
/// SQLite's.
pub fn begin_look_up(connection: &Connection, id: i64, now: &str) -> rusqlite::Result<i64> {
    begin(connection, id, "look_up", now)
}

fn begin(connection: &Connection, id: i64, kind: &str, now: &str) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO outbox_attempts (outbox_id, kind, started_at, outcome) VALUES (?1, ?2, ?3, 'begun')",
        )?
        .execute(params![id, kind, now])?;
    Ok(connection.last_insert_rowid())
}

/// What came of an attempt or a look-up.
#[derive(Debug, Clone)]
pub struct AttemptEnd<'a> {
    /// The attempt.
    pub id: i64,
    /// A word: `delivered`, `refused`, `again`, `unclear`, `found`, `not_found`, `look_alike`, `failed` …
    pub outcome: &'a str,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Of the answer.
    pub http_status: Option<u16>,
    /// Extend's words, or why there were none.
    pub detail: Option<&'a str>,
}

/// Writes down what came of an attempt or a look-up.
///
/// # Errors
/// SQLite's.
pub fn end_attempt(connection: &Connection, end: &AttemptEnd<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox_attempts SET outcome = ?2, duration_ms = ?3, http_status = ?4, detail = ?5 WHERE id = ?1",
        )?
        .execute(params![end.id, end.outcome, end.duration_ms as i64, end.http_status, end.detail])?;
    Ok(())
}

/// Extend has it.
///
/// # Errors
/// SQLite's.
pub fn mark_delivered(
    connection: &Connection,
    id: i64,
    number: &str,
    answer: &str,
    now: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'delivered', unresolved = 0, failures = 0, delivered_at = ?2,
                    extend_number = ?3, answer = ?4, next_attempt_at = NULL,
                    error_code = NULL, error_message = NULL, error_field = NULL
             WHERE id = ?1",
        )?
        .execute(params![id, now, number, answer])?;
    release_followers(connection, id)?;
    owe_receipts_of(connection, id)
}

/// Extend or the agent said no: a person must act. Followers go on waiting.
///
/// # Errors
/// SQLite's.
pub fn mark_refused(
    connection: &Connection,
    id: i64,
    code: &str,
    message: &str,
    now: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'refused', unresolved = 0, refused_at = ?2, error_code = ?3,
                    error_message = ?4, error_field = NULL, next_attempt_at = NULL
             WHERE id = ?1",
        )?
        .execute(params![id, now, code, message])?;
    owe_receipts_of(connection, id)
}

/// Not processed, or believed not to be: it may be sent again, at `next_attempt_at` or when the line is up.
///
/// # Errors
/// SQLite's.
pub fn mark_queued(
    connection: &Connection,
    id: i64,
    why: Option<&str>,
    next_attempt_at: Option<&str>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'queued', unresolved = 0, error_code = CASE WHEN ?2 IS NULL THEN NULL ELSE
                    'waiting' END, error_message = ?2, next_attempt_at = ?3
             WHERE id = ?1",
        )?
        .execute(params![id, why, next_attempt_at])?;
    owe_receipts_of(connection, id)
}

/// The outcome is not known; the item waits to be looked up.
///
/// # Errors
/// SQLite's.
pub fn note_unclear(
    connection: &Connection,
    id: i64,
    why: &str,
    next_look_up_at: Option<&str>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET next_attempt_at = ?3,
                    error_message = CASE error_code WHEN 'refused_once' THEN error_message ELSE ?2 END,
                    error_code = CASE error_code WHEN 'refused_once' THEN error_code ELSE 'unclear' END
             WHERE id = ?1 AND state = 'sending'",
        )?
        .execute(params![id, why, next_look_up_at])?;
    owe_receipts_of(connection, id)
}

/// Extend refused it after an attempt that was unclear: it is looked up before the refusal is believed.
///
/// # Errors
/// SQLite's.
pub fn note_refused_once(
    connection: &Connection,
    id: i64,
    code: &str,
    message: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET error_code = 'refused_once', error_message = ?2, error_field = ?3,
                    next_attempt_at = NULL
             WHERE id = ?1 AND state = 'sending'",
        )?
        .execute(params![id, message, code])?;
    owe_receipts_of(connection, id)
}

/// Counts a failure of the item itself and when it may be tried again. One whose outcome is unclear keeps
/// the time of its look-up: it backs off once that has found nothing.
///
/// # Errors
/// SQLite's.
pub fn back_off(
    connection: &Connection,
    id: i64,
    failures: u32,
    next_attempt_at: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET failures = ?2,
                    next_attempt_at = CASE state WHEN 'queued' THEN ?3 ELSE next_attempt_at END
             WHERE id = ?1 AND state IN ('queued', 'sending')",
        )?
        .execute(params![id, failures, next_attempt_at])?;
    Ok(())
}

/// Whether another item of ours has this number at Extend.
///
/// # Errors
/// SQLite's.
pub fn is_bound_to_other(
    connection: &Connection,
    kind: Kind,
    number: &str,
    id: i64,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE extend_number = ?1 AND kind = ?2 AND id <> ?3)",
        )?
        .query_row(params![number, kind.name(), id], |row| row.get(0))
}

/// Items that waited for this one may go, where they wait for nothing else.
///
/// # Errors
/// SQLite's.
pub fn release_followers(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let followers: Vec<i64> = connection
        .prepare_cached("DELETE FROM outbox_waits WHERE waits_for = ?1 RETURNING outbox_id")?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for follower in followers {
        connection
            .prepare_cached(
                "UPDATE outbox SET ready = 1 WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM outbox_waits WHERE outbox_id = ?1)",
            )?
            .execute([follower])?;
    }
    Ok(())
}

/// Item `id` takes the place of `earlier`, which was refused or cancelled: what waited for that waits for
/// this, and nobody can send it any more.
///
/// # Errors
/// SQLite's.
pub fn take_place_of(connection: &Connection, earlier: i64, id: i64, now: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE OR REPLACE outbox_waits SET waits_for = ?2 WHERE waits_for = ?1")?
        .execute([earlier, id])?;
    let changed = connection
        .prepare_cached(
            "UPDATE outbox SET state = 'cancelled', cancelled_at = ?2 WHERE id = ?1 AND state = 'refused'",
        )?
        .execute(params![earlier, now])?;
    if changed > 0 {
        note_action(connection, earlier, "extend-edge", &format!("replaced by item {id}"), now)?;
        owe_receipts_of(connection, earlier)?;
    }
    Ok(())
}

/// Whether an earlier attempt at the item, other than `attempt`, had no clear end: Extend may have it.
///
/// # Errors
/// SQLite's.
pub fn was_unclear_before(connection: &Connection, id: i64, attempt: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox_attempts WHERE outbox_id = ?1 AND id <> ?2 AND kind = 'send'
                            AND outcome IN ('begun', 'unclear'))",
        )?
        .query_row([id, attempt], |row| row.get(0))
}

/// The newest item that has not come to its end and is about the same order, other than `id`.
///
/// # Errors
/// SQLite's.
pub fn open_about_order(connection: &Connection, reference: &str, id: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT max(id) FROM outbox WHERE order_reference = ?1 AND id < ?2
             AND state IN ('queued', 'sending', 'refused')",
        )?
        .query_row(params![reference, id], |row| row.get(0))
}

/// When the first attempt at anything was made, by Extend's clock.
///
/// # Errors
/// SQLite's.
pub fn oldest_attempt(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT min(first_attempt_at) FROM outbox", [], |row| row.get(0))
}

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
        .prepare_cached("SELECT min(received_at) FROM outbox WHERE state IN ('queued', 'sending')")?
        .query_row([], |row| row.get(0))?;
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

const SUMMARY: &str = "SELECT o.id, o.kind, o.key, o.state, o.source_file, o.received_at, o.attempts,
    o.next_attempt_at, b.waits_for, o.delivered_at, o.extend_number, o.error_code, o.error_message
    FROM outbox o LEFT JOIN report_backlog b ON b.id = o.id";

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
            "{SUMMARY} WHERE o.state IN ('queued', 'sending') AND o.failures >= ?1 ORDER BY o.id LIMIT ?2"
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
                "{SUMMARY} WHERE o.state IN ('queued', 'sending', 'refused') ORDER BY o.id LIMIT ?1"
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
    /// `send` or `look_up`.
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
        "SELECT max(newer.id) FROM outbox this JOIN outbox newer ON newer.kind = this.kind AND newer.key = this.key
         WHERE this.id = ?1 AND newer.id > this.id",
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

/// A person calls an item off. False: it can't be, in its state.
///
/// # Errors
/// SQLite's.
pub fn cancel(connection: &Connection, id: i64, who: &str, now: &str) -> rusqlite::Result<bool> {
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
    }
    Ok(changed > 0)
}

fn note_action(connection: &Connection, id: i64, who: &str, action: &str, now: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO outbox_actions (outbox_id, at, who, action) VALUES (?1, ?2, ?3, ?4)",
        params![id, now, who, action],
    )?;
    Ok(())
}

/// The newest order with this external number that has not come to its end.
///
/// # Errors
/// SQLite's.
pub fn open_order_with_external(connection: &Connection, external: &str) -> rusqlite::Result<Option<i64>> {
    let order = order_with_external(connection, external)?;
    Ok(order
        .filter(|(_, state, _)| ["queued", "sending", "refused"].contains(&state.as_str()))
        .map(|(id, _, _)| id))
}

/// The balances that were just stored know of every order that was delivered before `before`: it is no
/// longer taken off them.
///
/// # Errors
/// SQLite's.
pub fn let_go_delivered(connection: &Connection, before: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM outbox_rows WHERE outbox_id IN
                 (SELECT r.outbox_id FROM outbox_rows r JOIN outbox o ON o.id = r.outbox_id
                  WHERE o.state = 'delivered' AND o.delivered_at < ?1)",
        )?
        .execute([before])?;
    Ok(())
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
    #[error("item {0} is {1}, and the corrected document is {2}; an edit keeps the kind")]
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
    {
        return Err(EditError::Key(key.clone(), known.id));
    }
    connection.execute(
        "INSERT INTO outbox_edits (outbox_id, at, who, payload) SELECT id, ?2, ?3, payload FROM outbox WHERE id = ?1",
        params![id, now, who],
    )?;
    let (reference, ours) = match &document.order {
        Some(OrderReference::Extend(number)) => (Some(number), false),
        Some(OrderReference::External(number)) => (Some(number), true),
        None => (None, false),
    };
    connection.execute(
        "UPDATE outbox SET state = 'queued', payload = ?2, key = ?3, content_hash = ?4, customer_number = ?5,
                order_reference = ?6, reference_is_ours = ?7, failures = 0, next_attempt_at = NULL, refused_at = NULL,
                error_code = NULL, error_message = NULL, error_field = NULL
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
    note_action(connection, id, who, "edit", now)?;
    owe_receipts_of(connection, id)?;
    Ok(())
}
