//! Times of two forms in one column, to `timestamptz` or `timestamp` in UTC: numbers since 1970-01-01 UTC, as a driver writes a date of
//! its language, and ISO 8601 text, as `CURRENT_TIMESTAMP` writes a default. Text without an offset is in UTC, as SQLite's clock is.
//!
//! Two values are the same when they are one instant; which form a value had is not kept.

use super::{NaiveZone, Output, PgType, Refusal, Spec, Undecodable, timestamptz_from_iso8601 as iso8601};
use super::{timestamptz_from_epoch_ms, timestamptz_from_epoch_s};
use crate::value::SourceValue;

/// What the numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Milliseconds,
    Seconds,
}

pub(super) const fn spec(of: Of, target_type: PgType) -> Spec {
    let description = match (of, target_type) {
        (Of::Milliseconds, PgType::Timestamp) => {
            "INTEGER milliseconds since 1970-01-01 UTC, or ISO 8601 TEXT, to timestamp, in UTC"
        }
        (Of::Milliseconds, _) => {
            "INTEGER milliseconds since 1970-01-01 UTC, or ISO 8601 TEXT, to timestamptz; text without an offset is in UTC"
        }
        (Of::Seconds, PgType::Timestamp) => {
            "INTEGER or REAL seconds since 1970-01-01 UTC, or ISO 8601 TEXT, to timestamp, in UTC"
        }
        (Of::Seconds, _) => {
            "INTEGER or REAL seconds since 1970-01-01 UTC, or ISO 8601 TEXT, to timestamptz; text without an offset is in UTC"
        }
    };
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some(
            "whether a time was a number or text is not kept; text without an offset is read as UTC",
        ),
        ..Spec::new(target_type, description, SourceValue::Text(b"2024-01-15 10:00:00"))
    }
}

pub(super) fn encode(
    value: SourceValue<'_>,
    out: &mut impl Output,
    of: Of,
    _: PgType,
) -> Result<(), Refusal> {
    match (value, of) {
        (SourceValue::Text(_), _) => iso8601::encode(value, out, &NaiveZone::default()),
        (SourceValue::Integer(_), Of::Milliseconds) => timestamptz_from_epoch_ms::encode(value, out),
        (SourceValue::Integer(_) | SourceValue::Real(_), Of::Seconds) => {
            timestamptz_from_epoch_s::encode(value, out)
        }
        _ => {
            let expected = if of == Of::Seconds { "integer, real or text" } else { "integer or text" };
            Err(Refusal::StorageClass { found: value.storage_class(), expected })
        }
    }
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    of: Of,
    _: PgType,
) -> Result<SourceValue<'a>, Undecodable> {
    // Outside the years that have a text it was a number.
    match (iso8601::decode(wire, scratch, &NaiveZone::default()), of) {
        (Ok(SourceValue::Text(_)), _) => Ok(SourceValue::Text(scratch)),
        (_, Of::Milliseconds) => timestamptz_from_epoch_ms::decode(wire, scratch),
        (_, Of::Seconds) => timestamptz_from_epoch_s::decode(wire, scratch),
    }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, of: Of, kind: PgType) -> bool {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    encode(source, &mut left, of, kind).is_ok()
        && encode(target, &mut right, of, kind).is_ok()
        && left == right
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    const ALL: [Conversion; 4] = [
        Conversion::TimestamptzFromMsOrIso8601,
        Conversion::TimestampFromMsOrIso8601,
        Conversion::TimestamptzFromSOrIso8601,
        Conversion::TimestampFromSOrIso8601,
    ];

    proptest! {
        #[test]
        fn both_forms_come_back(number in -100_000_000_000_i64..9_000_000_000_000, us in 0_i64..4_102_444_800_000_000) {
            let mut scratch = Vec::new();
            let wire = us.to_be_bytes();
            let SourceValue::Text(text) = iso8601::decode(&wire, &mut scratch, &NaiveZone::default()).unwrap() else { panic!() };
            for conversion in &ALL {
                check_round_trip(conversion, SourceValue::Integer(number));
                check_round_trip(conversion, SourceValue::Text(text));
            }
            for conversion in &ALL[2..] {
                check_round_trip(conversion, SourceValue::Real(us as f64 / 1e6));
            }
        }
    }

    #[test]
    fn a_number_and_a_text_are_one_instant() {
        let text = SourceValue::Text(b"2023-11-14 22:13:20");
        for (conversion, number) in
            ALL.iter().zip([1_700_000_000_000, 1_700_000_000_000, 1_700_000_000, 1_700_000_000])
        {
            assert!(conversion.same(SourceValue::Integer(number), text));
            assert!(!conversion.same(SourceValue::Integer(number + 1), text));
            assert!(!conversion.takes(SourceValue::Text(b"1700000000")));
            assert!(!conversion.takes(SourceValue::Blob(b"2023-11-14")));
            assert!(!conversion.takes(SourceValue::Integer(i64::MAX)));
        }
        assert!(!ALL[0].takes(SourceValue::Real(1.5)));
    }
}
