//! Julian days (days since noon of 4714-11-24 BC, UTC) to `timestamptz`, counted as SQLite counts: in whole milliseconds (SQLite
//! manual, "Date And Time Functions", section 1). A number that SQLite itself would not give back from them is refused.

use super::timestamptz_from_epoch_ms::{self as instant, EPOCH_DIFFERENCE_MS};
use super::{Output, PgType, Refusal, Spec, Undecodable};
use crate::value::SourceValue;

const DAY_MS: f64 = 86_400_000.0;

/// The Julian day of 1970-01-01 00:00, 2440587.5, in milliseconds.
const JULIAN_1970_MS: i64 = 210_866_760_000_000;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::DoublePrecision,
        ..Spec::new(
            PgType::Timestamptz,
            "REAL Julian days, as SQLite writes them, to timestamptz",
            SourceValue::Real(2_460_324.916_666_666_5),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    out.append(&since_2000_us(value)?.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let since_2000_us = instant::read(wire)?;
    if since_2000_us % 1000 != 0 {
        return Err(Undecodable::NoSourceValue {
            what: "a time between two milliseconds, in a column of whole ones",
        });
    }
    let julian_ms = since_2000_us / 1000 + EPOCH_DIFFERENCE_MS + JULIAN_1970_MS;
    Ok(SourceValue::Real(julian_ms as f64 / DAY_MS))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((since_2000_us(source), since_2000_us(target)), (Ok(source), Ok(target)) if source == target)
}

fn since_2000_us(value: SourceValue<'_>) -> Result<i64, Refusal> {
    let day = match value {
        SourceValue::Real(day) => day,
        // SQLite reads no day beyond the year 9999 as one, so that the cast loses nothing that is taken.
        SourceValue::Integer(day) => day as f64,
        _ => {
            return Err(Refusal::StorageClass { found: value.storage_class(), expected: "real or integer" });
        }
    };
    // From SQLite's first day to its last, 9999-12-31 23:59:59.999.
    const DAY_END: f64 = 5_373_484.5;
    let julian_ms = (day * DAY_MS + 0.5) as i64;
    if !(0.0..DAY_END).contains(&day) || julian_ms as f64 / DAY_MS != day {
        return Err(Refusal::OutOfRange {
            target: "timestamptz",
            range: "Julian days of a whole millisecond up to the end of 9999",
        });
    }
    let since_2000_us = (julian_ms - JULIAN_1970_MS - EPOCH_DIFFERENCE_MS) * 1000;
    if (instant::FIRST_US..instant::END_US).contains(&since_2000_us) {
        Ok(since_2000_us)
    } else {
        Err(Refusal::OutOfRange { target: "timestamptz", range: "Julian days from 4714-11-24 BC on" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_millisecond_that_sqlite_writes_comes_back(julian_ms in 0_i64..464_269_060_799_999) {
            check_round_trip(&Conversion::TimestamptzFromJulianDay, SourceValue::Real(julian_ms as f64 / DAY_MS));
        }
    }

    #[test]
    fn a_day_is_the_one_that_sqlite_means() {
        let mut wire = Vec::new();
        encode(SourceValue::Real(2_460_000.5), &mut wire).unwrap();
        // 2023-02-25 00:00:00 UTC
        assert_eq!(wire, ((1_677_283_200_000 - EPOCH_DIFFERENCE_MS) * 1000).to_be_bytes());
        for value in [
            SourceValue::Real(-0.5),
            SourceValue::Real(f64::INFINITY),
            SourceValue::Real(2_460_000.500_000_001),
            SourceValue::Real(5_373_484.5),
            SourceValue::Integer(1_700_000_000),
            SourceValue::Text(b"2460000.5"),
        ] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
    }
}
