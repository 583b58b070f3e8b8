//! Rows of one key, where several rows have it: those that are equal are paired before those that differ.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use migrate_core::comparison::{RowKind, append_normal_form, append_normal_form_of_target};
use migrate_core::plan::PlannedTable;

use super::cells::{SourceCell, TargetCell, is_equal, is_same};
use super::counts::{Naming, TableCounts};
use super::keys::RowKey;
use super::leftovers::Leftovers;

/// How many different rows of one key are kept on each side, and how many bytes of them. Of rows beyond them it is not decided whether
/// the other side has them.
const KEPT_ROWS_MAX: usize = 100_000;
const KEPT_BYTES_MAX: usize = 128 << 20;

/// How many pairs of rows without an equal one are compared to find out whether some are equal after all.
const TRIED_PAIRS_MAX: usize = 1_000_000;

/// A row with its name for people.
#[derive(Clone, Debug)]
pub(super) struct KeptRow<C> {
    pub(super) name: String,
    pub(super) cells: Vec<C>,
}

pub(super) type SourceRow = KeptRow<SourceCell<'static>>;
pub(super) type TargetRow = KeptRow<TargetCell<'static>>;

/// A row of the target, and how often it is there.
struct Copies {
    row: TargetRow,
    left: u64,
    paired: u64,
}

/// The rows of one key.
#[derive(Default)]
pub(super) struct Group {
    key: Option<RowKey>,
    target: Vec<Copies>,
    /// The places in `target` of rows by the hash of their normal form, if there are several.
    places: HashMap<u64, Vec<usize>>,
    /// The rows of the target without a pair.
    left: u64,
    /// Rows of the source without an equal one.
    source: Vec<SourceRow>,
    /// The bytes of the rows that are kept, of the source and of the target.
    bytes: [usize; 2],
    /// The rows and bytes for which there was no room.
    without_room: [(usize, usize); 2],
}

impl Group {
    pub(super) fn has_key(&self, key: &RowKey) -> bool {
        self.key.as_ref().is_some_and(|own| own.compare(key).is_eq())
    }

    pub(super) fn begin(&mut self, key: &RowKey) {
        self.key = Some(key.clone());
    }

    /// Adds a row of the target.
    pub(super) fn add_target(&mut self, table: &PlannedTable, row: TargetRow, scratch: &mut Vec<u8>) {
        if let [only] = self.target.as_mut_slice() {
            if only.row.cells == row.cells {
                only.left += 1;
                self.left += 1;
                return;
            }
            // Only now it is worth it: most groups have one row.
            self.places.insert(target_hash(table, &only.row.cells, scratch), vec![0]);
        }
        let hash = (!self.target.is_empty()).then(|| target_hash(table, &row.cells, scratch));
        for &place in hash.and_then(|hash| self.places.get(&hash)).into_iter().flatten() {
            if let Some(copies) = self.target.get_mut(place).filter(|copies| copies.row.cells == row.cells) {
                copies.left += 1;
                self.left += 1;
                return;
            }
        }
        let bytes = row.cells.iter().map(TargetCell::size).sum();
        if self.has_room(1, self.target.len(), bytes) {
            if let Some(hash) = hash {
                self.places.entry(hash).or_default().push(self.target.len());
            }
            self.target.push(Copies { row, left: 1, paired: 0 });
            self.left += 1;
        }
    }

    /// Pairs a row of the source with an equal one, or keeps it. The row again where no row is left that it could be.
    pub(super) fn add_source(
        &mut self,
        table: &PlannedTable,
        row: SourceRow,
        naming: Naming,
        counts: &mut TableCounts,
        scratch: &mut Vec<u8>,
    ) -> Option<SourceRow> {
        if let Some(place) = self.equal_row(table, &row, scratch)
            && let Some(copies) = self.target.get_mut(place)
        {
            copies.left -= 1;
            copies.paired += 1;
            self.left -= 1;
            let mut name = || row.name.clone();
            counts.pair(table, naming, &row.cells, &copies.row.cells, scratch, &mut name);
            return None;
        }
        if self.left == 0 && self.without_room[1].0 == 0 {
            return Some(row);
        }
        let bytes = row.cells.iter().map(SourceCell::size).sum();
        if self.has_room(0, self.source.len(), bytes) {
            self.source.push(row);
        }
        None
    }

    /// Whether there is room for a row of a side, which is counted.
    fn has_room(&mut self, side: usize, rows: usize, bytes: usize) -> bool {
        let (Some(kept), Some(without)) = (self.bytes.get_mut(side), self.without_room.get_mut(side)) else {
            return false;
        };
        if rows < KEPT_ROWS_MAX && (*kept + bytes <= KEPT_BYTES_MAX || rows == 0) {
            *kept += bytes;
            return true;
        }
        *without = (without.0 + 1, without.1 + bytes);
        false
    }

    /// The place of a row of the target that is equal and not paired: by the conversions if there is one, else in another form.
    fn equal_row(&self, table: &PlannedTable, row: &SourceRow, scratch: &mut Vec<u8>) -> Option<usize> {
        let places = match self.target.len() {
            0 => return None,
            1 => &vec![0],
            _ => self.places.get(&source_hash(table, &row.cells, scratch))?,
        };
        let left = places.iter().filter_map(|&place| Some((place, self.target.get(place)?)));
        let left = left.filter(|(_, copies)| copies.left > 0);
        let same = left.clone().find(|(_, copies)| is_same_row(table, row, &copies.row, scratch));
        let found =
            same.or_else(|| left.clone().find(|(_, copies)| is_equal_row(table, row, &copies.row, scratch)));
        found.map(|(place, _)| place)
    }

