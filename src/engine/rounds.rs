//! The rounds of the mirror that are under way, and when the last ones failed. They live in memory and are
//! changed only after the commit of what they stored: a page that is stored again must not find itself.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::Task;
use super::reconcile::Listed;
use crate::config::Config;
use crate::rules::mirror::{Entity, KeyHashes};
use crate::rules::schedule::{Failures, Pages, Rhythm, Round, again};
use crate::store::Applied;

/// What is mirrored, in the order in which it gets its turn.
const TURNS: [Entity; 7] = [
    Entity::ReturnCodes,
    Entity::Balances,
    Entity::Products,
    Entity::Customers,
    Entity::Orders,
    Entity::Returns,
    Entity::Prices,
];

/// How often in a row a page is asked for again.
const PAGES_ASKED_AGAIN: u32 = 5;

/// A list that is read beside the others: of everything, or of what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub(super) entity: Entity,
    pub(super) round: Round,
}

/// One of the lists that make up a round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Changes since; `None`: everything.
    pub(super) from: Option<String>,
    /// Whose prices.
    pub(super) customer: Option<String>,
    pub(super) warehouse: Option<String>,
    /// Only these numbers; empty: all.
    pub(super) only: Vec<String>,
    /// Only returns that are not finished.
    pub(super) open_only: bool,
}

/// How far a round has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The lists are read.
    Read,
    /// What a list of everything did not show is asked for again.
    MakeSure,
}

/// What a list of everything did not show.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct InDoubt {
    pub(super) records: usize,
    /// All of it is asked for, not a sample.
    pub(super) all: bool,
}

/// One round.
#[derive(Debug, Clone)]
pub(super) struct Under {
    /// Extend's time when it began: the next cursor.
    pub(super) cursor: String,
    /// When it began, by our clock.
    pub(super) began: String,
    pub(super) phase: Phase,
    pub(super) in_doubt: InDoubt,
    pub(super) page: u32,
    /// The lists that are still to be read; the first is being read.
    pub(super) parts: VecDeque<Part>,
    /// All of its lists, for another pass.
    pub(super) lists: VecDeque<Part>,
    /// What any of the passes has shown.
    pub(super) seen: KeyHashes,
    /// What the last pass has shown, and what was stored another way meanwhile.
    pub(super) there: KeyHashes,
    /// Passes that came to their end.
    pub(super) passes: u32,
    /// Pages that were read in this pass.
    pub(super) pages: u32,
    /// What is known of the pages of the list that is being read.
    list: Pages,
    /// The lists of this pass that were read to their end surely stood still meanwhile.
    stood_still: bool,
    /// This pass has shown something that those before it did not.
    pub(super) showed_new: bool,
    /// Rows that were read.
    pub(super) rows: u64,
    /// Records that could not be stored.
    pub(super) skipped: usize,
    /// How often in a row the page could not be fetched, and when it may be asked for again.
    tries: u32,
    pub(super) not_before: Duration,
    /// When it was last noted how far it has come.
    pub(super) noted_at: Option<Duration>,
    /// All that it brings is told to the webshop at its end, and not row by row.
    pub(super) announces: bool,
    /// How often in a row the page was asked for again as it may have been older than what was stored.
    asked_again: u32,
    /// Orders that were listed and may be ours.
    pub(super) listed: Vec<Listed>,
}

impl Under {
    pub(super) fn new(cursor: String, began: String, parts: VecDeque<Part>) -> Under {
        Under {
            cursor,
            began,
            phase: Phase::Read,
            in_doubt: InDoubt::default(),
            page: 0,
            lists: parts.clone(),
            parts,
            seen: KeyHashes::default(),
            there: KeyHashes::default(),
            passes: 0,
            pages: 0,
            list: Pages::default(),
            stood_still: true,
            showed_new: false,
            rows: 0,
            skipped: 0,
            tries: 0,
            not_before: Duration::ZERO,
            noted_at: None,
            announces: false,
            asked_again: 0,
            listed: Vec::new(),
        }
    }

