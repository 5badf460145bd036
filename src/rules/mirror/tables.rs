//! Which field of Extend's records becomes which column.
//!
//! The field names are those of Extend's API description. A record has two sources: the row of a list
//! and the detail, one GET by number. A column's value is made from both, so that it does not depend
//! on which came last ([`Prefer`]).

use super::cells::Kind::{self, Choice, Flag, Real, Text, Time};

/// Which source a column believes where both have a value. The other fills in where one has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// The list's: it is fetched again and again, the detail now and then.
    List,
    /// The detail's, once it was fetched.
    Detail,
    /// That of the source which is being stored: the state of an order, a customer that we changed.
    Latest,
}

/// One column of a mirrored table.
#[derive(Debug)]
pub struct Column {
    /// Its name in the table, and in what is put out.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The field of the list row; empty where the list does not have it.
    pub list: &'static str,
    /// The path in the detail, with dots; empty where the detail does not have it.
    pub detail: &'static str,
    /// A list row without it is odd: Extend's description calls the field required.
    pub needed: bool,
    /// Which source is believed.
    pub prefer: Prefer,
}

const fn column(name: &'static str, kind: Kind, list: &'static str, detail: &'static str) -> Column {
    Column { name, kind, list, detail, needed: false, prefer: Prefer::List }
}

const fn needed(name: &'static str, kind: Kind, list: &'static str, detail: &'static str) -> Column {
    Column { name, kind, list, detail, needed: true, prefer: Prefer::List }
}

impl Column {
    const fn detail_first(self) -> Column {
        Column { prefer: Prefer::Detail, ..self }
    }

    const fn latest(self) -> Column {
        Column { prefer: Prefer::Latest, ..self }
    }
}

/// A mirrored table.
#[derive(Debug)]
pub struct Table {
    /// Its name, also the entity's.
    pub name: &'static str,
    /// The columns that Extend's records fill, the primary key first. All of them are put out.
    pub columns: &'static [Column],
    /// How many of them are the primary key.
    pub keys: usize,
    /// How many key columns the caller gives, as the record does not have them.
    pub given: usize,
    /// The column that keeps the list row's text.
    pub list_text: Option<&'static str>,
    /// The column that keeps the detail's text.
    pub detail_text: Option<&'static str>,
    /// Fields of the list row whose change alone is no change. The first of them is a warehouse: of
    /// several rows for one key, that of the first warehouse in name order is kept.
    pub volatile: &'static [&'static str],
    /// A column that is set to the time of each write.
    pub stamp: Option<&'static str>,
    /// A column that is set to the time of each write of a detail.
    pub detail_stamp: Option<&'static str>,
    /// Whether a row that is gone stays, with `removed_at`. Otherwise it is deleted.
    pub keeps_removed: bool,
    /// Whether its changes are owed to the webshop.
    pub put_out: bool,
}

impl Table {
    /// The column of the number that names the record: its own, or its product's.
    pub fn number_column(&self) -> usize {
        self.given
    }

    /// The names of the columns that are put out, in order.
    pub fn put_out_columns(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.columns.iter().map(|column| column.name).collect();
        if self.keeps_removed {
            names.push("removed_at");
        }
        names.extend(self.stamp);
        names
    }
}

const SUPPLY_MODES: Kind = Choice(&[
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
]);

const ORDER_STATUSES: Kind = Choice(&[
    "Created",
    "Incoming",
    "IncomingWithErrors",
    "Reserved",
    "Terminated",
    "Annulled",
    "OnHoldPayment",
    "OnHoldManual",
    "Pause",
    "PendingForReview",
    "Subscription",
    "Draft",
    "DraftAllocation",
    "PartiallyDelivered",
]);

const ORDER_TYPES: Kind = Choice(&[
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
]);

