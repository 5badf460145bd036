//! Webhooks, by HTTP or as files: the signature, and what follows from whatever stands in them.
//!
//! Parts: the body, its signature.

use extend_edge::formats::hook::{is_signed, parse, signature_digest};
use extend_edge::formats::problem::Language;
use extend_edge::rules::hooks::{Touched, touched};
use extend_edge::rules::mirror::Entity;
use extend_edge::standin::signature;

use super::parts::parts;

const SECRET: &str = "secret123";

pub fn run(data: &[u8]) {
    let parts = parts(data);
    let signed = signature(SECRET, parts[0]);
    assert!(is_signed(SECRET, parts[0], &signed) && is_signed(SECRET, parts[0], &signed.to_lowercase()));
    assert!(!is_signed("another", parts[0], &signed));
    if let Some(last) = parts[0].last() {
        let mut other = parts[0].to_vec();
        other.pop();
        assert!(!is_signed(SECRET, &other, &signed), "signed for another body");
        other.push(last ^ 1);
        assert!(!is_signed(SECRET, &other, &signed), "signed for another body");
    }
    if let Some(given) = parts.get(1).and_then(|signature| std::str::from_utf8(signature).ok()) {
        let same = signature_digest(given).is_some_and(|digest| Some(digest) == signature_digest(&signed));
        assert_eq!(is_signed(SECRET, parts[0], given), same, "{given}");
    }
    match parse(parts[0]) {
        Ok(hook) => {
            assert!(hook.id.as_ref().is_none_or(|id| !id.trim().is_empty() && id.len() <= 200), "{hook:?}");
            let all = touched(&hook);
            assert!(all.len() <= hook.notifications.len(), "{all:?}");
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "each once: {all:?}");
            for one in &all {
                if let Touched::Record(entity, number) = one {
                    assert!(!number.trim().is_empty() && number.len() <= 200, "{one:?}");
                    assert_ne!(*entity, Entity::Balances, "never record by record");
                }
            }
            let marked = [b"\xEF\xBB\xBF", parts[0]].concat();
            assert!(
                parts[0].starts_with(b"\xEF\xBB\xBF")
                    || parts[0].starts_with(b"\xFF\xFE")
                    || parts[0].starts_with(b"\xFE\xFF")
                    || parse(&marked).as_ref() == Ok(&hook)
            );
        }
        Err(problem) => {
            let lines = 1 + parts[0].iter().filter(|byte| **byte == b'\n').count() as u64;
            assert!(
                problem.line.is_none_or(|line| (1..=lines).contains(&line)),
                "{problem:?} of {lines} lines"
            );
            assert!(
                !problem.message(Language::English).is_empty()
                    && !problem.message(Language::Swedish).is_empty()
            );
        }
    }
}
