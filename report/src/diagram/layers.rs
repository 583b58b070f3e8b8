//! Tables in layers: each to the right of those that it refers to, as far as cycles allow, and in an order with few crossings.

use std::collections::{BTreeMap, BTreeSet};

use super::{Edge, Shape};

/// How often the order within the layers is improved, in each direction.
const SWEEPS: usize = 12;

/// Lines that lead to one place and share their way: all references to one column, or one reference against the direction.
#[derive(Debug)]
pub(super) struct Net {
    /// Where it begins, on the right side of a table: the table and its row.
    pub(super) left: (usize, usize),
    /// Other rows of the same table that it leads to: references of a table to itself.
    pub(super) own_rows: Vec<usize>,
    /// Where it ends, on the left side of tables.
    pub(super) right: Vec<(usize, usize)>,
}

/// An item of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A table.
    Table(usize),
    /// A way through the layer for a net that leads on.
    Way(usize),
}

/// The layers and the lines between them.
#[derive(Debug)]
pub(super) struct Layers {
    /// From left to right, each from top to bottom.
    pub(super) layers: Vec<Vec<Item>>,
    /// The lines.
    pub(super) nets: Vec<Net>,
    /// The net of each edge.
    pub(super) net_of_edge: Vec<usize>,
    /// The layer of each table; none where it has no reference to others.
    pub(super) layer_of: Vec<Option<usize>>,
}

impl Layers {
    pub(super) fn of(shapes: &[Shape], edges: &[Edge]) -> Layers {
        let rank = ranks(shapes.len(), edges);
        let layer_of = layers_of(shapes.len(), edges, &rank);
        let (nets, net_of_edge) = nets(edges, &rank);
        let count = layer_of.iter().flatten().max().map_or(0, |layer| layer + 1);
        let mut layers = vec![Vec::new(); count];
        for (table, layer) in layer_of.iter().enumerate() {
            if let Some(layer) = layer {
                layers[*layer].push(Item::Table(table));
            }
        }
        for (number, net) in nets.iter().enumerate() {
            let last = net.right.iter().filter_map(|(table, _)| layer_of[*table]).max();
            if let (Some(first), Some(last)) = (layer_of[net.left.0], last) {
                layers[first + 1..last].iter_mut().for_each(|layer| layer.push(Item::Way(number)));
            }
        }
        let mut this = Layers { layers, nets, net_of_edge, layer_of };
        this.order();
        this
    }

    /// The pairs of items that are connected across the gutter to the right of a layer.
    pub(super) fn links(&self, layer: usize) -> Vec<(Item, Item)> {
        let mut links = Vec::new();
        for (number, net) in self.nets.iter().enumerate() {
            let Some(left) = self.item_in(number, net, layer) else { continue };
            let tables = net.right.iter().map(|(table, _)| *table);
            links.extend(
                tables
                    .filter(|table| self.layer_of[*table] == Some(layer + 1))
                    .map(|table| (left, Item::Table(table))),
            );
            if self.layers.get(layer + 1).is_some_and(|items| items.contains(&Item::Way(number))) {
                links.push((left, Item::Way(number)));
            }
        }
        links
    }

    /// The point where a net leaves a layer to the right.
    pub(super) fn item_in(&self, number: usize, net: &Net, layer: usize) -> Option<Item> {
        if self.layer_of[net.left.0] == Some(layer) {
            Some(Item::Table(net.left.0))
        } else {
            self.layers.get(layer)?.contains(&Item::Way(number)).then_some(Item::Way(number))
        }
    }

    /// Sorts each layer by the median of its items' neighbours, in both directions, and keeps the best order.
    fn order(&mut self) {
        let mut best = self.layers.clone();
        let mut fewest = self.crossings();
        for sweep in 0..SWEEPS {
            let is_to_right = sweep % 2 == 0;
            for step in 1..self.layers.len() {
                let layer = if is_to_right { step } else { self.layers.len() - 1 - step };
                self.sort(layer, is_to_right);
            }
            let crossings = self.crossings();
            if crossings < fewest {
                fewest = crossings;
                best.clone_from(&self.layers);
            }
        }
        self.layers = best;
    }

    fn sort(&mut self, layer: usize, by_left: bool) {
        let (neighbour, links) =
            if by_left { (layer - 1, self.links(layer - 1)) } else { (layer + 1, self.links(layer)) };
        let place: BTreeMap<Item, usize> =
            self.layers[neighbour].iter().enumerate().map(|(place, item)| (*item, place)).collect();
        let mut sums: BTreeMap<Item, (usize, usize)> = BTreeMap::new();
        for (left, right) in links {
            let (this, other) = if by_left { (right, left) } else { (left, right) };
            let sum = sums.entry(this).or_default();
            sum.0 += place.get(&other).copied().unwrap_or_default();
            sum.1 += 1;
        }
        let mut items: Vec<(f64, Item)> = (self.layers[layer].iter().enumerate())
            .map(|(place, item)| {
                (sums.get(item).map_or(place as f64, |sum| sum.0 as f64 / sum.1 as f64), *item)
            })
            .collect();
        items.sort_by(|left, right| left.0.total_cmp(&right.0));
        self.layers[layer] = items.into_iter().map(|(_, item)| item).collect();
    }

