//! Prices, customer by customer.

use extend_edge::standin::{CustomerPrice, Fault, FaultMatcher, FaultRule, Times, World};

use crate::support::shop::{PATIENCE, Plan, Shop, files_in};

fn priced(shop: &Shop) -> Vec<(String, i64)> {
    let database = shop.database();
    let mut statement = database
        .prepare("SELECT customer_number, count(*) FROM prices GROUP BY 1 ORDER BY 1")
        .expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

fn open(customers: &str) -> Shop {
    Plan::of(World::generated(30, 1, 4, 7))
        .set("products.details", "false")
        .set("prices.customers", customers)
        .open()
}

#[test]
fn every_customer_has_a_turn_and_one_that_fails_holds_up_nobody() {
    let shop = open("[\"*\"]");
    let matcher = FaultMatcher::to("GET", "ProductPrices").containing("C-00002").times(Times::Always);
    let fault = Fault::Business("The customer is locked.".into());
    shop.extend.push_fault(FaultRule { matcher, fault });
    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let of = |number: &str| (number.to_owned(), 30);
    assert_eq!(priced(&shop), [of("C-00001"), of("C-00003"), of("C-00004")]);
    let (status, _) = shop.status();
    let prices = &status["entities"]["prices"];
    assert_eq!(prices["customersToCome"], 1);
    let error = prices["lastError"].as_str().unwrap_or_default();
    assert!(error.contains("C-00002") && error.contains("locked"), "{error}");
    shop.extend.clear_faults();
    let ran = shop.run(&["sync", "prices"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(priced(&shop).len(), 4);
    // A customer that Extend has no longer has no prices either.
    assert!(shop.extend.world().remove_customer("C-00003"));
    assert_eq!(shop.run(&["sync", "customers", "prices", "--full"]).code, Some(0));
    assert_eq!(priced(&shop), [of("C-00001"), of("C-00002"), of("C-00004")]);
    shop.assert_described(&[]);
}

#[test]
fn a_price_that_changed_or_vanished_reaches_the_changes() {
    let mut shop = open("[\"C-00001\"]");
    let own = CustomerPrice {
        product: "P-000007".into(),
        sales_unit: "Stk".into(),
        from_quantity: 10,
        currency: "SEK".into(),
        price: 3.5,
    };
    shop.extend.world().set_price("C-00001", own.clone());
    shop.start();
    let rows = "SELECT count(*) FROM prices";
    shop.wait_until("the prices", PATIENCE, |shop| shop.number(rows) == Some(31));
    shop.extend.world().remove_price("C-00001", "P-000007");
    shop.extend.world().set_price("C-00001", CustomerPrice { from_quantity: 1, price: 2.25, ..own });
    assert_eq!(shop.run(&["sync", "prices"]).code, Some(0));
    assert_eq!(shop.number(rows), Some(30));
    shop.wait_until("the changes", PATIENCE, |shop| {
        let told: Vec<String> = files_in(&shop.exchange("outgoing/changes"))
            .into_values()
            .map(|bytes| String::from_utf8(bytes).expect("text"))
            .collect();
        told.iter().any(|text| text.contains("2.25"))
            && told.iter().any(|text| {
                let set: serde_json::Value = serde_json::from_str(text).expect("JSON");
                set["removed"].as_array().is_some_and(|keys| !keys.is_empty())
            })
    });
}

#[test]
fn after_a_restore_the_webshop_is_told_all_prices_again() {
    let shop = open("[\"C-00001\"]");
    let cost = |price| {
        shop.extend.world().set_price(
            "C-00001",
            CustomerPrice {
                product: "P-000007".into(),
                sales_unit: "Stk".into(),
                from_quantity: 1,
                currency: "SEK".into(),
                price,
            },
        );
    };
    // What a webshop that reads file after file believes.
    let told = || {
        let mut told = None;
        for bytes in files_in(&shop.exchange("outgoing/changes")).into_values() {
            let set: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            let mut rows = set["rows"].as_array().into_iter().flatten();
            let of =
                |row: &&serde_json::Value| row["product_number"] == "P-000007" && row["price"].is_number();
            told = rows.rfind(of).and_then(|row| row["price"].as_f64()).or(told);
        }
        told
    };
    cost(2.5);
    assert_eq!(shop.run(&["once"]).code, Some(0));
    assert_eq!(told(), Some(2.5));
    let backup = shop.home().join("shop.db").display().to_string();
    assert_eq!(shop.run(&["backup", &backup]).code, Some(0));
    cost(9.75);
    assert_eq!(shop.run(&["sync", "prices"]).code, Some(0));
    assert_eq!(told(), Some(9.75));
    assert_eq!(shop.run(&["restore", &backup]).code, Some(0));
    // Extend says again what the backup says, and the webshop knows the price that came between.
    cost(2.5);
    assert_eq!(shop.run(&["once"]).code, Some(0));
    assert_eq!(told(), Some(2.5));
}
