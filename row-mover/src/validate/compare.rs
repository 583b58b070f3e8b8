//! Compares one table as a merge of both sides in key order: it names row and column at once, and needs no memory for rows.

use std::cmp::Ordering;

use migrate_core::plan::PlannedTable;

use super::TableComparison;
use super::bound::TargetFilter;
use super::expected::Presence;
use super::key::OwnedKey;
use super::row_comparison::RowComparison;
use super::source_order;
use super::target_rows::TargetRows;
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::row_range::RowRange;
use crate::source::rows::{Scan, SourceRow};
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// Progress interval, in rows.
pub(crate) const REPORT_EACH_ROWS: u64 = 10_000;

/// Which rows of both sides are compared: those of one range of keys, the same on both sides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selection {
    pub(crate) source: SourceRows,
    /// The condition in PostgreSQL's SQL; none for all rows.
    pub(crate) target: Option<TargetFilter>,
}

/// Which rows of the source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SourceRows {
    /// Rows for which a condition in SQLite's SQL holds, all if there is none; SQLite sorts them by key.
    Sorted(Option<String>),
    /// Those in a range, in which rows lie in the order of keys.
    Range(RowRange),
}

impl Selection {
    /// All rows.
    pub(crate) fn all() -> Selection {
        Selection { source: SourceRows::Sorted(None), target: None }
    }
}

/// Compares the selected rows of `table`, whose primary key is at `key`, row by row.
pub(super) fn merge(
    table: &PlannedTable,
    key: &[usize],
    selection: &Selection,
    show_values: bool,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<TableComparison> {
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let filter = selection.target.as_ref().map(|filter| filter.bind(target)).transpose()?;
    let mut target_rows = TargetRows::open(table, key, filter, target)?;
    let mut merge = Merge {
        rows: RowComparison::new(table, key, show_values),
        previous_source_key: OwnedKey::default(),
        previous_target_key: OwnedKey::default(),
    };
    let mut target_is_there = merge.next_target(&mut target_rows)?;
    let mut visit = |row: &SourceRow<'_>| {
        let source_rows = merge.rows.found.source_rows;
        if source_rows.is_multiple_of(REPORT_EACH_ROWS) && source_rows > 0 {
            observer.rows_compared(&table.source, REPORT_EACH_ROWS);
            check_stop(observer)?;
        }
        if merge.rows.expect(row)? == Presence::Skipped {
            return Ok(());
        }
        merge.next_source(row)?;
        loop {
            let order = match target_is_there {
                true => merge.rows.source_key.compare(&merge.rows.target_key),
                false => Ordering::Less,
            };
            match order {
                Ordering::Less => merge.rows.missing(),
                Ordering::Greater => merge.rows.extra(),
                Ordering::Equal => merge.rows.compare(row, &target_rows).context(failed)?,
            }
            if order.is_ge() {
                target_is_there = merge.next_target(&mut target_rows)?;
            }
            if order.is_le() {
                return Ok(());
            }
        }
    };
    match &selection.source {
        SourceRows::Sorted(filter) => {
            let order = source_order::terms(table, key, source).context(failed)?;
            Scan::of(table).filtered(filter.clone()).ordered_by(order).each(source, &failed, &mut visit)?;
        }
        SourceRows::Range(range) => {
            Scan::of(table).within(Some(range.clone())).each(source, &failed, &mut visit)?
        }
    }
    while target_is_there {
        merge.rows.extra();
        target_is_there = merge.next_target(&mut target_rows)?;
    }
    let found = merge.rows.found;
    observer.rows_compared(&table.source, found.source_rows % REPORT_EACH_ROWS);
    Ok(found)
}

/// Two sides in the order of keys. Keys that do not ascend would make the merge lie. An empty key comes before all others.
struct Merge<'a> {
    rows: RowComparison<'a>,
    previous_source_key: OwnedKey,
    previous_target_key: OwnedKey,
}

impl Merge<'_> {
    /// Moves the target to its next row and reads the key there. A row whose key corresponds to no value of SQLite is one that only
    /// PostgreSQL has, at any position.
    fn next_target(&mut self, target: &mut TargetRows<'_>) -> Result<bool> {
        while target.advance()? {
            let rows = &mut self.rows;
            rows.found.target_rows += 1;
            std::mem::swap(&mut rows.target_key, &mut self.previous_target_key);
            if let Some(impossible) = rows.read_target_key(target) {
                std::mem::swap(&mut rows.target_key, &mut self.previous_target_key);
                rows.impossible(&impossible);
                continue;
            }
            if self.previous_target_key.compare(&rows.target_key).is_gt() {
                return Err(Error::new("PostgreSQL's keys do not ascend").with_remedy_text(
                    "an index of the table is damaged: REINDEX the table, and validate again",
                ));
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads the key of the next row of the source.
    fn next_source(&mut self, row: &SourceRow<'_>) -> Result<()> {
        std::mem::swap(&mut self.rows.source_key, &mut self.previous_source_key);
        self.rows.read_source_key(row)?;
        if self.previous_source_key.compare(&self.rows.source_key).is_gt() {
            return Err(Error::new("SQLite's keys do not ascend").with_remedy_text(
                "rows cannot be compared in an order that only one side has: check the sealed copy with \
                 `PRAGMA integrity_check`",
            ));
        }
        Ok(())
    }
}
