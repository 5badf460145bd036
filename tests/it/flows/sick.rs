//! Sick machines: a disk that is full, a folder that can't be written or is gone, a database that another
//! program holds, a clock that is a day off. Nothing is lost or doubled, `status` says in a sentence what is
//! wrong, and it goes on by itself when that is mended.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use extend_edge::standin::{Fault, FaultRule};
use serde_json::Value;

use crate::support::shop::{PATIENCE, Plan, Shop, files_in, order};

/// A small disk of its own at a folder, for as long as this lives.
struct Disk(PathBuf);

impl Disk {
    /// `None`, and a word, where this machine does not let us.
    fn at(folder: &Path, size: &str) -> Option<Disk> {
        fs::create_dir_all(folder).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "extend-edge-test"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Disk(folder.to_owned()));
        }
        eprintln!("SKIPPED: a disk can't be mounted here");
        None
    }

    /// While a file there is open for writing it can't become read-only.
    fn again(&self, options: &str) {
        let began = std::time::Instant::now();
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,{options}")]).arg(&self.0).stderr(Stdio::null());
        while !command.status().expect("mount").success() {
            assert!(began.elapsed() < PATIENCE, "{options} of {}", self.0.display());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).expect("a file");
        for size in [64 * 1024, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).expect("removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What `status` says under a code.
fn told(shop: &Shop, code: &str) -> Option<String> {
    let (status, _) = shop.status();
    let all = status["needsPerson"].as_array().cloned().unwrap_or_default();
    let one = all.into_iter().find(|one| one["code"] == code)?;
    one["message"].as_str().map(String::from)
}

/// `status` says it, and no longer says it.
fn wait_told(shop: &Shop, code: &str, words: &str) {
    shop.wait(&format!("status to tell of {code}"), |shop| {
        told(shop, code).is_some_and(|message| message.contains(words))
    });
    assert_eq!(shop.run(&["status"]).code, Some(3));
}

fn wait_not_told(shop: &Shop, code: &str) {
    shop.wait(&format!("status not to tell of {code} any more"), |shop| told(shop, code).is_none());
}

fn log(shop: &Shop) -> String {
    fs::read_to_string(shop.home().join("agent.out")).unwrap_or_default()
}

/// Each of these orders is at Extend once, and its receipt says so.
fn assert_once(shop: &Shop, files: &[String]) {
    for file in files {
        shop.wait_state(file, "delivered");
        assert_eq!(shop.times_at_extend(file.trim_end_matches(".json")), 1, "{file}");
    }
    shop.wait("the moves", |shop| shop.number("SELECT count(*) FROM files WHERE moved = 0") == Some(0));
    let accepted: Vec<String> = shop.accepted().into_keys().collect();
    for file in files {
        let copies = accepted.iter().filter(|name| name.split(['.', '~']).next() == file.split('.').next());
        assert_eq!(copies.count(), 1, "{file}: {accepted:?}");
    }
    assert!(shop.inbox().is_empty(), "{:?}", shop.inbox());
}

fn drop_order(shop: &Shop, key: &str) -> String {
    let file = format!("{key}.json");
    shop.drop_json(&file, &order(key, "Product-123", 1));
    file
}

#[test]
fn the_disk_of_the_database_is_full() {
    let mut shop = Plan::sample().open();
    let Some(disk) = Disk::at(&shop.home().join("data"), "6m") else { return };
    shop.start();
    shop.wait_up();
    let mut files = vec![drop_order(&shop, "FULL-0")];
    shop.wait_state("FULL-0.json", "delivered");
    disk.fill();
    // What SQLite has of the disk already it goes on using for a while.
    for at in 1.. {
        assert!(at < 2000, "the disk is full, and nothing comes of it");
        files.push(drop_order(&shop, &format!("FULL-{at}")));
        if log(&shop).contains("it is tried again until it works") {
            break;
        }
        let file = files.last().expect("a file").clone();
        shop.wait("it to be taken, or not", |shop| {
            !shop.inbox().contains(&file) || log(shop).contains("it is tried again until it works")
        });
    }
    wait_told(&shop, "database_disk", "Make room");
    let waiting = drop_order(&shop, "FULL-LAST");
    assert!(shop.inbox().contains(&waiting), "it leaves the inbox when it is recorded");
    files.push(waiting);
    assert!(shop.runs());
    disk.make_room();
    wait_not_told(&shop, "database_disk");
    assert_once(&shop, &files);
    shop.stop();
}

#[test]
fn the_disk_of_the_log_is_full() {
    let mut shop = Plan::sample().open();
    let Some(disk) = Disk::at(&shop.home().join("data/logs"), "1m") else { return };
    shop.start();
    shop.wait_up();
    disk.fill();
    let mut files = vec![drop_order(&shop, "LOG-1")];
    assert_once(&shop, &files);
    wait_told(&shop, "log_trouble", "The agent works on");
    disk.make_room();
    files.push(drop_order(&shop, "LOG-2"));
    assert_once(&shop, &files);
    wait_not_told(&shop, "log_trouble");
    let logs = files_in(&shop.home().join("data/logs"));
    let text: String = logs.values().map(|bytes| String::from_utf8_lossy(bytes)).collect();
    assert!(text.contains("LOG-2") && shop.runs(), "the log goes on: {text}");
    shop.stop();
}

#[test]
fn the_disk_of_what_is_put_out_is_full_and_then_read_only() {
    let mut shop = Plan::sample().open();
    let Some(disk) = Disk::at(&shop.exchange("outgoing"), "512k") else { return };
    assert_eq!(shop.run(&["init"]).code, Some(0));
    shop.start();
    shop.wait_up();
    disk.fill();
    let mut files = vec![drop_order(&shop, "OUT-1")];
    assert_once(&shop, &files);
    wait_told(&shop, "put_trouble", "make room on a full disk");
    disk.make_room();
    wait_not_told(&shop, "put_trouble");
    shop.wait("the order's file", |shop| shop.exchange("outgoing/orders/OUT-1.json").exists());
    disk.again("ro");
    files.push(drop_order(&shop, "OUT-2"));
    assert_once(&shop, &files);
    wait_told(&shop, "put_trouble", "the right to write");
    disk.again("rw");
    wait_not_told(&shop, "put_trouble");
    shop.wait("the order's file", |shop| shop.exchange("outgoing/orders/OUT-2.json").exists());
    let left: Vec<String> = files_in(&shop.exchange("outgoing")).into_keys().collect();
    assert!(!left.iter().any(|name| name.ends_with(".tmp")), "{left:?}");
    shop.stop();
}

/// The inbox is a share of its own, so that files can't be renamed out of it.
#[test]
fn an_inbox_on_another_disk_that_becomes_read_only() {
    let mut shop = Plan::sample().open();
    let Some(disk) = Disk::at(&shop.exchange("inbox"), "1m") else { return };
    shop.start();
    shop.wait_up();
    let mut files = vec![drop_order(&shop, "RO-1")];
    assert_once(&shop, &files);
    shop.extend.cut_off();
    // The first call that fails tells.
    files.push(drop_order(&shop, "RO-W"));
    shop.wait("Extend to be away", |shop| {
        shop.inbox().is_empty()
            && shop.number("SELECT count(*) FROM extend_line WHERE state = 'away'") == Some(1)
    });
    // The agent looks away while the file is dropped and the share changes.
    let tell = |signal: &str| {
        let told = Command::new("kill").args([signal, &shop.pid().to_string()]).status();
        assert!(told.expect("kill").success());
    };
    tell("-STOP");
    files.push(drop_order(&shop, "RO-2"));
    disk.again("ro");
    tell("-CONT");
    wait_told(&shop, "move_trouble", "the right to write");
    shop.extend.bring_back().expect("the port");
    shop.wait_state("RO-2.json", "delivered");
    assert_eq!(shop.inbox(), ["RO-2.json"]);
    disk.again("rw");
    wait_not_told(&shop, "move_trouble");
    assert_once(&shop, &files);
    shop.stop();
}

#[test]
fn a_share_that_drops_and_comes_back() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let mut files = vec![drop_order(&shop, "SHARE-1")];
    assert_once(&shop, &files);
    shop.extend.cut_off();
    files.push(drop_order(&shop, "SHARE-2"));
    shop.wait("it to be taken", |shop| !shop.state("SHARE-2.json").is_empty() && shop.inbox().is_empty());
    let (here, away) = (shop.home().join("exchange"), shop.home().join("away"));
    fs::rename(&here, &away).expect("renamed");
    shop.extend.bring_back().expect("the port");
    shop.wait("it to be at Extend", |shop| shop.times_at_extend("SHARE-2") == 1);
    wait_told(&shop, "exchange_gone", "Bring the share back");
    wait_told(&shop, "inbox_trouble", "inbox");
    wait_told(&shop, "put_trouble", "Bring a share");
    assert!(!here.exists(), "nothing is made in its place");
    // The webshop drops on, where the share really is.
    fs::write(away.join("inbox/SHARE-3.json"), order("SHARE-3", "Product-123", 1).to_string())
        .expect("written");
    fs::rename(&away, &here).expect("renamed");
    files.push("SHARE-3.json".into());
    assert_once(&shop, &files);
    for code in ["exchange_gone", "inbox_trouble", "put_trouble", "move_trouble"] {
        wait_not_told(&shop, code);
    }
    shop.stop();

    // Not there when the agent starts, as on a machine that is faster than its network.
    files.push(drop_order(&shop, "SHARE-4"));
    fs::rename(&here, &away).expect("renamed");
    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("Bring the share back") && !here.exists(), "{ran:?}");
    let back = std::thread::spawn({
        let (here, away, out) = (here.clone(), away.clone(), shop.home().join("agent.out"));
        move || {
            let began = std::time::Instant::now();
            while !fs::read_to_string(&out).unwrap_or_default().contains("Bring the share back") {
                assert!(began.elapsed().as_secs() < 60, "the agent does not say what it waits for");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            assert!(!here.exists(), "nothing is made in its place");
            fs::rename(&away, &here).expect("renamed");
        }
    });
    shop.start();
    back.join().expect("the share is back");
    assert_once(&shop, &files);
    shop.stop();
}

#[test]
fn another_program_holds_the_database() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let mut files = vec![drop_order(&shop, "HELD-1")];
    assert_once(&shop, &files);
    let other = extend_edge::store::open_existing(&shop.home().join("data/extend-edge.db")).expect("it");
    other.execute_batch("BEGIN EXCLUSIVE").expect("held");
    let began = std::time::Instant::now();
    files.push(drop_order(&shop, "HELD-2"));
    shop.wait("the agent to have waited in vain", |shop| {
        log(shop).contains("it is tried again until it works")
    });
    wait_told(&shop, "database_locked", "Close that program");
    // Longer than anybody waits for the database.
    shop.wait("that to take a while", |shop| {
        assert_eq!(shop.inbox(), ["HELD-2.json"], "it leaves the inbox when it is recorded");
        began.elapsed().as_secs() >= 6
    });
    assert!(shop.runs());
    other.execute_batch("ROLLBACK").expect("let go");
    assert_once(&shop, &files);
    wait_not_told(&shop, "database_locked");
    assert!(log(&shop).contains("the database works again"));
    shop.stop();
}

