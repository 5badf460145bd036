//! The systemd unit, as text.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What the unit says that is this shop's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The program.
    pub program: PathBuf,
    /// The home.
    pub home: PathBuf,
    /// The account that the agent runs under.
    pub user: String,
    /// The webshop's group, where it is not the account's own.
    pub group: Option<String>,
    /// The folders in which it writes.
    pub written: Vec<PathBuf>,
    /// The password, where systemd keeps it.
    pub credential: Option<Credential>,
}

/// A password that systemd hands to the service and to nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its name.
    pub name: String,
    /// The file that holds it.
    pub file: PathBuf,
    /// Whether that file was written by `systemd-creds encrypt`.
    pub is_encrypted: bool,
}

/// The first line of a unit that this program wrote.
pub const MARK: &str = "# Written by extend-edge service install";

impl Unit {
    /// The unit file.
    pub fn text(&self) -> String {
        let mut text = format!("{MARK}; «systemctl edit» changes it lastingly.\n");
        let mut add = |line: &str| {
            let _ = writeln!(text, "{line}");
        };
        add("[Unit]");
        add("Description=extend-edge: joins the webshop to Extend Commerce");
        add("Documentation=man:extend-edge(1)");
        add("Wants=network-online.target");
        add("After=network-online.target");
        // A folder on another disk or a share is waited for.
        let folders: Vec<String> = [&self.home].into_iter().chain(&self.written).map(|p| quoted(p)).collect();
        add(&format!("RequiresMountsFor={}", folders.join(" ")));
        // However often it fails, it is tried again.
        add("StartLimitIntervalSec=0");
        add("");
        add("[Service]");
        add("Type=notify");
        add(&format!("ExecStart={} run --home {}", command(&self.program), command(&self.home)));
        add(&format!("User={}", self.user));
        if let Some(group) = &self.group {
            add(&format!("SupplementaryGroups={group}"));
        }
        add("# The agent's own loop must be heard from this often.");
        add("WatchdogSec=120");
        add("Restart=always");
        add("RestartSec=5");
        add("# Wrong settings do not get right by starting again.");
        add("RestartPreventExitStatus=2");
        add("# A database that was lost is made again before the agent is ready.");
        add("TimeoutStartSec=infinity");
        add("TimeoutStopSec=15");
        if let Some(credential) = &self.credential {
            let key = if credential.is_encrypted { "LoadCredentialEncrypted" } else { "LoadCredential" };
            let file = credential.file.display().to_string().replace('%', "%%");
            add(&format!("{key}={}:{file}", credential.name));
        }
        add("");
        add("# It may write in these folders and nowhere else.");
        let writes: Vec<String> = self.written.iter().map(|path| format!("-{}", quoted(path))).collect();
        add(&format!("ReadWritePaths={}", writes.join(" ")));
        let all = || [&self.program, &self.home].into_iter().chain(&self.written);
        let is_under = |folders: &[&str]| all().any(|path| folders.iter().any(|one| path.starts_with(one)));
        add(&format!(
            "ProtectHome={}",
            if is_under(&["/home", "/root", "/run/user"]) { "read-only" } else { "yes" }
        ));
        add(&format!("PrivateTmp={}", if is_under(&["/tmp", "/var/tmp"]) { "no" } else { "yes" }));
        text.push_str(HARDENING);
        text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
        text
    }
}

/// What the agent has no use for, it can't have.
const HARDENING: &str = "\
ProtectSystem=strict
PrivateDevices=yes
PrivateUsers=yes
DevicePolicy=closed
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
RemoveIPC=yes
KeyringMode=private
UMask=0027
# What it holds in memory are customers' orders.
LimitCORE=0
";

/// A path as one word of a setting.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%");
    match text.contains([' ', '\t', '"', '\'', '\\']) {
        true => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        false => text,
    }
}

/// A path as one word of a command, in which `$` begins a variable too.
fn command(path: &Path) -> String {
    quoted(path).replace('$', "$$")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn unit() -> Unit {
        Unit {
            program: "/usr/local/bin/extend-edge".into(),
            home: "/srv/shop".into(),
            user: "extend-edge".into(),
            group: None,
            written: vec!["/srv/shop/data".into(), "/srv/shop/exchange".into()],
            credential: None,
        }
    }

    #[track_caller]
    fn check(unit: &Unit, lines: &[&str]) {
        let text = unit.text();
        for line in lines {
            assert!(text.lines().any(|one| one == *line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn it_names_the_shop() {
        check(
            &unit(),
            &[
                "ExecStart=/usr/local/bin/extend-edge run --home /srv/shop",
                "User=extend-edge",
                "Type=notify",
                "ReadWritePaths=-/srv/shop/data -/srv/shop/exchange",
                "ProtectHome=yes",
                "PrivateTmp=yes",
            ],
        );
        let web = Unit { group: Some("www-data".into()), ..unit() };
        check(&web, &["SupplementaryGroups=www-data"]);
    }

    #[test]
    fn paths_are_one_word_and_mean_themselves() {
        let home = PathBuf::from("/srv/my $hop 100% \"good\"");
        let odd = Unit { home: home.clone(), written: vec![home.join("data")], ..unit() };
        check(
            &odd,
            &[
                r#"ExecStart=/usr/local/bin/extend-edge run --home "/srv/my $$hop 100%% \"good\"""#,
                r#"ReadWritePaths=-"/srv/my $hop 100%% \"good\"/data""#,
            ],
        );
    }

    #[test]
    fn what_lies_under_home_or_tmp_stays_in_sight() {
        let there = Unit { home: "/home/anna/shop".into(), written: vec!["/tmp/x".into()], ..unit() };
        check(&there, &["ProtectHome=read-only", "PrivateTmp=no"]);
    }

    #[test]
    fn the_password_is_handed_over_by_systemd() {
        let mut credential = Credential {
            name: "shop-password".into(),
            file: "/etc/credstore/shop-password".into(),
            is_encrypted: false,
        };
        let plain = Unit { credential: Some(credential.clone()), ..unit() };
        check(&plain, &["LoadCredential=shop-password:/etc/credstore/shop-password"]);
        credential.is_encrypted = true;
        let encrypted = Unit { credential: Some(credential), ..unit() };
        check(&encrypted, &["LoadCredentialEncrypted=shop-password:/etc/credstore/shop-password"]);
    }
}
