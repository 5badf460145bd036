//! Refreshes the plain copy for reports: built on this computer, then swapped whole into its place, which may
//! be on a network share.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock;
use crate::config::Config;
use crate::exchange::with_path;
use crate::store::reports::copy;

/// Makes copies until it is told to stop.
#[derive(Debug, Clone)]
pub struct Copier {
    config: Arc<Config>,
    stopped: Arc<AtomicBool>,
}

impl Copier {
    /// Opens nothing yet.
    pub fn new(config: Arc<Config>) -> Copier {
        Copier { config, stopped: Arc::default() }
    }

    /// Lets a copy under way end soon, without a result.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Puts a fresh copy in the place that the settings name. The one before stays where anything fails.
    ///
    /// # Errors
    /// What went wrong, with the path: the disk is full, the share is away, or (on Windows) a program holds
    /// the copy open.
    pub fn refresh(&self) -> io::Result<()> {
        let Some(place) = &self.config.reports.database else { return Ok(()) };
        // One agent works with a database, so the name needs nothing that tells it from another's.
        let built = self.config.database.with_file_name(".reports.db.new.tmp");
        remove(&built)?;
        let done = self.build(&built).and_then(|()| self.put(&built, place));
        let removed = remove(&built);
        done.and(removed)
    }

    fn build(&self, built: &Path) -> io::Result<()> {
        let now = clock::text(jiff::Timestamp::now());
        let stopped = self.stopped.clone();
        copy::write(&self.config.database, built, &now, move || stopped.load(Ordering::Relaxed))
            .map_err(|error| with_path(built, io::Error::other(error)))?;
        File::options()
            .write(true)
            .open(built)
            .and_then(|file| file.sync_all())
            .map_err(|error| with_path(built, error))
    }

    fn put(&self, built: &Path, place: &Path) -> io::Result<()> {
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(|error| with_path(folder, error))?;
        }
        if fs::rename(built, place).is_ok() {
            return Ok(());
        }
        // Another disk, or a share: carried there first, so that it appears whole there too.
        let beside = beside(place);
        let carried = self
            .carry(built, &beside)
            .and_then(|()| fs::rename(&beside, place))
            .map_err(|error| with_path(place, error));
        if carried.is_err() {
            let _ = fs::remove_file(&beside);
        }
        carried
    }

    fn carry(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut from, mut to) = (File::open(from)?, File::create(to)?);
        let mut bytes = vec![0; 1024 * 1024];
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            match from.read(&mut bytes)? {
                0 => return to.sync_all(),
                read => to.write_all(&bytes[..read])?,
            }
        }
    }
}

fn beside(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.new.tmp"))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(with_path(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;
    use crate::store::{self, reports::VIEWS};

    fn home() -> (tempfile::TempDir, Arc<Config>) {
        let home = tempfile::tempdir().unwrap();
        let settings = "[extend]\nbase_url = \"http://127.0.0.1:9/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\npassword = \"p\"\n\
            [reports]\ndatabase = \"share/reports.db\"\n";
        let config = Arc::new(Config::parse(home.path(), settings, None).unwrap());
        let connection = store::open(&config.database).unwrap();
        connection
            .execute_batch(
                "INSERT INTO products (product_number, name) VALUES ('A', 'one');
                 INSERT INTO balances (product_number, warehouse, available, raw) VALUES ('A', 'MAIN', 5, '{}');
                 INSERT INTO files (name, arrival, verdict, size, received_at, folder, stored_name, content)
                     VALUES ('o.json', 1, 'accepted', 1, '', '', '', CAST('SECRET-file' AS BLOB));
                 INSERT INTO documents (file_id, position, kind, key, content_hash) VALUES (1, 1, 'order', 'W', '');
                 INSERT INTO outbox (id, kind, key, state, payload, answer, source_file, received_at, content_hash)
                     VALUES (1, 'order', 'W', 'queued',
                         '{\"orderRows\":[{\"product\":{\"productNumber\":\"A\"},\"salesData\":{\"quantity\":2},\"x\":\"SECRET-sent\"}]}',
                         'SECRET-answer', 'o.json', '2026-11-21T22:16:00.000Z', '');",
            )
            .unwrap();
        (home, config)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_copy_answers_every_report_and_holds_no_documents() {
        let (home, config) = home();
        Copier::new(config.clone()).refresh().unwrap();
        let place = home.path().join("share/reports.db");
        // Read as from a share that nobody may write to: nothing lies beside it, nothing is needed there.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let copy =
            Connection::open_with_flags(format!("file:{}?immutable=1", place.display()), flags).unwrap();
        for view in &VIEWS {
            copy.prepare(&view.sql(false)).unwrap().query([]).unwrap().next().unwrap();
        }
        let stock: (String, f64, f64) = copy
            .query_row("SELECT name, available, queued FROM report_stock", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(stock, ("one".into(), 5.0, 2.0));
        let indexes = |connection: &Connection| -> i64 {
            connection
                .query_row(
                    "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'orders'",
                    [],
                    |row| row.get(0),
                )
                .unwrap()
        };
        assert_eq!(indexes(&copy), indexes(&store::open_reader(&config.database).unwrap()));
        let bytes = fs::read(&place).unwrap();
        for secret in ["SECRET-file", "SECRET-sent", "SECRET-answer"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
        }
        assert_eq!(names(&home.path().join("share")), ["reports.db"]);
        assert!(!names(&home.path().join("data")).iter().any(|name| name.contains("tmp")));
    }

    #[test]
    fn a_copy_that_somebody_reads_is_swapped_and_takes_nothing_from_them() {
        let (home, config) = home();
        let copier = Copier::new(config.clone());
        copier.refresh().unwrap();
        let reader = Connection::open(home.path().join("share/reports.db")).unwrap();
        reader.execute_batch("BEGIN").unwrap();
        let count = |of: &Connection| -> i64 {
            of.query_row("SELECT count(*) FROM report_stock", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(count(&reader), 1);
        store::open_existing(&config.database)
            .unwrap()
            .execute_batch("INSERT INTO balances (product_number, warehouse) VALUES ('A', 'STORE')")
            .unwrap();
        if cfg!(windows) {
            // There it stays as it was until they close it.
            copier.refresh().unwrap_err();
            assert_eq!(count(&reader), 1);
            drop(reader);
            copier.refresh().unwrap();
        } else {
            copier.refresh().unwrap();
            assert_eq!(count(&reader), 1, "who reads goes on with what they began with");
        }
        assert_eq!(count(&Connection::open(home.path().join("share/reports.db")).unwrap()), 2);
    }

    #[test]
    fn a_copy_that_is_stopped_or_fails_leaves_the_one_before() {
        let (home, config) = home();
        let share = home.path().join("share");
        let copier = Copier::new(config.clone());
        copier.refresh().unwrap();
        let before = fs::read(share.join("reports.db")).unwrap();
        store::open_existing(&config.database)
            .unwrap()
            .execute_batch(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
                 INSERT INTO products (product_number) SELECT i FROM n",
            )
            .unwrap();
        copier.stop();
        copier.refresh().unwrap_err();
        assert_eq!(fs::read(share.join("reports.db")).unwrap(), before);
        assert_eq!(names(&share), ["reports.db"]);

        fs::remove_dir_all(&share).unwrap();
        fs::write(&share, "no folder").unwrap();
        let error = Copier::new(config).refresh().unwrap_err();
        assert!(error.to_string().contains("share"), "{error}");
        assert!(!names(&home.path().join("data")).iter().any(|name| name.contains("tmp")));
    }
}
