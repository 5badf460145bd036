use rusqlite::Connection;
use serde_json::value::RawValue;

use crate::rules::mirror::{Entity, KeyHashes};
use crate::rules::schedule::Urgency;
use crate::store::sync_state::{self, Round};
use crate::store::{
    Applied, Reading, balances, customers, details, open_in_memory, orders, outgoing, prices, products,
    returns, sweeps,
};

mod properties;

const NOW: &str = "2026-11-21T22:16:00.000Z";
const LATER: &str = "2026-11-21T23:00:00.000Z";

fn page(json: &str) -> Vec<&RawValue> {
    serde_json::from_str(json).unwrap()
}

fn products(connection: &Connection, json: &str) -> Applied {
    products::apply_list_page(connection, &page(json), &Reading::at(NOW)).unwrap()
}

fn text(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells = super::cells(row, columns)?;
        Ok(crate::formats::export::key_text(&cells))
    });
    rows.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

fn pending(connection: &Connection) -> String {
    let pending = text(connection, "SELECT entity, key FROM pending_changes ORDER BY 1, 2");
    connection.execute("DELETE FROM pending_changes", []).unwrap();
    pending
}

fn writes(connection: &Connection) -> u64 {
    connection.total_changes()
}

/// One product, in a warehouse, with its balance there and its cost.
fn listed(number: &str, warehouse: &str, balance: i64, cost: &str) -> String {
    format!(
        r#"{{"productNumber":"{number}","productName":"N {number}","createDate":"2020-01-01T00:00:00+01:00",
            "productUnit":"st","cost":{cost},"currency":"SEK","countryOfOrigin":"SE",
            "supplyMode":"Warehouse","warehouse":"{warehouse}","availableBalance":{balance}}}"#
    )
}

#[test]
fn a_product_is_stored_once_and_its_balances_change_nothing() {
    let connection = open_in_memory().unwrap();
    let first = format!(
        "[{},{},{}]",
        listed("A", "West", 1, "10"),
        listed("A", "East", 2, "10"),
        listed("B", "East", 3, "\"5\"")
    );
    let applied = products(&connection, &first);
    assert_eq!((applied.stored, applied.changed, applied.odd, applied.skipped), (2, 2, 1, 0));
    assert_eq!(applied.numbers, ["A", "B"]);
    assert_eq!(applied.changed_numbers, ["A", "B"]);
    assert_eq!(
        text(&connection, "SELECT product_number, cost, created_at, raw_list ->> 'warehouse' FROM products"),
        "[\"A\",10,\"2019-12-31T23:00:00.000Z\",\"East\"]\n[\"B\",5,\"2019-12-31T23:00:00.000Z\",\"East\"]"
    );
    assert_eq!(pending(&connection), "[\"products\",\"[\\\"A\\\"]\"]\n[\"products\",\"[\\\"B\\\"]\"]");

    let before = writes(&connection);
    for again in [
        first,
        format!("[{}]", listed("A", "West", 77, "10")),
        format!("[{},{}]", listed("A", "East", -5, "10"), listed("B", "North", 0, "\"5\"")),
    ] {
        let applied = products(&connection, &again);
        assert_eq!((applied.changed, applied.changed_numbers.len()), (0, 0), "{again}");
    }
    assert_eq!(writes(&connection), before, "an unchanged row is never written");

    let applied = products(&connection, &format!("[{}]", listed("A", "West", 1, "11")));
    assert_eq!((applied.changed, applied.changed_numbers), (1, vec!["A".to_owned()]));
    assert_eq!(pending(&connection), "[\"products\",\"[\\\"A\\\"]\"]");
}

