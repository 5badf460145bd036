//! Orders of Peppol BIS Ordering 3: the published examples, and what each becomes. What is sent is held against
//! the description of the API.
//!
//! `GOLDEN=write cargo test --test it ubl::` writes what the files become now; then look at the difference.

use std::path::Path;

use extend_edge::config::Config;
use extend_edge::formats::problem::Language;
use extend_edge::formats::ubl::{Known, Order};
use extend_edge::store;
use serde_json::{Value, json};

use crate::support::shop::described;

const SETTINGS: &str = r#"[extend]
base_url = "https://s05.extend.se/RESTAPI"
client = "c"
username = "u"
[ubl]
utc_offset = "+01:00"
customers = { "0192:987654325" = "10010", "7300010000001" = "10020" }
items = { "Item 1" = "P-1", "Item 2" = "P-2", "Translation" = "TOLK" }
units = { DAY = "Dag" }
allowance = { product = "RABATT", unit = "Stk" }
charge = { product = "AVGIFT", unit = "Stk" }
freight = { product = "FRAKT", unit = "Stk" }
"#;

fn settings(more: &str) -> Config {
    Config::parse(Path::new("/srv/shop"), &format!("{SETTINGS}{more}"), Some("p".into()))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/ubl/golden").join(name);
    std::fs::read_to_string(path).expect("a sample")
}

/// The codes, fields and lines of what is wrong with an order.
fn problems(text: &str, known: &Known) -> Vec<(String, Option<String>, Option<u64>)> {
    let found = match Order::read(text.as_bytes()) {
        Ok(order) => order.document(&settings("").ubl, known).err().unwrap_or_default(),
        Err(problems) => problems,
    };
    for language in [Language::English, Language::Swedish] {
        assert!(found.iter().all(|problem| problem.message(language).len() > 20));
    }
    found.into_iter().map(|problem| (problem.code().to_owned(), problem.field, problem.line)).collect()
}

fn codes(text: &str) -> Vec<String> {
    problems(text, &Known::default()).into_iter().map(|(code, _, _)| code).collect()
}

