//! What is wrong with a CSV file or an order in it.

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
    },
    /// A mapped column stands twice in the header line.
    ColumnTwice {
        /// Its name.
        column: String,
    },
    /// There is a header line and nothing below it.
    NoRows,
    /// A row has more or fewer cells than the header line.
    CellCount {
        /// Cells of the header line.
        expected: usize,
        /// Cells of the row.
        found: usize,
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
    /// No date as the settings write it.
    NotADate {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// What is read.
        formats: Vec<String>,
    },
    /// Neither yes nor no.
    NotAFlag {
        /// The column.
        column: String,
        /// The cell.
        found: String,
    },
    /// A word that the field does not know.
    UnknownWord {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// The field.
        field: String,
        /// What it knows.
        known: Vec<String>,
    },
    /// A cell that must be filled is empty, or nothing fills the field.
    Empty {
        /// The column, where the mapping has one.
        column: Option<String>,
        /// The field.
        field: String,
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
        /// The total in the file.
        total: String,
        /// What the rows, freight and discount add up to.
        sum: String,
        /// What may lie between.
        tolerance: String,
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
            Wrong::CellCount { .. } => "cell_count",
            Wrong::NotANumber { .. } => "not_a_number",
            Wrong::NotADate { .. } => "not_a_date",
            Wrong::NotAFlag { .. } => "not_a_flag",
            Wrong::UnknownWord { .. } => "unknown_value",
            Wrong::Empty { .. } => "missing_field",
            Wrong::RowsDisagree { .. } => "rows_disagree",
            Wrong::TotalMismatch { .. } => "total_mismatch",
        }
    }

    /// The sentence.
    pub fn message(&self, language: Language) -> String {
        match self {
            Wrong::NoMapping => language.pick(
                "the settings have no [csv.NAME] whose match fits the name of this file. `extend-edge mapping init \
                 FILE` writes one.",
                "inställningarna har inget [csv.NAMN] vars match passar filens namn. `extend-edge mapping init FIL` \
                 skriver ett.",
            )
            .into(),
            Wrong::MissingColumn { column, mapping } => language.pick(
                format!("the header line has no column {column}, which [csv.{mapping}] reads. Correct one of them."),
                format!("rubrikraden saknar kolumnen {column}, som [csv.{mapping}] läser. Rätta den ena av dem."),
            ),
            Wrong::ColumnTwice { column } => language.pick(
                format!("the header line has the column {column} twice. Give one of them another name."),
                format!("rubrikraden har kolumnen {column} två gånger. Ge den ena ett annat namn."),
            ),
            Wrong::NoRows => language
                .pick(
                    "there is a header line and no row below it. If there was something to send, let the webshop \
                     write the file again.",
                    "det finns en rubrikrad men ingen rad under den. Fanns det något att skicka, låt webbshoppen \
                     skriva filen igen.",
                )
                .into(),
            Wrong::CellCount { expected, found } => language.pick(
                format!(
                    "this row has {found} cells and the header line {expected}. Is there a delimiter or a quote \
                     too many or too few in it?"
                ),
                format!(
                    "raden har {found} celler och rubrikraden {expected}. Finns det ett skiljetecken eller \
                     citattecken för mycket eller för lite i den?"
                ),
            ),
            Wrong::NotANumber { column, found, decimal } => language.pick(
                format!(
                    "column {column} holds {found:?}, which is no number with {decimal:?} as decimal mark. Correct \
                     it, or the decimal in the settings."
                ),
                format!(
                    "kolumnen {column} innehåller {found:?}, som inte är ett tal med {decimal:?} som \
                     decimaltecken. Rätta det, eller decimal i inställningarna."
                ),
            ),
            Wrong::NotADate { column, found, formats } => language.pick(
                format!(
                    "column {column} holds {found:?}, which is no date as {}. Correct it, or the dates in the \
                     settings.",
                    formats.join(", ")
                ),
                format!(
                    "kolumnen {column} innehåller {found:?}, som inte är ett datum som {}. Rätta det, eller dates \
                     i inställningarna.",
                    formats.join(", ")
                ),
            ),
            Wrong::NotAFlag { column, found } => language.pick(
                format!("column {column} holds {found:?}, which is neither yes nor no (true, false, 1, 0)."),
                format!("kolumnen {column} innehåller {found:?}, som varken är ja eller nej (true, false, 1, 0)."),
            ),
            Wrong::UnknownWord { column, found, field, known } => language.pick(
                format!(
                    "column {column} holds {found:?}, and Extend knows for {field} only {}. Say in \
                     [csv.NAME.values] which of them it is.",
                    known.join(", ")
                ),
                format!(
                    "kolumnen {column} innehåller {found:?}, och Extend känner för {field} bara till {}. Skriv i \
                     [csv.NAMN.values] vilken av dem det är.",
                    known.join(", ")
                ),
            ),
            Wrong::Empty { column: Some(column), field } => language.pick(
                format!("column {column} is empty, and Extend needs {field}. Fill it, or give a default."),
                format!("kolumnen {column} är tom, och Extend behöver {field}. Fyll i den, eller ange ett förval."),
            ),
            Wrong::Empty { column: None, field } => language.pick(
                format!("no column fills {field}, and Extend needs it. Name one in the settings, or a constant."),
                format!("ingen kolumn fyller {field}, och Extend behöver det. Ange en i inställningarna, eller en \
                         konstant."),
            ),
            Wrong::RowsDisagree { column, found, before } => language.pick(
                format!("column {column} holds {found:?}, and a row above of the same order {before:?}. Which is right?"),
                format!("kolumnen {column} innehåller {found:?}, och en tidigare rad i samma order {before:?}. \
                         Vilket stämmer?"),
            ),
            Wrong::TotalMismatch { total, sum, tolerance } => language.pick(
                format!(
                    "the file says that the order's total is {total}, and its rows, freight and discount add up to \
                     {sum}: more than {tolerance} apart. Is a row or a discount missing, or are prices in the \
                     settings with VAT and here without?"
                ),
                format!(
                    "filen säger att ordern är på {total}, och dess rader, frakt och rabatt blir {sum}: mer än \
                     {tolerance} isär. Saknas en rad eller rabatt, eller är priserna i inställningarna med moms och \
                     här utan?"
                ),
            ),
        }
    }
}
