//! What was stored while calls were under way. Two answers that were on their way at the same time may come
//! in the wrong order: what was asked for before a record was stored by something else may be older than that
//! record. It overwrites nothing, and is asked for again.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::{Mind, Settled};
use crate::rules::mirror::{Cell, Entity, key_hash};

/// Records that are remembered before those are forgotten that no call is older than.
const REMEMBERED: usize = 4096;

/// Records that were stored in one step, by the hash of their primary key.
pub(super) type StoredKeys = HashSet<(Entity, u64), RandomState>;

/// What was stored, and in which step of the engine. It lives in memory: after a start no call is under way.
#[derive(Debug, Default)]
pub(super) struct Meanwhile {
    /// Steps so far. A call was asked for in one, its answer comes in a later one.
    pub(super) step: u64,
    stored: HashMap<(Entity, u64), u64, RandomState>,
}

impl Meanwhile {
    fn after_step(&mut self, stored: impl Iterator<Item = (Entity, u64)>, oldest_call: Option<u64>) {
        let Some(oldest) = oldest_call else { return self.stored.clear() };
        self.stored.extend(stored.map(|record| (record, self.step)));
        if self.stored.len() > REMEMBERED {
            self.stored.retain(|_, step| *step > oldest);
        }
    }
}

impl Settled {
    /// These records were written, or are known to have changed.
    pub(super) fn note_stored(&mut self, entity: Entity, keys: impl IntoIterator<Item = u64>) {
        self.stored.extend(keys.into_iter().map(|key| (entity, key)));
    }

    /// The same by their numbers.
    pub(super) fn note_numbers<S: AsRef<str>>(&mut self, entity: Entity, numbers: &[S]) {
        self.note_stored(entity, numbers.iter().map(|number| key_hash(&[Cell::text(number.as_ref())])));
    }
}

impl Mind {
    /// Whether a record was stored since the step in which a call was asked for.
    pub(super) fn was_stored_since(
        &self,
        asked: u64,
        (entity, number): (Entity, &str),
        settled: &Settled,
    ) -> bool {
        self.was_key_stored_since(asked, (entity, key_hash(&[Cell::text(number)])), settled)
    }

    /// The same by the hash of its primary key.
    pub(super) fn was_key_stored_since(&self, asked: u64, key: (Entity, u64), settled: &Settled) -> bool {
        self.meanwhile.stored.get(&key).is_some_and(|step| *step > asked) || settled.stored.contains(&key)
    }

    pub(super) fn remember_stored(&mut self, settled: &mut Settled) {
        let course = &self.course;
        let pulls = course.pulling.values().chain(course.fetching.iter().map(|(asked, _)| asked));
        let oldest = pulls.chain(&course.hooks.fetching).chain(course.in_flight.values()).min().copied();
        self.meanwhile.after_step(std::mem::take(&mut settled.stored).into_iter(), oldest);
    }
}
