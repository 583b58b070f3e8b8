//! Diesel's list of applied migrations, `__diesel_schema_migrations`: the same table that Diesel makes, read and written by statements
//! that name its schema.
//!
//! Diesel's own statements find it by the search path, which has no schema of an app in sessions of ours. The table may have been
//! made by somebody else before: an INSERT would run that role's triggers and defaults as us, so that it has to be a plain one.

use std::collections::BTreeSet;

use migrate_core::identifier::qualified_pg;

use crate::error::{Context, Error, Result};
use postgres_client::connection::{Connection, text_array};

/// The name of the table.
pub(crate) const TABLE: &str = "__diesel_schema_migrations";

/// Whether the table of this name runs nothing but PostgreSQL's own code when it is read or written.
const IS_PLAIN_SQL: &str = include_str!("bookkeeping.sql");

/// What failed where the list is read.
const LIST_FAILED: &str = "the migrations cannot be listed";

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
pub(crate) fn create(connection: &mut Connection, schema: &str) -> Result<()> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
        qualified_pg(schema, TABLE)
    );
    connection.script(&sql).map(drop).context(|| "the list of migrations cannot be made")
}

/// The versions that are applied in `schema`; none where there is no list.
///
/// # Errors
/// When the list cannot be read, or is none of Diesel's.
pub(crate) fn applied(connection: &mut Connection, schema: &str) -> Result<BTreeSet<String>> {
    connection.transaction(|connection| {
        if !is_there(connection, schema)? {
            return Ok(BTreeSet::new());
        }
        lock(connection, schema, Lock::Read)?;
        let sql = format!("SELECT version FROM {}", qualified_pg(schema, TABLE));
        Ok(connection.load(&sql, &[]).context(|| LIST_FAILED)?.into_iter().collect())
    })
}

/// Records a migration as applied, in the transaction that runs it.
///
/// # Errors
/// What the target refuses; `failed` says of what.
pub(crate) fn record(connection: &mut Connection, schema: &str, version: &str, failed: &str) -> Result<()> {
    lock(connection, schema, Lock::Write)?;
    let sql = format!("INSERT INTO {} (version) VALUES ($1)", qualified_pg(schema, TABLE));
    connection.execute(&sql, &[Some(version)]).context(|| failed)
}

/// Takes versions out of the list.
///
/// # Errors
/// When the target refuses.
pub(crate) fn forget(connection: &mut Connection, schema: &str, versions: &[String]) -> Result<()> {
    let failed = "the earlier run's migrations cannot be forgotten";
    connection.transaction(|connection| {
        if !is_there(connection, schema)? {
            return Ok(());
        }
        lock(connection, schema, Lock::Write)?;
        let sql = format!("DELETE FROM {} WHERE version = ANY ($1::text[])", qualified_pg(schema, TABLE));
        connection.execute(&sql, &[Some(&text_array(versions.iter().map(Some)))]).context(|| failed)
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
        record(target, &self.schema, &self.version, "the migration cannot be recorded as applied")
    }
}

/// The error for a list that is not Diesel's.
fn not_plain(schema: &str) -> Error {
    let name = qualified_pg(schema, TABLE);
    Error::new(format!("{name} is not the list of migrations that Diesel makes"))
        .caused_by("it has triggers, rules, defaults or columns of its own, or is no table, and may run code of whoever made it")
        .with_remedy_text(format!("rename or drop it: ALTER TABLE {name} RENAME TO diesel_schema_migrations_before"))
}

fn lock(connection: &mut Connection, schema: &str, lock: Lock) -> Result<()> {
    // What keeps triggers, rules and defaults from being added.
    let mode = match lock {
        Lock::Read => "ACCESS SHARE",
        Lock::Write => "SHARE ROW EXCLUSIVE",
    };
    let name = qualified_pg(schema, TABLE);
    let failed = || "the list of migrations cannot be read";
    connection.script(&format!("LOCK TABLE {name} IN {mode} MODE")).context(failed)?;
    let plain = connection.query(IS_PLAIN_SQL, &[Some(&name)]).context(failed)?;
    if plain.len() == 1 { Ok(()) } else { Err(not_plain(schema)) }
}

fn is_there(connection: &mut Connection, schema: &str) -> Result<bool> {
    let name = qualified_pg(schema, TABLE);
    connection.one("SELECT to_regclass($1) IS NOT NULL", &[Some(&name)]).context(|| LIST_FAILED)
}
