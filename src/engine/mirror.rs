//! The mirror: rounds of lists, page by page, and whole records where a list is not enough.
//!
//! A round lives in memory; a page's rows and what is owed for them commit together, and the cursor
//! commits with the last page. A round that breaks off is read again from its first page.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use rusqlite::Transaction;
use serde_json::value::RawValue;

use super::rounds::{RoundStep, TURNS, Under, entities, rhythm};
use super::{Job, Mind, Settled};
use crate::clock;
use crate::config::Scope;
use crate::extend::jobs::{CallJob, DetailsJob, PageJob};
use crate::extend::page::{Page, split_page};
use crate::rules::answer::Got;
use crate::rules::budget::Class;
use crate::rules::line::State;
use crate::rules::mirror::{Entity, removal_is_plausible};
use crate::rules::schedule::{Age, Round, due};
use crate::store::{
    Applied, balances, customers, details, orders, outbox, owed, prices, products, returns, sync_requests,
    sync_state,
};

/// A list of changes is asked for from this much before the last one: Extend's clocks may differ and a
/// change may be committed a while after its date.
const OVERLAP: Duration = Duration::from_secs(300);

/// Records that are fetched in one job.
const DETAILS_TOGETHER: usize = 20;

/// Records that could not be fetched are tried again after this.
const PASSED_OVER: Duration = Duration::from_secs(30);

/// Orders of other channels are mirrored from this long ago (`scope = "all"`), in days.
const ORDERS_FROM_DAYS: i64 = 365;

impl Mind {
    pub(super) fn plan_pull(&mut self, tx: &Transaction<'_>, jobs: &mut Vec<Job>) -> rusqlite::Result<()> {
        self.plan_fetch(tx, jobs)?;
        self.hear_requests(tx)?;
        if self.course.pulling || !self.course.line.is_open() || self.course.line.state != State::Up {
            return Ok(());
        }
        if let Err(at) = self.course.budget.take(Class::Mirror, self.now.mono) {
            self.wake(at);
            return Ok(());
        }
        match self.next_pull(tx)? {
            Some(job) => jobs.push(Job::Pull(job)),
            None => self.course.budget.give_back(1),
        }
        Ok(())
    }

    /// What a person asked for with `sync` while the agent runs.
    fn hear_requests(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.rounds.only {
            return Ok(());
        }
        for (entity, full) in sync_requests::load(tx)? {
            let round = if full { Round::Full } else { Round::Changes };
            self.rounds.asked.entry(entity).or_insert(round);
            self.rounds.due_at.remove(&entity);
        }
        Ok(())
    }

