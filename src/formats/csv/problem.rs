//! What is wrong with a CSV file or an order in it.

use crate::formats::near_miss::near_miss;
use crate::formats::problem::Language;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// No `[csv.NAME]` is for a file of this name.
    NoMapping,
    /// A column that the mapping names is not in the header line.
    MissingColumn {
        /// Its name.
        column: String,
        /// The mapping.
        mapping: String,
        /// The columns that are there.
        there: Vec<String>,
    },
    /// A mapped column stands twice in the header line.
    ColumnTwice {
        /// Its name.
        column: String,
    },
    /// There is a header line and nothing below it.
    NoRows,
    /// A quote begins a cell that nothing ends.
    OpenQuote,
    /// A row has more or fewer cells than the header line.
    CellCount {
        /// Cells of the header line.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// A quote ends in the middle of a cell.
    StrayQuote,
    /// A row beside the order belongs to no order, so that the order may not be whole.
    BesideStrayRow {
        /// The order's number.
        key: String,
    },
    /// No number as the settings write it.
    NotANumber {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// The decimal mark.
        decimal: char,
    },
    /// No VAT in percent.
    NotAPercentage {
        /// The column.
        column: String,
        /// What it came to.
        found: String,
    },
    /// VAT as a fraction of one.
    VatFraction {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// What is probably meant.
        percent: String,
        /// The mapping.
        mapping: String,
    },
    /// A number beyond any amount of an order.
    TooLarge {
        /// The column.
        column: String,
        /// The cell.
        found: String,
    },
    /// No currency in three letters.
    NotACurrency {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// The field.
        field: &'static str,
    },
    /// Less than nothing of it is ordered.
    NegativeQuantity {
        /// The column.
        column: String,
        /// The cell.
        found: String,
    },
    /// The settings leave such an order to a person.
    ForAPerson {
        /// The column.
        column: String,
        /// The cell.
        found: String,
    },
    /// The rows' VAT does not add up to that of the order.
    VatMismatch {
        /// The column.
        column: String,
        /// The VAT in the file.
        total: String,
        /// What the rows, freight, fee and discount add up to.
        sum: String,
    },
    /// Nothing of it is ordered.
    NoQuantity {
        /// The column.
        column: String,
    },
    /// No date as the settings write it.
    NotADate {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// What is read.
        forms: Vec<String>,
    },
    /// Neither yes nor no.
    NotAFlag {
        /// The column.
        column: String,
        /// The cell.
        found: String,
    },
    /// No country in two letters.
    NotACountry {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// The field.
        field: &'static str,
    },
    /// A word that the field does not know.
    UnknownWord {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// The field.
        field: &'static str,
        /// What it knows.
        known: &'static [&'static str],
        /// The mapping.
        mapping: String,
    },
    /// A cell that must be filled is empty, or nothing fills the field.
    Empty {
        /// The column, where the mapping has one.
        column: Option<String>,
        /// The field.
        field: &'static str,
    },
    /// Rows of one order say different things about it.
    RowsDisagree {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// What a row above said.
        before: String,
    },
    /// The rows do not add up to the total.
    TotalMismatch {
        /// The column.
        column: String,
        /// The total in the file.
        total: String,
        /// What the rows, freight, fee and discount add up to.
        sum: String,
        /// What may lie between.
        tolerance: String,
    },
    /// It has a fee, and the settings no article for it.
    NoFeeArticle {
        /// The column of the fee.
        column: String,
        /// What it comes to.
        fee: String,
    },
}

