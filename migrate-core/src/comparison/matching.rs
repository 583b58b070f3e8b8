//! Matches a source with tables of a target that any tool may have made: a plan into existing tables in which obstacles are gaps.
//!
//! The plan is a description of what belongs together. Nothing executes it.

use super::Gap;
use super::key_order::KeyOrder;
use crate::conversion::{Conversion, PgType};
use crate::mapping::Mapping;
use crate::plan::{Plan, PlannedColumn, PlannedKey, PlannedTable};
use crate::planner::{self, ColumnName, Obstacle, Obstacles, PlanningError, known_list};
use crate::profile::DatabaseProfile;
use crate::source_schema::{SourceIndexOrigin, SourceSchema, SourceTable};
use crate::target_schema::{TargetSchema, TargetTable};

/// Decisions may lead to other obstacles; nothing needs more rounds than this.
const ROUNDS_MAX: usize = 5;

/// What belongs together, and what has no counterpart.
#[derive(Clone, Debug)]
pub struct Match {
    /// The tables and columns of both sides. The primary key of a table is the one of the source, by names of the target, where all of
    /// its columns are compared: it pairs rows.
    pub plan: Plan,
    /// What is not in the plan.
    pub gaps: Vec<Gap>,
}

/// Matches a source with a target. `profile` is the result of a scan with [`planner::trials`].
///
/// # Errors
/// Where the mapping does not fit the schema, or no table has a counterpart.
pub fn match_tables(
    schema: &SourceSchema,
    profile: &DatabaseProfile,
    mapping: &Mapping,
    target: &TargetSchema,
) -> Result<Match, PlanningError> {
    let mut mapping = mapping.clone();
    // A table without rows has no counterpart either, if the target does not have it.
    let mut filled = profile.clone();
    filled.values_mut().for_each(|table| table.rows = table.rows.max(1));
    let mut obstacles = Obstacles::default();
    let mut plan = None;
    for _ in 0..ROUNDS_MAX {
        match planner::plan_into(schema, Some(&filled), &mapping, Some(target)) {
            Ok(fitting) => {
                plan = Some(fitting);
                obstacles = Obstacles::default();
                break;
            }
            Err(PlanningError::Obstructed(obstructed)) => {
                if let (None, Some(other)) = (&obstructed.fitting, obstructed.other) {
                    return Err(*other);
                }
                plan = obstructed.fitting.map(|fitting| *fitting);
                obstacles = obstructed.obstacles;
                if !decide(&obstacles, &mut mapping) {
                    break;
                }
            }
            Err(error) => return Err(error),
        }
    }
    let mut plan = plan.unwrap_or_else(|| Plan::empty(crate::mapping::DEFAULT_SCHEMA.to_owned()));
    let nothing_there = obstacles.iter().find_map(|obstacle| match obstacle {
        Obstacle::NothingThere { tables, elsewhere } => Some((tables.clone(), elsewhere.clone())),
        _ => None,
    });
    if let Some((tables, elsewhere)) = nothing_there.filter(|_| plan.tables.is_empty()) {
        return Err(PlanningError::NoCommonTable { tables, elsewhere });
    }
    plan.tables.retain(|table| table.existing.is_some());
    add_printed(schema, profile, &mapping, &obstacles, &mut plan)?;
    for table in &mut plan.tables {
        table.profile_rows = profile.get(&table.source).map(|seen| seen.rows);
        let source = schema.tables.iter().find(|source| source.name == table.source);
        table.primary_key = source.and_then(|source| pairing_key(source, table));
    }
    let gaps = gaps(schema, profile, &mapping, target, &obstacles, &plan);
    Ok(Match { plan, gaps })
}

/// Takes the decisions that make more of the source comparable; whether there are any.
fn decide(obstacles: &Obstacles, mapping: &mut Mapping) -> bool {
    let mut is_decided = false;
    for obstacle in obstacles.iter() {
        let conversion = match obstacle {
            Obstacle::Type { key: None, .. } => Some(Conversion::TextInput),
            // Rows tell whether the unit is another one.
            Obstacle::Moment { candidates, .. } => {
                let first = candidates.first();
                first.and_then(|name| Conversion::all().into_iter().find(|known| known.name() == *name))
            }
            // A decision that does not fit the target's type is none about another tool's work.
            Obstacle::Conversion { column, .. } => {
                is_decided |= forget_conversion(column, mapping);
                None
            }
            _ => None,
        };
        let (Some(conversion), Some(name)) = (conversion, obstacle.column()) else { continue };
        let table = mapping.tables.entry(name.table.clone()).or_default();
        let column = table.columns.entry(name.column.clone()).or_default();
        is_decided |= column.conversion.as_ref() != Some(&conversion);
        column.conversion = Some(conversion);
    }
    is_decided
}

