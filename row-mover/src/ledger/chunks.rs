//! The chunks of a run in the ledger, each with the rows that it has and the result of moving them.

use std::collections::HashMap;

use super::{READ_FAILED, WRITE_FAILED};
use crate::error::{Context, Result};
use crate::source::row_range::{CellLocation, StoredRange};
use crate::source::scan::RowidRange;
use postgres_client::connection::{Connection, Row, text_array};

/// A chunk of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// The table, by source name.
    pub table: String,
    /// Its number within the table, from 0.
    pub number: i64,
    /// Its rows; none if one chunk holds the entire table.
    pub range: Option<StoredRange>,
    /// The rows of the chunks before it, as preflight counted them.
    pub rows_before: i64,
    /// The rows that it will be, as preflight counted them.
    pub planned_rows: Option<i64>,
    /// The bytes that it will be in COPY's binary format, as preflight counted them.
    pub planned_bytes: Option<i64>,
    /// The result of moving it, once it is done.
    pub done: Option<ChunkDone>,
}

/// The result of moving a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChunkDone {
    /// The rows.
    pub rows: i64,
    /// The bytes of the COPY stream.
    pub bytes: i64,
    /// The seconds.
    pub seconds: f64,
    /// Skipped rows.
    pub rejected: i64,
    /// The values that became NULL.
    pub nulled: i64,
    /// The XXH3-128 of the COPY stream, which shows whether another attempt would send the same bytes for the chunk.
    pub digest: u128,
}

/// The chunks of a run, by table and number.
///
/// # Errors
/// When the ledger cannot be read.
pub fn chunks(connection: &mut Connection, run_id: i64) -> Result<Vec<Chunk>> {
    // A ledger of an earlier version has fewer columns.
    let sql = "SELECT table_name, chunk, rowid_first, rowid_last, planned_rows, planned_bytes, done_at IS NOT NULL, \
               coalesce(rows, 0), coalesce(bytes, 0), coalesce(seconds, 0), rejected, nulled, digest, \
               j ->> 'after_page', j ->> 'after_cell', j ->> 'until_page', j ->> 'until_cell' \
               FROM migration.chunks AS c, LATERAL (SELECT to_jsonb(c) AS j) AS j WHERE run_id = $1::bigint ORDER BY table_name, chunk";
    let read = |row: &Row| {
        let rowids = row.get::<Option<i64>>(2)?.zip(row.get(3)?);
        let rowids = rowids.map(|(first, last)| StoredRange::Rowids(RowidRange { first, last }));
        let (after, until) = (cell_at(row, 13), cell_at(row, 15));
        let keys = (after.is_some() || until.is_some()).then_some(StoredRange::Keys { after, until });
        let done = ChunkDone {
            rows: row.get(7)?,
            bytes: row.get(8)?,
            seconds: row.get(9)?,
            rejected: row.get(10)?,
            nulled: row.get(11)?,
            digest: row.text(12).and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(0),
        };
        Ok(Chunk {
            table: row.get(0)?,
            number: row.get(1)?,
            range: rowids.or(keys),
            rows_before: 0,
            planned_rows: row.get(4)?,
            planned_bytes: row.get(5)?,
            done: row.get::<bool>(6)?.then_some(done),
        })
    };
    let rows = connection.query(sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)?;
    let mut chunks: Vec<Chunk> = rows.iter().map(read).collect::<Result<_>>()?;
    let (mut table, mut rows_before) = (String::new(), 0);
    for chunk in &mut chunks {
        if chunk.table != table {
            (table, rows_before) = (chunk.table.clone(), 0);
        }
        chunk.rows_before = rows_before;
        rows_before = rows_before.saturating_add(chunk.planned_rows.unwrap_or(0));
    }
    Ok(chunks)
}

/// The location of a row, in two columns of the answer.
fn cell_at(row: &Row, position: usize) -> Option<CellLocation> {
    let page = row.text(position)?.parse().ok()?;
    Some(CellLocation { page, cell: row.text(position + 1)?.parse().ok()? })
}

/// A chunk that is done, and the transaction that wrote its row of the ledger last. The chunk's own transaction does so after the rows,
/// and a catch-up that changes any of them. The rows in the target that were neither changed nor staged are therefore of this transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChunkTransaction {
    /// Its rowids; none if one chunk holds the entire table.
    pub(crate) rowids: Option<RowidRange>,
    /// The number of rows in the target.
    pub(crate) rows: u64,
    /// The transaction (`xmin`; manual, section 5.5 "System Columns"), as PostgreSQL prints it.
    pub(crate) transaction: String,
}

