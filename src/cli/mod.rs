//! The commands, one file each.
//!
//! A command speaks on stdout and complains on stderr. Exit: 0 done; 1 it failed, or Extend could not be
//! reached for what was asked; 2 wrong usage or settings; 3 (`status`) something needs a person.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use crossbeam_channel::{Receiver, bounded};

use crate::config::{self, Config, ConfigError, Language};
use crate::store;

mod alert;
mod backup;
mod bundle;
mod check;
mod demo;
mod init;
mod manual;
mod mapping;
mod once;
mod outbox;
mod pause;
mod preview;
mod report;
mod restore;
mod run;
mod service;
mod status;
mod sync;

/// Joins a webshop that can only read and write files to Extend Commerce.
#[derive(Debug, Parser)]
#[command(
    name = "extend-edge",
    version,
    max_term_width = 100,
    after_help = "Examples:
  extend-edge demo                         see a whole shop work, with a stand-in for Extend
  extend-edge init --home /srv/shop        make the settings and the folders
  extend-edge check --home /srv/shop       are settings, folders and login right?
  extend-edge run --home /srv/shop         the agent, until it is told to stop
  extend-edge status --home /srv/shop      is all well, what waits, what was refused?

Exit: 0 done; 1 it failed, or Extend could not be reached; 2 wrong usage or settings;
3 (status) something needs a person."
)]
struct Arguments {
    /// The directory in which everything lives; else $EXTEND_EDGE_HOME, else the current directory.
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Init(init::Arguments),
    Check(check::Arguments),
    Run(run::Arguments),
    Once(once::Arguments),
    Status(status::Arguments),
    Sync(sync::Arguments),
    Outbox(outbox::Arguments),
    Preview(preview::Arguments),
    Mapping(mapping::Arguments),
    Report(report::Arguments),
    Pause(pause::PauseArguments),
    Resume(pause::ResumeArguments),
    Alert(alert::Arguments),
    Backup(backup::Arguments),
    SupportBundle(bundle::Arguments),
    Restore(restore::Arguments),
    Service(service::Arguments),
    Manual(manual::Arguments),
}

/// How a command ended.
type Outcome = anyhow::Result<Exit>;

/// The exit codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    NeedsPerson = 3,
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    crate::memory::keep_little();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            // Help and version are not errors.
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { Exit::Done as u8 });
        }
    };
    let outcome = match arguments.command {
        Command::Demo(command) => demo::run(command),
        Command::Init(command) => init::run(arguments.home, command),
        Command::Check(command) => check::run(arguments.home, command),
        Command::Run(command) => run::run(arguments.home, command),
        Command::Once(command) => once::run(arguments.home, command),
        Command::Status(command) => status::run(arguments.home, command),
        Command::Sync(command) => sync::run(arguments.home, command),
        Command::Outbox(command) => outbox::run(arguments.home, command),
        Command::Preview(command) => preview::run(arguments.home, command),
        Command::Mapping(command) => mapping::run(arguments.home, command),
        Command::Report(command) => report::run(arguments.home, command),
        Command::Pause(_) => pause::pause(arguments.home),
        Command::Resume(_) => pause::resume(arguments.home),
        Command::Alert(command) => alert::run(arguments.home, command),
        Command::Backup(command) => backup::run(arguments.home, command),
        Command::SupportBundle(command) => bundle::run(arguments.home, command),
        Command::Restore(command) => restore::run(arguments.home, command),
        Command::Service(command) => service::run(arguments.home, command),
        Command::Manual(command) => manual::run(command),
    };
    match outcome {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            let is_settings = error.downcast_ref::<ConfigError>().is_some();
            complain(&format!("{error:#}"));
            ExitCode::from(if is_settings { Exit::Usage as u8 } else { Exit::Failed as u8 })
        }
    }
}

