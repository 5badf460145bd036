//! Every answer of the stand-in holds to the published description of the API, and what does not
//! is found out.

use std::collections::HashSet;

use extend_edge::standin::{Options, StandIn, World};
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::openapi::OpenApi;

/// What the samples hold beside what the description names.
const ADDED: &[&str] = &["customsCommodityCode"];

const ORDERS: &[&str] =
    &[include_str!("samples/order-minimum.json"), include_str!("samples/order-bill-of-materials.json")];

const RETURNS: &[&str] = &[
    include_str!("samples/return-complete-order.json"),
    include_str!("samples/return-complete-order-with-code.json"),
    include_str!("samples/return-complete-order-overrides.json"),
    include_str!("samples/return-rows.json"),
    include_str!("samples/return-part-of-row.json"),
    include_str!("samples/return-products.json"),
    include_str!("samples/return-products-address.json"),
];

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a sample")
}

fn sample(unknown_fields: bool) -> StandIn {
    StandIn::start(World::sample(), Options { unknown_fields, ..Options::default() }).expect("a stand-in")
}

/// Calls every operation of the description, and several in more than one way.
fn call_everything(standin: &StandIn) {
    let api = Api::of(standin);
    for order in ORDERS {
        let order = parse(order);
        assert_eq!(api.post("CustomerOrders", &order).status, 200);
        assert_eq!(api.post("CustomerOrderATP", &order).status, 200);
    }
    for sample in RETURNS {
        let answer = api.post("ReturnOrders", &parse(sample));
        assert_eq!(answer.status, 200, "{sample}: {}", String::from_utf8_lossy(&answer.body));
    }
    let cancel = json!({"orderHeader": {}, "orderRows": [{
        "position": 10, "rowOperation": "Inactive", "warehouse": "TEST",
        "product": {"productNumber": "Product-123"}, "salesData": {"quantity": 2, "unit": "Stk"},
    }]});
    assert_eq!(api.put("CustomerOrders/OC-1001", &cancel).status, 200);
    standin.world().pick("OC-1002", &[], true);
    for path in [
        "Products",
        "Products?pageCount=7&pageOffset=3",
        "Products?modifiedDateFrom=2020-01-01T00:00:00&modifiedDateTo=2100-01-01T00:00:00&warehouse=LOGMULL",
        "Products?productName=kaffe&supplyMode=Warehouse",
        "Products/ChristmasGift-1",
        "Products/Sk%C3%A5p%2060%20%232",
        "Products/8100%2F2",
        "Products/nothing",
        "ProductAvailability?pageNumber=1",
        "ProductAvailability?warehouse=MainWarehouse&productNumber=LAMPA-01",
        "ProductAvailability?modifiedDateFrom=2020-01-01T00:00:00",
        "ProductPrices?customerNumber=Customer-123",
        "ProductPrices?customerNumber=3&currency=SEK&productNumberList=8010&productNumberList=8011",
        "Customers",
        "Customers?changedAfterDate=2020-01-01T00:00:00&pageNumber=1&name=AB",
        "Customers/3",
        "Customers/KUND%2F%C3%85%2010",
        "CustomerOrders?modifiedDateFrom=2020-01-01T00:00:00",
        "CustomerOrders?modifiedDateFrom=2020-01-01T00:00:00&orderNumberExternal=W-142",
        "CustomerOrders/OC-142",
        "CustomerOrders/OC-1001",
        "CustomerOrders/OC-1002",
        "ReturnOrders",
        "ReturnOrders?referenceOrderNumber=OC-142&createDateFrom=2020-01-01T00:00:00&IsOpen=true",
        "ReturnOrders/RO-501",
        "ReturnOrderRowCodes",
    ] {
        api.get(path);
    }
    assert_eq!(api.delete("CustomerOrders/OC-1001").status, 200);
    let mut customer = json!({
        "customerNumber": "NY-1", "name": "Ny kund",
        "customerLogisticsSettings": {},
        "customerDeliveryAddress": {"address": {
            "address1": "Gatan 2", "postalCode": "11111", "city": "Åmål", "country": "SE",
        }},
    });
    assert_eq!(api.post("Customers", &customer).status, 200);
    customer["phone"] = json!("0532-1");
    assert_eq!(api.put("Customers/NY-1", &customer).status, 200);
}

