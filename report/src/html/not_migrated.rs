//! What was not migrated: objects, constraints that were weakened because rows violate them, and rows and values that the plan's
//! policy dropped.

use maud::{Markup, html};

use super::page::Page;
use super::parts::{code, name, scrolling, statement, table_link, words};
use crate::figures::{count, counted};
use crate::text;

/// The objects that were not migrated, with the reason.
pub(super) fn objects(page: &Page<'_>) -> Markup {
    let left = &page.report.plan.left_behind;
    if left.is_empty() {
        return html! {
            p.intro { "Nothing: all tables, columns, constraints, indexes, views and triggers are there." }
            (only_in_target(page))
        };
    }
    let content = html! {
        table.medium {
            caption.visually-hidden { "What was not migrated" }
            thead { tr { th scope="col" { "What" } th scope="col" { "Name" } th scope="col" { "Why" } } }
            tbody {
                @for thing in left {
                    tr {
                        td.nowrap { (words(&thing.kind)) }
                        th scope="row" { (name(&thing.name)) }
                        td {
                            (words(&thing.reason))
                            @if let Some(sql) = &thing.sql {
                                details.minor { summary { "The SQL that SQLite stored" } (statement(&format!("{} {}", thing.kind, thing.name), sql)) }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        p.intro { (counted(left.len() as u64, "thing")) " not migrated, each with its reason." }
        (scrolling("What was not migrated", content))
        (only_in_target(page))
    }
}

/// The tables of an app that no rows went into.
fn only_in_target(page: &Page<'_>) -> Markup {
    let tables = &page.report.plan.only_in_target;
    html! {
        @if !tables.is_empty() {
            p {
                (counted(tables.len() as u64, "table")) " only in PostgreSQL, into which no rows went: "
                @for (at, table) in tables.iter().enumerate() { @if at > 0 { ", " } code { (name(table)) } }
            }
        }
    }
}

/// Constraints that rows break; none where they break none.
pub(super) fn breaches(page: &Page<'_>) -> Option<Markup> {
    let breaches = &page.report.plan.breaches;
    (!breaches.is_empty()).then(|| {
        html! {
            p.intro {
                "SQLite let these rows in: foreign keys are off there unless the app turns them on, and a CHECK may be younger than the rows. No row was lost for it; the constraint came weaker instead."
            }
            @for breach in breaches {
                article.block {
                    h3 { (table_link(page, &breach.table)) ": " (words(&breach.constraint)) }
                    p { (counted(breach.rows, "row")) @if breach.rows == 1 { " breaks it. " } @else { " break it. " } "In PostgreSQL: " (words(&breach.becomes)) "." }
                    @if !breach.first.is_empty() {
                        p.small {
                            "Rows: "
                            @for (at, key) in breach.first.iter().enumerate() { @if at > 0 { "; " } code { (words(key)) } }
                            @if breach.rows > breach.first.len() as u64 { " and " (count(breach.rows - breach.first.len() as u64)) " more" }
                        }
                    }
                    @if !breach.remedy.is_empty() { (statement("Lists the rows, repairs them, and restores the constraint (psql)", &breach.remedy)) }
                }
            }
        }
    })
}

/// The losses from the policy for values that PostgreSQL cannot hold; none if there are none.
pub(super) fn rejects(page: &Page<'_>) -> Option<Markup> {
    let rejects = &page.report.rejects;
    if rejects.iter().all(|rejects| rejects.skipped == 0 && rejects.nulled == 0) {
        return None;
    }
    let content = html! {
        table.medium {
            caption.visually-hidden { "Rows skipped and values set to NULL, by table" }
            thead { tr { th scope="col" { "Table" } th.number scope="col" { "Rows skipped" } th.number scope="col" { "Values set to NULL" } th scope="col" { "The rows, whole" } } }
            tbody {
                @for rejects in rejects {
                    tr {
                        th scope="row" { (table_link(page, &rejects.table)) }
                        td.number { (count(rejects.skipped)) }
                        td.number { (count(rejects.nulled)) }
                        td { @match &rejects.file { Some(file) => (code(file)), None => "only their count is known" } }
                    }
                }
            }
        }
    };
    Some(html! {
        p.intro { "PostgreSQL cannot hold these values, and the plan says what becomes of them: of one it says nothing else, it " (text::one_line(page.report.plan.on_reject.in_words())) "." }
        (scrolling("Rows skipped and values set to NULL", content))
    })
}
