//! Settings in, settings or problems out.

use super::*;
use crate::formats::export::Csv;

mod mapped;
mod mistakes;

const EXTEND: &str = "[extend]\nbase_url = \"https://s05.extend.se/RESTAPI\"\nclient = \"shop\"\nusername = \"u\"\npassword = \"hunter2\"\n";

fn home() -> PathBuf {
    std::path::absolute("shop-home").unwrap()
}

fn parse(text: &str) -> Result<Config, Vec<String>> {
    parse_with(text, None)
}

fn parse_with(text: &str, password: Option<&str>) -> Result<Config, Vec<String>> {
    match Config::parse(&home(), text, password.map(str::to_owned)) {
        Ok(config) => Ok(config),
        Err(ConfigError::Problems(problems)) => {
            let all: Vec<String> = problems.iter().map(Problem::to_string).collect();
            assert!(!all.is_empty());
            assert!(!all.concat().contains("hunter2"), "{all:#?}");
            assert!(!format!("{problems:?}").contains("hunter2"), "{problems:#?}");
            Err(all)
        }
        Err(other) => panic!("{other}"),
    }
}

/// `expected`: for each problem how its line begins, and a part of the rest.
#[track_caller]
fn check_whole(text: &str, expected: &[(&str, &str)]) {
    let problems = parse(text).unwrap_err();
    for (problem, (start, part)) in problems.iter().zip(expected) {
        let rest = problem.strip_prefix("extend-edge.toml").unwrap();
        let rest = rest.strip_prefix(start).unwrap_or_else(|| panic!("expected {start} in {problems:#?}"));
        assert!(rest.contains(part), "expected {part:?} in {problem}");
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
}

/// `lines` stand below a good `[extend]`, from line 6.
#[track_caller]
fn check(lines: &str, expected: &[(&str, &str)]) {
    check_whole(&format!("{EXTEND}{lines}"), expected);
}

#[test]
fn the_least_gives_the_defaults() {
    let config = parse(EXTEND).unwrap();
    assert_eq!(config.home, home());
    assert_eq!(config.extend.base_url, "https://s05.extend.se/RESTAPI");
    assert_eq!((&*config.extend.client, &*config.extend.username), ("shop", "u"));
    assert_eq!(config.extend.password.expose(), "hunter2");
    assert_eq!(config.extend.timeout, Duration::from_secs(30));
    assert_eq!(config.extend.requests_per_minute, 300);
    assert_eq!(
        config.exchange,
        Exchange {
            folder: home().join("exchange"),
            settle: Duration::from_millis(5000),
            broken_after: Duration::from_secs(60),
            marker: None,
            rescan: Duration::from_secs(15),
            max_file_bytes: 16_000_000,
            keep_days: 90,
            formats: vec![OutFormat::Json, OutFormat::Csv],
            csv: Csv::plain(b';'),
            subtract_queued: true,
            language: Language::English,
        }
    );
    assert_eq!(config.database, home().join("data").join("extend-edge.db"));
    let [first, max, grace] = [2, 300, 60].map(Duration::from_secs);
    assert_eq!(config.outbox, Outbox { retry_first: first, retry_max: max, lookup_grace: grace });
    let day = Duration::from_secs(24 * 3600);
    let every = Duration::from_secs;
    let details_every = Some(day * 30);
    let products = Products { every: every(300), full_every: day, details: true, details_every };
    assert_eq!(config.products, products);
    let customers =
        Customers { every: every(600), full_every: day, details: false, details_every, update: false };
    assert_eq!(config.customers, customers);
    assert_eq!(config.balances, Balances { every: every(60), full_every: day, warehouses: vec![] });
    assert_eq!(config.prices, Prices { every: every(3600), customers: vec![], currency: None });
    assert_eq!(config.orders, Orders { every: every(120), scope: Scope::Ours });
    let webhooks = Webhooks {
        listen: None,
        secret: None,
        allow_unsigned_files: false,
        requests_per_minute: 6000,
        max_bytes: 256_000,
    };
    assert_eq!(config.webhooks, webhooks);
    let listen = Some("127.0.0.1:8788".parse().unwrap());
    assert_eq!(config.status, Status { listen, password: None });
    let alert = Alert {
        command: Vec::new(),
        webhook: None,
        away_after: Duration::from_secs(900),
        disk_free_bytes: 500_000_000,
    };
    assert_eq!(config.alert, alert);
    assert_eq!(config.log, Log { level: log::LevelFilter::Info, keep_files: 14 });
    let backups = home().join("data").join("backups");
    assert_eq!(config.backup, Backup { folder: backups, every: Some(day), keep: 7 });
    assert_eq!(config.warnings, vec![]);
    assert_eq!(config.outgoing_orders(), home().join("exchange").join("outgoing").join("orders"));
}

#[test]
fn what_is_written_is_used() {
    let text = format!(
        "{EXTEND}timeout_seconds = 1_0\nrequests_per_minute = 0x10\n\
         [exchange]\nfolder = '/srv/./shop'\nsettle_ms = 1\nformats = [\"csv\", \"csv\"]\ncsv_separator = \",\"\n\
         subtract_queued = false\nlanguage = \"sv\"\n\
         [database]\npath = \"shop.db\"\n\
         [balances]\nwarehouses = [\"A\", \"B\", \"A\"]\n\
         [prices]\ncustomers = [\"1\"]\ncurrency = \"sek\"\n[orders]\nscope = \"all\"\n\
         [webhooks]\nlisten = \"localhost:8787\"\nsecret = \"hunter2\"\n[status]\nlisten = \"\"\npassword = \"hunter2\"\n[log]\nlevel = \"debug\"\n"
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.extend.timeout, Duration::from_secs(10));
    assert_eq!(config.extend.requests_per_minute, 16);
    assert_eq!(config.exchange.folder, std::path::absolute("/srv/shop").unwrap());
    assert_eq!(config.exchange.settle, Duration::from_millis(1));
    assert_eq!((&*config.exchange.formats, config.exchange.csv), (&[OutFormat::Csv][..], Csv::plain(b',')));
    assert!(!config.exchange.subtract_queued);
    assert_eq!(config.exchange.language, Language::Swedish);
    assert_eq!(config.database, home().join("shop.db"));
    assert_eq!(config.balances.warehouses, ["A", "B"]);
    assert_eq!((config.prices.customers.len(), config.prices.currency.as_deref()), (1, Some("SEK")));
    assert_eq!(config.orders.scope, Scope::All);
    assert_eq!(config.webhooks.listen, Some("127.0.0.1:8787".parse().unwrap()));
    assert_eq!(config.webhooks.secret.as_ref().map(Secret::expose), Some("hunter2"));
    assert_eq!(config.status.listen, None);
    assert_eq!(config.status.password.as_ref().map(Secret::expose), Some("hunter2"));
    assert_eq!(config.log.level, log::LevelFilter::Debug);
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(format!("{config:?}").contains("***"));
}

#[test]
fn wrong_values() {
    let seconds = |most: u32| format!("expected a whole number of seconds, 1 to {most}, without quotes");
    check("timeout_seconds = \"x\"", &[(":6: [extend] timeout_seconds = \"x\": ", &seconds(3600))]);
    check("timeout_seconds = 0", &[(":6: [extend] timeout_seconds = 0: ", &seconds(3600))]);
    check("timeout_seconds = -5", &[(":6: [extend] timeout_seconds = -5: ", &seconds(3600))]);
    check("timeout_seconds = 3601", &[(":6: [extend] timeout_seconds = 3601: ", &seconds(3600))]);
    check("timeout_seconds = 99999999999999999999", &[(":6: [extend] timeout_seconds = 9", &seconds(3600))]);
    check("timeout_seconds = 2.5", &[(":6: [extend] timeout_seconds = 2.5: ", &seconds(3600))]);
    check("timeout_seconds = 30s", &[(":6: [extend] timeout_seconds = 30s: ", &seconds(3600))]);
    check("timeout_seconds = 030", &[(":6: [extend] timeout_seconds = 030: ", &seconds(3600))]);
    check("timeout_seconds = 10:00", &[(":6: [extend] timeout_seconds = 10:00: ", &seconds(3600))]);
    check("timeout_seconds = [30]", &[(":6: [extend] timeout_seconds = [30]: ", &seconds(3600))]);
    check(
        "requests_per_minute = 0",
        &[(":6: [extend] requests_per_minute = 0: ", "requests a minute, 1 to")],
    );
    check("[exchange]\nfolder = \"\"", &[(":7: [exchange] folder = \"\": ", "path of a folder")]);
    check("[exchange]\nfolder = 7", &[(":7: [exchange] folder = 7: ", "path of a folder")]);
    check("[exchange]\nfolder = D:/x", &[(":7: [exchange] folder = D:/x: ", "path of a folder, in quotes")]);
    for wrong in ["done", ".", ".json", ".part", ".a/b", ".a\\\\b"] {
        check(
            &format!("[exchange]\nmarker = \"{wrong}\""),
            &[(&format!(":7: [exchange] marker = \"{wrong}\": "), "such as \".done\"")],
        );
    }
    check("[exchange]\nsettle_ms = 0", &[(":7: [exchange] settle_ms = 0: ", "milliseconds, 1 to")]);
    check(
        "[exchange]\nmax_file_mb = 9999",
        &[(":7: [exchange] max_file_mb = 9999: ", "megabytes, 1 to 1024")],
    );
    check("[exchange]\nkeep_days = 0", &[(":7: [exchange] keep_days = 0: ", "days, 1 to")]);
    let formats = "one or more of \"json\" and \"csv\"";
    check("[exchange]\nformats = []", &[(":7: [exchange] formats = []: ", formats)]);
    check("[exchange]\nformats = \"json\"", &[(":7: [exchange] formats = \"json\": ", formats)]);
    check("[exchange]\nformats = [\"xml\"]", &[(":7: [exchange] formats = [\"xml\"]: ", formats)]);
    let separator = "expected \";\" or \",\"";
    check("[exchange]\ncsv_separator = \"|\"", &[(":7: [exchange] csv_separator = \"|\": ", separator)]);
    let yes_no = "expected true or false, without quotes";
    check(
        "[exchange]\nsubtract_queued = \"true\"",
        &[(":7: [exchange] subtract_queued = \"true\": ", yes_no)],
    );
    check("[exchange]\nsubtract_queued = True", &[(":7: [exchange] subtract_queued = True: ", yes_no)]);
    check("[exchange]\nsubtract_queued = yes", &[(":7: [exchange] subtract_queued = yes: ", yes_no)]);
    check(
        "[exchange]\nlanguage = \"no\"",
        &[(":7: [exchange] language = \"no\": ", "expected \"en\" or \"sv\"")],
    );
    check("[database]\npath = \"\"", &[(":7: [database] path = \"\": ", "path of a file")]);
    check("[products]\nevery_seconds = 0", &[(":7: [products] every_seconds = 0: ", "seconds, 1 to")]);
    check(
        "[products]\nfull_every_hours = 0",
        &[(":7: [products] full_every_hours = 0: ", "hours, 1 to 8760")],
    );
    check("[balances]\nwarehouses = [1]", &[(":7: [balances] warehouses = [1]: ", "list of texts")]);
    check("[balances]\nwarehouses = [\"\"]", &[(":7: [balances] warehouses = [\"\"]: ", "list of texts")]);
    check("[prices]\ncurrency = \"kronor\"", &[(":7: [prices] currency = \"kronor\": ", "three letters")]);
    check(
        "[orders]\nscope = \"mine\"",
        &[(":7: [orders] scope = \"mine\": ", "expected \"ours\" or \"all\"")],
    );
    check("[webhooks]\nlisten = \"0.0.0.0:8787\"", &[(":7: [webhooks] listen = ", "expected a secret")]);
    check(
        "[webhooks]\nlisten = \"0.0.0.0:8787\"\nsecret = \"\"",
        &[(":7: [webhooks] listen = ", "expected a secret")],
    );
    check(
        "[webhooks]\nsecret = 5\nmax_kb = 0",
        &[(":7: [webhooks] secret: ", "a text"), (":8: [webhooks] max_kb = 0: ", "kilobytes")],
    );
    check("[webhooks]\nlisten = \":80\"", &[(":7: [webhooks] listen = \":80\": ", "IP address and a port")]);
    for listen in ["0.0.0.0:8788", "192.168.1.7:8788", "[::]:8788"] {
        let text = format!("[status]\nlisten = \"{listen}\"");
        check(&text, &[(":7: [status] listen = ", "expected a password or a password_file beside it")]);
        assert!(parse(&format!("{EXTEND}{text}\npassword = \"hunter2\"")).is_ok());
    }
    check("[status]\nlisten = 8788", &[(":7: [status] listen = 8788: ", "IP address and a port")]);
    check(
        "[alert]\ncommand = \"mail\"\nwebhook = \"http://chat.example/key\"\naway_minutes = 0",
        &[
            (":7: [alert] command = \"mail\": ", "a list of texts"),
            (":8: [alert] webhook: ", "begins with https://"),
            (":9: [alert] away_minutes = 0: ", "minutes, 1 to"),
        ],
    );
    check("[log]\nlevel = \"loud\"", &[(":7: [log] level = \"loud\": ", "\"debug\" or \"trace\"")]);
    check("[log]\nkeep_files = 0", &[(":7: [log] keep_files = 0: ", "files, 1 to")]);
    let order = "no shorter than retry_first_seconds (400); see retry_first_seconds";
    check(
        "[outbox]\nretry_max_seconds = 5\nretry_first_seconds = 400",
        &[(":7: [outbox] retry_max_seconds = 5: ", order)],
    );
    check(
        "[outbox]\nretry_first_seconds = 400",
        &[(":7: [outbox] retry_first_seconds = 400: ", "no shorter")],
    );
    check(
        "[exchange]\nbroken_after_seconds = 2",
        &[(":7: [exchange] broken_after_seconds = 2: ", "no shorter")],
    );
}

#[test]
fn unknown_names() {
    let check_meant = |lines: &str, start: &str, meant: &str| check(lines, &[(start, meant)]);
    check_meant("timeout = 3", ":6: [extend] timeout: ", "no such key; did you mean timeout_seconds?");
    check_meant("requests_per_minut = 3", ":6: [extend] requests_per_minut: ", "mean requests_per_minute?");
    check_meant("baseUrl = \"x\"", ":6: [extend] baseUrl: ", "mean base_url?");
    check_meant("folder = \"x\"", ":6: [extend] folder: ", "mean folder under [exchange]?");
    check_meant("[exchange]\nsettle_seconds = 5", ":7: [exchange] settle_seconds: ", "mean settle_ms?");
    check_meant("[product]\n", ":6: [product]: ", "no such section; did you mean [products]?");
    check_meant("[Exchange]\n", ":6: [Exchange]: ", "did you mean [exchange]?");
    check_meant("[weather]\n", ":6: [weather]: ", "no such section");
    check_meant("colour = 1", ":6: [extend] colour: ", "no such key");
    check_meant("pasword = \"hunter2\"", ":6: [extend] pasword: ", "mean password?");
    check_whole(
        &format!("settle_ms = 3\n{EXTEND}"),
        &[(":1: settle_ms: ", "above the first [section]; did you mean settle_ms under [exchange]?")],
    );
    check(
        "[[products]]\n",
        &[(":6: [products]: ", "expected a section of its own, in single square brackets")],
    );
    check("[webhooks.inner]\n", &[(":6: [webhooks] inner: ", "no such key")]);
}

#[test]
fn what_must_be_there() {
    let all = [
        (": [extend] base_url: ", "is missing: expected the address of Extend"),
        (": [extend] client: ", "is missing"),
        (": [extend] username: ", "is missing"),
        (": [extend] password: ", "EXTEND_EDGE_PASSWORD"),
    ];
    check_whole("", &all);
    check_whole("\n[extend]\n", &all.map(|(start, part)| (&*format!(":2{start}").leak(), part)));
    check_whole(
        &EXTEND.replace("\"shop\"", "\"\"").replace("\"hunter2\"", "\"\""),
        &[(":3: [extend] client = \"\": ", "is empty"), (":5: [extend] password: ", "is empty")],
    );
    check_whole(
        &EXTEND.replace("\"u\"", "\"a:b\""),
        &[(":4: [extend] username = \"a:b\": ", "without a colon")],
    );
    check_whole(
        &EXTEND.replace("https:", "http:"),
        &[(":2: [extend] base_url = \"http://s05.extend.se/RESTAPI\": ", "https://")],
    );
    check_whole(
        &EXTEND.replace("https://", "https://u:hunter2@"),
        &[(":2: [extend] base_url: ", "without a login")],
    );
}

#[test]
fn the_password_has_one_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password.txt");
    let with_file = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let text = EXTEND.replace("password = \"hunter2\"", "password_file = \"password.txt\"");
        Config::parse(dir.path(), &text, None).map_err(|error| error.to_string())
    };
    for bytes in [&b"hunter2"[..], b"hunter2\n", b"hunter2\r\n", "\u{feff}hunter2".as_bytes()] {
        assert_eq!(with_file(bytes).unwrap().extend.password.expose(), "hunter2");
    }
    assert_eq!(with_file(b" hun ter ").unwrap().extend.password.expose(), " hun ter ");
    for (bytes, part) in
        [(&b""[..], "empty"), (b"hunter2\nx\n", "more than one line"), (b"hunter\xff", "UTF-8")]
    {
        let error = with_file(bytes).unwrap_err();
        assert!(
            error.starts_with("extend-edge.toml:5: [extend] password_file: ") && error.contains(part),
            "{error}"
        );
        assert!(!error.contains("hunter"), "{error}");
    }

    let absent = EXTEND.replace("password = \"hunter2\"", "password_file = \"nowhere.txt\"");
    check_whole(&absent, &[(":5: [extend] password_file: ", "nowhere.txt")]);
    check("password_file = \"x\"\n", &[(":6: [extend] password_file: ", "not both")]);
    check_whole(&EXTEND.replace("\"hunter2\"", "12"), &[(":5: [extend] password: ", "text in quotes")]);

    let from_environment = |text: &str| parse_with(text, Some("env")).unwrap().extend.password;
    assert_eq!(from_environment(EXTEND).expose(), "env");
    assert_eq!(from_environment(&absent).expose(), "env");
    assert_eq!(from_environment(&EXTEND.replace("password = \"hunter2\"", "")).expose(), "env");
    assert_eq!(parse_with(EXTEND, Some("")).unwrap().extend.password.expose(), "hunter2");
    assert!(parse_with(&format!("{EXTEND}password_file = \"x\"\n"), Some("env")).is_err());
}

