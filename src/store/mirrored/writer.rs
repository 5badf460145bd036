//! Writing a row together with what is owed for it.

use rusqlite::{CachedStatement, Connection};

use super::key_names;
use crate::formats::export::key_text;
use crate::rules::mirror::{Cell, Change, Row, Source, Table};

/// Writes what was planned, and what is owed for it.
pub(super) struct Writer<'c> {
    pub(super) connection: &'c Connection,
    pub(super) table: &'c Table,
    now: &'c str,
    upsert: CachedStatement<'c>,
    more_rows: i64,
    /// Columns that are set to `now` after the text and the odd bits.
    stamps: usize,
    has_text: bool,
    /// Nothing is owed for a row: the webshop is told of all of them later.
    pub(super) announced_later: bool,
}

impl<'c> Writer<'c> {
    pub(super) fn new(
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
        Ok(Writer {
            connection,
            table,
            now,
            upsert,
            more_rows: 0,
            stamps,
            has_text: text.is_some(),
            announced_later: false,
        })
    }

    pub(super) fn write(
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
        if change.is_public() && !self.announced_later {
            owe(self.connection, self.table, incoming.cells.get(..self.table.keys).unwrap_or_default())?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> rusqlite::Result<()> {
        add_rows(self.connection, self.table.name, self.more_rows)
    }
}

/// Keeps the count of rows, so that nobody has to count them after each round.
pub(super) fn add_rows(connection: &Connection, entity: &str, more: i64) -> rusqlite::Result<()> {
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

/// Notes that the webshop is owed this key's row, or the news that it is gone.
pub(super) fn owe(connection: &Connection, table: &Table, key: &[Cell<'_>]) -> rusqlite::Result<()> {
    if table.put_out {
        connection
            .prepare_cached("INSERT OR IGNORE INTO pending_changes (entity, key) VALUES (?1, ?2)")?
            .execute((table.name, key_text(key)))?;
    }
    Ok(())
}
