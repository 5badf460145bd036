//! The mirror of a large shop: filled, kept up to date with what changed and no more, and put out so that
//! a reader of the changes has what a reader of the snapshots has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use extend_edge::standin::{Component, CustomerPrice, Product, RequestRecord, World};
use rusqlite::types::Value as Sql;
use serde_json::Value;

use crate::support::shop::{Plan, Shop, files_in};

const PRODUCTS: usize = 20_000;
const WAREHOUSES: usize = 3;
const CUSTOMERS: usize = 2_000;
const PRICED_FOR: [&str; 2] = ["C-00001", "C-01000"];

fn text(text: impl Into<String>) -> Sql {
    Sql::Text(text.into())
}

fn maybe(value: Option<&String>) -> Sql {
    value.map_or(Sql::Null, |value| text(value.clone()))
}

fn time(time: Option<jiff::Timestamp>) -> Sql {
    time.map_or(Sql::Null, |time| text(format!("{time:.3}")))
}

fn flag(flag: bool) -> Sql {
    Sql::Integer(i64::from(flag))
}

/// Every column that the contract names of `products`, but for the raw texts.
fn product_row(product: &Product) -> Vec<Sql> {
    let [one, two, three] = &product.categories;
    vec![
        text(&*product.number),
        text(&*product.name),
        text(&*product.unit),
        text(&*product.supply_mode),
        text(&*product.currency),
        Sql::Real(product.cost),
        maybe(product.gtin.as_ref()),
        maybe(product.manufacturer.as_ref()),
        maybe(product.manufacturer_number.as_ref()),
        text(&*product.country),
        maybe(one.as_ref()),
        maybe(two.as_ref()),
        maybe(three.as_ref()),
        text(&*product.description),
        flag(product.enabled),
        flag(product.annulled),
        time(Some(product.created)),
        time(product.changed),
        Sql::Null,
    ]
}

const PRODUCT_SQL: &str =
    "SELECT product_number, name, unit, supply_mode, currency, cost, gtin, manufacturer,
    manufacturer_number, country, category1, category2, category3, description, enabled, annulled, created_at,
    changed_at, removed_at FROM products WHERE removed_at IS NULL ORDER BY product_number";

const COMPONENT_SQL: &str = "SELECT product_number, component_number, quantity, unit, sort_order
    FROM product_components ORDER BY product_number, sort_order";

const BALANCE_SQL: &str = "SELECT product_number, warehouse, warehouse_name, available, physical, ordered, blocked,
    next_receiving_date, next_receiving_quantity, changed_at FROM balances ORDER BY product_number, warehouse";

const CUSTOMER_SQL: &str =
    "SELECT customer_number, name, last_name, organization_number, email, phone, address,
    postal_code, city, country, credit_limit, credit_limit_currency, invoice_email, changed_at, removed_at
    FROM customers WHERE removed_at IS NULL ORDER BY customer_number";

const PRICE_SQL: &str = "SELECT customer_number, product_number, sales_unit, from_quantity, currency, price,
    list_price, vat_percent FROM prices
    ORDER BY customer_number, product_number, sales_unit, from_quantity, currency";

fn sorted(mut rows: Vec<Vec<Sql>>) -> Vec<Vec<Sql>> {
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

fn assert_rows(shop: &Shop, what: &str, sql: &str, expected: Vec<Vec<Sql>>) {
    let database = shop.database();
    let mut statement = database.prepare(sql).expect("a statement");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect()).expect("rows");
    let rows = sorted(rows.collect::<Result<_, _>>().expect("rows"));
    let expected = sorted(expected);
    let first = rows.iter().zip(&expected).find(|(row, expected)| row != expected);
    assert!(
        first.is_none() && rows.len() == expected.len(),
        "{what}: {} rows, expected {}; first that differs (there, expected): {first:?}",
        rows.len(),
        expected.len()
    );
}

