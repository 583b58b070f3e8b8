//! What a catch-up changes in the counts of chunks, so that the ledger goes on to say how many rows moved and were rejected.

use std::collections::BTreeMap;

use migrate_core::reject::RejectLimit;
use postgres_client::connection::Connection;

use crate::error::{Context, Error, Result};
use crate::ledger::{self, Chunk, ChunkCounts};
use crate::remedy::Remedy;
use crate::row_encoder::RowOutcome;
use crate::source::row_range::StoredRange;

/// The changes of all chunks of a run.
pub(super) struct ChunkChanges {
    chunks: BTreeMap<String, Vec<Chunk>>,
    changes: BTreeMap<(String, i64), ChunkCounts>,
}

impl ChunkChanges {
    /// Reads the chunks.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(super) fn of_run(target: &mut Connection, run_id: i64) -> Result<ChunkChanges> {
        let mut chunks: BTreeMap<String, Vec<Chunk>> = BTreeMap::new();
        for chunk in ledger::chunks(target, run_id)? {
            chunks.entry(chunk.table.clone()).or_default().push(chunk);
        }
        Ok(ChunkChanges { chunks, changes: BTreeMap::new() })
    }

    /// Counts a row that was added (`sign` 1) or removed (-1).
    pub(super) fn count(&mut self, table: &str, rowid: Option<i64>, outcome: &RowOutcome, sign: i64) {
        let chunks = self.chunks.get(table).map(Vec::as_slice).unwrap_or_default();
        let counts = self.changes.entry((table.to_owned(), chunk_of(chunks, rowid))).or_default();
        match outcome {
            RowOutcome::Moves => counts.rows += sign,
            RowOutcome::Nulled(refused) => {
                counts.rows += sign;
                counts.nulled += sign * i64::try_from(refused.len()).unwrap_or(i64::MAX);
            }
            RowOutcome::Skipped(_) => counts.rejected += sign,
            RowOutcome::Stops(_) => {}
        }
    }

    /// Refuses more rejected rows than the plan allows, as a load does.
    ///
    /// # Errors
    /// The table with too many.
    pub(super) fn check_limit(&self, limit: Option<RejectLimit>) -> Result<()> {
        let Some(limit) = limit else { return Ok(()) };
        let mut totals: BTreeMap<&str, ChunkCounts> = BTreeMap::new();
        let mut add = |table, rows, rejected, nulled| {
            let total = totals.entry(table).or_default();
            total.rows += rows;
            total.rejected += rejected;
            total.nulled += nulled;
        };
        for (table, chunks) in &self.chunks {
            for done in chunks.iter().filter_map(|chunk| chunk.done) {
                add(table.as_str(), done.rows, done.rejected, done.nulled);
            }
        }
        for ((table, _), counts) in &self.changes {
            add(table.as_str(), counts.rows, counts.rejected, counts.nulled);
        }
        let natural = |count: i64| u64::try_from(count).unwrap_or(0);
        let rejected = |counts: &ChunkCounts| natural(counts.rejected + counts.nulled);
        let all: u64 = totals.values().map(rejected).sum();
        let over = totals.iter().find(|(_, counts)| {
            limit.is_exceeded(rejected(counts), natural(counts.rows + counts.rejected), all)
        });
        match over {
            None => Ok(()),
            Some((table, counts)) => Err(Error::new(format!(
                "{} of {} rows of table {table} would be rejected, and {all} in all; the limit is {limit}",
                rejected(counts),
                natural(counts.rows + counts.rejected)
            ))
            .with_remedy_value(Remedy::RepairSourceAndCatchUp)),
        }
    }

    /// Records the changes in the ledger.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn record(&self, target: &mut Connection, run_id: i64) -> Result<()> {
        for ((table, chunk), counts) in &self.changes {
            let chunks = self.chunks.get(table).map(Vec::as_slice).unwrap_or_default();
            for (chunk, counts) in divided(chunks, *chunk, *counts) {
                ledger::change_chunk(target, run_id, table, chunk, &counts)
                    .context(|| format!("the chunks of table {table} cannot be counted"))?;
            }
        }
        Ok(())
    }
}

