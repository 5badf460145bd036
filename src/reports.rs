//! The reports: those that are built in, and the shop's own, which are `.sql` files in `reports/` in the home.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::config::{Config, Language};
use crate::formats::report::Report;
use crate::formats::report::chart::Chart;
use crate::store::reports::{self as queries, QueryError, VIEWS, View};

pub mod copy;

/// A report that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A view of the contract.
    BuiltIn(&'static View),
    /// A file of the shop's own.
    Own(PathBuf),
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is none of that name, or what was asked does not fit it: the asker's mistake.
    #[error("{0}")]
    Asked(String),
    /// The file of an own report can't be used as it is, or the database can't be read.
    #[error("{0}")]
    Failed(String),
}

/// What is built in: its short name, what it answers in both languages, and its chart.
const BUILT_IN: [(&str, &str, &str, Option<Chart>); 8] = [
    (
        "stock",
        "What is in stock, what waits in the outbox, and when more comes",
        "Vad som finns i lager, vad som väntar i utkorgen och när mer kommer",
        Some(Chart::Lowest),
    ),
    ("prices", "What each customer pays for each product", "Vad varje kund betalar för varje artikel", None),
    (
        "orders",
        "How far each order has come at Extend",
        "Hur långt varje order har kommit i Extend",
        Some(Chart::Counts("status")),
    ),
    (
        "order_rows",
        "What was ordered, row by row, and when it is expected",
        "Vad som beställts, rad för rad, och när det väntas",
        None,
    ),
    (
        "backlog",
        "What is not yet at Extend, and what it waits for",
        "Vad som ännu inte är i Extend, och vad det väntar på",
        Some(Chart::Waiting),
    ),
    (
        "refused",
        "What was refused and needs a person",
        "Vad som nekats och behöver en människa",
        Some(Chart::Counts("error_code")),
    ),
    (
        "daily_sales",
        "What was sold each day, by currency",
        "Vad som sålts varje dag, per valuta",
        Some(Chart::Days),
    ),
    (
        "sync",
        "How fresh each part of the mirror is, and what is missing",
        "Hur färsk varje del av spegeln är, och vad som saknas",
        Some(Chart::Ages),
    ),
];

impl Known {
    /// The name to ask for it by.
    pub fn name(&self) -> String {
        match self {
            Known::BuiltIn(view) => short(view.name).to_owned(),
            Known::Own(path) => stem(path),
        }
    }

    /// What it answers. An own report's is the comment in its first line, else its name.
    pub fn title(&self, language: Language) -> String {
        match self {
            Known::BuiltIn(view) => BUILT_IN
                .iter()
                .find(|(name, ..)| *name == short(view.name))
                .map_or_else(|| view.name.to_owned(), |(_, en, sv, _)| language.pick(*en, *sv).to_owned()),
            Known::Own(path) => {
                let text = std::fs::read_to_string(path).unwrap_or_default();
                let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
                let title = first.trim().strip_prefix("--").map(str::trim).unwrap_or_default();
                if title.is_empty() { stem(path) } else { title.to_owned() }
            }
        }
    }

    /// The chart that says more than its table.
    pub fn chart(&self) -> Option<Chart> {
        match self {
            Known::BuiltIn(view) => {
                BUILT_IN.iter().find(|(name, ..)| *name == short(view.name)).and_then(|(.., chart)| *chart)
            }
            Known::Own(_) => None,
        }
    }

    /// Asks the database.
    ///
    /// # Errors
    /// `since` does not fit this report, the file of an own one is wrong, or the database can't be read.
    pub fn run(
        &self,
        connection: &mut Connection,
        since: Option<&str>,
        language: Language,
    ) -> Result<Report, ReportError> {
        let (sql, place) = match self {
            Known::BuiltIn(view) if since.is_some() && !view.takes_since() => {
                return Err(ReportError::Asked(language.pick(
                    format!("{} has no time to go by: leave out --since", self.name()),
                    format!("{} har ingen tid att gå efter: utelämna --since", self.name()),
                )));
            }
            Known::BuiltIn(view) => (view.sql(since.is_some()), view.name.to_owned()),
            Known::Own(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| ReportError::Failed(format!("{}: {error}", path.display())))?;
                (text.trim_start_matches('\u{feff}').to_owned(), path.display().to_string())
            }
        };
        queries::run(connection, &sql, since).map_err(|error| told(&error, &place, language))
    }
}

