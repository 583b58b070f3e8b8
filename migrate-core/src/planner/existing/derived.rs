//! Plans what is derived from the rows of an app's tables: which columns get no value from the source and what fills them, and which
//! materialized views read the tables, and which other tables their triggers write.

use super::{Obstacle, Obstacles, sequences};
use crate::mapping::Mapping;
use crate::nearest::nearest;
use crate::plan::{
    DerivedDecision, ExistingTable, Filler, FillingTrigger, Plan, PlannedMaterializedView, PlannedTable,
    UnloadedColumn, WritingTrigger, WrittenTable,
};
use crate::target_schema::{TargetColumn, TargetSchema, TargetTable, TriggerEffect};

/// Whether a trigger stores a value in the column before the row is stored.
pub(super) fn is_filled_by_trigger(table: &TargetTable, column: &TargetColumn) -> bool {
    before_effects(table).any(|(_, effect)| effect.fills.iter().any(|filled| filled.column == column.name))
}

/// The triggers that may change an inserted row before it is stored.
fn before_effects(table: &TargetTable) -> impl Iterator<Item = (&str, &TriggerEffect)> {
    let effects =
        table.triggers.iter().filter_map(|trigger| Some((trigger.name.as_str(), trigger.effect.as_ref()?)));
    effects.filter(|(_, effect)| effect.is_before)
}

/// Adds to a plan the columns that get no value, the sequences, and the materialized views of `target`. A decision that is missing, and
/// without which no row can be loaded, and one about something unknown go to `obstacles`.
pub(in crate::planner) fn plan_derived(
    plan: &mut Plan,
    target: Option<&TargetSchema>,
    mapping: &Mapping,
    obstacles: &mut Obstacles,
) {
    let unloaded: Vec<UnloadedColumn> = (plan.existing_tables())
        .flat_map(|(table, existing)| unloaded_columns(plan, table, existing, mapping))
        .collect();
    let views = target.map(|target| materialized_views(plan, target, mapping)).unwrap_or_default();
    let written = target.map(|target| written_tables(plan, target, mapping)).unwrap_or_default();
    check_names(&unloaded, &views, &written, mapping, obstacles);
    for table in &mut plan.tables {
        let Some(existing) = &mut table.existing else { continue };
        let own = unloaded.iter().filter(|column| column.table == table.target);
        existing.kept_triggers = kept_triggers(&table.source, &existing.table, own, obstacles);
    }
    plan.sequences = sequences::plan_sequences(plan, target, mapping, obstacles);
    (plan.unloaded, plan.materialized_views, plan.written_tables) = (unloaded, views, written);
}

fn unloaded_columns(
    plan: &Plan,
    table: &PlannedTable,
    existing: &ExistingTable,
    mapping: &Mapping,
) -> Vec<UnloadedColumn> {
    let without_value =
        existing.table.columns.iter().filter(|column| table.target_column(&column.name).is_none());
    without_value
        .map(|column| {
            let filled_by = filler(plan, table, existing, column);
            let unloaded = UnloadedColumn {
                table: table.target.clone(),
                column: column.name.clone(),
                filled_by,
                decision: None,
            };
            UnloadedColumn { decision: mapping.derived.get(&unloaded.full_name()).copied(), ..unloaded }
        })
        .collect()
}

fn filler(plan: &Plan, table: &PlannedTable, existing: &ExistingTable, column: &TargetColumn) -> Filler {
    if column.is_generated {
        return Filler::Generated;
    }
    let in_row = before_effects(&existing.table).flat_map(|(name, effect)| {
        let filled = effect.fills.iter().filter(|filled| filled.column == column.name);
        filled.map(move |filled| FillingTrigger {
            table: table.target.clone(),
            name: name.to_owned(),
            is_before: true,
            is_seen: filled.is_seen,
            is_repeatable: filled.is_repeatable,
        })
    });
    let triggers: Vec<FillingTrigger> = in_row.chain(updating_triggers(plan, table, column)).collect();
    match (&column.default, column.is_identity) {
        _ if !triggers.is_empty() => Filler::Triggers(triggers),
        (_, true) => Filler::Identity,
        (Some(default), _) => Filler::Default(default.clone()),
        (None, _) => Filler::Nothing,
    }
}

/// The triggers of tables that get rows, whose functions update the column.
fn updating_triggers(plan: &Plan, table: &PlannedTable, column: &TargetColumn) -> Vec<FillingTrigger> {
    let mut found = Vec::new();
    for (other, existing) in plan.existing_tables() {
        for trigger in &existing.table.triggers {
            let Some(effect) = &trigger.effect else { continue };
            let is_it = effect
                .updates
                .iter()
                .any(|updated| updated.table == table.target && updated.column == column.name);
            if is_it {
                found.push(FillingTrigger {
                    table: other.target.clone(),
                    name: trigger.name.clone(),
                    is_before: false,
                    is_seen: false,
                    is_repeatable: !effect.moves_sequences,
                });
            }
        }
    }
    found
}

