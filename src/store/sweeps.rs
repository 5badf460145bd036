//! What a list of everything did not show, in every mirrored table.

use rusqlite::Connection;

use super::mirrored::{self, Key};
use super::{balances, cells};
use crate::rules::mirror::{Cell, Entity, KeyHashes, Table, key_hash};

/// Keys that a whole list did not show.
#[derive(Debug, Default)]
pub struct Unseen {
    keys: Vec<Key>,
    number_column: usize,
}

impl Unseen {
    /// The numbers that name them: their own, or their product's.
    pub fn numbers(&self) -> Vec<String> {
        let numbers = self.keys.iter().filter_map(|key| key.get(self.number_column)?.as_text());
        numbers.map(str::to_owned).collect()
    }

    /// Their hashes, as [`Applied::seen`](super::Applied::seen) has them.
    pub fn hashes(&self) -> impl Iterator<Item = u64> {
        self.keys.iter().map(|key| key_hash(key))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the list showed everything.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// How many rows of this entity are mirrored, of those that the list is for. `customer`: whose prices.
///
/// # Errors
/// SQLite's.
pub fn count(connection: &Connection, entity: Entity, customer: Option<&str>) -> rusqlite::Result<u64> {
    let Some(table) = swept(entity) else { return Ok(0) };
    let removed = if table.keeps_removed { "removed_at IS NULL" } else { "1" };
    let whose = if customer.is_some() { "customer_number = ?1" } else { "?1 IS NULL" };
    connection
        .prepare_cached(&format!("SELECT count(*) FROM {} WHERE {removed} AND {whose}", table.name))?
        .query_row([customer], |row| cells::count(row, 0))
}

/// What a whole list of this entity did not show; `began` is when its first page was asked for.
/// `customer`: whose prices it was.
///
/// # Errors
/// SQLite's.
pub fn unseen(
    connection: &Connection,
    entity: Entity,
    customer: Option<&str>,
    seen: &KeyHashes,
    began: &str,
    now: &str,
) -> rusqlite::Result<Unseen> {
    let Some(table) = swept(entity) else { return Ok(Unseen::default()) };
    let given: Vec<Cell<'_>> = customer.map(Cell::text).into_iter().collect();
    let keys = mirrored::unseen(connection, table, &given, seen, began, now)?;
    Ok(Unseen { keys, number_column: table.number_column() })
}

/// Takes away what is gone. Ask [`removal_is_plausible`](crate::rules::sweep::removal_is_plausible) and
/// [`doubt`](crate::rules::sweep::doubt) first.
///
/// # Errors
/// SQLite's.
pub fn remove(connection: &Connection, entity: Entity, gone: &Unseen, now: &str) -> rusqlite::Result<()> {
    let Some(table) = swept(entity) else { return Ok(()) };
    mirrored::remove_all(connection, table, &gone.keys, now)?;
    if entity == Entity::Balances {
        for number in gone.numbers() {
            balances::note_moved_queue(connection, &number)?;
        }
    }
    Ok(())
}

/// Whether a list of everything shows all that there is of an entity.
pub fn shows_all(entity: Entity) -> bool {
    swept(entity).is_some()
}

/// Entities whose lists show everything that there is. Orders and returns are listed by date only.
fn swept(entity: Entity) -> Option<&'static Table> {
    match entity {
        Entity::Products | Entity::Customers | Entity::Prices | Entity::Balances => entity.table(),
        Entity::Orders | Entity::Returns | Entity::ReturnCodes => None,
    }
}
