//! Writes what the webshop reads: receipts, error files, order files, changes, snapshots, status.json.
//!
//! Everything is rendered from the database, so every file can be made again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction};

use super::{sync_folder, with_path, write_whole};
use crate::config::{Config, OutFormat};
use crate::formats::export::Format;
use crate::formats::file_name::read_change_file_name;
use crate::formats::{names, receipt};
use crate::recover;
use crate::rules::mirror::Entity;
use crate::status;
use crate::store::owed::Owed;
use crate::store::{self, changes, intake, outgoing, thinning};

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutJob {
    /// A receipt, the error files of a rejected file, an order file, or status.json.
    Owed(Owed),
    /// A whole entity, in the formats of the settings.
    Snapshot {
        /// Which.
        entity: Entity,
        /// The debt.
        owed: Owed,
    },
    /// A numbered file of changes.
    Change {
        /// Its number.
        sequence: i64,
        /// Whose.
        entity: String,
    },
    /// Numbered files of changes that have lain for longer than the settings say are deleted, the oldest
    /// first: what is left has no gap, whatever stops this.
    Clear {
        /// The newest of them.
        through: i64,
    },
    /// The original and the receipt of what has long ended are deleted.
    Thin {
        /// The file's id.
        file: i64,
    },
}

/// What became of it.
#[derive(Debug)]
pub struct Put {
    /// Which.
    pub job: PutJob,
    /// Written, or why not.
    pub result: io::Result<()>,
    /// How long it took.
    pub took: Duration,
}

/// Writes files; keeps one reading connection open.
pub struct Publisher {
    config: Arc<Config>,
    connection: Option<Connection>,
    agent_runs: bool,
    /// Receipts wait for the disk, too.
    durable: bool,
}

impl Publisher {
    /// Opens nothing yet.
    pub fn new(config: Arc<Config>) -> Publisher {
        Publisher { config, connection: None, agent_runs: true, durable: false }
    }

