//! Compares what the source declares with what the target has: NOT NULL, keys, foreign keys, indexes, CHECKs, generated columns,
//! numbering, types, views and triggers. Values are not compared here, and neither are defaults and positions of sequences, which only a
//! database can compute: who has these adds them.
//!
//! The source's side is the plan for new tables, under the names and in the types of the target, so that each declaration is translated
//! once and its repair is the statement that a migration would have run.

mod checks;
mod columns;
mod details;
mod difference;
mod expected;
mod foreign_keys;
mod function_text;
mod indexes;
mod keys;
mod live;
mod objects;
mod repair;
mod result;
mod tables;
mod types;
mod violations;

use crate::identifier::{qualified_pg, quote_pg};
use crate::plan::{LeftBehind, Plan, PlannedTable};
use crate::render::{Repaired, repair};
use crate::source_schema::{SourceSchema, SourceTable};
use crate::target_schema::{TargetSchema, TargetTable};

pub use details::{ForeignKeyDifference, TypeLimit, UniqueSource};
pub use difference::StructureProblem;
pub use expected::expected;
pub use live::{
    LiveCheck, LiveDomainCheck, LiveForeignKey, LiveIndex, LiveKey, LiveRule, LiveStructure, LiveTable,
    LiveTrigger, LiveView,
};
pub use objects::{ComparableView, comparable_views, differing_view};
pub use result::{Severity, Structure, StructureDifference};
pub use violations::{broken_by_rows, violations_sql};

/// Compares the structure of the tables in `expected`, which [`expected()`] has made, with that of the target.
pub fn structure(
    source: &SourceSchema,
    target: &TargetSchema,
    live: &LiveStructure,
    expected: &Plan,
) -> Structure {
    let mut found = Vec::new();
    for planned in &expected.tables {
        let is_it =
            |table: &&TargetTable| table.schema == planned.schema_name() && table.name == planned.target;
        let table = source.tables.iter().find(|table| table.name == planned.source);
        let columns = target.tables.iter().find(is_it);
        let constraints = live.table(planned.schema_name(), &planned.target);
        if let (Some(source), Some(columns), Some(constraints)) = (table, columns, constraints) {
            let pair = Pair { source, expected: planned, columns, constraints, live, plan: expected };
            found.extend(pair.differences());
        }
    }
    found.extend(objects::compare(source, live, expected));
    // What the target has no namesake of is lost.
    let is_lost = |left: &LeftBehind| match left.kind.as_str() {
        "view" => !objects::has_view(live, &left.name),
        "trigger" => !objects::has_trigger(live, &left.name),
        _ => false,
    };
    let left = expected.left_behind.iter().filter(|left| !is_told_elsewhere(left) && !is_lost(left));
    let not_translated = left.filter(|left| !foreign_keys::is_lost(&found, left)).cloned().collect();
    Structure { differences: found, not_translated, ..Structure::default() }
}

/// The expressions that PostgreSQL has to print before they can be compared, by table as SQL names it.
pub fn expressions<'a>(live: &'a LiveStructure, expected: &'a Plan) -> Vec<(String, &'a str)> {
    let mut all: Vec<(String, &str)> = Vec::new();
    for table in &expected.tables {
        let Some(found) = live.table(table.schema_name(), &table.target) else { continue };
        let checks = table.checks.iter().map(|check| check.expression.as_str());
        let keys = table.indexes.iter().flat_map(|index| &index.columns);
        let keys = keys.filter_map(|key| key.expression.as_deref());
        let conditions = table.indexes.iter().filter_map(|index| index.predicate.as_deref());
        let live_checks = found.checks.iter().map(|check| check.expression.as_str());
        let live_keys = found.indexes.iter().flat_map(|index| &index.keys);
        let live_keys = live_keys.filter(|key| key.column.is_none()).map(|key| key.sql.as_str());
        let live_conditions = found.indexes.iter().filter_map(|index| index.condition.as_deref());
        let domains = found.domain_checks.iter().map(|check| check.expression.as_str());
        let generated = table.columns.iter().filter_map(|column| column.generated.as_ref());
        let generated = generated.map(|generated| generated.expression.as_str());
        let live_generated = found.generated.iter().map(String::as_str);
        let planned = checks.chain(keys).chain(conditions).chain(generated);
        let live = live_checks.chain(live_keys).chain(live_conditions).chain(domains).chain(live_generated);
        let sql = planned.chain(live);
        all.extend(sql.map(|sql| (table.name_in_sql(), sql)));
    }
    all.sort();
    all.dedup();
    all
}

/// Tables and columns without a counterpart are gaps of the comparison, and views are compared by their names.
fn is_told_elsewhere(left: &LeftBehind) -> bool {
    matches!(
        left.kind.as_str(),
        "table" | "column" | "virtual table" | "shadow table" | "conflict clause" | "default"
    )
}

/// A table on both sides.
struct Pair<'a> {
    source: &'a SourceTable,
    expected: &'a PlannedTable,
    columns: &'a TargetTable,
    constraints: &'a LiveTable,
    live: &'a LiveStructure,
    plan: &'a Plan,
}

impl Pair<'_> {
    fn differences(&self) -> Vec<StructureDifference> {
        let mut found = columns::compare(self);
        found.extend(keys::compare(self));
        found.extend(indexes::compare(self));
        found.extend(foreign_keys::compare(self));
        found.extend(checks::compare(self));
        found.extend(objects::added(self));
        found.extend(tables::compare(self));
        found
    }

    fn found(
        &self,
        severity: Severity,
        problem: StructureProblem,
        repair: Vec<String>,
    ) -> StructureDifference {
        let (table, target) = (Some(self.source.name.clone()), Some(self.columns.name_in_sql()));
        StructureDifference { severity, table, target, problem, is_broken_by_rows: false, repair }
    }

    /// The statement that makes a key, an index or a constraint of the expected table; none where it needs a column that is not there.
    fn made(&self, repaired: Repaired<'_>, columns: &[&str]) -> Vec<String> {
        let is_there = columns.iter().all(|column| self.columns.column(column).is_some());
        let sql = repair(self.plan, repaired).filter(|_| is_there);
        sql.map(|sql| format!("{sql};")).into_iter().collect()
    }

    /// `ALTER TABLE` of the target's table, with one action.
    fn alter(&self, action: &str) -> String {
        format!("ALTER TABLE {} {action};", self.columns.name_in_sql())
    }

    /// `ALTER TABLE … ALTER COLUMN`, with one action.
    fn alter_column(&self, column: &str, action: &str) -> String {
        self.alter(&format!("ALTER COLUMN {} {action}", quote_pg(column)))
    }

    fn drop_index(&self, name: &str) -> String {
        let index = self.constraints.indexes.iter().find(|index| index.name == name);
        match index.is_some_and(|index| index.is_constraint) {
            true => self.alter(&format!("DROP CONSTRAINT {}", quote_pg(name))),
            false => format!("DROP INDEX {};", qualified_pg(&self.constraints.schema, name)),
        }
    }
}
