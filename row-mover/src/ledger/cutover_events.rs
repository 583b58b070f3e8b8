//! The events of cutover, rollback and cleanup in the ledger. `migrate_core::cutover` decides what follows from them.

use migrate_core::cutover::Event;

use super::{READ_FAILED, Run, WRITE_FAILED, is_there, last_run, utc_text};
use crate::error::{Context, Result};
use postgres_client::connection::Connection;

/// An event, as the ledger has it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEvent {
    /// What happened.
    pub event: Event,
    /// When, in RFC 3339.
    pub recorded_at: String,
    /// Who ran the command: account and host.
    pub recorded_by: String,
    /// What the person noted.
    pub note: Option<String>,
}

/// The events of a run, in their order; none in a ledger of an earlier version.
///
/// # Errors
/// When the ledger cannot be read, or another version has written it.
pub fn cutover_events(connection: &mut Connection, run_id: i64) -> Result<Vec<RecordedEvent>> {
    if !is_there(connection, "cutover_events")? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT event, {}, recorded_by, note FROM migration.cutover_events WHERE run_id = $1::bigint ORDER BY id",
        utc_text("recorded_at")
    );
    let found: Vec<(String, String, String, Option<String>)> =
        connection.load(&sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)?;
    let read = |(event, recorded_at, recorded_by, note): (String, String, String, Option<String>)| {
        Ok(RecordedEvent {
            event: serde_json::from_str(&event).context(|| READ_FAILED)?,
            recorded_at,
            recorded_by,
            note,
        })
    };
    found.into_iter().map(read).collect()
}

/// Whether a rollback has archived what a run made, so that a later migration begins afresh.
///
/// # Errors
/// When the ledger cannot be read.
pub fn is_archived(connection: &mut Connection, run_id: i64) -> Result<bool> {
    let events = cutover_events(connection, run_id)?;
    Ok(events.iter().any(|recorded| matches!(recorded.event, Event::TargetArchived { .. })))
}

/// The last run whose tables are in place: none where a rollback has archived them.
///
/// # Errors
/// When the ledger cannot be read, or was written by another version.
pub fn present_run(connection: &mut Connection) -> Result<Option<Run<'static>>> {
    match last_run(connection)? {
        Some(run) if is_archived(connection, run.id)? => Ok(None),
        run => Ok(run),
    }
}

/// Records an event.
///
/// # Errors
/// When the ledger cannot be written.
pub fn record_cutover_event(
    connection: &mut Connection,
    run_id: i64,
    event: &Event,
    recorded_by: &str,
    note: Option<&str>,
) -> Result<()> {
    let event = serde_json::to_string(event).context(|| WRITE_FAILED)?;
    let sql = "INSERT INTO migration.cutover_events (run_id, event, recorded_by, note) VALUES ($1::bigint, $2, $3, $4)";
    connection
        .execute(sql, &[Some(&run_id.to_string()), Some(&event), Some(recorded_by), note])
        .context(|| WRITE_FAILED)
}
