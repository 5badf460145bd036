//! What is told to a person who does not look: a subject, a text, and JSON for a program.

use serde_json::{Value, json};

use crate::language::Language;

/// Something that a person should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its name, the same for as long as it lasts.
    pub key: String,
    /// A word for programs, that of `status --json`.
    pub code: String,
    /// What is wrong and what to do, a sentence or more.
    pub message: String,
    /// Since when, as the tables have it.
    pub since: String,
}

/// What is told at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// When, as the tables have it.
    pub at: String,
    /// What was not told before.
    pub raised: Vec<Alarm>,
    /// What was told before and is well again.
    pub ended: Vec<Alarm>,
    /// How much of what was told before is still as it was.
    pub left: usize,
}

/// So many are told one by one; there may be more.
const NAMED: usize = 20;

impl Message {
    /// Whether nothing that was ever told is wrong any more.
    pub fn is_all_well(&self) -> bool {
        self.raised.is_empty() && self.left == 0
    }

    /// One line.
    pub fn subject(&self, shop: &str, language: Language) -> String {
        let (raised, ended) = (self.raised.len(), self.ended.len());
        let said = match (raised, ended) {
            (0, _) if self.left == 0 => {
                language.pick("all is well again".to_owned(), "allt är bra igen".to_owned())
            }
            (0, 1) => language.pick("one thing is well again".to_owned(), "en sak är bra igen".to_owned()),
            (0, _) => {
                language.pick(format!("{ended} things are well again"), format!("{ended} saker är bra igen"))
            }
            (1, _) => language.pick("one thing is wrong".to_owned(), "en sak är fel".to_owned()),
            _ => language.pick(format!("{raised} things are wrong"), format!("{raised} saker är fel")),
        };
        format!("extend-edge {shop}: {said}")
    }

    /// All of it for a person, on several lines.
    pub fn text(&self, shop: &str, language: Language) -> String {
        let mut text = format!("{}\n", self.subject(shop, language));
        for (heading, all) in [
            (language.pick("Wrong:", "Fel:"), &self.raised),
            (language.pick("Well again:", "Bra igen:"), &self.ended),
        ] {
            if all.is_empty() {
                continue;
            }
            text.push_str(&format!("\n{heading}\n"));
            for one in all.iter().take(NAMED) {
                text.push_str(&format!("- {}\n", one.message));
            }
            if let Some(more @ 1..) = all.len().checked_sub(NAMED) {
                text.push_str(&language.pick(format!("- and {more} more\n"), format!("- och {more} till\n")));
            }
        }
        if self.left > 0 {
            text.push_str(&language.pick(
                format!("\n{} told before: still as they were.\n", self.left),
                format!("\n{} som sagts förut: fortfarande som de var.\n", self.left),
            ));
        }
        text
    }

    /// All of it for a program. `text` is what chat programs show.
    pub fn json(&self, shop: &str, language: Language) -> Value {
        let all = |all: &[Alarm]| -> Vec<Value> {
            all.iter()
                .map(|one| json!({ "key": one.key, "code": one.code, "message": one.message, "since": one.since }))
                .collect()
        };
        json!({
            "text": self.text(shop, language),
            "subject": self.subject(shop, language),
            "shop": shop,
            "at": self.at,
            "allWell": self.is_all_well(),
            "raised": all(&self.raised),
            "ended": all(&self.ended),
            "stillWrong": self.left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(key: &str) -> Alarm {
        let since = "2026-11-21T22:16:00.000Z".to_owned();
        Alarm { key: key.into(), code: "refused".into(), message: format!("{key} was refused."), since }
    }

    #[test]
    fn what_is_wrong_and_what_is_well_again() {
        let message =
            Message { at: String::new(), raised: vec![alarm("A")], ended: vec![alarm("B")], left: 1 };
        let text = message.text("shop", Language::English);
        assert_eq!(
            text,
            "extend-edge shop: one thing is wrong\n\nWrong:\n- A was refused.\n\nWell again:\n- B was refused.\n\n\
             1 told before: still as they were.\n"
        );
        assert!(!message.is_all_well());
        let well = Message { raised: Vec::new(), left: 0, ..message };
        assert_eq!(well.subject("shop", Language::Swedish), "extend-edge shop: allt är bra igen");
        let json = well.json("shop", Language::English);
        assert_eq!((&json["allWell"], &json["ended"][0]["key"]), (&json!(true), &json!("B")));
    }

    #[test]
    fn many_are_counted() {
        let raised: Vec<Alarm> = (0..NAMED + 3).map(|number| alarm(&number.to_string())).collect();
        let message = Message { at: String::new(), raised, ended: Vec::new(), left: 0 };
        let text = message.text("shop", Language::English);
        assert!(text.contains("23 things are wrong") && text.ends_with("- and 3 more\n"), "{text}");
    }
}