fn body(text: &str, more: &str, known: &Known) -> Value {
    let order = Order::read(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"));
    order.document(&settings(more).ubl, known).unwrap_or_else(|problems| panic!("{problems:?}")).body
}

#[test]
fn every_example_becomes_an_order_that_extend_takes() {
    for name in ["Order_Example", "UC1_Order", "UC2_Order", "UC3_Order"] {
        let order = Order::read(sample(&format!("{name}.xml")).as_bytes()).expect("an order");
        let document = order.document(&settings("").ubl, &Known::default());
        let document = document.unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        let path = "/v1_0/{client}/CustomerOrders";
        let wrong = described().check_request("POST", path, "", document.body.to_string().as_bytes(), &[]);
        assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{:#}", document.body);
        let warnings: Vec<Value> =
            document.warnings.iter().map(|warning| warning.to_json(Language::English)).collect();
        let text = format!("{:#}\n", json!({ "warnings": warnings, "document": document.body }));
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/ubl/golden/{name}.json"));
        if std::env::var_os("GOLDEN").is_some() {
            std::fs::write(&golden, &text).expect("written");
        }
        assert_eq!(text, std::fs::read_to_string(&golden).unwrap_or_default(), "{name}");
    }
}

#[test]
fn nothing_of_an_example_is_lost() {
    let text = sample("Order_Example.xml");
    let sent = body(&text, "", &Known::default()).to_string();
    for value in [
        "Information text for the whole order",
        "9000012345",
        "Project123",
        "QuoteID123",
        "RjectedOrderID123",
        "MAFO",
        "Cat2023-03-07",
        "http://www.suppliersite.eu/sheet001.html",
        "34322",
        "PID33",
        "Ole Olsen",
        "Julie Jensen",
        "Solheimsveien 10",
        "3rd Address line",
        "2012-10-20",
        "FOB Oslo",
        "CAD",
        "Payment terms description",
        "Freetext note on line 2",
        "2010-02-25",
        "SE-123456",
        "LO-123456",
        "30 mm",
        "manid659",
        "7560000012345",
        "123456",
    ] {
        // What was only used to find the product is in the original.
        assert!(sent.contains(value) || value == "7560000012345", "{value}\n{sent}");
    }
}

#[test]
fn amounts_are_those_of_the_file_digit_for_digit() {
    let text = sample("Order_Example.xml");
    let body = body(&text, "", &Known::default());
    let rows = body["orderRows"].as_array().expect("rows");
    let shown = |row: &Value| {
        format!(
            "{} {} {} {} {}",
            row["product"]["productNumber"].as_str().unwrap_or_default(),
            row["salesData"]["quantity"],
            row["salesData"]["unitPrice"],
            row["salesData"]["vatPercent"],
            row["supplyMode"].as_str().unwrap_or("-"),
        )
    };
    assert_eq!(
        rows.iter().map(shown).collect::<Vec<_>>(),
        [
            "121212 120 50.000 25 -",
            "AVGIFT 1 600 25 -",
            "RABATT 1 -300 25 Discount",
            "SItemNo011 15 15.000 25 -",
            "AVGIFT 1 400 0 -",
            "RABATT 1 -652.5 25 Discount",
        ]
    );
    // A price for a hundred, and what rounding leaves.
    let hundred = text
        .replacen("<cbc:BaseQuantity unitCode=\"EA\">1<", "<cbc:BaseQuantity unitCode=\"EA\">7<", 1)
        .replacen(">50.000<", ">350.001<", 1);
    let rounded =
        crate::ubl::body(&hundred, "round = { product = \"AVRUND\", unit = \"Stk\" }\n", &Known::default());
    let rows = rounded["orderRows"].as_array().expect("rows");
    assert_eq!(shown(&rows[0]), "121212 120 50.0001 25 -");
    assert_eq!(shown(rows.last().expect("a row")), "AVRUND 1 -0.01 0 Round");
    // Freight is known by its reason.
    let freight = text.replacen("Miscellaneous services", "Frakt", 1);
    let rows = crate::ubl::body(&freight, "", &Known::default());
    assert_eq!(rows["orderRows"][4]["supplyMode"], "Freight");
}

#[test]
fn buyer_and_items_are_found_in_the_mirror() {
    let mut settings = settings("").ubl;
    settings.customers.clear();
    settings.items.clear();
    let connection = store::open_in_memory().expect("a database");
    connection
        .execute_batch(
            r#"INSERT INTO customers (customer_number, name, organization_number, raw) VALUES
                   ('20', 'City Hospital', '556001-1231', '{"customerDeliveryAddress":{"address":{"addressEAN":"7300010000001"}}}'),
                   ('21', 'Another', '9311 86755', '{"vatNumber":"SE 556002-3233 01"}');
               INSERT INTO products (product_number, name, unit, gtin) VALUES
                   ('SÅS-1', 'Brun sås', 'ST', '5704066204093'), ('SÅS-2', 'White sauce', 'Stk', '08722700575887'),
                   ('SN-35', 'Pepper sauce', 'FRP', NULL);"#,
        )
        .expect("rows");
    let check = |text: &str| {
        let order = Order::read(text.as_bytes()).expect("an order");
        let known = store::ubl::load(&connection, &order.wanted()).expect("known");
        let document = order.document(&settings, &known).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let rows = document.body["orderRows"].as_array().cloned().unwrap_or_default();
        let rows: Vec<String> = rows
            .iter()
            .map(|row| {
                format!("{} {}", row["product"]["productNumber"], row["salesData"]["unit"]).replace('"', "")
            })
            .collect();
        (document.body["orderHeader"]["customerNumber"].as_str().unwrap_or_default().to_owned(), rows)
    };
    let text = sample("UC1_Order.xml");
    let rows = vec!["SÅS-1 ST".to_owned(), "SÅS-2 Stk".to_owned(), "SN-35 Stk".to_owned()];
    assert_eq!(check(&text), ("20".to_owned(), rows.clone()), "by GLN");
    let by_number = text.replace("schemeID=\"0088\">7300010000001", "schemeID=\"0007\">5560011231");
    assert_eq!(check(&by_number), ("20".to_owned(), rows.clone()), "by organisation number");
    let by_vat = text.replace("schemeID=\"0088\">7300010000001", "schemeID=\"9955\">SE556002323301");
    assert_eq!(check(&by_vat), ("21".to_owned(), rows), "by VAT number");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let text = sample("UC1_Order.xml");
    let check = |from: &str, to: &str, code: &str, field: Option<&str>| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let found = problems(&changed, &Known::default());
        assert!(
            found.iter().any(|(one, at, line)| one == code && at.as_deref() == field && line.is_some()),
            "{code} {field:?}: {found:?}"
        );
    };
    let quantity = Some("OrderLine[1]/LineItem/Quantity");
    check("unitCode=\"NAR\"", "unitCode=\"ZZ\"", "unknown_unit", quantity);
    check(">10</cbc:Quantity>", ">ten</cbc:Quantity>", "wrong_type", quantity);
    check(">10</cbc:Quantity>", "></cbc:Quantity>", "missing_field", quantity);
    check(
        ">4</cbc:PriceAmount>",
        ">5</cbc:PriceAmount>",
        "total_mismatch",
        Some("OrderLine[1]/LineItem/LineExtensionAmount"),
    );
    check(
        ">115</cbc:LineExtensionAmount>",
        ">116</cbc:LineExtensionAmount>",
        "total_mismatch",
        Some("AnticipatedMonetaryTotal"),
    );
    check(
        "currencyID=\"EUR\">4<",
        "currencyID=\"SEK\">4<",
        "other_currency",
        Some("OrderLine[1]/LineItem/Price/PriceAmount"),
    );
    check("<cbc:ID>SN-33</cbc:ID>", "", "unknown_item", Some("OrderLine[1]/LineItem/Item"));
    check(">2013-07-15<", ">15.7.2013<", "not_a_date", Some("Delivery/RequestedDeliveryPeriod/StartDate"));
    check(
        "<cbc:Percent>25<",
        "<cbc:Percent>high<",
        "wrong_type",
        Some("OrderLine[1]/LineItem/Item/ClassifiedTaxCategory"),
    );
    let stranger = text.replace("7300010000001", "7300010000002");
    assert!(problems(&stranger, &Known::default()).contains(&(
        "unknown_buyer".into(),
        Some("BuyerCustomerParty".into()),
        Some(1 + text[..text.find("<cac:BuyerCustomerParty>").expect("it")].matches('\n').count() as u64)
    )));
    let invoice = text
        .replace("Order-2\"", "Invoice-2\"")
        .replace("<Order ", "<Invoice ")
        .replace("</Order>", "</Invoice>");
    assert_eq!(codes(&invoice), ["unknown_document"]);
    let no_article = Order::read(sample("Order_Example.xml").as_bytes()).expect("an order");
    let mut mapping = settings("").ubl;
    mapping.charge = None;
    let found = no_article.document(&mapping, &Known::default()).expect_err("no article");
    assert!(found.iter().all(|problem| problem.code() == "no_article"), "{found:?}");
}

#[test]
fn no_trick_of_xml_works() {
    let text = sample("UC3_Order.xml");
    let with = |doctype: &str, value: &str| {
        text.replacen("<Order ", &format!("{doctype}<Order "), 1).replacen(
            "<cbc:ID>5<",
            &format!("<cbc:ID>{value}<"),
            1,
        )
    };
    let mut laughs = "<!DOCTYPE lolz [<!ENTITY lol0 \"lol\">".to_owned();
    for level in 1..10 {
        laughs.push_str(&format!("<!ENTITY lol{level} \"{}\">", format!("&lol{};", level - 1).repeat(10)));
    }
    laughs.push_str("]>");
    for (doctype, value) in [
        (laughs.as_str(), "&lol9;"),
        ("<!DOCTYPE o SYSTEM \"http://127.0.0.1:1/evil.dtd\">", "5"),
        ("<!DOCTYPE o [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>", "&x;"),
        ("", "&x;"),
        ("", "&#xFFFFFFFF;"),
    ] {
        assert_eq!(codes(&with(doctype, value)), ["forbidden_xml"], "{doctype:.40} {value}");
    }
    let deep = format!("{}{}", "<a>".repeat(1_000_000), "</a>".repeat(1_000_000));
    assert_eq!(codes(&deep), ["too_deep"]);
    let hidden =
        text.replacen("<cac:Contract>", "<cac:Contract><?php evil()?><!-- &x; --><![CDATA[&x;]]>", 1);
    assert!(codes(&hidden).is_empty(), "what is no entity is none");
}
