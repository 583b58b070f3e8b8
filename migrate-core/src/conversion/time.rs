//! TEXT `HH:MM[:SS[.ffffff]]` to `time`, which PostgreSQL keeps as microseconds of the day. Two texts are the same when they name the
//! same time: seconds that are left out are 0, and zeros at the end of a fraction say nothing.

use super::civil::{Civil, DAY_US};
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint, text};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        ..Spec::new(
            PgType::Time,
            "TEXT HH:MM or HH:MM:SS, with or without a fraction, to time: missing seconds are 0",
            SourceValue::Text(b"10:00:00"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let of_day_us = of_day_us(text::checked(value)?.as_bytes())?;
    out.append(&of_day_us.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let of_day_us = bigint::read(wire, "time")?;
    let civil = (0..DAY_US).contains(&of_day_us).then(|| Civil::from_since_2000_us(of_day_us)).flatten();
    let civil = civil.ok_or(Undecodable::NoSourceValue { what: "a time beyond 23:59:59.999999" })?;
    scratch.clear();
    civil.write_time(scratch);
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    let (SourceValue::Text(source), SourceValue::Text(target)) = (source, target) else { return false };
    matches!((of_day_us(source), of_day_us(target)), (Ok(source), Ok(target)) if source == target)
}

fn of_day_us(text: &[u8]) -> Result<i64, Refusal> {
    let civil = Civil::read_time_of_day(text).map_err(|problem| Refusal::DateTime { problem })?;
    Ok(civil.since_2000_us())
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_time_comes_back(of_day_us in 0..DAY_US) {
            let mut scratch = Vec::new();
            let wire = of_day_us.to_be_bytes();
            let SourceValue::Text(text) = decode(&wire, &mut scratch).unwrap() else { panic!() };
            check_round_trip(&Conversion::Time, SourceValue::Text(text));
        }
    }

    #[test]
    fn forms_of_a_time() {
        for text in
            ["12:34", "12:34:00", "12:34:56", "12:34:56.7", "23:59:59.999999", "00:00", "01:02:03.100000000"]
        {
            check_round_trip(&Conversion::Time, SourceValue::Text(text.as_bytes()));
        }
        for text in ["24:00", "12", "12:60", "1:02", "12:34Z", "12:34:56.1234567", "", "12:34 "] {
            assert!(encode(SourceValue::Text(text.as_bytes()), &mut Vec::new()).is_err(), "{text}");
        }
        assert!(!same(SourceValue::Text(b"12:34"), SourceValue::Text(b"12:34:00.000001")));
    }
}
