//! What waits for what: documents about one order go in the order in which they came, and what builds on
//! something waits for it.

use rusqlite::{Connection, params};

use super::{note_action, order_with_external};
use crate::formats::document::{Document, Kind, OrderReference};
use crate::store::owed::owe_receipts_of;

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

/// A document waits for what it builds on while that is still here: an order, a return or a customer for an
/// earlier customer document of its customer; whatever names an order for that order, and for earlier
/// documents about the same order.
///
/// # Errors
/// SQLite's.
pub fn wait_where_needed(connection: &Connection, id: i64, document: &Document) -> rusqlite::Result<()> {
    let customer = match document.kind {
        Kind::Customer => document.key.as_deref(),
        Kind::Order | Kind::Return => document.customer_number.as_deref(),
        _ => None,
    };
    if let Some(customer) = customer
        && let Some(earlier) = open_customer(connection, customer, id)?
    {
        wait_for(connection, id, earlier)?;
    }
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

/// The newest customer document before `id` with this number that has not come to its end. One that was
/// refused because the customer is there holds nobody: what waits for it needs only that.
fn open_customer(connection: &Connection, number: &str, id: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT max(id) FROM outbox WHERE kind = 'customer' AND key = ?1 AND id < ?2
             AND (state IN ('queued', 'sending') OR state = 'refused' AND error_code IS NOT 'customer_exists')",
        )?
        .query_row(params![number, id], |row| row.get(0))
}

/// The newest item before `id` that has not come to its end and is about the same order, by whichever of its
/// two numbers it names it.
fn open_about_order(connection: &Connection, reference: &str, id: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            // ALL: to tell which are alike it would sort them, and read every order for that.
            "SELECT max(id) FROM outbox WHERE order_reference IN (
                 SELECT ?1
                 UNION ALL SELECT extend_number FROM outbox WHERE kind = 'order' AND key = ?1
                 UNION ALL SELECT key FROM outbox WHERE kind = 'order' AND extend_number = ?1
                 UNION ALL SELECT order_number FROM orders WHERE order_number_external = ?1
                 UNION ALL SELECT order_number_external FROM orders WHERE order_number = ?1)
             AND id < ?2 AND state IN ('queued', 'sending', 'refused')",
        )?
        .query_row(params![reference, id], |row| row.get(0))
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
    connection
        .prepare_cached(
            "UPDATE outbox SET look_up_first = 1
             WHERE id = ?2 AND (SELECT look_up_first FROM outbox WHERE id = ?1) = 1",
        )?
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
