//! What `check` asks of the computer: rights, disks, the clock, the service.

use std::path::Path;

use jiff::Timestamp;

use crate::config::{Config, Language};

/// A clock that is off by more than this is told of, in seconds.
const CLOCK_OFF: i64 = 120;

/// Whether the clock agrees with Extend's, where that told its own.
pub fn clock_is_right(extend: Option<i64>, now: Timestamp, language: Language) -> Result<(), String> {
    let Some(extend) = extend else { return Ok(()) };
    let off = now.as_second() - extend;
    if off.abs() <= CLOCK_OFF {
        return Ok(());
    }
    let seconds = off.abs();
    Err(match off > 0 {
        true => language.pick(
            format!(
                "is {seconds} seconds ahead of Extend's. Let the computer set it from the network (NTP)."
            ),
            format!("går {seconds} sekunder före Extends. Låt datorn ställa den från nätverket (NTP)."),
        ),
        false => language.pick(
            format!("is {seconds} seconds behind Extend's. Let the computer set it from the network (NTP)."),
            format!("går {seconds} sekunder efter Extends. Låt datorn ställa den från nätverket (NTP)."),
        ),
    })
}

/// Whether others of this computer may read what holds a secret, or customers.
pub fn is_closed(path: &Path, language: Language) -> Result<(), String> {
    #[cfg(unix)]
    if let Ok(metadata) = path.metadata() {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o007 != 0 {
            let shown = path.display();
            let mode = if metadata.is_dir() { "750" } else { "640" };
            return Err(language.pick(
                format!("every account of this computer may read it. Close it: chmod {mode} {shown}"),
                format!("alla konton på datorn får läsa den. Stäng den: chmod {mode} {shown}"),
            ));
        }
    }
    #[cfg(windows)]
    if crate::home::acl::is_open(path) == Some(true) {
        let shown = path.display();
        let close = format!(
            "icacls \"{shown}\" {}",
            crate::home::acl::closed(if path.is_dir() { "(OI)(CI)" } else { "" }).join(" ")
        );
        return Err(language.pick(
            format!("every account of this computer may read it. «service install» closes it, and so does: {close}"),
            format!("alla konton på datorn får läsa den. «service install» stänger den, och det gör också: {close}"),
        ));
    }
    #[cfg(not(any(unix, windows)))]
    let _ = (path, language);
    Ok(())
}

/// What must be closed to others: the settings, files with a secret, and the data.
pub fn private_paths(config: &Config) -> Vec<std::path::PathBuf> {
    let mut paths = vec![config.settings_file()];
    paths.extend(config.secret_files.iter().cloned());
    paths
}

/// How the service stands, in a line; `None` where this system has none, or it can't be asked.
pub fn service(language: Language) -> Option<String> {
    #[cfg(target_os = "linux")]
    if crate::service::systemd::is_here() {
        use crate::service::{NAME, systemd::Service};
        return Service::new(NAME, language).state().ok().map(|state| state.to_string());
    }
    #[cfg(windows)]
    return {
        use crate::service::{NAME, windows::Service};
        Service::new(NAME, language).state().ok().map(|state| state.to_text(language))
    };
    #[cfg(not(windows))]
    {
        let _ = language;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_which_way() {
        let now: Timestamp = "2026-11-21T22:16:00Z".parse().unwrap();
        let check = |extend: Option<i64>| {
            let at = extend.map(|off| now.as_second() - off);
            clock_is_right(at, now, Language::English).err().unwrap_or_default()
        };
        assert_eq!(check(None), "");
        assert_eq!(check(Some(-120)), "");
        assert!(check(Some(121)).starts_with("is 121 seconds ahead of Extend's."));
        assert!(check(Some(-9000)).starts_with("is 9000 seconds behind Extend's."));
    }
}
