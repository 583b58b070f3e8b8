//! Target names: what a source name becomes, clashes, and the nearest name for a misspelt one.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanningError;
use crate::identifier::{PG_NAME_LENGTH_MAX_BYTES, fit_pg, hashed_pg};
use crate::mapping::{Mapping, NameRule};
use crate::nearest::nearest;
use crate::plan::{PlannedIndex, PlannedTable};
use crate::source_schema::{SourceObject, SourceObjectKind, SourceSchema, SourceTable};

/// Where Diesel writes down which migrations are applied, and that table's key.
pub(super) const MIGRATIONS: [&str; 2] = ["__diesel_schema_migrations", "__diesel_schema_migrations_pkey"];

/// How the catalogs of PostgreSQL begin; SQL that names one without its schema means the catalog (manual, section 5.10.5).
const CATALOG_PREFIX: &str = "pg_";

/// The names of one source's tables and columns in PostgreSQL.
#[derive(Debug, Default)]
pub(super) struct Names {
    rule: NameRule,
    tables: BTreeMap<String, TableNames>,
    /// The views, with their names if they can be translated.
    views: BTreeMap<String, String>,
}

#[derive(Debug)]
struct TableNames {
    target: String,
    is_renamed: bool,
    /// Whether the target's own table and columns have these names.
    is_adopted: bool,
    columns: BTreeMap<String, String>,
    renamed_columns: BTreeSet<String>,
    renamed_indexes: BTreeMap<String, String>,
}

impl Names {
    /// The names of `schema`, with a human's new names. If two names become the same because PostgreSQL would cut them, the second has a
    /// form with a hash.
    ///
    /// # Errors
    /// [`PlanningError::NameClash`] where a human's name, or one that follows from the rule for all names, is taken.
    pub(super) fn new(schema: &SourceSchema, mapping: &Mapping) -> Result<Names, PlanningError> {
        let rule = mapping.names;
        let renamed = |table: &SourceTable| mapping.tables.get(&table.name)?.rename.as_deref();
        let tables = schema.tables.iter().map(|table| Wanted {
            source: &table.name,
            words: format!("table {}", table.name),
            ruled: rule.apply(&table.name),
            renamed: renamed(table),
            target: renamed(table).map_or_else(|| target(&rule.apply(&table.name)), target),
        });
        let is_view = |object: &&SourceObject| object.kind == SourceObjectKind::View;
        let views = schema.others.iter().filter(is_view).map(|view| Wanted {
            source: &view.name,
            words: format!("view {}", view.name),
            ruled: rule.apply(&view.name),
            renamed: None,
            target: target(&rule.apply(&view.name)),
        });
        let tables = settled(tables.chain(views).collect(), MIGRATIONS.map(str::to_owned).into())?;
        let mut names = Names { rule, ..Names::default() };
        for table in &schema.tables {
            let decided = mapping.tables.get(&table.name);
            let columns = table.columns.iter().map(|column| {
                let renamed = decided
                    .and_then(|table| table.columns.get(&column.name))
                    .and_then(|column| column.rename.as_deref());
                Wanted {
                    source: &column.name,
                    words: format!("column {}.{}", table.name, column.name),
                    ruled: rule.apply(&column.name),
                    renamed,
                    target: renamed.map_or_else(|| target_column(&rule.apply(&column.name)), target_column),
                }
            });
            let wanted: Vec<Wanted<'_>> = columns.collect();
            let renamed_columns = wanted
                .iter()
                .filter(|name| name.renamed.is_some())
                .map(|name| name.source.to_owned())
                .collect();
            let columns = settled(wanted, BTreeSet::new())?;
            let table_names = TableNames {
                target: tables.get(&table.name).cloned().unwrap_or_default(),
                is_renamed: renamed(table).is_some(),
                is_adopted: false,
                columns,
                renamed_columns,
                renamed_indexes: decided.map(|table| table.rename_indexes.clone()).unwrap_or_default(),
            };
            names.tables.insert(table.name.clone(), table_names);
        }
        for view in schema.others.iter().filter(is_view) {
            names.views.insert(view.name.clone(), tables.get(&view.name).cloned().unwrap_or_default());
        }
        Ok(names)
    }

