//! A set of rows of one copy, as ranges: many neighbouring rows take as little memory as one.

use migrate_core::plan::PlannedTable;

use crate::error::Result;
use crate::source::SourceConnection;
use crate::source::rows::{Scan, SourceRow};
use crate::source::scan::RowidRange;

/// Rows of a table in one copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    /// Ascending, without overlaps: ranges of rowids, or of the numbers of rows in a scan from 1 where SQL has no name for the rowid.
    ranges: Vec<RowidRange>,
    rows: u64,
    /// Whether the last row that was seen is in the set, so that the next one extends its range.
    is_open: bool,
}

impl RowSet {
    /// Counts the rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The ranges: of rowids if the planned table has a name for them, else of the numbers of rows in a scan, from 1. A range contains no
    /// row of its copy that is not in the set.
    pub fn ranges(&self) -> &[RowidRange] {
        &self.ranges
    }

    /// Adds the next row.
    pub(super) fn add(&mut self, number: i64) {
        self.rows += 1;
        match self.ranges.last_mut().filter(|_| self.is_open) {
            Some(last) => last.last = number,
            None => self.ranges.push(RowidRange { first: number, last: number }),
        }
        self.is_open = true;
    }

    /// Passes the next row, which is not in the set.
    pub(super) fn pass(&mut self) {
        self.is_open = false;
    }

    /// Adds the rows of a set that follows this one.
    pub(super) fn append(&mut self, next: RowSet) {
        self.ranges.extend(next.ranges);
        self.rows += next.rows;
        self.is_open = false;
    }

    /// Hands each of the rows to `visit`, in the order of a scan, until one fails. `copy` is the one whose rows these are.
    ///
    /// # Errors
    /// When the copy cannot be read, with the message of `failed`, or the error of `visit`.
    pub fn each(
        &self,
        table: &PlannedTable,
        copy: &SourceConnection,
        failed: &dyn Fn() -> String,
        visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        if table.rowid.is_some() {
            return Scan::of(table).each_within(&self.ranges, copy, failed, visit);
        }
        let (mut number, mut ranges) = (0, self.ranges.iter().peekable());
        Scan::of(table).each(copy, failed, &mut |row| {
            number += 1;
            while ranges.next_if(|range| range.last < number).is_some() {}
            match ranges.peek() {
                Some(range) if range.first <= number => visit(row),
                _ => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(rows: &[(i64, bool)]) -> RowSet {
        let mut set = RowSet::default();
        for (number, is_member) in rows {
            if *is_member { set.add(*number) } else { set.pass() }
        }
        set
    }

    #[test]
    fn neighbours_are_one_range_even_across_gaps_and_other_rows_end_it() {
        let found = set(&[(i64::MIN, true), (-3, true), (5, true), (6, false), (7, true), (i64::MAX, true)]);
        let ranges: Vec<(i64, i64)> = found.ranges().iter().map(|range| (range.first, range.last)).collect();
        assert_eq!(ranges, [(i64::MIN, 5), (7, i64::MAX)]);
        assert_eq!(found.rows(), 5);
        let mut joined = set(&[(1, true)]);
        joined.append(set(&[(2, true)]));
        assert_eq!((joined.ranges().len(), joined.rows()), (2, 2));
        assert!(set(&[(1, false)]).is_empty());
    }
}
