//! Locates every row that differs between the sealed copy and PostgreSQL: by rowid on one side, by ctid on the other.
//!
//! It uses the hashes by which tables without a key are compared, sorted on disk, for all tables. What is held in memory is the locations
//! of the rows that differ.

use std::collections::BTreeSet;

use migrate_core::plan::PlannedTable;

use super::TableComparison;
use super::external_sort::{Record, Sorted};
use super::multiset::each_expected;
use super::row_location::RowLocation;
use super::unmatched::{sorted_source, sorted_target};
use crate::error::Result;
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::row_range::RowRange;
use crate::source::rows::SourceRow;
use crate::source::scan::RowidRange;
use postgres_client::connection::Connection;

/// The rows of a table that differ.
#[derive(Debug, Default)]
pub(crate) struct LocatedChanges {
    /// Rows that only PostgreSQL has.
    pub(crate) inserted: Vec<RowLocation>,
    /// Rows that PostgreSQL no longer has.
    pub(crate) deleted: BTreeSet<RowLocation>,
    /// Rows with the same key and other values: the location in SQLite, and the one in PostgreSQL.
    pub(crate) changed: Vec<(RowLocation, RowLocation)>,
}

/// Locates the rows that differ. Without a key, a row that was changed is one that was deleted and one that was inserted.
///
/// # Errors
/// When a side cannot be read, or the observer asks to stop.
pub(crate) fn locate_changes(
    table: &PlannedTable,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<LocatedChanges> {
    let key = table.key_positions();
    let mut source_rows = sorted_source(table, &key, source, target, observer)?;
    let mut target_rows = sorted_target(table, &key, target, observer)?;
    let mut found = LocatedChanges::default();
    let mut heads = [source_rows.next()?, target_rows.next()?];
    let (mut group, mut deleted, mut inserted) = (None, Vec::new(), Vec::new());
    while let Some(least) = heads.iter().flatten().min().copied() {
        if group != Some(least.group) {
            found.close(&mut deleted, &mut inserted);
            group = Some(least.group);
        }
        let [source_head, target_head] = &mut heads;
        let in_source = take(source_head, &least, &mut source_rows)?;
        let in_target = take(target_head, &least, &mut target_rows)?;
        let both = in_source.len().min(in_target.len());
        deleted.extend(in_source.into_iter().skip(both));
        inserted.extend(in_target.into_iter().skip(both));
    }
    found.close(&mut deleted, &mut inserted);
    Ok(found)
}

impl LocatedChanges {
    /// Adds the rows of a key that have no match.
    fn close(&mut self, deleted: &mut Vec<RowLocation>, inserted: &mut Vec<RowLocation>) {
        let both = deleted.len().min(inserted.len());
        self.changed.extend(deleted.drain(..both).zip(inserted.drain(..both)));
        self.deleted.extend(deleted.drain(..));
        self.inserted.append(inserted);
    }
}

/// Moves past all records of the row of `least`, and returns their locations.
fn take(head: &mut Option<Record>, least: &Record, rest: &mut Sorted) -> Result<Vec<RowLocation>> {
    let mut locations = Vec::new();
    while let Some(record) = head.filter(|head| (head.group, head.row) == (least.group, least.row)) {
        locations.push(record.location);
        *head = rest.next()?;
    }
    Ok(locations)
}

/// Calls `visit` with the rows of the source at these locations.
///
/// # Errors
/// When the source cannot be read, or that of `visit`.
pub(crate) fn visit_source_rows(
    table: &PlannedTable,
    locations: &BTreeSet<RowLocation>,
    source: &SourceConnection,
    visit: &mut dyn FnMut(RowLocation, &SourceRow<'_>) -> Result<()>,
) -> Result<()> {
    let mut counted = TableComparison::default();
    if table.rowid.is_some() {
        for &location in locations {
            let range = RowidRange { first: location.number(), last: location.number() };
            let range = Some(RowRange::Rowids(range));
            each_expected(table, range, source, &mut counted, &mut |row, _| visit(location, row))?;
        }
        return Ok(());
    }
    if locations.is_empty() {
        return Ok(());
    }
    // Rows without a number of their own are counted again, in the same order.
    let mut number = 0;
    each_expected(table, None, source, &mut counted, &mut |row, _| {
        number += 1;
        let location = RowLocation::of_source(row, number);
        if locations.contains(&location) { visit(location, row) } else { Ok(()) }
    })
}
