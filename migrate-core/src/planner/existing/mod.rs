//! Tables that an app made in the target before: their definitions are kept, and the source is planned to fit them.
//!
//! Names decide which column goes where, the target's type decides the conversion, and rows have to fit the target's own keys and
//! foreign keys. The source's declarations for such a table are not migrated, since the app has declared it anew.

mod assignment;
mod bookkeeping;
mod choice;
mod decision;
mod derived;
mod key_column;
mod matching;
mod name_forms;
mod obstacle;
mod obstacles;
mod resemblance;
mod seed_words;
mod seeds;
mod sequences;

use std::collections::BTreeMap;

use super::not_migrated;
use crate::conversion::Limit;
use crate::mapping::{Mapping, TableMapping};
use crate::plan::{
    ExistingTable, LeftBehind, Numbering, Plan, PlannedColumn, PlannedForeignKey, PlannedGenerated,
    PlannedKey, PlannedTable, Seeds,
};
use crate::profile::Trial;
use crate::target_schema::{TargetColumn, TargetForeignKey, TargetKey, TargetTable};
use crate::terms::DEFAULT_SCHEMA;

pub(super) use bookkeeping::is_djangos;
pub use bookkeeping::known_list;
pub use decision::{ColumnName, Decision};
pub(super) use derived::plan_derived;
use key_column::KeyColumn;
pub(super) use matching::{Match, Matches};
pub(super) use obstacle::Elsewhere;
pub use obstacle::Obstacle;
pub use obstacles::Obstacles;
pub use seeds::{SeedComparison, SeedRow, UniqueClash, settle_seeds};

/// What is decided about a table of an app.
pub(super) struct Choices<'a> {
    pub(super) decided: &'a TableMapping,
    pub(super) seeds: Seeds,
    /// The plan's default schema.
    pub(super) own_schema: &'a str,
    /// Whether Django made the source's tables.
    pub(super) is_djangos: bool,
}

/// Turns the plan of a new table into one for a table of the target. A column that does not fit goes to `obstacles`, and not into the
/// plan.
pub(super) fn adopt(
    planned: &mut PlannedTable,
    found: &Match<'_>,
    choices: &Choices<'_>,
    left_behind: &mut Vec<LeftBehind>,
    obstacles: &mut Obstacles,
) {
    let schema = &found.table.schema;
    let is_default = choices.own_schema == DEFAULT_SCHEMA && schema == DEFAULT_SCHEMA;
    planned.schema = (!is_default).then(|| schema.clone());
    check_table(&planned.source, found.table, obstacles);
    let source = planned.source.clone();
    planned.columns.retain_mut(|column| {
        let full_name = format!("{source}.{}", column.source);
        let Some(target) = found.columns.get(&column.source) else {
            let reason = "SQLite computes it from other columns, and the app's table does not have it";
            left_behind.push(not_migrated("column", &full_name, reason));
            return false;
        };
        let trials = found.trials.get(&column.source).map_or(&[][..], Vec::as_slice);
        let is_key = found.table.primary_key.iter().any(|key| key.columns.contains(&target.name));
        let key = is_key.then(|| KeyColumn::of(found.table, target));
        match adopt_column(&source, column, target, choices, trials, key) {
            Ok(()) => true,
            Err(_) if target.is_generated => {
                let reason = format!("PostgreSQL computes it, as {}, from other columns", target.type_name);
                left_behind.push(not_migrated("column", &full_name, &reason));
                false
            }
            Err(obstacle) => {
                obstacles.push(obstacle);
                false
            }
        }
    });
    add_notes(planned, found);
    let is_filled = |column: &&TargetColumn| {
        column.fills_itself()
            || derived::is_filled_by_trigger(found.table, column)
            || found.columns.values().any(|target| target.name == column.name)
    };
    let unfilled: Vec<String> = (found.table.columns.iter())
        .filter(|column| !is_filled(column))
        .map(|column| column.name.clone())
        .collect();
    if !unfilled.is_empty() {
        let target = found.table.name_in_words();
        obstacles.push(Obstacle::Unfilled { table: source.clone(), target, columns: unfilled });
    }
    let key = |key: &TargetKey| PlannedKey {
        name: key.name.clone(),
        columns: key.columns.clone(),
        instead_of: None,
    };
    planned.primary_key = found.table.primary_key.as_ref().map(key);
    planned.unique = found.table.unique.iter().map(key).collect();
    planned.foreign_keys = Vec::new();
    planned.checks = Vec::new();
    for index in
        std::mem::take(&mut planned.indexes).into_iter().filter(|index| index.added_because.is_some())
    {
        let name = format!("{} of {source}", index.name);
        left_behind.push(not_migrated(
            "index",
            &name,
            "the app's table keeps its own indexes; add this one in the app",
        ));
    }
    planned.comment = None;
    planned.existing = Some(ExistingTable {
        seeds: choices.seeds,
        kept_triggers: Vec::new(),
        table: found.table.clone(),
        seed_counts: None,
    });
}

