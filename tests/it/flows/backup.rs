//! Backups, restoring one, and what a database that is made again finds in the folders.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop, files_in, order};

fn ids_waiting(shop: &Shop) -> Option<i64> {
    shop.number("SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')")
}

fn wait_for_the_end(shop: &Shop) {
    shop.wait("all to have ended", |shop| {
        ids_waiting(shop) == Some(0)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
            && shop.number("SELECT count(*) FROM files WHERE moved = 0") == Some(0)
    });
}

fn change_numbers(shop: &Shop) -> Vec<i64> {
    let names = files_in(&shop.exchange("outgoing/changes"));
    names.keys().filter_map(|name| name.split_once('-')?.0.parse().ok()).collect()
}

fn one_more_row(external: &str) -> Value {
    json!({
        "changeOrder": { "orderNumberExternal": external },
        "orderRows": [{ "product": { "productNumber": "Product-123" }, "salesData": { "quantity": 1, "unit": "Stk" } }],
    })
}

fn database(shop: &Shop) -> PathBuf {
    shop.home().join("data/extend-edge.db")
}

#[test]
fn a_backup_is_restored_and_what_came_since_is_neither_lost_nor_doubled() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    for key in ["C-1", "C-2"] {
        shop.drop_json(&format!("{key}.json"), &order(key, "Product-123", 1));
        shop.wait_state(&format!("{key}.json"), "delivered");
    }
    shop.drop_json("mended.json", &order("M-1", "No such product", 1));
    shop.wait_state("mended.json", "refused");
    shop.extend.cut_off();
    let waiting = ["Q-1.json", "Q-2.json", "change-1.json", "change-2.json"];
    shop.drop_json("Q-1.json", &order("Q-1", "Product-123", 1));
    shop.drop_json("Q-2.json", &order("Q-2", "Product-123", 1));
    shop.drop_json("change-1.json", &one_more_row("C-1"));
    shop.drop_json("change-2.json", &one_more_row("C-2"));
    for file in waiting {
        shop.wait(&format!("{file} to be taken"), |shop| !shop.state(file).is_empty());
    }
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());

    let backup = shop.home().join("kept/shop.db");
    fs::create_dir(shop.home().join("kept")).expect("a folder");
    let file = backup.display().to_string();
    let ran = shop.run(&["backup", &file]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("whole"), "{ran:?}");
    assert_eq!(files_in(&shop.home().join("kept")).into_keys().collect::<Vec<_>>(), ["shop.db"]);
    for wrong in ["extend-edge.toml", "data", "data/extend-edge.db"] {
        let ran = shop.run(&["backup", &shop.home().join(wrong).display().to_string()]);
        assert_eq!(ran.code, Some(1), "{wrong}: {ran:?}");
    }

    // All that happens from here on, the backup does not know.
    shop.extend.bring_back().expect("the port");
    waiting.iter().for_each(|file| drop(shop.wait_state(file, "delivered")));
    let id = shop.receipt("mended.json").expect("a receipt")["documents"][0]["id"].to_string();
    let mended = shop.home().join("mended.json");
    fs::write(&mended, order("M-1", "Product-123", 7).to_string()).expect("written");
    let ran = shop.run(&["outbox", "edit", &id, &mended.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    shop.wait_state("mended.json", "delivered");
    for file in ["L-1.json", "L-2.json"] {
        shop.drop_json(file, &order(&file[..3], "Product-123", 1));
        shop.wait_state(file, "delivered");
    }
    shop.drop_json("L-3.json", &order("L-3", "No such product", 1));
    shop.wait_state("L-3.json", "refused");
    wait_for_the_end(&shop);
    let ran = shop.run(&["restore", &file]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("another extend-edge"), "it says that the agent runs: {ran:?}");
    let posts = shop.requests("POST", "CustomerOrders").len();
    let puts = shop.requests("PUT", "CustomerOrders").len();
    let before = change_numbers(&shop);
    shop.stop();
    // The disk took some receipts with it.
    for name in ["Q-2.json", "L-2.json", "change-2.json"] {
        fs::remove_file(shop.exchange("receipts").join(format!("{name}.receipt.json"))).expect("removed");
    }

    let nothing = shop.home().join("kept/nothing.db");
    fs::write(&nothing, "no backup at all, only as long as one would be").expect("written");
    for wrong in [nothing, shop.home().join("kept/missing.db")] {
        let ran = shop.run(&["restore", &wrong.display().to_string()]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("can't be restored"), "{ran:?}");
    }
    let ran = shop.run(&["restore", &file]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let data = files_in(&shop.home().join("data"));
    assert!(data.keys().any(|name| name.contains(".before-restore-")), "{:?}", data.keys());

    shop.start();
    wait_for_the_end(&shop);
    for (file, key) in [
        ("C-1.json", "C-1"),
        ("C-2.json", "C-2"),
        ("Q-1.json", "Q-1"),
        ("Q-2.json", "Q-2"),
        ("mended.json", "M-1"),
        ("L-1.json", "L-1"),
        ("L-2.json", "L-2"),
    ] {
        assert_eq!(shop.state(file), "delivered", "{file}");
        assert_eq!(shop.times_at_extend(key), 1, "{file}");
    }
    assert_eq!(shop.state("L-3.json"), "refused");
    assert_eq!(shop.state("change-1.json"), "delivered");
    assert_eq!(shop.state("change-2.json"), "refused", "whether it was made nobody can tell");
    let refused = shop.receipt("change-2.json").expect("a receipt");
    assert_eq!(refused["documents"][0]["error"]["code"], "recovered");
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), posts, "nothing was sent again");
    assert_eq!(shop.requests("PUT", "CustomerOrders").len(), puts, "nothing was changed again");
    let receipt = shop.receipt("mended.json").expect("a receipt");
    let sent = &receipt["documents"][0]["edited"]["document"];
    assert_eq!(sent["orderRows"][0]["salesData"]["quantity"], 7, "{receipt:#}");

    // The webshop has read what is younger than the backup: it is told everything anew, and numbers go on.
    shop.wait("everything to be put out", |shop| change_numbers(shop).iter().max() > before.iter().max());
    let after: Vec<i64> =
        change_numbers(&shop).into_iter().filter(|number| !before.contains(number)).collect();
    assert!(after.iter().min() > before.iter().max(), "{before:?} {after:?}");
    let (status, _) = shop.status();
    let codes: Vec<&Value> = status["needsPerson"].as_array().expect("a list").iter().collect();
    assert!(codes.iter().all(|one| one["code"] == "refused"), "{codes:?}");
    shop.stop();
}

