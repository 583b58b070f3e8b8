//! The differences between a live source schema and the one that a plan was made for.
//!
//! It compares everything that moving rows depends on: tables, columns, declared types, NOT NULL, defaults, keys and indexes, and what
//! is not migrated. It compares meanings, not text: two spellings of one default are the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::conversion::Conversion;
use crate::mapping::{ColumnMapping, MAPPING_FORMAT, Mapping, TableMapping};
use crate::plan::{LeftBehind, Plan, PlannedForeignKey, PlannedIndex, PlannedTable};
use crate::planner::breaches::PRIMARY_KEY_WORDS;
use crate::planner::skipped_indexes::{SKIPPED_KIND, skipped_name};
use crate::planner::{self, PlanningError};
use crate::source_schema::{SourceColumn, SourceSchema, SourceTable};
use crate::source_sql::default_meaning;
use crate::terms::DerivedDecision;

/// The kind of a generated column among the objects that are not migrated.
const GENERATED_COLUMN: &str = "generated column";

/// Describes the differences, in order; empty if the plan fits `schema`.
///
/// # Errors
/// [`PlanningError`] when the live schema cannot be understood at all.
pub fn differences(plan: &Plan, schema: &SourceSchema) -> Result<Vec<String>, PlanningError> {
    // Identical text needs no comparison by meaning.
    if plan.source_fingerprint.as_ref() == Some(&schema.fingerprint()) && is_covered(plan, schema) {
        return Ok(Vec::new());
    }
    let mut live_plan = planner::plan_into(schema, None, &decisions(plan, schema), plan.target().as_ref())?;
    leave_uncomputed(plan, &mut live_plan);
    let mut found = Vec::new();
    let names: BTreeSet<&str> =
        plan.tables.iter().chain(&live_plan.tables).map(|table| table.source.as_str()).collect();
    for name in names {
        match (plan.table(name), live_plan.table(name)) {
            (Some(planned), Some(live)) => {
                let planned = as_declared(plan, planned);
                table_differences((&planned, plan), (live, &live_plan), &mut found);
            }
            (Some(_), None) => found.push(format!("table {name}: in the plan, not in the source")),
            (None, Some(_)) => found.push(format!("table {name}: in the source, not in the plan")),
            (None, None) => {}
        }
    }
    left_behind_differences(&plan.left_behind, &live_plan.left_behind, &mut found);
    object_differences(plan, &live_plan, &mut found);
    Ok(found)
}

/// Views and triggers are known by the SQL that SQLite stored, whether they are migrated or not.
fn object_differences(plan: &Plan, live: &Plan, found: &mut Vec<String>) {
    let of = |plan: &Plan| -> BTreeMap<String, String> {
        let views = plan.views.iter().map(|view| (format!("view {}", view.source), view.source_sql.clone()));
        let triggers = (plan.triggers.iter())
            .map(|trigger| (format!("trigger {}", trigger.source), trigger.source_sql.clone()));
        let left = (plan.left_behind.iter())
            .filter_map(|item| Some((format!("{} {}", item.kind, item.name), item.sql.clone()?)));
        views.chain(triggers).chain(left).collect()
    };
    let moving = |plan: &Plan| -> BTreeSet<String> {
        let views = plan.views.iter().map(|view| format!("view {}", view.source));
        views.chain(plan.triggers.iter().map(|trigger| format!("trigger {}", trigger.source))).collect()
    };
    let (planned, source) = (of(plan), of(live));
    let differing = planned.iter().filter(|(name, sql)| source.get(*name).is_some_and(|other| other != *sql));
    found.extend(
        differing.map(|(name, _)| format!("{name}: its SQL is another one in the source than in the plan")),
    );
    let (planned, source) = (moving(plan), moving(live));
    found.extend(planned.difference(&source).map(|name| format!("{name}: in the plan, not in the source")));
    found.extend(source.difference(&planned).map(|name| format!("{name}: in the source, not in the plan")));
}

/// Whether `plan` has every table and column of `schema`, or lists it as not migrated, so that a manual deletion from a plan is noticed.
fn is_covered(plan: &Plan, schema: &SourceSchema) -> bool {
    let is_left = |name: &str| plan.left_behind.iter().any(|item| item.name == name);
    schema.tables.iter().all(|table| match plan.table(&table.name) {
        None => is_left(&table.name),
        Some(planned) => table.columns.iter().all(|column| {
            let is_planned = planned.columns.iter().any(|other| other.source == column.name);
            is_planned || is_left(&format!("{}.{}", table.name, column.name))
        }),
    })
}

