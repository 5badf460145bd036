//! What an original that was taken over is now, when the database that knew it is gone.
//!
//! Two losses are possible and one rule stands against each. An order must not be lost: what no receipt
//! shows as ended is taken up again. None must be doubled: whatever is taken up again counts as sent
//! without an answer, so that it is looked up at Extend first; and of one key one item lives at the most.

use std::collections::HashSet;

use crate::rules::intake::{Known, Verdict, decide};

/// What a receipt says became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Extend has it and gave it a number.
    Delivered,
    /// Extend or the agent said no.
    Refused,
    /// It was called off.
    Cancelled,
    /// None of these: it waited, or was on its way.
    Open,
}

impl Ending {
    /// The ending that a receipt's `state` tells. One that is delivered has a number, or nobody knows.
    pub fn of(state: &str, has_number: bool) -> Ending {
        match state {
            "delivered" if has_number => Ending::Delivered,
            "refused" => Ending::Refused,
            "cancelled" => Ending::Cancelled,
            _ => Ending::Open,
        }
    }

    /// Whether it ended without coming to Extend.
    pub fn is_no(self) -> bool {
        matches!(self, Ending::Refused | Ending::Cancelled)
    }
}

/// The receipt that belongs to an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// What became of it.
    pub ending: Ending,
    /// Whether it repeats another.
    pub is_duplicate: bool,
}

/// The item that a key has so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// As intake sees it.
    pub known: Known,
    /// Whether nobody knows what became of it.
    pub unresolved: bool,
}

/// What an original becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// An item that ended as its receipt says.
    AsTold,
    /// An item that may be at Extend: looked up before it is sent. `ends` is an earlier one whose place it
    /// took, as otherwise it would not have been accepted.
    LookUp {
        /// That earlier item.
        ends: Option<i64>,
    },
    /// As [`Fate::AsTold`], and an earlier one whose place it took has ended.
    AsToldInPlaceOf {
        /// That earlier item.
        ends: i64,
    },
    /// It repeats this item.
    Duplicate {
        /// The first.
        of: i64,
    },
    /// Nobody can tell whether Extend has it: a person must say.
    AskPerson,
    /// A change that had not ended. How things stood before it is lost, so nobody can tell whether it was made:
    /// a person must say.
    Recovered,
}

/// Decides about a change or cancellation, which has no key.
pub fn fate_of_change(told: Option<Told>) -> Fate {
    match told {
        Some(Told { ending: Ending::Open, .. }) | None => Fate::Recovered,
        Some(_) => Fate::AsTold,
    }
}

/// What an item that a backup holds is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// What the backup says.
    AsBefore,
    /// What its receipt says, which is younger.
    AsTold,
    /// It may have been sent since: looked up before it is sent.
    LookUp,
    /// As [`Fate::Recovered`].
    Recovered,
}

/// Decides about an item that stood as `then` when the backup was made. `told` is what its receipt says.
pub fn since_backup(then: Ending, told: Option<Ending>, has_key: bool) -> Since {
    match (then, told) {
        (Ending::Delivered | Ending::Cancelled, _) | (Ending::Refused, None | Some(Ending::Refused)) => {
            Since::AsBefore
        }
        (_, Some(Ending::Delivered | Ending::Refused | Ending::Cancelled)) => Since::AsTold,
        // It waited, or a person tried it again.
        (_, None | Some(Ending::Open)) if has_key => Since::LookUp,
        (_, None | Some(Ending::Open)) => Since::Recovered,
    }
}

/// Decides. `unsure` says that neither its receipt nor its name can be told for certain while its number
/// hangs on them.
pub fn fate(
    key: &str,
    made: bool,
    content_hash: &str,
    earlier: Option<&Earlier>,
    told: Option<Told>,
    unsure: bool,
) -> Fate {
    let alone = match told {
        Some(Told { ending: Ending::Open, .. }) => Fate::LookUp { ends: None },
        Some(_) => Fate::AsTold,
        None if unsure => Fate::AskPerson,
        None => Fate::LookUp { ends: None },
    };
    let Some(earlier) = earlier else { return alone };
    if let Some(Told { is_duplicate: true, .. }) = told {
        return Fate::Duplicate { of: earlier.known.id };
    }
    let same = match decide(key, made, content_hash, Some(&earlier.known)) {
        Verdict::Accept => return alone,
        Verdict::Duplicate { .. } => true,
        Verdict::Reject(_) => made,
    };
    match (told, same, earlier.unresolved) {
        // The same again, and no receipt calls it an item of its own.
        (None, true, _) => Fate::Duplicate { of: earlier.known.id },
        // Both were accepted, so the earlier one had ended by then.
        (Some(Told { ending: Ending::Open, .. }), _, true) | (None, false, true) => {
            Fate::LookUp { ends: Some(earlier.known.id) }
        }
        (Some(_), _, true) => Fate::AsToldInPlaceOf { ends: earlier.known.id },
        (Some(_), true, false) => Fate::Duplicate { of: earlier.known.id },
        // Two of one number, and both are said to be at Extend, or may be.
        (_, false, false) => Fate::AskPerson,
    }
}

