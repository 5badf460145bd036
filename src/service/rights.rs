//! Who may read and write what lies in a home: the agent's account its data, the webshop's group its part of
//! the exchange folder, everybody else nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::accounts::Account;
use crate::config::Config;

/// What lies in it is the group's too (the bit of 2000), whoever writes it.
const READ: u32 = 0o2750;
const WRITE: u32 = 0o2770;
const OWN: u32 = 0o750;

/// Gives the folders of a home to `account`, and of the exchange folder to `web`, the webshop's group: it may
/// write in the inbox, delete what it has read and mended, and read all else there. The settings and what
/// holds a secret beside them stay the administrator's, and the account may read them.
///
/// # Errors
/// The system's, with the path.
pub fn set(config: &Config, account: Account, web: u32) -> anyhow::Result<()> {
    for folder in super::written_folders(config) {
        if !folder.starts_with(&config.exchange.folder) {
            // A folder that others share, for the copy for reports, say, keeps its owner.
            let is_ours = folder.starts_with(&config.home) || folder == config.backup.folder;
            if is_ours {
                give(&folder, account.user, account.group, &|_| OWN)?;
            }
        }
    }
    let exchange = &config.exchange.folder;
    let writable =
        [config.inbox(), config.rejected(), config.hooks(), config.outgoing_changes(), config.outgoing_atp()];
    let mode = |folder: &Path| match writable.iter().any(|one| folder.starts_with(one)) {
        true => WRITE,
        false => READ,
    };
    give(exchange, account.user, web, &mode)?;
    for file in private_files(config)? {
        chown(&file, None, Some(account.group)).with_context(|| file.display().to_string())?;
        set_mode(&file, 0o640)?;
    }
    Ok(())
}

/// The settings, and the files beside them that they name for a secret.
fn private_files(config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![config.settings_file()];
    files.extend(config.secret_files.iter().filter(|file| file.starts_with(&config.home)).cloned());
    Ok(files)
}

/// Gives a folder and all in it away. Links are not followed.
fn give(path: &Path, user: u32, group: u32, mode: &dyn Fn(&Path) -> u32) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let metadata = path.symlink_metadata().with_context(named)?;
    // Before the mode: a change of owner takes away the bit of 2000.
    lchown(path, Some(user), Some(group)).with_context(named)?;
    if metadata.is_dir() {
        set_mode(path, mode(path))?;
        for entry in fs::read_dir(path).with_context(named)? {
            give(&entry.with_context(named)?.path(), user, group, mode)?;
        }
    } else if metadata.is_file() {
        set_mode(path, (metadata.permissions().mode() | 0o640) & 0o770)?;
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;

    #[test]
    fn the_webshop_writes_where_it_must_and_reads_no_data() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        crate::home::init(dir.path(), Language::English).unwrap();
        let config = Config::load(dir.path()).unwrap();
        fs::write(config.inbox().join("order.json"), "{}").unwrap();
        // Giving to oneself needs no rights.
        let own = dir.path().metadata().unwrap();
        set(&config, Account { user: own.uid(), group: own.gid() }, own.gid()).unwrap();
        let mode = |path: PathBuf| path.metadata().unwrap().mode() & 0o7777;
        assert_eq!(mode(config.data()), 0o750);
        assert_eq!(mode(config.logs()), 0o750);
        assert_eq!(mode(config.inbox()), 0o2770);
        assert_eq!(mode(config.inbox_atp()), 0o2770);
        assert_eq!(mode(config.outgoing_changes()), 0o2770);
        assert_eq!(mode(config.outgoing()), 0o2750);
        assert_eq!(mode(config.accepted()), 0o2750);
        assert_eq!(mode(config.settings_file()), 0o640);
        assert_eq!(mode(config.inbox().join("order.json")) & 0o007, 0);
    }
}
