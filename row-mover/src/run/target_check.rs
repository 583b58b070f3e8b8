//! Checks the target's requirements: PostgreSQL 15 or later, UTF8, the right to create objects, and a database that is empty or ours.

use std::collections::HashSet;

use migrate_core::identifier::quote_pg;
use migrate_core::plan::{Plan, PlannedTable};

use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;
use postgres_client::TargetUrl;
use postgres_client::connection::{Connection, FromRow, text_array};

/// The oldest version that is supported, as `server_version_num`.
const SERVER_VERSION_MIN: i32 = 150_000;

/// The error where the target does not answer.
const EXAMINE_FAILED: fn() -> &'static str = || "the target cannot be examined";

/// Refuses a server that is too old.
pub(crate) fn check_version(connection: &Connection) -> Result<()> {
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
    .with_remedy_value(Remedy::UpgradeServer))
}

/// Whether the server is a standby.
pub(super) fn is_standby(target: &mut Connection) -> Result<bool> {
    target.one("SELECT pg_is_in_recovery()", &[])
}

/// The error for a read-only server.
pub(super) fn standby() -> Error {
    Error::new("the server is a standby, which takes no writes").with_remedy_text("name the primary")
}

/// The error for a database whose transactions are read-only.
fn read_only(database: &str) -> Error {
    Error::new(format!("database {database} takes no writes: default_transaction_read_only is on"))
        .with_remedy_text("set it off for this database or role, if that is meant to be")
}

/// Refuses a server or a database that takes no writes.
pub(crate) fn check_writable(target: &mut Connection) -> Result<()> {
    let sql = "SELECT pg_catalog.current_database()::pg_catalog.text, pg_catalog.pg_is_in_recovery(), \
         pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool";
    let (database, is_standby, is_read_only): (String, bool, bool) =
        target.one(sql, &[]).context(EXAMINE_FAILED)?;
    match (is_standby, is_read_only) {
        (true, _) => Err(standby()),
        (false, true) => Err(read_only(&database)),
        (false, false) => Ok(()),
    }
}

/// Refuses a database that could not store rows exactly, or in which we may not create objects.
pub(super) fn check_settings(target: &mut Connection, plan: &Plan) -> Result<()> {
    let sql = "SELECT current_setting('server_encoding') AS encoding, current_user::text AS user, \
         current_database()::text AS database, has_database_privilege(current_database(), 'CREATE') AS may_create_schema, \
         pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only')::boolean AS is_read_only, \
         EXISTS (SELECT FROM pg_language WHERE lanname = 'plpgsql') AS has_language, \
         EXISTS (SELECT FROM pg_language WHERE lanname = 'plpgsql' AND has_language_privilege(oid, 'USAGE')) AS may_use_language, \
         has_database_privilege(current_database(), 'TEMPORARY') AS may_make_temporary";
    let settings = target.query(sql, &[]).context(EXAMINE_FAILED)?.into_iter().next().unwrap_or_default();
    let (encoding, user, database): (String, String, String) = FromRow::from_row(&settings)?;
    let (may_create_schema, is_standby, is_read_only): (bool, bool, bool) =
        (settings.get(3)?, settings.get(4)?, settings.get(5)?);
    let (has_language, may_use_language, may_make_temporary): (bool, bool, bool) =
        (settings.get(6)?, settings.get(7)?, settings.get(8)?);
    if encoding != "UTF8" {
        return Err(Error::new(format!(
            "database {database} has the encoding {encoding}, and UTF8 is needed"
        ))
        .with_remedy_text("create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"));
    }
    if is_standby {
        return Err(standby());
    }
    if is_read_only {
        return Err(read_only(&database));
    }
    if !may_create_schema {
        return Err(Error::new(format!(
            "{user} may not create a schema in database {database}, which the ledger needs"
        ))
        .with_remedy_text(format!(
            "GRANT CREATE ON DATABASE {} TO {}",
            quote_pg(&database),
            quote_pg(&user)
        )));
    }
    // Errors that rows can cause are caught in blocks of this language, so that no row appears in the server's log.
    if !may_use_language {
        let next = match has_language {
            true => format!("GRANT USAGE ON LANGUAGE plpgsql TO {}", quote_pg(&user)),
            false => "CREATE EXTENSION plpgsql".to_owned(),
        };
        return Err(Error::new(format!(
            "{user} may not use PL/pgSQL in database {database}, which the load needs"
        ))
        .with_remedy_text(next));
    }
    if !may_make_temporary && needs_temporary_table(plan) {
        return Err(Error::new(format!(
            "{user} may not make temporary tables in database {database}, and rows of this plan go through one"
        ))
        .with_remedy_text(format!("GRANT TEMPORARY ON DATABASE {} TO {}", quote_pg(&database), quote_pg(&user))));
    }
    match plan.schemas().into_iter().find_map(|schema| is_closed(target, schema).transpose()) {
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok(schema)) => {
            Err(Error::new(format!("{user} may not create tables in schema {schema} of database {database}"))
                .with_remedy_text(format!(
                    "GRANT USAGE, CREATE ON SCHEMA {} TO {}",
                    quote_pg(&schema),
                    quote_pg(&user)
                )))
        }
    }
}

