//! Compares a table that has no key to merge by: as a multiset of rows, by the sum of a hash of each.
//!
//! Sums modulo 2^128, never XOR, so that two equal rows do not cancel each other out. It finds any difference, and says how
//! many rows each side has; without a key it cannot name the rows.

use migrate_core::plan::PlannedTable;
use migrate_core::value::SourceValue;
use sha2::{Digest, Sha256};

use super::TableComparison;
use super::digest::Digested;
use super::expected::{Expected, Presence};
use super::target_rows::TargetRows;
use crate::error::{Context, Error, Result};
use crate::observer::{Observer, go_on};
use crate::source::SourceConnection;
use crate::source::rows::{HELD_MAX_BYTES, Scan, Value, Values};
use crate::target::bulk::BulkConnection;

/// Compares `table` as a multiset.
pub(super) fn compare(
    table: &PlannedTable,
    source: &SourceConnection,
    target: &mut BulkConnection,
    observer: &dyn Observer,
) -> Result<TableComparison> {
    let mut found = TableComparison { table: table.source.clone(), ..TableComparison::default() };
    let source_sum = source_sum(table, source, &mut found)?;
    observer.rows_compared(&table.source, found.source_rows);
    go_on(observer)?;
    let target_sum = target_sum(table, target, &mut found)?;
    let expected_rows = found.source_rows - found.rejected;
    if source_sum == target_sum && expected_rows == found.target_rows {
        found.equal = expected_rows;
        return Ok(found);
    }
    // Without a key it is not known which rows differ: at least the surplus of one side does, and at least one row.
    found.missing = expected_rows.saturating_sub(found.target_rows);
    found.extra = found.target_rows.saturating_sub(expected_rows);
    if found.missing == 0 && found.extra == 0 {
        found.different = 1;
    }
    Ok(found)
}

fn source_sum(table: &PlannedTable, source: &SourceConnection, found: &mut TableComparison) -> Result<u128> {
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let mut row_hash = RowHash::default();
    let mut expected = Expected::of(table);
    Scan::of(table).each(source, &failed, &mut |row| {
        found.source_rows += 1;
        if expected.look(table, row).context(failed)? == Presence::StayedBehind {
            found.rejected += 1;
            return Ok(());
        }
        for (position, column) in table.columns.iter().enumerate() {
            if expected.is_nulled(position) {
                found.nulled += 1;
                row_hash.add(column, SourceValue::Null)?;
                continue;
            }
            match row.value(position).context(failed)? {
                Value::Held(value) => row_hash.add(column, value)?,
                Value::Long(long) if column.has_digest() => {
                    row_hash.add_digest(&Digested::of(long).context(failed)?);
                }
                Value::Long(long) => {
                    let whole = long.whole().context(failed)?;
                    row_hash.add(column, long.as_value(&whole))?;
                }
            }
        }
        row_hash.finish_row();
        Ok(())
    })?;
    Ok(row_hash.sum)
}

fn target_sum(
    table: &PlannedTable,
    target: &mut BulkConnection,
    found: &mut TableComparison,
) -> Result<u128> {
    let mut rows = TargetRows::open(table, &[], target)?;
    let (mut row_hash, mut scratch) = (RowHash::default(), Vec::new());
    while rows.advance()? {
        for (position, column) in table.columns.iter().enumerate() {
            if let Some(digested) = rows.digested(position) {
                row_hash.add_digest(&digested);
                continue;
            }
            match rows.field(position).map(|wire| column.decode(wire, &mut scratch)) {
                None => row_hash.add(column, SourceValue::Null)?,
                Some(Ok(value)) => row_hash.add(column, value)?,
                // What cannot be decoded was not sent: it counts as itself, and so makes the sums differ.
                Some(Err(error)) => row_hash.add_undecodable(&error.to_string()),
            }
        }
        row_hash.finish_row();
        found.target_rows += 1;
    }
    Ok(row_hash.sum)
}

/// The sum of the hashes of rows, each field in a form in which equal values have equal bytes.
#[derive(Default)]
struct RowHash {
    hasher: Sha256,
    canonical: Vec<u8>,
    sum: u128,
}

impl RowHash {
    fn add(&mut self, column: &migrate_core::plan::PlannedColumn, value: SourceValue<'_>) -> Result<()> {
        self.canonical.clear();
        if value.is_null() {
            self.hasher.update([0]);
            return Ok(());
        }
        column.canonical(value, &mut self.canonical).map_err(|refusal| {
            Error::new(format!("column {} cannot be compared", column.source)).because(refusal)
        })?;
        if column.has_digest() && self.canonical.len() > HELD_MAX_BYTES as usize {
            self.add_digest(&Digested::of_bytes(&self.canonical));
            return Ok(());
        }
        self.hasher.update([1]);
        self.hasher.update((self.canonical.len() as u64).to_be_bytes());
        self.hasher.update(&self.canonical);
        // A long document must not keep its room for the rest of the table.
        self.canonical.shrink_to(HELD_MAX_BYTES as usize);
        Ok(())
    }

    /// Adds a long value, which is known by its length and hash on both sides.
    fn add_digest(&mut self, digested: &Digested) {
        self.hasher.update([3]);
        self.hasher.update(digested.length.to_be_bytes());
        self.hasher.update(digested.sha256);
    }

    fn add_undecodable(&mut self, error: &str) {
        self.hasher.update([2]);
        self.hasher.update(error);
    }

    fn finish_row(&mut self) {
        let digest = self.hasher.finalize_reset();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(half));
    }
}
