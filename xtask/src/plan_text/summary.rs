//! The head of the plan: the number of objects, and what they become.

use std::collections::BTreeMap;

use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::{DrizzleDates, PlannedTable};
use report::figures::{count, counted};

use super::page::Page;
use super::{Origin, View};

/// Writes the summary.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let plan = view.plan;
    page.title("Plan");
    page.wrapped("Tables    ", &tables(view));
    if let Some(rows) = plan.tables.iter().map(|table| table.profile_rows).sum::<Option<u64>>() {
        page.wrapped("Rows      ", &count(rows));
    }
    let columns: usize = plan.tables.iter().map(|table| table.columns.len()).sum();
    page.wrapped("Columns   ", &format!("{}: {}", count(columns as u64), types(view)));
    page.wrapped("Types     ", &origins(view));
    page.wrapped("Objects   ", &objects(view));
    if plan.target_schema != DEFAULT_SCHEMA {
        page.wrapped("Schema    ", &view.shown.target_schema);
    }
    if let Some(drizzle) = &plan.drizzle {
        page.wrapped("Drizzle   ", &format!("schema.ts with moments as {}", words(drizzle.dates)));
    }
    if !plan.on_reject.is_stop() {
        page.wrapped("Rejects   ", &format!("a value that does not fit {}", plan.on_reject.in_words()));
    }
    if let Some(limit) = &plan.reject_limit {
        page.wrapped("Limit     ", &format!("the migration stops if more is rejected than {limit}"));
    }
}

fn words(dates: DrizzleDates) -> &'static str {
    match dates {
        DrizzleDates::Date => "Date",
        DrizzleDates::Milliseconds => "milliseconds",
    }
}

fn tables(view: &View<'_>) -> String {
    let all = view.plan.tables.len() as u64;
    let existing = view.plan.tables.iter().filter(|table| table.existing.is_some()).count() as u64;
    if existing == 0 {
        return count(all);
    }
    format!("{}, of which PostgreSQL has {}", count(all), count(existing))
}

/// The types that columns become, the most frequent first.
fn types(view: &View<'_>) -> String {
    let mut types: BTreeMap<&str, u64> = BTreeMap::new();
    for column in view.plan.tables.iter().flat_map(|table| &table.columns) {
        *types.entry(column.target_type.sql()).or_default() += 1;
    }
    let mut types: Vec<(&str, u64)> = types.into_iter().collect();
    types.sort_by_key(|(_, columns)| u64::MAX - columns);
    join(types.into_iter().map(|(name, columns)| format!("{} {name}", count(columns))))
}

/// How many types are declared, inferred and decided.
fn origins(view: &View<'_>) -> String {
    let mut counts = [0_u64; 5];
    for column in view.columns() {
        let place = match view.origin(column.table, column.column) {
            Origin::Declared => 0,
            Origin::Values => 1,
            Origin::Clock | Origin::Inferred => 2,
            Origin::Decided(_) => 3,
            Origin::Existing => 4,
        };
        counts[place] += 1;
    }
    let words = [
        "as declared",
        "as the values are",
        "inferred",
        "decided in mapping.toml",
        "as the app's tables have them",
    ];
    let parts = counts.into_iter().zip(words).filter(|(columns, _)| *columns > 0);
    join(parts.map(|(columns, words)| format!("{} {words}", count(columns))))
}

fn objects(view: &View<'_>) -> String {
    let plan = view.plan;
    let sum = |part: fn(&PlannedTable) -> usize| plan.tables.iter().map(part).sum::<usize>() as u64;
    let parts = [
        (sum(|table| table.unique.len()), "unique constraint"),
        (sum(|table| table.foreign_keys.len()), "foreign key"),
        (sum(|table| table.checks.len()), "check"),
        (plan.views.len() as u64, "view"),
        (plan.triggers.len() as u64, "trigger"),
    ];
    let indexes = sum(|table| table.indexes.len());
    let word = if indexes == 1 { "index" } else { "indexes" };
    let indexes = (indexes > 0).then(|| format!("{} {word}", count(indexes)));
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let not_migrated = match plan.left_behind.len() {
        0 => String::new(),
        number => format!("; {} not migrated", count(number as u64)),
    };
    let parts = indexes.into_iter().chain(parts.map(|(number, word)| counted(number, word)));
    join(parts) + &not_migrated
}

fn join(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
