//! Names of the files in `outgoing/`, which must hold on Linux, macOS and Windows alike.
//!
//! Names that differ only in upper and lower case are one file on Windows and macOS: two orders `W-1`
//! and `w-1` share a file there. The body says which of them it is.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The longest name, in bytes. File systems take 255; the agent writes a longer name beside it first.
const LONGEST: usize = 230;

/// The file of a set of changes: `000000000042-balances.json`.
pub fn change_file_name(sequence: u64, entity: &str) -> String {
    format!("{sequence:012}-{entity}.json")
}

/// The number in the name of such a file; `None` for any other name.
pub fn read_change_file_name(name: &str) -> Option<u64> {
    let (digits, entity) = name.strip_suffix(".json")?.split_once('-')?;
    let number = digits.parse().ok()?;
    (change_file_name(number, entity) == name).then_some(number)
}

/// The file of an order: its key with what a file name can't hold as `%XX`, each byte of UTF-8 by
/// itself, and `.json`.
///
/// Written so are control characters, `<>:"/\|?*%`, a dot at either end, a space at either end, and the
/// first letter of a name that Windows keeps for devices (`CON`, `LPT1`). A key that is too long is cut
/// and ends in `~` and 16 hex digits of its SHA-256.
pub fn order_file_name(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 5);
    let last = key.chars().count().saturating_sub(1);
    let reserved = is_reserved(key);
    for (place, letter) in key.chars().enumerate() {
        let at_an_end = (place == 0 || place == last) && matches!(letter, '.' | ' ');
        if letter.is_control()
            || at_an_end
            || (place == 0 && reserved)
            || matches!(letter, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' | '%')
        {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                // Writing to a String can't fail.
                let _ = write!(name, "%{byte:02X}");
            }
        } else {
            name.push(letter);
        }
    }
    if name.len() + ".json".len() > LONGEST {
        name = shorten(&name, key);
    }
    name.push_str(".json");
    name
}

fn shorten(name: &str, key: &str) -> String {
    let mut short = String::new();
    let mut rest = name;
    // Whole letters and whole %XX only.
    while let Some(letter) = rest.chars().next() {
        let length = if letter == '%' { 3 } else { letter.len_utf8() };
        if short.len() + length > LONGEST - ".json".len() - 17 {
            break;
        }
        short.push_str(rest.get(..length).unwrap_or(rest));
        rest = rest.get(length..).unwrap_or_default();
    }
    short.push('~');
    for byte in &Sha256::digest(key.as_bytes())[..8] {
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// Names that Windows keeps for devices, whatever follows a dot.
fn is_reserved(key: &str) -> bool {
    let stem = key.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered.is_some_and(|rest| {
            let mut letters = rest.chars();
            letters.next().is_some_and(|letter| letter.is_ascii_digit() || matches!(letter, '¹' | '²' | '³'))
                && letters.next().is_none()
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        assert_eq!(change_file_name(42, "balances"), "000000000042-balances.json");
        assert_eq!(read_change_file_name("000000000042-balances.json"), Some(42));
        for other in
            ["42-balances.json", "000000000042-balances.csv", ".000000000042-balances.json", "a-b.json", ""]
        {
            assert_eq!(read_change_file_name(other), None, "{other}");
        }
        for (key, name) in [
            ("W-1001", "W-1001.json"),
            ("Åsa 7", "Åsa 7.json"),
            ("a/b\\c:d", "a%2Fb%5Cc%3Ad.json"),
            ("100%", "100%25.json"),
            ("tab\there", "tab%09here.json"),
            ("\u{85}", "%C2%85.json"),
            ("..", "%2E%2E.json"),
            (".hidden", "%2Ehidden.json"),
            ("a.b.", "a.b%2E.json"),
            (" a ", "%20a%20.json"),
            ("CON", "%43ON.json"),
            ("con.x", "%63on.x.json"),
            ("LPT1", "%4CPT1.json"),
            ("COM10", "COM10.json"),
            ("CONE", "CONE.json"),
        ] {
            assert_eq!(order_file_name(key), name);
        }
    }

    #[test]
    fn long_keys_are_cut_and_stay_apart() {
        let one = order_file_name(&"å/".repeat(200));
        let other = order_file_name(&format!("{}x", "å/".repeat(200)));
        assert!(one.len() <= LONGEST && one != other);
        assert!(!one.contains("%2~") && !one.contains("%~"), "{one}");
    }

    proptest! {
        #[test]
        fn any_key_has_a_name_that_holds(key in "(?s).{0,300}") {
            let name = order_file_name(&key);
            prop_assert!(name.len() <= LONGEST);
            let bad = |letter: char| letter.is_control() || "<>:\"/\\|?*".contains(letter);
            prop_assert!(!name.contains(bad));
            prop_assert!(!name.starts_with(' ') && (key.is_empty() || !name.starts_with('.')));
        }

        #[test]
        fn different_keys_have_different_names(one in ".{0,20}", other in ".{0,20}") {
            prop_assert_eq!(one == other, order_file_name(&one) == order_file_name(&other));
        }
    }
}
