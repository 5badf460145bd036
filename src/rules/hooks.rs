//! What follows from a webhook. It is a trigger to fetch, never data to store (documented), so hooks that
//! want the same thing merge: a thousand about balances are one list or two.

use std::time::Duration;

use super::mirror::Entity;
use crate::formats::hook::{Hook, Notification};

/// Something that a webhook told has changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Touched {
    /// One record, by Extend's number.
    Record(Entity, String),
    /// Something of this entity: the list of changes shows what.
    Changes(Entity),
}

/// What a webhook touches, each once. Empty where it tells of nothing that is mirrored.
pub fn touched(hook: &Hook) -> Vec<Touched> {
    let mut all: Vec<Touched> = hook.notifications.iter().filter_map(touched_by).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The actions are documented; of the names in their details only those of products are.
fn touched_by(notification: &Notification) -> Option<Touched> {
    let (entity, names): (Entity, &[&str]) = match notification.action.to_ascii_lowercase().as_str() {
        "ordercreated" | "orderpicked" | "orderreserved" | "ordercancelled" | "orderdeliverydatachanged" => {
            (Entity::Orders, &["OrderNumber"])
        }
        // Never record by record (documented). The second spelling was seen.
        "balancechanged" | "availablebalancechanged" | "avaiablebalancechanged" => (Entity::Balances, &[]),
        "productcreated" | "productchanged" => (Entity::Products, &["ProductNumber", "ItemNumber"]),
        "customercreated" | "customerchanged" => (Entity::Customers, &["CustomerNumber"]),
        _ => return None,
    };
    Some(match notification.detail(names) {
        Some(number) => Touched::Record(entity, number.to_owned()),
        None => Touched::Changes(entity),
    })
}

/// Hooks that came close together and are served together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    first: Duration,
    last: Duration,
}

/// No more come after this much silence.
const QUIET: Duration = Duration::from_millis(200);
/// Records are fetched after this long, whether more hooks come or not …
const LONGEST_FOR_RECORDS: Duration = Duration::from_secs(1);
/// … and a list of changes after this long.
const LONGEST_FOR_LISTS: Duration = Duration::from_secs(10);
/// Hooks have the same list asked for no more often than this.
const BETWEEN_LISTS: Duration = Duration::from_millis(500);

impl Burst {
    /// The first hook.
    pub fn new(now: Duration) -> Burst {
        Burst { first: now, last: now }
    }

    /// One more.
    pub fn add(&mut self, now: Duration) {
        self.last = now;
    }

    /// When the records that hooks named are to be fetched.
    pub fn records_due_at(&self) -> Duration {
        (self.last + QUIET).min(self.first + LONGEST_FOR_RECORDS)
    }

    /// When a list of changes is to be asked for. `asked_at` is when hooks last had it asked for.
    pub fn list_due_at(&self, asked_at: Option<Duration>) -> Duration {
        let due = (self.last + QUIET).min(self.first + LONGEST_FOR_LISTS);
        due.max(asked_at.map_or(Duration::ZERO, |at| at + BETWEEN_LISTS))
    }
}

/// Records of one entity that are fetched one by one at the most. Where hooks name more, the list of changes
/// costs less.
pub const ONE_BY_ONE: usize = 50;

/// After this many failures in a row a record waits with those that no hook named.
pub const TRIES: u32 = 3;

/// The pause after a record that could not be fetched while Extend was otherwise well.
pub const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How many webhooks are let in: a minute's worth at once, then evenly.
#[derive(Debug, Clone)]
pub struct Gate {
    per_minute: f64,
    room: f64,
    counted_at: Duration,
}

impl Gate {
    /// Wide open.
    pub fn new(per_minute: u32, now: Duration) -> Gate {
        let per_minute = f64::from(per_minute.max(1));
        Gate { per_minute, room: per_minute, counted_at: now }
    }

