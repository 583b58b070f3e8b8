//! Checks what the app derives from rows: columns that its triggers fill, tables that they write, and materialized views.
//!
//! A trigger is called for copies of the migrated rows in a temporary table, and what it stores is compared with what is there; all of
//! that is rolled back. What triggers store in other tables is not computed: there a column counts as filled once any row has another
//! value than its default.

use std::time::Duration;

use migrate_core::finding::{DerivedDifference, NotCompared, Reason, Subject};
use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::{
    DerivedDecision, Plan, PlannedMaterializedView, PlannedTable, UnloadedColumn, WrittenTable,
};
use migrate_core::render::compute_in_row;

use super::CheckResult;
use crate::error::{Context, Result};
use crate::target::as_owner::value_as_owner;
use postgres_client::connection::Connection;
use postgres_client::guarded::{self, Then};

/// What a check of one thing has found.
enum Outcome {
    Same,
    Differs(DerivedDifference),
    NotCompared(Reason),
}

/// Checks the derived data of a plan. With a `reason` nothing may be written, so that no trigger is called.
///
/// # Errors
/// When a table or the catalog cannot be read.
pub(crate) fn derived(
    target: &mut Connection,
    plan: &Plan,
    time_max: Duration,
    reason: Option<&Reason>,
) -> Result<CheckResult<DerivedDifference>> {
    let mut result = CheckResult::default();
    let is_open = |decision: Option<DerivedDecision>| decision != Some(DerivedDecision::Accept);
    let columns: Vec<&UnloadedColumn> =
        plan.trigger_filled().filter(|column| is_open(column.decision)).collect();
    let views: Vec<&PlannedMaterializedView> =
        plan.materialized_views.iter().filter(|view| is_open(view.decision)).collect();
    for written in plan.written_tables.iter().filter(|table| is_open(table.decision)) {
        let subject = Subject::WrittenTable { table: written.table.clone() };
        if let Some(outcome) = check_written(target, plan, written)? {
            result.add(outcome, subject);
        }
    }
    if columns.is_empty() && views.is_empty() {
        return Ok(result);
    }
    let is_guarded = guarded::missing(target)?.is_none();
    for column in columns {
        let outcome = match (reason, is_guarded) {
            (Some(reason), _) => Outcome::NotCompared(reason.clone()),
            (None, false) => Outcome::NotCompared(Reason::NoProceduralLanguage),
            (None, true) => target
                .undone_transaction(|target| check_column(target, plan, column, time_max))
                .context(|| format!("column {} cannot be checked", column.full_name()))?,
        };
        let subject = Subject::DerivedColumn { column: column.full_name() };
        result.add(outcome, subject);
    }
    for view in views {
        let outcome = match (reason, is_guarded) {
            // A standby takes no function, not even a temporary one.
            (Some(Reason::Standby), _) => Outcome::NotCompared(Reason::Standby),
            (_, false) => Outcome::NotCompared(Reason::NoProceduralLanguage),
            (_, true) => target
                .undone_transaction(|target| check_view(target, view, time_max))
                .context(|| format!("materialized view {} cannot be checked", view.name))?,
        };
        result.add(outcome, Subject::MaterializedView { view: view.name.clone() });
    }
    Ok(result)
}

impl CheckResult<DerivedDifference> {
    fn add(&mut self, outcome: Outcome, subject: Subject) {
        match outcome {
            Outcome::Same => self.compared += 1,
            Outcome::Differs(difference) => {
                self.compared += 1;
                self.differences.push(difference);
            }
            Outcome::NotCompared(reason) => self.not_compared.push(NotCompared { subject, reason }),
        }
    }
}

