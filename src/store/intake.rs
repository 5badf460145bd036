//! Files, the documents in them, and what lies in the inbox untaken.

use rusqlite::{Connection, OptionalExtension, Row, params};

/// A file to record.
#[derive(Debug, Clone)]
pub struct NewFile<'a> {
    /// As it was dropped.
    pub name: &'a str,
    /// SHA-256 of its bytes, where they were read.
    pub content_hash: Option<&'a str>,
    /// In bytes.
    pub size: u64,
    /// When.
    pub received_at: &'a str,
    /// `accepted/2026-11-21` or `rejected`.
    pub folder: &'a str,
    /// Size, time and identity in the inbox, for a file that was not read.
    pub stamp: Option<&'a str>,
    /// The bytes, where they were read: kept until they surely lie in `folder`.
    pub content: Option<&'a [u8]>,
    /// What is wrong with a rejected one, as JSON objects with code, message, field and line.
    pub problems: &'a [serde_json::Value],
    /// What the settings leave out of an accepted one, as its receipt has it.
    pub left_out: &'a [serde_json::Value],
    /// The file whose bad documents these are: it never lay in the inbox.
    pub part_of: Option<i64>,
}

/// A recorded file that is still to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToMove {
    /// Its id.
    pub id: i64,
    /// Its name in the inbox.
    pub name: String,
    /// SHA-256 of the bytes that were recorded; `None` where they were not read.
    pub content_hash: Option<String>,
    /// Size, time and identity of a file that was not read.
    pub stamp: Option<String>,
    /// The folder, in the exchange folder.
    pub folder: String,
    /// The name there.
    pub stored_name: String,
    /// The bytes, where they were read.
    pub content: Option<Vec<u8>>,
    /// It never lay in the inbox: it is written from `content`.
    pub is_part: bool,
}

/// Records a file and gives its id. Earlier files of the same name get their numbered receipts, and the
/// receipts or error files of this one are owed.
///
/// # Errors
/// SQLite's.
pub fn insert_file(connection: &Connection, file: &NewFile<'_>) -> rusqlite::Result<i64> {
    let arrival: i64 = connection
        .prepare_cached("SELECT coalesce(max(arrival), 0) + 1 FROM files WHERE name = ?1")?
        .query_row([file.name], |row| row.get(0))?;
    let verdict = if file.problems.is_empty() { "accepted" } else { "rejected" };
    let in_folder: i64 = match arrival {
        1 => 0,
        _ => connection
            .prepare_cached("SELECT count(*) FROM files WHERE name = ?1 AND folder = ?2")?
            .query_row([file.name, file.folder], |row| row.get(0))?,
    };
    // In rejected/ all lie together, those of hooks/ too.
    let own_name = file.name.rsplit('/').next().unwrap_or(file.name);
    let stored_name = crate::formats::names::numbered(own_name, in_folder as u64 + 1);
    let first = file.problems.first();
    let text = |name: &str| first.and_then(|problem| problem[name].as_str());
    let list = |all: &[serde_json::Value]| {
        if all.is_empty() { None } else { serde_json::to_string(all).ok() }
    };
    let (problems, left_out) = (list(file.problems), list(file.left_out));
    connection
        .prepare_cached(
            "INSERT INTO files (name, arrival, verdict, content_hash, size, received_at, folder, stored_name,
                                content, error_code, error_message, error_field, error_line, problems, stamp,
                                part_of, left_out)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            file.name,
            arrival,
            verdict,
            file.content_hash,
            file.size as i64,
            file.received_at,
            file.folder,
            stored_name,
            file.content,
            text("code"),
            text("message"),
            text("field"),
            first.and_then(|problem| problem["line"].as_i64()),
            problems,
            file.stamp,
            file.part_of,
            left_out,
        ])?;
    let id = connection.last_insert_rowid();
    if arrival > 1 && verdict == "accepted" {
        // Only the one before it had the plain name.
        connection
            .prepare_cached(
                "INSERT INTO owed_files (kind, key)
                 SELECT 'receipt', max(id) FROM files WHERE name = ?1 AND id <> ?2 AND verdict = 'accepted'
                 HAVING max(id) IS NOT NULL
                 ON CONFLICT DO UPDATE SET revision = revision + 1",
            )?
            .execute(params![file.name, id])?;
    }
    let owed = if verdict == "accepted" { "receipt" } else { "error" };
    super::owed::owe(connection, owed, &id.to_string())?;
    Ok(id)
}

