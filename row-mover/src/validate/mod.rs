//! Validation: reads every row back from PostgreSQL, undoes the conversion, and compares with the sealed copy; then the
//! schema, sequences and bookkeeping.
//!
//! It reads what PostgreSQL returns, never what was sent. Nothing here repairs anything.

mod behaviour;
mod bound;
pub mod catalog;
mod changed_rows;
mod clock;
mod compare;
mod defaults;
mod derived;
mod difference;
mod digest;
mod expected;
mod external_sort;
mod field;
mod fit;
mod inspected_rows;
mod key;
mod key_hash;
mod key_parts;
mod literal;
mod load_order;
mod loaded_chunks;
mod located_changes;
mod multiset;
mod pairs;
mod part_filters;
mod parts;
mod printed_text;
mod row_comparison;
mod row_counts;
mod row_hash;
mod row_location;
pub(crate) mod seeds;
mod sequences;
mod source_order;
mod target_rows;
mod unmatched;
mod unplanned_objects;
mod views;
mod work_queue;
mod workers;

use migrate_core::finding::{NotCompared, Reason, Subject};
use migrate_core::load_plan::LoadTables;
use migrate_core::plan::{PlannedColumn, PlannedTable};
use serde::Serialize;

use crate::error::Result;
use crate::ledger;
use crate::observer::Observer;
use crate::source::SourceConnection;
use postgres_client::connection::Connection;

pub(crate) use behaviour::behaviour;
pub(crate) use changed_rows::ChangedRows;
pub(crate) use compare::{REPORT_EACH_ROWS, Selection, SourceRows};
pub(crate) use defaults::defaults;
pub(crate) use derived::derived;
pub(crate) use difference::NAMED_DIFFERENCES_MAX;
pub use difference::{Difference, DifferenceKind};
pub(crate) use digest::Digested;
pub(crate) use key_hash::{KeyHash, KeyHasher};
pub(crate) use located_changes::{locate_changes, visit_source_rows};
pub(crate) use parts::selections;
pub(crate) use row_location::RowLocation;
pub(crate) use sequences::{existing_problem as sequence_behind, sequence_problems};
pub(crate) use source_order::terms as source_order_terms;
pub(crate) use target_rows::TargetRows;
pub(crate) use views::Views;
pub(crate) use workers::{export_snapshot, import_snapshot};

/// The result of comparing one table.
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
    /// Rows that PostgreSQL does not have.
    pub missing: u64,
    /// Rows that only PostgreSQL has.
    pub extra: u64,
    /// Rows with the same key and other values. In a table without a key: a missing row and an extra one that share at least half of
    /// their columns, among the first thousand of each.
    pub different: u64,
    /// Rows of the source that the plan's policy skips, and that must not be in PostgreSQL.
    pub rejected: u64,
    /// Values that became NULL by the plan's policy, and must be NULL in PostgreSQL.
    pub nulled: u64,
    /// The first few differences.
    pub first: Vec<Difference>,
    /// Duration in seconds.
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

    /// Adds the results of the next part of the table, in the order of keys.
    fn add(&mut self, part: TableComparison) {
        self.source_rows += part.source_rows;
        self.target_rows += part.target_rows;
        self.equal += part.equal;
        self.missing += part.missing;
        self.extra += part.extra;
        self.different += part.different;
        self.rejected += part.rejected;
        self.nulled += part.nulled;
        self.first.extend(part.first);
    }
}

/// The result of a check that compares the behaviour of the two databases.
#[derive(Clone, Debug, Serialize)]
pub struct CheckResult<D> {
    /// How many things were compared.
    pub compared: u64,
    /// Differences in behaviour.
    pub differences: Vec<D>,
    /// Parts that were not compared, with the reason.
    pub not_compared: Vec<NotCompared>,
}

impl<D> Default for CheckResult<D> {
    fn default() -> CheckResult<D> {
        CheckResult { compared: 0, differences: Vec::new(), not_compared: Vec::new() }
    }
}

impl<D> CheckResult<D> {
    /// Nothing was compared, and why.
    pub(crate) fn not_done(subject: Subject, reason: Reason) -> CheckResult<D> {
        CheckResult { not_compared: vec![NotCompared { subject, reason }], ..CheckResult::default() }
    }
}

/// How a comparison is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompareOptions {
    /// Whether the values of differing fields are shown; those of secret columns never are.
    pub show_values: bool,
    /// How many parts of tables are compared at once.
    pub workers: usize,
    /// Whether nothing at all is written to PostgreSQL, not even in a transaction that is rolled back: no constraint is tried then.
    pub read_only: bool,
}

/// Compares the tables of a run, several parts of them at once, in one snapshot of the target, which `holder` keeps meanwhile; the
/// results are in the order of `tables`.
///
/// # Errors
/// When either side cannot be read.
pub(crate) fn compare_rows(
    tables: &LoadTables<'_>,
    run_id: i64,
    options: CompareOptions,
    open_source: &(dyn Fn() -> Result<SourceConnection> + Sync),
    open_target: &(dyn Fn() -> Result<Connection> + Sync),
    holder: &mut Connection,
    observer: &dyn Observer,
) -> Result<Vec<TableComparison>> {
    let chunks = ledger::chunk_transactions(holder, run_id)?;
    workers::compare(tables, &chunks, options, &workers::Sides { open_source, open_target }, holder, observer)
}

/// Whether a table has a key, and both sides have its rows in one order by it.
fn can_merge(table: &PlannedTable) -> bool {
    let key = table.key_positions();
    let keeps_order = |position: &usize| table.columns.get(*position).is_some_and(PlannedColumn::keeps_order);
    // While the target's rows are read, it cannot be asked for what it prints.
    let is_free = !table.columns.iter().any(printed_text::is_printed);
    is_free && !key.is_empty() && key.iter().all(keeps_order)
}
