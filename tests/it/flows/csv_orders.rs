//! Orders as CSV: from the inbox to Extend and back, the bad ones mended and dropped again.

use std::fs;

use serde_json::json;

use crate::support::shop::{Plan, Shop};

const HEAD: &str =
    "Ordernr;Förnamn;Efternamn;Gata;Postnr;Ort;Betalsätt;Artikel;Antal;Pris;Moms;Frakt;Summa\r\n";

fn plan() -> Plan {
    Plan::sample()
        .set("exchange.settle_ms", "50")
        .set("csv.shop.match", "\"orders-*.csv\"")
        .set("csv.shop.decimal", "\",\"")
        .set("csv.shop.prices", "\"with_vat\"")
        .set("csv.shop.freight", "{ product = \"Product-123\", unit = \"Stk\", vat_percent = 25 }")
        .set("csv.shop.round", "{ product = \"Product-123\", unit = \"Stk\" }")
        .set(
            "csv.shop.columns",
            "{ total = \"Summa\", freight = \"Frakt\", orderHeader.orderNumberExternal = \"Ordernr\", \
             orderHeader.deliveryAddress.name1 = [\"Förnamn\", \"Efternamn\"], \
             orderHeader.deliveryAddress.address1 = \"Gata\", orderHeader.deliveryAddress.postalCode = \"Postnr\", \
             orderHeader.deliveryAddress.city = \"Ort\", orderHeader.paymentType = \"Betalsätt\", \
             orderRows.product.productNumber = \"Artikel\", orderRows.salesData.quantity = \"Antal\", \
             orderRows.salesData.unitPrice = \"Pris\", orderRows.salesData.vatPercent = \"Moms\" }",
        )
        .set(
            "csv.shop.constants",
            "{ orderHeader.customerNumber = \"Customer-123\", orderHeader.deliveryAddress.countryCode = \"SE\", \
             orderRows.salesData.unit = \"Stk\" }",
        )
        .set("csv.shop.values", "{ orderHeader.paymentType = { Faktura = \"Billing\", Kort = \"CreditCard\" } }")
}

