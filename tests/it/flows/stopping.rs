//! Asked to end, the agent ends soon, with nothing half done: what it left, the next one completes.
#![cfg(unix)]

use std::process::ExitStatus;
use std::time::Duration;

use extend_edge::standin::{Fault, FaultRule};

use crate::support::shop::{PATIENCE, Plan, Shop, order};

/// What the command promises.
const SOON: Duration = Duration::from_secs(5);

fn assert_ended((status, took): (ExitStatus, Duration), when: &str) {
    assert_eq!(status.code(), Some(0), "{when}: {status}");
    assert!(took < SOON, "{when}: it took {took:?}");
}

fn nothing_half_done(shop: &Shop) {
    let half = |folder: &str| {
        let entries = std::fs::read_dir(shop.exchange(folder)).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".tmp")).collect::<Vec<_>>()
    };
    for folder in ["receipts", "rejected", "outgoing", "outgoing/changes", "outgoing/orders"] {
        assert_eq!(half(folder), Vec::<String>::new(), "{folder}");
    }
}

#[test]
fn at_rest() {
    let mut shop = Plan::sample().open();
    for signal in ["TERM", "INT"] {
        shop.start();
        shop.wait("the mirror to be filled", |shop| {
            shop.number("SELECT count(*) FROM sync_state WHERE last_success_at IS NOT NULL") >= Some(6)
                && shop.number("SELECT count(*) FROM owed_files") == Some(0)
        });
        assert_ended(shop.signal(signal), signal);
        nothing_half_done(&shop);
    }
    shop.assert_described(&[]);
}

#[test]
fn while_extend_is_away() {
    let mut shop = Plan::sample().open();
    shop.extend.cut_off();
    shop.start();
    shop.drop_json("order.json", &order("AWAY-1", "Product-123", 1));
    shop.wait_state("order.json", "queued");
    assert_ended(shop.signal("TERM"), "away");
    nothing_half_done(&shop);
}

#[test]
fn while_a_call_hangs() {
    for (at, fault) in [Fault::Hang(PATIENCE), Fault::HangAfter(PATIENCE)].into_iter().enumerate() {
        let mut shop = Plan::sample().set("extend.timeout_seconds", "60").open();
        shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", fault));
        shop.start();
        let key = format!("HANGS-{at}");
        shop.drop_json("order.json", &order(&key, "Product-123", 1));
        shop.wait("the call to hang", |shop| shop.requests("POST", "CustomerOrders").len() == 1);
        assert_ended(shop.signal("TERM"), "a hanging POST");
        nothing_half_done(&shop);
        shop.start();
        shop.wait_state("order.json", "delivered");
        assert_eq!(shop.times_at_extend(&key), 1);
        shop.stop();
        shop.assert_described(&[]);
    }
}

#[test]
fn while_lists_and_probes_hang() {
    let mut shop = Plan::sample().set("extend.timeout_seconds", "60").open();
    shop.extend.push_fault(FaultRule::always("GET", "ProductAvailability", Fault::Hang(PATIENCE)));
    shop.start();
    shop.wait("a list to hang", |shop| !shop.requests("GET", "ProductAvailability").is_empty());
    assert_ended(shop.signal("INT"), "a hanging list");
    shop.extend.clear_faults();
    shop.extend.push_fault(FaultRule::everything(Fault::Hang(PATIENCE)));
    shop.extend.forget_requests();
    shop.start();
    shop.wait("the probe to hang", |shop| shop.extend.request_count() > 0);
    assert_ended(shop.signal("TERM"), "a hanging probe");
    nothing_half_done(&shop);
    shop.extend.clear_faults();
    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    shop.assert_described(&[]);
}

#[test]
fn while_thousands_of_files_flow() {
    const FILES: usize = 2000;
    let mut shop = Plan::sample().open();
    for at in 0..FILES {
        shop.drop_file(
            &format!("f-{at:04}.json"),
            order(&format!("F-{at:04}"), "Product-123", 1).to_string(),
        );
    }
    shop.start();
    for part in [1, FILES / 8, FILES / 3, FILES * 2 / 3] {
        shop.wait("the files to flow", |shop| shop.number("SELECT count(*) FROM files") >= Some(part as i64));
        assert_ended(shop.signal("TERM"), "files flow");
        nothing_half_done(&shop);
        shop.start();
    }
    shop.wait("orders to be sent", |shop| shop.extend.world().order_count() > FILES / 2);
    assert_ended(shop.signal("TERM"), "orders flow");
    let sending = shop.number("SELECT count(*) FROM outbox WHERE state = 'sending'");
    assert_eq!(sending, Some(0), "what was under way was let end");
    nothing_half_done(&shop);
    shop.start();
    shop.wait("all to be delivered", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(FILES as i64)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
            && shop.inbox().is_empty()
    });
    shop.stop();
    assert_eq!(shop.extend.world().order_count(), FILES + 1);
    assert_eq!(shop.accepted().len(), FILES);
    shop.assert_described(&[]);
}
