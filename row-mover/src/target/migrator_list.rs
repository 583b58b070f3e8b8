//! The list of migrations that the app's own migrator keeps: reads it, and creates it.
//!
//! The table may have been made by somebody else. Writing to it would run that role's triggers and defaults as us, so that it has to be
//! as the migrator creates it; for reading, two columns suffice, because later versions of the migrator add some.

use migrate_core::baseline::{Baseline, ListedRow};

use crate::error::{Context, Error, Result};
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;
use postgres_client::server_error::ServerError;
use serde::{Deserialize, Serialize};

const SHAPE_SQL: &str = include_str!("migrator_list.sql");

/// The SQLSTATEs of a schema, a table or a type that another session has created meanwhile (manual, appendix A).
const CREATED_MEANWHILE: [&str; 4] = ["23505", "42P06", "42P07", "42710"];

/// A baseline that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenBaseline {
    /// The rows and their table.
    #[serde(flatten)]
    pub baseline: Baseline,
    /// Whether the run created the schema.
    pub made_schema: bool,
    /// Whether the run created the table.
    pub made_table: bool,
}

/// What is in the place of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// Nothing.
    Absent,
    /// A table that this role may not read.
    Closed,
    /// Something that cannot be read as the list.
    NotReadable,
    /// A list.
    Listed(Listed),
}

/// A list that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its rows, in the order of their time.
    pub(crate) rows: Vec<ListedRow>,
    /// Whether it is as the migrator creates it.
    pub(crate) is_plain: bool,
    /// Whether this role may write to it.
    pub(crate) may_write: bool,
}

/// How long the list is locked for: until the end of the transaction.
#[derive(Clone, Copy)]
pub(crate) enum Lock {
    /// Keeps it from being altered or dropped.
    Read,
    /// Keeps also triggers, rules and defaults from being added, and the migrator from adding rows.
    Write,
}

/// Reads the list.
///
/// # Errors
/// When the target cannot be read, or this role may not use the schema.
pub(crate) fn read(connection: &mut Connection, baseline: &Baseline) -> Result<List> {
    // Nothing is written that would have to be committed.
    connection.undone_transaction(|connection| locked(connection, baseline, Lock::Read))
}

/// Locks the list until the end of the open transaction, and reads it.
///
/// # Errors
/// As [`read`].
pub(crate) fn locked(connection: &mut Connection, baseline: &Baseline, lock: Lock) -> Result<List> {
    let name = baseline.name();
    let failed = || format!("{name}, the list of the app's migrator, cannot be read");
    if let Some(other) = shape(connection, &name).context(failed)?.err() {
        return Ok(other);
    }
    let mode = match lock {
        Lock::Read => "ACCESS SHARE",
        Lock::Write => "SHARE ROW EXCLUSIVE",
    };
    connection.script(&format!("LOCK TABLE ONLY {name} IN {mode} MODE")).context(failed)?;
    // It may have been replaced before it was locked.
    let (is_plain, may_write) = match shape(connection, &name).context(failed)? {
        Ok(shape) => shape,
        Err(other) => return Ok(other),
    };
    let sql = format!("SELECT hash, created_at FROM ONLY {name} ORDER BY created_at, hash");
    let rows: Vec<(String, Option<i64>)> = connection.load(&sql, &[]).context(failed)?;
    let rows = rows.into_iter().map(|(hash, created_at_ms)| ListedRow { hash, created_at_ms }).collect();
    Ok(List::Listed(Listed { rows, is_plain, may_write }))
}

/// Whether the relation is as the migrator creates it, and whether this role may write to it; or what it is if it cannot be read.
fn shape(connection: &mut Connection, name: &str) -> Result<std::result::Result<(bool, bool), List>> {
    let found: Option<(bool, bool, bool, bool)> = connection.first(SHAPE_SQL, &[Some(name)])?;
    Ok(match found {
        None => Err(List::Absent),
        Some((_, _, false, _)) => Err(List::Closed),
        Some((false, ..)) => Err(List::NotReadable),
        Some((true, is_plain, true, may_write)) => Ok((is_plain, may_write)),
    })
}

/// Whether the schema of the list exists.
///
/// # Errors
/// When the target cannot be read.
pub(crate) fn has_schema(connection: &mut Connection, baseline: &Baseline) -> Result<bool> {
    let sql = "SELECT to_regnamespace(quote_ident($1)) IS NOT NULL";
    connection.one(sql, &[Some(&baseline.schema)]).context(|| "the target cannot be examined")
}

/// Creates the schema or the table of the list by `sql`, in the open transaction. The error is transient if another session creates it at
/// the same moment.
///
/// # Errors
/// When the target refuses.
pub(crate) fn create(connection: &mut Connection, baseline: &Baseline, sql: &str) -> Result<()> {
    connection.guarded(sql, Then::Keep)?.map(drop).map_err(|refused: ServerError| {
        let is_race = refused.sqlstate.as_deref().is_some_and(|state| CREATED_MEANWHILE.contains(&state));
        let error =
            Error::new(format!("{}, the list of the app's migrator, cannot be created", baseline.name()))
                .caused_by(refused);
        if is_race { error.transient() } else { error }
    })
}
