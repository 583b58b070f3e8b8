//! INTEGER milliseconds since 1970-01-01 UTC to `timestamp`: the wall clock of UTC, since `timestamp` has no zone of its own. Its bytes are those of `timestamptz_from_epoch_ms`.

pub(super) use super::timestamptz_from_epoch_ms::{decode, encode, same};
use super::{PgType, Spec};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bigint,
        ..Spec::new(
            PgType::Timestamp,
            "INTEGER milliseconds since 1970-01-01 UTC to timestamp, in UTC",
            SourceValue::Integer(1_705_312_800_123),
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
        fn what_is_taken_comes_back(integer in -200_000_000_000_i64..9_000_000_000_000) {
            check_round_trip(&Conversion::TimestampFromEpochMs, SourceValue::Integer(integer));
        }
    }

    #[test]
    fn the_bytes_are_those_of_utc() {
        let mut wire = Vec::new();
        encode(SourceValue::Integer(946_684_800_000), &mut wire).unwrap();
        assert_eq!(wire, 0_i64.to_be_bytes());
        assert!(encode(SourceValue::Text(b"2000-01-01"), &mut Vec::new()).is_err());
        assert!(encode(SourceValue::Integer(i64::MAX), &mut Vec::new()).is_err());
    }
}
