//! What a report costs with 1,000, 10,000 and 100,000 products in 3 warehouses, beside a bare query on the bare
//! table.
//!
//! `cargo bench --bench reports` runs all; a name after `--` runs one: `stock`, `copy`.

use std::path::Path;
use std::time::Instant;

use extend_edge::store;
use rusqlite::Connection;

const SIZES: [u32; 3] = [1_000, 10_000, 100_000];

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    for products in SIZES {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("extend-edge.db");
        fill(&database, products);
        if is_wanted("stock") {
            stock(&database, products);
        }
        if is_wanted("copy") {
            copy(&database);
        }
    }
}

/// Products and balances as large as Extend's: what is kept of a list row and of a detail.
fn fill(database: &Path, products: u32) {
    let connection = store::open(database).expect("a database");
    connection
        .execute_batch(&format!(
            "BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {products})
             INSERT INTO products (product_number, name, unit, changed_at, raw, raw_list)
             SELECT printf('P-%06d', i), 'Product number ' || i, 'Stk', '2026-11-21T22:16:00.000Z',
                    json_object('a', hex(zeroblob(700))), json_object('a', hex(zeroblob(250))) FROM n;
             WITH w(name) AS (VALUES ('MAIN'), ('STORE'), ('OUTLET'))
             INSERT INTO balances (product_number, warehouse, available, physical, ordered, changed_at, raw)
             SELECT product_number, w.name, abs(random() % 500), abs(random() % 500), 0, changed_at,
                    json_object('a', hex(zeroblob(200))) FROM products, w;
             INSERT INTO files (name, arrival, verdict, size, received_at, folder, stored_name)
             VALUES ('o.json', 1, 'accepted', 1, '', '', '');
             COMMIT;"
        ))
        .expect("filled");
    // A backlog of 500 orders, as after an outage: it stands in the column `queued`.
    let mut insert = connection
        .prepare(
            "INSERT INTO outbox (id, kind, key, state, payload, source_file, received_at, content_hash)
             VALUES (?1, 'order', ?1, 'queued', ?2, 'o.json', '2026-11-21T22:16:00.000Z', '')",
        )
        .expect("a statement");
    for number in 1..=500 {
        connection
            .execute(
                "INSERT INTO documents (id, file_id, position, kind, content_hash) VALUES (?1, 1, ?1, 'order', '')",
                [number],
            )
            .expect("a document");
        let payload = format!(
            "{{\"orderRows\":[{{\"product\":{{\"productNumber\":\"P-{:06}\"}},\"salesData\":{{\"quantity\":2}}}}]}}",
            number * (products / 500)
        );
        insert.execute(rusqlite::params![number, payload]).expect("an order");
    }
    let megabytes = std::fs::metadata(database).map_or(0, |file| file.len()) / 1_000_000;
    println!("{products} products in 3 warehouses: a database of {megabytes} MB");
}

/// The median of 11 runs in ms, and how many rows there are.
fn median(connection: &Connection, sql: &str) -> (f64, usize) {
    let mut times = Vec::new();
    let mut count = 0;
    for _ in 0..11 {
        let began = Instant::now();
        let mut statement = connection.prepare_cached(sql).expect("a query");
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        count = 0;
        while let Some(row) = rows.next().expect("a row") {
            for column in 0..columns {
                let _ = row.get_ref(column).expect("a value");
            }
            count += 1;
        }
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], count)
}

fn stock(database: &Path, products: u32) {
    let connection = store::open_reader(database).expect("a reader");
    let columns = "product_number, warehouse, available, physical, ordered, next_receiving_date, changed_at";
    let one = format!("WHERE product_number = 'P-{:06}'", products / 2);
    let hundred =
        format!("WHERE product_number BETWEEN 'P-{:06}' AND 'P-{:06}'", products / 2, products / 2 + 99);
    let there = format!("{one} AND warehouse = 'STORE'");
    for (what, filter, order) in [
        ("one product", one.as_str(), ""),
        ("a hundred products", hundred.as_str(), ""),
        ("one product in one warehouse", there.as_str(), ""),
        ("sold out anywhere", "WHERE available <= 0", ""),
        ("sold out in one warehouse", "WHERE warehouse = 'STORE' AND available <= 0", ""),
        ("the whole", "", " ORDER BY product_number, warehouse"),
    ] {
        let (ours, rows) = median(&connection, &format!("SELECT * FROM report_stock {filter}{order}"));
        let (bare, _) = median(&connection, &format!("SELECT {columns} FROM balances {filter}{order}"));
        println!(
            "report_stock, {what}: {rows} rows in {ours:.2} ms; bare query on balances: {bare:.2} ms; ratio {:.1}",
            ours / bare
        );
    }
}

fn copy(database: &Path) {
    let to = database.with_file_name("reports.db");
    let began = Instant::now();
    store::reports::copy::write(database, &to, "2026-11-21T22:16:00.000Z", || false).expect("a copy");
    let ours = began.elapsed().as_secs_f64();
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len()) / 1_000_000;
    let bare = database.with_file_name("bare.db");
    let connection = store::open_existing(database).expect("a connection");
    let began = Instant::now();
    connection.execute("VACUUM INTO ?1", [bare.to_string_lossy()]).expect("a copy");
    println!(
        "the copy for reports: {ours:.2} s, {} MB; bare VACUUM INTO: {:.2} s, {} MB",
        size(&to),
        began.elapsed().as_secs_f64(),
        size(&bare)
    );
}
