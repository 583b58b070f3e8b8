//! Checks every value before anything moves: which values PostgreSQL could not hold as planned, and which rows have no parent.
//!
//! It runs the conversions of the load and discards the bytes.

use std::sync::{Mutex, PoisonError};

use migrate_core::copy_format::FieldRefusal;
use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::PlannedTable;
use migrate_core::reject::RejectLimit;
use rusqlite::Row;
use serde::Serialize;

use super::SourceConnection;
use super::chunk_plan::ChunkPlan;
use super::foreign_keys::{ForeignKeys, KEYS_BYTES_MAX, RowKeys};
use super::key_ranges::PartSize;
use super::key_set::Budget;
use super::page_limits::{Exceeding, Watch};
use super::parts;
pub use super::profile::profile;
use super::refused_rows::RefusedRows;
pub use super::remedies::{Remedies, Repair};
use super::row_range::RowRange;
use super::rows::{Scan, SourceRow, Value, Values};
use super::scan;
use super::scan_schedule::{EndOnFailure, Schedule, Task};
use super::suspects;
use crate::error::{Context, Error, Result};
use crate::row_encoder::{self, Refused, RowBuffer, RowOutcome};
use crate::threads;

/// How many offenders of one column are named.
pub(crate) const NAMED_OFFENDERS_MAX: usize = 3;

/// The findings of a scan of all rows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// By table, in the plan's order.
    pub tables: Vec<TableFindings>,
}

/// The findings of a scan in one table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TableFindings {
    /// The table, by source name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The bytes that it will be in COPY's binary format.
    pub bytes: u64,
    /// The columns with values that cannot move.
    pub offenders: Vec<Offenders>,
    /// Rows that the plan's policy skips.
    pub skipped: u64,
    /// How many values become NULL, by the plan's policy.
    pub nulled: u64,
    /// The columns whose values cause rows to be skipped or become NULL.
    pub rejects: Vec<Offenders>,
    /// The rows that are too wide for PostgreSQL's pages, or have a key that is too long for an index.
    pub exceeding: Vec<Exceeding>,
    /// The rows that the rules of an app's table refuse.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedRows>,
    /// How many rows may be such that exceed a limit.
    #[serde(skip)]
    pub may_exceed: u64,
    /// The chunks that it is moved in.
    #[serde(skip)]
    pub chunks: ChunkPlan,
}

/// Values of one column that cannot move.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Offenders {
    /// The column, by source name, or the columns of a foreign key.
    pub column: String,
    /// How many values.
    pub count: u64,
    /// The first few.
    pub first: Vec<Offender>,
    /// The remedies against all of them.
    #[serde(skip)]
    pub remedies: Remedies,
}

/// A value that cannot move.
#[derive(Clone, Debug, Serialize)]
pub struct Offender {
    /// The row's key, for people.
    pub key: String,
    /// Why it cannot move, without any part of the value.
    pub reason: String,
}

impl Findings {
    /// How many values cannot move.
    pub fn offender_count(&self) -> u64 {
        self.tables.iter().flat_map(|table| &table.offenders).map(|offenders| offenders.count).sum()
    }

    /// Whether any row is too wide for PostgreSQL's pages, or has a key that is too long for an index.
    pub(crate) fn has_exceeding(&self) -> bool {
        self.tables.iter().any(|table| !table.exceeding.is_empty())
    }

    /// Whether the rules of an app's table refuse any row.
    pub(crate) fn has_refused(&self) -> bool {
        self.tables.iter().any(|table| !table.refused.is_empty())
    }

    /// The sentence for the table that has more rejects than `limit` allows; none if all are within.
    pub fn over_limit(&self, limit: Option<RejectLimit>) -> Option<String> {
        let limit = limit?;
        let rejected = |table: &TableFindings| table.skipped + table.nulled;
        let all: u64 = self.tables.iter().map(rejected).sum();
        let over = self.tables.iter().find(|table| limit.is_exceeded(rejected(table), table.rows, all))?;
        Some(format!(
            "{} of {} rows of table {} would be rejected, and {all} in all; the limit is {limit}",
            rejected(over),
            over.rows,
            over.table
        ))
    }

    /// Rows that the plan's policy skips.
    pub fn skipped(&self) -> u64 {
        self.tables.iter().map(|table| table.skipped).sum()
    }

    /// How many values become NULL, by the plan's policy.
    pub fn nulled(&self) -> u64 {
        self.tables.iter().map(|table| table.nulled).sum()
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// How many bytes they will be in COPY's binary format.
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.bytes).sum()
    }
}

