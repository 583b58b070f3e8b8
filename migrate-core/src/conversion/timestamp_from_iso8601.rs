//! ISO 8601 TEXT without an offset to `timestamp`: a date and a time by a clock whose zone nobody says. The forms are those of
//! `timestamptz_from_iso8601`; text with an offset or `Z` is refused, for `timestamp` would drop it.

use super::civil::{Civil, Offset};
use super::{Output, PgType, Refusal, Spec, Undecodable, text, timestamptz_from_epoch_ms as instant};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        ..Spec::new(
            PgType::Timestamp,
            "ISO 8601 TEXT without an offset to timestamp: text with one is refused",
            SourceValue::Text(b"2024-01-15 10:00:00"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let text = text::checked(value)?;
    out.append(&since_2000_us(text.as_bytes())?.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let civil = Civil::from_since_2000_us(instant::read(wire)?)
        .ok_or(Undecodable::NoSourceValue { what: "a time outside the years 0001 to 9999" })?;
    scratch.clear();
    civil.write(scratch);
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    let (SourceValue::Text(source), SourceValue::Text(target)) = (source, target) else { return false };
    matches!((since_2000_us(source), since_2000_us(target)), (Ok(source), Ok(target)) if source == target)
}

fn since_2000_us(text: &[u8]) -> Result<i64, Refusal> {
    match Civil::read(text) {
        Ok((civil, Offset::Naive)) => Ok(civil.since_2000_us()),
        Ok((_, Offset::Seconds(_))) => {
            Err(Refusal::DateTime { problem: "an offset from UTC, which timestamp would drop" })
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
        fn every_time_comes_back(since_2000_us in -63_082_281_600_000_000_i64..252_455_616_000_000_000) {
            let mut scratch = Vec::new();
            let wire = since_2000_us.to_be_bytes();
            let SourceValue::Text(text) = decode(&wire, &mut scratch).unwrap() else { panic!() };
            check_round_trip(&Conversion::TimestampFromIso8601, SourceValue::Text(text));
        }
    }

    #[test]
    fn an_offset_is_refused() {
        for text in ["2024-05-06", "2024-05-06 07:08", "2024-05-06T07:08:09.5"] {
            check_round_trip(&Conversion::TimestampFromIso8601, SourceValue::Text(text.as_bytes()));
        }
        for text in ["2024-05-06 07:08Z", "2024-05-06 07:08 +00:00", "soon", "2024-02-30 00:00"] {
            assert!(encode(SourceValue::Text(text.as_bytes()), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
