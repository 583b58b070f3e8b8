//! Rows in COPY's binary format, without the bytes of long values: these are sent in pieces, straight from the source.

use std::ops::ControlFlow;

use migrate_core::conversion::{LongValue, Refusal};
use migrate_core::copy_format::{self, FieldRefusal};
use migrate_core::plan::PlannedColumn;

use super::{LongText, Value, Values};

/// Encoded rows that are to be sent.
#[derive(Debug, Default)]
pub struct RowBuffer {
    /// All but the bytes that are left out.
    pub bytes: Vec<u8>,
    /// The long values of the last row, in the order of their places.
    pub deferred: Vec<DeferredValue>,
}

/// A long value of which only the length was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeferredValue {
    /// Where its bytes belong among those of the buffer.
    pub at: usize,
    /// Its place among the planned columns.
    pub position: usize,
    /// How many bytes it has.
    pub length: u64,
}

/// The error for a buffer whose deferred values are not where they were.
fn torn() -> rusqlite::Error {
    rusqlite::Error::UserFunctionError("a row does not fit what was encoded of it".into())
}

/// A position in a buffer to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    bytes: usize,
    deferred: usize,
}

impl RowBuffer {
    /// Clears the buffer and keeps a limited capacity: after a value of many megabytes the memory must not stay allocated for the rest of
    /// a table.
    pub fn clear(&mut self) {
        const KEPT_BYTES_MAX: usize = 1 << 20;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
        self.deferred.clear();
    }

    /// The size in bytes, including deferred values.
    pub fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.deferred.iter().map(|long| long.length).sum::<u64>()
    }

    /// Writes the lengths of the fields of the first row to `lengths`, none for NULL.
    pub(crate) fn field_lengths(&self, lengths: &mut Vec<Option<u64>>) {
        lengths.clear();
        let mut long = self.deferred.iter().peekable();
        let mut rest = self.bytes.get(2..).unwrap_or_default();
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let length = u64::try_from(i32::from_be_bytes(*length)).ok();
            lengths.push(length);
            let is_deferred = long.next_if(|long| long.at == self.bytes.len() - behind.len()).is_some();
            let held = length.filter(|_| !is_deferred).and_then(|length| usize::try_from(length).ok());
            rest = behind.get(held.unwrap_or(0)..).unwrap_or_default();
        }
    }

    /// Sends the bytes of all rows, with the deferred values of the last one, `row`, and clears the buffer.
    ///
    /// # Errors
    /// When `row` cannot be read, or, as the inner result, the error of `send`.
    pub(crate) fn send_with<E>(
        &mut self,
        row: &impl Values,
        mut send: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> rusqlite::Result<Result<(), E>> {
        let mut from = 0;
        for long in &self.deferred {
            if let Err(error) = send(self.bytes.get(from..long.at).ok_or_else(torn)?) {
                return Ok(Err(error));
            }
            from = long.at;
            let Value::Long(value) = row.value(long.position)? else { return Err(torn()) };
            let sent = value.pieces(|piece| match send(piece) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            })?;
            if let ControlFlow::Break(error) = sent {
                return Ok(Err(error));
            }
        }
        if let Err(error) = send(self.bytes.get(from..).ok_or_else(torn)?) {
            return Ok(Err(error));
        }
        self.clear();
        Ok(Ok(()))
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), deferred: self.deferred.len() }
    }

    pub(super) fn truncate(&mut self, mark: Mark) {
        debug_assert!(mark.bytes <= self.bytes.len() && mark.deferred <= self.deferred.len());
        self.bytes.truncate(mark.bytes);
        self.deferred.truncate(mark.deferred);
    }

    /// The place among the columns of the longest value that was deferred; the first column where none was deferred.
    pub(super) fn longest_since(&self, mark: Mark) -> usize {
        let long = self.deferred.get(mark.deferred..).unwrap_or_default();
        long.iter().max_by_key(|long| long.length).map_or(0, |long| long.position)
    }

    pub(super) fn length_since(&self, mark: Mark) -> u64 {
        let long = self.deferred.get(mark.deferred..).unwrap_or_default();
        self.bytes.len().saturating_sub(mark.bytes) as u64 + long.iter().map(|long| long.length).sum::<u64>()
    }

    /// Appends the field of `column`; why PostgreSQL cannot hold it, where it cannot.
    pub(super) fn append_value(
        &mut self,
        column: &PlannedColumn,
        position: usize,
        value: Value<'_>,
    ) -> rusqlite::Result<Result<(), FieldRefusal>> {
        match value {
            Value::Held(value) => Ok(copy_format::append_column(column, value, &mut self.bytes)),
            Value::Long(long) => self.append_long(column, position, long),
            Value::Uncomputed(failed) => Ok(Err(FieldRefusal::Uncomputed { reason: failed.reason.clone() })),
        }
    }

    fn append_long(
        &mut self,
        column: &PlannedColumn,
        position: usize,
        long: &LongText<'_>,
    ) -> rusqlite::Result<Result<(), FieldRefusal>> {
        match column.long_value(long.class(), long.length()) {
            Err(refusal) => return Ok(Err(refusal.into())),
            Ok(LongValue::Unsplit) => {
                let whole = long.whole()?;
                return Ok(copy_format::append_column(column, long.as_value(&whole), &mut self.bytes));
            }
            Ok(LongValue::Bytes) => {}
            Ok(LongValue::Text(mut check)) => {
                let checked = long.pieces(|piece| match check.feed(piece) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(refusal) => ControlFlow::Break(refusal),
                })?;
                let found: Result<(), Refusal> = match checked {
                    ControlFlow::Break(refusal) => Err(refusal),
                    ControlFlow::Continue(()) => check.finish(),
                };
                if let Err(refusal) = found {
                    return Ok(Err(refusal.into()));
                }
            }
        }
        if let Err(refusal) = copy_format::append_length(long.length(), &mut self.bytes) {
            return Ok(Err(refusal));
        }
        self.deferred.push(DeferredValue { at: self.bytes.len(), position, length: long.length() });
        Ok(Ok(()))
    }
}
