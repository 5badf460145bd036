//! The fields of an order that a column can fill, by their dotted paths in Extend's shape.

use super::cell;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    Text,
    /// A number, with a fraction or without.
    Number,
    /// Yes or no.
    Flag,
    /// A moment.
    Date,
    /// A country in two letters.
    Country,
    /// A currency in three letters.
    Currency,
    /// One of some words.
    OneOf(&'static [&'static str]),
}

use FieldType::{Country, Currency, Date, Flag, Number, OneOf, Text};

/// The field that names an order, by which rows are grouped.
pub const KEY: &str = "orderHeader.orderNumberExternal";
/// The price of one.
pub const UNIT_PRICE: &str = "orderRows.salesData.unitPrice";
/// How many.
pub const QUANTITY: &str = "orderRows.salesData.quantity";
/// What it is counted in.
pub const UNIT: &str = "orderRows.salesData.unit";
/// VAT in percent.
pub const VAT: &str = "orderRows.salesData.vatPercent";
/// The currency of an order's prices.
pub const CURRENCY: &str = "orderRows.salesData.currency";
/// What was bought.
pub const PRODUCT: &str = "orderRows.product.productNumber";

/// What is no field of Extend's: amounts that become rows or prices, or that are held against the rows.
pub const AMOUNTS: [&str; 10] = [
    "total",
    "vat_total",
    "freight",
    "freight_vat",
    "fee",
    "fee_vat",
    "discount",
    "row_total",
    "row_discount",
    "row_vat",
];

const ORDER_TYPES: &[&str] = &[
    "Normal",
    "QuickOrder",
    "Express",
    "ServiceOrderExpress",
    "WarehouseTransferOrder",
    "ServiceOrderNormal",
    "ServiceOrderPickup",
    "RMAOrder",
    "ReplacementOrder",
    "CDDestination",
    "Subscription",
    "SeasonOrder",
    "WebshopOrder",
    "AgreedOrder",
    "GiftshopOrder",
];

const PAYMENT_TYPES: &[&str] = &[
    "Billing",
    "Autogiro",
    "AdvancePayment",
    "Factoring",
    "CashPayment",
    "LastSchrift",
    "CreditCard",
    "ManualOnHold",
    "FaktureraMig",
    "CashOnDelivery",
    "Mobile",
    "GiftCard",
    "PaypalPrepaid",
    "KlarnaPrepaid",
    "CDONPrepaid",
    "BonusPoints",
    "FruugoPrepaid",
    "FnacPrepaid",
    "ReplacementOrder",
    "WalleyPrepaid",
    "FyndiqPrepaid",
    "DartyPrepaid",
    "ShopifyPrepaid",
];

const SUPPLY_MODES: &[&str] = &[
    "Warehouse",
    "DirectDelivery",
    "FlowLogic",
    "FlowLogicDist",
    "Service",
    "WarehouseService",
    "Package",
    "Freight",
    "Discount",
    "PaymentPenalty",
    "PaymentDiscrepancy",
    "Round",
    "BillOfMaterials",
];

