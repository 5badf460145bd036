use super::*;

fn stocked(unit: &str, stock: &[(&str, f64)]) -> Product {
    let stock = stock.iter().map(|(warehouse, available)| Stock {
        warehouse: (*warehouse).into(),
        available: Some(*available),
        next_receiving: None,
    });
    Product { unit: Some(unit.into()), stock: stock.collect(), ..Product::default() }
}

fn made_of(parts: &[(&str, f64, &str)]) -> Product {
    let parts = parts.iter().map(|(number, quantity, unit)| Component {
        number: (*number).into(),
        quantity: *quantity,
        unit: Some((*unit).into()),
    });
    let supply_mode = Some("BillOfMaterials".into());
    Product { unit: Some("Stk".into()), supply_mode, components: parts.collect(), ..Product::default() }
}

fn asked(rows: &[(&str, &str, Option<&str>)]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|(number, quantity, warehouse)| {
            let quantity: Value = serde_json::from_str(quantity).unwrap();
            json!({ "product": { "productNumber": number },
                    "salesData": { "quantity": quantity, "unit": "Stk" }, "warehouse": warehouse })
        })
        .collect();
    json!({ "orderHeader": { "customerNumber": "C" }, "orderRows": rows })
}

/// Position, product, quantity, warehouse, balance and parent of each row.
fn rows(order: &Value, known: &Known) -> Vec<String> {
    let age = Age { as_of: None, minutes_old: None };
    let answer = answer(order, known, &age, Language::English);
    let rows = answer["orderRows"].as_array().unwrap();
    let show = |value: &Value| value.to_string().trim_matches('"').to_owned();
    rows.iter()
        .map(|row| {
            [
                &row["position"],
                &row["product"]["productNumber"],
                &row["salesData"]["quantity"],
                &row["warehouse"],
                &row["availableBalance"],
                &row["billOfMaterialsParentRowPosition"],
            ]
            .map(show)
            .join(" ")
        })
        .collect()
}

#[test]
fn the_fullest_warehouse_answers_unless_the_row_names_one() {
    let known: Known =
        [("P".to_owned(), stocked("Stk", &[("A", 3.0), ("B", 7.9), ("C", -2.0)]))].into_iter().collect();
    let order = asked(&[("P", "2.50", None), ("P", "1", Some("C")), ("P", "1", Some("D")), ("X", "1", None)]);
    assert_eq!(
        rows(&order, &known),
        ["10 P 2.50 B 7 null", "20 P 1 C -2 null", "30 P 1 D null null", "40 X 1 null null null"]
    );
}

#[test]
fn bills_of_materials_are_opened_through_all_levels() {
    let known: Known = [
        ("GIFT".to_owned(), made_of(&[("BOX", 1.0, "Stk"), ("SNACKS", 2.0, "Stk")])),
        ("SNACKS".to_owned(), made_of(&[("NUT", 0.3, "Kg"), ("COOKIE", 1.0, "FRP")])),
        ("BOX".to_owned(), stocked("Stk", &[("A", 50.0), ("B", 4.0)])),
        ("NUT".to_owned(), stocked("Kg", &[("A", 6.0), ("B", 100.0)])),
        (
            "COOKIE".to_owned(),
            Product { units: vec![("FRP".into(), 3.0)], ..stocked("Stk", &[("A", 60.0), ("B", 600.0)]) },
        ),
    ]
    .into_iter()
    .collect();
    assert_eq!(
        rows(&asked(&[("GIFT", "5", None)]), &known),
        [
            "10 GIFT 5 A 10 null",
            "20 BOX 5 A 50 10",
            "30 SNACKS 10 A 20 10",
            "40 NUT 3 A 6 30",
            "50 COOKIE 10 A 60 30",
        ]
    );
    assert_eq!(rows(&asked(&[("GIFT", "5", Some("B"))]), &known)[0], "10 GIFT 5 B 4 null");
}

#[test]
fn a_bill_of_materials_that_holds_itself_has_an_end() {
    let known: Known =
        [("A".to_owned(), made_of(&[("A", 1.0, "Stk"), ("A", 1.0, "Stk")]))].into_iter().collect();
    assert!(rows(&asked(&[("A", "1", None)]), &known).len() <= MOST_ROWS + DEEPEST);
}

#[test]
fn what_comes_is_told_where_it_is_enough() {
    let mut product = stocked("Stk", &[("A", 3.0)]);
    product.stock[0].next_receiving = Some(("2026-12-01T00:00:00.000Z".into(), 10.0));
    let known: Known = [("P".to_owned(), product)].into_iter().collect();
    let age = Age { as_of: Some("2026-11-21T22:16:00.000Z".into()), minutes_old: Some(4) };
    let order = asked(&[("P", "3", None), ("P", "13", None), ("P", "14", None), ("X", "1", None)]);
    let answer = answer(&order, &known, &age, Language::English);
    let dates: Vec<&Value> =
        answer["orderRows"].as_array().unwrap().iter().map(|row| &row["shipDate"]).collect();
    assert_eq!(dates, [&Value::Null, &json!("2026-12-01T00:00:00.000Z"), &Value::Null, &Value::Null]);
    assert_eq!((&answer["source"], &answer["minutesOld"]), (&json!("mirror"), &json!(4)));
    assert_eq!(answer["warnings"][0]["position"], 40);
}
