//! The threads that carry bytes for the engine, and how they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{ASK_WORKERS, Event, Job, PULL_WORKERS, PUSH_WORKERS};
use crate::alerts::Teller;
use crate::config::Config;
use crate::exchange::answer::Answerer;
use crate::exchange::put::Publisher;
use crate::exchange::take;
use crate::extend::client::{Api, Client};
use crate::extend::jobs;
use crate::recover;
use crate::reports::copy::Copier;
use crate::store;
use crate::store::upkeep::{self, Examined};

/// How long calls may take to end once they are told to.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// The threads that carry bytes. Each has a queue of its own and one job at a time.
pub(super) struct Workers {
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
    pub(super) fn start(config: &Arc<Config>, inbox: &Sender<Event>) -> std::io::Result<Workers> {
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

    pub(super) fn hand_out(&mut self, job: Job) {
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
    pub(super) fn end(mut self, events: &Receiver<Event>, received: &mut Vec<Event>) {
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
