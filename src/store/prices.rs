//! `prices`. Extend lists them for one customer at a time: "the best price right now". And
//! `price_customers`, whose prices are fetched in turn: nothing tells which of them changed (documented).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use super::cells::count;
use super::mirrored::{self, Applied, Reading};
use super::{sweeps, sync_state};
use crate::rules::mirror::{Cell, Entity, KeyHashes, tables};

/// Stores a page of one customer's ProductPrices. `fetched_at` changes when the price does.
///
/// # Errors
/// SQLite's.
pub fn apply_list_page(
    connection: &Connection,
    customer_number: &str,
    rows: &[&RawValue],
    reading: &Reading<'_>,
) -> rusqlite::Result<Applied> {
    let given = [Cell::text(customer_number)];
    mirrored::apply_list(connection, &tables::PRICES, &given, rows, reading)
}

/// Whose prices are wanted from now on: `named`, or, where that is `None`, those of every customer in the
/// mirror. The prices of others are removed. Also counts anew how much each customer is used.
///
/// # Errors
/// SQLite's.
pub fn set_customers(connection: &Connection, named: Option<&[String]>, now: &str) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO price_customers (customer_number) VALUES (?1)")?;
    let others = match named {
        Some(named) => {
            for number in named {
                insert.execute([number])?;
            }
            let known = load(connection, "SELECT customer_number FROM price_customers")?;
            known.into_iter().filter(|number| !named.contains(number)).collect()
        }
        None => {
            connection.execute(
                "INSERT OR IGNORE INTO price_customers (customer_number)
                 SELECT customer_number FROM customers WHERE removed_at IS NULL",
                [],
            )?;
            // A mirror that has no customers at all was not filled yet.
            load(
                connection,
                "SELECT customer_number FROM price_customers WHERE EXISTS (SELECT 1 FROM customers)
                 EXCEPT SELECT customer_number FROM customers WHERE removed_at IS NULL",
            )?
        }
    };
    for number in others {
        let all = sweeps::unseen(connection, Entity::Prices, Some(&number), &KeyHashes::default(), now, now)?;
        sweeps::remove(connection, Entity::Prices, &all, now)?;
        connection.execute("DELETE FROM price_customers WHERE customer_number = ?1", [&number])?;
    }
    connection.execute(
        "UPDATE price_customers SET used = o.orders
         FROM (SELECT customer_number, count(*) AS orders FROM orders GROUP BY 1) AS o
         WHERE o.customer_number = price_customers.customer_number AND used <> o.orders",
        [],
    )?;
    Ok(())
}

