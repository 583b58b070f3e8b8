//! Counts what every column holds, for the planner: one scan of all rows, several tables and parts of tables at once.
//!
//! `migrate_core::profile` decides what is counted. The counts are evidence for a plan, not a guarantee: the app may write during the
//! scan, and preflight checks every value again.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use migrate_core::conversion::TextCheck;
use migrate_core::identifier::quote_sqlite;
use migrate_core::profile::{ColumnProfile, DatabaseProfile, TableProfile, Trial, Trials};
use migrate_core::source_schema::{SourceSchema, SourceTable};
use migrate_core::value::{SourceValue, StorageClass};
use rusqlite::Statement;

use super::SourceConnection;
use super::app_collations::{comparisons, has_placeholders};
use super::key_ranges::PartSize;
use super::parts;
use super::row_range::RowRange;
use super::rows::{LongText, Scan, Value, Values};
use crate::error::{Context, Error, Result};
use crate::row_encoder::PIECE_BYTES;
use crate::threads;

/// A table of more rowids than this is scanned in parts. Parts follow from the table alone, so that the counts are the same
/// whatever the number of workers.
const PART_ROWIDS: u64 = 1 << 18;

/// The most parts of a table.
const PARTS_MAX: u64 = 64;

/// The size of the parts of a table WITHOUT ROWID.
const PART_SIZE: PartSize = PartSize { bytes: 8 << 20, parts_max: 64 };

/// Progress interval, in rows.
const REPORT_EACH_ROWS: u64 = 10_000;

/// The most columns that one statement reads: with the rowid they are fewer than the 2,000 that SQLite allows.
const GROUP_COLUMNS: usize = 1000;

/// A part of a table; all of it where there is no range.
struct Part<'a> {
    table: &'a SourceTable,
    /// The columns that can be read.
    columns: Arc<[&'a str]>,
    range: Option<RowRange>,
}

/// Counts what every column holds, over one connection.
///
/// # Errors
/// When the source cannot be read.
pub fn profile(source: &SourceConnection, schema: &SourceSchema) -> Result<DatabaseProfile> {
    let mut database = DatabaseProfile::new();
    for table in &schema.tables {
        let part = Part { table, columns: readable(source, table), range: None };
        let profile = scan_part(source, &part, &Trials::new(), &|_| {})?;
        database.insert(table.name.clone(), profile);
    }
    Ok(database)
}

/// The same with `workers` threads, and with the results of `trials`; `open` opens a connection for each, `scanned` receives the number
/// of rows.
///
/// # Errors
/// When the source cannot be read.
pub fn profile_by_workers(
    schema: &SourceSchema,
    trials: &Trials,
    workers: usize,
    open: &(dyn Fn() -> Result<SourceConnection> + Sync),
    scanned: &(dyn Fn(u64) + Sync),
) -> Result<DatabaseProfile> {
    let parts = parts(&open()?, schema)?;
    let next = AtomicUsize::new(0);
    let database: DatabaseProfile =
        schema.tables.iter().map(|table| (table.name.clone(), TableProfile::default())).collect();
    let database = Mutex::new(database);
    let work = || -> Result<()> {
        let source = open()?;
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let seen = scan_part(&source, part, trials, scanned)?;
            let mut database = database.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            database.entry(part.table.name.clone()).or_default().merge(seen);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers.clamp(1, parts.len().max(1)))
            .map(|_| threads::spawn(scope, work))
            .collect::<Result<_>>()?;
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Error::new("a thread that scans the source stopped unexpectedly")))
        })
    })?;
    Ok(database.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// The parts of all tables, the largest ranges first, so that no thread is left alone with a big one at the end.
fn parts<'a>(source: &SourceConnection, schema: &'a SourceSchema) -> Result<Vec<Part<'a>>> {
    let mut parts = Vec::new();
    for table in &schema.tables {
        let columns = readable(source, table);
        let ranges = match parts::rowid_bounds(source, &table.name, table.rowid_name())? {
            Some(bounds) => {
                parts::ranges(bounds, PART_ROWIDS, PARTS_MAX).into_iter().map(RowRange::Rowids).collect()
            }
            None => parts::key_ranges(source, &table.name, table.without_rowid, PART_SIZE)?,
        };
        let part = |range| Part { table, columns: Arc::clone(&columns), range };
        match ranges.is_empty() {
            true => parts.push(part(None)),
            false => parts.extend(ranges.into_iter().map(|range| part(Some(range)))),
        }
    }
    // Tables that are not cut may be large, and ranges of keys have a size that does.
    parts.sort_by_key(|part| match &part.range {
        None => 0,
        Some(RowRange::Keys(_)) => 1,
        Some(RowRange::Rowids(range)) => u64::MAX - range.last.abs_diff(range.first),
    });
    Ok(parts)
}

/// The columns that SQLite can read. The expression of a generated column may call a function that only the app has: such a column is
/// missing in the profile, so that the plan does not migrate it. If an expression fails only for some rows, its column is read and the
/// failures are counted.
fn readable<'a>(source: &SourceConnection, table: &'a SourceTable) -> Arc<[&'a str]> {
    let from = quote_sqlite(&table.name);
    let is_readable = |column: &str| {
        let sql = format!("SELECT {} FROM {from} NOT INDEXED", quote_sqlite(column));
        let Ok(mut statement) = source.connection().prepare(&sql) else { return false };
        !has_placeholders(source.connection()).unwrap_or(true) || is_known(&mut statement)
    };
    (table.columns.iter())
        .filter(|column| !column.generated || is_readable(&column.name))
        .map(|column| column.name.as_str())
        .collect()
}

