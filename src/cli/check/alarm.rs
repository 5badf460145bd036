//! What `check` asks of the alarms: could the command be started, does anybody listen at the webhook's address?
//! Nothing is told to anybody; `alert test` does that.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Language;

/// How long an address is tried.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a program could be started as the alarm's command is: from the home, found as any program is.
pub fn can_be_started(program: &str, home: &Path, language: Language) -> Result<(), String> {
    let has_folder = Path::new(program).components().count() > 1;
    let places: Vec<PathBuf> = match (has_folder, std::env::var_os("PATH")) {
        (true, _) => vec![home.join(program)],
        (false, path) => {
            std::env::split_paths(&path.unwrap_or_default()).map(|folder| folder.join(program)).collect()
        }
    };
    let mut found = places.iter().filter(|place| is_there(place)).peekable();
    if found.peek().is_none() {
        return Err(language.pick(
            "is not there. Install it, or write its whole path in [alert] command.".into(),
            "finns inte. Installera det, eller skriv hela sökvägen i [alert] command.".into(),
        ));
    }
    let first = found.peek().map(|place| place.display().to_string()).unwrap_or_default();
    match found.any(|place| is_a_program(place)) {
        true => Ok(()),
        false => Err(language.pick(
            format!("is no program that may be run. Allow it: chmod +x {first}"),
            format!("är inget program som får köras. Tillåt det: chmod +x {first}"),
        )),
    }
}

fn is_there(path: &Path) -> bool {
    // Windows finds it without its ending too.
    path.is_file() || (cfg!(windows) && path.with_extension("exe").is_file())
}

fn is_a_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    is_there(path)
}

/// The computer that a webhook's address names, with its port. The rest of it may be a secret.
pub fn computer_of(url: &str) -> Option<(String, u16)> {
    let url: ureq::http::Uri = url.parse().ok()?;
    let port = if url.scheme_str() == Some("http") { 80 } else { 443 };
    Some((url.host()?.trim_matches(['[', ']']).to_owned(), url.port_u16().unwrap_or(port)))
}

/// Whether somebody listens there. Nothing is sent.
pub fn somebody_listens(computer: &(String, u16), language: Language) -> Result<(), String> {
    let unreachable = |error: std::io::Error| {
        language.pick(
            format!("can't be reached: {error}. Is the line to the internet up, and [alert] webhook right?"),
            format!("kan inte nås: {error}. Fungerar internet, och är [alert] webhook rätt?"),
        )
    };
    let mut last = std::io::Error::other("no address");
    for address in (computer.0.as_str(), computer.1).to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_command_is_looked_for_as_it_is_started() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let check =
            |program: &str| can_be_started(program, home.path(), Language::English).err().unwrap_or_default();
        assert_eq!(check("sh"), "");
        assert!(check("no-such-program-here").starts_with("is not there."));
        let script = home.path().join("tell.sh");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(check("./tell.sh").contains("chmod +x"));
        // Without a folder it is not looked for in the home: starting it would not find it either.
        assert!(check("tell.sh").starts_with("is not there."));
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(check("./tell.sh"), "");
        assert_eq!(check(&script.display().to_string()), "");
    }

    #[test]
    fn of_an_address_only_the_computer_is_told() {
        let computer = |url: &str| computer_of(url).unwrap();
        assert_eq!(computer("https://hooks.example.com/T0/KEY"), ("hooks.example.com".into(), 443));
        assert_eq!(computer("http://[::1]:8080/KEY"), ("::1".into(), 8080));
        assert_eq!(computer("http://localhost/KEY"), ("localhost".into(), 80));
    }
}
