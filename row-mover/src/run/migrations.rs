//! The plan's migrations, run and recorded as Diesel would, in `__diesel_schema_migrations` of the plan's own schema.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use migrate_core::finding::MissingMigration;
use migrate_core::identifier::quote_pg;
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;

use crate::error::Result;
use crate::target::bookkeeping::{self, migration_failed};
use postgres_client::pool::diesel_failed;
use postgres_client::{DbSettings, PooledConnection, guarded};

/// How many migrations a plan has: the app's own later ones are not the move's to run.
const PLAN_MIGRATIONS: usize = 2;

/// The plan's migrations in the order of their versions: the first creates the tables, the second follows the rows.
pub(super) fn ordered<M: MigrationSource<Pg>>(source: &M) -> Result<Vec<Box<dyn Migration<Pg>>>> {
    let mut migrations =
        source.migrations().map_err(migration_failed("the plan's migrations cannot be read"))?;
    migrations.sort_by_key(|migration| migration.name().version().as_owned());
    migrations.truncate(PLAN_MIGRATIONS);
    Ok(migrations)
}

/// Whether a migration is applied. The plan's own schema is created where it is not there, and Diesel's list in it.
pub(super) fn is_applied(
    connection: &mut PooledConnection,
    plan: &Plan,
    migration: &dyn Migration<Pg>,
) -> Result<bool> {
    let schema = &plan.target_schema;
    // What is applied is written down before the first migration could make the schema.
    if schema != DEFAULT_SCHEMA {
        connection
            .batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quote_pg(schema)))
            .map_err(diesel_failed(format!("schema {schema} cannot be created")))?;
    }
    bookkeeping::create(connection, schema)?;
    Ok(bookkeeping::applied(connection, schema)?.contains(&migration.name().version().to_string()))
}

/// Runs statements of the plan in the transaction that is open. Where an app's tables hold rows already, these may refuse what is done to
/// them, and stay out of the server's log.
pub(super) fn run_statements(
    connection: &mut PooledConnection,
    plan: &Plan,
    sql: &str,
    what: &str,
) -> Result<()> {
    if sql.is_empty() {
        // PostgreSQL takes no query without a statement.
        return Ok(());
    }
    match plan.is_into_existing() {
        true => guarded::run(connection, sql, what),
        false => connection.batch_execute(sql).map_err(diesel_failed(what)),
    }
}

/// Returns the plan's migrations that the database does not list as applied.
pub(super) fn missing<M: MigrationSource<Pg>>(
    connection: &mut PooledConnection,
    plan: &Plan,
    source: &M,
) -> Result<Vec<MissingMigration>> {
    let applied = bookkeeping::applied(connection, &plan.target_schema)?;
    let names = ordered(source)?.into_iter().filter_map(|migration| {
        let name = migration.name();
        let version = name.version().to_string();
        (!applied.contains(&version)).then(|| MissingMigration { version, name: name.to_string() })
    });
    Ok(names.collect())
}

/// Index builds take as long as the data is large; the memory makes them sort in one go where it can.
pub(super) fn lift_statement_timeout(connection: &mut PooledConnection) -> Result<()> {
    connection
        .batch_execute("SET statement_timeout = 0; SET maintenance_work_mem = '256MB'")
        .map_err(diesel_failed("the session cannot be set up"))
}

pub(super) fn restore_statement_timeout(
    connection: &mut PooledConnection,
    settings: &DbSettings,
) -> Result<()> {
    connection
        .batch_execute(&format!("SET statement_timeout = {}", settings.statement_timeout.as_millis()))
        .map_err(diesel_failed("the session cannot be set up"))
}
