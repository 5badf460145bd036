//! Passwords and keys: kept from sight, and read from the settings or from a file of their own.

use std::fmt;
use std::path::Path;

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

/// A secret that stands here or in a file of its own.
pub(super) fn read(
    section: &mut Section<'_, '_>,
    key: &'static str,
    file_key: &'static str,
    home: &Path,
    wanted: Wanted,
) -> Option<Secret> {
    let language = section.language();
    let here = section.text(key, Expected::Text);
    let file = section.text(file_key, Expected::File);
    if section.is_written(key) && section.is_written(file_key) {
        let message = language.pick(
            format!("expected one of {key} and {file_key}, not both"),
            format!("här ska stå ett av {key} och {file_key}, inte båda"),
        );
        section.problem(file_key, message);
        return None;
    }
    if let Some(secret) = here {
        if secret.is_empty() && wanted == Wanted::Needed {
            let message = language.pick("is empty: expected the password", "är tomt: här ska stå lösenordet");
            section.problem(key, message.to_owned());
        }
        return Some(secret).filter(|secret| !secret.is_empty()).map(Secret::new);
    }
    let file = file.filter(|_| wanted != Wanted::Known)?;
    match from_file(&home.join(&file)) {
        Ok(secret) => Some(secret),
        Err(error) => {
            let file =
                if file.is_empty() { String::new() } else { format!("{}: ", home.join(&file).display()) };
            let message = language.pick(
                format!("expected a file with the secret on its one line: {file}{error}"),
                format!("här ska stå en fil med hemligheten på sin enda rad: {file}{error}"),
            );
            section.problem(file_key, message);
            None
        }
    }
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
