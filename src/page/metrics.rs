//! How things stand for Prometheus, in its text format.

use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;

use crate::config::Config;
use crate::engine::Pulse;
use crate::status::Status;

/// What stands in no table.
pub struct Machine {
    /// Bytes of the database, and of the log beside it.
    pub database_bytes: [u64; 2],
    /// Seconds since the engine's loop last turned.
    pub engine_age: f64,
    /// When the process began.
    pub began: Timestamp,
}

/// Looks at it.
pub fn of_machine(config: &Config, pulse: &Pulse, began: Timestamp) -> Machine {
    let bytes = |path: &Path| path.metadata().map_or(0, |file| file.len());
    let mut log = config.database.clone().into_os_string();
    log.push("-wal");
    Machine {
        database_bytes: [bytes(&config.database), bytes(Path::new(&log))],
        engine_age: pulse.age().as_secs_f64(),
        began,
    }
}

/// The text.
pub fn text(status: &Status, machine: &Machine) -> String {
    let mut all = Metrics::default();
    all.family("build_info", "gauge", "Always 1; the version is in the label.");
    all.value("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    all.family("start_time_seconds", "gauge", "When the agent began, in seconds since 1970.");
    all.value("start_time_seconds", &[], seconds(machine.began));
    all.family("engine_last_turn_seconds", "gauge", "Seconds since the engine's loop last turned.");
    all.value("engine_last_turn_seconds", &[], machine.engine_age);

    let line = status.line.as_ref();
    let state = line.map_or("unknown", |line| line.state.as_str());
    all.family("extend_state", "gauge", "1 for how Extend was last seen.");
    for known in ["unknown", "up", "away", "login_refused"] {
        all.value("extend_state", &[("state", known)], f64::from(u8::from(known == state)));
    }
    all.family("extend_state_since_seconds", "gauge", "Since when, in seconds since 1970.");
    all.moment("extend_state_since_seconds", &[], line.map(|line| line.since.as_str()));

    let counts = &status.outbox;
    all.family("outbox_items", "gauge", "Documents in the outbox, by state.");
    for (state, count) in [
        ("queued", counts.queued),
        ("sending", counts.sending),
        ("refused", counts.refused),
        ("delivered", counts.delivered),
        ("cancelled", counts.cancelled),
    ] {
        all.value("outbox_items", &[("state", state)], count as f64);
    }
    all.family(
        "outbox_oldest_waiting_seconds",
        "gauge",
        "When the oldest that waits came, in seconds since 1970; absent where none waits.",
    );
    all.moment("outbox_oldest_waiting_seconds", &[], counts.oldest_waiting.as_deref());
    all.family("inbox_incomplete_files", "gauge", "Files in the inbox that are not yet complete.");
    all.value("inbox_incomplete_files", &[], status.incomplete_files as f64);

    all.family("needs_person", "gauge", "Things that need a person, by code; absent where there are none.");
    let mut codes: Vec<&str> = status.needs_person.iter().map(|one| one.code.as_str()).collect();
    codes.sort_unstable();
    for group in codes.chunk_by(|one, other| one == other) {
        all.value("needs_person", &[("code", group[0])], group.len() as f64);
    }
    all.family("needs_person_all", "gauge", "How many things need a person.");
    all.value("needs_person_all", &[], status.needs_person.len() as f64);

    all.family("entity_rows", "gauge", "Records in the mirror, by entity.");
    for one in &status.entities {
        all.value("entity_rows", &[("entity", one.entity.name())], one.state.rows as f64);
    }
    all.family(
        "entity_last_success_seconds",
        "gauge",
        "When it was last fetched, in seconds since 1970; absent where never.",
    );
    for one in &status.entities {
        let entity = [("entity", one.entity.name())];
        all.moment("entity_last_success_seconds", &entity, one.state.last_success_at.as_deref());
    }
    all.family("entity_stale", "gauge", "1 where it is older than it should be.");
    for one in &status.entities {
        all.value("entity_stale", &[("entity", one.entity.name())], f64::from(u8::from(one.is_stale)));
    }
    all.family("entity_odd_records", "gauge", "Records that are not as Extend describes them.");
    for one in &status.entities {
        all.value("entity_odd_records", &[("entity", one.entity.name())], one.state.odd_records as f64);
    }
    all.family("entity_details_to_come", "gauge", "Records that are still to be fetched in full.");
    for one in &status.entities {
        all.value("entity_details_to_come", &[("entity", one.entity.name())], one.to_come.details as f64);
    }
    all.family("webhooks_refused_total", "counter", "Webhooks that were turned away.");
    all.value("webhooks_refused_total", &[], status.hooks.refused as f64);
    all.family("database_bytes", "gauge", "Size of the database and of the log beside it.");
    for (file, bytes) in ["database", "wal"].into_iter().zip(machine.database_bytes) {
        all.value("database_bytes", &[("file", file)], bytes as f64);
    }
    all.text
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

#[derive(Default)]
struct Metrics {
    text: String,
}

impl Metrics {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into memory does not fail.
        let _ = write!(self.text, "# HELP extend_edge_{name} {help}\n# TYPE extend_edge_{name} {kind}\n");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "extend_edge_{name}{labels} {value}");
    }

    /// Nothing where there is no such moment.
    fn moment(&mut self, name: &str, labels: &[(&str, &str)], at: Option<&str>) {
        if let Some(at) = at.and_then(|at| at.parse::<Timestamp>().ok()) {
            self.value(name, labels, seconds(at));
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