/// Whether this very file is recorded and only waits to be moved.
///
/// # Errors
/// SQLite's.
pub fn is_being_moved(connection: &Connection, name: &str, hash: Option<&str>) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM files WHERE moved = 0 AND name = ?1 AND content_hash IS ?2)",
        )?
        .query_row(params![name, hash], |row| row.get(0))
}

/// The newest file of this name with these bytes that was moved.
///
/// # Errors
/// SQLite's.
pub fn last_moved(connection: &Connection, name: &str, hash: Option<&str>) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT max(id) FROM files WHERE moved = 1 AND name = ?1 AND content_hash IS ?2")?
        .query_row(params![name, hash], |row| row.get(0))
}

/// Recorded files that are still to be moved, oldest first: `limit` at the most, and not many more bytes
/// than fit in memory with ease. Bad documents go before the file that they came in: once that lies in
/// accepted/, they lie in rejected/.
///
/// # Errors
/// SQLite's.
pub fn load_to_move(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<ToMove>> {
    const ENOUGH_BYTES: usize = 32 * 1024 * 1024;
    let mut statement = connection.prepare_cached(
        "SELECT id, name, content_hash, folder, stored_name, content, stamp, part_of IS NOT NULL FROM files
         WHERE moved = 0 ORDER BY part_of IS NULL, id LIMIT ?1",
    )?;
    let mut rows = statement.query([limit as i64])?;
    let mut files = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let content: Option<Vec<u8>> = row.get(5)?;
        bytes += content.as_ref().map_or(0, Vec::len);
        files.push(ToMove {
            id: row.get(0)?,
            name: row.get(1)?,
            content_hash: row.get(2)?,
            folder: row.get(3)?,
            stored_name: row.get(4)?,
            content,
            stamp: row.get(6)?,
            is_part: row.get(7)?,
        });
        if bytes >= ENOUGH_BYTES {
            break;
        }
    }
    Ok(files)
}

/// The file lies where it belongs, under this name.
///
/// # Errors
/// SQLite's.
pub fn mark_moved(connection: &Connection, id: i64, stored_name: &str) -> rusqlite::Result<()> {
    let renamed = connection
        .prepare_cached("UPDATE files SET moved = 1 WHERE id = ?1 AND stored_name = ?2")?
        .execute(params![id, stored_name])?;
    if renamed == 0 {
        connection
            .prepare_cached("UPDATE files SET moved = 1, stored_name = ?2 WHERE id = ?1")?
            .execute(params![id, stored_name])?;
        connection
            .prepare_cached(
                "INSERT INTO owed_files (kind, key) SELECT 'error', id FROM files
                 WHERE id = ?1 AND verdict = 'rejected' ON CONFLICT DO UPDATE SET revision = revision + 1",
            )?
            .execute([id])?;
    }
    Ok(())
}

/// Lets go of the bytes of files that were received before `before` and lie in their folders: the system
/// has written them to the disk by then, whether the webshop asked for it or not.
///
/// # Errors
/// SQLite's.
pub fn forget_contents(connection: &Connection, before: &str) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE files SET content = NULL WHERE content IS NOT NULL AND moved = 1 AND received_at < ?1",
        )?
        .execute([before])
}

/// At the start: files whose bytes are still kept may have been torn by a loss of power. They are looked
/// at again as if they had not been moved.
///
/// # Errors
/// SQLite's.
pub fn look_again_at_kept(connection: &Connection) -> rusqlite::Result<usize> {
    connection.execute("UPDATE files SET moved = 0 WHERE content IS NOT NULL AND moved = 1", [])
}