    /// Takes turns: a long list holds up neither the others nor the records that are wanted.
    fn next_pull(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Option<CallJob>> {
        if let Some(job) = self.next_hooked_page(tx)? {
            return Ok(Some(job));
        }
        let wanted = entities(&self.config);
        for step in 1..=TURNS.len() * 2 {
            let turn = (self.rounds.turn + step) % (TURNS.len() * 2);
            let entity = TURNS[turn / 2];
            if !wanted.contains(&entity) {
                continue;
            }
            let job = if turn.is_multiple_of(2) {
                self.next_page(tx, entity)?
            } else {
                self.next_details(tx, entity)?
            };
            if job.is_some() {
                self.rounds.turn = turn;
                return Ok(job);
            }
        }
        Ok(None)
    }

    pub(super) fn next_page(
        &mut self,
        tx: &Transaction<'_>,
        entity: Entity,
    ) -> rusqlite::Result<Option<CallJob>> {
        if !self.rounds.is_under_way(entity) && !self.begin_round(tx, entity)? {
            return Ok(None);
        }
        let Some(under) = self.rounds.under_way.get(&entity) else { return Ok(None) };
        let part = under.parts.front().cloned().flatten();
        let (customer, warehouse) = if entity == Entity::Prices { (part, None) } else { (None, part) };
        Ok(Some(CallJob::Page(PageJob {
            entity,
            from: under.from.clone(),
            page: under.page,
            customer,
            currency: self.config.prices.currency.clone().filter(|_| entity == Entity::Prices),
            warehouse,
        })))
    }

    fn begin_round(&mut self, tx: &Transaction<'_>, entity: Entity) -> rusqlite::Result<bool> {
        let asked = self.rounds.asked.get(&entity).copied();
        if self.rounds.only && asked.is_none() {
            return Ok(false);
        }
        let hooked = self.hooks_ask(entity);
        if let Some(at) = self.rounds.due_at.get(&entity).copied().filter(|at| *at > self.now.mono)
            && hooked.is_none()
        {
            self.wake(at);
            return Ok(false);
        }
        let state = sync_state::load(tx, entity)?;
        let ago = |at: Option<&str>| {
            let at: jiff::Timestamp = at?.parse().ok()?;
            // A clock that was set back makes ages negative: then it is due.
            Some(Duration::try_from(self.now.wall.duration_since(at)).unwrap_or(Duration::MAX))
        };
        let age = Age {
            round: ago(state.last_success_at.as_deref()),
            full: ago(state.last_full_at.as_deref()),
            failed: self
                .rounds
                .failed
                .get(&entity)
                .filter(|_| !self.rounds.only)
                .map(|(at, _)| self.now.mono.saturating_sub(*at)),
        };
        let cursor = state.cursor;
        let round = match due(&rhythm(&self.config, entity), &age, asked.or(hooked)) {
            Ok(Round::Changes) if cursor.is_none() => Round::Full,
            Ok(round) => round,
            Err(left) => {
                let at = self.now.mono + left;
                self.rounds.due_at.insert(entity, at);
                self.wake(at);
                return Ok(false);
            }
        };
        let parts = self.parts(tx, entity)?;
        if parts.is_empty() {
            // No customers yet whose prices to fetch.
            self.rounds.asked.remove(&entity);
            self.rounds.due_at.insert(entity, self.now.mono + Duration::from_secs(10));
            return Ok(false);
        }
        let server_now = self.server_now();
        let from = match (entity, round) {
            (Entity::Orders, Round::Full) => Some(self.first_orders(tx, server_now)?),
            (_, Round::Full) => None,
            (_, Round::Changes) => cursor
                .and_then(|cursor| cursor.parse::<jiff::Timestamp>().ok())
                .map(|cursor| clock::filter_text(before(cursor, OVERLAP))),
        };
        let under = Under {
            round,
            cursor: clock::text(server_now),
            from,
            page: 0,
            parts,
            seen: HashSet::new(),
            skipped: 0,
            began: self.now.text(),
        };
        self.rounds.under_way.insert(entity, under);
        self.note_round_begins(tx, entity)?;
        Ok(true)
    }

    /// The separate lists that make up a round.
    fn parts(&self, tx: &Transaction<'_>, entity: Entity) -> rusqlite::Result<VecDeque<Option<String>>> {
        Ok(match entity {
            Entity::Prices if self.config.prices.customers.iter().any(|customer| customer == "*") => {
                customers::load_numbers(tx)?.into_iter().map(Some).collect()
            }
            Entity::Prices => self.config.prices.customers.iter().cloned().map(Some).collect(),
            Entity::Balances if !self.config.balances.warehouses.is_empty() => {
                self.config.balances.warehouses.iter().cloned().map(Some).collect()
            }
            _ => VecDeque::from([None]),
        })
    }

    /// From when orders are listed for the first time.
    fn first_orders(&self, tx: &Transaction<'_>, server_now: jiff::Timestamp) -> rusqlite::Result<String> {
        let from = match self.config.orders.scope {
            Scope::All => before(server_now, Duration::from_secs(ORDERS_FROM_DAYS as u64 * 86_400)),
            Scope::Ours => outbox::oldest_attempt(tx)?
                .and_then(|text| text.parse().ok())
                .map_or(server_now, |first: jiff::Timestamp| first.min(server_now)),
        };
        Ok(clock::filter_text(before(from, OVERLAP)))
    }

    pub(super) fn hear_page(
        &mut self,
        tx: &Transaction<'_>,
        job: &PageJob,
        got: &Got,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let entity = job.entity;
        let body = match got {
            Got::Body(body) => body,
            Got::Missing => return self.fail_round(tx, entity, "there is no such list", settled),
            Got::Again { why, .. } | Got::Refused(why) => return self.fail_round(tx, entity, why, settled),
            Got::LoginRefused => return self.fail_round(tx, entity, "the login was refused", settled),
        };
        match split_page(entity, body) {
            Ok(page) => self.store_page(tx, job, &page, settled),
            Err(error) => self.fail_round(tx, entity, &error.to_string(), settled),
        }
    }

    pub(super) fn fail_round(
        &mut self,
        tx: &Transaction<'_>,
        entity: Entity,
        why: &str,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        log::warn!("{} could not be fetched: {why}", entity.name());
        sync_state::note_error(tx, entity, why, &self.now.text())?;
        sync_requests::forget(tx, entity)?;
        self.note_round_failed(tx, entity)?;
        settled.rounds.push(RoundStep::Failed(entity, why.to_owned()));
        Ok(())
    }

    fn store_page(
        &mut self,
        tx: &Transaction<'_>,
        job: &PageJob,
        page: &Page<'_>,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let entity = job.entity;
        let now = self.now.text();
        let Some(under) = self.rounds.under_way.get(&entity) else { return Ok(()) };
        let applied = self.apply_page(tx, job, under, &page.rows, &now)?;
        let skipped = under.skipped + applied.skipped;
        if !page.last {
            settled.rounds.push(RoundStep::NextPage(entity, applied));
            return Ok(());
        }
        let full = under.round == Round::Full;
        let last_part = under.parts.len() <= 1;
        if entity == Entity::Prices || (full && last_part) {
            // Memory is only changed after the commit: a page that is stored again must not find itself.
            let mut seen = under.seen.clone();
            seen.extend(&applied.seen);
            self.sweep(tx, job, under, &seen, &now)?;
        }
        if !last_part {
            settled.rounds.push(RoundStep::NextPart(entity, applied));
            return Ok(());
        }
        let cursor = Some(under.cursor.as_str());
        sync_state::finish_round(tx, entity, &sync_state::Round { cursor, now: &now, full, skipped })?;
        sync_requests::forget(tx, entity)?;
        if entity == Entity::Balances {
            // These balances know of every order that was delivered before they were asked for.
            outbox::let_go_delivered(tx, &under.began)?;
        }
        owed::owe(tx, "status", "")?;
        settled.rounds.push(RoundStep::Done(entity));
        self.note_round_done(tx, entity)?;
        Ok(())
    }

    fn apply_page(
        &self,
        tx: &Transaction<'_>,
        job: &PageJob,
        under: &Under,
        rows: &[&RawValue],
        now: &str,
    ) -> rusqlite::Result<Applied> {
        let applied = match job.entity {
            Entity::Products => products::apply_list_page(tx, rows, &under.seen, now)?,
            Entity::Customers => customers::apply_list_page(tx, rows, now)?,
            Entity::Balances => balances::apply_list_page(tx, rows, now)?,
            Entity::Prices => {
                prices::apply_list_page(tx, job.customer.as_deref().unwrap_or_default(), rows, now)?
            }
            Entity::Orders => {
                let scope = match self.config.orders.scope {
                    Scope::All => orders::Scope::All,
                    Scope::Ours => orders::Scope::Ours,
                };
                orders::apply_list_page(tx, rows, scope, now)?
            }
            Entity::Returns => returns::apply_list_page(tx, rows, now)?,
            Entity::ReturnCodes => returns::replace_codes(tx, rows)?,
        };
        if self.has_details(job.entity) {
            // What a list of changes shows has changed, though its row may look the same: the detail holds
            // more than the row. A list of everything tells only by the row.
            let numbers = match (under.round, job.entity) {
                (Round::Changes, Entity::Products | Entity::Customers) => &applied.numbers,
                _ => &applied.changed_numbers,
            };
            details::mark_detail_wanted(tx, job.entity, numbers)?;
        }
        Ok(applied)
    }

    pub(super) fn has_details(&self, entity: Entity) -> bool {
        match entity {
            Entity::Products => self.config.products.details,
            Entity::Customers => self.config.customers.details,
            Entity::Orders => true,
            _ => false,
        }
    }

    /// After a whole list of everything: what it did not show is gone.
    fn sweep(
        &self,
        tx: &Transaction<'_>,
        job: &PageJob,
        under: &Under,
        seen: &HashSet<u64>,
        now: &str,
    ) -> rusqlite::Result<()> {
        let entity = job.entity;
        let customer = job.customer.as_deref().unwrap_or_default();
        let before = match entity {
            Entity::Prices => prices::count(tx, customer)?,
            Entity::Products | Entity::Customers | Entity::Balances => sync_state::load(tx, entity)?.rows,
            _ => return Ok(()),
        };
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        if before > 0 && !removal_is_plausible(before, seen.len()) {
            let why = format!(
                "Extend suddenly showed {} of {before}; nothing was removed. If that is right, it will be \
                 believed once nothing is left to compare with; else ask Extend",
                seen.len()
            );
            log::error!("{}: {why}", entity.name());
            return sync_state::note_error(tx, entity, &why, now);
        }
        let removed = match entity {
            Entity::Products => products::remove_unseen(tx, seen, &under.began, now)?,
            Entity::Customers => customers::remove_unseen(tx, seen, &under.began, now)?,
            Entity::Balances => balances::remove_unseen(tx, seen, now)?,
            Entity::Prices => prices::remove_unseen(tx, customer, seen, now)?,
            _ => 0,
        };
        if removed > 0 {
            log::info!("{}: {removed} are gone at Extend", entity.name());
        }
        Ok(())
    }

    /// Records that are wanted. Not while a list of changes of the same entity is read: a product stands
    /// in it once for each warehouse, and would be fetched as often.
    fn next_details(&mut self, tx: &Transaction<'_>, entity: Entity) -> rusqlite::Result<Option<CallJob>> {
        if self.rounds.under_way.get(&entity).is_some_and(|under| under.round == Round::Changes) {
            return Ok(None);
        }
        if self.rounds.failed.get(&entity).is_some_and(|(at, _)| self.now.mono < *at + Duration::from_secs(5))
        {
            return Ok(None);
        }
        let mut numbers = match self.has_details(entity) {
            true => {
                let (after, not_before) = self.rounds.passed.get(&entity).cloned().unwrap_or_default();
                if not_before > self.now.mono {
                    self.wake(not_before);
                    return Ok(None);
                }
                details::next_details(tx, entity, after.as_deref(), DETAILS_TOGETHER)?
            }
            false => Vec::new(),
        };
        if numbers.is_empty() {
            // Those that were passed over have their turn again after a while.
            if let Some(passed) = self.rounds.passed.get_mut(&entity)
                && passed.0.take().is_some()
            {
                passed.1 = self.now.mono + PASSED_OVER;
                let at = passed.1;
                self.wake(at);
            }
            return Ok(None);
        }
        // One request is paid for already.
        let mut paid = 1;
        while paid < numbers.len() && self.course.budget.take(Class::Mirror, self.now.mono).is_ok() {
            paid += 1;
        }
        numbers.truncate(paid);
        Ok(Some(CallJob::Details(DetailsJob { entity, numbers })))
    }

    pub(super) fn hear_details(
        &mut self,
        tx: &Transaction<'_>,
        entity: Entity,
        all: &[(String, Got)],
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let now = self.now.text();
        for (number, got) in all {
            self.hear_detail(tx, entity, number, got, &now)?;
            if let Got::Again { why, .. } = got {
                log::warn!("{} {number} could not be fetched: {why}", entity.name());
                settled.rounds.push(RoundStep::PassOver(entity, number.clone()));
                sync_state::note_error(tx, entity, why, &now)?;
            }
        }
        Ok(())
    }

    /// One record, or the news that there is none. One that could not be fetched changes nothing.
    pub(super) fn hear_detail(
        &self,
        tx: &Transaction<'_>,
        entity: Entity,
        number: &str,
        got: &Got,
        now: &str,
    ) -> rusqlite::Result<()> {
        match got {
            Got::Body(body) => self.store_detail(tx, entity, number, body, now),
            Got::Missing => match entity {
                Entity::Products => products::note_gone(tx, number, now).map(|_| ()),
                Entity::Customers => customers::note_gone(tx, number, now).map(|_| ()),
                _ => orders::note_gone(tx, number),
            },
            Got::Refused(why) => {
                log::warn!("{} {number} is not shown by Extend: {why}", entity.name());
                details::clear_detail_wanted(tx, entity, number)
            }
            Got::Again { .. } | Got::LoginRefused => Ok(()),
        }
    }

    fn store_detail(
        &self,
        tx: &Transaction<'_>,
        entity: Entity,
        number: &str,
        body: &[u8],
        now: &str,
    ) -> rusqlite::Result<()> {
        let text = std::str::from_utf8(body).unwrap_or_default();
        // An answer that is no JSON object changes nothing and is asked for again with the next change.
        if serde_json::from_str::<HashMap<String, serde::de::IgnoredAny>>(text).is_err() {
            log::warn!("{} {number}: the answer can't be read", entity.name());
            return details::clear_detail_wanted(tx, entity, number);
        }
        match entity {
            Entity::Products => products::apply_detail(tx, number, text, now).map(|_| ()),
            Entity::Customers => customers::apply_detail(tx, number, text, now).map(|_| ()),
            _ => orders::store_order(tx, text, now).map(|_| ()),
        }
    }
}

fn before(at: jiff::Timestamp, span: Duration) -> jiff::Timestamp {
    jiff::SignedDuration::try_from(span).ok().and_then(|span| at.checked_sub(span).ok()).unwrap_or(at)
}
