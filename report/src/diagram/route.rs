//! How references are led: upright only in the gutters between layers, level only in gutters and along the ways that `place` left
//! free, so that no line runs through a table.

use std::collections::BTreeMap;

use super::layers::{Item, Layers};
use super::place::{Layout, MARGIN};
use super::{Edge, Shape};

/// The room between two upright lines, in pixels.
const TRACK: i32 = 10;

/// The room between a table and the nearest upright line, in pixels.
const CLEARANCE: i32 = 20;

/// How far a line is set off where it would lie upon another, in pixels.
const SET_OFF: i32 = 3;

/// The way of an edge, from the referencing table to the referenced one.
#[derive(Debug)]
pub(super) struct Route {
    /// The corners of the line.
    pub(super) points: Vec<(i32, i32)>,
    /// Whether it arrives from the right.
    pub(super) arrives_from_right: bool,
}

/// The part of a net in a gutter.
#[derive(Debug, Default)]
struct Stretch {
    net: usize,
    lefts: Vec<i32>,
    rights: Vec<i32>,
    track: i32,
}

impl Stretch {
    fn span(&self) -> (i32, i32) {
        let all = || self.lefts.iter().chain(&self.rights).copied();
        (all().min().unwrap_or(0), all().max().unwrap_or(0))
    }

    /// The cost of this one to the left of the other: their crossings, and much more if they would overlap.
    fn cost_before(&self, other: &Stretch) -> usize {
        let is_within = |y: i32, (from, to): (i32, i32)| from < y && y < to;
        let crossings = other.lefts.iter().filter(|y| is_within(**y, self.span())).count()
            + self.rights.iter().filter(|y| is_within(**y, other.span())).count();
        let overlaps = self.rights.iter().filter(|y| other.lefts.contains(y)).count();
        crossings + 1_000 * overlaps
    }
}

/// Leads all edges, and moves the layers apart so that the gutters have room for them.
pub(super) fn routes(shapes: &[Shape], edges: &[Edge], layers: &Layers, layout: &mut Layout) -> Vec<Route> {
    let mut gutters: Vec<Vec<Stretch>> =
        (0..layers.layers.len()).map(|layer| stretches(layers, layout, layer)).collect();
    let mut tracks = Vec::with_capacity(gutters.len());
    let mut lefts = Vec::with_capacity(gutters.len());
    let mut x = MARGIN;
    for (layer, gutter) in gutters.iter_mut().enumerate() {
        order(gutter);
        let count = number_tracks(gutter);
        lefts.push(x);
        let right = x + layout.table_width;
        let upright = |track: i32| right + CLEARANCE + track * TRACK;
        tracks.push(
            gutter.iter().map(|stretch| (stretch.net, upright(stretch.track))).collect::<BTreeMap<_, _>>(),
        );
        let is_last = layer + 1 == layers.layers.len();
        x = if is_last && count == 0 { right } else { upright(count) - TRACK + CLEARANCE };
    }
    if !gutters.is_empty() {
        layout.size.0 = layout.size.0.max(x + MARGIN);
    }
    for table in 0..shapes.len() {
        if let Some(x) = layers.layer_of[table].and_then(|layer| lefts.get(layer)) {
            layout.corners[table].0 = *x;
        }
    }
    let set_off = set_off(&gutters, &tracks);
    let leader = Leader { layers, layout, tracks: &tracks, set_off: &set_off };
    edges.iter().enumerate().map(|(number, edge)| leader.route(number, edge)).collect()
}

fn stretches(layers: &Layers, layout: &Layout, layer: usize) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    for (number, net) in layers.nets.iter().enumerate() {
        let Some(item) = layers.item_in(number, net, layer) else { continue };
        let mut lefts = match item {
            Item::Table(table) => vec![layout.port(table, net.left.1)],
            Item::Way(_) => layout.ways.get(&(layer, number)).copied().into_iter().collect(),
        };
        if layers.layer_of[net.left.0] == Some(layer) {
            lefts.extend(net.own_rows.iter().map(|row| layout.port(net.left.0, *row)));
        }
        let tables = net.right.iter().filter(|(table, _)| layers.layer_of[*table] == Some(layer + 1));
        let mut rights: Vec<i32> = tables.map(|(table, row)| layout.port(*table, *row)).collect();
        rights.extend(layout.ways.get(&(layer + 1, number)));
        if !rights.is_empty() || lefts.len() > 1 {
            stretches.push(Stretch { net: number, lefts, rights, track: 0 });
        }
    }
    stretches
}