#[cfg(unix)]
#[test]
fn the_clock_goes_forward_and_back_by_a_day() {
    let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1"))
        .into_iter()
        .find(|path| Path::new(path).exists());
    let Some(library) = library else {
        eprintln!("SKIPPED: no libfaketime here: the clock was not set");
        return;
    };
    let mut shop = Plan::sample().set("balances.every_seconds", "1").open();
    let clock = shop.home().join("clock");
    let set = |offset: &str| {
        let beside = clock.with_extension("new");
        fs::write(&beside, offset).expect("written");
        fs::rename(beside, &clock).expect("renamed");
    };
    set("+0");
    let clock_file = clock.display().to_string();
    shop.start_with(&[
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", clock_file.as_str()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ]);
    shop.wait_up();
    let mut files = vec![drop_order(&shop, "CLOCK-1")];
    assert_once(&shop, &files);
    let today = shop.receipt("CLOCK-1.json").expect("a receipt")["documents"][0]["receivedAt"].clone();
    for (at, offset) in ["+86400", "+0", "-86400", "+0"].into_iter().enumerate() {
        // One is waiting to be tried again, and one to be looked up, when the clock is set.
        shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::CloseAfter));
        files.push(drop_order(&shop, &format!("UNCLEAR-{at}")));
        shop.wait("it to be at Extend", |shop| shop.times_at_extend(&format!("UNCLEAR-{at}")) == 1);
        set(offset);
        let file = drop_order(&shop, &format!("SET-{at}"));
        files.push(file.clone());
        assert_once(&shop, &files);
        let received = shop.receipt(&file).expect("a receipt")["documents"][0]["receivedAt"].clone();
        let day = |at: &Value| at.as_str().expect("a time")[..10].to_owned();
        assert_eq!(day(&received) == day(&today), offset == "+0", "the clock was not set: {received}");
        let asked = shop.requests("GET", "ProductAvailability").len();
        shop.wait("balances to be fetched on", |shop| {
            shop.requests("GET", "ProductAvailability").len() > asked
        });
    }
    let (status, code) = shop.status();
    assert_eq!(code, Some(0), "{status:#}");
    shop.stop();
}

