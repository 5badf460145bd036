//! What must hold, after every step and after every day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use extend_edge::extend::jobs::CallJob;
use extend_edge::formats::canonical;
use extend_edge::store::{agent, intake};
use rusqlite::Connection;

use super::came::Came;
use super::changes;
use super::disk::Disk;
use super::extend::Wire;
use super::world::{MINUTE, Process, SECOND, Written};

/// What was seen so far.
pub struct Checks {
    per_minute: u32,
    /// The grace time, in milliseconds.
    pub grace: i64,
    /// How often each name with each content lay in the inbox.
    appeared: BTreeMap<(String, String), u32>,
    /// Those that must be recorded by the end of the day; the last of each name, since one that is
    /// overwritten before it was read is gone by the shop's own hand.
    owed: BTreeMap<String, String>,
    /// Documents that look like one at Extend and were called off by a person who said that they are it.
    pub called_off_look_alike: BTreeSet<String>,
    written: Written,
    /// What each item was about when it came: what has long ended is thinned, and then its row tells no more.
    pub came: Came,
    calls: Vec<i64>,
    starts: Vec<i64>,
    /// Extend asked this process to wait until then.
    closed_until: i64,
}

impl Checks {
    pub fn new(per_minute: u32, grace: i64) -> Checks {
        Checks {
            per_minute,
            grace,
            appeared: BTreeMap::new(),
            owed: BTreeMap::new(),
            called_off_look_alike: BTreeSet::new(),
            written: BTreeMap::new(),
            came: Came::default(),
            calls: Vec::new(),
            starts: Vec::new(),
            closed_until: 0,
        }
    }

    pub fn dropped(&mut self, name: &str, bytes: &[u8]) {
        let hash = canonical::bytes_hash(bytes);
        *self.appeared.entry((name.to_owned(), hash.clone())).or_default() += 1;
        self.owed.insert(name.to_owned(), hash);
    }

    pub fn started(&mut self, now: i64) {
        self.starts.push(now);
        self.closed_until = 0;
    }

    pub fn receipt_written(&mut self, file: i64, receipt: intake::ReceiptParts) {
        let shown = receipt.documents.into_iter().map(|one| (one.id, one.state, one.extend_number)).collect();
        self.written.insert(file, shown);
    }

    /// The engine is told of a 429.
    pub fn told_to_wait(&mut self, now: i64, pause: Option<Duration>) {
        let pause =
            pause.unwrap_or(Duration::from_secs(5)).clamp(Duration::from_secs(1), Duration::from_secs(300));
        self.closed_until = self.closed_until.max(now + pause.as_millis() as i64);
    }

    /// A call is about to be made.
    pub fn handed_out(&mut self, now: i64, process: &Process, job: &CallJob) -> Result<(), String> {
        match job {
            CallJob::Probe if process.probing => Err("two probes at a time".into()),
            // It counts for another of Extend's groups than those that were told to wait.
            CallJob::Probe => Ok(()),
            _ if now < self.closed_until => Err(format!("Extend asked to wait, and yet: {job:?}")),
            _ if !process.engine.extend_is_up() => Err(format!("Extend is away, and yet: {job:?}")),
            _ => Ok(()),
        }
    }

    /// A job that began at `now` made so many calls.
    pub fn called(&mut self, now: i64, calls: u32) {
        self.calls.extend((0..calls).map(|_| now));
    }

    /// Nothing is doubled, and whoever has work to do will do it: by a call under way, or by waking.
    pub fn after_step(&mut self, now: i64, process: &Process, wire: &Wire) -> Result<(), String> {
        if let Some(violation) = wire.lock().violations.first() {
            return Err(violation.clone());
        }
        self.came.look(process.engine.connection()).map_err(|error| error.to_string())?;
        if process.calls > 0 || process.probing {
            return Ok(());
        }
        let (sending, ready) = waiting(process.engine.connection());
        let within = match (sending, ready, process.engine.extend_is_up()) {
            (0, 0, _) => return Ok(()),
            // The longest pause between probes, or of an item.
            (0, _, _) | (_, _, false) => 5 * MINUTE,
            // The next look-up, or what Extend asked for.
            _ => self.grace + MINUTE,
        };
        let wakes = process.wake_at() - now;
        if wakes > within + SECOND {
            return Err(format!(
                "{sending} are in doubt and {ready} ready, and the engine sleeps {wakes} ms"
            ));
        }
        Ok(())
    }

