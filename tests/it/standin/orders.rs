//! Orders: created, changed, cancelled, picked, and asked about.

use serde_json::{Value, json};

use super::{look_up, order, sample};

#[test]
fn an_order_gets_a_number_and_comes_back_whole() {
    let (standin, api) = sample();
    let mut sent = order("W-1", "Product-123", 2);
    sent["orderHeader"]["ourOwnField"] = json!({"kept": [1, null]});
    sent["orderRows"][0]["salesData"]["unitPrice"] = serde_json::from_str("10.50").expect("a number");
    let answer = api.post("CustomerOrders", &sent);
    assert_eq!(answer.status, 200);
    let created = answer.json();
    assert_eq!(created["orderHeader"]["orderNumber"], "OC-1001");
    assert_eq!(created["orderHeader"]["orderStatus"], "Created");
    assert_eq!(created["orderHeader"]["ourOwnField"], sent["orderHeader"]["ourOwnField"]);
    assert_eq!(created["orderRows"][0]["position"], 10);
    assert_eq!(created["orderRows"][0]["salesData"]["unitPrice"].to_string(), "10.50", "as it was written");
    assert_eq!(api.get("CustomerOrders/OC-1001").json(), created);
    let world = standin.world();
    let stored = world.orders_by_external("W-1");
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].posted(), sent);
    assert_eq!(stored[0].posted_bytes, sent.to_string().into_bytes());
}

#[test]
fn where_no_price_is_given_it_is_the_customers_best() {
    let (_standin, api) = sample();
    let price = |quantity| {
        let created = api.post("CustomerOrders", &order("W", "Product-123", quantity)).json();
        created["orderRows"][0]["salesData"]["unitPrice"].as_f64()
    };
    assert_eq!(price(1), Some(699.0));
    assert_eq!(price(10), Some(649.5));
}

#[test]
fn business_errors_say_what_is_wrong() {
    let (standin, api) = sample();
    let refused = |edit: &dyn Fn(&mut Value), words: &str| {
        let mut sent = order("W-1", "8010", 1);
        edit(&mut sent);
        let answer = api.post("CustomerOrders", &sent);
        assert_eq!(answer.status, 400, "{words}");
        assert!(answer.message().contains(words), "{}", answer.message());
    };
    refused(
        &|order| order["orderHeader"]["customerNumber"] = json!("nobody"),
        "Customer with customer number",
    );
    refused(&|order| order["orderRows"][0]["product"]["productNumber"] = json!("nothing"), "'nothing'");
    refused(&|order| order["orderRows"] = json!([]), "no rows");
    refused(&|order| order["orderRows"][0]["salesData"] = json!({}), "no quantity");
    refused(&|order| order["orderHeader"]["askedDeliveryDate"] = json!("soon"), "askedDeliveryDate");
    assert_eq!(standin.world().order_count(), 1, "only the one that was there before");
}

#[test]
fn the_same_external_number_makes_a_second_order() {
    let (standin, api) = sample();
    for _ in 0..2 {
        assert_eq!(api.post("CustomerOrders", &order("W-1", "8010", 1)).status, 200);
    }
    assert_eq!(standin.world().orders_by_external("W-1").len(), 2);
    let found = api.get(&look_up("W-1")).json();
    let numbers: Vec<&str> =
        found.as_array().expect("a list").iter().filter_map(|row| row["orderNumber"].as_str()).collect();
    assert_eq!(numbers, ["OC-1001", "OC-1002"]);
    assert_eq!(api.get(&look_up("W-2")).json(), json!([]));
}

