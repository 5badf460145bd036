//! `check` looks at everything, and what goes to whoever helps holds no secret and no customer.

use std::fs;
use std::io::Read;

use crate::support::shop::{Plan, Shop, order, program, run};

/// The files in a zip, by their names.
fn unzip(path: &std::path::Path) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(fs::File::open(path).expect("a zip")).expect("a zip");
    (0..zip.len())
        .map(|place| {
            let mut file = zip.by_index(place).expect("a file");
            let mut text = String::new();
            file.read_to_string(&mut text).expect("text");
            (file.name().expect("a name").into_owned(), text)
        })
        .collect()
}

fn bundle(shop: &Shop) -> Vec<(String, String)> {
    let to = shop.home().join("for-support.zip");
    let made = shop.run(&["support-bundle", "--to", &to.display().to_string()]);
    assert_eq!(made.code, Some(0), "{made:?}");
    unzip(&to)
}

#[test]
fn a_support_bundle_tells_how_things_stand_and_nothing_of_customers() {
    let mut shop = Plan::sample().set("webhooks.secret", "\"a-secret-of-ours\"").open();
    shop.start();
    shop.drop_json("bad.json", &order("W-1", "No such product", 1));
    shop.wait_state("bad.json", "refused");
    shop.wait("customers", |shop| shop.number("SELECT count(*) FROM customers") > Some(3));
    let name: String = shop
        .database()
        .query_row("SELECT name FROM customers WHERE length(name) > 5 LIMIT 1", [], |row| row.get(0))
        .expect("a name");
    shop.stop();
    // As if Extend's words had named somebody.
    let log =
        fs::read_dir(shop.home().join("data/logs")).expect("logs").next().expect("a log").expect("a log");
    let mut text = fs::read_to_string(log.path()).expect("a log");
    text.push_str(&format!(
        "2026-11-21T22:16:00.000Z WARN  item 1: {} may not buy, ask x@y.example\n",
        name.to_uppercase()
    ));
    fs::write(log.path(), text).expect("written");

    let parts = bundle(&shop);
    let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    for wanted in
        ["about.json", "settings.toml", "check.json", "status.json", "schema.sql", "database.json", "log.txt"]
    {
        assert!(names.contains(&wanted), "{wanted}: {names:?}");
    }
    let all: String = parts.iter().map(|(_, text)| text.as_str()).collect();
    let password = shop.extend.options().password.clone();
    for hidden in [password.as_str(), "a-secret-of-ours", "x@y.example", &name, &name.to_uppercase()] {
        assert!(!all.contains(hidden), "{hidden} is in the bundle");
    }
    for told in ["*** may not buy", "\"refused\": 1", "CREATE TABLE outbox", "begins in", "\"products\": 40"]
    {
        assert!(all.contains(told), "{told} is not in the bundle");
    }
}

#[test]
fn a_bundle_is_made_where_nothing_else_works() {
    let home = tempfile::tempdir().expect("a home");
    fs::write(home.path().join("extend-edge.toml"), "[extend]\npassword = \"hunter2\"\nclint = \"x\"\n")
        .expect("settings");
    let to = home.path().join("b.zip");
    let made = run(program().args(["support-bundle", "--home"]).arg(home.path()).arg("--to").arg(&to));
    assert_eq!(made.code, Some(0), "{made:?}");
    let parts = unzip(&to);
    let all: String = parts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(all.contains("did you mean client?") && !all.contains("hunter2"), "{all}");
}

#[cfg(unix)]
#[test]
fn check_tells_of_settings_that_all_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Plan::sample().open();
    let settings = shop.home().join("extend-edge.toml");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o644)).expect("open");
    let checked = shop.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains("chmod 640"), "{checked:?}");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o640)).expect("closed");
    let checked = shop.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("ok     the clock"), "{checked:?}");
}
