//! Whole records, one by one, where a list is not enough: first what webhooks, orders and changes touch,
//! then the rest.

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::Transaction;

use super::rounds::{Lane, RoundStep};
use super::{Mind, Settled};
use crate::extend::jobs::{CallJob, DetailsJob};
use crate::rules::answer::Got;
use crate::rules::budget::Group;
use crate::rules::mirror::{Cell, Entity, key_hash};
use crate::rules::schedule::{Round, Urgency};
use crate::store::{customers, details, orders, products, returns, sync_state};

/// Records that are fetched in one job.
const TOGETHER: usize = 20;

/// The shortest pause between two records that have their turn.
const SHORTEST_TURN: Duration = Duration::from_millis(200);

impl Mind {
    pub(super) fn has_details(&self, entity: Entity) -> bool {
        match entity {
            Entity::Products => self.config.products.details,
            Entity::Customers => self.config.customers.details,
            Entity::Orders | Entity::Returns => true,
            _ => false,
        }
    }

    /// Records that are wanted; one request is paid for. Not while a list of changes of the same entity is
    /// read: a product stands in it once for each warehouse, and would be fetched as often.
    pub(super) fn next_details(
        &mut self,
        tx: &Transaction<'_>,
        urgency: Urgency,
    ) -> rusqlite::Result<Option<CallJob>> {
        let now = self.now.mono;
        if self.rounds.details_after > now {
            self.wake(self.rounds.details_after);
            return Ok(None);
        }
        let under_way: usize = self.course.fetching.iter().map(|(_, job)| job.numbers.len()).sum();
        let limit = TOGETHER + under_way + self.rounds.passed.len();
        let mut numbers: Vec<String> = Vec::new();
        let mut entity = None;
        for (of, number) in details::next_details(tx, urgency, limit)? {
            let changes = self.rounds.under_way.get(&Lane { entity: of, round: Round::Changes });
            let reading = changes.is_some_and(|under| under.not_before <= now);
            if reading || entity.is_some_and(|entity| entity != of) || self.course.is_fetching(of, &number) {
                continue;
            }
            let record = (of, number);
            if let Some((not_before, _)) = self.rounds.passed.get(&record).copied()
                && not_before > now
            {
                self.wake(not_before);
                continue;
            }
            entity = Some(of);
            numbers.push(record.1);
        }
        let Some(entity) = entity else { return Ok(None) };
        let mut paid = 1;
        let most = numbers.len().min(TOGETHER);
        while paid < most && self.course.budget.take(urgency.class(), Group::Standard, now).is_ok() {
            paid += 1;
        }
        numbers.truncate(paid);
        Ok(Some(CallJob::Details(DetailsJob { entity, urgency, numbers })))
    }

