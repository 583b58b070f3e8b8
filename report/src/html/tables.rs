//! The list of all tables, with a filter, and below it each table folded.

use maud::{Markup, html};

use super::page::{Page, Table, wrong};
use super::parts::{State, name};
use super::table;
use crate::figures::{byte_rate, count, counted, row_rate, seconds, size};
use crate::text;

/// Up to this number of tables, no filter is needed.
const UNFILTERED_MAX: usize = 5;

/// The section, in pieces: the list, and each table by itself.
pub(super) fn pieces<'p>(page: &'p Page<'_>) -> impl Iterator<Item = Markup> + 'p {
    let tables = page.tables.iter().enumerate().map(|(place, table)| table::item(page, place, table));
    std::iter::once_with(|| overview(page)).chain(tables)
}

fn overview(page: &Page<'_>) -> Markup {
    if page.tables.is_empty() {
        return html! { p.intro { "The source has no table that moves." } };
    }
    let is_any_off = page.tables.iter().any(is_off);
    html! {
        p.intro {
            (counted(page.tables.len() as u64, "table")) ". The list has what moved and whether it was found again; below it every table tells how each of its columns was mapped, and why."
        }
        div.controls hidden data-needs-script {
            @if page.tables.len() > UNFILTERED_MAX {
                label { "Table or column" input id="filter" type="search" autocomplete="off" spellcheck="false" aria-controls="table-list" aria-describedby="filter-status"; }
                @if is_any_off { label { input id="filter-off" type="checkbox"; "only what is off" } }
            }
            button id="unfold-all" type="button" { "Unfold all" }
            button id="fold-all" type="button" { "Fold all" }
            span.small.muted id="filter-status" role="status" {}
        }
        div.scroll.tall role="region" tabindex="0" aria-label="The list of tables" { (list(page)) }
        h3 style="margin:2.25rem 0 .5rem" { "Each table" }
    }
}

fn list(page: &Page<'_>) -> Markup {
    html! {
        table.medium id="table-list" {
            caption.visually-hidden { "All tables with what moved, how fast, and whether it was found again" }
            thead {
                tr {
                    th scope="col" { "Table" }
                    th scope="col" { "Verified" }
                    @for head in ["Rows", "Bytes", "Rows/s", "Bytes/s", "Moving", "Comparing"] { th.number scope="col" { (head) } }
                }
            }
            tbody { @for (place, table) in page.tables.iter().enumerate() { (row(place, table)) } }
        }
    }
}

fn row(place: usize, table: &Table<'_>) -> Markup {
    let moved = table.moved;
    let rate =
        moved.map(|moved| [row_rate(moved.rows, moved.seconds), byte_rate(moved.bytes, moved.seconds)]);
    let [rows, bytes] = rate.unwrap_or_default().map(|rate| rate.unwrap_or_else(|| "–".to_owned()));
    html! {
        tr data-find=(find(table)) data-off=[is_off(table).then_some("yes")] {
            th scope="row" { a href={ "#t" (place) } { (name(table.name)) } }
            td.nowrap { (verified(table)) }
            @if let Some(moved) = moved {
                td.number { (count(moved.rows)) }
                td.number { (size(moved.bytes)) }
                td.number { (rows.trim_end_matches(" rows/s")) }
                td.number { (bytes) }
                td.number { (seconds(moved.seconds)) }
                td.number { (table.compared().map_or_else(|| "–".to_owned(), |compared| seconds(compared.seconds))) }
            } @else {
                td.muted colspan="6" { "not part of this run" }
            }
        }
    }
}

/// The text that the filter searches: the names of the table and of its columns, as they are shown.
pub(super) fn find(table: &Table<'_>) -> String {
    let mut words = vec![table.name];
    if let Some(planned) = table.planned {
        words.push(&planned.target);
        words.extend(
            planned.columns.iter().flat_map(|column| [column.source.as_str(), column.target.as_str()]),
        );
    }
    words.dedup();
    text::one_line(&words.join(" ")).to_lowercase()
}

/// Whether rows of it are not as they should be.
pub(super) fn is_off(table: &Table<'_>) -> bool {
    table.compared().is_some_and(|compared| wrong(compared) > 0)
}

/// Whether its rows were found in PostgreSQL, as a shape and text.
pub(super) fn verified(table: &Table<'_>) -> Markup {
    match (table.moved, table.compared()) {
        (None, _) => State::Quiet.words("not moved"),
        (Some(_), None) => State::Quiet.words("not compared"),
        (Some(_), Some(compared)) if wrong(compared) > 0 => {
            State::Bad.words(&format!("{} off", counted(wrong(compared), "row")))
        }
        (Some(_), Some(compared)) if compared.source_rows == 0 && compared.target_rows == 0 => {
            State::Good.words("no rows")
        }
        _ => State::Good.words("all equal"),
    }
}
