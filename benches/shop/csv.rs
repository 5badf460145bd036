//! A CSV file of 100,000 order rows, beside a loop that reads it with the csv crate and inserts the rows.

use std::fmt::Write as _;
use std::time::Instant;

use extend_edge::formats::contents::Format;
use rusqlite::Connection;

use super::Shop;

const ROWS: usize = 100_000;
const ROWS_OF_AN_ORDER: usize = 4;

const SETTINGS: &str = "[exchange]\nsettle_ms = 1\n[log]\nlevel = \"warn\"\n\
    [csv.shop]\nmatch = \"orders*.csv\"\ndecimal = \",\"\nprices = \"with_vat\"\n\
    freight = { product = \"FRAKT\", unit = \"ST\", vat_percent = 25 }\nround = { product = \"AVRUND\", unit = \"ST\" }\n\
    [csv.shop.columns]\ntotal = \"Summa\"\nfreight = \"Frakt\"\norderHeader.orderNumberExternal = \"Ordernr\"\n\
    orderHeader.orderDate = \"Datum\"\norderHeader.deliveryAddress.name1 = [\"Förnamn\", \"Efternamn\"]\n\
    orderHeader.deliveryAddress.address1 = \"Gata\"\norderHeader.deliveryAddress.postalCode = \"Postnr\"\n\
    orderHeader.deliveryAddress.city = \"Ort\"\norderHeader.paymentType = \"Betalning\"\n\
    orderRows.product.productNumber = \"Artikel\"\norderRows.salesData.quantity = \"Antal\"\n\
    orderRows.salesData.unitPrice = \"Pris\"\norderRows.salesData.vatPercent = \"Moms\"\n\
    [csv.shop.constants]\norderHeader.customerNumber = \"WEBB\"\n\
    orderHeader.deliveryAddress.countryCode = \"SE\"\norderRows.salesData.unit = \"ST\"\n\
    [csv.shop.values]\norderHeader.paymentType = { Faktura = \"Billing\" }\n";

/// From the file in the inbox to its orders in the outbox, and then to its original in accepted/.
pub fn take_in_rows() {
    let file = file();
    let shop = Shop::open(SETTINGS);
    shop.extend.cut_off();
    std::fs::write(shop.config.inbox().join("orders.csv"), &file).expect("a file");
    let orders = (ROWS / ROWS_OF_AN_ORDER) as i64;
    let began = Instant::now();
    let agent = shop.start();
    shop.wait(|| shop.number("SELECT max(id) FROM outbox") == orders);
    let ours = began.elapsed().as_secs_f64();
    shop.wait(|| shop.number("SELECT count(*) FROM files WHERE moved = 1") == 1);
    let moved = began.elapsed().as_secs_f64();
    drop(agent);

    let began = Instant::now();
    let format = Format::of("orders.csv", &shop.config.csv).expect("a mapping");
    assert_eq!(format.parse(&file).expect("orders").parts.len() as i64, orders);
    let parsing = began.elapsed().as_secs_f64();

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("orders.csv");
    std::fs::write(&path, &file).expect("a file");
    let bare = bare_loop(&path, &folder.path().join("bare.db"));
    println!(
        "a CSV of {ROWS} order rows ({} MB, {orders} orders): in the outbox after {ours:.2} s, its original moved \
         after {moved:.2} s ({parsing:.2} s of it is mapping the rows); a bare loop with the csv crate that inserts \
         them: {bare:.2} s; {:.2} of its speed",
        file.len() / 1_000_000,
        bare / ours
    );
}

fn file() -> Vec<u8> {
    let mut text =
        "Ordernr;Datum;Förnamn;Efternamn;Gata;Postnr;Ort;Betalning;Artikel;Antal;Pris;Moms;Frakt;Summa\r\n"
            .to_owned();
    for row in 0..ROWS {
        let (order, index) = (row / ROWS_OF_AN_ORDER, row % ROWS_OF_AN_ORDER);
        // 1 + 2 + 3 + 4 at 49.90, and the freight.
        let _ = write!(
            text,
            "W-{order};2026-11-25;Åsa;Öberg;Storgatan {index};903 26;Umeå;Faktura;P-{:05};{};49,90;25;49,00;548,00\r\n",
            row % 10_000,
            index + 1
        );
    }
    // The street is the order's.
    let text = ["Storgatan 1;", "Storgatan 2;", "Storgatan 3;"]
        .iter()
        .fold(text, |text, street| text.replace(street, "Storgatan 0;"));
    text.into_bytes()
}

/// Reads, inserts, commits once: what any program must do.
fn bare_loop(path: &std::path::Path, database: &std::path::Path) -> f64 {
    let began = Instant::now();
    let connection = Connection::open(database).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE order_rows (id INTEGER PRIMARY KEY, order_number TEXT, order_date TEXT, first_name TEXT,
                 last_name TEXT, street TEXT, postal_code TEXT, city TEXT, payment TEXT, product TEXT,
                 quantity TEXT, price TEXT, vat TEXT, freight TEXT, total TEXT);
             CREATE INDEX order_rows_number ON order_rows(order_number);
             BEGIN IMMEDIATE",
        )
        .expect("a schema");
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_path(path).expect("a file");
    let mut insert = connection
        .prepare(
            "INSERT INTO order_rows (order_number, order_date, first_name, last_name, street, postal_code, city,
                 payment, product, quantity, price, vat, freight, total)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )
        .expect("a statement");
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).expect("a row") {
        insert.execute(rusqlite::params_from_iter(&record)).expect("inserted");
    }
    connection.execute_batch("COMMIT").expect("commit");
    began.elapsed().as_secs_f64()
}
