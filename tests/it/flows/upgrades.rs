//! A home that an earlier version made goes on in this one. `tests/it/homes/VERSION/` is such a home: its settings,
//! and its database as SQL.
//!
//! One that was released never changes. Until then, whenever `migrations/` or what is recorded changes, this makes
//! the home of this version again: `cargo test --test it -- --ignored make_the_home_of_this_version`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use extend_edge::config::Config;
use extend_edge::standin::World;
use extend_edge::store;
use rusqlite::Connection;

use crate::support::shop::{Plan, Shop, order};

fn homes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/homes")
}

/// The homes that are kept, by the version that made them.
fn kept() -> BTreeMap<String, PathBuf> {
    let versions = fs::read_dir(homes()).expect("the homes").map(|entry| entry.expect("a home").path());
    versions.map(|path| (path.file_name().expect("a version").to_string_lossy().into_owned(), path)).collect()
}

/// A shop of two products, so that its database is small.
fn small_world() -> World {
    let mut world = World::sample();
    let products: Vec<String> = world.products().map(|product| product.number.clone()).collect();
    products.iter().filter(|number| !["Product-123", "8010"].contains(&number.as_str())).for_each(|number| {
        world.remove_product(number);
    });
    let customers: Vec<String> = world.customers().map(|customer| customer.number.clone()).collect();
    customers.iter().filter(|number| !["Customer-123", "3"].contains(&number.as_str())).for_each(|number| {
        world.remove_customer(number);
    });
    world
}

fn plan() -> Plan {
    Plan::of(small_world())
}

fn database(shop: &Shop) -> PathBuf {
    shop.home().join("data/extend-edge.db")
}

/// Puts a kept home's database in the place of a shop's.
fn lay(home: &Path, shop: &Shop) {
    let sql = fs::read_to_string(home.join("extend-edge.sql")).expect("the database");
    let connection = Connection::open(database(shop)).expect("a database");
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL").expect("empty");
    connection.execute_batch(&sql).expect("the database as it was");
}

#[test]
fn a_home_of_every_version_goes_on_in_this_one() {
    for (version, home) in kept() {
        let shop = plan().open();
        lay(&home, &shop);
        let schema = |path: &Path| -> i64 {
            let connection = Connection::open(path).expect("a database");
            let newest = "SELECT max(version) FROM refinery_schema_history";
            connection.query_row(newest, [], |row| row.get(0)).expect("a version")
        };
        let before = schema(&database(&shop));
        shop.drop_json("again.json", &order("OLD-DELIVERED", "Product-123", 1));
        shop.drop_json("other.json", &order("OLD-DELIVERED", "Product-123", 9));
        let once = shop.run(&["once"]);
        assert_eq!(once.code, Some(0), "{version}: {once:?}");

        // What waited is sent, once; what was delivered is known; what was refused and called off stays so.
        assert_eq!(shop.times_at_extend("OLD-WAITS"), 1, "{version}");
        assert_eq!(shop.times_at_extend("OLD-DELIVERED"), 0, "{version}");
        assert_eq!(shop.state("again.json"), "delivered", "{version}");
        let error = shop.error("other.json").expect("an error");
        assert!(error.0["code"] == "duplicate_key", "{version}: {error:?}");
        for (key, state) in [("OLD-REFUSED", "refused"), ("OLD-CANCELLED", "cancelled")] {
            let sql = format!("SELECT count(*) FROM outbox WHERE key = '{key}' AND state = '{state}'");
            assert_eq!((shop.number(&sql), shop.times_at_extend(key)), (Some(1), 0), "{version}: {key}");
        }
        for command in [&["status"][..], &["report", "stock"], &["outbox", "show", "1"]] {
            let ran = shop.run(command);
            assert!(matches!(ran.code, Some(0 | 3)), "{version}: {ran:?}");
        }
        // Where a migration was due, what was there before was kept first.
        let kept = shop.home().join(format!("data/extend-edge.db.schema-{before}"));
        let after = schema(&database(&shop));
        assert_eq!(kept.exists(), after > before, "{version}");
        assert!(!kept.exists() || schema(&kept) == before, "{version}");

        let fresh = tempfile::tempdir().expect("a folder");
        let fresh = fresh.path().join("fresh.db");
        drop(store::open(&fresh).expect("a database"));
        assert_eq!(shape(&database(&shop)), shape(&fresh), "{version}: see the top of this file");
    }
}

#[test]
fn settings_of_every_version_are_read() {
    for (version, home) in kept() {
        let text = fs::read_to_string(home.join("extend-edge.toml")).expect("settings");
        let config = Config::parse(&home, &text, Some("password".into()));
        assert!(config.is_ok(), "{version}: {config:?}");
    }
}

