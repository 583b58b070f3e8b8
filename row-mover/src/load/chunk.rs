//! Loads one chunk: claims, copies and records it in one transaction.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use migrate_core::plan::PlannedTable;

use super::copy::copy_rows;
use super::rows_there::rows_there;
use super::staging::{Landing, SentRows, is_about_a_row};
use super::{Load, claim};
use crate::error::{Context, Error, Result};
use crate::ledger::{CLAIM_CHUNK_SQL, Chunk, FINISH_CHUNK_SQL};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::source::SourceConnection;
use crate::source::key_ranges::stored_range;
use postgres_client::connection::Connection;
use postgres_client::server_error::ServerError;
use postgres_client::session::SEARCH_PATH;
use postgres_client::watch::{StopFlag, Watch};

/// Moves one chunk; one that turns out to be done already is left as it is.
///
/// # Errors
/// When the source cannot be read, a value cannot move, or the target refuses or is lost. Whether the transaction was committed is
/// not known then, but from the ledger.
pub(super) fn move_chunk(
    load: &Load<'_>,
    table: &PlannedTable,
    chunk: &Chunk,
    source: &SourceConnection,
    target: &mut Connection,
) -> Result<()> {
    let observer = load.observer;
    let started = Instant::now();
    let failed = || format!("table {}, chunk {}", table.source, chunk.number);
    let (run, number) = (load.run_id.to_string(), chunk.number.to_string());
    target.query("BEGIN", &[]).context(failed)?;
    let taken = [run.as_str(), &chunk.table, &number, load.sealed_path].map(Some);
    if !claim(target, CLAIM_CHUNK_SQL, &taken).context(failed)? {
        target.query("ROLLBACK", &[]).context(failed)?;
        return Ok(());
    }
    let counted = Counted { inner: observer, sent: AtomicU64::new(0) };
    let moved = (|| {
        let rows_there = rows_there(table, chunk, target).context(failed)?;
        let range = chunk.range.map(|stored| stored_range(source, &table.source, stored));
        let range = range.transpose().context(failed)?;
        let rows_before = u64::try_from(chunk.rows_before).unwrap_or(0);
        let sent = SentRows { table, range, rows_before, rows_there: &rows_there, source };
        let landing =
            Landing::prepare(table, target).map_err(|error| refused(table, error)).context(failed)?;
        // CHECKs and defaults of an app's table may call functions of the app, which find their tables as they do for the app. Nothing
        // in COPY and the statements of the landing depends on the search path.
        let is_apps = table.existing.is_some();
        if is_apps {
            target.query("SET LOCAL search_path TO DEFAULT", &[]).context(failed)?;
        }
        let backend = target.backend().clone();
        let done = copy_rows(&sent, &landing, target, started, &counted)
            .and_then(|done| {
                let is_at_work = &mut || (load.is_at_work)(&backend);
                landing.finish(&sent, target, is_at_work).map(|()| done)
            })
            .map_err(|error| refused(table, error))
            .context(failed)?;
        if is_apps {
            target.query(&format!("SET LOCAL search_path = {SEARCH_PATH}"), &[]).context(failed)?;
        }
        // The rows of the copy were counted when it was scanned, and it has not changed since.
        if let Some(planned) = chunk.planned_rows.filter(|planned| *planned != done.rows + done.rejected) {
            return Err(Error::new(format!(
                "{}: {} rows were read, and {planned} counted before",
                failed(),
                done.rows
            )));
        }
        let (rows, bytes, seconds) =
            (done.rows.to_string(), done.bytes.to_string(), done.seconds.to_string());
        let (rejected, nulled) = (done.rejected.to_string(), done.nulled.to_string());
        let digest = format!("{:032x}", done.digest);
        let parameters = [&rows, &bytes, &seconds, &run, &chunk.table, &number, &rejected, &nulled, &digest]
            .map(|text| Some(text.as_str()));
        let finished = target.query(FINISH_CHUNK_SQL, &parameters);
        if finished.map_err(|error| refused(table, error)).context(failed)?.len() != 1 {
            return Err(Error::new(format!("{}: another run has moved it", failed())));
        }
        target.query("COMMIT", &[]).context(failed)?;
        Ok(done)
    })();
    match moved {
        Ok(done) => {
            observer.rows_moved(&table.source, &done);
            Ok(())
        }
        Err(error) => {
            observer.bytes_lost(&table.source, counted.sent.into_inner());
            Err(error)
        }
    }
}

/// Sends the pieces and counts them, so that the count can be undone.
struct Counted<'a> {
    inner: &'a dyn Observer,
    sent: AtomicU64,
}

impl Watch for Counted<'_> {
    fn is_stopped(&self) -> bool {
        self.inner.is_stopped()
    }
}

impl Observer for Counted<'_> {
    fn bytes_sent(&self, table: &str, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        self.inner.bytes_sent(table, bytes);
    }
    fn stop_flag(&self) -> StopFlag {
        self.inner.stop_flag()
    }
}

/// The remedy for a refused row. Only the app's own table knows its constraints, so the load is the first to find a row that violates
/// one.
fn refused(table: &PlannedTable, error: Error) -> Error {
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<ServerError>());
    let Some(cause) = cause.filter(|cause| !cause.is_transient()) else { return error };
    if table.existing.is_none() || !is_about_a_row(cause) {
        return error.with_remedy_value(Remedy::RepairTargetOrSource);
    }
    error.with_remedy_value(Remedy::RepairRowOrTable)
}
