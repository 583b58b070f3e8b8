//! Runs the plan's migrations and records them as Diesel would, in `__diesel_schema_migrations` of the plan's own schema, or of the
//! ledger's where an app made the tables.

use migrate_core::finding::MissingMigration;
use migrate_core::identifier::quote_pg;
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;
use migrate_core::render;

use crate::error::{Context, Result};
use crate::ledger::Run;
use crate::target::bookkeeping;
use crate::target::migration::Migration;
use postgres_client::connection::Connection;
use postgres_client::{DbSettings, guarded};

/// How many migrations a plan has: the app's own later ones are not the move's to run.
const PLAN_MIGRATIONS: usize = 2;

/// The plan's migrations: the first creates the tables, the second follows the rows. For tables that an app made their names follow from
/// the plan, whatever folder it was read from.
pub(super) fn of_plan(plan: &Plan, migrations: &[Migration]) -> Vec<Migration> {
    match plan.is_into_existing() {
        true => render::migration_names(plan).map(Migration::new).to_vec(),
        false => migrations.iter().take(PLAN_MIGRATIONS).cloned().collect(),
    }
}

/// Whether a migration of a run is applied. The schema with the list is created where it is not there, and Diesel's list in it.
pub(super) fn is_applied(connection: &mut Connection, run: &Run, migration: &Migration) -> Result<bool> {
    let schema = &run.list_schema;
    // The bookkeeping is written before the first migration could create the schema.
    if schema != DEFAULT_SCHEMA {
        connection
            .script(&format!("CREATE SCHEMA IF NOT EXISTS {}", quote_pg(schema)))
            .context(|| format!("schema {schema} cannot be created"))?;
    }
    bookkeeping::create(connection, schema)?;
    Ok(bookkeeping::applied(connection, schema)?.contains(&migration.version()))
}

/// Runs statements of the plan in the open transaction. If the app's tables hold rows already, these may make a statement fail, which
/// must not reach the server's log.
pub(super) fn run_statements(connection: &mut Connection, plan: &Plan, sql: &str, what: &str) -> Result<()> {
    if sql.is_empty() {
        // PostgreSQL accepts no query without a statement.
        return Ok(());
    }
    match plan.is_into_existing() {
        true => guarded::run(connection, sql, what),
        false => connection.script(sql).map(drop).context(|| what),
    }
}

/// Returns the run's migrations that the target does not list as applied.
pub(super) fn missing(
    connection: &mut Connection,
    run: &Run,
    migrations: &[Migration],
) -> Result<Vec<MissingMigration>> {
    let applied = bookkeeping::applied(connection, &run.list_schema)?;
    let all = of_plan(&run.plan, migrations).into_iter().map(|migration| MissingMigration {
        version: migration.version(),
        name: migration.name().to_owned(),
        list_schema: run.list_schema.clone(),
    });
    Ok(all.filter(|migration| !applied.contains(&migration.version)).collect())
}

/// Runs work whose duration depends on the amount of data, such as sorting rows for an index, with enough memory for PostgreSQL to sort
/// in memory where it can.
pub(super) fn without_time_limit<T>(
    connection: &mut Connection,
    settings: &DbSettings,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    let failed = || "the session cannot be set up";
    connection.script("SET statement_timeout = 0; SET maintenance_work_mem = '256MB'").context(failed)?;
    let done = connection.with_long_silence(work);
    let limit = settings.statement_timeout.as_millis();
    let restored = connection.script(&format!("SET statement_timeout = {limit}")).context(failed);
    done.and_then(|done| restored.map(|_| done))
}