/// As [`fate`], for one of several documents of a file that has no receipt any more: it may have been rejected
/// for its key, so nobody can tell that an earlier one had ended.
pub fn fate_of_one_of_several(fate: Fate, told: Option<Told>) -> Fate {
    match (fate, told) {
        (Fate::LookUp { ends: Some(_) }, None) => Fate::AskPerson,
        (fate, _) => fate,
    }
}

/// Which of `receipts` (in the order of their numbers, the plain one last) belongs to which of `originals`
/// (in the order of theirs), all of one name, key and day. `plain` says that the last receipt is the plain
/// one, `newest` that the last original is the newest of its name that day. Where some are missing only the
/// newest can be told for certain.
pub fn pair(originals: usize, receipts: usize, plain: bool, newest: bool) -> Vec<Option<usize>> {
    let mut pairs = vec![None; originals];
    if originals == receipts {
        return (0..receipts).map(Some).collect();
    }
    if plain
        && newest
        && receipts > 0
        && let Some(last) = pairs.last_mut()
    {
        *last = Some(receipts - 1);
    }
    pairs
}

/// Gives each document of a row in time its id: its receipt's where there is one, else the one after that
/// of the document before it where no receipt has it, else one that nobody had.
pub fn ids(told: &[Option<i64>], used: &mut HashSet<i64>, before: &mut i64, fresh: &mut i64) -> Vec<i64> {
    let mut ids = Vec::with_capacity(told.len());
    for told in told {
        let id = match told {
            Some(id) => *id,
            None if used.insert(*before + 1) => *before + 1,
            None => loop {
                *fresh += 1;
                // The one after the highest may have been given as the next of its neighbour.
                if used.insert(*fresh) {
                    break *fresh;
                }
            },
        };
        *before = id;
        ids.push(id);
    }
    ids
}

/// The number of a file of changes, by its name.
pub fn sequence_of_change(name: &str) -> Option<i64> {
    let (digits, _) = name.split_once('-')?;
    digits.parse().ok().filter(|number| is_sequence(*number))
}

/// The number that a snapshot shows, by its first bytes.
pub fn sequence_of_snapshot(head: &str) -> Option<i64> {
    let (_, rest) = head.split_once("\"sequence\":")?;
    let rest = rest.trim_start();
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok().filter(|number| is_sequence(*number))
}

