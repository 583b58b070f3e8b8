//! What is asked of a run again and again without reading its plan: whether it is still the ledger's, and what is done of a schema that is
//! created, or of a run that is removed, in several transactions.

use super::{READ_FAILED, Run, WRITE_FAILED, exists};
use crate::error::{Context, Error, Result};
use postgres_client::connection::Connection;

/// Whether the last run of the ledger is this one. Numbers come again after a restart; the folder of a sealed copy does not.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn is_last_run(connection: &mut Connection, run: &Run) -> Result<bool> {
    if !exists(connection)? {
        return Ok(false);
    }
    let sql = "SELECT id, seal::json ->> 'path' FROM migration.runs ORDER BY id DESC LIMIT 1";
    let last: Option<(i64, Option<String>)> = connection.first(sql, &[]).context(|| READ_FAILED)?;
    let path = run.seal.path.to_string_lossy();
    Ok(last.is_some_and(|(id, last_path)| id == run.id && last_path.as_deref() == Some(&*path)))
}

/// How many steps of the schema are done. Within a transaction this claims the schema: whoever else asks waits for its end, and one that
/// a lost connection left behind is waited for.
///
/// # Errors
/// When the ledger cannot be read, or is that of another run.
pub(crate) fn claim_schema_steps(
    connection: &mut Connection,
    run_id: i64,
    sealed_path: &str,
) -> Result<usize> {
    let sql = "SELECT schema_steps FROM migration.runs WHERE id = $1::bigint AND seal::json ->> 'path' = $2 FOR UPDATE";
    let steps =
        connection.first(sql, &[Some(&run_id.to_string()), Some(sealed_path)]).context(|| READ_FAILED)?;
    steps.ok_or_else(|| {
        Error::new("the ledger is no longer that of this run: another migration has begun")
            .with_remedy_text("see `cargo xtask status`; what this run has sealed stays in its backup folder")
    })
}

/// Records how many steps of the schema are done, in the transaction that does the last of them.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn record_schema_steps(connection: &mut Connection, run_id: i64, done: usize) -> Result<()> {
    let sql = "UPDATE migration.runs SET schema_steps = $1::bigint WHERE id = $2::bigint";
    connection.execute(sql, &[Some(&done.to_string()), Some(&run_id.to_string())]).context(|| WRITE_FAILED)
}

/// Whether any step of the schema is done; a ledger of an older version has nothing to say of it.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn has_schema_steps(connection: &mut Connection, run_id: i64) -> Result<bool> {
    holds(connection, run_id, "schema_steps", "schema_steps > 0")
}

/// Whether a run is being removed, in several transactions of which the last one is still to come.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn is_being_removed(connection: &mut Connection, run_id: i64) -> Result<bool> {
    holds(connection, run_id, "removal_began_at", "removal_began_at IS NOT NULL")
}

/// Records that the run is being removed.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn begin_removal(connection: &mut Connection, run_id: i64) -> Result<()> {
    let sql = "UPDATE migration.runs SET removal_began_at = coalesce(removal_began_at, now()) WHERE id = $1::bigint";
    connection.execute(sql, &[Some(&run_id.to_string())]).context(|| WRITE_FAILED)
}

/// Whether a condition on a column holds for a run; false where the ledger has no such column yet.
fn holds(connection: &mut Connection, run_id: i64, column: &str, condition: &str) -> Result<bool> {
    let has_column = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('migration.runs')::oid AND attname = $1)";
    if !connection.one::<bool>(has_column, &[Some(column)]).context(|| READ_FAILED)? {
        return Ok(false);
    }
    let sql = format!("SELECT {condition} FROM migration.runs WHERE id = $1::bigint");
    let holds = connection.first(&sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)?;
    Ok(holds.unwrap_or(false))
}
