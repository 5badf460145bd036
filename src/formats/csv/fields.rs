//! The fields of an order that a column can fill, by their dotted paths in Extend's shape.

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
    /// One of some words.
    OneOf(&'static [&'static str]),
}

use FieldType::{Date, Flag, Number, OneOf, Text};

/// The field that names an order, by which rows are grouped.
pub const KEY: &str = "orderHeader.orderNumberExternal";
/// The price of one.
pub const UNIT_PRICE: &str = "orderRows.salesData.unitPrice";
/// How many.
pub const QUANTITY: &str = "orderRows.salesData.quantity";
/// VAT in percent.
pub const VAT: &str = "orderRows.salesData.vatPercent";
/// The currency of an order's prices.
pub const CURRENCY: &str = "orderRows.salesData.currency";
/// What was bought.
pub const PRODUCT: &str = "orderRows.product.productNumber";

/// What is no field of Extend's: amounts that become rows, or that are held against the rows.
pub const AMOUNTS: [&str; 4] = ["total", "freight", "discount", "row_total"];

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
    ("orderHeader.deliveryAddress.countryCode", Text),
    ("orderHeader.deliveryAddress.doorCode", Text),
    ("orderHeader.invoiceAddress.name", Text),
    ("orderHeader.invoiceAddress.address1", Text),
    ("orderHeader.invoiceAddress.address2", Text),
    ("orderHeader.invoiceAddress.address3", Text),
    ("orderHeader.invoiceAddress.postalCode", Text),
    ("orderHeader.invoiceAddress.city", Text),
    ("orderHeader.invoiceAddress.state", Text),
    ("orderHeader.invoiceAddress.countryCode", Text),
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
    ("orderRows.salesData.unit", Text),
    (UNIT_PRICE, Number),
    (VAT, Number),
    (CURRENCY, Text),
    ("orderRows.supplyMode", OneOf(SUPPLY_MODES)),
    ("orderRows.warehouse", Text),
    ("orderRows.shipDate", Date),
    ("orderRows.notations.notes", Text),
    ("orderRows.externalRow.externalRowId", Text),
    ("orderRows.externalRow.freeText", Text),
];

/// Objects that are left out where no column filled them, with what Extend needs in them where they are there.
pub const ADDRESSES: [(&str, &[&str]); 2] = [
    ("deliveryAddress", &["name1", "address1", "city", "countryCode"]),
    ("invoiceAddress", &["name", "address1", "city", "countryCode"]),
];

/// What a field holds, by its path.
pub fn field_type(path: &str) -> Option<FieldType> {
    FIELDS.iter().find(|(known, _)| *known == path).map(|(_, holds)| *holds)
}
