//! What webhooks ask for. A hook is recorded together with what it touches, and answered after that commit:
//! from there on a crash loses nothing. What it touches is fetched before the rest of the mirror, by a worker
//! of its own, so that it never waits behind a long list.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crossbeam_channel::Sender;
use rusqlite::Transaction;

use super::rounds::{Lane, RoundStep};
use super::{Job, Mind, Settled};
use crate::clock;
use crate::config::Scope;
use crate::extend::jobs::{CallJob, Fetched, RecordsJob};
use crate::extend::page::split_page;
use crate::formats::hook::Hook;
use crate::rules::answer::Got;
use crate::rules::budget::{Class, Group};
use crate::rules::hooks::{AFTER_FAILURE, Burst, ONE_BY_ONE, TRIES, Touched, touched};
use crate::rules::line::State;
use crate::rules::mirror::Entity;
use crate::rules::schedule::{Round, Urgency};
use crate::store::{Reading, agent, customers, details, hooks, orders, owed, prices, products};

/// A webhook that was let in.
#[derive(Debug, Clone)]
pub struct Hooked {
    /// What it says.
    pub hook: Hook,
    /// Told when it is recorded; dropped where it can't be.
    pub recorded: Sender<()>,
}

/// Webhooks that were turned away since this was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    /// How many.
    pub count: u64,
    /// Why the last one was, a word for programs.
    pub why: String,
}

/// How webhooks stand. All of it can be lost: what they want is in `hook_wants`.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// Hooks that named records.
    records: Option<Burst>,
    /// Lists of changes that hooks want.
    lists: HashMap<Entity, Burst>,
    /// When hooks last had a list asked for.
    asked_at: HashMap<Entity, Duration>,
    /// Entities whose round under way hooks asked for.
    rounds: HashSet<Entity>,
    /// Records are being fetched, since this step.
    pub(super) fetching: Option<u64>,
    /// After a failure, none are fetched before this.
    not_before: Duration,
    /// Nothing is wanted: the table need not be asked.
    none_wanted: bool,
    forget_at: Duration,
}

/// Ids are remembered for a day; Extend sends again for five minutes (inferred).
const REMEMBERED: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Records that are fetched in one job.
const TOGETHER: usize = 5;

/// What hooks may name one by one.
const NAMED: [Entity; 3] = [Entity::Orders, Entity::Products, Entity::Customers];

impl Course {
    pub(super) fn new(wanted: Vec<Entity>, now: Duration) -> Course {
        let lists = wanted.into_iter().map(|entity| (entity, Burst::new(now))).collect();
        Course { lists, ..Course::default() }
    }
}

impl Mind {
    pub(super) fn hear_hooked(
        &mut self,
        tx: &Transaction<'_>,
        hooked: &Hooked,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let now = self.now.text();
        agent::set(tx, agent::HOOK_LAST_AT, &now)?;
        agent::set(tx, agent::HOOKS_REFUSED_IN_A_ROW, "0")?;
        let is_new = match &hooked.hook.id {
            Some(id) => hooks::note_seen(tx, id, &now)?,
            None => true,
        };
        for touched in touched(&hooked.hook).into_iter().filter(|_| is_new) {
            match &touched {
                // The orders of other channels are not mirrored.
                Touched::Record(Entity::Orders, number)
                    if self.config.orders.scope == Scope::Ours && !orders::is_known(tx, number)? =>
                {
                    continue;
                }
                Touched::Record(entity, number) => {
                    if *entity == Entity::Customers {
                        settled.prices_wanted |= prices::want_customer(tx, number, &now)?;
                    }
                    let now = self.now.mono;
                    self.course.hooks.records.get_or_insert_with(|| Burst::new(now)).add(now);
                    self.course.hooks.none_wanted = false;
                }
                Touched::Changes(entity) => self.want_changes(*entity),
            }
            hooks::want(tx, &touched)?;
        }
        settled.recorded.push(hooked.recorded.clone());
        Ok(())
    }

    fn want_changes(&mut self, entity: Entity) {
        let now = self.now.mono;
        self.course.hooks.lists.entry(entity).or_insert_with(|| Burst::new(now)).add(now);
    }

    pub(super) fn hear_turned_away(&self, tx: &Transaction<'_>, away: &TurnedAway) -> rusqlite::Result<()> {
        for note in [agent::HOOKS_REFUSED, agent::HOOKS_REFUSED_IN_A_ROW] {
            let before: u64 = agent::get(tx, note)?.and_then(|text| text.parse().ok()).unwrap_or(0);
            agent::set(tx, note, &before.saturating_add(away.count).to_string())?;
        }
        agent::set(tx, agent::HOOKS_REFUSED_AT, &self.now.text())?;
        agent::set(tx, agent::HOOKS_REFUSED_WHY, &away.why)?;
        owed::owe(tx, "status", "")
    }

