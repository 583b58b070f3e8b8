//! Keys, indexes, CHECKs and foreign keys: what is added to tables once the rows are in.

use super::{BuildKind, Step, comment};
use crate::identifier::{qualified_pg, quote_pg, quote_pg_list};
use crate::operator_class::JSONB_PATH_OPS;
use crate::plan::{
    Plan, PlannedCheck, PlannedForeignKey, PlannedIndex, PlannedIndexColumn, PlannedKey, PlannedTable,
};
use crate::terms::{DEFAULT_SCHEMA, IndexMethod};

/// Keys, indexes and CHECKs of one table.
pub(super) fn of_table(table: &PlannedTable) -> Vec<Step> {
    let primary = table.primary_key.iter().map(|key| self::key(table, "PRIMARY KEY", key));
    let unique = table.unique.iter().map(|key| self::key(table, "UNIQUE", key));
    let indexes = table.indexes.iter().map(|index| self::index(table, index));
    let checks = table.checks.iter().map(|check| self::check(table, check));
    primary.chain(unique).chain(indexes).chain(checks).collect()
}

/// The foreign keys of one table.
pub(super) fn foreign_keys(plan: &Plan, table: &PlannedTable) -> Vec<Step> {
    let step = |key: &PlannedForeignKey| Step {
        what: format!("foreign key {}", key.name),
        kind: BuildKind::ForeignKey { parent: Some(key.parent_table.clone()) },
        ..add_constraint(table, &key.name, &foreign_key(plan, key))
    };
    table.foreign_keys.iter().map(step).collect()
}

fn key(table: &PlannedTable, kind: &str, key: &PlannedKey) -> Step {
    let mut step = add_constraint(table, &key.name, &format!("{kind} ({})", quote_pg_list(&key.columns)));
    step.what = format!("{} {}", kind.to_lowercase(), key.name);
    if let Some(why) = &key.instead_of {
        step.up.insert_str(0, &comment(why));
    }
    step
}

fn index(table: &PlannedTable, index: &PlannedIndex) -> Step {
    let remarks = index.added_because.iter().chain(&index.notes).map(|text| comment(text));
    let keys: Vec<String> = index.columns.iter().map(PlannedIndexColumn::definition).collect();
    let condition =
        index.predicate.as_ref().map(|predicate| format!(" WHERE {predicate}")).unwrap_or_default();
    let up = format!(
        "{}CREATE {}INDEX {} ON {} USING {} ({}){condition}",
        remarks.collect::<String>(),
        if index.unique { "UNIQUE " } else { "" },
        quote_pg(&index.name),
        table.name_in_sql(),
        index.method.sql(),
        keys.join(", ")
    );
    Step {
        up,
        down: format!("DROP INDEX {}", table.qualified(&index.name)),
        what: format!("index {}", index.name),
        kind: index_kind(index),
    }
}

fn index_kind(index: &PlannedIndex) -> BuildKind {
    let has_paths =
        |key: &PlannedIndexColumn| key.ops.as_ref().is_some_and(|class| class.name() == JSONB_PATH_OPS);
    match index.method {
        IndexMethod::Gin if index.columns.iter().all(has_paths) => BuildKind::PathIndex,
        method => BuildKind::Index(method),
    }
}

fn check(table: &PlannedTable, check: &PlannedCheck) -> Step {
    let not_valid = if check.not_valid { " NOT VALID" } else { "" };
    let mut step = add_constraint(table, &check.name, &format!("CHECK ({}){not_valid}", check.expression));
    step.what = format!("check {}", check.name);
    step.kind = BuildKind::Check;
    step.up.insert_str(0, &check.notes.iter().map(|note| comment(note)).collect::<String>());
    step
}

fn foreign_key(plan: &Plan, key: &PlannedForeignKey) -> String {
    let parent = plan.target_table(&key.parent_table);
    let mut sql = format!(
        "FOREIGN KEY ({}) REFERENCES {} ({})",
        quote_pg_list(&key.columns),
        parent.map_or_else(|| parent_in_sql(key), PlannedTable::name_in_sql),
        quote_pg_list(&key.parent_columns)
    );
    for (when, action) in [("UPDATE", &key.on_update), ("DELETE", &key.on_delete)] {
        if action != "NO ACTION" {
            sql.push_str(&format!(" ON {when} {action}"));
        }
    }
    if key.deferred {
        sql.push_str(" DEFERRABLE INITIALLY DEFERRED");
    }
    if key.not_valid {
        sql.push_str(" NOT VALID");
    }
    sql
}

/// A table that a foreign key points to, and that is not in the plan: an app made it.
fn parent_in_sql(key: &PlannedForeignKey) -> String {
    qualified_pg(key.parent_schema.as_deref().unwrap_or(DEFAULT_SCHEMA), &key.parent_table)
}

fn add_constraint(table: &PlannedTable, name: &str, definition: &str) -> Step {
    let table = table.name_in_sql();
    Step {
        up: format!("ALTER TABLE {table} ADD CONSTRAINT {} {definition}", quote_pg(name)),
        down: format!("ALTER TABLE {table} DROP CONSTRAINT {}", quote_pg(name)),
        what: String::new(),
        kind: BuildKind::Key,
    }
}