/// Row by row and column by column, the mirror is the world.
fn assert_mirrored(shop: &Shop) {
    let (mut products, mut components, mut balances, mut customers, mut prices) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    {
        let world = shop.extend.world();
        for product in world.products() {
            products.push(product_row(product));
            for (at, part) in product.components.iter().enumerate() {
                components.push(vec![
                    text(&*product.number),
                    text(&*part.number),
                    Sql::Real(part.quantity),
                    text(&*part.unit),
                    Sql::Integer((at as i64 + 1) * 10),
                ]);
            }
            for balance in &product.balances {
                balances.push(vec![
                    text(&*product.number),
                    text(&*balance.warehouse),
                    text(&*world.warehouses[&balance.warehouse]),
                    Sql::Real(balance.available as f64),
                    Sql::Real(balance.physical as f64),
                    Sql::Real(balance.ordered as f64),
                    Sql::Real(balance.blocked as f64),
                    time(balance.next_receiving.map(|next| next.0)),
                    balance.next_receiving.map_or(Sql::Null, |next| Sql::Real(next.1 as f64)),
                    time(balance.changed),
                ]);
            }
            for customer in PRICED_FOR {
                let list_price = product.price.expect("a price");
                let own = own_prices()
                    .into_iter()
                    .filter(|(who, own)| *who == customer && own.product == product.number);
                let own: Vec<CustomerPrice> = own.map(|(_, own)| own).collect();
                let from_one =
                    own.iter().find(|own| own.from_quantity == 1).map_or(list_price, |own| own.price);
                let beside = own.iter().filter(|own| own.from_quantity > 1);
                for (from, price) in beside.map(|own| (own.from_quantity, own.price)).chain([(1, from_one)]) {
                    prices.push(vec![
                        text(customer),
                        text(&*product.number),
                        text(&*product.sales_unit),
                        Sql::Real(from as f64),
                        text(&*product.currency),
                        Sql::Real(price),
                        Sql::Real(list_price),
                        Sql::Real(product.vat_percent),
                    ]);
                }
            }
        }
        for customer in world.customers() {
            let at =
                |path: &str| customer.value.pointer(path).and_then(Value::as_str).map_or(Sql::Null, text);
            customers.push(vec![
                text(&*customer.number),
                at("/name"),
                at("/lastName"),
                at("/organizationNumber"),
                at("/orderConfirmationEmail"),
                at("/phone"),
                at("/customerDeliveryAddress/address/address1"),
                at("/customerDeliveryAddress/address/postalCode"),
                at("/customerDeliveryAddress/address/city"),
                at("/customerDeliveryAddress/address/country"),
                Sql::Real(1000.0),
                text("SEK"),
                at("/invoiceEmail"),
                time(Some(customer.changed)),
                Sql::Null,
            ]);
        }
    }
    assert_rows(shop, "products", PRODUCT_SQL, products);
    assert_rows(shop, "components", COMPONENT_SQL, components);
    assert_rows(shop, "balances", BALANCE_SQL, balances);
    assert_rows(shop, "customers", CUSTOMER_SQL, customers);
    assert_rows(shop, "prices", PRICE_SQL, prices);
    let odd = "SELECT coalesce(sum(odd_records), 0) FROM sync_state";
    assert_eq!(shop.number(odd), Some(0));
}

fn own_prices() -> Vec<(&'static str, CustomerPrice)> {
    let own = |product: &str, from_quantity, price| CustomerPrice {
        product: product.to_owned(),
        sales_unit: "Stk".to_owned(),
        from_quantity,
        currency: "SEK".to_owned(),
        price,
    };
    vec![
        ("C-00001", own("P-000007", 1, 0.1)),
        ("C-00001", own("P-000007", 10, 0.07)),
        ("C-01000", own("P-019999", 24, 1.2345)),
    ]
}

