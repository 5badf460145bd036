//! Every mirrored table's load, plan, apply. The tables' own files add what is theirs alone.
//!
//! One look-up per record. A list row whose text is the stored one is not even read. Together with a
//! row goes what is owed for it: its key in `pending_changes` and the count in `sync_state`.

use std::collections::{HashMap, HashSet};

use rusqlite::{CachedStatement, Connection, OptionalExtension, params_from_iter};
use serde_json::value::RawValue;

use super::cells::{cell, cells, equals, owned_cells};
use crate::formats::export::key_text;
use crate::rules::mirror::{self, Cell, Change, Record, Row, Source, Table};

/// What a page or a detail did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// A hash of each primary key that was there, for [`remove_unseen`](super::products::remove_unseen)
    /// and its like.
    pub seen: Vec<u64>,
    /// The numbers on the page, each once, in order. Of a price or balance, the product's.
    pub numbers: Vec<String>,
    /// Those of them whose list row is not the stored one: their details are to be fetched.
    pub changed_numbers: Vec<String>,
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

/// Stores a page of a list. `given` are the key columns that the records don't have.
pub(super) fn apply_list(
    connection: &Connection,
    table: &Table,
    given: &[Cell<'_>],
    rows: &[&RawValue],
    now: &str,
) -> rusqlite::Result<Applied> {
    let mut applied = Applied::default();
    let mut lookup = connection.prepare_cached(&lookup_sql(table, Source::List))?;
    let mut writer = Writer::new(connection, table, Source::List, now)?;
    let mut last_number = None;
    let mut numbers = HashSet::new();
    for record in &list_records(table, given, rows, &mut applied) {
        applied.seen.push(mirror::key_hash(&record.key));
        applied.stored += 1;
        let number = record.key.get(table.number_column()).and_then(Cell::as_text).unwrap_or_default();
        if last_number != Some(number) && numbers.insert(number) {
            applied.numbers.push(number.to_owned());
        }
        last_number = Some(number);

        let mut found = lookup.query(params_from_iter(&record.key))?;
        let (change, odd) = apply_list_record(&mut writer, found.next()?, given, record)?;
        applied.odd += usize::from(odd);
        applied.changed += usize::from(change.is_public());
        if change != Change::Unchanged && applied.changed_numbers.last().map(String::as_str) != Some(number) {
            applied.changed_numbers.push(number.to_owned());
        }
    }
    writer.finish()?;
    Ok(applied)
}

fn apply_list_record(
    writer: &mut Writer<'_>,
    found: Option<&rusqlite::Row<'_>>,
    given: &[Cell<'_>],
    record: &ListRecord<'_>,
) -> rusqlite::Result<(Change, bool)> {
    let table = writer.table;
    let bit = Source::List.odd_bit();
    let stored = found.map(|row| Stored::read(table, row)).transpose()?;
    if let Some(stored) = &stored
        && !stored.removed
        && let Some(text) = stored.text
        && mirror::is_known(table, text, record.text, &record.fields)
    {
        return Ok((Change::Unchanged, stored.odd & bit != 0));
    }

    let read = mirror::read_list(table, given, &record.fields);
    let odd = read.odd;
    let detail = match &stored {
        Some(stored) if stored.has_other => stored_text(writer.connection, table, &record.key)?,
        _ => None,
    };
    let detail = detail.as_deref().and_then(|text| mirror::read_detail(table, text));
    let mut incoming = Row {
        cells: mirror::merge(table, Some(read), detail, Source::List),
        text: table.list_text.map(|_| record.text),
        odd: stored.as_ref().map_or(0, |stored| stored.odd & !bit) | if odd { bit } else { 0 },
        removed: false,
    };
    let existing = match (found, &stored) {
        (Some(row), Some(stored)) => Some(stored.row(table, row)?),
        _ => None,
    };
    // The row of the first warehouse is kept; another's does not take its place for nothing.
    if let Some(Row { cells, text: Some(text), odd, .. }) = &existing
        && *cells == incoming.cells
        && mirror::keeps_stored(table, text, &record.fields).is_gt()
    {
        (incoming.text, incoming.odd) = (Some(*text), *odd);
    }
    let change = mirror::plan(existing.as_ref(), &incoming);
    writer.write(change, existing.as_ref(), &incoming)?;
    Ok((change, odd))
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
    let mut places: HashMap<u64, usize> = HashMap::new();
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
                if mirror::keeps_stored(table, known.text, &record.fields).is_lt() {
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

/// Writes what was planned, and what is owed for it.
struct Writer<'c> {
    connection: &'c Connection,
    table: &'c Table,
    now: &'c str,
    upsert: CachedStatement<'c>,
    pending: CachedStatement<'c>,
    more_rows: i64,
    /// Columns that are set to `now` after the text and the odd bits.
    stamps: usize,
    has_text: bool,
}

impl<'c> Writer<'c> {
    fn new(
        connection: &'c Connection,
        table: &'c Table,
        source: Source,
        now: &'c str,
    ) -> rusqlite::Result<Self> {
        let (text, detail_stamp) = match source {
            Source::List => (table.list_text, None),
            Source::Detail => (table.detail_text, table.detail_stamp),
        };
        let mut names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        names.extend(text);
        names.push("odd");
        let stamps = names.len();
        names.extend(table.stamp.into_iter().chain(detail_stamp));
        let stamps = names.len() - stamps;
        let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
        let mut sets: Vec<String> =
            names.iter().skip(table.keys).map(|name| format!("{name} = excluded.{name}")).collect();
        if table.keeps_removed {
            sets.push(format!("removed_at = iif(?{}, removed_at, NULL)", names.len() + 1));
        }
        let keys: Vec<&str> = key_names(table).collect();
        let upsert = connection.prepare_cached(&format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
            table.name,
            names.join(", "),
            places.join(", "),
            keys.join(", "),
            sets.join(", ")
        ))?;
        let pending = connection
            .prepare_cached("INSERT OR IGNORE INTO pending_changes (entity, key) VALUES (?1, ?2)")?;
        Ok(Writer { connection, table, now, upsert, pending, more_rows: 0, stamps, has_text: text.is_some() })
    }

    fn write(
        &mut self,
        change: Change,
        existing: Option<&Row<'_>>,
        incoming: &Row<'_>,
    ) -> rusqlite::Result<()> {
        if change == Change::Unchanged {
            return Ok(());
        }
        let mut values: Vec<&dyn rusqlite::ToSql> =
            incoming.cells.iter().map(|cell| cell as &dyn rusqlite::ToSql).collect();
        if self.has_text {
            values.push(&incoming.text);
        }
        values.push(&incoming.odd);
        for _ in 0..self.stamps {
            values.push(&self.now);
        }
        if self.table.keeps_removed {
            values.push(&incoming.removed);
        }
        self.upsert.execute(values.as_slice())?;
        if existing.is_none_or(|existing| existing.removed) && !incoming.removed {
            self.more_rows += 1;
        }
        if change.is_public() && self.table.put_out {
            let key = key_text(incoming.cells.get(..self.table.keys).unwrap_or_default());
            self.pending.execute((self.table.name, key))?;
        }
        Ok(())
    }

    fn finish(self) -> rusqlite::Result<()> {
        add_rows(self.connection, self.table.name, self.more_rows)
    }
}

/// Keeps the count of rows, so that nobody has to count them after each round.
fn add_rows(connection: &Connection, entity: &str, more: i64) -> rusqlite::Result<()> {
    if more != 0 {
        connection
            .prepare_cached(
                "INSERT INTO sync_state (entity, rows) VALUES (?1, max(?2, 0))
                 ON CONFLICT (entity) DO UPDATE SET rows = max(rows + ?2, 0)",
            )?
            .execute((entity, more))?;
    }
    Ok(())
}

/// Takes away what a whole full list did not show, and tells which keys those were.
///
/// `given` are the key columns that the list was for. What was stored from a detail at or after `began`
/// stays: it may be newer than the page that it would have been on.
pub(super) fn remove_unseen(
    connection: &Connection,
    table: &Table,
    given: &[Cell<'_>],
    seen: &HashSet<u64>,
    began: &str,
    now: &str,
) -> rusqlite::Result<Vec<Vec<Cell<'static>>>> {
    let names: Vec<&str> = key_names(table).collect();
    let mut wheres = vec![equals(key_names(table).take(table.given))];
    if table.keeps_removed {
        wheres.push("removed_at IS NULL".to_owned());
    }
    let fresh = table
        .detail_stamp
        .map_or("0".to_owned(), |stamp| format!("coalesce({stamp} >= ?{}, 0)", table.given + 1));
    wheres.retain(|part| !part.is_empty());
    let wheres = if wheres.is_empty() { "1".to_owned() } else { wheres.join(" AND ") };
    let sql = format!("SELECT {}, {fresh} FROM {} WHERE {wheres}", names.join(", "), table.name);
    let mut values: Vec<Cell<'_>> = given.to_vec();
    if table.detail_stamp.is_some() {
        values.push(Cell::text(began));
    }
    let mut gone: Vec<Vec<Cell<'static>>> = Vec::new();
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    while let Some(row) = rows.next()? {
        let key = cells(row, table.keys)?;
        if !row.get::<_, bool>(table.keys)? && !seen.contains(&mirror::key_hash(&key)) {
            gone.push(key.into_iter().map(Cell::into_owned).collect());
        }
    }
    drop(rows);
    for key in &gone {
        remove(connection, table, key, now)?;
    }
    Ok(gone)
}

/// Takes one row away: marked where the table keeps what is gone, else deleted.
pub(super) fn remove(
    connection: &Connection,
    table: &Table,
    key: &[Cell<'_>],
    now: &str,
) -> rusqlite::Result<bool> {
    let wheres = equals(key_names(table));
    let mut values = key.to_vec();
    let sql = if table.keeps_removed {
        values.push(Cell::text(now));
        let set = format!("removed_at = ?{}", values.len());
        format!("UPDATE {} SET {set} WHERE {wheres} AND removed_at IS NULL", table.name)
    } else {
        format!("DELETE FROM {} WHERE {wheres}", table.name)
    };
    if connection.prepare_cached(&sql)?.execute(params_from_iter(&values))? == 0 {
        return Ok(false);
    }
    if table.put_out {
        connection
            .prepare_cached("INSERT OR IGNORE INTO pending_changes (entity, key) VALUES (?1, ?2)")?
            .execute((table.name, key_text(key)))?;
    }
    add_rows(connection, table.name, -1)?;
    Ok(true)
}

/// Replaces the parts of a record by these.
pub(super) fn replace_parts(
    connection: &Connection,
    table: &mirror::parts::PartTable,
    owner: &str,
    rows: &[Vec<Cell<'_>>],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!("DELETE FROM {} WHERE {} = ?1", table.name, table.owner))?
        .execute([owner])?;
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let places: Vec<String> = (2..names.len() + 2).map(|place| format!("?{place}")).collect();
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO {} ({}, {}) VALUES (?1, {})",
        table.name,
        table.owner,
        names.join(", "),
        places.join(", ")
    ))?;
    for row in rows {
        insert.execute(params_from_iter(std::iter::once(&Cell::text(owner)).chain(row)))?;
    }
    Ok(())
}

/// The parts of a record, in the order of their key.
pub(super) fn load_parts(
    connection: &Connection,
    table: &mirror::parts::PartTable,
    owner: &str,
) -> rusqlite::Result<Vec<Vec<Cell<'static>>>> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let order: Vec<String> = (1..=table.needed).map(|place| place.to_string()).collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE {} = ?1 ORDER BY {}",
        names.join(", "),
        table.name,
        table.owner,
        order.join(", ")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([owner], |row| owned_cells(row, names.len()))?;
    rows.collect()
}

#[cfg(test)]
mod tests;