/// Something in the inbox that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its name.
    pub name: String,
    /// `waiting`, or a problem's code.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Size, time and identity.
    pub stamp: String,
    /// Since when it has stood still.
    pub since: String,
}

/// Notes that something in the inbox was not taken. What was noted in the same shape keeps its time.
///
/// # Errors
/// SQLite's.
pub fn note_left(connection: &Connection, left: &Left) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO inbox_left (name, code, message, stamp, since) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE SET code = ?2, message = ?3, stamp = ?4, since = ?5
             WHERE stamp <> ?4 OR code <> ?2",
        )?
        .execute(params![left.name, left.code, left.message, left.stamp, left.since])?;
    Ok(())
}

/// It was taken, or is gone.
///
/// # Errors
/// SQLite's.
pub fn forget_left(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM inbox_left WHERE name = ?1")?.execute([name])?;
    Ok(())
}

/// At the start: what will never be taken is seen anew if it is still there. What waits keeps its time.
///
/// # Errors
/// SQLite's.
pub fn forget_all_but_waiting(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM inbox_left WHERE code <> 'waiting'", [])?;
    Ok(())
}

/// All that lies in the inbox untaken.
///
/// # Errors
/// SQLite's.
pub fn load_left(connection: &Connection) -> rusqlite::Result<Vec<Left>> {
    connection
        .prepare_cached("SELECT name, code, message, stamp, since FROM inbox_left ORDER BY since, name")?
        .query_map([], |row| {
            Ok(Left {
                name: row.get(0)?,
                code: row.get(1)?,
                message: row.get(2)?,
                stamp: row.get(3)?,
                since: row.get(4)?,
            })
        })?
        .collect()
}

/// Records a document and gives its id.
///
/// # Errors
/// SQLite's.
pub fn insert_document(
    connection: &Connection,
    file_id: i64,
    position: usize,
    document: &crate::formats::document::Document,
    duplicate_of: Option<i64>,
    warnings: &str,
) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO documents (file_id, position, kind, key, content_hash, duplicate_of, warnings)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            file_id,
            position as i64,
            document.kind.name(),
            document.key,
            document.content_hash,
            duplicate_of,
            warnings,
        ])?;
    Ok(connection.last_insert_rowid())
}

/// The file that a document came in.
///
/// # Errors
/// SQLite's; there is no such document.
pub fn file_of(connection: &Connection, document: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT file_id FROM documents WHERE id = ?1")?
        .query_row([document], |row| row.get(0))
}

/// What the receipt of a file needs: its name, which arrival of it, of how many, and its documents.
#[derive(Debug)]
pub struct ReceiptParts {
    /// The file's name.
    pub name: String,
    /// Which of its name it is, from 1.
    pub arrival: u64,
    /// How many of its name were accepted.
    pub arrivals: u64,
    /// What was taken.
    pub documents: Vec<crate::formats::receipt::ReceiptDocument>,
    /// What the settings leave out.
    pub left_out: Vec<serde_json::Value>,
}

/// Loads what the receipt of an accepted file needs; `None` where there is no such file, or it was thinned.
///
/// # Errors
/// SQLite's.
pub fn load_receipt(connection: &Connection, file_id: i64) -> rusqlite::Result<Option<ReceiptParts>> {
    let file = connection
        .prepare_cached(
            "SELECT name, arrival, (SELECT max(arrival) FROM files newer
                                    WHERE newer.name = files.name AND newer.verdict = 'accepted'), left_out
             FROM files WHERE id = ?1 AND verdict = 'accepted' AND thinned = 0",
        )?
        .query_row([file_id], |row| {
            let left_out: Option<String> = row.get(3)?;
            Ok(ReceiptParts {
                name: row.get(0)?,
                arrival: row.get::<_, i64>(1)? as u64,
                arrivals: row.get::<_, i64>(2)? as u64,
                documents: Vec::new(),
                left_out: left_out.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            })
        })
        .optional()?;
    let Some(parts) = file else { return Ok(None) };
    let documents = connection
        .prepare_cached(
            "SELECT d.id, d.kind, d.key, o.state, o.extend_number, d.duplicate_of, o.attempts, d.warnings,
                    o.error_code, o.error_message, o.error_field, f.received_at, o.delivered_at, o.answer,
                    EXISTS (SELECT 1 FROM outbox_edits e WHERE e.outbox_id = d.id), d.position
             FROM documents d JOIN files f ON f.id = d.file_id
             LEFT JOIN outbox o ON o.id = coalesce(d.duplicate_of, d.id)
             WHERE d.file_id = ?1 ORDER BY d.position",
        )?
        .query_map([file_id], |row| Ok((receipt_document(row)?, row.get::<_, bool>(14)?)))?
        .map(|row| {
            let (mut document, is_edited) = row?;
            if is_edited {
                document.edited = super::outbox::load_edited(connection, document.id)?;
            }
            Ok(document)
        })
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(ReceiptParts { documents, ..parts }))
}

