use std::path::Path;

use serde_json::Value;

use super::*;
use crate::config::Config;
use crate::formats::problem::Language;

const EXTEND: &str =
    "[extend]\nbase_url = \"https://s05.extend.se/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\n";

const SHOP: &str = "[csv.shop]\nmatch = \"*.csv\"\ndecimal = \",\"\nprices = \"with_vat\"\n\
    round = { product = \"RUND\", unit = \"ST\" }\nfreight = { product = \"FRAKT\", unit = \"ST\" }\n\
    discount = { product = \"RABATT\", unit = \"ST\" }\n\
    [csv.shop.columns]\ntotal = \"Summa\"\nfreight = \"Frakt\"\ndiscount = \"Rabatt\"\n\
    orderHeader.orderNumberExternal = \"Order\"\norderHeader.customerNumber = \"Kund\"\n\
    orderHeader.deliveryAddress.name1 = [\"Förnamn\", \"Efternamn\"]\n\
    orderHeader.deliveryAddress.address1 = \"Gata\"\norderHeader.deliveryAddress.city = \"Ort\"\n\
    orderHeader.paymentType = \"Betalsätt\"\n\
    orderRows.product.productNumber = \"Artikel\"\norderRows.salesData.quantity = \"Antal\"\n\
    orderRows.salesData.unitPrice = \"Pris\"\norderRows.salesData.vatPercent = \"Moms\"\n\
    [csv.shop.constants]\norderHeader.deliveryAddress.countryCode = \"SE\"\norderRows.salesData.unit = \"ST\"\n\
    [csv.shop.defaults]\norderHeader.customerNumber = \"WEBB\"\n\
    [csv.shop.values]\norderHeader.paymentType = { Faktura = \"Billing\" }\n";

const HEAD: &str =
    "Order;Kund;Förnamn;Efternamn;Gata;Ort;Betalsätt;Artikel;Antal;Pris;Moms;Frakt;Rabatt;Summa";

fn mapping(settings: &str) -> Mapping {
    let config = Config::parse(Path::new("/srv/shop"), &format!("{EXTEND}{settings}"), Some("p".into()));
    config.unwrap_or_else(|error| panic!("{error}")).csv.remove(0)
}

fn parts(bytes: &[u8], mapping: &Mapping) -> Vec<Part> {
    parse(bytes, mapping).unwrap_or_else(|problems| panic!("{problems:?}")).parts
}

fn body(part: &Part) -> &Value {
    &part.result.as_ref().unwrap_or_else(|problems| panic!("{problems:?}")).body
}

fn wrongs(part: &Part) -> Vec<(String, Option<u64>)> {
    let problems = part.result.as_ref().expect_err("bad");
    problems.iter().map(|problem| (problem.code().to_owned(), problem.line)).collect()
}

#[test]
fn rows_become_orders_with_freight_discount_and_what_rounding_leaves() {
    let text = format!(
        "{HEAD}\r\nW-1;;Åsa;Öberg;Storgatan 1;Umeå;Faktura;8010;3;1 049,00;25;49,00;100,00;3 121,00\r\n\
         W-2;77;;;;;;8020;2;10,00;12;;;\r\nW-1;;;;;;;8030;1;25,00;25;;;\r\n"
    );
    let parts = parts(text.as_bytes(), &mapping(SHOP));
    assert_eq!(parts.len(), 2);
    let first = body(&parts[0]);
    assert_eq!(parts[0].key.as_deref(), Some("W-1"));
    let header = &first["orderHeader"];
    assert_eq!(header["customerNumber"], "WEBB", "a guest becomes the standing customer");
    assert_eq!(header["deliveryAddress"]["name1"], "Åsa Öberg");
    assert_eq!(header["paymentType"], "Billing");
    let rows: Vec<String> = first["orderRows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let sales = &row["salesData"];
            format!(
                "{} {} {} {}",
                row["product"]["productNumber"], sales["quantity"], sales["unitPrice"], row["supplyMode"]
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "\"8010\" 3 839.2 null",
            "\"8030\" 1 20 null",
            "\"FRAKT\" 1 39.2 \"Freight\"",
            "\"RABATT\" 1 -80 \"Discount\""
        ]
    );
    let second = body(&parts[1]);
    assert_eq!(second["orderHeader"]["customerNumber"], "77");
    assert_eq!(second["orderHeader"]["deliveryAddress"], Value::Null, "a country alone is no address");
    assert_eq!(second["orderRows"][0]["salesData"]["unitPrice"].to_string(), "8.9286");
}

#[test]
fn what_rounding_leaves_becomes_a_row_of_its_own() {
    // 999 at 0.10 with 12 %: the price without VAT has no four decimals that give the sum again.
    let text = format!("{HEAD}\nW-1;;;;;;;8010;999;0,10;12;;;99,90\n");
    let parts = parts(text.as_bytes(), &mapping(SHOP));
    let rows = body(&parts[0])["orderRows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        (&rows[1]["supplyMode"], &rows[1]["product"]["productNumber"]),
        (&"Round".into(), &"RUND".into())
    );
    let sum = cell::number(&rows[0]["salesData"]["unitPrice"].to_string(), '.').unwrap()
        * rust_decimal::Decimal::from(999)
        * cell::number("1.12", '.').unwrap();
    let left = cell::number(&rows[1]["salesData"]["unitPrice"].to_string(), '.').unwrap();
    assert_eq!(sum.round_dp(2) + left, cell::number("99.90", '.').unwrap());
}

