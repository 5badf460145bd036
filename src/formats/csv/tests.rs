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

#[test]
fn a_quote_too_few_is_told_and_takes_no_order_with_it() {
    let mapping = mapping(SHOP);
    let good = |key: &str| format!("{key};;;;;;;8010;1;1,00;25;;;\n");
    // Nothing ends it: more may be coming, and if not the line is told on which it begins.
    let open = format!("{HEAD}\n{}W-2;;\"Åsa;;;;;8010;1;1,00;25;;;\n{}", good("W-1"), good("W-3"));
    assert_eq!(completeness(open.as_bytes(), &mapping), Completeness::CutOff);
    let told = parse(open.as_bytes(), &mapping).unwrap_err();
    assert_eq!((told[0].code(), told[0].line), ("open_quote", Some(3)));
    let whole = format!("{HEAD}\n{}", good("W-1"));
    assert_eq!(completeness(whole.as_bytes(), &mapping), Completeness::LineEnded);
    let cut_within = format!("{HEAD}\nW-1;;\"Åsa\n");
    assert_eq!(completeness(cut_within.as_bytes(), &mapping), Completeness::CutOff);
    // A later row's quote ends it: the rows between are in one cell.
    let text = format!(
        "{HEAD}\n{}W-2;;\"Åsa;;;;;8010;1;1,00;25;;;\nW-3;;\"Bo\";;;;;8010;1;1,00;25;;;\n",
        good("W-1")
    );
    let parts = parts(text.as_bytes(), &mapping);
    assert_eq!(wrongs(&parts[0]), [("beside_stray_row".to_owned(), Some(2))], "may it be a row of W-1?");
    assert_eq!(wrongs(&parts[1]), [("stray_quote".to_owned(), Some(3))]);
}

#[test]
fn an_order_waits_for_the_row_beside_it_unless_its_total_proves_it_whole() {
    let mapping = mapping(SHOP);
    let text = format!(
        "{HEAD}\nW-1;;;;;;;8010;1;1,00;25;;;\n;;;;;;;8020;1;1,00;25;;;\nW-2;;;;;;;8010;1;1,00;25;;;1,00\n\
         ;;;;;;;8020;1;1,00;25;;;\nW-3;;;;;;;8010;1;1,00;25;;;\n"
    );
    let parts = parts(text.as_bytes(), &mapping);
    let codes: Vec<_> =
        parts.iter().map(|part| part.result.as_ref().map_err(|told| told[0].code()).err()).collect();
    assert_eq!(codes, [Some("beside_stray_row"), Some("missing_field"), None, Some("missing_field"), None]);
    // The same where such rows are meant to belong to the order above.
    let mapping = super::tests::mapping(&SHOP.replace("prices =", "order_fields = \"first_row\"\nprices ="));
    let parts = super::tests::parts(text.as_bytes(), &mapping);
    assert_eq!(body(&parts[0])["orderRows"].as_array().unwrap().len(), 2);
    assert_eq!(wrongs(&parts[1]), [("total_mismatch".to_owned(), Some(4))]);
}

#[test]
fn discounts_and_vat_may_stand_on_every_row_as_amounts() {
    let settings =
        SHOP.replace("discount = \"Rabatt\"", "row_discount = \"Rabatt\"\nrow_vat = \"Momsbelopp\"").replace(
            "orderRows.salesData.vatPercent = \"Moms\"\n",
            "orderRows.salesData.currency = \"Valuta\"\n",
        );
    let head = "Order;Kund;Förnamn;Efternamn;Gata;Ort;Betalsätt;Artikel;Antal;Pris;Momsbelopp;Frakt;Rabatt;Summa;Valuta";
    // A book and two mugs, each with its own VAT and a discount.
    let text = format!(
        "{head}\nW-1;;;;;;;BOK;1;106,00;5,40;;10,60;195,40;SEK\nW-1;;;;;;;MUGG;2;62,50;20,00;;25,00;;\n"
    );
    let parts = parts(text.as_bytes(), &mapping(&settings));
    let rows = body(&parts[0])["orderRows"].as_array().unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let sales = &row["salesData"];
            format!(
                "{} {} {} {}",
                row["product"]["productNumber"], sales["unitPrice"], sales["vatPercent"], sales["currency"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "\"BOK\" 100 6 \"SEK\"",
            "\"MUGG\" 50 25 \"SEK\"",
            "\"RABATT\" -10 6 \"SEK\"",
            "\"RABATT\" -20 25 \"SEK\"",
        ]
    );
}

