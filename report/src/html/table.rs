//! One table: what moved, how its columns were mapped, its constraints, the findings, and how to check it by hand.

use maud::{Markup, html};

use super::page::{Page, Table};
use super::parts::{name, scrolling, statement, words};
use super::{columns, constraints, findings, tables};
use crate::figures::{byte_rate, count, counted, row_rate, seconds, size};
use crate::model::{Compared, ComparedBy, TableReport};
use crate::text;
use migrate_core::plan::PlannedTable;

/// The table, folded.
pub(super) fn item(page: &Page<'_>, place: usize, table: &Table<'_>) -> Markup {
    let is_off = tables::is_off(table);
    html! {
        details.item id={ "t" (place) } data-find=(tables::find(table)) data-off=[is_off.then_some("yes")] {
            summary {
                h3 { (name(table.name)) @if let Some(other) = other_name(table) { span.muted { " → " (name(other)) } } }
                span.figures {
                    @if let Some(moved) = table.moved { (counted(moved.rows, "row")) ", " (size(moved.bytes)) " · " }
                    (tables::verified(table))
                }
            }
            div.body {
                @if let Some(moved) = table.moved { (figures(moved)) }
                @if let Some(compared) = table.compared().filter(|compared| !compared.first.is_empty()) {
                    h4 { "Differences" }
                    (scrolling("Rows that differ", findings::first_rows(compared)))
                }
                @if let Some(planned) = table.planned { (plan(page, planned)) }
                @if let Some(moved) = table.moved.filter(|moved| !moved.by_hand.is_empty()) {
                    h4 { "To repeat by hand" }
                    @for recipe in &moved.by_hand { (statement(&format!("{} ({})", recipe.what, recipe.program), &recipe.text)) }
                }
            }
        }
    }
}

/// The name in PostgreSQL, where it is another.
fn other_name<'a>(table: &Table<'a>) -> Option<&'a str> {
    let planned = table.planned?;
    match table.moved {
        Some(moved) if planned.schema.is_some() => Some(&moved.target),
        _ => (planned.target != planned.source).then_some(&planned.target),
    }
}

fn figures(moved: &TableReport) -> Markup {
    let rates: Vec<String> = [row_rate(moved.rows, moved.seconds), byte_rate(moved.bytes, moved.seconds)]
        .into_iter()
        .flatten()
        .collect();
    html! {
        dl.facts {
            div { dt { "In PostgreSQL" } dd { code { (name(&moved.target)) } } }
            div { dt { "Moved" } dd { (counted(moved.rows, "row")) ", " (size(moved.bytes)) " in " (seconds(moved.seconds)) @if !rates.is_empty() { " (" (rates.join(", ")) ")" } } }
            div { dt { "Compared" } dd { @match &moved.compared { Some(found) => (compared(found)), None => "no" } } }
            @if let Some(held) = &moved.held { div { dt { "Before" } dd { (crate::words::held(held)) } } }
        }
    }
}

fn compared(found: &Compared) -> Markup {
    let by = match found.by {
        ComparedBy::Key => "row by row in the order of the key",
        ComparedBy::Multiset => "as a multiset: there is no key that both sides order alike",
    };
    let parts: Vec<String> = [
        (found.equal, "equal"),
        (found.missing, "missing"),
        (found.extra, "extra"),
        (found.different, "different"),
        (found.rejected, "skipped by the plan's policy"),
        (found.nulled, "with values made NULL by the plan's policy"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", count(number)))
    .collect();
    html! {
        (counted(found.source_rows, "row")) " of the copy with " (count(found.target_rows)) " in PostgreSQL, " (by) ", in " (seconds(found.seconds))
        @if !parts.is_empty() { ": " (parts.join(", ")) }
    }
}

fn plan(page: &Page<'_>, planned: &PlannedTable) -> Markup {
    let breaches = page.report.plan.breaches.iter().filter(|breach| breach.table == planned.source);
    let breaches: Vec<_> = breaches.collect();
    html! {
        @if let Some(comment) = &planned.comment { p.muted { "The schema says: " (words(comment)) } }
        @if let Some(existing) = &planned.existing {
            p {
                "The table was in the target before; it stays as it was, and rows are loaded into it."
                @if existing.table.rows > 0 { " Rows that it held and that differ: " (existing.seeds.name()) "." }
            }
        }
        @if !planned.notes.is_empty() { ul { @for note in &planned.notes { li { (words(note)) } } } }
        h4 { "Columns" }
        (scrolling(&format!("Columns of {}", text::name(&planned.source)), columns::mapping(planned, page.report.plan.on_reject)))
        (constraints::all(planned))
        @if !breaches.is_empty() {
            p { a href="#broken" { (counted(breaches.len() as u64, "constraint")) " that rows break" } }
        }
    }
}
