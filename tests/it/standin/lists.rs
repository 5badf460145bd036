//! Pages, filters and change dates of the lists.

use std::collections::HashSet;

use extend_edge::standin::{CustomerPrice, Options, Product, StandIn, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::sample;
use crate::support::api::Api;

/// A time the way that filters want it.
fn filter(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

fn rows(api: &Api, path: &str) -> Vec<Value> {
    let answer = api.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.json().as_array().expect("an array").clone()
}

fn numbers(rows: &[Value]) -> HashSet<String> {
    rows.iter().map(|row| row["productNumber"].as_str().expect("a number").to_owned()).collect()
}

#[test]
fn products_have_a_row_for_every_warehouse_and_pages_from_0() {
    let standin = StandIn::start(World::generated(70, 3, 1, 1), Options::default()).expect("a stand-in");
    let api = Api::of(&standin);
    let mut seen = Vec::new();
    for page in 0..3 {
        seen.extend(rows(&api, &format!("Products?pageCount=100&pageOffset={page}")));
    }
    assert_eq!(seen.len(), 210);
    assert_eq!(rows(&api, "Products?pageCount=100&pageOffset=3").len(), 0);
    let keys: HashSet<(String, String)> =
        seen.iter().map(|row| (row["productNumber"].to_string(), row["warehouse"].to_string())).collect();
    assert_eq!(keys.len(), 210);
    let narrowed = rows(&api, "Products?modifiedDateFrom=2020-01-01T00:00:00&pageCount=100&pageOffset=2");
    assert_eq!(narrowed, seen[200..], "a filter that lets all through pages alike");
    assert_eq!(api.get("Products?pageCount=101").status, 400);
}

#[test]
fn a_new_product_is_in_no_list_by_change_date_until_it_is_edited() {
    let (standin, api) = sample();
    let began = standin.world().now();
    let now = standin.world().now();
    standin.world().add_product_unseen(Product::new("NEW-1", "Nyhet", now).in_warehouse("MainWarehouse", 5));
    let since = |from| numbers(&rows(&api, &format!("Products?modifiedDateFrom={}", filter(from))));
    let long_ago = began - SignedDuration::from_hours(24 * 365);
    assert!(since(began).is_empty());
    assert!(
        !numbers(&rows(&api, &format!("Products?modifiedDateFrom={}&productNumber=NEW-1", filter(long_ago))))
            .contains("NEW-1")
    );
    assert!(
        !numbers(&rows(&api, "Products?modifiedDateTo=2100-01-01T00:00:00&productNumber=NEW-1"))
            .contains("NEW-1")
    );
    assert!(numbers(&rows(&api, "Products?productNumber=NEW-1")).contains("NEW-1"));
    assert!(api.get("Products/NEW-1").json()["productData"]["productDates"]["changedDate"].is_null());
    standin.world().change_product("NEW-1", |product| product.name = "Nyhet, röd".to_owned());
    assert_eq!(since(began), HashSet::from(["NEW-1".to_owned()]));
    standin.world().remove_product("NEW-1");
    assert!(since(began).is_empty(), "what is gone is never listed");
    assert_eq!(api.get("Products/NEW-1").status, 404);
}

#[test]
fn filters_are_utc_and_answers_carry_an_offset() {
    let (standin, api) = sample();
    let now = standin.world().now();
    standin.world().change_product("8010", |product| product.cost = 1.25);
    assert_eq!(numbers(&rows(&api, &format!("Products?modifiedDateFrom={}", filter(now)))).len(), 1);
    assert_eq!(
        rows(&api, &format!("Products?modifiedDateFrom={}", filter(now + SignedDuration::from_hours(1))))
            .len(),
        0
    );
    assert_eq!(api.get("Products?modifiedDateFrom=2026-11-21T10:00:00Z").status, 400);
    assert_eq!(api.get("Products?modifiedDateFrom=2026-11-21T10:00:00%2B01:00").status, 400);
    let date = rows(&api, "Products?productNumber=8010")[0]["createDate"].to_string();
    assert!(date.ends_with("+01:00\"") || date.ends_with("+02:00\""), "{date}");
}

#[test]
fn balances_page_from_1_and_follow_changes() {
    let standin = StandIn::start(World::generated(70, 3, 1, 1), Options::default()).expect("a stand-in");
    let api = Api::of(&standin);
    let page = |number: usize| api.get(&format!("ProductAvailability?pageNumber={number}")).json();
    assert_eq!(page(1)["productAvailabilityList"].as_array().map(Vec::len), Some(100));
    assert_eq!(page(3)["productAvailabilityList"].as_array().map(Vec::len), Some(10));
    assert_eq!(page(4)["productAvailabilityList"].as_array().map(Vec::len), Some(0));
    let info = &page(3)["paginationInfo"];
    assert_eq!((info["currentPage"].as_u64(), info["totalPages"].as_u64()), (Some(3), Some(3)));
    assert_eq!((info["pageSize"].as_u64(), info["totalResources"].as_u64()), (Some(100), Some(210)));
    assert_eq!(api.get("ProductAvailability?pageNumber=0").status, 400);
    let now = standin.world().now();
    standin.world().set_balance("P-000007", "W2", 3);
    let changed = api.get(&format!("ProductAvailability?modifiedDateFrom={}", filter(now))).json();
    let list = changed["productAvailabilityList"].as_array().expect("a list");
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0]["warehouse"].as_str(), list[0]["availableBalanceNow"].as_i64()),
        (Some("W2"), Some(3))
    );
    standin.world().set_balance("P-000007", "W9", 8);
    let one = api.get("ProductAvailability?productNumber=P-000007&warehouse=W9").json();
    assert_eq!(one["productAvailabilityList"][0]["availableBalanceNow"], 8);
}

