//! Sets sequences past the highest number and collects planner statistics, after the rows are loaded.
//!
//! Keys, indexes and foreign keys are a migration of their own, which the run applies.

use migrate_core::conversion::PgType;
use migrate_core::identifier::quote_pg;
use migrate_core::plan::PlannedTable;
use migrate_core::target_schema::TargetColumn;

use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;
use crate::source::{SourceConnection, introspect};
use postgres_client::connection::Connection;
use postgres_client::guarded;
use postgres_client::watch::{Watch, check_stop};

/// Sets each sequence so that the next number is past every number that the source has ever issued.
///
/// # Errors
/// When the source cannot be read or the target refuses.
pub(crate) fn set_sequences(
    source: &SourceConnection,
    target: &mut Connection,
    tables: &[&PlannedTable],
) -> Result<()> {
    for table in tables {
        let Some((column, sequence)) = table.sequence_column() else { continue };
        let highest = introspect::highest_number(source, &table.source, &column.source)?;
        // A sequence begins at 1 and remains there if the source has issued no number above 0.
        let Some(highest) = highest.filter(|&highest| highest > 0) else { continue };
        let failed = || format!("sequence {sequence} of {} cannot be set", table.source);
        // A number beyond the bounds would be refused by its digits, which are those of a key.
        let sql = "SELECT setval(seqrelid::regclass, $2::bigint, true) FROM pg_sequence \
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

/// Sets the sequences of tables that an app made past every number that is in use, and past every one that the source has issued; never
/// backwards.
///
/// # Errors
/// When the source cannot be read or the target refuses.
pub(crate) fn set_existing_sequences(
    source: &SourceConnection,
    target: &mut Connection,
    tables: &[&PlannedTable],
) -> Result<()> {
    for numbered in tables.iter().flat_map(|table| existing_sequences(table)) {
        let highest = numbered.highest_source_number(source)?;
        let (column, sequence) = (quote_pg(&numbered.column.name), &numbered.sequence);
        // A sequence that counts down, or has no room for the number, is left to the app: validation reports it.
        let sql = format!(
            "SELECT setval(to_regclass($1)::oid::regclass, n.highest, true) FROM {sequence} AS s, pg_sequence AS q, \
             (SELECT greatest((SELECT max({column}) FROM {}), $2::bigint)::bigint AS highest) AS n \
             WHERE q.seqrelid = to_regclass($1) AND q.seqincrement > 0 AND n.highest BETWEEN q.seqmin AND q.seqmax \
             AND (n.highest > s.last_value OR n.highest = s.last_value AND NOT s.is_called)",
            numbered.table.name_in_sql()
        );
        let highest = highest.map(|number| number.to_string());
        target
            .execute(&sql, &[Some(sequence), highest.as_deref()])
            .context(|| format!("sequence {sequence} of {} cannot be set", numbered.table.target))?;
    }
    Ok(())
}

/// A sequence that numbers a column of a table that an app made.
pub(crate) struct ExistingSequence<'a> {
    /// The table.
    pub(crate) table: &'a PlannedTable,
    /// The column, as the target has it.
    pub(crate) column: &'a TargetColumn,
    /// The sequence, as SQL names it.
    pub(crate) sequence: String,
}

impl ExistingSequence<'_> {
    /// The highest number that the source has issued for the column.
    pub(crate) fn highest_source_number(&self, source: &SourceConnection) -> Result<Option<i64>> {
        // The highest value is read again in the target: here the counter of AUTOINCREMENT matters, which only integers have.
        let planned = self.table.target_column(&self.column.name).filter(|column| {
            matches!(column.target_type, PgType::Bigint | PgType::Integer | PgType::Smallint)
                && column.profile.is_none_or(|seen| seen.values() == seen.integers)
        });
        let Some(column) = planned else { return Ok(None) };
        introspect::highest_number(source, &self.table.source, &column.source)
    }
}

/// The sequences of a table that an app made.
pub(crate) fn existing_sequences(table: &PlannedTable) -> impl Iterator<Item = ExistingSequence<'_>> {
    let columns = table.existing.iter().flat_map(|existing| &existing.table.columns);
    columns.filter_map(move |column| {
        column.sequence.clone().map(|sequence| ExistingSequence { table, column, sequence })
    })
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
