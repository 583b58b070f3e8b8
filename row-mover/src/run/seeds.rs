//! Rows that an app's tables hold before the load (seeds): compares them with the source when a plan is made, again in preflight, and in
//! the transaction that saves them and deletes those that are replaced.

use std::ops::DerefMut;
use std::path::Path;

use migrate_core::identifier::qualified_pg;
use migrate_core::load_plan::LoadPlan;
use migrate_core::mapping::Mapping;
use migrate_core::plan::{ExistingTable, IS_EQUAL, Plan, PlannedTable, SOURCE_ROW};
use migrate_core::planner::{
    Obstacle, Obstacles, ObstructedPlan, PlanningError, SeedComparison, settle_seeds,
};
use migrate_core::source_schema::SourceSchema;
use migrate_core::target_schema::TargetSchema;
use serde::Serialize;

use super::existing::is_relation;
use super::migrations;
use crate::error::{Context, Error, Result};
use crate::ledger::{self, Run};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::source::undisturbed::read_undisturbed;
use crate::source::{SourceConnection, evidence};
use crate::validate::seeds::{self, ComparedSeeds};
use postgres_client::connection::Connection;
use postgres_client::watch::Silent;

/// The temporary table of the rows that correspond to rows of the source.
const MARKS: &str = "pg_temp.migration_seeds";

/// How much is gathered before it is handed to the connection.
const BUFFER_BYTES: usize = 64 << 10;

/// Makes the plan by which the rows of the file at `path` go into tables of `schema`, whose rows are read from what `open_target` opens;
/// `scanned` receives the number of rows. What prevents it is reported at once, rows of these tables included.
///
/// # Errors
/// When a side cannot be read, or no plan can be made.
pub fn plan_into_existing<C: DerefMut<Target = Connection>>(
    path: &Path,
    mapping: &Mapping,
    schema: &TargetSchema,
    open_target: impl FnOnce() -> Result<C>,
    workers: usize,
    scanned: &(dyn Fn(u64) + Sync),
) -> Result<(SourceSchema, Plan)> {
    let planned = evidence::plan_into(path, mapping, Some(schema), workers, scanned);
    let (source, mut obstructed) = match planned {
        Ok((source, plan)) => (
            Some(source),
            ObstructedPlan { obstacles: Obstacles::default(), fitting: Some(Box::new(plan)), other: None },
        ),
        Err(error) => match obstructed(&error) {
            Some(obstructed) => (None, obstructed),
            None => return Err(error),
        },
    };
    if let Some(fitting) = &mut obstructed.fitting {
        let found = plan_seeds(path, fitting, &obstructed.obstacles, open_target)?;
        obstructed.obstacles.extend(found);
    }
    match (source, obstructed.fitting.take()) {
        (Some(source), Some(plan)) if obstructed.obstacles.is_empty() => Ok((source, *plan)),
        (_, fitting) => {
            let obstructed = PlanningError::Obstructed(ObstructedPlan { fitting, ..obstructed });
            Err(Error::new("no plan can be made").caused_by(obstructed))
        }
    }
}

/// The obstacles that made planning fail, if they did.
fn obstructed(error: &Error) -> Option<ObstructedPlan> {
    match std::error::Error::source(error)?.downcast_ref()? {
        PlanningError::Obstructed(obstructed) => Some(obstructed.clone()),
        _ => None,
    }
}

/// Compares the rows that the plan's tables hold with those of the file at `path`, records the numbers in the plan, and returns what is
/// undecided. A table whose key is not in the plan because of an obstacle is not compared: its rows would be known by other values.
fn plan_seeds<C: DerefMut<Target = Connection>>(
    path: &Path,
    plan: &mut Plan,
    obstacles: &Obstacles,
    open_target: impl FnOnce() -> Result<C>,
) -> Result<Vec<Obstacle>> {
    let mut comparable = plan.clone();
    comparable.tables.retain(|table| {
        let is_obstructed = obstacles.iter().any(|obstacle| obstacle.table() == Some(&table.source));
        table.existing.as_ref().is_some_and(|existing| existing.table.rows > 0)
            && !(is_obstructed && table.key_positions().is_empty())
    });
    if comparable.tables.is_empty() {
        return Ok(Vec::new());
    }
    let load_plan = LoadPlan::new(&comparable);
    let target = &mut *open_target()?;
    let mut compare = |source: &SourceConnection| compare_all(&load_plan, source, target, &Silent);
    let (comparisons, _) = read_undisturbed(path, &mut compare)?;
    Ok(settle_seeds(plan, &comparisons))
}

/// Refuses rows of the tables that the plan does not decide about: the source or the target changed since it was made.
pub(super) fn check(
    target: &mut Connection,
    plan: &LoadPlan<'_>,
    source: &SourceConnection,
    observer: &dyn Observer,
) -> Result<()> {
    let comparisons = compare_all(plan, source, target, observer)?;
    refuse_undecided(plan, &comparisons).map_err(|error| error.with_remedy_value(Remedy::PlanAgain))
}

