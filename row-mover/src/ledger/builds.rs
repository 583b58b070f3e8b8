//! The builds in the ledger: the statements that run after the rows are loaded, and which of them are done.

use super::{READ_FAILED, WRITE_FAILED};
use crate::error::{Context, Result};
use postgres_client::connection::{Connection, text_array};

/// A statement that follows the rows of a table: a key, an index, a constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// Its number within the run, from 0, in the order of the plan's second migration.
    pub number: i64,
    /// The table, by target name; empty where it belongs to none.
    pub table: String,
    /// What it builds, for people.
    pub what: String,
    /// Duration in seconds, once it is done.
    pub seconds: Option<f64>,
}

/// The statements that follow the rows of a run, in their order; none where they were not written down yet.
///
/// # Errors
/// When the ledger cannot be read.
pub fn builds(connection: &mut Connection, run_id: i64) -> Result<Vec<Build>> {
    let sql = "SELECT build, table_name, what, CASE WHEN done_at IS NOT NULL THEN coalesce(seconds, 0) END \
               FROM migration.builds WHERE run_id = $1::bigint ORDER BY build";
    let rows = connection.load(sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)?;
    let read = |(number, table, what, seconds)| Build { number, table, what, seconds };
    Ok(rows.into_iter().map(read).collect())
}

/// Writes down the statements that follow the rows of a run, all or none.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn plan_builds(connection: &mut Connection, run_id: i64, planned: &[Build]) -> Result<()> {
    let numbers = text_array(planned.iter().map(|build| Some(build.number.to_string())));
    let tables = text_array(planned.iter().map(|build| Some(&build.table)));
    let what = text_array(planned.iter().map(|build| Some(&build.what)));
    let sql = "INSERT INTO migration.builds (run_id, build, table_name, what) \
               SELECT $1::bigint, * FROM unnest($2::bigint[], $3::text[], $4::text[])";
    connection
        .execute(sql, &[Some(&run_id.to_string()), Some(&numbers), Some(&tables), Some(&what)])
        .context(|| WRITE_FAILED)
}

/// The statement with which a build's own transaction claims it, like that of a chunk. Parameters: run, build and the path of the sealed
/// copy.
pub(crate) const CLAIM_BUILD_SQL: &str = "SELECT b.done_at IS NOT NULL FROM migration.builds b JOIN migration.runs r ON r.id = b.run_id \
     WHERE b.run_id = $1::bigint AND b.build = $2::bigint AND r.seal::json ->> 'path' = $3 FOR UPDATE OF b";

/// The statement with which a build's own transaction records that it is done. Parameters: seconds, run and build.
pub(crate) const FINISH_BUILD_SQL: &str = "UPDATE migration.builds SET seconds = $1::double precision, done_at = now() \
     WHERE run_id = $2::bigint AND build = $3::bigint AND done_at IS NULL RETURNING 1";
