//! Compares all tables with several workers: the largest first, all in the same snapshot of the target. Each table is cut into parts,
//! and the worker that finishes the last of them merges their results.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use migrate_core::plan::PlannedTable;

use super::compare::Selection;
use super::difference::NAMED_DIFFERENCES_MAX;
use super::parts::{self, Part};
use super::work_queue::{Cut, Work, WorkQueue};
use super::{CompareOptions, TableComparison, compare, load_order, multiset, unmatched};
use crate::access::cannot_compare;
use crate::error::{Error, Result};
use crate::ledger::ChunkTransaction;
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::threads;
use postgres_client::connection::Connection;
use postgres_client::server_error::ServerError;
use postgres_client::watch::{StopFlag, Watch};

/// Opens what a worker reads.
pub(super) struct Sides<'a> {
    pub(super) open_source: &'a (dyn Fn() -> Result<SourceConnection> + Sync),
    pub(super) open_target: &'a (dyn Fn() -> Result<Connection> + Sync),
}

/// A part, its table, and its index among the table's parts.
struct Unit {
    table: usize,
    place: usize,
    part: Part,
}

/// The result of a part; the sum of rows if it adds them up.
struct Found {
    comparison: TableComparison,
    sums: [u128; 2],
}

/// The results of a table so far.
#[derive(Default)]
struct Progress {
    found: Vec<Option<Found>>,
    left: usize,
    began: Option<Instant>,
    done: Option<TableComparison>,
}

/// Compares `tables`, with the chunks of each by its source name, as described at [`super::compare_rows`].
pub(super) fn compare(
    tables: &[&PlannedTable],
    chunks: &HashMap<String, Vec<ChunkTransaction>>,
    options: CompareOptions,
    sides: &Sides<'_>,
    holder: &mut Connection,
    observer: &dyn Observer,
) -> Result<Vec<TableComparison>> {
    // The transaction of the snapshot runs no other query, so that it locks no table.
    let compared = export_snapshot(holder)
        .and_then(|snapshot| compare_in(snapshot, tables, chunks, options, sides, observer));
    let ended = holder.query("ROLLBACK", &[]);
    compared.and_then(|compared| ended.map(|_| compared))
}

/// Compares in an exported snapshot.
fn compare_in(
    snapshot: String,
    tables: &[&PlannedTable],
    chunks: &HashMap<String, Vec<ChunkTransaction>>,
    options: CompareOptions,
    sides: &Sides<'_>,
    observer: &dyn Observer,
) -> Result<Vec<TableComparison>> {
    let progress: Vec<Mutex<Progress>> = tables.iter().map(|_| Mutex::default()).collect();
    let shared = Shared {
        tables,
        chunks,
        options,
        sides,
        observer,
        snapshot,
        queue: WorkQueue::new(largest_first(tables, chunks)),
        progress: &progress,
        without_connection: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.workers.max(1))
            .map(|_| threads::spawn(scope, || shared.run().inspect_err(|_| shared.queue.fail())))
            .collect::<Result<_>>()
            .inspect_err(|_| shared.queue.fail())?;
        let results = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Error::new("a thread that compares rows stopped unexpectedly")))
        });
        results.fold(Ok(()), Result::and)
    })?;
    let without_connection = shared.without_connection.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut results = Vec::with_capacity(tables.len());
    for progress in progress {
        let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.extend(progress.done);
    }
    if results.len() < tables.len() {
        let undone = || Error::new("not all tables were compared");
        return Err(without_connection.unwrap_or_else(undone));
    }
    Ok(results)
}

