//! A table's rows as files of binary COPY, for measuring what PostgreSQL alone takes to load them.
//!
//! The same statements, conversions and policies as those of a move, and no connection: a migration never writes such files.

use std::io::Write;

use migrate_core::copy_format;
use migrate_core::plan::PlannedTable;

use crate::error::{Context, Error, Result};
use crate::rejects::{self, Fate};
use crate::source::SourceConnection;
use crate::source::scan::{self, Order};

/// How much is gathered before it is written.
const BUFFER_BYTES: usize = 256 << 10;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Rows, without those that stay behind by the plan's policy.
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
    let sql = scan::select(&table, false, Order::Storage);
    let mut statement = source.connection().prepare(&sql).context(failed)?;
    let mut rows = statement.query([]).context(failed)?;
    let mut encoded = Encoded::default();
    let mut buffer = Vec::with_capacity(BUFFER_BYTES * 2);
    let last = parts.len().saturating_sub(1);
    for (place, part) in parts.iter_mut().enumerate() {
        let mut rows_here = 0;
        buffer.extend_from_slice(copy_format::HEADER);
        while place == last || rows_here < rows_each {
            let Some(row) = rows.next().context(failed)? else { break };
            match rejects::append_row(&table, row, &mut buffer).context(failed)? {
                Fate::Moves | Fate::Nulled(_) => rows_here += 1,
                Fate::Skipped(_) => {}
                Fate::Stops(_) => {
                    return Err(Error::new(format!("{}: a value cannot move", table.source))
                        .next("`cargo xtask migrate --dry-run` names it"));
                }
            }
            if buffer.len() >= BUFFER_BYTES {
                encoded.bytes += write(part, &mut buffer).context(failed)?;
            }
        }
        buffer.extend_from_slice(&copy_format::TRAILER);
        encoded.bytes += write(part, &mut buffer).context(failed)?;
        part.flush().context(failed)?;
        encoded.rows += rows_here;
    }
    Ok(encoded)
}

fn write(part: &mut impl Write, buffer: &mut Vec<u8>) -> std::io::Result<u64> {
    part.write_all(buffer)?;
    let bytes = buffer.len() as u64;
    buffer.clear();
    // A row of many megabytes must not keep its room.
    buffer.shrink_to(BUFFER_BYTES * 2);
    Ok(bytes)
}
