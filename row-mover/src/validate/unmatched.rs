//! Finds the rows that make the sums of a multiset differ: the hashes of all rows of both sides are sorted on disk, and rows with
//! different counts are read.
//!
//! If a table has a key that both sides order differently, its rows are matched by key, exactly. In a table without a key, a missing
//! row and an extra one count as one different row if they share at least half of their columns. Only the first thousand rows of each
//! side are compared for this; the others count as missing and extra.

use migrate_core::plan::PlannedTable;

use super::TableComparison;
use super::difference::{Difference, DifferenceKind, NAMED_DIFFERENCES_MAX};
use super::external_sort::{RUN_BYTES, Record, Sorted, Sorter};
use super::inspected_rows::{inspect_source_rows, inspect_target_rows};
use super::multiset::{add_source, add_target, each_expected, expected_value, unreadable};
use super::pairs::{InspectedRow, pair};
use super::row_counts::{RowCounts, Unmatched};
use super::row_hash::{Form, RowHash};
use super::row_location::RowLocation;
use super::target_rows::TargetRows;
use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// Rows between two checks whether to stop.
const STOP_CHECK_ROWS: u64 = 10_000;

/// Finds the rows behind differing sums: fills in all counts except those of rows, which are known, and names the first differences.
pub(super) fn find(
    table: &PlannedTable,
    show_values: bool,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
    found: &mut TableComparison,
) -> Result<()> {
    let key = table.key_positions();
    let mut source_rows = sorted_source(table, &key, source, target, observer)?;
    let mut target_rows = sorted_target(table, &key, target, observer)?;
    let counts = RowCounts::of(&mut || source_rows.next(), &mut || target_rows.next())?;
    drop((source_rows, target_rows));
    if counts.missing + counts.extra + counts.different == 0 {
        return Err(Error::new("the sums of both sides differ, and their rows do not")
            .with_remedy_text("the sealed copy may have been written to while it was read: validate again"));
    }
    found.equal = counts.equal;
    found.missing = counts.missing;
    found.extra = counts.extra;
    found.different = counts.different;
    Naming { table, key, show_values, source, target }.name(counts, found)
}

