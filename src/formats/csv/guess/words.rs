//! What shops call their columns, in Swedish and English, as [`super::bare`] leaves it.

use crate::formats::csv::fields;

/// Names of columns by what they fill. The first that fits wins, so the particular stand before the general.
pub(super) const NAMES: &[(&str, &[&str])] = &[
    (
        fields::KEY,
        &[
            "ordernr",
            "ordernummer",
            "ordernumber",
            "orderno",
            "orderid",
            "order",
            "webordernr",
            "webborder",
            "webbordernr",
            "bestallningsnummer",
            "bestallningsnr",
            "bestallning",
            "incrementid",
            "ordrenr",
            "ordrenummer",
        ],
    ),
    (
        "orderHeader.orderDate",
        &[
            "orderdatum",
            "orderdate",
            "datum",
            "date",
            "createdat",
            "skapad",
            "bestalld",
            "bestallningsdatum",
            "ordredato",
        ],
    ),
    (
        "orderHeader.askedDeliveryDate",
        &["leveransdatum", "onskatleveransdatum", "onskadleverans", "deliverydate", "requesteddeliverydate"],
    ),
    (
        "orderHeader.customerNumber",
        &["kundnr", "kundnummer", "customernumber", "customerno", "customerid", "kundid", "kund", "kundenr"],
    ),
    (
        "orderHeader.yourReference",
        &["erreferens", "yourreference", "referens", "reference", "marke", "markning"],
    ),
    (
        "orderHeader.paymentType",
        &[
            "betalsatt",
            "betalningssatt",
            "betalning",
            "betalmetod",
            "betalningsmetod",
            "paymentmethod",
            "paymenttype",
            "payment",
            "betaling",
        ],
    ),
    (
        "orderHeader.deliveryMethod",
        &[
            "leveranssatt",
            "fraktsatt",
            "leveransmetod",
            "fraktmetod",
            "shippingmethod",
            "deliverymethod",
            "transportor",
        ],
    ),
    (
        "orderHeader.notations.notes",
        &[
            "kommentar",
            "meddelande",
            "kundensmeddelande",
            "notering",
            "anteckning",
            "notes",
            "note",
            "comment",
            "comments",
            "ordercomment",
            "customernote",
        ],
    ),
    (
        "orderHeader.deliveryEmail",
        &["epost", "email", "mail", "epostadress", "kundepost", "customeremail", "mejl", "billingemail"],
    ),
    (
        "orderHeader.delieryPhoneNumber",
        &[
            "telefon",
            "telefonnummer",
            "tel",
            "phone",
            "phonenumber",
            "mobil",
            "mobilnummer",
            "mobile",
            "shippingphone",
            "billingphone",
        ],
    ),
    (
        fields::PRODUCT,
        &[
            "artikelnr",
            "artikelnummer",
            "artnr",
            "artikel",
            "sku",
            "itemsku",
            "productnumber",
            "productsku",
            "articlenumber",
            "itemnumber",
            "produktnr",
            "produktnummer",
            "varenr",
            "varenummer",
            "lineitemsku",
        ],
    ),
    (
        "orderRows.product.productName",
        &[
            "benamning",
            "artikelnamn",
            "produktnamn",
            "produkt",
            "productname",
            "itemname",
            "product",
            "beskrivning",
            "titel",
            "lineitemname",
        ],
    ),
    (
        fields::QUANTITY,
        &["antal", "quantity", "qty", "kvantitet", "qtyordered", "itemquantity", "lineitemquantity"],
    ),
    (fields::UNIT, &["enhet", "unit", "enhed"]),
    (
        "row_total",
        &["radsumma", "radbelopp", "radtotal", "linetotal", "rowtotal", "itemtotal", "belopp", "subtotal"],
    ),
    ("row_discount", &["radrabatt", "linediscount", "rowdiscount", "itemdiscount", "lineitemdiscount"]),
    ("row_vat", &["momsbelopp", "radmoms", "vatamount", "taxamount", "itemtotaltax", "linetax", "rowvat"]),
    (
        fields::UNIT_PRICE,
        &[
            "apris",
            "styckpris",
            "enhetspris",
            "prisperst",
            "unitprice",
            "itemprice",
            "lineitemprice",
            "pris",
            "price",
        ],
    ),
    (
        fields::VAT,
        &["momssats", "momsprocent", "moms", "vatpercent", "vatrate", "taxrate", "taxpercent", "vat", "mva"],
    ),
    (fields::CURRENCY, &["valuta", "valutakod", "currency", "currencycode", "ordercurrency"]),
    ("orderRows.warehouse", &["lager", "lagerstalle", "warehouse"]),
    (
        "freight",
        &[
            "frakt",
            "fraktkostnad",
            "fraktavgift",
            "fraktbelopp",
            "shipping",
            "shippingcost",
            "shippingtotal",
            "shippingamount",
            "freight",
        ],
    ),
    ("fee", &["avgift", "avgifter", "faktureringsavgift", "fakturaavgift", "fee", "feetotal", "fees"]),
    (
        "discount",
        &[
            "rabatt",
            "rabattbelopp",
            "orderrabatt",
            "discount",
            "discountamount",
            "discounttotal",
            "totalrabatt",
        ],
    ),
    (
        "total",
        &[
            "ordersumma",
            "ordertotal",
            "orderbelopp",
            "totalsumma",
            "totalbelopp",
            "totalt",
            "total",
            "summa",
            "grandtotal",
            "attbetala",
            "slutsumma",
        ],
    ),
];

