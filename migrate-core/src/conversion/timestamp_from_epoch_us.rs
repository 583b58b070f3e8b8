//! INTEGER microseconds since 1970-01-01 UTC to `timestamp`: the wall clock of UTC, since `timestamp` has no zone of its own. Its bytes
//! are those of `timestamptz_from_epoch_us`.

pub(super) use super::timestamptz_from_epoch_us::{decode, encode, same};
use super::{PgType, Spec};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Timestamp,
            "INTEGER microseconds since 1970-01-01 UTC to timestamp, in UTC",
            SourceValue::Integer(1_705_312_800_123_456),
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
        fn what_is_taken_comes_back(us in -210_866_803_200_000_000_i64..9_223_372_036_854_775_807) {
            check_round_trip(&Conversion::TimestampFromEpochUs, SourceValue::Integer(us));
        }
    }

    #[test]
    fn the_bytes_are_those_of_utc() {
        let mut wire = Vec::new();
        encode(SourceValue::Integer(946_684_800_000_001), &mut wire).unwrap();
        assert_eq!(wire, 1_i64.to_be_bytes());
    }
}
