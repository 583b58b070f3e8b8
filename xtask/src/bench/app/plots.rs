//! Charts of the loads as SVG: latency and throughput against users, for each workload one file.
//!
//! Text uses a generic font family, so that no font is needed here, and the background is white on dark pages, too.

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

use super::backend::BackendKind;
use super::pacing::Pacing;
use super::promises::SERVED_P95_MAX_MS;
use super::results::{CellFigures, Results};
use super::workload::Workload;

/// The size of one chart in pixels.
const CHART: (u32, u32) = (520, 340);

/// The height of the heading: with one column, the legend is below the title.
fn heading_height(columns: u32) -> u32 {
    if columns > 1 { 40 } else { 72 }
}

const FONT: &str = "sans-serif";

/// A drawing area of an SVG.
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    Latency,
    Throughput,
}

/// Distinguishable for the colour-blind, and dark enough on white.
fn colour(backend: BackendKind) -> RGBColor {
    match backend {
        BackendKind::SqliteFull => RGBColor(213, 94, 0),
        BackendKind::SqliteNormal => RGBColor(204, 121, 167),
        BackendKind::Postgres => RGBColor(0, 114, 178),
    }
}

/// Draws the charts of a workload; none if it was not measured.
///
/// # Errors
/// When plotters refuses a range.
pub(crate) fn svg(results: &Results, workload: Workload) -> anyhow::Result<Option<String>> {
    let measured: Vec<Pacing> = Pacing::ALL
        .into_iter()
        .filter(|pacing| {
            results.cells.iter().any(|cell| cell.load.workload == workload && cell.load.pacing == *pacing)
        })
        .collect();
    if measured.is_empty() {
        return Ok(None);
    }
    let columns = u32::try_from(measured.len())?;
    let size = (CHART.0 * columns, CHART.1 * 2 + heading_height(columns));
    let mut text = String::new();
    draw(&mut text, size, results, workload, &measured)
        .map_err(|error| anyhow!("the charts of {} cannot be drawn: {error}", workload.name()))?;
    Ok(Some(text))
}

/// An error of plotters, which is not `Send`.
type DrawingResult = Result<(), Box<dyn std::error::Error>>;

fn draw(
    text: &mut String,
    size: (u32, u32),
    results: &Results,
    workload: Workload,
    pacings: &[Pacing],
) -> DrawingResult {
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&WHITE)?;
    let (heading, body) = root.split_vertically(heading_height(u32::try_from(pacings.len())?));
    legend(&heading, workload)?;
    let areas = body.split_evenly((2, pacings.len()));
    let panels = [Figure::Latency, Figure::Throughput]
        .into_iter()
        .flat_map(|figure| pacings.iter().map(move |pacing| (figure, *pacing)));
    for (area, (figure, pacing)) in areas.iter().zip(panels) {
        panel(area, results, workload, figure, pacing)?;
    }
    root.present()?;
    Ok(())
}

/// Writes the name of the workload, and which colour is which database.
fn legend(area: &Area<'_>, workload: Workload) -> DrawingResult {
    let title = (FONT, 24).into_font().style(FontStyle::Bold).color(&BLACK);
    area.draw_text(workload.label(), &title, (16, 12))?;
    let (width, _) = area.dim_in_pixel();
    let (mut x, y) = if width < CHART.0 * 2 { (20, 54) } else { (560, 22) };
    for backend in BackendKind::ALL {
        let colour = colour(backend);
        area.draw(&PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)))?;
        area.draw(&Circle::new((x + 12, y), 4, colour.filled()))?;
        area.draw_text(backend.label(), &(FONT, 17).into_font().color(&BLACK), (x + 30, y - 7))?;
        x += 156;
    }
    Ok(())
}

fn panel(
    area: &Area<'_>,
    results: &Results,
    workload: Workload,
    figure: Figure,
    pacing: Pacing,
) -> DrawingResult {
    let cells: Vec<&CellFigures> = results
        .cells
        .iter()
        .filter(|cell| cell.load.workload == workload && cell.load.pacing == pacing)
        .collect();
    let users: Vec<f64> = results
        .users()
        .into_iter()
        .filter(|users| cells.iter().any(|cell| cell.load.users == *users))
        .map(f64::from)
        .collect();
    let (Some(fewest), Some(most)) = (users.first().copied(), users.last().copied()) else { return Ok(()) };
    let caption = match figure {
        Figure::Latency => format!("latency, 95 % are faster — {}", pacing.label()),
        Figure::Throughput => format!("throughput — {}", pacing.label()),
    };
    // One range for both paces, so that they can be compared.
    let of_workload = results.cells.iter().filter(|cell| cell.load.workload == workload);
    let (least, largest) = decades(of_workload.map(|cell| value(cell, figure)));
    let mut chart = ChartBuilder::on(area)
        .caption(caption, (FONT, 19).into_font().color(&BLACK))
        .margin(8)
        .margin_right(20)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(
            (fewest * 0.85..most * 1.2).log_scale().with_key_points(users),
            (least..largest).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("users at the same time")
        .y_desc(match figure {
            Figure::Latency => "milliseconds",
            Figure::Throughput => "operations per second",
        })
        .x_label_formatter(&|users| format!("{users:.0}"))
        .y_label_formatter(&|value| axis_label(*value))
        .label_style((FONT, 15))
        .axis_desc_style((FONT, 16))
        .bold_line_style(RGBColor(200, 200, 200))
        .light_line_style(RGBColor(238, 238, 238))
        .draw()?;
    if figure == Figure::Latency
        && pacing == Pacing::ThinkTime
        && (least..largest).contains(&SERVED_P95_MAX_MS)
    {
        let line = [(fewest * 0.85, SERVED_P95_MAX_MS), (most * 1.2, SERVED_P95_MAX_MS)];
        chart.draw_series(DashedLineSeries::new(line, 6, 4, RGBColor(90, 90, 90).stroke_width(1)))?;
    }
    for backend in BackendKind::ALL {
        let mut line: Vec<(f64, f64, u64)> = cells
            .iter()
            .filter(|cell| cell.backend == backend)
            .map(|cell| (f64::from(cell.load.users), value(cell, figure), cell.errors.total()))
            // Zero has no logarithm.
            .filter(|(_, value, _)| *value > 0.0)
            .collect();
        line.sort_by(|one, other| one.0.total_cmp(&other.0));
        series(&mut chart, &line, colour(backend))?;
    }
    Ok(())
}

/// Draws one line with its points; a point with errors is crossed out and has their number.
fn series<X, Y>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, Y>>,
    line: &[(f64, f64, u64)],
    colour: RGBColor,
) -> DrawingResult
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64> + AsRangedCoord<CoordDescType = X, Value = f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64> + AsRangedCoord<CoordDescType = Y, Value = f64>,
{
    let points = line.iter().map(|(users, value, _)| (*users, *value));
    chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
    chart.draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))?;
    let failed: Vec<_> = line.iter().filter(|(.., errors)| *errors > 0).collect();
    chart.draw_series(
        failed.iter().map(|(users, value, _)| Cross::new((*users, *value), 7, colour.stroke_width(2))),
    )?;
    chart.draw_series(failed.iter().map(|(users, value, errors)| {
        let words = format!("{errors} failed");
        EmptyElement::at((*users, *value))
            + Text::new(words, (-24, -22), (FONT, 14).into_font().color(&colour))
    }))?;
    Ok(())
}

