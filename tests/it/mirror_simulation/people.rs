//! The people who work in Extend: what they change, and what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use extend_edge::rules::mirror::Entity;
use extend_edge::standin::{Balance, Component, CustomerPrice, Desk, Product, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub const WAREHOUSES: [&str; 3] = ["W1", "W2", "W3"];

/// A change may be committed this much later than its date says, in milliseconds: less than the time by
/// which lists of changes overlap.
const LATEST: i64 = 280_000;

/// Where records have their turn soon, a change of what only the detail holds may be committed this much later.
const VERY_LATE: i64 = 3 * 3_600_000;

/// A change that a list of changes must bring: its date by Extend's clock and when it was committed, in
/// milliseconds since the simulation began.
#[derive(Debug, Clone, Copy)]
pub struct Dated {
    pub date: Timestamp,
    pub committed: i64,
}

/// What they did.
pub struct People {
    rng: fastrand::Rng,
    made: u32,
    pub changes: u64,
    /// What was ever taken away, as `table number other`.
    lost: BTreeSet<String>,
    gone_products: Vec<Product>,
    gone_customers: Vec<Value>,
    /// Changes that the mirror has not yet been seen to have.
    pub dated: BTreeMap<(Entity, String), Dated>,
    most_products: usize,
    most_customers: usize,
    /// Changes of details may come too late for every list of changes.
    pub very_late: bool,
}

/// The moment of a change.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: i64,
    pub time: Timestamp,
}

impl People {
    pub fn new(mut rng: fastrand::Rng) -> People {
        let (most_products, most_customers) = (rng.usize(30..140), rng.usize(8..230));
        People {
            rng,
            made: 0,
            changes: 0,
            lost: BTreeSet::new(),
            gone_products: Vec::new(),
            gone_customers: Vec::new(),
            dated: BTreeMap::new(),
            most_products,
            most_customers,
            very_late: false,
        }
    }

    /// The world at the beginning; nothing in it is new.
    pub fn world(&mut self, time: Timestamp) -> World {
        let mut world = World::empty();
        world.clock().stand_at(time - SignedDuration::from_hours(700));
        for name in WAREHOUSES {
            world.warehouses.insert(name.to_owned(), format!("Lager {name}"));
        }
        for (code, name) in [("A", "Ångrat köp"), ("B", "Fel vara")] {
            world.return_codes.insert(code.to_owned(), name.to_owned());
        }
        for _ in 0..self.most_products * 3 / 4 {
            let product = self.product(world.now());
            world.put_product(product);
        }
        for _ in 0..self.most_customers * 3 / 4 {
            let customer = self.customer();
            world.put_customer(customer);
        }
        world
    }

    /// Whether it was ever taken away.
    pub fn was_lost(&self, table: &str, number: &str, other: &str) -> bool {
        let lost = |text: String| self.lost.contains(&text);
        match table {
            "prices" => {
                lost(format!("customers {number} "))
                    || lost(format!("prices {number} {other}"))
                    || lost(format!("prices * {other}"))
            }
            _ => lost(format!("{table} {number} {other}")),
        }
    }

    /// The changes of a list that were committed by `committed`, and are dated before `from`.
    pub fn passed(&self, entity: Entity, committed: i64, from: Timestamp) -> Vec<String> {
        self.dated
            .iter()
            .filter(|((known, _), dated)| {
                *known == entity && dated.committed <= committed && dated.date < from
            })
            .map(|((_, key), _)| key.clone())
            .collect()
    }

    /// One change. Gives what it was.
    pub fn act(&mut self, desk: &Desk, at: Moment) -> String {
        self.changes += 1;
        let mut guard = desk.world();
        let world = &mut *guard;
        let late = self.rng.u32(..4) == 0;
        let date =
            if late { at.time - SignedDuration::from_millis(self.rng.i64(0..LATEST)) } else { at.time };
        world.clock().stand_at(date);
        let dated = Dated { date, committed: at.now };
        let told = match self.rng.u32(..100) {
            0..18 => self.edit_product(world, dated),
            18..28 => self.edit_detail(world, dated),
            28..36 => self.new_product(world, dated),
            36..43 => self.remove_product(world),
            43..47 => self.return_product(world, dated),
            47..65 => self.edit_balance(world, dated),
            65..70 => self.edit_warehouses(world, dated),
            70..82 => self.edit_customers(world, dated),
            82..88 => self.edit_price(world),
            88..91 => self.receive_return(world),
            91..94 => {
                drop(guard);
                let told = self.return_goods(desk);
                guard = desk.world();
                told
            }
            _ => self.edit_order(world, dated),
        };
        guard.clock().stand_at(at.time);
        let told = match told {
            Some(told) => told,
            None => {
                drop(guard);
                self.order_of_others(desk, at)
            }
        };
        if late { format!("{told}, dated {date}") } else { told }
    }

