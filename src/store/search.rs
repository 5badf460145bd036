//! Products, orders and items of the outbox by what a person remembers of them. Numbers and names are read
//! from their indexes alone; only what is shown is read whole.

use rusqlite::{Connection, Row};

use super::outbox::{self, Summary};
use crate::rules::search::{Fit, Query};

/// The best of what fits, and how much fits in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<T> {
    /// The best, in order.
    pub best: Vec<T>,
    /// How many fit.
    pub all: usize,
}

/// A product, with what there is of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// Its number.
    pub product_number: String,
    /// Its name.
    pub name: Option<String>,
    /// When it was seen to be gone at Extend.
    pub removed_at: Option<String>,
    /// By warehouse.
    pub balances: Vec<Balance>,
}

/// What there is of a product in a warehouse.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// Where.
    pub warehouse: String,
    /// Extend's own.
    pub available: Option<f64>,
    /// What waits in our outbox.
    pub queued: f64,
    /// When more comes.
    pub next_receiving_date: Option<String>,
}

/// An order at Extend.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Extend's number.
    pub order_number: String,
    /// Ours.
    pub order_number_external: Option<String>,
    /// Whose.
    pub customer_number: Option<String>,
    /// The customer's name, where it is known.
    pub customer_name: Option<String>,
    /// Extend's word for how it stands.
    pub status: Option<String>,
    /// When it was made.
    pub order_date: Option<String>,
    /// What it costs.
    pub total_price: Option<f64>,
}

/// Products whose number, name or GTIN fits.
///
/// # Errors
/// SQLite's.
pub fn products(connection: &Connection, query: &Query, most: usize) -> rusqlite::Result<Found<Product>> {
    let found = best(
        connection,
        "SELECT rowid, product_number, coalesce(name, ''), coalesce(gtin, '')
         FROM products INDEXED BY products_name",
        query,
        most,
    )?;
    let mut statement = connection
        .prepare_cached("SELECT product_number, name, removed_at FROM products WHERE rowid = ?1")?;
    let mut balances = connection.prepare_cached(
        "SELECT warehouse, available, queued, next_receiving_date FROM report_stock
         WHERE product_number = ?1 ORDER BY warehouse",
    )?;
    found.load(|id| {
        let mut product = statement.query_row([id], |row| {
            Ok(Product {
                product_number: row.get(0)?,
                name: row.get(1)?,
                removed_at: row.get(2)?,
                balances: Vec::new(),
            })
        })?;
        product.balances = balances
            .query_map([&product.product_number], |row| {
                Ok(Balance {
                    warehouse: row.get(0)?,
                    available: row.get(1)?,
                    queued: row.get(2)?,
                    next_receiving_date: row.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(product)
    })
}

/// Orders at Extend whose number, our number or customer's number fits.
///
/// # Errors
/// SQLite's.
pub fn orders(connection: &Connection, query: &Query, most: usize) -> rusqlite::Result<Found<Order>> {
    let found = best(
        connection,
        "SELECT rowid, coalesce(order_number_external, ''), order_number, coalesce(customer_number, '')
         FROM orders INDEXED BY orders_external",
        query,
        most,
    )?;
    let mut statement = connection.prepare_cached(
        "SELECT o.order_number, o.order_number_external, o.customer_number, c.name, o.status, o.order_date,
                o.total_price
         FROM orders o LEFT JOIN customers c ON c.customer_number = o.customer_number WHERE o.rowid = ?1",
    )?;
    found.load(|id| {
        statement.query_row([id], |row| {
            Ok(Order {
                order_number: row.get(0)?,
                order_number_external: row.get(1)?,
                customer_number: row.get(2)?,
                customer_name: row.get(3)?,
                status: row.get(4)?,
                order_date: row.get(5)?,
                total_price: row.get(6)?,
            })
        })
    })
}

/// Items of the outbox whose key fits.
///
/// # Errors
/// SQLite's.
pub fn items(connection: &Connection, query: &Query, most: usize) -> rusqlite::Result<Found<Summary>> {
    let sql = "SELECT id, coalesce(key, '') FROM outbox INDEXED BY outbox_key";
    let found = best(connection, sql, query, most)?;
    found.load(|id| outbox::load_summary(connection, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows))
}

impl Found<i64> {
    fn load<T>(self, load: impl FnMut(i64) -> rusqlite::Result<T>) -> rusqlite::Result<Found<T>> {
        let all = self.all;
        Ok(Found { best: self.best.into_iter().map(load).collect::<Result<_, _>>()?, all })
    }
}

/// The rows of `sql`, each an id and texts, that fit best.
fn best(connection: &Connection, sql: &str, query: &Query, most: usize) -> rusqlite::Result<Found<i64>> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut found: Vec<(Fit, String, i64)> = Vec::new();
    let mut all = 0;
    while let Some(row) = rows.next()? {
        let texts = (1..columns).map(|place| text(row, place)).collect::<Result<Vec<&str>, _>>()?;
        if let Some(fit) = query.fit(&texts) {
            all += 1;
            found.push((fit, texts[0].to_owned(), row.get(0)?));
            // However much fits, little is kept.
            if found.len() >= most * 8 {
                keep_best(&mut found, most);
            }
        }
    }
    keep_best(&mut found, most);
    Ok(Found { best: found.into_iter().map(|(_, _, id)| id).collect(), all })
}

fn keep_best(found: &mut Vec<(Fit, String, i64)>, most: usize) {
    found.sort_unstable();
    found.truncate(most);
}

fn text<'r>(row: &'r Row<'_>, place: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(place)?.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn what_fits_best_comes_first_and_the_rest_is_counted() {
        let connection = store::open_in_memory().unwrap();
        for number in 0..300 {
            connection
                .execute(
                    "INSERT INTO products (product_number, name) VALUES (?1, ?2)",
                    [format!("M-{number:03}"), format!("Mugg {number}")],
                )
                .unwrap();
        }
        connection
            .execute_batch(
                "INSERT INTO products (product_number, name) VALUES ('XM-007', 'Bägare'), ('Z', 'ÅRE mugg');
                 INSERT INTO balances (product_number, warehouse, available) VALUES ('M-007', 'MAIN', 5);
                 INSERT INTO orders (order_number, order_number_external, customer_number, fetched_at)
                     VALUES ('900', 'W-1', '17', ''), ('901', NULL, '17', '');
                 INSERT INTO customers (customer_number, name) VALUES ('17', 'Kund AB');",
            )
            .unwrap();
        let query = |text| Query::new(text).unwrap();
        let found = products(&connection, &query("m-007"), 10).unwrap();
        assert_eq!(found.all, 2);
        assert_eq!(found.best[0].product_number, "M-007");
        assert_eq!(found.best[0].balances[0].available, Some(5.0));
        assert_eq!(found.best[1].product_number, "XM-007");
        let found = products(&connection, &query("mugg"), 10).unwrap();
        assert_eq!((found.all, found.best.len()), (301, 10));
        assert_eq!(found.best[0].product_number, "M-000");
        let found = products(&connection, &query("åre"), 10).unwrap();
        assert_eq!(found.best[0].product_number, "Z");
        let found = orders(&connection, &query("17"), 10).unwrap();
        assert_eq!(found.all, 2);
        let found = orders(&connection, &query("w-1"), 10).unwrap();
        assert_eq!(found.best[0].customer_name.as_deref(), Some("Kund AB"));
    }
}
