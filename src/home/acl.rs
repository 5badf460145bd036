//! Who may read a file on Windows, by way of icacls: nothing here calls the system unsafely.

#[cfg(windows)]
use std::{io, path::Path, process::Command};

/// Arguments of icacls: only administrators, the system and the owner; more may follow. Accounts are named by their
/// numbers, which are the same in every language. `inherited` is what is passed on, such as `(OI)(CI)`.
#[cfg(windows)]
pub fn closed(inherited: &str) -> Vec<String> {
    const ADMINISTRATORS: &str = "*S-1-5-32-544";
    const SYSTEM: &str = "*S-1-5-18";
    const OWNER: &str = "*S-1-3-4";
    let mut arguments = vec!["/inheritance:r".to_owned(), "/grant:r".to_owned()];
    arguments.extend([ADMINISTRATORS, SYSTEM, OWNER].map(|who| format!("{who}:{inherited}F")));
    arguments
}

/// Lets icacls do something with a file or folder.
///
/// # Errors
/// It can't be started, or what it complained of.
#[cfg(windows)]
pub fn icacls(path: &Path, arguments: &[String]) -> io::Result<()> {
    let ran = Command::new("icacls").arg(path).args(arguments).arg("/q").output()?;
    if ran.status.success() {
        return Ok(());
    }
    let said = [ran.stderr, ran.stdout].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let words = said.into_iter().find(|words| !words.is_empty());
    Err(io::Error::other(words.unwrap_or_else(|| format!("icacls: {}", ran.status))))
}

/// Whether every account of the computer may read it; `None` where that can't be told.
#[cfg(windows)]
pub fn is_open(path: &Path) -> Option<bool> {
    let saved = std::env::temp_dir().join(format!("extend-edge-{:016x}.acl", fastrand::u64(..)));
    let asked = icacls(path, &["/save".into(), saved.display().to_string()]);
    let bytes = std::fs::read(&saved);
    let _ = std::fs::remove_file(&saved);
    asked.ok()?;
    // Written as UTF-16: the name on one line, the list on the next.
    let units: Vec<u16> =
        bytes.ok()?.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16_lossy(&units);
    text.lines().find(|line| line.starts_with("D:")).map(opens)
}

/// Whether a list of rights, in the words of SDDL, lets everybody in: everyone, whoever logged in, or the users of
/// this computer.
#[cfg(any(windows, test))]
fn opens(list: &str) -> bool {
    const EVERYBODY: [&str; 5] = ["WD", "AU", "BU", "IU", "AN"];
    list.split('(').skip(1).any(|entry| {
        let fields: Vec<&str> = entry.trim_end().trim_end_matches(')').split(';').collect();
        // What is only passed on to what lies inside says nothing of the folder itself.
        fields.len() >= 6 && fields[0] == "A" && !fields[1].contains("IO") && EVERYBODY.contains(&fields[5])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_names_everybody_is_open() {
        assert!(opens("D:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)"));
        assert!(opens("D:(A;OICI;FR;;;WD)"));
        for closed in [
            "D:PAI(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;OW)(A;;0x1200a9;;;S-1-5-80-1-2-3-4-5)",
            "D:P(D;;FA;;;WD)(A;;FA;;;BA)",
            "D:P(A;OICIIO;FA;;;WD)(A;;FA;;;BA)",
            "",
        ] {
            assert!(!opens(closed), "{closed}");
        }
    }

    #[cfg(windows)]
    #[test]
    fn a_closed_file_can_be_read_by_who_made_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.toml");
        std::fs::write(&file, "password").unwrap();
        icacls(&file, &closed("")).unwrap();
        assert_ne!(is_open(&file), Some(true));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "password");
    }
}