/// Scans all tables of `plan`, several tables and parts of tables at once, and cuts them into chunks of about `chunk_bytes`. `open` opens
/// a connection for each worker. `scanned` receives the number of rows; an error from it ends the scan.
///
/// # Errors
/// When the source cannot be read.
pub(crate) fn scan_values(
    plan: &LoadPlan<'_>,
    workers: usize,
    chunk_bytes: u64,
    open: &(dyn Fn() -> Result<SourceConnection> + Sync),
    scanned: &(dyn Fn(u64) -> Result<()> + Sync),
) -> Result<Findings> {
    let first = open()?;
    let budget = Budget::new(KEYS_BYTES_MAX);
    let mut keys = ForeignKeys::new(plan, &budget, &first)?;
    let order = keys.settle_order();
    let schedule = Schedule::new(&keys, &order, &parts(&first, plan, chunk_bytes)?);
    drop(first);
    let results = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        let mut end = EndOnFailure { schedule: &schedule, is_done: false };
        let source = open()?;
        while let Some((number, task)) = schedule.next() {
            match &task {
                Task::Rows(table, range) => {
                    let mut found = TableFindings::none(chunk_bytes);
                    let mut row_keys = keys.of_rows(*table);
                    let planned = &plan.tables[*table];
                    scan_rows(&source, planned, range.as_ref(), scanned, &mut row_keys, &mut found)?;
                    row_keys.finish();
                    lock(&results).push((number, *table, found));
                }
                Task::LateKeys(table, range) => keys.check_late(&source, *table, range.clone())?,
            }
            schedule.finished(&task);
        }
        end.is_done = true;
        Ok(())
    };
    in_threads(workers.clamp(1, schedule.len().max(1)), &work)?;
    keys.check_spilled(workers, &|| scanned(0))?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    // In the order of the rows, whichever worker finished first.
    results.sort_by_key(|(number, ..)| *number);
    let mut tables: Vec<TableFindings> = (plan.tables.iter())
        .map(|table| TableFindings { table: table.source.clone(), ..TableFindings::none(chunk_bytes) })
        .collect();
    for (_, table, found) in results {
        tables[table].append(found);
    }
    let suspects = suspects::of(plan, &keys, &tables);
    drop(keys);
    suspects::find(plan, &suspects, workers, chunk_bytes, open, &mut tables)?;
    Ok(Findings { tables })
}

/// Runs `work` in several threads at once.
pub(super) fn in_threads(workers: usize, work: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| threads::spawn(scope, work)).collect::<Result<_>>()?;
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Error::new("a thread that scans the source stopped unexpectedly")))
        })
    })
}

/// The parts in which each table is scanned, in the order of their rows.
fn parts(
    source: &SourceConnection,
    plan: &LoadPlan<'_>,
    chunk_bytes: u64,
) -> Result<Vec<Vec<Option<RowRange>>>> {
    /// A table of more rowids than this is scanned in parts.
    const PART_ROWIDS: u64 = 1 << 15;
    /// The most parts of a table.
    const PARTS_MAX: usize = 256;
    /// The parts of a table WITHOUT ROWID for each chunk, which consists of complete parts.
    const PARTS_OF_CHUNK: u64 = 8;
    let bytes = usize::try_from(chunk_bytes / PARTS_OF_CHUNK).unwrap_or(usize::MAX);
    let part_size = PartSize { bytes, parts_max: usize::MAX };
    let parts = |table: &PlannedTable| -> Result<Vec<Option<RowRange>>> {
        let bounds = parts::rowid_bounds(source, &table.source, table.rowid.as_deref())?;
        let ranges = match (bounds, table.rowid.as_deref()) {
            (Some(bounds), Some(_)) if bounds.last.abs_diff(bounds.first) < PART_ROWIDS => {
                vec![RowRange::Rowids(bounds)]
            }
            (Some(_), Some(rowid)) => parts::populated(source, &table.source, rowid, PART_ROWIDS, PARTS_MAX)?
                .into_iter()
                .map(RowRange::Rowids)
                .collect(),
            _ => parts::key_ranges(source, &table.source, table.without_rowid, part_size)?,
        };
        Ok(if ranges.is_empty() { vec![None] } else { ranges.into_iter().map(Some).collect() })
    };
    plan.tables.iter().map(parts).collect()
}

impl TableFindings {
    /// Those of no rows, in chunks of about `chunk_bytes`.
    pub(super) fn none(chunk_bytes: u64) -> TableFindings {
        TableFindings { chunks: ChunkPlan::new(chunk_bytes), ..TableFindings::default() }
    }

    /// Adds the findings in the rows that follow.
    pub(super) fn append(&mut self, next: TableFindings) {
        self.rows += next.rows;
        self.bytes += next.bytes;
        self.skipped += next.skipped;
        self.nulled += next.nulled;
        self.may_exceed += next.may_exceed;
        self.chunks.append(next.chunks);
        append_offenders(&mut self.offenders, next.offenders);
        append_offenders(&mut self.rejects, next.rejects);
    }
}

fn append_offenders(all: &mut Vec<Offenders>, next: Vec<Offenders>) {
    for found in next {
        match all.iter_mut().find(|offenders| offenders.column == found.column) {
            None => all.push(found),
            Some(offenders) => {
                offenders.count += found.count;
                offenders.remedies = offenders.remedies.and(found.remedies);
                let room = NAMED_OFFENDERS_MAX.saturating_sub(offenders.first.len());
                offenders.first.extend(found.first.into_iter().take(room));
            }
        }
    }
}

