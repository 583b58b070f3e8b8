//! INTEGER nanoseconds since 1970-01-01 UTC to `timestamptz`, which counts whole microseconds; anything finer is refused, unless the
//! mapping rounds it.

pub(super) use super::bigint::same;
use super::timestamptz_from_epoch_us as microseconds;
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Timestamptz,
            "INTEGER nanoseconds since 1970-01-01 UTC to timestamptz: whole microseconds",
            SourceValue::Integer(1_705_312_800_123_456_000),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let since_1970_ns = bigint::checked(value)?;
    if since_1970_ns % 1000 != 0 {
        return Err(Refusal::DateTime { problem: super::civil::FINER });
    }
    microseconds::encode(SourceValue::Integer(since_1970_ns / 1000), out)
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    match microseconds::decode(wire, scratch)? {
        SourceValue::Integer(us) => us.checked_mul(1000).map(SourceValue::Integer),
        _ => None,
    }
    .ok_or(Undecodable::NoSourceValue { what: "a time whose nanoseconds since 1970 need more than 64 bits" })
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_microseconds_come_back_and_finer_ones_are_refused(us in -9_223_372_036_854_775_i64..=9_223_372_036_854_775, ns in 1_i64..1000) {
            check_round_trip(&Conversion::TimestamptzFromEpochNs, SourceValue::Integer(us * 1000));
            let finer = (us * 1000).saturating_add(ns);
            prop_assume!(finer % 1000 != 0);
            prop_assert!(encode(SourceValue::Integer(finer), &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn what_nanoseconds_cannot_name_is_not_decoded() {
        let mut wire = Vec::new();
        microseconds::encode(SourceValue::Integer(10_000_000_000_000_000), &mut wire).unwrap();
        assert!(decode(&wire, &mut Vec::new()).is_err());
        assert!(encode(SourceValue::Real(1.0), &mut Vec::new()).is_err());
    }
}