/// Says what is wrong, on stderr.
fn complain(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Prints; a reader that has gone away (`| head`) is no error.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn print_json(value: &serde_json::Value) {
    print(&crate::formats::receipt::pretty(value));
}

/// The settings of the home that was named.
fn settings(home: Option<PathBuf>) -> anyhow::Result<Arc<Config>> {
    let home = config::home_from(home).context("the home directory can't be told")?;
    Ok(Arc::new(Config::load(&home)?))
}

/// Whether the settings still name the address of the example, which is said: then nothing is sent or fetched.
fn names_the_example(config: &Config) -> bool {
    let example = config.warnings.iter().find(|warning| warning.key == "extend.base_url");
    if let Some(warning) = example {
        complain(&warning.to_string());
    }
    example.is_some()
}

/// Whether Extend can't be asked, which is said: the settings name the address of the example, or only the
/// service is given the password.
fn cannot_log_in(config: &Config) -> bool {
    if names_the_example(config) {
        return true;
    }
    if let Some(name) = password_is_elsewhere(config) {
        complain(&language(config).pick(
            format!(
                "systemd gives the password (password_credential = \"{name}\") to the service alone. Let the service \
                 do this, or give the password in the environment variable {}.",
                config::PASSWORD_VARIABLE
            ),
            format!(
                "systemd ger lösenordet (password_credential = \"{name}\") bara till tjänsten. Låt tjänsten göra \
                 detta, eller ge lösenordet i miljövariabeln {}.",
                config::PASSWORD_VARIABLE
            ),
        ));
        return true;
    }
    false
}

/// The name under which systemd keeps the password, where this process was not given it.
fn password_is_elsewhere(config: &Config) -> Option<&str> {
    let name = config.extend.password_credential.as_deref()?;
    config.extend.password.expose().is_empty().then_some(name)
}

/// Opens the database for a command.
fn open_database(config: &Config) -> anyhow::Result<rusqlite::Connection> {
    if !config.database.exists() {
        let language = config.exchange.language;
        anyhow::bail!(language.pick(
            format!(
                "there is no database yet at {}: the agent has never run here",
                config.database.display()
            ),
            format!(
                "det finns ingen databas ännu i {}: agenten har aldrig körts här",
                config.database.display()
            ),
        ));
    }
    // Through `open` where nobody else has it, so that an older schema is brought up to date.
    store::open(&config.database).with_context(|| config.database.display().to_string())
}

/// Told once when the program is asked to stop: Ctrl-C, SIGTERM, the console being closed.
fn stop_signal() -> anyhow::Result<Receiver<()>> {
    let (sender, receiver) = bounded(1);
    ctrlc::set_handler(move || {
        crate::service::notify::stopping();
        let _ = sender.try_send(());
    })
    .context("the signals to stop can't be heard")?;
    Ok(receiver)
}

/// Takes the locks of a home and of its exchange folder, after the folders are there.
fn take_locks(config: &Config) -> anyhow::Result<crate::home::HomeLock> {
    crate::home::make_folders(config)?;
    let lock = crate::home::lock_home(config)?;
    lock.warnings.iter().for_each(|warning| log::warn!("{warning}"));
    Ok(lock)
}

/// Waits for an inbox that was there before and is gone now: a share that is not up yet. Making the folders
/// anew in its place would hide from the agent what lies there, and from the shop what is written. False:
/// asked to stop meanwhile.
fn wait_for_exchange(config: &Config, stop: &Receiver<()>, alive: &mut dyn FnMut(&str)) -> bool {
    let mut is_told = false;
    while config.database.exists() && !config.inbox().is_dir() {
        if !std::mem::replace(&mut is_told, true) {
            complain(&crate::status::machine::exchange_gone(config));
        }
        alive("waits for the inbox, which is not there");
        if stop.recv_timeout(std::time::Duration::from_millis(500)).is_ok() {
            return false;
        }
    }
    true
}

/// A panic in any thread ends the process: what is half done is recovered at the next start.
fn end_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        log::error!("the agent ends itself: {panic}");
        before(panic);
        std::process::abort();
    }));
}

/// Columns side by side, for people.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heads.iter().map(|head| head.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    for row in std::iter::once(&heads).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Who gives a command, for the record.
fn who() -> String {
    ["SUDO_USER", "USER", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "unknown".into())
}

/// Whether people look at stderr, and want to see progress there.
fn shows_progress() -> bool {
    std::io::stderr().is_terminal()
}

/// The language of a home's settings.
fn language(config: &Config) -> Language {
    config.exchange.language
}
