//! Reads a view in SQLite, within limits: its SQL comes from the file, and none of the plan's indexes help it.

use std::time::Instant;

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::PlannedView;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use super::VALUE_BYTES_MAX;
use super::sums::{Sums, UNREADABLE, append};
use crate::error::{Context, Result};
use crate::source::integrity_check::longest_statement;
use crate::source::{SourceConnection, scan};

/// Why SQLite's part of a view is not known.
pub(super) enum Failure {
    /// Its time was over, or the work is to stop.
    Interrupted,
    /// It has a value that is longer than may be.
    TooLong,
    /// SQLite alone cannot read it.
    Unreadable(String),
}

/// Lets views be read on this connection, which reads nothing else.
pub(super) fn prepare(source: &SourceConnection) -> Result<()> {
    let failed = || "the views of the sealed copy cannot be read".to_owned();
    let connection = source.connection();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, true).context(failed)?;
    // SQLite itself refuses a longer value, whether it is read, concatenated by a function or sorted, before it is in memory. The limit
    // applies to the statements of the schema, too.
    let length_max = longest_statement(connection).context(failed)?.max(VALUE_BYTES_MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length_max).context(failed)?;
    Ok(())
}

/// Reads a view until `deadline`.
pub(super) fn sums(
    view: &PlannedView,
    source: &SourceConnection,
    deadline: Instant,
) -> std::result::Result<Sums, Failure> {
    source.control().set_deadline(Some(deadline));
    let sums = read(view, source.connection());
    source.control().set_deadline(None);
    sums.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => Failure::Interrupted,
        Some(ErrorCode::TooBig) => Failure::TooLong,
        _ => Failure::Unreadable(error.to_string()),
    })
}

fn read(view: &PlannedView, source: &Connection) -> rusqlite::Result<Sums> {
    let mut statement = source.prepare(&format!("SELECT * FROM {}", quote_sqlite(&view.source)))?;
    let mut sums = Sums::default();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        sums.add(&view.conversions, &|place, out, precision| match (
            row.get_ref(place),
            view.conversions.get(place),
        ) {
            (Ok(value), Some(conversion)) => append(conversion, scan::value(value), precision, out),
            _ => out.push(UNREADABLE),
        });
    }
    Ok(sums)
}
