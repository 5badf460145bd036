//! What has no field in Extend's order: kept beside it, and named in the receipt.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Element;
use crate::formats::warning::Warning;

/// What is taken elsewhere, or says nothing about the order: whose it is, what it adds up to, who we are.
const HEADER: &[&str] = &[
    "UBLVersionID",
    "CustomizationID",
    "ProfileID",
    "ProfileExecutionID",
    "ID",
    "IssueDate",
    "IssueTime",
    "Note",
    "DocumentCurrencyCode",
    "CustomerReference",
    "BuyerCustomerParty/Party/EndpointID",
    "BuyerCustomerParty/Party/PartyIdentification",
    "BuyerCustomerParty/Party/PartyName",
    "BuyerCustomerParty/Party/PostalAddress",
    "BuyerCustomerParty/Party/PartyTaxScheme",
    "BuyerCustomerParty/Party/PartyLegalEntity",
    "SellerSupplierParty",
    "Delivery/DeliveryParty/Contact/Telephone",
    "Delivery/DeliveryParty/Contact/ElectronicMail",
    "AllowanceCharge",
    "TaxTotal",
    "AnticipatedMonetaryTotal/LineExtensionAmount",
    "AnticipatedMonetaryTotal/TaxExclusiveAmount",
    "AnticipatedMonetaryTotal/TaxInclusiveAmount",
    "AnticipatedMonetaryTotal/AllowanceTotalAmount",
    "AnticipatedMonetaryTotal/ChargeTotalAmount",
    "AnticipatedMonetaryTotal/PayableAmount",
    "OrderLine",
];

/// Taken where a field of Extend's was made of it.
const HEADER_WHERE: &[(&str, &[&str])] = &[
    (
        "deliveryAddress",
        &[
            "Delivery/DeliveryLocation/Address",
            "Delivery/DeliveryAddress",
            "Delivery/DeliveryParty/PartyName",
            "Delivery/DeliveryParty/Contact/Name",
        ],
    ),
    (
        "invoiceAddress",
        &["AccountingCustomerParty/Party/PartyName", "AccountingCustomerParty/Party/PostalAddress"],
    ),
    ("accountingCode", &["AccountingCost"]),
];

/// The same of a line.
const LINE: &[&str] = &[
    "Note",
    "LineItem/ID",
    "LineItem/Note",
    "LineItem/Quantity",
    "LineItem/LineExtensionAmount",
    "LineItem/TotalTaxAmount",
    "LineItem/AllowanceCharge",
    "LineItem/Price/PriceAmount",
    "LineItem/Price/BaseQuantity",
    "LineItem/Item/SellersItemIdentification/ID",
    "LineItem/Item/StandardItemIdentification/ID",
    "LineItem/Item/BuyersItemIdentification/ID",
    "LineItem/Item/ClassifiedTaxCategory",
];

/// A document in the order, or what no field can hold.
const LONGEST: usize = 1000;

/// What is kept of an order or a line.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// By their paths, of several of one name all but the first numbered.
    pub values: Vec<(String, String)>,
    /// The elements that hold them, as the receipt names them.
    pub names: Vec<String>,
    /// Paths of what is too large, or no text.
    pub left_out: Vec<String>,
}

pub(super) fn of_header(root: &Element, header: &Map<String, Value>) -> Kept {
    let mut used: Vec<&str> = HEADER.to_vec();
    for (field, paths) in HEADER_WHERE {
        if header.contains_key(*field) {
            used.extend(*paths);
        }
    }
    let value = |path: &str| root.at(path).and_then(Element::value);
    // 220: an order, which is what it is.
    if value("OrderTypeCode") == Some("220") {
        used.push("OrderTypeCode");
    }
    // The reference of the order itself comes first.
    if value("CustomerReference").is_none() {
        used.push("BuyerCustomerParty/Party/Contact/Name");
    }
    let period = root.at("Delivery/RequestedDeliveryPeriod");
    if period.is_some_and(|period| period.child("StartDate").is_none() || period.child("EndDate").is_none()) {
        used.push("Delivery/RequestedDeliveryPeriod");
    }
    let mut kept = Kept::default();
    collect(root, "", "", &used, &mut kept);
    shorten(&mut kept.names);
    kept
}

/// Where to look is enough: what exactly is kept stands in the order.
fn shorten(names: &mut [String]) {
    for name in names {
        name.truncate(name.find('/').unwrap_or(name.len()));
    }
}

pub(super) fn of_line(line: &Element) -> Kept {
    let mut kept = Kept::default();
    collect(line, "", "", LINE, &mut kept);
    for label in kept.values.iter_mut().map(|(label, _)| label).chain(&mut kept.names) {
        if let Some(short) = label.strip_prefix("LineItem/") {
            *label = short.to_owned();
        }
    }
    shorten(&mut kept.names);
    kept
}

/// Everything below that has a value and was not used. Of several of one name all but the first are numbered.
fn collect(element: &Element, path: &str, label: &str, used: &[&str], kept: &mut Kept) {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for child in &element.children {
        let join = |before: &str, name: &str| match before {
            "" => name.to_owned(),
            before => format!("{before}/{name}"),
        };
        let path = join(path, &child.name);
        if used.contains(&path.as_str()) {
            continue;
        }
        let number = match seen.iter_mut().find(|(name, _)| *name == child.name) {
            Some((_, number)) => {
                *number += 1;
                *number
            }
            None => {
                seen.push((&child.name, 1));
                1
            }
        };
        let label = match number {
            1 => join(label, &child.name),
            number => format!("{}[{number}]", join(label, &child.name)),
        };
        if !child.children.is_empty() {
            collect(child, &path, &label, used, kept);
        } else if let Some(value) = child.value() {
            if child.name == "EmbeddedDocumentBinaryObject" || value.len() > LONGEST {
                kept.left_out.push(label);
            } else {
                kept.values.push((label, value.to_owned()));
                kept.names.push(path);
            }
        }
    }
}

/// What the receipt says of it.
pub(super) fn warnings(mut names: Vec<String>, mut left_out: Vec<String>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for list in [&mut names, &mut left_out] {
        let mut seen = HashSet::new();
        list.retain(|name| seen.insert(name.clone()));
    }
    if !names.is_empty() {
        warnings.push(Warning::KeptBeside { names });
    }
    if !left_out.is_empty() {
        warnings.push(Warning::LeftOut { names: left_out });
    }
    warnings
}