fn scan_rows(
    source: &SourceConnection,
    table: &PlannedTable,
    range: Option<&RowRange>,
    scanned: &dyn Fn(u64) -> Result<()>,
    keys: &mut RowKeys<'_, '_>,
    found: &mut TableFindings,
) -> Result<()> {
    /// Progress interval, in rows.
    const REPORT_EACH_ROWS: u64 = 10_000;
    let failed = || format!("table {} cannot be read", table.source);
    let (sent, positions) = (table.sent(), table.sent_positions());
    let has_generated = positions.len() < table.columns.len();
    let watch = Watch::new(table);
    let (mut buffer, mut lengths) = (RowBuffer::default(), Vec::new());
    Scan::of(table).within(range.cloned()).each(source, &failed, &mut |row| {
        buffer.clear();
        keys.visit(row).context(failed)?;
        if has_generated {
            find_uncomputed(table, row, found).context(failed)?;
        }
        let values = Projected { row, positions: &positions };
        let (refused, list) = match row_encoder::append_row(&sent, &values, &mut buffer).context(failed)? {
            RowOutcome::Moves => (Vec::new(), &mut found.rejects),
            RowOutcome::Nulled(refused) => {
                found.nulled += refused.len() as u64;
                (refused, &mut found.rejects)
            }
            RowOutcome::Skipped(refused) => {
                found.skipped += 1;
                (refused, &mut found.rejects)
            }
            RowOutcome::Stops(refused) => (refused, &mut found.offenders),
        };
        for Refused { position, refusal } in refused {
            let Some(column) = sent.columns.get(position) else { continue };
            let value = values.value(position).context(failed)?;
            let remedies = Remedies::of(table, column, &value, &refusal);
            let describe = || Offender { key: row_key(table, row.held()), reason: refusal.to_string() };
            add_offender(list, &column.source, remedies, describe);
        }
        found.may_exceed += u64::from(!watch.is_harmless(&buffer, &mut lengths));
        found.rows += 1;
        found.bytes += buffer.length();
        found.chunks.add(row.rowid(), buffer.length());
        if found.rows.is_multiple_of(REPORT_EACH_ROWS) {
            scanned(REPORT_EACH_ROWS)?;
        }
        Ok(())
    })?;
    if let Some(range @ RowRange::Keys(_)) = range {
        found.chunks.set_range(range.clone());
    }
    scanned(found.rows % REPORT_EACH_ROWS)
}

/// The values of some columns of a row.
pub(crate) struct Projected<'a, V> {
    pub(crate) row: &'a V,
    pub(crate) positions: &'a [usize],
}

impl<V: Values> Values for Projected<'_, V> {
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>> {
        self.row.value(self.positions.get(position).copied().unwrap_or(position))
    }
}

/// Values that PostgreSQL is to compute as well, and that SQLite cannot: such a row came after the plan was made.
fn find_uncomputed(
    table: &PlannedTable,
    row: &SourceRow<'_>,
    found: &mut TableFindings,
) -> rusqlite::Result<()> {
    for (position, column) in table.columns.iter().enumerate() {
        if column.generated.is_none() {
            continue;
        }
        if let Value::Uncomputed(failed) = row.value(position)? {
            add_offender(&mut found.offenders, &column.source, Remedies::plan_again(), || Offender {
                key: row_key(table, row.held()),
                reason: FieldRefusal::Uncomputed { reason: failed.reason.clone() }.to_string(),
            });
        }
    }
    Ok(())
}

pub(crate) fn add_offender(
    offenders: &mut Vec<Offenders>,
    column: &str,
    remedies: Remedies,
    describe: impl FnOnce() -> Offender,
) {
    let position = offenders.iter().position(|other| other.column == column).unwrap_or_else(|| {
        offenders.push(Offenders { column: column.to_owned(), remedies, ..Offenders::default() });
        offenders.len() - 1
    });
    let entry = &mut offenders[position];
    entry.count += 1;
    entry.remedies = entry.remedies.and(remedies);
    if entry.first.len() < NAMED_OFFENDERS_MAX {
        entry.first.push(describe());
    }
}

/// The key of a row that was selected with its rowid after the planned columns.
pub(crate) fn row_key(table: &PlannedTable, row: &Row<'_>) -> String {
    let value = |position: usize| row.get_ref(position).map(scan::value);
    let positions = table.key_positions();
    let key: std::result::Result<Vec<_>, _> = positions.iter().map(|&position| value(position)).collect();
    let rowid: Option<i64> = table.rowid.as_ref().and_then(|_| row.get(table.columns.len()).ok());
    let rowid_words =
        || rowid.map_or_else(|| "a row without key".to_owned(), |rowid| format!("rowid={rowid}"));
    match key {
        Ok(key) if !key.is_empty() && !key.iter().any(|value| value.is_null()) => {
            scan::describe_key(table, &positions, &key)
        }
        _ => rowid_words(),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
