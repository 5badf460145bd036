//! Two answers that were on their way at the same time come in the wrong order: what is older overwrites
//! nothing, and is asked for again.

use crossbeam_channel::bounded;
use extend_edge::engine::{Event, Hooked, Job};
use extend_edge::extend::jobs::CallJob;
use extend_edge::formats::hook;
use extend_edge::rules::mirror::Entity;
use extend_edge::standin::{CustomerPrice, World};
use serde_json::json;

use super::alone::Alone;
use super::shop::{HOUR, MINUTE};

const SETTINGS: &str = "[products]\ndetails = true\n";

fn filled() -> Alone {
    let mut alone = Alone::new(World::sample(), 6000, SETTINGS);
    let full = "SELECT count(*) FROM sync_state WHERE last_full_at IS NOT NULL";
    let done = alone.run_until(HOUR, |alone| {
        alone.number(full) == 6 && alone.number("SELECT count(*) FROM details_wanted") == 0
    });
    assert!(done, "the mirror was not filled");
    // Nothing is on its way, and the next lists are far off.
    alone.run_until(alone.now + 10_000, |_| false);
    alone
}

fn hook(action: &str, name: &str, number: &str) -> Event {
    let body = json!({"Notifications": [{"Action": action, "Details": {name: number}}]}).to_string();
    let (recorded, _) = bounded(1);
    Event::Hooked(Box::new(Hooked { hook: hook::parse(body.as_bytes()).expect("a webhook"), recorded }))
}

/// The list of changes of `entity`, asked for now.
fn ask_for_changes(alone: &mut Alone, entity: Entity) -> CallJob {
    let sql = "INSERT INTO sync_requests VALUES (?1, 0, '')";
    alone.engine.connection().execute(sql, [entity.name()]).expect("a request");
    let jobs = alone.step(Vec::new());
    let page = jobs.into_iter().find_map(|job| match job {
        Job::Pull(CallJob::Page(page)) if page.entity == entity => Some(CallJob::Page(page)),
        _ => None,
    });
    page.expect("a page is asked for")
}

fn asks_for_page(jobs: &[Job], entity: Entity) -> bool {
    jobs.iter().any(|job| matches!(job, Job::Pull(CallJob::Page(page)) if page.entity == entity))
}

fn city(alone: &Alone) -> String {
    alone.text("SELECT city FROM customers WHERE customer_number = 'Customer-123'")
}

fn move_to(alone: &Alone, city: &str) {
    let mut world = alone.line.desk.world();
    let mut value = world.customer("Customer-123").expect("it").value.clone();
    value["customerDeliveryAddress"]["address"]["city"] = json!(city);
    world.put_customer(value);
}

#[test]
fn a_page_that_is_older_than_what_a_webhook_brought_changes_nothing() {
    let mut alone = filled();
    move_to(&alone, "Umeå");
    let page = ask_for_changes(&mut alone, Entity::Customers);
    let late = alone.call(page);
    // Before its answer is here, the customer moves once more, and a webhook tells of it.
    alone.now += 1000;
    move_to(&alone, "Luleå");
    let jobs = alone.step(vec![hook("CustomerChanged", "CustomerNumber", "Customer-123")]);
    alone.carry_out(jobs);
    assert!(alone.run_until(alone.now + MINUTE, |alone| city(alone) == "Luleå"));
    let jobs = alone.step(vec![late]);
    assert_eq!(city(&alone), "Luleå");
    assert!(asks_for_page(&jobs, Entity::Customers), "the page is asked for again");
    alone.carry_out(jobs);
    let cursor = alone.text("SELECT cursor FROM sync_state WHERE entity = 'customers'");
    assert!(alone.run_until(alone.now + MINUTE, |alone| {
        alone.text("SELECT cursor FROM sync_state WHERE entity = 'customers'") > cursor
    }));
    assert_eq!(city(&alone), "Luleå");
}

