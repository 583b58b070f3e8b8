//! Compares foreign keys.

use super::keys::is_same_set;
use super::{
    ForeignKeyDifference as Difference, LiveForeignKey, Pair, Severity, StructureDifference,
    StructureProblem as Problem,
};
use crate::identifier::quote_pg;
use crate::plan::{LeftBehind, PlannedForeignKey, PlannedTable};
use crate::render::Repaired;

pub(super) fn compare(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let mut rest: Vec<&LiveForeignKey> = pair.constraints.foreign_keys.iter().collect();
    let mut found = Vec::new();
    for key in &pair.expected.foreign_keys {
        let matching = |live: &&LiveForeignKey| is_same_reference(pair, key, live);
        // Of several keys with one reference, the one that acts the same.
        let place = rest
            .iter()
            .position(|live| matching(live) && acts_differently(key, live).is_empty())
            .or_else(|| rest.iter().position(matching));
        match place.map(|place| rest.remove(place)) {
            None => {
                let columns: Vec<&str> = key.columns.iter().map(String::as_str).collect();
                let repair = pair.made(Repaired::Constraint(pair.expected, &key.name), &columns);
                let problem = Problem::ForeignKeyMissing {
                    columns: key.columns.clone(),
                    parent: key.parent_table.clone(),
                    parent_columns: key.parent_columns.clone(),
                };
                found.push(pair.found(Severity::Lost, problem, repair));
            }
            Some(live) => found.extend(differs(pair, key, live)),
        }
    }
    // A key that repeats another one with the same actions refuses nothing more, and neither does one that takes none.
    let is_repeated = |live: &LiveForeignKey| {
        let acts = |declared: &str, live: &str| live == "NO ACTION" || declared.eq_ignore_ascii_case(live);
        pair.expected.foreign_keys.iter().any(|key| {
            is_same_reference(pair, key, live)
                && acts(&key.on_delete, &live.on_delete)
                && acts(&key.on_update, &live.on_update)
                && !refuses_partial_keys(live)
        })
    };
    found.extend(rest.into_iter().filter(|live| !is_repeated(live)).map(|live| {
        let problem = Problem::ForeignKeyAdded { live: live.name.clone(), columns: live.columns.clone() };
        let repair = vec![pair.alter(&format!("DROP CONSTRAINT {}", quote_pg(&live.name)))];
        pair.found(Severity::Different, problem, repair)
    }));
    found.extend(impossible(pair));
    found
}

/// The foreign keys of the source that the target's types or generated columns do not allow. Where the target has a key on the columns,
/// it is not compared.
fn impossible(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let declared = pair.source.foreign_keys.iter();
    let missing = declared.filter_map(|key| {
        let parent =
            pair.plan.tables.iter().find(|table| table.source.eq_ignore_ascii_case(&key.parent_table))?;
        let primary = parent.primary_key.iter();
        let unique = || primary.clone().chain(&parent.unique).map(|key| &key.columns);
        let columns = renamed(pair.expected, &key.columns)?;
        let parent_columns = match key.parent_columns.is_empty() {
            true => parent.primary_key.as_ref()?.columns.clone(),
            false => renamed(parent, &key.parent_columns)?,
        };
        let is_usable = unique().any(|unique| is_same_set(unique, &parent_columns));
        let is_planned = pair.expected.foreign_keys.iter().any(|planned| planned.columns == columns);
        let is_there = pair.constraints.foreign_keys.iter().any(|live| is_same_set(&live.columns, &columns));
        (is_usable && !is_planned && !is_there).then(|| Problem::ForeignKeyMissing {
            columns,
            parent: parent.target.clone(),
            parent_columns,
        })
    });
    missing.map(|problem| pair.found(Severity::Lost, problem, Vec::new())).collect()
}

/// The target's names of columns; none where one has no counterpart.
fn renamed(table: &PlannedTable, columns: &[String]) -> Option<Vec<String>> {
    let name = |column: &String| {
        let planned = table.columns.iter().find(|planned| planned.source.eq_ignore_ascii_case(column))?;
        Some(planned.target.clone())
    };
    columns.iter().map(name).collect()
}

