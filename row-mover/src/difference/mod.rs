//! What has changed between two sealed copies of the same source: the rows of each planned table that only one of them has.
//!
//! Rows are compared as the load reads them: by rowid, storage class and bytes of each planned column. Nothing here knows PostgreSQL, and
//! rows are not paired by their keys: a row whose rowid has changed is removed and added.

mod by_rowid;
mod encoded_row;
mod multiset;
mod row_set;
mod schema;
mod sequences;
mod work;

use migrate_core::plan::PlannedTable;
use postgres_client::watch::Watch;

use crate::error::Result;
use crate::source::SourceConnection;
pub use row_set::RowSet;
pub use schema::{ObjectKind, SchemaChange, SourceSchemaChanged};

/// The difference between two copies.
#[derive(Debug)]
pub enum Difference {
    /// The schemas are the same, and rows may differ.
    Rows(RowDifference),
    /// The schemas differ, so that the plan no longer describes the newer copy. Rows were not compared.
    Schema(Vec<SchemaChange>),
}

/// The rows that differ.
#[derive(Debug, Default)]
pub struct RowDifference {
    /// The tables with changes, in the plan's order.
    pub tables: Vec<TableDifference>,
    /// The planned tables, by source name, whose last number of AUTOINCREMENT differs: it can move without a change of a row that is left.
    pub sequences: Vec<String>,
}

impl RowDifference {
    /// Whether nothing has to be done to turn the older copy into the newer one.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.sequences.is_empty()
    }
}

/// The rows that differ in one table. A row that was changed is in both sets.
#[derive(Debug)]
pub struct TableDifference {
    /// The table, by source name.
    pub table: String,
    /// Rows of the older copy that the newer one does not have.
    pub removed: RowSet,
    /// Rows of the newer copy that the older one does not have.
    pub added: RowSet,
}

/// Returns what has changed in `tables` from the copy `base` to the copy `newer`.
///
/// # Errors
/// When a copy cannot be read, or the work is to stop.
pub fn difference(
    base: &SourceConnection,
    newer: &SourceConnection,
    tables: &[&PlannedTable],
    watch: &dyn Watch,
) -> Result<Difference> {
    let changes = schema::changes(base, newer)?;
    if !changes.is_empty() {
        return Ok(Difference::Schema(changes));
    }
    let found = work::compare(base, newer, tables, watch)?;
    let tables_changed = tables.iter().zip(found).filter_map(|(table, changed)| {
        let by_rowid::Changed { removed, added } = changed;
        let is_changed = !removed.is_empty() || !added.is_empty();
        is_changed.then(|| TableDifference { table: table.source.clone(), removed, added })
    });
    Ok(Difference::Rows(RowDifference {
        tables: tables_changed.collect(),
        sequences: sequences::changed(base, newer, tables)?,
    }))
}

fn unreadable(table: &PlannedTable, copy: &SourceConnection) -> String {
    format!("table {} of {} cannot be read", table.source, copy.path().display())
}
