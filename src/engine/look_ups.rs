//! Look-ups: an item whose attempt has no known outcome is looked for at Extend, before anything else is done
//! with it.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Transaction;
use serde_json::Value;

use super::delivery::label;
use super::{Job, Mind, Settled};
use crate::clock;
use crate::extend::jobs::{CallDone, CallJob, ORDER_ASKED_FOR};
use crate::extend::look_up::{LookUpJob, Looked, Progress};
use crate::formats::document::{Kind, OrderReference};
use crate::language::Language;
use crate::rules::budget::{Class, Group};
use crate::rules::lookup::{Doubt, Finding, judge};
use crate::store::outbox::{self, Item};

/// Requests of one job of a look-up: a list, and a record in it.
const LOOK_UP_REQUESTS: u32 = 2;

/// A look-up that failed is made again after this at the latest: while it is not known whether Extend has an
/// order, nothing else becomes of it.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// A look-up that was begun.
#[derive(Debug, Clone)]
pub(super) struct LookUp {
    /// Its note.
    attempt: i64,
    /// What it does not find was not there at this moment; of later ones it tells nothing.
    asked_at: Duration,
    pub(super) so_far: Arc<Progress>,
}

impl Mind {
    pub(super) fn hear_look_up(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        attempt: i64,
        found: &Result<Looked, String>,
        done: &CallDone,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let Some(item) = outbox::load(tx, id)? else { return Ok(()) };
        let mut doubt = self.course.doubts.get(&id).copied().unwrap_or(Doubt::new(self.now.mono));
        let asked_at = self.course.look_ups.get(&id).map(|look_up| look_up.asked_at).unwrap_or_default();
        let candidates = match found {
            Ok(Looked::More(progress)) => {
                settled.looked.push((id, Some(progress.clone())));
                return Ok(());
            }
            Ok(Looked::All(candidates)) => candidates,
            Err(why) => {
                settled.looked.push((id, None));
                // Nothing was learned: it goes on waiting.
                let dice = self.dice();
                doubt.after_failure(self.now.mono, |failures| {
                    self.pauses.after(failures + 1, dice).min(LONGEST_AFTER_FAILURE)
                });
                settled.doubts.insert(id, Some(doubt));
                outbox::note_unclear(tx, id, &self.in_words(why), Some(&self.wall_at(doubt.next_at)))?;
                self.suspect(tx, &item, done, settled)?;
                return self.end(tx, attempt, "failed", Some(why), done);
            }
        };
        settled.looked.push((id, None));
        let mut candidates = candidates.clone();
        for candidate in &mut candidates {
            candidate.bound_to_other = outbox::is_bound_to_other(tx, item.kind, &candidate.number, id)?;
        }
        let payload: Value = serde_json::from_str(&item.payload).unwrap_or(Value::Null);
        let first_attempt_at = item.first_attempt_at.as_deref().and_then(crate::extend::jobs::seconds);
        let finding = match item.kind.is_prepared() {
            true => self.judge_change(tx, &item, &payload, &candidates)?,
            false => judge(&payload, first_attempt_at, &candidates),
        };
        match finding {
            Finding::Found(index) => {
                let candidate = &candidates[index];
                self.deliver(tx, &item, &candidate.number, &candidate.record, settled)?;
                settled.doubts.insert(id, None);
                self.end(tx, attempt, "found", Some(&candidate.number), done)
            }
            Finding::NotFound => {
                if doubt.after_not_found(asked_at, self.now.mono, self.config.outbox.lookup_grace) {
                    settled.doubts.insert(id, None);
                    self.not_at_extend(tx, &item)?;
                } else {
                    settled.doubts.insert(id, Some(doubt));
                    let why = self.config.exchange.language.pick(
                        "not at Extend yet; looked up once more before it is sent again",
                        "inte i Extend ännu; söks upp en gång till innan den skickas igen",
                    );
                    outbox::note_unclear(tx, id, why, Some(&self.wall_at(doubt.next_at)))?;
                }
                self.end(tx, attempt, "not_found", None, done)
            }
            Finding::LookAlike(numbers) => {
                let numbers = numbers.join(", ");
                let language = self.config.exchange.language;
                let (code, message) = match item.kind.is_prepared() {
                    true => ("unclear_change", unclear_change_message(&numbers, language)),
                    false => ("look_alike", look_alike_message(&numbers, language)),
                };
                self.refuse(tx, &item, code, &message)?;
                settled.doubts.insert(id, None);
                self.end(tx, attempt, code, Some(&numbers), done)
            }
        }
    }

    /// It is believed that Extend does not have it.
    fn not_at_extend(&mut self, tx: &Transaction<'_>, item: &Item) -> rusqlite::Result<()> {
        if let Some((code, message)) = &item.refused_once {
            return self.refuse(tx, item, code, message);
        }
        if outbox::last_outcome(tx, item.id)?.as_deref() == Some("unconfirmed") {
            // To send again what Extend said yes to could double it.
            return self.refuse(tx, item, "unconfirmed", &unconfirmed_message(self.config.exchange.language));
        }
        let dice = self.dice();
        let at =
            (item.failures > 0).then(|| self.wall_at(self.now.mono + self.pauses.after(item.failures, dice)));
        log::info!("item {} ({}) is not at Extend and is sent again", item.id, label(item));
        let language = self.config.exchange.language;
        let why = language.pick("not at Extend; it is sent again", "inte i Extend; skickas igen");
        outbox::mark_queued(tx, item.id, Some(why), at.as_deref())?;
        if let Some(who) = outbox::load_wish_to_cancel(tx, item.id)? {
            return outbox::cancel(tx, item.id, &who, &self.now.text()).map(|_| ());
        }
        self.obey_cancellation(tx, item)
    }

