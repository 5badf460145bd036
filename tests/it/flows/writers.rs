//! Writers of every habit, and names of every kind: each document is taken once, whole, and under its own name.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, SystemTime};

use extend_edge::formats::contents::Format;
use extend_edge::formats::json::Completeness;

use crate::support::shop::{Plan, Shop, files_in, order};

fn text(key: &str) -> String {
    format!("{:#}\n", order(key, "Product-123", 1))
}

fn wait_delivered(shop: &Shop, orders: i64) {
    let delivered = "SELECT count(*) FROM outbox WHERE state = 'delivered'";
    shop.wait("all to be delivered", |shop| shop.number(delivered) == Some(orders));
}

fn assert_each_once(shop: &Shop, keys: &[String]) {
    for key in keys {
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM files WHERE verdict <> 'accepted'"), Some(0));
    assert!(shop.inbox().is_empty(), "{:?}", shop.inbox());
}

#[test]
fn an_old_time_an_editors_dance_and_the_same_name_again_and_again() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let inbox = shop.exchange("inbox");

    // A copy that keeps the time of its original, of years ago.
    let original = shop.home().join("original.json");
    fs::write(&original, text("OLD-1")).expect("written");
    let years_ago = SystemTime::now() - Duration::from_secs(5 * 365 * 86_400);
    fs::copy(&original, inbox.join(".old.tmp")).expect("copied");
    File::options()
        .write(true)
        .open(inbox.join(".old.tmp"))
        .and_then(|file| file.set_modified(years_ago))
        .expect("aged");
    fs::rename(inbox.join(".old.tmp"), inbox.join("old.json")).expect("renamed");

    // An editor: a swap file, the original becomes a backup, the new text is written, both go.
    fs::write(inbox.join(".edited.json.swp"), "b0VIM").expect("written");
    fs::write(inbox.join("edited.json~"), "{\"orderHeader\": {}}").expect("written");
    fs::write(inbox.join("4913"), "").and_then(|()| fs::remove_file(inbox.join("4913"))).expect("tried");
    fs::write(inbox.join("edited.json"), text("EDITED-1")).expect("written");
    fs::remove_file(inbox.join("edited.json~")).expect("removed");
    fs::remove_file(inbox.join(".edited.json.swp")).expect("removed");

    // The next under the same name as soon as the last has left, whatever is being done with that one.
    let mut keys = vec!["OLD-1".to_owned(), "EDITED-1".to_owned()];
    for number in 0..25 {
        let key = format!("AGAIN-{number}");
        shop.wait("the name to be free", |_| !inbox.join("order.json").exists());
        shop.drop_file("order.json", text(&key));
        keys.push(key);
    }
    wait_delivered(&shop, keys.len() as i64);
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    assert_each_once(&shop, &keys);
    shop.assert_described(&[]);
}

#[test]
fn a_name_that_is_written_over_while_it_is_read_loses_nothing_that_was_taken() {
    let mut shop = Plan::sample().set("exchange.settle_ms", "50").open();
    shop.start();
    shop.wait_up();
    let inbox = shop.exchange("inbox");
    let last = 60;
    for number in 0..=last {
        // Large, so that reading it takes a while; renamed over the one before, whatever is done with that.
        let mut document = order(&format!("OVER-{number}"), "Product-123", 1);
        document["orderHeader"]["notations"] = serde_json::json!({ "notes": "x".repeat(300_000) });
        fs::write(inbox.join(".order.tmp"), document.to_string()).expect("written");
        fs::rename(inbox.join(".order.tmp"), inbox.join("order.json")).expect("renamed");
    }
    shop.wait("the last to be delivered", |shop| shop.times_at_extend(&format!("OVER-{last}")) == 1);
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    shop.wait("all to be delivered", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state <> 'delivered'") == Some(0)
            && shop.number("SELECT count(*) FROM files WHERE moved = 0") == Some(0)
    });
    // What was written over before anybody read it is the webshop's to write again; all else is there, once, and
    // as it was.
    let accepted: Vec<String> =
        shop.accepted().into_values().map(|bytes| String::from_utf8(bytes).expect("text")).collect();
    let is_accepted = |key: &str| accepted.iter().filter(|text| text.contains(&format!("{key:?}"))).count();
    for number in 0..=last {
        let key = format!("OVER-{number}");
        assert_eq!(shop.times_at_extend(&key), is_accepted(&key), "{key}");
        assert!(is_accepted(&key) <= 1, "{key}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM files WHERE verdict <> 'accepted'"), Some(0));
}

