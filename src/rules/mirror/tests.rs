use proptest::prelude::*;

use super::*;

fn fields_of<'a>(table: &Table, text: &'a str) -> Vec<Option<&'a RawValue>> {
    fields::read_fields(text, &list_fields(table)).unwrap()
}

fn row<'a>(cells: Vec<Cell<'a>>, text: &'a str) -> Row<'a> {
    Row { cells, text: Some(text), odd: 0, removed: false }
}

#[test]
fn plans() {
    let stored = row(vec![Cell::text("A"), Cell::Real(1.0)], "t");
    assert_eq!(plan(None, &stored), Change::Insert);
    assert_eq!(plan(Some(&stored), &stored.clone()), Change::Unchanged);
    let check = |incoming: Row<'_>, public| {
        assert_eq!(plan(Some(&stored), &incoming), Change::Update { public });
    };
    check(row(vec![Cell::text("A"), Cell::Real(2.0)], "t"), true);
    check(row(vec![Cell::text("A"), Cell::Real(1.0)], "other"), false);
    check(Row { odd: 1, ..stored.clone() }, false);
    check(Row { removed: true, ..stored.clone() }, true);
}

#[test]
fn a_change_of_balance_or_warehouse_alone_is_known() {
    let stored = r#"{"productNumber":"P","warehouse":"B","availableBalance":5,"cost":1}"#;
    for (incoming, known) in [
        (r#"{"productNumber":"P","warehouse":"B","availableBalance":7,"cost":1}"#, true),
        (r#"{"productNumber":"P","warehouse":"C","availableBalance":null,"cost":1}"#, true),
        (r#"{"productNumber":"P","warehouse":"A","availableBalance":7,"cost":1}"#, false),
        (r#"{"productNumber":"P","warehouse":"C","availableBalance":7,"cost":2}"#, false),
    ] {
        let fields = fields_of(&tables::PRODUCTS, incoming);
        assert_eq!(is_known(&tables::PRODUCTS, stored, incoming, &fields), known, "{incoming}");
    }
}

#[test]
fn the_detail_wins_where_it_knows_better_and_fills_in_elsewhere() {
    let table = &tables::PRODUCTS;
    let list = r#"{"productNumber":"P","productName":"Listed","enabled":true,"createDate":"2020-01-01"}"#;
    let detail = r#"{"productNumber":"P","productData":{"productName":"Detailed","enabled":false,
        "annulled":true,"productGTINumber":"735","productDates":{"createdDate":"2019-01-01T00:00:00Z"}}}"#;
    let at = |cells: &[Cell<'_>], name: &str| {
        let place = table.columns.iter().position(|column| column.name == name).unwrap();
        cells[place].clone().into_owned()
    };
    for from in [Source::List, Source::Detail] {
        let cells = merge(table, read_stored_list(table, list), read_detail(table, detail), from);
        assert_eq!(at(&cells, "name"), Cell::text("Listed"));
        assert_eq!(at(&cells, "enabled"), Cell::Integer(0));
        assert_eq!(at(&cells, "annulled"), Cell::Integer(1));
        assert_eq!(at(&cells, "gtin"), Cell::text("735"));
        assert_eq!(at(&cells, "created_at"), Cell::text("2019-01-01T00:00:00.000Z"));
    }
}

#[test]
fn keys() {
    let table = &tables::PRICES;
    let given = [Cell::text("C1")];
    let key = |text: &str| list_key(table, &given, &fields_of(table, text)).map(|key| key.len());
    assert_eq!(key(r#"{"productNumber":"P","salesUnit":"","fromQuantity":1,"currency":"SEK"}"#), Some(5));
    assert_eq!(key(r#"{"productNumber":" ","salesUnit":"","fromQuantity":1,"currency":"SEK"}"#), None);
    assert_eq!(key(r#"{"productNumber":"P","salesUnit":"","currency":"SEK"}"#), None);
    assert_ne!(
        key_hash(&[Cell::text("a"), Cell::text("bc")]),
        key_hash(&[Cell::text("ab"), Cell::text("c")])
    );
}

#[test]
fn names_go_both_ways() {
    for entity in Entity::ALL {
        assert_eq!(Entity::from_name(entity.name()), Some(entity));
    }
}

fn json_scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i32>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|n| format!("{n:e}")),
        ".*".prop_map(|text: String| serde_json::to_string(&text).unwrap_or_default()),
        Just("\"2026-11-21T10:00:00+01:00\"".to_owned()),
        Just("{\"a\": [1]}".to_owned()),
    ]
}

proptest! {
    #[test]
    fn planning_after_applying_changes_nothing(values in prop::collection::vec(json_scalar(), 20)) {
        for entity in Entity::ALL {
            let Some(table) = entity.table() else { continue };
            let given = vec![Cell::text("C1"); table.given];
            let names = list_fields(table);
            let text: Vec<String> = names.iter().zip(&values)
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, value)| format!("\"{name}\":{value}"))
                .collect();
            let text = format!("{{{}}}", text.join(","));
            let fields = fields::read_fields(&text, &names).unwrap();
            let record = read_list(table, &given, &fields);
            let incoming = Row {
                cells: merge(table, Some(record.clone()), None, Source::List),
                text: Some(&text),
                odd: i64::from(record.odd),
                removed: false,
            };
            prop_assert_eq!(plan(Some(&incoming.clone()), &incoming), Change::Unchanged);
            prop_assert!(is_known(table, &text, &text, &fields));
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".*") {
        let _ = cells::utc(&text);
        let _ = cells::real(&text);
        let _ = fields::read_fields(&text, &["a"]);
        let _ = read_detail(&tables::ORDERS, &text);
    }
}
