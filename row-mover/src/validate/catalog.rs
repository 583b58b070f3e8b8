//! Compares the live schema with the one that the plan makes, by PostgreSQL's own words for both.
//!
//! The plan's migrations run in a scratch schema inside a transaction that is rolled back, and the catalog describes both
//! schemas with the same functions: types, defaults, constraints, indexes, triggers and whatever else changes what
//! a statement does are compared without us spelling any of them.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use migrate_core::identifier::quote_pg;
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::{ExistingTable, Plan, PlannedTable};
use migrate_core::render;
use migrate_core::target_schema::TargetFact;

use super::strays::strays;
use crate::error::Result;
use crate::target::PooledConnection;
use crate::target::pool::diesel_failed;
use crate::target::session::SEARCH_PATH;

/// How the names of the scratch schemas begin, one for each schema of the plan; none outlives the transaction.
const SCRATCH: &str = "migration_scratch";

/// Describes the schemas of these names, one line for each fact.
const DESCRIBE_SQL: &str = include_str!("describe.sql");

/// One fact of a schema, as PostgreSQL describes it.
#[derive(QueryableByName)]
pub(crate) struct Line {
    /// The table, by name.
    #[diesel(sql_type = Text)]
    pub(crate) schema_name: String,
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
    let schemas = plan.schemas();
    let live = target.transaction(|target| describe(target, &schemas, &[])).map_err(failed())?;
    let scratch_plan = in_scratch(plan);
    let scratch_schemas = scratch_plan.schemas();
    let up = format!(
        "{}{}",
        render::create_tables(&scratch_plan).up,
        render::create_constraints(&scratch_plan).up
    );
    let mut expected = None;
    let scratch = target.transaction::<(), _, _>(|target| {
        target.batch_execute(&up)?;
        expected = Some(describe(target, &scratch_schemas, &schemas)?);
        Err(diesel::result::Error::RollbackTransaction)
    });
    match (scratch, expected) {
        (Err(diesel::result::Error::RollbackTransaction), Some(mut expected)) => {
            let planned = names_in_place(&expected, &scratch_schemas, &schemas);
            expected.iter_mut().for_each(|line| body_in_place(line, plan, &scratch_plan));
            expected.extend(plan.tables.iter().flat_map(existing_lines));
            let mut found = differences(plan, (&live, &schemas), (&expected, &scratch_schemas));
            found.extend(strays(target, plan, &planned)?);
            Ok(found)
        }
        (Err(error), _) => Err(diesel_failed("the plan's schema cannot be made in a scratch schema")(error)),
        (Ok(()), _) => Ok(Vec::new()),
    }
}

/// The schemas and names of what the plan makes, by what it made in the scratch schemas.
fn names_in_place(expected: &[Line], scratch: &[&str], own: &[&str]) -> BTreeSet<(String, String)> {
    let schema = |line: &Line| {
        let place = scratch.iter().position(|schema| *schema == line.schema_name)?;
        own.get(place).map(|schema| (*schema).to_owned())
    };
    expected.iter().filter_map(|line| Some((schema(line)?, line.table_name.clone()))).collect()
}

/// The plan of what it makes, with a scratch schema in place of each of its own, in their order.
fn in_scratch(plan: &Plan) -> Plan {
    let schemas: Vec<String> = plan.schemas().into_iter().map(str::to_owned).collect();
    let scratch = |schema: &str| {
        let place = schemas.iter().position(|other| other == schema).unwrap_or_default();
        if place == 0 { SCRATCH.to_owned() } else { format!("{SCRATCH}_{place}") }
    };
    plan.made().relocated(&scratch)
}

