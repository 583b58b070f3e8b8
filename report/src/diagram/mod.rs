//! A schema as a picture: which tables and columns are drawn, and which are only counted or listed so that it stays readable.
//!
//! Tables stand in layers by the depth of their references (`layers`), get their places (`place`), their references are led
//! through the gutters between them (`route`), and all becomes SVG (`draw`).

mod draw;
mod layers;
mod place;
mod route;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use maud::Markup;
use migrate_core::plan::Plan;

use crate::model::{DiagramColumn, DiagramReference, DiagramTable};
use crate::text;

/// Up to this number of tables, all of them are drawn with all columns.
const TABLES_IN_FULL_MAX: usize = 15;

/// Maximum number of tables that are drawn: those with the most references.
const TABLES_DRAWN_MAX: usize = 40;

/// Maximum number of columns of a table that is drawn with all kinds of columns.
const COLUMNS_MAX: usize = 30;

/// Maximum number of columns of a table that is drawn with keys and references only.
const COLUMNS_FOLDED_MAX: usize = 12;

/// The longest name of a table or column that is drawn in full, in letters; longer ones are complete in a tooltip.
const NAME_LETTERS_MAX: usize = 24;

/// The same of a type.
const TYPE_LETTERS_MAX: usize = 14;

/// A picture of a schema.
#[derive(Debug)]
pub(crate) struct Diagram {
    shapes: Vec<Shape>,
    edges: Vec<Edge>,
    layout: place::Layout,
    routes: Vec<route::Route>,
    /// The names of the tables that are not drawn.
    pub(crate) listed: Vec<String>,
    /// Whether columns that are neither key nor reference are left out.
    pub(crate) is_folded: bool,
}

/// A table as it is drawn.
#[derive(Debug)]
struct Shape {
    name: String,
    is_left_behind: bool,
    rows: Vec<ColumnRow>,
    /// How many columns are not drawn.
    folded: usize,
}

/// A column as it is drawn.
#[derive(Debug)]
struct ColumnRow {
    name: String,
    type_name: String,
    is_key: bool,
    is_reference: bool,
    not_null: bool,
}

/// A reference between two tables that are drawn. Row 0 is the head of a table, and represents columns that are not drawn.
#[derive(Debug)]
struct Edge {
    child: usize,
    child_row: usize,
    parent: usize,
    parent_row: usize,
    title: String,
}

impl Shape {
    /// The height in rows: the head, the columns, and one that counts the others.
    fn height(&self) -> usize {
        1 + self.rows.len() + usize::from(self.folded > 0)
    }
}

impl Diagram {
    /// The picture of these tables; none where there are none.
    pub(crate) fn of(tables: &[DiagramTable]) -> Option<Diagram> {
        if tables.is_empty() {
            return None;
        }
        let places = places(tables);
        let links: Vec<(usize, usize, &DiagramReference)> = (tables.iter().enumerate())
            .flat_map(|(child, table)| table.references.iter().map(move |reference| (child, reference)))
            .filter_map(|(child, reference)| Some((child, *places.get(reference.table.as_str())?, reference)))
            .collect();
        let drawn = drawn(tables.len(), &links);
        let is_folded = drawn.len() > TABLES_IN_FULL_MAX;
        let number: BTreeMap<usize, usize> =
            drawn.iter().enumerate().map(|(at, table)| (*table, at)).collect();
        let links: Vec<(usize, usize, &DiagramReference)> = (links.into_iter())
            .filter(|(child, parent, _)| number.contains_key(child) && number.contains_key(parent))
            .collect();
        let shapes: Vec<Shape> =
            drawn.iter().map(|table| shape(&tables[*table], *table, &links, is_folded)).collect();
        let edges: Vec<Edge> = (links.iter())
            .filter_map(|(child, parent, reference)| {
                let [child_at, parent_at] = [*number.get(child)?, *number.get(parent)?];
                Some(Edge {
                    child: child_at,
                    child_row: row_of(&shapes[child_at], &reference.columns),
                    parent: parent_at,
                    parent_row: row_of(&shapes[parent_at], &reference.parent_columns),
                    title: title(&tables[*child].name, reference),
                })
            })
            .collect();
        let listed = (0..tables.len())
            .filter(|table| !number.contains_key(table))
            .map(|table| tables[table].name.clone())
            .collect();
        let layers = layers::Layers::of(&shapes, &edges);
        let mut layout = place::Layout::of(&shapes, &edges, &layers);
        let routes = route::routes(&shapes, &edges, &layers, &mut layout);
        layout.add_unconnected(&shapes, &layers);
        Some(Diagram { shapes, edges, layout, routes, listed, is_folded })
    }

    /// The picture as SVG. `id` makes the names of its parts unique on the page.
    pub(crate) fn svg(&self, id: &str, title: &str) -> Markup {
        draw::svg(self, id, title)
    }
}

