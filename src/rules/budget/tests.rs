use super::*;
use proptest::prelude::*;

const START: Duration = Duration::ZERO;

fn taken(budget: &mut Budget, class: Class, group: Group, now: Duration) -> usize {
    (0..1000).take_while(|_| budget.take(class, group, now).is_ok()).count()
}

#[test]
fn each_class_leaves_something_to_those_before_it() {
    let mut budget = Budget::new(300, START);
    let counts = [Class::Fill, Class::Changes, Class::Webhooks, Class::Orders]
        .map(|class| taken(&mut budget, class, Group::Standard, START));
    assert_eq!(counts, [38, 8, 8, 5], "nothing is left of 60 but parts of one");
}

#[test]
fn a_busy_class_starves_nobody() {
    let mut budget = Budget::new(300, START);
    let mut counts = [0; 4];
    for second in 0..600 {
        for class in Class::ALL {
            counts[class as usize] += taken(&mut budget, class, Group::Standard, Duration::from_secs(second));
        }
    }
    let flow = 240 * 10;
    assert!(counts[0] > flow * 85 / 100, "orders come first: {counts:?}");
    assert!(counts[1] > flow * 4 / 100 && counts[2] > flow * 4 / 100, "{counts:?}");
    assert!(counts[3] > flow / 100, "{counts:?}");
}

#[test]
fn groups_are_counted_apart_and_together() {
    let mut budget = Budget::new(300, START);
    assert_eq!(taken(&mut budget, Class::Orders, Group::Low, START), 9, "a fifth, until Extend tells");
    budget.after_too_many(Group::Standard, Some(Duration::from_secs(60)), START);
    assert!(budget.take(Class::Orders, Group::Standard, START).is_err());
    let high = taken(&mut budget, Class::Orders, Group::High, START);
    assert_eq!(high, 43, "all groups together have no more than one has");
}

#[test]
fn what_extend_says_is_obeyed() {
    let mut budget = Budget::new(300, START);
    let now = Duration::from_secs(10);
    let until_reset = Duration::from_secs(40);
    let said = |remaining| Limits { limit: Some(300), remaining: Some(remaining), reset: Some(1030) };
    for (remaining, open) in [(59, 3), (44, 2), (29, 1), (1, 1), (0, 0)] {
        budget.after_answer(Group::Standard, &said(remaining), Some(1000), now);
        for (place, class) in Class::ALL.into_iter().enumerate() {
            let expected = if place < open { Ok(()) } else { Err(until_reset) };
            assert_eq!(budget.take(class, Group::Standard, now), expected, "{class:?}, {remaining} left");
        }
    }
    assert_eq!(budget.take(Class::Orders, Group::High, now), Ok(()), "another group");
    let mut budget = Budget::new(300, START);
    let none = Limits { limit: Some(300), remaining: Some(0), reset: Some(900) };
    budget.after_answer(Group::Standard, &none, Some(1000), now);
    let later = Err(Duration::from_secs(11));
    assert_eq!(budget.take(Class::Orders, Group::Standard, now), later, "a reset in the past");
    budget.after_too_many(Group::Standard, Some(Duration::from_secs(7)), now);
    assert_eq!(budget.take(Class::Orders, Group::Standard, now), Err(Duration::from_secs(17)));
}

#[test]
fn a_limit_below_ours_lowers_ours_and_one_above_does_not_raise_it() {
    let mut budget = Budget::new(300, START);
    let said = |limit| Limits { limit: Some(limit), remaining: Some(limit), reset: None };
    budget.after_answer(Group::Standard, &said(60), None, START);
    assert_eq!(budget.flow(Group::Standard), 48.0);
    assert!(taken(&mut budget, Class::Orders, Group::Standard, START) <= 12);
    budget.after_answer(Group::Standard, &said(1000), None, START);
    assert_eq!(budget.flow(Group::Standard), 240.0);
    assert_eq!(taken(&mut budget, Class::Orders, Group::Standard, START), 0, "it comes with time");
    budget.after_answer(Group::Low, &said(100), None, START);
    assert_eq!(budget.flow(Group::Low), 80.0, "once it is told it counts");
}

#[test]
fn two_that_belong_together_are_had_together_or_not_at_all() {
    let mut budget = Budget::new(1, START);
    let two = |budget: &mut Budget, now| budget.take_together(Class::Orders, Group::Standard, 2, now);
    assert_eq!(two(&mut budget, START), Ok(()));
    budget.give_back(Group::Standard, 1);
    let at = two(&mut budget, START).unwrap_err();
    assert_eq!(at, Duration::from_secs(300), "one is missing, and one comes in five minutes");
    assert_eq!(two(&mut budget, at), Ok(()));
}

proptest! {
    #[test]
    fn no_minute_holds_more_than_the_limit(
        limit in 1u32..400,
        steps in proptest::collection::vec((0u64..2000, 0usize..4, 0usize..3, 1u32..3), 1..800),
    ) {
        let mut budget = Budget::new(limit, START);
        let mut now = START;
        let mut taken: Vec<Duration> = Vec::new();
        for (pause, class, group, together) in steps {
            now += Duration::from_millis(pause);
            let group = [Group::Low, Group::Standard, Group::High][group];
            while budget.take_together(Class::ALL[class], group, together, now).is_ok() {
                taken.extend((0..together).map(|_| now));
            }
        }
        for (index, from) in taken.iter().enumerate() {
            let within = taken[index..].iter().take_while(|at| **at < *from + Duration::from_secs(60)).count();
            prop_assert!(within <= limit.max(2) as usize, "{within} in a minute of {limit}");
        }
    }

    #[test]
    fn whoever_waits_as_told_is_served(limit in 1u32..400, class in 0usize..4, before in 0usize..500) {
        let mut budget = Budget::new(limit, START);
        let mut now = START;
        for _ in 0..before {
            let _ = budget.take(Class::Orders, Group::Standard, now);
        }
        for _ in 0..3 {
            match budget.take(Class::ALL[class], Group::Standard, now) {
                Ok(()) => return Ok(()),
                Err(at) => {
                    prop_assert!(at > now);
                    now = at;
                }
            }
        }
        prop_assert!(false, "told three times to wait, until {now:?}");
    }
}
