//! `extend-edge init`

use std::path::PathBuf;

use clap::ValueEnum;

use super::{Exit, Outcome, print};
use crate::config::{self, Language};
use crate::home;

/// Make the settings, with comments, and the folders. What is there already is left as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  extend-edge init                          in the current directory
  extend-edge init --home /srv/shop --language sv")]
pub struct Arguments {
    /// The language of the comments.
    #[arg(long, value_enum, default_value = "en")]
    language: Written,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    En,
    Sv,
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let home = config::home_from(home)?;
    let language = match arguments.language {
        Written::En => Language::English,
        Written::Sv => Language::Swedish,
    };
    let report = home::init(&home, language)?;
    print(&report.to_string());
    Ok(Exit::Done)
}
