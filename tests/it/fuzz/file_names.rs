//! Names of files: from the webshop's to ours and back.

use extend_edge::formats::file_name::{change_file_name, order_file_name};
use extend_edge::formats::names::{numbered, receipt, unnumbered};
use extend_edge::rules::arrival::is_left_alone;
use extend_edge::rules::recover::{sequence_of_change, sequence_of_snapshot};
use percent_encoding::percent_decode_str;

/// The longest name that a file system takes, in bytes.
const LONGEST: usize = 255;

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    an_order_file_can_be_written_anywhere(&text);
    if (1..=LONGEST).contains(&text.len()) && !text.contains(['/', '\0']) {
        a_dropped_name_is_found_again(&text);
    }
    let _ = (sequence_of_change(&text), sequence_of_snapshot(&text), unnumbered(&text), is_left_alone(&text));
    let number =
        data.iter().take(5).fold(0, |number, byte| number << 8 | u64::from(*byte)) % 1_000_000_000_000;
    let name = change_file_name(number, "balances");
    assert_eq!(sequence_of_change(&name), i64::try_from(number).ok());
}

fn an_order_file_can_be_written_anywhere(key: &str) {
    let name = order_file_name(key);
    let stem = name.strip_suffix(".json").expect("it is JSON");
    // The agent writes a longer name beside it first.
    assert!(name.len() <= 230, "{name}");
    assert!(!name.contains(|letter: char| letter.is_control() || "<>:\"/\\|?*".contains(letter)), "{name}");
    assert!(!stem.starts_with(['.', ' ']) && !stem.ends_with(['.', ' ']), "{name}");
    let device = stem.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    assert!(!matches!(device.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"), "{name}");
    let numbered = device.strip_prefix("COM").or_else(|| device.strip_prefix("LPT")).unwrap_or_default();
    assert!(!["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "¹", "²", "³"].contains(&numbered), "{name}");
    if key.len() * 3 <= 225 {
        let back: Vec<u8> = percent_decode_str(stem).collect();
        assert_eq!(back, key.as_bytes(), "what is escaped comes back");
    }
}

fn a_dropped_name_is_found_again(name: &str) {
    assert_eq!(numbered(name, 1), name);
    let mut all = vec![name.to_owned(), receipt(name, 3, 3), receipt(name, 1, 3), receipt(name, 2, 3)];
    for number in [2, 3, 10, u64::MAX - 1] {
        let again = numbered(name, number);
        // Long names are cut, and tell no more what they were made of.
        if name.len() + "~18446744073709551614.receipt.json".len() <= LONGEST {
            let whole = Some((name.to_owned(), number));
            assert_eq!(unnumbered(&again), whole, "{again}");
            let earlier = receipt(name, number, u64::MAX);
            assert_eq!(earlier.strip_suffix(".receipt.json").and_then(unnumbered), whole, "{earlier}");
        }
        all.push(again);
    }
    for one in &all {
        assert!(one.len() <= LONGEST, "{} bytes: {one}", one.len());
        assert!(!one.contains(['/', '\0']), "{one}");
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "two files of one name: {all:?}");
}
