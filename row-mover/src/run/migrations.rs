//! The plan's migrations, run and recorded as Diesel would, in `__diesel_schema_migrations` of the plan's own schema.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use migrate_core::identifier::quote_pg;
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;
use migrate_core::render;

use crate::error::Result;
use crate::target::bookkeeping::{self, migration_failed};
use crate::target::pool::diesel_failed;
use crate::target::{DbSettings, PooledConnection};

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

/// Runs those of `migrations` that are not applied, each in a transaction with its bookkeeping.
pub(super) fn run<'m>(
    connection: &mut PooledConnection,
    settings: &DbSettings,
    plan: &Plan,
    migrations: impl Iterator<Item = &'m Box<dyn Migration<Pg>>>,
) -> Result<()> {
    lift_statement_timeout(connection)?;
    let result = run_missing(connection, plan, migrations);
    restore_statement_timeout(connection, settings)?;
    result
}

fn run_missing<'m>(
    connection: &mut PooledConnection,
    plan: &Plan,
    migrations: impl Iterator<Item = &'m Box<dyn Migration<Pg>>>,
) -> Result<()> {
    let schema = &plan.target_schema;
    // What is applied is written down before the first migration could make the schema.
    if schema != DEFAULT_SCHEMA {
        connection
            .batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quote_pg(schema)))
            .map_err(diesel_failed(format!("schema {schema} cannot be created")))?;
    }
    bookkeeping::create(connection, schema)?;
    let applied = bookkeeping::applied(connection, schema)?;
    for migration in migrations {
        let name = migration.name();
        if !applied.contains(&name.version().to_string()) {
            let failed = format!("migration {name} failed, and nothing of it was kept");
            let done = if plan.is_into_existing() {
                // Where an app's tables hold rows already, these may keep others from being deleted, and stay out of the server's log.
                // A plan's migrations are what it renders, to the letter.
                let up = render::create_tables(plan).up;
                bookkeeping::apply_guarded(connection, schema, &name.version().to_string(), &up, &failed)
            } else {
                bookkeeping::apply(connection, schema, migration.as_ref(), &failed)
            };
            done.map_err(|error| {
                error.next(
                    "mend what it names in the target and run the same command again, or mend the source and start over \
                     with --restart",
                )
            })?;
        }
    }
    Ok(())
}

/// The names of those that the database does not know as applied.
pub(super) fn missing<M: MigrationSource<Pg>>(
    connection: &mut PooledConnection,
    plan: &Plan,
    source: &M,
) -> Result<Vec<String>> {
    let applied = bookkeeping::applied(connection, &plan.target_schema)?;
    let names = ordered(source)?.into_iter().filter_map(|migration| {
        let name = migration.name();
        (!applied.contains(&name.version().to_string())).then(|| name.to_string())
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
