//! The rows phase: binary COPY in chunks, several at once, each chunk and its ledger row in one transaction.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use migrate_core::copy_format;
use migrate_core::identifier::{quote_pg, quote_sqlite};
use migrate_core::plan::{Plan, PlannedTable};

use crate::error::{Context, Error, Result};
use crate::ledger::{Chunk, ChunkDone, FINISH_CHUNK_SQL};
use crate::observer::Observer;
use crate::rejects::{self, Fate, Refused};
use crate::source::SourceConnection;
use crate::source::scan::{self, Order, RowidRange};
use crate::target::bulk::{BulkConnection, CopyIn};
use crate::target::server_error::ServerError;

/// How many rows a chunk has: large enough that its transaction costs nothing, small enough to lose little when killed.
const CHUNK_ROWS: i64 = 25_000;

/// How much is gathered before it is handed to the connection.
const BUFFER_BYTES: usize = 256 << 10;

/// Divides the tables of `plan` into chunks by ranges of rowids; a table without rowids is one chunk.
///
/// # Errors
/// When the source cannot be read.
pub(crate) fn plan_chunks(source: &SourceConnection, tables: &[&PlannedTable]) -> Result<Vec<Chunk>> {
    let mut chunks = Vec::new();
    for table in tables {
        let chunk = |number, range| Chunk { table: table.source.clone(), number, range, done: None };
        match &table.rowid {
            None => chunks.push(chunk(0, None)),
            Some(rowid) => {
                let ranges = rowid_ranges(source, table, rowid)?;
                chunks.extend((0..).zip(ranges).map(|(number, range)| chunk(number, Some(range))));
            }
        }
    }
    Ok(chunks)
}

/// Every row's rowid lies in exactly one of the ranges, each of which has [`CHUNK_ROWS`] rows, the last fewer.
fn rowid_ranges(source: &SourceConnection, table: &PlannedTable, rowid: &str) -> Result<Vec<RowidRange>> {
    let failed = || format!("table {} cannot be read", table.source);
    let sql = format!("SELECT {rowid} FROM {} NOT INDEXED ORDER BY {rowid}", quote_sqlite(&table.source));
    let mut statement = source.connection().prepare(&sql).context(failed)?;
    let mut rows = statement.query([]).context(failed)?;
    let (mut ranges, mut open, mut count) = (Vec::new(), None::<RowidRange>, 0);
    while let Some(row) = rows.next().context(failed)? {
        let id: i64 = row.get(0).context(failed)?;
        let range = open.get_or_insert(RowidRange { first: id, last: id });
        range.last = id;
        count += 1;
        if count % CHUNK_ROWS == 0 {
            ranges.extend(open.take());
        }
    }
    ranges.extend(open);
    Ok(ranges)
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

fn copy_rows(
    table: &PlannedTable,
    chunk: &Chunk,
    source: &SourceConnection,
    target: &mut BulkConnection,
    started: Instant,
    observer: &dyn Observer,
) -> Result<ChunkDone> {
    let failed = || format!("table {} cannot be read", table.source);
    let mut copy = target.copy_in(&copy_sql(table))?;
    let sql = scan::select(table, chunk.range.is_some(), Order::Storage);
    let mut statement = source.connection().prepare_cached(&sql).context(failed)?;
    let mut rows = match chunk.range {
        Some(range) => statement.query([range.first, range.last]),
        None => statement.query([]),
    }
    .context(failed)?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES * 2);
    buffer.extend_from_slice(copy_format::HEADER);
    let mut done = ChunkDone::default();
    let flush = |buffer: &mut Vec<u8>, copy: &mut CopyIn<'_>| {
        copy.send(buffer)?;
        observer.bytes_sent(buffer.len() as u64);
        let sent = i64::try_from(buffer.len()).unwrap_or(i64::MAX);
        buffer.clear();
        // A row of many megabytes must not keep its room for the rest of the chunk.
        buffer.shrink_to(BUFFER_BYTES * 2);
        Ok::<i64, Error>(sent)
    };
    while let Some(row) = rows.next().context(failed)? {
        match rejects::append_row(table, row, &mut buffer).context(failed)? {
            Fate::Moves => done.rows += 1,
            Fate::Nulled(refused) => {
                done.rows += 1;
                done.nulled += i64::try_from(refused.len()).unwrap_or(i64::MAX);
            }
            Fate::Skipped(_) => done.rejected += 1,
            Fate::Stops(refused) => return Err(stopped(table, refused)),
        }
        if buffer.len() >= BUFFER_BYTES {
            done.bytes += flush(&mut buffer, &mut copy)?;
        }
    }
    buffer.extend_from_slice(&copy_format::TRAILER);
    done.bytes += flush(&mut buffer, &mut copy)?;
    copy.finish()?;
    done.seconds = started.elapsed().as_secs_f64();
    Ok(done)
}

fn stopped(table: &PlannedTable, refused: Vec<Refused>) -> Error {
    let refused = refused.into_iter().next();
    let column = refused.as_ref().and_then(|refused| table.columns.get(refused.position));
    let name = column.map_or("", |column| column.source.as_str());
    let error = Error::new(format!("{}.{name}: a value cannot move", table.source));
    let error = match refused {
        Some(refused) => error.because(refused.refusal),
        None => error,
    };
    error.next("it came into the source after preflight: mend it there, and start over with --restart")
}

fn copy_sql(table: &PlannedTable) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| quote_pg(&column.target)).collect();
    format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.qualified(&table.target), columns.join(", "))
}