fn load(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// This customer changed, and its prices may have changed with it: it is next. `false`: its prices are not
/// wanted.
///
/// # Errors
/// SQLite's.
pub fn want_customer(connection: &Connection, customer_number: &str, now: &str) -> rusqlite::Result<bool> {
    let found = connection
        .prepare_cached("UPDATE price_customers SET wanted_at = ?2 WHERE customer_number = ?1")?
        .execute([customer_number, now])?;
    Ok(found > 0)
}

/// The customer whose turn it is, of those whose prices were not asked for since `before`. One that changed
/// comes first. Then those that were never asked for, the most used of them first; then whoever has waited longest, where a
/// customer's wait counts up to ten times for the orders that it has.
///
/// # Errors
/// SQLite's.
pub fn next_customer(connection: &Connection, before: &str, now: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(
            // What was tried in the future was tried before the clock was set back.
            "SELECT customer_number FROM price_customers
             WHERE tried_at IS NULL OR tried_at <= ?1 OR tried_at > ?2 OR wanted_at <= ?2
             ORDER BY coalesce(wanted_at <= ?2, 0) DESC, tried_at IS NOT NULL,
                      iif(tried_at IS NULL, used,
                          abs(julianday(?2) - julianday(tried_at)) * (1 + min(used, 9))) DESC,
                      customer_number
             LIMIT 1",
        )?
        .query_row([before, now], |row| row.get(0))
        .optional()
}

/// When the customer was asked for whose turn is the longest ago.
///
/// # Errors
/// SQLite's.
pub fn oldest_turn(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached("SELECT min(tried_at) FROM price_customers")?.query_row([], |row| row.get(0))
}

/// A customer had its turn, that `began` then; `error`: why its list could not be stored. Where it changed since
/// then it is wanted once more.
///
/// The first whole list of a customer is told to the webshop whole, whatever of it was here: the mirror may come
/// from a backup, and the webshop have read what is younger.
///
/// # Errors
/// SQLite's.
pub fn end_turn(
    connection: &Connection,
    customer_number: &str,
    began: &str,
    now: &str,
    error: Option<&str>,
) -> rusqlite::Result<()> {
    if error.is_none() {
        let first = "customer_number = ?1 AND EXISTS
            (SELECT 1 FROM price_customers WHERE customer_number = ?1 AND fetched_at IS NULL)";
        sync_state::announce_all(connection, &tables::PRICES, first, &[customer_number])?;
    }
    connection
        .prepare_cached(
            "UPDATE price_customers SET tried_at = ?2, error = ?3, fetched_at = iif(?3 IS NULL, ?2, fetched_at),
                 wanted_at = iif(wanted_at > ?4, wanted_at, NULL)
             WHERE customer_number = ?1",
        )?
        .execute(params![customer_number, now, error, began])?;
    Ok(())
}

/// How the customers stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turns {
    /// Whose prices are wanted.
    pub customers: u64,
    /// Whose have never been fetched.
    pub to_come: u64,
    /// Since when nobody's prices are older; `None` while some have never been asked for.
    pub fresh_since: Option<String>,
    /// One whose list could not be fetched, and why.
    pub failing: Option<(String, String)>,
}

