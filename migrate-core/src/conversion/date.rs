//! TEXT `YYYY-MM-DD` to `date`, which PostgreSQL keeps as days since 2000-01-01. Dates that do not exist are refused.

use super::civil::{Civil, DAY_US};
pub(super) use super::text::same;
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint, text};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        ..Spec::new(
            PgType::Date,
            "TEXT YYYY-MM-DD to date: dates that do not exist are refused",
            SourceValue::Text(b"2024-01-15"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let civil = Civil::read_date(text::checked(value)?.as_bytes())
        .map_err(|problem| Refusal::DateTime { problem })?;
    // The years 0001 to 9999 are far within 32 bits of days.
    let days = i32::try_from(civil.since_2000_us().div_euclid(DAY_US)).unwrap_or_default();
    out.append(&days.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let bytes = bigint::fixed(wire, "date", "4")?;
    let civil = i64::from(i32::from_be_bytes(bytes)).checked_mul(DAY_US).and_then(Civil::from_since_2000_us);
    let civil = civil.ok_or(Undecodable::NoSourceValue { what: "a date outside the years 0001 to 9999" })?;
    scratch.clear();
    civil.write_date(scratch);
    Ok(SourceValue::Text(scratch))
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_date_comes_back(days in -730_119_i32..2_921_940) {
            let wire = days.to_be_bytes();
            let mut scratch = Vec::new();
            let SourceValue::Text(text) = decode(&wire, &mut scratch).unwrap() else { panic!() };
            check_round_trip(&Conversion::Date, SourceValue::Text(text));
            let mut back = Vec::new();
            encode(SourceValue::Text(text), &mut back).unwrap();
            prop_assert_eq!(back, wire);
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for (text, problem) in [
            ("2024-02-30", "date and time: a date that does not exist"),
            ("0000-00-00", "date and time: the year 0000, where 0001 to 9999 are expected"),
            ("2024-05-06 00:00", "date and time: not of the form YYYY-MM-DD"),
            ("2024-5-6", "date and time: not of the form YYYY-MM-DD"),
            ("", "date and time: not of the form YYYY-MM-DD"),
            ("soon", "date and time: not of the form YYYY-MM-DD"),
        ] {
            let refusal = encode(SourceValue::Text(text.as_bytes()), &mut Vec::new()).unwrap_err();
            assert_eq!(refusal.to_string(), problem, "{text}");
        }
        for beyond in [i32::MAX, i32::MIN, 2_921_940, -730_120] {
            assert!(decode(&beyond.to_be_bytes(), &mut Vec::new()).is_err(), "{beyond}");
        }
    }
}
