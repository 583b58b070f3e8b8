//! Puts a target back as it was before a run that is not finished: `migrate --undo`.
//!
//! Everything that it needs is in the ledger, which goes last: neither the source nor the plan's folder is read.

use migrate_core::phase::Phase;
use serde::Serialize;

use super::in_charge;
use super::open_tables::OpenTables;
use super::session::Session;
use crate::error::{Error, Result};
use crate::ledger::{self, Run};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::target::migrator_list::WrittenBaseline;
use crate::watched::watched;
use postgres_client::{DbSettings, TargetUrl};

/// What is undone, and how.
pub struct UndoRequest {
    /// The target.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// How many connections compare rows at once.
    pub workers: usize,
    /// Whether rows that were written to the target since are dropped, too.
    pub discard: bool,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

/// The result of undoing a run.
#[derive(Clone, Debug, Serialize)]
pub struct Undone {
    /// The run's number in the ledger.
    pub run: i64,
    /// What the run had changed in an app's tables.
    pub open: OpenTables,
    /// The tables that the run created.
    pub created: Vec<String>,
    /// What the run wrote into the list of the app's own migrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<WrittenBaseline>,
}

/// Undoes the last run into a target; none where there is no run.
///
/// # Errors
/// When the run is validated, rows were written to the target since, or the target refuses or is lost. What is done is kept, and the next
/// call resumes.
pub fn undo(request: &UndoRequest, observer: &dyn Observer) -> Result<Option<Undone>> {
    watched(observer, |observer| {
        let session = Session::open(&request.target, &request.settings, request.workers, observer)?;
        undo_in(&session, request).map_err(|error| session.explain(error, None).with_lock_remedy())
    })
}

fn undo_in(session: &Session<'_>, request: &UndoRequest) -> Result<Option<Undone>> {
    if !request.dry_run {
        session.take_lock()?;
    }
    session.refuse_standby()?;
    let last = session.retrying(|| ledger::last_run(&mut *session.connection()?))?;
    let has_history = last.is_some();
    let Some(run) = session.retrying(|| ledger::present_run(&mut *session.connection()?))? else {
        // A run that was interrupted before its first entry may have created the ledger.
        if !request.dry_run
            && !has_history
            && session.retrying(|| ledger::exists(&mut *session.connection()?))?
        {
            session.retrying(|| ledger::remove(&mut *session.connection()?))?;
        }
        return Ok(None);
    };
    check_unfinished(session, &run)?;
    session.retrying(|| in_charge::check_replaceable(&mut *session.connection()?))?;
    let is_begun = session.retrying(|| ledger::is_being_removed(&mut *session.connection()?, run.id))?;
    // What remains of a removal that was interrupted has been compared before.
    if !is_begun {
        session.check_untouched(request.discard, &run)?;
    }
    let undone = session.retrying(|| {
        let mut connection = session.connection()?;
        let open = OpenTables::read(&mut connection, &run)?;
        let created = super::existing::created_tables(&mut connection, &run)?;
        Ok(Undone { run: run.id, open, created, baseline: ledger::baseline(&mut connection)? })
    })?;
    if request.dry_run {
        session.check_removable(None, &mut *session.connection()?, &run)?;
    } else {
        session.retrying(|| remove(session, &run))?;
    }
    Ok(Some(undone))
}

/// Removes the run, unless a previous attempt has committed without our seeing the reply.
fn remove(session: &Session<'_>, run: &Run) -> Result<()> {
    if ledger::is_last_run(&mut *session.connection()?, run)? {
        session.remove_earlier_run(None, run)?;
    }
    Ok(())
}

/// Refuses a run that is validated: the app may rely on it.
fn check_unfinished(session: &Session<'_>, run: &Run) -> Result<()> {
    if !run.state.done.contains(&Phase::Validate) {
        return Ok(());
    }
    Err(Error::new(format!("run {} in {} is finished and validated", run.id, session.target))
        .with_remedy_value(Remedy::FinishedNotUndone))
}
