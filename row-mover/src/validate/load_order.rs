//! Compares a table in the order in which it was loaded: neither side sorts its rows.
//!
//! PostgreSQL puts the rows of a chunk nearly in the order in which they are sent; a few come earlier, where a page had room for them.
//! These are held until the source has reached them. Where that does not bring all rows of a chunk together, its rows are compared in the
//! order of their keys. What differs is not named here: the caller compares a table with a difference once more, by key.

use std::collections::HashMap;

use migrate_core::plan::PlannedTable;

use super::TableComparison;
use super::bound::TargetFilter;
use super::compare::{REPORT_EACH_ROWS, Selection, SourceRows, merge};
use super::expected::Presence;
use super::key::OwnedKey;
use super::loaded_chunks::LoadedChunk;
use super::row_comparison::RowComparison;
use super::target_rows::{HeldRow, TargetRows};
use crate::error::{Context, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::row_range::RowRange;
use crate::source::rows::{Scan, SourceRow};
use crate::source::scan::RowidRange;
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// The memory for rows that come early, in bytes: those of some dozen pages.
const EARLY_MAX_BYTES: usize = 1 << 20;

/// Compares chunks of `table`, whose primary key is at `key`.
///
/// # Errors
/// When either side cannot be read.
pub(super) fn compare(
    table: &PlannedTable,
    key: &[usize],
    chunks: &[LoadedChunk],
    show_values: bool,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<TableComparison> {
    // The first two would return rows in an order of their own (manual, sections 15.3 and 20.13.1); without the third, each chunk would
    // cost a scan of the table.
    target.script(
        "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL synchronize_seqscans = off; SET LOCAL enable_tidscan = on",
    )?;
    let mut found = TableComparison::default();
    for chunk in chunks {
        let in_order = InOrder::new(table, key, show_values).compare(chunk, source, target, observer)?;
        found.add(match in_order {
            Some(found) => found,
            None => merge(table, key, &selection(table, chunk), show_values, source, target, observer)?,
        });
    }
    Ok(found)
}

/// The rows of a chunk, to be compared in the order of their keys.
fn selection(table: &PlannedTable, chunk: &LoadedChunk) -> Selection {
    let RowidRange { first, last } = chunk.rowids;
    let rowid = table.rowid.as_deref().unwrap_or("rowid");
    let lower = (first > i64::MIN).then(|| format!("{rowid} >= {first}"));
    let upper = (last < i64::MAX).then(|| format!("{rowid} <= {last}"));
    let bounds: Vec<String> = lower.into_iter().chain(upper).collect();
    let condition = chunk.condition.clone();
    Selection {
        source: SourceRows::Sorted((!bounds.is_empty()).then(|| bounds.join(" AND "))),
        target: Some(TargetFilter::new(|_| condition)),
    }
}

/// The comparison of a chunk.
struct InOrder<'a> {
    rows: RowComparison<'a>,
    early: Early,
    /// Whether the target's stream is at a row, whose key was read last.
    is_at_row: bool,
    /// Whether the rows that were read so far could be brought together.
    is_settled: bool,
    /// How many rows of the source were read.
    read: u64,
}

impl<'a> InOrder<'a> {
    fn new(table: &'a PlannedTable, key: &'a [usize], show_values: bool) -> InOrder<'a> {
        let rows = RowComparison::new(table, key, show_values);
        InOrder { rows, early: Early::default(), is_at_row: false, is_settled: true, read: 0 }
    }

    /// Compares all rows of a chunk; none if they cannot be brought together.
    fn compare(
        mut self,
        chunk: &LoadedChunk,
        source: &SourceConnection,
        target: &mut Connection,
        observer: &dyn Observer,
    ) -> Result<Option<TableComparison>> {
        let table = self.rows.table;
        let failed = || format!("table {} of the sealed copy cannot be read", table.source);
        let mut stream = TargetRows::open_ordered(table, "", Some(&chunk.condition), &[], target)?;
        self.is_settled = self.advance(&mut stream)?;
        let range = Some(RowRange::Rowids(chunk.rowids));
        Scan::of(table).within(range).each(source, &failed, &mut |row| {
            if self.read.is_multiple_of(REPORT_EACH_ROWS) {
                check_stop(observer)?;
            }
            self.read += 1;
            if self.is_settled && self.rows.expect(row)? == Presence::Moved {
                self.is_settled = self.visit(row, &mut stream)?;
            }
            Ok(())
        })?;
        self.is_settled &= !self.is_at_row && self.early.rows.is_empty();
        // The connection is used again.
        while stream.advance()? {}
        if !self.is_settled {
            return Ok(None);
        }
        observer.rows_compared(&table.source, self.rows.found.source_rows);
        Ok(Some(self.rows.found))
    }

    /// Compares a row of the source with the row of the same key. False if there is none among those that are near.
    fn visit(&mut self, row: &SourceRow<'_>, stream: &mut TargetRows<'_>) -> Result<bool> {
        let table = self.rows.table;
        let failed = || format!("table {} of the sealed copy cannot be read", table.source);
        self.rows.read_source_key(row)?;
        loop {
            if self.is_at_row && self.rows.source_key.compare(&self.rows.target_key).is_eq() {
                self.rows.compare(row, stream).context(failed)?;
                return self.advance(stream);
            }
            if let Some((mut key, early)) = self.early.take(&self.rows.source_key) {
                std::mem::swap(&mut key, &mut self.rows.target_key);
                let compared = self.rows.compare(row, &early).context(failed);
                std::mem::swap(&mut key, &mut self.rows.target_key);
                return compared.map(|()| true);
            }
            if !self.is_at_row
                || !self.early.hold(&self.rows.target_key, stream.held())
                || !self.advance(stream)?
            {
                return Ok(false);
            }
        }
    }

    /// Moves the target's stream to its next row, if there is one, and reads the key there. False for a key that is none of SQLite's.
    fn advance(&mut self, stream: &mut TargetRows<'_>) -> Result<bool> {
        self.is_at_row = stream.advance()?;
        if !self.is_at_row {
            return Ok(true);
        }
        self.rows.found.target_rows += 1;
        Ok(self.rows.read_target_key(stream).is_none())
    }
}

/// Rows of the target that came before the source had reached them.
#[derive(Default)]
struct Early {
    rows: HashMap<OwnedKey, HeldRow>,
    bytes: usize,
}

impl Early {
    /// Adds a row. False if there is no room for it, or a row of the same key.
    fn hold(&mut self, key: &OwnedKey, row: HeldRow) -> bool {
        self.bytes += key.size() + row.size();
        self.rows.insert(key.clone(), row).is_none() && self.bytes <= EARLY_MAX_BYTES
    }

    /// Removes the row of a key.
    fn take(&mut self, key: &OwnedKey) -> Option<(OwnedKey, HeldRow)> {
        if self.rows.is_empty() {
            return None;
        }
        let (key, row) = self.rows.remove_entry(key)?;
        self.bytes -= key.size() + row.size();
        Some((key, row))
    }
}