fn receipt_document(row: &Row<'_>) -> rusqlite::Result<crate::formats::receipt::ReceiptDocument> {
    let warnings: String = row.get(7)?;
    let code: Option<String> = row.get(8)?;
    let message: Option<String> = row.get(9)?;
    let state: Option<String> = row.get(3)?;
    let answer: Option<String> = row.get(13)?;
    // A queued item may carry the words of its last failed attempt; the receipt's error is for a no.
    let refused = state.as_deref() == Some("refused");
    Ok(crate::formats::receipt::ReceiptDocument {
        position: row.get(15)?,
        id: row.get(0)?,
        kind: row.get(1)?,
        key: row.get(2)?,
        state: state.unwrap_or_default(),
        extend_number: row.get(4)?,
        duplicate_of: row.get(5)?,
        attempts: row.get::<_, Option<i64>>(6)?.unwrap_or(0),
        warnings: serde_json::from_str(&warnings).unwrap_or_default(),
        error: match (refused, code, message) {
            (true, Some(code), message) => Some((code, message.unwrap_or_default(), row.get(10)?)),
            _ => None,
        },
        received_at: row.get(11)?,
        delivered_at: row.get(12)?,
        answer: answer.and_then(|answer| serde_json::from_str(&answer).ok()),
        edited: None,
    })
}

/// What the error files of a rejected file need: its name, its name in rejected/, its problems, and whether
/// other documents of it were taken.
pub type ErrorParts = (String, String, Vec<serde_json::Value>, bool);

/// Loads what the error files of a rejected file need; `None` where there is no such file.
///
/// # Errors
/// SQLite's.
pub fn load_error(connection: &Connection, file_id: i64) -> rusqlite::Result<Option<ErrorParts>> {
    connection
        .prepare_cached(
            "SELECT name, stored_name, problems, part_of IS NOT NULL FROM files
             WHERE id = ?1 AND verdict = 'rejected'",
        )?
        .query_row([file_id], |row| {
            let problems: Option<String> = row.get(2)?;
            let problems = problems.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            Ok((row.get(0)?, row.get(1)?, problems, row.get(3)?))
        })
        .optional()
}

/// A rejected file as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// As it was dropped.
    pub name: String,
    /// Its name in rejected/.
    pub stored_name: String,
    /// What is wrong, and what to do.
    pub error_message: String,
}

/// Rejected files that no later file of the same name has made good, newest first.
///
/// # Errors
/// SQLite's.
pub fn load_rejected(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Rejected>> {
    connection
        .prepare_cached(
            "SELECT name, stored_name, coalesce(error_message, '') FROM files bad
             WHERE verdict = 'rejected' AND NOT EXISTS
                 (SELECT 1 FROM files good WHERE good.name = bad.name AND good.verdict = 'accepted'
                  AND good.arrival > bad.arrival)
             ORDER BY id DESC LIMIT ?1",
        )?
        .query_map([limit as i64], |row| {
            Ok(Rejected { name: row.get(0)?, stored_name: row.get(1)?, error_message: row.get(2)? })
        })?
        .collect()
}
