//! What a list of everything did not show: gone, or only moved to a page that had been read already.
//!
//! Nothing is taken away on the word of one list. What it did not show is asked for again: by its number,
//! or, where that would take more requests than the list, by reading the whole list once more.

use super::mirror::Entity;

/// Whether what a whole full list did not show may be taken for gone.
///
/// `before` is how many records the mirror had, `seen` how many the list showed. A list that is
/// suddenly empty, or a tenth of what it was, says more about the service than about the shop.
pub fn removal_is_plausible(before: usize, seen: usize) -> bool {
    before == 0 || (seen > 0 && seen > before / 10)
}

/// How to make sure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The list showed everything.
    None,
    /// Lists that are narrowed to these numbers, one list for each group.
    Ask(Vec<Vec<String>>),
    /// The whole list once more.
    ReadAgain,
}

/// Numbers that one list may be narrowed to (documented: `productNumberList` takes 10; the others one).
fn together(entity: Entity) -> usize {
    if entity == Entity::Prices { 10 } else { 1 }
}

/// How to make sure of what a list of `pages` pages did not show. `numbers` may name one twice.
pub fn doubt(entity: Entity, mut numbers: Vec<String>, pages: u32) -> Doubt {
    numbers.sort_unstable();
    numbers.dedup();
    let groups: Vec<Vec<String>> = numbers.chunks(together(entity)).map(<[String]>::to_vec).collect();
    match groups.len() {
        0 => Doubt::None,
        requests if requests > pages.max(3) as usize => Doubt::ReadAgain,
        _ => Doubt::Ask(groups),
    }
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

    #[test]
    fn what_is_cheaper_makes_sure() {
        let numbers = |count: usize| (0..count).map(|number| format!("P{number:03}")).collect::<Vec<_>>();
        assert_eq!(doubt(Entity::Products, Vec::new(), 9), Doubt::None);
        let twice = vec!["B".to_owned(), "A".to_owned(), "B".to_owned()];
        let each = vec![vec!["A".to_owned()], vec!["B".to_owned()]];
        assert_eq!(doubt(Entity::Balances, twice, 1), Doubt::Ask(each));
        assert_eq!(doubt(Entity::Customers, numbers(10), 9), Doubt::ReadAgain);
        let Doubt::Ask(groups) = doubt(Entity::Prices, numbers(11), 9) else {
            panic!("eleven are two lists")
        };
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [10, 1]);
    }
}
