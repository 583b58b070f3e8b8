//! INTEGER milliseconds since 1970-01-01 UTC to `timestamptz`, which PostgreSQL keeps as microseconds since 2000-01-01 UTC.
//!
//! Both count without leap seconds, so that the way there is a subtraction and a multiplication, and no calendar is needed.

pub(super) use super::bigint::same;
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint};
use crate::value::SourceValue;

/// From 1970-01-01 to 2000-01-01, in milliseconds.
pub(super) const EPOCH_DIFFERENCE_MS: i64 = 946_684_800_000;

/// 4714-11-24 BC 00:00 UTC, the first instant of `timestamptz` (`MIN_TIMESTAMP` in PostgreSQL's `timestamp.h`); the manual
/// calls it 4713 BC, which it is in the Julian calendar.
pub(super) const FIRST_US: i64 = -211_813_488_000_000_000;

/// 294277-01-01 00:00 UTC, the first instant beyond `timestamptz` (`END_TIMESTAMP`).
pub(super) const END_US: i64 = 9_223_371_331_200_000_000;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Timestamptz,
            "INTEGER milliseconds since 1970-01-01 UTC to timestamptz",
            SourceValue::Integer(1_705_312_800_123),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let since_1970_ms = bigint::checked(value)?;
    let since_2000_us = since_1970_ms
        .checked_sub(EPOCH_DIFFERENCE_MS)
        .and_then(|since_2000_ms| since_2000_ms.checked_mul(1000))
        .filter(|since_2000_us| (FIRST_US..END_US).contains(since_2000_us))
        .ok_or(Refusal::OutOfRange {
            target: "timestamptz",
            range: "milliseconds from 4714-11-24 BC to the end of 294276",
        })?;
    out.append(&since_2000_us.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let since_2000_us = read(wire)?;
    if since_2000_us % 1000 != 0 {
        return Err(Undecodable::NoSourceValue {
            what: "a time between two milliseconds, in a column of whole ones",
        });
    }
    Ok(SourceValue::Integer(since_2000_us / 1000 + EPOCH_DIFFERENCE_MS))
}

/// The microseconds since 2000 in a field of type `timestamptz`, if it is a point in time.
pub(super) fn read(wire: &[u8]) -> Result<i64, Undecodable> {
    match bigint::read(wire, "timestamptz")? {
        i64::MAX => Err(Undecodable::NoSourceValue { what: "the time infinity, which is no point in time" }),
        i64::MIN => Err(Undecodable::NoSourceValue { what: "the time -infinity, which is no point in time" }),
        since_2000_us if (FIRST_US..END_US).contains(&since_2000_us) => Ok(since_2000_us),
        _ => Err(Undecodable::NoSourceValue { what: "a time outside what timestamptz holds" }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    const FIRST_MS: i64 = FIRST_US / 1000 + EPOCH_DIFFERENCE_MS;
    const LAST_MS: i64 = END_US / 1000 + EPOCH_DIFFERENCE_MS - 1;

    proptest! {
        #[test]
        fn every_millisecond_of_the_range_comes_back(ms in FIRST_MS..=LAST_MS) {
            check_round_trip(&Conversion::TimestamptzFromEpochMs, SourceValue::Integer(ms));
        }

        #[test]
        fn an_integer_is_refused_exactly_outside_the_range(ms: i64) {
            let encoded = encode(SourceValue::Integer(ms), &mut Vec::new());
            prop_assert_eq!(encoded.is_ok(), (FIRST_MS..=LAST_MS).contains(&ms));
        }
    }

    #[test]
    fn the_bytes_are_microseconds_since_2000() {
        for (ms, us) in [
            (0, -946_684_800_000_000_i64),
            (946_684_800_000, 0),
            (946_684_799_999, -1000),
            (-1, -946_684_800_001_000),
            (1_700_000_000_123, 753_315_200_123_000),
            (4_102_444_800_000, 3_155_760_000_000_000),
            (FIRST_MS, FIRST_US),
            (LAST_MS, END_US - 1000),
        ] {
            let mut wire = Vec::new();
            encode(SourceValue::Integer(ms), &mut wire).unwrap();
            assert_eq!(wire, us.to_be_bytes(), "{ms}");
            check_round_trip(&Conversion::TimestamptzFromEpochMs, SourceValue::Integer(ms));
        }
    }

    #[test]
    fn what_is_no_such_time_is_refused() {
        let beyond = "out of range for timestamptz (milliseconds from 4714-11-24 BC to the end of 294276)";
        for (value, refusal) in [
            (SourceValue::Integer(FIRST_MS - 1), beyond),
            (SourceValue::Integer(LAST_MS + 1), beyond),
            (SourceValue::Integer(i64::MAX), beyond),
            (SourceValue::Integer(i64::MIN), beyond),
            (SourceValue::Integer(i64::MAX / 1000 + EPOCH_DIFFERENCE_MS), beyond),
            (SourceValue::Real(0.0), "real where integer is expected"),
            (SourceValue::Text(b"2024-01-01"), "text where integer is expected"),
        ] {
            assert_eq!(encode(value, &mut Vec::new()).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn what_no_millisecond_stands_for_is_not_decoded() {
        let between = "a time between two milliseconds, in a column of whole ones";
        let outside = "a time outside what timestamptz holds";
        for (us, problem) in [
            (1_i64, between),
            (-1, between),
            (1_999, between),
            (i64::MAX, "the time infinity, which is no point in time"),
            (i64::MIN, "the time -infinity, which is no point in time"),
            (FIRST_US - 1000, outside),
            (END_US, outside),
        ] {
            assert_eq!(decode(&us.to_be_bytes(), &mut Vec::new()).unwrap_err().to_string(), problem);
        }
        let error = decode(&[0; 12], &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "12 bytes where timestamptz has 8");
    }
}
