//! Windows: the service control manager installs, starts, stops and asks; [`host()`] is what it starts.

mod events;
mod host;
mod rights;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use windows_service::service::{
    ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceFailureActions,
    ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

pub use self::events::{Events, events};
pub use self::host::{Agent, host};
use super::USER;
use crate::config::{Config, Language};

/// How long a start or stop is waited for: longer than the 30 seconds after which Windows gives a start up, so that
/// it is tried once more.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a service that starts or stops.
const PAUSE: Duration = Duration::from_millis(100);
/// A stop takes no longer, as the agent promises.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// ERROR_SERVICE_REQUEST_TIMEOUT: the process did not answer in time; it may have started all the same.
const NO_ANSWER: i32 = 1053;
/// ERROR_SERVICE_DATABASE_LOCKED: another service is just being started or changed.
const LOCKED: i32 = 1055;
/// ERROR_SERVICE_ALREADY_RUNNING.
const RUNS_ALREADY: i32 = 1056;
/// ERROR_SERVICE_DOES_NOT_EXIST.
const NOT_THERE: i32 = 1060;
/// ERROR_SERVICE_CANNOT_ACCEPT_CTRL: it just starts or stops.
const NOT_NOW: i32 = 1061;
/// ERROR_SERVICE_NOT_ACTIVE.
const RUNS_NOT: i32 = 1062;
/// ERROR_SERVICE_MARKED_FOR_DELETE: it was removed, and goes when the last who looks at it lets go.
const GOING: i32 = 1072;

/// A service by its name.
#[derive(Debug, Clone)]
pub struct Service {
    name: String,
    language: Language,
}

impl Service {
    /// The service with this name.
    pub fn new(name: &str, language: Language) -> Service {
        Service { name: name.to_owned(), language }
    }

    /// Its account: one that the system makes for it, without a password.
    fn account(&self, user: &str) -> String {
        if user == USER { format!("NT SERVICE\\{}", self.name) } else { user.to_owned() }
    }

    fn info(&self, config: &Config, user: &str) -> anyhow::Result<ServiceInfo> {
        Ok(ServiceInfo {
            name: self.name.clone().into(),
            display_name: self.name.clone().into(),
            service_type: ServiceType::OWN_PROCESS,
            start_type: ServiceStartType::AutoStart,
            error_control: ServiceErrorControl::Normal,
            executable_path: std::env::current_exe().context("this program")?,
            launch_arguments: vec![
                "service".into(),
                "host".into(),
                "--name".into(),
                self.name.clone().into(),
                "--home".into(),
                config.home.clone().into(),
            ],
            dependencies: Vec::new(),
            account_name: Some(self.account(user).into()),
            account_password: None,
        })
    }

    /// What would be installed.
    ///
    /// # Errors
    /// The program's own path can't be told.
    pub fn plan(&self, config: &Config, user: &str, web: Option<&str>) -> anyhow::Result<String> {
        let info = self.info(config, user)?;
        let arguments: Vec<_> = info.launch_arguments.iter().map(|one| one.to_string_lossy()).collect();
        Ok(format!(
            "{}\nprogram   {} {}\naccount   {}\n{}",
            self.name,
            info.executable_path.display(),
            arguments.join(" "),
            self.account(user),
            rights::all(config, &self.account(user), web)
                .iter()
                .map(|right| format!("rights    {right}\n"))
                .collect::<String>()
        ))
    }

