//! What a shop waits for, each figure beside a bare loop on the same libraries, in one run.
//!
//! `cargo bench --bench shop` runs all; a name after `--` runs one: `drop`, `intake`, `csv`, `drain`,
//! `choose`, `hook`, `idle`.

#[path = "shop/csv.rs"]
mod csv_rows;
#[path = "shop/hooks.rs"]
mod hooks;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use extend_edge::config::Config;
use extend_edge::engine::{self, Task};
use extend_edge::standin::{Options, StandIn, World};
use extend_edge::{home, store};
use notify::Watcher as _;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let benches: [(&str, fn()); 7] = [
        ("drop", drop_to_post),
        ("intake", take_in),
        ("csv", csv_rows::take_in_rows),
        ("drain", drain),
        ("choose", choose),
        ("hook", hooks::hook_to_file),
        ("idle", idle),
    ];
    for (name, bench) in benches {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            bench();
        }
    }
}

// ------------------------------------------------------------------ from drop to POST

fn drop_to_post() {
    const FILES: usize = 200;
    let shop = Shop::open("");
    let _agent = shop.start();
    shop.wait(|| shop.number("SELECT count(*) FROM sync_state WHERE last_success_at IS NOT NULL") >= 4);
    let ours = latencies(&shop, FILES, "ours");
    drop(_agent);

    let bare = Shop::open("");
    let (stop, stopped) = bounded::<()>(0);
    let (inbox, url, login) = (bare.config.inbox(), bare.post_url(), bare.login());
    let watcher = std::thread::spawn(move || bare_watcher(&inbox, &url, &login, &stopped));
    std::thread::sleep(Duration::from_millis(300));
    let floor = latencies(&bare, FILES, "bare");
    drop(stop);
    let _ = watcher.join();
    println!(
        "drop to POST, {FILES} files one by one: median {:.1} ms, 99th {:.1} ms; bare notify + read + ureq: \
         median {:.1} ms; ratio {:.1}",
        ours.0,
        ours.1,
        floor.0,
        ours.0 / floor.0
    );
}

/// Median and 99th percentile in ms from the rename into the inbox to the request at the stand-in.
fn latencies(shop: &Shop, files: usize, mark: &str) -> (f64, f64) {
    let mut all: Vec<f64> = Vec::new();
    shop.extend.forget_requests();
    for number in 0..files {
        let key = format!("{mark}-{number}");
        shop.write_beside(&format!("{key}.json"), &order(&key));
        let dropped = Instant::now();
        shop.rename_in(&format!("{key}.json"));
        let arrived = loop {
            let found = shop.extend.requests().into_iter().find(|request| {
                request.method == "POST" && String::from_utf8_lossy(&request.request_body).contains(&key)
            });
            match found {
                Some(request) => break request.at,
                None => std::thread::sleep(Duration::from_micros(200)),
            }
        };
        shop.extend.forget_requests();
        all.push(arrived.saturating_duration_since(dropped).as_secs_f64() * 1000.0);
    }
    all.sort_by(f64::total_cmp);
    (all[all.len() / 2], all[all.len() * 99 / 100])
}

fn bare_watcher(inbox: &Path, url: &str, login: &str, stopped: &crossbeam_channel::Receiver<()>) {
    let (sender, events) = bounded(1024);
    let mut watcher = notify::recommended_watcher(sender).expect("a watch");
    watcher.watch(inbox, notify::RecursiveMode::NonRecursive).expect("a watch");
    let agent = ureq::Agent::new_with_defaults();
    loop {
        crossbeam_channel::select! {
            recv(stopped) -> _ => return,
            recv(events) -> event => {
                let Ok(Ok(event)) = event else { return };
                for path in event.paths {
                    if path.extension().is_some_and(|ending| ending == "json")
                        && let Ok(bytes) = std::fs::read(&path)
                    {
                        let _ = std::fs::remove_file(&path);
                        let _ = post(&agent, url, login, &bytes);
                    }
                }
            }
        }
    }
}

// ------------------------------------------------------------------ taking in waiting files