/// The number of the chunk that a row belongs to: the one whose rowids hold it, or that come next after it; otherwise the last one.
fn chunk_of(chunks: &[Chunk], rowid: Option<i64>) -> i64 {
    let rowids = |chunk: &Chunk| chunk.range.and_then(StoredRange::rowids);
    let holds = |chunk: &&Chunk| rowid.zip(rowids(chunk)).is_none_or(|(rowid, range)| rowid <= range.last);
    chunks.iter().find(holds).or(chunks.last()).map_or(0, |chunk| chunk.number)
}

/// Divides the changes that were counted for a chunk. It is not known which chunk a row without a rowid belongs to: all are counted for
/// the first one, and what is more than its rows is taken from the next ones, so that no chunk has less than none.
fn divided(chunks: &[Chunk], chunk: i64, counts: ChunkCounts) -> Vec<(i64, ChunkCounts)> {
    let is_of_keys = |chunk: &Chunk| matches!(chunk.range, Some(StoredRange::Keys { .. }));
    if !chunks.iter().any(is_of_keys) {
        return vec![(chunk, counts)];
    }
    let (mut left, mut changes) = (counts, Vec::new());
    for chunk in chunks {
        let done = chunk.done.unwrap_or_default();
        let take = |left: &mut i64, has: i64| {
            let taken = (*left).max(-has);
            *left -= taken;
            taken
        };
        let taken = ChunkCounts {
            rows: take(&mut left.rows, done.rows),
            rejected: take(&mut left.rejected, done.rejected),
            nulled: take(&mut left.nulled, done.nulled),
        };
        if taken != ChunkCounts::default() {
            changes.push((chunk.number, taken));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ChunkDone;
    use crate::source::row_range::CellLocation;
    use crate::source::scan::RowidRange;

    #[test]
    fn a_row_belongs_to_the_chunk_that_would_have_moved_it() {
        let chunk = |number, first, last| Chunk {
            number,
            range: Some(StoredRange::Rowids(RowidRange { first, last })),
            ..Chunk::default()
        };
        let chunks = [chunk(0, 1, 10), chunk(1, 15, 20)];
        for (rowid, number) in [(-5, 0), (1, 0), (10, 0), (12, 1), (20, 1), (99, 1)] {
            assert_eq!(chunk_of(&chunks, Some(rowid)), number, "{rowid}");
        }
        assert_eq!(chunk_of(&[Chunk::default()], None), 0);
        assert_eq!(chunk_of(&[], Some(3)), 0);
    }

    #[test]
    fn no_chunk_of_a_table_without_rowids_has_less_than_no_rows() {
        let until = Some(CellLocation { page: 7, cell: 0 });
        let chunk = |number, rows| Chunk {
            number,
            range: Some(StoredRange::Keys { after: None, until }),
            done: Some(ChunkDone { rows, rejected: 1, ..ChunkDone::default() }),
            ..Chunk::default()
        };
        let chunks = [chunk(0, 10), chunk(1, 20), chunk(2, 30)];
        let of = |rows, rejected| {
            let counts = ChunkCounts { rows, rejected, nulled: 0 };
            let changes = divided(&chunks, 0, counts);
            changes
                .into_iter()
                .map(|(chunk, counts)| (chunk, counts.rows, counts.rejected))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(5, 0), [(0, 5, 0)]);
        assert_eq!(of(-4, 1), [(0, -4, 1)]);
        assert_eq!(of(-35, -2), [(0, -10, -1), (1, -20, -1), (2, -5, 0)]);
        assert_eq!(of(0, 0), []);
        let of_rowids = Chunk::default();
        let counts = ChunkCounts { rows: -9, ..ChunkCounts::default() };
        assert_eq!(divided(&[of_rowids], 3, counts), [(3, counts)]);
    }
}
