//! Divides the comparison into parts, which several threads work on: ranges of rowids of each table, each about as large as the others.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use migrate_core::plan::PlannedTable;
use postgres_client::watch::{Watch, check_stop};

use super::by_rowid::{self, Changed};
use super::multiset;
use crate::error::{Error, Result};
use crate::source::same_leaves::SameLeaves;
use crate::source::scan::RowidRange;
use crate::source::{SourceConnection, parts};
use crate::threads;

/// The threads, where there are so many processors: the server and other programs need some.
const THREADS_MAX: usize = 4;

/// Ranges with fewer rowids are not cut.
const PART_ROWIDS_MIN: u64 = 1 << 14;

/// The most parts of a table.
const PARTS_MAX: usize = 16;

/// A part of a table.
struct Part<'t> {
    /// The place of its table in the list of tables.
    position: usize,
    table: &'t PlannedTable,
    /// Its ranges of rowids; none is the entire table.
    ranges: Option<Vec<RowidRange>>,
}

impl Part<'_> {
    fn compare(
        &self,
        base: &SourceConnection,
        newer: &SourceConnection,
        watch: &dyn Watch,
    ) -> Result<Changed> {
        match &self.ranges {
            Some(ranges) => by_rowid::compare(self.table, ranges, base, newer, watch),
            None => multiset::compare(self.table, base, newer, watch),
        }
    }
}

/// Compares all tables, and returns what has changed in each.
///
/// # Errors
/// When a copy cannot be read, or the work is to stop.
pub(super) fn compare(
    base: &SourceConnection,
    newer: &SourceConnection,
    tables: &[&PlannedTable],
    watch: &dyn Watch,
) -> Result<Vec<Changed>> {
    let parts = parts_of(base, newer, tables, watch)?;
    let queue = Queue {
        parts: &parts,
        next: AtomicUsize::new(0),
        is_failed: AtomicBool::new(false),
        done: Mutex::default(),
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let helpers = processors.min(THREADS_MAX).min(parts.len()).saturating_sub(1);
    let (older, later) = (base.file().clone(), newer.file().clone());
    std::thread::scope(|scope| {
        let (queue, older, later) = (&queue, &older, &later);
        // Whatever ends the statements of the two connections ends those of the helpers.
        let (stops_older, stops_later) = (base.control(), newer.control());
        let open = || Ok((older.open_under(stops_older)?, later.open_under(stops_later)?));
        let help = move || queue.work(open, watch);
        // A thread that cannot be started leaves its work to the others.
        let helpers: Vec<_> = (0..helpers).filter_map(|_| threads::spawn(scope, help).ok()).collect();
        let own = queue.work_with(base, newer, watch);
        let join = |helper: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        helpers.into_iter().map(join).fold(own, Result::and)
    })?;
    let mut found: Vec<Changed> = tables.iter().map(|_| Changed::default()).collect();
    let mut done = queue.done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    for (number, changed) in done {
        let position = parts.get(number).map(|part| part.position);
        if let Some(table) = position.and_then(|position| found.get_mut(position)) {
            table.append(changed);
        }
    }
    Ok(found)
}

/// The parts of all tables, those of a table in the order of their rowids.
fn parts_of<'t>(
    base: &SourceConnection,
    newer: &SourceConnection,
    tables: &[&'t PlannedTable],
    watch: &dyn Watch,
) -> Result<Vec<Part<'t>>> {
    let mut parts = Vec::new();
    let leaves = SameLeaves::of(base, newer, &|| check_stop(watch))?;
    for (position, &table) in tables.iter().enumerate() {
        let Some(rowid) = &table.rowid else {
            parts.push(Part { position, table, ranges: None });
            continue;
        };
        let populated = parts::populated(base, &table.source, rowid, PART_ROWIDS_MIN, PARTS_MAX)?;
        // Together they have every rowid: the newer copy may have rows between, before and after those of the older one.
        let cuts = populated.iter().skip(1).map(|range| range.first);
        let firsts = std::iter::once(i64::MIN).chain(cuts.clone());
        let lasts = cuts.map(|cut| cut.saturating_sub(1)).chain(std::iter::once(i64::MAX));
        let all = || vec![RowidRange { first: i64::MIN, last: i64::MAX }];
        let others = leaves.as_ref().map_or_else(all, |leaves| leaves.other_rows(base, newer, &table.source));
        for (first, last) in firsts.zip(lasts) {
            let ranges = within(&others, RowidRange { first, last });
            if !ranges.is_empty() {
                parts.push(Part { position, table, ranges: Some(ranges) });
            }
        }
    }
    Ok(parts)
}

/// What ranges have in common with another one.
fn within(ranges: &[RowidRange], part: RowidRange) -> Vec<RowidRange> {
    let start = ranges.partition_point(|range| range.last < part.first);
    let meets = ranges.iter().skip(start).take_while(|range| range.first <= part.last);
    let cut = |range: &RowidRange| RowidRange {
        first: range.first.max(part.first),
        last: range.last.min(part.last),
    };
    meets.map(cut).collect()
}

/// The parts, and what is done of them.
struct Queue<'a, 't> {
    parts: &'a [Part<'t>],
    next: AtomicUsize,
    is_failed: AtomicBool,
    /// The number of each part that is done, and its result.
    done: Mutex<Vec<(usize, Changed)>>,
}

impl Queue<'_, '_> {
    fn work(
        &self,
        open: impl FnOnce() -> Result<(SourceConnection, SourceConnection)>,
        watch: &dyn Watch,
    ) -> Result<()> {
        let opened = open().inspect_err(|_| self.is_failed.store(true, Ordering::Relaxed));
        let (base, newer) = opened?;
        self.work_with(&base, &newer, watch)
    }

    /// Works on one part after the other, until none is left or any thread fails.
    fn work_with(&self, base: &SourceConnection, newer: &SourceConnection, watch: &dyn Watch) -> Result<()> {
        while !self.is_failed.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = self.parts.get(number) else { return Ok(()) };
            let changed = check_stop(watch).and_then(|()| part.compare(base, newer, watch));
            let changed = changed.inspect_err(|_: &Error| self.is_failed.store(true, Ordering::Relaxed))?;
            self.done.lock().unwrap_or_else(PoisonError::into_inner).push((number, changed));
        }
        Ok(())
    }
}
