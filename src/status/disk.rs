//! How much room the disks have, before they are full.

use std::path::{Path, PathBuf};

use super::NeedsPerson;
use crate::config::Config;
use crate::rules::alert::is_nearly_full;

const MEGABYTE: u64 = 1_000_000;

/// The disks that are nearly full, each once. Asks the system and writes nothing.
pub fn nearly_full(config: &Config) -> Vec<NeedsPerson> {
    let least = config.alert.disk_free_bytes;
    if least == 0 {
        return Vec::new();
    }
    let database = config.database.metadata().map_or(0, |file| file.len());
    let data = config.database.parent().unwrap_or(&config.home);
    // Where the database, and a copy of it, must have room to grow; elsewhere only files do.
    let folders = [
        (data.to_owned(), database),
        (config.backup.folder.clone(), if config.backup.every.is_some() { database } else { 0 }),
        (config.logs(), 0),
        (config.exchange.folder.clone(), 0),
    ];
    let mut seen: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for (folder, database) in folders {
        let Some(disk) = disk_of(&folder).filter(|disk| !seen.contains(disk)) else { continue };
        // What can't be asked is not told of: the folder may be gone, which is told elsewhere.
        let Ok(free) = fs4::available_space(&folder) else { continue };
        seen.push(disk);
        if is_nearly_full(free, least, database) {
            all.push(told(folder, free, least.max(database * 2), config));
        }
    }
    all
}

fn told(folder: PathBuf, free: u64, wanted: u64, config: &Config) -> NeedsPerson {
    let (free, wanted) = (free / MEGABYTE, wanted.div_ceil(MEGABYTE));
    let shown = folder.display();
    NeedsPerson {
        code: "disk_nearly_full".into(),
        item: None,
        file: Some(shown.to_string()),
        message: config.exchange.language.pick(
            format!("The disk of {shown} is nearly full: {free} MB are left, and {wanted} MB are wanted. Make room: when it is full no order can be taken in."),
            format!("Disken där {shown} ligger är nästan full: {free} MB är kvar, och {wanted} MB behövs. Gör plats: när den är full kan inga order tas emot."),
        ),
    }
}

/// A name for the disk that a folder is on; `None` where it is not there.
#[cfg(unix)]
fn disk_of(folder: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    folder.metadata().ok().map(|metadata| metadata.dev().to_string())
}

/// A name for the disk that a folder is on; `None` where it is not there.
#[cfg(not(unix))]
fn disk_of(folder: &Path) -> Option<String> {
    let real = folder.canonicalize().ok()?;
    real.components().next().map(|disk| disk.as_os_str().to_string_lossy().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_disk_is_told_once_with_what_is_left() {
        let home = tempfile::tempdir().unwrap();
        let with = |disk_free_mb: &str| {
            let text = format!(
                "[extend]\nbase_url = \"http://localhost:1\"\nclient = \"c\"\nusername = \"u\"\npassword = \"p\"\n\
                 [alert]\ndisk_free_mb = {disk_free_mb}\n"
            );
            let config = Config::parse(home.path(), &text, None).unwrap();
            std::fs::create_dir_all(config.logs()).unwrap();
            nearly_full(&config)
        };
        assert_eq!(with("0"), []);
        assert_eq!(with("1"), []);
        let told = with("1000000000");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].message.contains("1000000000 MB are wanted"), "{told:?}");
    }
}
