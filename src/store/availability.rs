//! What the mirror knows of the stock of some products and of all that they are made of.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use crate::rules::availability::{Component, DEEPEST, Known, Product, Stock};

/// The products of these numbers, and of every bill of materials below them, that are in the mirror.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection, numbers: &[&str]) -> rusqlite::Result<Known> {
    let mut known = Known::new();
    let mut level: Vec<String> = numbers.iter().map(|number| (*number).to_owned()).collect();
    for _ in 0..=DEEPEST {
        let mut next = Vec::new();
        for number in level {
            if known.contains_key(&number) {
                continue;
            }
            let Some(mut product) = load_product(connection, &number)? else { continue };
            product.components = load_components(connection, &number)?;
            product.stock = load_stock(connection, &number)?;
            next.extend(product.components.iter().map(|part| part.number.clone()));
            known.insert(number, product);
        }
        level = next;
    }
    Ok(known)
}

fn load_product(connection: &Connection, number: &str) -> rusqlite::Result<Option<Product>> {
    let product = connection
        .prepare_cached(
            "SELECT name, unit, supply_mode FROM products WHERE product_number = ?1 AND removed_at IS NULL",
        )?
        .query_row([number], |row| {
            Ok(Product {
                name: row.get(0)?,
                unit: row.get(1)?,
                supply_mode: row.get(2)?,
                ..Product::default()
            })
        })
        .optional()?;
    let Some(mut product) = product else { return Ok(None) };
    product.units = load_units(connection, number)?;
    Ok(Some(product))
}

/// Units that a product is sold in, and how many stock units each holds (inferred from `salesUnit`).
fn load_units(connection: &Connection, number: &str) -> rusqlite::Result<Vec<(String, f64)>> {
    connection
        .prepare_cached(
            "SELECT CAST(price.value ->> '$.salesUnit.unit' AS TEXT),
                    CAST(price.value ->> '$.salesUnit.quantity' AS REAL) AS holds
             FROM products, json_each(raw, '$.productPrices') price
             WHERE product_number = ?1 AND holds > 0 AND price.value ->> '$.salesUnit.unit' IS NOT NULL",
        )?
        .query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn load_components(connection: &Connection, number: &str) -> rusqlite::Result<Vec<Component>> {
    connection
        .prepare_cached(
            "SELECT component_number, quantity, unit FROM product_components
             WHERE product_number = ?1 ORDER BY sort_order, component_number",
        )?
        .query_map([number], |row| {
            Ok(Component { number: row.get(0)?, quantity: row.get(1)?, unit: row.get(2)? })
        })?
        .collect()
}

/// Extend's balances less what waits in the outbox, of the product itself and of what it is a part of.
fn load_stock(connection: &Connection, number: &str) -> rusqlite::Result<Vec<Stock>> {
    let mut stock: Vec<Stock> = connection
        .prepare_cached(
            "SELECT warehouse, available, next_receiving_date, next_receiving_quantity FROM balances
             WHERE product_number = ?1 ORDER BY available DESC, warehouse",
        )?
        .query_map([number], |row| {
            let comes: (Option<String>, Option<f64>) = (row.get(2)?, row.get(3)?);
            Ok(Stock {
                warehouse: row.get(0)?,
                available: row.get(1)?,
                next_receiving: comes.0.zip(comes.1).filter(|(_, quantity)| *quantity > 0.0),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut queued = BTreeMap::new();
    add_queued(connection, number, 1.0, DEEPEST, &mut queued)?;
    for (warehouse, quantity) in queued {
        // A row that leaves the warehouse to Extend is counted where most is available, as in what is put out.
        let at = if warehouse.is_empty() {
            0
        } else {
            stock.iter().position(|one| one.warehouse == warehouse).unwrap_or(usize::MAX)
        };
        if let Some(available) = stock.get_mut(at).and_then(|one| one.available.as_mut()) {
            *available = ((*available - quantity) * 1e6).round() / 1e6;
        }
    }
    Ok(stock)
}

/// What waits in the outbox of a product, by warehouse, times `factor`: ordered by itself, or in a bill of
/// materials that it is a part of.
fn add_queued(
    connection: &Connection,
    number: &str,
    factor: f64,
    levels: usize,
    queued: &mut BTreeMap<String, f64>,
) -> rusqlite::Result<()> {
    let mut own = connection
        .prepare_cached("SELECT warehouse, unit, quantity FROM outbox_rows WHERE product_number = ?1")?;
    let own: Vec<(String, String, f64)> = own
        .query_map([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if !own.is_empty() {
        let product = load_product(connection, number)?.unwrap_or_default();
        for (warehouse, unit, quantity) in own {
            *queued.entry(warehouse).or_default() += product.stock_units(quantity, Some(&unit)) * factor;
        }
    }
    if levels == 0 {
        return Ok(());
    }
    let parents: Vec<(String, f64, Option<String>)> = connection
        .prepare_cached(
            "SELECT product_number, quantity, unit FROM product_components WHERE component_number = ?1",
        )?
        .query_map([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if parents.is_empty() {
        return Ok(());
    }
    let Some(product) = load_product(connection, number)? else { return Ok(()) };
    for (parent, quantity, unit) in parents {
        let each = product.stock_units(quantity, unit.as_deref());
        add_queued(connection, &parent, factor * each, levels - 1, queued)?;
    }
    Ok(())
}
