//! The database is damaged or gone: no order is lost and none doubled.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use extend_edge::standin::{Fault, FaultMatcher, FaultRule};
use serde_json::Value;

use crate::support::shop::{PATIENCE, Plan, Shop, files_in, order, return_of};

/// What a shop had dropped when its database was lost: file and key, by what must come of it.
struct Dropped {
    arrive: Vec<(String, String)>,
    refused: String,
    cancelled: String,
}

fn database(shop: &Shop) -> PathBuf {
    shop.home().join("data/extend-edge.db")
}

fn key_of(shop: &Shop, file: &str) -> String {
    let receipt = shop.receipt(file).unwrap_or_default();
    receipt["documents"][0]["key"].as_str().unwrap_or_default().to_owned()
}

fn at_extend(shop: &Shop, key: &str) -> Vec<String> {
    let world = shop.extend.world();
    let orders = world.orders_by_external(key).into_iter().map(|order| order.number.clone());
    let returns = world.returns().filter(|known| known.reference.as_deref() == Some(key));
    orders.chain(returns.map(|known| known.number.clone())).collect()
}

/// Orders and returns in every state, and an agent that has lost its power.
fn fill(shop: &mut Shop) -> Dropped {
    let mut files = Vec::new();
    shop.start();
    shop.wait_up();
    shop.drop_json("refused.json", &order("NO-1", "No such product", 1));
    shop.wait_state("refused.json", "refused");
    for at in 0..20 {
        let (file, key) = (format!("order-{at:02}.json"), format!("K-{at:02}"));
        shop.drop_json(&file, &order(&key, "Product-123", 1 + at % 3));
        files.push(file);
    }
    for at in 0..5 {
        let file = format!("return-{at}.json");
        shop.drop_json(&file, &return_of(&format!("R-{at}")));
        files.push(file);
    }
    // One name again and again, without a number of the shop's.
    for at in 0..4 {
        let mut unkeyed = order("", "Product-123", 100 + at);
        unkeyed["orderHeader"].as_object_mut().expect("a header").remove("orderNumberExternal");
        shop.drop_json("same-name.json", &unkeyed);
        let taken = Some(at + 1);
        shop.wait("it to be taken", |shop| {
            shop.number("SELECT count(*) FROM files WHERE name = 'same-name.json' AND moved = 1") == taken
        });
    }
    shop.drop_json("copy.json", &order("K-03", "Product-123", 1));
    files.iter().for_each(|file| drop(shop.wait_state(file, "delivered")));
    shop.wait_state("copy.json", "delivered");
    shop.wait("the receipts", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(29)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
    });
    // At Extend, and nobody here knows: the answers are lost, and so is the line before a look-up.
    let matcher = FaultMatcher { method: Some("POST".into()), ..FaultMatcher::default() };
    shop.extend.push_fault(FaultRule { matcher, fault: Fault::CloseAfter });
    // Not of every GET: one of the mirror's would end the line before the order is sent.
    shop.extend.push_fault(FaultRule::always("GET", "CustomerOrders", Fault::CloseBefore));
    shop.drop_json("unclear.json", &order("U-1", "Product-123", 2));
    shop.wait("Extend to have it", |shop| at_extend(shop, "U-1").len() == 1);
    files.push("unclear.json".into());
    shop.extend.cut_off();
    shop.extend.clear_faults();
    for at in 20..46 {
        let (file, key) = (format!("order-{at:02}.json"), format!("K-{at:02}"));
        shop.drop_json(&file, &order(&key, "Product-123", 1));
        files.push(file);
    }
    let mut unkeyed = order("", "Product-123", 7);
    unkeyed["orderHeader"].as_object_mut().expect("a header").remove("orderNumberExternal");
    shop.drop_json("no-number.json", &unkeyed);
    files.push("no-number.json".into());
    shop.drop_json("called-off.json", &order("OFF-1", "Product-123", 1));
    files.iter().chain([&"called-off.json".to_owned()]).for_each(|file| {
        shop.wait(&format!("{file} to be taken"), |shop| !shop.state(file).is_empty());
    });
    let id = shop.receipt("called-off.json").expect("a receipt")["documents"][0]["id"].to_string();
    assert_eq!(shop.run(&["outbox", "cancel", &id]).code, Some(0));
    shop.wait_state("called-off.json", "cancelled");
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    let mut arrive: Vec<(String, String)> =
        files.iter().map(|file| (file.clone(), key_of(shop, file))).collect();
    for file in ["same-name~1.json", "same-name~2.json", "same-name~3.json", "same-name.json"] {
        arrive.push((file.into(), key_of(shop, file)));
    }
    assert!(arrive.iter().all(|(_, key)| !key.is_empty()), "{arrive:?}");
    shop.kill();
    // The power took some receipts with it: of some that are at Extend, and of some that are not.
    let receipts = shop.exchange("receipts");
    fs::write(receipts.join("order-01.json.receipt.json"), "{\"file\": \"order-01.js").expect("torn");
    fs::write(receipts.join("return-1.json.receipt.json"), "\0\0\0\0").expect("torn");
    fs::write(receipts.join("same-name~2.json.receipt.json"), "").expect("torn");
    fs::remove_file(receipts.join("order-02.json.receipt.json")).expect("removed");
    fs::remove_file(receipts.join("order-30.json.receipt.json")).expect("removed");
    Dropped { arrive, refused: "refused.json".into(), cancelled: "called-off.json".into() }
}

