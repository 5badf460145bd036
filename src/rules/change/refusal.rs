//! Why a change can't be made, in words.

use crate::language::Language;

/// Why a change can't be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The order is not at Extend any more.
    OrderGone,
    /// It has no such row.
    NoSuchRow {
        /// Its place.
        position: i64,
        /// Its place within that.
        sub_position: i64,
    },
    /// The row was made by Extend out of a bill of materials.
    ChildRow {
        /// Its place.
        position: i64,
        /// The row that it belongs to.
        parent: i64,
    },
    /// The customer is there, and the settings do not let us change customers.
    CustomerExists,
}

impl Refusal {
    /// The word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::OrderGone => "not_found",
            Refusal::NoSuchRow { .. } => "unknown_row",
            Refusal::ChildRow { .. } => "child_row",
            Refusal::CustomerExists => "customer_exists",
        }
    }

    /// The sentence for people. `number` is Extend's number of the order or customer.
    pub fn message(&self, number: &str, language: Language) -> String {
        match self {
            Refusal::OrderGone => language.pick(
                format!("Extend has no order {number} any more. Cancel this item."),
                format!("Extend har inte längre någon order {number}. Avbryt (cancel) denna post."),
            ),
            Refusal::NoSuchRow { position, sub_position } => language.pick(
                format!(
                    "order {number} has no row {position}/{sub_position} at Extend. Look up the row's position \
                     there, correct it with «outbox edit», or cancel this item."
                ),
                format!(
                    "order {number} har ingen rad {position}/{sub_position} i Extend. Sök upp radens position \
                     där, rätta med «outbox edit» eller avbryt (cancel) denna post."
                ),
            ),
            Refusal::ChildRow { position, parent } => language.pick(
                format!(
                    "row {position} of order {number} is a part of row {parent} (a bill of materials) and can't \
                     be cancelled alone. Cancel row {parent}."
                ),
                format!(
                    "rad {position} i order {number} är en del av rad {parent} (en strukturartikel) och kan inte \
                     avbrytas ensam. Avbryt rad {parent}."
                ),
            ),
            Refusal::CustomerExists => language.pick(
                format!(
                    "Extend already has a customer {number}. If the webshop may change customers, set update = \
                     true under [customers] and retry; else cancel this item."
                ),
                format!(
                    "Extend har redan en kund {number}. Får webbshoppen ändra kunder, sätt update = true under \
                     [customers] och försök igen (retry); annars avbryt (cancel) denna post."
                ),
            ),
        }
    }
}
