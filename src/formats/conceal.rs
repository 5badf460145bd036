//! What is left out of what is shown to others: secrets, and what customers are called.

use std::collections::{HashMap, HashSet};

/// What stands in the place of what was left out.
const BLANK: &str = "***";

/// Words that nobody else may read.
#[derive(Debug, Clone, Default)]
pub struct Concealed {
    /// By their first word, in lower case.
    by_first_word: HashMap<String, HashSet<String>>,
}

/// What is shorter than this is part of too much else.
const SHORTEST: usize = 3;

impl Concealed {
    /// One more, on its own line or not, in capitals or not.
    pub fn add(&mut self, words: &str) {
        let words = words.trim().to_lowercase();
        if words.chars().count() < SHORTEST {
            return;
        }
        let first = run(&words, char::is_alphanumeric).to_owned();
        self.by_first_word.entry(first).or_default().insert(words);
    }

    /// The text without them, and without e-mail addresses.
    pub fn conceal(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut is_start = true;
        while let Some(letter) = rest.chars().next() {
            let length = match is_start {
                true => self.match_at(rest).or_else(|| address_at(rest)),
                false => None,
            };
            match length {
                Some(length) => {
                    out.push_str(BLANK);
                    rest = &rest[length..];
                    is_start = false;
                }
                // A letter that begins no word goes by itself.
                None => {
                    out.push(letter);
                    rest = &rest[letter.len_utf8()..];
                    is_start = !letter.is_alphanumeric();
                }
            }
        }
        out
    }

    /// The length of the longest of them that `rest` begins with as whole words.
    fn match_at(&self, rest: &str) -> Option<usize> {
        let known = self.by_first_word.get(&run(rest, char::is_alphanumeric).to_lowercase())?;
        known
            .iter()
            .filter_map(|words| {
                let mut of_rest = rest.char_indices();
                for expected in words.chars() {
                    let (_, found) = of_rest.next()?;
                    if !found.to_lowercase().eq(expected.to_lowercase()) {
                        return None;
                    }
                }
                let end = of_rest.next().map_or(rest.len(), |(at, _)| at);
                let is_whole = rest[end..].chars().next().is_none_or(|next| !next.is_alphanumeric());
                is_whole.then_some(end)
            })
            .max()
    }
}

/// The letters at the beginning that belong together; the first one where none do.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|letter| !belongs(letter)).unwrap_or(text.len());
    match end {
        0 => text.chars().next().map_or("", |letter| &text[..letter.len_utf8()]),
        end => &text[..end],
    }
}

/// The length of an e-mail address at the beginning.
fn address_at(text: &str) -> Option<usize> {
    let word = run(text, |letter| letter.is_alphanumeric() || "@._+-".contains(letter));
    let (name, host) = word.split_once('@')?;
    (!name.is_empty() && host.contains('.')).then_some(word.len())
}

/// Settings as they are written, with every secret blanked; `None` where one can't be told from the rest.
pub fn settings_without_secrets(text: &str) -> Option<String> {
    if text.contains("\"\"\"") || text.contains("'''") {
        return None;
    }
    let mut section = String::new();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with('[') {
            section = trimmed.to_owned();
        }
        let is_secret = |key: &str| {
            let key = key.to_lowercase();
            let names = ["password", "passw", "secret", "token", "key", "webhook"];
            // Whom an alarm is sent to, and how, is nobody's business.
            section.starts_with("[alert") || names.iter().any(|name| key.contains(name))
        };
        match line.split_once('=') {
            // A key that is a comment too: somebody tried it out.
            Some((key, value)) if is_secret(key) && value.contains(['"', '\'']) => {
                out.push_str(&format!("{key}= \"{BLANK}\""));
            }
            Some((key, value)) if value.contains("://") && value.contains('@') => {
                out.push_str(&format!("{key}= \"{BLANK}\""));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_whole_words_in_any_letters() {
        let mut concealed = Concealed::default();
        for words in ["Åsa Öberg", "Storgatan 1", "556677-8899", "Al", "hunter2", "(Lund)"] {
            concealed.add(words);
        }
        for (text, expected) in [
            ("item 3 is refused: ÅSA ÖBERG is blocked", "item 3 is refused: *** is blocked"),
            ("at Storgatan 1, not Storgatan 12", "at ***, not Storgatan 12"),
            ("556677-8899", "***"),
            ("Al is short, (lund) is not: Åsa Öberg.", "Al is short, *** is not: ***."),
            ("shunter2 hunter2\nhunter2", "shunter2 ***\n***"),
            ("mail to anna.b+x@shop.example now", "mail to *** now"),
            ("å @ ö", "å @ ö"),
            ("", ""),
        ] {
            assert_eq!(concealed.conceal(text), expected);
        }
    }

    #[test]
    fn no_secret_of_the_settings_is_left() {
        let text = "[extend]\nbase_url = \"https://x\"\npassword = \"hunter2\"\n#password = 'old'\n\
                    username = \"webshop\"\n[webhooks]\nsecret=\"s3\"\n[alert]\nurl = \"https://hooks/T0\"\nminutes = 5\n\
                    [proxy]\nurl = \"http://u:p@host\"\n";
        let shown = settings_without_secrets(text).unwrap();
        for secret in ["hunter2", "old", "s3", "T0", "u:p"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        for kept in ["https://x", "webshop", "minutes = 5", "[alert]"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
        assert_eq!(settings_without_secrets("password = \"\"\"\nx\n\"\"\""), None);
    }
}
