//! Accept, duplicate or reject: one order, once.

use crate::formats::problem::Wrong;

/// What is known of the latest document that had the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: i64,
    /// Its content.
    pub content_hash: String,
    /// What its content was before a person corrected it: to the webshop that is the same document.
    pub before_edits: Vec<String>,
    /// Whether it was refused or cancelled.
    pub ended: bool,
    /// Whether it is at Extend, or may be: Extend gave it a number, or has one that looks like it.
    pub at_extend: bool,
    /// The file that it came in.
    pub source_file: String,
}

impl Known {
    fn is_copied_by(&self, content_hash: &str) -> bool {
        self.content_hash == content_hash || self.before_edits.iter().any(|before| before == content_hash)
    }
}

/// What becomes of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A new outbox item.
    Accept,
    /// Accepted, not sent again: it repeats this one.
    Duplicate {
        /// The first.
        of: i64,
    },
    /// Rejected.
    Reject(Wrong),
}

/// Decides about a document with `key`. `made` says that the agent made the key.
pub fn decide(key: &str, made: bool, content_hash: &str, known: Option<&Known>) -> Verdict {
    match known {
        None => Verdict::Accept,
        // Refused or cancelled and not at Extend: the new one takes its place.
        Some(known) if known.ended && !known.at_extend => Verdict::Accept,
        Some(known) if made => {
            Verdict::Reject(Wrong::DuplicateUnkeyed { first_file: known.source_file.clone() })
        }
        Some(known) if known.is_copied_by(content_hash) => Verdict::Duplicate { of: known.id },
        Some(known) => {
            Verdict::Reject(Wrong::DuplicateKey { key: key.into(), first_file: known.source_file.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(made: bool, hash: &str, ended: bool, at_extend: bool, expected: &str) {
        let known = Known {
            id: 7,
            content_hash: "h".into(),
            before_edits: vec!["before".into()],
            ended,
            at_extend,
            source_file: "first.json".into(),
        };
        let verdict = match decide("K", made, hash, Some(&known)) {
            Verdict::Accept => "accept".to_owned(),
            Verdict::Duplicate { of } => format!("duplicate of {of}"),
            Verdict::Reject(Wrong::DuplicateKey { .. }) => "duplicate_key".into(),
            Verdict::Reject(_) => "duplicate_unkeyed".into(),
        };
        assert_eq!(verdict, expected);
    }

    #[test]
    fn one_order_once() {
        assert_eq!(decide("K", false, "h", None), Verdict::Accept);
        check(false, "h", false, false, "duplicate of 7");
        check(false, "before", false, false, "duplicate of 7");
        check(false, "other", false, false, "duplicate_key");
        check(false, "h", true, false, "accept");
        check(false, "other", true, false, "accept");
        check(false, "h", true, true, "duplicate of 7");
        check(false, "other", true, true, "duplicate_key");
        check(true, "h", false, true, "duplicate_unkeyed");
        check(true, "h", true, false, "accept");
    }

    proptest! {
        /// Whatever comes under one key, and whatever becomes of it meanwhile: never do two live at a time, and
        /// nothing is refused a place that is free.
        #[test]
        fn of_one_key_one_lives(
            all in proptest::collection::vec((0u8..3, any::<bool>(), any::<bool>(), any::<bool>()), 1..30),
        ) {
            let mut items: Vec<Known> = Vec::new();
            for (content, made, ends, at_extend) in all {
                let hash = format!("h{content}");
                let verdict = decide("K", made, &hash, items.last());
                let lives = items.last().filter(|item| !item.ended || item.at_extend);
                match (verdict, lives) {
                    (Verdict::Accept, None) => items.push(Known {
                        id: items.len() as i64,
                        content_hash: hash,
                        before_edits: Vec::new(),
                        ended: false,
                        at_extend: false,
                        source_file: "f".into(),
                    }),
                    (Verdict::Duplicate { of }, Some(first)) => {
                        prop_assert!(of == first.id && hash == first.content_hash && !made);
                    }
                    (Verdict::Reject(_), Some(first)) => prop_assert!(made || hash != first.content_hash),
                    (verdict, lives) => prop_assert!(false, "{verdict:?} beside {lives:?}"),
                }
                let newest = items.last_mut().expect("the first is accepted");
                newest.ended |= ends;
                newest.at_extend |= at_extend;
                let living = items.iter().filter(|item| !item.ended).count();
                prop_assert!(living <= 1, "{items:?}");
            }
        }
    }
}
