//! Compares a table as a merge of both sides in the order of its key.
//!
//! Rows of one key are paired at once where the key is unique in the source. Rows without a key of their own are collected by key first:
//! those that are equal are paired before those that differ.

use std::cmp::Ordering;

use migrate_core::comparison::RowKind;
use migrate_core::plan::PlannedTable;

use super::cells::{SourceCell, TargetCell};
use super::counts::{Naming, TableCounts};
use super::group::{Group, KeptRow, source_hash, target_hash};
use super::keys::{KeyColumns, RowKey};
use super::leftovers::Leftovers;
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::rows::{Scan, SourceRow, Values};
use crate::source::scan;
use crate::validate::{REPORT_EACH_ROWS, Selection, SourceRows, TargetRows};
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// What both sides are read through.
pub(super) struct Sides<'a> {
    pub(super) source: &'a SourceConnection,
    pub(super) target: &'a mut Connection,
    pub(super) observer: &'a dyn Observer,
}

/// The rows whose normal form has one of the hashes of an equal part, so that equal rows are in one slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub(super) index: u64,
    pub(super) of: u64,
}

impl Slice {
    pub(super) const ALL: Slice = Slice { index: 0, of: 1 };

    fn has(self, hash: u64) -> bool {
        hash % self.of.max(1) == self.index
    }
}

/// How the rows of a table are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The longest value that is compared itself and not by its digest, where it has one.
    pub(super) held_max: u32,
    pub(super) slice: Slice,
    /// Whether the rows have been read before, and were reported then.
    pub(super) is_repeated: bool,
}

/// What was found.
pub(super) struct Merged {
    pub(super) counts: TableCounts,
    pub(super) leftovers: Leftovers,
    /// In how many slices the table has to be compared, if too many rows have one key; 0 if not.
    pub(super) slices: usize,
}

/// Compares the selected rows of a table. With `is_unique`, no two rows of the source have one key, unless a part of it is NULL.
///
/// # Errors
/// When either side cannot be read, or is not in the order that was asked for.
pub(super) fn merge(
    table: &PlannedTable,
    positions: &[usize],
    is_unique: bool,
    selection: &Selection,
    (naming, reading): (Naming, Reading),
    sides: Sides<'_>,
) -> Result<Merged> {
    let Sides { source, target, observer } = sides;
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let keys = KeyColumns::new(table, positions.to_vec(), !is_unique);
    let order = keys.source_order(source)?;
    let filter = selection.target.as_ref().map(|filter| filter.bind(target)).transpose()?;
    let appended: &[&str] = if is_unique { &[] } else { &["ctid::text"] };
    let order_of_target = keys.target_order();
    let mut rows =
        TargetRows::open_holding(table, &order_of_target, filter, appended, reading.held_max, target)?;
    let mut merge = Merge::new(table, keys, is_unique, naming, reading);
    merge.next_target(&mut rows)?;
    let mut read = 0_u64;
    let mut visit = |row: &SourceRow<'_>| {
        if read.is_multiple_of(REPORT_EACH_ROWS) && read > 0 {
            if !reading.is_repeated {
                observer.rows_compared(&table.source, REPORT_EACH_ROWS);
            }
            check_stop(observer)?;
        }
        read += 1;
        merge.source_row(row, &mut rows)
    };
    match &selection.source {
        SourceRows::Sorted(filter) => {
            Scan::of(table).filtered(filter.clone()).ordered_by(order).each(source, &failed, &mut visit)?;
        }
        SourceRows::Range(range) => {
            Scan::of(table).within(Some(range.clone())).each(source, &failed, &mut visit)?;
        }
    }
    merge.finish(&mut rows)?;
    if !reading.is_repeated {
        observer.rows_compared(&table.source, read % REPORT_EACH_ROWS);
    }
    Ok(Merged { counts: merge.counts, leftovers: merge.leftovers, slices: merge.slices })
}

struct Merge<'a> {
    table: &'a PlannedTable,
    keys: KeyColumns<'a>,
    is_unique: bool,
    naming: Naming,
    reading: Reading,
    counts: TableCounts,
    source_key: RowKey,
    previous_source_key: RowKey,
    has_source_key: bool,
    target_key: RowKey,
    previous_target_key: RowKey,
    has_target_key: bool,
    target_is_there: bool,
    /// The key of the last pair, for duplicates of it in the target.
    paired_key: Option<RowKey>,
    group: Group,
    leftovers: Leftovers,
    slices: usize,
    scratch: Vec<u8>,
}

