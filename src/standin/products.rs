//! Products and ProductAvailability.

use serde::Serialize;
use serde_json::{Value, json};

use super::answers::{Answer, Page, PaginationInfo, Query, add_unknown, document, number, refusal};
use super::clock::local;
use super::goods::{Balance, Product};
use super::world::{NEVER, Row, World};

/// One row of the list of products: one per product and warehouse.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListRow<'a> {
    product_number: &'a str,
    product_name: &'a str,
    create_date: String,
    product_unit: &'a str,
    cost: f64,
    currency: &'a str,
    country_of_origin: &'a str,
    supply_mode: &'a str,
    manufacturer: Option<&'a str>,
    manufacturer_product_number: Option<&'a str>,
    gtin_number_list: Option<&'a str>,
    warehouse: Option<&'a str>,
    statistical_category1: Option<&'a str>,
    statistical_category2: Option<&'a str>,
    statistical_category3: Option<&'a str>,
    available_balance: Option<i64>,
    enabled: bool,
    #[serde(rename = "xNewShelf", skip_serializing_if = "Option::is_none")]
    unknown: Option<&'static str>,
}

/// GET Products. The list narrowed by change date leaves out products that have none.
pub(super) fn list(world: &mut World, query: &Query<'_>, unknown: bool) -> Answer {
    let page = Page::by_offset(query)?;
    let from = query.date("modifiedDateFrom")?.map(|time| time.as_microsecond());
    let to = query.date("modifiedDateTo")?.map(|time| time.as_microsecond());
    let number = query.get("productNumber");
    let name = query.get("productName").map(str::to_lowercase);
    let supply_mode = query.get("supplyMode");
    let warehouse = query.get("warehouse");
    // No sample product has suppliers, so a list narrowed by one is empty.
    let supplier = query.get("supplierNumber").or_else(|| query.get("supplierProductNumber"));

    let span = number.map(|number| world.rows_of(number));
    let (tables, products) = world.tables();
    let product = |row: &Row| products[row.product as usize].as_ref();
    let by_field = name.is_some() || supply_mode.is_some() || warehouse.is_some() || supplier.is_some();
    let rows: Vec<Row> = if !by_field && span.is_none() && from.is_none() && to.is_none() {
        page.slice(&tables.rows).to_vec()
    } else {
        let in_time = |row: &Row| {
            let changed = tables.product_changed[row.product as usize];
            (from.is_none() && to.is_none())
                || (changed != NEVER
                    && from.is_none_or(|from| changed >= from)
                    && to.is_none_or(|to| changed <= to))
        };
        let wanted = |row: &Row| {
            !by_field
                || product(row).is_some_and(|product| {
                    supplier.is_none()
                        && name.as_ref().is_none_or(|name| product.name.to_lowercase().contains(name))
                        && supply_mode.is_none_or(|mode| product.supply_mode == mode)
                        && warehouse.is_none_or(|name| {
                            row.balance.is_some_and(|slot| product.balances[slot as usize].warehouse == name)
                        })
                })
        };
        let rows = &tables.rows[span.unwrap_or(0..tables.rows.len())];
        page.take(rows.iter().copied().filter(|row| in_time(row) && wanted(row)))
    };
    let rows: Vec<ListRow<'_>> =
        rows.iter().filter_map(|row| Some(list_row(product(row)?, row.balance, unknown))).collect();
    Ok(document(&rows))
}

fn list_row(product: &Product, balance: Option<u16>, unknown: bool) -> ListRow<'_> {
    let balance = balance.map(|slot| &product.balances[slot as usize]);
    ListRow {
        product_number: &product.number,
        product_name: &product.name,
        create_date: local(product.created),
        product_unit: &product.unit,
        cost: product.cost,
        currency: &product.currency,
        country_of_origin: &product.country,
        supply_mode: &product.supply_mode,
        manufacturer: product.manufacturer.as_deref(),
        manufacturer_product_number: product.manufacturer_number.as_deref(),
        gtin_number_list: product.gtin.as_deref(),
        warehouse: balance.map(|balance| balance.warehouse.as_str()),
        statistical_category1: product.categories[0].as_deref(),
        statistical_category2: product.categories[1].as_deref(),
        statistical_category3: product.categories[2].as_deref(),
        available_balance: balance.map(|balance| balance.available),
        enabled: product.enabled,
        unknown: unknown.then_some("A-12"),
    }
}