#[test]
fn bad_rows_are_told_by_line_column_and_value() {
    let text = format!(
        "{HEAD}\nW-1;;;;;;;8010;two;1,00;25;;;\nW-2;;;;;;Kort;8010;1;1,00;25;;;\n\
         W-3;;Åsa;;;Umeå;;8010;1;1,00;25;;;\nW-4;;;;;;;8010;1;1,00;25;;;9,99\n;;;;;;;8010;1;1,00;25;;;\n\
         W-6;1;;;;;;8010;1;1,00;25;;;\nW-6;2;;;;;;8010;1;1,00;25;;;\nW-7;8010\nW-8;;;;;;;8010;1;1.00;25;;;\n"
    );
    let parts = parts(text.as_bytes(), &mapping(SHOP));
    let wrongs: Vec<_> = parts.iter().map(wrongs).collect();
    let one = |code: &str, line| vec![(code.to_owned(), Some(line))];
    assert_eq!(wrongs[0], one("not_a_number", 2));
    assert_eq!(wrongs[1], one("unknown_value", 3));
    assert_eq!(wrongs[2], one("missing_field", 4));
    assert_eq!(wrongs[3], one("total_mismatch", 5));
    assert_eq!(wrongs[4], one("missing_field", 6));
    assert_eq!(wrongs[5], one("rows_disagree", 8));
    assert_eq!(wrongs[6], one("cell_count", 9));
    assert_eq!(wrongs[7], one("not_a_number", 10));
    let told = parts[0].result.as_ref().unwrap_err()[0].message(Language::English);
    assert!(told.contains("Line 2") && told.contains("Antal") && told.contains("\"two\""), "{told}");
}

#[test]
fn bad_rows_become_a_file_with_the_same_header_in_the_same_encoding() {
    let text = format!(
        "{HEAD}\r\nW-1;;;;;;;8010;1;1,00;25;;;\r\nW-2;;Åsa;;;;;8010;x;1,00;25;;;\r\nW-3;;;;;;;8010;1;1,00;25;;;\r\n\
         W-2;;;;;;;8020;1;1,00;25;;;\r\n"
    );
    let mapping = mapping(SHOP);
    let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (ansi, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    for bytes in [text.as_bytes(), &ansi, &utf16] {
        let contents = parse(bytes, &mapping).unwrap();
        let bad = [(1, contents.parts[1].result.clone().unwrap_err())];
        let aside = contents.set_aside(bytes, &bad);
        let (again, _) = text::decode(&aside.bytes, None).unwrap();
        let lines: Vec<&str> = again.lines().collect();
        let of: Vec<&str> = text.lines().collect();
        assert_eq!(lines, [of[0], of[2], of[4]]);
        assert!(again.ends_with("\r\n"));
        let parsed = parse(&aside.bytes, &mapping).unwrap();
        assert_eq!(parsed.parts.len(), 1);
        let told: Vec<Problem> = aside.problems.iter().map(|part| part.problem.clone()).collect();
        assert_eq!(parsed.parts[0].result.clone().unwrap_err(), told);
    }
}

#[test]
fn a_file_that_does_not_fit_its_mapping_is_said_so() {
    let mapping = mapping(SHOP);
    let codes = |text: &str| -> Vec<String> {
        parse(text.as_bytes(), &mapping)
            .unwrap_err()
            .iter()
            .map(|problem| problem.code().to_owned())
            .collect()
    };
    assert_eq!(codes(&format!("{}\nW-1\n", HEAD.replace("Antal;", ""))), ["missing_column"]);
    assert_eq!(codes(&format!("{HEAD};Antal\nW-1\n")), ["column_twice"]);
    assert_eq!(codes(&format!("{HEAD}\n")), ["no_rows"]);
    assert_eq!(codes(&format!("{HEAD}\nW-1")), ["cut_off"]);
    assert_eq!(codes("PK\u{3}\u{4}"), ["invalid_encoding"]);
    assert_eq!(codes("\r\n"), ["empty_file"]);
}

#[test]
fn quotes_delimiters_and_excels_first_line_are_read() {
    let mapping = mapping(&SHOP.replace("decimal = \",\"\n", ""));
    let head = HEAD.replace(';', ",");
    let text = format!(
        "sep=,\r\n{head}\r\n\r\nW-1,,Åsa,\"Ö \"\"x\"\"\nBerg, jr\",Gata 1,Umeå,,8010,1,\"1,234.50\",25,,,\r\n\
         W-2,,,,,,,8010,x,1,25,,,\r\n"
    );
    let parts = parts(text.as_bytes(), &mapping);
    assert_eq!(body(&parts[0])["orderHeader"]["deliveryAddress"]["name1"], "Åsa Ö \"x\"\nBerg, jr");
    assert_eq!(body(&parts[0])["orderRows"][0]["salesData"]["unitPrice"].to_string(), "987.6");
    assert_eq!(wrongs(&parts[1]), [("not_a_number".to_owned(), Some(6))]);
}

#[test]
fn names_are_matched_as_on_windows() {
    let mut mapping = mapping(SHOP);
    for (pattern, name, expected) in [
        ("orders-*.csv", "Orders-1.CSV", true),
        ("orders-*.csv", "orders.csv", false),
        ("*", "a", true),
        ("?.txt", "a.txt", true),
        ("?.txt", "ab.txt", false),
        ("*a*b*", "xxaxxbxx", true),
        ("*a*b*", "xxbxxaxx", false),
    ] {
        mapping.pattern = pattern.into();
        assert_eq!(mapping.is_for(name), expected, "{pattern} {name}");
    }
}
