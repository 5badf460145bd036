//! `extend-edge restore`

use std::path::PathBuf;

use super::{Exit, Outcome, language, print, settings, take_locks};
use crate::{logging, recover};

/// Puts a backup in the place of the database. The agent must not run.
///
/// What was there is moved aside, never deleted. What is younger than the backup is taken from receipts/
/// and accepted/, and whatever had not ended by then is looked up at Extend before it is sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge restore data/backups/extend-edge-2026-11-21T221600Z.db --home /srv/shop

Then start the agent.")]
pub struct Arguments {
    /// A file that «extend-edge backup» or the agent made.
    file: PathBuf,
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let config = settings(home)?;
    let language = language(&config);
    // Says that an agent runs, where one does.
    let _lock = take_locks(&config)?;
    let _logger = logging::start(&config, logging::Mode::Command)?;
    let file = std::path::absolute(&arguments.file)?;
    let progress = super::backup::progress("copied");
    let made = recover::restore(&config, &file, jiff::Timestamp::now(), progress)?;
    if let Some(folder) = config.database.parent() {
        crate::home::give_to_owner(folder)?;
    }
    print(&language.pick(
        format!(
            "restored from {}\nfiles that are younger and were taken up again: {}\nto be looked up at Extend \
             before they are sent: {}\n",
            file.display(),
            made.files,
            made.unresolved
        ),
        format!(
            "återställd från {}\nfiler som är yngre och togs upp igen: {}\natt slås upp i Extend innan de skickas: \
             {}\n",
            file.display(),
            made.files,
            made.unresolved
        ),
    ));
    if let Some(aside) = made.aside {
        print(&language.pick(
            format!("what was there before is {}\n", aside.display()),
            format!("det som fanns innan är {}\n", aside.display()),
        ));
    }
    print(language.pick("Start the agent now.\n", "Starta agenten nu.\n"));
    Ok(Exit::Done)
}
