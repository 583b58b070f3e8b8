//! Whether a target may be loaded again after a cutover: not while PostgreSQL is, or may become, the only place of the app's writes.

use migrate_core::cutover::{Progress, SourceState};

use crate::error::{Context, Error, Result};
use crate::fence::{self, FenceId};
use crate::ledger::{self, Run};
use crate::remedy::Remedy;
use postgres_client::connection::Connection;

/// Refuses a restart of `run` once its cutover has closed the source, until a rollback has opened it and archived PostgreSQL.
///
/// # Errors
/// What has to be done first.
pub(super) fn check_restart(connection: &mut Connection, run: &Run) -> Result<()> {
    let progress = progress(connection, run)?;
    if progress.is_cleaned_up() {
        return Err(Error::new(format!("run {} is cut over, and SQLite is removed from the app", run.id))
            .caused_by("a restart would drop the only copy of the app's data")
            .with_remedy_text("use another database for another migration"));
    }
    if progress.rollback().is_some() && !progress.allows_restart() {
        return Err(rollback_begun(run));
    }
    if !progress.allows_restart() || is_fenced(&progress, run)? {
        return Err(Error::new(format!("run {} is cut over, and SQLite is closed", run.id))
            .caused_by("a restart would drop what the app has written to PostgreSQL")
            .with_remedy_value(Remedy::CutoverBegun));
    }
    Ok(())
}

/// Refuses to continue with `run`, whose rollback is not finished.
///
/// # Errors
/// Where one has begun: nothing of the run can be migrated then.
pub(super) fn check_not_rolled_back(connection: &mut Connection, run: &Run) -> Result<()> {
    match progress(connection, run)?.rollback() {
        Some(_) => Err(rollback_begun(run)),
        None => Ok(()),
    }
}

fn rollback_begun(run: &Run) -> Error {
    Error::new(format!("a rollback of run {} has begun and is not finished", run.id))
        .with_remedy_value(Remedy::ContinueRollback)
}

fn progress(connection: &mut Connection, run: &Run) -> Result<Progress> {
    let events = ledger::cutover_events(connection, run.id)?;
    Progress::of(events.iter().map(|recorded| &recorded.event))
        .context(|| "the events of the cutover in the ledger are in no possible order")
}

/// Whether the source has the fence of this cutover, which the ledger need not have yet.
fn is_fenced(progress: &Progress, run: &Run) -> Result<bool> {
    let Some(sha256) = progress.complete_sha256() else { return Ok(false) };
    let state = fence::detect(&run.seal.source_path, Some(&FenceId::of(sha256)))?;
    Ok(matches!(state, SourceState::Closed(_) | SourceState::Damaged))
}
