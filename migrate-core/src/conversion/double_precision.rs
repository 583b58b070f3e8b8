//! REAL to `double precision`: the same 64 bits, so that -0.0 and the infinities stay what they are.
//!
//! SQLite keeps a whole number in a REAL column as INTEGER where the column's affinity lets it, so that INTEGER is taken
//! too, but only where a float holds it exactly. Nothing here rounds: an integer is never compared through a cast that may
//! lose digits.

use super::{Output, PgType, Refusal, Spec, Undecodable, bigint};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec::new(
        PgType::DoublePrecision,
        "REAL to double precision: the same 64 bits; an INTEGER only where it is exact as a float",
        SourceValue::Real(0.1),
    )
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    out.append(&checked(value)?.to_bits().to_be_bytes());
    Ok(())
}

/// The float that is exactly `value`.
pub(super) fn checked(value: SourceValue<'_>) -> Result<f64, Refusal> {
    match value {
        SourceValue::Real(float) if float.is_nan() => {
            Err(Refusal::OutOfRange { target: "double precision", range: "any number, but not NaN" })
        }
        SourceValue::Real(float) => Ok(float),
        SourceValue::Integer(integer) => exact(integer).ok_or(Refusal::OutOfRange {
            target: "double precision",
            range: "integers of at most 53 significant bits",
        }),
        _ => Err(Refusal::StorageClass { found: value.storage_class(), expected: "real or integer" }),
    }
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let float = f64::from_bits(bigint::read(wire, "double precision")?.cast_unsigned());
    if float.is_nan() {
        return Err(Undecodable::NoSourceValue { what: "NaN, which SQLite cannot hold" });
    }
    Ok(SourceValue::Real(float))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    let SourceValue::Real(target) = target else { return false };
    match source {
        SourceValue::Real(source) => source.to_bits() == target.to_bits(),
        SourceValue::Integer(source) => {
            exact(source).is_some_and(|source| source.to_bits() == target.to_bits())
        }
        _ => false,
    }
}

/// The float that is exactly `integer`, if there is one.
fn exact(integer: i64) -> Option<f64> {
    let magnitude = integer.unsigned_abs();
    let significant = magnitude.checked_shr(magnitude.trailing_zeros()).unwrap_or_default();
    // Where no more bits count than a float has, the cast has nothing to round.
    (significant < 1 << f64::MANTISSA_DIGITS).then_some(integer as f64)
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_float_comes_back(bits: u64) {
            let float = f64::from_bits(bits);
            prop_assume!(!float.is_nan());
            check_round_trip(&Conversion::DoublePrecision, SourceValue::Real(float));
        }

        #[test]
        fn an_integer_comes_back_exactly_when_a_float_holds_it(integer: i64, shift in 0_u32..64) {
            for integer in [integer >> shift, integer << shift] {
                let value = SourceValue::Integer(integer);
                // 128 bits hold every float that a 64-bit integer can become, also 2^63.
                if integer as f64 as i128 == i128::from(integer) {
                    check_round_trip(&Conversion::DoublePrecision, value);
                } else {
                    prop_assert!(encode(value, &mut Vec::new()).is_err());
                    prop_assert!(!same(value, SourceValue::Real(integer as f64)));
                }
            }
        }
    }

    #[test]
    fn the_edges_come_back() {
        for float in [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 2.0, f64::MAX, 0.1] {
            check_round_trip(&Conversion::DoublePrecision, SourceValue::Real(float));
        }
        for integer in [0, -1, 1 << 53, -(1 << 53), (1 << 53) + 2, 1 << 62, i64::MIN] {
            check_round_trip(&Conversion::DoublePrecision, SourceValue::Integer(integer));
        }
    }

    #[test]
    fn what_a_float_does_not_hold_is_refused() {
        let beyond = "out of range for double precision (integers of at most 53 significant bits)";
        for (value, refusal) in [
            (SourceValue::Integer((1 << 53) + 1), beyond),
            (SourceValue::Integer(-(1 << 53) - 1), beyond),
            (SourceValue::Integer(i64::MAX), beyond),
            (SourceValue::Real(f64::NAN), "out of range for double precision (any number, but not NaN)"),
            (SourceValue::Text(b"1.5"), "text where real or integer is expected"),
            (SourceValue::Blob(b""), "blob where real or integer is expected"),
        ] {
            assert_eq!(encode(value, &mut Vec::new()).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn near_values_and_zeros_of_the_other_sign_are_differences() {
        let next = f64::from_bits(0.1_f64.to_bits() + 1);
        for (source, target) in [
            (SourceValue::Real(0.0), SourceValue::Real(-0.0)),
            (SourceValue::Integer(0), SourceValue::Real(-0.0)),
            (SourceValue::Real(0.1), SourceValue::Real(next)),
            (SourceValue::Integer(i64::MAX), SourceValue::Real(9_223_372_036_854_775_808.0)),
            (SourceValue::Integer((1 << 53) + 1), SourceValue::Real(9_007_199_254_740_992.0)),
            (SourceValue::Real(f64::INFINITY), SourceValue::Real(f64::MAX)),
        ] {
            assert!(!same(source, target));
        }
    }

    #[test]
    fn nan_and_a_field_of_another_length_have_no_source_value() {
        for (wire, problem) in [
            (&f64::NAN.to_be_bytes()[..], "NaN, which SQLite cannot hold"),
            (&[0; 4], "4 bytes where double precision has 8"),
        ] {
            assert_eq!(decode(wire, &mut Vec::new()).unwrap_err().to_string(), problem);
        }
    }
}
