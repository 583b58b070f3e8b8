//! The plan's migrations, run by Diesel and recorded in `__diesel_schema_migrations`.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness;
use migrate_core::identifier::quote_pg;
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;
use migrate_core::render;

use crate::error::{Error, Result};
use crate::target::pool::{all_or_none, diesel_failed};
use crate::target::{DbSettings, PooledConnection, guarded, server_error};

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

/// Runs those of `migrations` that are not applied, each in a transaction with its bookkeeping.
pub(super) fn run<'m>(
    connection: &mut PooledConnection,
    settings: &DbSettings,
    plan: &Plan,
    migrations: impl Iterator<Item = &'m Box<dyn Migration<Pg>>>,
) -> Result<()> {
    lift_statement_timeout(connection)?;
    let result = in_own_schema(connection, plan, |connection| {
        // Diesel writes down what is applied before the first migration could make the schema.
        if plan.target_schema != DEFAULT_SCHEMA {
            connection
                .batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quote_pg(&plan.target_schema)))
                .map_err(diesel_failed(format!("schema {} cannot be created", plan.target_schema)))?;
        }
        let applied =
            connection.applied_migrations().map_err(migration_failed("the migrations cannot be listed"))?;
        for migration in migrations {
            let name = migration.name();
            if !applied.contains(&name.version().as_owned()) {
                let failed = format!("migration {name} failed, and nothing of it was kept");
                let done = if plan.is_into_existing() {
                    run_among_rows(connection, plan, &name.version().to_string(), &failed)
                } else {
                    connection.run_migration(migration).map(drop).map_err(migration_failed(failed))
                };
                done.map_err(|error| {
                    error.next(
                        "mend what it names in the target and run the same command again, or mend the source and start \
                         over with --restart",
                    )
                })?;
            }
        }
        Ok(())
    });
    restore_statement_timeout(connection, settings)?;
    result
}

/// Runs the first migration where an app's tables hold rows already, which may keep others from being deleted: these stay out of the
/// server's log. A plan's migrations are what it renders, to the letter.
fn run_among_rows(connection: &mut PooledConnection, plan: &Plan, version: &str, failed: &str) -> Result<()> {
    all_or_none(connection, failed, |connection| {
        guarded::run(connection, &render::create_tables(plan).up, failed)?;
        let applied = format!(
            "INSERT INTO {}.__diesel_schema_migrations (version) VALUES ($1)",
            quote_pg(&plan.target_schema)
        );
        diesel::sql_query(applied)
            .bind::<Text, _>(version)
            .execute(connection)
            .map(drop)
            .map_err(diesel_failed(failed))
    })
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
fn in_own_schema<T>(
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
