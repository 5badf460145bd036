//! The database's log is kept small, and a reader that makes it grow is told of.

use std::time::Duration;

use super::Engine;
use crate::clock::{self, Now};
use crate::store::StoreError;
use crate::store::wal::{self, Held};

/// How often the log is looked at.
const EVERY: Duration = Duration::from_secs(30);
/// A reader may hold the log for so long before anybody is told …
const TOLD_AFTER: Duration = Duration::from_secs(5 * 60);
/// … and only where the log has grown.
const TOLD_FROM_BYTES: u64 = 8 * 1024 * 1024;

/// What is known of the log. It can be lost.
#[derive(Debug, Default)]
pub(super) struct LogWatch {
    looked_at: Option<Duration>,
    /// Since when a reader was seen to hold it at every look, and at the same page.
    held_since: Option<Now>,
    held_at: u64,
    told: bool,
}

impl Engine {
    /// Moves the log into the database, cuts it where it had grown, and notes a reader that holds it for
    /// long, for `status`. Does nothing most of the time.
    ///
    /// # Errors
    /// SQLite's.
    pub fn tend_log(&mut self, now: Now) -> Result<(), StoreError> {
        let watch = &mut self.log;
        if watch.looked_at.is_some_and(|at| now.mono < at + EVERY) {
            return Ok(());
        }
        // What an earlier process noted is no longer known.
        let is_first = watch.looked_at.is_none();
        watch.looked_at = Some(now.mono);
        let log = wal::checkpoint(&self.connection)?;
        if !log.is_held {
            watch.held_since = None;
            if std::mem::take(&mut watch.told) || is_first {
                wal::note_held(&self.connection, None)?;
            }
            if log.bytes > wal::KEPT_BYTES {
                wal::truncate(&self.connection)?;
            }
            return Ok(());
        }
        // One that moves on holds nothing for long, though at every look somebody holds something: Litestream
        // reads what is new all day, so that nobody cuts the log before it has a copy.
        if std::mem::replace(&mut watch.held_at, log.moved_pages) != log.moved_pages {
            watch.held_since = None;
        }
        let since = *watch.held_since.get_or_insert(now);
        if now.mono >= since.mono + TOLD_AFTER && log.bytes >= TOLD_FROM_BYTES {
            let held = Held { since: clock::text(since.wall), bytes: log.bytes };
            if !std::mem::replace(&mut watch.told, true) {
                log::warn!("another program has held the database since {}: its log grows", held.since);
            }
            wal::note_held(&self.connection, Some(&held))?;
        } else if is_first {
            wal::note_held(&self.connection, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use rusqlite::Connection;

    use super::*;
    use crate::config::Config;
    use crate::engine::Task;
    use crate::{status, store};

    const SETTINGS: &str = "[extend]\nbase_url = \"http://127.0.0.1:9/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\npassword = \"p\"\n";

    fn begun() -> (tempfile::TempDir, Arc<Config>, Engine) {
        let home = tempfile::tempdir().unwrap();
        let config = Arc::new(Config::parse(home.path(), SETTINGS, None).unwrap());
        let connection = store::open(&config.database).unwrap();
        let engine = Engine::new(connection, config.clone(), Task::default(), at(0)).unwrap();
        (home, config, engine)
    }

    fn at(seconds: u64) -> Now {
        let wall: jiff::Timestamp = "2026-11-21T22:16:00Z".parse().unwrap();
        Now {
            wall: wall + jiff::SignedDuration::from_secs(seconds as i64),
            mono: Duration::from_secs(seconds),
        }
    }

    fn write_megabytes(connection: &Connection, megabytes: u32) {
        for _ in 0..megabytes {
            connection
                .execute("INSERT INTO agent VALUES (hex(randomblob(8)), hex(zeroblob(500000)))", [])
                .unwrap();
        }
    }

    fn log_bytes(database: &Path) -> u64 {
        let mut name = database.as_os_str().to_owned();
        name.push("-wal");
        std::fs::metadata(name).map_or(0, |log| log.len())
    }

    fn codes(engine: &Engine, config: &Config, now: Now) -> Vec<String> {
        let status = status::load(engine.connection(), config, now.wall, true).unwrap();
        status.needs_person.into_iter().map(|one| one.code).collect()
    }

    #[test]
    fn a_reader_that_holds_the_database_is_told_of_and_the_log_shrinks_when_it_lets_go() {
        let (_home, config, mut engine) = begun();
        let reader = Connection::open(&config.database).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM products").unwrap();
        reader.query_row("SELECT count(*) FROM products", [], |_| Ok(())).unwrap();

        engine.tend_log(at(0)).unwrap();
        write_megabytes(engine.connection(), 40);
        engine.tend_log(at(30)).unwrap();
        assert!(log_bytes(&config.database) > 40_000_000, "the reader's moment is kept");
        engine.tend_log(at(300)).unwrap();
        assert_eq!(
            codes(&engine, &config, at(300)),
            Vec::<String>::new(),
            "a short reader is nobody's trouble"
        );
        engine.tend_log(at(331)).unwrap();
        assert_eq!(codes(&engine, &config, at(331)), ["database_held"]);

        reader.execute_batch("COMMIT").unwrap();
        engine.tend_log(at(361)).unwrap();
        assert_eq!(log_bytes(&config.database), 0, "what it held is given back");
        assert_eq!(codes(&engine, &config, at(361)), Vec::<String>::new());
    }

    #[test]
    fn a_reader_that_moves_on_is_nobodys_trouble() {
        let (_home, config, mut engine) = begun();
        let reader = Connection::open(&config.database).unwrap();
        let begin = || {
            reader.execute_batch("BEGIN").unwrap();
            reader.query_row("SELECT count(*) FROM products", [], |_| Ok(())).unwrap();
        };
        begin();
        for look in 0..30 {
            write_megabytes(engine.connection(), 9);
            engine.tend_log(at(30 * look)).unwrap();
            assert_eq!(codes(&engine, &config, at(30 * look)), Vec::<String>::new(), "at look {look}");
            // Held at every look, and each time a moment later.
            if look % 2 == 0 {
                reader.execute_batch("COMMIT").unwrap();
                begin();
            }
        }
    }

    #[test]
    fn the_log_stays_small_without_any_reader() {
        let (_home, config, engine) = begun();
        write_megabytes(engine.connection(), 60);
        assert!(log_bytes(&config.database) < 16_000_000, "{}", log_bytes(&config.database));
    }
}
