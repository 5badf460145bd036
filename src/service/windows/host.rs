//! What the service control manager starts: the agent, told to stop and watched.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use crossbeam_channel::{Receiver, bounded};
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

use super::STOPS_WITHIN;
use super::events::events;

/// The engine's loop must be heard from this often, once it has been heard.
const WATCHDOG: Duration = Duration::from_secs(120);

/// The agent: its service's name, its home, told to stop, telling that it is alive. It ends with an error in words.
pub type Agent = fn(&str, PathBuf, &Receiver<()>, &mut dyn FnMut()) -> Result<(), String>;

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
    let exit = match (hosted.agent)(&hosted.name, hosted.home.clone(), &stop, &mut alive) {
        Ok(()) => ServiceExitCode::NO_ERROR,
        Err(why) => {
            events(&hosted.name, log::Level::Error).inspect(|events| events.write(log::Level::Error, &why));
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
