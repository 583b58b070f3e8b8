//! Keys and indexes that a human skips, and the foreign keys that reference such a key.

use std::collections::BTreeSet;

use super::{PlanningError, names, not_migrated};
use crate::mapping::Mapping;
use crate::plan::{LeftBehind, PlannedIndex, PlannedTable};

/// The kind of a skipped index among the items that are not migrated.
pub(crate) const SKIPPED_KIND: &str = "skipped index";

/// The name of a skipped index of a table among the items that are not migrated.
pub(crate) fn skipped_name(index: &str, table: &str) -> String {
    format!("{index} on {table}")
}

/// The keys and indexes that are still to be taken out.
pub(super) struct Skipped<'a> {
    rest: Vec<(&'a str, &'a str, &'a str)>,
    without_key: Vec<String>,
}

impl<'a> Skipped<'a> {
    /// The keys and indexes of new tables that the mapping skips.
    pub(super) fn new(mapping: &'a Mapping, tables: &[PlannedTable]) -> Skipped<'a> {
        let is_made =
            |name: &str| tables.iter().any(|table| table.source == name && table.existing.is_none());
        let decided = mapping.tables.iter().filter(|(table, _)| is_made(table));
        let rest = decided.flat_map(|(table, decided)| {
            let names = decided.skip_indexes.iter();
            names.map(|(name, reason)| (table.as_str(), name.as_str(), reason.as_str()))
        });
        Skipped { rest: rest.collect(), without_key: Vec::new() }
    }

    /// Removes those that have their names already, so that an index that a human adds can use the name.
    pub(super) fn apply(&mut self, tables: &mut [PlannedTable], left_behind: &mut Vec<LeftBehind>) {
        self.rest.retain(|(source, name, reason)| {
            let Some(table) = tables.iter_mut().find(|table| table.source == *source) else { return true };
            let is_taken = take(table, name);
            if is_taken {
                self.without_key.push(table.target.clone());
                left_behind.push(not_migrated(SKIPPED_KIND, &skipped_name(name, source), reason));
            }
            !is_taken
        });
    }

    /// Removes those that have their names only now, and the foreign keys that reference a removed key.
    ///
    /// # Errors
    /// [`PlanningError::UnknownName`] for a name that is no key and no index.
    pub(super) fn finish(
        mut self,
        tables: &mut [PlannedTable],
        left_behind: &mut Vec<LeftBehind>,
    ) -> Result<(), PlanningError> {
        self.apply(tables, left_behind);
        for (source, name, _) in &self.rest {
            let table = tables.iter().find(|table| table.source == *source);
            names::known("key or index", name, &table.map(index_names).unwrap_or_default())?;
        }
        leave_foreign_keys(&self.without_key, tables, left_behind);
        Ok(())
    }
}

/// Removes the key or index of this name in either database; false if there is none. Indexes that a human adds are not meant.
fn take(table: &mut PlannedTable, name: &str) -> bool {
    let is_it = |key: &str| key == name;
    let before = (table.unique.len(), table.indexes.len());
    let had_key = table.primary_key.take_if(|key| is_it(&key.name)).is_some();
    table.unique.retain(|key| !is_it(&key.name));
    table.indexes.retain(|index| {
        is_added(index) || !(is_it(&index.name) || index.source.as_deref().is_some_and(is_it))
    });
    had_key || before != (table.unique.len(), table.indexes.len())
}

/// Whether a human adds the index.
fn is_added(index: &PlannedIndex) -> bool {
    index.added_because.is_some() && index.source.is_none()
}

/// Removes the foreign keys that reference a removed key.
fn leave_foreign_keys(
    without_key: &[String],
    tables: &mut [PlannedTable],
    left_behind: &mut Vec<LeftBehind>,
) {
    if without_key.is_empty() {
        return;
    }
    let keys: Vec<(String, Vec<BTreeSet<String>>)> =
        tables.iter().map(|table| (table.target.clone(), unique_columns(table))).collect();
    for table in tables.iter_mut() {
        let PlannedTable { source, foreign_keys, .. } = table;
        foreign_keys.retain(|key| {
            let wanted: BTreeSet<String> = key.parent_columns.iter().cloned().collect();
            let parent = keys.iter().find(|(name, _)| *name == key.parent_table);
            let is_kept = !without_key.contains(&key.parent_table)
                || parent.is_none_or(|(_, keys)| keys.contains(&wanted));
            if !is_kept {
                let name = format!("{source}({}) to {}", key.columns.join(", "), key.parent_table);
                left_behind.push(not_migrated("foreign key", &name, "the key that it references is skipped"));
            }
            is_kept
        });
    }
}

fn index_names(table: &PlannedTable) -> BTreeSet<&str> {
    let keys = table.primary_key.iter().chain(&table.unique).map(|key| key.name.as_str());
    let indexes = table
        .indexes
        .iter()
        .filter(|index| !is_added(index))
        .flat_map(|index| [Some(index.name.as_str()), index.source.as_deref()]);
    keys.chain(indexes.flatten()).collect()
}

/// The columns of each key that a foreign key may point to.
fn unique_columns(table: &PlannedTable) -> Vec<BTreeSet<String>> {
    let keys = table.primary_key.iter().chain(&table.unique).map(|key| key.columns.iter().cloned().collect());
    let is_plain = |index: &&PlannedIndex| {
        index.unique && index.predicate.is_none() && index.columns.iter().all(|key| key.expression.is_none())
    };
    let indexes = table.indexes.iter().filter(is_plain);
    keys.chain(indexes.map(|index| index.columns.iter().map(|key| key.column.clone()).collect())).collect()
}