    fn crossings(&self) -> usize {
        (0..self.layers.len().saturating_sub(1)).map(|layer| self.crossings_behind(layer)).sum()
    }

    fn crossings_behind(&self, layer: usize) -> usize {
        let place = |layer: usize| -> BTreeMap<Item, usize> {
            self.layers[layer].iter().enumerate().map(|(place, item)| (*item, place)).collect()
        };
        let [lefts, rights] = [place(layer), place(layer + 1)];
        let links: Vec<(Option<&usize>, Option<&usize>)> =
            self.links(layer).iter().map(|(left, right)| (lefts.get(left), rights.get(right))).collect();
        let crossing = |(at, first): (usize, &(Option<&usize>, Option<&usize>))| {
            let others = links[at + 1..].iter();
            others
                .filter(|second| {
                    (first.0 < second.0) != (first.1 < second.1) && first.0 != second.0 && first.1 != second.1
                })
                .count()
        };
        links.iter().enumerate().map(crossing).sum()
    }
}

/// The tables in an order in which each follows those that it references. If only cycles are left, the table with the fewest open
/// references is next.
fn ranks(tables: usize, edges: &[Edge]) -> Vec<usize> {
    let mut waits: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); tables];
    for edge in edges.iter().filter(|edge| edge.child != edge.parent) {
        waits[edge.child].insert(edge.parent);
    }
    let mut rank = vec![0; tables];
    let mut left: BTreeSet<usize> = (0..tables).collect();
    for place in 0..tables {
        let Some(next) = left.iter().copied().min_by_key(|table| (waits[*table].len(), *table)) else {
            break;
        };
        left.remove(&next);
        rank[next] = place;
        waits.iter_mut().for_each(|waiting| {
            waiting.remove(&next);
        });
    }
    rank
}

/// Each table one layer after the last of those to its left; those without a table to their left as near as possible.
fn layers_of(tables: usize, edges: &[Edge], rank: &[usize]) -> Vec<Option<usize>> {
    let mut lefts: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); tables];
    let mut rights: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); tables];
    for edge in edges.iter().filter(|edge| edge.child != edge.parent) {
        let is_back = rank[edge.child] < rank[edge.parent];
        let (left, right) = if is_back { (edge.child, edge.parent) } else { (edge.parent, edge.child) };
        lefts[right].insert(left);
        rights[left].insert(right);
    }
    let mut order: Vec<usize> = (0..tables).collect();
    order.sort_by_key(|table| rank[*table]);
    let mut layer = vec![0_usize; tables];
    for table in &order {
        layer[*table] = lefts[*table].iter().map(|left| layer[*left] + 1).max().unwrap_or(0);
    }
    for table in 0..tables {
        if let (true, Some(nearest)) =
            (lefts[table].is_empty(), rights[table].iter().map(|right| layer[*right]).min())
        {
            layer[table] = nearest.saturating_sub(1);
        }
    }
    let has_own = |table: usize| edges.iter().any(|edge| edge.child == table);
    (0..tables)
        .map(|table| {
            (!lefts[table].is_empty() || !rights[table].is_empty() || has_own(table)).then_some(layer[table])
        })
        .collect()
}

fn nets(edges: &[Edge], rank: &[usize]) -> (Vec<Net>, Vec<usize>) {
    let mut nets: Vec<Net> = Vec::new();
    let mut shared: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut of_edge = Vec::with_capacity(edges.len());
    for edge in edges {
        let new = |left| Net { left, own_rows: Vec::new(), right: Vec::new() };
        if rank[edge.child] < rank[edge.parent] {
            nets.push(Net {
                right: vec![(edge.parent, edge.parent_row)],
                ..new((edge.child, edge.child_row))
            });
            of_edge.push(nets.len() - 1);
            continue;
        }
        let number = *shared.entry((edge.parent, edge.parent_row)).or_insert_with(|| {
            nets.push(new((edge.parent, edge.parent_row)));
            nets.len() - 1
        });
        match edge.child == edge.parent {
            true => nets[number].own_rows.push(edge.child_row),
            false => nets[number].right.push((edge.child, edge.child_row)),
        }
        of_edge.push(number);
    }
    (nets, of_edge)
}
