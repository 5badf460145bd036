//! Which column of a shop's file makes which field: `[csv.NAME]` of the settings.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// How the text of a file is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with a byte-order mark or without.
    Utf8,
    /// UTF-16, little-endian where no byte-order mark says otherwise.
    Utf16,
    /// What Windows programs of western Europe write.
    Windows1252,
}

/// The article of a row that the agent adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Its number at Extend.
    pub product: String,
    /// Its unit.
    pub unit: String,
    /// Its VAT; `None` where it is that of the order's first row.
    pub vat_percent: Option<Decimal>,
}

/// `[csv.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its name.
    pub name: String,
    /// Files that it is for: a name with `*` and `?`.
    pub pattern: String,
    /// `None`: found.
    pub encoding: Option<Encoding>,
    /// `None`: found.
    pub delimiter: Option<u8>,
    /// `.` or `,`.
    pub decimal: char,
    /// As strftime writes them.
    pub dates: Vec<String>,
    /// Of times that name none.
    pub utc_offset: jiff::tz::Offset,
    /// Whether a row without the order's number belongs to the order above it.
    pub first_row: bool,
    /// Whether prices, freight, fee and discount are with VAT.
    pub prices_with_vat: bool,
    /// Whether the total is with VAT.
    pub total_with_vat: bool,
    /// The total may be off the rows by this much.
    pub tolerance: Decimal,
    /// The columns of each field or amount; several are joined by a space.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Columns that need not be there.
    pub optional: Vec<String>,
    /// Fields that are always the same.
    pub constants: BTreeMap<String, String>,
    /// What a field is where its cell is empty.
    pub defaults: BTreeMap<String, String>,
    /// Where an order has no delivery address of its own, it is the invoice address.
    pub same_address: bool,
    /// Orders that are not sent: what stands in a column of theirs, see [`Words`].
    pub skip: BTreeMap<String, Words>,
    /// Orders that a person must see to.
    pub reject: BTreeMap<String, Words>,
    /// Rows that are no rows of an order.
    pub skip_rows: BTreeMap<String, Words>,
    /// What a cell's text means, by field.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// The article of freight.
    pub freight: Option<Article>,
    /// The article of a fee.
    pub fee: Option<Article>,
    /// The article of a discount.
    pub discount: Option<Article>,
    /// The article of what rounding leaves.
    pub round: Option<Article>,
}

/// Texts of a cell, upper and lower case alike. `*` is anything but nothing and zero.
pub type Words = Vec<String>;

impl Encoding {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf16 => "utf-16",
            Encoding::Windows1252 => "windows-1252",
        }
    }
}

/// The mapping for a file of this name: the first that fits.
pub fn mapping_for<'m>(mappings: &'m [Mapping], name: &str) -> Option<&'m Mapping> {
    mappings.iter().find(|mapping| mapping.is_for(name))
}

impl Mapping {
    /// Whether it is for a file of this name. Upper and lower case are one, as on Windows.
    pub fn is_for(&self, name: &str) -> bool {
        let pattern: Vec<char> = self.pattern.to_lowercase().chars().collect();
        let name: Vec<char> = name.to_lowercase().chars().collect();
        matches(&pattern, &name)
    }

    /// The columns of a field, as a person reads them.
    pub fn column_of(&self, field: &str) -> Option<String> {
        self.columns.get(field).map(|columns| columns.join(" + "))
    }
}

fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut of) = (0, 0);
    // Where the last star stood, and what it had taken by then.
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[of] => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((starred, taken)) = star else { return false };
                star = Some((starred, taken + 1));
                (at, of) = (starred + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}
