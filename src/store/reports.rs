//! The queries of the reports, built in and the shop's own, and how they are run: reading only.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, Statement};

use super::cells::owned_cells;
use crate::formats::report::Report;

pub mod copy;

/// A view of the contract as a report.
#[derive(Debug, PartialEq, Eq)]
pub struct View {
    /// The view, `report_stock`.
    pub name: &'static str,
    /// What `--since` means: a condition with `:since`. `None` where the view has no time to go by.
    since: Option<&'static str>,
    /// In which order its rows are best read.
    order: &'static str,
}

/// All of them.
pub const VIEWS: [View; 8] = [
    View { name: "report_stock", since: Some("changed_at >= :since"), order: "product_number, warehouse" },
    View {
        name: "report_prices",
        since: None,
        order: "customer_number, product_number, sales_unit, from_quantity, currency",
    },
    View {
        name: "report_orders",
        since: Some("order_date >= :since"),
        order: "order_date DESC, order_number DESC",
    },
    View {
        name: "report_order_rows",
        since: Some("order_number IN (SELECT order_number FROM orders WHERE order_date >= :since)"),
        order: "order_number DESC, position",
    },
    View { name: "report_backlog", since: Some("received_at >= :since"), order: "received_at, id" },
    View { name: "report_refused", since: Some("refused_at >= :since"), order: "refused_at DESC, id DESC" },
    View {
        name: "report_daily_sales",
        // A day is shorter than a moment of it, and sorts before it.
        since: Some("day >= substr(:since, 1, 10)"),
        order: "day DESC, currency",
    },
    View { name: "report_sync", since: None, order: "entity" },
];

impl View {
    /// Whether `--since` means anything here.
    pub fn takes_since(&self) -> bool {
        self.since.is_some()
    }

    /// The query; with `since` it has the parameter `:since`.
    pub fn sql(&self, since: bool) -> String {
        let wheres = self.since.filter(|_| since).map(|since| format!(" WHERE {since}")).unwrap_or_default();
        format!("SELECT * FROM {}{wheres} ORDER BY {}", self.name, self.order)
    }
}

/// Why a query gave no report.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// SQLite said no; `line` is where, from 1, where it can tell.
    #[error("{message}")]
    Sqlite {
        /// The line of the query.
        line: Option<usize>,
        /// SQLite's words.
        message: String,
    },
    /// It would do more than read.
    #[error("a report may only read")]
    NotReading,
    /// There is nothing to run.
    #[error("there is no query")]
    Empty,
    /// There is more than one statement.
    #[error("there is more than one statement")]
    Several,
    /// It has a parameter that nobody fills in.
    #[error("nobody fills in the parameter {0}")]
    Parameter(String),
    /// It has `:since`, and no date was given.
    #[error("no date was given")]
    SinceMissing,
    /// A date was given, and it has no `:since`.
    #[error("there is no :since")]
    SinceUnused,
}

/// Runs one query that may only read, in one moment of the database, and keeps nothing open after it.
/// `since` is what `:since` stands for.
///
/// # Errors
/// Whatever is wrong with the query, and SQLite's.
pub fn run(connection: &mut Connection, sql: &str, since: Option<&str>) -> Result<Report, QueryError> {
    connection.authorizer(Some(only_reading)).map_err(told)?;
    let mut statement = connection.prepare(sql).map_err(told)?;
    if statement.column_count() == 0 {
        // A comment alone is no statement at all.
        return Err(if statement.readonly() { QueryError::Empty } else { QueryError::NotReading });
    }
    bind(&mut statement, since)?;
    let columns = unique(statement.column_names());
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(told)? {
        rows.push(owned_cells(row, columns.len()).map_err(told)?);
    }
    Ok(Report { columns, rows })
}

fn bind(statement: &mut Statement<'_>, since: Option<&str>) -> Result<(), QueryError> {
    let mut used = false;
    for place in 1..=statement.parameter_count() {
        match (statement.parameter_name(place), since) {
            (Some(":since"), Some(since)) => {
                statement.raw_bind_parameter(place, since).map_err(told)?;
                used = true;
            }
            (Some(":since"), None) => return Err(QueryError::SinceMissing),
            (name, _) => return Err(QueryError::Parameter(name.unwrap_or("?").to_owned())),
        }
    }
    if since.is_some() && !used { Err(QueryError::SinceUnused) } else { Ok(()) }
}

