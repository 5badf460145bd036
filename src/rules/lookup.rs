//! Was it done? An attempt whose answer never came is looked up before the item is sent again.

use std::time::Duration;

use serde_json::Value;

use crate::formats::document::text_at;

/// What Extend shows under an item's key.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Extend's number.
    pub number: String,
    /// When Extend last changed it (created it, where that is all it says), in seconds since 1970 by
    /// Extend's clock. `None`: it could not be read.
    pub changed_at: Option<i64>,
    /// The whole record.
    pub record: Value,
    /// Whether another item of ours has this number.
    pub bound_to_other: bool,
}

/// What a look-up showed.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// It is there: the one with this number.
    Found(usize),
    /// It is not there.
    NotFound,
    /// Something is there that may be it and may be not: a person must judge.
    LookAlike(Vec<String>),
}

/// How much older than the first attempt, by Extend's clock, a record may be and still be ours: Extend's
/// `Date` counts whole seconds, and its application and database may differ by a moment.
const SLACK_SECONDS: i64 = 5;

/// A record that is the same and a little older may be ours after all: the clocks of Extend's servers may
/// differ by more than we think. Better a question too many than an order too many.
const DOUBTFUL_SECONDS: i64 = 3600;

/// Judges `candidates`, all of which carry the item's key. `sent` is what was sent and
/// `first_attempt_at` when, by Extend's clock in seconds since 1970; where it is not known, nothing is too
/// old to be ours.
pub fn judge(sent: &Value, first_attempt_at: Option<i64>, candidates: &[Candidate]) -> Finding {
    let mut ours = Vec::new();
    let mut doubtful = Vec::new();
    for (index, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| !candidate.bound_to_other)
    {
        let age = match (candidate.changed_at, first_attempt_at) {
            (Some(changed), Some(first)) => first - changed,
            _ => 0,
        };
        let same = candidate.changed_at.is_some() && is_same(sent, &candidate.record);
        match (same, age) {
            (true, ..=SLACK_SECONDS) => ours.push(index),
            (true, ..=DOUBTFUL_SECONDS) | (false, ..=SLACK_SECONDS) => doubtful.push(index),
            // Older than our first attempt: not ours.
            _ => {}
        }
    }
    match (&ours[..], &doubtful[..]) {
        ([], []) => Finding::NotFound,
        ([one], []) => Finding::Found(*one),
        _ => Finding::LookAlike(
            ours.iter().chain(&doubtful).map(|index| candidates[*index].number.clone()).collect(),
        ),
    }
}

/// Same customer, and every product that was sent is there. A return that names an order leaves
/// customer and products to Extend: there the order must be the same.
fn is_same(sent: &Value, record: &Value) -> bool {
    let header = if sent.get("createAction").is_some() { "header" } else { "orderHeader" };
    let same_customer = match text_at(sent, &[header, "customerNumber"]) {
        Some(customer) => text_at(record, &[header, "customerNumber"]) == Some(customer),
        None => true,
    };
    let same_order = match text_at(sent, &["createAction", "orderNumber"]) {
        Some(order) => {
            text_at(record, &["header", "referenceOrderNumber"]).is_none_or(|named| named == order)
        }
        None => true,
    };
    let (wanted, there) = (products(sent), products(record));
    same_customer && same_order && wanted.iter().all(|product| there.contains(product))
}

fn products(document: &Value) -> Vec<&str> {
    let rows = document.get("orderRows").or_else(|| document.get("rows"));
    let rows = rows.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    rows.iter()
        .filter_map(|row| {
            text_at(row, &["product", "productNumber"]).or_else(|| text_at(row, &["productNumber"]))
        })
        .collect()
}

/// How an unresolved attempt stands, since the process began or the attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// When the attempt ended, or this process began.
    pub since: Duration,
    /// Look-ups that found nothing.
    pub not_found: u32,
    /// Look-ups in a row that failed.
    pub failed: u32,
    /// When the next look-up is due.
    pub next_at: Duration,
}

