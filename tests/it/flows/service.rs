//! The agent as a service: what systemd is told while it runs, and the unit that it is run by.
#![cfg(target_os = "linux")]

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Instant;

use crate::support::shop::{PATIENCE, Plan, Ran, Shop, order, run};

/// A socket in the place of systemd's, in a home.
struct Manager {
    socket: UnixDatagram,
    path: String,
    heard: Vec<String>,
}

impl Manager {
    fn at(shop: &Shop) -> Manager {
        let path = shop.home().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Manager { socket, path: path.display().to_string(), heard: Vec::new() }
    }

    /// Waits for a message with this line.
    fn hear(&mut self, line: &str) {
        let began = Instant::now();
        loop {
            let mut bytes = [0; 4096];
            let length = self
                .socket
                .recv(&mut bytes)
                .unwrap_or_else(|error| panic!("{line}: {error}: {:?}", self.heard));
            let message = String::from_utf8(bytes[..length].to_vec()).expect("text");
            self.heard.extend(message.lines().map(str::to_owned));
            if message.lines().any(|one| one == line) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{line} is never said: {:?}", self.heard);
        }
    }

    fn start(&self, shop: &mut Shop, watchdog: &str) {
        shop.start_with(&[("NOTIFY_SOCKET", &self.path), ("WATCHDOG_USEC", watchdog)]);
    }
}

#[test]
fn systemd_hears_that_it_is_ready_alive_and_stopping() {
    let mut shop = Plan::sample().open();
    let mut manager = Manager::at(&shop);
    manager.start(&mut shop, "400000");
    manager.hear("READY=1");
    manager.hear("STATUS=Extend is up");
    // At rest, and busy.
    manager.hear("WATCHDOG=1");
    manager.hear("WATCHDOG=1");
    shop.drop_json("order.json", &order("W-1", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    manager.hear("WATCHDOG=1");
    shop.extend.cut_off();
    shop.drop_json("order-2.json", &order("W-2", "Product-123", 1));
    shop.wait_state("order-2.json", "queued");
    manager.hear("STATUS=Extend is away: the connection was refused");
    shop.stop();
    manager.hear("STOPPING=1");
    assert_eq!(manager.heard.iter().filter(|line| *line == "READY=1").count(), 1);
}

#[test]
fn without_a_watchdog_it_says_no_more_than_there_is_to_say() {
    let mut shop = Plan::sample().open();
    let mut manager = Manager::at(&shop);
    shop.start_with(&[("NOTIFY_SOCKET", &manager.path)]);
    manager.hear("STATUS=Extend is up");
    shop.stop();
    manager.hear("STOPPING=1");
    assert!(manager.heard.len() <= 8, "{:?}", manager.heard);
}

#[test]
fn an_agent_that_waits_for_a_share_is_alive() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    shop.stop();
    std::fs::rename(shop.exchange(""), shop.home().join("elsewhere")).expect("the share drops");
    let mut manager = Manager::at(&shop);
    let log = std::fs::File::create(shop.home().join("waits.out")).expect("a log");
    let mut agent = crate::support::shop::program()
        .args(["run", "--home"])
        .arg(shop.home())
        .envs([("NOTIFY_SOCKET", manager.path.as_str()), ("WATCHDOG_USEC", "400000")])
        .stderr(log)
        .spawn()
        .expect("the program");
    manager.hear("READY=1");
    manager.hear("STATUS=waits for the inbox, which is not there");
    manager.hear("WATCHDOG=1");
    std::fs::rename(shop.home().join("elsewhere"), shop.exchange("")).expect("the share is back");
    manager.hear("STATUS=Extend is up");
    agent.kill().expect("killed");
    agent.wait().expect("gone");
}

/// What a tool of systemd's says; `None` where it is not installed.
fn analyze(arguments: &[&str]) -> Option<Ran> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no systemd-analyze here");
        return None;
    }
    Some(run(Command::new("systemd-analyze").args(arguments)))
}

fn unit_of(shop: &Shop) -> (tempfile::TempDir, String) {
    let printed = shop.run(&["service", "install", "--print", "--user", "root", "--group", "root"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("extend-edge.service");
    std::fs::write(&file, printed.stdout).expect("a unit");
    let file = file.display().to_string();
    (folder, file)
}

#[test]
fn systemd_has_nothing_to_say_against_the_unit() {
    let shop = Plan::sample().open();
    let (_folder, unit) = unit_of(&shop);
    let Some(verified) = analyze(&["verify", "--man=no", &unit]) else { return };
    // It also speaks of units of this computer's own.
    let ours: Vec<&str> = verified.stderr.lines().filter(|line| line.contains("extend-edge")).collect();
    assert_eq!((verified.code, ours), (Some(0), vec![]), "{verified:?}");
}

#[test]
fn the_unit_is_exposed_by_less_than_2_0() {
    let shop = Plan::sample().open();
    let (_folder, unit) = unit_of(&shop);
    let Some(found) = analyze(&["security", "--offline=true", "--threshold=20", "--no-pager", &unit]) else {
        return;
    };
    assert_eq!(found.code, Some(0), "{}", found.stdout);
    assert!(found.stdout.contains("Overall exposure level"), "{}", found.stdout);
}

#[test]
fn the_password_comes_from_systemd() {
    let mut shop = Plan::sample().open();
    let file = shop.home().join("extend-edge.toml");
    let settings = std::fs::read_to_string(&file).expect("settings");
    let (before, after) = settings.split_once("password = ").expect("a password");
    let (_, after) = after.split_once('\n').expect("a line");
    std::fs::write(&file, format!("{before}password_credential = \"shop\"\n{after}")).expect("settings");
    // Only the service has it.
    let once = shop.run(&["once"]);
    assert_eq!(once.code, Some(2), "{once:?}");
    assert!(once.stderr.contains("to the service alone"), "{once:?}");
    let credentials = shop.home().join("credentials");
    std::fs::create_dir(&credentials).expect("a folder");
    let password = shop.extend.options().password.clone();
    std::fs::write(credentials.join("shop"), password).expect("a password");
    let credentials = credentials.display().to_string();
    shop.start_with(&[("CREDENTIALS_DIRECTORY", &credentials)]);
    shop.wait_up();
    shop.stop();
    let install = shop.run(&["service", "install", "--print"]);
    assert_eq!(install.code, Some(1), "{install:?}");
    assert!(install.stderr.contains("systemd-creds encrypt --name=shop"), "{install:?}");
}

#[test]
fn where_there_is_no_systemd_it_says_what_to_do() {
    if std::path::Path::new("/run/systemd/system").exists() {
        eprintln!("SKIPPED: systemd runs this computer");
        return;
    }
    let shop = Plan::sample().open();
    for verb in ["install", "uninstall", "start", "stop", "status"] {
        let ran = shop.run(&["service", verb]);
        assert_eq!(ran.code, Some(1), "{verb}: {ran:?}");
        assert!(ran.stderr.contains("systemd does not run this computer"), "{verb}: {ran:?}");
        assert!(ran.stderr.contains("run --home"), "{verb}: {ran:?}");
    }
    assert_eq!(shop.run(&["service", "install", "--name", "../x"]).code, Some(2));
    let wrong = shop.run(&["service", "install", "--print", "--user", "a b"]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
}
