//! An outage, and an agent that loses its power again and again in it: every order arrives, once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::shop::{PATIENCE, Plan, Shop, order};

const ORDERS: usize = 500;

fn file(at: usize) -> String {
    format!("order-{at:04}.json")
}

fn key(at: usize) -> String {
    format!("W-{at:04}")
}

/// Lets some time go by, as it happens: any moment is as good as another.
fn some_moment(dice: &mut fastrand::Rng, most: u64) {
    std::thread::sleep(Duration::from_millis(dice.u64(0..most)));
}

/// Every order is at Extend once, every receipt says so, every original is kept byte for byte.
pub fn assert_each_once(shop: &Shop, dropped: &BTreeMap<String, (String, Vec<u8>)>) {
    for (name, (key, _)) in dropped {
        let receipt = shop.receipt(name).unwrap_or_default();
        let document = &receipt["documents"][0];
        assert_eq!(document["state"], "delivered", "{name}");
        assert_eq!(document["key"], *key, "{name}");
        let world = shop.extend.world();
        let orders = world.orders_by_external(key).into_iter().map(|order| order.number.clone());
        let returns = world.returns().filter(|known| known.reference.as_deref() == Some(key));
        let numbers: Vec<String> = orders.chain(returns.map(|known| known.number.clone())).collect();
        assert_eq!(numbers, [document["extendNumber"].as_str().unwrap_or_default()], "{name}");
    }
    assert_eq!(shop.inbox(), Vec::<String>::new());
    let originals = shop.accepted();
    assert_eq!(originals.len(), dropped.len());
    for (name, (_, bytes)) in dropped {
        assert!(originals[name] == *bytes, "{name} is not as it was dropped");
    }
    assert!(shop.exchange("rejected").read_dir().expect("rejected/").next().is_none());
}

#[test]
fn five_hundred_orders_and_ten_losses_of_power() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut shop = Plan::sample().open();
    shop.extend.cut_off();
    let mut dropped = BTreeMap::new();
    let mut drop_some = |shop: &Shop, from: usize, to: usize| {
        for at in from..to {
            let text = format!("{}\r\n", order(&key(at), "Product-123", 1 + at as i64 % 3));
            shop.drop_file(&file(at), &text);
            dropped.insert(file(at), (key(at), text.into_bytes()));
        }
    };
    // Three times while Extend is away and the orders are dropped …
    shop.start();
    for part in 0..3 {
        drop_some(&shop, part * 150, (part + 1) * 150);
        some_moment(&mut dice, 400);
        shop.kill();
        shop.start();
    }
    drop_some(&shop, 450, ORDERS);
    shop.wait("all orders to be taken over", |shop| {
        shop.number("SELECT count(*) FROM outbox") == Some(ORDERS as i64)
    });
    assert_eq!(shop.extend.world().order_count(), 1, "the sample order");
    let (status, code) = shop.status();
    assert_eq!((status["extend"]["state"].as_str(), code), (Some("away"), Some(0)), "{status:#}");
    assert_eq!(status["outbox"]["queued"], ORDERS);
    assert_eq!(status["needsPerson"], serde_json::json!([]));

    // … and seven times while the orders flow.
    shop.extend.set_latency(Duration::from_millis(3));
    shop.extend.bring_back().expect("the port");
    for kill in 1..=7 {
        let enough = 1 + kill * 60;
        shop.wait_until("orders to flow", PATIENCE * 2, |shop| shop.extend.world().order_count() > enough);
        some_moment(&mut dice, 150);
        shop.kill();
        shop.start();
    }
    shop.wait_until("all to be delivered, and the receipts to say so", PATIENCE * 2, |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(ORDERS as i64)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
            && shop.inbox().is_empty()
    });
    shop.stop();
    assert_each_once(&shop, &dropped);
    assert_eq!(shop.extend.world().order_count(), ORDERS + 1);
    shop.assert_described(&[]);
}
