//! Long values: read in pieces by incremental blob I/O, and refused by SQLite where a plain statement meets one.

use std::ops::ControlFlow;

use migrate_core::value::{SourceValue, StorageClass};
use rusqlite::Connection;
use rusqlite::limits::Limit;

use super::{HELD_MAX_BYTES, PIECE_BYTES};

/// A text or blob of more than [`HELD_MAX_BYTES`], which is read in pieces.
#[derive(Debug)]
pub struct LongText<'a> {
    pub(super) class: StorageClass,
    pub(super) length: u64,
    pub(super) connection: &'a Connection,
    pub(super) table: &'a str,
    pub(super) column: &'a str,
    pub(super) rowid: i64,
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

    /// Hands all bytes to `take`, in pieces of at most [`PIECE_BYTES`], as long as it goes on.
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

    /// All its bytes, for what can do with nothing less.
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
    pub fn as_value<'b>(&self, bytes: &'b [u8]) -> SourceValue<'b> {
        if self.class == StorageClass::Text { SourceValue::Text(bytes) } else { SourceValue::Blob(bytes) }
    }
}

/// Makes SQLite refuse to load long values, until it is dropped.
pub(super) struct LowLimit<'a> {
    connection: &'a Connection,
    before: i32,
}

impl<'a> LowLimit<'a> {
    pub(super) fn set(connection: &'a Connection) -> rusqlite::Result<LowLimit<'a>> {
        let limit = i32::try_from(HELD_MAX_BYTES).unwrap_or(i32::MAX);
        let before = connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, limit)?;
        Ok(LowLimit { connection, before })
    }
}

impl Drop for LowLimit<'_> {
    fn drop(&mut self) {
        // A limit that was set before can be set again.
        let _ = self.connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, self.before);
    }
}
