//! A database of many tables that refer to each other.

use migrate_core::plan::{Plan, PlannedColumn, PlannedForeignKey, PlannedKey, PlannedTable};
use report::Report;

use super::{plan, report_of};

/// A database of so many tables.
pub(crate) fn many(tables: usize) -> Report<'static> {
    let plan = Plan { tables: (0..tables).map(table).collect(), ..Plan::empty("public".to_owned()) };
    report_of(plan, 1_000)
}

fn name(number: usize) -> String {
    let words =
        ["account", "booking", "cargo", "device", "event", "folder", "grant", "hour", "item", "journal"];
    format!("{}_{}", words[number % words.len()], number / words.len())
}

fn table(number: usize) -> PlannedTable {
    let mut table = template("Genre");
    let key = table.columns.remove(0);
    let text = table.columns.remove(0);
    table.source = name(number);
    table.target = name(number);
    table.profile_rows = None;
    table.primary_key = Some(PlannedKey {
        name: format!("{}_pkey", name(number)),
        columns: vec!["id".to_owned()],
        instead_of: None,
    });
    table.columns = vec![named(&key, "id")];
    table.columns.extend((0..3 + number % 12).map(|at| named(&text, &format!("field_{at}"))));
    for (at, parent) in [number / 3, number / 7].into_iter().enumerate() {
        if !number.is_multiple_of(4) && parent < number && at <= number % 2 {
            let column = format!("{}_{at}_id", name(parent));
            let mut reference = named(&key, &column);
            reference.sequence = None;
            table.columns.push(reference);
            table.foreign_keys.push(foreign_key(&table.target, &column, &name(parent)));
        }
    }
    table
}

/// A table of the shop, to be changed.
pub(super) fn template(source: &str) -> PlannedTable {
    plan(include_str!("music_shop.json")).tables.into_iter().find(|table| table.source == source).unwrap()
}

/// The column under another name.
pub(super) fn named(column: &PlannedColumn, name: &str) -> PlannedColumn {
    PlannedColumn { source: name.to_owned(), target: name.to_owned(), ..column.clone() }
}

/// A foreign key to the column `id` of a table.
pub(super) fn foreign_key(table: &str, column: &str, parent: &str) -> PlannedForeignKey {
    PlannedForeignKey {
        name: format!("{table}_{column}_fkey"),
        columns: vec![column.to_owned()],
        parent_table: parent.to_owned(),
        parent_schema: None,
        parent_columns: vec!["id".to_owned()],
        on_update: "NO ACTION".to_owned(),
        on_delete: "CASCADE".to_owned(),
        deferred: false,
        not_valid: false,
    }
}