fn states(shop: &Shop, name: &str) -> Vec<(String, String)> {
    let receipt = shop.receipt(name).unwrap_or_default();
    let documents = receipt["documents"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    documents.iter().map(|document| (text(&document["key"]), text(&document["state"]))).collect()
}

/// What Extend was sent of an order.
fn sent(shop: &Shop, key: &str) -> serde_json::Value {
    let posts = shop.requests("POST", "CustomerOrders");
    let bodies = posts.iter().filter_map(|post| serde_json::from_slice(&post.request_body).ok());
    let mut of_order =
        bodies.filter(|body: &serde_json::Value| body["orderHeader"]["orderNumberExternal"] == key);
    of_order.next().expect("a POST")
}

#[test]
fn good_orders_are_delivered_and_a_bad_one_is_mended_and_dropped_again() {
    let mut shop = plan().open();
    shop.start();
    let row = |key: &str, quantity: &str, total: &str| {
        format!(
            "{key};Åsa;Öberg;Storgatan 1;903 26;Umeå;Faktura;Product-123;{quantity};1 049,00;25;49,00;{total}\r\n"
        )
    };
    let text = format!(
        "{HEAD}{}{}{}",
        row("K-1", "3", "3 196,00"),
        row("K-2", "två", "2 147,00"),
        row("K-3", "1", "1 098,00")
    );
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    shop.drop_file("orders-1.csv", &bytes);
    let delivered = |keys: &[&str]| -> Vec<(String, String)> {
        keys.iter().map(|key| ((*key).to_owned(), "delivered".to_owned())).collect()
    };
    shop.wait("the good ones to be delivered", |shop| {
        states(shop, "orders-1.csv") == delivered(&["K-1", "K-3"])
    });
    assert_eq!(shop.accepted()["orders-1.csv"], bytes.as_ref(), "the original, byte for byte");
    // What Extend has of the first is what the webshop meant.
    let sent = sent(&shop, "K-1");
    assert_eq!(sent["orderHeader"]["deliveryAddress"]["name1"], "Åsa Öberg");
    assert_eq!(sent["orderHeader"]["paymentType"], "Billing");
    assert_eq!(sent["orderRows"][0]["salesData"]["unitPrice"], json!(839.2));
    assert_eq!(sent["orderRows"][1]["supplyMode"], "Freight");
    // The bad one lies alone under the same header, in the same encoding, with its line and column told.
    let (error, words) = shop.wait_error("orders-1.csv");
    let problem = &error["documents"][0]["problems"][0];
    assert_eq!((&problem["code"], &problem["line"]), (&json!("not_a_number"), &json!(2)));
    assert_eq!((&problem["column"], &problem["value"]), (&json!("Antal"), &json!("två")));
    assert_eq!(problem["field"], "orderRows[0].salesData.quantity");
    assert!(words.contains("Document 2 (K-2): Line 2, column Antal: here stands \"två\""), "{words}");
    let bad = fs::read(shop.exchange("rejected").join("orders-1.csv")).expect("the bad one");
    let bad = encoding_rs::WINDOWS_1252.decode(&bad).0.into_owned();
    assert_eq!(bad, format!("{HEAD}{}", row("K-2", "två", "2 147,00")));
    let mended = bad.replace("två", "2");
    shop.drop_file("orders-1.csv", encoding_rs::WINDOWS_1252.encode(&mended).0);
    shop.wait("the mended one to be delivered", |shop| states(shop, "orders-1.csv") == delivered(&["K-2"]));
    assert_eq!(shop.status().1, Some(0));
    for key in ["K-1", "K-2", "K-3"] {
        assert_eq!(shop.times_at_extend(key), 1, "{key}");
    }
    shop.assert_described(&[]);
}

#[test]
fn a_file_without_a_mapping_and_one_that_does_not_fit_are_told() {
    let mut shop = plan().open();
    shop.start();
    shop.drop_file("other.csv", "a;b\r\n1;2\r\n");
    let (error, words) = shop.wait_error("other.csv");
    assert_eq!(error["code"], "no_mapping");
    assert!(words.contains("extend-edge mapping init"), "{words}");
    shop.drop_file("orders-2.csv", HEAD.replace("Antal", "Antall") + "K-9;;;;;;;;;;;;\r\n");
    let (error, words) = shop.wait_error("orders-2.csv");
    assert_eq!(error["code"], "missing_column");
    assert!(words.contains("Is it now called Antall?"), "{words}");
}

#[test]
fn a_first_mapping_is_one_that_the_agent_takes() {
    let shop = Plan::sample().open();
    let file = shop.home().join("order_2026-11-25.csv");
    let text = format!(
        "{HEAD}A-1;Åsa;Öberg;Storgatan 1;903 26;Umeå;Faktura;8010;2;1 049,00;25;49,00;2 147,00\r\n\
         A-1;;;;;;;8020;1;10,00;25;;\r\nA-2;Bo;Ek;Storgatan 2;903 26;Umeå;Kort;8010;1;1 049,00;25;0;1 049,00\r\n"
    )
    .replace("2 147,00", "2 157,00");
    fs::write(&file, encoding_rs::WINDOWS_1252.encode(&text).0).expect("written");
    let path = file.to_str().expect("a path");
    let ran = shop.run(&["mapping", "init", path]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in [
        "match = \"order_*.csv\"",
        "encoding = \"windows-1252\"",
        "delimiter = \";\"",
        "decimal = \",\"",
        "prices = \"with_vat\"",
        "orderHeader.deliveryAddress.name1 = [\"Förnamn\", \"Efternamn\"]",
        "orderRows.salesData.unitPrice = \"Pris\"",
        "\"Faktura\" = \"Billing\"",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    // Into the settings with it, and the file is understood.
    let settings = shop.home().join("extend-edge.toml");
    let before = fs::read_to_string(&settings).expect("settings");
    fs::write(&settings, before + "\n" + &ran.stdout).expect("written");
    let seen = shop.run(&["preview", path, "--json"]);
    assert_eq!(seen.code, Some(0), "{seen:?}");
    let seen = seen.json();
    assert_eq!(seen["reading"]["encoding"], "windows-1252");
    assert_eq!(seen["documents"][0]["totalWithVat"], "2157.00");
    assert_eq!(seen["documents"][0]["document"]["orderRows"][1]["product"]["productNumber"], "8020");
    let text = shop.run(&["preview", path]).stdout;
    assert!(text.contains("Artikel") && text.contains("orderRows.product.productNumber"), "{text}");
    // Into a new file, and never over one that is there.
    let output = shop.home().join("mapping.toml");
    let to = ["mapping", "init", path, "--output", output.to_str().expect("a path")];
    assert_eq!(shop.run(&to).code, Some(0));
    assert_eq!(fs::read_to_string(&output).expect("a mapping"), ran.stdout);
    let again = shop.run(&to);
    assert!(again.code == Some(1) && again.stderr.contains("is there already"), "{again:?}");
}

#[test]
fn a_file_that_stops_within_a_quoted_cell_is_waited_for() {
    let mut shop = plan().set("exchange.broken_after_seconds", "30").open();
    shop.start();
    shop.wait_up();
    let row = |key: &str, street: &str| {
        format!("{key};Åsa;Öberg;{street};903 26;Umeå;Faktura;Product-123;1;1 049,00;25;49,00;1 098,00\r\n")
    };
    let text =
        format!("{HEAD}{}{}", row("Q-1", "Storgatan 1"), row("Q-2", "\"Storgatan 2\r\nporten; gården\""));
    // It ends with a line end, and stands still: only the quote tells that more is coming.
    let cut = text.find("porten").expect("the second line of a cell");
    let path = shop.exchange("inbox/orders-3.csv");
    fs::write(&path, &text.as_bytes()[..cut]).expect("written");
    shop.wait("the agent to have seen it", |shop| {
        shop.number("SELECT count(*) FROM inbox_left WHERE name = 'orders-3.csv' AND code = 'waiting'")
            == Some(1)
    });
    assert!(path.exists() && shop.receipt("orders-3.csv").is_none());
    fs::write(&path, &text).expect("written");
    let expected = ["Q-1", "Q-2"].map(|key| (key.to_owned(), "delivered".to_owned()));
    shop.wait("both to be delivered", |shop| states(shop, "orders-3.csv") == expected);
    let sent = sent(&shop, "Q-2");
    assert_eq!(sent["orderHeader"]["deliveryAddress"]["address1"], "Storgatan 2\r\nporten; gården");
}

#[test]
fn a_lost_database_takes_up_every_order_of_a_csv_file() {
    let mut shop = plan().open();
    shop.start();
    let row = |key: String, quantity: &str| {
        format!("{key};Åsa;Öberg;Storgatan 1;903 26;Umeå;Kort;Product-123;{quantity};10,00;25;;\r\n")
    };
    let mut text = HEAD.to_owned();
    for at in 0..12 {
        // Two rows each, and one order in the middle that can't be taken.
        let quantity = if at == 5 { "två" } else { "2" };
        text.push_str(&row(format!("L-{at}"), quantity));
        text.push_str(&row(format!("L-{at}"), "1"));
    }
    shop.drop_file("orders-4.csv", &text);
    shop.wait("eleven to be delivered", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(11)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
    });
    shop.wait_error("orders-4.csv");
    shop.kill();
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(shop.home().join(format!("data/extend-edge.db{ending}")));
    }
    shop.start();
    shop.wait("all to be known again", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(11)
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == Some(0)
    });
    for at in (0..12).filter(|at| *at != 5) {
        assert_eq!(shop.times_at_extend(&format!("L-{at}")), 1, "L-{at}");
    }
    assert_eq!(shop.times_at_extend("L-5"), 0, "what was rejected stays so");
}