fn refuse_undecided(plan: &LoadPlan<'_>, comparisons: &[SeedComparison]) -> Result<()> {
    if comparisons.is_empty() {
        return Ok(());
    }
    let mut compared: Plan = (**plan).clone();
    let undecided = settle_seeds(&mut compared, comparisons);
    if undecided.is_empty() {
        return Ok(());
    }
    let words: Vec<String> = undecided.iter().map(Obstacle::to_string).collect();
    let tables = if undecided.len() == 1 { "a table" } else { "tables" };
    let verb = if undecided.len() == 1 { "holds" } else { "hold" };
    Err(Error::new(format!(
        "rows that {tables} of the app {verb} are not as they were when the plan was made"
    ))
    .caused_by(words.join("; ")))
}

fn compare_all(
    plan: &LoadPlan<'_>,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<Vec<SeedComparison>> {
    let mut comparisons = Vec::new();
    for (table, existing) in plan.existing_tables().filter(|(_, existing)| existing.table.rows > 0) {
        let holds = holds(table, existing, target)?;
        comparisons.push(compare(table, existing, &holds, source, target, observer)?.comparison);
    }
    Ok(comparisons)
}

/// What has the rows that a table held: the table itself, or, of a run that is started over, those that are saved.
fn holds(table: &PlannedTable, existing: &ExistingTable, target: &mut Connection) -> Result<PlannedTable> {
    let saved = match is_relation(target, &existing.saved_rows())? {
        true => table.saved(),
        false => None,
    };
    Ok(saved.unwrap_or_else(|| table.with_all_rows()))
}

