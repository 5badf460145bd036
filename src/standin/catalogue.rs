//! A small shop to show and to test with, and a large one to measure with.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::clock::local;
use super::goods::{Component, CustomerPrice, Product};
use super::world::World;

/// How long ago the shop was last touched.
const PAST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Number, name, unit, cost, price, VAT, category, balance: in warehouses MainWarehouse and, a third
/// of it, LOGMULL.
type Line = (&'static str, &'static str, &'static str, f64, f64, f64, &'static str, i64);

const LINES: &[Line] = &[
    ("Product-123", "Kaffebryggare Norrsken", "Stk", 412.5, 799.2, 25.0, "Kök", 140),
    ("8010", "Skruv M6×40 rostfri", "ST", 1.1725, 2.4817, 25.0, "Järnvaror", 9000),
    ("8011", "Mutter M6 rostfri", "ST", 0.42, 0.9, 25.0, "Järnvaror", 12000),
    ("8012", "Bricka 6,4 mm", "ST", 0.2, 0.4, 25.0, "Järnvaror", 15000),
    ("8100/2", "Vinkelbeslag 40/40", "ST", 6.3, 14.0, 25.0, "Järnvaror", 640),
    ("8100/4", "Vinkelbeslag 80/80", "ST", 9.1, 21.5, 25.0, "Järnvaror", 310),
    ("Skåp 60 #2", "Väggskåp 60 cm, björk", "Stk", 540.0, 1149.0, 25.0, "Möbler", 12),
    ("Skåp 80 #2", "Väggskåp 80 cm, björk", "Stk", 640.0, 1399.0, 25.0, "Möbler", 9),
    ("BORD-ÅRE", "Matbord Åre, ek", "Stk", 2450.0, 5490.0, 25.0, "Möbler", 4),
    ("STOL-ÅRE", "Stol Åre, ek", "Stk", 520.0, 1190.0, 25.0, "Möbler", 38),
    ("LAMPA-01", "Taklampa Måne", "Stk", 210.0, 495.0, 25.0, "Belysning", 25),
    ("LAMPA-02", "Bordslampa Stjärna", "Stk", 130.0, 329.0, 25.0, "Belysning", 44),
    ("LED-E27-8", "LED-lampa E27 8 W", "Stk", 18.0, 49.9, 25.0, "Belysning", 800),
    ("LED-E14-4", "LED-lampa E14 4 W", "Stk", 15.5, 39.9, 25.0, "Belysning", 650),
    ("TE-100", "Te Södermalm 100 g", "Stk", 22.0, 59.0, 12.0, "Mat", 210),
    ("KAFFE-500", "Bryggkaffe mellanrost 500 g", "Stk", 38.0, 69.0, 12.0, "Mat", 480),
    ("KAFFE-1000", "Hela bönor 1 kg", "Stk", 84.0, 159.0, 12.0, "Mat", 170),
    ("KNÄCKE-1", "Knäckebröd råg", "Stk", 11.0, 24.9, 12.0, "Mat", 330),
    ("LINGON-400", "Rårörda lingon 400 g", "Stk", 17.0, 36.5, 12.0, "Mat", 260),
    ("CHOKLAD-70", "Mörk choklad 70 %", "Stk", 14.0, 32.0, 12.0, "Mat", 520),
    ("MUGG-BLÅ", "Mugg, blå", "Stk", 31.0, 89.0, 25.0, "Kök", 190),
    ("MUGG-RÖD", "Mugg, röd", "Stk", 31.0, 89.0, 25.0, "Kök", 175),
    ("TALLRIK-27", "Tallrik 27 cm", "Stk", 36.0, 99.0, 25.0, "Kök", 220),
    ("KNIV-20", "Kockkniv 20 cm", "Stk", 180.0, 449.0, 25.0, "Kök", 60),
    ("SKÄRBRÄDA", "Skärbräda, ask", "Stk", 95.0, 249.0, 25.0, "Kök", 55),
    ("GRYTA-5L", "Gjutjärnsgryta 5 l", "Stk", 390.0, 899.0, 25.0, "Kök", 18),
    ("FILT-ULL", "Ullfilt 130×170", "Stk", 310.0, 749.0, 25.0, "Textil", 27),
    ("KUDDE-50", "Kudde 50×50", "Stk", 72.0, 199.0, 25.0, "Textil", 90),
    ("HANDDUK-V", "Handduk, vit", "Stk", 41.0, 129.0, 25.0, "Textil", 140),
    ("LAKAN-160", "Påslakan 160×210", "Stk", 148.0, 399.0, 25.0, "Textil", 66),
    ("LJUS-10", "Stearinljus, 10 st", "FRP", 24.0, 59.0, 25.0, "Hem", 400),
    ("BOK-SKOG", "Boken om skogen", "Stk", 96.0, 189.0, 6.0, "Böcker", 35),
    ("BOK-HAV", "Boken om havet", "Stk", 96.0, 189.0, 6.0, "Böcker", 31),
    ("BATTERI-AA", "Batteri AA, 4 st", "FRP", 17.0, 45.0, 25.0, "Hem", 900),
];

