//! What was proven and how: the comparison of rows, and every check with what it tried, found and did not compare.

use maud::{Markup, html};

use super::page::Page;
use super::parts::{State, words};
use crate::figures::{count, counted, seconds};
use crate::model::{Check, ComparedBy};
use crate::text;

/// The section.
pub(super) fn body(page: &Page<'_>) -> Markup {
    html! {
        p.intro {
            "Each check says how it was made, how much it compared, and what it did not. Nothing that was not compared counts as proven."
        }
        ul.checks {
            (rows(page))
            @for check in &page.report.checks { (one(check)) }
        }
    }
}

fn card(title: &str, state: Markup, content: Markup) -> Markup {
    html! { li.check { h3 { span { (title) } (state) } (content) } }
}

/// The comparison of rows, which is part of the tables in the model.
fn rows(page: &Page<'_>) -> Markup {
    let sums = page.sums();
    let wrong = sums.missing.saturating_add(sums.extra).saturating_add(sums.different);
    let state = match (wrong, sums.compared) {
        (0, 0) => State::Quiet.words("not done"),
        (0, _) => State::Good.words("holds"),
        _ => State::Bad.words(&counted(wrong, "row")),
    };
    let compared = || page.tables.iter().filter_map(|table| table.compared());
    let by_multiset = compared().filter(|compared| compared.by == ComparedBy::Multiset).count() as u64;
    let rejected = compared().fold(0_u64, |sum, compared| sum.saturating_add(compared.rejected));
    let left_out: Vec<&str> = (page.tables.iter())
        .filter(|table| table.moved.is_some() && table.compared().is_none())
        .map(|table| table.name)
        .collect();
    let content = html! {
        p.count {
            (counted(sums.rows_compared, "row")) " of " (counted(sums.compared, "table"))
            @if sums.compare_seconds > 0.0 { ", " (seconds(sums.compare_seconds)) " over all tables" }
        }
        p {
            "Every row is read back from PostgreSQL, its conversion undone, and held against the sealed copy as typed values, both ways: what is missing, what is extra, what differs."
            @if by_multiset > 0 {
                " " (counted(by_multiset, "table")) " without a key that both sides order alike compared as a multiset, with how often each row is there."
            }
        }
        @if rejected > 0 { p { (counted(rejected, "row")) " skipped by the plan counted as such." } }
        @if !left_out.is_empty() {
            h4.visually-hidden { "Left out" }
            ul { @for table in left_out { li { "not compared: " (words(table)) } } }
        }
    };
    card("Rows", state, content)
}

fn one(check: &Check) -> Markup {
    let state = match (check.is_done, check.problems.len()) {
        (_, 1..) => State::Bad.words(&counted(check.problems.len() as u64, "problem")),
        (false, _) => State::Quiet.words("not done"),
        (true, _) if check.left_out.is_empty() => State::Good.words("holds"),
        (true, _) => State::Good.words("holds, with exceptions"),
    };
    let content = html! {
        @if check.is_done { p.count { (count(check.tried)) " " (text::one_line(&check.unit)) } }
        p { (words(&check.how)) }
        @if !check.problems.is_empty() {
            ul { @for problem in &check.problems { li { (words(&problem.what)) } } }
        }
        @if !check.left_out.is_empty() {
            details.minor open[check.left_out.len() <= LEFT_OUT_OPEN_MAX] {
                summary { "Left out: " (count(check.left_out.len() as u64)) }
                ul { @for left in &check.left_out { li { b { (words(&left.what)) } ": " (words(&left.reason)) } } }
            }
        }
    };
    card(&title(&check.name), state, content)
}

/// Maximum number of items that were not compared and are shown expanded.
const LEFT_OUT_OPEN_MAX: usize = 4;

/// The check's name as a title.
pub(super) fn title(name: &str) -> String {
    match name {
        "seal" => "The sealed copy".to_owned(),
        "integrity" => "Integrity of the copy".to_owned(),
        "diesel_schema" => "The app's Diesel schema".to_owned(),
        "bookkeeping" => "The run's own books".to_owned(),
        "defaults" => "Defaults, by effect".to_owned(),
        "behaviour" => "What PostgreSQL refuses".to_owned(),
        other => {
            let name = text::name(other);
            let mut letters = name.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}
