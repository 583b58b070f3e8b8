//! Tables that an app made in the target: checks that they are as the plan found them, and removes the rows that a run added.

use migrate_core::finding::SchemaDifference;
use migrate_core::identifier::quote_pg_literal;
use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::render::{self, SchemaStep};

use super::{key_clashes, migrations, target_check};
use crate::error::{Context, Error, Result, TargetChanged};
use crate::ledger::{self, Run, SequenceBefore};
use crate::remedy::Remedy;
use crate::source::SourceConnection;
use crate::source::preflight::Findings;
use crate::target::introspect::count_rows;
use crate::target::migration::Migration;
use crate::validate::catalog;
use postgres_client::TargetUrl;
use postgres_client::connection::Connection;

/// Refuses a target that is not ready for the plan: one that is not empty, or, where the plan has tables that an app made, one in
/// which these are not as they were.
pub(super) fn check_ready(target: &mut Connection, url: &TargetUrl, plan: &Plan) -> Result<()> {
    if !plan.is_into_existing() {
        return target_check::check_empty(target, url, plan, None);
    }
    target_check::check_ledger_schema(target, url)?;
    check_switched(target, plan)?;
    let differences = catalog::drift(target, plan)?;
    if !differences.is_empty() {
        return Err(Error::new(format!("the tables in {url} are not as they were when the plan was made"))
            .caused_by(TargetChanged { differences })
            .with_remedy_value(Remedy::PlanAgain));
    }
    for (table, existing) in plan.existing_tables() {
        let rows = count_rows(target, &existing.table)?;
        if rows != existing.table.rows {
            return Err(Error::new(format!(
                "table {} in {url} holds {rows} rows, and {} when the plan was made",
                table.target, existing.table.rows
            ))
            .with_remedy_value(Remedy::PlanAgain));
        }
    }
    let made = plan.made();
    let missing = target_check::missing_tables(target, &made)?;
    match made.tables.iter().find(|table| !missing.contains(&table.target)) {
        None => Ok(()),
        Some(table) => {
            Err(Error::new(format!("table {} in {url} is there since the plan was made", table.target))
                .with_remedy_value(Remedy::PlanAgain))
        }
    }
}

/// Statements that remove a run's rows from the app's tables and restore what was set aside for it, in consecutive groups. The app's own
/// list of migrations is kept.
pub(super) fn removal_groups(target: &mut Connection, run: &Run) -> Result<Vec<Vec<SchemaStep>>> {
    if !is_begun(target, run)? {
        return Ok(Vec::new());
    }
    let steps = render::removal_steps(&run.plan);
    let (mut delete, mut forget) = (Vec::new(), Vec::new());
    for ((saved, step), (_, existing)) in steps.delete.into_iter().zip(run.plan.existing_tables()) {
        // Without the saved rows none was loaded, or all were restored by a removal that was interrupted.
        let Some(saved) = saved else {
            delete.push(step);
            continue;
        };
        if is_relation(target, &saved)? {
            delete.push(step);
            forget.push(SchemaStep { sql: format!("DROP TABLE IF EXISTS {saved};\n"), locks: 4 });
        } else if existing.replaces_rows() && !run.saves_rows() {
            delete.push(SchemaStep { sql: format!("DELETE FROM {};\n", existing.name_in_sql()), ..step });
        }
    }
    let sequences = ledger::moved_sequences(target, run.id)?.iter().map(put_back_sequence).collect();
    Ok(vec![steps.set_aside, delete, steps.put_back, sequences, forget])
}

/// Moves a sequence back to where it was. A restart gives it a new file, which makes `setval` a part of the transaction.
fn put_back_sequence(before: &SequenceBefore) -> SchemaStep {
    let restart = match before.is_ours {
        true => format!("ALTER SEQUENCE {} RESTART;\n", before.name),
        false => String::new(),
    };
    let sql = format!(
        "{restart}SELECT pg_catalog.setval({}::pg_catalog.regclass, {}, {});\n",
        quote_pg_literal(&before.name),
        before.last_value,
        before.is_called
    );
    SchemaStep { sql, locks: 3 }
}

/// Whether anything in the app's tables has changed for a run.
fn is_begun(target: &mut Connection, run: &Run) -> Result<bool> {
    let migrations = migrations::of_plan(&run.plan, &[]);
    Ok(migrations::missing(target, run, &[])?.len() < migrations.len()
        || ledger::has_schema_steps(target, run.id)?)
}

