//! Every mirrored table's load, plan, apply. The tables' own files add what is theirs alone.
//!
//! One look-up per record. A list row whose text is the stored one is not even read. Together with a
//! row goes what is owed for it: its key in `pending_changes` and the count in `sync_state`.

mod parts;
mod removal;
mod writer;

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde_json::value::RawValue;

use super::cells::{cell, cells, equals};
use crate::rules::mirror::{self, Cell, Change, KeyHashes, Record, Row, Source, Table};

pub(super) use parts::{load_parts, replace_parts};
pub(super) use removal::{Key, note_gone, remove_all, unseen};
use writer::Writer;

/// What a page or a detail did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// A hash of each primary key that was there, for [`unseen`](super::sweeps::unseen).
    pub seen: Vec<u64>,
    /// The numbers on the page, each once, in order. Of a price or balance, the product's.
    pub numbers: Vec<String>,
    /// Those of them whose list row is not the stored one: their details are to be fetched. Not those that are
    /// listed for the first time with nothing that their detail did not tell.
    pub changed_numbers: Vec<String>,
    /// A hash of each primary key whose row was written.
    pub written: Vec<u64>,
    /// Rows that differ from what was stored since the page was asked for, and were left out
    /// ([`Reading::newer`]).
    pub left_out: usize,
    /// Records that the mirror now holds.
    pub stored: usize,
    /// Records of which the webshop can see a change.
    pub changed: usize,
    /// Records that are not as Extend describes them, those that could not be stored among them.
    pub odd: usize,
    /// Records that could not be stored: they have no primary key.
    pub skipped: usize,
}

impl Applied {
    fn skip(&mut self) {
        self.odd += 1;
        self.skipped += 1;
    }
}

/// How a page is to be read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Now, as the tables have it.
    pub now: &'a str,
    /// Keys that earlier pages of the same round have shown ([`Applied::seen`]), where the table has one row
    /// for several of the list: a product whose rows stand on two pages must not change twice a round where
    /// its warehouses do not agree on its cost.
    pub shown: Option<&'a KeyHashes>,
    /// Tells whether a key was stored by something else since the page was asked for. The page may be older than
    /// that: where it differs, its row is left out.
    pub newer: Option<&'a dyn Fn(u64) -> bool>,
    /// The webshop is told of all of it at the end of the round
    /// ([`is_announced_later`](super::sync_state::is_announced_later)).
    pub announced_later: bool,
}

