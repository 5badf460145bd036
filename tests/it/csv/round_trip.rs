//! Random orders, written as CSV in every dialect, come out the same.

use std::path::Path;

use extend_edge::config::Config;
use extend_edge::formats::contents::Format;
use extend_edge::formats::csv::cell::money;
use extend_edge::formats::csv::mapping::Mapping;
use extend_edge::formats::json::Completeness;
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

#[derive(Debug, Clone)]
struct Order {
    name: String,
    city: String,
    notes: String,
    freight: Decimal,
    rows: Vec<OrderRow>,
}

#[derive(Debug, Clone)]
struct OrderRow {
    product: String,
    quantity: Decimal,
    price: Decimal,
    vat: u8,
}

#[derive(Debug, Clone)]
struct Dialect {
    delimiter: char,
    encoding: Encoding,
    decimal: char,
    thousands: Option<char>,
    quoting: Quoting,
    line_end: &'static str,
    first_row: bool,
    with_vat: bool,
    /// Whether the settings say how the file is written, or it has to be found.
    is_given: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Encoding {
    Utf8,
    Utf8Marked,
    Utf16,
    Windows1252,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Quoting {
    Always,
    WhereNeeded,
}

/// Text as a cell holds it: without space at its ends, and with all that makes CSV hard.
fn text(encoding: Encoding) -> impl Strategy<Value = String> {
    let letters = match encoding {
        Encoding::Windows1252 => "[a-zåäöÅÄÖéß0-9 \"';,.|\t\n]{0,12}",
        _ => "[a-zåäöÅÄÖé€ł☃😀0-9 \"';,.|\t\n]{0,12}",
    };
    // What spreadsheets put before numbers is no part of a cell.
    letters.prop_map(|text| {
        text.trim_end().trim_start_matches(|letter: char| letter == '\'' || letter.is_whitespace()).to_owned()
    })
}

fn decimal(most: i64, scale: u32) -> impl Strategy<Value = Decimal> {
    (1..most).prop_map(move |number| Decimal::new(number, scale))
}

fn orders(encoding: Encoding) -> impl Strategy<Value = Vec<Order>> {
    let row = (
        "[A-Z0-9-]{1,8}",
        decimal(99_999, 2),
        decimal(9_999_999, 4),
        prop::sample::select(vec![0u8, 6, 12, 25]),
    )
        .prop_map(|(product, quantity, price, vat)| OrderRow {
            product: format!("P{product}"),
            quantity,
            price,
            vat,
        });
    let order =
        (text(encoding), text(encoding), text(encoding), 0i64..10_000, prop::collection::vec(row, 1..5))
            .prop_map(|(name, city, notes, freight, rows)| Order {
                name,
                city,
                notes,
                freight: Decimal::new(freight, 2),
                rows,
            });
    prop::collection::vec(order, 1..6)
}

fn cases() -> impl Strategy<Value = (Dialect, Vec<Order>)> {
    use prop::sample::select;
    let dialect = (
        select(vec![';', ',', '\t', '|']),
        select(vec![Encoding::Utf8, Encoding::Utf8Marked, Encoding::Utf16, Encoding::Windows1252]),
        select(vec![
            ('.', None),
            ('.', Some(',')),
            (',', None),
            (',', Some('.')),
            (',', Some(' ')),
            (',', Some('\u{a0}')),
        ]),
        select(vec![Quoting::Always, Quoting::WhereNeeded]),
        select(vec!["\n", "\r\n", "\r"]),
        any::<(bool, bool, bool)>(),
    );
    let dialect = dialect.prop_map(
        |(delimiter, encoding, (decimal, thousands), quoting, line_end, (first_row, with_vat, is_given))| {
            Dialect {
                delimiter,
                encoding,
                decimal,
                thousands,
                quoting,
                line_end,
                first_row,
                with_vat,
                is_given,
            }
        },
    );
    dialect.prop_flat_map(|dialect| {
        let orders = orders(dialect.encoding);
        (Just(dialect), orders)
    })
}

fn mapping(dialect: &Dialect) -> Mapping {
    let given = match (dialect.is_given, dialect.encoding) {
        (false, _) => String::new(),
        (true, encoding) => {
            let encoding = match encoding {
                Encoding::Utf8 | Encoding::Utf8Marked => "utf-8",
                Encoding::Utf16 => "utf-16",
                Encoding::Windows1252 => "windows-1252",
            };
            format!("encoding = \"{encoding}\"\ndelimiter = {}\n", Value::from(dialect.delimiter.to_string()))
        }
    };
    let settings = format!(
        "[extend]\nbase_url = \"https://s05.extend.se/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\n\
         [csv.x]\nmatch = \"*\"\n{given}decimal = \"{}\"\norder_fields = \"{}\"\nprices = \"{}\"\n\
         freight = {{ product = \"F\", unit = \"ST\", vat_percent = 25 }}\nround = {{ product = \"R\", unit = \"ST\" }}\n\
         [csv.x.columns]\ntotal = \"Total\"\nfreight = \"Frakt\"\norderHeader.orderNumberExternal = \"Order\"\n\
         orderHeader.yourReference = \"Namn\"\norderHeader.notations.shippingMark = \"Ort\"\n\
         orderHeader.notations.notes = \"Notering\"\norderRows.product.productNumber = \"Artikel\"\n\
         orderRows.salesData.quantity = \"Antal\"\norderRows.salesData.unitPrice = \"Pris\"\n\
         orderRows.salesData.vatPercent = \"Moms\"\n[csv.x.constants]\norderRows.salesData.unit = \"ST\"\n",
        dialect.decimal,
        if dialect.first_row { "first_row" } else { "every_row" },
        if dialect.with_vat { "with_vat" } else { "without_vat" },
    );
    let config = Config::parse(Path::new("/srv/shop"), &settings, Some("p".into()));
    config.unwrap_or_else(|error| panic!("{error}")).csv.remove(0)
}

/// What an order costs with VAT.
fn total(order: &Order, with_vat: bool) -> Decimal {
    let gross = |amount: Decimal, vat: u8| match with_vat {
        true => amount,
        false => amount * (Decimal::ONE + Decimal::from(vat) / Decimal::ONE_HUNDRED),
    };
    let rows = order.rows.iter().map(|row| gross(row.price * row.quantity, row.vat));
    rows.sum::<Decimal>() + gross(order.freight, 25)
}

fn write(orders: &[Order], dialect: &Dialect) -> Vec<u8> {
    let number = |number: Decimal| {
        let text = number.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 {
                grouped.extend(dialect.thousands);
            }
            grouped.push(digit);
        }
        if fraction.is_empty() { grouped } else { format!("{grouped}{}{fraction}", dialect.decimal) }
    };
    let head = ["Order", "Namn", "Ort", "Notering", "Artikel", "Antal", "Pris", "Moms", "Frakt", "Total"];
    let mut rows = vec![head.map(String::from).to_vec()];
    for (at, order) in orders.iter().enumerate() {
        for (index, row) in order.rows.iter().enumerate() {
            let of_order = index == 0 || !dialect.first_row;
            let text = |text: &str| if of_order { text.to_owned() } else { String::new() };
            rows.push(vec![
                text(&format!("W-{at}")),
                text(&order.name),
                text(&order.city),
                text(&order.notes),
                row.product.clone(),
                number(row.quantity),
                number(row.price),
                row.vat.to_string(),
                text(&number(order.freight)),
                text(&number(money(total(order, dialect.with_vat)))),
            ]);
        }
    }
    let mut file = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| {
                let is_hard = cell.contains([dialect.delimiter, '"', '\n', '\r']);
                match dialect.quoting == Quoting::Always || is_hard {
                    true => format!("\"{}\"", cell.replace('"', "\"\"")),
                    false => cell.clone(),
                }
            })
            .collect();
        file.push_str(&cells.join(&dialect.delimiter.to_string()));
        file.push_str(dialect.line_end);
    }
    match dialect.encoding {
        Encoding::Utf8 => file.into_bytes(),
        Encoding::Utf8Marked => format!("\u{feff}{file}").into_bytes(),
        Encoding::Utf16 => format!("\u{feff}{file}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252.encode(&file).0.into_owned(),
    }
}