#[test]
fn customers_are_listed_by_change_and_known_by_their_number() {
    let (standin, api) = sample();
    let now = standin.world().now();
    let mut customer = standin.world().customer("3").expect("a customer").value.clone();
    customer["phone"] = "040-1".into();
    standin.world().put_customer(customer);
    let changed = api.get(&format!("Customers?changedAfterDate={}", filter(now))).json();
    assert_eq!(changed["customerList"].as_array().map(Vec::len), Some(1));
    assert_eq!(changed["customerList"][0]["phoneNumber2"], "040-1");
    assert_eq!(changed["customerList"][0]["creditLimit"], "25000");
    assert_eq!(
        api.get("Customers?customerNumber=KUND/%C3%85+10").json()["customerList"][0]["deliveryCity"],
        "Stockholm"
    );
    let known = standin.world().customer("3").expect("a customer").value.clone();
    let taken = api.post("Customers", &known);
    assert_eq!(taken.status, 400);
    assert!(taken.message().contains("already exists"));
    let mut short = known;
    short.as_object_mut().expect("an object").remove("phone");
    short["xOurField"] = "kept".into();
    assert_eq!(api.put("Customers/3", &short).status, 200);
    let after = api.get("Customers/3").json();
    assert!(after["phone"].is_null(), "what a PUT leaves out is gone");
    assert_eq!(after["xOurField"], "kept");
    assert_eq!(api.put("Customers/nobody", &short).status, 404);
    short.as_object_mut().expect("an object").remove("customerLogisticsSettings");
    assert_eq!(api.put("Customers/3", &short).status, 400);
}

#[test]
fn prices_are_the_best_for_one_customer() {
    let (standin, api) = sample();
    let price = |customer: &str, product: &str| {
        let list =
            api.get(&format!("ProductPrices?customerNumber={customer}&productNumberList={product}")).json();
        let items = list["productPriceItemList"].as_array().expect("a list").clone();
        items.iter().map(|item| (item["fromQuantity"].as_i64(), item["price"].as_f64())).collect::<Vec<_>>()
    };
    assert_eq!(price("3", "Product-123"), [(Some(1), Some(799.2))]);
    assert_eq!(price("Customer-123", "Product-123"), [(Some(1), Some(699.0)), (Some(10), Some(649.5))]);
    standin.world().set_price(
        "3",
        CustomerPrice {
            product: "Product-123".to_owned(),
            sales_unit: "Stk".to_owned(),
            from_quantity: 1,
            currency: "EUR".to_owned(),
            price: 65.0,
        },
    );
    let euro = api.get("ProductPrices?customerNumber=3&currency=EUR").json();
    assert_eq!(euro["paginationInfo"]["totalResources"], 1);
    assert_eq!(api.get("ProductPrices").status, 400);
    assert_eq!(api.get("ProductPrices?customerNumber=nobody").status, 400);
    let eleven = "&productNumberList=a".repeat(11);
    assert_eq!(api.get(&format!("ProductPrices?customerNumber=3{eleven}")).status, 400);
}

#[test]
fn rows_move_between_pages_while_a_list_is_read() {
    let standin = StandIn::start(World::generated(150, 1, 1, 1), Options::default()).expect("a stand-in");
    let api = Api::of(&standin);
    standin.on_request(|world, request| {
        if request.query.contains("pageOffset=1") {
            world.remove_product("P-000001");
        }
    });
    assert_eq!(rows(&api, "Products?pageOffset=0")[99]["productNumber"], "P-000100");
    assert_eq!(rows(&api, "Products?pageOffset=1")[0]["productNumber"], "P-000102");
}

#[test]
fn fields_are_added_without_notice() {
    let (_standin, api) = sample();
    assert!(api.get("Products/8010").json().get("xNewLabel").is_some());
    let (_standin, api) = super::with_options(Options { unknown_fields: false, ..Options::default() });
    assert!(api.get("Products/8010").json().get("xNewLabel").is_none());
}