/// Number, name, organisation number, street, postal code, city, credit limit.
type Who<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a str, f64);

const CUSTOMERS: &[Who<'static>] = &[
    ("Customer-123", "Åkessons Järn AB", "556001-1231", "Storgatan 1", "22222", "Lund", 50_000.0),
    ("3", "Möllans Livs HB", "969601-2232", "Bergsgatan 14", "21422", "Malmö", 25_000.0),
    ("1001", "Öster Kök & Bad AB", "556002-3233", "Kyrkogatan 8", "83134", "Östersund", 100_000.0),
    ("1002", "Café Näckrosen", "559003-4234", "Ågatan 22", "58222", "Linköping", 15_000.0),
    ("1003", "Västkustens Båtvarv AB", "556004-5235", "Hamnplan 3", "45130", "Uddevalla", 75_000.0),
    ("1004", "Björkängens skola", "212000-6236", "Skolvägen 5", "90325", "Umeå", 0.0),
    ("1005", "Hotell Årefjäll AB", "556005-7237", "Årevägen 100", "83752", "Åre", 150_000.0),
    ("1006", "Bygg i Småland AB", "556006-8238", "Industrigatan 7", "35246", "Växjö", 80_000.0),
    ("1007", "Fröken Söderströms", "559007-9239", "Södra vägen 41", "41254", "Göteborg", 20_000.0),
    ("1008", "Kiruna Järnhandel AB", "556008-0230", "Malmvägen 2", "98133", "Kiruna", 60_000.0),
    ("1009", "Gröna Lådan Ek. för.", "769609-1231", "Trädgårdsgatan 9", "75309", "Uppsala", 12_500.0),
    ("KUND/Å 10", "Ångström & Öberg HB", "969610-2232", "Brännkyrkagatan 30", "11822", "Stockholm", 30_000.0),
];

impl World {
    /// A shop of about forty products and a dozen customers, last touched thirty days ago, with an
    /// order OC-142 that was shipped.
    pub fn sample() -> World {
        let mut world = World::empty();
        let past = world.now() - PAST;
        for (short, name) in [("MainWarehouse", "Huvudlager Lund"), ("LOGMULL", "Logistiklager Mullsjö")] {
            world.warehouses.insert(short.to_owned(), name.to_owned());
        }
        for (code, name) in [("A", "Ångrat köp"), ("B", "Fel vara"), ("C", "Skadad vid leverans")] {
            world.return_codes.insert(code.to_owned(), name.to_owned());
        }
        for (at, line) in LINES.iter().enumerate() {
            let mut product = product_of(line, at, past);
            if let ("LAMPA-01" | "BORD-ÅRE", Some(balance)) = (line.0, product.balances.first_mut()) {
                balance.next_receiving = Some((past + SignedDuration::from_hours(60 * 24), 40));
            }
            world.put_product(product);
        }
        for product in gift(past) {
            world.put_product(product);
        }
        let mut freight = Product::new("FRAKT", "Frakt inom Sverige", past);
        freight.supply_mode = "Freight".to_owned();
        freight.price = Some(79.0);
        world.put_product(freight);
        for customer in CUSTOMERS {
            world.put_customer_dated(customer_record(*customer), past);
        }
        for (customer, product, from_quantity, price) in [
            ("Customer-123", "Product-123", 1, 699.0),
            ("Customer-123", "Product-123", 10, 649.5),
            ("Customer-123", "8010", 1, 2.1),
            ("1005", "MUGG-BLÅ", 1, 71.2),
            ("1005", "TALLRIK-27", 1, 79.2),
            ("1005", "TALLRIK-27", 24, 74.0),
        ] {
            let sales_unit = world.product(product).map_or("Stk", |known| &known.sales_unit).to_owned();
            let currency = "SEK".to_owned();
            let product = product.to_owned();
            world.set_price(customer, CustomerPrice { product, sales_unit, from_quantity, currency, price });
        }
        world.add_order(&shipped_order(past), Vec::new(), past);
        world
    }

