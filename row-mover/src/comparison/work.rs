//! Compares all tables with several workers, the largest parts first, in one snapshot of the target.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use migrate_core::comparison::key_order::KeyOrder;
use migrate_core::comparison::{ComparedTable, Pairing};
use migrate_core::plan::PlannedTable;

use super::column_sums::same_columns;
use super::counts::{Naming, TableCounts};
use super::keys::has_plain_order;
use super::leftovers::LEFTOVERS_MAX;
use super::merge::{Merged, Reading, Sides, Slice, merge};
use crate::access::cannot_compare;
use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::rows::HELD_MAX_BYTES;
use crate::threads;
use crate::validate::{CompareOptions, Selection, export_snapshot, import_snapshot, selections};
use postgres_client::connection::Connection;

/// The longest value that is compared itself where only its digest differs, in bytes.
const WHOLE_MAX_BYTES: u32 = 64 << 20;

/// In how many slices a table is compared at most. Each reads all of it.
const SLICES_MAX: usize = 64;

/// Opens what a worker reads.
pub(super) struct Openers<'a> {
    pub(super) source: &'a (dyn Fn() -> Result<SourceConnection> + Sync),
    pub(super) target: &'a (dyn Fn() -> Result<Connection> + Sync),
}

/// A part of a table.
struct Unit {
    table: usize,
    place: usize,
    selection: Selection,
}

/// The results of a table so far.
struct Progress {
    parts: Vec<Option<TableCounts>>,
    pairing: Pairing,
    began: Option<Instant>,
    seconds: f64,
}

/// Compares `tables`; `holder` keeps the snapshot meanwhile. The results are in the order of `tables`.
///
/// # Errors
/// When either side cannot be read.
pub(super) fn compare_tables(
    tables: &[PlannedTable],
    options: CompareOptions,
    openers: &Openers<'_>,
    holder: &mut Connection,
    observer: &dyn Observer,
) -> Result<Vec<ComparedTable>> {
    let (units, progress) = plan(tables, options, &(openers.source)()?, holder)?;
    let compared = export_snapshot(holder).and_then(|snapshot| {
        let next = AtomicUsize::new(0);
        let has_failed = AtomicBool::new(false);
        let work = Work {
            tables,
            options,
            openers,
            observer,
            snapshot,
            units: &units,
            next,
            has_failed,
            progress: &progress,
            without_connection: Mutex::new(None),
        };
        work.run_all()
    });
    let ended = holder.query("ROLLBACK", &[]);
    compared?;
    ended?;
    let mut results = Vec::with_capacity(tables.len());
    for (table, progress) in tables.iter().zip(progress) {
        let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut all = TableCounts::new(table);
        progress.parts.into_iter().flatten().for_each(|part| all.add(part));
        results.push(all.finish(table, progress.pairing, progress.seconds));
    }
    Ok(results)
}

/// All parts of all tables, the largest first.
fn plan(
    tables: &[PlannedTable],
    options: CompareOptions,
    source: &SourceConnection,
    target: &mut Connection,
) -> Result<(Vec<Unit>, Vec<Mutex<Progress>>)> {
    let (mut units, mut progress) = (Vec::new(), Vec::with_capacity(tables.len()));
    for (position, table) in tables.iter().enumerate() {
        let key = table.key_positions();
        let parts = match has_plain_order(table, &key) && !has_null(table, &key) {
            true => selections(table, options.workers, source, target)
                .map_err(|error| cannot_compare(table, error, target))?,
            false => vec![Selection::all()],
        };
        let pairing = pairing(table, &key);
        let count = parts.len();
        let slots = parts.iter().map(|_| None).collect();
        progress.push(Mutex::new(Progress { parts: slots, pairing, began: None, seconds: 0.0 }));
        let rows = table.profile_rows.unwrap_or(0);
        let work = rows.saturating_mul(table.columns.len() as u64 + 1) / count.max(1) as u64;
        let of_table = parts.into_iter().enumerate();
        units.extend(of_table.map(|(place, selection)| (work, Unit { table: position, place, selection })));
    }
    units.sort_by_key(|(work, _)| u64::MAX - work);
    Ok((units.into_iter().map(|(_, unit)| unit).collect(), progress))
}

