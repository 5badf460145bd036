//! `extend-edge status`

use std::path::PathBuf;

use super::{Exit, Outcome, complain, language, open_database, print, print_json, settings};
use crate::home;
use crate::status;
use crate::store;

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
    let connection = match open_database(&config) {
        Ok(connection) => connection,
        Err(error) if error.downcast_ref::<store::StoreError>().is_some_and(store::StoreError::is_busy) => {
            let message = status::machine::locked(&config.database, language);
            if arguments.json {
                let one = serde_json::json!({ "code": "database_locked", "item": null, "file": null, "message": message });
                print_json(&serde_json::json!({ "needsPerson": [one] }));
            } else {
                complain(&message);
            }
            return Ok(Exit::NeedsPerson);
        }
        Err(error) => return Err(error),
    };
    let running = home::is_locked(&config);
    let mut status = status::load(&connection, &config, jiff::Timestamp::now(), running)?;
    status.needs_person.splice(..0, status::machine::troubles(&connection, &config));
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
