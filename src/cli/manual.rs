//! `extend-edge manual`

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use super::{Exit, Outcome};

/// Writes the manual pages, for `man` and for packages.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub struct Arguments {
    /// The folder, such as /usr/local/share/man/man1.
    folder: PathBuf,
}

pub fn run(arguments: Arguments) -> Outcome {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    clap_mangen::generate_to(super::Arguments::command(), folder)
        .with_context(|| folder.display().to_string())?;
    Ok(Exit::Done)
}
