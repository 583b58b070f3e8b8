//! Finds rows that may be too wide for a page of PostgreSQL, or have a key that is too long for an index.
//!
//! The scan of all values checks the lengths of each row's fields, which costs very little: nearly all rows are below every limit.
//! PostgreSQL decides about the others, see `run::page_limits`.

use migrate_core::page_limits::{KEY_BYTES_MAX, KeyLimit, ROW_BYTES_MAX, RowBytes};
use migrate_core::plan::PlannedTable;
use serde::Serialize;

use crate::row_encoder::RowBuffer;

/// Rows of a table that PostgreSQL cannot hold, or not with one of its indexes.
#[derive(Clone, Debug, Serialize)]
pub struct Exceeding {
    /// The limit that they exceed.
    #[serde(flatten)]
    pub limit: Exceeded,
    /// How many rows.
    pub rows: u64,
    /// The most bytes that one of them has: of a row as PostgreSQL would store it, of a key before it is compressed.
    pub bytes_max: u64,
    /// The keys of the first few, for people.
    pub first: Vec<String>,
}

/// A limit that rows exceed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Exceeded {
    /// The room that a page has for a row.
    Row {
        /// How many columns the table has in PostgreSQL.
        columns: usize,
    },
    /// The longest key of an index.
    Key {
        /// The name of the index or constraint.
        name: String,
        /// The expressions of the index, as SQL.
        definition: String,
    },
}

impl Exceeded {
    /// The limit, in bytes; none of an index that is no B-tree.
    pub fn bytes(&self) -> Option<u64> {
        match self {
            Exceeded::Row { .. } => Some(ROW_BYTES_MAX),
            Exceeded::Key { definition, .. } => definition.starts_with("btree ").then_some(KEY_BYTES_MAX),
        }
    }
}

/// The limits of one table.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    table: &'a PlannedTable,
    /// For each planned column its place among the fields that are sent.
    fields: Vec<Option<usize>>,
    keys: Vec<KeyLimit>,
    may_be_wide: bool,
    /// A row of no more bytes than this is below every limit.
    harmless_bytes: u64,
}

/// Whether a row fits into a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Fits,
    /// That depends on how well its values can be compressed.
    Unknown(RowBytes),
    TooWide(RowBytes),
}

impl<'a> Watch<'a> {
    pub(crate) fn new(table: &'a PlannedTable) -> Watch<'a> {
        /// A value occupies at most 27 bytes of its row, and a field of that size at least 7.
        const NARROW_BYTES: u64 = ROW_BYTES_MAX / 27 * 7;
        let mut sent = 0..;
        let fields = (table.columns.iter())
            .map(|column| if column.generated.is_none() { sent.next() } else { None })
            .collect();
        let keys = KeyLimit::all(table);
        let may_be_wide = RowBytes::most_of_any(table) > ROW_BYTES_MAX;
        let of_keys = keys.iter().map(|key| key.harmless_bytes(table));
        let harmless_bytes = of_keys.chain(may_be_wide.then_some(NARROW_BYTES)).min().unwrap_or(u64::MAX);
        Watch { table, fields, keys, may_be_wide, harmless_bytes }
    }

    pub(crate) fn table(&self) -> &'a PlannedTable {
        self.table
    }

    pub(crate) fn keys(&self) -> &[KeyLimit] {
        &self.keys
    }

    pub(crate) fn may_be_wide(&self) -> bool {
        self.may_be_wide
    }

    /// Whether the row that was appended to an empty buffer is below every limit.
    pub(crate) fn is_harmless(&self, row: &RowBuffer, lengths: &mut Vec<Option<u64>>) -> bool {
        if row.length() <= self.harmless_bytes {
            return true;
        }
        row.field_lengths(lengths);
        self.width(lengths) == Width::Fits && !self.keys.iter().any(|limit| self.may_exceed(limit, lengths))
    }

    /// Whether a row with fields of these lengths may exceed a limit.
    pub(crate) fn may_exceed(&self, limit: &KeyLimit, lengths: &[Option<u64>]) -> bool {
        limit.may_exceed(self.table, |position| self.length(lengths, position))
    }

    /// How many bytes the inputs of a limit have.
    pub(crate) fn input_bytes(&self, limit: &KeyLimit, lengths: &[Option<u64>]) -> u64 {
        limit.inputs.iter().filter_map(|&position| self.length(lengths, position)).sum()
    }

    pub(crate) fn width(&self, lengths: &[Option<u64>]) -> Width {
        if !self.may_be_wide {
            return Width::Fits;
        }
        let bytes = RowBytes::of(self.table, |position| self.length(lengths, position));
        match (bytes.least > ROW_BYTES_MAX, bytes.most > ROW_BYTES_MAX) {
            (true, _) => Width::TooWide(bytes),
            (_, true) => Width::Unknown(bytes),
            _ => Width::Fits,
        }
    }

    fn length(&self, lengths: &[Option<u64>], position: usize) -> Option<u64> {
        let field = (*self.fields.get(position)?)?;
        lengths.get(field).copied().flatten()
    }
}