    /// Assigns a table and its columns their existing names in the target.
    pub(super) fn adopt<'n>(
        &mut self,
        table: &str,
        target: &str,
        columns: impl Iterator<Item = (&'n str, &'n str)>,
    ) {
        if let Some(names) = self.tables.get_mut(table) {
            target.clone_into(&mut names.target);
            names.is_adopted = true;
            names.columns.extend(columns.map(|(source, target)| (source.to_owned(), target.to_owned())));
        }
    }

    /// The name of a table or view; its own name as the source spells it.
    pub(super) fn table(&self, table: &str) -> String {
        let known = self.tables.get(table).map(|names| &names.target).or_else(|| self.views.get(table));
        known.cloned().unwrap_or_else(|| target(table))
    }

    /// The views and their names.
    pub(super) fn views(&self) -> Vec<(String, String)> {
        self.views.iter().map(|(source, target)| (source.clone(), target.clone())).collect()
    }

    /// The name of a column; both names as the source spells them.
    pub(super) fn column(&self, table: &str, column: &str) -> String {
        let known = self.tables.get(table).and_then(|names| names.columns.get(column));
        known.cloned().unwrap_or_else(|| target_column(column))
    }

    /// The name of an index that the source names, if nothing else has that name.
    pub(super) fn index(&self, table: &str, index: &str) -> String {
        let renamed = self.tables.get(table).and_then(|names| names.renamed_indexes.get(index));
        renamed.map_or_else(|| self.other(index), |renamed| target(renamed))
    }

    /// The name of another object that the source names, such as a constraint, a view or a trigger.
    pub(super) fn other(&self, name: &str) -> String {
        target(&self.rule.apply(name))
    }

    /// Why a table has another name than in SQLite; none if it does not, or if a human or the target's table decided it.
    pub(super) fn why_table(&self, table: &str) -> Option<String> {
        let names = self.tables.get(table).filter(|names| !names.is_renamed && !names.is_adopted)?;
        self.why(table, &names.target, target)
    }

    /// Why a column has another name than in SQLite; none if it does not, or if a human or the target's table decided it.
    pub(super) fn why_column(&self, table: &str, column: &str) -> Option<String> {
        let is_decided = |names: &&TableNames| names.is_adopted || names.renamed_columns.contains(column);
        let names = self.tables.get(table).filter(|names| !is_decided(names))?;
        self.why(column, names.columns.get(column)?, target_column)
    }

    /// Why an index has another name than in SQLite; none if it does not, or if a human chose it.
    fn why_index(&self, table: &str, source: &str, found: &str) -> Option<String> {
        let renamed = self.tables.get(table).and_then(|names| names.renamed_indexes.get(source));
        if renamed.is_some_and(|renamed| target(renamed) == found) {
            None
        } else {
            self.why(source, found, target)
        }
    }

    /// Why `source` has the name `found`, given the PostgreSQL form of a name if nothing else has it.
    fn why(&self, source: &str, found: &str, alone: impl Fn(&str) -> String) -> Option<String> {
        if source == found {
            return None;
        }
        let ruled = self.rule.apply(source);
        let reason = if source.is_empty() {
            "PostgreSQL has no empty name".to_owned()
        } else if alone(&ruled) != found {
            "another object has the name that it would get".to_owned()
        } else if ruled.len() > PG_NAME_LENGTH_MAX_BYTES {
            format!("PostgreSQL names have at most {PG_NAME_LENGTH_MAX_BYTES} bytes")
        } else if ruled.starts_with(CATALOG_PREFIX) {
            "names that start with pg_ are reserved for PostgreSQL's catalogs".to_owned()
        } else if ruled != found {
            "every PostgreSQL table has a system column of that name".to_owned()
        } else {
            format!("mapping.toml sets names = \"{}\"", self.rule.name())
        };
        Some(format!("named {found} here: {reason}"))
    }

    /// The names of a table's columns, in their order.
    pub(super) fn columns<'c>(&self, table: &str, columns: impl IntoIterator<Item = &'c str>) -> Vec<String> {
        columns.into_iter().map(|column| self.column(table, column)).collect()
    }
}

