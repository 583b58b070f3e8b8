//! The verdict, as text, a shape and numbers; and below it what a reader has to know even after success.

use maud::{Markup, html};

use super::page::{Page, Sums, verdict_words};
use super::parts::{State, code, moment};
use crate::figures::{byte_rate, count, counted, seconds, size};
use crate::model::{Check, SpanKind, Verdict};

/// The section.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let state = match page.verdict {
        Verdict::Proven => State::Good,
        Verdict::NotProven => State::Bad,
    };
    let sums = page.sums();
    let cautions = cautions(page, sums);
    html! {
        section.verdict id="verdict" aria-labelledby="verdict-head" {
            h1.(state.color()) id="verdict-head" { (state.icon()) span { (verdict_words(page.verdict)) } }
            p.lede { (lede(page, sums)) }
            (tiles(page, sums))
            (facts(page))
            @if !cautions.is_empty() {
                ul.cautions aria-label="What to know beside the verdict" {
                    @for caution in &cautions { li { (caution) } }
                }
            }
        }
    }
}

fn lede(page: &Page<'_>, sums: Sums) -> Markup {
    let tables = page.report.tables.len() as u64;
    let skipped: u64 = page.report.rejects.iter().map(|rejected| rejected.skipped).sum();
    match page.verdict {
        Verdict::Proven if tables == 0 => html! {
            "There was no table to move. What is there is as it should be."
        },
        Verdict::Proven => html! {
            (counted(sums.rows_compared, "row")) " of "
            @if sums.compared < tables { (count(sums.compared)) " of " }
            (counted(tables, "table"))
            " were compared with what was read back from PostgreSQL, value by value. None is missing, none is extra, none differs"
            @match skipped {
                0 => ".",
                _ => { "; " (counted(skipped, "row")) " of them skipped, as the plan allows." }
            }
        },
        Verdict::NotProven if page.findings.is_empty() => html! {
            "The comparison was not completed, so that nothing is proven. Below are the parts that were compared and those that were not."
        },
        Verdict::NotProven => {
            let wrong = sums.missing.saturating_add(sums.extra).saturating_add(sums.different);
            html! {
                (counted(page.findings.len() as u64, "finding"))
                @if wrong > 0 { ", " (counted(wrong, "row")) " not as they should be" }
                ". " a href="#off" { "Which table, row and column, and what to do" } " is below."
            }
        }
    }
}

fn tiles(page: &Page<'_>, sums: Sums) -> Markup {
    // What was not run, because nothing depends on it, is a fact below.
    let checks: Vec<&Check> =
        page.report.checks.iter().filter(|check| !check.is_integrity_not_run()).collect();
    let held = checks.iter().filter(|check| check.is_done && check.problems.is_empty()).count() as u64;
    let wrong = sums.missing.saturating_add(sums.extra).saturating_add(sums.different);
    let rows_time = phase_seconds(page, "rows");
    let tiles: Vec<(&str, String)> = [
        Some(("rows moved", count(sums.rows))),
        Some(("tables", count(page.report.tables.len() as u64))),
        Some(("values compared and equal", count(sums.values_equal))),
        Some(("rows that differ", count(wrong))),
        (!checks.is_empty()).then(|| {
            ("other checks that hold", format!("{} of {}", count(held), count(checks.len() as u64)))
        }),
        Some(("sent", size(sums.bytes))),
        rows_time.and_then(|time| byte_rate(sums.bytes, time)).map(|rate| ("rate of the rows", rate)),
        phase_seconds(page, "validate")
            .or((sums.compare_seconds > 0.0).then_some(sums.compare_seconds))
            .map(|time| ("comparing", seconds(time))),
    ]
    .into_iter()
    .flatten()
    .collect();
    html! {
        dl.tiles { @for (label, figure) in &tiles { div { dt { (label) } dd { (figure) } } } }
    }
}

