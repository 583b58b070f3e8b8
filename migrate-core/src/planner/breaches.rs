//! What becomes of constraints that the data breaks: NOT VALID where PostgreSQL has that, weaker where it has not. Every row arrives.

use crate::identifier::{quote_pg, quote_pg_list};
use crate::plan::{PlannedBreach, PlannedForeignKey, PlannedKey, PlannedTable};
use crate::profile::{Breach, BreachedConstraint, DatabaseProfile};

/// Weakens the constraints of `tables` that `profile` says are broken, and names each.
pub(super) fn apply(tables: &mut [PlannedTable], profile: Option<&DatabaseProfile>) -> Vec<PlannedBreach> {
    let Some(profile) = profile else { return Vec::new() };
    let names: Vec<(String, String)> =
        tables.iter().map(|table| (table.source.clone(), table.target.clone())).collect();
    let mut planned = Vec::new();
    for table in tables {
        let breaches = profile.get(&table.source).map(|profile| profile.breaches.as_slice());
        for breach in breaches.unwrap_or_default() {
            // What an app made stays as it is, but for a foreign key that has to be added again.
            let is_foreign_key = matches!(breach.constraint, BreachedConstraint::ForeignKey { .. });
            if table.existing.is_some() && !is_foreign_key {
                continue;
            }
            let weakened = match &breach.constraint {
                BreachedConstraint::PrimaryKeyNull => primary_key(table),
                BreachedConstraint::ForeignKey { columns, parent } => {
                    let parent = names.iter().find(|(source, _)| source == parent);
                    parent.and_then(|(_, parent)| foreign_key(table, columns, parent))
                }
                BreachedConstraint::Check { sql } => check(table, sql),
                BreachedConstraint::Unique { index } => unique(table, index),
            };
            planned.extend(weakened.map(|weakened| weakened.named(table, breach)));
        }
    }
    planned.sort();
    planned
}

/// A constraint that was weakened.
struct Weakened {
    constraint: String,
    becomes: String,
    remedy: String,
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

/// How the words for a broken primary key begin.
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
    let target = quote_pg(&table.target);
    let is_null: Vec<String> =
        key.columns.iter().map(|column| format!("{} IS NULL", quote_pg(column))).collect();
    let weakened = Weakened {
        constraint: format!("{PRIMARY_KEY_WORDS} ({})", key.columns.join(", ")),
        becomes: "UNIQUE, since PostgreSQL's primary keys take no NULL".to_owned(),
        remedy: format!(
            "SELECT * FROM {target} WHERE {}; ALTER TABLE {target} ADD PRIMARY KEY ({columns});",
            is_null.join(" OR ")
        ),
    };
    let why = "the primary key of SQLite, in which rows have NULL".to_owned();
    table.unique.insert(0, PlannedKey { instead_of: Some(why), ..key });
    Some(weakened)
}

fn foreign_key(table: &mut PlannedTable, columns: &[String], parent: &str) -> Option<Weakened> {
    let targets: Vec<String> = (columns.iter())
        .filter_map(|source| table.columns.iter().find(|column| column.source == *source))
        .map(|column| column.target.clone())
        .collect();
    let child = quote_pg(&table.target);
    let key = (table.foreign_keys.iter_mut())
        .find(|key| key.columns == targets && key.parent_table == parent && !key.not_valid)?;
    key.not_valid = true;
    Some(Weakened {
        constraint: format!("foreign key ({}) to {}", key.columns.join(", "), key.parent_table),
        becomes: "a foreign key that is NOT VALID: it holds for rows that are written from now on".to_owned(),
        remedy: format!(
            "{}; ALTER TABLE {child} VALIDATE CONSTRAINT {};",
            orphans(&child, key),
            quote_pg(&key.name)
        ),
    })
}

/// The SELECT that lists the rows that point nowhere.
fn orphans(child: &str, key: &PlannedForeignKey) -> String {
    let pairs: Vec<String> = (key.columns.iter().zip(&key.parent_columns))
        .map(|(own, parent)| format!("p.{} = c.{}", quote_pg(parent), quote_pg(own)))
        .collect();
    let not_null: Vec<String> =
        key.columns.iter().map(|own| format!("c.{} IS NOT NULL", quote_pg(own))).collect();
    format!(
        "SELECT c.* FROM {child} AS c WHERE {} AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
        not_null.join(" AND "),
        quote_pg(&key.parent_table),
        pairs.join(" AND ")
    )
}

fn check(table: &mut PlannedTable, sql: &str) -> Option<Weakened> {
    let target = quote_pg(&table.target);
    let check = table.checks.iter_mut().find(|check| check.source == sql && !check.not_valid)?;
    check.not_valid = true;
    Some(Weakened {
        constraint: format!("check ({})", check.source),
        becomes: "a CHECK that is NOT VALID: it holds for rows that are written from now on".to_owned(),
        remedy: format!(
            "SELECT * FROM {target} WHERE NOT ({}); ALTER TABLE {target} VALIDATE CONSTRAINT {};",
            check.expression,
            quote_pg(&check.name)
        ),
    })
}

/// A unique index whose values clash in PostgreSQL becomes a plain one.
fn unique(table: &mut PlannedTable, index: &str) -> Option<Weakened> {
    let target = quote_pg(&table.target);
    let index = table.indexes.iter_mut().find(|planned| planned.name == index && planned.unique)?;
    index.unique = false;
    let keys: Vec<String> = index.columns.iter().map(|key| key.sql()).collect();
    Some(Weakened {
        constraint: format!("unique index {}", index.name),
        becomes: "an index that is not unique".to_owned(),
        remedy: format!(
            "SELECT {0}, count(*) FROM {target} GROUP BY {0} HAVING count(*) > 1;",
            keys.join(", ")
        ),
    })
}
