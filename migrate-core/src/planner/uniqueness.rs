//! Plans primary keys, UNIQUE constraints and unique indexes whose values are not unique in PostgreSQL, and the foreign keys that
//! reference them.

use super::breaches::Weakened;
use super::collation::{Fold, folded};
use super::not_migrated;
use crate::identifier::{quote_pg, quote_pg_list};
use crate::mapping::IndexMethod;
use crate::plan::{
    LeftBehind, PlannedBreach, PlannedColumn, PlannedIndex, PlannedIndexColumn, PlannedKey, PlannedTable,
};

/// Replaces the keys and indexes on these source columns that compare as `is_folded` says with indexes that are not unique.
pub(super) fn weaken(table: &mut PlannedTable, columns: &[String], is_folded: bool) -> Vec<Weakened> {
    let planned: Option<Vec<PlannedColumn>> = (columns.iter())
        .map(|name| table.columns.iter().find(|column| column.source.eq_ignore_ascii_case(name)).cloned())
        .collect();
    let Some(planned) = planned else { return Vec::new() };
    let mut weakened = if is_folded { Vec::new() } else { constraints(table, &planned) };
    let target = table.name_in_sql();
    // Moved out, so that the table's schema can be rendered.
    let mut indexes = std::mem::take(&mut table.indexes);
    for index in indexes.iter_mut().filter(|index| index.unique && index.predicate.is_none()) {
        let has_same_columns = index.columns.len() == planned.len()
            && index.columns.iter().zip(&planned).all(|(key, column)| is_on(key, column));
        let index_is_folded = index.columns.iter().any(|key| key.expression.is_some());
        if has_same_columns && index_is_folded == is_folded {
            index.unique = false;
            let keys: Vec<String> = index.columns.iter().map(PlannedIndexColumn::sql).collect();
            let made: Vec<String> = index.columns.iter().map(PlannedIndexColumn::definition).collect();
            let list = made.join(", ");
            let (name, qualified) = (quote_pg(&index.name), table.qualified(&index.name));
            weakened.push(Weakened {
                constraint: format!("unique index {}", index.name),
                becomes: NOT_UNIQUE.to_owned(),
                remedy: format!(
                    "{} DROP INDEX {qualified}; CREATE UNIQUE INDEX {name} ON {target} ({list});",
                    doubles(&target, &keys)
                ),
            });
        }
    }
    table.indexes = indexes;
    weakened
}

const NOT_UNIQUE: &str = "a non-unique index";

/// Whether a key of an index is a column, or a collation's expression on it.
fn is_on(key: &PlannedIndexColumn, column: &PlannedColumn) -> bool {
    match &key.expression {
        None => key.column == column.target,
        Some(expression) => [Fold::Lower, Fold::TrimRight]
            .iter()
            .any(|fold| folded(*fold, column).as_ref() == Some(expression)),
    }
}

/// The statements that list duplicate values, and delete all rows but one of each. NULLs are no duplicates.
fn doubles(target: &str, keys: &[String]) -> String {
    let list = keys.join(", ");
    let not_null: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
    let not_null = not_null.join(" AND ");
    format!(
        "SELECT {list}, count(*) FROM {target} WHERE {not_null} GROUP BY {list} HAVING count(*) > 1; \
         /* or UPDATE them */ DELETE FROM {target} WHERE ctid IN (SELECT d.ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY {list} \
         ORDER BY ctid) AS place FROM {target} WHERE {not_null}) AS d WHERE d.place > 1);"
    )
}

/// The primary key and the UNIQUE constraints on these columns, which become indexes.
fn constraints(table: &mut PlannedTable, columns: &[PlannedColumn]) -> Vec<Weakened> {
    let targets: Vec<&str> = columns.iter().map(|column| column.target.as_str()).collect();
    let has_same_columns =
        |key: &PlannedKey| key.columns.iter().map(String::as_str).eq(targets.iter().copied());
    let primary = table.primary_key.take_if(|key| has_same_columns(key));
    let (unique, others) =
        std::mem::take(&mut table.unique).into_iter().partition(|key| has_same_columns(key));
    table.unique = others;
    let unique: Vec<PlannedKey> = unique;
    let keys = primary.map(|key| ("PRIMARY KEY", key)).into_iter();
    let keys = keys.chain(unique.into_iter().map(|key| ("UNIQUE", key)));
    keys.map(|(kind, key)| {
        let (target, list) = (table.name_in_sql(), quote_pg_list(&key.columns));
        let (name, qualified) = (quote_pg(&key.name), table.qualified(&key.name));
        table.indexes.push(PlannedIndex {
            name: key.name.clone(),
            source: None,
            method: IndexMethod::Btree,
            unique: false,
            columns: key.columns.iter().cloned().map(PlannedIndexColumn::of_column).collect(),
            predicate: None,
            source_sql: None,
            added_because: None,
            notes: vec![format!("{kind} in SQLite, where values differ that are equal here")],
        });
        Weakened {
            constraint: format!("{} ({})", kind.to_ascii_lowercase(), key.columns.join(", ")),
            becomes: NOT_UNIQUE.to_owned(),
            remedy: format!(
                "{} DROP INDEX {qualified}; ALTER TABLE {target} ADD CONSTRAINT {name} {kind} ({list});",
                doubles(&target, &key.columns.iter().map(|column| quote_pg(column)).collect::<Vec<_>>())
            ),
        }
    })
    .collect()
}

/// Removes the foreign keys that reference columns which nothing makes unique any more.
pub(super) fn leave_foreign_keys(
    tables: &mut [PlannedTable],
    breaches: &[PlannedBreach],
    left_behind: &mut Vec<LeftBehind>,
) {
    if !breaches.iter().any(|breach| breach.becomes == NOT_UNIQUE) {
        return;
    }
    let sorted = |columns: &[String]| {
        let mut columns = columns.to_vec();
        columns.sort();
        columns
    };
    let unique: Vec<(String, Vec<String>)> = (tables.iter())
        .flat_map(|table| {
            let keys = table.primary_key.iter().chain(&table.unique);
            let keys = keys.map(|key| sorted(&key.columns));
            let is_whole = |index: &&PlannedIndex| {
                index.unique
                    && index.predicate.is_none()
                    && index.columns.iter().all(|key| key.expression.is_none())
            };
            let indexes = table.indexes.iter().filter(is_whole).map(|index| {
                let columns: Vec<String> = index.columns.iter().map(|key| key.column.clone()).collect();
                sorted(&columns)
            });
            keys.chain(indexes).map(|columns| (table.target.clone(), columns)).collect::<Vec<_>>()
        })
        .collect();
    for table in tables {
        let source = table.source.clone();
        table.foreign_keys.retain(|key| {
            let is_kept = unique.iter().any(|(table, columns)| {
                *table == key.parent_table && *columns == sorted(&key.parent_columns)
            });
            if !is_kept {
                let name = format!("{source}({}) to {}", key.columns.join(", "), key.parent_table);
                left_behind.push(not_migrated(
                    "foreign key",
                    &name,
                    "the key that it references has duplicate values in PostgreSQL, so it is not unique there",
                ));
            }
            is_kept
        });
    }
}
