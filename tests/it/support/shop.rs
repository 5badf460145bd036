//! A shop of its own for one test: a home with settings, a stand-in for Extend in this process, and the
//! real program beside it.
//!
//! Nothing here waits for a time: a test says what it waits for and how long that may take at the most.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use extend_edge::standin::{Options, RequestRecord, StandIn, World};
use extend_edge::store;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::openapi::OpenApi;

/// How long anything may take on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a shop is made of.
pub struct Plan {
    world: World,
    options: Options,
    settings: BTreeMap<String, BTreeMap<String, String>>,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A shop. Dropping it ends the agent; where the test has failed, the agent's log is shown.
pub struct Shop {
    home: tempfile::TempDir,
    pub extend: StandIn,
    agent: Option<Child>,
}

impl Plan {
    /// The sample shop, with limits that nobody reaches and settings that do not make a test wait.
    pub fn sample() -> Plan {
        Plan::of(World::sample())
    }

    /// The same with another world.
    pub fn of(world: World) -> Plan {
        const NEVER_REACHED: u32 = 50_000_000;
        let options = Options {
            limit_per_minute: NEVER_REACHED,
            low_limit_per_minute: NEVER_REACHED,
            high_limit_per_minute: NEVER_REACHED,
            ..Options::default()
        };
        let mut plan = Plan { world, options, settings: BTreeMap::new() };
        for (key, value) in [
            ("extend.timeout_seconds", "5"),
            ("extend.requests_per_minute", "6000000"),
            ("exchange.settle_ms", "200"),
            ("exchange.broken_after_seconds", "1"),
            ("exchange.rescan_seconds", "1"),
            ("outbox.retry_first_seconds", "1"),
            ("outbox.retry_max_seconds", "2"),
            ("outbox.lookup_grace_seconds", "1"),
            // Several shops are open at the same time.
            ("status.listen", "\"\""),
            // Other tests fill disks.
            ("alert.disk_free_mb", "0"),
        ] {
            plan = plan.set(key, value);
        }
        plan
    }

    /// `exchange.settle_ms`, and its value as TOML has it.
    pub fn set(mut self, key: &str, value: &str) -> Plan {
        let (section, name) = key.split_once('.').expect("section.key");
        self.settings.entry(section.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
        self
    }

    /// Makes the home, its folders and its settings. The agent does not run yet.
    pub fn open(self) -> Shop {
        let extend = StandIn::start(self.world, self.options).expect("a stand-in");
        let home = tempfile::tempdir().expect("a home");
        let mut settings = self.settings;
        let login = settings.entry("extend".to_owned()).or_default();
        let options = extend.options();
        for (key, value) in [
            ("base_url", extend.base_url()),
            ("client", options.client.clone()),
            ("username", options.username.clone()),
            ("password", options.password.clone()),
        ] {
            login.entry(key.to_owned()).or_insert(format!("\"{value}\""));
        }
        let mut text = String::new();
        for (section, keys) in &settings {
            text.push_str(&format!("[{section}]\n"));
            keys.iter().for_each(|(key, value)| text.push_str(&format!("{key} = {value}\n")));
        }
        let file = home.path().join("extend-edge.toml");
        fs::write(&file, text).expect("settings");
        // As `init` would have made them: there is a password in them.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("closed");
        }
        let shop = Shop { home, extend, agent: None };
        assert_eq!(shop.run(&["init"]).code, Some(0));
        shop
    }
}

/// The program, at no home yet.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_extend-edge"));
    command.env_remove("EXTEND_EDGE_HOME").env_remove("EXTEND_EDGE_PASSWORD").stdin(Stdio::null());
    command
}

/// Runs a command to its end, which must come.
pub fn run(command: &mut Command) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let stdout = read_beside(child.stdout.take().expect("a pipe"));
    let stderr = read_beside(child.stderr.take().expect("a pipe"));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a process") {
            break status;
        }
        if began.elapsed() > PATIENCE * 4 {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |reader: JoinHandle<String>| reader.join().expect("text in UTF-8");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// A pipe that nobody empties would hold the program up.
fn read_beside(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("text in UTF-8");
        text
    })
}

impl Ran {
    /// What was printed, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Shop {
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn exchange(&self, inside: &str) -> PathBuf {
        self.home().join("exchange").join(inside)
    }

