//! Tables that an app made: what stands in the way of the load is set aside before it and put back after it, as it was.
//!
//! Foreign keys are dropped, since rows come in any order, and added again by their very definition. Triggers of the app are
//! switched off, since rows that move are not news. Keys, indexes and CHECKs stay, so that no row gets past them.

use super::{BuildKind, SchemaStep, Step, derived, line};
use crate::identifier::{quote_pg, quote_pg_literal};
use crate::plan::{ExistingTable, Plan, PlannedTable};
use crate::target_schema::{SwitchedTrigger, TargetForeignKey};
use crate::terms::Seeds;

/// What is done to all of them before rows come: everything is set aside.
pub(super) fn open(plan: &Plan) -> Vec<SchemaStep> {
    let mut lead = "\n-- Set aside for the load, and put back by the other migration.\n";
    let mut steps = Vec::new();
    for statement in
        plan.existing_tables().flat_map(|(_, existing)| set_aside(existing, &existing.kept_triggers))
    {
        steps.push(SchemaStep {
            sql: format!("{}{statement};\n", std::mem::take(&mut lead)),
            locks: ALTER_LOCKS,
        });
    }
    steps
}

/// The locks of dropping or adding a foreign key, or of switching a trigger: of both tables with what is read of them.
const ALTER_LOCKS: usize = 8;

/// The locks of deleting rows or reading them: the table with its keys and indexes, and the tables that point to it.
fn row_locks(existing: &ExistingTable) -> usize {
    let indexes = existing.table.facts.iter().filter(|fact| fact.item.starts_with("index ")).count();
    8 + indexes + 2 * existing.table.referenced_by.len()
}

/// Names what becomes of the rows that the tables hold: the run saves them, since it has to compare them with the source.
pub(super) fn seeds(plan: &Plan, up: &mut String) {
    for (_, existing) in plan.existing_tables().filter(|(_, existing)| existing.table.rows > 0) {
        let (table, saved) = (existing.name_in_sql(), existing.saved_rows());
        let effect = match existing.seeds {
            Seeds::Replace => "deleted",
            Seeds::Merge => "kept, and overwritten by rows of the source with their keys",
            Seeds::Keep | Seeds::Stop => "kept",
        };
        line(up, format_args!("\n-- The rows of {table} are saved in {saved} by the run, and {effect}."));
    }
}

/// What undoes [`open`], but for rows.
pub(super) fn open_undone(plan: &Plan, down: &mut String) {
    for statement in plan.existing_tables().flat_map(|(_, existing)| put_back(existing)) {
        line(down, format_args!("{statement};"));
    }
}

/// The foreign keys of a table again, NOT VALID where rows break them.
pub(super) fn foreign_keys(table: &PlannedTable) -> Vec<Step> {
    let Some(existing) = &table.existing else { return Vec::new() };
    let is_broken = |key: &TargetForeignKey| {
        table.foreign_keys.iter().any(|planned| planned.name == key.name && planned.not_valid)
    };
    (existing.table.foreign_keys.iter())
        .map(|key| Step {
            up: add(existing, key, is_broken(key)),
            down: drop(existing, key),
            what: format!("foreign key {}", key.name),
            // Its parent may be a table that the plan does not know.
            kind: BuildKind::ForeignKey { parent: None },
        })
        .collect()
}

/// The triggers of a table again.
pub(super) fn triggers(table: &PlannedTable) -> Vec<Step> {
    let Some(existing) = &table.existing else { return Vec::new() };
    let (on, off) = (switched(existing, true, &[]), switched(existing, false, &[]));
    on.into_iter()
        .zip(off)
        .map(|(up, down)| Step { up, down, what: "trigger".to_owned(), kind: BuildKind::Objects })
        .collect()
}

/// The statements that take the rows that were loaded out of all existing tables again, and leave everything else as it was before,
/// wherever the run had come to. Rows that were kept stay, and those that were replaced come back.
///
/// Each of the three groups must be done before the next one begins. All of them can be run again from the beginning after they were
/// interrupted anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovalSteps {
    /// Sets foreign keys and triggers aside.
    pub set_aside: Vec<SchemaStep>,
    /// Deletes the rows that were loaded, and restores those that were there, by table. With each comes the table, as SQL names it, that
    /// holds the saved rows, if there were any: where it is gone, no row was changed, or all were restored.
    pub delete: Vec<(Option<String>, SchemaStep)>,
    /// Puts foreign keys and triggers back.
    pub put_back: Vec<SchemaStep>,
}

