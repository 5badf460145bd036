//! `extend-edge once`

use std::path::PathBuf;

use super::{
    Exit, Outcome, cannot_log_in, complain, end_on_panic, language, print, settings, stop_signal, take_locks,
};
use crate::engine::{self, Task};
use crate::logging;
use crate::status;
use crate::store;

/// Take in, send, fetch and put out all that is due, then exit. For a shop that runs it by the clock.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge once --home /srv/shop

Exit: 0 all that was due is done; 1 Extend could not be reached, or something failed.
A file that is not complete is left for the next time.")]
pub struct Arguments {}

pub fn run(home: Option<PathBuf>, _: Arguments) -> Outcome {
    let config = settings(home)?;
    if cannot_log_in(&config) {
        return Ok(Exit::Usage);
    }
    if config.database.exists() && !config.inbox().is_dir() {
        complain(&status::machine::exchange_gone(&config));
        return Ok(Exit::Failed);
    }
    let _lock = take_locks(&config)?;
    let _logger = logging::start(&config, logging::Mode::Service)?;
    end_on_panic();
    let stop = stop_signal()?;
    let task = Task { once: true, ..Task::default() };
    let ended = engine::run::run(config.clone(), task, &stop, &mut |_| {})?;
    let connection = store::open_reader(&config.database)?;
    let status = status::load(&connection, &config, jiff::Timestamp::now(), true)?;
    print(&status.to_text(language(&config), &config.database));
    if !ended.extend_is_up {
        complain(&format!("Extend could not be reached: {}", ended.reason.unwrap_or_default()));
    }
    for (entity, why) in &ended.round_errors {
        complain(&format!("{entity}: {why}"));
    }
    Ok(if ended.extend_is_up && ended.round_errors.is_empty() { Exit::Done } else { Exit::Failed })
}