/// Removes the generated columns from `live` that `plan` does not migrate because SQLite could not compute their values: the schema alone
/// does not show that.
fn leave_uncomputed(plan: &Plan, live: &mut Plan) {
    let Plan { tables, left_behind, .. } = live;
    for table in tables {
        let planned = plan.table(&table.source);
        table.columns.retain(|column| {
            let is_planned =
                planned.is_some_and(|table| table.columns.iter().any(|other| other.source == column.source));
            let name = format!("{}.{}", table.source, column.source);
            let is_it = |item: &&LeftBehind| item.kind == GENERATED_COLUMN && item.name == name;
            let Some(item) = plan.left_behind.iter().find(is_it).filter(|_| !is_planned) else { return true };
            if !left_behind.contains(item) {
                left_behind.retain(|other| !is_it(&other));
                left_behind.push(item.clone());
            }
            false
        });
    }
}
/// Complete objects that are not migrated; any other kind is a part of a migrated table.
const OBJECT_KINDS: [&str; 5] = ["table", "view", "trigger", "virtual table", "shadow table"];

/// The decisions about columns that triggers fill, of tables that `schema` has.
fn derived_decisions(plan: &Plan, schema: &SourceSchema) -> BTreeMap<String, DerivedDecision> {
    let is_there = |target: &str| {
        let planned = plan.target_table(target);
        planned.is_some_and(|planned| schema.tables.iter().any(|table| table.name == planned.source))
    };
    let decided = plan.trigger_filled().filter(|column| is_there(&column.table));
    decided.filter_map(|column| Some((column.full_name(), column.decision?))).collect()
}

/// The decisions that `plan` was made with, as far as `schema` has their subjects. A column that the plan does not know gets a conversion
/// that cannot make planning fail: it is reported as unknown anyway.
fn decisions(plan: &Plan, schema: &SourceSchema) -> Mapping {
    let names =
        schema.tables.iter().map(|table| &table.name).chain(schema.others.iter().map(|object| &object.name));
    // A virtual table that a search replaces was skipped by the planner, not by a human.
    let is_searched = |name: &str| {
        plan.tables.iter().flat_map(|table| &table.searches).any(|search| search.instead_of == name)
    };
    let is_object = |item: &LeftBehind| OBJECT_KINDS.contains(&item.kind.as_str());
    let leave_behind = names
        .filter(|name| !is_searched(name))
        .filter_map(|name| plan.left_behind.iter().find(|item| item.name == *name && is_object(item)))
        .map(|item| (item.name.clone(), item.reason.clone()));
    let known = |table: &SourceTable| plan.table(&table.name);
    let table_names = target_names(&schema.tables, |table| known(table).map(|planned| &planned.target));
    let tables = schema.tables.iter().zip(table_names).map(|(table, rename)| {
        let decided = TableMapping {
            rename: Some(rename),
            columns: column_decisions(plan, table),
            rename_indexes: index_names(known(table)),
            skip_indexes: skipped_indexes(plan, table),
            seeds: known(table).and_then(|planned| planned.existing.as_ref()).map(|existing| existing.seeds),
            create: Some(known(table).is_none_or(|planned| planned.existing.is_none())),
            ..TableMapping::default()
        };
        (table.name.clone(), decided)
    });
    Mapping {
        format: MAPPING_FORMAT,
        leave_behind: leave_behind.collect(),
        create: true,
        tables: tables.collect::<BTreeMap<_, _>>(),
        derived: derived_decisions(plan, schema),
        ..Mapping::default()
    }
}

/// The keys and indexes that the plan was made without.
fn skipped_indexes(plan: &Plan, table: &SourceTable) -> BTreeMap<String, String> {
    let behind = skipped_name("", &table.name);
    let skipped = plan.left_behind.iter().filter(|item| item.kind == SKIPPED_KIND);
    skipped
        .filter_map(|item| Some((item.name.strip_suffix(&behind)?.to_owned(), item.reason.clone())))
        .collect()
}