/// Checks a table that only triggers write: it differs if it has no rows and a foreign key to a loaded table, since its rows then belong
/// to loaded ones. A log has no such key. What rows it should have is not computed. None where no trigger had a reason to write.
fn check_written(target: &mut Connection, plan: &Plan, written: &WrittenTable) -> Result<Option<Outcome>> {
    let has_rows = |target: &mut Connection, table: &str| -> Result<bool> {
        target
            .one(&format!("SELECT EXISTS (SELECT FROM {table})"), &[])
            .context(|| format!("table {} cannot be checked", written.table))
    };
    let mut is_called = false;
    for caller in written.triggers.iter().filter_map(|trigger| plan.target_table(&trigger.table)) {
        is_called |=
            has_table(target, &caller.name_in_sql())? && has_rows(target, &caller.loaded_rows_sql())?;
    }
    if !is_called || !has_table(target, &written.name_in_sql())? {
        return Ok(None);
    }
    let triggers = written.triggers.iter().map(|trigger| trigger.name.clone()).collect();
    let (schema, table) = (written.schema.clone(), written.table.clone());
    let callers = written.triggers.iter().filter_map(|trigger| plan.target_table(&trigger.table));
    let callers: Vec<String> =
        callers.map(|caller| format!("to_regclass({})", quote_pg_literal(&caller.name_in_sql()))).collect();
    let references = format!(
        "SELECT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND conrelid = to_regclass({}) AND confrelid IN ({}))",
        quote_pg_literal(&written.name_in_sql()),
        callers.join(", ")
    );
    let belongs_to_loaded: bool = target.one(&references, &[])?;
    Ok(Some(match has_rows(target, &written.name_in_sql())? || !belongs_to_loaded {
        true => Outcome::NotCompared(Reason::TriggersNotCalled { triggers: written.trigger_names() }),
        false => Outcome::Differs(DerivedDifference::TableEmpty { schema, table, triggers }),
    }))
}

/// Whether a table is there. One that is gone is a finding of the schema.
fn has_table(target: &mut Connection, name_in_sql: &str) -> Result<bool> {
    target.one(&format!("SELECT to_regclass({}) IS NOT NULL", quote_pg_literal(name_in_sql)), &[])
}

fn has_column(target: &mut Connection, table_in_sql: &str, column: &str) -> Result<bool> {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass({}) AND attname = $1 AND NOT attisdropped)",
        quote_pg_literal(table_in_sql)
    );
    target.one(&sql, &[Some(column)])
}

fn limit_time(target: &mut Connection, time_max: Duration) -> Result<()> {
    target.script(&format!("SET LOCAL statement_timeout = {}", time_max.as_millis().max(1))).map(drop)
}

fn check_column(
    target: &mut Connection,
    plan: &Plan,
    column: &UnloadedColumn,
    time_max: Duration,
) -> Result<Outcome> {
    let Some(table) = plan.target_table(&column.table) else { return Ok(Outcome::Same) };
    if !has_column(target, &table.name_in_sql(), &column.column)? {
        return Ok(Outcome::NotCompared(Reason::ColumnMissing));
    }
    limit_time(target, time_max)?;
    let moves_sequences = column.triggers().iter().filter(|trigger| trigger.is_before).any(|trigger| {
        let table = plan.target_table(&trigger.table).and_then(|table| table.existing.as_ref());
        let triggers = table.into_iter().flat_map(|existing| &existing.table.triggers);
        let mut effects =
            triggers.filter(|other| other.name == trigger.name).filter_map(|other| other.effect.as_ref());
        effects.any(|effect| effect.moves_sequences)
    });
    // A call would use up numbers, which no rollback returns.
    let computed = if moves_sequences { None } else { compute_in_row(plan, column) };
    let name = quote_pg(&column.column);
    let is_computed = computed.is_some();
    let count = match computed {
        Some(computed) => {
            for statement in &computed.statements {
                if let Err(refused) = target.guarded(statement, Then::Keep)? {
                    return Ok(Outcome::NotCompared(Reason::TriggerRefuses { cause: refused.to_string() }));
                }
            }
            let differs = match column.is_repeatable() {
                true => format!("o.{name}::pg_catalog.text IS DISTINCT FROM n.{name}::pg_catalog.text"),
                false => format!("o.{name} IS NULL"),
            };
            format!(
                "SELECT pg_catalog.count(*) FROM {} AS o JOIN {} AS n ON {} WHERE n.{name} IS NOT NULL AND {differs}",
                computed.table, computed.temporary, computed.is_same_row
            )
        }
        None => {
            let mut callers = Vec::new();
            for caller in column.triggers().iter().filter_map(|trigger| plan.target_table(&trigger.table)) {
                if has_table(target, &caller.name_in_sql())? {
                    callers.push(caller);
                }
            }
            match unfilled_sql(table, column, &callers) {
                Some(sql) => sql,
                None => return Ok(Outcome::Same),
            }
        }
    };
    let rows: u64 = target.one(&count, &[])?;
    if rows == 0 {
        return Ok(Outcome::Same);
    }
    Ok(Outcome::Differs(DerivedDifference::ColumnNotFilled {
        table: column.table.clone(),
        column: column.column.clone(),
        triggers: column.triggers().iter().map(|trigger| trigger.name.clone()).collect(),
        rows,
        is_computed,
    }))
}

