//! Splits a plan's migrations for the floor: the statements of each table, and those about more than one.
//!
//! The statements are those that a migration runs.

use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::render::{self, BuildKind};

/// The statements of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableStatements {
    /// Its `CREATE TABLE` and related statements, as one script.
    pub(crate) create: String,
    /// Its keys, indexes and CHECKs.
    pub(crate) constraints: Vec<String>,
}

/// All statements of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlanStatements {
    /// By table, in the plan's order.
    pub(crate) tables: Vec<TableStatements>,
    /// Statements about more than one table, which come last: foreign keys, views, triggers.
    pub(crate) rest: Vec<String>,
}

/// Shares out the migrations of `plan`.
pub(crate) fn of_plan(plan: &Plan) -> PlanStatements {
    let create = |table| render::create_tables(&alone(plan, table)).up;
    let mut tables: Vec<TableStatements> = (plan.tables.iter())
        .map(|table| TableStatements { create: create(table), constraints: Vec::new() })
        .collect();
    let mut rest = Vec::new();
    for build in render::builds(plan) {
        let is_alone = matches!(
            build.kind,
            BuildKind::Key | BuildKind::Index(_) | BuildKind::PathIndex | BuildKind::Check
        );
        let own = plan.tables.iter().position(|table| is_alone && table.target == build.table);
        match own.and_then(|place| tables.get_mut(place)) {
            Some(table) => table.constraints.extend(build.statements),
            None => rest.extend(build.statements),
        }
    }
    PlanStatements { tables, rest }
}

/// A plan of one table, without its links to others.
fn alone(plan: &Plan, table: &PlannedTable) -> Plan {
    let mut alone = plan.clone();
    alone.tables = vec![PlannedTable { foreign_keys: Vec::new(), ..table.clone() }];
    alone.views.clear();
    alone.triggers.clear();
    alone.left_behind.clear();
    alone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan_folder, workspace};

    #[test]
    fn nothing_of_a_plan_is_lost_or_done_twice() {
        let plan = plan_folder::read(&workspace::plan_dir()).unwrap();
        let found = of_plan(&plan);
        let migration = render::create_constraints(&plan).up;
        let constraints = found.tables.iter().flat_map(|table| &table.constraints);
        // Each is in the migration unchanged, and together they are all of it except for comments between them.
        let mut left = migration;
        for statement in constraints.chain(&found.rest) {
            let whole = format!("{statement};");
            assert_eq!(left.matches(&whole).count(), 1, "{whole}");
            left = left.replacen(&whole, "", 1);
        }
        let is_other =
            |line: &str| !line.starts_with("--") && !line.starts_with("SELECT pg_catalog.set_config(");
        assert!(!left.lines().any(|line| !line.is_empty() && is_other(line)), "{left}");
        for (table, statements) in plan.tables.iter().zip(&found.tables) {
            let create = format!("CREATE TABLE {} (", table.name_in_sql());
            assert_eq!(statements.create.matches(&create).count(), 1, "{}", statements.create);
            assert!(statements.constraints.iter().any(|sql| sql.contains("PRIMARY KEY")), "{statements:?}");
        }
        assert!(found.rest.iter().all(|sql| sql.contains("FOREIGN KEY")), "{:?}", found.rest);
    }
}
