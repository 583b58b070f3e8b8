//! Finds out which repairs PostgreSQL would refuse, so that the rest can be run in one transaction. Nothing is written.

use migrate_core::comparison::structure::{
    AsRepaired, Probe, Requirements, Structure, StructureDifference, StructureProblem, Unrepaired,
    broken_by_rows,
};
use postgres_client::connection::Connection;
use postgres_client::server_error::ServerError;

use crate::error::{Error, Result};

/// Leaves out the repairs that PostgreSQL would refuse.
///
/// # Errors
/// When the connection is lost.
pub(super) fn leave_out_refused(
    target: &mut Connection,
    given: Requirements<'_>,
    found: &mut Structure,
) -> Result<()> {
    given.leave_out(found);
    // What else is made may need the generated columns, and views need views, so that it is known first which of them are made.
    let is_generated = |found: &StructureDifference| found.problem.generated_column().is_some();
    try_each(target, given, found, is_generated)?;
    let is_view = |found: &StructureDifference| matches!(found.problem, StructureProblem::ViewMissing { .. });
    try_each(target, given, found, is_view)?;
    try_each(target, given, found, |found| !is_generated(found) && !is_view(found))?;
    given.leave_out(found);
    Ok(())
}

fn try_each(
    target: &mut Connection,
    given: Requirements<'_>,
    found: &mut Structure,
    is_meant: impl Fn(&StructureDifference) -> bool,
) -> Result<()> {
    let as_repaired = AsRepaired::new(given.expected, given.target, given.live, found);
    for difference in &mut found.differences {
        if difference.repair.is_empty() || !is_meant(difference) {
            continue;
        }
        if let Some(probe) = as_repaired.probe(difference) {
            run(target, &probe, difference)?;
        }
    }
    Ok(())
}

fn run(target: &mut Connection, probe: &Probe, found: &mut StructureDifference) -> Result<()> {
    // PostgreSQL reads the statement and looks up its names and types; it runs nothing and writes nothing.
    let read = target.undone_transaction(|target| {
        target.script(&format!("PREPARE probe AS {}", probe.statement))?;
        target.script("DEALLOCATE probe").map(drop)
    });
    match read {
        Ok(()) => {}
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => {
            let is_of_type = sqlstate(&error) == Some(DATATYPE_MISMATCH);
            if is_of_type || !probe.is_of_type_only {
                found.leave_out(Unrepaired::Refused { message: message(&error) });
            }
            return Ok(());
        }
    }
    let queries = [(&probe.too_long, Answer::TooLong), (&probe.violation, Answer::Broken)];
    for (sql, answer) in queries {
        let Some(sql) = sql else { continue };
        match target.undone_transaction(|target| target.one(sql, &[])) {
            Ok(false) => {}
            Ok(true) => match answer {
                Answer::TooLong => found.leave_out(Unrepaired::TooLongForIndex),
                Answer::Broken => broken_by_rows(found),
            },
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => found.leave_out(Unrepaired::Refused { message: message(&error) }),
        }
        if found.repair.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}

/// What it means that a query returns true.
#[derive(Clone, Copy)]
enum Answer {
    TooLong,
    Broken,
}

/// The SQLSTATE of a value whose type is not that of its column.
const DATATYPE_MISMATCH: &str = "42804";

fn server_error(error: &Error) -> Option<&ServerError> {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.into_iter().find_map(|cause| cause.downcast_ref::<ServerError>())
}

fn sqlstate(error: &Error) -> Option<&str> {
    server_error(error)?.sqlstate.as_deref()
}

fn message(error: &Error) -> String {
    server_error(error).and_then(|error| error.message.clone()).unwrap_or_else(|| error.to_string())
}