#[test]
fn what_is_odd_loses_neither_page_nor_record() {
    let connection = open_in_memory().unwrap();
    let applied = products(
        &connection,
        r#"[{"productNumber":"A","cost":{"x":1},"supplyMode":"Teleport","new":[1]}, 7, null, [],
            {"productName":"no number"}, {"productNumber":"  "}, {"productNumber":12},
            {"productNumber":"A","warehouse":5,"warehouse":"B"}]"#,
    );
    assert_eq!((applied.stored, applied.skipped, applied.odd), (2, 5, 7));
    assert_eq!(
        text(&connection, "SELECT product_number, supply_mode, cost, odd FROM products ORDER BY 1"),
        "[\"12\",null,null,1]\n[\"A\",\"Teleport\",null,1]"
    );
    let round = Round { cursor: Some(NOW), now: NOW, full: true, skipped: applied.skipped, trouble: None };
    sync_state::finish_round(&connection, Entity::Products, &round).unwrap();
    let state = sync_state::load(&connection, Entity::Products).unwrap();
    assert_eq!((state.rows, state.odd_records), (2, 7));
    // The odd ones are counted also where their rows are the same as before.
    let again = products(&connection, r#"[{"productNumber":12}]"#);
    assert_eq!((again.odd, again.changed), (1, 0));
}

#[test]
fn a_detail_adds_what_the_list_does_not_have() {
    let connection = open_in_memory().unwrap();
    products(&connection, &format!("[{}]", listed("A", "West", 1, "10")));
    details::mark_detail_wanted(&connection, Entity::Products, &["A", "B", "C"], Urgency::Rest).unwrap();
    details::mark_detail_wanted(&connection, Entity::Products, &["B"], Urgency::Changed).unwrap();
    details::mark_detail_wanted(&connection, Entity::Products, &["B"], Urgency::Rest).unwrap();
    let next = |urgency| details::next_details(&connection, urgency, 1).unwrap();
    assert_eq!(next(Urgency::Webhook), []);
    assert_eq!(next(Urgency::Changed), [(Entity::Products, "B".to_owned())]);
    assert_eq!(next(Urgency::Rest), [(Entity::Products, "A".to_owned())]);
    details::clear_detail_wanted(&connection, Entity::Products, "C").unwrap();
    pending(&connection);
    let body = r#"{"productNumber":"A","productData":{"productName":"Other","productDescription":"D",
        "annulled":false,"enabled":true,"productDates":{"changedDate":"2026-01-01T00:00:00Z"},
        "billOfMaterials":[{"productNumber":"X","quantity":2,"unit":"st","sortOrder":1,"partOfPricePercent":5}]}}"#;
    let applied = products::apply_detail(&connection, "A", body, NOW).unwrap();
    assert_eq!((applied.stored, applied.changed, applied.odd), (1, 1, 0));
    assert_eq!(details::count_wanted(&connection, Entity::Products).unwrap(), 1);
    assert_eq!(
        text(
            &connection,
            "SELECT name, description, cost, enabled, changed_at, detail_at, (SELECT count(*) FROM
             product_components) FROM products"
        ),
        format!("[\"N A\",\"D\",10,1,\"2026-01-01T00:00:00.000Z\",\"{NOW}\",1]")
    );
    assert_eq!(pending(&connection), "[\"products\",\"[\\\"A\\\"]\"]");

    let again = products::apply_detail(&connection, "A", body, LATER).unwrap();
    assert_eq!((again.changed, pending(&connection).as_str()), (0, ""));
    let list = products(&connection, &format!("[{}]", listed("A", "West", 1, "12")));
    assert_eq!(list.changed, 1);
    assert_eq!(text(&connection, "SELECT description, cost FROM products"), "[\"D\",12]");

    for broken in ["<html>", "[]", ""] {
        let applied = products::apply_detail(&connection, "A", broken, NOW).unwrap();
        assert_eq!((applied.stored, applied.skipped), (0, 1));
    }
    let unknown = products::apply_detail(&connection, "B", "{\"productData\":{}}", NOW).unwrap();
    assert_eq!(unknown.numbers, ["B"]);
    assert_eq!(sync_state::load(&connection, Entity::Products).unwrap().rows, 2);
}

/// Takes away what the list did not show, and tells the numbers.
fn remove(connection: &Connection, entity: Entity, customer: Option<&str>, seen: &KeyHashes) -> Vec<String> {
    let gone = sweeps::unseen(connection, entity, customer, seen, LATER, LATER).unwrap();
    sweeps::remove(connection, entity, &gone, LATER).unwrap();
    gone.numbers()
}

