//! Compares columns: NOT NULL, generation, numbering and added defaults.

use super::{Pair, Severity, StructureDifference, StructureProblem as Problem};
use crate::identifier::quote_pg;
use crate::plan::PlannedColumn;
use crate::source_sql::{DefaultMeaning, default_meaning};
use crate::target_schema::TargetColumn;

pub(super) fn compare(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let mut found = Vec::new();
    for column in &pair.expected.columns {
        match pair.columns.column(&column.target) {
            Some(live) => {
                found.extend(not_null(pair, column, live));
                found.extend(generated(pair, column, live));
                found.extend(numbering(pair, column, live));
                found.extend(added_default(pair, column, live));
                found.extend(super::types::compare(pair, column, live));
            }
            None => found.extend(generated_missing(pair, column)),
        }
    }
    let is_expected = |name: &str| pair.expected.target_column(name).is_some();
    let required = pair.columns.columns.iter().filter(|live| {
        !is_expected(&live.name)
            && live.not_null
            && live.default.is_none()
            && !live.is_identity
            && !live.is_generated
    });
    found.extend(required.map(|live| {
        let problem = Problem::RequiredColumnAdded { column: live.name.clone() };
        pair.found(Severity::Different, problem, Vec::new())
    }));
    found
}

/// A column of the primary key has no NULL in SQLite if it is declared so, or numbers the rows; in PostgreSQL it never has.
fn not_null(pair: &Pair<'_>, column: &PlannedColumn, live: &TargetColumn) -> Option<StructureDifference> {
    let name = live.name.clone();
    let is_key = pair.expected.primary_key.as_ref().is_some_and(|key| key.columns.contains(&name));
    let is_declared = column.source_not_null || is_key;
    match (is_declared, live.not_null) {
        (true, false) => {
            let repair = vec![pair.alter_column(&name, "SET NOT NULL")];
            Some(pair.found(Severity::Lost, Problem::NotNullMissing { column: name }, repair))
        }
        (false, true) => {
            let is_live_key = pair.constraints.indexes.iter().any(|index| {
                index.is_primary && index.keys.iter().any(|key| key.column.as_ref() == Some(&name))
            });
            // The primary key is reported as a whole.
            let mut repair = vec![pair.alter_column(&name, "DROP NOT NULL")];
            if live.is_identity {
                // What PostgreSQL numbers is NOT NULL.
                repair.insert(0, pair.alter_column(&name, "DROP IDENTITY IF EXISTS"));
            }
            (!is_live_key)
                .then(|| pair.found(Severity::Different, Problem::NotNullAdded { column: name }, repair))
        }
        _ => None,
    }
}

fn generated(pair: &Pair<'_>, column: &PlannedColumn, live: &TargetColumn) -> Option<StructureDifference> {
    let name = live.name.clone();
    let expression = live.default.clone().filter(|_| live.is_generated);
    let (severity, problem, planned) = match (&column.generated, expression) {
        (None, None) => return None,
        // One whose expression is not translated is planned as an ordinary column.
        (None, Some(_)) if is_generated_in_source(pair, column) => return None,
        (None, Some(live)) => {
            let repair = vec![pair.alter_column(&name, "DROP EXPRESSION")];
            let problem = Problem::GeneratedAdded { column: name, live };
            return Some(pair.found(Severity::Different, problem, repair));
        }
        (Some(planned), None) => {
            let expression = planned.source.clone();
            (Severity::Lost, Problem::GeneratedNotComputed { column: name, expression }, planned)
        }
        (Some(planned), Some(live)) => {
            if pair.live.is_same_sql(&pair.expected.name_in_sql(), &planned.expression, &live) {
                return None;
            }
            let problem =
                Problem::GeneratedDiffers { column: name, expression: planned.source.clone(), live };
            (Severity::Different, problem, planned)
        }
    };
    // The values are computed again, by the same expression.
    let mut repair = vec![pair.alter(&format!("DROP COLUMN {}", quote_pg(&live.name)))];
    repair.push(added(pair, column, &planned.expression));
    Some(pair.found(severity, problem, repair))
}

