//! Plans a table's CHECK constraints.

use super::{Context, not_migrated};
use crate::identifier::fit_pg;
use crate::plan::{LeftBehind, PlannedCheck};
use crate::source_sql::CheckFact;
use crate::translate;

/// Plans the CHECK constraints; one that cannot be translated goes to `left_behind`, with the reason.
pub(super) fn plan(context: &Context<'_>, left_behind: &mut Vec<LeftBehind>) -> Vec<PlannedCheck> {
    let mut planned: Vec<PlannedCheck> = Vec::new();
    for check in &context.facts.checks {
        match translate::check(&check.sql, &context.scope) {
            Ok(translated) => planned.push(PlannedCheck {
                name: name(context, check),
                expression: translated.sql,
                source: check.sql.clone(),
                not_valid: false,
                notes: translated.notes.iter().map(ToString::to_string).collect(),
            }),
            Err(error) => {
                let name = format!("{}: CHECK ({})", context.table.name, check.sql);
                left_behind.push(not_migrated("check", &name, &format!("it cannot be translated: {error}")));
            }
        }
    }
    planned
}

/// The source's name for it, or the one that PostgreSQL would choose.
fn name(context: &Context<'_>, check: &CheckFact) -> String {
    match (&check.name, &check.column) {
        (Some(name), _) if !name.is_empty() => context.names.other(name),
        (_, Some(column)) => {
            fit_pg(&format!("{}_{}_check", context.target, context.names.column(&context.table.name, column)))
        }
        _ => fit_pg(&format!("{}_check", context.target)),
    }
}
