//! What is bought: the product of an item, by the settings, else by what the mirror knows.

use super::problem::Wrong;
use super::{Element, Making, Wanted};

/// What an item is known by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    sellers: Option<&'a str>,
    gtin: Option<&'a str>,
    pub(super) buyers: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> Item<'a> {
    pub(super) fn of(order_line: &'a Element) -> Item<'a> {
        let item = order_line.at("LineItem/Item");
        let value = |path: &str| item.and_then(|item| item.at(path)).and_then(Element::value);
        Item {
            sellers: value("SellersItemIdentification/ID"),
            gtin: value("StandardItemIdentification/ID"),
            buyers: value("BuyersItemIdentification/ID"),
            name: value("Name"),
        }
    }
}

pub(super) fn wanted(order_line: &Element, wanted: &mut Wanted) {
    let item = Item::of(order_line);
    wanted.products.extend([item.sellers, item.buyers].into_iter().flatten().map(str::to_owned));
    wanted.gtins.extend(item.gtin.map(|gtin| without_zeros(gtin).to_owned()));
    wanted.names.extend(item.name.map(str::to_owned));
}

impl Making<'_> {
    /// The product that an item is: by the settings; by the seller's number, the GTIN or the buyer's number, where
    /// the mirror has it; by the seller's number though the mirror has it not; by a name that one product has.
    pub(super) fn product(&mut self, item: &Item<'_>, field: &str, line: u64) -> Option<String> {
        let names = [item.sellers, item.gtin, item.buyers, item.name];
        if let Some(product) = names.into_iter().flatten().find_map(|name| self.mapping.items.get(name)) {
            return Some(product.clone());
        }
        let known = self.known;
        let is_known = |number: &&str| known.products.contains_key(*number);
        if let Some(number) = item.sellers.filter(is_known) {
            return Some(number.to_owned());
        }
        let by_gtin = item.gtin.and_then(|gtin| known.by_gtin.get(without_zeros(gtin)));
        if let Some([only]) = by_gtin.map(Vec::as_slice) {
            return Some(only.clone());
        }
        if let Some(number) = item.buyers.filter(is_known).or(item.sellers) {
            return Some(number.to_owned());
        }
        let by_name = item.name.and_then(|name| known.by_name.get(name));
        match (by_gtin, by_name.map(Vec::as_slice)) {
            (None, Some([only])) => return Some(only.clone()),
            (Some(several), _) => {
                let (item, products) = (item.gtin.unwrap_or_default().to_owned(), several.clone());
                self.note(Wrong::AmbiguousItem { item, products }, field, line);
            }
            _ => {
                let item = names.into_iter().flatten().map(str::to_owned).collect();
                self.note(Wrong::UnknownItem { item }, field, line);
            }
        }
        None
    }
}

/// GTIN is written with 8 to 14 digits, zeros before it or not.
fn without_zeros(gtin: &str) -> &str {
    gtin.trim_start_matches('0')
}
