//! How things go: what the engine remembers from step to step, and what events change in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::meanwhile::StoredKeys;
use super::mind::{AGAIN_AFTER_TROUBLE, Mind};
use super::{Job, alerts, care, hooks, look_ups, put_out, questions, reports, rounds};
use crate::clock::Now;
use crate::config::Config;
use crate::extend::ask::Asked;
use crate::extend::jobs::{CallJob, DetailsJob};
use crate::extend::look_up::Progress;
use crate::rules::budget::Budget;
use crate::rules::line::Line;
use crate::rules::lookup::Doubt;
use crate::rules::mirror::Entity;
use crate::rules::schedule::Round;

/// How things go. A step changes it while it plans, and a commit that fails gives back how it was. The
/// rounds are not in it: they remember only what was committed.
#[derive(Clone)]
pub(super) struct Course {
    pub(super) line: Line,
    pub(super) budget: Budget,
    /// Items with an attempt whose outcome is not known.
    pub(super) doubts: HashMap<i64, Doubt>,
    /// Items that failed in a way that a probe must explain: the item's fault, or an outage.
    pub(super) suspects: Vec<i64>,
    /// Items with a call under way, and the step in which it was asked for ([`Meanwhile`](super::meanwhile)).
    pub(super) in_flight: HashMap<i64, u64>,
    /// Look-ups that were begun and have not come to their end.
    pub(super) look_ups: HashMap<i64, look_ups::LookUp>,
    /// Changes that may be made, as it is known how things stand, and since when.
    pub(super) prepared: HashMap<i64, Duration>,
    pub(super) probing: bool,
    /// Calls of the push workers that are under way.
    pub(super) pushing: usize,
    /// Lists of which a page is being fetched, and since which step.
    pub(super) pulling: HashMap<rounds::Lane, u64>,
    /// Records that are being fetched, and since which step.
    pub(super) fetching: Vec<(u64, DetailsJob)>,
    pub(super) moving: bool,
    pub(super) putting: bool,
    pub(super) backing_up: bool,
    /// When the next backup is due, once that is known.
    pub(super) backup_at: Option<Duration>,
    /// After trouble with a folder, until when it is left alone.
    pub(super) move_again_at: Option<Duration>,
    pub(super) put_again_at: Option<Duration>,
    pub(super) forget_contents_at: Duration,
    /// Kinds that Extend forbids us to send, and until when they are held back.
    pub(super) forbidden: HashMap<&'static str, Duration>,
    pub(super) put_out: put_out::State,
    pub(super) copies: reports::Copies,
    pub(super) thinning: care::Thinning,
    pub(super) examining: bool,
    /// When all of the database is to be looked through next, once that is known.
    pub(super) examine_at: Option<Duration>,
    pub(super) alerts: alerts::Course,
    pub(super) hooks: hooks::Course,
    pub(super) questions: questions::Questions,
}

impl Course {
    /// That of a process that begins: `unresolved` are items with an attempt whose outcome is not known.
    pub(super) fn new(config: &Config, unresolved: &[i64], lists: Vec<Entity>, now: Now) -> Course {
        Course {
            line: Line::new(now.mono),
            budget: Budget::new(config.extend.requests_per_minute, now.mono),
            doubts: unresolved.iter().map(|id| (*id, Doubt::new(now.mono))).collect(),
            suspects: Vec::new(),
            in_flight: HashMap::new(),
            look_ups: HashMap::new(),
            prepared: HashMap::new(),
            probing: false,
            pushing: 0,
            pulling: HashMap::new(),
            fetching: Vec::new(),
            moving: false,
            putting: false,
            backing_up: false,
            backup_at: None,
            move_again_at: None,
            put_again_at: None,
            forget_contents_at: now.mono,
            forbidden: HashMap::new(),
            put_out: put_out::State::default(),
            copies: reports::Copies::default(),
            thinning: care::Thinning::default(),
            examining: false,
            examine_at: None,
            alerts: alerts::Course::default(),
            hooks: hooks::Course::new(lists, now.mono),
            questions: questions::Questions::default(),
        }
    }
}

/// What events change in memory.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) calls: Vec<(crate::extend::jobs::Seen, crate::rules::answer::Health)>,
    pub(super) probe: Option<crate::rules::answer::Health>,
    pub(super) ended: Vec<i64>,
    pub(super) doubts: HashMap<i64, Option<Doubt>>,
    pub(super) looked: Vec<(i64, Option<Arc<Progress>>)>,
    pub(super) suspects: Vec<i64>,
    pub(super) prepared: Vec<i64>,
    pub(super) pushes: usize,
    pub(super) pulled: Vec<rounds::Lane>,
    pub(super) detailed: Vec<DetailsJob>,
    pub(super) fetched: bool,
    pub(super) asked: Vec<Asked>,
    /// Questions that were answered, by name and hash, or could not be.
    pub(super) answered: Vec<(String, String, bool)>,
    /// Whom to tell that their webhook is recorded.
    pub(super) recorded: Vec<Sender<()>>,
    pub(super) moved: Option<bool>,
    pub(super) put: Option<bool>,
    pub(super) backup_at: Option<Duration>,
    pub(super) examine_at: Option<Duration>,
    pub(super) copied: Option<bool>,
    pub(super) alerts: Option<alerts::Heard>,
    pub(super) scanned: bool,
    pub(super) forbidden: Vec<&'static str>,
    pub(super) rounds: Vec<rounds::RoundStep>,
    /// A customer changed whose prices are wanted.
    pub(super) prices_wanted: bool,
    /// Records that were stored.
    pub(super) stored: StoredKeys,
}

