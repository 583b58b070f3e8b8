//! The picture as SVG: plain shapes, coloured by the page's style, with everything that is cut whole in a tooltip.

use std::collections::BTreeSet;
use std::fmt::Write;

use maud::{Markup, html};

use super::place::{MARGIN, ROW, height, rows};
use super::route::Route;
use super::{ColumnRow, Diagram, NAME_LETTERS_MAX, Shape, TYPE_LETTERS_MAX};
use crate::figures::counted;
use crate::text;

/// The radius of a line's corners, in pixels.
const CORNER: i32 = 5;

/// The picture; `id` makes the names of its parts unique on the page.
pub(super) fn svg(diagram: &Diagram, id: &str, title: &str) -> Markup {
    let (width, height) = diagram.layout.size;
    let summary = format!(
        "{} as boxes with their columns, {} as arrows from the referencing table to the referenced one. The list below has the same content as text.",
        counted(diagram.shapes.len() as u64, "table"),
        counted(diagram.edges.len() as u64, "reference"),
    );
    html! {
        svg.diagram role="img" aria-labelledby={ (id) "-title " (id) "-desc" } width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } {
            title id={ (id) "-title" } { (title) }
            desc id={ (id) "-desc" } { (summary) }
            g.edges {
                @for (edge, route) in diagram.edges.iter().zip(&diagram.routes) {
                    g.edge {
                        title { (edge.title) }
                        path.wide d=(path(&route.points)) {}
                        path.line d=(path(&route.points)) {}
                    }
                }
            }
            @for (shape, corner) in diagram.shapes.iter().zip(&diagram.layout.corners) {
                (table(shape, *corner, diagram.layout.table_width))
            }
            g.ends { (ends(&diagram.routes)) }
        }
    }
}

fn table(shape: &Shape, (x, y): (i32, i32), width: i32) -> Markup {
    let name = text::name(&shape.name);
    let letters_max = usize::try_from((width - 20) * 10 / 75).unwrap_or(NAME_LETTERS_MAX);
    html! {
        g.table.left-behind[shape.is_left_behind] {
            rect.box x=(x) y=(y) width=(width) height=(height(shape)) rx="4" {}
            path.head d={ "M" (x) " " (y + ROW) "v" (4 - ROW) "q0 -4 4 -4h" (width - 8) "q4 0 4 4v" (ROW - 4) "z" } {}
            text.name x=(x + 9) y=(y + 14) {
                title { (name) @if shape.is_left_behind { " (not migrated)" } }
                (text::clipped(&name, letters_max))
            }
            @for (at, row) in shape.rows.iter().enumerate() { (column(row, x, y + rows(at + 1) * ROW, width)) }
            @if shape.folded > 0 {
                text.more x=(x + 30) y=(y + rows(shape.rows.len() + 1) * ROW + 14) { "+ " (counted(shape.folded as u64, "column")) }
            }
        }
    }
}

fn column(row: &ColumnRow, x: i32, y: i32, width: i32) -> Markup {
    let name = text::name(&row.name);
    let type_name = text::one_line(&row.type_name);
    let mark = match (row.is_key, row.is_reference) {
        (true, _) => "PK",
        (false, true) => "FK",
        (false, false) => "",
    };
    let null = if row.not_null { "NOT NULL" } else { "may be NULL" };
    html! {
        g {
            title { (name) @if !type_name.is_empty() { " " (type_name) } ", " (null) @if row.is_key { ", primary key" } @if row.is_reference { ", reference" } }
            @if !mark.is_empty() { text.mark x=(x + 8) y=(y + 14) { (mark) } }
            text.column.key[row.is_key] x=(x + 30) y=(y + 14) { (text::clipped(&name, NAME_LETTERS_MAX)) }
            text.type x=(x + width - 20) y=(y + 14) text-anchor="end" { (text::clipped(&type_name, TYPE_LETTERS_MAX)) }
            circle.null.not-null[row.not_null] cx=(x + width - 10) cy=(y + ROW / 2) r="2.5" {}
        }
    }
}

/// An arrow where a line arrives, a dot where it begins; one each where several lines share a place.
fn ends(routes: &[Route]) -> Markup {
    let arrows: BTreeSet<((i32, i32), i32)> = (routes.iter())
        .filter_map(|route| Some((*route.points.last()?, if route.arrives_from_right { 1 } else { -1 })))
        .collect();
    let dots: BTreeSet<(i32, i32)> =
        routes.iter().filter_map(|route| route.points.first().copied()).collect();
    html! {
        @for ((x, y), towards) in arrows { path.arrow d={ "M" (x) " " (y) "l" (8 * towards) " -4v8z" } {} }
        @for (x, y) in dots { circle.dot cx=(x) cy=(y) r="2.5" {} }
    }
}

/// A line with round corners.
fn path(points: &[(i32, i32)]) -> String {
    let mut out = String::new();
    let mut previous: Option<(i32, i32)> = None;
    for (at, point) in points.iter().enumerate() {
        let (x, y) = *point;
        let next = points.get(at + 1);
        // Writing to a string cannot fail.
        let _ = match (previous, next) {
            (None, _) => write!(out, "M{x} {y}"),
            (Some(_), None) => write!(out, "L{x} {y}"),
            (Some(from), Some(to)) => {
                let [before, after] = [towards(*point, from), towards(*point, *to)];
                write!(out, "L{} {}Q{x} {y} {} {}", before.0, before.1, after.0, after.1)
            }
        };
        previous = Some(*point);
    }
    out
}

/// The place on the way from a corner to the next, where its rounding ends.
fn towards((x, y): (i32, i32), to: (i32, i32)) -> (i32, i32) {
    let step = |from: i32, to: i32| {
        let way = to - from;
        from + way.signum() * CORNER.min(way.abs() / 2)
    };
    (step(x, to.0), step(y, to.1))
}

const _: () = assert!(MARGIN > CORNER, "lines stay within the picture");
