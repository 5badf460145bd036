//! Accounts and groups of the system, by their names.

use std::process::Command;

use anyhow::{Context, bail};
use nix::unistd::{Group, User};

use crate::config::Language;

/// An account and its own group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub user: u32,
    /// Its group's number.
    pub group: u32,
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The account with this name; `None` where there is none.
///
/// # Errors
/// The system's accounts can't be read.
pub fn account(name: &str) -> anyhow::Result<Option<Account>> {
    let found = User::from_name(name).with_context(|| name.to_owned())?;
    Ok(found.map(|user| Account { user: user.uid.as_raw(), group: user.gid.as_raw() }))
}

/// The number of the group with this name.
///
/// # Errors
/// There is none.
pub fn group(name: &str, language: Language) -> anyhow::Result<u32> {
    match Group::from_name(name).with_context(|| name.to_owned())? {
        Some(group) => Ok(group.gid.as_raw()),
        None => bail!(language.pick(
            format!("there is no group {name}; --group names the group that the webshop's account is in"),
            format!("det finns ingen grupp {name}; --group anger gruppen som webbutikens konto är med i"),
        )),
    }
}

/// Makes an account that nobody logs in with, and a group of the same name.
///
/// # Errors
/// It can't be made.
pub fn make(name: &str, home: &std::path::Path) -> anyhow::Result<Account> {
    let mut useradd = Command::new("useradd");
    useradd.args(["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]);
    useradd.arg("--home-dir").arg(home).arg("--").arg(name);
    let made = useradd.output().context("useradd")?;
    if !made.status.success() {
        bail!("useradd {name}: {}", String::from_utf8_lossy(&made.stderr).trim());
    }
    account(name)?.with_context(|| format!("useradd made no account {name}"))
}