impl<'a> Reading<'a> {
    /// A page by itself.
    pub fn at(now: &'a str) -> Reading<'a> {
        Reading { now, shown: None, newer: None, announced_later: false }
    }

    fn was_shown(&self, key: u64) -> bool {
        self.shown.is_some_and(|shown| shown.contains(&key))
    }

    fn may_be_old(&self, key: u64) -> bool {
        self.newer.is_some_and(|newer| newer(key))
    }
}

/// Numbers that a page has shown.
type Numbers<'a> = std::collections::HashSet<&'a str, foldhash::fast::RandomState>;

/// Stores a page of a list. `given` are the key columns that the records don't have.
pub(super) fn apply_list(
    connection: &Connection,
    table: &Table,
    given: &[Cell<'_>],
    rows: &[&RawValue],
    reading: &Reading<'_>,
) -> rusqlite::Result<Applied> {
    let mut applied = Applied::default();
    let mut lookup = connection.prepare_cached(&lookup_sql(table, Source::List))?;
    let mut writer = Writer::new(connection, table, Source::List, reading.now)?;
    writer.announced_later = reading.announced_later;
    let mut last_number = None;
    let (mut numbers, mut changed_numbers) = (Numbers::default(), Numbers::default());
    for record in &list_records(table, given, rows, &mut applied) {
        let hash = mirror::key_hash(&record.key);
        applied.seen.push(hash);
        applied.stored += 1;
        let number = record.key.get(table.number_column()).and_then(Cell::as_text).unwrap_or_default();
        if last_number != Some(number) && numbers.insert(number) {
            applied.numbers.push(number.to_owned());
        }
        last_number = Some(number);

        let mut found = lookup.query(params_from_iter(&record.key))?;
        let done = apply_list_record(&mut writer, found.next()?, given, record, (hash, reading))?;
        let Some(Done { change, odd, news }) = done else {
            applied.left_out += 1;
            continue;
        };
        applied.odd += usize::from(odd);
        applied.changed += usize::from(change.is_public());
        if change != Change::Unchanged {
            applied.written.push(hash);
            if news && changed_numbers.insert(number) {
                applied.changed_numbers.push(number.to_owned());
            }
        }
    }
    writer.finish()?;
    Ok(applied)
}

/// What a row of a list did.
struct Done {
    change: Change,
    odd: bool,
    /// It tells something that the detail did not.
    news: bool,
}

/// `None`: it was left out, as what is stored may be newer.
fn apply_list_record(
    writer: &mut Writer<'_>,
    found: Option<&rusqlite::Row<'_>>,
    given: &[Cell<'_>],
    record: &ListRecord<'_>,
    (hash, reading): (u64, &Reading<'_>),
) -> rusqlite::Result<Option<Done>> {
    let table = writer.table;
    let bit = Source::List.odd_bit();
    let stored = found.map(|row| Stored::read(table, row)).transpose()?;
    if let Some(stored) = &stored
        && !stored.removed
        && let Some(text) = stored.text
        && (mirror::is_known(table, text, record.text, &record.fields)
            || reading.was_shown(hash) && mirror::keeps_stored(table, text, &record.fields).is_gt())
    {
        return Ok(Some(Done { change: Change::Unchanged, odd: stored.odd & bit != 0, news: false }));
    }
    if reading.may_be_old(hash) {
        return Ok(None);
    }

    let read = mirror::read_list(table, given, &record.fields);
    let odd = read.odd;
    let detail = match &stored {
        Some(stored) if stored.has_other => stored_text(writer.connection, table, &record.key)?,
        _ => None,
    };
    let detail = detail.as_deref().and_then(|text| mirror::read_detail(table, text));
    let incoming = Row {
        cells: mirror::merge(table, Some(read), detail, Source::List),
        text: table.list_text.map(|_| record.text),
        odd: stored.as_ref().map_or(0, |stored| stored.odd & !bit) | if odd { bit } else { 0 },
        removed: false,
    };
    let existing = match (found, &stored) {
        (Some(row), Some(stored)) => Some(stored.row(table, row)?),
        _ => None,
    };
    let change = mirror::plan(existing.as_ref(), &incoming);
    writer.write(change, existing.as_ref(), &incoming)?;
    let known = stored.as_ref().is_some_and(|stored| stored.has_other && stored.text.is_none());
    Ok(Some(Done { change, odd, news: change.is_public() || !known }))
}

/// What storing a detail did.
#[derive(Debug)]
pub(super) struct StoredDetail {
    pub(super) applied: Applied,
    /// The number that the detail itself gives, else the one that was asked for.
    pub(super) number: String,
    pub(super) change: Change,
}

/// Stores a detail. `number` is what was asked for, where the body does not say; `parts_odd` tells that
/// something in its parts is odd. `None` where the body is no record or has no number.
pub(super) fn apply_detail(
    connection: &Connection,
    table: &Table,
    number: Option<&str>,
    body: &str,
    parts_odd: bool,
    now: &str,
) -> rusqlite::Result<Result<StoredDetail, Applied>> {
    let mut applied = Applied::default();
    let bit = Source::Detail.odd_bit();
    let detail = mirror::read_detail(table, body).and_then(|detail| with_number(detail, number));
    let Some((detail, number)) = detail else {
        applied.skip();
        return Ok(Err(applied));
    };
    let odd = detail.odd || parts_odd;
    let annulled = annulled(table, &detail);
    let key = [Cell::text(&number)];

    let mut lookup = connection.prepare_cached(&lookup_sql(table, Source::Detail))?;
    let mut found = lookup.query(params_from_iter(&key))?;
    let row = found.next()?;
    let existing = row.map(|row| Stored::read(table, row)?.row(table, row)).transpose()?;
    let list = match row {
        Some(row) => cell(row, table.columns.len() + 3)?.into_owned(),
        None => Cell::Null,
    };
    let list = list.as_text().and_then(|text| mirror::read_stored_list(table, text));
    let incoming = Row {
        cells: mirror::merge(table, list, Some(detail), Source::Detail),
        text: Some(body),
        odd: existing.as_ref().map_or(0, |row| row.odd & !bit) | if odd { bit } else { 0 },
        // Extend still answers for an annulled product: that does not bring it back into the lists.
        removed: annulled && existing.as_ref().is_some_and(|row| row.removed),
    };
    let change = match &existing {
        // The text says that nothing changed, whatever the list said meanwhile.
        Some(row) if row.text == incoming.text && row.removed == incoming.removed => Change::Unchanged,
        existing => mirror::plan(existing.as_ref(), &incoming),
    };
    let mut writer = Writer::new(connection, table, Source::Detail, now)?;
    writer.write(change, existing.as_ref(), &incoming)?;
    writer.finish()?;
    applied.seen.push(mirror::key_hash(&key));
    applied.stored = 1;
    applied.odd = usize::from(odd);
    applied.changed = usize::from(change.is_public());
    applied.numbers.push(number.clone());
    if change != Change::Unchanged {
        applied.changed_numbers.push(number.clone());
        applied.written.extend(&applied.seen);
    }
    Ok(Ok(StoredDetail { applied, number, change }))
}

/// The detail under the number that it gives itself, else under the one that was asked for.
fn with_number<'a>(mut detail: Record<'a>, asked: Option<&str>) -> Option<(Record<'a>, String)> {
    let own = detail.cells.first().and_then(Cell::as_text).filter(|number| !number.trim().is_empty());
    let number = own.or(asked)?.to_owned();
    *detail.cells.first_mut()? = Cell::Text(number.clone().into());
    Some((detail, number))
}

fn annulled(table: &Table, detail: &Record<'_>) -> bool {
    let place = table.columns.iter().position(|column| column.name == "annulled");
    place.and_then(|place| detail.cells.get(place)) == Some(&Cell::Integer(1))
}

/// A list row with its key, its fields borrowed from its text.
struct ListRecord<'a> {
    text: &'a str,
    fields: Vec<Option<&'a RawValue>>,
    key: Vec<Cell<'a>>,
}

/// The records of a page. Where a table has one row per record and warehouse, one remains of each
/// record: that of the first warehouse in name order.
fn list_records<'a>(
    table: &Table,
    given: &[Cell<'a>],
    rows: &[&'a RawValue],
    applied: &mut Applied,
) -> Vec<ListRecord<'a>> {
    let names = mirror::list_fields(table);
    let mut records: Vec<ListRecord<'a>> = Vec::with_capacity(rows.len());
    let mut places: HashMap<u64, usize, foldhash::fast::RandomState> = HashMap::default();
    for row in rows {
        let text = row.get();
        let fields = mirror::fields::read_fields(text, &names);
        let record = fields.and_then(|fields| {
            let key = mirror::list_key(table, given, &fields)?;
            Some(ListRecord { text, fields, key })
        });
        let Some(record) = record else {
            applied.skip();
            continue;
        };
        if !table.volatile.is_empty() {
            let place = places.entry(mirror::key_hash(&record.key)).or_insert(records.len());
            if let Some(known) = records.get_mut(*place) {
                if mirror::keeps_first(table, &known.fields, &record.fields).is_lt() {
                    *known = record;
                }
                continue;
            }
        }
        records.push(record);
    }
    records
}

/// What a look-up found, beside the cells.
struct Stored<'r> {
    text: Option<&'r str>,
    odd: i64,
    removed: bool,
    /// The other source was stored too.
    has_other: bool,
}

impl<'r> Stored<'r> {
    fn read(table: &Table, row: &'r rusqlite::Row<'_>) -> rusqlite::Result<Stored<'r>> {
        let first = table.columns.len();
        Ok(Stored {
            text: row.get_ref(first)?.as_str_or_null().ok().flatten(),
            odd: row.get(first + 1)?,
            removed: row.get(first + 2)?,
            has_other: !matches!(
                row.get_ref(first + 3)?,
                rusqlite::types::ValueRef::Null | rusqlite::types::ValueRef::Integer(0)
            ),
        })
    }

