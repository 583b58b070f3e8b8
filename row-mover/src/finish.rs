//! Sets sequences past the highest number and collects planner statistics, after the rows are loaded.
//!
//! Keys, indexes and foreign keys are a migration of their own, which the run applies.

use migrate_core::plan::PlannedTable;

use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;
use crate::source::{SourceConnection, introspect};
use postgres_client::connection::Connection;
use postgres_client::guarded;
use postgres_client::watch::{Watch, check_stop};

/// Sets each sequence so that the next number is past every number that the source has ever issued; never backwards, since what
/// surrounds this may be rolled back, and a sequence is not.
///
/// # Errors
/// When the source cannot be read or the target refuses.
pub(crate) fn set_sequences(
    source: &SourceConnection,
    target: &mut Connection,
    tables: &[&PlannedTable],
) -> Result<()> {
    let marks = introspect::Marks::read(source)?;
    for table in tables {
        let Some((column, sequence)) = table.sequence_column() else { continue };
        let highest = marks.highest_number(source, &table.source, &column.source)?;
        // A sequence begins at 1 and remains there if the source has issued no number above 0.
        let Some(highest) = highest.filter(|&highest| highest > 0) else { continue };
        let failed = || format!("sequence {sequence} of {} cannot be set", table.source);
        // A number beyond the bounds would be refused by its digits, which are those of a key.
        let sql = "SELECT setval(seqrelid::regclass, greatest($2::bigint, pg_sequence_last_value(seqrelid::regclass)), true) FROM pg_sequence \
                   WHERE seqrelid = $1::regclass AND $2::bigint BETWEEN seqmin AND seqmax";
        let set = target
            .query(sql, &[Some(&table.qualified(sequence)), Some(&highest.to_string())])
            .context(failed)?;
        if set.is_empty() {
            return Err(Error::new(failed())
                .caused_by("its bounds have no room for the highest number of the source")
                .with_remedy_value(Remedy::ResumeAfter("raise its MAXVALUE in the target".to_owned())));
        }
    }
    Ok(())
}

/// Gathers statistics of a table.
///
/// # Errors
/// When the target refuses, or the work is to stop.
pub(crate) fn analyze(target: &mut Connection, table: &PlannedTable, watch: &dyn Watch) -> Result<()> {
    check_stop(watch)?;
    // The function computes index expressions, possibly for rows that are not ours.
    let sql = format!("ANALYZE {}", table.qualified(&table.target));
    guarded::run(target, &sql, &format!("table {} cannot be analyzed", table.target))
}