/// Whether a table may refuse rows of the plan: one that an app made, or one that computes columns of them.
fn needs_temporary_table(plan: &Plan) -> bool {
    plan.tables.iter().any(|table| {
        let computes = table.columns.iter().any(|column| column.generated.is_some());
        table.existing.is_some() || computes || !table.searches.is_empty()
    })
}

/// The name of the schema again, where we may not create tables in it. One that is not there is made by the migration, but for
/// `public`.
fn is_closed(target: &mut Connection, schema: &str) -> Result<Option<String>> {
    let sql = "SELECT coalesce(has_schema_privilege(to_regnamespace(quote_ident($1))::oid, 'USAGE') \
         AND has_schema_privilege(to_regnamespace(quote_ident($1))::oid, 'CREATE'), $1 <> 'public')";
    let is_open: bool = target.one(sql, &[Some(schema)]).context(EXAMINE_FAILED)?;
    Ok((!is_open).then(|| schema.to_owned()))
}

/// Refuses a target that holds objects that are not ours where the plan creates some, and names them. Objects that an `earlier` plan of
/// ours created are about to be dropped.
pub(super) fn check_empty(
    target: &mut Connection,
    url: &TargetUrl,
    plan: &Plan,
    earlier: Option<&Plan>,
) -> Result<()> {
    /// How many names are listed.
    const LISTED_MAX: usize = 10;
    let sql = "SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence ' \
         WHEN 'f' THEN 'foreign table ' ELSE 'table ' END || CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS name, \
         n.nspname::text AS schema, c.relname::text AS relation FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') \
         AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass \
         AND (d.deptype = 'e' OR (c.relkind = 'S' AND d.deptype IN ('a', 'i')))) \
         UNION ALL SELECT 'schema migration', 'migration', '' FROM pg_namespace WHERE nspname = 'migration' \
         AND to_regclass('migration.runs') IS NULL \
         AND EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = pg_namespace.oid) ORDER BY 1";
    let schemas = text_array(plan.schemas().into_iter().map(Some));
    let mut found: Vec<(String, String, String)> =
        target.load(sql, &[Some(&schemas)]).context(EXAMINE_FAILED)?;
    let ours = earlier.map(relations).unwrap_or_default();
    found.retain(|(_, schema, relation)| !ours.contains(&(schema.as_str(), relation.as_str())));
    if found.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = found.iter().take(LISTED_MAX).map(|(name, ..)| name.as_str()).collect();
    let more = format!("and {} more", found.len().saturating_sub(LISTED_MAX));
    if found.len() > LISTED_MAX {
        names.push(&more);
    }
    let error =
        Error::new(format!("{url} is not empty, and what is there is not ours: {}", names.join(", ")));
    Err(match earlier {
        None => error.with_remedy_value(Remedy::OtherDatabaseOrExisting),
        Some(_) => error.with_remedy_text(
            "drop it, or move it to another schema or database; nothing was changed in this one",
        ),
    })
}

/// The schemas and names of the relations that a plan's migrations make.
fn relations(plan: &Plan) -> HashSet<(&str, &str)> {
    let schema = plan.target_schema.as_str();
    let tables = plan.tables.iter().map(|table| (table.schema_name(), table.target.as_str()));
    let sequences = plan.tables.iter().flat_map(|table| {
        table.columns.iter().filter_map(|column| Some((table.schema_name(), column.sequence.as_deref()?)))
    });
    let views = plan.views.iter().map(|view| (schema, view.target.as_str()));
    tables.chain(sequences).chain(views).chain([(schema, "__diesel_schema_migrations")]).collect()
}

/// Refuses a target in which the ledger's schema is somebody else's.
pub(super) fn check_ledger_schema(target: &mut Connection, url: &TargetUrl) -> Result<()> {
    let sql = "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('migration')::oid \
               AND to_regclass('migration.runs') IS NULL LIMIT 1";
    if target.query(sql, &[]).context(EXAMINE_FAILED)?.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("{url} has a schema migration that is not ours, and the ledger needs that name"))
        .with_remedy_text("rename it for the move; nothing was changed"))
}

/// The tables of `plan` that are not there.
pub(super) fn missing_tables(target: &mut Connection, plan: &Plan) -> Result<Vec<String>> {
    let sql = "SELECT n.nspname::text, c.relname::text FROM pg_class c \
               JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p')";
    let schemas = text_array(plan.schemas().into_iter().map(Some));
    let there: Vec<(String, String)> = target.load(sql, &[Some(&schemas)]).context(EXAMINE_FAILED)?;
    let there: HashSet<(&str, &str)> =
        there.iter().map(|(schema, name)| (schema.as_str(), name.as_str())).collect();
    let is_gone = |table: &&PlannedTable| !there.contains(&(table.schema_name(), table.target.as_str()));
    Ok(plan.tables.iter().filter(is_gone).map(|table| table.target.clone()).collect())
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
