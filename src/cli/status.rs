//! `extend-edge status`

use std::path::PathBuf;

use super::{Exit, Outcome, language, open_database, print, print_json, settings};
use crate::home;
use crate::status;

/// Is Extend up, how fresh is each entity, what waits, what was refused?
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  extend-edge status --home /srv/shop
  extend-edge status --json | jq .needsPerson

Exit: 0 nothing needs a person, also while Extend is away; 3 something does.")]
pub struct Arguments {
    /// For a program.
    #[arg(long)]
    json: bool,
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let config = settings(home)?;
    let language = language(&config);
    let connection = open_database(&config)?;
    let running = home::is_locked(&config);
    let status = status::load(&connection, &config, jiff::Timestamp::now(), running)?;
    if arguments.json {
        print_json(&status.to_json());
    } else {
        let words = match running {
            true => language.pick("Agent     runs", "Agent     är igång"),
            false => language.pick(
                "Agent     does not run: nothing is taken in or sent. Start it with «extend-edge run».",
                "Agent     är inte igång: inget tas in eller skickas. Starta den med «extend-edge run».",
            ),
        };
        print(&format!("{words}\n{}", status.to_text(language, &config.database)));
    }
    Ok(if status.needs_person.is_empty() { Exit::Done } else { Exit::NeedsPerson })
}
