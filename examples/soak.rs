//! The release program through an hour of a busy shop, in real time, against the stand-in with faults.
//!
//! `cargo build --release && cargo run --release --example soak -- 60`: minutes, 5 at the least; a second
//! argument is the program, where it is not the one beside. Linux only: it reads /proc. Everything is in a
//! folder of its own under the temporary one, and nothing but loopback is used. A line a minute says what the
//! program holds; at the end each order must be at Extend once. Exit code 1 where it is not so.
//!
//! All the time: two orders a second, returns, files that are broken or come twice, orders that Extend refuses,
//! webhooks, a person's commands, requests that fail in every way, and Extend away for one minute in five. After
//! two thirds of the time the program is killed, what ended is made older than `keep_days`, and it is started
//! again: from then on thinning has everything to do.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use extend_edge::standin::{Fault, FaultMatcher, FaultRule, Notification, Options, StandIn, Times, World};
use rusqlite::Connection;
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Between two orders.
const PACE: Duration = Duration::from_millis(500);
/// Extend is away for a minute in so many seconds.
const OUTAGE_EVERY: u64 = 300;
const HOOKS: &str = "127.0.0.1:18797";
const PAGE: &str = "127.0.0.1:18798";

fn main() -> Outcome<()> {
    let minutes: u64 = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(60);
    let length = Duration::from_secs(60 * minutes.clamp(5, 24 * 60));
    let mut shop = Shop::open()?;
    shop.start()?;
    println!("{minutes} minutes in {}", shop.home.display());
    println!("{TITLE}");
    let began = Instant::now();
    let (mut second, mut has_died) = (0, false);
    while began.elapsed() < length {
        let at = began.elapsed().as_secs();
        shop.drop_files()?;
        while second <= at {
            shop.each_second(second)?;
            second += 1;
        }
        if !has_died && began.elapsed() > length * 2 / 3 {
            has_died = true;
            shop.die_and_grow_old()?;
        }
        let next = PACE * u32::try_from(shop.dropped)?;
        std::thread::sleep(next.saturating_sub(began.elapsed()));
    }
    shop.end()
}

const TITLE: &str = "min | dropped at Extend | RSS MB  CPU s  fds threads | db MB  wal MB  payloads | accepted receipts \
    rejected changes orders | logs kB backups MB";

struct Shop {
    extend: StandIn,
    home: PathBuf,
    program: PathBuf,
    agent: Option<Child>,
    /// Orders that were dropped and that Extend takes.
    dropped: usize,
    refused: usize,
    is_away: bool,
    highest_kb: u64,
    _folder: tempfile::TempDir,
}

impl Shop {
    fn open() -> Outcome<Shop> {
        let unlimited = Options {
            limit_per_minute: 100_000,
            low_limit_per_minute: 100_000,
            high_limit_per_minute: 100_000,
            ..Options::default()
        };
        let extend = StandIn::start(World::generated(5000, 2, 300, 1), unlimited.clone())?;
        extend.keep_bodies(false);
        let folder = tempfile::tempdir()?;
        let home = folder.path().to_owned();
        let settings = format!(
            "[extend]\nbase_url = \"{}\"\nclient = \"{}\"\nusername = \"{}\"\npassword = \"{}\"\n\
             requests_per_minute = 6000\ntimeout_seconds = 5\n\
             [exchange]\nkeep_days = 1\nsettle_ms = 500\nbroken_after_seconds = 5\n\
             [outbox]\nretry_max_seconds = 20\nlookup_grace_seconds = 5\n\
             [products]\nevery_seconds = 60\nfull_every_hours = 1\n[balances]\nevery_seconds = 30\nfull_every_hours = 1\n\
             [orders]\nevery_seconds = 30\n[prices]\ncustomers = [\"C-00001\", \"C-00002\"]\nevery_seconds = 600\n\
             [webhooks]\nlisten = \"{HOOKS}\"\nsecret = \"{}\"\n[status]\nlisten = \"{PAGE}\"\n\
             [backup]\nevery_hours = 1\nkeep = 2\n[reports]\nevery_minutes = 5\n\
             [alert]\ncommand = [\"true\"]\naway_minutes = 1\ndisk_free_mb = 0\n[log]\nkeep_files = 3\n",
            extend.base_url(),
            unlimited.client,
            unlimited.username,
            unlimited.password,
            unlimited.secret,
        );
        std::fs::write(home.join("extend-edge.toml"), settings)?;
        // target/release/examples/soak
        let beside =
            || Ok(std::env::current_exe()?.ancestors().nth(2).unwrap_or(Path::new("")).join("extend-edge"));
        let program = std::env::args()
            .nth(2)
            .map_or_else(beside, |path| Ok::<_, std::io::Error>(PathBuf::from(path)))?;
        let shop = Shop {
            extend,
            home,
            program,
            agent: None,
            dropped: 0,
            refused: 0,
            is_away: false,
            highest_kb: 0,
            _folder: folder,
        };
        shop.command(&["init"])?;
        Ok(shop)
    }