/// The triggers that have to be called for loaded rows, since they fill columns that must not be NULL.
fn kept_triggers<'c>(
    source: &str,
    table: &TargetTable,
    unloaded: impl Iterator<Item = &'c UnloadedColumn>,
    obstacles: &mut Obstacles,
) -> Vec<String> {
    let mut kept = Vec::new();
    for column in unloaded {
        let needs_value = table.column(&column.column).is_some_and(|column| !column.fills_itself());
        for trigger in column.triggers().iter().filter(|trigger| needs_value && trigger.is_before) {
            if column.decision != Some(DerivedDecision::Fill) {
                let (column, trigger) = (column.full_name(), trigger.name.clone());
                obstacles.push(Obstacle::NeedsTrigger { table: source.to_owned(), column, trigger });
                break;
            }
            kept.push(trigger.name.clone());
        }
    }
    kept.sort();
    kept.dedup();
    kept
}

fn materialized_views(plan: &Plan, target: &TargetSchema, mapping: &Mapping) -> Vec<PlannedMaterializedView> {
    let is_loaded = |[schema, name]: &[String; 2]| {
        plan.existing_tables().any(|(table, _)| table.target == *name && table.schema_name() == schema)
    };
    let reading = target.materialized_views.iter().filter(|view| view.reads.iter().any(is_loaded));
    reading
        .map(|view| {
            let full = format!("{}.{}", view.schema, view.name);
            let decision = mapping.derived.get(&view.name).or_else(|| mapping.derived.get(&full)).copied();
            PlannedMaterializedView {
                schema: view.schema.clone(),
                name: view.name.clone(),
                was_populated: view.is_populated,
                decision,
            }
        })
        .collect()
}

/// The tables that get no rows from the source, and that triggers of loaded tables write.
fn written_tables(plan: &Plan, target: &TargetSchema, mapping: &Mapping) -> Vec<WrittenTable> {
    let is_planned = |found: &TargetTable| {
        plan.tables.iter().any(|table| table.target == found.name && table.schema_name() == found.schema)
    };
    let others = target.tables.iter().filter(|found| !is_planned(found));
    others
        .filter_map(|found| {
            let triggers: Vec<WritingTrigger> = (plan.existing_tables())
                .flat_map(|(table, existing)| {
                    let writing = existing.table.triggers.iter().filter(|trigger| {
                        trigger.effect.as_ref().is_some_and(|effect| effect.writes.contains(&found.name))
                    });
                    writing.map(|trigger| WritingTrigger {
                        table: table.target.clone(),
                        name: trigger.name.clone(),
                    })
                })
                .collect();
            let full = format!("{}.{}", found.schema, found.name);
            let decision = mapping.derived.get(&found.name).or_else(|| mapping.derived.get(&full)).copied();
            let (schema, table) = (found.schema.clone(), found.name.clone());
            (!triggers.is_empty()).then_some(WrittenTable { schema, table, triggers, decision })
        })
        .collect()
}

/// Checks that each decision is about something that can be decided.
fn check_names(
    unloaded: &[UnloadedColumn],
    views: &[PlannedMaterializedView],
    written: &[WrittenTable],
    mapping: &Mapping,
    obstacles: &mut Obstacles,
) {
    let written: Vec<String> = (written.iter())
        .flat_map(|table| [table.table.clone(), format!("{}.{}", table.schema, table.table)])
        .collect();
    let columns: Vec<String> = unloaded.iter().map(UnloadedColumn::full_name).collect();
    let views: Vec<String> =
        views.iter().flat_map(|view| [view.name.clone(), format!("{}.{}", view.schema, view.name)]).collect();
    for (name, decision) in &mapping.derived {
        let column = unloaded.iter().zip(&columns).find(|(_, full)| *full == name).map(|(column, _)| column);
        let is_filled = column.is_some_and(|column| !column.triggers().is_empty());
        let is_written = written.contains(name);
        let problem = match (column, views.contains(name)) {
            (_, true) => continue,
            (None, _) if is_written && *decision == DerivedDecision::Accept => continue,
            (None, _) if is_written => {
                "a table that its triggers can fill only after the migration: \"accept\" it"
            }
            (Some(_), _) if is_filled || *decision == DerivedDecision::Accept => continue,
            (Some(_), _) => "which no trigger fills",
            (None, _) => {
                "which is neither a column without a value from the source, nor a materialized view that reads the tables, nor a table that their triggers write"
            }
        };
        let nearest = nearest(name, columns.iter().chain(&views).chain(&written).map(String::as_str))
            .filter(|_| column.is_none() && !is_written)
            .map(str::to_owned);
        let name = name.clone();
        obstacles.push(Obstacle::UnknownDerived { section: "derived", name, problem, nearest });
    }
}
