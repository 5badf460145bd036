//! What a list of everything did not show: gone, or only moved to a page that had been read already.
//!
//! Nothing is taken away on the word of a list, however often it says the same: a page that it leaves out is
//! left out the next time too. What it did not show is asked for by its number, or, where that is very much,
//! a sample of it.

use super::mirror::Entity;

/// Whether what a whole full list did not show may be taken for gone.
///
/// `before` is how many records the mirror had, `seen` how many the list showed. A list that is
/// suddenly empty, or a tenth of what it was, says more about the service than about the shop.
pub fn removal_is_plausible(before: usize, seen: usize) -> bool {
    before == 0 || (seen > 0 && seen > before / 10)
}

/// Requests that are spent at the most on asking for what a list did not show, where the list itself took
/// fewer: a few minutes of the budget, against a shop whose goods vanish.
const ASKED_FOR: usize = 1000;

/// How to make sure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The list showed everything.
    None,
    /// Lists that are narrowed to these numbers, one for each group.
    Ask {
        /// The numbers.
        groups: Vec<Vec<String>>,
        /// They are all that the list did not show. Else they are a sample, evenly spread: where any of it is
        /// there, the list is wrong and none of the others is believed to be gone.
        all: bool,
    },
}

/// Numbers that one list may be narrowed to (documented: `productNumberList` takes 10; the others one).
fn together(entity: Entity) -> usize {
    if entity == Entity::Prices { 10 } else { 1 }
}

/// How to make sure of what a list of `pages` pages did not show, where each group takes `lists` requests.
/// `numbers` may name one twice.
pub fn doubt(entity: Entity, mut numbers: Vec<String>, lists: usize, pages: u32) -> Doubt {
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() {
        return Doubt::None;
    }
    let most = ASKED_FOR.max(pages as usize) / lists.max(1) * together(entity);
    let count = numbers.len();
    if count > most {
        let mut place = 0;
        numbers.retain(|_| {
            place += 1;
            // The sample's next one begins here.
            place * most / count > (place - 1) * most / count
        });
    }
    let groups = numbers.chunks(together(entity)).map(<[String]>::to_vec).collect();
    Doubt::Ask { groups, all: count <= most }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_shrank_too_much_is_not_believed() {
        for (before, seen, plausible) in
            [(0, 0, true), (1, 0, false), (9, 1, true), (100, 10, false), (100, 11, true), (5, 9, true)]
        {
            assert_eq!(removal_is_plausible(before, seen), plausible, "{seen} of {before}");
        }
    }

    fn numbers(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("P{number:05}")).collect()
    }

    #[test]
    fn what_was_not_shown_is_asked_for_by_number() {
        assert_eq!(doubt(Entity::Products, Vec::new(), 1, 9), Doubt::None);
        let twice = vec!["B".to_owned(), "A".to_owned(), "B".to_owned()];
        let each = vec![vec!["A".to_owned()], vec!["B".to_owned()]];
        assert_eq!(doubt(Entity::Balances, twice, 3, 1), Doubt::Ask { groups: each, all: true });
        let Doubt::Ask { groups, all } = doubt(Entity::Prices, numbers(11), 1, 9) else {
            panic!("eleven are two lists")
        };
        assert_eq!((groups.iter().map(Vec::len).collect::<Vec<_>>(), all), (vec![10, 1], true));
    }

    #[test]
    fn of_very_many_a_sample_is_asked_for_that_is_spread_over_all_of_them() {
        for (count, lists, pages, asked) in [
            (1000, 1, 9, 1000),
            (1001, 1, 9, 1000),
            (50_000, 1, 9, 1000),
            (50_000, 2, 9, 500),
            (5000, 1, 3000, 3000),
        ] {
            let Doubt::Ask { groups, all } = doubt(Entity::Products, numbers(count), lists, pages) else {
                panic!("{count} are asked for")
            };
            assert_eq!((groups.len(), all), (asked, count <= asked), "{count}");
            let places: Vec<usize> = groups.iter().map(|group| group[0][1..].parse().unwrap()).collect();
            let widest = places.windows(2).map(|two| two[1] - two[0]).max().unwrap();
            assert!(widest <= count.div_ceil(asked), "{count}: a gap of {widest}");
        }
    }
}
