//! What the mirror of a large shop costs: the first list of everything and a second one with nothing changed,
//! beside a bare loop that fetches, parses and upserts the same pages. Linux only: it reads /proc.
//!
//! `cargo bench --bench mirror` runs 1,000, 10,000 and 100,000 products in three warehouses; numbers after
//! `--` run those. The agent is the real program, and the stand-in for Extend has a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use extend_edge::config::Config;
use extend_edge::standin::{Options, StandIn, World};
use extend_edge::{home, store};
use rusqlite::{Connection, params, types::ValueRef};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The stand-in's process is this program with the number of products in the environment.
const SERVE: &str = "EXTEND_EDGE_BENCH_SERVE";

fn main() {
    if let Some(products) = std::env::var(SERVE).ok().and_then(|text| text.parse().ok()) {
        return serve(products);
    }
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1_000, 10_000, 100_000];
    }
    for products in sizes {
        measure(products);
    }
}

fn measure(products: usize) {
    let rows = (products * 3 * 2) as f64;
    let extend = Extend::start(products);
    let folder = tempfile::tempdir().expect("a folder");
    let config = shop(folder.path(), &extend.url);

    let first = sync(folder.path(), &config);
    let reader = store::open_reader(&config.database).expect("the database");
    let count = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number") as usize;
    assert_eq!(count("SELECT count(*) FROM products WHERE removed_at IS NULL"), products);
    assert_eq!(count("SELECT count(*) FROM balances"), products * 3);
    let (tables, files) = (tables_hash(&reader), files_in(&config));

    let second = sync(folder.path(), &config);
    let (tables_after, files_after) = (tables_hash(&reader), files_in(&config));
    let same = if tables == tables_after { "no row" } else { "ROWS" };
    let same_files = if files == files_after { "no file" } else { "FILES" };

    let bare_began = Instant::now();
    let bare_rows = bare(&extend.url, &folder.path().join("bare.db"));
    let bare = bare_began.elapsed().as_secs_f64();
    assert_eq!(bare_rows, products * 6);

    println!(
        "{products} products x 3 warehouses, lists of products and balances ({rows} rows):\n  \
         first: lists read in {:.2} s, files put out too in {:.2} s, {:.2} s of CPU, {:.1} us a row, peak {:.1} MB\n  \
         bare loop: {bare:.2} s, {:.1} us a row; ours has {:.2} of its speed\n  \
         second, nothing changed: {:.2} s, {:.2} s of CPU, {:.2} of the first's, peak {:.1} MB; {same} and {same_files} written",
        first.listed,
        first.took,
        first.cpu,
        first.cpu * 1e6 / rows,
        first.peak_mb,
        bare * 1e6 / rows,
        bare / first.listed,
        second.took,
        second.cpu,
        second.cpu / first.cpu,
        second.peak_mb,
    );
}

// ------------------------------------------------------------------ the agent

struct Run {
    /// Seconds until the last of the two lists was stored.
    listed: f64,
    took: f64,
    cpu: f64,
    peak_mb: f64,
}

