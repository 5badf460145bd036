use super::*;
use crate::formats::export::{Column, Shape};

#[test]
fn how_files_are_put_out() {
    let text = format!(
        "{EXTEND}[exchange]\ncsv_decimal = \",\"\ncsv_encoding = \"windows-1252\"\n\
         [products]\ncolumns = [\"product_number as artnr\", \"name\"]\nonly_enabled = true\n\
         [balances]\nstock = \"sum\"\nstock_buffer = 2\n[prices]\nlist = \"base\"\n"
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.exchange.csv, Csv { separator: b';', decimal: ',', windows_1252: true });
    let of = |of: &str, name: &str| Column { of: of.into(), name: name.into() };
    let products = Shape {
        columns: vec![of("product_number", "artnr"), of("name", "name")],
        only_enabled: true,
        ..Shape::default()
    };
    assert_eq!(config.shapes.products, products);
    let balances = Shape { sum_warehouses: true, stock_buffer: 2, subtract_queued: true, ..Shape::default() };
    assert_eq!(config.shapes.balances, balances);
    assert!(config.shapes.prices.base_list);
    let wrong = parse(&format!("{EXTEND}[balances]\ncolumns = [\"availabel as x\"]\n")).unwrap_err();
    assert!(wrong[0].contains("did you mean available?"), "{wrong:?}");
}

#[test]
fn ubl_orders_are_mapped() {
    let text = format!(
        "{EXTEND}[ubl]\ncustomers = {{ \"0088:1\" = \"10\" }}\norder_number = \"{{customer}}-{{id}}\"\n\
         utc_offset = \"-01:30\"\ntolerance = 0.5\nfreight = {{ product = \"F\", unit = \"Stk\" }}\nround = {{}}\n"
    );
    let ubl = parse(&text).unwrap().ubl;
    assert_eq!(ubl.customers["0088:1"], "10");
    assert_eq!((ubl.order_number.as_str(), ubl.utc_offset.seconds()), ("{customer}-{id}", -5400));
    assert_eq!(ubl.freight.map(|article| article.product).as_deref(), Some("F"));
    assert_eq!((ubl.round, ubl.tolerance.to_string().as_str()), (None, "0.5"));
    for wrong in [
        "customers = { a = 1 }",
        "order_number = \"x\"",
        "utc_offset = \"1\"",
        "tolerance = -1",
        "tolerance = \"1\"",
        "freight = { product = \"F\" }",
        "freight = { product = \"F\", unit = \"S\", x = \"y\" }",
    ] {
        let problems = parse(&format!("{EXTEND}[ubl]\n{wrong}\n")).unwrap_err();
        assert!(problems[0].contains("[ubl]") && problems[0].contains("expected"), "{wrong}: {problems:?}");
    }
}
