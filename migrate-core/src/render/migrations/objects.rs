//! Views and triggers, which stand on finished tables.

use super::search_path::SAFE_PATH;
use super::{BuildKind, Step, comment};
use crate::identifier::{qualified_pg, quote_pg, quote_pg_list};
use crate::plan::{Plan, PlannedTrigger, PlannedView};
use crate::terms::DEFAULT_SCHEMA;

/// The name of a view or a function, which go to the plan's own schema.
pub(super) fn in_sql(plan: &Plan, name: &str) -> String {
    qualified_pg(&plan.target_schema, name)
}

/// The table or view that a trigger is on. One that the plan does not make was there before, in the schema of an app's tables.
pub(super) fn relation_in_sql(plan: &Plan, name: &str) -> String {
    match plan.target_table(name) {
        Some(table) => table.name_in_sql(),
        None if plan.views.iter().any(|view| view.target == name) => in_sql(plan, name),
        None => qualified_pg(DEFAULT_SCHEMA, name),
    }
}

pub(super) fn view(plan: &Plan, view: &PlannedView) -> Step {
    let notes: String = view.notes.iter().map(|note| comment(note)).collect();
    let name = in_sql(plan, &view.target);
    Step {
        up: format!("{notes}CREATE VIEW {name} ({}) AS {}", quote_pg_list(&view.columns), view.query),
        down: format!("DROP VIEW {name}"),
        what: format!("view {}", view.target),
        kind: BuildKind::Objects,
    }
}

/// The function and the trigger that calls it.
pub(super) fn trigger(plan: &Plan, trigger: &PlannedTrigger) -> [Step; 2] {
    let notes: String = trigger.notes.iter().map(|note| comment(note)).collect();
    let name = quote_pg(&trigger.target);
    let table = relation_in_sql(plan, &trigger.table);
    let function = in_sql(plan, &trigger.function);
    let quote = dollar_quote(&trigger.body);
    let condition =
        trigger.condition.as_ref().map(|condition| format!(" WHEN ({condition})")).unwrap_or_default();
    [
        Step {
            up: format!(
                "{notes}CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = {SAFE_PATH} AS {quote}\n{}\n{quote}",
                trigger.body
            ),
            down: format!("DROP FUNCTION {function}()"),
            what: format!("function {}", trigger.function),
            kind: BuildKind::Objects,
        },
        Step {
            up: format!(
                "CREATE TRIGGER {name} {} ON {table} FOR EACH ROW{condition} EXECUTE FUNCTION {function}()",
                trigger.event
            ),
            down: format!("DROP TRIGGER {name} ON {table}"),
            what: format!("trigger {}", trigger.target),
            kind: BuildKind::Objects,
        },
    ]
}

/// A dollar quote that does not stand in `body` (PostgreSQL manual, section 4.1.2.4).
fn dollar_quote(body: &str) -> String {
    let mut tag = "$trigger$".to_owned();
    while body.contains(&tag) {
        tag = format!("${}_$", tag.trim_matches('$'));
    }
    tag
}
