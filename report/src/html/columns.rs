//! The mapping of every column with its evidence.

use maud::{Markup, html};
use migrate_core::conversion::Limit;
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::reject::OnReject;

use super::parts::{code, name, words};
use crate::text;

/// All columns of a table, and their plan.
pub(super) fn mapping(table: &PlannedTable, on_reject: OnReject) -> Markup {
    html! {
        table.wide {
            caption.visually-hidden { "Columns of " (name(&table.source)) ": before, after, and why" }
            thead {
                tr {
                    @for head in ["Column", "SQLite", "PostgreSQL", "How values get there", "NULL", "Default", "Why, and what was seen"] {
                        th scope="col" { (head) }
                    }
                }
            }
            tbody {
                @for column in &table.columns { (row(table, column, on_reject)) }
                @for search in &table.searches {
                    tr {
                        th scope="row" { code { (name(&search.target)) } }
                        td.muted { "–" }
                        td { code { "tsvector" } }
                        td { "generated: " (code(&search.expression)) }
                        td.muted { "–" }
                        td.muted { "–" }
                        td { "for full-text search, in the place of " (name(&search.instead_of)) }
                    }
                }
            }
        }
    }
}

fn row(table: &PlannedTable, column: &PlannedColumn, on_reject: OnReject) -> Markup {
    let is_key = table.primary_key.as_ref().is_some_and(|key| key.columns.contains(&column.target));
    html! {
        tr {
            th scope="row" {
                code { (name(&column.source)) }
                @if column.target != column.source { " → " code { (name(&column.target)) } }
                div {
                    @if is_key { span.tag { "key" } }
                    @if column.secret { span.tag title="its values are never shown, and its keys only as a hash" { "secret" } }
                    @if column.generated.is_some() { span.tag { "generated" } }
                    @if column.sequence.is_some() { span.tag { "numbered" } }
                }
            }
            td { @if column.declared.trim().is_empty() { span.muted { "no type" } } @else { (code(&column.declared)) } }
            td { code { (column.target_type.sql()) } @if let Some(found) = &column.limit { div.small { "no more than " (code(&limit(found))) } } }
            td.small { (column.conversion.describe()) @if let Some(own) = column.on_reject.filter(|own| *own != on_reject) { div { "What does not fit: " (own.in_words()) } } }
            td.small { (nulls(column)) }
            td.small { (default(column)) }
            td.small { (evidence(column)) }
        }
    }
}

/// The limits of the column within its type, as PostgreSQL declares it.
fn limit(limit: &Limit) -> String {
    match limit {
        Limit::Characters(length) => format!("varchar({length})"),
        Limit::Padded(length) => format!("char({length})"),
        Limit::Labels(labels) => format!("enum of {}", text::one_line(&labels.join(", "))),
        Limit::FoldedCase => "citext".to_owned(),
        Limit::Digits { precision, scale } => format!("numeric({precision}, {scale})"),
        Limit::SecondDigits(digits) => format!("{digits} digits of a second"),
    }
}

fn nulls(column: &PlannedColumn) -> Markup {
    let words = |not_null: bool| if not_null { "NOT NULL" } else { "may be NULL" };
    html! {
        @if column.source_not_null == column.not_null {
            span.muted { (words(column.not_null)) }
        } @else {
            span.muted { (words(column.source_not_null)) } " → " span.changed { (words(column.not_null)) }
        }
    }
}

fn default(column: &PlannedColumn) -> Markup {
    let shown = |default: &Option<String>| html! { @match default { Some(sql) => (code(sql)), None => span.muted { "none" } } };
    html! {
        @match &column.generated {
            Some(generated) => { "always " (code(&generated.source)) " → " (code(&generated.expression)) },
            None if column.source_default == column.default => (shown(&column.default)),
            None => { (shown(&column.source_default)) " → " (shown(&column.default)) },
        }
        @if let Some(sequence) = &column.sequence { div { "numbers from " (code(sequence)) } }
    }
}

fn evidence(column: &PlannedColumn) -> Markup {
    html! {
        div { (words(&column.why)) }
        @if let Some(profile) = &column.profile { div.muted { "seen: " (text::one_line(&profile.in_words())) } }
        @if let Some(comment) = &column.comment { div.muted { "the schema says: " (words(comment)) } }
        @for note in &column.notes { div { "Note: " (words(note)) } }
        @if let Some(suggestion) = &column.suggestion {
            details.minor {
                summary { "A better type is suggested" }
                pre.small style="white-space:pre-wrap" { (text::lines(suggestion)) }
            }
        }
    }
}