/// Swaps neighbours as long as that costs fewer crossings.
fn order(stretches: &mut [Stretch]) {
    stretches.sort_by_key(|stretch| (stretch.span(), stretch.net));
    for _ in 0..stretches.len() {
        let mut is_better = false;
        for at in 1..stretches.len() {
            let [before, after] = [&stretches[at - 1], &stretches[at]];
            if after.cost_before(before) < before.cost_before(after) {
                stretches.swap(at - 1, at);
                is_better = true;
            }
        }
        if !is_better {
            break;
        }
    }
}

/// Assigns each stretch the leftmost track after the earlier ones that it would touch; returns the number of tracks.
fn number_tracks(stretches: &mut [Stretch]) -> i32 {
    for at in 0..stretches.len() {
        let (from, to) = stretches[at].span();
        let touched = stretches[..at].iter().filter(|before| {
            let span = before.span();
            span.0 <= to + TRACK && from <= span.1 + TRACK
        });
        stretches[at].track = touched.map(|before| before.track + 1).max().unwrap_or(0);
    }
    stretches.iter().map(|stretch| stretch.track + 1).max().unwrap_or(0)
}

/// The ends at tables on the right that are shifted, by gutter, net and height: there another net comes from the left at the same height,
/// and its vertical line is further right.
fn set_off(gutters: &[Vec<Stretch>], tracks: &[BTreeMap<usize, i32>]) -> BTreeMap<(usize, usize, i32), i32> {
    let mut found = BTreeMap::new();
    for (gutter, stretches) in gutters.iter().enumerate() {
        for stretch in stretches {
            for y in &stretch.rights {
                let lies_upon = |other: &Stretch| {
                    other.net != stretch.net
                        && other.lefts.contains(y)
                        && tracks[gutter].get(&other.net) > tracks[gutter].get(&stretch.net)
                };
                if stretches.iter().any(lies_upon) {
                    found.insert((gutter, stretch.net, *y), SET_OFF);
                }
            }
        }
    }
    found
}

/// The data of all other lines that a line needs.
struct Leader<'a> {
    layers: &'a Layers,
    layout: &'a Layout,
    tracks: &'a [BTreeMap<usize, i32>],
    set_off: &'a BTreeMap<(usize, usize, i32), i32>,
}

impl Leader<'_> {
    fn route(&self, number: usize, edge: &Edge) -> Route {
        let number = self.layers.net_of_edge[number];
        let net = &self.layers.nets[number];
        if edge.child == edge.parent {
            return self.own(number, edge);
        }
        let is_back = net.left.0 == edge.child;
        let (right, row) =
            if is_back { (edge.parent, edge.parent_row) } else { (edge.child, edge.child_row) };
        let left_layer = self.layers.layer_of[net.left.0].unwrap_or(0);
        let right_layer = self.layers.layer_of[right].unwrap_or(left_layer + 1);
        let y = self.layout.port(right, row);
        let y = y + self.set_off.get(&(right_layer.saturating_sub(1), number, y)).copied().unwrap_or(0);
        // From the right to the left, gutter by gutter.
        let mut points = vec![(self.layout.corners[right].0, y)];
        let mut height = y;
        for layer in (left_layer..right_layer).rev() {
            let way = self.layout.ways.get(&(layer, number)).copied();
            let next = if layer == left_layer {
                self.layout.port(net.left.0, net.left.1)
            } else {
                way.unwrap_or(height)
            };
            if let Some(x) = self.tracks[layer].get(&number) {
                points.extend([(*x, height), (*x, next)]);
            }
            height = next;
        }
        points.push((self.right_side(net.left.0), height));
        points.dedup();
        if is_back {
            points.reverse();
        }
        Route { points, arrives_from_right: !is_back }
    }

    /// The loop of a reference of a table to itself.
    fn own(&self, number: usize, edge: &Edge) -> Route {
        let side = self.right_side(edge.child);
        let layer = self.layers.layer_of[edge.child].unwrap_or(0);
        let x = self
            .tracks
            .get(layer)
            .and_then(|tracks| tracks.get(&number))
            .copied()
            .unwrap_or(side + CLEARANCE);
        let [from, to] = [edge.child_row, edge.parent_row].map(|row| self.layout.port(edge.child, row));
        Route { points: vec![(side, from), (x, from), (x, to), (side, to)], arrives_from_right: true }
    }

    fn right_side(&self, table: usize) -> i32 {
        self.layout.corners[table].0 + self.layout.table_width
    }
}
