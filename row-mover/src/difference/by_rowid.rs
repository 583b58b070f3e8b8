//! Compares a table by its rowids: rows of the older copy are read into a window of bounded size, and those of the newer copy with rowids
//! in the window are compared with them.

use migrate_core::plan::PlannedTable;
use postgres_client::watch::{Watch, check_stop};

use super::encoded_row;
use super::row_set::RowSet;
use crate::error::{Context, Error, Result};
use crate::source::SourceConnection;
use crate::source::rows::{Scan, SourceRow};
use crate::source::scan::RowidRange;

/// The size of a window, in bytes of encoded rows. Each window starts a scan of the newer copy, which costs about 0.1 ms.
const WINDOW_BYTES: usize = 4 << 20;

/// The most rows of a window.
const WINDOW_ROWS: usize = 1 << 16;

/// The rows of a table that only one of the copies has.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) removed: RowSet,
    pub(super) added: RowSet,
}

impl Changed {
    /// Adds what was found in the following part of the table.
    pub(super) fn append(&mut self, next: Changed) {
        self.removed.append(next.removed);
        self.added.append(next.added);
    }

    fn pass(&mut self) {
        self.removed.pass();
        self.added.pass();
    }
}

/// Compares the rows in `ranges` of rowids, which ascend and do not overlap. All other rows are the same in both copies.
///
/// # Errors
/// When a copy cannot be read, or the work is to stop.
pub(super) fn compare(
    table: &PlannedTable,
    ranges: &[RowidRange],
    base: &SourceConnection,
    newer: &SourceConnection,
    watch: &dyn Watch,
) -> Result<Changed> {
    let mut merge = Merge {
        table,
        left: ranges.to_vec().into(),
        newer,
        window: Window::default(),
        compared: None,
        changed: Changed::default(),
    };
    let failed = || super::unreadable(table, base);
    Scan::of(table).each_within(ranges, base, &failed, &mut |row| {
        let rowid = ascending(row, merge.window.rows.last().map(|(rowid, _)| *rowid), &failed)?;
        merge.window.push(rowid, row, table).context(failed)?;
        if merge.window.is_full() {
            check_stop(watch)?;
            let covered = merge.take_up_to(rowid);
            merge.compare_window(&covered, watch)?;
        }
        Ok(())
    })?;
    let rest = Vec::from(std::mem::take(&mut merge.left));
    merge.compare_window(&rest, watch)?;
    Ok(merge.changed)
}

/// The rowid of a row that follows `previous`.
fn ascending(row: &SourceRow<'_>, previous: Option<i64>, failed: &dyn Fn() -> String) -> Result<i64> {
    match row.rowid() {
        Some(rowid) if previous.is_none_or(|previous| previous < rowid) => Ok(rowid),
        Some(_) => Err(Error::new(failed()).caused_by("its rows are not in the order of their rowids")),
        None => Err(Error::new(failed()).caused_by("a row has no rowid")),
    }
}

struct Merge<'a> {
    table: &'a PlannedTable,
    /// The ranges of rowids that are not compared yet.
    left: std::collections::VecDeque<RowidRange>,
    newer: &'a SourceConnection,
    window: Window,
    /// The last rowid that was compared.
    compared: Option<i64>,
    changed: Changed,
}

impl Merge<'_> {
    /// Takes the ranges up to a rowid from those that are left.
    fn take_up_to(&mut self, rowid: i64) -> Vec<RowidRange> {
        let mut covered = Vec::new();
        while let Some(range) = self.left.front_mut().filter(|range| range.first <= rowid) {
            if range.last > rowid {
                covered.push(RowidRange { first: range.first, last: rowid });
                // It is less than `range.last`.
                range.first = rowid + 1;
                break;
            }
            covered.push(*range);
            self.left.pop_front();
        }
        covered
    }

    /// Compares the rows of the window, which are all those of the older copy in `covered`, with those of the newer copy, and empties the
    /// window.
    fn compare_window(&mut self, covered: &[RowidRange], watch: &dyn Watch) -> Result<()> {
        let (Some(first), Some(last)) = (covered.first(), covered.last()) else { return Ok(()) };
        if self.compared.is_some_and(|compared| compared.saturating_add(1) < first.first) {
            self.changed.pass();
        }
        self.compared = Some(last.last);
        let Merge { table, newer, window, changed, .. } = self;
        let failed = || super::unreadable(table, newer);
        let mut older = window.iter().peekable();
        // Between two ranges there may be rows that are the same in both copies.
        let mut ranges = covered.iter().peekable();
        let mut enter = |rowid: i64, changed: &mut Changed| {
            while ranges.next_if(|range| range.last < rowid).is_some() {
                changed.pass();
            }
        };
        let (mut encoded, mut previous, mut seen) = (Vec::new(), None, 0_usize);
        Scan::of(table).each_within(covered, newer, &failed, &mut |row| {
            let rowid = ascending(row, previous, &failed)?;
            previous = Some(rowid);
            seen += 1;
            if seen.is_multiple_of(WINDOW_ROWS) {
                check_stop(watch)?;
            }
            while let Some((removed, _)) = older.next_if(|(other, _)| *other < rowid) {
                enter(removed, changed);
                changed.removed.add(removed);
            }
            enter(rowid, changed);
            let Some((_, other)) = older.next_if(|(other, _)| *other == rowid) else {
                changed.added.add(rowid);
                return Ok(());
            };
            encoded.clear();
            encoded_row::append(row, table.columns.len(), &mut encoded).context(failed)?;
            if encoded == other {
                changed.pass();
            } else {
                changed.removed.add(rowid);
                changed.added.add(rowid);
            }
            Ok(())
        })?;
        for (removed, _) in older {
            enter(removed, changed);
            changed.removed.add(removed);
        }
        self.window.clear();
        Ok(())
    }
}

/// Encoded rows, in the order of their rowids.
#[derive(Default)]
struct Window {
    bytes: Vec<u8>,
    /// Each row's rowid and the end of its bytes.
    rows: Vec<(i64, usize)>,
}

impl Window {
    fn push(&mut self, rowid: i64, row: &SourceRow<'_>, table: &PlannedTable) -> rusqlite::Result<()> {
        encoded_row::append(row, table.columns.len(), &mut self.bytes)?;
        self.rows.push((rowid, self.bytes.len()));
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= WINDOW_BYTES || self.rows.len() >= WINDOW_ROWS
    }

    fn iter(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|(_, end)| *end));
        let row = |(start, (rowid, end)): (usize, &(i64, usize))| {
            (*rowid, self.bytes.get(start..*end).unwrap_or_default())
        };
        starts.zip(&self.rows).map(row)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }
}