/// Notes how names were found that are not the same on both sides.
fn add_notes(planned: &mut PlannedTable, found: &Match<'_>) {
    for (column, note) in &found.notes {
        let notes = match column {
            None => Some(&mut planned.notes),
            Some(name) => (planned.columns.iter_mut())
                .find(|column| column.source == *name)
                .map(|column| &mut column.notes),
        };
        notes.into_iter().for_each(|notes| notes.push(note.clone()));
    }
}

/// Of a table that the app declared anew, only what a human skips is listed as not migrated.
pub(super) fn forget_declarations(left_behind: &mut Vec<LeftBehind>, from: usize) {
    let own = left_behind.split_off(from.min(left_behind.len()));
    left_behind.extend(own.into_iter().filter(|item| item.kind == "column"));
}

fn adopt_column(
    table: &str,
    column: &mut PlannedColumn,
    target: &TargetColumn,
    choices: &Choices<'_>,
    trials: &[Trial],
    key: Option<KeyColumn>,
) -> Result<(), Obstacle> {
    let name = ColumnName { table: table.to_owned(), column: column.source.clone() };
    let decided = choices.decided.columns.get(&column.source).and_then(|decided| decided.conversion.as_ref());
    let choice = choice::choose(&name, target, decided, column, trials, key, choices.is_djangos)?;
    column.target.clone_from(&target.name);
    column.target_type = choice.conversion.target_type();
    column.conversion = choice.conversion;
    column.why = choice.why;
    if let (true, Some(Limit::Digits { scale, .. })) = (target.is_generated, &choice.limit) {
        let rounds = format!(
            "; PostgreSQL computes it, and validation rounds SQLite's value to {scale} digits behind the point"
        );
        column.why.push_str(&rounds);
    }
    column.limit = choice.limit;
    column.not_null = target.not_null && !target.is_generated;
    column.default = None;
    column.sequence = None;
    column.numbering = Numbering::Serial;
    column.suggestion = None;
    column.comment = None;
    column.generated = target.is_generated.then(|| PlannedGenerated {
        expression: target.default.clone().unwrap_or_default(),
        source: String::new(),
    });
    Ok(())
}

fn check_table(source: &str, found: &TargetTable, obstacles: &mut Obstacles) {
    if !found.is_ours {
        obstacles.push(Obstacle::NotOurs { table: source.to_owned(), target: found.name_in_words() });
    }
    for fact in &found.facts {
        let is_forced = fact.item == "row level security" && fact.definition.ends_with("forced");
        if is_forced || fact.item.starts_with("rule ") {
            let (table, target, what) = (source.to_owned(), found.name_in_words(), fact.item.clone());
            obstacles.push(Obstacle::InTheWay { table, target, what });
        }
    }
}

/// Decides what concerns existing tables together: the foreign keys among them.
pub(super) fn settle(tables: &mut [PlannedTable]) {
    let existing_schemas: BTreeMap<String, String> = (tables.iter())
        .filter_map(|table| Some((table.target.clone(), table.existing.as_ref()?.table.schema.clone())))
        .collect();
    let columns: BTreeMap<(String, String), Vec<String>> = (tables.iter())
        .map(|table| {
            let columns = table.columns.iter().map(|column| column.target.clone());
            ((table.schema_name().to_owned(), table.target.clone()), columns.collect())
        })
        .collect();
    let has = |schema: &str, table: &str, names: &[String]| {
        let found = columns.get(&(schema.to_owned(), table.to_owned()));
        found.is_some_and(|columns| names.iter().all(|name| columns.contains(name)))
    };
    for table in tables.iter_mut() {
        let Some(existing) = &table.existing else {
            name_parents(table, &existing_schemas);
            continue;
        };
        let keys = existing.table.foreign_keys.iter();
        let schema = existing.table.schema.as_str();
        let known = keys.filter(|key| {
            let parent_schema = key.parent_schema.as_deref().unwrap_or(schema);
            has(schema, &table.target, &key.columns) && has(parent_schema, &key.parent, &key.parent_columns)
        });
        table.foreign_keys = known.map(foreign_key).collect();
    }
}

