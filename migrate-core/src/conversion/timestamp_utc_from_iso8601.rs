//! ISO 8601 TEXT, with `Z`, an offset or neither, to `timestamp`: the wall clock of UTC, since `timestamp` has no zone of its own.
//! Text without an offset is UTC already. Two texts are the same when they name the same instant.

use super::{NaiveZone, Output, PgType, Refusal, Spec, Undecodable, timestamptz_from_iso8601 as instant};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        ..Spec::new(
            PgType::Timestamp,
            "ISO 8601 TEXT with or without an offset to timestamp, in UTC",
            SourceValue::Text(b"2024-01-15T10:00:00.123Z"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    instant::encode(value, out, &NaiveZone::default())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    instant::decode(wire, scratch, &NaiveZone::default())
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    instant::same(source, target, &NaiveZone::default())
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_instant_comes_back(since_2000_us in -63_000_000_000_000_000_i64..252_000_000_000_000_000) {
            let mut scratch = Vec::new();
            let wire = since_2000_us.to_be_bytes();
            let SourceValue::Text(text) = decode(&wire, &mut scratch).unwrap() else { panic!() };
            check_round_trip(&Conversion::TimestampUtcFromIso8601, SourceValue::Text(text));
        }
    }

    #[test]
    fn an_offset_is_counted_in() {
        let bytes = |text: &str| {
            let mut wire = Vec::new();
            encode(SourceValue::Text(text.as_bytes()), &mut wire).map(|()| wire).ok()
        };
        assert_eq!(bytes("2024-05-06T09:08:09.5+02:00"), bytes("2024-05-06 07:08:09.5"));
        assert_eq!(bytes("2024-05-06T07:08:09.500Z"), bytes("2024-05-06 07:08:09.5"));
        assert_eq!(bytes("soon"), None);
    }
}
