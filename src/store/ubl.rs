//! What the mirror knows of the buyers and items of UBL orders.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use crate::formats::ubl::{Known, Wanted};

/// Looks up what matters for an order.
///
/// # Errors
/// SQLite's.
pub fn load(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Known> {
    let mut known = Known {
        // As the index has it.
        by_organization_number: each(
            connection,
            "SELECT customer_number FROM customers
             WHERE replace(replace(organization_number, '-', ''), ' ', '') = ?1
               AND organization_number IS NOT NULL AND removed_at IS NULL",
            &wanted.organization_numbers,
        )?,
        by_vat_number: each(
            connection,
            "SELECT customer_number FROM customers
             WHERE raw IS NOT NULL AND upper(replace(replace(raw ->> '$.vatNumber', ' ', ''), '-', '')) = ?1
               AND removed_at IS NULL",
            &wanted.vat_numbers,
        )?,
        by_gln: each(
            connection,
            "SELECT customer_number FROM customers
             WHERE raw IS NOT NULL AND removed_at IS NULL
               AND ?1 IN (raw ->> '$.customerDeliveryAddress.address.addressEAN',
                          raw ->> '$.customerInvoiceAddress.address.addressEAN',
                          raw ->> '$.customerVisitingAddress.address.addressEAN')",
            &wanted.glns,
        )?,
        by_gtin: each(
            connection,
            // Written with zeros before it or not.
            "SELECT product_number FROM products
             WHERE gtin IN (?1, printf('%08d', ?1), printf('%012d', ?1), printf('%013d', ?1), printf('%014d', ?1))
               AND removed_at IS NULL ORDER BY product_number",
            &wanted.gtins,
        )?,
        by_name: each(
            connection,
            "SELECT product_number FROM products WHERE name = ?1 AND removed_at IS NULL ORDER BY product_number",
            &wanted.names,
        )?,
        products: HashMap::new(),
    };
    for number in &wanted.products {
        let unit: Option<Option<String>> = connection
            .prepare_cached("SELECT unit FROM products WHERE product_number = ?1 AND removed_at IS NULL")?
            .query_row([number], |row| row.get(0))
            .optional()?;
        known.products.extend(unit.map(|unit| (number.clone(), unit)));
    }
    // The units of what was found by another name.
    let found: Vec<String> =
        known.by_gtin.values().chain(known.by_name.values()).flatten().cloned().collect();
    for number in found {
        let unit: Option<Option<String>> = connection
            .prepare_cached("SELECT unit FROM products WHERE product_number = ?1")?
            .query_row([&number], |row| row.get(0))
            .optional()?;
        known.products.extend(unit.map(|unit| (number, unit)));
    }
    Ok(known)
}

/// What a query gives for each of some values, those that it gives anything for.
fn each(
    connection: &Connection,
    sql: &str,
    values: &[String],
) -> rusqlite::Result<HashMap<String, Vec<String>>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut all = HashMap::new();
    for value in values {
        let found: Vec<String> =
            statement.query_map([value], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        if !found.is_empty() {
            all.insert(value.clone(), found);
        }
    }
    Ok(all)
}
