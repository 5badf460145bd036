//! `extend-edge alert`

use std::path::PathBuf;

use clap::Subcommand;

use super::{Exit, Outcome, complain, print, settings};
use crate::alerts::Teller;
use crate::clock;
use crate::formats::alarm::{Alarm, Message};

/// Alarms: does what the settings have under [alert] reach somebody?
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge alert test --home /srv/shop

Exit: 0 it was told; 1 it could not be; 2 nobody is to be told by the settings.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tells an alarm that means nothing, at once, and says what came of it.
    Test,
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let Command::Test = arguments.command;
    let config = settings(home)?;
    let language = config.exchange.language;
    if !config.alert.is_on() {
        complain(language.pick(
            "nobody is told: write a command or a webhook under [alert] in extend-edge.toml",
            "ingen får veta något: skriv command eller webhook under [alert] i extend-edge.toml",
        ));
        return Ok(Exit::Usage);
    }
    let at = clock::text(jiff::Timestamp::now());
    let message =
        language.pick("This is only a test: nothing is wrong.", "Detta är bara ett prov: inget är fel.");
    let alarm = Alarm { key: "test".into(), code: "test".into(), message: message.into(), since: at.clone() };
    let told = Teller::new(config).tell(&Message { at, raised: vec![alarm], ended: Vec::new(), left: 0 });
    match told {
        Ok(()) => {
            print(language.pick("It was told.\n", "Det är sagt.\n"));
            Ok(Exit::Done)
        }
        Err(why) => {
            complain(&why);
            Ok(Exit::Failed)
        }
    }
}
