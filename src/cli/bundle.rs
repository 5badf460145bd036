//! `extend-edge support-bundle`

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Exit, Outcome, check, print};
use crate::config::{self, Config, Language, SETTINGS_FILE};
use crate::formats::conceal::{Concealed, settings_without_secrets};
use crate::store::{self, customers, support};
use crate::{home, status};

/// Makes a zip for whoever helps: settings without secrets, what «check» and «status» say, the end of the log,
/// the schema and counts. No customer's data is in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge support-bundle --home /srv/shop
  extend-edge support-bundle --to /tmp/for-support.zip

Works while the agent runs, and where it can't start. Look into it before you send it: it is plain text.")]
pub struct Arguments {
    /// The file to make; else extend-edge-support-TIME.zip in the current directory.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// So much of the newest log is taken, in bytes.
const LOG_TAIL: u64 = 512 * 1024;

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let home = config::home_from(home)?;
    let now = jiff::Timestamp::now();
    let to = arguments
        .to
        .unwrap_or_else(|| format!("extend-edge-support-{}.zip", now.strftime("%Y-%m-%dT%H%M%SZ")).into());
    let written = std::fs::read_to_string(home.join(SETTINGS_FILE)).unwrap_or_default();
    let config = Config::load(&home);
    let language = config.as_ref().map_or(Language::English, super::language);
    let mut parts: Vec<(&str, String)> = vec![
        ("about.json", pretty(&about(&home))),
        (
            "settings.toml",
            settings_without_secrets(&written).unwrap_or_else(|| {
                "# It has texts of several lines, in which a secret can't be told from the rest: left out.\n".into()
            }),
        ),
    ];
    let mut concealed = Concealed::default();
    match &config {
        Err(error) => parts.push(("settings-problems.txt", error.to_string())),
        Ok(config) => {
            concealed = what_to_conceal(config);
            parts.push(("check.json", pretty(&check::report(config))));
            match database_parts(config, now) {
                Ok(more) => parts.extend(more),
                Err(error) => parts.push(("database-problem.txt", format!("{error:#}"))),
            }
            parts.push(("folders.json", pretty(&folders(config))));
        }
    }
    // Also where the settings can't be read: the log tells why it was well before.
    parts.push(("log.txt", newest_log(&home.join("data").join("logs"))));
    let mut zip = ZipWriter::new(new_file(&to).with_context(|| to.display().to_string())?);
    for (name, text) in parts {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(concealed.conceal(&text).as_bytes())?;
    }
    zip.finish()?.sync_all()?;
    let to = std::path::absolute(&to)?;
    print(&language.pick(
        format!("{}: settings without secrets, status, log and schema; no customer's data\n", to.display()),
        format!(
            "{}: inställningar utan hemligheter, status, logg och schema; inga kunduppgifter\n",
            to.display()
        ),
    ));
    Ok(Exit::Done)
}

/// Only its owner may read it.
fn new_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn pretty(value: &Value) -> String {
    crate::formats::receipt::pretty(value)
}

fn about(home: &Path) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "system": std::env::consts::OS,
        "machine": std::env::consts::ARCH,
        "program": std::env::current_exe().ok(),
        "home": home,
        "made": crate::clock::text(jiff::Timestamp::now()),
    })
}

/// The secrets of the settings, and what customers are called in the mirror.
fn what_to_conceal(config: &Config) -> Concealed {
    let mut concealed = Concealed::default();
    concealed.add(config.extend.password.expose());
    for secret in
        [&config.webhooks.secret, &config.status.password, &config.alert.webhook].into_iter().flatten()
    {
        concealed.add(secret.expose());
    }
    if let Ok(connection) = store::open_reader(&config.database) {
        // Where they can't be read the log is sent with what it has: it names no customers by itself.
        let _ = customers::each_name(&connection, |name| concealed.add(name));
    }
    concealed
}

fn database_parts(config: &Config, now: jiff::Timestamp) -> anyhow::Result<Vec<(&'static str, String)>> {
    let connection = store::open_reader(&config.database)?;
    let runs = home::is_locked(config);
    let mut status = status::load(&connection, config, now, runs)?;
    status.needs_person.splice(..0, status::machine::troubles(&connection, config));
    Ok(vec![
        ("status.json", pretty(&status.to_json())),
        ("schema.sql", support::schema(&connection)?),
        ("database.json", pretty(&support::figures(&connection)?)),
    ])
}

/// How many files lie in each folder, and how large they are together; no names.
fn folders(config: &Config) -> Value {
    let all = [
        ("inbox", config.inbox()),
        ("rejected", config.rejected()),
        ("receipts", config.receipts()),
        ("hooks", config.hooks()),
        ("outgoing", config.outgoing()),
        ("changes", config.outgoing_changes()),
        ("orders", config.outgoing_orders()),
        ("logs", config.logs()),
        ("backups", config.backup.folder.clone()),
        ("data", config.data()),
    ];
    let look = |folder: &Path| match std::fs::read_dir(folder) {
        Err(error) => json!({ "error": error.to_string() }),
        Ok(entries) => {
            let sizes: Vec<u64> = entries
                .filter_map(|entry| entry.ok()?.metadata().ok())
                .filter(std::fs::Metadata::is_file)
                .map(|metadata| metadata.len())
                .collect();
            json!({ "files": sizes.len(), "bytes": sizes.iter().sum::<u64>() })
        }
    };
    all.into_iter()
        .map(|(name, folder)| (name.to_owned(), look(&folder)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The end of the newest log file.
fn newest_log(folder: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        names.retain(|path| path.extension().is_some_and(|ending| ending == "log"));
        names.sort();
        let Some(newest) = names.last() else { return Ok("there is no log yet\n".into()) };
        let mut file = File::open(newest)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("{}: {error}\n", folder.display()))
}