/// The selection, as SQL, of the rows that stay beside those that are loaded. It uses a temporary table of the open transaction.
pub(super) fn rows_to_keep(
    table: &PlannedTable,
    existing: &ExistingTable,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<String> {
    let holds = holds(table, existing, target)?;
    let compared = compare(table, existing, &holds, source, target, observer)?;
    send_marks(target, &compared)?;
    Ok(format!(
        "(SELECT t.* FROM {} AS t WHERE NOT EXISTS \
         (SELECT FROM {MARKS} AS m WHERE m.part = t.tableoid AND m.place = t.ctid)) AS t",
        holds.name_in_sql()
    ))
}

fn compare(
    table: &PlannedTable,
    existing: &ExistingTable,
    holds: &PlannedTable,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<ComparedSeeds> {
    let failed = || format!("the rows of {} cannot be compared with the source", existing.table.name);
    let referenced_by = referencing(target, existing)?;
    // Rows that are deleted need no comparison, unless something prevents that.
    let mut compared = match existing.replaces_rows() && referenced_by.is_empty() {
        false => seeds::compare(table, holds, source, target, observer).context(failed)?,
        true => ComparedSeeds::default(),
    };
    compared.comparison.table.clone_from(&table.source);
    compared.comparison.referenced_by = referenced_by;
    Ok(compared)
}

/// The tables with rows whose foreign keys reference this one, as the plan names them.
fn referencing(target: &mut Connection, existing: &ExistingTable) -> Result<Vec<String>> {
    let failed = || format!("the tables that reference {} cannot be read", existing.table.name);
    let mut with_rows = Vec::new();
    for (schema, name) in referencing_tables(target, existing).context(failed)? {
        let in_sql = qualified_pg(&schema, &name);
        if target.one(&format!("SELECT EXISTS (SELECT FROM {in_sql})"), &[]).context(failed)? {
            with_rows.push(if schema == existing.table.schema { name } else { in_sql });
        }
    }
    Ok(with_rows)
}

/// Saves the rows that the app's tables hold, and deletes those that are replaced, in a transaction for each table. Each compares the rows
/// once more, while nobody else can write to them.
pub(super) fn settle(
    connection: &mut Connection,
    run: &Run,
    source: &SourceConnection,
    observer: &dyn Observer,
) -> Result<()> {
    let plan = LoadPlan::new(&run.plan);
    let is_selected = |table: &PlannedTable| run.state.subject.tables.contains(&table.source);
    for (table, existing) in plan.existing_tables().filter(|(table, _)| is_selected(table)) {
        let sealed_path = run.seal.path.to_string_lossy();
        connection.transaction(|connection| {
            ledger::claim_schema_steps(connection, run.id, &sealed_path)?;
            settle_table(connection, &plan, (table, existing), source, observer)
        })?;
    }
    Ok(())
}

fn settle_table(
    connection: &mut Connection,
    plan: &LoadPlan<'_>,
    (table, existing): (&PlannedTable, &ExistingTable),
    source: &SourceConnection,
    observer: &dyn Observer,
) -> Result<()> {
    let name = existing.name_in_sql();
    let failed = format!("the rows that {name} holds cannot be saved");
    if existing.table.rows > 0 && is_relation(connection, &existing.saved_rows())? {
        return Ok(());
    }
    connection.script(&format!("LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")).context(|| &failed)?;
    if existing.table.rows == 0 {
        let has_rows: bool =
            connection.one(&format!("SELECT EXISTS (SELECT FROM {name})"), &[]).context(|| &failed)?;
        return match has_rows {
            false => Ok(()),
            true => Err(Error::new(format!("rows were written to {name} since the plan was made"))
                .with_remedy_value(Remedy::Restart)),
        };
    }
    lock_referencing(connection, existing)?;
    let compared = compare(table, existing, &table.with_all_rows(), source, connection, observer)?;
    refuse_undecided(plan, std::slice::from_ref(&compared.comparison))
        .map_err(|error| error.with_remedy_value(Remedy::Restart))?;
    send_marks(connection, &compared).context(|| &failed)?;
    migrations::run_statements(connection, plan, &existing.save_sql(MARKS), &failed)
        .map_err(|error| error.with_remedy_value(Remedy::RepairTargetOrSource))?;
    connection.script(&format!("DROP TABLE {MARKS}")).map(drop).context(|| &failed)
}

/// Keeps rows that reference a table from being written while its rows are deleted.
fn lock_referencing(connection: &mut Connection, existing: &ExistingTable) -> Result<()> {
    if !existing.replaces_rows() {
        return Ok(());
    }
    let failed = || format!("the tables that reference {} cannot be locked", existing.table.name);
    for (schema, name) in referencing_tables(connection, existing).context(failed)? {
        let table = qualified_pg(&schema, &name);
        connection.script(&format!("LOCK TABLE {table} IN SHARE MODE")).context(failed)?;
    }
    Ok(())
}

/// The tables whose foreign keys reference this one, by schema and name.
fn referencing_tables(target: &mut Connection, existing: &ExistingTable) -> Result<Vec<(String, String)>> {
    let sql = "SELECT DISTINCT n.nspname::text, o.relname::text FROM pg_constraint k JOIN pg_class o ON o.oid = k.conrelid \
               JOIN pg_namespace n ON n.oid = o.relnamespace \
               WHERE k.contype = 'f' AND k.confrelid = to_regclass($1) AND k.conrelid <> k.confrelid AND k.conparentid = 0 ORDER BY 1, 2";
    target.load(sql, &[Some(&existing.name_in_sql())])
}

/// Sends the marks to a temporary table.
fn send_marks(connection: &mut Connection, compared: &ComparedSeeds) -> Result<()> {
    let name = MARKS.trim_start_matches("pg_temp.");
    connection.script(&format!(
        "CREATE TEMPORARY TABLE {name} (part oid, place tid, source_row bigint, is_equal boolean) ON COMMIT DROP"
    ))?;
    let mut copy = connection.copy_in(&format!("COPY {MARKS} FROM STDIN"))?;
    let mut lines = String::new();
    for mark in &compared.marks {
        let (part, place) = (mark.location.tableoid(), mark.location.ctid());
        lines.push_str(&format!("{part}\t{place}\t{}\t{}\n", mark.source_row, mark.is_equal));
        if lines.len() >= BUFFER_BYTES {
            copy.send(lines.as_bytes())?;
            lines.clear();
        }
    }
    copy.send(lines.as_bytes())?;
    copy.finish()
}

/// What became of the rows that a table held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettledSeeds {
    /// The table, by source name.
    pub table: String,
    /// Rows that were already there, equal to rows of the source.
    pub equal: u64,
    /// Rows that the source does not have, and that were kept.
    pub kept: u64,
    /// Rows that rows of the source overwrote.
    pub overwritten: u64,
    /// Rows that were deleted.
    pub replaced: u64,
}

/// Counts what became of the rows that the tables of a run held.
pub(super) fn settled(target: &mut Connection, plan: &Plan) -> Result<Vec<SettledSeeds>> {
    let mut all = Vec::new();
    for (table, existing) in plan.existing_tables().filter(|(_, existing)| existing.table.rows > 0) {
        let saved = existing.saved_rows();
        if !is_relation(target, &saved)? {
            continue;
        }
        let sql = format!(
            "SELECT count(*) FILTER (WHERE {IS_EQUAL}), count(*) FILTER (WHERE {SOURCE_ROW} IS NULL), count(*) FROM {saved}"
        );
        let (equal, only_target, rows): (i64, i64, i64) = target
            .one(&sql, &[])
            .context(|| format!("the saved rows of {} cannot be counted", table.target))?;
        let [equal, only_target, rows] = [equal, only_target, rows].map(i64::unsigned_abs);
        let table = table.source.clone();
        all.push(match existing.replaces_rows() {
            true => SettledSeeds { table, equal: 0, kept: 0, overwritten: 0, replaced: rows },
            false => SettledSeeds {
                table,
                equal,
                kept: only_target,
                overwritten: rows - equal - only_target,
                replaced: 0,
            },
        });
    }
    Ok(all)
}
