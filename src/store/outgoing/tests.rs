use rusqlite::Connection;
use serde_json::value::RawValue;

use super::*;
use crate::formats::export::{Column, Csv};
use crate::store::{Reading, balances, open_in_memory, products};

const NOW: &str = "2026-11-21T22:16:00.000Z";

fn balance(connection: &Connection, product: &str, warehouse: &str, available: &str) {
    let row = format!(
        r#"{{"productNumber":"{product}","warehouse":{warehouse:?},"availableBalanceNow":{available}}}"#
    );
    let row: &RawValue = serde_json::from_str(&row).unwrap();
    balances::apply_list_page(connection, &[row], &Reading::at(NOW)).unwrap();
}

fn queue(connection: &Connection, product: &str, warehouse: &str, quantity: f64) {
    connection
        .execute(
            "INSERT INTO outbox_rows (outbox_id, product_number, warehouse, unit, quantity) VALUES (1, ?1, ?2, '', ?3)",
            (product, warehouse, quantity),
        )
        .unwrap();
}

fn snapshot(connection: &Connection, entity: Entity, shape: &Shape) -> String {
    let mut out = Vec::new();
    write_snapshot(connection, entity, Format::Csv(Csv::plain(b';')), shape, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn body(connection: &Connection, sequence: u64) -> serde_json::Value {
    let body: String = connection
        .query_row("SELECT body FROM changes WHERE sequence = ?1", [sequence as i64], |row| row.get(0))
        .unwrap();
    serde_json::from_str(&body).unwrap()
}

#[test]
fn balances_are_put_out_less_what_waits() {
    let connection = open_in_memory().unwrap();
    balance(&connection, "A", "W1", "5");
    balance(&connection, "A", "W2", "3");
    queue(&connection, "A", "", 1.5);
    queue(&connection, "A", "W2", 0.1);
    let rows: Vec<String> = snapshot(&connection, Entity::Balances, &Shape::plain(true))
        .lines()
        .skip(1)
        .map(|line| line.split(';').take(4).collect::<Vec<_>>().join(";"))
        .collect();
    assert_eq!(rows, ["A;W1;;3.5", "A;W2;;2.9"]);
    assert!(snapshot(&connection, Entity::Balances, &Shape::plain(false)).contains("A;W1;;5;"));

    while flush_changes(&connection, Entity::Balances, &Shape::plain(true), NOW, 5000).unwrap().is_some() {}
    // The queued row without a warehouse moves to W2: both are put out anew.
    balance(&connection, "A", "W2", "30");
    let sequence =
        flush_changes(&connection, Entity::Balances, &Shape::plain(true), NOW, 5000).unwrap().unwrap();
    let rows = body(&connection, sequence)["rows"].clone();
    assert_eq!((&rows[0]["available"], &rows[1]["available"]), (&5.into(), &serde_json::json!(28.4)));
}

#[test]
fn what_waits_by_the_box_is_taken_off_by_the_piece() {
    let connection = open_in_memory().unwrap();
    let raw = r#"{"productPrices": [{"salesUnit": {"unit": "BOX", "quantity": 12}}, {"salesUnit": {"unit": "ST", "quantity": 9}}]}"#;
    connection
        .execute("INSERT INTO products (product_number, unit, raw) VALUES ('A', 'ST', ?1)", [raw])
        .unwrap();
    balance(&connection, "A", "W1", "100");
    let rows = ["BOX", "ST", "PALLET"].map(|unit| {
        serde_json::json!({"product": {"productNumber": "A"}, "salesData": {"quantity": 2, "unit": unit}})
    });
    let payload = serde_json::json!({ "orderRows": rows }).to_string();
    connection
        .execute_batch(
            "INSERT INTO files (id, name, arrival, verdict, size, received_at, folder, stored_name)
             VALUES (1, 'a', 1, 'accepted', 1, '', '', '');
             INSERT INTO documents (id, file_id, position, kind, content_hash) VALUES (1, 1, 1, 'order', 'h')",
        )
        .unwrap();
    connection
        .execute(
            "INSERT INTO outbox (id, kind, state, payload, source_file, received_at, content_hash)
             VALUES (1, 'order', 'queued', ?1, 'a', '', 'h')",
            [payload],
        )
        .unwrap();
    // 2 boxes of 12, 2 pieces, and 2 of what nobody has told the size of.
    let put_out = snapshot(&connection, Entity::Balances, &Shape::plain(true));
    assert!(put_out.contains("A;W1;;72;"), "{put_out}");
    let known = crate::store::availability::load(&connection, &["A"]).unwrap();
    assert_eq!(known["A"].stock[0].available, Some(72.0));
}

#[test]
fn sets_of_changes_are_numbered_without_gaps() {
    let mut connection = open_in_memory().unwrap();
    assert_eq!(flush_changes(&connection, Entity::Balances, &Shape::plain(true), NOW, 10).unwrap(), None);
    balance(&connection, "A", "W \"1\"\n", "5");
    balance(&connection, "B", "W1", "5");
    balance(&connection, "C", "W1", "5");
    assert_eq!(flush_changes(&connection, Entity::Balances, &Shape::plain(true), NOW, 2).unwrap(), Some(1));
    let first = body(&connection, 1);
    assert_eq!(first["sequence"], 1);
    assert_eq!(first["rows"][0]["warehouse"], "W \"1\"\n");

    let transaction = connection.transaction().unwrap();
    assert_eq!(flush_changes(&transaction, Entity::Balances, &Shape::plain(true), NOW, 2).unwrap(), Some(2));
    transaction.rollback().unwrap();
    connection.execute("DELETE FROM changes", []).unwrap();
    connection.execute("DELETE FROM balances WHERE product_number = 'C'", []).unwrap();
    assert_eq!(flush_changes(&connection, Entity::Balances, &Shape::plain(true), NOW, 2).unwrap(), Some(2));
    let second = body(&connection, 2);
    assert_eq!(
        (&second["rows"], &second["removed"]),
        (&serde_json::json!([]), &serde_json::json!([["C", "W1"]]))
    );
    assert_eq!(flush_changes(&connection, Entity::Balances, &Shape::plain(true), NOW, 2).unwrap(), None);
    assert_eq!(newest_sequence(&connection).unwrap(), 2);
}

#[test]
fn a_snapshot_leaves_out_what_is_gone_and_a_change_names_it() {
    let connection = open_in_memory().unwrap();
    for number in ["A", "B"] {
        let row = format!(r#"{{"productNumber":"{number}"}}"#);
        let row: &RawValue = serde_json::from_str(&row).unwrap();
        products::apply_list_page(&connection, &[row], &Reading::at(NOW)).unwrap();
    }
    products::note_gone(&connection, "B", NOW).unwrap();
    let text = snapshot(&connection, Entity::Products, &Shape::plain(true));
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with("product_number;name;unit;supply_mode;"), "{text}");
    assert!(text.lines().next().unwrap().ends_with("changed_at;removed_at"), "{text}");
    let sequence =
        flush_changes(&connection, Entity::Products, &Shape::plain(true), NOW, 10).unwrap().unwrap();
    assert_eq!(body(&connection, sequence)["removed"], serde_json::json!(["B"]));
    let mut out = Vec::new();
    let written = write_snapshot(&connection, Entity::Products, Format::Json, &Shape::plain(true), &mut out)
        .unwrap()
        .unwrap();
    assert_eq!(written, Written { sequence, as_of: None, rows: 1 });
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&json["sequence"], &json["rows"][0]["product_number"]), (&1.into(), &"A".into()));
    assert!(
        write_snapshot(&connection, Entity::Orders, Format::Json, &Shape::plain(true), Vec::new())
            .unwrap()
            .is_none()
    );
}