#[test]
fn what_a_full_list_does_not_show_is_gone_and_may_come_back() {
    let connection = open_in_memory().unwrap();
    let all = format!("[{},{}]", listed("A", "W", 1, "1"), listed("B", "W", 1, "1"));
    products(&connection, &all);
    products::apply_detail(&connection, "C", "{\"productNumber\":\"C\"}", LATER).unwrap();
    pending(&connection);
    let seen: KeyHashes =
        products(&connection, &format!("[{}]", listed("A", "W", 1, "1"))).seen.into_iter().collect();
    assert_eq!(remove(&connection, Entity::Products, None, &seen), ["B"]);
    assert_eq!(pending(&connection), "[\"products\",\"[\\\"B\\\"]\"]");
    assert_eq!(sync_state::load(&connection, Entity::Products).unwrap().rows, 2);
    assert!(remove(&connection, Entity::Products, None, &seen).is_empty());

    let back = products(&connection, &all);
    assert_eq!((back.changed, back.changed_numbers), (1, vec!["B".to_owned()]));
    assert_eq!(pending(&connection), "[\"products\",\"[\\\"B\\\"]\"]");
    assert_eq!(sync_state::load(&connection, Entity::Products).unwrap().rows, 3);

    assert!(products::note_gone(&connection, "B", LATER).unwrap());
    let annulled = r#"{"productNumber":"B","productData":{"annulled":true}}"#;
    products::apply_detail(&connection, "B", annulled, LATER).unwrap();
    assert_eq!(
        text(&connection, "SELECT product_number FROM products WHERE removed_at IS NULL"),
        "[\"A\"]\n[\"C\"]"
    );
}

#[test]
fn customers_prices_and_balances() {
    let connection = open_in_memory().unwrap();
    let customer = page(
        r#"[{"customerNumber":"C1","name":"Anna","deliveryPostalCode":"1","deliveryCity":"X",
            "creditLimit":"1000.50","changeDate":"2026-11-21 10:00:00"}]"#,
    );
    let applied = customers::apply_list_page(&connection, &customer, &Reading::at(NOW)).unwrap();
    assert_eq!((applied.changed, applied.odd), (1, 0));
    let detail = r#"{"name":"Anna","customerDeliveryAddress":{"address":{"country":"SE"}}}"#;
    customers::apply_detail(&connection, "C1", detail, NOW).unwrap();
    assert_eq!(
        text(&connection, "SELECT customer_number, credit_limit, country, changed_at FROM customers"),
        "[\"C1\",1000.5,\"SE\",\"2026-11-21T10:00:00.000Z\"]"
    );

    let price = |price: &str| {
        format!(
            r#"[{{"productNumber":"A","salesUnit":"st","fromQuantity":1,"currency":"SEK","price":{price},
                "listPrice":12,"vatPercent":25}}]"#
        )
    };
    let store = |price: &str, now: &str| {
        prices::apply_list_page(&connection, "C1", &page(price), &Reading::at(now)).unwrap()
    };
    assert_eq!(store(&price("10"), NOW).changed, 1);
    assert_eq!(store(&price("10.0"), LATER).changed, 0);
    assert_eq!(text(&connection, "SELECT price, fetched_at FROM prices"), format!("[10,\"{NOW}\"]"));
    assert_eq!(store(&price("11"), LATER).changed, 1);
    assert_eq!(text(&connection, "SELECT price, fetched_at FROM prices"), format!("[11,\"{LATER}\"]"));
    pending(&connection);
    let none = KeyHashes::default();
    assert!(remove(&connection, Entity::Prices, Some("C2"), &none).is_empty());
    assert_eq!(remove(&connection, Entity::Prices, Some("C1"), &none), ["A"]);
    assert_eq!(pending(&connection), r#"["prices","[\"C1\",\"A\",\"st\",1,\"SEK\"]"]"#);

    let balance = page(r#"[{"productNumber":"A","warehouse":"W","availableBalanceNow":5}]"#);
    assert_eq!(balances::apply_list_page(&connection, &balance, &Reading::at(NOW)).unwrap().odd, 1);
    assert_eq!(balances::apply_list_page(&connection, &balance, &Reading::at(NOW)).unwrap().odd, 1);
    assert_eq!(remove(&connection, Entity::Balances, None, &none), ["A"]);
    assert_eq!(pending(&connection), r#"["balances","[\"A\",\"W\"]"]"#);
}

fn order(number: &str, external: &str, rows: &str) -> String {
    format!(
        r#"{{"orderHeader":{{"orderNumber":"{number}","orderNumberExternal":"{external}",
            "orderStatus":"Created","shipments":[{{"shipmentNumber":"S1"}}]}},"orderRows":[{rows}]}}"#
    )
}