impl Mind {
    /// What the events told, before anything is planned: a worker that is free again gets its next job in
    /// the same step, and what is due later is known when the next waking is set.
    pub(super) fn remember(&mut self, settled: &mut Settled) {
        let now = self.now.mono;
        for (seen, _) in &settled.calls {
            if let Some(server) = seen.server_time {
                self.server_clock = Some((server, now));
            }
            self.course.budget.after_answer(seen.group, &seen.limits, self.server_seconds(), now);
            self.course.budget.give_back(seen.group, seen.unused);
            if let Some(retry_after) = seen.too_many {
                self.course.budget.after_too_many(seen.group, retry_after, now);
            }
        }
        self.course.probing &= settled.probe.is_none();
        if settled.fetched {
            self.course.hooks.fetching = None;
        }
        self.course.pushing = self.course.pushing.saturating_sub(settled.pushes);
        settled.ended.iter().for_each(|id| {
            self.course.in_flight.remove(id);
        });
        for (id, progress) in settled.looked.drain(..) {
            match (progress, self.course.look_ups.get_mut(&id)) {
                (Some(progress), Some(look_up)) => look_up.so_far = progress,
                _ => _ = self.course.look_ups.remove(&id),
            }
        }
        for (id, doubt) in settled.doubts.drain() {
            match doubt {
                Some(doubt) => self.course.doubts.insert(id, doubt),
                None => self.course.doubts.remove(&id),
            };
        }
        match settled.probe {
            Some(_) => self.course.suspects.clear(),
            None => self.course.suspects.append(&mut settled.suspects),
        }
        if let Some(well) = settled.moved {
            self.course.moving = false;
            self.course.move_again_at = (!well).then_some(now + AGAIN_AFTER_TROUBLE);
        }
        if let Some(well) = settled.put {
            self.course.putting = false;
            self.course.put_again_at = (!well).then_some(now + AGAIN_AFTER_TROUBLE);
        }
        if let Some(at) = settled.backup_at {
            self.course.backing_up = false;
            self.course.backup_at = Some(at);
        }
        if let Some(at) = settled.examine_at {
            self.course.examining = false;
            self.course.examine_at = Some(at);
        }
        self.course.fetching.retain(|(_, job)| !settled.detailed.contains(job));
        if let Some(well) = settled.copied {
            self.after_copy(well);
        }
        if let Some(heard) = settled.alerts.take() {
            self.after_alerts(heard);
        }
        self.course.prepared.extend(settled.prepared.drain(..).map(|id| (id, now)));
        settled.asked.drain(..).for_each(|asked| self.after_asked(asked));
        self.after_answered(std::mem::take(&mut settled.answered));
        for kind in settled.forbidden.drain(..) {
            self.course.forbidden.insert(kind, now + self.pauses.longest);
        }
    }

    pub(super) fn begin(&mut self, jobs: &[Job]) {
        let step = self.meanwhile.step;
        for job in jobs {
            match job {
                Job::Move(_) => self.course.moving = true,
                Job::Put(_) => self.course.putting = true,
                // It was noted when it was planned.
                Job::Pull(_) => {}
                Job::Backup(_) => self.course.backing_up = true,
                Job::Examine => self.course.examining = true,
                Job::Copy => self.course.copies.under_way = true,
                Job::LookForWrongs | Job::Tell(_) => self.course.alerts.under_way = true,
                Job::Fetch(_) => self.course.hooks.fetching = Some(step),
                // Noted when they were planned.
                Job::Ask(_) | Job::Answer(_) => {}
                Job::Push(call) => {
                    match call {
                        CallJob::Probe => self.course.probing = true,
                        CallJob::Prepare(prepare) => _ = self.course.in_flight.insert(prepare.id, step),
                        CallJob::Send(send) => _ = self.course.in_flight.insert(send.id, step),
                        CallJob::LookUp(look_up) => _ = self.course.in_flight.insert(look_up.id, step),
                        _ => {}
                    }
                    if *call != CallJob::Probe {
                        self.course.pushing += 1;
                    }
                }
            }
        }
    }

    pub(super) fn after_commit(&mut self, mut settled: Settled) {
        self.scanned |= settled.scanned;
        self.remember_stored(&mut settled);
        if settled.prices_wanted {
            self.rounds.due_at.remove(&rounds::Lane { entity: Entity::Prices, round: Round::Full });
            self.moved_on = true;
        }
        for sender in settled.recorded {
            // Whoever no longer waits has said that it was not taken, and gets it again.
            let _ = sender.try_send(());
        }
        for step in settled.rounds {
            self.may_rest |= matches!(step, rounds::RoundStep::Page(_, _, rounds::Then::Done));
            self.rounds.after(step, self.now.mono);
        }
        for lane in settled.pulled {
            // The round has moved on only now: its next page is planned at once, in a transaction of its own.
            self.course.pulling.remove(&lane);
            self.moved_on = true;
        }
    }
}
