//! Dates and times in other types and spellings, and what time zones and types do to them.

use super::numbers;
use super::target_value::TargetValue;
use crate::comparison::{Diagnosis, OtherForm, TimeUnit, unit_of};
use crate::conversion::{Conversion, NaiveZone, PgType};
use crate::plan::PlannedColumn;
use crate::value::SourceValue;

/// 1970-01-01, in microseconds since 2000-01-01.
pub(super) const EPOCH_US: i64 = -946_684_800_000_000;

/// A second and a day, in microseconds.
const SECOND_US: i64 = 1_000_000;
pub(super) const DAY_US: i64 = 86_400 * SECOND_US;

/// The greatest difference that zones have: from 12 hours behind to 14 hours ahead of UTC.
const SHIFT_MAX_US: i64 = 26 * 3600 * SECOND_US;

/// Shifts are multiples of this: no zone of our time differs by less.
const SHIFT_UNIT_US: i64 = 15 * 60 * SECOND_US;

/// 1990-01-01 to 2100-01-01: numbers of other times may be anything.
const PLAUSIBLE_US: std::ops::Range<i64> = -315_619_200_000_000..3_155_760_000_000_000;

/// The same in days of the Julian calendar.
const PLAUSIBLE_DAYS: std::ops::Range<f64> = 2_447_892.5..2_488_069.5;

/// 2000-01-01 in days of the Julian calendar.
const JULIAN_DAY_OF_2000: f64 = 2_451_544.5;

/// The units, and how many of each there are in a second.
const UNITS: [(TimeUnit, i64); 4] = [
    (TimeUnit::Seconds, 1),
    (TimeUnit::Milliseconds, 1_000),
    (TimeUnit::Microseconds, 1_000_000),
    (TimeUnit::Nanoseconds, 1_000_000_000),
];

