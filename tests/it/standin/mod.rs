//! The quirks and failures of the real service, one by one, as the stand-in plays them.

mod faults;
mod lists;
mod manners;
mod orders;
mod returns;
mod serving;

use extend_edge::standin::{Options, StandIn, World};
use serde_json::{Value, json};

use crate::support::api::Api;

/// A stand-in with the sample shop, and a client of it.
fn sample() -> (StandIn, Api) {
    with_options(Options::default())
}

fn with_options(options: Options) -> (StandIn, Api) {
    let standin = StandIn::start(World::sample(), options).expect("a stand-in");
    let api = Api::of(&standin);
    (standin, api)
}

/// A small order of a product.
fn order(external: &str, product: &str, quantity: i64) -> Value {
    json!({
        "orderHeader": {
            "orderNumberExternal": external,
            "customerNumber": "Customer-123",
            "askedDeliveryDate": "2026-12-25T00:00:00+01:00",
        },
        "orderRows": [{
            "product": {"productNumber": product},
            "salesData": {"quantity": quantity, "unit": "Stk"},
            "warehouse": "MainWarehouse",
        }],
    })
}

/// A path that the look-up of an order by the shop's number takes.
fn look_up(external: &str) -> String {
    format!("CustomerOrders?modifiedDateFrom=2020-01-01T00:00:00&orderNumberExternal={external}")
}