    /// Pairs what is left by its key alone, and counts what remains; without a key nothing is paired. Returns in how many slices the table has to be
    /// compared if the group has no room, and 0 if it has.
    pub(super) fn settle(
        &mut self,
        table: &PlannedTable,
        has_key: bool,
        naming: Naming,
        counts: &mut TableCounts,
        leftovers: &mut Leftovers,
        scratch: &mut Vec<u8>,
    ) -> usize {
        let mut group = std::mem::take(self);
        let is_decided = group.pair_in_other_forms(table, naming, counts, scratch);
        let [source_without, target_without] = group.without_room;
        let has_room = source_without.0 + target_without.0 == 0;
        let mut source = group.source.into_iter();
        if !has_room || !is_decided {
            let left = group.target.iter().map(|copies| copies.left).sum::<u64>() + target_without.0 as u64;
            counts.undecided += left.max((source.len() + source_without.0) as u64);
            let slices = |side: usize, rows: usize, (more, more_bytes): (usize, usize)| {
                let bytes = group.bytes.get(side).copied().unwrap_or(0) + more_bytes;
                // Slices are not of one size: half of the room is left.
                let slices = ((rows + more) * 2 / KEPT_ROWS_MAX).max(bytes * 2 / KEPT_BYTES_MAX) + 1;
                if has_room { 0 } else { slices }
            };
            let of_source = slices(0, source.len(), source_without);
            return of_source.max(slices(1, group.target.len(), target_without));
        }
        for mut copies in group.target {
            while copies.left > 0
                && has_key
                && let Some(row) = source.next()
            {
                copies.left -= 1;
                let mut name = || row.name.clone();
                counts.pair(table, naming, &row.cells, &copies.row.cells, scratch, &mut name);
            }
            let kind = if copies.paired > 0 { RowKind::Duplicate } else { RowKind::Extra };
            for _ in 0..copies.left {
                counts.row(kind, &mut || copies.row.name.clone());
                if kind == RowKind::Extra {
                    leftovers.add_target(copies.row.clone());
                }
            }
        }
        for row in source {
            counts.row(RowKind::Missing, &mut || row.name.clone());
            leftovers.add_source(row);
        }
        0
    }

    /// Pairs rows that are equal in another form, and whose normal forms differ. False if there are such rows, and too many to compare each
    /// with each.
    fn pair_in_other_forms(
        &mut self,
        table: &PlannedTable,
        naming: Naming,
        counts: &mut TableCounts,
        scratch: &mut Vec<u8>,
    ) -> bool {
        let mut left: Vec<usize> = (0..self.target.len())
            .filter(|&place| self.target.get(place).is_some_and(|row| row.left > 0))
            .collect();
        let is_exhaustive = left.len().saturating_mul(self.source.len()) <= TRIED_PAIRS_MAX;
        // Of too many rows each is compared with some.
        let tried_each = TRIED_PAIRS_MAX / self.source.len().max(1);
        let mut has_found = false;
        self.source.retain(|row| {
            let mut is_equal = |place: &usize| {
                self.target.get(*place).is_some_and(|copies| is_equal_row(table, row, &copies.row, scratch))
            };
            let Some(at) = left.iter().take(tried_each.max(1)).position(&mut is_equal) else { return true };
            if let Some(copies) = left.get(at).and_then(|&place| self.target.get_mut(place)) {
                copies.left -= 1;
                copies.paired += 1;
                let mut name = || row.name.clone();
                counts.pair(table, naming, &row.cells, &copies.row.cells, scratch, &mut name);
                if copies.left == 0 {
                    left.remove(at);
                }
            }
            has_found = true;
            false
        });
        is_exhaustive || !has_found || self.source.is_empty() || left.is_empty()
    }
}

/// Whether all values of two rows are the same by the conversions.
fn is_same_row(table: &PlannedTable, row: &SourceRow, other: &TargetRow, scratch: &mut Vec<u8>) -> bool {
    let cells = table.columns.iter().zip(&row.cells).zip(&other.cells);
    cells.into_iter().all(|((column, source), target)| is_same(column, source, target, scratch))
}

/// Whether all values of two rows are equal, in whatever form.
pub(super) fn is_equal_row(
    table: &PlannedTable,
    row: &SourceRow,
    other: &TargetRow,
    scratch: &mut Vec<u8>,
) -> bool {
    let cells = table.columns.iter().zip(&row.cells).zip(&other.cells);
    cells.into_iter().all(|((column, source), target)| is_equal(column, source, target, scratch))
}

/// The hash of the normal form of a row of the source.
pub(super) fn source_hash(table: &PlannedTable, cells: &[SourceCell<'_>], scratch: &mut Vec<u8>) -> u64 {
    scratch.clear();
    for (column, cell) in table.columns.iter().zip(cells) {
        match (cell, cell.value()) {
            (_, Some(value)) if !value.is_null() => append_normal_form(column, value, scratch),
            (SourceCell::Digest(digest), _) => scratch.extend_from_slice(&digest.sha256),
            _ => scratch.push(0),
        }
    }
    hash_of(scratch)
}

/// The hash of the normal form of a row of the target.
pub(super) fn target_hash(table: &PlannedTable, cells: &[TargetCell<'_>], scratch: &mut Vec<u8>) -> u64 {
    scratch.clear();
    for (column, cell) in table.columns.iter().zip(cells) {
        match cell {
            TargetCell::Null => scratch.push(0),
            TargetCell::Held(wire) => append_normal_form_of_target(column, wire, scratch),
            TargetCell::Digest(digest) => scratch.extend_from_slice(&digest.sha256),
        }
    }
    hash_of(scratch)
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
