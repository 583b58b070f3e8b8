//! The keys by which rows of both sides are paired: read from either side into one form, and the SQL that sorts by them.

use std::cmp::Ordering;
use std::sync::Arc;

use migrate_core::comparison::key_order::{self, KeyOrder};
use migrate_core::conversion::Limit;
use migrate_core::identifier::{quote_pg, quote_sqlite};
use migrate_core::plan::{EmptyText, PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;
use rusqlite::functions::FunctionFlags;

use crate::error::{Context, Result};
use crate::source::SourceConnection;
use crate::source::rows::{HELD_MAX_BYTES, SourceRow, Value, Values};
use crate::source::scan;
use crate::validate::{TargetRows, source_order_terms};

/// The function by which SQLite sorts like PostgreSQL.
const KEY_FUNCTION: &str = "comparison_key";

/// Above every value that PostgreSQL can hold.
const NOT_ENCODED: u8 = 2;

/// A key in the form of [`key_order`], part by part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct RowKey {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Whether a part is NULL, so that several rows may have the key.
    pub(super) has_null: bool,
}

impl RowKey {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.has_null = false;
    }

    fn end_part(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn add_null(&mut self) {
        key_order::append_null(&mut self.bytes);
        self.has_null = true;
        self.end_part();
    }

    pub(super) fn compare(&self, other: &RowKey) -> Ordering {
        let (mut from, mut other_from) = (0, 0);
        for (&to, &other_to) in self.ends.iter().zip(&other.ends) {
            let order = self.bytes.get(from..to).cmp(&other.bytes.get(other_from..other_to));
            if order.is_ne() {
                return order;
            }
            (from, other_from) = (to, other_to);
        }
        self.ends.len().cmp(&other.ends.len())
    }
}

/// Which columns of a table make its key, and in which order their rows are read.
pub(super) struct KeyColumns<'a> {
    table: &'a PlannedTable,
    positions: Vec<usize>,
    /// Whether SQLite's own order of the columns is PostgreSQL's.
    is_plain: bool,
    /// Whether long values count as NULL, since neither side can sort by them.
    ignores_long: bool,
    wire: Vec<u8>,
}

impl<'a> KeyColumns<'a> {
    /// The columns at `positions`; without a key of the source `ignores_long`.
    pub(super) fn new(table: &'a PlannedTable, positions: Vec<usize>, ignores_long: bool) -> KeyColumns<'a> {
        let is_plain = !ignores_long && has_plain_order(table, &positions);
        KeyColumns { table, positions, is_plain, ignores_long, wire: Vec::new() }
    }

    pub(super) fn positions(&self) -> &[usize] {
        &self.positions
    }

    fn columns(&self) -> impl Iterator<Item = &'a PlannedColumn> {
        let table = self.table;
        self.positions.iter().filter_map(|&position| table.columns.get(position))
    }

    /// Reads the key of a source row; false where PostgreSQL cannot hold it, so that no row there has it.
    pub(super) fn read_source(&mut self, row: &SourceRow<'_>, key: &mut RowKey) -> rusqlite::Result<bool> {
        key.clear();
        for position in 0..self.positions.len() {
            let Some((at, column)) = self.column(position) else { return Ok(false) };
            let whole;
            let value = match row.value(at)? {
                Value::Held(value) => value,
                Value::Long(_) if self.ignores_long => SourceValue::Null,
                Value::Long(long) => {
                    whole = long.whole()?;
                    long.as_value(&whole)
                }
                Value::Uncomputed(_) => return Ok(false),
            };
            if value.is_null() {
                key.add_null();
                continue;
            }
            self.wire.clear();
            if column.encode(value, &mut self.wire).is_err()
                || !key_order::append_value(column.target_type, &self.wire, &mut key.bytes)
            {
                return Ok(false);
            }
            key.end_part();
        }
        Ok(true)
    }

