//! What has long ended is thinned, and what tells one order from another is kept for ever; a home can be moved.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::support::shop::{Plan, Shop, order, program, run};

/// As if all that lies here had come a hundred days earlier. No agent runs.
fn age(shop: &Shop) {
    let database = Connection::open(shop.home().join("data/extend-edge.db")).expect("the database");
    let earlier = |column: &str| format!("{column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '-100 days')");
    for sql in [
        format!("UPDATE files SET content = NULL, {}", earlier("received_at")),
        format!("UPDATE outbox SET {}, {}", earlier("received_at"), earlier("delivered_at")),
    ] {
        database.execute(&sql, []).expect("aged");
    }
}

fn thinned(shop: &Shop) -> Option<i64> {
    shop.number("SELECT count(*) FROM files WHERE thinned = 1")
}

/// Two that were delivered, one of them twice under the same name, one that was refused, and one that waits.
fn old_shop() -> Shop {
    let mut shop = Plan::sample().set("orders.every_seconds", "1").open();
    shop.start();
    shop.wait_up();
    shop.drop_json("order.json", &order("OLD-1", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    shop.drop_json("order.json", &order("OLD-2", "Product-123", 2));
    shop.wait("the second of that name", |shop| {
        shop.receipt("order.json").is_some_and(|one| one["documents"][0]["key"] == "OLD-2")
    });
    shop.wait_state("order.json", "delivered");
    shop.drop_json("bad.json", &order("OLD-3", "No such product", 1));
    shop.wait_state("bad.json", "refused");
    shop.extend.cut_off();
    shop.drop_json("waits.json", &order("OLD-4", "Product-123", 4));
    shop.wait_state("waits.json", "queued");
    shop.wait("the inbox to be empty", |shop| {
        shop.number("SELECT count(*) FROM files WHERE moved = 0") == Some(0)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
    });
    shop.stop();
    age(&shop);
    shop
}

#[test]
fn what_has_long_ended_is_thinned_and_still_known() {
    let mut shop = old_shop();
    shop.start();
    // Before Extend's clock is known nobody can tell whether the own one is right.
    shop.drop_json("new.json", &order("NEW-1", "Product-123", 1));
    shop.wait_state("new.json", "queued");
    assert_eq!(thinned(&shop), Some(0));
    assert_eq!(shop.accepted().len(), 5);
    shop.extend.bring_back().expect("the port");
    shop.wait_state("new.json", "delivered");
    shop.wait("the old ones to be thinned", |shop| thinned(shop) == Some(2));
    // It was delivered only now, so it stays.
    shop.wait_state("waits.json", "delivered");
    assert_eq!(shop.times_at_extend("OLD-4"), 1);
    let left: Vec<String> = shop.accepted().into_keys().collect();
    assert_eq!(left, ["bad.json", "new.json", "waits.json"]);
    assert!(shop.receipt("order.json").is_none() && shop.receipt("order~1.json").is_none());
    assert!(shop.receipt("bad.json").is_some());
    let kept =
        "SELECT count(*) FROM outbox WHERE key IN ('OLD-1', 'OLD-2') AND kind = 'order' AND payload IS NULL
                AND answer IS NULL AND length(content_hash) = 64 AND extend_number IS NOT NULL";
    assert_eq!(shop.number(kept), Some(2));
    assert_eq!(
        shop.number(
            "SELECT count(*) FROM outbox_attempts a JOIN outbox o ON o.id = a.outbox_id
                            WHERE o.payload IS NULL"
        ),
        Some(0)
    );

    // The same again is a copy; other content under its number is not taken.
    shop.drop_json("again.json", &order("OLD-1", "Product-123", 1));
    let copy = shop.wait_state("again.json", "delivered");
    assert_eq!((&copy["duplicateOf"], &copy["key"]), (&serde_json::json!(1), &serde_json::json!("OLD-1")));
    shop.drop_json("other.json", &order("OLD-1", "Product-123", 9));
    assert_eq!(shop.wait_error("other.json").0["code"], "duplicate_key");
    // One more file of that name brings back nothing of the earlier ones.
    shop.drop_json("order.json", &order("NEW-2", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    shop.wait("all receipts", |shop| {
        shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
    });
    assert!(shop.receipt("order~1.json").is_none() && shop.receipt("order~2.json").is_none());
    for key in ["OLD-1", "OLD-2", "OLD-4", "NEW-1", "NEW-2"] {
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
    let shown = shop.run(&["outbox", "show", "1"]);
    assert!(shown.stdout.contains("no longer kept"), "{shown:?}");
    let exported = shop.run(&["outbox", "export", "1"]);
    assert_eq!(exported.code, Some(1), "{exported:?}");
    shop.stop();
}

#[test]
fn what_was_thinned_is_still_known_when_the_database_is_lost() {
    let mut shop = old_shop();
    shop.extend.bring_back().expect("the port");
    shop.start();
    shop.wait("the old ones to be thinned", |shop| thinned(shop) == Some(2));
    shop.wait_state("waits.json", "delivered");
    let backup = shop.home().join("data/backups/extend-edge-2026-01-01T000000Z.db");
    assert_eq!(shop.run(&["backup", &backup.display().to_string()]).code, Some(0));
    shop.stop();
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(shop.home().join(format!("data/extend-edge.db{ending}")));
    }
    shop.start();
    shop.drop_json("again.json", &order("OLD-1", "Product-123", 1));
    shop.wait("the copy to be known", |shop| {
        shop.receipt("again.json").is_some_and(|one| !one["documents"][0]["duplicateOf"].is_null())
    });
    shop.stop();
    assert_eq!(shop.times_at_extend("OLD-1"), 1);
}

#[test]
fn a_clock_that_was_set_forward_thins_nothing() {
    let library = Path::new("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1");
    if !library.exists() {
        eprintln!("SKIPPED: no libfaketime here: the clock was not set");
        return;
    }
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("order.json", &order("W-1", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    shop.stop();
    Connection::open(shop.home().join("data/extend-edge.db"))
        .and_then(|database| database.execute("UPDATE files SET content = NULL", []))
        .expect("settled");
    shop.start_with(&[
        ("LD_PRELOAD", &library.display().to_string()),
        ("FAKETIME", "+5000d"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ]);
    shop.wait_up();
    // What is put out last of all shows that there was time for it.
    let year = || fs::read_to_string(shop.exchange("outgoing/status.json")).unwrap_or_default();
    shop.wait("status.json of years to come", |_| year().contains("\"asOf\": \"204"));
    assert_eq!(thinned(&shop), Some(0));
    assert_eq!(shop.accepted().len(), 1);
    shop.stop();
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_all(&path, &target),
            false => drop(fs::copy(&path, &target).expect("copied")),
        }
    }
}

#[test]
fn a_home_that_was_moved_to_another_computer_goes_on() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("order.json", &order("W-1", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    shop.extend.cut_off();
    shop.drop_json("waits.json", &order("W-2", "Product-123", 2));
    shop.wait_state("waits.json", "queued");
    shop.stop();
    let elsewhere = tempfile::tempdir().expect("another disk");
    let home = elsewhere.path().join("shop");
    copy_all(shop.home(), &home);
    shop.extend.bring_back().expect("the port");
    fs::write(home.join("exchange/inbox/again.json"), order("W-1", "Product-123", 1).to_string())
        .expect("dropped");
    let once = run(program().args(["once", "--home"]).arg(&home));
    assert_eq!(once.code, Some(0), "{once:?}");
    assert!(once.stdout.contains("2 delivered"), "{once:?}");
    assert!(once.stdout.contains("Nothing needs a person"), "{once:?}");
    for key in ["W-1", "W-2"] {
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
    let receipt =
        fs::read_to_string(home.join("exchange/receipts/again.json.receipt.json")).expect("a receipt");
    assert!(receipt.contains("\"duplicateOf\": 1"), "{receipt}");
}
