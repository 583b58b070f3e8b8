//! Results of the integrity check of the sealed copy. It takes as long as moving the rows, runs where it is asked for or a decision
//! depends on it, and is not repeated for the same copy.

use super::{READ_FAILED, WRITE_FAILED, is_there};
use crate::error::{Context, Result};
use crate::source::integrity_check::Integrity;
use postgres_client::connection::{Connection, text_array};

/// The name of `PRAGMA integrity_check` in the ledger.
const INTEGRITY: &str = "integrity";

/// The result of `integrity_check` for the sealed copy of a run; none if it has not run over the copy that the target equals now.
///
/// # Errors
/// When the ledger cannot be read.
pub fn integrity(connection: &mut Connection, run_id: i64) -> Result<Option<Integrity>> {
    if !is_there(connection, "checks")? {
        return Ok(None);
    }
    let sql = "SELECT to_json(problems), to_json(left_out), seconds FROM migration.checks WHERE run_id = $1::bigint AND check_name = $2";
    let found =
        connection.first(sql, &[Some(&run_id.to_string()), Some(INTEGRITY)]).context(|| READ_FAILED)?;
    Ok(found.map(|(problems, left_out, seconds)| Integrity { problems, left_out, seconds, begun: None }))
}

/// Records the result of `integrity_check` for the sealed copy of a run.
///
/// # Errors
/// When the ledger cannot be written.
pub fn record_integrity(connection: &mut Connection, run_id: i64, found: &Integrity) -> Result<()> {
    let seconds_ago = found.begun.map_or(found.seconds, |begun| begun.elapsed().as_secs_f64());
    let sql = "INSERT INTO migration.checks (run_id, check_name, seconds, problems, left_out, begun_at) \
               VALUES ($1::bigint, $2, $3::float8, $4::text[], $5::text[], clock_timestamp() - make_interval(secs => $6::float8)) \
               ON CONFLICT DO NOTHING";
    let parameters = [
        run_id.to_string(),
        INTEGRITY.to_owned(),
        found.seconds.to_string(),
        text_array(found.problems.iter().map(Some)),
        text_array(found.left_out.iter().map(Some)),
        seconds_ago.to_string(),
    ];
    connection.execute(sql, &parameters.each_ref().map(|text| Some(text.as_str()))).context(|| WRITE_FAILED)
}
