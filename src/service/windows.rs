//! Windows: the service control manager installs, starts, stops and asks; [`host`] is what it starts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use crossbeam_channel::{Receiver, bounded};
use serde_json::{Value, json};
use windows_service::service::{
    ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo,
    ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{define_windows_service, service_dispatcher};

use super::{USER, written_folders};
use crate::config::{Config, Language};

/// How long a start or stop is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// A stop takes no longer, as the agent promises.
const STOPS_WITHIN: Duration = Duration::from_secs(5);
/// The engine's loop must be heard from this often, once it has been heard.
const WATCHDOG: Duration = Duration::from_secs(120);

/// No such service (ERROR_SERVICE_DOES_NOT_EXIST).
const NOT_THERE: i32 = 1060;

// ------------------------------------------------------------ what the manager starts

/// The agent: its home, told to stop, telling that it is alive. It ends with an error in words.
pub type Agent = fn(PathBuf, &Receiver<()>, &mut dyn FnMut()) -> Result<(), String>;

struct Hosted {
    name: String,
    home: PathBuf,
    agent: Agent,
}

static HOSTED: OnceLock<Hosted> = OnceLock::new();

/// Lets the agent be run by the service control manager, until that stops it.
///
/// # Errors
/// It was not the manager that started this process.
pub fn host(name: &str, home: &Path, agent: Agent) -> anyhow::Result<()> {
    let _ = HOSTED.set(Hosted { name: name.to_owned(), home: home.to_owned(), agent });
    service_dispatcher::start(name, service_main_of_system).context("the service manager did not start this")
}

define_windows_service!(service_main_of_system, service_main);

fn service_main(_arguments: Vec<OsString>) {
    let Some(hosted) = HOSTED.get() else { return };
    let (sender, stop) = bounded(1);
    let handle: Arc<OnceLock<ServiceStatusHandle>> = Arc::default();
    let of_handler = handle.clone();
    let registered = service_control_handler::register(&hosted.name, move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            if let Some(handle) = of_handler.get() {
                tell(handle, ServiceState::StopPending, ServiceExitCode::NO_ERROR);
            }
            let _ = sender.try_send(());
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    });
    let Ok(registered) = registered else { return };
    let handle = handle.get_or_init(|| registered);
    tell(handle, ServiceState::StartPending, ServiceExitCode::NO_ERROR);
    let heard: Arc<Mutex<Option<Instant>>> = Arc::default();
    watch(heard.clone());
    let mut alive = || {
        let before = heard.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now());
        if before.is_none() {
            tell(handle, ServiceState::Running, ServiceExitCode::NO_ERROR);
        }
    };
    let exit = match (hosted.agent)(hosted.home.clone(), &stop, &mut alive) {
        Ok(()) => ServiceExitCode::NO_ERROR,
        Err(why) => {
            events(&hosted.name).inspect(|events| events.error(&why));
            ServiceExitCode::ServiceSpecific(1)
        }
    };
    tell(handle, ServiceState::Stopped, exit);
}

fn tell(handle: &ServiceStatusHandle, state: ServiceState, exit_code: ServiceExitCode) {
    let pending = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
    let wait_hint = match state {
        // A database that was lost is made again.
        ServiceState::StartPending => Duration::from_secs(600),
        ServiceState::StopPending => STOPS_WITHIN,
        _ => Duration::ZERO,
    };
    let told = handle.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: match state {
            ServiceState::Stopped | ServiceState::StopPending => ServiceControlAccept::empty(),
            _ => ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN,
        },
        exit_code,
        checkpoint: u32::from(pending),
        wait_hint,
        process_id: None,
    });
    if let Err(error) = told {
        log::warn!("the service manager can't be told: {error}");
    }
}

/// Ends a process whose engine is stuck: the manager starts it again, and the start is recovery.
fn watch(heard: Arc<Mutex<Option<Instant>>>) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(5));
            let last = *heard.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| last.elapsed() > WATCHDOG) {
                log::error!(
                    "the engine has not been heard for {} s: the agent ends itself",
                    WATCHDOG.as_secs()
                );
                std::process::abort();
            }
        }
    });
}