/// Whatever a query says, SQLite asks here first. The connection is `query_only` besides, and this keeps
/// that from being undone.
fn only_reading(asked: AuthContext<'_>) -> Authorization {
    match asked.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if function_name != "load_extension" => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

fn told(error: rusqlite::Error) -> QueryError {
    match error {
        rusqlite::Error::MultipleStatement => QueryError::Several,
        error if error.sqlite_error_code() == Some(rusqlite::ErrorCode::AuthorizationForStatementDenied) => {
            QueryError::NotReading
        }
        // A function that may not be called is told in another way.
        rusqlite::Error::SqlInputError { msg, .. } if msg.starts_with("not authorized") => {
            QueryError::NotReading
        }
        rusqlite::Error::SqlInputError { msg, sql, offset, .. } => {
            let before = usize::try_from(offset).ok().and_then(|offset| sql.as_bytes().get(..offset));
            let line = before.map(|before| before.iter().filter(|byte| **byte == b'\n').count() + 1);
            QueryError::Sqlite { line, message: msg }
        }
        other => QueryError::Sqlite { line: None, message: other.to_string() },
    }
}

/// A program that reads JSON wants each name once.
fn unique<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        let mut candidate = name.to_owned();
        let mut number = 2;
        while unique.contains(&candidate) {
            candidate = format!("{name}_{number}");
            number += 1;
        }
        unique.push(candidate);
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::mirror::Cell;
    use crate::store;

    fn run_in_new(sql: &str, since: Option<&str>) -> Result<Report, QueryError> {
        run(&mut store::open_in_memory().unwrap(), sql, since)
    }

    #[test]
    fn every_view_is_a_report_and_only_those() {
        let mut connection = store::open_in_memory().unwrap();
        let views: Vec<String> = connection
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'view' AND name GLOB 'report_*' ORDER BY name",
            )
            .and_then(|mut views| views.query_map([], |row| row.get(0))?.collect())
            .unwrap();
        let mut told: Vec<&str> = VIEWS.iter().map(|view| view.name).collect();
        told.sort_unstable();
        assert_eq!(views, told);
        for view in &VIEWS {
            run(&mut connection, &view.sql(false), None).unwrap();
            if view.takes_since() {
                run(&mut connection, &view.sql(true), Some("2026-11-21")).unwrap();
            }
        }
    }

    #[test]
    fn a_report_can_never_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.db");
        drop(store::open(&path).unwrap());
        let other = folder.path().join("other.db");
        for sql in [
            "DELETE FROM outbox",
            "INSERT INTO agent VALUES ('a', 'b') RETURNING name",
            "UPDATE sync_state SET rows = 0 RETURNING entity",
            "DROP TABLE outbox",
            "CREATE TEMP TABLE t AS SELECT 1",
            "PRAGMA query_only = 0",
            "PRAGMA journal_mode = DELETE",
            &format!("ATTACH '{}' AS other", other.display()),
            &format!("VACUUM INTO '{}'", other.display()),
            "BEGIN IMMEDIATE",
            "SELECT load_extension('x')",
        ] {
            let mut connection = store::open_reader(&path).unwrap();
            let error = run(&mut connection, sql, None).unwrap_err();
            assert!(matches!(error, QueryError::NotReading), "{sql}: {error:?}");
        }
        assert!(!other.exists());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let line = |sql| match run_in_new(sql, None) {
            Err(QueryError::Sqlite { line, message }) => (line, message),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            line("-- Mine\nSELECT name,\n  colour\nFROM products"),
            (Some(3), "no such column: colour".into())
        );
        assert_eq!(line("SELECT 1\nFORM products").0, Some(2));
        assert!(matches!(run_in_new("-- only a title\n", None), Err(QueryError::Empty)));
        assert!(matches!(run_in_new("SELECT 1; SELECT 2", None), Err(QueryError::Several)));
        assert!(
            matches!(run_in_new("SELECT :day", None), Err(QueryError::Parameter(name)) if name == ":day")
        );
        assert!(matches!(run_in_new("SELECT ?", None), Err(QueryError::Parameter(name)) if name == "?"));
        assert!(matches!(run_in_new("SELECT :since", None), Err(QueryError::SinceMissing)));
        assert!(matches!(run_in_new("SELECT 1", Some("2026-11-21")), Err(QueryError::SinceUnused)));
        let report =
            run_in_new("SELECT :since AS a, 2 AS a, x'00' AS b;\n-- the end\n", Some("2026-11-21")).unwrap();
        assert_eq!(report.columns, ["a", "a_2", "b"]);
        assert_eq!(report.rows, [[Cell::text("2026-11-21"), Cell::Integer(2), Cell::Null]]);
    }
}
