//! The database of a plan as drizzle-kit sees it: the one source of `schema.ts` and of the snapshots, which therefore agree.

mod column;
mod default;
mod index;

pub(crate) use column::{Column, Kind};
pub(crate) use default::Default;
pub(crate) use index::{Index, IndexKey};

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::drizzle_kit::{in_table_order, is_own_sequence, is_readable_table};
use migrate_core::plan::{
    LeftOut, Plan, PlannedCheck, PlannedDrizzle, PlannedForeignKey, PlannedIndex, PlannedKey, PlannedTable,
    PlannedView,
};

use crate::DocumentTypes;
use crate::names::Names;
use crate::pg_core;

/// The schema for which Drizzle has no object, as PostgreSQL's search path has it anyway.
pub(crate) const PUBLIC: &str = "public";

/// A database.
pub(crate) struct Database<'p> {
    /// The schemas other than `public`, in the order of the plan.
    pub(crate) schemas: Vec<Schema<'p>>,
    /// The tables, parents before children.
    pub(crate) tables: Vec<Table<'p>>,
    /// The views.
    pub(crate) views: Vec<View<'p>>,
    /// The sequences of columns that drizzle-kit does not know to be theirs.
    pub(crate) sequences: Vec<Sequence<'p>>,
}

/// A sequence.
pub(crate) struct Sequence<'p> {
    pub(crate) name: &'p str,
    pub(crate) schema: &'p str,
    /// The constant in TypeScript.
    pub(crate) constant: String,
    pub(crate) max: &'static str,
}

/// A schema of PostgreSQL.
pub(crate) struct Schema<'p> {
    pub(crate) name: &'p str,
    /// The constant in TypeScript.
    pub(crate) constant: String,
}

/// A table.
pub(crate) struct Table<'p> {
    pub(crate) planned: &'p PlannedTable,
    /// The constant in TypeScript.
    pub(crate) constant: String,
    pub(crate) columns: Vec<Column<'p>>,
    /// The primary key, if it has several columns; of one column, the column has it.
    pub(crate) primary_key: Option<Key<'p>>,
    pub(crate) unique: Vec<Key<'p>>,
    pub(crate) foreign_keys: Vec<ForeignKey<'p>>,
    pub(crate) checks: Vec<&'p PlannedCheck>,
    pub(crate) indexes: Vec<Index<'p>>,
}

/// A primary key or UNIQUE constraint.
pub(crate) struct Key<'p> {
    pub(crate) name: &'p str,
    pub(crate) columns: Vec<&'p str>,
}

/// A foreign key.
pub(crate) struct ForeignKey<'p> {
    pub(crate) planned: &'p PlannedForeignKey,
    /// The table that it references, by its place in the database.
    pub(crate) parent: usize,
    pub(crate) columns: Vec<&'p str>,
    pub(crate) parent_columns: Vec<&'p str>,
}

/// A view.
pub(crate) struct View<'p> {
    pub(crate) planned: &'p PlannedView,
    pub(crate) schema: &'p str,
    /// The constant in TypeScript.
    pub(crate) constant: String,
    pub(crate) columns: Vec<Column<'p>>,
}

