//! Where the rows of a table's chunks lie in PostgreSQL, as long as nobody has changed them since the load: those of one chunk are of one
//! transaction, and nearly in the order in which they were sent.
//!
//! That is a means to read both sides in one order without sorting either, and no evidence: whether rows are the same is decided by their
//! values alone. The chunks found here hold each row of both sides exactly once.

use std::collections::{HashMap, HashSet};

use migrate_core::identifier::quote_pg_literal;
use migrate_core::plan::PlannedTable;

use super::part_filters::PARTS_OF_WORKER;
use crate::error::{Error, Result};
use crate::ledger::ChunkTransaction;
use crate::source::scan::RowidRange;
use postgres_client::connection::{Connection, text_array};

/// Tables of fewer rows are sorted, which takes no more time than the search for their chunks.
const ROWS_MIN: u64 = 1 << 12;

/// A chunk whose rows are in PostgreSQL as they were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LoadedChunk {
    /// Its rows in the source. Together with those of the other chunks they are all rowids that there can be.
    pub(super) rowids: RowidRange,
    /// The condition for its rows in PostgreSQL, in PostgreSQL's SQL.
    pub(super) condition: String,
    rows: u64,
}

/// The chunks of a table, in the order of their rowids; none where the rows are no longer as they were loaded, or the table is small or
/// has no rowids. The target has to be in the snapshot in which rows are compared.
///
/// # Errors
/// When PostgreSQL cannot be read.
pub(super) fn find(
    table: &PlannedTable,
    chunks: &[ChunkTransaction],
    target: &mut Connection,
) -> Result<Option<Vec<LoadedChunk>>> {
    let keeps_rows = table.existing.as_ref().is_some_and(|existing| existing.keeps_rows());
    let rows: u64 = chunks.iter().map(|chunk| chunk.rows).fold(0, u64::saturating_add);
    if table.rowid.is_none() || keeps_rows || rows < ROWS_MIN {
        return Ok(None);
    }
    let transactions: HashSet<&str> = chunks.iter().map(|chunk| chunk.transaction.as_str()).collect();
    let Some(ranges) = open_ended(chunks).filter(|_| transactions.len() == chunks.len()) else {
        return Ok(None);
    };
    let Some(places) = places(table, chunks, target)? else { return Ok(None) };
    let found = chunks.iter().zip(ranges).map(|(chunk, rowids)| {
        let condition = match places.get(chunk.transaction.as_str()) {
            Some(place) if place.rows == chunk.rows => place.condition(&chunk.transaction),
            None if chunk.rows == 0 => "false".to_owned(),
            _ => return None,
        };
        Some(LoadedChunk { rowids, condition, rows: chunk.rows })
    });
    Ok(found.collect())
}

/// Divides chunks among workers: neighbours stay together, and each part has about as many rows as the others.
pub(super) fn parts(chunks: Vec<LoadedChunk>, workers: usize) -> Vec<Vec<LoadedChunk>> {
    let count = if workers < 2 { 1 } else { workers * PARTS_OF_WORKER };
    let all: u64 = chunks.iter().map(|chunk| chunk.rows).sum();
    let rows_of_part = all.div_ceil(count as u64).max(1);
    let mut parts: Vec<Vec<LoadedChunk>> = Vec::with_capacity(count);
    let mut rows_left = 0_u64;
    for chunk in chunks {
        let rows = chunk.rows;
        match parts.last_mut().filter(|_| rows_left > 0) {
            Some(part) => part.push(chunk),
            None => {
                parts.push(vec![chunk]);
                rows_left = rows_of_part;
            }
        }
        rows_left = rows_left.saturating_sub(rows);
    }
    parts
}

/// The rowids of chunks without gaps, from the lowest that there can be to the highest: a row that no chunk was made for is compared like
/// any other. None where they do not ascend.
fn open_ended(chunks: &[ChunkTransaction]) -> Option<Vec<RowidRange>> {
    let mut first = i64::MIN;
    let mut open = Vec::with_capacity(chunks.len());
    for (place, chunk) in chunks.iter().enumerate() {
        let is_last = place + 1 == chunks.len();
        let last = match chunk.rowids {
            _ if is_last => i64::MAX,
            Some(rowids) if rowids.last >= first && rowids.last < i64::MAX => rowids.last,
            _ => return None,
        };
        open.push(RowidRange { first, last });
        first = last.saturating_add(1);
    }
    Some(open)
}

