//! The plan as lines for a human: one for each column, key, index, and thing that stays behind.

use std::fmt::Write;

use crate::mapping::{DEFAULT_SCHEMA, IndexMethod};
use crate::plan::{Numbering, Plan, PlannedColumn, PlannedIndex, PlannedTable, Seeds};

/// The plan in lines; what a reviewer reads, and what a dry run prints.
pub fn plan_summary(plan: &Plan) -> String {
    let mut out = String::new();
    whole_lines(plan, &mut out);
    for table in &plan.tables {
        let renamed = match &table.schema {
            Some(schema) => format!(" -> {schema}.{}", table.target),
            None if table.source == table.target => String::new(),
            None => format!(" -> {}", table.target),
        };
        let rows = table.profile_rows.map(|rows| format!(", {rows} rows")).unwrap_or_default();
        let existing = existing_words(plan, table);
        line(&mut out, format_args!("table {}{renamed}{rows}{existing}", table.source));
        for note in &table.notes {
            line(&mut out, format_args!("  note: {note}"));
        }
        let width = table.columns.iter().map(|column| column.source.chars().count()).max().unwrap_or(0);
        for column in &table.columns {
            line(&mut out, format_args!("  {:width$}  {}", column.source, column_line(plan, column)));
            for note in &column.notes {
                line(&mut out, format_args!("  {:width$}  note: {note}", ""));
            }
            suggestion_lines(column, width, &mut out);
        }
        for search in &table.searches {
            let (name, instead_of) = (&search.target, &search.instead_of);
            line(&mut out, format_args!("  {name}  tsvector  [added: for the full-text index {instead_of}]"));
        }
        key_lines(table, &mut out);
        out.push('\n');
    }
    other_lines(plan, &mut out);
    line(
        &mut out,
        format_args!("stays behind{}", if plan.left_behind.is_empty() { ": nothing" } else { "" }),
    );
    for item in &plan.left_behind {
        line(&mut out, format_args!("  {} {}: {}", item.kind, in_one_line(&item.name), item.reason));
        for sql in item.sql.iter().flat_map(|sql| sql.lines()) {
            line(&mut out, format_args!("    {sql}"));
        }
    }
    out
}

/// Whether a table is made or exists, and what becomes of the rows that it holds; nothing where all tables are made.
fn existing_words(plan: &Plan, table: &PlannedTable) -> String {
    match &table.existing {
        None if plan.is_into_existing() => "; is made".to_owned(),
        None => String::new(),
        Some(existing) => {
            let rows = existing.table.rows;
            let counted =
                if rows == 1 { "one row of its own".to_owned() } else { format!("{rows} rows of its own") };
            let seeds = match existing.seeds {
                _ if rows == 0 => String::new(),
                Seeds::Replace => format!(" with {counted}, to be deleted"),
                Seeds::Keep | Seeds::Stop => format!(" with {counted}, to stay"),
            };
            format!("; exists in PostgreSQL{seeds}")
        }
    }
}

/// What is decided for all tables, where anything is.
fn whole_lines(plan: &Plan, out: &mut String) {
    let before = out.len();
    if plan.target_schema != DEFAULT_SCHEMA {
        line(out, format_args!("everything goes to schema {} unless said otherwise", plan.target_schema));
    }
    if !plan.on_reject.is_stop() {
        line(out, format_args!("a value that does not fit {}", plan.on_reject.in_words()));
    }
    if let Some(limit) = &plan.reject_limit {
        line(out, format_args!("the migration stops where more is rejected than {limit}"));
    }
    if out.len() > before {
        out.push('\n');
    }
}

/// The suggestion, with the lines to paste on lines of their own.
fn suggestion_lines(column: &PlannedColumn, width: usize, out: &mut String) {
    let Some(suggestion) = &column.suggestion else { return };
    for (place, text) in suggestion.lines().enumerate() {
        let lead = if place == 0 { "suggestion: " } else { "    " };
        line(out, format_args!("  {:width$}  {lead}{text}", ""));
    }
}

