//! The mirror: which list or record is fetched next. What comes of it is in [`pages`](super::pages) and
//! [`records`](super::records).
//!
//! A list of everything and a list of what changed are read beside each other, one page at a time each, so
//! that a long sweep makes nothing old. Who goes first is for the budget's classes to say.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use rusqlite::Transaction;

use super::rounds::{Lane, Part, Under, entities, rhythm};
use super::{Course, Job, Mind};
use crate::clock;
use crate::config::{Config, Scope};
use crate::extend::jobs::{CallJob, PageJob};
use crate::rules::budget::{Class, Group};
use crate::rules::line::State;
use crate::rules::mirror::Entity;
use crate::rules::schedule::{Failures, Round, Urgency, due};
use crate::store::{agent, details, outbox, prices, returns, sync_requests, sync_state};

/// A list of changes is asked for from this much before the last one: Extend's clocks may differ and a
/// change may be committed a while after its date.
const OVERLAP: Duration = Duration::from_secs(300);

/// The same where no answer has told Extend's time: our own clock may be wrong.
const OVERLAP_OF_OUR_CLOCK: Duration = Duration::from_secs(24 * 3600);

/// Orders and returns of other channels are mirrored from this long ago (`scope = "all"`).
const FIRST_FROM: Duration = Duration::from_secs(365 * 86_400);

/// What the daily list of orders and returns goes back to: a day more than what is reconciled.
const LATELY: Duration = Duration::from_secs(8 * 86_400);

/// Customers that are not mirrored yet are waited for so long.
const UNTIL_CUSTOMERS: Duration = Duration::from_secs(10);

/// Calls for the mirror at a time: at 300 a minute, a second may pass before each is answered.
pub const PULL_WORKERS: usize = 4;

/// Where no customer is known yet whose prices are to be fetched, it is looked again after this.
const NOBODY_YET: Duration = Duration::from_secs(600);

/// When the lists of so many customers have failed in a row, the others wait.
const FAILING_CUSTOMERS: u32 = 5;

impl Course {
    /// How many calls for the mirror are under way.
    pub(super) fn pulls(&self) -> usize {
        self.pulling.len() + self.fetching.len()
    }

    /// How many of them are of the class that comes last.
    pub(super) fn fills(&self) -> usize {
        let lists = self.pulling.keys().filter(|lane| lane.round == Round::Full).count();
        lists + self.fetching.iter().filter(|(_, job)| job.urgency == Urgency::Rest).count()
    }

    pub(super) fn is_fetching(&self, entity: Entity, number: &str) -> bool {
        let mut jobs = self.fetching.iter().filter(|(_, job)| job.entity == entity);
        jobs.any(|(_, job)| job.numbers.iter().any(|known| known == number))
    }

    pub(super) fn begin_pull(&mut self, job: &CallJob, step: u64) {
        match job {
            CallJob::Page(job) => {
                self.pulling.insert(Lane { entity: job.entity, round: job.round }, step);
            }
            CallJob::Details(job) => self.fetching.push((step, job.clone())),
            _ => {}
        }
    }
}

/// What was fetched before; and which records are wanted, where the settings have changed.
pub(super) fn take_up(tx: &Transaction<'_>, config: &Config) -> rusqlite::Result<HashSet<Entity>> {
    let mut filled = HashSet::new();
    for entity in Entity::ALL {
        let state = sync_state::load(tx, entity)?;
        if state.last_full_at.is_some() {
            filled.insert(entity);
        }
        // It is read from its first page again.
        if state.sweep.is_some() {
            sync_state::note_sweep(tx, entity, None)?;
        }
    }
    for (entity, wanted) in
        [(Entity::Products, config.products.details), (Entity::Customers, config.customers.details)]
    {
        let (note, wanted) = (format!("details_{}", entity.name()), if wanted { "1" } else { "0" });
        if agent::get(tx, &note)?.as_deref() != Some(wanted) {
            match wanted {
                "1" => details::want_rest(tx, entity)?,
                _ => details::forget_rest(tx, entity)?,
            }
            agent::set(tx, &note, wanted)?;
        }
    }
    Ok(filled)
}

