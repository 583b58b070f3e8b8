//! Views and triggers, which stand on finished tables.

use super::{BuildKind, Step, comment};
use crate::identifier::{quote_pg, quote_pg_list};
use crate::mapping::DEFAULT_SCHEMA;
use crate::plan::{Plan, PlannedTable, PlannedTrigger, PlannedView};

/// Where views and triggers find the tables that they name without a schema; none where everything is in `public`.
pub(super) fn search_path(plan: &Plan) -> Option<String> {
    let schemas = plan.schemas();
    let quoted: Vec<String> = schemas.iter().map(|schema| quote_pg(schema)).collect();
    (schemas != [DEFAULT_SCHEMA]).then(|| quoted.join(", "))
}

/// The name of a view or a function, which go to the plan's own schema.
fn in_sql(plan: &Plan, name: &str) -> String {
    if plan.target_schema == DEFAULT_SCHEMA {
        quote_pg(name)
    } else {
        format!("{}.{}", quote_pg(&plan.target_schema), quote_pg(name))
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
    let table = plan.tables.iter().find(|table| table.target == trigger.table);
    let table = table.map_or_else(|| in_sql(plan, &trigger.table), PlannedTable::name_in_sql);
    let function = in_sql(plan, &trigger.function);
    // The body names tables without a schema, and runs in sessions of any search path.
    let path = search_path(plan).map(|path| format!(" SET search_path = {path}")).unwrap_or_default();
    let quote = dollar_quote(&trigger.body);
    let condition =
        trigger.condition.as_ref().map(|condition| format!(" WHEN ({condition})")).unwrap_or_default();
    [
        Step {
            up: format!(
                "{notes}CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql{path} AS {quote}\n{}\n{quote}",
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
