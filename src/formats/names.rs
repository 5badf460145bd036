//! The names of files that the agent writes.

use super::canonical;

/// The longest file name that every file system takes, in bytes.
const LONGEST: usize = 255;

/// What stands behind a name's last dot is its ending, where it is no longer than this, in bytes. Numbers stand
/// before it.
const LONGEST_ENDING: usize = 32;

/// The name and its ending, which begins with a dot or is empty.
fn parted(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= LONGEST_ENDING => name.split_at(at),
        _ => (name, ""),
    }
}

/// `order.json` and 2 give `order~2.json`. The first has no number.
pub fn numbered(name: &str, number: u64) -> String {
    if number <= 1 {
        return fitted(name, "");
    }
    let (stem, ending) = parted(name);
    fitted(stem, &format!("~{number}{ending}"))
}

/// What [`numbered`] was made of, if it was: `order~2.json` gives `order.json` and 2. A shop may also have
/// dropped a file that is called so.
pub fn unnumbered(stored: &str) -> Option<(String, u64)> {
    let (stem, ending) = parted(stored);
    let (name, digits) = stem.rsplit_once('~')?;
    let number = digits.parse().ok().filter(|number| *number >= 1)?;
    (!name.is_empty() && !digits.starts_with(['0', '+'])).then(|| (format!("{name}{ending}"), number))
}

/// The receipt of a file's `arrival`-th coming, of `arrivals` in all. The newest has the plain name.
pub fn receipt(name: &str, arrival: u64, arrivals: u64) -> String {
    if arrival >= arrivals {
        return fitted(name, ".receipt.json");
    }
    let (stem, ending) = parted(name);
    fitted(stem, &format!("~{arrival}{ending}.receipt.json"))
}

/// `stem` and `ending` together, the stem cut and marked with a hash where the whole would be too
/// long for a file name.
pub fn fitted(stem: &str, ending: &str) -> String {
    if stem.len() + ending.len() <= LONGEST {
        return format!("{stem}{ending}");
    }
    let mark = &canonical::bytes_hash(stem.as_bytes())[..8];
    let mut room = LONGEST.saturating_sub(ending.len() + mark.len() + 1);
    while !stem.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}-{mark}{ending}", &stem[..room])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_before_the_ending() {
        assert_eq!(numbered("order.json", 1), "order.json");
        assert_eq!(numbered("order.json", 2), "order~2.json");
        assert_eq!(numbered("order", 3), "order~3");
        assert_eq!(receipt("order.json", 1, 1), "order.json.receipt.json");
        assert_eq!(receipt("order.json", 1, 2), "order~1.json.receipt.json");
        assert_eq!(receipt("order.json", 2, 2), "order.json.receipt.json");
    }

    #[test]
    fn numbers_are_found_again() {
        assert_eq!(unnumbered("order~2.json"), Some(("order.json".into(), 2)));
        assert_eq!(unnumbered("order~3"), Some(("order".into(), 3)));
        for name in ["order.json", "order~.json", "order~02.json", "~2.json", "order~x.json"] {
            assert_eq!(unnumbered(name), None, "{name}");
        }
    }

    #[test]
    fn long_names_still_fit_and_differ() {
        let long = "å".repeat(127);
        let other = format!("{}a", "å".repeat(126));
        assert!(receipt(&long, 1, 1).len() <= 255);
        assert_ne!(receipt(&long, 1, 1), receipt(&other, 1, 1));
        // A dot early in a long name begins no ending.
        let dotted = format!("a.{}", "x".repeat(250));
        for name in [numbered(&dotted, 2), receipt(&dotted, 1, 2)] {
            assert!(name.len() <= 255, "{name}");
        }
        let dotted = format!("a.{}", "x".repeat(100));
        assert_eq!(unnumbered(&numbered(&dotted, 2)), Some((dotted, 2)));
    }
}