/// What stands before a part of an address: of delivery, then of the invoice.
pub(super) const DELIVERY: &[&str] =
    &["leverans", "lev", "delivery", "shipping", "shipto", "ship", "mottagar", ""];
/// See [`DELIVERY`].
pub(super) const INVOICE: &[&str] = &["faktura", "fakt", "billing", "billto", "bill", "invoice"];

/// Parts of an address: the field of a delivery address, that of an invoice address, and what it is called.
pub(super) const PARTS: &[(&str, &str, &[&str])] = &[
    ("name1", "name", &["namn", "name", "fullname", "kundnamn", "customername"]),
    ("name2", "", &["foretag", "company", "foretagsnamn", "bolag", "companyname"]),
    (
        "address1",
        "address1",
        &["adress1", "address1", "gatuadress", "gata", "street", "street1", "adress", "address", "adr"],
    ),
    ("address2", "address2", &["adress2", "address2", "street2", "coadress", "co"]),
    ("postalCode", "postalCode", &["postnr", "postnummer", "zip", "zipcode", "postcode", "postalcode"]),
    ("city", "city", &["postort", "ort", "stad", "city", "town"]),
    ("countryCode", "countryCode", &["landskod", "land", "countrycode", "country", "countryid"]),
    ("doorCode", "", &["portkod", "doorcode"]),
];

/// What first and last names are called.
pub(super) const FIRST_NAME: &[&str] = &["fornamn", "firstname", "givenname"];
/// See [`FIRST_NAME`].
pub(super) const LAST_NAME: &[&str] = &["efternamn", "lastname", "surname", "familyname"];

/// What the column is called that says how an order stands.
pub(super) const STATUS: &[&str] = &[
    "status",
    "orderstatus",
    "financialstatus",
    "paymentstatus",
    "betalstatus",
    "betalningsstatus",
    "state",
    "tillstand",
];

/// What the column is called that says when an order was called off.
pub(super) const CALLED_OFF_AT: &[&str] =
    &["cancelledat", "canceledat", "cancelled", "makulerad", "avbestalld", "avbruten", "annullerad"];

/// Parts of the words for an order that is not to be sent.
pub(super) const CALLED_OFF: &[&str] = &[
    "cancel", "annul", "makul", "avbr", "avbest", "refund", "aterbet", "krediter", "void", "fail",
    "misslyck", "expired", "fraud", "closed",
];

/// Parts of the words for ways to pay, and Extend's word.
pub(super) const PAYMENTS: &[(&str, &str)] = &[
    ("klarna", "KlarnaPrepaid"),
    ("walley", "WalleyPrepaid"),
    ("paypal", "PaypalPrepaid"),
    ("shopify", "ShopifyPrepaid"),
    ("swish", "Mobile"),
    ("presentkort", "GiftCard"),
    ("giftcard", "GiftCard"),
    ("kort", "CreditCard"),
    ("card", "CreditCard"),
    ("stripe", "CreditCard"),
    ("faktura", "Billing"),
    ("invoice", "Billing"),
    ("checkmo", "Billing"),
    ("efterkrav", "CashOnDelivery"),
    ("cod", "CashOnDelivery"),
    ("forskott", "AdvancePayment"),
    ("bacs", "AdvancePayment"),
    ("kontant", "CashPayment"),
    ("cash", "CashPayment"),
];

/// Of columns that name a price: whether it is with VAT.
pub(super) const WITH_VAT: &[&str] =
    &["inklmoms", "inklmva", "inclvat", "incltax", "inkmoms", "medmoms", "inkl"];
/// See [`WITH_VAT`].
pub(super) const WITHOUT_VAT: &[&str] =
    &["exklmoms", "exkmoms", "exmoms", "exclvat", "excltax", "exvat", "utanmoms", "exkl"];

/// Forms of dates that are tried beside [`crate::formats::csv::DATES`].
pub(super) const DATES: &[&str] = &[
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%Y%m%d",
    "%y%m%d",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
];
