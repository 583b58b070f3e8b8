//! INTEGER nanoseconds since 1970-01-01 UTC to `timestamp`: the wall clock of UTC, since `timestamp` has no zone of its own. Its bytes
//! are those of `timestamptz_from_epoch_ns`.

pub(super) use super::timestamptz_from_epoch_ns::{decode, encode, same};
use super::{PgType, Spec};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Timestamp,
            "INTEGER nanoseconds since 1970-01-01 UTC to timestamp, in UTC: whole microseconds",
            SourceValue::Integer(1_705_312_800_123_456_000),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_microseconds_come_back(us in -9_223_372_036_854_775_i64..=9_223_372_036_854_775) {
            check_round_trip(&Conversion::TimestampFromEpochNs, SourceValue::Integer(us * 1000));
        }
    }

    #[test]
    fn the_bytes_are_those_of_utc() {
        let mut wire = Vec::new();
        encode(SourceValue::Integer(946_684_800_000_001_000), &mut wire).unwrap();
        assert_eq!(wire, 1_i64.to_be_bytes());
    }
}