/// The states of an order row, spelled as Extend spells them.
pub const ORDER_ROW_STATUSES: Kind = Choice(&[
    "Created",
    "Incoming",
    "IncomingWithErrors",
    "Reserved",
    "ReservedWithErros",
    "PurchaseDone",
    "PurchaseConfirmed",
    "PurchaseDelivered",
    "Picked",
    "Annulled",
    "ConfirmationSent",
    "ConfirmationSentWithErrors",
    "AwaitingPayment",
    "Pause",
    "PendingForReview",
    "Subscription",
    "Draft",
    "DraftAllocation",
]);

const RETURN_STATUSES: Kind = Choice(&["Ordered", "Received", "Cancelled", "PartiallyReceived"]);

/// `products`, from Products (ProductListItem, one row per product and warehouse) and Products/{id}.
pub static PRODUCTS: Table = Table {
    name: "products",
    columns: &[
        needed("product_number", Text, "productNumber", "productNumber"),
        column("name", Text, "productName", "productData.productName"),
        needed("unit", Text, "productUnit", "productData.productUnit"),
        needed("supply_mode", SUPPLY_MODES, "supplyMode", ""),
        needed("currency", Text, "currency", "productData.currency"),
        needed("cost", Real, "cost", "productData.cost"),
        column("gtin", Text, "gtinNumberList", "productData.productGTINumber"),
        column("manufacturer", Text, "manufacturer", "productData.manufacturer"),
        column(
            "manufacturer_number",
            Text,
            "manufacturerProductNumber",
            "productData.manufacturerProductNumber",
        ),
        needed("country", Text, "countryOfOrigin", "productData.countryOfOrigin"),
        column(
            "category1",
            Text,
            "statisticalCategory1",
            "productData.productGroupsAndCategories.statisticalCategory1",
        ),
        column(
            "category2",
            Text,
            "statisticalCategory2",
            "productData.productGroupsAndCategories.statisticalCategory2",
        ),
        column(
            "category3",
            Text,
            "statisticalCategory3",
            "productData.productGroupsAndCategories.statisticalCategory3",
        ),
        column("description", Text, "", "productData.productDescription"),
        column("enabled", Flag, "enabled", "productData.enabled").detail_first(),
        column("annulled", Flag, "", "productData.annulled"),
        needed("created_at", Time, "createDate", "productData.productDates.createdDate").detail_first(),
        column("changed_at", Time, "", "productData.productDates.changedDate"),
    ],
    keys: 1,
    given: 0,
    list_text: Some("raw_list"),
    detail_text: Some("raw"),
    volatile: &["warehouse", "availableBalance"],
    stamp: None,
    detail_stamp: Some("detail_at"),
    keeps_removed: true,
    put_out: true,
};

/// `customers`, from Customers (CustomerListItem) and Customers/{id}. Where the details of customers are not
/// fetched there is one all the same after the webshop changed one: it is newer than the list row until the next
/// one differs.
pub static CUSTOMERS: Table = Table {
    name: "customers",
    columns: &[
        needed("customer_number", Text, "customerNumber", "customerNumber"),
        needed("name", Text, "name", "name").latest(),
        column("last_name", Text, "lastName", "lastName").latest(),
        column("organization_number", Text, "organizationNumber", "organizationNumber").latest(),
        column("email", Text, "email2", ""),
        column("phone", Text, "phoneNumber2", "phone").latest(),
        column("address", Text, "deliveryAddress1", "customerDeliveryAddress.address.address1").latest(),
        needed("postal_code", Text, "deliveryPostalCode", "customerDeliveryAddress.address.postalCode")
            .latest(),
        needed("city", Text, "deliveryCity", "customerDeliveryAddress.address.city").latest(),
        column("country", Text, "", "customerDeliveryAddress.address.country"),
        column("credit_limit", Kind::TextReal, "creditLimit", "customerFinancialSettings.creditLimit")
            .latest(),
        column("credit_limit_currency", Text, "creditLimitCurrency", ""),
        column("invoice_email", Text, "invoiceEmail", "invoiceEmail").latest(),
        column("changed_at", Time, "changeDate", "changeDate").latest(),
    ],
    keys: 1,
    given: 0,
    list_text: Some("raw_list"),
    detail_text: Some("raw"),
    volatile: &[],
    stamp: None,
    detail_stamp: Some("detail_at"),
    keeps_removed: true,
    put_out: true,
};

