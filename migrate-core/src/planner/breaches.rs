//! Plans constraints that the data violates: NOT VALID where PostgreSQL has that, weaker where it does not. Every row arrives.

use super::uniqueness;
use crate::identifier::{quote_pg, quote_pg_list};
use crate::plan::{LeftBehind, PlannedBreach, PlannedForeignKey, PlannedKey, PlannedTable};
use crate::profile::{Breach, BreachedConstraint, DatabaseProfile};

/// Weakens the constraints of `tables` that are violated according to `profile`, and names each. Foreign keys that reference a key that
/// is no longer unique go to `left_behind`.
pub(super) fn apply(
    tables: &mut [PlannedTable],
    profile: Option<&DatabaseProfile>,
    left_behind: &mut Vec<LeftBehind>,
) -> Vec<PlannedBreach> {
    let Some(profile) = profile else { return Vec::new() };
    let names: Vec<ParentNames> = tables.iter().map(ParentNames::of).collect();
    let mut planned = Vec::new();
    for table in tables.iter_mut() {
        let breaches = profile.get(&table.source).map(|profile| profile.breaches.as_slice());
        for breach in breaches.unwrap_or_default() {
            // Definitions of an app are kept, except for a foreign key that has to be added again.
            let is_foreign_key = matches!(breach.constraint, BreachedConstraint::ForeignKey { .. });
            if table.existing.is_some() && !is_foreign_key {
                continue;
            }
            let is_foreign_key = matches!(breach.constraint, BreachedConstraint::ForeignKey { .. });
            if table.existing.is_some() && !is_foreign_key {
                continue; // What an app made stays as it is: rows that it has no place for are found as rejects.
            }
            let weakened = match &breach.constraint {
                BreachedConstraint::PrimaryKeyNull => primary_key(table).into_iter().collect(),
                BreachedConstraint::NotNull { column } => not_null(table, column).into_iter().collect(),
                BreachedConstraint::ForeignKey { columns, parent } => {
                    let parent = names.iter().find(|names| names.source == *parent);
                    parent.and_then(|parent| foreign_key(table, columns, parent)).into_iter().collect()
                }
                BreachedConstraint::Check { sql } => check(table, sql).into_iter().collect(),
                BreachedConstraint::Unique { columns, is_folded } => {
                    uniqueness::weaken(table, columns, *is_folded)
                }
            };
            planned.extend(weakened.into_iter().map(|weakened| weakened.named(table, breach)));
        }
    }
    uniqueness::leave_foreign_keys(tables, &planned, left_behind);
    planned.sort();
    planned
}

/// The name of a table that foreign keys reference.
struct ParentNames {
    source: String,
    target: String,
    sql: String,
}

impl ParentNames {
    fn of(table: &PlannedTable) -> ParentNames {
        let (source, target) = (table.source.clone(), table.target.clone());
        ParentNames { source, target, sql: table.name_in_sql() }
    }
}

/// A constraint that was weakened.
pub(super) struct Weakened {
    pub(super) constraint: String,
    pub(super) becomes: String,
    pub(super) remedy: String,
}

impl Weakened {
    fn named(self, table: &PlannedTable, breach: &Breach) -> PlannedBreach {
        PlannedBreach {
            table: table.source.clone(),
            constraint: self.constraint,
            rows: breach.rows,
            first: breach.first.clone(),
            becomes: self.becomes,
            remedy: self.remedy,
        }
    }
}

/// The beginning of the sentence for a violated primary key.
pub(crate) const PRIMARY_KEY_WORDS: &str = "primary key";

/// A primary key with NULLs becomes UNIQUE, under which NULLs differ, as they do in SQLite.
fn primary_key(table: &mut PlannedTable) -> Option<Weakened> {
    let key = table.primary_key.take()?;
    for column in &mut table.columns {
        if key.columns.contains(&column.target) && !column.source_not_null {
            column.not_null = false;
        }
    }
    let columns = quote_pg_list(&key.columns);
    let target = table.name_in_sql();
    let is_null: Vec<String> =
        key.columns.iter().map(|column| format!("{} IS NULL", quote_pg(column))).collect();
    let weakened = Weakened {
        constraint: format!("{PRIMARY_KEY_WORDS} ({})", key.columns.join(", ")),
        becomes: "UNIQUE, because a primary key of PostgreSQL cannot contain NULL".to_owned(),
        remedy: format!(
            "{} ALTER TABLE {target} ADD PRIMARY KEY ({columns});",
            listed_and_deleted(&target, &is_null.join(" OR "))
        ),
    };
    let why = "the primary key in SQLite, where some rows have NULL in it".to_owned();
    table.unique.insert(0, PlannedKey { instead_of: Some(why), ..key });
    Some(weakened)
}

