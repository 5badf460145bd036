//! `extend-edge report`

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;

use super::{Exit, Outcome, complain, language, open_database, print, settings};
use crate::clock;
use crate::config::{Config, Language};
use crate::formats::report::{self, Report, Words};
use crate::reports::{self, ReportError};
use crate::rules::mirror::Cell;
use crate::store;

/// Stock, prices, orders, sales, what waits: as a table, CSV, JSON or a page with a chart.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  extend-edge report                                       which reports there are
  extend-edge report stock
  extend-edge report daily_sales --since 2026-11-01 --format html > sales.html
  extend-edge report order_rows --format csv > rows.csv

Own reports are files in reports/ in the home: NAME.sql holds one SELECT; a comment in its
first line, -- What sells best, is its title; :since in it stands for the date of --since.")]
pub struct Arguments {
    /// Which report, such as stock; without it they are listed.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// For a person at a terminal, a spreadsheet, a program, or a browser.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Only what is of this date (UTC) or later: 2026-11-21, or 2026-11-21T08:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = since)]
    since: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Html,
}

/// A date stays a date, which sorts before every moment of its day; a moment becomes one in UTC.
fn since(text: &str) -> Result<String, String> {
    if let Ok(day) = text.parse::<jiff::civil::Date>()
        && text.len() <= 10
    {
        return Ok(day.to_string());
    }
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let moment = zoned.or_else(|| {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    });
    moment
        .map(clock::text)
        .ok_or_else(|| "expected a date such as 2026-11-21, or a moment such as 2026-11-21T08:00:00Z".into())
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let config = settings(home)?;
    let language = language(&config);
    let Some(name) = &arguments.name else {
        if arguments.since.is_some() {
            complain(language.pick("--since wants the NAME of a report", "--since vill ha en rapports NAMN"));
            return Ok(Exit::Usage);
        }
        let title = language.pick("Reports", "Rapporter");
        return show(&config, &list(&config, language), None, ("report", title), &arguments);
    };
    let asked = reports::find(&config, name).and_then(|known| {
        // Nothing is held while it is shown: a pager may be open for an hour.
        let mut connection = open(&config)?;
        let report = known.run(&mut connection, arguments.since.as_deref(), language)?;
        Ok((known, report))
    });
    match asked {
        Ok((known, report)) => {
            let title = known.title(language);
            show(&config, &report, known.chart(), (&known.name(), &title), &arguments)
        }
        Err(ReportError::Asked(message)) => {
            complain(&message);
            Ok(Exit::Usage)
        }
        Err(ReportError::Failed(message)) => bail!(message),
    }
}

/// Brings the schema up to date where that is needed, and gives a connection that only reads.
fn open(config: &Config) -> Result<rusqlite::Connection, ReportError> {
    open_database(config).map_err(|error| ReportError::Failed(format!("{error:#}")))?;
    store::open_reader(&config.database)
        .map_err(|error| ReportError::Failed(format!("{}: {error}", config.database.display())))
}

fn list(config: &Config, language: Language) -> Report {
    let rows = reports::all(config).into_iter().map(|known| {
        let whose = match &known {
            reports::Known::BuiltIn(_) => language.pick("built in", "inbyggd").to_owned(),
            reports::Known::Own(path) => path.display().to_string(),
        };
        [known.name(), known.title(language), whose].into_iter().map(|cell| Cell::Text(cell.into())).collect()
    });
    Report { columns: ["report", "answers", "from"].map(String::from).to_vec(), rows: rows.collect() }
}

fn show(
    config: &Config,
    found: &Report,
    chart: Option<report::chart::Chart>,
    (name, title): (&str, &str),
    arguments: &Arguments,
) -> Outcome {
    let language = config.exchange.language;
    match arguments.format {
        Format::Table => print_table(found, language),
        Format::Csv => print(&String::from_utf8_lossy(&report::csv(found, config.exchange.csv.separator))),
        Format::Json => print(&report::json(found)),
        Format::Html => {
            let made_at = clock::text(jiff::Timestamp::now());
            let words = Words { name, title, made_at: &made_at, since: arguments.since.as_deref(), language };
            print(&report::html(found, chart, &words));
        }
    }
    Ok(Exit::Done)
}

fn print_table(found: &Report, language: Language) {
    // Behind a pipe nothing is cut and nothing is added.
    let Some((terminal_size::Width(width), _)) = terminal_size::terminal_size_of(std::io::stdout()) else {
        return print(&report::table(found, None));
    };
    print(&report::table(found, Some(usize::from(width))));
    print(&match found.rows.len() {
        0 => language.pick("Nothing to show.\n".to_owned(), "Inget att visa.\n".to_owned()),
        1 => language.pick("1 row\n".to_owned(), "1 rad\n".to_owned()),
        rows => language.pick(format!("{rows} rows\n"), format!("{rows} rader\n")),
    });
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn a_date_or_a_moment() {
        for (written, expected) in [
            ("2026-11-21", Some("2026-11-21")),
            ("2026-11-21T08:00:00Z", Some("2026-11-21T08:00:00.000Z")),
            ("2026-11-21T08:00:00+01:00", Some("2026-11-21T07:00:00.000Z")),
            ("2026-11-21T08:00", Some("2026-11-21T08:00:00.000Z")),
            ("2026-11-31", None),
            ("21/11", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(since(written).ok().as_deref(), expected, "{written}");
        }
    }
}
