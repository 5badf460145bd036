//! Pages of lists: stored, and what comes after them. A page's rows and what is owed for them commit
//! together, and the cursor commits with the last page of the last pass. A page that could not be fetched
//! is asked for again; a list that was not read to its end moves no cursor and removes nothing.

use std::collections::VecDeque;
use std::time::Duration;

use rusqlite::Transaction;
use serde_json::value::RawValue;

use super::reconcile::listed;
use super::rounds::{InDoubt, Lane, Part, Phase, Read, RoundStep, Then, Under};
use super::{Mind, Settled};
use crate::config::Scope;
use crate::extend::jobs::PageJob;
use crate::extend::page::{Page, split_page};
use crate::formats::problem::Language;
use crate::rules::answer::Got;
use crate::rules::mirror::{Cell, Entity, KeyHashes, key_hash};
use crate::rules::schedule::{Round, Urgency, wants_another_pass};
use crate::rules::sweep::{Doubt, doubt, removal_is_plausible};
use crate::store::{
    Applied, Reading, balances, customers, details, orders, outbox, prices, products, returns, sweeps,
    sync_requests, sync_state,
};

/// How far a list of everything has come is noted no more often than this: a page of which nothing changed
/// writes nothing.
const BETWEEN_NOTES: Duration = Duration::from_secs(5);

/// A return that no list of open ones shows and that is open here is asked for this often, in hours.
const HOURS_BETWEEN_CHECKS: i64 = 6;

impl Mind {
    pub(super) fn hear_page(
        &mut self,
        tx: &Transaction<'_>,
        job: &PageJob,
        got: &Got,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let body = match got {
            Got::Body(body) => body,
            Got::Missing => return self.fail_round(tx, job, "there is no such list", settled),
            Got::Refused(why) => return self.fail_round(tx, job, why, settled),
            Got::Again { why, .. } => return self.retry_page(tx, job, why, settled),
            Got::LoginRefused => return self.retry_page(tx, job, "the login was refused", settled),
        };
        match split_page(job.entity, body) {
            Ok(page) => self.store_page(tx, job, &page, settled),
            Err(error) => self.retry_page(tx, job, &error.to_string(), settled),
        }
    }

    fn retry_page(
        &mut self,
        tx: &Transaction<'_>,
        job: &PageJob,
        why: &str,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let lane = Lane { entity: job.entity, round: job.round };
        if !self.rounds.may_try_again(lane) {
            return self.fail_round(tx, job, why, settled);
        }
        sync_state::note_error(tx, job.entity, why, &self.now.text())?;
        settled.rounds.push(RoundStep::Retry(lane, why.to_owned()));
        Ok(())
    }

    /// The round is given up, and begun again later from its first page.
    pub(super) fn fail_round(
        &mut self,
        tx: &Transaction<'_>,
        job: &PageJob,
        why: &str,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let (entity, round) = (job.entity, job.round);
        let now = self.now.text();
        log::warn!("{} could not be fetched: {why}", entity.name());
        match &job.customer {
            Some(customer) => {
                prices::end_turn(tx, customer, &now, &now, Some(why))?;
                self.note_prices(tx, &now)?;
            }
            None => {
                sync_state::note_error(tx, entity, why, &now)?;
                sync_requests::forget(tx, entity)?;
            }
        }
        if round == Round::Full {
            sync_state::note_sweep(tx, entity, None)?;
        }
        if round == Round::Changes {
            self.note_round_failed(tx, entity)?;
        }
        settled.rounds.push(RoundStep::Failed(Lane { entity, round }, why.to_owned()));
        Ok(())
    }