#[test]
fn a_page_does_not_bring_back_what_was_found_gone_since_it_was_asked_for() {
    let mut alone = filled();
    move_to(&alone, "Umeå");
    let page = ask_for_changes(&mut alone, Entity::Customers);
    let late = alone.call(page);
    alone.line.desk.world().remove_customer("Customer-123");
    let jobs = alone.step(vec![hook("CustomerChanged", "CustomerNumber", "Customer-123")]);
    alone.carry_out(jobs);
    let gone =
        "SELECT count(*) FROM customers WHERE customer_number = 'Customer-123' AND removed_at IS NOT NULL";
    assert!(alone.run_until(alone.now + MINUTE, |alone| alone.number(gone) == 1));
    let jobs = alone.step(vec![late]);
    assert_eq!(alone.number(gone), 1);
    alone.carry_out(jobs);
    alone.run_until(alone.now + MINUTE, |_| false);
    assert_eq!(alone.number(gone), 1);
}

#[test]
fn a_record_that_is_older_than_the_list_is_fetched_again() {
    let mut alone = filled();
    let describe = |alone: &Alone, text: &str| {
        alone.line.desk.world().change_product("Product-123", |product| product.description = text.to_owned())
    };
    let description =
        |alone: &Alone| alone.text("SELECT description FROM products WHERE product_number = 'Product-123'");
    describe(&alone, "first");
    let page = ask_for_changes(&mut alone, Entity::Products);
    let event = alone.call(page);
    // The record is asked for, and its answer is late.
    let mut late = None;
    let mut events = vec![event];
    for _ in 0..20 {
        let jobs = alone.step(std::mem::take(&mut events));
        for job in jobs {
            match job {
                Job::Pull(CallJob::Details(job)) => late = Some(alone.call(CallJob::Details(job))),
                Job::Pull(job) => events.push(alone.call(job)),
                other => alone.carry_out(vec![other]),
            }
        }
        if late.is_some() {
            break;
        }
    }
    let late = late.expect("the record was asked for");
    // Meanwhile a list shows that it changed once more.
    alone.now += 1000;
    describe(&alone, "second");
    let page = ask_for_changes(&mut alone, Entity::Products);
    let event = alone.call(page);
    let jobs = alone.step(vec![event]);
    alone.carry_out(jobs);
    alone.run_until(alone.now + 2000, |_| false);
    let jobs = alone.step(vec![late]);
    alone.carry_out(jobs);
    assert!(alone.run_until(alone.now + MINUTE, |alone| description(alone) == "second"));
}

#[test]
fn the_prices_of_a_customer_that_changed_are_fetched_with_its_webhook() {
    let settings =
        "[products]\ndetails = false\n[prices]\ncustomers = [\"Customer-123\"]\nevery_seconds = 86400\n";
    let mut alone = Alone::new(World::sample(), 6000, settings);
    let price = "SELECT coalesce(max(price), 0) FROM prices WHERE product_number = 'Product-123' AND from_quantity = 1";
    let price = |alone: &Alone| -> f64 {
        alone.engine.connection().query_row(price, [], |row| row.get(0)).expect("a price")
    };
    assert!(alone.run_until(HOUR, |alone| price(alone) > 0.0), "no price came");
    alone.run_until(alone.now + 10_000, |_| false);
    alone.line.desk.world().set_price(
        "Customer-123",
        CustomerPrice {
            product: "Product-123".into(),
            sales_unit: "Stk".into(),
            from_quantity: 1,
            currency: "SEK".into(),
            price: 7.25,
        },
    );
    alone.run_until(alone.now + MINUTE, |_| false);
    assert_ne!(price(&alone), 7.25, "nothing tells of a price alone");
    let jobs = alone.step(vec![hook("CustomerChanged", "CustomerNumber", "Customer-123")]);
    alone.carry_out(jobs);
    assert!(alone.run_until(alone.now + 10_000, |alone| price(alone) == 7.25));
}