#[test]
fn countries_are_two_letters_or_said_by_the_settings() {
    let settings = SHOP
        .replace("orderHeader.deliveryAddress.countryCode = \"SE\"\n", "")
        .replace(
            "orderHeader.deliveryAddress.city =",
            "orderHeader.deliveryAddress.countryCode = \"Kund\"\norderHeader.deliveryAddress.city =",
        )
        .replace("orderHeader.customerNumber = \"Kund\"\n", "");
    let row = |country: &str| format!("{HEAD}\nW-1;{country};Åsa;;Gata;Ort;;8010;1;1,00;25;;;\n");
    let wrong = parts(row("Sverige").as_bytes(), &mapping(&settings));
    assert_eq!(wrongs(&wrong[0])[0].0, "not_a_country");
    let settings = format!(
        "{settings}orderHeader.deliveryAddress.countryCode = {{ Sverige = \"SE\", \"*\" = \"NO\" }}\n"
    );
    for (written, expected) in [("Sverige", "SE"), ("Norge", "NO")] {
        let parts = parts(row(written).as_bytes(), &mapping(&settings));
        assert_eq!(body(&parts[0])["orderHeader"]["deliveryAddress"]["countryCode"], expected);
    }
}

#[test]
fn what_was_meant_is_asked() {
    let mapping = mapping(SHOP);
    let of = |text: String| parse(text.as_bytes(), &mapping).unwrap_err()[0].clone();
    let told = of(format!("{}\nW-1\n", HEAD.replace("Antal", "Antall")));
    assert!(told.message(Language::English).contains("Is it now called Antall?"), "{told:?}");
    let text = format!("{HEAD}\nW-1;;;;;;CreditCrad;8010;1;1,00;25;;;\n");
    let parts = parts(text.as_bytes(), &mapping);
    let told = parts[0].result.as_ref().unwrap_err()[0].message(Language::Swedish);
    assert!(
        told.starts_with("Rad 2, kolumn Betalsätt: ") && told.contains("Menade du CreditCard?"),
        "{told}"
    );
    let json = parts[0].result.as_ref().unwrap_err()[0].to_json(Language::English);
    assert_eq!((&json["column"], &json["value"]), (&"Betalsätt".into(), &"CreditCrad".into()));
    assert_eq!(json["field"], "orderHeader.paymentType");
}

#[test]
fn other_systems_ways_with_files_are_read() {
    let mapping = mapping(SHOP);
    let text = format!("{HEAD}\nW-1;;Åsa;;Gata;Umeå;;=\"0080\";1;1,00;25;;;\nW-2;;;;;;;8010;x;1,00;25;;;\n");
    // UTF-16 without its mark, in both orders; line ends of old Macs; UTF-8 with the mark that Excel wants.
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mac = text.replace('\n', "\r").into_bytes();
    let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    for bytes in [little, big, mac, marked] {
        assert_eq!(completeness(&bytes, &mapping), Completeness::LineEnded);
        let contents = parse(&bytes, &mapping).unwrap();
        let first = body(&contents.parts[0]);
        assert_eq!(first["orderHeader"]["deliveryAddress"]["city"], "Umeå");
        assert_eq!(first["orderRows"][0]["product"]["productNumber"], "0080");
        assert_eq!(wrongs(&contents.parts[1]), [("not_a_number".to_owned(), Some(3))]);
        let bad = [(1, contents.parts[1].result.clone().unwrap_err())];
        let aside = contents.set_aside(&bytes, &bad);
        assert_eq!(aside.problems[0].problem.line, Some(2));
        assert_eq!(aside.bytes.starts_with(b"\xEF\xBB\xBF"), bytes.starts_with(b"\xEF\xBB\xBF"));
        let again = parse(&aside.bytes, &mapping).unwrap();
        assert_eq!(wrongs(&again.parts[0]), [("not_a_number".to_owned(), Some(2))]);
    }
}

