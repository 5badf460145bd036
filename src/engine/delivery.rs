//! The outbox: what is due is sent, and what came of it is recorded.

use std::borrow::Cow;
use std::time::Duration;

use rusqlite::Transaction;
use serde_json::Value;

use super::rounds::Lane;
use super::{Job, Mind, PUSH_WORKERS, Settled};
use crate::clock;
use crate::extend::jobs::{CallDone, CallJob, CallOutcome, SendJob, with_order_number};
use crate::formats::document::{Kind, OrderReference};
use crate::rules::answer::{Health, NotDone, Sent};
use crate::rules::budget::{Class, Group};
use crate::rules::change::Verb;
use crate::rules::confirmation::number_in;
use crate::rules::lookup::Doubt;
use crate::rules::mirror::Entity;
use crate::rules::reason;
use crate::rules::schedule::Urgency;
use crate::store::outbox::{AttemptEnd, Item};
use crate::store::{agent, customers, details, orders, outbox, returns};

impl Mind {
    pub(super) fn hear_call(
        &mut self,
        tx: &Transaction<'_>,
        done: &CallDone,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        match &done.outcome {
            CallOutcome::Probed => {
                settled.calls.push((done.seen, Health::Well));
                settled.probe = Some(done.health.clone());
                return Ok(());
            }
            CallOutcome::Prepared { id, attempt, standing } => {
                settled.pushes += 1;
                settled.ended.push(*id);
                self.hear_prepared(tx, *id, *attempt, standing, done, settled)?;
            }
            CallOutcome::Sent { id, attempt, sent } => {
                settled.pushes += 1;
                settled.ended.push(*id);
                self.hear_sent(tx, *id, *attempt, sent, done, settled)?;
            }
            CallOutcome::LookedUp { id, attempt, found } => {
                settled.pushes += 1;
                settled.ended.push(*id);
                self.hear_look_up(tx, *id, *attempt, found, done, settled)?;
            }
            CallOutcome::Page { job, got } => {
                settled.pulled.push(Lane { entity: job.entity, round: job.round });
                self.hear_page(tx, job, got, settled)?;
            }
            CallOutcome::Details { job, got } => {
                settled.detailed.push(job.clone());
                self.hear_details(tx, job, got, settled)?;
            }
            CallOutcome::Records { entity, numbers, got } => {
                self.hear_records(tx, *entity, numbers, got, settled)?;
            }
            CallOutcome::Asked(asked) => settled.asked.push(asked.clone()),
        }
        settled.calls.push((done.seen, done.health.clone()));
        Ok(())
    }

    /// What a call brought could not be recorded: the item stays in doubt, the list is read again.
    pub(super) fn set_call_aside(
        &mut self,
        tx: &Transaction<'_>,
        done: &CallDone,
        why: &str,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        match &done.outcome {
            // What was only asked is asked again.
            CallOutcome::Probed | CallOutcome::Prepared { .. } | CallOutcome::Asked(_) => {}
            CallOutcome::Sent { id, .. } | CallOutcome::LookedUp { id, .. } => {
                let mut doubt = Doubt::new(self.now.mono);
                doubt.after_failure(self.now.mono, |_| self.pauses.longest);
                settled.doubts.insert(*id, Some(doubt));
                settled.looked.push((*id, None));
                outbox::note_unclear(tx, *id, why, None)?;
            }
            CallOutcome::Page { job, .. } => self.fail_round(tx, job, why, settled)?,
            CallOutcome::Details { job, got } => {
                // One by one they may have been stored; the first that could not is passed over.
                for (number, _) in got {
                    details::clear_detail_wanted(tx, job.entity, number)?;
                }
            }
            CallOutcome::Records { entity, numbers, .. } => {
                self.set_records_aside(tx, *entity, numbers, why, settled)?;
            }
        }
        Ok(())
    }

