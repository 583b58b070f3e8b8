//! What the target must be: PostgreSQL 15 or later, UTF8, ours to create in, and empty or ours.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};
use migrate_core::identifier::quote_pg;
use migrate_core::plan::{Plan, PlannedTable};

use crate::error::{Error, Result};
use crate::target::bulk::BulkConnection;
use crate::target::pool::diesel_failed;
use crate::target::{PooledConnection, TargetUrl};

/// The oldest version that is supported, as `server_version_num`.
const SERVER_VERSION_MIN: i32 = 150_000;

/// Refuses a server that is too old.
pub(crate) fn check_version(connection: &BulkConnection) -> Result<()> {
    check_version_number(connection.server_version())
}

fn check_version_number(version: i32) -> Result<()> {
    if version >= SERVER_VERSION_MIN {
        return Ok(());
    }
    Err(Error::new(format!(
        "the server is PostgreSQL {}.{}, and 15 or later is needed",
        version / 10_000,
        version % 10_000
    ))
    .next("upgrade it, or leave out the URL to use a private PostgreSQL"))
}

/// Refuses a database in which rows could not be what they are, or in which we may not create.
pub(super) fn check_settings(target: &mut PooledConnection, plan: &Plan) -> Result<()> {
    #[derive(QueryableByName)]
    struct Settings {
        #[diesel(sql_type = Text)]
        encoding: String,
        #[diesel(sql_type = Text)]
        user: String,
        #[diesel(sql_type = Text)]
        database: String,
        #[diesel(sql_type = Bool)]
        may_create_schema: bool,
        #[diesel(sql_type = Bool)]
        is_standby: bool,
        #[diesel(sql_type = Bool)]
        is_read_only: bool,
    }
    let settings: Settings = diesel::sql_query(
        "SELECT current_setting('server_encoding') AS encoding, current_user::text AS user, \
         current_database()::text AS database, has_database_privilege(current_database(), 'CREATE') AS may_create_schema, \
         pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only')::boolean AS is_read_only",
    )
    .get_result(target)
    .map_err(diesel_failed("the target cannot be examined"))?;
    let Settings { encoding, user, database, .. } = &settings;
    if encoding != "UTF8" {
        return Err(Error::new(format!(
            "database {database} has the encoding {encoding}, and UTF8 is needed"
        ))
        .next("create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"));
    }
    if settings.is_standby {
        return Err(Error::new("the server is a standby, which takes no writes").next("name the primary"));
    }
    if settings.is_read_only {
        return Err(Error::new(format!(
            "database {database} takes no writes: default_transaction_read_only is on"
        ))
        .next("set it off for this database or role, if that is meant to be"));
    }
    if !settings.may_create_schema {
        return Err(Error::new(format!(
            "{user} may not create a schema in database {database}, which the ledger needs"
        ))
        .next(format!("GRANT CREATE ON DATABASE {} TO {}", quote_pg(database), quote_pg(user))));
    }
    match plan.schemas().into_iter().find_map(|schema| is_closed(target, schema).transpose()) {
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok(schema)) => {
            Err(Error::new(format!("{user} may not create tables in schema {schema} of database {database}"))
                .next(format!("GRANT USAGE, CREATE ON SCHEMA {} TO {}", quote_pg(&schema), quote_pg(user))))
        }
    }
}

/// The name of the schema again, where we may not create tables in it. One that is not there is made by the migration, but for
/// `public`.
fn is_closed(target: &mut PooledConnection, schema: &str) -> Result<Option<String>> {
    #[derive(QueryableByName)]
    struct Open {
        #[diesel(sql_type = Bool)]
        is_open: bool,
    }
    let Open { is_open } = diesel::sql_query(
        "SELECT coalesce(has_schema_privilege(to_regnamespace(quote_ident($1))::oid, 'USAGE') \
         AND has_schema_privilege(to_regnamespace(quote_ident($1))::oid, 'CREATE'), $1 <> 'public') AS is_open",
    )
    .bind::<Text, _>(schema)
    .get_result(target)
    .map_err(diesel_failed("the target cannot be examined"))?;
    Ok((!is_open).then(|| schema.to_owned()))
}