fn changes(shop: &Shop) -> Vec<i64> {
    let names = files_in(&shop.exchange("outgoing/changes"));
    names.keys().filter_map(|name| name.split_once('-')?.0.parse().ok()).collect()
}

fn lose_and_recover(lose: impl Fn(&Shop), is_moved: bool) {
    let mut shop = Plan::sample().open();
    let dropped = fill(&mut shop);
    let originals = originals(&shop);
    let before = changes(&shop);
    // The webshop has read them all: nothing in the folder tells the last number.
    fs::remove_dir_all(shop.exchange("outgoing/changes")).expect("removed");
    lose(&shop);
    shop.start();
    shop.wait("the outbox to be there again", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'sending'") > Some(20)
    });
    assert_eq!(
        shop.requests("POST", "CustomerOrders").len(),
        {
            let world = shop.extend.world();
            world.order_count()
        },
        "the sample order was not posted and the refused one was"
    );
    shop.extend.bring_back().expect("the port");
    shop.wait_until("all to be delivered, and the receipts to say so", PATIENCE * 2, |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')") == Some(0)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
    });
    for (file, key) in &dropped.arrive {
        let receipt = shop.receipt(file).unwrap_or_else(|| panic!("{file} has no receipt"));
        let document = &receipt["documents"][0];
        assert_eq!(
            (&document["state"], &document["key"]),
            (&"delivered".into(), &key.as_str().into()),
            "{file}: {receipt:#}"
        );
        let number = document["extendNumber"].as_str().unwrap_or_default().to_owned();
        assert_eq!(at_extend(&shop, key), [number], "{file}");
    }
    let copy = shop.receipt("copy.json").expect("a receipt");
    let first = shop.receipt("order-03.json").expect("a receipt");
    assert_eq!(copy["documents"][0]["duplicateOf"], first["documents"][0]["id"]);
    assert_eq!(shop.state(&dropped.refused), "refused");
    assert_eq!(shop.state(&dropped.cancelled), "cancelled");
    let refused = shop.receipt(&dropped.refused).expect("a receipt");
    assert_eq!(refused["documents"][0]["error"]["code"], "extend_refused");
    for key in ["NO-1", "OFF-1"] {
        assert!(at_extend(&shop, key).is_empty(), "{key}");
    }
    // A copy is still known, and numbers go on.
    shop.drop_json("copy-again.json", &order("K-05", "Product-123", 1 + 5 % 3));
    let again = shop.wait_state("copy-again.json", "delivered");
    assert!(again["duplicateOf"].is_number(), "{again}");
    let after = changes(&shop);
    assert!(before.iter().max() < after.iter().min() && !after.is_empty(), "{before:?} {after:?}");
    let now = self::originals(&shop);
    assert!(originals.iter().all(|(path, bytes)| now.get(path) == Some(bytes)), "an original changed");

    let moved: Vec<String> = files_in(&shop.home().join("data"))
        .into_keys()
        .filter(|name| name.contains(".corrupt-") && !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    let trouble = |shop: &Shop| -> Vec<Value> {
        let (status, _) = shop.status();
        let all = status["needsPerson"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| one["code"] == "database_trouble").collect()
    };
    assert_eq!(moved.len(), usize::from(is_moved), "{moved:?}");
    let told = trouble(&shop);
    assert_eq!(told.len(), moved.len(), "{told:?}");
    if let Some(name) = moved.first() {
        assert_eq!(told[0]["file"], *name);
        assert!(told[0]["message"].as_str().is_some_and(|text| text.contains(name.as_str())), "{told:?}");
        fs::rename(shop.home().join("data").join(name), shop.home().join("kept")).expect("moved");
        assert!(trouble(&shop).is_empty(), "nobody needs to be told any more");
    }
    shop.stop();
}