#[test]
fn one_receipt_that_can_not_be_written_holds_back_nothing_else() {
    let mut shop = Plan::sample().open();
    // A folder lies where the receipt should.
    let in_the_way = shop.exchange("receipts/stuck.json.receipt.json");
    fs::create_dir_all(in_the_way.join("deep")).expect("a folder");
    shop.start();
    shop.wait_up();
    shop.drop_json("stuck.json", &order("STUCK-1", "Product-123", 1));
    shop.wait("it to be at Extend", |shop| shop.times_at_extend("STUCK-1") == 1);
    shop.drop_json("next.json", &order("NEXT-1", "Product-123", 1));
    shop.wait_state("next.json", "delivered");
    let status = shop.exchange("outgoing/status.json");
    shop.wait("status.json to tell of it", |_| {
        let told: Value =
            fs::read(&status).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        told["outbox"]["delivered"] == 2 && told["needsPerson"].to_string().contains("put_trouble")
    });
    shop.wait("all else to be put out", |shop| shop.number("SELECT count(*) FROM owed_files") == Some(1));
    assert!(shop.exchange("outgoing/products.json").exists());
    fs::remove_dir_all(&in_the_way).expect("removed");
    shop.wait_state("stuck.json", "delivered");
    shop.wait("nobody to be needed", |shop| shop.status().1 == Some(0));
}
