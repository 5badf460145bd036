//! Units: codes of UN/ECE Recommendation 20 (and 21, with X before them) to the words that shops use in Extend.

use super::Making;
use super::problem::Wrong;

/// Codes that count pieces.
const PIECES: [&str; 6] = ["C62", "EA", "H87", "NAR", "NMB", "PCE"];

/// What shops call a piece in Extend.
const PIECE_UNITS: [&str; 9] = ["stk", "st", "styck", "stck", "pcs", "pce", "ea", "each", "unit"];

/// What each other code is, where the settings do not say it.
const UNITS: &[(&str, &str)] = &[
    ("KGM", "Kg"),
    ("GRM", "g"),
    ("TNE", "Ton"),
    ("LTR", "L"),
    ("MLT", "ml"),
    ("MTR", "m"),
    ("CMT", "cm"),
    ("MMT", "mm"),
    ("MTK", "m2"),
    ("MTQ", "m3"),
    ("HUR", "Tim"),
    ("DAY", "Dag"),
    ("MON", "Mån"),
    ("PR", "Par"),
    ("NPR", "Par"),
    ("SET", "Set"),
    ("BX", "FRP"),
    ("XBX", "FRP"),
    ("PK", "FRP"),
    ("XPK", "FRP"),
    ("CT", "Krt"),
    ("XCT", "Krt"),
    ("RO", "Rul"),
    ("XRO", "Rul"),
    ("PF", "Pall"),
    ("XPF", "Pall"),
    ("XPX", "Pall"),
];

impl Making<'_> {
    /// Extend's unit of a quantity of a product. Pieces are called as the product is counted, where the mirror
    /// knows that.
    pub(super) fn unit(
        &mut self,
        code: Option<&str>,
        product: Option<&str>,
        field: &str,
        line: u64,
    ) -> Option<String> {
        let own = product.and_then(|product| self.known.products.get(product)).and_then(Option::as_deref);
        let Some(code) = code else {
            if own.is_none() {
                self.note(Wrong::Missing, &format!("{field}/@unitCode"), line);
            }
            return own.map(str::to_owned);
        };
        if let Some(unit) = self.mapping.units.get(code) {
            return Some(unit.clone());
        }
        if PIECES.contains(&code) {
            let counted = own.filter(|unit| PIECE_UNITS.contains(&unit.to_lowercase().as_str()));
            return Some(counted.unwrap_or("Stk").to_owned());
        }
        // A shop may use the codes themselves.
        let named = UNITS.iter().find(|(known, _)| *known == code).map(|(_, unit)| *unit);
        let unit = own.filter(|own| own.eq_ignore_ascii_case(code)).or(named);
        if unit.is_none() {
            self.note(Wrong::UnknownUnit { code: code.to_owned() }, field, line);
        }
        unit.map(str::to_owned)
    }
}