    /// Makes the service, gives its account the folders, and starts it.
    ///
    /// # Errors
    /// What could not be done, and what to do about it.
    pub fn install(&self, config: &Config, user: &str, web: Option<&str>) -> anyhow::Result<String> {
        let manager = self.manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
        let runs_already = self.state()?.is_alive();
        if crate::home::is_locked(config) && !runs_already {
            bail!(self.language.pick(
                "the agent runs already, not as this service: stop it first (Ctrl-C where it was started)",
                "agenten är redan igång, men inte som den här tjänsten: stoppa den först (Ctrl-C där den startades)",
            ));
        }
        if runs_already {
            self.stop()?;
        }
        crate::home::make_folders(config)?;
        let info = self.info(config, user)?;
        let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::QUERY_STATUS;
        let service = match manager.open_service(&self.name, access) {
            Ok(service) => {
                service.change_config(&info).context("the service can't be changed")?;
                service
            }
            Err(error) if is(&error, NOT_THERE) => patiently(
                |error| is(error, GOING) || is(error, LOCKED),
                || manager.create_service(&info, access),
            )
            .context("the service can't be made")?,
            Err(error) => return Err(self.denied(error)),
        };
        // What the system can't do of this stops nothing.
        let again = |after| ServiceAction {
            action_type: ServiceActionType::Restart,
            delay: Duration::from_secs(after),
        };
        let mut notes = String::new();
        for (what, done) in [
            ("description", service.set_description("Joins the webshop to Extend Commerce")),
            ("delayed start", service.set_delayed_auto_start(true)),
            (
                "recovery",
                service.update_failure_actions(ServiceFailureActions {
                    reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(24 * 3600)),
                    reboot_msg: None,
                    command: None,
                    actions: Some(vec![again(5), again(30), again(60)]),
                }),
            ),
            ("recovery after errors", service.set_failure_actions_on_non_crash_failures(true)),
        ] {
            if let Err(error) = done {
                notes.push_str(&format!("{what}: {:#}\n", anyhow::Error::new(error)));
            }
        }
        if let Err(error) = eventlog::register(&self.name) {
            notes.push_str(&format!("event log: {error}\n"));
        }
        for right in rights::all(config, &self.account(user), web) {
            match (right.give(), web) {
                (Ok(()), _) => {}
                // Without them no order would ever come.
                (Err(why), Some(web)) if right.is_for(web) => bail!(self.language.pick(
                    format!("{web} could not be given its rights in {}: {why}. Is that the name of the webshop's account?", right.path.display()),
                    format!("{web} kunde inte få sina rättigheter i {}: {why}. Heter webbutikens konto så?", right.path.display()),
                )),
                (Err(why), _) => notes.push_str(&format!("{right}: {why}\n")),
            }
        }
        self.start()?;
        Ok(format!("{notes}{}", self.state()?.to_text(self.language)))
    }

