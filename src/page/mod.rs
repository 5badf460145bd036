//! The status page: what `extend-edge status` tells, for a browser on this computer; `/healthz` and `/metrics`
//! for programs.
//!
//! What is promised: the page never holds up the engine. It has threads of its own, reads through a connection
//! that is opened for one look and closed after it, one look at a time and none for longer than two seconds;
//! what is done on it goes the way of the commands ([`crate::actions`]). An address that can't be had is said
//! in `status` and tried again. Everything is rendered here and sent whole: no page asks for anything from
//! anywhere else.
//!
//! `guard` says who may see it and who may press its buttons, `answer` what each address gives, `trouble`
//! what is said where it can't; the others draw.

mod answer;
mod form;
mod front;
mod guard;
mod html;
mod item;
mod metrics;
mod parts;
mod search;
mod trouble;
mod words;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use crate::config::Config;
use crate::engine::{Event, Pulse};
use crate::store;
use crate::web::{Limits, Request, Server, reachable};
use guard::Guard;

/// No look at the database takes longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How soon an address that could not be had is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// The largest form: a document that is edited, as a browser encodes it.
const LARGEST_FORM: usize = 4 * item::LONGEST;

/// The page of an agent that runs. Dropping it closes every connection and joins every thread.
pub struct Page {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Page {
    /// Serves the page at `address`, as soon as that can be had.
    ///
    /// # Errors
    /// The thread can't be started, or the system gives no random bytes.
    pub fn start(
        config: Arc<Config>,
        address: SocketAddr,
        inbox: Sender<Event>,
        pulse: Arc<Pulse>,
    ) -> io::Result<Page> {
        let (stop, stopped) = bounded(0);
        let guard = Guard::new(config.status.password.clone())?;
        let desk = Arc::new(Desk {
            config,
            guard,
            pulse,
            looking: Mutex::new(()),
            began: Timestamp::now(),
            told_of_password: Mutex::new(None),
        });
        let thread = std::thread::Builder::new()
            .name("page".into())
            .spawn(move || keep_serving(&desk, address, &inbox, &stopped))?;
        Ok(Page { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep_serving(desk: &Arc<Desk>, address: SocketAddr, inbox: &Sender<Event>, stop: &Receiver<()>) {
    let mut server: Option<Server> = None;
    let mut untold: Option<Result<SocketAddr, String>> = None;
    let mut told: Option<String> = None;
    loop {
        if server.is_none() {
            match serve(desk.clone(), address) {
                Ok(served) => {
                    log::info!("the status page is at http://{}/", reachable(served.address()));
                    untold = Some(Ok(served.address()));
                    server = Some(served);
                }
                Err(error) => {
                    let words = format!("{address}: {error}");
                    if told.as_ref() != Some(&words) {
                        log::error!("the status page can't be served, and it is tried again: {words}");
                        told = Some(words.clone());
                        untold = Some(Err(words));
                    }
                }
            }
        }
        if let Some(event) = untold.take() {
            // An engine that is busy hears it later.
            untold = inbox.try_send(Event::PageServed(event.clone())).is_err().then_some(event);
        }
        let pause = match (&server, &untold) {
            (Some(_), None) => Duration::MAX,
            _ => AGAIN_AFTER,
        };
        let stopped = match pause {
            Duration::MAX => stop.recv().is_err(),
            pause => !matches!(stop.recv_timeout(pause), Err(RecvTimeoutError::Timeout)),
        };
        if stopped {
            return;
        }
    }
}

fn serve(desk: Arc<Desk>, address: SocketAddr) -> io::Result<Server> {
    let limits = Limits {
        connections: 32,
        head_bytes: 16 * 1024,
        body_bytes: LARGEST_FORM,
        idle: Duration::from_secs(20),
        request: Duration::from_secs(10),
        answer: Duration::from_secs(10),
    };
    Server::start("page", address, limits, Timestamp::now, move |request| desk.answer(request).into())
}

/// Whether the page of an agent answers at `address`.
pub fn answers(address: SocketAddr) -> bool {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).proxy(None).build().into();
    let answer = agent.get(format!("http://{}/healthz", reachable(address))).call();
    answer.is_ok_and(|mut answer| answer.body_mut().read_to_string().is_ok_and(|body| body.starts_with("ok")))
}

/// What every answer is made from.
struct Desk {
    config: Arc<Config>,
    guard: Guard,
    pulse: Arc<Pulse>,
    /// Held by whoever looks at the database: browsers wait for each other, and the engine for nobody.
    looking: Mutex<()>,
    began: Timestamp,
    /// When it was last said in the log that a password was wrong.
    told_of_password: Mutex<Option<Instant>>,
}

/// Why the database could not be looked at.
#[derive(Debug, thiserror::Error)]
enum LookError {
    /// It can't be opened.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// It can't be read.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl LookError {
    /// It took too long.
    fn is_interrupted(&self) -> bool {
        let error = match self {
            LookError::Sqlite(error) | LookError::Store(store::StoreError::Sqlite(error)) => error,
            LookError::Store(_) => return false,
        };
        error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
    }
}

impl Desk {
    /// One look at the database: one moment of it, and not for long.
    fn look<T>(
        &self,
        request: &Request,
        look: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LookError> {
        let _turn = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = store::open_reader(&self.config.database)?;
        connection.busy_timeout(PATIENCE)?;
        let (until, stop) = (Instant::now() + PATIENCE, request.stop.clone());
        // A server that stops has dropped the other end.
        let is_stopped = move || stop.try_recv().is_err_and(|error| error.is_disconnected());
        connection.progress_handler(10_000, Some(move || Instant::now() > until || is_stopped()))?;
        let transaction = connection.unchecked_transaction()?;
        Ok(look(&transaction)?)
    }

    /// A connection to act through, as the commands have theirs.
    fn hands(&self) -> Result<Connection, LookError> {
        let connection = store::open_existing(&self.config.database)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests;