    fn take(&mut self, read: Read) {
        self.tries = 0;
        self.asked_again = 0;
        self.noted_at = read.noted_at.or(self.noted_at);
        self.not_before = Duration::ZERO;
        self.pages += 1;
        self.list = self.list.and(read.rows, read.total);
        if read.last {
            self.stood_still &= self.list.stood_still();
            self.list = Pages::default();
        }
        self.rows += read.rows;
        self.skipped += read.applied.skipped;
        for key in read.applied.seen {
            self.showed_new |= self.seen.insert(key);
            self.there.insert(key);
        }
        self.listed.extend(read.listed);
    }

    fn begin_pass(&mut self, parts: VecDeque<Part>) {
        // The end of the first pass of a first list announced all of it.
        self.announces = false;
        self.passes += 1;
        self.parts = parts;
        self.page = 0;
        self.pages = 0;
        self.list = Pages::default();
        self.stood_still = true;
        self.showed_new = false;
    }

    /// Whether the page is asked for again where some of it may be older than what is stored. A record that was
    /// stored anew each time goes without it: what stored it is newer.
    pub(super) fn may_ask_again(&self) -> bool {
        self.asked_again < PAGES_ASKED_AGAIN
    }

    /// Whether all lists of the pass stood still, now that `last` was read, the last page of the last of them.
    pub(super) fn stood_still_with(&self, last: &Read) -> bool {
        self.stood_still && self.list.and(last.rows, last.total).stood_still()
    }
}

/// A page that was stored.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) applied: Applied,
    pub(super) rows: u64,
    /// How many rows the list has, where Extend says so.
    pub(super) total: Option<u64>,
    /// It is the last page of its list.
    pub(super) last: bool,
    /// How far the round has come was noted with it.
    pub(super) noted_at: Option<Duration>,
    pub(super) listed: Vec<Listed>,
}

/// What comes after a page.
#[derive(Debug)]
pub(super) enum Then {
    NextPage,
    NextPart,
    /// The same lists once more.
    AnotherPass,
    /// Lists that tell whether what was not shown is gone.
    MakeSure(VecDeque<Part>, InDoubt),
    Done,
}

/// What a page, a record or a failure did to a round; applied after the commit.
pub(super) enum RoundStep {
    Page(Lane, Box<Read>, Then),
    /// A page could not be fetched, and is asked for again.
    Retry(Lane, String),
    /// Something in the page may be older than what is stored: it is asked for again.
    AskAgain(Lane),
    /// The round is given up.
    Failed(Lane, String),
    /// A record that could not be fetched must not hold up those behind it.
    PassOver(Entity, String),
    /// Records that were stored by themselves.
    Stored(Entity, Vec<u64>),
}

/// Rounds under way, and when the last ones failed.
pub(super) struct Rounds {
    pub(super) under_way: HashMap<Lane, Under>,
    /// When, how often in a row, and why.
    failed: HashMap<Lane, (Duration, u32, String)>,
    /// Records that could not be fetched: not before when, and how often in a row.
    pub(super) passed: HashMap<(Entity, String), (Duration, u32)>,
    /// No record is fetched before this moment.
    pub(super) details_after: Duration,
    pub(super) asked: HashMap<Entity, Round>,
    /// When a person asked for all prices.
    pub(super) prices_asked_at: Option<jiff::Timestamp>,
    /// Whose turn it was last among the lists of changes, as an index into the entities.
    pub(super) turn: usize,
    /// What was spent on lists of everything, on prices and on records that nobody has asked for.
    pub(super) spent: [u64; 3],
    pub(super) began: Duration,
    /// When each list is next due, so that the tables are not asked at every step.
    pub(super) due_at: HashMap<Lane, Duration>,
    /// When the next record of an entity has its turn though no list tells that it changed.
    pub(super) turns_at: HashMap<Entity, Duration>,
    /// Entities of which a list of everything was once read to its end.
    pub(super) filled: HashSet<Entity>,
    /// It is to be looked at anew whose prices are wanted.
    pub(super) customers_changed: bool,
    /// Returns that the last list of open ones showed; `None`: none was read.
    pub(super) open_returns: Option<KeyHashes>,
    /// A task that ends: only what was asked for is done, and somebody waits.
    pub(super) only: bool,
}