fn take_in() {
    const FILES: usize = 5000;
    let shop = Shop::open("");
    shop.extend.cut_off();
    for number in 0..FILES {
        let name = format!("order-{number:05}.json");
        shop.write_beside(&name, &order(&format!("W-{number}")));
        shop.rename_in(&name);
    }
    let began = Instant::now();
    let agent = shop.start();
    shop.wait(|| {
        shop.number("SELECT max(id) FROM files") == FILES as i64
            && shop.number("SELECT count(*) FROM files WHERE moved = 0") == 0
            && shop.number("SELECT count(*) FROM owed_files WHERE kind = 'receipt'") == 0
    });
    let ours = began.elapsed().as_secs_f64();
    drop(agent);

    let bare = Shop::open("");
    for number in 0..FILES {
        let name = format!("order-{number:05}.json");
        bare.write_beside(&name, &order(&format!("W-{number}")));
        bare.rename_in(&name);
    }
    let began = Instant::now();
    bare_take_in(&bare.config);
    let floor = began.elapsed().as_secs_f64();
    println!(
        "taking in {FILES} waiting files (record, move, receipt): {ours:.2} s; bare loop with one commit per \
         256: {floor:.2} s; {:.2} of its speed",
        floor / ours
    );
}

/// Reads, parses, records, commits once per 256, moves, writes a receipt: what any program must do.
fn bare_take_in(config: &Config) {
    let connection = bare_database(&config.home.join("bare.db"));
    let accepted = config.accepted().join("day");
    std::fs::create_dir_all(&accepted).expect("a folder");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(config.inbox())
        .expect("the inbox")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    for batch in paths.chunks(256) {
        connection.execute_batch("BEGIN IMMEDIATE").expect("begin");
        let mut receipts = Vec::new();
        for path in batch {
            let bytes = std::fs::read(path).expect("a file");
            let value: Value = serde_json::from_slice(&bytes).expect("JSON");
            let key = value["orderHeader"]["orderNumberExternal"].as_str().unwrap_or_default().to_owned();
            connection
                .prepare_cached("INSERT INTO outbox (key, state, payload) VALUES (?1, 'queued', ?2)")
                .and_then(|mut insert| insert.execute(params![key, value.to_string()]))
                .expect("insert");
            receipts.push((path, json!({ "documents": [{ "key": key, "state": "queued" }] })));
        }
        connection.execute_batch("COMMIT").expect("commit");
        for (path, receipt) in receipts {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            std::fs::rename(path, accepted.join(&name)).expect("rename");
            let beside = config.receipts().join(format!(".{name}.tmp"));
            std::fs::write(&beside, receipt.to_string()).expect("a receipt");
            std::fs::rename(&beside, config.receipts().join(format!("{name}.receipt.json"))).expect("rename");
        }
    }
}

fn bare_database(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE outbox (id INTEGER PRIMARY KEY, key TEXT, state TEXT, payload TEXT, number TEXT);
             CREATE INDEX outbox_key ON outbox(key);",
        )
        .expect("a schema");
    connection
}

// ------------------------------------------------------------------ draining the backlog

fn drain() {
    for latency_ms in [0, 50] {
        let orders = if latency_ms == 0 { 2000 } else { 200 };
        let latency = Duration::from_millis(latency_ms);
        let ours = drain_ours(orders, latency);
        let bare = drain_bare(orders, latency);
        println!(
            "draining {orders} orders, an answer takes {latency_ms} ms more: {ours:.2} s; bare ureq loop, one after \
             another with one commit each: {bare:.2} s; {:.2} times as fast",
            bare / ours
        );
    }
}

