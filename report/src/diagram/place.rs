//! Where tables stand: near what they are connected with, in rows of one height, and never on top of each other.

use std::collections::BTreeMap;

use super::layers::{Item, Layers};
use super::{Edge, NAME_LETTERS_MAX, Shape, TYPE_LETTERS_MAX};
use crate::text;

/// The height of a row, in pixels.
pub(super) const ROW: i32 = 20;

/// The width of a letter in the picture's font, in pixels, rounded up.
const LETTER: f64 = 6.8;

/// The room between tables one above the other, in rows.
const GAP_ROWS: i32 = 1;

/// The room between a table and the picture's edge, in pixels.
pub(super) const MARGIN: i32 = 12;

/// The width that tables without references may fill below the others, in pixels.
const WIDTH_AT_LEAST: i32 = 980;

/// How often places are improved.
const SWEEPS: usize = 8;

/// The places of all tables, in pixels.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The left upper corner of each table; all are of one width.
    pub(super) corners: Vec<(i32, i32)>,
    /// The height of the way of each net through each layer, by layer and net.
    pub(super) ways: BTreeMap<(usize, usize), i32>,
    /// The width of a table.
    pub(super) table_width: i32,
    /// The size of the picture.
    pub(super) size: (i32, i32),
}

impl Layout {
    /// The heights of all items in layers; their places from left to right follow when the gutters are known.
    pub(super) fn of(shapes: &[Shape], edges: &[Edge], layers: &Layers) -> Layout {
        let tops = tops(shapes, layers);
        let mut layout = Layout {
            corners: vec![(MARGIN, MARGIN); shapes.len()],
            table_width: table_width(shapes),
            size: (2 * MARGIN, 2 * MARGIN),
            ..Layout::default()
        };
        let highest = tops.iter().flatten().copied().min().unwrap_or(0);
        for (layer, items) in layers.layers.iter().enumerate() {
            for (item, top) in items.iter().zip(&tops[layer]) {
                let y = MARGIN + (top - highest) * ROW;
                match item {
                    Item::Table(table) => {
                        layout.corners[*table].1 = y;
                        layout.size.1 = layout.size.1.max(y + height(&shapes[*table]) + MARGIN);
                    }
                    // Ways are set off from the middle of a row, where ports are, and from those of the next layer.
                    Item::Way(net) => {
                        let offset = if layer % 2 == 0 { -6 } else { 6 };
                        layout.ways.insert((layer, *net), y + ROW / 2 + offset);
                        layout.size.1 = layout.size.1.max(y + ROW + MARGIN);
                    }
                }
            }
        }
        debug_assert!(edges.iter().all(|edge| edge.child < shapes.len() && edge.parent < shapes.len()));
        layout
    }

    /// The height of the middle of a row of a table.
    pub(super) fn port(&self, table: usize, row: usize) -> i32 {
        self.corners[table].1 + rows(row) * ROW + ROW / 2
    }

    /// Puts the tables without references below the others, each under the shortest column.
    pub(super) fn add_unconnected(&mut self, shapes: &[Shape], layers: &Layers) {
        let alone: Vec<usize> = (0..shapes.len()).filter(|table| layers.layer_of[*table].is_none()).collect();
        if alone.is_empty() {
            return;
        }
        let step = self.table_width + 2 * ROW;
        let width = self.size.0.max(WIDTH_AT_LEAST);
        let columns =
            usize::try_from((width - 2 * MARGIN + 2 * ROW) / step).unwrap_or(1).clamp(1, alone.len());
        let has_others = alone.len() < shapes.len();
        let top = if has_others { self.size.1 + GAP_ROWS * ROW } else { MARGIN };
        let mut bottoms = vec![top; columns];
        for table in alone {
            let Some(column) = (0..columns).min_by_key(|column| (bottoms[*column], *column)) else { return };
            let x = MARGIN + rows(column) * step;
            self.corners[table] = (x, bottoms[column]);
            let bottom = bottoms[column] + height(&shapes[table]);
            bottoms[column] = bottom + GAP_ROWS * ROW;
            self.size = (self.size.0.max(x + self.table_width + MARGIN), self.size.1.max(bottom + MARGIN));
        }
    }
}

/// The height of a table, in pixels.
pub(super) fn height(shape: &Shape) -> i32 {
    rows(shape.height()) * ROW
}

/// A count of rows as a number to reckon with; there are never as many as it could not hold.
pub(super) fn rows(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX / (4 * ROW))
}

