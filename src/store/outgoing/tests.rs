use rusqlite::Connection;
use serde_json::value::RawValue;

use super::*;
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
            "INSERT INTO outbox_rows (outbox_id, product_number, warehouse, quantity) VALUES (1, ?1, ?2, ?3)",
            (product, warehouse, quantity),
        )
        .unwrap();
}

fn snapshot(connection: &Connection, entity: Entity, subtract: bool) -> String {
    let mut out = Vec::new();
    write_snapshot(connection, entity, Format::Csv { separator: b';' }, subtract, &mut out).unwrap();
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
    let rows: Vec<String> = snapshot(&connection, Entity::Balances, true)
        .lines()
        .skip(1)
        .map(|line| line.split(';').take(4).collect::<Vec<_>>().join(";"))
        .collect();
    assert_eq!(rows, ["A;W1;;3.5", "A;W2;;2.9"]);
    assert!(snapshot(&connection, Entity::Balances, false).contains("A;W1;;5;"));

    while flush_changes(&connection, Entity::Balances, true, NOW, 5000).unwrap().is_some() {}
    // The queued row without a warehouse moves to W2: both are put out anew.
    balance(&connection, "A", "W2", "30");
    let sequence = flush_changes(&connection, Entity::Balances, true, NOW, 5000).unwrap().unwrap();
    let rows = body(&connection, sequence)["rows"].clone();
    assert_eq!((&rows[0]["available"], &rows[1]["available"]), (&5.into(), &serde_json::json!(28.4)));
}

#[test]
fn sets_of_changes_are_numbered_without_gaps() {
    let mut connection = open_in_memory().unwrap();
    assert_eq!(flush_changes(&connection, Entity::Balances, true, NOW, 10).unwrap(), None);
    balance(&connection, "A", "W \"1\"\n", "5");
    balance(&connection, "B", "W1", "5");
    balance(&connection, "C", "W1", "5");
    assert_eq!(flush_changes(&connection, Entity::Balances, true, NOW, 2).unwrap(), Some(1));
    let first = body(&connection, 1);
    assert_eq!(first["sequence"], 1);
    assert_eq!(first["rows"][0]["warehouse"], "W \"1\"\n");

    let transaction = connection.transaction().unwrap();
    assert_eq!(flush_changes(&transaction, Entity::Balances, true, NOW, 2).unwrap(), Some(2));
    transaction.rollback().unwrap();
    connection.execute("DELETE FROM changes", []).unwrap();
    connection.execute("DELETE FROM balances WHERE product_number = 'C'", []).unwrap();
    assert_eq!(flush_changes(&connection, Entity::Balances, true, NOW, 2).unwrap(), Some(2));
    let second = body(&connection, 2);
    assert_eq!(
        (&second["rows"], &second["removed"]),
        (&serde_json::json!([]), &serde_json::json!([["C", "W1"]]))
    );
    assert_eq!(flush_changes(&connection, Entity::Balances, true, NOW, 2).unwrap(), None);
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
    let text = snapshot(&connection, Entity::Products, true);
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with("product_number;name;unit;supply_mode;"), "{text}");
    assert!(text.lines().next().unwrap().ends_with("changed_at;removed_at"), "{text}");
    let sequence = flush_changes(&connection, Entity::Products, true, NOW, 10).unwrap().unwrap();
    assert_eq!(body(&connection, sequence)["removed"], serde_json::json!(["B"]));
    let mut out = Vec::new();
    let written =
        write_snapshot(&connection, Entity::Products, Format::Json, true, &mut out).unwrap().unwrap();
    assert_eq!(written, Written { sequence, as_of: None, rows: 1 });
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&json["sequence"], &json["rows"][0]["product_number"]), (&1.into(), &"A".into()));
    assert!(write_snapshot(&connection, Entity::Orders, Format::Json, true, Vec::new()).unwrap().is_none());
}
