//! Extend does what it was asked, and its answer never comes or cannot be read: nothing is sent twice.

use std::collections::BTreeMap;
use std::time::Duration;

use extend_edge::standin::{Fault, FaultMatcher, FaultRule, Times};
use serde_json::Value;

use super::outage::assert_each_once;
use crate::support::shop::{PATIENCE, Plan, order, return_of};

const ORDERS: usize = 200;
const RETURNS: usize = 50;

#[test]
fn every_tenth_answer_is_lost_and_each_document_arrives_once() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut shop = Plan::sample().set("extend.timeout_seconds", "1").open();
    let faults = [
        Fault::CloseAfter,
        Fault::HangAfter(Duration::from_secs(5)),
        Fault::ServerErrorAfter,
        Fault::CutAnswer,
        Fault::Garbage,
        Fault::EmptyOk,
        Fault::HtmlAfter,
    ];
    // Every tenth POST is met. A rule does not count what an earlier one has met.
    for (at, fault) in (0u32..).zip(faults.iter().cycle()).take((ORDERS + RETURNS) / 10) {
        let method = Some("POST".to_owned());
        let matcher = FaultMatcher { method, ..FaultMatcher::default() }.skip(at * 9 + 5);
        shop.extend.push_fault(FaultRule { matcher, fault: fault.clone() });
    }
    let mut dropped = BTreeMap::new();
    for at in 0..ORDERS {
        let key = format!("L-{at:03}");
        dropped.insert(format!("order-{at:03}.json"), (key.clone(), order(&key, "Product-123", 1)));
    }
    for at in 0..RETURNS {
        let key = format!("R-{at:03}");
        dropped.insert(format!("return-{at:03}.json"), (key.clone(), return_of(&key)));
    }
    let dropped: BTreeMap<String, (String, Vec<u8>)> = dropped
        .into_iter()
        .map(|(name, (key, document))| (name, (key, document.to_string().into_bytes())))
        .collect();
    dropped.iter().for_each(|(name, (_, bytes))| shop.drop_file(name, bytes));
    let all = (ORDERS + RETURNS) as i64;
    // So slow that it is still at work when its power goes.
    shop.extend.set_latency(Duration::from_millis(8));
    shop.start();
    for kill in 1..=5 {
        shop.wait_until("documents to flow", PATIENCE * 2, |shop| {
            let world = shop.extend.world();
            world.order_count() + world.return_count() > kill * 40
        });
        std::thread::sleep(Duration::from_millis(dice.u64(0..300)));
        shop.kill();
        shop.start();
    }
    shop.wait_until("all to be delivered, and the receipts to say so", PATIENCE * 2, |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(all)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
            && shop.inbox().is_empty()
    });
    shop.stop();
    let met = shop.extend.requests().iter().filter(|record| record.faulty && record.method == "POST").count();
    assert_eq!(met, (ORDERS + RETURNS) / 10);
    assert_each_once(&shop, &dropped);
    let world = shop.extend.world();
    assert_eq!((world.order_count(), world.return_count()), (ORDERS + 1, RETURNS));
    drop(world);
    shop.assert_described(&[]);
}

#[test]
fn two_thousand_documents_through_two_hundred_kills_and_lost_answers() {
    const DOCUMENTS: usize = 2000;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut shop = Plan::sample().set("extend.timeout_seconds", "1").open();
    let method = Some("POST".to_owned());
    let matcher = FaultMatcher { method, ..FaultMatcher::default() }.every(10).times(Times::Always);
    shop.extend.push_fault(FaultRule { matcher, fault: Fault::CloseAfter });
    let dropped: BTreeMap<String, (String, Vec<u8>)> = (0..DOCUMENTS)
        .map(|at| {
            let key = format!("K-{at:04}");
            let document = if at % 5 == 0 { return_of(&key) } else { order(&key, "Product-123", 1) };
            (format!("{at:04}.json"), (key, document.to_string().into_bytes()))
        })
        .collect();
    shop.extend.set_latency(Duration::from_millis(20));
    shop.start();
    let mut files = dropped.iter();
    for _ in 0..200 {
        // They come while it is killed: ten between one death and the next.
        files.by_ref().take(10).for_each(|(name, (_, bytes))| shop.drop_file(name, bytes));
        std::thread::sleep(Duration::from_millis(dice.u64(0..400)));
        shop.kill();
        shop.start();
    }
    shop.wait_until("all to be delivered", PATIENCE * 20, |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(DOCUMENTS as i64)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
            && shop.inbox().is_empty()
    });
    shop.stop();
    assert_each_once(&shop, &dropped);
    let world = shop.extend.world();
    assert_eq!(world.order_count() + world.return_count(), DOCUMENTS + 1);
}

#[test]
fn an_order_that_extend_creates_a_while_after_is_found_and_not_sent_again() {
    let mut shop = Plan::sample().set("outbox.lookup_grace_seconds", "4").open();
    shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::CommitLater(PATIENCE * 60)));
    shop.start();
    shop.drop_json("late.json", &order("LATE-1", "Product-123", 1));
    shop.wait("a look-up that finds nothing", |shop| {
        shop.number("SELECT count(*) FROM outbox_attempts WHERE kind = 'look_up' AND outcome = 'not_found'")
            >= Some(1)
    });
    assert_eq!(shop.extend.commit_late(), 1);
    shop.wait_state("late.json", "delivered");
    assert_eq!(shop.times_at_extend("LATE-1"), 1);
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 1);
    shop.assert_described(&[]);
}

#[test]
fn an_order_that_extend_never_created_is_sent_again() {
    let mut shop = Plan::sample().open();
    shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::CloseBefore));
    shop.start();
    shop.drop_json("lost.json", &order("LOST-1", "Product-123", 1));
    let receipt = shop.wait_state("lost.json", "delivered");
    assert_eq!(receipt["attempts"], 2);
    assert_eq!(shop.times_at_extend("LOST-1"), 1);
    let look_ups = shop.number("SELECT count(*) FROM outbox_attempts WHERE kind = 'look_up'");
    assert!(look_ups >= Some(2), "{look_ups:?}: looked up before it was sent again");
    shop.assert_described(&[]);
}

#[test]
fn a_look_alike_is_left_to_a_person() {
    let mut shop = Plan::sample().open();
    // Another webshop of the same tenant uses the same number, for other goods, at the same moment.
    shop.extend.on_request(|world, record| {
        if record.method == "POST" && world.orders_by_external("SAME-1").is_empty() {
            let number = |order: &mut Value| order["orderHeader"]["orderNumberExternal"] = "SAME-1".into();
            assert!(world.change_order("OC-142", number));
        }
    });
    shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::CloseBefore));
    shop.start();
    shop.drop_json("same.json", &order("SAME-1", "Product-123", 1));
    let receipt = shop.wait_state("same.json", "refused");
    assert_eq!(receipt["error"]["code"], "look_alike");
    assert!(receipt["error"]["message"].as_str().is_some_and(|words| words.contains("OC-142")), "{receipt}");
    let (status, code) = shop.status();
    assert_eq!(code, Some(3));
    assert_eq!(status["needsPerson"][0]["code"], "refused");
    // The person has seen that OC-142 is another's.
    assert_eq!(shop.run(&["outbox", "retry", &receipt["id"].to_string()]).code, Some(0));
    shop.wait_state("same.json", "delivered");
    assert_eq!(shop.times_at_extend("SAME-1"), 2);
    shop.assert_described(&[]);
}
