//! Writes a table's rows as files of binary COPY, to measure what PostgreSQL alone takes to load them.
//!
//! It uses the statements, conversions and policies of a migration, without a connection. A migration never writes such files.

use std::io::Write;

use migrate_core::copy_format;
use migrate_core::plan::PlannedTable;

use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::SourceConnection;
use crate::source::rows::Scan;

/// How much is gathered before it is written.
const BUFFER_BYTES: usize = 256 << 10;

/// The result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Rows, without those that the plan's policy skips.
    pub rows: u64,
    /// Bytes, those of the streams' beginnings and ends among them.
    pub bytes: u64,
}

/// Writes the rows of `table`, as they lie in the file, to `parts`: a complete stream each. Each part but the last gets
/// `rows_each` rows, the last gets the rest.
///
/// # Errors
/// When the source cannot be read, a value stops the migration, or a part cannot be written.
pub fn encode_table(
    source: &SourceConnection,
    table: &PlannedTable,
    parts: &mut [impl Write],
    rows_each: u64,
) -> Result<Encoded> {
    let failed = || format!("table {} cannot be written as COPY files", table.source);
    let table = table.sent();
    let mut encoded = Encoded::default();
    if parts.is_empty() {
        return Ok(encoded);
    }
    let mut buffer = RowBuffer::default();
    let (mut place, mut rows_here, last) = (0, 0, parts.len().saturating_sub(1));
    buffer.bytes.extend_from_slice(copy_format::HEADER);
    Scan::of(&table).each(source, &failed, &mut |row| {
        if place < last && rows_here == rows_each {
            encoded.bytes += end(&mut parts[place], &mut buffer).context(failed)?;
            (place, rows_here) = (place + 1, 0);
            buffer.bytes.extend_from_slice(copy_format::HEADER);
        }
        match row_encoder::append_row(&table, row, &mut buffer).context(failed)? {
            RowOutcome::Moves | RowOutcome::Nulled(_) => {
                rows_here += 1;
                encoded.rows += 1;
            }
            RowOutcome::Skipped(_) => {}
            RowOutcome::Stops(_) => {
                return Err(Error::new(format!("{}: a value cannot move", table.source))
                    .with_remedy_value(Remedy::FindByDryRun));
            }
        }
        if buffer.bytes.len() >= BUFFER_BYTES || !buffer.deferred.is_empty() {
            let part = &mut parts[place];
            encoded.bytes += buffer.length();
            buffer.send_with(row, |piece| part.write_all(piece)).context(failed)?.context(failed)?;
        }
        Ok(())
    })?;
    for part in parts.iter_mut().skip(place) {
        if buffer.bytes.is_empty() {
            buffer.bytes.extend_from_slice(copy_format::HEADER);
        }
        encoded.bytes += end(part, &mut buffer).context(failed)?;
    }
    Ok(encoded)
}

/// Writes the end of a stream.
fn end(part: &mut impl Write, buffer: &mut RowBuffer) -> std::io::Result<u64> {
    buffer.bytes.extend_from_slice(&copy_format::TRAILER);
    part.write_all(&buffer.bytes)?;
    part.flush()?;
    let bytes = buffer.length();
    buffer.clear();
    Ok(bytes)
}
