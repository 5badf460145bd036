//! Why Extend could not be asked, or did not say, for people.
//!
//! Who makes the calls says it in English, as the logs have it. What stands in tables and on pages is in the
//! language of the settings.

use std::borrow::Cow;

use crate::language::Language;

/// How reasons begin, in English and in Swedish; what follows is a name, a number or another program's words.
const WORDS: &[(&str, &str)] = &[
    ("no computer of this name was found", "ingen dator med det namnet hittades"),
    ("no connection in time", "ingen anslutning inom tiden"),
    ("no answer in time", "inget svar inom tiden"),
    ("the connection was refused", "anslutningen nekades"),
    ("the answer broke off", "svaret bröts"),
    ("the answer is not whole", "svaret är inte helt"),
    ("the answer is not JSON", "svaret är inte JSON"),
    ("the answer is no object", "svaret är inget dokument"),
    ("the answer names no number", "svaret nämner inget nummer"),
    ("the answer is about ", "svaret gäller "),
    ("the answer names ", "svaret nämner "),
    (
        "the answer is neither an order nor an acknowledgement",
        "svaret är varken en order eller ett kvitto på den",
    ),
    (
        "what answers is not Extend: the answer is not JSON",
        "det som svarar är inte Extend: svaret är inte JSON",
    ),
    ("too many requests", "för många anrop"),
    ("the login has no right to do this", "inloggningen har inte rätt att göra detta"),
    ("the login was refused", "inloggningen nekades"),
    ("Extend does not accept the login", "Extend godtar inte inloggningen"),
    ("Extend does not accept user name and password", "Extend godtar inte användarnamn och lösenord"),
    ("Extend does not take this document", "Extend tar inte emot dokumentet"),
    ("the list does not end", "listan tar inte slut"),
    ("the list of orders could not be read", "orderlistan kunde inte läsas"),
    ("the list of returns could not be read", "returlistan kunde inte läsas"),
    ("an order in the list has no number", "en order i listan saknar nummer"),
    ("a return in the list has no number", "en retur i listan saknar nummer"),
    ("the record could not be read", "posten kunde inte läsas"),
    ("no order with the number ", "ingen order med numret "),
    ("several orders at Extend have the number ", "flera order i Extend har numret "),
    ("answer ", "svar "),
];

/// What follows the number of an answer, or stands within a reason.
const TAILS: &[(&str, &str)] = &[
    (" without a readable body", " utan läsbart innehåll"),
    (" with a body that is no record", " med ett innehåll som inte är någon post"),
    (" points to another address", " pekar på en annan adress"),
    (": the address points elsewhere; see base_url", ": adressen pekar någon annanstans; se base_url"),
    (
        ": there is no such address; see base_url and client",
        ": den adressen finns inte; se base_url och client",
    ),
    (": there is no such address", ": den adressen finns inte"),
    (": the address does not take this", ": adressen tar inte emot detta"),
    (" without Extend's message", " utan Extends meddelande"),
    (", which another item has already", ", som en annan post redan har"),
    (", not about ", ", inte "),
    (" (answer ", " (svar "),
    (" is known, here or at Extend", " är känd, här eller i Extend"),
];

/// A reason in a language. What Extend itself said, or another program, stays as it is.
pub fn in_language(reason: &str, language: Language) -> Cow<'_, str> {
    if language == Language::English {
        return reason.into();
    }
    // The longest that fits: some begin as others do.
    let fits = WORDS.iter().filter(|(english, _)| reason.starts_with(english));
    let Some((english, swedish)) = fits.max_by_key(|(english, _)| english.len()) else {
        return reason.into();
    };
    let mut tail = reason[english.len()..].to_owned();
    for (english, swedish) in TAILS {
        tail = tail.replace(english, swedish);
    }
    format!("{swedish}{tail}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::answer::{Answer, Got, Health, Limits, NotDone, Sent, health, of_read, of_write};

    /// Words of ours that are not names, in what was to be Swedish.
    fn english_in(text: &str) -> Option<&str> {
        let words = ["answer", "the", "there", "without", "with", "not", "no", "address", "which", "list"];
        text.split(|letter: char| !letter.is_alphabetic()).find(|word| words.contains(word))
    }

    #[test]
    fn every_reason_that_an_answer_gives_has_its_swedish_words() {
        let mut seen = 0;
        for status in 100..600 {
            for body in ["", "{}", "[]", "<html>", "{\"a\""] {
                let answer = Answer {
                    status,
                    body: body.into(),
                    retry_after: None,
                    limits: Limits::default(),
                    server_time: None,
                };
                let mut reasons = Vec::new();
                match of_write(&Ok(answer.clone())) {
                    Sent::Unclear(why) | Sent::Unconfirmed(why) => reasons.push(why),
                    Sent::Not(
                        NotDone::Again { why, .. } | NotDone::Forbidden(why) | NotDone::NotExtend(why),
                    ) => {
                        reasons.push(why);
                    }
                    Sent::Not(NotDone::Refused { message, .. }) => reasons.push(message),
                    Sent::Done(_) | Sent::Not(NotDone::LoginRefused) => {}
                }
                if let Got::Again { why, .. } = of_read(Ok(answer.clone())) {
                    reasons.push(why);
                }
                if let Health::Suspect(why) = health(&Ok(answer)) {
                    reasons.push(why);
                }
                for reason in reasons {
                    let swedish = in_language(&reason, Language::Swedish);
                    assert_eq!(english_in(&swedish), None, "{reason:?} became {swedish:?}");
                    assert_eq!(in_language(&reason, Language::English), reason);
                    seen += 1;
                }
            }
        }
        assert!(seen > 500);
    }

    #[test]
    fn what_others_said_stays() {
        let words = |reason| in_language(reason, Language::Swedish).into_owned();
        assert_eq!(words("The customer is locked."), "The customer is locked.");
        assert_eq!(words("the answer broke off: early eof"), "svaret bröts: early eof");
        assert_eq!(words("the answer is about OC-9, not about W-1"), "svaret gäller OC-9, inte W-1");
    }
}
