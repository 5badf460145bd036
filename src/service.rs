//! The agent as a service of the system: installed, started, stopped and watched by systemd, or by the service
//! control manager of Windows.
//!
//! The shim only translates. What the manager is told comes from the engine ([`notify`]): ready when its loop
//! turns, alive for as long as it turns, stopping when it was asked to. What the manager knows of the agent
//! stands in one file ([`mod@unit`]), which can be read before it is installed.

use std::path::{Path, PathBuf};

use crate::config::Config;

#[cfg(unix)]
mod accounts;
pub mod notify;
#[cfg(unix)]
mod rights;
#[cfg(target_os = "linux")]
pub mod systemd;
pub mod unit;
#[cfg(windows)]
pub mod windows;

/// The account of the agent, where no other is named.
pub const USER: &str = "extend-edge";

/// What the service is called, where nothing else is asked for.
pub const NAME: &str = "extend-edge";

/// The folders in which the agent writes, none inside another.
pub fn written_folders(config: &Config) -> Vec<PathBuf> {
    let mut folders = vec![config.data(), config.exchange.folder.clone(), config.backup.folder.clone()];
    folders.extend(config.database.parent().map(Path::to_owned));
    folders.extend(config.reports.database.as_deref().and_then(Path::parent).map(Path::to_owned));
    folders.sort();
    folders.dedup();
    let all = folders.clone();
    folders.retain(|folder| !all.iter().any(|other| other != folder && folder.starts_with(other)));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_is_named_twice() {
        let text = "[extend]\nbase_url = \"http://localhost:1\"\nclient = \"c\"\nusername = \"u\"\npassword = \"p\"\n\
                    [exchange]\nfolder = \"/mnt/web\"\n[reports]\ndatabase = \"/mnt/office/shop.db\"\n";
        let config = Config::parse(Path::new("/srv/shop"), text, None).unwrap();
        // On Windows they are on a drive.
        let expected =
            ["/mnt/office", "/mnt/web", "/srv/shop/data"].map(|path| std::path::absolute(path).unwrap());
        assert_eq!(written_folders(&config), expected);
    }
}
