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

/// How often all pages of a table may be read for its chunks, each from its first row to its last: where rows are of very different sizes,
/// PostgreSQL puts some into old pages that have room. Following the key costs as much as reading some fourteen times (measured).
const READ_MAX: u64 = 8;

/// A chunk whose rows are in PostgreSQL as they were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LoadedChunk {
    /// Its rows in the source. Together with those of the other chunks they are all rowids that there can be.
    pub(super) rowids: RowidRange,
    /// The condition for its rows in PostgreSQL, in PostgreSQL's SQL.
    pub(super) condition: String,
    rows: u64,
}

/// The chunks of a table, in the order of their rowids; none where the rows are no longer as they were loaded or lie too far apart, or the
/// table is small or has no rowids. The target has to be in the snapshot in which rows are compared.
///
/// # Errors
/// When PostgreSQL cannot be read.
pub(super) fn find(
    table: &PlannedTable,
    chunks: &[ChunkTransaction],
    target: &mut Connection,
) -> Result<Option<Vec<LoadedChunk>>> {
    // Rows of an app's table, and of one with generated columns, are staged: they have the number of a subtransaction.
    let is_staged = table.existing.is_some() || table.sent_positions().len() < table.columns.len();
    let rows: u64 = chunks.iter().map(|chunk| chunk.rows).fold(0, u64::saturating_add);
    let transactions: HashSet<&str> = chunks.iter().map(|chunk| chunk.transaction.as_str()).collect();
    if table.rowid.is_none() || is_staged || rows < ROWS_MIN || transactions.len() < chunks.len() {
        return Ok(None);
    }
    let Some(ranges) = open_ended(chunks) else { return Ok(None) };
    let Some(places) = places(table, chunks, target)? else { return Ok(None) };
    let read: u64 = places.values().map(Place::pages).fold(0, u64::saturating_add);
    let all = places.values().map(|place| place.ends[1].page + 1).max().unwrap_or(0);
    if read > all.saturating_mul(READ_MAX) {
        return Ok(None);
    }
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

/// Where a row lies (`ctid`; manual, section 5.5 "System Columns").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RowPlace {
    page: u64,
    item: u64,
}

impl RowPlace {
    /// Reads it as PostgreSQL prints it.
    fn parse(text: &str) -> Option<RowPlace> {
        let (page, item) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
        Some(RowPlace { page: page.parse().ok()?, item: item.parse().ok()? })
    }

    fn sql(self) -> String {
        format!("'({},{})'::tid", self.page, self.item)
    }
}

/// Where the rows of a transaction lie.
#[derive(Debug)]
struct Place {
    rows: u64,
    /// The first and the last row.
    ends: [RowPlace; 2],
}

impl Place {
    /// The pages from the first to the last row.
    fn pages(&self) -> u64 {
        let [first, last] = self.ends;
        last.page.saturating_sub(first.page) + 1
    }

    fn condition(&self, transaction: &str) -> String {
        let [first, last] = self.ends.map(RowPlace::sql);
        format!("ctid >= {first} AND ctid <= {last} AND xmin = {}::xid", quote_pg_literal(transaction))
    }
}

/// Where the rows of each chunk's transaction lie; none if there are rows of other transactions, or this role may not see.
fn places(
    table: &PlannedTable,
    chunks: &[ChunkTransaction],
    target: &mut Connection,
) -> Result<Option<HashMap<String, Place>>> {
    let name = table.qualified(&table.target);
    // Other kinds of tables may have no such columns, and a role may have rights to some columns only.
    let sql = format!(
        "SELECT c.relkind = 'r' AND m.amname = 'heap' AND has_table_privilege(c.oid, 'SELECT') \
         FROM pg_class AS c JOIN pg_am AS m ON m.oid = c.relam WHERE c.oid = {}::regclass",
        quote_pg_literal(&name)
    );
    if target.query(&sql, &[])?.first().and_then(|row| row.first()) != Some(&Some("t".to_owned())) {
        return Ok(None);
    }
    let transactions = text_array(chunks.iter().map(|chunk| Some(&chunk.transaction)));
    target.script("SET LOCAL jit = off")?;
    let sql = format!(
        "SELECT CASE WHEN xmin = ANY ({}::xid[]) THEN xmin END, count(*), min(ctid), max(ctid) FROM {name} GROUP BY 1",
        quote_pg_literal(&transactions),
    );
    let mut places = HashMap::new();
    for row in target.slow_query(&sql)? {
        let values: Vec<&String> = row.iter().flatten().collect();
        // Rows whose transaction is of no chunk have NULL in its place.
        let [transaction, rows, first, last] = values[..] else { return Ok(None) };
        let place = (|| {
            let ends = [RowPlace::parse(first)?, RowPlace::parse(last)?];
            Some(Place { rows: rows.parse().ok()?, ends })
        })();
        let unknown = || Error::new("PostgreSQL prints the places of rows in an unknown form");
        places.insert(transaction.clone(), place.ok_or_else(unknown)?);
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
    fn places_of_rows_are_read_as_postgresql_prints_them() {
        let place = RowPlace::parse("(4036590,17)").unwrap();
        assert_eq!((place.page, place.item, place.sql().as_str()), (4_036_590, 17, "'(4036590,17)'::tid"));
        for text in ["", "()", "(1)", "1,2", "(1,2", "(a,2)", "(1,2,3)"] {
            assert_eq!(RowPlace::parse(text), None, "{text}");
        }
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
