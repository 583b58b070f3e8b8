//! Digits of a date, `YYYYMMDD`, or of a date and time, `YYYYMMDDHHMMSS`, to `date`, `timestamp` or `timestamptz` (in UTC): TEXT, or
//! INTEGER of these digits. Two values are the same when they are one date and time; the class is not kept.

use super::civil::{Civil, DAY_US};
use super::{Output, PgType, Refusal, Spec, Undecodable, bigint, text, timestamptz_from_epoch_ms as instant};
use crate::value::SourceValue;

pub(super) const fn spec(target_type: PgType) -> Spec {
    let (description, example): (_, &[u8]) = match target_type {
        PgType::Date => ("TEXT or INTEGER of the digits YYYYMMDD to date", b"20240115"),
        PgType::Timestamp => ("TEXT or INTEGER of the digits YYYYMMDDHHMMSS to timestamp", b"20240115100000"),
        _ => ("TEXT or INTEGER of the digits YYYYMMDDHHMMSS to timestamptz, in UTC", b"20240115100000"),
    };
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("whether digits were text or an integer is not kept"),
        ..Spec::new(target_type, description, SourceValue::Text(example))
    }
}

pub(super) fn encode(
    value: SourceValue<'_>,
    out: &mut impl Output,
    target_type: PgType,
) -> Result<(), Refusal> {
    let us = since_2000_us(value, target_type)?;
    match target_type {
        // The years 0001 to 9999 are far within 32 bits of days.
        PgType::Date => out.append(&i32::try_from(us.div_euclid(DAY_US)).unwrap_or_default().to_be_bytes()),
        _ => out.append(&us.to_be_bytes()),
    }
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    target_type: PgType,
) -> Result<SourceValue<'a>, Undecodable> {
    let us = match target_type {
        PgType::Date => i64::from(i32::from_be_bytes(bigint::fixed(wire, "date", "4")?)).checked_mul(DAY_US),
        _ => Some(instant::read(wire)?).filter(|us| us % 1_000_000 == 0),
    };
    let civil = us.and_then(Civil::from_since_2000_us);
    let civil = civil.ok_or(Undecodable::NoSourceValue {
        what: "a time between two seconds, or outside the years 0001 to 9999",
    })?;
    let mut written = Vec::with_capacity(32);
    civil.write(&mut written);
    scratch.clear();
    scratch.extend(written.into_iter().filter(u8::is_ascii_digit).take(length(target_type)));
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, target_type: PgType) -> bool {
    let moments = (since_2000_us(source, target_type), since_2000_us(target, target_type));
    matches!(moments, (Ok(source), Ok(target)) if source == target)
}

/// The number of digits.
fn length(target_type: PgType) -> usize {
    if target_type == PgType::Date { "YYYYMMDD".len() } else { "YYYYMMDDHHMMSS".len() }
}

fn since_2000_us(value: SourceValue<'_>, target_type: PgType) -> Result<i64, Refusal> {
    let refuse = |problem| Refusal::DateTime { problem };
    let written;
    let digits = match value {
        SourceValue::Integer(integer) => {
            written = integer.to_string();
            written.as_str()
        }
        _ => text::checked(value)?,
    };
    let form = if target_type == PgType::Date {
        "not of the form YYYYMMDD"
    } else {
        "not of the form YYYYMMDDHHMMSS"
    };
    if digits.len() != length(target_type) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse(form));
    }
    let part = |from: usize| digits.get(from..from + 2).unwrap_or("00");
    let iso8601 =
        format!("{}{}-{}-{} {}:{}:{}", part(0), part(2), part(4), part(6), part(8), part(10), part(12));
    let (civil, _) = Civil::read(iso8601.as_bytes()).map_err(refuse)?;
    Ok(civil.since_2000_us())
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_time_comes_back(seconds in -63_082_281_600_i64..252_455_616_000) {
            let mut scratch = Vec::new();
            let wire = (seconds * 1_000_000).to_be_bytes();
            let SourceValue::Text(text) = decode(&wire, &mut scratch, PgType::Timestamp).unwrap() else { panic!() };
            let date = &text[..8];
            for conversion in [Conversion::TimestampFromDigits, Conversion::TimestamptzFromDigits] {
                check_round_trip(&conversion, SourceValue::Text(text));
            }
            check_round_trip(&Conversion::DateFromDigits, SourceValue::Text(date));
            if text[0] != b'0' {
                let integer: i64 = std::str::from_utf8(text).unwrap().parse().unwrap();
                check_round_trip(&Conversion::TimestampFromDigits, SourceValue::Integer(integer));
                check_round_trip(&Conversion::DateFromDigits, SourceValue::Integer(integer / 1_000_000));
            }
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for (value, is_date, is_time) in [
            (SourceValue::Text(b"20240229"), true, false),
            (SourceValue::Text(b"20230229"), false, false),
            (SourceValue::Text(b"20240229235959"), false, true),
            (SourceValue::Text(b"20240229240000"), false, false),
            (SourceValue::Text(b"2024022923595"), false, false),
            (SourceValue::Text(b"+2024022923595"), false, false),
            (SourceValue::Text(b""), false, false),
            (SourceValue::Integer(20_240_229), true, false),
            (SourceValue::Integer(-2_024_022), false, false),
            (SourceValue::Real(20_240_229.0), false, false),
        ] {
            let takes = |target_type| encode(value, &mut Vec::new(), target_type).is_ok();
            assert_eq!((takes(PgType::Date), takes(PgType::Timestamp)), (is_date, is_time), "{value:?}");
        }
        assert!(decode(&1_i64.to_be_bytes(), &mut Vec::new(), PgType::Timestamp).is_err());
    }
}
