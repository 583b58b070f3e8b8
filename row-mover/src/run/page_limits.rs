//! Asks PostgreSQL about the rows that may be too wide for its pages, or have a key that is too long for an index.
//!
//! Only the server knows how well a value compresses, so these rows are inserted for a trial: into tables like those of the plan, in a
//! schema of their own and a transaction that is rolled back. Errors are caught inside the server, so that neither its log nor a
//! message holds any data of a row.

use migrate_core::conversion::Conversion;
use migrate_core::copy_format;
use migrate_core::load_plan::LoadPlan;
use migrate_core::page_limits::{KeyLimit, ROW_BYTES_MAX};
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::{SourceValue, StorageClass};

use super::trial_tables::{GROUP_COLUMNS, Scratch, TrialResult, Tried};
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::SourceConnection;
use crate::source::page_limits::{Exceeded, Exceeding, Watch, Width};
use crate::source::preflight::{Findings, NAMED_OFFENDERS_MAX, Projected, TableFindings, row_key};
use crate::source::rows::{Scan, SourceRow, Value, Values};
use postgres_client::connection::Connection;
use postgres_client::connections::Connections;
use postgres_client::watch::check_stop;

/// How many rows are tried at once, and about how many bytes of them are held.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: u64 = 1 << 20;

/// Adds to `findings` the rows of `plan` that PostgreSQL cannot hold, or cannot index, if the scan has seen any candidates. The columns
/// of `plan` have their policies.
///
/// # Errors
/// When either side cannot be read.
pub(super) fn find(
    connections: &Connections<'_>,
    plan: &LoadPlan<'_>,
    open: &dyn Fn() -> Result<SourceConnection>,
    observer: &dyn Observer,
    findings: &mut Findings,
) -> Result<()> {
    if findings.tables.iter().all(|table| table.may_exceed == 0) {
        return Ok(());
    }
    let source = open()?;
    let mut target = connections.bulk()?;
    for table in &plan.tables {
        let found = findings.tables.iter_mut().find(|found| found.table == table.source);
        let Some(found) = found.filter(|found| found.may_exceed > 0) else { continue };
        find_in_table(table, &source, &mut target, observer, found)?;
    }
    Ok(())
}

fn find_in_table(
    table: &PlannedTable,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
    found: &mut TableFindings,
) -> Result<()> {
    /// Rows between two checks whether to stop.
    const ASK_EACH_ROWS: u64 = 1000;
    let mut rows = 0_u64;
    let watch = Watch::new(table);
    let mut trial = Trial::begin(&watch, target)?;
    let failed = || format!("table {} cannot be read", table.source);
    let (sent, positions) = (table.sent(), table.sent_positions());
    let (mut buffer, mut lengths) = (RowBuffer::default(), Vec::new());
    Scan::of(table).each(source, &failed, &mut |row| {
        buffer.clear();
        rows += 1;
        if rows.is_multiple_of(ASK_EACH_ROWS) {
            check_stop(observer)?;
        }
        let outcome = row_encoder::append_row(&sent, &Projected { row, positions: &positions }, &mut buffer);
        let moves = matches!(outcome.context(failed)?, RowOutcome::Moves | RowOutcome::Nulled(_));
        if moves && !watch.is_harmless(&buffer, &mut lengths) {
            trial.add(row, &lengths, &failed)?;
        }
        Ok(())
    })?;
    found.exceeding = trial.end()?;
    Ok(())
}

/// Rows of one table on trial.
struct Trial<'a> {
    watch: &'a Watch<'a>,
    target: &'a mut Connection,
    scratch: Scratch<'a>,
    /// The columns that are sent, in groups: each with the number of the row before them.
    groups: Vec<Group>,
    /// What is tried, and the findings.
    tried: Vec<(Tried<'a>, Exceeding)>,
    /// The rows that are sent and not yet tried: their keys for people, and the size in bytes that each limit is about, none where the
    /// limit needs no trial.
    batch: Vec<(String, Vec<Option<u64>>)>,
}

struct Group {
    table: PlannedTable,
    positions: Vec<usize>,
    buffer: RowBuffer,
}

