//! Target names: what a source name becomes, clashes, and the nearest name for a misspelt one.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanningError;
use crate::identifier::fit_pg;
use crate::plan::PlannedTable;

/// Where Diesel writes down which migrations are applied.
const MIGRATIONS_TABLE: &str = "__diesel_schema_migrations";

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

/// Refuses relations or columns that would have one name in PostgreSQL. Tables, indexes and sequences share one name space
/// (manual, section 5.10.1).
pub(super) fn check_clashes(tables: &[PlannedTable]) -> Result<(), PlanningError> {
    let mut relations = BTreeMap::new();
    claim(&mut relations, MIGRATIONS_TABLE, "the list of applied migrations".to_owned())?;
    for table in tables {
        let mut columns = BTreeMap::new();
        for column in &table.columns {
            claim(&mut columns, &column.target, format!("column {}.{}", table.source, column.source))?;
        }
        claim(&mut relations, &table.target, format!("table {}", table.source))?;
        for sequence in table.columns.iter().filter_map(|column| column.sequence.as_ref()) {
            claim(&mut relations, sequence, format!("the sequence of {}", table.source))?;
        }
        for key in table.primary_key.iter().chain(&table.unique) {
            claim(&mut relations, &key.name, format!("a key of {}", table.source))?;
        }
        for index in &table.indexes {
            claim(&mut relations, &index.name, format!("index {} of {}", index.name, table.source))?;
        }
    }
    Ok(())
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
