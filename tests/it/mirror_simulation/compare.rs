//! The mirror beside what Extend shows at this moment, record by record.

use std::collections::BTreeSet;

use extend_edge::config::{Config, Scope};
use extend_edge::rules::mirror::Entity;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::{Connection, OptionalExtension, types::Value as Cell};
use serde_json::Value;

use super::line::Line;

/// Compares tables with Extend.
pub struct Compare<'a> {
    pub connection: &'a Connection,
    pub line: &'a Line,
    pub config: &'a Config,
}

/// A column, the field that it shows, and what kind of value it is.
type Column = (&'static str, &'static str, Kind);

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Flag,
    Time,
}
use Kind::{Flag, Number, Text, Time};

const PRODUCT: [Column; 9] = [
    ("name", "/productName", Text),
    ("unit", "/productUnit", Text),
    ("supply_mode", "/supplyMode", Text),
    ("currency", "/currency", Text),
    ("cost", "/cost", Number),
    ("gtin", "/gtinNumberList", Text),
    ("country", "/countryOfOrigin", Text),
    ("category1", "/statisticalCategory1", Text),
    ("category2", "/statisticalCategory2", Text),
];
/// The detail has the last word in these.
const PRODUCT_LIST: [Column; 2] = [("enabled", "/enabled", Flag), ("created_at", "/createDate", Time)];
const PRODUCT_DETAIL: [Column; 5] = [
    ("enabled", "/productData/enabled", Flag),
    ("created_at", "/productData/productDates/createdDate", Time),
    ("description", "/productData/productDescription", Text),
    ("annulled", "/productData/annulled", Flag),
    ("changed_at", "/productData/productDates/changedDate", Time),
];
const CUSTOMER: [Column; 7] = [
    ("name", "/name", Text),
    ("organization_number", "/organizationNumber", Text),
    ("postal_code", "/deliveryPostalCode", Text),
    ("city", "/deliveryCity", Text),
    ("credit_limit", "/creditLimit", Number),
    ("invoice_email", "/invoiceEmail", Text),
    ("changed_at", "/changeDate", Time),
];
const BALANCE: [Column; 8] = [
    ("warehouse_name", "/warehouseName", Text),
    ("available", "/availableBalanceNow", Number),
    ("physical", "/physicalBalance", Number),
    ("ordered", "/orderedQuantity", Number),
    ("blocked", "/blockedBalance", Number),
    ("next_receiving_date", "/nextReceivingDate", Time),
    ("next_receiving_quantity", "/quantityOnNextReceiving", Number),
    ("changed_at", "/changeDate", Time),
];
const PRICE: [Column; 3] = [
    ("price", "/price", Number),
    ("list_price", "/listPrice", Number),
    ("vat_percent", "/vatPercent", Number),
];
const ORDER: [Column; 7] = [
    ("order_number_external", "/orderNumberExternal", Text),
    ("order_type", "/orderType", Text),
    ("status", "/orderStatus", Text),
    ("customer_number", "/customerNumber", Text),
    ("order_date", "/orderDate", Time),
    ("total_price", "/totalPrice", Number),
    ("changed_at", "/changeDate", Time),
];
const ORDER_ROW: [Column; 7] = [
    ("product_number", "/product/productNumber", Text),
    ("status", "/orderRowStatus", Text),
    ("quantity", "/salesData/quantity", Number),
    ("unit_price", "/salesData/unitPrice", Number),
    ("warehouse", "/warehouse", Text),
    ("ship_date", "/shipDate", Time),
    ("expected_delivery_date", "/expectedDeliveryDate", Time),
];

const RETURN: [Column; 4] = [
    ("reference_order_number", "/referenceOrderNumber", Text),
    ("status", "/status", Text),
    ("customer_number", "/customerNumber", Text),
    ("created_at", "/createDate", Time),
];