/// How the customers stand.
///
/// # Errors
/// SQLite's.
pub fn turns(connection: &Connection) -> rusqlite::Result<Turns> {
    let failing = connection
        .prepare_cached(
            "SELECT customer_number, error FROM price_customers WHERE error IS NOT NULL ORDER BY 1 LIMIT 1",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    connection
        .prepare_cached(
            "SELECT count(*), sum(fetched_at IS NULL),
                    iif(sum(tried_at IS NULL) = 0, min(fetched_at), NULL) FROM price_customers",
        )?
        .query_row([], |row| {
            let to_come = row.get::<_, Option<i64>>(1)?.unwrap_or_default().max(0).unsigned_abs();
            Ok(Turns { customers: count(row, 0)?, to_come, fresh_since: row.get(2)?, failing })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_in_memory;

    const MONDAY: &str = "2026-11-23T10:00:00.000Z";
    const TUESDAY: &str = "2026-11-24T10:00:00.000Z";
    const WEDNESDAY: &str = "2026-11-25T10:00:00.000Z";

    fn named(numbers: &[&str]) -> Vec<String> {
        numbers.iter().map(|number| (*number).to_owned()).collect()
    }

    fn use_up(connection: &Connection, customer: &str, orders: usize) {
        for order in 0..orders {
            connection
                .execute(
                    "INSERT INTO orders (order_number, customer_number, fetched_at) VALUES (?1, ?2, '')",
                    [format!("{customer}-{order}"), customer.to_owned()],
                )
                .unwrap();
        }
    }

    /// Lets each have its turn until nobody is due, a minute each, and tells in which order.
    fn turns_until(connection: &Connection, before: &str, day: &str) -> String {
        let mut turns = String::new();
        for minute in 0..60 {
            let now = day.replace(":00:00.", &format!(":{minute:02}:00."));
            let Some(next) = next_customer(connection, before, &now).unwrap() else { return turns };
            turns.push_str(&next);
            end_turn(connection, &next, &now, &now, None).unwrap();
        }
        turns + "…"
    }

    #[test]
    fn the_most_used_come_first_and_nobody_is_left_out() {
        let connection = open_in_memory().unwrap();
        use_up(&connection, "B", 3);
        use_up(&connection, "C", 9);
        set_customers(&connection, Some(&named(&["A", "B", "C", "D"])), MONDAY).unwrap();
        assert_eq!(turns(&connection).unwrap().to_come, 4);
        assert_eq!(
            turns_until(&connection, "2026-11-23T09:00:00.000Z", MONDAY),
            "CBAD",
            "first those with orders"
        );
        assert_eq!(turns(&connection).unwrap().fresh_since.as_deref(), Some(MONDAY), "the oldest counts");
        assert_eq!(
            turns_until(&connection, "2026-11-24T09:00:00.000Z", TUESDAY),
            "CBAD",
            "then who has waited longest, with its orders"
        );
        // The clock was set back: what was tried in the future is due.
        assert!(next_customer(&connection, "2026-11-01T00:00:00.000Z", MONDAY).unwrap().is_some());
    }

    #[test]
    fn whoever_waits_long_enough_goes_before_the_most_used() {
        let connection = open_in_memory().unwrap();
        use_up(&connection, "B", 9);
        set_customers(&connection, Some(&named(&["A", "B"])), MONDAY).unwrap();
        end_turn(&connection, "A", MONDAY, MONDAY, None).unwrap();
        end_turn(&connection, "B", MONDAY, "2026-11-25T09:00:00.000Z", None).unwrap();
        // Two days are more than ten times an hour.
        assert_eq!(next_customer(&connection, WEDNESDAY, WEDNESDAY).unwrap().as_deref(), Some("A"));
    }

    #[test]
    fn whoever_changed_is_next_and_once_more_where_it_changed_meanwhile() {
        let connection = open_in_memory().unwrap();
        set_customers(&connection, Some(&named(&["A", "B"])), MONDAY).unwrap();
        for one in ["A", "B"] {
            end_turn(&connection, one, MONDAY, MONDAY, None).unwrap();
        }
        let next = |now: &str| next_customer(&connection, "2026-11-01T00:00:00.000Z", now).unwrap();
        assert_eq!(next(TUESDAY), None);
        assert!(!want_customer(&connection, "nobody", TUESDAY).unwrap());
        assert!(want_customer(&connection, "B", TUESDAY).unwrap());
        assert_eq!(next(TUESDAY).as_deref(), Some("B"));
        end_turn(&connection, "B", MONDAY, TUESDAY, None).unwrap();
        assert_eq!(next(WEDNESDAY).as_deref(), Some("B"), "its list was asked for before it changed");
        end_turn(&connection, "B", TUESDAY, WEDNESDAY, None).unwrap();
        assert_eq!(next(WEDNESDAY), None);
    }

    #[test]
    fn one_that_fails_is_told_and_one_that_is_no_longer_wanted_is_forgotten() {
        let connection = open_in_memory().unwrap();
        set_customers(&connection, Some(&named(&["A", "B"])), MONDAY).unwrap();
        end_turn(&connection, "A", MONDAY, MONDAY, Some("locked")).unwrap();
        end_turn(&connection, "B", MONDAY, MONDAY, None).unwrap();
        let standing = turns(&connection).unwrap();
        assert_eq!((standing.customers, standing.to_come), (2, 1));
        assert_eq!(standing.failing, Some(("A".to_owned(), "locked".to_owned())));
        assert_eq!(standing.fresh_since.as_deref(), Some(MONDAY));
        connection
            .execute(
                "INSERT INTO prices (customer_number, product_number, sales_unit, from_quantity, currency, fetched_at)
                 VALUES ('A', 'P', 'st', 1, 'SEK', '')",
                [],
            )
            .unwrap();
        set_customers(&connection, Some(&named(&["B"])), TUESDAY).unwrap();
        assert_eq!(sweeps::count(&connection, Entity::Prices, Some("A")).unwrap(), 0);
        assert_eq!(turns(&connection).unwrap().failing, None);
        // All of them: those in the mirror.
        set_customers(&connection, None, TUESDAY).unwrap();
        assert_eq!(turns(&connection).unwrap().customers, 1, "no customer was mirrored yet");
        connection.execute("INSERT INTO customers (customer_number) VALUES ('C')", []).unwrap();
        set_customers(&connection, None, TUESDAY).unwrap();
        assert_eq!(next_customer(&connection, WEDNESDAY, WEDNESDAY).unwrap().as_deref(), Some("C"));
        assert_eq!(turns(&connection).unwrap().customers, 1);
    }
}
