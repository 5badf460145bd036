//! Changes of what Extend has: how it was before, and orders that are called off before they were sent.

use rusqlite::{Connection, OptionalExtension, params};

use super::attempts::begin;
use super::{note_action, release_followers};
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

/// Whether the item still waits to be sent: a person may have called it off meanwhile.
///
/// # Errors
/// SQLite's.
pub fn is_queued(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE id = ?1 AND state = 'queued')")?
        .query_row([id], |row| row.get(0))
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
        .prepare_cached(
            "UPDATE outbox SET state = 'cancelled', cancelled_at = ?2, next_attempt_at = NULL
             WHERE id = ?1 AND kind = 'order' AND unresolved = 0
               AND (state = 'queued' OR state = 'refused' AND error_code IS NOT 'look_alike')",
        )?
        .execute(params![order, now])?;
    if called_off == 0 {
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
    note_action(connection, id, "extend-edge", "done without Extend, as the order was never sent", now)?;
    release_followers(connection, id)?;
    owe_receipts_of(connection, id)
}

/// Whether an order ended here before any attempt at it was made.
///
/// # Errors
/// SQLite's.
pub fn was_never_sent(connection: &Connection, order: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE id = ?1 AND state = 'cancelled' AND attempts = 0
                            AND extend_number IS NULL)",
        )?
        .query_row([order], |row| row.get(0))
}