    /// The last word of an agent that ends: status.json as it leaves things.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn put_last_status(config: Arc<Config>) -> io::Result<()> {
        let mut publisher = Publisher { agent_runs: false, ..Publisher::new(config) };
        let owed = Owed { kind: "status".into(), key: String::new(), revision: 0 };
        publisher.put_all(vec![PutJob::Owed(owed)]).into_iter().try_for_each(|put| put.result)
    }

    /// Writes the receipt of a file at once and waits for the disk: for what stands nowhere else.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn put_receipt_now(config: Arc<Config>, file_id: i64) -> io::Result<()> {
        let owed = Owed { kind: "receipt".into(), key: file_id.to_string(), revision: 0 };
        let mut publisher = Publisher { durable: true, ..Publisher::new(config) };
        publisher.put_all(vec![PutJob::Owed(owed)]).into_iter().try_for_each(|put| put.result)?;
        sync_folder(&publisher.config.receipts());
        Ok(())
    }

    /// Does all jobs in their order. After the first change that fails no later one is written, so that
    /// the numbers in the folder never have a gap.
    pub fn put_all(&mut self, jobs: Vec<PutJob>) -> Vec<Put> {
        let mut changes_stopped = self.note_sequence(&jobs).is_err();
        let large = jobs.iter().any(|job| matches!(job, PutJob::Snapshot { .. }));
        let connection = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => store::open_reader(&self.config.database).map_err(|error| error.to_string()),
        };
        // One transaction: the files show one moment, however long they take to write. What changes
        // meanwhile is owed again.
        let transaction = match &connection {
            Ok(connection) => connection.unchecked_transaction().map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        let put = jobs
            .into_iter()
            .map(|job| {
                let began = Instant::now();
                let is_change = matches!(job, PutJob::Change { .. });
                let result = match &transaction {
                    Err(error) => Err(io::Error::other(error.clone())),
                    Ok(_) if is_change && changes_stopped => {
                        Err(io::Error::other("an earlier file of changes is still to be written"))
                    }
                    Ok(transaction) => self.put(transaction, &job),
                };
                changes_stopped |= is_change && result.is_err();
                Put { job, result, took: began.elapsed() }
            })
            .collect();
        drop(transaction);
        // What a snapshot read need not stay in memory until the next one.
        self.connection = connection.ok().filter(|_| !large);
        put
    }

    /// The numbers must go on even where the database is lost: noted before the first file that has one.
    fn note_sequence(&self, jobs: &[PutJob]) -> io::Result<()> {
        let numbers = jobs.iter().filter_map(|job| match job {
            PutJob::Change { sequence, .. } => Some(*sequence),
            _ => None,
        });
        match numbers.max() {
            Some(last) => recover::note_sequence(&self.config.database, last),
            None => Ok(()),
        }
    }

    fn put(&self, transaction: &Transaction<'_>, job: &PutJob) -> io::Result<()> {
        match job {
            PutJob::Owed(owed) => match owed.kind.as_str() {
                "receipt" => self.put_receipt(transaction, owed),
                "error" => self.put_errors(transaction, owed),
                "order" => self.put_order(transaction, owed),
                _ => self.put_status(transaction),
            },
            PutJob::Snapshot { entity, .. } => self.put_snapshot(transaction, *entity),
            PutJob::Change { sequence, entity } => self.put_change(transaction, *sequence, entity),
            PutJob::Clear { through } => clear_changes(&self.config.outgoing_changes(), *through),
            PutJob::Thin { file } => self.thin(transaction, *file),
        }
    }

    fn put_receipt(&self, connection: &Connection, owed: &Owed) -> io::Result<()> {
        let file_id = owed.key.parse().map_err(io::Error::other)?;
        let Some(parts) = intake::load_receipt(connection, file_id).map_err(io::Error::other)? else {
            return Ok(());
        };
        let name = names::receipt(&parts.name, parts.arrival, parts.arrivals);
        let path = self.config.receipts().join(name);
        let text = receipt::receipt(&parts.name, &parts.documents, &parts.left_out);
        write_whole(&path, self.durable, |out| out.write_all(text.as_bytes()))
    }

    fn put_errors(&self, connection: &Connection, owed: &Owed) -> io::Result<()> {
        let file_id = owed.key.parse().map_err(io::Error::other)?;
        let Some((name, stored_name, problems, is_part)) =
            intake::load_error(connection, file_id).map_err(io::Error::other)?
        else {
            return Ok(());
        };
        let folder = self.config.rejected();
        let text = receipt::error_text(&name, &problems, is_part, self.config.exchange.language);
        let path = folder.join(names::fitted(&stored_name, ".error.txt"));
        write_whole(&path, false, |out| out.write_all(text.as_bytes()))?;
        let json = receipt::error_json(&name, &problems);
        let path = folder.join(names::fitted(&stored_name, ".error.json"));
        write_whole(&path, false, |out| out.write_all(json.as_bytes()))
    }

    fn put_order(&self, connection: &Connection, owed: &Owed) -> io::Result<()> {
        let Some(order) = outgoing::render_order_file(connection, &owed.key).map_err(io::Error::other)?
        else {
            return Ok(());
        };
        let path = self.config.outgoing_orders().join(&order.name);
        write_whole(&path, false, |out| out.write_all(order.body.as_bytes()))
    }

    fn put_change(&self, connection: &Connection, sequence: i64, entity: &str) -> io::Result<()> {
        let Some(body) = changes::load(connection, sequence).map_err(io::Error::other)? else {
            return Ok(());
        };
        let name = crate::formats::file_name::change_file_name(sequence as u64, entity);
        // Durable: once it is marked as written it is never written again, since the reader deletes it.
        write_whole(&self.config.outgoing_changes().join(name), true, |out| out.write_all(body.as_bytes()))
    }

    fn put_snapshot(&self, connection: &Connection, entity: Entity) -> io::Result<()> {
        for format in &self.config.exchange.formats {
            let (ending, format) = match format {
                OutFormat::Json => ("json", Format::Json),
                OutFormat::Csv => ("csv", Format::Csv(self.config.exchange.csv)),
            };
            let path: PathBuf = self.config.outgoing().join(format!("{}.{ending}", entity.name()));
            let shape = self.config.shapes.of(entity);
            write_whole(&path, false, |out| {
                outgoing::write_snapshot(connection, entity, format, shape, out)
                    .map(|_| ())
                    .map_err(io::Error::other)
            })?;
        }
        Ok(())
    }

    fn thin(&self, connection: &Connection, file: i64) -> io::Result<()> {
        let Some(thinned) = thinning::load(connection, file).map_err(io::Error::other)? else {
            return Ok(());
        };
        let day = self.config.exchange.folder.join(&thinned.folder);
        remove(&day.join(&thinned.stored_name))?;
        remove(&self.config.receipts().join(&thinned.receipt))?;
        // It goes when nothing lies in it any more.
        let _ = std::fs::remove_dir(&day);
        Ok(())
    }

    fn put_status(&self, connection: &Connection) -> io::Result<()> {
        let status = status::load(connection, &self.config, jiff::Timestamp::now(), self.agent_runs)
            .map_err(io::Error::other)?;
        let text = receipt::pretty(&status.to_json());
        write_whole(&self.config.outgoing().join("status.json"), false, |out| out.write_all(text.as_bytes()))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        // The webshop or a person was quicker, or the process died after the last time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|error| with_path(path, error)),
    }
}

fn clear_changes(folder: &Path, through: i64) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| with_path(folder, error))?,
    };
    let mut old: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let number = read_change_file_name(entry.file_name().to_str()?)?;
            i64::try_from(number).is_ok_and(|number| number <= through).then(|| (number, entry.path()))
        })
        .collect();
    old.sort_unstable();
    old.into_iter().try_for_each(|(_, path)| remove(&path))
}
