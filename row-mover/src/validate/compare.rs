//! Compares one table as a merge of both sides in key order: it names row and column at once, and needs no memory for rows.

use std::cmp::Ordering;

use migrate_core::copy_format::{FieldRanges, StreamReader};
use migrate_core::identifier::quote_pg;
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Row, Rows};
use serde::Serialize;

use super::TableComparison;
use super::expected::{Expected, Presence};
use super::key::OwnedKey;
use super::source_order;
use crate::error::{Context, Error, Result};
use crate::observer::{Observer, go_on};
use crate::source::SourceConnection;
use crate::source::scan;
use crate::target::bulk::{BulkConnection, CopyOut};

/// How many differences of a table are named.
const NAMED_DIFFERENCES_MAX: usize = 5;

/// How many rows pass between two words to whoever watches.
const REPORT_EACH_ROWS: u64 = 10_000;

/// One difference.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The row's key in words.
    pub key: String,
    /// What is different.
    pub kind: DifferenceKind,
    /// The columns that differ, by source name; empty for a whole row.
    pub columns: Vec<String>,
    /// For each column the value in SQLite and in PostgreSQL, where values are asked for and not secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<[String; 2]>,
}

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// PostgreSQL has no row of this key.
    Missing,
    /// Only PostgreSQL has a row of this key.
    Extra,
    /// Both have it, with other values.
    Different,
}

/// The target's rows of one table, in an order of its own.
pub(crate) struct TargetRows<'a> {
    copy: CopyOut<'a>,
    reader: StreamReader,
    fields: FieldRanges,
    columns: usize,
}

impl<'a> TargetRows<'a> {
    /// Begins to read all planned columns, ordered by the columns at `key`.
    pub(super) fn open(
        table: &PlannedTable,
        key: &[usize],
        target: &'a mut BulkConnection,
    ) -> Result<TargetRows<'a>> {
        let columns: Vec<String> = table.columns.iter().map(|column| quote_pg(&column.target)).collect();
        let order: Vec<String> = key.iter().map(|&position| ordered(&table.columns[position])).collect();
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        let select = format!("SELECT {} FROM {}{order}", columns.join(", "), table.loaded_rows_sql());
        TargetRows::select(&select, columns.len(), target)
    }

    /// Begins to read the rows of a SELECT with so many columns.
    pub(crate) fn select(
        select: &str,
        columns: usize,
        target: &'a mut BulkConnection,
    ) -> Result<TargetRows<'a>> {
        let copy = target.copy_out(&format!("COPY ({select}) TO STDOUT (FORMAT binary)"))?;
        Ok(TargetRows { copy, reader: StreamReader::default(), fields: Vec::new(), columns })
    }

    /// Moves to the next row; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        loop {
            if self.reader.next_row(self.columns, &mut self.fields).context(stream_failed)? {
                return Ok(true);
            }
            let reader = &mut self.reader;
            if !self.copy.next_piece(&mut |piece| reader.feed(piece))? {
                return if self.reader.is_complete() {
                    Ok(false)
                } else {
                    Err(Error::new(stream_failed()).because("it ended in the middle of a row"))
                };
            }
        }
    }

    /// The bytes of a field of the current row; none for NULL.
    pub(crate) fn field(&self, position: usize) -> Option<&[u8]> {
        self.fields.get(position).cloned().flatten().map(|range| self.reader.field(range))
    }
}

/// Compares `table`, whose primary key is at `key`, row by row.
pub(super) fn merge(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    source: &SourceConnection,
    target: &mut BulkConnection,
    observer: &dyn Observer,
) -> Result<TableComparison> {
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let sql = source_order::select(table, key, source).context(failed)?;
    let mut statement = source.connection().prepare(&sql).context(failed)?;
    let mut source_rows = statement.query([]).context(failed)?;
    let mut target_rows = TargetRows::open(table, key, target)?;
    let mut merge = Merge {
        table,
        key,
        show_values,
        found: TableComparison { table: table.source.clone(), ..TableComparison::default() },
        source_key: OwnedKey::default(),
        previous_source_key: OwnedKey::default(),
        target_key: OwnedKey::default(),
        previous_target_key: OwnedKey::default(),
        expected: Expected::of(table),
        scratch: Vec::new(),
    };
    let mut target_is_there = merge.next_target(&mut target_rows)?;
    merge.advance_source(&mut source_rows).context(failed)?;
    if let Some(row) = source_rows.get() {
        merge.next_source(row)?;
    }
    loop {
        let source_row = source_rows.get();
        let order = match (source_row, target_is_there) {
            (None, false) => break,
            (Some(_), false) => Ordering::Less,
            (None, true) => Ordering::Greater,
            (Some(_), true) => merge.source_key.compare(&merge.target_key),
        };
        match (order, source_row) {
            (Ordering::Less, _) => merge.missing(),
            (Ordering::Greater, _) => merge.extra(),
            (Ordering::Equal, Some(row)) => merge.compare_row(row, &target_rows).context(failed)?,
            (Ordering::Equal, None) => break,
        }
        if order.is_ge() {
            target_is_there = merge.next_target(&mut target_rows)?;
        }
        if order.is_le() {
            if merge.found.source_rows.is_multiple_of(REPORT_EACH_ROWS) {
                observer.rows_compared(&table.source, REPORT_EACH_ROWS);
                go_on(observer)?;
            }
            merge.advance_source(&mut source_rows).context(failed)?;
            if let Some(row) = source_rows.get() {
                merge.next_source(row)?;
            }
        }
    }
    observer.rows_compared(&table.source, merge.found.source_rows % REPORT_EACH_ROWS);
    Ok(merge.found)
}

