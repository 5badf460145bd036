//! What is sold: products, their balances and their prices, as the world keeps them.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// A product with its balances and its price in the price list.
#[derive(Debug, Clone)]
pub struct Product {
    /// Extend's key for it; may hold spaces, `/`, `#` and letters such as å.
    pub number: String,
    /// Its name.
    pub name: String,
    /// A longer text.
    pub description: String,
    /// The unit that stock is counted in, `Stk`.
    pub unit: String,
    /// The unit that it is sold in, `FRP`.
    pub sales_unit: String,
    /// How many stock units one sales unit holds.
    pub units_per_sales_unit: i64,
    /// One of the supply modes of the API: `Warehouse`, `BillOfMaterials`, `Freight`, …
    pub supply_mode: String,
    /// ISO 4217.
    pub currency: String,
    /// What it costs the shop, a stock unit.
    pub cost: f64,
    /// The standard price of one sales unit without VAT; none where it has no price.
    pub price: Option<f64>,
    /// 25, 12, 6 or 0.
    pub vat_percent: f64,
    /// The number under the bar code.
    pub gtin: Option<String>,
    /// Who makes it.
    pub manufacturer: Option<String>,
    /// The maker's own number for it.
    pub manufacturer_number: Option<String>,
    /// ISO 3166, two letters.
    pub country: String,
    /// The three statistical categories.
    pub categories: [Option<String>; 3],
    /// May be sold.
    pub enabled: bool,
    /// Taken out of use; still there by its number.
    pub annulled: bool,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last edited. A new product may have none, and is then in no list that is narrowed
    /// by change date.
    pub changed: Option<Timestamp>,
    /// What a bill of materials holds.
    pub components: Vec<Component>,
    /// One per warehouse that keeps it.
    pub balances: Vec<Balance>,
    /// Hours that a supplier needs.
    pub lead_time_hours: i64,
    /// Further fields of `productData`, as they are.
    pub extra: Map<String, Value>,
}

impl Product {
    /// A product with everything but number and name at ordinary values, in no warehouse yet.
    pub fn new(number: &str, name: &str, created: Timestamp) -> Product {
        Product {
            number: number.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            unit: "Stk".to_owned(),
            sales_unit: "Stk".to_owned(),
            units_per_sales_unit: 1,
            supply_mode: "Warehouse".to_owned(),
            currency: "SEK".to_owned(),
            cost: 0.0,
            price: None,
            vat_percent: 25.0,
            gtin: None,
            manufacturer: None,
            manufacturer_number: None,
            country: "SE".to_owned(),
            categories: [None, None, None],
            enabled: true,
            annulled: false,
            created,
            changed: Some(created),
            components: Vec::new(),
            balances: Vec::new(),
            lead_time_hours: 24,
            extra: Map::new(),
        }
    }

    /// The product with a balance in one more warehouse, unchanged since it was created.
    pub fn in_warehouse(mut self, warehouse: &str, available: i64) -> Product {
        self.balances.push(Balance::new(warehouse, available, Some(self.created)));
        self
    }

    /// The balance in that warehouse.
    pub fn balance(&self, warehouse: &str) -> Option<&Balance> {
        self.balances.iter().find(|balance| balance.warehouse == warehouse)
    }

    /// How many stock units a quantity in some unit of this product is.
    pub(super) fn stock_units(&self, quantity: f64, unit: &str) -> f64 {
        if unit == self.sales_unit && unit != self.unit {
            quantity * self.units_per_sales_unit as f64
        } else {
            quantity
        }
    }
}

/// One component of a bill of materials.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its product number.
    pub number: String,
    /// How many of `unit` go into one of the parent.
    pub quantity: f64,
    /// The unit of the quantity.
    pub unit: String,
    /// Its part of the parent's price.
    pub part_of_price_percent: f64,
}

/// What one warehouse has of one product, in stock units.
#[derive(Debug, Clone)]
pub struct Balance {
    /// The warehouse's short name.
    pub warehouse: String,
    /// On the shelf.
    pub physical: i64,
    /// Free to sell; may be negative.
    pub available: i64,
    /// Ordered by customers and not picked.
    pub ordered: i64,
    /// Blocked.
    pub blocked: i64,
    /// When the next delivery comes, and how much.
    pub next_receiving: Option<(Timestamp, i64)>,
    /// When it last changed.
    pub changed: Option<Timestamp>,
}

impl Balance {
    /// A balance with everything on the shelf free to sell.
    pub fn new(warehouse: &str, available: i64, changed: Option<Timestamp>) -> Balance {
        Balance {
            warehouse: warehouse.to_owned(),
            physical: available,
            available,
            ordered: 0,
            blocked: 0,
            next_receiving: None,
            changed,
        }
    }
}

/// A price of its own for one customer.
#[derive(Debug, Clone)]
pub struct CustomerPrice {
    /// The product.
    pub product: String,
    /// The unit that the price is for.
    pub sales_unit: String,
    /// From this quantity on.
    pub from_quantity: i64,
    /// ISO 4217.
    pub currency: String,
    /// One sales unit without VAT.
    pub price: f64,
}
