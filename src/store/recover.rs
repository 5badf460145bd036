//! What is written when a database is made again from what lies in the exchange folder, and how a
//! database is looked at before it is trusted.

use rusqlite::{Connection, params};

use super::upkeep::{self, Examined};
use super::{StoreError, agent};
use crate::formats::document::Document;
use crate::rules::recover::Earlier;

mod backup;

pub use backup::*;

/// Looks whether an opened database is whole.
///
/// Reading all of it takes a second or two for 300 MB, so that is done only where the last process did not
/// end in order: then the power, the disk or a person may have been at it. After an orderly end only what
/// the agent can't do without is read; damage elsewhere ends the agent when it meets it, which is no
/// orderly end.
///
/// # Errors
/// [`StoreError::is_damaged`] where it is not whole.
pub fn examine(connection: &Connection) -> Result<(), StoreError> {
    if agent::get(connection, agent::ENDED_WELL)?.as_deref() != Some("1") {
        look_through(connection)?;
    }
    for sql in [
        "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending', 'refused')",
        "SELECT count(*) FROM outbox WHERE state = 'queued' AND ready = 1 AND payload IS NOT NULL",
        "SELECT coalesce(max(id), 0) FROM documents",
        "SELECT coalesce(max(arrival), 0) FROM files WHERE moved = 0",
        "SELECT count(*) FROM owed_files",
        "SELECT coalesce(max(sequence), 0) FROM changes",
    ] {
        connection.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    }
    Ok(())
}

/// Reads all of a database and sees that it is whole. An index that does not agree with its table is no damage:
/// all that was ever recorded is in the tables, and the index is made again of them.
///
/// # Errors
/// [`StoreError::is_damaged`] where it is not whole.
pub fn look_through(connection: &Connection) -> Result<(), StoreError> {
    let why = match upkeep::examine_quickly(connection)? {
        Examined::Whole => return Ok(()),
        Examined::Damaged(why) | Examined::Unfinished(why) => return Err(StoreError::Damaged(why)),
        Examined::Index(why) => why,
    };
    log::error!("an index of the database was wrong and is made again; no order was touched: {why}");
    if let Err(error) = upkeep::index_again(connection) {
        // Two rows that the index was there to prevent: then it is the table that is wrong.
        let is_the_table = error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation);
        return Err(if is_the_table { StoreError::Damaged(format!("{why}: {error}")) } else { error.into() });
    }
    match upkeep::examine_quickly(connection)? {
        Examined::Whole => Ok(()),
        Examined::Index(why) | Examined::Damaged(why) | Examined::Unfinished(why) => {
            Err(StoreError::Damaged(why))
        }
    }
}

/// Whether any file was ever recorded.
///
/// # Errors
/// SQLite's.
pub fn knows_files(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM files)", [], |row| row.get(0))
}

/// The next set of changes is numbered after `sequence`.
///
/// # Errors
/// SQLite's.
pub fn number_changes_after(connection: &Connection, sequence: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'changes'", [])?;
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('changes', ?1)", [sequence])?;
    Ok(())
}

/// No document gets an id up to `id` any more.
///
/// # Errors
/// SQLite's.
pub fn number_documents_after(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'documents'", [])?;
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('documents', ?1)", [id])?;
    Ok(())
}

/// A file that was accepted once.
#[derive(Debug)]
pub struct AcceptedFile<'a> {
    /// As it was dropped.
    pub name: &'a str,
    /// Which of its name.
    pub arrival: i64,
    /// SHA-256 of its bytes.
    pub content_hash: &'a str,
    /// In bytes.
    pub size: i64,
    /// When.
    pub received_at: &'a str,
    /// `accepted/2026-11-21`.
    pub folder: &'a str,
    /// Its name there.
    pub stored_name: &'a str,
    /// The bytes of one that still lies in the inbox and is to be moved.
    pub to_move: Option<&'a [u8]>,
}

/// Records a file that was accepted once, and gives its id.
///
/// # Errors
/// SQLite's.
pub fn insert_file(connection: &Connection, file: &AcceptedFile<'_>) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO files (name, arrival, verdict, content_hash, size, received_at, folder, stored_name,
                                moved, content)
             VALUES (?1, ?2, 'accepted', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            file.name,
            file.arrival,
            file.content_hash,
            file.size,
            file.received_at,
            file.folder,
            file.stored_name,
            file.to_move.is_none(),
            file.to_move,
        ])?;
    Ok(connection.last_insert_rowid())
}

/// Records a document under an id that it had before.
///
/// # Errors
/// SQLite's.
pub fn insert_document(
    connection: &Connection,
    id: i64,
    (file_id, position): (i64, usize),
    document: &Document,
    duplicate_of: Option<i64>,
    warnings: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO documents (id, file_id, position, kind, key, content_hash, duplicate_of, warnings)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id,
            file_id,
            position as i64,
            document.kind.name(),
            document.key,
            document.content_hash,
            duplicate_of,
            warnings,
        ])?;
    Ok(())
}

/// How an item stood, or is taken to stand.
#[derive(Debug, Default)]
pub struct Standing {
    /// Its state.
    pub state: String,
    /// Requests begun.
    pub attempts: i64,
    /// When Extend had it.
    pub delivered_at: Option<String>,
    /// Extend's number.
    pub extend_number: Option<String>,
    /// Code, message and field of a refusal.
    pub error: Option<(String, String, Option<String>)>,
    /// Nothing older at Extend can be it; for one that is to be looked up.
    pub first_attempt_at: Option<String>,
    /// What Extend gave back.
    pub answer: Option<String>,
}

