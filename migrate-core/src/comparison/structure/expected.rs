//! What the target would have if its tables had been made from the source: the plan for new tables, with the names and the types that
//! the target has.

use crate::conversion::{Conversion, PgType};
use crate::mapping::{ColumnMapping, Mapping, TableMapping};
use crate::plan::{Plan, PlannedTable};
use crate::planner::{self, PlanningError};
use crate::source_schema::{SourceIndex, SourceIndexOrigin, SourceSchema, SourceTable};

/// Plans the structure of the tables that `matched` has, under its names and in its types. A column without a counterpart keeps the
/// source's name. No name of a constraint or an index is one of `taken`, the target's own.
///
/// # Errors
/// Where no plan can be made of the source.
pub fn expected(source: &SourceSchema, matched: &Plan, taken: &[String]) -> Result<Plan, PlanningError> {
    let mut mapping = Mapping { schema: Some(matched.target_schema.clone()), ..Mapping::default() };
    for table in &source.tables {
        match matched.table(&table.name) {
            Some(planned) => {
                mapping.tables.insert(table.name.clone(), names_and_types(table, planned));
            }
            None => {
                mapping.leave_behind.insert(table.name.clone(), "it has no counterpart".to_owned());
            }
        }
    }
    let mut plan = loop {
        match planner::plan(source, None, &mapping) {
            // A key of a type whose values are others than the source's, such as one instant for two texts: it keeps the source's type.
            Err(PlanningError::KeyColumn { table, column, .. }) if untyped(&mut mapping, &table, &column) => {
            }
            planned => break planned?,
        }
    };
    for table in &mut plan.tables {
        name_sources(table, source);
        free_names(table, taken);
    }
    Ok(plan)
}

/// Removes the decision on the type of a column, and returns whether there was one.
fn untyped(mapping: &mut Mapping, table: &str, column: &str) -> bool {
    let Some(table) = mapping.tables.get_mut(table) else { return false };
    let is_it = |(name, decided): &(&String, &mut ColumnMapping)| {
        *name == column || decided.rename.as_deref() == Some(column)
    };
    table.columns.iter_mut().find(is_it).is_some_and(|(_, decided)| decided.conversion.take().is_some())
}

fn names_and_types(table: &SourceTable, planned: &PlannedTable) -> TableMapping {
    let alias = table.rowid_alias().map(|column| column.name.as_str());
    let columns = planned.columns.iter().map(|column| {
        // What numbers its rows stays bigint, what only PostgreSQL's input function reads has no type of ours, and `real` is to become
        // double precision.
        let has_type = alias != Some(&column.source)
            && column.conversion != Conversion::TextInput
            && column.target_type != PgType::Real;
        let decided = ColumnMapping {
            conversion: has_type.then(|| column.conversion.clone()),
            rename: Some(column.target.clone()),
            ..ColumnMapping::default()
        };
        (column.source.clone(), decided)
    });
    TableMapping {
        rename: Some(planned.target.clone()),
        schema: Some(planned.schema_name().to_owned()),
        columns: columns.collect(),
        faithful: true,
        ..TableMapping::default()
    }
}

/// Keeps the names that indexes have in the source before they get others.
fn name_sources(table: &mut PlannedTable, source: &SourceSchema) {
    let declared = source.tables.iter().find(|declared| declared.name == table.source);
    let declared = declared.map(|declared| declared.indexes.as_slice()).unwrap_or_default();
    let is_index = |name: &str| {
        let is_it =
            |index: &SourceIndex| index.origin == SourceIndexOrigin::CreateIndex && index.name == name;
        declared.iter().any(is_it)
    };
    for index in table.indexes.iter_mut().filter(|index| index.source.is_none() && is_index(&index.name)) {
        index.source = Some(index.name.clone());
    }
}

/// Gives keys, indexes and constraints names that are free in the target.
fn free_names(table: &mut PlannedTable, taken: &[String]) {
    let keys = table.primary_key.iter_mut().chain(&mut table.unique).map(|key| &mut key.name);
    let checks = table.checks.iter_mut().map(|check| &mut check.name);
    let foreign = table.foreign_keys.iter_mut().map(|key| &mut key.name);
    let indexes = table.indexes.iter_mut().map(|index| &mut index.name);
    let mut given: Vec<String> = Vec::new();
    for name in keys.chain(checks).chain(foreign).chain(indexes) {
        *name = planner::numbered(name.clone(), |free| {
            taken.iter().any(|taken| taken == free) || given.iter().any(|given| given == free)
        });
        given.push(name.clone());
    }
}