    fn start(&mut self) -> Outcome<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.home.join("agent.out"))?;
        let mut run = Command::new(&self.program);
        run.arg("run").env("EXTEND_EDGE_HOME", &self.home).stdout(Stdio::null()).stderr(log);
        self.agent = Some(run.spawn()?);
        self.set_faults();
        Ok(())
    }

    /// Every way in which a request can fail that leaves the order in doubt, and some that do not.
    fn set_faults(&self) {
        let often = |method: &str, resource: &str, every: u32, fault: Fault| {
            let matcher = FaultMatcher::to(method, resource).every(every).times(Times::Always);
            self.extend.push_fault(FaultRule { matcher, fault });
        };
        self.extend.clear_faults();
        for (every, fault) in [
            (23, Fault::CloseAfter),
            (29, Fault::CloseBefore),
            (37, Fault::CutAnswer),
            (41, Fault::ServerErrorAfter),
            (43, Fault::ServerErrorBefore),
            (97, Fault::Deadlock),
            (101, Fault::Garbage),
            (131, Fault::CommitLater(Duration::from_secs(2))),
            (151, Fault::HangAfter(Duration::from_secs(7))),
        ] {
            often("POST", "CustomerOrders", every, fault);
        }
        often("GET", "CustomerOrders", 31, Fault::ServerErrorBefore);
        often("GET", "ProductAvailability", 17, Fault::CutAnswer);
        often("GET", "Products", 53, Fault::HtmlUnavailable);
    }

    /// The next order, and now and then something that is none.
    fn drop_files(&mut self) -> Outcome<()> {
        self.dropped += 1;
        let number = self.dropped;
        let name = format!("order-{number}.json");
        self.put(&name, &order(&format!("S-{number}"), "P-000017"))?;
        if number.is_multiple_of(20) {
            // The same file once more, under another name: a duplicate.
            self.put(&format!("again-{number}.json"), &order(&format!("S-{number}"), "P-000017"))?;
        }
        if number.is_multiple_of(60) {
            self.put(&format!("broken-{number}.json"), "{\"orderHeader\": {]")?;
        }
        if number.is_multiple_of(200) {
            self.refused += 1;
            self.put(&format!("refused-{number}.json"), &order(&format!("R-{number}"), "NO-SUCH-PRODUCT"))?;
        }
        Ok(())
    }

    fn put(&self, name: &str, text: &str) -> Outcome<()> {
        let beside = self.home.join("exchange").join(format!(".{name}"));
        std::fs::write(&beside, text)?;
        std::fs::rename(beside, self.home.join("exchange/inbox").join(name))?;
        Ok(())
    }

    fn each_second(&mut self, second: u64) -> Outcome<()> {
        let should_be_away = second % OUTAGE_EVERY >= OUTAGE_EVERY - 60;
        match (self.is_away, should_be_away) {
            (false, true) => self.extend.cut_off(),
            (true, false) => self.extend.bring_back()?,
            _ => {}
        }
        self.is_away = should_be_away;
        if second % 3 == 1 {
            let product = format!("P-{:06}", 1 + second * 7 % 5000);
            self.extend.world().set_balance(&product, "W1", i64::try_from(second)?);
            let told = Notification::new("AvailableBalanceChanged", "ProductNumber", &product);
            let _ = self.extend.send_webhook(&format!("http://{HOOKS}/webhooks/extend"), vec![told]);
        }
        match second % 60 {
            10 => drop(self.command(&["status", "--json"])?),
            20 => drop(self.command(&["outbox", "list"])?),
            30 => drop(self.command(&["report", "stock", "--format", "csv"])?),
            40 => drop(self.command(&["outbox", "retry", "--refused"])?),
            45 => drop(ureq::get(format!("http://{PAGE}/")).call()),
            50 => self.fetch_changes()?,
            59 => println!("{}", self.sample(second / 60 + 1)),
            _ => {}
        }
        if second % 1000 == 500 {
            self.command(&["pause"])?;
            self.command(&["resume"])?;
        }
        self.extend.forget_requests();
        Ok(())
    }

    /// The webshop reads files of changes and deletes them.
    fn fetch_changes(&self) -> Outcome<()> {
        for entry in std::fs::read_dir(self.home.join("exchange/outgoing/changes"))?.flatten() {
            if !entry.file_name().to_string_lossy().starts_with('.') {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Killed as by a power failure; what ended is two days older when it starts again.
    fn die_and_grow_old(&mut self) -> Outcome<()> {
        println!("{}", self.sample(0));
        self.kill()?;
        let database = Connection::open(self.home.join("data/extend-edge.db"))?;
        database.busy_timeout(Duration::from_secs(10))?;
        database.execute_batch(
            "BEGIN IMMEDIATE;
             UPDATE files SET received_at = strftime('%Y-%m-%dT%H:%M:%fZ', received_at, '-2 days');
             UPDATE outbox SET delivered_at = strftime('%Y-%m-%dT%H:%M:%fZ', delivered_at, '-2 days')
             WHERE delivered_at IS NOT NULL;
             COMMIT;",
        )?;
        drop(database);
        println!("killed, and started again; what was delivered is two days old now");
        self.start()
    }

    fn kill(&mut self) -> Outcome<()> {
        if let Some(mut agent) = self.agent.take() {
            agent.kill()?;
            agent.wait()?;
        }
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Outcome<Vec<u8>> {
        let mut command = Command::new(&self.program);
        Ok(command.args(arguments).env("EXTEND_EDGE_HOME", &self.home).output()?.stdout)
    }

    fn number(&self, sql: &str) -> i64 {
        let open = extend_edge::store::open_reader(&self.home.join("data/extend-edge.db"));
        open.ok().and_then(|reader| reader.query_row(sql, [], |row| row.get(0)).ok()).unwrap_or(-1)
    }

    /// What the program holds, in a line.
    fn sample(&mut self, minute: u64) -> String {
        let pid = self.agent.as_ref().map_or(0, Child::id);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| -> u64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        self.highest_kb = self.highest_kb.max(field("VmHWM:"));
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
        let megabytes =
            |name: &str| self.home.join(name).metadata().map_or(0.0, |file| file.len() as f64 / 1e6);
        let inside = |name: &str| files(&self.home.join("exchange").join(name));
        format!(
            "{minute:3} | {:7} {:9} | {:6.1} {:6.1} {:4} {:7} | {:5.1} {:7.1} {:9} | {:8} {:8} {:8} {:7} {:6} | {:7} {:10.1}",
            self.dropped,
            self.extend.world().order_count(),
            field("VmRSS:") as f64 / 1024.0,
            ticks as f64 / 100.0,
            std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count),
            field("Threads:"),
            megabytes("data/extend-edge.db"),
            megabytes("data/extend-edge.db-wal"),
            self.number("SELECT count(*) FROM outbox WHERE payload IS NOT NULL"),
            inside("accepted").0,
            inside("receipts").0,
            inside("rejected").0,
            inside("outgoing/changes").0,
            inside("outgoing/orders").0,
            files(&self.home.join("data/logs")).1 / 1000,
            files(&self.home.join("data/backups")).1 as f64 / 1e6,
        )
    }

    /// Extend is well again; everything that was dropped must be there, once.
    fn end(mut self) -> Outcome<()> {
        self.extend.clear_faults();
        if self.is_away {
            self.extend.bring_back()?;
        }
        let until = Instant::now() + Duration::from_secs(180);
        let waiting = "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')";
        while files(&self.home.join("exchange/inbox")).0 > 0 || self.number(waiting) != 0 {
            if Instant::now() > until {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        println!("{}", self.sample(999));
        let (mut lost, mut doubled) = (0, 0);
        for number in 1..=self.dropped {
            match self.extend.world().orders_by_external(&format!("S-{number}")).len() {
                0 => lost += 1,
                1 => {}
                _ => doubled += 1,
            }
        }
        let waiting = self.number(waiting);
        let refused = self.number("SELECT count(*) FROM outbox WHERE state = 'refused'");
        let needs: serde_json::Value = serde_json::from_slice(&self.command(&["status", "--json"])?)?;
        let codes: std::collections::BTreeSet<&str> = needs["needsPerson"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["code"].as_str())
            .collect();
        println!(
            "{} orders: {lost} lost, {doubled} doubled, {waiting} wait; {refused} refused of {} that had to be; \
             {:.1} MB resident at the most; a person is told of {codes:?}",
            self.dropped,
            self.refused,
            self.highest_kb as f64 / 1024.0
        );
        self.kill()?;
        let is_well = lost == 0 && doubled == 0 && waiting == 0 && usize::try_from(refused)? == self.refused;
        match is_well {
            true => Ok(()),
            false => Err("not every order is at Extend once".into()),
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// How many files lie in a folder and below it, and their bytes.
fn files(folder: &Path) -> (u64, u64) {
    let (mut number, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                let inside = files(&entry.path());
                number += inside.0;
                bytes += inside.1;
            }
            Ok(metadata) => {
                number += 1;
                bytes += metadata.len();
            }
            Err(_) => {}
        }
    }
    (number, bytes)
}

fn order(key: &str, product: &str) -> String {
    json!({
        "orderHeader": {
            "orderType": "Normal", "orderNumberExternal": key, "customerNumber": "C-00017",
            "deliveryAddress": { "name1": "Anna Åberg", "address1": "Storgatan 1", "postalCode": "12345", "city": "Lund", "countryCode": "SE" },
        },
        "orderRows": [
            { "product": { "productNumber": product }, "salesData": { "quantity": 2, "unit": "Stk", "unitPrice": 10.67 } },
        ],
    })
    .to_string()
}