    /// Reads the key of the target's current row; false where its bytes are not of the type.
    pub(super) fn read_target(&mut self, rows: &TargetRows<'_>, key: &mut RowKey) -> bool {
        key.clear();
        for position in 0..self.positions.len() {
            let Some((at, column)) = self.column(position) else { return false };
            let Some(wire) = rows.field(at) else {
                key.add_null();
                continue;
            };
            if self.ignores_long && wire.len() > HELD_MAX_BYTES as usize && column.has_digest() {
                key.add_null();
                continue;
            }
            let wire = match column.limit {
                // PostgreSQL's own blanks are no part of the value.
                Some(Limit::Padded(_)) => without_blanks(wire),
                _ => wire,
            };
            if !key_order::append_value(column.target_type, wire, &mut key.bytes) {
                return false;
            }
            key.end_part();
        }
        true
    }

    fn column(&self, position: usize) -> Option<(usize, &'a PlannedColumn)> {
        let at = *self.positions.get(position)?;
        Some((at, self.table.columns.get(at)?))
    }

    /// The terms by which SQLite sorts. Where its own order is another one, it sorts by a function of this connection.
    pub(super) fn source_order(&self, source: &SourceConnection) -> Result<Vec<String>> {
        let failed = || format!("table {} of the sealed copy cannot be sorted", self.table.source);
        if self.is_plain {
            let terms = source_order_terms(self.table, &self.positions, source).context(failed)?;
            // NULL comes last in PostgreSQL.
            let nullable = self.columns().map(|column| !column.source_not_null);
            return Ok(terms
                .into_iter()
                .zip(nullable)
                .map(|(term, nullable)| if nullable { format!("{term} NULLS LAST") } else { term })
                .collect());
        }
        let columns: Arc<Vec<PlannedColumn>> = Arc::new(self.columns().cloned().collect());
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        let function = move |context: &rusqlite::functions::Context<'_>| {
            let position = usize::try_from(context.get::<i64>(0)?).unwrap_or(usize::MAX);
            let value = scan::value(context.get_raw(1));
            Ok(columns.get(position).map(|column| sort_form(column, value)))
        };
        source.connection().create_scalar_function(KEY_FUNCTION, 2, flags, function).context(failed)?;
        Ok(self
            .columns()
            .enumerate()
            .map(|(position, column)| {
                let name = quote_sqlite(&column.source);
                let value = match self.ignores_long {
                    true => {
                        format!("CASE WHEN octet_length({name}) > {HELD_MAX_BYTES} THEN NULL ELSE {name} END")
                    }
                    false => name,
                };
                format!("{KEY_FUNCTION}({position}, {value})")
            })
            .collect())
    }

    /// The terms by which PostgreSQL sorts, as SQL.
    pub(super) fn target_order(&self) -> String {
        let term = |column: &PlannedColumn| {
            let name = quote_pg(&column.target);
            let value = match self.ignores_long && column.has_digest() {
                true => format!("CASE WHEN octet_length({name}) <= {HELD_MAX_BYTES} THEN {name} END"),
                false => name,
            };
            match KeyOrder::of(column.target_type) {
                Some(KeyOrder::Text) => format!("({value})::text COLLATE \"C\""),
                _ => value,
            }
        };
        self.columns().map(term).collect::<Vec<_>>().join(", ")
    }
}

/// Whether SQLite sorts columns as PostgreSQL does, for all values that PostgreSQL can hold.
pub(super) fn has_plain_order(table: &PlannedTable, positions: &[usize]) -> bool {
    let is_plain = |position: &usize| {
        table.columns.get(*position).is_some_and(|column| column.keeps_order() && column.empty.is_none())
    };
    !positions.is_empty() && positions.iter().all(is_plain)
}

fn without_blanks(wire: &[u8]) -> &[u8] {
    let end = wire.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    wire.get(..end).unwrap_or_default()
}

/// The bytes by which SQLite sorts a value.
fn sort_form(column: &PlannedColumn, value: SourceValue<'_>) -> Vec<u8> {
    let (mut wire, mut form) = (Vec::new(), Vec::new());
    let is_emptied = column.empty == Some(EmptyText::Null) && value == SourceValue::Text(b"");
    if value.is_null() || is_emptied {
        key_order::append_null(&mut form);
    } else if column.encode(value, &mut wire).is_err()
        || !key_order::append_value(column.target_type, &wire, &mut form)
    {
        return vec![NOT_ENCODED];
    }
    form
}