// ------------------------------------------------------------ the event log

/// The system's event log, for what a person must see to.
pub struct Events(eventlog::EventLog);

/// Opens the event log under the service's name; `None` where the system has none.
pub fn events(name: &str) -> Option<Events> {
    eventlog::EventLog::new(name, log::Level::Error).ok().map(Events)
}

impl Events {
    /// The service began or ended.
    pub fn info(&self, words: &str) {
        self.write(log::Level::Info, words);
    }

    /// What a person must see to.
    pub fn error(&self, words: &str) {
        self.write(log::Level::Error, words);
    }

    fn write(&self, level: log::Level, words: &str) {
        log::Log::log(&self.0, &log::Record::builder().level(level).args(format_args!("{words}")).build());
    }

    /// As a part of the log: errors only.
    pub fn into_log(self) -> Box<dyn log::Log> {
        Box::new(self.0)
    }
}

// ------------------------------------------------------------ what an administrator does

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
    pub fn plan(&self, config: &Config, user: &str) -> anyhow::Result<String> {
        let info = self.info(config, user)?;
        let arguments: Vec<_> = info.launch_arguments.iter().map(|one| one.to_string_lossy()).collect();
        Ok(format!(
            "{}\nprogram   {} {}\naccount   {}\n",
            self.name,
            info.executable_path.display(),
            arguments.join(" "),
            self.account(user)
        ))
    }

    /// Makes the service, gives its account the folders, and starts it.
    ///
    /// # Errors
    /// What could not be done, and what to do about it.
    pub fn install(&self, config: &Config, user: &str, web: Option<&str>) -> anyhow::Result<String> {
        let manager = self.manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
        let runs_already = self.state()?.is_active();
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
            Err(error) if is_not_there(&error) => {
                manager.create_service(&info, access).context("the service can't be made")?
            }
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
                notes.push_str(&format!("{what}: {error}\n"));
            }
        }
        if let Err(error) = eventlog::register(&self.name) {
            notes.push_str(&format!("event log: {error}\n"));
        }
        notes.push_str(&self.set_rights(config, user, web)?);
        self.start()?;
        Ok(format!("{notes}{}", self.state()?.to_text(self.language)))
    }

    /// Data and settings are for administrators, the system and the service alone; the webshop's account may
    /// write in the exchange folder where it must.
    fn set_rights(&self, config: &Config, user: &str, web: Option<&str>) -> anyhow::Result<String> {
        const ADMINISTRATORS: &str = "*S-1-5-32-544";
        const SYSTEM: &str = "*S-1-5-18";
        let account = self.account(user);
        let all = "(OI)(CI)";
        let mut told = String::new();
        let mut icacls = |path: &Path, arguments: &[String]| -> anyhow::Result<()> {
            let ran =
                Command::new("icacls").arg(path).args(arguments).arg("/q").output().context("icacls")?;
            if !ran.status.success() {
                let why = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
                told.push_str(&format!("icacls {}: {why}\n", path.display()));
            }
            Ok(())
        };
        let closed = |rights: &str, inherited: &str| {
            let grant = |who: &str, rights: &str| format!("{who}:{inherited}{rights}");
            vec![
                "/inheritance:r".to_owned(),
                "/grant:r".to_owned(),
                grant(ADMINISTRATORS, "F"),
                grant(SYSTEM, "F"),
                grant(&account, rights),
            ]
        };
        for folder in written_folders(config) {
            icacls(&folder, &closed("M", all))?;
        }
        icacls(&config.settings_file(), &closed("R", ""))?;
        for file in config.secret_files.iter().filter(|file| file.starts_with(&config.home)) {
            icacls(file, &closed("R", ""))?;
        }
        // To get there the service need only pass through.
        icacls(&config.home, &["/grant".into(), format!("{account}:(RX)")])?;
        if let Some(web) = web {
            icacls(&config.exchange.folder, &["/grant".into(), format!("{web}:{all}RX")])?;
            for folder in [
                config.inbox(),
                config.rejected(),
                config.hooks(),
                config.outgoing_changes(),
                config.outgoing_atp(),
            ] {
                icacls(&folder, &["/grant".into(), format!("{web}:{all}M")])?;
            }
        }
        Ok(told)
    }

    /// Stops the service and takes it out of the system. The home stays as it is.
    ///
    /// # Errors
    /// What could not be done.
    pub fn uninstall(&self) -> anyhow::Result<String> {
        if self.state()?.is_active() {
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
        if self.state()?.is_active() {
            return Ok(());
        }
        let service = self.open(ServiceAccess::START)?;
        service.start::<&str>(&[]).context("the service can't be started")?;
        self.wait_for("Running")
    }

    /// Stops it, and waits until it has ended.
    ///
    /// # Errors
    /// It can't be stopped.
    pub fn stop(&self) -> anyhow::Result<()> {
        if self.state()?.state == "Stopped" {
            return Ok(());
        }
        let service = self.open(ServiceAccess::STOP)?;
        service.stop().context("the service can't be stopped")?;
        self.wait_for("Stopped")
    }

    fn wait_for(&self, wanted: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let state = self.state()?.state;
            if state == wanted {
                return Ok(());
            }
            if state == "Stopped" {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let name = &self.name;
        bail!(self.language.pick(
            format!("{name} is not {wanted}. Why stands in the event log (Application) and in data/logs"),
            format!("{name} är inte {wanted}. Varför står i händelseloggen (Program) och i data/logs"),
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
            Err(error) if is_not_there(&error) => None,
            Err(error) => return Err(self.denied(error)),
        };
        Ok(State {
            name: self.name.clone(),
            is_installed: status.is_some(),
            state: status.as_ref().map_or_else(String::new, |status| format!("{:?}", status.current_state)),
            pid: status.and_then(|status| status.process_id).filter(|pid| *pid != 0),
        })
    }

    fn manager(&self, access: ServiceManagerAccess) -> anyhow::Result<ServiceManager> {
        ServiceManager::local_computer(None::<&str>, access).map_err(|error| self.denied(error))
    }

    fn open(&self, access: ServiceAccess) -> anyhow::Result<windows_service::service::Service> {
        match self.manager(ServiceManagerAccess::CONNECT)?.open_service(&self.name, access) {
            Ok(service) => Ok(service),
            Err(error) if is_not_there(&error) => {
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

fn is_not_there(error: &windows_service::Error) -> bool {
    matches!(error, windows_service::Error::Winapi(error) if error.raw_os_error() == Some(NOT_THERE))
}

/// How a service stands.
#[derive(Debug, Clone)]
pub struct State {
    name: String,
    is_installed: bool,
    state: String,
    pid: Option<u32>,
}

impl State {
    /// Whether it runs and is ready.
    pub fn is_active(&self) -> bool {
        self.state == "Running"
    }

    /// For a program.
    pub fn to_json(&self) -> Value {
        json!({ "name": self.name, "installed": self.is_installed, "state": self.state, "pid": self.pid })
    }

    /// For people.
    pub fn to_text(&self, language: Language) -> String {
        let name = &self.name;
        match (self.is_installed, self.is_active()) {
            (false, _) => language.pick(
                format!("{name} is not installed. Install it with: extend-edge service install\n"),
                format!("{name} är inte installerad. Installera den med: extend-edge service install\n"),
            ),
            (true, true) => language.pick(format!("{name} runs\n"), format!("{name} är igång\n")),
            (true, false) => language.pick(
                format!("{name} does not run ({}). Start it with: extend-edge service start\n", self.state),
                format!("{name} är inte igång ({}). Starta den med: extend-edge service start\n", self.state),
            ),
        }
    }
}