/// The form of a date or time.
pub(super) fn form(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<OtherForm> {
    match (source, target) {
        (SourceValue::Text(one), TargetValue::Text(other)) => {
            let (one, other) = (instant(one)?, instant(other.as_bytes())?);
            (one == other).then_some(OtherForm::MomentSpelling)
        }
        (SourceValue::Text(text), TargetValue::Integer(number)) => {
            let unit = unit(instant(text)?, *number)?;
            Some(OtherForm::MomentAsNumber { unit })
        }
        (SourceValue::Integer(number), TargetValue::Text(text)) => {
            let unit = unit(instant(text.as_bytes())?, number)?;
            Some(OtherForm::NumberAsMoment { unit })
        }
        (SourceValue::Integer(number), TargetValue::Date(days)) => {
            let unit = unit(i64::from(*days) * DAY_US, number)?;
            Some(OtherForm::NumberAsMoment { unit })
        }
        (SourceValue::Real(number), TargetValue::Moment(us)) => {
            let is_it = |(_, per_second): &(TimeUnit, i64)| {
                let found = number * (SECOND_US as f64 / *per_second as f64);
                (found.round() - (us - EPOCH_US) as f64).abs() < 0.5
            };
            let (unit, _) = UNITS.into_iter().take(2).find(is_it)?;
            Some(OtherForm::NumberAsMoment { unit })
        }
        _ => None,
    }
}

/// The unit in which a number is an instant.
fn unit(us: i64, number: i64) -> Option<TimeUnit> {
    let since_1970_us = i128::from(us) - i128::from(EPOCH_US);
    let is_it = |(_, per_second): &(TimeUnit, i64)| {
        i128::from(number) * i128::from(SECOND_US) == since_1970_us * i128::from(*per_second)
    };
    UNITS.into_iter().filter(|_| PLAUSIBLE_US.contains(&us)).find(is_it).map(|(unit, _)| unit)
}

/// The unit in which a number is a time of ours, from 1990 to 2100. The ranges of the units have nothing in common.
pub fn likely_unit(number: SourceValue<'_>) -> Option<TimeUnit> {
    let range = PLAUSIBLE_US.start as f64 - EPOCH_US as f64..PLAUSIBLE_US.end as f64 - EPOCH_US as f64;
    let number = match number {
        SourceValue::Integer(integer) => integer as f64,
        SourceValue::Real(real) if PLAUSIBLE_DAYS.contains(&real) => return Some(TimeUnit::JulianDays),
        SourceValue::Real(real) => real,
        _ => return None,
    };
    let is_it =
        |(_, per_second): &(TimeUnit, i64)| range.contains(&(number / *per_second as f64 * SECOND_US as f64));
    UNITS.into_iter().find(is_it).map(|(unit, _)| unit)
}

/// The instant that a number is in its [`likely_unit`], in whole microseconds since 2000.
pub(super) fn likely_instant(number: SourceValue<'_>) -> Option<i64> {
    let unit = likely_unit(number)?;
    let per_second = UNITS.into_iter().find(|(known, _)| *known == unit).map(|(_, per_second)| per_second);
    match (number, per_second) {
        (SourceValue::Integer(integer), Some(per_second)) => {
            let us = i128::from(integer) * i128::from(SECOND_US) / i128::from(per_second);
            i64::try_from(us + i128::from(EPOCH_US)).ok()
        }
        (SourceValue::Real(real), Some(per_second)) => {
            Some((real / per_second as f64 * SECOND_US as f64).round() as i64 + EPOCH_US)
        }
        (SourceValue::Real(days), None) => Some(((days - JULIAN_DAY_OF_2000) * DAY_US as f64).round() as i64),
        _ => None,
    }
}

/// The instant that a text names, in microseconds since 2000; without an offset it is one by the clock of UTC.
pub(super) fn instant(text: &[u8]) -> Option<i64> {
    // Nothing shorter is a date, and most texts are none.
    if text.len() < "YYYY-MM-DD".len() || !text.first()?.is_ascii_digit() {
        return None;
    }
    let mut wire = Vec::new();
    Conversion::TimestamptzFromIso8601(NaiveZone::default())
        .encode(SourceValue::Text(text), &mut wire)
        .ok()?;
    Some(i64::from_be_bytes(wire.try_into().ok()?))
}

/// What happened to a date or time.
pub(super) fn diagnosis(
    column: &PlannedColumn,
    source: SourceValue<'_>,
    target: &TargetValue<'_>,
) -> Option<Diagnosis> {
    let (us, is_date) = match (source, target) {
        (_, TargetValue::Moment(us)) => (*us, false),
        (_, TargetValue::Date(days)) => (i64::from(*days).checked_mul(DAY_US)?, true),
        // A text that is no number may be a time; numbers are judged as numbers.
        (SourceValue::Text(_), TargetValue::Text(text)) if numbers::of_source(source).is_none() => {
            (instant(text.as_bytes())?, text.len() == "YYYY-MM-DD".len())
        }
        _ => return None,
    };
    if us == EPOCH_US && !is_date {
        return Some(Diagnosis::BecameZero);
    }
    readings(column, source).into_iter().find_map(|from| compare(from, us, is_date))
}

/// The instants that a value of the source may mean, the most likely one first.
fn readings(column: &PlannedColumn, source: SourceValue<'_>) -> Vec<i64> {
    let mut readings = Vec::new();
    let mut add = |conversion: &Conversion| {
        let mut wire = Vec::new();
        if matches!(conversion.target_type(), PgType::Timestamp | PgType::Timestamptz)
            && conversion.encode(source, &mut wire).is_ok()
            && let Ok(bytes) = wire.try_into()
        {
            readings.push(i64::from_be_bytes(bytes));
        }
    };
    add(&column.conversion);
    for conversion in Conversion::all() {
        let is_number = matches!(source, SourceValue::Integer(_) | SourceValue::Real(_));
        if is_number == unit_of(&conversion).is_some() {
            add(&conversion);
        }
    }
    if matches!(source, SourceValue::Integer(_) | SourceValue::Real(_)) {
        readings.retain(|us| PLAUSIBLE_US.contains(us));
    }
    readings
}

fn compare(from: i64, to: i64, is_date: bool) -> Option<Diagnosis> {
    let shift = to.checked_sub(from)?;
    if is_date {
        return match shift.abs() {
            0 => None,
            _ if from.div_euclid(DAY_US) * DAY_US == to => Some(Diagnosis::TimeLost),
            _ if shift.abs() <= SHIFT_MAX_US => {
                Some(Diagnosis::Shifted { seconds: shift.div_euclid(SECOND_US) })
            }
            _ => None,
        };
    }
    if shift == 0 {
        return Some(Diagnosis::Respelled);
    }
    if shift % SHIFT_UNIT_US == 0 && shift.abs() <= SHIFT_MAX_US {
        // A day that is left of a date and time is no shift.
        let is_day = to == from.div_euclid(DAY_US) * DAY_US && shift.abs() < DAY_US;
        return Some(if is_day {
            Diagnosis::TimeLost
        } else {
            Diagnosis::Shifted { seconds: shift / SECOND_US }
        });
    }
    if let Some(digits) = [3, 0].into_iter().find(|digits| is_fraction_lost(from, to, *digits)) {
        return Some(Diagnosis::FractionLost { digits });
    }
    if from.div_euclid(DAY_US) * DAY_US == to {
        return Some(Diagnosis::TimeLost);
    }
    // Both at once: what is left of the fraction is moved.
    let shifted = (0..=6).find_map(|digits| {
        let unit = 10_i64.pow(6 - digits);
        let shift = to.checked_sub(from.div_euclid(unit).checked_mul(unit)?)?;
        (shift % SHIFT_UNIT_US == 0 && shift.abs() <= SHIFT_MAX_US).then_some(shift / SECOND_US)
    });
    shifted.map(|seconds| Diagnosis::Shifted { seconds })
}

/// Whether an instant is another one without the end of its fraction, cut or rounded.
fn is_fraction_lost(from: i64, to: i64, digits: u8) -> bool {
    let unit = 10_i64.pow(6_u32.saturating_sub(u32::from(digits)));
    let cut = from.div_euclid(unit).saturating_mul(unit);
    to == cut || to == cut.saturating_add(unit) && from.rem_euclid(unit) * 2 >= unit
}