    fn store_page(
        &mut self,
        tx: &Transaction<'_>,
        job: &PageJob,
        page: &Page<'_>,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let lane = Lane { entity: job.entity, round: job.round };
        let now = self.now.text();
        let Some(under) = self.rounds.under_way.get(&lane) else { return Ok(()) };
        let asked_at = self.course.pulling.get(&lane).copied().unwrap_or_default();
        let stored = &*settled;
        let newer = |key| self.was_key_stored_since(asked_at, (lane.entity, key), stored);
        let reading = Reading {
            now: &now,
            shown: Some(&under.seen),
            newer: Some(&newer),
            announced_later: under.announces,
        };
        let applied = self.apply_page(tx, job, under, &page.rows, &reading)?;
        settled.note_stored(lane.entity, applied.written.iter().copied());
        if lane == (Lane { entity: Entity::Customers, round: Round::Changes }) {
            // Nothing tells which prices changed; those of a customer that did may have.
            for number in &applied.changed_numbers {
                settled.prices_wanted |= prices::want_customer(tx, number, &now)?;
            }
        }
        if lane.round == Round::Changes && self.has_details(lane.entity) {
            // A record that is on its way may be older than what this list tells has changed.
            settled.note_numbers(lane.entity, &applied.numbers);
        }
        if applied.left_out > 0 && under.may_ask_again() {
            settled.rounds.push(RoundStep::AskAgain(lane));
            return Ok(());
        }
        let (rows, total, last) = (page.rows.len() as u64, page.total, page.last);
        let mut read = Read { applied, rows, total, last, ..Read::default() };
        if lane == (Lane { entity: Entity::Orders, round: Round::Full }) {
            read.listed = listed(tx, &page.rows)?;
        }
        if lane.round == Round::Full
            && under.phase == Phase::Read
            && under.noted_at.is_none_or(|at| at + BETWEEN_NOTES <= self.now.mono)
        {
            let (began_at, rows) = (under.began.clone(), under.rows + read.rows);
            let sweep = sync_state::Sweep { began_at, rows, total: page.total };
            sync_state::note_sweep(tx, lane.entity, Some(&sweep))?;
            read.noted_at = Some(self.now.mono);
        }
        let then = match (page.last, under.parts.len()) {
            (false, _) => Then::NextPage,
            (true, 2..) => Then::NextPart,
            (true, _) => match self.after_lists(tx, job, under, &read, &now, settled)? {
                Ok(then) => then,
                Err(why) => return self.fail_round(tx, job, &why, settled),
            },
        };
        // An empty mirror can be used when all of it was read once.
        let filled = matches!(then, Then::AnotherPass)
            && lane.round == Round::Full
            && lane.entity != Entity::Prices
            && !self.rounds.filled.contains(&lane.entity);
        if filled || matches!(then, Then::Done) {
            self.finish(tx, job, under, &read, &now)?;
            if job.entity == Entity::Returns && job.round == Round::Changes {
                let keys = under.seen.iter().chain(&read.applied.seen).copied().collect();
                self.rounds.open_returns = Some(keys);
            }
            self.course.put_out.status_wanted = true;
            if lane.round == Round::Changes {
                self.note_round_done(tx, lane.entity)?;
            }
        }
        settled.rounds.push(RoundStep::Page(lane, Box::new(read), then));
        Ok(())
    }

    fn apply_page(
        &self,
        tx: &Transaction<'_>,
        job: &PageJob,
        under: &Under,
        rows: &[&RawValue],
        reading: &Reading<'_>,
    ) -> rusqlite::Result<Applied> {
        let scope = match self.config.orders.scope {
            Scope::All => orders::Scope::All,
            Scope::Ours => orders::Scope::Ours,
        };
        let applied = match job.entity {
            Entity::Products => products::apply_list_page(tx, rows, reading)?,
            Entity::Customers => customers::apply_list_page(tx, rows, reading)?,
            Entity::Balances => balances::apply_list_page(tx, rows, reading)?,
            Entity::Prices => {
                prices::apply_list_page(tx, job.customer.as_deref().unwrap_or_default(), rows, reading)?
            }
            Entity::Orders => orders::apply_list_page(tx, rows, scope, reading)?,
            Entity::Returns => returns::apply_list_page(tx, rows, scope, reading)?,
            Entity::ReturnCodes => returns::replace_codes(tx, rows)?,
        };
        if self.has_details(job.entity) {
            let urgency = match (job.round, job.entity) {
                (Round::Full, Entity::Products | Entity::Customers) => Urgency::Rest,
                _ => Urgency::Changed,
            };
            // What a list of changes shows has changed, though its row may look the same: the detail holds
            // more than the row. A list of everything, and a second look, tell only by the row.
            let first_look = job.round == Round::Changes && under.passes == 0;
            let numbers = match job.entity {
                Entity::Products | Entity::Customers if first_look => &applied.numbers,
                _ => &applied.changed_numbers,
            };
            details::mark_detail_wanted(tx, job.entity, numbers, urgency)?;
            // What the first pass did not show is new in the second, whatever its row says.
            if job.round == Round::Changes && !first_look && job.entity != Entity::Orders {
                let missed = applied.numbers.iter().filter(|number| {
                    let key = key_hash(&[Cell::text(number)]);
                    !under.seen.contains(&key)
                });
                details::mark_detail_wanted(tx, job.entity, &missed.collect::<Vec<_>>(), urgency)?;
            }
        }
        Ok(applied)
    }