impl Mind {
    pub(super) fn plan_pull(&mut self, tx: &Transaction<'_>, jobs: &mut Vec<Job>) -> rusqlite::Result<()> {
        self.plan_fetch(tx, jobs)?;
        self.hear_requests(tx)?;
        if !self.course.line.is_open() || self.course.line.state != State::Up {
            return Ok(());
        }
        for class in [Class::Webhooks, Class::Changes, Class::Fill] {
            while self.course.pulls() < PULL_WORKERS {
                // One worker is kept for what is more urgent, and one for what is less.
                let fills = self.course.fills();
                let own = if class == Class::Fill { fills } else { self.course.pulls() - fills };
                if class != Class::Webhooks && own + 1 >= PULL_WORKERS {
                    break;
                }
                if let Err(at) = self.course.budget.take(class, Group::Standard, self.now.mono) {
                    self.wake(at);
                    break;
                }
                let Some(job) = self.next_pull(tx, class)? else {
                    self.course.budget.give_back(Group::Standard, 1);
                    break;
                };
                self.course.begin_pull(&job, self.meanwhile.step);
                jobs.push(Job::Pull(job));
            }
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
            if self.rounds.asked.insert(entity, round) != Some(round) {
                for round in [Round::Full, Round::Changes] {
                    self.rounds.due_at.remove(&Lane { entity, round });
                }
            }
        }
        Ok(())
    }

    /// One request is paid for. Only what `class` pays for is looked at.
    fn next_pull(&mut self, tx: &Transaction<'_>, class: Class) -> rusqlite::Result<Option<CallJob>> {
        match class {
            Class::Orders => Ok(None),
            Class::Webhooks => match self.next_hooked_page(tx)? {
                Some(job) => Ok(Some(job)),
                None => self.next_details(tx, Urgency::Webhook),
            },
            Class::Changes => match self.next_changes(tx)? {
                Some(job) => Ok(Some(job)),
                None => self.next_details(tx, Urgency::Changed),
            },
            Class::Fill => self.next_fill(tx),
        }
    }

