//! The outbox: what the shop wants done in Extend, and every attempt at it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::formats::document::{Document, Kind, OrderReference};
use crate::rules::intake::Known;

mod attempts;
mod changes;
mod people;
mod sequence;

pub use attempts::*;
pub use changes::*;
pub use people::*;
pub use sequence::*;

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
    /// When it came, by our own clock.
    pub received_at: String,
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
    /// A database that was lost may have seen it delivered: it is looked up before it is sent.
    pub look_up_first: bool,
}

const ITEM_COLUMNS: &str = "id, kind, key, payload, customer_number, order_reference, reference_is_ours, \
                            attempts, failures, first_attempt_at, \
                            CASE error_code WHEN 'refused_once' THEN error_field END, coalesce(error_message, ''), \
                            look_up_first, received_at";

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
        look_up_first: row.get(12)?,
        received_at: row.get(13)?,
    })
}

/// The newest item of the kind `?1` that has the key `?2`, or had it before a person corrected it.
const LATEST_WITH_KEY: &str = "(SELECT max(id) FROM (
     SELECT id FROM outbox WHERE kind = ?1 AND key = ?2
     UNION ALL SELECT e.outbox_id FROM outbox_edits e JOIN outbox o ON o.id = e.outbox_id
     WHERE e.key = ?2 AND o.kind = ?1))";

/// Whether an item that was refused, and perhaps called off since, may be at Extend all the same.
const MAY_BE_AT_EXTEND: &str = "(coalesce(error_code, '') IN ('look_alike', 'unconfirmed'))";

/// What is known of the latest item with this key, or that had it before a person corrected it.
///
/// # Errors
/// SQLite's.
pub fn latest_with_key(connection: &Connection, kind: Kind, key: &str) -> rusqlite::Result<Option<Known>> {
    connection
        .prepare_cached(&format!(
            // Where nobody knows whether Extend has it, it has not ended: a second one could double it.
            "SELECT id, content_hash,
                    (SELECT json_group_array(content_hash) FROM outbox_edits e WHERE e.outbox_id = outbox.id),
                    state IN ('refused', 'cancelled') AND NOT {MAY_BE_AT_EXTEND},
                    extend_number IS NOT NULL, source_file
             FROM outbox WHERE id = {LATEST_WITH_KEY}"
        ))?
        .query_row([kind.name(), key], |row| {
            let before: Option<String> = row.get(2)?;
            Ok(Known {
                id: row.get(0)?,
                content_hash: row.get(1)?,
                before_edits: before
                    .and_then(|hashes| serde_json::from_str(&hashes).ok())
                    .unwrap_or_default(),
                ended: row.get(3)?,
                at_extend: row.get(4)?,
                source_file: row.get(5)?,
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
    let (reference, ours) = document.order_reference();
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

/// The newest item that gave, or will give, Extend the order that the webshop knows by this external number.
///
/// # Errors
/// SQLite's.
pub fn order_with_external(
    connection: &Connection,
    external: &str,
) -> rusqlite::Result<Option<(i64, String, Option<String>)>> {
    connection
        .prepare_cached(&format!("SELECT id, state, extend_number FROM outbox WHERE id = {LATEST_WITH_KEY}"))?
        .query_row([Kind::Order.name(), external], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

/// Items that may be sent now, oldest first: none of the kinds in `without`, and not those in `busy`. No item is ever told to wait until after `latest`: one that
/// seems to was told so before the clock was set back, and waits no longer.
///
/// # Errors
/// SQLite's.
pub fn load_ready(
    connection: &Connection,
    now: &str,
    latest: &str,
    without: &[&str],
    busy: &[i64],
    limit: usize,
) -> rusqlite::Result<Vec<Item>> {
    let without = serde_json::Value::from(without.to_vec()).to_string();
    let busy = serde_json::Value::from(busy.to_vec()).to_string();
    connection
        .prepare_cached(&format!(
            "SELECT {ITEM_COLUMNS} FROM outbox INDEXED BY outbox_ready
             WHERE state = 'queued' AND ready = 1
               AND (next_attempt_at IS NULL OR next_attempt_at <= ?1 OR next_attempt_at > ?2)
               AND kind NOT IN (SELECT value FROM json_each(?3))
               AND id NOT IN (SELECT value FROM json_each(?4))
             ORDER BY id LIMIT ?5"
        ))?
        .query_map(params![now, latest, without, busy, limit as i64], item)?
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

/// When the first attempt at anything was made, by Extend's clock.
///
/// # Errors
/// SQLite's.
pub fn oldest_attempt(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT min(first_attempt_at) FROM outbox", [], |row| row.get(0))
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
