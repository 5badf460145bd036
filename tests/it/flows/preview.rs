//! `extend-edge preview`: what a file would become, with nothing sent and nothing written.

use std::fs;

use serde_json::{Value, json};

use crate::support::shop::{Plan, order};

/// Every file of a home with its bytes.
fn everything(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(everything(&path)),
            false => all.push((path.clone(), fs::read(&path).expect("a file"))),
        }
    }
    all.sort();
    all
}

#[test]
fn a_file_is_shown_before_anything_is_sent_of_it() {
    let shop = Plan::sample().open();
    let mut bad = order("V-2", "Product-123", 1);
    bad["orderRows"][0]["salesData"].as_object_mut().expect("fields").remove("unit");
    let file = shop.home().join("orders.json");
    let documents = json!([order("V-1", "Product-123", 2), bad, order("V-1", "Product-123", 2)]);
    fs::write(&file, format!("{documents:#}\n")).expect("written");
    let before = everything(shop.home());
    let path = file.to_str().expect("a path");
    let ran = shop.run(&["preview", path]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in
        ["V-1: would be taken over", "V-2", "Line 40", "orderRows[0].product.productNumber", "21.36", "26.69"]
    {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let told = shop.run(&["preview", path, "--json"]).json();
    let verdicts: Vec<&Value> =
        told["documents"].as_array().expect("a list").iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["accepted", "rejected", "duplicate"]);
    assert_eq!(told["documents"][1]["problems"][0]["code"], "missing_field");
    assert_eq!(told["documents"][0]["document"], order("V-1", "Product-123", 2));
    assert_eq!(told["documents"][0]["totalWithVat"], "26.69");
    assert_eq!(everything(shop.home()), before, "nothing is written");
    assert_eq!(shop.extend.requests().len(), 0, "nothing is sent");
}

#[test]
fn a_file_is_held_against_what_came_before() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_json("first.json", &order("V-3", "Product-123", 1));
    shop.wait_state("first.json", "delivered");
    let file = shop.home().join("again.json");
    fs::write(&file, order("V-3", "Product-123", 1).to_string()).expect("written");
    let ran = shop.run(&["preview", file.to_str().expect("a path")]);
    assert!(ran.code == Some(0) && ran.stdout.contains("repeats one that came before"), "{ran:?}");
    fs::write(&file, order("V-3", "Product-123", 5).to_string()).expect("written");
    let ran = shop.run(&["preview", file.to_str().expect("a path")]);
    assert!(ran.code == Some(1) && ran.stdout.contains("came before, in first.json"), "{ran:?}");
}

#[test]
fn a_database_that_is_just_being_made_holds_nothing_up() {
    let shop = Plan::sample().open();
    fs::write(shop.home().join("data/extend-edge.db"), "").expect("an empty database");
    let file = shop.home().join("order.json");
    fs::write(&file, order("PRE-1", "Product-123", 1).to_string()).expect("written");
    let ran = shop.run(&["preview", &file.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
