//! Target names: what a source name becomes, clashes, and the nearest name for a misspelt one.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanningError;
use crate::identifier::{fit_pg, hashed_pg};
use crate::mapping::Mapping;
use crate::plan::{PlannedTable, PlannedView};
use crate::source_schema::{SourceSchema, SourceTable};

/// Where Diesel writes down which migrations are applied, and that table's key.
pub(super) const MIGRATIONS: [&str; 2] = ["__diesel_schema_migrations", "__diesel_schema_migrations_pkey"];

/// How the catalogs of PostgreSQL begin; SQL that names one without its schema means the catalog (manual, section 5.10.5).
const CATALOG_PREFIX: &str = "pg_";

/// What the tables and columns of one source are called in PostgreSQL.
#[derive(Debug, Default)]
pub(super) struct Names {
    tables: BTreeMap<String, TableNames>,
}

#[derive(Debug)]
struct TableNames {
    target: String,
    columns: BTreeMap<String, String>,
}

impl Names {
    /// The names of `schema`, with what a human renames. Where two names become one, the second takes a form with a hash.
    ///
    /// # Errors
    /// [`PlanningError::NameClash`] where a human's name is taken.
    pub(super) fn new(schema: &SourceSchema, mapping: &Mapping) -> Result<Names, PlanningError> {
        let renamed = |table: &SourceTable| mapping.tables.get(&table.name)?.rename.as_deref();
        let tables = schema.tables.iter().map(|table| Wanted {
            source: &table.name,
            words: format!("table {}", table.name),
            renamed: renamed(table),
            target: target(renamed(table).unwrap_or(&table.name)),
        });
        let tables = settled(tables.collect(), MIGRATIONS.map(str::to_owned).into())?;
        let mut names = Names::default();
        for table in &schema.tables {
            let decided = mapping.tables.get(&table.name);
            let columns = table.columns.iter().map(|column| {
                let renamed = decided
                    .and_then(|table| table.columns.get(&column.name))
                    .and_then(|column| column.rename.as_deref());
                Wanted {
                    source: &column.name,
                    words: format!("column {}.{}", table.name, column.name),
                    renamed,
                    target: target_column(renamed.unwrap_or(&column.name)),
                }
            });
            let columns = settled(columns.collect(), BTreeSet::new())?;
            let target = tables.get(&table.name).cloned().unwrap_or_default();
            names.tables.insert(table.name.clone(), TableNames { target, columns });
        }
        Ok(names)
    }

    /// Gives a table and its columns the names that they have in the target already.
    pub(super) fn adopt<'n>(
        &mut self,
        table: &str,
        target: &str,
        columns: impl Iterator<Item = (&'n str, &'n str)>,
    ) {
        if let Some(names) = self.tables.get_mut(table) {
            target.clone_into(&mut names.target);
            names.columns.extend(columns.map(|(source, target)| (source.to_owned(), target.to_owned())));
        }
    }

    /// What a table is called; its name as the source spells it.
    pub(super) fn table(&self, table: &str) -> String {
        self.tables.get(table).map_or_else(|| target(table), |names| names.target.clone())
    }

    /// What a column is called; both names as the source spells them.
    pub(super) fn column(&self, table: &str, column: &str) -> String {
        let known = self.tables.get(table).and_then(|names| names.columns.get(column));
        known.cloned().unwrap_or_else(|| target_column(column))
    }

    /// What columns of a table are called, in their order.
    pub(super) fn columns<'c>(&self, table: &str, columns: impl IntoIterator<Item = &'c str>) -> Vec<String> {
        columns.into_iter().map(|column| self.column(table, column)).collect()
    }
}

/// A name and what it would be called.
struct Wanted<'a> {
    source: &'a str,
    words: String,
    renamed: Option<&'a str>,
    target: String,
}

/// Gives each its name: first those that a human chose and those that stay as they are, then the others around them.
fn settled(
    wanted: Vec<Wanted<'_>>,
    mut taken: BTreeSet<String>,
) -> Result<BTreeMap<String, String>, PlanningError> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut names = BTreeMap::new();
    let (fixed, movable): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|name| name.renamed.is_some() || name.target == name.source);
    for name in fixed {
        // The names of the source differ among themselves, so that a clash here is one that a human made.
        if let Some(first) = owners.get(&name.target) {
            let (first, target) = (first.clone(), name.target);
            return Err(PlanningError::NameClash { first, second: name.words, target });
        }
        let mut target = name.target;
        if name.renamed.is_none() || taken.contains(&target) {
            step_aside(&mut target, &mut taken);
        } else {
            taken.insert(target.clone());
        }
        owners.insert(target.clone(), name.words);
        names.insert(name.source.to_owned(), target);
    }
    for name in movable {
        let mut target = name.target;
        step_aside(&mut target, &mut taken);
        names.insert(name.source.to_owned(), target);
    }
    Ok(names)
}

/// What a source name is called in PostgreSQL: the same, or a stable short form where PostgreSQL would cut it. The empty name,
/// which PostgreSQL does not have, becomes `unnamed`; one that looks like a catalog's gets an underscore before it.
pub(super) fn target(source: &str) -> String {
    if source.is_empty() {
        "unnamed".to_owned()
    } else if source.starts_with(CATALOG_PREFIX) {
        fit_pg(&format!("_{source}"))
    } else {
        fit_pg(source)
    }
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

/// Gives every relation a name of its own. Tables, views, indexes and sequences share one name space (manual, section 5.10.1).
/// Tables and views have theirs; what only the target has steps aside for what the source names, and all for what is `taken` in
/// the target already. What an app made there has its names.
///
/// # Errors
/// [`PlanningError::NameClash`] where an index that a human added has the name of something else.
pub(super) fn settle(
    tables: &mut [PlannedTable],
    views: &[PlannedView],
    taken: &[String],
) -> Result<(), PlanningError> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    owners.extend(tables.iter().map(|table| (table.target.clone(), format!("table {}", table.source))));
    owners.extend(views.iter().map(|view| (view.target.clone(), format!("view {}", view.source))));
    let mut relations: BTreeSet<String> = owners.keys().cloned().collect();
    relations.extend(MIGRATIONS.map(str::to_owned));
    relations.extend(taken.iter().cloned());
    for table in tables.iter_mut() {
        let source = table.source.clone();
        for index in &mut table.indexes {
            let words = format!("index {} of {source}", index.name);
            if index.added_because.is_some()
                && let Some(first) = owners.get(&index.name)
            {
                let (first, target) = (first.clone(), index.name.clone());
                return Err(PlanningError::NameClash { first, second: words, target });
            }
            step_aside(&mut index.name, &mut relations);
            owners.insert(index.name.clone(), words);
        }
    }
    for table in tables.iter_mut().filter(|table| table.existing.is_none()) {
        for sequence in table.columns.iter_mut().filter_map(|column| column.sequence.as_mut()) {
            step_aside(sequence, &mut relations);
        }
        let mut constraints = BTreeSet::new();
        for key in table.primary_key.iter_mut().chain(&mut table.unique) {
            step_aside(&mut key.name, &mut relations);
            constraints.insert(key.name.clone());
        }
        // Neither a foreign key nor a CHECK is a relation: its name is its own within the table's constraints.
        for name in (table.foreign_keys.iter_mut().map(|key| &mut key.name))
            .chain(table.checks.iter_mut().map(|check| &mut check.name))
        {
            step_aside(name, &mut constraints);
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

/// The name that is fewest edits away, if it is near enough to be meant.
pub(super) fn nearest(name: &str, names: &BTreeSet<&str>) -> Option<String> {
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