fn owed(connection: &Connection) -> String {
    text(connection, "SELECT key, revision FROM owed_files WHERE kind = 'order' ORDER BY key")
}

#[test]
fn an_order_has_exactly_the_rows_of_its_body() {
    let connection = open_in_memory().unwrap();
    let row = |position: i64| format!(r#"{{"position":{position},"product":{{"productNumber":"A"}}}}"#);
    let body = order("1", "W-1", &format!("{},{}", row(10), row(20)));
    assert_eq!(orders::store_order(&connection, &body, NOW).unwrap().changed, 1);
    assert_eq!(orders::store_order(&connection, &body, NOW).unwrap().changed, 0);
    assert_eq!(owed(&connection), "[\"1\",1]");
    orders::store_order(&connection, &order("1", "W-1", &row(20)), NOW).unwrap();
    assert_eq!(text(&connection, "SELECT position FROM order_rows"), "[20]");
    assert_eq!(owed(&connection), "[\"1\",2]");

    let list = page(
        r#"[{"orderNumber":"1","orderStatus":"Reserved","totalPrice":99.5,
        "changeDate":"2026-11-21T10:00:00Z"},{"orderNumber":"2"}]"#,
    );
    let applied =
        orders::apply_list_page(&connection, &list, orders::Scope::Ours, &Reading::at(NOW)).unwrap();
    assert_eq!(applied.changed_numbers, ["1"]);
    assert_eq!(owed(&connection), "[\"1\",3]");
    let applied = orders::apply_list_page(&connection, &list, orders::Scope::All, &Reading::at(NOW)).unwrap();
    assert_eq!(applied.changed_numbers, ["2"]);
    let applied = orders::apply_list_page(&connection, &list, orders::Scope::All, &Reading::at(NOW)).unwrap();
    assert_eq!(applied.changed_numbers, ["2"], "its detail was never fetched");

    let file = outgoing::render_order_file(&connection, "1").unwrap().unwrap();
    assert_eq!(file.name, "W-1.json");
    assert_eq!(
        file.body.lines().next().unwrap(),
        concat!(
            r#"{"key":"W-1","orderNumber":"1","orderNumberExternal":"W-1","status":"Reserved","#,
            r#""changedAt":"2026-11-21T10:00:00.000Z","rows":["#
        )
    );
    serde_json::from_str::<serde_json::Value>(&file.body).unwrap();
    assert!(outgoing::render_order_file(&connection, "2").unwrap().is_none());
}

#[test]
fn orders_that_share_an_external_number_have_files_of_their_own() {
    let connection = open_in_memory().unwrap();
    let name = |number: &str| outgoing::render_order_file(&connection, number).unwrap().unwrap().name;
    orders::store_order(&connection, &order("1", "W-1", ""), NOW).unwrap();
    orders::store_order(&connection, &order("3", "", ""), NOW).unwrap();
    assert_eq!((name("1"), name("3")), ("W-1.json".to_owned(), "3.json".to_owned()));
    connection
        .execute_batch(
            "INSERT INTO files (id, name, arrival, verdict, size, received_at, folder, stored_name)
             VALUES (1, 'o', 1, 'accepted', 1, '', '', 'o');
             INSERT INTO documents (id, file_id, position, kind, content_hash) VALUES (1, 1, 1, 'order', '');
             INSERT INTO outbox (id, kind, state, source_file, received_at, extend_number, content_hash, payload)
             VALUES (1, 'order', 'delivered', 'o', '', '2', '', '{}');",
        )
        .unwrap();
    orders::store_order(&connection, &order("2", "W-1", ""), NOW).unwrap();
    assert_eq!((name("1"), name("2")), ("1.json".to_owned(), "W-1.json".to_owned()));
    assert_eq!(owed(&connection), "[\"1\",2]\n[\"2\",1]\n[\"3\",1]");
    orders::store_order(&connection, &order("4", "3", ""), NOW).unwrap();
    assert_eq!(name("4"), "4.json", "another order's own number is not taken");
}