#[test]
fn settings_that_can_not_be_meant_are_told() {
    let told = |from: &str, to: &str| {
        let settings = format!("{EXTEND}{}", SHOP.replacen(from, to, 1));
        Config::parse(Path::new("/srv/shop"), &settings, Some("p".into())).unwrap_err().to_string()
    };
    for (from, to, expected) in [
        ("prices = \"with_vat\"\n", "", "prices: is missing"),
        ("decimal = \",\"", "decimal = \"x\"", "decimal = \"x\": expected"),
        ("decimal = \",\"", "dates = [\"%Q\"]", "dates = [\"%Q\"]: expected"),
        (
            "orderHeader.paymentType = \"Bet",
            "orderHeader.paymentTyp = \"Bet",
            "did you mean orderHeader.paymentType?",
        ),
        ("Faktura = \"Billing\"", "Faktura = \"Bill\"", "= \"Bill\": expected"),
        ("match = \"*.csv\"\n", "", "match: is missing"),
        ("discount = { product = \"RABATT\", unit = \"ST\" }\n", "", "discount: is missing"),
        ("unit = \"ST\" }\nfreight", "unit = \"ST\", vat_percent = 25 }\nfreight", "a rounding has none"),
        ("orderRows.salesData.quantity = \"Antal\"\n", "", "orderRows.salesData] quantity: is missing"),
        ("countryCode = \"SE\"", "countryCode = \"Sverige\"", "= \"Sverige\": expected"),
    ] {
        let told = told(from, to);
        assert!(told.contains(expected), "{to}: {told}");
        assert!(told.contains("extend-edge.toml:"), "{told}");
    }
}

#[test]
fn everything_is_said_in_both_languages() {
    let text = || "x1".to_owned();
    let (column, found, field) = (text(), "y2".to_owned(), fields::CURRENCY);
    let all = [
        Wrong::NoMapping,
        Wrong::MissingColumn { column: column.clone(), mapping: text(), there: vec![] },
        Wrong::ColumnTwice { column: column.clone() },
        Wrong::NoRows,
        Wrong::OpenQuote,
        Wrong::CellCount { expected: 3, found: 2 },
        Wrong::StrayQuote,
        Wrong::BesideStrayRow { key: text() },
        Wrong::NotANumber { column: column.clone(), found: found.clone(), decimal: ',' },
        Wrong::NotAPercentage { column: column.clone(), found: found.clone() },
        Wrong::NoQuantity { column: column.clone() },
        Wrong::NotADate { column: column.clone(), found: found.clone(), forms: vec![text()] },
        Wrong::NotAFlag { column: column.clone(), found: found.clone() },
        Wrong::NotACountry { column: column.clone(), found: found.clone(), field },
        Wrong::UnknownWord {
            column: column.clone(),
            found: found.clone(),
            field,
            known: &["z"],
            mapping: text(),
        },
        Wrong::Empty { column: Some(column.clone()), field },
        Wrong::Empty { column: None, field },
        Wrong::RowsDisagree { column: column.clone(), found: found.clone(), before: text() },
        Wrong::TotalMismatch { column, total: found, sum: text(), tolerance: text() },
    ];
    for wrong in all {
        let problem = csv(wrong.clone(), 7);
        let [english, swedish] =
            [Language::English, Language::Swedish].map(|language| problem.message(language));
        assert!(english.starts_with("Line 7") && swedish.starts_with("Rad 7"), "{english} {swedish}");
        assert_ne!(english.replace("Line 7", ""), swedish.replace("Rad 7", ""));
        // As it was, and where.
        for said in [wrong.value(), wrong.column()].into_iter().flatten() {
            assert!(english.contains(said) && swedish.contains(said), "{said}: {english} {swedish}");
        }
        assert!(english.ends_with(['.', '?']) && swedish.ends_with(['.', '?']));
    }
}

