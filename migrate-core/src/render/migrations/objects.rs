//! Views and triggers, which stand on finished tables.

use super::{Step, comment};
use crate::identifier::{quote_pg, quote_pg_list};
use crate::plan::{PlannedTrigger, PlannedView};

pub(super) fn view(view: &PlannedView) -> Step {
    let notes: String = view.notes.iter().map(|note| comment(note)).collect();
    let name = quote_pg(&view.target);
    Step {
        up: format!("{notes}CREATE VIEW {name} ({}) AS {}", quote_pg_list(&view.columns), view.query),
        down: format!("DROP VIEW {name}"),
    }
}

/// The function and the trigger that calls it.
pub(super) fn trigger(trigger: &PlannedTrigger) -> [Step; 2] {
    let notes: String = trigger.notes.iter().map(|note| comment(note)).collect();
    let (name, table) = (quote_pg(&trigger.target), quote_pg(&trigger.table));
    let function = quote_pg(&trigger.function);
    let quote = dollar_quote(&trigger.body);
    let condition =
        trigger.condition.as_ref().map(|condition| format!(" WHEN ({condition})")).unwrap_or_default();
    [
        Step {
            up: format!(
                "{notes}CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {quote}\n{}\n{quote}",
                trigger.body
            ),
            down: format!("DROP FUNCTION {function}()"),
        },
        Step {
            up: format!(
                "CREATE TRIGGER {name} {} ON {table} FOR EACH ROW{condition} EXECUTE FUNCTION {function}()",
                trigger.event
            ),
            down: format!("DROP TRIGGER {name} ON {table}"),
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
