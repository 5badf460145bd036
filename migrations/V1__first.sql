-- Times are UTC text, 2026-11-21T22:16:00.000Z, so that they sort as text.
-- Money and quantities are REAL, flags 0 or 1. A column never changes its meaning.

-- ---------------------------------------------------------------- mirror

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
CREATE INDEX products_removed ON products(product_number) WHERE removed_at IS NOT NULL;
CREATE INDEX products_odd ON products(product_number) WHERE odd <> 0;
-- All that a person searches by: a hundred thousand products are looked through without reading Extend's records.
CREATE INDEX products_name ON products(name, product_number, gtin);
CREATE INDEX products_gtin ON products(gtin) WHERE gtin IS NOT NULL;

CREATE TABLE product_components (
    product_number   TEXT NOT NULL,
    component_number TEXT NOT NULL,
    quantity         REAL NOT NULL,
    unit             TEXT,
    sort_order       INTEGER NOT NULL,
    PRIMARY KEY (product_number, sort_order, component_number)
) STRICT, WITHOUT ROWID;
CREATE INDEX product_components_part ON product_components(component_number);

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
CREATE INDEX customers_removed ON customers(customer_number) WHERE removed_at IS NOT NULL;
-- How a buyer of a UBL order is found.
CREATE INDEX customers_organization ON customers(replace(replace(organization_number, '-', ''), ' ', ''))
    WHERE organization_number IS NOT NULL;
CREATE INDEX customers_odd ON customers(customer_number) WHERE odd <> 0;

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
CREATE INDEX prices_product ON prices(product_number);
CREATE INDEX prices_odd ON prices(product_number) WHERE odd <> 0;

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
-- All that report_stock shows of a balance, without `raw`: the stock of one warehouse, or what is low in it,
-- is found without reading Extend's records.
CREATE INDEX balances_stock ON balances(warehouse, product_number, available, physical, ordered,
                                        next_receiving_date, changed_at);
CREATE INDEX balances_odd ON balances(product_number) WHERE odd <> 0;

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
CREATE INDEX orders_external ON orders(order_number_external, order_number, customer_number);
CREATE INDEX orders_date ON orders(order_date);
CREATE INDEX orders_customer ON orders(customer_number);
CREATE INDEX orders_odd ON orders(order_number) WHERE odd <> 0;

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
CREATE INDEX order_rows_product ON order_rows(product_number);

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
CREATE INDEX returns_open ON returns(created_at) WHERE status NOT IN ('Received', 'Cancelled');
CREATE INDEX returns_odd ON returns(return_number) WHERE odd <> 0;

CREATE TABLE return_codes (
    return_code TEXT NOT NULL PRIMARY KEY,
    name        TEXT
) STRICT, WITHOUT ROWID;

