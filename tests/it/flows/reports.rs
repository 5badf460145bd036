//! Reports as a person and a program ask for them, the plain copy, and what is cleared in time.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::shop::{Plan, Ran, Shop, files_in, order};

/// A shop with a mirror and a delivered order.
fn shop(plan: Plan) -> Shop {
    let shop = plan.open();
    shop.drop_json("one.json", &order("W-1", "Product-123", 2));
    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    shop
}

fn own_report(shop: &Shop, name: &str, sql: &str) {
    fs::create_dir_all(shop.home().join("reports")).expect("a folder");
    fs::write(shop.home().join("reports").join(name), sql).expect("a report");
}

fn usage(ran: &Ran) -> &str {
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{ran:?}");
    &ran.stderr
}

#[test]
fn reports_are_listed_printed_and_told_apart() {
    let shop = shop(Plan::sample().set("exchange.csv_separator", "\",\""));
    let list = shop.run(&["report", "--format", "json"]).json();
    let names: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|row| row["report"].as_str()).collect();
    assert_eq!(
        names,
        ["stock", "prices", "orders", "order_rows", "backlog", "refused", "daily_sales", "sync"]
    );

    let stock = shop.run(&["report", "stock", "--format", "json"]).json();
    assert_eq!(shop.run(&["report", "report_stock", "--format", "json"]).json(), stock);
    let rows = stock.as_array().expect("rows");
    assert_eq!(Some(rows.len() as i64), shop.number("SELECT count(*) FROM report_stock"));
    assert!(rows[0]["available"].is_number() && rows[0]["name"].is_string(), "{}", rows[0]);

    let csv = shop.run(&["report", "stock", "--format", "csv"]).stdout;
    assert!(csv.starts_with("product_number,name,warehouse,available,queued,"), "{csv}");
    assert_eq!(csv.matches("\r\n").count(), rows.len() + 1);
    let table = shop.run(&["report", "sync"]).stdout;
    assert!(table.lines().any(|line| line.starts_with("balances ")), "{table}");
    let page = shop.run(&["report", "daily_sales", "--format", "html"]).stdout;
    assert!(page.starts_with("<!doctype html>") && page.contains("<svg role=\"img\""), "{page}");

    let near = shop.run(&["report", "stok"]);
    assert!(usage(&near).contains("Did you mean stock?"), "{near:?}");
    assert!(usage(&shop.run(&["report", "weather"])).contains("lists them"));
    assert!(usage(&shop.run(&["report", "stock", "--since", "yesterday"])).contains("2026-11-21"));
    assert!(usage(&shop.run(&["report", "sync", "--since", "2026-11-21"])).contains("leave out --since"));
    assert_eq!(
        shop.run(&["report", "orders", "--since", "2100-01-01", "--format", "json"]).json(),
        Value::Array(vec![])
    );
    let today = shop.run(&["report", "daily_sales", "--since", "2000-01-01", "--format", "json"]).json();
    assert_eq!(today[0]["orders"], 1, "{today}");
}

