//! TEXT that is a date and a time, of which the distance from 1970-01-01 00:00 counts, to `interval`: how SQLAlchemy stores an `Interval`
//! in SQLite. Days and the time of day are kept apart, as Python's drivers send a `timedelta`.

use super::civil::{Civil, DAY_US, Offset};
use super::interval::{self, Span};
use super::{Output, PgType, Refusal, Spec, Undecodable, text};
use crate::value::SourceValue;

/// 1970-01-01, in microseconds since 2000.
const EPOCH_US: i64 = -10_957 * DAY_US;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("the spelling of a date and time is not kept, its distance from 1970 is"),
        ..Spec::new(
            PgType::Interval,
            "TEXT holding a date and time, whose distance from 1970-01-01 00:00 counts, to interval: an Interval of SQLAlchemy",
            SourceValue::Text(b"1970-01-02 02:30:00.000000"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let us = since_1970_us(value)?;
    // The years 0001 to 9999 have fewer days than 32 bits count.
    let days = us.div_euclid(DAY_US) as i32;
    interval::append(Span { months: 0, days, us: us.rem_euclid(DAY_US) }, out);
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let Span { months, days, us } = interval::span(wire)?;
    let since_2000_us =
        (i64::from(days).checked_mul(DAY_US)).and_then(|all| all.checked_add(us)?.checked_add(EPOCH_US));
    let civil = since_2000_us.filter(|_| months == 0).and_then(Civil::from_since_2000_us);
    scratch.clear();
    civil
        .ok_or(Undecodable::NoSourceValue {
            what: "a length of time with months, or one that leads from 1970 out of the years 0001 to 9999",
        })?
        .write(scratch);
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((since_1970_us(source), since_1970_us(target)), (Ok(source), Ok(target)) if source == target)
}

fn since_1970_us(value: SourceValue<'_>) -> Result<i64, Refusal> {
    match Civil::read(text::checked(value)?.as_bytes()) {
        Ok((civil, Offset::Naive)) => Ok(civil.since_2000_us() - EPOCH_US),
        Ok((_, Offset::Seconds(_))) => {
            Err(Refusal::DateTime { problem: "an offset from UTC, which a length of time does not have" })
        }
        Err(problem) => Err(Refusal::DateTime { problem }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_length_comes_back(since_2000_us in -63_082_281_600_000_000_i64..252_455_616_000_000_000) {
            let mut text = Vec::new();
            Civil::from_since_2000_us(since_2000_us).unwrap().write(&mut text);
            check_round_trip(&Conversion::IntervalSince1970, SourceValue::Text(&text));
        }
    }

    #[test]
    fn days_and_the_time_of_day_are_kept_apart() {
        for (text, days, us) in [
            ("1970-01-01 00:00:00.000000", 0, 0),
            ("1970-01-01 00:00:00.000001", 0, 1),
            ("1971-12-31 05:04:03", 729, 18_243_000_000),
            ("1969-12-31 00:00:01", -1, 1_000_000),
            ("2069-12-07", 36_500, 0),
        ] {
            let mut wire = Vec::new();
            encode(SourceValue::Text(text.as_bytes()), &mut wire).unwrap();
            assert_eq!(interval::span(&wire), Ok(Span { months: 0, days, us }), "{text}");
        }
    }

    #[test]
    fn what_is_no_distance_from_1970_is_refused() {
        for value in [
            SourceValue::Text(b"02:30:00"),
            SourceValue::Text(b"1970-01-01 00:00:00Z"),
            SourceValue::Text(b"P1D"),
            SourceValue::Integer(0),
        ] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
        let mut wire = Vec::new();
        interval::append(Span { months: 1, ..Span::default() }, &mut wire);
        assert!(decode(&wire, &mut Vec::new()).is_err());
        wire.clear();
        interval::append(Span { us: i64::MIN, days: i32::MIN, months: 0 }, &mut wire);
        assert!(decode(&wire, &mut Vec::new()).is_err());
    }
}
