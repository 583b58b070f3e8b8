//! Compares single rows of a table and keeps the result: reads the keys of both sides, compares their values, and counts and names what
//! differs. Which rows belong together is decided elsewhere.

use migrate_core::plan::PlannedTable;
use migrate_core::value::SourceValue;

use super::TableComparison;
use super::difference::{Difference, DifferenceKind, NAMED_DIFFERENCES_MAX};
use super::expected::{Expected, Presence};
use super::field::{Field, shown_source};
use super::key::OwnedKey;
use super::target_rows::TargetRow;
use crate::error::{Context, Result};
use crate::source::rows::{SourceRow, Value, Values};
use crate::source::scan;

/// The rows of a table that are compared, and the result so far.
pub(super) struct RowComparison<'a> {
    pub(super) table: &'a PlannedTable,
    /// The positions of the key's columns.
    key: &'a [usize],
    show_values: bool,
    pub(super) found: TableComparison,
    /// The keys that were read last.
    pub(super) source_key: OwnedKey,
    pub(super) target_key: OwnedKey,
    /// The positions of the columns that are not in the key.
    others: Vec<usize>,
    expected: Expected,
    scratch: Vec<u8>,
}

impl<'a> RowComparison<'a> {
    pub(super) fn new(table: &'a PlannedTable, key: &'a [usize], show_values: bool) -> RowComparison<'a> {
        RowComparison {
            table,
            key,
            show_values,
            found: TableComparison { table: table.source.clone(), ..TableComparison::default() },
            source_key: OwnedKey::default(),
            target_key: OwnedKey::default(),
            others: (0..table.columns.len()).filter(|position| !key.contains(position)).collect(),
            expected: Expected::of(table),
            scratch: Vec::new(),
        }
    }

    /// Counts a row of the source, and decides whether it is expected in PostgreSQL.
    pub(super) fn expect(&mut self, row: &SourceRow<'_>) -> Result<Presence> {
        let failed = || format!("table {} of the sealed copy cannot be read", self.table.source);
        self.found.source_rows += 1;
        let presence = self.expected.next_row(self.table, row).context(failed)?;
        if presence == Presence::Skipped {
            self.found.rejected += 1;
        }
        Ok(presence)
    }

    /// Reads the key of a source row.
    pub(super) fn read_source_key(&mut self, row: &SourceRow<'_>) -> Result<()> {
        let failed = || format!("a key of table {} in the sealed copy cannot be read", self.table.source);
        self.source_key.clear();
        for &position in self.key {
            match row.value(position).context(failed)? {
                Value::Held(value) => self.source_key.push(value),
                Value::Long(long) => self.source_key.push(long.as_value(&long.whole().context(failed)?)),
                Value::Uncomputed(_) => self.source_key.push(SourceValue::Null),
            }
        }
        Ok(())
    }

    /// Reads the key of a row in PostgreSQL; the column's name if the value corresponds to none of SQLite's.
    pub(super) fn read_target_key(&mut self, row: &impl TargetRow) -> Option<String> {
        self.target_key.clear();
        for &position in self.key {
            let column = self.table.columns.get(position)?;
            let value = match row.field(position) {
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

    /// Compares two rows whose keys were read last and are equal.
    pub(super) fn compare(&mut self, row: &SourceRow<'_>, target: &impl TargetRow) -> rusqlite::Result<()> {
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

    /// Counts the source row whose key was read last as one that PostgreSQL does not have.
    pub(super) fn missing(&mut self) {
        self.found.missing += 1;
        self.name(Side::Source, DifferenceKind::Missing, Vec::new(), Vec::new());
    }

    /// Counts the row in PostgreSQL whose key was read last as one that only PostgreSQL has.
    pub(super) fn extra(&mut self) {
        self.found.extra += 1;
        self.name(Side::Target, DifferenceKind::Extra, Vec::new(), Vec::new());
    }

    /// Counts a row in PostgreSQL as one that only PostgreSQL has, since the value of this column is none of SQLite's.
    pub(super) fn impossible(&mut self, column: &str) {
        self.found.extra += 1;
        if self.found.first.len() < NAMED_DIFFERENCES_MAX {
            let key = format!("{column}=(nothing that SQLite can hold)");
            let (columns, values) = (Vec::new(), Vec::new());
            self.found.first.push(Difference { key, kind: DifferenceKind::Extra, columns, values, rows: 1 });
        }
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
