//! The schema as a diagram and the mapping of every column, as Markdown for a pull request.
//!
//! GitHub's Markdown, with Mermaid for the diagrams. Names and reasons are the source's own: whatever stands in them shows as text.

mod escape;
mod mermaid;

use std::fmt::Write as _;

use migrate_core::plan::{Plan, PlannedColumn, PlannedIndexColumn, PlannedTable};

pub(crate) use escape::{cell, prose, visible};
use escape::{code, fenced, one_line};
pub use mermaid::diagram;

use crate::model::DiagramTable;
use crate::outline;

/// The plan for a reviewer: the schema before and after as diagrams, a table of columns for each table, violated constraints, objects
/// that are not migrated, and possible other decisions.
pub fn markdown(plan: &Plan, source_tables: &[DiagramTable]) -> String {
    let mut text = format!(
        "## Migration plan\n\n{} tables of SQLite become {} tables of PostgreSQL. Plan `{}`.\n\n",
        source_tables.len(),
        plan.tables.len(),
        plan.fingerprint().get(..12).unwrap_or_default()
    );
    for (title, tables) in [("Before: SQLite", source_tables), ("After: PostgreSQL", &outline::after(plan))] {
        let drawn = fenced("mermaid", &self::mermaid::diagram(tables));
        push(&mut text, format_args!("<details><summary>{title}</summary>\n\n{drawn}\n</details>\n"));
    }
    push(&mut text, format_args!("## Mapping\n"));
    plan.tables.iter().for_each(|table| table_section(plan, table, &mut text));
    views_and_triggers(plan, &mut text);
    breaches(plan, &mut text);
    left_behind(plan, &mut text);
    only_in_target(plan, &mut text);
    suggestions(plan, &mut text);
    text
}

fn table_section(plan: &Plan, table: &PlannedTable, text: &mut String) {
    let target = outline::target_name(table);
    let renamed = if target == table.source { String::new() } else { format!(" → {}", code(&target)) };
    push(text, format_args!("### {}{renamed}\n", code(&table.source)));
    if let Some(rows) = table.profile_rows {
        push(text, format_args!("{rows} rows when the plan was made.\n"));
    }
    push(
        text,
        format_args!("| column | SQLite | PostgreSQL | conversion | why |\n| --- | --- | --- | --- | --- |"),
    );
    for column in &table.columns {
        push(text, format_args!("{}", column_row(plan, column)));
    }
    for search in &table.searches {
        let why = prose(&format!("takes the place of the full-text index {}", search.instead_of));
        push(text, format_args!("| {} | | `tsvector` | generated | {why} |", cell(&search.target)));
    }
    text.push('\n');
    key_lines(table, text);
    for note in &table.notes {
        push(text, format_args!("- {}", prose(note)));
    }
    text.push('\n');
}

fn column_row(plan: &Plan, column: &PlannedColumn) -> String {
    let name = match column.source == column.target {
        true => cell(&column.source),
        false => format!("{} → {}", cell(&column.source), cell(&column.target)),
    };
    let with = |type_name: &str, not_null: bool, default: Option<&String>| {
        let not_null = if not_null { " not null" } else { "" };
        let default = default.map(|default| format!(" default {default}")).unwrap_or_default();
        cell(&format!("{type_name}{not_null}{default}"))
    };
    let declared = if column.declared.is_empty() { "(no type)" } else { &column.declared };
    let generated = (column.generated.as_ref())
        .map(|generated| format!(" generated from {}", cell(&generated.expression)))
        .unwrap_or_default();
    let mut why = vec![prose(&column.why)];
    if let Some(profile) = &column.profile {
        why.push(prose(&profile.in_words()));
        let rejects = profile.rejects(&column.conversion);
        if rejects > 0 {
            let policy = column.policy(plan.on_reject).in_words();
            why.push(prose(&format!("{rejects} that do not fit; each {policy}")));
        }
    }
    if column.secret {
        why.push("secret".to_owned());
    }
    why.extend(column.notes.iter().map(|note| prose(note)));
    format!(
        "| {name} | {} | {}{generated} | {} | {} |",
        with(declared, column.source_not_null, column.source_default.as_ref()),
        with(outline::target_type(column), column.not_null, column.default.as_ref()),
        cell(column.conversion.name()),
        why.join("; ")
    )
}

fn key_lines(table: &PlannedTable, text: &mut String) {
    let list = |columns: &[String]| columns.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    if let Some(key) = &table.primary_key {
        push(text, format_args!("- primary key: {}", list(&key.columns)));
    }
    for key in &table.unique {
        push(text, format_args!("- unique: {}", list(&key.columns)));
    }
    for key in &table.foreign_keys {
        let not_valid = if key.not_valid { ", not valid" } else { "" };
        push(
            text,
            format_args!(
                "- foreign key: {} → {} ({}), on update {}, on delete {}{not_valid}",
                list(&key.columns),
                code(&key.parent_table),
                list(&key.parent_columns),
                prose(&key.on_update.to_lowercase()),
                prose(&key.on_delete.to_lowercase())
            ),
        );
    }
    for check in &table.checks {
        let not_valid = if check.not_valid { ", not valid" } else { "" };
        push(text, format_args!("- check: {}{not_valid}", code(&check.expression)));
    }
    for index in &table.indexes {
        let unique = if index.unique { "unique index" } else { "index" };
        let key = |key: &PlannedIndexColumn| {
            let class = key.ops.as_ref().map(|class| format!(" {class}")).unwrap_or_default();
            format!("{}{class}", key.expression.as_ref().unwrap_or(&key.column))
        };
        let keys: Vec<String> = index.columns.iter().map(key).collect();
        let condition = index.predicate.as_ref().map(|sql| format!(" where {}", code(sql)));
        let added = index.added_because.as_ref().map(|why| format!(" (added: {})", prose(why)));
        push(
            text,
            format_args!(
                "- {unique} {}: {}{}{}",
                code(&index.name),
                list(&keys),
                condition.unwrap_or_default(),
                added.unwrap_or_default()
            ),
        );
    }
}