/// Names the schemas of the app's tables to which foreign keys of a new table point.
fn name_parents(table: &mut PlannedTable, existing_schemas: &BTreeMap<String, String>) {
    for key in &mut table.foreign_keys {
        let schema = existing_schemas.get(&key.parent_table).filter(|schema| *schema != DEFAULT_SCHEMA);
        key.parent_schema = schema.cloned();
    }
}

/// Removes the foreign keys of new tables that reference tables of the target without a key for them.
pub(super) fn leave_unkeyed(tables: &mut [PlannedTable], left_behind: &mut Vec<LeftBehind>) {
    let sorted = |columns: &[String]| {
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        columns
    };
    let keys: Vec<(String, Vec<Vec<String>>)> = (tables.iter().filter(|table| table.existing.is_some()))
        .map(|table| {
            let keys = table.primary_key.iter().chain(&table.unique);
            (table.target.clone(), keys.map(|key| sorted(&key.columns)).collect())
        })
        .collect();
    for table in tables.iter_mut().filter(|table| table.existing.is_none()) {
        let source = table.source.clone();
        table.foreign_keys.retain(|key| {
            let parent = keys.iter().find(|(target, _)| *target == key.parent_table);
            let stays = parent.is_none_or(|(_, keys)| keys.contains(&sorted(&key.parent_columns)));
            if !stays {
                let name = format!("{source}({}) to {}", key.columns.join(", "), key.parent_table);
                let reason = "no key of the target's table makes the columns that it references unique";
                left_behind.push(not_migrated("foreign key", &name, reason));
            }
            stays
        });
    }
}

/// A foreign key of the target as rows of the source have to fit it. How it acts on changes is its definition's.
fn foreign_key(key: &TargetForeignKey) -> PlannedForeignKey {
    PlannedForeignKey {
        name: key.name.clone(),
        columns: key.columns.clone(),
        parent_table: key.parent.clone(),
        parent_schema: key.parent_schema.clone(),
        parent_columns: key.parent_columns.clone(),
        on_update: action(&key.definition, "ON UPDATE "),
        on_delete: action(&key.definition, "ON DELETE "),
        deferred: key.definition.contains("INITIALLY DEFERRED"),
        not_valid: key.definition.ends_with("NOT VALID"),
    }
}

/// The action in a definition that PostgreSQL printed, for people; the definition itself is used to create it again.
fn action(definition: &str, when: &str) -> String {
    const ACTIONS: [&str; 4] = ["CASCADE", "RESTRICT", "SET NULL", "SET DEFAULT"];
    let rest = definition.rsplit_once(when).map(|(_, rest)| rest).unwrap_or_default();
    ACTIONS.iter().find(|action| rest.starts_with(**action)).unwrap_or(&"NO ACTION").to_string()
}

/// Removes the source's triggers on existing tables, and views whose names are in use, from a plan: the app has its own.
pub(super) fn leave_objects(plan: &mut Plan, mapping: &Mapping) {
    let Plan { tables, views, triggers, target_relations, left_behind, .. } = plan;
    let is_existing =
        |name: &str| tables.iter().any(|table| table.target == name && table.existing.is_some());
    let has_app = tables.iter().any(|table| table.existing.is_some());
    views.retain(|view| {
        let reason = if target_relations.contains(&view.target) {
            "the target already has a relation of its name"
        } else if has_app && !mapping.create {
            "the app makes its own views; `create = true` at the top of mapping.toml creates it"
        } else {
            return true;
        };
        left_behind.push(LeftBehind {
            sql: Some(view.source_sql.clone()),
            ..not_migrated("view", &view.source, reason)
        });
        false
    });
    triggers.retain(|trigger| {
        let is_there = views.iter().any(|view| view.target == trigger.table)
            || tables.iter().any(|table| table.target == trigger.table);
        let reason = if is_existing(&trigger.table) {
            "its table was created by the app in the target, with triggers of its own"
        } else if is_there {
            return true;
        } else {
            "its view is not created"
        };
        left_behind.push(LeftBehind {
            sql: Some(trigger.source_sql.clone()),
            ..not_migrated("trigger", &trigger.source, reason)
        });
        false
    });
}
