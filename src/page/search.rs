//! What was found: products with their balances, orders at Extend, documents of our own.

use super::html::{Html, Table};
use super::parts::{self, Frame, Mood, section};
use super::words;
use crate::config::Config;
use crate::language::Language;
use crate::store::outbox::Summary;
use crate::store::search::{Found, Order, Product};

/// Results that are shown of each kind.
pub const SHOWN: usize = 20;

/// What was found.
pub struct Results {
    /// Products, with their balances.
    pub products: Found<Product>,
    /// Orders at Extend.
    pub orders: Found<Order>,
    /// Documents that the webshop dropped.
    pub items: Found<Summary>,
}

/// The page; `results` are `None` where nothing was asked.
pub fn page(asked: &str, results: Option<&Results>, config: &Config) -> Html {
    let language = config.exchange.language;
    let mut main = Html::new();
    main.markup("<h1>");
    match results {
        None => main.text(language.pick("What are you looking for?", "Vad letar du efter?")),
        Some(_) => main.text(language.pick(format!("Found for «{asked}»"), format!("Hittat för «{asked}»"))),
    };
    main.markup("</h1>\n");
    match results {
        None => {
            main.markup("<p>").text(language.pick(
                "Write a number or some words above: a product's number, name or GTIN, an order's number, Extend's or yours, or a customer's number.",
                "Skriv ett nummer eller några ord ovan: en produkts nummer, namn eller GTIN, en orders nummer, Extends eller ert, eller ett kundnummer.",
            ));
            main.markup("</p>\n");
        }
        Some(results) => {
            let heading = language.pick("Products and balances", "Produkter och saldon");
            main.add(&part(
                "products",
                heading,
                &results.products,
                products(&results.products, language),
                language,
            ));
            let heading = language.pick("Orders at Extend", "Ordrar i Extend");
            main.add(&part("orders", heading, &results.orders, orders(&results.orders, language), language));
            let heading = language.pick("Documents from the webshop", "Dokument från webbshoppen");
            main.add(&part("items", heading, &results.items, items(&results.items, language), language));
        }
    }
    let title = language.pick("Search", "Sök").to_owned();
    Frame { title, mood: Mood::Well, shop: &config.extend.client, is_live: false, asked, language }
        .page(&main)
}

fn part<T>(id: &'static str, heading: &str, found: &Found<T>, table: Html, language: Language) -> Html {
    let mut html = Html::new();
    html.markup("<p>");
    let (all, shown) = (found.all, found.best.len());
    html.text(match all {
        0 => language.pick("None.".to_owned(), "Inga.".to_owned()),
        _ if shown < all => language.pick(
            format!("The best {shown} of {all}. More words find fewer."),
            format!("De bästa {shown} av {all}. Fler ord hittar färre."),
        ),
        _ => language.pick(format!("{all} found."), format!("{all} hittade.")),
    });
    html.markup("</p>\n").add(&table);
    section(id, heading, &html)
}

fn products(found: &Found<Product>, language: Language) -> Html {
    let (number, name, where_, available, queued, next) = language.pick(
        ("Number", "Name", "Warehouse", "Available", "Queued here", "More comes"),
        ("Nummer", "Namn", "Lager", "Tillgängligt", "I kö här", "Mer kommer"),
    );
    let caption = language.pick("Products, and what there is of them", "Produkter, och vad som finns av dem");
    let columns =
        [(number, false), (name, false), (where_, false), (available, true), (queued, true), (next, false)];
    let mut table = Table::new(caption, &columns);
    for product in &found.best {
        let name = || {
            let mut name = Html::of(product.name.as_deref().unwrap_or_default());
            if let Some(gone) = &product.removed_at {
                name.markup(" <span class=\"tag old\">").text(language.pick("gone since ", "borta sedan "));
                name.add(&words::moment(gone)).markup("</span>");
            }
            name
        };
        if product.balances.is_empty() {
            let none = Html::of(language.pick("no balance", "inget saldo"));
            table.row(vec![
                Html::of(&product.product_number),
                name(),
                none,
                Html::new(),
                Html::new(),
                Html::new(),
            ]);
        }
        for balance in &product.balances {
            table.row(vec![
                Html::of(&product.product_number),
                name(),
                Html::of(&balance.warehouse),
                balance.available.map(|number| Html::of(words::number(number))).unwrap_or_default(),
                Html::of(words::number(balance.queued)),
                day(balance.next_receiving_date.as_deref()),
            ]);
        }
    }
    table.into_html()
}

fn orders(found: &Found<Order>, language: Language) -> Html {
    let (number, ours, customer, status, date, total) = language.pick(
        ("Extend's number", "Our number", "Customer", "Status", "Date", "Total"),
        ("Extends nummer", "Vårt nummer", "Kund", "Status", "Datum", "Summa"),
    );
    let caption = language.pick("Orders at Extend", "Ordrar i Extend");
    let columns =
        [(number, false), (ours, false), (customer, false), (status, false), (date, false), (total, true)];
    let mut table = Table::new(caption, &columns);
    let text = |value: &Option<String>| value.as_deref().map(Html::of).unwrap_or_default();
    for order in &found.best {
        let mut customer = text(&order.customer_number);
        if let Some(name) = &order.customer_name {
            customer.markup(" ").text(name);
        }
        table.row(vec![
            Html::of(&order.order_number),
            text(&order.order_number_external),
            customer,
            text(&order.status),
            day(order.order_date.as_deref()),
            order.total_price.map(|number| Html::of(words::number(number))).unwrap_or_default(),
        ]);
    }
    table.into_html()
}

fn items(found: &Found<Summary>, language: Language) -> Html {
    let (item, state, received, number) = language.pick(
        ("Document", "State", "Received", "Extend's number"),
        ("Dokument", "Läge", "Kom", "Extends nummer"),
    );
    let caption = language.pick("Documents from the webshop", "Dokument från webbshoppen");
    let mut table = Table::new(caption, &[(item, false), (state, false), (received, false), (number, false)]);
    for item in &found.best {
        table.row(vec![
            parts::item_link(item, language),
            Html::of(words::state(&item.state, language)),
            words::moment(&item.received_at),
            item.extend_number.as_deref().map(Html::of).unwrap_or_default(),
        ]);
    }
    table.into_html()
}

/// The day of a moment, where there is one.
fn day(at: Option<&str>) -> Html {
    at.map(|at| Html::of(at.get(..10).unwrap_or(at))).unwrap_or_default()
}
