//! INTEGER to `smallint`: 16 bits; an integer beyond them is refused, never wrapped or rounded.

pub(super) use super::bigint::same;
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Smallint,
            "INTEGER to smallint: 16 bits; a larger integer is refused",
            SourceValue::Integer(12_345),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let integer = i16::try_from(bigint::checked(value)?)
        .map_err(|_| Refusal::OutOfRange { target: "smallint", range: "-32768 to 32767" })?;
    out.append(&integer.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let bytes = bigint::fixed(wire, "smallint", "2")?;
    Ok(SourceValue::Integer(i16::from_be_bytes(bytes).into()))
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_integer_of_16_bits_comes_back(integer: i16) {
            check_round_trip(&Conversion::Smallint, SourceValue::Integer(integer.into()));
        }
    }

    #[test]
    fn what_needs_more_than_16_bits_is_refused() {
        for value in [32_768, -32_769, 65_536, i64::MIN] {
            let refusal = encode(SourceValue::Integer(value), &mut Vec::new()).unwrap_err().to_string();
            assert_eq!(refusal, "out of range for smallint (-32768 to 32767)");
        }
        assert!(decode(&[0; 4], &mut Vec::new()).is_err());
    }
}
