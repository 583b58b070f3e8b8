//! Numbers in other types, and what types do to them.

use super::decimal::Decimal;
use super::target_value::TargetValue;
use crate::comparison::{Diagnosis, OtherForm};
use crate::conversion::{Limit, PgType};
use crate::plan::PlannedColumn;
use crate::value::SourceValue;

/// A rounding to at least this many significant digits is one of a float's digits, not of decimals.
const FLOAT_DIGITS_MIN: usize = 12;

/// A rounding of an integer to fewer significant digits than this is none: the other number is another one.
const DIGITS_MIN: usize = 5;

/// More decimals than this are no scale of a column.
const DECIMALS_MAX: u32 = 12;

/// The form of a number.
pub(super) fn form(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<OtherForm> {
    let is_text = matches!(source, SourceValue::Text(_));
    if is_text && matches!(target, TargetValue::Text(_) | TargetValue::Json(_)) {
        // One text is not another, whatever number it is.
        return None;
    }
    // Leading zeros and a plus are no part of a number: with them a text is more than one.
    let texts = [
        if let SourceValue::Text(text) = source { str::from_utf8(text).ok() } else { None },
        if let TargetValue::Text(text) = target { Some(*text) } else { None },
    ];
    if texts.into_iter().flatten().any(|text| !is_plain(text)) {
        return None;
    }
    // Nor is the sign of a zero part of a decimal, and a float has it.
    if is_negative_zero(source) != target.is_negative_zero() {
        return None;
    }
    let (of_source, of_target) = (of_source(source)?, of_target(target)?);
    let form = match target {
        TargetValue::Text(_) => OtherForm::NumberAsText,
        _ if is_text => OtherForm::TextAsNumber,
        _ => OtherForm::OtherScale,
    };
    (of_source == of_target).then_some(form)
}

/// What happened to a number.
pub(super) fn diagnosis(
    column: &PlannedColumn,
    source: SourceValue<'_>,
    target: &TargetValue<'_>,
) -> Option<Diagnosis> {
    let number = of_source(source);
    if let TargetValue::Boolean(_) = target {
        let is_boolean =
            number.as_ref().is_some_and(|number| number.is_zero() || *number == Decimal::scaled(1, 0));
        return number.filter(|_| !is_boolean).map(|_| Diagnosis::BecameBoolean);
    }
    let of_target = of_target(target);
    if number.is_some() && number == of_target {
        let is_padded = |text: &[u8]| str::from_utf8(text).is_ok_and(|text| !is_plain(text));
        let is_text = matches!(source, SourceValue::Text(text) if is_padded(text));
        return Some(if is_text { Diagnosis::LeadingZerosLost } else { Diagnosis::Respelled });
    }
    if target.is_zero() {
        return Some(Diagnosis::BecameZero);
    }
    let (number, of_target) = (number?, of_target?);
    if let Some(bits) = overflowed(source, target) {
        return Some(bits);
    }
    if let TargetValue::Single(single) = target
        && let SourceValue::Real(real) = source
        && real as f32 == *single
    {
        return Some(Diagnosis::RoundedToDigits { digits: 7 });
    }
    if let Some(factor) = factor(&number, &of_target) {
        return Some(factor);
    }
    rounded(column, &number, &of_target)
}

fn is_negative_zero(source: SourceValue<'_>) -> bool {
    matches!(source, SourceValue::Real(real) if real == 0.0 && real.is_sign_negative())
}

/// Whether the text of a number begins with no plus and no zero that is not needed.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    !matches!(digits, [b'+' | b'.', ..] | [b'0', b'0'..=b'9', ..])
}

/// The number that a value of the source is.
pub(super) fn of_source(source: SourceValue<'_>) -> Option<Decimal> {
    match source {
        SourceValue::Integer(integer) => Some(Decimal::scaled(integer, 0)),
        SourceValue::Real(real) => Decimal::of_float(real),
        SourceValue::Text(text) => Decimal::read(str::from_utf8(text).ok()?),
        SourceValue::Blob(_) | SourceValue::Null => None,
    }
}

fn of_target(target: &TargetValue<'_>) -> Option<Decimal> {
    match target {
        TargetValue::Integer(integer) => Some(Decimal::scaled(*integer, 0)),
        TargetValue::Float(float) => Decimal::of_float(*float),
        TargetValue::Single(float) => Decimal::of_single(*float),
        TargetValue::Decimal(decimal) => Some(decimal.clone()),
        TargetValue::Text(text) | TargetValue::Json(text) => Decimal::read(text),
        _ => None,
    }
}

/// Whether an integer lost its upper bits, or became the greatest or least of a type.
fn overflowed(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<Diagnosis> {
    let (SourceValue::Integer(source), TargetValue::Integer(target)) = (source, target) else { return None };
    // Truncation is what is recognised here.
    let low =
        [(16, i64::from(source as i16)), (32, i64::from(source as i32)), (32, i64::from(source as u32))];
    if let Some((bits, _)) = low.into_iter().find(|(_, low)| low == target) {
        return Some(Diagnosis::Overflowed { bits });
    }
    let ends = [i64::from(i16::MAX), i64::from(i32::MAX), i64::MAX];
    let is_clamped = |end: &i64| *target == *end && source > *end || *target == -end - 1 && source < *target;
    ends.iter().any(is_clamped).then_some(Diagnosis::Clamped)
}

/// Whether a number was multiplied or divided by a thousand or a million, as a wrong unit does.
fn factor(source: &Decimal, target: &Decimal) -> Option<Diagnosis> {
    [3, 6, 9].into_iter().find_map(|power| {
        let [up, down] = [power, -power].map(|power| source.times_power_of_ten(power));
        if up == *target {
            return Some(Diagnosis::Scaled { power: power as i8 });
        }
        (down == *target || down.to_decimals(0, true) == *target && !target.is_zero())
            .then_some(Diagnosis::Scaled { power: -power as i8 })
    })
}

/// Whether a number lost digits, and how many are left.
fn rounded(column: &PlannedColumn, source: &Decimal, target: &Decimal) -> Option<Diagnosis> {
    let is_by_digits = |digits: usize| {
        source.to_digits(digits, false) == *target || source.to_digits(digits, true) == *target
    };
    let is_by_decimals = |decimals: u32| {
        source.to_decimals(decimals, false) == *target || source.to_decimals(decimals, true) == *target
    };
    let scale = match (&column.limit, column.target_type) {
        (Some(Limit::Digits { scale, .. }), _) => Some(*scale),
        (_, PgType::Bigint | PgType::Integer | PgType::Smallint) => Some(0),
        (_, PgType::Money) => Some(2),
        _ => None,
    };
    if let Some(scale) = scale.filter(|scale| is_by_decimals(*scale)) {
        return Some(Diagnosis::RoundedToDecimals { decimals: scale.try_into().unwrap_or(u8::MAX) });
    }
    let by_digits = (1..source.length()).rev().find(|digits| is_by_digits(*digits))?;
    if by_digits < DIGITS_MIN && source.decimals() == 0 {
        return None;
    }
    if by_digits < FLOAT_DIGITS_MIN
        && let Some(decimals) =
            (0..=DECIMALS_MAX.min(target.decimals())).rev().find(|decimals| is_by_decimals(*decimals))
    {
        return Some(Diagnosis::RoundedToDecimals { decimals: decimals.try_into().unwrap_or(u8::MAX) });
    }
    Some(Diagnosis::RoundedToDigits { digits: by_digits.try_into().unwrap_or(u8::MAX) })
}
