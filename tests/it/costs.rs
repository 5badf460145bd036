//! What is asked at each step costs the same whether ten orders went before or ten thousand, also once SQLite has
//! gathered its statistics and may choose other indexes. Counted in steps of SQLite's machine, not in time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use extend_edge::config::Config;
use extend_edge::formats::document::Kind;
use extend_edge::formats::json;
use extend_edge::rules::mirror::Entity;
use extend_edge::store::outbox::{self, Counts};
use extend_edge::store::{self, availability, changes, intake, orders, owed, thinning, unknown, upkeep};
use rusqlite::Connection;

const OLD: i64 = 20_000;
/// Far less than a look at each old item would take.
const MOST_STEPS: u64 = 4_000;
const SETTINGS: &str =
    "[extend]\nbase_url = \"https://s05.extend.se/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\n";
const NOW: &str = "2026-11-27T12:00:00.000Z";

/// A shop with many old orders, a few that wait, and one of each that needs somebody.
fn shop() -> Connection {
    let connection = store::open_in_memory().expect("a database");
    connection
        .execute_batch(&format!(
            "BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {OLD})
             INSERT INTO files (id, name, arrival, verdict, content_hash, size, received_at, folder, stored_name, moved)
             SELECT i, 'f' || i || '.json', 1, 'accepted', 'h' || i, 1, '2026-11-01', 'accepted/2026-11-01', 'f', 1 FROM n;
             INSERT INTO documents (id, file_id, position, kind, key, content_hash)
             SELECT id, id, 1, 'order', 'K-' || id, 'h' || id FROM files;
             INSERT INTO outbox (id, kind, key, state, payload, source_file, received_at, content_hash, attempts,
                                 delivered_at, extend_number, first_attempt_at)
             SELECT id, 'order', 'K-' || id, 'delivered', '{{}}', 'f', '2026-11-01', 'h' || id, 1, '2026-11-01',
                    'OC-' || id, '2026-11-01' FROM files;
             INSERT INTO orders (order_number, order_number_external, raw, fetched_at) SELECT extend_number, key, '{{}}', '' FROM outbox;
             INSERT INTO products (product_number, unit, raw) SELECT 'P-' || id, 'ST', '{{}}' FROM outbox;
             INSERT INTO outbox_attempts (outbox_id, kind, started_at, outcome) SELECT id, 'send', '', 'delivered' FROM outbox;
             INSERT INTO outbox_edits (outbox_id, at, who, key, content_hash)
             SELECT id, '', 'a person', 'WAS-' || id, 'b' || id FROM outbox WHERE id % 10 = 0;
             UPDATE outbox SET state = 'queued', extend_number = NULL, delivered_at = NULL WHERE id > {OLD} - 5;
             UPDATE outbox SET state = 'refused', error_code = 'extend_refused' WHERE id = {OLD} - 10;
             UPDATE outbox SET state = 'sending', unresolved = 1, failures = 6 WHERE id = {OLD} - 11;
             COMMIT;"
        ))
        .expect("many orders");
    connection
}

