//! The content of the schema's migrations when they were applied, in the ledger.

use std::collections::BTreeMap;

use super::{READ_FAILED, WRITE_FAILED, is_there};
use crate::error::{Context, Result};
use postgres_client::connection::Connection;

/// The SHA-256 of each `up.sql` by version, for the list in `list_schema`; none in a ledger of an earlier version.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn schema_files(
    connection: &mut Connection,
    list_schema: &str,
) -> Result<BTreeMap<String, String>> {
    if !is_there(connection, "schema_files")? {
        return Ok(BTreeMap::new());
    }
    let sql = "SELECT version, up_sha256 FROM migration.schema_files WHERE list_schema = $1";
    let found: Vec<(String, String)> =
        connection.load(sql, &[Some(list_schema)]).context(|| READ_FAILED)?;
    Ok(found.into_iter().collect())
}

/// Records the content of a migration, in the transaction that applies it.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn record_schema_file(
    connection: &mut Connection,
    list_schema: &str,
    version: &str,
    up_sha256: &str,
) -> Result<()> {
    let sql = "INSERT INTO migration.schema_files (list_schema, version, up_sha256) VALUES ($1, $2, $3) \
               ON CONFLICT (list_schema, version) DO UPDATE SET up_sha256 = excluded.up_sha256, recorded_at = now()";
    connection
        .execute(sql, &[Some(list_schema), Some(version), Some(up_sha256)])
        .context(|| WRITE_FAILED)
}

/// Removes the record of a migration, in the transaction that reverts it.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn forget_schema_file(
    connection: &mut Connection,
    list_schema: &str,
    version: &str,
) -> Result<()> {
    let sql = "DELETE FROM migration.schema_files WHERE list_schema = $1 AND version = $2";
    connection.execute(sql, &[Some(list_schema), Some(version)]).context(|| WRITE_FAILED)
}