    /// All lists of a pass were read. `Err`: they can't be believed, and why.
    fn after_lists(
        &self,
        tx: &Transaction<'_>,
        job: &PageJob,
        under: &Under,
        read: &Read,
        now: &str,
        settled: &mut Settled,
    ) -> rusqlite::Result<Result<Then, String>> {
        if under.phase == Phase::Read {
            let showed_new =
                under.showed_new || read.applied.seen.iter().any(|key| !under.seen.contains(key));
            // A sweep whose list does not say how many rows it has: what was known before and is not shown is
            // asked for by its number, and tells whether the list moved.
            let told_by_number = job.round == Round::Full
                && read.total.is_none()
                && self.rounds.filled.contains(&job.entity)
                && sweeps::shows_all(job.entity);
            if !told_by_number
                && wants_another_pass(under.passes + 1, under.stood_still_with(read), showed_new)
            {
                return Ok(Ok(Then::AnotherPass));
            }
        }
        if job.round == Round::Changes {
            return Ok(Ok(Then::Done));
        }
        let (entity, customer) = (job.entity, job.customer.as_deref());
        // Memory is only changed after the commit: a page that is stored again must not find itself.
        let mut seen: KeyHashes = under.there.clone();
        seen.extend(&read.applied.seen);
        let gone = sweeps::unseen(tx, entity, customer, &seen, &under.began, now)?;
        if gone.is_empty() {
            return Ok(Ok(Then::Done));
        }
        if under.phase == Phase::Read {
            let before = usize::try_from(sweeps::count(tx, entity, customer)?).unwrap_or(usize::MAX);
            if !removal_is_plausible(before, seen.len()) {
                let why = suddenly_few(seen.len(), before, self.config.exchange.language);
                return Ok(Err(why));
            }
            if let Doubt::Ask { groups, all } =
                doubt(entity, gone.numbers(), under.lists.len(), under.pages + 1)
            {
                let parts = narrowed(&under.lists, &groups);
                return Ok(Ok(Then::MakeSure(parts, InDoubt { records: gone.len(), all })));
            }
        }
        let found = under.in_doubt.records.saturating_sub(gone.len());
        if found > 0 {
            log::warn!("{}: the list of everything left out {found} that Extend has", entity.name());
            if !under.in_doubt.all {
                let (records, language) = (under.in_doubt.records, self.config.exchange.language);
                return Ok(Err(left_out(found, records, language)));
            }
            // What moved to where nobody looked moved because something before it went.
            if read.total.is_none() && under.passes <= 1 {
                return Ok(Ok(Then::AnotherPass));
            }
        }
        log::info!("{}: {} are gone at Extend", entity.name(), gone.len());
        sweeps::remove(tx, entity, &gone, now)?;
        settled.note_stored(entity, gone.hashes());
        Ok(Ok(Then::Done))
    }