/// Every field, with what it holds.
pub const FIELDS: &[(&str, FieldType)] = &[
    (KEY, Text),
    ("orderHeader.orderType", OneOf(ORDER_TYPES)),
    ("orderHeader.orderNumberEndCustomer", Text),
    ("orderHeader.orderDate", Date),
    ("orderHeader.customerNumber", Text),
    ("orderHeader.customerGLN", Text),
    ("orderHeader.askedDeliveryDate", Date),
    ("orderHeader.partialDelivery", Flag),
    ("orderHeader.freightFree", Flag),
    ("orderHeader.paymentType", OneOf(PAYMENT_TYPES)),
    ("orderHeader.paymentTerms", Text),
    ("orderHeader.deliveryMethod", Text),
    ("orderHeader.transportCondition", Text),
    ("orderHeader.yourReference", Text),
    ("orderHeader.ourReference", Text),
    ("orderHeader.deliveryAddress.name1", Text),
    ("orderHeader.deliveryAddress.name2", Text),
    ("orderHeader.deliveryAddress.address1", Text),
    ("orderHeader.deliveryAddress.address2", Text),
    ("orderHeader.deliveryAddress.address3", Text),
    ("orderHeader.deliveryAddress.postalCode", Text),
    ("orderHeader.deliveryAddress.city", Text),
    ("orderHeader.deliveryAddress.state", Text),
    ("orderHeader.deliveryAddress.countryCode", Country),
    ("orderHeader.deliveryAddress.doorCode", Text),
    ("orderHeader.invoiceAddress.name", Text),
    ("orderHeader.invoiceAddress.address1", Text),
    ("orderHeader.invoiceAddress.address2", Text),
    ("orderHeader.invoiceAddress.address3", Text),
    ("orderHeader.invoiceAddress.postalCode", Text),
    ("orderHeader.invoiceAddress.city", Text),
    ("orderHeader.invoiceAddress.state", Text),
    ("orderHeader.invoiceAddress.countryCode", Country),
    // The service's own spelling.
    ("orderHeader.delieryPhoneNumber", Text),
    ("orderHeader.advisePhoneNumber", Text),
    ("orderHeader.deliveryEmail", Text),
    ("orderHeader.invoiceEmail", Text),
    ("orderHeader.adviseEmail", Text),
    ("orderHeader.notations.notes", Text),
    ("orderHeader.notations.shippingMark", Text),
    ("orderHeader.notations.handlingMark", Text),
    ("orderHeader.external.externalId", Text),
    ("orderHeader.external.freeText", Text),
    ("orderHeader.shipmentReference", Text),
    ("orderHeader.salesChannel", Text),
    ("orderHeader.accountingCode", Text),
    (PRODUCT, Text),
    ("orderRows.product.productName", Text),
    ("orderRows.product.productNotes", Text),
    ("orderRows.product.customerProductNumber", Text),
    (QUANTITY, Number),
    (UNIT, Text),
    (UNIT_PRICE, Number),
    (VAT, Number),
    (CURRENCY, Currency),
    ("orderRows.supplyMode", OneOf(SUPPLY_MODES)),
    ("orderRows.warehouse", Text),
    ("orderRows.shipDate", Date),
    ("orderRows.notations.notes", Text),
    ("orderRows.externalRow.externalRowId", Text),
    ("orderRows.externalRow.freeText", Text),
];

/// An address of the header: it is left out where no cell names a place.
pub struct Address {
    /// Its field.
    pub name: &'static str,
    /// Fields of the header that name a place.
    pub places: &'static [&'static str],
    /// What Extend needs in it, with the whole path.
    pub needed: &'static [(&'static str, &'static str)],
}

/// The addresses of the header.
pub const ADDRESSES: [Address; 2] = [
    Address {
        name: "deliveryAddress",
        places: &["deliveryAddress.address1", "deliveryAddress.postalCode", "deliveryAddress.city"],
        needed: &[
            ("name1", "orderHeader.deliveryAddress.name1"),
            ("address1", "orderHeader.deliveryAddress.address1"),
            ("city", "orderHeader.deliveryAddress.city"),
            ("countryCode", "orderHeader.deliveryAddress.countryCode"),
        ],
    },
    Address {
        name: "invoiceAddress",
        places: &["invoiceAddress.address1", "invoiceAddress.postalCode", "invoiceAddress.city"],
        needed: &[
            ("name", "orderHeader.invoiceAddress.name"),
            ("address1", "orderHeader.invoiceAddress.address1"),
            ("city", "orderHeader.invoiceAddress.city"),
            ("countryCode", "orderHeader.invoiceAddress.countryCode"),
        ],
    },
];

/// What a field or an amount holds, by its path.
pub fn field_type(path: &str) -> Option<FieldType> {
    let known = FIELDS.iter().find(|(known, _)| *known == path).map(|(_, holds)| *holds);
    known.or_else(|| AMOUNTS.contains(&path).then_some(Number))
}

/// Whether a constant or default of the settings reads as what its field holds.
pub fn reads_as(path: &str, text: &str, dates: &[String]) -> bool {
    match field_type(path) {
        None => false,
        Some(Text) => !text.is_empty(),
        Some(Number) => cell::number(text, '.').is_some(),
        Some(Flag) => cell::flag(text).is_some(),
        Some(Country) => super::plan::is_country(text),
        Some(Currency) => super::plan::is_currency(text),
        Some(Date) => cell::moment(text, dates, jiff::tz::Offset::UTC).is_some(),
        Some(OneOf(words)) => words.contains(&text),
    }
}