impl<'a> Trial<'a> {
    fn begin(watch: &'a Watch<'a>, target: &'a mut Connection) -> Result<Trial<'a>> {
        let table = watch.table();
        let mut tried: Vec<Tried<'a>> = watch.keys().iter().map(Tried::Key).collect();
        if watch.may_be_wide() {
            tried.push(Tried::Row);
        }
        let positions: Vec<usize> = match watch.may_be_wide() {
            true => table.sent_positions(),
            false => {
                let is_input =
                    |position: &usize| watch.keys().iter().any(|limit| limit.inputs.contains(position));
                table.sent_positions().into_iter().filter(is_input).collect()
            }
        };
        let scratch = Scratch::create(table, &positions, &tried, target)?;
        let groups = positions.chunks(GROUP_COLUMNS);
        let groups = groups.map(|positions| Group::new(table, positions, scratch.number())).collect();
        let exceeding = |tried: &Tried<'_>| Exceeding {
            limit: match tried {
                Tried::Key(limit) => {
                    Exceeded::Key { name: limit.name.clone(), definition: limit.definition.clone() }
                }
                Tried::Row => Exceeded::Row { columns: table.columns.len() + table.searches.len() },
            },
            rows: 0,
            bytes_max: 0,
            first: Vec::new(),
        };
        let tried =
            tried.into_iter().map(|tried| (exceeding(&tried), tried)).map(|(found, tried)| (tried, found));
        let tried = tried.collect();
        Ok(Trial { watch, target, scratch, groups, tried, batch: Vec::new() })
    }

    /// Adds a row whose fields have these lengths. A row that needs no trial is counted at once.
    fn add(
        &mut self,
        row: &SourceRow<'_>,
        lengths: &[Option<u64>],
        failed: &dyn Fn() -> String,
    ) -> Result<()> {
        let table = self.watch.table();
        let key = row_key(table, row.held());
        let mut is_open = false;
        let mut bytes = Vec::with_capacity(self.tried.len());
        for (tried, found) in &mut self.tried {
            let (of_row, verdict) = match tried {
                Tried::Row => match self.watch.width(lengths) {
                    Width::Fits => (0, Some(false)),
                    Width::TooWide(bytes) => (bytes.least, Some(true)),
                    Width::Unknown(bytes) => (bytes.least.max(ROW_BYTES_MAX + 8), None),
                },
                Tried::Key(limit) => {
                    let bytes = self.watch.input_bytes(limit, lengths);
                    let is_long = limit.is_plain && has_long(limit, row).context(failed)?;
                    let may_exceed = self.watch.may_exceed(limit, lengths);
                    (bytes, if is_long { Some(true) } else { (!may_exceed).then_some(false) })
                }
            };
            if verdict == Some(true) {
                count(found, &key, of_row);
            }
            is_open |= verdict.is_none();
            // A row that is decided is not counted again, whatever the result of the trial.
            bytes.push(verdict.is_none().then_some(of_row));
        }
        if !is_open {
            return Ok(());
        }
        self.send(row, failed)?;
        self.batch.push((key, bytes));
        let held: u64 = self.groups.iter().map(|group| group.buffer.length()).sum();
        let is_long = self.groups.iter().any(|group| !group.buffer.deferred.is_empty());
        if is_long || held > BATCH_BYTES || self.batch.len() >= BATCH_ROWS {
            self.try_batch(Some(row), failed)?;
        }
        Ok(())
    }

    fn send(&mut self, row: &SourceRow<'_>, failed: &dyn Fn() -> String) -> Result<()> {
        let number = i64::try_from(self.batch.len()).unwrap_or(i64::MAX);
        let limits = self.watch.keys();
        for group in &mut self.groups {
            let values = Staged { row, number, positions: &group.positions, limits };
            row_encoder::append_row(&group.table, &values, &mut group.buffer).context(failed)?;
        }
        Ok(())
    }

