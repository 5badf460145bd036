//! What the agent knows of itself and of the line to Extend.

use rusqlite::{Connection, OptionalExtension, params};

/// The agent's note that the last process ended in order.
pub const ENDED_WELL: &str = "ended_well";

/// The agent's note of why its last backup failed; empty where it did not.
pub const BACKUP_TROUBLE: &str = "backup_trouble";

/// The agent's note of the moment from which the time to its next backup counts.
pub const BACKUP_FROM: &str = "backup_from";

/// The agent's note of when all of the database was last looked through.
pub const EXAMINED_AT: &str = "examined_at";

/// The agent's note of why a question could not be answered; empty where all could.
pub const ANSWER_TROUBLE: &str = "answer_trouble";
/// When a webhook last came that was let in.
pub const HOOK_LAST_AT: &str = "hook_last_at";
/// How many webhooks were turned away.
pub const HOOKS_REFUSED: &str = "hooks_refused";
/// How many of them since one was last let in.
pub const HOOKS_REFUSED_IN_A_ROW: &str = "hooks_refused_in_a_row";
/// When one was last turned away.
pub const HOOKS_REFUSED_AT: &str = "hooks_refused_at";
/// Why: `unsigned`, `wrong_signature` or `too_many`.
pub const HOOKS_REFUSED_WHY: &str = "hooks_refused_why";
/// Why nothing listens for webhooks though the settings ask for it.
pub const HOOKS_TROUBLE: &str = "hooks_trouble";
/// Where the status page is served; empty where it is not.
pub const PAGE_AT: &str = "page_at";
/// Why the status page can't be served though the settings ask for it.
pub const PAGE_TROUBLE: &str = "page_trouble";
/// Why alarms can't be told.
pub const ALERT_TROUBLE: &str = "alert_trouble";

/// The line to Extend as it was last written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRow {
    /// `unknown`, `up`, `away` or `login_refused`.
    pub state: String,
    /// Since when.
    pub since: String,
    /// Why it is not up.
    pub reason: Option<String>,
    /// When the next probe is due.
    pub next_probe_at: Option<String>,
}

/// Writes down how Extend was seen. `since` is kept where the state is the same.
///
/// # Errors
/// SQLite's.
pub fn save_line(connection: &Connection, line: &LineRow) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO extend_line (id, state, since, reason, next_probe_at) VALUES (1, ?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET since = CASE WHEN state = ?1 THEN since ELSE ?2 END,
                 state = ?1, reason = ?3, next_probe_at = ?4",
        )?
        .execute(params![line.state, line.since, line.reason, line.next_probe_at])?;
    Ok(())
}

/// How Extend was last seen; `None` before the first look.
///
/// # Errors
/// SQLite's.
pub fn load_line(connection: &Connection) -> rusqlite::Result<Option<LineRow>> {
    connection
        .prepare_cached("SELECT state, since, reason, next_probe_at FROM extend_line WHERE id = 1")?
        .query_row([], |row| {
            Ok(LineRow {
                state: row.get(0)?,
                since: row.get(1)?,
                reason: row.get(2)?,
                next_probe_at: row.get(3)?,
            })
        })
        .optional()
}

/// Sets one of the agent's own values. Writes nothing where it is the same.
///
/// # Errors
/// SQLite's.
pub fn set(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO agent (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = ?2 WHERE value <> ?2",
        )?
        .execute([name, value])?;
    Ok(())
}

/// One of the agent's own values.
///
/// # Errors
/// SQLite's.
pub fn get(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM agent WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Who told the agent to send nothing, and when; `None`: it sends.
///
/// # Errors
/// SQLite's.
pub fn paused(connection: &Connection) -> rusqlite::Result<Option<String>> {
    Ok(get(connection, "paused")?.filter(|words| !words.is_empty()))
}

/// Tells the agent to send nothing (`Some`: who, and when), or to send again.
///
/// # Errors
/// SQLite's.
pub fn set_paused(connection: &Connection, words: Option<&str>) -> rusqlite::Result<()> {
    set(connection, "paused", words.unwrap_or(""))
}
