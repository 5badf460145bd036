//! How long it takes until the mirror of a large shop can be used, and until it is complete: in simulated time,
//! with as many requests a minute as the settings have, and Extend counting them.

use extend_edge::standin::World;

use super::alone::Alone;
use super::shop::{HOUR, MINUTE};

/// Lets an empty mirror be filled, and says what it took.
fn fill(products: usize, per_minute: u32) {
    let began = std::time::Instant::now();
    let world = World::generated(products, 3, products / 10, 1);
    let mut alone = Alone::new(world, per_minute, "");
    let rows = |alone: &Alone, from: &str| alone.number(&format!("SELECT count(*) FROM {from}")) as usize;
    let lists = "sync_state WHERE last_full_at IS NOT NULL";
    let is_usable = alone.run_until(20 * MINUTE, |alone| rows(alone, lists) == 6);
    assert!(is_usable, "not usable after 20 minutes: {:?}", alone.line.state().asked);
    let usable = alone.now;
    assert_eq!(rows(&alone, "products WHERE name IS NOT NULL AND removed_at IS NULL"), products);
    assert_eq!(rows(&alone, "balances"), products * 3);
    assert_eq!(rows(&alone, "customers"), products / 10);
    let first = alone.line.state().asked.clone();

    assert!(
        alone.run_until(5 * HOUR, |alone| rows(alone, "details_wanted") == 0),
        "not complete after 5 hours"
    );
    let complete = alone.now;
    assert_eq!(rows(&alone, "products WHERE raw IS NOT NULL AND description IS NOT NULL"), products);
    // The balances were fresh all the while: a list of changes a minute, and each within its time.
    let asked = alone.line.state().asked.clone();
    let least = (complete - usable) / MINUTE * 8 / 10;
    assert!(i64::from(asked["ProductAvailability"] - first["ProductAvailability"]) >= least, "{asked:?}");
    let all: u32 = asked.values().sum();
    println!(
        "{products} products in 3 warehouses at {per_minute} requests a minute: usable after {:.1} minutes, complete \
         after {:.1} hours and {all} requests ({:.0} s of real time)",
        usable as f64 / MINUTE as f64,
        complete as f64 / HOUR as f64,
        began.elapsed().as_secs_f64()
    );
}

/// A tenth of the shop with a tenth of the requests takes as long.
#[test]
fn a_large_shop_is_usable_in_minutes_and_complete_in_hours() {
    fill(5_000, 30);
}

#[test]
#[ignore = "takes minutes"]
fn fifty_thousand_products_are_usable_in_twenty_minutes_and_complete_in_hours() {
    fill(50_000, 300);
}