/// What a person mended after the backup, and whose receipt is lost, stands as refused again. Whoever mends it
/// once more must not double it.
#[test]
fn what_was_refused_in_a_backup_is_looked_up_before_it_is_sent_again() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let files = ["edited.json", "dropped-again.json", "never-sent.json"];
    let keys = ["M-1", "M-2", "M-3"];
    for (file, key) in files.into_iter().zip(keys) {
        shop.drop_json(file, &order(key, "No such product", 1));
        shop.wait_state(file, "refused");
    }
    let id =
        |shop: &Shop, file: &str| shop.receipt(file).expect("a receipt")["documents"][0]["id"].to_string();
    let backup = shop.home().join("shop.db").display().to_string();
    assert_eq!(shop.run(&["backup", &backup]).code, Some(0));
    let mended = |key: &str| order(key, "Product-123", 7).to_string();
    let edit = |shop: &Shop, file: &str, key: &str| {
        let (path, id) = (shop.home().join("mended.json"), id(shop, file));
        fs::write(&path, mended(key)).expect("written");
        let ran = shop.run(&["outbox", "edit", &id, &path.display().to_string()]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    for (file, key) in [("edited.json", "M-1"), ("dropped-again.json", "M-2")] {
        edit(&shop, file, key);
        shop.wait_state(file, "delivered");
    }
    shop.stop();
    for file in files {
        fs::remove_file(shop.exchange("receipts").join(format!("{file}.receipt.json"))).expect("removed");
    }
    let ran = shop.run(&["restore", &backup]);
    assert_eq!(ran.code, Some(0), "{ran:?}");

    shop.start();
    files.iter().for_each(|file| drop(shop.wait_state(file, "refused")));
    edit(&shop, "edited.json", "M-1");
    shop.drop_file("mended-M-2.json", mended("M-2"));
    edit(&shop, "never-sent.json", "M-3");
    for (file, key) in [("edited.json", "M-1"), ("mended-M-2.json", "M-2"), ("never-sent.json", "M-3")] {
        shop.wait_state(file, "delivered");
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
    let sent = |key: &str| {
        let all = shop.requests("POST", "CustomerOrders");
        let of = |body: &[u8]| {
            let text = String::from_utf8_lossy(body).into_owned();
            text.contains(&format!("\"{key}\"")) && text.contains("Product-123")
        };
        all.iter().filter(|request| of(&request.request_body)).count()
    };
    assert_eq!(keys.map(sent), [1, 1, 1]);
    shop.stop();
}

#[test]
fn a_lost_database_begins_with_the_newest_backup_that_the_agent_made() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    shop.drop_json("first.json", &order("B-1", "Product-123", 1));
    shop.wait_state("first.json", "delivered");
    wait_for_the_end(&shop);
    shop.stop();
    assert!(files_in(&shop.home().join("data/backups")).is_empty(), "there was nothing to keep yet");
    let connection = extend_edge::store::open_existing(&database(&shop)).expect("the database");
    let aged = "UPDATE agent SET value = '2020-01-01T00:00:00.000Z' WHERE name = 'backup_from'";
    assert_eq!(connection.execute(aged, []).expect("aged"), 1);
    drop(connection);
    shop.start();
    shop.wait("the backup", |shop| {
        !files_in(&shop.home().join("data/backups")).keys().any(|n| n.starts_with('.'))
            && files_in(&shop.home().join("data/backups")).len() == 1
    });
    shop.drop_json("second.json", &order("B-2", "Product-123", 1));
    shop.wait_state("second.json", "delivered");
    wait_for_the_end(&shop);
    shop.kill();
    for ending in ["-wal", "-shm", ""] {
        let _ = fs::remove_file(shop.home().join(format!("data/extend-edge.db{ending}")));
    }
    fs::write(database(&shop), "this was a database once, and now it is this sentence").expect("written");
    shop.start();
    wait_for_the_end(&shop);
    for (file, key) in [("first.json", "B-1"), ("second.json", "B-2")] {
        assert_eq!(shop.state(file), "delivered", "{file}");
        assert_eq!(shop.times_at_extend(key), 1, "{file}");
    }
    // No folder knows how an order was sent: that came from the backup.
    let of_first =
        "SELECT count(*) FROM outbox_attempts a JOIN outbox o ON o.id = a.outbox_id WHERE o.key = 'B-1'";
    assert_eq!(shop.number(of_first), Some(1));
    let (status, _) = shop.status();
    assert_eq!(status["needsPerson"][0]["code"], "database_trouble", "{status:#}");
    shop.stop();
}

#[test]
fn corrections_and_what_was_set_aside_outlive_the_database() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    shop.drop_json("wrong-product.json", &order("E-1", "No such product", 1));
    shop.wait_state("wrong-product.json", "refused");
    shop.drop_file("wrong.json", "{ \"orderHeader\": wrong }");
    shop.wait_error("wrong.json");
    shop.drop_json("plain.json", &order("E-2", "Product-123", 1));
    shop.wait_state("plain.json", "delivered");
    wait_for_the_end(&shop);
    shop.stop();
    // Corrected while no agent runs: the receipt says so all the same.
    let id = shop.receipt("wrong-product.json").expect("a receipt")["documents"][0]["id"].to_string();
    let mended = shop.home().join("mended.json");
    fs::write(&mended, order("E-9", "Product-123", 5).to_string()).expect("written");
    let ran = shop.run(&["outbox", "edit", &id, &mended.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for ending in ["-wal", "-shm", ""] {
        let _ = fs::remove_file(shop.home().join(format!("data/extend-edge.db{ending}")));
    }
    let days = fs::read_dir(shop.exchange("accepted")).expect("accepted/");
    let day = days.map(|day| day.expect("a day").path()).next().expect("a day");
    fs::write(day.join("torn.json"), "\0\0\0\0\0").expect("written");

    shop.start();
    let document = shop.wait_state("wrong-product.json", "delivered");
    assert_eq!(document["key"], "E-9");
    assert_eq!(document["edited"]["originalKey"], "E-1");
    assert_eq!((shop.times_at_extend("E-9"), shop.times_at_extend("E-1")), (1, 0));
    let number = document["extendNumber"].as_str().expect("a number").to_owned();
    let rows = shop.extend.world().order(&number).expect("the order").rows();
    assert_eq!(rows[0]["salesData"]["quantity"].as_f64(), Some(5.0), "{rows:?}");
    let (status, code) = shop.status();
    assert_eq!(code, Some(3));
    let told = |code: &str, words: &str| {
        let all = status["needsPerson"].as_array().expect("a list");
        all.iter().any(|one| one["code"] == code && one["message"].as_str().unwrap_or("").contains(words))
    };
    assert!(told("rejected", "wrong.json"), "{status:#}");
    assert!(told("unreadable_original", "torn.json"), "{status:#}");
    // What the file held is known again, too.
    shop.drop_json("again.json", &order("E-2", "Product-123", 1));
    assert!(shop.wait_state("again.json", "delivered")["duplicateOf"].is_number());
    shop.stop();
}
