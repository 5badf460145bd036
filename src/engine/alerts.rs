//! Alarms: when it is looked what is wrong, and what came of telling it. What is told is decided in
//! [`crate::rules::alert`]; a worker looks and tells, one at a time, so that what is remembered does not change
//! while it is told.

use std::time::Duration;

use rusqlite::Transaction;

use super::{Job, Mind, Settled};
use crate::clock::Now;
use crate::config::Config;
use crate::formats::alarm::{Alarm, Message};
use crate::rules::alert::{self, Seen};
use crate::rules::line::State;
use crate::rules::retry::Pauses;
use crate::status::{NeedsPerson, machine};
use crate::store::{StoreError, agent, alerts, owed};

/// How often it is looked what is wrong.
const EVERY: Duration = Duration::from_secs(15);
/// The pauses after a message that could not be told.
const PAUSES: Pauses = Pauses { first: Duration::from_secs(30), longest: Duration::from_secs(900) };
/// A telling that fails this often while Extend answers, and so the line is up, needs a person.
const TOLD_AFTER: u32 = 3;

/// How alarms go. It can be lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    looked_at: Option<Duration>,
    pub(super) under_way: bool,
    to_tell: Option<Message>,
    failed: u32,
    tell_again_at: Duration,
}

/// What a worker reported.
#[derive(Debug)]
pub(super) enum Heard {
    /// It looked; this is to be told.
    Looked(Option<Message>),
    /// It told, or could not.
    Told(bool),
}

/// A database that could not be written for so long is told of, though that can't be recorded: neither is it
/// repeated, but by a process that begins anew.
const UNRECORDED_AFTER: Duration = Duration::from_secs(5 * 60);

/// Watches over what keeps the engine from recording anything, alarms among it.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    told: Option<Alarm>,
}

impl Unrecorded {
    /// Nothing could be recorded since `failed_for`: what is to be told, once.
    pub(super) fn after_failure(
        &mut self,
        config: &Config,
        error: &StoreError,
        failed_for: Duration,
        now: Now,
    ) -> Option<Job> {
        if failed_for < UNRECORDED_AFTER || self.told.is_some() || !config.alert.is_on() {
            return None;
        }
        let NeedsPerson { code, message, .. } = machine::nothing_recorded(config, &error.to_string());
        let alarm = Alarm { key: code.clone(), code, message, since: now.text() };
        self.told = Some(alarm.clone());
        Some(Job::Tell(Message { at: now.text(), raised: vec![alarm], ended: Vec::new(), left: 0 }))
    }

    /// It is recorded again.
    pub(super) fn after_success(&mut self, now: Now) -> Option<Job> {
        let ended = vec![self.told.take()?];
        Some(Job::Tell(Message { at: now.text(), raised: Vec::new(), ended, left: 0 }))
    }
}

impl Mind {
    pub(super) fn hear_wrongs(
        &mut self,
        tx: &Transaction<'_>,
        seen: &Result<Vec<Seen>, String>,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let message = match seen {
            Ok(seen) => {
                let (known, told_at) = (alerts::load(tx)?, alerts::told_at(tx)?);
                let away_after = self.config.alert.away_after;
                let plan = alert::plan(known, seen.clone(), &told_at, away_after, self.now.wall);
                alerts::save(tx, &plan.known)?;
                plan.message
            }
            // It is looked again soon.
            Err(error) => {
                log::warn!("it could not be looked what is wrong: {error}");
                None
            }
        };
        settled.alerts = Some(Heard::Looked(message));
        Ok(())
    }

    pub(super) fn hear_told(
        &mut self,
        tx: &Transaction<'_>,
        message: &Message,
        result: &Result<(), String>,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let trouble = match result {
            Ok(()) => {
                log::info!(
                    "an alarm was told: {} raised, {} ended",
                    message.raised.len(),
                    message.ended.len()
                );
                alerts::save(tx, &alert::after_told(alerts::load(tx)?, message))?;
                alerts::note_told(tx, &self.now.text())?;
                ""
            }
            Err(why) => {
                log::error!("an alarm could not be told, and is told again later: {why}");
                let counts =
                    self.course.line.state == State::Up && self.course.alerts.failed + 1 >= TOLD_AFTER;
                if counts { why.as_str() } else { "" }
            }
        };
        if result.is_ok() || !trouble.is_empty() {
            agent::set(tx, agent::ALERT_TROUBLE, trouble)?;
            owed::owe(tx, "status", "")?;
        }
        settled.alerts = Some(Heard::Told(result.is_ok()));
        Ok(())
    }

    pub(super) fn after_alerts(&mut self, heard: Heard) {
        let (now, dice) = (self.now.mono, self.dice());
        let alerts = &mut self.course.alerts;
        alerts.under_way = false;
        match heard {
            Heard::Looked(message) => alerts.to_tell = message.filter(|_| alerts.tell_again_at <= now),
            Heard::Told(true) => alerts.failed = 0,
            Heard::Told(false) => {
                alerts.failed = alerts.failed.saturating_add(1);
                alerts.tell_again_at = now + PAUSES.after(alerts.failed, dice);
            }
        }
    }

