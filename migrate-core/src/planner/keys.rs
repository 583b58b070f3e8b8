//! What becomes of a table's keys and indexes.

use std::collections::BTreeMap;

use super::{behind, names};
use crate::conversion::PgType;
use crate::identifier::fit_pg;
use crate::mapping::{IndexMethod, TableMapping};
use crate::plan::{
    LeftBehind, PlannedForeignKey, PlannedIndex, PlannedIndexColumn, PlannedKey, PlannedTable,
};
use crate::source_schema::{SourceForeignKey, SourceIndex, SourceIndexOrigin, SourceTable};
use crate::source_sql::TableSqlFacts;

/// The primary key, its columns in the key's order.
pub(super) fn primary_key(table: &SourceTable) -> Option<PlannedKey> {
    let columns: Vec<String> =
        table.primary_key().iter().map(|column| names::target_column(&column.name)).collect();
    let name = fit_pg(&format!("{}_pkey", names::target(&table.name)));
    (!columns.is_empty()).then_some(PlannedKey { name, columns, instead_of: None })
}

/// Why a key or an index on a generated column stays behind.
const ON_GENERATED: &str = "it stands on a generated column, and those are not translated";

/// Whether `name` is a column whose values follow from others, so that it does not move.
fn is_generated(table: &SourceTable, name: &str) -> bool {
    table.column(name).is_some_and(|column| column.generated)
}

/// Whether a UNIQUE constraint stands on columns that all move.
fn is_on_moving_columns(table: &SourceTable, index: &SourceIndex) -> bool {
    !index.columns.iter().filter_map(|key| key.column.as_deref()).any(|column| is_generated(table, column))
}

/// The UNIQUE constraints, named as PostgreSQL names them; one on a generated column goes to `left_behind`.
pub(super) fn unique(table: &SourceTable, left_behind: &mut Vec<LeftBehind>) -> Vec<PlannedKey> {
    let mut planned: Vec<PlannedKey> = Vec::new();
    for index in table.indexes.iter().filter(|index| index.origin == SourceIndexOrigin::Unique) {
        if !is_on_moving_columns(table, index) {
            let columns: Vec<&str> = index.columns.iter().filter_map(|key| key.column.as_deref()).collect();
            let name = format!("{}: UNIQUE ({})", table.name, columns.join(", "));
            left_behind.push(behind("unique", &name, ON_GENERATED));
            continue;
        }
        let columns: Vec<String> =
            index.columns.iter().filter_map(|key| key.column.as_deref().map(names::target_column)).collect();
        let name = fit_pg(&format!("{}_{}_key", names::target(&table.name), columns.join("_")));
        let name = numbered(name, |name| planned.iter().any(|other| other.name == name));
        planned.push(PlannedKey { name, columns, instead_of: None });
    }
    planned
}

/// `name`, or where that is taken the name with the first number that makes it free, as PostgreSQL itself names constraints.
fn numbered(name: String, is_taken: impl Fn(&str) -> bool) -> String {
    let mut free = name.clone();
    let mut number = 0_u32;
    while is_taken(&free) {
        number += 1;
        free = fit_pg(&format!("{name}{number}"));
    }
    free
}