    /// Everything has come to an end, the right one.
    pub fn after_the_day(
        &mut self,
        process: Option<&Process>,
        disk: &Disk,
        wire: &Wire,
    ) -> Result<(), String> {
        let Some(process) = process else { return Err("the process did not come back".into()) };
        let connection = process.engine.connection();
        self.line_is_well(process)?;
        self.files_are_taken(connection, disk)?;
        self.items_have_ended(connection, wire)?;
        self.receipts_are_true(connection)?;
        self.rate_was_kept()?;
        let owed: i64 = one(connection, "SELECT count(*) FROM owed_files WHERE kind IN ('receipt', 'error')");
        if owed > 0 {
            return Err(format!("{owed} receipts or error files are still to be written"));
        }
        Ok(())
    }

    fn line_is_well(&self, process: &Process) -> Result<(), String> {
        let written = agent::load_line(process.engine.connection()).map_err(|error| error.to_string())?;
        let written = written.map(|line| line.state).unwrap_or_default();
        if !process.engine.extend_is_up() || written != "up" {
            return Err(format!("the line is «{written}» though Extend is well"));
        }
        Ok(())
    }

    fn files_are_taken(&mut self, connection: &Connection, disk: &Disk) -> Result<(), String> {
        if let Some((name, _)) = disk.inbox.first_key_value() {
            return Err(format!("{name} still lies in the inbox"));
        }
        let mut statement = connection
            .prepare_cached("SELECT count(*) FROM files WHERE name = ?1 AND content_hash = ?2")
            .map_err(|error| error.to_string())?;
        for (name, hash) in std::mem::take(&mut self.owed) {
            let rows: u32 = statement.query_row([&name, &hash], |row| row.get(0)).unwrap_or(0);
            let appeared = self.appeared.get(&(name.clone(), hash)).copied().unwrap_or(0);
            if rows == 0 {
                return Err(format!("{name} was dropped and is lost"));
            }
            if rows > appeared {
                return Err(format!("{name} was dropped {appeared} times and recorded {rows} times"));
            }
        }
        let mut statement = connection
            .prepare_cached("SELECT name, folder, stored_name, thinned, moved FROM files")
            .map_err(|error| error.to_string())?;
        let mut rows = statement.query([]).map_err(|error| error.to_string())?;
        while let Ok(Some(row)) = rows.next() {
            let text = |column| row.get::<_, String>(column).unwrap_or_default();
            let stored = disk.stored.get(&(text(1), text(2)));
            if row.get(4) != Ok(1) {
                return Err(format!("{} is recorded and not moved", text(0)));
            }
            // A rejected file that its writer took away again has no original.
            match (stored, row.get(3) == Ok(1)) {
                (None, false) if text(1) != "rejected" => {
                    return Err(format!("the original of {} is lost", text(0)));
                }
                (Some(_), true) => return Err(format!("{} is thinned and still there", text(0))),
                _ => {}
            }
        }
        Ok(())
    }

    fn items_have_ended(&self, connection: &Connection, wire: &Wire) -> Result<(), String> {
        let extend = wire.lock();
        let at_extend: BTreeMap<&str, &str> =
            extend.records.iter().map(|record| (record.number.as_str(), record.mark.as_str())).collect();
        let mut statement = connection
            .prepare_cached(
                "SELECT id, state, ready, extend_number, error_code, payload IS NULL FROM outbox ORDER BY id",
            )
            .map_err(|error| error.to_string())?;
        let mut rows = statement.query([]).map_err(|error| error.to_string())?;
        let mut marks: BTreeMap<&str, (u32, bool)> = BTreeMap::new();
        while let Ok(Some(row)) = rows.next() {
            let id: i64 = row.get(0).unwrap_or_default();
            let text = |column| row.get::<_, Option<String>>(column).ok().flatten().unwrap_or_default();
            let (state, number, code) = (text(1), text(3), text(4));
            let Some(document) = self.came.items.get(&id) else { return Err(format!("item {id} is new")) };
            let is_thinned = row.get(5) == Ok(true);
            if is_thinned && state != "delivered" && state != "cancelled" {
                return Err(format!("item {id} is {state}, and its document was thinned"));
            }
            if let Some(result) = changes::check(document, &extend, id, &state, &code, &number) {
                result?;
                if state == "sending" || (state == "queued" && !waits_for_an_open_one(connection, id)) {
                    return Err(format!("item {id} is still {state} after a quiet hour: {code}"));
                }
                continue;
            }
            let mark = document.mark.as_str();
            let told = marks.entry(mark).or_default();
            match state.as_str() {
                "delivered" => {
                    told.0 += 1;
                    if at_extend.get(number.as_str()) != Some(&mark) {
                        return Err(format!(
                            "item {id} ({mark}) is delivered as {number}, which is another's"
                        ));
                    }
                }
                "refused" if code == "look_alike" => told.1 = true,
                "refused" => {
                    let right = match code.as_str() {
                        "extend_refused" => {
                            document.names_unknown_product
                                || document.kind == "return"
                                || changes::lacks_customer(connection, &self.came, id)
                        }
                        "unknown_order" | "ambiguous_order" => document.kind == "return",
                        _ => false,
                    };
                    if !right {
                        return Err(format!("item {id} ({mark}) is refused for no reason: {code}"));
                    }
                }
                "cancelled" => {}
                "queued" if row.get(2) == Ok(0) && waits_for_an_open_one(connection, id) => {}
                _ => return Err(format!("item {id} ({mark}) is still {state} after a quiet hour: {code}")),
            }
        }
        changes::check_sequence(&self.came, &extend)?;
        for (mark, (delivered, look_alike)) in marks {
            let there = extend.made.get(mark).copied().unwrap_or(0);
            let told_off =
                look_alike || self.called_off_look_alike.contains(mark) || extend.may_be_twice.contains(mark);
            if delivered > 1 || (there != delivered && !told_off) {
                return Err(format!("{mark} is at Extend {there} times and delivered {delivered} times"));
            }
        }
        Ok(())
    }