impl<'a> Merge<'a> {
    fn new(
        table: &'a PlannedTable,
        keys: KeyColumns<'a>,
        is_unique: bool,
        naming: Naming,
        reading: Reading,
    ) -> Merge<'a> {
        Merge {
            table,
            is_unique,
            naming,
            reading,
            slices: 0,
            counts: TableCounts::new(table),
            source_key: RowKey::default(),
            previous_source_key: RowKey::default(),
            has_source_key: false,
            target_key: RowKey::default(),
            previous_target_key: RowKey::default(),
            has_target_key: false,
            target_is_there: false,
            paired_key: None,
            group: Group::default(),
            leftovers: Leftovers::default(),
            keys,
            scratch: Vec::new(),
        }
    }

    fn source_row(&mut self, row: &SourceRow<'_>, rows: &mut TargetRows<'_>) -> Result<()> {
        let failed = || format!("table {} of the sealed copy cannot be read", self.table.source);
        if self.reading.slice.of > 1 {
            let cells = self.source_cells(row)?;
            if !self.reading.slice.has(source_hash(self.table, &cells, &mut self.scratch)) {
                return Ok(());
            }
        }
        self.counts.source_rows += 1;
        std::mem::swap(&mut self.source_key, &mut self.previous_source_key);
        if !self.keys.read_source(row, &mut self.source_key).context(failed)? {
            // No row of the target can have this key.
            std::mem::swap(&mut self.source_key, &mut self.previous_source_key);
            return self.only_source(row);
        }
        let has_previous = std::mem::replace(&mut self.has_source_key, true);
        if has_previous && self.previous_source_key.compare(&self.source_key).is_gt() {
            return Err(Error::new("SQLite's keys do not ascend").with_remedy_text(
                "rows cannot be compared in an order that only one side has: check the file with `PRAGMA integrity_check`",
            ));
        }
        if self.is_grouped() {
            return self.grouped(row, rows);
        }
        self.skip_target(rows)?;
        let is_pair = self.target_is_there && self.source_key.compare(&self.target_key).is_eq();
        if !is_pair {
            return self.only_source(row);
        }
        let cells = self.source_cells(row)?;
        let found: Vec<TargetCell<'_>> = target_cells(self.table, rows);
        let (table, positions) = (self.table, self.keys.positions());
        let mut name = || source_name(table, positions, &cells, row.rowid());
        self.counts.pair(table, self.naming, &cells, &found, &mut self.scratch, &mut name);
        self.paired_key = Some(self.source_key.clone());
        self.next_target(rows)
    }

    /// Whether rows of the current key are collected first.
    fn is_grouped(&self) -> bool {
        !self.is_unique || self.source_key.has_null
    }

    fn grouped(&mut self, row: &SourceRow<'_>, rows: &mut TargetRows<'_>) -> Result<()> {
        if !self.group.has_key(&self.source_key) {
            self.finish_group();
            self.skip_target(rows)?;
            self.group.begin(&self.source_key);
            while self.target_is_there && self.target_key.compare(&self.source_key).is_eq() {
                let row = target_row(self.table, self.keys.positions(), rows, &mut self.scratch);
                self.group.add_target(self.table, row, &mut self.scratch);
                self.next_target(rows)?;
            }
        }
        let kept = self.kept_source(row)?;
        let unpaired =
            self.group.add_source(self.table, kept, self.naming, &mut self.counts, &mut self.scratch);
        if let Some(row) = unpaired {
            self.counts.row(RowKind::Missing, &mut || row.name.clone());
            if !self.is_unique {
                self.leftovers.add_source(row);
            }
        }
        Ok(())
    }

    fn finish_group(&mut self) {
        let has_key = !self.keys.positions().is_empty();
        let (counts, leftovers) = (&mut self.counts, &mut self.leftovers);
        let slices =
            self.group.settle(self.table, has_key, self.naming, counts, leftovers, &mut self.scratch);
        self.slices = self.slices.max(slices);
    }

    /// Counts the target's rows before the current key of the source: those of the last pair's key are duplicates.
    fn skip_target(&mut self, rows: &mut TargetRows<'_>) -> Result<()> {
        while self.target_is_there && self.target_key.compare(&self.source_key).is_lt() {
            self.only_target(rows);
            self.next_target(rows)?;
        }
        Ok(())
    }

    fn only_target(&mut self, rows: &TargetRows<'_>) {
        let is_duplicate =
            self.paired_key.as_ref().is_some_and(|key| key.compare(&self.target_key) == Ordering::Equal);
        let kind = if is_duplicate { RowKind::Duplicate } else { RowKind::Extra };
        let row = target_row(self.table, self.keys.positions(), rows, &mut self.scratch);
        let name = row.name.clone();
        self.counts.row(kind, &mut || name.clone());
        if !self.is_unique && kind == RowKind::Extra {
            self.leftovers.add_target(row);
        }
    }

    fn only_source(&mut self, row: &SourceRow<'_>) -> Result<()> {
        let kept = self.kept_source(row)?;
        let name = kept.name.clone();
        self.counts.row(RowKind::Missing, &mut || name.clone());
        if !self.is_unique {
            self.leftovers.add_source(kept);
        }
        Ok(())
    }

    /// Moves the target to its next row with a key of its type. Keys that do not ascend would make the merge wrong.
    fn next_target(&mut self, rows: &mut TargetRows<'_>) -> Result<()> {
        while rows.advance()? {
            if self.reading.slice.of > 1 {
                let cells = target_cells(self.table, rows);
                if !self.reading.slice.has(target_hash(self.table, &cells, &mut self.scratch)) {
                    continue;
                }
            }
            self.counts.target_rows += 1;
            std::mem::swap(&mut self.target_key, &mut self.previous_target_key);
            if !self.keys.read_target(rows, &mut self.target_key) {
                std::mem::swap(&mut self.target_key, &mut self.previous_target_key);
                let row = target_row(self.table, self.keys.positions(), rows, &mut self.scratch);
                self.counts.row(RowKind::Extra, &mut || row.name.clone());
                continue;
            }
            let has_previous = std::mem::replace(&mut self.has_target_key, true);
            if has_previous && self.previous_target_key.compare(&self.target_key).is_gt() {
                return Err(Error::new("PostgreSQL's keys do not ascend").with_remedy_text(
                    "an index of the table is damaged: REINDEX the table, and compare again",
                ));
            }
            self.target_is_there = true;
            return Ok(());
        }
        self.target_is_there = false;
        Ok(())
    }

    fn finish(&mut self, rows: &mut TargetRows<'_>) -> Result<()> {
        self.finish_group();
        while self.target_is_there {
            self.only_target(rows);
            self.next_target(rows)?;
        }
        Ok(())
    }

    fn source_cells<'r>(&self, row: &'r SourceRow<'_>) -> Result<Vec<SourceCell<'r>>> {
        let failed = || format!("table {} of the sealed copy cannot be read", self.table.source);
        let held_max = self.reading.held_max;
        let cell = |(position, column)| SourceCell::of(column, row.value(position)?, held_max);
        self.table.columns.iter().enumerate().map(cell).collect::<rusqlite::Result<_>>().context(failed)
    }

    fn kept_source(&self, row: &SourceRow<'_>) -> Result<KeptRow<SourceCell<'static>>> {
        let cells = self.source_cells(row)?;
        // Rows without a key have a rowid in place of a name.
        let positions = if self.is_unique { self.keys.positions() } else { &[] };
        let name = source_name(self.table, positions, &cells, row.rowid());
        Ok(KeptRow { name, cells: cells.into_iter().map(SourceCell::kept).collect() })
    }
}