#[test]
fn a_first_line_that_names_no_delimiter_is_passed_over() {
    let text = format!("sep='\n{HEAD}\nW-1;;;;;;;8010;1;1,00;25;;;\n");
    assert_eq!(parts(text.as_bytes(), &mapping(SHOP)).len(), 1);
}

#[test]
fn a_fee_is_a_row_of_its_own_and_an_order_without_one_asks_for_no_article() {
    let columns = "[csv.shop.columns]\ntotal = \"Summa\"\n";
    let with_fee = SHOP.replace(columns, &format!("{columns}fee = \"Avgift\"\n"));
    assert_ne!(with_fee, SHOP);
    let text = format!(
        "{HEAD};Avgift\r\nW-1;;;;;;;8010;1;100,00;25;;;125,00;25,00\r\n\
         W-2;;;;;;;8010;1;100,00;25;;;100,00;0,00\r\n"
    );
    let without_article = parts(text.as_bytes(), &mapping(&with_fee));
    assert_eq!(wrongs(&without_article[0]), [("no_fee_article".to_owned(), Some(2))]);
    assert_eq!(body(&without_article[1])["orderRows"].as_array().map(Vec::len), Some(1));
    let article = "fee = { product = \"AVGIFT\", unit = \"ST\" }\ndiscount = { product";
    let made = parts(text.as_bytes(), &mapping(&with_fee.replace("discount = { product", article)));
    let row = &body(&made[0])["orderRows"][1];
    assert_eq!(row["product"]["productNumber"], "AVGIFT");
    assert_eq!(row["salesData"]["unitPrice"].to_string(), "20", "without VAT");
    assert!(row.get("supplyMode").is_none(), "an article as any other");
}

/// A shop whose mapping has more lines than [`SHOP`].
fn shop_with(more: &str) -> Mapping {
    mapping(&SHOP.replace("[csv.shop.columns]\n", &format!("{more}\n[csv.shop.columns]\n")))
}

fn row(cells: &str) -> Vec<u8> {
    format!("{HEAD}\n{cells}\n").into_bytes()
}

#[test]
fn what_was_called_off_is_left_out_and_what_was_paid_back_in_part_is_for_a_person() {
    let mapping = shop_with(
        "skip = { Efternamn = [\"Cancelled\", \"refunded\"], Rabatt = \"*\" }\nreject = { Ort = \"partly\" }\n\
         skip_rows = { Kund = \"*\" }",
    );
    let text = format!(
        "{HEAD}\nW-1;;Åsa;CANCELLED;;;;8010;1;1,00;25;;;\nW-1;;;;;;;8020;1;1,00;25;;;\nW-2;;;;;;;8010;1;1,00;25;;;\n\
         W-3;;;;;;;8010;1;1,00;25;;2,00;\nW-4;;;;;;;8010;1;1,00;25;;0,00;\nW-5;;;;;partly;;8010;1;1,00;25;;;\n\
         W-2;77;;;;;;8010;1;0,00;25;;;\n"
    );
    let contents = parse(text.as_bytes(), &mapping).unwrap();
    let left: Vec<_> = contents
        .left_out
        .iter()
        .map(|one| (one.position, one.key.as_deref(), &*one.column, &*one.found))
        .collect();
    assert_eq!(left, [(1, Some("W-1"), "Efternamn", "CANCELLED"), (3, Some("W-3"), "Rabatt", "2,00")]);
    let taken: Vec<_> =
        contents.parts.iter().map(|part| (part.position, part.key.as_deref(), part.result.is_ok())).collect();
    assert_eq!(taken, [(2, Some("W-2"), true), (4, Some("W-4"), true), (5, Some("W-5"), false)]);
    assert_eq!(wrongs(&contents.parts[2])[0], ("for_a_person".to_owned(), Some(7)));
    assert_eq!(
        body(&contents.parts[0])["orderRows"].as_array().unwrap().len(),
        1,
        "a row that is none of the order"
    );
    // A column that says what becomes of an order must be there.
    let missing =
        parse(&row("W-1;;;;;;;8010;1;1,00;25;;;"), &shop_with("skip = { Status = \"x\" }")).unwrap_err();
    assert_eq!(missing[0].code(), "missing_column");
}

