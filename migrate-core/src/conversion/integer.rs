//! INTEGER to `integer`: 32 bits; an integer beyond them is refused, never wrapped or rounded.

pub(super) use super::bigint::same;
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Integer,
            "INTEGER to integer: 32 bits; a larger integer is refused",
            SourceValue::Integer(12_345),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let integer = i32::try_from(bigint::checked(value)?)
        .map_err(|_| Refusal::OutOfRange { target: "integer", range: "-2147483648 to 2147483647" })?;
    out.append(&integer.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let bytes = bigint::fixed(wire, "integer", "4")?;
    Ok(SourceValue::Integer(i32::from_be_bytes(bytes).into()))
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_integer_of_32_bits_comes_back(integer: i32) {
            check_round_trip(&Conversion::Integer, SourceValue::Integer(integer.into()));
        }

        #[test]
        fn an_integer_is_refused_exactly_when_it_needs_more_than_32_bits(integer: i64, shift in 0_u32..64) {
            let integer = integer >> shift;
            let fits = i64::from(i32::MIN) <= integer && integer <= i64::from(i32::MAX);
            prop_assert_eq!(encode(SourceValue::Integer(integer), &mut Vec::new()).is_ok(), fits);
        }
    }

    #[test]
    fn what_is_no_integer_of_32_bits_is_refused() {
        let beyond = "out of range for integer (-2147483648 to 2147483647)";
        for (value, refusal) in [
            (SourceValue::Integer(2_147_483_648), beyond),
            (SourceValue::Integer(-2_147_483_649), beyond),
            (SourceValue::Integer(4_294_967_296), beyond),
            (SourceValue::Integer(i64::MIN), beyond),
            (SourceValue::Real(1.0), "real where integer is expected"),
            (SourceValue::Text(b"1"), "text where integer is expected"),
        ] {
            assert_eq!(encode(value, &mut Vec::new()).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn a_field_of_another_length_is_no_integer() {
        for wire in [&[][..], &[0; 3], &[0; 8]] {
            let error = decode(wire, &mut Vec::new()).unwrap_err().to_string();
            assert_eq!(error, format!("{} bytes where integer has 4", wire.len()));
        }
    }
}