/// A number that fits the names of the files.
fn is_sequence(number: i64) -> bool {
    (0..1_000_000_000_000).contains(&number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy)]
    enum Before {
        None,
        Unresolved,
        Ended,
        Delivered,
    }

    fn check(before: Before, same: bool, told: Option<(Ending, bool)>, expected: Fate) {
        let earlier = |ended, at_extend, unresolved| {
            let content_hash = if same { "h".into() } else { "other".into() };
            let (before_edits, source_file) = (Vec::new(), "first.json".into());
            let known = Known { id: 7, content_hash, before_edits, ended, at_extend, source_file };
            Earlier { known, unresolved }
        };
        let earlier = match before {
            Before::None => None,
            Before::Unresolved => Some(earlier(false, false, true)),
            Before::Ended => Some(earlier(true, false, false)),
            Before::Delivered => Some(earlier(false, true, false)),
        };
        let told = told.map(|(ending, is_duplicate)| Told { ending, is_duplicate });
        let fate = fate("K", false, "h", earlier.as_ref(), told, false);
        assert_eq!(fate, expected, "{same} {told:?}");
    }

    #[test]
    fn nothing_is_lost_and_of_one_key_one_lives() {
        use Before::{Delivered, Ended, None as First, Unresolved};
        let look_up = || Fate::LookUp { ends: None };
        let duplicate = || Fate::Duplicate { of: 7 };
        check(First, true, None, look_up());
        check(First, true, Some((Ending::Open, false)), look_up());
        check(First, true, Some((Ending::Delivered, false)), Fate::AsTold);
        check(First, true, Some((Ending::Refused, false)), Fate::AsTold);
        check(First, true, Some((Ending::Cancelled, false)), Fate::AsTold);
        // The first's original is gone: its duplicate stands for it.
        check(First, true, Some((Ending::Delivered, true)), Fate::AsTold);
        check(Ended, true, None, look_up());
        check(Ended, false, Some((Ending::Open, false)), look_up());
        check(Ended, false, Some((Ending::Delivered, false)), Fate::AsTold);
        check(Delivered, true, None, duplicate());
        check(Delivered, true, Some((Ending::Delivered, true)), duplicate());
        check(Delivered, true, Some((Ending::Open, false)), duplicate());
        check(Delivered, false, None, Fate::AskPerson);
        check(Delivered, false, Some((Ending::Delivered, false)), Fate::AskPerson);
        // The newest of a key says whether it may come again: one that was refused must not hide that.
        check(Delivered, false, Some((Ending::Refused, false)), Fate::AskPerson);
        check(Delivered, true, Some((Ending::Refused, false)), duplicate());
        check(Unresolved, true, None, duplicate());
        check(Unresolved, true, Some((Ending::Open, true)), duplicate());
        check(Unresolved, false, None, Fate::LookUp { ends: Some(7) });
        check(Unresolved, true, Some((Ending::Open, false)), Fate::LookUp { ends: Some(7) });
        check(Unresolved, true, Some((Ending::Delivered, false)), Fate::AsToldInPlaceOf { ends: 7 });
        check(Unresolved, false, Some((Ending::Cancelled, false)), Fate::AsToldInPlaceOf { ends: 7 });
    }

    #[test]
    fn a_change_is_taken_up_by_a_person_only() {
        let told = |ending| Some(Told { ending, is_duplicate: false });
        assert_eq!(fate_of_change(None), Fate::Recovered);
        assert_eq!(fate_of_change(told(Ending::Open)), Fate::Recovered);
        assert_eq!(fate_of_change(told(Ending::Delivered)), Fate::AsTold);
        assert_eq!(fate_of_change(told(Ending::Cancelled)), Fate::AsTold);
    }

    #[test]
    fn what_a_backup_holds_is_as_its_receipt_says_and_looked_up_where_that_says_nothing() {
        use Ending::{Cancelled, Delivered, Open, Refused};
        for has_key in [true, false] {
            let unclear = if has_key { Since::LookUp } else { Since::Recovered };
            for (then, told, expected) in [
                (Delivered, None, Since::AsBefore),
                (Delivered, Some(Open), Since::AsBefore),
                (Cancelled, Some(Delivered), Since::AsBefore),
                (Refused, None, Since::AsBefore),
                (Refused, Some(Refused), Since::AsBefore),
                (Refused, Some(Delivered), Since::AsTold),
                (Refused, Some(Cancelled), Since::AsTold),
                (Refused, Some(Open), unclear),
                (Open, None, unclear),
                (Open, Some(Open), unclear),
                (Open, Some(Delivered), Since::AsTold),
                (Open, Some(Refused), Since::AsTold),
                (Open, Some(Cancelled), Since::AsTold),
            ] {
                assert_eq!(since_backup(then, told, has_key), expected, "{then:?} {told:?} {has_key}");
            }
        }
    }

    #[test]
    fn what_hangs_on_an_unsure_name_is_left_to_a_person() {
        assert_eq!(fate("K", true, "h", None, None, true), Fate::AskPerson);
        let told = Some(Told { ending: Ending::Open, is_duplicate: false });
        assert_eq!(fate("K", true, "h", None, told, true), Fate::LookUp { ends: None });
    }

    #[test]
    fn receipts_find_their_originals() {
        assert_eq!(pair(1, 1, true, true), [Some(0)]);
        assert_eq!(pair(2, 2, true, true), [Some(0), Some(1)]);
        // One is missing, and nobody can tell which of the older ones it was.
        assert_eq!(pair(3, 2, true, true), [None, None, Some(1)]);
        // The newest is missing: what is left may belong to any of the others, but not to it.
        assert_eq!(pair(3, 2, false, true), [None, None, None]);
        assert_eq!(pair(1, 0, false, true), [None]);
        assert_eq!(pair(0, 1, true, false), []);
    }

    #[test]
    fn ids_are_kept_and_gaps_filled() {
        let told = [Some(5), None, None, Some(7), None];
        let mut used: HashSet<i64> = [5, 7].into();
        let (mut before, mut fresh) = (0, 7);
        assert_eq!(ids(&told, &mut used, &mut before, &mut fresh), [5, 6, 8, 7, 9]);
        let told = [Some(7), None, Some(6), None];
        let mut used: HashSet<i64> = [6, 7].into();
        let (mut before, mut fresh) = (0, 7);
        assert_eq!(ids(&told, &mut used, &mut before, &mut fresh), [7, 8, 6, 9], "8 is its neighbour's");
    }

    #[test]
    fn sequences_are_read_from_names_and_heads() {
        assert_eq!(sequence_of_change("000000000042-balances.json"), Some(42));
        assert_eq!(sequence_of_change(".x-balances.json"), None);
        assert_eq!(sequence_of_change("9999999999999-balances.json"), None);
        assert_eq!(sequence_of_snapshot("{\"entity\":\"balances\",\"sequence\":17,\"asOf\""), Some(17));
        assert_eq!(sequence_of_snapshot("{}"), None);
    }

    fn told() -> impl Strategy<Value = Option<Told>> {
        let ending = prop_oneof![
            Just(Ending::Delivered),
            Just(Ending::Refused),
            Just(Ending::Cancelled),
            Just(Ending::Open),
        ];
        proptest::option::of(
            (ending, any::<bool>()).prop_map(|(ending, is_duplicate)| Told { ending, is_duplicate }),
        )
    }

    /// What became of an item of one key while the outbox was built anew.
    #[derive(Debug, Clone, PartialEq)]
    enum Made {
        LookedUp,
        Delivered,
        ForPerson,
        Ended,
    }

    proptest! {
        /// Whatever originals of one key lie there and whatever their receipts say: of those that are looked up,
        /// and then perhaps sent, there is never more than one, and none beside one that is delivered; and what no
        /// receipt shows as ended is looked up, left to a person, or repeats one that is.
        #[test]
        fn of_one_key_one_lives_and_none_is_lost(
            originals in proptest::collection::vec((0u8..2, told(), any::<bool>()), 1..8),
            made in any::<bool>(),
        ) {
            let mut items: Vec<(Made, Known)> = Vec::new();
            for (content, told, unsure) in originals {
                let hash = format!("h{content}");
                let earlier = items.last().map(|(made, known)| Earlier {
                    known: known.clone(),
                    unresolved: *made == Made::LookedUp,
                });
                let new = match fate("K", made, &hash, earlier.as_ref(), told, unsure) {
                    Fate::Duplicate { of } => {
                        prop_assert_eq!(Some(of), earlier.map(|earlier| earlier.known.id));
                        continue;
                    }
                    Fate::LookUp { ends } => {
                        if let Some(ended) = items.last_mut().filter(|(_, known)| Some(known.id) == ends) {
                            ended.0 = Made::Ended;
                        }
                        Made::LookedUp
                    }
                    Fate::AskPerson => Made::ForPerson,
                    Fate::Recovered => return Err(TestCaseError::fail("that is for changes")),
                    as_told => {
                        if let Fate::AsToldInPlaceOf { ends } = as_told {
                            prop_assert_eq!(Some(ends), items.last().map(|(_, known)| known.id));
                            items.last_mut().expect("an earlier one").0 = Made::Ended;
                        }
                        match told.map(|told| told.ending) {
                            Some(Ending::Delivered) => Made::Delivered,
                            Some(Ending::Refused | Ending::Cancelled) => Made::Ended,
                            _ => return Err(TestCaseError::fail("lost: no receipt shows that it ended")),
                        }
                    }
                };
                let known = Known {
                    id: items.len() as i64,
                    content_hash: hash,
                    before_edits: Vec::new(),
                    ended: new == Made::Ended || new == Made::ForPerson,
                    // A person must say: until then it counts as being there.
                    at_extend: new == Made::Delivered || new == Made::ForPerson,
                    source_file: "f".into(),
                };
                items.push((new, known));
                let lives = |(made, _): &&(Made, Known)| matches!(made, Made::LookedUp | Made::Delivered);
                prop_assert!(items.iter().filter(lives).count() <= 1, "{items:?}");
            }
        }

        /// No receipt is given to two originals, and their orders agree.
        #[test]
        fn a_receipt_is_one_original_s(
            originals in 0usize..8, receipts in 0usize..8, plain in any::<bool>(), newest in any::<bool>(),
        ) {
            let pairs = pair(originals, receipts, plain, newest);
            prop_assert_eq!(pairs.len(), originals);
            let given: Vec<usize> = pairs.into_iter().flatten().collect();
            prop_assert!(given.windows(2).all(|two| two[0] < two[1]));
            prop_assert!(given.iter().all(|receipt| *receipt < receipts));
        }

        /// Ids that are told stay, and no other is given twice.
        #[test]
        fn an_id_is_one_document_s(
            told in proptest::collection::vec(proptest::option::of(1i64..40), 0..20),
            others in proptest::collection::hash_set(1i64..40, 0..10),
        ) {
            let mut used: HashSet<i64> = told.iter().flatten().copied().chain(others.iter().copied()).collect();
            let (mut before, mut fresh) = (0, used.iter().copied().max().unwrap_or(0));
            let given = ids(&told, &mut used, &mut before, &mut fresh);
            let mut made = HashSet::new();
            for (told, given) in told.iter().zip(&given) {
                match told {
                    Some(told) => prop_assert_eq!(told, given),
                    None => prop_assert!(made.insert(*given) && !others.contains(given), "{given} came twice"),
                }
            }
            prop_assert!(told.iter().flatten().all(|told| !made.contains(told)));
        }
    }
}