fn value(cell: &CellFigures, figure: Figure) -> f64 {
    match figure {
        Figure::Latency => cell.latency.p95,
        Figure::Throughput => cell.throughput,
    }
}

/// The range from power of ten to power of ten that contains all values above zero.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let positive = values.filter(|value| *value > 0.0).map(|value| value.max(1e-3));
    let least = positive.clone().fold(f64::INFINITY, f64::min);
    let largest = positive.fold(1e-3, f64::max);
    let below = 10_f64.powf(least.min(largest).log10().floor());
    let above = 10_f64.powf(largest.log10().ceil());
    (below, if above > below { above } else { below * 10.0 })
}

/// A value of an axis, without digits that say nothing.
fn axis_label(value: f64) -> String {
    if value >= 1.0 {
        ::report::figures::count(value.round() as u64)
    } else {
        let digits = (-value.log10().floor()).clamp(1.0, 6.0) as usize;
        format!("{value:.digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::app::measure::{ErrorCounts, Load};
    use crate::bench::app::results::Latency;

    fn cell(backend: BackendKind, users: u32, pacing: Pacing, p95: f64, errors: u64) -> CellFigures {
        let errors = ErrorCounts { busy: errors, ..ErrorCounts::default() };
        CellFigures {
            backend,
            load: Load { workload: Workload::Queue, users, pacing },
            throughput: 900.0 / p95,
            throughput_spread: (1.0, 2.0),
            served_share: None,
            starved_users: None,
            operations: 100,
            errors,
            latency: Latency { p50: p95 / 2.0, p95, p99: p95 * 2.0, max: p95 * 3.0 },
            claim: None,
        }
    }

    #[test]
    fn a_chart_is_well_formed_and_marks_errors() {
        let mut results = Results::default();
        for (users, p95) in [(1, 0.4), (10, 3.0), (20, 7.0), (50, 40.0), (100, 160.0), (200, 900.0)] {
            for pacing in Pacing::ALL {
                results.cells.push(cell(BackendKind::SqliteFull, users, pacing, p95, u64::from(users) / 100));
                results.cells.push(cell(BackendKind::SqliteNormal, users, pacing, p95 / 3.0, 0));
                results.cells.push(cell(BackendKind::Postgres, users, pacing, 1.0 + p95 / 20.0, 0));
            }
        }
        let svg = svg(&results, Workload::Queue).unwrap().unwrap();
        if let Some(path) = std::env::var_os("BENCH_PLOT") {
            std::fs::write(path, &svg).unwrap();
        }
        for words in [
            "job queue",
            "SQLite FULL",
            "PostgreSQL",
            "milliseconds",
            "\n200\n",
            "2 failed",
            "font-family=\"sans-serif\"",
        ] {
            assert!(svg.contains(words), "{words}: {svg}");
        }
        let mut reader = quick_xml::Reader::from_str(&svg);
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
        assert_eq!(super::svg(&results, Workload::Reads).unwrap(), None);
    }

    #[test]
    fn a_range_ends_at_powers_of_ten() {
        for (values, expected) in [
            (vec![0.4, 900.0], (0.1, 1000.0)),
            (vec![1.0, 10.0], (1.0, 10.0)),
            (vec![3.0], (1.0, 10.0)),
            (vec![10.0], (10.0, 100.0)),
            (vec![0.0, 5.0], (1.0, 10.0)),
            (vec![], (0.001, 0.01)),
        ] {
            let (below, above) = decades(values.clone().into_iter());
            assert!((below - expected.0).abs() < 1e-9 && (above - expected.1).abs() < 1e-9, "{values:?}");
        }
        for (value, label) in [(0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (10_000.0, "10,000")] {
            assert_eq!(axis_label(value), label);
        }
    }
}