fn forget_conversion(name: &ColumnName, mapping: &mut Mapping) -> bool {
    let table = mapping.tables.get_mut(&name.table);
    let column = table.and_then(|table| table.columns.get_mut(&name.column));
    column.is_some_and(|column| column.conversion.take().is_some())
}

/// Adds the columns of keys whose type no conversion produces: they are compared as PostgreSQL prints them.
fn add_printed(
    schema: &SourceSchema,
    profile: &DatabaseProfile,
    mapping: &Mapping,
    obstacles: &Obstacles,
    plan: &mut Plan,
) -> Result<(), PlanningError> {
    let printed: Vec<&ColumnName> = (obstacles.iter())
        .filter(|obstacle| matches!(obstacle, Obstacle::Type { .. } | Obstacle::Conversion { .. }))
        .filter_map(Obstacle::column)
        .collect();
    if printed.is_empty() {
        return Ok(());
    }
    let plain = Mapping { format: mapping.format, ..Mapping::default() };
    let plain = planner::plan(schema, Some(profile), &plain)?;
    for name in printed {
        let own = plain
            .table(&name.table)
            .and_then(|table| table.columns.iter().find(|column| column.source == name.column));
        let Some(table) = plan.tables.iter_mut().find(|table| table.source == name.table) else { continue };
        let (Some(own), Some(existing)) = (own, &table.existing) else { continue };
        let decided = mapping.tables.get(&name.table).and_then(|table| table.columns.get(&name.column));
        let wanted = decided.and_then(|decided| decided.rename.as_deref()).unwrap_or(&name.column);
        let targets = &existing.table.columns;
        let found = (targets.iter().find(|column| column.name == wanted))
            .or_else(|| targets.iter().find(|column| column.name.eq_ignore_ascii_case(wanted)));
        let Some(found) = found else { continue };
        table.columns.push(PlannedColumn {
            target: found.name.clone(),
            target_type: PgType::Text,
            conversion: Conversion::TextInput,
            limit: None,
            ..own.clone()
        });
    }
    Ok(())
}

/// The columns by which rows are paired, by names of the target: the source's primary key, else what else it keeps unique and not NULL;
/// none where a column is not compared, or has no order.
fn pairing_key(source: &SourceTable, planned: &PlannedTable) -> Option<PlannedKey> {
    let target = |name: &str| {
        let column = planned.columns.iter().find(|column| column.source.eq_ignore_ascii_case(name))?;
        KeyOrder::of(column.target_type).map(|_| column.target.clone())
    };
    let targets = |names: Vec<&str>| -> Option<Vec<String>> {
        (!names.is_empty()).then(|| names.into_iter().map(target).collect()).flatten()
    };
    let primary = targets(source.primary_key().iter().map(|column| column.name.as_str()).collect());
    let unique = || {
        let is_plain = |index: &&crate::source_schema::SourceIndex| {
            index.unique && !index.partial && index.origin != SourceIndexOrigin::PrimaryKey
        };
        source.indexes.iter().filter(is_plain).find_map(|index| {
            let names: Option<Vec<&str>> =
                index.columns.iter().map(|column| column.column.as_deref()).collect();
            let names = names?;
            let is_not_null = |name: &&str| source.column(name).is_some_and(|column| column.not_null);
            if names.iter().all(is_not_null) { targets(names) } else { None }
        })
    };
    let columns = primary.or_else(unique)?;
    Some(PlannedKey { name: String::new(), columns, instead_of: None })
}

/// Everything that is not in the plan: what obstacles name, and whatever else is missing there.
fn gaps(
    schema: &SourceSchema,
    profile: &DatabaseProfile,
    mapping: &Mapping,
    target: &TargetSchema,
    obstacles: &Obstacles,
    plan: &Plan,
) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = obstacles.iter().filter_map(|obstacle| of_obstacle(obstacle, profile)).collect();
    for table in &schema.tables {
        let Some(planned) = plan.table(&table.name) else {
            if !gaps.iter().any(|gap| gap.table() == Some(&table.name)) {
                gaps.push(unplanned_table(table, profile, plan));
            }
            continue;
        };
        let target =
            planned.existing.as_ref().map(|existing| existing.table.name_in_words()).unwrap_or_default();
        for column in &table.columns {
            let is_planned = planned.columns.iter().any(|planned| planned.source == column.name);
            let is_named = || gaps.iter().any(|gap| gap.column() == Some((&table.name, &column.name)));
            if is_planned || is_named() {
                continue;
            }
            gaps.push(unplanned_column(
                table,
                &column.name,
                column.generated,
                target.clone(),
                profile,
                mapping,
            ));
        }
    }
    gaps.extend(only_in_target(target, plan));
    gaps.sort();
    gaps
}

