//! The state of the pretended Extend: what it knows, and what its people do to it.
//!
//! Products lie in the order in which they came, with flat tables beside them (one row per product
//! and warehouse, change dates as plain numbers), so that a page of a list of hundreds of thousands
//! of rows is found without sorting and without touching what is not on it. The tables are made
//! again when a product has gone or changed its warehouses, never per request.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::clock::Clock;
use super::customers::Customers;
use super::goods::{Balance, CustomerPrice, Product};
use super::orders::Orders;
use super::returns::Returns;

/// What the tables hold for a product or balance without a change date: before every time.
pub(super) const NEVER: i64 = i64::MIN;

/// Where a list row lies: a product and, where it is kept in any, one of its balances.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub product: u32,
    pub balance: Option<u16>,
}

/// The tables that lists are cut from.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// One per product and warehouse, and one for a product that no warehouse keeps.
    pub rows: Vec<Row>,
    /// The first row of each product.
    pub first_row: Vec<u32>,
    /// Change dates of products, microseconds.
    pub product_changed: Vec<i64>,
    /// Change dates of balances, microseconds, one per row.
    pub balance_changed: Vec<i64>,
    /// The rows that hold a balance, which is nearly all.
    pub kept: Vec<u32>,
    /// Products with a price in the price list.
    pub priced: Vec<u32>,
}

/// Everything that the pretended Extend knows. Plain data: tests and the demo change it as they like,
/// through [`super::StandIn::world`].
#[derive(Debug, Default)]
pub struct World {
    clock: Clock,
    products: Vec<Option<Product>>,
    by_number: HashMap<String, u32>,
    tables: Option<Tables>,
    /// Names of warehouses by their short names.
    pub warehouses: BTreeMap<String, String>,
    /// Return codes and their names.
    pub return_codes: BTreeMap<String, String>,
    pub(super) prices: HashMap<String, Vec<CustomerPrice>>,
    pub(super) customers: Customers,
    pub(super) orders: Orders,
    pub(super) returns: Returns,
    /// Whether bodies of posted documents are kept beside the documents.
    pub(super) keep_posted: bool,
}

impl World {
    /// A world with nothing in it, by the system's clock.
    pub fn empty() -> World {
        World { keep_posted: true, ..World::default() }
    }

    /// The world's time: the system's plus the offset that was set.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock itself; clones of it move together.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Moves the world's clock from where it is.
    pub fn shift_clock(&mut self, by: SignedDuration) {
        self.clock.shift(by);
    }

    /// Puts a product in, or in the place of the one with its number. Its dates are taken as given.
    pub fn put_product(&mut self, product: Product) {
        for balance in &product.balances {
            if !self.warehouses.contains_key(&balance.warehouse) {
                self.warehouses.insert(balance.warehouse.clone(), balance.warehouse.clone());
            }
        }
        self.tables = None;
        match self.by_number.get(&product.number) {
            Some(&at) => self.products[at as usize] = Some(product),
            None => {
                self.by_number.insert(product.number.clone(), self.products.len() as u32);
                self.products.push(Some(product));
            }
        }
    }

    /// Puts a new product in that has no change date: it is in no list that is narrowed by change
    /// date until it is edited. Its balances are without a date as well.
    pub fn add_product_unseen(&mut self, mut product: Product) {
        product.changed = None;
        for balance in &mut product.balances {
            balance.changed = None;
        }
        self.put_product(product);
    }

    /// Edits a product; its change date becomes the world's time. `false` where there is none.
    pub fn change_product(&mut self, number: &str, edit: impl FnOnce(&mut Product)) -> bool {
        let now = self.now();
        let Some(&at) = self.by_number.get(number) else { return false };
        let Some(product) = self.products[at as usize].as_mut() else { return false };
        let shape = |product: &Product| (product.balances.len(), product.price.is_some());
        let before = shape(product);
        edit(product);
        // The number is the key under which it is found.
        number.clone_into(&mut product.number);
        product.changed = Some(now);
        if shape(product) != before {
            self.tables = None;
        }
        if let Some(tables) = &mut self.tables {
            let first = tables.first_row[at as usize] as usize;
            tables.product_changed[at as usize] = now.as_microsecond();
            for (slot, balance) in product.balances.iter().enumerate() {
                tables.balance_changed[first + slot] = micros(balance.changed);
            }
        }
        true
    }

    /// Takes a product out, as if it had never been. `false` where there is none.
    pub fn remove_product(&mut self, number: &str) -> bool {
        let Some(at) = self.by_number.remove(number) else { return false };
        self.products[at as usize] = None;
        self.tables = None;
        true
    }

