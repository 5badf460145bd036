//! The built-in mappings: for each a file as the vendor's program writes it, and what it becomes. What is sent is
//! held against the description of the API.
//!
//! `GOLDEN=write cargo test --test it csv::` writes what the files become now; then look at the difference.

mod round_trip;

use std::path::Path;

use extend_edge::config::Config;
use extend_edge::formats::contents::{Contents, Format};
use serde_json::Value;

use crate::support::shop::described;

const SETTINGS: &str =
    "[extend]\nbase_url = \"https://s05.extend.se/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\n";

/// What a shop writes to use a preset.
fn section(preset: &str) -> String {
    let (prices, more) = match preset {
        "shopify" => ("with_vat", ""),
        "woocommerce" => ("without_vat", "fee = { product = \"AVGIFT\", unit = \"ST\" }\n"),
        _ => ("without_vat", "values.orderHeader.paymentType = { checkmo = \"Factoring\" }\n"),
    };
    format!(
        "[csv.shop]\nmatch = \"*.csv\"\npreset = \"{preset}\"\nprices = \"{prices}\"\nutc_offset = \"+01:00\"\n\
         freight = {{ product = \"FRAKT\", unit = \"ST\", vat_percent = 25 }}\n\
         discount = {{ product = \"RABATT\", unit = \"ST\" }}\nround = {{ product = \"AVRUND\", unit = \"ST\" }}\n\
         {more}constants.orderHeader.customerNumber = \"WEBB\"\nconstants.orderRows.salesData.unit = \"ST\"\n\
         defaults.orderRows.salesData.vatPercent = 25\n"
    )
}

#[test]
fn every_preset_makes_what_extend_takes() {
    for preset in ["shopify", "woocommerce", "magento2"] {
        let settings = format!("{SETTINGS}{}", section(preset));
        let config = Config::parse(Path::new("/srv/shop"), &settings, Some("p".into()))
            .unwrap_or_else(|error| panic!("{preset}: {error}"));
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/csv/golden");
        let name = format!("{preset}.csv");
        let bytes = std::fs::read(here.join(&name)).expect("a file");
        let contents = Format::of(&name, &config.csv).expect("a mapping").parse(&bytes);
        let contents = contents.unwrap_or_else(|problems| panic!("{preset}: {problems:?}"));
        let bodies: Vec<Value> = contents
            .parts
            .into_iter()
            .map(|part| part.result.unwrap_or_else(|problems| panic!("{preset}: {problems:?}")).body)
            .collect();
        for body in &bodies {
            let path = "/v1_0/{client}/CustomerOrders";
            let wrong = described().check_request("POST", path, "", body.to_string().as_bytes(), &[]);
            assert!(wrong.is_empty(), "{preset}: {wrong:#?}\n{body:#}");
        }
        let text = format!("{:#}\n", Value::from(bodies));
        let golden = here.join(format!("{preset}.json"));
        if std::env::var_os("GOLDEN").is_some() {
            std::fs::write(&golden, &text).expect("written");
        }
        assert_eq!(text, std::fs::read_to_string(&golden).unwrap_or_default(), "{preset}");
    }
}

fn parse(preset: &str, text: &str) -> Contents {
    let settings = format!("{SETTINGS}{}", section(preset));
    let config = Config::parse(Path::new("/srv/shop"), &settings, Some("p".into()))
        .unwrap_or_else(|error| panic!("{preset}: {error}"));
    let contents = Format::of("orders.csv", &config.csv).expect("a mapping").parse(text.as_bytes());
    contents.unwrap_or_else(|problems| panic!("{preset}: {problems:?}"))
}

fn golden(preset: &str) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/csv/golden");
    std::fs::read_to_string(here.join(format!("{preset}.csv"))).expect("a file")
}

#[test]
fn what_a_webshop_called_off_or_paid_back_is_not_sent() {
    for (preset, status, off, in_part) in [
        ("shopify", ",paid,", ",refunded,", ",partially_refunded,"),
        ("woocommerce", ",processing,", ",cancelled,", ""),
        ("magento2", ";pending;", ";canceled;", ""),
    ] {
        let text = golden(preset);
        let orders = parse(preset, &text).parts.len();
        let contents = parse(preset, &text.replace(status, off));
        // One of Shopify's is paid by invoice, later.
        let taken = usize::from(preset == "shopify");
        assert_eq!((contents.parts.len(), contents.left_out.len()), (taken, orders - taken), "{preset}");
        if in_part.is_empty() {
            continue;
        }
        let parts = parse(preset, &text.replace(status, in_part)).parts;
        let for_a_person = parts.iter().filter_map(|part| part.result.as_ref().err());
        let codes: Vec<&str> = for_a_person.map(|problems| problems[0].code()).collect();
        assert_eq!(codes, vec!["for_a_person"; orders - taken], "{preset}");
    }
}

#[test]
fn the_variant_of_a_configurable_product_is_one_article() {
    let text = golden("magento2");
    let bodies = |contents: Contents| -> Vec<Value> {
        contents.parts.into_iter().map(|part| part.result.expect("an order").body).collect()
    };
    let mut lines = text.lines();
    let mut doubled = format!("{};parent_item_id\n", lines.next().expect("a header line"));
    for line in lines {
        let (rest, vat) = line.rsplit_once(';').expect("cells");
        let (rest, _) = rest.rsplit_once(';').expect("cells");
        // Magento lists the variant below it, for nothing.
        doubled.push_str(&format!("{line};\n{rest};0.0000;{vat};17\n"));
    }
    assert_eq!(bodies(parse("magento2", &doubled)), bodies(parse("magento2", &text)));
}
