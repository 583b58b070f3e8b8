//! Compares the rows of a table that a catch-up has changed with the newer copy, by the same code that compares complete tables: what
//! is expected of a row, how a value is read back, and when two values are the same.

use migrate_core::plan::PlannedTable;

use super::compare::REPORT_EACH_ROWS;
use super::difference::{Difference, DifferenceKind, NAMED_DIFFERENCES_MAX};
use super::expected::{Expected, Presence};
use super::field::Field;
use super::multiset::{add_source, add_target, expected_value, unreadable};
use super::printed_text::is_printed;
use super::row_hash::RowHash;
use super::target_rows::TargetRows;
use crate::error::{Context, Result};
use crate::observer::Observer;
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::preflight::row_key;
use crate::source::rows::SourceRow;
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// Hands each added row of the newer copy, in the order in which they were sent, to what it is given.
pub(crate) type EachRow<'a> = dyn Fn(&mut dyn FnMut(&SourceRow<'_>) -> Result<()>) -> Result<()> + 'a;

/// The changed rows of a table on both sides.
pub(crate) struct ChangedRows<'a> {
    /// The table, with its policies.
    pub(crate) table: &'a PlannedTable,
    /// The rows of the newer copy.
    pub(crate) each_row: &'a EachRow<'a>,
    /// The condition that a row of the target is one of them.
    pub(crate) filter: &'a str,
    /// The number of such a row among those that were sent, from 1, as a term of SQL; none where rows are known by their values alone.
    pub(crate) number: Option<&'a str>,
    /// Whether the row of this number was sent only because a removed one is equal to it, so that nothing was changed.
    pub(crate) is_unchanged: &'a dyn Fn(u64) -> bool,
}

impl ChangedRows<'_> {
    /// Compares them, and returns the first few differences.
    ///
    /// # Errors
    /// When either side cannot be read.
    pub(crate) fn compare(
        &self,
        target: &mut Connection,
        observer: &dyn Observer,
    ) -> Result<Vec<Difference>> {
        match self.number.filter(|_| !self.table.columns.iter().any(is_printed)) {
            Some(number) => self.one_by_one(number, target, observer),
            None => self.by_sums(target, observer),
        }
    }

    fn one_by_one(
        &self,
        number: &str,
        target: &mut Connection,
        observer: &dyn Observer,
    ) -> Result<Vec<Difference>> {
        let mut rows = TargetRows::open_ordered(self.table, number, Some(self.filter), &[number], target)?;
        let mut there = next_number(&mut rows)?;
        let (mut first, mut scratch) = (Vec::new(), Vec::new());
        self.each_sent(observer, &mut |row, number, expected| {
            let Sent::Number(number) = number else {
                // Only the load rejects it.
                name(&mut first, self.table, row, DifferenceKind::Missing, Vec::new());
                return Ok(());
            };
            if there != Some(number) {
                name(&mut first, self.table, row, DifferenceKind::Missing, Vec::new());
                return Ok(());
            }
            let mut columns = Vec::new();
            for (position, column) in self.table.columns.iter().enumerate() {
                let value = expected_value(self.table, row, expected, position)?;
                let is_same = Field::of(&rows, position).is(column, &value, &mut scratch);
                if !is_same.context(|| unreadable(self.table))? {
                    columns.push(column.source.clone());
                }
            }
            if !columns.is_empty() {
                name(&mut first, self.table, row, DifferenceKind::Different, columns);
            }
            there = next_number(&mut rows)?;
            Ok(())
        })?;
        if there.is_some() && first.is_empty() {
            first.push(extra());
        }
        Ok(first)
    }

    fn by_sums(&self, target: &mut Connection, observer: &dyn Observer) -> Result<Vec<Difference>> {
        let (mut expected_sum, mut expected_rows) = (0_u128, 0_u64);
        {
            let mut hash = RowHash::of_source(self.table, target)?;
            self.each_sent(observer, &mut |row, number, expected| {
                if !matches!(number, Sent::Number(number) if (self.is_unchanged)(number)) {
                    add_source(self.table, row, expected, &mut hash)?;
                    expected_sum = expected_sum.wrapping_add(hash.finish());
                    expected_rows += 1;
                }
                Ok(())
            })?;
        }
        let (mut hash, mut sum, mut found) = (RowHash::default(), 0_u128, 0_u64);
        let mut rows = TargetRows::open(self.table, &[], Some(self.filter), target)?;
        while rows.advance()? {
            add_target(self.table, &rows, &mut hash)?;
            sum = sum.wrapping_add(hash.finish());
            found += 1;
        }
        let is_equal = (sum, found) == (expected_sum, expected_rows);
        let kind = match found.cmp(&expected_rows) {
            std::cmp::Ordering::Less => DifferenceKind::Missing,
            std::cmp::Ordering::Equal => DifferenceKind::Different,
            std::cmp::Ordering::Greater => DifferenceKind::Extra,
        };
        Ok(if is_equal { Vec::new() } else { vec![Difference { kind, ..extra() }] })
    }

    /// Calls `visit` with each row that must be in PostgreSQL, and with its number.
    fn each_sent(
        &self,
        observer: &dyn Observer,
        visit: &mut dyn FnMut(&SourceRow<'_>, Sent, &Expected) -> Result<()>,
    ) -> Result<()> {
        let failed = || unreadable(self.table);
        let (mut expected, mut scratch) = (Expected::of(self.table), RowBuffer::default());
        let positions = self.table.sent_positions();
        let (mut sent, mut seen) = (0, 0_u64);
        (self.each_row)(&mut |row| {
            seen += 1;
            if seen.is_multiple_of(REPORT_EACH_ROWS) {
                observer.rows_compared(&self.table.source, REPORT_EACH_ROWS);
                check_stop(observer)?;
            }
            scratch.clear();
            let outcome =
                row_encoder::append_columns(self.table, &positions, row, &mut scratch).context(failed)?;
            let number = match outcome {
                RowOutcome::Moves | RowOutcome::Nulled(_) => {
                    sent += 1;
                    Sent::Number(sent)
                }
                RowOutcome::Skipped(_) | RowOutcome::Stops(_) => Sent::Not,
            };
            match expected.next_row(self.table, row).context(failed)? {
                Presence::Skipped => Ok(()),
                Presence::Moved => visit(row, number, &expected),
            }
        })
    }
}

/// Whether a row was sent.
#[derive(Clone, Copy)]
enum Sent {
    /// It was, as the row of this number.
    Number(u64),
    /// It was rejected.
    Not,
}

/// Moves to the next row, and returns its number.
fn next_number(rows: &mut TargetRows<'_>) -> Result<Option<u64>> {
    if !rows.advance()? {
        return Ok(None);
    }
    let bytes = rows.appended(0).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    Ok(bytes.map(u64::from_be_bytes))
}

fn name(
    first: &mut Vec<Difference>,
    table: &PlannedTable,
    row: &SourceRow<'_>,
    kind: DifferenceKind,
    columns: Vec<String>,
) {
    if first.len() < NAMED_DIFFERENCES_MAX {
        let key = row_key(table, row.held());
        first.push(Difference { key, kind, columns, rows: 1, values: Vec::new() });
    }
}

fn extra() -> Difference {
    Difference {
        key: String::new(),
        kind: DifferenceKind::Extra,
        columns: Vec::new(),
        rows: 1,
        values: Vec::new(),
    }
}
