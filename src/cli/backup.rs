//! `extend-edge backup`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::{Exit, Outcome, complain, language, print, settings, shows_progress};
use crate::config::Config;
use crate::store::copy::copy;

/// Copies the database into one file, while the agent works or not. The file appears whole or not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge backup /mnt/usb/shop.db --home /srv/shop

The agent also makes backups by itself, see [backup] in the settings. «extend-edge restore FILE»
puts one back. Keep exchange/accepted/ and exchange/receipts/ too: they hold what is younger.")]
pub struct Arguments {
    /// The copy; a backup that lies there is replaced.
    file: PathBuf,
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let config = settings(home)?;
    let language = language(&config);
    // Says so where the agent never ran.
    drop(super::open_database(&config)?);
    let file = std::path::absolute(&arguments.file).context("FILE")?;
    refuse_what_is_no_backup(&config, &file)?;
    copy(&config.database, &file, progress("copied"))?;
    let megabytes = std::fs::metadata(&file).map_or(0.0, |metadata| metadata.len() as f64 / 1e6);
    print(&language.pick(
        format!("{}: {megabytes:.1} MB, read through and whole\n", file.display()),
        format!("{}: {megabytes:.1} MB, genomläst och hel\n", file.display()),
    ));
    Ok(Exit::Done)
}

/// A slip of the keyboard must not replace the database itself, or somebody's accounts.
fn refuse_what_is_no_backup(config: &Config, file: &Path) -> anyhow::Result<()> {
    let language = language(config);
    let shown = file.display();
    if file.is_dir() {
        bail!(language.pick(
            format!("{shown} is a folder; name the file that the copy is to be"),
            format!("{shown} är en mapp; ange vilken fil kopian ska bli"),
        ));
    }
    let is_same = || Some(file.canonicalize().ok()? == config.database.canonicalize().ok()?);
    if is_same() == Some(true) {
        bail!(language.pick(
            format!("{shown} is the database itself; name another file"),
            format!("{shown} är själva databasen; ange en annan fil"),
        ));
    }
    let mut head = [0; 16];
    let begins_as_a_database = std::fs::File::open(file)
        .and_then(|mut opened| std::io::Read::read_exact(&mut opened, &mut head))
        .is_ok_and(|()| &head == b"SQLite format 3\0");
    if file.exists() && !begins_as_a_database {
        bail!(language.pick(
            format!("{shown} is there and is no backup; it is left as it is. Name another file"),
            format!("{shown} finns och är ingen säkerhetskopia; den lämnas som den är. Ange en annan fil"),
        ));
    }
    Ok(())
}

/// Says how far a copy has come, once it takes longer than people wait without a word.
pub(super) fn progress(done: &'static str) -> impl FnMut(u32, u32) -> bool {
    let mut shown = Instant::now();
    move |copied, all| {
        if shows_progress() && shown.elapsed() > Duration::from_secs(2) {
            shown = Instant::now();
            complain(&format!("{done} {} %", u64::from(copied) * 100 / u64::from(all.max(1))));
        }
        true
    }
}