/// One `extend-edge sync --full` of the real program.
fn sync(home: &Path, config: &Config) -> Run {
    let began_at = extend_edge::clock::text(jiff::Timestamp::now());
    let cpu_before = children_cpu();
    let began = Instant::now();
    let mut program = Command::new(env!("CARGO_BIN_EXE_extend-edge"))
        .args(["sync", "products", "balances", "--full", "--home"])
        .arg(home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let (mut peak_kb, mut listed) = (0, None);
    let mut reader = None;
    loop {
        peak_kb = peak_kb.max(status_kb(program.id(), "VmHWM:"));
        if listed.is_none() {
            if reader.is_none() && config.database.exists() {
                reader = store::open_reader(&config.database).ok();
            }
            let full = reader.as_ref().and_then(|reader| {
                let sql = "SELECT count(*) FROM sync_state WHERE last_full_at >= ?1";
                reader.query_row(sql, [&began_at], |row| row.get::<_, i64>(0)).ok()
            });
            listed = full.filter(|full| *full == 2).map(|_| began.elapsed().as_secs_f64());
        }
        if let Some(status) = program.try_wait().expect("a status") {
            assert!(status.success(), "sync failed: {status}");
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed().as_secs_f64();
    let cpu = children_cpu() - cpu_before;
    Run { listed: listed.unwrap_or(took), took, cpu, peak_mb: peak_kb as f64 / 1024.0 }
}

fn shop(home: &Path, url: &str) -> Config {
    let options = Options::default();
    let settings = format!(
        "[extend]\nbase_url = \"{url}\"\nclient = \"{}\"\nusername = \"{}\"\npassword = \"{}\"\n\
         requests_per_minute = 6000000\n[products]\ndetails = false\n[log]\nlevel = \"warn\"\n",
        options.client, options.username, options.password
    );
    std::fs::write(home.join("extend-edge.toml"), &settings).expect("settings");
    let config = Config::parse(home, &settings, None).expect("settings");
    home::make_folders(&config).expect("folders");
    config
}

/// Everything in the tables but the state of the agent itself.
fn tables_hash(reader: &Connection) -> Vec<(String, Vec<u8>)> {
    const OWN: [&str; 4] = ["sync_state", "agent", "owed_files", "extend_line"];
    let mut names = reader
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' ORDER BY 1",
        )
        .expect("a statement");
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).and_then(Iterator::collect).expect("names");
    let hash = |name: &String| {
        let mut hash = Sha256::new();
        let mut statement = reader.prepare(&format!("SELECT * FROM {name}")).expect("a statement");
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            for column in 0..columns {
                match row.get_ref(column).expect("a cell") {
                    ValueRef::Null => hash.update(b"n"),
                    ValueRef::Integer(number) => hash.update(number.to_le_bytes()),
                    ValueRef::Real(number) => hash.update(number.to_le_bytes()),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => hash.update(bytes),
                }
            }
        }
        hash.finalize().to_vec()
    };
    names.iter().filter(|name| !OWN.contains(&name.as_str())).map(|name| (name.clone(), hash(name))).collect()
}

/// What lies in outgoing/, with the time of its writing, but for status.json.
fn files_in(config: &Config) -> Vec<(String, std::time::SystemTime)> {
    let mut files = Vec::new();
    for folder in [config.outgoing(), config.outgoing_changes()] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() && name != "status.json" {
                files.push((name, metadata.modified().expect("a time")));
            }
        }
    }
    files.sort();
    files
}

fn status_kb(pid: u32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Seconds of CPU of the processes that were begun here and have ended: the stand-in's has not.
fn children_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: u64 = [13, 14].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    // A tick is a hundredth of a second.
    ticks as f64 / 100.0
}

// ------------------------------------------------------------------ the bare loop

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BareProduct<'a> {
    product_number: String,
    product_name: String,
    product_unit: String,
    supply_mode: String,
    currency: String,
    cost: f64,
    #[serde(borrow)]
    gtin_number_list: Option<std::borrow::Cow<'a, str>>,
    enabled: bool,
    create_date: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BareBalances<'a> {
    #[serde(borrow)]
    product_availability_list: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BareBalance {
    product_number: String,
    warehouse: String,
    available_balance_now: f64,
    physical_balance: f64,
    ordered_quantity: f64,
    blocked_balance: f64,
    change_date: Option<String>,
}