/// The rows of a snapshot, without the header line.
fn rows(connection: &Connection, entity: Entity, shape: &Shape) -> Vec<String> {
    snapshot(connection, entity, shape).lines().skip(1).map(str::to_owned).collect()
}

fn columns(all: &[(&str, &str)]) -> Vec<Column> {
    all.iter().map(|(of, name)| Column { of: (*of).into(), name: (*name).into() }).collect()
}

#[test]
fn columns_have_their_own_names_and_order() {
    let connection = open_in_memory().unwrap();
    balance(&connection, "A", "W1", "5");
    let shape = Shape {
        columns: columns(&[("available", "lager"), ("product_number", "artnr")]),
        ..Shape::default()
    };
    assert_eq!(snapshot(&connection, Entity::Balances, &shape), "lager;artnr\r\n5;A\r\n");
    let sequence = flush_changes(&connection, Entity::Balances, &shape, NOW, 10).unwrap().unwrap();
    let body = body(&connection, sequence);
    assert_eq!(body["rows"], serde_json::json!([{ "lager": 5, "artnr": "A" }]));
}

#[test]
fn stock_is_shown_less_a_buffer_and_summed_over_warehouses() {
    let connection = open_in_memory().unwrap();
    for (product, warehouse, available) in
        [("A", "W1", "5"), ("A", "W2", "3"), ("B", "W1", "1"), ("C", "W1", "-4"), ("D", "W1", "null")]
    {
        balance(&connection, product, warehouse, available);
    }
    queue(&connection, "A", "W1", 1.5);
    let of = columns(&[("product_number", "a"), ("warehouse", "b"), ("available", "c")]);
    let shape = |stock_buffer, sum_warehouses, subtract_queued| Shape {
        columns: of.clone(),
        stock_buffer,
        sum_warehouses,
        subtract_queued,
        ..Shape::default()
    };
    let check =
        |shape: &Shape, expected: &[&str]| assert_eq!(rows(&connection, Entity::Balances, shape), expected);
    check(&shape(0, false, true), &["A;W1;3.5", "A;W2;3", "B;W1;1", "C;W1;-4", "D;W1;"]);
    check(&shape(2, false, true), &["A;W1;1.5", "A;W2;1", "B;W1;0", "C;W1;0", "D;W1;"]);
    check(&shape(0, true, true), &["A;;6.5", "B;;1", "C;;-4", "D;;"]);
    check(&shape(7, true, false), &["A;;1", "B;;0", "C;;0", "D;;"]);
    // Changes are those of what is put out: one row for a product, whichever of its warehouses changed.
    let sum = shape(0, true, true);
    let sequence = flush_changes(&connection, Entity::Balances, &sum, NOW, 10).unwrap().unwrap();
    assert_eq!(body(&connection, sequence)["rows"].as_array().unwrap().len(), 4);
    connection.execute("DELETE FROM balances WHERE product_number = 'A' AND warehouse = 'W2'", []).unwrap();
    connection
        .execute_batch(
            "DELETE FROM balances WHERE product_number = 'B';
             INSERT INTO pending_changes VALUES ('balances', '[\"A\",\"W2\"]'), ('balances', '[\"B\",\"W1\"]')",
        )
        .unwrap();
    let sequence = flush_changes(&connection, Entity::Balances, &sum, NOW, 10).unwrap().unwrap();
    let body = body(&connection, sequence);
    assert_eq!(body["rows"], serde_json::json!([{ "a": "A", "b": "", "c": 3.5 }]));
    assert_eq!(body["removed"], serde_json::json!(["B"]));
}