    pub(super) fn plan_alerts(&mut self, jobs: &mut Vec<Job>) {
        if !self.config.alert.is_on() || self.task.is_short() || self.course.alerts.under_way {
            return;
        }
        if let Some(message) = self.course.alerts.to_tell.take() {
            jobs.push(Job::Tell(message));
            return;
        }
        let due = self.course.alerts.looked_at.map_or(Duration::ZERO, |at| at + EVERY);
        if due > self.now.mono {
            self.wake(due);
            return;
        }
        self.course.alerts.looked_at = Some(self.now.mono);
        jobs.push(Job::LookForWrongs);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::super::{Engine, Event, Task};
    use super::*;
    use crate::store;

    const SETTINGS: &str = "[extend]\nbase_url = \"http://127.0.0.1:9/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\npassword = \"p\"\n\
                            [alert]\ncommand = [\"tell\"]\n";

    fn at(seconds: u64) -> Now {
        let wall: jiff::Timestamp = "2026-11-21T22:16:00Z".parse().unwrap();
        Now {
            wall: wall + jiff::SignedDuration::from_secs(seconds as i64),
            mono: Duration::from_secs(seconds),
        }
    }

    fn config() -> Arc<Config> {
        Arc::new(Config::parse(Path::new("/srv/shop"), SETTINGS, None).unwrap())
    }

    fn begin(connection: rusqlite::Connection, seconds: u64) -> Engine {
        Engine::new(connection, config(), Task::default(), at(seconds)).unwrap().with_dice(1)
    }

    fn refused() -> Vec<Seen> {
        let (key, code) = ("refused:17".to_owned(), "refused".to_owned());
        vec![Seen { key, code, message: "refused".into(), since: None, may_begin: true }]
    }

    /// The job of alarms among those that follow.
    fn step(engine: &mut Engine, event: Option<Event>, seconds: u64) -> Option<Job> {
        let jobs = engine.step(event, at(seconds)).unwrap();
        jobs.into_iter().find(|job| matches!(job, Job::LookForWrongs | Job::Tell(_)))
    }

    /// It looks and sees that; what it tells then.
    fn look(engine: &mut Engine, seen: Vec<Seen>, seconds: u64) -> Option<Message> {
        assert!(matches!(step(engine, None, seconds), Some(Job::LookForWrongs)));
        match step(engine, Some(Event::LookedForWrongs(Ok(seen))), seconds)? {
            Job::Tell(message) => Some(message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_could_not_be_told_is_told_later_and_what_was_told_is_not_repeated_after_a_restart() {
        let mut engine = begin(store::open_in_memory().unwrap(), 0);
        let message = look(&mut engine, refused(), 0).unwrap();
        assert_eq!(message.raised.len(), 1);
        assert!(step(&mut engine, Some(Event::Told(message, Err("no line".into()))), 0).is_none());
        // Nobody is bothered until the pause is over.
        let message = look(&mut engine, refused(), 15);
        assert_eq!(message, None);
        let message = look(&mut engine, refused(), 60).unwrap();
        assert!(step(&mut engine, Some(Event::Told(message, Ok(()))), 60).is_none());
        assert_eq!(look(&mut engine, refused(), 120), None);

        let mut engine = begin(engine.into_connection(), 200);
        assert_eq!(look(&mut engine, refused(), 200), None);
        let message = look(&mut engine, Vec::new(), 215).unwrap();
        assert!(message.is_all_well() && message.ended.len() == 1);
        // The process ends before it hears that it was told: it is told again rather than never.
        let mut engine = begin(engine.into_connection(), 300);
        let message = look(&mut engine, Vec::new(), 300).unwrap();
        step(&mut engine, Some(Event::Told(message, Ok(()))), 300);
        assert_eq!(look(&mut engine, Vec::new(), 315), None);
    }

    #[test]
    fn one_look_or_one_alarm_at_a_time() {
        let mut engine = begin(store::open_in_memory().unwrap(), 0);
        assert!(matches!(step(&mut engine, None, 0), Some(Job::LookForWrongs)));
        assert!(step(&mut engine, None, 60).is_none(), "the first look is not over");
        assert!(!engine.is_idle());
        let again = step(&mut engine, Some(Event::LookedForWrongs(Err("locked".into()))), 60);
        assert!(matches!(again, Some(Job::LookForWrongs)));
        assert!(step(&mut engine, Some(Event::LookedForWrongs(Ok(Vec::new()))), 61).is_none());
        assert!(engine.wake_at() <= Duration::from_secs(76));
    }

    #[test]
    fn a_database_that_can_not_be_written_is_told_of_once() {
        let (mut unrecorded, config) = (Unrecorded::default(), config());
        let error = StoreError::Damaged("disk full".into());
        let mut tell = |minutes: u64| {
            unrecorded.after_failure(&config, &error, Duration::from_secs(60 * minutes), at(60 * minutes))
        };
        assert!(tell(4).is_none());
        assert!(
            matches!(tell(5), Some(Job::Tell(message)) if message.raised[0].message.contains("disk full"))
        );
        assert!(tell(6).is_none());
        assert!(
            matches!(unrecorded.after_success(at(500)), Some(Job::Tell(message)) if message.is_all_well())
        );
        assert!(unrecorded.after_success(at(600)).is_none());
    }
}
