//! Plans a table's foreign keys.

use std::collections::BTreeMap;

use super::keys::{Uniqueness, numbered, uniqueness};
use super::not_migrated;
use super::{Context, names::Names};
use crate::conversion::PgType;
use crate::identifier::fit_pg;
use crate::plan::{LeftBehind, PlannedForeignKey, PlannedKey, PlannedTable};
use crate::source_schema::{SourceForeignKey, SourceTable};

/// A unique key that a foreign key needs to point to, and that the source has only under another collation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NeededKey {
    /// The table, by source name.
    pub(super) table: String,
    /// Its columns, by source name.
    pub(super) columns: Vec<String>,
}

/// Plans the foreign keys; one that PostgreSQL cannot have goes to `left_behind`.
pub(super) fn plan(
    context: &Context<'_>,
    moving: &[&SourceTable],
    needed: &mut Vec<NeededKey>,
    left_behind: &mut Vec<LeftBehind>,
) -> Vec<PlannedForeignKey> {
    let mut planned: Vec<PlannedForeignKey> = Vec::new();
    for key in &context.table.foreign_keys {
        match foreign_key(context, key, moving, needed) {
            Ok(mut key) => {
                // Two keys may have the same columns.
                key.name = numbered(key.name, |name| planned.iter().any(|other| other.name == name));
                planned.push(key);
            }
            Err(reason) => {
                let name =
                    format!("{}({}) to {}", context.table.name, key.columns.join(", "), key.parent_table);
                left_behind.push(not_migrated("foreign key", &name, reason));
            }
        }
    }
    planned
}

fn foreign_key(
    context: &Context<'_>,
    key: &SourceForeignKey,
    moving: &[&SourceTable],
    needed: &mut Vec<NeededKey>,
) -> Result<PlannedForeignKey, &'static str> {
    let (table, names) = (context.table, context.names);
    let parent = (moving.iter())
        .find(|parent| parent.name.eq_ignore_ascii_case(&key.parent_table))
        .ok_or("the table that it references is not migrated")?;
    let parent_columns: Vec<String> = if key.parent_columns.is_empty() {
        parent.primary_key().iter().map(|column| column.name.clone()).collect()
    } else {
        let named =
            key.parent_columns.iter().map(|name| parent.column(name).map(|column| column.name.clone()));
        named.collect::<Option<_>>().ok_or("it references a column that its parent table does not have")?
    };
    if parent_columns.len() != key.columns.len() {
        return Err("it does not have as many columns as the key that it references");
    }
    match uniqueness(parent, &parent_columns) {
        Uniqueness::Plain => {}
        Uniqueness::Folded => {
            let key = NeededKey { table: parent.name.clone(), columns: parent_columns.clone() };
            if !needed.contains(&key) {
                needed.push(key);
            }
        }
        Uniqueness::None => return Err("no key or index makes the columns that it references unique"),
    }
    let own: Option<Vec<&str>> =
        key.columns.iter().map(|name| table.column(name).map(|column| column.name.as_str())).collect();
    let own = own.ok_or("it names a column that its table does not have")?;
    let moves = |table: &SourceTable, column: &str| !context.is_skipped(&table.name, column);
    if !own.iter().all(|column| moves(table, column))
        || !parent_columns.iter().all(|column| moves(parent, column))
    {
        return Err("it uses a column that is not migrated");
    }
    let is_generated =
        |column: &&str| context.column(column).is_some_and(|column| column.generated.is_some());
    let sets = |action: &str| action.starts_with("SET");
    if own.iter().any(is_generated)
        && (sets(&key.on_delete) || sets(&key.on_update) || key.on_update.eq_ignore_ascii_case("CASCADE"))
    {
        return Err("its action would set a generated column, which PostgreSQL refuses");
    }
    let columns = names.columns(&table.name, own);
    let lower: Vec<String> = key.columns.iter().map(|name| name.to_ascii_lowercase()).collect();
    Ok(PlannedForeignKey {
        name: fit_pg(&format!("{}_{}_fkey", context.target, columns.join("_"))),
        parent_table: names.table(&parent.name),
        parent_schema: None,
        parent_columns: names.columns(&parent.name, parent_columns.iter().map(String::as_str)),
        on_update: key.on_update.clone(),
        on_delete: key.on_delete.clone(),
        deferred: context.facts.deferred_foreign_keys.contains(&lower),
        not_valid: false,
        columns,
    })
}

/// Adds the UNIQUE constraints that foreign keys need to point to.
pub(super) fn add_needed_keys(needed: &[NeededKey], names: &Names, tables: &mut [PlannedTable]) {
    for key in needed {
        let made = |table: &&mut PlannedTable| table.source == key.table && table.existing.is_none();
        let Some(table) = tables.iter_mut().find(made) else { continue };
        let columns = names.columns(&key.table, key.columns.iter().map(String::as_str));
        let name = fit_pg(&format!("{}_{}_key", table.target, columns.join("_")));
        let name = numbered(name, |name| table.unique.iter().any(|other| other.name == name));
        let why =
            "a foreign key references it, and in PostgreSQL that needs a key that compares byte by byte";
        table.unique.push(PlannedKey { name, columns, instead_of: Some(why.to_owned()) });
    }
}

/// Removes the foreign keys that PostgreSQL refuses because the types on their two sides differ.
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
    for table in tables.iter_mut().filter(|table| table.existing.is_none()) {
        let PlannedTable { source, target, foreign_keys, .. } = table;
        foreign_keys.retain(|key| {
            let mut pairs = key.columns.iter().zip(&key.parent_columns);
            let mismatch = pairs.find_map(|(child, parent)| {
                let (child, parent) = (kind(target, child)?, kind(&key.parent_table, parent)?);
                (!is_comparable(child, parent)).then_some((child, parent))
            });
            if let Some((child, parent)) = mismatch {
                let name = format!("{source}({}) to {}", key.columns.join(", "), key.parent_table);
                let reason = format!(
                    "it is {child} here and {parent} there, which PostgreSQL does not compare; one conversion for both in \
                     mapping.toml, such as text_from_any, keeps it"
                );
                left_behind.push(not_migrated("foreign key", &name, &reason));
            }
            mismatch.is_none()
        });
    }
}

fn is_comparable(child: PgType, parent: PgType) -> bool {
    let is_integer = |kind| matches!(kind, PgType::Bigint | PgType::Integer | PgType::Smallint);
    child != PgType::Json && (child == parent || (is_integer(child) && is_integer(parent)))
}