#[test]
fn the_home() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(home_from(Some("a/./b".into())).unwrap(), here.join("a").join("b"));
    assert!(home_from(Some("".into())).is_err());
    assert!(home_from(None).unwrap().is_absolute());
}

/// Every file in sample-config/ is good; what is commented out in it holds the defaults; and
/// every key there is, is in it.
#[test]
fn the_samples_tell_the_truth() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-config");
    let mut seen = 0;
    for entry in std::fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let as_is = parse(&text).unwrap_or_else(|problems| panic!("{}: {problems:#?}", path.display()));
        let is_setting = |line: &str| {
            line.strip_prefix('#')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
        };
        let mut commented = 0;
        let uncommented: String = text.lines().fold(String::new(), |all, line| {
            commented += usize::from(is_setting(line));
            all + line.strip_prefix('#').filter(|_| is_setting(line)).unwrap_or(line) + "\n"
        });
        let mut all =
            parse(&uncommented).unwrap_or_else(|problems| panic!("{}: {problems:#?}", path.display()));
        for warning in all.warnings.iter_mut().zip(&as_is.warnings) {
            warning.0.line = warning.1.line;
        }
        assert_eq!(all, as_is, "{}", path.display());
        let defaults = parse(EXTEND).unwrap();
        let exchange = Exchange { language: as_is.exchange.language, ..defaults.exchange };
        let expected =
            Config { extend: as_is.extend.clone(), exchange, warnings: as_is.warnings.clone(), ..defaults };
        assert_eq!(as_is, expected, "{}", path.display());
        if !path.ends_with("minimal.toml") {
            let keys =
                uncommented.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count();
            assert_eq!(keys, 77, "every key but password_file and secret_file: {}", path.display());
            assert!(commented >= 35);
        }
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn the_copy_for_reports_is_put_where_it_is_asked_for_or_nowhere() {
    let reports = |lines: &str| parse(&format!("{EXTEND}[reports]\n{lines}")).unwrap().reports;
    let every_hour = Duration::from_secs(3600);
    assert_eq!(reports(""), Reports { database: Some(home().join("data/reports.db")), every: every_hour });
    let moved = reports("database = \"../share/r.db\"\nevery_minutes = 5");
    let place = std::path::absolute(home().join("../share/r.db")).unwrap();
    assert_eq!(moved, Reports { database: Some(place), every: Duration::from_secs(300) });
    assert_eq!(reports("database = \"\"").database, None);
    assert_eq!(reports("every_minutes = 0").database, None);
    check("[reports]\nevery_minutes = -1", &[(":7: [reports] every_minutes = -1: ", "minutes, 0 to")]);
}