    pub(super) fn plan_look_ups(
        &mut self,
        tx: &Transaction<'_>,
        mut free: usize,
        jobs: &mut Vec<Job>,
    ) -> rusqlite::Result<usize> {
        let mut due: Vec<i64> = Vec::new();
        let mut next = None;
        for (id, doubt) in &self.course.doubts {
            if self.course.in_flight.contains_key(id) {
                continue;
            }
            if doubt.next_at <= self.now.mono {
                due.push(*id);
            } else {
                next = Some(next.map_or(doubt.next_at, |at: Duration| at.min(doubt.next_at)));
            }
        }
        if let Some(at) = next {
            self.wake(at);
        }
        due.sort_unstable();
        for id in due {
            if free == 0 {
                break;
            }
            if let Err(at) = self.course.budget.take_together(
                Class::Orders,
                Group::Standard,
                LOOK_UP_REQUESTS,
                self.now.mono,
            ) {
                self.wake(at);
                return Ok(0);
            }
            match self.look_up_job(tx, id)? {
                Some(job) => {
                    jobs.push(Job::Push(CallJob::LookUp(job)));
                    free -= 1;
                }
                None => self.course.budget.give_back(Group::Standard, LOOK_UP_REQUESTS),
            }
        }
        Ok(free)
    }

    /// Begins a look-up, or goes on with one.
    fn look_up_job(&mut self, tx: &Transaction<'_>, id: i64) -> rusqlite::Result<Option<LookUpJob>> {
        let Some(item) = outbox::load(tx, id)? else { return Ok(None) };
        let look_up = match self.course.look_ups.get(&id) {
            Some(begun) => begun.clone(),
            None => LookUp {
                attempt: outbox::begin_look_up(tx, id, &self.now.text())?,
                asked_at: self.now.mono,
                so_far: Arc::default(),
            },
        };
        self.course.look_ups.insert(id, look_up.clone());
        let from = self.looked_up_from(&item);
        let order_number = match &item.order {
            Some(OrderReference::Extend(number)) => Some(number.clone()),
            // An order that came after this item may not be the one that was found at Extend for it.
            Some(OrderReference::External(external)) => outbox::order_with_external(tx, external)?
                .filter(|(order, _, _)| *order < id)
                .and_then(|(_, _, number)| number),
            None => None,
        };
        Ok(Some(LookUpJob {
            id,
            attempt: look_up.attempt,
            kind: item.kind,
            key: item.key.unwrap_or_default(),
            customer_number: item.customer_number,
            order_number,
            target: outbox::load_prepared(tx, id)?.map(|prepared| prepared.target),
            from,
            first_attempt_at: item.first_attempt_at.as_deref().and_then(crate::extend::jobs::seconds),
            requests: LOOK_UP_REQUESTS,
            so_far: look_up.so_far,
        }))
    }

    /// Since when it is searched: a day before the first attempt. Where Extend's clock never told when that was,
    /// only our own says when the document came, and it may have been wrong by a lot.
    fn looked_up_from(&self, item: &Item) -> String {
        let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
        let (moment, hours) = match item.first_attempt_at.as_deref().and_then(moment) {
            Some(first) => (first, 24),
            None if item.kind == Kind::Order => return ORDER_ASKED_FOR.to_owned(),
            // A list of returns can't be narrowed to one reference: each return in it costs a request.
            None => (moment(&item.received_at).unwrap_or_else(|| self.server_now()), 24 * 30),
        };
        clock::filter_text(moment.checked_sub(jiff::SignedDuration::from_hours(hours)).unwrap_or(moment))
    }
}

fn unconfirmed_message(language: Language) -> String {
    language.pick(
        "Extend said yes to this, but in a way that does not tell to what, and does not show it. Look for it at \
         Extend. If it is there, cancel this item; if not, retry it."
            .into(),
        "Extend sade ja till detta, men utan att det går att se till vad, och visar det inte. Leta efter det i \
         Extend. Finns det där, avbryt (cancel) denna post; finns det inte, försök igen (retry)."
            .into(),
    )
}

fn unclear_change_message(number: &str, language: Language) -> String {
    language.pick(
        format!(
            "the answer to this change never came, and {number} is now neither as it was nor as wanted: somebody \
             else was at work. Look at {number} at Extend. If it is right, cancel this item; if not, retry it."
        ),
        format!(
            "svaret på denna ändring kom aldrig, och {number} är nu varken som förut eller som önskat: någon annan \
             har ändrat. Se på {number} i Extend. Är det rätt, avbryt (cancel) denna post; annars försök igen \
             (retry)."
        ),
    )
}

fn look_alike_message(numbers: &str, language: Language) -> String {
    match language {
        Language::English => format!(
            "it is not clear whether Extend has it: {numbers} has the same number but is not the same in \
             customer or products, or there are several. If one of them is it, cancel this item; if none is, \
             retry it."
        ),
        Language::Swedish => format!(
            "det är oklart om Extend har den: {numbers} har samma nummer men är inte lika i kund eller \
             produkter, eller så finns det flera. Är en av dem den, avbryt (cancel) denna post; är ingen det, \
             försök igen (retry)."
        ),
    }
}