/// The chunks of a run that are done, by table, in the order of their numbers.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn chunk_transactions(
    connection: &mut Connection,
    run_id: i64,
) -> Result<HashMap<String, Vec<ChunkTransaction>>> {
    let sql = "SELECT table_name, rowid_first, rowid_last, coalesce(rows, 0), xmin FROM migration.chunks \
               WHERE run_id = $1::bigint AND done_at IS NOT NULL ORDER BY table_name, chunk";
    let rows = connection.query(sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)?;
    let mut chunks: HashMap<String, Vec<ChunkTransaction>> = HashMap::new();
    for row in &rows {
        let rowids = row.get::<Option<i64>>(1)?.zip(row.get(2)?);
        let chunk = ChunkTransaction {
            rowids: rowids.map(|(first, last)| RowidRange { first, last }),
            rows: u64::try_from(row.get::<i64>(3)?).unwrap_or(0),
            transaction: row.get(4)?,
        };
        chunks.entry(row.get(0)?).or_default().push(chunk);
    }
    Ok(chunks)
}

/// Writes down the chunks of a run, all or none.
///
/// # Errors
/// When the ledger cannot be written.
pub(super) fn plan_chunks(connection: &mut Connection, run_id: i64, planned: &[Chunk]) -> Result<()> {
    let numbers = |of: fn(&Chunk) -> Option<i64>| {
        text_array(planned.iter().map(|chunk| of(chunk).map(|number| number.to_string())))
    };
    let cells = |of: fn(&Chunk) -> Option<CellLocation>| {
        let cells: Vec<Option<CellLocation>> = planned.iter().map(of).collect();
        let page = |cell: &Option<CellLocation>| cell.map(|cell| cell.page.to_string());
        let position = |cell: &Option<CellLocation>| cell.map(|cell| cell.cell.to_string());
        [text_array(cells.iter().map(page)), text_array(cells.iter().map(position))]
    };
    let [after_pages, after_cells] = cells(|chunk| chunk.range.and_then(StoredRange::after));
    let [until_pages, until_cells] = cells(|chunk| chunk.range.and_then(StoredRange::until));
    let sql = "INSERT INTO migration.chunks (run_id, table_name, chunk, rowid_first, rowid_last, planned_rows, planned_bytes, \
               after_page, after_cell, until_page, until_cell) \
               SELECT $1::bigint, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], \
               $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])";
    let parameters = [
        run_id.to_string(),
        text_array(planned.iter().map(|chunk| Some(&chunk.table))),
        numbers(|chunk| Some(chunk.number)),
        numbers(|chunk| Some(chunk.range?.rowids()?.first)),
        numbers(|chunk| Some(chunk.range?.rowids()?.last)),
        numbers(|chunk| chunk.planned_rows),
        numbers(|chunk| chunk.planned_bytes),
        after_pages,
        after_cells,
        until_pages,
        until_cells,
    ];
    connection.execute(sql, &parameters.each_ref().map(|text| Some(text.as_str()))).context(|| WRITE_FAILED)
}

/// The statement with which a chunk's own transaction claims it. Parameters: run, table, chunk and the path of the sealed copy. It waits
/// for the transaction of a lost connection, and returns whether the chunk is done. It returns no row if the ledger has been replaced:
/// run numbers are reused after a restart, but the folder of a copy is not.
pub(crate) const CLAIM_CHUNK_SQL: &str = "SELECT c.done_at IS NOT NULL FROM migration.chunks c JOIN migration.runs r ON r.id = c.run_id \
     WHERE c.run_id = $1::bigint AND c.table_name = $2 AND c.chunk = $3::bigint AND r.seal::json ->> 'path' = $4 FOR UPDATE OF c";

/// The statement with which a chunk's own transaction records that it is done. Parameters: rows, bytes, seconds, run, table, chunk,
/// rejected rows, nulled values and the digest in hex. It returns one row, or none if another worker has done the chunk.
pub(crate) const FINISH_CHUNK_SQL: &str = "UPDATE migration.chunks SET rows = $1::bigint, bytes = $2::bigint, \
     seconds = $3::double precision, rejected = $7::bigint, nulled = $8::bigint, digest = $9, done_at = now() WHERE run_id = $4::bigint AND table_name = $5 \
     AND chunk = $6::bigint AND done_at IS NULL RETURNING 1";
