//! ProductPrices: the best price right now for one customer.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::answers::{Answer, Page, PaginationInfo, Query, business, document, number};
use super::goods::{CustomerPrice, Product};
use super::world::World;

/// At most so many products can be named in one request.
const NAMED: usize = 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PriceRow<'a> {
    product_number: &'a str,
    sales_unit: &'a str,
    from_quantity: i64,
    price: Value,
    list_price: Value,
    vat_percent: Value,
    currency: &'a str,
    #[serde(rename = "xNewCampaign", skip_serializing_if = "Option::is_none")]
    unknown: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PriceList<'a> {
    product_price_item_list: Vec<PriceRow<'a>>,
    pagination_info: PaginationInfo,
}

/// A row before it is rendered: a product of the price list, or a price of the customer's own that
/// stands beside it (another quantity, unit or currency).
#[derive(Clone, Copy)]
enum Source<'a> {
    Listed(u32),
    Own(&'a Product, &'a CustomerPrice),
}

/// GET ProductPrices.
pub(super) fn list(world: &mut World, query: &Query<'_>, unknown: bool) -> Answer {
    let page = Page::by_number(query)?;
    let customer = query.get("customerNumber").ok_or_else(|| business("customerNumber is required."))?;
    if !world.customers.has(customer) {
        return Err(business(format!("Customer with customer number '{customer}' does not exist.")));
    }
    let named: Vec<&str> = query.all("productNumberList").collect();
    if named.len() > NAMED {
        return Err(business(format!("productNumberList must not hold more than {NAMED} product numbers.")));
    }
    let currency = query.get("currency");

    let own = world.prices.get(customer).cloned().unwrap_or_default();
    // Before the tables are borrowed: where each product with a price of its own lies.
    let own: Vec<(Option<Product>, CustomerPrice)> =
        own.into_iter().map(|price| (world.product(&price.product).cloned(), price)).collect();
    let in_place: HashMap<&str, &CustomerPrice> = own
        .iter()
        .filter(|(product, price)| product.as_ref().is_some_and(|product| takes_place(product, price)))
        .map(|(_, price)| (price.product.as_str(), price))
        .collect();
    let beside = own.iter().filter_map(|(product, price)| {
        let product = product.as_ref()?;
        (product.price.is_none() || !takes_place(product, price)).then_some(Source::Own(product, price))
    });
    let (tables, products) = world.tables();
    // A place in the list until it is known to be on the page: most are not.
    let listed = tables.priced.iter().copied().map(Source::Listed);
    let wanted = |source: &Source<'_>| {
        let (product, its_currency) = match *source {
            Source::Listed(at) => match &products[at as usize] {
                Some(product) => (product, &product.currency),
                None => return false,
            },
            Source::Own(product, price) => (product, &price.currency),
        };
        (named.is_empty() || named.contains(&product.number.as_str()))
            && currency.is_none_or(|currency| currency == its_currency)
    };
    let (rows, total) = if named.is_empty() && currency.is_none() {
        page.cut(listed.chain(beside))
    } else {
        page.cut(listed.chain(beside).filter(wanted))
    };
    let rows = rows
        .into_iter()
        .filter_map(|source| match source {
            Source::Own(product, price) => Some(price_row(product, Some(price), unknown)),
            Source::Listed(at) => {
                let product = products[at as usize].as_ref()?;
                Some(price_row(product, in_place.get(product.number.as_str()).copied(), unknown))
            }
        })
        .collect();
    Ok(document(&PriceList { product_price_item_list: rows, pagination_info: page.info(total) }))
}

/// Whether a price of the customer's own stands in the place of the listed one.
fn takes_place(product: &Product, price: &CustomerPrice) -> bool {
    price.from_quantity <= 1 && price.sales_unit == product.sales_unit && price.currency == product.currency
}

fn price_row<'a>(product: &'a Product, own: Option<&'a CustomerPrice>, unknown: bool) -> PriceRow<'a> {
    let list_price = product.price.unwrap_or_default();
    PriceRow {
        product_number: &product.number,
        sales_unit: own.map_or(&product.sales_unit, |own| &own.sales_unit),
        from_quantity: own.map_or(1, |own| own.from_quantity),
        price: number(own.map_or(list_price, |own| own.price)),
        list_price: number(list_price),
        vat_percent: number(product.vat_percent),
        currency: own.map_or(&product.currency, |own| &own.currency),
        unknown: unknown.then_some("none"),
    }
}

/// The best price of a product for a customer who takes so many sales units.
pub(super) fn best_price(world: &World, customer: &str, product: &Product, quantity: f64) -> Option<f64> {
    world
        .prices
        .get(customer)
        .into_iter()
        .flatten()
        .filter(|own| own.product == product.number && own.currency == product.currency)
        .filter(|own| own.sales_unit == product.sales_unit && own.from_quantity as f64 <= quantity.max(1.0))
        .map(|own| own.price)
        .chain(product.price)
        .reduce(f64::min)
}