/// The plan's decisions about the columns of `table`.
fn column_decisions(plan: &Plan, table: &SourceTable) -> BTreeMap<String, ColumnMapping> {
    let planned = plan.table(&table.name);
    let known = |column: &SourceColumn| {
        planned.and_then(|table| table.columns.iter().find(|other| other.source == column.name))
    };
    let numbered = table.rowid_alias().map(|column| column.name.as_str());
    let names = target_names(&table.columns, |column| known(column).map(|planned| &planned.target));
    let decided = table.columns.iter().zip(names).map(|(column, rename)| {
        let conversion = known(column).map_or(Conversion::Text, |planned| planned.conversion.clone());
        let full_name = format!("{}.{}", table.name, column.name);
        let skip = (plan.left_behind.iter())
            .find(|item| item.kind == "column" && item.name == full_name)
            .map(|item| item.reason.clone());
        let decided = ColumnMapping {
            conversion: (Some(column.name.as_str()) != numbered).then_some(conversion),
            rename: Some(rename),
            skip,
            ..ColumnMapping::default()
        };
        (column.name.clone(), decided)
    });
    decided.collect()
}

/// The plan's names for indexes.
fn index_names(planned: Option<&PlannedTable>) -> BTreeMap<String, String> {
    let indexes = planned.map(|table| table.indexes.as_slice()).unwrap_or_default();
    indexes.iter().filter_map(|index| Some((index.source.clone()?, index.name.clone()))).collect()
}

/// The names of `items` in PostgreSQL: those of the plan, and for an item that the plan does not know a name that nothing else has, so
/// that the source is understood whatever was added to it.
fn target_names<'p, T>(items: &[T], planned: impl Fn(&T) -> Option<&'p String>) -> Vec<String> {
    let mut taken: BTreeSet<String> = items.iter().filter_map(&planned).cloned().collect();
    let name = |(place, item): (usize, &T)| {
        planned(item).cloned().unwrap_or_else(|| {
            let mut free = format!("unknown_{place}");
            while !taken.insert(free.clone()) {
                free.push('_');
            }
            free
        })
    };
    items.iter().enumerate().map(name).collect()
}

/// A planned table with the primary key that the source declares, where the plan has a weaker one because rows break it.
fn as_declared(plan: &Plan, planned: &PlannedTable) -> PlannedTable {
    let mut declared = planned.clone();
    let is_weaker = plan
        .breaches
        .iter()
        .any(|breach| breach.table == planned.source && breach.constraint.starts_with(PRIMARY_KEY_WORDS));
    if is_weaker && !declared.unique.is_empty() {
        declared.primary_key = Some(declared.unique.remove(0));
    }
    declared
}

/// Whether a source schema holds no table at all.
pub fn is_empty(schema: &SourceSchema) -> bool {
    schema.tables.is_empty() && schema.others.is_empty()
}

/// The differences between a table as planned and its current state, each with its plan.
fn table_differences(
    (planned, plan): (&PlannedTable, &Plan),
    (live, live_plan): (&PlannedTable, &Plan),
    found: &mut Vec<String>,
) {
    let table = &planned.source;
    if planned.without_rowid != live.without_rowid {
        let (live, planned) = (yes_no(live.without_rowid), yes_no(planned.without_rowid));
        found.push(format!("table {table}: WITHOUT ROWID is {live} in the source, {planned} in the plan"));
    }
    for column in &planned.columns {
        let Some(other) = live.columns.iter().find(|other| other.source == column.source) else {
            found.push(format!("{table}.{}: in the plan, not in the source", column.source));
            continue;
        };
        let mut differs = |what: &str, planned: &str, live: &str| {
            if planned != live {
                found.push(format!(
                    "{table}.{}: {what} is {live} in the source, {planned} in the plan",
                    column.source
                ));
            }
        };
        differs("declared type", &declared(&column.declared), &declared(&other.declared));
        differs("NOT NULL", yes_no(column.source_not_null), yes_no(other.source_not_null));
        let meaning = |sql: &Option<String>| sql.as_deref().map(default_meaning);
        if meaning(&column.source_default) != meaning(&other.source_default) {
            let words = |sql: &Option<String>| sql.clone().unwrap_or_else(|| "none".to_owned());
            differs("default", &words(&column.source_default), &words(&other.source_default));
        }
    }
    for column in live
        .columns
        .iter()
        .filter(|column| !planned.columns.iter().any(|other| other.source == column.source))
    {
        found.push(format!("{table}.{}: in the source, not in the plan", column.source));
    }
    found.extend(constraint_differences((planned, plan), (live, live_plan)));
}

