//! Keys, references, CHECKs and indexes of a table, with what they come from.

use maud::{Markup, html};
use migrate_core::plan::{PlannedCheck, PlannedForeignKey, PlannedIndex, PlannedKey, PlannedTable};

use super::parts::{code, columns, name, scrolling, words};
use crate::text;

/// All of them; nothing where there are none.
pub(super) fn all(table: &PlannedTable) -> Markup {
    let is_empty = table.primary_key.is_none()
        && table.unique.is_empty()
        && table.foreign_keys.is_empty()
        && table.checks.is_empty()
        && table.indexes.is_empty();
    if is_empty {
        return html! { p.muted { "No key, reference, CHECK or index." } };
    }
    let content = html! {
        table.medium {
            caption.visually-hidden { "Constraints and indexes of " (name(&table.source)) }
            thead { tr { @for head in ["Name", "What", "Of", "Comes from"] { th scope="col" { (head) } } } }
            tbody {
                @if let Some(primary) = &table.primary_key { (key(primary, "primary key")) }
                @for unique in &table.unique { (key(unique, "unique")) }
                @for reference in &table.foreign_keys { (foreign_key(reference)) }
                @for check in &table.checks { (self::check(check)) }
                @for index in &table.indexes { (self::index(index)) }
            }
        }
    };
    html! {
        h4 { "Keys, references, checks and indexes" }
        (scrolling(&format!("Constraints and indexes of {}", text::name(&table.source)), content))
    }
}

fn row(title: &str, what: &str, of: Markup, from: Markup) -> Markup {
    html! { tr { th scope="row" { code { (name(title)) } } td { (what) } td { (of) } td.small { (from) } } }
}

fn key(key: &PlannedKey, what: &str) -> Markup {
    let from = html! { @match &key.instead_of { Some(why) => (words(why)), None => span.muted { "the same in SQLite" } } };
    row(&key.name, what, columns(&key.columns), from)
}

fn foreign_key(key: &PlannedForeignKey) -> Markup {
    let of = html! {
        (columns(&key.columns)) " → " (name(&key.parent_table)) " (" (columns(&key.parent_columns)) ")"
        div.small.muted {
            "on update " (text::one_line(&key.on_update).to_lowercase()) ", on delete " (text::one_line(&key.on_delete).to_lowercase())
            @if key.deferred { ", checked at commit" }
        }
    };
    let from = html! {
        @if key.not_valid { "NOT VALID, since rows break it: it holds for new rows alone" }
        @else { span.muted { "the same in SQLite" } }
    };
    row(&key.name, "foreign key", of, from)
}

fn check(check: &PlannedCheck) -> Markup {
    let from = html! {
        @if check.source == check.expression { span.muted { "the same in SQLite" } } @else { (code(&check.source)) }
        @if check.not_valid { div { "NOT VALID, since rows break it: it holds for new rows alone" } }
        (notes(&check.notes))
    };
    row(&check.name, "check", code(&check.expression), from)
}

fn index(index: &PlannedIndex) -> Markup {
    let what = format!("{}{} index", if index.unique { "unique " } else { "" }, index.method.sql());
    let of = html! {
        @for (at, key) in index.columns.iter().enumerate() {
            @if at > 0 { ", " }
            @match &key.expression { Some(expression) => (code(expression)), None => code { (name(&key.column)) } }
            @if let Some(class) = &key.ops { " " code { (name(&class.sql())) } }
            @if key.descending { " descending" }
        }
        @if let Some(predicate) = &index.predicate { " where " (code(predicate)) }
    };
    let from = html! {
        @match (&index.added_because, &index.source_sql, &index.source) {
            (Some(why), ..) => { "added: " (words(why)) },
            (None, Some(sql), _) => (code(sql)),
            (None, None, Some(source)) => { (name(source)) " in SQLite" },
            (None, None, None) => span.muted { "the same in SQLite" },
        }
        (notes(&index.notes))
    };
    row(&index.name, &what, of, from)
}

fn notes(notes: &[String]) -> Markup {
    html! { @for note in notes { div { "Note: " (words(note)) } } }
}