fn large_shop() -> World {
    let mut world = World::generated(PRODUCTS, WAREHOUSES, CUSTOMERS, 4711);
    for (customer, price) in own_prices() {
        world.set_price(customer, price);
    }
    let past = world.product("P-000001").expect("a product").created;
    for at in (100..PRODUCTS).step_by(400) {
        let mut kit = world.product(&format!("P-{at:06}")).expect("a product").clone();
        let part = |number: usize, quantity| Component {
            number: format!("P-{number:06}"),
            quantity,
            unit: "Stk".to_owned(),
            part_of_price_percent: 50.0,
        };
        kit.supply_mode = "BillOfMaterials".to_owned();
        kit.components = vec![part(at - 1, 2.0), part(at - 2, 0.5)];
        kit.description = format!("Sats {at}; med \"citat\", å och\nradbrytning");
        kit.balances[1].next_receiving = Some((past, 40));
        kit.balances[1].ordered = 3;
        kit.balances[2].blocked = 2;
        world.put_product(kit);
    }
    world
}

fn open() -> Shop {
    Plan::of(large_shop())
        .set("customers.details", "true")
        .set("prices.customers", &format!("{PRICED_FOR:?}"))
        .set("log.level", "\"warn\"")
        .open()
}

fn lists<'a>(records: &'a [RequestRecord], resource: &str) -> Vec<&'a RequestRecord> {
    records.iter().filter(|record| record.resource == resource && record.id.is_none()).collect()
}

fn detailed(records: &[RequestRecord], resource: &str) -> Vec<String> {
    let records = records.iter().filter(|record| record.resource == resource && record.method == "GET");
    let mut ids: Vec<String> = records.filter_map(|record| record.id.clone()).collect();
    ids.sort();
    ids
}

/// `raw` is the detail as Extend sent it, byte for byte, and `raw_list` a row of the list.
fn assert_raw(shop: &Shop, records: &[RequestRecord]) {
    let mut details: HashMap<(&str, &str), &[u8]> = HashMap::new();
    for record in records {
        if let Some(id) = &record.id {
            details.insert((&record.resource, id), &record.response_body);
        }
    }
    let database = shop.database();
    for (resource, sql) in [
        ("Products", "SELECT product_number, raw, raw_list ->> '$.productNumber' FROM products"),
        ("Customers", "SELECT customer_number, raw, raw_list ->> '$.customerNumber' FROM customers"),
    ] {
        let mut statement = database.prepare(sql).expect("a statement");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let (number, raw, listed): (String, String, String) =
                (row.get(0).expect("a number"), row.get(1).expect("raw"), row.get(2).expect("raw_list"));
            assert_eq!(listed, number);
            assert_eq!(Some(raw.as_bytes()), details.get(&(resource, number.as_str())).copied(), "{number}");
        }
    }
}

fn key_of(entity: &str, row: &Value) -> Value {
    let columns: &[&str] = match entity {
        "products" => &["product_number"],
        "customers" => &["customer_number"],
        "balances" => &["product_number", "warehouse"],
        _ => &["customer_number", "product_number", "sales_unit", "from_quantity", "currency"],
    };
    match columns {
        [one] => row[*one].clone(),
        all => all.iter().map(|column| row[*column].clone()).collect(),
    }
}

