//! INTEGER or REAL seconds since 1970-01-01 UTC to `timestamp`: the wall clock of UTC, since `timestamp` has no zone of its own. Its bytes are those of `timestamptz_from_epoch_s`.

use super::{Refusal, Undecodable, timestamptz_from_epoch_s as instant};
use crate::value::SourceValue;

pub(super) fn encode(value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
    instant::encode(value, out)
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    instant::decode(wire, scratch)
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    instant::same(source, target)
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_taken_comes_back(integer in -200_000_000_000_i64..9_000_000_000_000) {
            check_round_trip(&Conversion::TimestampFromEpochS, SourceValue::Integer(integer));
        }
    }

    #[test]
    fn the_bytes_are_those_of_utc() {
        let mut wire = Vec::new();
        encode(SourceValue::Integer(946_684_800), &mut wire).unwrap();
        assert_eq!(wire, 0_i64.to_be_bytes());
        assert!(encode(SourceValue::Text(b"2000-01-01"), &mut Vec::new()).is_err());
        assert!(encode(SourceValue::Integer(i64::MAX), &mut Vec::new()).is_err());
    }
}
