//! `extend-edge service`

use std::path::PathBuf;

use clap::Subcommand;

use super::{Exit, Outcome, complain, print, print_json, settings};
use crate::config::Config;
use crate::service::{NAME, USER};

/// The agent as a service of the system, which starts with the computer and again after a failure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sudo extend-edge service install --home /srv/shop --group www-data
  extend-edge service install --home /srv/shop --print     look at it first; nothing is changed
  extend-edge service status
  sudo extend-edge service uninstall      the home with all data stays

A command that changes the system needs its administrator: root, or on Windows a window that was opened as
administrator.")]
pub struct Arguments {
    /// What the service is called; where several homes are on one computer, each has its own.
    #[arg(long, global = true, value_name = "NAME", default_value = NAME)]
    name: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes an account for the agent, gives it its folders, and starts it.
    Install {
        /// The account that the agent runs under; it is made where it is missing.
        #[arg(long, value_name = "NAME", default_value = USER)]
        user: String,
        /// The group of the webshop's account: it may write in the inbox and read outgoing.
        #[arg(long, value_name = "NAME")]
        group: Option<String>,
        /// Shows what would be written, and changes nothing.
        #[arg(long)]
        print: bool,
    },
    /// Stops the service and takes it out of the system. The home stays as it is.
    Uninstall,
    /// Starts it.
    Start,
    /// Stops it; what waits is sent when it is started again.
    Stop,
    /// What the service control manager starts.
    #[cfg(windows)]
    #[command(hide = true)]
    Host,
    /// Whether it is installed and runs. Exit: 0 it runs; 1 it does not.
    Status {
        /// For a program.
        #[arg(long)]
        json: bool,
    },
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = arguments.name;
    if name.is_empty() || name.starts_with(['-', '.']) || !name.chars().all(is_name) {
        complain(&format!("--name {name:?}: expected letters, digits and -_."));
        return Ok(Exit::Usage);
    }
    let config = match (&arguments.command, settings(home)) {
        (_, Ok(config)) => Some(config),
        // Its settings say what is written; the rest needs none of them.
        (Command::Install { .. }, Err(error)) => return Err(error),
        (_, Err(_)) => None,
    };
    on_this_system(&name, config.as_deref(), arguments.command)
}

#[cfg(target_os = "linux")]
fn on_this_system(name: &str, config: Option<&Config>, command: Command) -> Outcome {
    use crate::service::systemd::{self, Service};

    let language = config.map(super::language).unwrap_or_default();
    if let (Command::Install { user, group, print: true }, Some(config)) = (&command, config) {
        print(&systemd::unit(config, user, group.as_deref())?.text());
        return Ok(Exit::Done);
    }
    if !systemd::is_here() {
        complain(&match config {
            Some(config) => systemd::without(config),
            None => "systemd does not run this computer, so there is no service".to_owned(),
        });
        return Ok(Exit::Failed);
    }
    let service = Service::new(name, language);
    match (command, config) {
        (Command::Install { user, group, .. }, Some(config)) => {
            if super::names_the_example(config) {
                return Ok(Exit::Usage);
            }
            print(&service.install(config, &systemd::unit(config, &user, group.as_deref())?)?);
        }
        // Without settings there is an error already.
        (Command::Install { .. }, None) => return Ok(Exit::Usage),
        (Command::Uninstall, _) => print(&service.uninstall()?),
        (Command::Start, _) => {
            service.start()?;
            print(&service.state()?.to_string());
        }
        (Command::Stop, _) => {
            service.stop()?;
            print(&service.state()?.to_string());
        }
        (Command::Status { json }, _) => {
            let state = service.state()?;
            match json {
                true => print_json(&state.to_json()),
                false => print(&state.to_string()),
            }
            return Ok(if state.is_active() { Exit::Done } else { Exit::Failed });
        }
    }
    Ok(Exit::Done)
}

#[cfg(windows)]
fn on_this_system(name: &str, config: Option<&Config>, command: Command) -> Outcome {
    use crate::service::windows::{self, Service};

    let language = config.map(super::language).unwrap_or_default();
    let service = Service::new(name, language);
    match (command, config) {
        (Command::Install { user, group, print: true }, Some(config)) => {
            print(&service.plan(config, &user, group.as_deref())?);
        }
        (Command::Install { user, group, .. }, Some(config)) => {
            if super::names_the_example(config) {
                return Ok(Exit::Usage);
            }
            print(&service.install(config, &user, group.as_deref())?);
        }
        (Command::Host, Some(config)) => windows::host(name, &config.home, hosted)?,
        // Without settings there is an error already.
        (Command::Install { .. } | Command::Host, None) => return Ok(Exit::Usage),
        (Command::Uninstall, _) => print(&service.uninstall()?),
        (Command::Start, _) => {
            service.start()?;
            print(&service.state()?.to_text(language));
        }
        (Command::Stop, _) => {
            service.stop()?;
            print(&service.state()?.to_text(language));
        }
        (Command::Status { json }, _) => {
            let state = service.state()?;
            match json {
                true => print_json(&state.to_json()),
                false => print(&state.to_text(language)),
            }
            return Ok(if state.is_active() { Exit::Done } else { Exit::Failed });
        }
    }
    Ok(Exit::Done)
}

/// The agent under the service control manager. What is wrong stands in the event log: nobody sees stderr.
#[cfg(windows)]
fn hosted(
    name: &str,
    home: PathBuf,
    stop: &crossbeam_channel::Receiver<()>,
    alive: &mut dyn FnMut(),
) -> Result<(), String> {
    use crate::service::windows::{Events, events};

    let told = events(name, log::Level::Info);
    let tell = |words: &str| told.as_ref().inspect(|events| events.write(log::Level::Info, words));
    let config = settings(Some(home)).map_err(|error| format!("{error:#}"))?;
    tell("extend-edge begins");
    let also = events(name, log::Level::Warn).map(Events::into_log);
    let mode = crate::logging::Mode::Quiet;
    super::run::agent(config, stop, mode, also, &mut |_| alive()).map_err(|error| format!("{error:#}"))?;
    tell("extend-edge ends");
    Ok(())
}

#[cfg(not(any(target_os = "linux", windows)))]
fn on_this_system(_name: &str, config: Option<&Config>, _command: Command) -> Outcome {
    let language = config.map(super::language).unwrap_or_default();
    complain(language.pick(
        "There is no service for this system. Let what starts programs here run «extend-edge run --home …» when the \
         computer starts.",
        "Det finns ingen tjänst för det här systemet. Låt det som startar program här köra «extend-edge run \
         --home …» när datorn startar.",
    ));
    Ok(Exit::Failed)
}
