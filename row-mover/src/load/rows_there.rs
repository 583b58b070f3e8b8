//! The rows of the source that an app's table already holds, equal in all loaded columns: they are not sent again.

use std::collections::HashSet;

use migrate_core::plan::{IS_EQUAL, PlannedTable, SOURCE_ROW};

use crate::error::Result;
use crate::ledger::Chunk;
use crate::source::row_range::StoredRange;
use crate::source::rows::SourceRow;
use postgres_client::connection::Connection;

/// Those of one chunk, by rowid or else by their number in a scan of the table.
#[derive(Debug, Default)]
pub(super) struct RowsThere(HashSet<i64>);

impl RowsThere {
    /// Whether a row is one of them. `place` counts the rows of the table, from 1.
    pub(super) fn has(&self, row: &SourceRow<'_>, place: u64) -> bool {
        !self.0.is_empty() && self.0.contains(&row.number(place))
    }
}

/// Reads those of a chunk.
///
/// # Errors
/// When the target refuses or is lost.
pub(super) fn rows_there(table: &PlannedTable, chunk: &Chunk, target: &mut Connection) -> Result<RowsThere> {
    let Some(existing) = table.existing.as_ref().filter(|existing| existing.keeps_rows()) else {
        return Ok(RowsThere::default());
    };
    let numbers = match chunk.range {
        None => None,
        Some(StoredRange::Rowids(range)) => Some((range.first, range.last)),
        Some(StoredRange::Keys { .. }) => {
            let rows = chunk.planned_rows.unwrap_or(i64::MAX);
            Some((chunk.rows_before.saturating_add(1), chunk.rows_before.saturating_add(rows)))
        }
    };
    let within = numbers
        .map_or(String::new(), |(first, last)| format!(" AND {SOURCE_ROW} BETWEEN {first} AND {last}"));
    let sql = format!("SELECT {SOURCE_ROW} FROM {} WHERE {IS_EQUAL}{within}", existing.saved_rows());
    let numbers: Vec<i64> = target.load(&sql, &[])?;
    Ok(RowsThere(numbers.into_iter().collect()))
}
