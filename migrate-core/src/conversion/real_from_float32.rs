//! REAL that holds a float of 32 bits to `real`, as apps store that compute in such floats: 0.10000000149011612 is the 64-bit float of
//! the same value as the 32-bit 0.1. A float that 32 bits do not hold exactly is refused.
//!
//! `real` reads the same bits as the decimal 0.1; a column has either the one or the other.

use super::{Output, PgType, Refusal, Spec, Undecodable, bigint, double_precision};
use crate::value::SourceValue;

pub(super) use super::double_precision::same;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::DoublePrecision,
        ..Spec::new(
            PgType::Real,
            "REAL to real: floats that 32 bits hold exactly, however long their decimal is",
            SourceValue::Real(0.100_000_001_490_116_12),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let wide = double_precision::checked(value)?;
    let narrow = wide as f32;
    if f64::from(narrow).to_bits() != wide.to_bits() {
        return Err(Refusal::OutOfRange { target: "real", range: "floats that 32 bits hold exactly" });
    }
    out.append(&narrow.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let narrow = f32::from_be_bytes(bigint::fixed(wire, "real", "4")?);
    if narrow.is_nan() {
        return Err(Undecodable::NoSourceValue { what: "NaN, which SQLite cannot hold" });
    }
    Ok(SourceValue::Real(narrow.into()))
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_float_of_32_bits_comes_back(bits: u32, wide in any::<f64>()) {
            let narrow = f32::from_bits(bits);
            prop_assume!(!narrow.is_nan() && !wide.is_nan());
            check_round_trip(&Conversion::RealFromFloat32, SourceValue::Real(narrow.into()));
            let is_held = f64::from(wide as f32) == wide;
            prop_assert_eq!(encode(SourceValue::Real(wide), &mut Vec::new()).is_ok(), is_held);
        }
    }

    #[test]
    fn a_decimal_that_is_no_such_float_is_refused() {
        for value in [SourceValue::Real(0.1), SourceValue::Real(1e39), SourceValue::Text(b"1")] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
        check_round_trip(&Conversion::RealFromFloat32, SourceValue::Integer(16_777_216));
        assert!(encode(SourceValue::Integer(16_777_217), &mut Vec::new()).is_err());
        assert!(decode(&f32::NAN.to_be_bytes(), &mut Vec::new()).is_err());
    }
}