/// Whether the first column of a key may hold NULL: the parts of a table have it at different ends on the two sides.
fn has_null(table: &PlannedTable, key: &[usize]) -> bool {
    let first = key.first().and_then(|&position| table.columns.get(position));
    first.is_none_or(|column| column.profile.as_ref().is_none_or(|seen| seen.nulls > 0))
}

/// How the rows of a table are paired at first.
fn pairing(table: &PlannedTable, key: &[usize]) -> Pairing {
    let names = |positions: &[usize]| {
        positions.iter().filter_map(|&at| table.columns.get(at)).map(|column| column.source.clone()).collect()
    };
    match key.is_empty() {
        false => Pairing::Key { columns: names(key) },
        true => Pairing::Values { columns: names(&ordered_columns(table)) },
    }
}

/// The columns by which rows are paired at first: the key, or all that both sides can sort by.
pub(super) fn pairing_columns(table: &PlannedTable) -> Vec<usize> {
    let key = table.key_positions();
    if key.is_empty() { ordered_columns(table) } else { key }
}

/// The columns that both sides can sort by.
fn ordered_columns(table: &PlannedTable) -> Vec<usize> {
    let is_ordered = |position: &usize| {
        table.columns.get(*position).is_some_and(|column| KeyOrder::of(column.target_type).is_some())
    };
    (0..table.columns.len()).filter(is_ordered).collect()
}

/// The state that all workers share.
struct Work<'a> {
    tables: &'a [PlannedTable],
    options: CompareOptions,
    openers: &'a Openers<'a>,
    observer: &'a dyn Observer,
    snapshot: String,
    units: &'a [Unit],
    next: AtomicUsize,
    has_failed: AtomicBool,
    progress: &'a [Mutex<Progress>],
    without_connection: Mutex<Option<Error>>,
}

