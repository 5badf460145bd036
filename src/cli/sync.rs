//! `extend-edge sync`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{
    Exit, Outcome, cannot_log_in, complain, end_on_panic, open_database, print, print_json, settings,
    shows_progress, stop_signal, take_locks,
};
use crate::clock;
use crate::config::Config;
use crate::engine::{self, Engine, Task, entities};
use crate::home;
use crate::logging;
use crate::rules::mirror::Entity;
use crate::store::{agent, details, sync_requests, sync_state};

/// Fetch from Extend now: all entities, or those that are named.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  extend-edge sync                       what changed, of everything
  extend-edge sync balances prices       only these
  extend-edge sync products --full       all products, also what is gone and what is new

Entities: products, customers, prices, balances, orders, returns, return_codes.
Works while the agent runs; then the agent does it. Exit: 1 where Extend could not be reached.")]
pub struct Arguments {
    /// What to fetch; all that the settings ask for where none is named.
    #[arg(value_name = "ENTITY", value_parser = entity)]
    entities: Vec<Entity>,
    /// Everything, not only what changed.
    #[arg(long)]
    full: bool,
    /// For a program.
    #[arg(long)]
    json: bool,
}

fn entity(name: &str) -> Result<Entity, String> {
    Entity::from_name(name).ok_or_else(|| {
        "there is no such entity; there are products, customers, prices, balances, orders, returns, \
         return_codes"
            .into()
    })
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let config = settings(home)?;
    let all = entities(&config);
    let wanted = if arguments.entities.is_empty() { all.clone() } else { arguments.entities.clone() };
    if let Some(unset) = wanted.iter().find(|entity| !all.contains(entity)) {
        complain(&format!("{}: name customers under [prices] in the settings first", unset.name()));
        return Ok(Exit::Usage);
    }
    let errors = if home::is_locked(&config) {
        ask_agent(&config, &wanted, arguments.full)?
    } else {
        if cannot_log_in(&config) {
            return Ok(Exit::Usage);
        }
        let _lock = take_locks(&config)?;
        let _logger = logging::start(&config, logging::Mode::Service)?;
        end_on_panic();
        let stop = stop_signal()?;
        let only = wanted.iter().map(|entity| (*entity, arguments.full)).collect();
        let task = Task { only: Some(only), once: false, mirror_only: true };
        let mut shown = Instant::now();
        let ended =
            engine::run::run(config.clone(), task, &stop, &mut |engine| show(engine, &wanted, &mut shown))?;
        let mut errors = ended.round_errors;
        if !ended.extend_is_up {
            errors.push(("Extend".into(), ended.reason.unwrap_or_else(|| "could not be reached".into())));
        }
        errors
    };
    let connection = open_database(&config)?;
    let mut report = serde_json::Map::new();
    for entity in &wanted {
        let state = sync_state::load(&connection, *entity)?;
        if arguments.json {
            report.insert(
                entity.name().into(),
                serde_json::json!({ "rows": state.rows, "lastSuccessAt": state.last_success_at }),
            );
        } else {
            let at = state.last_success_at.as_deref().unwrap_or("never");
            print(&format!("{:<14}{:>9} rows, fetched {at}\n", entity.name(), state.rows));
        }
    }
    if arguments.json {
        print_json(&serde_json::Value::Object(report));
    }
    errors.iter().for_each(|(entity, why)| complain(&format!("{entity}: {why}")));
    Ok(if errors.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Leaves a request and waits until the agent has done it.
fn ask_agent(config: &Config, wanted: &[Entity], full: bool) -> anyhow::Result<Vec<(String, String)>> {
    let connection = open_database(config)?;
    let asked_at = clock::text(jiff::Timestamp::now());
    for entity in wanted {
        sync_requests::ask(&connection, *entity, full, &asked_at)?;
    }
    let mut shown = Instant::now();
    loop {
        let left = sync_requests::load(&connection)?;
        let left: Vec<Entity> =
            left.into_iter().map(|(entity, _)| entity).filter(|e| wanted.contains(e)).collect();
        if left.is_empty() {
            break;
        }
        if let Some(line) = agent::load_line(&connection)?
            && line.state != "up"
            && line.state != "unknown"
        {
            for entity in left {
                sync_requests::forget(&connection, entity)?;
            }
            return Ok(vec![("Extend".into(), line.reason.unwrap_or_else(|| "could not be reached".into()))]);
        }
        if !home::is_locked(config) {
            anyhow::bail!("the agent stopped; give the command again");
        }
        if shows_progress() && shown.elapsed() > Duration::from_secs(2) {
            shown = Instant::now();
            let names: Vec<&str> = left.iter().map(|entity| entity.name()).collect();
            complain(&format!("the agent fetches {} …", names.join(", ")));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut errors = Vec::new();
    for entity in wanted {
        let state = sync_state::load(&connection, *entity).context("sync_state")?;
        if state.last_error_at.is_some_and(|at| at >= asked_at) {
            errors.push((entity.name().to_owned(), state.last_error.unwrap_or_default()));
        }
    }
    Ok(errors)
}

fn show(engine: &Engine, wanted: &[Entity], shown: &mut Instant) {
    if !shows_progress() || shown.elapsed() < Duration::from_secs(2) {
        return;
    }
    *shown = Instant::now();
    let connection = engine.connection();
    let parts: Vec<String> = wanted
        .iter()
        .filter_map(|entity| {
            let rows = sync_state::load(connection, *entity).ok()?.rows;
            let details = details::count_wanted(connection, *entity).ok().filter(|count| *count > 0);
            let details = details.map(|count| format!(" ({count} details to fetch)")).unwrap_or_default();
            Some(format!("{} {rows}{details}", entity.name()))
        })
        .collect();
    complain(&parts.join(", "));
}