/// What takes the rows of existing tables out again.
pub fn removal_steps(plan: &Plan) -> RemovalSteps {
    let existing = || plan.existing_tables().map(|(_, existing)| existing);
    let step = |sql: String| SchemaStep { sql: format!("{sql};\n"), locks: ALTER_LOCKS };
    let delete = |(planned, existing): (&PlannedTable, &ExistingTable)| {
        let sql = format!("{};\n", existing.restore_sql(planned));
        let needs = (existing.table.rows > 0).then(|| existing.saved_rows());
        (needs, SchemaStep { sql, locks: row_locks(existing) })
    };
    RemovalSteps {
        set_aside: existing().flat_map(|existing| set_aside(existing, &[])).map(step).collect(),
        delete: plan.existing_tables().map(delete).collect(),
        put_back: existing().flat_map(put_back).chain(derived::unfill(plan)).map(step).collect(),
    }
}

/// Drops the foreign keys and disables the triggers, but for those that are `kept`.
fn set_aside(existing: &ExistingTable, kept: &[String]) -> Vec<String> {
    let keys = existing.table.foreign_keys.iter().map(|key| drop(existing, key));
    keys.chain(switched(existing, false, kept)).collect()
}

fn put_back(existing: &ExistingTable) -> Vec<String> {
    let keys = existing.table.foreign_keys.iter().map(|key| add(existing, key, false));
    keys.chain(switched(existing, true, &[])).collect()
}

fn drop(existing: &ExistingTable, key: &TargetForeignKey) -> String {
    format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", existing.name_in_sql(), quote_pg(&key.name))
}

/// Adds a foreign key with all that was lost when it was dropped.
fn add(existing: &ExistingTable, key: &TargetForeignKey, not_valid: bool) -> String {
    let not_valid = if not_valid && !key.definition.ends_with("NOT VALID") { " NOT VALID" } else { "" };
    let (table, name) = (existing.name_in_sql(), quote_pg(&key.name));
    let mut sql = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {}{not_valid}", key.definition);
    if let Some(comment) = &key.comment {
        let comment = quote_pg_literal(comment);
        sql.push_str(&format!(";\nCOMMENT ON CONSTRAINT {name} ON {table} IS {comment}"));
    }
    for trigger in &key.switched {
        sql.push_str(&format!(";\n{}", switch(&table, &key.name, trigger)));
    }
    sql
}

/// Switches a trigger of PostgreSQL's own for a foreign key: its name has the OID of the constraint, and is new.
fn switch(table: &str, key: &str, trigger: &SwitchedTrigger) -> String {
    let body = format!(
        "DECLARE t record; BEGIN FOR t IN SELECT g.tgrelid::pg_catalog.regclass AS place, g.tgname FROM pg_catalog.pg_trigger g \
         JOIN pg_catalog.pg_constraint k ON k.oid = g.tgconstraint JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid \
         WHERE k.conrelid = {}::pg_catalog.regclass AND k.conname = {} AND f.proname = {} AND g.tgparentid = 0 \
         LOOP EXECUTE pg_catalog.format('ALTER TABLE %s {} TRIGGER %I', t.place, t.tgname); END LOOP; END",
        quote_pg_literal(table),
        quote_pg_literal(key),
        quote_pg_literal(&trigger.function),
        trigger.how
    );
    format!("DO LANGUAGE plpgsql {}", quote_pg_literal(&body))
}

/// The app's triggers on or off, each by name, but for those that are `kept`; those of partitions after those of their table, which partitions follow.
fn switched(existing: &ExistingTable, on: bool, kept: &[String]) -> Vec<String> {
    let of_partitions =
        existing.table.partition_triggers.iter().filter(|trigger| !kept.contains(&trigger.name));
    let of_partitions = of_partitions.map(|trigger| {
        let how = if on { trigger.how.as_str() } else { "DISABLE" };
        format!("ALTER TABLE ONLY {} {how} TRIGGER {}", trigger.partition, quote_pg(&trigger.name))
    });
    (existing.table.triggers.iter())
        .filter(|trigger| !kept.contains(&trigger.name))
        .map(|trigger| {
            let how = match (on, trigger.is_always) {
                (false, _) => "DISABLE",
                (true, false) => "ENABLE",
                (true, true) => "ENABLE ALWAYS",
            };
            format!("ALTER TABLE {} {how} TRIGGER {}", existing.name_in_sql(), quote_pg(&trigger.name))
        })
        .chain(of_partitions)
        .collect()
}