fn read_number(value: &Value) -> Decimal {
    value.to_string().parse().unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn check(dialect: &Dialect, orders: &[Order]) {
    let bytes = write(orders, dialect);
    let mapping = mapping(dialect);
    let format = Format::Csv(&mapping);
    assert_eq!(format.completeness(&bytes), Completeness::LineEnded);
    let contents = format.parse(&bytes).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(contents.parts.len(), orders.len());
    for ((at, order), part) in orders.iter().enumerate().zip(&contents.parts) {
        let body = &part.result.as_ref().unwrap_or_else(|problems| panic!("{problems:?}")).body;
        let header = &body["orderHeader"];
        assert_eq!(header["orderNumberExternal"], format!("W-{at}"));
        for (value, text) in [
            (&header["yourReference"], &order.name),
            (&header["notations"]["shippingMark"], &order.city),
            (&header["notations"]["notes"], &order.notes),
        ] {
            assert_eq!(value.as_str().unwrap_or_default(), text);
        }
        let rows = body["orderRows"].as_array().expect("rows");
        let mut sent = Decimal::ZERO;
        for (at, made) in rows.iter().enumerate() {
            let sales = &made["salesData"];
            let [quantity, price, vat] =
                ["quantity", "unitPrice", "vatPercent"].map(|name| read_number(&sales[name]));
            assert!(price.normalize().scale() <= 4);
            sent += quantity * price * (Decimal::ONE + vat / Decimal::ONE_HUNDRED);
            let Some(row) = order.rows.get(at) else {
                assert!(["Freight", "Round"].contains(&made["supplyMode"].as_str().expect("a mode")));
                continue;
            };
            assert_eq!(made["product"]["productNumber"], row.product);
            assert_eq!((quantity, vat), (row.quantity, Decimal::from(row.vat)));
            let net = match dialect.with_vat {
                true => row.price / (Decimal::ONE + Decimal::from(row.vat) / Decimal::ONE_HUNDRED),
                false => row.price,
            };
            assert_eq!(price, net.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero));
        }
        // To the hundredth: what rounding left was added as a row.
        let off = (sent - money(total(order, dialect.with_vat))).abs();
        assert!(off <= Decimal::new(5, 3), "{off} is lost");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn what_is_written_in_any_dialect_comes_out_the_same((dialect, orders) in cases()) {
        check(&dialect, &orders);
    }
}