/// Refuses a target in which something stands that is not ours where the plan puts something, by name.
pub(super) fn check_empty(target: &mut PooledConnection, url: &TargetUrl, plan: &Plan) -> Result<()> {
    #[derive(QueryableByName)]
    struct Named {
        #[diesel(sql_type = Text)]
        name: String,
    }
    /// How many names are listed.
    const LISTED_MAX: usize = 10;
    let found: Vec<Named> = diesel::sql_query(
        "SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence ' \
         WHEN 'f' THEN 'foreign table ' ELSE 'table ' END || CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS name \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') \
         AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass \
         AND (d.deptype = 'e' OR (c.relkind = 'S' AND d.deptype IN ('a', 'i')))) \
         UNION ALL SELECT 'schema migration' FROM pg_namespace WHERE nspname = 'migration' \
         AND to_regclass('migration.runs') IS NULL \
         AND EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = pg_namespace.oid) ORDER BY 1",
    )
    .bind::<Array<Text>, _>(plan.schemas())
    .load(target)
    .map_err(diesel_failed("the target cannot be examined"))?;
    if found.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = found.iter().take(LISTED_MAX).map(|found| found.name.as_str()).collect();
    let more = format!("and {} more", found.len().saturating_sub(LISTED_MAX));
    if found.len() > LISTED_MAX {
        names.push(&more);
    }
    Err(Error::new(format!("{url} is not empty, and what is there is not ours: {}", names.join(", ")))
        .next(
            "use an empty database, or load into the tables that the app has made with --into-existing; nothing was changed in \
             this one",
        ))
}

/// Refuses a target in which the ledger's schema is somebody else's.
pub(super) fn check_ledger_schema(target: &mut PooledConnection, url: &TargetUrl) -> Result<()> {
    let found = diesel::sql_query(
        "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('migration')::oid \
         AND to_regclass('migration.runs') IS NULL LIMIT 1",
    )
    .execute(target)
    .map_err(diesel_failed("the target cannot be examined"))?;
    if found == 0 {
        return Ok(());
    }
    Err(Error::new(format!("{url} has a schema migration that is not ours, and the ledger needs that name"))
        .next("rename it for the move; nothing was changed"))
}

/// The tables of `plan` that are not there.
pub(super) fn missing_tables(target: &mut PooledConnection, plan: &Plan) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Named {
        #[diesel(sql_type = Text)]
        schema: String,
        #[diesel(sql_type = Text)]
        name: String,
    }
    let there: Vec<Named> = diesel::sql_query(
        "SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p')",
    )
    .bind::<Array<Text>, _>(plan.schemas())
    .load(target)
    .map_err(diesel_failed("the target cannot be examined"))?;
    let is_gone = |table: &&PlannedTable| {
        !there.iter().any(|other| other.name == table.target && other.schema == table.schema_name())
    };
    Ok(plan.tables.iter().filter(is_gone).map(|table| table.target.clone()).collect())
}

/// Drops the tables that `plan` made, with what hangs on them of ours, and the bookkeeping of their migrations, all or none. Schemas
/// stay: they may have been there before.
pub(super) fn drop_planned(target: &mut PooledConnection, plan: &Plan) -> Result<()> {
    let own_schema = quote_pg(&plan.target_schema);
    let mut statements = String::new();
    let made = plan.made();
    for view in plan.views.iter().rev() {
        statements.push_str(&format!("DROP VIEW IF EXISTS {own_schema}.{}; ", quote_pg(&view.target)));
    }
    for table in made.parents_first().iter().rev() {
        statements.push_str(&format!("DROP TABLE IF EXISTS {}; ", table.qualified(&table.target)));
    }
    for trigger in &plan.triggers {
        statements
            .push_str(&format!("DROP FUNCTION IF EXISTS {own_schema}.{}(); ", quote_pg(&trigger.function)));
    }
    if !plan.is_into_existing() {
        statements.push_str(&format!("DROP TABLE IF EXISTS {own_schema}.__diesel_schema_migrations"));
    }
    let dropped = target.transaction(|target| {
        for table in &made.tables {
            // Foreign keys first, so that the order of the tables does not matter where they point at each other.
            for key in &table.foreign_keys {
                target.batch_execute(&format!(
                    "ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}",
                    table.qualified(&table.target),
                    quote_pg(&key.name)
                ))?;
            }
        }
        // PostgreSQL takes no query without a statement.
        if statements.is_empty() { Ok(()) } else { target.batch_execute(&statements) }
    });
    dropped.map_err(|error| {
        diesel_failed("what the earlier run made cannot be dropped")(error)
            .next("something that is not ours depends on it; drop that first, or use an empty database")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_14_is_refused_by_its_version() {
        let error = check_version_number(140_011).unwrap_err();
        assert_eq!(error.to_string(), "the server is PostgreSQL 14.11, and 15 or later is needed");
        assert!(check_version_number(150_000).is_ok());
    }
}