fn is_generated_in_source(pair: &Pair<'_>, column: &PlannedColumn) -> bool {
    pair.source.column(&column.source).is_some_and(|declared| declared.generated)
}

fn generated_missing(pair: &Pair<'_>, column: &PlannedColumn) -> Option<StructureDifference> {
    let planned = column.generated.as_ref()?;
    let problem =
        Problem::GeneratedMissing { column: column.target.clone(), expression: planned.source.clone() };
    Some(pair.found(Severity::Lost, problem, vec![added(pair, column, &planned.expression)]))
}

fn added(pair: &Pair<'_>, column: &PlannedColumn, expression: &str) -> String {
    let type_name = column.target_type.sql();
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    let name = quote_pg(&column.target);
    pair.alter(&format!("ADD COLUMN {name} {type_name}{not_null} GENERATED ALWAYS AS ({expression}) STORED"))
}

/// The position of the sequence depends on rows; the repair starts it at 1, and a comparison of positions follows.
fn numbering(pair: &Pair<'_>, column: &PlannedColumn, live: &TargetColumn) -> Option<StructureDifference> {
    if pair.constraints.always_identity.contains(&live.name) {
        let action =
            if column.sequence.is_some() { "SET GENERATED BY DEFAULT" } else { "DROP IDENTITY IF EXISTS" };
        let repair = vec![pair.alter_column(&live.name, action)];
        let problem = Problem::NumberingAlways { column: live.name.clone() };
        return Some(pair.found(Severity::Different, problem, repair));
    }
    column.sequence.as_ref()?;
    let (severity, problem) = match (live.is_identity, live.default.as_deref()) {
        (true, _) => return None,
        (false, None) => (Severity::Lost, Problem::NumberingMissing { column: live.name.clone() }),
        (false, Some(sql)) if is_constant(sql) => {
            (Severity::Lost, Problem::NumberingMissing { column: live.name.clone() })
        }
        (false, Some(sql)) if sql.contains("nextval(") && !is_plain_nextval(sql) => {
            let problem = Problem::NumberingDiffers { column: live.name.clone(), live: sql.to_owned() };
            (Severity::Different, problem)
        }
        // A default may number rows in a way of its own, such as by a function.
        (false, Some(_)) => return None,
    };
    let mut repair = vec![pair.alter_column(&live.name, "ADD GENERATED BY DEFAULT AS IDENTITY")];
    if live.default.is_some() {
        repair.insert(0, pair.alter_column(&live.name, "DROP DEFAULT"));
    }
    Some(pair.found(severity, problem, repair))
}

/// Whether a default is the same for every row: it calls nothing.
fn is_constant(sql: &str) -> bool {
    let is_clock = |word: &str| sql.to_ascii_uppercase().contains(word);
    !sql.replace("::", "").contains('(') && !is_clock("CURRENT_") && !is_clock("LOCALTIME")
}

/// Whether a default is the next number of a sequence and no more. Such a default, as PostgreSQL prints it, has two brackets.
fn is_plain_nextval(sql: &str) -> bool {
    let inner = sql.strip_prefix("nextval('").and_then(|rest| rest.strip_suffix(')'));
    inner.is_some_and(|inner| {
        let (_, cast) = inner.rsplit_once('\'').unwrap_or_default();
        matches!(cast, "" | "::regclass" | "::text" | "::text)::regclass")
    })
}

fn added_default(
    pair: &Pair<'_>,
    column: &PlannedColumn,
    live: &TargetColumn,
) -> Option<StructureDifference> {
    let declared = column.source_default.as_deref().map(default_meaning);
    let has_none = declared.is_none_or(|meaning| meaning == DefaultMeaning::Null);
    if !has_none || column.sequence.is_some() || live.is_generated || live.sequence.is_some() {
        return None;
    }
    let default = live.default.as_ref().filter(|sql| !sql.to_ascii_uppercase().starts_with("NULL"))?;
    let problem = Problem::DefaultAdded { column: live.name.clone(), live: default.clone() };
    Some(pair.found(Severity::Remark, problem, vec![pair.alter_column(&live.name, "DROP DEFAULT")]))
}