    fn made(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    fn product(&mut self, created: Timestamp) -> Product {
        let made = self.made();
        let number = match made % 7 {
            0 => format!("P {made}/å#"),
            _ => format!("P-{made}"),
        };
        let mut product = Product::new(&number, &format!("Vara {made}"), created);
        product.cost = f64::from(self.rng.u32(100..9000)) / 100.0;
        product.price = (self.rng.u32(..6) > 0).then(|| f64::from(self.rng.u32(100..9000)) / 10.0);
        for warehouse in WAREHOUSES {
            if self.rng.u32(..4) > 0 {
                product.balances.push(Balance::new(warehouse, self.rng.i64(-3..200), Some(created)));
            }
        }
        product
    }

    fn customer(&mut self) -> Value {
        let made = self.made();
        json!({
            "customerNumber": format!("C-{made}"), "name": format!("Kund {made} AB"),
            "organizationNumber": format!("556{made:07}"), "phone": "046-12 34 56",
            "invoiceEmail": format!("faktura{made}@kund.example"),
            "customerFinancialSettings": {"creditLimit": made * 100},
            "customerLogisticsSettings": {"defaultPartialDelivery": "Yes"},
            "customerDeliveryAddress": {"address":
                {"address1": "Gatan 1", "postalCode": "12345", "city": "Lund", "country": "SE"}},
        })
    }

    fn some_product(&mut self, world: &World) -> Option<String> {
        let count = world.products().count();
        let at = self.rng.usize(..count.max(1));
        world.products().nth(at).map(|product| product.number.clone())
    }

    fn some_customer(&mut self, world: &World) -> Option<String> {
        let count = world.customers().count();
        let at = self.rng.usize(..count.max(1));
        world.customers().nth(at).map(|customer| customer.number.clone())
    }

    fn edit_product(&mut self, world: &mut World, dated: Dated) -> Option<String> {
        let number = self.some_product(world)?;
        let (what, made) = (self.rng.u32(..6), self.made());
        world.change_product(&number, |product| match what {
            0 => product.name = format!("Vara {made}"),
            1 => product.cost += 1.25,
            2 => product.categories[1] = Some(format!("Grupp {made}")),
            3 => product.enabled = !product.enabled,
            // A word that no description mentions.
            4 => product.supply_mode = format!("Mode{made}"),
            _ => product.gtin = Some(format!("73{made:011}")),
        });
        if what == 3 || what == 0 {
            self.edit_price_list(world, &number);
        }
        self.dated.insert((Entity::Products, number.clone()), dated);
        Some(format!("edits product {number}"))
    }

    fn edit_price_list(&mut self, world: &mut World, number: &str) {
        let price = (self.rng.u32(..4) > 0).then(|| f64::from(self.rng.u32(100..9000)) / 10.0);
        if price.is_none() {
            self.lost.insert(format!("prices * {number}"));
        }
        world.change_product(number, |product| product.price = price);
    }

    /// What only the detail shows.
    fn edit_detail(&mut self, world: &mut World, dated: Dated) -> Option<String> {
        let number = self.some_product(world)?;
        let part = self.some_product(world)?;
        let (what, made) = (self.rng.u32(..4), self.made());
        let very_late = self.very_late && self.rng.bool();
        if very_late {
            let date = dated.date - SignedDuration::from_millis(self.rng.i64(LATEST..VERY_LATE));
            world.clock().stand_at(date);
        }
        world.change_product(&number, |product| match what {
            0 => product.description = format!("Om vara {made}"),
            1 => product.annulled = !product.annulled,
            2 => product.components.push(Component {
                number: part,
                quantity: f64::from(made % 5 + 1),
                unit: "Stk".into(),
                part_of_price_percent: 10.0,
            }),
            _ => {
                product.components.clear();
                product.extra.insert("productNote".into(), json!(made));
            }
        });
        if very_late {
            // No list of changes brings it, nor what was edited before it and is dated by it now.
            self.dated.remove(&(Entity::Products, number.clone()));
            return Some(format!("edits the detail of product {number}, far too late for any list"));
        }
        self.dated.insert((Entity::Products, number.clone()), dated);
        Some(format!("edits the detail of product {number}"))
    }

    fn new_product(&mut self, world: &mut World, dated: Dated) -> Option<String> {
        if world.products().count() >= self.most_products {
            return self.remove_product(world);
        }
        let product = self.product(dated.date);
        if self.rng.bool() {
            // In no list of changes, until somebody edits it.
            let number = product.number.clone();
            world.add_product_unseen(product);
            return Some(format!("puts in product {number}, without a date"));
        }
        Some(self.put(world, product, dated))
    }

    fn return_product(&mut self, world: &mut World, dated: Dated) -> Option<String> {
        if self.gone_products.is_empty() {
            return self.new_product(world, dated);
        }
        let at = self.rng.usize(..self.gone_products.len());
        let mut product = self.gone_products.swap_remove(at);
        product.changed = Some(dated.date);
        for balance in &mut product.balances {
            balance.changed = Some(dated.date);
        }
        Some(self.put(world, product, dated))
    }

    fn put(&mut self, world: &mut World, product: Product, dated: Dated) -> String {
        let number = product.number.clone();
        self.dated.insert((Entity::Products, number.clone()), dated);
        for balance in &product.balances {
            self.dated.insert((Entity::Balances, balance_key(&number, &balance.warehouse)), dated);
        }
        world.put_product(product);
        format!("puts in product {number}")
    }

    fn remove_product(&mut self, world: &mut World) -> Option<String> {
        if world.products().count() < self.most_products / 2 {
            return None;
        }
        let number = self.some_product(world)?;
        let product = world.product(&number)?.clone();
        world.remove_product(&number);
        self.dated.remove(&(Entity::Products, number.clone()));
        for balance in &product.balances {
            self.lose_balance(&number, &balance.warehouse);
        }
        self.lost.insert(format!("products {number} "));
        self.lost.insert(format!("prices * {number}"));
        self.gone_products.push(product);
        Some(format!("removes product {number}"))
    }

    fn lose_balance(&mut self, number: &str, warehouse: &str) {
        self.lost.insert(format!("balances {number} {warehouse}"));
        self.dated.remove(&(Entity::Balances, balance_key(number, warehouse)));
    }

    fn edit_balance(&mut self, world: &mut World, dated: Dated) -> Option<String> {
        let number = self.some_product(world)?;
        let balances = world.product(&number)?.balances.clone();
        if balances.is_empty() {
            return self.edit_warehouses(world, dated);
        }
        let warehouse = balances[self.rng.usize(..balances.len())].warehouse.clone();
        let (available, next) = (self.rng.i64(-5..300), self.rng.u32(..4) == 0);
        world.set_balance(&number, &warehouse, available);
        if next {
            let when = dated.date + SignedDuration::from_hours(48);
            world.change_balance(&number, &warehouse, |balance| {
                balance.next_receiving = Some((when, 20));
                balance.blocked += 1;
            });
        }
        self.dated.insert((Entity::Balances, balance_key(&number, &warehouse)), dated);
        Some(format!("sets the balance of {number} in {warehouse}"))
    }

    /// A warehouse begins to keep a product, or ceases to.
    fn edit_warehouses(&mut self, world: &mut World, dated: Dated) -> Option<String> {
        let number = self.some_product(world)?;
        let warehouse = WAREHOUSES[self.rng.usize(..WAREHOUSES.len())];
        let kept = world.product(&number)?.balance(warehouse).is_some();
        world.change_product(&number, |product| match kept {
            true => product.balances.retain(|balance| balance.warehouse != warehouse),
            false => product.balances.push(Balance::new(warehouse, 7, Some(dated.date))),
        });
        self.dated.insert((Entity::Products, number.clone()), dated);
        if kept {
            self.lose_balance(&number, warehouse);
        } else {
            self.dated.insert((Entity::Balances, balance_key(&number, warehouse)), dated);
        }
        Some(format!("{} {number} in {warehouse}", if kept { "no longer keeps" } else { "keeps" }))
    }

    fn edit_customers(&mut self, world: &mut World, dated: Dated) -> Option<String> {
        let count = world.customers().count();
        let (what, made) = (self.rng.u32(..10), self.made());
        if what == 0 && count > self.most_customers / 2 {
            let number = self.some_customer(world)?;
            self.gone_customers.push(world.customer(&number)?.value.clone());
            world.remove_customer(&number);
            self.lost.insert(format!("customers {number} "));
            self.dated.remove(&(Entity::Customers, number.clone()));
            return Some(format!("removes customer {number}"));
        }
        let customer = match what {
            1 if count < self.most_customers => self.customer(),
            2 if !self.gone_customers.is_empty() => self.gone_customers.pop()?,
            _ => {
                let number = self.some_customer(world)?;
                let mut value = world.customer(&number)?.value.clone();
                match what {
                    // Not the text that it should be.
                    3 => value["phone"] = json!(made),
                    4 => value["customerNote"] = json!(made),
                    5 => value["customerFinancialSettings"]["creditLimit"] = json!(made),
                    _ => value["customerDeliveryAddress"]["address"]["city"] = json!(format!("Ort {made}")),
                }
                value
            }
        };
        let number = customer["customerNumber"].as_str()?.to_owned();
        world.put_customer(customer);
        self.dated.insert((Entity::Customers, number.clone()), dated);
        Some(format!("puts in customer {number}"))
    }

    /// Prices have no date.
    fn edit_price(&mut self, world: &mut World) -> Option<String> {
        let (customer, number) = (self.some_customer(world)?, self.some_product(world)?);
        if self.rng.u32(..3) == 0 {
            world.remove_price(&customer, &number);
            self.lost.insert(format!("prices {customer} {number}"));
            return Some(format!("takes the prices of {number} from {customer}"));
        }
        let from_quantity = [1, 10, 50][self.rng.usize(..3)];
        let sales_unit = world.product(&number)?.sales_unit.clone();
        let currency = ["SEK", "EUR"][self.rng.usize(..2)].to_owned();
        let price = f64::from(self.rng.u32(100..9000)) / 10.0;
        let told = format!("gives {customer} a price for {number}");
        world.set_price(
            &customer,
            CustomerPrice { product: number, sales_unit, from_quantity, currency, price },
        );
        Some(told)
    }

    fn edit_order(&mut self, world: &mut World, dated: Dated) -> Option<String> {
        let count = world.order_count();
        if count == 0 || self.rng.u32(..4) == 0 {
            return None;
        }
        let at = self.rng.usize(count.saturating_sub(30)..count);
        let order = world.orders().nth(at)?.number.clone();
        let made = self.made();
        let done = match self.rng.u32(..6) {
            0 => world.pick(&order, &[], true),
            1 => world.pick(&order, &[10], false),
            2 => world.pick(&order, &[], false),
            3 => world.annul(&order),
            4 => world.reserve(&order),
            _ => world.change_order(&order, |value| {
                value["orderHeader"]["orderType"] = json!(format!("Type{made}"));
                value["orderRows"][0]["expectedDeliveryDate"] = json!("2027-01-15T00:00:00+01:00");
            }),
        };
        if done {
            self.dated.insert((Entity::Orders, order.clone()), dated);
        }
        // What was picked left the shelf of its warehouse.
        Some(format!("works on order {order}: {done}"))
    }

    /// Another program sends in a return of an order of which something was picked.
    fn return_goods(&mut self, desk: &Desk) -> Option<String> {
        let order = {
            let world = desk.world();
            let count = world.order_count();
            let at = self.rng.usize(count.saturating_sub(30)..count.max(1));
            world.orders().nth(at)?.number.clone()
        };
        let body = json!({
            "createAction":
                {"action": "ReturnCompleteCustomerOrder", "orderNumber": order, "returnCode": "A"},
            "header": {"reference": format!("R-{}", self.made())},
        });
        let answer = desk.answer("POST", "/ReturnOrders", body.to_string().as_bytes());
        (answer.status == 200).then(|| format!("another program returns {order}"))
    }

    /// The goods of a return arrive.
    fn receive_return(&mut self, world: &mut World) -> Option<String> {
        let open: Vec<String> =
            world.returns().filter(|one| one.status == "Ordered").map(|one| one.number.clone()).collect();
        let number = open.get(self.rng.usize(..open.len().max(1)))?;
        world.receive_return(number);
        Some(format!("receives return {number}"))
    }

    /// An order of a customer's, for products that are there.
    pub fn order(&mut self, world: &World) -> Option<Value> {
        let customer = self.some_customer(world)?;
        let mut rows = Vec::new();
        for _ in 0..self.rng.u32(1..4) {
            let number = self.some_product(world)?;
            let quantity = self.rng.u32(2..9);
            rows.push(json!({
                "product": {"productNumber": number}, "salesData": {"quantity": quantity, "unit": "Stk"},
            }));
        }
        let external = format!("W-{}", self.made());
        Some(json!({
            "orderHeader": {"customerNumber": customer, "orderNumberExternal": external},
            "orderRows": rows,
        }))
    }

    fn order_of_others(&mut self, desk: &Desk, at: Moment) -> String {
        let order = self.order(&desk.world());
        let Some(order) = order else { return "does nothing".into() };
        let answer = desk.answer("POST", "/CustomerOrders", order.to_string().as_bytes());
        let made: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let number = made["orderHeader"]["orderNumber"].as_str().unwrap_or_default().to_owned();
        if answer.status == 200 {
            let dated = Dated { date: at.time, committed: at.now };
            self.dated.insert((Entity::Orders, number.clone()), dated);
        }
        format!("another program orders {number}")
    }
}

pub fn balance_key(number: &str, warehouse: &str) -> String {
    format!("{number}\t{warehouse}")
}
