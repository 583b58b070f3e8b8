//! The durations: phases as a band, below it the longest tables and builds as bars, and all of it as text.

use maud::{Markup, html};

use super::page::Page;
use super::parts::{name, scrolling, table_link};
use crate::figures::{counted, percent, seconds};
use crate::model::{Span, SpanKind};
use crate::text;

/// Maximum number of tables and builds with a bar; the others are summed up.
const BARS_MAX: usize = 16;

/// The height of the band of phases, in pixels.
const BAND: usize = 30;

/// The height of a bar with its text, in pixels.
const STEP: usize = 32;

/// The space for the text of the axis, in pixels.
const AXIS: usize = 26;

/// The least width of a phase that has its number written upon it, in percent.
const NUMBERED_PERCENT_MIN: f64 = 2.5;

/// The section; none where nothing was timed.
pub(super) fn body(page: &Page<'_>) -> Option<Markup> {
    let spans = &page.report.timeline;
    let total = spans.iter().map(end).fold(0.0, f64::max);
    if spans.is_empty() || total <= 0.0 {
        return None;
    }
    let phases: Vec<&Span> = spans.iter().filter(|span| span.kind == SpanKind::Phase).collect();
    let mut others: Vec<&Span> = spans.iter().filter(|span| span.kind != SpanKind::Phase).collect();
    others.sort_by(|left, right| right.seconds.total_cmp(&left.seconds));
    let rest = others.split_off(others.len().min(BARS_MAX));
    others.sort_by(|left, right| left.begin_seconds.total_cmp(&right.begin_seconds));
    Some(html! {
        p.intro {
            (seconds(total)) " at work, from the beginning to the end"
            @if !rest.is_empty() { "; the " (others.len()) " tables and builds that took longest, and the others summed up" }
            "."
        }
        figure {
            (chart(&phases, &others, &rest, total))
            ul.legend {
                @for (at, phase) in phases.iter().enumerate() {
                    li { b { (at + 1) } span { (name(&phase.name)) " " (seconds(phase.seconds)) } }
                }
                li { svg width="22" height="8" aria-hidden="true" class="chart" style="width:22px" { rect.rows width="22" height="8" rx="2" {} } "rows of a table" }
                li { svg width="22" height="8" aria-hidden="true" class="chart" style="width:22px" { rect.build x="1" y="1" width="20" height="6" rx="2" {} } "a key, index or constraint" }
            }
        }
        details.minor { summary { "The same as a table" } (as_table(page, spans, total)) }
    })
}

fn end(span: &Span) -> f64 {
    let end = span.begin_seconds.max(0.0) + span.seconds.max(0.0);
    if end.is_finite() { end } else { 0.0 }
}

/// Positions are in percent of the width and heights in pixels, so that text keeps its size on every screen.
fn chart(phases: &[&Span], bars: &[&Span], rest: &[&Span], total: f64) -> Markup {
    let lanes = lanes(phases);
    let band = BAND * lanes.iter().map(|lane| lane + 1).max().unwrap_or(0);
    let top = AXIS + band + 14;
    let count = bars.len() + usize::from(!rest.is_empty());
    let height = top + STEP * count;
    html! {
        svg.chart role="img" aria-labelledby="time-title time-desc" height=(height) {
            title id="time-title" { "Phases, tables and builds over time" }
            desc id="time-desc" { (counted(phases.len() as u64, "phase")) " as a band, " (counted(bars.len() as u64, "bar")) " for tables and builds below. The table below the chart has the same content as text." }
            @for (at, mark) in marks(total).into_iter().enumerate() {
                line.grid x1=(x(mark, total)) x2=(x(mark, total)) y1="18" y2=(height) {}
                @if percent(mark, total) < 94.0 {
                    text.quiet x=(x(mark, total)) y="12" text-anchor=(if at == 0 { "start" } else { "middle" }) { (seconds(mark).replace(".00 s", " s").replace(".0 s", " s")) }
                }
            }
            @for ((at, phase), lane) in phases.iter().enumerate().zip(&lanes) {
                (phase_bar(at, phase, AXIS + lane * BAND, total))
            }
            @for (at, span) in bars.iter().enumerate() { (bar(span, top + at * STEP, total)) }
            @if !rest.is_empty() { (others(rest, top + bars.len() * STEP)) }
        }
    }
}

fn phase_bar(at: usize, phase: &Span, y: usize, total: f64) -> Markup {
    let wide = percent(phase.seconds, total);
    let middle = percent(phase.begin_seconds + phase.seconds / 2.0, total);
    html! {
        g {
            title { (text::name(&phase.name)) ": " (seconds(phase.seconds)) }
            rect.phase x=(x(phase.begin_seconds, total)) y=(y + 1) width=(width(phase.seconds, total)) height=(BAND - 4) rx="3" {}
            @if wide >= NUMBERED_PERCENT_MIN {
                text.on-phase x=(percentage(middle)) y=(y + BAND / 2 + 3) text-anchor="middle" { (at + 1) }
            }
        }
    }
}