/// The foreign keys; one whose parent does not move goes to `left_behind`.
pub(super) fn foreign_keys(
    table: &SourceTable,
    moving: &[&SourceTable],
    facts: &TableSqlFacts,
    left_behind: &mut Vec<LeftBehind>,
) -> Vec<PlannedForeignKey> {
    let mut planned: Vec<PlannedForeignKey> = Vec::new();
    for key in &table.foreign_keys {
        match foreign_key(table, key, moving, facts) {
            Ok(mut key) => {
                // Two keys may stand on the same columns.
                key.name = numbered(key.name, |name| planned.iter().any(|other| other.name == name));
                planned.push(key);
            }
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
        return Err("no key or index that moves makes the columns that it points to unique");
    }
    if key.columns.iter().any(|name| is_generated(table, name)) {
        return Err(ON_GENERATED);
    }
    let columns: Option<Vec<String>> = key
        .columns
        .iter()
        .map(|name| table.column(name).map(|column| names::target_column(&column.name)))
        .collect();
    let columns = columns.ok_or("it names a column that its table has not")?;
    let lower: Vec<String> = key.columns.iter().map(|name| name.to_ascii_lowercase()).collect();
    Ok(PlannedForeignKey {
        name: fit_pg(&format!("{}_{}_fkey", names::target(&table.name), columns.join("_"))),
        parent_table: names::target(&parent.name),
        parent_columns: parent_columns.iter().map(|name| names::target_column(name)).collect(),
        on_update: key.on_update.clone(),
        on_delete: key.on_delete.clone(),
        deferred: facts.deferred_foreign_keys.contains(&lower),
        not_valid: false,
        columns,
    })
}

/// Takes out the foreign keys that PostgreSQL refuses because the types on their two sides differ.
pub(super) fn leave_mismatched(tables: &mut [PlannedTable], left_behind: &mut Vec<LeftBehind>) {
    let types: BTreeMap<(String, String), PgType> = (tables.iter())
        .flat_map(|table| {
            table
                .columns
                .iter()
                .map(|column| ((table.target.clone(), column.target.clone()), column.target_type))
        })
        .collect();
    let kind = |table: &str, column: &str| types.get(&(table.to_owned(), column.to_owned())).copied();
    for table in tables {
        let PlannedTable { source, target, foreign_keys, .. } = table;
        foreign_keys.retain(|key| {
            let mut pairs = key.columns.iter().zip(&key.parent_columns);
            let mismatch = pairs.find_map(|(child, parent)| {
                let (child, parent) = (kind(target, child)?, kind(&key.parent_table, parent)?);
                (!is_comparable(child, parent)).then_some((child, parent))
            });
            if let Some((child, parent)) = mismatch {
                let name = format!("{source}({}) to {}", key.columns.join(", "), key.parent_table);
                let reason =
                    format!("it is {child} here and {parent} there, which PostgreSQL does not compare");
                left_behind.push(behind("foreign key", &name, &reason));
            }
            mismatch.is_none()
        });
    }
}

fn is_comparable(child: PgType, parent: PgType) -> bool {
    let is_integer = |kind| matches!(kind, PgType::Bigint | PgType::Integer);
    child != PgType::Json && (child == parent || (is_integer(child) && is_integer(parent)))
}

/// Whether a primary key or a unique index that moves stands on exactly these columns.
fn is_unique(table: &SourceTable, columns: &[String]) -> bool {
    let same = |mut names: Vec<&str>| {
        let mut wanted: Vec<&str> = columns.iter().map(String::as_str).collect();
        names.sort_unstable();
        wanted.sort_unstable();
        names == wanted
    };
    same(table.primary_key().iter().map(|column| column.name.as_str()).collect())
        || (table.indexes.iter())
            .filter(|index| {
                index.unique
                    && match index.origin {
                        SourceIndexOrigin::CreateIndex => kept_index(table, index).is_ok(),
                        _ => is_on_moving_columns(table, index),
                    }
            })
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
        match kept_index(table, index) {
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
                    column: names::target_column(column),
                    expression: None,
                    descending: index.descending.contains(column),
                })
                .collect(),
            predicate: None,
            source_sql: None,
            notes: Vec::new(),
            added_because: Some(index.why.clone()),
        }
    }));
    planned
}

fn kept_index(table: &SourceTable, index: &SourceIndex) -> Result<PlannedIndex, &'static str> {
    if index.partial {
        return Err("partial indexes are not translated");
    }
    let columns = index.columns.iter().map(|key| {
        let column = key.column.as_deref().ok_or("indexes on expressions are not translated")?;
        if !key.collation.eq_ignore_ascii_case("BINARY") {
            return Err("its collation is not translated");
        }
        if is_generated(table, column) {
            return Err(ON_GENERATED);
        }
        Ok(PlannedIndexColumn {
            column: names::target_column(column),
            expression: None,
            descending: key.descending,
        })
    });
    Ok(PlannedIndex {
        name: names::target(&index.name),
        method: IndexMethod::Btree,
        unique: index.unique,
        columns: columns.collect::<Result<_, _>>()?,
        predicate: None,
        source_sql: None,
        notes: Vec::new(),
        added_because: None,
    })
}
