//! Sorts records with bounded memory: runs of a limited size in an unnamed temporary file, which are then merged.
//!
//! A record holds hashes and the location of a row, never a value.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use super::row_location::{LOCATION_BYTES, RowLocation};
use crate::error::{Context, Result};

/// How many bytes of records are held in memory while they are added.
pub(super) const RUN_BYTES: usize = 4 << 20;

/// How many bytes of all runs together are held in memory while they are merged.
const MERGE_BYTES: usize = 2 << 20;

/// How many bytes a record has in the file.
const RECORD_BYTES: usize = 32 + LOCATION_BYTES;

/// A record of a row: the hash of the part that it shares with another version of the same row, which is its key, or the entire row if
/// there is no key; the hash of the entire row; and its location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) group: u128,
    pub(super) row: u128,
    pub(super) location: RowLocation,
}

impl Record {
    fn bytes(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..16].copy_from_slice(&self.group.to_be_bytes());
        bytes[16..32].copy_from_slice(&self.row.to_be_bytes());
        bytes[32..].copy_from_slice(&self.location.bytes());
        bytes
    }

    fn of_bytes(bytes: &[u8; RECORD_BYTES]) -> Record {
        let (mut group, mut row, mut location) = ([0; 16], [0; 16], [0; LOCATION_BYTES]);
        group.copy_from_slice(&bytes[..16]);
        row.copy_from_slice(&bytes[16..32]);
        location.copy_from_slice(&bytes[32..]);
        Record {
            group: u128::from_be_bytes(group),
            row: u128::from_be_bytes(row),
            location: RowLocation::of_bytes(location),
        }
    }
}

/// Collects records.
pub(super) struct Sorter {
    run: Vec<Record>,
    records_max: usize,
    file: Option<File>,
    /// Where each run ends in the file.
    ends: Vec<u64>,
}

impl Sorter {
    /// No record yet; about this many bytes of them will be held at once.
    pub(super) fn new(run_bytes: usize) -> Sorter {
        let records_max = (run_bytes / size_of::<Record>()).max(1);
        // Room that grows by doubling would be twice as much.
        Sorter { run: Vec::with_capacity(records_max), records_max, file: None, ends: Vec::new() }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn add(&mut self, record: Record) -> Result<()> {
        if self.run.len() >= self.records_max {
            self.spill()?;
        }
        self.run.push(record);
        Ok(())
    }

    /// All records in their order.
    ///
    /// # Errors
    /// When the file cannot be written or read.
    pub(super) fn sorted(mut self) -> Result<Sorted> {
        if self.file.is_none() {
            self.run.sort_unstable();
            return Ok(Sorted::Held(self.run.into_iter()));
        }
        self.spill()?;
        match self.file {
            Some(file) => Runs::open(file, &self.ends).map(Sorted::Merged),
            None => Ok(Sorted::Held(Vec::new().into_iter())),
        }
    }

    fn spill(&mut self) -> Result<()> {
        self.run.sort_unstable();
        let mut file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile().context(failed)?,
        };
        let mut out = std::io::BufWriter::with_capacity(1 << 18, &mut file);
        for record in &self.run {
            out.write_all(&record.bytes()).context(failed)?;
        }
        out.flush().context(failed)?;
        drop(out);
        self.file = Some(file);
        let begin = self.ends.last().copied().unwrap_or(0);
        self.ends.push(begin + (self.run.len() * RECORD_BYTES) as u64);
        self.run.clear();
        Ok(())
    }
}

/// Returns records in their order.
pub(super) enum Sorted {
    /// They were few.
    Held(std::vec::IntoIter<Record>),
    /// They come from a file.
    Merged(Runs),
}

impl Sorted {
    /// The next record.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        match self {
            Sorted::Held(records) => Ok(records.next()),
            Sorted::Merged(runs) => runs.next(),
        }
    }
}

/// The sorted runs of a file, as they are merged.
pub(super) struct Runs {
    file: File,
    runs: Vec<Run>,
    /// The first record of each run that is not over.
    heads: BinaryHeap<Reverse<(Record, usize)>>,
}

/// The rest of a run.
struct Run {
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Runs {
    fn open(file: File, ends: &[u64]) -> Result<Runs> {
        let records = (MERGE_BYTES / ends.len().max(1) / RECORD_BYTES).clamp(64, 1 << 14);
        let mut begin = 0;
        let mut runs = Runs { file, runs: Vec::with_capacity(ends.len()), heads: BinaryHeap::new() };
        for (location, &end) in ends.iter().enumerate() {
            let buffer = Vec::with_capacity(records * RECORD_BYTES);
            let mut run = Run { at: begin, end, buffer, used: 0 };
            if let Some(first) = run.next(&runs.file)? {
                runs.heads.push(Reverse((first, location)));
            }
            runs.runs.push(run);
            begin = end;
        }
        Ok(runs)
    }

    fn next(&mut self) -> Result<Option<Record>> {
        let Some(Reverse((record, location))) = self.heads.pop() else { return Ok(None) };
        if let Some(run) = self.runs.get_mut(location)
            && let Some(next) = run.next(&self.file)?
        {
            self.heads.push(Reverse((next, location)));
        }
        Ok(Some(record))
    }
}

impl Run {
    fn next(&mut self, file: &File) -> Result<Option<Record>> {
        if self.used == self.buffer.len() {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            self.buffer.resize(left.min(self.buffer.capacity() / RECORD_BYTES * RECORD_BYTES), 0);
            file.read_exact_at(&mut self.buffer, self.at).context(failed)?;
            self.at += self.buffer.len() as u64;
            self.used = 0;
        }
        let rest = self.buffer.get(self.used..).unwrap_or_default();
        let Some(bytes) = rest.first_chunk::<RECORD_BYTES>() else { return Ok(None) };
        self.used += RECORD_BYTES;
        Ok(Some(Record::of_bytes(bytes)))
    }
}

fn failed() -> String {
    "the file in which hashes of rows are sorted cannot be written or read in the folder for temporary files (TMPDIR)"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_come_in_their_order_whatever_the_size_of_a_run(
            numbers in prop::collection::vec((0_u128..4, 0_u128..4, any::<i64>()), 0..300),
            run_records in 1_usize..80,
        ) {
            let mut expected: Vec<Record> = numbers
                .into_iter()
                .map(|(group, row, number)| Record { group: group << 120, row, location: RowLocation::of_number(number) })
                .collect();
            let mut sorter = Sorter::new(run_records * size_of::<Record>());
            expected.iter().for_each(|record| sorter.add(*record).unwrap());
            let mut sorted = sorter.sorted().unwrap();
            expected.sort_unstable();
            for record in expected {
                prop_assert_eq!(sorted.next().unwrap(), Some(record));
            }
            prop_assert_eq!(sorted.next().unwrap(), None);
        }
    }

    #[test]
    fn runs_of_more_records_than_a_buffer_has_are_read_to_their_end() {
        let mut sorter = Sorter::new(20_000 * size_of::<Record>());
        for number in 0..100_000_u64 {
            let row = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            sorter.add(Record { group: row, row, location: RowLocation::of_number(7) }).unwrap();
        }
        let mut sorted = sorter.sorted().unwrap();
        assert!(matches!(&sorted, Sorted::Merged(runs) if runs.runs.len() == 5));
        let (mut count, mut last) = (0, None);
        while let Some(record) = sorted.next().unwrap() {
            assert!(last <= Some(record));
            (count, last) = (count + 1, Some(record));
        }
        assert_eq!(count, 100_000);
    }
}
