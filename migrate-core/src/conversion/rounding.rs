//! Rounds values before they are converted, where a person decides so: times to microseconds, of which half a one and more goes up, to
//! the later time; numbers and times to the digits that their column keeps, as PostgreSQL does. Values that are fine as they are stay the
//! same.

use super::civil::DAY_US;
use super::{Conversion, Limit, PgType, Refusal};
use crate::terms::Rounding;
use crate::value::SourceValue;

/// Appends a value as [`Conversion::encode`] does, rounded.
pub(crate) fn encode(
    rounding: Rounding,
    conversion: &Conversion,
    limit: Option<&Limit>,
    value: SourceValue<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    match (rounding, limit) {
        (Rounding::Microseconds, _) => to_microseconds(conversion, value, out),
        (Rounding::Scale, Some(limit @ Limit::Digits { scale, .. }))
            if *conversion == Conversion::Numeric =>
        {
            let mut text = Vec::new();
            let rounded = to_scale(value, *scale, &mut text).map(|rounded| limit.plain(rounded));
            conversion.encode(rounded.unwrap_or(value), out)
        }
        (Rounding::Scale, Some(Limit::SecondDigits(digits))) => {
            let from = out.len();
            to_microseconds(conversion, value, out)?;
            round_seconds(conversion.target_type(), *digits, out, from)
        }
        (Rounding::Scale, _) => conversion.encode(value, out),
    }
}

/// Rounds the time in the field that begins at `from` to digits of a second, half of the last one away from 2000-01-01, as PostgreSQL's
/// `AdjustTimestampForTypmod` and `AdjustTimeForTypmod` do.
fn round_seconds(target_type: PgType, digits: u32, out: &mut [u8], from: usize) -> Result<(), Refusal> {
    let Some(place) = out.get_mut(from..).and_then(|field| field.first_chunk_mut::<8>()) else {
        return Ok(());
    };
    let (us, unit) = (i64::from_be_bytes(*place), 10_i64.pow(6_u32.saturating_sub(digits)));
    let rounded = us.signum() * (us.saturating_abs().saturating_add(unit / 2) / unit * unit);
    if target_type == PgType::Time && rounded >= DAY_US {
        return Err(Refusal::DateTime { problem: "rounded to 24:00:00, which is no time of day" });
    }
    *place = rounded.to_be_bytes();
    Ok(())
}

fn to_microseconds(
    conversion: &Conversion,
    value: SourceValue<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    match value {
        SourceValue::Integer(ns) if is_nanoseconds(conversion) => {
            let us = ns.div_euclid(1000) + i64::from(ns.rem_euclid(1000) >= 500);
            conversion.encode(SourceValue::Integer(us.saturating_mul(1000)), out)
        }
        SourceValue::Real(seconds) if is_seconds(conversion) => {
            conversion.encode(SourceValue::Real((seconds * 1e6).round() / 1e6), out)
        }
        SourceValue::Text(text) => match shortened(text) {
            Some((short, is_up)) if is_clock(conversion.target_type()) => {
                let from = out.len();
                conversion.encode(SourceValue::Text(&short), out)?;
                if is_up { add_microsecond(conversion.target_type(), out, from) } else { Ok(()) }
            }
            _ => conversion.encode(value, out),
        },
        _ => conversion.encode(value, out),
    }
}

/// Writes a number to `out`, rounded to `scale` digits behind the point, half of the last one away from zero, as a cast to `numeric(p,s)`
/// does (PostgreSQL's `round_var`). None if it is no number or has no more digits.
pub(crate) fn to_scale<'a>(
    value: SourceValue<'_>,
    scale: u32,
    out: &'a mut Vec<u8>,
) -> Option<SourceValue<'a>> {
    let (mut wire, mut scratch) = (Vec::new(), Vec::new());
    Conversion::Numeric.encode(value, &mut wire).ok()?;
    let SourceValue::Text(text) = Conversion::Numeric.decode(&wire, &mut scratch).ok()? else { return None };
    let point = text.iter().position(|&byte| byte == b'.')?;
    let kept = point + 1 + usize::try_from(scale).ok()?;
    let is_up = *text.get(kept)? >= b'5';
    let short = text.get(..kept)?;
    out.clear();
    out.extend_from_slice(short.strip_suffix(b".").unwrap_or(short));
    if is_up {
        add_one(out);
    }
    if out.first() == Some(&b'-') && out.iter().all(|byte| b"-.0".contains(byte)) {
        out.remove(0);
    }
    Some(SourceValue::Text(out))
}

