//! Seconds since 1970-01-01 UTC to `timestamptz`: INTEGER, or REAL with a fraction, as Python's `time.time()` gives it, where the
//! float nearest to a whole number of microseconds is that float.

use super::timestamptz_from_epoch_ms::{self as instant, EPOCH_DIFFERENCE_MS};
use super::{Output, PgType, Refusal, Spec, Undecodable};
use crate::value::SourceValue;

const EPOCH_DIFFERENCE_S: i64 = EPOCH_DIFFERENCE_MS / 1000;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Timestamptz,
            "INTEGER or REAL seconds since 1970-01-01 UTC to timestamptz",
            SourceValue::Integer(1_705_312_800),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    out.append(&since_2000_us(value)?.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let since_2000_us = instant::read(wire)?;
    Ok(if since_2000_us % 1_000_000 == 0 {
        SourceValue::Integer(since_2000_us / 1_000_000 + EPOCH_DIFFERENCE_S)
    } else {
        // The last 30 years of `timestamptz` are beyond 64 bits of microseconds since 1970; no fraction of theirs was sent.
        SourceValue::Real(since_2000_us.saturating_add(EPOCH_DIFFERENCE_S * 1_000_000) as f64 / 1e6)
    })
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((since_2000_us(source), since_2000_us(target)), (Ok(source), Ok(target)) if source == target)
}

fn since_2000_us(value: SourceValue<'_>) -> Result<i64, Refusal> {
    let beyond = Refusal::OutOfRange {
        target: "timestamptz",
        range: "seconds from 4714-11-24 BC to the end of 294276, whole or to the microsecond",
    };
    let since_2000_us = match value {
        SourceValue::Integer(seconds) => {
            seconds.checked_sub(EPOCH_DIFFERENCE_S).and_then(|seconds| seconds.checked_mul(1_000_000))
        }
        SourceValue::Real(seconds) => {
            let us = (seconds * 1e6).round();
            // Up to here every whole float is one integer.
            let is_exact = us.abs() <= 9_007_199_254_740_992.0 && us / 1e6 == seconds;
            is_exact.then(|| us as i64 - EPOCH_DIFFERENCE_S * 1_000_000)
        }
        _ => {
            return Err(Refusal::StorageClass { found: value.storage_class(), expected: "integer or real" });
        }
    };
    since_2000_us.filter(|us| (instant::FIRST_US..instant::END_US).contains(us)).ok_or(beyond)
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_second_comes_back(seconds in -210_866_803_200_i64..9_224_318_016_000) {
            check_round_trip(&Conversion::TimestamptzFromEpochS, SourceValue::Integer(seconds));
        }

        #[test]
        fn every_microsecond_comes_back_from_its_float(us in 0_i64..4_102_444_800_000_000) {
            check_round_trip(&Conversion::TimestamptzFromEpochS, SourceValue::Real(us as f64 / 1e6));
        }
    }

    #[test]
    fn the_first_and_the_last_second_come_back() {
        for seconds in [-210_866_803_200, -1, 0, 9_223_372_036_854, 9_223_372_036_855, 9_224_318_015_999] {
            check_round_trip(&Conversion::TimestamptzFromEpochS, SourceValue::Integer(seconds));
        }
    }

    #[test]
    fn what_is_finer_or_beyond_is_refused() {
        for value in [
            SourceValue::Real(1.000_000_5),
            SourceValue::Real(f64::INFINITY),
            SourceValue::Real(1e300),
            SourceValue::Integer(i64::MAX),
            SourceValue::Integer(9_224_318_016_000),
            SourceValue::Text(b"1700000000"),
        ] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
        assert!(!same(SourceValue::Integer(1), SourceValue::Real(1.5)));
        assert!(same(SourceValue::Real(1.0), SourceValue::Integer(1)));
    }
}
