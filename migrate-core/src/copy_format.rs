//! PostgreSQL's binary COPY format (manual, COPY, section "Binary Format"): rows out of source values, and fields back.
//!
//! Knows conversions, not connections: bytes go in and come out.

use crate::conversion::Refusal;
use crate::plan::PlannedColumn;
use crate::value::SourceValue;

/// What every stream begins with: signature, flags, length of the header extension.
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What every stream ends with: a field count of -1.
pub const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// The field length that stands for NULL.
const NULL_LENGTH: i32 = -1;

/// Why a field cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldRefusal {
    /// NULL where the target is NOT NULL.
    #[error("NULL in a column that is NOT NULL in PostgreSQL")]
    Null,
    /// The conversion refuses the value.
    #[error(transparent)]
    Value(#[from] Refusal),
    /// The row is longer than PostgreSQL takes.
    #[error("in a row of {bytes} bytes, and PostgreSQL holds at most {ROW_LENGTH_MAX_BYTES} in one row")]
    Row {
        /// How many bytes the fields of the row have.
        bytes: u64,
    },
    /// SQLite cannot compute the value of a generated column.
    #[error("SQLite cannot compute it: {reason}")]
    Uncomputed {
        /// SQLite's words, without any part of a value.
        reason: String,
    },
}

/// The longest row that PostgreSQL can store, in bytes: it builds the complete row in memory before it moves long fields elsewhere,
/// in 1 GB less one byte (`heap_form_tuple`; measured on PostgreSQL 15).
pub const ROW_LENGTH_MAX_BYTES: u64 = 0x3fff_ffff;

/// Refuses a row whose fields have so many bytes in all and that PostgreSQL cannot put together.
///
/// # Errors
/// [`FieldRefusal::Row`].
pub fn check_row(columns: usize, bytes: u64) -> Result<(), FieldRefusal> {
    /// The headers of a row without a field.
    const ROW_HEADERS_BYTES: u64 = 48;
    /// The most that a field needs in addition to its bytes: its length, a bit for NULL, and up to 7 bytes of alignment.
    const FIELD_HEADER_BYTES_MAX: u64 = 12;
    // A row of one field is known to the byte, see `text`.
    let headers = ROW_HEADERS_BYTES + FIELD_HEADER_BYTES_MAX * columns as u64;
    if columns > 1 && bytes + headers > ROW_LENGTH_MAX_BYTES {
        Err(FieldRefusal::Row { bytes })
    } else {
        Ok(())
    }
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

/// Appends the length of a field whose bytes come later.
///
/// # Errors
/// [`Refusal::TooLong`] where it is longer than any field.
pub fn append_length(bytes: u64, out: &mut Vec<u8>) -> Result<(), FieldRefusal> {
    let length = i32::try_from(bytes).map_err(|_| Refusal::TooLong { bytes })?;
    out.extend_from_slice(&length.to_be_bytes());
    Ok(())
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
    append_field(column.not_null, value, out, |out| column.encode(value, out))
}

/// Appends one field, NULL or what `encode` appends. When it is refused, the caller truncates `out` to the start of the row.
///
/// # Errors
/// [`FieldRefusal`] when PostgreSQL cannot hold the value as planned.
pub fn append_field(
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
    let length = i32::try_from(out.len() - length_at - 4)
        .map_err(|_| Refusal::TooLong { bytes: (out.len() - length_at - 4) as u64 })?;
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
        /// A row of many megabytes must not keep its room for the rest of the stream.
        const KEPT_BYTES_MAX: usize = 1 << 20;
        if self.consumed > 0 {
            self.pending.drain(..self.consumed);
            self.consumed = 0;
            self.pending.shrink_to(KEPT_BYTES_MAX);
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
    use crate::conversion::Conversion;
    use proptest::prelude::*;

    fn stream(rows: &[Vec<Option<i64>>]) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        for row in rows {
            begin_row(row.len(), &mut out);
            for value in row {
                let value = value.map_or(SourceValue::Null, SourceValue::Integer);
                append_field(false, value, &mut out, |out| Conversion::Bigint.encode(value, out)).unwrap();
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
    fn a_row_that_postgresql_cannot_put_together_is_refused() {
        // PostgreSQL 15 took two fields of 536,870,875 bytes, and refused two of 536,870,887, two of 600,000,000 and one of more
        // than 1,073,741,771.
        assert_eq!(check_row(2, 2 * (4 + 536_870_000)), Ok(()));
        for each in [536_870_887, 600_000_000] {
            let refusal = check_row(2, 2 * (4 + each)).unwrap_err();
            assert!(
                refusal.to_string().ends_with("and PostgreSQL holds at most 1073741823 in one row"),
                "{refusal}"
            );
        }
        let mut out = Vec::new();
        assert_eq!(append_length(1 << 31, &mut out), Err(Refusal::TooLong { bytes: 1 << 31 }.into()));
        append_length(1_073_741_771, &mut out).unwrap();
        assert_eq!(out, 1_073_741_771_i32.to_be_bytes());
        let refusal = Refusal::TooLong { bytes: 1 << 31 }.to_string();
        assert_eq!(refusal, "2147483648 bytes, and PostgreSQL holds at most 1073741771 in one field");
    }

    #[test]
    fn null_where_the_target_refuses_it_is_named() {
        let refused = append_field(true, SourceValue::Null, &mut Vec::new(), |_| Ok(())).unwrap_err();
        assert_eq!(refused.to_string(), "NULL in a column that is NOT NULL in PostgreSQL");
    }
}