impl Rounds {
    pub(super) fn new(config: &Config, task: &Task, filled: HashSet<Entity>) -> Rounds {
        let mut asked = HashMap::new();
        if let Some(only) = &task.only {
            for (entity, full) in only {
                asked.insert(*entity, if *full { Round::Full } else { Round::Changes });
            }
        } else if task.once {
            asked.extend(entities(config).into_iter().map(|entity| (entity, Round::Changes)));
        }
        Rounds {
            under_way: HashMap::new(),
            failed: HashMap::new(),
            passed: HashMap::new(),
            details_after: Duration::ZERO,
            asked,
            prices_asked_at: None,
            turn: 0,
            spent: [0; 3],
            began: Duration::ZERO,
            due_at: HashMap::new(),
            turns_at: HashMap::new(),
            filled,
            customers_changed: true,
            open_returns: None,
            only: task.only.is_some() || task.once,
        }
    }

    /// Whether any list of this entity is being read.
    pub(super) fn is_under_way(&self, entity: Entity) -> bool {
        self.under_way.keys().any(|lane| lane.entity == entity)
    }

    /// Whether a list of everything is read for the first time, and not only waited for.
    pub(super) fn fills(&self, now: Duration) -> bool {
        self.under_way.iter().any(|(lane, under)| {
            lane.round == Round::Full
                && lane.entity != Entity::Prices
                && !self.filled.contains(&lane.entity)
                && under.not_before <= now
        })
    }

    /// Whether a list of everything is read that was read before.
    pub(super) fn sweeps(&self) -> bool {
        let mut lanes = self.under_way.keys();
        lanes.any(|lane| {
            lane.round == Round::Full && lane.entity != Entity::Prices && self.filled.contains(&lane.entity)
        })
    }

    pub(super) fn are_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    pub(super) fn began(&self) -> Duration {
        self.began
    }

    pub(super) fn failures(&self, lane: Lane, now: Duration) -> Option<Failures> {
        let (at, in_a_row, _) = self.failed.get(&lane)?;
        Some(Failures { ago: now.saturating_sub(*at), in_a_row: *in_a_row })
    }

    pub(super) fn why_failed(&self, lane: Lane) -> Option<&str> {
        self.failed.get(&lane).map(|(_, _, why)| why.as_str())
    }

    pub(super) fn errors(&self) -> Vec<(Entity, String)> {
        let mut all: Vec<_> =
            self.failed.iter().map(|(lane, (_, _, why))| (lane.entity, why.clone())).collect();
        all.sort();
        all.dedup_by_key(|(entity, _)| *entity);
        all
    }

    /// Whether a page that could not be fetched is asked for again.
    pub(super) fn may_try_again(&self, lane: Lane) -> bool {
        self.under_way.get(&lane).is_some_and(|under| again(under.tries + 1, self.only).is_some())
    }

    pub(super) fn after(&mut self, step: RoundStep, now: Duration) {
        match step {
            RoundStep::Page(lane, read, then) => self.after_page(lane, *read, then),
            RoundStep::Retry(lane, why) => {
                if let Some(under) = self.under_way.get_mut(&lane) {
                    under.tries += 1;
                    under.not_before = now + again(under.tries, self.only).unwrap_or_default();
                    log::info!("{}: the page is asked for again: {why}", lane.entity.name());
                }
            }
            RoundStep::AskAgain(lane) => {
                if let Some(under) = self.under_way.get_mut(&lane) {
                    under.asked_again += 1;
                }
            }
            RoundStep::Failed(lane, why) => {
                self.under_way.remove(&lane);
                let before = self.failed.get(&lane).map_or(0, |(_, in_a_row, _)| *in_a_row);
                self.failed.insert(lane, (now, before.saturating_add(1), why));
                self.due_at.remove(&lane);
                // Whoever asked for it is told; each customer's prices are tried once.
                if lane.entity != Entity::Prices {
                    self.asked.remove(&lane.entity);
                }
            }
            RoundStep::PassOver(entity, number) => {
                let passed = self.passed.entry((entity, number)).or_insert((now, 0));
                passed.1 = passed.1.saturating_add(1);
                passed.0 = now + Duration::from_secs(30 << passed.1.saturating_sub(1).min(7));
                // Where many fail it is not they.
                let many = self.passed.len() >= 100;
                self.details_after = now + Duration::from_secs(if many { 30 } else { 1 });
            }
            RoundStep::Stored(entity, keys) => self.note_seen(entity, &keys),
        }
    }