/// A reader of the webshop's: it takes the changes in order and has the tables.
#[derive(Default)]
struct Reader {
    last: u64,
    tables: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Reader {
    /// Takes every set of changes that came, and deletes the files as a reader does.
    fn take(&mut self, shop: &Shop) {
        let folder = shop.exchange("outgoing/changes");
        for (name, bytes) in files_in(&folder) {
            let set: Value = serde_json::from_slice(&bytes).expect("a set of changes");
            self.last += 1;
            let entity = set["entity"].as_str().expect("an entity").to_owned();
            assert_eq!(name, format!("{:012}-{entity}.json", self.last), "a gap");
            assert_eq!(set["sequence"], self.last);
            let (rows, removed) =
                (set["rows"].as_array().expect("rows"), set["removed"].as_array().expect("keys"));
            assert!(!rows.is_empty() || !removed.is_empty(), "{name} tells nothing");
            let table = self.tables.entry(entity.clone()).or_default();
            for row in rows {
                table.insert(key_of(&entity, row).to_string(), row.clone());
            }
            for key in removed {
                assert!(table.remove(&key.to_string()).is_some(), "{name}: {key} was never there");
            }
            std::fs::remove_file(folder.join(name)).expect("deleted");
        }
    }

    fn assert_is_snapshot(&self, shop: &Shop) {
        for (entity, sql) in [
            ("products", "SELECT count(*) FROM products WHERE removed_at IS NULL"),
            ("customers", "SELECT count(*) FROM customers WHERE removed_at IS NULL"),
            ("prices", "SELECT count(*) FROM prices"),
            ("balances", "SELECT count(*) FROM balances"),
        ] {
            let path = shop.exchange("outgoing").join(format!("{entity}.json"));
            let snapshot: Value =
                serde_json::from_slice(&std::fs::read(path).expect("a snapshot")).expect("JSON");
            assert_eq!(snapshot["entity"], entity);
            let rows = snapshot["rows"].as_array().expect("rows");
            assert_eq!(Some(rows.len() as i64), shop.number(sql), "{entity}");
            let rows: BTreeMap<String, &Value> =
                rows.iter().map(|row| (key_of(entity, row).to_string(), row)).collect();
            let read: BTreeMap<String, &Value> =
                self.tables[entity].iter().map(|(key, row)| (key.clone(), row)).collect();
            assert!(rows == read, "the snapshot of {entity} is not what its changes add up to");
            // The same rows as CSV.
            let path = shop.exchange("outgoing").join(format!("{entity}.csv"));
            let mut csv = csv::ReaderBuilder::new().delimiter(b';').from_path(path).expect("a CSV file");
            let head = csv.headers().expect("a header line").clone();
            let mut count = 0;
            for record in csv.records() {
                let record = record.expect("a record");
                let pairs = head.iter().zip(record.iter());
                let cells: HashMap<&str, &str> = pairs.collect();
                let row = find_by_csv(entity, &rows, &cells);
                for (name, cell) in cells {
                    let expected = match &row[name] {
                        Value::Null => String::new(),
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    assert_eq!(cell, expected, "{entity}.csv, {name}");
                }
                count += 1;
            }
            assert_eq!(count, rows.len(), "{entity}.csv");
        }
    }
}

fn find_by_csv<'a>(
    entity: &str,
    rows: &BTreeMap<String, &'a Value>,
    cells: &HashMap<&str, &str>,
) -> &'a Value {
    let mut row = serde_json::Map::new();
    for (name, cell) in cells {
        let value = match *name {
            "from_quantity" => serde_json::from_str(cell).expect("a number"),
            _ => Value::String((*cell).to_owned()),
        };
        row.insert((*name).to_owned(), value);
    }
    let key = key_of(entity, &Value::Object(row)).to_string();
    rows.get(&key).unwrap_or_else(|| panic!("{entity}.csv has {key}, {entity}.json has not"))
}