/// Puts an item into the outbox as it stood.
///
/// # Errors
/// SQLite's.
pub fn insert_item(
    connection: &Connection,
    id: i64,
    document: &Document,
    made_key: bool,
    source_file: &str,
    received_at: &str,
    standing: &Standing,
) -> rusqlite::Result<()> {
    let (reference, ours) = document.order_reference();
    let (code, message, field) = match &standing.error {
        Some((code, message, field)) => (Some(code), Some(message), field.as_ref()),
        None => (None, None, None),
    };
    let ended_at = |state: &str| (standing.state == state).then_some(received_at);
    connection
        .prepare_cached(
            "INSERT INTO outbox (id, kind, key, state, payload, source_file, received_at, content_hash, made_key,
                                 customer_number, order_reference, reference_is_ours, attempts, delivered_at,
                                 extend_number, error_code, error_message, error_field, refused_at, cancelled_at,
                                 unresolved, first_attempt_at, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                     ?21, ?22, ?23)",
        )?
        .execute(params![
            id,
            document.kind.name(),
            document.key,
            standing.state,
            document.body.to_string(),
            source_file,
            received_at,
            document.content_hash,
            made_key,
            document.customer_number,
            reference,
            ours,
            standing.attempts,
            standing.delivered_at,
            standing.extend_number,
            code,
            message,
            field,
            ended_at("refused"),
            ended_at("cancelled"),
            standing.state == "sending",
            standing.first_attempt_at,
            standing.answer,
        ])?;
    note_unclear_attempt(connection, id, standing)
}

/// So that a refusal, too, is believed only after a look-up: Extend may have it.
fn note_unclear_attempt(connection: &Connection, id: i64, standing: &Standing) -> rusqlite::Result<()> {
    if let Some(at) = standing.first_attempt_at.as_ref().filter(|_| standing.state == "sending") {
        connection
            .prepare_cached(
                "INSERT INTO outbox_attempts (outbox_id, kind, started_at, outcome, detail)
                 VALUES (?1, 'send', ?2, 'unclear', 'the database was lost; nobody knows whether it was sent')",
            )?
            .execute(params![id, at])?;
    }
    Ok(())
}

/// A person's correction of an item: what the file held is kept beside it, as before.
///
/// # Errors
/// SQLite's.
pub fn insert_edit(
    connection: &Connection,
    id: i64,
    at: &str,
    who: &str,
    original: &Document,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO outbox_edits (outbox_id, at, who, key, content_hash, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id, at, who, original.key, original.content_hash, original.body.to_string()])?;
    Ok(())
}

/// A file that was rejected once and still lies there.
#[derive(Debug)]
pub struct RejectedFile<'a> {
    /// As it was dropped.
    pub name: &'a str,
    /// Its name in rejected/.
    pub stored_name: &'a str,
    /// In bytes.
    pub size: i64,
    /// When its error file was written.
    pub at: &'a str,
    /// Code, message, field and line, as in its error file.
    pub problem: &'a serde_json::Value,
    /// All of them.
    pub problems: &'a serde_json::Value,
}

/// Records a file that was rejected, unless a later one of its name was accepted.
///
/// # Errors
/// SQLite's.
pub fn insert_rejected(connection: &Connection, file: &RejectedFile<'_>) -> rusqlite::Result<()> {
    let text = |name: &str| file.problem[name].as_str();
    connection
        .prepare_cached(
            "INSERT INTO files (name, arrival, verdict, size, received_at, folder, stored_name, moved, error_code,
                                error_message, error_field, error_line, problems)
             SELECT ?1, (SELECT coalesce(max(arrival), 0) + 1 FROM files WHERE name = ?1), 'rejected', ?2, ?3,
                    'rejected', ?4, 1, ?5, ?6, ?7, ?8, ?9
             WHERE NOT EXISTS (SELECT 1 FROM files WHERE name = ?1 AND verdict = 'accepted' AND received_at > ?3)",
        )?
        .execute(params![
            file.name,
            file.size,
            file.at,
            file.stored_name,
            text("code"),
            text("message"),
            text("field"),
            file.problem["line"].as_i64(),
            file.problems.to_string(),
        ])?;
    Ok(())
}

/// The item that a key has so far, for [`crate::rules::recover::fate`].
///
/// # Errors
/// SQLite's.
pub fn earlier(connection: &Connection, document: &Document) -> rusqlite::Result<Option<Earlier>> {
    let key = document.key.as_deref().unwrap_or_default();
    let Some(known) = super::outbox::latest_with_key(connection, document.kind, key)? else {
        return Ok(None);
    };
    let unresolved = connection
        .prepare_cached("SELECT unresolved FROM outbox WHERE id = ?1")?
        .query_row([known.id], |row| row.get(0))?;
    Ok(Some(Earlier { known, unresolved }))
}

/// An item of which nobody knew what became of it turns out to have ended: another took its place.
///
/// # Errors
/// SQLite's.
pub fn end_replaced(connection: &Connection, id: i64, by: i64, at: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'refused', unresolved = 0, refused_at = ?2 WHERE id = ?1 AND unresolved = 1",
        )?
        .execute(params![id, at])?;
    super::outbox::take_place_of(connection, id, by, at)
}