impl<'p> Database<'p> {
    /// The database of a plan, without what it leaves out.
    pub(crate) fn of(
        plan: &'p Plan,
        decided: &PlannedDrizzle,
        types: Option<&DocumentTypes>,
    ) -> Database<'p> {
        let mut constants = Names::constants(pg_core::NAMES.iter().copied());
        types.iter().flat_map(|types| types.names()).for_each(|name| constants.reserve(name));
        let is_made = |table: &&PlannedTable| table.existing.is_none() && is_readable_table(table);
        // The names follow the order of the plan, so that a new foreign key does not change them.
        let named: BTreeMap<&str, String> = (plan.tables.iter().filter(is_made))
            .map(|table| (table.target.as_str(), constants.add(&table.target)))
            .collect();
        let planned: Vec<&PlannedTable> = plan.parents_first().into_iter().filter(is_made).collect();
        let places =
            planned.iter().enumerate().map(|(place, table)| (table.target.as_str(), place)).collect();
        let left_out = decided.left_out.iter().collect();
        let context = Context { planned: &planned, places, decided, left_out: &left_out, types };
        let tables = planned.iter().map(|table| {
            let constant = named.get(table.target.as_str()).cloned().unwrap_or_default();
            Table::of(table, constant, &context)
        });
        let tables = tables.collect();
        let is_in = |view: &&PlannedView| !left_out.contains(&LeftOut::View { view: view.target.clone() });
        let views = plan.views.iter().filter(is_in).map(|view| View {
            planned: view,
            schema: &plan.target_schema,
            constant: constants.add(&view.target),
            columns: column::of_view(view, decided),
        });
        let views = views.collect();
        let schemas = plan.schemas().into_iter().filter(|name| *name != PUBLIC);
        let schemas = schemas.map(|name| Schema { name, constant: constants.add(&format!("{name}_schema")) });
        let schemas = schemas.collect();
        Database { schemas, tables, views, sequences: sequences(plan, &mut constants) }
    }

    /// The constant of a schema; none for `public`.
    pub(crate) fn schema(&self, name: &str) -> Option<&str> {
        self.schemas.iter().find(|schema| schema.name == name).map(|schema| schema.constant.as_str())
    }
}

/// What the parts of a table need to know of the others.
struct Context<'c, 'p> {
    planned: &'c [&'p PlannedTable],
    /// The places of the tables in it, by name.
    places: BTreeMap<&'p str, usize>,
    decided: &'c PlannedDrizzle,
    left_out: &'c BTreeSet<&'c LeftOut>,
    types: Option<&'c DocumentTypes>,
}

/// The sequences that drizzle-kit takes for independent ones: by their names, or since their table is hidden.
fn sequences<'p>(plan: &'p Plan, constants: &mut Names) -> Vec<Sequence<'p>> {
    let mut found = Vec::new();
    for table in plan.tables.iter().filter(|table| table.existing.is_none()) {
        let schema = table.schema_name();
        let Some((column, name)) = table.sequence_column() else { continue };
        if !is_own_sequence(schema, name) || !is_readable_table(table) {
            let constant = constants.add(name);
            found.push(Sequence { name, schema, constant, max: column::sequence_max(column) });
        }
    }
    found
}

impl<'p> Table<'p> {
    fn of(planned: &'p PlannedTable, constant: String, context: &Context<'_, 'p>) -> Table<'p> {
        let key =
            |key: &'p PlannedKey| Key { name: &key.name, columns: in_table_order(planned, &key.columns) };
        let foreign_key = |key: &'p PlannedForeignKey| {
            let parent = *context.places.get(key.parent_table.as_str())?;
            let parent_columns = in_table_order(context.planned.get(parent)?, &key.parent_columns);
            Some(ForeignKey {
                planned: key,
                parent,
                columns: in_table_order(planned, &key.columns),
                parent_columns,
            })
        };
        let is_in = |index: &&PlannedIndex| {
            let (table, index) = (planned.target.clone(), index.name.clone());
            !context.left_out.contains(&LeftOut::ReferencedIndex { table, index })
        };
        let mut indexes: Vec<Index<'p>> = planned.indexes.iter().filter(is_in).map(Index::of).collect();
        indexes.sort_by_key(Index::place);
        Table {
            constant,
            columns: column::of_table(planned, context.decided, context.types),
            primary_key: planned.primary_key.as_ref().filter(|key| key.columns.len() > 1).map(key),
            unique: planned.unique.iter().map(key).collect(),
            foreign_keys: planned.foreign_keys.iter().filter_map(foreign_key).collect(),
            checks: planned.checks.iter().collect(),
            indexes,
            planned,
        }
    }

    /// Whether a constraint or an index names columns other than in SQL.
    pub(crate) fn names_columns(&self) -> bool {
        let mut keys = self.indexes.iter().flat_map(|index| &index.keys);
        self.primary_key.is_some()
            || !self.unique.is_empty()
            || !self.foreign_keys.is_empty()
            || keys.any(|key| matches!(key, IndexKey::Column { .. }))
    }

    /// The column of this name in the database.
    pub(crate) fn column(&self, name: &str) -> Option<&Column<'p>> {
        self.columns.iter().find(|column| column.name == name)
    }
}
