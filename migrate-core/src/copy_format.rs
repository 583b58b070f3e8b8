//! PostgreSQL's binary COPY format (manual, COPY, section "Binary Format"): rows out of source values, and fields back.
//!
//! Knows conversions, not connections: bytes go in and come out.

use crate::conversion::{Conversion, Refusal};
use crate::plan::PlannedColumn;
use crate::value::SourceValue;

/// What every stream begins with: signature, flags, length of the header extension.
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What every stream ends with: a field count of -1.
pub const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// The field length that stands for NULL.
const NULL_LENGTH: i32 = -1;

/// A value that cannot be sent, and the column that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedField {
    /// The place among the row's columns, from 0.
    pub position: usize,
    /// Why.
    pub refusal: FieldRefusal,
}

/// Why a field cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldRefusal {
    /// NULL where the target is NOT NULL.
    #[error("NULL in a column that is NOT NULL in PostgreSQL")]
    Null,
    /// The conversion refuses the value.
    #[error(transparent)]
    Value(#[from] Refusal),
}

/// Appends the field count that a row begins with.
pub fn begin_row(columns: usize, out: &mut Vec<u8>) {
    // PostgreSQL has at most 1600 columns in a table (manual, appendix K), so the count always fits.
    out.extend_from_slice(&i16::try_from(columns).unwrap_or(i16::MAX).to_be_bytes());
}

/// Appends a field that is NULL.
pub fn append_null(out: &mut Vec<u8>) {
    out.extend_from_slice(&NULL_LENGTH.to_be_bytes());
}

/// Appends one field. When it is refused, the caller cuts `out` back to where the row began.
///
/// # Errors
/// [`FieldRefusal`] when PostgreSQL cannot hold the value as planned.
pub fn append_field(
    conversion: &Conversion,
    not_null: bool,
    value: SourceValue<'_>,
    out: &mut Vec<u8>,
) -> Result<(), FieldRefusal> {
    append(not_null, value, out, |out| conversion.encode(value, out))
}

/// Appends the field of a planned column, which may hold less than its type does.
///
/// # Errors
/// [`FieldRefusal`] when PostgreSQL cannot hold the value as planned.
pub fn append_column(
    column: &PlannedColumn,
    value: SourceValue<'_>,
    out: &mut Vec<u8>,
) -> Result<(), FieldRefusal> {
    append(column.not_null, value, out, |out| column.encode(value, out))
}

fn append(
    not_null: bool,
    value: SourceValue<'_>,
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Refusal>,
) -> Result<(), FieldRefusal> {
    if value.is_null() {
        if not_null {
            return Err(FieldRefusal::Null);
        }
        append_null(out);
        return Ok(());
    }
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    encode(out)?;
    let length = i32::try_from(out.len() - length_at - 4).map_err(|_| Refusal::TooLong)?;
    out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// A stream that is not in the binary COPY format, or not with the columns expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL's COPY stream is not as the manual describes it: {0}")]
pub struct MalformedStream(&'static str);

/// Reads a binary COPY stream that arrives in pieces of any size.
#[derive(Debug, Default)]
pub struct StreamReader {
    pending: Vec<u8>,
    consumed: usize,
    has_header: bool,
    has_trailer: bool,
}

/// Where the fields of one row lie in the reader's buffer; `None` is NULL.
pub type FieldRanges = Vec<Option<std::ops::Range<usize>>>;

impl StreamReader {
    /// Takes in the next piece of the stream.
    pub fn feed(&mut self, piece: &[u8]) {
        if self.consumed > 0 {
            self.pending.drain(..self.consumed);
            self.consumed = 0;
        }
        self.pending.extend_from_slice(piece);
    }

    /// Finds the next row: fills `fields` and returns true, or returns false where more of the stream is needed or it has
    /// ended. The ranges hold until the next call of [`StreamReader::feed`].
    ///
    /// # Errors
    /// [`MalformedStream`] when the stream is not in the format, or a row has not `columns` fields.
    pub fn next_row(&mut self, columns: usize, fields: &mut FieldRanges) -> Result<bool, MalformedStream> {
        fields.clear();
        if !self.has_header {
            let Some(header) = self.pending.get(self.consumed..self.consumed + HEADER.len()) else {
                return Ok(false);
            };
            if header != HEADER {
                return Err(MalformedStream("another header"));
            }
            self.consumed += HEADER.len();
            self.has_header = true;
        }
        let mut at = self.consumed;
        let Some(count) = self.read::<2>(&mut at).map(i16::from_be_bytes) else { return Ok(false) };
        if self.has_trailer {
            return Err(MalformedStream("more after its end"));
        }
        if count == -1 {
            self.has_trailer = true;
            self.consumed = at;
            return Ok(false);
        }
        if usize::try_from(count) != Ok(columns) {
            return Err(MalformedStream("another number of columns"));
        }
        for _ in 0..columns {
            let Some(length) = self.read::<4>(&mut at).map(i32::from_be_bytes) else { return Ok(false) };
            if length == NULL_LENGTH {
                fields.push(None);
                continue;
            }
            let length = usize::try_from(length).map_err(|_| MalformedStream("a negative length"))?;
            if self.pending.len() - at < length {
                return Ok(false);
            }
            fields.push(Some(at..at + length));
            at += length;
        }
        self.consumed = at;
        Ok(true)
    }

    /// The bytes of a field.
    pub fn field(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.pending[range]
    }

    /// Whether the stream has come to its end, with nothing left over.
    pub fn is_complete(&self) -> bool {
        self.has_trailer && self.consumed == self.pending.len()
    }

    fn read<const N: usize>(&self, at: &mut usize) -> Option<[u8; N]> {
        let bytes = self.pending.get(*at..*at + N)?.try_into().ok()?;
        *at += N;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(rows: &[Vec<Option<i64>>]) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        for row in rows {
            begin_row(row.len(), &mut out);
            for value in row {
                let value = value.map_or(SourceValue::Null, SourceValue::Integer);
                append_field(&Conversion::Bigint, false, value, &mut out).unwrap();
            }
        }
        out.extend_from_slice(&TRAILER);
        out
    }

    proptest! {
        #[test]
        fn rows_come_back_however_the_stream_is_cut(
            rows in prop::collection::vec(prop::collection::vec(any::<Option<i64>>(), 3), 0..8),
            piece_bytes in 1_usize..40,
        ) {
            let bytes = stream(&rows);
            let (mut reader, mut fields, mut back) = (StreamReader::default(), Vec::new(), Vec::new());
            for piece in bytes.chunks(piece_bytes) {
                reader.feed(piece);
                while reader.next_row(3, &mut fields).unwrap() {
                    let row: Vec<Option<i64>> = fields
                        .iter()
                        .map(|field| field.clone().map(|range| i64::from_be_bytes(reader.field(range).try_into().unwrap())))
                        .collect();
                    back.push(row);
                }
            }
            prop_assert!(reader.is_complete());
            prop_assert_eq!(back, rows);
        }

        #[test]
        fn no_stream_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), columns in 0_usize..4) {
            let (mut reader, mut fields) = (StreamReader { has_header: true, ..StreamReader::default() }, Vec::new());
            reader.feed(&bytes);
            while let Ok(true) = reader.next_row(columns, &mut fields) {}
        }
    }

    #[test]
    fn null_where_the_target_refuses_it_is_named() {
        let refused = append_field(&Conversion::Text, true, SourceValue::Null, &mut Vec::new()).unwrap_err();
        assert_eq!(refused.to_string(), "NULL in a column that is NOT NULL in PostgreSQL");
    }
}
