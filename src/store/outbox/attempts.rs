//! Every attempt at an item, counted before it is made, and what came of it.

use rusqlite::{Connection, OptionalExtension, params};

use super::release_followers;
use crate::store::owed::owe_receipts_of;

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

/// An item that a lost database may have seen delivered stands as one whose answer never came.
///
/// # Errors
/// SQLite's.
pub fn doubt_before_sending(connection: &Connection, id: i64, why: &str, now: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'sending', unresolved = 1, look_up_first = 0, next_attempt_at = NULL
             WHERE id = ?1 AND state = 'queued'",
        )?
        .execute([id])?;
    let attempt = begin(connection, id, "send", now)?;
    end_attempt(
        connection,
        &AttemptEnd { id: attempt, outcome: "unclear", duration_ms: 0, http_status: None, detail: Some(why) },
    )?;
    note_unclear(connection, id, why, None)
}

/// Notes a look-up before it is made and gives its id.
///
/// # Errors
/// SQLite's.
pub fn begin_look_up(connection: &Connection, id: i64, now: &str) -> rusqlite::Result<i64> {
    begin(connection, id, "look_up", now)
}

pub(super) fn begin(connection: &Connection, id: i64, kind: &str, now: &str) -> rusqlite::Result<i64> {
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
    /// A word: `delivered`, `refused`, `again`, `unclear`, `unconfirmed`, `found`, `not_found`, `look_alike`, `failed` …
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

/// What came of the last request that was made for the item.
///
/// # Errors
/// SQLite's.
pub fn last_outcome(connection: &Connection, id: i64) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(
            "SELECT outcome FROM outbox_attempts WHERE outbox_id = ?1 AND kind = 'send' ORDER BY id DESC LIMIT 1",
        )?
        .query_row([id], |row| row.get(0))
        .optional()
}

/// Whether an earlier attempt at the item, other than `attempt`, had no clear end: Extend may have it.
///
/// # Errors
/// SQLite's.
pub fn was_unclear_before(connection: &Connection, id: i64, attempt: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox_attempts WHERE outbox_id = ?1 AND id <> ?2 AND kind = 'send'
                            AND outcome IN ('begun', 'unclear', 'unconfirmed'))",
        )?
        .query_row([id, attempt], |row| row.get(0))
}