    /// Records that no list tells have changed, each in its turn and spread evenly: a change of what only the
    /// detail holds, committed long after its date, is in no list of changes. One request is paid for.
    pub(super) fn next_in_turn(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Option<CallJob>> {
        if self.rounds.only {
            return Ok(None);
        }
        for (entity, every) in [
            (Entity::Products, self.config.products.details_every),
            (Entity::Customers, self.config.customers.details_every),
        ] {
            let Some(every) = every.filter(|_| self.has_details(entity)) else { continue };
            let due_at = self.rounds.turns_at.get(&entity).copied().unwrap_or_default();
            if due_at > self.now.mono {
                self.wake(due_at);
                continue;
            }
            let numbers = self.whose_turn(tx, entity, every)?;
            if !numbers.is_empty() {
                return Ok(Some(CallJob::Details(DetailsJob { entity, urgency: Urgency::Rest, numbers })));
            }
        }
        Ok(None)
    }

    fn whose_turn(
        &mut self,
        tx: &Transaction<'_>,
        entity: Entity,
        every: Duration,
    ) -> rusqlite::Result<Vec<String>> {
        let (now, wall) = (self.now.mono, self.now.text());
        let rows = u32::try_from(sync_state::load(tx, entity)?.rows).unwrap_or(u32::MAX);
        let pause = (every / rows.max(1)).max(SHORTEST_TURN);
        let (last, at) = sync_state::load_turn(tx, entity)?;
        let at: Option<jiff::Timestamp> = at.and_then(|at| at.parse().ok());
        let ago = at.and_then(|at| Duration::try_from(self.now.wall.duration_since(at)).ok());
        let Some(ago) = ago else {
            // The first turn, or a clock that was set back.
            sync_state::note_turn(tx, entity, &last, &wall)?;
            self.rounds.turns_at.insert(entity, now + pause);
            self.wake(now + pause);
            return Ok(Vec::new());
        };
        let due = (ago.as_millis() / pause.as_millis().max(1)).min(TOGETHER as u128) as u64;
        let next = if due == 0 { now + (pause - ago) } else { now + pause };
        self.rounds.turns_at.insert(entity, next);
        self.wake(next);
        if due == 0 {
            return Ok(Vec::new());
        }
        let mut numbers = details::next_in_turn(tx, entity, &last, due)?;
        if numbers.is_empty() {
            numbers = details::next_in_turn(tx, entity, "", due)?;
        }
        let mut paid = 1;
        while paid < numbers.len()
            && self.course.budget.take(Urgency::Rest.class(), Group::Standard, now).is_ok()
        {
            paid += 1;
        }
        numbers.truncate(paid);
        if let Some(number) = numbers.last() {
            sync_state::note_turn(tx, entity, number, &wall)?;
        }
        Ok(numbers)
    }

    pub(super) fn hear_details(
        &mut self,
        tx: &Transaction<'_>,
        job: &DetailsJob,
        all: &[(String, Got)],
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let entity = job.entity;
        let now = self.now.text();
        let asked_at = self.course.fetching.iter().find(|(_, under_way)| under_way == job);
        let asked_at = asked_at.map_or(0, |(step, _)| *step);
        let mut stored = Vec::with_capacity(all.len());
        for (number, got) in all {
            let may_be_old = self.was_stored_since(asked_at, (entity, number), settled);
            self.hear_detail(tx, (entity, number), got, may_be_old, settled)?;
            match got {
                Got::Body(_) => stored.push(key_hash(&[Cell::text(number)])),
                Got::Again { why, .. } => {
                    log::warn!("{} {number} could not be fetched: {why}", entity.name());
                    settled.rounds.push(RoundStep::PassOver(entity, number.clone()));
                    // It may have been its turn, without anybody asking.
                    details::mark_detail_wanted(tx, entity, &[number], job.urgency)?;
                    sync_state::note_error(tx, entity, why, &now)?;
                }
                _ => {}
            }
            if !matches!(got, Got::Again { .. } | Got::LoginRefused) {
                self.rounds.passed.remove(&(entity, number.clone()));
            }
        }
        settled.rounds.push(RoundStep::Stored(entity, stored));
        Ok(())
    }

    /// One record, or the news that there is none. One that could not be fetched changes nothing, and one that
    /// may be older than what is stored is asked for again.
    pub(super) fn hear_detail(
        &self,
        tx: &Transaction<'_>,
        (entity, number): (Entity, &str),
        got: &Got,
        may_be_old: bool,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let now = &self.now.text();
        match got {
            Got::Body(_) | Got::Missing | Got::Refused(_) if may_be_old => {
                details::mark_detail_wanted(tx, entity, &[number], Urgency::Changed)
            }
            Got::Body(body) => {
                let written = self.store_detail(tx, entity, number, body, now)?;
                settled.note_stored(entity, written);
                Ok(())
            }
            Got::Missing => {
                settled.note_numbers(entity, &[number]);
                self.note_missing(tx, entity, number, now)
            }
            Got::Refused(why) => {
                log::warn!("{} {number} is not shown by Extend: {why}", entity.name());
                details::clear_detail_wanted(tx, entity, number)
            }
            Got::Again { .. } | Got::LoginRefused => Ok(()),
        }
    }

    /// Extend knows no such record.
    fn note_missing(
        &self,
        tx: &Transaction<'_>,
        entity: Entity,
        number: &str,
        now: &str,
    ) -> rusqlite::Result<()> {
        match entity {
            Entity::Products => products::note_gone(tx, number, now).map(|_| ()),
            Entity::Customers => customers::note_gone(tx, number, now).map(|_| ()),
            Entity::Returns => returns::note_checked(tx, number, now),
            _ => {
                orders::note_gone(tx, number)?;
                self.note_missing_order(tx, number, now)
            }
        }
    }

    fn store_detail(
        &self,
        tx: &Transaction<'_>,
        entity: Entity,
        number: &str,
        body: &[u8],
        now: &str,
    ) -> rusqlite::Result<Vec<u64>> {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // An answer that is no JSON object changes nothing and is asked for again with the next change.
        if serde_json::from_str::<HashMap<String, serde::de::IgnoredAny>>(text).is_err() {
            log::warn!("{} {number}: the answer can't be read", entity.name());
            details::clear_detail_wanted(tx, entity, number)?;
            return Ok(Vec::new());
        }
        let applied = match entity {
            Entity::Products => products::apply_detail(tx, number, text, now)?,
            Entity::Customers => customers::apply_detail(tx, number, text, now)?,
            Entity::Returns => {
                returns::note_checked(tx, number, now)?;
                returns::store_return(tx, text, now)?
            }
            _ => {
                details::clear_detail_wanted(tx, entity, number)?;
                self.note_found_order(tx, number)?;
                orders::store_order(tx, text, now)?
            }
        };
        Ok(applied.written)
    }
}
