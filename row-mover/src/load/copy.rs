//! Sends the rows of one chunk through one COPY, independent of the ledger and of other chunks.

use std::time::Instant;

use migrate_core::copy_format;
use migrate_core::identifier::quote_pg;
use migrate_core::plan::PlannedTable;

use super::staging::{Landing, SentRows};
use crate::error::{Context, Error, Result};
use crate::ledger::ChunkDone;
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::row_encoder::{self, Refused, RowBuffer, RowOutcome};
use crate::source::rows::Scan;
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// How much is gathered before it is handed to the connection.
const BUFFER_BYTES: usize = 256 << 10;

/// Sends rows to their destination, and returns how many they were, with those that are there already. `started` is when the chunk began.
///
/// # Errors
/// When the source cannot be read, a value cannot move, or the target refuses or is lost.
pub(super) fn copy_rows(
    rows: &SentRows<'_>,
    landing: &Landing,
    target: &mut Connection,
    started: Instant,
    observer: &dyn Observer,
) -> Result<ChunkDone> {
    let SentRows { table, range, rows_before, rows_there, source } = rows;
    let failed = || format!("table {} cannot be read", table.source);
    let mut copy = target.copy_in(&copy_sql(table, landing))?;
    let mut buffer = RowBuffer::default();
    buffer.bytes.reserve(BUFFER_BYTES * 2);
    buffer.bytes.extend_from_slice(copy_format::HEADER);
    let mut done = ChunkDone::default();
    let mut digest = twox_hash::XxHash3_128::new();
    let mut send = |piece: &[u8], done: &mut ChunkDone| {
        check_stop(observer)?;
        copy.send(piece)?;
        digest.write(piece);
        observer.bytes_sent(&table.source, piece.len() as u64);
        done.bytes += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        Ok::<(), Error>(())
    };
    let mut place = *rows_before;
    Scan::of(table).within(range.clone()).each(source, &failed, &mut |row| {
        place += 1;
        if rows_there.has(row, place) {
            done.rows += 1;
            return Ok(());
        }
        match row_encoder::append_row(table, row, &mut buffer).context(failed)? {
            RowOutcome::Moves => done.rows += 1,
            RowOutcome::Nulled(refused) => {
                done.rows += 1;
                done.nulled += i64::try_from(refused.len()).unwrap_or(i64::MAX);
            }
            RowOutcome::Skipped(_) => done.rejected += 1,
            RowOutcome::Stops(refused) => return Err(stopped(table, refused)),
        }
        if buffer.bytes.len() >= BUFFER_BYTES || !buffer.deferred.is_empty() {
            buffer.send_with(row, |piece| send(piece, &mut done)).context(failed)??;
        }
        Ok(())
    })?;
    buffer.bytes.extend_from_slice(&copy_format::TRAILER);
    send(&buffer.bytes, &mut done)?;
    copy.finish()?;
    done.digest = digest.finish_128();
    done.seconds = started.elapsed().as_secs_f64();
    Ok(done)
}

pub(crate) fn stopped(table: &PlannedTable, refused: Vec<Refused>) -> Error {
    let refused = refused.into_iter().next();
    let column = refused.as_ref().and_then(|refused| table.columns.get(refused.position));
    let name = column.map_or("", |column| column.source.as_str());
    let error = Error::new(format!("{}.{name}: a value cannot move", table.source));
    let error = match refused {
        Some(refused) => error.caused_by(refused.refusal),
        None => error,
    };
    error.with_remedy_value(Remedy::RepairSource)
}

fn copy_sql(table: &PlannedTable, landing: &Landing) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| quote_pg(&column.target)).collect();
    format!("COPY {} ({}) FROM STDIN (FORMAT binary)", landing.copied_to(table), columns.join(", "))
}