    /// Stops the service and takes it out of the system. The home stays as it is.
    ///
    /// # Errors
    /// What could not be done.
    pub fn uninstall(&self) -> anyhow::Result<String> {
        if self.state()?.is_alive() {
            self.stop()?;
        }
        let service = self.open(ServiceAccess::DELETE)?;
        service.delete().context("the service can't be removed")?;
        let _ = eventlog::deregister(&self.name);
        Ok(self
            .language
            .pick(
                "The service is gone. The home with its settings, orders and folders is as it was.\n",
                "Tjänsten är borta. Hemmet med inställningar, ordrar och mappar är som det var.\n",
            )
            .to_owned())
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Errors
    /// It can't be started, or is not ready soon.
    pub fn start(&self) -> anyhow::Result<()> {
        let service = self.open(ServiceAccess::START)?;
        let (began, mut started) = (Instant::now(), false);
        loop {
            let late = began.elapsed() > PATIENCE;
            match self.state()?.state {
                Some(ServiceState::Running) => return Ok(()),
                Some(ServiceState::Stopped) if started || late => return Err(self.is_not("started")),
                Some(ServiceState::Stopped) => match service.start::<&str>(&[]) {
                    Ok(()) => started = true,
                    // Whether it runs all the same is seen by its state; if not, it is tried again.
                    Err(error) if [NO_ANSWER, LOCKED, RUNS_ALREADY].iter().any(|code| is(&error, *code)) => {
                        log::debug!("the service manager can't start it now: {error}");
                    }
                    Err(error) => return Err(error).context("the service can't be started"),
                },
                _ if late => return Err(self.is_not("started")),
                _ => {}
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Stops it, and waits until it has ended.
    ///
    /// # Errors
    /// It can't be stopped.
    pub fn stop(&self) -> anyhow::Result<()> {
        let service = self.open(ServiceAccess::STOP)?;
        let began = Instant::now();
        loop {
            match self.state()?.state {
                Some(ServiceState::Stopped) | None => return Ok(()),
                _ if began.elapsed() > PATIENCE => return Err(self.is_not("stopped")),
                Some(ServiceState::StopPending) => {}
                Some(_) => match service.stop() {
                    Ok(_) => {}
                    Err(error) if [NO_ANSWER, NOT_NOW, RUNS_NOT].iter().any(|code| is(&error, *code)) => {}
                    Err(error) => return Err(error).context("the service can't be stopped"),
                },
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn is_not(&self, done: &str) -> anyhow::Error {
        let name = &self.name;
        let swedish = if done == "started" { "startad" } else { "stoppad" };
        anyhow::anyhow!(self.language.pick(
            format!("{name} is not {done}. Why stands in the event log (Application) and in data/logs"),
            format!("{name} är inte {swedish}. Varför står i händelseloggen (Program) och i data/logs"),
        ))
    }

    /// How it stands.
    ///
    /// # Errors
    /// The manager can't be asked.
    pub fn state(&self) -> anyhow::Result<State> {
        let manager = self.manager(ServiceManagerAccess::CONNECT)?;
        let status = match manager.open_service(&self.name, ServiceAccess::QUERY_STATUS) {
            Ok(service) => Some(service.query_status().context("the service can't be asked")?),
            Err(error) if is(&error, NOT_THERE) => None,
            Err(error) => return Err(self.denied(error)),
        };
        Ok(State {
            name: self.name.clone(),
            state: status.as_ref().map(|status| status.current_state),
            pid: status.and_then(|status| status.process_id).filter(|pid| *pid != 0),
        })
    }

    fn manager(&self, access: ServiceManagerAccess) -> anyhow::Result<ServiceManager> {
        ServiceManager::local_computer(None::<&str>, access).map_err(|error| self.denied(error))
    }

    fn open(&self, access: ServiceAccess) -> anyhow::Result<windows_service::service::Service> {
        match self.manager(ServiceManagerAccess::CONNECT)?.open_service(&self.name, access) {
            Ok(service) => Ok(service),
            Err(error) if is(&error, NOT_THERE) => {
                let name = &self.name;
                bail!(self.language.pick(
                    format!("there is no service {name}. Install it with: extend-edge service install"),
                    format!("det finns ingen tjänst {name}. Installera den med: extend-edge service install"),
                ))
            }
            Err(error) => Err(self.denied(error)),
        }
    }

    fn denied(&self, error: windows_service::Error) -> anyhow::Error {
        anyhow::Error::new(error).context(self.language.pick(
            "the service manager says no; give the command in a window that was opened as administrator",
            "tjänsthanteraren nekar; ge kommandot i ett fönster som öppnats som administratör",
        ))
    }
}

/// Whether the system's error has this code.
fn is(error: &windows_service::Error, code: i32) -> bool {
    matches!(error, windows_service::Error::Winapi(error) if error.raw_os_error() == Some(code))
}

/// Does it again for a while for as long as its error passes by itself.
fn patiently<T>(
    passes: impl Fn(&windows_service::Error) -> bool,
    mut act: impl FnMut() -> windows_service::Result<T>,
) -> windows_service::Result<T> {
    let began = Instant::now();
    loop {
        match act() {
            Err(error) if passes(&error) && began.elapsed() < STOPS_WITHIN => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// How a service stands.
#[derive(Debug, Clone)]
pub struct State {
    name: String,
    /// `None`: it is not installed.
    state: Option<ServiceState>,
    pid: Option<u32>,
}

impl State {
    /// Whether it runs and is ready.
    pub fn is_active(&self) -> bool {
        self.state == Some(ServiceState::Running)
    }

    /// Whether it has a process: it runs, begins or ends.
    pub fn is_alive(&self) -> bool {
        self.state.is_some_and(|state| state != ServiceState::Stopped)
    }

    /// For a program.
    pub fn to_json(&self) -> Value {
        let state = self.state.map_or_else(String::new, |state| format!("{state:?}"));
        json!({ "name": self.name, "installed": self.state.is_some(), "state": state, "pid": self.pid })
    }

    /// For people.
    pub fn to_text(&self, language: Language) -> String {
        let name = &self.name;
        match self.state {
            None => language.pick(
                format!("{name} is not installed. Install it with: extend-edge service install\n"),
                format!("{name} är inte installerad. Installera den med: extend-edge service install\n"),
            ),
            Some(ServiceState::Running) => {
                language.pick(format!("{name} runs\n"), format!("{name} är igång\n"))
            }
            Some(ServiceState::StartPending) => {
                language.pick(format!("{name} begins\n"), format!("{name} startar\n"))
            }
            Some(ServiceState::StopPending) => {
                language.pick(format!("{name} ends\n"), format!("{name} stannar\n"))
            }
            Some(_) => language.pick(
                format!("{name} does not run. Start it with: extend-edge service start\n"),
                format!("{name} är inte igång. Starta den med: extend-edge service start\n"),
            ),
        }
    }
}
