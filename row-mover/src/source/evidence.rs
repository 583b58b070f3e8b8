//! Derives a plan from a file: reads the schema, scans the values, makes a first plan, finds what violates its constraints, and makes
//! the plan that takes these rows into account.

use std::path::Path;

use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;
use migrate_core::planner;
use migrate_core::source_schema::SourceSchema;
use migrate_core::target_schema::TargetSchema;

use super::profile::profile_by_workers;
use super::undisturbed::read_undisturbed;
use super::{SourceConnection, breaches, introspect};
use crate::error::{Context, Result};

/// Makes the plan for the file at `path`, which another process may be writing; `scanned` receives the number of rows.
///
/// # Errors
/// When the file cannot be read, or no plan can be made.
pub fn plan(
    path: &Path,
    mapping: &Mapping,
    workers: usize,
    scanned: &(dyn Fn(u64) + Sync),
) -> Result<(SourceSchema, Plan)> {
    plan_into(path, mapping, None, workers, scanned)
}

/// Makes the plan by which rows go into the tables of `target`, where that has any for them.
///
/// # Errors
/// When the file cannot be read, or no plan can be made.
pub fn plan_into(
    path: &Path,
    mapping: &Mapping,
    target: Option<&TargetSchema>,
    workers: usize,
    scanned: &(dyn Fn(u64) + Sync),
) -> Result<(SourceSchema, Plan)> {
    let mut read = |source: &SourceConnection| read_plan(source, mapping, target, workers, scanned);
    Ok(read_undisturbed(path, &mut read)?.0)
}

fn read_plan(
    source: &SourceConnection,
    mapping: &Mapping,
    target: Option<&TargetSchema>,
    workers: usize,
    scanned: &(dyn Fn(u64) + Sync),
) -> Result<(SourceSchema, Plan)> {
    let schema = introspect::introspect(source)?;
    let file = source.file();
    let trials = planner::trials(&schema, mapping, target);
    let moving = moving(&schema, mapping);
    let mut profile = profile_by_workers(&moving, &trials, workers, &|| file.open(), scanned)?;
    let failed = || "no plan can be made".to_owned();
    let plan = planner::plan_into(&schema, Some(&profile), mapping, target).context(failed)?;
    breaches::find(source, &schema, &plan, &mut profile)?;
    let is_broken = profile.values().any(|table| !table.breaches.is_empty());
    let plan = if is_broken {
        planner::plan_into(&schema, Some(&profile), mapping, target).context(failed)?
    } else {
        plan
    };
    Ok((schema, plan))
}

/// The tables whose rows are scanned: a table that a human skips may be unreadable.
fn moving(schema: &SourceSchema, mapping: &Mapping) -> SourceSchema {
    let mut moving = schema.clone();
    let resolved = mapping.resolved(schema);
    moving.tables.retain(|table| !resolved.leave_behind.contains_key(&table.name));
    moving
}
