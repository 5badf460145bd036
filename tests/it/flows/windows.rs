//! What only Windows has: files that others hold, names that are written in two ways, and its service manager. Wine
//! runs these too.
#![cfg(windows)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::windows::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use extend_edge::standin::{Fault, FaultRule};

use crate::support::shop::{PATIENCE, Plan, Ran, Shop, order, program, run};

/// What others may do meanwhile with a file that is opened.
const NOTHING: u32 = 0;
const READ: u32 = 1;
const READ_WRITE_DELETE: u32 = 7;

fn write_held(shop: &Shop, name: &str, share: u32) -> File {
    let text = order(&name.replace(".json", ""), "Product-123", 1).to_string();
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .share_mode(share)
        .open(shop.exchange("inbox").join(name))
        .expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

#[test]
fn a_file_that_its_writer_holds_is_waited_for_however_it_shares_it() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let names = [("NOTHING.json", NOTHING), ("READ.json", READ), ("ALL.json", READ_WRITE_DELETE)];
    let held = names.map(|(name, share)| write_held(&shop, name, share));
    // For longer than broken_after_seconds.
    shop.wait("it to be said who is in the way", |shop| {
        shop.number("SELECT count(*) FROM inbox_left WHERE code = 'held_open'") == Some(3)
    });
    assert_eq!(shop.number("SELECT count(*) FROM files"), Some(0));
    for mut file in held {
        file.write_all(b"\n").expect("the writer is not disturbed");
    }
    for (name, _) in names {
        shop.wait_state(name, "delivered");
        shop.wait("it to be moved", |shop| shop.accepted().contains_key(name));
        assert!(shop.accepted()[name].ends_with(b"\n"), "{name}");
    }
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 3);
    shop.wait("nothing to be left", |shop| shop.number("SELECT count(*) FROM inbox_left") == Some(0));
}

#[test]
fn a_file_that_a_reader_holds_is_taken_once_and_moved_when_it_can_be() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    shop.drop_json(".read.tmp", &order("READER-1", "Product-123", 1));
    let path = shop.exchange("inbox/read.json");
    fs::rename(shop.exchange("inbox/.read.tmp"), &path).expect("renamed");
    // Such as a virus scanner: others may read and write, and nobody may move it.
    let reader = OpenOptions::new().read(true).share_mode(3).open(&path);
    shop.wait_state("read.json", "delivered");
    drop(reader);
    shop.wait("it to be moved", |shop| shop.accepted().contains_key("read.json"));
    assert_eq!((shop.inbox().len(), shop.accepted().len()), (0, 1));
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 1);
    assert_eq!(shop.number("SELECT count(*) FROM files"), Some(1));
}

#[test]
fn a_file_that_the_webshop_reads_is_put_out_when_it_lets_go() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    shop.drop_json("one.json", &order("PUT-1", "Product-123", 1));
    shop.wait_state("one.json", "delivered");
    let path = shop.exchange("outgoing/status.json");
    let before = fs::read(&path).expect("status.json");
    let reader = OpenOptions::new().read(true).share_mode(READ).open(&path).expect("a reader");
    shop.extend.cut_off();
    shop.drop_json("two.json", &order("PUT-2", "Product-123", 1));
    shop.wait_state("two.json", "queued");
    assert_eq!(fs::read(&path).expect("status.json"), before);
    drop(reader);
    shop.wait("status.json to be new", |_| fs::read(&path).is_ok_and(|now| now != before));
}

#[test]
fn an_inbox_that_came_back_is_watched_again() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    fs::rename(shop.exchange("inbox"), shop.exchange("aside")).expect("moved away");
    shop.wait("it to be missed", |shop| {
        shop.number("SELECT count(*) FROM agent WHERE name = 'inbox_trouble' AND value <> ''") == Some(1)
    });
    fs::create_dir_all(shop.exchange("inbox/atp")).expect("an inbox");
    shop.drop_json("back.json", &order("BACK-1", "Product-123", 1));
    shop.wait_state("back.json", "delivered");
}

