//! A whole number in any storage class to `bigint`, `integer` or `smallint`: INTEGER, REAL without a fraction such as 1.0, and TEXT of
//! digits as PostgreSQL prints them.
//!
//! A value is the same where its number is; its class is not kept. -0.0, and text such as `007`, `+1` or `1.0`, would come back as
//! another text or float, and is refused.

use super::{Output, PgType, Refusal, Spec, Undecodable, bigint, integer, smallint};
use crate::value::SourceValue;

/// The type that is produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Smallint,
    Integer,
    Bigint,
}

pub(super) const fn spec(width: Width) -> Spec {
    let (target_type, description, example) = match width {
        Width::Smallint => (
            PgType::Smallint,
            "INTEGER, REAL without a fraction, or TEXT of digits to smallint; the class is not kept",
            SourceValue::Text(b"-12"),
        ),
        Width::Integer => (
            PgType::Integer,
            "INTEGER, REAL without a fraction, or TEXT of digits to integer; the class is not kept",
            SourceValue::Real(12_345.0),
        ),
        Width::Bigint => (
            PgType::Bigint,
            "INTEGER, REAL without a fraction, or TEXT of digits to bigint; the class is not kept",
            SourceValue::Text(b"9007199254740993"),
        ),
    };
    let not_kept = Some("whether a number was an integer, a float or text is not kept");
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept,
        ..Spec::new(target_type, description, example)
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, width: Width) -> Result<(), Refusal> {
    let whole = SourceValue::Integer(number(value)?);
    match width {
        Width::Smallint => smallint::encode(whole, out),
        Width::Integer => integer::encode(whole, out),
        Width::Bigint => bigint::encode(whole, out),
    }
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    width: Width,
) -> Result<SourceValue<'a>, Undecodable> {
    match width {
        Width::Smallint => smallint::decode(wire, scratch),
        Width::Integer => integer::decode(wire, scratch),
        Width::Bigint => bigint::decode(wire, scratch),
    }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, _width: Width) -> bool {
    matches!((number(source), number(target)), (Ok(source), Ok(target)) if source == target)
}

/// The whole number that a value is.
fn number(value: SourceValue<'_>) -> Result<i64, Refusal> {
    /// 2^63, the first float beyond 64 bits.
    const END: f64 = 9_223_372_036_854_775_808.0;
    match value {
        SourceValue::Integer(integer) => Ok(integer),
        SourceValue::Real(real) => {
            let is_whole = real.fract() == 0.0 && !(real == 0.0 && real.is_sign_negative());
            let is_held = is_whole && (-END..END).contains(&real);
            is_held.then_some(real as i64).ok_or(Refusal::Form { expected: "a whole number of 64 bits" })
        }
        SourceValue::Text(bytes) => {
            let read = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<i64>().ok());
            // Only the text that the number is printed as: no sign `+`, no zeros before it.
            let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
            let is_plain = match digits {
                [b'0'] => bytes.len() == 1,
                [first, ..] => (b'1'..=b'9').contains(first),
                [] => false,
            };
            read.filter(|_| is_plain).ok_or(Refusal::Form { expected: "digits of a whole number of 64 bits" })
        }
        _ => Err(Refusal::StorageClass { found: value.storage_class(), expected: "integer, real or text" }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_comes_back_from_each_class(integer: i64, small: i16, wide: i32) {
            check_round_trip(&Conversion::BigintFromAny, SourceValue::Text(integer.to_string().as_bytes()));
            check_round_trip(&Conversion::BigintFromAny, SourceValue::Integer(integer));
            check_round_trip(&Conversion::IntegerFromAny, SourceValue::Real(f64::from(wide)));
            check_round_trip(&Conversion::IntegerFromAny, SourceValue::Text(wide.to_string().as_bytes()));
            check_round_trip(&Conversion::SmallintFromAny, SourceValue::Real(f64::from(small)));
            let real = integer as f64;
            if real < 9.2e18 {
                check_round_trip(&Conversion::BigintFromAny, SourceValue::Real(real));
                prop_assert_eq!(number(SourceValue::Real(real)).unwrap() as f64, real);
            }
        }

        #[test]
        fn text_is_taken_exactly_as_it_is_printed(text in "[-+ ]?[0-9.]{0,20}") {
            let is_printed = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
            prop_assert_eq!(number(SourceValue::Text(text.as_bytes())).is_ok(), is_printed);
        }
    }

    #[test]
    fn what_would_change_is_refused() {
        for value in [
            SourceValue::Real(-0.0),
            SourceValue::Real(0.5),
            SourceValue::Real(f64::INFINITY),
            SourceValue::Real(9_223_372_036_854_775_808.0),
            SourceValue::Text(b"007"),
            SourceValue::Text(b"-0"),
            SourceValue::Text(b"1.0"),
            SourceValue::Text(b""),
            SourceValue::Text(b"9223372036854775808"),
            SourceValue::Blob(b"1"),
        ] {
            assert!(encode(value, &mut Vec::new(), Width::Bigint).is_err(), "{value:?}");
        }
        assert!(encode(SourceValue::Real(40_000.0), &mut Vec::new(), Width::Smallint).is_err());
        assert!(encode(SourceValue::Text(b"3000000000"), &mut Vec::new(), Width::Integer).is_err());
        assert!(!same(SourceValue::Text(b"1"), SourceValue::Integer(2), Width::Bigint));
    }
}
