//! What is written in `extend-edge.toml` (`RawConfig`) becomes what is used ([`Config`]), or every
//! problem at once, each with its key, line and value and what was expected.
//!
//! Paths in a [`Config`] are absolute, durations are durations, and whatever it holds was checked:
//! no other room looks at the settings' text or asks again whether a value makes sense.
//!
//! In reading order: this file has the types, `settings` what each key means and its default,
//! `section` and `read` the tree with places, `problems` the sentences.

mod address;
mod csv;
mod outgoing;
mod problems;
mod read;
mod secret;
mod section;
mod settings;
mod ubl;

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::formats::csv::mapping::Mapping;
pub use outgoing::Shapes;
pub use problems::{Language, Problem, Warning};
pub use secret::Secret;

/// The name of the settings file, in the home.
pub const SETTINGS_FILE: &str = "extend-edge.toml";
/// The environment variable that holds the password; it wins over the file.
pub const PASSWORD_VARIABLE: &str = "EXTEND_EDGE_PASSWORD";
/// The environment variable that names the home, where `--home` does not.
pub const HOME_VARIABLE: &str = "EXTEND_EDGE_HOME";

/// The settings in use. Every path is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The directory under which everything lives.
    pub home: PathBuf,
    /// `[extend]`: where Extend is and who we are there.
    pub extend: Extend,
    /// `[exchange]`: the folders shared with the webshop.
    pub exchange: Exchange,
    /// `[database] path`: the mirror and the outbox.
    pub database: PathBuf,
    /// `[outbox]`: sending, and sending again.
    pub outbox: Outbox,
    /// `[products]`
    pub products: Products,
    /// `[customers]`
    pub customers: Customers,
    /// `[balances]`
    pub balances: Balances,
    /// `[prices]`
    pub prices: Prices,
    /// `[orders]`
    pub orders: Orders,
    /// `[webhooks]`
    pub webhooks: Webhooks,
    /// `[status]`
    pub status: Status,
    /// `[alert]`
    pub alert: Alert,
    /// `[backup]`: copies of the database that the agent makes by itself.
    pub backup: Backup,
    /// `[reports]`
    pub reports: Reports,
    /// How the files of `outgoing/` are shaped.
    pub shapes: Shapes,
    /// `[ubl]`: how UBL orders are mapped.
    pub ubl: crate::formats::ubl::mapping::Mapping,
    /// `[csv.NAME]`, in the order of the names: which column of a file makes which field.
    pub csv: Vec<Mapping>,
    /// `[log]`
    pub log: Log,
    /// The files that hold a secret.
    pub secret_files: Vec<PathBuf>,
    /// What was accepted and yet deserves to be known, in the order of the lines.
    pub warnings: Vec<Warning>,
}

/// `[extend]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extend {
    /// `https://…` (or `http://` to this machine), without a slash at its end.
    pub base_url: String,
    /// The tenant's short name, one segment of every path.
    pub client: String,
    /// Never holds a colon, which would end it in the login header.
    pub username: String,
    /// From the environment, `password_file`, `password` or systemd. Empty only where systemd has it and hands
    /// it to the service alone.
    pub password: Secret,
    /// The name under which systemd keeps the password.
    pub password_credential: Option<String>,
    /// How long one call may take.
    pub timeout: Duration,
    /// Upper bound of calls in any minute.
    pub requests_per_minute: u32,
}

/// `[exchange]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The folder shared with the webshop.
    pub folder: PathBuf,
    /// How long a file must have stood still before it is taken.
    pub settle: Duration,
    /// How long a file that is cut off is waited for. Never shorter than `settle`.
    pub broken_after: Duration,
    /// What the name of the file that says that another is whole has after that one's: `.done`. `None`: no such
    /// file is waited for.
    pub marker: Option<String>,
    /// How often the folders are looked through without a hint from the system.
    pub rescan: Duration,
    /// The largest file that is taken in, in bytes.
    pub max_file_bytes: u64,
    /// For how many days originals are kept.
    pub keep_days: u32,
    /// The formats of what is put out; at least one, each once.
    pub formats: Vec<OutFormat>,
    /// How CSV is written.
    pub csv: crate::formats::export::Csv,
    /// Whether balances put out are less what waits in the outbox.
    pub subtract_queued: bool,
    /// The language of what is said to people.
    pub language: Language,
}

/// A format of the files in `outgoing/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutFormat {
    /// `"json"`
    Json,
    /// `"csv"`
    Csv,
}

