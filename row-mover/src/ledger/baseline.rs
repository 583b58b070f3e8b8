//! The baseline in the ledger: what a run wrote into the list of the app's own migrator, and what it created for that.

use migrate_core::plan::Plan;

use super::{READ_FAILED, WRITE_FAILED, exists};
use crate::error::{Context, Result};
use crate::target::migrator_list::WrittenBaseline;
use postgres_client::connection::Connection;

/// The baseline that the last run wrote; none where it wrote none, and in a ledger of an earlier version.
///
/// # Errors
/// When the ledger cannot be read.
pub fn baseline(connection: &mut Connection) -> Result<Option<WrittenBaseline>> {
    if !exists(connection)? {
        return Ok(None);
    }
    let sql = "SELECT to_jsonb(r) ->> 'baseline' FROM migration.runs AS r ORDER BY id DESC LIMIT 1";
    let json: Option<Option<String>> = connection.first(sql, &[]).context(|| READ_FAILED)?;
    json.flatten().map(|json| serde_json::from_str(&json).context(|| READ_FAILED)).transpose()
}

/// Records a baseline, in the transaction that writes it.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn record_baseline(
    connection: &mut Connection,
    run_id: i64,
    written: &WrittenBaseline,
) -> Result<()> {
    let json = serde_json::to_string(written).context(|| WRITE_FAILED)?;
    let sql = "UPDATE migration.runs SET baseline = $1 WHERE id = $2::bigint";
    connection.execute(sql, &[Some(&json), Some(&run_id.to_string())]).context(|| WRITE_FAILED)
}

/// Whether the plan of the last run is for an app with Drizzle and the run wrote no baseline; no longer once one is recorded.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn lacks_baseline(connection: &mut Connection) -> Result<bool> {
    if !exists(connection)? {
        return Ok(false);
    }
    // A ledger of an earlier version has fewer columns.
    let sql = "SELECT coalesce((to_jsonb(r) ->> 'plan')::jsonb ->> 'drizzle', '') <> '' \
               AND to_jsonb(r) ->> 'baseline' IS NULL FROM migration.runs AS r ORDER BY id DESC LIMIT 1";
    let lacks: Option<bool> = connection.first(sql, &[]).context(|| READ_FAILED)?;
    Ok(lacks.unwrap_or(false))
}

/// Records another plan for a run, in the transaction that writes its baseline.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn record_plan(connection: &mut Connection, run_id: i64, plan: &Plan) -> Result<()> {
    let sql = "UPDATE migration.runs SET plan = $1, plan_sha256 = $2 WHERE id = $3::bigint";
    let parameters = [migrate_core::render::plan_json(plan), plan.fingerprint(), run_id.to_string()];
    connection.execute(sql, &parameters.each_ref().map(|text| Some(text.as_str()))).context(|| WRITE_FAILED)
}
