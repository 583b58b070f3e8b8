//! The problems: table, row, column, and what to do.

use maud::{Markup, html};

use super::page::{Page, wrong};
use super::parts::{columns, scrolling, table_link, words};
use crate::Report;
use crate::figures::{count, counted};
use crate::model::{Check, Compared, INTEGRITY, Problem};
use crate::text;

/// Something that is off.
pub(super) enum Finding<'a> {
    /// Rows of a table are not as they should be.
    Rows {
        /// The table, by source name.
        table: &'a str,
        /// The result of comparing it.
        compared: &'a Compared,
    },
    /// A check found something.
    Problem {
        /// The check.
        check: &'a Check,
        /// The result of the check.
        problem: &'a Problem,
    },
}

impl Finding<'_> {
    /// Whether the migration is not proven because of it. Damaged indexes of the source are reported, but do not affect its rows.
    pub(super) fn is_against_proof(&self) -> bool {
        !matches!(self, Finding::Problem { check, .. } if check.name == INTEGRITY)
    }
}

/// All findings, rows first.
pub(super) fn findings<'a>(report: &'a Report<'_>) -> Vec<Finding<'a>> {
    let rows = report.tables.iter().filter_map(|table| {
        let compared = table.compared.as_ref()?;
        (wrong(compared) > 0 || !compared.first.is_empty())
            .then_some(Finding::Rows { table: &table.table, compared })
    });
    let problems = (report.checks.iter())
        .flat_map(|check| check.problems.iter().map(move |problem| Finding::Problem { check, problem }));
    rows.chain(problems).collect()
}

/// The section; none where nothing is off.
pub(super) fn body(page: &Page<'_>) -> Option<Markup> {
    (!page.findings.is_empty()).then(|| {
        html! {
            p.intro { (counted(page.findings.len() as u64, "finding")) ", each with the place and what to do." }
            @for finding in &page.findings {
                @match finding {
                    Finding::Rows { table, compared } => (rows(page, table, compared)),
                    Finding::Problem { check, problem } => (of_check(check, problem)),
                }
            }
        }
    })
}

fn of_check(check: &Check, problem: &Problem) -> Markup {
    html! {
        article.finding {
            h3 { (words(&problem.what)) }
            p.muted.small { "Found by the check of " (text::one_line(&check.name)) "." }
            @if !problem.next.is_empty() { p.next { b { "What to do: " } (words(&problem.next)) } }
        }
    }
}

fn rows(page: &Page<'_>, table: &str, compared: &Compared) -> Markup {
    let parts: Vec<String> = [
        (compared.missing, "missing from PostgreSQL"),
        (compared.extra, "only in PostgreSQL"),
        (compared.different, "with other values"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", counted(number, "row")))
    .collect();
    let label = format!("The first rows of {} that differ", text::name(table));
    html! {
        article.finding {
            h3 { "Table " (table_link(page, table)) ": " (parts.join(", ")) }
            @if !compared.first.is_empty() { (scrolling(&label, first_rows(compared))) }
            p.next {
                b { "What to do: " }
                "look at these rows on both sides with the statements "
                @match page.anchor(table) {
                    Some(anchor) => { a href={ "#" (anchor) } { "under the table" } },
                    None => "under the table",
                }
                ". If PostgreSQL is not in use yet, " code { "cargo xtask migrate --restart" }
                " moves everything again; if it is, repair the rows by hand. Then " code { "cargo xtask validate" } "."
            }
        }
    }
}

/// The rows that are named, as a table.
pub(super) fn first_rows(compared: &Compared) -> Markup {
    let all = wrong(compared);
    html! {
        table {
            caption {
                "Rows that differ"
                @if all > compared.first.len() as u64 { ": the first " (count(compared.first.len() as u64)) " of " (count(all)) }
            }
            thead { tr { th scope="col" { "Row" } th scope="col" { "What" } th scope="col" { "Columns" } } }
            tbody {
                @for row in &compared.first {
                    tr {
                        th scope="row" { code { (words(&row.row)) } }
                        td { (kind(&row.kind)) }
                        td { @if row.columns.is_empty() { "the whole row" } @else { (columns(&row.columns)) } }
                    }
                }
            }
        }
    }
}

fn kind(kind: &str) -> String {
    match kind {
        "missing" => "missing from PostgreSQL".to_owned(),
        "extra" => "only in PostgreSQL".to_owned(),
        "different" => "other values".to_owned(),
        other => text::one_line(other),
    }
}
