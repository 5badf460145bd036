//! Passwords and keys: kept from sight, and read from the settings or from a file of their own.

use std::fmt;
use std::path::{Path, PathBuf};

use super::problems::Expected;
use super::section::Section;

/// A password or a key. It shows itself to nobody who does not ask with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret into keeping.
    pub fn new(secret: impl Into<String>) -> Self {
        Secret(secret.into())
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How much a secret is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It must not be empty.
    Needed,
    /// An empty one is none.
    Maybe,
    /// It is known already, so the file is not read.
    Known,
}

/// What the settings say of a secret.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The secret.
    pub secret: Option<Secret>,
    /// The file of its own that it stands in.
    pub file: Option<PathBuf>,
}

/// A secret that stands here or in a file of its own.
pub(super) fn read(
    section: &mut Section<'_, '_>,
    key: &'static str,
    file_key: &'static str,
    home: &Path,
    wanted: Wanted,
) -> Kept {
    let language = section.language();
    let here = section.text(key, Expected::Text);
    let written = section.text(file_key, Expected::File);
    if section.is_written(key) && section.is_written(file_key) {
        not_both(section, key, file_key);
        return Kept::default();
    }
    if let Some(secret) = here {
        if secret.is_empty() && wanted == Wanted::Needed {
            let message = language.pick("is empty: expected the password", "är tomt: här ska stå lösenordet");
            section.problem(key, message.to_owned());
        }
        return Kept {
            secret: Some(secret).filter(|secret| !secret.is_empty()).map(Secret::new),
            file: None,
        };
    }
    let Some(written) = written else { return Kept::default() };
    let file = home.join(&written);
    let secret = match from_file(&file) {
        _ if wanted == Wanted::Known => None,
        Ok(secret) => Some(secret),
        Err(error) => {
            let named = if written.is_empty() { String::new() } else { format!("{}: ", file.display()) };
            let message = language.pick(
                format!("expected a file with the secret on its one line: {named}{error}"),
                format!("här ska stå en fil med hemligheten på sin enda rad: {named}{error}"),
            );
            section.problem(file_key, message);
            None
        }
    };
    Kept { secret, file: Some(file).filter(|_| !written.is_empty()) }
}

/// Where systemd puts what it hands to a service, by systemd.exec(5).
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// The name of a password that systemd keeps, and the password where this process is the service.
pub(super) fn read_credential(
    section: &mut Section<'_, '_>,
    not_needed: bool,
) -> (Option<String>, Option<Secret>) {
    const KEY: &str = "password_credential";
    let language = section.language();
    let Some(name) = section.text(KEY, Expected::Text) else { return (None, None) };
    for other in ["password", "password_file"] {
        if section.is_written(other) {
            not_both(section, other, KEY);
            return (None, None);
        }
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_name) {
        let message = language.pick(
            "expected the name of a systemd credential, of letters, digits and -_.",
            "här ska stå namnet på en systemd-hemlighet, av bokstäver, siffror och -_.",
        );
        section.problem(KEY, message.to_owned());
        return (None, None);
    }
    let handed = std::env::var_os(CREDENTIALS_VARIABLE).map(|folder| Path::new(&folder).join(&name));
    let secret = match handed.map(|file| (from_file(&file), file)) {
        _ if not_needed => None,
        None => None,
        Some((Ok(secret), _)) => Some(secret),
        Some((Err(error), file)) => {
            let message = language.pick(
                format!("systemd did not hand it to this service: {}: {error}", file.display()),
                format!("systemd gav den inte till den här tjänsten: {}: {error}", file.display()),
            );
            section.problem(KEY, message);
            None
        }
    };
    (Some(name), secret)
}

fn not_both(section: &mut Section<'_, '_>, key: &str, other: &'static str) {
    let message = section.language().pick(
        format!("expected one of {key} and {other}, not both"),
        format!("här ska stå ett av {key} och {other}, inte båda"),
    );
    section.problem(other, message);
}

fn from_file(file: &Path) -> Result<Secret, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let line = text.trim_end_matches(['\r', '\n']);
    match line {
        "" => Err("empty".to_owned()),
        line if line.contains(char::is_control) => Err("more than one line".to_owned()),
        line => Ok(Secret::new(line)),
    }
}