/// Everything in accepted/, by path.
fn originals(shop: &Shop) -> BTreeMap<PathBuf, Vec<u8>> {
    let days = fs::read_dir(shop.exchange("accepted")).expect("accepted/");
    let days = days.map(|day| day.expect("a day").path());
    days.flat_map(|day| files_in(&day).into_iter().map(move |(name, bytes)| (day.join(name), bytes)))
        .collect()
}

#[test]
fn a_database_of_garbage() {
    lose_and_recover(
        |shop| {
            // With its log whole SQLite would find every page of so young a database there.
            fs::write(shop.home().join("data/extend-edge.db-wal"), "no log").expect("overwritten");
            let length = fs::metadata(database(shop)).expect("a database").len();
            fs::write(database(shop), (0..length).map(|at| (at * 31 % 251) as u8).collect::<Vec<u8>>())
                .expect("overwritten");
        },
        true,
    );
}

#[test]
fn a_database_that_is_cut_off() {
    lose_and_recover(
        |shop| {
            let _ = fs::remove_file(shop.home().join("data/extend-edge.db-wal"));
            let file = fs::OpenOptions::new().write(true).open(database(shop)).expect("a database");
            file.set_len(file.metadata().expect("a length").len() / 2).expect("cut off");
        },
        true,
    );
}

#[test]
fn a_database_with_an_empty_header() {
    lose_and_recover(
        |shop| {
            let _ = fs::remove_file(shop.home().join("data/extend-edge.db-wal"));
            let mut bytes = fs::read(database(shop)).expect("a database");
            bytes[..100].fill(0);
            fs::write(database(shop), bytes).expect("written");
        },
        true,
    );
}

#[test]
fn a_database_of_no_bytes() {
    lose_and_recover(
        |shop| {
            let _ = fs::remove_file(shop.home().join("data/extend-edge.db-wal"));
            fs::write(database(shop), "").expect("emptied");
        },
        true,
    );
}

#[test]
fn a_database_that_somebody_deleted() {
    lose_and_recover(
        |shop| {
            for ending in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(shop.home().join(format!("data/extend-edge.db{ending}")));
            }
        },
        false,
    );
}

#[test]
fn what_was_on_its_way_from_the_inbox_is_looked_up_too() {
    let mut shop = Plan::sample().open();
    shop.start();
    let mut unkeyed = order("", "Product-123", 3);
    unkeyed["orderHeader"].as_object_mut().expect("a header").remove("orderNumberExternal");
    shop.drop_json("staged.json", &order("S-1", "Product-123", 1));
    shop.drop_json("staged-unkeyed.json", &unkeyed);
    shop.drop_json("not-moved.json", &order("S-2", "Product-123", 1));
    shop.drop_json("no-receipt.json", &order("S-3", "Product-123", 1));
    let names = ["staged.json", "staged-unkeyed.json", "not-moved.json", "no-receipt.json"];
    names.iter().for_each(|name| drop(shop.wait_state(name, "delivered")));
    shop.wait("the moves", |shop| shop.accepted().len() == 4);
    shop.kill();
    // As a loss of power leaves them between the commit and the end of the move.
    let days = fs::read_dir(shop.exchange("accepted")).expect("accepted/");
    let day = days.map(|day| day.expect("a day").path()).next().expect("a day");
    fs::rename(day.join("staged.json"), day.join(".take-1.tmp")).expect("moved");
    fs::rename(day.join("staged-unkeyed.json"), day.join(".take-2.tmp")).expect("moved");
    for name in ["not-moved.json", "no-receipt.json"] {
        fs::rename(day.join(name), shop.exchange("inbox").join(name)).expect("moved");
    }
    let receipt = shop.exchange("receipts").join("no-receipt.json.receipt.json");
    fs::remove_file(receipt).expect("removed");
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(shop.home().join(format!("data/extend-edge.db{ending}")));
    }
    shop.start();
    shop.wait("all to have ended", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(4)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
            && shop.accepted().len() == 4
    });
    for name in names {
        let document = shop.wait_state(name, "delivered");
        let number = document["extendNumber"].as_str().unwrap_or_default().to_owned();
        assert_eq!(at_extend(&shop, document["key"].as_str().unwrap_or_default()), [number], "{name}");
    }
    assert_eq!(shop.accepted().into_keys().collect::<Vec<_>>(), {
        let mut names = names.map(String::from).to_vec();
        names.sort_unstable();
        names
    });
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 4);
    assert!(shop.inbox().is_empty());
    shop.stop();
}

