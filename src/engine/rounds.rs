//! The rounds of the mirror that are under way, and when the last ones failed. They live in memory and are
//! changed only after the commit of what they stored: a page that is stored again must not find itself.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::Task;
use crate::config::Config;
use crate::rules::mirror::Entity;
use crate::rules::schedule::{Rhythm, Round};
use crate::store::Applied;

/// The order in which entities get their turn.
pub(super) const TURNS: [Entity; 6] = [
    Entity::ReturnCodes,
    Entity::Balances,
    Entity::Orders,
    Entity::Customers,
    Entity::Prices,
    Entity::Products,
];

/// Rounds under way, and when the last ones failed.
pub(super) struct Rounds {
    pub(super) under_way: HashMap<Entity, Under>,
    pub(super) failed: HashMap<Entity, (Duration, String)>,
    /// Records up to this one were passed over, and none is fetched before this moment.
    pub(super) passed: HashMap<Entity, (Option<String>, Duration)>,
    pub(super) asked: HashMap<Entity, Round>,
    /// Whose turn it was last, as an index into twice [`TURNS`]: lists and records.
    pub(super) turn: usize,
    pub(super) began: Duration,
    /// When each entity is next due, so that the tables are not asked at every step.
    pub(super) due_at: HashMap<Entity, Duration>,
    pub(super) only: bool,
}

/// One round.
#[derive(Debug, Clone)]
pub(super) struct Under {
    pub(super) round: Round,
    /// Extend's time when it began: the next cursor.
    pub(super) cursor: String,
    /// Changes since; `None`: everything.
    pub(super) from: Option<String>,
    pub(super) page: u32,
    /// Customers whose prices, or warehouses whose balances, are still to be read; the first is being read.
    pub(super) parts: VecDeque<Option<String>>,
    pub(super) seen: HashSet<u64>,
    /// Records that could not be stored.
    pub(super) skipped: usize,
    /// When it began, by our clock.
    pub(super) began: String,
}

impl Under {
    fn take(&mut self, applied: Applied) {
        self.seen.extend(applied.seen);
        self.skipped += applied.skipped;
    }
}

/// What a page or a failure did to a round; applied after the commit.
pub(super) enum RoundStep {
    NextPage(Entity, Applied),
    /// Records that were fetched beside the round, which need not show them.
    Seen(Entity, Vec<u64>),
    NextPart(Entity, Applied),
    Done(Entity),
    Failed(Entity, String),
    /// A record that could not be fetched must not hold up those behind it.
    PassOver(Entity, String),
}

impl Rounds {
    pub(super) fn new(config: &Config, task: &Task) -> Rounds {
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
            asked,
            turn: 0,
            began: Duration::ZERO,
            due_at: HashMap::new(),
            only: task.only.is_some() || task.once,
        }
    }

    pub(super) fn is_under_way(&self, entity: Entity) -> bool {
        self.under_way.contains_key(&entity)
    }

    pub(super) fn are_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    pub(super) fn began(&self) -> Duration {
        self.began
    }

    pub(super) fn errors(&self) -> Vec<(Entity, String)> {
        self.failed.iter().map(|(entity, (_, why))| (*entity, why.clone())).collect()
    }

    pub(super) fn after(&mut self, step: RoundStep, now: Duration) {
        match step {
            RoundStep::NextPage(entity, applied) => {
                if let Some(under) = self.under_way.get_mut(&entity) {
                    under.take(applied);
                    under.page += 1;
                }
            }
            RoundStep::Seen(entity, seen) => {
                if let Some(under) = self.under_way.get_mut(&entity) {
                    under.seen.extend(seen);
                }
            }
            RoundStep::NextPart(entity, applied) => {
                if let Some(under) = self.under_way.get_mut(&entity) {
                    under.take(applied);
                    under.parts.pop_front();
                    under.page = 0;
                    if entity == Entity::Prices {
                        under.seen.clear();
                    }
                }
            }
            RoundStep::Done(entity) => {
                self.under_way.remove(&entity);
                self.failed.remove(&entity);
                self.asked.remove(&entity);
                self.due_at.remove(&entity);
            }
            RoundStep::PassOver(entity, number) => {
                self.passed.insert(entity, (Some(number), now + Duration::from_secs(1)));
            }
            RoundStep::Failed(entity, why) => {
                self.under_way.remove(&entity);
                self.failed.insert(entity, (now, why));
                self.due_at.remove(&entity);
                // A task that ends does not try for ever.
                if self.only {
                    self.asked.remove(&entity);
                }
            }
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

pub(super) fn rhythm(config: &Config, entity: Entity) -> Rhythm {
    let changing = |every, full_every| Rhythm { every, full_every: Some(full_every) };
    let day = Duration::from_secs(24 * 3600);
    match entity {
        Entity::Products => changing(config.products.every, config.products.full_every),
        Entity::Customers => changing(config.customers.every, config.customers.full_every),
        Entity::Balances => changing(config.balances.every, config.balances.full_every),
        Entity::Prices => Rhythm { every: config.prices.every, full_every: None },
        // Orders can't be listed without a date (documented), so there is no round of everything to repeat.
        Entity::Orders | Entity::Returns => changing(config.orders.every, day * 36_500),
        Entity::ReturnCodes => Rhythm { every: day, full_every: None },
    }
}