#[test]
fn a_home_with_a_long_path_works() {
    let shop = Plan::sample().open();
    let home = ["a-folder-with-a-name-that-is-quite-long"; 8]
        .iter()
        .fold(shop.home().to_owned(), |path, part| path.join(part));
    assert!(home.as_os_str().len() > 300);
    fs::create_dir_all(&home).expect("folders");
    fs::copy(shop.home().join("extend-edge.toml"), home.join("extend-edge.toml")).expect("settings");
    let at_home = |arguments: &[&str]| run(program().args(arguments).arg("--home").arg(&home));
    assert_eq!(at_home(&["init"]).code, Some(0));
    fs::write(home.join("exchange/inbox/long.json"), order("LONG-1", "Product-123", 1).to_string())
        .expect("an order");
    let once = at_home(&["once"]);
    assert_eq!(once.code, Some(0), "{once:?}");
    assert_eq!(shop.times_at_extend("LONG-1"), 1);
    assert!(home.join("exchange/receipts/long.json.receipt.json").exists());
}

/// What a stop promises, and a moment for the command itself.
const SOON: Duration = Duration::from_secs(7);

/// A service of this test's own, gone when it ends.
struct Service(String);

impl Service {
    fn run(&self, arguments: &[&str]) -> Ran {
        run(program().arg("service").args(arguments).args(["--name", &self.0]))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.run(&["uninstall"]);
    }
}

#[test]
fn the_service_is_installed_delivers_is_stopped_started_and_removed() {
    let shop = Plan::sample().set("extend.timeout_seconds", "60").open();
    let service = Service(format!("extend-edge-test-{}", std::process::id()));
    let home = shop.home().display().to_string();
    assert_eq!(service.run(&["status"]).code, Some(1));
    let printed = service.run(&["install", "--print", "--home", &home, "--group", "WEBSHOP"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    for part in [
        &format!("account   NT SERVICE\\{}\n", service.0),
        "data /inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)F *S-1-5-18:(OI)(CI)F",
        "extend-edge.toml /inheritance:r /grant:r *S-1-5-32-544:F",
        "inbox /grant WEBSHOP:(OI)(CI)M\n",
    ] {
        assert!(printed.stdout.contains(part), "{part}: {}", printed.stdout);
    }
    assert_eq!(service.run(&["status"]).code, Some(1), "nothing was installed");

    let installed = service.run(&["install", "--home", &home]);
    assert_eq!(installed.code, Some(0), "{installed:?}");
    assert!(installed.stdout.ends_with(" runs\n"), "{installed:?}");
    shop.drop_json("one.json", &order("SERVICE-1", "Product-123", 1));
    shop.wait_state("one.json", "delivered");
    assert_eq!(service.run(&["start"]).code, Some(0), "it runs already");

    // Windows wakes no call that waits for its answer.
    shop.extend.push_fault(FaultRule::once("POST", "CustomerOrders", Fault::Hang(PATIENCE)));
    shop.drop_json("hangs.json", &order("SERVICE-HANGS", "Product-123", 1));
    shop.wait("the call to hang", |shop| shop.requests("POST", "CustomerOrders").len() == 2);
    let asked = Instant::now();
    let stopped = service.run(&["stop"]);
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!(service.run(&["status"]).code, Some(1));
    assert_eq!(service.run(&["stop"]).code, Some(0), "it is stopped already");
    let status: serde_json::Value =
        serde_json::from_slice(&fs::read(shop.exchange("outgoing/status.json")).expect("status.json"))
            .expect("JSON");
    assert_eq!(status["agent"]["running"], false, "it ended in good order: {status}");

    shop.drop_json("two.json", &order("SERVICE-2", "Product-123", 1));
    let started = service.run(&["start"]);
    assert_eq!(started.code, Some(0), "{started:?}");
    shop.wait_state("two.json", "delivered");
    shop.wait_state("hangs.json", "delivered");
    let removed = service.run(&["uninstall"]);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    let status = service.run(&["status", "--json"]);
    assert_eq!(status.json()["installed"], false, "{status:?}");
    assert!(shop.home().join("data/extend-edge.db").exists(), "the home stays");
    for key in ["SERVICE-1", "SERVICE-HANGS", "SERVICE-2"] {
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
}
