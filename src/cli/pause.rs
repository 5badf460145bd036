//! `extend-edge pause` and `extend-edge resume`

use std::path::PathBuf;

use super::{Exit, Outcome, language, open_database, print, settings, who};
use crate::clock;
use crate::store::agent;

/// Send nothing until `resume`. Files are still taken in, and the mirror is still fetched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge pause --home /srv/shop

What was sent already and has no clear answer is still looked up. Works while the agent runs, and holds
until «extend-edge resume», also over a restart.")]
pub struct PauseArguments {}

/// Send again after `pause`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge resume --home /srv/shop")]
pub struct ResumeArguments {}

pub fn pause(home: Option<PathBuf>) -> Outcome {
    let config = settings(home)?;
    let words = format!("{}, {}", who(), clock::text(jiff::Timestamp::now()));
    agent::set_paused(&open_database(&config)?, Some(&words))?;
    print(language(&config).pick(
        "Nothing is sent from now on. Files are still taken in.\n",
        "Inget skickas från och med nu. Filer tas fortfarande emot.\n",
    ));
    Ok(Exit::Done)
}

pub fn resume(home: Option<PathBuf>) -> Outcome {
    let config = settings(home)?;
    agent::set_paused(&open_database(&config)?, None)?;
    print(language(&config).pick("What waits is sent again.\n", "Det som väntar skickas igen.\n"));
    Ok(Exit::Done)
}
