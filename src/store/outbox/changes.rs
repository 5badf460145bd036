//! Changes of what Extend has: how it was before, and orders that are called off before they were sent.

use rusqlite::{Connection, OptionalExtension, params};

use super::attempts::begin;
use super::{MAY_BE_AT_EXTEND, note_action, release_followers};
use crate::store::owed::owe_receipts_of;

/// Notes, before it is asked, that Extend is asked how things stand, and gives the note's id. The item goes
/// on waiting: nothing is changed by asking.
///
/// # Errors
/// SQLite's.
pub fn begin_preparation(connection: &Connection, id: i64, now: &str) -> rusqlite::Result<i64> {
    begin(connection, id, "prepare", now)
}

/// How things stood before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Extend's number of the order or customer.
    pub target: String,
    /// The record as Extend sent it; `None`: it was not there.
    pub record: Option<String>,
}

/// Keeps how things stand, so that it can be told later whether a change was made.
///
/// # Errors
/// SQLite's.
pub fn note_prepared(connection: &Connection, id: i64, prepared: &Prepared) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE outbox SET target = ?2, prepared = ?3 WHERE id = ?1")?
        .execute(params![id, prepared.target, prepared.record])?;
    Ok(())
}

/// How things stood before the last attempt at a change; `None` where none was prepared.
///
/// # Errors
/// SQLite's.
pub fn load_prepared(connection: &Connection, id: i64) -> rusqlite::Result<Option<Prepared>> {
    connection
        .prepare_cached("SELECT target, prepared FROM outbox WHERE id = ?1 AND target IS NOT NULL")?
        .query_row([id], |row| Ok(Prepared { target: row.get(0)?, record: row.get(1)? }))
        .optional()
}

/// Whether the answer to this question is still of use: a person may have called the item off meanwhile, or
/// corrected it, and it may ask for something else now.
///
/// # Errors
/// SQLite's.
pub fn awaits_preparation(connection: &Connection, id: i64, attempt: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox o JOIN outbox_attempts a ON a.outbox_id = o.id
                            WHERE o.id = ?1 AND o.state = 'queued' AND a.id = ?2 AND a.outcome = 'begun')",
        )?
        .query_row([id, attempt], |row| row.get(0))
}

/// The item asks for something else now: whatever is being asked for it is of no use any more.
///
/// # Errors
/// SQLite's.
pub(super) fn give_up_preparation(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox_attempts SET outcome = 'given_up'
             WHERE outbox_id = ?1 AND kind = 'prepare' AND outcome = 'begun'",
        )?
        .execute([id])?;
    Ok(())
}

/// The first cancellation that waits for this order.
///
/// # Errors
/// SQLite's.
pub fn waiting_cancellation(connection: &Connection, order: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT min(o.id) FROM outbox_waits w JOIN outbox o ON o.id = w.outbox_id
             WHERE w.waits_for = ?1 AND o.kind = 'order_cancellation' AND o.state = 'queued'",
        )?
        .query_row([order], |row| row.get(0))
}

/// The webshop's cancellation `by` ends an order that Extend does not have, without sending either. Changes
/// that came before the cancellation and wait for the order have nothing left to change. False: Extend has
/// the order, or may have it.
///
/// # Errors
/// SQLite's.
pub fn call_off(connection: &Connection, order: i64, by: i64, now: &str) -> rusqlite::Result<bool> {
    let called_off = connection
        .prepare_cached(&format!(
            "UPDATE outbox SET state = 'cancelled', cancelled_at = ?2, next_attempt_at = NULL
             WHERE id = ?1 AND kind = 'order' AND unresolved = 0
               AND look_up_first = 0 AND (state = 'queued' OR state = 'refused' AND NOT {MAY_BE_AT_EXTEND})"
        ))?
        .execute(params![order, now])?;
    if called_off == 0 {
        // The look-up that is due before it may be sent tells whether there is anything to call off.
        connection
            .prepare_cached(
                "UPDATE outbox SET state = 'queued', refused_at = NULL
                 WHERE id = ?1 AND kind = 'order' AND state = 'refused' AND look_up_first = 1",
            )?
            .execute([order])?;
        return Ok(false);
    }
    note_action(connection, order, "webshop", &format!("cancel (item {by})"), now)?;
    let pointless: Vec<i64> = connection
        .prepare_cached(
            "UPDATE outbox SET state = 'cancelled', cancelled_at = ?3, next_attempt_at = NULL
             WHERE id < ?2 AND state = 'queued' AND unresolved = 0
               AND kind IN ('order_change', 'row_cancellation', 'order_cancellation')
               AND id IN (SELECT outbox_id FROM outbox_waits WHERE waits_for = ?1)
             RETURNING id",
        )?
        .query_map(params![order, by, now], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in pointless {
        note_action(connection, id, "webshop", &format!("cancel (item {by})"), now)?;
        release_followers(connection, id)?;
        owe_receipts_of(connection, id)?;
    }
    release_followers(connection, order)?;
    owe_receipts_of(connection, order)?;
    Ok(true)
}

/// A cancellation is done without Extend: the order was never there.
///
/// # Errors
/// SQLite's.
pub fn mark_done_here(connection: &Connection, id: i64, now: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'delivered', delivered_at = ?2, next_attempt_at = NULL,
                    error_code = NULL, error_message = NULL, error_field = NULL
             WHERE id = ?1",
        )?
        .execute(params![id, now])?;
    note_action(connection, id, "extend-edge", "done without Extend, as the order never came there", now)?;
    release_followers(connection, id)?;
    owe_receipts_of(connection, id)
}

/// Whether an order was called off here and is not at Extend: it was never sent, or Extend said no, or did not
/// show it when it was looked up. One that Extend has under its number came from elsewhere.
///
/// # Errors
/// SQLite's.
pub fn never_came_to_extend(connection: &Connection, order: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE id = ?1 AND state = 'cancelled' AND unresolved = 0
                            AND look_up_first = 0 AND extend_number IS NULL AND NOT {MAY_BE_AT_EXTEND})"
        ))?
        .query_row([order], |row| row.get(0))
}
