//! The database of a plan as drizzle-kit sees it: the one source of `schema.ts` and of the snapshots, which therefore agree.

mod column;
mod default;
mod index;

pub(crate) use column::{Column, Kind};
pub(crate) use default::Default;
pub(crate) use index::{Index, IndexKey};

use migrate_core::plan::{Plan, PlannedCheck, PlannedDrizzle, PlannedForeignKey, PlannedTable, PlannedView};

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
        let is_made = |table: &&PlannedTable| table.existing.is_none();
        let planned: Vec<&PlannedTable> = plan.parents_first().into_iter().filter(is_made).collect();
        // The names follow the order of the plan, so that a new foreign key does not change them.
        let mut named: Vec<(&str, String)> = Vec::new();
        for table in plan.tables.iter().filter(is_made) {
            named.push((&table.target, constants.add(&table.target)));
        }
        let constant = |table: &PlannedTable| {
            let found = named.iter().find(|(name, _)| *name == table.target);
            found.map(|(_, constant)| constant.clone()).unwrap_or_default()
        };
        let tables =
            planned.iter().map(|table| Table::of(table, constant(table), &planned, decided, types)).collect();
        let views = (plan.views.iter())
            .filter(|view| !view.conversions.is_empty())
            .map(|view| View {
                planned: view,
                schema: &plan.target_schema,
                constant: constants.add(&view.target),
                columns: column::of_view(view, decided),
            })
            .collect();
        let schemas = plan.schemas().into_iter().filter(|name| *name != PUBLIC);
        let schemas = schemas.map(|name| Schema { name, constant: constants.add(&format!("{name}_schema")) });
        Database { schemas: schemas.collect(), tables, views }
    }

    /// The constant of a schema; none for `public`.
    pub(crate) fn schema(&self, name: &str) -> Option<&str> {
        self.schemas.iter().find(|schema| schema.name == name).map(|schema| schema.constant.as_str())
    }
}

impl<'p> Table<'p> {
    fn of(
        planned: &'p PlannedTable,
        constant: String,
        all: &[&'p PlannedTable],
        decided: &PlannedDrizzle,
        types: Option<&DocumentTypes>,
    ) -> Table<'p> {
        let key = |key: &'p migrate_core::plan::PlannedKey| Key {
            name: &key.name,
            columns: key.columns.iter().map(String::as_str).collect(),
        };
        let foreign_key = |key: &'p PlannedForeignKey| {
            let parent = all.iter().position(|table| table.target == key.parent_table)?;
            Some(ForeignKey {
                planned: key,
                parent,
                columns: key.columns.iter().map(String::as_str).collect(),
                parent_columns: key.parent_columns.iter().map(String::as_str).collect(),
            })
        };
        Table {
            constant,
            columns: column::of_table(planned, decided, types),
            primary_key: planned.primary_key.as_ref().filter(|key| key.columns.len() > 1).map(key),
            unique: planned.unique.iter().map(key).collect(),
            foreign_keys: planned.foreign_keys.iter().filter_map(foreign_key).collect(),
            checks: planned.checks.iter().collect(),
            indexes: planned.indexes.iter().map(Index::of).collect(),
            planned,
        }
    }

    /// The column of this name in the database.
    pub(crate) fn column(&self, name: &str) -> Option<&Column<'p>> {
        self.columns.iter().find(|column| column.name == name)
    }
}
