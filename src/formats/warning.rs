//! What a person may want to know of a document that was taken, as it stands in the receipt.

use serde_json::{Value, json};

use crate::language::Language;

/// What the receipt says of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// What has no field in Extend's order and is kept beside it.
    KeptBeside {
        /// What.
        names: Vec<String>,
    },
    /// What is not sent.
    LeftOut {
        /// What.
        names: Vec<String>,
    },
    /// An order that names no place to deliver to, though the settings name columns for it.
    NoDeliveryAddress,
    /// A row that costs nothing beside one of the same product that does not.
    FreeTwin {
        /// The product.
        product: String,
    },
    /// A product that a fresh mirror does not have.
    UnknownProduct {
        /// Its number.
        number: String,
        /// The one that may be meant.
        meant: Option<String>,
    },
    /// A customer that a fresh mirror does not have.
    UnknownCustomer {
        /// Its number.
        number: String,
        /// The one that may be meant.
        meant: Option<String>,
    },
    /// A unit in which the product is neither counted nor sold.
    UnknownUnit {
        /// The product.
        product: String,
        /// The unit.
        unit: String,
        /// The units that it has.
        known: Vec<String>,
    },
}

impl Warning {
    /// The word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Warning::KeptBeside { .. } => "kept_beside",
            Warning::LeftOut { .. } => "left_out",
            Warning::NoDeliveryAddress => "no_delivery_address",
            Warning::FreeTwin { .. } => "free_twin",
            Warning::UnknownProduct { .. } => "unknown_product",
            Warning::UnknownCustomer { .. } => "unknown_customer",
            Warning::UnknownUnit { .. } => "unknown_unit",
        }
    }

    /// The sentence for people.
    pub fn message(&self, language: Language) -> String {
        let meant = |meant: &Option<String>| {
            meant.as_ref().map_or_else(String::new, |meant| {
                language.pick(format!(" Did you mean {meant}?"), format!(" Menade du {meant}?"))
            })
        };
        match self {
            Warning::KeptBeside { names } => language.pick(
                format!(
                    "Extend's order has no field for these, so they are kept in orderMetaData and in the rows' \
                     externalNotes: {}",
                    names.join(", ")
                ),
                format!(
                    "Extends order har inget fält för dessa, så de finns i orderMetaData och i radernas externalNotes: {}",
                    names.join(", ")
                ),
            ),
            Warning::LeftOut { names } => language.pick(
                format!("these are not sent to Extend; see the original in accepted/: {}", names.join(", ")),
                format!("dessa skickas inte till Extend; se originalet i accepted/: {}", names.join(", ")),
            ),
            Warning::NoDeliveryAddress => language.pick(
                "the order names no place to deliver to, so the goods go to the customer's own address at Extend"
                    .into(),
                "ordern nämner ingen plats att leverera till, så varorna går till kundens egen adress i Extend"
                    .into(),
            ),
            Warning::FreeTwin { product } => language.pick(
                format!(
                    "the product {product} stands twice in the order, once for nothing: if the webshop lists a \
                     variant and what it is a variant of, leave one of them out (skip_rows in the settings)"
                ),
                format!(
                    "produkten {product} står två gånger i ordern, en gång gratis: listar webbshoppen en variant och \
                     det den är en variant av, utelämna den ena (skip_rows i inställningarna)"
                ),
            ),
            Warning::UnknownProduct { number, meant: one } => language.pick(
                format!("The product {number} is not in the mirror of Extend, so the order will probably be refused.{}", meant(one)),
                format!("Produkten {number} finns inte i spegeln av Extend, så ordern nekas troligen.{}", meant(one)),
            ),
            Warning::UnknownCustomer { number, meant: one } => language.pick(
                format!("The customer {number} is not in the mirror of Extend, so the order will probably be refused.{}", meant(one)),
                format!("Kunden {number} finns inte i spegeln av Extend, så ordern nekas troligen.{}", meant(one)),
            ),
            Warning::UnknownUnit { product, unit, known } => language.pick(
                format!(
                    "The product {product} is not sold in the unit {unit}; it has {}.",
                    known.join(", ")
                ),
                format!("Produkten {product} säljs inte i enheten {unit}; den har {}.", known.join(", ")),
            ),
        }
    }

    /// As it stands in the receipt.
    pub fn to_json(&self, language: Language) -> Value {
        json!({ "code": self.code(), "message": self.message(language) })
    }
}