fn views_and_triggers(plan: &Plan, text: &mut String) {
    if plan.views.is_empty() && plan.triggers.is_empty() {
        return;
    }
    push(text, format_args!("## Views and triggers\n"));
    for view in &plan.views {
        push(text, format_args!("- view {}{}", code(&view.target), notes(&view.notes)));
    }
    for trigger in &plan.triggers {
        let (name, table) = (code(&trigger.target), code(&trigger.table));
        push(text, format_args!("- trigger {name} on {table}{}", notes(&trigger.notes)));
    }
    text.push('\n');
}

fn breaches(plan: &Plan, text: &mut String) {
    if plan.breaches.is_empty() {
        return;
    }
    push(
        text,
        format_args!(
            "## Broken by the data\n\n| table | constraint | rows | becomes |\n| --- | --- | ---: | --- |"
        ),
    );
    for breach in &plan.breaches {
        push(
            text,
            format_args!(
                "| {} | {} | {} | {} |",
                cell(&breach.table),
                prose(&breach.constraint),
                breach.rows,
                prose(&breach.becomes)
            ),
        );
    }
    text.push('\n');
}

fn left_behind(plan: &Plan, text: &mut String) {
    push(text, format_args!("## Left behind\n"));
    if plan.left_behind.is_empty() {
        push(text, format_args!("Nothing.\n"));
        return;
    }
    push(text, format_args!("| what | name | why |\n| --- | --- | --- |"));
    for left in &plan.left_behind {
        let (kind, reason) = (prose(&left.kind), prose(&left.reason));
        push(text, format_args!("| {kind} | {} | {reason} |", cell(&one_line(&left.name))));
    }
    text.push('\n');
    for (left, sql) in plan.left_behind.iter().filter_map(|left| Some((left, left.sql.as_ref()?))) {
        let (kind, name) = (escape::html(&left.kind), escape::html(&left.name));
        let sql = fenced("sql", sql);
        push(text, format_args!("<details><summary>{kind} {name}</summary>\n\n{sql}\n</details>\n"));
    }
}

/// The tables of an app that no rows go into.
fn only_in_target(plan: &Plan, text: &mut String) {
    if !plan.only_in_target.is_empty() {
        let names: Vec<String> = plan.only_in_target.iter().map(|name| code(name)).collect();
        push(
            text,
            format_args!("## Only in PostgreSQL\n\nNo rows go into these tables: {}.\n", names.join(", ")),
        );
    }
}

/// Possible other decisions, with the lines of `mapping.toml` for them.
fn suggestions(plan: &Plan, text: &mut String) {
    let columns =
        plan.tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
    let mut has_any = false;
    for (table, column, suggestion) in
        columns.filter_map(|(table, column)| Some((table, column, column.suggestion.as_ref()?)))
    {
        if !std::mem::replace(&mut has_any, true) {
            push(text, format_args!("## Suggestions\n"));
        }
        // Two lines to paste are at its end; the reason may have line breaks of its own.
        let mut parts: Vec<&str> = suggestion.rsplitn(3, '\n').collect();
        parts.reverse();
        let (why, lines) = parts.split_first().map_or(("", &[][..]), |(why, lines)| (*why, lines));
        push(text, format_args!("- {}.{}: {}\n", code(&table.source), code(&column.source), prose(why)));
        if !lines.is_empty() {
            push(text, format_args!("{}", fenced("toml", &lines.join("\n"))));
        }
    }
}

fn notes(notes: &[String]) -> String {
    match notes.is_empty() {
        true => String::new(),
        false => format!(": {}", prose(&notes.join("; "))),
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile;

    #[test]
    fn the_plan_of_hyperpage_reads_well() {
        let plan = Plan::from_json(include_str!("../../schema-pg/plan.json")).unwrap();
        insta::assert_snapshot!("hyperpage", markdown(&plan, &[]));
    }

    #[test]
    fn hostile_names_are_text_in_it() {
        let plan = hostile::plan();
        let text = markdown(&plan, &outline::before(&hostile::schema(), &plan));
        let is_hidden = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
        assert!(!text.contains(is_hidden), "{text}");
        // Each row of a table has its six bars, except for those after a backslash.
        for line in text.lines().filter(|line| line.starts_with('|')) {
            let bars = line.replace("\\|", "").matches('|').count();
            assert!([4, 5, 6].contains(&bars), "{line}");
        }
        insta::assert_snapshot!("hostile", text);
    }
}