    /// A large shop, the same for the same seed: every product in every warehouse. Products are
    /// `P-000001` on, warehouses `W1` on, customers `C-00001` on.
    pub fn generated(products: usize, warehouses: usize, customers: usize, seed: u64) -> World {
        let mut world = World::empty();
        let mut chance = fastrand::Rng::with_seed(seed);
        let past = world.now() - PAST;
        let names: Vec<String> = (1..=warehouses).map(|at| format!("W{at}")).collect();
        for name in &names {
            world.warehouses.insert(name.clone(), format!("Lager {name}"));
        }
        for code in ["A", "B", "C"] {
            world.return_codes.insert(code.to_owned(), format!("Orsak {code}"));
        }
        for at in 1..=products {
            // A second apart, so that no two dates are the same and none is in the future.
            let created = past - SignedDuration::from_secs((products - at) as i64);
            let mut product =
                Product::new(&format!("P-{at:06}"), &format!("Vara {at} å{}", chance.u32(..1000)), created);
            product.cost = f64::from(chance.u32(100..100_000)) / 100.0;
            product.price = Some((product.cost * 200.0).round() / 100.0);
            product.gtin = Some(format!("73{:011}", at));
            product.manufacturer = Some(format!("Tillverkare {}", at % 50));
            product.categories[0] = Some(format!("Grupp {}", at % 20));
            for name in &names {
                product = product.in_warehouse(name, chance.i64(0..500));
            }
            world.put_product(product);
        }
        for at in 1..=customers {
            let number = format!("C-{at:05}");
            let city = format!("Ort {}", at % 300);
            let organisation = format!("55{:04}-{:04}", at % 10_000, chance.u32(..10_000));
            let customer = (
                number.as_str(),
                &*format!("Kund {at} AB"),
                organisation.as_str(),
                "Gatan 1",
                "12345",
                city.as_str(),
                1000.0,
            );
            let changed = past - SignedDuration::from_secs((customers - at) as i64);
            world.put_customer_dated(customer_record(customer), changed);
        }
        world
    }
}

fn product_of(line: &Line, at: usize, created: Timestamp) -> Product {
    let (number, name, unit, cost, price, vat, category, balance) = *line;
    let mut product = Product::new(number, name, created)
        .in_warehouse("MainWarehouse", balance)
        .in_warehouse("LOGMULL", balance / 3);
    product.description = format!("{name}. Ur vårt sortiment {}.", category.to_lowercase());
    product.unit = unit.to_owned();
    product.sales_unit = unit.to_owned();
    product.cost = cost;
    product.price = Some(price);
    product.vat_percent = vat;
    product.gtin = Some(format!("7310{:09}", 4_711 + at * 13));
    product.manufacturer = Some("Norrlands Varor AB".to_owned());
    product.manufacturer_number = Some(format!("NV-{}", 100 + at));
    product.categories = [Some(category.to_owned()), None, None];
    product
}