fn not_null(table: &mut PlannedTable, source: &str) -> Option<Weakened> {
    let target = table.name_in_sql();
    let column = table.columns.iter_mut().find(|column| column.source == source && column.not_null)?;
    column.not_null = false;
    let name = quote_pg(&column.target);
    Some(Weakened {
        constraint: format!("not null ({})", column.target),
        becomes: "a nullable column".to_owned(),
        remedy: format!(
            "{} ALTER TABLE {target} ALTER {name} SET NOT NULL;",
            listed_and_deleted(&target, &format!("{name} IS NULL"))
        ),
    })
}

fn foreign_key(table: &mut PlannedTable, columns: &[String], parent: &ParentNames) -> Option<Weakened> {
    let targets: Vec<String> = (columns.iter())
        .filter_map(|source| table.columns.iter().find(|column| column.source == *source))
        .map(|column| column.target.clone())
        .collect();
    let child = table.name_in_sql();
    let nullable = table.columns.iter().filter(|column| !column.not_null);
    let nullable: Vec<String> = nullable.map(|column| column.target.clone()).collect();
    let key = (table.foreign_keys.iter_mut())
        .find(|key| key.columns == targets && key.parent_table == parent.target && !key.not_valid)?;
    key.not_valid = true;
    let orphans = orphans(key, parent);
    let repair = match key.columns.iter().find(|name| nullable.contains(name)) {
        Some(name) => format!("UPDATE {child} AS c SET {} = NULL WHERE {orphans};", quote_pg(name)),
        None => format!("DELETE FROM {child} AS c WHERE {orphans};"),
    };
    Some(Weakened {
        constraint: format!("foreign key ({}) to {}", key.columns.join(", "), key.parent_table),
        becomes: "a NOT VALID foreign key: it applies to rows that are written from now on".to_owned(),
        remedy: format!(
            "SELECT c.* FROM {child} AS c WHERE {orphans}; {repair} ALTER TABLE {child} VALIDATE CONSTRAINT {};",
            quote_pg(&key.name)
        ),
    })
}

/// The statements that list the rows that break a constraint, and delete them, which is the only repair that every row allows.
pub(super) fn listed_and_deleted(table: &str, condition: &str) -> String {
    format!(
        "SELECT * FROM {table} WHERE {condition}; /* or UPDATE them */ DELETE FROM {table} WHERE {condition};"
    )
}

/// The condition by which a row `c` points nowhere.
fn orphans(key: &PlannedForeignKey, parent: &ParentNames) -> String {
    let pairs: Vec<String> = (key.columns.iter().zip(&key.parent_columns))
        .map(|(own, parent)| format!("p.{} = c.{}", quote_pg(parent), quote_pg(own)))
        .collect();
    let not_null: Vec<String> =
        key.columns.iter().map(|own| format!("c.{} IS NOT NULL", quote_pg(own))).collect();
    format!(
        "{} AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
        not_null.join(" AND "),
        parent.sql,
        pairs.join(" AND ")
    )
}

fn check(table: &mut PlannedTable, sql: &str) -> Option<Weakened> {
    let target = table.name_in_sql();
    let check = table.checks.iter_mut().find(|check| check.source == sql && !check.not_valid)?;
    check.not_valid = true;
    Some(Weakened {
        constraint: format!("CHECK ({})", check.source),
        becomes: "a NOT VALID CHECK: it applies to rows that are written from now on".to_owned(),
        remedy: format!(
            "{} ALTER TABLE {target} VALIDATE CONSTRAINT {};",
            listed_and_deleted(&target, &format!("NOT ({})", check.expression)),
            quote_pg(&check.name)
        ),
    })
}
