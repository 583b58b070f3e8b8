//! Divides tables into chunks. Moves nothing.

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::PlannedTable;

use crate::error::{Context, Result};
use crate::ledger::Chunk;
use crate::source::SourceConnection;
use crate::source::scan::RowidRange;

/// How many rows a chunk has: large enough that its transaction costs nothing, small enough to lose little when killed.
const CHUNK_ROWS: i64 = 25_000;

/// Divides the tables of `plan` into chunks by ranges of rowids; a table without rowids is one chunk.
///
/// # Errors
/// When the source cannot be read.
pub(crate) fn plan_chunks(source: &SourceConnection, tables: &[&PlannedTable]) -> Result<Vec<Chunk>> {
    let mut chunks = Vec::new();
    for table in tables {
        let chunk = |number, range| Chunk { table: table.source.clone(), number, range, ..Chunk::default() };
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