/// A bill of materials and what it holds: a box inside is a bill of materials itself.
fn gift(created: Timestamp) -> Vec<Product> {
    let part = |number: &str, quantity: f64, unit: &str, percent: f64| Component {
        number: number.to_owned(),
        quantity,
        unit: unit.to_owned(),
        part_of_price_percent: percent,
    };
    let goods = |number: &str, name: &str, balance: i64, per_pack: i64, price: f64| {
        let mut product = Product::new(number, name, created)
            .in_warehouse("MainWarehouse", balance)
            .in_warehouse("LOGMULL", balance / 3);
        if per_pack > 1 {
            product.sales_unit = "FRP".to_owned();
            product.units_per_sales_unit = per_pack;
        }
        product.price = Some(price);
        product.cost = price / 2.0;
        product.categories[0] = Some("Jul".to_owned());
        product
    };
    let mut bread = goods("GingerBread", "Ginger bread", 225, 3, 15.0);
    bread.lead_time_hours = 184;
    bread.vat_percent = 12.0;
    let mut sweets = goods("SweetBox", "Sweet box", 80, 1, 60.0);
    sweets.supply_mode = "BillOfMaterials".to_owned();
    sweets.components = vec![part("Toffee", 4.0, "Stk", 60.0), part("Marzipan", 2.0, "Stk", 40.0)];
    let mut gift = goods("ChristmasGift-1", "Christmas gift", 75, 1, 129.0);
    gift.sales_unit = "FRP".to_owned();
    gift.supply_mode = "BillOfMaterials".to_owned();
    gift.components = vec![part("GingerBread", 1.0, "FRP", 40.0), part("SweetBox", 1.0, "Stk", 60.0)];
    vec![
        gift,
        bread,
        sweets,
        goods("Toffee", "Toffee", 400, 1, 7.5),
        goods("Marzipan", "Marzipan", 220, 1, 12.0),
    ]
}

fn customer_record(customer: Who<'_>) -> Value {
    let (number, name, organisation, street, postal_code, city, credit_limit) = customer;
    let host = format!(
        "kund{}.example",
        number.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "")
    );
    let address = json!({"address1": street, "postalCode": postal_code, "city": city, "country": "SE"});
    json!({
        "customerNumber": number,
        "name": name,
        "invoiceEmail": format!("faktura@{host}"),
        "orderConfirmationEmail": format!("order@{host}"),
        "organizationNumber": organisation,
        "phone": "046-12 34 56",
        "customerStatus": "Active",
        "customerFinancialSettings": {"creditLimit": credit_limit as i64, "termsOfPayment": "30"},
        "customerClassification": {"customerType": "Business"},
        "customerLogisticsSettings": {"defaultPartialDelivery": "Yes"},
        "customerInvoiceAddress": {"name": name, "address": address},
        "customerDeliveryAddress": {"address": address},
    })
}

/// An order that has left the house: rows 10 and 30 picked, row 20 cancelled before.
fn shipped_order(past: Timestamp) -> Value {
    let row = |position: i64, number: &str, quantity: i64, unit: &str, price: f64, status: &str| {
        let picked = status == "Picked";
        json!({
            "position": position,
            "subPosition": 0,
            "rowOperation": if picked { "Active" } else { "Inactive" },
            "orderRowStatus": status,
            "product": {"productNumber": number, "productName": number},
            "salesData": {"quantity": quantity, "unit": unit, "unitPrice": price, "vatPercent": 25, "currency": "SEK"},
            "supplyMode": "Warehouse",
            "warehouse": "MainWarehouse",
            "shipDate": local(past),
            "expectedDeliveryDate": local(past + SignedDuration::from_hours(48)),
            "shipmentNumber": picked.then_some("OC-142-1"),
        })
    };
    json!({
        "orderHeader": {
            "orderNumber": "OC-142",
            "orderType": "Normal",
            "orderNumberExternal": "W-142",
            "orderDate": local(past - SignedDuration::from_hours(72)),
            "orderStatus": "Terminated",
            "customerNumber": "3",
            "askedDeliveryDate": local(past),
            "partialDelivery": true,
            "freightFree": false,
            "deliveryMethod": "CONS_112",
            "shipments": [{
                "shipmentNumber": "OC-142-1",
                "createDate": local(past),
                "packages": ["PKG-OC-142-1"],
                "numberPackages": 1,
                "transportWeight": 4.2,
                "pickDate": local(past),
                "forwarder": "PostNord",
                "deliveryMethod": "CONS_112",
            }],
        },
        "orderRows": [
            row(10, "8010", 12, "ST", 2.4817, "Picked"),
            row(20, "8011", 50, "ST", 0.9, "Annulled"),
            row(30, "Product-123", 1, "Stk", 799.2, "Picked"),
        ],
    })
}
