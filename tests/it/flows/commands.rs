//! The commands as a person at a terminal and a program behind a pipe see them.

use std::fs;

use serde_json::{Value, json};

use crate::support::shop::{Plan, order, program, return_of, run};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn every_help_has_examples_and_ends_well() {
    for command in ["", "demo", "init", "check", "run", "once", "status", "sync", "outbox", "service"] {
        let mut help = program();
        help.args(command.split_whitespace()).arg("--help");
        let ran = run(&mut help);
        assert_eq!(ran.code, Some(0), "{command}: {ran:?}");
        assert!(ran.stdout.contains("Example"), "{command}: {}", ran.stdout);
        assert!(ran.stdout.contains(&format!("extend-edge {command}")), "{command}: {}", ran.stdout);
        assert!(!ran.stdout.contains('\u{1b}'), "colour is for terminals");
        assert_eq!(ran.stderr, "");
    }
    let version = run(program().arg("--version"));
    assert_eq!(
        (version.code, &*version.stdout),
        (Some(0), concat!("extend-edge ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}

#[test]
fn wrong_usage_and_wrong_settings_are_told_from_failures() {
    let shop = Plan::sample().open();
    for wrong in [
        &[][..],
        &["sell"],
        &["status", "--jsno"],
        &["sync", "nothing"],
        &["sync", "prices"],
        &["outbox"],
        &["outbox", "show"],
        &["outbox", "show", "one"],
        &["outbox", "retry"],
        &["outbox", "list", "--state", "lost"],
    ] {
        let ran = shop.run(wrong);
        assert_eq!(ran.code, Some(2), "{wrong:?}: {ran:?}");
        assert_eq!(ran.stdout, "");
        assert!(!ran.stderr.is_empty());
    }
    // Nothing was ever done here: that is a failure, and said.
    for early in [&["status"][..], &["outbox", "list"]] {
        let ran = shop.run(early);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("the agent has never run here"), "{ran:?}");
    }
    let nowhere = tempfile::tempdir().expect("a directory");
    for command in ["run", "once", "check", "status"] {
        let ran = run(program().args([command, "--home"]).arg(nowhere.path()));
        assert_eq!(ran.code, Some(2), "{command}: {ran:?}");
        assert!(ran.stderr.contains("extend-edge.toml"), "{command}: {ran:?}");
    }
}

#[test]
fn all_problems_of_the_settings_are_told_at_once_with_their_lines() {
    let home = tempfile::tempdir().expect("a home");
    let settings = "[extend]\nbase_url = \"http://extend.example.com/RESTAPI\"\nclient = \"demo\"\nusername = \"edge\"\n\
        password = \"secret-word\"\n\n[exchange]\nsetle_ms = 5\nmax_file_mb = \"16\"\n";
    fs::write(home.path().join("extend-edge.toml"), settings).expect("settings");
    for command in ["run", "check", "once", "status"] {
        let ran = run(program().args([command, "--home"]).arg(home.path()));
        assert_eq!(ran.code, Some(2), "{command}: {ran:?}");
        for (line, key) in [(2, "base_url"), (8, "setle_ms"), (9, "max_file_mb")] {
            let told = ran
                .stderr
                .lines()
                .any(|told| told.starts_with(&format!("extend-edge.toml:{line}:")) && told.contains(key));
            assert!(told, "{command}: line {line}, {key}: {}", ran.stderr);
        }
        assert!(ran.stderr.contains("settle_ms"), "what was meant: {}", ran.stderr);
        assert!(!ran.stderr.contains("secret-word"), "the password is told to nobody");
    }
}

#[test]
fn init_makes_a_home_and_changes_nothing_that_is_there() {
    let place = tempfile::tempdir().expect("a directory");
    let home = place.path().join("a shop");
    let init = || run(program().arg("init").env("EXTEND_EDGE_HOME", &home));
    let ran = init();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for path in [
        "extend-edge.toml",
        "data/logs",
        "exchange/inbox",
        "exchange/accepted",
        "exchange/rejected",
        "exchange/receipts",
        "exchange/hooks",
        "exchange/outgoing/changes",
        "exchange/outgoing/orders",
    ] {
        assert!(home.join(path).exists(), "{path}");
    }
    let settings = home.join("extend-edge.toml");
    let mine = fs::read_to_string(&settings).expect("settings").replace("webshop", "mine");
    fs::write(&settings, &mine).expect("settings");
    assert_eq!(init().code, Some(0));
    assert_eq!(fs::read_to_string(&settings).expect("settings"), mine);
    let swedish = place.path().join("butik");
    let ran = run(program().args(["init", "--language", "sv", "--home"]).arg(&swedish));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = fs::read_to_string(swedish.join("extend-edge.toml")).expect("settings");
    assert!(text.contains("language = \"sv\"") && text.contains("lösenord"), "{text}");
}

#[test]
fn check_tells_what_is_right_and_what_is_not() {
    let shop = Plan::sample().open();
    let ran = shop.run(&["check", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json();
    assert_eq!((&report["ok"], &report["agentRunning"]), (&json!(true), &json!(false)));
    assert!(report["checks"].as_array().is_some_and(|checks| checks.iter().all(|one| one["ok"] == true)));
    let ran = shop.run(&["check"]);
    // A note is nothing wrong: that other accounts may read data/ is the shop's to allow.
    let is_well = |line: &&str| line.starts_with("ok ") || line.starts_with("note ");
    assert_eq!(ran.stdout.lines().filter(is_well).count(), ran.stdout.lines().count() - 1, "{ran:?}");

    fs::remove_dir(shop.exchange("receipts")).expect("removed");
    shop.extend.cut_off();
    let ran = shop.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("WRONG") && ran.stdout.contains("extend-edge init"), "{ran:?}");
    assert!(ran.stdout.contains("can't be reached"), "{ran:?}");
    let report = shop.run(&["check", "--json"]).json();
    let checks = report["checks"].as_array().expect("checks");
    assert_eq!(checks.iter().filter(|one| one["ok"] == false).count(), 2, "{report:#}");
    shop.assert_described(&[]);
}

#[test]
fn check_looks_at_disks_and_alarms() {
    let chat = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = chat.local_addr().expect("an address");
    let shop = Plan::sample()
        .set("alert.command", "[\"no-such-mailer\", \"-s\"]")
        .set("alert.webhook", &format!("\"http://{address}/KEY\""))
        .set("alert.disk_free_mb", "1000000000")
        .open();
    let ran = shop.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("no-such-mailer\n       is not there. Install it"), "{ran:?}");
    assert!(ran.stdout.contains("1000000000 MB are wanted"), "{ran:?}");
    assert!(ran.stdout.contains("ok     the alarm's webhook: 127.0.0.1"), "{ran:?}");
    assert!(!ran.stdout.contains("KEY"), "{ran:?}");

    let there = if cfg!(windows) { "cmd" } else { "sh" };
    let shop =
        Plan::sample().set("alert.command", &format!("[\"{there}\"]")).set("alert.disk_free_mb", "1").open();
    let ran = shop.run(&["check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stdout.contains("the disks have room") && ran.stdout.contains(&format!("command: {there}")),
        "{ran:?}"
    );
}

#[test]
fn once_does_all_that_is_due_and_ends() {
    let shop = Plan::sample().open();
    shop.drop_json("order.json", &order("O-1", "Product-123", 1));
    shop.drop_json("wrong.json", &order("O-2", "No such product", 1));
    shop.drop_json("return.json", &return_of("O-R"));
    shop.drop_file("bad.json", "{\"a\": 1}");
    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        (shop.state("order.json"), shop.state("return.json")),
        ("delivered".into(), "delivered".into())
    );
    assert_eq!(shop.state("wrong.json"), "refused");
    assert_eq!(shop.inbox(), Vec::<String>::new());
    assert!(shop.error("bad.json").is_some());
    for name in ["products.json", "products.csv", "customers.json", "balances.csv", "status.json"] {
        assert!(shop.exchange("outgoing").join(name).exists(), "{name}");
    }
    let order_file = fs::read(shop.exchange("outgoing/orders/O-1.json")).expect("the order file");
    let order_file: Value = serde_json::from_slice(&order_file).expect("JSON");
    assert_eq!(
        keys(&order_file),
        ["key", "orderNumber", "orderNumberExternal", "status", "changedAt", "rows", "shipments"]
    );
    assert_eq!(order_file["rows"][0]["product_number"], "Product-123");

    // Extend is away: said, and the file is taken in all the same.
    shop.extend.cut_off();
    shop.drop_json("later.json", &order("O-3", "Product-123", 1));
    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("Extend could not be reached"), "{ran:?}");
    assert_eq!(shop.state("later.json"), "queued");
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    shop.extend.bring_back().expect("the port");
    assert_eq!(shop.run(&["once"]).code, Some(0));
    assert_eq!(shop.state("later.json"), "delivered");
    shop.assert_described(&[]);
}

#[test]
fn status_sync_and_outbox_speak_json() {
    let mut shop = Plan::sample().open();
    shop.drop_json("order.json", &order("J-1", "Product-123", 1));
    shop.drop_json("wrong.json", &order("J-2", "No such product", 1));
    assert_eq!(shop.run(&["once"]).code, Some(0));

    let (status, code) = shop.status();
    assert_eq!(code, Some(3));
    assert_eq!(status["extend"]["state"], "up");
    assert!(status["extend"]["since"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 24));
    for entity in ["products", "customers", "balances", "orders", "return_codes"] {
        assert_eq!(status["entities"][entity]["minutesOld"], 0, "{entity}");
        assert!(status["entities"][entity]["rows"].as_u64() > Some(0), "{entity}: {status:#}");
    }
    assert_eq!(status["outbox"]["queued"], 0);
    assert_eq!(status["outbox"]["sending"], 0);
    assert_eq!(status["outbox"]["refused"], 1);
    assert_eq!(status["outbox"]["delivered"], 1);
    assert_eq!(status["needsPerson"].as_array().map(Vec::len), Some(1));
    let file = fs::read(shop.exchange("outgoing/status.json")).expect("status.json");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    assert_eq!(keys(&file), keys(&status));

    let synced = shop.run(&["sync", "balances", "products", "--json"]);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    assert_eq!(keys(&synced.json()), ["balances", "products"]);
    assert!(synced.json()["products"]["rows"].as_u64() > Some(0));

    let list = shop.run(&["outbox", "list", "--json"]).json();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "what was delivered needs no list");
    assert_eq!(
        (&list[0]["key"], &list[0]["state"], &list[0]["errorCode"]),
        (&json!("J-2"), &json!("refused"), &json!("extend_refused"))
    );
    let delivered = shop.run(&["outbox", "list", "--state", "delivered", "--json"]).json();
    assert_eq!(delivered[0]["key"], "J-1");
    let id = delivered[0]["id"].to_string();
    let shown = shop.run(&["outbox", "show", &id, "--json"]).json();
    assert_eq!(shown["document"], order("J-1", "Product-123", 1));
    assert_eq!(
        (&shown["tries"][0]["outcome"], &shown["tries"][0]["httpStatus"]),
        (&json!("delivered"), &json!(200))
    );
    let words = shop.run(&["outbox", "show", &id]);
    assert!(words.stdout.contains("J-1") && words.stdout.contains("answer 200"), "{words:?}");
    let ran = shop.run(&["outbox", "show", "4711"]);
    assert_eq!((ran.code, &*ran.stderr), (Some(1), "there is no item 4711\n"));
    let table = shop.run(&["outbox", "list"]);
    assert!(table.stdout.starts_with("id ") && table.stdout.contains("J-2"), "{table:?}");

    // The same beside an agent that runs.
    shop.start();
    let synced = shop.run(&["sync", "customers", "--full", "--json"]);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    assert_eq!(shop.status().0["agent"]["running"], true);
    shop.stop();
    // An outage needs nobody.
    assert_eq!(shop.run(&["outbox", "cancel", &list[0]["id"].to_string()]).code, Some(0));
    shop.extend.cut_off();
    assert_eq!(shop.run(&["once"]).code, Some(1));
    let (status, code) = shop.status();
    assert_eq!((status["extend"]["state"].as_str(), code), (Some("away"), Some(0)));
    assert!(shop.run(&["status"]).stdout.contains("can't be reached"));
    shop.assert_described(&[]);
}

#[test]
fn the_demo_tells_its_story_and_leaves_the_folder() {
    let place = tempfile::tempdir().expect("a directory");
    let dir = place.path().join("my demo");
    let demo = || run(program().args(["demo", "--dir"]).arg(&dir).current_dir(place.path()));
    let ran = demo();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // «What Extend has now, asked there»: each order once.
    let (_, end) = ran.stdout.split_once("What Extend has now").expect("the end of the outage");
    for number in 1001..=1008 {
        let key = format!("W-{number}");
        let line = end.lines().find(|line| line.contains(&key)).unwrap_or_else(|| panic!("{key}: {end}"));
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((cells[0], cells[1]), (&*key, "1"), "{line}");
        assert_eq!(end.matches(&key).count(), 1, "{key}");
    }
    assert!(dir.join("exchange/receipts/order-1001.json.receipt.json").exists());
    assert!(dir.join("exchange/rejected/order-1009.json.error.txt").exists());
    let status = run(program().args(["status", "--home"]).arg(&dir));
    assert_eq!(status.code, Some(3), "the file that was wrong: {status:?}");
    // Another demo takes the place of the first; nothing else is ever replaced.
    assert_eq!(demo().code, Some(0));
    let mine = place.path().join("mine");
    fs::create_dir(&mine).expect("a folder");
    fs::write(mine.join("thesis.txt"), "years of work").expect("written");
    let ran = run(program().args(["demo", "--dir"]).arg(&mine));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("not empty"), "{ran:?}");
    assert_eq!(fs::read_dir(&mine).expect("a folder").count(), 1);
}
