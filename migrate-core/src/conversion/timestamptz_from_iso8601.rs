//! ISO 8601 TEXT to `timestamptz`: `YYYY-MM-DD`, or `YYYY-MM-DD HH:MM[:SS[.ffffff]]` with `T` or a blank between date and
//! time, and `Z` or an offset (`+HH`, `+HHMM`, `+HH:MM`) or neither at the end.
//!
//! Text without an offset is read in a [`NaiveZone`] and never in the zone of a server, session or machine. Nothing is
//! guessed: a date that does not exist, a local time that a change of clocks skips or repeats, and digits finer than a
//! microsecond are refused. Two texts are the same when they name the same instant.

mod naive_zone;

pub use naive_zone::{NaiveZone, UnknownZone};

use super::civil::{self, Civil, Offset};
use super::{Output, PgType, Refusal, Spec, Undecodable, text, timestamptz_from_epoch_ms as instant};
use crate::value::SourceValue;

pub(super) const fn spec(_zone: &NaiveZone) -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        ..Spec::new(
            PgType::Timestamptz,
            "ISO 8601 TEXT to timestamptz: text without an offset is read in the given zone",
            SourceValue::Text(b"2024-01-15T10:00:00.123Z"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, zone: &NaiveZone) -> Result<(), Refusal> {
    let text = text::checked(value)?;
    out.append(&since_2000_us(text.as_bytes(), zone)?.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    _zone: &NaiveZone,
) -> Result<SourceValue<'a>, Undecodable> {
    let since_2000_us = instant::read(wire)?;
    scratch.clear();
    if !civil::write(since_2000_us, scratch) {
        return Err(Undecodable::NoSourceValue { what: "a time outside the years 0001 to 9999" });
    }
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, zone: &NaiveZone) -> bool {
    let (SourceValue::Text(source), SourceValue::Text(target)) = (source, target) else { return false };
    match (since_2000_us(source, zone), since_2000_us(target, zone)) {
        (Ok(source), Ok(target)) => source == target,
        _ => false,
    }
}

/// The instant that `text` names, in microseconds since 2000-01-01 UTC.
fn since_2000_us(text: &[u8], zone: &NaiveZone) -> Result<i64, Refusal> {
    let refuse = |problem| Refusal::DateTime { problem };
    let (civil, offset) = Civil::read(text).map_err(refuse)?;
    let offset_s = match offset {
        Offset::Seconds(seconds) => seconds,
        Offset::Naive => zone.offset_s(&civil).map_err(refuse)?,
    };
    Ok(civil.since_2000_us() - i64::from(offset_s) * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, zone: &str) -> Result<i64, String> {
        since_2000_us(text.as_bytes(), &zone.parse().unwrap()).map_err(|refusal| refusal.to_string())
    }

    /// What PostgreSQL's bytes for `text` are taken back as.
    fn canonical(text: &str, zone: &str) -> String {
        let mut scratch = Vec::new();
        let wire = read(text, zone).unwrap().to_be_bytes();
        match decode(&wire, &mut scratch, &NaiveZone::default()) {
            Ok(SourceValue::Text(text)) => String::from_utf8(text.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_spelling_names_its_instant() {
        // PostgreSQL 15 read each of them, with the zone as its TimeZone, as the same instant.
        for (text, zone, expected) in [
            ("2024-05-06", "UTC", "2024-05-06 00:00:00.000000Z"),
            ("2024-05-06", "+02:00", "2024-05-05 22:00:00.000000Z"),
            ("2024-05-06", "Europe/Berlin", "2024-05-05 22:00:00.000000Z"),
            ("2024-05-06 07:08", "UTC", "2024-05-06 07:08:00.000000Z"),
            ("2024-05-06T07:08:09", "UTC", "2024-05-06 07:08:09.000000Z"),
            ("2024-05-06T07:08:09.1Z", "Europe/Berlin", "2024-05-06 07:08:09.100000Z"),
            ("2024-05-06 07:08:09.123456", "UTC", "2024-05-06 07:08:09.123456Z"),
            ("2024-05-06 07:08:09.123456000000", "UTC", "2024-05-06 07:08:09.123456Z"),
            ("2024-05-06T07:08:09.123Z", "UTC", "2024-05-06 07:08:09.123000Z"),
            ("2024-05-06T07:08:09 Z", "UTC", "2024-05-06 07:08:09.000000Z"),
            ("2024-05-06 07:08+02:00", "UTC", "2024-05-06 05:08:00.000000Z"),
            ("2024-05-06 07:08 +02", "UTC", "2024-05-06 05:08:00.000000Z"),
            ("2024-05-06 07:08-0330", "UTC", "2024-05-06 10:38:00.000000Z"),
            ("2024-05-06 07:08:09-00:00", "Europe/Berlin", "2024-05-06 07:08:09.000000Z"),
            ("2024-01-06 07:08", "America/New_York", "2024-01-06 12:08:00.000000Z"),
            ("2024-07-06 07:08", "America/New_York", "2024-07-06 11:08:00.000000Z"),
            ("2024-02-29 23:59:59.999999", "UTC", "2024-02-29 23:59:59.999999Z"),
            ("1969-12-31 23:59:59.999999", "UTC", "1969-12-31 23:59:59.999999Z"),
            ("1880-01-01 00:00", "America/New_York", "1880-01-01 04:56:02.000000Z"),
            ("0001-01-01", "UTC", "0001-01-01 00:00:00.000000Z"),
            ("9999-12-31 23:59:59.999999", "UTC", "9999-12-31 23:59:59.999999Z"),
            ("9999-12-31 23:59:59", "America/New_York", "9999-12-31 13:00:59.000000-15:59"),
            ("0001-01-01 00:00+14:00", "UTC", "0001-01-01 01:59:00.000000+15:59"),
        ] {
            assert_eq!(canonical(text, zone), expected, "{text} in {zone}");
            let conversion = Conversion::TimestamptzFromIso8601(zone.parse().unwrap());
            check_round_trip(&conversion, SourceValue::Text(text.as_bytes()));
        }
    }

    #[test]
    fn what_names_no_instant_is_refused() {
        let form = "not of the form YYYY-MM-DD[ HH:MM[:SS[.ffffff]][Z or an offset]]";
        let no_date = "a date that does not exist";
        let no_time = "a time of day that does not exist";
        for (text, problem) in [
            ("", form),
            ("now", form),
            ("infinity", form),
            ("1700000000000", form),
            ("20240506", form),
            ("2024-5-6", form),
            ("2024-05-06 7:08", form),
            ("2024-05-06 07", form),
            ("2024-05-06T", form),
            ("2024-05-06Z", form),
            (" 2024-05-06", form),
            ("2024-05-06 ", form),
            ("2024-05-06  07:08", form),
            ("2024-05-06 07:08:09.", form),
            ("2024-05-06 07:08:09,5", form),
            ("2024-05-06 07:08 UTC", form),
            ("2024-05-06 07:08 CET", form),
            ("2024-05-06 07:08  Z", form),
            ("2024-05-06 07:08 ", form),
            ("2024-05-06 07:08+2", form),
            ("2024-05-06 07:08+02:", form),
            ("2024-05-06 07:08+02:00:00", form),
            ("2024-05-06 07:08:09Zulu", form),
            ("-024-05-06", form),
            ("12024-05-06", form),
            ("2024-05-06 07:08 \u{660}", form),
            ("2023-02-29", no_date),
            ("1900-02-29", no_date),
            ("2024-04-31", no_date),
            ("2024-00-10", no_date),
            ("2024-13-10", no_date),
            ("2024-01-00", no_date),
            ("2024-01-32", no_date),
            ("0000-01-01", "the year 0000, where 0001 to 9999 are expected"),
            ("2024-05-06 24:00", "hour 24, which is 00 of the next day"),
            ("2024-05-06 24:00:00", "hour 24, which is 00 of the next day"),
            ("2024-05-06 25:00", no_time),
            ("2024-05-06 07:60", no_time),
            ("2016-12-31 23:59:60", "second 60, a leap second, which PostgreSQL does not have"),
            ("2024-05-06 07:08:61", no_time),
            ("2024-05-06 07:08:09.1234567", civil::FINER),
            ("2024-05-06 07:08+16:00", "an offset that does not exist"),
            ("2024-05-06 07:08+02:60", "an offset that does not exist"),
        ] {
            assert_eq!(read(text, "UTC"), Err(format!("date and time: {problem}")), "{text}");
        }
        for (text, zone, problem) in [
            ("2024-03-31 02:30", "Europe/Berlin", "a local time that a change of clocks skips"),
            ("2024-03-31 02:00", "Europe/Berlin", "a local time that a change of clocks skips"),
            ("2024-10-27 02:30", "Europe/Berlin", "a local time that a change of clocks repeats"),
            ("2018-11-04", "America/Sao_Paulo", "a local time that a change of clocks skips"),
        ] {
            assert_eq!(read(text, zone), Err(format!("date and time: {problem}")), "{text} in {zone}");
        }
        // An offset in the text leaves nothing open, and the hours around a change are plain.
        for text in ["2024-10-27 02:30+01:00", "2024-03-31 01:59:59.999999", "2024-03-31 03:00"] {
            assert!(read(text, "Europe/Berlin").is_ok(), "{text}");
        }
        let error = encode(SourceValue::Integer(0), &mut Vec::new(), &NaiveZone::default()).unwrap_err();
        assert_eq!(error.to_string(), "integer where text is expected");
    }

    #[test]
    fn what_has_no_text_is_not_decoded() {
        for (us, problem) in [
            (i64::MAX, "the time infinity, which is no point in time"),
            (i64::MIN, "the time -infinity, which is no point in time"),
            (instant::FIRST_US, "a time outside the years 0001 to 9999"),
            (instant::END_US - 1, "a time outside the years 0001 to 9999"),
            (instant::END_US, "a time outside what timestamptz holds"),
        ] {
            let error = decode(&us.to_be_bytes(), &mut Vec::new(), &NaiveZone::default()).unwrap_err();
            assert_eq!(error.to_string(), problem);
        }
    }

    #[test]
    fn one_microsecond_is_a_difference() {
        let same = |source: &str, target: &str| {
            same(
                SourceValue::Text(source.as_bytes()),
                SourceValue::Text(target.as_bytes()),
                &NaiveZone::default(),
            )
        };
        assert!(same("2024-05-06T09:08:00+02:00", "2024-05-06 07:08:00.000000Z"));
        assert!(!same("2024-05-06 07:08", "2024-05-06 07:08:00.000001Z"));
        assert!(!same("2024-05-06 07:08", "2024-05-06 07:08:00.000000-15:59"));
        assert!(!same("nonsense", "nonsense"));
    }

    proptest! {
        #[test]
        fn every_instant_comes_back(
            us in -62_135_596_800_000_000_i64..253_402_300_800_000_000,
            zone in prop::sample::select(vec!["UTC", "-07:30", "Europe/Berlin", "Asia/Kathmandu"]),
        ) {
            let timestamp = jiff::Timestamp::from_microsecond(us.min(253_402_207_200_000_000)).unwrap();
            let conversion = Conversion::TimestamptzFromIso8601(zone.parse().unwrap());
            check_round_trip(&conversion, SourceValue::Text(timestamp.to_string().as_bytes()));
            let expected = timestamp.as_microsecond() - 946_684_800_000_000;
            prop_assert_eq!(read(&timestamp.to_string(), zone), Ok(expected));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9+\\-:.TZ ]{0,34}|[0-9]{4}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{1,8})?)?( ?([+-][01][0-9]:?[0-6][0-9]|Z))?)?") {
            for zone in ["UTC", "Europe/Berlin"] {
                let conversion = Conversion::TimestamptzFromIso8601(zone.parse().unwrap());
                if read(&text, zone).is_ok() {
                    check_round_trip(&conversion, SourceValue::Text(text.as_bytes()));
                }
            }
        }
    }
}
