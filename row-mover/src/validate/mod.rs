//! Validation: reads every row back from PostgreSQL, undoes the conversion, and compares with the sealed copy; then the
//! schema, sequences and bookkeeping.
//!
//! It reads what PostgreSQL says, never what was sent. Nothing here repairs anything.

pub mod catalog;
mod clock;
mod compare;
mod defaults;
mod digest;
mod expected;
mod key;
mod multiset;
mod sequences;
mod source_order;
mod strays;
mod target_rows;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use migrate_core::identifier::quote_pg;
use migrate_core::plan::PlannedTable;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::target::bulk::BulkConnection;
use crate::target::server_error::ServerError;

pub use compare::{Difference, DifferenceKind};
pub(crate) use defaults::defaults;
pub use sequences::sequence_problems;
pub(crate) use target_rows::TargetRows;

/// What comparing one table found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TableComparison {
    /// The table, by source name.
    pub table: String,
    /// Rows in the sealed copy.
    pub source_rows: u64,
    /// Rows in PostgreSQL.
    pub target_rows: u64,
    /// Rows that are the same on both sides.
    pub equal: u64,
    /// Rows that PostgreSQL has not.
    pub missing: u64,
    /// Rows that only PostgreSQL has.
    pub extra: u64,
    /// Rows with the same key and other values.
    pub different: u64,
    /// Rows of the source that stayed behind by the plan's policy, and are not to be in PostgreSQL.
    pub rejected: u64,
    /// Values that became NULL by the plan's policy, and are to be NULL in PostgreSQL.
    pub nulled: u64,
    /// The first few differences.
    pub first: Vec<Difference>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl TableComparison {
    /// Whether both sides are the same.
    pub fn is_equal(&self) -> bool {
        self.missing == 0
            && self.extra == 0
            && self.different == 0
            && self.source_rows == self.target_rows + self.rejected
    }
}

/// What came of trying things out in both databases.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tried {
    /// How many things were tried.
    pub tried: u64,
    /// Where the two databases do not do the same, in words.
    pub problems: Vec<String>,
    /// What was not tried, with the reason.
    pub left_out: Vec<LeftOut>,
}

/// Something that was not tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// How a comparison is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompareOptions {
    /// Whether the values of differing fields are shown; those of secret columns never are.
    pub show_values: bool,
    /// How many tables are compared at once.
    pub workers: usize,
}

/// Compares `tables`, several at once, in one snapshot of the target.
///
/// # Errors
/// When either side cannot be read.
pub fn compare_rows(
    tables: &[&PlannedTable],
    options: CompareOptions,
    open_source: &(dyn Fn() -> Result<SourceConnection> + Sync),
    open_target: &(dyn Fn() -> Result<BulkConnection> + Sync),
    observer: &dyn Observer,
) -> Result<Vec<TableComparison>> {
    let mut keeper = open_target()?;
    let snapshot = export_snapshot(&mut keeper)?;
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(tables.len()));
    let without_connection = Mutex::new(None);
    let work = || -> Result<()> {
        let source = open_source()?;
        let mut target = match open_target() {
            // Others may have connections: what they leave undone shows in the end.
            Err(error) if error.is_passing() => {
                *without_connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                return Ok(());
            }
            target => target?,
        };
        import_snapshot(&mut target, &snapshot)?;
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(table) = tables.get(position) else { break };
            let started = Instant::now();
            let mut found = compare_table(table, options, &source, &mut target, observer)
                .map_err(|error| cannot_compare(table, error))?;
            found.seconds = started.elapsed().as_secs_f64();
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((position, found));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..options.workers.clamp(1, tables.len().max(1))).map(|_| scope.spawn(work)).collect();
        let results = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Error::new("a thread that compares rows stopped unexpectedly")))
        });
        results.fold(Ok(()), Result::and)
    })?;
    keeper.query("COMMIT", &[])?;
    let without_connection =
        without_connection.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(error) = without_connection.filter(|_| results.len() < tables.len()) {
        return Err(error);
    }
    results.sort_by_key(|(position, _)| *position);
    Ok(results.into_iter().map(|(_, found)| found).collect())
}

fn compare_table(
    table: &PlannedTable,
    options: CompareOptions,
    source: &SourceConnection,
    target: &mut BulkConnection,
    observer: &dyn Observer,
) -> Result<TableComparison> {
    let key = table.key_positions();
    let can_merge = !key.is_empty() && key.iter().all(|&position| table.columns[position].keeps_order());
    if can_merge {
        compare::merge(table, &key, options.show_values, source, target, observer)
    } else {
        multiset::compare(table, source, target, observer)
    }
}

/// Says which table it was. A role that may not see every row is told so: a part of a table proves nothing.
fn cannot_compare(table: &PlannedTable, error: Error) -> Error {
    // SQLSTATE 42501, insufficient_privilege: no right to read, or row level security in a session that has it off.
    let is_refused = std::error::Error::source(&error)
        .and_then(|cause| cause.downcast_ref::<ServerError>())
        .is_some_and(|cause| cause.sqlstate.as_deref() == Some("42501"));
    let wrapped = Error::new(format!("table {} cannot be compared", table.source)).because(error);
    if !is_refused {
        return wrapped;
    }
    wrapped.next(format!(
        "this role may not see every row of {name}: validate as a role that may (SELECT on it, and BYPASSRLS where it has row \
         level security), or switch that off: ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
        name = quote_pg(&table.target)
    ))
}

/// Begins a transaction that sees one state of the target, and lets others see the same (manual, section 9.28.5).
fn export_snapshot(keeper: &mut BulkConnection) -> Result<String> {
    keeper.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &[])?;
    let rows = keeper.query("SELECT pg_export_snapshot()", &[])?;
    rows.into_iter()
        .flatten()
        .flatten()
        .next()
        .ok_or_else(|| Error::new("PostgreSQL gave no snapshot to compare in"))
}

fn import_snapshot(target: &mut BulkConnection, snapshot: &str) -> Result<()> {
    target.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &[])?;
    let quoted = migrate_core::identifier::quote_pg_literal(snapshot);
    target.query(&format!("SET TRANSACTION SNAPSHOT {quoted}"), &[]).map(|_| ())
}