#[test]
fn every_answer_holds_to_the_description() {
    let openapi = OpenApi::load();
    for unknown_fields in [false, true] {
        let standin = sample(unknown_fields);
        call_everything(&standin);
        let records = standin.requests();
        openapi.assert_records(&records, ADDED);
        let called: HashSet<(String, String)> =
            records.iter().map(|record| (record.method.clone(), record.template())).collect();
        for (method, path) in openapi.operations() {
            assert!(called.contains(&(method.to_owned(), path.to_owned())), "{method} {path} was not called");
        }
    }
}

#[test]
fn generated_worlds_hold_to_the_description() {
    let standin = StandIn::start(World::generated(250, 3, 120, 7), Options::default()).expect("a stand-in");
    let api = Api::of(&standin);
    for path in [
        "Products?pageOffset=7",
        "Products/P-000001",
        "ProductAvailability?pageNumber=8",
        "Customers?pageNumber=2",
        "Customers/C-00120",
        "ProductPrices?customerNumber=C-00001&pageNumber=3",
    ] {
        assert_eq!(api.get(path).status, 200, "{path}");
    }
    OpenApi::load().assert_records(&standin.requests(), &[]);
}

#[test]
fn the_samples_hold_to_the_description_but_for_what_shops_add() {
    let openapi = OpenApi::load();
    let mut cancel = parse(include_str!("samples/order-row-cancel.rows.json"));
    cancel["orderHeader"] = json!({});
    let path = "/v1_0/{client}/CustomerOrders/{id}";
    let body = cancel.to_string().into_bytes();
    assert_eq!(openapi.check_request("PUT", path, "", &body, ADDED), Vec::<String>::new());
    assert_eq!(openapi.check_request("PUT", path, "", &body, &[]).len(), 1);
}

#[test]
fn what_is_wrong_in_an_answer_is_found_out() {
    let openapi = OpenApi::load();
    let standin = sample(true);
    let api = Api::of(&standin);
    api.get("Products/ChristmasGift-1");
    api.get("ProductAvailability");
    let right = standin.requests();
    openapi.assert_records(&right, &[]);
    let cases: [(usize, &str, &str); 5] = [
        (0, "\"productName\"", "\"prodcutName\""),
        (0, "+01:00\"", "\""),
        (0, "\"AlwaysVisible\"", "\"Sometimes\""),
        (1, "\"avaiableOnNextReceiving\"", "\"availableOnNextReceiving\""),
        (1, "\"availableBalanceNow\":140", "\"availableBalanceNow\":140.5"),
    ];
    for (at, from, to) in cases {
        let mut wrong = right[at].clone();
        let text = String::from_utf8(wrong.response_body).expect("text");
        // The zone's offset differs between summer and winter.
        let text = text.replace("+02:00\"", "+01:00\"");
        assert!(text.contains(from), "{from} is not in {text}");
        wrong.response_body = text.replacen(from, to, 1).into_bytes();
        assert!(!openapi.check_record(&wrong, &[]).is_empty(), "{to} was let through");
    }
}

#[test]
fn what_is_wrong_in_a_request_is_found_out() {
    let openapi = OpenApi::load();
    let order = |edit: &dyn Fn(&mut Value)| {
        let mut order = parse(ORDERS[0]);
        edit(&mut order);
        openapi
            .check_request("POST", "/v1_0/{client}/CustomerOrders", "", order.to_string().as_bytes(), &[])
            .len()
    };
    assert_eq!(order(&|_| {}), 0);
    assert_eq!(order(&|order| order["orderHeader"]["deliveryPhoneNumber"] = json!("1")), 1);
    assert_eq!(order(&|order| order["orderRows"][0]["salesData"]["quantity"] = json!("2")), 1);
    assert_eq!(order(&|order| order["orderRows"][0]["availableBalance"] = json!(2)), 1, "read only");
    assert_eq!(order(&|order| order["orderHeader"]["askedDeliveryDate"] = json!("2019-12-25")), 1);
    let query = |path: &str, query: &str| {
        openapi.check_request("GET", &format!("/v1_0/{{client}}/{path}"), query, b"", &[]).len()
    };
    assert_eq!(query("Products", "modifiedDateFrom=2026-11-21T10:00:00&pageCount=100"), 0);
    assert_eq!(query("Products", "modifiedDateFrom=2026-11-21T10:00:00Z"), 1);
    assert_eq!(query("Products", "modifiedFrom=2026-11-21T10:00:00"), 1);
    assert_eq!(query("Products", "pageCount=many"), 1);
    assert_eq!(query("Products", "supplyMode=Car"), 1);
    assert_eq!(query("ProductPrices", ""), 1);
    assert_eq!(query("ProductPrices", &format!("customerNumber=1{}", "&productNumberList=a".repeat(11))), 1);
    assert_eq!(query("Product", ""), 1);
}