struct Merge<'a> {
    table: &'a PlannedTable,
    key: &'a [usize],
    show_values: bool,
    found: TableComparison,
    source_key: OwnedKey,
    previous_source_key: OwnedKey,
    target_key: OwnedKey,
    previous_target_key: OwnedKey,
    expected: Expected,
    scratch: Vec<u8>,
}

impl Merge<'_> {
    /// Moves the target to its next row and reads the key there. Keys that do not ascend would make the merge lie.
    fn next_target(&mut self, rows: &mut TargetRows<'_>) -> Result<bool> {
        let is_first = self.found.target_rows == 0;
        if !rows.advance()? {
            return Ok(false);
        }
        self.found.target_rows += 1;
        std::mem::swap(&mut self.target_key, &mut self.previous_target_key);
        self.target_key.clear();
        for &position in self.key {
            let column = &self.table.columns[position];
            let value = match rows.field(position) {
                None => SourceValue::Null,
                Some(wire) => column.decode(wire, &mut self.scratch).context(|| {
                    format!(
                        "{}.{}: a key in PostgreSQL is nothing that the source could have held",
                        self.table.source, self.table.columns[position].source
                    )
                })?,
            };
            self.target_key.push(value);
        }
        if !is_first && self.previous_target_key.compare(&self.target_key).is_gt() {
            return Err(Error::new("PostgreSQL's keys do not ascend")
                .next("an index of the table is damaged: REINDEX the table, and validate again"));
        }
        Ok(true)
    }

    /// Moves the source to its next row that is to be in PostgreSQL.
    fn advance_source(&mut self, rows: &mut Rows<'_>) -> rusqlite::Result<()> {
        loop {
            rows.advance()?;
            let Some(row) = rows.get() else { return Ok(()) };
            if self.expected.look(self.table, row)? == Presence::Moved {
                return Ok(());
            }
            self.found.source_rows += 1;
            self.found.rejected += 1;
        }
    }

    /// Reads the key of the next source row. Keys that do not ascend would make the merge lie here as well.
    fn next_source(&mut self, row: &Row<'_>) -> Result<()> {
        let is_first = self.found.source_rows == self.found.rejected;
        self.found.source_rows += 1;
        std::mem::swap(&mut self.source_key, &mut self.previous_source_key);
        self.source_key.clear();
        for &position in self.key {
            let value = row.get_ref(position).context(|| {
                format!("a key of table {} in the sealed copy cannot be read", self.table.source)
            })?;
            self.source_key.push(scan::value(value));
        }
        if !is_first && self.previous_source_key.compare(&self.source_key).is_gt() {
            return Err(Error::new("SQLite's keys do not ascend").next(
                "rows cannot be compared in an order that only one side has: check the sealed copy with \
                 `PRAGMA integrity_check`",
            ));
        }
        Ok(())
    }

    fn missing(&mut self) {
        self.found.missing += 1;
        self.name(self.source_key.clone(), DifferenceKind::Missing, Vec::new(), Vec::new());
    }

    fn extra(&mut self) {
        self.found.extra += 1;
        self.name(self.target_key.clone(), DifferenceKind::Extra, Vec::new(), Vec::new());
    }

    fn compare_row(&mut self, row: &Row<'_>, target: &TargetRows<'_>) -> rusqlite::Result<()> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (position, column) in self.table.columns.iter().enumerate() {
            let mut source = scan::value(row.get_ref(position)?);
            if self.expected.is_nulled(position) {
                self.found.nulled += 1;
                source = SourceValue::Null;
            }
            let field = target.field(position);
            if is_same(column, source, field, &mut self.scratch) {
                continue;
            }
            columns.push(column.source.clone());
            if self.show_values {
                values.push([
                    scan::shown(source, column.secret),
                    shown_target(column, field, &mut self.scratch),
                ]);
            }
        }
        if columns.is_empty() {
            self.found.equal += 1;
        } else {
            self.found.different += 1;
            self.name(self.source_key.clone(), DifferenceKind::Different, columns, values);
        }
        Ok(())
    }

    fn name(&mut self, key: OwnedKey, kind: DifferenceKind, columns: Vec<String>, values: Vec<[String; 2]>) {
        if self.found.first.len() < NAMED_DIFFERENCES_MAX {
            let key = scan::key_in_words(self.table, self.key, &key.values());
            self.found.first.push(Difference { key, kind, columns, values });
        }
    }
}

/// Whether a field that PostgreSQL gave is the source value. One that cannot be decoded is none that was sent.
fn is_same(
    column: &PlannedColumn,
    source: SourceValue<'_>,
    field: Option<&[u8]>,
    scratch: &mut Vec<u8>,
) -> bool {
    match field {
        None => source.is_null(),
        Some(_) if source.is_null() => false,
        Some(wire) => column.decode(wire, scratch).is_ok_and(|target| column.same(source, target)),
    }
}

fn shown_target(column: &PlannedColumn, field: Option<&[u8]>, scratch: &mut Vec<u8>) -> String {
    let Some(wire) = field else { return "NULL".to_owned() };
    match column.decode(wire, scratch) {
        Ok(value) => scan::shown(value, column.secret),
        Err(error) => format!("({error})"),
    }
}

/// A key column in the order that the source has.
fn ordered(column: &PlannedColumn) -> String {
    let collation = match column.target_type {
        migrate_core::conversion::PgType::Text => " COLLATE \"C\"",
        _ => "",
    };
    format!("{}{collation}", quote_pg(&column.target))
}

fn stream_failed() -> String {
    "PostgreSQL's rows cannot be read".to_owned()
}