/// `[outbox]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// The wait before the first further attempt.
    pub retry_first: Duration,
    /// The longest wait between two attempts. Never shorter than `retry_first`.
    pub retry_max: Duration,
    /// How long after an unanswered attempt Extend is given before the item is looked up there.
    pub lookup_grace: Duration,
}

/// `[products]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Products {
    /// How often changes are fetched.
    pub every: Duration,
    /// How often all is fetched.
    pub full_every: Duration,
    /// Whether each product's own record is fetched, beyond its row in the list.
    pub details: bool,
    /// In how long each of them is fetched though no list tells that it changed; `None` is never.
    pub details_every: Option<Duration>,
}

/// `[customers]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customers {
    /// How often changes are fetched.
    pub every: Duration,
    /// How often all is fetched.
    pub full_every: Duration,
    /// Whether each customer's own record is fetched, beyond its row in the list.
    pub details: bool,
    /// As for products.
    pub details_every: Option<Duration>,
    /// Whether a customer document may change a customer who is at Extend already.
    pub update: bool,
}

/// `[balances]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balances {
    /// How often changes are fetched.
    pub every: Duration,
    /// How often all is fetched.
    pub full_every: Duration,
    /// The warehouses to mirror; empty means all.
    pub warehouses: Vec<String>,
}

/// `[prices]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// How often prices are fetched.
    pub every: Duration,
    /// The customers whose prices are fetched; empty means none.
    pub customers: Vec<String>,
    /// Three capital letters; `None` means each customer's own.
    pub currency: Option<String>,
}

/// `[orders]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    /// How often changes are fetched.
    pub every: Duration,
    /// Which orders are mirrored.
    pub scope: Scope,
}

/// Which orders are mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `"ours"`: those that this agent sent.
    Ours,
    /// `"all"`: every order at Extend.
    All,
}

/// `[webhooks]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// Where to listen; `None` means not at all. There is a secret where this is set.
    pub listen: Option<SocketAddr>,
    /// What the sender signs with.
    pub secret: Option<Secret>,
    /// Whether files in `hooks/` are taken without a signature.
    pub allow_unsigned_files: bool,
    /// Webhooks that are let in over HTTP in a minute at the most.
    pub requests_per_minute: u32,
    /// The largest body that is taken over HTTP, in bytes.
    pub max_bytes: usize,
}

/// `[status]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where to serve the status page; `None` means not at all. There is a password where other computers can
    /// reach it.
    pub listen: Option<SocketAddr>,
    /// What a browser must give to see it; `None`: nothing.
    pub password: Option<Secret>,
}

/// `[alert]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The program that is told, and its arguments; empty means none.
    pub command: Vec<String>,
    /// Where it is posted; `None` means nowhere. Whoever knows the address can post there too.
    pub webhook: Option<Secret>,
    /// How long Extend may be away before anybody is told.
    pub away_after: Duration,
    /// A disk with less room is nearly full, in bytes; 0 means that nobody asks.
    pub disk_free_bytes: u64,
}

impl Alert {
    /// Whether anybody is told of anything.
    pub fn is_on(&self) -> bool {
        !self.command.is_empty() || self.webhook.is_some()
    }
}

/// `[backup]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Where the copies lie.
    pub folder: PathBuf,
    /// How often one is made; `None` means never.
    pub every: Option<Duration>,
    /// How many are kept. At least 1.
    pub keep: usize,
}

/// `[reports]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reports {
    /// Where the plain copy for reports is put; `None` means nowhere.
    pub database: Option<PathBuf>,
    /// How often it is refreshed.
    pub every: Duration,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least important message that is written.
    pub level: log::LevelFilter,
    /// How many log files there are at the most, the current one among them. At least 1.
    pub keep_files: usize,
}

