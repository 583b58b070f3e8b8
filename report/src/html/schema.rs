//! The schema as a picture before and after, and its references as text.

use maud::{Markup, html};

use super::page::Page;
use super::parts::{name, words};
use crate::diagram::{self, Diagram};
use crate::figures::counted;
use crate::model::DiagramTable;

/// The section; none where there is no table on either side.
pub(super) fn body(page: &Page<'_>) -> Option<Markup> {
    let after = diagram::of_plan(&page.report.plan);
    let before = &page.report.source_tables;
    if before.is_empty() && after.is_empty() {
        return None;
    }
    Some(html! {
        p.intro { "An arrow leads from the referencing column to the referenced one. Point at a line or a name to see its full text." }
        (legend())
        (side("before", "Before: SQLite", before))
        (side("after", "After: PostgreSQL", &after))
    })
}

fn side(id: &str, title: &str, tables: &[DiagramTable]) -> Markup {
    let Some(diagram) = Diagram::of(tables) else { return html! {} };
    let references: Vec<String> = (tables.iter())
        .flat_map(|table| table.references.iter().map(|reference| diagram::title(&table.name, reference)))
        .collect();
    let behind: Vec<&DiagramTable> = tables.iter().filter(|table| table.left_behind.is_some()).collect();
    html! {
        div.block {
            h3 { (title) }
            @if diagram.is_folded { p.small.muted { "Of so many tables, those with references are drawn, with their keys and references alone." } }
            div.scroll.drawing role="region" tabindex="0" aria-label={ "Schema, " (title) } { (diagram.svg(id, title)) }
            @if !diagram.listed.is_empty() {
                details.minor {
                    summary { (counted(diagram.listed.len() as u64, "table")) " not drawn" }
                    ul { @for table in &diagram.listed { li { (name(table)) } } }
                }
            }
            @if !behind.is_empty() {
                ul.small { @for table in behind { li { (name(&table.name)) " is not migrated: " (words(table.left_behind.as_deref().unwrap_or_default())) } } }
            }
            details.minor {
                summary { (counted(references.len() as u64, "reference")) " in words" }
                @if references.is_empty() { p { "No table refers to another." } }
                @else { ul { @for reference in &references { li { bdi { (reference) } } } } }
            }
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="Signs of the pictures" {
            li { b.small { "PK" } "primary key" }
            li { b.small { "FK" } "refers to another table" }
            li { svg.diagram width="8" height="8" aria-hidden="true" { circle.null.not-null cx="4" cy="4" r="2.5" {} } "NOT NULL" }
            li { svg.diagram width="8" height="8" aria-hidden="true" { circle.null cx="4" cy="4" r="2.5" {} } "may be NULL" }
            li { svg.diagram width="22" height="10" aria-hidden="true" { rect.box x="1" y="1" width="20" height="8" rx="2" stroke-dasharray="4 3" {} } "not migrated" }
        }
    }
}
