//! Diesel's list of applied migrations, `__diesel_schema_migrations`: the same table that Diesel makes, read and written by statements
//! that name its schema.
//!
//! Diesel's own statements find it by the search path, which has no schema of an app in sessions of ours. The table may have been
//! made by somebody else before: an INSERT would run that role's triggers and defaults as us, so that it has to be a plain one.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::migration::Migration;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};
use migrate_core::identifier::{qualified_pg, quote_pg_literal};

use crate::error::{Error, Result};
use postgres_client::connection::Connection;
use postgres_client::pool::{all_or_none, diesel_failed};
use postgres_client::{PooledConnection, server_error};

/// The name of the table.
pub(crate) const TABLE: &str = "__diesel_schema_migrations";

/// Whether the table of this name runs nothing but PostgreSQL's own code when it is read or written.
const IS_PLAIN_SQL: &str = include_str!("bookkeeping.sql");

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// What a table is locked for, so that it stays as it was found.
#[derive(Clone, Copy)]
enum Lock {
    Read,
    Write,
}

/// Makes the list in `schema`, where there is none.
///
/// # Errors
/// When the target refuses.
pub(crate) fn create(connection: &mut PooledConnection, schema: &str) -> Result<()> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
        qualified_pg(schema, TABLE)
    );
    connection.batch_execute(&sql).map_err(diesel_failed("the list of migrations cannot be made"))
}

/// The versions that are applied in `schema`; none where there is no list.
///
/// # Errors
/// When the list cannot be read, or is none of Diesel's.
pub(crate) fn applied(connection: &mut PooledConnection, schema: &str) -> Result<BTreeSet<String>> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let failed = || diesel_failed("the migrations cannot be listed");
    all_or_none(connection, "the migrations cannot be listed", |connection| {
        if !is_there(connection, schema)? {
            return Ok(BTreeSet::new());
        }
        lock(connection, schema, Lock::Read)?;
        let sql = format!("SELECT version::text AS version FROM {}", qualified_pg(schema, TABLE));
        let found: Vec<Version> = diesel::sql_query(sql).load(connection).map_err(failed())?;
        Ok(found.into_iter().map(|row| row.version).collect())
    })
}

/// Runs a migration and writes it down, both or neither.
///
/// # Errors
/// What the target refuses; `failed` says of what.
pub(crate) fn apply(
    connection: &mut PooledConnection,
    schema: &str,
    migration: &dyn Migration<Pg>,
    failed: &str,
) -> Result<()> {
    all_or_none(connection, failed, |connection| {
        migration.run(connection).map_err(migration_failed(failed))?;
        record(connection, schema, &migration.name().version().to_string(), failed)
    })
}

/// Records a migration as applied, in the transaction that runs it.
///
/// # Errors
/// What the target refuses; `failed` says of what.
pub(crate) fn record(
    connection: &mut PooledConnection,
    schema: &str,
    version: &str,
    failed: &str,
) -> Result<()> {
    lock(connection, schema, Lock::Write)?;
    connection.batch_execute(&insert_sql(schema, version)).map_err(diesel_failed(failed))
}

/// Takes versions out of the list.
///
/// # Errors
/// When the target refuses.
pub(crate) fn forget(connection: &mut PooledConnection, schema: &str, versions: &[String]) -> Result<()> {
    let failed = "the earlier run's migrations cannot be forgotten";
    all_or_none(connection, failed, |connection| {
        if !is_there(connection, schema)? {
            return Ok(());
        }
        lock(connection, schema, Lock::Write)?;
        diesel::sql_query(format!("DELETE FROM {} WHERE version = ANY($1)", qualified_pg(schema, TABLE)))
            .bind::<Array<Text>, _>(versions)
            .execute(connection)
            .map(|_| ())
            .map_err(diesel_failed(failed))
    })
}

/// A migration to write down as applied, in a transaction with what it consists of.
pub(crate) struct Applied {
    /// The schema with the list.
    pub(crate) schema: String,
    /// The version.
    pub(crate) version: String,
}

impl Applied {
    /// Writes it down.
    ///
    /// # Errors
    /// When the target refuses, or the list is none of Diesel's.
    pub(crate) fn record(&self, target: &mut Connection) -> Result<()> {
        target.query(&lock_sql(&self.schema, Lock::Write), &[])?;
        if target.query(&plain_sql(&self.schema), &[])?.len() != 1 {
            return Err(not_plain(&self.schema));
        }
        target.query(&insert_sql(&self.schema, &self.version), &[]).map(|_| ())
    }
}

/// The error for a list that is not Diesel's.
fn not_plain(schema: &str) -> Error {
    let name = qualified_pg(schema, TABLE);
    Error::new(format!("{name} is not the list of migrations that Diesel makes"))
        .caused_by("it has triggers, rules, defaults or columns of its own, or is no table, and may run code of whoever made it")
        .with_remedy_text(format!("rename or drop it: ALTER TABLE {name} RENAME TO diesel_schema_migrations_before"))
}

fn lock(connection: &mut PooledConnection, schema: &str, lock: Lock) -> Result<()> {
    let failed = || diesel_failed("the list of migrations cannot be read");
    connection.batch_execute(&lock_sql(schema, lock)).map_err(failed())?;
    let plain = diesel::sql_query(plain_sql(schema)).execute(connection).map_err(failed())?;
    if plain == 1 { Ok(()) } else { Err(not_plain(schema)) }
}

fn lock_sql(schema: &str, lock: Lock) -> String {
    // What keeps triggers, rules and defaults from being added.
    let mode = match lock {
        Lock::Read => "ACCESS SHARE",
        Lock::Write => "SHARE ROW EXCLUSIVE",
    };
    format!("LOCK TABLE {} IN {mode} MODE", qualified_pg(schema, TABLE))
}

fn plain_sql(schema: &str) -> String {
    IS_PLAIN_SQL.replace("$1", &quote_pg_literal(&qualified_pg(schema, TABLE)))
}

fn insert_sql(schema: &str, version: &str) -> String {
    format!("INSERT INTO {} (version) VALUES ({})", qualified_pg(schema, TABLE), quote_pg_literal(version))
}

fn is_there(connection: &mut PooledConnection, schema: &str) -> Result<bool> {
    let name = quote_pg_literal(&qualified_pg(schema, TABLE));
    diesel::select(diesel::dsl::sql::<Bool>(&format!("to_regclass({name}) IS NOT NULL")))
        .get_result(connection)
        .map_err(diesel_failed("the migrations cannot be listed"))
}

/// Says what failed. Diesel keeps the type of these errors to itself, so that their words are scrubbed as words.
pub(crate) fn migration_failed(what: impl Into<String>) -> impl FnOnce(BoxedError) -> Error {
    move |error| {
        let words = error.to_string();
        let failed = Error::new(what).caused_by(server_error::without_values(&words));
        if server_error::is_transient_message(&words) { failed.transient() } else { failed }
    }
}
