//! Gives the engine threads: workers, the bounded inbox, and an orderly end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, select};

use super::alerts::Unrecorded;
use super::workers::Workers;
use super::{Engine, Event, Pulse, Task};
use crate::clock::{Clock, Now};
use crate::config::Config;
use crate::exchange::put::Publisher;
use crate::exchange::read::Files;
use crate::exchange::watch::{Watcher, Watching};
use crate::hooks::Hooks;
use crate::page::Page;
use crate::recover;
use crate::rules::arrival::Patience;
use crate::store::{StoreError, intake};

/// Events that wait for the engine at the most. Senders wait when it is full; nothing is dropped.
const INBOX: usize = 256;

/// How long calls under way may take to end by themselves when the agent stops.
const GRACE: Duration = Duration::from_millis(2500);

/// The engine looks at its tables at least this often: commands write there.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Why the agent stopped before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database, at the start.
    #[error(transparent)]
    Recover(#[from] recover::RecoverError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// How a run that ends by itself ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// Whether Extend was up at the end.
    pub extend_is_up: bool,
    /// Why it was not.
    pub reason: Option<String>,
    /// Rounds of the mirror that failed.
    pub round_errors: Vec<(String, String)>,
}

/// What is told that the loop turns: after each step, and at rest at least every half second.
pub type Progress<'a> = &'a mut dyn FnMut(&Engine);

/// Runs until `stop` is told, or, for a task that ends, until all that is due is done.
///
/// # Errors
/// The database can't be opened, or a thread can't be started. Trouble with the database later on is
/// waited out.
pub fn run(
    config: Arc<Config>,
    task: Task,
    stop: &Receiver<()>,
    progress: Progress<'_>,
) -> Result<Ended, RunError> {
    let clock = Clock::start();
    let connection = recover::open(&config, clock.now().wall)?;
    // Whoever holds the database, a stop is heard in time: the step is tried again.
    connection.busy_timeout(Duration::from_secs(1)).map_err(StoreError::from)?;
    let ends = task.is_short();
    if config.reports.database.as_ref().is_some_and(|copy| !copy.exists()) {
        super::reports::forget(&connection).map_err(StoreError::from)?;
    }
    let takes_in = !task.mirror_only;
    let watching = takes_in.then(|| watching(&config, &connection, clock.now())).transpose()?;
    let mut engine = Engine::new(connection, config.clone(), task, clock.now())?;
    let (inbox, events) = bounded::<Event>(INBOX);
    let mut workers = Workers::start(&config, &inbox)?;
    let watcher = match watching {
        Some(watching) => {
            let inbox = inbox.clone();
            Some(Watcher::start(watching, move |sighting| inbox.send(Event::Seen(sighting)).is_ok())?)
        }
        None => None,
    };
    let hooks = takes_in.then(|| Hooks::start(config.clone(), inbox.clone(), !ends)).transpose()?;
    let pulse = Arc::new(Pulse::default());
    let page = match config.status.listen.filter(|_| takes_in && !ends) {
        Some(address) => Some(Page::start(config.clone(), address, inbox.clone(), pulse.clone())?),
        None => None,
    };
    drop(inbox);

    let closed = crossbeam_channel::never();
    let mut failed_at: Option<Instant> = None;
    let mut unrecorded = Unrecorded::default();
    let mut received: Vec<Event> = Vec::new();
    let mut idle_since: Option<Instant> = None;
    loop {
        let now = clock.now();
        pulse.beat();
        match engine.step(received.drain(..), now) {
            Ok(jobs) => {
                if failed_at.take().is_some() {
                    log::info!("the database works again");
                    pulse.tell(None);
                    unrecorded.after_success(now).into_iter().for_each(|job| workers.hand_out(job));
                }
                if let Err(error) = engine.tend_log(now) {
                    log::warn!("{error}");
                }
                let busy = !jobs.is_empty();
                if !busy && engine.is_idle() {
                    engine.rest();
                    if !ends && let Err(error) = engine.tend_database(now) {
                        log::warn!("{error}");
                    }
                }
                jobs.into_iter().for_each(|job| workers.hand_out(job));
                progress(&engine);
                if ends && !busy && engine.is_idle() {
                    // Settled means that nothing has become due for a moment either: a file that was read
                    // while its writer held it, changes that are put out a moment later.
                    let since = *idle_since.get_or_insert_with(Instant::now);
                    let due_soon = engine.wake_at() <= now.mono + Duration::from_millis(1500);
                    let waits_for_line = !engine.extend_is_up() && engine.was_probed();
                    if (!due_soon || waits_for_line) && since.elapsed() > Duration::from_millis(300) {
                        break;
                    }
                } else {
                    idle_since = None;
                }
            }
            // Nothing makes it whole again but the next start, which examines it: this end is not orderly.
            Err(error) if error.is_damaged() => {
                log::error!("{error}; the agent ends, and makes the database again at its next start");
                // The inbox goes before the watcher, which may be waiting for room in it.
                drop(events);
                return Err(error.into());
            }
            Err(error) => {
                if failed_at.is_none() {
                    log::error!("{error}; it is tried again until it works");
                }
                let failed_for = failed_at.get_or_insert_with(Instant::now).elapsed();
                let alarm = unrecorded.after_failure(&config, &error, failed_for, now);
                alarm.into_iter().for_each(|job| workers.hand_out(job));
                pulse.tell(Some(error.to_string()));
            }
        }
        let pause = match failed_at {
            Some(_) => Duration::from_millis(500),
            None if ends => Duration::from_millis(50).min(engine.wake_at().saturating_sub(clock.now().mono)),
            None => HEARTBEAT.min(engine.wake_at().saturating_sub(clock.now().mono)),
        };
        // While the database fails, events stay with the workers: memory is bounded.
        let open = if engine.is_full() { &closed } else { &events };
        let stopped = loop {
            select! {
                recv(stop) -> _ => break true,
                recv(open) -> event => match event {
                    Ok(event) => received.push(event),
                    Err(_) => break true,
                },
                default(pause.max(Duration::from_millis(1))) => {}
            }
            progress(&engine);
            pulse.beat();
            // At rest nothing is looked at but whether a command wrote something.
            let due = clock.now().mono >= engine.wake_at() || failed_at.is_some() || ends;
            if !received.is_empty() || due || engine.tables_changed() {
                break false;
            }
        };
        if stopped {
            break;
        }
        while received.len() < INBOX && !engine.is_full() {
            match events.try_recv() {
                Ok(event) => received.push(event),
                Err(_) => break,
            }
        }
    }
    let ended = Ended {
        extend_is_up: engine.extend_is_up(),
        reason: engine.reason().map(String::from),
        round_errors: engine.round_errors().into_iter().map(|(e, why)| (e.name().to_owned(), why)).collect(),
    };
    wind_down(engine, workers, (watcher, hooks, page), events, received, &clock);
    if let Err(error) = Publisher::put_last_status(config) {
        log::error!("status.json: {error}");
    }
    Ok(ended)
}