#[test]
fn an_order_takes_from_the_balances_and_gives_back_when_annulled() {
    let (standin, api) = sample();
    let available = |number: &str| {
        standin.world().product(number).and_then(|known| Some(known.balance("MainWarehouse")?.available))
    };
    let before = standin.world().product("8010").expect("a product").balances[0].changed;
    assert_eq!(available("8010"), Some(9000));
    api.post("CustomerOrders", &order("W-1", "8010", 41));
    assert_eq!(available("8010"), Some(8959));
    assert!(standin.world().product("8010").expect("a product").balances[0].changed > before);
    // A bill of materials takes what it holds: 3 packs of 3 biscuits, 3 boxes of 4 toffees.
    let mut gift = order("W-2", "ChristmasGift-1", 3);
    gift["orderRows"][0]["salesData"]["unit"] = json!("FRP");
    let created = api.post("CustomerOrders", &gift).json();
    assert_eq!(created["orderRows"].as_array().map(Vec::len), Some(1), "the parent alone");
    assert_eq!((available("GingerBread"), available("Toffee")), (Some(216), Some(388)));
    assert_eq!(api.delete("CustomerOrders/OC-1002").status, 200);
    assert_eq!((available("GingerBread"), available("Toffee")), (Some(225), Some(400)));
    assert_eq!(api.delete("CustomerOrders/OC-1002").status, 400, "annulled already");
    assert_eq!(api.delete("CustomerOrders/OC-9").status, 404);
}

#[test]
fn a_row_is_cancelled_by_warehouse_test_and_added_without_it() {
    let (_standin, api) = sample();
    api.post("CustomerOrders", &order("W-1", "Product-123", 2));
    let inactive = |warehouse: Value| {
        json!({"orderHeader": {}, "orderRows": [{
            "position": 10, "subPosition": 0, "rowOperation": "Inactive", "warehouse": warehouse,
            "product": {"productNumber": "Product-123"}, "salesData": {"quantity": 2, "unit": "Stk"},
        }]})
    };
    let statuses = || {
        let rows = api.get("CustomerOrders/OC-1001").json()["orderRows"].take();
        rows.as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                (
                    row["position"].as_i64().unwrap_or(0),
                    row["orderRowStatus"].as_str().unwrap_or("").to_owned(),
                )
            })
            .collect::<Vec<_>>()
    };
    let of = |position, status: &str| (position, status.to_owned());
    assert_eq!(api.put("CustomerOrders/OC-1001", &inactive(json!("MainWarehouse"))).status, 200);
    assert_eq!(statuses(), [of(10, "Created"), of(20, "Annulled")]);
    assert_eq!(api.put("CustomerOrders/OC-1001", &inactive(json!("TEST"))).status, 200);
    assert_eq!(statuses(), [of(10, "Annulled"), of(20, "Annulled")]);
}

#[test]
fn a_change_is_laid_over_header_and_rows() {
    let (standin, api) = sample();
    api.post("CustomerOrders", &order("W-1", "8010", 2));
    let mut change = order("W-1", "8010", 5);
    change["orderHeader"]["yourReference"] = json!("Åsa");
    change["orderRows"][0]["position"] = json!(10);
    change["orderRows"].as_array_mut().expect("rows").push(json!({
        "product": {"productNumber": "8011"}, "salesData": {"quantity": 7, "unit": "ST"}, "warehouse": "MainWarehouse",
    }));
    let answer = api.put("CustomerOrders/OC-1001", &change);
    assert_eq!((answer.status, answer.json()["Information"].is_null()), (200, true));
    let after = api.get("CustomerOrders/OC-1001").json();
    assert_eq!(after["orderHeader"]["yourReference"], "Åsa");
    assert_eq!(after["orderRows"][0]["salesData"]["quantity"], 5);
    assert_eq!(after["orderRows"][0]["deliveryData"]["quantity"], 5);
    assert_eq!(after["orderRows"][1]["position"], 20);
    assert_eq!(standin.world().product("8010").expect("a product").balances[0].available, 8995);
    assert_eq!(api.put("CustomerOrders/OC-9", &change).status, 404);
    standin.world().reserve("OC-1001");
    let refused = api.put("CustomerOrders/OC-1001", &change);
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("reserved"));
    assert_eq!(api.delete("CustomerOrders/OC-1001").status, 400);
}

