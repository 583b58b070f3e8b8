//! The statements that follow the rows, as the ledger knows them: which there are, and which are done.

use diesel::prelude::*;

use super::schema::builds;
use crate::error::Result;
use postgres_client::PooledConnection;
use postgres_client::pool::diesel_failed;

/// A statement that follows the rows of a table: a key, an index, a constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// Its number within the run, from 0, in the order of the plan's second migration.
    pub number: i64,
    /// The table, by target name; empty where it belongs to none.
    pub table: String,
    /// What it makes, in words.
    pub what: String,
    /// How long it took, in seconds, once it is done.
    pub seconds: Option<f64>,
}

/// The statements that follow the rows of a run, in their order; none where they were not written down yet.
///
/// # Errors
/// When the ledger cannot be read.
pub fn builds(connection: &mut PooledConnection, run_id: i64) -> Result<Vec<Build>> {
    let rows: Vec<(i64, String, String, Option<f64>, bool)> = builds::table
        .filter(builds::run_id.eq(run_id))
        .order(builds::build)
        .select((
            builds::build,
            builds::table_name,
            builds::what,
            builds::seconds,
            builds::done_at.is_not_null(),
        ))
        .load(connection)
        .map_err(diesel_failed("the ledger cannot be read"))?;
    let read = |(number, table, what, seconds, is_done): (i64, String, String, Option<f64>, bool)| Build {
        number,
        table,
        what,
        seconds: is_done.then(|| seconds.unwrap_or(0.0)),
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Writes down the statements that follow the rows of a run, all or none.
///
/// # Errors
/// When the ledger cannot be written.
pub fn plan_builds(connection: &mut PooledConnection, run_id: i64, planned: &[Build]) -> Result<()> {
    /// PostgreSQL takes 65,535 parameters in one statement.
    const ROWS_PER_STATEMENT: usize = 10_000;
    let insert = |connection: &mut PooledConnection| {
        for part in planned.chunks(ROWS_PER_STATEMENT) {
            let rows: Vec<_> = (part.iter())
                .map(|build| {
                    (
                        builds::run_id.eq(run_id),
                        builds::build.eq(build.number),
                        builds::table_name.eq(&build.table),
                        builds::what.eq(&build.what),
                    )
                })
                .collect();
            diesel::insert_into(builds::table).values(rows).execute(connection)?;
        }
        Ok(())
    };
    connection.transaction(insert).map_err(diesel_failed("the ledger cannot be written"))
}

/// The statement by which a build's own transaction takes it, as that of a chunk does: parameters are run, build and the path of the
/// sealed copy.
pub const CLAIM_BUILD_SQL: &str = "SELECT b.done_at IS NOT NULL FROM migration.builds b JOIN migration.runs r ON r.id = b.run_id \
     WHERE b.run_id = $1::bigint AND b.build = $2::bigint AND r.seal::json ->> 'path' = $3 FOR UPDATE OF b";

/// The statement by which a build's own transaction says that it is done: parameters are seconds, run and build.
pub const FINISH_BUILD_SQL: &str = "UPDATE migration.builds SET seconds = $1::double precision, done_at = now() \
     WHERE run_id = $2::bigint AND build = $3::bigint AND done_at IS NULL RETURNING 1";