-- Records whose detail is to be fetched: listed as changed, or named by a webhook, known here or not.
CREATE TABLE details_wanted (
    entity  TEXT NOT NULL,
    number  TEXT NOT NULL,
    urgency INTEGER NOT NULL,               -- 0: a webhook named it, 1: it changed or an order names it, 2: the rest
    PRIMARY KEY (entity, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX details_wanted_next ON details_wanted(urgency, entity, number);

-- Customers whose prices are fetched, each in its turn.
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

-- Orders of ours that are not at Extend as they should be, as the daily reconciliation found.
CREATE TABLE reconciliation (
    outbox_id INTEGER NOT NULL,
    problem   TEXT NOT NULL CHECK (problem IN ('missing', 'twice')),
    numbers   TEXT NOT NULL,                -- Extend's, of the order and of those beside it
    found_at  TEXT NOT NULL,
    PRIMARY KEY (outbox_id, problem)
) STRICT, WITHOUT ROWID;

-- What a person asked for with `extend-edge sync`; the agent clears it when the round is done.
CREATE TABLE sync_requests (
    entity       TEXT NOT NULL PRIMARY KEY,
    full         INTEGER NOT NULL,
    requested_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids of webhooks that came: Extend sends again what it believes was lost. Forgotten after a day.
CREATE TABLE hooks_seen (
    number  INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    seen_at TEXT NOT NULL
) STRICT;
CREATE INDEX hooks_seen_at ON hooks_seen(seen_at);

-- What webhooks told has changed and is to be fetched before the rest.
CREATE TABLE hook_wants (
    entity    TEXT NOT NULL,
    number    TEXT NOT NULL,                -- '' is the list of what changed
    under_way INTEGER NOT NULL DEFAULT 0,   -- 0 again where a hook came after the fetch began
    tries     INTEGER NOT NULL DEFAULT 0,   -- fetches that failed
    PRIMARY KEY (entity, number)
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- intake

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
CREATE INDEX files_not_moved ON files(part_of IS NULL, id) WHERE moved = 0;
CREATE INDEX files_kept ON files(id) WHERE content IS NOT NULL;
CREATE INDEX files_not_thinned ON files(received_at) WHERE verdict = 'accepted' AND thinned = 0;
CREATE INDEX files_rejected ON files(id) WHERE verdict = 'rejected';

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
CREATE INDEX documents_file ON documents(file_id);
CREATE INDEX documents_duplicate ON documents(duplicate_of) WHERE duplicate_of IS NOT NULL;

-- What lies in the inbox and was not taken: `waiting` for the rest of it to come, or never to be taken
-- (a directory, a link, a name that is no text).
CREATE TABLE inbox_left (
    name    TEXT NOT NULL PRIMARY KEY,
    code    TEXT NOT NULL,
    message TEXT NOT NULL,
    stamp   TEXT NOT NULL,                  -- size, time and identity when it was seen
    since   TEXT NOT NULL                   -- since when it has stood still like this
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- outbox

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
CREATE INDEX outbox_ready ON outbox(id) WHERE state = 'queued' AND ready = 1;
CREATE INDEX outbox_state ON outbox(state, id);
CREATE INDEX outbox_failing ON outbox(failures) WHERE failures > 0;
CREATE INDEX outbox_key ON outbox(kind, key);
CREATE INDEX outbox_received ON outbox(kind, received_at);
CREATE INDEX outbox_reference ON outbox(order_reference) WHERE order_reference IS NOT NULL;
CREATE INDEX outbox_number ON outbox(extend_number) WHERE extend_number IS NOT NULL;

CREATE TABLE outbox_waits (
    outbox_id INTEGER NOT NULL,
    waits_for INTEGER NOT NULL,
    PRIMARY KEY (outbox_id, waits_for)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_waits_for ON outbox_waits(waits_for);

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
CREATE INDEX outbox_attempts_item ON outbox_attempts(outbox_id);

-- Who did what to an item by hand, and when.
CREATE TABLE outbox_actions (
    id        INTEGER PRIMARY KEY,
    outbox_id INTEGER NOT NULL REFERENCES outbox(id),
    at        TEXT NOT NULL,
    who       TEXT NOT NULL,
    action    TEXT NOT NULL,
    detail    TEXT
) STRICT;
CREATE INDEX outbox_actions_item ON outbox_actions(outbox_id);

-- What an item was before a person corrected it. The webshop knows nothing of that: it may send the same again,
-- and goes on naming the order as it was. So the key and what tells a copy are kept for ever.
CREATE TABLE outbox_edits (
    id           INTEGER PRIMARY KEY,
    outbox_id    INTEGER NOT NULL REFERENCES outbox(id),
    at           TEXT NOT NULL,
    who          TEXT NOT NULL,
    key          TEXT,
    content_hash TEXT NOT NULL,
    payload      TEXT                       -- the document before this edit; NULL: thinned
) STRICT;
CREATE INDEX outbox_edits_item ON outbox_edits(outbox_id);
CREATE INDEX outbox_edits_key ON outbox_edits(key) WHERE key IS NOT NULL;

-- What the orders that still wait will take from stock, and those that were delivered after the balances
-- were last fetched. Kept by the triggers below, so that it can never disagree with the outbox, whoever
-- changes it; what was delivered is let go when the next round of balances is stored.
CREATE TABLE outbox_rows (
    outbox_id      INTEGER NOT NULL,
    product_number TEXT NOT NULL,
    warehouse      TEXT NOT NULL,           -- '' where the order leaves it to Extend
    unit           TEXT NOT NULL,           -- in which it is ordered: a product may be sold by the box; '' where it is not said
    quantity       REAL NOT NULL,           -- of that unit
    PRIMARY KEY (outbox_id, product_number, warehouse, unit)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_rows_product ON outbox_rows(product_number);

-- What an order names is wanted before what nobody asked for.
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

-- ---------------------------------------------------------------- outgoing

-- Keys whose row changed since the last file in outgoing/changes/ of their entity. `key` is the
-- table's primary key as a JSON array.
CREATE TABLE pending_changes (
    entity TEXT NOT NULL,
    key    TEXT NOT NULL,
    PRIMARY KEY (entity, key)
) STRICT, WITHOUT ROWID;

-- The numbered files of outgoing/changes/. AUTOINCREMENT never gives a number twice, and one that
-- was rolled back was never given, so the sequence has no gaps.
CREATE TABLE changes (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    entity     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    body       TEXT NOT NULL,
    written    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX changes_not_written ON changes(sequence) WHERE written = 0;

-- Files that are to be written, or written again: an outbox of its own. A row is deleted when its
-- file lies in place, unless its revision moved on meanwhile.
CREATE TABLE owed_files (
    kind     TEXT NOT NULL CHECK (kind IN ('receipt', 'error', 'order', 'snapshot', 'status')),
    key      TEXT NOT NULL,                 -- file id, order number or entity
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- A queued order changes the balances that are put out, where the settings subtract it.
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

-- ---------------------------------------------------------------- the agent itself

CREATE TABLE agent (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How Extend was last seen. One row.
CREATE TABLE extend_line (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    state         TEXT NOT NULL CHECK (state IN ('unknown', 'up', 'away', 'login_refused')),
    since         TEXT NOT NULL,
    reason        TEXT,
    next_probe_at TEXT
) STRICT;

-- What is wrong, and what of it was told by an alarm.
CREATE TABLE alerts (
    key     TEXT NOT NULL PRIMARY KEY,      -- its name, the same for as long as it lasts
    code    TEXT NOT NULL,
    message TEXT NOT NULL,
    since   TEXT NOT NULL,
    told    INTEGER NOT NULL,               -- 1: it was told
    ended   INTEGER NOT NULL                -- 1: it is well again, which was not told yet
) STRICT, WITHOUT ROWID;

-- When alarms were told.
CREATE TABLE alert_messages (
    id      INTEGER PRIMARY KEY,
    told_at TEXT NOT NULL
) STRICT;

-- ---------------------------------------------------------------- reports

-- What waits in the outbox, by product and warehouse, in the units that stock is counted in (what a sales unit
-- holds is inferred from `productPrices`). A row that leaves the warehouse to Extend is counted where most is
-- available.
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
