//! Answers questions: what Extend said, or what the mirror knows, goes to outgoing/atp/NAME, and then the
//! question leaves inbox/atp/.
//!
//! Until then the question's file is all that is kept of it. Whatever moment the process dies at, the next one
//! finds the question and answers it again, or finds it answered.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{QUESTIONS_PREFIX, rename, take, with_path, write_whole};
use crate::clock;
use crate::config::Config;
use crate::formats::{canonical, receipt};
use crate::rules::availability::{self, Age};
use crate::rules::mirror::Entity;
use crate::store::{self, sync_state};

/// A question that is to be answered now.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerJob {
    /// Its name, with [`QUESTIONS_PREFIX`].
    pub name: String,
    /// SHA-256 of its file.
    pub hash: String,
    /// The order that it is.
    pub order: Arc<Value>,
    /// Where the answer comes from.
    pub answer: Answer,
}

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Extend gave it: passed through byte for byte.
    Extend(Vec<u8>),
    /// Extend said no, in these words.
    Refused(String),
    /// Extend can't be asked: what the mirror knows.
    Mirror,
}

/// What became of it.
#[derive(Debug)]
pub struct Answered {
    /// Its name, with [`QUESTIONS_PREFIX`].
    pub name: String,
    /// SHA-256 of the file that was answered.
    pub hash: String,
    /// Answered, or why not.
    pub result: io::Result<()>,
}

/// Answers questions; keeps one reading connection open.
pub struct Answerer {
    config: Arc<Config>,
    connection: Option<Connection>,
    /// When it was last looked which answers nobody has fetched.
    cleared_at: Option<Instant>,
}

/// How often that is done, when a question comes.
const BETWEEN_CLEARINGS: Duration = Duration::from_secs(3600);

impl Answerer {
    /// Opens nothing yet.
    pub fn new(config: Arc<Config>) -> Answerer {
        Answerer { config, connection: None, cleared_at: None }
    }

    /// Answers all of them, and clears answers that have lain there for `keep_days`.
    pub fn answer_all(&mut self, jobs: Vec<AnswerJob>) -> Vec<Answered> {
        let answered = jobs
            .into_iter()
            .map(|job| {
                let result = self.answer(&job);
                Answered { name: job.name, hash: job.hash, result }
            })
            .collect();
        if self.cleared_at.is_none_or(|at| at.elapsed() >= BETWEEN_CLEARINGS) {
            self.cleared_at = Some(Instant::now());
            let kept = Duration::from_secs(24 * 3600) * self.config.exchange.keep_days;
            clear(&self.config.outgoing_atp(), SystemTime::now().checked_sub(kept));
        }
        answered
    }

    fn answer(&mut self, job: &AnswerJob) -> io::Result<()> {
        let name = job.name.strip_prefix(QUESTIONS_PREFIX).unwrap_or(&job.name);
        let body = match &job.answer {
            Answer::Extend(body) => body.clone(),
            Answer::Refused(message) => {
                let error = json!({ "code": "extend_refused", "message": message });
                let as_of = clock::text(jiff::Timestamp::now());
                receipt::pretty(&json!({ "source": "extend", "asOf": as_of, "error": error })).into_bytes()
            }
            Answer::Mirror => receipt::pretty(&self.ask_mirror(&job.order)?).into_bytes(),
        };
        let folder = self.config.outgoing_atp();
        if !folder.is_dir() {
            std::fs::create_dir_all(&folder).map_err(|error| with_path(&folder, error))?;
        }
        write_whole(&folder.join(name), false, |out| out.write_all(&body))?;
        remove(&self.config.inbox_atp(), name, &job.hash)
    }

    fn ask_mirror(&mut self, order: &Value) -> io::Result<Value> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => store::open_reader(&self.config.database).map_err(io::Error::other)?,
        };
        let answer = self.read(&connection, order).map_err(io::Error::other)?;
        self.connection = Some(connection);
        Ok(answer)
    }

    fn read(&self, connection: &Connection, order: &Value) -> rusqlite::Result<Value> {
        // One moment for the balances and their age.
        let transaction = connection.unchecked_transaction()?;
        let known = store::availability::load(&transaction, &availability::products(order))?;
        let as_of = sync_state::load(&transaction, Entity::Balances)?.last_success_at;
        let minutes_old = as_of
            .as_deref()
            .and_then(|at| at.parse::<jiff::Timestamp>().ok())
            .map(|at| jiff::Timestamp::now().duration_since(at).as_mins().max(0));
        let age = Age { as_of, minutes_old };
        Ok(availability::answer(order, &known, &age, self.config.exchange.language))
    }
}

/// Removes the answers that were written before `before`. One that can't be removed now is tried another time.
fn clear(folder: &Path, before: Option<SystemTime>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let written = entry.metadata().ok().filter(|metadata| metadata.is_file());
        let written = written.and_then(|metadata| metadata.modified().ok());
        if written.zip(before).is_some_and(|(written, before)| written < before) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Takes an answered question out of the inbox, by way of a hidden name: one that was written over it in the
/// meantime is another question, and goes back.
fn remove(inbox: &Path, name: &str, hash: &str) -> io::Result<()> {
    let hidden = inbox.join(format!(".answered-{:08x}.tmp", fastrand::u32(..)));
    match rename(&inbox.join(name), &hidden) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed.map_err(|error| with_path(&inbox.join(name), error))?,
    }
    let bytes = std::fs::read(&hidden).map_err(|error| with_path(&hidden, error))?;
    if canonical::bytes_hash(&bytes) != hash {
        return take::put_back(inbox, &hidden, name);
    }
    std::fs::remove_file(&hidden).map_err(|error| with_path(&hidden, error))
}