/// Fetches, parses, upserts, one commit a page: what any program must do.
fn bare(url: &str, path: &Path) -> usize {
    let connection = Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE products (number TEXT PRIMARY KEY, name TEXT, unit TEXT, mode TEXT, currency TEXT,
                 cost REAL, gtin TEXT, enabled INTEGER, created TEXT, raw TEXT);
             CREATE TABLE balances (number TEXT, warehouse TEXT, available REAL, physical REAL, ordered REAL,
                 blocked REAL, changed TEXT, raw TEXT, PRIMARY KEY (number, warehouse)) WITHOUT ROWID;",
        )
        .expect("a schema");
    let agent = ureq::Agent::new_with_defaults();
    let options = Options::default();
    let login = {
        use base64::Engine as _;
        let login = format!("{}:{}", options.username, options.password);
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login))
    };
    let get = |target: String| -> Vec<u8> {
        agent
            .get(format!("{url}/v1_0/{}/{target}", options.client))
            .header("ExtendBasicAuthorization", &login)
            .call()
            .and_then(|mut answer| answer.body_mut().with_config().limit(1 << 26).read_to_vec())
            .expect("an answer")
    };
    let mut total = 0;
    for page in 0.. {
        let body = get(format!("Products?pageCount=100&pageOffset={page}"));
        let rows: Vec<&RawValue> = serde_json::from_slice(&body).expect("a page");
        connection.execute_batch("BEGIN IMMEDIATE").expect("begin");
        for row in &rows {
            let one: BareProduct<'_> = serde_json::from_str(row.get()).expect("a row");
            connection
                .prepare_cached(
                    "INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                     ON CONFLICT DO UPDATE SET name = ?2, unit = ?3, mode = ?4, currency = ?5, cost = ?6, gtin = ?7,
                         enabled = ?8, created = ?9, raw = ?10",
                )
                .and_then(|mut upsert| {
                    upsert.execute(params![
                        one.product_number,
                        one.product_name,
                        one.product_unit,
                        one.supply_mode,
                        one.currency,
                        one.cost,
                        one.gtin_number_list,
                        one.enabled,
                        one.create_date,
                        row.get()
                    ])
                })
                .expect("upsert");
        }
        connection.execute_batch("COMMIT").expect("commit");
        total += rows.len();
        if rows.len() < 100 {
            break;
        }
    }
    for page in 1.. {
        let body = get(format!("ProductAvailability?pageNumber={page}"));
        let rows: BareBalances<'_> = serde_json::from_slice(&body).expect("a page");
        let rows = rows.product_availability_list;
        connection.execute_batch("BEGIN IMMEDIATE").expect("begin");
        for row in &rows {
            let one: BareBalance = serde_json::from_str(row.get()).expect("a row");
            connection
                .prepare_cached(
                    "INSERT INTO balances VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                     ON CONFLICT DO UPDATE SET available = ?3, physical = ?4, ordered = ?5, blocked = ?6, changed = ?7,
                         raw = ?8",
                )
                .and_then(|mut upsert| {
                    upsert.execute(params![
                        one.product_number,
                        one.warehouse,
                        one.available_balance_now,
                        one.physical_balance,
                        one.ordered_quantity,
                        one.blocked_balance,
                        one.change_date,
                        row.get()
                    ])
                })
                .expect("upsert");
        }
        connection.execute_batch("COMMIT").expect("commit");
        total += rows.len();
        if rows.len() < 100 {
            break;
        }
    }
    total
}

// ------------------------------------------------------------------ Extend

/// The stand-in in a process of its own.
struct Extend {
    process: Child,
    url: String,
}

impl Extend {
    fn start(products: usize) -> Extend {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .env(SERVE, products.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the stand-in");
        let mut url = String::new();
        let stdout = process.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut url).expect("its address");
        Extend { process, url: url.trim().to_owned() }
    }
}

impl Drop for Extend {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn serve(products: usize) {
    let limit = 100_000_000;
    let options = Options {
        limit_per_minute: limit,
        low_limit_per_minute: limit,
        high_limit_per_minute: limit,
        ..Options::default()
    };
    let extend = StandIn::start(World::generated(products, 3, 10, 1), options).expect("a stand-in");
    extend.keep_bodies(false);
    println!("{}", extend.base_url());
    let _ = std::io::stdout().flush();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