#[test]
fn a_newer_or_busy_database_stays_where_it_is() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("one.json", &order("ONE-1", "Product-123", 1));
    shop.wait_state("one.json", "delivered");
    shop.wait("the move", |shop| shop.number("SELECT count(*) FROM files WHERE moved = 0") == Some(0));
    shop.stop();
    let connection = extend_edge::store::open_existing(&database(&shop)).expect("the database");
    connection.execute("UPDATE refinery_schema_history SET version = 999", []).expect("newer");
    drop(connection);
    let before = fs::read(database(&shop)).expect("a database");
    for command in ["run", "once", "sync"] {
        let ran = shop.run(&[command]);
        assert_eq!(ran.code, Some(1), "{command}: {ran:?}");
        assert!(ran.stderr.contains("newer version"), "{command}: {ran:?}");
    }
    assert!(fs::read(database(&shop)).expect("a database") == before);

    let connection = extend_edge::store::open_existing(&database(&shop)).expect("the database");
    connection.execute("UPDATE refinery_schema_history SET version = 1", []).expect("as it was");
    connection
        .execute_batch("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; UPDATE agent SET value = value")
        .expect("held");
    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("locked"), "{ran:?}");
    drop(connection);
    let names: Vec<String> = files_in(&shop.home().join("data")).into_keys().collect();
    assert!(!names.iter().any(|name| name.contains("corrupt") || name.contains("rebuilding")), "{names:?}");
    assert_eq!(shop.run(&["once"]).code, Some(0));
    assert_eq!(shop.times_at_extend("ONE-1"), 1);
}

#[test]
fn a_wrong_index_is_no_damage_and_is_made_again() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("one.json", &order("ONE-1", "Product-123", 1));
    shop.wait_state("one.json", "delivered");
    shop.kill();
    let connection = rusqlite::Connection::open(database(&shop)).expect("the database");
    // An order is written behind the index's back.
    connection
        .execute_batch(
            "CREATE TEMP TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'orders_date';
             PRAGMA writable_schema = ON;
             DELETE FROM sqlite_schema WHERE name = 'orders_date';
             PRAGMA writable_schema = RESET;
             INSERT INTO orders (order_number, fetched_at) VALUES ('OC-77', '2026');
             PRAGMA writable_schema = ON;
             INSERT INTO sqlite_schema SELECT * FROM kept;
             PRAGMA writable_schema = RESET;",
        )
        .expect("made wrong");
    drop(connection);
    let check = shop.run(&["check"]);
    assert!(check.stdout.contains("An index is wrong, and no order is touched"), "{check:?}");
    // A copy of it is right, so that backups go on.
    let copy = shop.home().join("copy.db");
    assert_eq!(shop.run(&["backup", &copy.display().to_string()]).code, Some(0));
    let whole = |path: &std::path::Path| -> String {
        let connection = rusqlite::Connection::open(path).expect("a database");
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("looked through")
    };
    assert_eq!(whole(&copy), "ok");
    assert_ne!(whole(&database(&shop)), "ok");

    shop.start();
    shop.drop_json("two.json", &order("TWO-1", "Product-123", 1));
    shop.wait_state("two.json", "delivered");
    shop.stop();
    assert_eq!(whole(&database(&shop)), "ok");
    let names: Vec<String> = files_in(&shop.home().join("data")).into_keys().collect();
    assert!(!names.iter().any(|name| name.contains("corrupt")), "{names:?}");
    for key in ["ONE-1", "TWO-1"] {
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
}
