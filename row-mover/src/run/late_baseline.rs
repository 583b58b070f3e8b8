//! The baseline of a run that is done. It is missing where the run was told to write none, or where its plan was not for the app's
//! migrator; the plan may then become one that is, as long as the database stays the same.

use std::borrow::Cow;

use migrate_core::baseline::Baseline;
use migrate_core::phase::{Phase, RunSubject};
use migrate_core::plan::Plan;

use super::session::Session;
use super::{Request, baseline, owner};
use crate::error::{Error, Result};
use crate::ledger::{self, Run};
use crate::observer::{Note, Observer};
use crate::remedy::Remedy;
use crate::target::migrator_list::{self, List};
use postgres_client::connection::Connection;

/// What is requested, given the last run: one that is done with a plan that differs only in what is for Drizzle is the same.
pub(super) fn subject<'s>(
    request: &Request<'_>,
    subject: &'s RunSubject,
    last: Option<&Run>,
) -> Cow<'s, RunSubject> {
    match last.filter(|run| is_adopted(request, run)) {
        Some(run) => {
            let plan_sha256 = run.state.subject.plan_sha256.clone();
            Cow::Owned(RunSubject { plan_sha256, ..subject.clone() })
        }
        None => Cow::Borrowed(subject),
    }
}

/// Whether the run, which is done, takes what the requested plan has for Drizzle.
fn is_adopted(request: &Request<'_>, run: &Run) -> bool {
    request.baseline().is_some()
        && Phase::ALL.iter().all(|phase| run.state.done.contains(phase))
        && run.plan.drizzle != request.plan.drizzle
        && run.plan.is_same_but_for_drizzle(request.plan)
}

/// Refuses a plan for Drizzle that numbers rows otherwise than the run.
///
/// # Errors
/// When it does.
pub(super) fn check_numbering(request: &Request<'_>, run: &Run) -> Result<()> {
    if request.baseline().is_none() || !run.plan.differs_in_numbering(request.plan) {
        return Ok(());
    }
    let is_serial = |plan: &Plan| {
        let mut columns = plan.tables.iter().flat_map(|table| &table.columns);
        columns.any(|column| column.sequence.is_some() && column.numbering.is_serial())
    };
    let name = |plan: &Plan| if is_serial(plan) { "bigserial" } else { "identity columns" };
    Err(Error::new(format!("{} holds a migration of another plan", request.target))
        .caused_by(format!(
            "its tables number new rows by {}, and the plan for Drizzle by {}",
            name(&run.plan),
            name(request.plan)
        ))
        .with_remedy_value(Remedy::KeepNumbering { is_serial: is_serial(&run.plan) }))
}

/// Returns the baseline that would be written for a run that is done; none where it has one, or where the list is in use.
///
/// # Errors
/// When it could not be written.
pub(super) fn missing<'r>(
    request: &'r Request<'_>,
    run: &Run,
    target: &mut Connection,
) -> Result<Option<&'r Baseline>> {
    let Some(wanted) = request.baseline().filter(|_| !run.plan.is_into_existing()) else { return Ok(None) };
    if ledger::baseline(target)?.is_some() || (!is_adopted(request, run) && is_in_use(target, wanted)?) {
        return Ok(None);
    }
    baseline::check_ready(target, &request.target, request.plan, wanted, None)?;
    Ok(Some(wanted))
}

/// Whether the list has rows. One that cannot be read is judged where it is to be written.
fn is_in_use(target: &mut Connection, wanted: &Baseline) -> Result<bool> {
    let sql = "SELECT coalesce(has_schema_privilege(to_regnamespace(quote_ident($1))::oid, 'USAGE'), false)";
    if !target.one::<bool>(sql, &[Some(&wanted.schema)])? {
        return Ok(false);
    }
    let list = migrator_list::read(target, wanted)?;
    Ok(matches!(list, List::Listed(list) if !list.rows.is_empty()))
}

/// Writes the baseline that a run lacks, and takes over what the plan has for Drizzle, in one transaction. Returns what was written.
///
/// # Errors
/// When the list or the ledger cannot be written.
pub(super) fn write(session: &Session<'_>, request: &Request<'_>, run: &Run) -> Result<Option<Baseline>> {
    let wanted = session.retrying(|| missing(request, run, &mut *session.connection()?))?;
    let is_adopted = is_adopted(request, run);
    if wanted.is_none() && !is_adopted {
        return Ok(None);
    }
    // A ledger of an earlier version lacks columns that this one writes.
    session.retrying(|| ledger::create(&mut *session.connection()?))?;
    session.retrying(|| {
        let mut connection = session.connection()?;
        let role = owner::owner(&mut connection, &run.plan, request.owner.as_deref())?;
        connection.transaction(|connection| {
            ledger::claim_schema_steps(connection, run.id, &run.seal.path.to_string_lossy())?;
            if is_adopted {
                let plan = Plan { drizzle: request.plan.drizzle.clone(), ..run.plan.clone().into_owned() };
                ledger::record_plan(connection, run.id, &plan)?;
            }
            let Some(wanted) = wanted else { return Ok(()) };
            // A previous attempt may have committed without our seeing the reply.
            if ledger::baseline(connection)?.is_some() {
                return Ok(());
            }
            let written = baseline::write_list(connection, wanted)?;
            ledger::record_baseline(connection, run.id, &written)?;
            match &role {
                Some(role) => {
                    owner::hand_over(connection, &run.plan, Some(&written), role, session.observer).map(drop)
                }
                None => Ok(()),
            }
        })
    })?;
    if let Some(wanted) = wanted {
        session.observer.note(&Note::BaselineWritten { baseline: wanted });
    }
    Ok(wanted.cloned())
}
