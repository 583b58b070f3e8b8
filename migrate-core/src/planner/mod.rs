//! Makes the plan: a source schema, what a scan saw, and what a human decided go in; a plan comes out.
//!
//! Nothing is guessed that cannot be undone. A column keeps its faithful type unless `mapping.toml` names another, or the rules
//! of `infer` are certain of a better one. All that is not carried over is named.

mod checks;
mod columns;
mod defaults;
mod error;
mod inferred;
mod keys;
mod names;

pub use error::PlanningError;
use inferred::Inferred;

use std::collections::BTreeSet;

use crate::mapping::Mapping;
use crate::plan::{LeftBehind, Plan, PlannedTable};
use crate::profile::DatabaseProfile;
use crate::source_schema::{SourceObject, SourceObjectKind, SourceSchema, SourceTable};
use crate::source_sql::{TableSqlFacts, table_facts};

/// The schema of PostgreSQL that the tables go to.
const TARGET_SCHEMA: &str = "public";

/// Makes the plan for a source.
///
/// # Errors
/// [`PlanningError`] where the mapping does not fit the schema, or where no faithful plan exists.
pub fn plan(
    schema: &SourceSchema,
    profile: Option<&DatabaseProfile>,
    mapping: &Mapping,
) -> Result<Plan, PlanningError> {
    check_mapping_names(schema, mapping)?;
    let mut left_behind = Vec::new();
    let mut tables = Vec::new();
    let moving: Vec<&SourceTable> =
        schema.tables.iter().filter(|table| !mapping.leave_behind.contains_key(&table.name)).collect();
    for table in &schema.tables {
        if let Some(reason) = mapping.leave_behind.get(&table.name) {
            left_behind.push(behind("table", &table.name, reason));
        }
    }
    let inferred = Inferred::new(&moving, profile, mapping)?;
    for table in &moving {
        tables.push(plan_table(table, &moving, &inferred, profile, mapping, &mut left_behind)?);
    }
    tables.iter().try_for_each(checks::check_table)?;
    keys::leave_mismatched(&mut tables, &mut left_behind);
    left_behind.extend(schema.others.iter().map(|object| other_object(object, mapping)));
    names::settle(&mut tables)?;
    left_behind.sort();
    Ok(Plan { tables, left_behind, ..Plan::empty(TARGET_SCHEMA.to_owned()) })
}

fn plan_table(
    table: &SourceTable,
    moving: &[&SourceTable],
    inferred: &Inferred,
    profile: Option<&DatabaseProfile>,
    mapping: &Mapping,
    left_behind: &mut Vec<LeftBehind>,
) -> Result<PlannedTable, PlanningError> {
    let facts = table_facts(&table.name, &table.sql)?;
    let table_mapping = mapping.tables.get(&table.name).cloned().unwrap_or_default();
    let table_profile = profile.and_then(|profile| profile.get(&table.name));
    let columns = columns::plan_columns(table, inferred, &table_mapping, table_profile, left_behind);
    name_unsupported(table, &facts, left_behind);
    Ok(PlannedTable {
        source: table.name.clone(),
        target: names::target(&table.name),
        without_rowid: table.without_rowid,
        rowid: table.rowid_name().map(str::to_owned),
        profile_rows: table_profile.map(|profile| profile.rows),
        primary_key: keys::primary_key(table),
        unique: keys::unique(table, left_behind),
        foreign_keys: keys::foreign_keys(table, moving, &facts, left_behind),
        indexes: keys::indexes(table, &table_mapping, left_behind),
        checks: Vec::new(),
        comment: None,
        columns,
    })
}

/// Names what a table has and this planner does not translate.
fn name_unsupported(table: &SourceTable, facts: &TableSqlFacts, left_behind: &mut Vec<LeftBehind>) {
    for check in &facts.checks {
        let name = format!("{}: CHECK ({})", table.name, check.sql);
        left_behind.push(behind("check", &name, "CHECK constraints are not translated"));
    }
    for (column, collation) in &facts.collations {
        let name = format!("{}.{column}: COLLATE {collation}", table.name);
        let reason =
            "the target compares byte by byte, which is SQLite's BINARY; this collation is not translated";
        left_behind.push(behind("collation", &name, reason));
    }
    for (column, clause) in &facts.conflict_clauses {
        let column = column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
        let name = format!("{}{column}: {clause}", table.name);
        let reason = "in PostgreSQL a row that breaks a constraint always fails its statement, unless that has an ON CONFLICT itself";
        left_behind.push(behind("conflict clause", &name, reason));
    }
    // STRICT is not named: PostgreSQL holds every column to its type anyway, so that nothing is lost.
}

fn other_object(object: &SourceObject, mapping: &Mapping) -> LeftBehind {
    let (kind, reason) = match object.kind {
        SourceObjectKind::View => ("view", "views are not translated"),
        SourceObjectKind::Trigger => ("trigger", "triggers are not translated"),
        SourceObjectKind::VirtualTable => ("virtual table", "virtual tables have no counterpart"),
        SourceObjectKind::ShadowTable => ("shadow table", "it is the storage of a virtual table"),
    };
    behind(kind, &object.name, mapping.leave_behind.get(&object.name).map_or(reason, String::as_str))
}

fn behind(kind: &str, name: &str, reason: &str) -> LeftBehind {
    LeftBehind { kind: kind.to_owned(), name: name.to_owned(), reason: reason.to_owned() }
}

/// Every name in the mapping must exist, so that a misspelt decision is not lost.
fn check_mapping_names(schema: &SourceSchema, mapping: &Mapping) -> Result<(), PlanningError> {
    let tables: BTreeSet<&str> = schema.tables.iter().map(|table| table.name.as_str()).collect();
    let mut objects = tables.clone();
    objects.extend(schema.others.iter().map(|object| object.name.as_str()));
    for name in mapping.leave_behind.keys() {
        names::known("table, view or trigger", name, &objects)?;
    }
    for (name, table_mapping) in &mapping.tables {
        names::known("table", name, &tables)?;
        let columns: BTreeSet<&str> = (schema.tables.iter().filter(|table| table.name == *name))
            .flat_map(|table| table.columns.iter().map(|column| column.name.as_str()))
            .collect();
        let named = table_mapping.columns.keys();
        let indexed =
            table_mapping.indexes.iter().flat_map(|index| index.columns.iter().chain(&index.descending));
        for column in named.chain(indexed) {
            names::known_column(name, column, &columns)?;
        }
    }
    Ok(())
}
