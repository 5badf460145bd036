//! The settings of a shop, what they promise, and what they let happen in an hour of rest.

use std::path::Path;
use std::sync::Arc;

use extend_edge::config::Config;
use extend_edge::standin::World;

use super::people::WAREHOUSES;
use super::shop::{HOUR, MINUTE, SECOND, Shop};
use super::watch;

/// What the shop asks for.
#[derive(Debug, Clone)]
pub struct Settings {
    pub per_minute: u32,
    products: (i64, bool),
    /// In how many hours each record has its turn though no list tells that it changed.
    turn: i64,
    customers: (i64, bool),
    balances: (i64, usize),
    prices: (i64, &'static [&'static str]),
    orders: (i64, &'static str),
    subtract: bool,
}

/// The pause between two rounds of everything, in hours.
const FULL_EVERY: i64 = 1;

impl Settings {
    pub fn new(rng: &mut fastrand::Rng) -> Settings {
        let prices: [&'static [&'static str]; 3] = [&[], &["C-10", "C-11", "C-12", "C-40"], &["*"]];
        Settings {
            per_minute: [120, 300, 300][rng.usize(..3)],
            products: ([60, 300][rng.usize(..2)], rng.u32(..3) > 0),
            turn: [720, 720, 2][rng.usize(..3)],
            customers: ([120, 600][rng.usize(..2)], rng.bool()),
            balances: ([60, 200][rng.usize(..2)], rng.usize(0..4).saturating_sub(1)),
            prices: (1800, prices[[0, 1, 1, 1, 2][rng.usize(..5)]]),
            orders: ([120, 300][rng.usize(..2)], ["ours", "all"][rng.usize(..2)]),
            subtract: rng.bool(),
        }
    }

    pub fn config(&self) -> Arc<Config> {
        let quoted =
            |names: &[&str]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "[extend]\nbase_url = \"http://127.0.0.1:9\"\nclient = \"demo\"\nusername = \"u\"\npassword = \"p\"\n\
             requests_per_minute = {}\n[exchange]\nsubtract_queued = {}\n\
             [products]\nevery_seconds = {}\nfull_every_hours = {FULL_EVERY}\ndetails = {}\ndetails_every_hours = {}\n\
             [customers]\nevery_seconds = {}\nfull_every_hours = {FULL_EVERY}\ndetails = {}\ndetails_every_hours = {}\n\
             [balances]\nevery_seconds = {}\nfull_every_hours = {FULL_EVERY}\nwarehouses = [{}]\n\
             [prices]\nevery_seconds = {}\ncustomers = [{}]\n\
             [orders]\nevery_seconds = {}\nscope = \"{}\"\n",
            self.per_minute,
            self.subtract,
            self.products.0,
            self.products.1,
            self.turn,
            self.customers.0,
            self.customers.1,
            self.turn,
            self.balances.0,
            quoted(&WAREHOUSES[..self.balances.1]),
            self.prices.0,
            quoted(self.prices.1),
            self.orders.0,
            self.orders.1,
        );
        Arc::new(Config::parse(Path::new("/simulated"), &text, None).expect("settings"))
    }

    /// How long after the last change, in milliseconds, the mirror is right at the latest: the pause between
    /// two rounds of everything, and the time that the requests of all that is fetched take.
    pub fn promised(&self, world: &World) -> i64 {
        let products = world.products().count() as i64;
        let customers = world.customers().count() as i64;
        let pages = |rows: i64| rows / 100 + 2;
        let mut requests = 2 * pages(products * 3) + pages(customers) + products + customers;
        requests += world.order_count() as i64 + 2 * pages(products * 2) * self.priced(customers);
        // Of each minute's requests a fifth is kept for orders, and other lists take their turn.
        let minutes = requests * 2 / i64::from(self.per_minute) + 1;
        // The prices of a customer who is gone go when those of the others are fetched next.
        let prices = self.prices.0 * SECOND;
        // What came too late for every list of changes is seen when its record has its turn.
        let turn = if self.has_late_details() { self.turn * HOUR + 15 * MINUTE } else { 0 };
        turn.max(FULL_EVERY * HOUR + prices) + minutes * MINUTE + 5 * MINUTE
    }

    /// Whether changes of details that are in no list of changes are seen before the shop's time is over.
    pub fn has_late_details(&self) -> bool {
        self.products.1 && self.turn < 24
    }

    fn priced(&self, customers: i64) -> i64 {
        if self.prices.1 == ["*"] { customers } else { self.prices.1.len() as i64 }
    }

    /// An hour in which nothing happens at Extend.
    ///
    /// # Errors
    /// More or fewer requests than the settings imply, or something but the state was written.
    pub fn look_at_idle(&self, shop: &mut Shop) -> Result<(), String> {
        shop.line.state().asked.clear();
        let files = shop.files_put_out();
        let before = shop.reader().map(watch::writes).ok_or("no process")?;
        shop.run_until(shop.now + HOUR)?;
        let after = shop.reader().map(watch::writes).ok_or("no process")?;
        let price_lists = shop.line.state().asked.get("ProductPrices").map_or(0, |asked| i64::from(*asked));
        for (name, count) in &after {
            let more = count - before.get(name).copied().unwrap_or(0);
            // When each customer's prices were fetched is the state of that list: one row for each of them.
            let turns = if name == "price_customers" { price_lists } else { 0 };
            // status.json is owed once a minute, as it tells how old everything is.
            if more > turns
                && !["sync_state", "agent", "owed_files", "sync_requests"].contains(&name.as_str())
            {
                return Err(format!("in an hour of rest {more} rows of {name} were written"));
            }
        }
        if shop.files_put_out() > files {
            return Err(format!("in an hour of rest {} files were put out", shop.files_put_out() - files));
        }
        self.requests_are_implied(shop)
    }

    fn requests_are_implied(&self, shop: &Shop) -> Result<(), String> {
        let (products, customers, rows, balances) = {
            let world = shop.line.desk.world();
            let rows: usize = world.products().map(|product| product.balances.len().max(1)).sum();
            let wanted = &WAREHOUSES[..self.balances.1];
            let balances: Vec<usize> = match wanted.is_empty() {
                true => vec![world.products().map(|product| product.balances.len()).sum()],
                false => wanted
                    .iter()
                    .map(|name| world.products().filter(|product| product.balance(name).is_some()).count())
                    .collect(),
            };
            (world.products().count(), world.customers().count(), rows, balances)
        };
        let asked = shop.line.state().asked.clone();
        let pages = |rows: usize| (rows as i64 / 100) + 1;
        let full: i64 = balances.iter().map(|rows| pages(*rows)).sum();
        // A round of changes is one page where nothing changed; a round of everything takes the place of one.
        for (resource, every, lists, full) in [
            ("Products", self.products.0, 1, pages(rows)),
            ("ProductAvailability", self.balances.0, balances.len() as i64, full),
            ("Customers", self.customers.0, 1, pages(customers)),
            ("CustomerOrders", self.orders.0, 1, 1),
        ] {
            let made = i64::from(asked.get(resource).copied().unwrap_or(0));
            let rounds = HOUR / (every * SECOND);
            let most = (rounds + 1) * lists + 2 * full;
            // Each round ends a little after it began, and the next is counted from its end.
            let least = (rounds * 9 / 10 - 1) * lists;
            if made > most || made < least {
                return Err(format!(
                    "{made} requests for {resource} in an hour of rest, where {least} to {most} are implied"
                ));
            }
        }
        // Records have their turn, spread evenly.
        let turns = |details: bool, rows: usize| if details { rows as i64 / self.turn + 2 } else { 0 };
        for (resource, most) in [
            ("Products/", turns(self.products.1, products)),
            ("Customers/", turns(self.customers.1, customers)),
            ("CustomerOrders/", 0),
        ] {
            let made = i64::from(asked.get(resource).copied().unwrap_or(0));
            if made > most {
                return Err(format!(
                    "{made} records of {resource} were asked for in an hour of rest, where {most} are implied"
                ));
            }
        }
        let prices = i64::from(asked.get("ProductPrices").copied().unwrap_or(0));
        let most =
            (HOUR / (self.prices.0 * SECOND) + 1) * self.priced(customers as i64) * pages(products * 3);
        if prices > most {
            return Err(format!("{prices} requests for prices in an hour of rest, where {most} are implied"));
        }
        Ok(())
    }
}