#[test]
fn what_would_be_sent_wrong_without_a_word_is_rejected() {
    let plain = mapping(SHOP);
    let check = |cells: &str, code: &str, field: Option<&str>| {
        let parts = parts(&row(cells), &plain);
        let problems = parts[0].result.as_ref().expect_err(cells);
        let told: Vec<_> =
            problems.iter().map(|problem| (problem.code(), problem.field.as_deref())).collect();
        assert_eq!(told, [(code, field)], "{cells}");
    };
    let of_row = |name: &str| format!("orderRows[0].salesData.{name}");
    check("W-1;;;;;;;8010;-1;1,00;25;;;", "negative_quantity", Some(&of_row("quantity")));
    check("W-1;;;;;;;8010;1;1,00;0,25;;;", "not_a_percentage", Some(&of_row("vatPercent")));
    check("W-1;;;;;;;8010;7350012345678;1,00;25;;;", "number_too_large", Some(&of_row("quantity")));
    let with_currency = mapping(
        &SHOP.replace("orderHeader.customerNumber = \"Kund\"\n", "orderRows.salesData.currency = \"Kund\"\n"),
    );
    let kronor = parts(&row("W-1;kr;;;;;;8010;1;1,00;25;;;"), &with_currency);
    assert_eq!(wrongs(&kronor[0])[0].0, "not_a_currency");
    let sek = parts(&row("W-1;sek;;;;;;8010;1;1,00;25;;;"), &with_currency);
    assert_eq!(body(&sek[0])["orderRows"][0]["salesData"]["currency"], "SEK");
    // A country that can't be read is told once.
    let countries = mapping(
        &SHOP
            .replace(
                "orderHeader.customerNumber = \"Kund\"\n",
                "orderHeader.deliveryAddress.countryCode = \"Kund\"\n",
            )
            .replace("orderHeader.deliveryAddress.countryCode = \"SE\"\n", ""),
    );
    let told = parts(&row("W-1;Sverige;Åsa;;Gata;Ort;;8010;1;1,00;25;;;"), &countries);
    assert_eq!(wrongs(&told[0]), [("not_a_country".to_owned(), Some(2))]);
}

#[test]
fn the_vat_of_an_order_is_held_against_its_rows() {
    let settings = SHOP.replace("discount = \"Rabatt\"", "vat_total = \"Rabatt\"");
    let mapping = mapping(&settings);
    let right = parts(&row("W-1;;;;;;;8010;3;33,33;25;;20,00;99,99"), &mapping);
    assert!(right[0].result.is_ok(), "{right:?}");
    let wrong = parts(&row("W-1;;;;;;;8010;1;125,00;25;;0,00;125,00"), &mapping);
    assert_eq!(wrongs(&wrong[0])[0].0, "vat_mismatch");
}

#[test]
fn a_discount_on_all_of_an_order_lowers_each_rate_by_its_part() {
    // 106 at 6 % and 250 at 25 %, and 35.60 off: a tenth of each.
    let text = format!("{HEAD}\nW-1;;;;;;;BOK;1;106,00;6;;35,60;320,40\nW-1;;;;;;;MUGG;2;125,00;25;;;\n");
    let parts = parts(text.as_bytes(), &mapping(SHOP));
    let rows = body(&parts[0])["orderRows"].as_array().unwrap();
    let told: Vec<String> = rows[2..]
        .iter()
        .map(|row| format!("{} {}", row["salesData"]["unitPrice"], row["salesData"]["vatPercent"]))
        .collect();
    assert_eq!(told, ["-10 6", "-20 25"]);
}

