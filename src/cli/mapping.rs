//! `extend-edge mapping init FILE`: a first mapping for a shop's file.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::{Exit, Outcome, complain, print};
use crate::config::{self, Config, Language};
use crate::formats::contents::Contents;
use crate::formats::csv::{self, guess};

/// Mappings for the CSV files of webshops.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  extend-edge mapping init orders-2026-11-25.csv
  extend-edge mapping init orders-2026-11-25.csv --output mapping.toml
  extend-edge mapping init orders-2026-11-25.csv --name webshop >> extend-edge.toml

Then look through it, put it into extend-edge.toml, and see with «extend-edge preview FILE» what it makes.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at a file and write a first mapping for it: its encoding, delimiter and decimal mark as they were
    /// found, and a guess at each column.
    Init {
        /// A file as the webshop writes it.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// What the mapping is called: [csv.NAME].
        #[arg(long, default_value = "webshop")]
        name: String,
        /// Write it into this new file, and not to stdout.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let Command::Init { file, name, output } = arguments.command;
    let language = language(home);
    let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
    let file_name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let guess = match guess::look(&bytes) {
        Ok(guess) => guess,
        Err(problems) => {
            problems
                .iter()
                .for_each(|problem| complain(&format!("{file_name}: {}", problem.message(language))));
            return Ok(Exit::Failed);
        }
    };
    // The file's own totals tell whether its prices are with VAT, where it has any.
    let texts = [true, false].map(|with_vat| guess.settings(&name, &file_name, with_vat, language));
    let [with, without] = [&texts[0], &texts[1]].map(|text| taken(text, &bytes));
    let with_vat = if with == without { guess.prices_with_vat.unwrap_or(true) } else { with > without };
    let text = &texts[usize::from(!with_vat)];
    match output {
        None => print(text),
        Some(output) => write_new(&output, text, language)?,
    }
    Ok(Exit::Done)
}

/// Orders that would be taken with these settings.
fn taken(text: &str, bytes: &[u8]) -> usize {
    let mapping = config::read_mappings(text).ok().and_then(|mut mappings| mappings.pop());
    let contents: Option<Contents> = mapping.and_then(|mapping| csv::parse(bytes, &mapping).ok());
    contents.map_or(0, |contents| contents.parts.iter().filter(|part| part.result.is_ok()).count())
}

/// The language of the home, where there are settings that can be read: a mapping may be wanted before.
fn language(home: Option<PathBuf>) -> Language {
    let config = config::home_from(home).ok().and_then(|home| Config::load(&home).ok());
    config.map(|config| config.exchange.language).unwrap_or_default()
}

fn write_new(path: &Path, text: &str, language: Language) -> anyhow::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    match file {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => bail!(language.pick(
            format!("{} is there already, and is left as it is. Name another file.", path.display()),
            format!("{} finns redan, och lämnas som den är. Ange en annan fil.", path.display()),
        )),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}