/// Whether SQLite computes the values that a statement returns without a collation that only the app has.
fn is_known(statement: &mut Statement<'_>) -> bool {
    let Ok(mut rows) = statement.query([]) else { return false };
    loop {
        let before = comparisons();
        match rows.next() {
            _ if comparisons() != before => return false,
            Ok(Some(_)) => {}
            // An expression that fails is found when the values are read.
            Ok(None) | Err(_) => return true,
        }
    }
}

/// What is counted of a column.
struct Counts {
    forms: ColumnProfile,
    trials: Vec<Trial>,
    scratch: Vec<u8>,
}

impl Counts {
    fn of(table: &SourceTable, column: &str, trials: &Trials) -> Counts {
        let tried = trials.get(&table.name).and_then(|columns| columns.get(column));
        let trials = tried.cloned().unwrap_or_default();
        Counts { forms: ColumnProfile::default(), trials, scratch: Vec::new() }
    }

    fn count(&mut self, value: SourceValue<'_>) {
        self.forms.count(value);
        self.trials.iter_mut().for_each(|trial| trial.count(value, &mut self.scratch));
    }

    /// Counts a long value, in pieces unless it may be a JSON document, which must be complete to be checked.
    fn count_long(&mut self, long: &LongText<'_>) -> rusqlite::Result<()> {
        let (mut check, mut first, mut last) = (TextCheck::default(), None, None);
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let checked = long.pieces(|piece| {
            first = first.or_else(|| piece.iter().find(|byte| !is_space(byte)).copied());
            last = piece.iter().rfind(|byte| !is_space(byte)).copied().or(last);
            match check.feed(piece) {
                Ok(()) => ControlFlow::Continue(()),
                Err(refusal) => ControlFlow::Break(refusal),
            }
        })?;
        let checked = match checked {
            ControlFlow::Break(refusal) => Err(refusal),
            ControlFlow::Continue(()) => check.finish(),
        };
        let is_json = matches!((first, last), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')));
        let is_counted_whole = checked.is_ok() && is_json;
        let mut whole = None;
        if is_counted_whole && long.class() == StorageClass::Text {
            let bytes = long.whole()?;
            self.forms.count(long.as_value(&bytes));
            whole = Some(bytes);
        } else {
            self.forms.count_long(long.class(), long.length(), &checked);
        }
        for trial in &mut self.trials {
            let is_tried_whole = trial.count_long(long.class(), long.length(), &checked);
            if is_tried_whole && is_counted_whole {
                let bytes = match whole.take() {
                    Some(bytes) => bytes,
                    None => long.whole()?,
                };
                trial.count(long.as_value(&bytes), &mut self.scratch);
                whole = Some(bytes);
            }
        }
        // A long document must not keep its room for the rest of the table.
        self.scratch.shrink_to(PIECE_BYTES);
        Ok(())
    }
}

/// Scans a part of a table, in groups of columns where it has many.
fn scan_part(
    source: &SourceConnection,
    part: &Part<'_>,
    trials: &Trials,
    scanned: &dyn Fn(u64),
) -> Result<TableProfile> {
    let mut groups = part.columns.chunks(GROUP_COLUMNS);
    let failed = || format!("table {} cannot be read", part.table.name);
    let encoding: String =
        (source.connection()).query_row("PRAGMA encoding", [], |row| row.get(0)).context(failed)?;
    let mut profile = scan_columns(source, part, groups.next().unwrap_or(&[]), trials, scanned)?;
    for group in groups {
        let mut others = scan_columns(source, part, group, trials, &|_| {})?;
        profile.columns.append(&mut others.columns);
        profile.trials.append(&mut others.trials);
    }
    if encoding != "UTF-8" {
        profile.columns.values_mut().for_each(|column| column.blobs_utf16 = column.blobs);
    }
    Ok(profile)
}

fn scan_columns(
    source: &SourceConnection,
    part: &Part<'_>,
    names: &[&str],
    trials: &Trials,
    scanned: &dyn Fn(u64),
) -> Result<TableProfile> {
    let table = part.table;
    let failed = || format!("table {} cannot be read", table.name);
    let mut columns: Vec<Counts> = names.iter().map(|name| Counts::of(table, name, trials)).collect();
    let mut count = 0_u64;
    let scan = Scan::new(&table.name, names.to_vec(), table.rowid_name()).within(part.range.clone());
    scan.each(source, &failed, &mut |row| {
        for (position, column) in columns.iter_mut().enumerate() {
            match row.value(position).context(failed)? {
                Value::Held(value) => column.count(value),
                Value::Long(long) => column.count_long(long).context(failed)?,
                Value::Uncomputed(_) => column.forms.uncomputed += 1,
            }
        }
        count += 1;
        if count.is_multiple_of(REPORT_EACH_ROWS) {
            scanned(REPORT_EACH_ROWS);
        }
        Ok(())
    })?;
    scanned(count % REPORT_EACH_ROWS);
    let mut profile = TableProfile { rows: count, ..TableProfile::default() };
    for (name, counts) in names.iter().zip(columns) {
        profile.columns.insert((*name).to_owned(), counts.forms);
        if !counts.trials.is_empty() {
            profile.trials.insert((*name).to_owned(), counts.trials);
        }
    }
    Ok(profile)
}
