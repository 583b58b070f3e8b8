//! Finds the rows whose foreign key will have no parent in PostgreSQL: those without a parent in SQLite, and those whose parent is
//! skipped because PostgreSQL cannot hold it.
//!
//! It does not use `PRAGMA foreign_key_check`, which compares by the parent's collation and reads the parent's index: PostgreSQL
//! compares byte by byte, and an index may be damaged while the rows are sound.

use std::collections::HashSet;

use migrate_core::copy_format;
use migrate_core::identifier::quote_sqlite;
use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::{PlannedForeignKey, PlannedTable};
use rusqlite::Row;

use super::SourceConnection;
use super::rows::{Scan, SourceRow, Value, Values};
use crate::error::{Context, Result};
use crate::row_encoder::{self, RowBuffer, RowOutcome};

/// Why a row points nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orphan {
    /// Its parent is not there.
    WithoutParent,
    /// Its parent is skipped.
    ParentIsSkipped,
}

/// Calls `found` with each row of `table` whose `key` will have no parent. The columns of `plan` have the policies for values that
/// PostgreSQL cannot hold. A row that is skipped itself does not count, nor does one whose own key becomes NULL.
///
/// # Errors
/// When the source cannot be read.
pub(super) fn each(
    source: &SourceConnection,
    plan: &LoadPlan<'_>,
    table: &PlannedTable,
    key: &PlannedForeignKey,
    found: &mut dyn FnMut(&Row<'_>, Orphan),
) -> Result<()> {
    each_without_parent(source, plan, table, key, found)?;
    each_with_skipped_parent(source, plan, table, key, found)
}

/// The same for the rows without a parent in SQLite alone.
///
/// # Errors
/// When the source cannot be read.
pub(super) fn each_without_parent(
    source: &SourceConnection,
    plan: &LoadPlan<'_>,
    table: &PlannedTable,
    key: &PlannedForeignKey,
    found: &mut dyn FnMut(&Row<'_>, Orphan),
) -> Result<()> {
    let Some(parent) = parent(plan, key) else { return Ok(()) };
    let columns = Columns::new(table, &key.columns);
    let failed = || format!("table {} cannot be read", table.source);
    let mut scratch = RowBuffer::default();
    let without_parent =
        Scan::of(table).filtered(Some(without_parent_sql(table, parent, key))).with_all_values_in_memory();
    without_parent.each(source, &failed, &mut |row| {
        // An empty text that becomes NULL points nowhere.
        let is_moved = columns.move_with(table, row, &mut scratch).context(failed)?;
        if is_moved && !columns.has_null(row).context(failed)? {
            found(row.held(), Orphan::WithoutParent);
        }
        Ok(())
    })
}

/// The same for the rows whose parent is skipped alone.
///
/// # Errors
/// When the source cannot be read.
pub(super) fn each_with_skipped_parent(
    source: &SourceConnection,
    plan: &LoadPlan<'_>,
    table: &PlannedTable,
    key: &PlannedForeignKey,
    found: &mut dyn FnMut(&Row<'_>, Orphan),
) -> Result<()> {
    let Some(parent) = parent(plan, key) else { return Ok(()) };
    let columns = Columns::new(table, &key.columns);
    let failed = || format!("table {} cannot be read", table.source);
    let (mut scratch, mut key_bytes) = (RowBuffer::default(), Vec::new());
    let lost = skipped_keys(source, parent, &key.parent_columns)?;
    if lost.is_empty() {
        return Ok(());
    }
    Scan::of(table).each(source, &failed, &mut |row| {
        if columns.encoded(table, row, &mut key_bytes).context(failed)?
            && lost.contains(&key_bytes)
            && columns.move_with(table, row, &mut scratch).context(failed)?
        {
            found(row.held(), Orphan::ParentIsSkipped);
        }
        Ok(())
    })
}

fn parent<'a>(plan: &'a LoadPlan<'a>, key: &PlannedForeignKey) -> Option<&'a PlannedTable> {
    plan.target_table(&key.parent_table)
}

/// The keys of the skipped rows of `parent`, as PostgreSQL would hold them.
fn skipped_keys(
    source: &SourceConnection,
    parent: &PlannedTable,
    key: &[String],
) -> Result<HashSet<Vec<u8>>> {
    let mut keys = HashSet::new();
    if !row_encoder::may_skip(parent) {
        return Ok(keys);
    }
    let columns = Columns::new(parent, key);
    let failed = || format!("table {} cannot be read", parent.source);
    let (mut scratch, mut key_bytes) = (RowBuffer::default(), Vec::new());
    Scan::of(parent).each(source, &failed, &mut |row| {
        scratch.clear();
        let outcome =
            row_encoder::append_columns(parent, &columns.sent, row, &mut scratch).context(failed)?;
        // A key that cannot be held itself is one that no row of PostgreSQL could point to.
        if matches!(outcome, RowOutcome::Skipped(_))
            && columns.encoded(parent, row, &mut key_bytes).context(failed)?
        {
            keys.insert(key_bytes.clone());
        }
        Ok(())
    })?;
    Ok(keys)
}

/// Places among the planned columns of a table.
struct Columns {
    /// Those of the key.
    key: Vec<usize>,
    /// Those that are sent.
    sent: Vec<usize>,
}

impl Columns {
    fn new(table: &PlannedTable, key: &[String]) -> Columns {
        let place = |name: &String| table.columns.iter().position(|column| column.target == *name);
        Columns { key: key.iter().filter_map(place).collect(), sent: table.sent_positions() }
    }

    /// Writes the key of a row to `out` as PostgreSQL holds it; false where it is NULL, or nothing that PostgreSQL holds.
    fn encoded(
        &self,
        table: &PlannedTable,
        row: &SourceRow<'_>,
        out: &mut Vec<u8>,
    ) -> rusqlite::Result<bool> {
        out.clear();
        for &position in &self.key {
            let Some(column) = table.columns.get(position) else { return Ok(false) };
            // No index of PostgreSQL accepts a key as long as one that is not held in memory.
            let Value::Held(value) = row.value(position)? else { return Ok(false) };
            if value.is_null() || copy_format::append_column(column, value, out).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a part of the key of a row is NULL.
    fn has_null(&self, row: &impl Values) -> rusqlite::Result<bool> {
        let mut has_null = false;
        for &position in &self.key {
            has_null |= matches!(row.value(position)?, Value::Held(value) if value.is_null());
        }
        Ok(has_null)
    }

    /// Whether a row moves, and its key with it.
    fn move_with(
        &self,
        table: &PlannedTable,
        row: &impl Values,
        scratch: &mut RowBuffer,
    ) -> rusqlite::Result<bool> {
        scratch.clear();
        Ok(match row_encoder::append_columns(table, &self.sent, row, scratch)? {
            RowOutcome::Moves => true,
            RowOutcome::Skipped(_) => false,
            RowOutcome::Nulled(refused) | RowOutcome::Stops(refused) => {
                !refused.iter().any(|refused| self.key.contains(&refused.position))
            }
        })
    }
}

/// The condition of the rows of `table` whose `key` is not NULL and not among the parent's, both read as the rows have them.
fn without_parent_sql(table: &PlannedTable, parent: &PlannedTable, key: &PlannedForeignKey) -> String {
    let quoted =
        |table, names| -> Vec<String> { source_names(table, names).into_iter().map(quote_sqlite).collect() };
    let (child_columns, parent_columns) = (quoted(table, &key.columns), quoted(parent, &key.parent_columns));
    let not_null = |columns: &[String]| {
        columns.iter().map(|column| format!("{column} IS NOT NULL")).collect::<Vec<_>>().join(" AND ")
    };
    let compared: Vec<String> =
        child_columns.iter().map(|column| format!("{column} COLLATE BINARY")).collect();
    format!(
        "{} AND ({}) NOT IN (SELECT {} FROM {} NOT INDEXED WHERE {})",
        not_null(&child_columns),
        compared.join(", "),
        parent_columns.join(", "),
        quote_sqlite(&parent.source),
        not_null(&parent_columns)
    )
}

/// The source names of columns with these target names.
pub(super) fn source_names<'a>(table: &'a PlannedTable, targets: &[String]) -> Vec<&'a str> {
    (targets.iter())
        .filter_map(|target| table.target_column(target))
        .map(|column| column.source.as_str())
        .collect()
}