/// Seconds from the first POST until the last answer is recorded.
fn drain_ours(orders: usize, latency: Duration) -> f64 {
    let shop = Shop::open("");
    shop.extend.keep_bodies(false);
    let agent = shop.start();
    shop.wait(|| {
        shop.number("SELECT count(*) FROM sync_state WHERE last_success_at IS NOT NULL") >= 5
            && shop.number("SELECT count(*) FROM details_wanted") == 0
    });
    drop(agent);
    shop.extend.cut_off();
    for number in 0..orders {
        let name = format!("order-{number:05}.json");
        shop.write_beside(&name, &order(&format!("W-{number}")));
        shop.rename_in(&name);
    }
    let agent = shop.start();
    shop.wait(|| {
        shop.number("SELECT count(*) FROM files WHERE moved = 1") == orders as i64
            && shop.number("SELECT count(*) FROM owed_files") == 0
    });
    let (first, target) = (Arc::new(OnceLock::new()), shop.extend_orders() + orders);
    let seen = first.clone();
    shop.extend.on_request(move |_, request| {
        if request.method == "POST" {
            seen.get_or_init(Instant::now);
        }
    });
    shop.extend.set_latency(latency);
    shop.extend.bring_back().expect("the port");
    shop.wait(|| shop.extend_orders() >= target);
    shop.wait(|| shop.number("SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')") == 0);
    let took = first.get().expect("a POST").elapsed().as_secs_f64();
    drop(agent);
    took
}

fn drain_bare(orders: usize, latency: Duration) -> f64 {
    let shop = Shop::open("");
    shop.extend.keep_bodies(false);
    shop.extend.set_latency(latency);
    let connection = bare_database(&shop.config.home.join("bare.db"));
    for number in 0..orders {
        let body = order(&format!("B-{number}")).to_string();
        connection
            .execute(
                "INSERT INTO outbox (key, state, payload) VALUES (?1, 'queued', ?2)",
                params![number as i64, body],
            )
            .expect("insert");
    }
    let agent = ureq::Agent::new_with_defaults();
    let (url, login) = (shop.post_url(), shop.login());
    let began = Instant::now();
    for id in 1..=orders {
        let payload: String = connection
            .prepare_cached("SELECT payload FROM outbox WHERE id = ?1")
            .and_then(|mut select| select.query_row([id as i64], |row| row.get(0)))
            .expect("a row");
        let answer: Value =
            serde_json::from_slice(&post(&agent, &url, &login, payload.as_bytes())).expect("JSON");
        let number = answer["orderHeader"]["orderNumber"].as_str().unwrap_or_default();
        connection
            .prepare_cached("UPDATE outbox SET state = 'delivered', number = ?2 WHERE id = ?1")
            .and_then(|mut update| update.execute(params![id as i64, number]))
            .expect("update");
    }
    began.elapsed().as_secs_f64()
}

// ------------------------------------------------------------------ a backlog of many

/// A database with 100,000 orders that wait, and the real program at work on it. Linux only: it reads /proc.
fn choose() {
    const QUEUED: i64 = 100_000;
    let shop = Shop::open("[log]\nlevel = \"warn\"\n");
    shop.extend.keep_bodies(false);
    shop.extend.cut_off();
    let connection = queue_orders(&shop.config.database, QUEUED);
    let now = "2026-06-01T00:00:00.000Z";
    let rounds = 1000;
    let began = Instant::now();
    for _ in 0..rounds {
        assert_eq!(store::outbox::load_ready(&connection, now, now, &[], &[], 4).expect("items").len(), 4);
    }
    let ours = began.elapsed().as_secs_f64() * 1000.0 / f64::from(rounds);
    let began = Instant::now();
    for _ in 0..rounds {
        let mut select = connection
            .prepare_cached("SELECT id, payload FROM outbox WHERE id > ?1 ORDER BY id LIMIT 4")
            .expect("a statement");
        let rows: Vec<(i64, String)> = select
            .query_map([0], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .expect("rows");
        assert_eq!(rows.len(), 4);
    }
    let bare = began.elapsed().as_secs_f64() * 1000.0 / f64::from(rounds);
    drop(connection);
    println!("choosing the next 4 of {QUEUED} queued: {ours:.3} ms; by primary key alone: {bare:.3} ms");

    let mut agent = shop.run_program();
    shop.wait(|| shop.number("SELECT count(*) FROM extend_line WHERE state = 'away'") == 1);
    std::thread::sleep(Duration::from_secs(2));
    let waiting = status_kb(agent.id(), "VmRSS:");
    let began = Instant::now();
    let listed = shop.program().args(["outbox", "list"]).output().expect("the program");
    let list = began.elapsed().as_secs_f64() * 1000.0;
    assert!(listed.status.success(), "outbox list failed");
    shop.extend.bring_back().expect("the port");
    shop.wait(|| shop.extend_orders() > 5000);
    let peak = status_kb(agent.id(), "VmHWM:");
    println!(
        "the agent with {QUEUED} queued: {:.1} MB resident while Extend is away, {:.1} MB at the most until 5,000 are \
         sent; `outbox list` beside it, whole process: {} lines in {list:.0} ms",
        waiting as f64 / 1024.0,
        peak as f64 / 1024.0,
        listed.stdout.iter().filter(|byte| **byte == b'\n').count()
    );
    let _ = agent.kill();
    let _ = agent.wait();
}

/// A database as an agent leaves it that took in so many orders and ended in order.
fn queue_orders(database: &Path, orders: i64) -> Connection {
    let connection = store::open(database).expect("a database");
    connection
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO files (id, name, arrival, verdict, size, received_at, folder, stored_name, moved)
             SELECT i, 'W-' || i || '.json', 1, 'accepted', 1, '2026-01-01T00:00:00.000Z', 'accepted/2026-01-01',
                    'W-' || i || '.json', 1 FROM n",
            [orders],
        )
        .expect("files");
    connection
        .execute_batch(
            "INSERT INTO documents (id, file_id, position, kind, key, content_hash)
             SELECT id, id, 1, 'order', 'W-' || id, 'h' FROM files",
        )
        .expect("documents");
    connection
        .execute(
            "INSERT INTO outbox (id, kind, key, state, payload, source_file, received_at, content_hash)
             SELECT id, kind, key, 'queued', replace(?1, 'THE-KEY', key), key || '.json',
                    '2026-01-01T00:00:00.000Z', 'h' FROM documents",
            [order("THE-KEY").to_string()],
        )
        .expect("items");
    store::agent::set(&connection, store::agent::ENDED_WELL, "1").expect("a note");
    connection
}

