//! UBL orders: whatever the bytes are, nothing breaks, half a file is never taken, and what is taken is an order
//! as Extend describes it.

use extend_edge::formats::contents::Format;
use extend_edge::formats::json::Completeness;
use extend_edge::formats::problem::Language;
use extend_edge::formats::ubl::mapping::{Article, Mapping};
use extend_edge::formats::ubl::{Known, Order};

pub fn run(data: &[u8]) {
    let article = || Some(Article { product: "A".into(), unit: "Stk".into() });
    let mapping = Mapping {
        customer: Some("C".into()),
        allowance: article(),
        charge: article(),
        round: article(),
        ..Mapping::default()
    };
    let seen = Format::Ubl.completeness(data);
    let order = match Order::read(data) {
        Ok(order) => order,
        Err(problems) => return told(&problems),
    };
    assert_ne!(seen, Completeness::Broken, "a tree was made of it");
    let _ = order.wanted();
    match order.document(&mapping, &Known::default()) {
        Err(problems) => told(&problems),
        Ok(document) => {
            let rows = document.body["orderRows"].as_array().expect("rows");
            assert!(!rows.is_empty() && document.key.is_some() && document.customer_number.is_some());
            for warning in &document.warnings {
                assert!(!warning.message(Language::Swedish).is_empty());
            }
            // The same bytes make the same order.
            let again = Order::read(data).expect("it").document(&mapping, &Known::default()).expect("it");
            assert_eq!(again.content_hash, document.content_hash);
        }
    }
}

fn told(problems: &[extend_edge::formats::problem::Problem]) {
    assert!(!problems.is_empty(), "what is not taken has a reason");
    for problem in problems {
        for language in [Language::English, Language::Swedish] {
            assert!(!problem.message(language).is_empty());
        }
    }
}
