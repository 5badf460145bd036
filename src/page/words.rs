//! The agent's words for kinds, states and entities as a shopkeeper says them.

use super::html::Html;
use crate::language::Language;
use crate::rules::mirror::Entity;

/// What an item asks for.
pub fn kind(name: &str, language: Language) -> &str {
    match name {
        "order" => language.pick("order", "order"),
        "order_change" => language.pick("order change", "orderändring"),
        "row_cancellation" => language.pick("row cancellation", "radavbeställning"),
        "order_cancellation" => language.pick("order cancellation", "orderavbeställning"),
        "return" => language.pick("return", "retur"),
        "customer" => language.pick("customer", "kund"),
        other => other,
    }
}

/// How an item stands.
pub fn state(name: &str, language: Language) -> &str {
    match name {
        "queued" => language.pick("waits", "väntar"),
        "sending" => language.pick("being sent", "skickas"),
        "delivered" => language.pick("delivered", "levererad"),
        "refused" => language.pick("refused", "nekad"),
        "cancelled" => language.pick("cancelled", "avbeställd"),
        other => other,
    }
}

/// What the mirror holds.
pub fn entity(name: &str, language: Language) -> &str {
    match name {
        "products" => language.pick("Products", "Produkter"),
        "customers" => language.pick("Customers", "Kunder"),
        "prices" => language.pick("Prices", "Priser"),
        "balances" => language.pick("Balances", "Saldon"),
        "orders" => language.pick("Orders", "Ordrar"),
        "returns" => language.pick("Returns", "Returer"),
        "return_codes" => language.pick("Return codes", "Returkoder"),
        other => other,
    }
}

/// What a shop looks at first.
pub fn place(entity: Entity) -> usize {
    use Entity::{Balances, Customers, Orders, Prices, Products, ReturnCodes, Returns};
    let order = [Products, Balances, Prices, Customers, Orders, Returns, ReturnCodes];
    order.iter().position(|one| *one == entity).unwrap_or(order.len())
}

/// What an item waits for, as the view `report_backlog` names it.
pub fn waits_for(what: Option<&str>, language: Language) -> String {
    let said = match what {
        None => language.pick("its turn", "sin tur"),
        Some("Extend") => language.pick("Extend, which can't be reached", "Extend, som inte kan nås"),
        Some("login") => language.pick("the right login to Extend", "rätt inloggning till Extend"),
        Some("look-up") => language.pick(
            "an answer that never came: it is looked up at Extend before it is sent again",
            "ett svar som aldrig kom: den söks upp i Extend innan den skickas igen",
        ),
        Some("a person") => language
            .pick("a person: it has failed again and again", "en människa: den har misslyckats gång på gång"),
        Some(items) => {
            let items = items.strip_prefix("item ").unwrap_or(items);
            return language.pick(format!("item {items}"), format!("post {items}"));
        }
    };
    said.to_owned()
}

/// A moment of the tables, `2026-11-21T22:16:00.000Z`, which the script shows in the time of the reader's
/// place.
pub fn moment(at: &str) -> Html {
    let mut html = Html::new();
    let Some((day, time)) = at.split_once('T').filter(|(_, time)| time.len() >= 5 && time.is_ascii()) else {
        return Html::of(at);
    };
    html.markup("<time datetime=\"").text(at).markup("\">");
    html.text(day).markup(" ").text(&time[..5]).markup(" UTC</time>");
    html
}

/// The same where there may be none.
pub fn moment_or_nothing(at: Option<&str>) -> Html {
    at.map(moment).unwrap_or_default()
}

/// A number without the dust of binary arithmetic.
pub fn number(value: f64) -> String {
    crate::formats::report::rounded(value)
}
