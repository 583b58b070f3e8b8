//! Compares the live schema with the one that the plan makes, by PostgreSQL's own words for both.
//!
//! The plan's migrations run in a scratch schema inside a transaction that is rolled back, and the catalog describes both
//! schemas with the same functions: types, defaults, constraints, indexes, triggers and whatever else changes what
//! a statement does are compared without us spelling any of them.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use migrate_core::plan::{ExistingTable, Plan, PlannedTable};
use migrate_core::render;
use migrate_core::target_schema::TargetFact;

use crate::error::Result;
use crate::target::PooledConnection;
use crate::target::pool::diesel_failed;

/// The scratch schema; it never outlives the transaction.
const SCRATCH: &str = "migration_scratch";

/// Describes the schema that the search path names first, one line for each fact.
const DESCRIBE_SQL: &str = include_str!("describe.sql");

/// One fact of a schema, as PostgreSQL describes it.
#[derive(QueryableByName)]
pub(crate) struct Line {
    /// The table, by name.
    #[diesel(sql_type = Text)]
    pub(crate) table_name: String,
    /// What it is about, such as `column id`.
    #[diesel(sql_type = Text)]
    pub(crate) item: String,
    /// How that is defined.
    #[diesel(sql_type = Text)]
    pub(crate) definition: String,
}

/// A difference between the live schema and the plan's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDifference {
    /// The table, by target name.
    pub table: String,
    /// Whether the columns of the table are what differs, so that its rows cannot be read as planned.
    pub is_about_columns: bool,
    /// The difference in words.
    pub words: String,
}

/// Whether the rows of `table` can be read as planned, given what differs.
pub fn is_readable(table: &PlannedTable, differences: &[SchemaDifference]) -> bool {
    !differences.iter().any(|difference| difference.is_about_columns && difference.table == table.target)
}

/// The differences between the live schema and the plan's; empty where they agree.
///
/// # Errors
/// When the catalog cannot be read, or the scratch schema cannot be made.
pub fn schema_differences(target: &mut PooledConnection, plan: &Plan) -> Result<Vec<SchemaDifference>> {
    let failed = || diesel_failed("the live schema cannot be described");
    let live = describe(target).map_err(failed())?;
    let made = plan.made();
    let up = format!("{}{}", render::create_tables(&made).up, render::create_constraints(&made).up);
    // What is made may point to tables that were there before; whatever it makes goes where the path begins.
    let behind = if plan.is_into_existing() { ", public" } else { "" };
    let mut expected = None;
    let scratch = target.transaction::<(), _, _>(|target| {
        target.batch_execute(&format!(
            "CREATE SCHEMA {SCRATCH}; SET LOCAL search_path = {SCRATCH}{behind}; {up}"
        ))?;
        expected = Some(describe(target)?);
        Err(diesel::result::Error::RollbackTransaction)
    });
    match (scratch, expected) {
        (Err(diesel::result::Error::RollbackTransaction), Some(mut expected)) => {
            expected.extend(plan.tables.iter().flat_map(existing_lines));
            Ok(differences(plan, &live, &expected))
        }
        (Err(error), _) => Err(diesel_failed("the plan's schema cannot be made in a scratch schema")(error)),
        (Ok(()), _) => Ok(Vec::new()),
    }
}

/// What an existing table has to be like once the rows are in.
fn existing_lines(table: &PlannedTable) -> Vec<Line> {
    let line = |fact: TargetFact| Line {
        table_name: table.target.clone(),
        item: fact.item,
        definition: fact.definition,
    };
    table.expected_facts().into_iter().map(line).collect()
}

/// How existing tables differ from what they were when the plan was made.
///
/// # Errors
/// When the catalog cannot be read.
pub(crate) fn drift(target: &mut PooledConnection, plan: &Plan) -> Result<Vec<SchemaDifference>> {
    let live = describe(target).map_err(diesel_failed("the live schema cannot be described"))?;
    let mut before = plan.clone();
    before.tables.retain(|table| table.existing.is_some());
    before.views.clear();
    before.triggers.clear();
    let facts = |(table, existing): (&PlannedTable, &ExistingTable)| -> Vec<Line> {
        let line = |fact: &TargetFact| Line {
            table_name: table.target.clone(),
            item: fact.item.clone(),
            definition: fact.definition.clone(),
        };
        existing.table.facts.iter().map(line).collect()
    };
    let expected: Vec<Line> = before.existing_tables().flat_map(facts).collect();
    Ok(differences(&before, &live, &expected))
}

/// Describes the schema that the search path names first.
pub(crate) fn describe(target: &mut PgConnection) -> QueryResult<Vec<Line>> {
    diesel::sql_query(DESCRIBE_SQL).load(target)
}

/// What differs in the plan's tables, sequences, views and functions. Others are none of the plan's business.
fn differences(plan: &Plan, live: &[Line], expected: &[Line]) -> Vec<SchemaDifference> {
    let by_item = |lines: &[Line]| -> BTreeMap<(String, String), String> {
        (lines.iter())
            .map(|line| ((line.table_name.clone(), line.item.clone()), line.definition.clone()))
            .collect()
    };
    let (live, expected) = (by_item(live), by_item(expected));
    let is_gone = |table: &&PlannedTable| !live.contains_key(&(table.target.clone(), "kind".to_owned()));
    let gone: Vec<&PlannedTable> = plan.tables.iter().filter(is_gone).collect();
    // A table that is gone is one fact, whatever went with it.
    let went = |name: &str| {
        gone.iter().any(|table| {
            table.target == name || table.sequence_column().is_some_and(|(_, sequence)| sequence == name)
        })
    };
    let mut found: Vec<SchemaDifference> = (gone.iter())
        .map(|table| SchemaDifference {
            table: table.target.clone(),
            is_about_columns: true,
            words: format!("table {} is gone", table.target),
        })
        .collect();
    for ((table, item), definition) in expected.iter().filter(|((table, _), _)| !went(table)) {
        let is_column = item.starts_with("column ");
        let (words, is_about_columns) = match live.get(&(table.clone(), item.clone())) {
            Some(other) if other == definition => continue,
            Some(other) => (
                format!("is {other}, the plan has {definition}"),
                is_column && type_name(other) != type_name(definition),
            ),
            None => (format!("is gone: {definition}"), is_column),
        };
        let words = format!("{table}: {item} {words}");
        found.push(SchemaDifference { table: table.clone(), is_about_columns, words });
    }
    let is_planned = |name: &str| {
        plan.tables.iter().any(|table| table.target == name)
            || plan.views.iter().any(|view| view.target == name)
            || plan.triggers.iter().any(|trigger| trigger.function == name)
    };
    for ((table, item), definition) in live.iter().filter(|((table, _), _)| is_planned(table)) {
        if !expected.contains_key(&(table.clone(), item.clone())) {
            let words = format!("{table}: {item} is not in the plan: {definition}");
            found.push(SchemaDifference { table: table.clone(), is_about_columns: false, words });
        }
    }
    found
}

/// The type at the beginning of a column's definition.
fn type_name(definition: &str) -> &str {
    let ends = [" COLLATE ", " NOT NULL", " GENERATED ", " DEFAULT "];
    let end = ends.iter().filter_map(|part| definition.find(part)).min();
    &definition[..end.unwrap_or(definition.len())]
}