    /// Lets one in, or says how long until there is room for it.
    ///
    /// # Errors
    /// The pause.
    pub fn pass(&mut self, now: Duration) -> Result<(), Duration> {
        let per_second = self.per_minute / 60.0;
        let elapsed = now.saturating_sub(self.counted_at).as_secs_f64();
        self.room = (self.room + elapsed * per_second).min(self.per_minute);
        self.counted_at = now;
        if self.room < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.room) / per_second));
        }
        self.room -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::hook;

    fn check(action: &str, details: &str, expected: &[Touched]) {
        let body =
            format!(r#"{{"Id": "1", "Notifications": [{{"Action": "{action}", "Details": {details}}}]}}"#);
        assert_eq!(touched(&hook::parse(body.as_bytes()).unwrap()), expected, "{action} {details}");
    }

    fn record(entity: Entity, number: &str) -> [Touched; 1] {
        [Touched::Record(entity, number.to_owned())]
    }

    #[test]
    fn what_each_action_touches() {
        use Touched::Changes;
        for action in
            ["OrderCreated", "OrderPicked", "OrderReserved", "OrderCancelled", "OrderDeliveryDataChanged"]
        {
            check(action, r#"{"OrderNumber": "OC-1"}"#, &record(Entity::Orders, "OC-1"));
            check(action, r#"{"ordernumber": 17}"#, &record(Entity::Orders, "17"));
            check(action, "{}", &[Changes(Entity::Orders)]);
            check(action, "null", &[Changes(Entity::Orders)]);
        }
        for action in ["BalanceChanged", "AvailableBalanceChanged", "AvaiableBalanceChanged"] {
            check(action, r#"{"ProductNumber": "8010"}"#, &[Changes(Entity::Balances)]);
        }
        check("ProductCreated", r#"{"ProductNumber": "å/1 #"}"#, &record(Entity::Products, "å/1 #"));
        check("productchanged", r#"{"itemNumber": "2"}"#, &record(Entity::Products, "2"));
        check("ProductChanged", r#"{"Number": "2"}"#, &[Changes(Entity::Products)]);
        check("CustomerCreated", r#"{"CustomerNumber": "C"}"#, &record(Entity::Customers, "C"));
        check("CustomerChanged", "[]", &[Changes(Entity::Customers)]);
        for action in ["PurchaseOrderCreated", "PurchaseOrderDelivered", "Ping", "", "OrderSomething"] {
            check(action, r#"{"OrderNumber": "1", "Warehouse": "W"}"#, &[]);
        }
    }

    #[test]
    fn one_hook_that_tells_a_thing_twice_touches_it_once() {
        let one = r#"{"Action": "ProductChanged", "Details": {"ProductNumber": "1"}}"#;
        let two = r#"{"Action": "BalanceChanged", "Details": {"ProductNumber": "1"}}"#;
        let body = format!(r#"{{"Notifications": [{two}, {one}, {one}, {two}]}}"#);
        let all = touched(&hook::parse(body.as_bytes()).unwrap());
        assert_eq!(all, [Touched::Record(Entity::Products, "1".into()), Touched::Changes(Entity::Balances)]);
    }

    #[test]
    fn a_burst_is_served_when_it_is_over_or_lasts_too_long() {
        let ms = Duration::from_millis;
        let mut burst = Burst::new(ms(5000));
        assert_eq!((burst.records_due_at(), burst.list_due_at(None)), (ms(5200), ms(5200)));
        assert_eq!(burst.list_due_at(Some(ms(4500))), ms(5200));
        assert_eq!(burst.list_due_at(Some(ms(4900))), ms(5400), "the same list was asked for just now");
        burst.add(ms(5900));
        assert_eq!((burst.records_due_at(), burst.list_due_at(None)), (ms(6000), ms(6100)));
        burst.add(ms(14_990));
        assert_eq!(burst.list_due_at(None), ms(15_000), "they never end");
    }

    #[test]
    fn a_minutes_worth_passes_at_once_and_then_evenly() {
        let mut gate = Gate::new(120, Duration::ZERO);
        let passed = (0..500).filter(|_| gate.pass(Duration::ZERO).is_ok()).count();
        assert_eq!(passed, 120);
        assert_eq!(gate.pass(Duration::ZERO), Err(Duration::from_millis(500)));
        assert_eq!(gate.pass(Duration::from_secs(1)), Ok(()));
        assert_eq!(gate.pass(Duration::from_secs(1)), Ok(()));
        assert!(gate.pass(Duration::from_secs(1)).is_err());
    }
}