/// Describes what stands in `schemas`. Whatever is in one of them is printed without its schema, so that the words for two places
/// are alike, and so is what is in the schemas `behind` them: what these hide is hidden on both sides. It takes a transaction.
///
/// The names in the statement itself are settled when the cursor is declared, in the session's own search path. Only what is printed
/// follows the other one.
fn describe(target: &mut PgConnection, schemas: &[&str], behind: &[&str]) -> QueryResult<Vec<Line>> {
    diesel::sql_query(format!("DECLARE migration_facts NO SCROLL CURSOR FOR {DESCRIBE_SQL}"))
        .bind::<Array<Text>, _>(schemas)
        .execute(target)?;
    let path: Vec<String> = schemas.iter().chain(behind).map(|schema| quote_pg(schema)).collect();
    target.batch_execute(&format!("SET LOCAL search_path = {}", path.join(", ")))?;
    let lines = diesel::sql_query("FETCH ALL FROM migration_facts").load(target)?;
    target.batch_execute(&format!("SET LOCAL search_path = {SEARCH_PATH}; CLOSE migration_facts"))?;
    Ok(lines)
}

/// The body of a function is text, in which a table of the scratch schema has its name there.
fn body_in_place(line: &mut Line, plan: &Plan, scratch: &Plan) {
    let is_it = |function: &str| line.item.starts_with("function ") && line.table_name == function;
    for (own, other) in plan.triggers.iter().zip(&scratch.triggers).filter(|(own, _)| is_it(&own.function)) {
        let before = line.definition.strip_suffix(&format!("\n{}\n", other.body));
        if let Some(before) = before.map(str::to_owned) {
            line.definition = format!("{before}\n{}\n", own.body);
        }
    }
}

/// What an existing table has to be like once the rows are in.
fn existing_lines(table: &PlannedTable) -> Vec<Line> {
    let line = |fact: TargetFact| Line {
        schema_name: SCRATCH.to_owned(),
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
    let live = describe_existing(target).map_err(diesel_failed("the live schema cannot be described"))?;
    let mut before = plan.clone();
    before.tables.retain(|table| table.existing.is_some());
    before.views.clear();
    before.triggers.clear();
    let facts = |(table, existing): (&PlannedTable, &ExistingTable)| -> Vec<Line> {
        let line = |fact: &TargetFact| Line {
            schema_name: SCRATCH.to_owned(),
            table_name: table.target.clone(),
            item: fact.item.clone(),
            definition: fact.definition.clone(),
        };
        existing.table.facts.iter().map(line).collect()
    };
    let expected: Vec<Line> = before.existing_tables().flat_map(facts).collect();
    Ok(differences(&before, (&live, &[DEFAULT_SCHEMA]), (&expected, &[SCRATCH])))
}

/// Describes the schema in which an app makes its tables.
pub(crate) fn describe_existing(target: &mut PgConnection) -> QueryResult<Vec<Line>> {
    target.transaction(|target| describe(target, &[DEFAULT_SCHEMA], &[]))
}

/// What differs in the plan's tables, sequences, views and functions.
fn differences(
    plan: &Plan,
    (live, schemas): (&[Line], &[&str]),
    (expected, scratch): (&[Line], &[&str]),
) -> Vec<SchemaDifference> {
    let live = by_item(plan, live, schemas);
    let expected = by_item(plan, expected, scratch);
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

/// The definitions by table and item. A table of the plan's name in another of its schemas is somebody else's.
fn by_item(plan: &Plan, lines: &[Line], schemas: &[&str]) -> BTreeMap<(String, String), String> {
    let own = plan.schemas();
    let place = |name: &str| {
        let table = plan.tables.iter().find(|table| {
            table.target == name || table.sequence_column().is_some_and(|(_, sequence)| sequence == name)
        });
        let schema = table.map_or(plan.target_schema.as_str(), PlannedTable::schema_name);
        own.iter().position(|other| *other == schema)
    };
    (lines.iter())
        .filter(|line| {
            place(&line.table_name).and_then(|place| schemas.get(place)) == Some(&line.schema_name.as_str())
        })
        .map(|line| ((line.table_name.clone(), line.item.clone()), line.definition.clone()))
        .collect()
}

/// The type at the beginning of a column's definition.
fn type_name(definition: &str) -> &str {
    let ends = [" COLLATE ", " NOT NULL", " GENERATED ", " DEFAULT "];
    let end = ends.iter().filter_map(|part| definition.find(part)).min();
    &definition[..end.unwrap_or(definition.len())]
}
