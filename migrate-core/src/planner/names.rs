//! Target names: what a source name becomes, clashes, and the nearest name for a misspelt one.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanningError;
use crate::identifier::{fit_pg, hashed_pg};
use crate::plan::PlannedTable;

/// Where Diesel writes down which migrations are applied, and that table's key.
const MIGRATIONS: [&str; 2] = ["__diesel_schema_migrations", "__diesel_schema_migrations_pkey"];

/// How the catalogs of PostgreSQL begin; SQL that names one without its schema means the catalog (manual, section 5.10.5).
const CATALOG_PREFIX: &str = "pg_";

/// What a source name is called in PostgreSQL: the same, or a stable short form where PostgreSQL would cut it. The empty name,
/// which PostgreSQL does not have, becomes `unnamed`.
pub(super) fn target(source: &str) -> String {
    fit_pg(if source.is_empty() { "unnamed" } else { source })
}

/// The columns that every table of PostgreSQL has by itself (manual, section 5.6), so that no other may have their names.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// What a source column is called in PostgreSQL: the same where that can be, with `_` behind it where it is a system column's.
pub(super) fn target_column(source: &str) -> String {
    if SYSTEM_COLUMNS.contains(&source) { format!("{source}_") } else { target(source) }
}

/// Refuses a name that is not among `names`.
pub(super) fn known(kind: &'static str, name: &str, names: &BTreeSet<&str>) -> Result<(), PlanningError> {
    if names.contains(name) {
        return Ok(());
    }
    Err(PlanningError::UnknownName { kind, name: name.to_owned(), nearest: nearest(name, names) })
}

/// Refuses a column that `table` has not.
pub(super) fn known_column(table: &str, column: &str, columns: &BTreeSet<&str>) -> Result<(), PlanningError> {
    known("column", column, columns).map_err(|error| match error {
        PlanningError::UnknownName { kind, name, nearest } => {
            PlanningError::UnknownName { kind, name: format!("{table}.{name}"), nearest }
        }
        other => other,
    })
}

/// Gives every relation a name of its own. Tables, indexes and sequences share one name space (manual, section 5.10.1). Names of
/// the source stay, and where two of them become one that is refused; names that only the target has step aside.
pub(super) fn settle(tables: &mut [PlannedTable]) -> Result<(), PlanningError> {
    let mut relations = BTreeMap::new();
    for table in &*tables {
        let mut columns = BTreeMap::new();
        for column in &table.columns {
            claim(&mut columns, &column.target, format!("column {}.{}", table.source, column.source))?;
        }
        claim_relation(&mut relations, &table.target, format!("table {}", table.source))?;
        for index in &table.indexes {
            claim_relation(&mut relations, &index.name, format!("index {} of {}", index.name, table.source))?;
        }
    }
    let mut relations: BTreeSet<String> = relations.into_keys().collect();
    relations.extend(MIGRATIONS.map(str::to_owned));
    for table in tables {
        for sequence in table.columns.iter_mut().filter_map(|column| column.sequence.as_mut()) {
            step_aside(sequence, &mut relations);
        }
        let mut constraints = BTreeSet::new();
        for key in table.primary_key.iter_mut().chain(&mut table.unique) {
            step_aside(&mut key.name, &mut relations);
            constraints.insert(key.name.clone());
        }
        // A foreign key is no relation: its name is its own within the table's constraints.
        for key in &mut table.foreign_keys {
            step_aside(&mut key.name, &mut constraints);
        }
    }
    Ok(())
}

/// Takes `name`, or where that is taken the first form of it with a hash that is free.
fn step_aside(name: &mut String, taken: &mut BTreeSet<String>) {
    let mut free = name.clone();
    let mut salt = name.clone();
    while !taken.insert(free.clone()) {
        free = hashed_pg(name, &salt);
        salt.push('+');
    }
    *name = free;
}

fn claim_relation(
    taken: &mut BTreeMap<String, String>,
    target: &str,
    owner: String,
) -> Result<(), PlanningError> {
    let reserved =
        |owner_in_words| PlanningError::ReservedName { what: owner.clone(), owner: owner_in_words };
    if MIGRATIONS.contains(&target) {
        return Err(reserved("Diesel keeps its list of applied migrations under that name"));
    }
    if target.starts_with(CATALOG_PREFIX) {
        return Err(reserved("names that begin with pg_ are those of PostgreSQL's own catalogs"));
    }
    claim(taken, target, owner)
}

fn claim(taken: &mut BTreeMap<String, String>, target: &str, owner: String) -> Result<(), PlanningError> {
    match taken.insert(target.to_owned(), owner.clone()) {
        None => Ok(()),
        Some(first) => Err(PlanningError::NameClash { first, second: owner, target: target.to_owned() }),
    }
}

/// The name that is fewest edits away, if it is near enough to be meant.
fn nearest(name: &str, names: &BTreeSet<&str>) -> Option<String> {
    let ranked = names.iter().map(|candidate| (edit_distance(name, candidate), *candidate));
    let (distance, candidate) = ranked.min()?;
    (distance <= 1 + name.chars().count() / 3).then(|| candidate.to_owned())
}

/// Levenshtein's distance, without regard to ASCII case.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|letter| letter.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().map(|letter| letter.to_ascii_lowercase()).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (place, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[right.len()]
}
