//! Orders and returns are followed to their end, and what was delivered is held against Extend's list.

use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::shop::{PATIENCE, Plan, Shop, order, return_of};

fn codes(shop: &Shop) -> Vec<(String, i64)> {
    let (status, _) = shop.status();
    let needs = status["needsPerson"].as_array().expect("a list").iter();
    let mut codes: Vec<(String, i64)> = needs
        .map(|one| {
            let code = one["code"].as_str().expect("a code").to_owned();
            (code, one["item"].as_i64().unwrap_or_default())
        })
        .collect();
    codes.sort();
    codes
}

fn number(receipt: &Value) -> String {
    receipt["extendNumber"].as_str().expect("a number").to_owned()
}

#[test]
fn an_order_that_is_missing_or_twice_at_extend_is_named() {
    let mut shop = Plan::sample().open();
    shop.start();
    for key in ["REC-1", "REC-2", "REC-3"] {
        shop.drop_json(&format!("{key}.json"), &order(key, "Product-123", 1));
    }
    let [lost, twice, fine] =
        ["REC-1.json", "REC-2.json", "REC-3.json"].map(|name| shop.wait_state(name, "delivered"));
    assert_eq!(shop.run(&["sync", "orders", "--full"]).code, Some(0));
    assert_eq!(codes(&shop), []);

    assert!(shop.extend.world().remove_order(&number(&lost)));
    let again = Api::of(&shop.extend).post("CustomerOrders", &order("REC-2", "Product-123", 1)).json();
    let other = again["orderHeader"]["orderNumber"].as_str().expect("a number").to_owned();
    // An order of another customer with the same number is another shop's.
    let mut foreign = order("REC-3", "Product-123", 1);
    foreign["orderHeader"]["customerNumber"] = json!("3");
    assert_eq!(Api::of(&shop.extend).post("CustomerOrders", &foreign).status, 200);
    assert_eq!(shop.run(&["sync", "orders", "--full"]).code, Some(0));
    let id = |receipt: &Value| receipt["id"].as_i64().expect("an id");
    let expected = [("missing_at_extend".to_owned(), id(&lost)), ("twice_at_extend".to_owned(), id(&twice))];
    shop.wait_until("both are named", PATIENCE, |shop| codes(shop) == expected);
    let text = shop.run(&["status"]);
    assert_eq!(text.code, Some(3));
    for part in ["REC-1", "REC-2", &number(&lost), &other] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    assert!(!text.stdout.contains(&number(&fine)), "{}", text.stdout);

    assert!(shop.extend.world().annul(&other));
    assert_eq!(shop.run(&["sync", "orders", "--full"]).code, Some(0));
    shop.wait_until("the double is annulled", PATIENCE, |shop| codes(shop) == expected[..1]);
    shop.assert_described(&[]);
}

#[test]
fn a_return_is_followed_until_it_is_finished() {
    let mut shop = Plan::sample().set("orders.every_seconds", "1").open();
    shop.start();
    shop.drop_json("return.json", &return_of("RET-9"));
    let sent = shop.wait_state("return.json", "delivered");
    let status = |shop: &Shop| -> Vec<(String, String)> {
        let database = shop.database();
        let mut statement =
            database.prepare("SELECT return_number, status FROM returns ORDER BY 1").expect("a statement");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    };
    let number = number(&sent);
    assert_eq!(status(&shop), [(number.clone(), "Ordered".to_owned())]);
    // A return that somebody else made is none of ours.
    let foreign = Api::of(&shop.extend).post("ReturnOrders", &return_of("OTHER"));
    assert_eq!(foreign.status, 200);
    shop.extend.forget_requests();
    let lists =
        |shop: &Shop| shop.requests("GET", "ReturnOrders").iter().filter(|one| one.id.is_none()).count();
    shop.wait_until("two rounds", PATIENCE, |shop| lists(shop) >= 5);
    assert!(shop.extend.world().receive_return(&number));
    shop.wait_until("it was received", PATIENCE, |shop| {
        status(shop) == [(number.clone(), "Received".to_owned())]
    });
    let details =
        |shop: &Shop| shop.requests("GET", "ReturnOrders").iter().filter(|one| one.id.is_some()).count();
    shop.wait_until("its record was fetched", PATIENCE, |shop| details(shop) > 0);
    let before = lists(&shop);
    shop.wait_until("more rounds", PATIENCE, |shop| lists(shop) >= before + 5);
    assert_eq!(
        details(&shop),
        1,
        "whichever list showed it first, its record is fetched once, when it is finished"
    );
    shop.assert_described(&[]);
}
