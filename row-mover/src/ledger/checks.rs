//! What was found by looking at the sealed copy itself: it takes as long as moving the rows, and is done once for each run.

use diesel::prelude::*;

use super::is_there;
use super::schema::checks;
use crate::error::Result;
use crate::source::integrity_check::Integrity;
use postgres_client::PooledConnection;
use postgres_client::pool::diesel_failed;

/// The name of `PRAGMA integrity_check` in the ledger.
const INTEGRITY: &str = "integrity";

/// What `integrity_check` found in the sealed copy of a run; none where it has not come to its end.
///
/// # Errors
/// When the ledger cannot be read.
pub fn integrity(connection: &mut PooledConnection, run_id: i64) -> Result<Option<Integrity>> {
    let failed = || diesel_failed("the ledger cannot be read");
    if !is_there(connection, "checks")? {
        return Ok(None);
    }
    let found: Option<(Vec<String>, Vec<String>, f64)> = checks::table
        .filter(checks::run_id.eq(run_id))
        .filter(checks::check_name.eq(INTEGRITY))
        .select((checks::problems, checks::left_out, checks::seconds))
        .first(connection)
        .optional()
        .map_err(failed())?;
    Ok(found.map(|(problems, left_out, seconds)| Integrity { problems, left_out, seconds, begun: None }))
}

/// Writes down what `integrity_check` found in the sealed copy of a run.
///
/// # Errors
/// When the ledger cannot be written.
pub fn record_integrity(connection: &mut PooledConnection, run_id: i64, found: &Integrity) -> Result<()> {
    let seconds_ago = found.begun.map_or(found.seconds, |begun| begun.elapsed().as_secs_f64());
    let begun_at = format!("clock_timestamp() - make_interval(secs => {seconds_ago})");
    diesel::insert_into(checks::table)
        .values((
            checks::run_id.eq(run_id),
            checks::check_name.eq(INTEGRITY),
            checks::seconds.eq(found.seconds),
            checks::problems.eq(&found.problems),
            checks::left_out.eq(&found.left_out),
            checks::begun_at.eq(diesel::dsl::sql::<diesel::sql_types::Timestamptz>(&begun_at)),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .map(|_| ())
        .map_err(diesel_failed("the ledger cannot be written"))
}
