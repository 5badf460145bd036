//! `extend-edge demo`: a whole shop in one command, told step by step.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use serde_json::{Value, json};

use super::{Exit, Outcome, print, stop_signal, table};
use crate::config::Config;
use crate::engine::{self, Task};
use crate::home;
use crate::logging;
use crate::standin::{Options, StandIn, World};
use crate::store;

/// A whole shop in one command: a stand-in for Extend, orders dropped, an outage and its recovery. Needs
/// no network, and leaves the folder to look at.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge demo --dir /tmp/shop")]
pub struct Arguments {
    /// Where to make the shop; a new directory.
    #[arg(long, value_name = "DIR", default_value = "extend-edge-demo")]
    dir: PathBuf,
}

/// No step of the demo may take longer.
const PATIENCE: Duration = Duration::from_secs(15);

pub fn run(arguments: Arguments) -> Outcome {
    let began = Instant::now();
    let shop_dir = fresh(&arguments.dir)?;
    let stop = stop_signal()?;
    let mut shop = Shop::open(&shop_dir, stop)?;
    let told = shop.tell(&shop_dir);
    let closed = shop.close();
    told.and(closed)?;
    let shown = shop_dir.display();
    let home = option_quote(&shop_dir);
    print(&format!(
        "\nAll of it took {:.1} seconds and lies in {shown}\n\
         \x20 exchange/inbox      here the webshop drops files\n\
         \x20 exchange/accepted   the originals of what was taken over\n\
         \x20 exchange/rejected   what could not be taken, with the reason\n\
         \x20 exchange/receipts   what became of each file\n\
         \x20 exchange/outgoing   products, prices, balances, customers and orders for the webshop\n\
         \x20 data/extend-edge.db all of it as tables, for any SQLite program\n\
         \nThree things to try:\n\
         \x20 1. extend-edge status --home {home}\n\
         \x20 2. extend-edge outbox list --home {home} --state delivered\n\
         \x20 3. open {} and look at the receipt of an order\n\
         (With cargo, write «cargo run --release --» for «extend-edge».)\n",
        began.elapsed().as_secs_f64(),
        shop_dir.join("exchange/receipts/order-1001.json.receipt.json").display(),
    ));
    Ok(Exit::Done)
}

/// A directory of our own: an older demo is replaced, anything else is left alone.
fn fresh(dir: &Path) -> anyhow::Result<PathBuf> {
    const MARK: &str = ".extend-edge-demo";
    let dir = std::path::absolute(dir)?;
    if dir.join(MARK).exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("{} can't be removed", dir.display()))?;
    } else if dir.exists() && std::fs::read_dir(&dir)?.next().is_some() {
        bail!("{} is not empty; name a new directory with --dir", dir.display());
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
    std::fs::write(dir.join(MARK), "Made by «extend-edge demo», which may replace it.\n")?;
    Ok(dir)
}

fn option_quote(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains(' ') { format!("\"{text}\"") } else { text }
}

struct Shop {
    extend: StandIn,
    config: Arc<Config>,
    stop: Option<Sender<()>>,
    agent: Option<JoinHandle<Result<engine::run::Ended, engine::run::RunError>>>,
    interrupted: Receiver<()>,
    step: usize,
    _lock: home::HomeLock,
    _logger: flexi_logger::LoggerHandle,
}

