//! Finds the rows whose key is unique in SQLite and would not be in PostgreSQL: where a human chose a type in which different values
//! become equal, or where the index compares by NOCASE and rows are older than that.
//!
//! Only keys at risk are checked: SQLite guarantees that all others are unique.

use std::collections::HashSet;

use migrate_core::plan::PlannedTable;
use migrate_core::source_schema::{SourceIndex, SourceTable};
use migrate_core::uniqueness::{Folding, append_unique_form};
use sha2::{Digest, Sha256};

use super::SourceConnection;
use super::rows::{Scan, SourceRow, Value, Values};
use crate::error::{Context, Result};

/// A key of a table that is at risk.
pub(super) struct RiskyKey<'a> {
    /// Its columns and how it compares each.
    columns: Vec<(usize, Folding)>,
    /// The index of SQLite, that of a primary key or a UNIQUE constraint among them.
    index: &'a SourceIndex,
}

impl<'a> RiskyKey<'a> {
    /// The keys of `table` that are at risk, as `planned` has their columns. Conditions and expressions are SQLite's own on both
    /// sides, so that an index with one is none.
    pub(super) fn all(table: &'a SourceTable, planned: &PlannedTable) -> Vec<RiskyKey<'a>> {
        let whole = table.indexes.iter().filter(|index| index.unique && !index.partial);
        whole.filter_map(|index| RiskyKey::new(index, planned)).collect()
    }

    fn new(index: &'a SourceIndex, planned: &PlannedTable) -> Option<RiskyKey<'a>> {
        let mut columns = Vec::with_capacity(index.columns.len());
        for key in &index.columns {
            let name = key.column.as_deref()?;
            let position =
                planned.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name))?;
            let column = planned.columns.get(position)?;
            columns.push((position, Folding::of(&key.collation, &column.conversion)));
        }
        let is_at_risk = columns.iter().any(|(position, folding)| {
            *folding != Folding::None
                || planned.columns.get(*position).is_some_and(|column| !column.conversion.is_injective())
        });
        (is_at_risk && !columns.is_empty()).then_some(RiskyKey { columns, index })
    }

    /// The source names of its columns.
    pub(super) fn column_names(&self) -> Vec<String> {
        self.index.columns.iter().filter_map(|key| key.column.clone()).collect()
    }

    /// Whether it compares text otherwise than byte by byte.
    pub(super) fn is_folded(&self) -> bool {
        self.columns.iter().any(|(_, folding)| *folding != Folding::None)
    }

    /// Hands each row to `found` whose key an earlier row has. NULLs are no duplicates of each other, in SQLite as in PostgreSQL.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(super) fn each(
        &self,
        source: &SourceConnection,
        planned: &PlannedTable,
        mut found: impl FnMut(&SourceRow<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let failed = || format!("table {} cannot be read", planned.source);
        let (mut seen, mut form) = (HashSet::new(), Vec::new());
        Scan::of(planned).each(source, &failed, &mut |row| {
            form.clear();
            if self.append_form(planned, row, &mut form).context(failed)? && !seen.insert(digest(&form)) {
                found(row).context(failed)?;
            }
            Ok(())
        })
    }

    /// Whether the key of a row has no NULL and nothing that PostgreSQL cannot hold; its form is then in `out`.
    fn append_form(
        &self,
        planned: &PlannedTable,
        row: &SourceRow<'_>,
        out: &mut Vec<u8>,
    ) -> rusqlite::Result<bool> {
        for (position, folding) in &self.columns {
            let Some(column) = planned.columns.get(*position) else { return Ok(false) };
            // No index of PostgreSQL accepts a key as long as one that is not held in memory.
            let Value::Held(value) = row.value(*position)? else { return Ok(false) };
            if value.is_null() || append_unique_form(&column.conversion, *folding, value, out).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Half a SHA-256: keys of any length take the same little room, and two that differ never meet.
fn digest(form: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&Sha256::digest(form)[..16]);
    half
}
