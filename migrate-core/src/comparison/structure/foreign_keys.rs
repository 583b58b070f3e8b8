//! Compares foreign keys and CHECKs.

use super::keys::is_same_set;
use super::{
    ForeignKeyDifference as Difference, LiveForeignKey, Pair, Severity, StructureDifference,
    StructureProblem as Problem,
};
use crate::conversion::PgType;
use crate::identifier::quote_pg;
use crate::plan::{PlannedCheck, PlannedForeignKey, PlannedTable};
use crate::render::Repaired;

pub(super) fn compare(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let mut found = foreign_keys(pair);
    found.extend(checks(pair));
    found
}

fn foreign_keys(pair: &Pair<'_>) -> Vec<StructureDifference> {
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
                let repair = pair.made(Repaired::Constraint(pair.expected, &key.name));
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
    // A key that repeats another one refuses nothing more.
    let is_repeated = |live: &LiveForeignKey| {
        pair.expected.foreign_keys.iter().any(|key| is_same_reference(pair, key, live))
    };
    found.extend(rest.into_iter().filter(|live| !is_repeated(live)).map(|live| {
        let problem = Problem::ForeignKeyAdded { live: live.name.clone(), columns: live.columns.clone() };
        let repair = vec![pair.alter(&format!("DROP CONSTRAINT {}", quote_pg(&live.name)))];
        pair.found(Severity::Different, problem, repair)
    }));
    found
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
            // The name is free again once the other is dropped.
            let named = PlannedForeignKey { name: live.name.clone(), ..key.clone() };
            let table = PlannedTable { foreign_keys: vec![named], ..pair.expected.clone() };
            let mut made = pair.made(Repaired::Constraint(&table, &live.name));
            made.insert(0, pair.alter(&format!("DROP CONSTRAINT {name}")));
            made
        }
    };
    let problem =
        Problem::ForeignKeyDiffers { live: live.name.clone(), columns: key.columns.clone(), differences };
    Some(pair.found(Severity::Different, problem, repair))
}

fn checks(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let table = pair.expected.name_in_sql();
    let is_same = |check: &PlannedCheck, live: &str| pair.live.is_same_sql(&table, &check.expression, live);
    let mut found = Vec::new();
    for check in &pair.expected.checks {
        let live = pair.constraints.checks.iter().find(|live| is_same(check, &live.expression));
        match live {
            Some(live) if !live.is_valid && !check.not_valid => {
                let repair = vec![pair.alter(&format!("VALIDATE CONSTRAINT {}", quote_pg(&live.name)))];
                let problem = Problem::CheckNotValid { live: live.name.clone() };
                found.push(pair.found(Severity::Different, problem, repair));
            }
            Some(_) => {}
            None if is_by_type(pair, check) => {
                let problem = Problem::CheckByType { check: check.source.clone() };
                found.push(pair.found(Severity::Remark, problem, Vec::new()));
            }
            None => {
                let repair = pair.made(Repaired::Constraint(pair.expected, &check.name));
                let problem = Problem::CheckMissing { check: check.source.clone() };
                found.push(pair.found(Severity::Lost, problem, repair));
            }
        }
    }
    let is_known = |live: &str| pair.expected.checks.iter().any(|check| is_same(check, live));
    let added = pair.constraints.checks.iter().filter(|live| !is_known(&live.expression));
    found.extend(added.map(|live| {
        let problem = Problem::CheckAdded { live: live.name.clone(), check: live.expression.clone() };
        let repair = vec![pair.alter(&format!("DROP CONSTRAINT {}", quote_pg(&live.name)))];
        pair.found(Severity::Different, problem, repair)
    }));
    found
}

/// Whether a CHECK allows both values of a boolean column, which has no others.
fn is_by_type(pair: &Pair<'_>, check: &PlannedCheck) -> bool {
    let booleans = pair.expected.columns.iter().filter(|column| column.target_type == PgType::Boolean);
    let booleans =
        booleans.filter(|column| pair.columns.column(&column.target).is_some_and(|live| live.base == "bool"));
    let all = booleans.flat_map(|column| {
        let name = quote_pg(&column.target);
        [format!("{name} IN (false, true)"), format!("{name} IN (true, false)")]
    });
    let expression = check.expression.trim_start_matches('(').trim_end_matches(')');
    all.into_iter().any(|both| both.trim_end_matches(')') == expression)
}