fn table_width(shapes: &[Shape]) -> i32 {
    let widest = |texts: &mut dyn Iterator<Item = usize>, max: usize| texts.max().unwrap_or(0).min(max);
    let all = || shapes.iter().flat_map(|shape| &shape.rows);
    let names = widest(&mut all().map(|row| text::columns(&text::name(&row.name))), NAME_LETTERS_MAX);
    let types =
        widest(&mut all().map(|row| text::columns(&text::one_line(&row.type_name))), TYPE_LETTERS_MAX);
    let heads = widest(
        &mut shapes.iter().map(|shape| text::columns(&text::name(&shape.name))),
        NAME_LETTERS_MAX + TYPE_LETTERS_MAX,
    );
    // The mark of a key before the name, the mark of NOT NULL after it, and space between name and type.
    let of_rows = (names + types) as f64 * LETTER + 62.0;
    let of_heads = heads as f64 * LETTER * 1.1 + 24.0;
    of_rows.max(of_heads).max(120.0).ceil() as i32
}

/// The top of each item, in rows, by layer.
fn tops(shapes: &[Shape], layers: &Layers) -> Vec<Vec<i32>> {
    let height = |item: &Item| match item {
        Item::Table(table) => rows(shapes[*table].height()) + GAP_ROWS,
        Item::Way(_) => 1,
    };
    let mut tops: Vec<Vec<i32>> = (layers.layers.iter())
        .map(|items| {
            let mut next = 0;
            items
                .iter()
                .map(|item| {
                    let top = next;
                    next += height(item);
                    top
                })
                .collect()
        })
        .collect();
    let ports: Vec<Vec<(usize, i32, usize, i32)>> =
        (0..layers.layers.len()).map(|layer| ports_behind(layers, layer)).collect();
    for sweep in 0..SWEEPS {
        for step in 0..layers.layers.len() {
            let layer = if sweep % 2 == 0 { step } else { layers.layers.len() - 1 - step };
            let mut wishes: Vec<Vec<i32>> = vec![Vec::new(); layers.layers[layer].len()];
            if layer > 0 {
                for (left, left_row, right, right_row) in &ports[layer - 1] {
                    wishes[*right].push(tops[layer - 1][*left] + left_row - right_row);
                }
            }
            for (left, left_row, right, right_row) in &ports[layer] {
                wishes[*left].push(tops[layer + 1][*right] + right_row - left_row);
            }
            let heights: Vec<i32> = layers.layers[layer].iter().map(height).collect();
            tops[layer] = settled(&tops[layer], &wishes, &heights);
        }
    }
    tops
}

/// The connections after a layer: table and row on the left, table and row on the right.
fn ports_behind(layers: &Layers, layer: usize) -> Vec<(usize, i32, usize, i32)> {
    let place = |layer: usize, item: Item| layers.layers.get(layer)?.iter().position(|found| *found == item);
    let mut ports = Vec::new();
    for (number, net) in layers.nets.iter().enumerate() {
        let Some(item) = layers.item_in(number, net, layer) else { continue };
        let Some(left) = place(layer, item) else { continue };
        let left_row = if item == Item::Way(number) { 0 } else { rows(net.left.1) };
        let tables = net
            .right
            .iter()
            .filter_map(|(table, row)| Some((place(layer + 1, Item::Table(*table))?, rows(*row))));
        ports.extend(tables.map(|(right, right_row)| (left, left_row, right, right_row)));
        ports.extend(place(layer + 1, Item::Way(number)).map(|right| (left, left_row, right, 0)));
    }
    ports
}

/// The tops nearest to the wishes that keep order and distances: an isotonic regression, by pooling neighbours that collide.
fn settled(now: &[i32], wishes: &[Vec<i32>], heights: &[i32]) -> Vec<i32> {
    // Each pool: the sum of the desired positions, their number, and the number of items in it.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    let mut offset = 0;
    for ((now, wishes), height) in now.iter().zip(wishes).zip(heights) {
        let mut sorted = wishes.clone();
        sorted.sort_unstable();
        // Where nothing is wished, the item is light: it goes where the others let it.
        let (wish, weight) = sorted.get(sorted.len() / 2).map_or((*now, 0.05), |middle| (*middle, 1.0));
        pools.push((f64::from(wish - offset) * weight, weight, 1));
        offset += height;
        while let [.., above, below] = pools.as_slice() {
            if above.0 / above.1 <= below.0 / below.1 {
                break;
            }
            let joined = (above.0 + below.0, above.1 + below.1, above.2 + below.2);
            pools.truncate(pools.len() - 2);
            pools.push(joined);
        }
    }
    let mut offset = 0;
    let starts = pools.iter().flat_map(|pool| std::iter::repeat_n((pool.0 / pool.1).round() as i32, pool.2));
    starts
        .zip(heights)
        .map(|(start, height)| {
            let top = start + offset;
            offset += height;
            top
        })
        .collect()
}