/// The duration of a phase; none if it is not in the report.
fn phase_seconds(page: &Page<'_>, name: &str) -> Option<f64> {
    let mut spans = page.report.timeline.iter();
    spans.find(|span| span.kind == SpanKind::Phase && span.name == name).map(|span| span.seconds)
}

fn facts(page: &Page<'_>) -> Markup {
    let report = page.report;
    let source = &report.source;
    html! {
        dl.facts {
            div { dt { "Run begun" } dd { (moment(&report.started_at)) } }
            div { dt { "Source" } dd { (code(&source.path)) } }
            div { dt { "Sealed copy" } dd { (code(&source.sealed_path)) ", " (size(source.bytes)) ", taken " (moment(&source.sealed_at)) } }
            @if let Some(method) = &source.copy_method { div { dt { "How it was taken" } dd { (method) } } }
            div { dt { "Its SHA-256" } dd { (code(&source.sha256)) } }
            div { dt { "Target" } dd { (code(&report.target.url)) } }
            div { dt { "Plan" } dd { (code(&report.plan_sha256)) } }
            @if report.checks.iter().any(Check::is_integrity_not_run) {
                div { dt { "integrity_check" } dd { "not run; the proof does not depend on it: " a href="#proof" { "why, and how to run it" } } }
            }
        }
    }
}

/// Limits of the verdict: skipped rows, weakened constraints, a source that has changed since.
fn cautions(page: &Page<'_>, sums: Sums) -> Vec<Markup> {
    let report = page.report;
    let warn = |content: Markup| html! { span.warn { (State::Warn.icon()) } " " (content) };
    let mut cautions = Vec::new();
    if report.source.changed_since == Some(true) {
        cautions.push(html! { "The source was written to after the copy was taken. What was written then is not in PostgreSQL." });
    }
    let not_compared = (report.tables.len() as u64).saturating_sub(sums.compared);
    if not_compared > 0 {
        cautions.push(html! { (counted(not_compared, "table")) " not compared: " a href="#tables" { "the list of tables" } " says which." });
    }
    let not_moved = page.tables.iter().filter(|table| table.moved.is_none()).count() as u64;
    if not_moved > 0 {
        cautions.push(html! { (counted(not_moved, "table")) " of the plan not in this run: " a href="#tables" { "the list of tables" } " says which." });
    }
    let wanted = || report.checks.iter().filter(|check| !check.is_integrity_not_run());
    let left_out: usize = wanted().map(|check| check.left_out.len()).sum();
    let not_done = wanted().filter(|check| !check.is_done).count();
    if left_out + not_done > 0 {
        cautions.push(html! {
            (counted((left_out + not_done) as u64, "thing")) " not compared: " a href="#proof" { "each with its reason" } "."
        });
    }
    let [skipped, nulled] = [0, 1].map(|part| {
        report
            .rejects
            .iter()
            .fold(0_u64, |sum, rejects| sum.saturating_add([rejects.skipped, rejects.nulled][part]))
    });
    if skipped > 0 || nulled > 0 {
        cautions.push(html! {
            (counted(skipped, "row")) " skipped and " (counted(nulled, "value")) " set to NULL, as the plan allows: " a href="#rejects" { "where" } "."
        });
    }
    if !report.plan.breaches.is_empty() {
        let breaches = report.plan.breaches.len() as u64;
        cautions.push(html! { (counted(breaches, "constraint")) " that rows break came weaker or not at all: " a href="#broken" { "which, and how to repair them" } "." });
    }
    let not_valid = report.plan.not_valid_before().len() as u64;
    if not_valid > 0 {
        cautions.push(html! { (counted(not_valid, "constraint")) " that the app has NOT VALID: it says nothing about rows that are there already." });
    }
    if !report.plan.left_behind.is_empty() {
        let left = report.plan.left_behind.len() as u64;
        cautions.push(
            html! { (counted(left, "thing")) " not migrated: " a href="#behind" { "what, and why" } "." },
        );
    }
    cautions.into_iter().map(warn).collect()
}
