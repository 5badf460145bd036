//! Changes of what Extend has: prepared by asking how things stand, and orders that the webshop calls off
//! before they were sent.

use std::time::Duration;

use rusqlite::Transaction;
use serde_json::Value;

use super::delivery::label;
use super::{Mind, Settled};
use crate::extend::jobs::{CallDone, SendJob};
use crate::extend::prepare::{PrepareJob, Standing, Target};
use crate::formats::document::{Kind, OrderReference};
use crate::rules::answer::NotDone;
use crate::rules::change::{self, Outcome, Refusal, Step, Verb};
use crate::rules::lookup::{Candidate, Finding};
use crate::store::outbox::{self, Item, Prepared};

/// A change, as it is sent.
#[derive(Debug)]
pub(super) struct Change {
    verb: Verb,
    payload: String,
    /// Extend's number of the order or customer.
    target: String,
}

/// What was asked longer ago than this is asked again before it is relied on.
const PREPARED_FOR: Duration = Duration::from_secs(30);

impl Mind {
    /// The change, as it follows from how things stand; `None` where that must be asked first, or once more.
    pub(super) fn change(&mut self, tx: &Transaction<'_>, item: &Item) -> rusqlite::Result<Option<Change>> {
        let now = self.now.mono;
        self.course.prepared.retain(|_, at| now <= *at + PREPARED_FOR);
        if !self.course.prepared.contains_key(&item.id) {
            return Ok(None);
        }
        let Some(prepared) = outbox::load_prepared(tx, item.id)? else { return Ok(None) };
        let record = parsed(prepared.record.as_deref());
        Ok(match self.plan_change(item, record.as_ref(), &prepared.target) {
            Step::Send(verb, body) => Some(Change {
                verb,
                payload: body.map(|body| body.to_string()).unwrap_or_default(),
                target: prepared.target,
            }),
            _ => None,
        })
    }

    /// The question before a change; `None` where there is nothing to ask, as the order never came to Extend.
    pub(super) fn preparation(
        &mut self,
        tx: &Transaction<'_>,
        item: &Item,
    ) -> rusqlite::Result<Option<PrepareJob>> {
        let target = match &item.order {
            None => Target::Number(item.key.clone().unwrap_or_default()),
            Some(OrderReference::Extend(number)) => Target::Number(number.clone()),
            Some(OrderReference::External(external)) => match outbox::order_with_external(tx, external)? {
                Some((_, _, Some(number))) => Target::Number(number),
                Some((order, _, None))
                    if item.kind == Kind::OrderCancellation && outbox::never_came_to_extend(tx, order)? =>
                {
                    outbox::mark_done_here(tx, item.id, &self.now.text())?;
                    // What waited for it may go.
                    self.wake(self.now.mono);
                    return Ok(None);
                }
                _ => Target::External(external.clone()),
            },
        };
        let attempt = outbox::begin_preparation(tx, item.id, &self.now.text())?;
        Ok(Some(PrepareJob { id: item.id, attempt, kind: item.kind, target }))
    }

    pub(super) fn hear_prepared(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        attempt: i64,
        standing: &Result<Standing, NotDone>,
        done: &CallDone,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let Some(item) = outbox::load(tx, id)? else { return Ok(()) };
        if !outbox::awaits_preparation(tx, id, attempt)? {
            return self.end(tx, attempt, "given_up", None, done);
        }
        let standing = match standing {
            Ok(standing) => standing,
            Err(not_done) => {
                let (outcome, detail) = self.hear_not_done(tx, &item, not_done, done, settled)?;
                return self.end(tx, attempt, outcome, detail.as_deref(), done);
            }
        };
        let (number, record) = (&standing.number, standing.record.as_ref());
        let outcome = match self.plan_change(&item, record, number) {
            Step::Send(..) => {
                let record = record.map(Value::to_string);
                outbox::note_prepared(tx, id, &Prepared { target: number.clone(), record })?;
                settled.prepared.push(id);
                "prepared"
            }
            Step::Done => {
                self.deliver(tx, &item, number, record.unwrap_or(&Value::Null), settled)?;
                "as_wanted"
            }
            Step::Refuse(refusal) => {
                let message = refusal.message(number, self.config.exchange.language);
                self.refuse(tx, &item, refusal.code(), &message)?;
                if refusal == Refusal::CustomerExists {
                    // What waits for this customer needs only that it is there.
                    outbox::release_followers(tx, id)?;
                }
                "refused"
            }
        };
        self.end(tx, attempt, outcome, Some(number), done)
    }

    fn plan_change(&self, item: &Item, record: Option<&Value>, number: &str) -> Step {
        let document = serde_json::from_str(&item.payload).unwrap_or(Value::Null);
        change::plan(item.kind, &document, record, number, self.config.customers.update)
    }

    /// The job that makes a change.
    pub(super) fn change_job(&mut self, item: Item, attempt: i64, change: Change) -> SendJob {
        self.course.prepared.remove(&item.id);
        let Change { verb, payload, target } = change;
        let (id, kind, key) = (item.id, item.kind, item.key);
        SendJob { id, attempt, kind, key, verb, payload, target: Some(target), order_to_find: None }
    }

    /// What became of a change whose answer never came, by how things stand now.
    pub(super) fn judge_change(
        &self,
        tx: &Transaction<'_>,
        item: &Item,
        document: &Value,
        candidates: &[Candidate],
    ) -> rusqlite::Result<Finding> {
        let before =
            outbox::load_prepared(tx, item.id)?.and_then(|prepared| parsed(prepared.record.as_deref()));
        let Some(candidate) = candidates.first() else { return Ok(Finding::NotFound) };
        let now = Some(&candidate.record).filter(|record| !record.is_null());
        Ok(match change::outcome(item.kind, document, before.as_ref(), now) {
            Outcome::AsWanted => Finding::Found(0),
            Outcome::Unchanged => Finding::NotFound,
            Outcome::Otherwise => Finding::LookAlike(vec![candidate.number.clone()]),
        })
    }

    /// The webshop may have called an order off while it was not known whether Extend has it. Now it is known
    /// that it has not.
    pub(super) fn obey_cancellation(&mut self, tx: &Transaction<'_>, order: &Item) -> rusqlite::Result<()> {
        if order.kind != Kind::Order {
            return Ok(());
        }
        match outbox::waiting_cancellation(tx, order.id)? {
            Some(by) => self.call_off(tx, order.id, by).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Ends an order that Extend does not have, with the cancellation that asks for it.
    pub(super) fn call_off(&mut self, tx: &Transaction<'_>, order: i64, by: i64) -> rusqlite::Result<bool> {
        let now = self.now.text();
        let ended = outbox::call_off(tx, order, by, &now)?;
        if ended {
            outbox::mark_done_here(tx, by, &now)?;
            if let Some(item) = outbox::load(tx, order)? {
                log::info!("item {order} ({}) is called off by item {by} and was not sent", label(&item));
            }
        }
        Ok(ended)
    }
}

fn parsed(record: Option<&str>) -> Option<Value> {
    record.and_then(|text| serde_json::from_str(text).ok())
}