    fn receipts_are_true(&self, connection: &Connection) -> Result<(), String> {
        let mut statement = connection
            .prepare_cached(
                "SELECT d.file_id, d.id, o.state, o.extend_number, f.name FROM documents d
                 JOIN files f ON f.id = d.file_id
                 JOIN outbox o ON o.id = coalesce(d.duplicate_of, d.id)",
            )
            .map_err(|error| error.to_string())?;
        let mut rows = statement.query([]).map_err(|error| error.to_string())?;
        while let Ok(Some(row)) = rows.next() {
            let file: i64 = row.get(0).unwrap_or_default();
            let wanted = (
                row.get::<_, i64>(1).unwrap_or_default(),
                row.get::<_, String>(2).unwrap_or_default(),
                row.get::<_, Option<String>>(3).unwrap_or_default(),
            );
            if !self.written.get(&file).is_some_and(|shown| shown.contains(&wanted)) {
                let shown = self.written.get(&file);
                return Err(format!("the receipt of file {file} shows {shown:?}, and true is {wanted:?}"));
            }
        }
        Ok(())
    }

    /// No minute holds more than the setting: probes and further calls of a job count like all others. Only a
    /// new process begins with a full bucket.
    fn rate_was_kept(&mut self) -> Result<(), String> {
        let mut calls = std::mem::take(&mut self.calls);
        calls.sort_unstable();
        let burst = self.per_minute.div_ceil(5).max(2) as usize;
        let mut first = 0;
        for (index, at) in calls.iter().enumerate() {
            while calls[first] <= at - MINUTE {
                first += 1;
            }
            let starts = self.starts.iter().filter(|start| **start > calls[first] && **start <= *at).count();
            let in_minute = index - first + 1;
            let allowed = self.per_minute as usize + starts * burst;
            if in_minute > allowed {
                return Err(format!("{in_minute} calls in a minute where {allowed} are allowed"));
            }
        }
        Ok(())
    }
}

fn one(connection: &Connection, sql: &str) -> i64 {
    connection.prepare_cached(sql).and_then(|mut found| found.query_row([], |row| row.get(0))).unwrap_or(0)
}

fn waits_for_an_open_one(connection: &Connection, id: i64) -> bool {
    connection
        .prepare_cached(
            "SELECT 1 FROM outbox_waits w JOIN outbox o ON o.id = w.waits_for
             WHERE w.outbox_id = ?1 AND o.state IN ('queued', 'sending', 'refused')",
        )
        .and_then(|mut found| found.exists([id]))
        .unwrap_or(false)
}

/// Items in doubt, and items that could go.
fn waiting(connection: &Connection) -> (i64, i64) {
    let mut statement = connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 'sending'), count(*) FILTER (WHERE state = 'queued' AND ready)
             FROM outbox WHERE state IN ('queued', 'sending')",
        )
        .expect("a statement");
    statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap_or((0, 0))
}

/// What a person may act upon: id, mark, and whether it looks like something at Extend.
pub fn open_items(connection: &Connection) -> Vec<(i64, String, bool)> {
    let mut statement = connection
        .prepare_cached(
            "SELECT id, coalesce(payload ->> '$.orderHeader.mark', payload ->> '$.header.mark',
                                 payload ->> '$.orderRows[0].mark', ''),
                    error_code IS 'look_alike' OR error_code IS 'unclear_change'
             FROM outbox WHERE state IN ('queued', 'sending', 'refused') ORDER BY id DESC LIMIT 20",
        )
        .expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.and_then(Iterator::collect).unwrap_or_default()
}