/// The tables by the number of their values, the largest first.
fn largest_first(tables: &[&PlannedTable], chunks: &HashMap<String, Vec<ChunkTransaction>>) -> Vec<usize> {
    let size = |&place: &usize| {
        let table = tables[place];
        let chunks = chunks.get(&table.source).map(Vec::as_slice).unwrap_or_default();
        let rows = chunks.iter().map(|chunk| chunk.rows).fold(0, u64::saturating_add);
        rows.saturating_mul(table.columns.len() as u64 + 1)
    };
    let mut order: Vec<usize> = (0..tables.len()).collect();
    order.sort_by_cached_key(|place| Reverse(size(place)));
    order
}

/// What all workers share.
struct Shared<'a> {
    tables: &'a [&'a PlannedTable],
    chunks: &'a HashMap<String, Vec<ChunkTransaction>>,
    options: CompareOptions,
    sides: &'a Sides<'a>,
    observer: &'a dyn Observer,
    snapshot: String,
    queue: WorkQueue<Unit>,
    progress: &'a [Mutex<Progress>],
    without_connection: Mutex<Option<Error>>,
}

impl Shared<'_> {
    fn run(&self) -> Result<()> {
        let source = (self.sides.open_source)()?;
        let mut target = match (self.sides.open_target)() {
            // Others may have connections: work that they do not finish is found at the end.
            Err(error) if error.is_transient() => {
                *self.without_connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return Ok(());
            }
            target => target?,
        };
        while let Some(work) = self.queue.next() {
            // A transaction for each task, so that the locks of thousands of tables never add up.
            import_snapshot(&mut target, &self.snapshot)?;
            let (Work::Cut(Cut { table, .. }) | Work::Compare(Unit { table, .. })) = work;
            let (Some(planned), Some(progress)) = (self.tables.get(table), self.progress.get(table)) else {
                break;
            };
            let done = match work {
                Work::Cut(cut) => self.cut(planned, progress, cut, &source, &mut target),
                Work::Compare(unit) => self.part(planned, progress, &unit, &source, &mut target),
            };
            done.map_err(|error| cannot_compare(planned, error, &mut target))?;
            // It has only read.
            target.query("ROLLBACK", &[])?;
        }
        Ok(())
    }

    /// The chunks of a table.
    fn chunks(&self, table: &PlannedTable) -> &[ChunkTransaction] {
        self.chunks.get(&table.source).map(Vec::as_slice).unwrap_or_default()
    }

    /// The rows of a table in PostgreSQL, as the ledger has them.
    fn rows(&self, table: &PlannedTable) -> u64 {
        self.chunks(table).iter().map(|chunk| chunk.rows).fold(0, u64::saturating_add)
    }

    /// Cuts a table into parts.
    fn cut(
        &self,
        table: &PlannedTable,
        progress: &Mutex<Progress>,
        cut: Cut<'_, Unit>,
        source: &SourceConnection,
        target: &mut Connection,
    ) -> Result<()> {
        let began = Some(Instant::now());
        let parts = parts::of_table(table, self.chunks(table), self.options, source, target)?;
        let found = parts.iter().map(|_| None).collect();
        *progress.lock().unwrap_or_else(PoisonError::into_inner) =
            Progress { found, left: parts.len(), began, done: None };
        let index = cut.table;
        cut.into((0..).zip(parts).map(|(place, part)| Unit { table: index, place, part }));
        Ok(())
    }

    fn part(
        &self,
        table: &PlannedTable,
        progress: &Mutex<Progress>,
        unit: &Unit,
        source: &SourceConnection,
        target: &mut Connection,
    ) -> Result<()> {
        let found = self.found(table, &unit.part, source, target)?;
        let parts = {
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = progress.found.get_mut(unit.place) {
                *place = Some(found);
            }
            progress.left -= 1;
            if progress.left > 0 {
                return Ok(());
            }
            std::mem::take(&mut progress.found)
        };
        let (mut found, [source_sum, target_sum]) = join(table, parts.into_iter().flatten());
        if matches!(unit.part, Part::Loaded(_))
            && !(found.is_equal() && found.target_rows == self.rows(table))
        {
            // The chunks have all rows that there are, but a VACUUM FULL meanwhile moves rows to where no part looks for them. By key,
            // that makes no difference, and a row that differs is named as one.
            let selection = Selection::all();
            let (key, show_values) = (table.key_positions(), self.options.show_values);
            let observer = AgainObserver(self.observer);
            found = compare::merge(table, &key, &selection, show_values, source, target, &observer)?;
        } else if matches!(unit.part, Part::SourceSum(_) | Part::TargetSum(_)) {
            let expected_rows = found.source_rows - found.rejected;
            if source_sum == target_sum && expected_rows == found.target_rows {
                found.equal = expected_rows;
            } else {
                let show_values = self.options.show_values;
                unmatched::find(table, show_values, source, target, self.observer, &mut found)?;
            }
        }
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        found.seconds = progress.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        progress.done = Some(found);
        Ok(())
    }

    fn found(
        &self,
        table: &PlannedTable,
        part: &Part,
        source: &SourceConnection,
        target: &mut Connection,
    ) -> Result<Found> {
        let (key, show_values) = (table.key_positions(), self.options.show_values);
        let mut found = TableComparison::default();
        let mut sums = [0; 2];
        match part {
            Part::Merge(selection) => {
                found = compare::merge(table, &key, selection, show_values, source, target, self.observer)?;
            }
            Part::Loaded(chunks) => {
                found = load_order::compare(table, &key, chunks, show_values, source, target, self.observer)?;
            }
            Part::SourceSum(range) => {
                sums[0] =
                    multiset::source_sum(table, range.clone(), source, target, &mut found, self.observer)?;
            }
            Part::TargetSum(filter) => {
                sums[1] = multiset::target_sum(table, filter.as_deref(), target, &mut found, self.observer)?;
            }
        }
        Ok(Found { comparison: found, sums })
    }
}

