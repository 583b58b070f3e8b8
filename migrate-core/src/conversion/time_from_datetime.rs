//! A time of day on a fixed day to `time`: `2000-01-01 12:34:56.5`, with or without `Z` or `+00:00`, as frameworks that have no type for
//! a time of day write one; also the time alone. The days are those of the frameworks: 2000-01-01 of Rails, 1970-01-01 of JavaScript,
//! 0001-01-01 of Go. Any other day or offset is refused.
//!
//! Two texts are the same when they have one time; the day is not kept.

use super::civil::{Civil, DAY_US, Offset};
pub(super) use super::time::decode;
use super::{Output, PgType, Refusal, Spec, text};
use crate::value::SourceValue;

/// The days that stand for no day: as they are written.
const NO_DAYS: [&str; 3] = ["2000-01-01", "1970-01-01", "0001-01-01"];

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some(
            "the day before a time, which is the first of 2000, of 1970 or of the year 1, is not kept",
        ),
        ..Spec::new(
            PgType::Time,
            "ISO 8601 TEXT of a time on 2000-01-01, 1970-01-01 or 0001-01-01, or the time alone, to time; the day is not kept",
            SourceValue::Text(b"2000-01-01 12:34:56.500000"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    out.append(&of_day_us(value)?.to_be_bytes());
    Ok(())
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((of_day_us(source), of_day_us(target)), (Ok(source), Ok(target)) if source == target)
}

fn of_day_us(value: SourceValue<'_>) -> Result<i64, Refusal> {
    let refuse = |problem| Refusal::DateTime { problem };
    let text = text::checked(value)?;
    if text.as_bytes().get(2) == Some(&b':') {
        return Ok(Civil::read_time_of_day(text.as_bytes()).map_err(refuse)?.since_2000_us());
    }
    let (civil, offset) = Civil::read(text.as_bytes()).map_err(refuse)?;
    match offset {
        Offset::Seconds(seconds) if seconds != 0 => Err(refuse("an offset from UTC, which time would drop")),
        _ if !NO_DAYS.iter().any(|day| text.starts_with(day)) => Err(refuse("a date, which time would drop")),
        _ if text.len() == NO_DAYS[0].len() => Err(refuse("a date without a time of day")),
        _ => Ok(civil.since_2000_us().rem_euclid(DAY_US)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_time_comes_back(of_day_us in 0..DAY_US, day in 0..NO_DAYS.len(), between in "[ T]", end in "(Z|\\+00:00)?") {
            let (mut scratch, wire) = (Vec::new(), of_day_us.to_be_bytes());
            let SourceValue::Text(time) = decode(&wire, &mut scratch).unwrap() else { panic!() };
            let text = [NO_DAYS[day].as_bytes(), between.as_bytes(), time, end.as_bytes()].concat();
            for text in [&text[..], time] {
                check_round_trip(&Conversion::TimeFromDatetime, SourceValue::Text(text));
                let mut sent = Vec::new();
                encode(SourceValue::Text(text), &mut sent).unwrap();
                prop_assert_eq!(&sent[..], wire);
            }
        }
    }

    #[test]
    fn what_time_would_drop_is_refused() {
        for text in [
            "2000-01-02 00:00:00",
            "2024-05-06 12:00",
            "2000-01-01T12:00:00+02:00",
            "2000-01-01",
            "2000-01-01 24:00:00",
            "2000-01-01 12:34:56.1234567",
            "12",
            "",
        ] {
            assert!(encode(SourceValue::Text(text.as_bytes()), &mut Vec::new()).is_err(), "{text}");
        }
        assert!(encode(SourceValue::Integer(0), &mut Vec::new()).is_err());
        assert!(!same(SourceValue::Text(b"2000-01-01 12:00"), SourceValue::Text(b"12:01")));
    }
}
