//! Compares one table as a merge of both sides in key order: it names row and column at once, and needs no memory for rows.

use std::cmp::Ordering;

use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;
use serde::Serialize;

use super::TableComparison;
use super::bound::TargetFilter;
use super::digest::Digested;
use super::expected::{Expected, Presence};
use super::key::OwnedKey;
use super::source_order;
use super::target_rows::TargetRows;
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::row_range::RowRange;
use crate::source::rows::{Scan, SourceRow, Value, Values};
use crate::source::scan;
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// How many differences of a table are named.
pub(crate) const NAMED_DIFFERENCES_MAX: usize = 5;

/// Progress interval, in rows.
pub(crate) const REPORT_EACH_ROWS: u64 = 10_000;

/// One difference.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The row's key, for people.
    pub key: String,
    /// The kind of difference.
    pub kind: DifferenceKind,
    /// The columns that differ, by source name; empty for a complete row.
    pub columns: Vec<String>,
    /// Number of rows: copies of one row, in a table without a key, are listed once.
    #[serde(skip_serializing_if = "is_one")]
    pub rows: u64,
    /// For each column the value in SQLite and in PostgreSQL, where values are asked for and not secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<[String; 2]>,
}

fn is_one(rows: &u64) -> bool {
    *rows == 1
}

/// The kind of difference.
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

/// Which rows of both sides are compared: those of one range of keys, the same on both sides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selection {
    pub(crate) source: SourceRows,
    /// The condition in PostgreSQL's SQL; none for all rows.
    pub(crate) target: Option<TargetFilter>,
}

/// Which rows of the source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SourceRows {
    /// Rows for which a condition in SQLite's SQL holds, all if there is none; SQLite sorts them by key.
    Sorted(Option<String>),
    /// Those in a range, in which rows lie in the order of keys.
    Range(RowRange),
}

impl Selection {
    /// All rows.
    pub(crate) fn all() -> Selection {
        Selection { source: SourceRows::Sorted(None), target: None }
    }
}