    /// Whether hooks ask for a list of changes of `entity` now.
    pub(super) fn hooks_ask(&mut self, entity: Entity) -> bool {
        let Some(burst) = self.course.hooks.lists.get(&entity) else { return false };
        let at = burst.list_due_at(self.course.hooks.asked_at.get(&entity).copied());
        if at > self.now.mono {
            self.wake(at);
        }
        at <= self.now.mono
    }

    /// The next page of a list of changes that hooks asked for.
    pub(super) fn next_hooked_page(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Option<CallJob>> {
        let hooks = &self.course.hooks;
        let mut entities: Vec<Entity> = hooks.rounds.iter().chain(hooks.lists.keys()).copied().collect();
        entities.sort_unstable();
        for entity in entities {
            let lane = Lane { entity, round: Round::Changes };
            // One that began before the hook came may have passed what it told of.
            let goes = match self.rounds.under_way.contains_key(&lane) {
                true => self.course.hooks.rounds.contains(&entity),
                false => self.hooks_ask(entity),
            };
            if !goes {
                continue;
            }
            if let Some(job) = self.next_page(tx, lane)? {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// A round begins, whoever asked for it: it shows what hooks have told so far.
    pub(super) fn note_round_begins(&mut self, tx: &Transaction<'_>, entity: Entity) -> rusqlite::Result<()> {
        if self.course.hooks.lists.remove(&entity).is_some() {
            self.course.hooks.rounds.insert(entity);
            self.course.hooks.asked_at.insert(entity, self.now.mono);
            hooks::begin(tx, &Touched::Changes(entity))?;
        }
        Ok(())
    }

    pub(super) fn note_round_done(&mut self, tx: &Transaction<'_>, entity: Entity) -> rusqlite::Result<()> {
        if self.course.hooks.rounds.remove(&entity) {
            hooks::strike(tx, &Touched::Changes(entity))?;
            self.course.put_out.hurry(entity);
        }
        Ok(())
    }

    pub(super) fn note_round_failed(&mut self, tx: &Transaction<'_>, entity: Entity) -> rusqlite::Result<()> {
        if self.course.hooks.rounds.remove(&entity) && hooks::put_back(tx, &Touched::Changes(entity))? > 0 {
            self.want_changes(entity);
        }
        Ok(())
    }

    /// The records that hooks named.
    pub(super) fn plan_fetch(&mut self, tx: &Transaction<'_>, jobs: &mut Vec<Job>) -> rusqlite::Result<()> {
        self.forget_seen(tx)?;
        let hooks = &self.course.hooks;
        if hooks.fetching.is_some() || hooks.none_wanted || self.task.only.is_some() || self.task.mirror_only
        {
            return Ok(());
        }
        if !self.course.line.is_open() || self.course.line.state != State::Up {
            return Ok(());
        }
        let due_at = hooks.records.map_or(Duration::ZERO, |burst| burst.records_due_at());
        let due_at = due_at.max(hooks.not_before);
        if due_at > self.now.mono {
            self.wake(due_at);
            return Ok(());
        }
        self.course.hooks.records = None;
        for entity in NAMED {
            let mut numbers = hooks::wanted_records(tx, entity, ONE_BY_ONE + 1)?;
            let listable = match entity {
                Entity::Orders => false,
                // A new product may be in no list of changes (documented): only its detail brings it then.
                Entity::Products => self.has_details(entity),
                _ => true,
            };
            if numbers.len() > ONE_BY_ONE && listable {
                self.list_instead(tx, entity)?;
                continue;
            }
            if numbers.is_empty() {
                continue;
            }
            numbers.truncate(TOGETHER);
            let (row, detail) = (entity != Entity::Orders, self.has_details(entity));
            let mut job = RecordsJob { entity, numbers, row, detail };
            self.pay_for(&mut job);
            if !job.numbers.is_empty() {
                for number in &job.numbers {
                    hooks::begin(tx, &Touched::Record(entity, number.clone()))?;
                }
                jobs.push(Job::Fetch(CallJob::Records(job)));
            }
            return Ok(());
        }
        self.course.hooks.none_wanted = true;
        Ok(())
    }

    /// Leave for as many of its records as there is room for.
    fn pay_for(&mut self, job: &mut RecordsJob) {
        for paid in 0..job.numbers.len() {
            let taken = self.course.budget.take_together(
                Class::Webhooks,
                Group::Standard,
                job.calls(),
                self.now.mono,
            );
            if let Err(at) = taken {
                job.numbers.truncate(paid);
                if paid == 0 {
                    self.wake(at);
                }
                return;
            }
        }
    }

    /// Hooks named so many records that the list of changes costs less.
    fn list_instead(&mut self, tx: &Transaction<'_>, entity: Entity) -> rusqlite::Result<()> {
        let numbers = hooks::wanted_records(tx, entity, usize::MAX >> 1)?;
        log::info!("webhooks named {} {}: the list of changes is fetched", numbers.len(), entity.name());
        if self.has_details(entity) {
            details::mark_detail_wanted(tx, entity, &numbers, Urgency::Webhook)?;
        }
        for number in numbers {
            hooks::drop_want(tx, &Touched::Record(entity, number))?;
        }
        self.want_changes(entity);
        hooks::want(tx, &Touched::Changes(entity))
    }

    pub(super) fn hear_records(
        &mut self,
        tx: &Transaction<'_>,
        entity: Entity,
        asked: &[String],
        all: &[Fetched],
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        settled.fetched = true;
        let asked_at = self.course.hooks.fetching.unwrap_or_default();
        // Those behind one that failed were not asked for.
        for number in asked.iter().skip(all.len()) {
            hooks::want(tx, &Touched::Record(entity, number.clone()))?;
        }
        for record in all {
            let touched = Touched::Record(entity, record.number.clone());
            let parts = [&record.row, &record.detail];
            let failed = parts.into_iter().flatten().find_map(|got| match got {
                Got::Again { why, .. } => Some(why.as_str()),
                Got::LoginRefused => Some("the login was refused"),
                _ => None,
            });
            // The record's own row, a moment ago, makes its detail no older.
            let may_be_old = self.was_stored_since(asked_at, (entity, &record.number), settled);
            if let Some(Got::Body(body)) = &record.row
                && !self.store_row(tx, (entity, asked_at), body, settled)?
            {
                hooks::want(tx, &touched)?;
            }
            if let Some(got) = &record.detail {
                self.hear_detail(tx, (entity, &record.number), got, may_be_old, settled)?;
            }
            match failed {
                None => hooks::strike(tx, &touched)?,
                Some(why) => self.try_again(tx, &touched, why)?,
            }
        }
        self.course.put_out.hurry(entity);
        Ok(())
    }

    /// The row of one record, out of a list that was narrowed to it. `false`: it may be older than what is
    /// stored, and is to be fetched again.
    fn store_row(
        &self,
        tx: &Transaction<'_>,
        (entity, asked_at): (Entity, u64),
        body: &[u8],
        settled: &mut Settled,
    ) -> rusqlite::Result<bool> {
        let page = match split_page(entity, body) {
            Ok(page) => page,
            Err(error) => {
                log::warn!("{error}");
                return Ok(true);
            }
        };
        let (now, stored) = (self.now.text(), &*settled);
        let newer = |key| self.was_key_stored_since(asked_at, (entity, key), stored);
        let reading = Reading { newer: Some(&newer), ..Reading::at(&now) };
        let applied = match entity {
            Entity::Products => products::apply_list_page(tx, &page.rows, &reading)?,
            Entity::Customers => customers::apply_list_page(tx, &page.rows, &reading)?,
            _ => return Ok(true),
        };
        // A list of everything that is being read may have passed its place already.
        settled.note_stored(entity, applied.written);
        settled.rounds.push(RoundStep::Stored(entity, applied.seen));
        Ok(applied.left_out == 0)
    }

    fn try_again(&mut self, tx: &Transaction<'_>, touched: &Touched, why: &str) -> rusqlite::Result<()> {
        self.course.hooks.not_before = self.now.mono + AFTER_FAILURE;
        let tries = hooks::put_back(tx, touched)?;
        if let Touched::Record(entity, number) = touched {
            log::warn!("{} {number}, named by a webhook, could not be fetched: {why}", entity.name());
            if tries >= TRIES {
                hooks::drop_want(tx, touched)?;
                if self.has_details(*entity) {
                    details::mark_detail_wanted(tx, *entity, &[number], Urgency::Changed)?;
                } else {
                    self.want_changes(*entity);
                    hooks::want(tx, &Touched::Changes(*entity))?;
                }
            }
        }
        Ok(())
    }

    /// What was fetched could not be recorded.
    pub(super) fn set_records_aside(
        &mut self,
        tx: &Transaction<'_>,
        entity: Entity,
        asked: &[String],
        why: &str,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        settled.fetched = true;
        for number in asked {
            self.try_again(tx, &Touched::Record(entity, number.clone()), why)?;
        }
        Ok(())
    }

    fn forget_seen(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.course.hooks.forget_at <= self.now.mono {
            self.course.hooks.forget_at = self.now.mono + Duration::from_secs(600);
            let before = self.now.wall.checked_sub(REMEMBERED).unwrap_or(self.now.wall);
            hooks::forget_seen(tx, &clock::text(before))?;
        }
        Ok(())
    }
}