/// Takes nothing new, lets what is under way end, and records it. An attempt that does not end in time
/// stays recorded as begun, and is looked up by the next process.
fn wind_down(
    mut engine: Engine,
    workers: Workers,
    watchers: (Option<Watcher>, Option<Hooks>, Option<Page>),
    events: Receiver<Event>,
    mut received: Vec<Event>,
    clock: &Clock,
) {
    let deadline = Instant::now() + GRACE;
    // They may be waiting for room in the inbox: they are joined on a thread that may wait.
    let watchers = std::thread::spawn(move || drop(watchers));
    while engine.is_sending() {
        match events.recv_deadline(deadline) {
            Ok(event) => received.push(event),
            Err(_) => break,
        }
        record_only(&mut engine, &mut received, clock);
    }
    workers.end(&events, &mut received);
    record_only(&mut engine, &mut received, clock);
    drop(events);
    let _ = watchers.join();
    if let Err(error) = engine.note_good_end() {
        log::error!("{error}");
    }
}

/// Records what happened; the jobs that would follow are not begun.
fn record_only(engine: &mut Engine, received: &mut Vec<Event>, clock: &Clock) {
    if let Err(error) = engine.record(received.drain(..), clock.now()) {
        log::error!("{error}");
    }
}

fn watching(
    config: &Arc<Config>,
    connection: &rusqlite::Connection,
    now: Now,
) -> Result<Watching, StoreError> {
    let known = intake::load_left(connection)?
        .into_iter()
        .filter(|left| left.code == "waiting")
        .filter_map(|left| {
            let since: jiff::Timestamp = left.since.parse().ok()?;
            let stood = Duration::try_from(now.wall.duration_since(since)).ok()?;
            Some((left.name, left.stamp, stood))
        })
        .collect();
    Ok(Watching {
        inbox: config.inbox(),
        files: Files { config: config.clone() },
        patience: Patience {
            settle: config.exchange.settle,
            broken_after: config.exchange.broken_after,
            max_bytes: config.exchange.max_file_bytes,
        },
        marker: config.exchange.marker.clone(),
        rescan: config.exchange.rescan,
        known,
    })
}