#[test]
fn an_order_that_was_called_off_is_left_out_and_the_receipt_says_so() {
    let mut shop = plan().set("csv.shop.skip", "{ Efternamn = [\"Makulerad\"] }").open();
    shop.start();
    let row = |key: &str, name: &str| {
        format!(
            "{key};Åsa;{name};Storgatan 1;903 26;Umeå;Faktura;Product-123;1;1 049,00;25;49,00;1 098,00\r\n"
        )
    };
    let mixed = format!("{HEAD}{}{}", row("S-1", "Makulerad"), row("S-2", "Öberg"));
    let file = shop.home().join("orders-look.csv");
    fs::write(&file, &mixed).expect("written");
    // A database that the agent is just making holds nothing up.
    let looked = shop.run(&["preview", &file.display().to_string()]);
    assert!(looked.code == Some(0) && looked.stdout.contains("S-1: left out, as Efternamn is"), "{looked:?}");
    shop.drop_file("orders-mixed.csv", &mixed);
    shop.wait("the other to be delivered", |shop| {
        states(shop, "orders-mixed.csv") == [("S-2".to_owned(), "delivered".to_owned())]
    });
    let receipt = shop.receipt("orders-mixed.csv").expect("a receipt");
    assert_eq!(
        (&receipt["leftOut"][0]["key"], &receipt["leftOut"][0]["position"]),
        (&json!("S-1"), &json!(1))
    );
    // A file of nothing else is done with, too.
    shop.drop_file("orders-off.csv", format!("{HEAD}{}", row("S-3", "MAKULERAD")));
    shop.wait("the receipt", |shop| shop.receipt("orders-off.csv").is_some());
    let receipt = shop.receipt("orders-off.csv").expect("a receipt");
    assert_eq!((&receipt["documents"], &receipt["leftOut"][0]["key"]), (&json!([]), &json!("S-3")));
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    assert_eq!((shop.times_at_extend("S-1"), shop.times_at_extend("S-3"), shop.status().1), (0, 0, Some(0)));
}

#[test]
fn an_order_that_is_paid_back_in_part_once_it_is_at_extend_asks_nobody_anything_each_day() {
    let mut shop = plan().set("csv.shop.reject", "{ \"Åter\" = \"*\" }").open();
    shop.start();
    let file = |key: &str, back: &str| {
        let head = HEAD.trim_end();
        format!(
            "{head};Åter\r\n{key};Åsa;Öberg;Storgatan 1;903 26;Umeå;Faktura;Product-123;1;1 049,00;25;49,00;1 098,00;{back}\r\n"
        )
    };
    let delivered = [("P-1".to_owned(), "delivered".to_owned())];
    shop.drop_file("orders-1.csv", file("P-1", "0,00"));
    shop.wait("it to be delivered", |shop| states(shop, "orders-1.csv") == delivered);
    shop.drop_file("orders-2.csv", file("P-1", "100,00"));
    shop.wait("it to be known", |shop| states(shop, "orders-2.csv") == delivered);
    shop.drop_file("orders-3.csv", file("P-2", "100,00"));
    assert_eq!(shop.wait_error("orders-3.csv").0["code"], "for_a_person");
    assert_eq!((shop.times_at_extend("P-1"), shop.times_at_extend("P-2")), (1, 0));
}
