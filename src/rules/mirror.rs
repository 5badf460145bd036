//! What an answer of Extend changes in the mirror: load, plan, apply.
//!
//! `store` loads the mirrored row, [`plan`] says what the incoming one changes, `store` applies it.
//! An unchanged row is never written; a change that the webshop can't see is written and not put out.
//!
//! A record is read as forgivingly as can be (see [`cells`]). One that is not as described is *odd*: a
//! value of the wrong type, a word that is not in Extend's enum, a time that is none, a required field
//! that a list row lacks. It is stored and counted. A field that we do not know is not odd: Extend adds
//! them without notice. Only a record without its primary key can't be stored.

pub mod cells;
pub mod fields;
pub mod parts;
pub mod tables;

use serde_json::value::RawValue;

pub use cells::{Cell, Kind};
pub use tables::{Column, Prefer, Table};

/// What the agent mirrors. The names are those of the tables and of the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entity {
    /// Products.
    Products,
    /// Customers.
    Customers,
    /// Prices, each for one customer.
    Prices,
    /// Balances, each of one product in one warehouse.
    Balances,
    /// Customer orders.
    Orders,
    /// Return orders.
    Returns,
    /// The codes that a row of a return may have.
    ReturnCodes,
}

impl Entity {
    /// All of them.
    pub const ALL: [Entity; 7] = [
        Entity::Products,
        Entity::Customers,
        Entity::Prices,
        Entity::Balances,
        Entity::Orders,
        Entity::Returns,
        Entity::ReturnCodes,
    ];

    /// Those that are put out whole and as changes, in `outgoing/`.
    pub const PUT_OUT: [Entity; 4] = [Entity::Products, Entity::Customers, Entity::Prices, Entity::Balances];

    /// Its name in tables, files and commands.
    pub fn name(self) -> &'static str {
        match self {
            Entity::Products => "products",
            Entity::Customers => "customers",
            Entity::Prices => "prices",
            Entity::Balances => "balances",
            Entity::Orders => "orders",
            Entity::Returns => "returns",
            Entity::ReturnCodes => "return_codes",
        }
    }

    /// The entity of a name.
    pub fn from_name(name: &str) -> Option<Entity> {
        Entity::ALL.into_iter().find(|entity| entity.name() == name)
    }

    /// How its records become rows; return codes are simply replaced.
    pub fn table(self) -> Option<&'static Table> {
        match self {
            Entity::Products => Some(&tables::PRODUCTS),
            Entity::Customers => Some(&tables::CUSTOMERS),
            Entity::Prices => Some(&tables::PRICES),
            Entity::Balances => Some(&tables::BALANCES),
            Entity::Orders => Some(&tables::ORDERS),
            Entity::Returns => Some(&tables::RETURNS),
            Entity::ReturnCodes => None,
        }
    }
}

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A row of a list.
    List,
    /// One GET by number, or what a POST or PUT answered.
    Detail,
}

impl Source {
    /// Its bit in the column `odd`.
    pub fn odd_bit(self) -> i64 {
        match self {
            Source::List => 1,
            Source::Detail => 2,
        }
    }
}

/// A mirrored row, as it is stored or as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// In the order of the table's columns.
    pub cells: Vec<Cell<'a>>,
    /// The text of the source that is being stored; `None` where the table keeps none.
    pub text: Option<&'a str>,
    /// 0, or the bits of the sources that are odd ([`Source::odd_bit`]).
    pub odd: i64,
    /// It was found gone at Extend.
    pub removed: bool,
}

/// What an incoming row does to the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Insert,
    /// It is there and differs.
    Update {
        /// In a column that is put out, or it came back after it was gone.
        public: bool,
    },
    /// Nothing is written.
    Unchanged,
}

impl Change {
    /// Whether the webshop can see it.
    pub fn is_public(self) -> bool {
        matches!(self, Change::Insert | Change::Update { public: true })
    }
}

/// What `incoming` changes where `existing` is mirrored.
pub fn plan(existing: Option<&Row<'_>>, incoming: &Row<'_>) -> Change {
    match existing {
        None => Change::Insert,
        Some(existing) if existing.cells != incoming.cells || existing.removed != incoming.removed => {
            Change::Update { public: true }
        }
        Some(existing) if existing.text != incoming.text || existing.odd != incoming.odd => {
            Change::Update { public: false }
        }
        Some(_) => Change::Unchanged,
    }
}

/// The cells of one source, and whether it is odd.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<'a> {
    /// In the order of the table's columns; null where this source does not have the column.
    pub cells: Vec<Cell<'a>>,
    /// Something in it is not as Extend describes it.
    pub odd: bool,
}

/// Names of the fields that are read from a list row: one per column, then the volatile ones.
pub fn list_fields(table: &Table) -> Vec<&'static str> {
    table.columns.iter().map(|column| column.list).chain(table.volatile.iter().copied()).collect()
}

/// The primary key of a list row, out of its fields ([`list_fields`]). `None` where it has none.
pub fn list_key<'a>(
    table: &Table,
    given: &[Cell<'a>],
    fields: &[Option<&'a RawValue>],
) -> Option<Vec<Cell<'a>>> {
    let mut key = given.to_vec();
    for (column, field) in table.columns.iter().zip(fields).take(table.keys).skip(table.given) {
        key.push(cells::read(column.kind, *field, &mut false));
    }
    is_key(table, &key).then_some(key)
}