#[test]
fn an_own_report_is_a_file_that_can_only_read() {
    let shop = shop(Plan::sample().set("exchange.language", "\"sv\""));
    own_report(
        &shop,
        "best.sql",
        "-- Vad säljer bäst?\nSELECT product_number, sum(quantity) AS sold FROM report_order_rows\n\
         WHERE order_number IN (SELECT order_number FROM orders WHERE order_date >= :since)\nGROUP BY 1;\n",
    );
    own_report(&shop, "wrong.sql", "-- Wrong\nSELECT colour\nFROM products\n");
    own_report(&shop, "wipe.sql", "DELETE FROM outbox RETURNING id");
    let list = shop.run(&["report"]).stdout;
    assert!(list.contains("Vad säljer bäst?") && list.contains("best.sql"), "{list}");

    let best = shop.run(&["report", "best", "--since", "2026-01-01", "--format", "json"]).json();
    assert_eq!((&best[0]["product_number"], &best[0]["sold"]), (&"Product-123".into(), &2.into()), "{best}");
    assert!(usage(&shop.run(&["report", "best"])).contains("--since DATUM"));
    let wrong = shop.run(&["report", "wrong"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("wrong.sql:2: no such column: colour"), "{wrong:?}");
    // One of the shop's own comes before ours, which keeps its long name.
    own_report(&shop, "stock.sql", "SELECT 'mine' AS whose");
    assert_eq!(shop.run(&["report", "stock", "--format", "json"]).json()[0]["whose"], "mine");
    assert!(shop.run(&["report", "report_stock", "--format", "json"]).json()[0]["whose"].is_null());
    let wipe = shop.run(&["report", "wipe"]);
    assert_eq!(wipe.code, Some(1));
    assert!(wipe.stderr.contains("får bara läsa"), "{wipe:?}");
    assert_eq!(shop.number("SELECT count(*) FROM outbox"), Some(1));
}

#[test]
fn the_plain_copy_is_there_after_a_round_and_is_made_again_where_it_is_gone() {
    let shop = shop(Plan::sample());
    let path = shop.home().join("data/reports.db");
    let asked = |sql: &str| -> i64 {
        Connection::open(&path).and_then(|copy| copy.query_row(sql, [], |row| row.get(0))).expect("an answer")
    };
    assert_eq!(
        Some(asked("SELECT count(*) FROM report_stock")),
        shop.number("SELECT count(*) FROM report_stock")
    );
    assert_eq!(asked("SELECT count(*) FROM outbox WHERE state = 'delivered' AND payload IS NULL"), 1);
    let made = asked("SELECT CAST(unixepoch(at, 'subsec') * 1000 AS INTEGER) FROM copied");
    // It is an hour until the next one, however often the agent is started.
    shop.run(&["once"]);
    assert_eq!(asked("SELECT CAST(unixepoch(at, 'subsec') * 1000 AS INTEGER) FROM copied"), made);
    fs::remove_file(&path).expect("removed");
    shop.run(&["once"]);
    assert!(asked("SELECT CAST(unixepoch(at, 'subsec') * 1000 AS INTEGER) FROM copied") > made);

    let off = self::shop(Plan::sample().set("reports.every_minutes", "0"));
    assert!(!off.home().join("data/reports.db").exists());
}

#[test]
fn changes_are_cleared_from_the_oldest_on_and_never_out_of_the_middle() {
    let shop = shop(Plan::sample().set("exchange.keep_days", "30"));
    for number in 0..4 {
        shop.drop_json(&format!("{number}.json"), &order(&format!("K-{number}"), "Product-123", 1));
        shop.run(&["once"]);
    }
    let folder = shop.exchange("outgoing/changes");
    let before: Vec<String> = files_in(&folder).into_keys().collect();
    let empty = "SELECT count(*) FROM changes WHERE json_array_length(body, '$.rows') = 0
                 AND json_array_length(body, '$.removed') = 0";
    assert_eq!(shop.number(empty), Some(0), "no file of changes is empty");
    assert!(before.len() >= 6, "{before:?}");
    fs::write(folder.join("mine.txt"), "").expect("a file of somebody else");
    // 1, 2, 3 and 5 are old; 4 came while the clock was wrong.
    let database = Connection::open(shop.home().join("data/extend-edge.db")).expect("the database");
    database
        .execute(
            "UPDATE changes SET created_at = '2020-01-01T00:00:00.000Z' WHERE sequence IN (1, 2, 3, 5)",
            [],
        )
        .expect("aged");
    drop(database);
    shop.run(&["once"]);
    let mut left: Vec<String> = files_in(&folder).into_keys().collect();
    assert_eq!(left.pop().as_deref(), Some("mine.txt"));
    assert_eq!(left[..before.len() - 3], before[3..]);
    assert_eq!(shop.number("SELECT min(sequence) FROM changes"), Some(4));
    let numbers: Vec<u64> = left.iter().map(|name| name[..12].parse().expect("a number")).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    // One who was away for longer begins again from a snapshot, which knows where it stands.
    let snapshot = fs::read_to_string(shop.exchange("outgoing/balances.json")).expect("a snapshot");
    let snapshot: Value = serde_json::from_str(&snapshot).expect("JSON");
    assert!(snapshot["sequence"].as_u64() >= Some(numbers[0]), "{}", snapshot["sequence"]);
}

#[test]
fn what_is_the_same_is_not_written_again() {
    let shop = shop(Plan::sample());
    // What the order took is in Extend's balances from the next round on.
    shop.run(&["once"]);
    let times = || -> Vec<(String, SystemTime)> {
        ["outgoing", "outgoing/changes", "outgoing/orders", "receipts"]
            .iter()
            .flat_map(|folder| fs::read_dir(shop.exchange(folder)).expect("a folder").flatten())
            .filter(|entry| entry.path().is_file() && entry.file_name() != "status.json")
            .map(|entry| {
                let time = entry.metadata().and_then(|metadata| metadata.modified()).expect("a time");
                (entry.path().display().to_string(), time)
            })
            .collect()
    };
    let mut before = times();
    before.sort();
    assert!(before.len() > 10, "{before:?}");
    // Another round finds nothing new; and after an end that was not orderly, all is owed again.
    shop.run(&["once"]);
    let database = Connection::open(shop.home().join("data/extend-edge.db")).expect("the database");
    database
        .execute_batch(
            "INSERT INTO owed_files (kind, key) SELECT 'receipt', id FROM files;
             INSERT INTO owed_files (kind, key) SELECT 'order', order_number FROM orders;",
        )
        .expect("owed");
    drop(database);
    shop.run(&["once"]);
    assert_eq!(shop.number("SELECT count(*) FROM owed_files WHERE kind <> 'status'"), Some(0));
    let mut after = times();
    after.sort();
    assert_eq!(after, before);
}

/// A measurement, not a test: `cargo test --test it -- --ignored --nocapture ten_minutes`.
#[test]
#[ignore = "takes twelve minutes"]
fn a_reader_holds_the_database_for_ten_minutes() {
    let mut shop = Plan::sample().set("balances.every_seconds", "5").open();
    shop.start();
    shop.wait_up();
    let log = |shop: &Shop| {
        let log = shop.home().join("data/extend-edge.db-wal");
        fs::metadata(log).map_or(0, |log| log.len()) as f64 / 1_000_000.0
    };
    let reader = Connection::open(shop.home().join("data/extend-edge.db")).expect("the database");
    reader.execute_batch("BEGIN").expect("begun");
    let count: i64 =
        reader.query_row("SELECT count(*) FROM report_stock", [], |row| row.get(0)).expect("a count");
    let began = Instant::now();
    let mut orders = 0;
    let mut slowest = Duration::ZERO;
    for minute in 1..=12 {
        while began.elapsed() < Duration::from_secs(60 * minute) {
            let dropped = Instant::now();
            let name = format!("{orders}.json");
            shop.drop_json(&name, &order(&format!("H-{orders}"), "Product-123", 1));
            shop.wait_state(&name, "delivered");
            slowest = slowest.max(dropped.elapsed());
            orders += 1;
            std::thread::sleep(Duration::from_millis(200));
        }
        if minute == 10 {
            println!("the reader lets go");
            reader.execute_batch("COMMIT").expect("ended");
        }
        let told = shop.status().0["needsPerson"].to_string();
        println!(
            "minute {minute}: {orders} orders, the slowest {slowest:?}; log {:.1} MB; status: {told}",
            log(&shop)
        );
    }
    assert!(count > 0 && log(&shop) < 17.0, "{} MB", log(&shop));
    shop.stop();
}
