//! `reconciliation`: orders of ours that are not at Extend as they should be.

use rusqlite::{Connection, params};

/// What is wrong with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It was delivered, and Extend has it no longer.
    Missing,
    /// Extend has another order with the same number, for the same customer.
    Twice,
}

impl Trouble {
    fn name(self) -> &'static str {
        match self {
            Trouble::Missing => "missing",
            Trouble::Twice => "twice",
        }
    }
}

/// An order that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Of the outbox.
    pub id: i64,
    /// The shop's number.
    pub key: String,
    /// Extend's number.
    pub number: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The order.
    pub order: Delivered,
    /// What is wrong with it.
    pub trouble: Trouble,
    /// Extend's numbers, of it and of those beside it.
    pub numbers: String,
}

/// Orders that were delivered from `since` to before `until`.
///
/// # Errors
/// SQLite's.
pub fn delivered(connection: &Connection, since: &str, until: &str) -> rusqlite::Result<Vec<Delivered>> {
    connection
        .prepare_cached(
            "SELECT id, key, extend_number FROM outbox
             WHERE kind = 'order' AND state = 'delivered' AND delivered_at >= ?1 AND delivered_at < ?2
               AND key IS NOT NULL AND extend_number <> ''
             ORDER BY id",
        )?
        .query_map([since, until], |row| {
            Ok(Delivered { id: row.get(0)?, key: row.get(1)?, number: row.get(2)? })
        })?
        .collect()
}

/// Whether an order with this external number, or this number of Extend's, was sent from here.
///
/// # Errors
/// SQLite's.
pub fn is_ours(connection: &Connection, external: &str, number: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE kind = 'order' AND key = ?1)
                 OR EXISTS (SELECT 1 FROM outbox WHERE kind = 'order' AND extend_number = ?2)",
        )?
        .query_row([external, number], |row| row.get(0))
}

/// The order that was delivered under this number of Extend's.
///
/// # Errors
/// SQLite's.
pub fn item_of(connection: &Connection, number: &str) -> rusqlite::Result<Option<i64>> {
    use rusqlite::OptionalExtension;
    connection
        .prepare_cached(
            "SELECT id FROM outbox WHERE extend_number = ?1 AND kind = 'order' AND state = 'delivered'",
        )?
        .query_row([number], |row| row.get(0))
        .optional()
}

/// Notes what is wrong with an order.
///
/// # Errors
/// SQLite's.
pub fn note(
    connection: &Connection,
    id: i64,
    trouble: Trouble,
    numbers: &str,
    now: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO reconciliation (outbox_id, problem, numbers, found_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET numbers = ?3",
        )?
        .execute(params![id, trouble.name(), numbers, now])?;
    Ok(())
}

/// That is no longer wrong with it.
///
/// # Errors
/// SQLite's.
pub fn clear(connection: &Connection, id: i64, trouble: Trouble) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM reconciliation WHERE outbox_id = ?1 AND problem = ?2")?
        .execute(params![id, trouble.name()])?;
    Ok(())
}

/// Orders that were delivered before this are watched no longer.
///
/// # Errors
/// SQLite's.
pub fn forget_delivered_before(connection: &Connection, before: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM reconciliation WHERE outbox_id IN
                 (SELECT outbox_id FROM reconciliation JOIN outbox ON id = outbox_id
                  WHERE delivered_at IS NULL OR delivered_at < ?1)",
        )?
        .execute([before])?;
    Ok(())
}

/// All findings, the oldest order first, `limit` at the most.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Finding>> {
    connection
        .prepare_cached(
            // The few that were found lead, not the whole outbox.
            "SELECT o.id, coalesce(o.key, ''), coalesce(o.extend_number, ''), r.problem, r.numbers
             FROM reconciliation r CROSS JOIN outbox o ON o.id = r.outbox_id
             ORDER BY r.outbox_id, r.problem LIMIT ?1",
        )?
        .query_map([limit as i64], |row| {
            let problem: String = row.get(3)?;
            Ok(Finding {
                order: Delivered { id: row.get(0)?, key: row.get(1)?, number: row.get(2)? },
                trouble: if problem == "twice" { Trouble::Twice } else { Trouble::Missing },
                numbers: row.get(4)?,
            })
        })?
        .collect()
}
