//! What systemd is told while the agent runs, by sd_notify(3). Where nobody listens nothing happens.

use std::time::{Duration, Instant};

/// Tells the service manager that the agent is ready, and then that it is alive.
///
/// It is called from the engine's own loop and from nowhere else: a loop that is stuck is heard by its
/// silence, and the manager starts the agent again.
#[derive(Debug)]
pub struct Heartbeat {
    /// How often it must be heard; `None`: nobody counts.
    every: Option<Duration>,
    last: Option<Instant>,
    words: String,
}

impl Heartbeat {
    /// Says nothing yet.
    pub fn new() -> Heartbeat {
        Heartbeat { every: watchdog(), last: None, words: String::new() }
    }

    /// The loop turned. `words` are what `systemctl status` shows, in one line.
    pub fn beat(&mut self, words: &str) {
        let is_first = self.last.is_none();
        // Four times as often as it must be: one that comes late is no reason to kill anybody.
        let is_due = match (self.last, self.every) {
            (Some(last), Some(every)) => last.elapsed() >= every / 4,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if is_due || words != self.words {
            words.clone_into(&mut self.words);
            self.last = Some(Instant::now());
            tell_alive(is_first, words);
        }
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Heartbeat::new()
    }
}

#[cfg(target_os = "linux")]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(target_os = "linux")]
fn tell_alive(is_first: bool, words: &str) {
    use sd_notify::NotifyState::{Ready, Status, Watchdog};
    let all = [Ready, Watchdog, Status(words)];
    tell(if is_first { &all } else { &all[1..] });
}

/// The agent was asked to end, and does.
#[cfg(target_os = "linux")]
pub fn stopping() {
    tell(&[sd_notify::NotifyState::Stopping]);
}

#[cfg(target_os = "linux")]
fn tell(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("the service manager can't be told: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn watchdog() -> Option<Duration> {
    None
}

#[cfg(not(target_os = "linux"))]
fn tell_alive(_is_first: bool, _words: &str) {}

/// The agent was asked to end, and does.
#[cfg(not(target_os = "linux"))]
pub fn stopping() {}
