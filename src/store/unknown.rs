//! What a document names that a fresh mirror does not have.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::sync_state;
use crate::config::Config;
use crate::formats::document::{Document, Kind, is_child_row, text_at};
use crate::formats::warning::Warning;
use crate::rules::mirror::Entity;
use crate::rules::unknown::{is_fresh, nearest};

/// Numbers that are compared with one that is not known.
const CANDIDATES: usize = 3000;

/// Letters that a number that was meant begins with, too.
const PREFIX: usize = 2;

/// Products, customers and units of an order that Extend does not have, as far as a fresh mirror can tell. One
/// that is stale says nothing.
///
/// # Errors
/// SQLite's.
pub fn load(
    connection: &Connection,
    document: &Document,
    config: &Config,
    now: Timestamp,
) -> rusqlite::Result<Vec<Warning>> {
    let mut warnings = Vec::new();
    if !matches!(document.kind, Kind::Order | Kind::OrderChange) {
        return Ok(warnings);
    }
    if let Some(number) = &document.customer_number
        && is_mirror_fresh(connection, Entity::Customers, config, now)?
        && !knows_customer(connection, number)?
    {
        let meant = meant(
            connection,
            "SELECT customer_number FROM customers
             WHERE customer_number >= ?1 AND customer_number < ?2 AND removed_at IS NULL LIMIT ?3",
            number,
        )?;
        warnings.push(Warning::UnknownCustomer { number: number.clone(), meant });
    }
    let rows = document.body.get("orderRows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if rows.is_empty() || !is_mirror_fresh(connection, Entity::Products, config, now)? {
        return Ok(warnings);
    }
    for row in rows.iter().filter(|row| !is_child_row(row)) {
        let Some(number) = text_at(row, &["product", "productNumber"]) else { continue };
        let warning = match has_detail(connection, number)? {
            None => {
                let meant = meant(
                    connection,
                    "SELECT product_number FROM products
                     WHERE product_number >= ?1 AND product_number < ?2 AND removed_at IS NULL LIMIT ?3",
                    number,
                )?;
                Some(Warning::UnknownProduct { number: number.to_owned(), meant })
            }
            Some(true) => unknown_unit(connection, number, text_at(row, &["salesData", "unit"]))?,
            // Its units are not known yet.
            Some(false) => None,
        };
        if let Some(warning) = warning.filter(|warning| !warnings.contains(warning)) {
            warnings.push(warning);
        }
    }
    Ok(warnings)
}

fn is_mirror_fresh(
    connection: &Connection,
    entity: Entity,
    config: &Config,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let state = sync_state::load(connection, entity)?;
    let every = if entity == Entity::Customers { config.customers.every } else { config.products.every };
    Ok(is_fresh(state.last_full_at.as_deref(), state.last_success_at.as_deref(), every, now))
}

/// At Extend, or on its way there.
fn knows_customer(connection: &Connection, number: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM customers WHERE customer_number = ?1 AND removed_at IS NULL)
                 OR EXISTS (SELECT 1 FROM outbox WHERE kind = 'customer' AND key = ?1
                            AND state IN ('queued', 'sending', 'delivered'))",
        )?
        .query_row([number], |row| row.get(0))
}

/// Whether a product's detail was fetched; `None` where there is no such product.
fn has_detail(connection: &Connection, number: &str) -> rusqlite::Result<Option<bool>> {
    connection
        .prepare_cached(
            "SELECT raw IS NOT NULL FROM products WHERE product_number = ?1 AND removed_at IS NULL",
        )?
        .query_row([number], |row| row.get(0))
        .optional()
}

fn unknown_unit(
    connection: &Connection,
    number: &str,
    unit: Option<&str>,
) -> rusqlite::Result<Option<Warning>> {
    let Some(unit) = unit else { return Ok(None) };
    let known: Vec<String> = connection
        .prepare_cached(
            "SELECT unit FROM products WHERE product_number = ?1 AND unit IS NOT NULL
             UNION SELECT price.value ->> '$.salesUnit.unit' FROM products, json_each(raw, '$.productPrices') price
                   WHERE product_number = ?1 AND price.value ->> '$.salesUnit.unit' IS NOT NULL
             UNION SELECT named.value ->> '$.unit' FROM products, json_each(raw, '$.productData') named
                   WHERE product_number = ?1 AND named.key IN ('outerPackagingUnitData1', 'outerPackagingUnitData2',
                         'measureUnitData', 'palletUnitData') AND named.value ->> '$.unit' IS NOT NULL
             UNION SELECT sales_unit FROM prices WHERE product_number = ?1",
        )?
        .query_map([number], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let is_known = known.is_empty() || known.iter().any(|one| one == unit);
    Ok((!is_known).then(|| Warning::UnknownUnit { product: number.to_owned(), unit: unit.to_owned(), known }))
}

/// The number that was probably meant, among those that begin alike.
fn meant(connection: &Connection, sql: &str, number: &str) -> rusqlite::Result<Option<String>> {
    let prefix: String = number.chars().take(PREFIX).collect();
    let end = format!("{prefix}\u{10FFFF}");
    let candidates: Vec<String> = connection
        .prepare_cached(sql)?
        .query_map((prefix, end, CANDIDATES as i64), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(nearest(number, candidates.iter().map(String::as_str)).map(str::to_owned))
}