impl Work<'_> {
    fn run_all(&self) -> Result<()> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.options.workers.clamp(1, self.units.len().max(1)))
                .map(|_| {
                    threads::spawn(scope, || {
                        self.run().inspect_err(|_| self.has_failed.store(true, Ordering::Relaxed))
                    })
                })
                .collect::<Result<_>>()?;
            let results = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Error::new("a thread that compares rows stopped unexpectedly")))
            });
            results.fold(Ok(()), Result::and)
        })?;
        let is_done = |progress: &Mutex<Progress>| {
            let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.parts.iter().all(Option::is_some)
        };
        if self.progress.iter().all(is_done) {
            return Ok(());
        }
        let without = self.without_connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(without.unwrap_or_else(|| Error::new("not all tables were compared")))
    }

    fn run(&self) -> Result<()> {
        let source = (self.openers.source)()?;
        let mut target = match (self.openers.target)() {
            // Others may have connections: work that they do not finish is found at the end.
            Err(error) if error.is_transient() => {
                *self.without_connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return Ok(());
            }
            target => target?,
        };
        while !self.has_failed.load(Ordering::Relaxed) {
            let Some(unit) = self.units.get(self.next.fetch_add(1, Ordering::Relaxed)) else { break };
            let (Some(table), Some(progress)) = (self.tables.get(unit.table), self.progress.get(unit.table))
            else {
                break;
            };
            import_snapshot(&mut target, &self.snapshot)?;
            self.unit(table, progress, unit, &source, &mut target)
                .map_err(|error| cannot_compare(table, error, &mut target))?;
            // It has only read.
            target.query("ROLLBACK", &[])?;
        }
        Ok(())
    }

    fn unit(
        &self,
        table: &PlannedTable,
        progress: &Mutex<Progress>,
        unit: &Unit,
        source: &SourceConnection,
        target: &mut Connection,
    ) -> Result<()> {
        let now = Instant::now();
        progress.lock().unwrap_or_else(PoisonError::into_inner).began.get_or_insert(now);
        let observer = self.observer;
        let digests = Reading { held_max: HELD_MAX_BYTES, slice: Slice::ALL, is_repeated: false };
        let (mut counts, mut pairing) =
            self.compared(table, unit, digests, Sides { source, target: &mut *target, observer })?;
        if counts.has_unread {
            // Long values differ, of which only the digests are known: they may be equal in another form.
            let values = Reading { held_max: WHOLE_MAX_BYTES, is_repeated: true, ..digests };
            (counts, pairing) = self.compared(table, unit, values, Sides { source, target, observer })?;
        }
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = progress.parts.get_mut(unit.place) {
            *place = Some(counts);
        }
        if let Some(columns) = pairing {
            progress.pairing = Pairing::Values { columns };
        }
        progress.seconds = progress.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Compares a part of a table, and returns the columns that pair its rows if they are not the first choice.
    fn compared(
        &self,
        table: &PlannedTable,
        unit: &Unit,
        reading: Reading,
        sides: Sides<'_>,
    ) -> Result<(TableCounts, Option<Vec<String>>)> {
        let key = table.key_positions();
        if key.is_empty() {
            return self.without_key(table, reading, sides);
        }
        let merged = merge(table, &key, true, &unit.selection, (self.naming(), reading), sides)?;
        Ok((merged.counts, None))
    }

    /// Compares a table without a key: all of its values are the key. If rows are on one side only, the columns that have the same values on
    /// both sides pair them again, and the others show what happened.
    fn without_key(
        &self,
        table: &PlannedTable,
        reading: Reading,
        mut sides: Sides<'_>,
    ) -> Result<(TableCounts, Option<Vec<String>>)> {
        let columns = ordered_columns(table);
        let mut found = self.sliced(table, &columns, reading, &mut sides)?;
        let mut pairing = None;
        if found.counts.missing > 0 && found.counts.extra > 0 {
            let same = same_columns(table, &columns, sides.source, sides.target, sides.observer)?;
            // Without such a column it takes longer, and few rows are paired by their resemblance anyway.
            let is_worth_it = !same.is_empty() || found.counts.missing > LEFTOVERS_MAX as u64;
            if is_worth_it && same.len() < columns.len() {
                let again = Reading { is_repeated: true, ..reading };
                found = self.sliced(table, &same, again, &mut sides)?;
                let names = same.iter().filter_map(|&at| table.columns.get(at));
                pairing = Some(names.map(|column| column.source.clone()).collect());
            }
            found.leftovers.pair(table, self.naming(), &mut found.counts);
        }
        Ok((found.counts, pairing))
    }

    /// Compares a table by columns that may have the same values in many rows: in several slices if there are too many to keep.
    fn sliced(
        &self,
        table: &PlannedTable,
        columns: &[usize],
        reading: Reading,
        sides: &mut Sides<'_>,
    ) -> Result<Merged> {
        let mut merged = |reading: Reading| {
            let sides = Sides { source: sides.source, target: &mut *sides.target, observer: sides.observer };
            merge(table, columns, false, &Selection::all(), (self.naming(), reading), sides)
        };
        let mut all = merged(reading)?;
        if all.slices > 1 {
            let of = all.slices.min(SLICES_MAX) as u64;
            let slice = |index: u64| Reading { slice: Slice { index, of }, is_repeated: true, ..reading };
            all = merged(slice(0))?;
            for index in 1..of {
                let part = merged(slice(index))?;
                all.counts.add(part.counts);
                all.leftovers.add(part.leftovers);
            }
        }
        Ok(all)
    }

    fn naming(&self) -> Naming {
        Naming { show_values: self.options.show_values }
    }
}