/// The versions of a run's migrations in the list of an app, into which earlier versions wrote them; none where it has its own list.
pub(super) fn listed_versions(run: &Run) -> Vec<String> {
    match !run.saves_rows() {
        true => migrations::of_plan(&run.plan, &[]).iter().map(Migration::version).collect(),
        false => Vec::new(),
    }
}

/// Refuses foreign keys whose triggers only a superuser can switch again.
fn check_switched(target: &mut Connection, plan: &Plan) -> Result<()> {
    let keys = plan
        .existing_tables()
        .flat_map(|(_, existing)| existing.table.foreign_keys.iter().map(move |key| (existing, key)));
    let Some((existing, key)) = keys.into_iter().find(|(_, key)| !key.switched.is_empty()) else {
        return Ok(());
    };
    let sql = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    if target.one(sql, &[]).context(|| "the target cannot be examined")? {
        return Ok(());
    }
    let table = existing.name_in_sql();
    Err(Error::new(format!(
        "foreign key {} of {table} has triggers that a superuser has switched off, and only a superuser can restore that",
        key.name
    ))
    .with_remedy_text(format!(
        "migrate as a superuser, or let one run ALTER TABLE {table} ENABLE TRIGGER ALL, and the same on the table that it references"
    )))
}

/// Adds the rows whose keys clash in the app's tables to the findings of a scan.
pub(super) fn find_key_clashes(
    plan: &LoadPlan<'_>,
    open: &dyn Fn() -> Result<SourceConnection>,
    findings: &mut Findings,
) -> Result<()> {
    if !plan.is_into_existing() {
        return Ok(());
    }
    let source = open()?;
    for (table, _) in plan.existing_tables() {
        if let Some(found) = findings.tables.iter_mut().find(|found| found.table == table.source) {
            key_clashes::find(&source, &table.sent(), found)?;
        }
    }
    Ok(())
}

/// Finds the tables of which rows are missing that were to be kept.
pub(super) fn lost_rows(target: &mut Connection, plan: &Plan) -> Result<Vec<SchemaDifference>> {
    let mut lost = Vec::new();
    for (table, existing) in plan.existing_tables().filter(|(_, existing)| existing.keeps_rows()) {
        // A missing table is reported with the schema.
        if !is_there(target, table)? || !is_relation(target, &existing.saved_rows())? {
            continue;
        }
        let (kept, there): (i64, i64) = target
            .one(&existing.lost_rows_sql(), &[])
            .context(|| format!("the rows of {} that stayed cannot be counted", table.target))?;
        if there < kept {
            lost.push(SchemaDifference::KeptRowsMissing {
                table: table.target.clone(),
                missing: kept.abs_diff(there),
                kept: kept.unsigned_abs(),
            });
        }
    }
    Ok(lost)
}

/// The tables that a run has created, as SQL names them.
pub(super) fn created_tables(target: &mut Connection, run: &Run) -> Result<Vec<String>> {
    let mut created = Vec::new();
    for table in run.plan.tables.iter().filter(|table| table.existing.is_none()) {
        if is_there(target, table)? {
            created.push(table.name_in_sql());
        }
    }
    Ok(created)
}

/// Whether a table is still there.
fn is_there(target: &mut Connection, table: &PlannedTable) -> Result<bool> {
    is_relation(target, &table.qualified(&table.target))
}

/// Whether there is a relation of this name, as SQL writes it.
pub(super) fn is_relation(target: &mut Connection, name: &str) -> Result<bool> {
    target
        .one("SELECT to_regclass($1) IS NOT NULL", &[Some(name)])
        .context(|| "the target cannot be examined")
}

/// Refuses to delete rows of tables that nothing is moved to.
pub(super) fn check_selected(plan: &Plan, selected: &[&PlannedTable]) -> Result<()> {
    let is_selected = |source: &str| selected.iter().any(|table| table.source == source);
    let lost = plan
        .existing_tables()
        .find(|(table, existing)| existing.replaces_rows() && !is_selected(&table.source));
    match lost {
        None => Ok(()),
        Some((table, _)) => {
            Err(Error::new(format!("the plan replaces the rows of {}, which is not selected", table.target))
                .with_remedy_value(Remedy::SelectTableOrAll))
        }
    }
}
