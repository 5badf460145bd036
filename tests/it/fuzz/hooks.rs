//! Webhooks: what stands in them, what they touch, and whether they are signed.

use extend_edge::formats::hook;
use extend_edge::formats::problem::Language;
use extend_edge::rules::hooks::{Touched, touched};
use extend_edge::standin::signature;

pub fn run(data: &[u8]) {
    let signed = signature("secret", data);
    assert!(
        hook::is_signed("secret", data, &signed) && hook::is_signed("secret", data, &signed.to_lowercase())
    );
    assert!(!hook::is_signed("another", data, &signed));
    let text = String::from_utf8_lossy(data);
    assert!(!hook::is_signed("secret", data, &text), "nobody signs what holds its own signature");
    if let Some(digest) = hook::signature_digest(&text) {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(text.to_lowercase().contains(&hex));
    }
    match hook::parse(data) {
        Ok(told) => {
            assert!(told.id.is_none_or(|id| !id.trim().is_empty() && id.len() <= 200));
            let told = hook::parse(data).expect("the same again");
            let all = touched(&told);
            assert!(all.len() <= told.notifications.len() && all.is_sorted());
            for one in all {
                if let Touched::Record(_, number) = one {
                    assert!(!number.trim().is_empty() && number.len() <= 200);
                }
            }
        }
        Err(problem) => {
            for language in [Language::English, Language::Swedish] {
                assert!(!problem.message(language).is_empty());
            }
        }
    }
}
