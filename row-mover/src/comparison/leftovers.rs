//! Rows without a pair in a table without a key: those that resemble one another are one row with other values.

use migrate_core::plan::PlannedTable;

use super::cells::{SourceCell, TargetCell, is_same};
use super::counts::{Naming, TableCounts};
use super::group::{SourceRow, TargetRow, is_equal_row};

/// How many rows without a pair are kept on each side, to be paired by their resemblance.
pub(super) const LEFTOVERS_MAX: usize = 1000;

/// The first rows without a pair, of a table without a key.
#[derive(Default)]
pub(super) struct Leftovers {
    source: Vec<SourceRow>,
    target: Vec<TargetRow>,
    /// Whether a row of each side has a long value of which only the digest is known.
    has_digest: [bool; 2],
}

impl Leftovers {
    pub(super) fn add_source(&mut self, row: SourceRow) {
        self.has_digest[0] |= row.cells.iter().any(|cell| matches!(cell, SourceCell::Digest(_)));
        if self.source.len() < LEFTOVERS_MAX {
            self.source.push(row);
        }
    }

    pub(super) fn add_target(&mut self, row: TargetRow) {
        self.has_digest[1] |= row.cells.iter().any(|cell| matches!(cell, TargetCell::Digest(_)));
        if self.target.len() < LEFTOVERS_MAX {
            self.target.push(row);
        }
    }

    /// Adds those of another slice of the table.
    pub(super) fn add(&mut self, other: Leftovers) {
        self.has_digest = [0, 1].map(|side: usize| self.has_digest[side] || other.has_digest[side]);
        other.source.into_iter().for_each(|row| self.add_source(row));
        other.target.into_iter().for_each(|row| self.add_target(row));
    }

    /// Pairs rows that are equal in another form, and rows that share at least half of their values: they are one row with other values,
    /// not a missing and an extra one.
    pub(super) fn pair(self, table: &PlannedTable, naming: Naming, counts: &mut TableCounts) {
        // A long value on one side may be one in another form on the other, which is long there or not.
        counts.has_unread |=
            self.has_digest[0] && counts.extra > 0 || self.has_digest[1] && counts.missing > 0;
        let is_part = counts.missing > self.source.len() as u64 || counts.extra > self.target.len() as u64;
        let mut scratch = Vec::new();
        let mut target: Vec<Option<TargetRow>> = self.target.into_iter().map(Some).collect();
        let mut has_equal = false;
        for row in self.source {
            let equal = target.iter().position(|other| {
                other.as_ref().is_some_and(|other| is_equal_row(table, &row, other, &mut scratch))
            });
            has_equal |= equal.is_some();
            let Some(place) = equal.or_else(|| most_like(table, &row, &target, &mut scratch)) else {
                continue;
            };
            let Some(other) = target.get_mut(place).and_then(Option::take) else { continue };
            counts.paired_after_all(&row.name, &other.name);
            let mut name = || format!("{}, {}", row.name, other.name);
            counts.pair(table, naming, &row.cells, &other.cells, &mut scratch, &mut name);
        }
        // Equal rows that were not found before: of the rows that are not among these nobody knows.
        if has_equal && is_part {
            counts.leave_undecided();
        }
    }
}

/// The place of the row that shares most values with another one, if these are at least half of all.
fn most_like(
    table: &PlannedTable,
    row: &SourceRow,
    target: &[Option<TargetRow>],
    scratch: &mut Vec<u8>,
) -> Option<usize> {
    let mut best = (0, None);
    for (place, other) in target.iter().enumerate() {
        let Some(other) = other else { continue };
        let shared = shared_values(table, row, other, scratch);
        if shared > best.0 {
            best = (shared, Some(place));
        }
    }
    best.1.filter(|_| best.0 * 2 >= table.columns.len())
}

/// How many values of two rows are the same and not NULL.
fn shared_values(table: &PlannedTable, row: &SourceRow, other: &TargetRow, scratch: &mut Vec<u8>) -> usize {
    let cells = table.columns.iter().zip(&row.cells).zip(&other.cells);
    cells
        .filter(|((column, source), target)| {
            !matches!(target, TargetCell::Null) && is_same(column, source, target, scratch)
        })
        .count()
}
