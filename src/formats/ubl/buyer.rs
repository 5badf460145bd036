//! Who buys: the customer of a buyer, by the settings, else by what the mirror knows.

use std::collections::HashMap;

use super::problem::Wrong;
use super::{Element, Making, Wanted};

/// The scheme of GLN in ISO 6523.
const GLN: &str = "0088";

/// What a buyer is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identifier<'a> {
    scheme: Option<&'a str>,
    value: &'a str,
    is_vat: bool,
}

impl<'a> Identifier<'a> {
    fn of(element: &'a Element, is_vat: bool) -> Option<Identifier<'a>> {
        Some(Identifier { scheme: element.attribute("schemeID"), value: element.value()?, is_vat })
    }

    fn told(&self) -> String {
        match self.scheme {
            Some(scheme) => format!("{scheme}:{}", self.value),
            None => self.value.to_owned(),
        }
    }

    fn is_gln(&self) -> bool {
        let is_ean = self.value.len() == 13 && self.value.bytes().all(|byte| byte.is_ascii_digit());
        self.scheme == Some(GLN) || (self.scheme.is_none() && !self.is_vat && is_ean)
    }

    /// Organisation numbers that it may be.
    fn organization_numbers(&self) -> Vec<String> {
        if self.is_gln() {
            return Vec::new();
        }
        let digits = digits(self.value);
        let mut numbers = Vec::new();
        // A Swedish VAT number is SE, the organisation number and 01.
        if let Some(number) = digits.strip_suffix("01").filter(|_| self.value.starts_with("SE")) {
            numbers.push(number.to_owned());
        }
        if digits.len() >= 6 {
            numbers.push(digits);
        }
        numbers
    }
}

/// What a buyer is known by, the surest first.
fn identifiers(root: &Element) -> Vec<Identifier<'_>> {
    let Some(party) = root.at("BuyerCustomerParty/Party") else { return Vec::new() };
    let mut all: Vec<Identifier<'_>> = Vec::new();
    let found = party
        .all("EndpointID")
        .chain(party.all("PartyIdentification").filter_map(|one| one.child("ID")))
        .chain(party.all("PartyLegalEntity").filter_map(|one| one.child("CompanyID")))
        .filter_map(|element| Identifier::of(element, false))
        .chain(
            party
                .all("PartyTaxScheme")
                .filter_map(|one| one.child("CompanyID"))
                .filter_map(|element| Identifier::of(element, true)),
        );
    for identifier in found {
        if !all.contains(&identifier) {
            all.push(identifier);
        }
    }
    all
}

pub(super) fn wanted(root: &Element, wanted: &mut Wanted) {
    for identifier in identifiers(root) {
        if identifier.is_gln() {
            wanted.glns.push(identifier.value.to_owned());
        } else {
            wanted.vat_numbers.push(bare(identifier.value));
        }
        wanted.organization_numbers.extend(identifier.organization_numbers());
    }
}

impl Making<'_> {
    /// The buyer's customer number.
    pub(super) fn customer(&mut self, root: &Element) -> Option<String> {
        let identifiers = identifiers(root);
        for identifier in &identifiers {
            let keys = [identifier.told(), identifier.value.to_owned(), bare(identifier.value)];
            if let Some(customer) = keys.iter().find_map(|key| self.mapping.customers.get(key)) {
                return Some(customer.clone());
            }
        }
        let mut found: Vec<String> = Vec::new();
        for identifier in &identifiers {
            let get =
                |known: &HashMap<String, Vec<String>>, key: &str| known.get(key).cloned().unwrap_or_default();
            if identifier.is_gln() {
                found.extend(get(&self.known.by_gln, identifier.value));
            } else {
                found.extend(get(&self.known.by_vat_number, &bare(identifier.value)));
            }
            for number in identifier.organization_numbers() {
                found.extend(get(&self.known.by_organization_number, &number));
            }
        }
        found.sort_unstable();
        found.dedup();
        if let [only] = found.as_slice() {
            return Some(only.clone());
        }
        if let (true, Some(customer)) = (found.is_empty(), &self.mapping.customer) {
            return Some(customer.clone());
        }
        let line = root.child("BuyerCustomerParty").map_or(root.line, |party| party.line);
        let told: Vec<String> = identifiers.iter().map(Identifier::told).collect();
        let wrong = match found.is_empty() {
            true => Wrong::UnknownBuyer { identifiers: told },
            false => Wrong::AmbiguousBuyer { identifiers: told, customers: found },
        };
        self.note(wrong, "BuyerCustomerParty", line);
        None
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Letters and digits alone, as VAT numbers are compared.
pub fn bare(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}