    /// The product with that number.
    pub fn product(&self, number: &str) -> Option<&Product> {
        self.products[*self.by_number.get(number)? as usize].as_ref()
    }

    /// All products, in the order of the lists.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.iter().flatten()
    }

    /// Sets what is free to sell, in stock units; the shelf follows. The balance's change date
    /// becomes the world's time. `false` where the product is unknown.
    pub fn set_balance(&mut self, product: &str, warehouse: &str, available: i64) -> bool {
        if self.product(product).is_some_and(|known| known.balance(warehouse).is_none()) {
            let balance = Balance::new(warehouse, 0, None);
            self.tables = None;
            self.warehouses.entry(warehouse.to_owned()).or_insert_with(|| warehouse.to_owned());
            let at = self.by_number.get(product).copied();
            if let Some(known) = at.and_then(|at| self.products[at as usize].as_mut()) {
                known.balances.push(balance);
            }
        }
        self.change_balance(product, warehouse, |balance| {
            balance.physical += available - balance.available;
            balance.available = available;
        })
    }

    /// Edits a balance; its change date becomes the world's time. `false` where there is none.
    pub fn change_balance(
        &mut self,
        product: &str,
        warehouse: &str,
        edit: impl FnOnce(&mut Balance),
    ) -> bool {
        let now = self.now();
        let Some(&at) = self.by_number.get(product) else { return false };
        let Some(known) = self.products[at as usize].as_mut() else { return false };
        let Some(slot) = known.balances.iter().position(|balance| balance.warehouse == warehouse) else {
            return false;
        };
        let balance = &mut known.balances[slot];
        edit(balance);
        balance.changed = Some(now);
        if let Some(tables) = &mut self.tables {
            let row = tables.first_row[at as usize] as usize + slot;
            tables.balance_changed[row] = now.as_microsecond();
        }
        true
    }

    /// Sets a price of a customer's own. One with the same product, unit, quantity and currency is
    /// replaced.
    pub fn set_price(&mut self, customer: &str, price: CustomerPrice) {
        let prices = self.prices.entry(customer.to_owned()).or_default();
        let same = |old: &CustomerPrice| {
            old.product == price.product
                && old.sales_unit == price.sales_unit
                && old.from_quantity == price.from_quantity
                && old.currency == price.currency
        };
        match prices.iter_mut().find(|old| same(old)) {
            Some(old) => *old = price,
            None => prices.push(price),
        }
    }

    /// Takes away every price of a customer's own for a product.
    pub fn remove_price(&mut self, customer: &str, product: &str) {
        if let Some(prices) = self.prices.get_mut(customer) {
            prices.retain(|price| price.product != product);
        }
    }

    /// The rows of one product.
    pub(super) fn rows_of(&mut self, number: &str) -> Range<usize> {
        self.tables();
        let (Some(&at), Some(tables)) = (self.by_number.get(number), &self.tables) else { return 0..0 };
        let at = at as usize;
        let first = |at: usize| tables.first_row.get(at).map_or(tables.rows.len(), |row| *row as usize);
        first(at)..first(at + 1)
    }

    /// The tables, made again where something changed that they stand on, and the products.
    pub(super) fn tables(&mut self) -> (&Tables, &[Option<Product>]) {
        if self.tables.is_none() {
            self.products.retain(Option::is_some);
            self.by_number.clear();
            for (at, product) in self.products.iter().enumerate() {
                if let Some(product) = product {
                    self.by_number.insert(product.number.clone(), at as u32);
                }
            }
        }
        let products = &self.products;
        (self.tables.get_or_insert_with(|| make_tables(products)), products)
    }
}

fn make_tables(products: &[Option<Product>]) -> Tables {
    let mut tables = Tables::default();
    for (at, product) in products.iter().enumerate() {
        tables.first_row.push(tables.rows.len() as u32);
        let Some(product) = product else {
            tables.product_changed.push(NEVER);
            continue;
        };
        let at = at as u32;
        tables.product_changed.push(micros(product.changed));
        if product.price.is_some() {
            tables.priced.push(at);
        }
        if product.balances.is_empty() {
            tables.rows.push(Row { product: at, balance: None });
            tables.balance_changed.push(NEVER);
        }
        for (slot, balance) in product.balances.iter().enumerate() {
            tables.kept.push(tables.rows.len() as u32);
            tables.rows.push(Row { product: at, balance: Some(slot as u16) });
            tables.balance_changed.push(micros(balance.changed));
        }
    }
    tables
}

fn micros(time: Option<Timestamp>) -> i64 {
    time.map_or(NEVER, Timestamp::as_microsecond)
}