/// Steps that `ask` takes, to the hundred.
fn steps<T>(connection: &mut Connection, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> u64 {
    let hundreds = Arc::new(AtomicU64::new(0));
    let counted = hundreds.clone();
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(100, Some(count)).expect("a handler");
    ask(connection).expect("an answer");
    connection.progress_handler(0, None::<fn() -> bool>).expect("none");
    hundreds.load(Ordering::Relaxed) * 100
}

fn check(connection: &mut Connection, when: &str) {
    let document = json::parse(
        br#"{"changeOrder": {"orderNumberExternal": "K-7"}, "orderRows": [{"position": 10, "salesData": {"quantity": 1}}]}"#,
    )
    .expect("a change");
    let order = r#"{"orderHeader": {"orderNumber": "OC-7", "orderNumberExternal": "K-7", "yourReference": "WHEN"}, "orderRows":
        [{"position": 10, "product": {"productNumber": "P-7"}, "salesData": {"quantity": 1, "unit": "ST"}}]}"#;
    let order = order.replace("WHEN", when);
    let bought = json::parse(order.replace("\"orderNumber\": \"OC-7\", ", "").as_bytes()).expect("an order");
    let config = Config::parse(Path::new("/srv/shop"), SETTINGS, Some("p".into())).expect("settings");
    let now: jiff::Timestamp = NOW.parse().expect("a time");
    let asked: Vec<(&str, u64)> = vec![
        ("an order to store", steps(connection, |db| orders::store_order(db, &order, NOW).map(|_| ()))),
        ("what is unknown", steps(connection, |db| unknown::load(db, &bought, &config, now).map(|_| ()))),
        ("what is available", steps(connection, |db| availability::load(db, &["P-7"]))),
        ("known key", steps(connection, |db| outbox::latest_with_key(db, Kind::Order, "K-7"))),
        ("former key", steps(connection, |db| outbox::latest_with_key(db, Kind::Order, "WAS-70"))),
        ("new key", steps(connection, |db| outbox::latest_with_key(db, Kind::Order, "NEW"))),
        ("order of a change", steps(connection, |db| outbox::order_with_external(db, "K-7"))),
        ("waits of a change", steps(connection, |db| outbox::wait_where_needed(db, OLD, &document))),
        ("what is ready", steps(connection, |db| outbox::load_ready(db, NOW, NOW, &[], &[], 12))),
        ("what is due next", steps(connection, |db| outbox::next_due(db, NOW))),
        ("what is in doubt", steps(connection, outbox::load_unresolved)),
        ("whose number", steps(connection, |db| outbox::is_bound_to_other(db, Kind::Order, "OC-7", 9))),
        ("cancellations", steps(connection, |db| outbox::waiting_cancellation(db, OLD))),
        ("attempts", steps(connection, |db| outbox::was_unclear_before(db, OLD - 11, 1))),
        ("last attempt", steps(connection, |db| outbox::last_outcome(db, OLD - 11))),
        ("wishes", steps(connection, |db| outbox::load_wish_to_cancel(db, OLD - 11))),
        ("successor", steps(connection, |db| outbox::successor(db, OLD - 10))),
        ("refused", steps(connection, |db| outbox::load_refused(db, 100))),
        ("failing", steps(connection, |db| outbox::load_failing(db, 5, 100))),
        ("list", steps(connection, |db| outbox::list(db, None, 100))),
        ("one item", steps(connection, |db| outbox::load_summary(db, OLD - 10))),
        ("its attempts", steps(connection, |db| outbox::load_attempts(db, OLD - 10))),
        ("its correction", steps(connection, |db| outbox::load_edited(db, OLD - 10))),
        ("its receipt", steps(connection, |db| intake::load_receipt(db, OLD - 10))),
        ("a file that is moved", steps(connection, |db| intake::is_being_moved(db, "f7.json", Some("h7")))),
        ("files to move", steps(connection, |db| intake::load_to_move(db, 100))),
        ("receipts to write", steps(connection, |db| owed::load(db, "receipt", &[], 256))),
        ("changes to write", steps(connection, |db| changes::load_unwritten(db, 256))),
        ("pending changes", steps(connection, |db| changes::has_pending(db, Entity::Balances))),
        ("what can be thinned", steps(connection, |db| thinning::load_due(db, "2026-08-01", &[], 100))),
    ];
    for (what, steps) in &asked {
        assert!(*steps < MOST_STEPS, "{when}: {what} took {steps} steps");
    }
}

#[test]
fn what_is_asked_at_each_step_does_not_grow_with_what_went_before() {
    let mut connection = shop();
    check(&mut connection, "before statistics");
    upkeep::optimize(&connection).expect("statistics");
    connection.execute_batch("ANALYZE").expect("statistics of everything");
    // Statements that were planned before are planned anew.
    connection.flush_prepared_statement_cache();
    check(&mut connection, "with statistics");
    // The check sees what it is there to see.
    let scan = steps(&mut connection, |db| {
        db.query_row("SELECT count(*) FROM outbox WHERE source_file = 'x'", [], |row| row.get::<_, i64>(0))
    });
    assert!(scan > MOST_STEPS * 5, "{scan}");
    let counts: Counts = outbox::counts(&connection).expect("counts");
    assert_eq!((counts.queued, counts.refused, counts.sending), (5, 1, 1));
}
