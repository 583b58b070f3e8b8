//! The plan's migrations, run by Diesel and recorded in `__diesel_schema_migrations`.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_migrations::MigrationHarness;
use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;

use crate::error::{Error, Result};
use crate::target::pool::diesel_failed;
use crate::target::{DbSettings, PooledConnection, server_error};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

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
    // Diesel writes down what is applied before the first migration could make the schema.
    if plan.target_schema != DEFAULT_SCHEMA {
        connection
            .batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quote_pg(&plan.target_schema)))
            .map_err(diesel_failed(format!("schema {} cannot be created", plan.target_schema)))?;
    }
    let applied =
        connection.applied_migrations().map_err(migration_failed("the migrations cannot be listed"))?;
    Ok(applied.contains(&migration.name().version().as_owned()))
}

/// What says that a migration is applied, as Diesel would write it.
pub(super) fn applied_sql(plan: &Plan, migration: &dyn Migration<Pg>) -> String {
    format!(
        "INSERT INTO {}.__diesel_schema_migrations (version) VALUES ({})",
        quote_pg(&plan.target_schema),
        quote_pg_literal(&migration.name().version().to_string())
    )
}

/// The names of those that the database does not know as applied.
pub(super) fn missing<M: MigrationSource<Pg>>(
    connection: &mut PooledConnection,
    plan: &Plan,
    source: &M,
) -> Result<Vec<String>> {
    let applied = in_own_schema(connection, plan, |connection| {
        connection.applied_migrations().map_err(migration_failed("the migrations cannot be listed"))
    })?;
    let names = ordered(source)?.into_iter().filter_map(|migration| {
        let name = migration.name();
        (!applied.contains(&name.version().as_owned())).then(|| name.to_string())
    });
    Ok(names.collect())
}

/// Does `work` where the plan's own schema is the one that names without a schema mean: Diesel's list of what is applied lies there.
pub(super) fn in_own_schema<T>(
    connection: &mut PooledConnection,
    plan: &Plan,
    work: impl FnOnce(&mut PooledConnection) -> Result<T>,
) -> Result<T> {
    let set = |connection: &mut PooledConnection, schema: &str| {
        connection
            .batch_execute(&format!("SET search_path = {}", quote_pg(schema)))
            .map_err(diesel_failed("the session cannot be set up"))
    };
    set(connection, &plan.target_schema)?;
    let done = work(connection);
    let restored = set(connection, DEFAULT_SCHEMA);
    done.and_then(|done| restored.map(|()| done))
}

/// Says what failed. Diesel keeps the type of these errors to itself, so that their words are scrubbed as words.
fn migration_failed(what: impl Into<String>) -> impl FnOnce(BoxedError) -> Error {
    move |error| {
        let words = error.to_string();
        let failed = Error::new(what).because(server_error::without_values(&words));
        if server_error::says_passing(&words) { failed.passing() } else { failed }
    }
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
