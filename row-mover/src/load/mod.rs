//! The rows phase: binary COPY in chunks, several at once, each chunk and its ledger row in one transaction.

mod chunks;
mod copy;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use migrate_core::plan::{Plan, PlannedTable};

use crate::error::{Context, Error, Result};
use crate::ledger::{Chunk, FINISH_CHUNK_SQL};
use crate::observer::{Observer, TableToMove};
use crate::source::SourceConnection;
use crate::target::bulk::BulkConnection;
use crate::target::server_error::ServerError;

pub(crate) use chunks::plan_chunks;
use copy::copy_rows;

/// What there is to move, by table, in the order of the chunks.
pub(crate) fn tables_to_move(chunks: &[Chunk]) -> Vec<TableToMove> {
    let mut tables: Vec<TableToMove> = Vec::new();
    for chunk in chunks {
        if tables.last().is_none_or(|last| last.table != chunk.table) {
            tables.push(TableToMove { table: chunk.table.clone(), bytes: Some(0), ..TableToMove::default() });
        }
        let Some(table) = tables.last_mut() else { continue };
        let natural = |number: i64| u64::try_from(number).unwrap_or(0);
        table.chunks += 1;
        if let Some(done) = &chunk.done {
            table.chunks_done += 1;
            table.rows_done += natural(done.rows);
            table.bytes_done += natural(done.bytes);
        }
        // What is done is counted as it was sent, what is not as it was planned.
        let bytes = chunk.done.as_ref().map(|done| done.bytes).or(chunk.planned_bytes);
        table.bytes = table.bytes.zip(bytes.map(natural)).map(|(sum, bytes)| sum + bytes);
    }
    tables
}

/// Moves the chunks that are not done, on as many connections as `workers` says.
///
/// # Errors
/// The first error of any worker; the others end with the chunk that they are at.
pub(crate) fn move_chunks(
    plan: &Plan,
    run_id: i64,
    waiting: Vec<Chunk>,
    workers: usize,
    open_source: &(dyn Fn() -> Result<SourceConnection> + Sync),
    open_target: &(dyn Fn() -> Result<BulkConnection> + Sync),
    observer: &dyn Observer,
) -> Result<()> {
    let worker_count = workers.clamp(1, waiting.len().max(1));
    let queue = Mutex::new(waiting.into_iter());
    let has_failed = AtomicBool::new(false);
    let work = || -> Result<()> {
        let source = open_source()?;
        let mut target = open_target()?;
        while !has_failed.load(Ordering::Relaxed) {
            let next = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
            let Some(chunk) = next else { break };
            let table = plan.table(&chunk.table).ok_or_else(|| {
                Error::new(format!("the ledger names table {}, which the plan has not", chunk.table))
            })?;
            move_chunk(&table.sent(), run_id, &chunk, &source, &mut target, observer)?;
        }
        Ok(())
    };
    let guarded = || work().inspect_err(|_| has_failed.store(true, Ordering::Relaxed));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..worker_count).map(|_| scope.spawn(guarded)).collect();
        let results = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(Error::new("a thread that moves rows stopped unexpectedly")))
        });
        // All threads are waited for, and the first error counts.
        results.fold(Ok(()), Result::and)
    })
}

fn move_chunk(
    table: &PlannedTable,
    run_id: i64,
    chunk: &Chunk,
    source: &SourceConnection,
    target: &mut BulkConnection,
    observer: &dyn Observer,
) -> Result<()> {
    let started = Instant::now();
    let failed = || format!("table {}, chunk {}", table.source, chunk.number);
    target.query("BEGIN", &[]).context(failed)?;
    let copied = copy_rows(table, chunk, source, target, started, observer);
    let done = copied.map_err(|error| refused_by_app(table, error)).context(failed)?;
    let (rows, bytes) = (done.rows.to_string(), done.bytes.to_string());
    let (seconds, run, number) = (done.seconds.to_string(), run_id.to_string(), chunk.number.to_string());
    let (rejected, nulled) = (done.rejected.to_string(), done.nulled.to_string());
    let parameters = [&rows, &bytes, &seconds, &run, &chunk.table, &number, &rejected, &nulled]
        .map(|text| Some(text.as_str()));
    let finished = target.query(FINISH_CHUNK_SQL, &parameters).context(failed)?;
    if finished.len() != 1 {
        return Err(Error::new(format!("{}: another run has moved it", failed())));
    }
    target.query("COMMIT", &[]).context(failed)?;
    observer.rows_moved(&table.source, &done);
    Ok(())
}

/// A constraint of the app's own table that a row breaks is known to the table alone, so that the load is what finds it.
fn refused_by_app(table: &PlannedTable, error: Error) -> Error {
    let is_constraint = std::error::Error::source(&error)
        .and_then(|cause| cause.downcast_ref::<ServerError>())
        .and_then(|cause| cause.sqlstate.as_deref())
        .is_some_and(|sqlstate| sqlstate.starts_with("23"));
    if table.existing.is_none() || !is_constraint {
        return error;
    }
    error.next(
        "a row breaks a constraint of the app's table: mend it in SQLite, or the constraint in PostgreSQL, and start over with \
         --restart, which takes out again what this run has brought",
    )
}