fn bar(span: &Span, y: usize, total: f64) -> Markup {
    let label = label(span);
    let is_rows = span.kind == SpanKind::Rows;
    html! {
        g {
            title { (label) ": " (seconds(span.seconds)) ", begun at " (seconds(span.begin_seconds)) }
            text x="0" y=(y + 13) { (text::clipped(&label, 44)) tspan.quiet dx="8" { (seconds(span.seconds)) } }
            rect.rows[is_rows].build[!is_rows] x=(x(span.begin_seconds, total)) y=(y + 19) width=(width(span.seconds, total)) height="7" rx="2" {}
        }
    }
}

fn others(rest: &[&Span], y: usize) -> Markup {
    let sum: f64 = rest.iter().map(|span| span.seconds.max(0.0)).sum();
    html! {
        text.quiet x="0" y=(y + 13) { "and " (counted(rest.len() as u64, "other")) ", " (seconds(sum)) " together" }
    }
}

fn label(span: &Span) -> String {
    match (&span.table, span.kind) {
        (Some(table), SpanKind::Build) if *table != span.name => {
            format!("{} on {}", text::name(&span.name), text::name(table))
        }
        _ => text::name(&span.name),
    }
}

/// The lane of each phase: the first in which nothing is at its time.
fn lanes(phases: &[&Span]) -> Vec<usize> {
    let mut ends: Vec<f64> = Vec::new();
    let lane_of = |phase: &&Span| {
        // Clocks are read one after the other: a millionth of a second is no overlap.
        let free = ends.iter().position(|end| *end <= phase.begin_seconds + 1e-6);
        let lane = free.unwrap_or(ends.len());
        match ends.get_mut(lane) {
            Some(last) => *last = end(phase),
            None => ends.push(end(phase)),
        }
        lane
    };
    phases.iter().map(lane_of).collect()
}

/// Round moments, four to nine of them.
fn marks(total: f64) -> Vec<f64> {
    let mut step = 10_f64.powf((total / 5.0).log10().floor());
    for factor in [2.0, 2.5, 2.0] {
        if total / step > 8.0 {
            step *= factor;
        }
    }
    if !step.is_finite() || step <= 0.0 {
        return Vec::new();
    }
    (0..=8).map(|at| f64::from(at) * step).take_while(|mark| *mark <= total).collect()
}

fn x(moment: f64, total: f64) -> String {
    percentage(percent(moment, total))
}

/// At least so wide that it can be seen.
fn width(time: f64, total: f64) -> String {
    percentage(percent(time, total).max(0.2))
}

fn percentage(percent: f64) -> String {
    format!("{percent:.3}%")
}

fn as_table(page: &Page<'_>, spans: &[Span], total: f64) -> Markup {
    let kind = |span: &Span| match span.kind {
        SpanKind::Phase => "phase",
        SpanKind::Rows => "rows",
        SpanKind::Build => "build",
    };
    let content = html! {
        table.medium {
            caption { "All that was timed, in seconds since the run began" }
            thead { tr { th scope="col" { "What" } th scope="col" { "Kind" } th scope="col" { "Table" } th.number scope="col" { "Begun at" } th.number scope="col" { "Took" } th.number scope="col" { "Share" } } }
            tbody {
                @for span in spans {
                    tr {
                        th scope="row" { (name(&span.name)) }
                        td { (kind(span)) }
                        td { @if let Some(table) = &span.table { (table_link(page, table)) } }
                        td.number { (seconds(span.begin_seconds)) }
                        td.number { (seconds(span.seconds)) }
                        td.number { (format!("{:.1} %", percent(span.seconds, total))) }
                    }
                }
            }
        }
    };
    scrolling("All that was timed", content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(begin_seconds: f64, seconds: f64) -> Span {
        Span { kind: SpanKind::Phase, name: String::new(), table: None, begin_seconds, seconds }
    }

    #[test]
    fn an_axis_has_a_handful_of_round_marks() {
        for total in [0.0004, 0.013, 0.9, 1.0, 4.2, 9.9, 61.0, 3_600.0, 1e6] {
            let marks = marks(total);
            assert!((3..=9).contains(&marks.len()), "{total}: {marks:?}");
            assert!(marks.iter().all(|mark| *mark <= total));
        }
        assert!(marks(0.0).len() <= 1 && marks(f64::INFINITY).is_empty());
    }

    #[test]
    fn phases_at_one_time_are_in_lanes_of_their_own() {
        let spans = [span(0.0, 1.0), span(1.0, 2.0), span(2.0, 2.0), span(3.0, 1.0)];
        assert_eq!(lanes(&spans.iter().collect::<Vec<_>>()), [0, 0, 1, 0]);
    }
}