    /// Lists of changes take turns.
    fn next_changes(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Option<CallJob>> {
        let mut wanted = entities(&self.config);
        wanted.retain(|entity| rhythm(&self.config, *entity).every.is_some());
        for step in 1..=wanted.len() {
            let turn = (self.rounds.turn + step) % wanted.len();
            let lane = Lane { entity: wanted[turn], round: Round::Changes };
            if let Some(job) = self.next_page(tx, lane)? {
                self.rounds.turn = turn;
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// First the lists that fill an empty mirror: it can be used when they are read. Then lists of
    /// everything, prices and records share alike.
    fn next_fill(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Option<CallJob>> {
        let mut kinds = [0, 1, 2];
        kinds.sort_by_key(|kind| self.rounds.spent[*kind]);
        if let Some(job) = self.next_first_fill(tx)? {
            return Ok(Some(job));
        }
        if self.rounds.fills(self.now.mono) {
            return Ok(None);
        }
        for (place, kind) in kinds.into_iter().enumerate() {
            let job = match kind {
                0 => self.next_sweep(tx)?,
                1 => self.next_page(tx, Lane { entity: Entity::Prices, round: Round::Full })?,
                _ => match self.next_details(tx, Urgency::Rest)? {
                    Some(job) => Some(job),
                    None => self.next_in_turn(tx)?,
                },
            };
            if let Some(job) = job {
                self.rounds.spent[kind] += u64::from(job.requests());
                // Those that have nothing to do save nothing up.
                let spent = self.rounds.spent[kind];
                kinds[..place].iter().for_each(|idle| self.rounds.spent[*idle] = spent);
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    fn next_first_fill(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Option<CallJob>> {
        for entity in entities(&self.config) {
            if entity != Entity::Prices && !self.rounds.filled.contains(&entity) {
                let job = self.next_page(tx, Lane { entity, round: Round::Full })?;
                if job.is_some() {
                    return Ok(job);
                }
            }
        }
        Ok(None)
    }

    /// One sweep at a time, so that they are spread.
    fn next_sweep(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Option<CallJob>> {
        let wanted = entities(&self.config).into_iter().filter(|entity| *entity != Entity::Prices);
        let lanes: Vec<Lane> = wanted.map(|entity| Lane { entity, round: Round::Full }).collect();
        for lane in &lanes {
            if self.rounds.under_way.contains_key(lane)
                && let Some(job) = self.next_page(tx, *lane)?
            {
                return Ok(Some(job));
            }
        }
        if self.rounds.sweeps() {
            return Ok(None);
        }
        for lane in lanes {
            if let Some(job) = self.next_page(tx, lane)? {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    pub(super) fn next_page(
        &mut self,
        tx: &Transaction<'_>,
        lane: Lane,
    ) -> rusqlite::Result<Option<CallJob>> {
        if self.course.pulling.contains_key(&lane) {
            return Ok(None);
        }
        if !self.rounds.under_way.contains_key(&lane) && !self.begin_round(tx, lane)? {
            return Ok(None);
        }
        let Some(under) = self.rounds.under_way.get(&lane) else { return Ok(None) };
        if under.not_before > self.now.mono {
            let at = under.not_before;
            self.wake(at);
            return Ok(None);
        }
        let Some(part) = under.parts.front().cloned() else { return Ok(None) };
        Ok(Some(CallJob::Page(PageJob {
            entity: lane.entity,
            round: lane.round,
            from: part.from,
            page: under.page,
            customer: part.customer,
            currency: self.config.prices.currency.clone().filter(|_| lane.entity == Entity::Prices),
            warehouse: part.warehouse,
            only: part.only,
            open_only: part.open_only,
        })))
    }

    fn begin_round(&mut self, tx: &Transaction<'_>, lane: Lane) -> rusqlite::Result<bool> {
        let hooked = lane.round == Round::Changes && self.hooks_ask(lane.entity);
        let due_at = self.rounds.due_at.get(&lane).copied();
        if let Some(at) = due_at.filter(|at| *at > self.now.mono && !hooked) {
            self.wake(at);
            return Ok(false);
        }
        let asked = self.rounds.asked.get(&lane.entity).copied();
        if self.rounds.only && asked.is_none() {
            return Ok(false);
        }
        if lane.entity == Entity::Prices {
            return if lane.round == Round::Full { self.begin_turn(tx, asked.is_some()) } else { Ok(false) };
        }
        let state = sync_state::load(tx, lane.entity)?;
        let rhythm = rhythm(&self.config, lane.entity);
        // Until a list of everything was read once there is nothing that could have changed.
        let filled = self.rounds.filled.contains(&lane.entity);
        let has_changes = rhythm.every.is_some() && state.cursor.is_some() && filled;
        let (every, last) = match lane.round {
            Round::Changes => match rhythm.every.filter(|_| has_changes) {
                Some(every) => (every, &state.last_success_at),
                None => return Ok(false),
            },
            Round::Full => (rhythm.full_every, &state.last_full_at),
        };
        // Where there is no list of changes, the whole list is what a person gets.
        let is_asked = asked.is_some_and(|asked| asked == lane.round || !has_changes);
        if self.rounds.only && !is_asked {
            return Ok(false);
        }
        let last = last.as_deref().filter(|_| !hooked);
        let ago = last.and_then(|at| at.parse().ok()).map(|at: jiff::Timestamp| {
            // A clock that was set back makes it negative: then it is due.
            Duration::try_from(self.now.wall.duration_since(at)).unwrap_or(Duration::MAX)
        });
        let failures = self.rounds.failures(lane, self.now.mono);
        if let Err(left) = due(every, ago, failures, is_asked) {
            let at = self.now.mono + left;
            self.rounds.due_at.insert(lane, at);
            self.wake(at);
            return Ok(false);
        }
        let parts = self.parts(tx, lane, state.cursor.as_deref())?;
        let mut under = Under::new(clock::text(self.server_now()), self.now.text(), parts);
        under.announces =
            lane.round == Round::Full && !filled && sync_state::is_announced_later(tx, lane.entity)?;
        self.rounds.under_way.insert(lane, under);
        if lane.round == Round::Changes {
            self.note_round_begins(tx, lane.entity)?;
        }
        Ok(true)
    }

    /// The next customer whose prices are fetched.
    fn begin_turn(&mut self, tx: &Transaction<'_>, asked: bool) -> rusqlite::Result<bool> {
        let lane = Lane { entity: Entity::Prices, round: Round::Full };
        let config = self.config.clone();
        let named = &config.prices.customers;
        if named.is_empty() && !asked {
            return Ok(false);
        }
        let all = named.iter().any(|customer| customer == "*");
        if all && !self.rounds.filled.contains(&Entity::Customers) {
            let comes = !self.rounds.only || self.rounds.asked.contains_key(&Entity::Customers);
            if comes {
                self.rounds.due_at.insert(lane, self.now.mono + UNTIL_CUSTOMERS);
                return Ok(false);
            }
        }
        // Who asked for both wants the prices of those that there are.
        if all && self.rounds.only && self.rounds.asked.contains_key(&Entity::Customers) {
            return Ok(false);
        }
        // Where one after the other fails it is not they.
        let failures = self.rounds.failures(lane, self.now.mono);
        let many = failures
            .filter(|failures| failures.in_a_row > FAILING_CUSTOMERS && !asked)
            .map(|failures| Failures { in_a_row: failures.in_a_row - FAILING_CUSTOMERS, ..failures });
        if let Err(left) = due(Duration::ZERO, None, many, false) {
            let at = self.now.mono + left;
            self.rounds.due_at.insert(lane, at);
            self.wake(at);
            return Ok(false);
        }
        let now = self.now.text();
        if self.rounds.customers_changed {
            prices::set_customers(tx, (!all).then_some(named), &now)?;
            self.rounds.customers_changed = false;
        }
        let asked_at = asked.then(|| *self.rounds.prices_asked_at.get_or_insert(self.now.wall));
        let before = match asked_at {
            Some(at) => before(at, Duration::from_millis(1)),
            None => before(self.now.wall, self.config.prices.every),
        };
        let Some(customer) = prices::next_customer(tx, &clock::text(before), &now)? else {
            self.rounds.asked.remove(&Entity::Prices);
            self.rounds.prices_asked_at = None;
            if asked {
                sync_requests::forget(tx, Entity::Prices)?;
            }
            let next = match prices::oldest_turn(tx)? {
                Some(at) => self.mono_at(&at) + self.config.prices.every,
                None => self.now.mono + self.config.prices.every.min(NOBODY_YET),
            };
            let next = next.max(self.now.mono + Duration::from_millis(10));
            self.rounds.due_at.insert(lane, next);
            self.wake(next);
            return Ok(false);
        };
        let parts = VecDeque::from([Part { customer: Some(customer), ..Part::default() }]);
        let under = Under::new(clock::text(self.server_now()), now, parts);
        self.rounds.under_way.insert(lane, under);
        Ok(true)
    }

    /// The lists that make up a round.
    fn parts(
        &self,
        tx: &Transaction<'_>,
        lane: Lane,
        cursor: Option<&str>,
    ) -> rusqlite::Result<VecDeque<Part>> {
        let overlap = if self.server_clock.is_some() { OVERLAP } else { OVERLAP_OF_OUR_CLOCK };
        let since = |at: jiff::Timestamp| Some(clock::filter_text(before(at, overlap)));
        let from = match (lane.round, lane.entity) {
            (Round::Changes, _) => cursor.and_then(|cursor| cursor.parse().ok()).and_then(since),
            (Round::Full, Entity::Orders | Entity::Returns) => since(self.dated_from(tx, lane.entity)?),
            (Round::Full, _) => None,
        };
        let all = Part { from, ..Part::default() };
        Ok(match lane.entity {
            Entity::Balances if !self.config.balances.warehouses.is_empty() => {
                let warehouses = self.config.balances.warehouses.iter().cloned();
                warehouses.map(|warehouse| Part { warehouse: Some(warehouse), ..all.clone() }).collect()
            }
            Entity::Returns if lane.round == Round::Changes => {
                let oldest = returns::load_open(tx)?.into_iter().find_map(|open| open.created_at);
                let oldest = oldest.and_then(|at| at.parse().ok()).and_then(since);
                let open = oldest.map(|from| Part { from: Some(from), open_only: true, ..Part::default() });
                [Some(all), open].into_iter().flatten().collect()
            }
            _ => VecDeque::from([all]),
        })
    }

    /// From when orders or returns are listed in a list of everything: nothing is listed without a date.
    fn dated_from(&self, tx: &Transaction<'_>, entity: Entity) -> rusqlite::Result<jiff::Timestamp> {
        let now = self.server_now();
        let lately = before(now, LATELY);
        if self.rounds.filled.contains(&entity) {
            return Ok(lately);
        }
        Ok(match self.config.orders.scope {
            Scope::All => before(now, FIRST_FROM),
            Scope::Ours => outbox::oldest_attempt(tx)?
                .and_then(|text| text.parse().ok())
                .map_or(now, |first: jiff::Timestamp| first.min(now)),
        })
    }
}

pub(super) fn before(at: jiff::Timestamp, span: Duration) -> jiff::Timestamp {
    jiff::SignedDuration::try_from(span).ok().and_then(|span| at.checked_sub(span).ok()).unwrap_or(at)
}