/// For rows that are compared once more, and counted already.
struct AgainObserver<'a>(&'a dyn Observer);

impl Watch for AgainObserver<'_> {
    fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

impl Observer for AgainObserver<'_> {
    fn stop_flag(&self) -> StopFlag {
        self.0.stop_flag()
    }
}

/// The combined result of a table's parts, which are in the order of keys.
fn join(table: &PlannedTable, parts: impl Iterator<Item = Found>) -> (TableComparison, [u128; 2]) {
    let mut all = TableComparison { table: table.source.clone(), ..TableComparison::default() };
    let mut sums = [0_u128; 2];
    for Found { comparison: part, sums: [source, target] } in parts {
        all.add(part);
        sums = [sums[0].wrapping_add(source), sums[1].wrapping_add(target)];
    }
    all.first.truncate(NAMED_DIFFERENCES_MAX);
    (all, sums)
}

/// Begins a transaction that sees one state of the target, and lets others see the same (manual, section 9.28.5).
pub(crate) fn export_snapshot(holder: &mut Connection) -> Result<String> {
    holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &[])?;
    let rows = holder.query("SELECT pg_export_snapshot()", &[])?;
    rows.into_iter()
        .flatten()
        .flatten()
        .next()
        .ok_or_else(|| Error::new("PostgreSQL gave no snapshot to compare in"))
}

pub(crate) fn import_snapshot(target: &mut Connection, snapshot: &str) -> Result<()> {
    let quoted = migrate_core::identifier::quote_pg_literal(snapshot);
    let sql = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {quoted}");
    target.script(&sql).map(|_| ()).map_err(|error| {
        // SQLSTATE 22023 up to PostgreSQL 16 and 42704 from 17 on: the session that holds the snapshot is gone, and can be replaced.
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<ServerError>());
        let is_gone = cause
            .and_then(|cause| cause.sqlstate.as_deref())
            .is_some_and(|sqlstate| ["22023", "42704"].contains(&sqlstate));
        if is_gone {
            Error::new("the snapshot to compare in is gone").caused_by(error).transient()
        } else {
            error
        }
    })
}