impl Wrong {
    /// The word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Wrong::NoMapping => "no_mapping",
            Wrong::MissingColumn { .. } => "missing_column",
            Wrong::ColumnTwice { .. } => "column_twice",
            Wrong::NoRows => "no_rows",
            Wrong::OpenQuote => "open_quote",
            Wrong::CellCount { .. } => "cell_count",
            Wrong::StrayQuote => "stray_quote",
            Wrong::BesideStrayRow { .. } => "beside_stray_row",
            Wrong::NotANumber { .. } => "not_a_number",
            Wrong::NotAPercentage { .. } | Wrong::VatFraction { .. } => "not_a_percentage",
            Wrong::TooLarge { .. } => "number_too_large",
            Wrong::NotACurrency { .. } => "not_a_currency",
            Wrong::NegativeQuantity { .. } => "negative_quantity",
            Wrong::ForAPerson { .. } => "for_a_person",
            Wrong::VatMismatch { .. } => "vat_mismatch",
            Wrong::NoQuantity { .. } => "no_quantity",
            Wrong::NotADate { .. } => "not_a_date",
            Wrong::NotAFlag { .. } => "not_a_flag",
            Wrong::NotACountry { .. } => "not_a_country",
            Wrong::UnknownWord { .. } => "unknown_value",
            Wrong::Empty { .. } => "missing_field",
            Wrong::RowsDisagree { .. } => "rows_disagree",
            Wrong::TotalMismatch { .. } => "total_mismatch",
            Wrong::NoFeeArticle { .. } => "no_fee_article",
        }
    }

    /// The column that it is in, by its name in the file.
    pub fn column(&self) -> Option<&str> {
        match self {
            Wrong::ColumnTwice { column }
            | Wrong::NotANumber { column, .. }
            | Wrong::NotAPercentage { column, .. }
            | Wrong::VatFraction { column, .. }
            | Wrong::TooLarge { column, .. }
            | Wrong::NotACurrency { column, .. }
            | Wrong::NegativeQuantity { column, .. }
            | Wrong::ForAPerson { column, .. }
            | Wrong::VatMismatch { column, .. }
            | Wrong::NoQuantity { column }
            | Wrong::NotADate { column, .. }
            | Wrong::NotAFlag { column, .. }
            | Wrong::NotACountry { column, .. }
            | Wrong::UnknownWord { column, .. }
            | Wrong::RowsDisagree { column, .. }
            | Wrong::NoFeeArticle { column, .. }
            | Wrong::TotalMismatch { column, .. } => {
                Some(column.as_str()).filter(|column| !column.is_empty())
            }
            Wrong::Empty { column, .. } => column.as_deref(),
            Wrong::NoMapping
            | Wrong::MissingColumn { .. }
            | Wrong::NoRows
            | Wrong::OpenQuote
            | Wrong::CellCount { .. }
            | Wrong::StrayQuote
            | Wrong::BesideStrayRow { .. } => None,
        }
    }

    /// What stands there, as it was written.
    pub fn value(&self) -> Option<&str> {
        match self {
            Wrong::NotANumber { found, .. }
            | Wrong::NotAPercentage { found, .. }
            | Wrong::VatFraction { found, .. }
            | Wrong::TooLarge { found, .. }
            | Wrong::NotACurrency { found, .. }
            | Wrong::NegativeQuantity { found, .. }
            | Wrong::ForAPerson { found, .. }
            | Wrong::NotADate { found, .. }
            | Wrong::NotAFlag { found, .. }
            | Wrong::NotACountry { found, .. }
            | Wrong::UnknownWord { found, .. }
            | Wrong::RowsDisagree { found, .. } => Some(found),
            Wrong::TotalMismatch { total, .. } | Wrong::VatMismatch { total, .. } => Some(total),
            Wrong::NoFeeArticle { fee, .. } => Some(fee),
            _ => None,
        }
    }

    /// The sentence. Line and column stand before it.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::Swedish => self.swedish(),
        }
    }

    fn english(&self) -> String {
        match self {
            Wrong::NoMapping => "the settings have no [csv.NAME] whose match fits the name of this file. \
                                 «extend-edge mapping init FILE» writes one."
                .into(),
            Wrong::MissingColumn { column, mapping, there } => format!(
                "the header line has no column {column}, which [csv.{mapping}] reads. {}Correct one of them.",
                meant(column, there, "Is it now called {}? ")
            ),
            Wrong::ColumnTwice { .. } => {
                "this column stands twice in the header line. Give one of them another name.".into()
            }
            Wrong::NoRows => {
                "there is a header line and no row below it. If there was something to send, let the \
                              webshop write the file again."
                    .into()
            }
            Wrong::OpenQuote => {
                "a cell begins with a quote here, and no quote ends it. Add the one that is missing; \
                                 a quote that belongs to a cell's text is written twice."
                    .into()
            }
            Wrong::CellCount { expected, found } => format!(
                "this row has {found} cells and the header line {expected}. Is there a delimiter or a quote too many \
                 or too few in it?"
            ),
            Wrong::StrayQuote => {
                "a quote ends in the middle of a cell of this row. A cell that begins with a quote \
                                  ends with one, and a quote that belongs to its text is written twice."
                    .into()
            }
            Wrong::BesideStrayRow { key } => format!(
                "a row beside order {key} has no order number that can be read, so it can't be told whether the \
                 order is whole. Mend that row; both are in this file."
            ),
            Wrong::NotANumber { found, decimal, .. } => format!(
                "here stands {found:?}, which is no number with {decimal:?} as decimal mark. Correct it, or decimal \
                 in the settings."
            ),
            Wrong::NotAPercentage { found, .. } => {
                format!(
                    "VAT comes to {found} percent. Correct it, or see whether prices in the settings is right."
                )
            }
            Wrong::VatFraction { found, percent, mapping, .. } => format!(
                "VAT is {found} percent. If {percent} percent is meant, say so in the settings, with the cell as it \
                 stands in the file: [csv.{mapping}.values] orderRows.salesData.vatPercent = {{ \"{found}\" = \
                 \"{percent}\" }}."
            ),
            Wrong::TooLarge { found, .. } => format!(
                "here stands {found:?}, and no quantity or amount of an order is that large. Is it an article number? \
                 Correct it, or the column in the settings."
            ),
            Wrong::NotACurrency { found, field, .. } => format!(
                "here stands {found:?}, which is no currency in three letters, such as SEK. Correct it, or say in \
                 values.{field} of the settings what it means."
            ),
            Wrong::NegativeQuantity { found, .. } => format!(
                "the quantity is {found}. What comes back is no row of an order but a return: send it as a document \
                 of its own. Take the row away, or correct it."
            ),
            Wrong::ForAPerson { found, .. } => format!(
                "here stands {found:?}, and the settings (reject) leave such an order to a person. Enter at Extend \
                 what is to be delivered; or correct this cell and put the file into the inbox again."
            ),
            Wrong::VatMismatch { total, sum, .. } => format!(
                "the order's VAT is {total}, and that of its rows, freight, fee and discount comes to {sum}. Is an \
                 article sold with another rate, or without VAT? Name a column for VAT in the settings, or correct the \
                 rate."
            ),
            Wrong::NoQuantity { .. } => "the quantity is 0. Correct it, or take the row away.".into(),
            Wrong::NotADate { found, forms, .. } => format!(
                "here stands {found:?}, which is no date as {}. Correct it, or dates in the settings.",
                forms.join(", ")
            ),
            Wrong::NotAFlag { found, .. } => {
                format!("here stands {found:?}, which is neither yes nor no. Write true or false, 1 or 0.")
            }
            Wrong::NotACountry { found, field, .. } => format!(
                "here stands {found:?}, which is no country in two letters, such as SE. Correct it, or say in \
                 values.{field} of the settings what it means."
            ),
            Wrong::UnknownWord { found, field, known, mapping, .. } => format!(
                "here stands {found:?}, and Extend knows for {field} only {}. {}Say which of them it is: \
                 [csv.{mapping}.values] {field} = {{ {found:?} = \"…\" }}.",
                known.join(", "),
                meant(found, known, "Did you mean {}? ")
            ),
            Wrong::Empty { column: Some(_), field } => {
                format!(
                    "this cell is empty, and {field} is needed. Fill it, or give a default in the settings."
                )
            }
            Wrong::Empty { column: None, field } => {
                format!("no column fills {field}, and it is needed. Name one in the settings, or a constant.")
            }
            Wrong::RowsDisagree { found, before, .. } => format!(
                "here stands {found:?}, and on a row above of the same order {before:?}. Correct the wrong one, or \
                 give the other order a number of its own."
            ),
            Wrong::TotalMismatch { total, sum, tolerance, .. } => format!(
                "the order's total is {total}, and its rows, freight, fee and discount add up to {sum}: more than \
                 {tolerance} apart. Is a row or a discount missing, or are prices in the settings with VAT and here \
                 without?"
            ),
            Wrong::NoFeeArticle { .. } => {
                "the order has a fee, and the settings have no article for it. Write fee = \
                                           { product = \"…\", unit = \"ST\" } into the section of this file."
                    .into()
            }
        }
    }

    fn swedish(&self) -> String {
        match self {
            Wrong::NoMapping => {
                "inställningarna har inget [csv.NAMN] vars match passar filens namn. «extend-edge \
                                 mapping init FIL» skriver ett."
                    .into()
            }
            Wrong::MissingColumn { column, mapping, there } => format!(
                "rubrikraden saknar kolumnen {column}, som [csv.{mapping}] läser. {}Rätta den ena av dem.",
                meant(column, there, "Heter den nu {}? ")
            ),
            Wrong::ColumnTwice { .. } => {
                "kolumnen står två gånger i rubrikraden. Ge den ena ett annat namn.".into()
            }
            Wrong::NoRows => {
                "det finns en rubrikrad men ingen rad under den. Fanns det något att skicka, låt \
                              webbshoppen skriva filen igen."
                    .into()
            }
            Wrong::OpenQuote => {
                "här börjar en cell med ett citattecken som inget annat avslutar. Lägg till det som \
                                 saknas; ett citattecken som hör till cellens text skrivs två gånger."
                    .into()
            }
            Wrong::CellCount { expected, found } => format!(
                "raden har {found} celler och rubrikraden {expected}. Finns det ett skiljetecken eller citattecken \
                 för mycket eller för lite i den?"
            ),
            Wrong::StrayQuote => {
                "ett citattecken slutar mitt i en cell på raden. En cell som börjar med citattecken \
                                  slutar med ett, och ett citattecken som hör till texten skrivs två gånger."
                    .into()
            }
            Wrong::BesideStrayRow { key } => format!(
                "en rad intill order {key} har inget ordernummer som går att läsa, så det går inte att avgöra om \
                 ordern är hel. Rätta den raden; båda finns i den här filen."
            ),
            Wrong::NotANumber { found, decimal, .. } => format!(
                "här står {found:?}, som inte är ett tal med {decimal:?} som decimaltecken. Rätta det, eller decimal \
                 i inställningarna."
            ),
            Wrong::NotAPercentage { found, .. } => {
                format!(
                    "momsen blir {found} procent. Rätta det, eller se efter om prices i inställningarna stämmer."
                )
            }
            Wrong::VatFraction { found, percent, mapping, .. } => format!(
                "momsen är {found} procent. Menas {percent} procent, skriv det i inställningarna, med cellen som den \
                 står i filen: [csv.{mapping}.values] orderRows.salesData.vatPercent = {{ \"{found}\" = \
                 \"{percent}\" }}."
            ),
            Wrong::TooLarge { found, .. } => format!(
                "här står {found:?}, och så stort är inget antal eller belopp i en order. Är det ett artikelnummer? \
                 Rätta det, eller kolumnen i inställningarna."
            ),
            Wrong::NotACurrency { found, field, .. } => format!(
                "här står {found:?}, som inte är en valuta med tre bokstäver, som SEK. Rätta det, eller skriv i \
                 values.{field} i inställningarna vad det betyder."
            ),
            Wrong::NegativeQuantity { found, .. } => format!(
                "antalet är {found}. Det som kommer tillbaka är ingen orderrad utan en retur: skicka den som ett eget \
                 dokument. Ta bort raden, eller rätta den."
            ),
            Wrong::ForAPerson { found, .. } => format!(
                "här står {found:?}, och inställningarna (reject) lämnar en sådan order till en människa. Lägg in i \
                 Extend det som ska levereras; eller rätta cellen och lägg filen i inbox igen."
            ),
            Wrong::VatMismatch { total, sum, .. } => format!(
                "orderns moms är {total}, och radernas, fraktens, avgiftens och rabattens blir {sum}. Säljs någon \
                 artikel med en annan momssats, eller utan moms? Ange en kolumn för momsen i inställningarna, eller \
                 rätta satsen."
            ),
            Wrong::NoQuantity { .. } => "antalet är 0. Rätta det, eller ta bort raden.".into(),
            Wrong::NotADate { found, forms, .. } => format!(
                "här står {found:?}, som inte är ett datum som {}. Rätta det, eller dates i inställningarna.",
                forms.join(", ")
            ),
            Wrong::NotAFlag { found, .. } => {
                format!("här står {found:?}, som varken är ja eller nej. Skriv true eller false, 1 eller 0.")
            }
            Wrong::NotACountry { found, field, .. } => format!(
                "här står {found:?}, som inte är ett land med två bokstäver, som SE. Rätta det, eller skriv i \
                 values.{field} i inställningarna vad det betyder."
            ),
            Wrong::UnknownWord { found, field, known, mapping, .. } => format!(
                "här står {found:?}, och Extend känner för {field} bara till {}. {}Skriv vilken av dem det är: \
                 [csv.{mapping}.values] {field} = {{ {found:?} = \"…\" }}.",
                known.join(", "),
                meant(found, known, "Menade du {}? ")
            ),
            Wrong::Empty { column: Some(_), field } => {
                format!(
                    "cellen är tom, och {field} behövs. Fyll i den, eller ange ett förval i inställningarna."
                )
            }
            Wrong::Empty { column: None, field } => {
                format!(
                    "ingen kolumn fyller {field}, och det behövs. Ange en i inställningarna, eller en konstant."
                )
            }
            Wrong::RowsDisagree { found, before, .. } => format!(
                "här står {found:?}, och på en tidigare rad i samma order {before:?}. Rätta den som är fel, eller ge \
                 den andra ordern ett eget nummer."
            ),
            Wrong::TotalMismatch { total, sum, tolerance, .. } => format!(
                "ordern är på {total}, och dess rader, frakt, avgift och rabatt blir {sum}: mer än {tolerance} isär. Saknas \
                 en rad eller rabatt, eller är priserna i inställningarna med moms och här utan?"
            ),
            Wrong::NoFeeArticle { .. } => {
                "ordern har en avgift, och inställningarna har ingen artikel för den. Skriv fee = \
                                           { product = \"…\", unit = \"ST\" } i filens avsnitt."
                    .into()
            }
        }
    }
}

/// The question whether a known name was meant, in `words` with `{}` for it; nothing where none is near.
fn meant<N: AsRef<str>>(written: &str, known: &[N], words: &str) -> String {
    let meant = near_miss(written, known.iter().map(AsRef::as_ref));
    meant.map(|meant| words.replace("{}", meant)).unwrap_or_default()
}