fn column_line(plan: &Plan, column: &PlannedColumn) -> String {
    let declared = if column.declared.is_empty() { "(no type)" } else { column.declared.as_str() };
    let source_null = if column.source_not_null { " not null" } else { "" };
    let source_default =
        column.source_default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
    let target_type = match (&column.sequence, column.numbering) {
        (None, _) => column.target_type.sql(),
        (Some(_), Numbering::Serial) => "bigserial",
        (Some(_), Numbering::Identity) => "bigint identity",
    };
    let generated = column.generated.as_ref();
    let generated =
        generated.map(|generated| format!(" generated as ({})", generated.expression)).unwrap_or_default();
    let target_null = if column.not_null { " not null" } else { "" };
    let target_default = column.default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
    let renamed = if column.source == column.target { String::new() } else { format!("{} ", column.target) };
    let has_rejects = column.profile.is_some_and(|seen| seen.rejects(&column.conversion) > 0);
    let rejects = if has_rejects || column.on_reject.is_some() {
        format!("; a value that does not fit {}", column.policy(plan.on_reject).in_words())
    } else {
        String::new()
    };
    let secret = if column.secret { "; secret" } else { "" };
    let profile = column.profile.map(|profile| format!("; {}", profile.in_words())).unwrap_or_default();
    format!(
        "{declared}{source_null}{source_default} -> {renamed}{target_type}{target_null}{target_default}{generated}  [{}: {}{secret}{rejects}{profile}]",
        column.conversion.name(),
        column.why
    )
}

fn key_lines(table: &PlannedTable, out: &mut String) {
    if let Some(key) = &table.primary_key {
        line(out, format_args!("  primary key ({})", key.columns.join(", ")));
    }
    for key in &table.unique {
        let why = key.instead_of.as_ref().map(|why| format!("  [{why}]")).unwrap_or_default();
        line(out, format_args!("  unique ({}){why}", key.columns.join(", ")));
    }
    for check in &table.checks {
        let not_valid = if check.not_valid { " not valid" } else { "" };
        line(
            out,
            format_args!(
                "  check ({}) -> ({}){not_valid}{}",
                check.source,
                check.expression,
                notes(&check.notes)
            ),
        );
    }
    for key in &table.foreign_keys {
        let deferred = if key.deferred { ", deferred" } else { "" };
        let not_valid = if key.not_valid { ", not valid" } else { "" };
        line(
            out,
            format_args!(
                "  foreign key ({}) -> {} ({}), on update {}, on delete {}{deferred}{not_valid}",
                key.columns.join(", "),
                key.parent_table,
                key.parent_columns.join(", "),
                key.on_update.to_lowercase(),
                key.on_delete.to_lowercase()
            ),
        );
    }
    table.indexes.iter().for_each(|index| index_line(index, out));
}

fn index_line(index: &PlannedIndex, out: &mut String) {
    let keys: Vec<String> = (index.columns.iter())
        .map(|key| {
            let name = key.expression.as_ref().unwrap_or(&key.column);
            format!("{name}{}", if key.descending { " desc" } else { "" })
        })
        .collect();
    let unique = if index.unique { "unique " } else { "" };
    let renamed = index.source.as_ref().map(|source| format!(" (in SQLite {source})")).unwrap_or_default();
    let method = match index.method {
        IndexMethod::Btree => String::new(),
        method => format!(" using {}", method.sql()),
    };
    let condition =
        index.predicate.as_ref().map(|predicate| format!(" where {predicate}")).unwrap_or_default();
    let added = index.added_because.as_ref().map(|why| format!("  [added: {why}]")).unwrap_or_default();
    line(
        out,
        format_args!(
            "  {unique}index {}{renamed}{method} ({}){condition}{added}{}",
            index.name,
            keys.join(", "),
            notes(&index.notes)
        ),
    );
}

fn notes(notes: &[String]) -> String {
    if notes.is_empty() { String::new() } else { format!("  [{}]", notes.join("; ")) }
}

/// Views, triggers, and constraints that the data breaks.
fn other_lines(plan: &Plan, out: &mut String) {
    for view in &plan.views {
        line(out, format_args!("view {} ({}){}", view.target, view.columns.join(", "), notes(&view.notes)));
    }
    for trigger in &plan.triggers {
        let (name, event, table) = (&trigger.target, &trigger.event, &trigger.table);
        line(out, format_args!("trigger {name} {event} on {table}{}", notes(&trigger.notes)));
    }
    if !plan.views.is_empty() || !plan.triggers.is_empty() {
        out.push('\n');
    }
    if !plan.breaches.is_empty() {
        line(out, format_args!("broken by the data"));
        for breach in &plan.breaches {
            line(
                out,
                format_args!(
                    "  {}: {} is broken by {} {} ({}); it becomes {}",
                    breach.table,
                    breach.constraint,
                    breach.rows,
                    if breach.rows == 1 { "row" } else { "rows" },
                    breach.first.join("; "),
                    breach.becomes
                ),
            );
            line(out, format_args!("    what shows and mends it: {}", breach.remedy));
        }
        out.push('\n');
    }
}

/// The text with each run of blanks as one, so that SQL of several lines does not break the list.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}
