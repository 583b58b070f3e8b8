//! Cuts a table into chunks of similar size in bytes during a scan of its rows.

use super::row_range::RowRange;
use super::scan::RowidRange;

/// How many bytes a chunk has: large enough that its transaction costs nothing, small enough to lose little when killed.
pub const CHUNK_BYTES: u64 = 8 << 20;

/// How many rows it has at most, where rows are small.
const CHUNK_ROWS_MAX: u64 = 100_000;

/// A chunk of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedChunk {
    /// Its rows; none if one chunk holds the entire table.
    pub range: Option<RowRange>,
    /// Its rows, including skipped ones.
    pub rows: u64,
    /// Its bytes in COPY's binary format.
    pub bytes: u64,
}

impl PlannedChunk {
    /// Whether more rows fit in.
    fn has_room(&self, rows: u64, bytes: u64, bytes_max: u64) -> bool {
        self.bytes + bytes <= bytes_max && self.rows + rows <= CHUNK_ROWS_MAX
    }
}

/// The chunks of a table or a part of one, in the order of its rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChunkPlan {
    chunks: Vec<PlannedChunk>,
    bytes_max: u64,
}

impl ChunkPlan {
    /// No chunk yet; each will have about this many bytes.
    pub(super) fn new(bytes_max: u64) -> ChunkPlan {
        ChunkPlan { chunks: Vec::new(), bytes_max }
    }

    /// Adds the next row: its rowid, where the table has one, and its bytes.
    pub(super) fn add(&mut self, rowid: Option<i64>, bytes: u64) {
        match self.chunks.last_mut() {
            Some(last) if rowid.is_none() || last.has_room(1, bytes, self.bytes_max) => {
                if let (Some(RowRange::Rowids(range)), Some(rowid)) = (&mut last.range, rowid) {
                    range.last = rowid;
                }
                last.rows += 1;
                last.bytes += bytes;
            }
            _ => {
                let range = rowid.map(|rowid| RowRange::Rowids(RowidRange { first: rowid, last: rowid }));
                self.chunks.push(PlannedChunk { range, rows: 1, bytes });
            }
        }
    }

    /// Names the rows that were added, where they have no rowids: all of them are in one chunk.
    pub(super) fn set_range(&mut self, range: RowRange) {
        if let [chunk] = self.chunks.as_mut_slice() {
            chunk.range.get_or_insert(range);
        }
    }

    /// Adds the chunks of the following part.
    pub(super) fn append(&mut self, next: ChunkPlan) {
        next.chunks.into_iter().for_each(|chunk| self.join(chunk));
    }

    /// The chunks.
    pub fn chunks(&self) -> &[PlannedChunk] {
        &self.chunks
    }

    /// Adds rows to the last chunk, or begins one where that would be too large. Rows without a range stay together.
    fn join(&mut self, next: PlannedChunk) {
        let Some(last) = self.chunks.last_mut() else { return self.chunks.push(next) };
        let has_room = last.has_room(next.rows, next.bytes, self.bytes_max);
        match (&mut last.range, next.range) {
            (Some(_), range @ Some(_)) if !has_room => {
                return self.chunks.push(PlannedChunk { range, ..next });
            }
            (Some(range), Some(next)) => range.extend(next),
            _ => {}
        }
        last.rows += next.rows;
        last.bytes += next.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_each_row_once_and_are_of_one_size() {
        let mut whole = ChunkPlan::new(CHUNK_BYTES);
        let mut parts = [ChunkPlan::new(CHUNK_BYTES), ChunkPlan::new(CHUNK_BYTES)];
        for number in 0..40_000_i64 {
            // Sparse, and below 0.
            let (rowid, bytes) = (number * 1000 - 5_000_000, 500 + u64::from(number % 7 == 0) * 1000);
            whole.add(Some(rowid), bytes);
            parts[usize::from(number >= 30_000)].add(Some(rowid), bytes);
        }
        let [mut joined, rest] = parts;
        joined.append(rest);
        for plan in [&whole, &joined] {
            assert_eq!(plan.chunks().iter().map(|chunk| chunk.rows).sum::<u64>(), 40_000);
            assert!(plan.chunks().iter().all(|chunk| chunk.bytes <= CHUNK_BYTES));
            assert!((3..=5).contains(&plan.chunks().len()), "{plan:?}");
            let ranges: Vec<RowidRange> =
                plan.chunks().iter().filter_map(|chunk| chunk.range.as_ref()?.rowids()).collect();
            assert!(ranges.windows(2).all(|pair| pair[0].last < pair[1].first));
            assert_eq!((ranges[0].first, ranges[ranges.len() - 1].last), (-5_000_000, 34_999_000));
        }
    }

    #[test]
    fn a_row_larger_than_a_chunk_has_one_of_its_own_and_rows_without_rowids_stay_together() {
        let mut plan = ChunkPlan::new(CHUNK_BYTES);
        for (rowid, bytes) in [(1, 10), (2, CHUNK_BYTES * 3), (3, 10), (4, 10)] {
            plan.add(Some(rowid), bytes);
        }
        let rows: Vec<u64> = plan.chunks().iter().map(|chunk| chunk.rows).collect();
        assert_eq!(rows, [1, 1, 2]);
        let mut plan = ChunkPlan::new(CHUNK_BYTES);
        (0..3).for_each(|_| plan.add(None, CHUNK_BYTES));
        assert_eq!(plan.chunks(), [PlannedChunk { range: None, rows: 3, bytes: CHUNK_BYTES * 3 }]);
    }
}