    fn row(&self, table: &Table, row: &'r rusqlite::Row<'_>) -> rusqlite::Result<Row<'r>> {
        let cells = cells(row, table.columns.len())?;
        Ok(Row { cells, text: self.text, odd: self.odd, removed: self.removed })
    }
}

fn key_names(table: &Table) -> impl Iterator<Item = &'static str> {
    table.columns.iter().take(table.keys).map(|column| column.name)
}

fn column_names(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    names.join(", ")
}

/// The columns, the text of the source, odd, removed, and of the other source: for a list row whether
/// there is a detail, which can be long; for a detail the list row's text.
fn lookup_sql(table: &Table, source: Source) -> String {
    let list = table.list_text.unwrap_or("NULL");
    let detail = table.detail_text.unwrap_or("NULL");
    let (own, other) = match source {
        Source::List => (list, format!("{detail} IS NOT NULL")),
        Source::Detail => (detail, list.to_owned()),
    };
    let removed = if table.keeps_removed { "removed_at IS NOT NULL" } else { "0" };
    let columns = column_names(table);
    format!(
        "SELECT {columns}, {own}, odd, {removed}, {other} FROM {} WHERE {}",
        table.name,
        equals(key_names(table))
    )
}

/// The stored detail of a record.
fn stored_text(connection: &Connection, table: &Table, key: &[Cell<'_>]) -> rusqlite::Result<Option<String>> {
    let Some(detail) = table.detail_text else { return Ok(None) };
    let sql = format!("SELECT {detail} FROM {} WHERE {}", table.name, equals(key_names(table)));
    let found = connection.prepare_cached(&sql)?.query_row(params_from_iter(key), |row| row.get(0));
    Ok(found.optional()?.flatten())
}

#[cfg(test)]
mod tests;
