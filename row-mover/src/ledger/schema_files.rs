//! The content of the schema's migrations when they were applied, in the ledger.

use std::collections::BTreeMap;

use migrate_core::identifier::qualified_pg;

use super::{READ_FAILED, WRITE_FAILED, is_there};
use crate::error::{Context, Result};
use crate::target::bookkeeping;
use postgres_client::connection::Connection;

/// The SHA-256 of each `up.sql` by version, for the list in `list_schema`; none in a ledger of an earlier version. What another program
/// has reverted and applied since has another time in the list, and is left out.
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
    let sql = format!(
        "SELECT f.version, f.up_sha256 FROM migration.schema_files f JOIN {} l USING (version, run_on) WHERE f.list_schema = $1",
        qualified_pg(list_schema, bookkeeping::TABLE)
    );
    let found: Vec<(String, String)> = connection.load(&sql, &[Some(list_schema)]).context(|| READ_FAILED)?;
    Ok(found.into_iter().collect())
}

/// Records the content of a migration, once it is in the list, in the transaction that applies it.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn record_schema_file(
    connection: &mut Connection,
    list_schema: &str,
    version: &str,
    up_sha256: &str,
) -> Result<()> {
    let sql = format!(
        "INSERT INTO migration.schema_files (list_schema, version, up_sha256, run_on) \
         SELECT $1, version, $3, run_on FROM {} WHERE version = $2 \
         ON CONFLICT (list_schema, version) DO UPDATE SET up_sha256 = excluded.up_sha256, run_on = excluded.run_on",
        qualified_pg(list_schema, bookkeeping::TABLE)
    );
    connection.execute(&sql, &[Some(list_schema), Some(version), Some(up_sha256)]).context(|| WRITE_FAILED)
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