    fn after_page(&mut self, lane: Lane, read: Read, then: Then) {
        if lane.round == Round::Changes {
            self.note_seen(lane.entity, &read.applied.seen);
        }
        let Some(under) = self.under_way.get_mut(&lane) else { return };
        under.take(read);
        match then {
            Then::NextPage => under.page += 1,
            Then::NextPart => {
                under.parts.pop_front();
                under.page = 0;
            }
            Then::AnotherPass => {
                under.phase = Phase::Read;
                under.begin_pass(under.lists.clone());
                // The mirror can be used now, and what moved meanwhile is looked for beside other things.
                under.there.clear();
                if lane.round == Round::Full && self.filled.insert(lane.entity) {
                    self.asked.remove(&lane.entity);
                }
            }
            Then::MakeSure(parts, in_doubt) => {
                under.phase = Phase::MakeSure;
                under.in_doubt = in_doubt;
                under.begin_pass(parts);
            }
            Then::Done => self.after_round(lane),
        }
    }

    fn after_round(&mut self, lane: Lane) {
        self.under_way.remove(&lane);
        self.due_at.remove(&lane);
        if lane.entity == Entity::Prices {
            // One customer of many: what failed for another is told at the end of a task.
            if !self.only {
                self.failed.remove(&lane);
            }
            return;
        }
        self.failed.remove(&lane);
        if lane.round == Round::Full {
            self.filled.insert(lane.entity);
        }
        if self.asked.get(&lane.entity) == Some(&lane.round) || lane.round == Round::Full {
            self.asked.remove(&lane.entity);
        }
        self.customers_changed |= lane.entity == Entity::Customers;
    }

    /// What was stored another way is there, whatever page of a list of everything it should have been on.
    fn note_seen(&mut self, entity: Entity, keys: &[u64]) {
        if let Some(sweep) = self.under_way.get_mut(&Lane { entity, round: Round::Full }) {
            sweep.there.extend(keys);
        }
    }
}

/// The entities that the settings ask for.
pub fn entities(config: &Config) -> Vec<Entity> {
    TURNS
        .into_iter()
        .filter(|entity| *entity != Entity::Prices || !config.prices.customers.is_empty())
        .collect()
}

/// The longest pause between two rounds of an entity that bring what changed.
pub fn pause_between_rounds(config: &Config, entity: Entity) -> Duration {
    let rhythm = rhythm(config, entity);
    rhythm.every.unwrap_or(rhythm.full_every)
}

pub(super) fn rhythm(config: &Config, entity: Entity) -> Rhythm {
    let rhythm = |every, full_every| Rhythm { every: Some(every), full_every };
    let day = Duration::from_secs(24 * 3600);
    match entity {
        Entity::Products => rhythm(config.products.every, config.products.full_every),
        Entity::Customers => rhythm(config.customers.every, config.customers.full_every),
        Entity::Balances => rhythm(config.balances.every, config.balances.full_every),
        Entity::Prices => Rhythm { every: None, full_every: config.prices.every },
        // What is listed once a day is what changed in the last days: the reconciliation.
        Entity::Orders | Entity::Returns => rhythm(config.orders.every, day),
        Entity::ReturnCodes => Rhythm { every: None, full_every: day },
    }
}