fn target_cells<'r>(table: &PlannedTable, rows: &'r TargetRows<'_>) -> Vec<TargetCell<'r>> {
    (0..table.columns.len()).map(|position| TargetCell::of(rows, position)).collect()
}

/// The current row of the target, kept, with its name for people.
fn target_row(
    table: &PlannedTable,
    positions: &[usize],
    rows: &TargetRows<'_>,
    scratch: &mut Vec<u8>,
) -> KeptRow<TargetCell<'static>> {
    let cells = target_cells(table, rows);
    let name = match rows.appended(0) {
        Some(ctid) => format!("ctid={}", String::from_utf8_lossy(ctid)),
        None => {
            let part = |&position: &usize| {
                let column = table.columns.get(position)?;
                Some(format!("{}={}", column.source, cells.get(position)?.shown(column, scratch)))
            };
            positions.iter().filter_map(part).collect::<Vec<_>>().join(", ")
        }
    };
    KeptRow { name, cells: cells.into_iter().map(TargetCell::kept).collect() }
}

/// The name of a row of the source for people: its key, else its rowid.
fn source_name(
    table: &PlannedTable,
    positions: &[usize],
    cells: &[SourceCell<'_>],
    rowid: Option<i64>,
) -> String {
    let values: Option<Vec<_>> =
        positions.iter().map(|&position| cells.get(position).and_then(SourceCell::value)).collect();
    match (values.filter(|values| !values.is_empty()), rowid) {
        (Some(values), _) => scan::describe_key(table, positions, &values),
        (None, Some(rowid)) => format!("rowid={rowid}"),
        (None, None) => "a row without a key".to_owned(),
    }
}