/// `prices`, from ProductPrices (ProductPriceItem): the best price right now for one customer.
pub static PRICES: Table = Table {
    name: "prices",
    columns: &[
        column("customer_number", Text, "", ""),
        needed("product_number", Text, "productNumber", ""),
        needed("sales_unit", Text, "salesUnit", ""),
        needed("from_quantity", Real, "fromQuantity", ""),
        needed("currency", Text, "currency", ""),
        needed("price", Real, "price", ""),
        needed("list_price", Real, "listPrice", ""),
        needed("vat_percent", Real, "vatPercent", ""),
    ],
    keys: 5,
    given: 1,
    list_text: None,
    detail_text: None,
    volatile: &[],
    stamp: Some("fetched_at"),
    detail_stamp: None,
    keeps_removed: false,
    put_out: true,
};

/// `balances`, from ProductAvailability.
pub static BALANCES: Table = Table {
    name: "balances",
    columns: &[
        needed("product_number", Text, "productNumber", ""),
        needed("warehouse", Text, "warehouse", ""),
        needed("warehouse_name", Text, "warehouseName", ""),
        needed("available", Real, "availableBalanceNow", ""),
        needed("physical", Real, "physicalBalance", ""),
        needed("ordered", Real, "orderedQuantity", ""),
        needed("blocked", Real, "blockedBalance", ""),
        column("next_receiving_date", Time, "nextReceivingDate", ""),
        column("next_receiving_quantity", Real, "quantityOnNextReceiving", ""),
        column("changed_at", Time, "changeDate", ""),
    ],
    keys: 2,
    given: 0,
    list_text: Some("raw"),
    detail_text: None,
    volatile: &[],
    stamp: None,
    detail_stamp: None,
    keeps_removed: false,
    put_out: true,
};

/// `orders`, from CustomerOrders (CustomerOrderListItem) and CustomerOrders/{id}.
pub static ORDERS: Table = Table {
    name: "orders",
    columns: &[
        needed("order_number", Text, "orderNumber", "orderHeader.orderNumber"),
        needed("order_number_external", Text, "orderNumberExternal", "orderHeader.orderNumberExternal")
            .latest(),
        column("order_type", ORDER_TYPES, "orderType", "orderHeader.orderType").latest(),
        needed("status", ORDER_STATUSES, "orderStatus", "orderHeader.orderStatus").latest(),
        needed("customer_number", Text, "customerNumber", "orderHeader.customerNumber").latest(),
        needed("order_date", Time, "orderDate", "orderHeader.orderDate").latest(),
        needed("asked_delivery_date", Time, "askedDeliveryDate", "orderHeader.askedDeliveryDate").latest(),
        needed("total_price", Real, "totalPrice", ""),
        needed("changed_at", Time, "changeDate", ""),
    ],
    keys: 1,
    given: 0,
    list_text: Some("raw_list"),
    detail_text: Some("raw"),
    volatile: &[],
    stamp: Some("fetched_at"),
    detail_stamp: None,
    keeps_removed: false,
    put_out: false,
};

/// `returns`, from ReturnOrders (ReturnOrderListItem) and ReturnOrders/{id}.
pub static RETURNS: Table = Table {
    name: "returns",
    columns: &[
        needed("return_number", Text, "returnNumber", "header.returnNumber"),
        column("reference_order_number", Text, "referenceOrderNumber", "header.referenceOrderNumber")
            .latest(),
        needed("status", RETURN_STATUSES, "status", "header.status").latest(),
        column("customer_number", Text, "customerNumber", "header.customerNumber").latest(),
        needed("created_at", Time, "createDate", "header.createDate").latest(),
        column("reference", Text, "", "header.reference"),
    ],
    keys: 1,
    given: 0,
    list_text: Some("raw_list"),
    detail_text: Some("raw"),
    volatile: &[],
    stamp: Some("fetched_at"),
    detail_stamp: None,
    keeps_removed: false,
    put_out: false,
};
