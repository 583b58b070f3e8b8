//! TEXT to `text`: the same bytes, once they are known to be UTF-8 without a NUL.
//!
//! PostgreSQL's text cannot hold a NUL (manual, section 8.3) nor, in a UTF8 database, invalid UTF-8 (section 24.3).

use super::{LongForm, Output, PgType, Refusal, Spec, Undecodable};
use crate::value::SourceValue;

/// The longest field that PostgreSQL takes, in bytes: 1 GB less one byte for a row in memory, of which 52 are its headers and the
/// field's length (`heap_form_tuple`; measured on PostgreSQL 15).
pub(super) const FIELD_LENGTH_MAX_BYTES: u64 = 0x3fff_ffff - 52;

pub(super) const fn spec() -> Spec {
    Spec {
        long_values: LongForm::Text,
        ..Spec::new(
            PgType::Text,
            "TEXT to text: the same bytes, which must be UTF-8 without NUL",
            SourceValue::Text("https://example.org/größe/17".as_bytes()),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    out.append(checked(value)?.as_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    Ok(SourceValue::Text(wire))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((source, target), (SourceValue::Text(source), SourceValue::Text(target)) if source == target)
}

/// The text of `value`, if PostgreSQL's text can hold it.
pub(super) fn checked<'a>(value: SourceValue<'a>) -> Result<&'a str, Refusal> {
    let SourceValue::Text(bytes) = value else {
        return Err(Refusal::StorageClass { found: value.storage_class(), expected: "text" });
    };
    let text = simdutf8::compat::from_utf8(bytes)
        .map_err(|error| Refusal::InvalidUtf8 { at_byte: error.valid_up_to() })?;
    check_length(bytes)?;
    match memchr::memchr(0, bytes) {
        Some(at_byte) => Err(Refusal::NulInText { at_byte }),
        None => Ok(text),
    }
}

/// Refuses a field that is longer than PostgreSQL takes.
pub(super) fn check_length(bytes: &[u8]) -> Result<(), Refusal> {
    check_length_bytes(bytes.len() as u64)
}

/// The same for a field of which only the length is known.
pub(super) fn check_length_bytes(bytes: u64) -> Result<(), Refusal> {
    if bytes > FIELD_LENGTH_MAX_BYTES { Err(Refusal::TooLong { bytes }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_without_nul_comes_back(text in "[^\u{0}]*") {
            check_round_trip(&Conversion::Text, SourceValue::Text(text.as_bytes()));
        }
    }

    #[test]
    fn what_postgresql_cannot_hold_is_refused() {
        for (value, refusal) in [
            (SourceValue::Text(b"a\0b"), "NUL character at byte 1, which PostgreSQL text cannot hold"),
            (SourceValue::Text(b"ab\xff"), "invalid UTF-8 at byte 2"),
            (SourceValue::Blob(b"ab"), "blob where text is expected"),
            (SourceValue::Integer(1), "integer where text is expected"),
        ] {
            assert_eq!(encode(value, &mut Vec::new()).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn trailing_blanks_and_empty_text_are_differences() {
        assert!(!same(SourceValue::Text(b"a"), SourceValue::Text(b"a ")));
        assert!(!same(SourceValue::Text(b""), SourceValue::Null));
    }
}
