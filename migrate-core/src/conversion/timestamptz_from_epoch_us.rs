//! INTEGER microseconds since 1970-01-01 UTC to `timestamptz`, which counts in the same unit from 2000 on.

pub(super) use super::bigint::same;
use super::timestamptz_from_epoch_ms::{self as instant, EPOCH_DIFFERENCE_MS};
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint};
use crate::value::SourceValue;

const EPOCH_DIFFERENCE_US: i64 = EPOCH_DIFFERENCE_MS * 1000;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Timestamptz,
            "INTEGER microseconds since 1970-01-01 UTC to timestamptz",
            SourceValue::Integer(1_705_312_800_123_456),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let since_2000_us = bigint::checked(value)?
        .checked_sub(EPOCH_DIFFERENCE_US)
        .filter(|us| (instant::FIRST_US..instant::END_US).contains(us))
        .ok_or(Refusal::OutOfRange {
            target: "timestamptz",
            range: "microseconds from 4714-11-24 BC to the end of 294276",
        })?;
    out.append(&since_2000_us.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let since_1970_us = instant::read(wire)?.checked_add(EPOCH_DIFFERENCE_US);
    since_1970_us.map(SourceValue::Integer).ok_or(Undecodable::NoSourceValue {
        what: "a time whose microseconds since 1970 need more than 64 bits",
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_microsecond_comes_back(us in -210_866_803_200_000_000_i64..9_223_372_036_854_775_807) {
            check_round_trip(&Conversion::TimestamptzFromEpochUs, SourceValue::Integer(us));
        }
    }

    #[test]
    fn what_is_beyond_is_refused() {
        for value in [SourceValue::Integer(i64::MIN), SourceValue::Real(1.0), SourceValue::Text(b"1")] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
        assert!(decode(&(instant::END_US - 1).to_be_bytes(), &mut Vec::new()).is_err());
    }
}
