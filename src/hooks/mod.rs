//! Webhooks: Extend tells that something changed. They come by HTTP ([`listener`]) or, where the shop's router
//! lets nothing in, as files that something else received ([`folder`]), and both go through one [`Door`].
//!
//! What is promised: nothing gets past the door unsigned, but for files where the settings allow it. A sender
//! hears that its webhook was taken only after the commit that holds what it touches; one that hears nothing
//! sends it again, and its id tells. A webhook is a trigger and never data: what it told is fetched, and what
//! a lost one would have told comes with the next list of changes.

pub mod folder;
pub mod listener;

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::config::Config;
use crate::engine::{Event, Hooked, TurnedAway};
use crate::formats::hook::{self, Hook};
use crate::formats::problem::{Problem, Wrong};
use crate::rules::hooks::Gate;

/// How long the engine may take to find room for a webhook, and then to record it. Far more than it needs: a
/// sender that waits in vain sends again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Webhooks that are turned away are told to the engine no more often than this.
const BETWEEN_WORDS: Duration = Duration::from_secs(1);

/// Where every webhook goes through, whichever way it came.
pub struct Door {
    inbox: Sender<Event>,
    config: Arc<Config>,
    began: Instant,
    guard: Mutex<Guard>,
}

/// Counts, and remembers what is still to be told.
struct Guard {
    signed: Gate,
    /// Those that are not signed have room of their own: from outside nobody can crowd out the others.
    unsigned: Gate,
    untold: Option<TurnedAway>,
    told_at: Option<Instant>,
}

impl Door {
    /// A door to the engine.
    pub fn new(config: Arc<Config>, inbox: Sender<Event>) -> Door {
        let gate = Gate::new(config.webhooks.requests_per_minute, Duration::ZERO);
        let guard = Guard { signed: gate.clone(), unsigned: gate, untold: None, told_at: None };
        Door { inbox, config, began: Instant::now(), guard: Mutex::new(guard) }
    }

    /// Whether these bytes are signed with our secret.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, body: &[u8], signature: Option<&str>) -> Result<(), Wrong> {
        let signature = signature.filter(|text| !text.trim().is_empty()).ok_or(Wrong::Unsigned)?;
        let secret = self.config.webhooks.secret.as_ref().ok_or(Wrong::NoSecret)?;
        match hook::is_signed(secret.expose(), body, signature) {
            true => Ok(()),
            false => Err(Wrong::WrongSignature),
        }
    }

    /// Lets one more request of a minute in.
    ///
    /// # Errors
    /// There were too many: how long to wait.
    fn pass(&self, signed: bool) -> Result<(), Duration> {
        let now = self.began.elapsed();
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        if signed { guard.signed.pass(now) } else { guard.unsigned.pass(now) }
    }

    /// Hands a webhook to the engine. What is given back is told when it is recorded, and ends where it can't
    /// be; `None`: there is no room for it.
    fn hand_over(&self, hook: Hook) -> Option<Receiver<()>> {
        // Those that were turned away before it are told before it: after it they would look like a row.
        let untold = self.guard.lock().unwrap_or_else(PoisonError::into_inner).untold.take();
        if let Some(away) = untold {
            self.inbox.send_timeout(Event::TurnedAway(away), PATIENCE).ok()?;
        }
        let (recorded, answer) = bounded(1);
        let event = Event::Hooked(Box::new(Hooked { hook, recorded }));
        self.inbox.send_timeout(event, PATIENCE).ok().map(|()| answer)
    }

    /// Notes that one was turned away; the engine is told now and then.
    fn turn_away(&self, why: &str) {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let count = guard.untold.take().map_or(0, |away| away.count) + 1;
        guard.untold = Some(TurnedAway { count, why: why.to_owned() });
        self.tell(&mut guard);
    }

    /// Tells the engine what is still to be told.
    fn tell_the_rest(&self) {
        self.tell(&mut self.guard.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn tell(&self, guard: &mut Guard) {
        if guard.told_at.is_some_and(|at| at.elapsed() < BETWEEN_WORDS) {
            return;
        }
        let Some(away) = guard.untold.take() else { return };
        log::warn!("{} webhook(s) turned away, the last one: {}", away.count, away.why);
        match self.inbox.try_send(Event::TurnedAway(away)) {
            Ok(()) => guard.told_at = Some(Instant::now()),
            Err(error) => {
                if let Event::TurnedAway(away) = error.into_inner() {
                    guard.untold = Some(away);
                }
            }
        }
    }
}

/// The word for programs of something that is wrong.
fn code(wrong: Wrong) -> &'static str {
    Problem::of_file(wrong).code()
}

/// The thread of the folder, and with it the listener. Dropping it ends and joins both.
pub struct Hooks {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Hooks {
    /// Begins to take webhooks out of the folder, and, where `listen` and the settings say so, by HTTP.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start(config: Arc<Config>, inbox: Sender<Event>, listen: bool) -> std::io::Result<Hooks> {
        let (stop, stopped) = bounded(0);
        let door = Arc::new(Door::new(config.clone(), inbox));
        let thread = std::thread::Builder::new().name("hooks".into()).spawn(move || {
            let listen = config.webhooks.listen.filter(|_| listen);
            folder::Folder::new(config, door.clone()).run(&stopped, listener::Listener::new(door, listen));
        })?;
        Ok(Hooks { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
