//! The rows of an entity that are put out, as the settings shape them.

use crate::formats::export::Shape;
use crate::rules::mirror::{Cell, Table};

/// How the rows of a table are put out.
pub(super) struct View<'a> {
    table: &'static Table,
    shape: &'a Shape,
    /// Of what is put out, the columns that tell rows apart.
    pub keys: Vec<&'static str>,
}

impl<'a> View<'a> {
    pub fn of(table: &'static Table, shape: &'a Shape) -> View<'a> {
        let mut keys: Vec<&str> = table.columns.iter().take(table.keys).map(|column| column.name).collect();
        match table.name {
            "balances" if shape.sum_warehouses => keys.truncate(1),
            "prices" if shape.base_list => _ = keys.remove(0),
            _ => {}
        }
        View { table, shape, keys }
    }

    /// The names of the columns, as they are put out.
    pub fn names(&self) -> Vec<&'a str> {
        match self.shape.columns.as_slice() {
            [] => self.table.put_out_columns(),
            columns => columns.iter().map(|column| column.name.as_str()).collect(),
        }
    }

    /// The key of the row that is put out, from a key of the table.
    pub fn key(&self, key: Vec<Cell<'static>>) -> Vec<Cell<'static>> {
        let own = self.table.columns.iter().take(self.table.keys).zip(key);
        own.filter(|(column, _)| self.keys.contains(&column.name)).map(|(_, cell)| cell).collect()
    }

    /// The rows for which `wheres` holds.
    pub fn sql(&self, wheres: &str) -> String {
        let of: Vec<&str> = match self.shape.columns.as_slice() {
            [] => self.table.put_out_columns(),
            columns => columns.iter().map(|column| column.of.as_str()).collect(),
        };
        let columns: Vec<String> = of.into_iter().map(|column| self.expression(column)).collect();
        let mut wheres = wheres.to_owned();
        if self.table.keeps_removed {
            wheres.push_str(" AND removed_at IS NULL");
        }
        match self.table.name {
            "products" if self.shape.only_enabled => {
                wheres.push_str(" AND enabled IS NOT 0 AND annulled IS NOT 1");
            }
            "prices" if self.shape.base_list => wheres.push_str(" AND list_price IS NOT NULL"),
            _ => {}
        }
        let grouped = match self.is_grouped() {
            true => format!(" GROUP BY {}", self.keys.join(", ")),
            false => String::new(),
        };
        format!("SELECT {} FROM {} WHERE {wheres}{grouped}", columns.join(", "), self.table.name)
    }

    fn is_grouped(&self) -> bool {
        self.keys.len() < self.table.keys
    }

    fn expression(&self, column: &str) -> String {
        match (self.table.name, column) {
            ("balances", "available") => self.available(),
            (_, key) if !self.is_grouped() || self.keys.contains(&key) => key.to_owned(),
            ("balances", "warehouse") | ("prices", "customer_number") => "''".into(),
            ("balances", "warehouse_name") => "NULL".into(),
            ("balances", "physical" | "ordered" | "blocked" | "next_receiving_quantity") => {
                format!("round(sum({column}), 6)")
            }
            ("balances", "next_receiving_date") => format!("min({column})"),
            // What the price list says, whoever buys.
            ("prices", "price") => "max(list_price)".into(),
            (_, column) => format!("max({column})"),
        }
    }

    fn available(&self) -> String {
        let own = if self.shape.sum_warehouses { "sum(available)" } else { "available" };
        let in_warehouse =
            if self.shape.sum_warehouses { "" } else { "AND q.warehouse = balances.warehouse" };
        let queued = match self.shape.subtract_queued {
            true => format!(
                " - coalesce((SELECT sum(q.quantity) FROM queued_quantities q
                     WHERE q.product_number = balances.product_number {in_warehouse}), 0)"
            ),
            false => String::new(),
        };
        // Rounded, as tenths don't add up in binary.
        match self.shape.stock_buffer {
            0 if queued.is_empty() && !self.shape.sum_warehouses => "available".into(),
            0 => format!("round({own}{queued}, 6) AS available"),
            buffer => format!("max(round({own}{queued} - {buffer}, 6), 0.0) AS available"),
        }
    }
}
