//! INTEGER to `bigint`: both are signed 64-bit integers, so that every value fits.

use super::{Output, PgType, Refusal, Spec, Undecodable};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec::new(
        PgType::Bigint,
        "INTEGER to bigint: every SQLite integer fits",
        SourceValue::Integer(9_007_199_254_740_993),
    )
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    out.append(&checked(value)?.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    Ok(SourceValue::Integer(read(wire, "bigint")?))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((source, target), (SourceValue::Integer(source), SourceValue::Integer(target)) if source == target)
}

/// The integer in `value`.
pub(super) fn checked(value: SourceValue<'_>) -> Result<i64, Refusal> {
    match value {
        SourceValue::Integer(integer) => Ok(integer),
        _ => Err(Refusal::StorageClass { found: value.storage_class(), expected: "integer" }),
    }
}

/// Eight bytes in network order, as `bigint` and the date and time types have them.
pub(super) fn read(wire: &[u8], target: &'static str) -> Result<i64, Undecodable> {
    Ok(i64::from_be_bytes(fixed(wire, target, "8")?))
}

/// The bytes of a field whose type has a fixed length.
pub(super) fn fixed<const LENGTH: usize>(
    wire: &[u8],
    target: &'static str,
    expected: &'static str,
) -> Result<[u8; LENGTH], Undecodable> {
    wire.try_into().map_err(|_| Undecodable::Length { target, expected, found_bytes: wire.len() })
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_integer_comes_back(integer: i64) {
            check_round_trip(&Conversion::Bigint, SourceValue::Integer(integer));
        }
    }

    #[test]
    fn other_storage_classes_are_refused() {
        for value in [SourceValue::Real(1.0), SourceValue::Text(b"1"), SourceValue::Blob(b"1")] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_field_of_another_length_is_no_bigint() {
        let mut scratch = Vec::new();
        let error = decode(&[0, 0, 0, 1], &mut scratch).unwrap_err();
        assert_eq!(error.to_string(), "4 bytes where bigint has 8");
    }
}
