BEGIN;
PRAGMA defer_foreign_keys = ON;
CREATE TABLE refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
CREATE TABLE products (
    product_number      TEXT NOT NULL PRIMARY KEY,
    name                TEXT,
    unit                TEXT,
    supply_mode         TEXT,
    currency            TEXT,
    cost                REAL,
    gtin                TEXT,
    manufacturer        TEXT,
    manufacturer_number TEXT,
    country             TEXT,
    category1           TEXT,
    category2           TEXT,
    category3           TEXT,
    description         TEXT,
    enabled             INTEGER,
    annulled            INTEGER,
    created_at          TEXT,
    changed_at          TEXT,
    removed_at          TEXT,               -- when it was first absent from a full list
    raw                 TEXT,               -- the detail as Extend sent it, where it was fetched
    raw_list            TEXT,               -- the list row as Extend sent it
    detail_at           TEXT,               -- when the detail was last seen to be another
    odd                 INTEGER NOT NULL DEFAULT 0 -- + 1: the list row is not as described, + 2: the detail
) STRICT;
CREATE TABLE product_components (
    product_number   TEXT NOT NULL,
    component_number TEXT NOT NULL,
    quantity         REAL NOT NULL,
    unit             TEXT,
    sort_order       INTEGER NOT NULL,
    PRIMARY KEY (product_number, sort_order, component_number)
) STRICT, WITHOUT ROWID;
CREATE TABLE customers (
    customer_number       TEXT NOT NULL PRIMARY KEY,
    name                  TEXT,
    last_name             TEXT,
    organization_number   TEXT,
    email                 TEXT,
    phone                 TEXT,
    address               TEXT,
    postal_code           TEXT,
    city                  TEXT,
    country               TEXT,
    credit_limit          REAL,
    credit_limit_currency TEXT,
    invoice_email         TEXT,
    changed_at            TEXT,
    removed_at            TEXT,
    raw                   TEXT,
    raw_list              TEXT,
    detail_at             TEXT,
    odd                   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE prices (
    customer_number TEXT NOT NULL,
    product_number  TEXT NOT NULL,
    sales_unit      TEXT NOT NULL,
    from_quantity   REAL NOT NULL,
    currency        TEXT NOT NULL,
    price           REAL,
    list_price      REAL,
    vat_percent     REAL,
    fetched_at      TEXT NOT NULL,          -- when this price was last seen to change
    odd             INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (customer_number, product_number, sales_unit, from_quantity, currency)
) STRICT, WITHOUT ROWID;
CREATE TABLE balances (
    product_number          TEXT NOT NULL,
    warehouse               TEXT NOT NULL,
    warehouse_name          TEXT,
    available               REAL,
    physical                REAL,
    ordered                 REAL,
    blocked                 REAL,
    next_receiving_date     TEXT,
    next_receiving_quantity REAL,
    changed_at              TEXT,
    raw                     TEXT,
    odd                     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (product_number, warehouse)
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
    order_number          TEXT NOT NULL PRIMARY KEY,
    order_number_external TEXT,
    order_type            TEXT,
    status                TEXT,
    customer_number       TEXT,
    order_date            TEXT,
    asked_delivery_date   TEXT,
    total_price           REAL,
    changed_at            TEXT,
    raw                   TEXT,               -- the detail; NULL until it was fetched
    raw_list              TEXT,
    fetched_at            TEXT NOT NULL,      -- when the row was last written
    odd                   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE order_rows (
    order_number           TEXT NOT NULL,
    position               INTEGER NOT NULL,
    sub_position           INTEGER NOT NULL,
    product_number         TEXT,
    status                 TEXT,
    quantity               REAL,
    unit                   TEXT,
    unit_price             REAL,
    vat_percent            REAL,
    currency               TEXT,
    warehouse              TEXT,
    ship_date              TEXT,
    expected_delivery_date TEXT,
    parent_position        INTEGER,
    PRIMARY KEY (order_number, position, sub_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE shipments (
    order_number    TEXT NOT NULL,
    shipment_number TEXT NOT NULL,
    forwarder       TEXT,
    delivery_method TEXT,
    pick_date       TEXT,
    packages        INTEGER,
    PRIMARY KEY (order_number, shipment_number)
) STRICT, WITHOUT ROWID;
CREATE TABLE returns (
    return_number          TEXT NOT NULL PRIMARY KEY,
    reference_order_number TEXT,
    status                 TEXT,
    customer_number        TEXT,
    created_at             TEXT,
    raw                    TEXT,
    raw_list               TEXT,
    reference              TEXT,
    fetched_at             TEXT NOT NULL,
    checked_at             TEXT,            -- when its detail was last fetched, changed or not
    odd                    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE return_codes (
    return_code TEXT NOT NULL PRIMARY KEY,
    name        TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE details_wanted (
    entity  TEXT NOT NULL,
    number  TEXT NOT NULL,
    urgency INTEGER NOT NULL,               -- 0: a webhook named it, 1: it changed or an order names it, 2: the rest
    PRIMARY KEY (entity, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE price_customers (
    customer_number TEXT NOT NULL PRIMARY KEY,
    used            INTEGER NOT NULL DEFAULT 0, -- how many orders it has in the mirror
    tried_at        TEXT,                   -- when its prices were last asked for
    fetched_at      TEXT,                   -- when its whole list was last stored
    wanted_at       TEXT,                   -- when the customer was last seen to have changed, and its prices with it
    error           TEXT                    -- why that failed since
) STRICT, WITHOUT ROWID;
CREATE TABLE sync_state (
    entity          TEXT NOT NULL PRIMARY KEY,
    cursor          TEXT,                   -- Extend's time when the last whole round began
    last_success_at TEXT,
    last_full_at    TEXT,
    last_error      TEXT,
    last_error_at   TEXT,
    rows            INTEGER NOT NULL DEFAULT 0,
    odd_records     INTEGER NOT NULL DEFAULT 0,
    sweep_began_at  TEXT,                   -- since when a list of everything is read; NULL: none is
    sweep_rows      INTEGER NOT NULL DEFAULT 0, -- how many of its rows were read
    sweep_total     INTEGER,                -- how many it has, where Extend says so
    turn_number     TEXT NOT NULL DEFAULT '', -- the record that had its turn last though no list told that it changed
    turn_at         TEXT                    -- when that was
) STRICT, WITHOUT ROWID;
CREATE TABLE reconciliation (
    outbox_id INTEGER NOT NULL,
    problem   TEXT NOT NULL CHECK (problem IN ('missing', 'twice')),
    numbers   TEXT NOT NULL,                -- Extend's, of the order and of those beside it
    found_at  TEXT NOT NULL,
    PRIMARY KEY (outbox_id, problem)
) STRICT, WITHOUT ROWID;
CREATE TABLE sync_requests (
    entity       TEXT NOT NULL PRIMARY KEY,
    full         INTEGER NOT NULL,
    requested_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE hooks_seen (
    number  INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    seen_at TEXT NOT NULL
) STRICT;
CREATE TABLE hook_wants (
    entity    TEXT NOT NULL,
    number    TEXT NOT NULL,                -- '' is the list of what changed
    under_way INTEGER NOT NULL DEFAULT 0,   -- 0 again where a hook came after the fetch began
    tries     INTEGER NOT NULL DEFAULT 0,   -- fetches that failed
    PRIMARY KEY (entity, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE files (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,            -- as it was dropped
    arrival       INTEGER NOT NULL,         -- 1 for the first file of this name
    verdict       TEXT NOT NULL CHECK (verdict IN ('accepted', 'rejected')),
    content_hash  TEXT,                     -- SHA-256 of the bytes; NULL where they were not read
    size          INTEGER NOT NULL,
    received_at   TEXT NOT NULL,
    folder        TEXT NOT NULL,            -- in the exchange folder: accepted/2026-11-21 or rejected
    stored_name   TEXT NOT NULL,            -- its name there
    moved         INTEGER NOT NULL DEFAULT 0,
    thinned       INTEGER NOT NULL DEFAULT 0, -- 1: it ended long ago, and what lay in the folders is gone
    stamp         TEXT,                     -- size, time and identity, for one that was not read
    content       BLOB,                     -- the bytes as they were read, until they surely lie in `folder`
    error_code    TEXT,
    error_message TEXT,
    error_field   TEXT,
    error_line    INTEGER,
    problems      TEXT,                     -- all of them, as JSON
    left_out      TEXT,                     -- orders of an accepted file that the settings leave out, as the receipt has them
    part_of       INTEGER REFERENCES files(id), -- the accepted file whose bad documents these are
    UNIQUE (name, arrival)
) STRICT;
CREATE TABLE documents (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- also the id of its outbox item
    file_id      INTEGER NOT NULL REFERENCES files(id),
    position     INTEGER NOT NULL,          -- in its file, from 1
    kind         TEXT NOT NULL,
    key          TEXT,
    content_hash TEXT NOT NULL,             -- of the parsed content, see formats::canonical
    duplicate_of INTEGER REFERENCES documents(id),
    warnings     TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE inbox_left (
    name    TEXT NOT NULL PRIMARY KEY,
    code    TEXT NOT NULL,
    message TEXT NOT NULL,
    stamp   TEXT NOT NULL,                  -- size, time and identity when it was seen
    since   TEXT NOT NULL                   -- since when it has stood still like this
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    id               INTEGER PRIMARY KEY REFERENCES documents(id),
    kind             TEXT NOT NULL CHECK (kind IN ('order', 'order_change', 'row_cancellation',
                                                   'order_cancellation', 'return', 'customer')),
    key              TEXT,
    state            TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'delivered', 'refused', 'cancelled')),
    payload          TEXT,                  -- what is sent, number for number as the shop wrote it
    source_file      TEXT NOT NULL,
    received_at      TEXT NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,   -- requests begun, counted before they are made
    next_attempt_at  TEXT,
    delivered_at     TEXT,
    extend_number    TEXT,
    error_code       TEXT,
    error_message    TEXT,
    error_field      TEXT,
    refused_at       TEXT,
    cancelled_at     TEXT,
    content_hash     TEXT NOT NULL,
    made_key         INTEGER NOT NULL DEFAULT 0,   -- 1: the agent made the key
    customer_number  TEXT,
    order_reference  TEXT,                  -- the order that a return, change or cancellation names
    reference_is_ours INTEGER NOT NULL DEFAULT 0,  -- 1: by the shop's own number, 0: by Extend's
    unresolved       INTEGER NOT NULL DEFAULT 0,   -- 1: an attempt was begun and its outcome is not known
    first_attempt_at TEXT,                  -- by Extend's clock: nothing older can be ours
    failures         INTEGER NOT NULL DEFAULT 0,   -- in a row, while Extend was otherwise well
    ready            INTEGER NOT NULL DEFAULT 1,   -- 0: waits for another item, see outbox_waits
    look_up_first    INTEGER NOT NULL DEFAULT 0,   -- 1: refused in a backup, and nothing tells what came of it since
    answer           TEXT,                  -- what Extend gave back
    target           TEXT,                  -- what a change is made to: Extend's number of the order or customer
    prepared         TEXT                   -- that order or customer as it was before the change; NULL: it was not there
) STRICT;
CREATE TABLE outbox_waits (
    outbox_id INTEGER NOT NULL,
    waits_for INTEGER NOT NULL,
    PRIMARY KEY (outbox_id, waits_for)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox_attempts (
    id          INTEGER PRIMARY KEY,
    outbox_id   INTEGER NOT NULL REFERENCES outbox(id),
    kind        TEXT NOT NULL CHECK (kind IN ('send', 'look_up', 'prepare')),
    started_at  TEXT NOT NULL,
    duration_ms INTEGER,
    outcome     TEXT NOT NULL,              -- begun, then what came of it
    http_status INTEGER,
    detail      TEXT
) STRICT;
CREATE TABLE outbox_actions (
    id        INTEGER PRIMARY KEY,
    outbox_id INTEGER NOT NULL REFERENCES outbox(id),
    at        TEXT NOT NULL,
    who       TEXT NOT NULL,
    action    TEXT NOT NULL,
    detail    TEXT
) STRICT;
CREATE TABLE outbox_edits (
    id           INTEGER PRIMARY KEY,
    outbox_id    INTEGER NOT NULL REFERENCES outbox(id),
    at           TEXT NOT NULL,
    who          TEXT NOT NULL,
    key          TEXT,
    content_hash TEXT NOT NULL,
    payload      TEXT                       -- the document before this edit; NULL: thinned
) STRICT;
CREATE TABLE outbox_rows (
    outbox_id      INTEGER NOT NULL,
    product_number TEXT NOT NULL,
    warehouse      TEXT NOT NULL,           -- '' where the order leaves it to Extend
    unit           TEXT NOT NULL,           -- in which it is ordered: a product may be sold by the box; '' where it is not said
    quantity       REAL NOT NULL,           -- of that unit
    PRIMARY KEY (outbox_id, product_number, warehouse, unit)
) STRICT, WITHOUT ROWID;
CREATE TABLE pending_changes (
    entity TEXT NOT NULL,
    key    TEXT NOT NULL,
    PRIMARY KEY (entity, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    entity     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    body       TEXT NOT NULL,
    written    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE owed_files (
    kind     TEXT NOT NULL CHECK (kind IN ('receipt', 'error', 'order', 'snapshot', 'status')),
    key      TEXT NOT NULL,                 -- file id, order number or entity
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE agent (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE extend_line (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    state         TEXT NOT NULL CHECK (state IN ('unknown', 'up', 'away', 'login_refused')),
    since         TEXT NOT NULL,
    reason        TEXT,
    next_probe_at TEXT
) STRICT;
CREATE TABLE alerts (
    key     TEXT NOT NULL PRIMARY KEY,      -- its name, the same for as long as it lasts
    code    TEXT NOT NULL,
    message TEXT NOT NULL,
    since   TEXT NOT NULL,
    told    INTEGER NOT NULL,               -- 1: it was told
    ended   INTEGER NOT NULL                -- 1: it is well again, which was not told yet
) STRICT, WITHOUT ROWID;
CREATE TABLE alert_messages (
    id      INTEGER PRIMARY KEY,
    told_at TEXT NOT NULL
) STRICT;
INSERT INTO refinery_schema_history VALUES(1,'first','2026-11-27T16:05:10.571291852Z','8362460684221397695');
INSERT INTO products VALUES('Product-123','Kaffebryggare Norrsken','Stk','Warehouse','SEK',412.5,'7310000004711','Norrlands Varor AB','NV-100','SE','Kök',NULL,NULL,'Kaffebryggare Norrsken. Ur vårt sortiment kök.',1,0,'2026-10-28T16:05:10.556Z','2026-10-28T16:05:10.556Z',NULL,'{"productNumber":"Product-123","productData":{"productName":"Kaffebryggare Norrsken","productDescription":"Kaffebryggare Norrsken. Ur vårt sortiment kök.","countryOfOrigin":"SE","cost":412.5,"currency":"SEK","enabled":true,"annulled":false,"annulledBy":null,"annulledDate":null,"productServices":{"supplyMode":"Warehouse","serviceHandling":null,"kpi":false},"productUnit":"Stk","productGTINumber":"7310000004711","productVisibility":"AlwaysVisible","productGroupsAndCategories":{"productCategories":[],"statisticalCategory1":"Kök","statisticalCategory2":null,"statisticalCategory3":null},"manufacturer":"Norrlands Varor AB","manufacturerProductNumber":"NV-100","productDates":{"createdDate":"2026-10-28T17:05:10.556+01:00","changedDate":"2026-10-28T17:05:10.556+01:00","changedBy":"anna","externalChangedDate":null},"billOfMaterials":[],"xNewLabel":"added without notice","xNewDetails":{"level":2,"tags":["a",null]}},"productPrices":[{"salesUnit":{"quantity":1,"unit":"Stk","gtiNumber":"7310000004711"},"calculateSalesUnits":false,"productPriceListRows":[{"priceList":"Standard","numberSalesUnits":1,"price":799.2,"vatPercent":25,"currency":"SEK"}]}],"productWarehouses":[{"warehouse":"MainWarehouse","inventoryManagementSource":"Manual"},{"warehouse":"LOGMULL","inventoryManagementSource":"Manual"}],"productSuppliers":[],"xNewLabel":"added without notice","xNewDetails":{"level":2,"tags":["a",null]}}','{"productNumber":"Product-123","productName":"Kaffebryggare Norrsken","createDate":"2026-10-28T17:05:10.556+01:00","productUnit":"Stk","cost":412.5,"currency":"SEK","countryOfOrigin":"SE","supplyMode":"Warehouse","manufacturer":"Norrlands Varor AB","manufacturerProductNumber":"NV-100","gtinNumberList":"7310000004711","warehouse":"LOGMULL","statisticalCategory1":"Kök","statisticalCategory2":null,"statisticalCategory3":null,"availableBalance":46,"enabled":true,"xNewShelf":"A-12"}','2026-11-27T16:05:10.592Z',0);
INSERT INTO products VALUES('8010','Skruv M6×40 rostfri','ST','Warehouse','SEK',1.1725,'7310000004724','Norrlands Varor AB','NV-101','SE','Järnvaror',NULL,NULL,'Skruv M6×40 rostfri. Ur vårt sortiment järnvaror.',1,0,'2026-10-28T16:05:10.556Z','2026-10-28T16:05:10.556Z',NULL,'{"productNumber":"8010","productData":{"productName":"Skruv M6×40 rostfri","productDescription":"Skruv M6×40 rostfri. Ur vårt sortiment järnvaror.","countryOfOrigin":"SE","cost":1.1725,"currency":"SEK","enabled":true,"annulled":false,"annulledBy":null,"annulledDate":null,"productServices":{"supplyMode":"Warehouse","serviceHandling":null,"kpi":false},"productUnit":"ST","productGTINumber":"7310000004724","productVisibility":"AlwaysVisible","productGroupsAndCategories":{"productCategories":[],"statisticalCategory1":"Järnvaror","statisticalCategory2":null,"statisticalCategory3":null},"manufacturer":"Norrlands Varor AB","manufacturerProductNumber":"NV-101","productDates":{"createdDate":"2026-10-28T17:05:10.556+01:00","changedDate":"2026-10-28T17:05:10.556+01:00","changedBy":"anna","externalChangedDate":null},"billOfMaterials":[],"xNewLabel":"added without notice","xNewDetails":{"level":2,"tags":["a",null]}},"productPrices":[{"salesUnit":{"quantity":1,"unit":"ST","gtiNumber":"7310000004724"},"calculateSalesUnits":false,"productPriceListRows":[{"priceList":"Standard","numberSalesUnits":1,"price":2.4817,"vatPercent":25,"currency":"SEK"}]}],"productWarehouses":[{"warehouse":"MainWarehouse","inventoryManagementSource":"Manual"},{"warehouse":"LOGMULL","inventoryManagementSource":"Manual"}],"productSuppliers":[],"xNewLabel":"added without notice","xNewDetails":{"level":2,"tags":["a",null]}}','{"productNumber":"8010","productName":"Skruv M6×40 rostfri","createDate":"2026-10-28T17:05:10.556+01:00","productUnit":"ST","cost":1.1725,"currency":"SEK","countryOfOrigin":"SE","supplyMode":"Warehouse","manufacturer":"Norrlands Varor AB","manufacturerProductNumber":"NV-101","gtinNumberList":"7310000004724","warehouse":"LOGMULL","statisticalCategory1":"Järnvaror","statisticalCategory2":null,"statisticalCategory3":null,"availableBalance":3000,"enabled":true,"xNewShelf":"A-12"}','2026-11-27T16:05:10.592Z',0);
INSERT INTO customers VALUES('Customer-123','Åkessons Järn AB',NULL,'556001-1231','order@kundcustomer123.example','046-12 34 56','Storgatan 1','22222','Lund',NULL,50000.0,'SEK','faktura@kundcustomer123.example','2026-10-28T16:05:10.556Z',NULL,NULL,'{"customerNumber":"Customer-123","name":"Åkessons Järn AB","lastName":null,"organizationNumber":"556001-1231","email2":"order@kundcustomer123.example","phoneNumber2":"046-12 34 56","deliveryAddress1":"Storgatan 1","deliveryPostalCode":"22222","deliveryCity":"Lund","creditLimit":"50000","creditLimitCurrency":"SEK","changeDate":"2026-10-28T17:05:10.556+01:00","invoiceEmail":"faktura@kundcustomer123.example","xNewTier":"gold"}',NULL,0);
INSERT INTO customers VALUES('3','Möllans Livs HB',NULL,'969601-2232','order@kund3.example','046-12 34 56','Bergsgatan 14','21422','Malmö',NULL,25000.0,'SEK','faktura@kund3.example','2026-10-28T16:05:10.556Z',NULL,NULL,'{"customerNumber":"3","name":"Möllans Livs HB","lastName":null,"organizationNumber":"969601-2232","email2":"order@kund3.example","phoneNumber2":"046-12 34 56","deliveryAddress1":"Bergsgatan 14","deliveryPostalCode":"21422","deliveryCity":"Malmö","creditLimit":"25000","creditLimitCurrency":"SEK","changeDate":"2026-10-28T17:05:10.556+01:00","invoiceEmail":"faktura@kund3.example","xNewTier":"gold"}',NULL,0);
INSERT INTO balances VALUES('8010','LOGMULL','Logistiklager Mullsjö',3000.0,3000.0,0.0,0.0,NULL,NULL,'2026-10-28T16:05:10.556Z','{"warehouse":"LOGMULL","productNumber":"8010","physicalBalance":3000,"availableBalanceNow":3000,"nextReceivingDate":null,"avaiableOnNextReceiving":null,"changeDate":"2026-10-28T17:05:10.556+01:00","availableBalanceNowB":3000,"availableBalanceNowC":3000,"availableOnNextReceivingB":null,"availableOnNextReceivingC":null,"warehouseName":"Logistiklager Mullsjö","quantityOnNextReceiving":null,"orderedQuantity":0,"blockedBalance":0,"orderedQuantityMatchingReceiving":0,"totalExpectedReceivingFromPurchase":0,"totalExpectedReceivingFromWarehouseTransfer":0,"totalExpectedReceivingFromReturn":0,"xNewReserved":0.5}',0);
INSERT INTO balances VALUES('8010','MainWarehouse','Huvudlager Lund',9000.0,9000.0,0.0,0.0,NULL,NULL,'2026-10-28T16:05:10.556Z','{"warehouse":"MainWarehouse","productNumber":"8010","physicalBalance":9000,"availableBalanceNow":9000,"nextReceivingDate":null,"avaiableOnNextReceiving":null,"changeDate":"2026-10-28T17:05:10.556+01:00","availableBalanceNowB":9000,"availableBalanceNowC":9000,"availableOnNextReceivingB":null,"availableOnNextReceivingC":null,"warehouseName":"Huvudlager Lund","quantityOnNextReceiving":null,"orderedQuantity":0,"blockedBalance":0,"orderedQuantityMatchingReceiving":0,"totalExpectedReceivingFromPurchase":0,"totalExpectedReceivingFromWarehouseTransfer":0,"totalExpectedReceivingFromReturn":0,"xNewReserved":0.5}',0);
INSERT INTO balances VALUES('Product-123','LOGMULL','Logistiklager Mullsjö',46.0,46.0,0.0,0.0,NULL,NULL,'2026-10-28T16:05:10.556Z','{"warehouse":"LOGMULL","productNumber":"Product-123","physicalBalance":46,"availableBalanceNow":46,"nextReceivingDate":null,"avaiableOnNextReceiving":null,"changeDate":"2026-10-28T17:05:10.556+01:00","availableBalanceNowB":46,"availableBalanceNowC":46,"availableOnNextReceivingB":null,"availableOnNextReceivingC":null,"warehouseName":"Logistiklager Mullsjö","quantityOnNextReceiving":null,"orderedQuantity":0,"blockedBalance":0,"orderedQuantityMatchingReceiving":0,"totalExpectedReceivingFromPurchase":0,"totalExpectedReceivingFromWarehouseTransfer":0,"totalExpectedReceivingFromReturn":0,"xNewReserved":0.5}',0);
INSERT INTO balances VALUES('Product-123','MainWarehouse','Huvudlager Lund',139.0,140.0,1.0,0.0,NULL,NULL,'2026-11-27T16:05:10.586Z','{"warehouse":"MainWarehouse","productNumber":"Product-123","physicalBalance":140,"availableBalanceNow":139,"nextReceivingDate":null,"avaiableOnNextReceiving":null,"changeDate":"2026-11-27T17:05:10.586+01:00","availableBalanceNowB":139,"availableBalanceNowC":139,"availableOnNextReceivingB":null,"availableOnNextReceivingC":null,"warehouseName":"Huvudlager Lund","quantityOnNextReceiving":null,"orderedQuantity":1,"blockedBalance":0,"orderedQuantityMatchingReceiving":0,"totalExpectedReceivingFromPurchase":0,"totalExpectedReceivingFromWarehouseTransfer":0,"totalExpectedReceivingFromReturn":0,"xNewReserved":0.5}',0);
INSERT INTO orders VALUES('OC-1001','OLD-DELIVERED','Normal','Created','Customer-123','2026-11-27T16:05:10.586Z','2030-01-14T23:00:00.000Z',10.68,'2026-11-27T16:05:10.586Z','{"orderHeader":{"orderType":"Normal","orderNumberExternal":"OLD-DELIVERED","customerNumber":"Customer-123","askedDeliveryDate":"2030-01-15T00:00:00+01:00","partialDelivery":false,"freightFree":true,"orderDate":"2026-11-27T17:05:10.586+01:00","orderNumber":"OC-1001","orderStatus":"Created","xNewLabel":"added without notice","xNewDetails":{"level":2,"tags":["a",null]}},"orderRows":[{"product":{"productNumber":"Product-123","productName":"Kaffebryggare Norrsken"},"salesData":{"quantity":1,"unit":"Stk","unitPrice":10.6778,"vatPercent":25,"currency":"SEK","listPrice":799.2},"warehouse":"MainWarehouse","position":10,"subPosition":0,"rowOperation":"Active","orderRowStatus":"Created","supplyMode":"Warehouse","shipDate":"2026-11-28T17:05:10.586+01:00","expectedDeliveryDate":"2026-11-30T17:05:10.586+01:00","deliveryData":{"quantity":1,"unit":"Stk","unitPrice":10.6778,"vatPercent":25,"currency":"SEK"},"orderRowId":"509b810a-bc4e-4fed-a70a-c6e01df7afea","xNewRowScore":0.25}],"xNewLabel":"added without notice","xNewDetails":{"level":2,"tags":["a",null]}}','{"orderNumber":"OC-1001","orderNumberExternal":"OLD-DELIVERED","orderType":"Normal","orderStatus":"Created","orderDate":"2026-11-27T17:05:10.586+01:00","askedDeliveryDate":"2030-01-15T00:00:00+01:00","customerNumber":"Customer-123","customerName":"Åkessons Järn AB","totalPrice":10.68,"changeDate":"2026-11-27T17:05:10.586+01:00","xNewOrigin":"edge"}','2026-11-27T16:05:10.590Z',0);
INSERT INTO order_rows VALUES('OC-1001',10,0,'Product-123','Created',1.0,'Stk',10.6778,25.0,'SEK','MainWarehouse','2026-11-28T16:05:10.586Z','2026-11-30T16:05:10.586Z',NULL);
INSERT INTO return_codes VALUES('A','Ångrat köp');
INSERT INTO return_codes VALUES('B','Fel vara');
INSERT INTO return_codes VALUES('C','Skadad vid leverans');
INSERT INTO sync_state VALUES('balances','2026-11-27T16:05:10.000Z','2026-11-27T16:05:10.586Z','2026-11-27T16:05:10.586Z',NULL,NULL,4,0,NULL,4,4,'',NULL);
INSERT INTO sync_state VALUES('customers','2026-11-27T16:05:10.000Z','2026-11-27T16:05:10.588Z','2026-11-27T16:05:10.588Z',NULL,NULL,2,0,NULL,2,2,'',NULL);
INSERT INTO sync_state VALUES('orders','2026-11-27T16:05:10.000Z','2026-11-27T16:05:10.590Z','2026-11-27T16:05:10.590Z',NULL,NULL,1,0,NULL,1,NULL,'',NULL);
INSERT INTO sync_state VALUES('products','2026-11-27T16:05:10.000Z','2026-11-27T16:05:10.586Z','2026-11-27T16:05:10.586Z',NULL,NULL,2,0,NULL,4,NULL,'','2026-11-27T16:05:10.590Z');
INSERT INTO sync_state VALUES('return_codes','2026-11-27T16:05:10.000Z','2026-11-27T16:05:10.586Z','2026-11-27T16:05:10.586Z',NULL,NULL,3,0,NULL,3,NULL,'',NULL);
INSERT INTO sync_state VALUES('returns','2026-11-27T16:05:10.000Z','2026-11-27T16:05:10.590Z','2026-11-27T16:05:10.590Z',NULL,NULL,0,0,NULL,0,0,'',NULL);
INSERT INTO files VALUES(1,'delivered.json',1,'accepted','4453463a59e59cb65ca77a57a40171cc17e9df18f2a9898ef133f93474a996ed',511,'2026-11-27T16:05:10.581Z','accepted/2026-11-27','delivered.json',1,0,NULL,X'7B0A2020226F72646572486561646572223A207B0A20202020226F7264657254797065223A20224E6F726D616C222C0A20202020226F726465724E756D62657245787465726E616C223A20224F4C442D44454C495645524544222C0A2020202022637573746F6D65724E756D626572223A2022437573746F6D65722D313233222C0A202020202261736B656444656C697665727944617465223A2022323033302D30312D31355430303A30303A30302B30313A3030222C0A20202020227061727469616C44656C6976657279223A2066616C73652C0A20202020226672656967687446726565223A20747275650A20207D2C0A2020226F72646572526F7773223A205B0A202020207B0A2020202020202270726F64756374223A207B0A20202020202020202270726F647563744E756D626572223A202250726F647563742D313233220A2020202020207D2C0A2020202020202273616C657344617461223A207B0A2020202020202020227175616E74697479223A20312C0A202020202020202022756E6974223A202253746B222C0A202020202020202022756E69745072696365223A2031302E363737382C0A20202020202020202276617450657263656E74223A2032350A2020202020207D2C0A2020202020202277617265686F757365223A20224D61696E57617265686F757365220A202020207D0A20205D0A7D0A',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO files VALUES(2,'refused.json',1,'accepted','311c66ce1726e963e620b78615c14c75bfdaefb324614659fb39510088c436fa',513,'2026-11-27T16:05:10.598Z','accepted/2026-11-27','refused.json',1,0,NULL,X'7B0A2020226F72646572486561646572223A207B0A20202020226F7264657254797065223A20224E6F726D616C222C0A20202020226F726465724E756D62657245787465726E616C223A20224F4C442D52454655534544222C0A2020202022637573746F6D65724E756D626572223A2022437573746F6D65722D313233222C0A202020202261736B656444656C697665727944617465223A2022323033302D30312D31355430303A30303A30302B30313A3030222C0A20202020227061727469616C44656C6976657279223A2066616C73652C0A20202020226672656967687446726565223A20747275650A20207D2C0A2020226F72646572526F7773223A205B0A202020207B0A2020202020202270726F64756374223A207B0A20202020202020202270726F647563744E756D626572223A20224E6F20737563682070726F64756374220A2020202020207D2C0A2020202020202273616C657344617461223A207B0A2020202020202020227175616E74697479223A20312C0A202020202020202022756E6974223A202253746B222C0A202020202020202022756E69745072696365223A2031302E363737382C0A20202020202020202276617450657263656E74223A2032350A2020202020207D2C0A2020202020202277617265686F757365223A20224D61696E57617265686F757365220A202020207D0A20205D0A7D0A',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO files VALUES(3,'waits.json',1,'accepted','275ef5d329daeabdae62b31eaa25fdeb36a174c0003fdba3d2f5f4e331007aaf',507,'2026-11-27T16:05:12.619Z','accepted/2026-11-27','waits.json',1,0,NULL,X'7B0A2020226F72646572486561646572223A207B0A20202020226F7264657254797065223A20224E6F726D616C222C0A20202020226F726465724E756D62657245787465726E616C223A20224F4C442D5741495453222C0A2020202022637573746F6D65724E756D626572223A2022437573746F6D65722D313233222C0A202020202261736B656444656C697665727944617465223A2022323033302D30312D31355430303A30303A30302B30313A3030222C0A20202020227061727469616C44656C6976657279223A2066616C73652C0A20202020226672656967687446726565223A20747275650A20207D2C0A2020226F72646572526F7773223A205B0A202020207B0A2020202020202270726F64756374223A207B0A20202020202020202270726F647563744E756D626572223A202250726F647563742D313233220A2020202020207D2C0A2020202020202273616C657344617461223A207B0A2020202020202020227175616E74697479223A20322C0A202020202020202022756E6974223A202253746B222C0A202020202020202022756E69745072696365223A2031302E363737382C0A20202020202020202276617450657263656E74223A2032350A2020202020207D2C0A2020202020202277617265686F757365223A20224D61696E57617265686F757365220A202020207D0A20205D0A7D0A',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO files VALUES(4,'cancelled.json',1,'accepted','9faa1d9f0bf8f99bc978e72d1c2db59e51777efc1864efed45d14721704047d6',511,'2026-11-27T16:05:12.638Z','accepted/2026-11-27','cancelled.json',1,0,NULL,X'7B0A2020226F72646572486561646572223A207B0A20202020226F7264657254797065223A20224E6F726D616C222C0A20202020226F726465724E756D62657245787465726E616C223A20224F4C442D43414E43454C4C4544222C0A2020202022637573746F6D65724E756D626572223A2022437573746F6D65722D313233222C0A202020202261736B656444656C697665727944617465223A2022323033302D30312D31355430303A30303A30302B30313A3030222C0A20202020227061727469616C44656C6976657279223A2066616C73652C0A20202020226672656967687446726565223A20747275650A20207D2C0A2020226F72646572526F7773223A205B0A202020207B0A2020202020202270726F64756374223A207B0A20202020202020202270726F647563744E756D626572223A202250726F647563742D313233220A2020202020207D2C0A2020202020202273616C657344617461223A207B0A2020202020202020227175616E74697479223A20312C0A202020202020202022756E6974223A202253746B222C0A202020202020202022756E69745072696365223A2031302E363737382C0A20202020202020202276617450657263656E74223A2032350A2020202020207D2C0A2020202020202277617265686F757365223A20224D61696E57617265686F757365220A202020207D0A20205D0A7D0A',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO documents VALUES(1,1,1,'order','OLD-DELIVERED','47073bc1e450410801961a714a8a7f2334b5c5c53193b1404b554f5ed2fd929b',NULL,'[]');
INSERT INTO documents VALUES(2,2,1,'order','OLD-REFUSED','22554daa1eb77722a1a40dcfefbe3435132e9206e715f41681d7933878e23966',NULL,'[{"code":"unknown_product","message":"The product No such product is not in the mirror of Extend, so the order will probably be refused."}]');
INSERT INTO documents VALUES(3,3,1,'order','OLD-WAITS','4218fdf745a20405233341eb7cc4e998d4ce9b29ff2a42d4e2ebc2ddefcbe16d',NULL,'[]');
INSERT INTO documents VALUES(4,4,1,'order','OLD-CANCELLED','fbbce0951b3288312f5b7a115db41db407e517f8b2cb8113d7b4350e93e7dcd2',NULL,'[]');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('documents',4);
INSERT INTO sqlite_sequence VALUES('changes',6);
INSERT INTO outbox VALUES(1,'order','OLD-DELIVERED','delivered','{"orderHeader":{"orderType":"Normal","orderNumberExternal":"OLD-DELIVERED","customerNumber":"Customer-123","askedDeliveryDate":"2030-01-15T00:00:00+01:00","partialDelivery":false,"freightFree":true},"orderRows":[{"product":{"productNumber":"Product-123"},"salesData":{"quantity":1,"unit":"Stk","unitPrice":10.6778,"vatPercent":25},"warehouse":"MainWarehouse"}]}','delivered.json','2026-11-27T16:05:10.581Z',1,NULL,'2026-11-27T16:05:10.586Z','OC-1001',NULL,NULL,NULL,NULL,NULL,'47073bc1e450410801961a714a8a7f2334b5c5c53193b1404b554f5ed2fd929b',0,'Customer-123',NULL,0,0,'2026-11-27T16:05:10.000Z',0,1,0,'{"orderHeader":{"orderType":"Normal","orderNumberExternal":"OLD-DELIVERED","customerNumber":"Customer-123","askedDeliveryDate":"2030-01-15T00:00:00+01:00","partialDelivery":false,"freightFree":true,"orderDate":"2026-11-27T17:05:10.586+01:00","orderNumber":"OC-1001","orderStatus":"Created","xNewLabel":"added without notice","xNewDetails":{"level":2,"tags":["a",null]}},"orderRows":[{"product":{"productNumber":"Product-123","productName":"Kaffebryggare Norrsken"},"salesData":{"quantity":1,"unit":"Stk","unitPrice":10.6778,"vatPercent":25,"currency":"SEK","listPrice":799.2},"warehouse":"MainWarehouse","position":10,"subPosition":0,"rowOperation":"Active","orderRowStatus":"Created","supplyMode":"Warehouse","shipDate":"2026-11-28T17:05:10.586+01:00","expectedDeliveryDate":"2026-11-30T17:05:10.586+01:00","deliveryData":{"quantity":1,"unit":"Stk","unitPrice":10.6778,"vatPercent":25,"currency":"SEK"},"orderRowId":"509b810a-bc4e-4fed-a70a-c6e01df7afea","xNewRowScore":0.25}],"xNewLabel":"added without notice","xNewDetails":{"level":2,"tags":["a",null]}}',NULL,NULL);
INSERT INTO outbox VALUES(2,'order','OLD-REFUSED','refused','{"orderHeader":{"orderType":"Normal","orderNumberExternal":"OLD-REFUSED","customerNumber":"Customer-123","askedDeliveryDate":"2030-01-15T00:00:00+01:00","partialDelivery":false,"freightFree":true},"orderRows":[{"product":{"productNumber":"No such product"},"salesData":{"quantity":1,"unit":"Stk","unitPrice":10.6778,"vatPercent":25},"warehouse":"MainWarehouse"}]}','refused.json','2026-11-27T16:05:10.598Z',1,NULL,NULL,NULL,'extend_refused','Product with product number ''No such product'' does not exist.',NULL,'2026-11-27T16:05:10.600Z',NULL,'22554daa1eb77722a1a40dcfefbe3435132e9206e715f41681d7933878e23966',0,'Customer-123',NULL,0,0,'2026-11-27T16:05:10.000Z',0,1,0,NULL,NULL,NULL);
INSERT INTO outbox VALUES(3,'order','OLD-WAITS','queued','{"orderHeader":{"orderType":"Normal","orderNumberExternal":"OLD-WAITS","customerNumber":"Customer-123","askedDeliveryDate":"2030-01-15T00:00:00+01:00","partialDelivery":false,"freightFree":true},"orderRows":[{"product":{"productNumber":"Product-123"},"salesData":{"quantity":2,"unit":"Stk","unitPrice":10.6778,"vatPercent":25},"warehouse":"MainWarehouse"}]}','waits.json','2026-11-27T16:05:12.619Z',1,NULL,NULL,NULL,'waiting','the connection was refused',NULL,NULL,NULL,'4218fdf745a20405233341eb7cc4e998d4ce9b29ff2a42d4e2ebc2ddefcbe16d',0,'Customer-123',NULL,0,0,'2026-11-27T16:05:12.000Z',0,1,0,NULL,NULL,NULL);
INSERT INTO outbox VALUES(4,'order','OLD-CANCELLED','cancelled','{"orderHeader":{"orderType":"Normal","orderNumberExternal":"OLD-CANCELLED","customerNumber":"Customer-123","askedDeliveryDate":"2030-01-15T00:00:00+01:00","partialDelivery":false,"freightFree":true},"orderRows":[{"product":{"productNumber":"Product-123"},"salesData":{"quantity":1,"unit":"Stk","unitPrice":10.6778,"vatPercent":25},"warehouse":"MainWarehouse"}]}','cancelled.json','2026-11-27T16:05:12.638Z',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-27T16:05:12.663Z','fbbce0951b3288312f5b7a115db41db407e517f8b2cb8113d7b4350e93e7dcd2',0,'Customer-123',NULL,0,0,NULL,0,1,0,NULL,NULL,NULL);
INSERT INTO outbox_attempts VALUES(1,1,'send','2026-11-27T16:05:10.583Z',0,'delivered',200,'OC-1001');
INSERT INTO outbox_attempts VALUES(2,2,'send','2026-11-27T16:05:10.598Z',1,'refused',400,'Product with product number ''No such product'' does not exist.');
INSERT INTO outbox_attempts VALUES(3,3,'send','2026-11-27T16:05:12.619Z',1,'again',NULL,'the connection was refused');
INSERT INTO outbox_actions VALUES(1,4,'2026-11-27T16:05:12.663Z','unknown','cancel',NULL);
INSERT INTO outbox_rows VALUES(1,'Product-123','MainWarehouse','Stk',1.0);
INSERT INTO outbox_rows VALUES(3,'Product-123','MainWarehouse','Stk',2.0);
INSERT INTO changes VALUES(1,'products','2026-11-27T16:05:10.586Z','{"entity":"products","sequence":1,"asOf":"2026-11-27T16:05:10.586Z","rows":[
{"product_number":"8010","name":"Skruv M6×40 rostfri","unit":"ST","supply_mode":"Warehouse","currency":"SEK","cost":1.1725,"gtin":"7310000004724","manufacturer":"Norrlands Varor AB","manufacturer_number":"NV-101","country":"SE","category1":"Järnvaror","category2":null,"category3":null,"description":null,"enabled":1,"annulled":null,"created_at":"2026-10-28T16:05:10.556Z","changed_at":null,"removed_at":null},
{"product_number":"Product-123","name":"Kaffebryggare Norrsken","unit":"Stk","supply_mode":"Warehouse","currency":"SEK","cost":412.5,"gtin":"7310000004711","manufacturer":"Norrlands Varor AB","manufacturer_number":"NV-100","country":"SE","category1":"Kök","category2":null,"category3":null,"description":null,"enabled":1,"annulled":null,"created_at":"2026-10-28T16:05:10.556Z","changed_at":null,"removed_at":null}],"removed":[]}
',1);
INSERT INTO changes VALUES(2,'customers','2026-11-27T16:05:10.592Z','{"entity":"customers","sequence":2,"asOf":"2026-11-27T16:05:10.588Z","rows":[
{"customer_number":"3","name":"Möllans Livs HB","last_name":null,"organization_number":"969601-2232","email":"order@kund3.example","phone":"046-12 34 56","address":"Bergsgatan 14","postal_code":"21422","city":"Malmö","country":null,"credit_limit":25000,"credit_limit_currency":"SEK","invoice_email":"faktura@kund3.example","changed_at":"2026-10-28T16:05:10.556Z","removed_at":null},
{"customer_number":"Customer-123","name":"Åkessons Järn AB","last_name":null,"organization_number":"556001-1231","email":"order@kundcustomer123.example","phone":"046-12 34 56","address":"Storgatan 1","postal_code":"22222","city":"Lund","country":null,"credit_limit":50000,"credit_limit_currency":"SEK","invoice_email":"faktura@kundcustomer123.example","changed_at":"2026-10-28T16:05:10.556Z","removed_at":null}],"removed":[]}
',1);
INSERT INTO changes VALUES(3,'balances','2026-11-27T16:05:10.592Z','{"entity":"balances","sequence":3,"asOf":"2026-11-27T16:05:10.586Z","rows":[
{"product_number":"8010","warehouse":"LOGMULL","warehouse_name":"Logistiklager Mullsjö","available":3000,"physical":3000,"ordered":0,"blocked":0,"next_receiving_date":null,"next_receiving_quantity":null,"changed_at":"2026-10-28T16:05:10.556Z"},
{"product_number":"8010","warehouse":"MainWarehouse","warehouse_name":"Huvudlager Lund","available":9000,"physical":9000,"ordered":0,"blocked":0,"next_receiving_date":null,"next_receiving_quantity":null,"changed_at":"2026-10-28T16:05:10.556Z"},
{"product_number":"Product-123","warehouse":"LOGMULL","warehouse_name":"Logistiklager Mullsjö","available":46,"physical":46,"ordered":0,"blocked":0,"next_receiving_date":null,"next_receiving_quantity":null,"changed_at":"2026-10-28T16:05:10.556Z"},
{"product_number":"Product-123","warehouse":"MainWarehouse","warehouse_name":"Huvudlager Lund","available":138,"physical":140,"ordered":1,"blocked":0,"next_receiving_date":null,"next_receiving_quantity":null,"changed_at":"2026-11-27T16:05:10.586Z"}],"removed":[]}
',1);
INSERT INTO changes VALUES(4,'products','2026-11-27T16:05:10.787Z','{"entity":"products","sequence":4,"asOf":"2026-11-27T16:05:10.586Z","rows":[
{"product_number":"8010","name":"Skruv M6×40 rostfri","unit":"ST","supply_mode":"Warehouse","currency":"SEK","cost":1.1725,"gtin":"7310000004724","manufacturer":"Norrlands Varor AB","manufacturer_number":"NV-101","country":"SE","category1":"Järnvaror","category2":null,"category3":null,"description":"Skruv M6×40 rostfri. Ur vårt sortiment järnvaror.","enabled":1,"annulled":0,"created_at":"2026-10-28T16:05:10.556Z","changed_at":"2026-10-28T16:05:10.556Z","removed_at":null},
{"product_number":"Product-123","name":"Kaffebryggare Norrsken","unit":"Stk","supply_mode":"Warehouse","currency":"SEK","cost":412.5,"gtin":"7310000004711","manufacturer":"Norrlands Varor AB","manufacturer_number":"NV-100","country":"SE","category1":"Kök","category2":null,"category3":null,"description":"Kaffebryggare Norrsken. Ur vårt sortiment kök.","enabled":1,"annulled":0,"created_at":"2026-10-28T16:05:10.556Z","changed_at":"2026-10-28T16:05:10.556Z","removed_at":null}],"removed":[]}
',1);
INSERT INTO changes VALUES(5,'balances','2026-11-27T16:05:12.619Z','{"entity":"balances","sequence":5,"asOf":"2026-11-27T16:05:10.586Z","rows":[
{"product_number":"Product-123","warehouse":"LOGMULL","warehouse_name":"Logistiklager Mullsjö","available":46,"physical":46,"ordered":0,"blocked":0,"next_receiving_date":null,"next_receiving_quantity":null,"changed_at":"2026-10-28T16:05:10.556Z"},
{"product_number":"Product-123","warehouse":"MainWarehouse","warehouse_name":"Huvudlager Lund","available":136,"physical":140,"ordered":1,"blocked":0,"next_receiving_date":null,"next_receiving_quantity":null,"changed_at":"2026-11-27T16:05:10.586Z"}],"removed":[]}
',1);
INSERT INTO changes VALUES(6,'balances','2026-11-27T16:05:12.819Z','{"entity":"balances","sequence":6,"asOf":"2026-11-27T16:05:10.586Z","rows":[
{"product_number":"Product-123","warehouse":"LOGMULL","warehouse_name":"Logistiklager Mullsjö","available":46,"physical":46,"ordered":0,"blocked":0,"next_receiving_date":null,"next_receiving_quantity":null,"changed_at":"2026-10-28T16:05:10.556Z"},
{"product_number":"Product-123","warehouse":"MainWarehouse","warehouse_name":"Huvudlager Lund","available":136,"physical":140,"ordered":1,"blocked":0,"next_receiving_date":null,"next_receiving_quantity":null,"changed_at":"2026-11-27T16:05:10.586Z"}],"removed":[]}
',1);
INSERT INTO agent VALUES('announce_balances','');
INSERT INTO agent VALUES('announce_customers','');
INSERT INTO agent VALUES('announce_products','');
INSERT INTO agent VALUES('backup_from','2026-11-27T16:05:10.576Z');
INSERT INTO agent VALUES('details_customers','0');
INSERT INTO agent VALUES('details_products','1');
INSERT INTO agent VALUES('ended_well','1');
INSERT INTO agent VALUES('examined_at','2026-11-27T16:05:10.576Z');
INSERT INTO agent VALUES('forbidden_order','');
INSERT INTO agent VALUES('hooks_trouble','');
INSERT INTO agent VALUES('inbox_trouble','');
INSERT INTO agent VALUES('log_held','');
INSERT INTO agent VALUES('move_trouble','');
INSERT INTO agent VALUES('page_at','');
INSERT INTO agent VALUES('page_trouble','');
INSERT INTO agent VALUES('put_trouble','');
INSERT INTO agent VALUES('reports_copied_at','2026-11-27T16:05:10.608Z');
INSERT INTO agent VALUES('reports_trouble','');
INSERT INTO agent VALUES('shapes','Shapes { products: Shape { columns: [], subtract_queued: false, stock_buffer: 0, sum_warehouses: false, base_list: false, only_enabled: false }, customers: Shape { columns: [], subtract_queued: false, stock_buffer: 0, sum_warehouses: false, base_list: false, only_enabled: false }, prices: Shape { columns: [], subtract_queued: false, stock_buffer: 0, sum_warehouses: false, base_list: false, only_enabled: false }, balances: Shape { columns: [], subtract_queued: true, stock_buffer: 0, sum_warehouses: false, base_list: false, only_enabled: false } } Csv { separator: 59, decimal: ''.'', windows_1252: false }');
INSERT INTO agent VALUES('subtract_queued','1');
INSERT INTO extend_line VALUES(1,'away','2026-11-27T16:05:12.629Z','the connection was refused','2026-11-27T16:05:15.143Z');
CREATE INDEX products_removed ON products(product_number) WHERE removed_at IS NOT NULL;
CREATE INDEX products_odd ON products(product_number) WHERE odd <> 0;
CREATE INDEX products_name ON products(name, product_number, gtin);
CREATE INDEX products_gtin ON products(gtin) WHERE gtin IS NOT NULL;
CREATE INDEX product_components_part ON product_components(component_number);
CREATE INDEX customers_removed ON customers(customer_number) WHERE removed_at IS NOT NULL;
CREATE INDEX customers_organization ON customers(replace(replace(organization_number, '-', ''), ' ', ''))
    WHERE organization_number IS NOT NULL;
CREATE INDEX customers_odd ON customers(customer_number) WHERE odd <> 0;
CREATE INDEX prices_product ON prices(product_number);
CREATE INDEX prices_odd ON prices(product_number) WHERE odd <> 0;
CREATE INDEX balances_stock ON balances(warehouse, product_number, available, physical, ordered,
                                        next_receiving_date, changed_at);
CREATE INDEX balances_odd ON balances(product_number) WHERE odd <> 0;
CREATE INDEX orders_external ON orders(order_number_external, order_number, customer_number);
CREATE INDEX orders_date ON orders(order_date);
CREATE INDEX orders_customer ON orders(customer_number);
CREATE INDEX orders_odd ON orders(order_number) WHERE odd <> 0;
CREATE INDEX order_rows_product ON order_rows(product_number);
CREATE INDEX returns_open ON returns(created_at) WHERE status NOT IN ('Received', 'Cancelled');
CREATE INDEX returns_odd ON returns(return_number) WHERE odd <> 0;
CREATE INDEX details_wanted_next ON details_wanted(urgency, entity, number);
CREATE INDEX hooks_seen_at ON hooks_seen(seen_at);
CREATE INDEX files_not_moved ON files(part_of IS NULL, id) WHERE moved = 0;
CREATE INDEX files_kept ON files(id) WHERE content IS NOT NULL;
CREATE INDEX files_not_thinned ON files(received_at) WHERE verdict = 'accepted' AND thinned = 0;
CREATE INDEX files_rejected ON files(id) WHERE verdict = 'rejected';
CREATE INDEX documents_file ON documents(file_id);
CREATE INDEX documents_duplicate ON documents(duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX outbox_ready ON outbox(id) WHERE state = 'queued' AND ready = 1;
CREATE INDEX outbox_state ON outbox(state, id);
CREATE INDEX outbox_failing ON outbox(failures) WHERE failures > 0;
CREATE INDEX outbox_key ON outbox(kind, key);
CREATE INDEX outbox_received ON outbox(kind, received_at);
CREATE INDEX outbox_reference ON outbox(order_reference) WHERE order_reference IS NOT NULL;
CREATE INDEX outbox_number ON outbox(extend_number) WHERE extend_number IS NOT NULL;
CREATE INDEX outbox_waits_for ON outbox_waits(waits_for);
CREATE INDEX outbox_attempts_item ON outbox_attempts(outbox_id);
CREATE INDEX outbox_actions_item ON outbox_actions(outbox_id);
CREATE INDEX outbox_edits_item ON outbox_edits(outbox_id);
CREATE INDEX outbox_edits_key ON outbox_edits(key) WHERE key IS NOT NULL;
CREATE INDEX outbox_rows_product ON outbox_rows(product_number);
CREATE TRIGGER details_wanted_sooner AFTER INSERT ON outbox_rows BEGIN
    UPDATE details_wanted SET urgency = 1
    WHERE entity = 'products' AND number = NEW.product_number AND urgency > 1;
END;
CREATE TRIGGER outbox_rows_on_insert AFTER INSERT ON outbox
WHEN NEW.kind = 'order' AND NEW.state IN ('queued', 'sending') BEGIN
    INSERT INTO outbox_rows
    SELECT NEW.id, value ->> '$.product.productNumber', coalesce(value ->> '$.warehouse', ''),
           coalesce(value ->> '$.salesData.unit', ''),
           coalesce(sum(CAST(value ->> '$.salesData.quantity' AS REAL)), 0)
    FROM json_each(NEW.payload, '$.orderRows')
    WHERE value ->> '$.product.productNumber' IS NOT NULL AND value ->> '$.salesData.quantity' IS NOT NULL
    GROUP BY 2, 3, 4;
END;
CREATE TRIGGER outbox_rows_on_reopen AFTER UPDATE OF state, payload ON outbox
WHEN NEW.kind = 'order' AND NEW.state IN ('queued', 'sending')
     AND (OLD.state NOT IN ('queued', 'sending') OR OLD.payload IS NOT NEW.payload) BEGIN
    DELETE FROM outbox_rows WHERE outbox_id = NEW.id;
    INSERT INTO outbox_rows
    SELECT NEW.id, value ->> '$.product.productNumber', coalesce(value ->> '$.warehouse', ''),
           coalesce(value ->> '$.salesData.unit', ''),
           coalesce(sum(CAST(value ->> '$.salesData.quantity' AS REAL)), 0)
    FROM json_each(NEW.payload, '$.orderRows')
    WHERE value ->> '$.product.productNumber' IS NOT NULL AND value ->> '$.salesData.quantity' IS NOT NULL
    GROUP BY 2, 3, 4;
END;
CREATE TRIGGER outbox_rows_on_close AFTER UPDATE OF state ON outbox
WHEN NEW.kind = 'order' AND OLD.state IN ('queued', 'sending') AND NEW.state IN ('refused', 'cancelled') BEGIN
    DELETE FROM outbox_rows WHERE outbox_id = NEW.id;
END;
CREATE INDEX changes_not_written ON changes(sequence) WHERE written = 0;
CREATE TRIGGER balances_when_taken AFTER INSERT ON outbox_rows
WHEN (SELECT value FROM agent WHERE name = 'subtract_queued') = '1' BEGIN
    INSERT OR IGNORE INTO pending_changes
    SELECT 'balances', json_array(product_number, warehouse) FROM balances
    WHERE product_number = NEW.product_number;
END;
CREATE TRIGGER balances_when_released AFTER DELETE ON outbox_rows
WHEN (SELECT value FROM agent WHERE name = 'subtract_queued') = '1' BEGIN
    INSERT OR IGNORE INTO pending_changes
    SELECT 'balances', json_array(product_number, warehouse) FROM balances
    WHERE product_number = OLD.product_number;
END;
CREATE VIEW queued_quantities AS
SELECT r.product_number,
       CASE WHEN r.warehouse <> '' THEN r.warehouse ELSE
           (SELECT b.warehouse FROM balances b WHERE b.product_number = r.product_number
            ORDER BY b.available DESC, b.warehouse LIMIT 1) END AS warehouse,
       r.quantity * CASE WHEN r.unit = '' OR r.unit IS p.unit THEN 1.0 ELSE coalesce(
           (SELECT CAST(price.value ->> '$.salesUnit.quantity' AS REAL) AS holds
            FROM json_each(p.raw, '$.productPrices') price
            WHERE price.value ->> '$.salesUnit.unit' = r.unit AND holds > 0 LIMIT 1), 1.0) END AS quantity
FROM outbox_rows r LEFT JOIN products p ON p.product_number = r.product_number;
CREATE VIEW report_stock AS
SELECT b.product_number, p.name, b.warehouse, b.available,
       coalesce((SELECT sum(q.quantity) FROM queued_quantities q
                 WHERE q.product_number = b.product_number AND q.warehouse = b.warehouse), 0) AS queued,
       b.physical, b.ordered, b.next_receiving_date, b.changed_at
FROM balances b LEFT JOIN products p ON p.product_number = b.product_number
WHERE p.removed_at IS NULL;
CREATE VIEW report_prices AS
SELECT r.customer_number, c.name AS customer_name, r.product_number, p.name, r.sales_unit, r.from_quantity,
       r.currency, r.price, r.list_price, r.vat_percent
FROM prices r
LEFT JOIN customers c ON c.customer_number = r.customer_number
LEFT JOIN products p ON p.product_number = r.product_number;
CREATE VIEW report_orders AS
SELECT o.order_number, o.order_number_external, o.customer_number, c.name AS customer_name, o.status,
       o.order_date, o.total_price,
       (SELECT count(*) FROM order_rows r WHERE r.order_number = o.order_number) AS rows,
       (SELECT count(*) FROM shipments s WHERE s.order_number = o.order_number) AS shipments,
       o.changed_at
FROM orders o LEFT JOIN customers c ON c.customer_number = o.customer_number;
CREATE VIEW report_order_rows AS
SELECT r.order_number, o.order_number_external, r.position, r.product_number, p.name, r.status, r.quantity,
       r.unit, r.unit_price, r.currency, r.warehouse, r.expected_delivery_date
FROM order_rows r
JOIN orders o ON o.order_number = r.order_number
LEFT JOIN products p ON p.product_number = r.product_number;
CREATE VIEW report_backlog AS
SELECT o.id, o.kind, o.key, o.state, o.received_at,
       CAST((julianday('now') - julianday(o.received_at)) * 1440 AS INTEGER) AS waiting_minutes,
       o.attempts, o.next_attempt_at,
       CASE
           WHEN o.ready = 0 THEN (SELECT 'item ' || group_concat(w.waits_for, ', ') FROM outbox_waits w
                                  WHERE w.outbox_id = o.id)
           WHEN l.state = 'login_refused' THEN 'login'
           WHEN l.state <> 'up' THEN 'Extend'
           WHEN o.unresolved = 1 THEN 'look-up'
           WHEN o.failures >= 5 THEN 'a person'
       END AS waits_for,
       o.error_message AS last_error
FROM outbox o LEFT JOIN extend_line l ON l.id = 1
WHERE o.state IN ('queued', 'sending');
CREATE VIEW report_refused AS
SELECT id, kind, key, source_file, refused_at, error_code, error_message FROM outbox WHERE state = 'refused';
CREATE VIEW report_daily_sales AS
SELECT substr(o.order_date, 1, 10) AS day, r.currency, count(DISTINCT o.order_number) AS orders,
       count(*) AS rows, round(sum(r.quantity), 6) AS quantity,
       round(sum(r.quantity * r.unit_price), 6) AS amount -- tenths don't add up in binary
FROM orders o JOIN order_rows r ON r.order_number = o.order_number
WHERE o.status IS NOT 'Annulled' AND r.status IS NOT 'Annulled' AND r.parent_position IS NULL
GROUP BY 1, 2;
CREATE VIEW report_sync AS
SELECT s.entity, s.rows, s.last_success_at,
       CAST((julianday('now') - julianday(s.last_success_at)) * 1440 AS INTEGER) AS minutes_old,
       s.last_full_at, s.odd_records, s.last_error, s.last_error_at,
       (SELECT count(*) FROM details_wanted d WHERE d.entity = s.entity) AS missing_details
FROM sync_state s;
COMMIT;