    /// Runs a command of the program in this home.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(program().args(arguments).arg("--home").arg(self.home()))
    }

    /// `status --json`, and the exit code.
    pub fn status(&self) -> (Value, Option<i32>) {
        let ran = self.run(&["status", "--json"]);
        (ran.json(), ran.code)
    }

    /// Starts the agent, and waits until it listens to signals: before that it ends as any program does.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same with variables of its environment.
    pub fn start_with(&mut self, variables: &[(&str, &str)]) {
        assert!(self.agent.is_none(), "the agent runs");
        let begun = self.begun();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.home().join("agent.out"));
        let log = log.expect("a log");
        let agent = program()
            .args(["run", "--home"])
            .arg(self.home())
            .envs(variables.iter().copied())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("the program");
        self.agent = Some(agent);
        self.wait("the agent to begin", |shop| shop.begun() > begun);
    }

    /// How often the agent has begun, by its log.
    fn begun(&self) -> usize {
        let log = fs::read_to_string(self.home().join("agent.out")).unwrap_or_default();
        log.lines().filter(|line| line.contains(" begins in ")).count()
    }

    /// The agent's process id.
    pub fn pid(&self) -> u32 {
        self.agent.as_ref().expect("the agent runs").id()
    }

    /// Whether the agent is still there.
    pub fn runs(&mut self) -> bool {
        self.agent.as_mut().is_some_and(|agent| agent.try_wait().expect("a process").is_none())
    }

    /// Ends the agent as a loss of power does.
    pub fn kill(&mut self) {
        let mut agent = self.agent.take().expect("the agent runs");
        agent.kill().expect("killed");
        agent.wait().expect("gone");
    }

    /// Asks the agent to end, as a service manager or Ctrl-C does, and gives how and how fast it ended.
    pub fn signal(&mut self, signal: &str) -> (ExitStatus, Duration) {
        let mut agent = self.agent.take().expect("the agent runs");
        let asked = Instant::now();
        let told = Command::new("kill").args([&format!("-{signal}"), &agent.id().to_string()]).status();
        assert!(told.expect("kill").success());
        let status = loop {
            if let Some(status) = agent.try_wait().expect("a process") {
                break status;
            }
            if asked.elapsed() > PATIENCE {
                let _ = agent.kill();
                panic!("the agent does not end on {signal}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        (status, asked.elapsed())
    }

    /// Ends the agent in good order.
    #[cfg(unix)]
    pub fn stop(&mut self) {
        let (status, _) = self.signal("TERM");
        assert_eq!(status.code(), Some(0));
    }

    /// Ends the agent. Windows has no signal that one program can send another: only as a service it is stopped in
    /// good order, which is tested there.
    #[cfg(windows)]
    pub fn stop(&mut self) {
        self.kill();
    }

    /// As a careful webshop does: written under another name, then renamed.
    pub fn drop_file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let inbox = self.exchange("inbox");
        let beside = inbox.join(".being-written.tmp");
        fs::write(&beside, bytes).expect("written");
        fs::rename(beside, inbox.join(name)).expect("renamed");
    }

    pub fn drop_json(&self, name: &str, document: &Value) {
        self.drop_file(name, format!("{document:#}\n"));
    }

    /// NAME.receipt.json.
    pub fn receipt(&self, name: &str) -> Option<Value> {
        let text = fs::read_to_string(self.exchange("receipts").join(format!("{name}.receipt.json"))).ok()?;
        Some(serde_json::from_str(&text).expect("a receipt appears whole"))
    }

    /// The state of the one document of a file; empty while there is no receipt.
    pub fn state(&self, name: &str) -> String {
        let receipt = self.receipt(name).unwrap_or_default();
        receipt["documents"][0]["state"].as_str().unwrap_or_default().to_owned()
    }

    /// NAME.error.json, once NAME.error.txt is there too.
    pub fn error(&self, name: &str) -> Option<(Value, String)> {
        let rejected = self.exchange("rejected");
        let text = fs::read_to_string(rejected.join(format!("{name}.error.txt"))).ok()?;
        let json = fs::read_to_string(rejected.join(format!("{name}.error.json"))).ok()?;
        Some((serde_json::from_str(&json).expect("an error file appears whole"), text))
    }

    /// Waits for the error files of a file.
    pub fn wait_error(&self, name: &str) -> (Value, String) {
        self.wait(&format!("{name} to be rejected"), |shop| shop.error(name).is_some());
        self.error(name).expect("the error files")
    }

    /// Waits until a file's document is in a state, and gives its receipt's document.
    pub fn wait_state(&self, name: &str, state: &str) -> Value {
        self.wait(&format!("{name} to be {state}"), |shop| shop.state(name) == state);
        self.receipt(name).expect("a receipt")["documents"][0].take()
    }

    /// The database as it is.
    pub fn database(&self) -> Connection {
        store::open_reader(&self.home().join("data/extend-edge.db")).expect("the database")
    }

    /// A number from the database; `None` while there is none.
    pub fn number(&self, sql: &str) -> Option<i64> {
        let database = store::open_reader(&self.home().join("data/extend-edge.db")).ok()?;
        database.query_row(sql, [], |row| row.get(0)).ok()
    }

    /// Looks until `done`, for as long as is reasonable.
    pub fn wait(&self, what: &str, done: impl FnMut(&Shop) -> bool) {
        self.wait_until(what, PATIENCE, done);
    }

    /// Looks until `done`, for `patience` at the most.
    pub fn wait_until(&self, what: &str, patience: Duration, mut done: impl FnMut(&Shop) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < patience, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What lies in the inbox, but for the folder that belongs there.
    pub fn inbox(&self) -> Vec<String> {
        files_in(&self.exchange("inbox")).into_keys().collect()
    }

    /// The originals in accepted/, of all days, by their names.
    pub fn accepted(&self) -> BTreeMap<String, Vec<u8>> {
        let days = fs::read_dir(self.exchange("accepted")).expect("accepted/");
        days.flat_map(|day| files_in(&day.expect("a day").path())).collect()
    }

    /// Waits until Extend has been asked, and has answered.
    pub fn wait_up(&self) {
        self.wait("Extend to be up", |shop| {
            shop.number("SELECT count(*) FROM extend_line WHERE state = 'up'") == Some(1)
        });
    }

    /// Requests of one kind that the stand-in has had.
    pub fn requests(&self, method: &str, resource: &str) -> Vec<RequestRecord> {
        let mut all = self.extend.requests();
        all.retain(|record| record.method == method && record.resource == resource);
        all
    }

    /// How often the stand-in has an order with this number of ours.
    pub fn times_at_extend(&self, key: &str) -> usize {
        self.extend.world().orders_by_external(key).len()
    }

    /// Holds every request that was made, and every answer, against the description of the API.
    /// `allowed` are names that the test's own documents add.
    pub fn assert_described(&self, allowed: &[&str]) {
        described().assert_records(&self.extend.requests(), allowed);
    }
}

/// The description of the API, read once.
pub fn described() -> &'static OpenApi {
    static DESCRIPTION: OnceLock<OpenApi> = OnceLock::new();
    DESCRIPTION.get_or_init(OpenApi::load)
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.home().join("agent.out")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(60)..];
            eprintln!("--- the agent's log, the last of {} lines:\n{}", lines.len(), last.join("\n"));
        }
    }
}

/// Regular files of a folder by their names.
pub fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    files
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            // Gone again between the listing and the reading: it was never here.
            Some((name, fs::read(&path).ok()?))
        })
        .collect()
}

/// An order of one row.
pub fn order(key: &str, product: &str, quantity: i64) -> Value {
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
            "salesData": { "quantity": quantity, "unit": "Stk", "unitPrice": 10.6778, "vatPercent": 25 },
            "warehouse": "MainWarehouse",
        }],
    })
}

/// A return of goods that no order is named for.
pub fn return_of(reference: &str) -> Value {
    json!({
        "createAction": { "action": "ReturnProducts" },
        "header": {
            "reference": reference, "warehouse": "LOGMULL", "customerNumber": "3",
            "creditInvoiceAction": "WhenReceived",
        },
        "rows": [{
            "returnCode": "A", "productNumber": "8010",
            "salesData": { "quantity": 2, "unit": "ST", "unitPrice": 2.4817, "vatPercent": 25, "currency": "SEK" },
        }],
    })
}