impl Compare<'_> {
    /// Everything that Extend shows is mirrored as it is, and nothing else.
    ///
    /// # Errors
    /// What differs.
    pub fn all(&self) -> Result<(), String> {
        let (products, customers, orders): (Vec<String>, Vec<String>, Vec<String>) = {
            let world = self.line.desk.world();
            (
                world.products().map(|product| product.number.clone()).collect(),
                world.customers().map(|customer| customer.number.clone()).collect(),
                world.orders().map(|order| order.number.clone()).collect(),
            )
        };
        for number in &products {
            self.product(number)?;
        }
        self.count("products WHERE removed_at IS NULL", products.len())?;
        for number in &customers {
            self.customer(number)?;
        }
        self.count("customers WHERE removed_at IS NULL", customers.len())?;
        let mut balances = 0;
        for number in &products {
            balances += self.balances(number)?;
        }
        self.count("balances", balances)?;
        self.prices(&customers)?;
        for number in orders.iter().filter(|number| self.is_wanted(number)) {
            self.order(number)?;
        }
        self.returns()?;
        self.count("details_wanted", 0)?;
        self.counts()
    }

    /// One record of a list of changes.
    ///
    /// # Errors
    /// What differs.
    pub fn record(&self, entity: Entity, key: &str) -> Result<(), String> {
        match entity {
            Entity::Products => self.product(key),
            Entity::Customers => self.customer(key),
            Entity::Balances => {
                let (number, warehouse) = key.split_once('\t').unwrap_or((key, ""));
                let rows = self.list(&format!("/ProductAvailability?productNumber={}", escaped(number)));
                let row = rows.iter().find(|row| row["warehouse"] == warehouse);
                row.map_or(Ok(()), |row| self.balance(number, row))
            }
            _ if self.is_wanted(key) => self.order(key),
            _ => Ok(()),
        }
    }

    fn is_wanted(&self, order: &str) -> bool {
        self.config.orders.scope == Scope::All
            || self.exists("outbox WHERE state = 'delivered' AND extend_number = ?1", order)
    }

    fn product(&self, number: &str) -> Result<(), String> {
        let mut rows = self.list(&format!("/Products?productNumber={}", escaped(number)));
        rows.sort_by_key(|row| row["warehouse"].as_str().unwrap_or_default().to_owned());
        let Some(row) = rows.first() else { return Ok(()) };
        let key = [("product_number", number)];
        self.row("products", &key, &PRODUCT, row)?;
        self.row("products", &key, &[("removed_at", "/removed", Text)], row)?;
        self.text("products", "raw_list", &key, row, &["warehouse", "availableBalance"])?;
        if !self.config.products.details {
            return self.row("products", &key, &PRODUCT_LIST, row);
        }
        if self.is_waited_for("products", number) {
            return Ok(());
        }
        let detail = self.line.look(&format!("/Products/{}", escaped(number))).unwrap_or_default();
        self.row("products", &key, &PRODUCT_DETAIL, &detail)?;
        self.text("products", "raw", &key, &detail, &[])?;
        let parts = detail["productData"]["billOfMaterials"].as_array().cloned().unwrap_or_default();
        self.count_of("product_components WHERE product_number = ?1", number, parts.len())
    }

    fn customer(&self, number: &str) -> Result<(), String> {
        let rows = self.list(&format!("/Customers?customerNumber={}", escaped(number)));
        let Some(row) = rows.first() else { return Ok(()) };
        let key = [("customer_number", number)];
        self.row("customers", &key, &CUSTOMER, row)?;
        self.row("customers", &key, &[("removed_at", "/removed", Text)], row)?;
        self.text("customers", "raw_list", &key, row, &[])?;
        if !self.config.customers.details || self.is_waited_for("customers", number) {
            return Ok(());
        }
        let detail = self.line.look(&format!("/Customers/{}", escaped(number))).unwrap_or_default();
        self.text("customers", "raw", &key, &detail, &[])
    }

    fn balances(&self, number: &str) -> Result<usize, String> {
        let wanted = &self.config.balances.warehouses;
        let rows = self.list(&format!("/ProductAvailability?productNumber={}", escaped(number)));
        let mut count = 0;
        for row in &rows {
            if wanted.is_empty() || wanted.iter().any(|warehouse| row["warehouse"] == **warehouse) {
                self.balance(number, row)?;
                count += 1;
            }
        }
        Ok(count)
    }

    fn balance(&self, number: &str, row: &Value) -> Result<(), String> {
        let warehouse = row["warehouse"].as_str().unwrap_or_default();
        let wanted = &self.config.balances.warehouses;
        if !wanted.is_empty() && !wanted.iter().any(|known| known == warehouse) {
            return Ok(());
        }
        let key = [("product_number", number), ("warehouse", warehouse)];
        self.row("balances", &key, &BALANCE, row)?;
        self.text("balances", "raw", &key, row, &[])
    }

    fn prices(&self, customers: &[String]) -> Result<(), String> {
        let wanted = &self.config.prices.customers;
        let every = wanted.iter().any(|customer| customer == "*");
        let mut count = 0;
        for customer in customers.iter().filter(|customer| every || wanted.contains(customer)) {
            let mut keys = BTreeSet::new();
            for page in 1.. {
                let target = format!("/ProductPrices?customerNumber={}&pageNumber={page}", escaped(customer));
                let rows = self.list(&target);
                for row in &rows {
                    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
                    let quantity = row["fromQuantity"].to_string();
                    let (product, unit, currency) =
                        (text("productNumber"), text("salesUnit"), text("currency"));
                    let key = [
                        ("customer_number", customer.as_str()),
                        ("product_number", &product),
                        ("sales_unit", &unit),
                        ("from_quantity", &quantity),
                        ("currency", &currency),
                    ];
                    self.row("prices", &key, &PRICE, row)?;
                    keys.insert((product.clone(), unit.clone(), quantity.clone(), currency.clone()));
                }
                if rows.len() < 100 {
                    break;
                }
            }
            count += keys.len();
        }
        self.count("prices", count)
    }

    fn order(&self, number: &str) -> Result<(), String> {
        let rows = self.list(&format!(
            "/CustomerOrders?modifiedDateFrom=2000-01-01T00:00:00&orderNumber={}",
            escaped(number)
        ));
        let Some(row) = rows.first() else { return Ok(()) };
        let key = [("order_number", number)];
        self.row("orders", &key, &ORDER, row)?;
        if self.is_waited_for("orders", number) {
            return Ok(());
        }
        let detail = self.line.look(&format!("/CustomerOrders/{number}")).unwrap_or_default();
        self.text("orders", "raw", &key, &detail, &[])?;
        let rows = detail["orderRows"].as_array().cloned().unwrap_or_default();
        for row in &rows {
            let (position, sub) = (row["position"].to_string(), row["subPosition"].to_string());
            let key = [("order_number", number), ("position", &position), ("sub_position", &sub)];
            self.row("order_rows", &key, &ORDER_ROW, row)?;
        }
        self.count_of("order_rows WHERE order_number = ?1", number, rows.len())?;
        let shipments = detail["orderHeader"]["shipments"].as_array().map_or(0, Vec::len);
        self.count_of("shipments WHERE order_number = ?1", number, shipments)
    }

    fn returns(&self) -> Result<(), String> {
        let mut wanted = 0;
        for page in 1.. {
            let rows =
                self.list(&format!("/ReturnOrders?createDateFrom=2000-01-01T00:00:00&pageNumber={page}"));
            for row in &rows {
                let text = |name: &str| row[name].as_str().unwrap_or_default();
                let (number, order) = (text("returnNumber"), text("referenceOrderNumber"));
                if !self.is_wanted(order) {
                    continue;
                }
                wanted += 1;
                let key = [("return_number", number)];
                self.row("returns", &key, &RETURN, row)?;
                let detail = self.line.look(&format!("/ReturnOrders/{number}")).unwrap_or_default();
                self.text("returns", "raw", &key, &detail, &[])?;
            }
            if rows.len() < 100 {
                break;
            }
        }
        self.count("returns", wanted)
    }

    /// What the agent tells of the number of its rows is so.
    fn counts(&self) -> Result<(), String> {
        for (name, only) in [
            ("products", "WHERE removed_at IS NULL"),
            ("customers", "WHERE removed_at IS NULL"),
            ("balances", ""),
            ("prices", ""),
        ] {
            let told = self
                .number(&format!("SELECT coalesce(max(rows), 0) FROM sync_state WHERE entity = '{name}'"));
            self.count(&format!("{name} {only}"), told as usize)
                .map_err(|why| format!("sync_state tells otherwise: {why}"))?;
        }
        Ok(())
    }

    fn is_waited_for(&self, entity: &str, number: &str) -> bool {
        self.exists(&format!("details_wanted WHERE entity = '{entity}' AND number = ?1"), number)
    }

    fn exists(&self, from: &str, value: &str) -> bool {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {from})");
        self.connection
            .prepare_cached(&sql)
            .and_then(|mut found| found.query_row([value], |row| row.get(0)))
            .expect("a statement")
    }

    fn number(&self, sql: &str) -> i64 {
        self.connection.query_row(sql, [], |row| row.get(0)).expect("a statement")
    }

    fn count(&self, from: &str, wanted: usize) -> Result<(), String> {
        let found = self.number(&format!("SELECT count(*) FROM {from}")) as usize;
        if found == wanted { Ok(()) } else { Err(format!("{found} in {from} where {wanted} are right")) }
    }

    fn count_of(&self, from: &str, value: &str, wanted: usize) -> Result<(), String> {
        let found: i64 = self
            .connection
            .prepare_cached(&format!("SELECT count(*) FROM {from}"))
            .and_then(|mut count| count.query_row([value], |row| row.get(0)))
            .expect("a statement");
        if found as usize == wanted {
            Ok(())
        } else {
            Err(format!("{value}: {found} in {from} where {wanted} are right"))
        }
    }

    /// The rows of a list's answer.
    fn list(&self, target: &str) -> Vec<Value> {
        match self.line.look(target) {
            Some(Value::Array(rows)) => rows,
            Some(Value::Object(mut fields)) => {
                fields.values_mut().find_map(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn row(&self, table: &str, key: &[(&str, &str)], columns: &[Column], row: &Value) -> Result<(), String> {
        let names: Vec<&str> = columns.iter().map(|(name, ..)| *name).collect();
        let Some(cells) = self.cells(table, key, &names.join(", "), columns.len()) else {
            return Err(format!("{table} {key:?} is not mirrored"));
        };
        for ((name, field, kind), cell) in columns.iter().zip(cells) {
            let wanted = row.pointer(field).unwrap_or(&Value::Null);
            if !is(*kind, wanted, &cell) {
                return Err(format!("{table} {key:?}: {name} is {cell:?} where Extend shows {wanted}"));
            }
        }
        Ok(())
    }

    /// The record as Extend sent it, but for some fields.
    fn text(
        &self,
        table: &str,
        column: &str,
        key: &[(&str, &str)],
        row: &Value,
        but: &[&str],
    ) -> Result<(), String> {
        let cells = self.cells(table, key, column, 1).unwrap_or_default();
        let Some(Cell::Text(text)) = cells.first() else {
            return Err(format!("{table} {key:?} has no {column}"));
        };
        let mut stored: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut row = row.clone();
        for value in [&mut stored, &mut row] {
            but.iter().for_each(|name| value[*name] = Value::Null);
        }
        if stored == row {
            Ok(())
        } else {
            Err(format!("{table} {key:?}: {column} is {stored} where Extend shows {row}"))
        }
    }

    fn cells(&self, table: &str, key: &[(&str, &str)], columns: &str, count: usize) -> Option<Vec<Cell>> {
        let wheres: Vec<String> =
            key.iter().enumerate().map(|(at, (name, _))| format!("{name} = ?{}", at + 1)).collect();
        let sql = format!("SELECT {columns} FROM {table} WHERE {}", wheres.join(" AND "));
        let values = rusqlite::params_from_iter(key.iter().map(|(_, value)| value));
        let mut statement = self.connection.prepare_cached(&sql).expect("a statement");
        statement
            .query_row(values, |row| (0..count).map(|at| row.get(at)).collect())
            .optional()
            .expect("cells")
    }
}

fn is(kind: Kind, wanted: &Value, cell: &Cell) -> bool {
    match (kind, wanted, cell) {
        (_, Value::Null, Cell::Null) => true,
        (Text, Value::String(wanted), Cell::Text(text)) => wanted == text,
        (Number, Value::Number(wanted), Cell::Real(real)) => wanted.as_f64() == Some(*real),
        (Number, Value::String(wanted), Cell::Real(real)) => wanted.parse() == Ok(*real),
        (Flag, Value::Bool(wanted), Cell::Integer(flag)) => i64::from(*wanted) == *flag,
        (Time, Value::String(wanted), Cell::Text(text)) => {
            text.ends_with('Z') && wanted.parse::<jiff::Timestamp>().ok() == text.parse().ok()
        }
        _ => false,
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
