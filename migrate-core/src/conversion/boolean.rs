//! INTEGER 0 or 1 to `boolean`.
//!
//! SQLite has no boolean, so that any other integer in such a column is an accident, and a human has to say what it means.

pub(super) use super::bigint::same;
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Boolean,
            "INTEGER 0 or 1 to boolean: every other integer is refused",
            SourceValue::Integer(1),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let byte = match bigint::checked(value)? {
        0 => 0,
        1 => 1,
        _ => return Err(Refusal::OutOfRange { target: "boolean", range: "0 or 1" }),
    };
    out.append(&[byte]);
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    match wire {
        [byte @ (0 | 1)] => Ok(SourceValue::Integer(i64::from(*byte))),
        [_] => Err(Undecodable::NoSourceValue { what: "a boolean that is neither true nor false" }),
        _ => Err(Undecodable::Length { target: "boolean", expected: "1", found_bytes: wire.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_values_come_back(value in 0_i64..=1) {
            check_round_trip(&Conversion::Boolean, SourceValue::Integer(value));
        }

        #[test]
        fn every_other_integer_is_refused(value: i64) {
            prop_assume!(value != 0 && value != 1);
            prop_assert!(encode(SourceValue::Integer(value), &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn what_is_neither_0_nor_1_is_refused() {
        let beyond = "out of range for boolean (0 or 1)";
        for (value, refusal) in [
            (SourceValue::Integer(2), beyond),
            (SourceValue::Integer(-1), beyond),
            (SourceValue::Integer(256), beyond),
            (SourceValue::Text(b"true"), "text where integer is expected"),
            (SourceValue::Real(1.0), "real where integer is expected"),
        ] {
            assert_eq!(encode(value, &mut Vec::new()).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn true_and_false_differ() {
        assert!(!same(SourceValue::Integer(1), SourceValue::Integer(0)));
    }

    #[test]
    fn other_bytes_are_no_boolean() {
        for (wire, problem) in [
            (&[2][..], "a boolean that is neither true nor false"),
            (&[], "0 bytes where boolean has 1"),
            (&[0, 1], "2 bytes where boolean has 1"),
        ] {
            assert_eq!(decode(wire, &mut Vec::new()).unwrap_err().to_string(), problem);
        }
    }
}