// ------------------------------------------------------------------ doing nothing

/// The real program with 20,000 products, when nothing happens. Linux only: it reads /proc.
fn idle() {
    const PRODUCTS: usize = 20_000;
    let shop = Shop::of(World::generated(PRODUCTS, 3, 2000, 1), "[log]\nlevel = \"warn\"\n");
    shop.extend.keep_bodies(false);
    let mut program = shop.run_program();
    let began = Instant::now();
    shop.wait(|| {
        shop.number("SELECT count(*) FROM products WHERE raw IS NOT NULL") == PRODUCTS as i64
            && shop.number("SELECT count(*) FROM details_wanted") == 0
            && shop.number("SELECT count(*) FROM owed_files") == 0
            && shop.number("SELECT count(*) FROM balances") == 3 * PRODUCTS as i64
    });
    let filled = began.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_secs(5));
    let (before, requests) = (cpu_ticks(program.id()), shop.extend.request_count());
    let seconds = 150;
    std::thread::sleep(Duration::from_secs(seconds));
    // A tick is a hundredth of a second.
    let used = cpu_ticks(program.id()) - before;
    let asked = shop.extend.request_count() - requests;
    let resident = status_kb(program.id(), "VmRSS:");
    let peak = status_kb(program.id(), "VmHWM:");
    let files = status_kb(program.id(), "RssFile:") + status_kb(program.id(), "RssShmem:");
    println!(
        "{PRODUCTS} products x 3 warehouses, mirrored with all details in {filled:.1} s; then idle for {seconds} s: \
         {:.1} MB resident, {:.1} of it the program's own code and shared files (peak {:.1} MB), {:.2} % of a core, {asked} requests",
        resident as f64 / 1024.0,
        files as f64 / 1024.0,
        peak as f64 / 1024.0,
        used as f64 / seconds as f64
    );
    let _ = program.kill();
    let _ = program.wait();
}

