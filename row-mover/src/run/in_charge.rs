//! Refuses to remove or replace tables that a cutover has made the only place of the app's writes, or may make it.

use migrate_core::cutover::{Progress, SourceState};
use postgres_client::connection::Connection;

use crate::error::{Context, Error, Result};
use crate::fence::{self, FenceId};
use crate::ledger::{self, Run};
use crate::remedy::Remedy;

/// Refuses while the last run is cut over, until a rollback has archived its tables and opened SQLite.
///
/// # Errors
/// Who is in charge, or that the ledger cannot be read.
pub(super) fn check_replaceable(connection: &mut Connection) -> Result<()> {
    let Some(run) = ledger::last_run(connection)? else { return Ok(()) };
    let progress = progress(connection, &run)?;
    if progress.allows_restart() && (progress.is_source_closed() || !is_fenced(&progress, &run)?) {
        return Ok(());
    }
    let id = run.id;
    Err(match progress.rollback() {
        Some(_) => being_rolled_back(&run),
        None if progress.is_cleaned_up() => {
            Error::new(format!("run {id} was cut over: its tables are the only place of the app's data"))
                .with_remedy_text("use another database for another migration")
        }
        None => {
            Error::new(format!("run {id} was cut over: its tables take the app's writes, or are about to"))
                .with_remedy_value(Remedy::CutoverBegun)
        }
    })
}

/// Refuses to continue with a run whose rollback has begun.
///
/// # Errors
/// That it has begun, or that the ledger cannot be read.
pub(super) fn check_not_rolled_back(connection: &mut Connection, run: &Run) -> Result<()> {
    match progress(connection, run)?.rollback() {
        Some(_) => Err(being_rolled_back(run)),
        None => Ok(()),
    }
}

fn being_rolled_back(run: &Run) -> Error {
    Error::new(format!("run {} is being rolled back, and its tables may hold writes of the app", run.id))
        .with_remedy_value(Remedy::ContinueRollback)
}

fn progress(connection: &mut Connection, run: &Run) -> Result<Progress> {
    let events = ledger::cutover_events(connection, run.id)?;
    Progress::of(events.iter().map(|recorded| &recorded.event))
        .context(|| "the events of the cutover in the ledger are in no possible order")
}

/// Whether the source has the fence of this cutover, which a kill may have kept from the ledger.
fn is_fenced(progress: &Progress, run: &Run) -> Result<bool> {
    let Some(sha256) = progress.complete_sha256() else { return Ok(false) };
    let state = fence::detect(&run.seal.source_path, Some(&FenceId::of(sha256)))?;
    Ok(matches!(state, SourceState::Closed(_) | SourceState::Damaged))
}

/// Whether the source of a run is closed by a cutover, so that PostgreSQL may hold writes that no sealed copy has.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn is_cut_over(connection: &mut Connection, run_id: i64) -> Result<bool> {
    let events = ledger::cutover_events(connection, run_id)?;
    let progress = Progress::of(events.iter().map(|recorded| &recorded.event));
    // Contradicting events are reported by whoever acts on them.
    Ok(progress.map_or(true, |progress| progress.is_source_closed()))
}
