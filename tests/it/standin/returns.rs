//! Returns: three actions and what each insists on.

use serde_json::{Value, json};

use super::{order, sample};

fn of_order(action: &str, number: &str, rows: Value) -> Value {
    json!({"createAction": {"action": action, "orderNumber": number, "orderRows": rows, "returnCode": "B"}})
}

#[test]
fn a_whole_order_takes_its_picked_rows() {
    let (standin, api) = sample();
    let mut sent =
        json!({"createAction": {"action": "ReturnCompleteCustomerOrder", "orderNumber": "OC-142"}});
    sent["header"] = json!({"reference": "R-77"});
    let created = api.post("ReturnOrders", &sent).json();
    let positions: Vec<i64> = created["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["referenceOrderRowPosition"].as_i64())
        .collect();
    assert_eq!(positions, [10, 30], "row 20 was cancelled");
    let detail = api.get("ReturnOrders/RO-501").json();
    assert_eq!(detail["header"]["reference"], "R-77");
    assert_eq!(detail["header"]["referenceExternalOrderNumber"], "W-142");
    assert_eq!(
        standin.world().returns().next().and_then(|known| known.reference.clone()).as_deref(),
        Some("R-77")
    );
    let listed = |query: &str| {
        api.get(&format!("ReturnOrders?{query}")).json()["returnOrderList"].as_array().map(Vec::len)
    };
    assert_eq!(listed("referenceOrderNumber=OC-142&createDateFrom=2020-01-01T00:00:00"), Some(1));
    assert_eq!(listed("createDateFrom=2100-01-01T00:00:00"), Some(0));
    assert_eq!(listed("customerNumber=3&IsOpen=true"), Some(1));
    standin.world().receive_return("RO-501");
    assert_eq!(listed("IsReceived=false"), Some(0));
}

#[test]
fn rows_of_an_order_may_be_returned_in_part() {
    let (_standin, api) = sample();
    let rows = |rows| api.post("ReturnOrders", &of_order("ReturnRowsFromCustomerOrder", "OC-142", rows));
    let part = rows(json!([{"position": 10, "subPosition": 0, "quantity": 2}])).json();
    assert_eq!(part["rows"][0]["salesData"]["quantity"], 2);
    let too_much = rows(json!([{"position": 10, "subPosition": 0, "quantity": 13}]));
    assert_eq!(too_much.status, 400);
    let not_picked = rows(json!([{"position": 20, "subPosition": 0}]));
    assert_eq!(not_picked.status, 400);
    assert!(not_picked.message().contains("not picked"));
    assert_eq!(rows(json!([{"position": 99, "subPosition": 0}])).status, 400);
    assert_eq!(rows(json!([])).status, 400);
}

#[test]
fn what_is_unknown_is_refused() {
    let (standin, api) = sample();
    api.post("CustomerOrders", &order("W-1", "8010", 1));
    let refused = |sent: &Value| {
        let answer = api.post("ReturnOrders", sent);
        assert_eq!(answer.status, 400, "{sent}");
    };
    refused(&of_order("ReturnCompleteCustomerOrder", "OC-9", json!([])));
    refused(&of_order("ReturnCompleteCustomerOrder", "OC-1001", json!([])));
    refused(
        &json!({"createAction": {"action": "ReturnCompleteCustomerOrder", "orderNumber": "OC-142", "returnCode": "X"}}),
    );
    refused(&json!({"createAction": {"action": "ReturnEverything"}}));
    refused(&json!({}));
    let mut products: Value =
        serde_json::from_str(include_str!("../samples/return-products.json")).expect("a sample");
    products["rows"][0]["productNumber"] = json!("nothing");
    refused(&products);
    assert_eq!(standin.world().return_count(), 0);
    let codes = api.get("ReturnOrderRowCodes").json();
    let codes: Vec<&str> = codes["returnOrderRowCodeList"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|code| code["returnCode"].as_str())
        .collect();
    assert_eq!(codes, ["A", "B", "C"]);
}
