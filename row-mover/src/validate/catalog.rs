//! Compares the live schema with the one that the plan makes, by PostgreSQL's own words for both.
//!
//! The plan's migrations run in a scratch schema inside a transaction that is rolled back, and the catalog describes both
//! schemas with the same functions: types, defaults, constraints and indexes are compared without us spelling any of them.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use migrate_core::identifier::quote_pg;
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::render;

use crate::error::Result;
use crate::target::PooledConnection;
use crate::target::pool::diesel_failed;

/// The scratch schema; it never outlives the transaction.
const SCRATCH: &str = "migration_scratch";

/// Describes every table of the schema that the search path names first: one line each for columns, constraints and indexes.
const DESCRIBE_SQL: &str = "
SELECT c.relname::text AS table_name, 'column ' || a.attname AS item,
       format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation
               THEN ' COLLATE ' || (SELECT collname FROM pg_collation WHERE oid = a.attcollation) ELSE '' END
       || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
       || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT c.relname::text, 'constraint ' || k.conname,
       pg_get_constraintdef(k.oid, true) || CASE WHEN k.convalidated THEN '' ELSE ' (not validated)' END
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND k.contype <> 'n'
UNION ALL
SELECT c.relname::text, 'index ' || i.relname,
       replace(pg_get_indexdef(x.indexrelid, 0, true), current_schema() || '.', '')
       || CASE WHEN x.indisvalid AND x.indisready THEN '' ELSE ' (not valid)' END
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema()
ORDER BY 1, 2";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    item: String,
    #[diesel(sql_type = Text)]
    definition: String,
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
    let up = format!("{}{}", render::create_tables(plan).up, render::create_constraints(plan).up);
    let mut expected = None;
    let scratch = target.transaction::<(), _, _>(|target| {
        target.batch_execute(&format!("CREATE SCHEMA {SCRATCH}; SET LOCAL search_path = {SCRATCH}; {up}"))?;
        expected = Some(describe(target)?);
        Err(diesel::result::Error::RollbackTransaction)
    });
    match (scratch, expected) {
        (Err(diesel::result::Error::RollbackTransaction), Some(expected)) => {
            Ok(differences(plan, &live, &expected))
        }
        (Err(error), _) => Err(diesel_failed("the plan's schema cannot be made in a scratch schema")(error)),
        (Ok(()), _) => Ok(Vec::new()),
    }
}

/// The sequences that would give a number that is taken, in words.
///
/// # Errors
/// When a table or sequence cannot be read.
pub fn sequence_problems(target: &mut PooledConnection, tables: &[&PlannedTable]) -> Result<Vec<String>> {
    use diesel::sql_types::{BigInt, Nullable};
    #[derive(QueryableByName)]
    struct Numbers {
        /// None where the highest number of all was given: then there is no next one, neither taken nor free.
        #[diesel(sql_type = Nullable<BigInt>)]
        next: Option<i64>,
        #[diesel(sql_type = Nullable<BigInt>)]
        highest: Option<i64>,
    }
    let mut problems = Vec::new();
    for table in tables {
        let Some((column, sequence)) = table.sequence_column() else { continue };
        let sql = format!(
            "SELECT CASE WHEN NOT s.is_called THEN s.last_value WHEN s.last_value < 9223372036854775807 \
             THEN s.last_value + 1 END AS next, (SELECT max({}) FROM public.{}) AS highest FROM public.{} AS s",
            quote_pg(&column.target),
            quote_pg(&table.target),
            quote_pg(sequence)
        );
        let numbers: Numbers = diesel::sql_query(sql)
            .get_result(target)
            .map_err(diesel_failed(format!("sequence {sequence} cannot be read")))?;
        let Some((highest, next)) = numbers.highest.zip(numbers.next) else { continue };
        if highest >= next {
            problems.push(format!(
                "sequence {sequence}: its next number is {next}, which {}.{} has passed",
                table.target, column.target
            ));
        }
    }
    Ok(problems)
}

fn describe(target: &mut PgConnection) -> QueryResult<Vec<Line>> {
    diesel::sql_query(DESCRIBE_SQL).load(target)
}

/// What differs in the plan's tables. Other tables are none of the plan's business.
fn differences(plan: &Plan, live: &[Line], expected: &[Line]) -> Vec<SchemaDifference> {
    let is_planned = |line: &&Line| plan.tables.iter().any(|table| table.target == line.table_name);
    let find = |lines: &[Line], wanted: &Line| {
        (lines.iter())
            .find(|line| line.table_name == wanted.table_name && line.item == wanted.item)
            .map(|line| line.definition.clone())
    };
    let difference = |line: &Line, words: String, is_about_columns: bool| SchemaDifference {
        table: line.table_name.clone(),
        is_about_columns,
        words: format!("{}: {} {words}", line.table_name, line.item),
    };
    let mut found = Vec::new();
    for line in expected {
        let is_column = line.item.starts_with("column ");
        match find(live, line) {
            None => found.push(difference(line, format!("is gone: {}", line.definition), is_column)),
            Some(definition) if definition != line.definition => {
                let words = format!("is {definition}, the plan has {}", line.definition);
                let is_about_columns = is_column && type_name(&definition) != type_name(&line.definition);
                found.push(difference(line, words, is_about_columns));
            }
            Some(_) => {}
        }
    }
    for line in live.iter().filter(is_planned).filter(|line| find(expected, line).is_none()) {
        found.push(difference(line, format!("is not in the plan: {}", line.definition), false));
    }
    found
}

/// The type at the beginning of a column's definition.
fn type_name(definition: &str) -> &str {
    let end = [" COLLATE ", " NOT NULL", " DEFAULT "].iter().filter_map(|part| definition.find(part)).min();
    &definition[..end.unwrap_or(definition.len())]
}