#[test]
fn a_key_that_was_renamed_still_works_and_says_so() {
    const RENAMED: &[super::read::Renamed] =
        &[super::read::Renamed { section: "extend", before: "tenant", now: "client" }];
    let read = |text: &str| super::settings::read_with(&home(), text, None, RENAMED);
    let earlier = EXTEND.replace("client = ", "tenant = ");
    let config = read(&earlier).unwrap();
    assert_eq!(config.extend.client, "shop");
    let told: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["extend-edge.toml:3: [extend] tenant: is called client now; the earlier name still works"]
    );
    let swedish = read(&format!("{earlier}[exchange]\nlanguage = \"sv\"\n")).unwrap();
    assert!(swedish.warnings[0].message.starts_with("heter client nu"), "{:?}", swedish.warnings);
    let both = read(&format!("{EXTEND}tenant = \"other\"\n")).unwrap_err();
    assert!(both[0].to_string().contains("[extend] tenant: there is no such key"), "{both:?}");
    assert!(read(EXTEND).unwrap().warnings.is_empty());
}

#[cfg(windows)]
#[test]
fn drives_and_shares_are_whole_paths() {
    for (written, meant) in [
        (r"D:\web", r"D:\web"),
        ("D:/web/shop", r"D:\web\shop"),
        (r"\\server\share\web", r"\\server\share\web"),
        ("//server/share/web", r"\\server\share\web"),
    ] {
        let config = parse(&format!("{EXTEND}[exchange]\nfolder = '{written}'\n")).unwrap();
        assert_eq!(config.exchange.folder, Path::new(meant), "{written}");
        assert_eq!(config.inbox(), Path::new(meant).join("inbox"));
    }
}