/// Look-ups that must find nothing before it is believed.
pub const LOOKUPS_NEEDED: u32 = 2;

impl Doubt {
    /// Just begun: the first look-up is due at once.
    pub fn new(now: Duration) -> Doubt {
        Doubt { since: now, not_found: 0, failed: 0, next_at: now }
    }

    /// After a look-up that was asked at `asked_at` and found nothing. True: it is believed, the item may
    /// be sent again. When the answer came does not count: it may have been long on its way, and tells of
    /// the time before.
    pub fn after_not_found(&mut self, asked_at: Duration, now: Duration, grace: Duration) -> bool {
        self.not_found += 1;
        self.failed = 0;
        if self.not_found >= LOOKUPS_NEEDED && asked_at >= self.since + grace {
            return true;
        }
        // The last look-up that counts is one made after the grace time.
        let half = grace / 2;
        let next = if now < self.since + half { self.since + half } else { self.since + grace };
        self.next_at = next.max(now + Duration::from_millis(200));
        false
    }

    /// After a look-up that failed: nothing was learned. `pause` tells how long to wait after so many in a row.
    pub fn after_failure(&mut self, now: Duration, pause: impl FnOnce(u32) -> Duration) {
        self.failed = self.failed.saturating_add(1);
        self.next_at = now + pause(self.failed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use serde_json::json;

    fn order(customer: &str, products: &[&str]) -> Value {
        let rows: Vec<Value> = products.iter().map(|p| json!({"product": {"productNumber": p}})).collect();
        json!({"orderHeader": {"customerNumber": customer}, "orderRows": rows})
    }

    fn candidate(number: &str, changed_at: Option<i64>, record: Value) -> Candidate {
        Candidate { number: number.into(), changed_at, record, bound_to_other: false }
    }

    fn check(candidates: &[Candidate], expected: Finding) {
        assert_eq!(judge(&order("C", &["A", "B"]), Some(1000), candidates), expected, "{candidates:?}");
    }

    #[test]
    fn found_means_exactly_one_of_ours() {
        let ours = || candidate("OC-1", Some(1000), order("C", &["B", "A"]));
        check(&[], Finding::NotFound);
        check(&[ours()], Finding::Found(0));
        check(&[candidate("OC-0", Some(1000 - 4000), order("C", &["A", "B"]))], Finding::NotFound);
        check(
            &[candidate("OC-0", Some(900), order("C", &["A", "B"]))],
            Finding::LookAlike(vec!["OC-0".into()]),
        );
        check(&[candidate("OC-0", Some(900), order("D", &["A", "B"]))], Finding::NotFound);
        check(&[candidate("OC-0", Some(900), order("C", &["A"])), ours()], Finding::Found(1));
        check(&[ours(), ours()], Finding::LookAlike(vec!["OC-1".into(), "OC-1".into()]));
        check(
            &[candidate("OC-2", Some(1000), order("D", &["A", "B"]))],
            Finding::LookAlike(vec!["OC-2".into()]),
        );
        check(&[candidate("OC-2", Some(1000), order("C", &["A"]))], Finding::LookAlike(vec!["OC-2".into()]));
        check(&[candidate("OC-2", None, order("C", &["A", "B"]))], Finding::LookAlike(vec!["OC-2".into()]));
        check(&[Candidate { bound_to_other: true, ..ours() }], Finding::NotFound);
    }

    #[test]
    fn not_found_is_believed_only_after_two_look_ups_and_the_grace_time() {
        let grace = Duration::from_secs(60);
        let mut doubt = Doubt::new(Duration::from_secs(100));
        let mut believed_at = None;
        for _ in 0..10 {
            let now = doubt.next_at;
            if doubt.after_not_found(now, now, grace) {
                believed_at = Some(now);
                break;
            }
        }
        assert_eq!(believed_at, Some(Duration::from_secs(160)));
        let mut doubt = Doubt::new(Duration::ZERO);
        let at = Duration::from_secs;
        assert!(!doubt.after_not_found(at(500), at(500), grace), "one look-up is not enough");
        assert!(!doubt.after_not_found(at(59), at(501), grace), "asked within the grace time");
        assert!(doubt.after_not_found(at(502), at(502), grace));
    }

    proptest! {
        /// However long answers take, in whatever order look-ups fail and find nothing: an item is sent again only
        /// after two look-ups that found nothing, the last of them asked when the grace time was over.
        #[test]
        fn nothing_is_believed_early(
            steps in proptest::collection::vec((0u64..90, 0u64..90, any::<bool>()), 1..40),
            began in 0u64..1000,
            grace in 0u64..120,
        ) {
            let (since, grace) = (Duration::from_secs(began), Duration::from_secs(grace));
            let (mut now, mut doubt, mut not_found) = (since, Doubt::new(since), 0);
            for (pause, took, fails) in steps {
                let asked_at = now + Duration::from_secs(pause);
                now = asked_at + Duration::from_secs(took);
                if fails {
                    doubt.after_failure(now, |_| Duration::from_secs(5));
                } else {
                    not_found += 1;
                    let believed = doubt.after_not_found(asked_at, now, grace);
                    prop_assert_eq!(believed, not_found >= 2 && asked_at >= since + grace);
                    if believed {
                        return Ok(());
                    }
                }
                prop_assert!(doubt.next_at > now, "asked again without a pause");
                prop_assert!(doubt.next_at <= now.max(since + grace) + Duration::from_secs(5), "never asked again");
            }
        }

        /// Whoever looks when it is time is done soon after the grace time.
        #[test]
        fn who_asks_in_time_is_answered_in_time(grace in 0u64..600, took in 0u64..30) {
            let (grace, took) = (Duration::from_secs(grace), Duration::from_secs(took));
            let mut doubt = Doubt::new(Duration::ZERO);
            let believed = (0..5).find_map(|_| {
                let asked_at = doubt.next_at;
                doubt.after_not_found(asked_at, asked_at + took, grace).then_some(asked_at)
            });
            prop_assert!(believed.is_some_and(|at| at <= grace + took * 2 + Duration::from_secs(1)), "{believed:?}");
        }

        /// What Extend shows more never makes us more certain that an order is not there, and in which order it
        /// shows them does not matter.
        #[test]
        fn more_to_see_is_never_less_found(
            shown in proptest::collection::vec(
                (proptest::option::of(-5000i64..5000), any::<bool>(), any::<bool>()), 0..5,
            ),
        ) {
            let all: Vec<Candidate> = shown
                .iter()
                .enumerate()
                .map(|(at, (age, same, bound_to_other))| Candidate {
                    number: format!("OC-{at}"),
                    changed_at: age.map(|age| 10_000 - age),
                    record: order(if *same { "C" } else { "D" }, &["A"]),
                    bound_to_other: *bound_to_other,
                })
                .collect();
            let sent = order("C", &["A"]);
            let judged = |candidates: &[Candidate]| judge(&sent, Some(10_000), candidates);
            let finding = judged(&all);
            if let Finding::Found(at) = finding {
                prop_assert!(!all[at].bound_to_other && all[at].changed_at.is_some());
            }
            for fewer in 0..all.len() {
                if judged(&all[..fewer]) != Finding::NotFound {
                    prop_assert_ne!(&finding, &Finding::NotFound);
                }
            }
            let turned: Vec<Candidate> = all.iter().rev().cloned().collect();
            let number = |finding: Finding, of: &[Candidate]| match finding {
                Finding::Found(at) => vec![of[at].number.clone()],
                Finding::NotFound => Vec::new(),
                Finding::LookAlike(mut numbers) => {
                    numbers.sort_unstable();
                    numbers.push("look alike".into());
                    numbers
                }
            };
            prop_assert_eq!(number(judged(&turned), &turned), number(finding, &all));
        }
    }
}