    fn hear_sent(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        attempt: i64,
        sent: &Sent,
        done: &CallDone,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let Some(item) = outbox::load(tx, id)? else { return Ok(()) };
        let (outcome, detail) = match sent {
            Sent::Done(body) => {
                let prepared = item.kind.is_prepared().then(|| outbox::load_prepared(tx, id)).transpose()?;
                let (number, made) = match prepared.flatten() {
                    Some(prepared) => (prepared.target, false),
                    None => (number_in(item.kind, body).unwrap_or_default(), true),
                };
                if made && outbox::is_bound_to_other(tx, item.kind, &number, id)? {
                    let why = format!("the answer names {number}, which another item has already");
                    self.doubt(tx, &item, &why, done, settled)?;
                    ("unconfirmed", Some(why))
                } else {
                    self.deliver(tx, &item, &number, body, settled)?;
                    ("delivered", Some(number))
                }
            }
            Sent::Unconfirmed(why) => {
                self.doubt(tx, &item, why, done, settled)?;
                ("unconfirmed", Some(why.clone()))
            }
            Sent::Unclear(why) => {
                self.doubt(tx, &item, why, done, settled)?;
                ("unclear", Some(why.clone()))
            }
            Sent::Not(NotDone::Refused { code, message }) if outbox::was_unclear_before(tx, id, attempt)? => {
                // Extend may say no because it has it from an attempt that was unclear.
                outbox::note_refused_once(tx, id, code, message)?;
                settled.doubts.insert(id, Some(Doubt::new(self.now.mono)));
                ("refused", Some(message.clone()))
            }
            Sent::Not(not_done) => self.hear_not_done(tx, &item, not_done, done, settled)?,
        };
        self.end(tx, attempt, outcome, detail.as_deref(), done)
    }

    /// Nobody knows whether Extend has it: it is looked up before anything else is done with it.
    fn doubt(
        &mut self,
        tx: &Transaction<'_>,
        item: &Item,
        why: &str,
        done: &CallDone,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let id = item.id;
        outbox::note_unclear(tx, id, &self.in_words(why), Some(&self.now.text()))?;
        settled.doubts.insert(id, Some(Doubt::new(self.now.mono)));
        self.suspect(tx, item, done, settled)?;
        log::warn!(
            "item {id} ({}): no clear answer ({why}); it is looked up before it is sent again",
            label(item)
        );
        Ok(())
    }

