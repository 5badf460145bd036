//! `extend-edge run`

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::{
    Exit, Outcome, cannot_log_in, end_on_panic, settings, stop_signal, take_locks, wait_for_exchange,
};
use crate::config::Config;
use crate::engine::{self, Engine, Task};
use crate::logging;
use crate::service::notify::Heartbeat;

/// The agent, in the foreground: takes files in, sends, fetches, puts files out, until it is told to stop.
#[derive(Debug, clap::Args)]
#[command(after_help = "Ctrl-C or SIGTERM ends it within 5 seconds with nothing half done.

Example:
  extend-edge run --home /srv/shop")]
pub struct Arguments {}

pub fn run(home: Option<PathBuf>, _: Arguments) -> Outcome {
    let config = settings(home)?;
    if cannot_log_in(&config) {
        return Ok(Exit::Usage);
    }
    // Heard from here on: asked to stop while it still opens its home, it ends in good order too.
    let stop = stop_signal()?;
    let mut heartbeat = Heartbeat::new();
    agent(config, &stop, logging::Mode::Service, None, &mut |words| heartbeat.beat(words))?;
    Ok(Exit::Done)
}

/// The agent until `stop` is told. `alive` is told again and again how things stand; `also` gets what is logged
/// beside the files.
pub(super) fn agent(
    config: Arc<Config>,
    stop: &Receiver<()>,
    mode: logging::Mode,
    also: Option<Box<dyn log::Log>>,
    alive: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    if !wait_for_exchange(&config, stop, alive) {
        return Ok(());
    }
    let lock = take_locks(&config)?;
    let _logger = logging::start_beside(&config, mode, also)?;
    end_on_panic();
    config.warnings.iter().for_each(|warning| log::warn!("{warning}"));
    lock.warnings.iter().for_each(|warning| log::warn!("{warning}"));
    log::info!("extend-edge {} begins in {}", env!("CARGO_PKG_VERSION"), config.home.display());
    engine::run::run(config, Task::default(), stop, &mut |engine| alive(&words(engine)))?;
    log::info!("extend-edge ends");
    Ok(())
}

/// How things stand, in a line for whoever asks the service manager.
fn words(engine: &Engine) -> Cow<'static, str> {
    match engine.reason() {
        None if engine.extend_is_up() => "Extend is up".into(),
        None => "asks whether Extend is there".into(),
        Some(reason) => format!("Extend is away: {reason}").into(),
    }
}
