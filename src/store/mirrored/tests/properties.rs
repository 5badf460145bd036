//! What holds for every page.

use proptest::prelude::*;

use super::*;
use crate::formats::export::key_text;
use crate::rules::mirror::{Cell, fields, key_hash, list_fields, list_key};

/// Some JSON value, right or wrong for whatever field it lands in.
fn value() -> impl Strategy<Value = String> {
    const TEXTS: [&str; 8] =
        ["A", "B", "", "12,5", "2026-11-21T10:00:00+01:00", "Warehouse", "\\ud800", "å\\\"/"];
    prop_oneof![
        8 => prop::sample::select(&TEXTS[..]).prop_map(|text| format!("\"{text}\"")),
        1 => prop::sample::select(&["null", "true", "1", "12.5", "-0.0", "1e999", "[]", "{}"][..])
            .prop_map(str::to_owned),
    ]
}

fn any_page(entity: Entity) -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = list_fields(entity.table().unwrap());
    let record = prop::collection::vec(value(), names.len()).prop_map(move |values| {
        let fields: Vec<String> = names
            .iter()
            .zip(values)
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    });
    prop::collection::vec(record, 0..6).prop_map(|records| format!("[{}]", records.join(",")))
}

/// One record of a key remains, so that the page agrees with itself.
fn without_repeats(entity: Entity, rows: Vec<&RawValue>) -> Vec<&RawValue> {
    let table = entity.table().unwrap();
    let names = list_fields(table);
    let given = vec![Cell::text("C"); table.given];
    let mut seen = std::collections::HashSet::new();
    rows.into_iter()
        .filter(|row| {
            let fields = fields::read_fields(row.get(), &names).unwrap();
            let key = list_key(table, &given, &fields);
            seen.insert(key.map(|key| key_hash(&key)))
        })
        .collect()
}

fn apply(connection: &Connection, entity: Entity, rows: &[&RawValue]) -> Applied {
    match entity {
        Entity::Products => products::apply_list_page(connection, rows, &Reading::at(NOW)),
        Entity::Customers => customers::apply_list_page(connection, rows, &Reading::at(NOW)),
        Entity::Prices => prices::apply_list_page(connection, "C", rows, &Reading::at(NOW)),
        Entity::Balances => balances::apply_list_page(connection, rows, &Reading::at(NOW)),
        Entity::Orders => orders::apply_list_page(connection, rows, orders::Scope::All, &Reading::at(NOW)),
        _ => returns::apply_list_page(connection, rows, orders::Scope::All, &Reading::at(NOW)),
    }
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_page_again_writes_nothing(
        pages in prop::sample::select(&Entity::ALL[..6])
            .prop_flat_map(|entity| any_page(entity).prop_map(move |json| (entity, json)))
    ) {
        let (entity, json) = pages;
        let connection = open_in_memory().unwrap();
        let rows = match entity {
            Entity::Products => page(&json),
            _ => without_repeats(entity, page(&json)),
        };
        let first = apply(&connection, entity, &rows);
        let before = writes(&connection);
        let again = apply(&connection, entity, &rows);
        prop_assert_eq!(writes(&connection), before);
        prop_assert_eq!((again.stored, again.odd, again.changed), (first.stored, first.odd, 0));
        let rows = sync_state::load(&connection, entity).unwrap().rows;
        prop_assert_eq!(usize::try_from(rows).unwrap(), first.stored);
    }

    #[test]
    fn a_key_has_the_text_that_sqlite_gives_it(one in "(?s).*", other in any::<String>()) {
        prop_assume!(!one.contains('\0') && !other.contains('\0'));
        let connection = open_in_memory().unwrap();
        let theirs: String =
            connection.query_row("SELECT json_array(?1, ?2)", (&one, &other), |row| row.get(0)).unwrap();
        let ours = key_text(&[Cell::text(&one), Cell::text(&other)]);
        prop_assert_eq!(theirs, ours);
    }
}
