//! Keys and indexes that a human leaves out, and the foreign keys that point to such a key.

use std::collections::BTreeSet;

use super::{PlanningError, behind, names};
use crate::mapping::Mapping;
use crate::plan::{LeftBehind, PlannedTable};

/// The kind of what is left behind here.
pub(crate) const SKIPPED_KIND: &str = "skipped index";

/// The name by which a skipped index of a table stands among what is left behind.
pub(crate) fn skipped_name(index: &str, table: &str) -> String {
    format!("{index} on {table}")
}

/// Takes out what the mapping skips; every name must be that of a key or an index.
///
/// # Errors
/// [`PlanningError::UnknownName`] for any other.
pub(super) fn apply(
    mapping: &Mapping,
    tables: &mut [PlannedTable],
    left_behind: &mut Vec<LeftBehind>,
) -> Result<(), PlanningError> {
    let mut without_key = Vec::new();
    for table in tables.iter_mut().filter(|table| table.existing.is_none()) {
        let Some(decided) = mapping.tables.get(&table.source) else { continue };
        for (name, reason) in &decided.skip_indexes {
            names::known("key or index", name, &index_names(table))?;
            without_key.push(table.target.clone());
            let is_it = |key: &str| key == name;
            table.primary_key.take_if(|key| is_it(&key.name));
            table.unique.retain(|key| !is_it(&key.name));
            table.indexes.retain(|index| !is_it(&index.name) && index.source.as_ref() != Some(name));
            left_behind.push(behind(SKIPPED_KIND, &skipped_name(name, &table.source), reason));
        }
    }
    if without_key.is_empty() {
        return Ok(());
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
                left_behind.push(behind("foreign key", &name, "the key that it points to is left out"));
            }
            is_kept
        });
    }
    Ok(())
}

fn index_names(table: &PlannedTable) -> BTreeSet<&str> {
    let keys = table.primary_key.iter().chain(&table.unique).map(|key| key.name.as_str());
    let indexes = table.indexes.iter().flat_map(|index| [Some(index.name.as_str()), index.source.as_deref()]);
    keys.chain(indexes.flatten()).collect()
}

/// The columns of each key that a foreign key may point to.
fn unique_columns(table: &PlannedTable) -> Vec<BTreeSet<String>> {
    let keys = table.primary_key.iter().chain(&table.unique).map(|key| key.columns.iter().cloned().collect());
    let is_plain = |index: &&crate::plan::PlannedIndex| {
        index.unique && index.predicate.is_none() && index.columns.iter().all(|key| key.expression.is_none())
    };
    let indexes = table.indexes.iter().filter(is_plain);
    keys.chain(indexes.map(|index| index.columns.iter().map(|key| key.column.clone()).collect())).collect()
}