pub(super) fn sorted_source(
    table: &PlannedTable,
    key: &[usize],
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<Sorted> {
    let hash = RowHash::of_source(table, target)?;
    let (mut sorter, mut hash, mut number) = (Sorter::new(RUN_BYTES), hash, 0_u64);
    // The first pass has already counted this.
    let mut counted = TableComparison::default();
    each_expected(table, None, source, &mut counted, &mut |row, expected| {
        number += 1;
        if number.is_multiple_of(STOP_CHECK_ROWS) {
            check_stop(observer)?;
        }
        for &position in key {
            if let Some(column) = table.columns.get(position) {
                let value = expected_value(table, row, expected, position)?;
                hash.add_source(column, &value, Form::Key, &|| unreadable(table))?;
            }
        }
        let of_key = hash.finish();
        add_source(table, row, expected, &mut hash)?;
        let of_row = hash.finish();
        let group = if key.is_empty() { of_row } else { of_key };
        sorter.add(Record { group, row: of_row, location: RowLocation::of_source(row, number) })
    })?;
    sorter.sorted()
}

pub(super) fn sorted_target(
    table: &PlannedTable,
    key: &[usize],
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<Sorted> {
    let (mut sorter, mut hash, mut number) = (Sorter::new(RUN_BYTES), RowHash::default(), 0_u64);
    let mut rows = TargetRows::open_with(table, &[], None, &["tableoid", "ctid"], target)?;
    while rows.advance()? {
        number += 1;
        if number.is_multiple_of(STOP_CHECK_ROWS) {
            check_stop(observer)?;
        }
        for &position in key {
            if let Some(column) = table.columns.get(position) {
                hash.add_target(column, &rows, position, Form::Key)?;
            }
        }
        let of_key = hash.finish();
        add_target(table, &rows, &mut hash)?;
        let of_row = hash.finish();
        let group = if key.is_empty() { of_row } else { of_key };
        let location = RowLocation::of_target(rows.appended(0), rows.appended(1))
            .ok_or_else(|| Error::new("PostgreSQL returned a row without its ctid"))?;
        sorter.add(Record { group, row: of_row, location })?;
    }
    sorter.sorted()
}

struct Naming<'a> {
    table: &'a PlannedTable,
    key: Vec<usize>,
    show_values: bool,
    source: &'a SourceConnection,
    target: &'a mut Connection,
}

impl Naming<'_> {
    fn name(mut self, counts: RowCounts, found: &mut TableComparison) -> Result<()> {
        // With a key the pairs are known; only rows that are named have to be read.
        let kept = if self.key.is_empty() { usize::MAX } else { NAMED_DIFFERENCES_MAX };
        let mut missing: Vec<Unmatched> = counts.first_missing.into_values().take(kept).collect();
        let mut extra: Vec<Unmatched> = counts.first_extra.into_values().take(kept).collect();
        let different: Vec<(RowLocation, RowLocation)> =
            counts.first_different.into_iter().take(kept).collect();
        let of_source = missing.iter().map(|row| row.location).chain(different.iter().map(|pair| pair.0));
        let of_target = extra.iter().map(|row| row.location).chain(different.iter().map(|pair| pair.1));
        let source = inspect_source_rows(
            self.table,
            &self.key,
            self.show_values,
            of_source.collect(),
            self.source,
            self.target,
        )?;
        let target =
            inspect_target_rows(self.table, &self.key, self.show_values, of_target.collect(), self.target)?;
        let mut named: Vec<(RowLocation, Difference)> = Vec::new();
        for (from, to) in different {
            if let (Some(left), Some(right)) = (source.get(&from), target.get(&to)) {
                named.push((from, self.different(left, right, 1, String::new())));
            }
        }
        if self.key.is_empty() {
            for [left, right] in pair(&missing, &extra, &source, &target) {
                let (Some(one), Some(other)) = (missing.get_mut(left), extra.get_mut(right)) else {
                    continue;
                };
                let rows = one.rows.min(other.rows);
                one.rows -= rows;
                other.rows -= rows;
                found.missing -= rows;
                found.extra -= rows;
                found.different += rows;
                if let (Some(left), Some(right)) = (source.get(&one.location), target.get(&other.location)) {
                    named.push((one.location, self.different(left, right, rows, copies(one.copies))));
                }
            }
        }
        named.extend(self.unmatched(&missing, &source, DifferenceKind::Missing));
        named.sort_by_key(|(location, _)| *location);
        let only_target = self.unmatched(&extra, &target, DifferenceKind::Extra);
        // Rows that only PostgreSQL has show among the first, however many others there are.
        let reserved = only_target.len().min(2);
        named.truncate(NAMED_DIFFERENCES_MAX - reserved);
        named.extend(only_target);
        named.truncate(NAMED_DIFFERENCES_MAX);
        found.first = named.into_iter().map(|(_, difference)| difference).collect();
        Ok(())
    }

    fn different(
        &mut self,
        left: &InspectedRow,
        right: &InspectedRow,
        rows: u64,
        copies: String,
    ) -> Difference {
        let differs = |position: &usize| left.columns.get(*position) != right.columns.get(*position);
        let positions: Vec<usize> = (0..self.table.columns.len()).filter(differs).collect();
        let names = positions.iter().filter_map(|&position| self.table.columns.get(position));
        let shown = |inspected: &InspectedRow, position: usize| {
            inspected.shown.get(position).cloned().unwrap_or_default()
        };
        let values = match self.show_values {
            true => positions.iter().map(|&at| [shown(left, at), shown(right, at)]).collect(),
            false => Vec::new(),
        };
        let key = match self.key.is_empty() {
            true => format!("{}, {}{copies}", left.name, right.name),
            false => left.name.clone(),
        };
        let columns = names.map(|column| column.source.clone()).collect();
        Difference { key, kind: DifferenceKind::Different, columns, rows, values }
    }

    fn unmatched(
        &self,
        rows: &[Unmatched],
        inspected: &std::collections::BTreeMap<RowLocation, InspectedRow>,
        kind: DifferenceKind,
    ) -> Vec<(RowLocation, Difference)> {
        let is_left = |row: &&Unmatched| row.rows > 0;
        let name = |row: &Unmatched| {
            let key = format!("{}{}", inspected.get(&row.location)?.name, copies(row.copies));
            let difference =
                Difference { key, kind, columns: Vec::new(), rows: row.rows, values: Vec::new() };
            Some((row.location, difference))
        };
        rows.iter().filter(is_left).filter_map(name).collect()
    }
}

/// The numbers of copies of a row on both sides, for people; nothing for one copy on one side.
fn copies([in_source, in_target]: [u64; 2]) -> String {
    match [in_source, in_target] {
        [1, 0] | [0, 1] => String::new(),
        _ => {
            let noun = if in_source == 1 { "copy" } else { "copies" };
            format!(" ({in_source} {noun} in SQLite, {in_target} in PostgreSQL)")
        }
    }
}
