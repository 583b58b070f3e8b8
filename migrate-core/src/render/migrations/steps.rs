//! The first migration taken apart, so that a schema of thousands of tables can be created in several transactions.
//!
//! The steps are the text of the file: put together in their order they are the migration without its header.

use super::{existing, line, tables};
use crate::identifier::quote_pg;
use crate::plan::{Plan, PlannedTable};
use crate::terms::DEFAULT_SCHEMA;

/// A part of the first migration that is never split: one statement, or those of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaStep {
    /// The statements, with their comments.
    pub sql: String,
    /// About how many locks they take that last as long as their transaction.
    pub locks: usize,
}

/// The parts of the first migration, in their order.
pub fn schema_steps(plan: &Plan) -> Vec<SchemaStep> {
    let mut steps = Vec::new();
    for (position, schema) in schemas_to_create(plan).into_iter().enumerate() {
        let lead = if position == 0 { "\n" } else { "" };
        let mut sql = String::new();
        line(&mut sql, format_args!("{lead}CREATE SCHEMA IF NOT EXISTS {};", quote_pg(schema)));
        steps.push(SchemaStep { sql, locks: 1 });
    }
    steps.extend(existing::open(plan));
    for table in plan.parents_first().into_iter().filter(|table| table.existing.is_none()) {
        let mut sql = "\n".to_owned();
        tables::create(table, &mut sql);
        steps.push(SchemaStep { sql, locks: table_locks(table) });
    }
    steps
}

/// The schemas that the migration creates where they do not exist: of a plan for tables of an app, only those of other tables.
pub(super) fn schemas_to_create(plan: &Plan) -> Vec<&str> {
    let is_apps = |schema: &str| plan.existing_tables().any(|(table, _)| table.schema_name() == schema);
    let is_created = |schema: &&str| *schema != DEFAULT_SCHEMA && !is_apps(schema);
    plan.schemas().into_iter().filter(is_created).collect()
}

/// The locks of creating or dropping a table without its indexes: the table, its TOAST table with its index, and its sequences.
pub(crate) fn table_locks(table: &PlannedTable) -> usize {
    3 + table.columns.iter().filter(|column| column.sequence.is_some()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::create_tables;

    #[test]
    fn the_steps_are_the_migration_without_its_header() {
        let json = include_str!("../../../../schema-pg/plan.json");
        let plan = Plan::from_json(json).unwrap();
        let steps: String = schema_steps(&plan).into_iter().map(|step| step.sql).collect();
        let file = create_tables(&plan).up;
        let lines: Vec<&str> = file.split_inclusive('\n').collect();
        // Three comments, the search path of the migration, and at the end that of the session.
        let (header, rest) = lines.split_at(5);
        let (footer, rest) = rest.split_last().unwrap();
        assert!(header[..3].iter().all(|line| line.starts_with("--")));
        assert!(
            header[3..].iter().chain([footer]).all(|line| line.starts_with("SELECT pg_catalog.set_config("))
        );
        assert_eq!(rest.concat(), steps);
        assert_eq!(schema_steps(&plan).len(), plan.tables.len());
    }
}