/// GET Products/{id}.
pub(super) fn detail(world: &World, id: &str, unknown: bool) -> Answer {
    let product = world
        .product(id)
        .ok_or_else(|| refusal(404, format!("Product with product number '{id}' does not exist.")))?;
    let components: Vec<Value> = product
        .components
        .iter()
        .enumerate()
        .map(|(at, part)| {
            json!({
                "productNumber": part.number,
                "quantity": number(part.quantity),
                "unit": part.unit,
                "sortOrder": (at + 1) * 10,
                "partOfPricePercent": number(part.part_of_price_percent),
            })
        })
        .collect();
    let prices = product.price.map(|price| {
        json!([{
            "salesUnit": {"quantity": product.units_per_sales_unit, "unit": product.sales_unit, "gtiNumber": product.gtin},
            "calculateSalesUnits": false,
            "productPriceListRows": [{
                "priceList": "Standard",
                "numberSalesUnits": 1,
                "price": number(price),
                "vatPercent": number(product.vat_percent),
                "currency": product.currency,
            }],
        }])
    });
    let mut data = json!({
        "productName": product.name,
        "productDescription": product.description,
        "countryOfOrigin": product.country,
        "cost": number(product.cost),
        "currency": product.currency,
        "enabled": product.enabled,
        "annulled": product.annulled,
        "annulledBy": product.annulled.then_some("anna"),
        "annulledDate": product.changed.filter(|_| product.annulled).map(local),
        "productServices": {"supplyMode": product.supply_mode, "serviceHandling": null, "kpi": false},
        "productUnit": product.unit,
        "productGTINumber": product.gtin,
        "productVisibility": "AlwaysVisible",
        "productGroupsAndCategories": {
            "productCategories": [],
            "statisticalCategory1": product.categories[0],
            "statisticalCategory2": product.categories[1],
            "statisticalCategory3": product.categories[2],
        },
        "manufacturer": product.manufacturer,
        "manufacturerProductNumber": product.manufacturer_number,
        "productDates": {
            "createdDate": local(product.created),
            "changedDate": product.changed.map(local),
            "changedBy": product.changed.map(|_| "anna"),
            "externalChangedDate": null,
        },
        "billOfMaterials": components,
    });
    if let Some(data) = data.as_object_mut() {
        data.extend(product.extra.clone());
    }
    add_unknown(unknown, &mut data);
    let warehouses: Vec<Value> = product
        .balances
        .iter()
        .map(|balance| json!({"warehouse": balance.warehouse, "inventoryManagementSource": "Manual"}))
        .collect();
    let mut answer = json!({
        "productNumber": product.number,
        "productData": data,
        "productPrices": prices,
        "productWarehouses": warehouses,
        "productSuppliers": [],
    });
    add_unknown(unknown, &mut answer);
    Ok(document(&answer))
}

/// One row of the list of balances. The spelling of the next receiving is the service's own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BalanceRow<'a> {
    warehouse: &'a str,
    product_number: &'a str,
    physical_balance: i64,
    available_balance_now: i64,
    next_receiving_date: Option<String>,
    avaiable_on_next_receiving: Option<i64>,
    change_date: Option<String>,
    available_balance_now_b: i64,
    available_balance_now_c: i64,
    available_on_next_receiving_b: Option<i64>,
    available_on_next_receiving_c: Option<i64>,
    warehouse_name: &'a str,
    quantity_on_next_receiving: Option<i64>,
    ordered_quantity: i64,
    blocked_balance: i64,
    ordered_quantity_matching_receiving: i64,
    total_expected_receiving_from_purchase: i64,
    total_expected_receiving_from_warehouse_transfer: i64,
    total_expected_receiving_from_return: i64,
    #[serde(rename = "xNewReserved", skip_serializing_if = "Option::is_none")]
    unknown: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BalanceList<'a> {
    product_availability_list: Vec<BalanceRow<'a>>,
    pagination_info: PaginationInfo,
}

/// GET ProductAvailability.
pub(super) fn availability(world: &mut World, query: &Query<'_>, unknown: bool) -> Answer {
    let page = Page::by_number(query)?;
    let from = query.date("modifiedDateFrom")?.map(|time| time.as_microsecond());
    let number = query.get("productNumber");
    let warehouse = query.get("warehouse");

    let warehouses = world.warehouses.clone();
    let span = number.map(|number| world.rows_of(number));
    let (tables, products) = world.tables();
    let found = |row: &Row| {
        let product = products[row.product as usize].as_ref()?;
        Some((product, &product.balances[row.balance? as usize]))
    };
    let wanted = |at: &u32| {
        let row = &tables.rows[*at as usize];
        from.is_none_or(|from| tables.balance_changed[*at as usize] >= from)
            && warehouse.is_none_or(|name| found(row).is_some_and(|(_, balance)| balance.warehouse == name))
    };
    let (rows, total) = match span {
        // The places of one product's rows, narrowed to those with a balance.
        Some(span) => {
            let rows = span.map(|at| at as u32).filter(|at| tables.rows[*at as usize].balance.is_some());
            page.cut(rows.filter(wanted))
        }
        None if from.is_none() && warehouse.is_none() => {
            (page.slice(&tables.kept).to_vec(), tables.kept.len())
        }
        None => page.cut(tables.kept.iter().copied().filter(wanted)),
    };
    let list = rows
        .into_iter()
        .filter_map(|at| found(&tables.rows[at as usize]))
        .map(|(product, balance)| {
            let name = warehouses.get(&balance.warehouse).unwrap_or(&balance.warehouse);
            balance_row(product, balance, name, unknown)
        })
        .collect();
    Ok(document(&BalanceList { product_availability_list: list, pagination_info: page.info(total) }))
}

fn balance_row<'a>(
    product: &'a Product,
    balance: &'a Balance,
    name: &'a str,
    unknown: bool,
) -> BalanceRow<'a> {
    let next = balance.next_receiving;
    let after_next = next.map(|(_, quantity)| balance.available + quantity);
    BalanceRow {
        warehouse: &balance.warehouse,
        product_number: &product.number,
        physical_balance: balance.physical,
        available_balance_now: balance.available,
        next_receiving_date: next.map(|(time, _)| local(time)),
        avaiable_on_next_receiving: after_next,
        change_date: balance.changed.map(local),
        available_balance_now_b: balance.available,
        available_balance_now_c: balance.available,
        available_on_next_receiving_b: after_next,
        available_on_next_receiving_c: after_next,
        warehouse_name: name,
        quantity_on_next_receiving: next.map(|(_, quantity)| quantity),
        ordered_quantity: balance.ordered,
        blocked_balance: balance.blocked,
        ordered_quantity_matching_receiving: 0,
        total_expected_receiving_from_purchase: next.map_or(0, |(_, quantity)| quantity),
        total_expected_receiving_from_warehouse_transfer: 0,
        total_expected_receiving_from_return: 0,
        unknown: unknown.then_some(0.5),
    }
}
