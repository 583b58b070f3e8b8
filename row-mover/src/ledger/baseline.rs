//! The baseline in the ledger: what a run wrote into the list of the app's own migrator, and what it created for that.

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
