//! What is wrong with a UBL order.

use crate::language::Language;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It does not begin like XML.
    NotXml,
    /// XML breaks off its rules.
    Malformed {
        /// Where, or how.
        what: String,
    },
    /// What no order needs and an attack does.
    Forbidden {
        /// What it is.
        what: String,
    },
    /// More elements than any order has.
    TooManyElements,
    /// XML, but no UBL order.
    NotAnOrder {
        /// The name of its root element.
        root: String,
    },
    /// An element that must be there is not, or is empty.
    Missing,
    /// No number.
    NotANumber {
        /// What was there.
        found: String,
    },
    /// No date as UBL writes it.
    NotADate {
        /// What was there.
        found: String,
    },
    /// An amount in another currency than the order's.
    OtherCurrency {
        /// The amount's.
        own: String,
        /// The order's.
        order: String,
    },
    /// No customer is known for the buyer.
    UnknownBuyer {
        /// What the buyer is known by.
        identifiers: Vec<String>,
    },
    /// Several customers may be the buyer.
    AmbiguousBuyer {
        /// What the buyer is known by.
        identifiers: Vec<String>,
        /// Their numbers.
        customers: Vec<String>,
    },
    /// No product is known for the item.
    UnknownItem {
        /// Its numbers and its name.
        item: Vec<String>,
    },
    /// Several products have the item's number.
    AmbiguousItem {
        /// The number.
        item: String,
        /// Their numbers.
        products: Vec<String>,
    },
    /// A code for a unit that is not known.
    UnknownUnit {
        /// The code.
        code: String,
    },
    /// An allowance or charge, and no article to make a row of it.
    NoArticle {
        /// The key in the settings.
        key: &'static str,
        /// What it comes to.
        amount: String,
        /// What it is for.
        reason: Option<String>,
    },
    /// The lines do not add up to the total.
    TotalMismatch {
        /// The total in the file.
        total: String,
        /// What the lines come to.
        sum: String,
        /// What may lie between.
        tolerance: String,
    },
}

