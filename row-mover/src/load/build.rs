//! Runs one build: the statements of a key, an index or another object, and its row in the ledger, in one transaction.

use std::time::Instant;

use migrate_core::render::{Build, BuildKind};

use super::{Load, claim};
use crate::error::{Context, Error, Result};
use crate::ledger::{CLAIM_BUILD_SQL, FINISH_BUILD_SQL};
use crate::remedy::Remedy;
use postgres_client::connection::Connection;

/// Runs the build of this number; one that turns out to be done already is left as it is.
///
/// # Errors
/// When the target refuses or is lost. Whether the transaction was committed is not known then, but from the ledger.
pub(super) fn run_build(
    load: &Load<'_>,
    number: usize,
    build: &Build,
    target: &mut Connection,
) -> Result<()> {
    let started = Instant::now();
    let place =
        if build.table.is_empty() { "the target".to_owned() } else { format!("table {}", build.table) };
    let failed = || format!("{place}: {} cannot be made", build.what);
    let (run, build_number) = (load.run_id.to_string(), number.to_string());
    target.query("BEGIN", &[]).context(failed)?;
    let taken = [run.as_str(), &build_number, load.sealed_path].map(Some);
    if !claim(target, CLAIM_BUILD_SQL, &taken).context(failed)? {
        target.query("ROLLBACK", &[]).context(failed)?;
        return Ok(());
    }
    load.observer.build_started(&build.table, &build.what);
    let is_last = number + 1 == load.builds.len();
    match run_statements(load, build, is_last, target, &failed).and_then(|()| {
        record(load, target, [&started.elapsed().as_secs_f64().to_string(), &run, &build_number], &failed)
    }) {
        Ok(()) => {
            load.observer.build_finished(&build.table, &build.what, started.elapsed());
            Ok(())
        }
        Err(error) => {
            load.observer.build_lost(&build.table, &build.what);
            Err(error)
        }
    }
}

fn run_statements(
    load: &Load<'_>,
    build: &Build,
    is_last: bool,
    target: &mut Connection,
    failed: &dyn Fn() -> String,
) -> Result<()> {
    let backend = target.backend().clone();
    let explained = |error: Error| error.with_remedy_value(Remedy::RepairTargetOrSource);
    for statement in &build.statements {
        let is_at_work = &mut || (load.is_at_work)(&backend);
        let done = match build.kind {
            // Views and triggers read no row.
            BuildKind::Objects => target.long_script(statement, is_at_work).map(drop),
            BuildKind::Key
            | BuildKind::Index(_)
            | BuildKind::PathIndex
            | BuildKind::Check
            | BuildKind::ForeignKey { .. }
            | BuildKind::Derived => target.guarded_script(statement, is_at_work),
        };
        done.context(failed).map_err(explained)?;
    }
    if is_last {
        load.applied.record(target).context(failed).map_err(explained)?;
    }
    Ok(())
}

/// Records in the ledger that the build is done, and commits both.
fn record(
    load: &Load<'_>,
    target: &mut Connection,
    parameters: [&String; 3],
    failed: &dyn Fn() -> String,
) -> Result<()> {
    let backend = target.backend().clone();
    let parameters = parameters.map(|text| Some(text.as_str()));
    if target.query(FINISH_BUILD_SQL, &parameters).context(failed)?.len() != 1 {
        return Err(Error::new(format!("{}: another run has made it", failed())));
    }
    // With `wal_level = minimal`, the commit writes the entire index to disk.
    target.long_script("COMMIT", &mut || (load.is_at_work)(&backend)).context(failed).map(|_| ())
}
