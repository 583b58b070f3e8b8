//! The sealed copies of catch-ups: which of them the ledger needs, the deletion of the others, and the files of rejected rows.

use std::path::Path;

use migrate_core::cutover::Event;
use migrate_core::load_plan::LoadPlan;
use postgres_client::connection::Connection;

use super::apply::moved_tables;
use crate::error::Result;
use crate::ledger::{self, Run};
use crate::rejects::{self, RejectedTable};
use crate::source::SourceConnection;
use crate::source::seal::{self, Seal};

/// Deletes the copies of catch-ups that the target has passed. The first copy of the run, the one that it equals now, and the final copies
/// of cutovers stay.
///
/// # Errors
/// When the ledger cannot be read, or a file not be deleted.
pub(crate) fn delete_passed(connection: &mut Connection, run: &Run) -> Result<()> {
    let catch_ups = ledger::catch_ups(connection, run.id)?;
    let events = ledger::cutover_events(connection, run.id)?;
    let Some(first) = catch_ups.first().map(|catch_up| catch_up.base.clone()) else { return Ok(()) };
    let is_final = |seal: &Seal| {
        events.iter().any(
            |recorded| matches!(&recorded.event, Event::TargetComplete { sha256 } if *sha256 == seal.sha256),
        )
    };
    let passed = catch_ups.iter().map(|catch_up| &catch_up.seal);
    passed
        .filter(|seal| seal.path != run.seal.path && seal.path != first.path && !is_final(seal))
        .filter(|seal| seal.path.exists())
        .try_for_each(seal::delete)
}

/// Writes the rejected rows of the copy that the target equals now, in a folder below `rejects_dir` with the name of the copy's folder.
/// Nothing is read where the ledger has no rejected row.
///
/// # Errors
/// When the copy cannot be read, or the folder not be written.
pub(crate) fn write_rejects(
    connection: &mut Connection,
    run: &Run,
    newer: &SourceConnection,
    sealed: &Path,
    rejects_dir: &Path,
) -> Result<Vec<RejectedTable>> {
    let chunks = ledger::chunks(connection, run.id)?;
    let mut done = chunks.iter().filter_map(|chunk| chunk.done);
    if !done.any(|done| done.rejected != 0 || done.nulled != 0) {
        return Ok(Vec::new());
    }
    let plan = LoadPlan::new(&run.plan);
    let names: Vec<&str> = moved_tables(run, &plan).map(|table| table.source.as_str()).collect();
    let moved = plan.select(|table| names.contains(&table.source.as_str()));
    let folder = sealed.parent().and_then(Path::file_name).unwrap_or_default();
    rejects::write(newer, &moved, &rejects_dir.join(folder))
}
