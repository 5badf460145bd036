//! How UBL orders are mapped: `[ubl]` of the settings.

use std::collections::BTreeMap;

use jiff::tz::Offset;
use rust_decimal::Decimal;

/// `[ubl]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Customer numbers by what a buyer is known by: `0088:7300010000001`, or without the scheme.
    pub customers: BTreeMap<String, String>,
    /// The customer of a buyer who is not known; `None`: such an order is rejected.
    pub customer: Option<String>,
    /// Product numbers by what a buyer calls an item: a number of any kind, or a name.
    pub items: BTreeMap<String, String>,
    /// Extend's units by codes of UN/ECE Recommendation 20, beside those that are known.
    pub units: BTreeMap<String, String>,
    /// The shop's number of an order, with `{id}` and `{customer}`.
    pub order_number: String,
    /// Of times that name none.
    pub utc_offset: Offset,
    /// How far the file's totals may be off what its lines add up to.
    pub tolerance: Decimal,
    /// The article of an allowance.
    pub allowance: Option<Article>,
    /// The article of a charge.
    pub charge: Option<Article>,
    /// The article of a charge that is freight; `None`: as any charge.
    pub freight: Option<Article>,
    /// The article of what rounding leaves; `None`: within the tolerance nothing is done about it.
    pub round: Option<Article>,
}

/// The article of a row that the agent adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Its number at Extend.
    pub product: String,
    /// Its unit.
    pub unit: String,
}

/// How an order's number is made where the settings do not say it.
pub const ORDER_NUMBER: &str = "{id}";

impl Default for Mapping {
    fn default() -> Mapping {
        Mapping {
            customers: BTreeMap::new(),
            customer: None,
            items: BTreeMap::new(),
            units: BTreeMap::new(),
            order_number: ORDER_NUMBER.into(),
            utc_offset: Offset::UTC,
            tolerance: Decimal::new(5, 2),
            allowance: None,
            charge: None,
            freight: None,
            round: None,
        }
    }
}

impl Mapping {
    /// The shop's number of a buyer's order.
    pub(super) fn order_number(&self, id: &str, customer: &str) -> String {
        self.order_number.replace("{customer}", customer).replace("{id}", id)
    }
}