#[test]
fn a_large_shop_is_mirrored_and_kept_up_to_date() {
    let began = Instant::now();
    let step = |what: &str| eprintln!("{:>6.1} s  {what}", began.elapsed().as_secs_f64());
    let shop = open();
    let mut reader = Reader::default();
    step("opened");

    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    step("filled");
    assert_mirrored(&shop);
    step("compared");
    let records = shop.extend.requests();
    assert_eq!(
        lists(&records, "Products").len(),
        2 * (PRODUCTS * WAREHOUSES / 100 + 1),
        "a full last page asks for one more; and Extend does not say how many there are, so it is read twice"
    );
    assert_eq!(lists(&records, "ProductAvailability").len(), PRODUCTS * WAREHOUSES / 100);
    assert_eq!(lists(&records, "Customers").len(), CUSTOMERS / 100);
    assert_eq!(lists(&records, "ProductPrices").len(), 2 * (PRODUCTS / 100 + 1));
    let all = (1..=PRODUCTS).map(|at| format!("P-{at:06}"));
    assert_eq!(detailed(&records, "Products"), all.collect::<Vec<_>>());
    assert_raw(&shop, &records);
    reader.take(&shop);
    reader.assert_is_snapshot(&shop);
    step("read as the webshop reads");
    shop.assert_described(&[]);
    step("held against the description");
    shop.extend.forget_requests();

    let (changed, new, unseen, removed) = change_the_world(&shop);
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    step("changes fetched");
    let records = shop.extend.requests();
    let expected: BTreeSet<String> = changed.union(&new).cloned().collect();
    let pages = |rows: usize| rows / 100 + 1;
    assert_eq!(lists(&records, "Products").len(), 2 * pages(expected.len() * WAREHOUSES), "it is read twice");
    assert_eq!(lists(&records, "ProductAvailability").len(), pages(changed.len() + new.len() * WAREHOUSES));
    assert_eq!(lists(&records, "Customers").len(), 1);
    assert_eq!(detailed(&records, "Products"), expected.into_iter().collect::<Vec<_>>());
    assert_eq!(detailed(&records, "Customers"), Vec::<String>::new());
    for number in &unseen {
        let known = format!("SELECT count(*) FROM products WHERE product_number = '{number}'");
        assert_eq!(shop.number(&known), Some(0), "no list of changes shows it");
    }
    let kept = "SELECT count(*) FROM products WHERE removed_at IS NULL";
    assert_eq!(shop.number(kept), Some((PRODUCTS + new.len()) as i64), "a list of changes shows no removal");
    shop.assert_described(&[]);
    shop.extend.forget_requests();

    let ran = shop.run(&["sync", "--full"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    step("everything fetched again");
    assert_mirrored(&shop);
    let records = shop.extend.requests();
    assert_eq!(detailed(&records, "Products"), unseen.into_iter().collect::<Vec<_>>());
    let gone = "SELECT group_concat(product_number) FROM (SELECT product_number FROM products
                WHERE removed_at IS NOT NULL ORDER BY 1)";
    let gone: String = shop.database().query_row(gone, [], |row| row.get(0)).expect("products");
    assert_eq!(gone, removed.into_iter().collect::<Vec<_>>().join(","));
    shop.assert_described(&[]);
    step("compared");

    assert_eq!(shop.run(&["once"]).code, Some(0));
    reader.take(&shop);
    reader.assert_is_snapshot(&shop);
    step("read as the webshop reads");
}

/// One in a hundred products and balances changes; some come, with and without a change date; some go.
fn change_the_world(shop: &Shop) -> (BTreeSet<String>, BTreeSet<String>, BTreeSet<String>, BTreeSet<String>) {
    let mut world = shop.extend.world();
    let now = world.now();
    let numbers = |from: usize, step: usize, to: usize| -> BTreeSet<String> {
        (from..=to).step_by(step).map(|at| format!("P-{at:06}")).collect()
    };
    let changed = numbers(50, 100, PRODUCTS);
    for (at, number) in changed.iter().enumerate() {
        assert!(world.change_product(number, |product| {
            // What the row of a list does not show is a change as well.
            product.description = "Ändrad".to_owned();
            if at % 2 == 0 {
                product.name.push_str(" (ny)");
                product.cost += 0.05;
            }
        }));
        assert!(world.change_balance(number, "W2", |balance| {
            balance.available -= 7;
            balance.ordered += 7;
        }));
    }
    let product = |number: &str| {
        let mut product = Product::new(number, &format!("Ny {number}"), now);
        product.price = Some(12.5);
        (1..=WAREHOUSES).fold(product, |product, at| product.in_warehouse(&format!("W{at}"), 10))
    };
    let new: BTreeSet<String> = (1..=5).map(|at| format!("NY/{at} #å")).collect();
    new.iter().for_each(|number| world.put_product(product(number)));
    let unseen: BTreeSet<String> = (1..=5).map(|at| format!("OSEDD {at}")).collect();
    unseen.iter().for_each(|number| world.add_product_unseen(product(number)));
    let removed = numbers(75, 4000, PRODUCTS);
    removed.iter().for_each(|number| assert!(world.remove_product(number)));
    (changed, new, unseen, removed)
}
