//! A date and time of midnight to `date`: `2024-01-02 00:00:00`, with or without a fraction of zeros and with `Z` or `+00:00`, as ORMs
//! write a date; also the date alone, and INTEGER milliseconds since 1970 of midnight in UTC, as JavaScript's drivers write one. Any other
//! time of day or offset is refused.
//!
//! Two values are the same when they have one date; whether and how midnight was written is not kept.

use super::civil::{Civil, DAY_US, Offset};
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint, date, text, timestamptz_from_epoch_ms};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("the time, which is midnight, is not kept"),
        ..Spec::new(
            PgType::Date,
            "ISO 8601 TEXT of midnight, in UTC or without an offset, or INTEGER milliseconds of midnight since 1970-01-01 UTC, to \
             date; the time is not kept",
            SourceValue::Text(b"2024-01-15 00:00:00.000+00:00"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let us = since_2000_us(value)?;
    // The years 0001 to 9999 are far within 32 bits of days.
    out.append(&i32::try_from(us.div_euclid(DAY_US)).unwrap_or_default().to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    date::decode(wire, scratch)
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((since_2000_us(source), since_2000_us(target)), (Ok(source), Ok(target)) if source == target)
}

fn since_2000_us(value: SourceValue<'_>) -> Result<i64, Refusal> {
    let refuse = |problem| Refusal::DateTime { problem };
    if let SourceValue::Integer(_) = value {
        return since_2000_us_of_ms(value);
    }
    let (civil, offset) = Civil::read(text::checked(value)?.as_bytes()).map_err(refuse)?;
    let us = civil.since_2000_us();
    match offset {
        Offset::Seconds(seconds) if seconds != 0 => Err(refuse("an offset from UTC, which date would drop")),
        _ if us % DAY_US != 0 => Err(refuse("a time of day other than midnight, which date would drop")),
        _ => Ok(us),
    }
}

/// Milliseconds of midnight since 1970, in the years that a text can name.
fn since_2000_us_of_ms(value: SourceValue<'_>) -> Result<i64, Refusal> {
    let mut wire = Vec::new();
    timestamptz_from_epoch_ms::encode(value, &mut wire)?;
    let us = bigint::read(&wire, "a time").unwrap_or_default();
    match Civil::from_since_2000_us(us) {
        Some(_) if us % DAY_US == 0 => Ok(us),
        Some(_) => {
            Err(Refusal::DateTime { problem: "a time of day other than midnight, which date would drop" })
        }
        None => Err(Refusal::OutOfRange { target: "date", range: "milliseconds of the years 0001 to 9999" }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_midnight_comes_back(days in -730_119_i32..2_921_940, end in "([ T]00:00(:00(\\.0{1,9})?)?( ?Z| ?[+-]00(:?00)?)?)?") {
            let (mut scratch, bytes) = (Vec::new(), days.to_be_bytes());
            let SourceValue::Text(day) = decode(&bytes, &mut scratch).unwrap() else { panic!() };
            let text = [day, end.as_bytes()].concat();
            check_round_trip(&Conversion::DateFromMidnight, SourceValue::Text(&text));
            let ms = (i64::from(days) + 10_957) * 86_400_000;
            check_round_trip(&Conversion::DateFromMidnight, SourceValue::Integer(ms));
            let mut wire = Vec::new();
            encode(SourceValue::Text(&text), &mut wire).unwrap();
            prop_assert_eq!(wire, bytes);
        }
    }

    #[test]
    fn what_date_would_drop_is_refused() {
        for text in [
            "2024-05-06 00:00:00.000001",
            "2024-05-06 12:00",
            "2024-05-06T00:00:00+02:00",
            "2024-02-30 00:00:00",
            "",
        ] {
            assert!(encode(SourceValue::Text(text.as_bytes()), &mut Vec::new()).is_err(), "{text}");
        }
        for number in [1, 43_200_000, i64::MAX, i64::MIN, 253_402_300_800_000] {
            assert!(encode(SourceValue::Integer(number), &mut Vec::new()).is_err(), "{number}");
        }
        assert!(encode(SourceValue::Real(0.0), &mut Vec::new()).is_err());
        assert!(same(SourceValue::Integer(1_704_153_600_000), SourceValue::Text(b"2024-01-02")));
        assert!(!same(SourceValue::Text(b"2024-05-06"), SourceValue::Text(b"2024-05-07")));
    }
}