    /// Tries the rows that were taken in; `row` is the last of them, whose long values are still to be read.
    fn try_batch(&mut self, row: Option<&SourceRow<'_>>, failed: &dyn Fn() -> String) -> Result<()> {
        let limits = self.watch.keys();
        for (number, group) in self.groups.iter_mut().enumerate() {
            let mut copy = self.target.copy_in(&self.scratch.copy_sql(number))?;
            copy.send(copy_format::HEADER)?;
            match row {
                Some(row) => {
                    let values = Staged { row, number: 0, positions: &group.positions, limits };
                    group.buffer.send_with(&values, |piece| copy.send(piece)).context(failed)??;
                }
                None => copy.send(&group.buffer.bytes)?,
            }
            copy.send(&copy_format::TRAILER)?;
            copy.finish()?;
            group.buffer.clear();
        }
        for TrialResult { tried, row, failure } in self.scratch.exceeding(self.target)? {
            let found = self.tried.get_mut(tried).map(|(_, found)| found);
            let Some((found, (key, bytes))) = found.zip(self.batch.get(row)) else { continue };
            if let Some(failure) = failure {
                let table = &self.watch.table().source;
                let what = format!(
                    "table {table}: the row with the key {key} cannot be tried for {}",
                    words(&found.limit)
                );
                return Err(Error::new(what).caused_by(failure));
            }
            if let Some(bytes) = bytes.get(tried).copied().flatten() {
                count(found, key, bytes);
            }
        }
        self.batch.clear();
        Ok(())
    }

    fn end(mut self) -> Result<Vec<Exceeding>> {
        if !self.batch.is_empty() {
            self.try_batch(None, &|| "the rows on trial cannot be read".to_owned())?;
        }
        self.target.script("ROLLBACK")?;
        Ok(self.tried.into_iter().map(|(_, found)| found).filter(|found| found.rows > 0).collect())
    }
}

fn count(found: &mut Exceeding, key: &str, bytes: u64) {
    found.rows += 1;
    found.bytes_max = found.bytes_max.max(bytes);
    if found.first.len() < NAMED_OFFENDERS_MAX {
        found.first.push(key.to_owned());
    }
}

/// Describes the subject of a limit.
fn words(limit: &Exceeded) -> String {
    match limit {
        Exceeded::Row { .. } => "the room of a page".to_owned(),
        Exceeded::Key { name, .. } => format!("the index {name}"),
    }
}

/// Whether the key of an index holds a value that is too long to be held in memory, and therefore too long for any index: no compression
/// of PostgreSQL reduces a mebibyte to the size that a B-tree accepts.
fn has_long(limit: &KeyLimit, row: &SourceRow<'_>) -> rusqlite::Result<bool> {
    for &position in &limit.inputs {
        if matches!(row.value(position)?, Value::Long(_)) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Group {
    /// These columns of `table` after the column `number` of the row, each of which may be NULL.
    fn new(table: &PlannedTable, positions: &[usize], number: &str) -> Group {
        let mut group = table.clone();
        let columns = positions.iter().filter_map(|&position| table.columns.get(position));
        group.columns = columns.map(|column| PlannedColumn { not_null: false, ..column.clone() }).collect();
        let number = group.columns.first().map(|column| PlannedColumn {
            source: number.to_owned(),
            target: number.to_owned(),
            target_type: Conversion::Bigint.target_type(),
            conversion: Conversion::Bigint,
            limit: None,
            ..column.clone()
        });
        group.columns.splice(0..0, number);
        Group { table: group, positions: positions.to_vec(), buffer: RowBuffer::default() }
    }
}

/// The values of a row that are sent for a trial.
struct Staged<'a> {
    row: &'a SourceRow<'a>,
    number: i64,
    positions: &'a [usize],
    limits: &'a [KeyLimit],
}

impl Values for Staged<'_> {
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>> {
        let Some(place) = position.checked_sub(1) else {
            return Ok(Value::Held(SourceValue::Integer(self.number)));
        };
        let position = self.positions.get(place).copied().unwrap_or(0);
        let value = self.row.value(position)?;
        let Value::Long(long) = value else { return Ok(value) };
        let is_computed_from = |limit: &&KeyLimit| !limit.is_plain && limit.inputs.contains(&position);
        if self.limits.iter().any(|limit| is_computed_from(&limit)) {
            return Ok(Value::Long(long));
        }
        // Whatever it is, PostgreSQL stores it outside of its row, as it does this, which is also JSON.
        Ok(Value::Held(match long.class() {
            StorageClass::Blob => SourceValue::Blob(STAND_IN),
            _ => SourceValue::Text(STAND_IN),
        }))
    }
}

/// A substitute for a long value: too varied to be compressed to a size that would fit into a row.
const STAND_IN: &[u8] = b"\"0b7Qe2XkzYf9TnWc4LhRmJ5vAsGd8UoPi1KtZx3BqEjV6yNwHaCr0MlSfDgIu\"";