impl Wrong {
    /// The word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Wrong::NotXml | Wrong::Malformed { .. } => "invalid_xml",
            Wrong::Forbidden { .. } => "forbidden_xml",
            Wrong::TooManyElements => "too_large",
            Wrong::NotAnOrder { .. } => "unknown_document",
            Wrong::Missing => "missing_field",
            Wrong::NotANumber { .. } => "wrong_type",
            Wrong::NotADate { .. } => "not_a_date",
            Wrong::OtherCurrency { .. } => "other_currency",
            Wrong::UnknownBuyer { .. } => "unknown_buyer",
            Wrong::AmbiguousBuyer { .. } => "ambiguous_buyer",
            Wrong::UnknownItem { .. } => "unknown_item",
            Wrong::AmbiguousItem { .. } => "ambiguous_item",
            Wrong::UnknownUnit { .. } => "unknown_unit",
            Wrong::NoArticle { .. } => "no_article",
            Wrong::TotalMismatch { .. } => "total_mismatch",
        }
    }

    /// The sentence.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::Swedish => self.swedish(),
        }
    }

    fn english(&self) -> String {
        match self {
            Wrong::NotXml => "this is not XML. A file that ends in .xml must hold a UBL order.".into(),
            Wrong::Malformed { what } => {
                format!("this is not valid XML ({what}). Mend it there and drop the file again.")
            }
            Wrong::Forbidden { what } => format!(
                "here stands {what}, which no order needs and which is never followed. Let the sender leave it out."
            ),
            Wrong::TooManyElements => "there are more elements than in any order. Split it.".into(),
            Wrong::NotAnOrder { root } => {
                format!("this is XML, but no UBL 2.1 order: its root element is {root}.")
            }
            Wrong::Missing => {
                "this element is missing or empty, and an order needs it. Add it and drop the file again.".into()
            }
            Wrong::NotANumber { found } => {
                format!("here stands {found:?}, but it must be a number such as 12.50. Change it and drop the file again.")
            }
            Wrong::NotADate { found } => format!(
                "here stands {found:?}, but it must be a date such as 2026-11-25 or a time such as 14:30:00. Change it and \
                 drop the file again."
            ),
            Wrong::OtherCurrency { own, order } => format!(
                "this amount is in {own}, and the order in {order}. Extend's orders have one currency; let the buyer \
                 send one order for each."
            ),
            Wrong::UnknownBuyer { identifiers } if identifiers.is_empty() => {
                "the buyer is known by no number. Set customer under [ubl] in the settings, or let the buyer send an \
                 EndpointID."
                    .into()
            }
            Wrong::UnknownBuyer { identifiers } => format!(
                "no customer is known for this buyer ({}). Add one of these to customers under [ubl] in the settings, \
                 or give the customer that organisation number in Extend, and drop the file again.",
                identifiers.join(", ")
            ),
            Wrong::AmbiguousBuyer { identifiers, customers } => format!(
                "this buyer ({}) may be any of the customers {}. Say which one under customers under [ubl] in the \
                 settings and drop the file again.",
                identifiers.join(", "),
                customers.join(", ")
            ),
            Wrong::UnknownItem { item } if item.is_empty() => {
                "this item has neither a number nor a name. Let the buyer send one.".into()
            }
            Wrong::UnknownItem { item } => format!(
                "no product is known for this item ({}). Add one of these to items under [ubl] in the settings, or \
                 give the product that GTIN in Extend, and drop the file again.",
                item.join(", ")
            ),
            Wrong::AmbiguousItem { item, products } => format!(
                "several products have the number {item}: {}. Say which one under items under [ubl] in the settings \
                 and drop the file again.",
                products.join(", ")
            ),
            Wrong::UnknownUnit { code } => format!(
                "the unit {code} is not known. Say which unit of Extend it is under units under [ubl] in the settings, \
                 such as {{ {code} = \"Stk\" }}, and drop the file again."
            ),
            Wrong::NoArticle { key, amount, reason } => format!(
                "there is no article for this amount of {amount} ({}). Name one as {key} under [ubl] in the settings, \
                 such as {{ product = \"…\", unit = \"Stk\" }}, and drop the file again.",
                reason.as_deref().unwrap_or(key)
            ),
            Wrong::TotalMismatch { total, sum, tolerance } => format!(
                "the file says {total} without VAT, but it adds up to {sum}; {tolerance} may lie between (tolerance \
                 under [ubl]). Ask the buyer which is right."
            ),
        }
    }

    fn swedish(&self) -> String {
        match self {
            Wrong::NotXml => "detta är inte XML. En fil som slutar på .xml ska innehålla en UBL-order.".into(),
            Wrong::Malformed { what } => {
                format!("detta är inte giltig XML ({what}). Rätta det och lägg in filen igen.")
            }
            Wrong::Forbidden { what } => format!(
                "här står {what}, som ingen order behöver och som aldrig följs. Låt avsändaren utelämna det."
            ),
            Wrong::TooManyElements => "här finns fler element än i någon order. Dela den.".into(),
            Wrong::NotAnOrder { root } => {
                format!("detta är XML, men ingen UBL 2.1-order: rotelementet heter {root}.")
            }
            Wrong::Missing => {
                "elementet saknas eller är tomt, och en order behöver det. Lägg till det och lägg in filen igen.".into()
            }
            Wrong::NotANumber { found } => {
                format!("här står {found:?}, men det ska vara ett tal som 12.50. Ändra det och lägg in filen igen.")
            }
            Wrong::NotADate { found } => format!(
                "här står {found:?}, men det ska vara ett datum som 2026-11-25 eller en tid som 14:30:00. Ändra det och \
                 lägg in filen igen."
            ),
            Wrong::OtherCurrency { own, order } => format!(
                "beloppet är i {own}, och ordern i {order}. En order i Extend har en valuta; låt köparen sända en order \
                 för varje."
            ),
            Wrong::UnknownBuyer { identifiers } if identifiers.is_empty() => {
                "köparen har inget nummer. Ange customer under [ubl] i inställningarna, eller låt köparen sända ett \
                 EndpointID."
                    .into()
            }
            Wrong::UnknownBuyer { identifiers } => format!(
                "ingen kund är känd för denna köpare ({}). Lägg till något av dem i customers under [ubl] i \
                 inställningarna, eller ge kunden det organisationsnumret i Extend, och lägg in filen igen.",
                identifiers.join(", ")
            ),
            Wrong::AmbiguousBuyer { identifiers, customers } => format!(
                "köparen ({}) kan vara någon av kunderna {}. Ange vilken i customers under [ubl] i inställningarna och \
                 lägg in filen igen.",
                identifiers.join(", "),
                customers.join(", ")
            ),
            Wrong::UnknownItem { item } if item.is_empty() => {
                "artikeln har varken nummer eller namn. Låt köparen sända ett.".into()
            }
            Wrong::UnknownItem { item } => format!(
                "ingen produkt är känd för denna artikel ({}). Lägg till något av dem i items under [ubl] i \
                 inställningarna, eller ge produkten det GTIN-numret i Extend, och lägg in filen igen.",
                item.join(", ")
            ),
            Wrong::AmbiguousItem { item, products } => format!(
                "flera produkter har numret {item}: {}. Ange vilken i items under [ubl] i inställningarna och lägg in \
                 filen igen.",
                products.join(", ")
            ),
            Wrong::UnknownUnit { code } => format!(
                "enheten {code} är okänd. Ange vilken av Extends enheter det är i units under [ubl] i inställningarna, \
                 till exempel {{ {code} = \"Stk\" }}, och lägg in filen igen."
            ),
            Wrong::NoArticle { key, amount, reason } => format!(
                "det finns ingen artikel för beloppet {amount} ({}). Ange en som {key} under [ubl] i inställningarna, \
                 till exempel {{ product = \"…\", unit = \"Stk\" }}, och lägg in filen igen.",
                reason.as_deref().unwrap_or(key)
            ),
            Wrong::TotalMismatch { total, sum, tolerance } => format!(
                "filen säger {total} utan moms, men det blir {sum} när det räknas ihop; {tolerance} får skilja \
                 (tolerance under [ubl]). Fråga köparen vad som är rätt."
            ),
        }
    }
}
