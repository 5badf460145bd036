//! What of an entity is put out, and how, where it is not all of it as it is mirrored.

/// How an entity is put out. The default is all of it, as it is mirrored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// The columns, in this order; empty: all of them, by their own names.
    pub columns: Vec<Column>,
    /// Balances: less what waits in our outbox.
    pub subtract_queued: bool,
    /// Balances: less this much, and then never below 0. In stock units.
    pub stock_buffer: u32,
    /// Balances: one row for each product, the sum over its warehouses.
    pub sum_warehouses: bool,
    /// Prices: one list for all, of list prices, in place of each customer's own.
    pub base_list: bool,
    /// Products: only those that may be sold.
    pub only_enabled: bool,
}

/// A column that is put out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the table.
    pub of: String,
    /// The name under which it is put out.
    pub name: String,
}

impl Shape {
    /// As it is mirrored; `subtract_queued` concerns balances.
    pub fn plain(subtract_queued: bool) -> Shape {
        Shape { subtract_queued, ..Shape::default() }
    }
}
