//! Compares a table that has no key to merge by, as a multiset of rows: one pass computes the sum of the rows' hashes.
//!
//! The sums are modulo 2^128. XOR would not do, because two equal rows would cancel each other out. On each side, the sums of the parts
//! add up to the sum of the table. `unmatched` finds the rows that make sums differ.

use migrate_core::plan::PlannedTable;
use migrate_core::value::SourceValue;

use super::TableComparison;
use super::compare::REPORT_EACH_ROWS;
use super::expected::{Expected, Presence};
use super::row_hash::{Form, RowHash};
use super::target_rows::TargetRows;
use crate::error::{Context, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::row_range::RowRange;
use crate::source::rows::{Scan, SourceRow, Value, Values};
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// Adds the rows of the source in a range to the result, and returns their sum.
pub(super) fn source_sum(
    table: &PlannedTable,
    range: Option<RowRange>,
    source: &SourceConnection,
    target: &mut Connection,
    found: &mut TableComparison,
    observer: &dyn Observer,
) -> Result<u128> {
    let (mut hash, mut sum, mut seen) = (RowHash::of_source(table, target)?, 0_u128, 0);
    each_expected(table, range, source, found, &mut |row, expected| {
        seen += 1;
        if seen % REPORT_EACH_ROWS == 0 {
            observer.rows_compared(&table.source, REPORT_EACH_ROWS);
            check_stop(observer)?;
        }
        add_source(table, row, expected, &mut hash)?;
        sum = sum.wrapping_add(hash.finish());
        Ok(())
    })?;
    observer.rows_compared(&table.source, seen % REPORT_EACH_ROWS);
    Ok(sum)
}

/// Adds the rows of the target for which `filter` holds to the result, and returns their sum.
pub(super) fn target_sum(
    table: &PlannedTable,
    filter: Option<&str>,
    target: &mut Connection,
    found: &mut TableComparison,
    observer: &dyn Observer,
) -> Result<u128> {
    let mut rows = TargetRows::open(table, &[], filter, target)?;
    let (mut hash, mut sum) = (RowHash::default(), 0_u128);
    while rows.advance()? {
        add_target(table, &rows, &mut hash)?;
        sum = sum.wrapping_add(hash.finish());
        found.target_rows += 1;
        if found.target_rows.is_multiple_of(REPORT_EACH_ROWS) {
            check_stop(observer)?;
        }
    }
    Ok(sum)
}

/// Calls `visit` with each row that must be in PostgreSQL and its expectation, and counts all.
pub(super) fn each_expected(
    table: &PlannedTable,
    range: Option<RowRange>,
    source: &SourceConnection,
    found: &mut TableComparison,
    visit: &mut dyn FnMut(&SourceRow<'_>, &Expected) -> Result<()>,
) -> Result<()> {
    let failed = || unreadable(table);
    let mut expected = Expected::of(table);
    Scan::of(table).within(range).each(source, &failed, &mut |row| {
        found.source_rows += 1;
        if expected.next_row(table, row).context(failed)? == Presence::Skipped {
            found.rejected += 1;
            return Ok(());
        }
        found.nulled += expected.nulled_count();
        visit(row, &expected)
    })
}

/// Adds all fields of a row of the source to a hash, as they are expected in PostgreSQL.
pub(super) fn add_source(
    table: &PlannedTable,
    row: &SourceRow<'_>,
    expected: &Expected,
    hash: &mut RowHash<'_>,
) -> Result<()> {
    for (position, column) in table.columns.iter().enumerate() {
        let value = expected_value(table, row, expected, position)?;
        hash.add_source(column, &value, Form::Value, &|| unreadable(table))?;
    }
    Ok(())
}

/// Adds all fields of the target's current row to a hash.
pub(super) fn add_target(table: &PlannedTable, rows: &TargetRows<'_>, hash: &mut RowHash<'_>) -> Result<()> {
    for (position, column) in table.columns.iter().enumerate() {
        hash.add_target(column, rows, position, Form::Value)?;
    }
    Ok(())
}

/// A value of a row of the source, as it is expected in PostgreSQL.
pub(super) fn expected_value<'a>(
    table: &PlannedTable,
    row: &'a SourceRow<'_>,
    expected: &Expected,
    position: usize,
) -> Result<Value<'a>> {
    if expected.is_nulled(position) {
        return Ok(Value::Held(SourceValue::Null));
    }
    row.value(position).context(|| unreadable(table))
}

pub(super) fn unreadable(table: &PlannedTable) -> String {
    format!("table {} of the sealed copy cannot be read", table.source)
}
