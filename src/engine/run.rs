//! Gives the engine threads: workers, the bounded inbox, and an orderly end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};

use super::alerts::Unrecorded;
use super::{ASK_WORKERS, Engine, Event, Job, PULL_WORKERS, PUSH_WORKERS, Pulse, Task};
use crate::alerts::Teller;
use crate::clock::{Clock, Now};
use crate::config::Config;
use crate::exchange::answer::Answerer;
use crate::exchange::put::Publisher;
use crate::exchange::read::Files;
use crate::exchange::take;
use crate::exchange::watch::{Watcher, Watching};
use crate::extend::client::{Api, Client};
use crate::extend::jobs;
use crate::hooks::Hooks;
use crate::page::Page;
use crate::recover;
use crate::reports::copy::Copier;
use crate::rules::arrival::Patience;
use crate::store::upkeep::{self, Examined};
use crate::store::{self, StoreError, intake};

/// Events that wait for the engine at the most. Senders wait when it is full; nothing is dropped.
const INBOX: usize = 256;

/// How long calls under way may take to end by themselves when the agent stops.
const GRACE: Duration = Duration::from_millis(2500);

/// How long calls may take to end once they are told to.
const LAST_GRACE: Duration = Duration::from_secs(1);

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

/// The threads that carry bytes. Each has a queue of its own and one job at a time.
struct Workers {
    client: Client,
    moves: Option<Sender<Job>>,
    puts: Option<Sender<Job>>,
    pushes: Option<Sender<Job>>,
    pulls: Option<Sender<Job>>,
    backups: Option<Sender<Job>>,
    ending: Arc<AtomicBool>,
    copies: Option<Sender<Job>>,
    copier: Copier,
    fetches: Option<Sender<Job>>,
    asks: Option<Sender<Job>>,
    answers: Option<Sender<Job>>,
    alarms: Option<Sender<Job>>,
    teller: Teller,
    threads: Vec<JoinHandle<()>>,
    /// Those that wait for answers from the network.
    callers: Vec<JoinHandle<()>>,
}