/// The same for everything other than the columns.
fn constraint_differences(planned: (&PlannedTable, &Plan), live: (&PlannedTable, &Plan)) -> Vec<String> {
    let table = &planned.0.source;
    let (planned, live) = (stated(planned.0, planned.1), stated(live.0, live.1));
    let gone =
        planned.difference(&live).map(|item| format!("{table}: {item}: in the plan, not in the source"));
    let new =
        live.difference(&planned).map(|item| format!("{table}: {item}: in the source, not in the plan"));
    gone.chain(new).collect()
}

/// Describes keys, foreign keys, indexes, CHECKs and generated columns of a table, with the source's names for all of them.
fn stated(table: &PlannedTable, plan: &Plan) -> BTreeSet<String> {
    let numbered = if table.sequence_column().is_some() { ", numbering its rows" } else { "" };
    let columns = |names: &[String]| source_names(table, names).join(", ");
    let primary =
        table.primary_key.iter().map(|key| format!("primary key ({}){numbered}", columns(&key.columns)));
    let unique = table.unique.iter().map(|key| format!("UNIQUE ({})", columns(&key.columns)));
    let foreign = table.foreign_keys.iter().map(|key| foreign_key_in_words(table, key, plan));
    let from_source = |index: &&PlannedIndex| index.added_because.is_none();
    let indexes = table.indexes.iter().filter(from_source).map(|index| index_in_words(table, index));
    let checks = table.checks.iter().map(|check| format!("CHECK ({})", check.source));
    let generated = (table.columns.iter())
        .filter_map(|column| Some((column, column.generated.as_ref()?)))
        .map(|(column, generated)| format!("generated column {} as ({})", column.source, generated.source));
    let searches = (table.searches.iter())
        .map(|search| format!("full-text index {} ({})", search.instead_of, search.source_sql));
    let keys = primary.chain(unique).chain(foreign);
    keys.chain(indexes).chain(checks).chain(generated).chain(searches).collect()
}

fn foreign_key_in_words(table: &PlannedTable, key: &PlannedForeignKey, plan: &Plan) -> String {
    let parent = plan.target_table(&key.parent_table);
    format!(
        "foreign key ({}) to {} ({}) on update {} on delete {}{}",
        source_names(table, &key.columns).join(", "),
        parent.map_or(key.parent_table.as_str(), |parent| parent.source.as_str()),
        parent.map_or_else(
            || key.parent_columns.join(", "),
            |parent| source_names(parent, &key.parent_columns).join(", ")
        ),
        key.on_update,
        key.on_delete,
        if key.deferred { " deferred" } else { "" }
    )
}

fn index_in_words(table: &PlannedTable, index: &PlannedIndex) -> String {
    let columns: Vec<String> = (index.columns.iter())
        .map(|key| {
            let name = match &key.expression {
                Some(expression) => format!("({expression})"),
                None => source_names(table, std::slice::from_ref(&key.column)).join(", "),
            };
            format!("{name}{}", if key.descending { " desc" } else { "" })
        })
        .collect();
    let unique = if index.unique { "unique " } else { "" };
    let condition = index.predicate.as_ref().map(|sql| format!(" where {sql}")).unwrap_or_default();
    let name = index.source.as_ref().unwrap_or(&index.name);
    format!("index {unique}{name} ({}){condition}", columns.join(", "))
}

/// The source names of columns with these target names; a name that no column has is unchanged.
fn source_names<'t>(table: &'t PlannedTable, targets: &'t [String]) -> Vec<&'t str> {
    let source =
        |target: &'t String| table.target_column(target).map_or(target.as_str(), |column| &column.source);
    targets.iter().map(source).collect()
}

fn left_behind_differences(planned: &[LeftBehind], live: &[LeftBehind], found: &mut Vec<String>) {
    let key = |item: &LeftBehind| format!("{} {}", item.kind, item.name);
    let (planned, live): (BTreeSet<_>, BTreeSet<_>) =
        (planned.iter().map(key).collect(), live.iter().map(key).collect());
    found.extend(live.difference(&planned).map(|item| format!("{item}: in the source, not in the plan")));
    found.extend(
        planned
            .difference(&live)
            .map(|item| format!("{item}: in the plan as not migrated, not in the source")),
    );
}

/// A declared type without regard to case and blanks, which SQLite does not regard either.
fn declared(declared_type: &str) -> String {
    let words: Vec<&str> = declared_type.split_whitespace().collect();
    if words.is_empty() { "(no type)".to_owned() } else { words.join(" ").to_ascii_uppercase() }
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
