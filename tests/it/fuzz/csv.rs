//! Files of orders as CSV, with mappings of every kind. The first byte of an input chooses the mapping.

use std::sync::OnceLock;

use extend_edge::config::read_mappings;
use extend_edge::formats::contents::{Contents, Format, Shape};
use extend_edge::formats::csv::guess;
use extend_edge::formats::csv::mapping::Mapping;
use extend_edge::formats::json::Completeness;
use extend_edge::formats::problem::{Language, Problem};
use extend_edge::formats::receipt::{error_json, part_problems_json};

const SHOP: &str = "decimal = \",\"\nprices = \"with_vat\"\ndates = [\"%Y-%m-%d\", \"%d.%m.%Y\"]\n\
    columns = { total = \"Summa\", freight = \"Frakt\", discount = \"Rabatt\", \
    orderHeader.orderNumberExternal = \"Order\", orderHeader.customerNumber = \"Kund\", \
    orderHeader.orderDate = \"Datum\", orderHeader.paymentType = \"Betalsätt\", \
    orderHeader.deliveryAddress.name1 = \"Namn\", orderHeader.deliveryAddress.address1 = \"Gata\", \
    orderHeader.deliveryAddress.city = \"Ort\", orderHeader.deliveryAddress.countryCode = \"Land\", \
    orderRows.product.productNumber = \"Artikel\", orderRows.salesData.quantity = \"Antal\", \
    orderRows.salesData.unitPrice = \"Pris\", orderRows.salesData.vatPercent = \"Moms\" }\n\
    defaults = { orderHeader.customerNumber = \"WEBB\" }\nvalues.orderHeader.paymentType = { Faktura = \"Billing\" }\n";

fn mappings() -> &'static [Mapping] {
    static ALL: OnceLock<Vec<Mapping>> = OnceLock::new();
    ALL.get_or_init(|| {
        let more = "match = \"*\"\nfreight = { product = \"F\", unit = \"ST\" }\n\
                    discount = { product = \"D\", unit = \"ST\" }\nround = { product = \"R\", unit = \"ST\" }\n\
                    constants.orderRows.salesData.unit = \"ST\"\n";
        let preset = |name: &str, prices: &str| {
            format!(
                "preset = \"{name}\"\nprices = \"{prices}\"\ndefaults.orderRows.salesData.vatPercent = 25\n\
                 defaults.orderHeader.customerNumber = \"WEBB\"\n"
            )
        };
        let first_row = format!("order_fields = \"first_row\"\n{SHOP}").replace("with_vat", "without_vat");
        let conditions = format!(
            "same_address = true\nskip = {{ Ort = \"*\" }}\nreject = {{ Rabatt = \"*\" }}\nskip_rows = {{ Namn = [\"-\", \"x\"] }}\n{SHOP}"
        );
        let conditions = conditions.replace("discount = \"Rabatt\"", "vat_total = \"Rabatt\", freight_vat = \"Datum\"");
        let sections = [
            SHOP.to_owned(),
            preset("shopify", "with_vat"),
            preset("woocommerce", "without_vat"),
            preset("magento2", "without_vat"),
            first_row,
            conditions,
        ];
        let text: String =
            sections.iter().enumerate().map(|(at, section)| format!("[csv.m{at}]\n{more}{section}\n")).collect();
        read_mappings(&text).unwrap_or_else(|problems| panic!("{problems:?}"))
    })
}

pub fn run(data: &[u8]) {
    let Some((choice, file)) = data.split_first() else { return };
    let mapping = &mappings()[usize::from(choice.wrapping_sub(b'a')) % mappings().len()];
    let format = Format::Csv(mapping);
    let seen = format.completeness(file);
    match format.parse(file) {
        Ok(contents) => {
            assert_eq!(seen, Completeness::LineEnded, "what is taken is whole");
            each_stands_for_itself(format, &contents, file);
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a file that is not taken has a reason");
            told(&problems);
        }
    }
    // Whatever a file holds, what is guessed of it is a section that the settings take.
    if let Ok(guess) = guess::look(file) {
        let text = guess.settings("x y", "orders-1.csv", true, Language::Swedish);
        read_mappings(&text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    }
}

fn told(problems: &[Problem]) {
    for problem in problems {
        for language in [Language::English, Language::Swedish] {
            assert!(!problem.message(language).is_empty());
        }
    }
}

fn each_stands_for_itself(format: Format<'_>, contents: &Contents, file: &[u8]) {
    let left_out = contents.left_out.iter().map(|one| one.position);
    let mut positions: Vec<usize> = contents.parts.iter().map(|part| part.position).chain(left_out).collect();
    positions.sort_unstable();
    assert!(positions.iter().copied().eq(1..=positions.len()), "every order has its place");
    for one in &contents.left_out {
        assert!(!one.message(Language::Swedish).is_empty());
    }
    let mut bad: Vec<(usize, Vec<Problem>)> = Vec::new();
    for (place, part) in contents.parts.iter().enumerate() {
        match &part.result {
            Ok(document) => assert_eq!(document.key, part.key, "an order is taken with its number"),
            Err(problems) => {
                assert!(!problems.is_empty());
                told(problems);
                let is_for_a_person = problems.iter().all(|problem| problem.code() == "for_a_person");
                assert_eq!(part.repeats.is_some(), is_for_a_person, "{problems:?}");
                bad.push((place, problems.clone()));
            }
        }
    }
    if bad.is_empty() {
        return;
    }
    let aside = contents.set_aside(file, &bad);
    let json = error_json("f", &part_problems_json(&aside.problems, Language::English));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["documents"].as_array().map(Vec::len), Some(bad.len()), "each is named");
    // What was set aside is the same orders, with the same to say about them, and no others.
    let again = format.parse(&aside.bytes).unwrap_or_else(|problems| panic!("{problems:?}"));
    let encoding = |contents: &Contents| match &contents.shape {
        Shape::Rows { encoding, .. } => *encoding,
        _ => panic!("rows"),
    };
    if encoding(&again) != encoding(contents) && !aside.bytes.is_ascii() {
        // Some bytes of Windows-1252 are UTF-8 by chance, once the others are gone.
        return;
    }
    assert_eq!(again.parts.len(), bad.len());
    let mut told: Vec<Problem> =
        again.parts.iter().flat_map(|part| part.result.clone().expect_err("bad")).collect();
    let mut expected: Vec<Problem> = aside.problems.iter().map(|part| part.problem.clone()).collect();
    for problems in [&mut told, &mut expected] {
        problems.sort_by_key(|problem| (problem.line, format!("{problem:?}")));
    }
    assert_eq!(told, expected);
}