/// Whether a foreign key that has not been planned is reported as missing.
pub(super) fn is_lost(found: &[StructureDifference], left: &LeftBehind) -> bool {
    left.kind == "foreign key"
        && found.iter().any(|found| match (&found.problem, &found.table) {
            (Problem::ForeignKeyMissing { columns, .. }, Some(table)) => {
                let begin = format!("{table}({})", columns.join(", "));
                left.name.to_lowercase().starts_with(&begin.to_lowercase())
            }
            _ => false,
        })
}

/// Whether both are from the same columns to the same columns, in whatever order.
fn is_same_reference(pair: &Pair<'_>, key: &PlannedForeignKey, live: &LiveForeignKey) -> bool {
    let parent = pair.plan.tables.iter().find(|table| table.target == key.parent_table);
    let schema = parent.map_or(pair.expected.schema_name(), |parent| parent.schema_name());
    let references = |columns: &[String], parents: &[String]| -> Vec<String> {
        columns
            .iter()
            .zip(parents)
            .map(|(column, parent)| format!("{}={}", quote_pg(column), quote_pg(parent)))
            .collect()
    };
    live.parent == key.parent_table
        && live.parent_schema == schema
        && is_same_set(
            &references(&key.columns, &key.parent_columns),
            &references(&live.columns, &live.parent_columns),
        )
}

/// Whether a key of which some columns are NULL is refused.
fn refuses_partial_keys(live: &LiveForeignKey) -> bool {
    live.is_match_full && live.columns.len() > 1
}

fn acts_differently(key: &PlannedForeignKey, live: &LiveForeignKey) -> Vec<Difference> {
    let mut differences = Vec::new();
    if !key.on_delete.eq_ignore_ascii_case(&live.on_delete) {
        differences
            .push(Difference::OnDelete { declared: key.on_delete.clone(), live: live.on_delete.clone() });
    }
    if !key.on_update.eq_ignore_ascii_case(&live.on_update) {
        differences
            .push(Difference::OnUpdate { declared: key.on_update.clone(), live: live.on_update.clone() });
    }
    match (key.deferred, live.is_deferred) {
        (true, false) => differences.push(Difference::NotDeferred),
        (false, true) => differences.push(Difference::Deferred),
        _ => {}
    }
    if !live.is_valid && !key.not_valid {
        differences.push(Difference::NotValid);
    }
    if !live.is_enforced {
        differences.push(Difference::NotEnforced);
    }
    if refuses_partial_keys(live) {
        differences.push(Difference::MatchFull);
    }
    if !live.set_columns.is_empty() && !is_same_set(&live.set_columns, &live.columns) {
        differences.push(Difference::SetsSome { columns: live.set_columns.clone() });
    }
    differences
}

fn differs(pair: &Pair<'_>, key: &PlannedForeignKey, live: &LiveForeignKey) -> Option<StructureDifference> {
    let differences = acts_differently(key, live);
    if differences.is_empty() {
        return None;
    }
    let name = quote_pg(&live.name);
    let repair = match differences.as_slice() {
        [Difference::NotValid] => vec![pair.alter(&format!("VALIDATE CONSTRAINT {name}"))],
        [Difference::NotDeferred] => {
            vec![pair.alter(&format!("ALTER CONSTRAINT {name} DEFERRABLE INITIALLY DEFERRED"))]
        }
        [Difference::Deferred] => vec![pair.alter(&format!("ALTER CONSTRAINT {name} NOT DEFERRABLE"))],
        _ => {
            let columns: Vec<&str> = key.columns.iter().map(String::as_str).collect();
            // The name is free again once the other is dropped.
            let named = PlannedForeignKey { name: live.name.clone(), ..key.clone() };
            let table = PlannedTable { foreign_keys: vec![named], ..pair.expected.clone() };
            let mut made = pair.made(Repaired::Constraint(&table, &live.name), &columns);
            if differences.contains(&Difference::NotEnforced) {
                // Rows without a parent may have got in: the key is for new rows, and validated once it is known to be NOT VALID.
                made = made.iter().map(|sql| format!("{} NOT VALID;", sql.trim_end_matches(';'))).collect();
            }
            made.insert(0, pair.alter(&format!("DROP CONSTRAINT {name}")));
            made
        }
    };
    let problem =
        Problem::ForeignKeyDiffers { live: live.name.clone(), columns: key.columns.clone(), differences };
    Some(pair.found(Severity::Different, problem, repair))
}
