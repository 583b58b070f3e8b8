//! What becomes of a table's keys and indexes.

use super::{behind, names};
use crate::identifier::fit_pg;
use crate::mapping::{IndexMethod, TableMapping};
use crate::plan::{LeftBehind, PlannedForeignKey, PlannedIndex, PlannedIndexColumn, PlannedKey};
use crate::source_schema::{SourceForeignKey, SourceIndex, SourceIndexOrigin, SourceTable};
use crate::source_sql::TableSqlFacts;

/// The primary key, its columns in the key's order.
pub(super) fn primary_key(table: &SourceTable) -> Option<PlannedKey> {
    let columns: Vec<String> = table.primary_key().iter().map(|column| names::target(&column.name)).collect();
    let name = fit_pg(&format!("{}_pkey", names::target(&table.name)));
    (!columns.is_empty()).then_some(PlannedKey { name, columns })
}

/// The UNIQUE constraints, named as PostgreSQL names them.
pub(super) fn unique(table: &SourceTable) -> Vec<PlannedKey> {
    let constraints = table.indexes.iter().filter(|index| index.origin == SourceIndexOrigin::Unique);
    constraints
        .map(|index| {
            let columns: Vec<String> =
                index.columns.iter().filter_map(|key| key.column.as_deref().map(names::target)).collect();
            PlannedKey {
                name: fit_pg(&format!("{}_{}_key", names::target(&table.name), columns.join("_"))),
                columns,
            }
        })
        .collect()
}

/// The foreign keys; one whose parent does not move goes to `left_behind`.
pub(super) fn foreign_keys(
    table: &SourceTable,
    moving: &[&SourceTable],
    facts: &TableSqlFacts,
    left_behind: &mut Vec<LeftBehind>,
) -> Vec<PlannedForeignKey> {
    let mut planned = Vec::new();
    for key in &table.foreign_keys {
        match foreign_key(table, key, moving, facts) {
            Ok(key) => planned.push(key),
            Err(reason) => {
                let name = format!("{}({}) to {}", table.name, key.columns.join(", "), key.parent_table);
                left_behind.push(behind("foreign key", &name, reason));
            }
        }
    }
    planned
}

fn foreign_key(
    table: &SourceTable,
    key: &SourceForeignKey,
    moving: &[&SourceTable],
    facts: &TableSqlFacts,
) -> Result<PlannedForeignKey, &'static str> {
    let parent = (moving.iter())
        .find(|parent| parent.name.eq_ignore_ascii_case(&key.parent_table))
        .ok_or("the table that it points to does not move")?;
    let parent_columns: Vec<String> = if key.parent_columns.is_empty() {
        parent.primary_key().iter().map(|column| column.name.clone()).collect()
    } else {
        let named =
            key.parent_columns.iter().map(|name| parent.column(name).map(|column| column.name.clone()));
        named.collect::<Option<_>>().ok_or("it points to a column that its parent has not")?
    };
    if parent_columns.len() != key.columns.len() {
        return Err("it does not have as many columns as the key that it points to");
    }
    if !is_unique(parent, &parent_columns) {
        return Err("the columns that it points to are not unique, which SQLite refuses when it is used");
    }
    let columns: Option<Vec<String>> =
        key.columns.iter().map(|name| table.column(name).map(|column| names::target(&column.name))).collect();
    let columns = columns.ok_or("it names a column that its table has not")?;
    let lower: Vec<String> = key.columns.iter().map(|name| name.to_ascii_lowercase()).collect();
    Ok(PlannedForeignKey {
        name: fit_pg(&format!("{}_{}_fkey", names::target(&table.name), columns.join("_"))),
        parent_table: names::target(&parent.name),
        parent_columns: parent_columns.iter().map(|name| names::target(name)).collect(),
        on_update: key.on_update.clone(),
        on_delete: key.on_delete.clone(),
        deferred: facts.deferred_foreign_keys.contains(&lower),
        columns,
    })
}

/// Whether a primary key or a full unique index stands on exactly these columns.
fn is_unique(table: &SourceTable, columns: &[String]) -> bool {
    let same = |mut names: Vec<&str>| {
        let mut wanted: Vec<&str> = columns.iter().map(String::as_str).collect();
        names.sort_unstable();
        wanted.sort_unstable();
        names == wanted
    };
    same(table.primary_key().iter().map(|column| column.name.as_str()).collect())
        || (table.indexes.iter())
            .filter(|index| index.unique && !index.partial)
            .any(|index| same(index.columns.iter().filter_map(|key| key.column.as_deref()).collect()))
}

/// The indexes of `CREATE INDEX` and those that the mapping adds; one that cannot be kept goes to `left_behind`.
pub(super) fn indexes(
    table: &SourceTable,
    mapping: &TableMapping,
    left_behind: &mut Vec<LeftBehind>,
) -> Vec<PlannedIndex> {
    let mut planned = Vec::new();
    for index in table.indexes.iter().filter(|index| index.origin == SourceIndexOrigin::CreateIndex) {
        match kept_index(index) {
            Ok(index) => planned.push(index),
            Err(reason) => {
                left_behind.push(behind("index", &format!("{} on {}", index.name, table.name), reason))
            }
        }
    }
    planned.extend(mapping.indexes.iter().map(|index| {
        PlannedIndex {
            name: names::target(&index.name),
            method: index.method,
            unique: false,
            columns: (index.columns.iter())
                .map(|column| PlannedIndexColumn {
                    column: names::target(column),
                    descending: index.descending.contains(column),
                })
                .collect(),
            added_because: Some(index.why.clone()),
        }
    }));
    planned
}

fn kept_index(index: &SourceIndex) -> Result<PlannedIndex, &'static str> {
    if index.partial {
        return Err("partial indexes are not translated");
    }
    let columns = index.columns.iter().map(|key| {
        let column = key.column.as_deref().ok_or("indexes on expressions are not translated")?;
        if !key.collation.eq_ignore_ascii_case("BINARY") {
            return Err("its collation is not translated");
        }
        Ok(PlannedIndexColumn { column: names::target(column), descending: key.descending })
    });
    Ok(PlannedIndex {
        name: names::target(&index.name),
        method: IndexMethod::Btree,
        unique: index.unique,
        columns: columns.collect::<Result<_, _>>()?,
        added_because: None,
    })
}
