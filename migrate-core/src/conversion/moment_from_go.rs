//! TEXT as Go's `time.Time` prints itself, to `timestamptz` or `timestamp` in UTC: `2024-01-02 03:04:05.678 +0000 UTC m=+0.123`. The
//! offset counts; the name of the zone and the reading of the monotonic clock (`m=`) do not, and are not kept. ISO 8601 text with an
//! offset is taken, too, since drivers write either.

use super::civil::{self, Civil, Offset};
use super::{Output, PgType, Refusal, Spec, Undecodable, text, timestamptz_from_epoch_ms as instant};
use crate::value::SourceValue;

pub(super) const fn spec(target_type: PgType) -> Spec {
    let description = match target_type {
        PgType::Timestamp => "TEXT as Go prints a time, or ISO 8601 with an offset, to timestamp, in UTC",
        _ => "TEXT as Go prints a time, or ISO 8601 with an offset, to timestamptz",
    };
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("offset, zone and monotonic clock of a time as Go prints it are not kept"),
        ..Spec::new(
            target_type,
            description,
            SourceValue::Text(b"2024-01-15 10:00:00.123 +0100 CET m=+0.001"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, _: PgType) -> Result<(), Refusal> {
    out.append(&since_2000_us(value)?.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    _: PgType,
) -> Result<SourceValue<'a>, Undecodable> {
    let since_2000_us = instant::read(wire)?;
    scratch.clear();
    if !civil::write(since_2000_us, scratch) {
        return Err(Undecodable::NoSourceValue { what: "a time outside the years 0001 to 9999" });
    }
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, _: PgType) -> bool {
    matches!((since_2000_us(source), since_2000_us(target)), (Ok(source), Ok(target)) if source == target)
}

fn since_2000_us(value: SourceValue<'_>) -> Result<i64, Refusal> {
    let refuse = |problem| Refusal::DateTime { problem };
    let text = text::checked(value)?;
    let iso8601 = without_zone(text).ok_or(refuse("not as Go prints a time"))?;
    match Civil::read(iso8601.as_bytes()).map_err(refuse)? {
        (civil, Offset::Seconds(seconds)) => Ok(civil.since_2000_us() - i64::from(seconds) * 1_000_000),
        (_, Offset::Naive) => Err(refuse("no offset, which Go always prints")),
    }
}

/// The text up to its offset; none if something else follows than the name of a zone and a monotonic clock.
fn without_zone(text: &str) -> Option<&str> {
    let (text, clock) = text.split_once(" m=").map_or((text, None), |(text, clock)| (text, Some(clock)));
    let is_clock = |clock: &str| {
        let digits = clock.strip_prefix(['+', '-']).unwrap_or_default();
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        [whole, fraction]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if !clock.is_none_or(is_clock) {
        return None;
    }
    match text.splitn(4, ' ').collect::<Vec<_>>().as_slice() {
        [_, _, _, zone] => {
            // `UTC`, `CET`, or `+03` where a zone has no name.
            let is_name = !zone.is_empty()
                && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'-');
            text.get(..text.len() - zone.len() - 1).filter(|_| is_name)
        }
        _ => Some(text).filter(|_| clock.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_time_comes_back(us in -62_135_596_800_000_000_i64..253_402_200_000_000_000, offset in "[+-](0[0-9]|1[0-4])[0-5][05]", zone in "[A-Z]{3,4}|[+-][0-9]{2}", clock in "( m=[+-][0-9]{1,5}\\.[0-9]{9})?") {
            let time = jiff::Timestamp::from_microsecond(us).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();
            prop_assume!((2..9999).contains(&time.year()));
            let text = format!("{} {offset} {zone}{clock}", time.to_string().replace('T', " "));
            for conversion in [Conversion::TimestamptzFromGo, Conversion::TimestampFromGo] {
                check_round_trip(&conversion, SourceValue::Text(text.as_bytes()));
            }
        }
    }

    #[test]
    fn only_gos_form_is_read() {
        let us = |text: &str| since_2000_us(SourceValue::Text(text.as_bytes())).ok();
        for text in [
            "2000-01-01 02:00:00 +0200 CEST m=+0.123456789",
            "2000-01-01 00:00:00 +0000 UTC",
            "2000-01-01 03:00:00.000 +0300 +03",
            "2000-01-01 00:00:00+00:00",
            "2000-01-01T00:00:00Z",
        ] {
            assert_eq!(us(text), Some(0), "{text}");
        }
        for text in [
            "2000-01-01 00:00:00",
            "2000-01-01 00:00:00 UTC",
            "2000-01-01 00:00:00 +0000 UTC m=",
            "2000-01-01 00:00:00 +0000 UTC m=0.1",
            "2000-01-01 00:00:00 +0000 ",
            "2000-01-01 00:00:00 +0000 UTC more",
            "2000-01-01 00:00:00.1234567 +0000 UTC",
            "",
        ] {
            assert_eq!(us(text), None, "{text}");
        }
    }
}
