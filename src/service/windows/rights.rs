//! Who may read and write what lies in a home: administrators, the system and the service its data, the webshop's
//! account its part of the exchange folder.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::home::acl;
use crate::service::written_folders;

/// Data and settings are for administrators, the system and the service alone; the webshop's account may
/// write in the exchange folder where it must.
pub(super) fn all(config: &Config, account: &str, web: Option<&str>) -> Vec<Right> {
    let mut rights: Vec<Right> = Vec::new();
    for folder in written_folders(config) {
        rights.push(Right::closed(&folder, account, "M"));
    }
    rights.push(Right::closed(&config.settings_file(), account, "R"));
    for file in config.secret_files.iter().filter(|file| file.starts_with(&config.home)) {
        rights.push(Right::closed(file, account, "R"));
    }
    // To get there the service need only pass through.
    rights.push(Right::granted(&config.home, account, "(RX)"));
    // It moves what the webshop dropped, whatever rights that came with.
    rights.push(Right::granted(&config.exchange.folder, account, "(OI)(CI)F"));
    if let Some(web) = web {
        rights.push(Right::granted(&config.exchange.folder, web, "(OI)(CI)RX"));
        let written = [
            config.inbox(),
            config.rejected(),
            config.hooks(),
            config.outgoing_changes(),
            config.outgoing_atp(),
        ];
        rights.extend(written.iter().map(|folder| Right::granted(folder, web, "(OI)(CI)M")));
    }
    rights
}

/// Who may do what with a folder or file: a call of icacls, which says it in every language of Windows.
#[derive(Debug)]
pub(super) struct Right {
    /// Of what.
    pub(super) path: PathBuf,
    arguments: Vec<String>,
}

impl Right {
    /// Closed to all but administrators, the system, who made it, and `account`.
    fn closed(path: &Path, account: &str, right: &str) -> Right {
        let inherited = if path.is_dir() { "(OI)(CI)" } else { "" };
        let mut arguments = acl::closed(inherited);
        arguments.push(format!("{account}:{inherited}{right}"));
        Right { path: path.to_owned(), arguments }
    }

    /// What `account` may do beside what was so.
    fn granted(path: &Path, account: &str, right: &str) -> Right {
        Right { path: path.to_owned(), arguments: vec!["/grant".into(), format!("{account}:{right}")] }
    }

    pub(super) fn is_for(&self, account: &str) -> bool {
        let named = self.arguments.last().and_then(|last| last.strip_prefix(account));
        named.is_some_and(|rest| rest.starts_with(':'))
    }

    /// Gives it; else why not.
    pub(super) fn give(&self) -> Result<(), String> {
        acl::icacls(&self.path, &self.arguments).map(|_| ()).map_err(|error| error.to_string())
    }
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "icacls {} {}", self.path.display(), self.arguments.join(" "))
    }
}
