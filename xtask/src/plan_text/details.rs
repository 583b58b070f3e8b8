//! Every detail of a table in lines, for `--verbose`: what the source declares, what PostgreSQL gets, why, and what was counted.

use std::fmt::Write;

use migrate_core::mapping::IndexMethod;
use migrate_core::plan::{Numbering, Plan, PlannedColumn, PlannedIndex, PlannedTable};

/// Returns a table's columns, keys and indexes, one on each line.
pub(super) fn table(plan: &Plan, table: &PlannedTable) -> String {
    let mut out = String::new();
    let width = table.columns.iter().map(|column| column.source.chars().count()).max().unwrap_or(0);
    for note in &table.notes {
        line(&mut out, format_args!("  note: {note}"));
    }
    for column in &table.columns {
        line(&mut out, format_args!("  {:width$}  {}", column.source, column_line(plan, column)));
        for note in &column.notes {
            line(&mut out, format_args!("  {:width$}  note: {note}", ""));
        }
    }
    for search in &table.searches {
        let (name, instead_of) = (&search.target, &search.instead_of);
        line(&mut out, format_args!("  {name}  tsvector  [added: for the full-text index {instead_of}]"));
    }
    key_lines(table, &mut out);
    out
}

fn column_line(plan: &Plan, column: &PlannedColumn) -> String {
    let declared = if column.declared.is_empty() { "(no type)" } else { column.declared.as_str() };
    let source_null = if column.source_not_null { " not null" } else { "" };
    let source_default =
        column.source_default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
    let target_type = target_type(column);
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

/// The type in PostgreSQL, and how it numbers rows.
pub(super) fn target_type(column: &PlannedColumn) -> &'static str {
    match (&column.sequence, column.numbering) {
        (None, _) => column.target_type.sql(),
        (Some(_), Numbering::Serial) => "bigserial",
        (Some(_), Numbering::Identity) => "bigint identity",
    }
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
            let class = key.ops.as_ref().map(|class| format!(" {class}")).unwrap_or_default();
            format!("{name}{class}{}", if key.descending { " desc" } else { "" })
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

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}