/// The target's tables, as the plan makes them.
pub(crate) fn of_plan(plan: &Plan) -> Vec<DiagramTable> {
    let table = |table: &migrate_core::plan::PlannedTable| DiagramTable {
        name: table.target.clone(),
        columns: (table.columns.iter())
            .map(|column| DiagramColumn {
                name: column.target.clone(),
                type_name: column.target_type.sql().to_owned(),
                is_key: table.primary_key.as_ref().is_some_and(|key| key.columns.contains(&column.target)),
                not_null: column.not_null,
            })
            .chain(table.searches.iter().map(|search| DiagramColumn {
                name: search.target.clone(),
                type_name: "tsvector".to_owned(),
                ..DiagramColumn::default()
            }))
            .collect(),
        references: (table.foreign_keys.iter())
            .map(|key| DiagramReference {
                columns: key.columns.clone(),
                table: key.parent_table.clone(),
                parent_columns: key.parent_columns.clone(),
            })
            .collect(),
        left_behind: None,
    };
    plan.tables.iter().map(table).collect()
}

/// The position of each table in the list; names that differ in case alone are equal, as in SQLite.
fn places(tables: &[DiagramTable]) -> BTreeMap<&str, usize> {
    let mut exact: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, table) in tables.iter().enumerate() {
        exact.entry(table.name.as_str()).or_insert(place);
    }
    let folded: BTreeMap<String, usize> = tables
        .iter()
        .enumerate()
        .rev()
        .map(|(place, table)| (table.name.to_ascii_lowercase(), place))
        .collect();
    for reference in tables.iter().flat_map(|table| &table.references) {
        if let Some(place) = folded.get(&reference.table.to_ascii_lowercase()) {
            exact.entry(reference.table.as_str()).or_insert(*place);
        }
    }
    exact
}

/// Which tables are drawn, in their order.
fn drawn(tables: usize, links: &[(usize, usize, &DiagramReference)]) -> Vec<usize> {
    if tables <= TABLES_IN_FULL_MAX {
        return (0..tables).collect();
    }
    let mut degrees = vec![0_usize; tables];
    for (child, parent, _) in links {
        degrees[*child] += 1;
        degrees[*parent] += 1;
    }
    let mut connected: Vec<usize> = (0..tables).filter(|table| degrees[*table] > 0).collect();
    connected.sort_by_key(|table| (std::cmp::Reverse(degrees[*table]), *table));
    connected.truncate(TABLES_DRAWN_MAX);
    connected.sort_unstable();
    connected
}

fn shape(
    table: &DiagramTable,
    place: usize,
    links: &[(usize, usize, &DiagramReference)],
    is_folded: bool,
) -> Shape {
    let mut referring = BTreeSet::new();
    let mut referred = BTreeSet::new();
    for (child, parent, reference) in links {
        if *child == place {
            referring.extend(reference.columns.iter().map(|name| name.to_ascii_lowercase()));
        }
        if *parent == place {
            referred.extend(reference.parent_columns.iter().map(|name| name.to_ascii_lowercase()));
        }
    }
    let is_linked = |column: &DiagramColumn| {
        let name = column.name.to_ascii_lowercase();
        column.is_key || referring.contains(&name) || referred.contains(&name)
    };
    let columns_max = if is_folded { COLUMNS_FOLDED_MAX } else { COLUMNS_MAX };
    // Where there is no room for all, the columns that lines lead to come first.
    let mut left =
        columns_max.saturating_sub(table.columns.iter().filter(|column| is_linked(column)).count());
    let mut linked_left = columns_max;
    let rows: Vec<ColumnRow> = (table.columns.iter())
        .filter(|column| {
            let room = if is_linked(column) { &mut linked_left } else { &mut left };
            let has_room = *room > 0 && (is_linked(column) || !is_folded);
            *room = room.saturating_sub(1);
            has_room
        })
        .map(|column| ColumnRow {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            is_key: column.is_key,
            is_reference: referring.contains(&column.name.to_ascii_lowercase()),
            not_null: column.not_null,
        })
        .collect();
    let folded = table.columns.len() - rows.len();
    Shape { name: table.name.clone(), is_left_behind: table.left_behind.is_some(), rows, folded }
}

/// The row of the first of these columns; the head where it is not drawn.
fn row_of(shape: &Shape, columns: &[String]) -> usize {
    let Some(first) = columns.first() else { return 0 };
    shape.rows.iter().position(|row| row.name.eq_ignore_ascii_case(first)).map_or(0, |row| row + 1)
}

/// Describes a reference: `track (album_id) → album (id)`.
pub(crate) fn title(child: &str, reference: &DiagramReference) -> String {
    let list = |columns: &[String]| {
        let columns: Vec<String> = columns.iter().map(|column| text::name(column)).collect();
        if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) }
    };
    format!(
        "{}{} → {}{}",
        text::name(child),
        list(&reference.columns),
        text::name(&reference.table),
        list(&reference.parent_columns)
    )
}
