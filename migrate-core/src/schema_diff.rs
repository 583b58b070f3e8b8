//! How a live source schema differs from the one that a plan was made for.
//!
//! Compares what moving rows depends on: tables, columns, declared types, NOT NULL, defaults, keys and indexes, and what
//! stays behind. It compares meanings, not text: two spellings of one default are the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::conversion::Conversion;
use crate::mapping::{ColumnMapping, MAPPING_FORMAT, Mapping, TableMapping};
use crate::plan::{LeftBehind, Plan, PlannedIndex, PlannedTable};
use crate::planner::breaches::PRIMARY_KEY_WORDS;
use crate::planner::{self, PlanningError};
use crate::source_schema::{SourceColumn, SourceSchema};
use crate::source_sql::default_meaning;

/// The differences in words, ordered; empty where the plan fits `schema`.
///
/// # Errors
/// [`PlanningError`] when the live schema cannot be understood at all.
pub fn differences(plan: &Plan, schema: &SourceSchema) -> Result<Vec<String>, PlanningError> {
    let live = planner::plan_into(schema, None, &decisions(plan, schema), plan.target().as_ref())?;
    let mut found = Vec::new();
    let names: BTreeSet<&str> =
        plan.tables.iter().chain(&live.tables).map(|table| table.source.as_str()).collect();
    for name in names {
        match (plan.table(name), live.table(name)) {
            (Some(planned), Some(live)) => {
                table_differences(&as_declared(plan, planned), live, &mut found);
            }
            (Some(_), None) => found.push(format!("table {name}: in the plan, not in the source")),
            (None, Some(_)) => found.push(format!("table {name}: in the source, not in the plan")),
            (None, None) => {}
        }
    }
    left_behind_differences(&plan.left_behind, &live.left_behind, &mut found);
    Ok(found)
}

/// The decisions that `plan` was made with, as far as `schema` has what they are about. A column that the plan does not know
/// gets a conversion that no planning stumbles over: it is reported as unknown anyway.
fn decisions(plan: &Plan, schema: &SourceSchema) -> Mapping {
    let names =
        schema.tables.iter().map(|table| &table.name).chain(schema.others.iter().map(|object| &object.name));
    let leave_behind = names
        .filter_map(|name| plan.left_behind.iter().find(|item| item.name == *name))
        .map(|item| (item.name.clone(), item.reason.clone()));
    let tables = schema.tables.iter().map(|table| {
        let planned = plan.table(&table.name);
        // A column that has no place in an app's own table would keep any plan from being made; here it is only to be named.
        let is_strange = |column: &SourceColumn| {
            let is_known =
                |table: &PlannedTable| table.columns.iter().any(|known| known.source == column.name);
            planned.is_some_and(|table| table.existing.is_some() && !is_known(table))
        };
        let numbered = table.rowid_alias().map(|column| column.name.as_str());
        let columns = table.columns.iter().map(|column| {
            let planned =
                planned.and_then(|table| table.columns.iter().find(|other| other.source == column.name));
            let conversion = planned.map_or(Conversion::Text, |planned| planned.conversion.clone());
            // What numbers its rows takes no conversion by name.
            let conversion = (Some(column.name.as_str()) != numbered).then_some(conversion);
            let rename = planned.map(|planned| planned.target.clone());
            let full_name = format!("{}.{}", table.name, column.name);
            let skip = (plan.left_behind.iter())
                .find(|item| item.kind == "column" && item.name == full_name)
                .map(|item| item.reason.clone())
                .or_else(|| is_strange(column).then(String::new));
            (column.name.clone(), ColumnMapping { conversion, rename, skip, ..ColumnMapping::default() })
        });
        (
            table.name.clone(),
            TableMapping {
                rename: planned.map(|planned| planned.target.clone()),
                columns: columns.collect(),
                indexes: Vec::new(),
            },
        )
    });
    Mapping {
        format: MAPPING_FORMAT,
        leave_behind: leave_behind.collect(),
        seeds: plan.existing_tables().next().map(|(_, existing)| existing.seeds).unwrap_or_default(),
        tables: tables.collect::<BTreeMap<_, _>>(),
        ..Mapping::default()
    }
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

fn table_differences(planned: &PlannedTable, live: &PlannedTable, found: &mut Vec<String>) {
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
    let mut differs = |what: &str, planned: Vec<String>, live: Vec<String>| {
        let (planned, live): (BTreeSet<_>, BTreeSet<_>) =
            (planned.into_iter().collect(), live.into_iter().collect());
        found.extend(
            planned
                .difference(&live)
                .map(|item| format!("{table}: {what} {item}: in the plan, not in the source")),
        );
        found.extend(
            live.difference(&planned)
                .map(|item| format!("{table}: {what} {item}: in the source, not in the plan")),
        );
    };
    let keys = |table: &PlannedTable| {
        let numbered = if table.sequence_column().is_some() { ", numbering its rows" } else { "" };
        table.primary_key.iter().map(|key| format!("({}){numbered}", key.columns.join(", "))).collect()
    };
    differs("primary key", keys(planned), keys(live));
    let unique = |table: &PlannedTable| {
        table.unique.iter().map(|key| format!("({})", key.columns.join(", "))).collect()
    };
    differs("UNIQUE", unique(planned), unique(live));
    let foreign = |table: &PlannedTable| {
        let words = table.foreign_keys.iter().map(|key| {
            format!(
                "({}) to {} ({}) on update {} on delete {}{}",
                key.columns.join(", "),
                key.parent_table,
                key.parent_columns.join(", "),
                key.on_update,
                key.on_delete,
                if key.deferred { " deferred" } else { "" }
            )
        });
        words.collect()
    };
    differs("foreign key", foreign(planned), foreign(live));
    let indexes = |table: &PlannedTable| {
        let from_source = |index: &&PlannedIndex| index.added_because.is_none();
        let words = table.indexes.iter().filter(from_source).map(|index| {
            let columns: Vec<String> = (index.columns.iter())
                .map(|key| format!("{}{}", key.sql(), if key.descending { " desc" } else { "" }))
                .collect();
            let unique = if index.unique { "unique " } else { "" };
            let condition = index.predicate.as_ref().map(|sql| format!(" where {sql}")).unwrap_or_default();
            format!("{unique}{} ({}){condition}", index.name, columns.join(", "))
        });
        words.collect()
    };
    differs("index", indexes(planned), indexes(live));
    let checks = |table: &PlannedTable| {
        table.checks.iter().map(|check| format!("({})", check.source)).collect::<Vec<_>>()
    };
    differs("CHECK", checks(planned), checks(live));
    let generated = |table: &PlannedTable| {
        let columns = table.columns.iter().filter_map(|column| Some((column, column.generated.as_ref()?)));
        columns.map(|(column, generated)| format!("{} as ({})", column.source, generated.source)).collect()
    };
    differs("generated column", generated(planned), generated(live));
}

fn left_behind_differences(planned: &[LeftBehind], live: &[LeftBehind], found: &mut Vec<String>) {
    let key = |item: &LeftBehind| format!("{} {}", item.kind, item.name);
    let (planned, live): (BTreeSet<_>, BTreeSet<_>) =
        (planned.iter().map(key).collect(), live.iter().map(key).collect());
    found.extend(live.difference(&planned).map(|item| format!("{item}: in the source, not in the plan")));
    found.extend(
        planned
            .difference(&live)
            .map(|item| format!("{item}: in the plan as left behind, not in the source")),
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
