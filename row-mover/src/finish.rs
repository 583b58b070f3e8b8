//! What follows the rows: sequences past the highest number, and statistics for the planner of queries.
//!
//! Keys, indexes and foreign keys themselves are a migration; running it is the run's part.

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Text};
use migrate_core::plan::PlannedTable;

use crate::error::Result;
use crate::source::{SourceConnection, introspect};
use crate::target::PooledConnection;
use crate::target::pool::diesel_failed;

/// Sets each sequence so that the next number is past every number that the source has ever given.
///
/// # Errors
/// When the source cannot be read or the target refuses.
pub(crate) fn set_sequences(
    source: &SourceConnection,
    target: &mut PooledConnection,
    tables: &[&PlannedTable],
) -> Result<()> {
    for table in tables {
        let Some((column, sequence)) = table.sequence_column() else { continue };
        let highest = introspect::highest_number(source, &table.source, &column.source)?;
        // A sequence begins at 1; where no number above 0 was given, it stays there.
        let Some(highest) = highest.filter(|&highest| highest > 0) else { continue };
        diesel::sql_query("SELECT setval($1::regclass, $2, true)")
            .bind::<Text, _>(table.qualified(sequence))
            .bind::<BigInt, _>(highest)
            .execute(target)
            .map_err(diesel_failed(format!("sequence {sequence} of {} cannot be set", table.source)))?;
    }
    Ok(())
}

/// Gathers statistics, without which the first queries of the app would be planned blindly.
///
/// # Errors
/// When the target refuses.
pub(crate) fn analyze(target: &mut PooledConnection, tables: &[&PlannedTable]) -> Result<()> {
    for table in tables {
        diesel::sql_query(format!("ANALYZE {}", table.qualified(&table.target)))
            .execute(target)
            .map_err(diesel_failed(format!("table {} cannot be analyzed", table.target)))?;
    }
    Ok(())
}