#[test]
fn freight_has_the_vat_that_the_file_says() {
    let settings = SHOP.replace("discount = \"Rabatt\"", "freight_vat = \"Rabatt\"");
    let parts = parts(&row("W-1;;;;;;;BOK;1;106,00;6;49,00;9,80;155,00"), &mapping(&settings));
    let freight = &body(&parts[0])["orderRows"][1]["salesData"];
    assert_eq!(
        (freight["unitPrice"].to_string(), freight["vatPercent"].to_string()),
        ("39.2".into(), "25".into())
    );
}

#[test]
fn an_order_without_a_delivery_address_goes_to_the_invoice_address_or_is_told_of() {
    let settings = SHOP.replace(
        "orderHeader.paymentType = \"Betalsätt\"\n",
        "orderHeader.invoiceAddress.name = [\"Kund\", \"Betalsätt\"]\norderHeader.invoiceAddress.address1 = \"Frakt\"\n\
         orderHeader.invoiceAddress.city = \"Rabatt\"\n",
    );
    let settings = settings
        .replace("orderHeader.customerNumber = \"Kund\"\n", "")
        .replace("freight = \"Frakt\"\ndiscount = \"Rabatt\"\n", "")
        .replace(
            "orderRows.salesData.unit = \"ST\"\n",
            "orderRows.salesData.unit = \"ST\"\norderHeader.invoiceAddress.countryCode = \"SE\"\n",
        );
    let settings = settings.split("[csv.shop.values]").next().unwrap();
    let order = row("W-1;Firman AB;;;;;Åsa Öberg;8010;1;1,00;25;Gatan 1;Umeå;");
    let same = settings.replace("prices =", "same_address = true\nprices =");
    let parts = parts(&order, &mapping(&same));
    let delivery = &body(&parts[0])["orderHeader"]["deliveryAddress"];
    assert_eq!((&delivery["name1"], &delivery["city"]), (&"Firman AB Åsa Öberg".into(), &"Umeå".into()));
    assert!(delivery.get("name").is_none());
    let parts = super::tests::parts(&order, &mapping(settings));
    let document = parts[0].result.as_ref().unwrap();
    let codes: Vec<&str> = document.warnings.iter().map(|warning| warning.code()).collect();
    assert_eq!(codes, ["no_delivery_address"]);
    assert!(document.body["orderHeader"].get("deliveryAddress").is_none());
}

#[test]
fn an_article_that_stands_twice_and_once_for_nothing_is_told_of() {
    let text = format!("{HEAD}\nW-1;;;;;;;MUGG;1;125,00;25;;;\nW-1;;;;;;;MUGG;1;0,00;25;;;\n");
    let parts = parts(text.as_bytes(), &mapping(SHOP));
    let codes: Vec<&str> = parts[0].result.as_ref().unwrap().warnings.iter().map(|one| one.code()).collect();
    assert!(codes.contains(&"free_twin"), "{codes:?}");
}

#[test]
fn a_guess_tells_orders_that_were_called_off_and_vat_as_a_fraction() {
    let text = "Ordernr;Status;Artikel;Antal;Pris;Moms\nW-1;Betald;8010;1;100,00;0,25\n\
                W-2;Makulerad;8010;1;100,00;0,06\nW-3;Återbetald;8010;1;100,00;0\n";
    let guess = guess::look(text.as_bytes()).unwrap();
    let section = guess.settings("shop", "orders-1.csv", false, Language::English);
    let mapping = mapping(&section);
    assert_eq!(mapping.skip["Status"], ["Makulerad", "Återbetald"]);
    let contents = parse(text.as_bytes(), &mapping).unwrap();
    assert_eq!(contents.left_out.len(), 2);
    assert_eq!(body(&contents.parts[0])["orderRows"][0]["salesData"]["vatPercent"].to_string(), "25");
    assert!(!section.contains("fill nothing"), "{section}");
}