    fn finish(
        &self,
        tx: &Transaction<'_>,
        job: &PageJob,
        under: &Under,
        read: &Read,
        now: &str,
    ) -> rusqlite::Result<()> {
        let (entity, full) = (job.entity, job.round == Round::Full);
        if let Some(customer) = &job.customer {
            prices::end_turn(tx, customer, &under.began, now, None)?;
            sync_state::note_sweep(tx, entity, None)?;
            return self.note_prices(tx, now);
        }
        // A list of everything sets the cursor where there is none; then only lists of changes move it.
        let first = full && sync_state::load(tx, entity)?.cursor.is_none();
        let cursor = (first || !full).then_some(under.cursor.as_str());
        let skipped = under.skipped + read.applied.skipped;
        // What is wrong with the list of everything stays told until it was read to its end.
        let sweep = Lane { entity, round: Round::Full };
        let trouble = if full { None } else { self.rounds.why_failed(sweep) };
        sync_state::finish_round(tx, entity, &sync_state::Round { cursor, now, full, skipped, trouble })?;
        if full || self.rounds.asked.get(&entity) == Some(&Round::Changes) {
            sync_requests::forget(tx, entity)?;
        }
        match (entity, job.round) {
            // These balances know of every order that was delivered before they were asked for.
            (Entity::Balances, _) => outbox::let_go_delivered(tx, &under.began),
            (Entity::Orders, Round::Full) => self.reconcile(tx, under, &read.listed),
            (Entity::Returns, Round::Changes) => self.check_open_returns(tx, under, &read.applied, now),
            _ => Ok(()),
        }
    }

    fn note_prices(&self, tx: &Transaction<'_>, now: &str) -> rusqlite::Result<()> {
        let turns = prices::turns(tx)?;
        let trouble = turns.failing.map(|(customer, why)| format!("{customer}: {why}"));
        sync_state::note_prices(tx, turns.fresh_since.as_deref(), trouble.as_deref(), now)
    }

    /// A return that left the list of open ones is finished, or gone: its record tells.
    fn check_open_returns(
        &self,
        tx: &Transaction<'_>,
        under: &Under,
        last: &Applied,
        now: &str,
    ) -> rusqlite::Result<()> {
        let lately = jiff::SignedDuration::from_hours(HOURS_BETWEEN_CHECKS);
        let lately = self.now.wall.checked_sub(lately).map(crate::clock::text).unwrap_or_default();
        let mut left = Vec::new();
        for open in returns::load_open(tx)? {
            let key = key_hash(&[Cell::text(&open.number)]);
            if under.seen.contains(&key) || last.seen.contains(&key) {
                continue;
            }
            let left_now = self.rounds.open_returns.as_ref().is_none_or(|before| before.contains(&key));
            let checked = open.checked_at.as_deref().unwrap_or_default();
            if left_now || checked < lately.as_str() || checked > now {
                left.push(open.number);
            }
        }
        details::mark_detail_wanted(tx, Entity::Returns, &left, Urgency::Changed)
    }
}

/// Each of the lists, narrowed to each of the groups.
fn narrowed(lists: &VecDeque<Part>, groups: &[Vec<String>]) -> VecDeque<Part> {
    groups
        .iter()
        .flat_map(|group| lists.iter().map(|list| Part { only: group.clone(), ..list.clone() }))
        .collect()
}

fn left_out(found: usize, records: usize, language: Language) -> String {
    language.pick(
        format!(
            "Extend's list left out {records} records, and asked for a part of them by number Extend still had \
             {found}; nothing was removed, and the list is read again. If this stays so, tell Extend that its list is \
             not whole"
        ),
        format!(
            "Extends lista utelämnade {records} poster, och när en del av dem efterfrågades med nummer fanns {found} \
             kvar i Extend; inget togs bort, och listan läses igen. Förblir det så, säg till Extend att dess lista \
             inte är hel"
        ),
    )
}

fn suddenly_few(seen: usize, before: usize, language: Language) -> String {
    language.pick(
        format!(
            "Extend suddenly showed {seen} of {before}; nothing was removed, and the list is read again. If Extend is \
             right this stays so: ask Extend"
        ),
        format!(
            "Extend visade plötsligt {seen} av {before}; inget togs bort, och listan läses igen. Har Extend rätt \
             förblir det så: fråga Extend"
        ),
    )
}
