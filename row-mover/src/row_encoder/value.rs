//! The values of a source row as the encoder reads them: in memory, in pieces, or not computable.

use std::ops::ControlFlow;

use migrate_core::value::{SourceValue, StorageClass};
use rusqlite::Connection;

/// How much of a long value is read at once.
pub const PIECE_BYTES: usize = 256 << 10;

/// A value of a row.
#[derive(Debug)]
pub enum Value<'a> {
    /// One that is in memory.
    Held(SourceValue<'a>),
    /// One that is not.
    Long(&'a LongText<'a>),
    /// One of a generated column that SQLite cannot compute.
    Uncomputed(&'a Uncomputed),
}

/// Lends the values of a row.
pub trait Values {
    /// The value of the planned column at `position`.
    ///
    /// # Errors
    /// When it cannot be read.
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>>;
}

/// A value that SQLite cannot compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncomputed {
    /// SQLite's message, without any part of a value.
    pub reason: String,
}

/// A text or blob that is too long to be held in memory, and is read in pieces.
#[derive(Debug)]
pub struct LongText<'a> {
    pub(crate) class: StorageClass,
    pub(crate) length: u64,
    pub(crate) connection: &'a Connection,
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    pub(crate) rowid: i64,
}

impl LongText<'_> {
    /// TEXT or BLOB.
    pub fn class(&self) -> StorageClass {
        self.class
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Passes all bytes to `take`, in pieces of at most [`PIECE_BYTES`], until it breaks.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pieces<B>(
        &self,
        mut take: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> rusqlite::Result<ControlFlow<B>> {
        let blob = self.connection.blob_open("main", self.table, self.column, self.rowid, true)?;
        let (mut piece, mut at) = (vec![0; PIECE_BYTES], 0);
        loop {
            let length = blob.read_at(&mut piece, at)?;
            if length == 0 {
                return Ok(ControlFlow::Continue(()));
            }
            at += length;
            if let ControlFlow::Break(reason) = take(piece.get(..length).unwrap_or_default()) {
                return Ok(ControlFlow::Break(reason));
            }
        }
    }

    /// All its bytes, for callers that cannot work in pieces.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn whole(&self) -> rusqlite::Result<Vec<u8>> {
        let mut whole = Vec::with_capacity(usize::try_from(self.length).unwrap_or(0));
        let _ = self.pieces(|piece| {
            whole.extend_from_slice(piece);
            ControlFlow::<()>::Continue(())
        })?;
        Ok(whole)
    }

    /// Bytes that are its own, as a value of its class.
    pub(crate) fn as_value<'b>(&self, bytes: &'b [u8]) -> SourceValue<'b> {
        if self.class == StorageClass::Text { SourceValue::Text(bytes) } else { SourceValue::Blob(bytes) }
    }
}