/// What a schema is, however its text was written: a column that a migration added stands elsewhere in the text
/// than one that was always there.
fn shape(path: &Path) -> BTreeMap<String, Vec<String>> {
    let connection = Connection::open(path).expect("a database");
    let list = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).expect("a statement");
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let texts = (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at));
            texts.map(|value| value.map(|value| format!("{value:?}"))).collect::<Result<Vec<_>, _>>()
        };
        let rows: Result<Vec<_>, _> = statement.query_map([], row).expect("rows").collect();
        rows.expect("rows").into_iter().map(|row| row.join(" ")).collect()
    };
    let mut names =
        connection.prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema").expect("a schema");
    let all = names.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("a schema");
    all.map(|one| {
        let (kind, name, sql): (String, String, String) = one.expect("a name");
        let described = match kind.as_str() {
            "table" => [
                list(&format!(
                    "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo('{name}')"
                )),
                list(&format!("SELECT strict, wr FROM pragma_table_list('{name}')")),
                list(&format!(
                    "SELECT \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list('{name}')"
                )),
            ]
            .concat(),
            _ => vec![plain(&sql)],
        };
        (format!("{kind} {name}"), described)
    })
    .collect()
}

/// SQL without its comments, with one space between two words.
fn plain(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or(""));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// A database as SQL that makes it again.
fn dump(path: &Path) -> String {
    let connection = Connection::open(path).expect("a database");
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).expect("a statement");
        let rows: Result<_, _> = statement.query_map([], |row| row.get(0)).expect("rows").collect();
        rows.expect("rows")
    };
    let made = |kinds: &str| {
        let own = "sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        texts(&format!(
            "SELECT sql || ';' FROM sqlite_schema WHERE {own} AND type IN ({kinds}) ORDER BY rowid"
        ))
    };
    let mut all = vec!["BEGIN;".to_owned(), "PRAGMA defer_foreign_keys = ON;".to_owned()];
    all.extend(made("'table'"));
    let tables =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\'";
    for table in texts(tables) {
        let columns = texts(&format!("SELECT name FROM pragma_table_info('{table}')"));
        let values = columns
            .iter()
            .map(|column| format!("quote(\"{column}\")"))
            .collect::<Vec<_>>()
            .join(" || ',' || ");
        if table == "sqlite_sequence" {
            all.push("DELETE FROM sqlite_sequence;".to_owned());
        }
        all.extend(texts(&format!(
            "SELECT 'INSERT INTO {table} VALUES(' || {values} || ');' FROM \"{table}\""
        )));
    }
    // Last, so that no trigger adds anything to what is there already.
    all.extend(made("'index', 'view', 'trigger'"));
    all.push("COMMIT;\n".to_owned());
    all.join("\n")
}

#[test]
#[ignore = "makes the home of this version again, which changes until it is released"]
fn make_the_home_of_this_version() {
    let mut shop = plan().open();
    shop.start();
    shop.drop_json("delivered.json", &order("OLD-DELIVERED", "Product-123", 1));
    shop.wait_state("delivered.json", "delivered");
    shop.drop_json("refused.json", &order("OLD-REFUSED", "No such product", 1));
    shop.wait_state("refused.json", "refused");
    shop.wait("the order to be fetched", |shop| {
        shop.number("SELECT count(*) FROM orders WHERE raw IS NOT NULL").is_some_and(|orders| orders >= 1)
            && shop.number("SELECT count(*) FROM products WHERE raw IS NOT NULL") == Some(2)
            && shop.number("SELECT count(*) FROM owed_files") == Some(0)
    });
    shop.extend.cut_off();
    shop.drop_json("waits.json", &order("OLD-WAITS", "Product-123", 2));
    shop.wait_state("waits.json", "queued");
    shop.drop_json("cancelled.json", &order("OLD-CANCELLED", "Product-123", 1));
    let id = shop.wait_state("cancelled.json", "queued")["id"].to_string();
    assert_eq!(shop.run(&["outbox", "cancel", &id]).code, Some(0));
    shop.wait_state("cancelled.json", "cancelled");
    shop.wait("the moves", |shop| {
        shop.number("SELECT count(*) FROM files WHERE moved = 0") == Some(0)
            && shop.number("SELECT count(*) FROM owed_files") == Some(0)
    });
    shop.stop();
    let home = homes().join(env!("CARGO_PKG_VERSION"));
    fs::create_dir_all(&home).expect("a home");
    fs::write(home.join("extend-edge.sql"), dump(&database(&shop))).expect("written");
    // Every key is written.
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-config/extend-edge.toml");
    let sample = fs::read_to_string(sample).expect("settings");
    let is_key = |rest: &str| {
        rest.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
    };
    let written =
        sample.lines().map(|line| line.strip_prefix('#').filter(|rest| is_key(rest)).unwrap_or(line));
    let written = written.collect::<Vec<_>>().join("\n") + "\n";
    fs::write(home.join("extend-edge.toml"), written).expect("written");
}
