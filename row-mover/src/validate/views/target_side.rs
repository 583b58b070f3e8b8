//! Reads a view in PostgreSQL. It is evaluated twice in one snapshot. The first time is inside the server, where a block catches errors,
//! whose texts may quote values and would appear in the server's log, and finds the longest row. The second time the rows are read.

use std::time::Instant;

use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::{Plan, PlannedView};
use migrate_core::value::SourceValue;

use super::ROW_BYTES_MAX;
use super::sums::{Sums, UNREADABLE, append};
use crate::error::{Error, Result};
use crate::validate::TargetRows;
use postgres_client::connection::Connection;
use postgres_client::guarded::{self, Then};
use postgres_client::server_error::ServerError;

/// The SQLSTATE of a statement that was cancelled, or whose time was over.
const QUERY_CANCELED: &str = "57014";

/// The result of reading a view.
pub(super) enum Answer {
    Rows(Sums),
    /// Its time was over.
    Interrupted,
    /// It has a row that is longer than may be.
    TooLong,
    /// It cannot be read.
    Unreadable(ServerError),
    /// PL/pgSQL, which keeps values out of the server's log, is not available.
    NoProceduralLanguage,
}

/// Reads a view until `deadline`.
///
/// # Errors
/// When the connection is lost, or another transient error prevents reading it.
pub(super) fn answer(
    view: &PlannedView,
    plan: &Plan,
    casts: &[Option<String>],
    target: &mut Connection,
    deadline: Instant,
) -> Result<Answer> {
    let relation = format!("{}.{}", quote_pg(&plan.target_schema), quote_pg(&view.target));
    target.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &[])?;
    let answer = read(view, (&relation, casts), target, deadline);
    match answer {
        Err(error) if is_over(&error, deadline) => {
            target.query("ROLLBACK", &[])?;
            Ok(Answer::Interrupted)
        }
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            target.query("ROLLBACK", &[])?;
            server_error(&error).cloned().map(Answer::Unreadable).ok_or(error)
        }
        Ok(answer) => target.query("ROLLBACK", &[]).map(|_| answer),
    }
}

fn read(
    view: &PlannedView,
    (relation, casts): (&str, &[Option<String>]),
    target: &mut Connection,
    deadline: Instant,
) -> Result<Answer> {
    if guarded::missing(target)?.is_some() {
        return Ok(Answer::NoProceduralLanguage);
    }
    let lengths = lengths(view, relation, target)?;
    limit_time(target, deadline)?;
    match evaluated(&format!("pg_catalog.max({lengths})"), relation, target, deadline)? {
        Ok(longest) if longest > ROW_BYTES_MAX => return Ok(Answer::TooLong),
        Ok(_) => {}
        Err(error) if error.is_transient() => {
            return Err(Error::new(format!("view {} cannot be read", view.target)).caused_by(error));
        }
        Err(error) => return Ok(Answer::Unreadable(error)),
    }
    limit_time(target, deadline)?;
    let cast = |place: usize| match casts.get(place).and_then(Option::as_ref) {
        Some(type_name) => format!("::{type_name}"),
        None => String::new(),
    };
    let columns = view.columns.iter().enumerate();
    let columns: Vec<String> =
        columns.map(|(place, name)| format!("{}{}", quote_pg(name), cast(place))).collect();
    let select = format!("SELECT {} FROM {relation}", columns.join(", "));
    let mut sums = Sums::default();
    let mut rows = TargetRows::select(&select, view.columns.len(), target)?;
    while rows.advance()? {
        sums.add(&view.conversions, &|place, out, precision| {
            let Some(conversion) = view.conversions.get(place) else { return out.push(UNREADABLE) };
            let mut scratch = Vec::new();
            match rows.field(place).map(|wire| conversion.decode(wire, &mut scratch)) {
                None => append(conversion, SourceValue::Null, precision, out),
                Some(Ok(value)) => append(conversion, value, precision, out),
                Some(Err(_)) => out.push(UNREADABLE),
            }
        });
    }
    Ok(Answer::Rows(sums))
}

/// Ends the next statements at `deadline`.
fn limit_time(target: &mut Connection, deadline: Instant) -> Result<()> {
    // Rounded up: PostgreSQL interprets zero as no limit, and must not end them early.
    let left = deadline.saturating_duration_since(Instant::now()).as_millis() + 1;
    target.query(&format!("SET LOCAL statement_timeout = {left}"), &[]).map(|_| ())
}

/// The length of a row, as an expression that evaluates each of its columns. The types are those that the view has now.
fn lengths(view: &PlannedView, relation: &str, target: &mut Connection) -> Result<String> {
    let sql = format!(
        "SELECT a.attname, CASE WHEN a.atttypid = 'pg_catalog.bytea'::pg_catalog.regtype THEN 'bytes' \
         WHEN a.attlen > 0 THEN 'fixed' ELSE 'text' END FROM pg_catalog.pg_attribute AS a \
         WHERE a.attrelid = pg_catalog.to_regclass({}) AND a.attnum > 0 AND NOT a.attisdropped",
        quote_pg_literal(relation)
    );
    let rows = target.query(&sql, &[])?;
    let kind = |column: &str| rows.iter().find(|row| row.text(0) == Some(column))?.text(1);
    let lengths = view.columns.iter().map(|column| {
        let name = quote_pg(column);
        let length = match kind(column) {
            Some("bytes") => format!("pg_catalog.octet_length({name})"),
            Some("fixed") => format!("pg_catalog.pg_column_size({name})"),
            _ => format!("pg_catalog.octet_length({name}::pg_catalog.text)"),
        };
        format!("coalesce({length}, 0)::pg_catalog.int8")
    });
    let lengths: Vec<String> = lengths.collect();
    Ok(if lengths.is_empty() { "0::pg_catalog.int8".to_owned() } else { lengths.join(" + ") })
}

/// Evaluates a query of one number inside the server, where its errors are caught.
fn evaluated(
    number: &str,
    relation: &str,
    target: &mut Connection,
    deadline: Instant,
) -> Result<std::result::Result<i64, ServerError>> {
    let select = format!(
        "SELECT pg_catalog.set_config('migration.longest_row', coalesce({number}, 0)::pg_catalog.text, true) FROM {relation}"
    );
    if let Err(error) = target.guarded_long(&select, Then::Keep, &mut || Ok(Instant::now() < deadline))? {
        return Ok(Err(error));
    }
    let answer = target.query("SELECT pg_catalog.current_setting('migration.longest_row')", &[])?;
    let longest = answer.into_iter().flatten().flatten().next().and_then(|longest| longest.parse().ok());
    longest.map(Ok).ok_or_else(|| Error::new("PostgreSQL does not say how long the rows of a view are"))
}

/// Whether an error is that the time was over.
fn is_over(error: &Error, deadline: Instant) -> bool {
    let is_cancelled =
        server_error(error).is_some_and(|error| error.sqlstate.as_deref() == Some(QUERY_CANCELED));
    is_cancelled && Instant::now() >= deadline
}

fn server_error(error: &Error) -> Option<&ServerError> {
    let first = std::error::Error::source(error);
    std::iter::successors(first, |error| error.source()).find_map(|error| error.downcast_ref())
}