#[test]
fn an_inbox_that_alone_is_deleted_and_made_again_is_watched_on() {
    let mut shop = Plan::sample().set("exchange.rescan_seconds", "2").open();
    shop.start();
    shop.wait_up();
    let inbox = shop.exchange("inbox");
    let mut keys = Vec::new();
    for number in 0..3 {
        fs::remove_dir_all(&inbox).expect("removed");
        if number == 1 {
            shop.wait("it to be told of", |shop| {
                shop.status().0["needsPerson"].to_string().contains("inbox")
            });
        }
        let _ = fs::create_dir(&inbox);
        for place in 0..2 {
            let key = format!("MADE-{number}-{place}");
            shop.drop_file(&format!("{key}.json"), text(&key));
            keys.push(key);
            wait_delivered(&shop, keys.len() as i64);
        }
    }
    assert_each_once(&shop, &keys);
    shop.wait("nobody to be needed", |shop| shop.status().1 == Some(0));
}

#[test]
fn a_thousand_at_once() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let keys: Vec<String> = (0..1000).map(|number| format!("MANY-{number:04}")).collect();
    for key in &keys {
        fs::write(shop.exchange("inbox").join(format!("{key}.json")), text(key)).expect("written");
    }
    wait_delivered(&shop, 1000);
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    assert_each_once(&shop, &keys);
    assert_eq!(shop.accepted().len(), 1000);
}

#[cfg(target_os = "linux")]
#[test]
fn names_of_every_kind_stay_as_they_are() {
    let mut shop = Plan::sample().open();
    let longest = format!("{}.json", "l".repeat(250));
    let names = [
        " with spaces .json",
        "a\nline end.json",
        "\u{e5}.json",
        "a\u{30a}.json",
        "\u{1f384}\u{1f381}.json",
        "CON.json",
        "nul.json",
        "Order.json",
        "order.json",
        "ORDER.json",
        "100%.json",
        "\"quoted\" & <marked>.json",
        "-rf.json",
        longest.as_str(),
    ];
    assert_eq!(longest.len(), 255);
    for (at, name) in names.iter().enumerate() {
        fs::write(shop.exchange("inbox").join(name), text(&format!("N-{at}"))).expect("written");
    }
    shop.start();
    wait_delivered(&shop, names.len() as i64);
    shop.wait("the receipts", |shop| files_in(&shop.exchange("receipts")).len() == names.len());
    let accepted = shop.accepted();
    for (at, name) in names.iter().enumerate() {
        assert_eq!(
            accepted.get(*name).map(Vec::as_slice),
            Some(text(&format!("N-{at}")).as_bytes()),
            "{name:?}"
        );
    }
    let keys: Vec<String> = (0..names.len()).map(|at| format!("N-{at}")).collect();
    assert_each_once(&shop, &keys);
}

/// A network share tells of nothing.
#[cfg(target_os = "linux")]
#[test]
fn without_any_events_files_are_found_by_the_clock() {
    let shop = Plan::sample().open();
    let mut traced = Command::new("strace");
    traced.args([
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "trace=inotify_init1",
        "-e",
        "inject=inotify_init1:error=EMFILE",
    ]);
    traced.arg(env!("CARGO_BIN_EXE_extend-edge")).args(["run", "--home"]).arg(shop.home());
    let Ok(mut agent) = traced.stderr(std::process::Stdio::null()).spawn() else {
        eprintln!("SKIPPED: no strace here: the system's events could not be taken away");
        return;
    };
    shop.wait_up();
    for number in 0..3 {
        let name = format!("share-{number}.json");
        shop.drop_file(&name, text(&format!("SHARE-{number}")));
        shop.wait_state(&name, "delivered");
    }
    let logs = files_in(&shop.home().join("data/logs"));
    let told = logs.values().any(|log| String::from_utf8_lossy(log).contains("no watch on"));
    let _ = Command::new("pkill").args(["-TERM", "-P", &agent.id().to_string()]).status();
    let _ = agent.wait();
    assert!(told, "it was without events: {:?}", logs.keys());
    assert_each_once(&shop, &["SHARE-0".to_owned(), "SHARE-1".to_owned(), "SHARE-2".to_owned()]);
}

/// Whatever byte a writer stops at, what lies there is not taken: only the last byte that is no white space makes
/// it whole.
#[test]
fn no_half_json_or_xml_is_whole_at_any_byte() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut looked_at = 0;
    for folder in ["samples", "ubl"] {
        for entry in walk(&here.join(folder)) {
            let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if !name.ends_with(".json") && !name.ends_with(".xml") {
                continue;
            }
            let bytes = fs::read(&entry).expect("a sample");
            let format = Format::of(&name, &[]).expect("a format");
            let whole = bytes.trim_ascii_end().len();
            assert_eq!(format.completeness(&bytes[..whole]), Completeness::Complete, "{name}");
            for end in 0..whole {
                let seen = format.completeness(&bytes[..end]);
                assert_ne!(seen, Completeness::Complete, "{name} at byte {end}");
                assert_ne!(seen, Completeness::LineEnded, "{name} at byte {end}");
            }
            looked_at += 1;
        }
    }
    assert!(looked_at >= 14, "{looked_at} samples");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(walk(&path)),
            path => found.push(path),
        }
    }
    found.sort();
    found
}
