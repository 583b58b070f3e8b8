//! Views and triggers that are not migrated, as comments in the migration: their SQL, and for triggers a skeleton to fill in.
//! Nothing of it is ever run.

use super::{comment, objects};
use crate::identifier::{fit_pg, quote_pg};
use crate::plan::{LeftBehind, Plan};
use crate::translate::{self, TriggerEvent, TriggerTime};

/// Returns the comments; empty where every view and trigger is migrated.
pub(super) fn left_behind(plan: &Plan) -> String {
    let mut out = String::new();
    for item in &plan.left_behind {
        let Some(sql) = &item.sql else { continue };
        out.push('\n');
        out.push_str(&comment(&format!(
            "The {} {} is not migrated: {}. In SQLite:",
            item.kind, item.name, item.reason
        )));
        out.push_str(&comment(&indented(sql)));
        if item.kind == "trigger" {
            out.push_str(&comment(&skeleton(plan, item, sql)));
        }
    }
    out
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// A function and a trigger of PL/pgSQL without what they do; the words alone where the SQL cannot be read.
fn skeleton(plan: &Plan, item: &LeftBehind, sql: &str) -> String {
    let Ok(outline) = translate::outline(sql) else {
        return "Its SQL cannot be read; write the function by hand (PostgreSQL manual, chapter 39)."
            .to_owned();
    };
    let tables = plan.tables.iter().map(|table| (&table.source, &table.target));
    let views = plan.views.iter().map(|view| (&view.source, &view.target));
    let target = tables.chain(views).find(|(source, _)| source.eq_ignore_ascii_case(&outline.table));
    let table = objects::relation_in_sql(plan, target.map_or(&outline.table, |(_, target)| target));
    let name = quote_pg(&fit_pg(&item.name));
    let function = objects::in_sql(plan, &fit_pg(&format!("{}_function", item.name)));
    let result = match (outline.time, outline.event) {
        (TriggerTime::After, _) => "NULL",
        (_, TriggerEvent::Delete) => "OLD",
        _ => "NEW",
    };
    let path = format!("pg_catalog, {}, pg_temp", quote_pg(&plan.target_schema));
    let (time, event) = (outline.time.words(), outline.event.words());
    format!(
        "A skeleton to fill in, in a migration of its own that follows this one:\n    \
         CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = {path} AS $trigger$\n    BEGIN\n      \
         -- what the statements above do, with NEW and OLD\n      RETURN {result};\n    END\n    $trigger$;\n    \
         CREATE TRIGGER {name} {time} {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();"
    )
}