/// Whether every part is there, and the number is no empty text.
fn is_key(table: &Table, key: &[Cell<'_>]) -> bool {
    let number = key.get(table.number_column()).and_then(Cell::as_text).unwrap_or_default();
    !key.contains(&Cell::Null) && !number.trim().is_empty()
}

/// Reads a list row's fields ([`list_fields`]).
pub fn read_list<'a>(table: &Table, given: &[Cell<'a>], fields: &[Option<&'a RawValue>]) -> Record<'a> {
    let mut odd = false;
    let mut cells = given.to_vec();
    for (column, field) in table.columns.iter().zip(fields).skip(table.given) {
        let cell = cells::read(column.kind, *field, &mut odd);
        odd |= column.needed && cell == Cell::Null;
        cells.push(cell);
    }
    Record { cells, odd }
}

/// Reads a list row's text again, as it is stored.
pub fn read_stored_list<'a>(table: &Table, text: &'a str) -> Option<Record<'a>> {
    Some(read_list(table, &[], &fields::read_fields(text, &list_fields(table))?))
}

/// Reads a detail. `None` where it is no JSON object.
pub fn read_detail<'a>(table: &Table, text: &'a str) -> Option<Record<'a>> {
    let paths: Vec<&str> = table.columns.iter().map(|column| column.detail).collect();
    let mut odd = false;
    let found = fields::at_each(text, &paths)?;
    let cells = table
        .columns
        .iter()
        .zip(found)
        .map(|(column, value)| cells::read(column.kind, value, &mut odd))
        .collect();
    Some(Record { cells, odd })
}

/// One row out of both sources; `from` is the one that is being stored.
pub fn merge<'a>(
    table: &Table,
    list: Option<Record<'a>>,
    detail: Option<Record<'a>>,
    from: Source,
) -> Vec<Cell<'a>> {
    match (list, detail) {
        (Some(list), Some(detail)) => table
            .columns
            .iter()
            .zip(list.cells.into_iter().zip(detail.cells))
            .map(|(column, (list, detail))| match (column.prefer, from) {
                (Prefer::List, _) | (Prefer::Latest, Source::List) => list.or(detail),
                (Prefer::Detail, _) | (Prefer::Latest, Source::Detail) => detail.or(list),
            })
            .collect(),
        (Some(only), None) | (None, Some(only)) => only.cells,
        (None, None) => Vec::new(),
    }
}

/// Whether a list row says what the stored one said, so that it need not be read at all.
pub fn is_known(table: &Table, stored: &str, text: &str, fields: &[Option<&RawValue>]) -> bool {
    if stored == text {
        return true;
    }
    let volatile = volatile_fields(table, fields);
    if volatile.is_empty() || keeps_stored(table, stored, fields).is_lt() {
        return false;
    }
    let cuts: Vec<&RawValue> = volatile.iter().copied().flatten().collect();
    fields::same_but_for(stored, text, &cuts)
}

/// Of two list rows with one key, which is kept: compares the incoming one's warehouse with the stored
/// one's. `Greater` keeps the stored one, `Less` takes the incoming one, `Equal` is the same warehouse.
pub fn keeps_stored(table: &Table, stored: &str, fields: &[Option<&RawValue>]) -> std::cmp::Ordering {
    let Some(warehouse) = table.volatile.first() else { return std::cmp::Ordering::Equal };
    by_warehouse(fields::at(stored, warehouse), volatile_fields(table, fields)[0])
}

/// The same of two rows of which the fields were read.
pub fn keeps_first(
    table: &Table,
    first: &[Option<&RawValue>],
    second: &[Option<&RawValue>],
) -> std::cmp::Ordering {
    match (volatile_fields(table, first), volatile_fields(table, second)) {
        ([first, ..], [second, ..]) => by_warehouse(*first, *second),
        _ => std::cmp::Ordering::Equal,
    }
}

fn by_warehouse(stored: Option<&RawValue>, incoming: Option<&RawValue>) -> std::cmp::Ordering {
    let incoming = cells::read(Kind::Text, incoming, &mut false);
    let stored = cells::read(Kind::Text, stored, &mut false);
    incoming.as_text().unwrap_or_default().cmp(stored.as_text().unwrap_or_default())
}

fn volatile_fields<'f, 'a>(table: &Table, fields: &'f [Option<&'a RawValue>]) -> &'f [Option<&'a RawValue>] {
    fields.get(table.columns.len()..).unwrap_or_default()
}

/// Hashes of primary keys ([`key_hash`]). There are hundreds of thousands of a large shop, so they are not hashed
/// with care once more.
pub type KeyHashes = std::collections::HashSet<u64, foldhash::fast::FixedState>;

/// A stable hash of a primary key: FNV-1a over its parts.
///
/// Two keys of a million have the same one about once in 40 million such lists; a record that is gone
/// would then stay until it is found gone another way.
pub fn key_hash(key: &[Cell<'_>]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for part in key {
        match part {
            Cell::Null => add(&[0xf8]),
            Cell::Integer(number) => add(&number.to_le_bytes()),
            Cell::Real(number) => add(&number.to_bits().to_le_bytes()),
            Cell::Text(text) => add(text.as_bytes()),
        }
        // No UTF-8 text holds this byte, so ("a", "bc") and ("ab", "c") differ.
        add(&[0xff]);
    }
    hash
}

#[cfg(test)]
mod tests;
