//! A row as bytes: two rows have the same bytes if and only if their values have the same storage classes and bytes.
//!
//! Long values are represented by their length and SHA-256, so that no row takes much memory.

use migrate_core::value::{SourceValue, StorageClass};
use sha2::{Digest, Sha256};

use crate::source::rows::{LongText, Value, Values};

/// The longest text or blob that is kept as it is.
const KEPT_MAX_BYTES: usize = 64 << 10;

/// Marks what follows. Each mark has a form of a length of its own or a length after it, so that no row is the beginning of another.
#[derive(Clone, Copy)]
enum Mark {
    Null,
    Integer,
    Real,
    Text,
    Blob,
    LongText,
    LongBlob,
    Uncomputed,
}

/// Appends the first `columns` values of a row.
///
/// # Errors
/// When one cannot be read.
pub(super) fn append(row: &impl Values, columns: usize, out: &mut Vec<u8>) -> rusqlite::Result<()> {
    for position in 0..columns {
        match row.value(position)? {
            Value::Held(SourceValue::Null) => out.push(Mark::Null as u8),
            Value::Held(SourceValue::Integer(integer)) => {
                out.push(Mark::Integer as u8);
                out.extend_from_slice(&integer.to_le_bytes());
            }
            Value::Held(SourceValue::Real(real)) => {
                out.push(Mark::Real as u8);
                out.extend_from_slice(&real.to_bits().to_le_bytes());
            }
            Value::Held(SourceValue::Text(text)) => held(Mark::Text, Mark::LongText, text, out),
            Value::Held(SourceValue::Blob(blob)) => held(Mark::Blob, Mark::LongBlob, blob, out),
            Value::Long(value) => long(value, out)?,
            Value::Uncomputed(failed) => bytes(Mark::Uncomputed, failed.reason.as_bytes(), out),
        }
    }
    Ok(())
}

fn held(mark: Mark, long_mark: Mark, value: &[u8], out: &mut Vec<u8>) {
    if value.len() <= KEPT_MAX_BYTES {
        return bytes(mark, value, out);
    }
    digest(long_mark, value.len() as u64, Sha256::digest(value).as_slice(), out);
}

fn long(value: &LongText<'_>, out: &mut Vec<u8>) -> rusqlite::Result<()> {
    let mark = if value.class() == StorageClass::Text { Mark::LongText } else { Mark::LongBlob };
    let mut hasher = Sha256::new();
    let _ = value.pieces(|piece| {
        hasher.update(piece);
        std::ops::ControlFlow::<()>::Continue(())
    })?;
    digest(mark, value.length(), hasher.finalize().as_slice(), out);
    Ok(())
}

fn bytes(mark: Mark, value: &[u8], out: &mut Vec<u8>) {
    out.push(mark as u8);
    out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    out.extend_from_slice(value);
}

fn digest(mark: Mark, length: u64, digest: &[u8], out: &mut Vec<u8>) {
    out.push(mark as u8);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(digest);
}