/// Adds one to the last digit of a decimal, away from zero.
fn add_one(decimal: &mut Vec<u8>) {
    for digit in decimal.iter_mut().rev().filter(|byte| byte.is_ascii_digit()) {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    let after_sign = usize::from(decimal.first() == Some(&b'-'));
    decimal.insert(after_sign, b'1');
}

fn is_nanoseconds(conversion: &Conversion) -> bool {
    matches!(conversion, Conversion::TimestampFromEpochNs | Conversion::TimestamptzFromEpochNs)
}

fn is_seconds(conversion: &Conversion) -> bool {
    matches!(
        conversion,
        Conversion::TimestampFromEpochS
            | Conversion::TimestamptzFromEpochS
            | Conversion::TimestampFromSOrIso8601
            | Conversion::TimestamptzFromSOrIso8601
            | Conversion::IntervalFromS
    )
}

fn is_clock(target_type: PgType) -> bool {
    matches!(target_type, PgType::Timestamp | PgType::Timestamptz | PgType::Time)
}

/// The text with six digits of its fraction of a second, and whether the others round up; none if it has no more.
fn shortened(text: &[u8]) -> Option<(Vec<u8>, bool)> {
    /// The digits that are kept.
    const KEPT: usize = 6;
    // `HH:MM:SS.`: the point after a clock, not one of anything that follows.
    let point = text.iter().position(|&byte| byte == b'.')?;
    let seconds_at = point.checked_sub(3)?;
    let digits = text.get(point + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if text.get(seconds_at) != Some(&b':') || digits <= KEPT {
        return None;
    }
    let (kept, rest) = text.split_at_checked(point + 1 + KEPT)?;
    let is_up = rest.first().is_some_and(|digit| *digit >= b'5');
    Some(([kept, rest.get(digits - KEPT..)?].concat(), is_up))
}

/// Adds a microsecond to the field that begins at `from`.
fn add_microsecond(target_type: PgType, out: &mut [u8], from: usize) -> Result<(), Refusal> {
    let refused = Refusal::DateTime { problem: "rounded to 24:00:00, which is no time of day" };
    let place = out.get_mut(from..).and_then(|field| field.first_chunk_mut::<8>()).ok_or(refused.clone())?;
    let us = i64::from_be_bytes(*place).saturating_add(1);
    if target_type == PgType::Time && us >= DAY_US {
        return Err(refused);
    }
    *place = us.to_be_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_as_postgresql_does() {
        // Each was rounded so by a cast of PostgreSQL 15.
        for (value, scale, expected) in [
            (SourceValue::Real(0.1 + 0.2), 2, Some("0.30")),
            (SourceValue::Real(59.96999999999999), 2, Some("59.97")),
            (SourceValue::Real(-0.125), 2, Some("-0.13")),
            (SourceValue::Real(99.995), 2, Some("100.00")),
            (SourceValue::Real(-9.96), 1, Some("-10.0")),
            (SourceValue::Real(-0.004), 2, Some("0.00")),
            (SourceValue::Real(0.5), 0, Some("1")),
            (SourceValue::Text(b"1.4999"), 3, Some("1.500")),
            (SourceValue::Real(1.25), 2, None),
            (SourceValue::Integer(7), 2, None),
            (SourceValue::Real(f64::INFINITY), 2, None),
            (SourceValue::Text(b"x"), 2, None),
        ] {
            let mut out = Vec::new();
            let rounded = to_scale(value, scale, &mut out);
            assert_eq!(rounded, expected.map(|text| SourceValue::Text(text.as_bytes())), "{value:?}");
        }
    }

    fn rounded(conversion: &Conversion, value: SourceValue<'_>) -> Option<i64> {
        let mut wire = vec![7];
        encode(Rounding::Microseconds, conversion, None, value, &mut wire).ok()?;
        Some(i64::from_be_bytes(wire[1..9].try_into().unwrap()))
    }

    #[test]
    fn half_a_microsecond_goes_up() {
        let tz = Conversion::TimestamptzFromIso8601(Default::default());
        for (conversion, text, us) in [
            (&tz, "2000-01-01 00:00:00.123456499Z", 123_456),
            (&tz, "2000-01-01 00:00:00.1234565+00:00", 123_457),
            (&tz, "2000-01-01 00:00:00.999999999Z", 1_000_000),
            (&tz, "1999-12-31 23:59:59.9999995Z", 0),
            (&tz, "2000-01-01 00:00:00.123Z", 123_000),
            (&Conversion::TimestampFromIso8601, "2000-01-01T00:00:00.000000500", 1),
            (&Conversion::TimestamptzFromGo, "2000-01-01 00:00:00.0000007 +0000 UTC m=+0.123456789", 1),
            (&Conversion::TimestamptzFromGo, "2000-01-01 00:00:00 +0000 UTC m=+0.123456789", 0),
            (&Conversion::Time, "00:00:01.0000001", 1_000_000),
        ] {
            assert_eq!(rounded(conversion, SourceValue::Text(text.as_bytes())), Some(us), "{text}");
        }
        assert_eq!(rounded(&Conversion::Time, SourceValue::Text(b"23:59:59.9999999")), None);
        assert_eq!(rounded(&tz, SourceValue::Text(b"soon.1234567")), None);
    }

    #[test]
    fn numbers_are_rounded_in_their_unit() {
        let ns = 946_684_800_000_000_000;
        for (ns, us) in [(ns + 499, 0), (ns + 500, 1), (ns - 500, 0), (ns - 501, -1)] {
            assert_eq!(rounded(&Conversion::TimestamptzFromEpochNs, SourceValue::Integer(ns)), Some(us));
        }
        let seconds = SourceValue::Real(1_700_000_000.123_456_7);
        assert!(Conversion::TimestamptzFromEpochS.check(seconds).is_err());
        let us = 1_700_000_000_123_457 - 946_684_800_000_000;
        assert_eq!(rounded(&Conversion::TimestamptzFromEpochS, seconds), Some(us));
        assert_eq!(
            rounded(&Conversion::TimestampFromEpochUs, SourceValue::Integer(946_684_800_000_001)),
            Some(1)
        );
    }
}