/// Where the rows of a transaction lie.
#[derive(Debug)]
struct Place {
    rows: u64,
    /// The first and the last row, as PostgreSQL prints their `ctid`.
    ends: [String; 2],
}

impl Place {
    fn condition(&self, transaction: &str) -> String {
        let [first, last] = self.ends.each_ref().map(|end| quote_pg_literal(end));
        let transaction = quote_pg_literal(transaction);
        format!("ctid >= {first}::tid AND ctid <= {last}::tid AND xmin = {transaction}::xid")
    }
}

/// Where the rows of each chunk's transaction lie; none if there are rows of other transactions.
fn places(
    table: &PlannedTable,
    chunks: &[ChunkTransaction],
    target: &mut Connection,
) -> Result<Option<HashMap<String, Place>>> {
    let transactions = text_array(chunks.iter().map(|chunk| Some(&chunk.transaction)));
    let sql = format!(
        "SELECT CASE WHEN xmin = ANY ({}::xid[]) THEN xmin END AS transaction, count(*), min(ctid), max(ctid) FROM {} GROUP BY 1",
        quote_pg_literal(&transactions),
        table.qualified(&table.target)
    );
    let mut places = HashMap::new();
    target.script("SET LOCAL jit = off")?;
    for row in target.slow_query(&sql)? {
        let values: Vec<&String> = row.iter().flatten().collect();
        // A row whose transaction is of no chunk has NULL in its place.
        let [transaction, rows, first, last] = values[..] else { return Ok(None) };
        let rows = rows.parse().map_err(|_| Error::new("PostgreSQL counts rows in an unknown form"))?;
        places.insert(transaction.clone(), Place { rows, ends: [first.clone(), last.clone()] });
    }
    Ok(Some(places))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(rowids: Option<(i64, i64)>) -> ChunkTransaction {
        let rowids = rowids.map(|(first, last)| RowidRange { first, last });
        ChunkTransaction { rowids, rows: 1, transaction: "7".to_owned() }
    }

    #[test]
    fn chunks_without_gaps_have_every_rowid_once() {
        let open = |chunks: &[Option<(i64, i64)>]| {
            let chunks: Vec<ChunkTransaction> = chunks.iter().copied().map(chunk).collect();
            open_ended(&chunks)
                .map(|open| open.iter().map(|range| (range.first, range.last)).collect::<Vec<_>>())
        };
        assert_eq!(open(&[None]), Some(vec![(i64::MIN, i64::MAX)]));
        assert_eq!(open(&[Some((5, 9))]), Some(vec![(i64::MIN, i64::MAX)]));
        assert_eq!(open(&[Some((5, 9)), Some((20, 30))]), Some(vec![(i64::MIN, 9), (10, i64::MAX)]));
        assert_eq!(open(&[Some((5, 9)), Some((1, 4)), Some((20, 30))]), None);
        assert_eq!(open(&[None, Some((1, 4))]), None);
        assert_eq!(open(&[]), Some(Vec::new()));
    }

    #[test]
    fn parts_have_all_chunks_in_order_and_about_as_many_rows() {
        let chunks = |rows: &[u64]| -> Vec<LoadedChunk> {
            let chunk = |(place, &rows): (usize, &u64)| LoadedChunk {
                rowids: RowidRange { first: place as i64, last: place as i64 },
                condition: String::new(),
                rows,
            };
            rows.iter().enumerate().map(chunk).collect()
        };
        let rows = |parts: &[Vec<LoadedChunk>]| -> Vec<Vec<u64>> {
            parts.iter().map(|part| part.iter().map(|chunk| chunk.rows).collect()).collect()
        };
        assert_eq!(rows(&parts(chunks(&[5, 5, 5]), 1)), [[5, 5, 5]]);
        assert_eq!(parts(chunks(&[10; 16]), 2).len(), 8);
        assert_eq!(rows(&parts(chunks(&[100, 1, 1, 1]), 2)), [vec![100], vec![1, 1, 1]]);
        assert_eq!(rows(&parts(chunks(&[0, 0]), 2)), [vec![0, 0]]);
        assert!(parts(Vec::new(), 2).is_empty());
        for workers in 1..9 {
            let all: Vec<u64> = (0..37).map(|row| row * 7 % 13).collect();
            let joined: Vec<u64> = rows(&parts(chunks(&all), workers)).concat();
            assert_eq!(joined, all);
        }
    }
}
