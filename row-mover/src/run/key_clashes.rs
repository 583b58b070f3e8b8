//! Finds rows whose keys clash in a table that an app made, before anything moves: with each other, where its keys are stricter than
//! the source's, or with rows that the table already holds.

use std::collections::HashSet;

use migrate_core::identifier::{quote_pg, quote_sqlite};
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;
use sha2::{Digest, Sha256};

use crate::error::{Context, Result};
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::SourceConnection;
use crate::source::preflight::{Offender, Offenders, Remedies, TableFindings, add_offender, row_key};
use crate::source::rows::{Scan, SourceRow, Value, Values};
use crate::validate::TargetRows;
use postgres_client::connection::Connection;

/// A hash of a key, in a form in which values that are equal in PostgreSQL have the same bytes.
type KeyHash = [u8; 16];

/// Adds to `found` the rows of the source whose keys clash. `table` has its policies, and no generated columns. `kept` selects the rows
/// that the table already holds; none if the new rows cannot clash with any.
///
/// # Errors
/// When either side cannot be read.
pub(super) fn find(
    source: &SourceConnection,
    target: &mut Connection,
    table: &PlannedTable,
    kept: Option<&str>,
    found: &mut TableFindings,
) -> Result<()> {
    for key in table.primary_key.iter().chain(&table.unique) {
        let position = |name: &String| table.columns.iter().position(|column| column.target == *name);
        let Some(positions) = key.columns.iter().map(position).collect::<Option<Vec<usize>>>() else {
            continue;
        };
        let held = match kept {
            Some(from) => held_keys(target, table, &positions, from)?,
            None => HashSet::new(),
        };
        if held.is_empty() && is_unique_anyway(source, table, &positions)? {
            continue;
        }
        let mut clashes = Clashes { table, positions, seen: HashSet::new(), held };
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

/// The keys of rows that the target holds already.
fn held_keys(
    target: &mut Connection,
    table: &PlannedTable,
    positions: &[usize],
    from: &str,
) -> Result<HashSet<KeyHash>> {
    let columns: Vec<&PlannedColumn> =
        positions.iter().filter_map(|&place| table.columns.get(place)).collect();
    let names: Vec<String> = columns.iter().map(|column| quote_pg(&column.target)).collect();
    let mut rows =
        TargetRows::select(&format!("SELECT {} FROM {from}", names.join(", ")), columns.len(), target)?;
    let (mut keys, mut scratch) = (HashSet::new(), Vec::new());
    while rows.advance()? {
        let mut hash = Some(KeyHasher::default());
        for (place, column) in columns.iter().enumerate() {
            let value = rows.field(place).and_then(|wire| column.decode(wire, &mut scratch).ok());
            // A NULL clashes with nothing, nor does a value that the source could not have held.
            hash = hash.and_then(|hash| hash.with(column, value.unwrap_or(SourceValue::Null)));
        }
        keys.extend(hash.map(KeyHasher::finish));
    }
    Ok(keys)
}

struct Clashes<'a> {
    table: &'a PlannedTable,
    positions: Vec<usize>,
    /// The keys of the rows that were read.
    seen: HashSet<KeyHash>,
    held: HashSet<KeyHash>,
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
            let reason = if self.held.contains(&hash) {
                format!("a row that {} holds already in PostgreSQL has this key", table.target)
            } else if !self.seen.insert(hash) {
                format!("a row before it has the same key, which {} takes once in PostgreSQL", table.target)
            } else {
                return Ok(());
            };
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

#[derive(Default)]
struct KeyHasher {
    hasher: Sha256,
    form: Vec<u8>,
}

impl KeyHasher {
    /// Adds a part; none where it is NULL or none that could be sent.
    fn with(mut self, column: &PlannedColumn, value: SourceValue<'_>) -> Option<KeyHasher> {
        if value.is_null() {
            return None;
        }
        self.form.clear();
        column.unique_form(value, &mut self.form).ok()?;
        if column.limit == Some(migrate_core::conversion::Limit::FoldedCase) {
            let folded = String::from_utf8_lossy(&self.form).to_lowercase();
            self.form = folded.into_bytes();
        }
        self.hasher.update((self.form.len() as u64).to_be_bytes());
        self.hasher.update(&self.form);
        Some(self)
    }

    fn finish(self) -> KeyHash {
        let digest = self.hasher.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        half
    }
}