/// Compares the selected rows of `table`, whose primary key is at `key`, row by row.
pub(super) fn merge(
    table: &PlannedTable,
    key: &[usize],
    selection: &Selection,
    show_values: bool,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<TableComparison> {
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let filter = selection.target.as_ref().map(|filter| filter.bind(target)).transpose()?;
    let mut target_rows = TargetRows::open(table, key, filter, target)?;
    let mut merge = Merge {
        table,
        key,
        show_values,
        found: TableComparison { table: table.source.clone(), ..TableComparison::default() },
        source_key: OwnedKey::default(),
        previous_source_key: OwnedKey::default(),
        target_key: OwnedKey::default(),
        previous_target_key: OwnedKey::default(),
        has_target_key: false,
        others: (0..table.columns.len()).filter(|position| !key.contains(position)).collect(),
        expected: Expected::of(table),
        scratch: Vec::new(),
    };
    let mut target_is_there = merge.next_target(&mut target_rows)?;
    let mut visit = |row: &SourceRow<'_>| {
        if merge.found.source_rows.is_multiple_of(REPORT_EACH_ROWS) && merge.found.source_rows > 0 {
            observer.rows_compared(&table.source, REPORT_EACH_ROWS);
            check_stop(observer)?;
        }
        merge.found.source_rows += 1;
        if merge.expected.next_row(table, row).context(failed)? == Presence::Skipped {
            merge.found.rejected += 1;
            return Ok(());
        }
        merge.read_key(row)?;
        loop {
            let order =
                if target_is_there { merge.source_key.compare(&merge.target_key) } else { Ordering::Less };
            match order {
                Ordering::Less => merge.missing(),
                Ordering::Greater => merge.extra(),
                Ordering::Equal => merge.compare_row(row, &target_rows).context(failed)?,
            }
            if order.is_ge() {
                target_is_there = merge.next_target(&mut target_rows)?;
            }
            if order.is_le() {
                return Ok(());
            }
        }
    };
    match &selection.source {
        SourceRows::Sorted(filter) => {
            let order = source_order::terms(table, key, source).context(failed)?;
            Scan::of(table).filtered(filter.clone()).ordered_by(order).each(source, &failed, &mut visit)?;
        }
        SourceRows::Range(range) => {
            Scan::of(table).within(Some(range.clone())).each(source, &failed, &mut visit)?
        }
    }
    while target_is_there {
        merge.extra();
        target_is_there = merge.next_target(&mut target_rows)?;
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
    has_target_key: bool,
    /// The positions of the columns that are not in the key.
    others: Vec<usize>,
    expected: Expected,
    scratch: Vec<u8>,
}

impl Merge<'_> {
    /// Moves the target to its next row and reads the key there. Keys that do not ascend would make the merge wrong. A row whose key
    /// corresponds to no value of SQLite is one that only PostgreSQL has, at any position.
    fn next_target(&mut self, rows: &mut TargetRows<'_>) -> Result<bool> {
        while rows.advance()? {
            self.found.target_rows += 1;
            std::mem::swap(&mut self.target_key, &mut self.previous_target_key);
            if let Some(impossible) = self.read_target_key(rows) {
                std::mem::swap(&mut self.target_key, &mut self.previous_target_key);
                self.impossible(&impossible);
                continue;
            }
            let has_previous = std::mem::replace(&mut self.has_target_key, true);
            if has_previous && self.previous_target_key.compare(&self.target_key).is_gt() {
                return Err(Error::new("PostgreSQL's keys do not ascend").with_remedy_text(
                    "an index of the table is damaged: REINDEX the table, and validate again",
                ));
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads the key of the target's row; the column's name if the value corresponds to none of SQLite's.
    fn read_target_key(&mut self, rows: &TargetRows<'_>) -> Option<String> {
        self.target_key.clear();
        for &position in self.key {
            let column = self.table.columns.get(position)?;
            let value = match rows.field(position) {
                None => SourceValue::Null,
                Some(wire) => match column.decode(wire, &mut self.scratch) {
                    Ok(value) => value,
                    Err(_) => return Some(column.source.clone()),
                },
            };
            self.target_key.push(value);
        }
        None
    }

    fn impossible(&mut self, column: &str) {
        self.found.extra += 1;
        if self.found.first.len() < NAMED_DIFFERENCES_MAX {
            let key = format!("{column}=(nothing that SQLite can hold)");
            let (columns, values) = (Vec::new(), Vec::new());
            self.found.first.push(Difference { key, kind: DifferenceKind::Extra, columns, values, rows: 1 });
        }
    }

    /// Reads the key of a source row. Keys that do not ascend would make the merge lie here as well.
    fn read_key(&mut self, row: &SourceRow<'_>) -> Result<()> {
        let is_first = self.found.source_rows == self.found.rejected + 1;
        let failed = || format!("a key of table {} in the sealed copy cannot be read", self.table.source);
        std::mem::swap(&mut self.source_key, &mut self.previous_source_key);
        self.source_key.clear();
        for &position in self.key {
            match row.value(position).context(failed)? {
                Value::Held(value) => self.source_key.push(value),
                Value::Long(long) => self.source_key.push(long.as_value(&long.whole().context(failed)?)),
                Value::Uncomputed(_) => self.source_key.push(SourceValue::Null),
            }
        }
        if !is_first && self.previous_source_key.compare(&self.source_key).is_gt() {
            return Err(Error::new("SQLite's keys do not ascend").with_remedy_text(
                "rows cannot be compared in an order that only one side has: check the sealed copy with \
                 `PRAGMA integrity_check`",
            ));
        }
        Ok(())
    }

    fn missing(&mut self) {
        self.found.missing += 1;
        self.name(Side::Source, DifferenceKind::Missing, Vec::new(), Vec::new());
    }

    fn extra(&mut self) {
        self.found.extra += 1;
        self.name(Side::Target, DifferenceKind::Extra, Vec::new(), Vec::new());
    }

    fn compare_row(&mut self, row: &SourceRow<'_>, target: &TargetRows<'_>) -> rusqlite::Result<()> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        // The target's key is decoded already. Keys that are equal as numbers may differ as values.
        let all: Vec<usize>;
        let is_key_nulled = self.key.iter().any(|&position| self.expected.is_nulled(position));
        let positions = if !is_key_nulled && self.source_key.is_identical(&self.target_key) {
            &self.others
        } else {
            all = (0..self.table.columns.len()).collect();
            &all
        };
        for &position in positions {
            let Some(column) = self.table.columns.get(position) else { continue };
            let mut source = row.value(position)?;
            if self.expected.is_nulled(position) {
                self.found.nulled += 1;
                source = Value::Held(SourceValue::Null);
            }
            let field = Field::of(target, position);
            if field.is(column, &source, &mut self.scratch)? {
                continue;
            }
            columns.push(column.source.clone());
            if self.show_values {
                values.push([shown_source(column, &source), field.shown(column, &mut self.scratch)]);
            }
        }
        if columns.is_empty() {
            self.found.equal += 1;
        } else {
            self.found.different += 1;
            self.name(Side::Source, DifferenceKind::Different, columns, values);
        }
        Ok(())
    }

    /// Names a difference by the current key of a side, while there is room.
    fn name(&mut self, side: Side, kind: DifferenceKind, columns: Vec<String>, values: Vec<[String; 2]>) {
        if self.found.first.len() < NAMED_DIFFERENCES_MAX {
            let key = match side {
                Side::Source => &self.source_key,
                Side::Target => &self.target_key,
            };
            let key = scan::describe_key(self.table, self.key, &key.values());
            self.found.first.push(Difference { key, kind, columns, rows: 1, values });
        }
    }
}

/// The side whose key names a row.
enum Side {
    Source,
    Target,
}

/// A field from PostgreSQL.
pub(super) struct Field<'a> {
    /// Its bytes; none where it is NULL or long.
    bytes: Option<&'a [u8]>,
    /// Its digest, if it is long.
    digested: Option<Digested>,
}

impl<'a> Field<'a> {
    /// That of the current row at a place.
    pub(super) fn of(rows: &'a TargetRows<'_>, position: usize) -> Field<'a> {
        Field { bytes: rows.field(position), digested: rows.digested(position) }
    }

    /// Whether it is the source value. One that cannot be decoded is none that was sent.
    pub(super) fn is(
        &self,
        column: &PlannedColumn,
        source: &Value<'_>,
        scratch: &mut Vec<u8>,
    ) -> rusqlite::Result<bool> {
        match (source, self.digested, self.bytes) {
            // A row with such a value is a reject; one that came nevertheless is like nothing of the source.
            (Value::Uncomputed(_), ..) => Ok(false),
            (Value::Held(source), None, None) => Ok(source.is_null()),
            (Value::Held(source), None, Some(wire)) => Ok(is_same(column, *source, wire, scratch)),
            (Value::Held(SourceValue::Text(bytes) | SourceValue::Blob(bytes)), Some(target), _) => {
                Ok(bytes.len() as u64 == target.length && Digested::of_bytes(bytes) == target)
            }
            (Value::Held(_), Some(_), _) => Ok(false),
            (Value::Long(long), Some(target), _) => {
                // Values of two lengths differ whatever their bytes are.
                Ok(long.length() == target.length && Digested::of(long)? == target)
            }
            (Value::Long(_), None, None) => Ok(false),
            (Value::Long(long), None, Some(wire)) if column.has_digest() => {
                Ok(long.length() == wire.len() as u64 && Digested::of(long)? == Digested::of_bytes(wire))
            }
            // A document, which PostgreSQL may write shorter than the source.
            (Value::Long(long), None, Some(wire)) => {
                Ok(is_same(column, long.as_value(&long.whole()?), wire, scratch))
            }
        }
    }

    /// As a report may show it.
    pub(super) fn shown(&self, column: &PlannedColumn, scratch: &mut Vec<u8>) -> String {
        match (self.digested, self.bytes) {
            (Some(target), _) => format!("({} bytes)", target.length),
            (None, None) => "NULL".to_owned(),
            (None, Some(wire)) => match column.decode(wire, scratch) {
                Ok(value) => scan::shown(value, column.secret),
                Err(error) => format!("({error})"),
            },
        }
    }
}

/// A value of the source as a report may show it.
pub(super) fn shown_source(column: &PlannedColumn, source: &Value<'_>) -> String {
    match source {
        Value::Held(value) => scan::shown(*value, column.secret),
        Value::Long(long) => format!("({} bytes)", long.length()),
        Value::Uncomputed(failed) => format!("(not computed: {})", failed.reason),
    }
}

fn is_same(column: &PlannedColumn, source: SourceValue<'_>, wire: &[u8], scratch: &mut Vec<u8>) -> bool {
    !source.is_null() && column.decode(wire, scratch).is_ok_and(|target| column.same(source, target))
}
