//! `extend-edge run`

use std::path::PathBuf;

use super::{
    Exit, Outcome, end_on_panic, names_the_example, settings, stop_signal, take_locks, wait_for_exchange,
};
use crate::engine::{self, Task};
use crate::logging;

/// The agent, in the foreground: takes files in, sends, fetches, puts files out, until it is told to stop.
#[derive(Debug, clap::Args)]
#[command(after_help = "Ctrl-C or SIGTERM ends it within 5 seconds with nothing half done.

Example:
  extend-edge run --home /srv/shop")]
pub struct Arguments {}

pub fn run(home: Option<PathBuf>, _: Arguments) -> Outcome {
    let config = settings(home)?;
    if names_the_example(&config) {
        return Ok(Exit::Usage);
    }
    // Heard from here on: asked to stop while it still opens its home, it ends in good order too.
    let stop = stop_signal()?;
    if !wait_for_exchange(&config, &stop) {
        return Ok(Exit::Done);
    }
    let lock = take_locks(&config)?;
    let _logger = logging::start(&config, logging::Mode::Service)?;
    end_on_panic();
    config.warnings.iter().for_each(|warning| log::warn!("{warning}"));
    lock.warnings.iter().for_each(|warning| log::warn!("{warning}"));
    log::info!("extend-edge {} begins in {}", env!("CARGO_PKG_VERSION"), config.home.display());
    engine::run::run(config, Task::default(), &stop, &mut |_| {})?;
    log::info!("extend-edge ends");
    Ok(Exit::Done)
}