/// Why there are no settings to work with. Its `Display` is for a person and names no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no file at this path.
    #[error("there is no {}: `extend-edge init` writes one to fill in", .0.display())]
    Missing(PathBuf),
    /// There is a file, and the system does not let us read it.
    #[error("{} cannot be read: {error}", .path.display())]
    Unreadable {
        /// The settings file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// All that must be mended, in the order of the lines; one line each.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

impl Config {
    /// Reads `extend-edge.toml` in `home`, and the password from the environment where it is there.
    ///
    /// # Errors
    /// When there is no such file, it cannot be read, or anything in it must be mended.
    pub fn load(home: &Path) -> Result<Config, ConfigError> {
        let path = home.join(SETTINGS_FILE);
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ConfigError::Missing(path.clone()),
            _ => ConfigError::Unreadable { path: path.clone(), error },
        })?;
        let text = settings::decode(&bytes).map_err(|problem| ConfigError::Problems(vec![problem]))?;
        let password = std::env::var_os(PASSWORD_VARIABLE).map(OsString::into_string);
        match password.transpose() {
            Ok(password) => Config::parse(home, text, password),
            Err(_) => Err(ConfigError::Problems(vec![settings::unusable_password_variable()])),
        }
    }

    /// Makes settings out of `text`, as `extend-edge.toml` in `home` would hold it. `env_password`
    /// is what [`PASSWORD_VARIABLE`] holds; an empty one counts as none.
    ///
    /// Reads the files that `password_file` and `secret_file` name and, where systemd hands one over, the
    /// password that `password_credential` names; nothing else.
    ///
    /// # Errors
    /// [`ConfigError::Problems`], with every problem there is; [`ConfigError::Unreadable`] when
    /// `home` is relative and the current directory is gone.
    pub fn parse(home: &Path, text: &str, env_password: Option<String>) -> Result<Config, ConfigError> {
        let home = std::path::absolute(home)
            .map_err(|error| ConfigError::Unreadable { path: home.join(SETTINGS_FILE), error })?;
        let env_password = env_password.filter(|password| !password.is_empty());
        settings::read(&home, text, env_password).map_err(ConfigError::Problems)
    }

    /// `extend-edge.toml`
    pub fn settings_file(&self) -> PathBuf {
        self.home.join(SETTINGS_FILE)
    }

    /// `data/`
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// `data/logs/`
    pub fn logs(&self) -> PathBuf {
        self.data().join("logs")
    }

    /// `reports/`: the shop's own reports.
    pub fn reports_folder(&self) -> PathBuf {
        self.home.join("reports")
    }

    /// `exchange/inbox/`
    pub fn inbox(&self) -> PathBuf {
        self.exchange.folder.join("inbox")
    }

    /// `exchange/inbox/atp/`
    pub fn inbox_atp(&self) -> PathBuf {
        self.inbox().join("atp")
    }

    /// `exchange/accepted/`
    pub fn accepted(&self) -> PathBuf {
        self.exchange.folder.join("accepted")
    }

    /// `exchange/rejected/`
    pub fn rejected(&self) -> PathBuf {
        self.exchange.folder.join("rejected")
    }

    /// `exchange/receipts/`
    pub fn receipts(&self) -> PathBuf {
        self.exchange.folder.join("receipts")
    }

    /// `exchange/hooks/`
    pub fn hooks(&self) -> PathBuf {
        self.exchange.folder.join("hooks")
    }

    /// `exchange/outgoing/`
    pub fn outgoing(&self) -> PathBuf {
        self.exchange.folder.join("outgoing")
    }

    /// `exchange/outgoing/changes/`
    pub fn outgoing_changes(&self) -> PathBuf {
        self.outgoing().join("changes")
    }

    /// `exchange/outgoing/orders/`
    pub fn outgoing_orders(&self) -> PathBuf {
        self.outgoing().join("orders")
    }

    /// `exchange/outgoing/atp/`
    pub fn outgoing_atp(&self) -> PathBuf {
        self.outgoing().join("atp")
    }
}

/// The sections `[csv.NAME]` of a text that need not be whole settings, in the order of their names.
///
/// # Errors
/// Every problem with them.
pub fn read_mappings(text: &str) -> Result<Vec<Mapping>, Vec<Problem>> {
    let mut raw = read::RawConfig::parse(text, settings::RENAMED);
    let mappings = csv::read(&mut raw);
    let (problems, _) = raw.finish();
    if problems.is_empty() { Ok(mappings) } else { Err(problems) }
}

/// The home: `arg` (`--home`), else `$EXTEND_EDGE_HOME`, else the current directory. Absolute, and
/// not necessarily there.
///
/// # Errors
/// When `arg` is empty, or the current directory is needed and gone.
pub fn home_from(arg: Option<PathBuf>) -> io::Result<PathBuf> {
    let from_environment =
        || std::env::var_os(HOME_VARIABLE).filter(|home| !home.is_empty()).map(PathBuf::from);
    std::path::absolute(arg.or_else(from_environment).unwrap_or_else(|| PathBuf::from(".")))
}

#[cfg(test)]
mod tests;
