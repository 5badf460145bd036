//! What must hold, at every step and at every rest.

use extend_edge::rules::mirror::Entity;
use extend_edge::store::sync_state;
use jiff::{SignedDuration, Timestamp};

use super::compare::Compare;
use super::shop::{SECOND, Shop};
use super::watch;

/// By how much lists of changes overlap.
const OVERLAP: SignedDuration = SignedDuration::from_secs(300);

impl Shop {
    /// What must hold when all has been quiet for as long as was promised.
    pub fn at_rest(&self) -> Result<(), String> {
        let connection = self.reader().ok_or("the process did not come back")?;
        Compare { connection, line: &self.line, config: &self.config }.all()?;
        self.webshop.check(connection, self.config.exchange.subtract_queued)
    }

    /// What left the mirror had left Extend, and no row was written as it was.
    pub fn nothing_is_taken_away_wrongly(&self) -> Result<(), String> {
        let Some(connection) = self.reader() else { return Ok(()) };
        for (table, number, other) in watch::removed(connection)? {
            if !self.people.was_lost(&table, &number, &other) {
                return Err(format!("{table} {number} {other} was taken away, and never left Extend"));
            }
        }
        Ok(())
    }

    /// What was committed before a round began, and is dated before what the next one asks for,
    /// is in the mirror when the cursor moves.
    pub fn cursors_pass_nothing(&mut self) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let connection = process.engine.connection();
        for entity in [Entity::Products, Entity::Customers, Entity::Balances, Entity::Orders] {
            let cursor = sync_state::load(connection, entity).ok().and_then(|state| state.cursor);
            let Some(cursor) = cursor.filter(|cursor| self.cursors.get(&entity) != Some(cursor)) else {
                continue;
            };
            let began = cursor.parse::<Timestamp>().unwrap_or_default();
            let passed = self.people.passed(entity, self.line.since_epoch(began) - SECOND, began - OVERLAP);
            let compare = Compare { connection, line: &self.line, config: &self.config };
            for key in passed.iter().filter(|key| !self.moved_since(entity, key, began - OVERLAP)) {
                compare.record(entity, key).map_err(|why| {
                    format!("the cursor {cursor} of {} passed a change: {why}", entity.name())
                })?;
            }
            for key in passed {
                self.people.dated.remove(&(entity, key));
            }
            self.cursors.insert(entity, cursor);
        }
        Ok(())
    }

    /// An order takes from a balance, whoever edited that before.
    fn moved_since(&self, entity: Entity, key: &str, from: Timestamp) -> bool {
        let Some((number, warehouse)) = key.split_once('\t').filter(|_| entity == Entity::Balances) else {
            return false;
        };
        let world = self.line.desk.world();
        let balance = world.product(number).and_then(|product| product.balance(warehouse));
        balance.and_then(|balance| balance.changed).is_some_and(|changed| changed >= from)
    }
}
