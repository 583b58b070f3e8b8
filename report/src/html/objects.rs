//! Views and triggers, with their SQL before and after.

use maud::{Markup, html};
use migrate_core::plan::{PlannedTrigger, PlannedView};

use super::page::Page;
use super::parts::{name, statement, words};
use crate::figures::counted;
use migrate_core::identifier::quote_pg;

/// The section; none where there are none.
pub(super) fn body(page: &Page<'_>) -> Option<Markup> {
    let plan = &page.report.plan;
    (!plan.views.is_empty() || !plan.triggers.is_empty()).then(|| {
        html! {
            p.intro {
                (counted(plan.views.len() as u64, "view")) " and " (counted(plan.triggers.len() as u64, "trigger"))
                " that move, translated. Those that do not are listed below, under what was not migrated."
            }
            @for view in &plan.views { (self::view(view)) }
            @for trigger in &plan.triggers { (self::trigger(trigger)) }
        }
    })
}

fn item(kind: &str, source: &str, target: &str, notes: &[String], before: &str, after: &str) -> Markup {
    html! {
        details.item {
            summary { h3 { (kind) " " (name(source)) @if source != target { span.muted { " → " (name(target)) } } } }
            div.body {
                @if !notes.is_empty() { ul { @for note in notes { li { (words(note)) } } } }
                div.pair { (statement("SQLite, as it is stored", before)) (statement("PostgreSQL", after)) }
            }
        }
    }
}

fn view(view: &PlannedView) -> Markup {
    let columns: Vec<String> = view.columns.iter().map(|column| quote_pg(column)).collect();
    let list = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    let after = format!("CREATE VIEW {}{list} AS\n{}", quote_pg(&view.target), view.query);
    item("View", &view.source, &view.target, &view.notes, &view.source_sql, &after)
}

fn trigger(trigger: &PlannedTrigger) -> Markup {
    let condition = trigger.condition.as_ref().map(|sql| format!(" WHEN ({sql})")).unwrap_or_default();
    let function = quote_pg(&trigger.function);
    // A body may use any quoting; this text is for reading, and the migration's file is what was run.
    let after = format!(
        "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $migration$\n{}\n$migration$;\n\
         CREATE TRIGGER {} {} ON {} FOR EACH ROW{condition} EXECUTE FUNCTION {function}();",
        trigger.body,
        quote_pg(&trigger.target),
        trigger.event.trim(),
        quote_pg(&trigger.table),
    );
    item("Trigger", &trigger.source, &trigger.target, &trigger.notes, &trigger.source_sql, &after)
}
