//! The plan on the screen, for a person who has two minutes: a summary, what to check, then the tables.
//!
//! It decides nothing and counts no values; every detail is in `plan.json`, and in `details` for `--verbose`.

mod checks;
mod derived;
mod details;
mod drizzle;
mod page;
mod summary;
mod tables;

use migrate_core::infer::TypeSource;
use migrate_core::mapping::Mapping;
use migrate_core::plan::{Plan, PlannedColumn, PlannedTable};

use crate::display::printable_plan;
use page::Page;

/// A plan, a person's decisions about it, and the same plan with every text made printable.
struct View<'a> {
    plan: &'a Plan,
    shown: Plan,
    mapping: &'a Mapping,
    is_verbose: bool,
}

/// Where the type of a column comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin<'a> {
    /// The declared type.
    Declared,
    /// The storage classes of the values that differ from the declared type.
    Values,
    /// A clock as its default, which proves the type.
    Clock,
    /// The names and values of the column.
    Inferred,
    /// `mapping.toml`, with the reason.
    Decided(Option<&'a str>),
    /// The table that the app has created.
    Existing,
}

/// Returns the plan as text for a person.
///
/// # Errors
/// None that is known: a plan that is made printable is still a plan.
pub(crate) fn plan_text(plan: &Plan, mapping: &Mapping, is_verbose: bool) -> anyhow::Result<String> {
    let view = View { plan, shown: printable_plan(plan)?, mapping, is_verbose };
    let mut page = Page::new();
    summary::write(&view, &mut page);
    checks::write(&view, &mut page);
    tables::write(&view, &mut page);
    Ok(page.into_text())
}

impl View<'_> {
    /// The tables with their printable form.
    fn tables(&self) -> impl Iterator<Item = (&PlannedTable, &PlannedTable)> {
        self.plan.tables.iter().zip(&self.shown.tables)
    }

    /// The columns with their table, and the printable form of both.
    fn columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.tables().flat_map(|(table, shown_table)| {
            let columns = table.columns.iter().zip(&shown_table.columns);
            columns.map(move |(column, shown)| Column { table, column, shown_table, shown })
        })
    }

    fn origin(&self, table: &PlannedTable, column: &PlannedColumn) -> Origin<'_> {
        if table.existing.is_some() {
            return Origin::Existing;
        }
        let decided = self.mapping.decided_conversion(&table.source, &column.source, &column.declared);
        match decided {
            Some((conversion, why)) if *conversion == column.conversion => Origin::Decided(why),
            _ => match TypeSource::of(&column.declared, &column.conversion) {
                TypeSource::Declaration => Origin::Declared,
                TypeSource::StorageClasses => Origin::Values,
                TypeSource::Inference if column.default.as_deref() == Some("now()") => Origin::Clock,
                TypeSource::Inference => Origin::Inferred,
            },
        }
    }
}

/// A column of the plan, and its printable form.
struct Column<'a> {
    table: &'a PlannedTable,
    column: &'a PlannedColumn,
    shown_table: &'a PlannedTable,
    shown: &'a PlannedColumn,
}