/// A name and its preferred form.
struct Wanted<'a> {
    source: &'a str,
    words: String,
    /// The name by the rule for all names, which is the name itself where there is none.
    ruled: String,
    renamed: Option<&'a str>,
    target: String,
}

/// Assigns each its name: first those that a human chose and those that are unchanged, then the others.
fn settled(
    wanted: Vec<Wanted<'_>>,
    mut taken: BTreeSet<String>,
) -> Result<BTreeMap<String, String>, PlanningError> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut names = BTreeMap::new();
    let (fixed, movable): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|name| name.renamed.is_some() || name.target == name.ruled);
    for name in fixed {
        // The names of the source differ among themselves, so that a clash here is one that a human made, by name or by rule.
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

/// The PostgreSQL form of a source name: the same, or a stable short form if PostgreSQL would cut it. The empty name, which PostgreSQL
/// does not have, becomes `unnamed`; one that looks like a catalog's gets an underscore before it.
pub(super) fn target(source: &str) -> String {
    if source.is_empty() {
        "unnamed".to_owned()
    } else if source.starts_with(CATALOG_PREFIX) {
        fit_pg(&format!("_{source}"))
    } else {
        fit_pg(source)
    }
}

/// The system columns of every table in PostgreSQL (manual, section 5.6), whose names no other column may have.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// The PostgreSQL form of a column's name: the same if possible, with `_` appended if it is a system column's.
pub(super) fn target_column(source: &str) -> String {
    if SYSTEM_COLUMNS.contains(&source) { format!("{source}_") } else { target(source) }
}

/// Refuses a name that is not among `names`.
pub(super) fn known(kind: &'static str, name: &str, names: &BTreeSet<&str>) -> Result<(), PlanningError> {
    if names.contains(name) {
        return Ok(());
    }
    let nearest = nearest(name, names.iter().copied()).map(str::to_owned);
    Err(PlanningError::UnknownName { kind, name: name.to_owned(), nearest })
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

/// Makes the names of all relations unique. Tables, views, indexes and sequences share one name space (manual, section 5.10.1). Tables
/// and views, of which `views` has the names in both databases, have theirs. Objects that only the target has avoid the names of the
/// source's objects, and all avoid those in `taken`, which exist in the target already. Existing tables of an app keep their names.
///
/// # Errors
/// [`PlanningError::NameClash`] where an index that a human added has the name of something else.
pub(super) fn settle(
    names: &Names,
    tables: &mut [PlannedTable],
    views: &[(String, String)],
    taken: &[String],
) -> Result<(), PlanningError> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    owners.extend(tables.iter().map(|table| (table.target.clone(), format!("table {}", table.source))));
    owners.extend(views.iter().map(|(source, target)| (target.clone(), format!("view {source}"))));
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
            note_name(names, &source, index);
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

/// Records why an index has another name than in SQLite, and keeps an existing reason.
fn note_name(names: &Names, table: &str, index: &mut PlannedIndex) {
    if index.source.as_ref() == Some(&index.name) {
        index.source = None;
    }
    let why = index.source.as_ref().and_then(|source| names.why_index(table, source, &index.name));
    index.notes.extend(why);
}

/// Reserves `name`, or if that is in use the first free form of it with a hash.
pub(super) fn step_aside(name: &mut String, taken: &mut BTreeSet<String>) {
    let mut free = name.clone();
    let mut salt = name.clone();
    while !taken.insert(free.clone()) {
        free = hashed_pg(name, &salt);
        salt.push('+');
    }
    *name = free;
}
