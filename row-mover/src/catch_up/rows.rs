//! Reads the rows of a difference from a sealed copy, always in the same order.

use migrate_core::plan::PlannedTable;

use crate::difference::RowSet;
use crate::error::Result;
use crate::source::SourceConnection;
use crate::source::rows::SourceRow;

/// Hands each of the rows to `visit`.
pub(super) fn each_row(
    table: &PlannedTable,
    rows: &RowSet,
    source: &SourceConnection,
    visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
) -> Result<()> {
    rows.each(table, source, &|| unreadable(table), visit)
}

pub(super) fn unreadable(table: &PlannedTable) -> String {
    format!("table {} of the sealed copy cannot be read", table.source)
}
