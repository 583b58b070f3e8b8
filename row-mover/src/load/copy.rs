//! Sends the rows of one chunk through one COPY. Knows no ledger and no other chunk.

use std::time::Instant;

use migrate_core::copy_format;
use migrate_core::identifier::quote_pg;
use migrate_core::plan::PlannedTable;

use crate::error::{Context, Error, Result};
use crate::ledger::{Chunk, ChunkDone};
use crate::observer::{Observer, go_on};
use crate::rejects::{self, Fate, Refused};
use crate::source::SourceConnection;
use crate::source::scan::{self, Order};
use crate::target::bulk::{BulkConnection, CopyIn};

/// How much is gathered before it is handed to the connection.
const BUFFER_BYTES: usize = 256 << 10;

/// Sends the rows of `chunk`, and says how many they were. `started` is when the chunk began.
///
/// # Errors
/// When the source cannot be read, a value cannot move, or the target refuses or is lost.
pub(super) fn copy_rows(
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
        go_on(observer)?;
        copy.send(buffer)?;
        observer.bytes_sent(&table.source, buffer.len() as u64);
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