#[test]
fn returns_and_their_codes() {
    let connection = open_in_memory().unwrap();
    let list = page(r#"[{"returnNumber":"R1","status":"Ordered","createDate":"2026-11-21T10:00:00"}]"#);
    assert_eq!(
        returns::apply_list_page(&connection, &list, orders::Scope::All, &Reading::at(NOW)).unwrap().changed,
        1
    );
    let body = r#"{"header":{"returnNumber":"R1","status":"Received","reference":"my ref"}}"#;
    assert_eq!(returns::store_return(&connection, body, NOW).unwrap().changed, 1);
    assert_eq!(
        text(&connection, "SELECT status, created_at, reference FROM returns"),
        "[\"Received\",\"2026-11-21T10:00:00.000Z\",\"my ref\"]"
    );
    // Its detail was finished already, so the list brings no news; one without a status is never finished.
    let listed = |json: &str| {
        returns::apply_list_page(&connection, &page(json), orders::Scope::All, &Reading::at(NOW)).unwrap()
    };
    let again = listed(r#"[{"returnNumber":"R1","status":"Received","createDate":"2026-11-21T10:00:00"}]"#);
    assert_eq!((again.written.len(), again.changed_numbers.len()), (1, 0));
    returns::store_return(&connection, r#"{"header":{"returnNumber":"R2"}}"#, NOW).unwrap();
    let odd = listed(r#"[{"returnNumber":"R2","createDate":"2026-11-21T10:00:00"}]"#);
    assert_eq!(odd.changed_numbers, ["R2"]);
    let codes = page(r#"[{"returnCode":"A","name":"As new"},{"returnCode":"B"},{}]"#);
    let applied = returns::replace_codes(&connection, &codes).unwrap();
    assert_eq!((applied.stored, applied.skipped, applied.odd), (2, 1, 1));
    returns::replace_codes(&connection, &[]).unwrap();
    assert_eq!(text(&connection, "SELECT return_code FROM return_codes"), "[\"A\"]\n[\"B\"]");
}

#[test]
fn the_tables_of_the_rules_are_those_of_the_schema() {
    let connection = open_in_memory().unwrap();
    for entity in Entity::ALL {
        let Some(table) = entity.table() else { continue };
        let key = text(
            &connection,
            &format!("SELECT name FROM pragma_table_info('{}') WHERE pk > 0 ORDER BY pk", table.name),
        );
        let columns: Vec<String> =
            table.columns.iter().take(table.keys).map(|column| format!("[\"{}\"]", column.name)).collect();
        assert_eq!(key, columns.join("\n"));
    }
}

#[test]
fn a_product_on_two_pages_changes_once_a_round() {
    let connection = open_in_memory().unwrap();
    let first = format!("[{},{}]", listed("0", "W", 1, "1"), listed("A", "East", 1, "10"));
    let second = format!("[{}]", listed("A", "West", 1, "20"));
    for round in 0..3 {
        let seen: KeyHashes = products(&connection, &first).seen.into_iter().collect();
        let applied = products::apply_list_page(
            &connection,
            &page(&second),
            &Reading { shown: Some(&seen), ..Reading::at(NOW) },
        )
        .unwrap();
        assert_eq!((applied.changed, applied.stored), (0, 1), "round {round}");
        assert_eq!(text(&connection, "SELECT cost FROM products WHERE product_number = 'A'"), "[10]");
    }
    // Where East has it no longer, West's row is the first.
    assert_eq!(products(&connection, &second).changed, 1);
    assert_eq!(text(&connection, "SELECT cost FROM products WHERE product_number = 'A'"), "[20]");
}
