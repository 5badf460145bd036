//! Lists and details of Extend's, from bytes to the mirror: whatever Extend sends, no record is lost and what is
//! stored is what was sent.
//!
//! Parts: pages and details in the order in which they come. Each is taken as every entity's.

use extend_edge::extend::page::{PAGE_SIZE, split_page};
use extend_edge::rules::mirror::{Entity, fields, list_fields, list_key};
use extend_edge::store::{
    Applied, Reading, balances, customers, open_in_memory, orders, prices, products, returns,
};
use rusqlite::Connection;
use serde_json::Value;
use serde_json::value::RawValue;

use super::parts::parts;

const NOW: &str = "2026-11-21T22:16:00.000Z";

pub fn run(data: &[u8]) {
    thread_local! {
        static MIRROR: Connection = open_in_memory().expect("a database in memory");
    }
    let parts = parts(data);
    MIRROR.with(|mirror| {
        for entity in Entity::ALL {
            mirror.execute_batch("SAVEPOINT one").expect("SQLite");
            for part in &parts {
                if let Ok(page) = split_page(entity, part) {
                    assert_eq!(whole_list(entity, part), page.rows.len(), "a record of the list is lost");
                    assert!(page.last || page.rows.len() >= PAGE_SIZE || entity_counts_pages(entity));
                    a_page_is_stored(mirror, entity, &page.rows);
                } else if let Ok(detail) = std::str::from_utf8(part) {
                    a_detail_is_stored(mirror, entity, detail);
                }
            }
            mirror.execute_batch("ROLLBACK TO one; RELEASE one").expect("SQLite");
        }
    });
}

fn entity_counts_pages(entity: Entity) -> bool {
    !matches!(entity, Entity::Products | Entity::Orders)
}

/// How many records a list has for one who reads it as a whole.
fn whole_list(entity: Entity, body: &[u8]) -> usize {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let field = match entity {
        Entity::Products | Entity::Orders => "",
        Entity::Customers => "/customerList",
        Entity::Prices => "/productPriceItemList",
        Entity::Balances => "/productAvailabilityList",
        Entity::Returns => "/returnOrderList",
        Entity::ReturnCodes => "/returnOrderRowCodeList",
    };
    // Half a surrogate pair, or what is nested too deep, is no reason to lose a page.
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return split_page(entity, body).map_or(0, |page| page.rows.len());
    };
    value.pointer(field).and_then(Value::as_array).map_or(0, Vec::len)
}

fn apply(mirror: &Connection, entity: Entity, rows: &[&RawValue]) -> Applied {
    match entity {
        Entity::Products => products::apply_list_page(mirror, rows, &Reading::at(NOW)),
        Entity::Customers => customers::apply_list_page(mirror, rows, &Reading::at(NOW)),
        Entity::Prices => prices::apply_list_page(mirror, "C-1", rows, &Reading::at(NOW)),
        Entity::Balances => balances::apply_list_page(mirror, rows, &Reading::at(NOW)),
        Entity::Orders => orders::apply_list_page(mirror, rows, orders::Scope::All, &Reading::at(NOW)),
        Entity::Returns => returns::apply_list_page(mirror, rows, orders::Scope::All, &Reading::at(NOW)),
        Entity::ReturnCodes => returns::replace_codes(mirror, rows),
    }
    .expect("SQLite takes every page")
}

fn a_page_is_stored(mirror: &Connection, entity: Entity, rows: &[&RawValue]) {
    let applied = apply(mirror, entity, rows);
    let Some(table) = entity.table() else { return };
    let given: Vec<_> = (0..table.given).map(|_| extend_edge::rules::mirror::Cell::text("C-1")).collect();
    let (mut keys, mut keyless) = (Vec::new(), 0);
    for row in rows {
        let found = fields::read_fields(row.get(), &list_fields(table));
        match found.and_then(|fields| list_key(table, &given, &fields)) {
            Some(key) => keys.push((key, row.get())),
            None => keyless += 1,
        }
    }
    assert_eq!(applied.skipped, keyless, "only a record without its number is passed over");
    assert!(applied.odd >= keyless, "and that is counted");
    let wheres: Vec<String> = table.columns[..table.keys]
        .iter()
        .enumerate()
        .map(|(at, column)| format!("{} = ?{}", column.name, at + 1))
        .collect();
    let text = table.list_text.unwrap_or("NULL");
    let sql = format!("SELECT {text} FROM {} WHERE {}", table.name, wheres.join(" AND "));
    let mut find = mirror.prepare_cached(&sql).expect("SQL");
    for (key, _) in &keys {
        let stored: Option<String> = find
            .query_row(rusqlite::params_from_iter(key), |row| row.get(0))
            .expect("the record is in the mirror");
        if let Some(stored) = stored {
            let as_sent = keys.iter().any(|(other, text)| other == key && is_the_same(entity, &stored, text));
            assert!(as_sent, "raw is not what was sent: {stored}");
        }
    }
    let distinct =
        keys.iter().enumerate().all(|(at, (key, _))| keys[..at].iter().all(|(other, _)| other != key));
    if distinct {
        let again = apply(mirror, entity, rows);
        assert_eq!(again.changed, 0, "the same page changes nothing");
        // An order or return that was never fetched whole is asked for until it is.
        let whole_is_missing = matches!(entity, Entity::Orders | Entity::Returns);
        assert!(again.changed_numbers.is_empty() || whole_is_missing, "{:?}", again.changed_numbers);
        assert_eq!(again.odd, applied.odd);
    }
}

/// Of a product's rows only balance and warehouse may be older than what was sent last.
fn is_the_same(entity: Entity, stored: &str, sent: &str) -> bool {
    if stored == sent {
        return true;
    }
    let without = |text: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap_or_default();
        for name in ["warehouse", "availableBalance"] {
            value.as_object_mut().map(|fields| fields.shift_remove(name));
        }
        value
    };
    entity == Entity::Products && without(stored) == without(sent)
}

fn a_detail_is_stored(mirror: &Connection, entity: Entity, detail: &str) {
    // The engine asks this of every detail first.
    if !serde_json::from_str::<Value>(detail).is_ok_and(|value| value.is_object()) {
        return;
    }
    let store = || match entity {
        Entity::Products => products::apply_detail(mirror, "P-1", detail, NOW),
        Entity::Customers => customers::apply_detail(mirror, "C-1", detail, NOW),
        Entity::Orders => orders::store_order(mirror, detail, NOW),
        Entity::Returns => returns::store_return(mirror, detail, NOW),
        _ => Ok(Applied::default()),
    };
    let applied = store().expect("SQLite takes every detail");
    let Some(number) = applied.numbers.first() else { return };
    let (Some(table), true) = (entity.table(), applied.stored > 0) else { return };
    let sql = format!("SELECT raw FROM {} WHERE {} = ?1", table.name, table.columns[0].name);
    let raw: String =
        mirror.query_row(&sql, [number], |row| row.get(0)).expect("the detail is in the mirror");
    assert_eq!(raw, detail, "raw is what was sent");
    let again = store().expect("SQLite");
    assert_eq!(again.changed, 0, "the same detail changes nothing");
}
