//! Finds rows whose keys clash with each other in a table that an app made, before anything moves: its keys may be stricter than the
//! source's. Rows that the table already holds are not its subject.

use std::collections::HashSet;

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::{PlannedColumn, PlannedTable};

use crate::error::{Context, Result};
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::SourceConnection;
use crate::source::preflight::{Offender, Offenders, Remedies, TableFindings, add_offender, row_key};
use crate::source::rows::{Scan, SourceRow, Value, Values};
use crate::validate::{KeyHash, KeyHasher};

/// Adds to `found` the rows of the source whose keys clash. `table` has its policies, and no generated columns.
///
/// # Errors
/// When the source cannot be read.
pub(super) fn find(source: &SourceConnection, table: &PlannedTable, found: &mut TableFindings) -> Result<()> {
    for key in table.primary_key.iter().chain(&table.unique) {
        let position = |name: &String| table.columns.iter().position(|column| column.target == *name);
        let Some(positions) = key.columns.iter().map(position).collect::<Option<Vec<usize>>>() else {
            continue;
        };
        if is_unique_anyway(source, table, &positions)? {
            continue;
        }
        let mut clashes = Clashes { table, positions, seen: HashSet::new() };
        let offenders = clashes.find(source)?;
        found.offenders.extend(offenders);
    }
    Ok(())
}

/// Whether the source guarantees that the values of these columns are unique, and their conversions keep them so: then no key has to be
/// remembered.
fn is_unique_anyway(source: &SourceConnection, table: &PlannedTable, positions: &[usize]) -> Result<bool> {
    let columns: Vec<&PlannedColumn> =
        positions.iter().filter_map(|&place| table.columns.get(place)).collect();
    if !columns.iter().all(|column| column.conversion.is_injective() && column.keeps_order()) {
        return Ok(false);
    }
    let names: Vec<String> =
        columns.iter().map(|column| format!("{} COLLATE BINARY", quote_sqlite(&column.source))).collect();
    let sql = format!(
        "SELECT 1 FROM {} GROUP BY {} HAVING count(*) > 1 LIMIT 1",
        quote_sqlite(&table.source),
        names.join(", ")
    );
    let failed = || format!("the keys of table {} cannot be read", table.source);
    let mut statement = source.connection().prepare(&sql).context(failed)?;
    Ok(!statement.exists([]).context(failed)?)
}

struct Clashes<'a> {
    table: &'a PlannedTable,
    positions: Vec<usize>,
    /// The keys of the rows that were read.
    seen: HashSet<KeyHash>,
}

impl Clashes<'_> {
    fn find(&mut self, source: &SourceConnection) -> Result<Vec<Offenders>> {
        let failed = || format!("the keys of table {} cannot be read", self.table.source);
        let names: Vec<&str> = (self.positions.iter())
            .filter_map(|&position| self.table.columns.get(position))
            .map(|column| column.source.as_str())
            .collect();
        let (names, table) = (names.join(", "), self.table);
        let (mut offenders, mut scratch) = (Vec::new(), RowBuffer::default());
        Scan::of(table).each(source, &failed, &mut |row| {
            scratch.clear();
            let outcome = row_encoder::append_row(table, row, &mut scratch).context(failed)?;
            if matches!(outcome, RowOutcome::Skipped(_) | RowOutcome::Stops(_)) {
                return Ok(());
            }
            let Some(hash) = self.hash(row).context(failed)? else { return Ok(()) };
            if self.seen.insert(hash) {
                return Ok(());
            }
            let reason =
                format!("a row before it has the same key, which {} takes once in PostgreSQL", table.target);
            let describe = || Offender { key: row_key(table, row.held()), reason };
            add_offender(&mut offenders, &names, Remedies::none(), describe);
            Ok(())
        })?;
        Ok(offenders)
    }

    /// The hash of a row's key; none where a part of it is NULL or cannot move.
    fn hash(&self, row: &SourceRow<'_>) -> rusqlite::Result<Option<KeyHash>> {
        let mut hash = Some(KeyHasher::default());
        for &place in &self.positions {
            let Some(column) = self.table.columns.get(place) else { return Ok(None) };
            hash = match row.value(place)? {
                Value::Held(value) => hash.and_then(|hash| hash.with(column, value)),
                // No index of PostgreSQL accepts a key as long as this.
                Value::Long(_) => None,
                Value::Uncomputed(_) => None,
            };
        }
        Ok(hash.map(KeyHasher::finish))
    }
}
