//! REAL to `real`: 32 bits, where the shortest decimal that reads back as them is also the shortest of the source's 64.
//!
//! PostgreSQL prints a `real` by that decimal (manual, section 8.1.3), so that 0.1 stays 0.1; a float with more digits is refused,
//! never rounded. INTEGER is taken where it is such a number.

pub(super) use super::double_precision::same;
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint, double_precision};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::DoublePrecision,
        ..Spec::new(
            PgType::Real,
            "REAL to real: numbers whose shortest decimal fits 32 bits; every other number is refused",
            SourceValue::Real(0.5),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let wide = double_precision::checked(value)?;
    let narrow = wide as f32;
    // A finite number must not become an infinity, nor anything but zero a zero: both show when it is taken back.
    if widened(narrow).to_bits() != wide.to_bits() {
        return Err(Refusal::OutOfRange { target: "real", range: "numbers of about 6 significant digits" });
    }
    out.append(&narrow.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let bytes = bigint::fixed(wire, "real", "4")?;
    let narrow = f32::from_be_bytes(bytes);
    if narrow.is_nan() {
        return Err(Undecodable::NoSourceValue { what: "NaN, which SQLite cannot hold" });
    }
    Ok(SourceValue::Real(widened(narrow)))
}

/// The 64 bits of the shortest decimal that reads back as `narrow`.
fn widened(narrow: f32) -> f64 {
    // Rust writes the shortest decimal of a float, and reads what it writes.
    narrow.to_string().parse().unwrap_or_else(|_| f64::from(narrow))
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_float_of_32_bits_comes_back_by_its_decimal(bits: u32) {
            let narrow = f32::from_bits(bits);
            prop_assume!(!narrow.is_nan());
            check_round_trip(&Conversion::Real, SourceValue::Real(widened(narrow)));
        }

        #[test]
        fn what_is_taken_comes_back(bits: u64) {
            let wide = f64::from_bits(bits);
            prop_assume!(!wide.is_nan());
            if encode(SourceValue::Real(wide), &mut Vec::new()).is_ok() {
                check_round_trip(&Conversion::Real, SourceValue::Real(wide));
            }
        }
    }

    #[test]
    fn decimals_are_kept_and_more_digits_are_refused() {
        for real in [0.1, 1.5, -0.0, 19.99, 16_777_216.0, f64::INFINITY, 3e38] {
            check_round_trip(&Conversion::Real, SourceValue::Real(real));
        }
        check_round_trip(&Conversion::Real, SourceValue::Integer(-7));
        for value in [
            SourceValue::Real(0.1 + 0.2),
            SourceValue::Real(1e39),
            SourceValue::Real(1e-60),
            SourceValue::Integer(16_777_217),
            SourceValue::Text(b"1"),
        ] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
        assert!(decode(&[0; 8], &mut Vec::new()).is_err());
    }
}