    /// A reason as people read it.
    pub(super) fn in_words<'r>(&self, reason: &'r str) -> Cow<'r, str> {
        reason::in_language(reason, self.config.exchange.language)
    }

    /// Something failed: either Extend is not well, which a probe must tell, or it is this item.
    pub(super) fn suspect(
        &mut self,
        tx: &Transaction<'_>,
        item: &Item,
        done: &CallDone,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        if matches!(done.health, Health::Suspect(_)) {
            settled.suspects.push(item.id);
        } else if done.seen.too_many.is_none() {
            self.blame(tx, item)?;
        }
        Ok(())
    }

    /// Nothing was changed at Extend, by this or by the question before it.
    pub(super) fn hear_not_done(
        &mut self,
        tx: &Transaction<'_>,
        item: &Item,
        not_done: &NotDone,
        done: &CallDone,
        settled: &mut Settled,
    ) -> rusqlite::Result<(&'static str, Option<String>)> {
        let id = item.id;
        let told = match not_done {
            NotDone::Again { after, why } => {
                let at = after.map(|pause| self.wall_at(self.now.mono + pause.min(self.longest_wait())));
                outbox::mark_queued(tx, id, Some(&self.in_words(why)), at.as_deref())?;
                self.suspect(tx, item, done, settled)?;
                log::warn!("item {id} ({}) was not processed and is sent again: {why}", label(item));
                ("again", Some(why.clone()))
            }
            NotDone::LoginRefused => {
                let why = self.in_words("Extend does not accept the login");
                outbox::mark_queued(tx, id, Some(&why), None)?;
                // Where the probe's login works, it is this document that may not be sent.
                settled.suspects.push(id);
                ("login_refused", None)
            }
            NotDone::Forbidden(why) => {
                outbox::mark_queued(tx, id, Some(&self.in_words(why)), None)?;
                agent::set(tx, &forbidden_note(item.kind), &self.in_words(why))?;
                settled.forbidden.push(item.kind.name());
                log::error!("Extend forbids us to send documents of the kind {}: {why}", item.kind.name());
                ("forbidden", Some(why.clone()))
            }
            NotDone::Refused { code, message } => {
                self.refuse(tx, item, code, &self.in_words(message))?;
                return Ok(("refused", Some(message.clone())));
            }
            NotDone::NotExtend(why) => {
                outbox::mark_queued(tx, id, Some(&self.in_words(why)), None)?;
                settled.suspects.push(id);
                ("again", Some(why.clone()))
            }
        };
        self.obey_cancellation(tx, item)?;
        Ok(told)
    }

    pub(super) fn deliver(
        &mut self,
        tx: &Transaction<'_>,
        item: &Item,
        number: &str,
        body: &Value,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let now = self.now.text();
        let answer = body.to_string();
        outbox::mark_delivered(tx, item.id, number, &answer, &now)?;
        agent::set(tx, &forbidden_note(item.kind), "")?;
        let entity = match item.kind {
            Kind::Return => Entity::Returns,
            Kind::Customer => Entity::Customers,
            _ => Entity::Orders,
        };
        let asked = self.course.in_flight.get(&item.id).copied().unwrap_or_default();
        let applied = match item.kind {
            // What came meanwhile may know more than this answer does.
            _ if self.was_stored_since(asked, (entity, number), settled) => None,
            Kind::Order => Some(orders::store_order(tx, &answer, &now)?),
            Kind::Return => Some(returns::store_return(tx, &answer, &now)?),
            Kind::Customer => Some(customers::apply_detail(tx, number, &answer, &now)?),
            // Extend acknowledges a change without showing the order.
            _ => None,
        };
        match applied {
            Some(applied) => settled.note_stored(entity, applied.written),
            None => {
                settled.note_numbers(entity, &[number]);
                details::mark_detail_wanted(tx, entity, &[number], Urgency::Changed)?;
            }
        }
        log::info!("item {} ({}) is at Extend as {number}", item.id, label(item));
        Ok(())
    }

    pub(super) fn refuse(
        &mut self,
        tx: &Transaction<'_>,
        item: &Item,
        code: &str,
        message: &str,
    ) -> rusqlite::Result<()> {
        outbox::mark_refused(tx, item.id, code, message, &self.now.text())?;
        log::error!(
            "item {} ({}) was refused ({code}); a person must act: extend-edge outbox show {}",
            item.id,
            label(item),
            item.id
        );
        self.obey_cancellation(tx, item)
    }

    pub(super) fn end(
        &self,
        tx: &Transaction<'_>,
        attempt: i64,
        outcome: &str,
        detail: Option<&str>,
        done: &CallDone,
    ) -> rusqlite::Result<()> {
        let duration_ms = u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX);
        let http_status = done.seen.status;
        outbox::end_attempt(tx, &AttemptEnd { id: attempt, outcome, duration_ms, http_status, detail })
    }

    /// The item itself fails while Extend is well: it backs off alone.
    pub(super) fn blame(&mut self, tx: &Transaction<'_>, item: &Item) -> rusqlite::Result<()> {
        let failures = item.failures.saturating_add(1);
        let dice = self.dice();
        let at = self.wall_at(self.now.mono + self.pauses.after(failures, dice));
        outbox::back_off(tx, item.id, failures, &at)
    }

    pub(super) fn plan_pushes(&mut self, tx: &Transaction<'_>, jobs: &mut Vec<Job>) -> rusqlite::Result<()> {
        self.plan_probe(jobs);
        // What is in doubt is cleared also while nothing new may be sent: a look-up changes nothing.
        if !self.course.line.is_open() {
            return Ok(());
        }
        let mut free = PUSH_WORKERS.saturating_sub(self.course.pushing);
        free = self.plan_look_ups(tx, free, jobs)?;
        if free == 0 || agent::paused(tx)?.is_some() {
            return Ok(());
        }
        let now = self.now.text();
        // Where no answer has told Extend's time, none is noted: our own clock may be wrong.
        let server_now = self.server_seconds().map(|_| clock::text(self.server_now()));
        let forbidden = self.forbidden_now();
        let latest = self.wall_at(self.now.mono + self.longest_wait());
        // What is being prepared is still queued.
        let busy: Vec<i64> = self.course.in_flight.keys().copied().collect();
        let ready = outbox::load_ready(tx, &now, &latest, &forbidden, &busy, free)?;
        // Where there are more, a call that ends brings the next step.
        if ready.len() < free
            && let Some(at) = outbox::next_due(tx, &now)?
        {
            self.wake(self.mono_at(&at));
        }
        for item in ready {
            // It may have come before the order that it names.
            if let Some(OrderReference::External(external)) = &item.order
                && let Some(order) = outbox::open_order_with_external(tx, external)?
            {
                outbox::wait_for(tx, item.id, order)?;
                self.wake(self.now.mono);
                continue;
            }
            if item.look_up_first {
                let why = self.config.exchange.language.pick(
                    "it was refused in the backup; nobody knows whether it was sent again since",
                    "den var nekad i säkerhetskopian; ingen vet om den har skickats igen sedan dess",
                );
                outbox::doubt_before_sending(tx, item.id, why, &now)?;
                self.course.doubts.insert(item.id, Doubt::new(self.now.mono));
                self.wake(self.now.mono);
                continue;
            }
            // An order of somebody else's must be found at Extend first: that is one more.
            let requests = if item.order.is_some() { 2 } else { 1 };
            if let Err(at) =
                self.course.budget.take_together(Class::Orders, Group::Standard, requests, self.now.mono)
            {
                self.wake(at);
                break;
            }
            let change = if item.kind.is_prepared() { self.change(tx, &item)? } else { None };
            let job = if item.kind.is_prepared() && change.is_none() {
                self.preparation(tx, &item)?.map(CallJob::Prepare)
            } else {
                match (outbox::begin_attempt(tx, item.id, &now, server_now.as_deref())?, change) {
                    (Some(attempt), Some(change)) => {
                        Some(CallJob::Send(self.change_job(item, attempt, change)))
                    }
                    (Some(attempt), None) => Some(CallJob::Send(self.send_job(tx, item, attempt)?)),
                    (None, _) => None,
                }
            };
            let unused = requests.saturating_sub(job.as_ref().map_or(0, CallJob::requests));
            self.course.budget.give_back(Group::Standard, unused);
            jobs.extend(job.map(Job::Push));
        }
        Ok(())
    }

    fn send_job(&self, tx: &Transaction<'_>, item: Item, attempt: i64) -> rusqlite::Result<SendJob> {
        let (mut payload, mut order_to_find) = (item.payload, None);
        if let (Kind::Return, Some(OrderReference::External(external))) = (item.kind, &item.order) {
            match outbox::order_with_external(tx, external)? {
                Some((_, _, Some(number))) => payload = with_order_number(&payload, &number),
                _ => order_to_find = Some(external.clone()),
            }
        }
        let (id, kind, key) = (item.id, item.kind, item.key);
        Ok(SendJob { id, attempt, kind, key, verb: Verb::Post, payload, target: None, order_to_find })
    }

    /// No item waits longer than this for its next attempt.
    fn longest_wait(&self) -> Duration {
        self.pauses.longest.max(Duration::from_secs(300))
    }

    fn forbidden_now(&mut self) -> Vec<&'static str> {
        let now = self.now.mono;
        self.course.forbidden.retain(|_, until| *until > now);
        if let Some(until) = self.course.forbidden.values().min().copied() {
            self.wake(until);
        }
        self.course.forbidden.keys().copied().collect()
    }
}

/// The agent's note that Extend forbids a kind; empty where it does not.
pub fn forbidden_note(kind: Kind) -> String {
    format!("forbidden_{}", kind.name())
}

pub(super) fn label(item: &Item) -> String {
    format!("{} {}", item.kind.name(), item.key.as_deref().unwrap_or("-"))
}