fn told(error: &QueryError, place: &str, language: Language) -> ReportError {
    let message = match error {
        QueryError::Sqlite { line: Some(line), message } => {
            return ReportError::Failed(format!("{place}:{line}: {message}"));
        }
        QueryError::Sqlite { line: None, message } => message.clone(),
        QueryError::NotReading => language
            .pick(
                "a report may only read: write one SELECT (or WITH … SELECT)",
                "en rapport får bara läsa: skriv en SELECT (eller WITH … SELECT)",
            )
            .into(),
        QueryError::Empty => language.pick("there is no query in it", "det finns ingen fråga i den").into(),
        QueryError::Several => language
            .pick(
                "there is more than one statement in it: keep one SELECT",
                "den innehåller mer än en sats: behåll en SELECT",
            )
            .into(),
        QueryError::Parameter(name) => language.pick(
            format!("nobody fills in the parameter {name}: only :since is, with --since DATE"),
            format!("ingen fyller i parametern {name}: bara :since fylls i, med --since DATUM"),
        ),
        QueryError::SinceMissing => {
            let message = language.pick(
                "this report wants a date: give --since DATE, such as --since 2026-11-01",
                "rapporten vill ha ett datum: ange --since DATUM, till exempel --since 2026-11-01",
            );
            return ReportError::Asked(format!("{place}: {message}"));
        }
        QueryError::SinceUnused => {
            let message = language.pick(
                "the query does not use :since: leave out --since, or put :since into its WHERE",
                "frågan använder inte :since: utelämna --since, eller skriv :since i dess WHERE",
            );
            return ReportError::Asked(format!("{place}: {message}"));
        }
    };
    ReportError::Failed(format!("{place}: {message}"))
}

/// All reports: the built-in ones, then the shop's own by name.
pub fn all(config: &Config) -> Vec<Known> {
    let mut own: Vec<PathBuf> = std::fs::read_dir(config.reports_folder())
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    own.retain(|path| {
        let is_sql = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql"));
        is_sql && path.is_file() && !stem(path).starts_with('.')
    });
    own.sort();
    VIEWS.iter().map(Known::BuiltIn).chain(own.into_iter().map(Known::Own)).collect()
}

/// The report of a name: `stock` and `report_stock` are the same, and an own report comes before a built-in
/// one of the same short name.
///
/// # Errors
/// There is none; the message names the one that was probably meant.
pub fn find(config: &Config, name: &str) -> Result<Known, ReportError> {
    let all = all(config);
    let own = all.iter().find(|known| matches!(known, Known::Own(_)) && known.name() == name);
    let built_in = || {
        all.iter().find(
            |known| matches!(known, Known::BuiltIn(view) if view.name == name || short(view.name) == name),
        )
    };
    if let Some(known) = own.or_else(built_in) {
        return Ok(known.clone());
    }
    let wanted = short(name).to_lowercase();
    let meant = all
        .iter()
        .map(Known::name)
        .map(|known| (strsim::damerau_levenshtein(&wanted, &known.to_lowercase()), known))
        .filter(|(distance, known)| {
            *distance <= 1.max(wanted.chars().count() / 3)
                || wanted.len() >= 3 && known.to_lowercase().contains(&wanted)
        })
        .min_by_key(|(distance, _)| *distance);
    let language = config.exchange.language;
    let hint = meant
        .map(|(_, known)| language.pick(format!(" Did you mean {known}?"), format!(" Menade du {known}?")));
    Err(ReportError::Asked(language.pick(
        format!(
            "there is no report {name}.{} «extend-edge report» lists them.",
            hint.clone().unwrap_or_default()
        ),
        format!(
            "det finns ingen rapport {name}.{} «extend-edge report» räknar upp dem.",
            hint.unwrap_or_default()
        ),
    )))
}

fn short(name: &str) -> &str {
    name.strip_prefix("report_").unwrap_or(name)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
