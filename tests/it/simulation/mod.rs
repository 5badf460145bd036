//! Shop-days in a made-up world: the real engine, rules, store and calls, with clock, disk, network and
//! Extend made up and driven by one seed.
//!
//! A run that fails prints its seed. `EXTEND_EDGE_SIM_SEED=… cargo test simulation` runs that shop
//! again and tells all that happened in it. `cargo test -- --ignored simulation_long` runs as many days
//! as `EXTEND_EDGE_SIM_DAYS` says (a million), from the seed `EXTEND_EDGE_SIM_FROM`.

mod came;
mod changes;
mod check;
mod disk;
mod extend;
mod herd;
mod plan;
mod shop;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use world::World;

use super::support::seeds::{self, number};

/// Days of one shop: its database grows with it.
const DAYS_OF_A_SHOP: i64 = 40;

/// One shop. `Err`: the day and what did not hold.
fn shop(seed: u64, trace: bool) -> (Result<u64, String>, Vec<String>) {
    let mut world = World::new(seed, trace);
    let result = (0..DAYS_OF_A_SHOP)
        .try_for_each(|day| world.day(day).map_err(|why| format!("day {day}: {why} (at {})", world.now)));
    let steps = world.steps;
    let mut told = world.trace.take().unwrap_or_default();
    told.extend(world.wire.lock().trace.take().unwrap_or_default());
    (result.map(|()| steps), told)
}

fn shops(from: u64, days: u64) {
    let steps = AtomicU64::new(0);
    let took = seeds::run(from, days.div_ceil(DAYS_OF_A_SHOP as u64), |seed| {
        let made = shop(seed, false).0?;
        steps.fetch_add(made, Ordering::Relaxed);
        Ok(())
    });
    println!("{days} days in {took:.1} s, {:.0} a second, {} steps", days as f64 / took, steps.into_inner());
}

/// The seeds that every test run goes through.
const FROM: u64 = 1;

#[test]
fn simulation() {
    if let Some(seed) = number("EXTEND_EDGE_SIM_SEED") {
        let (result, told) = shop(seed, true);
        told.iter().for_each(|line| println!("{line}"));
        result.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        return;
    }
    shops(number("EXTEND_EDGE_SIM_FROM").unwrap_or(FROM), number("EXTEND_EDGE_SIM_DAYS").unwrap_or(10_000));
}

#[test]
#[ignore = "runs for as long as it is told to"]
fn simulation_long() {
    shops(
        number("EXTEND_EDGE_SIM_FROM").unwrap_or(1_000_000),
        number("EXTEND_EDGE_SIM_DAYS").unwrap_or(1_000_000),
    );
}

/// What a shop's database and folders hold after so many days.
fn holds(world: &World) -> Option<String> {
    let connection = world.process.as_ref()?.engine.connection();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap_or(-1);
    let pages = number("SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count");
    Some(format!(
        "{:5} documents, {:4} unfinished, {:4} kB of payloads and answers, {:5} attempts, {:5} orders mirrored, \
         {:6} kB in use, {:5} files in the folders",
        number("SELECT count(*) FROM outbox"),
        number("SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending', 'refused')"),
        number("SELECT coalesce(sum(length(payload) + coalesce(length(answer), 0)), 0) / 1024 FROM outbox"),
        number("SELECT count(*) FROM outbox_attempts"),
        number("SELECT count(*) FROM orders"),
        pages * number("PRAGMA page_size") / 1024,
        world.disk.stored.len(),
    ))
}

#[test]
#[ignore = "a year of three shops, for its figures"]
fn simulation_year() {
    // Seeds of shops that keep what has ended for 1, 7 and 90 days.
    for keep_days in [1, 7, 90] {
        let mut seeds = FROM..;
        let mut world = seeds
            .by_ref()
            .map(|seed| World::new(seed, false))
            .find(|world| world.config.exchange.keep_days == keep_days)
            .expect("a shop");
        println!("keep_days = {keep_days}");
        for day in 0..365 {
            world.day(day).unwrap_or_else(|why| panic!("day {day}: {why}"));
            if day % 73 == 72 {
                println!("  day {:3}: {}", day + 1, holds(&world).unwrap_or_default());
            }
        }
    }
}

#[test]
fn simulation_tells_the_same_story_for_the_same_seed() {
    let (first, second) = (shop(7, true), shop(7, true));
    let differs = first.1.iter().zip(&second.1).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!(first.0, second.0);
}