#[test]
fn one_base_list_in_place_of_each_customers_prices() {
    let connection = open_in_memory().unwrap();
    connection
        .execute_batch(
            "INSERT INTO prices (customer_number, product_number, sales_unit, from_quantity, currency, price,
                                 list_price, vat_percent, fetched_at)
             VALUES ('1', 'A', 'ST', 1, 'SEK', 8, 10, 25, 't'), ('2', 'A', 'ST', 1, 'SEK', 9, 10, 25, 't'),
                    ('2', 'A', 'ST', 10, 'SEK', 7, NULL, 25, 't');
             INSERT INTO pending_changes VALUES ('prices', '[\"1\",\"A\",\"ST\",1.0,\"SEK\"]'),
                    ('prices', '[\"2\",\"A\",\"ST\",1.0,\"SEK\"]')",
        )
        .unwrap();
    let of = columns(&[
        ("customer_number", "c"),
        ("product_number", "p"),
        ("price", "price"),
        ("vat_percent", "vat"),
    ]);
    let shape = Shape { base_list: true, columns: of, ..Shape::default() };
    assert_eq!(rows(&connection, Entity::Prices, &shape), [";A;10;25"]);
    let sequence = flush_changes(&connection, Entity::Prices, &shape, NOW, 10).unwrap().unwrap();
    assert_eq!(body(&connection, sequence)["rows"].as_array().unwrap().len(), 1);
}

#[test]
fn products_that_may_not_be_sold_are_gone_for_a_webshop_that_wants_only_the_others() {
    let connection = open_in_memory().unwrap();
    connection
        .execute_batch(
            "INSERT INTO products (product_number, enabled, annulled) VALUES ('A', 1, 0), ('B', 0, 0), ('C', 1, 1),
                 ('D', NULL, NULL);
             INSERT INTO pending_changes VALUES ('products', '[\"A\"]'), ('products', '[\"B\"]')",
        )
        .unwrap();
    let of = columns(&[("product_number", "product_number")]);
    let shape = Shape { only_enabled: true, columns: of, ..Shape::default() };
    assert_eq!(rows(&connection, Entity::Products, &shape), ["A", "D"]);
    let sequence = flush_changes(&connection, Entity::Products, &shape, NOW, 10).unwrap().unwrap();
    let body = body(&connection, sequence);
    assert_eq!(
        (&body["rows"][0]["product_number"], &body["removed"]),
        (&"A".into(), &serde_json::json!(["B"]))
    );
}
