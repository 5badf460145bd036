//! What each key means: its kind, bounds and default, and what must hold between keys.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address;
use super::outgoing::{self, Shapes, shape};
use super::problems::{Expected, Language, Problem, Unit};
use super::read::{RawConfig, Renamed};
use super::secret::{self, Secret, Wanted};
use super::section::Section;
use super::{
    Alert, Backup, Balances, Config, Customers, Exchange, Extend, Log, Orders, OutFormat, Outbox,
    PASSWORD_VARIABLE, Prices, Products, Reports, Scope, Status, Webhooks,
};
use crate::formats::export::Csv;
use crate::rules::arrival;
use crate::rules::mirror::Entity;

const DAY: u64 = 24 * 60 * 60;
const YEAR_HOURS: u64 = 365 * 24;
const MEGABYTE: u64 = 1_000_000;

/// Where the status page is to be, if nothing is written.
const STATUS_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8788);

/// Keys that had another name in a version that was released. None has yet.
pub(super) const RENAMED: &[Renamed] = &[];

/// Reads all of `text`; `home` is absolute.
pub(super) fn read(home: &Path, text: &str, env_password: Option<String>) -> Result<Config, Vec<Problem>> {
    read_with(home, text, env_password, RENAMED)
}

/// The same where other keys had another name.
pub(super) fn read_with(
    home: &Path,
    text: &str,
    env_password: Option<String>,
    renamed: &'static [Renamed],
) -> Result<Config, Vec<Problem>> {
    let mut raw = RawConfig::parse(text, renamed);
    let mut secret_files = Vec::new();
    let mut shapes = Shapes::default();
    let mut config = Config {
        home: home.to_owned(),
        extend: raw.section("extend", |section| extend(section, home, env_password, &mut secret_files)),
        exchange: raw.section("exchange", |section| exchange(section, home)),
        database: raw.section("database", |section| {
            path(section, "path", Expected::File, home, "data/extend-edge.db")
        }),
        outbox: raw.section("outbox", outbox),
        products: raw.section("products", |section| {
            shapes.products = shape(section, Entity::Products);
            Products {
                every: every(section, 300),
                full_every: full_every(section),
                details: section.flag("details", true),
                details_every: details_every(section),
            }
        }),
        customers: raw.section("customers", |section| {
            shapes.customers = shape(section, Entity::Customers);
            Customers {
                every: every(section, 600),
                full_every: full_every(section),
                details: section.flag("details", false),
                details_every: details_every(section),
                update: section.flag("update", false),
            }
        }),
        balances: raw.section("balances", |section| {
            shapes.balances = shape(section, Entity::Balances);
            Balances {
                every: every(section, 60),
                full_every: full_every(section),
                warehouses: section.texts("warehouses"),
            }
        }),
        prices: raw.section("prices", |section| {
            shapes.prices = shape(section, Entity::Prices);
            Prices {
                every: every(section, 3600),
                customers: section.texts("customers"),
                currency: section.text_as("currency", Expected::Currency, currency),
            }
        }),
        orders: raw.section("orders", |section| Orders {
            every: every(section, 120),
            scope: if section.one_of("scope", &["ours", "all"]) == Some(1) {
                Scope::All
            } else {
                Scope::Ours
            },
        }),
        webhooks: raw.section("webhooks", |section| webhooks(section, home, &mut secret_files)),
        status: raw.section("status", |section| status(section, home, &mut secret_files)),
        alert: raw.section("alert", alert),
        backup: raw.section("backup", |section| Backup {
            folder: path(section, "folder", Expected::Folder, home, "data/backups"),
            every: match section.whole("every_hours", Unit::Hours, 24, 0..=YEAR_HOURS) {
                0 => None,
                hours => Some(Duration::from_secs(hours * 3600)),
            },
            keep: whole_u32(section, "keep", Unit::Files, 7, 1000) as usize,
        }),
        reports: raw.section("reports", |section| reports(section, home)),
        log: raw.section("log", log),
        ubl: raw.section("ubl", super::ubl::read),
        csv: super::csv::read(&mut raw),
        secret_files,
        shapes: Shapes::default(),
        warnings: Vec::new(),
    };
    shapes.balances.subtract_queued = config.exchange.subtract_queued;
    config.shapes = shapes;
    let (problems, warnings) = raw.finish();
    config.warnings = warnings;
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn extend(
    section: &mut Section<'_, '_>,
    home: &Path,
    env_password: Option<String>,
    secret_files: &mut Vec<PathBuf>,
) -> Extend {
    let language = section.language();
    let base_url = match required(section, "base_url").map(|url| address::base_url(&url, language)) {
        Some(Ok(url)) => {
            if address::is_example(&url) {
                let message = language.pick(
                    "this is still the address of the example; nothing is sent or fetched until it is yours",
                    "detta är fortfarande exemplets adress; inget sänds eller hämtas förrän den är er egen",
                );
                section.warning("base_url", message.to_owned());
            }
            url
        }
        Some(Err(message)) => {
            section.problem("base_url", message);
            String::new()
        }
        None => String::new(),
    };
    let client = required(section, "client").unwrap_or_default();
    let username = required(section, "username").unwrap_or_default();
    if username.contains(':') {
        let message = language.pick(
            "expected a user name without a colon, which a login cannot hold",
            "här ska stå ett användarnamn utan kolon, som en inloggning inte kan innehålla",
        );
        section.problem("username", message.to_owned());
    }
    let wanted = if env_password.is_some() { Wanted::Known } else { Wanted::Needed };
    let kept = secret::read(section, "password", "password_file", home, wanted);
    secret_files.extend(kept.file);
    let (password_credential, from_systemd) = secret::read_credential(section, wanted == Wanted::Known);
    let password = env_password.map(Secret::new).or(kept.secret).or(from_systemd);
    let is_written = ["password", "password_file", "password_credential"];
    if password.is_none() && !is_written.iter().any(|key| section.is_written(key)) {
        let message = language.pick(
            format!("is missing: expected it here, in a file that password_file names, or in the environment as {PASSWORD_VARIABLE}"),
            format!("saknas: lösenordet ska stå här, i en fil som password_file pekar ut, eller i miljövariabeln {PASSWORD_VARIABLE}"),
        );
        section.missing("password", message);
    }
    Extend {
        base_url,
        client,
        username,
        password: password.unwrap_or_else(|| Secret::new("")),
        password_credential,
        timeout: seconds(section, "timeout_seconds", 30, 3600),
        requests_per_minute: whole_u32(section, "requests_per_minute", Unit::Requests, 300, 6_000_000),
    }
}

fn exchange(section: &mut Section<'_, '_>, home: &Path) -> Exchange {
    let settle = section.whole("settle_ms", Unit::Milliseconds, 5000, 1..=3_600_000);
    let exchange = Exchange {
        folder: path(section, "folder", Expected::Folder, home, "exchange"),
        settle: Duration::from_millis(settle),
        broken_after: seconds(section, "broken_after_seconds", 60, DAY),
        marker: section.text_as("marker", Expected::Marker, |text| {
            arrival::is_marker_ending(text).then(|| text.to_owned())
        }),
        rescan: seconds(section, "rescan_seconds", 15, 3600),
        max_file_bytes: section.whole("max_file_mb", Unit::Megabytes, 16, 1..=1024) * MEGABYTE,
        keep_days: whole_u32(section, "keep_days", Unit::Days, 90, 36_500),
        formats: match section.list_of("formats", &["json", "csv"]) {
            Some(places) => places
                .iter()
                .map(|place| if *place == 0 { OutFormat::Json } else { OutFormat::Csv })
                .collect(),
            None => vec![OutFormat::Json, OutFormat::Csv],
        },
        csv: Csv {
            separator: if section.one_of("csv_separator", &[";", ","]) == Some(1) { b',' } else { b';' },
            decimal: outgoing::csv_decimal(section),
            windows_1252: outgoing::csv_in_windows_1252(section),
        },
        subtract_queued: section.flag("subtract_queued", true),
        language: if section.one_of("language", &["en", "sv"]) == Some(1) {
            Language::Swedish
        } else {
            Language::English
        },
    };
    if exchange.broken_after < exchange.settle {
        let (key, other) = blame(section, "broken_after_seconds", "settle_ms");
        let message = section.language().pick(
            format!("expected broken_after_seconds to be no shorter than settle_ms ({settle} milliseconds); see {other}"),
            format!("broken_after_seconds ska inte vara kortare än settle_ms ({settle} millisekunder); se {other}"),
        );
        section.problem(key, message);
    }
    exchange
}

fn outbox(section: &mut Section<'_, '_>) -> Outbox {
    let outbox = Outbox {
        retry_first: seconds(section, "retry_first_seconds", 2, DAY),
        retry_max: seconds(section, "retry_max_seconds", 300, DAY),
        lookup_grace: seconds(section, "lookup_grace_seconds", 60, 3600),
    };
    if outbox.retry_max < outbox.retry_first {
        let (key, other) = blame(section, "retry_max_seconds", "retry_first_seconds");
        let first = outbox.retry_first.as_secs();
        let message = section.language().pick(
            format!(
                "expected retry_max_seconds to be no shorter than retry_first_seconds ({first}); see {other}"
            ),
            format!("retry_max_seconds ska inte vara kortare än retry_first_seconds ({first}); se {other}"),
        );
        section.problem(key, message);
    }
    outbox
}

/// Of two keys that do not go together, the one that is written is the one to point at.
fn blame(section: &Section<'_, '_>, key: &'static str, other: &'static str) -> (&'static str, &'static str) {
    if section.is_written(key) { (key, other) } else { (other, key) }
}

fn webhooks(section: &mut Section<'_, '_>, home: &Path, secret_files: &mut Vec<PathBuf>) -> Webhooks {
    let kept = secret::read(section, "secret", "secret_file", home, Wanted::Maybe);
    secret_files.extend(kept.file);
    let webhooks = Webhooks {
        listen: section.text_as("listen", Expected::Listen, socket_address),
        secret: kept.secret,
        allow_unsigned_files: section.flag("allow_unsigned_files", false),
        requests_per_minute: whole_u32(section, "requests_per_minute", Unit::Requests, 6000, 600_000),
        max_bytes: section.whole("max_kb", Unit::Kilobytes, 256, 1..=16_384) as usize * 1000,
    };
    // A secret file that can't be read is told already.
    let told = section.is_written("secret_file");
    if webhooks.listen.is_some() && webhooks.secret.is_none() && !told {
        let message = section.language().pick(
            "expected a secret or a secret_file beside it: without one nobody can tell whether a webhook is Extend's",
            "här behövs också secret eller secret_file: utan den kan ingen veta om en webhook kommer från Extend",
        );
        section.problem("listen", message.to_owned());
    }
    webhooks
}

fn status(section: &mut Section<'_, '_>, home: &Path, secret_files: &mut Vec<PathBuf>) -> Status {
    let written = section.text_as("listen", Expected::Listen, socket_address);
    let kept = secret::read(section, "password", "password_file", home, Wanted::Maybe);
    secret_files.extend(kept.file);
    let password = kept.secret;
    // A password file that can't be read is told already.
    let is_open = password.is_none() && !section.is_written("password_file");
    if written.is_some_and(|address| !address.ip().is_loopback()) && is_open {
        let message = section.language().pick(
            "expected a password or a password_file beside it: other computers reach this address, and whoever opens the page can call orders off",
            "här behövs också password eller password_file: andra datorer når den här adressen, och den som öppnar sidan kan avbeställa order",
        );
        section.problem("listen", message.to_owned());
    }
    Status { listen: if section.is_written("listen") { written } else { Some(STATUS_LISTEN) }, password }
}

fn alert(section: &mut Section<'_, '_>) -> Alert {
    let language = section.language();
    let webhook = section.text("webhook", Expected::Text).filter(|url| !url.is_empty());
    let webhook = webhook.and_then(|url| match address::webhook(&url, language) {
        Ok(()) => Some(Secret::new(url)),
        Err(message) => {
            section.problem("webhook", message);
            None
        }
    });
    Alert {
        command: section.words("command"),
        webhook,
        away_after: Duration::from_secs(
            section.whole("away_minutes", Unit::Minutes, 15, 1..=7 * 24 * 60) * 60,
        ),
        disk_free_bytes: section.whole("disk_free_mb", Unit::Megabytes, 500, 0..=1_000_000_000) * MEGABYTE,
    }
}

fn reports(section: &mut Section<'_, '_>, home: &Path) -> Reports {
    let written = section.text("database", Expected::File);
    let minutes = section.whole("every_minutes", Unit::Minutes, 60, 0..=7 * 24 * 60);
    let joined = home.join(written.as_deref().unwrap_or("data/reports.db"));
    let is_off = written.as_deref() == Some("") || minutes == 0;
    Reports {
        database: (!is_off).then(|| std::path::absolute(&joined).unwrap_or(joined)),
        every: Duration::from_secs(minutes * 60),
    }
}

fn log(section: &mut Section<'_, '_>) -> Log {
    use log::LevelFilter::{Debug, Error, Info, Off, Trace, Warn};
    let levels = [Off, Error, Warn, Info, Debug, Trace];
    let written = section.one_of("level", &["off", "error", "warn", "info", "debug", "trace"]);
    Log {
        level: written.map_or(Info, |place| levels[place]),
        keep_files: whole_u32(section, "keep_files", Unit::Files, 14, 1000) as usize,
    }
}

fn required(section: &mut Section<'_, '_>, key: &'static str) -> Option<String> {
    let language = section.language();
    let what = match key {
        "base_url" => language.pick("the address of Extend", "adressen till Extend"),
        "client" => language.pick("your company's short name at Extend", "ert företags kortnamn hos Extend"),
        _ => language.pick("the name to log in with at Extend", "namnet att logga in med hos Extend"),
    };
    let text = section.text(key, Expected::Text);
    match text.as_deref() {
        Some("") => {
            let message =
                language.pick(format!("is empty: expected {what}"), format!("är tom: här ska stå {what}"));
            section.problem(key, message);
            None
        }
        Some(_) => text,
        None => {
            if !section.is_written(key) {
                let message = language
                    .pick(format!("is missing: expected {what}"), format!("saknas: här ska stå {what}"));
                section.missing(key, message);
            }
            None
        }
    }
}

fn seconds(section: &mut Section<'_, '_>, key: &'static str, default: u64, most: u64) -> Duration {
    Duration::from_secs(section.whole(key, Unit::Seconds, default, 1..=most))
}

fn every(section: &mut Section<'_, '_>, default: u64) -> Duration {
    seconds(section, "every_seconds", default, 7 * DAY)
}

fn full_every(section: &mut Section<'_, '_>) -> Duration {
    Duration::from_secs(section.whole("full_every_hours", Unit::Hours, 24, 1..=YEAR_HOURS) * 3600)
}

fn details_every(section: &mut Section<'_, '_>) -> Option<Duration> {
    match section.whole("details_every_hours", Unit::Hours, 720, 0..=YEAR_HOURS) {
        0 => None,
        hours => Some(Duration::from_secs(hours * 3600)),
    }
}

fn whole_u32(section: &mut Section<'_, '_>, key: &'static str, unit: Unit, default: u32, most: u32) -> u32 {
    let number = section.whole(key, unit, u64::from(default), 1..=u64::from(most));
    u32::try_from(number).unwrap_or(most)
}

fn path(
    section: &mut Section<'_, '_>,
    key: &'static str,
    expected: Expected,
    home: &Path,
    default: &str,
) -> PathBuf {
    let written = section.text(key, expected);
    if written.as_deref() == Some("") {
        let message = expected.sentence(section.language());
        section.problem(key, message);
    }
    let joined = home.join(written.as_deref().unwrap_or(default));
    // `home` is absolute, so this only tidies; it cannot fail for a path that is not empty.
    std::path::absolute(&joined).unwrap_or(joined)
}

fn socket_address(text: &str) -> Option<SocketAddr> {
    let text = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    text.parse().ok()
}

fn currency(text: &str) -> Option<String> {
    let three_letters = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    three_letters.then(|| text.to_ascii_uppercase())
}

/// The text of the file, or why it is none. There is no language yet: these are in English.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, Problem> {
    let (line, message) = match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => return Ok(text),
        _ if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) => {
            (None, "expected a file saved as UTF-8; this one was saved as UTF-16 (\"Unicode\")")
        }
        Ok(text) => (text.split('\0').next(), "expected text; there is a null character on this line"),
        Err(error) => (
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
            "expected a file saved as UTF-8; a letter on this line was saved in another way (\"ANSI\")",
        ),
    };
    let line = line.map(|before| before.matches('\n').count() + 1);
    Err(Problem { line, key: String::new(), written: None, message: message.to_owned() })
}

pub(super) fn unusable_password_variable() -> Problem {
    let message = format!("the environment variable {PASSWORD_VARIABLE} is not readable text");
    Problem { line: None, key: "extend.password".to_owned(), written: None, message }
}