fn status_kb(pid: u32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn cpu_ticks(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

// ------------------------------------------------------------------ the shop

struct Shop {
    extend: StandIn,
    config: Arc<Config>,
    options: Options,
    reader: std::cell::RefCell<Option<Connection>>,
    _home: tempfile::TempDir,
}

struct Agent {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shop {
    fn open(more: &str) -> Shop {
        Shop::of(World::sample(), more)
    }

    fn of(world: World, more: &str) -> Shop {
        let options = Options {
            limit_per_minute: 10_000_000,
            low_limit_per_minute: 10_000_000,
            high_limit_per_minute: 10_000_000,
            ..Options::default()
        };
        let extend = StandIn::start(world, options.clone()).expect("a stand-in");
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "[extend]\nbase_url = \"{}\"\nclient = \"{}\"\nusername = \"{}\"\npassword = \"{}\"\n\
             requests_per_minute = 6000000\n[outbox]\nretry_first_seconds = 1\nretry_max_seconds = 1\n{more}",
            extend.base_url(),
            options.client,
            options.username,
            options.password
        );
        std::fs::write(folder.path().join("extend-edge.toml"), &settings).expect("settings");
        let config = Arc::new(Config::parse(folder.path(), &settings, None).expect("settings"));
        home::make_folders(&config).expect("folders");
        Shop { extend, config, options, reader: None.into(), _home: folder }
    }

    fn start(&self) -> Agent {
        let (stop, stopped) = bounded(1);
        let config = self.config.clone();
        let run = move || {
            engine::run::run(config, Task::default(), &stopped, &mut |_| {}).expect("the engine");
        };
        let thread = std::thread::Builder::new().name("engine".into()).spawn(run).expect("a thread");
        Agent { stop: Some(stop), thread: Some(thread) }
    }

    fn program(&self) -> std::process::Command {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_extend-edge"));
        program.env("EXTEND_EDGE_HOME", &self.config.home).stderr(std::process::Stdio::null());
        program
    }

    fn run_program(&self) -> std::process::Child {
        self.program().arg("run").spawn().expect("the program")
    }

    fn write_beside(&self, name: &str, document: &Value) {
        std::fs::write(self.config.exchange.folder.join(name), document.to_string()).expect("a file");
    }

    fn rename_in(&self, name: &str) {
        std::fs::rename(self.config.exchange.folder.join(name), self.config.inbox().join(name))
            .expect("rename");
    }

    fn number(&self, sql: &str) -> i64 {
        if !self.config.database.exists() {
            return -1;
        }
        let mut reader = self.reader.borrow_mut();
        if reader.is_none() {
            *reader = store::open_reader(&self.config.database).ok();
        }
        reader.as_ref().and_then(|reader| reader.query_row(sql, [], |row| row.get(0)).ok()).unwrap_or(-1)
    }

    fn wait(&self, done: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !done() {
            assert!(Instant::now() < deadline, "waited in vain");
            // Seldom enough that the looking costs nothing.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn extend_orders(&self) -> usize {
        self.extend.world().order_count()
    }

    fn post_url(&self) -> String {
        format!("{}/v1_0/{}/CustomerOrders", self.extend.base_url(), self.options.client)
    }

    fn login(&self) -> String {
        use base64::Engine as _;
        let login = format!("{}:{}", self.options.username, self.options.password);
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login))
    }
}

fn post(agent: &ureq::Agent, url: &str, login: &str, body: &[u8]) -> Vec<u8> {
    agent
        .post(url)
        .header("ExtendBasicAuthorization", login)
        .header("Content-Type", "application/json")
        .send(body)
        .and_then(|mut answer| answer.body_mut().read_to_vec())
        .expect("an answer")
}

fn order(key: &str) -> Value {
    json!({
        "orderHeader": {
            "orderType": "Normal", "orderNumberExternal": key, "customerNumber": "Customer-123",
            "askedDeliveryDate": "2030-01-15T00:00:00+01:00", "partialDelivery": false, "freightFree": true,
            "deliveryAddress": { "name1": "Anna Åberg", "address1": "Storgatan 1", "postalCode": "12345", "city": "Lund", "countryCode": "SE" },
        },
        "orderRows": [
            { "product": { "productNumber": "Product-123" }, "salesData": { "quantity": 2, "unit": "Stk", "unitPrice": 10.6778 }, "warehouse": "MainWarehouse" },
            { "product": { "productNumber": "8010" }, "salesData": { "quantity": 1, "unit": "ST", "unitPrice": 2.4817 }, "warehouse": "MainWarehouse" },
        ],
    })
}
