//! What is asked of a run again and again without reading its plan: whether it is still the ledger's, and what is done of a schema that is
//! created, or of a run that is removed, in several transactions.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::{Run, exists};
use crate::error::{Error, Result};
use postgres_client::PooledConnection;
use postgres_client::pool::diesel_failed;

/// Whether the last run of the ledger is this one. Numbers come again after a restart; the folder of a sealed copy does not.
///
/// # Errors
/// When the ledger cannot be read.
pub fn is_last_run(connection: &mut PooledConnection, run: &Run) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Last {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(sql_type = Nullable<Text>)]
        path: Option<String>,
    }
    if !exists(connection)? {
        return Ok(false);
    }
    let sql = "SELECT id, seal::json ->> 'path' AS path FROM migration.runs ORDER BY id DESC LIMIT 1";
    let last: Option<Last> = diesel::sql_query(sql)
        .get_result(connection)
        .optional()
        .map_err(diesel_failed("the ledger cannot be read"))?;
    let path = run.seal.path.to_string_lossy();
    Ok(last.is_some_and(|last| last.id == run.id && last.path.as_deref() == Some(&*path)))
}

/// How many steps of the schema are done. Within a transaction this claims the schema: whoever else asks waits for its end, and one that
/// a lost connection left behind is waited for.
///
/// # Errors
/// When the ledger cannot be read, or is that of another run.
pub fn claim_schema_steps(
    connection: &mut PooledConnection,
    run_id: i64,
    sealed_path: &str,
) -> Result<usize> {
    #[derive(QueryableByName)]
    struct Steps {
        #[diesel(sql_type = BigInt)]
        schema_steps: i64,
    }
    let sql =
        "SELECT schema_steps FROM migration.runs WHERE id = $1 AND seal::json ->> 'path' = $2 FOR UPDATE";
    let steps: Option<Steps> = diesel::sql_query(sql)
        .bind::<BigInt, _>(run_id)
        .bind::<Text, _>(sealed_path)
        .get_result(connection)
        .optional()
        .map_err(diesel_failed("the ledger cannot be read"))?;
    let Some(Steps { schema_steps }) = steps else {
        return Err(Error::new("the ledger is no longer that of this run: another migration has begun")
            .with_remedy_text(
                "see `cargo xtask status`; what this run has sealed stays in its backup folder",
            ));
    };
    Ok(usize::try_from(schema_steps).unwrap_or(0))
}

/// Records how many steps of the schema are done, in the transaction that does the last of them.
///
/// # Errors
/// When the ledger cannot be written.
pub fn record_schema_steps(connection: &mut PooledConnection, run_id: i64, done: usize) -> Result<()> {
    diesel::sql_query("UPDATE migration.runs SET schema_steps = $1 WHERE id = $2")
        .bind::<BigInt, _>(i64::try_from(done).unwrap_or(i64::MAX))
        .bind::<BigInt, _>(run_id)
        .execute(connection)
        .map(|_| ())
        .map_err(diesel_failed("the ledger cannot be written"))
}

/// Whether any step of the schema is done; a ledger of an older version has nothing to say of it.
///
/// # Errors
/// When the ledger cannot be read.
pub fn has_schema_steps(connection: &mut PooledConnection, run_id: i64) -> Result<bool> {
    holds(connection, run_id, "schema_steps", "schema_steps > 0")
}

/// Whether a run is being removed, in several transactions of which the last one is still to come.
///
/// # Errors
/// When the ledger cannot be read.
pub fn is_being_removed(connection: &mut PooledConnection, run_id: i64) -> Result<bool> {
    holds(connection, run_id, "removal_began_at", "removal_began_at IS NOT NULL")
}

/// Records that the run is being removed.
///
/// # Errors
/// When the ledger cannot be written.
pub fn begin_removal(connection: &mut PooledConnection, run_id: i64) -> Result<()> {
    diesel::sql_query(
        "UPDATE migration.runs SET removal_began_at = coalesce(removal_began_at, now()) WHERE id = $1",
    )
    .bind::<BigInt, _>(run_id)
    .execute(connection)
    .map(|_| ())
    .map_err(diesel_failed("the ledger cannot be written"))
}

/// Whether a condition on a column holds for a run; false where the ledger has no such column yet.
fn holds(connection: &mut PooledConnection, run_id: i64, column: &str, condition: &str) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Bool)]
        holds: bool,
    }
    let failed = || diesel_failed("the ledger cannot be read");
    let is_there: Answer = diesel::sql_query(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('migration.runs')::oid AND attname = $1) AS holds",
    )
    .bind::<Text, _>(column)
    .get_result(connection)
    .map_err(failed())?;
    if !is_there.holds {
        return Ok(false);
    }
    let answer: Option<Answer> =
        diesel::sql_query(format!("SELECT {condition} AS holds FROM migration.runs WHERE id = $1"))
            .bind::<BigInt, _>(run_id)
            .get_result(connection)
            .optional()
            .map_err(failed())?;
    Ok(answer.is_some_and(|answer| answer.holds))
}
