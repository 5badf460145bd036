//! The real program, killed before each thing that it does to a file, the disk or the line, and started
//! again: each document reaches Extend once, and no file is lost.
//!
//! The signal comes when a call begins. That the call before it has ended is the other side: a kill before
//! call N + 1 is a kill after call N.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop, order, return_of};

/// What changes something that outlives the process, and what talks to Extend.
const CALLS: [&str; 12] = [
    "rename",
    "renameat2",
    "unlink",
    "link",
    "mkdir",
    "fsync",
    "fdatasync",
    "pwrite64",
    "ftruncate",
    "connect",
    "sendto",
    "openat",
];

/// Kills in all; a whole run has more than a thousand places for one. With `EXTEND_EDGE_EVERY_STEP` in the
/// environment the program is killed at all of them.
const KILLS: usize = 80;

/// Shops that are at work at a time: mostly they wait.
const TOGETHER: usize = 8;

const WRONG: &str = "{ \"orderHeader\": wrong }";

fn documents() -> Vec<(&'static str, Value)> {
    let mut unkeyed = order("", "Product-123", 3);
    unkeyed["orderHeader"].as_object_mut().expect("a header").remove("orderNumberExternal");
    let change = json!({
        "changeOrder": { "orderNumberExternal": "STEP-1" },
        "orderRows": [{ "product": { "productNumber": "Product-123" }, "salesData": { "quantity": 1, "unit": "Stk" } }],
    });
    vec![
        ("1-order.json", order("STEP-1", "Product-123", 2)),
        ("2-return.json", return_of("STEP-R")),
        ("3-change.json", change),
        ("4-no-number.json", unkeyed),
    ]
}

fn shop() -> Shop {
    let shop = Plan::sample().open();
    documents().iter().for_each(|(name, document)| shop.drop_json(name, document));
    shop.drop_file("5-wrong.json", WRONG);
    shop
}

fn strace(shop: &Shop, arguments: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(arguments).arg(env!("CARGO_BIN_EXE_extend-edge"));
    command.args(["once", "--home"]).arg(shop.home());
    command.env_remove("EXTEND_EDGE_HOME").env_remove("EXTEND_EDGE_PASSWORD");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Whether this machine has strace and lets it trace.
fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// How often the busiest thread of a whole run made each call: strace counts for each thread.
fn places(shop: &Shop) -> Vec<(String, usize)> {
    let out = shop.home().join("calls.out");
    // Not every machine knows all of them.
    let trace = format!("trace={}", CALLS.map(|call| format!("?{call}")).join(","));
    let status = strace(shop, &["-e", &trace, "-o", &out.display().to_string()]).status().expect("strace");
    assert!(status.success(), "{status}");
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in fs::read_to_string(out).expect("the calls").lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let name = call.trim_start().split('(').next().unwrap_or_default();
        if CALLS.contains(&name) {
            *counts.entry((name.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for ((name, _), count) in counts {
        let entry = most.entry(name).or_default();
        *entry = count.max(*entry);
    }
    most.into_iter().flat_map(|(name, count)| (1..=count).map(move |at| (name.clone(), at))).collect()
}

/// An evenly chosen share of the places: of each call the first, and the others by equal steps.
fn share(places: &[(String, usize)]) -> Vec<(String, usize)> {
    let step = places.len().div_ceil(KILLS).max(1);
    let chosen = places.iter().enumerate().filter(|(index, (_, at))| index % step == 0 || *at == 1);
    chosen.map(|(_, place)| place.clone()).collect()
}

#[test]
fn killed_before_each_of_its_steps_the_agent_does_each_thing_once() {
    if !can_trace() {
        eprintln!("SKIPPED: no strace here, or it may not trace: nothing was killed at its steps");
        return;
    }
    let whole = shop();
    let all = places(&whole);
    check(&whole, "a whole run");
    for call in ["fdatasync", "pwrite64", "connect", "openat"] {
        assert!(all.iter().any(|(name, _)| name == call), "no {call} was seen: {all:?}");
    }
    let chosen = if std::env::var_os("EXTEND_EDGE_EVERY_STEP").is_some() { all.clone() } else { share(&all) };
    let (next, killed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                while let Some((call, at)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tried = std::panic::catch_unwind(|| kill_and_go_on(call, *at));
                    match tried {
                        Ok(was_killed) => {
                            killed.fetch_add(usize::from(was_killed), Ordering::Relaxed);
                        }
                        Err(_) => failures.lock().expect("no panic").push(format!("{call} {at}")),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    assert!(failures.is_empty(), "killed before: {failures:?}");
    let killed = killed.into_inner();
    eprintln!("killed at {killed} of {} places of {}", chosen.len(), all.len());
    assert!(killed * 2 > chosen.len(), "only {killed} of {} were killed", chosen.len());
}

/// Whether the place was reached.
fn kill_and_go_on(call: &str, at: usize) -> bool {
    let mut shop = shop();
    let inject = format!("inject={call}:signal=SIGKILL:when={at}");
    let trace = format!("trace={call}");
    let status = strace(&shop, &["-e", &trace, "-e", &inject, "-o", "/dev/null"]).status().expect("strace");
    let was_killed = !status.success();
    shop.start();
    shop.wait(&format!("all to be done after a kill before {call} {at}"), |shop| {
        documents().iter().all(|(name, _)| shop.state(name) == "delivered")
            && shop.error("5-wrong.json").is_some()
            && shop.inbox().is_empty()
            && shop.number("SELECT count(*) FROM files WHERE moved = 0") == Some(0)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind IN ('receipt', 'error')") == Some(0)
    });
    shop.stop();
    check(&shop, &format!("{call} {at}"));
    was_killed
}

/// Each document once at Extend, each original where it belongs, byte for byte and once.
fn check(shop: &Shop, what: &str) {
    for (name, document) in documents() {
        let receipt = shop.receipt(name).unwrap_or_else(|| panic!("{what}: {name} has no receipt"));
        let told = &receipt["documents"][0];
        assert_eq!(told["state"], "delivered", "{what}: {receipt:#}");
        let original = shop.accepted().remove(name);
        assert_eq!(original, Some(format!("{document:#}\n").into_bytes()), "{what}: {name}");
    }
    let names = |folder: &Path| -> Vec<String> {
        crate::support::shop::files_in(folder).into_keys().filter(|name| !name.starts_with('.')).collect()
    };
    let accepted: Vec<String> = shop.accepted().into_keys().collect();
    assert_eq!(accepted, documents().iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{what}");
    let rejected = ["5-wrong.json", "5-wrong.json.error.json", "5-wrong.json.error.txt"];
    assert_eq!(names(&shop.exchange("rejected")), rejected, "{what}");
    assert_eq!(fs::read_to_string(shop.exchange("rejected/5-wrong.json")).expect("it"), WRONG, "{what}");
    assert_eq!(names(&shop.exchange("receipts")).len(), documents().len(), "{what}");

    let key = |name: &str| {
        let receipt = shop.receipt(name).expect("a receipt");
        receipt["documents"][0]["key"].as_str().expect("a key").to_owned()
    };
    for name in ["1-order.json", "4-no-number.json"] {
        assert_eq!(shop.times_at_extend(&key(name)), 1, "{what}: {name}");
    }
    let world = shop.extend.world();
    let returns = world.returns().filter(|one| one.reference.as_deref() == Some("STEP-R")).count();
    assert_eq!(returns, 1, "{what}");
    let order = world.orders_by_external("STEP-1").into_iter().next().expect("the order");
    assert_eq!(order.rows().len(), 2, "{what}: the change was made once");
}
