//! `alerts` and `alert_messages`: what is wrong, what of it was told, and when.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::clock;
use crate::rules::alert::Known;

/// Times of messages that are kept: more than count for how soon the next one may be sent.
const KEPT: i64 = 50;

/// What was wrong when it was last looked at.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection) -> rusqlite::Result<Vec<Known>> {
    connection
        .prepare_cached("SELECT key, code, message, since, told, ended FROM alerts ORDER BY since, key")?
        .query_map([], |row| {
            let since: String = row.get(3)?;
            Ok(Known {
                key: row.get(0)?,
                code: row.get(1)?,
                message: row.get(2)?,
                // Whatever can't be read has been so for long.
                since: since.parse().unwrap_or(Timestamp::UNIX_EPOCH),
                told: row.get(4)?,
                ended: row.get(5)?,
            })
        })?
        .collect()
}

/// Remembers this and nothing else. Writes nothing where it is the same.
///
/// # Errors
/// SQLite's.
pub fn save(connection: &Connection, known: &[Known]) -> rusqlite::Result<()> {
    let before = load(connection)?;
    let mut gone = connection.prepare_cached("DELETE FROM alerts WHERE key = ?1")?;
    for old in before.iter().filter(|old| known.iter().all(|one| one.key != old.key)) {
        gone.execute([&old.key])?;
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO alerts (key, code, message, since, told, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (key) DO UPDATE SET code = ?2, message = ?3, since = ?4, told = ?5, ended = ?6",
    )?;
    for one in known.iter().filter(|one| !before.contains(one)) {
        put.execute(params![one.key, one.code, one.message, clock::text(one.since), one.told, one.ended])?;
    }
    Ok(())
}

/// When messages were told.
///
/// # Errors
/// SQLite's.
pub fn told_at(connection: &Connection) -> rusqlite::Result<Vec<Timestamp>> {
    let mut statement = connection.prepare_cached("SELECT told_at FROM alert_messages")?;
    let all = statement.query_map([], |row| row.get::<_, String>(0))?;
    Ok(all.collect::<Result<Vec<_>, _>>()?.iter().filter_map(|at| at.parse().ok()).collect())
}

/// A message was told.
///
/// # Errors
/// SQLite's.
pub fn note_told(connection: &Connection, at: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO alert_messages (told_at) VALUES (?1)", [at])?;
    connection.execute(
        "DELETE FROM alert_messages WHERE id <= (SELECT max(id) FROM alert_messages) - ?1",
        [KEPT],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn what_is_saved_is_what_is_remembered() {
        let connection = store::open_in_memory().unwrap();
        let known = |key: &str, told| Known {
            key: key.into(),
            code: "refused".into(),
            message: "m".into(),
            since: "2026-11-21T22:16:00Z".parse().unwrap(),
            told,
            ended: false,
        };
        save(&connection, &[known("a", false), known("b", true)]).unwrap();
        assert_eq!(load(&connection).unwrap(), [known("a", false), known("b", true)]);
        let changes = connection.total_changes();
        save(&connection, &[known("a", false), known("b", true)]).unwrap();
        assert_eq!(connection.total_changes(), changes, "nothing is written where nothing changed");
        save(&connection, &[known("a", true)]).unwrap();
        assert_eq!(load(&connection).unwrap(), [known("a", true)]);
        for minute in 0..60 {
            note_told(&connection, &format!("2026-11-21T22:{minute:02}:00.000Z")).unwrap();
        }
        assert_eq!(told_at(&connection).unwrap().len(), KEPT as usize);
    }
}