#[test]
fn a_pick_can_be_partial_and_come_several_times() {
    let (standin, api) = sample();
    let mut sent = order("W-1", "8010", 4);
    sent["orderRows"].as_array_mut().expect("rows").push(json!({
        "product": {"productNumber": "8011"}, "salesData": {"quantity": 7, "unit": "ST"}, "warehouse": "MainWarehouse",
    }));
    api.post("CustomerOrders", &sent);
    let status = || api.get("CustomerOrders/OC-1001").json()["orderHeader"]["orderStatus"].clone();
    assert!(standin.world().pick("OC-1001", &[10], true));
    assert_eq!(status(), "PartiallyDelivered");
    assert_eq!(standin.world().order("OC-1001").expect("the order").rows().len(), 3);
    assert!(standin.world().pick("OC-1001", &[10], false));
    assert_eq!(status(), "PartiallyDelivered");
    assert!(standin.world().pick("OC-1001", &[], false));
    let done = api.get("CustomerOrders/OC-1001").json();
    assert_eq!(done["orderHeader"]["orderStatus"], "Terminated");
    assert_eq!(done["orderHeader"]["shipments"].as_array().map(Vec::len), Some(3));
    assert_eq!(done["orderRows"][0]["shipmentNumber"], "OC-1001-1");
    assert_eq!(api.put("CustomerOrders/OC-1001", &sent).status, 400);
}

#[test]
fn the_availability_of_an_order_opens_bills_of_materials_and_creates_nothing() {
    let (standin, api) = sample();
    let mut sent = order("W-1", "ChristmasGift-1", 3);
    sent["orderRows"][0]["salesData"]["unit"] = json!("FRP");
    sent["orderRows"].as_array_mut().expect("rows").push(json!({
        "product": {"productNumber": "8010"}, "salesData": {"quantity": 1, "unit": "ST"},
    }));
    let answer = api.post("CustomerOrderATP", &sent).json();
    let rows: Vec<(i64, &str, Option<i64>, Option<i64>)> = answer["orderRows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            (
                row["position"].as_i64().expect("a position"),
                row["product"]["productNumber"].as_str().expect("a number"),
                row["billOfMaterialsParentRowPosition"].as_i64(),
                row["availableBalance"].as_i64(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            (10, "ChristmasGift-1", None, Some(75)),
            (20, "GingerBread", Some(10), Some(225)),
            (30, "SweetBox", Some(10), Some(80)),
            (40, "Toffee", Some(30), Some(400)),
            (50, "Marzipan", Some(30), Some(220)),
            (60, "8010", None, Some(9000)),
        ]
    );
    let bread = &answer["orderRows"][1];
    assert_eq!(
        (bread["salesData"]["quantity"].as_i64(), bread["deliveryData"]["quantity"].as_i64()),
        (Some(3), Some(9))
    );
    assert_eq!(
        (bread["salesData"]["unitPrice"].as_i64(), bread["deliveryData"]["unitPrice"].as_i64()),
        (Some(15), Some(5))
    );
    assert_eq!(standin.world().order_count(), 1);
    assert_eq!(api.post("CustomerOrderATP", &order("W", "nothing", 1)).status, 400);
}

#[test]
fn lists_of_orders_are_narrowed() {
    let (standin, api) = sample();
    for (external, product) in [("W-1", "8010"), ("W-2", "8011")] {
        api.post("CustomerOrders", &order(external, product, 1));
    }
    standin.world().annul("OC-1002");
    standin.world().change_order("OC-1001", |order| {
        order["orderRows"][0]["expectedDeliveryDate"] = json!("2027-01-07T16:00:00+01:00");
    });
    let list = |filters: &str| {
        let rows = api.get(&format!("CustomerOrders?modifiedDateFrom=2020-01-01T00:00:00{filters}")).json();
        rows.as_array()
            .expect("a list")
            .iter()
            .map(|row| row["orderNumber"].as_str().unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(""), ["OC-142", "OC-1001", "OC-1002"]);
    assert_eq!(list("&customerNumber=3"), ["OC-142"]);
    assert_eq!(list("&productNumber=8011"), ["OC-142", "OC-1002"]);
    assert_eq!(list("&orderStatus=Annulled"), ["OC-1002"]);
    assert_eq!(list("&pageCount=1&pageOffset=1"), ["OC-1001"]);
    let moved = api.get("CustomerOrders/OC-1001").json();
    assert_eq!(moved["orderRows"][0]["expectedDeliveryDate"], "2027-01-07T16:00:00+01:00");
    let changed = standin.world().order("OC-1001").expect("the order").changed;
    let from = changed.strftime("%Y-%m-%dT%H:%M:%S%.6f");
    let rows = api.get(&format!("CustomerOrders?modifiedDateFrom={from}")).json();
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    assert_eq!(rows[0]["orderNumber"], "OC-1001");
    assert_eq!(rows[0]["customerName"], "Åkessons Järn AB");
}
