//! Shop-hours in which Extend's world changes at random, by the thousand, while the real engine mirrors it:
//! clock, disk, line and people are made up and driven by one seed; Extend is the stand-in, asked without a
//! socket.
//!
//! At every step: nothing is taken away that never left Extend, no row is written as it was, and no cursor
//! passes a change that is not stored. At every rest, after the time that the settings promise: the mirror
//! is what Extend shows, record by record; a webshop that followed the numbered files has what the snapshots
//! have. In the hour after it: the requests that the settings imply, and no write but the state's.
//!
//! A run that fails prints its seed. `EXTEND_EDGE_MIRROR_SEED=… cargo test mirror_simulation` runs that shop
//! again and tells all that happened in it. `cargo test -- --ignored mirror_simulation_long` runs as many
//! shops as `EXTEND_EDGE_MIRROR_SHOPS` says (a thousand), from the seed `EXTEND_EDGE_MIRROR_FROM`.

mod alone;
mod check;
mod compare;
mod filling;
mod line;
mod order_of_answers;
mod people;
mod settings;
mod shop;
mod trouble;
mod watch;
mod webshop;

use std::sync::atomic::{AtomicU64, Ordering};

use shop::Shop;

use super::support::seeds::{self, number};

/// Times of trouble in one shop.
const EPISODES: usize = 3;

/// What a shop came to.
#[derive(Default)]
struct Told {
    steps: AtomicU64,
    changes: AtomicU64,
    hours: AtomicU64,
}

fn shop(seed: u64, trace: bool, told: &Told) -> (Result<(), String>, Vec<String>) {
    let mut shop = Shop::new(seed, trace);
    let result = (1..=EPISODES).try_for_each(|episode| {
        shop.episode().map_err(|why| format!("episode {episode}: {why} (at {})", shop.now))
    });
    told.steps.fetch_add(shop.steps, Ordering::Relaxed);
    told.changes.fetch_add(shop.people.changes, Ordering::Relaxed);
    told.hours.fetch_add((shop.now / shop::HOUR) as u64, Ordering::Relaxed);
    (result, shop.trace.take().unwrap_or_default())
}

fn shops(from: u64, count: u64) {
    let told = Told::default();
    let took = seeds::run(from, count, |seed| shop(seed, false, &told).0);
    let sum = |number: &AtomicU64| number.load(Ordering::Relaxed);
    println!(
        "{count} shops, {} hours with {} changes in {took:.1} s, {} steps",
        sum(&told.hours),
        sum(&told.changes),
        sum(&told.steps)
    );
}

#[test]
fn mirror_simulation() {
    if let Some(seed) = number("EXTEND_EDGE_MIRROR_SEED") {
        let (result, lines) = shop(seed, true, &Told::default());
        lines.iter().for_each(|line| println!("{line}"));
        result.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        return;
    }
    shops(number("EXTEND_EDGE_MIRROR_FROM").unwrap_or(1), number("EXTEND_EDGE_MIRROR_SHOPS").unwrap_or(8));
}

#[test]
#[ignore = "runs for as long as it is told to"]
fn mirror_simulation_long() {
    shops(
        number("EXTEND_EDGE_MIRROR_FROM").unwrap_or(1_000_000),
        number("EXTEND_EDGE_MIRROR_SHOPS").unwrap_or(1000),
    );
}

#[test]
fn mirror_simulation_tells_the_same_story_for_the_same_seed() {
    let told = Told::default();
    let (first, second) = (shop(7, true, &told), shop(7, true, &told));
    let differs = first.1.iter().zip(&second.1).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!(first.0, second.0);
}