impl Shop {
    fn open(dir: &Path, interrupted: Receiver<()>) -> anyhow::Result<Shop> {
        let options = Options { limit_per_minute: 100_000, ..Options::default() };
        let settings = format!(
            "# The settings of the demo. Extend is played by the program itself.\n\
             [extend]\nbase_url = \"{{base}}\"\nclient = \"{}\"\nusername = \"{}\"\npassword = \"{}\"\n\
             timeout_seconds = 5\nrequests_per_minute = 100000\n\n\
             [exchange]\nsettle_ms = 200\n\n\
             [outbox]\nretry_first_seconds = 1\nretry_max_seconds = 2\nlookup_grace_seconds = 2\n\n\
             [prices]\ncustomers = [\"Customer-123\", \"3\"]\n",
            options.client, options.username, options.password
        );
        let extend = StandIn::start(World::sample(), options)?;
        std::fs::write(
            dir.join(crate::config::SETTINGS_FILE),
            settings.replace("{base}", &extend.base_url()),
        )?;
        let config = Arc::new(Config::load(dir)?);
        home::make_folders(&config)?;
        let lock = home::lock_home(&config)?;
        let logger = logging::start(&config, logging::Mode::Quiet)?;
        let (stop, stopped) = bounded(1);
        let settings = config.clone();
        let agent = std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || engine::run::run(settings, Task::default(), &stopped, &mut |_| {}))?;
        Ok(Shop {
            extend,
            config,
            stop: Some(stop),
            agent: Some(agent),
            interrupted,
            step: 0,
            _lock: lock,
            _logger: logger,
        })
    }

    fn close(&mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        if let Some(agent) = self.agent.take() {
            match agent.join() {
                Ok(ended) => ended.map(|_| ())?,
                Err(_) => bail!("the agent ended itself; see {}", self.config.logs().display()),
            }
        }
        Ok(())
    }

    fn tell(&mut self, dir: &Path) -> anyhow::Result<()> {
        print(&format!(
            "A shop in {}, with a stand-in for Extend at {}\n",
            dir.display(),
            self.extend.base_url()
        ));
        self.fill_mirror()?;
        self.take_orders()?;
        self.outage()?;
        self.bad_file()
    }

    fn fill_mirror(&mut self) -> anyhow::Result<()> {
        self.heading("The agent starts and fills its mirror");
        let products = self.extend.world().products().count() as i64;
        self.wait("the mirror to be filled", |shop| {
            Ok(shop.number("SELECT count(*) FROM products WHERE raw IS NOT NULL")? == products
                && shop.number("SELECT count(*) FROM prices")? > 0
                && shop.number("SELECT count(*) FROM sync_state WHERE last_success_at IS NOT NULL")? >= 6)
        })?;
        for (what, sql) in [
            ("products", "SELECT count(*) FROM products"),
            ("balances", "SELECT count(*) FROM balances"),
            ("customers", "SELECT count(*) FROM customers"),
            ("prices", "SELECT count(*) FROM prices"),
        ] {
            print(&format!("   {:>5} {what}\n", self.number(sql)?));
        }
        let snapshot = self.config.outgoing().join("products.csv");
        self.wait("outgoing/products.csv", |_| Ok(snapshot.exists()))?;
        print("   The webshop finds them as files in exchange/outgoing/, in JSON and CSV.\n");
        Ok(())
    }

    fn take_orders(&mut self) -> anyhow::Result<()> {
        self.heading("The webshop drops three orders and two returns");
        self.drop_file("order-1001.json", &order("W-1001", "Product-123", 2, "Stk"))?;
        self.drop_file("order-1002.json", &order("W-1002", "ChristmasGift-1", 3, "FRP"))?;
        self.drop_file("order-1003.json", &order("W-1003", "Product-123", 1, "Stk"))?;
        self.drop_file(
            "return-1.json",
            &json!({
                "createAction": {
                    "action": "ReturnRowsFromCustomerOrder", "orderNumber": "OC-142", "returnCode": "B",
                    "orderRows": [{ "position": 10, "subPosition": 0, "quantity": 1 }],
                },
                "header": { "reference": "R-1" },
            }),
        )?;
        self.drop_file(
            "return-2.json",
            &json!({
                "createAction": { "action": "ReturnProducts" },
                "header": {
                    "reference": "R-2", "warehouse": "LOGMULL", "customerNumber": "3",
                    "creditInvoiceAction": "WhenReceived",
                },
                "rows": [{
                    "returnCode": "A", "productNumber": "8010",
                    "salesData": { "quantity": 2, "unit": "ST", "unitPrice": 2.48, "vatPercent": 25, "currency": "SEK" },
                }],
            }),
        )?;
        let files =
            ["order-1001.json", "order-1002.json", "order-1003.json", "return-1.json", "return-2.json"];
        self.wait("the receipts", |shop| {
            Ok(files.iter().all(|file| shop.receipt_state(file) == "delivered"))
        })?;
        print("   Each has a receipt in exchange/receipts/ with the number that Extend gave:\n\n");
        self.show_receipts(&files)
    }

    fn outage(&mut self) -> anyhow::Result<()> {
        self.heading("Extend goes away, and the shop goes on selling");
        self.extend.cut_off();
        for number in 1004..=1008 {
            let key = format!("W-{number}");
            self.drop_file(&format!("order-{number}.json"), &order(&key, "Product-123", 1, "Stk"))?;
        }
        self.wait("the outage to be noticed and the orders to wait", |shop| {
            let waiting = shop.number("SELECT count(*) FROM report_backlog")?;
            let away = shop.number("SELECT count(*) FROM extend_line WHERE state = 'away'")?;
            Ok(waiting == 5 && away == 1)
        })?;
        print("   Five more orders are dropped. They are safe in the outbox, and wait:\n\n");
        let waiting = self.rows(
            "SELECT kind, key, state, waits_for FROM report_backlog ORDER BY id",
            &["kind", "key", "state", "waits for"],
        )?;
        print(&indented(&waiting));
        print("\n   Reports answer all the same, from the mirror. What waits is known, too:\n\n");
        let stock = self.rows(
            "SELECT product_number, name, warehouse, CAST(available AS INTEGER), CAST(queued AS INTEGER)
             FROM report_stock WHERE product_number IN ('Product-123', 'ChristmasGift-1')
             ORDER BY product_number, warehouse",
            &["product", "name", "warehouse", "available", "queued"],
        )?;
        print(&indented(&stock));

        self.heading("Extend comes back");
        self.extend.bring_back()?;
        self.wait(
            "the backlog to flow",
            |shop| Ok(shop.number("SELECT count(*) FROM report_backlog")? == 0),
        )?;
        let mut rows = Vec::new();
        {
            let world = self.extend.world();
            for number in 1001..=1008 {
                let key = format!("W-{number}");
                let there: Vec<String> =
                    world.orders_by_external(&key).into_iter().map(|order| order.number.clone()).collect();
                if there.len() != 1 {
                    bail!("{key} is at Extend {} times", there.len());
                }
                rows.push(vec![key, there.len().to_string(), there.join(", ")]);
            }
        }
        print("   Nobody had to do anything. What Extend has now, asked there and not here:\n\n");
        print(&indented(&table(&["our number", "times at Extend", "Extend's number"], &rows)));
        Ok(())
    }

    fn bad_file(&mut self) -> anyhow::Result<()> {
        self.heading("A file that is wrong");
        let mut bad = order("W-1009", "Product-123", 1, "Stk");
        bad["orderRows"][0]["product"] = json!({});
        self.drop_file("order-1009.json", &bad)?;
        let reason = self.config.rejected().join("order-1009.json.error.txt");
        self.wait("the reason", |_| Ok(reason.exists()))?;
        let text = std::fs::read_to_string(&reason)?;
        print("   It lies unchanged in exchange/rejected/, and beside it stands why:\n\n");
        print(&indented(&text.replace('\r', "")));
        Ok(())
    }

    fn heading(&mut self, words: &str) {
        self.step += 1;
        print(&format!("\n{}. {words}\n", self.step));
    }

    /// As a careful webshop does: written under another name, then renamed.
    fn drop_file(&self, name: &str, document: &Value) -> anyhow::Result<()> {
        let inbox = self.config.inbox();
        let beside = inbox.join(format!("{name}.tmp"));
        std::fs::write(&beside, format!("{document:#}\n"))?;
        std::fs::rename(&beside, inbox.join(name))?;
        Ok(())
    }

    fn wait(&self, what: &str, done: impl Fn(&Shop) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.config.database.exists() && done(self).unwrap_or(false) {
                return Ok(());
            }
            if Instant::now() > deadline {
                done(self)?;
                bail!("waited in vain for {what}; the log in {} may tell why", self.config.logs().display());
            }
            select! {
                recv(self.interrupted) -> _ => bail!("stopped"),
                default(Duration::from_millis(20)) => {}
            }
        }
    }

    fn number(&self, sql: &str) -> anyhow::Result<i64> {
        Ok(store::open_reader(&self.config.database)?.query_row(sql, [], |row| row.get(0))?)
    }

    fn rows(&self, sql: &str, heads: &[&str]) -> anyhow::Result<String> {
        let connection = store::open_reader(&self.config.database)?;
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            (0..heads.len())
                .map(|column| {
                    Ok(match row.get_ref(column)? {
                        rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                        rusqlite::types::ValueRef::Real(number) => number.to_string(),
                        _ => String::new(),
                    })
                })
                .collect::<rusqlite::Result<Vec<String>>>()
        })?;
        Ok(table(heads, &rows.collect::<Result<Vec<_>, _>>()?))
    }

    fn receipt(&self, file: &str) -> Option<Value> {
        let path = self.config.receipts().join(format!("{file}.receipt.json"));
        serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
    }

    fn receipt_state(&self, file: &str) -> String {
        let receipt = self.receipt(file).unwrap_or_default();
        receipt["documents"][0]["state"].as_str().unwrap_or_default().to_owned()
    }

    fn show_receipts(&self, files: &[&str]) -> anyhow::Result<()> {
        let rows: Vec<Vec<String>> = files
            .iter()
            .map(|file| {
                let receipt = self.receipt(file).unwrap_or_default();
                let field = |name: &str| receipt["documents"][0][name].as_str().unwrap_or("").to_owned();
                vec![(*file).to_owned(), field("key"), field("state"), field("extendNumber")]
            })
            .collect();
        print(&indented(&table(&["file", "our number", "state", "Extend's number"], &rows)));
        Ok(())
    }
}

fn order(key: &str, product: &str, quantity: i64, unit: &str) -> Value {
    json!({
        "orderHeader": {
            "orderType": "Normal",
            "orderNumberExternal": key,
            "customerNumber": "Customer-123",
            "askedDeliveryDate": "2030-01-15T00:00:00+01:00",
            "partialDelivery": false,
            "freightFree": true,
        },
        "orderRows": [{
            "product": { "productNumber": product },
            "salesData": { "quantity": quantity, "unit": unit },
            "warehouse": "MainWarehouse",
        }],
    })
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}").trim_end().to_owned() + "\n").collect()
}
