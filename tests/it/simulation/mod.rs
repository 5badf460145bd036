//! Shop-days in a made-up world: the real engine, rules, store and calls, with clock, disk, network and
//! Extend made up and driven by one seed.
//!
//! A run that fails prints its seed. `EXTEND_EDGE_SIM_SEED=… cargo test simulation` runs that shop
//! again and tells all that happened in it. `cargo test -- --ignored simulation_long` runs as many days
//! as `EXTEND_EDGE_SIM_DAYS` says (a million), from the seed `EXTEND_EDGE_SIM_FROM`.

mod changes;
mod check;
mod disk;
mod extend;
mod herd;
mod shop;
mod world;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use world::World;

/// Days of one shop: its database grows with it.
const DAYS_OF_A_SHOP: i64 = 40;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

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

/// A panic of the engine is a failure as any other.
fn shop_or_panic(seed: u64) -> Result<u64, String> {
    std::panic::catch_unwind(|| shop(seed, false).0).unwrap_or_else(|_| Err("it panicked".into()))
}

/// SQLite counts its memory under a lock that all its connections share, and two shops on two threads
/// would be slower than one. Nothing happens where SQLite runs already.
fn count_no_memory() {
    #[allow(unsafe_code)]
    // SAFETY: sqlite3_config may be called before SQLite is initialised, and tells where it is too late.
    unsafe {
        rusqlite::ffi::sqlite3_config(rusqlite::ffi::SQLITE_CONFIG_MEMSTATUS, 0);
    }
}

fn shops(from: u64, days: u64) {
    count_no_memory();
    let shops = days.div_ceil(DAYS_OF_A_SHOP as u64);
    let (next, steps, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let failed = std::sync::Mutex::new(Vec::new());
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= shops {
                return;
            }
            match shop_or_panic(from + index) {
                Ok(made) => {
                    steps.fetch_add(made, Ordering::Relaxed);
                }
                Err(why) => {
                    failed.lock().expect("no panic").push((index, from + index, why));
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(worker);
        }
    });
    let mut failed = failed.into_inner().expect("no panic");
    failed.sort_unstable();
    if let Some((index, seed, why)) = failed.first() {
        panic!("seed {seed}, after {} days: {why}", index * DAYS_OF_A_SHOP as u64);
    }
    let took = began.elapsed().as_secs_f64();
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

#[test]
fn simulation_tells_the_same_story_for_the_same_seed() {
    let (first, second) = (shop(7, true), shop(7, true));
    let differs = first.1.iter().zip(&second.1).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!(first.0, second.0);
}