/// The statement that counts the migrated rows of a column that no row has a value for, or only its default. `callers` are the tables
/// whose rows call the triggers.
fn unfilled_sql(table: &PlannedTable, column: &UnloadedColumn, callers: &[&PlannedTable]) -> Option<String> {
    let found = table.existing.as_ref()?.table.column(&column.column)?;
    let name = quote_pg(&column.column);
    let default = found.default.as_deref().filter(|default| !default.contains("nextval")).unwrap_or("NULL");
    let is_unfilled = format!(
        "({name} IS NULL OR {name}::pg_catalog.text IS NOT DISTINCT FROM ({default})::pg_catalog.text)"
    );
    let called: Vec<String> = callers
        .iter()
        .map(|caller| format!("OR EXISTS (SELECT FROM {})", caller.loaded_rows_sql()))
        .collect();
    let rows = table.loaded_rows_sql();
    Some(format!(
        "SELECT CASE WHEN pg_catalog.bool_and({is_unfilled}) AND (false {}) THEN pg_catalog.count(*) ELSE 0 END FROM {rows}",
        called.join(" ")
    ))
}

fn check_view(
    target: &mut Connection,
    view: &PlannedMaterializedView,
    time_max: Duration,
) -> Result<Outcome> {
    let name = quote_pg_literal(&view.name_in_sql());
    let sql = format!(
        "SELECT c.relispopulated, pg_get_viewdef(c.oid), pg_get_userbyid(c.relowner)::text FROM pg_class c WHERE c.oid = to_regclass({name}) AND c.relkind = 'm'"
    );
    let found: Option<(bool, String, String)> = target.first(&sql, &[])?;
    let Some((is_populated, query, owner)) = found else {
        return Ok(Outcome::NotCompared(Reason::ViewMissing));
    };
    if !is_populated {
        let (schema, view) = (view.schema.clone(), view.name.clone());
        return Ok(Outcome::Differs(DerivedDifference::ViewNotPopulated { schema, view }));
    }
    // Functions of the query find their tables as they do for the app. What is not PostgreSQL's own is named with its schema.
    target.script("SET LOCAL search_path TO DEFAULT")?;
    limit_time(target, time_max)?;
    let mut sums = Vec::new();
    for relation in [view.name_in_sql(), format!("({})", query.trim_end().trim_end_matches(';'))] {
        let sum = format!(
            "(SELECT pg_catalog.concat(pg_catalog.count(*), ' ', \
             pg_catalog.sum(pg_catalog.hashtextextended(v::pg_catalog.text, 0)::pg_catalog.numeric)) FROM {relation} AS v)"
        );
        match value_as_owner(target, &owner, &[], &sum)? {
            Err(refused) => {
                return Ok(Outcome::NotCompared(Reason::ViewRefused { cause: refused.to_string() }));
            }
            Ok(sum) => sums.push(sum.unwrap_or_default()),
        }
    }
    let [held, returned] = sums.as_slice() else { return Ok(Outcome::Same) };
    if held == returned {
        return Ok(Outcome::Same);
    }
    let rows = |sum: &str| sum.split(' ').next().and_then(|rows| rows.parse().ok()).unwrap_or(0);
    Ok(Outcome::Differs(DerivedDifference::ViewStale {
        schema: view.schema.clone(),
        view: view.name.clone(),
        rows: rows(held),
        query_rows: rows(returned),
    }))
}
