//! Rows of one key, where several rows have it: those that are equal are paired before those that differ.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use migrate_core::comparison::RowKind;
use migrate_core::plan::PlannedTable;

use super::cells::{SourceCell, TargetCell, is_same};
use super::counts::{Naming, TableCounts};
use super::keys::RowKey;

/// How many different rows of one key are kept on each side. Rows beyond them are counted as missing or extra without being paired.
const KEPT_ROWS_MAX: usize = 100_000;

/// How many rows of one key are compared with a row to find one that is equal, where its bytes do not lead to it.
const TRIED_ROWS_MAX: usize = 4096;

/// How many rows without a pair are kept on each side, to be paired by their resemblance.
const LEFTOVERS_MAX: usize = 1000;

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
    /// Where in `target` rows of these bytes are.
    by_bytes: HashMap<u64, usize>,
    /// Rows of the source without an equal one.
    source: Vec<SourceRow>,
}

impl Group {
    pub(super) fn has_key(&self, key: &RowKey) -> bool {
        self.key.as_ref().is_some_and(|own| own.compare(key).is_eq())
    }

    pub(super) fn begin(&mut self, key: &RowKey) {
        self.key = Some(key.clone());
    }

    /// Adds a row of the target; false where there is no room.
    pub(super) fn add_target(&mut self, row: TargetRow) -> bool {
        let hash = hash_of(row.cells.iter().map(|cell| match cell {
            TargetCell::Null => None,
            TargetCell::Held(wire) => Some(wire.to_vec()),
            TargetCell::Digest(digest) => Some(digest.sha256.to_vec()),
        }));
        let known = self.by_bytes.get(&hash).copied();
        if let Some(copies) = known.and_then(|place| self.target.get_mut(place))
            && copies.row.cells == row.cells
        {
            copies.left += 1;
            return true;
        }
        if self.target.len() >= KEPT_ROWS_MAX {
            return false;
        }
        self.by_bytes.insert(hash, self.target.len());
        self.target.push(Copies { row, left: 1, paired: 0 });
        true
    }

    /// Pairs a row of the source with an equal one, or keeps it; the row again where there is neither.
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
            let mut name = || row.name.clone();
            counts.pair(table, naming, &row.cells, &copies.row.cells, scratch, &mut name);
            return None;
        }
        if self.source.len() >= KEPT_ROWS_MAX {
            return Some(row);
        }
        self.source.push(row);
        None
    }

    /// The place of a row of the target that is equal and not paired.
    fn equal_row(&self, table: &PlannedTable, row: &SourceRow, scratch: &mut Vec<u8>) -> Option<usize> {
        let mut is_equal = |copies: &Copies| {
            copies.left > 0
                && table
                    .columns
                    .iter()
                    .zip(&row.cells)
                    .zip(&copies.row.cells)
                    .all(|((column, source), target)| is_same(column, source, target, scratch))
        };
        let by_bytes = self.by_bytes.get(&sent_hash(table, row)).copied();
        if let Some(place) = by_bytes
            && self.target.get(place).is_some_and(&mut is_equal)
        {
            return Some(place);
        }
        self.target.iter().take(TRIED_ROWS_MAX).position(is_equal)
    }

    /// Pairs what is left by its key alone, and counts what remains.
    pub(super) fn settle(
        &mut self,
        table: &PlannedTable,
        naming: Naming,
        counts: &mut TableCounts,
        leftovers: &mut Leftovers,
        scratch: &mut Vec<u8>,
    ) {
        self.key = None;
        self.by_bytes.clear();
        let mut source = std::mem::take(&mut self.source).into_iter();
        for mut copies in std::mem::take(&mut self.target) {
            while copies.left > 0
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
    }
}

/// The hash of a row as PostgreSQL would send it back, if its values are sent as the source has them.
fn sent_hash(table: &PlannedTable, row: &SourceRow) -> u64 {
    hash_of(table.columns.iter().zip(&row.cells).map(|(column, cell)| match (cell, cell.value()) {
        (_, Some(value)) if value.is_null() => None,
        (_, Some(value)) => {
            let mut wire = Vec::new();
            // A value that is refused is like no other, and leads nowhere.
            let _ = column.encode(value, &mut wire);
            Some(wire)
        }
        (SourceCell::Digest(digest), None) => Some(digest.sha256.to_vec()),
        (_, None) => None,
    }))
}

fn hash_of(fields: impl Iterator<Item = Option<Vec<u8>>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    fields.for_each(|field| field.hash(&mut hasher));
    hasher.finish()
}

/// The first rows without a pair, of a table without a key.
#[derive(Default)]
pub(super) struct Leftovers {
    source: Vec<SourceRow>,
    target: Vec<TargetRow>,
}

impl Leftovers {
    pub(super) fn add_source(&mut self, row: SourceRow) {
        if self.source.len() < LEFTOVERS_MAX {
            self.source.push(row);
        }
    }

    pub(super) fn add_target(&mut self, row: TargetRow) {
        if self.target.len() < LEFTOVERS_MAX {
            self.target.push(row);
        }
    }

    /// Pairs rows that share at least half of their values: they are one row with other values, not a missing and an extra one.
    pub(super) fn pair(self, table: &PlannedTable, naming: Naming, counts: &mut TableCounts) {
        let mut scratch = Vec::new();
        let mut target: Vec<Option<TargetRow>> = self.target.into_iter().map(Some).collect();
        for row in self.source {
            let mut best = (0, None);
            for (place, other) in target.iter().enumerate() {
                let Some(other) = other else { continue };
                let shared = shared_values(table, &row, other, &mut scratch);
                if shared > best.0 {
                    best = (shared, Some(place));
                }
            }
            let (shared, Some(place)) = best else { continue };
            if shared * 2 < table.columns.len() {
                continue;
            }
            let Some(other) = target.get_mut(place).and_then(Option::take) else { continue };
            counts.paired_after_all(&row.name, &other.name);
            let mut name = || format!("{}, {}", row.name, other.name);
            counts.pair(table, naming, &row.cells, &other.cells, &mut scratch, &mut name);
        }
    }
}

/// How many values of two rows are the same and not NULL.
fn shared_values(table: &PlannedTable, row: &SourceRow, other: &TargetRow, scratch: &mut Vec<u8>) -> usize {
    let cells = table.columns.iter().zip(&row.cells).zip(&other.cells);
    cells
        .filter(|((column, source), target)| {
            !matches!(target, TargetCell::Null) && is_same(column, source, target, scratch)
        })
        .count()
}