impl Workers {
    fn start(config: &Arc<Config>, inbox: &Sender<Event>) -> std::io::Result<Workers> {
        let client = Client::of(&config.extend);
        let (mut threads, mut callers) = (Vec::new(), Vec::new());
        let spawn =
            |name: &str, queue: &Receiver<Job>, mut work: Box<dyn FnMut(Job) -> Option<Event> + Send>| {
                let (queue, inbox) = (queue.clone(), inbox.clone());
                let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
                    for job in queue {
                        if let Some(event) = work(job)
                            && inbox.send(event).is_err()
                        {
                            return;
                        }
                    }
                })?;
                std::io::Result::Ok(thread)
            };
        // One job in flight each, so the queues never fill.
        let (moves, move_queue) = bounded(2);
        let (puts, put_queue) = bounded(2);
        let (pushes, push_queue) = bounded(PUSH_WORKERS * 2 + 2);
        let (pulls, pull_queue) = bounded(PULL_WORKERS * 2);
        let (backups, backup_queue) = bounded(2);
        let (copies, copy_queue) = bounded(2);
        let (fetches, fetch_queue) = bounded(2);
        let (asks, ask_queue) = bounded(ASK_WORKERS * 2);
        let (answers, answer_queue) = bounded(2);
        let (alarms, alarm_queue) = bounded(4);
        let (exchange, inbox_folder) = (config.exchange.folder.clone(), config.inbox());
        let marker = config.exchange.marker.clone();
        threads.push(spawn(
            "take",
            &move_queue,
            Box::new(move |job| match job {
                Job::Move(files) => {
                    let marker = marker.as_deref();
                    Some(Event::Moved(take::move_all(&exchange, &inbox_folder, marker, &files)))
                }
                _ => None,
            }),
        )?);
        let mut publisher = Publisher::new(config.clone());
        threads.push(spawn(
            "put",
            &put_queue,
            Box::new(move |job| match job {
                Job::Put(files) => Some(Event::Put(publisher.put_all(files))),
                _ => None,
            }),
        )?);
        let ending = Arc::new(AtomicBool::new(false));
        let (of_backup, is_ending) = (config.clone(), ending.clone());
        threads.push(spawn(
            "backup",
            &backup_queue,
            Box::new(move |job| match job {
                Job::Backup(now) => {
                    // One that is half done is made another time: a stop does not wait for it.
                    let go_on = || !is_ending.load(Ordering::Relaxed);
                    let made = recover::backups::make(&of_backup, now, go_on);
                    Some(Event::BackedUp(made.map(|path| path.display().to_string())))
                }
                Job::Examine => {
                    let is_ending = is_ending.clone();
                    let go_on = move || !is_ending.load(Ordering::Relaxed);
                    let found = match store::open_reader(&of_backup.database) {
                        Ok(mut connection) => upkeep::examine(&mut connection, go_on),
                        Err(error) => Examined::Unfinished(error.to_string()),
                    };
                    Some(Event::Examined(found))
                }
                _ => None,
            }),
        )?);
        // One more than there are pushes, for the probe.
        for number in 0..=PUSH_WORKERS {
            let api = client.clone();
            callers.push(spawn(
                &format!("push-{number}"),
                &push_queue,
                Box::new(move |job| call(&api, job)),
            )?);
        }
        for number in 0..PULL_WORKERS {
            let api = client.clone();
            callers.push(spawn(
                &format!("pull-{number}"),
                &pull_queue,
                Box::new(move |job| call(&api, job)),
            )?);
        }
        let copier = Copier::new(config.clone());
        let worker = copier.clone();
        threads.push(spawn(
            "reports",
            &copy_queue,
            Box::new(move |job| match job {
                Job::Copy => Some(Event::Copied(worker.refresh().map_err(|error| error.to_string()))),
                _ => None,
            }),
        )?);
        let api = client.clone();
        callers.push(spawn("fetch", &fetch_queue, Box::new(move |job| call(&api, job)))?);
        for number in 0..ASK_WORKERS {
            let api = client.clone();
            callers.push(spawn(&format!("ask-{number}"), &ask_queue, Box::new(move |job| call(&api, job)))?);
        }
        let mut answerer = Answerer::new(config.clone());
        threads.push(spawn(
            "answer",
            &answer_queue,
            Box::new(move |job| match job {
                Job::Answer(questions) => Some(Event::Answered(answerer.answer_all(questions))),
                _ => None,
            }),
        )?);
        let teller = Teller::new(config.clone());
        let worker = teller.clone();
        callers.push(spawn(
            "alerts",
            &alarm_queue,
            Box::new(move |job| match job {
                Job::LookForWrongs => Some(Event::LookedForWrongs(worker.look())),
                Job::Tell(message) => {
                    let result = worker.tell(&message);
                    Some(Event::Told(message, result))
                }
                _ => None,
            }),
        )?);
        Ok(Workers {
            client,
            moves: Some(moves),
            puts: Some(puts),
            pushes: Some(pushes),
            pulls: Some(pulls),
            backups: Some(backups),
            ending,
            copies: Some(copies),
            copier,
            fetches: Some(fetches),
            asks: Some(asks),
            answers: Some(answers),
            alarms: Some(alarms),
            teller,
            threads,
            callers,
        })
    }

    fn hand_out(&mut self, job: Job) {
        let queue = match &job {
            Job::Move(_) => &self.moves,
            Job::Put(_) => &self.puts,
            Job::Push(_) => &self.pushes,
            Job::Pull(_) => &self.pulls,
            Job::Backup(_) | Job::Examine => &self.backups,
            Job::Copy => &self.copies,
            Job::Fetch(_) => &self.fetches,
            Job::Ask(_) => &self.asks,
            Job::Answer(_) => &self.answers,
            Job::LookForWrongs | Job::Tell(_) => &self.alarms,
        };
        if let Some(queue) = queue {
            let _ = queue.send(job);
        }
    }

    /// Ends calls that still run and waits for the threads; what they report on the way is collected.
    ///
    /// A call that does not hear that it is to end, as one under Windows that waits for its answer, is left to end
    /// with the process.
    fn end(mut self, events: &Receiver<Event>, received: &mut Vec<Event>) {
        drop((self.moves.take(), self.puts.take(), self.pushes.take()));
        drop((self.pulls.take(), self.fetches.take(), self.backups.take(), self.copies.take()));
        drop((self.asks.take(), self.answers.take()));
        drop(self.alarms.take());
        self.teller.stop();
        self.ending.store(true, Ordering::Relaxed);
        self.copier.stop();
        self.client.shut_down();
        let deadline = Instant::now() + LAST_GRACE;
        let is_under_way = |thread: &JoinHandle<()>| !thread.is_finished();
        while self.threads.iter().any(is_under_way)
            || self.callers.iter().any(is_under_way) && Instant::now() < deadline
        {
            if let Ok(event) = events.recv_timeout(Duration::from_millis(20)) {
                received.push(event);
            }
        }
        while let Ok(event) = events.try_recv() {
            received.push(event);
        }
        let ended = self.callers.drain(..).filter(|thread| thread.is_finished());
        for thread in self.threads.drain(..).chain(ended) {
            let _ = thread.join();
        }
    }
}

fn call(api: &dyn Api, job: Job) -> Option<Event> {
    match job {
        Job::Push(job) | Job::Pull(job) | Job::Fetch(job) | Job::Ask(job) => {
            Some(Event::Called(Box::new(jobs::run(api, job))))
        }
        _ => None,
    }
}
