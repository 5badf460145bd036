//! The built-in mappings: for each a file as the vendor's program writes it, and what it becomes. What is sent is
//! held against the description of the API.
//!
//! `GOLDEN=write cargo test --test it csv::` writes what the files become now; then look at the difference.

mod round_trip;

use std::path::Path;

use extend_edge::config::Config;
use extend_edge::formats::contents::Format;
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