fn of_obstacle(obstacle: &Obstacle, profile: &DatabaseProfile) -> Option<Gap> {
    let rows = |table: &str| profile.get(table).map_or(0, |seen| seen.rows);
    let own = |column: &ColumnName| (column.table.clone(), column.column.clone());
    Some(match obstacle {
        Obstacle::Unmatched { table, resembles, .. } => Gap::Table {
            table: table.clone(),
            rows: rows(table),
            resembles: resembles.iter().map(ToString::to_string).collect(),
        },
        Obstacle::SeveralTables { table, candidates } => {
            Gap::AmbiguousTable { table: table.clone(), rows: rows(table), candidates: candidates.clone() }
        }
        Obstacle::TableTaken { first, table, target } => Gap::TakenTable {
            table: table.clone(),
            rows: rows(table),
            target: target.clone(),
            by: first.clone(),
        },
        Obstacle::UnknownColumn { column, target, nearest } => {
            let (table, name) = own(column);
            let values = values(profile, &table, &name);
            Gap::Column { table, column: name, target: target.clone(), values, nearest: nearest.clone() }
        }
        Obstacle::SeveralColumns { column, candidates } => {
            let (table, column) = own(column);
            Gap::AmbiguousColumn { table, column, candidates: candidates.clone() }
        }
        Obstacle::ColumnTaken { first, column, target } => {
            let (table, column) = own(column);
            Gap::TakenColumn { table, column, target: target.clone(), by: first.clone() }
        }
        _ => return None,
    })
}

/// A table that is in no plan and that no obstacle names.
fn unplanned_table(table: &SourceTable, profile: &DatabaseProfile, plan: &Plan) -> Gap {
    let own = (plan.left_behind.iter()).find(|left| left.kind == "table" && left.name == table.name);
    // Every table without a counterpart is an obstacle: whatever else is left out is left by a person, or is a migrator's list.
    if let Some(left) = own {
        return Gap::LeftBehind {
            kind: left.kind.clone(),
            name: left.name.clone(),
            reason: left.reason.clone(),
        };
    }
    let rows = profile.get(&table.name).map_or(0, |seen| seen.rows);
    Gap::Table { table: table.name.clone(), rows, resembles: Vec::new() }
}

fn unplanned_column(
    table: &SourceTable,
    column: &str,
    is_generated: bool,
    target: String,
    profile: &DatabaseProfile,
    mapping: &Mapping,
) -> Gap {
    let decided = mapping.tables.get(&table.name).and_then(|decided| decided.columns.get(column));
    if let Some(reason) = decided.and_then(|decided| decided.skip.clone()) {
        return Gap::LeftBehind {
            kind: "column".to_owned(),
            name: format!("{}.{column}", table.name),
            reason,
        };
    }
    let (table_name, column) = (table.name.clone(), column.to_owned());
    if is_generated {
        return Gap::GeneratedColumn { table: table_name, column };
    }
    let values = values(profile, &table_name, &column);
    Gap::Column { table: table_name, column, target, values, nearest: None }
}

fn values(profile: &DatabaseProfile, table: &str, column: &str) -> u64 {
    let seen = profile.get(table).and_then(|seen| seen.columns.get(column));
    seen.map_or(0, crate::profile::ColumnProfile::values)
}

/// The tables and columns that only the target has.
fn only_in_target(target: &TargetSchema, plan: &Plan) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for found in &target.tables {
        let is_it = |table: &&PlannedTable| {
            let existing = table.existing.as_ref().map(|existing| &existing.table);
            existing.is_some_and(|own: &TargetTable| (&own.schema, &own.name) == (&found.schema, &found.name))
        };
        let Some(planned) = plan.tables.iter().find(is_it) else {
            let bookkeeping_of = known_list(&found.name).map(str::to_owned);
            gaps.push(Gap::OnlyInTarget { target: found.name_in_words(), bookkeeping_of });
            continue;
        };
        for column in &found.columns {
            if planned.target_column(&column.name).is_none() {
                gaps.push(Gap::OnlyInTargetColumn {
                    target: found.name_in_words(),
                    column: column.name.clone(),
                    is_numbered: column.is_identity || column.sequence.is_some(),
                });
            }
        }
    }
    gaps
}
